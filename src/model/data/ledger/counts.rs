//! The counts of clients, people and scopes that the pivot pages show.

use hashbrown::HashMap;

use super::slot::slot;
use crate::consent::{OrgId, Row};
use crate::model::data::interner::{Number, Scopes, Set};

/// The counts of a client or a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// The number of consents.
    pub consents: u32,
    /// The number of people of a client, or of clients of a person.
    pub others: u32,
    /// The number of those people or clients with grants in force.
    pub standing: u32,
    /// The time of the first consent, in milliseconds since 1970, or 0 if there is none.
    pub first_ms: i64,
    /// The time of the last consent, in milliseconds since 1970, or 0 if there is none.
    pub last_ms: i64,
    /// Every scope that was ever granted.
    pub ever: Set,
}

impl Tally {
    /// Returns whether there are consents, or grants in force. Retention may have removed all of them.
    pub(in crate::model) fn has_consents(&self) -> bool {
        self.consents > 0 || self.standing > 0
    }
}

/// The number of people and clients that hold a scope now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// The number of people with a grant of the scope in force.
    pub people: u32,
    /// The number of clients with a grant of the scope in force.
    pub clients: u32,
}

/// The tallies of all clients and people, and the number of holders of each scope.
#[derive(Debug, Default)]
pub(super) struct Counts {
    by_client: Vec<Tally>,
    by_person: Vec<Tally>,
    held: Vec<Held>,
    /// By org, the number of clients with grants in force.
    holding: Vec<u32>,
    /// By scope and client, the number of people whose grant of the scope is in force.
    held_by_client: HashMap<(Number, Number), u32>,
}

impl Counts {
    /// Returns the tally of a client.
    pub(super) fn client(&self, number: Number) -> Tally {
        self.by_client.get(number as usize).copied().unwrap_or_default()
    }

    /// Returns the tally of a person.
    pub(super) fn person(&self, number: Number) -> Tally {
        self.by_person.get(number as usize).copied().unwrap_or_default()
    }

    /// Returns the number of holders of a scope.
    pub(super) fn held(&self, scope: Number) -> Held {
        self.held.get(scope as usize).copied().unwrap_or_default()
    }

    /// Returns the number of clients of an org with grants in force.
    pub(super) fn holding_clients(&self, org: OrgId) -> u32 {
        self.holding.get(org.index()).copied().unwrap_or(0)
    }

    /// Counts a consent of a client and a person. If it was counted before, updates only the values that may have
    /// changed.
    pub(super) fn count(
        &mut self,
        scopes: &mut Scopes,
        (client, person): (Number, Number),
        (row, set): (&Row, Set),
        is_new_pair: bool,
        was_counted: bool,
    ) {
        for (number, tallies) in [(client, &mut self.by_client), (person, &mut self.by_person)] {
            if number == 0 {
                continue;
            }
            let tally = slot(tallies, number, Tally::default());
            tally.consents += u32::from(!was_counted);
            tally.others += u32::from(is_new_pair);
            if row.published_ms != 0 {
                let first = if tally.first_ms == 0 { i64::MAX } else { tally.first_ms };
                tally.first_ms = first.min(row.published_ms);
                tally.last_ms = tally.last_ms.max(row.published_ms);
            }
            tally.ever = scopes.union(tally.ever, set);
        }
    }

    /// Subtracts a consent of a client and a person.
    pub(super) fn uncount(&mut self, (client, person): (Number, Number)) {
        for (number, tallies) in [(client, &mut self.by_client), (person, &mut self.by_person)] {
            if number != 0 {
                let tally = slot(tallies, number, Tally::default());
                tally.consents = tally.consents.saturating_sub(1);
            }
        }
    }

    /// Updates the counts after the scopes in force between a client and a person of an org changed from `before` to
    /// `now`.
    pub(super) fn hold(
        &mut self,
        scopes: &Scopes,
        org: OrgId,
        (client, person): (Number, Number),
        (before, now): (Set, Set),
    ) {
        let held_before = self.client(client).standing > 0;
        for (number, tallies) in [(client, &mut self.by_client), (person, &mut self.by_person)] {
            if number != 0 {
                let tally = slot(tallies, number, Tally::default());
                tally.standing = tally.standing + u32::from(now != 0) - u32::from(before != 0);
            }
        }
        let held = self.client(client).standing > 0;
        let holding = slot(&mut self.holding, Number::from(org.0), 0);
        *holding = *holding + u32::from(held) - u32::from(held_before);
        for (set, other, by) in [(now, before, 1), (before, now, -1)] {
            for scope in only_in(scopes, set, other) {
                let pairs = self.held_by_client.entry((scope, client)).or_default();
                let was_held = *pairs > 0;
                *pairs = pairs.saturating_add_signed(by);
                let held = slot(&mut self.held, scope, Held::default());
                held.clients = held.clients + u32::from(*pairs > 0) - u32::from(was_held);
            }
        }
    }

    /// Updates the counts after the scopes in force between a person and all clients changed from `before` to `now`.
    pub(super) fn hold_of_person(&mut self, scopes: &Scopes, (before, now): (Set, Set)) {
        for (set, other, by) in [(now, before, 1), (before, now, -1)] {
            for scope in only_in(scopes, set, other) {
                let held = slot(&mut self.held, scope, Held::default());
                held.people = held.people.saturating_add_signed(by);
            }
        }
    }
}

/// Returns the scopes of `set` that are not in `other`.
fn only_in(scopes: &Scopes, set: Set, other: Set) -> Vec<Number> {
    let (set, other) = (scopes.members(set), scopes.members(other));
    set.iter().copied().filter(|scope| other.binary_search(scope).is_err()).collect()
}
