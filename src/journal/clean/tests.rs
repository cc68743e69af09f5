//! Tests of cleaning a journal of a version that hid nothing: with kills in between, beside readers, on a full disk.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;

use super::progress::{Pace, Step};
use super::steps::DAMAGED;
use crate::consent::{
    Actor, Consent, Delivery, EventId, EventKey, Marked, OrgId, Reject, Seq, SideEvent, Untrusted, Via,
};
use crate::journal::notes::Notes;
use crate::journal::sample::{self, START_MS};
use crate::journal::tables::side;
use crate::journal::write::store::Store;
use crate::journal::{Batch, Reader, Settings, checksum, pack};

/// A secret in every event, and so in the dictionary that is trained on the events.
const CANARY: &str = "PlantedSecretOfTheOrg7zQ";
const ROWS: u64 = 620;
/// The row that has a hook's copy.
const COPIED: i64 = 9;
/// Rows whose number is a multiple of this have no uuid, a hostile name and an envelope.
const ODD: u64 = 150;

fn open(dir: &Path) -> Store {
    Store::new(crate::journal::connection::connect_writer(dir).unwrap(), Settings::default()).unwrap()
}

fn at() -> Timestamp {
    Timestamp::from_millisecond(START_MS).unwrap()
}

fn secretive(number: u64) -> String {
    let secrets =
        format!(r#""debugData":{{"client_secret":"{CANARY}{number}","url":"/cb?code={CANARY}&scope=a","#);
    sample::raw(number).replace(r#""debugData":{"#, &secrets)
}

/// Returns an event as an earlier version stored it.
fn old(number: u64) -> Consent {
    let mut consent = sample::consent(number, Via::POLL);
    consent.raw = secretive(number).into();
    if number.is_multiple_of(ODD) {
        consent.key.id = digest(number);
        let name = format!("https://u:{CANARY}@app.example.test/");
        consent.actor = Some(Actor { display_name: Some(Untrusted::new(name)), ..Actor::default() });
        consent.via = Via::HOOK;
        consent.hook = Some(Delivery {
            event_id: None,
            event_time: None,
            source: Some(Untrusted::new(format!("https://h.example.test/?a={CANARY}"))),
            headers: vec![Untrusted::new(format!("X-Api-Key: {CANARY}"))],
            received: None,
        });
    }
    consent
}

fn digest(number: u64) -> EventId {
    EventId::Digest([number as u8 ^ 0x5a; 32])
}

/// Writes a journal as an earlier version did: nothing is hidden, digests have no key, and a dictionary is trained on
/// all of it.
fn old_journal(dir: &Path) {
    let mut store = open(dir);
    let samples: Vec<Vec<u8>> = (0..ROWS).map(|number| secretive(number).into_bytes()).collect();
    let trained = zstd::dict::from_samples(&samples, pack::DICTIONARY_BYTES).unwrap();
    store.conn.execute("INSERT INTO dict (own, body) VALUES (1, ?1)", [trained]).unwrap();
    checksum::seal_row(&store.conn, checksum::DICT, &[&store.conn.last_insert_rowid()]).unwrap();
    pack::keep_copies(&store.conn).unwrap();
    let consents = (0..ROWS).map(old).collect();
    store.write([&Batch { consents, ..Batch::default() }].into_iter()).unwrap();
    let mut side = SideEvent::from(old(1));
    side.event_type = Untrusted::new("event_hook.delivery");
    side.session_id = Some(Untrusted::new(format!("/s?x={CANARY}")));
    let mut unnamed = SideEvent::from(old(2));
    unnamed.event_type = Untrusted::new("oauth2.as.deactivated");
    unnamed.id = digest(2);
    let record = format!(r#"{{"token":"{CANARY}" 7}}"#).into_bytes();
    let reject = Reject {
        received: at(),
        source: "poll",
        why: "why".to_owned(),
        length: record.len(),
        bytes: record.into(),
    };
    store
        .write([&Batch { sides: vec![side, unnamed], rejects: vec![reject], ..Batch::default() }].into_iter())
        .unwrap();
    let mut notes = Notes::open(dir).unwrap();
    for number in (0..ROWS).step_by(ODD as usize) {
        let seq = number as i64 + 1;
        store
            .conn
            .execute("UPDATE event SET uuid = ?2 WHERE seq = ?1", (seq, digest(number).as_bytes()))
            .unwrap();
        checksum::seal(&store.conn, seq).unwrap();
        let key = EventKey { id: digest(number), ..old(number).key };
        notes.put(&Marked { org: "x".into(), key, at: at(), note: "kept".into() }).unwrap();
    }
    store.conn.execute("UPDATE side SET uuid = ?1 WHERE id = 2", [digest(2).as_bytes()]).unwrap();
    checksum::seal_row(&store.conn, checksum::SIDE, &[&2]).unwrap();
    // A hook's copy, as it is stored beside a row that it contradicts.
    let copied = "INSERT INTO hook_copy (seq, dict, body) SELECT seq, dict, body FROM raw WHERE seq = ?1";
    store.conn.execute(copied, [COPIED]).unwrap();
    checksum::seal_row(&store.conn, checksum::HOOK_COPY, &[&COPIED]).unwrap();
    store.conn.execute("DELETE FROM hidden", []).unwrap();
    store
        .conn
        .execute("UPDATE clean SET step = 0, at = 0, stop = ?1, sides = 2, dict = 0", [ROWS as i64])
        .unwrap();
    checksum::seal_row(&store.conn, checksum::CLEAN, &[&1]).unwrap();
    store.close();
}

/// Returns the places in which the files of a folder hold the canary, as it is or packed. Unpacks without the journal's
/// own code.
fn leaks(dir: &Path) -> Vec<String> {
    let has = |bytes: &[u8]| memchr::memmem::find(bytes, CANARY.as_bytes()).is_some();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if has(&std::fs::read(entry.path()).unwrap()) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    let conn = Connection::open(dir.join("journal.sqlite3")).unwrap();
    let mut statement = conn.prepare("SELECT id, body FROM dict").unwrap();
    let dicts: BTreeMap<i64, Vec<u8>> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for sql in [
        "SELECT dict, body FROM raw",
        "SELECT dict, body FROM hook_copy",
        "SELECT 0, body FROM side",
        "SELECT 0, body FROM reject",
    ] {
        let mut statement = conn.prepare(sql).unwrap();
        let bodies: Vec<(i64, Vec<u8>)> = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for (dict, body) in bodies {
            let dict = dicts.get(&dict).cloned().unwrap_or_default();
            let mut unpacker = zstd::bulk::Decompressor::with_dictionary(&dict).unwrap();
            // A body that does not unpack was found damaged.
            if unpacker.decompress(&body, 1 << 20).map_or(body != DAMAGED, |raw| has(&raw)) {
                found.push(sql.to_owned());
            }
        }
    }
    found.dedup();
    found
}

/// Returns everything that a reader shows.
fn shown(dir: &Path) -> String {
    let mut reader = Reader::open(dir).unwrap();
    let page = reader.newest(10_000).unwrap();
    let records = reader.records_after(Seq(0), 10_000).unwrap();
    assert_eq!((page.rows.len(), records.len()), (ROWS as usize, ROWS as usize));
    let sides = reader.sides("event_hook.delivery", 9).unwrap();
    let rejects: Vec<String> = reader
        .rejects(9)
        .unwrap()
        .iter()
        .map(|reject| String::from_utf8_lossy(&reject.bytes).into_owned())
        .collect();
    assert_eq!((sides.len(), rejects.len()), (1, 1));
    format!("{:?} {records:?} {sides:?} {rejects:?}", page.symbols)
}

/// Cleans to the end. The store is dropped and opened again after every few steps, as after a kill.
fn clean(dir: &Path, kill_every: usize) {
    let mut store = open(dir);
    let mut steps = 0;
    loop {
        match store.clean_some().unwrap() {
            Pace::Done => break,
            Pace::Later => std::thread::yield_now(),
            Pace::Blocked => panic!("there is room"),
            Pace::Soon => {
                steps += 1;
                if steps % kill_every == 0 {
                    assert!(!shown(dir).contains(CANARY), "a reader shows none meanwhile");
                    drop(store);
                    store = open(dir);
                }
            }
        }
    }
    assert!(store.cleaning.is_none());
    store.close();
}

#[test]
fn a_journal_with_secrets_is_cleaned_and_loses_nothing_else() {
    for kill_every in [2, 10_000] {
        let dir = tempfile::tempdir().unwrap();
        old_journal(dir.path());
        let before = leaks(dir.path());
        assert!(before.contains(&"journal.sqlite3".to_owned()) && before.len() >= 4, "{before:?}");
        assert!(!shown(dir.path()).contains(CANARY), "a reader shows none before");
        clean(dir.path(), kill_every);
        assert_eq!(leaks(dir.path()), Vec::<String>::new());
        assert!(!shown(dir.path()).contains(CANARY));
        let mut reader = Reader::open(dir.path()).unwrap();
        assert!(reader.newest(10_000).unwrap().rows.iter().all(|row| row.hidden == 2));
        assert_eq!(
            reader.changed(crate::consent::Rev(0), 10_000).unwrap().rows,
            [],
            "nobody gets them again"
        );
        for record in reader.records_after(Seq(0), 10_000).unwrap() {
            let number = record.seq.0 as u64 - 1;
            let told = secretive(number);
            let digits = CANARY.len() + number.to_string().len();
            let expected = told
                .replace(&format!("{CANARY}{number}\""), &format!("‹hidden, {digits} characters›\""))
                .replace(CANARY, &format!("‹hidden, {} characters›", CANARY.len()));
            assert_eq!(*record.raw, *expected);
            let copy = record.hook_copy.as_deref();
            assert_eq!(copy, (record.seq == Seq(COPIED)).then_some(&*expected), "a copy is cleaned too");
        }
        // An event that came before comes again: it is recognized by its digest, and still has its mark.
        let mut store = open(dir.path());
        let again =
            Batch { consents: (0..ROWS).step_by(ODD as usize).map(old).collect(), ..Batch::default() };
        let commits = store.write([&again].into_iter()).unwrap();
        assert_eq!((commits[0].new, commits[0].repeated), (0, ROWS.div_ceil(ODD) as usize));
        for marked in Notes::open(dir.path()).unwrap().marks().unwrap() {
            assert!(reader.seq_of(OrgId(0), &marked.key).unwrap().is_some(), "{:?}", marked.key);
        }
    }
}

#[test]
fn an_event_without_a_uuid_that_comes_again_meanwhile_is_no_second_row() {
    let dir = tempfile::tempdir().unwrap();
    old_journal(dir.path());
    let mut store = open(dir.path());
    let again = Batch { consents: vec![old(0), old(ODD)], ..Batch::default() };
    for _ in 0..4 {
        let commits = store.write([&again].into_iter()).unwrap();
        assert_eq!((commits[0].new, commits[0].repeated), (0, 2));
        store.clean_some().unwrap();
    }
}

#[test]
fn a_new_event_without_a_uuid_is_known_by_a_keyed_digest_that_differs_from_journal_to_journal() {
    let stored = || {
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        assert!(store.cleaning.is_none(), "a new journal has nothing to clean");
        let mut consent = sample::consent(1, Via::POLL);
        consent.key.id = digest(1);
        let commits =
            store.write([&Batch { consents: vec![consent], ..Batch::default() }].into_iter()).unwrap();
        assert_eq!(commits[0].new, 1);
        store.conn.query_row("SELECT uuid FROM event", [], |row| row.get::<_, Vec<u8>>(0)).unwrap()
    };
    let (one, other) = (stored(), stored());
    assert!(one.len() == 32 && one != other && one != digest(1).as_bytes());
}

#[test]
fn without_room_it_is_said_and_done_later() {
    let dir = tempfile::tempdir().unwrap();
    old_journal(dir.path());
    let mut store = open(dir.path());
    store.cleaning.as_mut().unwrap().room = Some(1000);
    while store.clean_some().unwrap() != Pace::Blocked {
        std::thread::yield_now();
    }
    let note = store.cleaning_note().unwrap().to_owned();
    assert!(note.contains("of free space; the disk has 1 MB. Make room"), "{note}");
    assert!(!shown(dir.path()).contains(CANARY));
    store.cleaning.as_mut().unwrap().room = None;
    assert_eq!(store.clean_some().unwrap(), Pace::Done);
    assert_eq!(store.cleaning_note(), None);
    assert_eq!(leaks(dir.path()), Vec::<String>::new());
}

#[test]
fn somebody_who_reads_all_the_while_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    old_journal(dir.path());
    let reading = Connection::open(dir.path().join("journal.sqlite3")).unwrap();
    reading.execute_batch("BEGIN; SELECT COUNT(*) FROM event").unwrap();
    let mut store = open(dir.path());
    let shrinks =
        |store: &Store| store.cleaning.as_ref().is_some_and(|cleaning| cleaning.step == Step::Shrink);
    while !shrinks(&store) {
        store.clean_some().unwrap();
    }
    assert_eq!(store.clean_some().unwrap(), Pace::Later);
    reading.execute_batch("COMMIT").unwrap();
    assert_eq!(store.clean_some().unwrap(), Pace::Done);
    assert_eq!(leaks(dir.path()), Vec::<String>::new());
}

#[test]
fn a_reader_who_comes_after_the_file_was_rewritten_does_not_make_it_be_rewritten_again() {
    let dir = tempfile::tempdir().unwrap();
    old_journal(dir.path());
    let mut store = open(dir.path());
    while store.cleaning.as_ref().unwrap().step != Step::Shrink {
        store.clean_some().unwrap();
    }
    // Nothing is left in the WAL, so a reader blocks only the following step.
    store.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let reading = Connection::open(dir.path().join("journal.sqlite3")).unwrap();
    reading.execute_batch("BEGIN; SELECT COUNT(*) FROM event").unwrap();
    assert_eq!(store.clean_some().unwrap(), Pace::Later);
    assert!(store.cleaning.as_ref().unwrap().is_rewritten);
    // Each rewrite of the file raises it.
    let rewritten = |store: &Store| {
        store.conn.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0)).unwrap()
    };
    let before = rewritten(&store);
    reading.execute_batch("COMMIT").unwrap();
    assert_eq!(store.clean_some().unwrap(), Pace::Done);
    assert_eq!(rewritten(&store), before);
    assert_eq!(leaks(dir.path()), Vec::<String>::new());
}

