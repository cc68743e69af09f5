//! Who holds what. For each person and client the consents and revocations between them, and what of it stands now.
//!
//! A scope grant stands from its consent on until a revocation names it, or names everything that it is part of, or a
//! later consent of the same person for the same client grants the same scope at the same server anew. What an event
//! does not say is not guessed: a consent of nobody known cannot be told to stand.

use std::collections::{HashSet, VecDeque};

use hashbrown::{HashMap, HashTable};

use super::interner::{Names, Number, Scopes, Set};
use super::{RowRef, Rows};
use crate::consent::{Kind, Outcome, Reach, Row};

/// How a consent stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum Standing {
    /// It is being worked out.
    #[default]
    Pending = 0,
    /// The row is no consent.
    None = 1,
    /// Nothing took anything of it away.
    Stands = 2,
    /// Some of its scopes were revoked.
    Partly = 3,
    /// Nothing is left of it.
    Revoked = 4,
    /// A later consent grants the same again.
    Replaced = 5,
    /// The events do not say.
    CannotTell = 6,
}

impl Standing {
    const ALL: [Self; 7] = [
        Self::Pending,
        Self::None,
        Self::Stands,
        Self::Partly,
        Self::Revoked,
        Self::Replaced,
        Self::CannotTell,
    ];

    /// Returns the word that the list, the detail and filters use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::None => "-",
            Self::Stands => "stands",
            Self::Partly => "partly revoked",
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::CannotTell => "cannot tell",
        }
    }

    /// Returns the standing of a kept number.
    pub fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or_default()
    }
}

/// What became of one scope of a consent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It stands.
    Open,
    /// A revocation took it.
    Revoked(RowRef),
    /// A later consent granted it again.
    Replaced(RowRef),
}

/// What a page says of a client, a person or a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Consents.
    pub consents: u32,
    /// People of a client, clients of a person.
    pub others: u32,
    /// Of these, with how many something stands now.
    pub standing: u32,
    /// The first consent, in milliseconds since 1970; 0 before there is one.
    pub first_ms: i64,
    /// The last one.
    pub last_ms: i64,
    /// Every scope ever granted.
    pub ever: Set,
}

/// One person and one client.
#[derive(Clone, Copy, Debug)]
struct Pair {
    person: Number,
    client: Number,
    /// The row that came last; the others follow by [`Ledger::next`].
    head: u32,
    /// The next pair of the same person.
    next_of_person: u32,
    /// The last consent, in milliseconds since 1970.
    last_ms: i64,
    /// The scopes that stand.
    open: Set,
    is_dirty: bool,
}

/// The last of a chain, and the pair of none.
const END: u32 = u32::MAX;

/// Whose a row is, and what of it was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Owner {
    person: Number,
    client: Number,
    /// Counted as a consent of both.
    is_counted: bool,
    /// In the chain of its pair.
    is_linked: bool,
    /// Taken in.
    is_known: bool,
}

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
    /// By person: the pair of theirs that was made last.
    of_person: Vec<u32>,
    /// By row.
    owners: Vec<Owner>,
    next: Vec<u32>,
    standing: Vec<Standing>,
    by: Vec<u32>,
    /// Revocations that reach beyond one pair, by what they reach.
    broad: HashMap<(Reached, Number), Vec<u32>>,
    /// What of theirs came since the pairs were looked at that it may have changed.
    disturbed: HashSet<(Reached, Number)>,
    /// One of them reaches a server or a scope: a pair's rows have to be asked.
    looks_at_rows: bool,
    by_client: Vec<Tally>,
    by_person: Vec<Tally>,
    held: Vec<Held>,
    /// Clients with which something stands.
    holding: usize,
    held_by_client: HashMap<(Number, Number), u32>,
    dirty: VecDeque<u32>,
    /// Rises with everything that a page or a filter may show.
    changes: u64,
}

/// Who holds a scope now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Held {
    /// People.
    pub people: u32,
    /// Clients.
    pub clients: u32,
}

/// Of one thing so many broad revocations are kept, those that came last: it can be gone once.
const BROAD_MAX: usize = 1000;

/// What a broad revocation ends everything of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Reached {
    Person,
    Client,
    Server,
    Scope,
}

/// Rows looked at in one slice of work; some milliseconds.
const SLICE: usize = 5_000;

impl Ledger {
    /// Takes in a row that is new or that changed. What follows from it is found out by [`Ledger::work`].
    pub fn take(&mut self, rows: &Rows, at: RowRef) {
        let (row, index) = (rows.get(at), at.0 as usize);
        self.changes += 1;
        if self.owners.len() <= index {
            self.owners.resize(index + 1, Owner::default());
            self.next.resize(index + 1, END);
            self.standing.resize(index + 1, Standing::Pending);
            self.by.resize(index + 1, END);
        }
        let person = if row.kind.has_person() { self.people.number(row.who, rows.symbols()) } else { 0 };
        let client = self.clients.number(row.client, rows.symbols());
        let is_linked = row.kind != Kind::Other && client != 0 && (person != 0 || !row.kind.has_person());
        let before = self.owners[index];
        let now = Owner { person, client, is_counted: is_consent(&row), is_linked, is_known: true };
        self.owners[index] = now;
        let stays = before.is_linked && is_linked && (before.person, before.client) == (person, client);
        if before != now {
            self.uncount(before);
            if before.is_linked && !stays {
                self.unlink(before, at);
            }
        }
        if is_linked {
            let pair = self.pair(person, client);
            if !stays {
                self.next[index] = std::mem::replace(&mut self.pairs[pair as usize].head, at.0);
            }
            self.standing[index] = Standing::Pending;
            self.soil(pair);
        } else {
            self.standing[index] = if is_consent(&row) { Standing::CannotTell } else { Standing::None };
        }
        if is_consent(&row) {
            self.count(rows, &row, now, before == now);
        }
        if before != now && row.kind == Kind::Revoke && is_good(&row) {
            self.spread(rows, &row, now, at);
        }
    }

