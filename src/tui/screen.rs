//! Sets the terminal's modes and paints frames.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use ratatui::layout::Size;
use ratatui::{Frame, Terminal};

use super::backend::{WireBackend, blank_all_covered};
use super::{Device, Tty, Wire};

/// The optional features of the terminal that a screen uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Setup {
    /// Whether to send synchronized frames, which a terminal shows at once (mode 2026).
    pub sync: bool,
    /// Whether to handle the mouse. The terminal then no longer selects text by itself.
    pub mouse: bool,
    /// Whether to set the title of the window. See [`Screen::set_title`].
    pub title: bool,
}

/// The terminal while the program uses it: raw, on the alternate screen, without a cursor.
///
/// Frames are drawn by [`ratatui::Terminal`] on a backend of our own, which keeps the bytes few. Raw mode is switched by
/// crossterm, which remembers for the whole process that it did; when others have had the terminal, it is made to forget.
///
/// Whatever was switched on is switched off in the opposite order by [`Screen::leave`], by dropping the screen, and
/// after a panic (see [`install_panic_hook`]), once in all. When it is not ours, painting does nothing.
#[derive(Debug)]
pub struct Screen<W: Write> {
    terminal: Terminal<WireBackend<W>>,
    modes: Modes,
    wanted: Vec<Mode>,
    title: String,
}

impl Screen<Tty> {
    /// Starts to use the terminal at standard output.
    ///
    /// # Errors
    /// Fails if there is no terminal or a mode cannot be set. The terminal is restored then.
    pub fn open(setup: Setup) -> io::Result<Self> {
        let tty = Tty::stdout()?;
        let size = tty.measure();
        Self::with_modes(tty, size, setup, true)
    }
}

impl<D: Device> Screen<D> {
    /// Restores the terminal, stops the program as `^Z` in a cooked terminal does, and sets the modes again when the
    /// program is resumed.
    pub fn suspend(&mut self) -> io::Result<()> {
        self.leave()?;
        self.wire().out().stop_job()?;
        self.resume()
    }

    /// Sets all modes again and redraws, because other programs may have changed the terminal. Call it on SIGCONT.
    pub fn resume(&mut self) -> io::Result<()> {
        self.modes.forget();
        self.enter()?;
        let size = self.wire().out().measure();
        self.set_size(size.width, size.height);
        self.clear();
        Ok(())
    }
}

