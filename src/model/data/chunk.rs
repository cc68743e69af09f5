//! A block of some thousands of rows, stored by column.

use std::ops::Range;

use super::sym_column::SymColumn;
use super::times::Times;
use crate::consent::{Doubt, Evidence, Kind, OrgId, Outcome, Rev, Row, Seq, Severity, Sym, Via};

/// The number of rows in a chunk. Chunks are never reallocated, so adding rows copies no existing ones.
pub(in crate::model) const CHUNK: usize = 8192;

/// Rows stored by column, so that a scan of one column over a million rows reads nothing else.
#[derive(Debug, Default)]
pub(in crate::model) struct Chunk {
    pub(in crate::model) published_ms: Times,
    pub(in crate::model) seq: Vec<u32>,
    /// The number of the org.
    pub(in crate::model) org: Vec<u8>,
    /// Interned texts of the columns who, actor, client, server, scopes and from, in this order.
    pub(in crate::model) texts: [SymColumn; 6],
    /// The kind, packed with the reach.
    pub(in crate::model) kind: Vec<u8>,
    /// `via` in bits 0–1, `evidence` in bits 2–4, [`GONE`] in bit 5, [`DOUBTED`] in bit 6, [`LATE`] in bit 7.
    pub(in crate::model) flags: Vec<u8>,
    pub(in crate::model) outcome: Vec<u8>,
    /// The severity in bits 0–6, and [`SHARED`] in bit 7.
    pub(in crate::model) severity: Vec<u8>,
    /// The places of rows with hidden values and the number of those values, by ascending place. Few rows have any.
    hidden: Vec<(u16, u8)>,
    /// How many marks the scope grants of each row have.
    grants: Vec<u16>,
    /// Where the marks of every [`STRIDE`]th row begin.
    starts: Vec<u32>,
    /// Those of a row behind those of the row before.
    marks: Vec<u32>,
}

/// So many rows share the place where their marks begin, and lengths are added up from there.
const STRIDE: usize = 32;
/// The flag of a row that was cut.
pub(in crate::model) const GONE: u8 = 1 << 5;
/// The bits of the flags that say how a row came and whether it is doubted.
pub(in crate::model) const CAME: u8 = 3 | DOUBTED;
const DOUBTED: u8 = 1 << 6;
/// The flag, in the severity byte, of a row that shares its id with another event.
pub(in crate::model) const SHARED: u8 = 1 << 7;
const LATE: u8 = 1 << 7;

impl Chunk {
    pub(super) fn new() -> Self {
        Self {
            published_ms: Times::with_capacity(CHUNK),
            seq: Vec::with_capacity(CHUNK),
            org: Vec::with_capacity(CHUNK),
            texts: std::array::from_fn(|_| SymColumn::with_capacity(CHUNK)),
            kind: Vec::with_capacity(CHUNK),
            flags: Vec::with_capacity(CHUNK),
            outcome: Vec::with_capacity(CHUNK),
            severity: Vec::with_capacity(CHUNK),
            hidden: Vec::new(),
            grants: Vec::with_capacity(CHUNK),
            starts: Vec::with_capacity(CHUNK / STRIDE),
            marks: Vec::new(),
        }
    }

    /// Returns the number of rows, with those that were cut.
    pub(in crate::model) fn len(&self) -> usize {
        self.seq.len()
    }

    pub(super) fn push(&mut self, row: &Row, marks: &[u32]) {
        self.published_ms.push(row.published_ms);
        self.seq.push(number(row.seq));
        self.org.push(row.org.0);
        for (column, sym) in self.texts.iter_mut().zip(texts(row)) {
            column.push(sym);
        }
        self.kind.push(row.kind.packed(row.reach));
        self.flags.push(flags(row));
        self.outcome.push(row.outcome.code());
        self.severity.push(severity(row));
        self.hide(self.seq.len() - 1, row.hidden);
        let marks = fitting(marks);
        if self.grants.len().is_multiple_of(STRIDE) {
            self.starts.push(self.marks.len() as u32);
        }
        self.grants.push(marks.len() as u16);
        self.marks.extend(marks);
        if self.grants.len() == CHUNK {
            self.marks.shrink_to_fit();
        }
    }

    pub(super) fn marks(&self, at: usize) -> &[u32] {
        &self.marks[self.span(at)]
    }

    fn span(&self, at: usize) -> Range<usize> {
        let before = self.grants[at - at % STRIDE..at].iter().map(|count| usize::from(*count));
        let start = self.starts[at / STRIDE] as usize + before.sum::<usize>();
        start..start + usize::from(self.grants[at])
    }

