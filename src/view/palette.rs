//! The commands that were found, above the line in which they are typed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::Pen;
use super::{Role, Theme};
use crate::model::{Ask, Model, Regions, palette};

/// Lines at most.
const LINES_MAX: u16 = 12;

pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, regions: &Regions) {
    let Some(prompt) = model.prompt.as_ref().filter(|prompt| prompt.ask == Ask::Command) else { return };
    let found = palette(model, &prompt.text);
    let room = regions.foot.y.saturating_sub(regions.title.bottom());
    let height = LINES_MAX.min(room).min(u16::try_from(found.len()).unwrap_or(LINES_MAX).max(1));
    let area = Rect::new(0, regions.foot.y.saturating_sub(height), model.size.0, height);
    let top = model.desk.at.saturating_sub(usize::from(height).saturating_sub(1));
    for line in 0..height {
        let row = Rect::new(area.x, area.y + line, area.width, 1);
        let mut pen = Pen::new(buffer, theme, row);
        pen.put(0, &" ".repeat(usize::from(row.width)), Role::Text);
        let index = top + usize::from(line);
        let mut pen = Pen::new(buffer, theme, row);
        let Some((binding, chords)) = found.get(index) else {
            pen.put(0, " No command has these letters.", Role::Dim);
            continue;
        };
        if index == model.desk.at {
            pen = pen.over(Role::Selected);
            pen.put(0, theme.cursor(), Role::Mark);
        }
        let chords: Vec<String> = chords.iter().map(ToString::to_string).collect();
        pen.go(1);
        pen.put_within(0, &binding.command.name().replace('_', " "), Role::Text, 16);
        pen.go(18);
        pen.put_within(0, &chords.join(" "), Role::Key, 14);
        pen.go(33);
        pen.put(0, binding.words, Role::Dim);
    }
}
