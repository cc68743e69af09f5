//! How much the journal keeps.

/// How much the journal keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Rows published more than this many days ago are removed.
    pub keep_days: u32,
    /// The maximum number of rows. Beyond it, the oldest of the org with the most rows are removed.
    pub keep_rows: u64,
    /// The maximum number of rows that only a hook has delivered; `keep_rows` limits it too. Each org that is written
    /// for has an even share, and an org that is not may keep as many. They are removed first when there are too many
    /// rows.
    pub keep_unconfirmed: u64,
}

impl Settings {
    /// Returns the maximum number of rows of an org that only the hook has delivered, if `orgs` orgs are written for.
    pub(super) fn unconfirmed_max(self, orgs: usize) -> i64 {
        let most = self.keep_unconfirmed.min(self.keep_rows);
        i64::try_from(most / (orgs as u64).max(1)).unwrap_or(i64::MAX)
    }

    /// Returns the number of rows of an org delivered only by a hook that pruning leaves, if `orgs` orgs are written
    /// for: 90 % of the maximum, to make room for new ones. Pruning removes no row that the log may still confirm.
    pub(super) fn unconfirmed_goal(self, orgs: usize) -> i64 {
        let most = self.unconfirmed_max(orgs);
        most - most / 10
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { keep_days: 400, keep_rows: 10_000_000, keep_unconfirmed: 100_000 }
    }
}
