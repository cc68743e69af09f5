//! What was seen, and what was not.

use std::time::Duration;

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
    /// Records of the log that could not be read.
    pub unreadable: Unreadable,
    /// What the log says of the event hook.
    pub hook: HookProof,
}

/// Records of the log that came and could not be read as events. Each may be a consent that is not among the rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Unreadable {
    /// How many came since the journal was begun.
    pub count: u64,
    /// When the first came.
    pub first: Option<Timestamp>,
    /// When the last came.
    pub last: Option<Timestamp>,
}

/// For so long after the last one, records that could not be read are said without being asked for.
const RECENT: Duration = Duration::from_hours(24);

impl Unreadable {
    /// Whether the last one came within a day before `now`.
    pub fn is_recent(&self, now: Timestamp) -> bool {
        self.last.is_some_and(|last| last.checked_add(RECENT).is_ok_and(|until| until >= now))
    }

    /// Says how many there are and from when, what becomes of them, and what a person can do; nothing if there are none.
    pub fn sentence(&self) -> Option<String> {
        let Self { count: count @ 1.., first: Some(first), last: Some(last) } = self else { return None };
        let (records, are, they) = match count {
            1 => ("1 record".to_owned(), format!("It came at {first:.0}"), "It is"),
            _ => (
                format!("{count} records"),
                format!("The first came at {first:.0}, the last at {last:.0}"),
                "They are",
            ),
        };
        Some(format!(
            "{records} of the System Log could not be read, and may be consents that are not among the rows. {are}. \
             {they} kept in the journal, and the log is read on. Look for the events of that time in Okta's Admin \
             Console, and check whether a proxy that changes answers stands between."
        ))
    }
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