    /// Takes rows out that the journal removed. When something was first and last seen stays as it was.
    pub fn cut(&mut self, places: &[u32]) {
        for at in places {
            let Some(owner) = self.owners.get_mut(*at as usize) else { continue };
            let before = std::mem::take(owner);
            self.uncount(before);
            // It leaves the chain when the pair is worked out again.
            if before.is_linked {
                let pair = self.pair(before.person, before.client);
                self.soil(pair);
            }
        }
        self.changes += 1;
    }

    /// Works out some of what changed, and returns whether there is more. A slice takes some milliseconds.
    pub fn work(&mut self, rows: &Rows) -> bool {
        let mut left = SLICE;
        self.soil_disturbed();
        while left > 0 {
            let Some(pair) = self.dirty.pop_front() else { return self.is_behind() };
            self.pairs[pair as usize].is_dirty = false;
            left = left.saturating_sub(1 + self.settle(rows, pair));
            self.changes += 1;
        }
        self.is_behind()
    }

    /// Whether something is still to be worked out.
    pub fn is_behind(&self) -> bool {
        !self.disturbed.is_empty() || !self.dirty.is_empty()
    }

    /// Rises with everything that a page or a filter may show.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// How a row stands.
    pub fn standing(&self, at: RowRef) -> Standing {
        self.standing.get(at.0 as usize).copied().unwrap_or_default()
    }

    /// How each row stands, by its place.
    pub(in crate::model) fn standings(&self) -> &[Standing] {
        &self.standing
    }

    /// The row that took the last of it away, or granted it again.
    pub fn decided_by(&self, at: RowRef) -> Option<RowRef> {
        self.by.get(at.0 as usize).copied().filter(|by| *by != END).map(RowRef)
    }

    /// What became of each scope of a consent, in the order of its scopes, or `None` if that cannot be told.
    pub fn fates(&mut self, rows: &Rows, at: RowRef) -> Option<Vec<Fate>> {
        let owner = self.owners.get(at.0 as usize).copied().filter(|owner| owner.is_linked)?;
        let pair = self.pair(owner.person, owner.client);
        let events = self.events(rows, pair);
        let place = events.iter().position(|event| *event == at)?;
        self.play(rows, &events).0.into_iter().nth(place).filter(|fates| !fates.is_empty())
    }

    /// The rows of the same person and client as a row, oldest first.
    pub fn beside(&mut self, rows: &Rows, at: RowRef) -> Vec<RowRef> {
        let Some(owner) = self.owners.get(at.0 as usize).copied().filter(|owner| owner.is_linked) else {
            return Vec::new();
        };
        let pair = self.pair(owner.person, owner.client);
        self.events(rows, pair)
    }

    /// What is known of a client.
    pub fn client(&self, number: Number) -> Tally {
        self.by_client.get(number as usize).copied().unwrap_or_default()
    }

    /// What is known of a person.
    pub fn person(&self, number: Number) -> Tally {
        self.by_person.get(number as usize).copied().unwrap_or_default()
    }

    /// Who holds a scope.
    pub fn held(&self, scope: Number) -> Held {
        self.held.get(scope as usize).copied().unwrap_or_default()
    }

    /// With how many clients something stands.
    pub fn holding_clients(&self) -> usize {
        self.holding
    }

