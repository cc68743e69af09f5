//! Tests of several orgs in one journal: what one org has or does changes nothing of another.

use super::opening::forget_orgs;
use super::*;
use crate::consent::{ClientId, KnownOrg, Label, Marked, OrgId, OrgName, Orgs, RowPage, SideEvent, Thing};
use crate::journal::checksum::{self, TABLES, count_damaged};
use crate::journal::flip_tests::{fill, told};
use crate::journal::meta::OrgMeta;

const FIRST: OrgId = OrgId(0);
const SECOND: OrgId = OrgId(1);
const CLIENT: &str = "0oaDDDDDDDDDDDDDD1d7";

fn org(host: &str) -> KnownOrg {
    KnownOrg { key: host.into(), host: host.into(), name: None }
}

/// Returns a store of a journal that knows two orgs.
fn two_orgs(dir: &Path, settings: Settings) -> Store {
    let mut store = store(dir, settings);
    let ids = store.settle_any(&[org("first.okta.com"), org("second.okta.com")]).unwrap();
    assert_eq!(ids, Ok(vec![FIRST, SECOND]));
    store
}

/// Writes a batch of each org.
fn put(store: &mut Store, batches: [&Batch; 2]) -> [Commit; 2] {
    let commits = store.append([FIRST, SECOND].into_iter().zip(batches)).unwrap();
    [commits[0], commits[1]]
}

fn put_one(store: &mut Store, org: OrgId, batch: &Batch) -> Commit {
    store.append(std::iter::once((org, batch))).unwrap()[0]
}

fn counters(store: &Store, org: OrgId) -> OrgMeta {
    OrgMeta::load(&store.conn, org).unwrap()
}

fn orgs(page: &RowPage) -> Vec<u8> {
    page.rows.iter().map(|row| row.org.0).collect()
}

#[test]
fn an_event_of_the_same_uuid_in_two_orgs_is_two_events() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings::default());
    let counts = |commit: &Commit| (commit.new, commit.merged, commit.repeated);
    assert_eq!(put(&mut store, [&polled(0..3), &polled(0..3)]).map(|commit| counts(&commit)), [(3, 0, 0); 2]);
    // A delivery is the second copy of its own org's event, and another event in another org.
    let hook = Batch { consents: vec![hooked(1), hooked(7)], ..Batch::default() };
    assert_eq!(counts(&put_one(&mut store, SECOND, &hook)), (1, 1, 0));
    assert_eq!(counts(&put_one(&mut store, FIRST, &polled(7..8))), (1, 0, 0));
    // What one org's log says of an event contradicts nothing that another's says.
    let other = Batch { consents: vec![altered(5, "SUCCESS", "FAILURE")], ..Batch::default() };
    put(&mut store, [&polled(5..6), &other]);
    // An event without a uuid has one digest in both.
    let mut nameless = sample::consent(9, Via::POLL);
    nameless.key.id = EventId::Digest([7; 32]);
    let nameless = Batch { consents: vec![nameless], ..Batch::default() };
    assert_eq!(put(&mut store, [&nameless, &nameless]).map(|commit| counts(&commit)), [(1, 0, 0); 2]);
    store.close();
    let mut store = self::store(dir.path(), Settings::default());
    let again = put(&mut store, [&polled(0..3), &polled(0..3)]);
    assert_eq!(again.map(|commit| counts(&commit)), [(0, 0, 3); 2], "known from the disk");
    let mut reader = Reader::open(dir.path()).unwrap();
    let page = reader.newest(99).unwrap();
    assert_eq!(orgs(&page), [0, 0, 0, 1, 1, 1, 1, 0, 0, 1, 0, 1]);
    assert!(page.rows.iter().all(|row| row.doubt.is_none()));
    assert_eq!([FIRST, SECOND].map(|org| reader.coverage(org).unwrap().shared), [0, 0]);
    let seqs = |number: u64| {
        let key = sample::consent(number, Via::POLL).key;
        [FIRST, SECOND].map(|org| reader.seq_of(org, &key).unwrap().map(|seq| seq.0))
    };
    assert_eq!((seqs(1), seqs(7)), ([Some(2), Some(5)], [Some(8), Some(7)]));
    let key = sample::consent(1, Via::POLL).key;
    assert_eq!(reader.key_of(Seq(5)).unwrap(), Some((SECOND, key)));
    assert_eq!((counters(&store, FIRST).rows, counters(&store, SECOND).rows), (6, 6));
    let check = reader.check(|_| {}).unwrap();
    assert!(check.is_none(), "{check:?}");
}

/// A consent whose event names its client by nothing but the id.
fn unnamed(number: u64) -> Batch {
    let mut consent = sample::consent(number, Via::POLL);
    consent.client.id = Some(ClientId::new(CLIENT));
    consent.client.label = None;
    Batch { consents: vec![consent], ..Batch::default() }
}

fn label(name: &str) -> Batch {
    let label = Label {
        thing: Thing::Client,
        id: Untrusted::new(CLIENT),
        name: Some(Untrusted::new(name)),
        login: None,
        is_gone: false,
        asked: start(),
    };
    Batch { labels: vec![label], ..Batch::default() }
}

