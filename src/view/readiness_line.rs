//! Line 1 of the status bar: the readiness of the org to produce consents.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::Pen;
use super::{Role, Theme, sources_line, text, time};
use crate::model::{Model, OrgSources};
use crate::report::{Confidence, Overall, Part, Pulse, Readiness, ReadinessItem, SERVERS, process};

/// The age in minutes from which a probe is shown as old. Useful probe intervals are much shorter.
const OLD_MINUTES: i64 = 30;

/// A cell of the line: its text in three lengths, longest first, and its rank.
struct Cell {
    words: [String; 3],
    role: Role,
    /// The priority of the cell. The lowest is dropped first if there is no room.
    rank: u8,
}

/// Draws line 1 of the status bar. Blockers come first, and cells that do not fit are left out.
pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut pen = Pen::new(buffer, theme, area);
    let dot = if theme.ascii { " | " } else { " · " };
    if model.sources.is_several() {
        return several(model, theme, &mut pen, area.width);
    }
    let board = &model.sources.first().board;
    let Some(found) = &board.readiness else {
        let words = match board.get(Part::Readiness) {
            _ if model.offline.is_some() => " READINESS not in these files".to_owned(),
            Pulse::Elsewhere(holder) => format!(" READINESS probed by {}, not here", process(holder)),
            pulse if pulse.fault().is_some() => format!(" READINESS {}", sources_line::words(model, pulse)),
            _ if area.width >= 120 => [
                " READINESS not probed yet",
                "API_ACCESS_MANAGEMENT ?",
                "_CONSENT ?",
                "_EXTENSIBILITY ? (optional)",
                "ENG_OIE_CONSENT ?",
            ]
            .join(dot),
            _ if area.width >= 60 => {
                [" READINESS not probed yet", "API AM ?", "consent ?", "OIE consent ?"].join(dot)
            }
            _ => " READINESS not probed yet".to_owned(),
        };
        pen.put(0, &words, Role::Dim);
        return;
    };
    let (verdict, role) = verdict(found);
    let width = text::width;
    let room = area.width.saturating_sub(width(verdict) + 1);
    let cells = fit(cells(model, found), room, width(dot));
    pen.put(0, &format!(" {verdict}"), role);
    for (at, (words, role)) in cells.iter().enumerate() {
        let gap = if at == 0 { "  " } else { dot };
        pen.put(0, gap, Role::Dim);
        pen.put(0, &model.mask.text(words), *role);
    }
}

fn verdict(found: &Readiness) -> (&'static str, Role) {
    match found.verdict {
        _ if found.credentials_refused => ("CREDENTIALS REFUSED", Role::Bad),
        Overall::Ready => ("READY", Role::Good),
        Overall::NotReady => ("NOT READY", Role::Bad),
        Overall::Unproven => ("NOT PROVEN", Role::Wait),
    }
}

/// Draws the verdict of each of several orgs, blocked ones first.
fn several(model: &Model, theme: &Theme, pen: &mut Pen<'_>, width: u16) {
    let dot = if theme.ascii { " | " } else { " · " };
    let cell = |sources: &OrgSources| {
        let (words, role) = match &sources.board.readiness {
            Some(found) => verdict(found),
            None if sources.board.get(Part::Readiness).fault().is_some() => ("NOT PROBED", Role::Wait),
            None if model.offline.is_some() => ("not in these files", Role::Dim),
            None if matches!(sources.board.get(Part::Readiness), Pulse::Elsewhere(_)) => {
                ("probed elsewhere", Role::Dim)
            }
            None => ("not probed yet", Role::Dim),
        };
        let words = format!("{} {words}", sources.known.label());
        Cell { words: [words.clone(), words.clone(), words], role, rank: rank(role) }
    };
    let mut cells: Vec<Cell> = model.sources.iter().map(cell).collect();
    cells.sort_by_key(|cell| std::cmp::Reverse(cell.rank));
    let all = cells.len();
    let more = format!("+{all}, page 5");
    let cells = fit(cells, width.saturating_sub(text::width(&more) + text::width(dot) + 1), text::width(dot));
    for (at, (words, role)) in cells.iter().enumerate() {
        pen.put(0, if at == 0 { " " } else { dot }, Role::Dim);
        pen.put(0, words, *role);
    }
    if cells.len() < all {
        pen.put(0, &format!("{dot}+{}, page 5", all - cells.len()), Role::Dim);
    }
}

