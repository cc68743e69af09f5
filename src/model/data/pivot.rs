//! The pivot pages: clients, people and scopes with their counts from the ledger, sorted, with a cursor.

use std::cmp::{Ordering, Reverse};

use super::anchor::Anchor;
use super::caseless::Caseless;
use super::interner::Number;
use super::sorter::Sorter;
use super::{Column, Known, Ledger};
use crate::consent::{OrgId, Sym};

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
    Org,
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

    /// Returns the columns, left to right. The org is one of them if there are several.
    pub fn measures(self, has_several_orgs: bool) -> impl Iterator<Item = Measure> {
        self.all_measures().iter().copied().filter(move |m| *m != Measure::Org || has_several_orgs)
    }

    fn all_measures(self) -> &'static [Measure] {
        use Measure as M;
        match self {
            Self::Clients => &[
                M::Name,
                M::Org,
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
            Self::People => {
                &[M::Name, M::Org, M::Consents, M::Clients, M::Standing, M::Ever, M::First, M::Last]
            }
            Self::Scopes => &[M::Name, M::Org, M::HeldByPeople, M::HeldByClients, M::Rarity],
        }
    }

    /// Returns the column by which a page is sorted at first.
    fn first_measure(self) -> Measure {
        match self {
            Self::Clients | Self::People => Measure::Consents,
            Self::Scopes => Measure::HeldByPeople,
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
        match self {
            Self::Clients => ledger.client(number).has_consents(),
            Self::People => ledger.person(number).has_consents(),
            Self::Scopes => true,
        }
    }

    /// Returns the interned text that names a client or person, or `Sym(0)` for a scope.
    pub fn sym(self, ledger: &Ledger, number: Number) -> Sym {
        match self {
            Self::Clients => ledger.clients.text(number),
            Self::People => ledger.people.text(number),
            Self::Scopes => Sym(0),
        }
    }

    /// Returns the org of an item.
    pub fn org(self, ledger: &Ledger, number: Number) -> OrgId {
        match self {
            Self::Clients => ledger.clients.org(number),
            Self::People => ledger.people.org(number),
            Self::Scopes => ledger.scopes.org(number),
        }
    }

    /// Returns the filter that lists the consents of an item, by its id, or by its name if it has no id. It names the
    /// org too if there are several.
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
        let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let orgs = known.rows.orgs();
        let org = match orgs.label(self.org(known.ledger, number)) {
            _ if !orgs.is_several() => String::new(),
            "" => " -org:*".to_owned(),
            label => format!(" org:={}", quoted(label)),
        };
        format!("{field}:={}{org}", quoted(text))
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
    /// The rank of the org, if it is the column. Then the name, and the org again for equal names.
    Text(Option<u8>, [Caseless<'a>; 3], u8),
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
        Self {
            subject,
            measure: subject.first_measure(),
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
            Sorter::new(nearly_sorted(&self.ids, subject, known))
        });
        let since = &self.since;
        let key = |number| {
            if matches!(measure, Measure::Name | Measure::Org) {
                let rank = known.rows.org_rank(subject.org(ledger, number));
                let first = (measure == Measure::Org).then_some(rank);
                return Turned(Key::Text(first, name(subject, known, number), rank), descending);
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
    pub(in crate::model) fn sort_next(&mut self, has_several_orgs: bool) {
        let measures: Vec<Measure> = self.subject.measures(has_several_orgs).collect();
        let place = measures.iter().position(|measure| *measure == self.measure).unwrap_or(0);
        self.measure = measures[(place + 1) % measures.len()];
        self.descending = !matches!(self.measure, Measure::Name | Measure::Org);
        self.outdate();
    }

    /// Reverses the order.
    pub(in crate::model) fn turn(&mut self) {
        self.descending = !self.descending;
        self.outdate();
    }

    /// Computes the order again, because what it depends on changed.
    pub(in crate::model) fn outdate(&mut self) {
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
fn nearly_sorted(before: &[Number], subject: Subject, known: &Known<'_>) -> Vec<Number> {
    let ledger = known.ledger;
    let end = subject.end(ledger);
    let named = if subject == Subject::Scopes { ledger.named_scopes(known.rows) } else { None };
    let is_named = |number: Number| named.as_ref().is_none_or(|named| named[number as usize]);
    let mut is_listed: Vec<bool> =
        (0..end).map(|number| number > 0 && subject.is_listed(ledger, number) && is_named(number)).collect();
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
        Measure::Name | Measure::Org => 0,
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

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::consent::{Row, Symbol};
    use crate::model::data::rows::tests::{orgs, row};
    use crate::model::{Among, Filter, Query, Rows};

    /// Returns two orgs, each with consents of the same person for the same client, and one more client in the second.
    fn known() -> (Rows, Ledger) {
        let (mut rows, mut ledger) = (Rows::default(), Ledger::default());
        rows.learn(&[
            (Sym(1), Symbol::of(&["00u1", "ada@example.test", "Ada"])),
            (Sym(2), Symbol::of(&["0oa1", "Figma"])),
            (Sym(3), Symbol::of(&["aus1", "default"])),
            (Sym(4), Symbol::of(&["a \"quoted\" scope"])),
            (Sym(6), Symbol::of(&["0oa2", "Zoom"])),
        ]);
        for (seq, org, client) in [(1, 0, 2), (2, 0, 2), (3, 1, 2), (4, 1, 6)] {
            let row = Row { org: OrgId(org), client: Sym(client), ..row(seq, seq * 1000) };
            let (at, _) = rows.put(&row, &[]);
            ledger.take(&rows, at);
        }
        while ledger.work(&rows) {}
        (rows, ledger)
    }

    #[test]
    fn a_line_lists_the_consents_of_its_org() {
        let (mut rows, ledger) = known();
        let listed = |rows: &Rows, subject: Subject, number: Number| {
            let known = Known { rows, ledger: &ledger };
            let query =
                Query::parse(&subject.query(&known, number), 0, &TimeZone::UTC).expect("a good filter");
            let text = query.text().to_owned();
            (Filter::new(query).list(&known, Among::default()).len(), text)
        };
        assert_eq!(listed(&rows, Subject::Clients, 1), (3, "client:=\"0oa1\"".to_owned()));
        rows.set_orgs(orgs([("a.okta.com", "prod"), ("b.okta.com", "")]));
        assert_eq!(listed(&rows, Subject::Clients, 1), (2, "client:=\"0oa1\" org:=\"prod\"".to_owned()));
        assert_eq!(listed(&rows, Subject::Clients, 2).0, 1);
        assert_eq!(listed(&rows, Subject::People, 2), (2, "who:=\"00u1\" org:=\"b.okta.com\"".to_owned()));
        let scope = "scope:=\"a \\\"quoted\\\" scope\" org:=\"prod\"";
        assert_eq!(listed(&rows, Subject::Scopes, 1), (2, scope.to_owned()));
        rows.set_orgs(orgs([("a.okta.com", "prod"), ("", "")]));
        assert_eq!(listed(&rows, Subject::People, 2), (2, "who:=\"00u1\" -org:*".to_owned()));
    }

    #[test]
    fn an_org_that_rows_left_has_no_lines_of_them() {
        let (mut rows, mut ledger) = known();
        let listed = |rows: &Rows, ledger: &Ledger| {
            Subject::ALL.map(|subject| {
                let mut pivot = Pivot::new(subject);
                while pivot.is_behind(ledger, 0) {
                    pivot.work(&Known { rows, ledger }, 0);
                }
                let mut orgs: Vec<u8> = pivot.ids.iter().map(|id| subject.org(ledger, *id).0).collect();
                orgs.sort_unstable();
                orgs
            })
        };
        assert_eq!(listed(&rows, &ledger), [vec![0, 1, 1], vec![0, 1], vec![0, 1]]);
        for (seq, lines) in
            [(1, [vec![0, 1, 1], vec![0, 1], vec![0, 1]]), (2, [vec![1, 1], vec![1], vec![1]])]
        {
            let row = Row { org: OrgId(1), ..row(seq, seq * 1000) };
            let (at, _) = rows.put(&row, &[]);
            ledger.take(&rows, at);
            while ledger.work(&rows) {}
            assert_eq!(listed(&rows, &ledger), lines, "row {seq}");
        }
    }

    #[test]
    fn lines_are_sorted_by_org_and_name() {
        let (mut rows, ledger) = known();
        rows.set_orgs(orgs([("b.okta.com", ""), ("a.okta.com", "")]));
        let mut pivot = Pivot::new(Subject::Clients);
        let order = |pivot: &mut Pivot| {
            while pivot.is_behind(&ledger, 0) {
                pivot.work(&Known { rows: &rows, ledger: &ledger }, 0);
            }
            pivot.window(10).0.to_vec()
        };
        assert_eq!(order(&mut pivot), [1, 2, 3], "the most consents first");
        while pivot.order().0 != Measure::Name {
            pivot.sort_next(true);
        }
        assert_eq!(order(&mut pivot), [2, 1, 3], "equal names by org");
        pivot.sort_next(true);
        assert_eq!((pivot.order(), order(&mut pivot)), ((Measure::Org, false), vec![2, 3, 1]));
        pivot.sort_next(true);
        assert_eq!(pivot.order(), (Measure::Consents, true));
        assert!(!Subject::Clients.measures(false).any(|measure| measure == Measure::Org));
    }

    #[test]
    fn a_scope_is_as_rare_as_in_its_org() {
        let (_, ledger) = known();
        assert_eq!(
            [1, 2].map(|scope| (ledger.held(scope).clients, rarity(&ledger, scope))),
            [(1, Rarity::Single), (2, Rarity::Usual)]
        );
        assert_eq!([0, 1, 2].map(|org| ledger.holding_clients(OrgId(org))), [1, 2, 0]);
    }
}
