//! The journal's counters, one row of the table `meta`.

use rusqlite::{Connection, params};

use super::batch::{Head, Polled};
use super::checksum;
use crate::consent::{Bookmark, Rev, Seq};

/// The journal's counters. `next_seq` and `next_rev` do not fall when rows are removed, so no number is used twice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Meta {
    pub(super) next_seq: i64,
    pub(super) next_rev: i64,
    pub(super) rows: i64,
    /// The newest plausible `published`: it was not far ahead of its receipt, in milliseconds since 1970.
    pub(super) newest_ms: i64,
    /// From when on the journal is complete, or `None` until the poller has caught up for the first time.
    pub(super) complete_since: Option<String>,
    /// Whether a dictionary was trained on the journal's own events, or the attempt was given up.
    pub(super) trained: bool,
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

impl Meta {
    /// Reads the counters.
    ///
    /// # Errors
    /// The counters cannot be read, or do not match their checksum.
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        checksum::check_table(conn, checksum::META)?;
        let sql =
            "SELECT next_seq, next_rev, rows, newest, complete_since, trained, late, last_good, caught_up, verified,
                judged, unconfirmed, missed, interval_ms, whole_from, hour_began, hour_rows, hour_gone, hour_sides, ahead_ms,
                altered, hook_only, suspended_ms FROM meta";
        conn.query_row(sql, [], |row| {
            Ok(Self {
                next_seq: row.get(0)?,
                next_rev: row.get(1)?,
                rows: row.get(2)?,
                newest_ms: row.get(3)?,
                complete_since: row.get(4)?,
                trained: row.get(5)?,
                late: row.get(6)?,
                last_good: row.get(7)?,
                caught_up_ms: row.get(8)?,
                verified_ms: row.get(9)?,
                judged_ms: row.get(10)?,
                unconfirmed: row.get(11)?,
                missed: row.get(12)?,
                interval_ms: row.get(13)?,
                whole_from_ms: row.get(14)?,
                hour: Hour {
                    began_ms: row.get(15)?,
                    rows: row.get(16)?,
                    gone: row.get(17)?,
                    sides: row.get(18)?,
                },
                ahead_ms: row.get(19)?,
                altered: row.get(20)?,
                hook_only: row.get(21)?,
                suspended_ms: row.get(22)?,
            })
        })
    }

    /// Stores the counters.
    pub(super) fn save(&self, conn: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE meta SET next_seq = ?1, next_rev = ?2, rows = ?3, newest = ?4, complete_since = ?5,
            trained = ?6, late = ?7, last_good = ?8, caught_up = ?9, verified = ?10, judged = ?11, unconfirmed = ?12,
            missed = ?13, interval_ms = ?14, whole_from = ?15, hour_began = ?16, hour_rows = ?17, hour_gone = ?18,
            hour_sides = ?19, ahead_ms = ?20, altered = ?21, hook_only = ?22,
            suspended_ms = ?23";
        let values = params![
            self.next_seq,
            self.next_rev,
            self.rows,
            self.newest_ms,
            self.complete_since,
            self.trained,
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
        checksum::seal_row(conn, checksum::META, &[&1])
    }

    /// Returns the journal's head.
    pub(super) fn head(&self) -> Head {
        Head { last: Seq(self.next_seq - 1), change: Rev(self.next_rev - 1) }
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
        let known: Option<jiff::Timestamp> = self.complete_since.as_ref().and_then(|text| text.parse().ok());
        // The complete stretch begins after the rows that were removed.
        let whole_from = jiff::Timestamp::from_millisecond(self.whole_from_ms).unwrap_or_default();
        let since = if self.whole_from_ms > 0 { bookmark.since.max(whole_from) } else { bookmark.since };
        // A later start does not shorten what was complete before; gaps are recorded separately.
        if known.is_none_or(|known| since < known) {
            self.complete_since = Some(since.to_string());
        }
    }
}
