//! Encodes cells as bytes. A frame without changes is no bytes.

use std::io::{self, Write};
use std::ops::Range;

use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};

/// The initial capacity of a frame. A full screen of 200 columns takes a quarter of it.
const FRAME: usize = 64 * 1024;
/// The maximum size of a terminal, which bounds the memory for a terminal that reports a wrong size.
const MOST: Size = Size { width: 1000, height: 500 };

const SYNC_ON: &[u8] = b"\x1b[?2026h";
const SYNC_OFF: &[u8] = b"\x1b[?2026l";
const CLEAR: &[u8] = b"\x1b[2J";

/// Collects the bytes of a frame and sends them in one write. A frame without changes causes no write.
///
/// ratatui's own backends are not used for three reasons: they send about 25 bytes with each unchanged frame, they
/// write the 16 colors in a form that older terminals read as blinking, and they trust that a terminal gives every
/// character the expected width. Here, the invisible cursor is positioned again after anything but a single plain
/// character.
#[derive(Debug)]
pub struct Wire<W: Write> {
    out: W,
    /// The bytes of the current frame. They are not sent if the program ends before the frame is complete.
    frame: Vec<u8>,
    sync: bool,
    size: Size,
    written: u64,
}

impl<W: Write> Wire<W> {
    /// Wraps a writer to a terminal of a size. `sync` sends synchronized frames, which a terminal with mode 2026 shows
    /// at once.
    pub fn new(out: W, size: Size, sync: bool) -> Self {
        let mut wire = Self { out, frame: Vec::with_capacity(FRAME), sync, size: Size::ZERO, written: 0 };
        wire.set_size(size);
        wire
    }

    /// Sets the size of the terminal, at most 1000 by 500, and returns whether it changed.
    pub fn set_size(&mut self, size: Size) -> bool {
        let size = Size::new(size.width.min(MOST.width), size.height.min(MOST.height));
        let changed = size != self.size;
        self.size = size;
        changed
    }

    /// Sets whether to send synchronized frames, from the next frame on.
    pub(super) fn set_sync(&mut self, sync: bool) {
        if self.frame.is_empty() {
            self.sync = sync;
        }
    }

    /// Returns the number of bytes sent to the terminal so far.
    pub fn bytes_written(&self) -> u64 {
        self.written
    }

    /// Returns the writer.
    pub fn out(&self) -> &W {
        &self.out
    }

    /// Drops the bytes of the frame that were not sent.
    pub(super) fn forget(&mut self) {
        self.frame.clear();
    }

    /// Sends bytes at once, outside any frame.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.written += bytes.len() as u64;
        self.out.flush()
    }

    /// Adds a scroll of full-width rows to the frame: up if `up` is positive, down otherwise. Rows that come in are
    /// blank.
    pub(super) fn scroll(&mut self, rows: Range<u16>, up: i16) {
        if up == 0 || rows.is_empty() {
            return;
        }
        let lines = up.unsigned_abs();
        let way = if up > 0 { 'S' } else { 'T' };
        let (top, bottom) = (rows.start + 1, rows.end);
        let frame = self.begin();
        put(frame, format_args!("\x1b[{top};{bottom}r\x1b[{lines}{way}\x1b[r"));
        // The last of the three sequences moved the cursor.
    }

    fn begin(&mut self) -> &mut Vec<u8> {
        if self.frame.is_empty() && self.sync {
            self.frame.extend_from_slice(SYNC_ON);
        }
        &mut self.frame
    }

    /// Returns the size of frames.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the number of bytes in the frame so far.
    pub(super) fn pending(&self) -> usize {
        self.frame.len()
    }

    /// Adds a clear of the screen to the frame.
    pub(super) fn clear(&mut self) {
        self.begin().extend_from_slice(CLEAR);
    }

    /// Adds cells to the frame.
    pub(super) fn draw<'a>(&mut self, cells: impl Iterator<Item = (u16, u16, &'a Cell)>) {
        let mut at = None;
        let mut pen = Pen::PLAIN;
        for (x, y, cell) in cells {
            let frame = self.begin();
            step(frame, at, Position { x, y });
            pen.change(frame, Pen::of(cell));
            at = symbol(frame, cell.symbol()).then_some(Position { x: x + 1, y });
        }
        if pen != Pen::PLAIN {
            // Cells that are cleared or scrolled in get the current style.
            pen.change(&mut self.frame, Pen::PLAIN);
        }
    }

    /// Sends the frame.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        if self.sync {
            self.frame.extend_from_slice(SYNC_OFF);
        }
        let frame = std::mem::take(&mut self.frame);
        let sent = self.send(&frame);
        self.frame = frame;
        self.frame.clear();
        sent
    }
}

