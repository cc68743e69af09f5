//! What was seen, and what was not.

use jiff::Timestamp;

use super::HookProof;

/// For which time the journal holds everything that was polled.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    /// The journal is complete from here on, but for the gaps; nothing if it never caught up.
    pub complete_since: Option<Timestamp>,
    /// Stretches of time in which events may be missing, oldest first.
    pub gaps: Vec<Gap>,
    /// Rows that were published well before others that were stored earlier by the live poll.
    pub late: u64,
    /// Rows that have their uuid in common with a row of other content that came the same way.
    pub shared: u64,
    /// When the log was last read well; stored once a minute, so up to that much behind.
    pub last_good_poll: Option<Timestamp>,
    /// What the log says of the event hook.
    pub hook: HookProof,
}

/// A stretch of time in which events may be missing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    /// Its start.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// Why, in words for a person.
    pub why: String,
}
