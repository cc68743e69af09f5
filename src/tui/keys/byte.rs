//! Keys that send a single byte.

use crate::model::{Chord, Key};

/// Returns the key for a byte below 0x80, or `None` for any other byte.
///
/// A character expresses Shift itself (`G`, not Shift and `g`) and is lower case with Control. So each chord has one
/// form, and chords can be compared.
pub(super) fn plain(byte: u8) -> Option<Chord> {
    let ctrl = |letter: u8| Some(Chord::ctrl(char::from(letter)));
    match byte {
        b'\r' => Some(Chord::plain(Key::Enter)),
        b'\t' => Some(Chord::plain(Key::Tab)),
        // Terminals differ in which of the two the key sends.
        0x08 | 0x7f => Some(Chord::plain(Key::Backspace)),
        0x00 => ctrl(b' '),
        0x01..=0x1a => ctrl(byte - 1 + b'a'),
        0x1c..=0x1f => ctrl(byte - 0x1c + b'4'),
        b' '..=b'~' => Some(Chord::plain(Key::Char(char::from(byte)))),
        _ => None,
    }
}
