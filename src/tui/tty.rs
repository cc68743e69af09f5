//! The terminal as a place to write.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What a terminal is taken to be when it does not say.
const USUAL: Size = Size { width: 80, height: 24 };

/// A terminal that a screen writes to.
pub trait Device: Write {
    /// Returns its columns and rows.
    fn measure(&self) -> Size;

    /// Stops the program as `^Z` in a cooked terminal does, and returns when it goes on.
    fn stop_job(&self) -> io::Result<()>;
}

/// Standard output as a terminal, without std's buffer and lock: a panic hook can write while a frame is under way.
#[derive(Debug)]
pub struct Tty(File);

impl Tty {
    /// Takes standard output. Fails if it is not a terminal, since escape sequences go nowhere else.
    pub fn stdout() -> io::Result<Self> {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "standard output is not a terminal"));
        }
        Ok(Self(File::from(stdout.as_fd().try_clone_to_owned()?)))
    }
}

impl Device for Tty {
    /// Asks the terminal for its size. One that says zero or nothing is taken to be 80×24.
    fn measure(&self) -> Size {
        measure(&self.0)
    }

    fn stop_job(&self) -> io::Result<()> {
        // The whole job, as the terminal itself does it: a wrapper that waits for us must stop as well, or the shell
        // never takes over. Where nobody could wake us (no job control) the system ignores the signal.
        Ok(rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?)
    }
}

/// Returns the size of the terminal at standard output, as [`Device::measure`] of a [`Tty`] does.
pub(super) fn size() -> Size {
    measure(io::stdout())
}

fn measure(terminal: impl AsFd) -> Size {
    match rustix::termios::tcgetwinsize(terminal) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => Size::new(size.ws_col, size.ws_row),
        _ => USUAL,
    }
}

impl Write for Tty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                // Another program that shares the terminal may have made it non-blocking; half a frame is no frame.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    poll(&mut [PollFd::new(&self.0, PollFlags::OUT)], None)?;
                }
                done => return done,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens the terminal that keys come from: standard input if it is one, otherwise the controlling terminal.
pub(super) fn keys() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return stdin.as_fd().try_clone_to_owned();
    }
    Ok(File::open("/dev/tty")?.into())
}

/// Whether this process has a controlling terminal now. A daemon has none, and neither has what `ssh` runs without one.
pub fn is_controlled() -> bool {
    // Opening /dev/tty fails where there is none (POSIX: general terminal interface), and changes nothing.
    File::open("/dev/tty").is_ok()
}

/// Whether the other side of the terminal has gone. What the system cannot tell counts as alive.
pub(super) fn is_gone(flags: PollFlags) -> bool {
    // macOS answers NVAL for /dev/tty, which is alive.
    flags.intersects(PollFlags::HUP | PollFlags::ERR) && !flags.contains(PollFlags::NVAL)
}

/// Waits at most `limit_ms` for the terminal to say something of its own accord, and returns what it said.
pub(super) fn state(fd: BorrowedFd<'_>, limit_ms: i64) -> io::Result<PollFlags> {
    // No flag is asked for: HUP and ERR come unasked, and waiting keys must not wake us.
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::empty())];
    let limit = Timespec { tv_sec: limit_ms / 1000, tv_nsec: (limit_ms % 1000) * 1_000_000 };
    match poll(&mut fds, Some(&limit)) {
        Ok(_) => Ok(fds[0].revents()),
        Err(rustix::io::Errno::INTR) => Ok(PollFlags::empty()),
        Err(error) => Err(error.into()),
    }
}
