//! The layout of the screen. It depends only on the size and a few flags, so key handling and drawing agree on it.
//!
//! ratatui's `Layout` is not used: it needs ratatui's `std` feature to link, and the regions here are cut off one after the
//! other from the top and the bottom, without a constraint to solve.

pub(in crate::model) use ratatui::layout::Rect;

/// The place of the detail while it is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DetailPlace {
    /// Beside the list, at 140 columns or more.
    Beside,
    /// Below the list, at 36 rows or more.
    Below,
    /// In place of the list, in smaller terminals.
    Alone,
}

/// The rectangles of one frame. A region that does not fit is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Regions {
    /// The title line: program, org, state of the list, and counts.
    pub title: Rect,
    /// The line of column headings.
    pub header: Rect,
    /// The rows of the list or of a pivot page.
    pub list: Rect,
    /// The detail, with its border.
    pub detail: Rect,
    /// The activity strip.
    pub histogram: Rect,
    /// The line that shows the row under the cursor in full.
    pub whole: Rect,
    /// The readiness line.
    pub readiness: Rect,
    /// The sources line.
    pub sources: Rect,
    /// The last line: key hints, a notice or the prompt.
    pub foot: Rect,
}

/// The minimum width to show the detail beside the list.
pub(in crate::model) const BESIDE_WIDTH: u16 = 140;
/// The minimum height to show the detail below the list.
pub(in crate::model) const BELOW_HEIGHT: u16 = 36;

/// Returns whether a rectangle contains a cell.
pub(in crate::model) fn contains(area: Rect, column: u16, row: u16) -> bool {
    area.contains(ratatui::layout::Position::new(column, row))
}

/// One line of text, two lines of bars and one line of signs.
const HISTOGRAM_HEIGHT: u16 = 4;
/// The minimum height of a terminal to show the activity strip.
const HISTOGRAM_FROM: u16 = 16;
/// The minimum height of a terminal to show the cursor's row in full.
const WHOLE_FROM: u16 = 20;

/// Returns the place of the detail in a terminal of the given size.
pub(in crate::model) fn place(width: u16, height: u16) -> DetailPlace {
    if width >= BESIDE_WIDTH {
        DetailPlace::Beside
    } else if height >= BELOW_HEIGHT {
        DetailPlace::Below
    } else {
        DetailPlace::Alone
    }
}

/// Divides a terminal into regions.
///
/// `on_detail` decides which pane is shown if list and detail do not fit together. `whole` requests the line that shows
/// the cursor's row in full.
///
/// ```text
/// title
/// header
/// list                 │ detail
/// histogram
/// whole
/// readiness
/// sources
/// foot
/// ```
#[expect(clippy::fn_params_excessive_bools, reason = "each flag is for a different part of the screen")]
pub fn regions(
    width: u16,
    height: u16,
    detail_open: bool,
    on_detail: bool,
    histogram: bool,
    whole: bool,
) -> Regions {
    let mut regions = Regions::default();
    if width == 0 || height == 0 {
        return regions;
    }
    let line = |y: u16| Rect::new(0, y, width, 1);
    let mut top = 0;
    let mut bottom = height;
    // The list keeps at least two rows. Other regions are dropped first, the least important first.
    let room = |top: u16, bottom: u16| bottom.saturating_sub(top) > 2;
    let (sources, title) = (room(top, bottom), height > 3);
    let (foot, readiness) = (height > 5, height > 6);
    if foot {
        bottom -= 1;
        regions.foot = line(bottom);
    }
    if sources {
        bottom -= 1;
        regions.sources = line(bottom);
    }
    if readiness {
        bottom -= 1;
        regions.readiness = line(bottom);
    }
    if whole && height >= WHOLE_FROM {
        bottom -= 1;
        regions.whole = line(bottom);
    }
    if histogram && height >= HISTOGRAM_FROM {
        bottom -= HISTOGRAM_HEIGHT;
        regions.histogram = Rect::new(0, bottom, width, HISTOGRAM_HEIGHT);
    }
    if title {
        regions.title = line(top);
        top += 1;
    }
    let body = Rect::new(0, top, width, bottom.saturating_sub(top));
    let (mut list, detail) =
        if detail_open { split(body, width, height, on_detail) } else { (body, Rect::default()) };
    if list.height > 3 && list.width > 0 {
        regions.header = Rect::new(list.x, list.y, list.width, 1);
        list.y += 1;
        list.height -= 1;
    }
    regions.list = list;
    regions.detail = detail;
    regions
}

fn split(body: Rect, width: u16, height: u16, on_detail: bool) -> (Rect, Rect) {
    match place(width, height) {
        DetailPlace::Beside => {
            let detail = (width * 2 / 5).max(56);
            let list = width - detail;
            (
                Rect::new(body.x, body.y, list, body.height),
                Rect::new(body.x + list, body.y, detail, body.height),
            )
        }
        DetailPlace::Below => {
            let list = body.height * 2 / 5;
            (
                Rect::new(body.x, body.y, width, list),
                Rect::new(body.x, body.y + list, width, body.height - list),
            )
        }
        DetailPlace::Alone if on_detail => (Rect::default(), body),
        DetailPlace::Alone => (body, Rect::default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_size_divides_without_overlap_and_inside() {
        for width in [0, 1, 5, 20, 40, 80, 139, 140, 200, 500] {
            for height in 0..70 {
                for (open, on, histogram) in [(false, false, false), (true, false, true), (true, true, true)]
                {
                    let r = regions(width, height, open, on, histogram, width % 2 == 0);
                    let all = [
                        r.title,
                        r.header,
                        r.list,
                        r.detail,
                        r.histogram,
                        r.whole,
                        r.readiness,
                        r.sources,
                        r.foot,
                    ];
                    let whole = Rect::new(0, 0, width, height);
                    let parts: Vec<Rect> = all.into_iter().filter(|r| !r.is_empty()).collect();
                    for (index, part) in parts.iter().enumerate() {
                        assert_eq!(whole.intersection(*part), *part, "{width}×{height} {r:?}");
                        for other in &parts[index + 1..] {
                            assert!(!part.intersects(*other), "{width}×{height} {r:?}");
                        }
                    }
                    let area: u32 = parts.iter().map(|r| r.area()).sum();
                    assert_eq!(area, whole.area(), "nothing is left bare: {width}×{height} {r:?}");
                }
            }
        }
    }

    #[test]
    fn the_usual_terminal_has_every_line() {
        let r = regions(80, 24, false, false, false, true);
        assert_eq!((r.title.y, r.header.y, r.list.y, r.list.height), (0, 1, 2, 18));
        assert_eq!((r.whole.y, r.readiness.y, r.sources.y, r.foot.y), (20, 21, 22, 23));
    }
}
