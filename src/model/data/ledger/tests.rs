//! Tests of the ledger against examples and against a naive implementation.

use proptest::prelude::*;

use super::*;
use crate::consent::{OrgId, Outcome, Seq, Sym, Symbol};
use crate::model::data::rows::tests::row;
use crate::model::{Rarity, rarity};

const PERSON: u32 = 10;
const CLIENT: u32 = 20;
const SERVER: u32 = 30;
const SCOPES: u32 = 40;

fn rows() -> Rows {
    let mut rows = Rows::default();
    for n in 1..=3 {
        let texts = [(PERSON, format!("00u{n}")), (CLIENT, format!("0oa{n}")), (SERVER, format!("aus{n}"))];
        rows.learn(&texts.map(|(base, text)| (Sym(base + n), Symbol::of(&[&text, ""]))));
    }
    rows.learn(&[
        (Sym(SCOPES + 1), Symbol::of(&["a"])),
        (Sym(SCOPES + 2), Symbol::of(&["a", "b"])),
        (Sym(SCOPES + 3), Symbol::of(&["b", "c"])),
    ]);
    rows
}

/// One event: person, client, server, scopes (0 is none), kind, reach, mark of the first scope, time.
#[derive(Clone, Debug)]
struct Event {
    person: u32,
    client: u32,
    server: u32,
    scopes: u32,
    kind: Kind,
    reach: Reach,
    mark: u32,
    time: i64,
    fails: bool,
}

impl Event {
    fn grant(time: i64, mark: u32, scopes: u32) -> Self {
        let (kind, reach) = (Kind::Grant, Reach::Named);
        Self { person: 1, client: 1, server: 1, scopes, kind, reach, mark, time, fails: false }
    }

    fn revoke(time: i64, mark: u32, scopes: u32) -> Self {
        Self { kind: Kind::Revoke, ..Self::grant(time, mark, scopes) }
    }

    fn row(&self, seq: i64) -> Row {
        let some = |base: u32, n: u32| if n == 0 { Sym(0) } else { Sym(base + n) };
        Row {
            who: some(PERSON, self.person),
            client: some(CLIENT, self.client),
            server: some(SERVER, self.server),
            scopes: some(SCOPES, self.scopes),
            kind: self.kind,
            reach: self.reach,
            outcome: if self.fails { Outcome::Failure } else { Outcome::Success },
            ..row(seq, self.time)
        }
    }

    fn marks(&self) -> Vec<u32> {
        let count = [0, 1, 2, 2][self.scopes as usize];
        (0..count).map(|n| if self.mark == 0 { 0 } else { self.mark * 10 + n }).collect()
    }

    fn names(&self) -> &'static [char] {
        [&[][..], &['a'], &['a', 'b'], &['b', 'c']][self.scopes as usize]
    }

    fn is_consent(&self) -> bool {
        !self.fails && matches!(self.kind, Kind::Grant | Kind::OrgGrant | Kind::AdminGrant)
    }

    fn has_pair(&self) -> bool {
        self.client != 0 && (self.person != 0 || !self.kind.has_person())
    }

    fn person(&self) -> u32 {
        if self.kind.has_person() { self.person } else { 0 }
    }
}

struct Rig {
    rows: Rows,
    ledger: Ledger,
}

impl Rig {
    fn new() -> Self {
        Self { rows: rows(), ledger: Ledger::default() }
    }

    fn put(&mut self, seq: i64, event: &Event) -> RowRef {
        self.put_in(OrgId(0), seq, event)
    }

    fn put_in(&mut self, org: OrgId, seq: i64, event: &Event) -> RowRef {
        let (at, _) = self.rows.put(&Row { org, ..event.row(seq) }, &event.marks());
        self.ledger.take(&self.rows, at);
        at
    }

    fn work(&mut self) {
        while self.ledger.work(&self.rows) {}
    }

    fn of(&mut self, events: &[Event]) -> Vec<Standing> {
        let places: Vec<RowRef> = (1..).zip(events).map(|(seq, event)| self.put(seq, event)).collect();
        self.work();
        places.into_iter().map(|at| self.ledger.standing(at)).collect()
    }
}

