//! Tests of two copies of one event, from the log and from a hook, that differ.

use super::*;
use crate::consent::{
    Attribution, ClientId, Doubt, GrantId, OrgId, Person, ServerId, Stored, Sym, Symbol, UserId, Who,
};

const NUMBER: u64 = 7;

/// Returns a delivery of an event that was changed on its way.
fn altered(alter: impl FnOnce(&mut Consent)) -> Consent {
    let mut consent = hooked(NUMBER);
    alter(&mut consent);
    consent.raw = Arc::from(r#"{"altered":true}"#);
    consent
}

fn log() -> Consent {
    sample::consent(NUMBER, Via::POLL)
}

/// Stores copies one after the other.
fn put(store: &mut Store, copies: &[&Consent]) -> Commit {
    let mut last = Commit::default();
    for copy in copies {
        let batch = Batch { consents: vec![(*copy).clone()], ..Batch::default() };
        last = store.write([&batch].into_iter()).unwrap()[0];
    }
    last
}

fn row(dir: &Path) -> (Stored, [Symbol; 6]) {
    let mut reader = Reader::open(dir).unwrap();
    let page = reader.newest(9).unwrap();
    let [row] = page.rows[..] else { panic!("one row, not {}", page.rows.len()) };
    let text = |sym: Sym| {
        let found = page.symbols.iter().find(|(known, _)| *known == sym);
        found.map_or_else(Symbol::default, |(_, symbol)| symbol.clone())
    };
    let texts = [row.who, row.actor, row.client, row.server, row.scopes, row.from].map(text);
    let stored = reader.record(row.seq).unwrap().unwrap();
    assert_eq!((row.doubt, row.evidence, row.via), (stored.doubt, stored.evidence, stored.via));
    (stored, texts)
}

fn altered_rows(dir: &Path) -> u64 {
    Reader::open(dir).unwrap().coverage(OrgId(0)).unwrap().hook.altered
}

#[test]
fn a_delivery_altered_on_its_way_changes_nothing_of_the_logs_row() {
    type Alter = fn(&mut Consent);
    let alterations: [(&str, Alter); 8] = [
        ("who", |c| c.who.person.id = Some(UserId::new("00uEEEEEEEEEEEEEE1d7"))),
        ("login", |c| c.who.person.alternate_id = Some(Untrusted::new("eve@example.test"))),
        ("client", |c| c.client.id = Some(ClientId::new("0oaEEEEEEEEEEEEEE1d7"))),
        ("server", |c| c.server.id = Some(ServerId::new("ausEEEEEEEEEEEEEE1d7"))),
        ("scopes", |c| c.scopes[0].name = Some(Untrusted::new("everything"))),
        ("grants", |c| c.scopes[0].grant_id = Some(GrantId::new("oagEEEEEEEEEEEEEE1d7"))),
        ("address", |c| c.from.ip = Some(Untrusted::new("203.0.113.200"))),
        ("outcome", |c| c.outcome.result = Some(Untrusted::new("FAILURE"))),
    ];
    for (what, alter) in alterations {
        let hook = altered(alter);
        for copies in [[&hook, &log()], [&log(), &hook]] {
            let dir = tempfile::tempdir().unwrap();
            let mut store = store(dir.path(), Settings::default());
            put(&mut store, &copies);
            let (stored, texts) = row(dir.path());
            assert_eq!(texts, log().symbols(), "{what}");
            assert_eq!((&stored.raw, stored.evidence), (&log().raw, log().who.evidence), "{what}");
            assert_eq!(stored.doubt, Some(Doubt::Altered), "{what}");
            assert_eq!(stored.hook_copy.as_ref(), Some(&hook.raw), "{what}: both versions are kept");
            assert!(stored.hook.is_some());
            assert_eq!(altered_rows(dir.path()), 1, "{what}");
            store.settings.keep_rows = 0;
            while store.prune_some(start()).unwrap() {}
            assert_eq!(altered_rows(dir.path()), 0, "{what}");
            let left: i64 =
                store.conn.query_row("SELECT COUNT(*) FROM hook_copy", [], |row| row.get(0)).unwrap();
            assert_eq!(left, 0);
        }
    }
}

#[test]
fn a_person_whom_only_the_hook_names_is_nobody_in_the_logs_row() {
    let nobody = Who { person: Person::default(), evidence: Evidence::Unknown };
    let log = Consent { who: nobody.clone(), ..log() };
    let hook = altered(|consent| consent.actor = None);
    for copies in [[&hook, &log], [&log, &hook]] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), Settings::default());
        put(&mut store, &copies);
        let (stored, texts) = row(dir.path());
        assert_eq!((stored.evidence, &stored.person), (Evidence::Unknown, &nobody.person));
        assert!(texts[0].is_empty());
        assert_eq!(stored.doubt, None, "to say more is no contradiction");
        assert_eq!(stored.hook_copy.as_ref(), Some(&hook.raw), "what only the hook said can be read");
    }
}

