//! The writing connection and the values that it caches.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use super::checksum::{self, Unsealed};
use super::clean::{Cleaning, Identity};
use super::commit::{Batch, Commit, Head};
use super::doubt;
use super::error::AppendError;
use super::history;
use super::intern::Known;
use super::label;
use super::mend;
use super::merge::Pen;
use super::meta::Meta;
use super::pack::{self, Packer, Unpacker};
use super::place::Place;
use super::prune;
use super::recent::Recent;
use super::settings::Settings;
use super::shared;
use super::side;
use super::spare::Spared;
use super::sweep::Sweep;
use crate::consent::{Bookmark, Reject};
use crate::report::Gap;

/// Writes batches. Everything here blocks, so it lives on the writer's thread.
pub(super) struct Store {
    pub(super) conn: Connection,
    pub(super) settings: Settings,
    /// Loaded on first use, and again after a failed transaction, because that one may have changed it.
    memory: Option<Memory>,
    head: Head,
    /// Rows that only a hook has brought.
    hook_only: i64,
    /// The training of a dictionary that is under way.
    training: Option<JoinHandle<Option<Vec<u8>>>>,
    /// The sweep of texts that is under way.
    pub(super) sweep: Option<Sweep>,
    /// Whether rows went since the last whole sweep. At the start nobody knows, so one is made.
    pub(super) sweep_due: bool,
    /// Identifies the open files, so that a write to a removed or replaced file is not acknowledged.
    pub(super) place: Option<Arc<Place>>,
    /// What is not removed, however old.
    pub(super) spared: Spared,
    /// How far this machine's clock is ahead of Okta's; 0 where they agree.
    pub(super) ahead_ms: i64,
    /// How far rows of an earlier format have got their checksums, or `None` once all have one.
    unsealed: Option<Unsealed>,
    /// How events without a uuid are known.
    pub(super) identity: Identity,
    /// The cleaning that is under way, or `None` once all is clean.
    pub(super) cleaning: Option<Cleaning>,
}

struct Memory {
    meta: Meta,
    known: Known,
    recent: Recent,
    packer: Packer,
}

/// At most this many unreadable records of each source are kept, the newest.
const REJECTS_MAX: i64 = 1000;
/// At most this many gaps are kept, the newest.
const GAPS_MAX: i64 = 1000;
/// From this many rows on, the journal's own events make the better dictionary.
const TRAIN_ROWS: i64 = 2000;
/// A sample longer than this teaches nothing more.
const SAMPLE_BYTES_MAX: usize = 8 * 1024;

impl Store {
    /// Takes over a connection whose file is of the present format.
    pub(super) fn new(conn: Connection, settings: Settings) -> rusqlite::Result<Self> {
        mend::at_start(&conn)?;
        let meta = Meta::load(&conn)?;
        let (head, hook_only) = (meta.head(), meta.hook_only);
        conn.set_prepared_statement_cache_capacity(64);
        let spared = Spared::beside(&conn);
        let (identity, cleaning) = Cleaning::load(&conn)?;
        let sealed: bool = conn.query_row("SELECT sealed FROM meta", [], |row| row.get(0))?;
        Ok(Self {
            conn,
            settings,
            memory: None,
            head,
            hook_only,
            training: None,
            sweep: None,
            sweep_due: true,
            spared,
            ahead_ms: 0,
            place: None,
            unsealed: (!sealed).then_some(Unsealed::Rows(0)),
            identity,
            cleaning,
        })
    }

    /// Whether as many rows are kept that only a hook has brought as may be.
    pub(super) fn is_full_of_unconfirmed(&self) -> bool {
        self.hook_only >= self.settings.unconfirmed_max()
    }

    /// Whether there are so many of them that some should go.
    pub(super) fn is_crowded(&self) -> bool {
        self.hook_only > prune::unconfirmed_goal(self.settings)
    }

