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
    let described = |org: &KnownOrg| model.sources.iter().find(|sources| sources.known.key == org.key);
    let has_rows = |id: OrgId| model.rows.order().iter().any(|at| model.rows.get(*at).org == id);
    let known = model.rows.orgs().iter().filter(|(_, org)| !org.label().is_empty());
    let orgs: Vec<(OrgId, &KnownOrg)> = known.collect();
    match orgs.as_slice() {
        // Files may name no org.
        [] => vec![of(KnownOrg::unnamed(&model.origin.org), model.sources.first())],
        [(_, org)] => {
            vec![of((*org).clone(), described(org).unwrap_or_else(|| model.sources.first()))]
        }
        _ if model.offline.is_none() => {
            let about = |(id, org): &(OrgId, &KnownOrg)| match described(org) {
                Some(sources) => Some(of((*org).clone(), sources)),
                // The screen does not know what the journal covers of an org that this process does not work for.
                None => has_rows(*id).then(|| AboutOrg { board: None, ..of((*org).clone(), &none) }),
            };
            orgs.iter().filter_map(about).collect()
        }
        _ => {
            let all = Coverage::of_all(model.sources.iter().map(|sources| &sources.coverage));
            let common = Coverage {
                complete_since: all.complete_since,
                last_good_poll: all.last_good_poll,
                gaps: all.gaps,
                ..Coverage::default()
            };
            let about = |org: &KnownOrg| match described(org).filter(|_| model.sources.is_several()) {
                Some(sources) => AboutOrg { board: None, ..of(org.clone(), sources) },
                None => AboutOrg { org: org.clone(), coverage: common.clone(), board: None, readiness: None },
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::consent::{Orgs, RowPage, Via};
    use crate::model::{Origin, Zone, update};
    use crate::okta;
    use crate::report::{Board, Part, Pulse};

    #[test]
    fn what_is_not_known_of_an_org_is_not_written() {
        let orgs = ["prod.okta.com", "preview.okta.com"].map(KnownOrg::unnamed);
        let now = Timestamp::UNIX_EPOCH;
        let mut model = Model::new(Origin::default(), Zone::default(), (80, 24), now);
        let mut board = Board::default();
        board.set(Part::Poll, Pulse::Live);
        let coverage = Coverage { complete_since: Some(now), ..Coverage::default() };
        // The journal has not given the org this number.
        let id = OrgId(255);
        for msg in [
            Msg::Orgs(Orgs::new(orgs.to_vec())),
            Msg::OrgsInUse(vec![(id, orgs[0].clone())]),
            Msg::Board(id, Box::new(board)),
            Msg::Coverage(id, coverage.clone()),
        ] {
            drop(update(&mut model, msg));
        }
        let about = about_orgs(&model);
        assert_eq!(about.len(), 1, "nothing of the other org is in the file");
        assert_eq!((&about[0].org, &about[0].coverage), (&orgs[0], &coverage));
        assert!(about[0].board.as_ref().is_some_and(|board| *board.get(Part::Poll) == Pulse::Live));

        let event = r#"[{"uuid":"5b1f0c9e-3333-4333-8333-000000000001","published":"2026-05-06T07:00:00.000Z",
            "eventType":"app.oauth2.as.consent.grant"}]"#;
        let consents = okta::page(event.as_bytes(), now, Via::POLL).expect("a page").consents;
        let mut row = consents[0].row(crate::consent::Seq(1)).0;
        row.org = OrgId(1);
        drop(update(&mut model, Msg::Committed(RowPage { rows: vec![row], ..RowPage::default() })));
        let about = about_orgs(&model);
        assert_eq!(about.iter().map(|about| &about.org).collect::<Vec<_>>(), [&orgs[0], &orgs[1]]);
        assert!(about[1].board.is_none(), "its parts are not said to be off");
    }
}
