//! Snapshots that nobody asks for one by one: every so often, and at the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::export::{ExportOptions, write};
use super::{FileLayout, Marked, auto_name, thin_out};
use crate::clock::Clock;

/// When they are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Auto {
    /// How often.
    pub every: Option<Duration>,
    /// Whether the end takes one.
    pub on_exit: bool,
    /// How many are kept.
    pub keep: usize,
}

impl Auto {
    /// Removes the oldest, so that no more are left than are wanted; nothing while this machine's clock and Okta's do
    /// not agree. One that cannot be removed is for the log.
    pub fn thin_out(self, folder: &Path, clock: &Clock) {
        if !clock.agrees() {
            return;
        }
        if let Err(error) = thin_out(folder, self.keep, clock.now()) {
            tracing::warn!(%error, "Old snapshots were not removed.");
        }
    }
}

/// What of which journal is written where.
#[derive(Clone, Debug)]
pub struct AutoPlan {
    /// When.
    pub auto: Auto,
    /// Where snapshots go.
    pub folder: PathBuf,
    /// The org's host.
    pub org: String,
    /// The folder of the org's journal.
    pub dir: PathBuf,
}

impl AutoPlan {
    /// Writes everything that is stored. Takes as long as that takes. Returns a sentence, and whether it is bad news.
    pub(super) fn take(&self, clock: &Clock) -> (String, bool) {
        let now = clock.now();
        let path = match auto_name(&self.folder, now) {
            Ok(path) => path,
            Err(why) => return (why, true),
        };
        let options = ExportOptions {
            org: self.org.clone(),
            dir: self.dir.clone(),
            layout: FileLayout::Snapshot,
            since: None,
            until: None,
            filter: None,
            marked_only: false,
            marked: Marked::default(),
            output: Some(path.clone()),
            now,
        };
        let told = write(&options, &path);
        self.auto.thin_out(&self.folder, clock);
        told
    }
}
