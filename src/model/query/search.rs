//! What stands out without hiding the rest: smart case, next and previous, how many.

use regex::{Regex, RegexBuilder};

use super::{Filter, Query};
use crate::model::data::bitset::Bitset;
use crate::model::{Known, List, RowRef};

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
    pub(in crate::model) fn new(text: &str) -> Option<Self> {
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

    /// Finds all rows that match, and counts those that are listed. One pass over the texts and one over the rows.
    pub(in crate::model) fn list_hits(&mut self, known: &Known<'_>, list: &List) {
        self.hits = self.filter.passing(known);
        self.count_listed(known, list);
    }

    /// Counts the listed rows that match.
    pub(in crate::model) fn count_listed(&mut self, known: &Known<'_>, list: &List) {
        let listed = list.shown().unwrap_or_else(|| known.rows.order());
        self.count = listed.iter().filter(|at| self.is_hit(RowRef(**at))).count();
        self.at = None;
    }

    /// Takes in rows that are new; those in `shown` are listed.
    pub(in crate::model) fn grew(&mut self, known: &Known<'_>, new: &[RowRef], shown: &[RowRef]) {
        for at in new {
            if self.filter.shows(known, *at) {
                self.hits.set(at.0);
            }
        }
        self.count += shown.iter().filter(|at| self.is_hit(**at)).count();
    }

    /// Notes which of the listed matches the reader is on.
    pub(in crate::model) fn stand_at(&mut self, at: Option<usize>) {
        self.at = at;
    }

    /// Whether a row matches.
    pub(in crate::model) fn is_hit(&self, at: RowRef) -> bool {
        self.hits.has(at.0)
    }
}