#[test]
fn what_this_version_stored_while_a_journal_is_cleaned_is_keyed_once() {
    let dir = tempfile::tempdir().unwrap();
    old_journal(dir.path());
    let mut store = open(dir.path());
    let mut consent = sample::consent(5000, Via::POLL);
    consent.key.id = digest(200);
    let mut side = SideEvent::from(consent.clone());
    side.id = digest(201);
    // An event that an earlier version stored comes again too.
    let mut again = SideEvent::from(Consent { raw: sample::raw(2).into(), ..old(2) });
    again.event_type = Untrusted::new("oauth2.as.deactivated");
    again.id = digest(2);
    let batch = Batch { consents: vec![consent], sides: vec![side, again], ..Batch::default() };
    store.write([&batch].into_iter()).unwrap();
    while store.clean_some().unwrap() != Pace::Done {
        std::thread::yield_now();
    }
    assert_eq!(leaks(dir.path()), Vec::<String>::new());
    let sides = |store: &Store| side::count_all(&store.conn, OrgId(0)).unwrap();
    assert_eq!(sides(&store), 3, "each event once");
    let commits = store.write([&batch].into_iter()).unwrap();
    assert_eq!((commits[0].new, commits[0].repeated, sides(&store)), (0, 1, 3));
}

#[test]
fn how_far_it_came_is_damaged_and_nothing_is_keyed_twice() {
    let dir = tempfile::tempdir().unwrap();
    old_journal(dir.path());
    let mut store = open(dir.path());
    while store.cleaning.as_ref().unwrap().step < Step::Rejects {
        store.clean_some().unwrap();
    }
    store.conn.execute_batch("UPDATE clean SET at = 7").unwrap();
    while store.clean_some().unwrap() != Pace::Done {
        std::thread::yield_now();
    }
    let again = Batch { consents: vec![old(0), old(ODD)], ..Batch::default() };
    let commits = store.write([&again].into_iter()).unwrap();
    assert_eq!((commits[0].new, commits[0].repeated), (0, 2));
}

