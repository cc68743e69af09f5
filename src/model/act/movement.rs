//! Moves the cursor by lines and pages, to the ends, and with the newest row.

use super::choices;
use crate::model::{Effect, Model, Page, Pane};

/// Moves the cursor of the pane or page that has the keys. A positive number of lines moves down.
pub(in crate::model) fn step(model: &mut Model, lines: isize) -> Vec<Effect> {
    let height = model.page_height();
    if choices::step(model, lines) {
        return Vec::new();
    }
    if let (None, Some(pivot)) = (model.over, model.pivot()) {
        pivot.step(lines, height);
        return Vec::new();
    }
    match (model.over, model.pane) {
        (None, Pane::List) => model.list.step(&model.rows, lines, height),
        (None, Pane::Detail) => {
            if let Some(tree) = model.opened.as_mut().and_then(|opened| opened.tree.as_mut()) {
                tree.step(lines, height);
            }
        }
        (Some(_), _) => {
            model.over_top = model.over_top.saturating_add_signed(lines).min(LINES_MAX);
        }
    }
    model.open_cursor()
}

/// An upper limit on the lines of a page of text.
const LINES_MAX: usize = 400;

/// Moves the cursor to the first or the last line.
pub(in crate::model) fn jump(model: &mut Model, last: bool) -> Vec<Effect> {
    match (model.over, model.pane) {
        (None, Pane::List) if model.page == Page::Consents => model.list.jump(&model.rows, last),
        _ => return step(model, if last { isize::MAX / 2 } else { isize::MIN / 2 }),
    }
    model.open_cursor()
}

/// Follows the newest rows, or holds the list still. If the list is sorted by a column, sorts it by time and follows.
pub(in crate::model) fn follow(model: &mut Model) -> Vec<Effect> {
    if model.order.take().is_some() {
        // Only a list sorted by time has an end to follow.
        model.list_again();
        model.list.resume(&model.rows);
        return model.open_cursor();
    }
    if model.list.is_following() {
        model.list.hold();
        return Vec::new();
    }
    model.list.resume(&model.rows);
    model.open_cursor()
}
