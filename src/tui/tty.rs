//! The terminal as a device to write to.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ratatui::layout::Size;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The size assumed for a terminal that does not report its size.
const USUAL: Size = Size { width: 80, height: 24 };

/// A terminal that a screen writes to.
pub trait Device: Write {
    /// Returns the size in columns and rows.
    fn measure(&self) -> Size;

    /// Stops the program as `^Z` in a cooked terminal does, and returns once it is resumed.
    fn stop_job(&self) -> io::Result<()>;
}

/// Standard output as a terminal, without the buffer and lock of `std`, so that a panic hook can write during a frame.
#[derive(Debug)]
pub struct Tty(File);

impl Tty {
    /// Opens standard output.
    ///
    /// # Errors
    /// Fails if it is not a terminal, because escape sequences must not be written to anything else.
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
    ///
    /// crossterm asks `/dev/tty`, which need not be the terminal that frames go to, hands on a size of zero, and starts
    /// another program when there is no answer.
    fn measure(&self) -> Size {
        measure(&self.0)
    }

    fn stop_job(&self) -> io::Result<()> {
        // Stops the whole job, as the terminal itself does. A wrapper that waits for the program must stop as well, or
        // the shell would not take over. Without job control, the system ignores the signal.
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
                // Another program that shares the terminal may have made it non-blocking. A frame must be written
                // whole.
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

/// Opens the terminal that keys come from: standard input if it is a terminal, otherwise the controlling terminal.
pub(super) fn keys() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return stdin.as_fd().try_clone_to_owned();
    }
    Ok(File::open("/dev/tty")?.into())
}

/// Returns whether this process has a controlling terminal now. A daemon has none, nor has a command that `ssh` runs
/// without a terminal.
pub fn is_controlled() -> bool {
    // Opening /dev/tty fails if there is none (POSIX: general terminal interface), and has no side effects.
    File::open("/dev/tty").is_ok()
}

/// Returns whether the terminal is gone. If the system cannot tell, it counts as alive.
pub(super) fn is_gone(flags: PollFlags) -> bool {
    // macOS reports NVAL for a /dev/tty that is alive.
    flags.intersects(PollFlags::HUP | PollFlags::ERR) && !flags.contains(PollFlags::NVAL)
}

/// Waits at most `limit_ms` milliseconds for the terminal to report a hangup or an error, and returns the flags.
pub(super) fn state(fd: BorrowedFd<'_>, limit_ms: i64) -> io::Result<PollFlags> {
    // No flags are requested, because HUP and ERR are always reported, and waiting keys must not wake the thread.
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::empty())];
    let limit = Timespec { tv_sec: limit_ms / 1000, tv_nsec: (limit_ms % 1000) * 1_000_000 };
    match poll(&mut fds, Some(&limit)) {
        Ok(_) => Ok(fds[0].revents()),
        Err(rustix::io::Errno::INTR) => Ok(PollFlags::empty()),
        Err(error) => Err(error.into()),
    }
}
