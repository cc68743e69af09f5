//! The page of columns: lines to choose from.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::Pen;
use super::{Role, Theme, pages};
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
