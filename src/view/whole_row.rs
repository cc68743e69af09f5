//! The row under the cursor in full, without truncation to columns.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::Pen;
use super::{Role, Theme, text};
use crate::model::{Model, Page, Regions, cells};

/// Draws who, the client with its server, and all scopes.
///
/// A text longer than the line also covers the lines above it, up to half of the list. If it would cover the cursor, it
/// covers the top of the list. While the list follows new rows, only a hint is drawn, because the row would change with
/// each event.
pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, regions: &Regions) {
    let area = regions.whole;
    if area.is_empty() || model.page != Page::Consents {
        return;
    }
    let mut pen = Pen::new(buffer, theme, area);
    let is_still = !model.list.is_following() || model.offline.is_some();
    let Some(at) = model.list.cursor().filter(|_| is_still && !model.list.is_empty(&model.rows)) else {
        if !model.list.is_empty(&model.rows) {
            pen.put(0, " Move to any row to show it in full here.", Role::Dim);
        }
        return;
    };
    let dot = if theme.ascii { " | " } else { " · " };
    let words = cells::whole(model, at).join(dot);
    let words = theme.shown(&words);
    let lines = text::wrap(&words, area.width.saturating_sub(2));
    let window = model.list.window(&model.rows, usize::from(regions.list.height));
    let most = most(regions.list);
    let more = (lines.len() as u16).saturating_sub(1).min(most);
    pen.put(0, " ", Role::Text);
    if more == 0 {
        pen.put(0, &words, Role::Text);
        return;
    }
    let place = place(regions.list, area, more, window.cursor);
    if place.y == regions.list.y {
        pen.put(0, &words, Role::Text);
    }
    for y in place.top()..place.bottom() {
        for x in place.left()..place.right() {
            if let Some(cell) = buffer.cell_mut((x, y)) {
                cell.reset();
            }
        }
    }
    let mut pen = Pen::new(buffer, theme, place).over(Role::SelectedDim);
    for (line, words) in (0..=more).zip(&lines) {
        pen.go(1);
        if line == more && lines.len() > usize::from(more) + 1 {
            // If half of the list is not enough, the last line is truncated with a mark.
            pen.put(line, &lines[usize::from(more)..].join(" "), Role::Text);
        } else {
            pen.put(line, words, Role::Text);
        }
    }
}

/// Returns the number of lines of the list that a text may cover: less than half, so that its two possible places do
/// not overlap.
fn most(list: Rect) -> u16 {
    list.height.saturating_sub(1) / 2
}

/// Returns the area of a text with `more` lines beyond the first: above its line, or at the top of the list if it would
/// cover the cursor.
fn place(list: Rect, area: Rect, more: u16, cursor: Option<usize>) -> Rect {
    let top = area.y - more;
    let covers = cursor.is_some_and(|line| usize::from(list.y) + line >= usize::from(top));
    let y = if covers && list.bottom() > top { list.y } else { top };
    Rect { y, height: more + 1, ..area }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_never_covers_the_cursor() {
        for height in 1..24 {
            let list = Rect::new(0, 2, 80, height);
            let area = Rect::new(0, list.bottom(), 80, 1);
            for more in 1..=most(list) {
                for cursor in 0..height {
                    let place = place(list, area, more, Some(usize::from(cursor)));
                    let y = list.y + cursor;
                    assert!(y < place.top() || y >= place.bottom(), "{height} {more} {cursor}: {place:?}");
                    assert!(place.top() >= list.top() && place.bottom() <= area.bottom());
                }
            }
        }
    }
}
