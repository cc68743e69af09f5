//! The save page, with the formats of files.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::{Pen, grouped};
use super::{Role, Theme, text_pages};
use crate::consent::ExportFormat;
use crate::model::{Model, Page, first_choice, save_count};

/// Draws one line for each format.
pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let extent = model.workspace.extent;
    let title = format!(
        "{}: {}, {} rows",
        Page::Save.title(),
        extent.word(),
        grouped(save_count(model, extent) as u64)
    );
    let body = text_pages::frame(theme, buffer, area, &title, Page::Save.keys());
    let at = model.workspace.at;
    let first = first_choice(at, ExportFormat::ALL.len(), usize::from(body.height));
    for (line, (index, format)) in (0..body.height).zip(ExportFormat::ALL.iter().enumerate().skip(first)) {
        let mut pen = Pen::new(buffer, theme, Rect::new(body.x, body.y + line, body.width, 1));
        if index == at {
            pen = pen.over(Role::Selected);
            pen.put(0, theme.cursor(), Role::Mark);
        }
        pen.go(1);
        pen.put(0, format.ending(), Role::Key);
        pen.go(13);
        pen.put(0, format.words(), Role::Text);
    }
}
