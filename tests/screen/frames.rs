//! Golden frames: the screen at four sizes, text and styles. `UPDATE_FRAMES=1 cargo test --test screen` regenerates
//! them.

use std::time::Duration;

use consentwatch::consent::{Doubt, OrgId, Row, RowPage, Via};
use consentwatch::model::Msg;
use consentwatch::report::{Coverage, HookDelay, HookHealth, HookProof, HookRefused, Part, Pulse};
use consentwatch::sim::{SimFault, Variant};
use jiff::Timestamp;

use crate::golden;
use crate::rig::{Rig, backlog};

const SIZES: [(u16, u16); 4] = [(140, 40), (80, 24), (40, 10), (20, 5)];

fn at_every_size(name: &str, rig: &mut Rig) {
    for (width, height) in SIZES {
        rig.tell(Msg::Resize(width, height));
        golden::check(&format!("{name}-{width}x{height}"), &rig.frame());
    }
}

#[tokio::test]
async fn the_list_follows() {
    let mut rig = Rig::start(backlog(120), 140, 40).await;
    at_every_size("follow", &mut rig);
}

#[tokio::test]
async fn the_list_is_held_and_counts_what_is_new() {
    let mut plan = backlog(120);
    plan.variant = Variant::Classic;
    let mut rig = Rig::start(plan, 80, 24).await;
    rig.press("kkk");
    rig.org.emit(2);
    rig.advance(Duration::from_secs(11)).await;
    at_every_size("held", &mut rig);
}

#[tokio::test]
async fn the_detail_shows_the_card() {
    let mut plan = backlog(60);
    plan.variant = Variant::Classic;
    let mut rig = Rig::start(plan, 140, 40).await;
    rig.press("kkkk<enter><enter>");
    at_every_size("detail", &mut rig);
}

#[tokio::test]
async fn a_filter_that_is_wrong_says_where() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    rig.press("fkind:grant or (sco");
    at_every_size("filter-error", &mut rig);
}

#[tokio::test]
async fn the_page_of_keys() {
    let mut rig = Rig::start(backlog(5), 80, 24).await;
    rig.press("?");
    at_every_size("help", &mut rig);
}

#[tokio::test]
async fn the_pages_of_clients_people_and_scopes() {
    let mut rig = Rig::start_with_names(backlog(200), 140, 40).await;
    for (key, name) in [("2", "clients"), ("3", "people"), ("4", "scopes")] {
        rig.press(key);
        at_every_size(name, &mut rig);
    }
    rig.press("O");
    at_every_size("scopes-sorted", &mut rig);
}

#[tokio::test]
async fn what_is_searched_for_stands_out() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    rig.press("/openid<enter>n<enter>");
    at_every_size("search", &mut rig);
    rig.press("<esc><esc>OOO");
    at_every_size("sorted", &mut rig);
}

#[tokio::test]
async fn the_mask_hides_people_and_says_so() {
    let mut rig = Rig::start_with_names(backlog(60), 140, 40).await;
    let names: Vec<String> = {
        let (rows, symbols) = (&rig.model.rows, rig.model.rows.symbols());
        let fields = rows.order().iter().flat_map(|at| {
            let row = rows.get(*at);
            [(row.who, 3), (row.actor, 3), (row.from, 1)]
        });
        let fields =
            fields.flat_map(|(sym, n)| symbols.fields(sym).take(n).map(str::to_owned).collect::<Vec<_>>());
        fields.filter(|text| text.len() > 6 && text != "Okta System" && text != "system@okta.com").collect()
    };
    rig.press("pgg<enter><enter>");
    at_every_size("masked", &mut rig);
    rig.tell(Msg::Resize(200, 200));
    let mut texts = vec![rig.text()];
    for key in ["<end>", "<esc>2", "3", "4", "1"] {
        rig.press(key);
        texts.push(rig.text());
    }
    assert!(names.len() > 100);
    for text in texts {
        let left: Vec<&String> = names.iter().filter(|name| text.contains(name.as_str())).collect();
        assert!(left.is_empty(), "{left:?} in\n{text}");
        assert!(text.contains("MASKED"));
    }
}

