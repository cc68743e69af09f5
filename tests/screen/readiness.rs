//! The readiness of the org on the screen.

use std::time::Duration;

use consentwatch::model::Msg;
use consentwatch::report::{Confidence, Overall};
use consentwatch::sim::OrgShape;

use crate::golden;
use crate::rig::Rig;

/// The status bar at very wide, wide, usual and narrow widths; the page at three.
async fn at_every_width(name: &str, variant: &str) -> Rig {
    let mut rig = Box::pin(Rig::start_probing(variant, 140, 40)).await;
    for (width, height) in [(200, 12), (140, 12), (80, 12), (40, 10)] {
        rig.tell(Msg::Resize(width, height));
        golden::check(&format!("readiness-{name}-bar-{width}x{height}"), &frame(&rig));
    }
    rig.press("5");
    for (width, height) in [(140, 40), (80, 24), (40, 10)] {
        rig.tell(Msg::Resize(width, height));
        golden::check(&format!("readiness-{name}-page-{width}x{height}"), &frame(&rig));
    }
    rig
}

/// Returns the frame, with the port of this run's org replaced by one of the same width.
fn frame(rig: &Rig) -> String {
    let url = rig.org.url();
    let port = url.rsplit(':').next().expect("a port");
    assert_eq!(port.len(), 5, "ports that the system picks have five digits");
    rig.frame().replace(port, "54321")
}

#[tokio::test]
async fn an_org_that_is_ready() {
    Box::pin(at_every_width("ready", "oie")).await;
}

#[tokio::test]
async fn an_org_that_is_blocked() {
    Box::pin(at_every_width("blocked", "no-policy")).await;
}

#[tokio::test]
async fn an_org_that_is_not_proven() {
    Box::pin(at_every_width("unproven", "classic-quiet")).await;
}

#[tokio::test]
async fn an_org_that_may_not_be_asked() {
    let mut rig = Box::pin(at_every_width("no-rights", "no-rights-scope")).await;
    rig.press("<pgdn><pgdn>");
    assert!(!rig.frame().is_empty());
}

/// At every width, exactly one line has the verdict.
#[tokio::test]
async fn the_bar_narrows_to_the_verdict() {
    for (variant, verdict) in
        [("oie", "READY"), ("default-inactive", "NOT READY"), ("oie-quiet", "NOT PROVEN")]
    {
        let mut rig = Box::pin(Rig::start_probing(variant, 200, 12)).await;
        for width in (20..=200).rev() {
            rig.tell(Msg::Resize(width, 12));
            let frame = rig.text();
            assert!(frame.lines().any(|line| line.trim_start().starts_with(verdict)), "{width}:\n{frame}");
            if variant == "default-inactive" && width >= 40 {
                assert!(frame.contains("default INACTIVE"), "{width}:\n{frame}");
            }
        }
    }
}

#[tokio::test]
async fn a_change_in_the_org_is_noticed_at_once_and_told() {
    let mut rig = Box::pin(Rig::start_probing("oie", 140, 20)).await;
    let before = rig.model.sources.first().board.readiness.clone().expect("a round");
    assert_eq!(before.verdict, Overall::Ready);
    rig.org.reshape(OrgShape::from_word("default-inactive").expect("a variant"));
    // The next poll finds the change in the log, and the probe follows within seconds, long before its interval is
    // over.
    rig.drive(Duration::from_millis(500), |rig| {
        rig.model.sources.first().board.readiness.as_ref().is_some_and(|now| now.verdict == Overall::NotReady)
    })
    .await;
    rig.settle().await;
    let now = rig.model.sources.first().board.readiness.clone().expect("a round");
    let elapsed = now.probed.duration_since(before.probed);
    assert!(elapsed.as_secs() < 60, "{elapsed:?}");
    let frame = rig.text();
    assert!(
        frame.contains("Readiness changed. Authorization server default: INACTIVE, was ACTIVE"),
        "{frame}"
    );
    // A scope that no longer requires consent, found by a probe that the user started.
    rig.org.reshape(OrgShape::from_word("fewer-scopes").expect("a variant"));
    rig.press("r");
    rig.drive(Duration::from_millis(500), |rig| {
        rig.model.sources.first().board.readiness.as_ref().is_some_and(|now| now.verdict == Overall::Ready)
    })
    .await;
    rig.settle().await;
    let frame = rig.text();
    assert!(frame.contains("scope profile: IMPLICIT, was REQUIRED"), "{frame}");
    rig.press("5");
    let frame = rig.text();
    assert!(frame.contains("Authorization server default: INACTIVE, was ACTIVE"), "{frame}");
}

#[tokio::test]
async fn rounds_come_by_themselves_and_the_list_goes_on_whatever_they_meet() {
    let mut rig = Box::pin(Rig::start_probing("no-rights-role", 140, 20)).await;
    let first = rig.model.sources.first().board.readiness.clone().expect("a round");
    let scopes = first.item("scopes").expect("it is always there");
    assert_eq!(scopes.confidence, Confidence::NotPermitted);
    rig.drive(Duration::from_secs(10), |rig| {
        rig.model.sources.first().board.readiness.as_ref().is_some_and(|now| now.probed > first.probed)
    })
    .await;
    let mut rig = Box::pin(Rig::start_probing("servers-html", 140, 20)).await;
    let rows = rig.model.rows.len();
    rig.org.emit(3);
    rig.advance(Duration::from_secs(11)).await;
    assert_eq!(rig.model.rows.len(), rows + 3);
}
