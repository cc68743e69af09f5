//! Several processes on one journal: which one waits, follows or takes over, and what each reports.

#[path = "support/journal.rs"]
mod journal;
#[path = "support/port.rs"]
mod port;
#[path = "support/process.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod process;
#[path = "support/terminal.rs"]
#[expect(dead_code, reason = "nothing here ends in an odd way")]
mod terminal;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use consentwatch::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use journal::journal_folder;
use port::Port;
use process::{CONFIG, Process, Sandbox, Sim};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Params};
use rustix::process::Signal;
use terminal::Terminal;
use twox_hash::XxHash3_64;

/// Arguments to read the whole log and then end.
const ONCE: [&str; 4] = ["tail", "--once", "--since", "90d"];
/// Arguments to read the whole log and then follow it.
const ON: [&str; 3] = ["tail", "--since", "90d"];

/// Opens the journal's file while other processes use it.
fn journal(sandbox: &Sandbox) -> Connection {
    let journal = Connection::open(journal_folder(sandbox).join("journal.sqlite3")).expect("the journal");
    journal.busy_timeout(Duration::from_secs(10)).expect("a limit");
    journal
}

fn last_good(sandbox: &Sandbox) -> Timestamp {
    let text: String =
        journal(sandbox).query_row("SELECT last_good FROM org", [], |row| row.get(0)).expect("a good poll");
    text.parse().expect("a time")
}

/// Sets the age of the journal's last successful poll, and its writer's interval.
fn set_back(sandbox: &Sandbox, minutes: i64, interval_minutes: i64) -> Timestamp {
    let at = Clock::system().now() - SignedDuration::from_mins(minutes);
    let values = (at.to_string(), at.as_millisecond(), interval_minutes * 60_000);
    let sql = "UPDATE org SET last_good = ?1, caught_up = ?2, interval_ms = ?3";
    set_counters(sandbox, sql, values);
    at
}

/// Writes the counters and their checksum as the program does: the low half of XXH3 over name and value of each column
/// in turn, seeded with the one before. NULL and 0 are skipped.
fn set_counters(sandbox: &Sandbox, sql: &str, values: impl Params) {
    let conn = journal(sandbox);
    assert_eq!(conn.execute(sql, values).expect("it is written"), 1);
    let mut statement = conn.prepare("SELECT * FROM org").expect("the counters");
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let sum = statement.query_row([], |row| {
        let mut sum = XxHash3_64::oneshot(&[]);
        let mut add = |piece: &[u8]| {
            if !piece.is_empty() {
                sum = XxHash3_64::oneshot_with_seed(sum, piece);
            }
        };
        for (index, name) in names.iter().enumerate().filter(|(_, name)| *name != "sum") {
            match row.get_ref(index)? {
                ValueRef::Null | ValueRef::Integer(0) => {}
                ValueRef::Integer(number) => {
                    add(name.as_bytes());
                    add(&number.to_le_bytes());
                }
                ValueRef::Text(text) => {
                    add(name.as_bytes());
                    add(b"text");
                    add(text);
                }
                other => panic!("the counters hold {other:?}"),
            }
        }
        Ok(i64::from(sum as u32))
    });
    let sum = sum.expect("a row of counters");
    assert_eq!(conn.execute("UPDATE org SET sum = ?1", [sum]).expect("it is written"), 1);
}

/// Stops a process while it is not writing, so that others can write to its journal.
fn stop(sandbox: &Sandbox, process: &Process) {
    let conn = journal(sandbox);
    conn.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    process.signal(Signal::STOP);
    // The signal takes a moment to reach each thread, and one that waits for the lock would take it in that moment.
    while !is_stopped(process.id()) {
        std::thread::yield_now();
    }
    conn.execute_batch("ROLLBACK").expect("it is given back");
}

/// Returns whether every thread of a process is stopped, or cannot be looked at on this system.
fn is_stopped(id: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{id}/task")) else { return true };
    let state = |thread: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(thread.ok()?.path().join("stat")).ok()?;
        stat.rsplit_once(") ")?.1.chars().next()
    };
    // A thread that has just ended has no state.
    threads.filter_map(state).all(|state| state == 'T')
}

fn wait_err(process: &Process, words: &str) {
    process.wait(words, |said| said.err.contains(words).then_some(()));
}

fn wait_lines(process: &Process, lines: usize) {
    process.wait("the whole log", |said| (said.lines == lines).then_some(()));
}

fn uuids(out: &str) -> BTreeSet<String> {
    let uuid = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
        value["uuid"].as_str().expect("a uuid").to_owned()
    };
    out.lines().map(uuid).collect()
}

