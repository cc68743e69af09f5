//! The progress of the cleaning.

use rusqlite::{Connection, OptionalExtension as _};

use crate::journal::checksum;
use crate::journal::tables::identity::Identity;
use crate::journal::write::training::Training;

/// The steps of the cleaning. Their numbers are stored on the disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(super) enum Step {
    Dictionary = 0,
    Rows = 1,
    Texts = 2,
    Sides = 3,
    Rejects = 4,
    Forget = 5,
    Shrink = 6,
    Done = 7,
}

impl Step {
    fn from_code(code: u8) -> Self {
        let all = [
            Self::Dictionary,
            Self::Rows,
            Self::Texts,
            Self::Sides,
            Self::Rejects,
            Self::Forget,
            Self::Shrink,
        ];
        all.into_iter().find(|step| *step as u8 == code).unwrap_or(Self::Done)
    }

    fn next(self) -> Self {
        Self::from_code(self as u8 + 1)
    }
}

/// Returns whether every row is clean, so that readers need not hide secrets.
pub(in crate::journal) fn is_clean(conn: &Connection) -> rusqlite::Result<bool> {
    let mut statement = conn.prepare_cached("SELECT * FROM clean")?;
    let step = statement.query_row([], |row| if checksum::holds(row)? { row.get("step") } else { Ok(0) });
    Ok(Step::from_code(step.optional()?.unwrap_or(0)) >= Step::Shrink)
}

/// When the next step of cleaning is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::journal) enum Pace {
    /// At once, after the batches that wait.
    Soon,
    /// In a second: a thread or a reader has to finish first.
    Later,
    /// In an hour: there is too little room on the disk.
    Blocked,
    /// There is nothing left to do.
    Done,
}

/// A cleaning that is under way.
#[derive(Debug)]
pub(in crate::journal) struct Cleaning {
    pub(super) step: Step,
    /// The number of the last row, text or record that this step has cleaned.
    pub(super) at: i64,
    /// Rows above this number were clean when they were stored, and known by keyed digests.
    pub(super) stop: i64,
    /// The same for side events.
    pub(super) sides: i64,
    /// The number of the dictionary of cleaned events; 0 if the journal had none of its own.
    pub(super) dict: i64,
    pub(super) training: Option<Training>,
    /// Whether the file was rewritten, so that only its WAL is left to empty.
    pub(super) is_rewritten: bool,
    /// The note that people see.
    pub(super) note: Option<String>,
    /// The free bytes of the disk, set by tests.
    #[cfg(test)]
    pub(super) room: Option<u64>,
}

impl Cleaning {
    /// Returns the key of a journal, and the cleaning that is left to do, or `None` if all is clean.
    pub(in crate::journal) fn load(conn: &Connection) -> rusqlite::Result<(Identity, Option<Self>)> {
        let mut cleaning = Self::begin();
        let secret = cleaning.read(conn)?;
        Ok((Identity::new(&secret), Some(cleaning).filter(|cleaning| cleaning.step != Step::Done)))
    }

    /// Reads the stored progress and returns the key. If the progress is damaged, cleaning begins again. It then
    /// replaces no digest by a keyed one, because the digest may be keyed already.
    pub(super) fn read(&mut self, conn: &Connection) -> rusqlite::Result<Vec<u8>> {
        let read = conn.query_row("SELECT * FROM clean", [], |row| {
            if checksum::holds(row)? {
                self.step = Step::from_code(row.get("step")?);
                (self.at, self.dict) = (row.get("at")?, row.get("dict")?);
                (self.stop, self.sides) = (row.get("stop")?, row.get("sides")?);
            } else {
                (self.step, self.at, self.dict) = (Step::Dictionary, 0, 0);
                (self.stop, self.sides) = (0, 0);
            }
            row.get("secret")
        });
        Ok(read.optional()?.unwrap_or_default())
    }

    fn begin() -> Self {
        Self {
            step: Step::Dictionary,
            at: 0,
            stop: 0,
            sides: 0,
            dict: 0,
            training: None,
            is_rewritten: false,
            note: None,
            #[cfg(test)]
            room: None,
        }
    }

    /// Stores the progress.
    pub(super) fn save(&self, conn: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE clean SET step = ?1, at = ?2, stop = ?3, sides = ?4, dict = ?5";
        let values = (self.step as u8, self.at, self.stop, self.sides, self.dict);
        conn.prepare_cached(sql)?.execute(values)?;
        checksum::seal_row(conn, checksum::CLEAN, &[&1])
    }

    /// Returns whether rows may still have digests without the key as ids, and dictionaries may still contain secrets.
    pub(in crate::journal) fn is_before_texts(&self) -> bool {
        self.step < Step::Texts
    }

    /// Moves past the last row that was found, or to the next step if none was found.
    pub(super) fn go_on(&mut self, last: Option<i64>) {
        match last {
            Some(last) => self.at = last,
            None => self.advance(),
        }
    }

    /// Moves to the next step.
    pub(super) fn advance(&mut self) {
        self.step = self.step.next();
        self.at = 0;
    }
}
