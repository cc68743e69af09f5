//! What was seen, and what was not.

use jiff::Timestamp;

/// For which time the journal holds everything that was polled.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Coverage {
    /// The journal is complete from here on, but for the gaps; nothing if it never caught up.
    pub complete_since: Option<Timestamp>,
    /// Stretches of time in which events may be missing, oldest first.
    pub gaps: Vec<Gap>,
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
