//! Which page stands in the place of the list, and how one comes back to where one was.

use std::sync::Arc;

use super::{Effect, Known, Model, Pane, Query, Subject, update};

/// A page in the place of the list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Leaf {
    /// Every consent.
    #[default]
    Consents,
    /// What the ledger counts.
    Pivot(Subject),
}

impl Leaf {
    /// Returns what a pivot page lists.
    pub fn subject(self) -> Option<Subject> {
        match self {
            Self::Consents => None,
            Self::Pivot(subject) => Some(subject),
        }
    }
}

/// Where a pivot row was opened: what `Esc` goes back to.
#[derive(Clone, Debug)]
pub struct CameFrom {
    pub(super) subject: Subject,
    pub(super) filter: Option<Arc<Query>>,
}

/// Pivot rows opened one out of another; the first is forgotten beyond this.
const CAME_FROM_MAX: usize = 32;

/// Shows a page.
pub(super) fn show(model: &mut Model, leaf: Leaf) -> Vec<Effect> {
    model.overlay = None;
    model.leaf = leaf;
    model.pane = Pane::List;
    keep_up(model)
}

/// Lets the page that is shown catch up with the ledger, at once if that takes a moment only.
pub(super) fn keep_up(model: &mut Model) -> Vec<Effect> {
    let Some(subject) = model.leaf.subject() else { return Vec::new() };
    let now_ms = model.now.as_millisecond();
    let pivot = &mut model.pivots[subject as usize];
    if pivot.is_behind(&model.ledger, now_ms) {
        pivot.work(&Known { rows: &model.rows, ledger: &model.ledger }, now_ms);
    }
    if pivot.is_behind(&model.ledger, now_ms) { vec![Effect::Work] } else { Vec::new() }
}

/// Lists the consents of the pivot row that the reader stands on.
pub(super) fn enter(model: &mut Model) -> Vec<Effect> {
    let Some(subject) = model.leaf.subject() else { return Vec::new() };
    let Some(number) = model.pivots[subject as usize].cursor() else { return Vec::new() };
    let text = subject.query(&Known { rows: &model.rows, ledger: &model.ledger }, number);
    // What was made here is well formed; a name beyond all measure may still be too long.
    let query = match Query::parse(&text, model.now.as_millisecond(), &model.zone.shown) {
        Ok(query) => query,
        Err(error) => {
            model.notice =
                Some(super::Notice { text: format!("This cannot be listed: {error}"), is_bad: true });
            return Vec::new();
        }
    };
    if model.came_from.len() == CAME_FROM_MAX {
        model.came_from.remove(0);
    }
    let filter = model.filter.as_ref().map(super::Filter::query_shared);
    model.came_from.push(CameFrom { subject, filter });
    model.leaf = Leaf::Consents;
    update::set_filter(model, Some(query.into()))
}

/// Goes back to the pivot row that was opened. Returns `None` if none was.
pub(super) fn back(model: &mut Model) -> Option<Vec<Effect>> {
    let CameFrom { subject, filter } = model.came_from.pop()?;
    let mut effects = update::set_filter(model, filter);
    effects.extend(show(model, Leaf::Pivot(subject)));
    Some(effects)
}
