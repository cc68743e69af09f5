//! Mouse input: the wheel moves the cursor, and a click moves it to the line clicked.

use super::{choices, detail, movement, palette};
use crate::model::data::layout::contains;
use crate::model::{Ask, Effect, Model, Pane};

/// Lines to move for each notch of the wheel.
const NOTCH: isize = 3;

/// Handles one notch of the wheel.
pub(in crate::model) fn wheel(model: &mut Model, down: bool) -> Vec<Effect> {
    if model.prompt.is_some() {
        // The wheel moves the selection of the palette. Other prompts ignore it.
        if model.prompt.as_ref().is_some_and(|prompt| prompt.ask == Ask::Command) {
            palette::step(model, !down);
        }
        return Vec::new();
    }
    movement::step(model, if down { NOTCH } else { -NOTCH })
}

/// Moves the cursor to the line that was clicked, or opens the line if the cursor is there already.
pub(in crate::model) fn click(model: &mut Model, column: u16, row: u16) -> Vec<Effect> {
    if model.prompt.is_some() {
        return Vec::new();
    }
    if model.over.is_some() {
        return choices::click(model, column, row);
    }
    let regions = model.regions();
    if contains(regions.detail, column, row) {
        model.pane = Pane::Detail;
        let line = usize::from(row.saturating_sub(regions.detail.y + 1));
        let height = usize::from(regions.detail.height.saturating_sub(2));
        if let Some(tree) = model.opened.as_mut().and_then(|opened| opened.tree.as_mut()) {
            let there = tree.top(height) + line;
            let here = tree.cursor();
            tree.step(there as isize - here as isize, height);
            if there == here {
                tree.turn_here();
            }
        }
        return Vec::new();
    }
    if !contains(regions.list, column, row) {
        return Vec::new();
    }
    model.pane = Pane::List;
    let line = usize::from(row - regions.list.y);
    let height = usize::from(regions.list.height);
    let here = match model.page.subject() {
        None => model.list.window(&model.rows, height).cursor,
        Some(subject) => model.pivots[subject as usize].window(height).1,
    };
    match here {
        Some(here) if here == line => detail::open(model),
        Some(here) => movement::step(model, line as isize - here as isize),
        None => Vec::new(),
    }
}
