//! Determines whether another process still polls for a journal that this process follows, and makes the fault to show
//! if not. Does no I/O: callers pass in what they observed.

use std::time::Duration;

use jiff::Timestamp;

use crate::journal::Polling;
use crate::report::{Board, Fault, Part, Pulse, process};

/// How many intervals may pass without a good poll before a poller counts as silent.
const INTERVALS: u32 = 3;
/// No poller counts as silent sooner than this. A good poll that brings nothing is stored once a minute.
const SILENT_MIN: Duration = Duration::from_mins(3);

/// A process that has just begun to poll gets this long for its first good poll, however old the last one is.
pub(super) const FIRST_POLL: Duration = Duration::from_secs(10);

/// Returns how old the last good poll may be while a process polls at this interval.
pub(super) fn patience(interval: Option<Duration>) -> Duration {
    interval.unwrap_or_default().saturating_mul(INTERVALS).max(SILENT_MIN)
}

/// Returns whether a stored time is close enough to now, before or after, to show that the writer still
/// polls. A time in the future means that a clock was set back. It proves no more than an equally old time.
pub(super) fn is_fresh(at: Option<Timestamp>, interval: Option<Duration>, now: Timestamp) -> bool {
    at.is_some_and(|at| now.duration_since(at).unsigned_abs() <= patience(interval))
}

/// Whether any process polls for the followed journal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// This process polls, as far as can be observed.
    Polls(String),
    /// The process that holds the journal polls for other orgs, and not for this one.
    NotThisOrg(String),
    /// The process that holds the journal is stopped.
    Stopped(String),
    /// The process that holds the journal has not read the log for too long.
    Silent(String),
    /// No process holds the journal, and this process does not take over.
    Nobody(Why),
    /// The lock cannot be examined.
    Unknown(Box<Fault>),
}

/// Why a follower does not take over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// This process is configured for other events than those in the journal.
    OtherEvents {
        /// The events that this process would ask for, as a bookmark's query.
        ours: String,
        /// The events that the journal was filled with.
        theirs: String,
    },
    /// The journal's file is no longer the one that this process reads.
    Replaced,
    /// The take-over failed.
    Failed(Box<Fault>),
}

/// Which parts a follower leaves to the process that writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    /// The event hook's listener.
    pub(super) hook: bool,
    /// The probing of the org's readiness.
    pub(super) readiness: bool,
}