#[test]
fn nobody_is_found_out_by_what_only_the_hook_says() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings::default());
    let nobody = Who { person: Person::default(), evidence: Evidence::Unknown };
    let hook = Consent { who: nobody.clone(), ..hooked(NUMBER) };
    put(&mut store, &[&hook]);
    let person = Person { id: Some(UserId::new("00uEEEEEEEEEEEEEE1d7")), ..Person::default() };
    let attribution = Attribution { seq: Seq(1), person: person.clone(), evidence: Evidence::Session };
    let batch = Batch { attributions: vec![attribution], ..Batch::default() };
    store.write([&batch].into_iter()).unwrap();
    assert_eq!(row(dir.path()).0.evidence, Evidence::Unknown, "its session is the hook's word");
    put(&mut store, &[&Consent { who: nobody, ..log() }]);
    store.write([&batch].into_iter()).unwrap();
    assert_eq!((row(dir.path()).0.evidence, row(dir.path()).0.person), (Evidence::Session, person));
}

#[test]
fn copies_that_say_the_same_leave_nothing_beside_the_row() {
    let mut hook = hooked(NUMBER);
    let shouted = hook.who.person.alternate_id.as_ref().map(|login| login.exact().to_uppercase());
    hook.who.person.alternate_id = shouted.map(Untrusted::new);
    hook.outcome.result = None;
    hook.session_id = None;
    let hook = &hook;
    for copies in [[hook, &log()], [&log(), hook]] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), Settings::default());
        assert_eq!(put(&mut store, &copies).merged, 1);
        let (stored, texts) = row(dir.path());
        assert_eq!((stored.doubt, stored.hook_copy), (None, None));
        assert_eq!((stored.raw, texts), (log().raw, log().symbols()));
    }
}

#[test]
fn one_more_delivery_that_contradicts_the_log_is_a_doubt_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store(dir.path(), Settings::default());
    let late = altered(|consent| consent.client.id = Some(ClientId::new("0oaEEEEEEEEEEEEEE1d7")));
    put(&mut store, &[&hooked(NUMBER), &log()]);
    let before = store.head().change;
    assert_eq!(put(&mut store, &[&late]).repeated, 1);
    assert!(store.head().change > before, "whoever looks, looks again");
    assert_eq!((row(dir.path()).0.doubt, altered_rows(dir.path())), (Some(Doubt::Altered), 1));
    put(&mut store, &[&late, &hooked(NUMBER), &log()]);
    let (stored, _) = row(dir.path());
    assert_eq!((stored.doubt, stored.hook_copy), (Some(Doubt::Altered), Some(late.raw)));
    assert_eq!(altered_rows(dir.path()), 1, "counted once");
}

#[test]
fn damage_on_the_disk_is_no_contradiction() {
    let other = "UPDATE sym SET text = '0oaEEEEEEEEEEEEEE1d7' || char(31)
        WHERE id = (SELECT client FROM event WHERE seq = 1)";
    for (change, copies) in [
        (other, [hooked(NUMBER), hooked(NUMBER)]),
        ("UPDATE event SET outcome = 2", [hooked(NUMBER), hooked(NUMBER)]),
        ("UPDATE event SET grants = x'01020304'", [hooked(NUMBER), log()]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path(), Settings::default());
        let [first, second] = &copies;
        let before = if second.via == Via::POLL { first.clone() } else { log() };
        put(&mut store, &[&before]);
        store.conn.execute_batch(change).unwrap();
        put(&mut store, &[first, second]);
        let doubt: i64 = store.conn.query_row("SELECT doubt FROM event", [], |row| row.get(0)).unwrap();
        assert_eq!((doubt, altered_rows(dir.path())), (0, 0), "{change}");
    }
}
