//! What is too old, or too much, goes.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::spare::UNMARKED;
use super::store::{Meta, Store};
use super::{doubt, side};
use crate::consent::{Doubt, Via};

/// Rows removed in one transaction; a waiting batch is held up no longer than that takes.
const STEP: i64 = 500;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

struct Victim {
    seq: i64,
    published_ms: i64,
    late: bool,
    doubt: Option<Doubt>,
}

impl Store {
    /// Removes a small number of rows beyond what is kept or, when there are none left, of texts that no row names, and
    /// returns whether there may be more.
    pub(super) fn tidy_some(&mut self, now: Timestamp) -> rusqlite::Result<bool> {
        if self.prune_some(now)? {
            return Ok(true);
        }
        side::prune(&self.conn, self.cut_ms(now))?;
        self.sweep_some()
    }

    /// Removes a small number of rows beyond what is kept, and returns whether there may be more.
    pub(super) fn prune_some(&mut self, now: Timestamp) -> rusqlite::Result<bool> {
        if let Err(error) = self.spared.refresh(&self.conn) {
            // Better too much on the disk than one row less that somebody meant to keep.
            tracing::warn!(%error, "Marks cannot be read, so no row is removed; the next hour tries again.");
            self.spared.let_go();
            return Ok(false);
        }
        let settings = self.settings;
        let cut_ms = self.cut_ms(now);
        let kept = i64::try_from(settings.keep_rows).unwrap_or(i64::MAX);
        let too_many = Meta::load(&self.conn)?.rows.saturating_sub(kept).min(STEP);
        let by_age = "ts > 0 AND ts < ?1 AND UNMARKED ORDER BY ts LIMIT ?2";
        let by_receipt = "ts = 0 AND received < ?1 AND UNMARKED LIMIT ?2";
        let by_number = "seq > ?1 AND UNMARKED ORDER BY seq LIMIT ?2";
        let mut victims = victims(&self.conn, by_age, cut_ms, STEP)?;
        if victims.is_empty() {
            victims = self::victims(&self.conn, by_receipt, cut_ms, STEP)?;
        }
        if victims.is_empty() && too_many > 0 {
            victims = self::victims(&self.conn, by_number, 0, too_many)?;
        }
        if victims.is_empty() {
            self.spared.let_go();
            return Ok(false);
        }
        self.change(|tx, meta| remove(tx, meta, &victims))?;
        self.sweep_due = true;
        Ok(true)
    }

    /// What was published before is too old.
    fn cut_ms(&self, now: Timestamp) -> i64 {
        now.as_millisecond() - i64::from(self.settings.keep_days) * DAY_MS
    }
}

fn victims(conn: &Connection, which: &str, bound: i64, limit: i64) -> rusqlite::Result<Vec<Victim>> {
    let which = which.replace("UNMARKED", UNMARKED);
    conn.prepare_cached(&format!("SELECT seq, ts, late, via, doubt FROM event WHERE {which}"))?
        .query_map([bound, limit], |row| {
            let doubt = doubt::of(Via::from_code(row.get(3)?), row.get(4)?);
            Ok(Victim { seq: row.get(0)?, published_ms: row.get(1)?, late: row.get(2)?, doubt })
        })?
        .collect()
}

fn remove(tx: &Transaction<'_>, meta: &mut Meta, victims: &[Victim]) -> rusqlite::Result<()> {
    for table in ["event", "raw", "delivery"] {
        let mut delete = tx.prepare_cached(&format!("DELETE FROM {table} WHERE seq = ?1"))?;
        for victim in victims {
            delete.execute([victim.seq])?;
        }
    }
    meta.rows -= victims.len() as i64;
    for victim in victims {
        doubt::settle(meta, victim.doubt);
    }
    meta.late -= victims.iter().filter(|victim| victim.late).count() as i64;
    meta.next_rev += 1;
    let newest_gone = victims.iter().map(|victim| victim.published_ms).max().unwrap_or(0);
    let since: Option<Timestamp> = meta.complete_since.as_ref().and_then(|text| text.parse().ok());
    if let (Some(since), Ok(after)) = (since, Timestamp::from_millisecond(newest_gone + 1))
        && since < after
    {
        meta.complete_since = Some(after.to_string());
    }
    Ok(())
}
