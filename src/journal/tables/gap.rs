//! Stretches of time in which events may be missing.

use rusqlite::Transaction;

use crate::consent::OrgId;
use crate::journal::checksum;
use crate::report::Gap;

/// At most this many gaps of an org are kept, the newest. More gaps of one org do not push out those of another, which
/// would then look complete.
const GAPS_MAX: i64 = 1000;

/// Stores a gap of an org, unless it is stored already.
pub(in crate::journal) fn put(tx: &Transaction<'_>, org: OrgId, gap: &Gap) -> rusqlite::Result<()> {
    // A batch that is tried again reports the same gap again.
    let sql = "INSERT INTO gap (start, stop, why, org) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    if tx.prepare_cached(sql)?.execute((gap.from.to_string(), gap.to.to_string(), &gap.why, org.0))? > 0 {
        checksum::seal_row(tx, checksum::GAP, &[&tx.last_insert_rowid()])?;
    }
    let cut = "DELETE FROM gap WHERE org = ?1
        AND id <= (SELECT id FROM gap WHERE org = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    tx.prepare_cached(cut)?.execute((org.0, GAPS_MAX)).map(drop)
}
