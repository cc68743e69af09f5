//! How far older history was fetched, and how that changes the coverage.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use crate::consent::HistoryMark;
use crate::journal::checksum;
use crate::journal::meta::Meta;

/// Stores a mark until its goal is reached. If the period that it covers adjoins the complete one, the complete one is
/// extended. Gaps inside the period are closed.
pub(in crate::journal) fn put(
    tx: &Transaction<'_>,
    meta: &mut Meta,
    mark: &HistoryMark,
) -> rusqlite::Result<()> {
    if mark.whole_from <= mark.goal {
        tx.prepare_cached("DELETE FROM history")?.execute([])?;
    } else {
        let sql = "INSERT OR REPLACE INTO history (id, query, goal, top, whole_from, start, next)
            VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)";
        let [goal, top, whole_from, from] =
            [mark.goal, mark.top, mark.whole_from, mark.from].map(|time| time.to_string());
        tx.prepare_cached(sql)?.execute(params![mark.query, goal, top, whole_from, from, mark.next])?;
        checksum::seal_row(tx, checksum::HISTORY, &[&1])?;
    }
    let known: Option<Timestamp> = meta.complete_since.as_ref().and_then(|text| text.parse().ok());
    if known.is_some_and(|known| mark.whole_from < known && known <= mark.top) {
        meta.complete_since = Some(mark.whole_from.to_string());
        meta.whole_from_ms = meta.whole_from_ms.min(mark.whole_from.as_millisecond());
    }
    close_gaps(tx, mark)
}

/// Removes from every gap the part that a mark covers. Times are stored as texts, which do not sort like times.
fn close_gaps(tx: &Transaction<'_>, mark: &HistoryMark) -> rusqlite::Result<()> {
    let mut select = tx.prepare_cached("SELECT id, start, stop FROM gap")?;
    let gaps: Vec<(i64, String, String)> =
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect::<Result<_, _>>()?;
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

/// Returns the mark, or `None` if there is none or it is damaged. Fetching then begins again, and the key of a row
/// prevents duplicates.
pub(in crate::journal) fn mark(conn: &Connection) -> rusqlite::Result<Option<HistoryMark>> {
    let sql = "SELECT * FROM history";
    let found = conn
        .prepare_cached(sql)?
        .query_row([], |row| {
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
