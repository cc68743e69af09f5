//! How many values of each row are hidden.

use rusqlite::Connection;

use crate::journal::checksum;

/// Stores how many values of a row are hidden.
pub(in crate::journal) fn put(conn: &Connection, seq: i64, count: usize) -> rusqlite::Result<()> {
    if count == 0 {
        return conn.prepare_cached("DELETE FROM hidden WHERE seq = ?1")?.execute([seq]).map(drop);
    }
    let sql = "INSERT OR REPLACE INTO hidden (seq, count) VALUES (?1, ?2)";
    conn.prepare_cached(sql)?.execute((seq, i64::try_from(count).unwrap_or(i64::MAX)))?;
    checksum::seal_row(conn, checksum::HIDDEN, &[&seq])
}

/// Returns the rows between two numbers that have hidden values, each with its count. The count 255 means 255 or more,
/// and `None` means that it is damaged.
pub(in crate::journal) fn between(
    conn: &Connection,
    first: i64,
    last: i64,
) -> rusqlite::Result<Vec<(i64, Option<u8>)>> {
    let mut statement =
        conn.prepare_cached("SELECT * FROM hidden WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq")?;
    let mut rows = statement.query([first, last])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let count = if checksum::holds(row)? { Some(row.get::<_, i64>("count")?) } else { None };
        found.push((row.get("seq")?, count.map(|count| u8::try_from(count).unwrap_or(u8::MAX))));
    }
    Ok(found)
}
