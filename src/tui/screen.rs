//! The terminal's modes, and frames.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::{Rect, Size};

use super::{Device, Tty, Wire};

/// What a screen is to ask of its terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Setup {
    /// Whether to bracket frames for terminals that can show one at once (mode 2026).
    pub sync: bool,
    /// Whether to take the mouse from the terminal, which then no longer selects text by itself.
    pub mouse: bool,
    /// Whether to name the window, see [`Screen::set_title`].
    pub title: bool,
}

/// The terminal while it is ours: raw, on its other screen, without a cursor.
///
/// Whatever was switched on is switched off in the opposite order by [`Screen::leave`], by dropping the screen, and
/// after a panic (see [`install_panic_hook`]), once in all. When it is not ours, painting does nothing.
#[derive(Debug)]
pub struct Screen<W: Write> {
    wire: Wire<W>,
    modes: Modes,
    wanted: Vec<Mode>,
    /// What the terminal shows.
    shown: Buffer,
    /// The last frame, of which a slow line may not have carried all yet; and room for the next.
    drawn: Buffer,
    next: Buffer,
    /// Whether the terminal may show anything at all.
    stale: bool,
    /// A frame ends with the row that makes it so long; what is left follows with the next.
    frame_budget: Option<usize>,
    is_behind: bool,
    title: String,
}

impl Screen<Tty> {
    /// Takes the terminal at standard output. Fails if there is none or it refuses; it is as before then.
    pub fn open(setup: Setup) -> io::Result<Self> {
        let tty = Tty::stdout()?;
        let size = tty.measure();
        Self::with_modes(tty, size, setup, true)
    }
}

impl<D: Device> Screen<D> {
    /// Gives the terminal back, stops the program as `^Z` in a cooked terminal would, and takes the terminal again
    /// when the program goes on.
    pub fn suspend(&mut self) -> io::Result<()> {
        self.leave()?;
        self.wire.out().stop_job()?;
        self.resume()
    }

    /// Takes the terminal again, whatever others did to it meanwhile: after [`Screen::suspend`] and on SIGCONT.
    pub fn resume(&mut self) -> io::Result<()> {
        self.modes.forget();
        self.enter()?;
        let size = self.wire.out().measure();
        self.set_size(size.width, size.height);
        self.clear();
        Ok(())
    }
}

impl<W: Write> Screen<W> {
    /// Draws to any writer as to a terminal of a size in columns and rows; raw mode is left alone.
    pub fn over(out: W, size: Size, setup: Setup) -> io::Result<Self> {
        Self::with_modes(out, size, setup, false)
    }

    fn with_modes(out: W, size: Size, setup: Setup, raw: bool) -> io::Result<Self> {
        let is_wanted = |mode: &Mode| match mode {
            Mode::Raw => raw,
            Mode::Mouse => setup.mouse,
            Mode::Title => setup.title,
            _ => true,
        };
        let mut screen = Self {
            wire: Wire::new(out, size, setup.sync),
            modes: Modes::default(),
            wanted: Mode::ALL.into_iter().filter(is_wanted).collect(),
            shown: Buffer::default(),
            drawn: Buffer::default(),
            next: Buffer::default(),
            stale: true,
            frame_budget: None,
            is_behind: false,
            title: String::new(),
        };
        // On failure the screen is dropped, and with it go the modes that were on already.
        screen.enter()?;
        Ok(screen)
    }

    /// Paints a frame in one write; nothing is written if it equals the last one.
    pub fn paint(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        self.paint_scrolled(0, 0, 0, draw)
    }

    /// Paints a frame of which full-width rows show what they showed before, `up` lines higher (lower if negative).
    ///
    /// `top` is the first of these `height` rows. Wrong numbers cost bytes and never change what is seen. A row that
    /// comes in at the edge of a list then costs the row, not the list.
    pub fn paint_scrolled(
        &mut self,
        top: u16,
        height: u16,
        up: i16,
        draw: impl FnOnce(&mut Buffer),
    ) -> io::Result<()> {
        if !self.is_on() {
            return Ok(());
        }
        self.draw(top, height, up, draw);
        let painted = self.wire.flush();
        if painted.is_err() {
            // Nobody knows how much of it arrived.
            self.stale = true;
            self.is_behind = false;
            self.wire.forget();
        }
        painted
    }

