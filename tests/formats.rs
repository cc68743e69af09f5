//! Every export format, byte for byte, with names that would be harmful in a spreadsheet, a browser, a terminal or a
//! table. `UPDATE_FORMATS=1 cargo test --test formats` regenerates the files. Review each of them.

use std::fs;
use std::path::Path;

use consentwatch::consent::{Consent, KnownOrg, Seq, Via};
use consentwatch::export::{About, AboutOrg, Lines, Report};
use consentwatch::okta;
use consentwatch::report::{Coverage, Gap};
use consentwatch::run::{FileLayout, save};
use jiff::Timestamp;

/// Returns a consent with hostile names: formulas, markup, escape sequences, bidirectional controls, and the separators
/// of every format.
fn hostile(number: u32, name: &str) -> Consent {
    let raw = serde_json::json!({
        "uuid": format!("5b1f0c9e-3333-4333-8333-{number:012}"),
        "eventType": if number.is_multiple_of(3) { "app.oauth2.as.consent.revoke" } else { "app.oauth2.as.consent.grant" },
        "published": format!("2026-03-04T09:{:02}:00.000Z", number % 60),
        "displayMessage": name,
        "severity": "INFO",
        "version": "0",
        "outcome": {"result": "SUCCESS", "reason": name},
        "actor": {"id": "00uPPPPPPPPPPPPPP1d7", "type": "User", "alternateId": name, "displayName": name},
        "client": {"ipAddress": name, "userAgent": {"rawUserAgent": name},
            "geographicalContext": {"city": name, "country": name}},
        "transaction": {"id": name, "type": "WEB"},
        "authenticationContext": {"externalSessionId": name},
        "debugContext": {"debugData": {"authorizationServerName": name}},
        "target": [{"id": "oagGGGGGGGGGGGGGG1d7", "type": "ConsentGrant", "displayName": name,
            "detailEntry": {"user": "00uPPPPPPPPPPPPPP1d7", "publicclientapp": format!("0oa{name}"),
                "authorizationserver": "ausSSSSSSSSSSSSSS1d7"}}],
    });
    let mut read = okta::event(&raw.to_string(), at(), Via::POLL).expect("an event");
    Consent { org: Some("example.okta.com".into()), ..read.remove(0) }
}

fn at() -> Timestamp {
    "2026-03-04T10:00:00Z".parse().expect("a time")
}

const NAMES: [&str; 12] = [
    "=HYPERLINK(\"http://x.test\")",
    "  =1+1",
    "\u{feff}=1+1",
    "+1|cmd",
    "-2+3\ttab",
    "@SUM(1)\r\nsecond line",
    "\"quoted\",comma;semicolon",
    "<script>alert(1)</script>&amp;<img src=x onerror=alert(1)>",
    "| table | *bold* [link](javascript:alert(1)) `code`",
    "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m",
    "pay\u{202e}fdp.exe\u{200b}\u{e0041}",
    "大阪 👩\u{200d}💻 e\u{301}",
];

#[test]
fn every_form_is_written_as_it_was_looked_at() {
    let org = AboutOrg {
        org: KnownOrg::unnamed("example.okta.com"),
        coverage: Coverage {
            complete_since: Some("2026-03-01T00:00:00Z".parse().expect("a time")),
            gaps: vec![Gap {
                from: "2026-03-02T00:00:00Z".parse().expect("a time"),
                to: "2026-03-02T01:00:00Z".parse().expect("a time"),
                why: "the machine slept <i>".to_owned(),
            }],
            ..Coverage::default()
        },
        board: None,
        readiness: None,
    };
    let about = About {
        orgs: vec![org],
        created: at(),
        filter: Some("kind:grant <b>\"quoted\"</b>".to_owned()),
        extent: "listed",
        since: None,
        until: None,
        screen: Some("a screen\n\u{1b}[2J".to_owned()),
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
    let scratch = tempfile::tempdir().expect("a folder");
    for (name, form) in [
        ("consents.jsonl", FileLayout::Lines(Lines::Json)),
        ("consents.txt", FileLayout::Lines(Lines::Text)),
        ("card.jsonl", FileLayout::Lines(Lines::Card)),
        ("raw.jsonl", FileLayout::Lines(Lines::Raw)),
        ("consents.csv", FileLayout::Lines(Lines::Csv)),
        ("ecs.jsonl", FileLayout::Lines(Lines::Ecs)),
        ("ocsf.jsonl", FileLayout::Lines(Lines::Ocsf)),
        ("snapshot.json", FileLayout::Snapshot),
        ("report.md", FileLayout::Report(Report::Markdown)),
        ("report.html", FileLayout::Report(Report::Html)),
    ] {
        let path = scratch.path().join(name);
        save(&path, form, &about, &mut |take| {
            for (number, name) in (1..).zip(NAMES) {
                take(
                    Seq(i64::from(number)),
                    &hostile(number, name),
                    number.is_multiple_of(2).then_some(name),
                )?;
            }
            Ok(())
        })
        .expect("written");
        let written = fs::read(&path).expect("written");
        assert!(!written.contains(&0x1b), "{name}: a terminal would obey it");
        let golden = folder.join(name);
        if std::env::var_os("UPDATE_FORMATS").is_some() {
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(&golden, &written).expect("written");
        }
        let looked_at = fs::read(&golden).unwrap_or_default();
        assert!(written == looked_at, "{name} is written otherwise than it was looked at");
    }
}
