//! The prompt: a line that is being typed.

use super::RowRef;
use crate::consent::Seq;
use crate::model::key_bindings::{Chord, Key};

/// The purpose of a prompt.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Ask {
    /// A filter that hides rows.
    #[default]
    Filter,
    /// A text to search for and highlight.
    Search,
    /// A time to go to.
    Time,
    /// The note of a row.
    Note(Seq),
    /// A command to run.
    Command,
    /// Words to filter the help page by.
    Key,
}

impl Ask {
    /// Returns the label in front of the line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Search => "search",
            Self::Time => "go to time",
            Self::Note(_) => "note",
            Self::Command => "command",
            Self::Key => "find",
        }
    }

    /// Returns the hint that is shown with the prompt.
    pub fn help(self) -> &'static str {
        match self {
            Self::Filter => "Enter keeps it, Esc clears it",
            Self::Command => "Enter runs it, Up and Down choose, Esc goes back",
            Self::Key => "Enter keeps it, Esc shows all",
            Self::Search => "Enter keeps it, Esc goes back",
            Self::Time => "09:15, 2026-03-04, 2h, +10m",
            Self::Note(_) => "Enter saves it and marks the row, empty removes both, Esc changes nothing",
        }
    }
}

/// A line being typed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Prompt {
    /// The purpose of the prompt.
    pub ask: Ask,
    /// The text so far.
    pub text: String,
    /// The position of the cursor, in characters.
    pub at: usize,
    /// The error in the text, if any: its position in characters, and the message.
    pub error: Option<(usize, String)>,
    /// Whether the text has changed since it was applied. Waiting keys are handled first, so that fast typing causes
    /// one search, not many.
    pub(in crate::model) is_behind: bool,
    /// The row under the cursor when the prompt was opened, and whether the list was following.
    pub(in crate::model) stood: (Option<RowRef>, bool),
}

/// The effect of a key on a prompt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::model) enum Edit {
    /// The text may have changed.
    Text,
    /// At most the cursor moved.
    Cursor,
    /// The user confirmed the line.
    Enter,
    /// The user canceled the line.
    Esc,
    /// The user asked for the previous entry.
    Before,
    /// The user asked for the next entry.
    After,
    /// The user asked to end the program.
    Interrupt,
}

/// The maximum number of characters in a prompt.
const LENGTH_MAX: usize = 1000;

impl Prompt {
    /// Creates a prompt with a text, and the cursor at its end.
    pub(in crate::model) fn new(ask: Ask, text: &str) -> Self {
        let text: String = text.chars().take(LENGTH_MAX).collect();
        Self { ask, at: text.chars().count(), text, error: None, is_behind: false, stood: (None, false) }
    }

    /// Applies a key to the line.
    pub(in crate::model) fn edit(&mut self, chord: Chord) -> Edit {
        match chord {
            Chord { key: Key::Enter, .. } => return Edit::Enter,
            Chord { key: Key::Esc, .. } => return Edit::Esc,
            Chord { key: Key::Up, .. } => return Edit::Before,
            Chord { key: Key::Down, .. } => return Edit::After,
            Chord { key: Key::Char('c'), ctrl: true, .. } => return Edit::Interrupt,
            Chord { key: Key::Char('u'), ctrl: true, .. } => {
                (self.text, self.at, self.error) = (String::new(), 0, None);
            }
            Chord { key: Key::Char('w'), ctrl: true, .. } => self.erase_word(),
            Chord { key: Key::Char('a'), ctrl: true, .. } => {
                self.at = 0;
                return Edit::Cursor;
            }
            Chord { key: Key::Char('e'), ctrl: true, .. } => {
                self.at = self.text.chars().count();
                return Edit::Cursor;
            }
            Chord { key: Key::Delete, .. } => self.delete(),
            Chord { key: Key::Char(c), ctrl: false, alt: false, .. } => {
                self.insert(c.encode_utf8(&mut [0; 4]));
            }
            Chord { key: Key::Backspace, .. } => self.erase(),
            Chord { key: Key::Left, .. } => self.at = self.at.saturating_sub(1),
            Chord { key: Key::Right, .. } => self.at = (self.at + 1).min(self.text.chars().count()),
            Chord { key: Key::Home, .. } => self.at = 0,
            Chord { key: Key::End, .. } => self.at = self.text.chars().count(),
            _ => return Edit::Cursor,
        }
        match chord.key {
            Key::Left | Key::Right | Key::Home | Key::End => Edit::Cursor,
            _ => Edit::Text,
        }
    }

    /// Inserts pasted text. Control characters become spaces, so that a line break does not end the prompt.
    pub(in crate::model) fn paste(&mut self, text: &str) {
        let room = LENGTH_MAX.saturating_sub(self.text.chars().count());
        let line: String = text.chars().take(room).map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.insert(&line);
    }

    fn insert(&mut self, text: &str) {
        let room = LENGTH_MAX.saturating_sub(self.text.chars().count());
        let text: String = text.chars().take(room).collect();
        self.text.insert_str(self.byte(self.at), &text);
        self.at += text.chars().count();
    }

    fn byte(&self, at: usize) -> usize {
        self.text.char_indices().nth(at).map_or(self.text.len(), |(byte, _)| byte)
    }

    fn erase(&mut self) {
        if let Some(before) = self.at.checked_sub(1) {
            self.at = before;
            self.delete();
        }
    }

    fn delete(&mut self) {
        if self.at < self.text.chars().count() {
            self.text.remove(self.byte(self.at));
        }
    }

    fn erase_word(&mut self) {
        let before: Vec<char> = self.text.chars().take(self.at).collect();
        let word_end = before.iter().rposition(|c| !c.is_whitespace()).map_or(0, |last| last + 1);
        let start = before[..word_end].iter().rposition(|c| c.is_whitespace()).map_or(0, |blank| blank + 1);
        self.text.replace_range(self.byte(start)..self.byte(self.at), "");
        self.at = start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_edit_the_line() {
        let mut prompt = Prompt::new(Ask::Filter, "aé");
        for key in [Key::Left, Key::Char('李'), Key::Home, Key::Backspace, Key::Char('x'), Key::End] {
            prompt.edit(Chord::plain(key));
        }
        assert_eq!((prompt.text.as_str(), prompt.at), ("xa李é", 4));
        assert_eq!(prompt.edit(Chord::plain(Key::Backspace)), Edit::Text);
        assert_eq!(prompt.edit(Chord::ctrl('u')), Edit::Text);
        assert_eq!((prompt.text.as_str(), prompt.at), ("", 0));
    }

    #[test]
    fn a_pasted_megabyte_is_a_bounded_line() {
        let mut prompt = Prompt::new(Ask::Filter, "ab");
        prompt.at = 1;
        prompt.paste(&"x\r\n".repeat(400_000));
        assert_eq!(prompt.text.chars().count(), LENGTH_MAX);
        assert!(prompt.text.starts_with("ax  x") && prompt.text.ends_with('b'));
        assert!(!prompt.text.contains(char::is_control));
    }

    #[test]
    fn words_and_characters_go_whatever_their_bytes() {
        let mut prompt = Prompt::new(Ask::Filter, "who:李明  x");
        prompt.at = 7;
        prompt.erase();
        assert_eq!((prompt.text.as_str(), prompt.at), ("who:李明 x", 6));
        prompt.erase_word();
        assert_eq!((prompt.text.as_str(), prompt.at), (" x", 0));
        prompt.erase();
        prompt.delete();
        assert_eq!((prompt.text.as_str(), prompt.at), ("x", 0));
    }
}