#[test]
fn of_two_that_start_at_once_on_nothing_the_second_waits_and_follows() {
    let org = Sim::start(60, &[]);
    for round in 0..5 {
        let sandbox = Sandbox::new();
        let both = [sandbox.start(&org, &ONCE), sandbox.start(&org, &ONCE)];
        for output in both.map(Process::end) {
            assert_eq!(output.code, Some(0), "round {round}: {}", output.err);
            let found = uuids(&output.out);
            assert_eq!((output.out.lines().count(), found.len()), (60, 60), "round {round}: {}", output.err);
        }
    }
}

#[test]
fn a_follower_polls_when_the_process_that_did_has_ended() {
    let (org, sandbox) = (Sim::start(60, &["--rate", "600"]), Sandbox::new());
    fs::write(sandbox.path(CONFIG), "[poll]\ninterval = \"1s\"\n").expect("a file");
    let first = sandbox.start(&org, &ON);
    first.wait("the log", |said| (said.lines >= 60).then_some(()));
    let second = sandbox.start(&org, &ON);
    wait_err(&second, &format!("Process {} writes this journal", first.id()));
    second.wait("the log, followed", |said| (said.lines >= 60).then_some(()));
    // A killed process does not release anything itself.
    let gone = first.id();
    drop(first);
    wait_err(&second, &format!("Process {gone} has ended; this process polls for the journal from now on."));
    let before = second.wait("what it has by then", |said| Some(said.lines));
    second.wait("what happens now", |said| (said.lines > before + 5).then_some(()));
    // A third process follows the second, and takes over when the second ends regularly.
    let third = sandbox.start(&org, &ON);
    wait_err(&third, &format!("Process {} writes this journal", second.id()));
    let gone = second.id();
    second.signal(Signal::TERM);
    let output = second.end();
    assert_eq!(output.code, Some(143), "{}", output.err);
    assert!(!output.err.contains("Nobody listens"), "no hook was ever wanted: {}", output.err);
    wait_err(&third, &format!("Process {gone} has ended; this process polls"));
    let before = third.wait("what it has by then", |said| Some(said.lines));
    third.wait("what happens now", |said| (said.lines > before + 5).then_some(()));
    third.signal(Signal::TERM);
    let output = third.end();
    let found = uuids(&output.out);
    assert_eq!(output.out.lines().count(), found.len(), "nothing was told twice");
}

#[test]
fn a_follower_of_other_events_does_not_take_over_and_says_since_when_nobody_polls() {
    let (org, sandbox) = (Sim::start(60, &[]), Sandbox::new());
    fs::write(sandbox.path("other.toml"), "[poll]\nevents = [\"grant\"]\n").expect("a file");
    let first = sandbox.start(&org, &ON);
    wait_lines(&first, org.total());
    let other = sandbox.start(&org, &[&ON[..], &["--config", "other.toml"]].concat());
    wait_lines(&other, org.total());
    let mut screen = Terminal::open(&sandbox, Some(&org), (140, 24), &["watch", "--config", "other.toml"]);
    screen.wait("a screen that follows", |shown| {
        shown.has("LIVE") && shown.has(&format!("poll by process {}", first.id()))
    });
    let gone = first.id();
    drop(first);
    let read = last_good(&sandbox);
    wait_err(&other, &format!("Nobody polls for this journal: process {gone} no longer does"));
    wait_err(&other, &format!("the log was last read at {read:.0}"));
    wait_err(&other, "This process asks for other events (grant");
    screen.wait("a screen that is red", |shown| shown.has("STALE") && !shown.has("LIVE"));
    let since = read.strftime("no poller since %d %b %H:%MZ").to_string();
    screen.wait_words(&since);
    // A process that may take over does, and the followers recover.
    let second = sandbox.start(&org, &ON);
    wait_lines(&second, org.total());
    wait_err(&other, &format!("Process {} writes this journal now", second.id()));
    wait_err(&other, "The System Log is read again.");
    screen.wait("a screen that is well", |shown| {
        shown.has("LIVE") && shown.has(&format!("poll by process {}", second.id()))
    });
    screen.press(b"q");
    assert_eq!(screen.end_restored(), 0);
    for process in [second, other] {
        process.signal(Signal::TERM);
        assert_eq!(process.end().code, Some(143));
    }
}

/// Waits until a process listens, if it does not yet.
fn wait_listening(port: SocketAddr, process: &Process) {
    for _ in 0..1_000_000 {
        if TcpStream::connect(port).is_ok() {
            return;
        }
        process.wait("the process to live", |said| (!said.ended).then_some(()));
        std::thread::yield_now();
    }
    panic!("nobody listens on {port}");
}