    /// For each client, how many people consented last at or after each of some times, which rise towards now. One pass
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
            head: END,
            next_of_person,
            last_ms: 0,
            open: 0,
            is_dirty: false,
        });
        new
    }

    /// Has a pair worked out again.
    fn soil(&mut self, pair: u32) {
        if !std::mem::replace(&mut self.pairs[pair as usize].is_dirty, true) {
            self.dirty.push_back(pair);
        }
    }

    /// Keeps a revocation that may end grants of other pairs than its own: one of nobody known, or one that names no
    /// grant and ends all of something.
    fn spread(&mut self, rows: &Rows, row: &Row, owner: Owner, at: RowRef) {
        let scopes = self.scopes.list(row.scopes, rows.symbols()).to_vec();
        if owner.is_linked && !scopes.is_empty() {
            return;
        }
        let reached: Vec<(Reached, Number)> = match row.reach {
            Reach::Person | Reach::PersonGone => vec![(Reached::Person, owner.person)],
            Reach::ClientGone => vec![(Reached::Client, owner.client)],
            Reach::ServerGone => vec![(Reached::Server, self.servers.number(row.server, rows.symbols()))],
            Reach::ScopeGone => scopes.into_iter().map(|scope| (Reached::Scope, scope)).collect(),
            Reach::Named | Reach::PersonAndClient => Vec::new(),
        };
        for key in reached.into_iter().filter(|(_, number)| *number != 0) {
            let rows = self.broad.entry(key).or_default();
            if rows.len() == BROAD_MAX {
                rows.remove(0);
            }
            rows.push(at.0);
            self.disturbed.insert(key);
            self.looks_at_rows |= matches!(key.0, Reached::Server | Reached::Scope);
        }
    }

    /// Has the pairs worked out again that broad revocations may have changed. One pass over all pairs, but for a
    /// person's.
    fn soil_disturbed(&mut self) {
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
                self.soil(pair);
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
                    self.soil(pair);
                }
            }
        }
    }

    /// The broad revocations that may end something of a pair.
    fn broad_for(&mut self, rows: &Rows, owner: Owner, events: &[RowRef]) -> Vec<RowRef> {
        if self.broad.is_empty() {
            return Vec::new();
        }
        let mut keys = vec![(Reached::Person, owner.person), (Reached::Client, owner.client)];
        if self.looks_at_rows {
            for at in events {
                let row = rows.get(*at);
                keys.push((Reached::Server, self.servers.number(row.server, rows.symbols())));
                let scopes = self.scopes.list(row.scopes, rows.symbols());
                keys.extend(scopes.iter().map(|scope| (Reached::Scope, *scope)));
            }
            keys.sort_unstable();
            keys.dedup();
        }
        let found = keys.iter().filter_map(|key| self.broad.get(key)).flatten().map(|at| RowRef(*at));
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

    /// Takes a row out of its pair's chain.
    fn unlink(&mut self, owner: Owner, at: RowRef) {
        let pair = self.pair(owner.person, owner.client);
        let mut here = self.pairs[pair as usize].head;
        if here == at.0 {
            self.pairs[pair as usize].head = self.next[at.0 as usize];
        }
        while here != END {
            let next = self.next[here as usize];
            if next == at.0 {
                self.next[here as usize] = self.next[at.0 as usize];
            }
            here = next;
        }
        self.soil(pair);
    }

    /// Counts a consent; one that was counted before only in what may have changed.
    fn count(&mut self, rows: &Rows, row: &Row, owner: Owner, was_counted: bool) {
        let set = self.scopes.set(row.scopes, rows.symbols());
        let is_new_pair = owner.is_linked && {
            let pair = self.pair(owner.person, owner.client) as usize;
            let last_ms = &mut self.pairs[pair].last_ms;
            let is_new = *last_ms == 0;
            *last_ms = (*last_ms).max(row.published_ms.max(1));
            is_new && owner.person != 0
        };
        for (number, tallies) in [(owner.client, &mut self.by_client), (owner.person, &mut self.by_person)] {
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
            tally.ever = self.scopes.union(tally.ever, set);
        }
    }

    fn uncount(&mut self, owner: Owner) {
        if !owner.is_counted {
            return;
        }
        for (number, tallies) in [(owner.client, &mut self.by_client), (owner.person, &mut self.by_person)] {
            if number != 0 {
                let tally = slot(tallies, number, Tally::default());
                tally.consents = tally.consents.saturating_sub(1);
            }
        }
    }

    /// The rows of a pair, oldest first. Those that were cut leave the chain.
    fn events(&mut self, rows: &Rows, pair: u32) -> Vec<RowRef> {
        let (mut found, mut here) = (Vec::new(), self.pairs[pair as usize].head);
        while here != END {
            if self.owners[here as usize].is_linked && rows.is_there(RowRef(here)) {
                found.push(RowRef(here));
            }
            here = self.next[here as usize];
        }
        let mut head = END;
        for at in found.iter().rev() {
            self.next[at.0 as usize] = head;
            head = at.0;
        }
        self.pairs[pair as usize].head = head;
        found.sort_by_key(|at| rows.key(*at));
        found
    }

    /// Works a pair out, and returns how many rows that took.
    fn settle(&mut self, rows: &Rows, pair: u32) -> usize {
        let events = self.events(rows, pair);
        let (fates, played) = self.play(rows, &events);
        let mut open = Vec::new();
        for (at, fates) in events.iter().zip(fates) {
            let row = rows.get(*at);
            let (standing, by) = standing_of(&row, &fates);
            self.standing[at.0 as usize] = standing;
            self.by[at.0 as usize] = by.map_or(END, |by| by.0);
            if row.kind != Kind::OrgGrant {
                let list = self.scopes.list(row.scopes, rows.symbols());
                let stands = list.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Open);
                open.extend(stands.map(|(scope, _)| *scope));
            }
        }
        let open = self.scopes.set_of(open);
        self.hold(pair, open);
        played
    }

    /// Notes what stands between a pair now, for whoever counts who holds what.
    fn hold(&mut self, pair: u32, open: Set) {
        let Pair { person, client, open: before, .. } = self.pairs[pair as usize];
        if before == open {
            return;
        }
        let of_person_before = self.open_of(person);
        self.pairs[pair as usize].open = open;
        let held_before = self.client(client).standing > 0;
        for (number, tallies) in [(client, &mut self.by_client), (person, &mut self.by_person)] {
            if number != 0 {
                let tally = slot(tallies, number, Tally::default());
                tally.standing = tally.standing + u32::from(open != 0) - u32::from(before != 0);
            }
        }
        let held = self.client(client).standing > 0;
        self.holding = self.holding + usize::from(held) - usize::from(held_before);
        if person != 0 {
            let of_person = self.open_of(person);
            for (set, other, by) in [(of_person, of_person_before, 1), (of_person_before, of_person, -1)] {
                for scope in only_in(&self.scopes, set, other) {
                    let held = slot(&mut self.held, scope, Held::default());
                    held.people = held.people.saturating_add_signed(by);
                }
            }
        }
        for (set, other, by) in [(open, before, 1), (before, open, -1)] {
            for scope in only_in(&self.scopes, set, other) {
                let pairs = self.held_by_client.entry((scope, client)).or_default();
                let was_held = *pairs > 0;
                *pairs = pairs.saturating_add_signed(by);
                let held = slot(&mut self.held, scope, Held::default());
                held.clients = held.clients + u32::from(*pairs > 0) - u32::from(was_held);
            }
        }
    }

    /// What stands between a person and all clients.
    fn open_of(&mut self, person: Number) -> Set {
        let (mut all, mut pair) = (0, self.of_person.get(person as usize).copied().unwrap_or(END));
        while pair != END {
            let Pair { open, next_of_person, .. } = self.pairs[pair as usize];
            all = self.scopes.union(all, open);
            pair = next_of_person;
        }
        all
    }

    /// Plays the events of a pair in the order of time, and returns what became of each scope of each: of a consent one
    /// for each of its scopes, of all else none.
    fn play(&mut self, rows: &Rows, events: &[RowRef]) -> (Vec<Vec<Fate>>, usize) {
        let mut fates: Vec<Vec<Fate>> = vec![Vec::new(); events.len()];
        let Some(first) = events.first() else { return (fates, 0) };
        let owner = self.owners[first.0 as usize];
        let mut played: Vec<(RowRef, Option<usize>)> =
            events.iter().enumerate().map(|(index, at)| (*at, Some(index))).collect();
        played.extend(self.broad_for(rows, owner, events).into_iter().map(|at| (at, None)));
        played.sort_by_key(|(at, _)| rows.key(*at));
        let mut open: Vec<Grant> = Vec::new();
        let count = played.len();
        for (at, index) in played {
            let row = rows.get(at);
            if !is_good(&row) {
                continue;
            }
            let server = self.servers.number(row.server, rows.symbols());
            let marks = rows.grant_marks(at);
            let scopes = self.scopes.list(row.scopes, rows.symbols());
            let named: Vec<(Number, u32)> = scopes
                .iter()
                .enumerate()
                .map(|(index, scope)| (*scope, marks.get(index).copied().unwrap_or(0)))
                .collect();
            match (index, is_consent(&row)) {
                (Some(index), true) => {
                    fates[index] = vec![Fate::Open; named.len()];
                    for (place, (scope, mark)) in named.into_iter().enumerate() {
                        let new = Grant { kind: row.kind, server, scope, mark, of: (index, place) };
                        let same = |grant: &Grant| {
                            (grant.kind, grant.server, grant.scope) == (new.kind, new.server, new.scope)
                        };
                        if let Some(old) = open.iter_mut().find(|grant| same(grant)) {
                            fates[old.of.0][old.of.1] = Fate::Replaced(at);
                            *old = new;
                        } else {
                            open.push(new);
                        }
                    }
                }
                (index, false) => open.retain(|grant| {
                    // One from elsewhere was found by what it reaches, which this grant may not be part of.
                    let is_reached = match row.reach {
                        _ if index.is_some() => true,
                        Reach::ServerGone => server == grant.server,
                        Reach::ScopeGone => named.iter().any(|(scope, _)| *scope == grant.scope),
                        _ => true,
                    };
                    let is_ended = is_reached && ends(&row, server, &named, grant);
                    if is_ended {
                        fates[grant.of.0][grant.of.1] = Fate::Revoked(at);
                    }
                    !is_ended
                }),
                (None, true) => {}
            }
        }
        (fates, count)
    }
}

