//! What callers append, and what the writer answers once it is on the disk.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::consent::{Attribution, Bookmark, Consent, HistoryMark, Label, Reject, Rev, Seq, SideEvent};
use crate::report::Gap;

/// What one page of the log or one delivery brought. It is stored whole or not at all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Batch {
    /// What was read.
    pub consents: Vec<Consent>,
    /// What came beside the consents, as evidence.
    pub sides: Vec<SideEvent>,
    /// What could not be read.
    pub rejects: Vec<Reject>,
    /// Where the poller goes on, once this batch is stored.
    pub bookmark: Option<Bookmark>,
    /// A stretch of time that the sender knows it missed.
    pub gap: Option<Gap>,
    /// Where the fetching of history goes on. Events that come with one are old because they were fetched late, so
    /// none of them counts as late.
    pub history: Option<HistoryMark>,
    /// When the log was read well, if it was.
    pub polled: Option<Polled>,
    /// That the event hook is listened to.
    pub listening: Option<Listening>,
    /// What ids are called.
    pub labels: Vec<Label>,
    /// Persons of rows that named nobody. A row that is gone, or names somebody by now, stays as it is.
    pub attributions: Vec<Attribution>,
    /// Rows that are damaged, and what is to stand in their place. A row that is gone stays so.
    pub repairs: Vec<Repair>,
}

/// What is to stand in the place of a damaged row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Repair {
    /// Its number.
    pub seq: Seq,
    /// Its event.
    pub consent: Consent,
    /// Whether the event is the row's own, which was sound: then how and when it came stays as it is.
    pub is_own: bool,
}

/// A good look at the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Polled {
    /// When.
    pub at: Timestamp,
    /// Whether nothing more was there: the log has shown all that it had.
    pub caught_up: bool,
    /// The wait until the next look that is in force: the configured one, or longer where the rate limit asks for it.
    pub interval: Duration,
}

/// How the log was polled last, by whichever process that was. Followers judge by it whether somebody still polls. Its
/// times are those of the clock of this machine as it was then, right or wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Polling {
    /// When the log was last read well; stored once a minute where nothing comes, so up to that much behind.
    pub last_good: Option<Timestamp>,
    /// When it was last read to its end.
    pub caught_up: Option<Timestamp>,
    /// The wait between two polls that was in force then, or `None` in a journal that no version has written that knows
    /// it.
    pub interval: Option<Duration>,
    /// How far that clock was ahead of Okta's then; zero where the two agreed.
    pub ahead: SignedDuration,
}

impl Polling {
    /// Returns one of these times by Okta's clock.
    pub fn of_okta(&self, at: Option<Timestamp>) -> Option<Timestamp> {
        at.map(|at| at.saturating_sub(self.ahead).unwrap_or(at))
    }
}

/// For how long the event hook has been listened to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listening {
    /// Since when without a break; the same each time that it is told of one listener.
    pub since: Timestamp,
    /// Up to now.
    pub until: Timestamp,
    /// When somebody who knows the secret verified the hook or delivered, if that happened in this time. A hook that
    /// was verified once stays so.
    pub verified: Option<Timestamp>,
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
