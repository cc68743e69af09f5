//! How the event hook does.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the listener took and refused since the program began. A level, like the pulses.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HookHealth {
    /// Where it listens, such as `http://127.0.0.1:8787/okta/hook`, or `None` while it does not.
    pub listens_at: Option<String>,
    /// Since when it listens without a break.
    pub up_since: Option<Timestamp>,
    /// When somebody who knows the secret last verified the hook, or delivered for the first time: Okta delivers only
    /// to a verified one.
    pub verified: Option<Timestamp>,
    /// When the last good delivery came.
    pub last_delivery: Option<Timestamp>,
    /// Good deliveries.
    pub deliveries: u64,
    /// Their events that could be read.
    pub received: u64,
    /// Of these, rows that nobody had brought before.
    pub new: u64,
    /// Of these, rows that the poller had brought before.
    pub merged: u64,
    /// Of these, rows that a hook had brought before.
    pub duplicates: u64,
    /// Their events, and whole bodies, that could not be read; they are kept.
    pub rejects: u64,
    /// Requests that were refused, by reason.
    pub refused: HookRefused,
    /// Connections that were closed to make room for others while all slots were taken.
    pub evicted: u64,
    /// From `published` to the commit, of the last events that were new, or `None` before the first.
    pub delay: Option<HookDelay>,
}

/// What the System Log says of the event hook; kept in the journal, so it outlives the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HookProof {
    /// When the hook was first verified, or delivered for the first time, by whoever knows the secret.
    pub verified: Option<Timestamp>,
    /// Rows that only the hook has brought although the log was read to its end long after.
    pub unconfirmed: u64,
    /// Rows that the hook should have brought and did not.
    pub missed: u64,
    /// Rows of which the hook's copy contradicts the log's.
    pub altered: u64,
    /// Rows that the log has not shown so far, doubted or not.
    pub unseen: u64,
    /// Deliveries that Okta says failed. Of any hook of the org's: the event does not always say which.
    pub failures: u64,
    /// When the last of these was.
    pub last_failure: Option<Timestamp>,
}

/// How many requests were refused, by reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HookRefused {
    /// Without the secret, or with a wrong one.
    pub secret: u64,
    /// No delivery: not JSON, no events, too deep, another content type, a challenge that must not be echoed.
    pub form: u64,
    /// Too long a body, or too long headers.
    pub size: u64,
    /// Another path or method.
    pub place: u64,
    /// A body that did not come in time.
    pub slow: u64,
    /// The journal did not take it in time or at all; Okta tries once more.
    pub journal: u64,
    /// More than may come, or be kept, that the log has not shown; Okta tries once more.
    pub unconfirmed: u64,
}

impl HookRefused {
    /// Returns how many there were of any reason.
    pub fn total(self) -> u64 {
        let Self { secret, form, size, place, slow, journal, unconfirmed } = self;
        [secret, form, size, place, slow, journal, unconfirmed].into_iter().sum()
    }
}

/// How late events come by the hook.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HookDelay {
    /// Half of them are faster.
    pub p50: Duration,
    /// Nineteen of twenty are faster.
    pub p95: Duration,
}

impl HookDelay {
    /// Returns the delay of some events, in any order, or `None` of none.
    pub fn of(delays: &[Duration]) -> Option<Self> {
        let mut sorted = delays.to_vec();
        sorted.sort_unstable();
        // The nearest rank: with a single one, both are that one.
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
