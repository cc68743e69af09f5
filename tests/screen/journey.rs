//! Tests from the log of the simulated org to the screen, over real sockets, with every fault.

use std::collections::BTreeSet;
use std::time::Duration;

use consentwatch::consent::{EventId, Evidence, OrgId, Row, Seq, Stored, Sym, Thing};
use consentwatch::journal::Reader;
use consentwatch::model::{Mode, Msg};
use consentwatch::report::{Part, Pulse};
use consentwatch::sim::{SimFault, Variant};

use crate::rig::{Rig, backlog};

const POLL: Duration = Duration::from_secs(11);

/// Returns the stored uuids without repetitions.
fn listed(rig: &Rig) -> usize {
    rig.model.rows.len()
}

#[tokio::test]
async fn the_whole_story_reaches_the_list() {
    for variant in [Variant::Oie, Variant::Classic] {
        let mut plan = backlog(730);
        plan.variant = variant;
        let mut rig = Rig::start(plan, 80, 24).await;
        assert_eq!(listed(&rig), rig.org.held_total());
        assert_eq!(*rig.model.sources.first().board.get(Part::Poll), Pulse::Live, "{}", rig.text());
        let new = rig.org.emit(7);
        assert_eq!(new.len(), 7);
        rig.advance(POLL).await;
        assert_eq!(listed(&rig), rig.org.held_total());
    }
}

#[tokio::test]
async fn every_row_draws_and_opens_at_every_size() {
    let mut rig = Rig::start(backlog(230), 80, 24).await;
    rig.press("<enter>g");
    for _ in 0..230 {
        rig.press("j");
        for (width, height) in [(200, 50), (80, 24), (30, 8), (9, 3), (1, 1), (0, 0)] {
            rig.tell(Msg::Resize(width, height));
            drop(rig.buffer());
        }
    }
}

#[tokio::test]
async fn nothing_hostile_reaches_the_cells() {
    let mut rig = Rig::start(backlog(400), 140, 40).await;
    rig.press("g<enter>");
    for _ in 0..20 {
        rig.press("<pgdn>");
        for cell in rig.buffer().content() {
            for c in cell.symbol().chars() {
                let hidden = c.is_control()
                    || matches!(c, '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}');
                assert!(!hidden, "U+{:04X} is in a cell", c as u32);
            }
        }
    }
}

#[tokio::test]
async fn a_late_event_goes_in_at_its_time_and_does_not_move_the_reader() {
    let mut rig = Rig::start(backlog(100), 140, 24).await;
    rig.press("kkkkk");
    let lines = |rig: &Rig| rig.text().lines().skip(2).take(18).map(str::to_owned).collect::<Vec<_>>();
    let before = lines(&rig);
    rig.org.emit_late(Duration::from_hours(19));
    rig.advance(POLL).await;
    assert_eq!(listed(&rig), 101);
    assert_eq!(lines(&rig), before);
    assert!(rig.text().contains("1 new"), "{}", rig.text());
}

#[tokio::test]
async fn the_page_of_sources_says_what_came_late_and_what_is_used() {
    let mut plan = backlog(100);
    plan.requests_per_minute = 20;
    let mut rig = Rig::start(plan, 80, 24).await;
    rig.press("6");
    assert!(!rig.text().contains("late "), "{}", rig.text());
    for wanted in ["last poll 04 Mar 09:15:00, every 10 s", "of our 20 requests a minute; the limit is 20, 1"]
    {
        assert!(rig.text().contains(wanted), "{wanted}: {}", rig.text());
    }
    rig.org.emit(1);
    rig.org.emit_late(Duration::from_hours(19));
    rig.advance(POLL).await;
    for wanted in ["late      1 came late", "last poll 04 Mar 09:15:11"] {
        assert!(rig.text().contains(wanted), "{wanted}: {}", rig.text());
    }
    // Others use up the same limit. The status bar says so if less than a tenth is left.
    rig.press("6");
    assert!(!rig.text().contains("requests left"), "{}", rig.text());
    let sources = rig.model.sources.of_mut(OrgId(0)).expect("the org");
    sources.board.traffic.remaining = Some(1);
    sources.board.traffic.limit = Some(20);
    rig.press("j");
    assert!(rig.text().contains("1 of 20 requests left"), "{}", rig.text());
}

