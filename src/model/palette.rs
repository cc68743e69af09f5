//! The commands by name: what was typed finds those whose name or words hold its letters in that order.

use super::keys::{Binding, Command, Mode};
use super::{Chord, Model, Subject};

/// Returns the commands that may be given here and that a text finds, the best first, each with its keys.
pub fn palette<'a>(model: &'a Model, text: &str) -> Vec<(&'static Binding, &'a [Chord])> {
    let mode = mode_without_prompt(model);
    let mut found: Vec<_> = model
        .keys
        .bindings()
        .enumerate()
        .filter(|(_, (binding, _))| binding.modes.contains(&mode) && !is_moot(binding.command))
        .filter_map(|(place, (binding, chords))| {
            let name = binding.command.name().replace('_', " ");
            let best = score(&name, text).map(|score| score * 2).max(score(binding.words, text));
            Some((best?, place, binding, chords))
        })
        .collect();
    found.sort_by_key(|(score, place, ..)| (std::cmp::Reverse(*score), *place));
    found.into_iter().map(|(_, _, binding, chords)| (binding, chords)).collect()
}

/// Moving a line is quicker by key.
fn is_moot(command: Command) -> bool {
    matches!(command, Command::Palette | Command::Choose)
}

/// How well a text is found in words: its letters in their order, better side by side and at the beginning of words.
/// Nothing if they are not there.
fn score(words: &str, text: &str) -> Option<usize> {
    let words: Vec<char> = words.to_lowercase().chars().collect();
    let (mut total, mut from, mut last) = (1, 0, None);
    for c in text.to_lowercase().chars().filter(|c| !c.is_whitespace()) {
        let place = (from..words.len()).find(|place| words[*place] == c)?;
        let begins = place == 0 || !words[place - 1].is_alphanumeric();
        total += 1 + usize::from(begins) * 3 + usize::from(last.is_some_and(|last| last + 1 == place)) * 4;
        (from, last) = (place + 1, Some(place));
    }
    Some(total)
}

/// Where the keys go below a line that is typed.
pub(super) fn mode_without_prompt(model: &Model) -> Mode {
    match (model.overlay, model.leaf.subject(), model.pane) {
        (Some(overlay), ..) => overlay.mode(),
        (None, Some(Subject::Clients | Subject::People | Subject::Scopes), _) => Mode::Pivot,
        (None, None, super::Pane::List) => Mode::List,
        (None, None, super::Pane::Detail) => Mode::Detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_in_their_order_are_found_best_side_by_side() {
        assert_eq!(score("sort column", "xyz"), None);
        assert!(score("sort column", "sc") > score("sources", "sc"));
        assert!(score("filter", "filt") > score("fetch a list", "filt"));
        assert_eq!(score("anything", ""), Some(1));
        assert_eq!(score("Ä", "ä"), Some(5));
    }
}