    /// How far the journal has come.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// Writes batches in one transaction and says of each what became of it. On an error nothing of any is stored.
    pub(super) fn write<'b>(
        &mut self,
        batches: impl Iterator<Item = &'b Batch>,
    ) -> Result<Vec<Commit>, AppendError> {
        self.check_place()?;
        let mut memory = match self.memory.take() {
            Some(memory) => memory,
            None => Memory {
                meta: Meta::load(&self.conn)?,
                known: Known::default(),
                recent: Recent::load(&self.conn)?,
                packer: Packer::load(&self.conn)?.map_err(AppendError::Pack)?,
            },
        };
        let before = memory.meta.clone();
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut commits = Vec::new();
        let mut is_repaired = false;
        {
            let Memory { meta, known, recent, packer } = &mut memory;
            let mut pen = Pen::new(&tx, meta, known, recent, packer, &mut self.sweep, &self.identity)?;
            pen.has_unkeyed = self.cleaning.as_ref().is_some_and(Cleaning::is_before_texts);
            for batch in batches {
                let mut commit = Commit::default();
                pen.is_history = batch.history.is_some();
                for consent in &batch.consents {
                    pen.put(consent, &mut commit)?;
                }
                if !batch.sides.is_empty() {
                    side::put(&tx, pen.meta, &batch.sides, &self.identity)?;
                }
                if !batch.rejects.is_empty() {
                    put_rejects(&tx, &batch.rejects)?;
                }
                if let Some(gap) = &batch.gap {
                    put_gap(&tx, gap)?;
                }
                if let Some(bookmark) = &batch.bookmark {
                    put_bookmark(&tx, bookmark)?;
                    pen.meta.note_bookmark(bookmark);
                }
                if let Some(mark) = &batch.history {
                    history::put(&tx, pen.meta, mark)?;
                }
                if let Some(polled) = batch.polled {
                    pen.meta.note_poll(polled);
                    pen.meta.ahead_ms = self.ahead_ms;
                }
                if let Some(listening) = &batch.listening {
                    doubt::put_listening(&tx, pen.meta, listening)?;
                }
                label::put(&tx, pen.meta, &batch.labels)?;
                for attribution in &batch.attributions {
                    pen.attribute(attribution)?;
                }
                for repair in &batch.repairs {
                    pen.repair(repair)?;
                }
                is_repaired |= !batch.repairs.is_empty();
                commit.head = pen.meta.head();
                commits.push(commit);
            }
        }
        if is_repaired {
            mend::count_rows(&tx, &mut memory.meta)?;
        }
        if memory.meta != before {
            memory.meta.save(&tx)?;
        }
        tx.commit()?;
        self.head = memory.meta.head();
        self.hook_only = memory.meta.hook_only;
        self.memory = Some(memory);
        // A commit to a file that was removed or replaced meanwhile is not acknowledged.
        self.check_place()?;
        Ok(commits)
    }

    fn check_place(&self) -> Result<(), AppendError> {
        self.place.as_ref().map_or(Ok(()), |place| place.check()).map_err(AppendError::Gone)
    }

    /// Changes rows outside of a batch, in one transaction.
    pub(super) fn change<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>, &mut Meta) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut meta = Meta::load(&tx)?;
        let result = change(&tx, &mut meta)?;
        meta.save(&tx)?;
        tx.commit()?;
        self.head = meta.head();
        self.hook_only = meta.hook_only;
        if let Some(memory) = &mut self.memory {
            memory.meta = meta;
        }
        Ok(result)
    }

    /// Gives checksums to some rows of an earlier format, and returns whether there may be more.
    pub(super) fn seal_some(&mut self) -> rusqlite::Result<bool> {
        let Some(done) = self.unsealed else { return Ok(false) };
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = checksum::seal_some(&tx, done)?;
        if done.is_none() {
            tx.execute("UPDATE meta SET sealed = 1", [])?;
            checksum::seal_row(&tx, checksum::META, &[&1])?;
        }
        tx.commit()?;
        self.unsealed = done;
        Ok(done.is_some())
    }

    /// Whether rows of an earlier format are without checksums.
    pub(super) fn is_unsealed(&self) -> bool {
        self.unsealed.is_some()
    }

    /// Forgets texts that were removed, given by rising number; should they come again they are new.
    pub(super) fn forget_texts(&mut self, ids: &[u32]) {
        if let Some(memory) = &mut self.memory {
            memory.known.forget(ids);
        }
    }

    /// Trains a dictionary on the journal's own events, once, when there are enough, and takes it up at a later call:
    /// it takes an eighth of a second, so another thread does it.
    pub(super) fn train_when_due(&mut self) -> Result<(), AppendError> {
        let Some(memory) = &self.memory else { return Ok(()) };
        // What is not clean yet teaches nothing.
        if self.cleaning.as_ref().is_some_and(Cleaning::is_before_texts) {
            return Ok(());
        }
        if memory.meta.trained || memory.meta.rows < TRAIN_ROWS {
            return Ok(());
        }
        let training = if let Some(training) = self.training.take() {
            training
        } else {
            let (samples, dict) = (samples(&self.conn, |raw| raw)?, pack::newest(&self.conn)?);
            let work = move || pack::train(&samples, &dict);
            thread::Builder::new().name("dictionary".to_owned()).spawn(work).map_err(AppendError::Pack)?
        };
        if !training.is_finished() {
            self.training = Some(training);
            return Ok(());
        }
        // One that panicked gave no dictionary, and would not at another try.
        let body = training.join().unwrap_or_default();
        self.change(|tx, meta| {
            meta.trained = true;
            match &body {
                Some(body) => {
                    tx.execute("INSERT INTO dict (own, body) VALUES (1, ?1)", [body])?;
                    checksum::seal_row(tx, checksum::DICT, &[&tx.last_insert_rowid()])?;
                    pack::keep_copies(tx)
                }
                None => Ok(()),
            }
        })?;
        self.take_up_dictionary()
    }

    /// Packs with the newest dictionary from now on.
    pub(super) fn take_up_dictionary(&mut self) -> Result<(), AppendError> {
        if let Some(memory) = &mut self.memory {
            memory.packer = Packer::load(&self.conn)?.map_err(AppendError::Pack)?;
        }
        Ok(())
    }

    /// Moves what it can from the WAL into the file, without waiting for readers.
    pub(super) fn checkpoint(&self) -> rusqlite::Result<()> {
        self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }

    /// Moves all that readers let go of from the WAL into the file, and lets go of both.
    pub(super) fn close(self) {
        if let Err(error) = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            // The WAL stays, and whoever opens the journal next reads it.
            tracing::warn!(%error, "The journal was closed without its last checkpoint.");
        }
        if let Err((_, error)) = self.conn.close() {
            tracing::warn!(%error, "The journal's file was not closed well.");
        }
    }
}

