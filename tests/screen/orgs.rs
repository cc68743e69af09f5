//! Two orgs in one list. The rows of the simulated org are divided between them.

use consentwatch::consent::{KnownOrg, OrgId, OrgName, Orgs, Row, RowPage, Sym, Symbol};
use consentwatch::model::{Column, Model, Msg, RowRef, Subject, Zone};

use crate::golden;
use crate::rig::{Rig, backlog};

const SIZES: [(u16, u16); 3] = [(140, 40), (80, 24), (40, 10)];
/// A text that the simulated org does not use.
const URL_CLIENT: Sym = Sym(60_000);

fn orgs() -> Orgs {
    let org = |host: &str, name: &str| KnownOrg {
        key: host.into(),
        host: host.into(),
        name: OrgName::parse(name).ok(),
    };
    Orgs::new(vec![org("example.okta.com", "prod"), org("example.oktapreview.com", "preview")])
}

/// Returns the rows of a screen and their texts. Every third row is of the second org, and every fifth is of a client
/// with a URL.
fn divided(rig: &Rig) -> RowPage {
    let (rows, texts) = (&rig.model.rows, rig.model.rows.symbols());
    let divide = |(at, index): (&RowRef, u8)| {
        let row = rows.get(*at);
        let client = if index % 5 == 4 { URL_CLIENT } else { row.client };
        Row { org: OrgId(u8::from(index % 3 == 2)), client, ..row }
    };
    let mut all: Vec<Row> = rows.order().iter().zip(0..).map(divide).collect();
    all.sort_unstable_by_key(|row| row.seq);
    let used = all.iter().flat_map(|row| [row.who, row.actor, row.client, row.server, row.scopes, row.from]);
    let text = |sym| Symbol::of(&texts.fields(sym).collect::<Vec<_>>());
    let mut symbols: Vec<(Sym, Symbol)> = used.map(|sym| (sym, text(sym))).collect();
    symbols.push((URL_CLIENT, Symbol::of(&["https://notes.example/client.json", "Notes"])));
    RowPage { rows: all, symbols, ..RowPage::default() }
}

/// Starts a screen of two orgs.
async fn two_orgs(width: u16, height: u16) -> Rig {
    let mut rig = Rig::start(backlog(60), width, height).await;
    let page = divided(&rig);
    let before = &rig.model;
    let mut model = Model::new(before.origin.clone(), Zone::default(), before.size, before.now);
    model.sources = before.sources.clone();
    rig.model = model;
    rig.tell(Msg::Orgs(orgs()));
    rig.tell(Msg::Committed(page));
    rig
}

fn at_every_size(name: &str, rig: &mut Rig) {
    for (width, height) in SIZES {
        rig.tell(Msg::Resize(width, height));
        golden::check(&format!("{name}-{width}x{height}"), &rig.frame());
    }
}

/// Returns the number of listed rows of each org.
fn listed(rig: &Rig) -> [usize; 2] {
    let rows = &rig.model.rows;
    let listed = rig.model.list.shown().unwrap_or_else(|| rows.order());
    [0, 1].map(|org| listed.iter().filter(|at| rows.get(**at).org == OrgId(org)).count())
}

#[tokio::test]
async fn each_row_says_which_org_it_belongs_to() {
    let mut rig = two_orgs(140, 40).await;
    rig.press("kkk");
    at_every_size("orgs", &mut rig);
    rig.press("2");
    at_every_size("orgs-clients", &mut rig);
    rig.press("4");
    at_every_size("orgs-scopes", &mut rig);
}

#[tokio::test]
async fn one_org_has_no_column() {
    let mut rig = Rig::start(backlog(60), 140, 40).await;
    let before = rig.frame();
    let one: Vec<KnownOrg> = orgs().iter().take(1).map(|(_, org)| org.clone()).collect();
    rig.tell(Msg::Orgs(Orgs::new(one)));
    assert_eq!(rig.frame(), before);
    rig.tell(Msg::Orgs(orgs()));
    assert!(rig.text().contains("ORG"), "{}", rig.text());
}

