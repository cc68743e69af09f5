//! The counters: those of the whole journal, in the table `meta`, and those of each org, in the table `org`.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::batch::{Head, Polled};
use super::checksum::{self, Mismatch};
use crate::consent::{Bookmark, OrgId, Rev, Seq};

/// The counters of the whole journal. `next_seq` and `next_rev` do not fall when rows are removed, so no number is used
/// twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Meta {
    pub(super) next_seq: i64,
    pub(super) next_rev: i64,
    pub(super) rows: i64,
    /// Whether a dictionary was trained on the journal's own events, or the attempt was given up.
    pub(super) trained: bool,
}

impl Meta {
    /// Reads the counters.
    ///
    /// # Errors
    /// The counters cannot be read, or do not match their checksum.
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        checksum::check_table(conn, checksum::META)?;
        conn.prepare_cached("SELECT next_seq, next_rev, rows, trained FROM meta")?.query_row([], |row| {
            Ok(Self { next_seq: row.get(0)?, next_rev: row.get(1)?, rows: row.get(2)?, trained: row.get(3)? })
        })
    }

    /// Stores the counters.
    pub(super) fn save(&self, conn: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE meta SET next_seq = ?1, next_rev = ?2, rows = ?3, trained = ?4";
        let values = params![self.next_seq, self.next_rev, self.rows, self.trained];
        conn.prepare_cached(sql)?.execute(values)?;
        checksum::seal_row(conn, checksum::META, &[&1])
    }

    /// Returns the journal's head.
    pub(super) fn head(&self) -> Head {
        Head { last: Seq(self.next_seq - 1), change: Rev(self.next_rev - 1) }
    }
}

/// The counters of one org.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct OrgMeta {
    pub(super) rows: i64,
    /// The newest plausible `published`: it was not far ahead of its receipt, in milliseconds since 1970.
    pub(super) newest_ms: i64,
    /// From when on the journal is complete, or `None` until the poller has caught up for the first time.
    pub(super) complete_since: Option<String>,
    /// The number of rows that count as late.
    pub(super) late: i64,
    /// When the log was last read successfully.
    pub(super) last_good: Option<String>,
    /// When the log was last read to its end.
    pub(super) caught_up_ms: Option<i64>,
    /// When the event hook was first known to be verified.
    pub(super) verified_ms: Option<i64>,
    /// The `published` up to which rows were judged for whether the hook missed them.
    pub(super) judged_ms: i64,
    /// The number of rows that count as unconfirmed.
    pub(super) unconfirmed: i64,
    /// The number of rows that count as missed by the hook.
    pub(super) missed: i64,
    /// The wait between two polls at the last successful one, in milliseconds.
    pub(super) interval_ms: Option<i64>,
    /// Rows published before this were removed, so the journal is not complete before it; 0 if none were.
    pub(super) whole_from_ms: i64,
    /// What pruning by age removed in the current hour.
    pub(super) hour: Hour,
    /// How far this machine's clock was ahead of Okta's at the last successful poll; 0 if they agreed.
    pub(super) ahead_ms: i64,
    /// The number of rows whose hook copy contradicts the log's record.
    pub(super) altered: i64,
    /// The number of rows that only a hook has delivered.
    pub(super) hook_only: i64,
    /// For how long removal by age has been suspended, counting only the time in which a process wrote the journal; 0
    /// if it is not suspended.
    pub(super) suspended_ms: i64,
}

/// An hour in which a bounded part of the rows is removed by age.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Hour {
    /// When the hour began.
    pub(super) began_ms: i64,
    /// The number of rows at its beginning.
    pub(super) rows: i64,
    /// How many rows were removed by age since.
    pub(super) gone: i64,
    /// How many side events were removed by age since.
    pub(super) sides: i64,
}

impl OrgMeta {
    /// Reads the counters of an org. They are all empty if the journal does not know the org.
    ///
    /// # Errors
    /// The counters cannot be read, or do not match their checksum.
    pub(super) fn load(conn: &Connection, org: OrgId) -> rusqlite::Result<Self> {
        let sql = "SELECT * FROM org WHERE id = ?1";
        Ok(conn.prepare_cached(sql)?.query_row([org.0], Self::read).optional()?.unwrap_or_default())
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        if !checksum::holds(row)? {
            return Err(Mismatch::error(checksum::ORG.name));
        }
        Ok(Self {
            rows: row.get("rows")?,
            newest_ms: row.get("newest")?,
            complete_since: row.get("complete_since")?,
            late: row.get("late")?,
            last_good: row.get("last_good")?,
            caught_up_ms: row.get("caught_up")?,
            verified_ms: row.get("verified")?,
            judged_ms: row.get("judged")?,
            unconfirmed: row.get("unconfirmed")?,
            missed: row.get("missed")?,
            interval_ms: row.get("interval_ms")?,
            whole_from_ms: row.get("whole_from")?,
            hour: Hour {
                began_ms: row.get("hour_began")?,
                rows: row.get("hour_rows")?,
                gone: row.get("hour_gone")?,
                sides: row.get("hour_sides")?,
            },
            ahead_ms: row.get("ahead_ms")?,
            altered: row.get("altered")?,
            hook_only: row.get("hook_only")?,
            suspended_ms: row.get("suspended_ms")?,
        })
    }

