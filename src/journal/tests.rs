//! Tests of the whole journal on a real file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use super::sample::{self, START_MS};
use super::write::store::Store;
use super::*;
use crate::clock::Clock;
use crate::consent::{
    Bookmark, Consent, Delivery, Doubt, EventId, Evidence, OrgId, Reject, Rev, Seq, Untrusted, Via,
};
use crate::report::Gap;

mod copies;
mod history;
mod opening;
mod orgs;
mod unconfirmed;

fn start() -> Timestamp {
    Timestamp::from_millisecond(START_MS).unwrap()
}

fn writer(dir: &Path) -> OrgJournal {
    match open(dir, Settings::default(), Clock::manual(start())).unwrap() {
        Opened::Writer(journal) => journal,
        Opened::Follower { holder } => panic!("held by {holder}"),
    }
}

fn store(dir: &Path, settings: Settings) -> Store {
    Store::new(super::connection::connect_writer(dir).unwrap(), settings).unwrap()
}

fn polled(numbers: std::ops::Range<u64>) -> Batch {
    Batch { consents: numbers.map(|number| sample::consent(number, Via::POLL)).collect(), ..Batch::default() }
}

fn hooked(number: u64) -> Consent {
    let mut consent = sample::consent(number, Via::HOOK);
    consent.raw = Arc::from(consent.raw.replace(r#""detailEntry":null,"#, ""));
    consent.hook = Some(Delivery {
        event_id: Some(Untrusted::new(format!("delivery {number}"))),
        event_time: None,
        source: None,
        headers: vec![Untrusted::new("Content-Type: application/json")],
        received: Some(consent.received),
    });
    consent
}

/// Returns the event with a number as the log might show it, with one text replaced by another.
fn altered(number: u64, from: &str, to: &str) -> Consent {
    let mut consent = sample::consent(number, Via::POLL);
    assert!(consent.raw.contains(from), "{}", consent.raw);
    consent.raw = Arc::from(consent.raw.replace(from, to));
    consent
}

#[tokio::test]
async fn two_polled_events_of_one_uuid_that_say_different_things_are_two_rows_and_marked() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    journal.append(polled(0..3)).await.unwrap();
    let of = |consent: Consent| Batch { consents: vec![consent], ..Batch::default() };
    // White space, the order of keys and the form of a hook's copy do not make another event.
    for same in [altered(1, ",\"", " ,\n\""), sample::consent(1, Via::POLL)] {
        assert_eq!(journal.append(of(same)).await.unwrap().repeated, 1);
    }
    assert_eq!(journal.append(of(hooked(1))).await.unwrap().merged, 1);
    let other = altered(1, "SUCCESS", "FAILURE");
    assert_eq!(journal.append(of(other.clone())).await.unwrap().new, 1);
    for again in [other.clone(), sample::consent(1, Via::POLL), altered(1, "SUCCESS", "FAILURE")] {
        let commit = journal.append(of(again)).await.unwrap();
        assert_eq!((commit.new, commit.repeated), (0, 1));
    }
    let reader = Reader::open(dir.path()).unwrap();
    let stored = |seq| reader.record(Seq(seq)).unwrap().unwrap();
    let marks: Vec<_> = (1..=4).map(|seq| stored(seq).doubt).collect();
    assert_eq!(marks, [None, Some(Doubt::SharedId), None, Some(Doubt::SharedId)]);
    assert_eq!(stored(4).raw, other.raw);
    assert_eq!(reader.coverage(OrgId(0)).unwrap().shared, 2);
    // A third content makes a third row, and the mark survives a delivery.
    assert_eq!(journal.append(of(altered(1, "SUCCESS", "DENY"))).await.unwrap().new, 1);
    journal.append(of(altered(0, "SUCCESS", "FAILURE"))).await.unwrap();
    assert_eq!(journal.append(of(hooked(0))).await.unwrap().merged, 1);
    assert_eq!((reader.coverage(OrgId(0)).unwrap().shared, stored(1).doubt), (5, Some(Doubt::SharedId)));
    let mut reader = Reader::open(dir.path()).unwrap();
    let rows = reader.newest(9).unwrap().rows;
    assert_eq!(rows.iter().filter(|row| row.doubt == Some(Doubt::SharedId)).count(), 5);
    // An event with another time is stored with that time, and comes again without a new row.
    let mut later = altered(1, "SUCCESS", "SKIPPED");
    later.key.published_ms += 60_000;
    later.published = Some(start() + Duration::from_mins(1));
    let commit = journal.append(of(later.clone())).await.unwrap();
    assert_eq!(commit.new, 1);
    assert_eq!(reader.record(commit.head.last).unwrap().unwrap().key.published_ms, later.key.published_ms);
    assert_eq!(journal.append(of(later)).await.unwrap().repeated, 1);
    journal.close().await;
}

#[test]
fn a_damaged_row_that_has_the_next_number_costs_no_event() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings::default());
    store.write([&polled(0..3)].into_iter()).unwrap();
    store.conn.execute_batch("UPDATE event SET seq = 4 WHERE seq = 3").unwrap();
    assert_eq!(store.write([&polled(3..6)].into_iter()).unwrap()[0].new, 3);
    let stored = |number: u64| {
        let key = sample::consent(number, Via::POLL).key;
        Reader::open(dir.path()).unwrap().seq_of(OrgId(0), &key).unwrap()
    };
    assert_eq!((stored(3), stored(4), stored(5)), (Some(Seq(5)), Some(Seq(6)), Some(Seq(7))));
    assert_eq!(store.write([&polled(3..6)].into_iter()).unwrap()[0].repeated, 3);
    // A writer that starts with such a row, or repairs one, skips its number.
    store.conn.execute_batch("UPDATE event SET seq = 20 WHERE seq = 7").unwrap();
    store.close();
    let mut store = self::store(dir.path(), Settings::default());
    assert_eq!(store.head().last, Seq(20));
    store.conn.execute_batch("UPDATE event SET seq = 40 WHERE seq = 20").unwrap();
    let consent = sample::consent(5, Via::POLL);
    let repairs = vec![Repair { seq: Seq(40), consent, is_own: false }];
    store.write([&Batch { repairs, ..Batch::default() }].into_iter()).unwrap();
    assert_eq!(store.head().last, Seq(40));
}

