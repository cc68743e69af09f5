//! Paints frames of the model with as few bytes as possible.

use std::io::{self, Write};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::{Model, Page, RowRef};
use crate::tui::{self, Screen};
use crate::view::{self, Theme};

/// The rows of the list in the last frame, to detect whether the list scrolled.
#[derive(Debug, Default)]
pub(super) struct Painted {
    area: Rect,
    rows: Vec<RowRef>,
}

impl Painted {
    /// Paints a frame.
    ///
    /// If the list only scrolled, the terminal scrolls its lines. A new row in a list that follows then costs about a
    /// hundred bytes, not several thousand.
    pub(super) fn paint<W: Write>(
        &mut self,
        screen: &mut Screen<W>,
        model: &Model,
        theme: &Theme,
    ) -> io::Result<()> {
        let area = model.regions().list;
        let is_list = model.over.is_none() && model.page == Page::Consents;
        let is_whole = is_list && area.width == model.size.0;
        let rows =
            if is_whole { model.list.window(&model.rows, usize::from(area.height)).rows } else { Vec::new() };
        let up = if is_whole && area == self.area { moved_up(&self.rows, &rows) } else { 0 };
        *self = Self { area, rows };
        screen.paint_scrolled(area.y, area.height, up, |frame| view::draw(model, theme, frame))
    }
}

/// Returns the number of lines by which the rows moved up, negative for down. Returns 0 if they did not move together.
fn moved_up(before: &[RowRef], now: &[RowRef]) -> i16 {
    let shift = |first: &[RowRef], second: &[RowRef]| {
        let by = second.first().and_then(|row| first.iter().position(|other| other == row))?;
        let kept = first.len() - by;
        // If half of the rows or fewer stay visible, writing all of them is cheaper.
        (by > 0 && kept * 2 > first.len() && second.starts_with(first.get(by..)?)).then_some(by as i16)
    };
    shift(before, now).or_else(|| shift(now, before).map(|by| -by)).unwrap_or(0)
}

/// Returns the contents of the screen as text.
pub(super) fn screen_text(model: &Model, theme: &Theme) -> String {
    let (width, height) = model.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    view::draw_cells(model, theme, &mut buffer);
    let mut lines = Vec::new();
    for y in 0..height {
        let (mut line, mut covered) = (String::new(), 0);
        for x in 0..width {
            let symbol = buffer.cell((x, y)).map_or(" ", |cell| cell.symbol());
            // A symbol of two columns also covers the next cell.
            if covered == 0 {
                line.push_str(symbol);
                covered = view::text::width(symbol).saturating_sub(1);
            } else {
                covered -= 1;
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// Returns the message for a terminal that cannot be used.
pub(super) fn unusable(error: &std::io::Error) -> String {
    format!("The terminal could not be used: {error}. The screen was not shown. Use tail instead.")
}

/// Returns whether an operation failed because the terminal has hung up, which ends the program without an error.
///
/// # Errors
/// Returns a sentence for stderr for any other failure.
pub(super) fn has_hung_up(done: std::io::Result<()>) -> Result<bool, String> {
    match done {
        Ok(()) => Ok(false),
        Err(error) if tui::hangup::is_hangup(&error) => Ok(true),
        Err(error) => Err(unusable(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_that_is_gone_is_an_end_and_no_failure() {
        let refused = |code: rustix::io::Errno| Err(std::io::Error::from_raw_os_error(code.raw_os_error()));
        for gone in [rustix::io::Errno::IO, rustix::io::Errno::NXIO, rustix::io::Errno::PIPE] {
            assert_eq!(has_hung_up(refused(gone)), Ok(true));
        }
        assert_eq!(has_hung_up(Ok(())), Ok(false));
        let words = has_hung_up(refused(rustix::io::Errno::NOSPC)).unwrap_err();
        assert!(words.contains("Use tail instead."), "{words}");
    }

    #[test]
    fn a_list_that_moves_as_a_whole_is_told_from_one_that_changes() {
        let rows = |from: u32, to: u32| (from..to).map(RowRef).collect::<Vec<_>>();
        assert_eq!(moved_up(&rows(0, 10), &rows(1, 11)), 1);
        assert_eq!(moved_up(&rows(3, 13), &rows(1, 11)), -2);
        assert_eq!(moved_up(&rows(0, 10), &rows(0, 10)), 0);
        assert_eq!(moved_up(&rows(0, 10), &rows(8, 18)), 0);
        assert_eq!(moved_up(&[], &rows(0, 10)), 0);
        let mut gap = rows(1, 11);
        gap[4] = RowRef(99);
        assert_eq!(moved_up(&rows(0, 10), &gap), 0);
    }
}
