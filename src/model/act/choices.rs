//! Pages with a list of choices, one on each line.

use super::{columns, marks, save, saved_filters};
use crate::consent::ExportFormat;
use crate::model::data::layout::{Rect, contains};
use crate::model::data::shape::Change;
use crate::model::{Effect, Model, Page};

/// Returns the number of choices on the page that is shown, or `None` if it has no choices.
fn count(model: &Model) -> Option<usize> {
    match model.over? {
        Page::Marks => Some(model.rows.marks().len()),
        Page::Filters => Some(model.workspace.saved.len()),
        Page::Save => Some(ExportFormat::ALL.len()),
        Page::Columns => Some(model.shape.entries().len()),
        Page::Consents
        | Page::Clients
        | Page::People
        | Page::Scopes
        | Page::Help
        | Page::Readiness
        | Page::Sources
        | Page::Copied => None,
    }
}

/// The width of the page of columns. It is drawn beside the list, so that changes are visible at once.
const BESIDE_WIDTH: u16 = 28;

impl Model {
    /// Returns the area of the page of choices with its title, or an empty area if none is shown.
    pub fn choices_page(&self) -> Rect {
        let (width, height) = self.size;
        let Some(count) = count(self) else { return Rect::default() };
        if self.over != Some(Page::Columns) {
            return Rect::new(0, 0, width, height);
        }
        let foot = self.regions().foot.height;
        let lines = (count as u16 + 1).min(height.saturating_sub(foot));
        let columns = BESIDE_WIDTH.min(width);
        Rect::new(width - columns, height - foot - lines, columns, lines)
    }
}

/// Returns the first of `count` choices shown in a window of `height` lines, so that choice `at` is visible.
pub fn first_choice(at: usize, count: usize, height: usize) -> usize {
    at.saturating_sub(height / 2).min(count.saturating_sub(height))
}

/// Moves to the choice that was clicked, or applies it if it is selected already.
pub(in crate::model) fn click(model: &mut Model, column: u16, row: u16) -> Vec<Effect> {
    let page = model.choices_page();
    let Some(count) = count(model).filter(|_| contains(page, column, row) && row > page.y) else {
        return Vec::new();
    };
    // The last line of the page of marks counts the marks of other journals.
    let last = model.over == Some(Page::Marks) && model.rows.marks().elsewhere > 0;
    let height = usize::from(page.height.saturating_sub(1 + u16::from(last)));
    let there = first_choice(model.workspace.at, count, height) + usize::from(row - page.y - 1);
    if there == model.workspace.at {
        return choose(model);
    }
    if there < count {
        model.workspace.at = there;
    }
    Vec::new()
}

/// Moves the selection, and returns whether a page of choices is shown.
pub(in crate::model) fn step(model: &mut Model, lines: isize) -> bool {
    let Some(count) = count(model) else { return false };
    model.workspace.at = model.workspace.at.saturating_add_signed(lines).min(count.saturating_sub(1));
    true
}

/// Applies the selected choice.
pub(in crate::model) fn choose(model: &mut Model) -> Vec<Effect> {
    match model.over {
        Some(Page::Marks) => marks::choose(model),
        Some(Page::Save) => save::choose(model),
        Some(Page::Columns) => columns::change(model, Change::Show),
        Some(Page::Filters) => {
            model.over = None;
            saved_filters::apply(model, model.workspace.at)
        }
        _ => Vec::new(),
    }
}
