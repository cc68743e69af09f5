//! A query over a million rows. Each text is judged once, by all conditions at the same time; a row is what its texts
//! were found to hold.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::{BitAnd, BitOr};
use std::sync::Arc;

use super::bitset::Bitset;
use super::query::{Field, Op, Query, Test, Words, column, is_within};
use super::rows::{CAME, CHUNK};
use super::texts::Texts;
use super::{Ledger, RowRef, Rows, Standing};
use crate::consent::{Kind, Outcome, Seq, Severity, Sym, Symbol, Via};

/// What a filter can look at.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The rows.
    pub rows: &'a Rows,
    /// How they stand.
    pub ledger: &'a Ledger,
}

/// A query with what it found in the texts so far.
#[derive(Debug)]
pub struct Filter {
    query: Arc<Query>,
    found: Found,
    scratch: String,
    deep: Option<Deep>,
}

/// What is known of conditions on what the list does not hold.
#[derive(Debug)]
struct Deep {
    /// Lets through what may pass.
    candidates: Box<Filter>,
    /// By place, the conditions that are met, of rows that were read and meet some.
    met: HashMap<u32, u64>,
    /// By place, a bit each: the rows that were read.
    read: Bitset,
}

/// Most queries have few conditions, and a table of bytes is read faster than one of words.
#[derive(Debug)]
enum Found {
    Few(Sheet<u8>),
    Many(Sheet<u64>),
}

/// What holds, a bit for each condition.
#[derive(Debug)]
struct Sheet<M> {
    /// By the number of a text.
    texts: Vec<M>,
    /// For each text the columns as which it was judged.
    judged: Vec<u8>,
    /// For each column the conditions that look at it.
    columns: [M; 6],
    /// By code.
    kind: Vec<M>,
    outcome: Vec<M>,
    severity: Vec<M>,
    /// By the flags that tell how a row came.
    came: Vec<M>,
    /// By standing.
    standing: Vec<M>,
    /// Conditions on the time: which, and the span.
    times: Vec<(M, (i64, i64))>,
    /// Of the marked rows what their notes hold, by number.
    marked: BTreeMap<u32, M>,
}

/// Bits of conditions.
trait Bits: Copy + Default + PartialEq + BitOr<Output = Self> + BitAnd<Output = Self> {
    fn bit(index: usize) -> Self;

    fn has(self, index: usize) -> bool {
        self & Self::bit(index) != Self::default()
    }
}

impl Bits for u8 {
    fn bit(index: usize) -> Self {
        1 << index
    }
}

impl Bits for u64 {
    fn bit(index: usize) -> Self {
        1 << index
    }
}

/// Rows looked at in one go; their bits stay in the nearest cache.
const STRIDE: usize = 1024;
/// Rows of the order of time that are looked at in one go; mostly they came in that order.
const BLOCK: usize = 64;
/// Where less than one row in so many passes, sorting those few is cheaper than looking through the order of all.
const SPARSE: usize = 16;
/// Fewer texts than these, or the texts of fewer rows, are judged one by one.
const ONE_BY_ONE: usize = 2000;

impl Filter {
    /// Starts knowing nothing.
    pub fn new(query: impl Into<Arc<Query>>) -> Self {
        let query = query.into();
        let deep = query.is_deep().then(|| Deep {
            candidates: Box::new(Self::shallow(&query)),
            met: HashMap::new(),
            read: Bitset::default(),
        });
        let found = if query.tests().len() <= 8 && deep.is_none() {
            Found::Few(Sheet::new(query.tests()))
        } else {
            Found::Many(Sheet::new(query.tests()))
        };
        Self { query, found, scratch: String::new(), deep }
    }

    /// A filter that lets through whatever a query may let through once it is known whole.
    fn shallow(query: &Query) -> Self {
        let query = Arc::new(query.shallow());
        let found = Found::Many(Sheet::new(query.tests()));
        Self { query, found, scratch: String::new(), deep: None }
    }

    /// Of rows that may pass, those that can be told only by whoever reads them whole; nothing if the list knows enough.
    pub(super) fn candidates(&mut self, known: &Known<'_>) -> Option<VecDeque<u32>> {
        self.deep.as_mut().map(|deep| deep.candidates.list(known, None))
    }

    /// Whether a row is such a one.
    pub(super) fn is_candidate(&mut self, known: &Known<'_>, at: RowRef) -> bool {
        self.deep.as_mut().is_some_and(|deep| deep.candidates.shows(known, at))
    }

