//! The backend for ratatui. It takes the cells of a frame and sends as few bytes as possible.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::{Buffer, Cell, CellWidth as _};
use ratatui::layout::{Position, Rect, Size};

use super::Wire;

/// A backend for [`ratatui::Terminal`], which passes the cells that changed since its last frame.
///
/// The last frame is not always what the terminal shows: a frame that fills its budget of bytes ends early, rows can be
/// scrolled by the terminal itself, a write can fail, and others can write to the same terminal. So the cells are kept
/// here until the flush, which sends the frame in one write. Only rows in which the terminal does not show what the frame
/// before had are compared a second time.
#[derive(Debug)]
pub(super) struct WireBackend<W: Write> {
    pub(super) wire: Wire<W>,
    rows: Vec<Row>,
    /// Whether it is unknown what the terminal shows.
    stale: bool,
    /// The most bytes of a frame. The row that exceeds it ends the frame, and the next frame sends the rest.
    frame_budget: Option<usize>,
    is_behind: bool,
}

/// One line of the terminal.
#[derive(Debug)]
struct Row {
    /// What the last frame has there.
    wanted: Buffer,
    /// What the terminal shows, if that may differ from what the frame before had.
    shown: Option<Buffer>,
    /// The columns that this frame changed.
    changed: Vec<u16>,
    due: Option<Due>,
}

/// Why a row must be compared and perhaps sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Due {
    /// This frame changed it.
    New,
    /// An earlier frame changed it, and had no bytes left for it.
    Left,
}

impl Row {
    fn blank(y: u16, width: u16) -> Self {
        let wanted = Buffer::empty(Rect::new(0, y, width, 1));
        Self { wanted, shown: None, changed: Vec::new(), due: None }
    }

    /// Puts a cell. Keeps what the terminal shows if the row may have to wait for a later frame.
    fn put(&mut self, x: u16, cell: &Cell, may_wait: bool) {
        if may_wait && self.shown.is_none() {
            self.shown = Some(self.wanted.clone());
        }
        let Some(cells) = self.wanted.content.get_mut(usize::from(x)..) else { return };
        if let [first, behind @ ..] = cells {
            first.clone_from(cell);
            blank_covered(cell, behind);
            self.changed.push(x);
            self.due = Some(Due::New);
        }
    }

    /// Notes that the terminal shows nothing there.
    fn is_cleared(&mut self) {
        self.shown = Some(Buffer::empty(self.wanted.area));
        self.due = Some(Due::New);
    }

    /// Returns the cells to send.
    fn changes(&self) -> Vec<(u16, u16, &Cell)> {
        let y = self.wanted.area.y;
        match &self.shown {
            Some(shown) => bridged(shown.diff(&self.wanted).into_iter(), &self.wanted),
            None => bridged(self.changed.iter().map(|x| (*x, y, &self.wanted[(*x, y)])), &self.wanted),
        }
    }

    fn is_sent(&mut self) {
        self.shown = None;
        self.changed.clear();
        self.due = None;
    }

    fn is_left(&mut self) {
        self.changed.clear();
        self.due = Some(Due::Left);
    }

    fn move_to(&mut self, y: u16) {
        self.wanted.area.y = y;
        if let Some(shown) = &mut self.shown {
            shown.area.y = y;
        }
    }
}

impl<W: Write> WireBackend<W> {
    pub(super) fn new(wire: Wire<W>) -> Self {
        let mut backend = Self { wire, rows: Vec::new(), stale: true, frame_budget: None, is_behind: false };
        backend.empty();
        backend
    }

    /// Forgets what the terminal shows, so that the next frame is sent completely.
    pub(super) fn doubt(&mut self) {
        self.stale = true;
        self.wire.forget();
    }

    /// Sets the terminal's new size. The next frame is sent completely.
    pub(super) fn set_size(&mut self, size: Size) {
        if self.wire.set_size(size) {
            // Even if it turns back before the next frame: terminals move text about when they change size.
            self.stale = true;
        }
    }

    /// Limits the bytes of each following frame; `None` lifts the limit.
    pub(super) fn set_frame_budget(&mut self, bytes: Option<usize>) {
        self.frame_budget = bytes;
    }

    /// Whether the last frame was not sent whole.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Lets the terminal scroll rows up with the next frame, or down if `up` is negative. Rows that come in are blank.
    /// Returns whether any row was scrolled.
    pub(super) fn scroll(&mut self, top: u16, height: u16, up: i16) -> bool {
        let (start, by) = (usize::from(top), usize::from(up.unsigned_abs()));
        let is_empty = self.stale || self.wire.size().width == 0;
        let Some(rows) = self.rows.get_mut(start..start + usize::from(height)) else { return false };
        if is_empty || by == 0 || by >= rows.len() {
            return false;
        }
        let come_in = if up > 0 {
            rows.rotate_left(by);
            rows.len() - by..rows.len()
        } else {
            rows.rotate_right(by);
            0..by
        };
        for row in &mut rows[come_in] {
            row.wanted.reset();
            row.is_sent();
        }
        for (y, row) in (top..).zip(rows) {
            row.move_to(y);
        }
        self.wire.scroll(top..top + height, up);
        true
    }

    /// Returns a copy of the last frame, with later scrolling applied.
    pub(super) fn copy_frame(&self, frame: &mut Buffer) {
        let cells = self.rows.iter().flat_map(|row| &row.wanted.content);
        for (to, from) in frame.content.iter_mut().zip(cells) {
            to.clone_from(from);
        }
    }

