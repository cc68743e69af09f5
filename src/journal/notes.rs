//! Marks and notes of a person, recent filters, and the last position of the screen.
//!
//! They are in a separate file, because every screen writes them, while only one process writes the journal. Losing
//! this file loses no consent, and replacing the journal keeps it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, TransactionBehavior};
use thiserror::Error;

use super::connection::{FLAGS, connect_reader_as_it_is};
use super::error::{Ailment, StorageError};
use super::paths::{database, folder_name, key_of_folder, shown};
use super::sql_values::{limit, time};
use super::tables::org;
use crate::consent::{EventId, EventKey, Marked, OrgId};
use crate::report::{Fault, Part};
use crate::safe_file;

/// The name of the file in the journal's folder.
pub(super) const FILE: &str = "notes.sqlite3";
/// Marks a SQLite file as notes of this program ("CsWn").
const APPLICATION_ID: i64 = 0x4373_576e;
/// The format that this program writes. In format 1, marks had no org; format 3 added what is shared with a team.
const FORMAT: i64 = 3;
/// How long a key press waits for another screen, which locks the file for one small commit.
const BUSY: Duration = Duration::from_millis(80);

const MARK: &str = "
    CREATE TABLE mark (ts INTEGER NOT NULL, uuid BLOB NOT NULL, part INTEGER NOT NULL, org TEXT NOT NULL,
        at INTEGER NOT NULL, note TEXT NOT NULL, PRIMARY KEY (ts, uuid, part, org)) WITHOUT ROWID;";
/// The notes as this machine and the team's server both had them last.
const SHARED: &str = "
    CREATE TABLE shared (org TEXT NOT NULL, ts INTEGER NOT NULL, uuid BLOB NOT NULL, part INTEGER NOT NULL,
        number INTEGER NOT NULL, note TEXT, PRIMARY KEY (org, ts, uuid, part)) WITHOUT ROWID;";
const OTHER_TABLES: &str = "
    CREATE TABLE filter (nr INTEGER PRIMARY KEY AUTOINCREMENT, query TEXT NOT NULL UNIQUE);
    CREATE TABLE place (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;";

/// The notes beside one journal.
#[derive(Debug)]
pub struct Notes {
    conn: Connection,
    path: String,
    /// The key of the org of marks that name none, which are of format 1; empty if it is not known.
    first: String,
    seen: i64,
}

/// A note as this machine and the team's server both had it last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SharedNote {
    /// The event.
    pub key: EventKey,
    /// The number of the server's message.
    pub number: u64,
    /// The text, or `None` if the mark was removed.
    pub text: Option<String>,
}

/// Why the notes cannot be read or written.
#[derive(Debug, Error)]
pub enum NotesError {
    /// The folder or the file cannot be created or opened.
    #[error("cannot use {path}")]
    Place {
        /// The path, safe to show on a terminal.
        path: String,
        /// The cause.
        source: std::io::Error,
    },
    /// A later version of the program wrote it.
    #[error("the notes {path} have format {found}; this version knows formats up to {known}")]
    Newer {
        /// The path, safe to show on a terminal.
        path: String,
        /// The file's format.
        found: i64,
        /// The newest format that this program knows.
        known: i64,
    },
    /// The file is damaged or holds something else.
    #[error("the notes {path} are damaged")]
    Damaged {
        /// The path, safe to show on a terminal.
        path: String,
        /// The error of SQLite, if it reported one.
        source: Option<StorageError>,
    },
    /// SQLite failed for another reason.
    #[error("the storage of {path} failed")]
    Storage {
        /// The path, safe to show on a terminal.
        path: String,
        /// The cause.
        source: StorageError,
    },
    /// The maximum number of marks is reached.
    #[error("there are already {} marks", Notes::MARKS_MAX)]
    Full,
}

impl Notes {
    /// The maximum number of marked consents.
    pub const MARKS_MAX: usize = 10_000;
    /// The maximum length of a note, in characters.
    pub const NOTE_MAX: usize = 1000;
    /// The maximum number of remembered filters; the newest are kept.
    pub const FILTERS_MAX: usize = 200;
    /// The maximum length of a remembered filter, and of a value of the last place, in characters.
    const TEXT_MAX: usize = 4000;
    /// The maximum number of values of the last place.
    const PLACES_MAX: usize = 32;

