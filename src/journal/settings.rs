//! How much the journal keeps.

/// How much the journal keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Rows published longer ago are removed.
    pub keep_days: u32,
    /// Of more rows than this, the oldest are removed.
    pub keep_rows: u64,
    /// At most this many rows, and no more than `keep_rows`, that only a hook has brought. They go first when there are
    /// too many rows.
    pub keep_unconfirmed: u64,
}

impl Settings {
    /// Returns how many rows are kept that only a hook has brought.
    pub(super) fn unconfirmed_max(self) -> i64 {
        i64::try_from(self.keep_unconfirmed.min(self.keep_rows)).unwrap_or(i64::MAX)
    }

    /// Returns the number of hook-only rows that pruning aims for: a tenth below the maximum, so that there is
    /// room for new ones. Rows that the log may still show are not removed for this.
    pub(super) fn unconfirmed_goal(self) -> i64 {
        let most = self.unconfirmed_max();
        most - most / 10
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { keep_days: 400, keep_rows: 10_000_000, keep_unconfirmed: 100_000 }
    }
}