    fn empty(&mut self) {
        let Size { width, height } = self.wire.size();
        self.rows = (0..height).map(|y| Row::blank(y, width)).collect();
        self.stale = true;
    }

    /// Adds the rows that are due to the frame that is sent.
    fn collect(&mut self) {
        if std::mem::take(&mut self.stale) {
            self.wire.clear();
            self.rows.iter_mut().for_each(Row::is_cleared);
        }
        self.is_behind = false;
        let Some(budget) = self.frame_budget else {
            self.wire.draw(self.rows.iter().filter(|row| row.due.is_some()).flat_map(Row::changes));
            self.rows.iter_mut().filter(|row| row.due.is_some()).for_each(Row::is_sent);
            return;
        };
        let mut is_first = true;
        // Rows that this frame changed go before rows that are left from earlier frames.
        for due in [Due::New, Due::Left] {
            for row in self.rows.iter_mut().filter(|row| row.due == Some(due)) {
                let changes = row.changes();
                if !changes.is_empty() {
                    if !is_first && self.wire.pending() >= budget {
                        self.is_behind = true;
                        break;
                    }
                    is_first = false;
                    self.wire.draw(changes.into_iter());
                }
                row.is_sent();
            }
        }
        self.rows.iter_mut().filter(|row| row.due.is_some()).for_each(Row::is_left);
    }
}

impl<W: Write> Backend for WireBackend<W> {
    type Error = io::Error;

    /// Keeps the cells until the flush.
    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        for (x, y, cell) in content {
            if let Some(row) = self.rows.get_mut(usize::from(y)) {
                row.put(x, cell, self.frame_budget.is_some());
            }
        }
        Ok(())
    }

    /// Does nothing: the cursor stays hidden while the screen is shown, see [`super::Screen::enter`].
    fn hide_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Does nothing: the cursor stays hidden until the terminal is restored.
    fn show_cursor(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Returns the top left corner, without asking the terminal: the position of a hidden cursor does not matter.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    /// Does nothing, because the cursor is hidden.
    fn set_cursor_position<P: Into<Position>>(&mut self, _position: P) -> io::Result<()> {
        Ok(())
    }

    /// Forgets the frame. The terminal is emptied with the next one, in the same write.
    fn clear(&mut self) -> io::Result<()> {
        self.empty();
        Ok(())
    }

    /// Clears everything. Only terminals that share their screen ask to clear a part.
    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        match clear_type {
            ClearType::All => self.clear(),
            ClearType::AfterCursor
            | ClearType::BeforeCursor
            | ClearType::CurrentLine
            | ClearType::UntilNewLine => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "only the whole screen can be cleared"))
            }
        }
    }

    fn size(&self) -> io::Result<Size> {
        Ok(self.wire.size())
    }

    /// Returns the size in cells. The size in pixels is not known and not needed.
    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.wire.size(), pixels: Size::ZERO })
    }

    /// Sends the frame in one write, or nothing if it equals the last one.
    fn flush(&mut self) -> io::Result<()> {
        self.collect();
        let sent = self.wire.flush();
        if sent.is_err() {
            // It is unknown how much of it arrived.
            self.doubt();
            self.is_behind = false;
        }
        sent
    }
}

/// Blanks the cells that stand behind wide ones, which nobody sees. ratatui does not tell a backend of them, so both must
/// know without: a cell that comes out from behind a wide one is compared with what was there.
pub(super) fn blank_all_covered(frame: &mut Buffer) {
    let width = usize::from(frame.area.width.max(1));
    for row in frame.content.chunks_mut(width) {
        let mut rest = row;
        while let [cell, behind @ ..] = rest {
            blank_covered(cell, behind);
            rest = behind;
        }
    }
}

fn blank_covered(cell: &Cell, behind: &mut [Cell]) {
    if !is_one_byte(cell) {
        let covered = usize::from(cell.cell_width().saturating_sub(1));
        behind.iter_mut().take(covered).for_each(Cell::reset);
    }
}

fn is_one_byte(cell: &Cell) -> bool {
    cell.symbol().len() == 1
}

/// Puts the cells of short gaps between cells that changed to them: to write one over costs a byte, to pass it three.
fn bridged<'a>(
    changed: impl Iterator<Item = (u16, u16, &'a Cell)>,
    next: &'a Buffer,
) -> Vec<(u16, u16, &'a Cell)> {
    let mut out: Vec<(u16, u16, &'a Cell)> = Vec::with_capacity(changed.size_hint().0);
    for (x, y, cell) in changed {
        // Mostly the cell before changed too, and there is no gap.
        let last = out.last().filter(|last| last.1 == y && last.0 + 1 < x && is_one_byte(last.2)).copied();
        if let Some((before, _, last)) = last {
            let gap = before + 1..x;
            let is_cheap = |x: u16| {
                let cell = next.cell((x, y));
                cell.filter(|cell| is_one_byte(cell) && cell.style() == last.style())
            };
            if gap.len() <= GAP_MAX
                && let Some(cells) = gap.clone().map(is_cheap).collect::<Option<Vec<_>>>()
            {
                out.extend(gap.zip(cells).map(|(x, cell)| (x, y, cell)));
            }
        }
        out.push((x, y, cell));
    }
    out
}

/// To pass more cells costs no more than this many bytes.
const GAP_MAX: usize = 3;
