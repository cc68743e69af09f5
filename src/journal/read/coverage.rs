//! The state of the journal: how much it holds, for which time it is complete, where the poller resumes.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, Row as Found};

use super::lines::ROW;
use super::reader::Reader;
use crate::consent::{Bookmark, HistoryMark, OrgId, Via};
#[cfg(test)]
use crate::consent::{Reject, redact};
use crate::journal::batch::Polling;
use crate::journal::checksum;
use crate::journal::error::ReadError;
use crate::journal::meta::{Meta, OrgMeta};
#[cfg(test)]
use crate::journal::sql_values::limit;
use crate::journal::sql_values::time;
use crate::journal::tables::{bookmark, history, shared_id, side};
use crate::report::{Coverage, Gap, HookProof, Unreadable};

/// How much the journal holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// The number of rows.
    pub rows: u64,
    /// The number of unreadable records that are kept.
    pub rejects: u64,
}

/// The event type that Okta logs for failed deliveries only (Okta: event types).
const DELIVERY_FAILED: &str = "event_hook.delivery";
/// The reason shown for a gap whose record is damaged.
const GAP_DAMAGED: &str = "the record of a gap here is damaged on the disk, so its times may be wrong";
/// A time more than this far ahead of its receipt is ignored.
const AHEAD_MS: i64 = 300_000;

impl Reader {
    /// Returns for which time the journal is complete for an org, what came late, and when the org's log was last read
    /// successfully.
    pub fn coverage(&self, org: OrgId) -> Result<Coverage, ReadError> {
        let meta = OrgMeta::load(&self.conn, org)?;
        let complete_since = meta.complete_since.and_then(|text| text.parse().ok());
        let last_good_poll = meta.last_good.and_then(|text| text.parse().ok());
        let mut statement = self.conn.prepare_cached("SELECT * FROM gap WHERE org = ?1")?;
        let mut found = statement.query([org.0])?;
        let mut gaps = Vec::new();
        while let Some(row) = found.next()? {
            let at = |column: &str| -> rusqlite::Result<Option<Timestamp>> {
                let text = std::str::from_utf8(checksum::bytes(row.get_ref(column)?));
                Ok(text.ok().and_then(|text| text.parse().ok()))
            };
            let (start, stop) = (at("start")?, at("stop")?);
            // A gap with wrong times is better than none.
            if let Some((from, to)) = start.or(stop).zip(stop.or(start)) {
                let why = if checksum::holds(row)? { row.get("why")? } else { GAP_DAMAGED.to_owned() };
                gaps.push(Gap { from: from.min(to), to: from.max(to), why });
            }
        }
        gaps.sort_by_key(|gap| (gap.from, gap.to));
        let (failures, last_failure) = side::count(&self.conn, org, DELIVERY_FAILED)?;
        let hook = HookProof {
            verified: meta.verified_ms.map(time),
            unconfirmed: meta.unconfirmed.max(0) as u64,
            missed: meta.missed.max(0) as u64,
            altered: meta.altered.max(0) as u64,
            unseen: meta.hook_only.max(0) as u64,
            failures,
            last_failure,
        };
        let shared = shared_id::count(&self.conn, org)?;
        let unreadable = self.unreadable(org)?;
        let late = meta.late.max(0) as u64;
        Ok(Coverage { complete_since, gaps, late, shared, last_good_poll, unreadable, hook })
    }

    /// Returns how many records of an org's log could not be read.
    fn unreadable(&self, org: OrgId) -> Result<Unreadable, ReadError> {
        // If the count is damaged, the kept records are counted: there were at least that many.
        let sql = if checksum::count_damaged(&self.conn, checksum::UNREADABLE)? == 0 {
            "SELECT count, first, last FROM unreadable WHERE org = ?1 AND source = 'poll'"
        } else {
            "SELECT COUNT(*), MIN(received), MAX(received) FROM reject WHERE org = ?1 AND source = 'poll'
                HAVING COUNT(*) > 0"
        };
        let read = |row: &Found<'_>| {
            Ok(Unreadable {
                count: row.get::<_, i64>(0)?.max(0) as u64,
                first: Some(time(row.get(1)?)),
                last: Some(time(row.get(2)?)),
            })
        };
        Ok(self.conn.prepare_cached(sql)?.query_row([org.0], read).optional()?.unwrap_or_default())
    }

    /// Returns how an org's log was polled last.
    pub fn polling(&self, org: OrgId) -> Result<Polling, ReadError> {
        let meta = OrgMeta::load(&self.conn, org)?;
        // The times are stored by Okta's clock. They are converted to the clock of this machine, which a follower
        // shares with the poller.
        let ahead = SignedDuration::from_millis(meta.ahead_ms);
        let here = |at: Timestamp| at.checked_add(ahead).unwrap_or(at);
        Ok(Polling {
            last_good: meta.last_good.and_then(|text| text.parse().ok()).map(here),
            caught_up: meta.caught_up_ms.map(time).map(here),
            interval: meta.interval_ms.map(|ms| Duration::from_millis(ms.max(0) as u64)),
            ahead,
        })
    }

    /// Returns how much the journal holds. Takes the same time for any number of rows.
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

    /// Returns where the poller of an org resumes. If the stored bookmark is damaged, returns one without `next` that
    /// is made from the counters. The poller then restarts a little before the newest row and records the gap.
    pub fn bookmark(&self, org: OrgId) -> Result<Option<Bookmark>, ReadError> {
        let sound = bookmark::load(&self.conn, org)?;
        if sound.is_some() || !bookmark::is_there(&self.conn, org)? {
            return Ok(sound);
        }
        let meta = OrgMeta::load(&self.conn, org)?;
        let newest = self.newest_polled(org)?;
        Ok(Some(Bookmark {
            query: String::new(),
            next: String::new(),
            last_published: newest,
            since: meta.complete_since.and_then(|text| text.parse().ok()).or(newest).unwrap_or_default(),
            caught_up: false,
        }))
    }

    /// Returns when the newest row of an org that the log has shown was published. A row that only a hook delivered
    /// does not tell how far the log was read.
    fn newest_polled(&self, org: OrgId) -> Result<Option<Timestamp>, ReadError> {
        let sql = format!(
            "{ROW} INDEXED BY event_key
             WHERE org = ?3 AND ts > 0 AND via <> ?1 AND ts <= received + ?2 ORDER BY ts DESC"
        );
        self.first_sound(&sql, (Via::HOOK.code(), AHEAD_MS, org.0))
    }

    /// Returns where fetching an org's history resumes, or `None` if no fetch was interrupted.
    pub fn history(&self, org: OrgId) -> Result<Option<HistoryMark>, ReadError> {
        Ok(history::mark(&self.conn, org)?)
    }
}
