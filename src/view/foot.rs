//! The last line: a prompt, a notice or key hints.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_segmentation::UnicodeSegmentation as _;

use super::pen::{Pen, grouped};
use super::{Role, Theme, text};
use crate::consent::visible;
use crate::model::{Ask, Model, Page, Prompt};

pub(super) fn draw(model: &Model, theme: &Theme, buffer: &mut Buffer, area: Rect) {
    let mut pen = Pen::new(buffer, theme, area);
    if let Some(prompt) = &model.prompt {
        pen.put(0, &format!(" {}: ", prompt.ask.word()), Role::Key);
        let marked = prompt.error.as_ref().map(|(at, _)| *at);
        let (words, role) = match &prompt.error {
            Some((at, why)) => (format!("  at {}: {why}", at + 1), Role::Bad),
            None => (format!("  {}", told(model, prompt)), Role::Dim),
        };
        // A long text is shown around the cursor, and the message after it gets up to half of the room.
        let room = pen.room().saturating_sub(text::width(&words).min(pen.room() / 2));
        let shown = clusters(&prompt.text);
        let at = shown.partition_point(|(start, _)| *start <= prompt.at).saturating_sub(1);
        let mut first = 0;
        let mut used: u16 = shown.iter().take(at + 1).map(|(_, words)| text::width(words)).sum();
        while used > room && first < at {
            used -= text::width(&shown[first].1);
            first += 1;
        }
        let mut left = room;
        for (index, (start, words)) in shown.iter().enumerate().skip(first) {
            let Some(rest) = left.checked_sub(text::width(words)) else { break };
            left = rest;
            let next = shown.get(index + 1).map_or(usize::MAX, |(next, _)| *next);
            let role = match marked {
                _ if index == at => Role::Selected,
                Some(marked) if (*start..next).contains(&marked) => Role::Bad,
                _ => Role::Text,
            };
            pen.put(0, words, role);
        }
        pen.put(0, &words, role);
        return;
    }
    if let Some(notice) = &model.notice {
        pen.put(0, " ", Role::Text);
        pen.put(0, &model.mask.text(&notice.text), if notice.is_bad() { Role::Bad } else { Role::Text });
        return;
    }
    if model.workspace.hides_hints {
        return;
    }
    for (chord, words) in model.workspace.keymap.hints(model.mode()) {
        pen.put(0, &format!(" {chord} "), Role::Key);
        pen.put(0, &format!("{words} "), Role::Dim);
    }
}

/// Splits a typed text into clusters. Each is the index of its first character, and the text to show. A space follows
/// the last character, for the cursor.
fn clusters(typed: &str) -> Vec<(usize, String)> {
    let mut start = 0;
    let mut clusters = Vec::new();
    for cluster in typed.graphemes(true) {
        clusters.push((start, visible(cluster).into_owned()));
        start += cluster.chars().count();
    }
    clusters.push((start, " ".to_owned()));
    clusters
}

/// Returns the message after a prompt: the number of matches so far, and the keys to use.
fn told(model: &Model, prompt: &Prompt) -> String {
    let count = |n: usize, what: &str| format!("{} {what}", grouped(n as u64));
    let help = prompt.ask.help();
    match (prompt.ask, &model.search) {
        (Ask::Filter, _) if model.filter.is_some() => {
            format!("{}; {help}", count(model.list.len(&model.rows), "match"))
        }
        (Ask::Search, Some(search)) if model.page == Page::Consents => {
            format!("{}; {help}", count(search.count().1, "found"))
        }
        _ => help.to_owned(),
    }
}
