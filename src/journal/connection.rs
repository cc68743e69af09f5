//! Connections to the journal's file: one that writes, or one that only reads.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::{Ailment, OpenError, StorageError};
use super::lock::{self, Asked};
use super::paths::{FILE, LOCK, database, folder_name, shown};
use super::schema::{self, Found};
use crate::safe_file;

/// How long SQLite waits for another program that has locked the file, in milliseconds.
pub(super) const BUSY_MS: u64 = 5000;
/// The flags with which every database is opened: SQLite follows no symbolic link either.
pub(super) const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX.union(OpenFlags::SQLITE_OPEN_NOFOLLOW);

/// Opens or creates the file, and migrates it to the current format.
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
    schema::migrate(&mut conn, from, &folder_name(dir)).map_err(refuse)?;
    if from == 0 {
        sync_dir(dir).map_err(place)?;
    }
    Ok(conn)
}

/// Opens the file for reading. Migrates a file of an older format first, if no other process writes it.
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
pub(super) fn connect_reader_as_it_is(dir: &Path) -> Result<(Connection, i64), OpenError> {
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
        // Its writer has not run the first migration yet, or was killed before it did.
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

/// Returns the error for a file that SQLite refused.
pub(super) fn refused(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = shown(path);
    let source = StorageError::from(error);
    match source.ailment {
        Ailment::Damaged => OpenError::Damaged { path, source: Some(source) },
        _ => OpenError::Storage { path, source },
    }
}

/// Syncs a directory, so that its new file names survive a crash.
fn sync_dir(dir: &Path) -> io::Result<()> {
    safe_file::open_folder(dir)?.sync_all()
}
