//! The last line: a prompt, a notice or hints.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::pen::{Pen, grouped};
use super::{Role, Theme, text};
use crate::consent::visible;
use crate::model::{Ask, Leaf, Model, Prompt};

pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut pen = Pen::new(buffer, theme, area);
    if let Some(prompt) = &model.prompt {
        pen.put(0, &format!(" {}: ", prompt.ask.word()), Role::Key);
        let marked = prompt.error.as_ref().map(|(at, _)| *at);
        let (words, role) = match &prompt.error {
            Some((at, why)) => (format!("  at {}: {why}", at + 1), Role::Bad),
            None => (format!("  {}", told(model, prompt)), Role::Dim),
        };
        // A long line shows the part around the cursor, and what is said of it keeps up to half of the room.
        let room = pen.room().saturating_sub(text::width(&words).min(pen.room() / 2));
        let shown: Vec<String> = prompt
            .text
            .chars()
            .chain([' '])
            .map(|c| visible(c.encode_utf8(&mut [0; 4])).into_owned())
            .collect();
        let mut first = 0;
        let mut used: u16 = shown.iter().take(prompt.at + 1).map(|c| text::width(c)).sum();
        while used > room && first < prompt.at {
            used -= text::width(&shown[first]);
            first += 1;
        }
        let mut left = room;
        for (index, c) in shown.iter().enumerate().skip(first) {
            let Some(rest) = left.checked_sub(text::width(c)) else { break };
            left = rest;
            let role = match index {
                _ if index == prompt.at => Role::Selected,
                _ if marked == Some(index) => Role::Bad,
                _ => Role::Text,
            };
            pen.put(0, c, role);
        }
        pen.put(0, &words, role);
        return;
    }
    if let Some(notice) = &model.notice {
        pen.put(0, " ", Role::Text);
        pen.put(0, &model.mask.text(&notice.text), if notice.is_bad { Role::Bad } else { Role::Text });
        return;
    }
    if model.desk.hides_hints {
        return;
    }
    for (chord, words) in model.desk.keymap.hints(model.mode()) {
        pen.put(0, &format!(" {chord} "), Role::Key);
        pen.put(0, &format!("{words} "), Role::Dim);
    }
}

/// What the line has found so far, and what ends it.
fn told(model: &Model, prompt: &Prompt) -> String {
    let count = |n: usize, what: &str| format!("{} {what}", grouped(n as u64));
    let help = prompt.ask.help();
    match (prompt.ask, &model.search) {
        (Ask::Filter, _) if model.filter.is_some() => {
            format!("{}; {help}", count(model.list.len(&model.rows), "match"))
        }
        (Ask::Search, Some(search)) if model.leaf == Leaf::Consents => {
            format!("{}; {help}", count(search.count().1, "found"))
        }
        _ => help.to_owned(),
    }
}
