//! What callers append, and what the writer answers once it is on the disk.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::consent::{
    Attribution, Bookmark, Consent, EventKey, Evidence, HistoryMark, Label, Person, Reject, Rev, Seq,
    SideEvent,
};
use crate::report::Gap;

/// The contents of one page of the log or of one delivery. It is stored whole or not at all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Batch {
    /// The consents.
    pub consents: Vec<Consent>,
    /// The side events: other events, kept as evidence.
    pub sides: Vec<SideEvent>,
    /// The records that could not be read.
    pub rejects: Vec<Reject>,
    /// Where the poller resumes once this batch is stored.
    pub bookmark: Option<Bookmark>,
    /// A period for which the sender knows that it missed events.
    pub gap: Option<Gap>,
    /// Where fetching history resumes. The events of a batch with this mark are old because they were fetched
    /// afterwards, so none of them counts as late.
    pub history: Option<HistoryMark>,
    /// The successful poll that this batch comes from, if there was one.
    pub polled: Option<Polled>,
    /// The period in which the program has listened for the event hook, if it does.
    pub listening: Option<Listening>,
    /// Names of ids.
    pub labels: Vec<Label>,
    /// Persons for rows without a person. A row that was removed, or that has a person by now, stays as it is.
    pub attributions: Vec<Attribution>,
    /// Replacements for damaged rows. A row that was removed is not restored.
    pub repairs: Vec<Repair>,
    /// What only a team's server gives, or `None` if the batch does not come from there.
    pub team: Option<Box<TeamBatch>>,
}

/// What a batch from a team's server has besides.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TeamBatch {
    /// How far streams are stored once this batch is.
    pub streams: Vec<StreamPosition>,
    /// Persons that the collector found, by the key of the event as it came.
    pub persons: Vec<(EventKey, Person, Evidence)>,
    /// Where the collector's poller resumes. It says nothing about what is stored here.
    pub bookmark: Option<Bookmark>,
    /// Periods for which the collector, or this process, knows that events are missing.
    pub gaps: Vec<Gap>,
    /// The time from which on the journal is complete except for gaps, if this batch makes it so.
    pub complete_since: Option<Timestamp>,
    /// Whether the rows are older than others that were loaded before, so that none of them counts as late.
    pub is_backlog: bool,
    /// How far this journal is published, if the batch says so.
    pub published: Option<Published>,
}

/// A stream of a team's server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TeamStream {
    /// Pages of rows.
    Events = 0,
    /// Names of ids.
    Labels = 1,
    /// The state of the collector.
    State = 2,
}

/// How far a stream is stored: every message from `low` to `high`, both included.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StreamPosition {
    /// The stream.
    pub stream: TeamStream,
    /// When the server made the stream, in the server's words. A stream that was made anew counts its messages from 1.
    pub born: Box<str>,
    /// The first message that is stored here.
    pub low: u64,
    /// The last message that is stored here.
    pub high: u64,
}

/// How far the rows of an org are on the team's server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Published {
    /// When the server made the stream of events that has them, as in [`StreamPosition`].
    pub born: Box<str>,
    /// Every row up to this one is there.
    pub row: Seq,
    /// Every change of a row or a name up to this one is there.
    pub change: Rev,
    /// Every side event up to this one is there.
    pub side: i64,
}

impl Published {
    /// Returns the farther of two places in one stream.
    #[must_use]
    pub fn or_farther(self, other: &Self) -> Self {
        Self {
            row: self.row.max(other.row),
            change: self.change.max(other.change),
            side: self.side.max(other.side),
            ..self
        }
    }
}

/// The replacement for a damaged row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repair {
    /// The number of the row.
    pub seq: Seq,
    /// The event to store in it.
    pub consent: Consent,
    /// Whether the event was read from the row itself, whose record was sound. The row then keeps how and when it came.
    pub is_own: bool,
}

/// A successful poll of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Polled {
    /// When the log was read.
    pub at: Timestamp,
    /// Whether the poll reached the end of the log.
    pub caught_up: bool,
    /// The wait until the next poll: the configured interval, or longer if the rate limit requires it.
    pub interval: Duration,
}

/// How the log was last polled, by any process. Followers use it to judge whether a process still polls. The times are
/// by the clock of this machine at that time, even if it was wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Polling {
    /// When the log was last read successfully. It is stored once a minute while no event comes, so it may be a minute
    /// old.
    pub last_good: Option<Timestamp>,
    /// When it was last read to its end.
    pub caught_up: Option<Timestamp>,
    /// The wait between two polls at that time, or `None` if no version that stores it has written the journal.
    pub interval: Option<Duration>,
    /// How far that clock was ahead of Okta's then; zero if the two agreed.
    pub ahead: SignedDuration,
}

impl Polling {
    /// Converts one of these times to Okta's clock.
    pub fn of_okta(&self, at: Option<Timestamp>) -> Option<Timestamp> {
        at.map(|at| at.saturating_sub(self.ahead).unwrap_or(at))
    }
}

/// The period in which the program has listened for the event hook.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listening {
    /// When the listener started. Stays the same for one listener.
    pub since: Timestamp,
    /// The end of the period so far.
    pub until: Timestamp,
    /// When a request with the right secret verified the hook or delivered an event, if one did in this period. A hook
    /// that was verified once stays verified.
    pub verified: Option<Timestamp>,
}

/// The numbers of the newest row and of the newest change. A reader that kept an older head asks for what came after
/// it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Head {
    /// The number of the newest row; 0 if there was never one.
    pub last: Seq,
    /// The number of the newest change to existing rows. Removing rows by age or number counts as a change.
    pub change: Rev,
}

/// The result of storing a batch, which is on the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Commit {
    /// The head right after the batch.
    pub head: Head,
    /// The number of new rows.
    pub new: usize,
    /// The number of rows that had come by the other way, and now have come by both.
    pub merged: usize,
    /// The number of rows that had come this way before. They stay as they are, except that a delivery that contradicts
    /// the log marks its row.
    pub repeated: usize,
}
