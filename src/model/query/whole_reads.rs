//! Reads full events for filters with deep conditions, which the columns of the list cannot answer.

use std::sync::Arc;

use super::{Filter, Query};
use crate::consent::Seq;
use crate::model::{Known, RowRef};

/// An order to read full consents and test a filter on them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LookUp {
    /// The number of the order, which increases with each filter.
    pub number: u64,
    /// The filter.
    pub query: Arc<Query>,
    /// The rows that may pass, in the order in which to read them.
    pub seqs: Vec<Seq>,
}

/// The rows whose full events are being read for the filter.
#[derive(Debug, Default)]
pub struct WholeReads {
    /// The number of the filter, which increases with each filter.
    number: u64,
    /// The rows of the current order.
    order: Vec<Seq>,
    /// The number of rows of the current order that were read.
    read: usize,
    /// Rows to read after the current order.
    waiting: Vec<Seq>,
}

impl WholeReads {
    /// Returns the number of rows left to read and the total, or `None` if no rows are left.
    pub fn left(&self) -> Option<(usize, usize)> {
        let all = self.order.len() + self.waiting.len();
        (all > self.read).then_some((all - self.read, all))
    }

    /// Returns the number of the current filter.
    pub(in crate::model) fn number(&self) -> u64 {
        self.number
    }

    /// Starts the reads for a new filter and discards those of the previous one. Returns the order, if rows must be
    /// read.
    pub(in crate::model) fn begin(
        &mut self,
        filter: Option<&mut Filter>,
        known: &Known<'_>,
    ) -> Option<LookUp> {
        *self = Self { number: self.number + 1, ..Self::default() };
        let filter = filter?;
        // The newest rows are read first.
        let candidates = filter.candidates(known)?;
        self.order = candidates.iter().rev().map(|at| known.rows.get(*at).seq).collect();
        self.order(filter)
    }

    fn order(&self, filter: &Filter) -> Option<LookUp> {
        let (number, query) = (self.number, filter.query_shared());
        (!self.order.is_empty()).then(|| LookUp { number, query, seqs: self.order.clone() })
    }

    /// Queues new rows that may pass. Returns the next order, unless one is in progress.
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

    /// Returns the next order, if the current one is complete and rows are waiting.
    fn next(&mut self, filter: &Filter) -> Option<LookUp> {
        if self.read < self.order.len() || self.waiting.is_empty() {
            return None;
        }
        self.order = std::mem::take(&mut self.waiting);
        self.read = 0;
        self.order(filter)
    }

    /// Applies the results for the filter with a number. Returns the rows that pass, oldest first, and the next order.
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
