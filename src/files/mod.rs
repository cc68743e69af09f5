//! Reads consents from files: detects a file's format, finds its records and parses them. Files are never written to.
//! Records are not kept in memory: a row points to a place in a file, where the record is read again when needed.

mod check;
mod cut;
mod file_index;
mod file_orgs;
mod found;
mod head;
mod input;
mod loader;
mod own_formats;
mod read;
mod record;
mod record_line;
mod remark;
mod respell;
mod session;
mod time;
mod unpack;
mod wrapped;

pub use cut::Span;
pub use file_index::{FileIndex, half, hash_of};
pub use file_orgs::{FileOrgs, NamedOrg};
pub use head::{SnapshotHead, SnapshotOrg, readiness};
pub use input::{Again, FileError, FileInput};
pub use loader::{LoadNews, Loader};
pub use read::{Item, Stop, probe_all, read};