#[tokio::test]
async fn the_strip_shows_when() {
    let mut rig = Rig::start(backlog(200), 140, 40).await;
    rig.press(" kkkkkkkkkkkkk i+[[[");
    at_every_size("strip", &mut rig);
}

#[tokio::test]
async fn a_refused_token_is_a_lasting_state() {
    let mut plan = backlog(60);
    plan.faults = vec![SimFault::Unauthorized];
    let mut rig = Rig::start(plan, 80, 24).await;
    at_every_size("refused", &mut rig);
    rig.press("6");
    at_every_size("refused-sources", &mut rig);
}

#[tokio::test]
async fn what_log_and_hook_do_not_confirm_is_seen() {
    let mut rig = Rig::start(backlog(60), 80, 24).await;
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    let mut board = rig.model.sources.first().board.clone();
    board.set(Part::Hook, Pulse::Live);
    board.hook = HookHealth {
        listens_at: Some("http://127.0.0.1:8787/okta/hook".to_owned()),
        up_since: Some(at("2026-03-04T06:00:00Z")),
        verified: Some(at("2026-03-04T06:00:05Z")),
        last_delivery: Some(at("2026-03-04T09:15:20Z")),
        deliveries: 1040,
        received: 1312,
        new: 1290,
        merged: 12,
        duplicates: 10,
        rejects: 1,
        refused: HookRefused { secret: 3, size: 1, unconfirmed: 7, ..HookRefused::default() },
        evicted: 1024,
        delay: HookDelay::of(&[Duration::from_millis(800), Duration::from_secs(11)]),
    };
    rig.tell(Msg::Board(OrgId(0), Box::new(board)));
    let hook = HookProof {
        verified: Some(at("2026-02-01T10:00:00Z")),
        unconfirmed: 2,
        missed: 1,
        altered: 1,
        unseen: 5,
        failures: 4,
        last_failure: Some(at("2026-03-04T08:00:00Z")),
    };
    let coverage = Coverage { hook, ..rig.model.sources.first().coverage.clone() };
    rig.tell(Msg::Coverage(OrgId(0), coverage));
    let both = Via::POLL.with(Via::HOOK);
    let doubts = [
        (Via::HOOK, Some(Doubt::Unconfirmed)),
        (Via::POLL, Some(Doubt::Missed)),
        (Via::HOOK, None),
        (both, Some(Doubt::Altered)),
    ];
    let newest = rig.model.rows.order().iter().rev().skip(2).map(|at| rig.model.rows.get(*at));
    let rows = newest.zip(doubts).map(|(row, (via, doubt))| Row { via, doubt, ..row }).collect();
    rig.tell(Msg::Changed(RowPage { rows, ..RowPage::default() }));
    at_every_size("hook", &mut rig);
    rig.press("6");
    at_every_size("hook-sources", &mut rig);
    let mut board = rig.model.sources.first().board.clone();
    let full = "All 256 connections of the hook's listener are taken.";
    board.set(
        Part::Hook,
        Pulse::Impaired(consentwatch::report::Fault::new(
            Part::Hook,
            "full",
            full,
            "New ones are accepted.",
            "",
        )),
    );
    rig.tell(Msg::Board(OrgId(0), Box::new(board)));
    at_every_size("hook-full", &mut rig);
}

#[tokio::test]
async fn no_color_and_ascii_still_say_everything() {
    let rig = Rig::start(backlog(60), 80, 24).await;
    let theme =
        consentwatch::view::Theme::new(consentwatch::view::ThemeKind::Mono, consentwatch::view::Depth::None)
            .with_ascii(true);
    let mut buffer = rig.buffer();
    buffer.reset();
    consentwatch::view::draw_cells(&rig.model, &theme, &mut buffer);
    golden::check("ascii-80x24", &golden::print(&buffer, &theme));
}