#[track_caller]
fn check(events: &[Event], wanted: &[Standing]) {
    assert_eq!(Rig::new().of(events), wanted);
    let mut turned = events.to_vec();
    turned.reverse();
    let mut found = Rig::new().of(&turned);
    found.reverse();
    assert_eq!(found, wanted, "in any order of arrival");
}

use Standing::{CannotTell, None, Partly, Replaced, Revoked, Stands};

#[test]
fn a_revocation_closes_what_it_names() {
    check(&[Event::grant(1, 1, 2)], &[Stands]);
    check(&[Event::grant(1, 1, 2), Event::revoke(2, 1, 2)], &[Revoked, None]);
    check(&[Event::grant(1, 1, 2), Event::revoke(2, 1, 1)], &[Partly, None]);
    check(&[Event::grant(2, 1, 2), Event::revoke(1, 1, 2)], &[Stands, None]);
    check(&[Event::grant(1, 1, 2), Event { fails: true, ..Event::revoke(2, 1, 2) }], &[Stands, None]);
    check(&[Event::grant(1, 1, 2), Event { client: 2, ..Event::revoke(2, 1, 2) }], &[Stands, None]);
    // A different id is a different grant, even for the same scope. Without an id, the scope's name decides.
    check(&[Event::grant(1, 1, 1), Event::revoke(2, 7, 1)], &[Stands, None]);
    check(&[Event::grant(1, 1, 1), Event::revoke(2, 0, 1)], &[Revoked, None]);
    check(&[Event::grant(1, 1, 1), Event { server: 2, ..Event::revoke(2, 0, 1) }], &[Stands, None]);
}

#[test]
fn a_consent_given_again_replaces() {
    check(&[Event::grant(1, 1, 1), Event::grant(2, 2, 1)], &[Replaced, Stands]);
    check(&[Event::grant(1, 1, 2), Event::grant(2, 2, 1)], &[Stands, Stands]);
    check(&[Event::grant(1, 1, 2), Event::grant(2, 2, 1), Event::revoke(3, 2, 1)], &[Stands, Revoked, None]);
    check(&[Event::grant(1, 1, 1), Event::grant(2, 2, 1), Event::revoke(3, 1, 1)], &[Replaced, Stands, None]);
    check(&[Event::grant(1, 1, 1), Event { server: 2, ..Event::grant(2, 2, 1) }], &[Stands, Stands]);
    check(&[Event::grant(1, 1, 1), Event { fails: true, ..Event::grant(2, 2, 1) }], &[Stands, None]);
}

#[test]
fn a_broad_revocation_reaches_what_its_type_says() {
    let grants = [
        Event::grant(1, 1, 2),
        Event { client: 2, ..Event::grant(1, 2, 1) },
        Event { person: 2, ..Event::grant(1, 3, 3) },
        Event { server: 2, client: 3, ..Event::grant(1, 4, 1) },
    ];
    let of = |reach, person, client, server, scopes| Event {
        kind: Kind::Revoke,
        reach,
        person,
        client,
        server,
        mark: 0,
        scopes,
        time: 2,
        fails: false,
    };
    for (revocation, wanted) in [
        (of(Reach::Person, 1, 0, 0, 0), [Revoked, Revoked, Stands, Revoked]),
        (of(Reach::PersonGone, 2, 0, 0, 0), [Stands, Stands, Revoked, Stands]),
        (of(Reach::PersonAndClient, 1, 1, 0, 0), [Revoked, Stands, Stands, Stands]),
        (of(Reach::ClientGone, 0, 1, 0, 0), [Revoked, Stands, Revoked, Stands]),
        (of(Reach::ServerGone, 0, 0, 1, 0), [Revoked, Revoked, Revoked, Stands]),
        (of(Reach::ScopeGone, 0, 0, 0, 1), [Partly, Revoked, Stands, Revoked]),
        (of(Reach::ScopeGone, 0, 0, 2, 1), [Stands, Stands, Stands, Revoked]),
        (of(Reach::Named, 0, 0, 0, 0), [Stands, Stands, Stands, Stands]),
    ] {
        let events = [&grants[..], std::slice::from_ref(&revocation)].concat();
        check(&events, &[&wanted[..], &[None]].concat());
    }
}

