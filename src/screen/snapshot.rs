//! Files that the screen writes: those that the user saves, and automatic snapshots.

use std::path::{Path, PathBuf};

use super::paint::screen_text;
use crate::clock::Clock;
use crate::consent::{ExportFormat, KnownOrg};
use crate::export::{About, AboutOrg};
use crate::model::{Extent, Model, Msg, SaveOrder, save_order};
use crate::run::{Saver, Supply, auto_name, file_name};
use crate::view::Theme;

/// Starts to write a file that the user saves.
pub(super) fn start_saver(
    (folder, theme): (&Path, &Theme),
    model: &Model,
    source: &impl Supply,
    clock: &Clock,
    order: SaveOrder,
) -> Result<Saver, String> {
    let now = clock.now();
    let path = file_name(folder, now, order.format.ending())?;
    start_saver_at(path, now, theme, model, source, order)
}

/// Starts to write an automatic snapshot of every row.
pub(super) fn take_snapshot(
    (folder, theme): (&Path, &Theme),
    model: &Model,
    source: &impl Supply,
    clock: &Clock,
) -> Result<Saver, String> {
    let now = clock.now();
    let order = save_order(model, ExportFormat::Snapshot, Extent::All);
    start_saver_at(auto_name(folder, now)?, now, theme, model, source, order)
}

fn start_saver_at(
    path: PathBuf,
    now: jiff::Timestamp,
    theme: &Theme,
    model: &Model,
    source: &impl Supply,
    order: SaveOrder,
) -> Result<Saver, String> {
    let sources = model.sources.first();
    let readiness = sources
        .board
        .readiness
        .as_ref()
        .and_then(|readiness| serde_json::value::to_raw_value(&**readiness).ok());
    let org = AboutOrg {
        org: KnownOrg::unnamed(&model.origin.org),
        coverage: sources.coverage.clone(),
        board: Some(sources.board.clone()),
        readiness,
    };
    let about = About {
        orgs: vec![org],
        created: now,
        filter: order.filter.clone(),
        extent: order.extent.word(),
        since: None,
        until: None,
        screen: Some(screen_text(model, theme)),
    };
    Saver::start(path, order, about, source.records())
        .map_err(|error| format!("Nothing was written: {error}."))
}

/// Waits for the snapshot at the end, and returns a sentence about its outcome.
pub(super) async fn last_snapshot(taken: Result<Saver, String>) -> String {
    let mut saver = match taken {
        Ok(saver) => saver,
        Err(why) => return why,
    };
    while let Some(heard) = saver.heard().await {
        if let Msg::Saved(outcome) = heard {
            return outcome.text;
        }
    }
    "The last snapshot was not written.".to_owned()
}