/// Returns an event in which one value is hidden.
fn hiding(number: u64) -> Consent {
    let hidden = r#""debugData":{"client_secret":"‹hidden, 9 characters›","#;
    Consent { hidden: 1, ..altered(number, r#""debugData":{"#, hidden) }
}

#[test]
fn rows_far_apart_are_told_with_their_hidden_values() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings::default());
    let consents = (0..200).map(hiding).collect();
    store.write([&Batch { consents, ..Batch::default() }].into_iter()).unwrap();
    store.write([&Batch { consents: vec![hooked(0), hooked(199)], ..Batch::default() }].into_iter()).unwrap();
    let mut reader = Reader::open(dir.path()).unwrap();
    let hidden = |rows: &[crate::consent::Row]| rows.iter().map(|row| row.hidden).collect::<Vec<_>>();
    assert_eq!(hidden(&reader.changed(Rev(0), 9).unwrap().rows), [1, 1]);
    assert_eq!(hidden(&reader.newest(200).unwrap().rows), [1; 200]);
}

#[test]
fn what_says_how_much_is_hidden_or_unreadable_is_checked_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings::default());
    let reject = |number: i64| Reject::new(start() + Duration::from_secs(number as u64), "poll", "why", b"{");
    let batch = Batch { consents: vec![hiding(0)], rejects: vec![reject(1), reject(2)], ..Batch::default() };
    store.write([&batch].into_iter()).unwrap();
    let told = || Reader::open(dir.path()).unwrap().check(|_| {}).unwrap();
    assert!(told().is_none(), "{:?}", told());
    for (change, table) in [
        ("UPDATE hidden SET count = 0", "hidden"),
        ("UPDATE unreadable SET source = 'qoll'", "unreadable"),
        ("UPDATE unreadable SET count = 900", "unreadable"),
        ("UPDATE clean SET stop = 9", "cleaning"),
    ] {
        store.conn.execute_batch(&format!("SAVEPOINT before; {change}; RELEASE before")).unwrap();
        let mut reader = Reader::open(dir.path()).unwrap();
        assert!(told().others.iter().any(|words| words.contains(table)), "{change}: {:?}", told());
        assert_eq!(reader.coverage(OrgId(0)).unwrap().unreadable.count, 2, "{change}: both are kept");
        let row = reader.newest(9).unwrap().rows[0];
        let is_hidden_damaged = table == "hidden";
        assert_eq!(reader.damaged() == [Seq(1)], is_hidden_damaged, "{change}");
        assert_eq!((row.published_ms == 0, row.hidden == 1), (is_hidden_damaged, !is_hidden_damaged));
        if is_hidden_damaged {
            let repairs = vec![Repair { seq: Seq(1), consent: hiding(0), is_own: true }];
            store.write([&Batch { repairs, ..Batch::default() }].into_iter()).unwrap();
        }
        store.close();
        store = self::store(dir.path(), Settings::default());
    }
    // Later records are added to the number of kept ones.
    store.conn.execute_batch("UPDATE unreadable SET count = 900").unwrap();
    store.write([&Batch { rejects: vec![reject(3)], ..Batch::default() }].into_iter()).unwrap();
    assert_eq!(Reader::open(dir.path()).unwrap().coverage(OrgId(0)).unwrap().unreadable.count, 3);
}