#[test]
fn a_broad_revocation_whose_org_changes_ends_what_is_in_its_new_org() {
    let revocation = |reach, person, client, server| Event {
        reach,
        person,
        client,
        server,
        kind: Kind::Revoke,
        mark: 0,
        scopes: 0,
        ..Event::grant(2, 0, 0)
    };
    for revocation in [
        revocation(Reach::PersonGone, 1, 0, 0),
        revocation(Reach::ClientGone, 0, 1, 0),
        revocation(Reach::ServerGone, 0, 0, 1),
        Event { scopes: 1, ..revocation(Reach::ScopeGone, 0, 0, 0) },
    ] {
        let mut rig = Rig::new();
        let grants = [0, 1].map(|org| rig.put_in(OrgId(org), i64::from(org) + 1, &Event::grant(1, 1, 1)));
        for (org, wanted) in [(0, [Revoked, Stands]), (1, [Stands, Revoked]), (0, [Revoked, Stands])] {
            rig.put_in(OrgId(org), 3, &revocation);
            rig.work();
            assert_eq!(grants.map(|at| rig.ledger.standing(at)), wanted, "{revocation:?} in {org}");
        }
    }
}

#[test]
fn a_page_of_rows_leaves_a_pair_in_one_walk_of_its_chain() {
    let mut rig = Rig::new();
    let count = 500;
    let grant = Event::grant(1, 1, 1);
    let places: Vec<RowRef> = (1..=count).map(|seq| rig.put(seq, &grant)).collect();
    rig.work();
    for (org, client) in [(1, 1), (1, 2), (0, 1), (1, 0), (1, 3)] {
        for seq in 1..=count / 2 {
            rig.put_in(OrgId(org), seq, &Event { client, ..grant.clone() });
        }
    }
    assert_eq!(rig.ledger.relink(), count as usize, "only the chain that they are in");
    assert_eq!(rig.ledger.relink(), 0);
    rig.work();
    let (moved, stayed) = places.split_at(places.len() / 2);
    assert_eq!(rig.ledger.beside(&rig.rows, moved[0]), moved);
    assert_eq!(rig.ledger.beside(&rig.rows, stayed[0]), stayed);
}

#[test]
fn a_revocation_lists_no_scope_of_a_request_that_failed() {
    let mut rig = Rig::new();
    rig.put(1, &Event { kind: Kind::OrgGrant, fails: true, ..Event::grant(1, 1, 1) });
    let revocation =
        Event { kind: Kind::Revoke, reach: Reach::ServerGone, mark: 0, scopes: 0, ..Event::grant(2, 0, 0) };
    rig.put_in(OrgId(1), 2, &Event { person: 0, client: 0, server: 1, ..revocation });
    rig.work();
    assert_eq!(told(&mut rig, OrgId(0)).scopes, []);
}

#[test]
fn what_the_events_do_not_say_is_not_guessed() {
    let org = Event { kind: Kind::OrgGrant, ..Event::grant(1, 1, 1) };
    check(&[Event { person: 0, ..Event::grant(1, 1, 1) }], &[CannotTell]);
    check(&[Event { client: 0, ..Event::grant(1, 1, 1) }], &[CannotTell]);
    check(&[Event::grant(1, 0, 0)], &[CannotTell]);
    check(&[org.clone(), Event::revoke(2, 0, 1)], &[CannotTell, None]);
    check(&[org.clone(), Event { time: 2, ..org }], &[Replaced, CannotTell]);
    let admin = |kind, time| Event { kind, person: 0, ..Event::grant(time, 0, 1) };
    check(&[admin(Kind::AdminGrant, 1)], &[Stands]);
    check(&[admin(Kind::AdminGrant, 1), admin(Kind::AdminRevoke, 2)], &[Revoked, None]);
}

#[test]
fn it_says_what_became_of_each_scope_and_by_which_row() {
    let mut rig = Rig::new();
    let first = rig.put(1, &Event::grant(1, 1, 2));
    let second = rig.put(2, &Event::grant(2, 2, 1));
    let third = rig.put(3, &Event::revoke(3, 1, 2));
    rig.work();
    let fates = rig.ledger.fates(&rig.rows, first);
    assert_eq!(fates, Some(vec![Fate::Replaced(second), Fate::Revoked(third)]));
    assert_eq!(decided_by(&rig.rows.get(first), &fates.unwrap_or_default()), Some(third));
    assert_eq!(rig.ledger.fates(&rig.rows, third), Option::None);
    assert_eq!(rig.ledger.beside(&rig.rows, second), [first, second, third]);
}