    /// Takes in that a row was read whole, and which conditions it meets.
    pub(super) fn learn(&mut self, at: RowRef, met: u64) {
        if let Some(deep) = &mut self.deep {
            deep.read.set(at.0);
            if met != 0 {
                deep.met.insert(at.0, met);
            }
        }
    }

    /// Whether a row passes that may need to be read whole; until it was, it does not.
    fn passes_whole(&mut self, known: &Known<'_>, at: RowRef) -> bool {
        let Some(deep) = self.deep.as_ref().filter(|deep| deep.read.has(at.0)) else { return false };
        let met = deep.met.get(&at.0).copied().unwrap_or(0);
        let Found::Many(sheet) = &mut self.found else { return false };
        passes(&self.query, sheet.row(self.query.tests(), known, at, &mut self.scratch) | met)
    }

    /// Returns the query.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Returns the query, for whoever keeps it.
    pub(super) fn query_shared(&self) -> Arc<Query> {
        Arc::clone(&self.query)
    }

    /// Returns the rows that pass, oldest first. One pass over all texts and one over all rows; `within` is an
    /// earlier result, whose rows alone are looked at and whose order stays.
    pub fn list(&mut self, known: &Known<'_>, within: Option<VecDeque<u32>>) -> VecDeque<u32> {
        let rows = known.rows;
        if let Some(deep) = &mut self.deep {
            let mut ids = deep.candidates.list(known, None);
            // Texts are judged one by one, where they are met.
            ids.retain(|at| self.passes_whole(known, RowRef(*at)));
            return ids;
        }
        if self.query.is_empty() {
            return within.unwrap_or_else(|| rows.order().clone());
        }
        let mut within = within;
        if let Some(ids) = within.take_if(|ids| ids.len() < ONE_BY_ONE) {
            // Their texts alone are judged, each when it is met.
            let tests = self.query.tests();
            match &mut self.found {
                Found::Few(sheet) => sheet.judge_marks(tests, rows, &mut self.scratch),
                Found::Many(sheet) => sheet.judge_marks(tests, rows, &mut self.scratch),
            }
            return ids.into_iter().filter(|at| self.shows(known, RowRef(*at))).collect();
        }
        match &mut self.found {
            Found::Few(sheet) => {
                sheet.judge_all(self.query.tests(), rows, &mut self.scratch);
                if let Some((met, unmet)) = self.query.root().conjunction() {
                    // No look at a table: many rows in one instruction. There are eight conditions at most.
                    let (asked, wanted) = ((met | unmet) as u8, met as u8);
                    return listed(sheet, known, within, |bits| bits & asked == wanted);
                }
                // Every combination of eight conditions, once, in place of the query for each row.
                let passes: Vec<bool> = (0..=u8::MAX).map(|bits| passes(&self.query, bits)).collect();
                listed(sheet, known, within, |bits| passes[usize::from(bits)])
            }
            Found::Many(sheet) => {
                sheet.judge_all(self.query.tests(), rows, &mut self.scratch);
                listed(sheet, known, within, |bits| passes(&self.query, bits))
            }
        }
    }

    /// Whether a row passes that came after [`Filter::list`].
    pub fn shows(&mut self, known: &Known<'_>, at: RowRef) -> bool {
        if self.deep.is_some() {
            return self.passes_whole(known, at);
        }
        let tests = self.query.tests();
        match &mut self.found {
            Found::Few(sheet) => passes(&self.query, sheet.row(tests, known, at, &mut self.scratch)),
            Found::Many(sheet) => passes(&self.query, sheet.row(tests, known, at, &mut self.scratch)),
        }
    }

    /// Forgets what was found in texts that have changed.
    pub fn forget(&mut self, changed: &[(Sym, Symbol)]) {
        if let Some(deep) = &mut self.deep {
            deep.candidates.forget(changed);
        }
        match &mut self.found {
            Found::Few(sheet) => sheet.forget(changed),
            Found::Many(sheet) => sheet.forget(changed),
        }
    }
}

fn passes<M: Bits>(query: &Query, bits: M) -> bool {
    query.root().holds(&mut |test| bits.has(test))
}

