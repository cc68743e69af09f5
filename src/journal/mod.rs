//! The truth on disk: one SQLite file, written by one thread under a lock, read by anyone. A batch of consents and the
//! cursor that brought it are one transaction; whoever appends hears back when it is on the disk and not before.

mod batch;
mod checksum;
mod clean;
mod columns;
mod connection;
mod error;
#[cfg(test)]
mod flip_tests;
mod lock;
mod meta;
mod notes;
mod open;
mod pack;
mod paths;
mod place;
mod read;
#[cfg(test)]
mod sample;
mod schema;
mod settings;
mod stopped;
mod tables;
#[cfg(test)]
mod tests;
mod write;

pub use batch::{Batch, Commit, Head, Listening, Polled, Polling, Repair};
pub use error::{Ailment, AppendError, OpenError, ReadError, StorageError};
pub use notes::{Notes, NotesError};
#[cfg(test)]
pub(crate) use open::open_cramped;
pub use open::{Claim, Claimed, Holder, Opened, claim, file_id, holder, open};
pub use place::Gone;
pub use read::check::Damage;
pub use read::coverage::Counts;
pub use read::reader::Reader;
pub use read::scan::{DamagedRow, Scanned};
pub use settings::Settings;
pub use write::prune::{PruneError, Pruned, prune};
pub use write::writer::Journal;