#[test]
fn clients_people_and_scopes_are_counted_as_they_change() {
    let mut rig = Rig::new();
    rig.put(1, &Event::grant(1000, 1, 2));
    rig.put(2, &Event { person: 2, ..Event::grant(5000, 2, 1) });
    rig.put(3, &Event { client: 2, ..Event::grant(3000, 3, 3) });
    rig.work();
    let client = rig.ledger.client(1);
    assert_eq!((client.consents, client.others, client.standing), (2, 2, 2));
    assert_eq!((client.first_ms, client.last_ms), (1000, 5000));
    assert_eq!(rig.ledger.scopes.members(client.ever).len(), 2);
    let person = rig.ledger.person(1);
    assert_eq!((person.consents, person.others, person.standing), (2, 2, 2));
    let held =
        |rig: &Rig| [1, 2, 3].map(|scope| (rig.ledger.held(scope).people, rig.ledger.held(scope).clients));
    assert_eq!(held(&rig), [(2, 1), (1, 2), (1, 1)]);
    assert_eq!(rig.ledger.people_since([6000, 4000, 0])[1], [0, 1, 2]);
    let last = rig.put(4, &Event::revoke(6000, 1, 2));
    rig.work();
    assert_eq!(held(&rig), [(1, 1), (1, 1), (1, 1)]);
    assert_eq!((rig.ledger.client(1).standing, rig.ledger.client(1).consents), (1, 2));
    // The revocation is attributed to another person.
    let (at, _) = rig.rows.put(&Event { person: 3, ..Event::revoke(6000, 1, 2) }.row(4), &[10, 11]);
    assert_eq!(at, last);
    rig.ledger.take(&rig.rows, at);
    rig.work();
    assert_eq!(held(&rig), [(2, 1), (1, 2), (1, 1)]);
    // Rows that the journal removed no longer count.
    let gone: Vec<RowRef> = rig.rows.find(Seq(2)).into_iter().collect();
    rig.rows.cut(Seq(1), Seq(2), &[]);
    rig.ledger.cut(&gone);
    rig.work();
    assert_eq!(held(&rig), [(1, 1), (1, 2), (1, 1)]);
    assert_eq!((rig.ledger.client(1).standing, rig.ledger.client(1).consents), (1, 1));
}

#[test]
fn only_a_client_with_a_url_is_the_same_in_another_org() {
    let mut rig = Rig::new();
    let url = Symbol::of(&["https://app.example/client.json", "App"]);
    // In one org the text of the URL's client has no label, so it is another text.
    let bare = Symbol::of(&["https://app.example/client.json", ""]);
    let named = Symbol::of(&["", "https://app.example/client.json"]);
    rig.rows.learn(&[(Sym(51), url), (Sym(52), bare), (Sym(53), named)]);
    for (seq, org, client) in
        [(1, 0, 51), (2, 1, 52), (3, 2, 51), (4, 0, CLIENT + 1), (5, 1, CLIENT + 1), (6, 3, 53)]
    {
        let row = Row { org: OrgId(org), client: Sym(client), ..Event::grant(seq, 0, 1).row(seq) };
        let (at, _) = rig.rows.put(&row, &[]);
        rig.ledger.take(&rig.rows, at);
    }
    rig.work();
    let also = |rig: &Rig| [1, 2, 3, 4, 5, 6].map(|client| rig.ledger.also_in(rig.rows.symbols(), client));
    assert_eq!(also(&rig), [vec![2, 3], vec![1, 3], vec![1, 2], vec![], vec![], vec![]]);
    assert_eq!([1, 2, 3].map(|client| rig.ledger.client(client).consents), [1, 1, 1]);
    let gone = rig.rows.cut(Seq(1), Seq(2), &[]);
    rig.ledger.cut(&gone);
    rig.work();
    assert_eq!(also(&rig)[..3], [vec![3], vec![1, 3], vec![1]]);
}

