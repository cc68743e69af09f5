//! The ledger of grants: for each person and client, their consents and revocations, and the scopes in force now.
//!
//! People, clients, servers and scopes are those of one org. So nothing in one org changes what is in force in another.
//!
//! A scope grant is in force from its consent until one of these events:
//!
//! * a revocation names it, or covers everything that it is part of;
//! * a later consent of the same person for the same client grants the same scope at the same server again.
//!
//! Missing facts are not guessed: the standing of a consent of an unknown person is [`Standing::CannotTell`].

mod counts;
mod owners;
mod replay;
mod slot;
mod standing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use hashbrown::{HashMap, HashTable};

use counts::Counts;
pub use counts::{Held, Tally};
use owners::{Owner, Owners, Whose};
use replay::replay;
use slot::slot;
pub(in crate::model) use standing::decided_by;
pub use standing::{Fate, Standing};
use standing::{is_consent, is_good, standing_of};

use super::interner::{Names, Number, Scopes, Set};
use super::{RowRef, Rows};
use crate::consent::{Kind, OrgId, Reach, Row, Symbols};

/// One person and one client.
#[derive(Clone, Copy, Debug)]
struct Pair {
    person: Number,
    client: Number,
    /// The first row of the pair's chain. The others follow by [`Ledger::next`].
    head: RowRef,
    /// The next pair of the same person.
    next_of_person: u32,
    /// The time of the last consent, in milliseconds since 1970.
    last_ms: i64,
    /// The scopes in force.
    open: Set,
    /// Whether the pair is queued for recomputation.
    is_dirty: bool,
}

/// The end of a chain of pairs, or no pair.
const END: u32 = u32::MAX;
/// The end of a chain of rows.
const NO_ROW: RowRef = RowRef(u32::MAX);

/// All pairs, and how each row stands.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The people.
    pub people: Names,
    /// The clients.
    pub clients: Names,
    /// The scopes.
    pub scopes: Scopes,
    servers: Names,
    pairs: Vec<Pair>,
    of_key: HashTable<u32>,
    /// For each person, the number of the pair that was added last.
    of_person: Vec<u32>,
    /// By row, its owner.
    owners: Owners,
    /// By row, the next row of the same pair.
    next: Vec<RowRef>,
    /// Rows that left the pair whose chain they are still in, each with that pair. [`Ledger::relink`] moves them.
    moved: HashMap<RowRef, u32>,
    standing: Vec<Standing>,
    /// Revocations that reach beyond one pair, by their target.
    broad: HashMap<(Reached, Number), Vec<RowRef>>,
    /// The broad revocations by row, so that one that changes can be withdrawn.
    spread: HashMap<RowRef, Spread>,
    /// Targets of broad revocations that were not yet applied.
    disturbed: HashSet<(Reached, Number)>,
    /// Whether a broad revocation reaches a server or a scope, so that the rows of a pair must be checked.
    looks_at_rows: bool,
    counts: Counts,
    /// Whether a row was of another org before, so that there may be names without rows.
    has_row_left_org: bool,
    dirty: VecDeque<u32>,
    /// Increases with every change that a page or a filter may show.
    changes: u64,
}

/// The number of broad revocations kept for one target. Beyond it, the oldest is dropped, because a target is deleted
/// only once.
const BROAD_MAX: usize = 1000;

/// The kind of target of a broad revocation, which ends every grant of the target.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Reached {
    Person,
    Client,
    Server,
    Scope,
}

/// A broad revocation as it was recorded last.
#[derive(PartialEq, Eq, Debug)]
struct Spread {
    /// Its targets, without repetitions.
    reached: Vec<(Reached, Number)>,
    /// A hash of everything else that decides which grants it ends.
    content: u64,
}

/// Rows examined in one slice of work, which takes some milliseconds.
const SLICE: usize = 5_000;

