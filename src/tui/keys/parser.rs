//! Bytes to keys, without a terminal.
//!
//! Not all that comes was typed: a terminal answers questions, sometimes in pieces and late, and another program may
//! have asked them. Such an answer must not be taken for keys, since a key does something.

use std::mem;

use super::csi;
use crate::model::{Chord, Key};
use crate::tui::{Input, PASTE_MAX};

/// A sequence longer than this is none of ours; its end is awaited, its bytes are not kept.
const SEQUENCE_MAX: usize = 64;
/// A string of the terminal that is longer than this has lost its end.
const STRING_MAX: usize = 64 * 1024;
const PASTE_END: &[u8] = b"\x1b[201~";
const ESC: u8 = 0x1b;
const CTRL_C: u8 = 0x03;

/// How long to wait for more before [`Parser::lull`] is to be called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wait {
    /// Until more comes: nothing is half.
    Ever,
    /// Not long: the escape key looks like the beginning of a sequence.
    Briefly,
    /// A while: a sequence has begun, and its end may be lost.
    Patiently,
}

/// Where we are in a sequence.
#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    Ground,
    /// The first bytes of a character that has more.
    Letter(Vec<u8>),
    Escape,
    /// After `ESC O`: one byte to come.
    Single,
    /// After `ESC [`.
    Sequence(Vec<u8>),
    /// After `ESC [ M`: three bytes of an old mouse.
    Mouse(Vec<u8>),
    /// A string that ends with `ESC \` or BEL; its length, and whether ESC was the last byte.
    Text(usize, bool),
    Paste(Vec<u8>),
}

/// Turns bytes into what they mean. Pieces may be cut anywhere.
#[derive(Debug)]
pub(crate) struct Parser {
    state: State,
    /// Nothing came for a while in the middle of something, so `^C` is the person's.
    is_stalled: bool,
    /// An escape was taken for the key a moment ago; if a sequence follows, it was not.
    is_escape_young: bool,
}

impl Default for Parser {
    fn default() -> Self {
        Self { state: State::Ground, is_stalled: false, is_escape_young: false }
    }
}

impl Parser {
    /// Takes a piece of what came, and adds what it means.
    pub(crate) fn feed(&mut self, bytes: &[u8], found: &mut Vec<Input>) {
        let was_escape = mem::take(&mut self.is_escape_young);
        if mem::take(&mut self.is_stalled) && bytes == [CTRL_C] {
            self.state = State::Ground;
        }
        // Nobody types two keys at once so shortly after escape: the line was slow in the middle of a sequence.
        if was_escape && self.state == State::Ground && bytes.len() > 1 && matches!(bytes[0], b'[' | b']') {
            self.state = State::Escape;
        }
        for byte in bytes {
            self.take(*byte, found);
        }
    }

    /// How long what is half may wait for its rest.
    pub(crate) fn wait(&self) -> Wait {
        match &self.state {
            State::Escape => Wait::Briefly,
            State::Ground if self.is_escape_young => Wait::Patiently,
            State::Ground | State::Letter(_) => Wait::Ever,
            _ if self.is_stalled => Wait::Ever,
            _ => Wait::Patiently,
        }
    }

    /// Nothing more came for as long as [`Parser::wait`] says.
    pub(crate) fn lull(&mut self, found: &mut Vec<Input>) {
        match &self.state {
            State::Escape => {
                self.state = State::Ground;
                found.push(key(Key::Esc));
                self.is_escape_young = true;
            }
            State::Ground | State::Letter(_) => self.is_escape_young = false,
            // Alt and one of the letters that begin a string or a sequence: whatever comes now was typed. What is
            // pasted still waits for its end, since it must not run as keys.
            State::Text(0, _) | State::Single => self.state = State::Ground,
            _ => self.is_stalled = true,
        }
    }

    fn take(&mut self, byte: u8, found: &mut Vec<Input>) {
        match mem::replace(&mut self.state, State::Ground) {
            State::Ground => self.ground(byte, found),
            State::Letter(letter) => self.letter(letter, byte, found),
            State::Single => match byte {
                ESC => self.state = State::Escape,
                byte => found.extend(csi::single(byte)),
            },
            State::Sequence(sequence) => self.sequence(sequence, byte, found),
            State::Mouse(mut bytes) => {
                bytes.push(byte);
                if bytes.len() < 3 {
                    self.state = State::Mouse(bytes);
                } else {
                    found.extend(csi::old_mouse(&bytes));
                }
            }
            State::Text(_, true) if byte == b'\\' => {}
            State::Escape | State::Text(_, true) => self.escape(byte, found),
            State::Text(..) if matches!(byte, 0x07 | 0x18 | 0x1a) => {}
            State::Text(length, _) if length < STRING_MAX => {
                self.state = State::Text(length + 1, byte == ESC);
            }
            State::Text(..) => {}
            State::Paste(text) => self.paste(text, byte, found),
        }
    }

