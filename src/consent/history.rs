//! Where the fetching of older history continues.

use jiff::Timestamp;

/// How far older history was fetched. It is stored in the same transaction as the last fetched page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryMark {
    /// The event kinds that were asked for, as in [`super::Bookmark`].
    pub query: String,
    /// The time to fetch back to.
    pub goal: Timestamp,
    /// Everything published from `whole_from` up to here was fetched.
    pub top: Timestamp,
    /// See `top`. It moves back one period at a time.
    pub whole_from: Timestamp,
    /// The start of the period that is being fetched. The period ends at `whole_from`.
    pub from: Timestamp,
    /// The path and query of the `next` link in that period, or `None` at its beginning.
    pub next: Option<String>,
}