/// What a ledger says about one org, by text and row number, so that two ledgers can be compared.
#[derive(PartialEq, Debug)]
struct Told {
    /// Each row with its standing and the rows of its person and client.
    rows: Vec<(Seq, Standing, Vec<Seq>)>,
    clients: Vec<ToldTally>,
    people: Vec<ToldTally>,
    scopes: Vec<(String, Held, Rarity)>,
    holding: u32,
}

impl Told {
    /// Leaves out what keeps the rows that left: the tallies' times, scopes and numbers of others, and all names without
    /// rows.
    fn without_history(mut self) -> Self {
        for told in self.clients.iter_mut().chain(&mut self.people) {
            told.tally = Tally { others: 0, first_ms: 0, last_ms: 0, ..told.tally };
            told.ever.clear();
            told.since = [0; 2];
        }
        self.clients.retain(|told| told.tally.has_consents());
        self.people.retain(|told| told.tally.has_consents());
        self.scopes.retain(|(_, held, _)| held.people + held.clients > 0);
        self
    }
}

/// What a ledger says about a client or a person.
#[derive(PartialEq, Debug)]
struct ToldTally {
    text: Sym,
    /// Without the number of the set of scopes, which is that of its ledger.
    tally: Tally,
    ever: Vec<String>,
    /// The people of a client since two times.
    since: [u32; 2],
}

/// Returns what the ledger of a rig says about an org.
fn told(rig: &mut Rig, org: OrgId) -> Told {
    let Rig { rows, ledger } = rig;
    let seqs = |places: &[RowRef]| places.iter().map(|at| rows.get(*at).seq).collect();
    let mut of_rows: Vec<_> = Vec::new();
    for at in rows.order().iter().filter(|at| rows.get(**at).org == org) {
        of_rows.push((rows.get(*at).seq, ledger.standing(*at), seqs(&ledger.beside(rows, *at))));
    }
    let since = ledger.people_since([4, 8]);
    let [clients, people] = [(&ledger.clients, true), (&ledger.people, false)].map(|(names, is_client)| {
        let numbers = (1..names.len() as u32).filter(|number| names.org(*number) == org);
        let all = numbers.map(|number| {
            let tally = if is_client { ledger.client(number) } else { ledger.person(number) };
            let ever = ledger.scopes.members(tally.ever);
            assert!(ever.iter().all(|scope| ledger.scopes.org(*scope) == org), "a scope of another org");
            let mut ever: Vec<_> = ever.iter().map(|scope| ledger.scopes.name(*scope).to_owned()).collect();
            ever.sort_unstable();
            let since = if is_client { since[number as usize] } else { [0; 2] };
            ToldTally { text: names.text(number), tally: Tally { ever: 0, ..tally }, ever, since }
        });
        let mut all: Vec<_> = all.collect();
        all.sort_unstable_by_key(|told| told.text);
        all
    });
    let scopes = (1..ledger.scopes.len() as u32).filter(|scope| ledger.scopes.org(*scope) == org);
    let scopes = scopes.map(|n| (ledger.scopes.name(n).to_owned(), ledger.held(n), rarity(ledger, n)));
    let mut scopes: Vec<_> = scopes.collect();
    scopes.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    Told { rows: of_rows, clients, people, scopes, holding: ledger.holding_clients(org) }
}