impl<M: Bits> Sheet<M> {
    fn new(tests: &[Test]) -> Self {
        let columns = std::array::from_fn(|column| {
            let looks = |test: &Test| test.field.columns() & (1 << column) != 0;
            all(tests.iter().map(looks))
        });
        let mut scratch = String::new();
        let mut table = |words: &dyn Fn(u8) -> Words| -> Vec<M> {
            let codes = (0..=u8::MAX).map(words);
            codes.map(|words| all(tests.iter().map(|test| test.takes_word(words, &mut scratch)))).collect()
        };
        // Each table knows one of the words; an empty one is held by nothing.
        let none = Words { kind: "", outcome: "", via: "", severity: "", standing: "" };
        let via = |flags: u8| {
            let via = Via::from_code(flags & 3);
            via.told(via.doubt(flags & CAME & !3 != 0))
        };
        Self {
            texts: Vec::new(),
            judged: Vec::new(),
            columns,
            kind: table(&|code| Words { kind: Kind::unpacked(code).0.word(), ..none }),
            outcome: table(&|code| Words { outcome: Outcome::from_code(code).word(), ..none }),
            severity: table(&|code| Words { severity: Severity::from_code(code).word(), ..none }),
            came: table(&|flags| Words { via: via(flags), ..none }),
            standing: table(&|code| Words { standing: Standing::from_code(code).word(), ..none }),
            times: (0..).zip(tests).filter_map(|(index, test)| Some((M::bit(index), test.span()?))).collect(),
            marked: BTreeMap::new(),
        }
    }

    /// Judges every mark.
    fn judge_marks(&mut self, tests: &[Test], rows: &Rows, scratch: &mut String) {
        self.marked.clear();
        if tests.iter().any(|test| test.field == Field::Mark) {
            let held = |note: &str, scratch: &mut String| {
                all(tests.iter().map(|test| test.takes_mark(note, scratch)))
            };
            let marks = rows.marks().iter();
            self.marked = marks.map(|(seq, mark)| (seq.0 as u32, held(&mark.note, scratch))).collect();
        }
    }

    /// Judges every mark and every text that a row names.
    fn judge_all(&mut self, tests: &[Test], rows: &Rows, scratch: &mut String) {
        self.judge_marks(tests, rows, scratch);
        if self.columns.iter().all(|tests| *tests == M::default()) {
            // No condition looks at a text.
            self.judged.clear();
            self.texts.clear();
            return;
        }
        let symbols = rows.symbols();
        self.judged = rows.used().to_vec();
        self.texts.clear();
        self.texts.resize(symbols.len().max(self.judged.len()), M::default());
        for (index, test) in tests.iter().enumerate() {
            let (bit, columns) = (M::bit(index), test.field.columns());
            if columns == 0 {
                continue;
            }
            if columns == column::FROM
                && let Some(judged) =
                    rows.whereabouts().judge(test.field.parts(), |name| test.takes(name, scratch))
            {
                for (sym, _) in (0..).zip(rows.used()).filter(|(_, used)| **used & columns != 0) {
                    let by_itself = || test.takes_text(symbols.joined(Sym(sym)), scratch);
                    if judged.of(Sym(sym)).unwrap_or_else(by_itself) {
                        self.texts[sym as usize] = self.texts[sym as usize] | bit;
                    }
                }
                continue;
            }
            // Where there are many texts, one pass over all finds the few that hold a word.
            if let Op::Has(needle) = &test.op
                && !needle.is_empty()
                && rows.texts(columns).map(Texts::len).sum::<usize>() >= ONE_BY_ONE
            {
                for texts in rows.texts(columns) {
                    texts.find(needle, test.field.parts(), |Sym(sym)| {
                        self.texts[sym as usize] = self.texts[sym as usize] | bit;
                    });
                }
                continue;
            }
            for (sym, used) in (0..).zip(rows.used()) {
                if used & columns != 0 && test.takes_text(symbols.joined(Sym(sym)), scratch) {
                    self.texts[sym as usize] = self.texts[sym as usize] | bit;
                }
            }
        }
    }

    /// Judges a text as one of a column, if it was not yet.
    fn judge(&mut self, tests: &[Test], rows: &Rows, sym: Sym, column: usize, scratch: &mut String) {
        let index = sym.0 as usize;
        if self.texts.len() <= index || self.judged.len() <= index {
            self.texts.resize(index + 1, M::default());
            self.judged.resize(index + 1, 0);
        }
        if self.judged[index] & (1 << column) != 0 {
            return;
        }
        let text = rows.symbols().joined(sym);
        for (number, test) in tests.iter().enumerate() {
            if test.field.columns() & (1 << column) != 0 && test.takes_text(text, scratch) {
                self.texts[index] = self.texts[index] | M::bit(number);
            }
        }
        self.judged[index] |= 1 << column;
    }

