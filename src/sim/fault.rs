//! What can go wrong between a client and an org, to be switched on by name.

use std::collections::{BTreeSet, VecDeque};

/// A way in which the simulated org misbehaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fault {
    /// 401 `E0000011`: the token is dead or unknown.
    Unauthorized,
    /// 403 `E0000006`: the token's role is too small.
    Forbidden,
    /// 403 without a body; `WWW-Authenticate` names the missing scope.
    ForbiddenEmpty,
    /// 429 `E0000047` with a ceiling, nothing remaining, and a reset ten seconds ahead.
    Rate429,
    /// 429 `E0000047` with zeros for ceiling and remainder: too many requests at the same time.
    Concurrency429,
    /// 500 `E0000009`.
    Server500,
    /// 502 with a gateway's HTML.
    Gateway502,
    /// The connection closes in the middle of the body.
    CutBody,
    /// The body trickles in over two seconds.
    SlowBody,
    /// Records that are no LogEvents stand between good ones.
    BadRecord,
    /// A page begins with the last record of the page before.
    Duplicates,
    /// The records of a page come in any order.
    OutOfOrder,
    /// Every cursor is refused with 400 `E0000001`.
    ExpiredCursor,
    /// The `next` link leads to another host.
    ForeignNext,
    /// The org's clock, as `Date` and the rate limit's reset show it, is ten minutes ahead.
    ClockSkew,
    /// Every path answers 200 with somebody else's HTML.
    NotOkta,
}

impl Fault {
    /// Every fault with its word.
    const ALL: [(Self, &'static str); 16] = [
        (Self::Unauthorized, "unauthorized"),
        (Self::Forbidden, "forbidden"),
        (Self::ForbiddenEmpty, "forbidden_empty"),
        (Self::Rate429, "rate_429"),
        (Self::Concurrency429, "concurrency_429"),
        (Self::Server500, "server_500"),
        (Self::Gateway502, "gateway_502"),
        (Self::CutBody, "cut_body"),
        (Self::SlowBody, "slow_body"),
        (Self::BadRecord, "bad_record"),
        (Self::Duplicates, "duplicates"),
        (Self::OutOfOrder, "out_of_order"),
        (Self::ExpiredCursor, "expired_cursor"),
        (Self::ForeignNext, "foreign_next"),
        (Self::ClockSkew, "clock_skew"),
        (Self::NotOkta, "not_okta"),
    ];

    /// The words of all faults, for a command line's help.
    pub const WORDS: [&'static str; 16] = {
        let mut words = [""; 16];
        let mut at = 0;
        while at < words.len() {
            words[at] = Self::ALL[at].1;
            at += 1;
        }
        words
    };

    /// Returns the fault that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(fault, _)| *fault)
    }

    /// Returns the word that the command line uses.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(fault, _)| *fault == self).map_or("", |(_, word)| word)
    }

    /// Whether it replaces the whole answer, of any resource and not only of the System Log.
    pub(super) fn refuses(self) -> bool {
        matches!(
            self,
            Self::Unauthorized
                | Self::Forbidden
                | Self::ForbiddenEmpty
                | Self::Rate429
                | Self::Concurrency429
                | Self::Server500
                | Self::Gateway502
        )
    }
}

/// The faults that are on now and those that wait for the next answers of the System Log.
#[derive(Debug, Default)]
pub(super) struct Faults {
    lasting: BTreeSet<Fault>,
    next: VecDeque<(Fault, usize)>,
}

impl Faults {
    /// Begins with lasting faults.
    pub(super) fn new(lasting: &[Fault]) -> Self {
        Self { lasting: lasting.iter().copied().collect(), next: VecDeque::new() }
    }

    /// Switches a lasting fault.
    pub(super) fn switch(&mut self, fault: Fault, on: bool) {
        if on {
            self.lasting.insert(fault);
        } else {
            self.lasting.remove(&fault);
        }
    }

    /// Queues a fault for a number of answers, behind what is queued already.
    pub(super) fn fail_next(&mut self, fault: Fault, times: usize) {
        if times > 0 {
            self.next.push_back((fault, times));
        }
    }

    /// Returns the faults of one answer. An answer of the System Log uses up what is queued; those that break a page
    /// concern no other.
    pub(super) fn take(&mut self, is_log: bool) -> BTreeSet<Fault> {
        let mut now = self.lasting.clone();
        if !is_log {
            now.retain(|fault| fault.refuses() || matches!(fault, Fault::NotOkta | Fault::ClockSkew));
        } else if let Some((fault, left)) = self.next.front_mut() {
            now.insert(*fault);
            *left -= 1;
            if *left == 0 {
                self.next.pop_front();
            }
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_there_and_back() {
        for word in Fault::WORDS {
            assert_eq!(Fault::from_word(word).map(Fault::word), Some(word));
        }
        assert_eq!(Fault::from_word("401"), None);
        assert_eq!(BTreeSet::from(Fault::WORDS).len(), 16);
    }

    #[test]
    fn queued_faults_wait_for_the_log() {
        let mut faults = Faults::new(&[Fault::ClockSkew, Fault::SlowBody]);
        faults.fail_next(Fault::Rate429, 2);
        faults.fail_next(Fault::CutBody, 1);
        assert_eq!(faults.take(false), BTreeSet::from([Fault::ClockSkew]));
        faults.switch(Fault::SlowBody, false);
        assert_eq!(faults.take(true), BTreeSet::from([Fault::ClockSkew, Fault::Rate429]));
        assert_eq!(faults.take(true), BTreeSet::from([Fault::ClockSkew, Fault::Rate429]));
        assert_eq!(faults.take(true), BTreeSet::from([Fault::ClockSkew, Fault::CutBody]));
        faults.switch(Fault::ClockSkew, false);
        assert!(faults.take(true).is_empty());
    }
}