#[test]
fn an_id_has_a_name_of_its_own_in_each_org() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings::default());
    put(&mut store, [&unnamed(1), &unnamed(1)]);
    let mut early = Reader::open(dir.path()).unwrap();
    let rows = early.newest(9).unwrap().rows;
    let (first, second) = (rows[0], rows[1]);
    assert_ne!(first.who, second.who, "a person is a person of one org");
    assert_ne!((first.client, first.server), (second.client, second.server));
    assert_eq!(
        (first.scopes, first.from),
        (second.scopes, second.from),
        "all share what means the same everywhere"
    );
    let name = |page: &[(crate::consent::Sym, crate::consent::Symbol)], sym| {
        let found = page.iter().find(|(known, _)| *known == sym);
        found.map(|(_, symbol)| {
            symbol.as_str().trim_start_matches(CLIENT).trim_start_matches('\x1f').to_owned()
        })
    };
    let before = store.head().change;
    put_one(&mut store, SECOND, &label("Miro"));
    let renamed = early.renamed(before, store.head().change).unwrap();
    assert_eq!(
        (name(&renamed, first.client), name(&renamed, second.client)),
        (None, Some("Miro".to_owned()))
    );
    let page = Reader::open(dir.path()).unwrap().newest(9).unwrap();
    assert_eq!(name(&page.symbols, first.client), Some(String::new()), "nobody has asked the first org");
    put_one(&mut store, FIRST, &label("Figma"));
    let page = Reader::open(dir.path()).unwrap().newest(9).unwrap();
    let names = [first.client, second.client].map(|sym| name(&page.symbols, sym).unwrap());
    assert_eq!(names, ["Figma", "Miro"]);
    let records = Reader::open(dir.path()).unwrap().records_after(Seq(0), 9).unwrap();
    let labels = |seq: usize| records[seq].labels[0].name.as_ref().unwrap().exact().to_owned();
    assert_eq!((labels(0), labels(1)), ("Figma".to_owned(), "Miro".to_owned()));
    // A name goes with the last row of its org that needs it, whatever another org has.
    store.conn.execute_batch("DELETE FROM event WHERE org = 1").unwrap();
    put_one(&mut store, FIRST, &polled(50..51));
    store.sweep_due = true;
    while store.sweep_some().unwrap() {}
    let left: Vec<u8> = store
        .conn
        .prepare("SELECT org FROM label")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(left, [0]);
}

#[test]
fn a_session_is_one_of_its_org() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings::default());
    let with_side = |text: &str| {
        let consent = sample::consent(1, Via::POLL);
        let mut side = SideEvent::from(sample::consent(1, Via::POLL));
        side.raw = text.into();
        Batch { consents: vec![consent], sides: vec![side], ..Batch::default() }
    };
    put(&mut store, [&with_side("{\"of\":1}"), &with_side("{\"of\":2}")]);
    let reader = Reader::open(dir.path()).unwrap();
    let session = sample::consent(1, Via::POLL).session_id;
    let session = session.as_ref().map(Untrusted::exact);
    for (seq, text) in [(1, "{\"of\":1}"), (2, "{\"of\":2}")] {
        let beside = reader.beside(Seq(seq), session, None, 9).unwrap();
        assert_eq!(beside.consents, [Seq(seq)]);
        let sides: Vec<&str> = beside.sides.iter().map(|side| &*side.raw).collect();
        assert_eq!(sides, [text]);
    }
}

#[test]
fn a_flood_of_one_org_removes_no_row_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings { keep_rows: 1000, ..Settings::default() });
    let complete = Batch { bookmark: Some(bookmark("n")), ..polled(0..300) };
    put_one(&mut store, FIRST, &complete);
    let flood = Batch { bookmark: Some(bookmark("n")), ..polled(1000..4000) };
    put_one(&mut store, SECOND, &flood);
    let before = counters(&store, FIRST);
    while store.prune_some(start()).unwrap() {}
    assert_eq!(counters(&store, FIRST), before, "its oldest rows are the oldest of all, and stay");
    let second = counters(&store, SECOND);
    assert_eq!(second.rows, 700, "an org may use what others leave of their share");
    assert_ne!(second.complete_since, before.complete_since);
    // With more than its share, an org loses its own oldest rows.
    put_one(&mut store, FIRST, &polled(5000..5900));
    while store.prune_some(start()).unwrap() {}
    assert_eq!((counters(&store, FIRST).rows, counters(&store, SECOND).rows), (500, 500));
    assert_eq!(Reader::open(dir.path()).unwrap().counts().unwrap().rows, 1000);
}

#[test]
fn rows_that_could_not_be_removed_are_still_the_first_to_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings { keep_rows: 100, ..Settings::default() });
    put_one(&mut store, FIRST, &polled(0..1700));
    let fail = "CREATE TEMP TRIGGER full BEFORE DELETE ON main.event BEGIN SELECT RAISE(ABORT, 'full'); END";
    store.conn.execute_batch(fail).unwrap();
    store.prune_some(start()).unwrap_err();
    store.conn.execute_batch("DROP TRIGGER full").unwrap();
    while store.prune_some(start()).unwrap() {}
    let left = Reader::open(dir.path()).unwrap().newest(9999).unwrap().rows;
    assert_eq!(left.iter().map(|row| row.seq.0).collect::<Vec<_>>(), (1601..=1700).collect::<Vec<_>>());
}

#[test]
fn a_mark_spares_the_event_of_its_org() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings { keep_days: 1, ..Settings::default() });
    put(&mut store, [&polled(0..5), &polled(0..5)]);
    let mut notes = Notes::open(dir.path()).unwrap();
    for (number, host) in [(1, "second.okta.com"), (3, "unknown.okta.com")] {
        let key = sample::consent(number, Via::POLL).key;
        notes.put(&Marked { org: host.into(), key, at: start(), note: "".into() }).unwrap();
    }
    while store.prune_some(start() + Duration::from_hours(48)).unwrap() {}
    let left: Vec<i64> =
        Reader::open(dir.path()).unwrap().newest(99).unwrap().rows.iter().map(|row| row.seq.0).collect();
    assert_eq!(left, [4, 7, 9], "nobody knows whose the fourth event is");
}