/// Returns the priority of an org's cell. Those that are ready are left out first.
fn rank(role: Role) -> u8 {
    match role {
        Role::Bad => 3,
        Role::Wait => 2,
        Role::Dim => 1,
        _ => 0,
    }
}

/// Chooses the longest texts that fit. If even the shortest do not fit, drops the cells of the lowest rank.
fn fit(mut cells: Vec<Cell>, room: u16, gap: u16) -> Vec<(String, Role)> {
    let taken = |cells: &[Cell], level: usize| {
        cells.iter().map(|cell| u32::from(text::width(&cell.words[level]) + gap)).sum::<u32>()
    };
    let level = (0..3).find(|level| taken(&cells, *level) <= u32::from(room)).unwrap_or(2);
    while cells.len() > 1 && taken(&cells, level) > u32::from(room) {
        let least = cells.iter().map(|cell| cell.rank).min();
        if let Some(at) = cells.iter().position(|cell| Some(cell.rank) == least) {
            cells.remove(at);
        }
    }
    cells
        .into_iter()
        .map(|Cell { words, role, .. }| {
            let [long, middle, short] = words;
            (
                if level == 0 {
                    long
                } else if level == 1 {
                    middle
                } else {
                    short
                },
                role,
            )
        })
        .collect()
}

fn cells(model: &Model, found: &Readiness) -> Vec<Cell> {
    let item = |id: &str| found.item(id);
    let mut cells = Vec::new();
    let mut add = |rank: u8, role: Role, long: String, middle: String, short: String| {
        cells.push(Cell { words: [long, middle, short], role, rank });
    };
    if let Some(engine) = item("engine") {
        let short = match engine.state.as_str() {
            "Identity Engine" => "OIE",
            "Classic" => "Classic",
            _ => "engine ?",
        };
        add(3, Role::Text, short.into(), short.into(), short.into());
    }
    if let Some(product) = item("api_access_management") {
        let (long, short) = words(product);
        add(
            6,
            role(product),
            format!("API_ACCESS_MANAGEMENT {long}"),
            format!("API AM {long}"),
            format!("API AM {short}"),
        );
    }
    let (server, server_role) = server(found);
    add(8, server_role, server.clone(), server.clone(), server);
    if let Some(scopes) = item("scopes") {
        let words = match (scopes.confidence, scopes.state.split_once(' ')) {
            (Confidence::Confirmed, Some(("none", _))) => ["no scope asks"; 3].map(str::to_owned),
            (Confidence::Confirmed, Some((count, _))) => [
                format!("{} for consent", scopes.state),
                format!("{count} scopes ask"),
                format!("{count} ask"),
            ],
            _ => {
                let (long, short) = self::words(scopes);
                [format!("scopes {long}"), format!("scopes {long}"), format!("scopes {short}")]
            }
        };
        let [long, middle, short] = words;
        add(5, role(scopes), long, middle, short);
    }
    let proof = item("history").filter(|history| history.confidence == Confidence::Confirmed);
    let proof = proof.and_then(|history| history.state.strip_prefix("proven ")?.parse::<Timestamp>().ok());
    if let Some(consent) = item("api_access_management_consent") {
        let (long, short) = match proof {
            Some(at) => (format!("proven {}", clock(model, at)), format!("proven {}", clock(model, at))),
            None => words(consent),
        };
        add(
            7,
            role(consent),
            format!("API_ACCESS_MANAGEMENT_CONSENT {long}"),
            format!("consent: {long}"),
            format!("consent {short}"),
        );
    }
    if let Some(extensibility) = item("api_access_management_extensibility") {
        let (long, short) = words(extensibility);
        add(
            1,
            Role::Dim,
            format!("API_ACCESS_MANAGEMENT_EXTENSIBILITY {long} (optional)"),
            format!("EXTENSIBILITY {long} (optional)"),
            format!("EXT {short} (optional)"),
        );
    }
    if let Some(oie) = item("eng_oie_consent") {
        let (long, short) = match (&*oie.state, proof) {
            ("not applicable", _) => ("n/a".to_owned(), "n/a".to_owned()),
            ("on", Some(_)) => ("proven".to_owned(), "proven".to_owned()),
            _ => words(oie),
        };
        let role = if oie.state == "not applicable" { Role::Dim } else { role(oie) };
        let [long, middle] = ["ENG_OIE_CONSENT", "ENG_OIE_CONSENT:"].map(|name| format!("{name} {long}"));
        add(4, role, long, middle, format!("OIE consent {short}"));
    }
    let (probed, role, rank) = probed(model, found);
    add(rank, role, probed.clone(), probed.clone(), probed);
    // Blockers come first and are dropped last.
    for cell in &mut cells {
        if cell.role == Role::Bad {
            cell.rank = 9;
        }
    }
    cells.sort_by_key(|cell| cell.role != Role::Bad);
    cells
}