/// A scope grant that stands while events are played.
struct Grant {
    kind: Kind,
    server: Number,
    scope: Number,
    mark: u32,
    /// Which event, and which of its scopes.
    of: (usize, usize),
}

/// Whether a revocation ends a grant that it can reach: one that it names, or any that its type says.
fn ends(row: &Row, server: Number, named: &[(Number, u32)], grant: &Grant) -> bool {
    let is_of_kind = match row.kind {
        Kind::Revoke => grant.kind == Kind::Grant,
        Kind::AdminRevoke => grant.kind == Kind::AdminGrant,
        _ => false,
    };
    let is_at_server = server == 0 || grant.server == 0 || server == grant.server;
    let is_named = named.iter().any(|(scope, mark)| {
        // An id says exactly which; without one the name has to do.
        if *mark != 0 && grant.mark != 0 {
            *mark == grant.mark
        } else {
            is_at_server && *scope == grant.scope
        }
    });
    let reaches_all = match row.reach {
        Reach::Named => false,
        Reach::ScopeGone => is_at_server && named.iter().any(|(scope, _)| *scope == grant.scope),
        Reach::ServerGone => server != 0 && server == grant.server,
        _ => named.is_empty(),
    };
    is_of_kind && (is_named || reaches_all)
}

/// How a row stands whose scopes came to this, and the row that decided it.
fn standing_of(row: &Row, fates: &[Fate]) -> (Standing, Option<RowRef>) {
    if !is_consent(row) {
        return (Standing::None, None);
    }
    let count = |is: fn(&Fate) -> bool| fates.iter().filter(|fate| is(fate)).count();
    let open = count(|fate| *fate == Fate::Open);
    let revoked = fates
        .iter()
        .filter_map(|fate| if let Fate::Revoked(by) = fate { Some(*by) } else { None })
        .next_back();
    let replaced = fates
        .iter()
        .filter_map(|fate| if let Fate::Replaced(by) = fate { Some(*by) } else { None })
        .next_back();
    match (open, revoked, replaced) {
        (0, None, Some(by)) => (Standing::Replaced, Some(by)),
        // Nothing tells when a consent at the org server ends, and a consent without scopes has nothing to tell of.
        (0, None, None) => (Standing::CannotTell, None),
        _ if row.kind == Kind::OrgGrant => (Standing::CannotTell, None),
        (0, Some(by), _) => (Standing::Revoked, Some(by)),
        (_, Some(by), _) => (Standing::Partly, Some(by)),
        (_, None, _) => (Standing::Stands, None),
    }
}

