//! A line that is being typed, whatever it is asked for.

use super::RowRef;
use crate::consent::Seq;
use crate::model::keys::{Chord, Key};

/// What a line is typed for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Ask {
    /// What hides rows.
    #[default]
    Filter,
    /// What is gone to and stands out.
    Search,
    /// The time that is gone to.
    Time,
    /// What is written to a row.
    Note(Seq),
    /// What is to be done.
    Command,
    /// What the page of keys is narrowed to.
    Key,
}

impl Ask {
    /// Returns the word that stands before the line.
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

    /// Returns what can be done with the line.
    pub fn help(self) -> &'static str {
        match self {
            Self::Filter => "Enter keeps it, Esc clears it",
            Self::Command => "Enter does it, Up and Down choose, Esc goes back",
            Self::Key => "Enter keeps it, Esc shows all",
            Self::Search => "Enter keeps it, Esc goes back",
            Self::Time => "such as 09:15, 2026-03-04, 2h, +10m",
            Self::Note(_) => "Enter keeps it with the row's mark, empty takes both away, Esc changes nothing",
        }
    }
}

/// A line being typed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Prompt {
    /// What for.
    pub ask: Ask,
    /// The text so far.
    pub text: String,
    /// The cursor, in characters.
    pub at: usize,
    /// What is wrong with it: the character, and the words.
    pub error: Option<(usize, String)>,
    /// Whether what was typed is still to be looked for: keys that wait come first, so that a storm of them is one
    /// look.
    pub(in crate::model) is_behind: bool,
    /// Where the reader stood when it was opened, and whether he followed.
    pub(in crate::model) stood: (Option<RowRef>, bool),
}

/// What a key did to a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::model) enum Edit {
    /// The text may have changed.
    Text,
    /// Nothing but the cursor.
    Cursor,
    /// The line is done.
    Enter,
    /// The line is given up.
    Esc,
    /// What was typed before this, or after it.
    Before,
    After,
    /// The program is to end.
    Interrupt,
}

/// A prompt holds at most this many characters.
const LENGTH_MAX: usize = 1000;

impl Prompt {
    /// Begins with a text, the cursor behind it.
    pub(in crate::model) fn new(ask: Ask, text: &str) -> Self {
        let text: String = text.chars().take(LENGTH_MAX).collect();
        Self { ask, at: text.chars().count(), text, error: None, is_behind: false, stood: (None, false) }
    }

    /// Takes a key in.
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

    /// Puts a pasted text in. A line break in it must not end the prompt.
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