    fn draw(&mut self, top: u16, height: u16, up: i16, draw: impl FnOnce(&mut Buffer)) {
        let Size { width, height: rows } = self.wire.size();
        let area = Rect::new(0, 0, width, rows);
        if std::mem::take(&mut self.stale) || self.shown.area != area {
            self.wire.clear();
            self.shown = Buffer::empty(area);
            self.drawn = Buffer::empty(area);
            self.next = Buffer::empty(area);
        } else if shift(&mut self.shown, top, height, up) {
            shift(&mut self.drawn, top, height, up);
            self.wire.scroll(top..top + height, up);
        }
        self.next.reset();
        draw(&mut self.next);
        let changed = bridged(&self.shown.diff(&self.next), &self.next);
        self.is_behind = false;
        if let Some(budget) = self.frame_budget {
            let row = |y: u16| usize::from(y) * usize::from(width)..(usize::from(y) + 1) * usize::from(width);
            // What has changed just now goes before what is left of frames before.
            let mut rows: Vec<_> = changed.chunk_by(|one, other| one.1 == other.1).collect();
            let is_left = |y: u16| self.drawn.content.get(row(y)) == self.next.content.get(row(y));
            rows.sort_by_key(|cells| is_left(cells[0].1));
            for (place, cells) in rows.iter().enumerate() {
                if place > 0 && self.wire.pending() >= budget {
                    self.is_behind = true;
                    break;
                }
                self.wire.draw(cells.iter().copied());
                let row = row(cells[0].1);
                self.shown.content[row.clone()].clone_from_slice(&self.next.content[row]);
            }
        } else {
            self.wire.draw(changed.into_iter());
            self.shown.content.clone_from(&self.next.content);
        }
        std::mem::swap(&mut self.drawn, &mut self.next);
    }

    /// Limits the bytes of each following frame; `None` lifts the limit. A frame ends with the row that reaches it.
    pub fn set_frame_budget(&mut self, bytes: Option<usize>) {
        self.frame_budget = bytes;
    }

    /// Whether the last frame was not sent whole, so that another one is due.
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Names the terminal's window, if that was asked for; it has its own name again when the terminal is given back.
    /// Controls are left out, and what is longer than 200 characters.
    pub fn set_title(&mut self, title: &str) -> io::Result<()> {
        self.title = title.chars().filter(|char| !char.is_control()).take(TITLE_MAX).collect();
        self.send_title()
    }

    fn send_title(&mut self) -> io::Result<()> {
        if self.title.is_empty() || !self.modes.is_on(Mode::Title) {
            return Ok(());
        }
        self.wire.send(format!("\x1b]2;{}\x1b\\", self.title).as_bytes())
    }

    /// Sends a sequence that changes nothing on the screen, such as a copied text.
    pub fn send_aside(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_on() { self.wire.send(bytes) } else { Ok(()) }
    }

    /// Paints the next frame from nothing, for whoever doubts what the terminal shows.
    pub fn clear(&mut self) {
        self.stale = true;
    }

    /// Takes the terminal's new size in columns and rows; the next frame fills it. At most 1000 by 500 are used.
    pub fn set_size(&mut self, width: u16, height: u16) {
        if self.wire.set_size(Size::new(width, height)) {
            // Even if it turns back before the next frame: terminals move text about when they change size.
            self.stale = true;
        }
    }

    /// Brackets frames from the next one on, so that a terminal which knows mode 2026 shows each at once; or no more.
    pub fn set_sync(&mut self, sync: bool) {
        self.wire.set_sync(sync);
    }

    /// Asks the terminal whether it knows mode 2026. Its answer, if it gives one, comes as [`super::Input::Sync`].
    ///
    /// The only question that is ever asked, and once: before the first frame, which paints over what a terminal
    /// shows that does not know the question.
    pub fn ask_sync(&mut self) -> io::Result<()> {
        self.send_aside(b"\x1b[?2026$p")
    }

