//! The periods in which the program listened for the event hook.

use rusqlite::{OptionalExtension as _, Transaction};

use crate::journal::batch::Listening;
use crate::journal::checksum;
use crate::journal::meta::Meta;

/// A hook that was just verified needs some minutes before it delivers (Okta: event hooks).
const SETTLE_MS: i64 = 10 * 60_000;
/// At most this many periods are kept, the newest.
const TIMES_MAX: i64 = 1000;

/// Stores a period of listening, and when the hook was first verified.
pub(in crate::journal) fn put(
    tx: &Transaction<'_>,
    meta: &mut Meta,
    told: &Listening,
) -> rusqlite::Result<()> {
    if let Some(verified) = told.verified
        && meta.verified_ms.is_none()
    {
        meta.verified_ms = Some(verified.as_millisecond());
        meta.next_rev += 1;
    }
    let (up, until) = (told.since.as_millisecond(), told.until.as_millisecond());
    let Some(verified) = meta.verified_ms else { return Ok(()) };
    let start = up.max(verified.saturating_add(SETTLE_MS));
    if start >= until {
        return Ok(());
    }
    // A damaged row would count as sound after the update, so it is deleted first.
    let sql = "SELECT * FROM listening WHERE up = ?1";
    if tx.prepare_cached(sql)?.query_row([up], checksum::holds).optional()? == Some(false) {
        tx.prepare_cached("DELETE FROM listening WHERE up = ?1")?.execute([up])?;
    }
    let sql = "INSERT INTO listening (up, start, stop) VALUES (?1, ?2, ?3)
        ON CONFLICT (up) DO UPDATE SET stop = MAX(stop, excluded.stop)";
    tx.prepare_cached(sql)?.execute((up, start, until))?;
    checksum::seal_row(tx, checksum::LISTENING, &[&up])?;
    let cut = "DELETE FROM listening WHERE up NOT IN (SELECT up FROM listening ORDER BY up DESC LIMIT ?1)";
    tx.prepare_cached(cut)?.execute([TIMES_MAX]).map(drop)
}
