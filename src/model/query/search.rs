//! Search with smart case. Matches are highlighted and counted, and other rows stay visible.

use regex::{Regex, RegexBuilder};

use super::{Filter, Query};
use crate::model::data::bitset::Bitset;
use crate::model::{Known, List, RowRef};

/// A text to search for, and the rows that match it.
#[derive(Debug)]
pub struct Search {
    text: String,
    pattern: Regex,
    filter: Filter,
    hits: Bitset,
    /// The number of listed rows that match.
    count: usize,
    /// The rank of the cursor's row among them, counted from 1, as of the last step. `None` if it does not match.
    at: Option<usize>,
}

impl Search {
    /// Creates a search, or returns `None` if the text is empty.
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

    /// Returns the text to search for.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the pattern to highlight in displayed texts.
    pub fn pattern(&self) -> &Regex {
        &self.pattern
    }

    /// Returns the rank of the cursor's row among the listed matches, if it is one, and the number of listed matches.
    pub fn count(&self) -> (Option<usize>, usize) {
        (self.at, self.count)
    }

    /// Finds all rows that match, and counts those that are listed. Makes one pass over the texts and one over the
    /// rows.
    pub(in crate::model) fn list_hits(&mut self, known: &Known<'_>, list: &List) {
        self.hits = self.filter.passing(known);
        self.count_listed(known, list);
    }

    /// Counts the listed rows that match.
    pub(in crate::model) fn count_listed(&mut self, known: &Known<'_>, list: &List) {
        let listed = list.shown().unwrap_or_else(|| known.rows.order());
        self.count = listed.iter().filter(|at| self.is_hit(**at)).count();
        self.at = None;
    }

    /// Adds new rows. Those in `shown` are listed.
    pub(in crate::model) fn grew(&mut self, known: &Known<'_>, new: &[RowRef], shown: &[RowRef]) {
        for at in new {
            if self.filter.shows(known, *at) {
                self.hits.set(*at);
            }
        }
        self.count += shown.iter().filter(|at| self.is_hit(**at)).count();
    }

    /// Sets the rank of the cursor's row among the listed matches.
    pub(in crate::model) fn stand_at(&mut self, at: Option<usize>) {
        self.at = at;
    }

    /// Returns whether a row matches.
    pub(in crate::model) fn is_hit(&self, at: RowRef) -> bool {
        self.hits.has(at)
    }
}
