//! The configuration: flags, environment and file become one value; what is unknown or wrong is refused by name.

mod example;
mod file;
mod load;
mod show;
mod when;

pub use example::EXAMPLE;
pub use load::{
    Config, ConfigError, GlobalFlags, Hook, JournalSettings, Org, Places, Poll, Readiness, SnapshotSettings,
    Ui, load,
};
pub use show::show;
pub use when::{When, length};