    /// Opens the notes in a journal's folder. Creates a missing folder or file with access for its owner only, and
    /// leaves a damaged or newer file unchanged.
    pub fn open(dir: &Path) -> Result<Self, NotesError> {
        let path = dir.join(FILE);
        let place = |source| NotesError::Place { path: shown(&path), source };
        safe_file::create_folder(dir).map_err(place)?;
        drop(safe_file::open_private(&path).map_err(place)?);
        let path = database(dir, FILE).map_err(place)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | FLAGS;
        let mut notes = Self::connect(dir, &path, flags)?;
        let refuse = |error| refused(shown(&path), error);
        if notes.check()? < FORMAT {
            notes.conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).map_err(refuse)?;
            notes.update().map_err(refuse)?;
        }
        notes.conn.execute_batch("PRAGMA synchronous = FULL;").map_err(refuse)?;
        notes.name_first()?;
        notes.is_moved()?;
        Ok(notes)
    }

    /// Opens the notes for reading. Returns `None` if there are none.
    pub fn look(dir: &Path) -> Result<Option<Self>, NotesError> {
        let path = dir.join(FILE);
        let place = |source| NotesError::Place { path: shown(&path), source };
        match safe_file::open_regular(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(place(source)),
            Ok(_) => {}
        }
        let path = database(dir, FILE).map_err(place)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | FLAGS;
        let mut notes = Self::connect(dir, &path, flags)?;
        // The process that created the file has not written its tables yet, or was killed before it did.
        if notes.check()? == 0 {
            return Ok(None);
        }
        notes.is_moved()?;
        Ok(Some(notes))
    }

    /// Creates the tables, or migrates them to the present format.
    fn update(&mut self) -> rusqlite::Result<()> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another screen may have been faster.
        let format: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match format {
            0 => {
                tx.execute_batch(MARK)?;
                tx.execute_batch(OTHER_TABLES)?;
                tx.execute_batch(SHARED)?;
            }
            // In format 1, all marks were of one org.
            1 => {
                tx.execute_batch("ALTER TABLE mark RENAME TO old")?;
                tx.execute_batch(MARK)?;
                let copy = "INSERT INTO mark SELECT ts, uuid, part, ?1, at, note FROM old";
                tx.execute(copy, [&self.first])?;
                tx.execute_batch("DROP TABLE old")?;
                tx.execute_batch(SHARED)?;
            }
            2 => tx.execute_batch(SHARED)?,
            _ => return Ok(()),
        }
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", FORMAT)?;
        tx.commit()
    }

    /// Gives the marks that name no org the first one, if it was not known when they were migrated.
    fn name_first(&mut self) -> Result<(), NotesError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM mark WHERE org = '')";
        if self.first.is_empty() || !self.ask(sql, |row| row.get::<_, bool>(0))? {
            return Ok(());
        }
        let first = self.first.clone();
        self.write(|conn| {
            conn.execute("UPDATE OR REPLACE mark SET org = ?1 WHERE org = ''", [first]).map(drop)
        })
    }

    fn connect(dir: &Path, path: &Path, flags: OpenFlags) -> Result<Self, NotesError> {
        let refuse = |error| refused(shown(path), error);
        let conn = Connection::open_with_flags(path, flags).map_err(refuse)?;
        conn.busy_timeout(BUSY).map_err(refuse)?;
        conn.execute_batch("PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;").map_err(refuse)?;
        Ok(Self { conn, path: shown(path), first: first_org(dir), seen: 0 })
    }

    /// Returns the format of the file if it is sound notes of this program; 0 means an empty file.
    fn check(&self) -> Result<i64, NotesError> {
        let path = || self.path.clone();
        let (id, format) = (self.number("application_id")?, self.number("user_version")?);
        let tables: i64 = self.ask("SELECT COUNT(*) FROM sqlite_schema", |row| row.get(0))?;
        match (id, format) {
            (0, 0) if tables == 0 => return Ok(0),
            (APPLICATION_ID, 1..=FORMAT) => {}
            (APPLICATION_ID, found) if found > FORMAT => {
                return Err(NotesError::Newer { path: path(), found, known: FORMAT });
            }
            _ => return Err(NotesError::Damaged { path: path(), source: None }),
        }
        let said: String = self.ask("PRAGMA quick_check(1)", |row| row.get(0))?;
        if said != "ok" {
            return Err(NotesError::Damaged { path: path(), source: None });
        }
        Ok(format)
    }

    fn number(&self, name: &str) -> Result<i64, NotesError> {
        let value = self.conn.pragma_query_value(None, name, |row| row.get(0));
        value.map_err(|error| refused(self.path.clone(), error))
    }

    fn ask<T>(&self, sql: &str, read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>) -> Result<T, NotesError> {
        self.conn.query_row(sql, [], read).map_err(|error| refused(self.path.clone(), error))
    }

    fn all<T>(
        &self,
        sql: &str,
        most: usize,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, NotesError> {
        let found = self.conn.prepare_cached(sql).and_then(|mut statement| {
            let found = statement.query_map([limit(most)], read)?;
            found.collect::<Result<Vec<T>, _>>()
        });
        found.map_err(|error| refused(self.path.clone(), error))
    }

    /// Returns whether another connection wrote since the last call, or since the file was opened.
    pub fn is_moved(&mut self) -> Result<bool, NotesError> {
        let version = self.ask("PRAGMA data_version", |row| row.get(0))?;
        Ok(std::mem::replace(&mut self.seen, version) != version)
    }

    /// Returns the marks, in the order of the times of their events.
    pub fn marks(&self) -> Result<Vec<Marked>, NotesError> {
        // A connection that only reads does not migrate, and another process may do it meanwhile.
        let org = if self.number("user_version")? == 1 { "NULL" } else { "org" };
        let sql =
            format!("SELECT ts, uuid, part, at, note, {org} FROM mark ORDER BY ts, uuid, part LIMIT ?1");
        let read = |row: &Row<'_>| {
            let (published_ms, part, note) = (row.get(0)?, row.get(2)?, row.get::<_, String>(4)?);
            let id = EventId::from_bytes(row.get_ref(1)?.as_blob_or_null()?.unwrap_or_default());
            let org = row.get::<_, Option<String>>(5)?.filter(|org| !org.is_empty());
            let org = org.unwrap_or_else(|| self.first.clone());
            let (at, org, note) = (time(row.get(3)?), org.into(), note.into());
            Ok(id.map(|id| Marked { org, key: EventKey { published_ms, id, part }, at, note }))
        };
        Ok(self.all(&sql, Self::MARKS_MAX, read)?.into_iter().flatten().collect())
    }

    /// Marks an event, or replaces the note of its mark.
    pub fn put(&mut self, marked: &Marked) -> Result<(), NotesError> {
        let Marked { org, key, .. } = marked;
        let note: String = marked.note.chars().take(Self::NOTE_MAX).collect();
        let is_put = self.write(|conn| {
            let is_there =
                "SELECT EXISTS (SELECT 1 FROM mark WHERE ts = ?1 AND uuid = ?2 AND part = ?3 AND org = ?4)";
            let values = (key.published_ms, key.id.as_bytes(), key.part, org);
            let is_there: bool = conn.prepare_cached(is_there)?.query_row(values, |row| row.get(0))?;
            let count: i64 = conn.query_row("SELECT COUNT(*) FROM mark", [], |row| row.get(0))?;
            if !is_there && count >= limit(Self::MARKS_MAX) {
                return Ok(false);
            }
            let sql =
                "INSERT OR REPLACE INTO mark (ts, uuid, part, org, at, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let at = marked.at.as_millisecond();
            let values = (key.published_ms, key.id.as_bytes(), key.part, org, at, &note);
            conn.prepare_cached(sql)?.execute(values)?;
            Ok(true)
        })?;
        if is_put { Ok(()) } else { Err(NotesError::Full) }
    }

    /// Replaces the old keys of events by their new ones in the marks and in the last place. Only the first org has
    /// events with old keys, which are from before a journal could hold several orgs.
    pub(super) fn rename(&mut self, renamed: &[(EventKey, EventKey)]) -> Result<(), NotesError> {
        self.write(|conn| {
            let sql = "UPDATE OR REPLACE mark SET uuid = ?4 WHERE ts = ?1 AND uuid = ?2 AND part = ?3";
            let mut mark = conn.prepare_cached(sql)?;
            // The key of the org follows the key of the event.
            let mut place = conn.prepare_cached(
                "UPDATE place SET value = ?2 || substr(value, length(?1) + 1)
                 WHERE value = ?1 OR substr(value, 1, length(?1) + 1) = ?1 || '/'",
            )?;
            for (from, to) in renamed {
                mark.execute((from.published_ms, from.id.as_bytes(), from.part, to.id.as_bytes()))?;
                place.execute((from.to_word(), to.to_word()))?;
            }
            Ok(())
        })
    }

    /// Replaces the key of an org by its new one in the marks and in the last place.
    pub(super) fn move_org(&mut self, from: &str, to: &str) -> Result<(), NotesError> {
        self.write(|conn| {
            conn.execute("UPDATE OR REPLACE mark SET org = ?2 WHERE org = ?1", (from, to))?;
            conn.execute("DELETE FROM shared WHERE org = ?1", [from])?;
            // The key of the org follows the key of the event.
            let place = "UPDATE place SET value = substr(value, 1, length(value) - length(?1)) || ?2
                WHERE substr(value, -length(?1) - 1) = '/' || ?1";
            conn.execute(place, (from, to)).map(drop)
        })
    }

    /// Removes the mark of an org's event and its note.
    pub fn remove(&mut self, org: &str, key: &EventKey) -> Result<(), NotesError> {
        let values = (key.published_ms, key.id.as_bytes(), key.part, org);
        let sql = "DELETE FROM mark WHERE ts = ?1 AND uuid = ?2 AND part = ?3 AND org = ?4";
        self.write(|conn| conn.prepare_cached(sql)?.execute(values).map(drop))
    }

    /// Replaces the mark of an event, or removes it if `new` is `None`, and stores what the team's server has of it. Does
    /// nothing and returns `false` if the note is not `before` any more, where `None` stands for no mark.
    pub fn replace(
        &mut self,
        org: &str,
        before: Option<&str>,
        new: Option<&Marked>,
        shared: &SharedNote,
    ) -> Result<bool, NotesError> {
        let SharedNote { key, number, text } = shared;
        let is_done = self.write(|conn| {
            let sql = "SELECT note FROM mark WHERE ts = ?1 AND uuid = ?2 AND part = ?3 AND org = ?4";
            let values = (key.published_ms, key.id.as_bytes(), key.part, org);
            let found: Option<String> =
                conn.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
            if found.as_deref() != before {
                return Ok(None);
            }
            let count: i64 = conn.query_row("SELECT COUNT(*) FROM mark", [], |row| row.get(0))?;
            match new {
                Some(_) if before.is_none() && count >= limit(Self::MARKS_MAX) => return Ok(Some(false)),
                Some(new) => {
                    let sql = "INSERT OR REPLACE INTO mark (ts, uuid, part, org, at, note)
                        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                    let (ts, uuid, part, org) = values;
                    let values = (ts, uuid, part, org, new.at.as_millisecond(), &*new.note);
                    conn.prepare_cached(sql)?.execute(values)?;
                }
                None => {
                    let sql = "DELETE FROM mark WHERE ts = ?1 AND uuid = ?2 AND part = ?3 AND org = ?4";
                    conn.prepare_cached(sql)?.execute(values)?;
                }
            }
            let sql = "INSERT OR REPLACE INTO shared (org, ts, uuid, part, number, note)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let values = (org, key.published_ms, key.id.as_bytes(), key.part, *number as i64, text);
            conn.prepare_cached(sql)?.execute(values)?;
            Ok(Some(true))
        })?;
        match is_done {
            Some(true) => Ok(true),
            Some(false) => Err(NotesError::Full),
            None => Ok(false),
        }
    }

    /// Returns the notes of an org as the team's server had them last, each with the number of its message.
    pub fn shared(&self, org: &str) -> Result<Vec<SharedNote>, NotesError> {
        let sql = "SELECT ts, uuid, part, number, note FROM shared WHERE org = ?1";
        let read = |row: &Row<'_>| {
            let (published_ms, part, number): (i64, u8, i64) = (row.get(0)?, row.get(2)?, row.get(3)?);
            let id = EventId::from_bytes(row.get_ref(1)?.as_blob_or_null()?.unwrap_or_default());
            let text = row.get(4)?;
            Ok(id.map(|id| SharedNote {
                key: EventKey { published_ms, id, part },
                number: number as u64,
                text,
            }))
        };
        let found = self.conn.prepare_cached(sql).and_then(|mut statement| {
            let found = statement.query_map([org], read)?;
            found.collect::<Result<Vec<_>, _>>()
        });
        let found = found.map_err(|error| refused(self.path.clone(), error))?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Stores what the team's server has of an event of an org.
    pub fn put_shared(&mut self, org: &str, shared: &SharedNote) -> Result<(), NotesError> {
        let SharedNote { key, number, text } = shared;
        let sql = "INSERT OR REPLACE INTO shared (org, ts, uuid, part, number, note) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values = (org, key.published_ms, key.id.as_bytes(), key.part, *number as i64, text);
        self.write(|conn| conn.prepare_cached(sql)?.execute(values).map(drop))
    }

    /// Forgets what the team's server had of an org, because it has lost it.
    pub fn forget_shared(&mut self, org: &str) -> Result<(), NotesError> {
        self.write(|conn| conn.execute("DELETE FROM shared WHERE org = ?1", [org]).map(drop))
    }

    /// Returns the remembered filters, the last used one first.
    pub fn filters(&self) -> Result<Vec<String>, NotesError> {
        self.all("SELECT query FROM filter ORDER BY nr DESC LIMIT ?1", Self::FILTERS_MAX, |row| row.get(0))
    }

    /// Remembers a filter as the last one used.
    pub fn remember(&mut self, query: &str) -> Result<(), NotesError> {
        let query: String = query.chars().take(Self::TEXT_MAX).collect();
        self.write(|conn| {
            conn.prepare_cached("DELETE FROM filter WHERE query = ?1")?.execute([&query])?;
            conn.prepare_cached("INSERT INTO filter (query) VALUES (?1)")?.execute([&query])?;
            let cut = "DELETE FROM filter WHERE nr NOT IN (SELECT nr FROM filter ORDER BY nr DESC LIMIT ?1)";
            conn.prepare_cached(cut)?.execute([limit(Self::FILTERS_MAX)]).map(drop)
        })
    }

    /// Returns the last place of the screen, as names and values.
    pub fn place(&self) -> Result<Vec<(String, String)>, NotesError> {
        let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
        self.all("SELECT name, value FROM place ORDER BY name LIMIT ?1", Self::PLACES_MAX, read)
    }

    /// Stores the place of the screen, and removes the one stored before.
    pub fn keep_place(&mut self, place: &[(&str, String)]) -> Result<(), NotesError> {
        self.write(|conn| {
            conn.execute("DELETE FROM place", [])?;
            let mut insert =
                conn.prepare_cached("INSERT OR REPLACE INTO place (name, value) VALUES (?1, ?2)")?;
            for (name, value) in place.iter().take(Self::PLACES_MAX) {
                let value: String = value.chars().take(Self::TEXT_MAX).collect();
                insert.execute((name, value))?;
            }
            Ok(())
        })
    }

    fn write<T>(&mut self, change: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, NotesError> {
        let written = self.conn.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|tx| {
            let result = change(&tx)?;
            tx.commit()?;
            Ok(result)
        });
        written.map_err(|error| refused(self.path.clone(), error))
    }
}

