//! Methods of the model that several actions share: rebuild the list, set the filter, and keep the pivot page up to
//! date.

use std::sync::Arc;

use super::data::layout::place;
use super::{
    Among, Ask, DetailPlace, Effect, Filter, FilterError, Known, Model, Order, Pane, Pivot, Prompt, Query,
};

impl Model {
    /// Rebuilds the list with the current filter and sort order.
    pub(super) fn list_again(&mut self) {
        let known = Known { rows: &self.rows, ledger: &self.ledger };
        match (self.order.as_ref().and_then(Order::sorted), &mut self.filter) {
            (None, None) => self.list.show_by_time(&self.rows, None),
            (None, Some(filter)) => {
                let ids = filter.list(&known, Among::All(self.list.take_room()));
                self.list.show_by_time(&self.rows, Some(ids));
            }
            (Some(sorted), filter) => {
                let mut ids = self.list.take_room();
                ids.clear();
                ids.extend(sorted);
                if let Some(filter) = filter {
                    ids = filter.list(&known, Among::These(ids));
                }
                self.list.show_sorted(&self.rows, ids);
            }
        }
        self.count_matches();
    }

    /// Adds the org to the columns, if there are several orgs and it is not among them.
    pub(super) fn place_org(&mut self) {
        if self.rows.orgs().is_several() {
            for shape in [&mut self.shape, &mut self.workspace.columns_from] {
                *shape = std::mem::take(shape).with_org();
            }
        }
    }

    /// Adds [`Effect::Work`] if a computation has not finished.
    pub(super) fn and_work(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        effects.extend(self.keep_up());
        let order_is = self.order.as_ref().is_some_and(Order::is_behind);
        effects.extend((self.ledger.is_behind() || order_is).then_some(Effect::Work));
        effects.dedup();
        effects
    }

    /// Returns the height in lines of the pane or page that has the keys.
    pub(super) fn page_height(&self) -> usize {
        let regions = self.regions();
        match (self.over, self.pane) {
            (None, Pane::List) => usize::from(regions.list.height),
            (None, Pane::Detail) => usize::from(regions.detail.height.saturating_sub(2)),
            (Some(_), _) => usize::from(self.size.1.saturating_sub(2)),
        }
    }

    /// Sets the filter and rebuilds the list. `None` removes the filter.
    pub(super) fn set_filter(&mut self, query: Option<Arc<Query>>) -> Vec<Effect> {
        // Typing more mostly narrows the filter, so testing the listed rows is enough.
        let is_narrower = match (&self.filter, &query) {
            (Some(before), Some(query)) => query.narrows(before.query()),
            _ => false,
        };
        let mut filter = query.map(Filter::new);
        let within = if is_narrower { self.list.take_shown(&self.rows) } else { None };
        let is_narrower = within.is_some();
        if let (Some(within), Some(filter)) = (within, &mut filter) {
            let known = Known { rows: &self.rows, ledger: &self.ledger };
            let ids = filter.list(&known, Among::These(within));
            self.list.show(&self.rows, Some(ids));
            self.count_matches();
        }
        self.filter = filter;
        let look_up = self.read_whole();
        if !is_narrower {
            self.list_again();
        }
        let mut effects = self.open_cursor();
        effects.extend(look_up);
        effects
    }

    /// Updates the pivot page that is shown from the ledger, for one slice of time. Returns [`Effect::Work`] if it has
    /// not finished.
    pub(super) fn keep_up(&mut self) -> Vec<Effect> {
        let Some(subject) = self.page.subject() else { return Vec::new() };
        let now_ms = self.now.as_millisecond();
        let pivot = &mut self.pivots[subject as usize];
        if pivot.is_behind(&self.ledger, now_ms) {
            pivot.work(&Known { rows: &self.rows, ledger: &self.ledger }, now_ms);
        }
        if pivot.is_behind(&self.ledger, now_ms) { vec![Effect::Work] } else { Vec::new() }
    }

    /// Counts the listed rows that match the search.
    pub(super) fn count_matches(&mut self) {
        if let Some(search) = &mut self.search {
            search.count_listed(&Known { rows: &self.rows, ledger: &self.ledger }, &self.list);
        }
    }

    /// Finds all rows that match the search, in one pass over the texts and one over the rows.
    pub(super) fn list_matches(&mut self) {
        if let Some(search) = &mut self.search {
            search.list_hits(&Known { rows: &self.rows, ledger: &self.ledger }, &self.list);
        }
    }

    /// Starts reading the full events that a new filter needs, or cancels the reads for the previous filter.
    fn read_whole(&mut self) -> Option<Effect> {
        let was_busy = self.whole_reads.left().is_some();
        let is_deep = self.filter.as_ref().is_some_and(|filter| filter.query().is_deep());
        let known = Known { rows: &self.rows, ledger: &self.ledger };
        let wanted = self.whole_reads.begin(self.filter.as_mut(), &known).map(Effect::LookUp);
        let forgotten = (was_busy && !is_deep).then(|| Effect::ForgetLookUp(self.whole_reads.number()));
        wanted.or(forgotten)
    }

    /// Parses a filter expression.
    ///
    /// # Errors
    /// Returns the position of the first character that cannot be parsed, and the reason.
    pub(super) fn parse(&self, text: &str) -> Result<Query, FilterError> {
        Query::parse(text, self.now.as_millisecond(), &self.zone.shown)
    }

    /// Opens a prompt that contains `text`.
    pub(super) fn open_prompt(&mut self, ask: Ask, text: &str) -> Vec<Effect> {
        let stood = (self.list.cursor(), self.list.is_following());
        self.prompt = Some(Prompt { stood, ..Prompt::new(ask, text) });
        Vec::new()
    }

    /// Returns where the detail is drawn at the current terminal size.
    pub(super) fn detail_place(&self) -> DetailPlace {
        place(self.size.0, self.size.1)
    }

    /// Returns the pivot page that is shown, or `None` if the list is shown.
    pub(super) fn pivot(&mut self) -> Option<&mut Pivot> {
        self.page.subject().map(|subject| &mut self.pivots[subject as usize])
    }

    /// Sets the filter given on the command line.
    pub fn filter_by(&mut self, query: Query) {
        // Nothing is open and there are no rows yet, so there are no effects.
        drop(self.set_filter((!query.is_empty()).then(|| query.into())));
    }
}
