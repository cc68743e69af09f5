//! The truth on disk: one SQLite file, written by one thread under a lock, read by anyone. A batch of consents and the
//! cursor that brought it are one transaction; whoever appends hears back when it is on the disk and not before.

mod bookmark;
mod check;
mod checksum;
mod clean;
mod columns;
mod commit;
mod connection;
mod delivery;
mod doubt;
mod error;
#[cfg(test)]
mod flip_tests;
mod gap;
mod hidden;
mod history;
mod identity;
mod intern;
mod judge;
mod label;
mod listening;
mod lock;
mod mend;
mod merge;
mod meta;
mod notes;
mod open;
mod pack;
mod paths;
mod place;
mod prune;
mod raw;
mod reader;
mod recent;
mod reject;
#[cfg(test)]
mod sample;
mod scan;
mod schema;
mod settings;
mod shared;
mod side;
mod spare;
mod stopped;
mod store;
mod sweep;
#[cfg(test)]
mod tests;
mod training;
mod writer;

pub use check::Damage;
pub use commit::{Batch, Commit, Head, Listening, Polled, Polling, Repair};
pub use error::{Ailment, AppendError, OpenError, ReadError, StorageError};
pub use notes::{Notes, NotesError};
#[cfg(test)]
pub(crate) use open::open_cramped;
pub use open::{Claim, Claimed, Holder, Opened, claim, file_id, holder, open};
pub use place::Gone;
pub use prune::{PruneError, Pruned, prune};
pub use reader::{Counts, Reader};
pub use scan::{DamagedRow, Scanned};
pub use settings::Settings;
pub use writer::Journal;
