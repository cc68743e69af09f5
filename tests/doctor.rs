//! `doctor` as run from a shell or a script: the real binary against the simulated org.

#[path = "support/process.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod process;

use std::fs;

use process::{CONFIG, Output, Process, Sandbox, Sim, TOKEN};
use serde_json::Value;

/// Runs `doctor` on a variant of the org.
#[track_caller]
fn doctor(variant: &str, args: &[&str]) -> Output {
    let org = Sim::start(20, &["--org-variant", variant]);
    Sandbox::new().start(&org, &[&["doctor"], args].concat()).end()
}

#[track_caller]
fn json(output: &Output) -> Value {
    let report: Value = serde_json::from_str(&output.out)
        .unwrap_or_else(|error| panic!("{error}: {}\n{}", output.out, output.err));
    assert_eq!(report["schema"], "consentwatch.doctor/1");
    assert_eq!(report["exit"].as_i64(), output.code.map(i64::from));
    for item in report["items"]
        .as_array()
        .expect("items")
        .iter()
        .chain(report["sources"].as_array().expect("sources"))
    {
        for key in ["id", "name", "state", "confidence", "meaning", "remedy"] {
            assert!(item[key].is_string(), "{key} of {item}");
        }
        assert!(item["evidence"].is_array() && item["blocking"].is_boolean(), "{item}");
        for evidence in item["evidence"].as_array().expect("a list") {
            assert!(evidence["call"].is_string() && evidence["at"].is_string(), "{evidence}");
        }
    }
    report
}

fn item<'r>(report: &'r Value, id: &str) -> &'r Value {
    let items = report["items"].as_array().expect("items").iter();
    let mut all = items.chain(report["sources"].as_array().expect("sources"));
    all.find(|item| item["id"] == id).unwrap_or_else(|| panic!("no item {id}"))
}

#[test]
fn the_verdict_is_the_exit_code() {
    for (variant, code, verdict) in [
        ("oie", 0, "ready"),
        ("classic", 0, "ready"),
        ("no-policy", 4, "not_ready"),
        ("classic-unlicensed", 4, "not_ready"),
        ("oie-quiet", 5, "unproven"),
        ("no-rights-scope", 5, "unproven"),
        ("dead-token", 3, "unproven"),
    ] {
        let output = doctor(variant, &["--format", "json"]);
        assert_eq!((output.code, output.err.as_str()), (Some(code), ""), "{variant}: {}", output.out);
        let report = json(&output);
        assert_eq!(report["verdict"], verdict, "{variant}");
        assert_eq!(report["credentials_refused"], code == 3, "{variant}");
    }
}

#[test]
fn people_read_what_blocks_and_what_to_do() {
    let output = doctor("no-policy", &[]);
    assert_eq!(output.code, Some(4), "{}", output.err);
    for words in [
        "Not ready: no consent can happen.",
        "  blocked by Access policy: missing",
        "  Access policy: missing (confirmed)  BLOCKS",
        "To do: Security, API, Authorization Servers, default, Access Policies",
        "by GET /api/v1/authorizationServers: 200, 3 custom authorization servers",
        "  API_ACCESS_MANAGEMENT_EXTENSIBILITY: cannot tell",
        "  System Log: readable (confirmed)",
        "  Journal: none (confirmed)",
    ] {
        assert!(output.out.contains(words), "{words:?} is missing:\n{}", output.out);
    }
    assert!(!output.out.contains('\u{1b}') && !output.out.contains(TOKEN));
}

#[test]
fn a_missing_right_hides_one_thing_and_is_named() {
    let output = doctor("no-hooks-scope", &["--format", "json"]);
    let report = json(&output);
    assert_eq!(output.code, Some(0), "the rest is ready");
    let hook = item(&report, "event_hook");
    assert_eq!(
        (hook["state"].as_str(), hook["confidence"].as_str()),
        (Some("unknown"), Some("not permitted"))
    );
    assert_eq!(hook["evidence"][0]["status"], 403);
    assert!(hook["remedy"].as_str().expect("words").contains("okta.eventHooks.read"), "{hook}");
    assert!(item(&report, "token")["meaning"].as_str().expect("words").contains("event hooks"));
}

#[test]
fn without_credentials_only_what_is_public_is_asked() {
    let org = Sim::start(5, &[]);
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(None, &["doctor", "--format", "json", "--org", &org.url]);
    let output = Process::start(&mut command).end();
    assert_eq!((output.code, output.err.as_str()), (Some(5), ""), "{}", output.out);
    let report = json(&output);
    assert_eq!(item(&report, "engine")["state"], "Identity Engine");
    assert_eq!(item(&report, "api_access_management")["confidence"], "likely");
    assert_eq!(item(&report, "token")["state"], "no credentials");
    assert_eq!(item(&report, "poll")["confidence"], "not permitted");
}

#[test]
fn the_journal_proves_what_the_log_may_not_be_asked_for() {
    let org = Sim::start(30, &[]);
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.start(&org, &["tail", "--once"]).end().code, Some(0));
    let report = json(&sandbox.start(&org, &["doctor", "--format", "json"]).end());
    let history = item(&report, "history");
    assert!(history["state"].as_str().expect("words").starts_with("proven "), "{history}");
    let journal = item(&report, "journal");
    assert_eq!(journal["state"], "30 rows");
    assert!(journal["meaning"].as_str().expect("words").starts_with("It is complete since"), "{journal}");
    assert_eq!(item(&report, "poll")["state"], "readable");
}

#[test]
fn another_server_can_be_the_one_that_matters() {
    let org = Sim::start(5, &[]);
    let sandbox = Sandbox::new();
    fs::write(sandbox.path(CONFIG), "[readiness]\nauthorization_server = \"ausNOBODY1d7\"\n")
        .expect("a file");
    let output = sandbox.start(&org, &["doctor", "--format", "json"]).end();
    assert_eq!(output.code, Some(4), "{}", output.err);
    assert_eq!(item(&json(&output), "authorization_server")["state"], "missing");
}

#[test]
fn an_org_that_nobody_answers_for_is_a_failure_and_misuse_is_misuse() {
    let sandbox = Sandbox::new();
    // No process listens on the discard port of another loopback address.
    let mut command = sandbox.command(Some("http://127.0.0.2:9"), &["doctor"]);
    let output = Process::start(&mut command).end();
    assert_eq!(output.code, Some(1), "{}{}", output.out, output.err);
    assert!(output.err.contains("did not answer at all"), "{}", output.err);
    assert!(!output.out.contains("Nothing blocks"), "{}", output.out);
    for args in [&["doctor"][..], &["doctor", "--format", "xml"]] {
        let output = Process::start(&mut sandbox.command(None, args)).end();
        assert_eq!((output.code, output.out.as_str()), (Some(2), ""), "{args:?}: {}", output.err);
    }
}
