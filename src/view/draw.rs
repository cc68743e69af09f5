//! The whole frame.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{
    Role, Theme, columns, detail, files, foot, list, marks, pages, palette, pen::Pen, pivot, readiness,
    status, strip, title, whole,
};
use crate::model::{Leaf, Model, Overlay};

/// Draws the model. Every cell is written, so nothing of an earlier frame can stay.
pub fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer) {
    let area = buffer.area.intersection(Rect::new(0, 0, model.size.0, model.size.1));
    buffer.set_style(buffer.area, theme.style(Role::Text));
    if area.width < 8 || area.height < 2 {
        // Too small for any region: the count is the one thing that is always true.
        Pen::new(buffer, theme, area).put(0, &model.rows.len().to_string(), Role::Text);
        return;
    }
    let regions = model.regions();
    title::draw(model, theme, buffer, regions.title);
    match model.leaf {
        Leaf::Consents => {
            list::draw(model, theme, buffer, &regions);
            detail::draw(model, theme, buffer, regions.detail);
            if let Some(shown) = model.strip {
                strip::draw(model, shown, theme, buffer, regions.strip);
            }
            whole::draw(model, theme, buffer, &regions);
        }
        Leaf::Pivot(subject) => pivot::draw(model, subject, theme, buffer, &regions),
    }
    readiness::line(model, theme, buffer, regions.readiness);
    status::sources(model, theme, buffer, regions.sources);
    foot::draw(model, theme, buffer, regions.foot);
    match model.overlay {
        Some(Overlay::Help) => pages::help(model, theme, buffer, area),
        Some(Overlay::Readiness) => readiness::page(model, theme, buffer, area),
        Some(Overlay::Sources) => pages::sources(model, theme, buffer, area),
        Some(Overlay::Save) => files::draw(model, theme, buffer, area),
        Some(Overlay::Columns) => columns::draw(model, theme, buffer, area),
        Some(Overlay::Copied) => pages::copied(model, theme, buffer, area),
        Some(Overlay::Filters) => palette::filters(model, theme, buffer, area),
        Some(Overlay::Marks) => marks::draw(model, theme, buffer, area),
        None => {}
    }
    // A line that is typed is seen, whatever lies over the place where it stands.
    if model.prompt.is_some() && (model.overlay.is_some() || regions.foot.is_empty()) {
        let line = Rect { y: area.bottom() - 1, height: 1, ..area };
        pages::clear(theme, buffer, line);
        foot::draw(model, theme, buffer, line);
    }
    palette::draw(model, theme, buffer, area);
}