/// Returns the cell for the authorization server with its access policy and rule.
fn server(found: &Readiness) -> (String, Role) {
    let Some(server) = found.item(SERVERS) else { return ("server ?".to_owned(), Role::Wait) };
    let name = server.name.strip_prefix("Authorization server ").unwrap_or(&server.name);
    let gates = [("policy", found.item("access_policy")), ("rule", found.item("access_rule"))];
    let state = match server.confidence {
        Confidence::NotPermitted | Confidence::CannotTell => server.confidence.word().to_owned(),
        Confidence::Likely => format!("likely {}", server.state),
        Confidence::Confirmed => server.state.clone(),
    };
    if server.state != "ACTIVE" {
        return (format!("{name} {state}"), role(server));
    }
    let is_good = |item: Option<&ReadinessItem>| {
        item.is_some_and(|item| item.confidence == Confidence::Confirmed && !item.blocking)
    };
    match gates {
        [(_, Some(policy)), _] if policy.blocking => (format!("{name} ACTIVE, no active policy"), Role::Bad),
        [_, (_, Some(rule))] if rule.blocking => (format!("{name} ACTIVE, no rule for people"), Role::Bad),
        [(_, policy), (_, rule)] if is_good(policy) && is_good(rule) => {
            (format!("{name} ACTIVE policy+rule"), Role::Good)
        }
        _ => (format!("{name} ACTIVE, policy ?"), Role::Wait),
    }
}

/// Returns the verdict of an item in a long and in a short form.
fn words(item: &ReadinessItem) -> (String, String) {
    match item.confidence {
        Confidence::Confirmed => (item.state.clone(), item.state.clone()),
        Confidence::Likely => (format!("likely {}", item.state), format!("{}?", item.state)),
        Confidence::CannotTell => ("cannot tell".to_owned(), "?".to_owned()),
        Confidence::NotPermitted => ("not permitted".to_owned(), "no right".to_owned()),
    }
}

/// Returns the role of an item's verdict.
pub(super) fn role(item: &ReadinessItem) -> Role {
    match item.confidence {
        _ if item.blocking => Role::Bad,
        Confidence::Confirmed if item.id == "token" && item.state == "refused" => Role::Bad,
        Confidence::Confirmed => Role::Good,
        Confidence::Likely => Role::Wait,
        Confidence::CannotTell | Confidence::NotPermitted => Role::Dim,
    }
}

/// Returns the cell for the time of the probes. Shows their age if they are old.
pub(super) fn probed(model: &Model, found: &Readiness) -> (String, Role, u8) {
    let minutes = model.now.duration_since(found.probed).as_mins();
    let at = clock(model, found.probed);
    if minutes >= OLD_MINUTES {
        (format!("probed {at}, {minutes} min ago"), Role::Wait, 8)
    } else {
        (format!("probed {at}"), Role::Dim, 2)
    }
}

/// Returns a time without the date if it is today, or with it otherwise.
fn clock(model: &Model, at: Timestamp) -> String {
    let zoned = |at: Timestamp| at.to_zoned(model.zone.shown.clone());
    if zoned(at).date() == zoned(model.now).date() {
        zoned(at).strftime("%H:%M").to_string()
    } else {
        time::moment(model, at)
    }
}