/// Returns the name of a process for the start of a sentence, from what it left in the lock file.
pub(super) fn named(holder: &str) -> String {
    let mut words = process(holder);
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

impl Standing {
    /// Sets the status of the parts that the writing process runs, and returns whether that changed anything. `before`
    /// is the process that was last seen to write.
    pub(super) fn tell(&self, board: &mut Board, wanted: Wanted, before: &str, polling: Polling) -> bool {
        let fault = self.fault(before, polling);
        let pulse = |part| match (&fault, self) {
            (None, Self::Polls(holder)) => Pulse::Elsewhere(holder.clone()),
            // The process may still listen and probe while its polls fail.
            (_, Self::Silent(holder)) if part != Part::Poll => Pulse::Elsewhere(holder.clone()),
            (_, Self::Unknown(_)) if part != Part::Poll => Pulse::Elsewhere(before.to_owned()),
            (Some(fault), _) if part == Part::Poll => Pulse::Down(fault.clone()),
            (Some(fault), _) => Pulse::Down(also(part, fault)),
            (None, _) => Pulse::Off,
        };
        let mut has_changed = board.set(Part::Poll, pulse(Part::Poll));
        if wanted.hook {
            has_changed |= board.set(Part::Hook, pulse(Part::Hook));
        }
        if wanted.readiness {
            has_changed |= board.set(Part::Readiness, pulse(Part::Readiness));
        }
        has_changed
    }

    /// Returns the fault to show, or `None` while a process polls.
    pub(super) fn fault(&self, before: &str, polling: Polling) -> Option<Fault> {
        let read = match polling.last_good {
            Some(at) => format!("the log was last read at {at:.0}"),
            None => "the log was never read".to_owned(),
        };
        let since = |what: &str| match polling.last_good {
            Some(at) => format!("{what} since {}", at.strftime("%d %b %H:%MZ")),
            None => what.to_owned(),
        };
        let fault = |brief: &str, what: String, doing: &str, remedy: &str| {
            Some(Fault::new(Part::Poll, brief, &what, doing, remedy))
        };
        match self {
            Self::Polls(_) => None,
            Self::NotThisOrg(holder) => fault(
                "not polled",
                format!("{} holds this journal and does not poll this org; {read}.", named(holder)),
                "This process cannot poll it while that one lives; what is stored can be read.",
                "Start that process again with a configuration that has this org, and without --org for others.",
            ),
            Self::Stopped(holder) => fault(
                "the process is stopped",
                format!(
                    "{}, which polls for this journal, is stopped (^Z or SIGSTOP); {read}.",
                    named(holder)
                ),
                "It still holds the journal, so this process cannot take over; what is stored can be read.",
                &format!(
                    "Resume it (fg in its shell, or kill -CONT {holder}), or end it (kill -KILL {holder}): then a \
                     follower takes over."
                ),
            ),
            Self::Silent(holder) => fault(
                &since("no poll"),
                format!("{} holds this journal, but {read}.", named(holder)),
                "This process cannot take over while that one lives; it says when the log is read again.",
                "Check that process: it may be stopped, or Okta does not answer it. When it ends, a follower takes \
                 over.",
            ),
            Self::Unknown(cause) => fault(
                "poller unknown",
                format!(
                    "It is not known whether any process polls for this journal, and {read}. {}",
                    cause.what
                ),
                "This process does not take over; it keeps looking.",
                &cause.remedy,
            ),
            Self::Nobody(why) => {
                let what =
                    format!("Nobody polls for this journal: {} no longer does, and {read}.", process(before));
                let (doing, remedy) = match why {
                    Why::OtherEvents { ours, theirs } => (
                        format!(
                            "This process asks for other events ({ours}) than the journal has been filled with \
                             ({theirs}), so it does not take over; what is stored can be read."
                        ),
                        "Start watch or tail with the configuration that the other process had, or start this one \
                         again to go on with its own events."
                            .to_owned(),
                    ),
                    Why::Replaced => (
                        "The journal's file was removed or replaced since this process began, so it does not take \
                         over; it shows what it read before."
                            .to_owned(),
                        "Start this process again.".to_owned(),
                    ),
                    Why::Failed(fault) => (
                        format!("This process could not take over, and tries again every few seconds: {}", fault.what),
                        fault.remedy.clone(),
                    ),
                };
                fault(&since("no poller"), what, &doing, &remedy)
            }
        }
    }
}

/// Returns the fault of another part of the writing process that follows from the poller's fault.
fn also(part: Part, poll: &Fault) -> Fault {
    let (brief, what, doing) = match part {
        Part::Hook => (
            "nobody listens",
            "Nobody listens to the event hook for this journal now.",
            "Deliveries from Okta are lost meanwhile; the log still has the events.",
        ),
        _ => (
            "nobody probes",
            "Nobody probes the org's readiness now.",
            "Earlier results are shown with their time.",
        ),
    };
    Fault::new(part, brief, what, doing, &poll.remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted { hook: true, readiness: true };

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn polling() -> Polling {
        Polling {
            last_good: Some(at("2026-11-29T12:03:10Z")),
            caught_up: Some(at("2026-11-29T12:03:10Z")),
            interval: Some(Duration::from_secs(10)),
            ..Polling::default()
        }
    }

    #[test]
    fn a_poll_counts_as_fresh_for_three_intervals_and_three_minutes_at_least() {
        let good = at("2026-11-29T12:00:00Z");
        let after = |seconds: i64| good.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
        for (interval, still, no_more) in [(None, 180, 181), (Some(10), 180, 181), (Some(120), 360, 361)] {
            let interval = interval.map(Duration::from_secs);
            assert!(is_fresh(Some(good), interval, after(still)), "{interval:?}");
            assert!(!is_fresh(Some(good), interval, after(no_more)), "{interval:?}");
            // The clock was set back: a time in the future counts as equally far in the past.
            assert!(is_fresh(Some(good), interval, after(-still)), "{interval:?}");
            assert!(!is_fresh(Some(good), interval, after(-no_more)), "{interval:?}");
        }
        assert!(!is_fresh(None, None, good));
        assert_eq!(patience(Some(Duration::MAX)), Duration::MAX);
    }

    #[test]
    fn every_state_without_a_poller_is_red_and_says_what_can_be_done() {
        let other = Why::OtherEvents { ours: "grant".to_owned(), theirs: "grant,revoke".to_owned() };
        let lost = Fault::new(Part::Journal, "unusable", "No lock.", "", "Check the directory.");
        let failed =
            Fault::new(Part::Journal, "disk full", "There is no room.", "", "Make room on the disk.");
        for (standing, brief, words) in [
            (Standing::Stopped("42".to_owned()), "the process is stopped", "kill -CONT 42"),
            (Standing::NotThisOrg("42".to_owned()), "not polled", "has this org"),
            (Standing::Silent("42".to_owned()), "no poll since 29 Nov 12:03Z", "Okta does not answer it"),
            (Standing::Unknown(Box::new(lost)), "poller unknown", "Check the directory."),
            (Standing::Nobody(other), "no poller since 29 Nov 12:03Z", "(grant)"),
            (Standing::Nobody(Why::Replaced), "no poller since 29 Nov 12:03Z", "Start this process again."),
            (
                Standing::Nobody(Why::Failed(Box::new(failed))),
                "no poller since 29 Nov 12:03Z",
                "Make room on the disk.",
            ),
        ] {
            let fault = standing.fault("42", polling()).unwrap();
            assert_eq!(fault.brief, brief);
            assert!(fault.brief.len() <= 30, "{}", fault.brief);
            let text = fault.to_string();
            assert!(text.contains(words) && text.contains("2026-11-29T12:03:10Z"), "{text}");
            for sentence in [&fault.what, &fault.doing, &fault.remedy] {
                assert!(sentence.ends_with('.'), "{sentence:?}");
            }
            let mut board = Board::default();
            assert!(standing.tell(&mut board, WANTED, "42", polling()));
            assert!(!standing.tell(&mut board, WANTED, "42", polling()), "the same again is no news");
            assert_eq!(*board.get(Part::Poll), Pulse::Down(fault));
            // The hook has no fault while its process may still run.
            let may_live = matches!(standing, Standing::Silent(_) | Standing::Unknown(_));
            assert_eq!(board.get(Part::Hook).fault().is_none(), may_live);
            // Another process polls again.
            assert!(Standing::Polls("43".to_owned()).tell(&mut board, WANTED, "42", polling()));
            for part in [Part::Poll, Part::Hook, Part::Readiness] {
                assert_eq!(*board.get(part), Pulse::Elsewhere("43".to_owned()));
            }
        }
        let never = Standing::Nobody(Why::Replaced).fault("42", Polling::default()).unwrap();
        assert_eq!(never.brief, "no poller");
        assert!(never.what.contains("never read"), "{never}");
    }

    #[test]
    fn what_a_follower_was_not_asked_for_stays_off() {
        let mut board = Board::default();
        let wanted = Wanted { hook: false, readiness: false };
        Standing::Nobody(Why::Replaced).tell(&mut board, wanted, "another process", polling());
        assert_eq!((board.get(Part::Hook), board.get(Part::Readiness)), (&Pulse::Off, &Pulse::Off));
        assert!(board.get(Part::Poll).fault().unwrap().what.contains(": another process no longer does"));
    }
}