    /// Puts others in the place of a row's marks, which moves all behind them; a row seldom gets others, and once at
    /// most.
    fn remark(&mut self, at: usize, marks: &[u32]) {
        let span = self.span(at);
        for start in &mut self.starts[at / STRIDE + 1..] {
            *start = *start - span.len() as u32 + marks.len() as u32;
        }
        self.grants[at] = marks.len() as u16;
        self.marks.splice(span, marks.iter().copied());
    }

    pub(super) fn set(&mut self, at: usize, row: &Row, marks: &[u32]) {
        let marks = fitting(marks);
        if self.marks(at) != marks {
            // The old marks stay in memory, unused. A row's marks change seldom, and at most once.
            self.remark(at, marks);
        }
        self.org[at] = row.org.0;
        self.published_ms.set(at, row.published_ms);
        for (column, sym) in self.texts.iter_mut().zip(texts(row)) {
            column.set(at, sym);
        }
        self.kind[at] = row.kind.packed(row.reach);
        self.flags[at] = flags(row);
        self.outcome[at] = row.outcome.code();
        self.severity[at] = severity(row);
        self.hide(at, row.hidden);
    }

    /// Sets the number of hidden values of a row.
    fn hide(&mut self, at: usize, count: u8) {
        match (self.hidden.binary_search_by_key(&at, |(at, _)| usize::from(*at)), count) {
            (Ok(place), 0) => drop(self.hidden.remove(place)),
            (Ok(place), _) => self.hidden[place].1 = count,
            (Err(_), 0) => {}
            (Err(place), _) => self.hidden.insert(place, (at as u16, count)),
        }
    }

    fn hidden(&self, at: usize) -> u8 {
        let place = self.hidden.binary_search_by_key(&at, |(at, _)| usize::from(*at));
        place.map_or(0, |place| self.hidden[place].1)
    }

    /// Returns the evidence for the person of a row.
    pub(super) fn evidence(&self, at: usize) -> Evidence {
        Evidence::from_code((self.flags[at] >> 2) & 7)
    }

    pub(super) fn get(&self, at: usize) -> Row {
        let [who, actor, client, server, scopes, from] = self.texts.each_ref().map(|column| column.get(at));
        let flags = self.flags[at];
        let via = Via::from_code(flags & 3);
        let (kind, reach) = Kind::unpacked(self.kind[at]);
        Row {
            seq: Seq(i64::from(self.seq[at])),
            org: OrgId(self.org[at]),
            rev: Rev(0),
            published_ms: self.published_ms.get(at),
            who,
            actor,
            client,
            server,
            scopes,
            from,
            kind,
            reach,
            via,
            outcome: Outcome::from_code(self.outcome[at]),
            severity: Severity::from_code(self.severity[at] & !SHARED),
            evidence: self.evidence(at),
            late: flags & LATE != 0,
            doubt: if self.severity[at] & SHARED != 0 {
                Some(Doubt::SharedId)
            } else {
                via.doubt(flags & DOUBTED != 0)
            },
            hidden: self.hidden(at),
        }
    }
}

/// As many marks as can be counted.
fn fitting(marks: &[u32]) -> &[u32] {
    &marks[..marks.len().min(usize::from(u16::MAX))]
}

pub(super) fn texts(row: &Row) -> [Sym; 6] {
    [row.who, row.actor, row.client, row.server, row.scopes, row.from]
}

fn flags(row: &Row) -> u8 {
    let doubted = if row.doubt.is_some_and(|doubt| doubt != Doubt::SharedId) { DOUBTED } else { 0 };
    let late = if row.late { LATE } else { 0 };
    row.via.code() | row.evidence.code() << 2 | doubted | late
}

fn severity(row: &Row) -> u8 {
    row.severity.code() | if row.doubt == Some(Doubt::SharedId) { SHARED } else { 0 }
}

pub(super) fn number(seq: Seq) -> u32 {
    u32::try_from(seq.0).expect("a journal assigns fewer than u32::MAX row numbers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::data::rows::tests::row;

    #[test]
    fn marks_stay_with_their_rows_when_others_change() {
        let mut chunk = Chunk::new();
        let mut wanted: Vec<Vec<u32>> =
            (0..100).map(|at| (0..at % 5).map(|mark| at * 10 + mark).collect()).collect();
        for (at, marks) in wanted.iter().enumerate() {
            chunk.push(&row(at as i64, 0), marks);
        }
        for (at, count) in [(40, 9), (3, 0), (99, 2), (64, 1), (31, 4), (40, 1)] {
            wanted[at] = (0..count).map(|mark| 5000 + mark).collect();
            chunk.set(at, &row(at as i64, 0), &wanted[at]);
            let marks: Vec<&[u32]> = (0..100).map(|at| chunk.marks(at)).collect();
            assert_eq!(marks, wanted);
        }
    }
}