fn opened(dir: &Path, hosts: &[&str]) -> Result<Journal, OpenError> {
    let Claimed::Ours(claim) = claim(dir).unwrap() else { panic!("held") };
    let clock = Clock::manual(start());
    let entries = hosts.iter().map(|host| OrgEntry { org: org(host), clock: clock.clone() }).collect();
    claim.open(Settings::default(), clock, &tokio::sync::watch::channel(Head::default()).0, entries, &[])
}

#[tokio::test]
async fn a_journal_of_other_orgs_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    opened(dir.path(), &["first.okta.com", "second.okta.com"]).unwrap().close().await;
    let before = std::fs::read(dir.path().join("journal.sqlite3")).unwrap();
    let error = opened(dir.path(), &["third.okta.com", "fourth.okta.com"]).unwrap_err();
    assert!(matches!(&error, OpenError::OtherOrg { host, .. } if host == "first.okta.com"), "{error:?}");
    let fault = error.fault();
    assert_eq!(fault.brief, "another org's journal");
    assert_eq!(fault.doing, "Nothing was started, and nothing was changed.");
    assert!(
        fault.what.ends_with(" is that of first.okta.com, and third.okta.com is another org."),
        "{fault}"
    );
    assert!(fault.remedy.contains("rename the folder to third.okta.com "), "{fault}");
    assert_eq!(std::fs::read(dir.path().join("journal.sqlite3")).unwrap(), before);
    // One that it knows is enough, be it written for or only configured.
    for hosts in [&["second.okta.com"][..], &["third.okta.com", "first.okta.com"]] {
        opened(dir.path(), hosts).unwrap().close().await;
    }
    let Claimed::Ours(claim) = claim(dir.path()).unwrap() else { panic!("held") };
    let clock = Clock::manual(start());
    let entries = vec![OrgEntry { org: org("fourth.okta.com"), clock: clock.clone() }];
    let (head, _) = tokio::sync::watch::channel(Head::default());
    let others = [org("second.okta.com")];
    let journal = claim.open(Settings::default(), clock, &head, entries, &others).unwrap();
    assert_eq!(journal.orgs().next().unwrap().org(), OrgId(3));
    // Closing waits until nobody can announce a row any more.
    drop(head);
    journal.close().await;
}

#[tokio::test]
async fn one_org_more_than_there_are_numbers_is_refused_and_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let hosts: Vec<String> = (0..255).map(|number| format!("{number}.okta.com")).collect();
    let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
    opened(dir.path(), &hosts).unwrap().close().await;
    let before = std::fs::read(dir.path().join("journal.sqlite3")).unwrap();
    let error = opened(dir.path(), &["0.okta.com", "more.okta.com"]).unwrap_err();
    assert!(matches!(error, OpenError::TooManyOrgs { .. }), "{error:?}");
    let fault = error.fault();
    assert_eq!(fault.brief, "too many orgs");
    assert!(fault.what.ends_with("has held the events of 255 orgs, which is the maximum."), "{fault}");
    assert!(fault.remedy.contains("--data-dir"), "{fault}");
    assert_eq!(std::fs::read(dir.path().join("journal.sqlite3")).unwrap(), before);
    opened(dir.path(), &["0.okta.com", "254.okta.com"]).unwrap().close().await;
}

#[tokio::test]
async fn another_orgs_journal_of_an_older_format_is_not_migrated() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("first.okta.com");
    std::fs::create_dir(&dir).unwrap();
    let mut store = store(&dir, Settings::default());
    fill(&mut store, 5);
    store.close();
    forget_orgs(&rusqlite::Connection::open(dir.join("journal.sqlite3")).unwrap());
    let before = std::fs::read(dir.join("journal.sqlite3")).unwrap();
    let error = opened(&dir, &["second.okta.com"]).unwrap_err();
    assert!(matches!(&error, OpenError::OtherOrg { host, .. } if host == "first.okta.com"), "{error:?}");
    assert_eq!(std::fs::read(dir.join("journal.sqlite3")).unwrap(), before);
    opened(&dir, &["first.okta.com"]).unwrap().close().await;
}

#[tokio::test]
async fn a_new_journal_gives_each_org_a_number_of_its_own_whichever_its_folder_is_named_after() {
    let parent = tempfile::tempdir().unwrap();
    let [first, second] = ["first.okta.com", "second.okta.com"];
    let numbers = async |folder: &str, written: &[&str], others: &[&str]| {
        let dir = parent.path().join(folder);
        let Claimed::Ours(claim) = claim(&dir).unwrap() else { panic!("held") };
        let clock = Clock::manual(start());
        let entries = written.iter().map(|host| OrgEntry { org: org(host), clock: clock.clone() }).collect();
        let others: Vec<KnownOrg> = others.iter().map(|host| org(host)).collect();
        let head = tokio::sync::watch::channel(Head::default()).0;
        let journal = claim.open(Settings::default(), clock, &head, entries, &others).unwrap();
        let ids: Vec<u8> = journal.orgs().map(|org| org.org().0).collect();
        drop(head);
        journal.close().await;
        let known = Reader::open(&dir).unwrap().orgs().unwrap();
        (ids, known.all().iter().map(|org| org.host.to_string()).collect::<Vec<_>>())
    };
    let both = [first, second].map(str::to_owned).to_vec();
    // The folder is that of the first org, which stands behind the other, or is not written for now.
    assert_eq!(numbers(first, &[second, first], &[]).await, (vec![1, 0], both.clone()));
    assert_eq!(numbers("team", &[second, first], &[]).await.0, [0, 1]);
    let alone = parent.path().join(first);
    std::fs::remove_dir_all(&alone).unwrap();
    assert_eq!(numbers(first, &[second], &[first]).await, (vec![1], both));
    // So the folder's name never makes one org of the other.
    assert_eq!(numbers(first, &[first], &[]).await.0, [0]);
}

