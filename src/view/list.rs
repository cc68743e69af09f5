//! The rows of the window.

use std::borrow::Cow;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::Pen;
use super::{Role, Theme, marks, text};
use crate::consent::{Doubt, Evidence, Kind, Outcome, Person, Row, Symbols, visible};
use crate::model::{Column, Loading, Model, Pane, Regions, RowRef, Search, Standing, columns};
use crate::report::{Part, Pulse};

pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, regions: &Regions) {
    let area = regions.list;
    if area.is_empty() {
        return;
    }
    let columns = columns(area.width, &model.shape);
    if !regions.header.is_empty() {
        let mut pen = Pen::new(buffer, theme, regions.header).over(Role::Header);
        let sorted = model.order.as_ref().map_or(Column::Time, crate::model::Order::column);
        for (column, head, x, width) in &columns {
            let sign = {
                let is_told = model.order.is_some() || model.list.is_newest_first();
                theme.sort_sign(is_told && *column == sorted, model.list.is_newest_first())
            };
            pen.go(*x);
            pen.put_within(0, &format!("{head}{sign}"), Role::Header, *width);
        }
    }
    let window = model.list.window(&model.rows, usize::from(area.height));
    if window.rows.is_empty() {
        return nothing(model, theme, buffer, area);
    }
    let has_keys = model.pane == Pane::List;
    let role = if has_keys { Role::Selected } else { Role::SelectedDim };
    // While the list follows, the reader's row is the newest and another one each time: a bar over all of it would send
    // two whole lines for each event in place of one.
    let has_bar = !model.list.is_following() || model.offline.is_some();
    for (line, at) in (0..area.height).zip(&window.rows) {
        let row = model.rows.get(*at);
        let is_cursor = window.cursor == Some(usize::from(line));
        let whole = Rect::new(area.x, area.y + line, area.width, 1);
        let mut pen = Pen::new(buffer, theme, if has_bar { whole } else { Rect { width: 1, ..whole } });
        if is_cursor {
            pen = pen.over(role);
        }
        if model.rows.marks().get(row.seq).is_some() {
            pen.put(0, marks::SIGN, Role::Mark);
        } else if is_cursor {
            pen.put(0, theme.cursor(), Role::Mark);
        } else if row.doubt == Some(Doubt::Unconfirmed) {
            pen.put(0, "?", Role::Bad);
        } else if row.doubt == Some(Doubt::SharedId) {
            pen.put(0, "=", Role::Bad);
        } else if row.late {
            pen.put(0, "L", Role::Wait);
        }
        if !has_bar {
            pen = Pen::new(buffer, theme, whole);
        }
        for (column, _, x, width) in &columns {
            let (words, role) = cell(model, *at, &row, *column, *width, theme);
            pen.go(*x);
            pen.put_found(0, &words, role, *width, model.search.as_ref().map(Search::pattern));
        }
    }
}

fn nothing(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let sentence = match (&model.filter, model.rows.is_empty(), model.board.get(Part::Poll)) {
        (Some(_), false, _) if model.looking.left().is_some() => "Looking into whole events …",
        (Some(_), false, _) => "Nothing matches the filter. Esc clears it.",
        (_, _, Pulse::Waiting(..) | Pulse::Down(_)) => {
            "No consents stored. The sources line below says what is wrong; 6 says more."
        }
        _ if model.loading == Loading::Starting => "Reading the journal …",
        (_, _, Pulse::Live) => "No consents yet. A quiet log is normal: Okta asks once for each scope.",
        _ => "No consents yet.",
    };
    let sentence = if theme.ascii { sentence.replace('…', "...") } else { sentence.to_owned() };
    for (line, words) in (0..).zip(text::wrap(&sentence, area.width.saturating_sub(2))) {
        let mut pen = Pen::new(buffer, theme, area);
        pen.go(1);
        pen.put(line, words, Role::Dim);
    }
}

