//! Where a poller continues.

use jiff::Timestamp;

/// The cursor that came with a page of the System Log. It is stored in the same transaction as the page's events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bookmark {
    /// The event kinds that were asked for. If they change, the cursor is not used, since it may have skipped some.
    pub query: String,
    /// The path and query of the `next` link as it came. The org's origin is prepended when it is used.
    pub next: String,
    /// When the newest event seen so far was published. Polling restarts from there if the cursor becomes invalid.
    pub last_published: Option<Timestamp>,
    /// The time from which on the log was read: the `since` of the first request of this query.
    pub since: Timestamp,
    /// Whether this page was shorter than its limit, so that there was nothing more.
    pub caught_up: bool,
}
