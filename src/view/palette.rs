//! The command palette above the prompt, and the page of saved filters.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::{Pen, grouped};
use super::{Role, Theme, text_pages};
use crate::consent::visible;
use crate::model::{Ask, Model, Page, choices, first_choice};

/// The maximum height of the palette in lines, including its title.
const LINES_MAX: u16 = 12;

/// Draws the matching commands and filters above the last line.
pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    if !model.prompt.as_ref().is_some_and(|prompt| prompt.ask == Ask::Command) {
        return;
    }
    let choices = choices(model);
    let room = area.height.saturating_sub(2);
    let height = room.min(LINES_MAX).min((choices.len() as u16).max(1) + 1);
    let panel = Rect { y: area.bottom().saturating_sub(1 + height), height, ..area };
    let title = format!("Commands: {}", grouped(choices.len() as u64));
    let body = text_pages::frame(theme, buffer, panel, &title, "Enter runs it");
    if choices.is_empty() {
        Pen::new(buffer, theme, body).put(0, " No command matches.", Role::Dim);
    }
    let top = first_choice(model.workspace.at, choices.len(), usize::from(body.height));
    let lines = choices.iter().enumerate().skip(top);
    for (line, (index, choice)) in (0..body.height).zip(lines) {
        let mut pen = Pen::new(buffer, theme, Rect::new(body.x, body.y + line, body.width, 1));
        if index == model.workspace.at {
            pen = pen.over(Role::Selected);
            pen.put(0, theme.cursor(), Role::Mark);
        }
        pen.go(1);
        pen.put_within(0, &visible(&choice.name), Role::Text, 18);
        pen.go(20);
        let room = pen.room().saturating_sub(if body.width >= 60 { 12 } else { 0 });
        pen.put_within(0, &visible(&choice.words), Role::Dim, room);
        if body.width >= 60 {
            pen.put_right(0, &[(format!("{} ", choice.keys), Role::Key)]);
        }
    }
}

/// Draws the page of saved filters: the name and expression of each.
pub(super) fn filters(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let saved = &model.workspace.saved;
    let title = format!("{}: {}", Page::Filters.title(), grouped(saved.len() as u64));
    let body = text_pages::frame(theme, buffer, area, &title, Page::Filters.keys());
    if saved.is_empty() {
        let words = " No filter is saved. Configure filters under [filters]: name = \"query\".";
        Pen::new(buffer, theme, body).put(0, words, Role::Dim);
    }
    let names = saved.iter().map(|saved| super::text::width(&visible(&saved.name))).max().unwrap_or(0);
    let names = names.min(body.width / 3);
    let top = first_choice(model.workspace.at, saved.len(), usize::from(body.height));
    for (line, (index, saved)) in (0..body.height).zip(saved.iter().enumerate().skip(top)) {
        let mut pen = Pen::new(buffer, theme, Rect::new(body.x, body.y + line, body.width, 1));
        if index == model.workspace.at {
            pen = pen.over(Role::Selected);
            pen.put(0, theme.cursor(), Role::Mark);
        }
        pen.go(1);
        pen.put_within(0, &visible(&saved.name), Role::Key, names);
        pen.go(names + 3);
        pen.put(0, &visible(&saved.query), Role::Text);
    }
}
