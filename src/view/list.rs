//! The list of consents.

use std::borrow::Cow;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::Pen;
use super::{Role, Theme, text};
use crate::consent::{Doubt, Kind, Row, visible};
use crate::model::cells::{self, CellKind};
use crate::model::{Column, Fit, Loading, Model, Pane, Regions, RowRef, Search, Standing, columns};
use crate::report::{Part, Pulse};

pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, regions: &Regions) {
    let area = regions.list;
    if area.is_empty() {
        return;
    }
    let columns = columns(area.width, &model.shape, &model.fit);
    if !regions.header.is_empty() {
        let mut pen = Pen::new(buffer, theme, regions.header).over(Role::Header);
        let sorted = model.order.as_ref().map_or(Column::Time, crate::model::Order::column);
        for (column, head, x, width) in &columns {
            let sign = {
                let is_told = model.order.is_some() || model.list.is_newest_first();
                theme.sort_sign(is_told && *column == sorted, model.list.is_newest_first())
            };
            pen.go(*x);
            let domain = model.fit.domain().filter(|_| *column == Column::Who);
            let words = match domain.map(visible) {
                // The sign comes before the domain, so that it is visible even if the domain is truncated.
                Some(domain) => format!("{head}{sign} {domain}"),
                None => format!("{head}{sign}"),
            };
            pen.put_within(0, &words, Role::Header, *width);
        }
    }
    let window = model.list.window(&model.rows, usize::from(area.height));
    if window.rows.is_empty() {
        return nothing(model, theme, buffer, area);
    }
    let has_keys = model.pane == Pane::List;
    let role = if has_keys { Role::Selected } else { Role::SelectedDim };
    // While the list follows, the cursor is on the newest row. A bar over the full line would then redraw two lines for
    // each event, not one.
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
            pen.put(0, MARK_SIGN, Role::Mark);
        } else if is_cursor {
            pen.put(0, theme.cursor(), Role::Mark);
        } else if matches!(row.doubt, Some(Doubt::Unconfirmed | Doubt::Altered)) {
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
            let (words, role) = cell(model, Some(&model.fit), *at, &row, *column, *width, theme);
            pen.go(*x);
            pen.put_found(0, &words, role, *width, model.search.as_ref().map(Search::pattern));
        }
    }
}

fn nothing(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let sentence = match (&model.filter, model.rows.is_empty(), model.sources.worst(Part::Poll)) {
        (Some(_), false, _) if model.whole_reads.left().is_some() => "Reading full events …",
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

/// The symbol of a marked row.
pub(super) const MARK_SIGN: &str = "*";

/// Returns the text of a cell and its role. `fit` tells what the headings show and cells omit; it is `None` for cells
/// without headings.
pub(super) fn cell<'a>(
    model: &'a Model,
    fit: Option<&Fit>,
    at: RowRef,
    row: &Row,
    column: Column,
    width: u16,
    theme: &Theme,
) -> (Cow<'a, str>, Role) {
    match column {
        Column::Time => (time(model, row.published_ms, width).into(), Role::Text),
        Column::Org => styled(cells::org(model, row.org)),
        Column::Age => (age(model, row.published_ms).into(), Role::Text),
        Column::State => {
            let found = model.ledger.standing(at);
            (cells::standing(found, width).into(), standing(found))
        }
        Column::Kind => kind(row, width),
        Column::Who => styled(cells::who(model, row, fit.and_then(Fit::domain))),
        Column::Client => styled(cells::either(model, row.client, "unknown")),
        Column::Server => styled(cells::either(model, row.server, "-")),
        Column::Scopes => {
            let (words, count) = cells::scopes(model, row, fit);
            // If the scopes are truncated, their number is shown first.
            match count {
                0 => (words.into(), Role::Dim),
                2.. if text::width(&theme.shown(&words)) > width => {
                    (format!("({count}) {words}").into(), Role::Text)
                }
                _ => (words.into(), Role::Text),
            }
        }
        Column::From => from(model, row, width, theme),
        Column::Via => {
            let (word, kind) = cells::via(row);
            let role = if row.doubt == Some(Doubt::Altered) { Role::Bad } else { role(kind) };
            (word.into(), role)
        }
    }
}

pub(super) fn styled((words, kind): (Cow<'_, str>, CellKind)) -> (Cow<'_, str>, Role) {
    (words, role(kind))
}

fn role(kind: CellKind) -> Role {
    match kind {
        CellKind::Value => Role::Text,
        CellKind::Empty => Role::Dim,
        CellKind::Unknown => Role::Wait,
    }
}

/// Masks a text, if the mask is on.
pub(super) fn shown_text<'a>(model: &Model, (words, role): (Cow<'a, str>, Role)) -> (Cow<'a, str>, Role) {
    if model.mask.is_on() { (model.mask.text(&words).into_owned().into(), role) } else { (words, role) }
}

fn from<'a>(model: &'a Model, row: &Row, width: u16, theme: &Theme) -> (Cow<'a, str>, Role) {
    let Some((ip, place)) = cells::from(model, row) else { return ("-".into(), Role::Dim) };
    let used = text::width(&ip) + 1;
    let place = theme.cut(&place, width.saturating_sub(used)).into_owned();
    (format!("{ip} {place}").trim_end().to_owned().into(), Role::Text)
}

fn kind(row: &Row, width: u16) -> (Cow<'static, str>, Role) {
    let role = match row.kind {
        Kind::Grant | Kind::OrgGrant => Role::KindGrant,
        Kind::Revoke | Kind::AdminRevoke => Role::KindRevoke,
        Kind::AdminGrant => Role::KindAdmin,
        Kind::Other => Role::Dim,
    };
    let (words, has_failed) = cells::kind(row, width);
    (words, if has_failed { Role::Bad } else { role })
}

fn standing(standing: Standing) -> Role {
    match standing {
        Standing::Stands => Role::Text,
        Standing::Partly => Role::Wait,
        _ => Role::Dim,
    }
}

/// Returns the age of an event in its largest unit. It changes at most once a minute.
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

/// Returns a time in at most 12 columns, or a dash if there is none.
pub(super) fn moment(model: &Model, ms: i64) -> String {
    if ms == 0 { "-".to_owned() } else { time(model, ms, 12).trim_start().to_owned() }
}

/// Returns the time of a row: `09:15:27` for today, `22 Nov 21:14` for another day, and a shorter form in a narrow
/// column.
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
