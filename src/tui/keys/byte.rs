//! Keys that are one byte.

use crate::model::{Chord, Key};

/// Returns the key that a single byte below 0x80 is.
///
/// A character carries Shift itself (`G`, not Shift and `g`) and is lower case under Control. So each chord has one
/// spelling, and a table of keys can compare.
pub(super) fn plain(byte: u8) -> Option<Chord> {
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
