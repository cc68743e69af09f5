//! The bookmark: where the poller resumes.

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use crate::consent::Bookmark;
use crate::journal::checksum;

/// Stores the bookmark, and replaces the one before.
pub(in crate::journal) fn put(tx: &Transaction<'_>, bookmark: &Bookmark) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO bookmark (id, query, next, last_published, since, caught_up)
        VALUES (1, ?1, ?2, ?3, ?4, ?5)";
    let last = bookmark.last_published.map(|time| time.to_string());
    let values = (&bookmark.query, &bookmark.next, last, bookmark.since.to_string(), bookmark.caught_up);
    tx.prepare_cached(sql)?.execute(values)?;
    checksum::seal_row(tx, checksum::BOOKMARK, &[&1])
}

/// Returns the bookmark, or `None` if there is none or it is damaged.
pub(in crate::journal) fn load(conn: &Connection) -> rusqlite::Result<Option<Bookmark>> {
    let sql = "SELECT * FROM bookmark";
    let found = conn
        .prepare_cached(sql)?
        .query_row([], |row| {
            let (query, next, last) = (row.get("query")?, row.get("next")?, row.get("last_published")?);
            let values = (query, next, last, row.get::<_, String>("since")?, row.get("caught_up")?);
            Ok((values, checksum::holds(row)?))
        })
        .optional()?;
    let Some(((query, next, last, since, caught_up), holds)) = found else { return Ok(None) };
    let last: Option<String> = last;
    // A damaged bookmark counts as none: the poller begins again, and the key of a row prevents duplicates.
    let Some(since) = since.parse().ok().filter(|_| holds) else { return Ok(None) };
    let last_published = last.and_then(|text| text.parse().ok());
    Ok(Some(Bookmark { query, next, last_published, since, caught_up }))
}
