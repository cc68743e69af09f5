//! How `--once` waits for the look-up of persons behind consents that name nobody.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::super::stdio::note;
use crate::clock::Clock;
use crate::consent::Seq;
use crate::report::Persons;

/// How long `--once` waits for the persons of consents that name nobody, once the log is read.
pub(super) const PERSONS_PATIENCE: Duration = Duration::from_secs(30);

/// Holds back the output of `--once`, starting at the first consent that names nobody, until its person was looked up.
/// If another process polls, that process does the look-up.
pub(super) struct Hold {
    pub(super) is_held: bool,
    /// The uptime at which the hold ends in any case, set when the log is read.
    pub(super) until: Option<Duration>,
}

impl Hold {
    pub(super) fn new(is_held: bool) -> Self {
        Self { is_held, until: None }
    }

    /// Starts the time limit of the hold, unless it runs already.
    pub(super) fn begin(&mut self, up: Duration) {
        if self.is_held {
            self.until.get_or_insert(up.saturating_add(PERSONS_PATIENCE));
        }
    }

    /// Returns the time of receipt after which rows that name nobody are held back, or `None` if no row is held. A
    /// follower cannot see how far the other process is with its look-ups. It waits only for the newest rows and takes
    /// the older ones as looked up.
    pub(super) fn held_from(&self, is_follower: bool, clock: &Clock) -> Option<Timestamp> {
        if !self.is_held {
            return None;
        }
        let patience = SignedDuration::try_from(PERSONS_PATIENCE).unwrap_or_default();
        let newest = clock.sure().saturating_sub(patience).unwrap_or(Timestamp::MIN);
        Some(if is_follower { newest } else { Timestamp::MIN })
    }

    /// Ends the hold if all persons were found, its time is over, or the run gives up. `persons` is the progress of each
    /// org. `last` is the newest row, read after the boards.
    pub(super) fn look(
        &mut self,
        persons: impl Iterator<Item = Persons>,
        last: Seq,
        is_read: bool,
        is_given_up: bool,
        up: Duration,
    ) {
        if !self.is_held {
            return;
        }
        if is_read {
            self.begin(up);
        }
        let (all_seen, open) = persons.fold((true, 0), |(all_seen, open), persons| {
            (all_seen && persons.seen >= last.0, open + persons.open)
        });
        let is_found = is_read && all_seen && open == 0;
        let is_over = self.until.is_some_and(|until| up >= until);
        if is_over && !is_found {
            let left = match open {
                0 => "Not every consent that names nobody was looked at within 30 seconds".to_owned(),
                1 => "The person of 1 consent was not found within 30 seconds".to_owned(),
                open => format!("The persons of {open} consents were not found within 30 seconds"),
            };
            note(&format!(
                "{left}; their lines name nobody. watch, and tail without --once, go on looking; export then prints who \
                 was found."
            ));
        }
        if is_found || is_over || is_given_up {
            *self = Self::new(false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_follower_waits_for_the_persons_of_the_newest_rows_alone_and_not_for_ever() {
        let clock = Clock::manual(at("2026-05-06T08:00:00Z"));
        let mut hold = Hold::new(true);
        assert_eq!(hold.held_from(false, &clock), Some(Timestamp::MIN));
        assert_eq!(hold.held_from(true, &clock), Some(at("2026-05-06T07:59:30Z")));
        let look = |hold: &mut Hold, is_read: bool| {
            hold.look(std::iter::once(Persons::default()), Seq(9), is_read, false, clock.uptime());
            hold.held_from(true, &clock).is_some()
        };
        clock.advance(PERSONS_PATIENCE);
        assert!(look(&mut hold, false), "the log is not read");
        assert!(look(&mut hold, true));
        clock.advance(PERSONS_PATIENCE);
        assert!(!look(&mut hold, true));
    }
}