impl Ledger {
    /// Adds a new or changed row. [`Ledger::work`] computes the consequences later.
    pub fn take(&mut self, rows: &Rows, at: RowRef) {
        let (row, index) = (rows.get(at), at.0 as usize);
        self.changes += 1;
        if self.next.len() <= index {
            self.next.resize(index + 1, NO_ROW);
            self.standing.resize(index + 1, Standing::Pending);
        }
        let person =
            if row.kind.has_person() { self.people.number(row.org, row.who, rows.symbols()) } else { 0 };
        let client = self.clients.number(row.org, row.client, rows.symbols());
        let is_linked = row.kind != Kind::Other && client != 0 && (person != 0 || !row.kind.has_person());
        let pair = is_linked.then(|| self.pair(person, client));
        let whose = match (pair, person, client) {
            (Some(pair), ..) => Whose::Pair(pair),
            (None, person @ 1.., 0) => Whose::Person(person),
            (None, 0, client @ 1..) => Whose::Client(client),
            (None, ..) => Whose::Nobody,
        };
        let now = Owner { whose, is_counted: is_consent(&row), is_known: true };
        let before = self.owners.replace(index, now);
        let stays = is_linked && before.whose == whose;
        // A row of neither a person nor a client does not say which org it was of. Rows leave the first one.
        let was_of_first = || before.is_known && row.kind != Kind::Other && row.org != OrgId::default();
        self.has_row_left_org |= self.org_of(before.whose).map_or_else(was_of_first, |org| org != row.org);
        if before != now {
            self.uncount(before);
            if let (Whose::Pair(old), false) = (before.whose, stays) {
                // A row that leaves two pairs in turn is still in the chain of the first.
                self.moved.entry(at).or_insert(old);
                self.mark_dirty(old);
            }
        }
        if let Some(pair) = pair {
            if !stays && !self.moved.contains_key(&at) {
                self.next[index] = std::mem::replace(&mut self.pairs[pair as usize].head, at);
            }
            self.standing[index] = Standing::Pending;
            self.mark_dirty(pair);
        } else {
            self.standing[index] = if is_consent(&row) { Standing::CannotTell } else { Standing::None };
        }
        if is_consent(&row) {
            self.count(rows, &row, now.whose, before == now);
        }
        self.spread(rows, &row, (person, client), at);
    }

    /// Removes rows that the journal removed. The first and last times in the tallies are not changed.
    pub fn cut(&mut self, places: &[RowRef]) {
        for at in places {
            let before = self.owners.replace(at.0 as usize, Owner::default());
            self.uncount(before);
            self.spread.remove(at);
            // The row leaves the chain when the pair is recomputed.
            if let Whose::Pair(pair) = before.whose {
                self.mark_dirty(pair);
            }
        }
        self.changes += 1;
    }

    /// Recomputes some of the changed pairs, and returns whether more are left. A slice takes some milliseconds.
    pub fn work(&mut self, rows: &Rows) -> bool {
        self.mark_disturbed();
        let mut left = SLICE.saturating_sub(self.relink());
        while left > 0 {
            let Some(pair) = self.dirty.pop_front() else { return self.is_behind() };
            self.pairs[pair as usize].is_dirty = false;
            left = left.saturating_sub(1 + self.settle(rows, pair));
            self.changes += 1;
        }
        self.is_behind()
    }

    /// Returns whether changed pairs are left to recompute.
    pub fn is_behind(&self) -> bool {
        !self.disturbed.is_empty() || !self.dirty.is_empty()
    }

    /// Returns a counter that increases with every change that a page or a filter may show.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Returns the standing of a row.
    pub fn standing(&self, at: RowRef) -> Standing {
        self.standing.get(at.0 as usize).copied().unwrap_or_default()
    }

    /// Returns the standing of each row, by its place.
    pub(in crate::model) fn standings(&self) -> &[Standing] {
        &self.standing
    }

