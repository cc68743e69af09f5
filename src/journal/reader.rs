//! Reading: a connection of one's own, beside the writer or without one.

use std::cell::RefCell;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, Row as Found};

use super::commit::{Head, Polling};
use super::error::{OpenError, ReadError};
use super::pack::Unpacker;
use super::store::{self, Meta};
use super::{delivery, doubt, history, label, open, shared, side};
use crate::consent::{
    Beside, Bookmark, EventId, EventKey, Evidence, GrantMarks, HistoryMark, Kind, Label, Outcome, Page,
    Person, Reject, Rev, Row, Seq, Severity, SideEvent, Stored, Sym, Symbol, Thing, Via,
};
use crate::report::{Coverage, Gap, HookProof, Unreadable};

/// Reads the journal. It sees each commit as soon as it is made, and never keeps the writer waiting.
pub struct Reader {
    conn: Connection,
    given: Given,
    is_bare: bool,
    unpacker: RefCell<Unpacker>,
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
    evidence, late, doubt, grants FROM event";
const STORED: &str =
    "SELECT event.seq, event.rev, event.ts, event.uuid, event.part, event.received, event.via,
    event.evidence, delivery.body, raw.dict, raw.body, sym.text, event.client, event.server, event.doubt
    FROM event JOIN raw ON raw.seq = event.seq LEFT JOIN delivery ON delivery.seq = event.seq
    LEFT JOIN sym ON sym.id = event.who";

/// How far around a consent its session is looked at.
const HALF_A_DAY_MS: i64 = 12 * 60 * 60 * 1000;

impl Reader {
    /// Opens the journal in a directory; it must be there.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let conn = open::connect_reader(dir)?;
        conn.set_prepared_statement_cache_capacity(32);
        Ok(Self { conn, given: Given::default(), is_bare: false, unpacker: RefCell::default() })
    }

    /// Reads texts as the events have them, without what Okta told of their ids since.
    #[must_use]
    pub fn bare(mut self) -> Self {
        self.is_bare = true;
        self
    }

    /// Opens another connection to the same journal, for another thread.
    pub fn again(&self) -> Result<Self, OpenError> {
        let path = self.conn.path().map(Path::new).and_then(Path::parent);
        Self::open(path.unwrap_or_else(|| Path::new("")))
    }

    /// Hands out every text again, to whoever begins anew.
    pub fn forget_given(&mut self) {
        self.given = Given::default();
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
        let mut rows = rows(&self.conn, &sql, (seq.0, limit(n)))?;
        rows.reverse();
        self.page(rows)
    }

    /// Returns the rows just above `seq`, at most `n`, in rising order.
    pub fn after(&mut self, seq: Seq, n: usize) -> Result<Page, ReadError> {
        let sql = format!("{ROW} WHERE seq > ?1 ORDER BY seq LIMIT ?2");
        let rows = rows(&self.conn, &sql, (seq.0, limit(n)))?;
        self.page(rows)
    }