pub(super) fn cell<'a>(
    model: &'a Model,
    at: RowRef,
    row: &Row,
    column: Column,
    width: u16,
    theme: &Theme,
) -> (Cow<'a, str>, Role) {
    let symbols = model.rows.symbols();
    match column {
        Column::Time => (time(model, row.published_ms, width).into(), Role::Text),
        Column::Age => (age(model, row.published_ms).into(), Role::Text),
        Column::State => standing(model.ledger.standing(at), width),
        Column::Kind => kind(row, width),
        Column::Who if model.mask.is_on() => hidden(model, row),
        Column::Who => who(row, symbols),
        Column::Client => shown_text(model, either(symbols, row.client, "unknown")),
        Column::Server => {
            let (id, name) = (symbols.field(row.server, 0), symbols.field(row.server, 1));
            let shown = if name.is_empty() { id } else { name };
            if shown.is_empty() {
                return ("-".into(), Role::Dim);
            }
            shown_text(model, (visible(shown), Role::Text))
        }
        Column::Scopes => {
            let joined = symbols.joined(row.scopes);
            if joined.is_empty() {
                return ("-".into(), Role::Dim);
            }
            let names: Vec<_> = symbols.fields(row.scopes).map(visible).collect();
            let words = names.join(" ");
            // Cut scopes hide how many there are, so a count stands first where they do not fit.
            if text::width(&words) > width && names.len() > 1 {
                (format!("({}) {words}", names.len()).into(), Role::Text)
            } else {
                (words.into(), Role::Text)
            }
        }
        Column::From => from(model, row, width, theme),
        // The column holds no more than the first words of what told() says.
        Column::Via => match row.doubt {
            Some(Doubt::Unconfirmed) => ("hook only".into(), Role::Wait),
            Some(Doubt::Missed) => ("poll only".into(), Role::Wait),
            Some(Doubt::SharedId) => ("shared id".into(), Role::Wait),
            None => (row.via.word().into(), Role::Dim),
        },
    }
}

fn who<'a>(row: &Row, symbols: &'a Symbols) -> (Cow<'a, str>, Role) {
    let field = |index| symbols.field(row.who, index);
    match (Person::shown(field(0), field(1), field(2)), row.evidence) {
        (Some(name), Evidence::Session) => (format!("{} ?", visible(name)).into(), Role::Text),
        (Some(name), _) => (visible(name), Role::Text),
        (None, Evidence::NotApplicable) => {
            let actor = |index| symbols.field(row.actor, index);
            match Person::shown(actor(0), actor(1), actor(2)) {
                Some(name) => (format!("by {}", visible(name)).into(), Role::Dim),
                None => ("-".into(), Role::Dim),
            }
        }
        (None, _) => match symbols.field(row.actor, 2) {
            "" => ("unknown".into(), Role::Wait),
            actor => (format!("unknown (by {})", visible(actor)).into(), Role::Wait),
        },
    }
}

pub(super) fn either<'a>(
    symbols: &'a Symbols,
    sym: crate::consent::Sym,
    none: &'static str,
) -> (Cow<'a, str>, Role) {
    match (symbols.field(sym, 0), symbols.field(sym, 1)) {
        ("", "") => (none.into(), Role::Dim),
        (id, "") => (visible(id), Role::Text),
        (_, label) => (visible(label), Role::Text),
    }
}

/// A person behind the mask.
pub(super) fn hidden<'a>(model: &'a Model, row: &Row) -> (Cow<'a, str>, Role) {
    let symbols = model.rows.symbols();
    let person = |sym| model.mask.person(symbols, sym);
    match (person(row.who), person(row.actor), row.evidence) {
        (Some(name), _, Evidence::Session) => (format!("{name} ?").into(), Role::Text),
        (Some(name), ..) => (name.into(), Role::Text),
        (None, Some(actor), Evidence::NotApplicable) => (format!("by {actor}").into(), Role::Dim),
        _ => ("unknown".into(), Role::Wait),
    }
}

/// A text with the mask over it, if it is on.
pub(super) fn shown_text<'a>(model: &Model, (words, role): (Cow<'a, str>, Role)) -> (Cow<'a, str>, Role) {
    if model.mask.is_on() { (model.mask.text(&words).into_owned().into(), role) } else { (words, role) }
}