#[test]
fn the_newest_consent_is_one_that_was_written_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings::default());
    store.write([&polled(0..3)].into_iter()).unwrap();
    store.conn.execute_batch("UPDATE event SET ts = ts + 900000000 WHERE seq = 1").unwrap();
    let newest = Reader::open(dir.path()).unwrap().newest_grant(OrgId(0)).unwrap();
    assert_eq!(newest, sample::consent(2, Via::POLL).published);
}

#[tokio::test]
async fn nothing_is_doubted_before_okta_said_what_time_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(start());
    let Opened::Writer(journal) = open(dir.path(), Settings::default(), clock.clone()).unwrap() else {
        panic!("held")
    };
    journal.append(Batch { consents: vec![hooked(1)], ..Batch::default() }).await.unwrap();
    let caught_up = |next: &str| {
        let at = sample::consent(1, Via::POLL).received + Duration::from_mins(20);
        let polled = Some(Polled { at, caught_up: true, interval: Duration::ZERO });
        let bookmark = Bookmark { since: start() - Duration::from_hours(1), ..bookmark(next) };
        Batch { polled, bookmark: Some(bookmark), ..Batch::default() }
    };
    let doubted = || Reader::open(dir.path()).unwrap().coverage(OrgId(0)).unwrap().hook.unconfirmed;
    for next in ["a", "b", "c"] {
        journal.append(caught_up(next)).await.unwrap();
    }
    assert_eq!(doubted(), 0);
    // The clock is a day off: rows that came before that was known are not judged by it at once.
    clock.hear(start() - Duration::from_hours(24));
    for next in ["d", "e", "f"] {
        journal.append(caught_up(next)).await.unwrap();
    }
    assert_eq!(doubted(), 0);
    clock.hear(clock.now());
    journal.append(caught_up("g")).await.unwrap();
    let mut head = journal.head();
    let judged = head.wait_for(|head| head.change >= Rev(1));
    tokio::time::timeout(Duration::from_secs(20), judged).await.unwrap().unwrap();
    assert_eq!(doubted(), 1);
    journal.close().await;
}

fn bookmark(next: &str) -> Bookmark {
    Bookmark {
        query: "grant".to_owned(),
        next: next.to_owned(),
        last_published: Some(start()),
        since: start(),
        caught_up: true,
    }
}

