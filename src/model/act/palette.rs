//! The command palette: fuzzy search over the commands available in the current mode and the saved filters.

use super::saved_filters;
use crate::model::{Command, Effect, Model, Notice};

/// The action of a line of the palette.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offer {
    /// Runs a command.
    Command(Command),
    /// Applies a saved filter, given by its index.
    Filter(usize),
}

/// One line of the palette.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The action of the line.
    pub offer: Offer,
    /// The name of the command, or `filter` and the name of the saved filter.
    pub name: String,
    /// The description of the command, or the expression of the filter.
    pub words: String,
    /// The keys of the command. Empty for a filter.
    pub keys: String,
}

/// Returns the choices that match the typed text, best first. If no text was typed, returns all in their help order.
pub fn choices(model: &Model) -> Vec<Choice> {
    let typed = model.prompt.as_ref().map_or("", |prompt| prompt.text.as_str()).trim().to_lowercase();
    let mode = model.mode_beneath();
    let lines = model.workspace.keymap.lines().iter().filter(|line| line.modes.contains(&mode));
    let commands = lines.map(|line| Choice {
        offer: Offer::Command(line.command),
        name: line.command.name(),
        words: line.words.to_owned(),
        keys: line.keys(),
    });
    let saved = model.workspace.saved.iter().enumerate().map(|(index, saved)| Choice {
        offer: Offer::Filter(index),
        name: format!("filter {}", saved.name),
        words: saved.query.clone(),
        keys: String::new(),
    });
    let mut found: Vec<(i32, Choice)> = commands
        .chain(saved)
        .filter_map(|choice| {
            // A match of the name ranks above a match of the description.
            let by_name = score(&typed, &choice.name.replace('_', " ")).map(|score| score + 20);
            let words = choice.words.to_lowercase();
            let by_words = typed.split_whitespace().all(|word| words.contains(word)).then_some(0);
            Some((by_name.max(by_words)?, choice))
        })
        .collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, choice)| choice).collect()
}

/// Scores how well `typed` matches `text` as a subsequence, or returns `None` if it does not match.
///
/// Adjacent letters and letters at the start of words score higher; gaps score lower.
fn score(typed: &str, text: &str) -> Option<i32> {
    let text: Vec<char> = text.chars().collect();
    let typed: Vec<char> = typed.chars().map(|c| if c == '_' { ' ' } else { c }).collect();
    let Some(first) = typed.first() else { return Some(0) };
    let starts = text.iter().enumerate().filter(|(_, c)| *c == first).map(|(at, _)| at);
    starts.filter_map(|start| from(&typed, &text, start)).max()
}

fn from(typed: &[char], text: &[char], start: usize) -> Option<i32> {
    let mut total = 0;
    let mut at = start;
    let mut last: Option<usize> = None;
    for wanted in typed {
        let place = (at..text.len()).find(|place| text[*place] == *wanted)?;
        let begins = place == 0 || !text[place - 1].is_alphanumeric();
        total += match last {
            Some(last) if place == last + 1 => 8,
            _ if begins => 6,
            Some(last) => -((place - last).min(3) as i32),
            None => 0,
        };
        last = Some(place);
        at = place + 1;
    }
    // Of two equal matches, the shorter text is preferred.
    Some(total * 4 - (text.len().min(40) as i32) / 4)
}

/// Moves the selection one line up or down.
pub(in crate::model) fn step(model: &mut Model, up: bool) {
    let last = choices(model).len().saturating_sub(1);
    let at = model.workspace.at;
    model.workspace.at = if up { at.saturating_sub(1) } else { (at + 1).min(last) };
}

/// Applies the selected choice if it is a filter, or returns its command for the caller to run.
pub(in crate::model) fn choose(model: &mut Model) -> (Vec<Effect>, Option<Command>) {
    let chosen = choices(model).into_iter().nth(model.workspace.at);
    model.prompt = None;
    match chosen.map(|choice| choice.offer) {
        Some(Offer::Command(command)) => (Vec::new(), Some(command)),
        Some(Offer::Filter(index)) => (saved_filters::apply(model, index), None),
        None => {
            let text = "No command matches. : lists all.".to_owned();
            model.notice = Some(Notice::bad(text));
            (Vec::new(), None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_their_order_find_and_better_ones_come_first() {
        assert_eq!(score("xyz", "half down"), None);
        assert_eq!(score("nwod", "half down"), None);
        assert!(score("", "anything").is_some());
        let better = |typed: &str, one: &str, other: &str| {
            assert!(score(typed, one) > score(typed, other), "{typed}: {one}, {other}");
        };
        better("hd", "half down", "this is odd");
        better("quit", "quit", "quit as if interrupted");
        better("mark", "mark", "next mark");
        better("half_d", "half down", "half up, then down");
        better("so", "sources", "first one");
    }
}