/// Whether a row is somebody's consent that came about.
fn is_consent(row: &Row) -> bool {
    matches!(row.kind, Kind::Grant | Kind::OrgGrant | Kind::AdminGrant) && is_good(row)
}

/// Whether what a row tells did happen.
fn is_good(row: &Row) -> bool {
    matches!(row.outcome, Outcome::Success | Outcome::None | Outcome::Allow)
}

/// The scopes of one set that are not in another.
fn only_in(scopes: &Scopes, set: Set, other: Set) -> Vec<Number> {
    let (set, other) = (scopes.members(set), scopes.members(other));
    set.iter().copied().filter(|scope| other.binary_search(scope).is_err()).collect()
}

/// The entry of a number, made if it is not there.
fn slot<T: Clone>(of: &mut Vec<T>, number: Number, empty: T) -> &mut T {
    let index = number as usize;
    if of.len() <= index {
        of.resize(index + 1, empty);
    }
    &mut of[index]
}

fn hash(person: Number, client: Number) -> u64 {
    // The finaliser of splitmix64.
    let mut z = (u64::from(person) << 32 | u64::from(client)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::consent::{Seq, Sym, Symbol};
    use crate::model::data::rows::tests::row;

    const PERSON: u32 = 10;
    const CLIENT: u32 = 20;
    const SERVER: u32 = 30;
    const SCOPES: u32 = 40;

    fn rows() -> Rows {
        let mut rows = Rows::default();
        for n in 1..=3 {
            let texts =
                [(PERSON, format!("00u{n}")), (CLIENT, format!("0oa{n}")), (SERVER, format!("aus{n}"))];
            rows.learn(&texts.map(|(base, text)| (Sym(base + n), Symbol::of(&[&text, ""]))));
        }
        rows.learn(&[
            (Sym(SCOPES + 1), Symbol::of(&["a"])),
            (Sym(SCOPES + 2), Symbol::of(&["a", "b"])),
            (Sym(SCOPES + 3), Symbol::of(&["b", "c"])),
        ]);
        rows
    }

    /// One event: who, client, server, scopes (0 is none), kind, reach, mark of the first scope, time.
    #[derive(Clone, Debug)]
    struct Event {
        person: u32,
        client: u32,
        server: u32,
        scopes: u32,
        kind: Kind,
        reach: Reach,
        mark: u32,
        time: i64,
        fails: bool,
    }

    impl Event {
        fn grant(time: i64, mark: u32, scopes: u32) -> Self {
            let (kind, reach) = (Kind::Grant, Reach::Named);
            Self { person: 1, client: 1, server: 1, scopes, kind, reach, mark, time, fails: false }
        }

        fn revoke(time: i64, mark: u32, scopes: u32) -> Self {
            Self { kind: Kind::Revoke, ..Self::grant(time, mark, scopes) }
        }

        fn row(&self, seq: i64) -> Row {
            let some = |base: u32, n: u32| if n == 0 { Sym(0) } else { Sym(base + n) };
            Row {
                who: some(PERSON, self.person),
                client: some(CLIENT, self.client),
                server: some(SERVER, self.server),
                scopes: some(SCOPES, self.scopes),
                kind: self.kind,
                reach: self.reach,
                outcome: if self.fails { Outcome::Failure } else { Outcome::Success },
                ..row(seq, self.time)
            }
        }

        fn marks(&self) -> Vec<u32> {
            let count = [0, 1, 2, 2][self.scopes as usize];
            (0..count).map(|n| if self.mark == 0 { 0 } else { self.mark * 10 + n }).collect()
        }

        fn names(&self) -> &'static [char] {
            [&[][..], &['a'], &['a', 'b'], &['b', 'c']][self.scopes as usize]
        }

        fn is_consent(&self) -> bool {
            !self.fails && matches!(self.kind, Kind::Grant | Kind::OrgGrant | Kind::AdminGrant)
        }

        fn has_pair(&self) -> bool {
            self.client != 0 && (self.person != 0 || !self.kind.has_person())
        }

        fn person(&self) -> u32 {
            if self.kind.has_person() { self.person } else { 0 }
        }
    }

    struct Rig {
        rows: Rows,
        ledger: Ledger,
    }

    impl Rig {
        fn new() -> Self {
            Self { rows: rows(), ledger: Ledger::default() }
        }

        fn put(&mut self, seq: i64, event: &Event) -> RowRef {
            let (at, _) = self.rows.put(&event.row(seq), &event.marks());
            self.ledger.take(&self.rows, at);
            at
        }

        fn work(&mut self) {
            while self.ledger.work(&self.rows) {}
        }

        fn of(&mut self, events: &[Event]) -> Vec<Standing> {
            let places: Vec<RowRef> = (1..).zip(events).map(|(seq, event)| self.put(seq, event)).collect();
            self.work();
            places.into_iter().map(|at| self.ledger.standing(at)).collect()
        }
    }

    #[track_caller]
    fn check(events: &[Event], wanted: &[Standing]) {
        assert_eq!(Rig::new().of(events), wanted);
        let mut turned = events.to_vec();
        turned.reverse();
        let mut found = Rig::new().of(&turned);
        found.reverse();
        assert_eq!(found, wanted, "whatever comes first");
    }

    use Standing::{CannotTell, None, Partly, Replaced, Revoked, Stands};

    #[test]
    fn a_revocation_closes_what_it_names() {
        check(&[Event::grant(1, 1, 2)], &[Stands]);
        check(&[Event::grant(1, 1, 2), Event::revoke(2, 1, 2)], &[Revoked, None]);
        check(&[Event::grant(1, 1, 2), Event::revoke(2, 1, 1)], &[Partly, None]);
        check(&[Event::grant(2, 1, 2), Event::revoke(1, 1, 2)], &[Stands, None]);
        check(&[Event::grant(1, 1, 2), Event { fails: true, ..Event::revoke(2, 1, 2) }], &[Stands, None]);
        check(&[Event::grant(1, 1, 2), Event { client: 2, ..Event::revoke(2, 1, 2) }], &[Stands, None]);
        // Another grant's id is another grant, whatever the scope is called; without an id the name has to do.
        check(&[Event::grant(1, 1, 1), Event::revoke(2, 7, 1)], &[Stands, None]);
        check(&[Event::grant(1, 1, 1), Event::revoke(2, 0, 1)], &[Revoked, None]);
        check(&[Event::grant(1, 1, 1), Event { server: 2, ..Event::revoke(2, 0, 1) }], &[Stands, None]);
    }

    #[test]
    fn a_consent_given_again_replaces() {
        check(&[Event::grant(1, 1, 1), Event::grant(2, 2, 1)], &[Replaced, Stands]);
        check(&[Event::grant(1, 1, 2), Event::grant(2, 2, 1)], &[Stands, Stands]);
        check(
            &[Event::grant(1, 1, 2), Event::grant(2, 2, 1), Event::revoke(3, 2, 1)],
            &[Stands, Revoked, None],
        );
        check(
            &[Event::grant(1, 1, 1), Event::grant(2, 2, 1), Event::revoke(3, 1, 1)],
            &[Replaced, Stands, None],
        );
        check(&[Event::grant(1, 1, 1), Event { server: 2, ..Event::grant(2, 2, 1) }], &[Stands, Stands]);
        check(&[Event::grant(1, 1, 1), Event { fails: true, ..Event::grant(2, 2, 1) }], &[Stands, None]);
    }

    #[test]
    fn a_broad_revocation_reaches_what_its_type_says() {
        let grants = [
            Event::grant(1, 1, 2),
            Event { client: 2, ..Event::grant(1, 2, 1) },
            Event { person: 2, ..Event::grant(1, 3, 3) },
            Event { server: 2, client: 3, ..Event::grant(1, 4, 1) },
        ];
        let of = |reach, person, client, server, scopes| Event {
            kind: Kind::Revoke,
            reach,
            person,
            client,
            server,
            mark: 0,
            scopes,
            time: 2,
            fails: false,
        };
        for (revocation, wanted) in [
            (of(Reach::Person, 1, 0, 0, 0), [Revoked, Revoked, Stands, Revoked]),
            (of(Reach::PersonGone, 2, 0, 0, 0), [Stands, Stands, Revoked, Stands]),
            (of(Reach::PersonAndClient, 1, 1, 0, 0), [Revoked, Stands, Stands, Stands]),
            (of(Reach::ClientGone, 0, 1, 0, 0), [Revoked, Stands, Revoked, Stands]),
            (of(Reach::ServerGone, 0, 0, 1, 0), [Revoked, Revoked, Revoked, Stands]),
            (of(Reach::ScopeGone, 0, 0, 0, 1), [Partly, Revoked, Stands, Revoked]),
            (of(Reach::ScopeGone, 0, 0, 2, 1), [Stands, Stands, Stands, Revoked]),
            (of(Reach::Named, 0, 0, 0, 0), [Stands, Stands, Stands, Stands]),
        ] {
            let events = [&grants[..], std::slice::from_ref(&revocation)].concat();
            check(&events, &[&wanted[..], &[None]].concat());
        }
    }

    #[test]
    fn what_the_events_do_not_say_is_not_guessed() {
        let org = Event { kind: Kind::OrgGrant, ..Event::grant(1, 1, 1) };
        check(&[Event { person: 0, ..Event::grant(1, 1, 1) }], &[CannotTell]);
        check(&[Event { client: 0, ..Event::grant(1, 1, 1) }], &[CannotTell]);
        check(&[Event::grant(1, 0, 0)], &[CannotTell]);
        check(&[org.clone(), Event::revoke(2, 0, 1)], &[CannotTell, None]);
        check(&[org.clone(), Event { time: 2, ..org }], &[Replaced, CannotTell]);
        let admin = |kind, time| Event { kind, person: 0, ..Event::grant(time, 0, 1) };
        check(&[admin(Kind::AdminGrant, 1)], &[Stands]);
        check(&[admin(Kind::AdminGrant, 1), admin(Kind::AdminRevoke, 2)], &[Revoked, None]);
    }

    #[test]
    fn it_says_what_became_of_each_scope_and_by_which_row() {
        let mut rig = Rig::new();
        let first = rig.put(1, &Event::grant(1, 1, 2));
        let second = rig.put(2, &Event::grant(2, 2, 1));
        let third = rig.put(3, &Event::revoke(3, 1, 2));
        rig.work();
        let fates = rig.ledger.fates(&rig.rows, first);
        assert_eq!(fates, Some(vec![Fate::Replaced(second), Fate::Revoked(third)]));
        assert_eq!(rig.ledger.decided_by(first), Some(third));
        assert_eq!(rig.ledger.fates(&rig.rows, third), Option::None);
        assert_eq!(rig.ledger.beside(&rig.rows, second), [first, second, third]);
    }

    #[test]
    fn clients_people_and_scopes_are_counted_as_they_change() {
        let mut rig = Rig::new();
        rig.put(1, &Event::grant(1000, 1, 2));
        rig.put(2, &Event { person: 2, ..Event::grant(5000, 2, 1) });
        rig.put(3, &Event { client: 2, ..Event::grant(3000, 3, 3) });
        rig.work();
        let client = rig.ledger.client(1);
        assert_eq!((client.consents, client.others, client.standing), (2, 2, 2));
        assert_eq!((client.first_ms, client.last_ms), (1000, 5000));
        assert_eq!(rig.ledger.scopes.members(client.ever).len(), 2);
        let person = rig.ledger.person(1);
        assert_eq!((person.consents, person.others, person.standing), (2, 2, 2));
        let held = |rig: &Rig| {
            [1, 2, 3].map(|scope| (rig.ledger.held(scope).people, rig.ledger.held(scope).clients))
        };
        assert_eq!(held(&rig), [(2, 1), (1, 2), (1, 1)]);
        assert_eq!(rig.ledger.people_since([6000, 4000, 0])[1], [0, 1, 2]);
        let last = rig.put(4, &Event::revoke(6000, 1, 2));
        rig.work();
        assert_eq!(held(&rig), [(1, 1), (1, 1), (1, 1)]);
        assert_eq!((rig.ledger.client(1).standing, rig.ledger.client(1).consents), (1, 2));
        // The revocation turns out to be of somebody else.
        let (at, _) = rig.rows.put(&Event { person: 3, ..Event::revoke(6000, 1, 2) }.row(4), &[10, 11]);
        assert_eq!(at, last);
        rig.ledger.take(&rig.rows, at);
        rig.work();
        assert_eq!(held(&rig), [(2, 1), (1, 2), (1, 1)]);
        // What the journal removes counts no more.
        let gone: Vec<u32> = rig.rows.find(Seq(2)).map(|at| at.0).into_iter().collect();
        rig.rows.cut(Seq(1), Seq(2), &[]);
        rig.ledger.cut(&gone);
        rig.work();
        assert_eq!(held(&rig), [(1, 1), (1, 2), (1, 1)]);
        assert_eq!((rig.ledger.client(1).standing, rig.ledger.client(1).consents), (1, 1));
    }

    /// The definition, event against event.
    fn naive(events: &[(i64, Event)], of: usize) -> Standing {
        let (seq, grant) = &events[of];
        if !grant.is_consent() {
            return None;
        }
        if !grant.has_pair() || grant.names().is_empty() {
            return CannotTell;
        }
        let mut fates = Vec::new();
        for (place, name) in grant.names().iter().enumerate() {
            let mark = grant.marks()[place];
            let mut later: Vec<_> =
                events.iter().filter(|(s, e)| (e.time, *s) > (grant.time, *seq) && !e.fails).collect();
            later.sort_by_key(|(s, e)| (e.time, *s));
            let fate = later.iter().find_map(|(_, e)| {
                let is_own = e.has_pair() && (e.person(), e.client) == (grant.person(), grant.client);
                if e.is_consent() {
                    let same = is_own
                        && e.kind == grant.kind
                        && e.server == grant.server
                        && e.names().contains(name);
                    return same.then_some(Replaced);
                }
                let of_kind = (e.kind, grant.kind) == (Kind::Revoke, Kind::Grant)
                    || (e.kind, grant.kind) == (Kind::AdminRevoke, Kind::AdminGrant);
                let at_server = e.server == 0 || grant.server == 0 || e.server == grant.server;
                let is_named = e
                    .names()
                    .iter()
                    .zip(e.marks())
                    .any(|(n, m)| if m != 0 && mark != 0 { m == mark } else { at_server && n == name });
                let scope_gone = e.reach == Reach::ScopeGone && at_server && e.names().contains(name);
                let server_gone = e.reach == Reach::ServerGone && e.server != 0 && e.server == grant.server;
                let is_broad = e.kind == Kind::Revoke && (!e.has_pair() || e.names().is_empty());
                let all = e.names().is_empty()
                    && match e.reach {
                        Reach::Named | Reach::ScopeGone | Reach::ServerGone => false,
                        Reach::Person | Reach::PersonGone => is_own || e.person() == grant.person(),
                        Reach::ClientGone => is_own || e.client == grant.client,
                        Reach::PersonAndClient => is_own,
                    };
                let near = is_own
                    || is_broad
                        && match e.reach {
                            Reach::Person | Reach::PersonGone => {
                                e.person() != 0 && e.person() == grant.person()
                            }
                            Reach::ClientGone => e.client != 0 && e.client == grant.client,
                            Reach::ServerGone => e.server != 0 && e.server == grant.server,
                            Reach::ScopeGone => e.names().contains(name),
                            _ => false,
                        };
                (of_kind && near && (is_named || scope_gone || server_gone || all)).then_some(Revoked)
            });
            fates.push(fate);
        }
        let open = fates.iter().filter(|fate| fate.is_none()).count();
        let revoked = fates.contains(&Some(Revoked));
        match (open, revoked) {
            (0, false) => Replaced,
            _ if grant.kind == Kind::OrgGrant => CannotTell,
            (0, true) => Revoked,
            (_, true) => Partly,
            (_, false) => Stands,
        }
    }

    fn event() -> impl Strategy<Value = Event> {
        let kinds = [
            Kind::Grant,
            Kind::Grant,
            Kind::Revoke,
            Kind::Revoke,
            Kind::OrgGrant,
            Kind::AdminGrant,
            Kind::AdminRevoke,
        ];
        let reaches = [
            Reach::Named,
            Reach::Named,
            Reach::Person,
            Reach::PersonAndClient,
            Reach::PersonGone,
            Reach::ServerGone,
            Reach::ClientGone,
            Reach::ScopeGone,
        ];
        (
            (0..3_u32, 0..3_u32, 0..3_u32, 0..4_u32),
            0..kinds.len(),
            0..reaches.len(),
            0..4_u32,
            1..12_i64,
            0..10_u8,
        )
            .prop_map(move |((person, client, server, scopes), kind, reach, mark, time, fails)| {
                let kind = kinds[kind];
                let reach = if kind == Kind::Revoke { reaches[reach] } else { Reach::Named };
                Event { person, client, server, scopes, kind, reach, mark, time, fails: fails == 0 }
            })
    }

    proptest! {
        #[test]
        fn standing_is_what_the_definition_says(
            events in proptest::collection::vec(event(), 1..24),
            changed in proptest::collection::vec((0..24_usize, event()), 0..4),
            slices in any::<bool>(),
        ) {
            let mut rig = Rig::new();
            let mut known: Vec<(i64, Event)> = (1..).zip(events).collect();
            for (seq, event) in &known {
                rig.put(*seq, event);
                if slices {
                    rig.ledger.work(&rig.rows);
                }
            }
            for (which, event) in changed {
                let count = known.len();
                let (seq, old) = &mut known[which % count];
                // A broad revocation stays one: what it may have ended is not un-ended by a change that never comes.
                if old.kind != Kind::Revoke && event.kind != Kind::Revoke {
                    *old = event;
                    rig.put(*seq, &old.clone());
                }
            }
            rig.work();
            for index in 0..known.len() {
                let at = rig.rows.find(Seq(known[index].0)).expect("it is there");
                prop_assert_eq!(rig.ledger.standing(at), naive(&known, index), "{:?} among {:?}", &known[index], &known);
            }
            // What is held is what stands.
            let mut held = std::collections::BTreeSet::new();
            let mut people = std::collections::BTreeSet::new();
            for (seq, event) in &known {
                let at = rig.rows.find(Seq(*seq)).expect("it is there");
                let Some(fates) = rig.ledger.fates(&rig.rows, at).filter(|_| event.kind != Kind::OrgGrant) else { continue };
                for (name, _) in event.names().iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Open) {
                    held.insert((*name, event.client));
                    if event.person() != 0 {
                        people.insert((*name, event.person()));
                    }
                }
            }
            for scope in 1..rig.ledger.scopes.len() as u32 {
                let name = rig.ledger.scopes.name(scope).chars().next().expect("a name");
                let count = |of: &std::collections::BTreeSet<(char, u32)>| of.iter().filter(|(n, _)| *n == name).count() as u32;
                let wanted = Held { people: count(&people), clients: count(&held) };
                prop_assert_eq!(rig.ledger.held(scope), wanted);
            }
        }
    }
}
