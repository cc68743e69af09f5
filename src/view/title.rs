//! The first line: program, org, whether the list follows, how many rows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::{Pen, grouped};
use super::{Role, Theme};
use crate::consent::visible;
use crate::model::{Loading, Model};

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
    let state = if model.list.is_following() { "LIVE" } else { "HELD" };
    let mut right = Vec::new();
    match model.loading {
        Loading::Older(left) if wide => {
            right.push((format!("loading {} older  ", grouped(left)), Role::Wait));
        }
        _ => {}
    }
    let (listed, all) = (model.list.len(&model.rows) as u64, model.rows.len() as u64);
    let rows = match &model.filter {
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
        right.push((format!("  {} ", model.zone.name), Role::Title));
    }
    let right_width: u16 = right.iter().map(|(words, _)| super::text::width(words)).sum();
    let room = area.width.saturating_sub(right_width + 8 + if wide { 14 } else { 0 });
    pen.put_within(0, &format!(" {org} "), Role::Title, room.max(4));
    pen.put(0, &format!(" {state} "), if model.list.is_following() { Role::Title } else { Role::Wait });
    if let Some(filter) = &model.filter {
        let words = format!(" filter: {} ", visible(filter.query().text()));
        let room = pen.room().saturating_sub(right_width + 1);
        pen.put_within(0, &words, Role::Match, room);
    }
    pen.put_right(0, &right);
}
