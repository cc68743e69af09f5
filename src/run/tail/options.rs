//! The options of `tail`.

use std::time::Duration;

use jiff::Timestamp;

use super::super::{AutoPlan, MarkedEvents};
use crate::consent::Seq;
use crate::export::Lines;
use crate::model::Query;

/// What `tail` prints, and when it ends.
#[derive(Debug)]
pub struct TailOptions {
    /// The format of a line.
    pub format: Lines,
    /// Only consents published at this time or later.
    pub since: Option<Timestamp>,
    /// `since` as a duration back from now. It is turned into `since` once Okta's time is known or a first poll has
    /// failed.
    pub ago: Option<Duration>,
    /// Only consents published before this time. The run ends once that time has come and the log is read up to it.
    pub until: Option<Timestamp>,
    /// Only rows after this number. `since` is then ignored.
    pub after: Option<Seq>,
    /// Only consents that match this filter.
    pub filter: Option<Query>,
    /// The marks beside the journal, for filters on marks.
    pub marked: MarkedEvents,
    /// Stop once the poller has caught up.
    pub once: bool,
    /// Whether `once` exits with 0 despite unreadable records.
    pub allow_unreadable: bool,
    /// Print a row again when it changes.
    pub updates: bool,
    /// Stop after this many lines.
    pub limit: Option<u64>,
    /// Automatic snapshots to take meanwhile.
    pub auto: Option<AutoPlan>,
}