#[test]
fn an_org_with_a_damaged_host_is_not_taken_for_another() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings::default());
    let configured = [org("third.okta.com"), org("first.okta.com")];
    let [third, first] = &configured;
    // It is behind the other, or it is only configured.
    for (written, ids) in [(&configured[..], vec![OrgId(2), FIRST]), (&configured[..1], vec![OrgId(2)])] {
        store.conn.execute("UPDATE org SET host = 'firsu.okta.com' WHERE id = 0", []).unwrap();
        store.close();
        store = self::store(dir.path(), Settings::default());
        assert_eq!(store.settle("team", written, &configured).unwrap(), Ok(ids));
        let known = Reader::open(dir.path()).unwrap().orgs().unwrap();
        assert_eq!([known.get(FIRST), known.get(OrgId(2))], [Some(first), Some(third)]);
    }
}

#[tokio::test]
async fn an_org_with_another_host_keeps_the_journal_whose_folder_was_renamed() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = ["before.okta.com", "after.okta.com"].map(|name| folder.path().join(name));
    let journal = opened(&before, &["before.okta.com"]).unwrap();
    journal.orgs().next().unwrap().append(polled(0..5)).await.unwrap();
    journal.close().await;
    let mark = |host: &str| Marked {
        org: host.into(),
        key: sample::consent(1, Via::POLL).key,
        at: start(),
        note: "".into(),
    };
    let mut notes = Notes::open(&before).unwrap();
    notes.put(&mark("before.okta.com")).unwrap();
    let place = |host: &str| format!("{}/{host}", mark("").key.to_word());
    notes.keep_place(&[("row", place("before.okta.com"))]).unwrap();
    drop(notes);
    assert!(matches!(opened(&before, &["after.okta.com"]), Err(OpenError::OtherOrg { .. })));
    std::fs::rename(&before, &after).unwrap();
    assert!(matches!(opened(&after, &["third.okta.com"]), Err(OpenError::OtherOrg { .. })));
    let reader = Reader::open(&after).unwrap();
    let journal = opened(&after, &["after.okta.com", "second.okta.com"]).unwrap();
    let ours: Vec<OrgJournal> = journal.orgs().collect();
    assert_eq!((ours[0].org(), ours[0].append(polled(0..5)).await.unwrap().repeated), (FIRST, 5));
    journal.close().await;
    let hosts: Vec<String> = reader.orgs().unwrap().iter().map(|(_, org)| org.key.to_string()).collect();
    assert_eq!(hosts, ["after.okta.com", "second.okta.com"]);
    let notes = Notes::open(&after).unwrap();
    assert_eq!(notes.marks().unwrap(), [mark("after.okta.com")]);
    assert_eq!(notes.place().unwrap(), [("row".to_owned(), place("after.okta.com"))]);
    // The name of the folder does not say which of two it means.
    drop((reader, notes));
    std::fs::rename(&after, &before).unwrap();
    assert!(matches!(opened(&before, &["before.okta.com"]), Err(OpenError::OtherOrg { .. })));
}

#[tokio::test]
async fn a_renamed_org_keeps_its_rows_although_another_is_written_for_first() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = ["before.okta.com", "after.okta.com"].map(|name| folder.path().join(name));
    opened(&before, &["before.okta.com"]).unwrap().close().await;
    std::fs::rename(&before, &after).unwrap();
    let Claimed::Ours(claim) = claim(&after).unwrap() else { panic!("held") };
    let clock = Clock::manual(start());
    let entries = vec![OrgEntry { org: org("second.okta.com"), clock: clock.clone() }];
    let others = [org("after.okta.com")];
    let (head, _) = tokio::sync::watch::channel(Head::default());
    let journal = claim.open(Settings::default(), clock, &head, entries, &others).unwrap();
    assert_eq!(journal.orgs().next().unwrap().org(), SECOND);
    drop(head);
    journal.close().await;
    let journal = opened(&after, &["after.okta.com", "second.okta.com"]).unwrap();
    assert_eq!(journal.orgs().map(|org| org.org()).collect::<Vec<_>>(), [FIRST, SECOND]);
    journal.close().await;
}

#[tokio::test]
async fn an_org_that_is_still_configured_did_not_become_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let [before, after] = ["before.okta.com", "after.okta.com"].map(|name| folder.path().join(name));
    opened(&before, &["before.okta.com"]).unwrap().close().await;
    std::fs::rename(&before, &after).unwrap();
    let journal = opened(&after, &["after.okta.com", "before.okta.com"]).unwrap();
    assert_eq!(journal.orgs().map(|org| org.org()).collect::<Vec<_>>(), [SECOND, FIRST]);
    journal.close().await;
}

#[tokio::test]
async fn each_org_is_written_by_its_own_clock() {
    let dir = tempfile::tempdir().unwrap();
    let Claimed::Ours(claim) = claim(dir.path()).unwrap() else { panic!("held") };
    let clocks = [Clock::manual(start()), Clock::manual(start())];
    clocks[0].hear(start());
    clocks[1].hear(start() - Duration::from_hours(24));
    let entry = |host, clock: &Clock| OrgEntry { org: org(host), clock: clock.clone() };
    let entries = vec![entry("first.okta.com", &clocks[0]), entry("second.okta.com", &clocks[1])];
    let (head, _) = tokio::sync::watch::channel(Head::default());
    let journal = claim.open(Settings::default(), Clock::manual(start()), &head, entries, &[]).unwrap();
    let orgs: Vec<OrgJournal> = journal.orgs().collect();
    let at = start();
    for org in &orgs {
        let read = Some(Polled { at, caught_up: true, interval: Duration::from_secs(10) });
        assert_eq!(org.append(Batch { polled: read, ..polled(0..3) }).await.unwrap().new, 3);
    }
    let reader = Reader::open(dir.path()).unwrap();
    let ahead = [FIRST, SECOND].map(|org| reader.polling(org).unwrap().ahead.as_hours());
    assert_eq!(ahead, [0, 24], "only one is wrong");
    let hosts: Vec<String> = reader.orgs().unwrap().iter().map(|(_, org)| org.label().to_owned()).collect();
    assert_eq!(hosts, ["first.okta.com", "second.okta.com"]);
    drop(head);
    journal.close().await;
    assert!(orgs[0].is_closed());
}