fn from<'a>(model: &'a Model, row: &Row, width: u16, theme: &Theme) -> (Cow<'a, str>, Role) {
    let symbols = model.rows.symbols();
    let field = |index| symbols.field(row.from, index);
    let (ip, city, country) = (field(0), field(1), field(2));
    let proxy = if field(5) == "yes" { " proxy" } else { "" };
    if ip.is_empty() && country.is_empty() {
        return ("-".into(), Role::Dim);
    }
    let place = match (city, country) {
        ("", place) | (place, "") => visible(place),
        (city, country) => format!("{} {}", visible(city), visible(country)).into(),
    };
    let ip = if model.mask.is_on() && !ip.is_empty() { model.mask.address(ip).into() } else { visible(ip) };
    let used = text::width(&ip) + text::width(proxy) + 1;
    let place = theme.cut(&place, width.saturating_sub(used)).into_owned();
    (format!("{ip}{proxy} {place}").trim_end().to_owned().into(), Role::Text)
}

fn kind(row: &Row, width: u16) -> (Cow<'static, str>, Role) {
    let role = match row.kind {
        Kind::Grant | Kind::OrgGrant => Role::KindGrant,
        Kind::Revoke | Kind::AdminRevoke => Role::KindRevoke,
        Kind::AdminGrant => Role::KindAdmin,
        Kind::Other => Role::Dim,
    };
    let word = match (row.kind, width < 12) {
        (Kind::OrgGrant, true) => "org",
        (Kind::AdminGrant, true) => "adm +",
        (Kind::AdminRevoke, true) => "adm -",
        (kind, _) => kind.word(),
    };
    let (word, role): (Cow<'static, str>, Role) = match row.outcome {
        Outcome::Success | Outcome::None | Outcome::Allow => (word.into(), role),
        // It did not happen as its kind says; the detail tells what did.
        _ => (format!("{word}!").into(), Role::Bad),
    };
    match row.hidden {
        0 => (word, role),
        // Somebody put a secret into a log that many can read.
        count => (format!("{word} #{count}").into(), role),
    }
}

fn standing(standing: Standing, width: u16) -> (Cow<'static, str>, Role) {
    let word = match standing {
        Standing::Partly if width < 14 => "partly",
        Standing::CannotTell if width < 11 => "unknown",
        other => other.word(),
    };
    let role = match standing {
        Standing::Stands => Role::Text,
        Standing::Partly => Role::Wait,
        _ => Role::Dim,
    };
    (word.into(), role)
}

/// How long ago an event was published, in its greatest unit; changes once a minute at most.
fn age(model: &Model, published_ms: i64) -> String {
    let minutes = model.now.as_millisecond().saturating_sub(published_ms) / 60_000;
    match minutes {
        _ if published_ms == 0 => "-".to_owned(),
        ..1 => "now".to_owned(),
        1..60 => format!("{minutes} m"),
        60..2880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    }
}

/// A time on a page, in twelve columns; a dash for none.
pub(super) fn moment(model: &Model, ms: i64) -> String {
    if ms == 0 { "-".to_owned() } else { time(model, ms, 12).trim_start().to_owned() }
}

/// The time of a row: of today `09:15:27`, of another day `22 Nov 21:14`, and in a narrow column the more telling half.
pub(super) fn time(model: &Model, published_ms: i64, width: u16) -> String {
    if published_ms == 0 {
        return "no time".to_owned();
    }
    let Ok(at) = Timestamp::from_millisecond(published_ms) else { return "no time".to_owned() };
    let zoned = at.to_zoned(model.zone.shown.clone());
    let today = model.now.to_zoned(model.zone.shown.clone());
    let is_today = zoned.date() == today.date();
    let clock = zoned.strftime("%H:%M:%S").to_string();
    match (is_today, width >= 12) {
        (true, true) => format!("    {clock}"),
        (true, false) => clock,
        (false, wide) if zoned.year() == today.year() => {
            zoned.strftime(if wide { "%d %b %H:%M" } else { "%d %H:%M" }).to_string()
        }
        (false, true) => zoned.strftime("%Y-%m-%d").to_string(),
        (false, false) => zoned.strftime("%y-%m-%d").to_string(),
    }
}
