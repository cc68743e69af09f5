//! The bookmark of each org: where its poller resumes.

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use crate::consent::{Bookmark, OrgId};
use crate::journal::checksum;

/// Stores the bookmark of an org, and replaces the one before.
pub(in crate::journal) fn put(tx: &Transaction<'_>, org: OrgId, bookmark: &Bookmark) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO bookmark (org, query, next, last_published, since, caught_up)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let last = bookmark.last_published.map(|time| time.to_string());
    let Bookmark { query, next, since, caught_up, .. } = bookmark;
    tx.prepare_cached(sql)?.execute((org.0, query, next, last, since.to_string(), caught_up))?;
    checksum::seal_row(tx, checksum::BOOKMARK, &[&org.0])
}

/// Returns whether an org has a bookmark, even if it is damaged.
pub(in crate::journal) fn is_there(conn: &Connection, org: OrgId) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM bookmark WHERE org = ?1)";
    conn.prepare_cached(sql)?.query_row([org.0], |row| row.get(0))
}

/// Returns the bookmark of an org, or `None` if there is none or it is damaged.
pub(in crate::journal) fn load(conn: &Connection, org: OrgId) -> rusqlite::Result<Option<Bookmark>> {
    let sql = "SELECT * FROM bookmark WHERE org = ?1";
    let found = conn
        .prepare_cached(sql)?
        .query_row([org.0], |row| {
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
