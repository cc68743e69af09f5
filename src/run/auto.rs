//! Automatic snapshots: at an interval and at exit.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::export::{ExportOptions, write};
use super::{FileLayout, MarkedEvents, auto_name, thin_out};
use crate::clock::Clock;
use crate::consent::KnownOrg;

/// When automatic snapshots are taken, and how many are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Auto {
    /// The interval between two snapshots, or `None` for no snapshots at an interval.
    pub every: Option<Duration>,
    /// Whether to take one at exit.
    pub on_exit: bool,
    /// How many automatic snapshots to keep.
    pub keep: usize,
}

impl Auto {
    /// Removes the oldest automatic snapshots so that at most `keep` are left. Does nothing while this machine's clock
    /// and Okta's disagree. Logs a warning if one cannot be removed.
    pub fn thin_out(self, folder: &Path, clock: &Clock) {
        if !clock.agrees() {
            return;
        }
        if let Err(error) = thin_out(folder, self.keep, clock.now()) {
            tracing::warn!(%error, "Old snapshots were not removed.");
        }
    }
}

/// Which journal automatic snapshots are taken of, when, and where they go.
#[derive(Clone, Debug)]
pub struct AutoPlan {
    /// When to take snapshots, and how many to keep.
    pub auto: Auto,
    /// Where snapshots go.
    pub folder: PathBuf,
    /// The orgs of the configuration, as people call them.
    pub orgs: Vec<KnownOrg>,
    /// Whether rows of the journal's other orgs are left out.
    pub only_these_orgs: bool,
    /// The folder of the journal.
    pub dir: PathBuf,
}

impl AutoPlan {
    /// Writes a snapshot of the whole journal, then removes old snapshots. Blocks until all is written. Returns a
    /// sentence and whether it reports a failure.
    pub(super) fn take(&self, clock: &Clock) -> (String, bool) {
        let now = clock.now();
        let path = match auto_name(&self.folder, now) {
            Ok(path) => path,
            Err(why) => return (why, true),
        };
        let options = ExportOptions {
            orgs: self.orgs.clone(),
            only_these_orgs: self.only_these_orgs,
            dir: self.dir.clone(),
            layout: FileLayout::Snapshot,
            since: None,
            until: None,
            filter: None,
            marked_only: false,
            marked: MarkedEvents::default(),
            output: Some(path.clone()),
            now,
        };
        let told = write(&options, &path);
        self.auto.thin_out(&self.folder, clock);
        told
    }
}
