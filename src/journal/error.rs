//! The journal's errors, and the messages that people see for them.

use std::io;
use std::path::Path;

use rusqlite::ErrorCode;
use thiserror::Error;

use super::paths::shown;
use super::place::Gone;
use crate::consent::{KnownOrg, visible};
use crate::report::{Fault, Part};
use crate::safe_file::not_regular;

/// The kinds of storage failure that need different remedies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ailment {
    /// The disk is full, or a quota is used up.
    Full,
    /// The file or its directory is not writable.
    ReadOnly,
    /// The file's content is not what was written.
    Damaged,
    /// Another program holds the file.
    Busy,
    /// Any other failure, for example of the disk.
    Other,
}

/// An operation of SQLite failed.
#[derive(Debug, Error)]
#[error("the journal's storage failed")]
pub struct StorageError {
    /// The kind of failure.
    pub ailment: Ailment,
    #[source]
    source: rusqlite::Error,
}

impl StorageError {
    /// Returns whether SQLite itself reported the error. If not, a single stored value has the wrong type or range.
    pub(super) fn is_of_file(&self) -> bool {
        self.source.sqlite_error_code().is_some()
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(source: rusqlite::Error) -> Self {
        let ailment = match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Ailment::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Ailment::ReadOnly
            }
            // No code means a value read whose type or range is not what was written.
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => Ailment::Damaged,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Ailment::Busy,
            Some(_) => Ailment::Other,
        };
        Self { ailment, source }
    }
}

