//! The journal: one SQLite file with everything that was seen. One thread of one process writes it under a lock, and any
//! process may read it. A batch of consents and the bookmark that came with it are one transaction, and whoever appends a
//! batch gets an answer when it is on the disk and not before.
//!
//! ```text
//! batch settings error       what callers hand over, and what they get back
//! paths lock stopped place   the folder: names, who writes, whether the files are still the same
//! checksum columns pack meta values on the disk: checksums, types, compression, counters
//! tables/                    one file a table, or a column that means more than it says
//! schema connection          the format of the file, and connections to it
//! notes                      what a person marked and where the screen was left, in a file beside the journal
//! read/                      readers
//! write/                     the store, its work in the background, and the thread that does it
//! clean/                     removes the secrets that an earlier version stored
//! open                       the right to write, and the start of the writer
//! ```

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
