//! The page of files: in which form, and which rows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::{Pen, grouped};
use super::{Role, Theme, pages};
use crate::model::{Form, Model, Page, save_count};

/// One line a form.
pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let extent = model.workspace.extent;
    let title = format!(
        "{}: {}, {} rows",
        Page::Save.title(),
        extent.word(),
        grouped(save_count(model, extent) as u64)
    );
    let body = pages::frame(theme, buffer, area, &title, Page::Save.keys());
    for (line, (index, form)) in (0..body.height).zip(Form::ALL.iter().enumerate()) {
        let mut pen = Pen::new(buffer, theme, Rect::new(body.x, body.y + line, body.width, 1));
        if index == model.workspace.at {
            pen = pen.over(Role::Selected);
            pen.put(0, theme.cursor(), Role::Mark);
        }
        let (ending, words) = form.words();
        pen.go(1);
        pen.put(0, ending, Role::Key);
        pen.go(13);
        pen.put(0, words, Role::Text);
    }
}
