//! Codes on the disk for whether the log and the hook confirm a row.

use crate::consent::{Doubt, Via};
use crate::journal::meta::OrgMeta;

/// The row was not judged yet.
pub(in crate::journal) const UNJUDGED: i64 = 0;
/// The row is doubted.
pub(in crate::journal) const DOUBTED: i64 = 1;
/// The row cannot be judged.
pub(in crate::journal) const EXCUSED: i64 = 2;
/// The row shares its uuid with a row of other content, which no delivery of a hook resolves.
pub(in crate::journal) const SHARED: i64 = 3;

/// Returns what the stored number means for a row that came by these ways.
pub(in crate::journal) fn of(via: Via, code: i64) -> Option<Doubt> {
    if code == SHARED { Some(Doubt::SharedId) } else { via.doubt(code == DOUBTED) }
}

/// Removes a row from the counters of doubts of its org, because it is no longer doubted or no longer exists.
pub(in crate::journal) fn settle(meta: &mut OrgMeta, doubt: Option<Doubt>) {
    add(meta, doubt, -1);
}

/// Adds a row to the counters of doubts of its org.
pub(in crate::journal) fn count(meta: &mut OrgMeta, doubt: Option<Doubt>) {
    add(meta, doubt, 1);
}

fn add(meta: &mut OrgMeta, doubt: Option<Doubt>, rows: i64) {
    match doubt {
        Some(Doubt::Unconfirmed) => meta.unconfirmed += rows,
        Some(Doubt::Missed) => meta.missed += rows,
        Some(Doubt::Altered) => meta.altered += rows,
        Some(Doubt::SharedId) | None => {}
    }
}