    /// What became of each scope of a consent, in the order of its scopes, or `None` if that cannot be told.
    pub fn fates(&mut self, rows: &Rows, at: RowRef) -> Option<Vec<Fate>> {
        let Whose::Pair(pair) = self.owners.get(at.0 as usize).whose else { return None };
        let events = self.events(rows, pair);
        let place = events.iter().position(|event| *event == at)?;
        self.play(rows, pair, &events).0.into_iter().nth(place).filter(|fates| !fates.is_empty())
    }

    /// Returns the rows of the same person and client as a row, oldest first.
    pub fn beside(&mut self, rows: &Rows, at: RowRef) -> Vec<RowRef> {
        let Whose::Pair(pair) = self.owners.get(at.0 as usize).whose else { return Vec::new() };
        self.events(rows, pair)
    }

    /// Returns the tally of a client.
    pub fn client(&self, number: Number) -> Tally {
        self.counts.client(number)
    }

    /// Returns the tally of a person.
    pub fn person(&self, number: Number) -> Tally {
        self.counts.person(number)
    }

    /// Returns the same client in other orgs, in the order of their numbers. Only an id that is a URL means the same
    /// client everywhere, so there are none for other ids. Nothing is ever counted together.
    pub fn also_in(&self, symbols: &Symbols, client: Number) -> Vec<Number> {
        let id = symbols.field(self.clients.text(client), 0);
        if !id.starts_with("https://") && !id.starts_with("http://") {
            return Vec::new();
        }
        let others = self.clients.in_other_orgs(self.clients.org(client), id);
        // A client without an id may have such a name, and retention may have removed all rows of a client.
        let has_id = |other: &Number| symbols.field(self.clients.text(*other), 0) == id;
        others.filter(|other| has_id(other) && self.client(*other).has_consents()).collect()
    }

    /// Returns, for each scope, whether a row of its org names it, or `None` if no row has changed its org. Rows that were
    /// of another org before leave scopes there that no row names. Makes one pass over all rows.
    pub(in crate::model) fn named_scopes(&self, rows: &Rows) -> Option<Vec<bool>> {
        if !self.has_row_left_org {
            return None;
        }
        let mut is_named = vec![false; self.scopes.len()];
        for (org, text) in rows.scope_texts() {
            for scope in self.scopes.listed(org, text) {
                is_named[*scope as usize] = true;
            }
        }
        Some(is_named)
    }

    /// Returns the number of holders of a scope.
    pub fn held(&self, scope: Number) -> Held {
        self.counts.held(scope)
    }

    /// Returns the number of clients of an org with grants in force.
    pub fn holding_clients(&self, org: OrgId) -> u32 {
        self.counts.holding_clients(org)
    }

    /// Returns, for each client and each time, the number of people who consented at or after that time. Makes one pass
    /// over all pairs.
    pub fn people_since<const N: usize>(&self, times: [i64; N]) -> Vec<[u32; N]> {
        let mut counts = vec![[0; N]; self.clients.len()];
        for pair in self.pairs.iter().filter(|pair| pair.person != 0) {
            for (count, since) in counts[pair.client as usize].iter_mut().zip(times) {
                *count += u32::from(pair.last_ms >= since);
            }
        }
        counts
    }

    fn pair(&mut self, person: Number, client: Number) -> u32 {
        let pairs = &self.pairs;
        let is_it =
            |pair: &u32| (pairs[*pair as usize].person, pairs[*pair as usize].client) == (person, client);
        let hash = hash(person, client);
        if let Some(pair) = self.of_key.find(hash, is_it) {
            return *pair;
        }
        let new = u32::try_from(self.pairs.len()).expect("fewer pairs than rows");
        self.of_key.insert_unique(hash, new, |pair| {
            let Pair { person, client, .. } = pairs[*pair as usize];
            self::hash(person, client)
        });
        let last = slot(&mut self.of_person, person, END);
        let next_of_person = std::mem::replace(last, new);
        self.pairs.push(Pair {
            person,
            client,
            head: NO_ROW,
            next_of_person,
            last_ms: 0,
            open: 0,
            is_dirty: false,
        });
        new
    }

