//! The health of the event hook's listener, and the log's evidence about the hook.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the listener accepted and refused since the program started. Readers see the current state, not each step.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HookHealth {
    /// Where it listens, such as `http://127.0.0.1:8787/okta/hook`, or `None` while it does not.
    pub listens_at: Option<String>,
    /// Since when it has been listening without interruption.
    pub up_since: Option<Timestamp>,
    /// When a request with the secret last verified the hook, or first delivered. Okta delivers only to a verified
    /// hook.
    pub verified: Option<Timestamp>,
    /// When the last good delivery came.
    pub last_delivery: Option<Timestamp>,
    /// Deliveries that were accepted.
    pub deliveries: u64,
    /// Readable events in these deliveries.
    pub received: u64,
    /// Rows among them that were new.
    pub new: u64,
    /// Rows among them that the poller had brought before.
    pub merged: u64,
    /// Rows among them that a hook had brought before.
    pub duplicates: u64,
    /// Events and whole bodies that could not be read. They are kept as records.
    pub rejects: u64,
    /// Requests that were refused, by reason.
    pub refused: HookRefused,
    /// Connections that were closed to make room for others while all slots were taken.
    pub evicted: u64,
    /// The delay from `published` to the commit for the latest new events, or `None` before the first.
    pub delay: Option<HookDelay>,
}

/// What the System Log shows about the event hook. It is stored in the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HookProof {
    /// When a request with the secret first verified the hook or delivered.
    pub verified: Option<Timestamp>,
    /// Rows that only the hook has brought, although the log was read to its end long after.
    pub unconfirmed: u64,
    /// Rows that the hook should have brought but did not.
    pub missed: u64,
    /// Rows whose copy from the hook contradicts the log's.
    pub altered: u64,
    /// Rows that the log has not shown so far, doubted or not.
    pub unseen: u64,
    /// Deliveries that failed according to Okta, for any hook of the org, since the event does not always name the
    /// hook.
    pub failures: u64,
    /// When the last of these failed.
    pub last_failure: Option<Timestamp>,
}

impl HookProof {
    /// Returns what the logs of two orgs show together. The hook counts as verified only if both are.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            verified: self.verified.zip(other.verified).map(|(one, other)| one.max(other)),
            unconfirmed: self.unconfirmed + other.unconfirmed,
            missed: self.missed + other.missed,
            altered: self.altered + other.altered,
            unseen: self.unseen + other.unseen,
            failures: self.failures + other.failures,
            last_failure: self.last_failure.max(other.last_failure),
        }
    }
}

/// How many requests were refused, by reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HookRefused {
    /// The secret was missing or wrong.
    pub secret: u64,
    /// The request was not a delivery: not JSON, no events, nested too deep, another content type, or a challenge that
    /// must not be echoed.
    pub form: u64,
    /// The body or the headers were too long.
    pub size: u64,
    /// The path or the method was wrong.
    pub place: u64,
    /// The body did not arrive in time.
    pub slow: u64,
    /// The journal did not store it, or not in time. Okta tries once more.
    pub journal: u64,
    /// The limit on rows that the log has not shown was reached. Okta tries once more.
    pub unconfirmed: u64,
}

impl HookRefused {
    /// Returns the sum over all reasons.
    pub fn total(self) -> u64 {
        let Self { secret, form, size, place, slow, journal, unconfirmed } = self;
        [secret, form, size, place, slow, journal, unconfirmed].into_iter().sum()
    }
}

/// The delay of events that come by the hook.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HookDelay {
    /// The median.
    pub p50: Duration,
    /// The 95th percentile.
    pub p95: Duration,
}

impl HookDelay {
    /// Returns the percentiles of delays in any order, or `None` if there are none.
    pub fn of(delays: &[Duration]) -> Option<Self> {
        let mut sorted = delays.to_vec();
        sorted.sort_unstable();
        // The nearest-rank method: with a single delay, both are that delay.
        let at =
            |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Some(Self { p50: at(50)?, p95: at(95)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_a_rank() {
        let delays = |n: u64| (1..=n).rev().map(Duration::from_millis).collect::<Vec<_>>();
        let ms = |delay: Option<HookDelay>| delay.map(|delay| (delay.p50.as_millis(), delay.p95.as_millis()));
        assert_eq!(ms(HookDelay::of(&[])), None);
        assert_eq!(ms(HookDelay::of(&delays(1))), Some((1, 1)));
        assert_eq!(ms(HookDelay::of(&delays(2))), Some((1, 2)));
        assert_eq!(ms(HookDelay::of(&delays(100))), Some((50, 95)));
    }

    #[test]
    fn refusals_add_up() {
        let refused =
            HookRefused { secret: 1, form: 2, size: 3, place: 4, slow: 5, journal: 6, unconfirmed: 7 };
        assert_eq!(refused.total(), 28);
    }
}
