//! The pivot pages: clients, people and scopes.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::list::{moment, styled};
use super::pen::{Pen, grouped};
use super::{Role, Theme, text};
use crate::consent::{Person, visible};
use crate::model::cells;
use crate::model::{Measure, Model, Pivot, Regions, Subject, rarity};

/// The width of the longest label of an org that is shown whole.
const ORG_MAX: u16 = 20;

/// The least width of a name.
const NAME_MIN: u16 = 14;

/// Returns the heading of a column, its width, and its priority to be dropped: the highest is dropped first.
/// `org_width` is the width of the longest label of an org.
fn form(measure: Measure, subject: Subject, org_width: u16) -> (&'static str, u16, u8) {
    match measure {
        Measure::Name => match subject {
            Subject::Clients => ("CLIENT", NAME_MIN, 0),
            Subject::People => ("PERSON", NAME_MIN, 0),
            Subject::Scopes => ("SCOPE", NAME_MIN, 0),
        },
        Measure::Org => ("ORG", org_width.clamp(4, ORG_MAX), 1),
        Measure::Consents => ("CONSENTS", 9, 2),
        Measure::People => ("PEOPLE", 8, 3),
        Measure::Clients | Measure::HeldByClients => ("CLIENTS", 8, 3),
        Measure::Standing => ("STANDING", 9, 4),
        Measure::Hour => ("1 H", 6, 9),
        Measure::Day => ("24 H", 6, 5),
        Measure::Week => ("7 D", 7, 7),
        Measure::Quarter => ("90 D", 7, 8),
        Measure::Ever => ("SCOPES EVER", 12, 10),
        Measure::First => ("FIRST", 12, 11),
        Measure::Last => ("LAST", 12, 6),
        Measure::HeldByPeople => ("PEOPLE", 8, 2),
        Measure::Rarity => ("RARITY", 11, 4),
    }
}

/// Returns the columns that fit, each as measure, heading, left edge and width. Names get half of the spare room, and
/// scopes get the rest. `org_width` is the width of the longest label of an org, if there are several.
fn columns(subject: Subject, width: u16, org_width: Option<u16>) -> Vec<(Measure, &'static str, u16, u16)> {
    let measures = subject.measures(org_width.is_some());
    let mut chosen: Vec<_> = measures.map(|m| (m, form(m, subject, org_width.unwrap_or(0)))).collect();
    let need = |chosen: &[(Measure, (&str, u16, u8))]| chosen.iter().map(|(_, form)| form.1 + 1).sum::<u16>();
    while chosen.len() > 1 && need(&chosen) > width {
        let first = chosen.iter().enumerate().max_by_key(|(_, (_, form))| form.2).map(|(at, _)| at);
        chosen.remove(first.unwrap_or(0));
    }
    let left = width.saturating_sub(need(&chosen));
    let has_ever = chosen.iter().any(|(measure, _)| *measure == Measure::Ever);
    let mut x = 1;
    let mut placed = Vec::new();
    for (measure, (head, least, _)) in chosen {
        let more = match measure {
            Measure::Name => (if has_ever { left / 2 } else { left }).min(34),
            Measure::Ever => left - (left / 2).min(34),
            _ => 0,
        };
        let width = (least + more).min(width.saturating_sub(x));
        placed.push((measure, head, x, width));
        x += width + 1;
    }
    placed
}

