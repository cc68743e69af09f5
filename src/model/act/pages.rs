//! Shows pages and goes back from them.

use crate::model::pages::CameFrom;
use crate::model::{Command, DetailPlace, Effect, Filter, Known, Model, Notice, Page, Pane};

/// Pivot rows opened one out of another; the first is forgotten beyond this.
const CAME_FROM_MAX: usize = 32;

/// Shows the page of a command.
pub(in crate::model) fn show_of(model: &mut Model, command: Command) -> Vec<Effect> {
    Page::of(command).map_or_else(Vec::new, |page| show(model, page))
}

/// Shows a page; one that lies over the others already is closed.
pub(in crate::model) fn show(model: &mut Model, page: Page) -> Vec<Effect> {
    if page.lies_over() {
        model.over = (model.over != Some(page)).then_some(page);
        (model.workspace.at, model.over_top) = (0, 0);
        model.workspace.find.clear();
        return Vec::new();
    }
    model.over = None;
    model.page = page;
    model.pane = Pane::List;
    model.keep_up()
}

/// Lists the consents of the pivot row that the reader stands on.
pub(in crate::model) fn enter(model: &mut Model) -> Vec<Effect> {
    let Some(subject) = model.page.subject() else { return Vec::new() };
    let Some(number) = model.pivots[subject as usize].cursor() else { return Vec::new() };
    let text = subject.query(&Known { rows: &model.rows, ledger: &model.ledger }, number);
    // What was made here is well formed; a name beyond all measure may still be too long.
    let query = match model.parse(&text) {
        Ok(query) => query,
        Err(error) => {
            model.notice = Some(Notice { text: format!("This cannot be listed: {error}"), is_bad: true });
            return Vec::new();
        }
    };
    if model.came_from.len() == CAME_FROM_MAX {
        model.came_from.remove(0);
    }
    let filter = model.filter.as_ref().map(Filter::query_shared);
    model.came_from.push(CameFrom { page: model.page, filter });
    model.page = Page::Consents;
    model.set_filter(Some(query.into()))
}

/// Goes back to the pivot row that was opened. Returns `None` if none was.
fn back_to_pivot(model: &mut Model) -> Option<Vec<Effect>> {
    let CameFrom { page, filter } = model.came_from.pop()?;
    let mut effects = model.set_filter(filter);
    effects.extend(show(model, page));
    Some(effects)
}

/// Goes back one step: from the page that lies over, from a page of counts, from the detail, then on the list.
pub(in crate::model) fn back(model: &mut Model) -> Vec<Effect> {
    if model.over.take().is_some() {
        return Vec::new();
    }
    if model.page != Page::Consents {
        return show(model, Page::Consents);
    }
    match model.pane {
        Pane::Detail => {
            model.pane = Pane::List;
            if model.detail_place() == DetailPlace::Alone {
                model.opened = None;
            }
        }
        Pane::List if model.opened.is_some() => model.opened = None,
        Pane::List => return back_from_list(model),
    }
    Vec::new()
}

/// One step at a time: what is searched for, the pivot row that was opened, the filter.
fn back_from_list(model: &mut Model) -> Vec<Effect> {
    if model.search.take().is_some() {
        return Vec::new();
    }
    match back_to_pivot(model) {
        Some(effects) => effects,
        None => model.set_filter(None),
    }
}