    /// Returns the rows that changed after `rev`, at most `n`, in the order of their last change.
    pub fn changed(&mut self, rev: Rev, n: usize) -> Result<Page, ReadError> {
        // The second condition is the index's own; without it SQLite would not use the index.
        let sql = format!("{ROW} WHERE rev > ?1 AND rev > 0 ORDER BY rev LIMIT ?2");
        let rows = rows(&self.conn, &sql, (rev.0, limit(n)))?;
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
    pub fn record(&self, seq: Seq) -> Result<Option<Stored>, ReadError> {
        let found = self.stored(&format!("{STORED} WHERE event.seq = ?1"), [seq.0])?;
        Ok(found.into_iter().next())
    }

    /// Returns what makes a row unique; nothing if it is gone.
    pub fn key_of(&self, seq: Seq) -> Result<Option<EventKey>, ReadError> {
        let sql = "SELECT ts, uuid, part FROM event WHERE seq = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut found = statement.query([seq.0])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let id = event_id(row.get_ref(1)?.as_blob().unwrap_or_default())
            .map_err(|source| ReadError::Unpack { seq: seq.0, source })?;
        Ok(Some(EventKey { published_ms: row.get(0)?, id, part: row.get(2)? }))
    }

    /// Returns the row of an event; nothing if it is not stored, or not any more.
    pub fn seq_of(&self, key: &EventKey) -> Result<Option<Seq>, ReadError> {
        let sql = "SELECT seq FROM event WHERE ts = ?1 AND uuid = ?2 AND part = ?3";
        let values = (key.published_ms, key.id.as_bytes(), key.part);
        let seq = self.conn.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
        Ok(seq.map(Seq))
    }

    /// Returns the rows just above `seq` with their raw events and envelopes, at most `n`, in rising order.
    pub fn records_after(&self, seq: Seq, n: usize) -> Result<Vec<Stored>, ReadError> {
        self.stored(&format!("{STORED} WHERE event.seq > ?1 ORDER BY event.seq LIMIT ?2"), (seq.0, limit(n)))
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

    /// Returns where the poller goes on.
    pub fn bookmark(&self) -> Result<Option<Bookmark>, ReadError> {
        Ok(store::bookmark(&self.conn)?)
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
    pub fn rejects(&self, n: usize) -> Result<Vec<Reject>, ReadError> {
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
                bytes: bytes.into(),
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
        let mut statement = self.conn.prepare_cached("SELECT start, stop, why FROM gap")?;
        let mut found = statement.query([])?;
        let mut gaps = Vec::new();
        while let Some(row) = found.next()? {
            let (start, stop): (String, String) = (row.get(0)?, row.get(1)?);
            if let (Ok(from), Ok(to)) = (start.parse(), stop.parse()) {
                gaps.push(Gap { from, to, why: row.get(2)? });
            }
        }
        gaps.sort_by_key(|gap| (gap.from, gap.to));
        let (failures, last_failure) = side::count(&self.conn, DELIVERY_FAILED)?;
        let hook = HookProof {
            verified: meta.verified_ms.map(time),
            unconfirmed: meta.unconfirmed.max(0) as u64,
            missed: meta.missed.max(0) as u64,
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
        Ok(Polling {
            last_good: meta.last_good.and_then(|text| text.parse().ok()),
            caught_up: meta.caught_up_ms.map(time),
            interval: meta.interval_ms.map(|ms| Duration::from_millis(ms.max(0) as u64)),
        })
    }

    /// Returns how many records of the log could not be read.
    fn unreadable(&self) -> Result<Unreadable, ReadError> {
        let sql = "SELECT count, first, last FROM unreadable WHERE source = 'poll'";
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
    pub fn sides(&self, event_type: &str, n: usize) -> Result<Vec<SideEvent>, ReadError> {
        side::newest(&self.conn, event_type, n)
    }

    /// Returns when the newest successful consent at a custom authorization server was published.
    pub fn newest_grant(&self) -> Result<Option<Timestamp>, ReadError> {
        let sql = "SELECT ts FROM event WHERE (kind & 15) = ?1 AND outcome = ?2 AND ts > 0 ORDER BY ts DESC LIMIT 1";
        let values = (Kind::Grant.code(), Outcome::Success.code());
        let ts = self.conn.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
        Ok(ts.map(time))
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
        side::beside(&self.conn, session, transaction, n)
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

    fn page(&mut self, rows: Vec<(Row, Marks)>) -> Result<Page, ReadError> {
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
            let mut statement = self.conn.prepare_cached("SELECT text FROM sym WHERE id = ?1")?;
            let has_labels = !self.is_bare && !new.is_empty() && label::any(&self.conn)?;
            for id in &new {
                let text: Option<String> = statement.query_row([id], |row| row.get(0)).optional()?;
                let text = text.unwrap_or_default();
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
        for (row, marks) in rows {
            page.push(row);
            grants.push(marks);
        }
        Ok(Page { rows: page, grants, symbols })
    }

    fn stored(&self, sql: &str, params: impl Params) -> Result<Vec<Stored>, ReadError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut found = statement.query(params)?;
        let mut unpacker = self.unpacker.borrow_mut();
        let has_labels = label::any(&self.conn)?;
        let mut records = Vec::new();
        while let Some(row) = found.next()? {
            let seq: i64 = row.get(0)?;
            let damaged = |source| ReadError::Unpack { seq, source };
            let id = event_id(row.get_ref(3)?.as_blob().unwrap_or_default()).map_err(damaged)?;
            let body = row.get_ref(10)?.as_blob().map_err(|error| damaged(io::Error::other(error)))?;
            let raw = unpacker.unpack(&self.conn, row.get(9)?, body)?.map_err(damaged)?;
            let raw = String::from_utf8(raw).map_err(|error| damaged(io::Error::other(error)))?;
            let hook: Option<String> = row.get(8)?;
            let who: Option<String> = row.get(11)?;
            let mut labels = Vec::new();
            if has_labels {
                if let Some(who) = &who {
                    labels.extend(self.label_of(who)?);
                }
                for column in [12, 13] {
                    labels.extend(self.label_of_sym(row.get(column)?)?);
                }
            }
            records.push(Stored {
                seq: Seq(seq),
                rev: Rev(row.get(1)?),
                key: EventKey { published_ms: row.get(2)?, id, part: row.get(4)? },
                received: time(row.get(5)?),
                via: Via::from_code(row.get(6)?),
                doubt: doubt::of(Via::from_code(row.get(6)?), row.get(14)?),
                evidence: Evidence::from_code(row.get(7)?),
                person: who.map_or_else(Person::default, |who| Person::of(&Symbol::joined(who))),
                hook: hook.as_deref().and_then(delivery::from_text),
                labels,
                raw: Arc::from(raw),
            });
        }
        Ok(records)
    }
}

impl Reader {
    fn label_of_sym(&self, sym: u32) -> Result<Option<Label>, ReadError> {
        let mut statement = self.conn.prepare_cached("SELECT text FROM sym WHERE id = ?1")?;
        let text: Option<String> = statement.query_row([sym], |row| row.get(0)).optional()?;
        text.map_or(Ok(None), |text| self.label_of(&text))
    }

    fn label_of(&self, text: &str) -> Result<Option<Label>, ReadError> {
        let Some((thing, id)) = Thing::unnamed_in(text) else { return Ok(None) };
        Ok(label::get(&self.conn, thing, id)?)
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

/// The marks of a row's scope grants.
type Marks = Vec<u32>;

fn rows(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<(Row, Marks)>, ReadError> {
    let mut statement = conn.prepare_cached(sql)?;
    let found = statement.query_map(params, |row| {
        let (kind, reach) = Kind::unpacked(row.get(9)?);
        let read = Row {
            seq: Seq(row.get(0)?),
            rev: Rev(row.get(1)?),
            published_ms: row.get(2)?,
            who: Sym(row.get(3)?),
            actor: Sym(row.get(4)?),
            client: Sym(row.get(5)?),
            server: Sym(row.get(6)?),
            scopes: Sym(row.get(7)?),
            from: Sym(row.get(8)?),
            kind,
            reach,
            via: Via::from_code(row.get(10)?),
            doubt: doubt::of(Via::from_code(row.get(10)?), row.get(15)?),
            outcome: Outcome::from_code(row.get(11)?),
            severity: Severity::from_code(row.get(12)?),
            evidence: Evidence::from_code(row.get(13)?),
            late: row.get(14)?,
            hidden: 0,
        };
        let bytes = row.get_ref(16)?.as_blob_or_null()?.unwrap_or_default();
        let marks = bytes.as_chunks().0.iter().map(|four| u32::from_le_bytes(*four)).collect();
        Ok((read, marks))
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

pub(super) fn limit(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or_default()
}

pub(super) fn event_id(bytes: &[u8]) -> io::Result<EventId> {
    EventId::from_bytes(bytes)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its id has a wrong length"))
}
