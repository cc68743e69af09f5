//! Detects that the terminal is gone.
//!
//! SIGHUP reports most hangups (see [`super::Signals`]), but not to a process that has no controlling terminal or whose
//! parent ignored the signal. So the terminal itself is watched too.

use std::future::Future;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::io::Errno;
use tokio::sync::oneshot;

use super::tty;

/// The interval in milliseconds at which the watcher checks whether its future was dropped. On most systems a hangup
/// wakes it at once, but on a serial line it may be noticed only at the next check.
const LOOK_MS: i64 = 5000;

/// Returns a future that resolves when the terminal that keys come from is gone. It never resolves if there is no
/// terminal or the system cannot watch it.
///
/// A thread waits in `poll(2)`, and ends within some seconds after the future was dropped.
pub fn watch() -> impl Future<Output = ()> + Send {
    watch_terminal(tty::keys().ok())
}

/// Returns whether the error of a write means that the terminal is gone. A write may fail before the watcher reports.
pub fn is_hangup(error: &io::Error) -> bool {
    let gone = [Errno::IO, Errno::NXIO, Errno::PIPE];
    error.raw_os_error().is_some_and(|code| gone.iter().any(|errno| errno.raw_os_error() == code))
}

/// Returns whether the terminal that keys come from is gone now. If so, an end of input does not mean that the user
/// quit.
pub fn is_gone() -> bool {
    let state = tty::keys().and_then(|keys| tty::state(keys.as_fd(), 0));
    state.is_ok_and(tty::is_gone)
}

fn watch_terminal(terminal: Option<OwnedFd>) -> impl Future<Output = ()> + Send {
    let (tell, told) = oneshot::channel();
    if let Some(terminal) = terminal {
        let started =
            std::thread::Builder::new().name("hangup".to_owned()).spawn(move || wait(&terminal, tell));
        if let Err(error) = started {
            tracing::warn!(%error, "The terminal is not watched; only SIGHUP reports a hangup.");
        }
    }
    async move {
        if told.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn wait(terminal: &OwnedFd, tell: oneshot::Sender<()>) {
    while !tell.is_closed() {
        match tty::state(terminal.as_fd(), LOOK_MS) {
            Ok(flags) if flags.is_empty() => {}
            Ok(flags) if tty::is_gone(flags) => {
                // If the future was dropped meanwhile, nobody needs the answer.
                tell.send(()).ok();
                return;
            }
            Ok(flags) => {
                tracing::warn!(?flags, "The terminal cannot be watched; only SIGHUP reports a hangup.");
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "The terminal cannot be watched; only SIGHUP reports a hangup.");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use portable_pty::{PtySize, native_pty_system};
    use rustix::fs::{Mode, OFlags, open};
    use rustix::io::write;

    use super::*;

    #[tokio::test]
    async fn a_terminal_that_goes_is_noticed() {
        let pair = native_pty_system().openpty(PtySize::default()).unwrap();
        let name = pair.master.tty_name().unwrap();
        // Without NOCTTY, the terminal would become the controlling terminal of the test run.
        let slave = open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let mut gone = pin!(watch_terminal(Some(slave.try_clone().unwrap())));
        write(&slave, b"still here").unwrap();
        assert!(futures_util::poll!(gone.as_mut()).is_pending());
        drop(pair);
        gone.await;
    }

    #[tokio::test]
    async fn without_a_terminal_nothing_is_said() {
        let mut gone = pin!(watch_terminal(None));
        assert!(futures_util::poll!(gone.as_mut()).is_pending());
    }
}
