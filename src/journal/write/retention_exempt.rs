//! Rows that no limit of age or number removes: those that a person marked.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::consent::Marked;
use crate::journal::notes::{Notes, NotesError};

/// The marks, as known to the connection that removes rows.
#[derive(Debug, Default)]
pub(in crate::journal) struct RetentionExempt {
    dir: PathBuf,
    notes: Option<Notes>,
    has_table: bool,
}

/// A condition on a row of `event`: nobody marked it. A mark of an org that the journal does not know spares the events
/// of all orgs.
pub(in crate::journal) const UNMARKED: &str = "NOT EXISTS (SELECT 1 FROM temp.spared
    WHERE spared.ts = event.ts AND spared.uuid = event.uuid AND spared.part = event.part
    AND (spared.org = event.org OR spared.org IS NULL))";

impl RetentionExempt {
    /// Returns an empty set of marks for the folder of a journal's file. Opens no file yet.
    pub(in crate::journal) fn beside(conn: &Connection) -> Self {
        let dir = conn.path().map(Path::new).and_then(Path::parent).map(Path::to_path_buf);
        Self { dir: dir.unwrap_or_default(), notes: None, has_table: false }
    }

    /// Copies the marks into a temporary table that [`UNMARKED`] reads. Costs one query as long as no mark changed.
    ///
    /// # Errors
    /// The marks cannot be read. Then no row may be removed.
    pub(in crate::journal) fn refresh(&mut self, conn: &Connection) -> Result<(), NotesError> {
        let mut is_new = !self.has_table;
        if let Some(notes) = &mut self.notes {
            is_new |= notes.is_moved()?;
        } else {
            self.notes = Notes::look(&self.dir)?;
            is_new |= self.notes.is_some();
        }
        if is_new {
            let marks = self.notes.as_ref().map_or(Ok(Vec::new()), Notes::marks)?;
            let filled = fill(conn, &marks);
            filled.map_err(|error| NotesError::Storage {
                path: "the journal".to_owned(),
                source: error.into(),
            })?;
            self.has_table = true;
        }
        Ok(())
    }

    /// Closes the file of marks. The next refresh opens it again, because the file may have been replaced.
    pub(in crate::journal) fn close(&mut self) {
        (self.notes, self.has_table) = (None, false);
    }
}

fn fill(conn: &Connection, marks: &[Marked]) -> rusqlite::Result<()> {
    let tx = Transaction::new_unchecked(conn, TransactionBehavior::Deferred)?;
    tx.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS spared (ts INTEGER NOT NULL, uuid BLOB NOT NULL, part INTEGER NOT NULL,
            org INTEGER);
         CREATE INDEX IF NOT EXISTS temp.spared_key ON spared (ts, uuid, part);
         DELETE FROM temp.spared;",
    )?;
    {
        let mut insert = tx.prepare_cached(
            "INSERT INTO temp.spared VALUES (?1, ?2, ?3, (SELECT id FROM main.org WHERE key = ?4))",
        )?;
        for Marked { org, key, .. } in marks {
            insert.execute((key.published_ms, key.id.as_bytes(), key.part, org))?;
        }
    }
    tx.commit()
}
