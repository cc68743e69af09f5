//! Tests that change bytes on the disk: every value that is read is what was written, or is reported as damaged.

use std::fs;
use std::path::Path;

use jiff::Timestamp;

use super::checksum::{TABLES, count_damaged};
use super::sample::{self, START_MS};
use super::write::store::Store;
use super::*;
use crate::consent::{
    Attribution, Bookmark, Consent, Delivery, Evidence, HistoryMark, Label, OrgId, Person, Reject, Row, Seq,
    SideEvent, Stored, Symbols, Thing, Untrusted, UserId, Via, Who,
};
use crate::report::Gap;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millisecond(START_MS + minutes * 60_000).unwrap()
}

fn store(dir: &Path) -> Store {
    Store::new(super::connection::connect_writer(dir).unwrap(), Settings::default()).unwrap()
}

fn write(store: &mut Store, batch: &Batch) {
    store.write([batch].into_iter()).unwrap();
}

fn hooked(number: u64) -> Consent {
    let mut consent = sample::consent(number, Via::HOOK);
    consent.hook = Some(Delivery {
        event_id: Some(Untrusted::new(format!("delivery {number}"))),
        event_time: None,
        source: None,
        headers: vec![Untrusted::new("Content-Type: application/json")],
        received: Some(consent.received),
    });
    consent
}

/// Uses every way in which something is written.
pub(super) fn fill(store: &mut Store, numbers: u64) {
    let mut nobody = sample::consent(numbers + 50, Via::POLL);
    nobody.who = Who { person: Person::default(), evidence: Evidence::Unknown };
    nobody.client.id = Some(crate::consent::ClientId::new("0oaDDDDDDDDDDDDDD1d7"));
    nobody.client.label = None;
    let mut consents: Vec<Consent> = (0..numbers).map(|number| sample::consent(number, Via::POLL)).collect();
    consents.extend((numbers / 2..numbers + 5).map(hooked));
    consents.push(nobody);
    // Stores a copy that contradicts its row, hidden values, and two events with one uuid.
    consents[1].raw =
        consents[1].raw.replace(r#""url":"#, r#""password":"‹hidden, 9 characters›","url":"#).into();
    let mut other = hooked(2);
    other.outcome.result = Some(Untrusted::new("FAILURE"));
    consents.push(other);
    let mut twin = sample::consent(3, Via::POLL);
    twin.raw = twin.raw.replace("2026", "2027").into();
    consents.push(twin);
    let label = Label {
        thing: Thing::Client,
        id: Untrusted::new("0oaDDDDDDDDDDDDDD1d7"),
        name: Some(Untrusted::new("Figma")),
        login: None,
        is_gone: false,
        asked: at(1),
    };
    let mut side = SideEvent::from(sample::consent(1, Via::POLL));
    side.event_type = Untrusted::new("event_hook.delivery");
    let bookmark = Bookmark {
        query: "grant,revoke".to_owned(),
        next: "/api/v1/logs?after=1_1".to_owned(),
        last_published: Some(at(2)),
        since: at(-60),
        caught_up: true,
    };
    write(
        store,
        &Batch {
            consents,
            sides: vec![side],
            rejects: vec![Reject::new(at(0), "hook", "It is not JSON.", b"\xff{")],
            gap: Some(Gap { from: at(-30), to: at(-20), why: "a test".to_owned() }),
            bookmark: Some(bookmark.clone()),
            labels: vec![label],
            listening: Some(Listening { since: at(-200), until: at(500), verified: Some(at(-300)) }),
            ..Batch::default()
        },
    );
    let person = Person { id: Some(UserId::new("00uAAAAAAAAAAAAAA1d7")), ..Person::default() };
    let attribution = Attribution { seq: Seq(numbers as i64 + 6), person, evidence: Evidence::Session };
    let mark = HistoryMark {
        query: "grant".to_owned(),
        goal: at(-600),
        top: at(-10),
        whole_from: at(-25),
        from: at(-90),
        next: Some("/api/v1/logs?after=1".to_owned()),
    };
    let (polled, bookmark) =
        (Some(Polled { at: at(600), caught_up: true, interval: std::time::Duration::ZERO }), Some(bookmark));
    write(store, &Batch { attributions: vec![attribution], polled, bookmark, ..Batch::default() });
    write(store, &Batch { history: Some(mark), ..Batch::default() });
    while store.judge_some(OrgId(0)).unwrap() {}
}

/// A row of the list, the marks of its grants, and its texts.
type Line = (Row, Vec<u32>, [String; 6]);

/// Everything that a journal returns: every row with its texts, and every whole record.
#[derive(PartialEq, Debug)]
pub(super) struct Told {
    rows: Vec<Line>,
    records: Vec<Stored>,
}

pub(super) fn told(reader: &mut Reader) -> Result<Told, ReadError> {
    let page = reader.newest(10_000)?;
    let mut symbols = Symbols::default();
    for (sym, symbol) in &page.symbols {
        symbols.put(*sym, symbol);
    }
    let texts = |row: &Row| {
        [row.who, row.actor, row.client, row.server, row.scopes, row.from]
            .map(|sym| symbols.joined(sym).to_owned())
    };
    let rows = page
        .rows
        .iter()
        .enumerate()
        .map(|(at, row)| (*row, page.grants.of(at).to_vec(), texts(row)))
        .collect();
    let (mut records, mut seen) = (Vec::new(), Seq(0));
    loop {
        let some = reader.records_after(seen, 17)?;
        let Some(last) = some.last() else { break };
        seen = last.seq;
        records.extend(some);
    }
    Ok(Told { rows, records })
}

#[test]
fn every_way_of_writing_leaves_good_checksums() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path());
    fill(&mut store, 700);
    // Pruning and sweeping write as well.
    let consents = (3000..3200).map(|number| sample::consent(number, Via::POLL)).collect();
    write(&mut store, &Batch { consents, ..Batch::default() });
    store.settings.keep_rows = 300;
    while store.prune_unbounded_some(at(700)).unwrap() {}
    for table in TABLES {
        assert_eq!(count_damaged(&store.conn, table).unwrap(), 0, "{}", table.name);
    }
    store.close();
    let mut reader = Reader::open(dir.path()).unwrap();
    let found = reader.check(|_| {}).unwrap();
    assert!(found.is_none(), "{found:?}");
    assert_eq!(told(&mut reader).unwrap().records.len(), 300);
}