    fn save(&self, conn: &Connection, org: OrgId) -> rusqlite::Result<()> {
        let sql = "UPDATE org SET rows = ?2, newest = ?3, complete_since = ?4, late = ?5, last_good = ?6, caught_up = ?7,
            verified = ?8, judged = ?9, unconfirmed = ?10, missed = ?11, interval_ms = ?12, whole_from = ?13,
            hour_began = ?14, hour_rows = ?15, hour_gone = ?16, hour_sides = ?17, ahead_ms = ?18, altered = ?19,
            hook_only = ?20, suspended_ms = ?21 WHERE id = ?1";
        let values = params![
            org.0,
            self.rows,
            self.newest_ms,
            self.complete_since,
            self.late,
            self.last_good,
            self.caught_up_ms,
            self.verified_ms,
            self.judged_ms,
            self.unconfirmed,
            self.missed,
            self.interval_ms,
            self.whole_from_ms,
            self.hour.began_ms,
            self.hour.rows,
            self.hour.gone,
            self.hour.sides,
            self.ahead_ms,
            self.altered,
            self.hook_only,
            self.suspended_ms,
        ];
        conn.prepare_cached(sql)?.execute(values)?;
        checksum::seal_row(conn, checksum::ORG, &[&org.0])
    }

    /// Records a successful poll.
    pub(super) fn note_poll(&mut self, polled: Polled) {
        self.last_good = Some(polled.at.to_string());
        self.interval_ms = i64::try_from(polled.interval.as_millis()).ok();
        if polled.caught_up {
            self.caught_up_ms = Some(polled.at.as_millisecond());
        }
    }

    /// Records from when on the journal is complete, if the poller has caught up.
    pub(super) fn note_bookmark(&mut self, bookmark: &Bookmark) {
        if !bookmark.caught_up {
            return;
        }
        self.note_complete_since(bookmark.since);
    }

    /// Records from when on the journal is complete.
    pub(super) fn note_complete_since(&mut self, since: jiff::Timestamp) {
        let known: Option<jiff::Timestamp> = self.complete_since.as_ref().and_then(|text| text.parse().ok());
        // The complete stretch begins after the rows that were removed.
        let whole_from = jiff::Timestamp::from_millisecond(self.whole_from_ms).unwrap_or_default();
        let since = if self.whole_from_ms > 0 { since.max(whole_from) } else { since };
        // A later start does not shorten what was complete before; gaps are recorded separately.
        if known.is_none_or(|known| since < known) {
            self.complete_since = Some(since.to_string());
        }
    }
}

/// The counters of each org.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct OrgMetas(BTreeMap<OrgId, OrgMeta>);

impl OrgMetas {
    /// Reads the counters of all orgs.
    ///
    /// # Errors
    /// Counters cannot be read, or do not match their checksum.
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut statement = conn.prepare_cached("SELECT * FROM org")?;
        let all = statement.query_map([], |row| Ok((OrgId(row.get("id")?), OrgMeta::read(row)?)))?;
        all.collect::<Result<_, _>>().map(Self)
    }

    /// Returns the counters of an org.
    ///
    /// A damaged row may have the number of an org that the journal does not know. What is counted for it is not
    /// stored.
    pub(super) fn of(&mut self, org: OrgId) -> &mut OrgMeta {
        self.0.entry(org).or_default()
    }

    /// Returns all orgs with their counters.
    pub(super) fn iter(&self) -> impl Iterator<Item = (OrgId, &OrgMeta)> {
        self.0.iter().map(|(org, meta)| (*org, meta))
    }

    /// Stores the counters that differ from those `before`.
    pub(super) fn save_changed(&self, before: &Self, conn: &Connection) -> rusqlite::Result<()> {
        for (org, meta) in self.iter().filter(|(org, meta)| before.0.get(org) != Some(meta)) {
            meta.save(conn, org)?;
        }
        Ok(())
    }
}

/// All counters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Counters {
    pub(super) meta: Meta,
    pub(super) orgs: OrgMetas,
}

impl Counters {
    /// Reads the counters.
    ///
    /// # Errors
    /// Counters cannot be read, or do not match their checksum.
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        Ok(Self { meta: Meta::load(conn)?, orgs: OrgMetas::load(conn)? })
    }

    /// Stores the counters that differ from those `before`.
    pub(super) fn save_changed(&self, before: &Self, conn: &Connection) -> rusqlite::Result<()> {
        if self.meta != before.meta {
            self.meta.save(conn)?;
        }
        self.orgs.save_changed(&before.orgs, conn)
    }
}