/// Why the journal could not be opened. Nothing was changed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The directory, or a file in it, could not be created or opened.
    #[error("cannot use {path}")]
    Place {
        /// The path, safe to show on a terminal.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// There is no journal yet, and the caller needs an existing one.
    #[error("there is no journal at {path}")]
    Missing {
        /// The path, safe to show on a terminal.
        path: String,
    },
    /// A later version of the program wrote it.
    #[error("the journal {path} has format {found}; this version knows formats up to {known}")]
    Newer {
        /// The path, safe to show on a terminal.
        path: String,
        /// The file's format.
        found: i64,
        /// The newest format that this program knows.
        known: i64,
    },
    /// It has an older format, and a process that is an older version or is updating it has the right to write it.
    #[error("the journal {path} has an older format, and process {holder} has its lock")]
    OlderInUse {
        /// The path, safe to show on a terminal.
        path: String,
        /// The name that the other process left in the lock file.
        holder: String,
    },
    /// The file is not a journal, or it is damaged.
    #[error("the journal {path} is damaged")]
    Damaged {
        /// The path, safe to show on a terminal.
        path: String,
        /// The error of SQLite, if it reported one.
        source: Option<StorageError>,
    },
    /// SQLite failed for another reason.
    #[error("cannot open the journal {path}")]
    Storage {
        /// The path, safe to show on a terminal.
        path: String,
        /// The cause.
        source: StorageError,
    },
    /// The journal knows as many orgs as it can, and was opened for another one.
    #[error("the journal {path} knows as many orgs as it can")]
    TooManyOrgs {
        /// The path, safe to show on a terminal.
        path: String,
    },
    /// The journal has the rows of other orgs, and of none of the configuration.
    #[error("the journal {path} is that of {host}")]
    OtherOrg {
        /// The path, safe to show on a terminal.
        path: String,
        /// The host of the org that began the journal, safe to show on a terminal; empty if it is not known.
        host: String,
        /// The first org of the configuration.
        first: Box<KnownOrg>,
    },
    /// The system could not start a thread.
    #[error("cannot start the journal's thread")]
    Thread(#[source] io::Error),
}

impl OpenError {
    /// Creates the error for a journal that another org began.
    pub(super) fn other_org(path: &Path, host: &str, first: KnownOrg) -> Self {
        Self::OtherOrg { path: shown(path), host: visible(host).into_owned(), first: Box::new(first) }
    }

    /// Returns the fault that people see.
    pub fn fault(&self) -> Fault {
        let doing = "Nothing was started.";
        let fault =
            |brief: &str, what: String, remedy: &str| Fault::new(Part::Journal, brief, &what, doing, remedy);
        match self {
            Self::Place { path, source } => place(path, source, doing),
            Self::Missing { path } => fault(
                "no journal yet",
                format!("There is no journal at {path}."),
                "Start `watch` or `tail` once, or name the right directory with --data-dir.",
            ),
            Self::Newer { path, found, known } => fault(
                "newer journal",
                format!(
                    "The journal {path} was written by a newer version (format {found}; this version reads up to {known})."
                ),
                "Use the newer version, or name another directory with --data-dir.",
            ),
            Self::OlderInUse { path, holder } => fault(
                "older journal in use",
                format!(
                    "Process {holder} is an older version that writes the journal {path}, or is updating the journal."
                ),
                "Wait a few minutes and try again. End that process if it is an older version; this version then \
                 updates the journal.",
            ),
            Self::Damaged { path, .. } => fault(
                "damaged journal",
                format!("The file {path} is damaged or is not a journal; it was left as it is."),
                "Move it away to begin a new one, or restore a backup.",
            ),
            Self::Storage { path, source } => storage(source.ailment, path, doing),
            Self::TooManyOrgs { path } => fault(
                "too many orgs",
                format!("The journal {path} has held the events of 255 orgs, which is the maximum."),
                "Name another directory with --data-dir.",
            ),
            Self::OtherOrg { path, host, first } => {
                let host = if host.is_empty() { "another org" } else { host };
                let (label, key) = (visible(first.label()), visible(&first.key));
                Fault::new(
                    Part::Journal,
                    "another org's journal",
                    &format!("The journal {path} is that of {host}, and {label} is another org."),
                    "Nothing was started, and nothing was changed.",
                    &format!(
                        "Choose another folder with --data-dir or another journal.name. If it is the same org under \
                         another host, and the journal has no other org, rename the folder to {key} and remove \
                         journal.name."
                    ),
                )
            }
            Self::Thread(_) => fault(
                "no thread",
                "The system could not start a thread for the journal.".to_owned(),
                "Check the limits on processes and memory.",
            ),
        }
        .caused_by(self)
    }
}

/// Why a batch was not stored. No part of it was.
#[derive(Debug, Error)]
pub enum AppendError {
    /// An operation of SQLite failed. The writer keeps running, and the next batch may succeed.
    #[error("the batch could not be written")]
    Storage(#[from] StorageError),
    /// A raw event could not be compressed.
    #[error("an event could not be compressed")]
    Pack(#[source] io::Error),
    /// The journal was closed.
    #[error("the journal is closed")]
    Closed,
    /// The open files are no longer in the journal's folder, so anything written to them is lost when the process ends.
    #[error("{} is no longer the file or folder that was opened", .0.path)]
    Gone(Gone),
}

impl From<rusqlite::Error> for AppendError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl AppendError {
    /// Returns the fault that people see.
    pub fn fault(&self) -> Fault {
        let doing =
            "None of the batch was stored. The cursor stays where it was, so the batch is fetched again.";
        match self {
            Self::Storage(error) => storage(error.ailment, "the journal", doing),
            Self::Pack(_) => {
                let what = "An event could not be compressed for the journal.";
                Fault::new(Part::Journal, "not compressed", what, doing, "Check whether memory is short.")
                    .passing()
            }
            Self::Closed => {
                let what = "The journal is closed, because the program is ending or its writer failed.";
                Fault::new(Part::Journal, "closed", what, doing, "Start the program again.")
            }
            Self::Gone(Gone { path, is_replaced }) => {
                let (brief, became) = if *is_replaced {
                    ("journal replaced", "was replaced by another one")
                } else {
                    ("journal vanished", "vanished")
                };
                let what = format!("The journal's path {path} {became} while the program was running.");
                let doing = "No delivery is acknowledged and Okta is not polled. Both resume if the very same files \
                             come back.";
                let remedy = "Put the same folder back, or restart the program, which then fetches what Okta still keeps.";
                Fault::new(Part::Journal, brief, &what, doing, remedy)
            }
        }
        .caused_by(self)
    }
}

/// Why something could not be read from the journal.
#[derive(Debug, Error)]
pub enum ReadError {
    /// An operation of SQLite failed.
    #[error("the journal could not be read")]
    Storage(#[from] StorageError),
    /// A stored record is damaged: it does not decompress, does not match its checksum, or is not valid text.
    #[error("row {seq} is damaged")]
    Unpack {
        /// The row's number; 0 for a reject.
        seq: i64,
        /// The cause.
        source: io::Error,
    },
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl ReadError {
    /// Returns the fault that people see.
    pub fn fault(&self) -> Fault {
        let doing = "What was read before stays on the screen.";
        match self {
            Self::Storage(error) => storage(error.ailment, "the journal", doing),
            Self::Unpack { seq, .. } => {
                let what = format!("Row {seq} of the journal is damaged on the disk.");
                let doing = "It is left out; the other rows stay usable.";
                let remedy = "watch and tail ask Okta for it again, if Okta still keeps it (90 days). Check the disk; \
                              consentwatch doctor --check checks every row.";
                Fault::new(Part::Journal, "damaged row", &what, doing, remedy)
            }
        }
        .caused_by(self)
    }
}

fn place(path: &str, error: &io::Error, doing: &str) -> Fault {
    if let Some(found) = not_regular(error) {
        let what = format!("{path} cannot be used: {found}.");
        let remedy = "Find out what created it, remove it, or name another directory with --data-dir.";
        return Fault::new(Part::Journal, "not a regular file", &what, doing, remedy);
    }
    let (brief, what, remedy) = match error.kind() {
        io::ErrorKind::PermissionDenied => (
            "no permission",
            format!("This account cannot use the journal's path {path}."),
            "Give this account the right to write there, or name another directory with --data-dir.",
        ),
        io::ErrorKind::ReadOnlyFilesystem => (
            "read-only disk",
            format!("The journal's path {path} is on a read-only file system."),
            "Name a writable directory with --data-dir.",
        ),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ("disk full", format!("There is no room on the disk for {path}."), "Make room on the disk.")
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => (
            "not a directory",
            format!("The journal cannot be in {path}, because part of that path is a file."),
            "Name another directory with --data-dir.",
        ),
        _ => (
            "unusable",
            format!("The journal's path {path} cannot be created or opened."),
            "Check the directory, or name another one with --data-dir.",
        ),
    };
    Fault::new(Part::Journal, brief, &what, doing, remedy)
}

fn storage(ailment: Ailment, path: &str, doing: &str) -> Fault {
    let new = |brief, what: &str, remedy| Fault::new(Part::Journal, brief, what, doing, remedy);
    match ailment {
        Ailment::Full => {
            new("disk full", &format!("There is no room on the disk for {path}."), "Make room on the disk.")
                .passing()
        }
        Ailment::ReadOnly => new(
            "read-only",
            &format!("This account cannot write the file of {path} or its directory."),
            "Give this account the right to write there, or name another directory with --data-dir.",
        ),
        Ailment::Damaged => new(
            "damaged journal",
            &format!("The file of {path} is damaged."),
            "End the program, move the file away to begin a new one, or restore a backup.",
        ),
        Ailment::Busy => new(
            "journal busy",
            &format!("Another program has locked {path} for more than a few seconds."),
            "End the other program if it keeps the lock.",
        )
        .passing(),
        Ailment::Other => new(
            "disk error",
            &format!("The disk failed while {path} was used."),
            "Check the disk and the program's log.",
        )
        .passing(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_passes_and_damage_does_not() {
        let failure =
            |code| StorageError::from(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None));
        let full = AppendError::Storage(failure(rusqlite::ffi::SQLITE_FULL)).fault();
        assert_eq!((full.brief.as_str(), full.passes), ("disk full", true));
        let damaged = ReadError::Storage(failure(rusqlite::ffi::SQLITE_CORRUPT)).fault();
        assert_eq!((damaged.brief.as_str(), damaged.passes), ("damaged journal", false));
        assert!(damaged.chain.len() >= 2, "{:?}", damaged.chain);
    }

    #[test]
    fn every_brief_fits_the_status_bar() {
        for ailment in [Ailment::Full, Ailment::ReadOnly, Ailment::Damaged, Ailment::Busy, Ailment::Other] {
            assert!(storage(ailment, "x", "").brief.len() <= 30);
        }
    }
}