#[test]
fn a_flipped_byte_is_told_and_never_shown_as_true() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("sound");
    fs::create_dir(&dir).unwrap();
    let mut store = store(&dir);
    fill(&mut store, 60);
    store.close();
    let sound = fs::read(dir.join("journal.sqlite3")).unwrap();
    let reference = told(&mut Reader::open(&dir).unwrap()).unwrap();
    let (mut untouched, mut found) = (0, 0);
    let mut random: u64 = 7;
    let copy = folder.path().join("flipped");
    fs::create_dir(&copy).unwrap();
    for _ in 0..200 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = (random >> 20) as usize % sound.len();
        let mask = ((random >> 8) as u8).max(1);
        let mut bytes = sound.clone();
        bytes[place] ^= mask;
        fs::write(copy.join("journal.sqlite3"), &bytes).unwrap();
        for beside in ["journal.sqlite3-wal", "journal.sqlite3-shm"] {
            fs::remove_file(copy.join(beside)).ok();
        }
        let Ok(mut reader) = Reader::open(&copy) else {
            found += 1;
            continue;
        };
        let Ok(said) = told(&mut reader) else {
            found += 1;
            continue;
        };
        let damaged = reader.damaged();
        let what = format!("byte {place} by {mask:#x}: damaged {damaged:?}");
        // A row that is returned and not reported as damaged is what was written.
        for row in said.rows.iter().filter(|(row, ..)| !damaged.contains(&row.seq)) {
            let texts_known = row.2.iter().all(|text| text != "(damaged)");
            assert!(reference.rows.contains(row) || !texts_known, "{what}: {row:?}");
        }
        for record in &said.records {
            // A name is left out if the text that it belongs to is damaged.
            let is_same = |sound: &Stored| {
                let labels = if record.labels.is_empty() { Vec::new() } else { sound.labels.clone() };
                *record == Stored { labels, ..sound.clone() }
            };
            assert!(reference.records.iter().any(is_same), "{what}: {record:?}");
        }
        let is_whole = said == reference;
        untouched += u64::from(is_whole);
        if !is_whole {
            // A row that is not returned is reported by the whole check.
            let told = reader.check(|_| {});
            assert!(told.is_err() || told.is_ok_and(|damage| !damage.is_none()), "{what}: nobody tells");
            found += 1;
        }
    }
    assert!(untouched > 20 && found > 20, "{untouched} untouched, {found} found");
}