/// The naive implementation, which compares each event with each other.
fn naive(events: &[(i64, Event)], of: usize) -> Standing {
    let (seq, grant) = &events[of];
    if !grant.is_consent() {
        return None;
    }
    if !grant.has_pair() || grant.names().is_empty() {
        return CannotTell;
    }
    let mut fates = Vec::new();
    for (place, name) in grant.names().iter().enumerate() {
        let mark = grant.marks()[place];
        let mut later: Vec<_> =
            events.iter().filter(|(s, e)| (e.time, *s) > (grant.time, *seq) && !e.fails).collect();
        later.sort_by_key(|(s, e)| (e.time, *s));
        let fate = later.iter().find_map(|(_, e)| {
            let is_own = e.has_pair() && (e.person(), e.client) == (grant.person(), grant.client);
            if e.is_consent() {
                let same =
                    is_own && e.kind == grant.kind && e.server == grant.server && e.names().contains(name);
                return same.then_some(Replaced);
            }
            let of_kind = (e.kind, grant.kind) == (Kind::Revoke, Kind::Grant)
                || (e.kind, grant.kind) == (Kind::AdminRevoke, Kind::AdminGrant);
            let at_server = e.server == 0 || grant.server == 0 || e.server == grant.server;
            let is_named = e
                .names()
                .iter()
                .zip(e.marks())
                .any(|(n, m)| if m != 0 && mark != 0 { m == mark } else { at_server && n == name });
            let scope_gone = e.reach == Reach::ScopeGone && at_server && e.names().contains(name);
            let server_gone = e.reach == Reach::ServerGone && e.server != 0 && e.server == grant.server;
            let is_broad = e.kind == Kind::Revoke && (!e.has_pair() || e.names().is_empty());
            let all = e.names().is_empty()
                && match e.reach {
                    Reach::Named | Reach::ScopeGone | Reach::ServerGone => false,
                    Reach::Person | Reach::PersonGone => is_own || e.person() == grant.person(),
                    Reach::ClientGone => is_own || e.client == grant.client,
                    Reach::PersonAndClient => is_own,
                };
            let near = is_own
                || is_broad
                    && match e.reach {
                        Reach::Person | Reach::PersonGone => e.person() != 0 && e.person() == grant.person(),
                        Reach::ClientGone => e.client != 0 && e.client == grant.client,
                        Reach::ServerGone => e.server != 0 && e.server == grant.server,
                        Reach::ScopeGone => e.names().contains(name),
                        _ => false,
                    };
            (of_kind && near && (is_named || scope_gone || server_gone || all)).then_some(Revoked)
        });
        fates.push(fate);
    }
    let open = fates.iter().filter(|fate| fate.is_none()).count();
    let revoked = fates.contains(&Some(Revoked));
    match (open, revoked) {
        (0, false) => Replaced,
        _ if grant.kind == Kind::OrgGrant => CannotTell,
        (0, true) => Revoked,
        (_, true) => Partly,
        (_, false) => Stands,
    }
}

fn event() -> impl Strategy<Value = Event> {
    let kinds = [
        Kind::Grant,
        Kind::Grant,
        Kind::Revoke,
        Kind::Revoke,
        Kind::OrgGrant,
        Kind::AdminGrant,
        Kind::AdminRevoke,
    ];
    let reaches = [
        Reach::Named,
        Reach::Named,
        Reach::Person,
        Reach::PersonAndClient,
        Reach::PersonGone,
        Reach::ServerGone,
        Reach::ClientGone,
        Reach::ScopeGone,
    ];
    (
        (0..3_u32, 0..3_u32, 0..3_u32, 0..4_u32),
        0..kinds.len(),
        0..reaches.len(),
        0..4_u32,
        1..12_i64,
        0..10_u8,
    )
        .prop_map(move |((person, client, server, scopes), kind, reach, mark, time, fails)| {
            let kind = kinds[kind];
            let reach = if kind == Kind::Revoke { reaches[reach] } else { Reach::Named };
            Event { person, client, server, scopes, kind, reach, mark, time, fails: fails == 0 }
        })
}

#[test]
fn a_request_of_nobody_leaves_no_scope_in_the_org_that_its_row_had_before() {
    let mut rig = Rig::new();
    let event = Event { person: 0, client: 0, ..Event::grant(1, 1, 1) };
    for org in [OrgId(0), OrgId(1)] {
        rig.put_in(org, 1, &event);
    }
    rig.work();
    assert_eq!(rig.ledger.named_scopes(&rig.rows), Some(vec![false, false, true]), "number 0 is no scope");
}

