//! The journal: one SQLite file that holds every event that was seen. One thread of one process writes it under a lock;
//! any process may read it. A batch of consents and its bookmark are stored in one transaction, and
//! [`OrgJournal::append`] returns only once the batch is on the disk.
//!
//! ```text
//! batch settings error       what callers hand over, and what they get back
//! paths lock stopped place   the folder: file names, the lock, a stopped holder, replaced files
//! checksum sql_values pack meta  values on the disk: checksums, types, compression, counters
//! tables/                    one file per table, and per column with an encoding of its own
//! schema orgs_migration connection  the format of the file, and connections to it
//! notes                      what a person marked and where the screen was left, in a file beside the journal
//! read/                      readers
//! write/                     the store, its work in the background, and the thread that does it
//! clean/                     removes the secrets that an earlier version stored
//! open                       takes the lock and starts the writer
//! ```

mod batch;
mod checksum;
mod clean;
mod connection;
mod error;
#[cfg(test)]
mod flip_tests;
mod lock;
mod meta;
mod notes;
mod open;
mod orgs_migration;
mod pack;
mod paths;
mod place;
mod read;
#[cfg(test)]
mod sample;
mod schema;
mod settings;
mod sql_values;
mod stopped;
mod tables;
#[cfg(test)]
mod tests;
mod write;

pub use batch::{
    Batch, Commit, Head, Listening, Polled, Polling, Published, Repair, StreamPosition, TeamBatch, TeamStream,
};
pub use error::{Ailment, AppendError, OpenError, ReadError, StorageError};
pub use notes::{Notes, NotesError, SharedNote};
#[cfg(test)]
pub(crate) use open::open_cramped;
pub use open::{Claim, Claimed, Holder, Opened, claim, file_id, holder, open};
pub use place::Gone;
pub use read::check::Damage;
pub use read::coverage::Counts;
pub use read::reader::Reader;
pub use read::scan::{DamagedRow, PossibleKeys, Scanned};
pub use settings::Settings;
pub use write::prune::{PruneError, Pruned, prune};
pub use write::writer::{Journal, OrgEntry, OrgJournal};
