//! Applies a query to a million rows. [`ConditionBits`] evaluates the conditions.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::Query;
use super::condition_bits::{Bits, ConditionBits};
use crate::consent::{Sym, Symbol};
use crate::model::data::bitset::Bitset;
use crate::model::{Known, RowRef, Rows};

/// The rows to filter.
#[derive(Debug)]
pub enum Among {
    /// All rows, in the order of time. The result reuses this buffer, because fresh memory for a million numbers costs
    /// more than writing them.
    All(VecDeque<RowRef>),
    /// These rows, in their order.
    These(VecDeque<RowRef>),
}

impl Default for Among {
    fn default() -> Self {
        Self::All(VecDeque::new())
    }
}

/// A query with its cached results.
#[derive(Debug)]
pub struct Filter {
    query: Arc<Query>,
    found: Found,
    scratch: String,
    deep: Option<Deep>,
}

/// The results of deep conditions, which need the full event.
#[derive(Debug)]
struct Deep {
    /// A filter that accepts every row that may pass.
    candidates: Box<Filter>,
    /// By place, the deep conditions that a row meets. Rows that meet none are left out.
    met: HashMap<RowRef, u64>,
    /// The places of the rows that were read.
    read: Bitset,
}

/// Cached results. Queries with few conditions use bytes, which are faster to read than words.
#[derive(Debug)]
enum Found {
    Few(ConditionBits<u8>),
    Many(ConditionBits<u64>),
}

/// If fewer than one row in `SPARSE` passes, sorting those rows is cheaper than a pass over the order of all rows.
const SPARSE: usize = 64;
/// If fewer than one row in `FEW` is to be filtered, each is tested by itself.
const FEW: usize = 64;
/// For fewer rows than this, texts are tested only as they occur.
const ONE_BY_ONE: usize = 2000;

impl Filter {
    /// Creates a filter without cached results.
    pub fn new(query: impl Into<Arc<Query>>) -> Self {
        let query = query.into();
        let deep = query.is_deep().then(|| Deep {
            candidates: Box::new(Self::shallow(&query)),
            met: HashMap::new(),
            read: Bitset::default(),
        });
        let found = if query.tests().len() <= 8 && deep.is_none() {
            Found::Few(ConditionBits::new(query.tests()))
        } else {
            Found::Many(ConditionBits::new(query.tests()))
        };
        Self { query, found, scratch: String::new(), deep }
    }

    /// Returns a filter that accepts every row that may pass `query` once its full event is read.
    fn shallow(query: &Query) -> Self {
        let query = Arc::new(query.shallow());
        let found = Found::Many(ConditionBits::new(query.tests()));
        Self { query, found, scratch: String::new(), deep: None }
    }

    /// Returns the rows that may pass and whose full event must be read, or `None` if the query has no deep condition.
    pub(in crate::model) fn candidates(&mut self, known: &Known<'_>) -> Option<VecDeque<RowRef>> {
        self.deep.as_mut().map(|deep| deep.candidates.list(known, Among::default()))
    }

    /// Returns whether a row may pass and its full event must be read.
    pub(in crate::model) fn is_candidate(&mut self, known: &Known<'_>, at: RowRef) -> bool {
        self.deep.as_mut().is_some_and(|deep| deep.candidates.shows(known, at))
    }

    /// Records the deep conditions that a row meets, after its full event was read.
    pub(in crate::model) fn learn(&mut self, at: RowRef, met: u64) {
        if let Some(deep) = &mut self.deep {
            deep.read.set(at);
            if met != 0 {
                deep.met.insert(at, met);
            }
        }
    }

    /// Returns whether a row passes a query with deep conditions. A row that was not read does not pass.
    fn passes_whole(&mut self, known: &Known<'_>, at: RowRef) -> bool {
        let Some(deep) = self.deep.as_ref().filter(|deep| deep.read.has(at)) else { return false };
        let met = deep.met.get(&at).copied().unwrap_or(0);
        let Found::Many(table) = &mut self.found else { return false };
        passes(&self.query, table.row(self.query.tests(), known, at, &mut self.scratch) | met)
    }

