//! How far older history of each org was fetched, and how that changes the coverage.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::consent::{HistoryMark, OrgId};
use crate::journal::checksum;
use crate::journal::meta::OrgMeta;

/// Stores the mark of an org until its goal is reached. If the period that it covers adjoins the complete one, the
/// complete one is extended. Gaps inside the period are closed.
pub(in crate::journal) fn put(
    tx: &Transaction<'_>,
    org: OrgId,
    meta: &mut OrgMeta,
    mark: &HistoryMark,
) -> rusqlite::Result<()> {
    if mark.whole_from <= mark.goal {
        tx.prepare_cached("DELETE FROM history WHERE org = ?1")?.execute([org.0])?;
    } else {
        let sql = "INSERT OR REPLACE INTO history (org, query, goal, top, whole_from, start, next)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let [goal, top, whole_from, from] =
            [mark.goal, mark.top, mark.whole_from, mark.from].map(|time| time.to_string());
        tx.prepare_cached(sql)?
            .execute(params![org.0, mark.query, goal, top, whole_from, from, mark.next])?;
        checksum::seal_row(tx, checksum::HISTORY, &[&org.0])?;
    }
    let known: Option<Timestamp> = meta.complete_since.as_ref().and_then(|text| text.parse().ok());
    if known.is_some_and(|known| mark.whole_from < known && known <= mark.top) {
        meta.complete_since = Some(mark.whole_from.to_string());
        meta.whole_from_ms = meta.whole_from_ms.min(mark.whole_from.as_millisecond());
    }
    close_gaps(tx, org, mark)
}

/// Removes from every gap of an org the part that a mark covers. Times are stored as texts, which do not sort like
/// times.
fn close_gaps(tx: &Transaction<'_>, org: OrgId, mark: &HistoryMark) -> rusqlite::Result<()> {
    let mut select = tx.prepare_cached("SELECT id, start, stop FROM gap WHERE org = ?1")?;
    let gaps: Vec<(i64, String, String)> = select
        .query_map([org.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (id, start, stop) in gaps {
        let (Ok(start), Ok(stop)) = (start.parse::<Timestamp>(), stop.parse::<Timestamp>()) else { continue };
        if mark.top < stop || stop <= mark.whole_from {
            continue;
        }
        if mark.whole_from <= start {
            tx.prepare_cached("DELETE FROM gap WHERE id = ?1")?.execute([id])?;
        } else {
            // Two gaps may become the same one.
            tx.prepare_cached("UPDATE OR REPLACE gap SET stop = ?2 WHERE id = ?1")?
                .execute((id, mark.whole_from.to_string()))?;
            checksum::seal_row(tx, checksum::GAP, &[&id])?;
        }
    }
    Ok(())
}

/// Returns the mark of an org, or `None` if there is none or it is damaged. Fetching then begins again, and the key of
/// a row prevents duplicates.
pub(in crate::journal) fn mark(conn: &Connection, org: OrgId) -> rusqlite::Result<Option<HistoryMark>> {
    let sql = "SELECT * FROM history WHERE org = ?1";
    let found = conn
        .prepare_cached(sql)?
        .query_row([org.0], |row| {
            let times: [String; 4] =
                [row.get("goal")?, row.get("top")?, row.get("whole_from")?, row.get("start")?];
            let times = times.map(|text| text.parse().ok());
            Ok((row.get("query")?, times, row.get("next")?, checksum::holds(row)?))
        })
        .optional()?;
    let Some((query, [Some(goal), Some(top), Some(whole_from), Some(from)], next, true)) = found else {
        return Ok(None);
    };
    Ok(Some(HistoryMark { query, goal, top, whole_from, from, next }))
}
