//! Polled events that have one uuid and differ in content. Each is stored as a row and marked.

use rusqlite::Connection;

use super::doubt::SHARED;
use crate::consent::OrgId;
use crate::journal::checksum;

/// Marks a row. `rev` is the number of the change, or 0 for a new row.
pub(in crate::journal) fn mark(conn: &Connection, seq: i64, rev: i64) -> rusqlite::Result<()> {
    let sql = "UPDATE event SET doubt = ?2, rev = MAX(rev, ?3) WHERE seq = ?1";
    checksum::change(conn, seq, || conn.prepare_cached(sql)?.execute((seq, SHARED, rev))).map(drop)
}

/// Returns the number of marked rows of an org.
pub(in crate::journal) fn count(conn: &Connection, org: OrgId) -> rusqlite::Result<u64> {
    let sql = "SELECT COUNT(*) FROM event INDEXED BY event_shared WHERE doubt = 3 AND org = ?1";
    conn.prepare_cached(sql)?.query_row([org.0], |row| row.get::<_, i64>(0)).map(|count| count.max(0) as u64)
}