    /// Returns the query.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Returns the query as a shared pointer.
    pub(in crate::model) fn query_shared(&self) -> Arc<Query> {
        Arc::clone(&self.query)
    }

    /// Returns the rows that pass, in the order of `among`. Makes at most one pass over all texts and one over all
    /// rows.
    pub fn list(&mut self, known: &Known<'_>, among: Among) -> VecDeque<RowRef> {
        if let Some(deep) = &mut self.deep {
            let mut ids = deep.candidates.list(known, among);
            // Texts are tested only as they occur.
            self.found.judge(&self.query, known.rows, false, &mut self.scratch);
            ids.retain(|at| self.passes_whole(known, *at));
            return ids;
        }
        let rows = known.rows;
        let is_empty = self.query.is_empty();
        match among {
            Among::These(ids) if is_empty => ids,
            Among::These(mut ids) if ids.len() < ONE_BY_ONE.max(rows.len() / FEW) => {
                self.found.judge(&self.query, rows, ids.len() >= ONE_BY_ONE, &mut self.scratch);
                ids.retain(|at| self.shows(known, *at));
                ids
            }
            Among::These(mut ids) => {
                let passing = self.passing(known);
                if passing.len() < rows.places() {
                    passing.retain(&mut ids);
                }
                ids
            }
            Among::All(room) if is_empty => all_in_time(rows, room),
            Among::All(room) => in_time(rows, &self.passing(known), room),
        }
    }

    /// Returns the places of the rows that pass, which may include rows that were cut. The query must not be deep.
    pub(in crate::model) fn passing(&mut self, known: &Known<'_>) -> Bitset {
        self.found.judge(&self.query, known.rows, true, &mut self.scratch);
        match &self.found {
            Found::Few(table) => {
                if let Some((met, unmet)) = self.query.root().conjunction() {
                    // A comparison of bits needs no table and is vectorized. There are eight conditions at most.
                    let (asked, wanted) = ((met | unmet) as u8, met as u8);
                    return table.sweep(known, |bits| bits & asked == wanted);
                }
                // Evaluates the query once for each combination of eight conditions, not once for each row.
                let passes: Vec<bool> = (0..=u8::MAX).map(|bits| passes(&self.query, bits)).collect();
                table.sweep(known, |bits| passes[usize::from(bits)])
            }
            Found::Many(table) => table.sweep(known, |bits| passes(&self.query, bits)),
        }
    }

    /// Returns whether a row passes that came after [`Filter::list`] was called.
    pub fn shows(&mut self, known: &Known<'_>, at: RowRef) -> bool {
        if self.deep.is_some() {
            return self.passes_whole(known, at);
        }
        let tests = self.query.tests();
        match &mut self.found {
            Found::Few(table) => passes(&self.query, table.row(tests, known, at, &mut self.scratch)),
            Found::Many(table) => passes(&self.query, table.row(tests, known, at, &mut self.scratch)),
        }
    }

    /// Discards the results of texts that have changed.
    pub fn forget(&mut self, changed: &[(Sym, Symbol)]) {
        if let Some(deep) = &mut self.deep {
            deep.candidates.forget(changed);
        }
        match &mut self.found {
            Found::Few(table) => table.forget(changed),
            Found::Many(table) => table.forget(changed),
        }
    }
}

fn passes<M: Bits>(query: &Query, bits: M) -> bool {
    query.root().holds(&mut |test| bits.has(test))
}

impl Found {
    /// Tests the orgs and the marks, and the texts of all rows if `all` is set.
    fn judge(&mut self, query: &Query, rows: &Rows, all: bool, scratch: &mut String) {
        match (self, all) {
            (Self::Few(table), true) => table.judge_all(query.tests(), rows, scratch),
            (Self::Many(table), true) => table.judge_all(query.tests(), rows, scratch),
            (Self::Few(table), false) => table.judge_orgs_and_marks(query.tests(), rows, scratch),
            (Self::Many(table), false) => table.judge_orgs_and_marks(query.tests(), rows, scratch),
        }
    }
}

