//! Side events, in a table of their own.

use std::io;

use jiff::Timestamp;
use rusqlite::{Connection, Params, Row, Transaction};

use super::identity::Identity;
use crate::consent::{OrgId, SideEvent, Untrusted};
use crate::journal::checksum;
use crate::journal::error::{AppendError, ReadError};
use crate::journal::meta::Meta;
use crate::journal::sql_values::{event_id, limit, time};

/// At most this many side events of an org are kept, the newest. A hook that fails all day causes thousands.
const SIDES_MAX: i64 = 50_000;
/// The maximum size of an unpacked side event. This program stores no larger one.
const BODY_MAX: usize = 1024 * 1024;

const SIDE: &str = "SELECT * FROM side";

/// Stores events of an org, each once. New events count as a change, so that readers read again.
pub(in crate::journal) fn put(
    tx: &Transaction<'_>,
    org: OrgId,
    meta: &mut Meta,
    sides: &[SideEvent],
    identity: &Identity,
) -> Result<(), AppendError> {
    let sql = "INSERT INTO side (ts, uuid, type, txn, session, received, body, org)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
    let mut insert = tx.prepare_cached(sql)?;
    let exact = |text: &Option<Untrusted>| text.as_ref().map(|text| text.exact().to_owned());
    let mut new = 0;
    for side in sides {
        let id = identity.of(side.id);
        let values = (
            side.published.map_or(0, Timestamp::as_millisecond),
            id.as_bytes(),
            side.event_type.exact(),
            exact(&side.transaction_id),
            exact(&side.session_id),
            side.received.as_millisecond(),
            zstd::bulk::compress(side.raw.as_bytes(), 3).map_err(AppendError::Pack)?,
            org.0,
        );
        if insert.execute(values)? > 0 {
            checksum::seal_row(tx, checksum::SIDE, &[&tx.last_insert_rowid()])?;
            new += 1;
        }
    }
    meta.next_rev += i64::from(new > 0);
    Ok(())
}

/// Removes events of an org that were published before `cut_ms`, the oldest first and at most `most`. Returns the
/// number of removed events.
pub(in crate::journal) fn prune_aged(
    conn: &Connection,
    org: OrgId,
    cut_ms: i64,
    most: i64,
) -> rusqlite::Result<i64> {
    let sql = "DELETE FROM side WHERE id IN
        (SELECT id FROM side WHERE org = ?1 AND ts > 0 AND ts < ?2 ORDER BY ts LIMIT ?3)";
    Ok(conn.prepare_cached(sql)?.execute((org.0, cut_ms, most))? as i64)
}

/// Returns the number of side events of an org.
pub(in crate::journal) fn count_all(conn: &Connection, org: OrgId) -> rusqlite::Result<i64> {
    let sql = "SELECT COUNT(*) FROM side INDEXED BY side_key WHERE org = ?1";
    conn.prepare_cached(sql)?.query_row([org.0], |row| row.get(0))
}

