//! The pivot pages: clients, people and scopes with their counts from the ledger, sorted, with a cursor.

use std::cmp::{Ordering, Reverse};

use super::anchor::Anchor;
use super::caseless::Caseless;
use super::interner::Number;
use super::sorter::Sorter;
use super::{Column, Known, Ledger};
use crate::consent::Sym;

/// The subject of a pivot page.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Subject {
    /// The clients that asked for consent.
    Clients,
    /// The people who consented.
    People,
    /// The scopes that were granted.
    Scopes,
}

/// A column of a pivot page.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(missing_docs, reason = "the names are those of the heads")]
pub enum Measure {
    Name,
    Consents,
    People,
    Clients,
    Standing,
    Hour,
    Day,
    Week,
    Quarter,
    Ever,
    First,
    Last,
    HeldByPeople,
    HeldByClients,
    Rarity,
}

/// How many clients hold a scope, relative to all clients of its org with grants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rarity {
    /// Exactly one client holds it.
    Single,
    /// At most one in fifty of the clients with grants holds it.
    Rare,
    /// More clients hold it.
    Usual,
    /// No client holds it now.
    Unheld,
}

impl Rarity {
    /// Returns the word that the page shows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Single => "one client",
            Self::Rare => "rare",
            Self::Usual => "usual",
            Self::Unheld => "not held",
        }
    }
}

/// The lengths, in milliseconds, of the periods of [`Measure::Quarter`], [`Measure::Week`], [`Measure::Day`] and
/// [`Measure::Hour`]. Each period ends now.
const WINDOWS: [i64; 4] = [90 * 86_400_000, 7 * 86_400_000, 86_400_000, 3_600_000];

impl Subject {
    /// All subjects, in the order of their pages.
    pub const ALL: [Self; 3] = [Self::Clients, Self::People, Self::Scopes];

    /// Returns the columns, left to right. A page is sorted by the second column at first.
    pub fn measures(self) -> &'static [Measure] {
        use Measure as M;
        match self {
            Self::Clients => &[
                M::Name,
                M::Consents,
                M::People,
                M::Hour,
                M::Day,
                M::Week,
                M::Quarter,
                M::Standing,
                M::Ever,
                M::First,
                M::Last,
            ],
            Self::People => &[M::Name, M::Consents, M::Clients, M::Standing, M::Ever, M::First, M::Last],
            Self::Scopes => &[M::Name, M::HeldByPeople, M::HeldByClients, M::Rarity],
        }
    }

    /// Returns the word for the title line.
    pub fn words(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::People => "people",
            Self::Scopes => "scopes",
        }
    }

    /// Returns one more than the highest number.
    fn end(self, ledger: &Ledger) -> Number {
        let end = match self {
            Self::Clients => ledger.clients.len(),
            Self::People => ledger.people.len(),
            Self::Scopes => ledger.scopes.len(),
        };
        u32::try_from(end).unwrap_or(u32::MAX)
    }

    /// Returns whether an item is listed. Clients and people whose rows were all removed by retention are not.
    fn is_listed(self, ledger: &Ledger, number: Number) -> bool {
        let tally = match self {
            Self::Clients => ledger.client(number),
            Self::People => ledger.person(number),
            Self::Scopes => return true,
        };
        tally.consents > 0 || tally.standing > 0
    }

    /// Returns the interned text that names a client or person, or `Sym(0)` for a scope.
    pub fn sym(self, ledger: &Ledger, number: Number) -> Sym {
        match self {
            Self::Clients => ledger.clients.text(number),
            Self::People => ledger.people.text(number),
            Self::Scopes => Sym(0),
        }
    }

    /// Returns the filter that lists the consents of an item, by its id, or by its name if it has no id.
    pub(in crate::model) fn query(self, known: &Known<'_>, number: Number) -> String {
        let (field, text) = match self {
            Self::Scopes => ("scope", known.ledger.scopes.name(number)),
            Self::Clients | Self::People => {
                let sym = self.sym(known.ledger, number);
                let mut fields = known.rows.symbols().fields(sym).take(3);
                let field = if self == Self::Clients { "client" } else { "who" };
                (field, fields.find(|field| !field.is_empty()).unwrap_or(""))
            }
        };
        format!("{field}:=\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// A pivot page: its items in order, and the cursor.
#[derive(Debug)]
pub struct Pivot {
    subject: Subject,
    measure: Measure,
    descending: bool,
    ids: Vec<Number>,
    sorter: Option<Sorter<Number>>,
    /// The ledger's change counter and the time for which the order was computed.
    seen: (u64, i64),
    /// By client, the number of people in each of [`WINDOWS`].
    since: Vec<[u32; 4]>,
    cursor: Option<Number>,
    anchor: Anchor,
}

/// Items moved in one slice of sorting.
const SLICE: usize = 20_000;

/// A sort key.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Text([Caseless<'a>; 3]),
    Rising(i64, Number),
    Falling(Reverse<i64>, Number),
}

/// A sort key that compares in reverse order if the flag is set.
#[derive(PartialEq, Eq)]
struct Turned<'a>(Key<'a>, bool);

