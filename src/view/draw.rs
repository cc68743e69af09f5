//! Draws a whole frame.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{
    Role, Theme, columns_page, detail, foot, histogram, list, marks_page, palette, pen::Pen, pivot,
    readiness_line, readiness_page, save_page, sources_line, text_pages, title, whole_row,
};
use crate::model::{Model, Page, Regions, Subject};

/// Draws the model into a frame, of any terminal that ratatui knows.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    draw_cells(model, theme, frame.buffer_mut());
}

/// Draws the model where there is no terminal. Every cell is written, so nothing of an earlier frame can stay.
pub fn draw_cells(model: &Model, theme: &Theme, buffer: &mut Buffer) {
    let area = buffer.area.intersection(Rect::new(0, 0, model.size.0, model.size.1));
    buffer.set_style(buffer.area, theme.style(Role::Text));
    if area.width < 8 || area.height < 2 {
        // There is no room for any region, so only the number of rows is shown.
        Pen::new(buffer, theme, area).put(0, &model.rows.len().to_string(), Role::Text);
        return;
    }
    let regions = model.regions();
    title::draw(model, theme, buffer, regions.title);
    page(model, model.page, theme, buffer, &regions);
    readiness_line::draw(model, theme, buffer, regions.readiness);
    sources_line::sources(model, theme, buffer, regions.sources);
    foot::draw(model, theme, buffer, regions.foot);
    if let Some(over) = model.over {
        page(model, over, theme, buffer, &regions);
    }
    // A prompt is always visible, even if a page covers the last line.
    if model.prompt.is_some() && (model.over.is_some() || regions.foot.is_empty()) {
        let line = Rect { y: area.bottom() - 1, height: 1, ..area };
        text_pages::clear(theme, buffer, line);
        foot::draw(model, theme, buffer, line);
    }
    palette::draw(model, theme, buffer, area);
}

/// Draws a page, in the main area or over the whole screen.
fn page(model: &Model, page: Page, theme: &Theme, buffer: &mut Buffer, regions: &Regions) {
    let area = buffer.area.intersection(Rect::new(0, 0, model.size.0, model.size.1));
    match page {
        Page::Consents => {
            list::draw(model, theme, buffer, regions);
            detail::draw(model, theme, buffer, regions.detail);
            if let Some(shown) = model.histogram {
                histogram::draw(model, shown, theme, buffer, regions.histogram);
            }
            whole_row::draw(model, theme, buffer, regions);
        }
        Page::Clients => pivot::draw(model, Subject::Clients, theme, buffer, regions),
        Page::People => pivot::draw(model, Subject::People, theme, buffer, regions),
        Page::Scopes => pivot::draw(model, Subject::Scopes, theme, buffer, regions),
        Page::Help => text_pages::help(model, theme, buffer, area),
        Page::Readiness => readiness_page::draw(model, theme, buffer, area),
        Page::Sources => text_pages::sources(model, theme, buffer, area),
        Page::Marks => marks_page::draw(model, theme, buffer, area),
        Page::Filters => palette::filters(model, theme, buffer, area),
        Page::Columns => columns_page::draw(model, theme, buffer, area),
        Page::Save => save_page::draw(model, theme, buffer, area),
        Page::Copied => text_pages::copied(model, theme, buffer, area),
    }
}
