//! Shows pages and goes back to earlier ones.

use crate::model::pages::CameFrom;
use crate::model::{Command, DetailPlace, Effect, Filter, Known, Model, Notice, Page, Pane};

/// The number of opened pivot rows that can be gone back to. Beyond it, the oldest is forgotten.
const CAME_FROM_MAX: usize = 32;

/// Shows the page that belongs to a command.
pub(in crate::model) fn show_of(model: &mut Model, command: Command) -> Vec<Effect> {
    Page::of(command).map_or_else(Vec::new, |page| show(model, page))
}

/// Shows a page. Closes it instead if it covers the screen already.
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

/// Lists the consents of the pivot row under the cursor.
pub(in crate::model) fn enter(model: &mut Model) -> Vec<Effect> {
    let Some(subject) = model.page.subject() else { return Vec::new() };
    let Some(number) = model.pivots[subject as usize].cursor() else { return Vec::new() };
    let text = subject.query(&Known { rows: &model.rows, ledger: &model.ledger }, number);
    // The generated filter is well formed, but a very long name can exceed the length limit.
    let query = match model.parse(&text) {
        Ok(query) => query,
        Err(error) => {
            model.notice = Some(Notice::bad(format!("This cannot be listed: {error}")));
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

/// Goes back to the pivot page of the row that was opened last. Returns `None` if no row was opened.
fn back_to_pivot(model: &mut Model) -> Option<Vec<Effect>> {
    let CameFrom { page, filter } = model.came_from.pop()?;
    let mut effects = model.set_filter(filter);
    effects.extend(show(model, page));
    Some(effects)
}

/// Goes back one step: closes the page on top, leaves a pivot page, closes the detail, or goes back on the list.
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

/// Ends the search, goes back to the pivot page, or clears the filter: the first of these that applies.
fn back_from_list(model: &mut Model) -> Vec<Effect> {
    if model.search.take().is_some() {
        return Vec::new();
    }
    match back_to_pivot(model) {
        Some(effects) => effects,
        None => model.set_filter(None),
    }
}
