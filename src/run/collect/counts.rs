//! What a collector counts.

use std::collections::BTreeMap;

/// What was counted since the process started.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// The host of the org.
    pub(super) org: String,
    /// New rows, by kind and by the way on which they first came.
    pub(super) events: BTreeMap<(&'static str, &'static str), u64>,
}
