//! Opening a journal: its directory, its lock, its file, its writer.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::watch;

use super::commit::Head;
use super::error::{Ailment, OpenError, StorageError};
use super::lock::{self, Asked, Lock};
use super::place::Place;
use super::schema::{self, Found};
use super::stopped;
use super::store::Store;
use super::writer::Journal;
use crate::clock::Clock;
use crate::consent::visible;
use crate::safe_file;

/// The journal's file in its directory.
const FILE: &str = "journal.sqlite3";
/// Whoever holds its lock writes the journal.
const LOCK: &str = "journal.lock";
/// How long SQLite waits for another program that holds the file.
pub(super) const BUSY_MS: u64 = 5000;

/// How much the journal keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Rows published longer ago are removed.
    pub keep_days: u32,
    /// Of more rows than this, the oldest are removed.
    pub keep_rows: u64,
    /// At most this many rows, and no more than `keep_rows`, that only a hook has brought. They go first when there are
    /// too many rows.
    pub keep_unconfirmed: u64,
}

impl Settings {
    /// Returns how many rows are kept that only a hook has brought.
    pub(super) fn unconfirmed_max(self) -> i64 {
        i64::try_from(self.keep_unconfirmed.min(self.keep_rows)).unwrap_or(i64::MAX)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { keep_days: 400, keep_rows: 10_000_000, keep_unconfirmed: 100_000 }
    }
}

/// What came of opening a journal for writing.
#[derive(Debug)]
pub enum Opened {
    /// This process writes it.
    Writer(Journal),
    /// Another process does; its rows can be read with a [`super::Reader`].
    Follower {
        /// What the other left in the lock file, mostly its process number; harmless to show.
        holder: String,
    },
}

/// Opens the journal in a directory and starts its writer; creates both, for their owner only, if they are missing.
///
/// A damaged or newer file is refused and left as it is. A file that is empty counts as missing.
pub fn open(dir: &Path, settings: Settings, clock: Clock) -> Result<Opened, OpenError> {
    match claim(dir)? {
        Claimed::Ours(claim) => {
            let (head, _) = watch::channel(Head::default());
            claim.open(settings, clock, &head).map(Opened::Writer)
        }
        Claimed::Elsewhere(holder) => Ok(Opened::Follower { holder }),
    }
}

/// The right to write a journal. Nobody else has it while this lives.
#[derive(Debug)]
pub struct Claim {
    lock: Lock,
    dir: PathBuf,
}

/// What came of asking for the right to write.
#[derive(Debug)]
pub enum Claimed {
    /// This process has it.
    Ours(Claim),
    /// The process that left this name has it, mostly its process number; harmless to show.
    Elsewhere(String),
}

/// Asks for the right to write the journal in a directory, without waiting. Creates the directory if it is missing.
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
    /// Opens the journal and starts its writer, as [`open`] does. The writer tells how far it has come by a clone of
    /// `head`, so whoever followed another process by it goes on hearing.
    ///
    /// # Errors
    /// The file cannot be used, or there is no thread. The right to write is given back.
    pub fn open(
        self,
        settings: Settings,
        clock: Clock,
        head: &watch::Sender<Head>,
    ) -> Result<Journal, OpenError> {
        let conn = connect_writer(&self.dir)?;
        let path = self.dir.join(FILE);
        let mut store = Store::new(conn, settings).map_err(|error| refused(&path, error))?;
        let place = Place::of(&self.dir, (&self.dir.join(LOCK), self.lock.file()), &path);
        let place = place.map_err(|source| OpenError::Place { path: shown(&self.dir), source })?;
        store.place = Some(Arc::new(place));
        Journal::start(store, clock, self.lock, head.clone()).map_err(OpenError::Thread)
    }
}

/// Who has the right to write a journal now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Holder {
    /// Nobody.
    Nobody,
    /// A process, by the name that it left.
    Process {
        /// Mostly its process number; harmless to show.
        name: String,
        /// Whether it is known to be stopped, as by `^Z` or SIGSTOP. Only Linux tells.
        is_stopped: bool,
    },
}

/// Looks who has the right to write the journal in a directory. Opens two small files; nothing is written.
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

/// Tells one journal file from another that took its place, by device and file number. Returns `None` if there is none.
pub fn file_id(dir: &Path) -> Option<(u64, u64)> {
    stopped::file_id(&dir.join(FILE))
}

/// Opens a journal that is there for writing, without its writer; the lock lives beside it. The inner error is the name
/// of the process that writes it.
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

/// Opens a journal on a disk with room for so many pages more than a new file has.
#[cfg(test)]
pub(crate) fn open_cramped(dir: &Path, clock: Clock, pages: i64) -> Journal {
    let Asked::Held(lock) = lock::ask(&dir.join(LOCK)).unwrap() else { panic!("somebody else writes") };
    let conn = connect_writer(dir).unwrap();
    let used: i64 = conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    conn.pragma_update_and_check(None, "max_page_count", used + pages, |_| Ok(())).unwrap();
    let (head, _) = watch::channel(Head::default());
    Journal::start(Store::new(conn, Settings::default()).unwrap(), clock, lock, head).unwrap()
}

