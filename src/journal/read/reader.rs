//! Reading: a connection of one's own, beside the writer or without one.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Params, Row as Found};

use crate::consent::{
    Beside, Bookmark, EventKey, Evidence, GrantMarks, HistoryMark, Kind, Label, Outcome, Page, Person, Reach,
    Rev, Row, Seq, Severity, SideEvent, Stored, Sym, Symbol, Thing, Via,
};
#[cfg(test)]
use crate::consent::{Reject, redact};
use crate::journal::checksum::{self, Line, Record};
use crate::journal::clean;
use crate::journal::columns::{event_id, limit, time};
use crate::journal::commit::{Head, Polling};
use crate::journal::connection;
use crate::journal::error::{Ailment, OpenError, ReadError};
use crate::journal::meta::Meta;
use crate::journal::pack::Unpacker;
use crate::journal::tables::{bookmark, delivery, doubt, hidden, history, label, shared, side};
use crate::report::{Coverage, Gap, HookProof, Unreadable};

/// Reads the journal. It sees each commit as soon as it is made, and never keeps the writer waiting.
pub struct Reader {
    conn: Connection,
    given: Given,
    is_bare: bool,
    unpacker: RefCell<Unpacker>,
    /// Whether every row has a checksum; once it is so, it stays so.
    is_sealed: Cell<bool>,
    /// Whether no row holds a secret that an earlier version stored; once it is so, it stays so.
    is_clean: Cell<bool>,
    /// The rows that were read and are not what was written.
    damaged: RefCell<BTreeSet<Seq>>,
    /// The texts that were looked at and are not what was written.
    bad_texts: BTreeSet<u32>,
}

/// How much the journal holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Rows.
    pub rows: u64,
    /// Records that could not be read and are kept.
    pub rejects: u64,
}

/// Written for deliveries that failed, and for no others (Okta: event types).
const DELIVERY_FAILED: &str = "event_hook.delivery";

const ROW: &str =
    "SELECT seq, rev, ts, who, actor, client, server, scopes, origin, kind, via, outcome, severity,
    evidence, late, doubt, grants, sum FROM event";
const STORED: &str =
    "SELECT event.seq, event.rev, event.ts, event.uuid, event.part, event.received, event.via,
    event.evidence, delivery.body, raw.dict, raw.body, sym.text, event.client, event.server, event.doubt,
    event.who, event.session, event.sum, sym.sum
    FROM event LEFT JOIN raw ON raw.seq = event.seq LEFT JOIN delivery ON delivery.seq = event.seq
    LEFT JOIN sym ON sym.id = event.who";

/// Stands in the place of a text that is not what was written.
const DAMAGED_TEXT: &str = "(damaged)";
/// Damaged rows that are remembered by number.
pub(in crate::journal) const DAMAGED_MAX: usize = 10_000;

/// Why there is a gap that is not what was written.
const GAP_DAMAGED: &str = "the record of a gap here is damaged on the disk, so its times may be wrong";

/// A time this far ahead of its receipt is not believed.
const AHEAD_MS: i64 = 300_000;
/// Rows whose numbers lie further apart than this, on average, are looked up one by one.
const SPREAD_MAX: usize = 16;

/// How far around a consent its session is looked at.
const HALF_A_DAY_MS: i64 = 12 * 60 * 60 * 1000;

impl Reader {
    /// Opens the journal in a directory; it must be there.
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

    /// Reads texts as the events have them, without what Okta told of their ids since.
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

    /// Hands out every text again, to whoever begins anew.
    pub fn forget_given(&mut self) {
        self.given = Given::default();
        self.bad_texts.clear();
        self.damaged.borrow_mut().clear();
    }

    /// Looks at the lines of the rows just above `seq`, at most `n`, at how many values of each are hidden, and at the
    /// texts that they name and that were not looked at before. Returns of each row whether all of it is what was
    /// written.
    pub(in crate::journal) fn lines_after(
        &mut self,
        seq: Seq,
        n: usize,
    ) -> Result<Vec<(Seq, bool)>, ReadError> {
        let rows = self.rows(&format!("{ROW} WHERE seq > ?1 ORDER BY seq LIMIT ?2"), (seq.0, limit(n)))?;
        let mut lines = Vec::with_capacity(rows.len());
        self.hidden_of(&rows)?;
        for (row, _) in rows {
            let mut is_good = !self.damaged.borrow().contains(&row.seq);
            for sym in [row.who, row.actor, row.client, row.server, row.scopes, row.from] {
                if sym.0 != 0 && !self.given.has(sym.0) {
                    if self.text(sym.0)?.is_none() {
                        self.bad_texts.insert(sym.0);
                    }
                    self.given.mark(sym.0);
                }
                is_good &= !self.bad_texts.contains(&sym.0);
            }
            lines.push((row.seq, is_good));
        }
        Ok(lines)
    }