    fn forget(&mut self, changed: &[(Sym, Symbol)]) {
        for (sym, _) in changed {
            let index = sym.0 as usize;
            if let (Some(found), Some(judged)) = (self.texts.get_mut(index), self.judged.get_mut(index)) {
                (*found, *judged) = (M::default(), 0);
            }
        }
    }

    fn row(&mut self, tests: &[Test], known: &Known<'_>, at: RowRef, scratch: &mut String) -> M {
        let rows = known.rows;
        let row = rows.get(at);
        let texts = [row.who, row.actor, row.client, row.server, row.scopes, row.from];
        for (column, sym) in texts.into_iter().enumerate() {
            if self.columns[column] != M::default() {
                self.judge(tests, rows, sym, column, scratch);
            }
        }
        self.at(known, at)
    }

    /// The bits of one row whose texts were judged.
    fn at(&self, known: &Known<'_>, at: RowRef) -> M {
        let standing = known.ledger.standing(at);
        let (chunk, at) = known.rows.chunk_of(at);
        let mut bits = self.kind[usize::from(chunk.kind[at])]
            | self.outcome[usize::from(chunk.outcome[at])]
            | self.severity[usize::from(chunk.severity[at])]
            | self.came[usize::from(chunk.flags[at] & CAME)]
            | self.standing[standing as usize];
        for (column, texts) in self.columns.iter().zip(&chunk.texts) {
            if *column != M::default() {
                bits = bits | (self.text(texts[at]) & *column);
            }
        }
        if let Some(marked) = self.marked.get(&chunk.seq[at]) {
            bits = bits | *marked;
        }
        for (bit, span) in &self.times {
            if is_within(chunk.published_ms[at], *span) {
                bits = bits | *bit;
            }
        }
        bits
    }

    fn text(&self, sym: u32) -> M {
        self.texts.get(sym as usize).copied().unwrap_or_default()
    }

    /// Says of each row, by its place, whether it passes: 1 or 0. Rows that were cut are as they were. A column at a
    /// time, and only those in which some text holds something.
    fn sweep(&self, known: &Known<'_>, passes: impl Fn(M) -> bool) -> Vec<u8> {
        let rows = known.rows;
        let none = M::default();
        let mut held = [none; 6];
        for (found, used) in self.texts.iter().zip(&self.judged).filter(|(found, _)| **found != none) {
            for (column, held) in held.iter_mut().enumerate().filter(|(column, _)| used & (1 << column) != 0)
            {
                *held = *held | (*found & self.columns[column]);
            }
        }
        let mut marked: Vec<(usize, M)> = self
            .marked
            .iter()
            .filter_map(|(seq, bits)| Some((rows.find(Seq(i64::from(*seq)))?.0 as usize, *bits)))
            .collect();
        marked.sort_unstable_by_key(|(at, _)| *at);
        let mut marked = marked.into_iter().peekable();
        // Asked once: a table is longer than most strides of a narrow question.
        let is_asked = |table: &Vec<M>| table.iter().any(|found| *found != none);
        let asked = [&self.kind, &self.outcome, &self.severity, &self.came].map(is_asked);
        let asks_standing = is_asked(&self.standing);
        let mut out = Vec::with_capacity(rows.places());
        let mut bits = [none; STRIDE];
        for chunk in rows.chunks() {
            if chunk.len() == 0 {
                // It was given back, and its places stay.
                out.resize(out.len() + CHUNK, 0);
            }
            let tables = [
                (&self.kind, &chunk.kind, u8::MAX),
                (&self.outcome, &chunk.outcome, u8::MAX),
                (&self.severity, &chunk.severity, u8::MAX),
                (&self.came, &chunk.flags, CAME),
            ];
            for from in (0..chunk.len()).step_by(STRIDE) {
                let range = from..chunk.len().min(from + STRIDE);
                let bits = &mut bits[..range.len()];
                bits.fill(none);
                for (column, texts) in held.iter().zip(&chunk.texts).filter(|(held, _)| **held != none) {
                    for (bits, sym) in bits.iter_mut().zip(&texts[range.clone()]) {
                        *bits = *bits | (self.text(*sym) & *column);
                    }
                }
                for ((table, codes, of), _) in tables.into_iter().zip(asked).filter(|(_, asked)| *asked) {
                    for (bits, code) in bits.iter_mut().zip(&codes[range.clone()]) {
                        *bits = *bits | table[usize::from(code & of)];
                    }
                }
                if asks_standing {
                    let standings = known.ledger.standings().get(out.len()..).unwrap_or_default();
                    for (bits, standing) in bits.iter_mut().zip(standings) {
                        *bits = *bits | self.standing[*standing as usize];
                    }
                }
                for (bit, span) in &self.times {
                    for (bits, published_ms) in bits.iter_mut().zip(&chunk.published_ms[range.clone()]) {
                        *bits = *bits | if is_within(*published_ms, *span) { *bit } else { none };
                    }
                }
                while let Some((at, held)) = marked.next_if(|(at, _)| *at < out.len() + bits.len()) {
                    let bits = &mut bits[at - out.len()];
                    *bits = *bits | held;
                }
                out.extend(bits.iter().map(|bits| u8::from(passes(*bits))));
            }
        }
        out
    }
}

