//! Where a poller goes on.

use jiff::Timestamp;

/// The cursor that came with a page of the System Log. It is stored in the same transaction as the page's events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bookmark {
    /// What was asked: the set of event kinds, so that a changed set does not go on from a cursor that skipped some.
    pub query: String,
    /// The `next` link as it came, path and query only: the org's origin is put before it again.
    pub next: String,
    /// When the newest event seen so far was published; the place to restart from if the cursor dies.
    pub last_published: Option<Timestamp>,
    /// From when on the log was read: the `since` of the first request of this query.
    pub since: Timestamp,
    /// Whether this page was shorter than its limit: nothing more was there.
    pub caught_up: bool,
}
