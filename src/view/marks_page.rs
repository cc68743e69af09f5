//! The page of marked rows.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::{Pen, grouped};
use super::{Role, Theme, list, text_pages};
use crate::consent::visible;
use crate::model::{Column, Model, Page, first_choice};

/// Draws one line for each mark: the time, the kind, who, the client and the note.
pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let marks = model.rows.ordered_marks();
    let title = format!("{}: {}", Page::Marks.title(), grouped(marks.len() as u64));
    let body = text_pages::frame(theme, buffer, area, &title, Page::Marks.keys());
    if marks.is_empty() {
        let mut pen = Pen::new(buffer, theme, body);
        pen.put(0, " Nothing is marked. space marks a row, m writes a note on it.", Role::Dim);
    }
    let foot = match model.rows.marks().elsewhere {
        0 => None,
        1 => Some("1 more mark is on an event that is not in this journal".to_owned()),
        count => {
            Some(format!("{} more marks are on events that are not in this journal", grouped(count as u64)))
        }
    };
    let height = body.height.saturating_sub(u16::from(foot.is_some()));
    let top = first_choice(model.workspace.at, marks.len(), usize::from(height));
    for (line, (index, (_, at, mark))) in (0..height).zip(marks.iter().enumerate().skip(top)) {
        let mut pen = Pen::new(buffer, theme, Rect::new(body.x, body.y + line, body.width, 1));
        if index == model.workspace.at {
            pen = pen.over(Role::Selected);
            pen.put(0, theme.cursor(), Role::Mark);
        }
        pen.go(1);
        match at {
            None => pen.put(0, "not read yet ", Role::Dim),
            Some(at) => {
                let row = model.rows.get(*at);
                // The note is the main content of this page, so it gets at least half of the line.
                let room = (body.width.saturating_sub(15) / 4).min(24);
                let cell = |column| list::cell(model, None, *at, &row, column, room, theme);
                let ((who, role), (client, _)) = (cell(Column::Who), cell(Column::Client));
                pen.put_within(0, &list::time(model, row.published_ms, 12), Role::Text, 12);
                if body.width >= 60 {
                    pen.go(14);
                    pen.put_within(0, row.kind.word(), Role::Dim, 12);
                }
                pen.go(if body.width >= 60 { 27 } else { 14 });
                pen.put_within(0, &who, role, room);
                pen.put(0, " ", Role::Text);
                if body.width >= 60 {
                    pen.go(28 + room);
                    pen.put_within(0, &client, Role::Text, room);
                    pen.put(0, " ", Role::Text);
                    pen.go(29 + 2 * room);
                }
            }
        }
        let (note, role) = list::shown_text(model, (visible(&mark.note), Role::Text));
        pen.put(0, &note, role);
    }
    if let Some(foot) = foot {
        Pen::new(buffer, theme, body).put(body.height.saturating_sub(1), &format!(" {foot}"), Role::Dim);
    }
}
