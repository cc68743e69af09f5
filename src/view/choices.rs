//! The pages of columns and of filters: lines to choose from.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::Pen;
use super::{Role, Theme, pages};
use crate::consent::visible;
use crate::model::Model;

/// One line a column: whether it is shown, its name, its width.
pub(super) fn columns(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let help = "Enter shows or hides, K J move, + - width, = free, Esc back";
    let body = pages::frame(theme, buffer, area, "Columns", help);
    let entries = model.shape.entries();
    let top = pages::top(model.desk.at, entries.len(), usize::from(body.height));
    for (line, (index, entry)) in (0..body.height).zip(entries.iter().enumerate().skip(top)) {
        let mut pen = line_of(model, theme, buffer, body, line, index);
        pen.go(1);
        pen.put(0, if entry.is_shown { "[x] " } else { "[ ] " }, Role::Key);
        pen.put(0, entry.column.name(), if entry.is_shown { Role::Text } else { Role::Dim });
        pen.go(14);
        let width = entry.width.map_or("as there is room".to_owned(), |width| format!("{width} wide"));
        pen.put(0, &width, Role::Dim);
    }
}

/// One line a filter: its name, if the configuration gives it one, and its text.
pub(super) fn filters(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let body = pages::frame(theme, buffer, area, "Filters", "Enter takes it, Esc back");
    let filters: Vec<(&str, &str)> = model.desk.filters().collect();
    if filters.is_empty() {
        let words =
            " No filter was used yet. f types one; [filters] in the configuration keeps some by name.";
        Pen::new(buffer, theme, body).put(0, words, Role::Dim);
    }
    let top = pages::top(model.desk.at, filters.len(), usize::from(body.height));
    for (line, (index, (name, text))) in (0..body.height).zip(filters.iter().enumerate().skip(top)) {
        let mut pen = line_of(model, theme, buffer, body, line, index);
        pen.go(1);
        pen.put_within(0, &visible(name), Role::Key, 16);
        pen.go(18);
        pen.put(0, &model.mask.text(&visible(text)), Role::Text);
    }
}

fn line_of<'a>(
    model: &Model,
    theme: &'a Theme,
    buffer: &'a mut Buffer,
    body: Rect,
    line: u16,
    index: usize,
) -> Pen<'a> {
    let pen = Pen::new(buffer, theme, Rect::new(body.x, body.y + line, body.width, 1));
    if index != model.desk.at {
        return pen;
    }
    let mut pen = pen.over(Role::Selected);
    pen.put(0, theme.cursor(), Role::Mark);
    pen
}
