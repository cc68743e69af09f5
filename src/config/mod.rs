//! The configuration, read from flags, environment and file. Unknown keys and invalid values are errors that name them.

mod error;
mod example;
mod file;
mod hook;
mod load;
mod org;
mod proxy;
mod sdk;
mod show;
mod text;
mod way;
mod when;

pub use error::ConfigError;
pub use example::EXAMPLE;
pub use hook::Hook;
pub use load::{
    Config, GlobalFlags, JournalSettings, Places, Poll, ReadinessSettings, Said, SnapshotSettings, Ui,
    data_dir, load,
};
pub use org::Org;
pub use proxy::{Proxy, ProxySetting};
pub use show::show;
pub use way::{DpopSetting, Service, Way};
pub use when::{When, length};