#[test]
fn rows_of_an_org_that_are_too_old_go_by_its_own_clock_and_hour() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings::default());
    put(&mut store, [&polled(0..100), &polled(0..50)]);
    let later = start() + Duration::from_hours(500 * 24);
    // The clock and the first org's do not agree.
    while store.prune_bounded_some(|org| (org == SECOND).then_some(later)).unwrap() {}
    assert_eq!((counters(&store, FIRST).rows, counters(&store, SECOND).rows), (100, 45));
    while store.prune_bounded_some(|_| Some(later)).unwrap() {}
    assert_eq!((counters(&store, FIRST).rows, counters(&store, SECOND).rows), (90, 45));
}

#[test]
fn deliveries_for_one_org_do_not_keep_out_those_for_another() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings { keep_unconfirmed: 100, ..Settings::default() });
    let forged = Batch { consents: (0..60).map(hooked).collect(), ..Batch::default() };
    put_one(&mut store, SECOND, &forged);
    assert!(store.is_full_of_unconfirmed(SECOND) && !store.is_full_of_unconfirmed(FIRST));
    assert!(store.is_crowded());
}

#[test]
fn an_org_that_is_no_longer_written_for_takes_no_share_of_the_deliveries() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { keep_unconfirmed: 100, ..Settings::default() };
    two_orgs(dir.path(), settings).close();
    let mut store = store(dir.path(), settings);
    let deliveries = Batch { consents: (0..60).map(hooked).collect(), ..Batch::default() };
    put_one(&mut store, FIRST, &deliveries);
    assert!(store.is_full_of_unconfirmed(FIRST), "the last writer worked for both");
    store.settle_any(&[org("first.okta.com")]).unwrap().unwrap();
    assert!(!store.is_full_of_unconfirmed(FIRST) && !store.is_crowded());
    store.close();
    let mut store = self::store(dir.path(), settings);
    assert!(!store.is_crowded());
    store.conn.execute_batch("UPDATE event SET doubt = 1").unwrap();
    while store.prune_some(start()).unwrap() {}
    assert_eq!(counters(&store, FIRST).hook_only, 60, "pruning goes by the same number");
}

#[test]
fn what_one_org_has_too_much_of_pushes_out_nothing_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings::default());
    let at = |seconds: u64| start() + Duration::from_secs(seconds);
    let reject = |seconds| Reject::new(at(seconds), "poll", "It is not JSON.", b"7");
    let gap = |seconds| Gap { from: at(seconds), to: at(seconds + 1), why: "a test".to_owned() };
    let listening =
        |seconds| Listening { since: at(seconds), until: at(seconds + 9000), verified: Some(start()) };
    let one = |seconds| Batch {
        gap: Some(gap(seconds)),
        listening: Some(listening(seconds)),
        rejects: vec![reject(seconds)],
        sides: vec![SideEvent::from(sample::consent(seconds, Via::POLL))],
        ..Batch::default()
    };
    let many: Vec<Batch> = (1..1102).map(one).collect();
    put_one(&mut store, FIRST, &one(0));
    store.append(many.iter().map(|batch| (SECOND, batch))).unwrap();
    store
        .conn
        .execute_batch(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
             INSERT INTO side (ts, uuid, type, received, body, org) SELECT 2000000000000 + i, randomblob(16), 'x', 0, x'', 1 FROM n",
        )
        .unwrap();
    while store.prune_unbounded_some(start()).unwrap() {}
    for (table, most) in [("gap", 1000), ("listening", 1000), ("reject", 1000), ("side", 50_000)] {
        let sql =
            format!("SELECT COUNT(*) FILTER (WHERE org = 0), COUNT(*) FILTER (WHERE org = 1) FROM {table}");
        let left: (i64, i64) = store.conn.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        assert_eq!(left, (1, most), "{table}");
    }
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!([FIRST, SECOND].map(|org| reader.coverage(org).unwrap().unreadable.count), [1, 1101]);
    assert_eq!([FIRST, SECOND].map(|org| reader.coverage(org).unwrap().gaps.len()), [1, 1000]);
}

#[test]
fn what_is_late_or_in_doubt_is_judged_by_the_orgs_own_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings::default());
    let read = |number: u64, minutes: u64| Batch {
        polled: Some(Polled {
            at: start() + Duration::from_mins(minutes),
            caught_up: true,
            interval: Duration::from_secs(10),
        }),
        bookmark: Some(Bookmark { since: start() - Duration::from_hours(1), ..bookmark("n") }),
        ..polled(number..number + 1)
    };
    let delivered = Batch { consents: vec![hooked(500)], ..Batch::default() };
    put(&mut store, [&read(0, 0), &read(9000, 90)]);
    put(&mut store, [&delivered, &delivered]);
    put_one(&mut store, FIRST, &polled(501..502));
    for org in [FIRST, SECOND] {
        while store.judge_some(org).unwrap() {}
    }
    let [first, second] = [FIRST, SECOND].map(|org| counters(&store, org));
    assert_eq!((first.late, first.unconfirmed), (0, 0), "its log was read before, and is behind the other's");
    assert_eq!((second.late, second.unconfirmed), (1, 1));
}