/// Returns the number of rows that show only an id for client or person, or nobody.
fn nameless(rig: &Rig) -> [usize; 3] {
    let (rows, symbols) = (&rig.model.rows, rig.model.rows.symbols());
    let all: Vec<Row> = rows.order().iter().map(|at| rows.get(*at)).collect();
    let bare = |sym: Sym| Thing::unnamed_in(symbols.joined(sym)).is_some();
    [
        all.iter().filter(|row| bare(row.client)).count(),
        all.iter().filter(|row| bare(row.who)).count(),
        all.iter().filter(|row| row.evidence == Evidence::Unknown).count(),
    ]
}

#[tokio::test]
async fn ids_get_their_names_and_nobodys_consents_their_person() {
    let mut rig = Rig::start_with_names(backlog(120), 140, 30).await;
    let before = nameless(&rig);
    assert!(before.iter().all(|count| *count > 1), "{before:?}");
    rig.press("gg<enter>");
    // One look-up every two seconds, since the poller has priority.
    for _ in 0..240 {
        rig.advance(Duration::from_secs(1)).await;
    }
    let after = nameless(&rig);
    assert_eq!(after[..2], [0, 0], "{}", rig.text());
    assert!(after[2] < before[2], "{before:?} {after:?}");
    let inferred = rig.model.rows.order().iter().map(|at| rig.model.rows.get(*at));
    assert!(inferred.filter(|row| row.evidence == Evidence::Session).count() > 1);
    // The open detail was read again, and shows where its names come from.
    assert!(rig.text().contains("Looked Up"), "{}", rig.text());
    assert_eq!(rig.model.sources.first().board.notes.all().count(), 0);
    // Known names are not looked up again.
    let asked = rig.org.requests();
    rig.advance(Duration::from_mins(1)).await;
    assert!(rig.org.requests() - asked <= 7, "{}", rig.org.requests() - asked);
}

#[tokio::test]
async fn without_the_right_to_read_apps_clients_stay_ids_and_the_page_says_why() {
    let mut rig = Rig::start_as_app(backlog(60), &["okta.logs.read", "okta.users.read"], 100, 30).await;
    for _ in 0..100 {
        rig.advance(Duration::from_secs(1)).await;
    }
    let [clients, people, _] = nameless(&rig);
    assert!(clients > 0 && people == 0, "{}", rig.text());
    rig.press("6");
    assert!(rig.text().contains("The names of clients are not looked up"), "{}", rig.text());
    assert_eq!(*rig.model.sources.first().board.get(Part::Poll), Pulse::Live);
}

#[tokio::test]
async fn half_a_year_later_it_begins_anew_and_says_so() {
    let mut rig = Rig::start(backlog(50), 80, 24).await;
    rig.clock.advance(Duration::from_hours(24 * 181));
    rig.org.emit(3);
    rig.drive(Duration::from_secs(5), |rig| listed(rig) == 53).await;
    rig.settle().await;
    assert_eq!(*rig.model.sources.first().board.get(Part::Poll), Pulse::Live, "{}", rig.text());
    assert_eq!(rig.model.sources.first().coverage.gaps.len(), 1, "{:?}", rig.model.sources.first().coverage);
}

