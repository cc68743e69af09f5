//! Opening a journal: its directory, its lock, its file, its writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::batch::Head;
use super::connection::{connect_reader_as_it_is, connect_writer, refused};
use super::error::OpenError;
use super::lock::{self, Asked, Lock};
use super::orgs_migration;
use super::paths::{FILE, LOCK, folder_name, shown};
use super::place::Place;
use super::schema::FORMAT;
use super::settings::Settings;
use super::stopped;
use super::tables::org::{self, Refused};
use super::write::store::Store;
use super::write::writer::{Journal, OrgEntry, OrgJournal};
use crate::clock::Clock;
use crate::consent::KnownOrg;
use crate::safe_file;

/// The result of [`open`].
#[derive(Debug)]
pub enum Opened {
    /// This process writes it.
    Writer(OrgJournal),
    /// Another process writes it. This one can read its rows with a [`super::Reader`].
    Follower {
        /// The name that the other process left in the lock file, usually its process number. Safe to show.
        holder: String,
    },
}

/// Opens the journal of one org in a directory and starts its writer. Creates a missing directory or file with access
/// for its owner only. The org is the one that gave the directory its name.
///
/// A damaged or newer file is refused and left as it is. A file that is empty counts as missing.
pub fn open(dir: &Path, settings: Settings, clock: Clock) -> Result<Opened, OpenError> {
    match claim(dir)? {
        Claimed::Ours(claim) => {
            let (head, _) = watch::channel(Head::default());
            let entry = OrgEntry::of_folder(dir, clock.clone());
            claim
                .open(settings, clock, &head, vec![entry], &[])
                .map(|journal| Opened::Writer(first(&journal)))
        }
        Claimed::Elsewhere(holder) => Ok(Opened::Follower { holder }),
    }
}

/// Returns the handle of the only org of a journal.
fn first(journal: &Journal) -> OrgJournal {
    journal.orgs().next().expect("it was opened for one org")
}

/// The exclusive right to write a journal, held until this is dropped.
#[derive(Debug)]
pub struct Claim {
    lock: Lock,
    dir: PathBuf,
}

/// The result of [`claim`].
#[derive(Debug)]
pub enum Claimed {
    /// This process has it.
    Ours(Claim),
    /// Another process has it. The text is the name that it left, usually its process number. Safe to show.
    Elsewhere(String),
}

/// Tries to get the right to write the journal in a directory, without waiting. Creates the directory if it is missing.
///
/// # Errors
/// The directory or the lock file in it cannot be used.
pub fn claim(dir: &Path) -> Result<Claimed, OpenError> {
    safe_file::create_folder(dir).map_err(|source| OpenError::Place { path: shown(dir), source })?;
    let path = dir.join(LOCK);
    match lock::ask(&path).map_err(|source| OpenError::Place { path: shown(&path), source })? {
        Asked::Held(lock) => Ok(Claimed::Ours(Claim { lock, dir: dir.to_owned() })),
        Asked::Elsewhere(holder) => Ok(Claimed::Elsewhere(holder)),
    }
}

impl Claim {
    /// Opens the journal for some orgs and starts its writer. An org that the journal does not know is added. The
    /// writer publishes its progress through a clone of `head`, so a task that already watches `head` sees the new
    /// writer's progress too. `clock` is for waiting; the times of an org are by the org's own. `others` are further
    /// orgs of the configuration, which the writer does not work for.
    ///
    /// # Errors
    /// The file cannot be used, it knows orgs and none of the configuration, it knows too many orgs, or there is no
    /// thread. The right to write is given back.
    pub fn open(
        self,
        settings: Settings,
        clock: Clock,
        head: &watch::Sender<Head>,
        entries: Vec<OrgEntry>,
        others: &[KnownOrg],
    ) -> Result<Journal, OpenError> {
        let path = self.dir.join(FILE);
        let orgs: Vec<KnownOrg> = entries.iter().map(|entry| entry.org.clone()).collect();
        let configured: Vec<KnownOrg> = orgs.iter().chain(others).cloned().collect();
        if let Some(first) = orgs.first()
            && let Some(host) = begun_by_another(&self.dir, &configured)
        {
            return Err(OpenError::other_org(&path, &host, first.clone()));
        }
        let conn = connect_writer(&self.dir)?;
        let mut store = Store::new(conn, settings).map_err(|error| refused(&path, error))?;
        let ids = store
            .settle(&folder_name(&self.dir), &orgs, &configured)
            .map_err(|error| refused(&path, error))?;
        let ids = ids.map_err(|refused| match (refused, orgs.into_iter().next()) {
            (Refused::BegunBy(host), Some(first)) => OpenError::other_org(&path, &host, first),
            _ => OpenError::TooManyOrgs { path: shown(&path) },
        })?;
        let place = Place::of(&self.dir, (&self.dir.join(LOCK), self.lock.file()), &path);
        let place = place.map_err(|source| OpenError::Place { path: shown(&self.dir), source })?;
        store.place = Some(Arc::new(place));
        Journal::start(store, clock, self.lock, head.clone(), ids.into_iter().zip(entries))
            .map_err(OpenError::Thread)
    }
}

