//! Consents in files: what a file is, where its records lie, and each of them as a consent. Nothing of a file is written
//! to, and no record is kept in memory: rows point to places, and whoever wants one whole reads it there.

mod check;
mod cut;
mod file_index;
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
pub use head::{Head, readiness};
pub use input::{Again, FileError, Input};
pub use loader::{Loader, News};
pub use read::{Item, Stop, probe_all, read};
