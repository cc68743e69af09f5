//! The truth on disk: one SQLite file, written by one thread under a lock, read by anyone. A batch of consents and the
//! cursor that brought it are one transaction; whoever appends hears back when it is on the disk and not before.

mod commit;
mod delivery;
mod error;
mod intern;
mod lock;
mod merge;
mod open;
mod pack;
mod prune;
mod reader;
mod recent;
#[cfg(test)]
mod sample;
mod schema;
mod store;
#[cfg(test)]
mod tests;
mod writer;

pub use commit::{Batch, Commit, Head};
pub use error::{Ailment, AppendError, OpenError, ReadError, StorageError};
pub use open::{Opened, Settings, open};
pub use reader::{Counts, Reader};
pub use writer::Journal;
