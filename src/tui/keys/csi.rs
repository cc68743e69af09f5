//! Parses the control sequences of a keyboard and a mouse (ECMA-48; xterm: Control Sequences).

use super::report::{self, Held};
use crate::model::{Chord, Key};
use crate::tui::Input;

/// Returns the input for `ESC [ sequence last`. Answers of the terminal give `None`, except the one for mode 2026.
pub(super) fn meaning(sequence: &[u8], last: u8) -> Option<Input> {
    let sequence = std::str::from_utf8(sequence).ok()?;
    if let Some(mouse) = sequence.strip_prefix('<') {
        return mouse_event(mouse, last);
    }
    if let Some(answer) = sequence.strip_prefix("?2026;") {
        // 1 to 3 mean set, reset and permanently set: the mode is supported. 0 is unknown, and 4 is permanently reset.
        let knows = matches!(answer, "1$" | "2$" | "3$");
        return (last == b'y').then_some(Input::Sync(knows));
    }
    if sequence == "[" {
        return (b'A'..=b'E').contains(&last).then(|| Input::Key(Chord::plain(Key::F(last - b'A' + 1))));
    }
    // Anything with a prefix or an intermediate byte is an answer to a query.
    if !sequence.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b';' | b':')) {
        return None;
    }
    let mut places = sequence.split(';');
    let first = places.next().unwrap_or_default();
    let held = Held::read(places.next().unwrap_or_default())?;
    if last == b'u' {
        let text = places.next();
        return places.next().is_none().then(|| report::key(first, held, text)).flatten().map(Input::Key);
    }
    if let ("27", b'~', Some(code)) = (first, last, places.next()) {
        // xterm reports keys without a sequence of their own this way (modifyOtherKeys, formatOtherKeys 0).
        return places.next().is_none().then(|| report::key(code, held, None)).flatten().map(Input::Key);
    }
    if sequence.split(';').count() > 2 {
        return None;
    }
    let first = if first.is_empty() { 1 } else { first.parse::<u16>().ok()? };
    let key = match last {
        b'~' => numbered(first)?,
        b'Z' => Key::BackTab,
        // `R` can be F3, but it also reports the cursor position, so it is ignored.
        b'A'..=b'S' if last != b'R' && first == 1 => named(last)?,
        _ => return None,
    };
    held.with(key).map(Input::Key)
}

/// Returns the input for `ESC O last`.
pub(super) fn single(last: u8) -> Option<Input> {
    let key = if last == b'M' { Key::Enter } else { named(last)? };
    Some(Input::Key(Chord::plain(key)))
}

/// Returns the input for the three bytes of a mouse event without mode 1006.
pub(super) fn old_mouse(bytes: &[u8]) -> Option<Input> {
    let &[button, column, row] = bytes else { return None };
    let value = |byte: u8| u16::from(byte).checked_sub(32);
    pressed(value(button)?, value(column)?, value(row)?)
}

fn mouse_event(mouse: &str, last: u8) -> Option<Input> {
    let mut numbers = mouse.split(';').map(|number| number.parse().ok());
    let mut next = || numbers.next().flatten();
    let (button, column, row) = (next()?, next()?, next()?);
    // A lower-case `m` is the release of a button.
    if last == b'M' { pressed(button, column, row) } else { None }
}

fn pressed(button: u16, column: u16, row: u16) -> Option<Input> {
    match button {
        0 => Some(Input::Click(column.checked_sub(1)?, row.checked_sub(1)?)),
        64 => Some(Input::Wheel(false)),
        65 => Some(Input::Wheel(true)),
        _ => None,
    }
}

fn named(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        b'P'..=b'S' => Key::F(last - b'P' + 1),
        _ => return None,
    })
}

fn numbered(number: u16) -> Option<Key> {
    Some(match number {
        1 | 7 => Key::Home,
        2 => Key::Insert,
        3 => Key::Delete,
        4 | 8 => Key::End,
        5 => Key::PageUp,
        6 => Key::PageDown,
        11..=15 => Key::F((number - 10) as u8),
        17..=21 => Key::F((number - 11) as u8),
        23 | 24 => Key::F((number - 12) as u8),
        _ => return None,
    })
}