/// Opens or creates the file, and brings it to the present format.
pub(super) fn connect_writer(dir: &Path) -> Result<Connection, OpenError> {
    let path = dir.join(FILE);
    let place = |source| OpenError::Place { path: shown(&path), source };
    let mut file = safe_file::open_private(&path).map_err(place)?;
    check_header(&path, &mut file)?;
    drop(file);
    let path = database(dir, FILE).map_err(place)?;
    let refuse = |error| refused(&path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | FLAGS;
    let mut conn = Connection::open_with_flags(&path, flags).map_err(refuse)?;
    conn.busy_timeout(std::time::Duration::from_millis(BUSY_MS)).map_err(refuse)?;
    // Until the file is known to be ours and sound, closing it must not move anything from the WAL into it.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(refuse)?;
    let from = check_format(&path, &conn)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(refuse)?;
    schema::set_up_writer(&conn).map_err(refuse)?;
    schema::migrate(&mut conn, from).map_err(refuse)?;
    if from == 0 {
        sync_dir(dir).map_err(place)?;
    }
    Ok(conn)
}

/// Opens the file for reading. One that an older version left behind is brought up to date before.
pub(super) fn connect_reader(dir: &Path) -> Result<Connection, OpenError> {
    let (conn, format) = connect_reader_as_it_is(dir)?;
    if format == schema::FORMAT {
        return Ok(conn);
    }
    drop(conn);
    let lock_path = dir.join(LOCK);
    match lock::ask(&lock_path).map_err(|source| OpenError::Place { path: shown(&lock_path), source })? {
        Asked::Held(_lock) => drop(connect_writer(dir)?),
        Asked::Elsewhere(holder) => {
            // A writer of this version may be about to do it, or may just have done it.
            let (conn, format) = connect_reader_as_it_is(dir)?;
            if format == schema::FORMAT {
                return Ok(conn);
            }
            return Err(OpenError::OlderInUse { path: shown(&dir.join(FILE)), holder });
        }
    }
    connect_reader_as_it_is(dir).map(|(conn, _)| conn)
}

/// Opens the file for reading and returns its format with it.
fn connect_reader_as_it_is(dir: &Path) -> Result<(Connection, i64), OpenError> {
    let path = dir.join(FILE);
    let mut file = match safe_file::open_regular(&path) {
        Ok((file, _)) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::Missing { path: shown(&path) });
        }
        Err(source) => return Err(OpenError::Place { path: shown(&path), source }),
    };
    check_header(&path, &mut file)?;
    drop(file);
    let path = database(dir, FILE).map_err(|source| OpenError::Place { path: shown(&path), source })?;
    let refuse = |error| refused(&path, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | FLAGS;
    let conn = Connection::open_with_flags(&path, flags).map_err(refuse)?;
    conn.busy_timeout(std::time::Duration::from_millis(BUSY_MS)).map_err(refuse)?;
    schema::set_up_reader(&conn).map_err(refuse)?;
    match check_format(&path, &conn)? {
        // Its writer has not come to the first migration yet, or was killed before.
        0 => Err(OpenError::Missing { path: shown(&path) }),
        format => Ok((conn, format)),
    }
}

/// Every SQLite file that is not empty begins with these bytes (SQLite: database file format, 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

fn check_header(path: &Path, file: &mut File) -> Result<(), OpenError> {
    let mut start = Vec::new();
    file.take(MAGIC.len() as u64)
        .read_to_end(&mut start)
        .map_err(|source| OpenError::Place { path: shown(path), source })?;
    if start.is_empty() || start == MAGIC {
        return Ok(());
    }
    Err(OpenError::Damaged { path: shown(path), source: None })
}

fn check_format(path: &Path, conn: &Connection) -> Result<i64, OpenError> {
    match schema::look(conn).map_err(|error| refused(path, error))? {
        Found::Foreign => Err(OpenError::Damaged { path: shown(path), source: None }),
        Found::Format(found) if found > schema::FORMAT => {
            Err(OpenError::Newer { path: shown(path), found, known: schema::FORMAT })
        }
        Found::Format(found) => Ok(found),
    }
}

fn refused(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = shown(path);
    let source = StorageError::from(error);
    match source.ailment {
        Ailment::Damaged => OpenError::Damaged { path, source: Some(source) },
        _ => OpenError::Storage { path, source },
    }
}

pub(super) fn shown(path: &Path) -> String {
    visible(&path.display().to_string()).into_owned()
}

/// How every database is opened: SQLite follows no symbolic link either.
pub(super) const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX.union(OpenFlags::SQLITE_OPEN_NOFOLLOW);

/// Returns a database's path with every link in its folder resolved. SQLite's no-follow flag refuses a link anywhere in
/// a path, and the folder may be one.
pub(super) fn database(dir: &Path, name: &str) -> io::Result<PathBuf> {
    Ok(dir.canonicalize()?.join(name))
}

/// Makes the new names in a directory last.
fn sync_dir(dir: &Path) -> io::Result<()> {
    safe_file::open_folder(dir)?.sync_all()
}
