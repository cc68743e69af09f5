//! `backfill` as run from a shell: the real binary against the simulated org.

#[path = "support/process.rs"]
mod process;

use std::collections::BTreeSet;
use std::fs;

use process::{Output, Process, Sandbox, Sim};
use rustix::process::Signal;
use serde_json::Value;

/// A configuration whose live poll begins one hour ago. The simulated org has events of the last twenty hours.
fn configure(sandbox: &Sandbox, page_size: u32) -> String {
    let path = sandbox.path("c.toml");
    let text = format!(
        "[poll]\nlookback = \"1h\"\npage_size = {page_size}\ninterval = \"1s\"\nrate_share = 1.0\nnames = false\n"
    );
    fs::write(&path, text).expect("a configuration");
    path.to_string_lossy().into_owned()
}

fn start(sandbox: &Sandbox, org: &Sim, config: &str, args: &[&str]) -> Process {
    sandbox.start(org, &[args, &["--config", config]].concat())
}

#[track_caller]
fn good(sandbox: &Sandbox, org: &Sim, config: &str, args: &[&str]) -> Output {
    let output = start(sandbox, org, config, args).end();
    assert_eq!(output.code, Some(0), "{args:?}: {}", output.err);
    output
}

fn field(line: &str, name: &str) -> String {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    value[name].as_str().unwrap_or_else(|| panic!("no {name}: {line}")).to_owned()
}

fn uuids(lines: &str) -> BTreeSet<String> {
    lines.lines().map(|line| field(line, "uuid")).collect()
}

/// Returns the last coverage line.
#[track_caller]
fn coverage(err: &str) -> Value {
    let line = err.lines().rfind(|line| line.contains("consentwatch.coverage/1"));
    serde_json::from_str(line.unwrap_or_else(|| panic!("no line: {err}"))).expect("JSON")
}

fn hours_since(coverage: &Value) -> i64 {
    let since: jiff::Timestamp =
        coverage["complete_since"].as_str().expect("a time").parse().expect("a time");
    let good: jiff::Timestamp = coverage["last_good_poll"].as_str().expect("a time").parse().expect("a time");
    good.duration_since(since).as_hours()
}

#[test]
fn history_comes_behind_the_live_poll_and_the_coverage_says_so() {
    let (org, sandbox) = (Sim::start(1200, &[]), Sandbox::new());
    let config = configure(&sandbox, 100);
    let first = good(&sandbox, &org, &config, &["tail", "--once"]);
    let live = uuids(&first.out).len();
    assert!(live > 0 && live < org.total() / 4, "{live}");
    assert_eq!(hours_since(&coverage(&first.err)), 1);

    let asked = good(&sandbox, &org, &config, &["tail", "--once", "--since", "7d", "--limit", "0"]);
    assert!(asked.err.contains("consentwatch backfill"), "{}", asked.err);

    let fetched = good(&sandbox, &org, &config, &["backfill", "--since", "7d"]);
    assert_eq!(fetched.out, "");
    let lines: Vec<&str> = fetched.err.lines().collect();
    let last = lines.last().expect("a summary");
    let new = format!("Fetched {} new consents in ", org.total() - live);
    assert!(last.contains(&new) && last.contains("complete since"), "{}", fetched.err);
    assert!(lines.len() > 3, "it tells how far it is: {}", fetched.err);
    assert_eq!(lines.iter().collect::<BTreeSet<_>>().len(), lines.len(), "none twice: {}", fetched.err);

    let all = good(&sandbox, &org, &config, &["export"]);
    assert_eq!((all.out.lines().count(), uuids(&all.out).len()), (org.total(), org.total()));
    let after = good(&sandbox, &org, &config, &["tail", "--once"]);
    let covered = coverage(&after.err);
    assert_eq!((hours_since(&covered), &covered["gaps"]), (7 * 24, &Value::Array(Vec::new())));
    assert!(covered["late"].as_i64().is_some_and(|late| late < 60), "history is not late: {covered}");

    let again = good(&sandbox, &org, &config, &["backfill", "--since", "6d"]);
    assert!(again.err.contains("Nothing to fetch") && again.err.lines().count() == 1, "{}", again.err);
}

