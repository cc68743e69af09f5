//! The order of the list by a column other than time, computed in slices of some milliseconds.
//!
//! Each text is ranked once. Then rows are sorted by rank, without reading a text again. Rows that arrive later are
//! inserted by comparing texts.

use super::bitset::Bitset;
use super::sorter::Sorter;
use super::{Column, Known, RowRef};
use crate::consent::Sym;

/// All rows, sorted by a column.
#[derive(Debug)]
pub struct Order {
    column: Column,
    stage: Option<Stage>,
    /// The last complete order.
    ids: Vec<RowRef>,
    has_ids: bool,
    is_stale: bool,
}

#[derive(Debug)]
enum Stage {
    Texts(Sorter<u32>),
    Keys { ranks: Vec<u32>, keys: Vec<u64>, next: usize },
    Rows { keys: Vec<u64>, sorter: Sorter<RowRef> },
}

/// Items processed in one slice.
const SLICE: usize = 40_000;
/// The maximum number of new rows that are inserted one by one. More of them trigger a new sort.
const ONE_BY_ONE: usize = 64;
/// The maximum number of rows, arrived during a sort, that are inserted afterwards. Takes some ten milliseconds.
const MISSING_MAX: usize = 10_000;

impl Order {
    /// Starts to sort by a column.
    pub(in crate::model) fn new(column: Column, known: &Known<'_>) -> Self {
        let mut order = Self { column, stage: None, ids: Vec::new(), has_ids: false, is_stale: false };
        order.begin(known);
        order
    }

    /// Returns the column by which rows are sorted.
    pub fn column(&self) -> Column {
        self.column
    }

    /// Returns every row in the last complete order, or `None` before the first one is complete.
    pub(in crate::model) fn sorted(&self) -> Option<&[RowRef]> {
        self.has_ids.then_some(&self.ids)
    }

    /// Returns the progress of the first sort in percent, or `None` once it is complete.
    pub fn percent(&self) -> Option<usize> {
        let done = match &self.stage {
            _ if self.has_ids => return None,
            Some(Stage::Texts(sorter)) => sorter.percent() / 4,
            Some(Stage::Keys { .. }) => 25,
            Some(Stage::Rows { sorter, .. }) => 25 + sorter.percent() * 3 / 4,
            None => 100,
        };
        Some(done)
    }

    /// Returns whether a sort is in progress or due.
    pub(in crate::model) fn is_behind(&self) -> bool {
        self.stage.is_some() || self.is_stale
    }

    fn begin(&mut self, known: &Known<'_>) {
        let columns = self.column.texts();
        let used = (0..).zip(known.rows.used()).filter(|(_, used)| **used & columns != 0);
        self.stage = Some(Stage::Texts(Sorter::new(used.map(|(sym, _)| sym).collect())));
        self.is_stale = false;
    }

    /// Runs one slice of the sort. Returns whether a new order is complete.
    pub(in crate::model) fn work(&mut self, known: &Known<'_>) -> bool {
        if self.stage.is_none() && self.is_stale {
            self.begin(known);
        }
        let (rows, column) = (known.rows, self.column);
        let (next, is_done) = match self.stage.take() {
            None => (None, false),
            Some(Stage::Texts(mut sorter)) => {
                if sorter.work(SLICE, |sym| column.words(rows.symbols(), Sym(sym))) {
                    (Some(Stage::Texts(sorter)), false)
                } else {
                    (Some(Stage::Keys { ranks: ranks(&sorter.finish()), keys: Vec::new(), next: 0 }), false)
                }
            }
            Some(Stage::Keys { ranks, mut keys, next }) => {
                keys.resize(rows.places(), u64::MAX);
                let order = rows.order();
                let end = (next + SLICE).min(order.len());
                for at in order.range(next.min(end)..end) {
                    keys[at.0 as usize] = key(known, column, &ranks, *at);
                }
                if end == order.len() {
                    // Rows inserted before `next` meanwhile have no key, so they are sorted last for now.
                    let sorter = Sorter::new(order.iter().copied().collect());
                    (Some(Stage::Rows { keys, sorter }), false)
                } else {
                    (Some(Stage::Keys { ranks, keys, next: end }), false)
                }
            }
            Some(Stage::Rows { keys, mut sorter }) => {
                if sorter.work(SLICE, |at| keys.get(at.0 as usize).copied().unwrap_or(u64::MAX)) {
                    (Some(Stage::Rows { keys, sorter }), false)
                } else {
                    let mut ids = sorter.finish();
                    ids.retain(|at| rows.is_there(*at));
                    let missing = missing(known, &ids);
                    if missing.len() > MISSING_MAX {
                        // So many rows came meanwhile that a new sort is faster.
                        self.is_stale = true;
                        self.stage = None;
                        return false;
                    }
                    self.ids = self.fold_in(known, ids, missing);
                    self.has_ids = true;
                    (None, true)
                }
            }
        };
        self.stage = next;
        is_done
    }

