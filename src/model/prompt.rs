//! A line that is being typed, whatever it is asked for.

use super::keys::{Chord, Key};
use crate::consent::Seq;

/// What a line is typed for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Ask {
    /// What hides rows.
    #[default]
    Filter,
    /// What is written to a row.
    Note(Seq),
}

impl Ask {
    /// Returns the word that stands before the line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Note(_) => "note",
        }
    }

    /// Returns what can be done with the line.
    pub fn help(self) -> &'static str {
        match self {
            Self::Filter => "Enter keeps it, Esc clears it",
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
}

/// What a key did to a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Edit {
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
    pub(super) fn new(ask: Ask, text: &str) -> Self {
        let text: String = text.chars().take(LENGTH_MAX).collect();
        Self { ask, at: text.chars().count(), text, error: None }
    }

    /// Takes a key in.
    pub(super) fn edit(&mut self, chord: Chord) -> Edit {
        match chord {
            Chord { key: Key::Enter, .. } => return Edit::Enter,
            Chord { key: Key::Esc, .. } => return Edit::Esc,
            Chord { key: Key::Up, .. } => return Edit::Before,
            Chord { key: Key::Down, .. } => return Edit::After,
            Chord { key: Key::Char('c'), ctrl: true, .. } => return Edit::Interrupt,
            Chord { key: Key::Char('u'), ctrl: true, .. } => *self = Self::new(self.ask, ""),
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
    pub(super) fn paste(&mut self, text: &str) {
        let room = LENGTH_MAX.saturating_sub(self.text.chars().count());
        let line: String = text.chars().take(room).map(|c| if c.is_control() { ' ' } else { c }).collect();
        self.insert(&line);
    }

    fn insert(&mut self, text: &str) {
        let room = LENGTH_MAX.saturating_sub(self.text.chars().count());
        let text: String = text.chars().take(room).collect();
        let at = self.text.char_indices().nth(self.at).map_or(self.text.len(), |(at, _)| at);
        self.text.insert_str(at, &text);
        self.at += text.chars().count();
    }

    fn erase(&mut self) {
        let Some(before) = self.at.checked_sub(1) else { return };
        if let Some((at, _)) = self.text.char_indices().nth(before) {
            self.text.remove(at);
            self.at = before;
        }
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
}
