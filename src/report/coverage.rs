//! Describes which time the journal covers, and what may be missing.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::HookProof;

/// The time for which the journal holds everything that was polled.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// The time from which on the journal is complete except for the gaps, or `None` if it never caught up.
    pub complete_since: Option<Timestamp>,
    /// Periods in which events may be missing, oldest first.
    pub gaps: Vec<Gap>,
    /// Rows that were published well before others that were stored earlier by the live poll.
    pub late: u64,
    /// Rows that share their uuid with a row of different content that came the same way.
    pub shared: u64,
    /// When the log was last read successfully. It is stored once a minute, so it may be that much behind.
    pub last_good_poll: Option<Timestamp>,
    /// Records of the log that could not be read.
    pub unreadable: Unreadable,
    /// What the log shows about the event hook.
    pub hook: HookProof,
}

impl Coverage {
    /// Returns what several orgs have in common: complete and read only as far as all are, with the gaps of each, and
    /// everything else added up. Of one org, returns the same.
    pub fn of_all<'a>(orgs: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut orgs = orgs.into_iter();
        let mut all = orgs.next().cloned().unwrap_or_default();
        for org in orgs {
            all.complete_since =
                all.complete_since.zip(org.complete_since).map(|(one, other)| one.max(other));
            all.last_good_poll =
                all.last_good_poll.zip(org.last_good_poll).map(|(one, other)| one.min(other));
            all.gaps.extend(org.gaps.iter().cloned());
            all.late += org.late;
            all.shared += org.shared;
            all.unreadable = all.unreadable.and(org.unreadable);
            all.hook = all.hook.and(org.hook);
        }
        all.gaps.sort_by_key(|gap| (gap.from, gap.to));
        all
    }
}

/// Records of the log that could not be read as events. Each may be a consent that is not among the rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Unreadable {
    /// How many came since the journal was created.
    pub count: u64,
    /// When the first came.
    pub first: Option<Timestamp>,
    /// When the last came.
    pub last: Option<Timestamp>,
}

/// How long after the last unreadable record it is reported without being asked for.
const RECENT: Duration = Duration::from_hours(24);

impl Unreadable {
    /// Returns the records of two orgs together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            first: self.first.into_iter().chain(other.first).min(),
            last: self.last.max(other.last),
        }
    }

    /// Returns whether the last one came within a day before `now`.
    pub fn is_recent(&self, now: Timestamp) -> bool {
        self.last.is_some_and(|last| last.checked_add(RECENT).is_ok_and(|until| until >= now))
    }

    /// Returns sentences that say how many there are, when they came, how they are kept and what the user can do.
    /// Returns `None` if there are none.
    pub fn sentence(&self) -> Option<String> {
        let Self { count: count @ 1.., first, last } = self else { return None };
        // A file may contain the count without the times.
        let (records, came, they) = match (count, first, last) {
            (1, Some(at), _) | (1, None, Some(at)) => {
                ("1 record".to_owned(), format!(" It came at {at:.0}."), "It is")
            }
            (1, None, None) => ("1 record".to_owned(), String::new(), "It is"),
            (_, Some(first), Some(last)) => (
                format!("{count} records"),
                format!(" The first came at {first:.0}, the last at {last:.0}."),
                "They are",
            ),
            (_, Some(first), None) => {
                (format!("{count} records"), format!(" The first came at {first:.0}."), "They are")
            }
            (_, None, Some(last)) => {
                (format!("{count} records"), format!(" The last came at {last:.0}."), "They are")
            }
            (_, None, None) => (format!("{count} records"), String::new(), "They are"),
        };
        Some(format!(
            "{records} of the System Log could not be read, and may be consents that are not among the rows.{came} \
             {they} kept in the journal, and polling goes on. Look for the events of that time in Okta's Admin \
             Console, and check whether a proxy between this program and Okta changes the responses."
        ))
    }
}

/// A period in which events may be missing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gap {
    /// The start of the period.
    pub from: Timestamp,
    /// The end of the period.
    pub to: Timestamp,
    /// The reason, for people.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_orgs_are_complete_only_as_far_as_all_are() {
        let at = |hour: u32| Some(format!("2026-03-04T{hour:02}:00:00Z").parse().unwrap());
        let gap =
            |hour| Gap { from: at(hour).unwrap(), to: at(hour + 1).unwrap(), why: "it slept".to_owned() };
        let of = |since, polled, gaps: &[u32]| Coverage {
            complete_since: since,
            gaps: gaps.iter().map(|hour| gap(*hour)).collect(),
            late: 1,
            shared: 2,
            last_good_poll: polled,
            unreadable: Unreadable { count: 3, first: since, last: polled },
            hook: HookProof { verified: since, unconfirmed: 4, last_failure: polled, ..HookProof::default() },
        };
        let (one, other) = (of(at(1), at(12), &[3, 9]), of(at(2), at(11), &[5]));
        assert_eq!(Coverage::of_all([&one]), one);
        assert_eq!(Coverage::of_all([]), Coverage::default());
        let all = Coverage::of_all([&one, &other]);
        assert_eq!(
            (all.complete_since, all.last_good_poll, all.gaps),
            (at(2), at(11), vec![gap(3), gap(5), gap(9)])
        );
        assert_eq!((all.late, all.shared, all.hook.unconfirmed), (2, 4, 8));
        assert_eq!(all.unreadable, Unreadable { count: 6, first: at(1), last: at(12) });
        assert_eq!((all.hook.verified, all.hook.last_failure), (at(2), at(12)));
        // One that never caught up leaves nothing complete.
        let never = of(None, None, &[]);
        for orgs in [[&one, &never], [&never, &one]] {
            let all = Coverage::of_all(orgs);
            assert_eq!((all.complete_since, all.last_good_poll, all.hook.verified), (None, None, None));
            assert_eq!((all.unreadable.first, all.unreadable.last), (at(1), at(12)));
        }
    }

    #[test]
    fn records_that_could_not_be_read_are_told_of_with_what_is_known_of_their_times() {
        let at = |text: &str| Some(text.parse().unwrap());
        let (first, last) = (at("2026-03-04T09:00:00Z"), at("2026-03-05T09:00:00Z"));
        for (count, first, last, said) in [
            (
                1,
                first,
                last,
                "1 record of the System Log could not be read, and may be consents that are not among the rows. It came at 2026-03-04T09:00:00Z. It is kept",
            ),
            (1, None, None, "among the rows. It is kept"),
            (
                2,
                first,
                last,
                "among the rows. The first came at 2026-03-04T09:00:00Z, the last at 2026-03-05T09:00:00Z. They are kept",
            ),
            (2, None, last, "among the rows. The last came at 2026-03-05T09:00:00Z. They are kept"),
            (2, None, None, "among the rows. They are kept"),
        ] {
            let sentence = Unreadable { count, first, last }.sentence().unwrap();
            assert!(sentence.contains(said), "{sentence}");
        }
        assert_eq!(Unreadable::default().sentence(), None);
    }
}