    /// Returns the size that frames have, in columns and rows.
    pub fn size(&self) -> Size {
        self.wire.size()
    }

    /// The bytes that went to the terminal so far.
    pub fn bytes_written(&self) -> u64 {
        self.wire.bytes_written()
    }

    /// Whether the terminal is ours.
    pub fn is_on(&self) -> bool {
        self.modes.is_any()
    }

    /// Takes the terminal: switches on what is not on yet.
    pub fn enter(&mut self) -> io::Result<()> {
        self.stale = true;
        let wire = &mut self.wire;
        wire.forget();
        for mode in &self.wanted {
            // Noted first: half of a sequence may have arrived when the write fails.
            if !self.modes.set(*mode) {
                continue;
            }
            let done = match mode {
                Mode::Raw => crossterm::terminal::enable_raw_mode(),
                mode => wire.send(mode.on()),
            };
            if let Err(error) = done {
                drop(self.leave());
                return Err(error);
            }
        }
        self.send_title()
    }

    /// Gives the terminal back as it was. Tries everything, and returns the first failure. A second call does nothing.
    pub fn leave(&mut self) -> io::Result<()> {
        let wire = &mut self.wire;
        wire.forget();
        self.modes.restore(|bytes| wire.send(bytes))
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        if let Err(error) = self.leave() {
            tracing::warn!(%error, "The terminal could not be restored.");
        }
    }
}

/// Whether a terminal can be asked what it knows. The console of Linux shows part of a question that it does not know,
/// and a dumb one all of it.
pub fn may_ask(env: &dyn Fn(&str) -> Option<String>) -> bool {
    env("TERM").is_some_and(|term| !matches!(term.as_str(), "" | "dumb" | "linux" | "vt100" | "vt52"))
}

/// Whether a terminal's window can be named for a while: it must keep the name from before, which GNU screen does not.
pub fn may_name(env: &dyn Fn(&str) -> Option<String>) -> bool {
    may_ask(env) && env("STY").is_none()
}

const TITLE_MAX: usize = 200;

/// Makes a panic on this thread restore the terminal before its message is printed.
///
/// Call it on the thread that paints. A panic on another thread ends its own task only, so while the screen is up it
/// goes to the log and leaves the screen alone.
pub fn install_panic_hook(screen: &Screen<Tty>) {
    let modes = screen.modes.clone();
    let painter = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !modes.is_any() {
            return before(panic);
        }
        tracing::error!(%panic, "A thread panicked.");
        if std::thread::current().id() == painter {
            let restored = modes.restore(|bytes| Tty::stdout()?.write_all(bytes));
            if let Err(error) = restored {
                tracing::warn!(%error, "The terminal could not be restored.");
            }
            before(panic);
        }
    }));
}

/// Puts the cells of short gaps between cells that changed to them: to write one over costs a byte, to pass it three.
fn bridged<'a>(changed: &[(u16, u16, &'a Cell)], next: &'a Buffer) -> Vec<(u16, u16, &'a Cell)> {
    let is_one_byte = |cell: &Cell| cell.symbol().len() == 1;
    let mut out: Vec<(u16, u16, &'a Cell)> = Vec::with_capacity(changed.len());
    for (x, y, cell) in changed {
        if let Some((before, _, last)) =
            out.last().filter(|last| last.1 == *y && is_one_byte(last.2)).copied()
        {
            let gap = before + 1..*x;
            let is_cheap = |x: u16| {
                let cell = next.cell((x, *y));
                cell.filter(|cell| is_one_byte(cell) && cell.style() == last.style())
            };
            if gap.len() <= GAP_MAX
                && let Some(cells) = gap.clone().map(is_cheap).collect::<Option<Vec<_>>>()
            {
                out.extend(gap.zip(cells).map(|(x, cell)| (x, *y, cell)));
            }
        }
        out.push((*x, *y, cell));
    }
    out
}

/// To pass more cells costs no more than this many bytes.
const GAP_MAX: usize = 3;

/// Moves rows of `buffer` up, blanks those that come in, and returns whether there was anything to move.
fn shift(buffer: &mut Buffer, top: u16, height: u16, up: i16) -> bool {
    let width = usize::from(buffer.area.width);
    let start = usize::from(top) * width;
    let length = usize::from(height) * width;
    let by = usize::from(up.unsigned_abs()) * width;
    if by == 0 || by >= length {
        return false;
    }
    let Some(rows) = buffer.content.get_mut(start..start + length) else { return false };
    let blank = if up > 0 {
        rows.rotate_left(by);
        length - by..length
    } else {
        rows.rotate_right(by);
        0..by
    };
    for cell in &mut rows[blank] {
        *cell = Cell::EMPTY;
    }
    true
}

/// One thing that is switched on while the terminal is ours, in the order of switching on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Mode {
    Raw = 1,
    Alternate = 2,
    /// No wrapping: a character that is wider than it says must not push the last line up.
    NoWrap = 4,
    NoCursor = 8,
    Paste = 16,
    /// Buttons and the wheel; not movement, which would fill a slow line.
    Mouse = 32,
    /// The window's name from before is kept by the terminal.
    Title = 64,
}