#[tokio::test]
async fn the_org_is_filtered_sorted_and_hidden() {
    let mut rig = two_orgs(140, 40).await;
    let all = listed(&rig);
    assert!(all[0] > all[1] && all[1] > 5, "{all:?}");
    rig.press("forg:prev<enter>");
    assert_eq!(listed(&rig), [0, all[1]]);
    rig.press("f<clear>-org:preview<enter>");
    assert_eq!(listed(&rig), [all[0], 0]);
    rig.press("<esc>O");
    assert_eq!(rig.model.order.as_ref().map(consentwatch::model::Order::column), Some(Column::Org));
    let rows = &rig.model.rows;
    let sorted: Vec<u8> =
        rig.model.list.shown().into_iter().flatten().map(|at| rows.get(*at).org.0).collect();
    // "preview" comes before "prod".
    assert_eq!(sorted, [vec![1; all[1]], vec![0; all[0]]].concat());
    rig.press("OOOOOOOOO");
    assert!(rig.model.order.is_none(), "the last column is followed by the time");
    rig.press("Cj<enter><esc>");
    assert!(!rig.text().contains("ORG"), "{}", rig.text());
    let hidden = rig.model.shape.words();
    assert!(hidden.starts_with("time -org"), "{hidden}");
    // It stays hidden after a restart, where the orgs come after the columns.
    let mut rig = rig.restart(|_| {}).await;
    rig.tell(Msg::Orgs(orgs()));
    assert_eq!(rig.model.shape.words(), hidden);
    rig.press("Cd<esc>");
    assert!(rig.text().contains("ORG"), "{}", rig.text());
}

#[tokio::test]
async fn a_filter_from_before_the_orgs_lists_them_when_they_come() {
    let mut rig = Rig::start(backlog(60), 140, 40).await;
    let page = divided(&rig);
    rig.tell(Msg::Changed(page));
    rig.press("forg:preview<enter>");
    assert_eq!(listed(&rig), [0, 0]);
    rig.tell(Msg::Orgs(orgs()));
    let first = listed(&rig);
    assert!(first[0] == 0 && first[1] > 5, "{first:?}");
    // The other org gets the name.
    let swapped: Vec<KnownOrg> =
        orgs().iter().collect::<Vec<_>>().into_iter().rev().map(|(_, org)| org.clone()).collect();
    rig.tell(Msg::Orgs(Orgs::new(swapped)));
    let second = listed(&rig);
    assert!(second[1] == 0 && second[0] > first[1], "{second:?}");
    // The names come before the full events are read.
    rig.tell(Msg::Orgs(Orgs::default()));
    rig.press("f<clear>org:preview txn:*<enter>");
    rig.look_up().await;
    assert_eq!(listed(&rig), [0, 0]);
    rig.tell(Msg::Orgs(orgs()));
    rig.look_up().await;
    assert_eq!(listed(&rig), first);
}

#[tokio::test]
async fn a_client_with_a_url_is_also_in_the_other_org() {
    let mut rig = two_orgs(140, 40).await;
    rig.press("2");
    let text = rig.text();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("Notes also in ")).collect();
    let has = |note: &str, org: &str| lines.iter().any(|line| line.contains(note) && line.contains(org));
    assert_eq!(lines.len(), 2, "{text}");
    assert!(has("also in preview", " prod ") && has("also in prod", " preview "), "{text}");
    // The line lists only the consents of its org.
    let at = |rig: &Rig| {
        let number = rig.model.pivots[Subject::Clients as usize].cursor().expect("a client");
        (rig.model.rows.symbols().field(rig.model.ledger.clients.text(number), 1) == "Notes")
            .then(|| rig.model.ledger.clients.org(number))
    };
    while at(&rig) != Some(OrgId(1)) {
        rig.press("j");
    }
    rig.press("<enter>");
    let filter = rig.model.filter.as_ref().expect("a filter").query().text().to_owned();
    assert_eq!(filter, "client:=\"https://notes.example/client.json\" org:=\"preview\"");
    let count = listed(&rig);
    assert!(count[0] == 0 && count[1] > 0, "{count:?}");
    rig.press("k<enter>");
    rig.until("the detail", |rig| rig.text().contains("Story")).await;
    rig.tell(Msg::Resize(140, 100));
    let text = rig.text();
    let says = |label: &str| text.lines().any(|line| line.contains("Org  ") && line.contains(label));
    assert!(says("preview, example.oktapreview.com"), "{text}");
    assert!(text.contains("Also In") && text.contains("prod, "), "{text}");
}
