//! Evaluates the conditions of a query. Each text is tested once, and the results are looked up for each row, one
//! column at a time.

use std::ops::{BitAnd, BitOr, Range};

use super::condition::{Op, Test, Words, is_within};
use super::field::Field;
use crate::consent::{Kind, Outcome, Seq, Severity, Sym, Symbol, Via};
use crate::model::data::bitset::Bitset;
use crate::model::data::chunk::{CAME, CHUNK, SHARED};
use crate::model::data::sym_column::SymColumn;
use crate::model::data::text_arena::TextArena;
use crate::model::data::text_columns;
use crate::model::{Known, RowRef, Rows, Standing};

/// For each code, the conditions that a row with this code meets.
type Table<M> = Box<[M; 256]>;

/// The conditions that texts and codes meet, with one bit for each condition.
#[derive(Debug)]
pub(in crate::model) struct ConditionBits<M> {
    /// By text, the conditions that it meets.
    texts: Vec<M>,
    /// By text, the columns for which it was tested.
    judged: Vec<u8>,
    /// By column, the conditions that read it.
    columns: [M; 6],
    /// By column, the conditions that some text of the column meets.
    held: [M; 6],
    /// By number of the org.
    orgs: Table<M>,
    /// By code of the kind, outcome and severity.
    kind: Table<M>,
    outcome: Table<M>,
    severity: Table<M>,
    /// By the flags of a row, some of which say how it came.
    came: Table<M>,
    /// By code of the standing.
    standing: Table<M>,
    /// Conditions on the time: the bit of each, and its span.
    times: Vec<(M, (i64, i64))>,
    /// The conditions that the notes of marked rows meet, in ascending order of row number.
    marked: Vec<(u32, M)>,
}