/// Removes the oldest events of an org beyond [`SIDES_MAX`].
pub(in crate::journal) fn prune_surplus(conn: &Connection, org: OrgId) -> rusqlite::Result<()> {
    if count_all(conn, org)? <= SIDES_MAX {
        return Ok(());
    }
    // The index has only the keys, and so needs to read no event.
    let cut = "DELETE FROM side WHERE org = ?1 AND id <=
        (SELECT id FROM side INDEXED BY side_key WHERE org = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    conn.prepare_cached(cut)?.execute((org.0, SIDES_MAX)).map(drop)
}

/// Returns the number of events of a type in an org, and when the newest sound one was published.
pub(in crate::journal) fn count(
    conn: &Connection,
    org: OrgId,
    event_type: &str,
) -> rusqlite::Result<(u64, Option<Timestamp>)> {
    let sql = "SELECT COUNT(*) FROM side WHERE org = ?1 AND type = ?2";
    let count: i64 = conn.prepare_cached(sql)?.query_row((org.0, event_type), |row| row.get(0))?;
    let sql = "SELECT * FROM side INDEXED BY side_type WHERE org = ?1 AND type = ?2 ORDER BY ts DESC";
    let mut statement = conn.prepare_cached(sql)?;
    let mut found = statement.query((org.0, event_type))?;
    while let Some(row) = found.next()? {
        if checksum::holds(row)? {
            return Ok((count.max(0) as u64, Some(time(row.get("ts")?))));
        }
    }
    Ok((count.max(0) as u64, None))
}

/// Returns the number of the newest event of an org about authorization servers, scopes or features; 0 if there is
/// none.
pub(in crate::journal) fn newest_drift(conn: &Connection, org: OrgId) -> rusqlite::Result<i64> {
    // Each family is a range of the index on types. A slash, which follows the dot in ASCII, ends it.
    let sql = "SELECT COALESCE(MAX(id), 0) FROM side WHERE org = ?3 AND type > ?1 AND type < ?2";
    let mut newest = 0;
    for (from, to) in [
        ("oauth2.as.", "oauth2.as/"),
        ("oauth2.scope.", "oauth2.scope/"),
        ("system.feature.", "system.feature/"),
    ] {
        newest = newest.max(conn.prepare_cached(sql)?.query_row((from, to, org.0), |row| row.get(0))?);
    }
    Ok(newest)
}

/// Returns the newest events of a type in an org, at most `n`, newest first.
#[cfg(test)]
pub(in crate::journal) fn newest(
    conn: &Connection,
    org: OrgId,
    event_type: &str,
    n: usize,
) -> Result<Vec<SideEvent>, ReadError> {
    let sql = format!("{SIDE} WHERE org = ?1 AND type = ?2 ORDER BY ts DESC LIMIT ?3");
    read(conn, &sql, (org.0, event_type, limit(n)))
}

/// Returns the events of a session or a transaction of an org, at most `n`, oldest first.
pub(in crate::journal) fn beside(
    conn: &Connection,
    org: OrgId,
    session: Option<&str>,
    transaction: Option<&str>,
    n: usize,
) -> Result<Vec<SideEvent>, ReadError> {
    // Each half has an index of its own.
    let sql = format!(
        "{SIDE} WHERE id IN (SELECT id FROM side WHERE org = ?4 AND session = ?1
            UNION SELECT id FROM side WHERE org = ?4 AND txn = ?2) ORDER BY ts LIMIT ?3"
    );
    read(conn, &sql, (session, transaction, limit(n), org.0))
}

/// Returns the events of an org above a number, at most `n`, in the order of their numbers, the number of the last one that
/// was looked at, and whether there may be more.
pub(in crate::journal) fn after(
    conn: &Connection,
    org: OrgId,
    id: i64,
    n: usize,
) -> Result<(Vec<SideEvent>, Option<i64>, bool), ReadError> {
    let sides = read(
        conn,
        &format!("{SIDE} WHERE id > ?1 AND +org = ?2 ORDER BY id LIMIT ?3"),
        (id, org.0, limit(n)),
    )?;
    let sql = "SELECT MAX(id), COUNT(*) FROM (SELECT id FROM side WHERE id > ?1 AND +org = ?2 ORDER BY id LIMIT ?3)";
    let values = (id, org.0, limit(n));
    let (last, looked): (_, i64) =
        conn.prepare_cached(sql)?.query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((sides, last, looked >= limit(n)))
}

fn read(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<SideEvent>, ReadError> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut sides = Vec::new();
    while let Some(row) = rows.next()? {
        let read = if checksum::holds(row)? { side(row)? } else { Err(io::ErrorKind::InvalidData.into()) };
        match read {
            Ok(side) => sides.push(side),
            // A damaged event is no evidence.
            Err(error) => tracing::warn!(%error, "A side event is damaged in the journal."),
        }
    }
    Ok(sides)
}