    /// Marks a pair as needing recomputation.
    fn mark_dirty(&mut self, pair: u32) {
        if !std::mem::replace(&mut self.pairs[pair as usize].is_dirty, true) {
            self.dirty.push_back(pair);
        }
    }

    /// Records a revocation that may end grants of other pairs. If it was recorded before and has changed, it is
    /// withdrawn first: it may name other targets now, or have become a row of another org.
    fn spread(&mut self, rows: &Rows, row: &Row, numbers: (Number, Number), at: RowRef) {
        let reached = self.reached(rows, row, numbers, at);
        let before = if reached.is_empty() {
            self.spread.remove(&at)
        } else {
            let new = Spread { reached: reached.clone(), content: content(row, rows.grant_marks(at)) };
            if self.spread.get(&at) == Some(&new) {
                return;
            }
            self.spread.insert(at, new)
        };
        for key in before.into_iter().flat_map(|before| before.reached) {
            if let Some(rows) = self.broad.get_mut(&key) {
                rows.retain(|row| *row != at);
            }
            self.disturbed.insert(key);
        }
        for key in reached {
            let rows = self.broad.entry(key).or_default();
            if rows.len() == BROAD_MAX {
                rows.remove(0);
            }
            rows.push(at);
            self.disturbed.insert(key);
            self.looks_at_rows |= matches!(key.0, Reached::Server | Reached::Scope);
        }
    }

    /// Returns the targets of a revocation that may end grants of other pairs: one without a known person or client, or
    /// one that names no grant and ends every grant of a target. Returns nothing for every other row.
    fn reached(
        &mut self,
        rows: &Rows,
        row: &Row,
        (person, client): (Number, Number),
        at: RowRef,
    ) -> Vec<(Reached, Number)> {
        if row.kind != Kind::Revoke || !is_good(row) {
            return Vec::new();
        }
        let scopes = self.scopes.list(row.org, row.scopes, rows.symbols()).to_vec();
        let is_linked = matches!(self.owners.get(at.0 as usize).whose, Whose::Pair(_));
        if is_linked && !scopes.is_empty() {
            return Vec::new();
        }
        let mut reached: Vec<(Reached, Number)> = match row.reach {
            Reach::Person | Reach::PersonGone => vec![(Reached::Person, person)],
            Reach::ClientGone => vec![(Reached::Client, client)],
            Reach::ServerGone => {
                vec![(Reached::Server, self.servers.number(row.org, row.server, rows.symbols()))]
            }
            Reach::ScopeGone => scopes.into_iter().map(|scope| (Reached::Scope, scope)).collect(),
            Reach::Named | Reach::PersonAndClient => Vec::new(),
        };
        reached.retain(|(_, number)| *number != 0);
        reached.sort_unstable();
        reached.dedup();
        reached
    }

    /// Marks the pairs that new broad revocations reach as needing recomputation. Makes one pass over all pairs, except
    /// for a person's revocations, which visit only that person's pairs.
    fn mark_disturbed(&mut self) {
        let disturbed = std::mem::take(&mut self.disturbed);
        if disturbed.is_empty() {
            return;
        }
        for (reached, person) in &disturbed {
            let mut pair = match reached {
                Reached::Person => self.of_person.get(*person as usize).copied().unwrap_or(END),
                _ => END,
            };
            while pair != END {
                self.mark_dirty(pair);
                pair = self.pairs[pair as usize].next_of_person;
            }
        }
        let looks_at_all = disturbed.iter().any(|(reached, _)| *reached == Reached::Server);
        let scopes: Vec<Number> = disturbed
            .iter()
            .filter(|(reached, _)| *reached == Reached::Scope)
            .map(|(_, scope)| *scope)
            .collect();
        let is_reached: Vec<bool> = (0..self.clients.len() as Number)
            .map(|client| {
                let ever = self.scopes.members(self.client(client).ever);
                looks_at_all
                    || disturbed.contains(&(Reached::Client, client))
                    || scopes.iter().any(|scope| ever.binary_search(scope).is_ok())
            })
            .collect();
        if is_reached.contains(&true) {
            for pair in 0..self.pairs.len() as u32 {
                let client = self.pairs[pair as usize].client as usize;
                if looks_at_all || is_reached.get(client).is_some_and(|is_reached| *is_reached) {
                    self.mark_dirty(pair);
                }
            }
        }
    }

