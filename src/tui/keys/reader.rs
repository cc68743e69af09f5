//! The thread that reads the terminal.
//!
//! crossterm 0.29 reads a dead terminal, which reports end of file forever, at full speed and does not report the end.
//! This thread waits in `poll(2)`, reads once for each wake-up, and stops at an end of file or an error.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Parser, Wait};
use crate::tui::{Input, tty};

/// The capacity of the queue of inputs. More input waits in the terminal.
const QUEUE: usize = 256;
/// The time after ESC in which more bytes count as a sequence, and not as the escape key. It is shorter than the time
/// between two typed keys, and longer than most gaps between two packets.
const BRIEF_MS: i64 = 50;
/// The time to wait for the rest of a sequence that a slow line split.
const PATIENT_MS: i64 = 1000;

/// Input from the terminal, in the order in which it came. It ends with the terminal.
#[derive(Debug)]
pub(crate) struct Reader {
    inputs: Receiver<Input>,
    /// Dropped with the reader, which wakes the thread so that it ends.
    _open: Option<PipeWriter>,
}

impl Reader {
    /// Starts to read the terminal that keys come from, which must be in raw mode already.
    pub(crate) fn open() -> io::Result<Self> {
        Self::over(tty::keys()?)
    }

    /// Reads from a file descriptor.
    pub(super) fn over(terminal: OwnedFd) -> io::Result<Self> {
        let (tell, inputs) = channel(QUEUE);
        let (closed, open) = io::pipe()?;
        std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
            if let Err(error) = run(&terminal, &closed, &tell) {
                tracing::warn!(%error, "The terminal cannot be read.");
            }
        })?;
        Ok(Self { inputs, _open: Some(open) })
    }

    /// Reads inputs from a channel.
    pub(crate) fn of(inputs: Receiver<Input>) -> Self {
        Self { inputs, _open: None }
    }

    /// Waits for the next input. Returns `None` once no more can come. The future can be dropped without losing an
    /// input.
    pub(crate) async fn next(&mut self) -> Option<Input> {
        self.inputs.recv().await
    }
}

fn run(terminal: &OwnedFd, closed: &PipeReader, tell: &Sender<Input>) -> io::Result<()> {
    let mut parser = Parser::default();
    let mut found = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let limit = match parser.wait() {
            Wait::Ever => None,
            Wait::Briefly => Some(Timespec { tv_sec: 0, tv_nsec: BRIEF_MS * 1_000_000 }),
            Wait::Patiently => Some(Timespec { tv_sec: PATIENT_MS / 1000, tv_nsec: 0 }),
        };
        let mut fds = [
            PollFd::from_borrowed_fd(terminal.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(closed.as_fd(), PollFlags::IN),
        ];
        match poll(&mut fds, limit.as_ref()) {
            Ok(0) => parser.lull(&mut found),
            Ok(_) if !fds[1].revents().is_empty() => return Ok(()),
            Ok(_) => match read(terminal, &mut piece) {
                Ok(0) => return Ok(()),
                Ok(length) => parser.feed(&piece[..length], &mut found),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            },
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for input in found.drain(..) {
            if tell.blocking_send(input).is_err() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::model::{Chord, Key};

    #[tokio::test]
    async fn what_is_typed_comes_in_order_and_the_end_is_told() {
        let (person, mut keys) = io::pipe().unwrap();
        let mut reader = Reader::over(person.into()).unwrap();
        keys.write_all(b"j\x1b[A").unwrap();
        assert_eq!(reader.next().await, Some(Input::Key(Chord::plain(Key::Char('j')))));
        assert_eq!(reader.next().await, Some(Input::Key(Chord::plain(Key::Up))));
        keys.write_all(b"\x1b").unwrap();
        assert_eq!(reader.next().await, Some(Input::Key(Chord::plain(Key::Esc))));
        drop(keys);
        assert_eq!(reader.next().await, None);
    }

    #[test]
    fn the_thread_ends_with_the_reader() {
        let (person, _keys) = io::pipe().unwrap();
        let terminal: OwnedFd = person.into();
        let (closed, open) = io::pipe().unwrap();
        let (tell, _inputs) = channel(1);
        let thread = std::thread::spawn(move || run(&terminal, &closed, &tell).is_ok());
        drop(open);
        assert!(thread.join().unwrap());
    }
}
