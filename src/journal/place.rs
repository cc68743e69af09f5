//! Checks that the open files are still the ones in the journal's folder.
//!
//! The folder may be removed, moved or replaced while the program runs. What is written to a file without a
//! name is lost when the process ends. So the writer checks before and after each commit, and acknowledges
//! nothing that went to such a file.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::paths::shown;

/// The opened files, each with its path and its device and inode.
#[derive(Debug)]
pub(super) struct Place {
    opened: Vec<(PathBuf, FileId)>,
    /// The path of the WAL. SQLite creates the file with the first commit and keeps it while the journal is open.
    wal: PathBuf,
    wal_is: OnceLock<FileId>,
}

/// Device and inode.
pub(super) type FileId = (u64, u64);

/// An opened file or folder is no longer at its path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gone {
    /// The path, safe to show on a terminal.
    pub path: String,
    /// Whether something else is at the path now.
    pub is_replaced: bool,
}

impl Place {
    /// Records the identity of the folder, of the held lock file and of the journal's file.
    pub(super) fn of(dir: &Path, lock: (&Path, &File), journal: &Path) -> io::Result<Self> {
        let opened = vec![
            (dir.to_owned(), file_id(&fs::metadata(dir)?)),
            (lock.0.to_owned(), file_id(&lock.1.metadata()?)),
            (journal.to_owned(), file_id(&fs::metadata(journal)?)),
        ];
        let mut wal = journal.as_os_str().to_owned();
        wal.push("-wal");
        Ok(Self { opened, wal: wal.into(), wal_is: OnceLock::new() })
    }

    /// Checks that everything is still in its place. Takes some microseconds.
    pub(super) fn check(&self) -> Result<(), Gone> {
        for (path, known) in &self.opened {
            self.look(path, *known)?;
        }
        if let Some(known) = self.wal_is.get() {
            self.look(&self.wal, *known)?;
        } else if let Ok(metadata) = fs::metadata(&self.wal) {
            self.wal_is.get_or_init(|| file_id(&metadata));
        }
        Ok(())
    }

    fn look(&self, path: &Path, known: FileId) -> Result<(), Gone> {
        let found = fs::metadata(path).ok().map(|metadata| file_id(&metadata));
        if found == Some(known) {
            return Ok(());
        }
        // People know the folder: if it is gone, name it and not the first of its files that is missing.
        let dir = self.opened.first().map_or(path, |(dir, _)| dir);
        let path = if fs::metadata(dir).is_ok() { path } else { dir };
        Err(Gone { path: shown(path), is_replaced: found.is_some() })
    }
}

/// Returns the device and inode of a file.
pub(super) fn file_id(metadata: &Metadata) -> FileId {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::consent::Via;
    use crate::journal::{AppendError, Batch, Opened, OrgJournal, Reader, Settings, open, sample};

    fn batch(number: u64) -> Batch {
        Batch { consents: vec![sample::consent(number, Via::POLL)], ..Batch::default() }
    }

    fn journal(dir: &Path) -> OrgJournal {
        let clock = Clock::manual("2026-01-05T08:00:00Z".parse().unwrap());
        let Opened::Writer(journal) = open(dir, Settings::default(), clock).unwrap() else { panic!("held") };
        journal
    }

    async fn gone(journal: &OrgJournal, number: u64) -> Gone {
        match journal.append(batch(number)).await {
            Err(AppendError::Gone(gone)) => {
                assert_eq!(
                    journal.in_place().unwrap_err().fault().brief,
                    AppendError::Gone(gone.clone()).fault().brief
                );
                gone
            }
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_that_goes_to_a_folder_that_vanished() {
        let parent = tempfile::tempdir().unwrap();
        let (dir, away) = (parent.path().join("org"), parent.path().join("away"));
        let journal = journal(&dir);
        journal.append(batch(1)).await.unwrap();
        fs::rename(&dir, &away).unwrap();
        let found = gone(&journal, 2).await;
        assert!(found.path.ends_with("org") && !found.is_replaced, "{found:?}");
        // When the very same folder comes back, the journal resumes and stores nothing twice.
        fs::rename(&away, &dir).unwrap();
        assert!(journal.in_place().is_ok());
        journal.append(batch(2)).await.unwrap();
        assert_eq!(Reader::open(&dir).unwrap().counts().unwrap().rows, 2);
        fs::remove_dir_all(&dir).unwrap();
        assert!(!gone(&journal, 3).await.is_replaced);
    }

    #[tokio::test]
    async fn nothing_is_acknowledged_that_goes_to_files_that_were_replaced() {
        for name in ["journal.sqlite3", "journal.lock", "journal.sqlite3-wal", ""] {
            let parent = tempfile::tempdir().unwrap();
            let dir = parent.path().join("org");
            let journal = journal(&dir);
            journal.append(batch(1)).await.unwrap();
            if name.is_empty() {
                fs::rename(&dir, parent.path().join("away")).unwrap();
                fs::create_dir(&dir).unwrap();
            } else {
                let copy = parent.path().join("copy");
                fs::copy(dir.join(name), &copy).unwrap();
                fs::rename(&copy, dir.join(name)).unwrap();
            }
            let found = gone(&journal, 2).await;
            assert!(
                found.is_replaced && found.path.ends_with(if name.is_empty() { "org" } else { name }),
                "{found:?}"
            );
        }
    }
}
