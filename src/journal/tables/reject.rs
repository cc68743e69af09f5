//! Records that could not be read, and how many there were.

use std::collections::BTreeSet;

use rusqlite::{Connection, Transaction};

use crate::consent::Reject;
use crate::journal::checksum;
use crate::journal::error::AppendError;

/// At most this many unreadable records of each source are kept, the newest.
const REJECTS_MAX: i64 = 1000;

/// Stores records and counts them.
pub(in crate::journal) fn put(tx: &Transaction<'_>, rejects: &[Reject]) -> Result<(), AppendError> {
    if checksum::count_damaged(tx, checksum::UNREADABLE)? > 0 {
        // A change must not make a damaged count sound.
        count_kept(tx)?;
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
    // Many records from one source must not push out those from the other.
    let sources: BTreeSet<&str> = rejects.iter().map(|reject| reject.source).collect();
    let cut = "DELETE FROM reject WHERE source = ?1
        AND id <= (SELECT id FROM reject WHERE source = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    for source in sources {
        tx.prepare_cached(cut)?.execute((source, REJECTS_MAX))?;
    }
    Ok(())
}

/// Replaces the counts by the numbers of kept records per source, because a count is damaged.
pub(in crate::journal) fn count_kept(conn: &Connection) -> rusqlite::Result<()> {
    conn.execute_batch(
        "DELETE FROM unreadable;
         INSERT INTO unreadable (source, count, first, last)
            SELECT source, COUNT(*), MIN(received), MAX(received) FROM reject GROUP BY source;",
    )?;
    let mut statement = conn.prepare("SELECT source FROM unreadable")?;
    let sources: Vec<rusqlite::types::Value> =
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for source in &sources {
        checksum::seal_row(conn, checksum::UNREADABLE, &[source])?;
    }
    Ok(())
}