impl<W: Write> Screen<W> {
    /// Creates a screen on any writer, as on a terminal of `size` columns and rows. Raw mode is not set.
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
        let backend = WireBackend::new(Wire::new(out, size, setup.sync));
        let mut screen = Self {
            terminal: Terminal::new(backend)?,
            modes: Modes::default(),
            wanted: Mode::ALL.into_iter().filter(is_wanted).collect(),
            title: String::new(),
        };
        // On failure the screen is dropped, which switches off the modes that were on already.
        screen.enter()?;
        Ok(screen)
    }

    fn backend(&mut self) -> &mut WireBackend<W> {
        self.terminal.backend_mut()
    }

    fn wire(&mut self) -> &mut Wire<W> {
        &mut self.terminal.backend_mut().wire
    }

    /// Paints a frame in one write; nothing is written if it equals the last one.
    pub fn paint(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.paint_scrolled(0, 0, 0, draw)
    }

    /// Paints a frame in which some full-width rows moved up by `up` lines, or down if `up` is negative.
    ///
    /// `top` is the first of these `height` rows. The terminal scrolls them, so a new row at the edge of a list costs
    /// the bytes of one row. Wrong numbers cost bytes, but never change the result.
    pub fn paint_scrolled(
        &mut self,
        top: u16,
        height: u16,
        up: i16,
        draw: impl FnOnce(&mut Frame<'_>),
    ) -> io::Result<()> {
        if !self.is_on() {
            return Ok(());
        }
        if self.backend().scroll(top, height, up) {
            // ratatui compares with its last frame, and cannot be told that lines moved. So the frame with the lines
            // moved is passed off as the last one; otherwise every line of the list would have changed.
            let mut moved = std::mem::take(self.terminal.current_buffer_mut());
            self.terminal.backend().copy_frame(&mut moved);
            *self.terminal.current_buffer_mut() = moved;
            self.terminal.swap_buffers();
        }
        let draw = |frame: &mut Frame<'_>| {
            draw(frame);
            blank_all_covered(frame.buffer_mut());
        };
        self.terminal.draw(draw).map(drop)
    }

    /// Limits the bytes of each following frame, or lifts the limit with `None`. A frame ends after the row that
    /// reaches the limit.
    pub fn set_frame_budget(&mut self, bytes: Option<usize>) {
        self.backend().set_frame_budget(bytes);
    }

    /// Returns whether the last frame was not sent completely, so that another one is due.
    pub fn is_behind(&self) -> bool {
        self.terminal.backend().is_behind()
    }

    /// Sets the title of the terminal's window, if [`Setup::title`] is set. The old title is restored when the terminal
    /// is. Control characters and everything after 200 characters are dropped.
    pub fn set_title(&mut self, title: &str) -> io::Result<()> {
        self.title = title.chars().filter(|char| !char.is_control()).take(TITLE_MAX).collect();
        self.send_title()
    }

    fn send_title(&mut self) -> io::Result<()> {
        if self.title.is_empty() || !self.modes.is_on(Mode::Title) {
            return Ok(());
        }
        let title = format!("\x1b]2;{}\x1b\\", self.title);
        self.wire().send(title.as_bytes())
    }

    /// Sends a sequence that does not change the screen, such as a copied text.
    pub fn send_aside(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_on() { self.wire().send(bytes) } else { Ok(()) }
    }

    /// Makes the next frame repaint every cell.
    pub fn clear(&mut self) {
        // Not by ratatui's own clear, which forgets the last frame as well: that is still right.
        self.backend().doubt();
    }

    /// Sets the size of the terminal in columns and rows. At most 1000 by 500 are used.
    pub fn set_size(&mut self, width: u16, height: u16) {
        self.backend().set_size(Size::new(width, height));
    }

    /// Sets whether to send synchronized frames (mode 2026), from the next frame on.
    pub fn set_sync(&mut self, sync: bool) {
        self.wire().set_sync(sync);
    }

    /// Queries whether the terminal supports mode 2026. The answer, if any, comes as [`super::Input::Sync`].
    ///
    /// This is the only query that the program sends. It is sent once, before the first frame, which paints over the
    /// text that a terminal may show if it does not know the query.
    pub fn ask_sync(&mut self) -> io::Result<()> {
        self.send_aside(b"\x1b[?2026$p")
    }

    /// Returns the size of frames, in columns and rows.
    pub fn size(&self) -> Size {
        self.terminal.backend().wire.size()
    }

    /// Returns the number of bytes sent to the terminal so far.
    pub fn bytes_written(&self) -> u64 {
        self.terminal.backend().wire.bytes_written()
    }

    /// Returns whether the program uses the terminal.
    pub fn is_on(&self) -> bool {
        self.modes.is_any()
    }

    /// Switches on the modes that are not on yet.
    pub fn enter(&mut self) -> io::Result<()> {
        let backend = self.terminal.backend_mut();
        backend.doubt();
        let wire = &mut backend.wire;
        for mode in &self.wanted {
            // The mode is recorded first, because a part of the sequence may arrive even if the write fails.
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

    /// Restores the terminal. Tries each step, and returns the first error. A second call does nothing.
    pub fn leave(&mut self) -> io::Result<()> {
        let wire = &mut self.terminal.backend_mut().wire;
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

/// Returns whether queries may be sent to the terminal. The Linux console shows a part of a query that it does not
/// know, and a dumb terminal shows all of it.
pub fn may_ask(env: &dyn Fn(&str) -> Option<String>) -> bool {
    env("TERM").is_some_and(|term| !matches!(term.as_str(), "" | "dumb" | "linux" | "vt100" | "vt52"))
}

/// Returns whether the window's title may be set. The terminal must be able to restore the old title, which GNU screen
/// cannot.
pub fn may_name(env: &dyn Fn(&str) -> Option<String>) -> bool {
    may_ask(env) && env("STY").is_none()
}

const TITLE_MAX: usize = 200;

/// Makes a panic on this thread restore the terminal before its message is printed.
///
/// Call it on the thread that paints. A panic on another thread ends only its own task, so while the screen is shown,
/// it is logged and the screen stays.
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

/// One thing that is switched on while the terminal is ours, in the order of switching on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Mode {
    Raw = 1,
    Alternate = 2,
    /// No wrapping, so that a character wider than expected in the last line does not scroll the screen.
    NoWrap = 4,
    NoCursor = 8,
    Paste = 16,
    /// Buttons and the wheel, but not movement, which would fill a slow line.
    Mouse = 32,
    /// The terminal saves the title of the window.
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
            // The screen is cleared first. tmux leaves a part of it on the main screen if the window has grown
            // meanwhile. GNU screen has no alternate screen by default, so later output begins at the top.
            Self::Alternate => b"\x1b[H\x1b[2J\x1b[?1049l",
            Self::NoWrap => b"\x1b[?7h",
            Self::NoCursor => b"\x1b[?25h",
            Self::Paste => b"\x1b[?2004l",
            Self::Mouse => b"\x1b[?1006l\x1b[?1000l",
            Self::Title => b"\x1b[23;2t",
        }
    }
}

/// The modes that are on. Shared with the panic hook, so that each mode is switched off once.
#[derive(Clone, Debug, Default)]
struct Modes(Arc<AtomicU8>);

impl Modes {
    /// Records that a mode is on, and returns whether it was off.
    fn set(&self, mode: Mode) -> bool {
        self.0.fetch_or(mode as u8, Ordering::SeqCst) & mode as u8 == 0
    }

    fn is_on(&self, mode: Mode) -> bool {
        self.0.load(Ordering::SeqCst) & mode as u8 != 0
    }

    fn is_any(&self) -> bool {
        self.0.load(Ordering::SeqCst) != 0
    }

    /// Records that no mode is on, because other programs have used the terminal.
    fn forget(&self) {
        let on = self.0.swap(0, Ordering::SeqCst);
        if on & Mode::Raw as u8 != 0 {
            // crossterm remembers that it is on, and would do nothing when asked again.
            drop(crossterm::terminal::disable_raw_mode());
        }
    }

    /// Switches off the modes that are on, in reverse order.
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