    /// Returns the broad revocations that may end grants of a pair.
    fn broad_for(&mut self, rows: &Rows, pair: u32, events: &[RowRef]) -> Vec<RowRef> {
        if self.broad.is_empty() {
            return Vec::new();
        }
        let Pair { person, client, .. } = self.pairs[pair as usize];
        let mut keys = vec![(Reached::Person, person), (Reached::Client, client)];
        if self.looks_at_rows {
            // A row that failed has no grants. Its scopes must not be numbered here, or a revocation would list them.
            for row in events.iter().map(|at| rows.get(*at)).filter(is_good) {
                keys.push((Reached::Server, self.servers.number(row.org, row.server, rows.symbols())));
                let scopes = self.scopes.list(row.org, row.scopes, rows.symbols());
                keys.extend(scopes.iter().map(|scope| (Reached::Scope, *scope)));
            }
            keys.sort_unstable();
            keys.dedup();
        }
        let found = keys.iter().filter_map(|key| self.broad.get(key)).flatten().copied();
        let mut found: Vec<RowRef> = found.filter(|at| rows.is_there(*at)).collect();
        if found.is_empty() {
            return found;
        }
        let own: HashSet<&RowRef> = events.iter().collect();
        found.retain(|at| !own.contains(at));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Moves the rows that left their pair from its chain to that of the pair that they belong to now. Walks the chain
    /// of each left pair once, however many rows left it, and returns the number of rows that it passed.
    fn relink(&mut self) -> usize {
        if self.moved.is_empty() {
            return 0;
        }
        let moved = std::mem::take(&mut self.moved);
        let left: BTreeSet<u32> = moved.values().copied().collect();
        let mut passed = 0;
        for pair in left {
            let (mut last, mut here) = (NO_ROW, self.pairs[pair as usize].head);
            while here != NO_ROW {
                let next = self.next[here.0 as usize];
                if !moved.contains_key(&here) {
                    last = here;
                } else if last == NO_ROW {
                    self.pairs[pair as usize].head = next;
                } else {
                    self.next[last.0 as usize] = next;
                }
                here = next;
                passed += 1;
            }
        }
        for at in moved.into_keys() {
            let index = at.0 as usize;
            self.next[index] = NO_ROW;
            if let Whose::Pair(pair) = self.owners.get(index).whose {
                self.next[index] = std::mem::replace(&mut self.pairs[pair as usize].head, at);
            }
        }
        passed
    }

    /// Counts a consent. If it was counted before, updates only the values that may have changed.
    fn count(&mut self, rows: &Rows, row: &Row, whose: Whose, was_counted: bool) {
        let set = self.scopes.set(row.org, row.scopes, rows.symbols());
        let mut is_new_pair = false;
        if let Whose::Pair(pair) = whose {
            let Pair { person, last_ms, .. } = &mut self.pairs[pair as usize];
            is_new_pair = *last_ms == 0 && *person != 0;
            *last_ms = (*last_ms).max(row.published_ms.max(1));
        }
        let of = self.client_and_person(whose);
        self.counts.count(&mut self.scopes, of, (row, set), is_new_pair, was_counted);
    }

    fn uncount(&mut self, owner: Owner) {
        if owner.is_counted {
            self.counts.uncount(self.client_and_person(owner.whose));
        }
    }

    /// Returns the org of a person or a client.
    fn org_of(&self, whose: Whose) -> Option<OrgId> {
        match self.client_and_person(whose) {
            (0, 0) => None,
            (0, person) => Some(self.people.org(person)),
            (client, _) => Some(self.clients.org(client)),
        }
    }

    fn client_and_person(&self, whose: Whose) -> (Number, Number) {
        match whose {
            Whose::Nobody => (0, 0),
            Whose::Person(person) => (0, person),
            Whose::Client(client) => (client, 0),
            Whose::Pair(pair) => {
                let Pair { client, person, .. } = self.pairs[pair as usize];
                (client, person)
            }
        }
    }

    /// Returns the rows of a pair, oldest first, and removes from the chain those that were cut.
    fn events(&mut self, rows: &Rows, pair: u32) -> Vec<RowRef> {
        self.relink();
        let (mut found, mut here) = (Vec::new(), self.pairs[pair as usize].head);
        while here != NO_ROW {
            let is_linked = matches!(self.owners.get(here.0 as usize).whose, Whose::Pair(_));
            if is_linked && rows.is_there(here) {
                found.push(here);
            }
            here = self.next[here.0 as usize];
        }
        let mut head = NO_ROW;
        for at in found.iter().rev() {
            self.next[at.0 as usize] = head;
            head = *at;
        }
        self.pairs[pair as usize].head = head;
        found.sort_by_key(|at| rows.key(*at));
        found
    }

    /// Recomputes a pair, and returns the number of events that were replayed.
    fn settle(&mut self, rows: &Rows, pair: u32) -> usize {
        let events = self.events(rows, pair);
        let (fates, played) = self.play(rows, pair, &events);
        let mut open = Vec::new();
        for (at, fates) in events.iter().zip(fates) {
            let row = rows.get(*at);
            self.standing[at.0 as usize] = standing_of(&row, &fates).0;
            if row.kind != Kind::OrgGrant {
                let list = self.scopes.list(row.org, row.scopes, rows.symbols());
                let stands = list.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Open);
                open.extend(stands.map(|(scope, _)| *scope));
            }
        }
        let open = self.scopes.set_of(open);
        self.hold(pair, open);
        played
    }

