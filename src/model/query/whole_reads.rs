//! What a filter asks for and the list does not hold: which rows are being read whole, and what they turned out to be.

use std::sync::Arc;

use super::{Filter, Query};
use crate::consent::Seq;
use crate::model::{Known, RowRef};

/// Consents to look into, and what for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookUp {
    /// Rises with each filter.
    pub number: u64,
    /// The filter.
    pub query: Arc<Query>,
    /// The rows that may pass, in the order in which they are to be read.
    pub seqs: Vec<Seq>,
}

/// Rows that are being read whole since the filter asks for more than the list holds.
#[derive(Debug, Default)]
pub struct WholeReads {
    /// Of the filter; rises.
    number: u64,
    /// The order that is under way.
    order: Vec<Seq>,
    /// How many of it were read.
    read: usize,
    /// Came since.
    waiting: Vec<Seq>,
}

impl WholeReads {
    /// How many rows are still to be read, and how many in all, or `None` if none are.
    pub fn left(&self) -> Option<(usize, usize)> {
        let all = self.order.len() + self.waiting.len();
        (all > self.read).then_some((all - self.read, all))
    }

    /// Returns the number of the filter that rows are read for.
    pub(in crate::model) fn number(&self) -> u64 {
        self.number
    }

    /// Begins for a new filter, and forgets what was going on. Returns what is to be read.
    pub(in crate::model) fn begin(
        &mut self,
        filter: Option<&mut Filter>,
        known: &Known<'_>,
    ) -> Option<LookUp> {
        *self = Self { number: self.number + 1, ..Self::default() };
        let filter = filter?;
        // The newest are wanted first.
        let candidates = filter.candidates(known)?;
        self.order = candidates.iter().rev().map(|at| known.rows.get(RowRef(*at)).seq).collect();
        self.order(filter)
    }

    fn order(&self, filter: &Filter) -> Option<LookUp> {
        let (number, query) = (self.number, filter.query_shared());
        (!self.order.is_empty()).then(|| LookUp { number, query, seqs: self.order.clone() })
    }

    /// Takes in rows that came; those that may pass are to be read. Returns what is to be read now.
    pub(in crate::model) fn grew(
        &mut self,
        filter: Option<&mut Filter>,
        known: &Known<'_>,
        new: &[RowRef],
    ) -> Option<LookUp> {
        let filter = filter.filter(|filter| filter.query().is_deep())?;
        let wanted =
            new.iter().filter(|at| filter.is_candidate(known, **at)).map(|at| known.rows.get(*at).seq);
        self.waiting.extend(wanted);
        self.next(filter)
    }

    /// Gives the next order out, once the one before is done.
    fn next(&mut self, filter: &Filter) -> Option<LookUp> {
        if self.read < self.order.len() || self.waiting.is_empty() {
            return None;
        }
        self.order = std::mem::take(&mut self.waiting);
        self.read = 0;
        self.order(filter)
    }

    /// Takes in what was read for the filter of a number. Returns the rows that pass, oldest first, and what is to be
    /// read next.
    pub(in crate::model) fn learn(
        &mut self,
        filter: Option<&mut Filter>,
        known: &Known<'_>,
        number: u64,
        found: &[(Seq, u64)],
        looked: usize,
    ) -> (Vec<RowRef>, Option<LookUp>) {
        if self.number != number {
            return (Vec::new(), None);
        }
        let end = (self.read + looked).min(self.order.len());
        let read = &self.order[self.read..end];
        self.read = end;
        let places: Vec<RowRef> = read.iter().filter_map(|seq| known.rows.find(*seq)).collect();
        let Some(filter) = filter else { return (Vec::new(), None) };
        for at in &places {
            filter.learn(*at, 0);
        }
        for (seq, met) in found {
            if let Some(at) = known.rows.find(*seq) {
                filter.learn(at, *met);
            }
        }
        let mut passing: Vec<RowRef> = places.into_iter().filter(|at| filter.shows(known, *at)).collect();
        passing.sort_by_key(|at| known.rows.key(*at));
        (passing, self.next(filter))
    }
}
