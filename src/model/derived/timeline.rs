//! The timeline of a consent: the fate of each scope, and related events in the order of time.

use jiff::Timestamp;
use serde_json::Value;

use super::cells;
use crate::consent::{Beside, Evidence, Kind, KnownOrg, Person, Row, SideEvent, visible};
use crate::model::data::decided_by;
use crate::model::{Fate, Model, Node, RowRef, Standing, Weight};

/// The maximum number of events of the same person and client in a story. The nearest in time are shown, and the rest
/// are counted.
const NEAR_MAX: usize = 60;

/// Returns the org of a row if there are several, its standing, where else its client is, and its story, as lines of the
/// detail.
pub(in crate::model) fn told(model: &mut Model, at: RowRef, beside: Option<&Beside>) -> Vec<Node> {
    let mut nodes = Vec::new();
    org(model, at, &mut nodes);
    standing(model, at, &mut nodes);
    also_in(model, at, &mut nodes);
    story(model, at, beside, &mut nodes);
    nodes
}

fn node(path: String, depth: u16, label: String, value: String, weight: Weight) -> Node {
    Node { path, depth, label, value, weight, has_children: false }
}

fn org(model: &Model, at: RowRef, nodes: &mut Vec<Node>) {
    let orgs = model.rows.orgs();
    if !orgs.is_several() {
        return;
    }
    let words = match orgs.get(model.rows.get(at).org) {
        None => "not known".to_owned(),
        Some(KnownOrg { host, name: None, .. }) => visible(host).into_owned(),
        Some(KnownOrg { host, name: Some(name), .. }) => format!("{}, {}", name.as_str(), visible(host)),
    };
    nodes.push(node("org".into(), 0, "Org".into(), words, Weight::Heading));
}

/// Adds the other orgs in which people consented to the same client.
fn also_in(model: &mut Model, at: RowRef, nodes: &mut Vec<Node>) {
    let row = model.rows.get(at);
    let client = model.ledger.clients.number(row.org, row.client, model.rows.symbols());
    let others = model.ledger.also_in(model.rows.symbols(), client);
    let words = others.iter().map(|other| {
        let org = cells::org(model, model.ledger.clients.org(*other)).0;
        match model.ledger.client(*other).others {
            1 => format!("{org}, 1 person"),
            people => format!("{org}, {people} people"),
        }
    });
    let words: Vec<String> = words.collect();
    if !words.is_empty() {
        nodes.push(node("also".into(), 0, "Also In".into(), words.join("; "), Weight::Heading));
    }
}

fn standing(model: &mut Model, at: RowRef, nodes: &mut Vec<Node>) {
    let standing = model.ledger.standing(at);
    let row = model.rows.get(at);
    if standing == Standing::None {
        return;
    }
    let fates = model.ledger.fates(&model.rows, at).unwrap_or_default();
    let by = decided_by(&row, &fates).map(|by| cause(model, by));
    let words = match (standing, by) {
        (Standing::Pending, _) => "not computed yet".to_owned(),
        (Standing::CannotTell, _) => format!("cannot tell: {}", why_not(&row)),
        (Standing::Partly, Some(by)) => format!("partly revoked, last {by}"),
        (Standing::Revoked, Some(by)) => format!("revoked {by}"),
        (Standing::Replaced, Some(by)) => format!("replaced by a later consent, {by}"),
        (standing, _) => standing.word().to_owned(),
    };
    nodes.push(node("standing".into(), 0, "Standing".into(), words, Weight::Heading));
    let told = if standing == Standing::CannotTell { Vec::new() } else { fates };
    let scopes: Vec<String> =
        model.rows.symbols().fields(row.scopes).map(|name| visible(name).into_owned()).collect();
    for (index, (scope, fate)) in scopes.into_iter().zip(told).enumerate() {
        let words = match fate {
            Fate::Open => "stands".to_owned(),
            Fate::Revoked(by) => format!("revoked {}", cause(model, by)),
            Fate::Replaced(by) => format!("granted again {}", cause(model, by)),
        };
        nodes.push(node(format!("standing/{index}"), 1, scope, words, Weight::Value));
    }
}

fn why_not(row: &Row) -> &'static str {
    match (row.kind, row.evidence) {
        (Kind::OrgGrant, _) => "Okta logs no end of a consent at the org server",
        (_, Evidence::Unknown) => "the event does not say who consented",
        _ if row.client.0 == 0 => "the event names no client",
        _ => "the event names no scope, or did not succeed",
    }
}