    /// Stores the scopes in force of a pair, and updates the counts of holders.
    fn hold(&mut self, pair: u32, open: Set) {
        let Pair { person, client, open: before, .. } = self.pairs[pair as usize];
        if before == open {
            return;
        }
        let of_person_before = self.open_of(person);
        self.pairs[pair as usize].open = open;
        self.counts.hold(&self.scopes, self.clients.org(client), (client, person), (before, open));
        if person != 0 {
            let of_person = self.open_of(person);
            self.counts.hold_of_person(&self.scopes, (of_person_before, of_person));
        }
    }

    /// Returns the scopes in force between a person and all clients.
    fn open_of(&mut self, person: Number) -> Set {
        let (mut all, mut pair) = (0, self.of_person.get(person as usize).copied().unwrap_or(END));
        while pair != END {
            let Pair { open, next_of_person, .. } = self.pairs[pair as usize];
            all = self.scopes.union(all, open);
            pair = next_of_person;
        }
        all
    }

    /// Replays the events of a pair, with the broad revocations that may reach them.
    fn play(&mut self, rows: &Rows, pair: u32, events: &[RowRef]) -> (Vec<Vec<Fate>>, usize) {
        if events.is_empty() {
            return (Vec::new(), 0);
        }
        let broad = self.broad_for(rows, pair, events);
        replay(rows, (&mut self.servers, &mut self.scopes), events, broad)
    }
}

/// Returns a hash of what decides, beside its targets, which grants a revocation ends.
fn content(row: &Row, marks: &[u32]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (row.published_ms, row.server, row.scopes, marks).hash(&mut hasher);
    hasher.finish()
}

fn hash(person: Number, client: Number) -> u64 {
    // The finalizer of splitmix64.
    let mut z = (u64::from(person) << 32 | u64::from(client)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 31)
}