    /// Merges missing rows into rows that are in this order.
    fn fold_in(&self, known: &Known<'_>, ids: Vec<RowRef>, missing: Vec<RowRef>) -> Vec<RowRef> {
        if missing.is_empty() {
            return ids;
        }
        let mut placed: Vec<(usize, RowRef)> =
            missing.into_iter().map(|at| (self.place(known, &ids, at), at)).collect();
        placed.sort_by(|one, other| {
            one.0.cmp(&other.0).then_with(|| self.column.compare(known, one.1, other.1))
        });
        let mut all = Vec::with_capacity(ids.len() + placed.len());
        let mut from = 0;
        for (place, at) in placed {
            all.extend_from_slice(&ids[from..place]);
            all.push(at);
            from = place;
        }
        all.extend_from_slice(&ids[from..]);
        all
    }

    /// Adds new rows. A few are inserted at once, and the method returns `true`. For many, it marks the order as stale
    /// and returns `false`; they are listed after the next sort.
    pub(in crate::model) fn grew(&mut self, known: &Known<'_>, new: &[RowRef]) -> bool {
        if !self.has_ids || new.len() > ONE_BY_ONE {
            self.is_stale = true;
            return false;
        }
        // A sort in progress may miss these rows.
        self.is_stale |= self.stage.is_some();
        for at in new {
            let place = self.place(known, &self.ids, *at);
            self.ids.insert(place, *at);
        }
        true
    }

    /// Returns the index at which a row belongs among `ids`, which are in this order.
    pub(in crate::model) fn place(&self, known: &Known<'_>, ids: &[RowRef], at: RowRef) -> usize {
        ids.partition_point(|other| self.column.compare(known, *other, at).is_lt())
    }

    /// Marks the order as stale, so that it is computed again.
    pub(in crate::model) fn mark_stale(&mut self) {
        self.is_stale = true;
    }

    /// Removes rows that were cut.
    pub(in crate::model) fn cut(&mut self, known: &Known<'_>) {
        self.ids.retain(|at| known.rows.is_there(*at));
    }
}

/// Returns the rows that are not in `ids`, because they came after the sort began.
fn missing(known: &Known<'_>, ids: &[RowRef]) -> Vec<RowRef> {
    if ids.len() == known.rows.len() {
        return Vec::new();
    }
    let mut has = Bitset::default();
    for at in ids {
        has.set(*at);
    }
    known.rows.order().iter().copied().filter(|at| !has.has(*at)).collect()
}

/// Returns the rank of each text, counted from 1. Texts that compare equal have different ranks.
fn ranks(sorted: &[u32]) -> Vec<u32> {
    let mut ranks = vec![0; sorted.iter().max().map_or(0, |last| *last as usize + 1)];
    for (rank, sym) in (1..).zip(sorted) {
        ranks[*sym as usize] = rank;
    }
    ranks
}

fn key(known: &Known<'_>, column: Column, ranks: &[u32], at: RowRef) -> u64 {
    if column.texts() == 0 {
        return u64::from(column.number(known, at));
    }
    let (class, sym) = column.text(known, at);
    u64::from(class) << 32 | u64::from(ranks.get(sym.0 as usize).copied().unwrap_or(u32::MAX))
}