/// A set of conditions with one bit for each.
pub(in crate::model) trait Bits:
    Copy + Default + PartialEq + BitOr<Output = Self> + BitAnd<Output = Self>
{
    /// Returns the bit of a condition.
    fn bit(index: usize) -> Self;

    /// Returns whether the bit of a condition is set.
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

/// The number of rows processed at a time, so that their bits stay in the L1 cache.
const STRIDE: usize = 1024;

impl<M: Bits> ConditionBits<M> {
    /// Prepares the results that do not depend on rows.
    pub(in crate::model) fn new(tests: &[Test]) -> Self {
        let columns = std::array::from_fn(|column| {
            let looks = |test: &Test| test.field.columns() & (1 << column) != 0;
            bits_of(tests.iter().map(looks))
        });
        let mut scratch = String::new();
        let mut table = |words: &dyn Fn(u8) -> Words| -> Table<M> {
            let mut held = |words| bits_of(tests.iter().map(|test| test.takes_word(words, &mut scratch)));
            Box::new(std::array::from_fn(|code| held(words(code as u8))))
        };
        // Each table sets one of the words. No condition accepts the empty ones.
        let none = Words { kind: "", outcome: "", via: "", severity: "", standing: "" };
        let via = |flags: u8| {
            let via = Via::from_code(flags & 3);
            via.told(via.doubt(flags & CAME & !3 != 0))
        };
        Self {
            texts: Vec::new(),
            judged: Vec::new(),
            columns,
            held: [M::default(); 6],
            orgs: Box::new([M::default(); 256]),
            kind: table(&|code| Words { kind: Kind::unpacked(code).0.word(), ..none }),
            outcome: table(&|code| Words { outcome: Outcome::from_code(code).word(), ..none }),
            // The flag for a shared id is in the same byte as the severity.
            severity: table(&|code| Words {
                severity: Severity::from_code(code & !SHARED).word(),
                via: if code & SHARED == 0 { "" } else { "shared id" },
                ..none
            }),
            came: table(&|flags| Words { via: via(flags), ..none }),
            standing: table(&|code| Words { standing: Standing::from_code(code).word(), ..none }),
            times: (0..).zip(tests).filter_map(|(index, test)| Some((M::bit(index), test.span()?))).collect(),
            marked: Vec::new(),
        }
    }

    /// Tests every org and the note of every mark.
    pub(in crate::model) fn judge_orgs_and_marks(
        &mut self,
        tests: &[Test],
        rows: &Rows,
        scratch: &mut String,
    ) {
        if tests.iter().any(|test| test.field == Field::Org) {
            self.orgs.fill(M::default());
            for (id, org) in rows.orgs().iter() {
                self.orgs[id.index()] = bits_of(tests.iter().map(|test| test.takes_org(org, scratch)));
            }
        }
        self.marked.clear();
        if tests.iter().any(|test| test.field == Field::Mark) {
            let held = |note: &str, scratch: &mut String| {
                bits_of(tests.iter().map(|test| test.takes_mark(note, scratch)))
            };
            let marks = rows.marks().iter();
            let judged =
                marks.map(|(seq, mark)| Some((u32::try_from(seq.0).ok()?, held(&mark.note, scratch))));
            self.marked = judged.flatten().collect();
        }
    }

    /// Tests every org, every mark and every text that occurs in a row.
    pub(in crate::model) fn judge_all(&mut self, tests: &[Test], rows: &Rows, scratch: &mut String) {
        self.judge_orgs_and_marks(tests, rows, scratch);
        self.texts.clear();
        self.judged.clear();
        self.held = [M::default(); 6];
        if self.columns.iter().all(|tests| *tests == M::default()) {
            // No condition reads a text.
            return;
        }
        self.judged.extend_from_slice(rows.used());
        self.texts.resize(rows.symbols().len().max(self.judged.len()), M::default());
        for (index, test) in tests.iter().enumerate() {
            let columns = test.field.columns();
            let mut holding = 0;
            let mut take = |Sym(sym): Sym, columns: u8| {
                self.texts[sym as usize] = self.texts[sym as usize] | M::bit(index);
                holding |= columns;
            };
            if columns & text_columns::FROM != 0 {
                judge_places(test, rows, scratch, &mut take);
            }
            judge_texts(test, columns & !text_columns::FROM, rows, scratch, &mut take);
            for (_, held) in self.held.iter_mut().enumerate().filter(|(at, _)| holding & (1 << at) != 0) {
                *held = *held | M::bit(index);
            }
        }
    }

    /// Tests a text for a column, unless it was tested already.
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

    /// Discards the results of texts that have changed.
    pub(in crate::model) fn forget(&mut self, changed: &[(Sym, Symbol)]) {
        for (sym, _) in changed {
            let index = sym.0 as usize;
            if let (Some(found), Some(judged)) = (self.texts.get_mut(index), self.judged.get_mut(index)) {
                (*found, *judged) = (M::default(), 0);
            }
        }
    }

    /// Returns the conditions that a row meets. Tests its texts first if necessary.
    pub(in crate::model) fn row(
        &mut self,
        tests: &[Test],
        known: &Known<'_>,
        at: RowRef,
        scratch: &mut String,
    ) -> M {
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

    /// Returns the conditions that a row meets. Its texts must have been tested.
    fn at(&self, known: &Known<'_>, at: RowRef) -> M {
        let standing = known.ledger.standing(at);
        let (chunk, at) = known.rows.chunk_of(at);
        let mut bits = self.kind[usize::from(chunk.kind[at])]
            | self.outcome[usize::from(chunk.outcome[at])]
            | self.severity[usize::from(chunk.severity[at])]
            | self.came[usize::from(chunk.flags[at])]
            | self.standing[standing as usize]
            | self.orgs[usize::from(chunk.org[at])];
        for (column, texts) in self.columns.iter().zip(&chunk.texts) {
            if *column != M::default() {
                bits = bits | (self.text(texts.get(at)) & *column);
            }
        }
        if let Ok(place) = self.marked.binary_search_by_key(&chunk.seq[at], |(seq, _)| *seq) {
            bits = bits | self.marked[place].1;
        }
        for (bit, span) in &self.times {
            if is_within(chunk.published_ms.get(at), *span) {
                bits = bits | *bit;
            }
        }
        bits
    }

    fn text(&self, sym: Sym) -> M {
        self.texts.get(sym.0 as usize).copied().unwrap_or_default()
    }

    /// Returns the places of the rows that pass, which may include rows that were cut.
    ///
    /// Reads one column at a time, and only columns in which some text meets a condition.
    pub(in crate::model) fn sweep(&self, known: &Known<'_>, passes: impl Fn(M) -> bool) -> Bitset {
        let rows = known.rows;
        let none = M::default();
        let held: Vec<(usize, M)> = (0..).zip(self.held).filter(|(_, held)| *held != none).collect();
        let mut marked: Vec<(usize, M)> = self
            .marked
            .iter()
            .filter_map(|(seq, bits)| Some((rows.find(Seq(i64::from(*seq)))?.0 as usize, *bits)))
            .collect();
        marked.sort_unstable_by_key(|(at, _)| *at);
        let mut marked = marked.into_iter().peekable();
        // Computed once, because checking a table can take longer than processing a stride.
        let is_asked = |table: &Table<M>| table.iter().any(|found| *found != none);
        let tables = [&self.kind, &self.outcome, &self.severity, &self.came, &self.orgs];
        let asked = tables.map(is_asked);
        let asks_standing = is_asked(&self.standing);
        let mut out = Bitset::with_capacity(rows.places());
        let (mut bits, mut found) = ([none; STRIDE], [none; STRIDE]);
        let mut place = 0;
        for chunk in rows.chunks() {
            if chunk.len() == 0 {
                // The chunk was freed, but its places stay taken.
                place += CHUNK;
                out.push_none(CHUNK);
            }
            let codes = [&chunk.kind, &chunk.outcome, &chunk.severity, &chunk.flags, &chunk.org];
            for from in (0..chunk.len()).step_by(STRIDE) {
                let range = from..chunk.len().min(from + STRIDE);
                let bits = &mut bits[..range.len()];
                bits.fill(none);
                for (column, asked) in &held {
                    let found = &mut found[..range.len()];
                    look_up(&self.texts, &chunk.texts[*column], range.clone(), found);
                    bits.iter_mut().zip(found).for_each(|(bits, found)| *bits = *bits | (*found & *asked));
                }
                for ((table, codes), _) in
                    tables.into_iter().zip(codes).zip(asked).filter(|(_, asked)| *asked)
                {
                    look_up_codes(table, &codes[range.clone()], bits);
                }
                if asks_standing {
                    let standings = known.ledger.standings().get(place..).unwrap_or_default();
                    for (bits, standing) in bits.iter_mut().zip(standings) {
                        *bits = *bits | self.standing[*standing as usize];
                    }
                }
                for (bit, span) in &self.times {
                    chunk.published_ms.within(range.clone(), *span, bits, |bits, is_in| {
                        *bits = *bits | if is_in { *bit } else { none };
                    });
                }
                while let Some((at, held)) = marked.next_if(|(at, _)| *at < place + bits.len()) {
                    let bits = &mut bits[at - place];
                    *bits = *bits | held;
                }
                let (words, rest) = bits.as_chunks();
                for word in words {
                    out.push(&word.map(|bits| u8::from(passes(bits))));
                }
                if !rest.is_empty() {
                    let mut truths = [0; Bitset::WORD];
                    truths.iter_mut().zip(rest).for_each(|(truth, bits)| *truth = u8::from(passes(*bits)));
                    out.push(&truths);
                }
                place += bits.len();
            }
        }
        out
    }
}

/// Looks up the conditions that texts meet. Not inlined, so that the loop can use all registers.
#[inline(never)]
fn look_up<M: Bits>(texts: &[M], column: &SymColumn, rows: Range<usize>, found: &mut [M]) {
    let of = |sym: usize| texts.get(sym).copied().unwrap_or_default();
    match column {
        SymColumn::Small(syms) => {
            found.iter_mut().zip(&syms[rows]).for_each(|(found, sym)| *found = of(usize::from(*sym)));
        }
        SymColumn::Wide(syms) => {
            found.iter_mut().zip(&syms[rows]).for_each(|(found, sym)| *found = of(*sym as usize));
        }
    }
}

/// Adds the conditions that codes meet.
#[inline(never)]
fn look_up_codes<M: Bits>(table: &[M; 256], codes: &[u8], bits: &mut [M]) {
    for (bits, code) in bits.iter_mut().zip(codes) {
        *bits = *bits | table[usize::from(*code)];
    }
}

/// Calls `take` with each text of some columns that a condition accepts, and the columns in which it may occur.
fn judge_texts(test: &Test, columns: u8, rows: &Rows, scratch: &mut String, take: impl FnMut(Sym, u8)) {
    let is_taken = |sym| test.takes_text(rows.symbols().joined(sym), scratch);
    find(&test.op, columns, rows, rows.texts(columns), is_taken, take);
}

/// Does the same for texts of locations. The address of each is tested by itself, and shared names only once.
fn judge_places(test: &Test, rows: &Rows, scratch: &mut String, mut take: impl FnMut(Sym, u8)) {
    let (symbols, parts) = (rows.symbols(), test.field.parts());
    let places = rows.locations();
    let mut scratch_of_places = String::new();
    let by_itself = |sym| test.takes_text(symbols.joined(sym), &mut scratch_of_places);
    places.find(parts, |name| test.takes(name, scratch), by_itself, |sym| take(sym, text_columns::FROM));
    if parts.0 > 0 {
        return;
    }
    let is_taken = |sym| test.takes(symbols.fields(sym).next().unwrap_or_default(), scratch);
    let addresses = std::iter::once((places.addresses(), text_columns::FROM));
    find(&test.op, text_columns::FROM, rows, addresses, is_taken, take);
}

/// Calls `take` with each accepted text of some columns. If all accepted texts must contain some text, a single search
/// for it finds the candidates.
fn find<'a>(
    op: &Op,
    columns: u8,
    rows: &Rows,
    texts: impl Iterator<Item = (&'a TextArena, u8)>,
    mut is_taken: impl FnMut(Sym) -> bool,
    mut take: impl FnMut(Sym, u8),
) {
    if let Some(wanted) = op.wanted() {
        for (texts, group) in texts {
            texts.find(&wanted, |sym| {
                if wanted.is_all || is_taken(sym) {
                    take(sym, group & columns);
                }
            });
        }
        return;
    }
    // In the order of symbols, which is their order in memory.
    for (sym, used) in (0..).map(Sym).zip(rows.used()) {
        if used & columns != 0 && is_taken(sym) {
            take(sym, used & columns);
        }
    }
}

/// Packs truth values into bits.
fn bits_of<M: Bits>(truths: impl Iterator<Item = bool>) -> M {
    truths.enumerate().filter(|(_, truth)| *truth).fold(M::default(), |bits, (index, _)| bits | M::bit(index))
}