impl Mode {
    const ALL: [Self; 7] =
        [Self::Raw, Self::Alternate, Self::NoWrap, Self::NoCursor, Self::Paste, Self::Mouse, Self::Title];

    fn on(self) -> &'static [u8] {
        match self {
            Self::Raw => b"",
            Self::Alternate => b"\x1b[?1049h",
            Self::NoWrap => b"\x1b[?7l",
            Self::NoCursor => b"\x1b[?25l",
            Self::Paste => b"\x1b[?2004h",
            Self::Mouse => b"\x1b[?1000h\x1b[?1006h",
            Self::Title => b"\x1b[22;2t",
        }
    }

    fn off(self) -> &'static [u8] {
        match self {
            Self::Raw => b"",
            // Emptied first: tmux leaves some of it on the screen below if the window has grown meanwhile, and GNU
            // screen has no other screen unless it is told to, so that what comes next begins at the top.
            Self::Alternate => b"\x1b[H\x1b[2J\x1b[?1049l",
            Self::NoWrap => b"\x1b[?7h",
            Self::NoCursor => b"\x1b[?25h",
            Self::Paste => b"\x1b[?2004l",
            Self::Mouse => b"\x1b[?1006l\x1b[?1000l",
            Self::Title => b"\x1b[23;2t",
        }
    }
}

/// What is on. Shared with the panic hook, so that each mode is switched off once, whoever comes first.
#[derive(Clone, Debug, Default)]
struct Modes(Arc<AtomicU8>);

impl Modes {
    /// Notes that a mode goes on and returns whether it was off.
    fn set(&self, mode: Mode) -> bool {
        self.0.fetch_or(mode as u8, Ordering::SeqCst) & mode as u8 == 0
    }

    fn is_on(&self, mode: Mode) -> bool {
        self.0.load(Ordering::SeqCst) & mode as u8 != 0
    }

    fn is_any(&self) -> bool {
        self.0.load(Ordering::SeqCst) != 0
    }

    /// Takes nothing to be on any more: others have had the terminal.
    fn forget(&self) {
        let on = self.0.swap(0, Ordering::SeqCst);
        if on & Mode::Raw as u8 != 0 {
            // crossterm believes that it is on, and would do nothing when asked again.
            drop(crossterm::terminal::disable_raw_mode());
        }
    }

    /// Switches off what is on, last things first.
    fn restore(&self, mut send: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let on = self.0.swap(0, Ordering::SeqCst);
        let is_on = |mode: &Mode| on & *mode as u8 != 0;
        let bytes: Vec<u8> = Mode::ALL.into_iter().rev().filter(is_on).flat_map(Mode::off).copied().collect();
        let sent = if bytes.is_empty() { Ok(()) } else { send(&bytes) };
        let cooked = if is_on(&Mode::Raw) { crossterm::terminal::disable_raw_mode() } else { Ok(()) };
        sent.and(cooked)
    }
}

#[cfg(test)]
mod tests;
