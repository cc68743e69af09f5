//! The configuration: flags, environment and file become one value; what is unknown or wrong is refused by name.

mod example;
mod file;
mod hook;
mod load;
mod proxy;
mod sdk;
mod show;
mod way;
mod when;

pub use example::EXAMPLE;
pub use hook::Hook;
pub use load::{
    Config, ConfigError, GlobalFlags, JournalSettings, Places, Poll, Readiness, Said, SnapshotSettings, Ui,
    load,
};
pub use proxy::{Proxy, ProxySetting};
pub use show::show;
pub use way::{Dpop, Org, Service, Way};
pub use when::{When, length};
