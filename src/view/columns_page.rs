//! The page of columns, drawn beside the list.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::Pen;
use super::{Role, Theme, text_pages};
use crate::model::{Model, Page, first_choice};

/// Draws one line for each column: whether it is shown, its name and its width. The page covers only the lower right of
/// the area, so that the list stays visible.
pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let entries = model.shape.entries();
    let page = model.choices_page().intersection(area);
    let body = text_pages::frame(theme, buffer, page, Page::Columns.title(), Page::Columns.keys());
    let top = first_choice(model.workspace.at, entries.len(), usize::from(body.height));
    for (line, (index, entry)) in (0..body.height).zip(entries.iter().enumerate().skip(top)) {
        let mut pen = Pen::new(buffer, theme, Rect::new(body.x, body.y + line, body.width, 1));
        if index == model.workspace.at {
            pen = pen.over(Role::Selected);
            pen.put(0, theme.cursor(), Role::Mark);
        }
        pen.go(1);
        pen.put(0, if entry.is_shown { "[x] " } else { "[ ] " }, Role::Key);
        pen.put(0, entry.column.name(), if entry.is_shown { Role::Text } else { Role::Dim });
        let width = entry.width.map_or("as fits ".to_owned(), |width| format!("{width} wide "));
        pen.put_right(0, &[(width, Role::Dim)]);
    }
}
