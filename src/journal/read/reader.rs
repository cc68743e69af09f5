//! The reader: its connection, and what it remembers from page to page.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::consent::{OrgId, Orgs, Seq, Thing};
use crate::journal::batch::Head;
use crate::journal::connection;
use crate::journal::error::{OpenError, ReadError};
use crate::journal::meta::Meta;
use crate::journal::pack::Unpacker;
use crate::journal::tables::{label, org};
use crate::journal::{checksum, clean};

/// Reads the journal. Sees each commit as soon as it is made, and never blocks the writer.
pub struct Reader {
    pub(super) conn: Connection,
    pub(super) given: Given,
    pub(super) is_bare: bool,
    pub(super) unpacker: RefCell<Unpacker>,
    /// Whether every row has a checksum. Once `true`, it stays `true`.
    is_sealed: Cell<bool>,
    /// Whether no row holds a secret that an earlier version stored. Once `true`, it stays `true`.
    is_clean: Cell<bool>,
    /// The damaged rows among those that were read.
    pub(super) damaged: RefCell<BTreeSet<Seq>>,
    /// The damaged texts among those that were checked.
    pub(super) bad_texts: BTreeSet<u32>,
}

/// The most damaged rows that are remembered.
pub(super) const DAMAGED_MAX: usize = 10_000;

impl Reader {
    /// Opens the journal in a directory, which must exist.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let conn = connection::connect_reader(dir)?;
        conn.set_prepared_statement_cache_capacity(32);
        Ok(Self {
            conn,
            given: Given::default(),
            is_bare: false,
            unpacker: RefCell::default(),
            is_sealed: Cell::new(false),
            is_clean: Cell::new(false),
            damaged: RefCell::default(),
            bad_texts: BTreeSet::new(),
        })
    }

    /// Makes the reader return texts as the events have them, without the names that Okta gave for ids later.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.is_bare = true;
        self
    }

    /// Returns the folder of the journal, for another reader on another thread.
    pub fn dir(&self) -> PathBuf {
        self.conn.path().map(Path::new).and_then(Path::parent).unwrap_or(Path::new("")).to_owned()
    }

    pub(in crate::journal) fn conn(&self) -> &Connection {
        &self.conn
    }

    /// Forgets which texts were handed out and which rows are damaged, as if nothing had been read yet.
    pub fn forget_given(&mut self) {
        self.given = Given::default();
        self.bad_texts.clear();
        self.damaged.borrow_mut().clear();
    }

    /// Returns the journal's head.
    pub fn head(&self) -> Result<Head, ReadError> {
        Ok(Meta::load(&self.conn)?.head())
    }

    /// Returns a number that changes with each commit of another connection (SQLite: PRAGMA data_version).
    pub fn data_version(&self) -> Result<i64, ReadError> {
        Ok(self.conn.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// Returns all orgs that the journal knows.
    pub fn orgs(&self) -> Result<Orgs, ReadError> {
        Ok(org::all(&self.conn)?)
    }

    /// Returns the orgs that the process works for which writes the journal, or which wrote it last.
    pub fn orgs_of_writer(&self) -> Result<Vec<OrgId>, ReadError> {
        Ok(org::polled(&self.conn)?)
    }

    /// Returns the things of an org that Okta was asked about at `since` or later, each with its id.
    pub fn labels_asked_since(
        &self,
        org: OrgId,
        since: Timestamp,
    ) -> Result<Vec<(Thing, String)>, ReadError> {
        Ok(label::asked_since(&self.conn, org, since)?)
    }

    /// Returns the numbers of the damaged rows among those that were read so far, ten thousand at most. Lists have an
    /// empty line for each, and [`Reader::records_after`] leaves them out.
    pub fn damaged(&self) -> Vec<Seq> {
        self.damaged.borrow().iter().copied().collect()
    }

    /// Remembers a damaged row.
    pub(super) fn note_damaged(&self, seq: Seq, error: &(dyn std::error::Error + 'static)) {
        let mut damaged = self.damaged.borrow_mut();
        if damaged.len() < DAMAGED_MAX && damaged.insert(seq) {
            tracing::warn!(seq = seq.0, error, "A row of the journal is damaged.");
        }
    }

    /// Returns whether every row has a checksum by now, so that one without is damaged.
    pub(super) fn is_sealed(&self) -> rusqlite::Result<bool> {
        if !self.is_sealed.get() {
            let sealed =
                self.conn.prepare_cached("SELECT sealed FROM meta")?.query_row([], |row| row.get(0))?;
            self.is_sealed.set(sealed);
        }
        Ok(self.is_sealed.get())
    }

    /// Returns whether no row holds secrets that an earlier version stored.
    pub(super) fn is_clean(&self) -> rusqlite::Result<bool> {
        if !self.is_clean.get() {
            self.is_clean.set(clean::is_clean(&self.conn)?);
        }
        Ok(self.is_clean.get())
    }

    /// Returns whether a stored checksum matches, or may still be missing.
    pub(super) fn holds(
        &self,
        kept: ValueRef<'_>,
        holds: impl FnOnce(i64) -> bool,
    ) -> rusqlite::Result<bool> {
        match kept {
            ValueRef::Integer(kept) => Ok(holds(kept)),
            ValueRef::Null => Ok(!self.is_sealed()?),
            _ => Ok(false),
        }
    }

    /// Returns a text and its org by its number, or `None` if it is not there or is damaged.
    pub(super) fn text(&self, id: u32) -> rusqlite::Result<Option<(OrgId, String)>> {
        let mut statement = self.conn.prepare_cached("SELECT text, sum, org FROM sym WHERE id = ?1")?;
        let mut found = statement.query([id])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let (Ok(text), Ok(org)) = (row.get_ref(0)?.as_str(), row.get::<_, u8>(2)) else { return Ok(None) };
        if !self.holds(row.get_ref(1)?, |kept| kept == checksum::of_text(id, org.into(), text))? {
            return Ok(None);
        }
        let clean = if self.is_clean()? { None } else { clean::symbol(text) };
        let text = clean.map_or_else(|| text.to_owned(), |clean| clean.as_str().to_owned());
        Ok(Some((OrgId(org), text)))
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// Which texts were handed out: one bit each.
#[derive(Debug, Default)]
pub(super) struct Given(Vec<u64>);

impl Given {
    /// Returns whether a text was handed out.
    pub(super) fn has(&self, id: u32) -> bool {
        self.0.get(id as usize / 64).is_some_and(|word| word & (1 << (id % 64)) != 0)
    }

    /// Records that a text is handed out.
    pub(super) fn mark(&mut self, id: u32) {
        let index = id as usize / 64;
        if self.0.len() <= index {
            self.0.resize(index + 1, 0);
        }
        self.0[index] |= 1 << (id % 64);
    }
}