impl Ord for Turned<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.0.cmp(&other.0);
        if self.1 { order.reverse() } else { order }
    }
}

impl PartialOrd for Turned<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Pivot {
    /// Creates an empty page.
    pub(in crate::model) fn new(subject: Subject) -> Self {
        let measure = subject.measures()[1];
        Self {
            subject,
            measure,
            descending: true,
            ids: Vec::new(),
            sorter: None,
            seen: (u64::MAX, 0),
            since: Vec::new(),
            cursor: None,
            anchor: Anchor::TOP,
        }
    }

    /// Returns the subject of the page.
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// Returns the column that the page is sorted by, and whether the order is descending.
    pub fn order(&self) -> (Measure, bool) {
        (self.measure, self.descending)
    }

    /// Returns the number of items.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns whether the order is out of date or being computed.
    pub(in crate::model) fn is_behind(&self, ledger: &Ledger, now_ms: i64) -> bool {
        self.sorter.is_some() || self.seen != (ledger.changes(), now_ms)
    }

    /// Runs one slice of the sort. The current order is replaced once the new one is complete.
    pub(in crate::model) fn work(&mut self, known: &Known<'_>, now_ms: i64) {
        let ledger = known.ledger;
        let (subject, measure, descending) = (self.subject, self.measure, self.descending);
        let mut sorter = self.sorter.take().unwrap_or_else(|| {
            self.seen = (ledger.changes(), now_ms);
            if subject == Subject::Clients {
                self.since = ledger.people_since(WINDOWS.map(|window| now_ms.saturating_sub(window)));
            }
            Sorter::new(nearly_sorted(&self.ids, subject, ledger))
        });
        let since = &self.since;
        let key = |number| {
            if measure == Measure::Name {
                return Turned(Key::Text(name(subject, known, number)), descending);
            }
            let value = value(subject, measure, ledger, since, number);
            let key =
                if descending { Key::Falling(Reverse(value), number) } else { Key::Rising(value, number) };
            // Equal items are sorted by number, in the order in which they were first seen.
            Turned(key, false)
        };
        if sorter.work(SLICE, key) {
            self.sorter = Some(sorter);
            return;
        }
        self.ids = sorter.finish();
        if self.place().is_none() {
            self.cursor = self.ids.first().copied();
            self.anchor = Anchor::TOP;
        }
    }

    /// Sorts by the next column, or by the first one after the last.
    pub(in crate::model) fn sort_next(&mut self) {
        let measures = self.subject.measures();
        let place = measures.iter().position(|measure| *measure == self.measure).unwrap_or(0);
        self.measure = measures[(place + 1) % measures.len()];
        self.descending = self.measure != Measure::Name;
        self.outdate();
    }

    /// Reverses the order.
    pub(in crate::model) fn turn(&mut self) {
        self.descending = !self.descending;
        self.outdate();
    }

    fn outdate(&mut self) {
        self.sorter = None;
        self.seen = (u64::MAX, 0);
    }

    /// Returns the item under the cursor, or `None` if the page is empty.
    pub fn cursor(&self) -> Option<Number> {
        self.cursor
    }

    fn place(&self) -> Option<usize> {
        let cursor = self.cursor?;
        self.ids.iter().position(|number| *number == cursor)
    }

