//! Files that the screen writes: those that the user saves, and automatic snapshots.

use std::path::{Path, PathBuf};

use serde_json::value::to_raw_value;

use super::paint::screen_text;
use crate::clock::Clock;
use crate::consent::{ExportFormat, KnownOrg, OrgId};
use crate::export::{About, AboutOrg};
use crate::model::{Extent, Model, Msg, OrgSources, SaveOrder, save_order};
use crate::report::Coverage;
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
    let about = About {
        orgs: about_orgs(model),
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

/// Returns the orgs of the rows and what is known of each. An entry for rows that name no org is left out.
///
/// A screen of files of several orgs knows only what all together cover. What they cover of all, they cover of each, and
/// a gap may be in any of them. The counts are left out, because they would be counted once for each org.
fn about_orgs(model: &Model) -> Vec<AboutOrg> {
    let of = |org: KnownOrg, sources: &OrgSources| AboutOrg {
        org,
        coverage: sources.coverage.clone(),
        board: Some(sources.board.clone()),
        readiness: sources.board.readiness.as_deref().and_then(|found| to_raw_value(found).ok()),
    };
    let none = OrgSources::default();
    let known = model.rows.orgs().iter().filter(|(_, org)| !org.label().is_empty());
    let orgs: Vec<(OrgId, &KnownOrg)> = known.collect();
    match orgs.as_slice() {
        // Files may name no org.
        [] => vec![of(KnownOrg::unnamed(&model.origin.org), model.sources.first())],
        [(_, org)] => {
            let described = model.sources.iter().find(|sources| sources.known.key == org.key);
            vec![of((*org).clone(), described.unwrap_or_else(|| model.sources.first()))]
        }
        _ if model.offline.is_none() => {
            let sources = |id: OrgId| model.sources.of(id).unwrap_or(&none);
            orgs.into_iter().map(|(id, org)| of(org.clone(), sources(id))).collect()
        }
        _ => {
            let all = Coverage::of_all(model.sources.iter().map(|sources| &sources.coverage));
            let common = Coverage {
                complete_since: all.complete_since,
                last_good_poll: all.last_good_poll,
                gaps: all.gaps,
                ..Coverage::default()
            };
            let about = |org: &KnownOrg| {
                let described = model.sources.iter().find(|sources| sources.known.key == org.key);
                match described.filter(|_| model.sources.is_several()) {
                    Some(sources) => AboutOrg { board: None, ..of(org.clone(), sources) },
                    None => {
                        AboutOrg { org: org.clone(), coverage: common.clone(), board: None, readiness: None }
                    }
                }
            };
            orgs.into_iter().map(|(_, org)| about(org)).collect()
        }
    }
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