#[test]
fn a_changed_number_of_an_org_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings::default());
    fill(&mut store, 20);
    put_one(&mut store, SECOND, &polled(3000..3005));
    store.close();
    let check = |dir: &Path| Reader::open(dir).unwrap().check(|_| {}).unwrap();
    assert!(check(dir.path()).is_none(), "{:?}", check(dir.path()));
    for (change, words) in [
        ("UPDATE event SET org = 1 WHERE seq = 5", "5"),
        ("UPDATE event SET org = 0 WHERE seq = 30 AND org = 1", "30"),
        ("UPDATE event SET org = 77 WHERE seq = 5", "5"),
        ("UPDATE event SET org = 'x' WHERE seq = 5", "5"),
        ("UPDATE sym SET org = 1 WHERE id = 1", "1 text"),
        ("UPDATE sym SET org = 0 WHERE id = (SELECT MAX(id) FROM sym WHERE org = 1)", "1 text"),
        ("UPDATE side SET org = 1", "side event"),
        ("UPDATE gap SET org = 1", "gap"),
        ("UPDATE label SET org = 1", "looked-up name"),
        ("UPDATE reject SET org = 1", "unreadable record"),
        ("UPDATE unreadable SET org = 1", "count of unreadable records"),
        ("UPDATE listening SET org = 1", "listening period"),
        ("UPDATE bookmark SET org = 1", "bookmark"),
        ("UPDATE history SET org = 1", "history bookmark"),
        ("UPDATE org SET host = 'x' WHERE id = 1", "org counter"),
        ("UPDATE org SET key = 'x' WHERE id = 0", "org counter"),
    ] {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(dir.path().join("journal.sqlite3"), copy.path().join("journal.sqlite3")).unwrap();
        let conn = rusqlite::Connection::open(copy.path().join("journal.sqlite3")).unwrap();
        assert_eq!(conn.execute(change, []).unwrap(), 1, "{change}");
        drop(conn);
        let found = check(copy.path());
        let rows: Vec<String> = found.rows.iter().map(ToString::to_string).collect();
        let is_told = rows == [words] || found.others.iter().any(|told| told.contains(words));
        assert!(is_told, "{change}: {found:?}");
    }
}

#[test]
fn a_row_whose_org_is_damaged_is_written_anew_as_one_of_the_org_that_has_its_event() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings::default());
    put(&mut store, [&polled(0..5), &polled(5..10)]);
    store.conn.execute_batch("UPDATE event SET org = 0 WHERE seq = 7").unwrap();
    let mut reader = Reader::open(dir.path()).unwrap();
    let damaged = reader.scan_after(Seq(0), 99).unwrap().unwrap().damaged;
    assert_eq!((damaged.len(), damaged[0].seq, damaged[0].record.is_none()), (1, Seq(7), true));
    let repair = Repair { seq: Seq(7), consent: sample::consent(6, Via::POLL), is_own: false };
    put_one(&mut store, SECOND, &Batch { repairs: vec![repair], ..Batch::default() });
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(orgs(&reader.newest(99).unwrap()), [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    assert!(reader.check(|_| {}).unwrap().is_none());
    // A row whose record is sound keeps its org, whoever mends it.
    store.conn.execute_batch("UPDATE event SET outcome = 7 WHERE seq = 8").unwrap();
    let repair = Repair { seq: Seq(8), consent: sample::consent(7, Via::POLL), is_own: true };
    put_one(&mut store, FIRST, &Batch { repairs: vec![repair], ..Batch::default() });
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(orgs(&reader.newest(99).unwrap()), [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    assert!(reader.check(|_| {}).unwrap().is_none());
    assert_eq!((counters(&store, FIRST).rows, counters(&store, SECOND).rows), (5, 5));
}

#[test]
fn a_lost_entry_of_an_org_is_counted_from_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings::default());
    put(&mut store, [&polled(0..5), &polled(0..7)]);
    store.conn.execute_batch("DELETE FROM org WHERE id = 1; UPDATE event SET org = 9 WHERE seq = 3").unwrap();
    store.close();
    let store = self::store(dir.path(), Settings::default());
    assert_eq!(counters(&store, SECOND).rows, 7);
    let orgs: i64 = store.conn.query_row("SELECT COUNT(*) FROM org", [], |row| row.get(0)).unwrap();
    assert_eq!(orgs, 2, "the damaged row is no sign of a third");
    assert_eq!(count_damaged(&store.conn, checksum::ORG).unwrap(), 0);
}

#[test]
fn a_journal_that_knew_one_org_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("example.okta.com");
    // The folder may be elsewhere. What the link is called counts.
    std::fs::create_dir(folder.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", &dir).unwrap();
    let mut store = store(&dir, Settings::default());
    fill(&mut store, 700);
    store.close();
    let all = || {
        let mut reader = Reader::open(&dir).unwrap();
        let rows = told(&mut reader).unwrap();
        let state =
            (reader.coverage(OrgId(0)).unwrap(), reader.polling(OrgId(0)).unwrap(), reader.head().unwrap());
        let places = (reader.bookmark(OrgId(0)).unwrap(), reader.history(OrgId(0)).unwrap());
        let labels = reader.labels_asked_since(OrgId(0), start()).unwrap();
        let sides = reader.sides("event_hook.delivery", 9).unwrap();
        (rows, state, places, labels, sides, reader.rejects(9).unwrap())
    };
    let before = all();
    assert!(before.2.0.is_some() && before.2.1.is_some() && !before.1.0.gaps.is_empty());
    forget_orgs(&rusqlite::Connection::open(dir.join("journal.sqlite3")).unwrap());
    let store = self::store(&dir, Settings::default());
    for table in TABLES {
        assert_eq!(count_damaged(&store.conn, table).unwrap(), 0, "{}", table.name);
    }
    let key: String = store.conn.query_row("SELECT key FROM org", [], |row| row.get(0)).unwrap();
    assert_eq!(key, "example.okta.com");
    store.close();
    assert_eq!(all(), before);
    let check = Reader::open(&dir).unwrap().check(|_| {}).unwrap();
    assert!(check.is_none(), "{check:?}");
}

#[tokio::test]
async fn the_first_writer_takes_a_journal_that_knew_one_org_in_a_folder_that_no_host_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("team");
    std::fs::create_dir(&dir).unwrap();
    let mut store = store(&dir, Settings::default());
    fill(&mut store, 5);
    store.close();
    forget_orgs(&rusqlite::Connection::open(dir.join("journal.sqlite3")).unwrap());
    let known = |reader: &Reader| reader.orgs().unwrap().get(FIRST).unwrap().clone();
    let reader = Reader::open(&dir).unwrap();
    assert_eq!(known(&reader), org(""));
    let journal = opened(&dir, &["first.okta.com"]).unwrap();
    assert_eq!(journal.orgs().next().unwrap().org(), FIRST);
    assert_eq!(journal.orgs().next().unwrap().append(polled(2..5)).await.unwrap().repeated, 3);
    journal.close().await;
    assert_eq!(known(&reader), org("first.okta.com"));
    assert!(matches!(opened(&dir, &["second.okta.com"]), Err(OpenError::OtherOrg { .. })));
}

