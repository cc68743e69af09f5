//! Repairs the counters and dictionaries of a damaged journal when the writer opens it.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use crate::journal::meta::Meta;
use crate::journal::tables::reject;
use crate::journal::{checksum, pack};

/// How many numbers are skipped when the counters are lost, so that no number is used twice.
const PASSED_OVER: i64 = 1000;

/// Repairs the counters and the dictionaries. Writes nothing if all are sound.
pub(in crate::journal) fn at_start(conn: &Connection) -> rusqlite::Result<()> {
    let tx = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    pack::keep_copies(&tx)?;
    if checksum::count_damaged(&tx, checksum::META)? > 0 {
        tracing::warn!("The journal's counters were damaged on the disk and were counted again.");
        count_anew(&tx)?;
    }
    let mut meta = Meta::load(&tx)?;
    let free = next_seq(&tx, meta.next_seq)?;
    if free != meta.next_seq {
        tracing::warn!("A damaged row of the journal has a number that was not assigned yet.");
        meta.next_seq = free;
        meta.save(&tx)?;
    }
    if checksum::count_damaged(&tx, checksum::UNREADABLE)? > 0 {
        tracing::warn!(
            "The count of unreadable records was damaged on the disk; those that are kept were counted."
        );
        reject::count_kept(&tx)?;
    }
    tx.commit()
}

/// Returns the next number for a row: `next`, or a higher one if a row has that number or a higher one.
pub(in crate::journal) fn next_seq(conn: &Connection, next: i64) -> rusqlite::Result<i64> {
    let last: Option<i64> =
        conn.prepare_cached("SELECT MAX(seq) FROM event")?.query_row([], |row| row.get(0))?;
    Ok(last.map_or(next, |last| next.max(last.saturating_add(1))))
}

/// Recomputes the counters from the rows. The time since which the journal is complete cannot be recomputed: it begins
/// with the next poll, as on the first start of the program.
fn count_anew(conn: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE meta SET
        next_seq = (SELECT COALESCE(MAX(seq), 0) FROM event) + 1 + ?1,
        next_rev = MAX((SELECT COALESCE(MAX(rev), 0) FROM event), (SELECT COALESCE(MAX(rev), 0) FROM label)) + 1 + ?1,
        rows = (SELECT COUNT(*) FROM event NOT INDEXED),
        newest = (SELECT COALESCE(MAX(ts), 0) FROM event WHERE ts <= received + 300000),
        late = (SELECT COUNT(*) FROM event WHERE late <> 0),
        unconfirmed = (SELECT COUNT(*) FROM event WHERE via = 2 AND doubt = 1),
        missed = (SELECT COUNT(*) FROM event WHERE via = 1 AND doubt = 1),
        altered = (SELECT COUNT(*) FROM event WHERE via = 3 AND doubt = 1),
        hook_only = (SELECT COUNT(*) FROM event WHERE via = 2),
        complete_since = NULL, last_good = NULL, caught_up = NULL, verified = NULL, judged = 0,
        trained = EXISTS (SELECT 1 FROM dict WHERE id > 1),
        ahead_ms = 0, interval_ms = NULL, suspended_ms = 0, hour_began = 0, hour_rows = 0, hour_gone = 0, hour_sides = 0,
        whole_from = (SELECT COALESCE(MIN(ts), 0) FROM event WHERE ts > 0)";
    conn.execute(sql, [PASSED_OVER])?;
    // A row without a checksum means that not all rows have got theirs yet.
    let unsealed = "SELECT 1 FROM event WHERE sum IS NULL LIMIT 1";
    let is_unsealed = conn.query_row(unsealed, [], |_| Ok(())).optional()?.is_some();
    conn.execute("UPDATE meta SET sealed = ?1", [!is_unsealed])?;
    checksum::seal_row(conn, checksum::META, &[&1])
}

/// Recounts the counters that a damaged row may have made wrong. Reads every row once.
pub(in crate::journal) fn count_rows(conn: &Connection, meta: &mut Meta) -> rusqlite::Result<()> {
    let sql =
        "SELECT COUNT(*), COUNT(*) FILTER (WHERE late <> 0), COUNT(*) FILTER (WHERE via = 2 AND doubt = 1),
        COUNT(*) FILTER (WHERE via = 1 AND doubt = 1), COUNT(*) FILTER (WHERE via = 3 AND doubt = 1),
        COUNT(*) FILTER (WHERE via = 2) FROM event NOT INDEXED";
    conn.query_row(sql, [], |row| {
        (meta.rows, meta.late, meta.unconfirmed) = (row.get(0)?, row.get(1)?, row.get(2)?);
        (meta.missed, meta.altered, meta.hook_only) = (row.get(3)?, row.get(4)?, row.get(5)?);
        Ok(())
    })?;
    meta.next_seq = next_seq(conn, meta.next_seq)?;
    Ok(())
}
