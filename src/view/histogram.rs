//! The activity strip below the list.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::{Pen, grouped};
use super::{Role, Theme, list, time};
use crate::model::{Buckets, Histogram, Model, buckets};

/// The symbols of a cell filled to 0 to 8 eighths.
const EIGHTHS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const PLAIN: [&str; 9] = [" ", ".", ".", ":", ":", "|", "|", "#", "#"];

pub(super) fn draw(model: &Model, histogram: Histogram, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    if area.height < 3 {
        return;
    }
    let shown = buckets(model, histogram, usize::from(area.width));
    head(model, &shown, theme, buffer, area);
    let bars = area.height - 2;
    let most = shown.counts.iter().copied().max().unwrap_or(0).max(1);
    let signs = if theme.ascii { PLAIN } else { EIGHTHS };
    for (x, count) in (0..area.width).zip(&shown.counts) {
        let levels = usize::from(bars) * 8;
        // Rounds up, so that any count above 0 is visible.
        let filled = (count * levels).div_ceil(most);
        let is_here = shown.here == Some(usize::from(x));
        for line in 0..bars {
            let below = usize::from(bars - 1 - line) * 8;
            let eighths = filled.saturating_sub(below).min(8);
            let mut pen = Pen::new(buffer, theme, Rect::new(area.x + x, area.y + 1 + line, 1, 1));
            pen.put(0, signs[eighths], if is_here { Role::Mark } else { Role::KindGrant });
        }
        let is_marked = shown.marked.binary_search(&usize::from(x)).is_ok();
        let mut pen = Pen::new(buffer, theme, Rect::new(area.x + x, area.bottom() - 1, 1, 1));
        match (is_here, is_marked) {
            (true, _) => pen.put(0, if theme.ascii { "^" } else { "▲" }, Role::Mark),
            (false, true) => pen.put(0, list::MARK_SIGN, Role::Mark),
            (false, false) => {}
        }
    }
}

fn head(model: &Model, shown: &Buckets, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut pen = Pen::new(buffer, theme, area);
    let at = |ms: i64| Timestamp::from_millisecond(ms).map_or(String::new(), |at| time::moment(model, at));
    let end = shown.start_ms + shown.size_ms * shown.counts.len() as i64;
    let sum: usize = shown.counts.iter().sum();
    let most = shown.counts.iter().copied().max().unwrap_or(0);
    let of = if shown.of_all { " of all rows" } else { "" };
    let words = format!(
        " {} to {} · {} a column · {}{of}, at most {} · + - zoom, [ ] jump",
        at(shown.start_ms),
        at(end),
        shown.size,
        grouped(sum as u64),
        grouped(most as u64)
    );
    pen.put(0, &theme.plain(&words), Role::Dim);
}