#[test]
fn what_was_damaged_before_the_migration_is_damaged_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings::default());
    fill(&mut store, 50);
    store.close();
    let conn = rusqlite::Connection::open(dir.path().join("journal.sqlite3")).unwrap();
    forget_orgs(&conn);
    conn.execute_batch(
        "UPDATE meta SET late = late + 1, complete_since = '2001-01-01T00:00:00Z'; UPDATE bookmark SET next = 'x';
         UPDATE history SET goal = 'x'; UPDATE gap SET why = 'x'; UPDATE label SET name = 'x';
         UPDATE event SET outcome = 7 WHERE seq = 5;",
    )
    .unwrap();
    drop(conn);
    let store = self::store(dir.path(), Settings::default());
    assert_eq!(counters(&store, FIRST).complete_since, None, "that cannot be counted");
    assert_eq!(counters(&store, FIRST).rows, 57);
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.bookmark(OrgId(0)).unwrap().unwrap().next, "");
    assert_eq!(reader.history(OrgId(0)).unwrap(), None);
    assert_eq!(reader.labels_asked_since(OrgId(0), start()).unwrap(), []);
    let found = Reader::open(dir.path()).unwrap().check(|_| {}).unwrap();
    assert_eq!(found.rows, [Seq(5)]);
    let others = ["1 bookmark", "1 history bookmark", "1 gap", "1 looked-up name"];
    assert_eq!(found.others, others);
}

/// Changes rows while the stored schema of a table or an index says something else, as damage changes them.
fn with_schema(dir: &Path, name: &str, from: &str, to: &str, change: &str) {
    let open = || rusqlite::Connection::open(dir.join("journal.sqlite3")).unwrap();
    let before: String = {
        let sql = "SELECT sql FROM sqlite_schema WHERE name = ?1";
        open().query_row(sql, [name], |row| row.get(0)).unwrap()
    };
    let during = before.replacen(from, to, 1);
    assert_ne!(during, before, "{name}");
    for (schema, change) in [(during, change), (before, "")] {
        let conn = open();
        conn.execute_batch("PRAGMA writable_schema = ON").unwrap();
        conn.execute("UPDATE sqlite_schema SET sql = ?2 WHERE name = ?1", (name, schema)).unwrap();
        drop(conn);
        open().execute_batch(change).unwrap();
    }
}

#[test]
fn what_a_damaged_index_let_in_twice_does_not_stop_the_migration() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings::default());
    fill(&mut store, 50);
    let side = SideEvent::from(sample::consent(2, Via::POLL));
    put_one(&mut store, FIRST, &Batch { sides: vec![side], ..Batch::default() });
    store.close();
    let before = told(&mut Reader::open(dir.path()).unwrap()).unwrap();
    forget_orgs(&rusqlite::Connection::open(dir.path().join("journal.sqlite3")).unwrap());
    for (name, from, to, change) in [
        (
            "event_key",
            "UNIQUE INDEX",
            "INDEX",
            "CREATE TEMP TABLE twin AS SELECT * FROM event WHERE seq = 5; UPDATE twin SET seq = 900;
             INSERT INTO event SELECT * FROM twin; INSERT INTO raw SELECT 900, dict, body FROM raw WHERE seq = 5;",
        ),
        // An index lacks the twin, so SQLite would refuse to delete it.
        ("event_rev", "rev > 0", "rev > 7", "UPDATE event SET rev = 7 WHERE seq = 900"),
        (
            "side_key",
            "UNIQUE INDEX",
            "INDEX",
            "INSERT INTO side (ts, uuid, type, received, body) SELECT ts, uuid, type, received, body FROM side
             WHERE id = 2",
        ),
        (
            "bookmark",
            "CHECK (id = 1)",
            "",
            "INSERT INTO bookmark SELECT 3, query, next, last_published, since, caught_up, sum FROM bookmark",
        ),
        (
            "history",
            "CHECK (id = 1)",
            "",
            "INSERT INTO history SELECT 3, query, goal, top, whole_from, start, next, sum FROM history",
        ),
    ] {
        with_schema(dir.path(), name, from, to, change);
    }
    let store = self::store(dir.path(), Settings::default());
    for table in TABLES {
        assert_eq!(count_damaged(&store.conn, table).unwrap(), 0, "{}", table.name);
    }
    let mut reader = Reader::open(dir.path()).unwrap();
    assert_eq!(told(&mut reader).unwrap(), before);
    assert!(reader.bookmark(FIRST).unwrap().is_some_and(|bookmark| !bookmark.next.is_empty()));
    assert!(reader.history(FIRST).unwrap().is_some());
    assert_eq!((counters(&store, FIRST).rows, counters(&store, FIRST).complete_since), (57, None));
    let check = reader.check(|_| {}).unwrap();
    assert!(check.is_none(), "{check:?}");
}

