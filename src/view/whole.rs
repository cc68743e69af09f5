//! The row under the cursor, whole: whatever the columns of the list cut can be read here.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::Pen;
use super::{Role, Theme, text};
use crate::model::{Leaf, Model, Regions, cells};

/// Draws who, the client with its server, and all scopes. A text longer than the line also covers the lines
/// above it, up to half of the list, or the top of the list if it would cover the selected row. While the
/// list follows new rows, only a hint is drawn: the row would change with each event. Any step holds the
/// list.
pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, regions: &Regions) {
    let area = regions.whole;
    if area.is_empty() || model.leaf != Leaf::Consents {
        return;
    }
    let mut pen = Pen::new(buffer, theme, area);
    let is_still = !model.list.is_following() || model.offline.is_some();
    let Some(at) = model.list.cursor().filter(|_| is_still && !model.list.is_empty(&model.rows)) else {
        if !model.list.is_empty(&model.rows) {
            pen.put(0, " A step to any row shows it whole here.", Role::Dim);
        }
        return;
    };
    let dot = if theme.ascii { " | " } else { " · " };
    let words = cells::whole(model, at).join(dot);
    let words = theme.shown(&words);
    let lines = text::wrap(&words, area.width.saturating_sub(2));
    let window = model.list.window(&model.rows, usize::from(regions.list.height));
    let most = regions.list.height / 2;
    let more = (lines.len() as u16).saturating_sub(1).min(most);
    pen.put(0, " ", Role::Text);
    if more == 0 {
        pen.put(0, &words, Role::Text);
        return;
    }
    let covers = |y: u16| window.cursor.is_some_and(|line| regions.list.y + line as u16 >= y);
    let top = area.y - more;
    let place = if regions.list.bottom() > top && covers(top) {
        pen.put(0, &words, Role::Text);
        Rect { y: regions.list.y, height: more + 1, ..area }
    } else {
        Rect { y: top, height: more + 1, ..area }
    };
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
            // Even half of the list is not enough; the cut says so.
            pen.put(line, &lines[usize::from(more)..].join(" "), Role::Text);
        } else {
            pen.put(line, words, Role::Text);
        }
    }
}
