//! Signals from outside.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::tty;

/// Why the system asks the program to end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stop {
    /// SIGINT; a `^C` typed into the screen is a key instead.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP, where the process began with a controlling terminal: that or the session went away.
    Hangup,
}

/// The signals that end or wake the program. SIGTSTP keeps its usual effect.
///
/// A signal that comes between two waits is kept, so it is safe to drop a wait in a `select!`.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    /// Whether SIGHUP is a reason to end. To a process without a controlling terminal it says something else, such as
    /// that its log was moved away.
    ends_on_hangup: bool,
    woken: Signal,
}

impl Signals {
    /// Begins to listen. From here on these signals no longer end the process by themselves. SIGHUP is a reason to end
    /// only if the process has a controlling terminal now.
    ///
    /// Fails if the system refuses a handler. Needs a tokio runtime.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { ends_on_hangup: tty::is_controlled(), ..Self::listen_to_all()? })
    }

    /// The same, and SIGHUP is a reason to end in any case.
    pub fn listen_to_all() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            ends_on_hangup: true,
            woken: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    /// Waits until the program is to end.
    pub async fn stop(&mut self) -> Stop {
        let hangup = self.ends_on_hangup.then_some(&mut self.hangup);
        wait(&mut self.interrupt, &mut self.terminate, hangup).await
    }

    /// Waits until the process goes on after it was stopped: somebody else has used the terminal since.
    pub async fn woken(&mut self) {
        seen(&mut self.woken).await;
    }

    /// Waits for either: a reason to end, or nothing when the process goes on after it was stopped.
    pub async fn next(&mut self) -> Option<Stop> {
        let hangup = self.ends_on_hangup.then_some(&mut self.hangup);
        tokio::select! {
            biased;
            stop = wait(&mut self.interrupt, &mut self.terminate, hangup) => Some(stop),
            () = seen(&mut self.woken) => None,
        }
    }
}

async fn wait(interrupt: &mut Signal, terminate: &mut Signal, hangup: Option<&mut Signal>) -> Stop {
    let hung_up = async {
        match hangup {
            Some(hangup) => seen(hangup).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = hung_up => Stop::Hangup,
        () = seen(terminate) => Stop::Terminate,
        () = seen(interrupt) => Stop::Interrupt,
    }
}

async fn seen(signal: &mut Signal) {
    if signal.recv().await.is_none() {
        // No more of them can come.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    // One test for all of them: signals belong to the whole process, and tests share it.
    #[tokio::test]
    async fn each_signal_is_told_apart_and_none_is_lost() {
        let mut signals = Signals::listen_to_all().unwrap();
        for (signal, stop) in [
            (Signal::INT, Some(Stop::Interrupt)),
            (Signal::TERM, Some(Stop::Terminate)),
            (Signal::HUP, Some(Stop::Hangup)),
            (Signal::CONT, None),
        ] {
            kill_process(getpid(), signal).unwrap();
            assert_eq!(signals.next().await, stop);
        }
        kill_process(getpid(), Signal::CONT).unwrap();
        signals.woken().await;
        kill_process(getpid(), Signal::TERM).unwrap();
        assert_eq!(signals.stop().await, Stop::Terminate);
        // Without a controlling terminal nobody hung up.
        signals.ends_on_hangup = false;
        kill_process(getpid(), Signal::HUP).unwrap();
        kill_process(getpid(), Signal::INT).unwrap();
        assert_eq!(signals.next().await, Some(Stop::Interrupt));
    }
}