    /// Moves the cursor by lines, in a window of `height` lines.
    pub(in crate::model) fn step(&mut self, lines: isize, height: usize) {
        let Some(here) = self.place() else { return };
        let there = here.saturating_add_signed(lines).min(self.ids.len() - 1);
        self.cursor = Some(self.ids[there]);
        self.anchor.step(here, there, height, self.ids.len());
    }

    /// Moves to the next or previous item that `is` accepts, and wraps around at the end. Returns whether there is one.
    pub(in crate::model) fn seek(&mut self, back: bool, height: usize, is: impl Fn(Number) -> bool) -> bool {
        let (Some(here), total) = (self.place(), self.ids.len()) else { return false };
        let places = (1..=total).map(|gap| (here + if back { total - gap } else { gap }) % total);
        let found = places.into_iter().find(|place| is(self.ids[*place]));
        if let Some(there) = found {
            self.step(there as isize - here as isize, height);
        }
        found.is_some()
    }

    /// Returns the items in a window of `height` lines, the line of the cursor, and the index of the first item.
    pub fn window(&self, height: usize) -> (&[Number], Option<usize>, usize) {
        let Some(here) = self.place() else { return (&[], None, 0) };
        let line = self.anchor.line(here, height, self.ids.len());
        let first = here - line;
        let end = self.ids.len().min(first + height);
        (&self.ids[first..end], Some(line), first)
    }

    /// Returns the value of a column for an item: a count, or a time in milliseconds since 1970 with 0 for none.
    pub fn value(&self, ledger: &Ledger, measure: Measure, number: Number) -> i64 {
        value(self.subject, measure, ledger, &self.since, number)
    }
}

/// Returns all listed items, starting with those of the previous order. Few change, so the result is nearly sorted.
fn nearly_sorted(before: &[Number], subject: Subject, ledger: &Ledger) -> Vec<Number> {
    let end = subject.end(ledger);
    let mut is_listed: Vec<bool> =
        (0..end).map(|number| number > 0 && subject.is_listed(ledger, number)).collect();
    let mut ids: Vec<Number> = Vec::with_capacity(end as usize);
    ids.extend(before.iter().filter(|number| std::mem::take(&mut is_listed[**number as usize])));
    ids.extend((0..end).filter(|number| is_listed[*number as usize]));
    ids
}

fn name<'a>(subject: Subject, known: &Known<'a>, number: Number) -> [Caseless<'a>; 3] {
    let symbols = known.rows.symbols();
    let sym = subject.sym(known.ledger, number);
    match subject {
        Subject::Clients => Column::Client.words(symbols, sym),
        Subject::People => Column::Who.words(symbols, sym),
        Subject::Scopes => [Caseless(known.ledger.scopes.name(number)), Caseless(""), Caseless("")],
    }
}

fn value(subject: Subject, measure: Measure, ledger: &Ledger, since: &[[u32; 4]], number: Number) -> i64 {
    let tally = match subject {
        Subject::Clients => ledger.client(number),
        Subject::People => ledger.person(number),
        Subject::Scopes => super::Tally::default(),
    };
    let within = |window: usize| i64::from(since.get(number as usize).map_or(0, |counts| counts[window]));
    match measure {
        Measure::Name => 0,
        Measure::Consents => i64::from(tally.consents),
        Measure::People | Measure::Clients => i64::from(tally.others),
        Measure::Standing => i64::from(tally.standing),
        Measure::Quarter => within(0),
        Measure::Week => within(1),
        Measure::Day => within(2),
        Measure::Hour => within(3),
        Measure::Ever => ledger.scopes.members(tally.ever).len() as i64,
        Measure::First => tally.first_ms,
        Measure::Last => tally.last_ms,
        Measure::HeldByPeople => i64::from(ledger.held(number).people),
        Measure::HeldByClients => i64::from(ledger.held(number).clients),
        Measure::Rarity => rarity(ledger, number) as i64,
    }
}

/// Returns how common a scope is among the clients of its org with grants in force.
pub fn rarity(ledger: &Ledger, scope: Number) -> Rarity {
    let (held, all) = (ledger.held(scope).clients, ledger.holding_clients(ledger.scopes.org(scope)));
    match held {
        0 => Rarity::Unheld,
        1 => Rarity::Single,
        held if held * 50 <= all => Rarity::Rare,
        _ => Rarity::Usual,
    }
}