    fn ground(&mut self, byte: u8, found: &mut Vec<Input>) {
        match byte {
            ESC => self.state = State::Escape,
            0xc2..=0xf4 => self.state = State::Letter(vec![byte]),
            byte => found.extend(plain(byte).map(Input::Key)),
        }
    }

    fn letter(&mut self, mut letter: Vec<u8>, byte: u8, found: &mut Vec<Input>) {
        if !matches!(byte, 0x80..=0xbf) {
            // It was none, and this byte begins anew.
            return self.ground(byte, found);
        }
        letter.push(byte);
        let length = match letter[0] {
            ..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        if letter.len() < length {
            self.state = State::Letter(letter);
            return;
        }
        let letter = std::str::from_utf8(&letter).ok().and_then(|text| text.chars().next());
        found.extend(letter.filter(|c| !c.is_control()).map(|c| key(Key::Char(c))));
    }

    fn escape(&mut self, byte: u8, found: &mut Vec<Input>) {
        match byte {
            b'[' => self.state = State::Sequence(Vec::new()),
            b'O' => self.state = State::Single,
            b']' | b'P' | b'X' | b'^' | b'_' => self.state = State::Text(0, false),
            ESC => {
                found.push(key(Key::Esc));
                self.state = State::Escape;
            }
            // With Alt held, a letter that is not of ASCII is nothing that we know.
            0x80.. => {}
            byte => {
                found.extend(plain(byte).map(|chord| Input::Key(Chord { alt: true, ..chord })));
            }
        }
    }

    fn sequence(&mut self, mut sequence: Vec<u8>, byte: u8, found: &mut Vec<Input>) {
        match byte {
            ESC => self.state = State::Escape,
            0x18 | 0x1a => {}
            b'M' if sequence.is_empty() => self.state = State::Mouse(Vec::new()),
            // The Linux console's F1 to F5.
            b'[' if sequence.is_empty() => self.state = State::Sequence(vec![b'[']),
            0x40..=0x7e => {
                if sequence == b"200" && byte == b'~' {
                    self.state = State::Paste(Vec::new());
                } else if sequence.len() < SEQUENCE_MAX {
                    found.extend(csi::meaning(&sequence, byte));
                }
            }
            byte => {
                if sequence.len() < SEQUENCE_MAX {
                    sequence.push(byte);
                }
                self.state = State::Sequence(sequence);
            }
        }
    }

    fn paste(&mut self, mut text: Vec<u8>, byte: u8, found: &mut Vec<Input>) {
        text.push(byte);
        if text.ends_with(PASTE_END) {
            text.truncate(text.len() - PASTE_END.len());
            let mut text = String::from_utf8_lossy(&text).into_owned();
            text.truncate(text.floor_char_boundary(PASTE_MAX));
            found.push(Input::Paste(text));
            return;
        }
        // What is too much is dropped, but its end is still looked for.
        if text.len() > PASTE_MAX + 2 * PASTE_END.len() {
            text.remove(PASTE_MAX);
        }
        self.state = State::Paste(text);
    }
}

/// Returns the key that a single byte below 0x80 is.
///
/// A character carries Shift itself (`G`, not Shift and `g`) and is lower case under Control. So each chord has one
/// spelling, and a table of keys can compare.
fn plain(byte: u8) -> Option<Chord> {
    let ctrl = |letter: u8| Some(Chord::ctrl(char::from(letter)));
    match byte {
        b'\r' => Some(Chord::plain(Key::Enter)),
        b'\t' => Some(Chord::plain(Key::Tab)),
        // Which of the two the key sends is a matter of taste among terminals.
        0x08 | 0x7f => Some(Chord::plain(Key::Backspace)),
        0x00 => ctrl(b' '),
        0x01..=0x1a => ctrl(byte - 1 + b'a'),
        0x1c..=0x1f => ctrl(byte - 0x1c + b'4'),
        b' '..=b'~' => Some(Chord::plain(Key::Char(char::from(byte)))),
        _ => None,
    }
}

fn key(key: Key) -> Input {
    Input::Key(Chord::plain(key))
}

#[cfg(test)]
mod tests;