/// Describes when and by whom a grant was ended.
fn cause(model: &Model, by: RowRef) -> String {
    let row = model.rows.get(by);
    let symbols = model.rows.symbols();
    let name = |sym| {
        let field = |index| symbols.field(sym, index);
        Person::shown(field(0), field(1), field(2)).map(|name| visible(name).into_owned())
    };
    let whom = match row.kind {
        Kind::Revoke | Kind::AdminRevoke if row.reach.is_implicit() => {
            "implicitly: what it depended on was removed".to_owned()
        }
        Kind::Revoke | Kind::AdminRevoke => {
            name(row.actor).map_or("by an unnamed actor".into(), |name| format!("by {name}"))
        }
        _ => String::new(),
    };
    format!("{} {whom}", moment(model, row.published_ms)).trim_end().to_owned()
}

fn moment(model: &Model, ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(at) if ms != 0 => at.to_zoned(model.zone.shown.clone()).strftime("%d %b %H:%M:%S").to_string(),
        _ => "no time".to_owned(),
    }
}

/// One event of a story.
struct Told {
    ms: i64,
    words: String,
    weight: Weight,
}

fn story(model: &mut Model, at: RowRef, beside: Option<&Beside>, nodes: &mut Vec<Node>) {
    let pair = model.ledger.beside(&model.rows, at);
    let here = pair.iter().position(|other| *other == at).unwrap_or(0);
    let from = here.saturating_sub(NEAR_MAX / 2);
    let near = &pair[from..pair.len().min(from + NEAR_MAX)];
    let mut rows: Vec<(RowRef, &str)> = near.iter().map(|other| (*other, "")).collect();
    for seq in beside.iter().flat_map(|beside| &beside.consents) {
        if let Some(other) = model.rows.find(*seq).filter(|other| !near.contains(other)) {
            rows.push((other, " (same session)"));
        }
    }
    if !rows.iter().any(|(other, _)| *other == at) {
        rows.push((at, ""));
    }
    let mut told: Vec<Told> = rows
        .iter()
        .map(|(other, why)| Told {
            ms: model.rows.key(*other).0,
            words: if *other == at {
                "this event".to_owned()
            } else {
                format!("{}{why}", event(model, *other))
            },
            weight: if *other == at { Weight::Absent } else { Weight::Value },
        })
        .collect();
    told.extend(beside.iter().flat_map(|beside| &beside.sides).map(side));
    told.sort_by_key(|told| told.ms);
    let hidden = pair.len() - near.len();
    let more = if hidden > 0 { format!("; {hidden} more of this person and client") } else { String::new() };
    let session = beside.map_or(0, |beside| beside.sides.len());
    let words = match told.len() {
        1 => "nothing else is known; e fetches the events of its session".to_owned(),
        n if session == 0 => format!("{n} events{more}; e fetches the events of its session"),
        n => format!("{n} events, {session} of its session and transaction{more}"),
    };
    nodes.push(node("story".into(), 0, "Story".into(), words, Weight::Heading));
    for (index, told) in told.into_iter().enumerate() {
        nodes.push(node(format!("story/{index}"), 1, moment(model, told.ms), told.words, told.weight));
    }
}

/// Describes a row in one line.
fn event(model: &Model, at: RowRef) -> String {
    let (row, symbols) = (model.rows.get(at), model.rows.symbols());
    let scopes: Vec<_> = symbols.fields(row.scopes).filter(|name| !name.is_empty()).map(visible).collect();
    let server =
        [1, 0].map(|index| symbols.field(row.server, index)).into_iter().find(|name| !name.is_empty());
    let server = server.map_or(String::new(), |name| format!(" at {}", visible(name)));
    let standing = match model.ledger.standing(at) {
        Standing::None | Standing::Pending => String::new(),
        standing => format!("; {}", standing.word()),
    };
    format!("{}{server}: {}{standing}", row.kind.word(), scopes.join(" "))
}

/// Describes a side event in one line.
fn side(side: &SideEvent) -> Told {
    let raw: Value = serde_json::from_str(&side.raw).unwrap_or(Value::Null);
    let text = |path: &[&str]| {
        let found = path.iter().try_fold(&raw, |value, key| value.get(key))?;
        found.as_str().map(|text| visible(text).into_owned())
    };
    let message = text(&["displayMessage"]).map_or(String::new(), |message| format!(": {message}"));
    let actor = text(&["actor", "alternateId"]).map_or(String::new(), |actor| format!(", by {actor}"));
    let outcome = text(&["outcome", "result"]).map_or(String::new(), |outcome| format!(", {outcome}"));
    Told {
        ms: side.published.map_or(0, Timestamp::as_millisecond),
        words: format!("{}{message}{actor}{outcome}", side.event_type.visible()),
        weight: Weight::Value,
    }
}
