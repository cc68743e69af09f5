//! What stands out without hiding the rest: smart case, next and previous, how many.

use regex::{Regex, RegexBuilder};

use super::data::bitset::Bitset;
use super::pages::Leaf;
use super::{Filter, Known, Model, Pane, Query, RowRef};

/// A text that is looked for.
#[derive(Debug)]
pub struct Search {
    text: String,
    pattern: Regex,
    filter: Filter,
    hits: Bitset,
    /// Of the listed rows.
    count: usize,
    /// The place of the reader's row among them, from 1, if it is one; as of the last step.
    at: Option<usize>,
}

impl Search {
    /// Begins; nothing is looked for with an empty text.
    pub(super) fn new(text: &str) -> Option<Self> {
        let has_capital = text.chars().any(char::is_uppercase);
        let pattern = RegexBuilder::new(&regex::escape(text)).case_insensitive(!has_capital).build().ok()?;
        let filter = Filter::new(Query::search(text));
        (!text.is_empty()).then(|| Self {
            text: text.to_owned(),
            pattern,
            filter,
            hits: Bitset::default(),
            count: 0,
            at: None,
        })
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what stands out in a text as it is shown.
    pub fn pattern(&self) -> &Regex {
        &self.pattern
    }

    /// Of the listed rows how many match, and which of these the reader is on.
    pub fn count(&self) -> (Option<usize>, usize) {
        (self.at, self.count)
    }

    /// Whether a row matches.
    pub(super) fn is_hit(&self, at: RowRef) -> bool {
        self.hits.has(at.0)
    }
}

/// Finds all rows that match, and counts those that are listed. One pass over the texts and one over the rows.
pub(super) fn list_hits(model: &mut Model) {
    let Some(search) = &mut model.search else { return };
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    search.hits = search.filter.passing(&known);
    count(model);
}

/// Counts the listed rows that match.
pub(super) fn count(model: &mut Model) {
    let Some(search) = &mut model.search else { return };
    let listed = model.list.shown().unwrap_or_else(|| model.rows.order());
    search.count = listed.iter().filter(|at| search.is_hit(RowRef(**at))).count();
    search.at = None;
}

/// Takes in rows that are new; those in `shown` are listed.
pub(super) fn grew(model: &mut Model, new: &[RowRef], shown: &[RowRef]) {
    let Some(search) = &mut model.search else { return };
    let known = Known { rows: &model.rows, ledger: &model.ledger };
    for at in new {
        if search.filter.shows(&known, *at) {
            search.hits.set(at.0);
        }
    }
    search.count += shown.iter().filter(|at| search.is_hit(**at)).count();
}

/// Goes to the next match of where the keys go, or to the one before, round the end. Returns whether there is one.
pub(super) fn step(model: &mut Model, back: bool) -> bool {
    let height = super::update::page_height(model);
    let Some(search) = &mut model.search else { return false };
    if let Some(subject) = model.leaf.subject() {
        let known = Known { rows: &model.rows, ledger: &model.ledger };
        let pattern = &search.pattern;
        let is = |number| match subject {
            super::Subject::Scopes => pattern.is_match(known.ledger.scopes.name(number)),
            _ => known
                .rows
                .symbols()
                .fields(subject.sym(known.ledger, number))
                .any(|field| pattern.is_match(field)),
        };
        return model.pivots[subject as usize].seek(back, height, is);
    }
    debug_assert_eq!(model.leaf, Leaf::Consents);
    if model.pane == Pane::Detail {
        let tree = model.opened.as_mut().and_then(|opened| opened.tree.as_mut());
        let pattern = &search.pattern;
        return tree.is_some_and(|tree| {
            tree.seek(back, height, |node| pattern.is_match(&node.label) || pattern.is_match(&node.value))
        });
    }
    let found = model.list.seek(&model.rows, back, height, |at| search.is_hit(at));
    if found {
        search.at = model.list.rank(&model.rows, |at| search.is_hit(at));
    }
    found
}
