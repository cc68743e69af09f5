//! The commands without a screen, as run from a shell or a script: the real binary against the simulated org.

#[path = "support/process.rs"]
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use consentwatch::consent::{EventKey, Marked};
use consentwatch::journal::Notes;
use process::{CONFIG, Output, Process, Sandbox, Sim, TOKEN, one_at_a_time};
use rustix::process::Signal;
use serde_json::Value;

/// Arguments to read everything that Okta still has and then end.
const ALL: [&str; 4] = ["tail", "--once", "--since", "90d"];

/// Returns a sandbox without look-ups, so that rows contain only the texts of their events and can be compared between
/// runs. `--config` may enable look-ups.
fn without_names() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path(CONFIG), "[poll]\nnames = false\n").expect("a file");
    sandbox
}

/// Runs the program on an org to its end.
#[track_caller]
fn run(sandbox: &Sandbox, org: &Sim, args: &[&str]) -> Output {
    sandbox.start(org, args).end()
}

/// The same, and checks that it succeeded with only coverage lines on standard error.
#[track_caller]
fn good(sandbox: &Sandbox, org: &Sim, args: &[&str]) -> String {
    let output = run(sandbox, org, args);
    assert_eq!((output.code, words(&output.err).as_str()), (Some(0), ""), "{args:?}");
    output.out
}

/// Returns the messages for people: standard error without the coverage lines.
fn words(err: &str) -> String {
    err.split_inclusive('\n').filter(|line| !is_coverage(line)).collect()
}