    /// Reads the whole records of the rows above `after` up to `to`; nothing for one that is not what was written. What
    /// a record has only from a text is left out, so no damaged text takes a sound event with it.
    pub(in crate::journal) fn each_record(
        &self,
        after: Seq,
        to: Seq,
    ) -> Result<Vec<(Seq, Option<Stored>)>, ReadError> {
        let sql = format!("{STORED} WHERE event.seq > ?1 AND event.seq <= ?2 ORDER BY event.seq");
        let found = self.stored(&sql, (after.0, to.0), Texts::Unread)?;
        Ok(found.into_iter().map(|(seq, stored)| (seq, stored.ok())).collect())
    }

    /// Returns how far the journal has come.
    pub fn head(&self) -> Result<Head, ReadError> {
        Ok(Meta::load(&self.conn)?.head())
    }

    /// Returns a number that is another one after any other connection's commit (SQLite: PRAGMA data_version).
    pub fn data_version(&self) -> Result<i64, ReadError> {
        Ok(self.conn.pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// Returns the newest rows, at most `n`, in rising order.
    pub fn newest(&mut self, n: usize) -> Result<Page, ReadError> {
        self.before(Seq(i64::MAX), n)
    }

    /// Returns the rows just below `seq`, at most `n`, in rising order.
    pub fn before(&mut self, seq: Seq, n: usize) -> Result<Page, ReadError> {
        let sql = format!("{ROW} WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2");
        let mut rows = self.rows(&sql, (seq.0, limit(n)))?;
        rows.reverse();
        self.page(rows)
    }

    /// Returns the rows just above `seq`, at most `n`, in rising order.
    pub fn after(&mut self, seq: Seq, n: usize) -> Result<Page, ReadError> {
        let sql = format!("{ROW} WHERE seq > ?1 ORDER BY seq LIMIT ?2");
        let rows = self.rows(&sql, (seq.0, limit(n)))?;
        self.page(rows)
    }

    /// Returns the rows that changed after `rev`, at most `n`, in the order of their last change.
    pub fn changed(&mut self, rev: Rev, n: usize) -> Result<Page, ReadError> {
        // The second condition is the index's own; without it SQLite would not use the index.
        let sql = format!("{ROW} WHERE rev > ?1 AND rev > 0 ORDER BY rev LIMIT ?2");
        let rows = self.rows(&sql, (rev.0, limit(n)))?;
        self.page(rows)
    }

    /// Returns the texts that have other names since the changes after `rev` up to `to`; some may not have been given
    /// out before.
    pub fn renamed(&mut self, rev: Rev, to: Rev) -> Result<Vec<(Sym, Symbol)>, ReadError> {
        let symbols = label::filled_since(&self.conn, rev, to)?;
        for (sym, _) in &symbols {
            self.given.mark(sym.0);
        }
        Ok(symbols)
    }

    /// Returns the ids that Okta was asked about at a time or later.
    pub fn labels_asked_since(&self, since: Timestamp) -> Result<Vec<(Thing, String)>, ReadError> {
        Ok(label::asked_since(&self.conn, since)?)
    }

    /// Returns one row with its raw event and envelope.
    ///
    /// # Errors
    /// The journal cannot be read, or the row is not what was written.
    pub fn record(&self, seq: Seq) -> Result<Option<Stored>, ReadError> {
        let found = self.stored(&format!("{STORED} WHERE event.seq = ?1"), [seq.0], Texts::Read)?;
        found.into_iter().next().map(|(_, stored)| stored).transpose()
    }

    /// Returns the numbers of the rows that were read so far and are not what was written; a list has an empty line for
    /// each, [`Reader::records_after`] leaves them out. At most some thousand are remembered.
    pub fn damaged(&self) -> Vec<Seq> {
        self.damaged.borrow().iter().copied().collect()
    }

    /// Returns what makes a row unique, or `None` if it is gone.
    pub fn key_of(&self, seq: Seq) -> Result<Option<EventKey>, ReadError> {
        let sql = "SELECT ts, uuid, part FROM event WHERE seq = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut found = statement.query([seq.0])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let id = event_id(row.get_ref(1)?.as_blob().unwrap_or_default())
            .map_err(|source| ReadError::Unpack { seq: seq.0, source })?;
        Ok(Some(EventKey { published_ms: row.get(0)?, id, part: row.get(2)? }))
    }

    /// Returns the row of an event, or `None` if it is not stored, or not any more.
    pub fn seq_of(&self, key: &EventKey) -> Result<Option<Seq>, ReadError> {
        let sql = "SELECT seq FROM event WHERE ts = ?1 AND uuid = ?2 AND part = ?3";
        let values = (key.published_ms, key.id.as_bytes(), key.part);
        let seq = self.conn.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
        Ok(seq.map(Seq))
    }

    /// Returns the rows just above `seq` with their raw events and envelopes, at most `n`, in rising order. None are
    /// the end. A row that is not what was written is left out, and [`Reader::damaged`] names it.
    pub fn records_after(&self, seq: Seq, n: usize) -> Result<Vec<Stored>, ReadError> {
        let sql = format!("{STORED} WHERE event.seq > ?1 ORDER BY event.seq LIMIT ?2");
        let mut after = seq;
        loop {
            let found = self.stored(&sql, (after.0, limit(n)), Texts::Read)?;
            let Some((last, _)) = found.last() else { return Ok(Vec::new()) };
            after = *last;
            let mut good = Vec::with_capacity(found.len());
            for (seq, stored) in found {
                match stored {
                    Ok(stored) => good.push(stored),
                    Err(error) => self.note_damaged(seq, &error),
                }
            }
            if !good.is_empty() {
                return Ok(good);
            }
        }
    }

    fn note_damaged(&self, seq: Seq, error: &(dyn std::error::Error + 'static)) {
        let mut damaged = self.damaged.borrow_mut();
        if damaged.len() < DAMAGED_MAX && damaged.insert(seq) {
            tracing::warn!(seq = seq.0, error, "A row of the journal is not what was written.");
        }
    }

    /// Whether a row without a checksum is damaged: every row has got one by now.
    pub(in crate::journal) fn is_sealed(&self) -> rusqlite::Result<bool> {
        if !self.is_sealed.get() {
            let sealed =
                self.conn.prepare_cached("SELECT sealed FROM meta")?.query_row([], |row| row.get(0))?;
            self.is_sealed.set(sealed);
        }
        Ok(self.is_sealed.get())
    }

    /// Whether what is read needs no look for secrets any more.
    fn is_clean(&self) -> rusqlite::Result<bool> {
        if !self.is_clean.get() {
            self.is_clean.set(clean::is_clean(&self.conn)?);
        }
        Ok(self.is_clean.get())
    }

    /// Hides the secrets of side events that an earlier version stored.
    fn cleaned(&self, mut sides: Vec<SideEvent>) -> Result<Vec<SideEvent>, ReadError> {
        if !self.is_clean()? {
            sides.iter_mut().for_each(clean::side);
        }
        Ok(sides)
    }

    /// Whether a kept checksum is good, or is not there yet.
    fn holds(
        &self,
        kept: rusqlite::types::ValueRef<'_>,
        holds: impl FnOnce(i64) -> bool,
    ) -> rusqlite::Result<bool> {
        match kept {
            rusqlite::types::ValueRef::Integer(kept) => Ok(holds(kept)),
            rusqlite::types::ValueRef::Null => Ok(!self.is_sealed()?),
            _ => Ok(false),
        }
    }

    /// Returns a text by its number, or `None` if it is not there, or is not what was written.
    fn text(&self, id: u32) -> rusqlite::Result<Option<String>> {
        let mut statement = self.conn.prepare_cached("SELECT text, sum FROM sym WHERE id = ?1")?;
        let mut found = statement.query([id])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let Ok(text) = row.get_ref(0)?.as_str() else { return Ok(None) };
        let is_good = self.holds(row.get_ref(1)?, |kept| kept == checksum::of_text(id, text))?;
        if is_good && !self.is_clean()? {
            return Ok(Some(
                clean::symbol(text).map_or_else(|| text.to_owned(), |clean| clean.as_str().to_owned()),
            ));
        }
        Ok(is_good.then(|| text.to_owned()))
    }

    fn rows(&self, sql: &str, params: impl Params) -> Result<Vec<(Row, Marks)>, ReadError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut found = statement.query(params)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            rows.push(match self.line(row)? {
                Ok(read) => read,
                Err(seq) => {
                    self.note_damaged(seq, &checksum::Mismatch("event"));
                    (blank(seq), Marks::new())
                }
            });
        }
        Ok(rows)
    }

    /// Reads a line of the list; the error is the number of a row that is not what was written.
    fn line(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Result<(Row, Marks), Seq>> {
        let mut numbers = [0; 16];
        let mut is_good = true;
        for (index, number) in numbers.iter_mut().enumerate() {
            match row.get_ref(index)? {
                rusqlite::types::ValueRef::Integer(read) => *number = read,
                _ => is_good = false,
            }
        }
        let line = Line { numbers, grants: checksum::bytes(row.get_ref(16)?) };
        let [seq, rev, ts, who, actor, client, server, scopes, origin, rest @ ..] = numbers;
        let [kind, via, outcome, severity, evidence, late, doubt] = rest;
        if !is_good || !self.holds(row.get_ref(17)?, |kept| line.holds(kept))? {
            return Ok(Err(Seq(seq)));
        }
        let sym = |number: i64| Sym(number as u32);
        let (kind, reach) = Kind::unpacked(kind as u8);
        let via = Via::from_code(via as u8);
        let read = Row {
            seq: Seq(seq),
            rev: Rev(rev),
            published_ms: ts,
            who: sym(who),
            actor: sym(actor),
            client: sym(client),
            server: sym(server),
            scopes: sym(scopes),
            from: sym(origin),
            kind,
            reach,
            via,
            doubt: doubt::of(via, doubt),
            outcome: Outcome::from_code(outcome as u8),
            severity: Severity::from_code(severity as u8),
            evidence: Evidence::from_code(evidence as u8),
            late: late != 0,
            hidden: 0,
        };
        let marks = line.grants.as_chunks().0.iter().map(|four| u32::from_le_bytes(*four)).collect();
        Ok(Ok((read, marks)))
    }

    /// Returns the first row published at `ms` since 1970 or later; reads only the index of times from there on.
    pub fn first_published_since(&self, ms: i64) -> Result<Option<Seq>, ReadError> {
        let sql = "SELECT MIN(+seq) FROM event INDEXED BY event_key WHERE ts >= ?1";
        let first: Option<i64> = self.conn.prepare_cached(sql)?.query_row([ms], |row| row.get(0))?;
        Ok(first.map(Seq))
    }

    /// Returns the rows above `after` that were published at `ms` since 1970 or later, at most `n`, in rising order.
    pub fn published_since(&self, ms: i64, after: Seq, n: usize) -> Result<Vec<Seq>, ReadError> {
        let sql = "SELECT seq FROM event WHERE seq > ?1 AND +ts >= ?2 ORDER BY seq LIMIT ?3";
        let found = self
            .conn
            .prepare_cached(sql)?
            .query_map((after.0, ms, limit(n)), |row| Ok(Seq(row.get(0)?)))?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// Whether rows were removed of those that somebody was given: `given` rows, all up to the number `last`.
    pub fn has_cut(&self, last: Seq, given: u64) -> Result<bool, ReadError> {
        // One look at the counters, so that rows that come meanwhile cannot hide those that go. Numbers are given out
        // without holes.
        let meta = Meta::load(&self.conn)?;
        let newer = meta.head().last.0.saturating_sub(last.0).max(0) as u64;
        Ok((meta.rows.max(0) as u64) < given.saturating_add(newer))
    }

    /// Returns which numbers above `after` up to `to` are there, at most `n`, in rising order.
    pub fn present(&self, after: Seq, to: Seq, n: usize) -> Result<Vec<Seq>, ReadError> {
        let sql = "SELECT seq FROM event WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3";
        let found = self
            .conn
            .prepare_cached(sql)?
            .query_map((after.0, to.0, limit(n)), |row| Ok(Seq(row.get(0)?)))?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// Returns the lowest number that is still there; what lies below was removed as too old or too much.
    pub fn oldest(&self) -> Result<Option<Seq>, ReadError> {
        let oldest: Option<i64> =
            self.conn.prepare_cached("SELECT MIN(seq) FROM event")?.query_row([], |row| row.get(0))?;
        Ok(oldest.map(Seq))
    }

    /// Returns where the poller goes on. If the stored bookmark is damaged, returns one without `next` that
    /// is made from the counters. The poller then restarts a little before the newest row and states the gap.
    pub fn bookmark(&self) -> Result<Option<Bookmark>, ReadError> {
        let sound = bookmark::load(&self.conn)?;
        if sound.is_some() {
            return Ok(sound);
        }
        let is_damaged = "SELECT EXISTS (SELECT 1 FROM bookmark)";
        if !self.conn.query_row(is_damaged, [], |row| row.get::<_, bool>(0))? {
            return Ok(None);
        }
        let meta = Meta::load(&self.conn)?;
        let newest = self.newest_polled()?;
        Ok(Some(Bookmark {
            query: String::new(),
            next: String::new(),
            last_published: newest,
            since: meta.complete_since.and_then(|text| text.parse().ok()).or(newest).unwrap_or_default(),
            caught_up: false,
        }))
    }

    /// Returns when the newest row was published that the log has shown. A row that only a hook brought says nothing of
    /// how far the log was read.
    fn newest_polled(&self) -> Result<Option<Timestamp>, ReadError> {
        let sql = format!(
            "{ROW} INDEXED BY event_key WHERE ts > 0 AND via <> ?1 AND ts <= received + ?2 ORDER BY ts DESC"
        );
        self.first_sound(&sql, (Via::HOOK.code(), AHEAD_MS))
    }

    /// Returns when the first row that a query of lines gives and that is what was written was published.
    fn first_sound(&self, sql: &str, params: impl Params) -> Result<Option<Timestamp>, ReadError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut found = statement.query(params)?;
        while let Some(row) = found.next()? {
            if let Ok((row, _)) = self.line(row)? {
                return Ok(Some(time(row.published_ms)));
            }
        }
        Ok(None)
    }

    /// Returns where the fetching of history goes on, if it was broken off.
    pub fn history(&self) -> Result<Option<HistoryMark>, ReadError> {
        Ok(history::mark(&self.conn)?)
    }

    /// Returns how much there is; counts nothing that grows.
    pub fn counts(&self) -> Result<Counts, ReadError> {
        let rows = Meta::load(&self.conn)?.rows;
        let rejects: i64 =
            self.conn.prepare_cached("SELECT COUNT(*) FROM reject")?.query_row([], |row| row.get(0))?;
        Ok(Counts { rows: rows.max(0) as u64, rejects: rejects.max(0) as u64 })
    }

    /// Returns the newest records that could not be read, at most `n`, newest first.
    #[cfg(test)]
    pub(crate) fn rejects(&self, n: usize) -> Result<Vec<Reject>, ReadError> {
        let sql = "SELECT received, source, why, body, length FROM reject ORDER BY id DESC LIMIT ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut found = statement.query([limit(n)])?;
        let mut rejects = Vec::new();
        while let Some(row) = found.next()? {
            let body: Vec<u8> = row.get(3)?;
            let bytes = zstd::bulk::decompress(&body, Reject::BYTES_MAX)
                .map_err(|source| ReadError::Unpack { seq: 0, source })?;
            rejects.push(Reject {
                received: time(row.get(0)?),
                source: if row.get_ref(1)?.as_str().is_ok_and(|word| word == "hook") {
                    "hook"
                } else {
                    "poll"
                },
                why: row.get(2)?,
                bytes: if self.is_clean()? { bytes.into() } else { redact::record(&bytes).into() },
                length: row.get::<_, i64>(4)?.max(0) as usize,
            });
        }
        Ok(rejects)
    }

    /// Returns for which time the journal is complete, what came late, and when the log was last read well.
    pub fn coverage(&self) -> Result<Coverage, ReadError> {
        let meta = Meta::load(&self.conn)?;
        let complete_since = meta.complete_since.and_then(|text| text.parse().ok());
        let last_good_poll = meta.last_good.and_then(|text| text.parse().ok());
        let mut statement = self.conn.prepare_cached("SELECT * FROM gap")?;
        let mut found = statement.query([])?;
        let mut gaps = Vec::new();
        while let Some(row) = found.next()? {
            let at = |column: &str| -> rusqlite::Result<Option<Timestamp>> {
                let text = std::str::from_utf8(checksum::bytes(row.get_ref(column)?));
                Ok(text.ok().and_then(|text| text.parse().ok()))
            };
            let (start, stop) = (at("start")?, at("stop")?);
            // Better a gap of wrong times than none where there is one.
            if let Some((from, to)) = start.or(stop).zip(stop.or(start)) {
                let why = if checksum::holds(row)? { row.get("why")? } else { GAP_DAMAGED.to_owned() };
                gaps.push(Gap { from: from.min(to), to: from.max(to), why });
            }
        }
        gaps.sort_by_key(|gap| (gap.from, gap.to));
        let (failures, last_failure) = side::count(&self.conn, DELIVERY_FAILED)?;
        let hook = HookProof {
            verified: meta.verified_ms.map(time),
            unconfirmed: meta.unconfirmed.max(0) as u64,
            missed: meta.missed.max(0) as u64,
            altered: meta.altered.max(0) as u64,
            unseen: meta.hook_only.max(0) as u64,
            failures,
            last_failure,
        };
        let shared = shared::count(&self.conn)?;
        let unreadable = self.unreadable()?;
        let late = meta.late.max(0) as u64;
        Ok(Coverage { complete_since, gaps, late, shared, last_good_poll, unreadable, hook })
    }

    /// Returns how the log was polled last.
    pub fn polling(&self) -> Result<Polling, ReadError> {
        let meta = Meta::load(&self.conn)?;
        // They are stored by Okta's clock, and whoever follows on this machine has the clock of who polls.
        let ahead = SignedDuration::from_millis(meta.ahead_ms);
        let here = |at: Timestamp| at.checked_add(ahead).unwrap_or(at);
        Ok(Polling {
            last_good: meta.last_good.and_then(|text| text.parse().ok()).map(here),
            caught_up: meta.caught_up_ms.map(time).map(here),
            interval: meta.interval_ms.map(|ms| Duration::from_millis(ms.max(0) as u64)),
            ahead,
        })
    }

    /// Returns how many records of the log could not be read.
    fn unreadable(&self) -> Result<Unreadable, ReadError> {
        // Of a damaged count, the records that are kept are left: at least so many there were.
        let sql = if checksum::count_damaged(&self.conn, checksum::UNREADABLE)? == 0 {
            "SELECT count, first, last FROM unreadable WHERE source = 'poll'"
        } else {
            "SELECT COUNT(*), MIN(received), MAX(received) FROM reject WHERE source = 'poll' HAVING COUNT(*) > 0"
        };
        let read = |row: &Found<'_>| {
            Ok(Unreadable {
                count: row.get::<_, i64>(0)?.max(0) as u64,
                first: Some(time(row.get(1)?)),
                last: Some(time(row.get(2)?)),
            })
        };
        Ok(self.conn.prepare_cached(sql)?.query_row([], read).optional()?.unwrap_or_default())
    }

    /// Returns the newest side events of a type, at most `n`, newest first.
    #[cfg(test)]
    pub(crate) fn sides(&self, event_type: &str, n: usize) -> Result<Vec<SideEvent>, ReadError> {
        self.cleaned(side::newest(&self.conn, event_type, n)?)
    }

    /// Returns when the newest successful consent at a custom authorization server was published.
    pub fn newest_grant(&self) -> Result<Option<Timestamp>, ReadError> {
        let sql = format!(
            "{ROW} INDEXED BY event_key WHERE (kind & 15) = ?1 AND outcome = ?2 AND ts > 0 ORDER BY ts DESC"
        );
        self.first_sound(&sql, (Kind::Grant.code(), Outcome::Success.code()))
    }

    /// Returns a number that rises whenever an event tells that an authorization server, a scope or a feature changed.
    pub fn newest_drift(&self) -> Result<i64, ReadError> {
        Ok(side::newest_drift(&self.conn)?)
    }

    /// Returns the side events of a session or a transaction, at most `n`, oldest first.
    pub fn sides_of(
        &self,
        session: Option<&str>,
        transaction: Option<&str>,
        n: usize,
    ) -> Result<Vec<SideEvent>, ReadError> {
        self.cleaned(side::beside(&self.conn, session, transaction, n)?)
    }

    /// Returns what there is of the session and the transaction of a row, of each at most `n`: its side events, and the
    /// consents of the session within half a day of it.
    pub fn beside(
        &self,
        seq: Seq,
        session: Option<&str>,
        transaction: Option<&str>,
        n: usize,
    ) -> Result<Beside, ReadError> {
        let sides = self.sides_of(session, transaction, n)?;
        // The index of times bounds what is looked at; sessions have none of their own.
        let sql = "SELECT other.seq FROM event AS this JOIN event AS other INDEXED BY event_key
            ON other.ts BETWEEN this.ts - ?2 AND this.ts + ?2 AND other.session = this.session
            WHERE this.seq = ?1 ORDER BY other.ts LIMIT ?3";
        let consents = self
            .conn
            .prepare_cached(sql)?
            .query_map((seq.0, HALF_A_DAY_MS, limit(n)), |row| Ok(Seq(row.get(0)?)))?
            .collect::<Result<_, _>>()?;
        Ok(Beside { sides, consents })
    }

    fn page(&mut self, mut rows: Vec<(Row, Marks)>) -> Result<Page, ReadError> {
        let hidden = self.hidden_of(&rows)?;
        for (row, marks) in &mut rows {
            if hidden.get(&row.seq.0) == Some(&None) {
                // Nobody knows how much of it is hidden, so nothing is said of it.
                (*row, *marks) = (blank(row.seq), Marks::new());
            }
        }
        // Texts are stored with the rows that name them and never change, so looking after the rows is safe.
        let mut new: Vec<u32> = rows
            .iter()
            .flat_map(|(row, _)| [row.who, row.actor, row.client, row.server, row.scopes, row.from])
            .filter_map(|sym| (sym.0 != 0 && !self.given.has(sym.0)).then_some(sym.0))
            .collect();
        new.sort_unstable();
        new.dedup();
        let mut symbols = Vec::with_capacity(new.len());
        {
            let has_labels = !self.is_bare && !new.is_empty() && label::any(&self.conn)?;
            for id in &new {
                let text = self.text(*id)?.unwrap_or_else(|| DAMAGED_TEXT.to_owned());
                let filled = if has_labels { label::filled(&self.conn, &text)? } else { None };
                symbols.push((Sym(*id), filled.unwrap_or_else(|| Symbol::joined(text))));
            }
        }
        // Only a page that is handed out counts as given.
        for id in new {
            self.given.mark(id);
        }
        let mut grants = GrantMarks::default();
        let mut page = Vec::with_capacity(rows.len());
        for (mut row, marks) in rows {
            row.hidden = hidden.get(&row.seq.0).copied().flatten().unwrap_or(0);
            page.push(row);
            grants.push(marks);
        }
        Ok(Page { rows: page, grants, symbols })
    }

    /// Returns how many values of some rows are hidden, by number, where any are; nothing for a count that is damaged,
    /// whose row then counts as damaged.
    fn hidden_of(&self, rows: &[(Row, Marks)]) -> Result<BTreeMap<i64, Option<u8>>, ReadError> {
        let numbers = || rows.iter().map(|(row, _)| row.seq.0);
        let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else {
            return Ok(BTreeMap::new());
        };
        let found = if (last - first) as usize > rows.len().saturating_mul(SPREAD_MAX) {
            let each = numbers().map(|seq| hidden::between(&self.conn, seq, seq));
            each.collect::<Result<Vec<_>, _>>()?.concat()
        } else {
            hidden::between(&self.conn, first, last)?
        };
        let is_of_page: BTreeSet<i64> = numbers().collect();
        for (seq, _) in found.iter().filter(|(seq, count)| count.is_none() && is_of_page.contains(seq)) {
            self.note_damaged(Seq(*seq), &checksum::Mismatch("hidden"));
        }
        Ok(found.into_iter().collect())
    }

    /// Reads whole rows; of each the number, and the row unless it is not what was written.
    fn stored(&self, sql: &str, params: impl Params, texts: Texts) -> Result<Vec<Read>, ReadError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut found = statement.query(params)?;
        let mut labels = (texts == Texts::Read && label::any(&self.conn)?).then(Labels::new);
        let mut records = Vec::new();
        while let Some(row) = found.next()? {
            let seq: i64 = row.get(0)?;
            let stored = match self.stored_row(row, seq, texts, labels.as_mut()) {
                // A value of another type than was written is damage of this row alone.
                Err(ReadError::Storage(error))
                    if error.ailment == Ailment::Damaged && !error.is_of_file() =>
                {
                    Err(ReadError::Unpack { seq, source: io::Error::other(error) })
                }
                Err(error @ ReadError::Storage(_)) => return Err(error),
                stored => stored,
            };
            records.push((Seq(seq), stored));
        }
        Ok(records)
    }

    /// Reads the hook's copy of a row, where one is kept.
    fn hook_copy(&self, seq: i64, unpacker: &mut Unpacker) -> Result<Option<String>, ReadError> {
        let damaged = |source| ReadError::Unpack { seq, source };
        let mut statement = self.conn.prepare_cached("SELECT * FROM hook_copy WHERE seq = ?1")?;
        let mut found = statement.query([seq])?;
        let Some(row) = found.next()? else { return Ok(None) };
        if !checksum::holds(row)? {
            let why = "the checksum of its hook's copy does not match";
            return Err(damaged(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
        let body = checksum::bytes(row.get_ref("body")?);
        let copy = unpacker.unpack(&self.conn, row.get("dict")?, body)?.map_err(damaged)?;
        String::from_utf8(copy).map(Some).map_err(|error| damaged(io::Error::other(error)))
    }

    fn stored_row(
        &self,
        row: &rusqlite::Row<'_>,
        seq: i64,
        texts: Texts,
        known: Option<&mut Labels>,
    ) -> Result<Stored, ReadError> {
        let damaged = |source| ReadError::Unpack { seq, source };
        let mismatch = || damaged(io::Error::new(io::ErrorKind::InvalidData, "its checksum does not match"));
        let number = |column: usize| row.get::<_, i64>(column);
        let (ts, part, via, evidence) = (number(2)?, number(4)?, number(6)?, number(7)?);
        let (rev, received, doubt, who) = (number(1)?, number(5)?, number(14)?, number(15)?);
        let (client, server) = (number(12)?, number(13)?);
        let session = row.get::<_, Option<i64>>(16)?.unwrap_or(0);
        let dict = row.get::<_, Option<i64>>(9)?.unwrap_or(0);
        let (uuid, body) = (checksum::bytes(row.get_ref(3)?), checksum::bytes(row.get_ref(10)?));
        let envelope = checksum::bytes(row.get_ref(8)?);
        let numbers =
            [seq, rev, ts, part, received, via, evidence, doubt, who, client, server, session, dict];
        let record = Record { numbers, uuid, delivery: envelope, body };
        if !self.holds(row.get_ref(17)?, |kept| record.holds(kept))? {
            return Err(mismatch());
        }
        let person = match row.get_ref(11)?.as_str() {
            Ok(text)
                if self.holds(row.get_ref(18)?, |kept| kept == checksum::of_text(who as u32, text))? =>
            {
                Some(text)
            }
            // Nobody is named by the number 0.
            _ if who == 0 || texts == Texts::Unread => None,
            _ => return Err(mismatch()),
        };
        let id = event_id(uuid).map_err(damaged)?;
        let mut unpacker = self.unpacker.borrow_mut();
        let raw = unpacker.unpack(&self.conn, dict, body)?.map_err(damaged)?;
        let raw = String::from_utf8(raw).map_err(|error| damaged(io::Error::other(error)))?;
        let copy = self.hook_copy(seq, &mut unpacker)?;
        let mut hook = std::str::from_utf8(envelope).ok().and_then(delivery::from_text);
        let mut named = person.map_or_else(Person::default, |who| Person::of(&Symbol::joined(who)));
        let (raw, copy) = if self.is_clean()? {
            (raw, copy)
        } else {
            if let Some(hook) = &mut hook {
                clean::envelope(hook);
            }
            if let Some(clean) = person.and_then(clean::symbol) {
                named = Person::of(&clean);
            }
            (clean::shown(raw), copy.map(clean::shown))
        };
        let mut labels = Vec::new();
        if let Some(known) = known {
            if let Some(text) = person {
                labels.extend(self.label_of(known, who as u32, || Ok(Some(text.to_owned())))?);
            }
            for sym in [client as u32, server as u32].into_iter().filter(|sym| *sym != 0) {
                // Without the text nobody knows which name belongs to it; the event has the id all the same.
                labels.extend(self.label_of(known, sym, || self.text(sym))?);
            }
        }
        let via = Via::from_code(via as u8);
        Ok(Stored {
            seq: Seq(seq),
            rev: Rev(rev),
            key: EventKey { published_ms: ts, id, part: part as u8 },
            received: time(received),
            via,
            doubt: doubt::of(via, doubt),
            evidence: Evidence::from_code(evidence as u8),
            person: named,
            hook,
            hook_copy: copy.map(Arc::from),
            labels,
            raw: Arc::from(raw),
        })
    }
}

impl Reader {
    /// Returns the label of a text by its number. `known` holds those that were looked up before.
    fn label_of(
        &self,
        known: &mut Labels,
        sym: u32,
        text: impl FnOnce() -> rusqlite::Result<Option<String>>,
    ) -> Result<Option<Label>, ReadError> {
        if let Some(label) = known.get(&sym) {
            return Ok(label.clone());
        }
        let text = text()?.unwrap_or_default();
        let label = match Thing::unnamed_in(&text) {
            Some((thing, id)) => label::get(&self.conn, thing, id)?,
            None => None,
        };
        known.insert(sym, label.clone());
        Ok(label)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// Which texts were handed out: one bit each.
#[derive(Debug, Default)]
struct Given(Vec<u64>);

impl Given {
    fn has(&self, id: u32) -> bool {
        self.0.get(id as usize / 64).is_some_and(|word| word & (1 << (id % 64)) != 0)
    }

    fn mark(&mut self, id: u32) {
        let index = id as usize / 64;
        if self.0.len() <= index {
            self.0.resize(index + 1, 0);
        }
        self.0[index] |= 1 << (id % 64);
    }
}

/// Whether a record is read with what it has from texts beside it: its person, and the names of its ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Texts {
    Read,
    /// A person is read if the text is sound.
    Unread,
}

/// The labels of texts by their numbers, or `None` for texts that have none. Rows that are read together share many.
type Labels = HashMap<u32, Option<Label>>;

/// The marks of a row's scope grants.
type Marks = Vec<u32>;

/// A row's number, and the whole row unless it is not what was written.
type Read = (Seq, Result<Stored, ReadError>);

/// Returns the list line of a damaged row: every field but the number is empty.
fn blank(seq: Seq) -> Row {
    Row {
        seq,
        rev: Rev(0),
        published_ms: 0,
        who: Sym(0),
        actor: Sym(0),
        client: Sym(0),
        server: Sym(0),
        scopes: Sym(0),
        from: Sym(0),
        kind: Kind::Other,
        reach: Reach::of(""),
        via: Via::FILE,
        outcome: Outcome::of(None),
        severity: Severity::of(None),
        evidence: Evidence::Unknown,
        late: false,
        doubt: None,
        hidden: 0,
    }
}
