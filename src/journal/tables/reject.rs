//! Records that could not be read, and how many there were.

use std::collections::BTreeSet;

use rusqlite::{Connection, Transaction};

use crate::consent::{OrgId, Reject};
use crate::journal::checksum;
use crate::journal::error::AppendError;

/// At most this many unreadable records of each source of each org are kept, the newest.
const REJECTS_MAX: i64 = 1000;

/// Stores records of an org and counts them.
pub(in crate::journal) fn put(
    tx: &Transaction<'_>,
    org: OrgId,
    rejects: &[Reject],
) -> Result<(), AppendError> {
    if checksum::count_damaged(tx, checksum::UNREADABLE)? > 0 {
        // A change must not make a damaged count sound.
        count_kept(tx)?;
    }
    let mut insert = tx.prepare_cached(
        "INSERT INTO reject (received, source, why, body, length, org) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let mut count = tx.prepare_cached(
        "INSERT INTO unreadable (org, source, count, first, last) VALUES (?3, ?1, 1, ?2, ?2) ON CONFLICT (org, source)
            DO UPDATE SET count = count + 1, first = MIN(first, ?2), last = MAX(last, ?2)",
    )?;
    for reject in rejects {
        let body = zstd::bulk::compress(&reject.bytes, 3).map_err(AppendError::Pack)?;
        let length = i64::try_from(reject.length).unwrap_or(i64::MAX);
        let received = reject.received.as_millisecond();
        insert.execute((received, reject.source, &reject.why, body, length, org.0))?;
        checksum::seal_row(tx, checksum::REJECT, &[&tx.last_insert_rowid()])?;
        count.execute((reject.source, received, org.0))?;
        checksum::seal_row(tx, checksum::UNREADABLE, &[&org.0, &reject.source])?;
    }
    // Many records from one source must not push out those from the other.
    let sources: BTreeSet<&str> = rejects.iter().map(|reject| reject.source).collect();
    let cut = "DELETE FROM reject WHERE source = ?1 AND org = ?3
        AND id <= (SELECT id FROM reject WHERE source = ?1 AND org = ?3 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    for source in sources {
        tx.prepare_cached(cut)?.execute((source, REJECTS_MAX, org.0))?;
    }
    Ok(())
}

/// Replaces the counts by the numbers of kept records per org and source, because a count is damaged.
pub(in crate::journal) fn count_kept(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(
        "DELETE FROM unreadable;
         INSERT INTO unreadable (org, source, count, first, last)
            SELECT org, source, COUNT(*), MIN(received), MAX(received) FROM reject GROUP BY org, source;",
    )?;
    let mut statement = conn.prepare("SELECT org, source FROM unreadable")?;
    let keys: Vec<[rusqlite::types::Value; 2]> =
        statement.query_map([], |row| Ok([row.get(0)?, row.get(1)?]))?.collect::<Result<_, _>>()?;
    for [org, source] in &keys {
        checksum::seal_row(conn, checksum::UNREADABLE, &[org, source])?;
    }
    Ok(())
}
