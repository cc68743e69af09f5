//! A block of some thousands of rows, stored by column.

use crate::consent::{Doubt, Evidence, Kind, Outcome, Rev, Row, Seq, Severity, Sym, Via};

/// The number of rows in a chunk. Chunks are never reallocated, so adding rows copies no existing ones.
pub(in crate::model) const CHUNK: usize = 8192;

/// Rows stored by column, so that a scan of one column over a million rows reads nothing else.
#[derive(Debug, Default)]
pub(in crate::model) struct Chunk {
    pub(in crate::model) published_ms: Vec<i64>,
    pub(in crate::model) seq: Vec<u32>,
    /// Interned texts of the columns who, actor, client, server, scopes and from, in this order.
    pub(in crate::model) texts: [Vec<u32>; 6],
    /// The kind, packed with the reach.
    pub(in crate::model) kind: Vec<u8>,
    /// `via` in bits 0–1, `evidence` in bits 2–4, [`GONE`] in bit 5, [`DOUBTED`] in bit 6, [`LATE`] in bit 7.
    pub(in crate::model) flags: Vec<u8>,
    pub(in crate::model) outcome: Vec<u8>,
    /// The severity in bits 0–6, and [`SHARED`] in bit 7.
    pub(in crate::model) severity: Vec<u8>,
    /// The places of rows with hidden values and the number of those values, by ascending place. Few rows have any.
    hidden: Vec<(u16, u8)>,
    /// For each row, the start in `marks` of the marks of its scope grants, and their number.
    grants: Vec<(u32, u16)>,
    marks: Vec<u32>,
}

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
            published_ms: Vec::with_capacity(CHUNK),
            seq: Vec::with_capacity(CHUNK),
            texts: std::array::from_fn(|_| Vec::with_capacity(CHUNK)),
            kind: Vec::with_capacity(CHUNK),
            flags: Vec::with_capacity(CHUNK),
            outcome: Vec::with_capacity(CHUNK),
            severity: Vec::with_capacity(CHUNK),
            hidden: Vec::new(),
            grants: Vec::with_capacity(CHUNK),
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
        for (column, sym) in self.texts.iter_mut().zip(texts(row)) {
            column.push(sym.0);
        }
        self.kind.push(row.kind.packed(row.reach));
        self.flags.push(flags(row));
        self.outcome.push(row.outcome.code());
        self.severity.push(severity(row));
        self.hide(self.seq.len() - 1, row.hidden);
        let span = self.keep(marks);
        self.grants.push(span);
    }

    fn keep(&mut self, marks: &[u32]) -> (u32, u16) {
        let span = (self.marks.len() as u32, marks.len().min(usize::from(u16::MAX)) as u16);
        self.marks.extend(marks.iter().take(usize::from(span.1)));
        span
    }

    pub(super) fn marks(&self, at: usize) -> &[u32] {
        let (start, length) = self.grants[at];
        &self.marks[start as usize..start as usize + usize::from(length)]
    }

    pub(super) fn set(&mut self, at: usize, row: &Row, marks: &[u32]) {
        if self.marks(at) != marks {
            // The old marks stay in memory, unused. A row's marks change seldom, and at most once.
            self.grants[at] = self.keep(marks);
        }
        self.published_ms[at] = row.published_ms;
        for (column, sym) in self.texts.iter_mut().zip(texts(row)) {
            column[at] = sym.0;
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

    pub(super) fn get(&self, at: usize) -> Row {
        let [who, actor, client, server, scopes, from] =
            std::array::from_fn(|column| Sym(self.texts[column][at]));
        let flags = self.flags[at];
        let via = Via::from_code(flags & 3);
        let (kind, reach) = Kind::unpacked(self.kind[at]);
        Row {
            seq: Seq(i64::from(self.seq[at])),
            rev: Rev(0),
            published_ms: self.published_ms[at],
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
            evidence: Evidence::from_code((flags >> 2) & 7),
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
