//! How much is asked of Okta, and since when it answers.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What the poller did of late. A level, like the pulses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// The requests of the last minute, up to the last answer; failed ones too.
    pub used: u32,
    /// How many of a minute may be ours, or `None` before Okta has named its limit.
    pub ours: Option<u64>,
    /// The limit of a minute as the last answer named it.
    pub limit: Option<u64>,
    /// What the last answer said is left of it.
    pub remaining: Option<u64>,
    /// The wait between polls that is in force, or `None` where another process polls.
    pub interval: Option<Duration>,
    /// When the log was last read well.
    pub last_good: Option<Timestamp>,
}

impl Traffic {
    /// Whether less than a tenth of the limit is left.
    pub fn is_low(self) -> bool {
        matches!((self.limit, self.remaining), (Some(limit), Some(left)) if left.saturating_mul(10) < limit)
    }
}
