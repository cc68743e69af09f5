//! The reasons why the program ends, and their exit codes.

use std::process::ExitCode;

/// The reason why the program ends. Scripts rely on the exit code of each.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Exit {
    /// The command succeeded. For `doctor`: the org is ready.
    Done,
    /// Input, output, the network or the journal failed.
    Failed,
    /// Wrong usage or configuration: nothing was started, nothing was written.
    Usage,
    /// Okta refused the credentials, or a required right is missing.
    Refused,
    /// `doctor`: a blocker is confirmed.
    NotReady,
    /// `doctor`: nothing blocks, but nothing proves that it works.
    Unproven,
    /// A signal ended it, after the terminal was restored and the journal closed.
    Signal(Signal),
}

/// A signal that ends the program with a regular shutdown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Signal {
    /// SIGINT, or `^C` on the screen.
    Interrupt,
    /// SIGHUP: the terminal is gone.
    HangUp,
    /// SIGTERM.
    Terminate,
}

impl Exit {
    /// Returns the exit of a run that worked for several orgs, from the exit of each: the worst of them, or success if
    /// there are none. Wrong usage comes before a refusal, and a refusal before a failure, because neither passes by
    /// itself.
    pub fn worst(exits: impl IntoIterator<Item = Self>) -> Self {
        let rank = |exit: &Self| match exit {
            Self::Signal(_) => 0,
            Self::Usage => 1,
            Self::Refused => 2,
            Self::Failed => 3,
            Self::NotReady => 4,
            Self::Unproven => 5,
            Self::Done => 6,
        };
        exits.into_iter().min_by_key(rank).unwrap_or(Self::Done)
    }

    /// Returns the exit code. For a signal it is 128 plus the signal's number, as in a shell.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::NotReady => 4,
            Self::Unproven => 5,
            Self::Signal(Signal::HangUp) => 128 + 1,
            Self::Signal(Signal::Interrupt) => 128 + 2,
            Self::Signal(Signal::Terminate) => 128 + 15,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_that_scripts_rely_on() {
        let codes = [Exit::Done, Exit::Failed, Exit::Usage, Exit::Refused, Exit::NotReady, Exit::Unproven];
        assert_eq!(codes.map(Exit::code), [0, 1, 2, 3, 4, 5]);
        assert_eq!(Exit::worst(codes).code(), 2);
        assert_eq!(Exit::worst([Exit::Done, Exit::Failed, Exit::Refused, Exit::NotReady]), Exit::Refused);
        assert_eq!(Exit::worst([Exit::Unproven, Exit::NotReady, Exit::Done]), Exit::NotReady);
        assert_eq!(Exit::worst([]), Exit::Done);
        let signals = [Signal::HangUp, Signal::Interrupt, Signal::Terminate];
        assert_eq!(signals.map(|signal| Exit::Signal(signal).code()), [129, 130, 143]);
    }
}