/// The style of the next character.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Pen {
    fore: Color,
    back: Color,
    modifier: Modifier,
}

impl Pen {
    const PLAIN: Self = Self { fore: Color::Reset, back: Color::Reset, modifier: Modifier::empty() };

    fn of(cell: &Cell) -> Self {
        Self { fore: cell.fg, back: cell.bg, modifier: cell.modifier }
    }

    /// Writes the sequence that changes the style to `next`.
    fn change(&mut self, frame: &mut Vec<u8>, next: Self) {
        if *self == next {
            return;
        }
        let mut from = *self;
        *self = next;
        if next == Self::PLAIN {
            frame.extend_from_slice(b"\x1b[m");
            return;
        }
        frame.extend_from_slice(b"\x1b[");
        if !next.modifier.contains(from.modifier) {
            // Terminals support no common way to switch off a single modifier, so all are reset.
            frame.extend_from_slice(b"0;");
            from = Self::PLAIN;
        }
        for (modifier, code) in MODIFIERS {
            if (next.modifier - from.modifier).contains(modifier) {
                frame.extend_from_slice(code);
                frame.push(b';');
            }
        }
        if next.fore != from.fore {
            color(frame, next.fore, 0);
            frame.push(b';');
        }
        if next.back != from.back {
            color(frame, next.back, 10);
            frame.push(b';');
        }
        // Each code ends with a separator. The last separator is replaced by the end of the sequence.
        if let Some(last) = frame.last_mut() {
            *last = b'm';
        }
    }
}

const MODIFIERS: [(Modifier, &[u8]); 9] = [
    (Modifier::BOLD, b"1"),
    (Modifier::DIM, b"2"),
    (Modifier::ITALIC, b"3"),
    (Modifier::UNDERLINED, b"4"),
    (Modifier::SLOW_BLINK, b"5"),
    (Modifier::RAPID_BLINK, b"6"),
    (Modifier::REVERSED, b"7"),
    (Modifier::HIDDEN, b"8"),
    (Modifier::CROSSED_OUT, b"9"),
];

/// Writes the code of a color (ECMA-48 8.3.117 and xterm's extensions); `shift` is 10 for the background.
fn color(frame: &mut Vec<u8>, color: Color, shift: u8) {
    let basic = match color {
        Color::Reset => 39,
        Color::Black => 30,
        Color::Red => 31,
        Color::Green => 32,
        Color::Yellow => 33,
        Color::Blue => 34,
        Color::Magenta => 35,
        Color::Cyan => 36,
        Color::Gray => 37,
        Color::DarkGray => 90,
        Color::LightRed => 91,
        Color::LightGreen => 92,
        Color::LightYellow => 93,
        Color::LightBlue => 94,
        Color::LightMagenta => 95,
        Color::LightCyan => 96,
        Color::White => 97,
        Color::Indexed(index) => return put(frame, format_args!("{};5;{index}", 38 + shift)),
        Color::Rgb(r, g, b) => return put(frame, format_args!("{};2;{r};{g};{b}", 38 + shift)),
    };
    put(frame, format_args!("{}", basic + shift));
}

/// Writes the symbol of a cell, and returns whether the cursor is certain to be one column further.
fn symbol(frame: &mut Vec<u8>, symbol: &str) -> bool {
    if let [byte @ 0x20..=0x7e] = symbol.as_bytes() {
        frame.push(*byte);
        return true;
    }
    if symbol.is_empty() {
        frame.push(b' ');
        return true;
    }
    if symbol.contains(char::is_control) {
        // Text was made visible before. This is the last safeguard.
        frame.push(b'?');
        return true;
    }
    frame.extend_from_slice(symbol.as_bytes());
    is_plain(symbol)
}

/// Returns whether every terminal gives `symbol` one column: Latin, Greek and Cyrillic letters, lines and blocks.
fn is_plain(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    let Some(first) = chars.next() else { return false };
    chars.next().is_none()
        && matches!(first, '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{2ff}' | '\u{370}'..='\u{482}' | '\u{48a}'..='\u{52f}'
            | '\u{2500}'..='\u{259f}')
}

