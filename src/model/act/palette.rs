//! The palette: every command that can be given now, found by some of its letters.

use super::saved_filters;
use crate::model::{Command, Effect, Model, Notice};

/// What the palette offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Offer {
    /// To give a command.
    Command(Command),
    /// To filter by what is saved, by its place among the saved.
    Filter(usize),
}

/// One line of the palette.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// What it does.
    pub offer: Offer,
    /// Its name.
    pub name: String,
    /// What it does, in words.
    pub words: String,
    /// The keys that do the same.
    pub keys: String,
}

/// Returns what the typed text finds, the best first; everything, in the order of the help page, if nothing is typed.
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
            // The name says more than the words around it.
            let by_name = score(&typed, &choice.name.replace('_', " ")).map(|score| score + 20);
            let words = choice.words.to_lowercase();
            let by_words = typed.split_whitespace().all(|word| words.contains(word)).then_some(0);
            Some((by_name.max(by_words)?, choice))
        })
        .collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().map(|(_, choice)| choice).collect()
}

/// How well the letters of `typed` stand in `text` in their order: letters side by side and at the beginnings of words
/// count for more, those far apart for less. Nothing if they do not.
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
    // Of two that fit alike the one that is used up more by them is meant.
    Some(total * 4 - (text.len().min(40) as i32) / 4)
}

/// Goes to the choice above or below.
pub(in crate::model) fn step(model: &mut Model, up: bool) {
    let last = choices(model).len().saturating_sub(1);
    let at = model.workspace.at;
    model.workspace.at = if up { at.saturating_sub(1) } else { (at + 1).min(last) };
}

/// Takes the choice on the reader's line. Returns the command if it is one; a filter is applied.
pub(in crate::model) fn choose(model: &mut Model) -> (Vec<Effect>, Option<Command>) {
    let chosen = choices(model).into_iter().nth(model.workspace.at);
    model.prompt = None;
    match chosen.map(|choice| choice.offer) {
        Some(Offer::Command(command)) => (Vec::new(), Some(command)),
        Some(Offer::Filter(index)) => (saved_filters::apply(model, index), None),
        None => {
            let text = "No command is called like this. : lists all.".to_owned();
            model.notice = Some(Notice { text, is_bad: true });
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
