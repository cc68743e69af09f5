//! The poller's use of Okta's rate limit, and its last good poll.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The poller's recent use of the rate limit. Readers see the current state, not each step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// The requests in the minute before the last answer, including failed ones.
    pub used: u32,
    /// How many requests a minute this program may send, or `None` before Okta has named its limit.
    pub ours: Option<u64>,
    /// The limit per minute that the last answer named.
    pub limit: Option<u64>,
    /// The remaining requests that the last answer named.
    pub remaining: Option<u64>,
    /// The current wait between polls, or `None` if another process polls.
    pub interval: Option<Duration>,
    /// When the log was last read successfully.
    pub last_good: Option<Timestamp>,
}

impl Traffic {
    /// Returns whether less than a tenth of the limit is left.
    pub fn is_low(self) -> bool {
        matches!((self.limit, self.remaining), (Some(limit), Some(left)) if left.saturating_mul(10) < limit)
    }
}