/// Moves the cursor. `from` is its position, if it is certain.
fn step(frame: &mut Vec<u8>, from: Option<Position>, to: Position) {
    match from {
        Some(from) if from == to => {}
        Some(from) if from.y == to.y && from.x + 1 == to.x => frame.extend_from_slice(b"\x1b[C"),
        Some(from) if from.y == to.y && from.x < to.x => put(frame, format_args!("\x1b[{}C", to.x - from.x)),
        _ => go(frame, to),
    }
}

fn go(frame: &mut Vec<u8>, Position { x, y }: Position) {
    put(frame, format_args!("\x1b[{};{}H", u32::from(y) + 1, u32::from(x) + 1));
}

fn put(frame: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    frame.write_fmt(text).expect("a Vec takes whatever is written");
}

#[cfg(test)]
mod tests {
    use ratatui::style::Style;

    use super::*;

    fn drawn(cells: &[(u16, u16, &str, Style)]) -> String {
        let mut wire = Wire::new(Vec::new(), Size::new(80, 24), false);
        let cells: Vec<(u16, u16, Cell)> = cells
            .iter()
            .map(|(x, y, text, style)| {
                let mut cell = Cell::EMPTY;
                cell.set_symbol(text).set_style(*style);
                (*x, *y, cell)
            })
            .collect();
        wire.draw(cells.iter().map(|(x, y, cell)| (*x, *y, cell)));
        wire.flush().unwrap();
        String::from_utf8(wire.out).unwrap().replace('\x1b', "^[")
    }

    #[test]
    fn neighbors_need_no_place() {
        let plain = Style::new();
        assert_eq!(drawn(&[(3, 1, "a", plain), (4, 1, "é", plain), (5, 1, "b", plain)]), "^[[2;4Haéb");
        assert_eq!(drawn(&[(3, 1, "a", plain), (5, 1, "b", plain)]), "^[[2;4Ha^[[Cb");
        assert_eq!(drawn(&[(3, 1, "a", plain), (9, 1, "b", plain)]), "^[[2;4Ha^[[5Cb");
        assert_eq!(drawn(&[(3, 1, "a", plain), (3, 2, "b", plain)]), "^[[2;4Ha^[[3;4Hb");
    }

    #[test]
    fn what_may_be_wider_than_we_count_is_followed_by_a_place() {
        let plain = Style::new();
        assert_eq!(drawn(&[(0, 0, "李", plain), (2, 0, "b", plain)]), "^[[1;1H李^[[1;3Hb");
        assert_eq!(drawn(&[(0, 0, "❤", plain), (1, 0, "b", plain)]), "^[[1;1H❤^[[1;2Hb");
        assert_eq!(drawn(&[(0, 0, "e\u{301}", plain), (1, 0, "b", plain)]), "^[[1;1He\u{301}^[[1;2Hb");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through_a_cell() {
        let plain = Style::new();
        assert_eq!(
            drawn(&[(0, 0, "\x1b[2J", plain), (1, 0, "\u{9b}", plain), (2, 0, "", plain)]),
            "^[[1;1H?? "
        );
    }

    #[test]
    fn a_change_of_looks_is_one_sequence() {
        let bold = Style::new().bold();
        let blue = Style::new().fg(Color::Blue).bg(Color::Indexed(24));
        let both = Style::new().fg(Color::Rgb(1, 2, 3)).bold().reversed();
        let cells = [(0, 0, "a", bold), (1, 0, "b", both), (2, 0, "c", blue), (3, 0, "d", Style::new())];
        assert_eq!(drawn(&cells), "^[[1;1H^[[1ma^[[7;38;2;1;2;3mb^[[0;34;48;5;24mc^[[md");
        let cells = [(0, 0, "a", blue), (1, 0, "b", Style::new().bg(Color::LightRed))];
        assert_eq!(drawn(&cells), "^[[1;1H^[[34;48;5;24ma^[[39;101mb^[[m");
    }

    #[test]
    fn a_terminal_of_any_size_gets_a_bounded_screen() {
        let mut wire = Wire::new(Vec::new(), Size::new(u16::MAX, u16::MAX), false);
        assert_eq!(wire.size(), MOST);
        assert!(!wire.set_size(Size::new(u16::MAX, 500)));
        assert!(wire.set_size(Size::ZERO));
    }
}
