//! What goes in, and what is said of it once it is on the disk.

use crate::consent::{Bookmark, Consent, Reject, Rev, Seq};
use crate::report::Gap;

/// What one page of the log or one delivery brought. It is stored whole or not at all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Batch {
    /// What was read.
    pub consents: Vec<Consent>,
    /// What could not be read.
    pub rejects: Vec<Reject>,
    /// Where the poller goes on, once this batch is stored.
    pub bookmark: Option<Bookmark>,
    /// A stretch of time that the sender knows it missed.
    pub gap: Option<Gap>,
}

/// How far the journal has come. A reader that saw an older one knows what to ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Head {
    /// The newest row; 0 while there was never one.
    pub last: Seq,
    /// The newest change to rows that were there before; a cut by age or number counts as one.
    pub change: Rev,
}

/// What became of a batch. It is on the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Commit {
    /// The head right after the batch.
    pub head: Head,
    /// Rows that were not there before.
    pub new: usize,
    /// Rows that had come by another way, and now by both.
    pub merged: usize,
    /// Rows that had come this way already; nothing changed.
    pub repeated: usize,
}
