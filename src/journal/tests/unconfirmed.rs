//! Tests of rows that only a hook has delivered, and of their maximum number.

use super::*;

/// Returns deliveries of events that the log never shows.
fn forged(numbers: std::ops::Range<u64>) -> Batch {
    Batch { consents: numbers.map(hooked).collect(), ..Batch::default() }
}

fn ways(dir: &Path) -> (usize, usize) {
    let rows = Reader::open(dir).unwrap().newest(9999).unwrap().rows;
    let shown = rows.iter().filter(|row| row.via.has(Via::POLL)).count();
    (shown, rows.len() - shown)
}

fn unseen(dir: &Path) -> u64 {
    Reader::open(dir).unwrap().coverage(OrgId(0)).unwrap().hook.unseen
}

#[test]
fn rows_that_only_a_hook_brought_go_before_any_that_the_log_has_shown() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings { keep_rows: 50, ..Settings::default() });
    let batch = Batch { bookmark: Some(bookmark("n")), ..polled(0..40) };
    store.write([&batch].into_iter()).unwrap();
    store.write([&forged(1000..1300)].into_iter()).unwrap();
    let complete = Reader::open(dir.path()).unwrap().coverage(OrgId(0)).unwrap().complete_since;
    assert_eq!(unseen(dir.path()), 300);
    while store.prune_some(start()).unwrap() {}
    assert_eq!(ways(dir.path()), (40, 10), "the oldest rows are the log's, and all are there");
    assert_eq!(unseen(dir.path()), 10);
    let after = Reader::open(dir.path()).unwrap().coverage(OrgId(0)).unwrap().complete_since;
    assert_eq!(after, complete, "what is complete did not get less");
    // The log shows some of them after all.
    store.write([&polled(1295..1300)].into_iter()).unwrap();
    assert_eq!((unseen(dir.path()), ways(dir.path())), (5, (45, 5)));
    store.write([&polled(60..80)].into_iter()).unwrap();
    while store.prune_some(start()).unwrap() {}
    assert_eq!((unseen(dir.path()), ways(dir.path())), (0, (50, 0)));
}

#[test]
fn what_the_log_should_have_shown_makes_room_and_what_it_may_still_show_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { keep_unconfirmed: 100, ..Settings::default() };
    let mut store = store(dir.path(), settings);
    store.write([&forged(0..60)].into_iter()).unwrap();
    assert!(!store.is_crowded() && !store.is_full_of_unconfirmed(OrgId(0)));
    // The log is read to its end, long after.
    let at = start() + Duration::from_mins(20);
    let read = Batch {
        polled: Some(Polled { at, caught_up: true, interval: Duration::from_secs(10) }),
        bookmark: Some(Bookmark { since: start() - Duration::from_hours(1), ..bookmark("n") }),
        ..Batch::default()
    };
    store.write([&read].into_iter()).unwrap();
    while store.judge_some(OrgId(0)).unwrap() {}
    assert_eq!(Reader::open(dir.path()).unwrap().coverage(OrgId(0)).unwrap().hook.unconfirmed, 60);
    store.write([&forged(100_000..100_050)].into_iter()).unwrap();
    assert!(store.is_crowded() && store.is_full_of_unconfirmed(OrgId(0)));
    while store.prune_some(at).unwrap() {}
    assert_eq!(
        (unseen(dir.path()), store.is_full_of_unconfirmed(OrgId(0))),
        (90, false),
        "a tenth below the most"
    );
    let hook = Reader::open(dir.path()).unwrap().coverage(OrgId(0)).unwrap().hook;
    assert_eq!(hook.unconfirmed, 40, "only those that are doubted went");
    store.write([&forged(200_000..200_100)].into_iter()).unwrap();
    while store.prune_some(at).unwrap() {}
    assert_eq!(
        (unseen(dir.path()), store.is_full_of_unconfirmed(OrgId(0))),
        (150, true),
        "the rest may still be shown"
    );
}

#[test]
fn what_the_log_cannot_show_makes_room_too() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { keep_unconfirmed: 100, ..Settings::default() };
    let mut store = store(dir.path(), settings);
    store.write([&polled(5000..5010)].into_iter()).unwrap();
    store.write([&forged(0..100)].into_iter()).unwrap();
    // The log was read from a time after all of them.
    let at = start() + Duration::from_hours(2);
    let read = Batch {
        polled: Some(Polled { at, caught_up: true, interval: Duration::from_secs(10) }),
        bookmark: Some(Bookmark { since: start() + Duration::from_hours(1), ..bookmark("n") }),
        ..Batch::default()
    };
    store.write([&read].into_iter()).unwrap();
    while store.judge_some(OrgId(0)).unwrap() {}
    assert_eq!(Reader::open(dir.path()).unwrap().coverage(OrgId(0)).unwrap().hook.unconfirmed, 0);
    assert!(store.is_full_of_unconfirmed(OrgId(0)));
    while store.prune_some(at).unwrap() {}
    assert_eq!((ways(dir.path()), store.is_full_of_unconfirmed(OrgId(0))), ((10, 90), false));
}

#[tokio::test]
async fn a_journal_full_of_unconfirmed_rows_takes_the_logs_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { keep_unconfirmed: 5, ..Settings::default() };
    let Opened::Writer(journal) = open(dir.path(), settings, Clock::manual(start())).unwrap() else {
        panic!("somebody else writes")
    };
    journal.append(forged(0..4)).await.unwrap();
    assert!(!journal.is_full_of_unconfirmed());
    journal.append(forged(4..5)).await.unwrap();
    assert!(journal.is_full_of_unconfirmed());
    assert_eq!(journal.append(polled(0..20)).await.unwrap().new, 15);
    assert!(!journal.is_full_of_unconfirmed(), "the log has shown them");
    journal.close().await;
    assert_eq!(ways(dir.path()), (20, 0));
    let store = store(dir.path(), settings);
    assert_eq!(unseen(dir.path()), 0);
    drop(store);
}
