//! Relates events of one session in files: finds the person of a consent that names nobody, and the events around it.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::consent::{Consent, Person, Untrusted, mark};
use crate::okta;

/// Hashes of the session and the transaction of an event, or 0 if it names none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Trace {
    session: u32,
    transaction: u32,
}

/// How long before and after a consent the events of its session count. The live look-up uses the same times.
const BEFORE: SignedDuration = SignedDuration::from_hours(12);
const AFTER: SignedDuration = SignedDuration::from_mins(10);
/// The most events of one session that are read. A session with more gives no person, since the rest could name
/// another.
const EVENTS_MAX: usize = 1000;
/// The most events shown beside a consent.
const BESIDE_MAX: usize = 200;

impl Trace {
    pub(super) fn of(consent: &Consent) -> Self {
        let mark = |text: Option<&Untrusted>| {
            text.filter(|text| text.exact() != "unknown").map_or(0, |text| mark(text.exact()))
        };
        Self {
            session: mark(consent.session_id.as_ref()),
            transaction: mark(consent.transaction_id.as_ref()),
        }
    }

    pub(super) fn is_some(self) -> bool {
        self != Self::default()
    }

    fn is_beside(self, other: Self) -> bool {
        (self.session != 0 && self.session == other.session)
            || (self.transaction != 0 && self.transaction == other.transaction)
    }
}

impl Consent {
    /// Returns whether another event has exactly the same session or transaction. Events of different orgs never have.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        let may_be_of_one_org = self.org == other.org || self.org.is_none() || other.org.is_none();
        may_be_of_one_org
            && (is_same(self.session_id.as_ref(), other.session_id.as_ref())
                || is_same(self.transaction_id.as_ref(), other.transaction_id.as_ref()))
    }
}

fn is_same(one: Option<&Untrusted>, other: Option<&Untrusted>) -> bool {
    one.is_some_and(|one| one.exact() != "unknown" && other.is_some_and(|other| one.exact() == other.exact()))
}

/// The rows for each hash, and a function that returns the hash from a trace.
type Pass<'a> = (&'a HashMap<u32, Vec<u32>>, fn(Trace) -> u32);

/// Returns the first rows that may be of the same session or transaction, because their hashes are equal.
pub(super) fn around(traces: &[Trace], trace: Trace) -> Vec<u32> {
    let is_beside = |(_, other): &(u32, &Trace)| trace.is_beside(**other);
    (0..).zip(traces).filter(is_beside).map(|(row, _)| row).take(BESIDE_MAX).collect()
}

/// Returns the person for each row that names nobody: the only user who acted in the same session around that time,
/// else in the same transaction. `read` returns the event of a row. Scans all traces once, and reads each of these
/// sessions once.
pub(super) fn people(
    traces: &[Trace],
    nameless: &[u32],
    read: impl Fn(u32) -> Option<Consent>,
) -> Vec<(u32, Person)> {
    let of = |row: &u32| traces.get(*row as usize).copied().unwrap_or_default();
    let mut sessions: HashMap<u32, Vec<u32>> =
        nameless.iter().map(|row| (of(row).session, Vec::new())).collect();
    let mut transactions: HashMap<u32, Vec<u32>> =
        nameless.iter().map(|row| (of(row).transaction, Vec::new())).collect();
    sessions.remove(&0);
    transactions.remove(&0);
    if sessions.is_empty() && transactions.is_empty() {
        return Vec::new();
    }
    for (row, trace) in (0..).zip(traces) {
        for (rows, mark) in [(&mut sessions, trace.session), (&mut transactions, trace.transaction)] {
            if let Some(rows) = rows.get_mut(&mark).filter(|rows| rows.len() <= EVENTS_MAX) {
                rows.push(row);
            }
        }
    }
    let mut found: HashMap<u32, Person> = HashMap::new();
    let passes: [Pass<'_>; 2] =
        [(&sessions, |trace| trace.session), (&transactions, |trace| trace.transaction)];
    for (rows_of, mark_of) in passes {
        let mut asking: HashMap<u32, Vec<u32>> = HashMap::new();
        for row in nameless.iter().filter(|row| !found.contains_key(row)) {
            asking.entry(mark_of(of(row))).or_default().push(*row);
        }
        for (mark, nameless) in asking {
            let rows = rows_of.get(&mark).filter(|rows| (2..=EVENTS_MAX).contains(&rows.len()));
            let Some(rows) = rows else { continue };
            // The events are read once for all nameless rows of the session.
            let events: Vec<(u32, Consent)> =
                rows.iter().filter_map(|row| Some((*row, read(*row)?))).collect();
            for row in nameless {
                let this = events.iter().find(|(other, _)| *other == row).map(|(_, consent)| consent);
                let Some((this, published)) = this.and_then(|this| Some((this, this.published?))) else {
                    continue;
                };
                let near: Vec<&Consent> = events
                    .iter()
                    .filter(|(other, event)| {
                        *other != row && this.is_beside(event) && is_near(published, event.published)
                    })
                    .map(|(_, event)| event)
                    .collect();
                let orgs: BTreeSet<_> = near.iter().filter_map(|event| event.org.as_deref()).collect();
                // If several orgs have such a session, it is not known which one's user this is.
                if orgs.len() < 2
                    && let Some(person) = okta::only_actor(near)
                {
                    found.insert(row, person);
                }
            }
        }
    }
    let mut found: Vec<(u32, Person)> = found.into_iter().collect();
    found.sort_unstable_by_key(|(row, _)| *row);
    found
}

fn is_near(published: Timestamp, other: Option<Timestamp>) -> bool {
    other.is_some_and(|other| {
        let after = other.duration_since(published);
        after >= -BEFORE && after <= AFTER
    })
}