#[test]
fn whoever_takes_over_listens_to_the_hook_or_says_that_nobody_does() {
    let (org, sandbox, held) = (Sim::start(60, &[]), Sandbox::new(), Port::hold());
    let port = held.at;
    let secret = "invented-secret-of-the-hook-of-this-test";
    fs::write(sandbox.path("hook-secret"), secret).expect("a secret");
    let hook = format!("[hook]\nenabled = true\nlisten = \"{port}\"\nsecret_file = \"hook-secret\"\n");
    fs::write(sandbox.path(CONFIG), hook).expect("a file");
    let first = sandbox.start(&org, &ON);
    wait_lines(&first, org.total());
    wait_listening(port, &first);
    let deaf = sandbox.start(&org, &[&ON[..], &["--no-hook"]].concat());
    wait_err(&deaf, "its rows are followed read-only");
    drop(first);
    wait_err(&deaf, "has ended; this process polls for the journal from now on.");
    wait_err(&deaf, "Nobody listens to the event hook now: this process was started with --no-hook.");
    assert!(TcpStream::connect(port).is_err(), "nobody listens");
    let second = sandbox.start(&org, &ON);
    wait_err(&second, &format!("Process {} writes this journal", deaf.id()));
    deaf.signal(Signal::TERM);
    assert_eq!(deaf.end().code, Some(143));
    wait_err(&second, "has ended; this process polls for the journal from now on.");
    wait_listening(port, &second);
    second.signal(Signal::TERM);
    let output = second.end();
    assert!(!output.err.contains("Nobody listens"), "{}", output.err);
}

#[test]
fn a_process_that_is_stopped_is_told_as_such() {
    let (org, sandbox) = (Sim::start(60, &[]), Sandbox::new());
    let first = sandbox.start(&org, &ON);
    wait_lines(&first, org.total());
    let second = sandbox.start(&org, &ON);
    wait_lines(&second, org.total());
    let mut screen = Terminal::open(&sandbox, Some(&org), (140, 24), &["watch"]);
    screen.wait("a screen that follows", |shown| shown.has("LIVE") && shown.has("poll by process"));
    if cfg!(target_os = "linux") {
        stop(&sandbox, &first);
        wait_err(
            &second,
            &format!("Process {}, which polls for this journal, is stopped (^Z or SIGSTOP)", first.id()),
        );
        wait_err(&second, &format!("kill -CONT {}", first.id()));
        screen.wait("a screen that is red", |shown| {
            shown.has("STALE") && shown.has("down: the process is stopped")
        });
        first.signal(Signal::CONT);
        wait_err(&second, "The System Log is read again.");
        screen.wait("a screen that is well", |shown| shown.has("LIVE") && shown.has("poll by process"));
    }
    screen.press(b"q");
    assert_eq!(screen.end_restored(), 0);
    for process in [first, second] {
        process.signal(Signal::TERM);
        assert_eq!(process.end().code, Some(143));
    }
}

#[test]
fn once_beside_a_process_that_reads_nothing_any_more_ends_with_1() {
    let (org, sandbox) = (Sim::start(60, &[]), Sandbox::new());
    let first = sandbox.start(&org, &ON);
    wait_lines(&first, org.total());
    stop(&sandbox, &first);
    // The log was read a moment ago, so nothing more is expected.
    let output = sandbox.start(&org, &ONCE).end();
    assert_eq!((output.code, output.out.lines().count()), (Some(0), org.total()), "{}", output.err);
    // Ten minutes without a poll are normal with an interval of five minutes, and too long with one minute.
    set_back(&sandbox, 10, 5);
    let output = sandbox.start(&org, &ONCE).end();
    assert_eq!((output.code, output.out.lines().count()), (Some(0), org.total()), "{}", output.err);
    let read = set_back(&sandbox, 10, 1);
    let output = sandbox.start(&org, &ONCE).end();
    assert_eq!((output.code, output.out.lines().count()), (Some(1), org.total()), "{}", output.err);
    let wanted = [format!("Process {}", first.id()), "is stopped".to_owned(), format!("{read:.0}")];
    for words in wanted.iter().map(String::as_str).chain(["may be incomplete", "kill -CONT"]) {
        assert!(output.err.contains(words), "{words}: {}", output.err);
    }
    // A last poll in the future does not mean that a process polls, either.
    set_back(&sandbox, -10, 1);
    let output = sandbox.start(&org, &ONCE).end();
    assert_eq!(output.code, Some(1), "{}", output.err);
    first.signal(Signal::CONT);
    first.signal(Signal::TERM);
    assert_eq!(first.end().code, Some(143));
}