/// Every fault, for a while: afterwards the poller recovers by itself, and nothing is missing or duplicated.
#[tokio::test]
async fn every_passing_fault_passes() {
    let faults = SimFault::WORDS.into_iter().filter_map(SimFault::from_word);
    let statuses =
        ["status_400_E0000001", "status_400_E0000053", "status_400_E0000031", "status_410", "status_451"];
    let statuses = statuses.into_iter().filter_map(SimFault::from_word);
    // A slow body needs a clock that advances during the request.
    for fault in faults.chain(statuses).filter(|fault| *fault != SimFault::SlowBody) {
        let mut rig = Rig::start(backlog(150), 80, 24).await;
        rig.org.emit(5);
        rig.org.fail_next(fault, 2);
        for _ in 0..30 {
            rig.advance(Duration::from_secs(30)).await;
            if *rig.model.sources.first().board.get(Part::Poll) == Pulse::Live
                && listed(&rig) == rig.org.held_total()
            {
                break;
            }
        }
        assert_eq!(
            *rig.model.sources.first().board.get(Part::Poll),
            Pulse::Live,
            "{}: {}",
            fault.word(),
            rig.text()
        );
        assert_eq!(listed(&rig), rig.org.held_total(), "{}", fault.word());
    }
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed_and_the_place_is_kept() {
    let mut plan = backlog(150);
    plan.faults = vec![SimFault::ForeignNext];
    let mut rig = Rig::start(plan, 80, 24).await;
    assert_eq!((rig.org.requests(), listed(&rig)), (1, 100), "what came with the page is good");
    for _ in 0..4 {
        assert!(rig.text().contains("next link leads elsewhere"), "{}", rig.text());
        rig.advance(Duration::from_mins(1)).await;
    }
    assert_eq!((rig.org.requests(), listed(&rig)), (5, 100), "it asks again at the same place");
    rig.org.switch(SimFault::ForeignNext, false);
    rig.advance(Duration::from_mins(1)).await;
    assert_eq!(listed(&rig), rig.org.held_total());
    assert_eq!(*rig.model.sources.first().board.get(Part::Poll), Pulse::Live, "{}", rig.text());
}

#[tokio::test]
async fn records_that_cannot_be_read_stand_in_the_bar_for_a_day_and_on_page_6_for_good() {
    let mut rig = Rig::start(backlog(50), 140, 30).await;
    assert!(!rig.text().contains("unreadable"), "{}", rig.text());
    rig.org.fail_next(SimFault::BadRecord, 1);
    rig.org.emit(5);
    rig.advance(POLL).await;
    assert_eq!(listed(&rig), 55);
    assert!(rig.text().contains("3 unreadable since 04 Mar 09:15"), "{}", rig.text());
    rig.press("6");
    for words in
        ["3 records of the System Log could not be read", "They are kept in the journal", "Admin Console"]
    {
        assert!(rig.text().contains(words), "{words:?} is missing:\n{}", rig.text());
    }
    rig.press("<esc>");
    let mut rig = rig.restart(|_| {}).await;
    assert!(rig.text().contains("3 unreadable since 04 Mar 09:15"), "{}", rig.text());
    let later = rig.clock.now().checked_add(Duration::from_hours(25)).expect("a time");
    rig.tell(Msg::Minute(later));
    assert!(!rig.text().contains("unreadable since"), "{}", rig.text());
    rig.press("6");
    assert!(rig.text().contains("3 records of the System Log could not be read"), "{}", rig.text());
}

#[tokio::test]
async fn a_refused_token_never_spins_and_stored_rows_stay() {
    let mut rig = Rig::start(backlog(50), 80, 24).await;
    rig.org.switch(SimFault::Unauthorized, true);
    let before = rig.org.requests();
    for _ in 0..60 {
        rig.advance(Duration::from_secs(10)).await;
    }
    assert!(rig.org.requests() - before <= 12, "at most one try a minute");
    assert!(rig.text().contains("401") || rig.text().contains("token"), "{}", rig.text());
    assert_eq!(listed(&rig), 50);
    rig.org.switch(SimFault::Unauthorized, false);
    rig.org.emit(1);
    rig.press("r");
    for _ in 0..3 {
        rig.advance(Duration::from_mins(1)).await;
    }
    assert_eq!(listed(&rig), 51);
    assert_eq!(*rig.model.sources.first().board.get(Part::Poll), Pulse::Live, "{}", rig.text());
}

#[tokio::test]
async fn stored_rows_are_the_org_s_own() {
    let mut rig = Rig::start(backlog(300), 80, 24).await;
    assert_same_events(&rig);
    rig.org.emit(20);
    rig.org.emit_late(Duration::from_hours(19));
    rig.advance(POLL).await;
    assert_eq!(listed(&rig), 321);
    assert_same_events(&rig);
}

/// The journal holds the events of the org, each once, and the screen has every row of the journal and no other.
#[track_caller]
fn assert_same_events(rig: &Rig) {
    let reader = Reader::open(&rig.folder.path().join("org")).expect("the journal");
    let stored = reader.records_after(Seq(0), 100_000).expect("rows");
    let uuid = |row: &Stored| match row.key.id {
        EventId::Uuid(bytes) => uuid::Uuid::from_bytes(bytes).to_string(),
        EventId::Digest(_) => panic!("every event of the story has a uuid"),
    };
    let uuids: BTreeSet<String> = stored.iter().map(uuid).collect();
    assert_eq!(uuids.len(), stored.len(), "each is there once");
    assert_eq!(uuids, rig.org.uuids().into_iter().collect());
    let rows = &rig.model.rows;
    let shown: Vec<Seq> = rows.order().iter().map(|at| rows.get(*at).seq).collect();
    assert_eq!(
        shown.iter().copied().collect::<BTreeSet<_>>(),
        stored.iter().map(|row| row.seq).collect::<BTreeSet<_>>()
    );
    assert_eq!(shown.len(), stored.len());
}

#[tokio::test]
async fn a_slow_body_is_waited_for() {
    let mut rig = Rig::start(backlog(150), 80, 24).await;
    rig.org.emit(5);
    rig.org.fail_next(SimFault::SlowBody, 1);
    rig.clock.advance(POLL);
    rig.drive(Duration::from_millis(200), |rig| listed(rig) == 155).await;
    assert_eq!(listed(&rig), rig.org.held_total());
}

#[tokio::test]
async fn a_token_that_is_put_right_is_found() {
    let mut plan = backlog(20);
    plan.token = "00another-token".to_owned();
    let mut rig = Rig::start(plan, 80, 24).await;
    assert!(
        rig.model.sources.first().board.get(Part::Poll).fault().is_some_and(|fault| fault.refused),
        "{}",
        rig.text()
    );
    std::fs::write(rig.folder.path().join("token"), "00another-token\n").expect("written");
    rig.advance(Duration::from_mins(2)).await;
    assert_eq!(*rig.model.sources.first().board.get(Part::Poll), Pulse::Live, "{}", rig.text());
    assert_eq!(listed(&rig), 20);
}

#[tokio::test]
async fn a_page_gives_back_what_it_lay_over() {
    let mut rig = Rig::start(backlog(60), 140, 40).await;
    rig.press("kk<enter><enter>");
    assert_eq!(rig.model.mode(), Mode::Detail);
    let before = rig.text();
    for keys in ["?<esc>", "??", "6<esc>", "66", "?6<esc>"] {
        rig.press(keys);
        assert_eq!((rig.model.mode(), rig.text() == before), (Mode::Detail, true), "{keys}");
    }
}

#[tokio::test]
async fn a_session_is_fetched_into_the_story() {
    let mut rig = Rig::start_with_names(backlog(60), 140, 90).await;
    let is_of_a_session = |rig: &Rig| {
        let at = rig.model.list.cursor().expect("a row");
        rig.model.rows.get(at).evidence == Evidence::Session
    };
    rig.drive(Duration::from_secs(1), |rig| {
        let mut rows = rig.model.rows.order().iter().map(|at| rig.model.rows.get(*at));
        rows.any(|row| row.evidence == Evidence::Session)
    })
    .await;
    rig.press("k");
    while !is_of_a_session(&rig) {
        rig.press("k");
    }
    rig.press("<enter>");
    assert!(rig.text().contains("Story"), "{}", rig.text());
    rig.press("e");
    rig.drive(Duration::from_secs(1), |rig| rig.text().contains("are in the story")).await;
    rig.settle().await;
    rig.press("<enter>/user.session<enter>");
    assert!(rig.text().contains("user.session.start"), "{}", rig.text());
}

#[tokio::test]
async fn a_filter_looks_into_whole_events() {
    let mut rig = Rig::start(backlog(200), 140, 30).await;
    rig.press("k<enter>");
    let uuid =
        rig.model.opened.as_ref().and_then(|opened| opened.consent.as_ref()?.uuid.clone()).expect("a uuid");
    rig.press(&format!("fuuid:{}<enter>", uuid.exact()));
    rig.look_up().await;
    assert!(rig.text().contains(" 1 of 200"), "{}", rig.text());
    let count = |rig: &Rig| rig.model.list.len(&rig.model.rows);
    let all = ["message:*", "-message:*", "kind:revoke message:*"].map(str::to_owned);
    let mut counts = Vec::new();
    for text in all {
        rig.press(&format!("f<clear>{text}<enter>"));
        rig.look_up().await;
        counts.push(count(&rig));
    }
    assert_eq!(counts[0] + counts[1], 200, "{counts:?}");
    assert!(counts[0] > 100 && (1..100).contains(&counts[2]), "{counts:?}");
    // Later events are read as well.
    rig.press("f<clear>message:*<enter>");
    rig.look_up().await;
    rig.org.emit(20);
    rig.advance(POLL).await;
    rig.look_up().await;
    let with_message = count(&rig);
    rig.press("f<clear>-message:*<enter>");
    rig.look_up().await;
    assert_eq!(with_message + count(&rig), 220);
}
