//! Signals to the process.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::tty;

/// The signal that asks the program to end.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StopSignal {
    /// SIGINT. A `^C` typed into the screen is a key instead.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP, if the process started with a controlling terminal: the terminal or the session is gone.
    Hangup,
}

/// The signals that end or wake the program. SIGTSTP keeps its usual effect.
///
/// A signal between two waits is kept, so a wait can be dropped in a `select!`.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    /// Whether SIGHUP is a reason to end. To a process without a controlling terminal it has other meanings, for
    /// example that its log was rotated.
    ends_on_hangup: bool,
    woken: Signal,
}

impl Signals {
    /// Starts to listen. From then on, these signals no longer end the process by themselves. SIGHUP is a reason to end
    /// only if the process has a controlling terminal now.
    ///
    /// Needs a tokio runtime.
    ///
    /// # Errors
    /// Fails if the system refuses to install a handler.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { ends_on_hangup: tty::is_controlled(), ..Self::listen_to_all()? })
    }

    /// Does the same as [`Signals::listen`], except that SIGHUP is always a reason to end.
    pub fn listen_to_all() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            ends_on_hangup: true,
            woken: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        })
    }

    /// Waits for a signal that asks the program to end.
    pub async fn stop(&mut self) -> StopSignal {
        let hangup = self.ends_on_hangup.then_some(&mut self.hangup);
        wait(&mut self.interrupt, &mut self.terminate, hangup).await
    }

    /// Waits until the process is resumed after a stop. Another program may have used the terminal meanwhile.
    pub async fn woken(&mut self) {
        seen(&mut self.woken).await;
    }

    /// Waits for a signal. Returns the reason to end, or `None` if the process was resumed after a stop.
    pub async fn next(&mut self) -> Option<StopSignal> {
        let hangup = self.ends_on_hangup.then_some(&mut self.hangup);
        tokio::select! {
            biased;
            stop = wait(&mut self.interrupt, &mut self.terminate, hangup) => Some(stop),
            () = seen(&mut self.woken) => None,
        }
    }
}

/// SIGHUP as a request to read the configuration again, as daemons understand it. To a process with a controlling
/// terminal it means that the terminal is gone instead, and this never tells.
#[derive(Debug)]
pub struct Reloads(Option<Signal>);

impl Reloads {
    /// Starts to listen. Needs a tokio runtime.
    ///
    /// # Errors
    /// Fails if the system refuses to install a handler.
    pub fn listen() -> io::Result<Self> {
        let hangup = (!tty::is_controlled()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self(hangup))
    }

    /// Waits for the next request. One that comes meanwhile is kept.
    pub async fn asked(&mut self) {
        match &mut self.0 {
            Some(hangup) => seen(hangup).await,
            None => std::future::pending().await,
        }
    }
}

async fn wait(interrupt: &mut Signal, terminate: &mut Signal, hangup: Option<&mut Signal>) -> StopSignal {
    let hung_up = async {
        match hangup {
            Some(hangup) => seen(hangup).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        () = hung_up => StopSignal::Hangup,
        () = seen(terminate) => StopSignal::Terminate,
        () = seen(interrupt) => StopSignal::Interrupt,
    }
}

async fn seen(signal: &mut Signal) {
    if signal.recv().await.is_none() {
        // The stream has ended, so no more signals can come.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;

    // One test covers all signals, because they go to the whole process, which tests share.
    #[tokio::test]
    async fn each_signal_is_told_apart_and_none_is_lost() {
        let mut signals = Signals::listen_to_all().unwrap();
        for (signal, stop) in [
            (Signal::INT, Some(StopSignal::Interrupt)),
            (Signal::TERM, Some(StopSignal::Terminate)),
            (Signal::HUP, Some(StopSignal::Hangup)),
            (Signal::CONT, None),
        ] {
            kill_process(getpid(), signal).unwrap();
            assert_eq!(signals.next().await, stop);
        }
        kill_process(getpid(), Signal::CONT).unwrap();
        signals.woken().await;
        kill_process(getpid(), Signal::TERM).unwrap();
        assert_eq!(signals.stop().await, StopSignal::Terminate);
        // Without a controlling terminal, SIGHUP is ignored.
        signals.ends_on_hangup = false;
        kill_process(getpid(), Signal::HUP).unwrap();
        kill_process(getpid(), Signal::INT).unwrap();
        assert_eq!(signals.next().await, Some(StopSignal::Interrupt));
    }
}