/// Returns the host of the org that began the journal in a folder, if the journal is known to have none of the
/// `configured` orgs. Only reads, so that a journal of another org is neither migrated nor repaired. If the file cannot
/// be read, or is older than format 10, the check after its migration decides.
fn begun_by_another(dir: &Path, configured: &[KnownOrg]) -> Option<Box<str>> {
    let (conn, format) = connect_reader_as_it_is(dir).ok()?;
    let folder = folder_name(dir);
    if format == FORMAT {
        return org::begun_by_another(&conn, &folder, configured).ok().flatten();
    }
    org::will_be_of_another(orgs_migration::org_of(&conn, &folder).ok()?, &folder, configured)
}

/// Who has the right to write a journal now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// A process.
    Process {
        /// The name that it left, usually its process number. Safe to show.
        name: String,
        /// Whether it is known to be stopped, for example by `^Z` or SIGSTOP. Known only on Linux.
        is_stopped: bool,
    },
}

/// Returns who has the right to write the journal in a directory. Opens at most three small files and writes nothing.
///
/// # Errors
/// The lock file cannot be opened.
pub fn holder(dir: &Path) -> Result<Holder, OpenError> {
    let path = dir.join(LOCK);
    let name = lock::holder_now(&path).map_err(|source| OpenError::Place { path: shown(&path), source })?;
    Ok(match name {
        None => Holder::Nobody,
        Some(name) => Holder::Process { is_stopped: stopped::is_stopped(&name, &path), name },
    })
}

/// Returns the device and inode of the journal's file, or `None` if there is no file. They tell the file from one that
/// replaced it.
pub fn file_id(dir: &Path) -> Option<(u64, u64)> {
    stopped::file_id(&dir.join(FILE))
}

/// Opens an existing journal for writing, without the writer's thread, and returns the store with its lock. The inner
/// error is the name of the process that writes the journal.
pub(super) fn open_store(dir: &Path, settings: Settings) -> Result<Result<(Store, Lock), String>, OpenError> {
    let path = dir.join(FILE);
    if !path.exists() {
        return Err(OpenError::Missing { path: shown(&path) });
    }
    let lock_path = dir.join(LOCK);
    match lock::ask(&lock_path).map_err(|source| OpenError::Place { path: shown(&lock_path), source })? {
        Asked::Elsewhere(holder) => Ok(Err(holder)),
        Asked::Held(lock) => {
            let store = Store::new(connect_writer(dir)?, settings).map_err(|error| refused(&path, error))?;
            Ok(Ok((store, lock)))
        }
    }
}

/// Opens a new journal whose file may grow by at most `pages` pages.
#[cfg(test)]
pub(crate) fn open_cramped(dir: &Path, clock: Clock, pages: i64) -> OrgJournal {
    let Asked::Held(lock) = lock::ask(&dir.join(LOCK)).unwrap() else { panic!("somebody else writes") };
    let conn = connect_writer(dir).unwrap();
    let used: i64 = conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    conn.pragma_update_and_check(None, "max_page_count", used + pages, |_| Ok(())).unwrap();
    let (head, _) = watch::channel(Head::default());
    let mut store = Store::new(conn, Settings::default()).unwrap();
    let entry = OrgEntry::of_folder(dir, clock.clone());
    let orgs = std::slice::from_ref(&entry.org);
    let ids = store.settle(&entry.org.key, orgs, orgs).unwrap().unwrap();
    first(&Journal::start(store, clock, lock, head, ids.into_iter().zip([entry])).unwrap())
}