fn is_coverage(line: &str) -> bool {
    line.starts_with(r#"{"schema":"consentwatch.coverage/1","#)
}

/// The same without an org and without a configuration.
#[track_caller]
fn alone(sandbox: &Sandbox, args: &[&str]) -> Output {
    Process::start(&mut sandbox.command(None, args)).end()
}

/// Checks that the program refused: this exit code, no standard output, and one line on standard error with these
/// words.
#[track_caller]
fn refused(output: &Output, code: i32, wanted: &[&str]) {
    assert_eq!((output.code, output.out.as_str()), (Some(code), ""), "{}", output.err);
    assert_eq!(words(&output.err).lines().count(), 1, "{}", output.err);
    for word in wanted {
        assert!(output.err.contains(word), "{word:?} is missing: {}", output.err);
    }
}

fn parsed(lines: &str) -> Vec<Value> {
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn uuids(lines: &str) -> BTreeSet<String> {
    parsed(lines).iter().map(|line| line["uuid"].as_str().expect("a uuid").to_owned()).collect()
}

/// Returns every file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn each_consent_comes_once_and_again_the_same() {
    let (org, sandbox) = (Sim::start(300, &[]), without_names());
    let first = good(&sandbox, &org, &[&ALL[..], &["--format", "json"]].concat());
    assert_eq!((first.lines().count(), uuids(&first).len()), (org.total(), org.total()));

    let mut kinds = BTreeMap::new();
    for (at, line) in parsed(&first).iter().enumerate() {
        assert_eq!(line["schema"], "consentwatch.consent/1");
        assert_eq!(line["seq"], at + 1);
        *kinds.entry(line["kind"].as_str().expect("a kind").to_owned()).or_insert(0) += 1;
    }
    kinds.insert("total".to_owned(), org.total());
    assert_eq!(kinds, org.held.iter().cloned().collect());

    // In a pipe, JSON is the default. The second run finds nothing new and prints the same.
    assert_eq!(good(&sandbox, &org, &ALL), first);
}

#[test]
fn lines_can_be_chosen() {
    let (org, sandbox) = (Sim::start(120, &[]), without_names());
    let all = good(&sandbox, &org, &ALL);
    let tail = |more: &[&str]| good(&sandbox, &org, &[&ALL[..], more].concat());

    let first: String = all.split_inclusive('\n').take(7).collect();
    assert_eq!(tail(&["--limit", "7"]), first);
    assert_eq!(tail(&["--limit", "0"]), "");
    // A kind must begin with the word. Kinds that only end with it do not match.
    let revoked: String =
        all.split_inclusive('\n').filter(|line| line.contains(r#""kind":"revoke""#)).collect();
    assert!(!revoked.is_empty());
    assert_eq!(tail(&["--filter", "kind:revoke"]), revoked);
    assert_eq!(tail(&["--filter", "-kind:revoke"]).lines().count(), org.total() - revoked.lines().count());
    let held = org.held.iter().find(|(kind, _)| kind == "revoke").map(|(_, count)| *count);
    assert_eq!(Some(revoked.lines().count()), held);
    assert!(tail(&["--filter", "kind:~revoke"]).lines().count() > revoked.lines().count());
    let rest: String = all.split_inclusive('\n').skip(100).collect();
    assert_eq!(tail(&["--after", "100"]), rest);
    assert_eq!(tail(&["--after", "120"]), "");
    assert_eq!(tail(&["--until", "10d"]), "");
    // Rows after `--after` may be older than the lookback.
    let (old, new) = (tail(&["--until", "10h"]), good(&sandbox, &org, &["tail", "--once", "--since", "10h"]));
    assert!(!old.is_empty() && !new.is_empty());
    // The two runs read the clock at different times, and a consent may be between them.
    assert!(old.lines().count().abs_diff(org.total() - new.lines().count()) <= 1);
}

#[test]
fn lines_have_four_forms() {
    let (org, sandbox) = (Sim::start(60, &[]), Sandbox::new());
    let tail = |form: &str| good(&sandbox, &org, &[&ALL[..], &["--format", form]].concat());
    let json = parsed(&tail("json"));
    let raw = parsed(&tail("raw"));
    let cards = parsed(&tail("card"));
    let text = tail("text");
    assert_eq!([raw.len(), cards.len(), text.lines().count()], [json.len(); 3]);
    let words = [
        "Date and Time",
        "Message",
        "Event ID",
        "Event Type",
        "Event Time",
        "Version",
        "Actor",
        "Target",
        "UUID",
        "Event Details",
        "Headers",
        "Source",
        "Debug Context",
    ];
    for (((json, raw), card), text) in json.iter().zip(&raw).zip(&cards).zip(text.lines()) {
        assert_eq!(json["raw"], *raw);
        assert_eq!(json["uuid"], raw["uuid"]);
        assert_eq!(card["UUID"], raw["uuid"]);
        assert_eq!(card["Event Details"], *raw);
        let names: BTreeSet<&str> = card.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(names, BTreeSet::from(words));
        let (second, kind) =
            (json["published"].as_str().expect("a time"), json["kind"].as_str().expect("a kind"));
        assert!(text.starts_with(second.split('.').next().expect("a part")) && text.contains(kind), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
    }
}

#[test]
fn what_is_marked_is_exported_and_filtered_apart() {
    let (org, sandbox) = (Sim::start(60, &[]), without_names());
    let all = good(&sandbox, &org, &ALL);
    assert_eq!(good(&sandbox, &org, &["export", "--marked"]), "", "nothing is marked yet");
    let picked: Vec<&str> = all.lines().skip(7).step_by(20).take(2).collect();
    let folder = journal_folder(&sandbox);
    let mut notes = Notes::open(&folder).expect("the notes");
    for (line, note) in picked.iter().zip(["call the owner", ""]) {
        let json: Value = serde_json::from_str(line).expect("a line of JSON");
        let published: jiff::Timestamp =
            json["published"].as_str().and_then(|text| text.parse().ok()).expect("a time");
        let hex = json["uuid"].as_str().expect("a uuid").replace('-', "");
        let key = EventKey::from_word(&format!("{}/{hex}/0", published.as_millisecond())).expect("a key");
        let org = folder.file_name().expect("its name").to_string_lossy().as_ref().into();
        notes.put(&Marked { org, key, at: published, note: note.into() }).expect("a mark");
    }
    let lines = |picked: &[&str]| picked.join("\n") + "\n";
    assert_eq!(good(&sandbox, &org, &["export", "--marked"]), lines(&picked));
    assert_eq!(good(&sandbox, &org, &["export", "--filter", "mark:owner"]), lines(&picked[..1]));
    assert_eq!(good(&sandbox, &org, &["export", "--marked", "--filter", "-mark:owner"]), lines(&picked[1..]));
    let rest = good(&sandbox, &org, &[&ALL[..], &["--filter", "-mark:*"]].concat());
    assert_eq!(rest.lines().count(), 58);
    assert!(picked.iter().all(|line| !rest.contains(line)));

    drop(notes);
    fs::write(folder.join("notes.sqlite3"), "not what it was, and rather short").expect("written");
    fs::remove_file(folder.join("notes.sqlite3-wal")).ok();
    refused(&run(&sandbox, &org, &["export", "--marked"]), 1, &["notes.sqlite3", "damaged", "Move it away"]);
    assert_eq!(good(&sandbox, &org, &["export"]), all, "who does not ask for marks does not need them");
}

/// Returns the folder of the only journal in a sandbox.
fn journal_folder(sandbox: &Sandbox) -> PathBuf {
    let mut folders = vec![sandbox.path("")];
    while let Some(folder) = folders.pop() {
        if folder.join("journal.sqlite3").exists() {
            return folder;
        }
        let inside = fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path());
        folders.extend(inside.filter(|path| path.is_dir()));
    }
    panic!("there is no journal");
}

#[test]
fn an_export_is_what_tail_printed_and_never_overwrites() {
    let (org, sandbox) = (Sim::start(300, &[]), without_names());
    refused(&run(&sandbox, &org, &["export"]), 1, &["no journal", "--data-dir"]);

    let all = good(&sandbox, &org, &ALL);
    assert_eq!(good(&sandbox, &org, &["export"]), all);
    assert_eq!(good(&sandbox, &org, &["export", "-o", "-"]), all);
    let revoked = good(&sandbox, &org, &["export", "--filter", "kind:revoke"]);
    assert_eq!(revoked.lines().count(), all.matches(r#""kind":"revoke""#).count());
    let cards = good(&sandbox, &org, &["export", "--format", "card"]);
    assert_eq!(cards, good(&sandbox, &org, &[&ALL[..], &["--format", "card"]].concat()));

    let written = run(&sandbox, &org, &["export", "-o", "consents.jsonl"]);
    assert_eq!((written.code, written.out.as_str()), (Some(0), ""));
    assert!(written.err.contains("300 consents"), "{}", written.err);
    let path = sandbox.path("consents.jsonl");
    assert_eq!(fs::read_to_string(&path).expect("the export"), all);
    assert_eq!(fs::metadata(&path).expect("the export").permissions().mode() & 0o777, 0o600);

    fs::write(&path, "mine").expect("a file of somebody's");
    refused(&run(&sandbox, &org, &["export", "-o", "consents.jsonl"]), 2, &["consents.jsonl", "exists"]);
    assert_eq!(fs::read_to_string(&path).expect("still there"), "mine");
    refused(&run(&sandbox, &org, &["export", "-o", "no/such/folder.jsonl"]), 1, &["no/such/folder.jsonl"]);
    let left: Vec<_> = fs::read_dir(sandbox.path("")).expect("a folder").flatten().collect();
    assert_eq!(left.len(), 3, "nothing but configuration, data and the file lies there: {left:?}");
}

#[test]
fn a_reader_that_leaves_is_no_fault() {
    let (org, sandbox) = (Sim::start(300, &[]), Sandbox::new());
    // More than a pipe can buffer, so the program must notice that the reader is gone.
    for args in [&ALL[..], &["tail", "--since", "90d"], &["export"]] {
        let mut command = sandbox.command(Some(&org.url), args);
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = one_at_a_time(|| command.spawn()).expect("it starts");
        let mut line = String::new();
        let mut reader = BufReader::with_capacity(64, child.stdout.take().expect("piped"));
        reader.read_line(&mut line).expect("a line");
        assert!(line.starts_with('{'), "{line}");
        drop(reader);
        let output = Process::over(child).end();
        assert_eq!((output.code, words(&output.err).as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_refusal_ends_with_3_and_says_what_to_do() {
    let sandbox = Sandbox::new();
    let org = Sim::start(20, &[]);
    // The very first request is refused, with and without `--once`.
    for args in [&ALL[..], &["tail"]] {
        let mut command = sandbox.command(Some(&org.url), args);
        let output = Process::start(command.env("OKTA_CLIENT_TOKEN", "00AnotherToken")).end();
        refused(&output, 3, &["401", "does not accept the credentials", "valid token"]);
        assert!(!output.err.contains("00AnotherToken") && !output.err.contains("retries"), "{}", output.err);
    }
    for (fault, words) in [
        ("unauthorized", ["401", "credentials"]),
        ("forbidden", ["403", "right"]),
        ("forbidden_empty", ["okta.logs.read", "right"]),
    ] {
        let org = Sim::start(20, &["--fault", fault]);
        refused(&run(&sandbox, &org, &ALL), 3, &words);
    }
}

#[test]
fn what_does_not_pass_ends_at_once() {
    let sandbox = Sandbox::new();
    let org = Sim::start(20, &["--fault", "not_okta"]);
    let output = run(&sandbox, &org, &ALL);
    refused(&output, 1, &["Something other than Okta", "org URL"]);
    assert!(!output.err.contains("retries"), "{}", output.err);
}

#[test]
fn a_next_link_that_leads_away_ends_once_with_1_and_the_next_run_reads_on_from_the_old_place() {
    for (fault, wanted) in [
        ("foreign_next", "http://127.0.0.2:9"),
        ("next_users", "/api/v1/users"),
        ("next_root", "leads to /,"),
        ("next_empty", "leads to /,"),
        ("next_filter", "its filter is not the one that was sent"),
        ("next_without_after", "no cursor"),
    ] {
        // The first page is good. The next page has a wrong link three times, and then a good one.
        let (org, sandbox) = (Sim::start(60, &["--fault", &format!("{fault}@2-4")]), without_names());
        fs::write(sandbox.path(CONFIG), "[poll]\nnames = false\npage_size = 20\n").expect("a file");
        let output = run(&sandbox, &org, &ALL);
        // The events of the page with the wrong link are good.
        assert_eq!((output.code, output.out.lines().count()), (Some(1), 40), "{fault}: {}", output.err);
        let told = words(&output.err);
        assert_eq!(told.lines().count(), 2, "{fault}: {told}");
        assert!(told.lines().all(|line| line.contains(wanted)), "{fault}: {told}");
        assert!(told.contains("retries at the same place") && told.contains("Stopped."), "{told}");
        let all = good(&sandbox, &org, &ALL);
        assert_eq!(uuids(&all).len(), org.total(), "{fault}");
    }
}

#[test]
fn once_follows_short_pages_to_the_end() {
    let (org, sandbox) = (Sim::start(350, &["--fault", "capped_pages"]), without_names());
    let all = good(&sandbox, &org, &ALL);
    assert_eq!((all.lines().count(), uuids(&all).len()), (org.total(), org.total()));
}

#[test]
fn once_looks_up_who_consented_before_it_prints() {
    let (org, sandbox) = (Sim::start(60, &["--plain"]), Sandbox::new());
    let lines = parsed(&good(&sandbox, &org, &ALL));
    let by = |evidence: &str| lines.iter().filter(|line| line["who"]["evidence"] == evidence).count();
    // Identity Engine logs its own system as the actor. The other events of the session name the person.
    assert!(by("session") > 0, "{:?}", lines.iter().map(|line| &line["who"]).collect::<Vec<_>>());
    let without = parsed(&good(&without_names(), &org, &ALL));
    let unknown = without.iter().filter(|line| line["who"]["evidence"] == "unknown").count();
    assert!(unknown >= by("session") && by("unknown") < unknown);
    assert_eq!(by("session") + by("unknown"), unknown);
}

#[test]
fn records_that_cannot_be_read_are_told_and_end_once_with_1_unless_allowed() {
    let org = Sim::start(60, &["--fault", "bad_record@1"]);
    let sandbox = without_names();
    let output = run(&sandbox, &org, &ALL);
    assert_eq!((output.code, output.out.lines().count()), (Some(1), org.total()), "{}", output.err);
    let told = words(&output.err);
    assert_eq!(told.lines().count(), 1, "{told}");
    for word in [
        "3 records of the System Log could not be read",
        "The first came at 20",
        "kept",
        "--allow-unreadable",
    ] {
        assert!(told.contains(word), "{word:?} is missing: {told}");
    }
    let covered = output.err.lines().rfind(|line| is_coverage(line)).expect("a line on coverage");
    let covered: Value = serde_json::from_str(covered).expect("JSON");
    assert_eq!(covered["unreadable"]["count"], 3, "{covered}");
    assert!(covered["unreadable"]["first"].is_string(), "{covered}");

    // The next run does not count them, but a snapshot, `doctor` and a running `tail` still report them.
    good(&sandbox, &org, &ALL);
    let snapshot = good(&sandbox, &org, &["export", "--format", "json"]);
    let snapshot: Value = serde_json::from_str(&snapshot).expect("a snapshot");
    assert_eq!(snapshot["coverage"]["unreadable"], covered["unreadable"]);
    let doctor = run(&sandbox, &org, &["doctor"]);
    assert!(doctor.out.contains("3 records of the System Log could not be read"), "{}", doctor.out);
    let tail = sandbox.start(&org, &["tail"]);
    tail.wait("the word on them", |said| said.err.contains("3 records of the System Log").then_some(()));
    tail.signal(Signal::TERM);
    assert_eq!(tail.end().code, Some(143));

    let (org, sandbox) = (Sim::start(60, &["--fault", "bad_record"]), without_names());
    let allowed = run(&sandbox, &org, &[&ALL[..], &["--allow-unreadable"]].concat());
    assert_eq!((allowed.code, allowed.out.lines().count()), (Some(0), org.total()), "{}", allowed.err);
    assert!(allowed.err.contains("3 records of the System Log could not be read"), "{}", allowed.err);
    let misuse = run(&sandbox, &org, &["tail", "--allow-unreadable"]);
    assert_eq!(misuse.code, Some(2), "{}", misuse.err);
}

#[test]
fn an_org_that_misbehaves_is_read_whole() {
    for faults in [
        &["bad_record", "duplicates"][..],
        &["out_of_order"],
        &["clock_skew"],
        &["expired_cursor@2-3"],
        &["no_rate_headers"],
        &["absurd_rate_headers"],
        &["status_400_E0000001@2-2"],
        &["status_400_E0000053@3-4"],
    ] {
        let (org, sandbox) = (Sim::start(130, &[&["--fault"], faults].concat()), Sandbox::new());
        let config = sandbox.path("c.toml");
        // With longer pages, there would be only one page and no cursor.
        let page_size = if faults == ["expired_cursor@2-3"] { 1000 } else { 40 };
        fs::write(&config, format!("[poll]\npage_size = {page_size}\ninterval = \"1s\"\n")).expect("a file");
        let config = config.to_string_lossy().into_owned();
        let args = [&ALL[..], &["--allow-unreadable", "--config", &config]].concat();
        for _ in 0..2 {
            let output = run(&sandbox, &org, &args);
            assert_eq!(output.code, Some(0), "{faults:?}: {}", output.err);
            let count = output.out.lines().count();
            assert_eq!((count, uuids(&output.out).len()), (org.total(), org.total()), "{faults:?}");
        }
    }
}

#[test]
fn without_a_configuration_the_ways_on_are_named() {
    let sandbox = Sandbox::new();
    for args in [
        &[][..],
        &["watch"],
        &["tail"],
        &["tail", "--once"],
        &["export"],
        &["backfill"],
        &["config", "check"],
    ] {
        let ways = ["demo", "config init", "OKTA_CLIENT_ORGURL", "OKTA_CLIENT_TOKEN"];
        refused(&alone(&sandbox, args), 2, &ways);
    }
    assert!(!sandbox.path("data").exists() && !sandbox.path("home").exists(), "nothing was written");
}

#[test]
fn misuse_ends_with_2_and_nothing_is_written() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("unknown.toml"), "[org]\n\n[poll]\nintervall = \"10s\"\n").expect("a file");
    fs::write(sandbox.path("bad.toml"), "[poll]\npage_size = 5000\n").expect("a file");
    fs::write(sandbox.path("zone.toml"), "[ui]\ntime_zone = \"Europe/Nowhere\"\n").expect("a file");
    let org = Sim::start(0, &[]);
    let sheet: [(&[&str], &[&str]); 12] = [
        (&["tail", "--config", "unknown.toml"], &["unknown.toml", "line 4", "intervall"]),
        (&["tail", "--config", "bad.toml"], &["bad.toml", "poll.page_size", "1000"]),
        (&["watch", "--config", "zone.toml"], &["ui.time_zone", "Europe/Vienna"]),
        (&["tail", "--config", "missing.toml"], &["missing.toml"]),
        (&["tail", "--filter", "(kind:grant"], &["--filter"]),
        (&["watch", "--filter", "(kind:grant"], &["--filter"]),
        (&["export", "--filter", "(kind:grant"], &["--filter"]),
        (&["tail", "--org", "http://127.0.0.1:9"], &["another org", "no token was sent"]),
        (&["tail", "--org", "http://example.test"], &["another org"]),
        (&["tail", "--profile", "none"], &["none"]),
        (&["backfill", "--since", "91d"], &["--since", "90 days"]),
        (&["backfill", "--since", "2099-01-01"], &["--since", "in the past"]),
    ];
    for (args, words) in sheet {
        refused(&run(&sandbox, &org, args), 2, words);
    }
    let bad = [
        &["tail", "--since", "yesterday"][..],
        &["tail", "--limit", "-1"],
        &["sing"],
        &["sim", "--fault", "x"],
    ];
    for args in bad {
        let output = run(&sandbox, &org, args);
        assert_eq!((output.code, output.out.as_str()), (Some(2), ""), "{args:?}");
        assert!(output.err.starts_with("consentwatch: "), "{}", output.err);
    }
    let mut command = sandbox.command(Some(&org.url), &["tail"]);
    let output = Process::start(command.env_remove("OKTA_CLIENT_TOKEN")).end();
    refused(&output, 2, &["no credentials", "OKTA_CLIENT_TOKEN"]);
    let mut command = sandbox.command(Some(&org.url), &["tail"]);
    let output = Process::start(command.env("OKTA_CLIENT_TOKEN", "two words")).end();
    refused(&output, 2, &["The API token"]);
    assert!(!output.err.contains("two words"), "{}", output.err);
    assert!(!sandbox.path("data").exists(), "nothing was written");
}

/// A limit on the size of files simulates a full disk: a write fails in the middle of the file.
#[test]
fn a_file_that_does_not_fit_leaves_nothing_behind() {
    let (org, sandbox) = (Sim::start(400, &[]), without_names());
    good(&sandbox, &org, &ALL);
    let folder = sandbox.path("exported");
    fs::create_dir(&folder).expect("a folder");
    for name in ["a.jsonl", "a.csv", "a.json", "a.md", "a.html"] {
        let file = folder.join(name);
        let program = sandbox.command(Some(&org.url), &["export", "--output", &file.to_string_lossy()]);
        let mut limited = std::process::Command::new("sh");
        // The limit is 64 blocks of 512 bytes. Exceeding it is an ordinary write error for the program.
        limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]);
        limited.arg(program.get_program()).args(program.get_args());
        limited.env_clear().envs(sandbox.environment(Some(&org.url))).current_dir(sandbox.path(""));
        let output = Process::start(&mut limited).end();
        assert_eq!((output.code, output.out.as_str()), (Some(1), ""), "{name}: {}", output.err);
        assert!(output.err.contains("Nothing was left behind."), "{name}: {}", output.err);
        assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 0, "{name}");
    }
    // Without the limit, the file is written.
    let file = folder.join("a.jsonl");
    let output = run(&sandbox, &org, &["export", "--output", &file.to_string_lossy()]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    assert!(fs::metadata(&file).expect("the file").len() > 64 * 512, "more than there was room for");
}

#[test]
fn a_configuration_is_written_once_for_its_owner() {
    let sandbox = Sandbox::new();
    let example = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml"));
    let example = example.expect("the example");
    let printed = alone(&sandbox, &["config", "init", "--print"]);
    assert_eq!((printed.code, printed.out.as_str()), (Some(0), example.as_str()));
    assert!(!sandbox.path("home").exists(), "nothing was written");

    let written = alone(&sandbox, &["config", "init"]);
    assert_eq!((written.code, written.err.as_str()), (Some(0), ""));
    let told = alone(&sandbox, &["config", "path"]).out;
    let line = told.lines().find_map(|line| line.strip_prefix("config  ")).expect("the place of the file");
    let path = Path::new(line);
    assert!(path.starts_with(sandbox.path("home")) && written.out.contains(line), "{told}{}", written.out);
    assert_eq!(fs::read_to_string(path).expect("the file"), example);
    assert_eq!(fs::metadata(path).expect("the file").permissions().mode() & 0o777, 0o600);

    let secret = path.with_file_name("hook-secret");
    let made = fs::read_to_string(&secret).expect("the hook's secret");
    assert_eq!((made.trim_end().len(), made.lines().count()), (43, 1));
    assert_eq!(fs::metadata(&secret).expect("the secret").permissions().mode() & 0o777, 0o600);
    assert!(!written.out.contains(made.trim_end()), "it is named and not shown");

    fs::remove_file(path).expect("removed");
    assert_eq!(alone(&sandbox, &["config", "init"]).code, Some(0));
    assert_eq!(fs::read_to_string(&secret).expect("the secret"), made, "Okta may know it");

    fs::write(path, "# mine\n").expect("a file of the person's");
    refused(&alone(&sandbox, &["config", "init"]), 2, &["config.toml", "exists and was not changed"]);
    assert_eq!(fs::read_to_string(path).expect("the file"), "# mine\n");

    let token = sandbox.path("token");
    fs::write(&token, format!("{TOKEN}\n")).expect("a token file");
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).expect("its mode");
    fs::write(
        path,
        format!(
            "[org]\nurl = \"https://example.okta.com\"\ntoken_file = \"{}\"\n[poll]\ninterval = \"15s\"\n",
            sandbox.path("token").display()
        ),
    )
    .expect("a file");
    let checked = alone(&sandbox, &["config", "check"]);
    assert_eq!((checked.code, checked.err.as_str()), (Some(0), ""));
    assert!(checked.out.contains("https://example.okta.com"), "{}", checked.out);
    let shown = alone(&sandbox, &["config", "show"]);
    assert_eq!(shown.code, Some(0));
    for words in ["https://example.okta.com", "15s", "the file"] {
        assert!(shown.out.contains(words), "{words}: {}", shown.out);
    }
    assert!(!shown.out.contains(TOKEN));
    // The output of `config show` is a valid configuration.
    fs::write(sandbox.path("shown.toml"), &shown.out).expect("a file");
    let again = alone(&sandbox, &["config", "show", "--config", "shown.toml"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    fs::remove_file(sandbox.path("token")).expect("removed");
    refused(&alone(&sandbox, &["config", "check"]), 2, &["token", "Nothing was started"]);
}

#[test]
fn a_journal_that_cannot_be_used_is_left_alone() {
    let (org, sandbox) = (Sim::start(30, &[]), Sandbox::new());
    let all = good(&sandbox, &org, &ALL);
    let mut found = Vec::new();
    files(&sandbox.path("data"), &mut found);
    let journal = found.iter().find(|path| path.ends_with("journal.sqlite3")).expect("the journal");
    for path in &found {
        assert_eq!(fs::metadata(path).expect("a file").permissions().mode() & 0o077, 0, "{}", path.display());
    }

    let garbage = "no journal at all ".repeat(500);
    fs::write(journal, &garbage).expect("garbage");
    for args in [&ALL[..], &["export"], &["tail"]] {
        let output = run(&sandbox, &org, args);
        refused(&output, 1, &["damaged", "journal.sqlite3", "Move it away"]);
        assert_eq!(fs::read_to_string(journal).expect("the file"), garbage);
    }
    fs::write(journal, "").expect("an empty file");
    assert_eq!(uuids(&good(&sandbox, &org, &ALL)), uuids(&all));

    fs::write(sandbox.path("file"), "a file").expect("a file");
    for dir in ["file", "file/below"] {
        let output = run(&sandbox, &org, &[&ALL[..], &["--data-dir", dir]].concat());
        assert_eq!((output.code, output.out.as_str()), (Some(1), ""), "{}", output.err);
        assert!(output.err.contains("--data-dir"), "{}", output.err);
    }
}

/// Writes a configuration, and returns the flag that names it.
fn configured(sandbox: &Sandbox, text: &str) -> String {
    fs::write(sandbox.path("config.toml"), text).expect("a file");
    format!("--config={}", sandbox.path("config.toml").display())
}

#[test]
fn a_check_says_which_org_got_which_credentials() {
    let sandbox = Sandbox::new();
    let orgs = "[[org]]\nname = \"prod\"\nurl = \"https://example.okta.com\"\ntoken_env = \"PROD\"\n[[org]]\nurl = \"https://other.example.test\"\ntoken_env = \"OTHER\"\n";
    let config = configured(&sandbox, orgs);
    let check = |args: &[&str], tokens: &[&str]| {
        let mut command = sandbox.command(None, &[&["config", "check", &config], args].concat());
        Process::start(command.envs(tokens.iter().map(|name| (name, TOKEN)))).end()
    };
    let both = check(&[], &["PROD", "OTHER"]);
    let told = "The configuration can be used.\nprod: https://example.okta.com, token from the variable PROD\n\
                other.example.test: https://other.example.test, token from the variable OTHER\n";
    assert_eq!((both.code, both.out.as_str(), both.err.as_str()), (Some(0), told, ""));
    // With one org it is a sentence.
    let one = check(&["--org", "prod"], &["PROD"]);
    assert_eq!(
        (one.code, one.out.as_str()),
        (Some(0), "The configuration can be used: https://example.okta.com.\n")
    );
    // Each org that fails is told.
    let none = check(&["--org", "https://other.example.test", "--org", "prod"], &[]);
    let troubles = ["consentwatch: prod: The API token", "\nconsentwatch: other.example.test: The API token"];
    assert_eq!((none.code, none.out.as_str()), (Some(2), ""));
    assert!(troubles.iter().all(|words| none.err.contains(words)), "{}", none.err);
    let neither = alone(&sandbox, &["tail", "--once", &config]);
    assert_eq!((neither.code, neither.out.as_str()), (Some(2), ""));
    assert!(troubles.iter().all(|words| neither.err.contains(words)), "{}", neither.err);

    let journal = |args: &[&str]| {
        let told = alone(&sandbox, &[&["config", "path", &config], args].concat()).out;
        told.lines().find_map(|line| line.strip_prefix("journal ")).expect("its place").to_owned()
    };
    assert!(journal(&["--org", "other.example.test"]).ends_with("/example.okta.com"), "that of the first");
    assert_eq!(journal(&["--org", "nobody"]), "none");
}

#[test]
fn the_token_is_seen_nowhere() {
    let sandbox = Sandbox::new();
    let (org, dead) = (Sim::start(50, &[]), Sim::start(0, &["--fault", "unauthorized"]));
    let mut said = String::new();
    let mut hear = |output: Output| said.extend([output.out, output.err]);
    let debug = ["--log-level", "debug"];
    for args in
        [&ALL[..], &["export"], &["config", "show"], &["config", "check"], &["config", "path"], &["watch"]]
    {
        for org in [&org, &dead] {
            hear(run(&sandbox, org, &[args, &debug].concat()));
        }
    }
    // A password in place of a host name is a secret too.
    for args in [&ALL[..], &["config", "show"], &["config", "check"]] {
        let url = format!("https://someone:{TOKEN}@example.okta.com");
        let mut command = sandbox.command(Some(&url), args);
        hear(Process::start(command.env("OKTA_CLIENT_TOKEN", "short")).end());
    }
    let mut command = sandbox.command(Some(&org.url), &ALL);
    hear(Process::start(command.env("OKTA_CLIENT_TOKEN", format!("{TOKEN} and more"))).end());
    for org in [org, dead] {
        org.process.signal(Signal::INT);
        hear(org.process.end());
    }
    assert!(said.contains("401") && said.len() > 10_000);
    assert!(!said.contains(TOKEN), "{said}");
    let mut found = Vec::new();
    files(&sandbox.path(""), &mut found);
    assert!(found.iter().any(|path| path.ends_with("consentwatch.log")));
    for path in found {
        let bytes = fs::read(&path).expect("a file");
        assert!(memchr::memmem::find(&bytes, TOKEN.as_bytes()).is_none(), "{}", path.display());
    }
}

#[test]
fn a_second_tail_follows_the_first() {
    let (org, sandbox) = (Sim::start(80, &[]), without_names());
    let first = sandbox.start(&org, &["tail", "--since", "90d"]);
    let all = first.wait("the whole log", |said| (said.lines == org.total()).then(|| said.out.clone()));
    let holder = format!("Process {}", first.id());
    let second = run(&sandbox, &org, &ALL);
    assert_eq!((second.code, second.out.as_str()), (Some(0), all.as_str()), "{}", second.err);
    assert!(second.err.contains(&holder) && second.err.contains("read-only"), "{}", second.err);
    // Reading does not change the journal.
    assert_eq!(good(&sandbox, &org, &["export"]), all);

    let follower = sandbox.start(&org, &["tail", "--since", "90d"]);
    follower.wait("the log, followed", |said| (said.lines == org.total()).then_some(()));
    drop(first);
    follower.signal(Signal::TERM);
    assert_eq!(follower.end().code, Some(143));
    // The dead process no longer holds the lock.
    assert_eq!(good(&sandbox, &org, &ALL), all);
}

#[test]
fn signals_end_it_in_order() {
    let (org, sandbox) = (Sim::start(40, &[]), Sandbox::new());
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let tail = sandbox.start(&org, &["tail", "--since", "90d"]);
        tail.wait("the whole log", |said| (said.lines == org.total()).then_some(()));
        tail.signal(signal);
        let output = tail.end();
        assert_eq!((output.code, words(&output.err).as_str()), (Some(code), ""), "{signal:?}");
    }
    let mut found = Vec::new();
    files(&sandbox.path("data"), &mut found);
    let is_open = |path: &PathBuf| path.to_string_lossy().ends_with("-wal");
    assert!(!found.iter().any(is_open), "the journal was closed: {found:?}");
}