/// Puts truths into bits.
fn all<M: Bits>(truths: impl Iterator<Item = bool>) -> M {
    truths.enumerate().filter(|(_, truth)| *truth).fold(M::default(), |bits, (index, _)| bits | M::bit(index))
}

/// Returns the rows whose bits pass, oldest first, or of `within` those that do.
fn listed<M: Bits>(
    sheet: &Sheet<M>,
    known: &Known<'_>,
    within: Option<VecDeque<u32>>,
    passes: impl Fn(M) -> bool,
) -> VecDeque<u32> {
    let rows = known.rows;
    let is_few = |count: usize| count * SPARSE < rows.len();
    let mut within = within;
    if let Some(ids) = within.take_if(|ids| is_few(ids.len())) {
        return ids.into_iter().filter(|at| passes(sheet.at(known, RowRef(*at)))).collect();
    }
    let passed = sheet.sweep(known, passes);
    let count: usize = passed.iter().map(|passes| usize::from(*passes)).sum();
    if let Some(mut ids) = within {
        // Nothing passes that did not before, and where no row was cut none is counted that is not there.
        if count == ids.len() && rows.len() == rows.places() {
            return ids;
        }
        // In its place: fresh memory for a million numbers costs more than the numbers.
        let mut end = 0;
        let kept = ids.make_contiguous();
        for from in 0..kept.len() {
            let at = kept[from];
            kept[end] = at;
            end += usize::from(passed[at as usize]);
        }
        ids.truncate(end);
        return ids;
    }
    if count == rows.places() {
        return rows.order().clone();
    }
    if is_few(count) {
        let found = memchr::memchr_iter(1, &passed).map(|at| RowRef(at as u32));
        let mut found: Vec<_> =
            found.filter(|at| rows.is_there(*at)).map(|at| (rows.key(at), at.0)).collect();
        found.sort_unstable();
        return found.into_iter().map(|(_, at)| at).collect();
    }
    let (older, newer) = rows.order().as_slices();
    let mut out = Vec::with_capacity(count);
    for block in older.chunks(BLOCK).chain(newer.chunks(BLOCK)) {
        let mut kept = [0; BLOCK];
        let mut end = 0;
        // Written anyway and kept if it passes: nothing to guess wrong a million times.
        let mut keep = |at: u32, passes: u8| {
            kept[end % BLOCK] = at;
            end += usize::from(passes);
        };
        let first = block[0];
        // Counted, since a loop that may stop is looked at one by one.
        let is_run = block.iter().zip(first..).filter(|(at, next)| **at != *next).count() == 0;
        match passed.get(first as usize..first as usize + block.len()).filter(|_| is_run) {
            Some(run) => block.iter().zip(run).for_each(|(at, passes)| keep(*at, *passes)),
            None => block.iter().for_each(|at| keep(*at, passed[*at as usize])),
        }
        out.extend_from_slice(&kept[..end]);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::super::rows::tests::row;
    use super::*;

    fn known(rows: &Rows) -> Known<'_> {
        static NOTHING: std::sync::LazyLock<Ledger> = std::sync::LazyLock::new(Ledger::default);
        Known { rows, ledger: &NOTHING }
    }

    fn query(text: &str) -> Query {
        Query::parse(text, 0, &TimeZone::UTC).expect("a good filter")
    }

    /// Rows of a few people and clients, of two kinds, in no order of time.
    fn rows(count: i64) -> Rows {
        let mut rows = Rows::default();
        for (sym, text) in
            [(1, "Ada"), (2, "Bo"), (3, "Adam"), (11, "Figma"), (12, "Slack"), (21, "orders.read")]
        {
            rows.learn(&[(Sym(sym), Symbol::of(&[text, "x"]))]);
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
        (row.server, row.from) = (Sym(0), Sym(0));
        row.kind = if seq % 5 == 0 { Kind::Revoke } else { Kind::Grant };
        row
    }

    /// What the query says of each row by itself.
    fn one_by_one(query: &Query, rows: &Rows) -> Vec<u32> {
        let order = rows.order().iter().copied();
        order.filter(|at| query.holds(&rows.get(RowRef(*at)), rows.symbols(), None)).collect()
    }

    const QUERIES: [&str; 14] = [
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
        "a b c d e f g h i or ada or bo",
    ];

    #[test]
    fn many_at_once_are_judged_as_each_by_itself() {
        let mut rows = rows(3000);
        // Some that were cut must not come back.
        rows.cut(Seq(10), Seq(400), &[Seq(20), Seq(30)]);
        for text in QUERIES {
            let query = query(text);
            let wanted = one_by_one(&query, &rows);
            assert_eq!(Filter::new(query).list(&known(&rows), None), wanted, "{text}");
        }
    }

    #[test]
    fn marks_are_judged_by_their_notes_whether_their_rows_came_before_or_after() {
        use super::super::{Mark, Marks};
        let mark = |seq, note: &str| (Seq(seq), Mark { at: jiff::Timestamp::UNIX_EPOCH, note: note.into() });
        // One was cut, one is still to come.
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
            let ids = filter.list(&known(&rows), None).into_iter();
            let mut found: Vec<i64> = ids.map(|at| rows.get(RowRef(at)).seq.0).collect();
            found.sort_unstable();
            assert_eq!(found, wanted, "{text}");
            let (at, _) = rows.put(&a_row(3001), &[]);
            assert_eq!(filter.shows(&known(&rows), at), later, "{text}");
        }
    }

    #[test]
    fn narrowing_is_the_same_as_starting_over() {
        let many = rows(9000);
        for (before, after) in [("ada", "ada revoke"), ("ada", "ada*"), ("kind:grant", "kind:grant who:bo")] {
            // Few rows, many, and nearly all.
            let within = Filter::new(query(before)).list(&known(&many), None);
            let narrow = Filter::new(query(after)).list(&known(&many), Some(within));
            assert_eq!(narrow, Filter::new(query(after)).list(&known(&many), None), "{after}");
        }
        let rows = rows(300);
        let ada = Filter::new(query("ada")).list(&known(&rows), None);
        assert_eq!(ada.len(), 200);
        let narrow = Filter::new(query("ada revoke")).list(&known(&rows), Some(ada));
        assert_eq!(narrow, Filter::new(query("ada revoke")).list(&known(&rows), None));
    }

    proptest! {
        #[test]
        fn what_comes_later_is_judged_as_what_was_there(which in 0..QUERIES.len(), first in 0_i64..80, renamed in any::<bool>()) {
            let mut filter = Filter::new(query(QUERIES[which]));
            let mut rows = rows(first);
            let mut shown: Vec<u32> = filter.list(&known(&rows), None).into_iter().collect();
            if renamed {
                let changed = [(Sym(2), Symbol::of(&["Adalbert", "x"]))];
                rows.learn(&changed);
                filter.forget(&changed);
                shown = filter.list(&known(&rows), None).into_iter().collect();
            }
            for seq in first + 1..=first + 20 {
                let mut row = a_row(seq);
                if seq % 4 == 0 {
                    // A text in a column where it never stood.
                    (row.server, row.who) = (Sym(11), Sym(12));
                }
                let (at, _) = rows.put(&row, &[]);
                if filter.shows(&known(&rows), at) {
                    shown.push(at.0);
                }
            }
            shown.sort_by_key(|at| rows.key(RowRef(*at)));
            prop_assert_eq!(&shown, &one_by_one(filter.query(), &rows));
            prop_assert_eq!(shown, Vec::from(filter.list(&known(&rows), None)));
        }
    }
}
