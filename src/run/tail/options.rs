//! What `tail` is asked for.

use std::time::Duration;

use jiff::Timestamp;

use super::super::{AutoPlan, Marked};
use crate::consent::Seq;
use crate::export::Lines;
use crate::model::Query;

/// What `tail` prints, and when it ends.
#[derive(Debug)]
pub struct TailOptions {
    /// The form of a line.
    pub format: Lines,
    /// Only consents published from here on.
    pub since: Option<Timestamp>,
    /// The same as a length back from now. It takes the place of `since` once Okta has said what time it is, or cannot
    /// be asked.
    pub ago: Option<Duration>,
    /// Only consents published before; ends once that time has come and the log is read up to it.
    pub until: Option<Timestamp>,
    /// Only rows after this number; takes the place of `since`.
    pub after: Option<Seq>,
    /// Only what matches.
    pub filter: Option<Query>,
    /// What is marked, for a filter that asks.
    pub marked: Marked,
    /// Ends once the poller has caught up.
    pub once: bool,
    /// Whether records that cannot be read leave the exit code of `once` at 0.
    pub allow_unreadable: bool,
    /// Prints a row again when it changes.
    pub updates: bool,
    /// Ends after this many lines.
    pub limit: Option<u64>,
    /// The snapshots that are taken meanwhile.
    pub auto: Option<AutoPlan>,
}