proptest! {
    #[test]
    fn standing_is_what_the_definition_says(
        events in proptest::collection::vec(event(), 1..24),
        changed in proptest::collection::vec((0..24_usize, event()), 0..4),
        slices in any::<bool>(),
    ) {
        let mut rig = Rig::new();
        let mut known: Vec<(i64, Event)> = (1..).zip(events).collect();
        for (seq, event) in &known {
            rig.put(*seq, event);
            if slices {
                rig.ledger.work(&rig.rows);
            }
        }
        for (which, event) in changed {
            let count = known.len();
            let (seq, old) = &mut known[which % count];
            *old = event;
            rig.put(*seq, &old.clone());
            if slices {
                rig.ledger.work(&rig.rows);
            }
        }
        rig.work();
        for index in 0..known.len() {
            let at = rig.rows.find(Seq(known[index].0)).expect("it is there");
            prop_assert_eq!(rig.ledger.standing(at), naive(&known, index), "{:?} among {:?}", &known[index], &known);
        }
        // The counts of holders must match the grants in force.
        let mut held = std::collections::BTreeSet::new();
        let mut people = std::collections::BTreeSet::new();
        for (seq, event) in &known {
            let at = rig.rows.find(Seq(*seq)).expect("it is there");
            let Some(fates) = rig.ledger.fates(&rig.rows, at).filter(|_| event.kind != Kind::OrgGrant) else { continue };
            for (name, _) in event.names().iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Open) {
                held.insert((*name, event.client));
                if event.person() != 0 {
                    people.insert((*name, event.person()));
                }
            }
        }
        for scope in 1..rig.ledger.scopes.len() as u32 {
            let name = rig.ledger.scopes.name(scope).chars().next().expect("a name");
            let count = |of: &std::collections::BTreeSet<(char, u32)>| of.iter().filter(|(n, _)| *n == name).count() as u32;
            let wanted = Held { people: count(&people), clients: count(&held) };
            prop_assert_eq!(rig.ledger.held(scope), wanted);
        }
    }

    #[test]
    fn two_orgs_with_equal_ids_are_as_two_ledgers(
        events in proptest::collection::vec((any::<bool>(), event()), 1..30),
        changed in proptest::collection::vec((0..30_usize, event()), 0..4),
        cut in 0..10_i64,
        slices in any::<bool>(),
    ) {
        let mut both = Rig::new();
        let mut alone = [Rig::new(), Rig::new()];
        let changed = changed.into_iter().map(|(which, event)| (which % events.len(), event));
        let all = events.iter().cloned().enumerate().chain(changed.map(|(which, event)| (which, (events[which].0, event))));
        for (index, (is_second, event)) in all.collect::<Vec<_>>() {
            let seq = index as i64 + 1;
            let org = OrgId(u8::from(is_second));
            for rig in [&mut both, &mut alone[org.index()]] {
                rig.put_in(org, seq, &event);
                if slices {
                    rig.ledger.work(&rig.rows);
                }
            }
        }
        for rig in std::iter::once(&mut both).chain(&mut alone) {
            let gone = rig.rows.cut(Seq(3), Seq(3 + cut), &[]);
            rig.ledger.cut(&gone);
            rig.work();
        }
        for org in [OrgId(0), OrgId(1)] {
            prop_assert_eq!(told(&mut both, org), told(&mut alone[org.index()], org));
        }
    }

    #[test]
    fn rows_that_change_their_org_are_as_if_they_had_come_with_it(
        events in proptest::collection::vec((any::<bool>(), event()), 1..30),
        moved in proptest::collection::vec((0..30_usize, any::<bool>()), 1..30),
        slices in any::<bool>(),
    ) {
        let mut rig = Rig::new();
        let mut last = events.clone();
        let moves = moved.into_iter().map(|(which, is_second)| (which % events.len(), is_second));
        let all = events.iter().enumerate().map(|(index, (is_second, _))| (index, *is_second)).chain(moves);
        for (index, is_second) in all {
            last[index].0 = is_second;
            rig.put_in(OrgId(u8::from(is_second)), index as i64 + 1, &last[index].1);
            if slices {
                rig.ledger.work(&rig.rows);
            }
        }
        let mut fresh = Rig::new();
        for (seq, (is_second, event)) in (1..).zip(&last) {
            fresh.put_in(OrgId(u8::from(*is_second)), seq, event);
        }
        for rig in [&mut rig, &mut fresh] {
            rig.work();
        }
        for org in [OrgId(0), OrgId(1)] {
            let [found, wanted] = [&mut rig, &mut fresh].map(|rig| told(rig, org).without_history());
            prop_assert_eq!(found, wanted);
        }
    }
}