#[tokio::test]
async fn what_goes_in_comes_out_to_the_byte() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    let commit = journal.append(polled(0..30)).await.unwrap();
    assert_eq!(
        commit,
        Commit { head: Head { last: Seq(30), change: Rev(0) }, new: 30, merged: 0, repeated: 0 }
    );
    assert_eq!(*journal.head().borrow(), commit.head);
    let reader = Reader::open(dir.path()).unwrap();
    for number in 0..30 {
        let consent = sample::consent(number, Via::POLL);
        let stored = reader.record(Seq(number as i64 + 1)).unwrap().unwrap();
        assert_eq!(stored.raw, consent.raw);
        assert_eq!((stored.key, stored.received, stored.via), (consent.key, consent.received, consent.via));
        assert_eq!((stored.evidence, stored.hook), (consent.who.evidence, consent.hook));
    }
    assert_eq!(reader.records_after(Seq(10), 5).unwrap().len(), 5);
    assert_eq!(reader.record(Seq(31)).unwrap(), None);
    assert_eq!(reader.counts().unwrap(), Counts { rows: 30, rejects: 0 });
    journal.close().await;
}

#[tokio::test]
async fn rows_come_in_order_and_texts_once() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    journal.append(polled(0..100)).await.unwrap();
    let mut reader = Reader::open(dir.path()).unwrap();
    let seqs = |page: &crate::consent::RowPage| page.rows.iter().map(|row| row.seq.0).collect::<Vec<_>>();
    let newest = reader.newest(10).unwrap();
    assert_eq!(seqs(&newest), (91..=100).collect::<Vec<_>>());
    assert!(!newest.symbols.is_empty());
    assert!(reader.newest(10).unwrap().symbols.is_empty(), "the same texts were given twice");
    assert_eq!(seqs(&reader.before(Seq(91), 3).unwrap()), [88, 89, 90]);
    assert_eq!(seqs(&reader.after(Seq(97), 9).unwrap()), [98, 99, 100]);
    assert!(reader.changed(Rev(0), 9).unwrap().rows.is_empty());
    let all = Reader::open(dir.path()).unwrap().newest(1000).unwrap();
    let mut symbols = crate::consent::Symbols::default();
    for (sym, symbol) in &all.symbols {
        symbols.put(*sym, symbol);
    }
    for (number, row) in (0..).zip(&all.rows) {
        let syms = [row.who, row.actor, row.client, row.server, row.scopes, row.from];
        let texts = sample::consent(number, Via::POLL).symbols();
        for (sym, text) in syms.iter().zip(&texts) {
            assert_eq!(symbols.joined(*sym), text.as_str());
        }
    }
}

#[tokio::test]
async fn again_is_once_and_the_other_way_is_a_change() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    let hook = Batch { consents: vec![hooked(1)], ..Batch::default() };
    assert_eq!(journal.append(hook.clone()).await.unwrap().new, 1);
    assert_eq!(journal.append(hook.clone()).await.unwrap().repeated, 1);
    let commit = journal.append(polled(0..2)).await.unwrap();
    assert_eq!((commit.new, commit.merged, commit.head.change), (1, 1, Rev(1)));
    let again = journal.append(polled(0..2)).await.unwrap();
    assert_eq!((again.repeated, again.head), (2, commit.head));
    assert_eq!(journal.append(hook).await.unwrap().repeated, 1);
    let mut reader = Reader::open(dir.path()).unwrap();
    let changed = reader.changed(Rev(0), 9).unwrap();
    assert_eq!((changed.rows.len(), changed.rows[0].seq), (1, Seq(1)));
    assert!(reader.changed(Rev(1), 9).unwrap().rows.is_empty());
    let stored = reader.record(Seq(1)).unwrap().unwrap();
    assert_eq!(stored.via.word(), "poll+hook");
    assert_eq!(stored.raw, sample::consent(1, Via::POLL).raw, "the polled form is kept");
    assert_eq!(stored.hook, hooked(1).hook);
}

#[tokio::test]
async fn two_spellings_of_a_time_are_one_row() {
    let dir = tempfile::tempdir().unwrap();
    let mut timeless = hooked(7);
    timeless.key.published_ms = 0;
    timeless.published = None;
    for reopen in [false, true] {
        let dir = dir.path().join(reopen.to_string());
        let mut journal = writer(&dir);
        journal.append(Batch { consents: vec![timeless.clone()], ..Batch::default() }).await.unwrap();
        if reopen {
            journal.close().await;
            journal = writer(&dir);
        }
        assert_eq!(journal.append(polled(7..8)).await.unwrap().merged, 1);
        let again = Batch { consents: vec![timeless.clone()], ..Batch::default() };
        assert_eq!(journal.append(again).await.unwrap().repeated, 1);
        let rows = Reader::open(&dir).unwrap().newest(9).unwrap().rows;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].published_ms, sample::consent(7, Via::POLL).key.published_ms);
    }
}