fn put_rejects(tx: &Transaction<'_>, rejects: &[Reject]) -> Result<(), AppendError> {
    if checksum::count_damaged(tx, checksum::UNREADABLE)? > 0 {
        // A change must not make a damaged count sound.
        mend::count_unreadable(tx)?;
    }
    let mut insert = tx.prepare_cached(
        "INSERT INTO reject (received, source, why, body, length) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut count = tx.prepare_cached(
        "INSERT INTO unreadable (source, count, first, last) VALUES (?1, 1, ?2, ?2) ON CONFLICT (source)
            DO UPDATE SET count = count + 1, first = MIN(first, ?2), last = MAX(last, ?2)",
    )?;
    for reject in rejects {
        let body = zstd::bulk::compress(&reject.bytes, 3).map_err(AppendError::Pack)?;
        let length = i64::try_from(reject.length).unwrap_or(i64::MAX);
        let received = reject.received.as_millisecond();
        insert.execute((received, reject.source, &reject.why, body, length))?;
        checksum::seal_row(tx, checksum::REJECT, &[&tx.last_insert_rowid()])?;
        count.execute((reject.source, received))?;
        checksum::seal_row(tx, checksum::UNREADABLE, &[&reject.source])?;
    }
    // Whoever sends many records by one way pushes out none of the other's.
    let sources: BTreeSet<&str> = rejects.iter().map(|reject| reject.source).collect();
    let cut = "DELETE FROM reject WHERE source = ?1
        AND id <= (SELECT id FROM reject WHERE source = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    for source in sources {
        tx.prepare_cached(cut)?.execute((source, REJECTS_MAX))?;
    }
    Ok(())
}

fn put_gap(tx: &Transaction<'_>, gap: &Gap) -> rusqlite::Result<()> {
    // The same gap may be told again by a batch that is tried again.
    let sql = "INSERT INTO gap (start, stop, why) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    if tx.prepare_cached(sql)?.execute((gap.from.to_string(), gap.to.to_string(), &gap.why))? > 0 {
        checksum::seal_row(tx, checksum::GAP, &[&tx.last_insert_rowid()])?;
    }
    tx.prepare_cached("DELETE FROM gap WHERE id <= (SELECT MAX(id) FROM gap) - ?1")?.execute([GAPS_MAX])?;
    Ok(())
}

fn put_bookmark(tx: &Transaction<'_>, bookmark: &Bookmark) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO bookmark (id, query, next, last_published, since, caught_up)
        VALUES (1, ?1, ?2, ?3, ?4, ?5)";
    let last = bookmark.last_published.map(|time| time.to_string());
    let values = (&bookmark.query, &bookmark.next, last, bookmark.since.to_string(), bookmark.caught_up);
    tx.prepare_cached(sql)?.execute(values)?;
    checksum::seal_row(tx, checksum::BOOKMARK, &[&1])
}

/// Returns the newest events, each as `clean` makes it, to train a dictionary on.
pub(super) fn samples(
    conn: &Connection,
    clean: impl Fn(Vec<u8>) -> Vec<u8>,
) -> rusqlite::Result<Vec<Vec<u8>>> {
    let mut unpacker = Unpacker::default();
    let mut samples = Vec::new();
    let mut statement = conn.prepare("SELECT dict, body FROM raw ORDER BY seq DESC LIMIT ?1")?;
    let mut rows = statement.query([TRAIN_ROWS])?;
    while let Some(row) = rows.next()? {
        let (dict, body) = shared::packed(row)?;
        if let Ok(raw) = unpacker.unpack(conn, dict, &body)? {
            let mut raw = clean(raw);
            raw.truncate(SAMPLE_BYTES_MAX);
            samples.push(raw);
        }
    }
    Ok(samples)
}

/// Reads the bookmark.
pub(super) fn bookmark(conn: &Connection) -> rusqlite::Result<Option<Bookmark>> {
    let sql = "SELECT * FROM bookmark";
    let found = conn
        .prepare_cached(sql)?
        .query_row([], |row| {
            let (query, next, last) = (row.get("query")?, row.get("next")?, row.get("last_published")?);
            let values = (query, next, last, row.get::<_, String>("since")?, row.get("caught_up")?);
            Ok((values, checksum::holds(row)?))
        })
        .optional()?;
    let Some(((query, next, last, since, caught_up), holds)) = found else { return Ok(None) };
    let last: Option<String> = last;
    // A damaged place to go on from is none: the poller begins again and the key keeps doubles out.
    let Some(since) = since.parse().ok().filter(|_| holds) else { return Ok(None) };
    let last_published = last.and_then(|text| text.parse().ok());
    Ok(Some(Bookmark { query, next, last_published, since, caught_up }))
}
