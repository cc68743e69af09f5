//! The title line: program, org, state of the list, and number of rows.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::{Pen, grouped};
use super::theme::Glyph;
use super::{Role, Theme};
use crate::consent::visible;
use crate::model::{Loading, Model, Page};
use crate::report::{Part, Pulse};

pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut pen = Pen::new(buffer, theme, area).over(Role::Title);
    let wide = area.width >= 60;
    if wide {
        pen.put(0, " consentwatch ", Role::Title);
    }
    let org = match model.origin.tag.as_str() {
        "" => model.origin.org.clone(),
        tag => format!("{tag} {}", model.origin.org),
    };
    let state: Cow<'_, str> = match &model.order {
        _ if model.offline.is_some() && !model.list.is_sorted() => "OFFLINE".into(),
        _ if model.list.is_following() => live(model),
        Some(_) if model.list.is_sorted() => "SORTED".into(),
        _ => "HELD".into(),
    };
    let mut right = Vec::new();
    match model.loading {
        Loading::Older(left) if wide => {
            right.push((format!("loading {} older  ", grouped(left)), Role::Wait));
        }
        Loading::Files(Some(percent)) => right.push((format!("loading {percent} %  "), Role::Wait)),
        Loading::Files(None) => right.push(("loading  ".to_owned(), Role::Wait)),
        _ => {}
    }
    if model.mask.is_on() {
        right.push((if wide { "MASKED  " } else { "M " }.to_owned(), Role::Wait));
    }
    if let Some((done, all)) = model.saving {
        right.push((format!("saving {} %  ", done.saturating_mul(100) / all.max(1)), Role::Wait));
    }
    if let Some((left, _)) = model.whole_reads.left() {
        right.push((format!("reading {}  ", grouped(left as u64)), Role::Wait));
    }
    if let Some(percent) = model.order.as_ref().and_then(crate::model::Order::percent) {
        right.push((format!("sorting {percent} %  "), Role::Wait));
    }
    if let (Some(search), Page::Consents, true) = (&model.search, model.page, wide) {
        let (at, count) = search.count();
        let place = at.map_or(String::new(), |at| format!("{} of ", grouped(at as u64)));
        right.push((format!("{place}{} found  ", grouped(count as u64)), Role::Match));
    }
    let (listed, all) = (model.list.len(&model.rows) as u64, model.rows.len() as u64);
    let rows = match &model.filter {
        _ if let Some(subject) = model.page.subject() => {
            format!("{} {}", grouped(model.pivots[subject as usize].len() as u64), subject.words())
        }
        Some(_) => format!("{} of {}", grouped(listed), grouped(all)),
        None if wide => format!("{} rows", grouped(all)),
        None => grouped(all),
    };
    right.push((rows, Role::Title));
    if model.list.unseen() > 0 {
        let arrow = match (theme.ascii, model.list.is_newest_first()) {
            (true, _) => "",
            (false, true) => " ↑",
            (false, false) => " ↓",
        };
        right.push((format!("  {} new{arrow}", grouped(model.list.unseen() as u64)), Role::New));
    }
    if area.width >= 40 {
        let time =
            |now: jiff::Timestamp| now.to_zoned(model.zone.shown.clone()).strftime("%H:%M ").to_string();
        let clock = if model.has_clock { time(model.now) } else { String::new() };
        right.push((format!("  {clock}{} ", model.zone.name), Role::Title));
    }
    let state = format!(" {state} ");
    let state_width = super::text::width(&state).max(7);
    let width_of =
        |parts: &[(String, Role)]| -> u16 { parts.iter().map(|(words, _)| super::text::width(words)).sum() };
    // If there is not enough room, the zone is dropped first, then the progress. The number of rows is always shown.
    let count = right.iter().position(|(_, role)| *role == Role::Title).unwrap_or(0);
    while right.len() > count + 1 && width_of(&right) + state_width + 1 > area.width {
        right.pop();
    }
    while width_of(&right) + state_width + 1 > area.width && right.len() > 1 {
        right.remove(0);
    }
    let right_width = width_of(&right);
    // One column stays free between the two sides.
    let room = pen.room().saturating_sub(right_width + state_width + 1);
    let is_path = model.offline.is_some() && org.contains('/');
    let org = if is_path && super::text::width(&org) + 2 > room {
        // The end of a path is more useful than its beginning.
        super::text::keep_end(&org, room.saturating_sub(2), theme.glyph(Glyph::Cut)).into_owned()
    } else {
        org
    };
    pen.put_within(0, &format!(" {org} "), Role::Title, room);
    pen.put(
        0,
        &state,
        match state.trim() {
            "STALE" => Role::Bad,
            state if state.contains('/') => Role::Wait,
            _ if model.list.is_following() && model.offline.is_none() => Role::Title,
            _ => Role::Wait,
        },
    );
    if let (Some(filter), Page::Consents) = (&model.filter, model.page) {
        let words = format!(" filter: {} ", model.mask.text(&visible(filter.query().text())));
        let room = pen.room().saturating_sub(right_width + 1);
        pen.put_within(0, &words, Role::Match, room);
    }
    pen.put_right(0, &right);
}

/// Returns the state of a list that follows the newest row: `LIVE`, `STALE` if no org is polled and the user must fix one, or
/// how many of several orgs are polled without a fault.
fn live(model: &Model) -> Cow<'static, str> {
    let pulses = || model.sources.iter().map(|sources| sources.board.get(Part::Poll));
    let (all, well) = (pulses().count(), pulses().filter(|pulse| pulse.fault().is_none()).count());
    let are_down = pulses().filter(|pulse| matches!(pulse, Pulse::Down(_))).count();
    if are_down > 0 && well == 0 {
        "STALE".into()
    } else if all > 1 && well < all {
        format!("LIVE {well}/{all}").into()
    } else {
        "LIVE".into()
    }
}