#[tokio::test]
async fn parts_and_digests_are_rows_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    let (first, mut second, mut third) =
        (sample::consent(1, Via::POLL), sample::consent(1, Via::POLL), sample::consent(1, Via::POLL));
    second.key.part = 1;
    third.key.id = EventId::Digest([7; 32]);
    let batch = Batch { consents: vec![first, second, third.clone()], ..Batch::default() };
    assert_eq!(journal.append(batch.clone()).await.unwrap().new, 3);
    assert_eq!(journal.append(batch).await.unwrap().repeated, 3);
    let stored = Reader::open(dir.path()).unwrap().record(Seq(3)).unwrap().unwrap().key;
    assert_eq!((stored.published_ms, stored.part), (third.key.published_ms, third.key.part));
    assert!(matches!(stored.id, EventId::Digest(_)) && stored.id != third.key.id, "it is kept under a key");
}

#[tokio::test]
async fn what_was_found_out_by_the_logs_record_outlives_a_delivery() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    let nobody =
        crate::consent::Who { person: crate::consent::Person::default(), evidence: Evidence::Unknown };
    let person = hooked(1).who.person;
    let found =
        crate::consent::Attribution { seq: Seq(1), person: person.clone(), evidence: Evidence::Session };
    let silent = Consent { who: nobody.clone(), ..sample::consent(1, Via::POLL) };
    journal.append(Batch { consents: vec![silent], ..Batch::default() }).await.unwrap();
    journal.append(Batch { attributions: vec![found], ..Batch::default() }).await.unwrap();
    let silent = Consent { who: nobody, ..hooked(1) };
    let commit = journal.append(Batch { consents: vec![silent], ..Batch::default() }).await.unwrap();
    assert_eq!(commit.merged, 1);
    let mut reader = Reader::open(dir.path()).unwrap();
    let row = reader.newest(1).unwrap().rows[0];
    assert_eq!(row.evidence, Evidence::Session);
    assert_ne!(row.who.0, 0);
    let stored = reader.record(row.seq).unwrap().unwrap();
    assert_eq!((stored.evidence, stored.person, stored.doubt), (Evidence::Session, person, None));
}

#[tokio::test]
async fn rejects_gaps_and_the_bookmark_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    let reject = Reject::new(start(), "hook", "It is not JSON.", b"\xff{");
    let gap = Gap { from: start(), to: start(), why: "The cursor was no longer known.".to_owned() };
    let batch = Batch {
        rejects: vec![reject.clone()],
        bookmark: Some(bookmark("/api/v1/logs?after=1")),
        gap: Some(gap.clone()),
        ..Batch::default()
    };
    journal.append(batch.clone()).await.unwrap();
    let polled = Reject::new(start(), "poll", "It is not JSON.", b"7");
    journal.append(Batch { rejects: vec![polled.clone()], ..Batch::default() }).await.unwrap();
    journal.append(Batch { rejects: vec![reject.clone(); 1100], ..batch }).await.unwrap();
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.counts().unwrap().rejects, 1001);
    assert_eq!(reader.rejects(1).unwrap(), [reject]);
    assert_eq!(
        reader.rejects(1001).unwrap().last(),
        Some(&polled),
        "a flood of one source keeps the other's"
    );
    assert_eq!(reader.bookmark(OrgId(0)).unwrap(), Some(bookmark("/api/v1/logs?after=1")));
    let coverage = reader.coverage(OrgId(0)).unwrap();
    assert_eq!((coverage.complete_since, coverage.gaps), (Some(start()), vec![gap]));
}