#[test]
fn a_damaged_row_holds_up_the_cleaning_of_no_other() {
    let dir = tempfile::tempdir().unwrap();
    old_journal(dir.path());
    let mut store = open(dir.path());
    store
        .conn
        .execute_batch(
            "UPDATE delivery SET body = CAST(body || x'ff' AS BLOB) WHERE seq = 1;
             UPDATE event SET part = 'x' WHERE seq = 2; UPDATE raw SET dict = 'x' WHERE seq = 3;
             UPDATE event SET ts = 'x' WHERE seq = 4; UPDATE sym SET text = CAST(text AS BLOB) WHERE id = 1;
             UPDATE side SET txn = x'ff', type = x'fe' WHERE id = 2;",
        )
        .unwrap();
    while store.clean_some().unwrap() != Pace::Done {
        std::thread::yield_now();
    }
    assert_eq!(leaks(dir.path()), Vec::<String>::new());
    let reader = Reader::open(dir.path()).unwrap();
    for seq in 1..=4 {
        assert!(reader.record(Seq(seq)).is_err(), "row {seq} is damaged still");
    }
    assert_eq!(checksum::count_damaged(&store.conn, checksum::SIDE).unwrap(), 1);
}

#[test]
fn a_cleaning_that_fails_is_told() {
    let dir = tempfile::tempdir().unwrap();
    old_journal(dir.path());
    let mut store = open(dir.path());
    store.conn.execute_batch("ALTER TABLE reject RENAME TO elsewhere").unwrap();
    while store.clean_some().is_ok() {
        std::thread::yield_now();
    }
    let note = store.cleaning_note().unwrap();
    assert!(note.contains("failed: ") && note.contains("tries again in an hour"), "{note}");
}
