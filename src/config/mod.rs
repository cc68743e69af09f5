//! The configuration, read from flags, environment and file. Unknown keys and invalid values are errors that name them.

mod credentials;
mod error;
mod example;
mod hook;
mod load;
mod org;
mod proxy;
mod schema;
mod sdk;
mod show;
mod text;
mod when;

pub use credentials::{DpopSetting, Service, Way};
pub use error::ConfigError;
pub use example::EXAMPLE;
pub use hook::{Hook, OrgHook};
pub use load::{
    Config, GlobalFlags, JournalFolder, JournalSettings, Places, Poll, ReadinessSettings, Said,
    SnapshotSettings, TeamSettings, Ui, data_dir, load,
};
pub use org::{ListedOrg, Org, shown_url};
pub use proxy::{Proxy, ProxySetting};
pub use show::show;
pub use when::{When, length};