#[tokio::test]
async fn an_event_far_behind_the_newest_is_late_once_caught_up() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    journal.append(polled(1000..1001)).await.unwrap();
    journal.append(polled(0..1)).await.unwrap();
    journal.append(Batch { bookmark: Some(bookmark("n")), ..Batch::default() }).await.unwrap();
    journal.append(polled(999..1000)).await.unwrap();
    journal.append(polled(1..2)).await.unwrap();
    let late: Vec<bool> =
        Reader::open(dir.path()).unwrap().newest(9).unwrap().rows.iter().map(|row| row.late).collect();
    assert_eq!(late, [false, false, false, true]);
}

#[tokio::test]
async fn the_last_good_poll_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.coverage(OrgId(0)).unwrap().last_good_poll, None);
    let head = journal
        .append(Batch {
            polled: Some(Polled { at: start(), caught_up: true, interval: Duration::from_secs(90) }),
            ..Batch::default()
        })
        .await
        .unwrap()
        .head;
    assert_eq!((reader.coverage(OrgId(0)).unwrap().last_good_poll, head), (Some(start()), Head::default()));
    let wanted = Polling {
        last_good: Some(start()),
        caught_up: Some(start()),
        interval: Some(Duration::from_secs(90)),
        ..Polling::default()
    };
    assert_eq!(reader.polling(OrgId(0)).unwrap(), wanted);
}

#[tokio::test]
async fn deliveries_that_wait_share_a_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let journal = writer(dir.path());
    let batches = (0..40).map(|number| {
        let journal = journal.clone();
        async move { journal.append(Batch { consents: vec![hooked(number)], ..Batch::default() }).await }
    });
    for commit in futures_util::future::join_all(batches).await {
        assert_eq!(commit.unwrap().new, 1);
    }
    journal.close().await;
    assert_eq!(Reader::open(dir.path()).unwrap().counts().unwrap().rows, 40);
}

#[test]
fn a_full_disk_costs_a_batch_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings::default());
    let first = Batch { bookmark: Some(bookmark("first")), ..polled(0..10) };
    store.write([&first].into_iter()).unwrap();
    let pages: i64 = store.conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.conn.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).unwrap();
    let large = Batch { bookmark: Some(bookmark("second")), ..polled(10..1000) };
    let error = store.write([&large].into_iter()).unwrap_err();
    assert!(matches!(&error, AppendError::Storage(error) if error.ailment == Ailment::Full), "{error:?}");
    assert_eq!(error.fault().brief, "disk full");
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.head().unwrap(), store.head());
    assert_eq!(reader.counts().unwrap().rows, 10);
    assert_eq!(
        reader.bookmark(OrgId(0)).unwrap().unwrap().next,
        "first",
        "the cursor went on without its events"
    );
    store.conn.pragma_update_and_check(None, "max_page_count", 1_000_000, |_| Ok(())).unwrap();
    let commit = store.write([&large].into_iter()).unwrap();
    assert_eq!((commit[0].new, commit[0].head.last), (990, Seq(1000)));
    assert_eq!(reader.record(Seq(1000)).unwrap().unwrap().raw, sample::consent(999, Via::POLL).raw);
    assert_eq!(reader.bookmark(OrgId(0)).unwrap().unwrap().next, "second");
}

#[test]
fn the_journals_own_dictionary_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings::default());
    for step in 0..5 {
        store.write([&polled(step * 500..(step + 1) * 500)].into_iter()).unwrap();
        store.train_when_due().unwrap();
    }
    let trained = |store: &Store| {
        store.conn.query_row("SELECT trained FROM meta", [], |row| row.get::<_, bool>(0)).unwrap()
    };
    while !trained(&store) {
        std::thread::yield_now();
        store.train_when_due().unwrap();
    }
    store.write([&polled(2500..2600)].into_iter()).unwrap();
    let dicts: Vec<i64> = store
        .conn
        .prepare("SELECT DISTINCT dict FROM raw ORDER BY dict")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    // Whether the new dictionary is used depends on whether it packs better than the shipped one, which knows these
    // events well.
    assert!(dicts == [1] || dicts == [1, 2], "{dicts:?}");
    let records = Reader::open(dir.path()).unwrap().records_after(Seq(0), 5000).unwrap();
    assert_eq!(records.len(), 2600);
    assert!(records.iter().zip(0..).all(|(record, number)| *record.raw == *sample::raw(number)));
}

