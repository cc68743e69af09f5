//! Keys that a terminal reports by number (`CSI u`: fixterms; kitty keyboard protocol).
//!
//! The program does not ask for such reports. They come if another program left them switched on, or if a terminal
//! sends them by default. A key means the same as without reports.

use super::byte::plain;
use crate::model::{Chord, Key};

/// The modifiers that were held, and whether the key was released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Held {
    /// 1 for Shift, 2 for Alt, 4 for Control, 8 for Super (Meta in xterm), 16 for Hyper, 32 for Meta, 64 for Caps Lock,
    /// 128 for Num Lock.
    bits: u16,
    is_release: bool,
}

const SHIFT: u16 = 1;
const ALT: u16 = 2;
const CTRL: u16 = 4;
const SUPER: u16 = 8;
const HYPER: u16 = 16;
const META: u16 = 32;
const CAPS: u16 = 64;

impl Held {
    /// Parses the modifiers, sent as one more than their bits, and after a colon the event: 1 press, 2 repeat, 3
    /// release.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let mut number = || match parts.next() {
            None | Some("") => Some(1_u16),
            Some(text) => text.parse().ok(),
        };
        let (held, event) = (number()?, number()?);
        Some(Self { bits: held.saturating_sub(1), is_release: event == 3 })
    }

    fn has(self, bits: u16) -> bool {
        self.bits & bits != 0
    }

    /// Returns a key that is not a character with its modifiers, or `None` if the key was released.
    pub(super) fn with(self, key: Key) -> Option<Chord> {
        let chord = Chord {
            key,
            ctrl: self.has(CTRL),
            // In xterm, 8 is Meta, which is Alt.
            alt: self.has(ALT | SUPER | META),
            shift: self.has(SHIFT) && key != Key::BackTab,
        };
        (!self.is_release).then_some(chord)
    }
}

/// Returns the key of a report, or `None` if the key is unknown or was released.
///
/// `codes` has the key's character without Shift and, after a colon, the one with Shift. `text` is the text that the
/// key types.
pub(super) fn key(codes: &str, held: Held, text: Option<&str>) -> Option<Chord> {
    // Super and Hyper are for the window manager, so keys with them are ignored.
    if held.is_release || held.has(SUPER | HYPER) {
        return None;
    }
    let mut codes = codes.split(':');
    let code: u32 = codes.next()?.parse().ok()?;
    if let Some(key) = named(code) {
        let key = if key == Key::Tab && held.has(SHIFT) { Key::BackTab } else { key };
        return held.with(key);
    }
    let shifted = codes.next().and_then(character);
    let typed = text.and_then(|text| text.split(':').next()).and_then(character);
    let pressed = on_keypad(code).or_else(|| char::from_u32(code)).and_then(printable)?;
    let alt = held.has(ALT | META);
    if held.has(CTRL) {
        return Some(Chord { alt, ..with_control(pressed) });
    }
    let c = typed.filter(|_| !alt).or_else(|| shifted.filter(|_| held.has(SHIFT))).unwrap_or_else(|| {
        // Without more information, the character with Shift is known only for letters.
        if held.has(SHIFT) == held.has(CAPS) { pressed } else { upper(pressed) }
    });
    Some(Chord { alt, ..Chord::char(c) })
}

/// Returns a key with Control as the byte that it sends without reports is parsed: `^i` is Tab.
fn with_control(c: char) -> Chord {
    let c = c.to_ascii_lowercase();
    match c {
        '[' => Chord::plain(Key::Esc),
        ' ' | 'a'..='z' | '\\' | ']' | '^' | '_' => plain(c as u8 & 0x1f).unwrap_or(Chord::ctrl(c)),
        c => Chord::ctrl(c),
    }
}

fn upper(c: char) -> char {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

fn character(code: &str) -> Option<char> {
    char::from_u32(code.parse().ok()?).and_then(printable)
}

/// Returns the character if it is neither a control character nor in the private area, in which the protocol numbers
/// keys without a character.
fn printable(c: char) -> Option<char> {
    (!c.is_control() && !('\u{e000}'..='\u{f8ff}').contains(&c)).then_some(c)
}

/// Returns a key without a character, including those of the keypad (kitty: functional key definitions).
fn named(code: u32) -> Option<Key> {
    Some(match code {
        9 => Key::Tab,
        13 | 57414 => Key::Enter,
        27 => Key::Esc,
        8 | 127 => Key::Backspace,
        57417 => Key::Left,
        57418 => Key::Right,
        57419 => Key::Up,
        57420 => Key::Down,
        57421 => Key::PageUp,
        57422 => Key::PageDown,
        57423 => Key::Home,
        57424 => Key::End,
        57425 => Key::Insert,
        57426 => Key::Delete,
        _ => return None,
    })
}

/// Returns the character of a key of the keypad.
fn on_keypad(code: u32) -> Option<char> {
    const KEYS: [char; 14] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '.', '/', '*', '-'];
    match code {
        57399..=57412 => KEYS.get((code - 57399) as usize).copied(),
        57413 => Some('+'),
        57415 => Some('='),
        57416 => Some(','),
        _ => None,
    }
}
