//! What a filter asks for and the list does not hold: which rows are being read whole, and what they turned out to be.

use super::{Effect, Known, LookUp, Model, RowRef};
use crate::consent::Seq;

/// Rows that are being looked into.
#[derive(Debug, Default)]
pub struct Looking {
    /// Of the filter; rises.
    number: u64,
    /// The order that is under way.
    order: Vec<Seq>,
    /// How many of it were read.
    read: usize,
    /// Came since.
    waiting: Vec<Seq>,
}

impl Looking {
    /// How many rows are still to be read, and how many in all, or `None` if none are.
    pub fn left(&self) -> Option<(usize, usize)> {
        let all = self.order.len() + self.waiting.len();
        (all > self.read).then_some((all - self.read, all))
    }
}

/// Begins for a new filter, or ends what was going on.
pub(super) fn begin(model: &mut Model) -> Option<Effect> {
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    let number = model.looking.number + 1;
    let candidates = model.filter.as_mut().and_then(|filter| filter.candidates(&known));
    let was_busy = model.looking.left().is_some();
    model.looking = Looking { number, ..Looking::default() };
    match candidates {
        // The newest are wanted first.
        Some(ids) => {
            model.looking.order = ids.iter().rev().map(|at| model.rows.get(RowRef(*at)).seq).collect();
            ask(model)
        }
        None => was_busy.then_some(Effect::ForgetLookUp(number)),
    }
}

fn ask(model: &Model) -> Option<Effect> {
    let query = model.filter.as_ref()?.query_shared();
    let Looking { number, order, .. } = &model.looking;
    (!order.is_empty()).then(|| Effect::LookUp(LookUp { number: *number, query, seqs: order.clone() }))
}

/// Rows came; those that may pass are to be read.
pub(super) fn grew(model: &mut Model, new: &[RowRef]) -> Option<Effect> {
    let filter = model.filter.as_mut().filter(|filter| filter.query().is_deep())?;
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    let wanted = new.iter().filter(|at| filter.is_candidate(&known, **at)).map(|at| model.rows.get(*at).seq);
    model.looking.waiting.extend(wanted);
    next(model)
}

/// Gives the next order out, once the one before is done.
fn next(model: &mut Model) -> Option<Effect> {
    let looking = &mut model.looking;
    if looking.read < looking.order.len() || looking.waiting.is_empty() {
        return None;
    }
    looking.order = std::mem::take(&mut looking.waiting);
    looking.read = 0;
    ask(model)
}

/// Takes in what was read. Returns the rows that pass, oldest first, and what is to be read next.
pub(super) fn learn(
    model: &mut Model,
    number: u64,
    found: &[(Seq, u64)],
    looked: usize,
) -> (Vec<RowRef>, Option<Effect>) {
    let looking = &mut model.looking;
    if looking.number != number {
        return (Vec::new(), None);
    }
    let end = (looking.read + looked).min(looking.order.len());
    let read = &looking.order[looking.read..end];
    looking.read = end;
    let places: Vec<RowRef> = read.iter().filter_map(|seq| model.rows.find(*seq)).collect();
    let Some(filter) = &mut model.filter else { return (Vec::new(), None) };
    for at in &places {
        filter.learn(*at, 0);
    }
    for (seq, met) in found {
        if let Some(at) = model.rows.find(*seq) {
            filter.learn(at, *met);
        }
    }
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    let mut passing: Vec<RowRef> = places.into_iter().filter(|at| filter.shows(&known, *at)).collect();
    passing.sort_by_key(|at| model.rows.key(*at));
    (passing, next(model))
}