#[test]
fn rows_of_an_earlier_format_get_their_checksums() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = self::store(dir.path());
    fill(&mut store, 900);
    store
        .conn
        .execute_batch("UPDATE event SET sum = NULL; UPDATE sym SET sum = NULL; UPDATE meta SET sealed = 0;")
        .unwrap();
    super::checksum::seal_row(&store.conn, super::checksum::META, &[&1]).unwrap();
    let before = told(&mut Reader::open(dir.path()).unwrap()).unwrap();
    assert_eq!(before.records.len(), 907, "they are read as they are");
    store.close();
    let mut store = self::store(dir.path());
    assert!(store.is_unsealed() && store.seal_some().unwrap());
    while store.seal_some().unwrap() {}
    store.close();
    let store = self::store(dir.path());
    assert!(!store.is_unsealed());
    let sum: Option<i64> =
        store.conn.query_row("SELECT MIN(sum IS NULL) FROM event", [], |row| row.get(0)).unwrap();
    assert_eq!(sum, Some(0));
    // From now on a row without a checksum is damaged.
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(told(&mut reader).unwrap(), before);
    store.conn.execute_batch("UPDATE event SET sum = NULL WHERE seq = 5").unwrap();
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(told(&mut reader).unwrap().records.len(), 906);
    assert_eq!(reader.damaged(), [Seq(5)]);
    assert!(reader.record(Seq(5)).is_err());
}

#[test]
fn a_damaged_row_of_an_earlier_format_holds_up_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = self::store(dir.path());
    fill(&mut store, 60);
    store
        .conn
        .execute_batch(
            "UPDATE event SET sum = NULL; UPDATE sym SET sum = NULL; UPDATE meta SET sealed = 0;
             UPDATE event SET outcome = 'x' WHERE seq = 5; UPDATE raw SET dict = 'x' WHERE seq = 6;
             UPDATE sym SET text = x'ff' WHERE id = (SELECT client FROM event WHERE seq = 7);",
        )
        .unwrap();
    super::checksum::seal_row(&store.conn, super::checksum::META, &[&1]).unwrap();
    store.close();
    let mut store = self::store(dir.path());
    while store.seal_some().unwrap() {}
    assert!(!store.is_unsealed());
    let mut reader = Reader::open(dir.path()).unwrap();
    let found = reader.check(|_| {}).unwrap();
    assert_eq!(found.rows, [Seq(5), Seq(6)]);
    assert!(found.others.iter().any(|words| words == "1 text"), "{found:?}");
}

#[test]
fn damaged_counters_are_counted_anew_and_no_number_comes_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = self::store(dir.path());
    fill(&mut store, 50);
    store
        .conn
        .execute_batch("UPDATE meta SET next_seq = 3, rows = 9; UPDATE org SET late = late + 1")
        .unwrap();
    assert!(Reader::open(dir.path()).unwrap().head().is_err(), "a reader says so");
    store.close();
    let mut store = self::store(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.counts().unwrap().rows, 57);
    assert_eq!(reader.coverage(OrgId(0)).unwrap().complete_since, None, "that cannot be counted");
    assert_eq!(reader.polling(OrgId(0)).unwrap(), Polling::default());
    write(&mut store, &Batch { consents: vec![sample::consent(7000, Via::POLL)], ..Batch::default() });
    assert!(store.head().last > Seq(57));
    assert_eq!(Reader::open(dir.path()).unwrap().counts().unwrap().rows, 58);
}

