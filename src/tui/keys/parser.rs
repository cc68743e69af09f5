//! Bytes to keys, without a terminal.
//!
//! Not all that comes was typed: a terminal answers questions, sometimes in pieces and late, and another program may
//! have asked them. Such an answer must not be taken for keys, since a key does something.

use std::mem;

use super::byte::plain;
use super::csi;
use crate::model::{Chord, Key};
use crate::tui::{Input, PASTE_MAX};

/// A sequence longer than this is none of ours; its end is awaited, its bytes are not kept.
const SEQUENCE_MAX: usize = 64;
/// After this many lulls within a paste or a string, its end is taken as lost. They add up, because a person
/// who sees nothing happen types, waits and types again.
const LULLS_MAX: u8 = 5;
/// A person types pieces of no more bytes than this. A longer one is more of the paste or string, which a slow line
/// holds up: what is pasted must never run as keys, however long it takes.
const TYPED_MAX: usize = 8;
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
    /// A string that ends with `ESC \` or BEL: whether it has any byte yet, and whether ESC was the last.
    Text(bool, bool),
    /// A paste: what is kept of it.
    Paste(Vec<u8>),
}

/// Turns bytes into what they mean. Pieces may be cut anywhere.
#[derive(Debug)]
pub(crate) struct Parser {
    state: State,
    /// Nothing came for a while in the middle of something, so `^C` is the person's.
    is_stalled: bool,
    /// How often that happened in the paste or string that is under way.
    lulls: u8,
    /// An escape was taken for the key a moment ago; if a sequence follows, it was not.
    is_escape_young: bool,
}

impl Default for Parser {
    fn default() -> Self {
        Self { state: State::Ground, is_stalled: false, lulls: 0, is_escape_young: false }
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
        if bytes.len() > TYPED_MAX {
            self.lulls = 0;
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
            State::Text(..) | State::Paste(..) => Wait::Patiently,
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
            State::Text(false, _) | State::Single => self.state = State::Ground,
            State::Text(..) | State::Paste(..) if self.lulls + 1 >= LULLS_MAX => self.give_up(found),
            State::Text(..) | State::Paste(..) => {
                self.lulls += 1;
                self.is_stalled = true;
            }
            _ => self.is_stalled = true,
        }
    }

    /// Takes what came of a paste for the whole of it; of a string, nothing. What comes now are keys again.
    fn give_up(&mut self, found: &mut Vec<Input>) {
        if let State::Paste(text) = mem::replace(&mut self.state, State::Ground) {
            found.push(pasted(text));
        }
        self.is_stalled = false;
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
            State::Text(..) => self.state = State::Text(true, byte == ESC),
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
            b']' | b'P' | b'X' | b'^' | b'_' => {
                self.state = State::Text(false, false);
                self.lulls = 0;
            }
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
                    self.lulls = 0;
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
            found.push(pasted(text));
            return;
        }
        // What is too much is dropped, but its end is still looked for.
        if text.len() > PASTE_MAX + 2 * PASTE_END.len() {
            text.remove(PASTE_MAX);
        }
        self.state = State::Paste(text);
    }
}

fn pasted(text: Vec<u8>) -> Input {
    let mut text = String::from_utf8(text)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    text.truncate(text.floor_char_boundary(PASTE_MAX));
    Input::Paste(text)
}

fn key(key: Key) -> Input {
    Input::Key(Chord::plain(key))
}

#[cfg(test)]
mod tests;