#[test]
fn a_fresh_journal_is_filled_from_both_ends() {
    let (org, sandbox) = (Sim::start(300, &[]), Sandbox::new());
    let config = configure(&sandbox, 1000);
    good(&sandbox, &org, &config, &["backfill"]);
    let all = good(&sandbox, &org, &config, &["export"]);
    assert_eq!((all.out.lines().count(), uuids(&all.out).len()), (org.total(), org.total()));
}

#[test]
fn only_who_writes_the_journal_fetches_history() {
    let (org, sandbox) = (Sim::start(50, &[]), Sandbox::new());
    let config = configure(&sandbox, 1000);
    let tail = start(&sandbox, &org, &config, &["tail"]);
    tail.wait("a line", |said| (said.lines > 0).then_some(()));
    let second = start(&sandbox, &org, &config, &["backfill"]).end();
    assert_eq!((second.code, second.out.as_str()), (Some(1), ""));
    assert_eq!(second.err.lines().count(), 1, "{}", second.err);
    let holder = format!("Process {} writes this journal", tail.id());
    assert!(second.err.contains(&holder) && second.err.contains("Nothing was started"), "{}", second.err);
    tail.signal(Signal::TERM);
    assert_eq!(tail.end().code, Some(143));
    good(&sandbox, &org, &config, &["backfill"]);
}

#[test]
fn a_refusal_ends_it_with_3_and_a_signal_in_order() {
    let (org, sandbox) = (Sim::start(50, &["--fault", "unauthorized"]), Sandbox::new());
    let config = configure(&sandbox, 1000);
    let refused = start(&sandbox, &org, &config, &["backfill"]).end();
    assert_eq!((refused.code, refused.err.lines().count()), (Some(3), 1), "{}", refused.err);
    assert!(refused.err.contains("401") && refused.err.contains("continues from there"), "{}", refused.err);

    let org = Sim::start(2000, &[]);
    let config = configure(&sandbox, 10);
    for signal in [Signal::INT, Signal::TERM] {
        let backfill = start(&sandbox, &org, &config, &["backfill"]);
        backfill.wait("progress", |said| said.err.contains("complete since").then_some(()));
        backfill.signal(signal);
        assert_eq!(backfill.end().code, Some(if signal == Signal::INT { 130 } else { 143 }));
    }
}

/// Kills `tail` and `backfill` in turn at various times, while the org has faults.
#[test]
fn killed_anywhere_it_ends_with_exactly_the_story() {
    for faults in [&[][..], &["duplicates", "bad_record", "out_of_order"]] {
        let named = if faults.is_empty() { vec![] } else { [&["--fault"], faults].concat() };
        let (org, sandbox) = (Sim::start(1500, &named), Sandbox::new());
        let config = configure(&sandbox, 25);
        let mut killed = 0;
        for round in 0..9 {
            let process = if round % 3 == 0 {
                let process = start(&sandbox, &org, &config, &["tail", "--once"]);
                process.wait("lines", |said| (said.ended || said.lines > round).then_some(()));
                process
            } else {
                let process = start(&sandbox, &org, &config, &["backfill"]);
                let steps = if round % 3 == 1 { 1 } else { 2 };
                process.wait("progress", |said| {
                    (said.ended || said.err.matches("complete since").count() >= steps).then_some(())
                });
                process
            };
            process.signal(Signal::KILL);
            killed += usize::from(process.end().code.is_none());
        }
        assert!(killed >= 5, "only {killed} runs were killed before their end");
        good(&sandbox, &org, &config, &["backfill"]);
        let all = good(&sandbox, &org, &config, &["export"]);
        assert_eq!(
            (all.out.lines().count(), uuids(&all.out).len()),
            (org.total(), org.total()),
            "{faults:?}"
        );
        let covered = coverage(&good(&sandbox, &org, &config, &["tail", "--once"]).err);
        // The last good poll that it names may be the one before the last stretch.
        assert!(hours_since(&covered) >= 90 * 24 - 1, "{covered}");
        assert_eq!(covered["gaps"], Value::Array(Vec::new()));
        org.process.signal(Signal::TERM);
        assert_eq!(org.process.end().code, Some(143));
    }
}