/// Returns the key of the org to which a folder belonged when journals had one org, or an empty text if it is not
/// known. Each org had a folder of its own, which had the name of its host. If the name cannot be a host, it is the org
/// that began the journal.
fn first_org(dir: &Path) -> String {
    let folder = folder_name(dir);
    let key = key_of_folder(&folder);
    if !key.is_empty() {
        return key.to_owned();
    }
    let orgs = connect_reader_as_it_is(dir).ok().and_then(|(conn, _)| org::all(&conn).ok());
    orgs.and_then(|orgs| Some(orgs.get(OrgId::default())?.key.to_string())).unwrap_or_default()
}

fn refused(path: String, error: rusqlite::Error) -> NotesError {
    let source = StorageError::from(error);
    match source.ailment {
        Ailment::Damaged => NotesError::Damaged { path, source: Some(source) },
        _ => NotesError::Storage { path, source },
    }
}

impl NotesError {
    /// Returns the fault that people see.
    pub fn fault(&self) -> Fault {
        let (brief, what, remedy) = match self {
            Self::Place { path, source } => (
                "marks unusable",
                format!("The file of marks and notes {path} cannot be created or opened: {source}."),
                "Give this account the right to write there, or name another folder with --data-dir.",
            ),
            Self::Newer { path, found, known } => (
                "newer marks",
                format!(
                    "The marks and notes {path} were written by a newer version (format {found}; this version reads up \
                     to {known}); the file was left as it is."
                ),
                "Use the newer version, or move the file away to start over.",
            ),
            Self::Damaged { path, .. } => (
                "damaged marks",
                format!("The file {path} is damaged or is not a file of marks; it was left as it is."),
                "Move it away to start over, or restore a backup.",
            ),
            Self::Storage { path, source } => match source.ailment {
                Ailment::Busy => (
                    "marks busy",
                    format!("Another program has locked {path}."),
                    "Try again. End the other program if it keeps the lock.",
                ),
                Ailment::Full => (
                    "disk full",
                    format!("There is no room on the disk for {path}."),
                    "Make room on the disk.",
                ),
                _ => (
                    "marks not written",
                    format!("The file {path} could not be read or written."),
                    "Check its permissions, the disk and the program's log.",
                ),
            },
            Self::Full => (
                "too many marks",
                format!("{} consents are marked, which is the maximum.", Notes::MARKS_MAX),
                "Remove marks that you no longer need.",
            ),
        };
        let doing = match self {
            Self::Full | Self::Storage { .. } => "Nothing was changed.",
            _ => "The screen keeps working; marks, notes, past filters and the last place are not stored.",
        };
        Fault::new(Part::Journal, brief, &what, doing, remedy).caused_by(self)
    }
}

#[cfg(test)]
mod tests;