#[test]
fn until_beside_a_process_that_was_just_stopped_ends_with_1() {
    let (org, sandbox) = (Sim::start(60, &[]), Sandbox::new());
    let first = sandbox.start(&org, &ON);
    wait_lines(&first, org.total());
    stop(&sandbox, &first);
    // It read the log successfully a moment ago, but not up to that time.
    let until = Clock::system().now() + SignedDuration::from_secs(1);
    let args = ["tail", "--since", "90d", "--until", &until.to_string()];
    let output = sandbox.start(&org, &args).end();
    assert_eq!((output.code, output.out.lines().count()), (Some(1), org.total()), "{}", output.err);
    for words in [format!("Process {}", first.id()), "is stopped".to_owned(), "may be incomplete".to_owned()]
    {
        assert!(output.err.contains(&words), "{words}: {}", output.err);
    }
    first.signal(Signal::CONT);
    first.signal(Signal::TERM);
    assert_eq!(first.end().code, Some(143));
}

/// Holds the lock of a journal, as the process that writes it does.
fn held(sandbox: &Sandbox, org: &Sim) -> File {
    let folder = sandbox.path("data").join(org.url.replace("http://", "").replace(':', "_"));
    fs::create_dir_all(&folder).expect("the folder of the org");
    let mut options = File::options();
    let lock = options.create(true).truncate(false).write(true).open(folder.join("journal.lock"));
    let lock = lock.expect("the lock");
    lock.try_lock().expect("nobody has it");
    lock
}

#[test]
fn who_waits_for_a_journal_that_is_never_made_makes_it_when_the_lock_is_free() {
    let (org, sandbox) = (Sim::start(60, &[]), Sandbox::new());
    let lock = held(&sandbox, &org);
    let once = sandbox.start(&org, &ONCE);
    wait_err(&once, "may be creating or updating this journal; this process waits for it, at most 300 s.");
    drop(lock);
    let output = once.end();
    assert_eq!((output.code, output.out.lines().count()), (Some(0), org.total()), "{}", output.err);
}

#[test]
fn once_takes_over_where_the_process_that_it_waits_for_ends() {
    let (org, sandbox) = (Sim::start(60, &[]), Sandbox::new());
    assert_eq!(sandbox.start(&org, &ONCE).end().code, Some(0));
    let lock = held(&sandbox, &org);
    // The state left by a process that has not yet read the log to its end.
    let sql = "UPDATE org SET last_good = NULL, caught_up = NULL";
    set_counters(&sandbox, sql, []);
    let once = sandbox.start(&org, &ONCE);
    wait_err(&once, "its rows are followed read-only");
    wait_lines(&once, org.total());
    drop(lock);
    let output = once.end();
    assert_eq!((output.code, output.out.lines().count()), (Some(0), org.total()), "{}", output.err);
    assert!(output.err.contains("has ended; this process polls"), "{}", output.err);
}

#[test]
fn once_beside_another_process_waits_for_the_persons_of_the_newest_rows() {
    let (org, sandbox) = (Sim::start(60, &["--plain"]), Sandbox::new());
    let names = |are_wanted: bool| {
        fs::write(sandbox.path(CONFIG), format!("[poll]\nnames = {are_wanted}\n")).expect("a file");
    };
    let unknown = |out: &str| out.matches("\"evidence\":\"unknown\"").count();
    let by_session = |out: &str| out.matches("\"evidence\":\"session\"").count();
    names(false);
    let before = sandbox.start(&org, &ONCE).end();
    assert!(before.code == Some(0) && unknown(&before.out) > 0, "{}", before.out);
    // The writer has just read the log to its end, and has not looked up any person yet.
    let lock = held(&sandbox, &org);
    names(true);
    let once = sandbox.start(&org, &ONCE);
    wait_err(&once, "its rows are followed read-only");
    drop(lock);
    let output = once.end();
    assert_eq!((output.code, output.out.lines().count()), (Some(0), org.total()), "{}", output.err);
    assert!(by_session(&output.out) > 0, "{}", output.out);
    assert!(unknown(&output.out) < unknown(&before.out));
    // There is no wait if the configuration disables look-ups.
    let sandbox = Sandbox::new();
    fs::write(sandbox.path(CONFIG), "[poll]\nnames = false\n").expect("a file");
    let before = sandbox.start(&org, &ONCE).end();
    let _lock = held(&sandbox, &org);
    let output = sandbox.start(&org, &ONCE).end();
    assert_eq!((output.code, output.out), (Some(0), before.out), "{}", output.err);
}
