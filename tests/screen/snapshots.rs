//! Automatic snapshots: when they are taken, which rows they have, how many are kept, and the one at the end.

use std::collections::BTreeSet;
use std::time::Duration;

use consentwatch::consent::{KnownOrg, OrgId, OrgName, Orgs};
use consentwatch::model::Msg;
use consentwatch::report::{Coverage, Gap};
use consentwatch::run::Auto;
use serde_json::Value;

use crate::rig::{Rig, backlog};

const HOUR: Duration = Duration::from_hours(1);
const POLL: Duration = Duration::from_secs(11);

/// Returns the names of the files in the folder of snapshots.
fn names(rig: &Rig) -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(rig.folder.path().join("snapshots")) else { return Vec::new() };
    let mut names: Vec<String> =
        folder.map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn snapshot(rig: &Rig, name: &str) -> Value {
    let bytes = std::fs::read(rig.folder.path().join("snapshots").join(name)).expect("the snapshot");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// Waits until the snapshot that is due is written and the screen says so.
async fn written(rig: &mut Rig, name: &str) {
    rig.until("the snapshot", |rig| names(rig).iter().any(|other| other == name)).await;
    rig.until("its words", |rig| rig.text().contains("consents written to")).await;
    rig.settle().await;
}

#[tokio::test]
async fn one_is_taken_every_hour_of_every_row_and_the_newest_are_kept() {
    let auto = Auto { every: Some(HOUR), on_exit: false, keep: 2 };
    let mut rig = Rig::start_with_snapshots(backlog(60), auto, 140, 40).await;
    // A filter hides rows from the screen, but not from the snapshot.
    rig.press("fkind:revoke<enter>");
    rig.advance(Duration::from_secs(3599)).await;
    assert_eq!(names(&rig), [""; 0], "it is not due");
    rig.advance(Duration::from_secs(1)).await;
    written(&mut rig, "auto-20260304T101500Z.json").await;
    let first = snapshot(&rig, "auto-20260304T101500Z.json");
    let uuids = |snapshot: &Value| -> BTreeSet<String> {
        let consents = snapshot["consents"].as_array().expect("consents");
        let uuid = |consent: &Value| consent["uuid"].as_str().expect("a uuid").to_owned();
        consents.iter().map(uuid).collect()
    };
    assert_eq!(uuids(&first), rig.org.uuids().into_iter().collect());
    assert_eq!((&first["created"], &first["filter"]), (&"2026-03-04T10:15:00.000Z".into(), &Value::Null));
    assert!(first["screen"].as_str().is_some_and(|screen| screen.contains("kind:revoke")), "{first}");

    rig.org.emit(5);
    rig.advance(POLL).await;
    rig.advance(HOUR).await;
    let two = ["auto-20260304T101500Z.json", "auto-20260304T111511Z.json"];
    rig.until("the second", |rig| names(rig) == two).await;
    rig.settle().await;
    rig.advance(HOUR).await;
    // The oldest is removed first.
    let kept = ["auto-20260304T111511Z.json", "auto-20260304T121511Z.json"];
    rig.until("the third", |rig| names(rig) == kept).await;
    for name in kept {
        assert_eq!(uuids(&snapshot(&rig, name)), rig.org.uuids().into_iter().collect(), "{name}");
    }
    let (folder, words) = Box::pin(rig.finish_and_keep()).await;
    assert_eq!(words, [""; 0], "the end takes none");
    assert_eq!(std::fs::read_dir(folder.path().join("snapshots")).expect("the folder").count(), 2);
}

#[tokio::test]
async fn the_end_takes_one() {
    let auto = Auto { every: None, on_exit: true, keep: 2 };
    let mut rig = Rig::start_with_snapshots(backlog(60), auto, 140, 40).await;
    rig.advance(HOUR * 3).await;
    assert_eq!(names(&rig), [""; 0], "none is taken by time");
    let (folder, words) = Box::pin(rig.finish_and_keep()).await;
    assert!(words.len() == 1 && words[0].starts_with("60 consents written to "), "{words:?}");
    assert_eq!(std::fs::read_dir(folder.path().join("snapshots")).expect("the folder").count(), 1);
}

/// Takes a snapshot at the end of a screen whose rows are of some orgs, and returns it.
async fn of_orgs(orgs: &[(&str, &str)]) -> Value {
    let auto = Auto { every: None, on_exit: true, keep: 2 };
    let mut rig = Rig::start_with_snapshots(backlog(60), auto, 140, 40).await;
    let org =
        |(host, name): &(&str, &str)| KnownOrg { name: OrgName::parse(name).ok(), ..KnownOrg::unnamed(host) };
    let known: Vec<KnownOrg> = orgs.iter().map(org).collect();
    rig.tell(Msg::Orgs(Orgs::new(known.clone())));
    let at = |text: &str| text.parse().expect("a time");
    let gap = Gap {
        from: at("2026-03-02T00:00:00Z"),
        to: at("2026-03-02T01:00:00Z"),
        why: "the computer slept".to_owned(),
    };
    let coverage = Coverage {
        complete_since: Some(at("2026-03-01T00:00:00Z")),
        gaps: vec![gap],
        late: 3,
        ..Coverage::default()
    };
    rig.tell(Msg::OrgsInUse((0..).map(OrgId).zip(known).collect()));
    for org in 0..orgs.len() as u8 {
        rig.tell(Msg::Coverage(OrgId(org), coverage.clone()));
    }
    let (folder, _) = Box::pin(rig.finish_and_keep()).await;
    let mut files = std::fs::read_dir(folder.path().join("snapshots")).expect("the folder");
    let path = files.next().expect("a snapshot").expect("a file").path();
    serde_json::from_slice(&std::fs::read(path).expect("the snapshot")).expect("JSON")
}

#[tokio::test]
async fn it_names_the_orgs_of_the_rows_with_their_hosts() {
    let names = |snapshot: &Value| -> Vec<(Value, Value)> {
        let orgs = snapshot["orgs"].as_array().expect("the orgs");
        orgs.iter().map(|org| (org["name"].clone(), org["host"].clone())).collect()
    };
    let prod = ("example.okta.com", "prod");
    let prod_in_json = (Value::from("prod"), Value::from("example.okta.com"));
    let one = Box::pin(of_orgs(&[prod])).await;
    assert_eq!((names(&one), &one["org"]), (vec![prod_in_json.clone()], &"prod".into()));
    assert_eq!((&one["coverage"]["late"], one["coverage"]["sources"].is_null()), (&3.into(), false));
    // The last entry is that of rows that name no org.
    let two = Box::pin(of_orgs(&[prod, ("example.oktapreview.com", ""), ("", "")])).await;
    let preview = (Value::Null, Value::from("example.oktapreview.com"));
    assert_eq!((names(&two), &two["org"]), (vec![prod_in_json, preview], &Value::Null));
    for coverage in [&two["coverage"], &two["orgs"][0]["coverage"], &two["orgs"][1]["coverage"]] {
        assert_eq!(coverage["complete_since"], "2026-03-01T00:00:00.000Z");
        assert_eq!(coverage["gaps"].as_array().map(Vec::len), Some(1), "{coverage}");
    }
}
