//! How a row stands between the log and the hook, as a number on the disk.

use crate::consent::{Doubt, Via};
use crate::journal::meta::Meta;

/// How a row stands, as its number in the journal: nobody knows yet, or it is doubted, or it cannot be judged.
pub(in crate::journal) const UNJUDGED: i64 = 0;
pub(in crate::journal) const DOUBTED: i64 = 1;
pub(in crate::journal) const EXCUSED: i64 = 2;
/// It has its uuid in common with a row of other content, which no hook settles.
pub(in crate::journal) const SHARED: i64 = 3;

/// Returns what the kept number means for an event that came these ways.
pub(in crate::journal) fn of(via: Via, code: i64) -> Option<Doubt> {
    if code == SHARED { Some(Doubt::SharedId) } else { via.doubt(code == DOUBTED) }
}

/// Counts a row out that is not doubted any more, or not there any more.
pub(in crate::journal) fn settle(meta: &mut Meta, doubt: Option<Doubt>) {
    match doubt {
        Some(Doubt::Unconfirmed) => meta.unconfirmed -= 1,
        Some(Doubt::Missed) => meta.missed -= 1,
        Some(Doubt::Altered) => meta.altered -= 1,
        Some(Doubt::SharedId) | None => {}
    }
}
