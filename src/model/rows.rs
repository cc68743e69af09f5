//! Every listed consent in 40 bytes, its texts interned; a million of them fit where their JSON would need gigabytes.

use std::collections::VecDeque;

use crate::consent::{Evidence, Kind, Outcome, Page, Rev, Row, Seq, Severity, Sym, Symbol, Symbols, Via};

/// The place of a row in memory; stays the same as long as the program runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RowRef(pub u32);

/// Rows of one chunk; a chunk is never moved, so growing costs no copy of what is there.
const CHUNK: usize = 8192;

#[derive(Clone, Copy, Debug)]
struct Packed {
    published_ms: i64,
    seq: u32,
    who: u32,
    actor: u32,
    client: u32,
    server: u32,
    scopes: u32,
    from: u32,
    kind: u8,
    /// via in bits 0–1, evidence in 2–4, late in 7.
    flags: u8,
    outcome: u8,
    severity: u8,
}

/// All rows, and their order by time.
#[derive(Debug, Default)]
pub struct Rows {
    chunks: Vec<Vec<Packed>>,
    len: usize,
    /// By (published, seq), oldest first.
    order: VecDeque<u32>,
    /// By seq.
    by_seq: VecDeque<u32>,
    symbols: Symbols,
}

impl Rows {
    /// Takes in texts before the rows that name them.
    pub fn learn(&mut self, symbols: &[(Sym, Symbol)]) {
        for (sym, symbol) in symbols {
            self.symbols.put(*sym, symbol);
        }
    }

    /// Adds a row, or puts it in the place of the one with its number, and returns where it is and whether it is new.
    ///
    /// Cheap at both ends of the order, which is where rows come; in the middle it moves at most half the order.
    pub fn put(&mut self, row: &Row) -> (RowRef, bool) {
        if let Some(known) = self.find(row.seq) {
            let time_moved = self.packed(known).published_ms != row.published_ms;
            if time_moved && let Ok(place) = self.order_place(self.key(known)) {
                self.order.remove(place);
            }
            *self.packed_mut(known) = pack(row);
            if time_moved {
                let place = self.order_place(self.key(known)).unwrap_or_else(|place| place);
                self.order.insert(place, known.0);
            }
            return (known, false);
        }
        let new = RowRef(u32::try_from(self.len).expect("fewer than u32::MAX rows"));
        if self.len.is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        self.chunks[self.len / CHUNK].push(pack(row));
        self.len += 1;
        let place = match self.order.back() {
            Some(last) if self.key(RowRef(*last)) > self.key(new) => {
                self.order_place(self.key(new)).unwrap_or_else(|place| place)
            }
            _ => self.order.len(),
        };
        self.order.insert(place, new.0);
        let place =
            self.by_seq.partition_point(|other| self.packed(RowRef(*other)).seq < self.packed(new).seq);
        self.by_seq.insert(place, new.0);
        (new, true)
    }

