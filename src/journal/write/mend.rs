//! Repairs the counters and dictionaries of a damaged journal when the writer opens it.

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};

use super::mend_orgs;
use crate::consent::{OrgId, Via};
use crate::journal::meta::{Counters, Meta};
use crate::journal::tables::{doubt, org, reject};
use crate::journal::{checksum, pack};

/// How many numbers are skipped when the counters are lost, so that no number is used twice.
const PASSED_OVER: i64 = 1000;
/// The most rows of an org that is not in the table of orgs that are looked at for a sound one.
const ROWS_LOOKED_AT: i64 = 100;

/// Repairs the counters and the dictionaries. Writes nothing if all are sound.
pub(in crate::journal) fn at_start(conn: &Connection) -> rusqlite::Result<()> {
    let tx = Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
    pack::keep_copies(&tx)?;
    if checksum::count_damaged(&tx, checksum::META)? > 0 {
        tracing::warn!("The journal's counters were damaged on the disk and were counted again.");
        count_anew(&tx)?;
    }
    mend_orgs::rewrite_damaged(&tx)?;
    put_missing_orgs(&tx)?;
    for org in damaged_orgs(&tx)? {
        tracing::warn!(
            org = org.0,
            "The counters of an org were damaged on the disk and were counted again."
        );
        count_org_anew(&tx, org)?;
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

/// Recomputes the counters of the whole journal from the rows.
fn count_anew(conn: &Connection) -> rusqlite::Result<()> {
    let sql = "UPDATE meta SET
        next_seq = (SELECT COALESCE(MAX(seq), 0) FROM event) + 1 + ?1,
        next_rev = MAX((SELECT COALESCE(MAX(rev), 0) FROM event), (SELECT COALESCE(MAX(rev), 0) FROM label)) + 1 + ?1,
        rows = (SELECT COUNT(*) FROM event NOT INDEXED),
        trained = EXISTS (SELECT 1 FROM dict WHERE id > 1)";
    conn.execute(sql, [PASSED_OVER])?;
    // A row without a checksum means that not all rows have got theirs yet.
    let unsealed = "SELECT 1 FROM event WHERE sum IS NULL LIMIT 1";
    let is_unsealed = conn.query_row(unsealed, [], |_| Ok(())).optional()?.is_some();
    conn.execute("UPDATE meta SET sealed = ?1", [!is_unsealed])?;
    checksum::seal_row(conn, checksum::META, &[&1])
}

/// Adds an entry for each org that has a sound row but is not in the table of orgs, because that table is damaged. Its
/// key is not known. That of the first org is empty, so that the org that a writer names first takes it.
fn put_missing_orgs(conn: &Connection) -> rusqlite::Result<()> {
    // Each step of the recursion looks up the next org in the index, so the number of rows does not matter.
    let mut statement = conn.prepare(
        "WITH RECURSIVE found (id) AS (SELECT MIN(org) FROM event
            UNION ALL SELECT (SELECT MIN(org) FROM event WHERE org > id) FROM found WHERE id IS NOT NULL)
         SELECT id FROM found WHERE id BETWEEN 1 AND 254 AND id NOT IN (SELECT id FROM org)",
    )?;
    let missing: Vec<u8> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut rows = conn.prepare("SELECT seq FROM event INDEXED BY event_key WHERE org = ?1 LIMIT ?2")?;
    let mut put = conn.prepare("INSERT OR IGNORE INTO org (id, key, host) VALUES (?1, ?2, ?2)")?;
    // An entry without a checksum counts as damaged, so what it counts is counted next.
    put.execute((0, ""))?;
    for id in missing {
        let rows: Vec<i64> =
            rows.query_map((id, ROWS_LOOKED_AT), |row| row.get(0))?.collect::<Result<_, _>>()?;
        // The number of the org may be what is damaged in a row. Such a row is no sign of an org.
        for seq in rows {
            if checksum::is_line_sound(conn, seq)? {
                put.execute((id, org::unknown(id)))?;
                break;
            }
        }
    }
    Ok(())
}

fn damaged_orgs(conn: &Connection) -> rusqlite::Result<Vec<OrgId>> {
    let mut statement = conn.prepare("SELECT * FROM org")?;
    let all = statement.query_map([], |row| Ok((OrgId(row.get("id")?), checksum::holds(row)?)))?;
    let damaged = all.filter(|found| !found.as_ref().is_ok_and(|(_, holds)| *holds));
    damaged.map(|found| found.map(|(org, _)| org)).collect()
}

/// Recomputes the counters of an org from its rows. The time since which it is complete cannot be recomputed: it begins
/// with the next poll, as on the first start of the program.
fn count_org_anew(conn: &Connection, org: OrgId) -> rusqlite::Result<()> {
    let sql = "UPDATE org SET (rows, newest, late, unconfirmed, missed, altered, hook_only, whole_from) =
        (SELECT COUNT(*), COALESCE(MAX(ts) FILTER (WHERE ts <= received + 300000), 0), COUNT(*) FILTER (WHERE late <> 0),
            COUNT(*) FILTER (WHERE via = 2 AND doubt = 1), COUNT(*) FILTER (WHERE via = 1 AND doubt = 1),
            COUNT(*) FILTER (WHERE via = 3 AND doubt = 1), COUNT(*) FILTER (WHERE via = 2),
            COALESCE(MIN(ts) FILTER (WHERE ts > 0), 0) FROM event NOT INDEXED WHERE org = ?1),
        polls = 0, complete_since = NULL, last_good = NULL, caught_up = NULL, verified = NULL, judged = 0, ahead_ms = 0,
        interval_ms = NULL, suspended_ms = 0, hour_began = 0, hour_rows = 0, hour_gone = 0, hour_sides = 0
        WHERE id = ?1";
    conn.execute(sql, [org.0])?;
    checksum::seal_row(conn, checksum::ORG, &[&org.0])
}

/// Recounts the counters that a damaged row may have made wrong. Reads every row once.
pub(in crate::journal) fn count_rows(conn: &Connection, counters: &mut Counters) -> rusqlite::Result<()> {
    let orgs: Vec<OrgId> = counters.orgs.iter().map(|(org, _)| org).collect();
    for org in orgs {
        let own = counters.orgs.of(org);
        (own.rows, own.late, own.unconfirmed, own.missed, own.altered, own.hook_only) = (0, 0, 0, 0, 0, 0);
    }
    counters.meta.rows = 0;
    // SQLite would sort the rows to group them by org.
    let mut statement = conn.prepare_cached("SELECT org, late, via, doubt FROM event NOT INDEXED")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        counters.meta.rows += 1;
        let number = |column: usize| row.get_ref(column).map(|value| value.as_i64().unwrap_or(-1));
        let (late, via, doubt) = (number(1)?, number(2)?, number(3)?);
        // The number of the org may be what is damaged in a row.
        let Ok(org) = u8::try_from(number(0)?) else { continue };
        let own = counters.orgs.of(OrgId(org));
        own.rows += 1;
        own.late += i64::from(late != 0);
        if let Ok(via) = u8::try_from(via).map(Via::from_code) {
            own.hook_only += i64::from(via == Via::HOOK);
            doubt::count(own, doubt::of(via, doubt));
        }
    }
    counters.meta.next_seq = next_seq(conn, counters.meta.next_seq)?;
    Ok(())
}