#[test]
fn what_is_old_or_too_much_goes_and_its_number_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { keep_days: 400, keep_rows: 50, ..Settings::default() };
    let mut store = store(dir.path(), settings);
    let batch = Batch { bookmark: Some(bookmark("n")), ..polled(0..120) };
    let head = store.write([&batch].into_iter()).unwrap()[0].head;
    while store.prune_some(start()).unwrap() {}
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.oldest().unwrap(), Some(Seq(71)));
    assert!(reader.has_cut(Seq(120), 120).unwrap() && reader.has_cut(Seq(100), 100).unwrap());
    assert!(!reader.has_cut(Seq(120), 50).unwrap());
    assert_eq!(reader.present(Seq(60), Seq(73), 2).unwrap(), [Seq(71), Seq(72)]);
    assert_eq!(reader.present(Seq(60), Seq(71), 9).unwrap(), [Seq(71)]);
    assert_eq!(reader.counts().unwrap().rows, 50);
    assert!(store.head().change > head.change);
    let newest_gone = sample::consent(69, Via::POLL).key.published_ms;
    assert_eq!(reader.coverage(OrgId(0)).unwrap().complete_since.unwrap().as_millisecond(), newest_gone + 1);
    let much_later = start() + Duration::from_hours(500 * 24);
    while store.prune_some(much_later).unwrap() {}
    assert!(reader.newest(9).unwrap().rows.is_empty());
    assert_eq!(store.write([&polled(500..501)].into_iter()).unwrap()[0].head.last, Seq(121));
    for table in ["event", "raw", "delivery", "hook_copy"] {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let left: i64 = store.conn.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert!(left <= 1, "{left} in {table}");
    }
}

#[tokio::test]
async fn the_hour_brings_the_cut() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(start() + Duration::from_hours(500 * 24));
    let Opened::Writer(journal) = open(dir.path(), Settings::default(), clock.clone()).unwrap() else {
        panic!("held")
    };
    journal.append(polled(0..700)).await.unwrap();
    clock.hear(clock.now());
    let mut head = journal.head();
    head.mark_unchanged();
    clock.advance(Duration::from_hours(1));
    let gone = |head: &Head| head.change >= Rev(1);
    tokio::time::timeout(Duration::from_secs(20), head.wait_for(gone)).await.unwrap().unwrap();
    journal.close().await;
    assert_eq!(Reader::open(dir.path()).unwrap().counts().unwrap().rows, 630, "a tenth an hour");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_interleaving_gives_the_same_set(
        steps in proptest::collection::vec((0_u64..6, any::<bool>(), any::<bool>()), 1..40),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), Settings::default());
        let mut waiting: Vec<Batch> = Vec::new();
        let mut expected = std::collections::BTreeMap::new();
        for (number, by_hook, write_now) in steps {
            let consent = if by_hook { hooked(number) } else { sample::consent(number, Via::POLL) };
            let entry = expected.entry(consent.key).or_insert((Via::FILE, None));
            *entry = (entry.0.with(consent.via), consent.hook.clone().or(entry.1.take()));
            waiting.push(Batch { consents: vec![consent], ..Batch::default() });
            if write_now {
                store.write(waiting.iter()).unwrap();
                waiting.clear();
            }
        }
        store.write(waiting.iter()).unwrap();
        let stored = Reader::open(dir.path()).unwrap().records_after(Seq(0), 100).unwrap();
        prop_assert_eq!(stored.len(), expected.len());
        for record in stored {
            let (via, hook) = expected.remove(&record.key).unwrap();
            prop_assert_eq!((record.via, &record.hook), (via, &hook));
            // A polled form wins over a hook's, whichever came first.
            let number = (0..6).find(|number| sample::consent(*number, via).key == record.key).unwrap();
            let raw = if via.has(Via::POLL) { sample::consent(number, via).raw } else { hooked(number).raw };
            prop_assert_eq!(record.raw, raw);
        }
    }
}