    /// Adds all of a page and returns the rows that are new.
    pub fn take(&mut self, page: &Page) -> Vec<RowRef> {
        self.learn(&page.symbols);
        page.rows.iter().map(|row| self.put(row)).filter_map(|(at, new)| new.then_some(at)).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns a row whole.
    pub fn get(&self, at: RowRef) -> Row {
        let p = self.packed(at);
        Row {
            seq: Seq(i64::from(p.seq)),
            rev: Rev(0),
            published_ms: p.published_ms,
            who: Sym(p.who),
            actor: Sym(p.actor),
            client: Sym(p.client),
            server: Sym(p.server),
            scopes: Sym(p.scopes),
            from: Sym(p.from),
            kind: Kind::from_code(p.kind),
            via: Via::from_code(p.flags & 3),
            outcome: Outcome::from_code(p.outcome),
            severity: Severity::from_code(p.severity),
            evidence: Evidence::from_code((p.flags >> 2) & 7),
            late: p.flags & 0x80 != 0,
        }
    }

    /// Returns where the row of a number is.
    pub fn find(&self, seq: Seq) -> Option<RowRef> {
        let wanted = u32::try_from(seq.0).ok()?;
        let place = self.by_seq.partition_point(|other| self.packed(RowRef(*other)).seq < wanted);
        let at = RowRef(*self.by_seq.get(place)?);
        (self.packed(at).seq == wanted).then_some(at)
    }

    /// The texts.
    pub fn symbols(&self) -> &Symbols {
        &self.symbols
    }

    /// All rows, oldest first.
    pub fn order(&self) -> &VecDeque<u32> {
        &self.order
    }

    /// What rows are ordered by.
    pub fn key(&self, at: RowRef) -> (i64, u32) {
        let packed = self.packed(at);
        (packed.published_ms, packed.seq)
    }

    fn order_place(&self, key: (i64, u32)) -> Result<usize, usize> {
        self.order.binary_search_by_key(&key, |other| self.key(RowRef(*other)))
    }

    fn packed(&self, at: RowRef) -> &Packed {
        &self.chunks[at.0 as usize / CHUNK][at.0 as usize % CHUNK]
    }

    fn packed_mut(&mut self, at: RowRef) -> &mut Packed {
        &mut self.chunks[at.0 as usize / CHUNK][at.0 as usize % CHUNK]
    }
}

fn pack(row: &Row) -> Packed {
    Packed {
        published_ms: row.published_ms,
        seq: u32::try_from(row.seq.0).expect("a journal holds fewer than u32::MAX rows in its life"),
        who: row.who.0,
        actor: row.actor.0,
        client: row.client.0,
        server: row.server.0,
        scopes: row.scopes.0,
        from: row.from.0,
        kind: row.kind.code(),
        flags: row.via.code() | row.evidence.code() << 2 | u8::from(row.late) << 7,
        outcome: row.outcome.code(),
        severity: row.severity.code(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::model) fn row(seq: i64, published_ms: i64) -> Row {
        Row {
            seq: Seq(seq),
            rev: Rev(0),
            published_ms,
            who: Sym(1),
            actor: Sym(0),
            client: Sym(2),
            server: Sym(3),
            scopes: Sym(4),
            from: Sym(5),
            kind: Kind::Grant,
            via: Via::POLL,
            outcome: Outcome::Success,
            severity: Severity::Info,
            evidence: Evidence::GrantDetail,
            late: false,
        }
    }

    #[test]
    fn a_row_comes_back_as_it_went_in() {
        let mut rows = Rows::default();
        let mut odd = row(7, -5);
        odd.late = true;
        odd.evidence = Evidence::NotApplicable;
        odd.via = Via::POLL.with(Via::HOOK);
        let (at, new) = rows.put(&odd);
        assert!(new);
        assert_eq!(rows.get(at), odd);
        assert_eq!(rows.find(Seq(7)), Some(at));
        assert_eq!(rows.find(Seq(8)), None);
    }

    #[test]
    fn order_is_by_time_whatever_the_order_of_arrival() {
        let mut rows = Rows::default();
        for (seq, time) in [(5, 50), (6, 40), (3, 30), (4, 60), (1, 10), (2, 40)] {
            rows.put(&row(seq, time));
        }
        let seqs: Vec<i64> = rows.order().iter().map(|at| rows.get(RowRef(*at)).seq.0).collect();
        assert_eq!(seqs, [1, 3, 2, 6, 5, 4]);
    }

    #[test]
    fn the_same_number_again_replaces_and_may_move() {
        let mut rows = Rows::default();
        rows.put(&row(1, 10));
        rows.put(&row(2, 20));
        let (_, new) = rows.put(&row(1, 30));
        assert!(!new);
        assert_eq!(rows.len(), 2);
        let seqs: Vec<i64> = rows.order().iter().map(|at| rows.get(RowRef(*at)).seq.0).collect();
        assert_eq!(seqs, [2, 1]);
    }

    #[test]
    fn a_row_is_small() {
        assert_eq!(std::mem::size_of::<Packed>(), 40);
    }
}
