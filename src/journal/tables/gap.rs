//! Stretches of time in which events may be missing.

use rusqlite::Transaction;

use crate::journal::checksum;
use crate::report::Gap;

/// At most this many gaps are kept, the newest.
const GAPS_MAX: i64 = 1000;

/// Stores a gap, unless it is stored already.
pub(in crate::journal) fn put(tx: &Transaction<'_>, gap: &Gap) -> rusqlite::Result<()> {
    // A batch that is tried again reports the same gap again.
    let sql = "INSERT INTO gap (start, stop, why) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    if tx.prepare_cached(sql)?.execute((gap.from.to_string(), gap.to.to_string(), &gap.why))? > 0 {
        checksum::seal_row(tx, checksum::GAP, &[&tx.last_insert_rowid()])?;
    }
    tx.prepare_cached("DELETE FROM gap WHERE id <= (SELECT MAX(id) FROM gap) - ?1")?.execute([GAPS_MAX])?;
    Ok(())
}