pub(super) fn draw(model: &Model, subject: Subject, theme: &Theme, buffer: &mut Buffer, regions: &Regions) {
    let area = regions.list;
    let pivot = &model.pivots[subject as usize];
    let columns = columns(subject, area.width, cells::org_width(model));
    if !regions.header.is_empty() {
        let (sorted, descending) = pivot.order();
        let mut pen = Pen::new(buffer, theme, regions.header).over(Role::Header);
        for (measure, head, x, width) in &columns {
            let sign = theme.sort_sign(*measure == sorted, descending);
            let words = format!("{head}{sign}");
            let start = if is_number(*measure) { width.saturating_sub(text::width(&words)) } else { 0 };
            pen.go(x + start);
            pen.put_within(0, &words, Role::Header, *width);
        }
    }
    let (shown, cursor, _) = pivot.window(usize::from(area.height));
    if shown.is_empty() {
        let mut pen = Pen::new(buffer, theme, area);
        pen.go(1);
        let words = if model.rows.is_empty() { "No consents yet." } else { "Counting …" };
        return pen.put(0, &theme.plain(words), Role::Dim);
    }
    for (line, number) in (0..area.height).zip(shown) {
        let mut pen = Pen::new(buffer, theme, Rect::new(area.x, area.y + line, area.width, 1));
        if cursor == Some(usize::from(line)) {
            pen = pen.over(Role::Selected);
            pen.put(0, theme.cursor(), Role::Mark);
        }
        for (measure, _, x, width) in &columns {
            let (words, role) = cell(model, pivot, *measure, *number);
            let start = if is_number(*measure) { width.saturating_sub(text::width(&words)) } else { 0 };
            pen.go(x + start);
            let pattern = model.search.as_ref().map(crate::model::Search::pattern);
            let is_name = *measure == Measure::Name;
            let note =
                (is_name && subject == Subject::Clients).then(|| cells::also_in(model, *number)).flatten();
            let note = note.map_or(String::new(), |note| format!(" {note}"));
            // The name is truncated for the note, unless too little of it would be left.
            let room = width.saturating_sub(text::width(&note));
            let room = if room < text::width(&words).min(NAME_MIN) { *width } else { room };
            pen.put_found(0, &words, role, room, pattern.filter(|_| is_name));
            if room < *width {
                pen.put(0, &note, Role::Dim);
            }
        }
    }
}

fn is_number(measure: Measure) -> bool {
    use Measure as M;
    !matches!(measure, M::Name | M::Org | M::Ever | M::First | M::Last | M::Rarity)
}

fn cell<'a>(model: &'a Model, pivot: &Pivot, measure: Measure, number: u32) -> (Cow<'a, str>, Role) {
    let (ledger, symbols) = (&model.ledger, model.rows.symbols());
    let value = pivot.value(ledger, measure, number);
    match (measure, pivot.subject()) {
        (Measure::Org, subject) => styled(cells::org(model, subject.org(ledger, number))),
        (Measure::Name, Subject::Scopes) => (visible(ledger.scopes.name(number)), Role::Text),
        (Measure::Name, Subject::Clients) => {
            styled(cells::either(model, ledger.clients.text(number), "unknown"))
        }
        (Measure::Name, Subject::People) if model.mask.is_on() => {
            let name = model.mask.person(symbols, ledger.people.text(number));
            (name.unwrap_or_else(|| "unknown".to_owned()).into(), Role::Text)
        }
        (Measure::Name, Subject::People) => {
            let field = |index| symbols.field(ledger.people.text(number), index);
            let name = Person::shown(field(0), field(1), field(2)).unwrap_or("unknown");
            (visible(name), Role::Text)
        }
        (Measure::Ever, subject) => {
            let tally =
                if subject == Subject::Clients { ledger.client(number) } else { ledger.person(number) };
            let names: Vec<_> =
                ledger.scopes.members(tally.ever).iter().map(|n| visible(ledger.scopes.name(*n))).collect();
            (format!("({}) {}", names.len(), names.join(" ")).into(), Role::Dim)
        }
        (Measure::First | Measure::Last, _) => (moment(model, value).into(), Role::Text),
        (Measure::Rarity, _) => {
            let rarity = rarity(ledger, number);
            let role = match rarity {
                crate::model::Rarity::Single | crate::model::Rarity::Rare => Role::Wait,
                crate::model::Rarity::Usual => Role::Text,
                crate::model::Rarity::Unheld => Role::Dim,
            };
            (rarity.word().into(), role)
        }
        _ if value == 0 => ("0".into(), Role::Dim),
        _ => (grouped(value.unsigned_abs()).into(), Role::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_never_leave_the_line() {
        for subject in Subject::ALL {
            for (width, org_width) in
                (16..300).flat_map(|width| [None, Some(7), Some(90)].map(|org| (width, org)))
            {
                let placed = columns(subject, width, org_width);
                assert_eq!(placed[0].0, Measure::Name);
                for pair in placed.windows(2) {
                    assert!(pair[0].2 + pair[0].3 < pair[1].2, "{width}: {placed:?}");
                }
                let last = placed.last().unwrap();
                assert!(last.2 + last.3 <= width, "{width}: {placed:?}");
            }
        }
    }
}