/// Returns all rows in the order of time.
fn all_in_time(rows: &Rows, mut room: VecDeque<RowRef>) -> VecDeque<RowRef> {
    let (older, newer) = rows.order().as_slices();
    room.clear();
    room.extend(older);
    room.extend(newer);
    room
}

/// Returns the rows that pass, in the order of time.
fn in_time(rows: &Rows, passing: &Bitset, mut room: VecDeque<RowRef>) -> VecDeque<RowRef> {
    let count = passing.len();
    if count == rows.places() {
        return all_in_time(rows, room);
    }
    if count * SPARSE < rows.len() {
        let found = passing.iter().filter(|at| rows.is_there(*at));
        let mut found: Vec<_> = found.map(|at| (rows.key(at), at)).collect();
        found.sort_unstable();
        room.clear();
        room.extend(found.into_iter().map(|(_, at)| at));
        return room;
    }
    let (older, newer) = rows.order().as_slices();
    let mut out = Vec::from(room);
    passing.filter_into([older, newer], count, &mut out);
    out.into()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::consent::{Kind, OrgId, Row, Seq};
    use crate::model::Ledger;
    use crate::model::data::rows::tests::{orgs, row};

    fn known(rows: &Rows) -> Known<'_> {
        static NOTHING: std::sync::LazyLock<Ledger> = std::sync::LazyLock::new(Ledger::default);
        Known { rows, ledger: &NOTHING }
    }

    fn query(text: &str) -> Query {
        Query::parse(text, 0, &TimeZone::UTC).expect("a good filter")
    }

    /// Returns rows of a few people and clients, of two kinds, not in the order of time.
    fn rows(count: i64) -> Rows {
        let mut rows = Rows::default();
        for (sym, text) in
            [(1, "Ada"), (2, "Bo"), (3, "Adam"), (11, "Figma"), (12, "Slack"), (21, "orders.read")]
        {
            rows.learn(&[(Sym(sym), Symbol::of(&[text, "x"]))]);
        }
        for (sym, ip, city, asn) in
            [(31, "192.0.2.7", "Utrecht", "64500"), (32, "198.51.100.7", "\u{130}zmir", "")]
        {
            rows.learn(&[(Sym(sym), Symbol::of(&[ip, city, "Somewhere", asn, "Example Net", "no"]))]);
        }
        for seq in 1..=count {
            rows.put(&a_row(seq), &[]);
        }
        rows
    }

    fn a_row(seq: i64) -> crate::consent::Row {
        let mut row = row(seq, 1 + seq * 7919 % 1009);
        let n = u32::try_from(seq).expect("small");
        (row.who, row.client, row.scopes) = (Sym(n % 3 + 1), Sym(n % 2 + 11), Sym(21));
        (row.server, row.from) = (Sym(0), Sym([0, 31, 32, 31][n as usize % 4]));
        row.kind = if seq % 5 == 0 { Kind::Revoke } else { Kind::Grant };
        row
    }

    /// Returns the rows that pass if each is tested by itself.
    fn one_by_one(query: &Query, rows: &Rows) -> Vec<RowRef> {
        let order = rows.order().iter().copied();
        order.filter(|at| query.holds(&rows.get(*at), rows.symbols(), None)).collect()
    }

    const QUERIES: [&str; 26] = [
        "",
        "ada",
        "ADA -figma",
        "who:adam or client:slack",
        "kind:revoke",
        "-(ada or bo)",
        "scope:~^orders",
        "time:>1970-01-01",
        "via:poll severity:info",
        "actor:*",
        "bo slack kind:grant",
        "client:\"figma\"",
        "proxy:yes",
        "ip:192 or ip:.7",
        "ip:=192.0.2.7",
        "ip:*",
        "ip:~^19.*7$",
        "city:=Utrecht",
        "city:\u{130}z",
        "country:some -asn:>64000",
        "asn:net",
        "net -64500",
        "who:=Ada",
        "who:=ada",
        "who:* -actor:*",
        "a b c d e f g h i or ada or bo",
    ];

    #[test]
    fn many_at_once_are_judged_as_each_by_itself() {
        let mut rows = rows(3000);
        // Rows that were cut must not be listed.
        rows.cut(Seq(10), Seq(400), &[Seq(20), Seq(30)]);
        for text in QUERIES {
            let query = query(text);
            let wanted = one_by_one(&query, &rows);
            assert_eq!(Filter::new(query).list(&known(&rows), Among::default()), wanted, "{text}");
        }
    }

    #[test]
    fn marks_are_judged_by_their_notes_whether_their_rows_came_before_or_after() {
        use crate::model::{Mark, Marks};
        let mark = |seq, note: &str| (Seq(seq), Mark { at: jiff::Timestamp::UNIX_EPOCH, note: note.into() });
        // One of the rows was cut, and one is added later.
        let marks = || [mark(5, ""), mark(77, "gone"), mark(2999, "Call Ada"), mark(3001, "call Bo")];
        for (text, wanted, later) in [
            ("mark:*", vec![5, 2999], true),
            ("mark:call", vec![2999], true),
            ("mark:ada", vec![2999], false),
            ("mark:\"call ada\" kind:grant", vec![2999], false),
            ("mark:nothing", vec![], false),
            ("-mark:*", (1..=4).chain(6..=10).chain(401..=2998).chain([3000]).collect(), false),
        ] {
            let mut rows = rows(3000);
            rows.cut(Seq(10), Seq(400), &[]);
            *rows.marks_mut() = Marks::new(marks(), 0);
            let mut filter = Filter::new(query(text));
            let ids = filter.list(&known(&rows), Among::default()).into_iter();
            let mut found: Vec<i64> = ids.map(|at| rows.get(at).seq.0).collect();
            found.sort_unstable();
            assert_eq!(found, wanted, "{text}");
            let (at, _) = rows.put(&a_row(3001), &[]);
            assert_eq!(filter.shows(&known(&rows), at), later, "{text}");
        }
    }

    #[test]
    fn orgs_are_judged_by_their_labels_and_hosts() {
        let mut rows = rows(3000);
        rows.set_orgs(orgs([
            ("example.okta.com", "prod"),
            ("example.oktapreview.com", "preview"),
            ("c.test", ""),
        ]));
        for seq in 1..=3000 {
            // The last org is not known.
            rows.put(&Row { org: OrgId((seq % 4) as u8), ..a_row(seq) }, &[]);
        }
        let found = |text: &str, among: Among| -> Vec<Vec<u8>> {
            let query = query(text);
            let narrow = Filter::new(query.clone()).list(&known(&rows), among);
            let mut filter = Filter::new(query);
            filter.list(&known(&rows), Among::default());
            let by_itself: Vec<RowRef> =
                rows.order().iter().copied().filter(|at| filter.shows(&known(&rows), *at)).collect();
            let orgs = |ids: &mut dyn Iterator<Item = RowRef>| {
                let mut orgs: Vec<u8> = ids.map(|at| rows.get(at).org.0).collect();
                orgs.sort_unstable();
                orgs.dedup();
                orgs
            };
            vec![orgs(&mut narrow.into_iter()), orgs(&mut by_itself.into_iter())]
        };
        for (text, wanted) in [
            ("org:prod", &[0][..]),
            ("org:PR", &[0, 1]),
            ("org:=prod", &[0]),
            ("org:=pro", &[]),
            ("org:okta", &[0, 1]),
            ("org:=c.test", &[2]),
            ("org:~^(prod|c)", &[0, 2]),
            ("org:*", &[0, 1, 2]),
            ("-org:*", &[3]),
            ("org:prod or org:c.", &[0, 2]),
            ("prod", &[]),
            ("a b c d e f g h org:c or org:=preview", &[1]),
        ] {
            for among in [Among::default(), Among::These(rows.order().clone())] {
                assert_eq!(found(text, among), [wanted, wanted], "{text}");
            }
        }
    }

    #[test]
    fn marks_are_judged_beside_conditions_on_full_events() {
        use crate::model::{Mark, Marks};
        let mut rows = rows(10);
        let mark = Mark { at: jiff::Timestamp::UNIX_EPOCH, note: "".into() };
        *rows.marks_mut() = Marks::new([(Seq(3), mark)], 0);
        let mut filter = Filter::new(query("mark:* txn:abc"));
        let candidates = filter.list(&known(&rows), Among::default());
        assert!(candidates.is_empty(), "nothing was read yet");
        for seq in [3, 4] {
            let at = rows.find(Seq(seq)).expect("it is there");
            filter.learn(at, 1 << 1);
        }
        let marked = rows.find(Seq(3)).expect("it is there");
        assert_eq!(filter.list(&known(&rows), Among::default()), [marked]);
    }

    #[test]
    fn narrowing_is_the_same_as_starting_over() {
        let many = rows(9000);
        for (before, after) in [("ada", "ada revoke"), ("ada", "ada*"), ("kind:grant", "kind:grant who:bo")] {
            // Few rows, many, and nearly all.
            let within = Filter::new(query(before)).list(&known(&many), Among::default());
            let narrow = Filter::new(query(after)).list(&known(&many), Among::These(within));
            assert_eq!(narrow, Filter::new(query(after)).list(&known(&many), Among::default()), "{after}");
        }
        let few = rows(300);
        let ada = Filter::new(query("ada")).list(&known(&few), Among::default());
        assert_eq!(ada.len(), 200);
        let narrow = Filter::new(query("ada revoke")).list(&known(&few), Among::These(ada));
        assert_eq!(narrow, Filter::new(query("ada revoke")).list(&known(&few), Among::default()));
    }

    #[test]
    fn a_small_part_of_many_is_looked_through_by_itself() {
        let mut rows = rows(0);
        for seq in 1..=i64::try_from(ONE_BY_ONE * FEW).expect("a number") + 7000 {
            rows.put(&crate::consent::Row { published_ms: seq, ..a_row(seq) }, &[]);
        }
        let part: VecDeque<RowRef> = (0..ONE_BY_ONE as u32 + 50).map(|n| RowRef(n * 50)).rev().collect();
        for text in QUERIES {
            let query = query(text);
            let holds = |at: &RowRef| query.holds(&rows.get(*at), rows.symbols(), None);
            let wanted: VecDeque<RowRef> = part.iter().copied().filter(holds).collect();
            let found = Filter::new(query.clone()).list(&known(&rows), Among::These(part.clone()));
            assert_eq!(found, wanted, "{text}");
        }
    }

    #[test]
    fn the_memory_of_another_list_leaves_nothing_behind() {
        let rows = rows(3000);
        for text in QUERIES {
            for before in [0, 10, 3000, 5000] {
                let room = Among::All((0..before).map(RowRef).collect());
                let found = Filter::new(query(text)).list(&known(&rows), room);
                assert_eq!(found, Filter::new(query(text)).list(&known(&rows), Among::default()), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_comes_later_is_judged_as_what_was_there(which in 0..QUERIES.len(), first in 0_i64..80, renamed in any::<bool>()) {
            let mut filter = Filter::new(query(QUERIES[which]));
            let mut rows = rows(first);
            let mut shown: Vec<RowRef> = filter.list(&known(&rows), Among::default()).into_iter().collect();
            if renamed {
                let changed = [(Sym(2), Symbol::of(&["Adalbert", "x"]))];
                rows.learn(&changed);
                filter.forget(&changed);
                shown = filter.list(&known(&rows), Among::default()).into_iter().collect();
            }
            for seq in first + 1..=first + 20 {
                let mut row = a_row(seq);
                if seq % 4 == 0 {
                    // A text occurs in a column where it did not occur before.
                    (row.server, row.who) = (Sym(11), Sym(12));
                }
                let (at, _) = rows.put(&row, &[]);
                if filter.shows(&known(&rows), at) {
                    shown.push(at);
                }
            }
            shown.sort_by_key(|at| rows.key(*at));
            prop_assert_eq!(&shown, &one_by_one(filter.query(), &rows));
            prop_assert_eq!(shown, Vec::from(filter.list(&known(&rows), Among::default())));
        }
    }
}
