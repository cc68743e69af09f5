//! Changed bytes on the disk and a wrong clock: the messages and exit codes of the real binary.

#[path = "support/journal.rs"]
mod journal;
#[path = "support/process.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod process;

use std::fs;

use journal::journal_folder;
use process::{Output, Sandbox, Sim};
use serde_json::Value;

fn filled() -> (Sim, Sandbox) {
    let (org, sandbox) = (Sim::start(30, &[]), Sandbox::new());
    let tail = sandbox.start(&org, &["tail", "--once"]).end();
    assert_eq!((tail.code, tail.out.lines().count()), (Some(0), org.total()), "{}", tail.err);
    (org, sandbox)
}

fn seqs(output: &Output) -> Vec<i64> {
    let seq =
        |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["seq"].as_i64().expect("a number");
    output.out.lines().map(seq).collect()
}

#[test]
fn export_and_doctor_tell_of_a_flipped_byte_and_end_with_1() {
    let (org, sandbox) = filled();
    let run = |args: &[&str]| sandbox.start(&org, args).end();
    let sound = run(&["doctor", "--check"]);
    assert_eq!(sound.code, Some(0), "{}{}", sound.out, sound.err);
    assert!(sound.out.contains(&format!("{} rows were checked", org.total())), "{}", sound.out);
    let before = run(&["export"]);
    assert_eq!((before.code, seqs(&before).len()), (Some(0), org.total()), "{}", before.err);

    let path = journal_folder(&sandbox).join("journal.sqlite3");
    let body: Vec<u8> = {
        let conn = rusqlite::Connection::open(&path).expect("a journal");
        conn.query_row("SELECT body FROM raw WHERE seq = 5", [], |row| row.get(0)).expect("a body")
    };
    let mut bytes = fs::read(&path).expect("the file");
    // SQLite leaves copies of pages that grew, which are never read, so the test changes every copy.
    let places: Vec<usize> =
        (0..bytes.len() - body.len()).filter(|at| bytes[*at..].starts_with(&body)).collect();
    assert!(!places.is_empty(), "the body is in one piece");
    for place in places {
        bytes[place + body.len() / 2] ^= 0x10;
    }
    fs::write(&path, bytes).expect("written");

    let after = run(&["export"]);
    assert_eq!(after.code, Some(1), "{}", after.err);
    let left: Vec<i64> = seqs(&before).into_iter().filter(|seq| *seq != 5).collect();
    assert_eq!(seqs(&after), left, "all others are written");
    assert!(after.err.contains("1 row (number 5)"), "{}", after.err);
    let file = sandbox.path("case.json").to_string_lossy().into_owned();
    let after = run(&["export", "-o", &file]);
    assert!(after.code == Some(1) && after.err.contains("number 5"), "{:?} {}", after.code, after.err);
    let told = run(&["doctor", "--check"]);
    assert!(told.code == Some(1) && told.out.contains("number 5"), "{:?} {}", told.code, told.out);
    let told = run(&["doctor", "--check", "--format", "json"]);
    let report: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!((&report["damaged_rows"], &report["exit"]), (&serde_json::json!([5]), &serde_json::json!(1)));
}

#[test]
fn prune_says_what_is_too_old_and_removes_it_only_if_told_so() {
    let (org, sandbox) = filled();
    let run = |args: &[&str]| sandbox.start(&org, args).end();
    fs::write(sandbox.path(process::CONFIG), "[journal]\nkeep_days = 1\n").expect("a configuration");
    let path = journal_folder(&sandbox).join("journal.sqlite3");
    // Half of the rows are of two days ago; what prune goes by stands in the index of times too.
    let conn = rusqlite::Connection::open(&path).expect("a journal");
    conn.execute("UPDATE event SET ts = ts - 172800000 WHERE seq <= 10", []).expect("older");
    drop(conn);
    let looked = run(&["prune"]);
    assert_eq!(looked.code, Some(0), "{}", looked.err);
    assert!(looked.out.contains("10 were published before"), "{}", looked.out);
    assert!(looked.err.contains("Nothing was removed."), "{}", looked.err);
    let pruned = run(&["prune", "--yes"]);
    assert!(
        pruned.out.contains(&format!("10 rows were removed, {} are left", org.total() - 10)),
        "{}",
        pruned.out
    );
    assert_eq!(seqs(&run(&["export"])).len(), org.total() - 10);
}
