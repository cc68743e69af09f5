//! Where the fetching of older history goes on.

use jiff::Timestamp;

/// How far older history was fetched. It is stored in the same transaction as the page that brought it there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryMark {
    /// What was asked, as in [`super::Bookmark`].
    pub query: String,
    /// How far back it is to go.
    pub goal: Timestamp,
    /// Everything published from `whole_from` up to here was fetched.
    pub top: Timestamp,
    /// See `top`; moves back one stretch at a time.
    pub whole_from: Timestamp,
    /// The start of the stretch that is being fetched; it ends at `whole_from`.
    pub from: Timestamp,
    /// The `next` link of that stretch, path and query only, or `None` at its beginning.
    pub next: Option<String>,
}