#[test]
fn a_value_that_damage_removed_stays_damaged_in_the_migration() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings::default());
    fill(&mut store, 5);
    store.close();
    forget_orgs(&rusqlite::Connection::open(dir.path().join("journal.sqlite3")).unwrap());
    for (table, column, change) in [
        ("listening", "stop INTEGER NOT NULL", "UPDATE listening SET stop = NULL"),
        ("label", "asked INTEGER NOT NULL", "UPDATE label SET asked = NULL"),
        ("unreadable", "first INTEGER NOT NULL", "UPDATE unreadable SET first = NULL"),
    ] {
        let anything = column.trim_end_matches(" NOT NULL");
        with_schema(dir.path(), table, column, anything, change);
    }
    let rows = |store: &Store, table: &str| -> i64 {
        store.conn.query_row(&format!("SELECT COUNT(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    let store = self::store(dir.path(), Settings::default());
    for (name, table) in [("listening", checksum::LISTENING), ("label", checksum::LABEL)] {
        assert_eq!((rows(&store, name), count_damaged(&store.conn, table).unwrap()), (1, 1), "{name}");
    }
    assert_eq!(rows(&store, "unreadable"), 1);
}

#[test]
fn a_changed_byte_of_an_orgs_entry_costs_no_event_and_stops_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let name = OrgName::parse("prod").ok();
    let orgs = [org("first.okta.com"), KnownOrg { name, ..org("second.okta.com") }];
    let mut store = store(dir.path(), Settings::default());
    store.settle_any(&orgs).unwrap().unwrap();
    let complete = Batch { bookmark: Some(bookmark("n")), ..polled(0..3) };
    put(&mut store, [&complete, &complete]);
    store.close();
    let sound = std::fs::read(dir.path().join("journal.sqlite3")).unwrap();
    let mut flips = Vec::new();
    for KnownOrg { host, name, .. } in &orgs {
        // In the page of the table, the host comes right behind the key. In that of the index, it does not.
        let texts = format!("{host}{host}{}", name.as_ref().map_or("", OrgName::as_str));
        let at = memchr::memmem::find(&sound, texts.as_bytes()).unwrap();
        // Before the values stand the number of the entry and a header with a byte for itself and each of the 26
        // columns.
        let header = (27..64).find(|length| usize::from(sound[at - length]) == *length).unwrap();
        flips.extend([1, 2, 64].map(|mask| (at - header - 1, mask, true)));
        flips.extend((at..at + texts.len()).flat_map(|at| [(at, 1, false), (at, 0x80, false)]));
    }
    let index = memchr::memmem::rfind(&sound, b"first.okta.com").unwrap();
    for (at, mask, is_number) in flips.into_iter().chain([(index, 1, false)]) {
        let mut bytes = sound.clone();
        bytes[at] ^= mask;
        let copy = tempfile::tempdir().unwrap();
        std::fs::write(copy.path().join("journal.sqlite3"), &bytes).unwrap();
        let what = format!("byte {at} by {mask:#x}");
        let mut store = self::store(copy.path(), Settings::default());
        assert_eq!(store.settle_any(&orgs).unwrap(), Ok(vec![FIRST, SECOND]), "{what}");
        if is_number {
            let whole = [FIRST, SECOND].map(|org| counters(&store, org).complete_since);
            assert!(
                whole.iter().all(Option::is_some),
                "{what}: its checksum tells the number, so nothing is lost"
            );
        }
        let again = put(&mut store, [&polled(0..3), &polled(0..3)]);
        assert_eq!(again.map(|commit| commit.repeated), [3, 3], "{what}");
        let mut reader = Reader::open(copy.path()).unwrap();
        assert_eq!(reader.orgs().unwrap(), Orgs::new(orgs.to_vec()), "{what}");
        let check = reader.check(|_| {}).unwrap();
        assert!(check.is_none(), "{what}: {check:?}");
    }
}

#[test]
fn an_entry_whose_org_cannot_be_told_any_more_is_taken_or_shown_as_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = two_orgs(dir.path(), Settings::default());
    put(&mut store, [&polled(0..3), &polled(0..3)]);
    let damage = "UPDATE org SET key = 'x', host = 'y' WHERE id = ";
    store
        .conn
        .execute_batch(&format!("{damage}0; INSERT INTO org (id, key, host) VALUES (7, 'a', 'b')"))
        .unwrap();
    store.close();
    let mut store = self::store(dir.path(), Settings::default());
    let both = [org("first.okta.com"), org("second.okta.com")];
    assert_eq!(store.settle_any(&both).unwrap(), Ok(vec![FIRST, SECOND]));
    let reader = Reader::open(dir.path()).unwrap();
    assert_eq!(reader.orgs().unwrap(), Orgs::new(both.to_vec()), "nothing is of the seventh");
    store.conn.execute_batch(&format!("{damage}1")).unwrap();
    store.close();
    let mut store = self::store(dir.path(), Settings::default());
    assert_eq!(store.settle_any(&both[..1]).unwrap(), Ok(vec![FIRST]));
    assert_eq!(reader.orgs().unwrap(), Orgs::new(vec![both[0].clone(), org("#1")]));
    assert_eq!(counters(&store, SECOND).rows, 3);
}
