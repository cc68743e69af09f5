//! Killed at any point, the program loses nothing and stores nothing twice.

#[path = "support/process.rs"]
mod process;

use std::collections::BTreeSet;
use std::fs;

use process::{Sandbox, Sim};
use rustix::process::Signal;

/// Arguments to read the whole log, as far back as Okta keeps events.
const ALL: [&str; 4] = ["tail", "--once", "--since", "90d"];

#[test]
fn killed_anywhere_nothing_is_lost_and_nothing_is_there_twice() {
    let org = Sim::start(2000, &[]);
    let sandbox = Sandbox::new();
    let config = sandbox.path("small-pages.toml");
    fs::write(&config, "[poll]\npage_size = 50\ninterval = \"1s\"\nnames = false\n")
        .expect("a configuration");
    let config = config.to_string_lossy().into_owned();
    let args = [&ALL[..], &["--config", &config]].concat();

    let mut seen = BTreeSet::new();
    let mut killed = 0;
    for lines in [0, 1, 120, 420, 700, 1000, 1330, 1650, 1990] {
        let process = sandbox.start(&org, &args);
        process.wait("the lines before the kill", |said| (said.lines >= lines).then_some(()));
        process.signal(Signal::KILL);
        let output = process.end();
        killed += usize::from(output.code.is_none());
        // The last line may be cut. Complete lines were printed after they were stored.
        let whole = output.out.rsplit_once('\n').map_or("", |(whole, _)| whole);
        seen.extend(whole.lines().map(uuid));
    }
    assert!(killed >= 3, "only {killed} runs were killed before their end");

    let last = sandbox.start(&org, &args).end();
    assert_eq!(last.code, Some(0), "{}", last.err);
    let exported = sandbox.start(&org, &["export"]).end();
    assert_eq!(exported.code, Some(0), "{}", exported.err);
    assert_eq!(exported.out, last.out);
    let stored: BTreeSet<String> = exported.out.lines().map(uuid).collect();
    assert_eq!((exported.out.lines().count(), stored.len()), (org.total(), org.total()));
    assert!(seen.is_subset(&stored), "what was printed once is still there");

    // Without look-ups, like the other runs, since they delay the output by up to 30 s.
    let never_killed = Sandbox::new().start(&org, &args).end();
    assert_eq!(never_killed.out.lines().map(uuid).collect::<BTreeSet<_>>(), stored);
    org.process.signal(Signal::TERM);
    assert_eq!(org.process.end().code, Some(143));
}

/// Returns the uuid of a line.
fn uuid(line: &str) -> String {
    let value: serde_json::Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    value["uuid"].as_str().expect("the org gives each event a uuid").to_owned()
}
