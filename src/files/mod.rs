//! Consents in files: what a file is, where its records lie, and each of them as a consent. Nothing of a file is written
//! to, and no record is kept in memory: rows point to places, and whoever wants one whole reads it there.

mod check;
mod cut;
mod head;
mod input;
mod ours;
mod read;
mod record;
mod shelf;

pub use head::{Head, readiness};
pub use input::{FileError, Input};
pub use read::{Item, Stop, probe, read};
pub use record::Span;
pub use shelf::{Loader, News, Shelf, hash_of};
