//! Parses the terminal's bytes into input. Does no I/O.
//!
//! Not all bytes were typed. A terminal answers queries, sometimes late and in pieces, and another program may have
//! sent them. An answer must not be parsed as keys, because keys run commands.

use std::mem;

use super::byte::plain;
use super::csi;
use crate::model::{Chord, Key};
use crate::tui::{Input, PASTE_MAX};

/// The maximum length of a sequence. The bytes of a longer one are dropped until its end.
const SEQUENCE_MAX: usize = 64;
/// The number of lulls within a paste or a string after which its end counts as lost. They add up, because a user who
/// sees no reaction types, waits and types again.
const LULLS_MAX: u8 = 5;
/// The maximum number of bytes that typed keys send at once. A longer piece is part of the paste or string, delayed by
/// a slow line. Pasted text must never run as keys, however long it takes.
const TYPED_MAX: usize = 8;
const PASTE_END: &[u8] = b"\x1b[201~";
const ESC: u8 = 0x1b;
const CTRL_C: u8 = 0x03;

/// How long to wait for more bytes before calling [`Parser::lull`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wait {
    /// Until more bytes come. Nothing is incomplete.
    Ever,
    /// A short time. The escape key looks like the start of a sequence.
    Briefly,
    /// A longer time. A sequence has begun, and its end may be lost.
    Patiently,
}

/// The state of the parser.
#[derive(Clone, PartialEq, Eq, Debug)]
enum State {
    Ground,
    /// After the first bytes of a UTF-8 character.
    Letter(Vec<u8>),
    Escape,
    /// After `ESC O`. One more byte follows.
    Single,
    /// After `ESC [`.
    Sequence(Vec<u8>),
    /// After `ESC [ M`. Three bytes of a mouse event without mode 1006 follow.
    Mouse(Vec<u8>),
    /// In a string that ends with `ESC \` or BEL: whether it has any byte yet, and whether the last byte was ESC.
    Text(bool, bool),
    /// In a paste: the bytes so far.
    Paste(Vec<u8>),
}

/// Parses bytes into input. The bytes may be split anywhere.
#[derive(Debug)]
pub(crate) struct Parser {
    state: State,
    /// Whether a lull occurred within something incomplete. The next `^C` then counts as typed.
    is_stalled: bool,
    /// The number of lulls in the current paste or string.
    lulls: u8,
    /// Whether ESC was just reported as the escape key. If a sequence follows, it was not.
    is_escape_young: bool,
}

impl Default for Parser {
    fn default() -> Self {
        Self { state: State::Ground, is_stalled: false, lulls: 0, is_escape_young: false }
    }
}

impl Parser {
    /// Parses bytes, and adds the inputs to `found`.
    pub(crate) fn feed(&mut self, bytes: &[u8], found: &mut Vec<Input>) {
        let was_escape = mem::take(&mut self.is_escape_young);
        if mem::take(&mut self.is_stalled) && bytes == [CTRL_C] {
            self.state = State::Ground;
        }
        // Nobody types two keys so shortly after escape, so a slow line split a sequence.
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

    /// Returns how long to wait for more bytes.
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

    /// Handles a lull: no bytes came for as long as [`Parser::wait`] says.
    pub(crate) fn lull(&mut self, found: &mut Vec<Input>) {
        match &self.state {
            State::Escape => {
                self.state = State::Ground;
                found.push(key(Key::Esc));
                self.is_escape_young = true;
            }
            State::Ground | State::Letter(_) => self.is_escape_young = false,
            // Alt was held with a letter that can begin a string or a sequence, so bytes from now on were typed. A
            // paste still waits for its end, because its text must not run as keys.
            State::Text(false, _) | State::Single => self.state = State::Ground,
            State::Text(..) | State::Paste(..) if self.lulls + 1 >= LULLS_MAX => self.give_up(found),
            State::Text(..) | State::Paste(..) => {
                self.lulls += 1;
                self.is_stalled = true;
            }
            _ => self.is_stalled = true,
        }
    }

    /// Ends a paste or string whose end is lost. Reports a paste with the bytes so far. Later bytes are keys again.
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
            // The character is invalid, and this byte starts something new.
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
            // Alt with a non-ASCII letter is not supported.
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
            // F1 to F5 on the Linux console.
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
        // Excess bytes are dropped, but the end is still detected.
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