#[test]
fn a_damaged_place_in_the_log_is_no_place_and_the_newest_row_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = self::store(dir.path());
    fill(&mut store, 50);
    let reader = Reader::open(dir.path()).unwrap();
    let before = reader.bookmark(OrgId(0)).unwrap().unwrap();
    write(&mut store, &Batch { consents: vec![hooked(9000)], ..Batch::default() });
    store.conn.execute_batch("UPDATE bookmark SET next = '/api/v1/logs?after=9_1'").unwrap();
    let after = reader.bookmark(OrgId(0)).unwrap().unwrap();
    assert_ne!(before.next, after.next);
    assert_eq!(after.next, "", "what cannot be trusted is not followed");
    assert_eq!(
        after.last_published.unwrap().as_millisecond(),
        sample::consent(100, Via::POLL).key.published_ms,
        "a hook says nothing of how far the log was read"
    );
    // Without the bookmark, nothing is judged by the query of the log.
    assert!(super::tables::bookmark::load(&store.conn, OrgId(0)).unwrap().is_none());
}

#[test]
fn a_damaged_dictionary_costs_no_event() {
    let dir = tempfile::tempdir().unwrap();
    let store = self::store(dir.path());
    // Stores a dictionary of the journal's own, as training would.
    store.conn.execute("INSERT INTO dict (own, body) VALUES (1, ?1)", [super::pack::SHIPPED]).unwrap();
    super::checksum::seal_row(&store.conn, super::checksum::DICT, &[&2]).unwrap();
    store.close();
    let mut store = self::store(dir.path());
    fill(&mut store, 50);
    let dicts: i64 = store.conn.query_row("SELECT MIN(dict) FROM raw", [], |row| row.get(0)).unwrap();
    assert_eq!(dicts, 2);
    let before = told(&mut Reader::open(dir.path()).unwrap()).unwrap();
    store.conn.execute_batch("UPDATE dict SET body = zeroblob(length(body)) WHERE id > 0").unwrap();
    assert_eq!(told(&mut Reader::open(dir.path()).unwrap()).unwrap(), before);
    store.close();
    let store = self::store(dir.path());
    assert_eq!(
        count_damaged(&store.conn, super::checksum::DICT).unwrap(),
        0,
        "the copies are put in their place"
    );
}

#[test]
fn a_change_of_a_damaged_row_does_not_make_it_sound() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = self::store(dir.path());
    let mut nobody = sample::consent(3, Via::POLL);
    nobody.who = Who { person: Person::default(), evidence: Evidence::Unknown };
    let polled = sample::consent(5, Via::POLL);
    let consents = vec![sample::consent(1, Via::POLL), hooked(2), nobody, hooked(4), polled.clone()];
    write(&mut store, &Batch { consents, ..Batch::default() });
    // Only the checksum of the whole record has this in it.
    store.conn.execute_batch("UPDATE event SET received = received + 1000").unwrap();
    let mut other = polled;
    other.raw = other.raw.replace("2026", "2027").into();
    assert_ne!(other.raw, sample::consent(5, Via::POLL).raw);
    let person = Person { id: Some(UserId::new("00uAAAAAAAAAAAAAA1d7")), ..Person::default() };
    let attribution = Attribution { seq: Seq(3), person, evidence: Evidence::Session };
    let bookmark = Bookmark {
        query: "grant,revoke".to_owned(),
        next: "/api/v1/logs?after=1_1".to_owned(),
        last_published: Some(at(2)),
        since: at(-60),
        caught_up: true,
    };
    let polled = Polled { at: at(600), caught_up: true, interval: std::time::Duration::ZERO };
    write(
        &mut store,
        &Batch {
            consents: vec![hooked(1), sample::consent(2, Via::POLL), other],
            attributions: vec![attribution],
            polled: Some(polled),
            bookmark: Some(bookmark),
            ..Batch::default()
        },
    );
    while store.judge_some(OrgId(0)).unwrap() {}
    let mut statement = store.conn.prepare("SELECT via, evidence, doubt FROM event ORDER BY seq").unwrap();
    let rows: Vec<(u8, u8, u8)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let both = Via::POLL.with(Via::HOOK).code();
    assert_eq!((rows[0].0, rows[1].0), (both, both), "they came the other way too");
    assert_eq!(rows[2].1, Evidence::Session.code(), "its person was found out");
    assert_eq!(rows[3].2, 1, "the log did not show it");
    assert_eq!((rows[4].2, rows[5].2), (3, 3), "another one of its uuid came");
    let reader = Reader::open(dir.path()).unwrap();
    let sound: Vec<i64> = (1..=6).filter(|seq| reader.record(Seq(*seq)).is_ok()).collect();
    assert_eq!(sound, [6], "only the new row is what was written");
}