fn side(row: &Row<'_>) -> rusqlite::Result<io::Result<SideEvent>> {
    let kept = |text: Option<String>| text.map(Untrusted::new);
    let (uuid, body): (Vec<u8>, Vec<u8>) = (row.get("uuid")?, row.get("body")?);
    let (ts, event_type): (i64, String) = (row.get("ts")?, row.get("type")?);
    let (transaction_id, session_id) = (kept(row.get("txn")?), kept(row.get("session")?));
    let received = time(row.get("received")?);
    Ok(event_id(&uuid).and_then(|id| {
        let raw = zstd::bulk::decompress(&body, BODY_MAX)?;
        let raw = String::from_utf8(raw).map_err(io::Error::other)?;
        Ok(SideEvent {
            id,
            published: (ts != 0).then(|| time(ts)),
            received,
            event_type: Untrusted::new(event_type),
            transaction_id,
            session_id,
            raw: raw.into(),
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{EventId, Via};
    use crate::journal::sample::{self, START_MS};
    use crate::journal::write::store::Store;
    use crate::journal::{Batch, Reader, Settings};

    fn failed(number: u64) -> SideEvent {
        let mut side = SideEvent::from(sample::consent(number, Via::POLL));
        side.event_type = Untrusted::new("event_hook.delivery");
        side.published = Some(time(START_MS + number as i64 * 60_000));
        side
    }

    #[test]
    fn a_side_event_comes_back_once_and_is_no_row() {
        let dir = tempfile::tempdir().unwrap();
        let conn = crate::journal::connection::connect_writer(dir.path()).unwrap();
        let mut store = Store::new(conn, Settings { keep_days: 1, ..Settings::default() }).unwrap();
        let before = store.head();
        let mut other = failed(9);
        other.id = EventId::Digest([7; 32]);
        other.published = None;
        other.event_type = Untrusted::new("oauth2.as.deactivated");
        let sides = vec![failed(1), failed(2), failed(1), other.clone()];
        let batch = Batch { sides, ..Batch::default() };
        store.write([&batch].into_iter()).unwrap();
        assert_eq!(store.head().last, before.last);
        assert!(store.head().change > before.change, "whoever looks, looks again");
        let head = store.head();
        store.write([&batch].into_iter()).unwrap();
        assert_eq!(store.head(), head, "nothing new");
        let reader = Reader::open(dir.path()).unwrap();
        // It has no uuid, so the journal knows it by a digest of its own.
        other.id = store.identity.of(other.id);
        assert_eq!(reader.sides("event_hook.delivery", 9).unwrap(), [failed(2), failed(1)]);
        assert_eq!(reader.sides("oauth2.as.deactivated", 9).unwrap(), [other.clone()]);
        assert!(reader.newest_drift(OrgId(0)).unwrap() > 2, "it came after the two deliveries");
        let session = other.session_id.as_ref().map(Untrusted::exact);
        assert_eq!(reader.sides_of(OrgId(0), session, None, 9).unwrap(), [other.clone()]);
        let transaction = other.transaction_id.as_ref().map(Untrusted::exact);
        assert_eq!(reader.sides_of(OrgId(0), None, transaction, 9).unwrap(), [other]);
        assert_eq!(reader.sides_of(OrgId(0), None, None, 9).unwrap(), []);
        let proof = reader.coverage(OrgId(0)).unwrap().hook;
        assert_eq!((proof.failures, proof.last_failure), (2, Some(time(START_MS + 120_000))));
        store.conn.execute_batch("UPDATE side SET ts = ts + 900000000 WHERE id = 1").unwrap();
        assert_eq!(reader.coverage(OrgId(0)).unwrap().hook.last_failure, Some(time(START_MS + 120_000)));
        store.conn.execute_batch("UPDATE side SET ts = ts - 900000000 WHERE id = 1").unwrap();
        while store.prune_unbounded_some(time(START_MS + 24 * 3_600_000 + 90_000)).unwrap() {}
        assert_eq!(reader.coverage(OrgId(0)).unwrap().hook.failures, 1, "the other is too old");
    }
}
