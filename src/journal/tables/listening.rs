//! The periods in which the program listened for the event hook of each org.

use rusqlite::{OptionalExtension as _, Transaction};

use crate::consent::OrgId;
use crate::journal::batch::Listening;
use crate::journal::checksum;
use crate::journal::meta::Counters;

/// A hook that was just verified needs some minutes before it delivers (Okta: event hooks).
const SETTLE_MS: i64 = 10 * 60_000;
/// At most this many periods of an org are kept, the newest.
const TIMES_MAX: i64 = 1000;

/// Stores a period of listening for an org's hook, and when the hook was first verified.
pub(in crate::journal) fn put(
    tx: &Transaction<'_>,
    org: OrgId,
    counters: &mut Counters,
    told: &Listening,
) -> rusqlite::Result<()> {
    let own = counters.orgs.of(org);
    if let Some(verified) = told.verified
        && own.verified_ms.is_none()
    {
        own.verified_ms = Some(verified.as_millisecond());
        counters.meta.next_rev += 1;
    }
    let (up, until) = (told.since.as_millisecond(), told.until.as_millisecond());
    let Some(verified) = own.verified_ms else { return Ok(()) };
    let start = up.max(verified.saturating_add(SETTLE_MS));
    if start >= until {
        return Ok(());
    }
    // A damaged row would count as sound after the update, so it is deleted first.
    let key = (org.0, up);
    let sql = "SELECT * FROM listening WHERE org = ?1 AND up = ?2";
    if tx.prepare_cached(sql)?.query_row(key, checksum::holds).optional()? == Some(false) {
        tx.prepare_cached("DELETE FROM listening WHERE org = ?1 AND up = ?2")?.execute(key)?;
    }
    let sql = "INSERT INTO listening (org, up, start, stop) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (org, up) DO UPDATE SET stop = MAX(stop, excluded.stop)";
    tx.prepare_cached(sql)?.execute((org.0, up, start, until))?;
    checksum::seal_row(tx, checksum::LISTENING, &[&org.0, &up])?;
    let cut = "DELETE FROM listening WHERE org = ?1
        AND up NOT IN (SELECT up FROM listening WHERE org = ?1 ORDER BY up DESC LIMIT ?2)";
    tx.prepare_cached(cut)?.execute((org.0, TIMES_MAX)).map(drop)
}
