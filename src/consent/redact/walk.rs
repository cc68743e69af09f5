//! A walk over JSON text, key by key. It takes what is cut or damaged too: nothing is required but strings in quotes.

use std::ops::Range;

use memchr::{memchr, memchr2, memrchr, memrchr2};

use super::edit::{self, Decoded, Edit};
use super::key::{self, Class};
use super::text::{self, ByteSet};

/// An object or an array that is not closed yet.
struct Frame {
    is_object: bool,
    /// Whether it is a place on the map.
    is_map: bool,
    /// What the last key said of its value; in an array, what the array's own key said.
    class: Class,
    /// Whether a `type` in it said that its id is a code.
    is_code: bool,
    /// Where its ids and names stand, and whether each is an id.
    ids: Vec<(usize, usize, bool)>,
}

/// Collects what is hidden in a JSON text. `depth` counts the texts around it.
pub(super) fn json(text: &[u8], depth: u8, edits: &mut Vec<Edit>) {
    let mut frames: Vec<Frame> = Vec::with_capacity(8);
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'{' | b'[' => {
                let around = frames.last().map_or(Class::Other, |frame| frame.class);
                let is_object = *byte == b'{';
                frames.push(Frame {
                    is_object,
                    is_map: is_object && around == Class::Map,
                    class: if is_object { Class::Other } else { around },
                    is_code: false,
                    ids: Vec::new(),
                });
                at += 1;
            }
            b'}' | b']' => {
                if let Some(frame) = frames.pop() {
                    close(text, &frame, edits);
                }
                at += 1;
            }
            b',' => {
                if let Some(frame) = frames.last_mut().filter(|frame| frame.is_object) {
                    frame.class = Class::Other;
                }
                at += 1;
            }
            b'"' => {
                let found = JsonString::at(text, at + 1);
                at = (found.end + 1).min(text.len());
                let behind = skip_space(text, at);
                let is_key = text.get(behind) == Some(&b':');
                match frames.last_mut() {
                    Some(frame) if frame.is_object && is_key => {
                        let class = found.class(text);
                        at = behind + 1;
                        if class == Class::Secret || class == Class::State && !frame.is_map {
                            at = hide_value(text, skip_space(text, at), edits);
                        } else {
                            frame.class = class;
                        }
                    }
                    frame => value(text, &found, frame, depth, edits),
                }
            }
            b':' | b' ' | b'\t' | b'\n' | b'\r' => at += 1,
            _ => {
                let start = at;
                at = scalar_end(text, at);
                if let Some(frame) = frames.last_mut().filter(|frame| frame.class == Class::Id) {
                    frame.ids.push((start, at, true));
                }
            }
        }
    }
    while let Some(frame) = frames.pop() {
        close(text, &frame, edits);
    }
}

/// A string of a JSON text, without its quotes.
struct JsonString {
    start: usize,
    end: usize,
    has_escapes: bool,
    bytes: ByteSet,
}

impl JsonString {
    /// Reads the string that begins at a place, up to its quote or the end of the text. This is one pass over its
    /// bytes.
    fn at(text: &[u8], start: usize) -> Self {
        let (mut end, mut has_escapes, mut bytes) = (text.len(), false, ByteSet::default());
        let mut rest = text.get(start..).unwrap_or_default().iter();
        while let Some(byte) = rest.next() {
            match byte {
                b'"' => {
                    end = text.len() - rest.len() - 1;
                    break;
                }
                b'\\' => {
                    has_escapes = true;
                    rest.next();
                }
                _ => bytes = bytes.with(*byte),
            }
        }
        Self { start, end, has_escapes, bytes }
    }

    /// Returns its text with escapes undone; `None` if it has none.
    fn unescaped(&self, text: &[u8]) -> Option<Decoded> {
        self.has_escapes.then(|| unescaped(&text[self.start..self.end])).flatten()
    }

    /// Returns what it says as a key.
    fn class(&self, text: &[u8]) -> Class {
        match self.unescaped(text) {
            Some(decoded) => key::class(&decoded.bytes),
            None => key::class(&text[self.start..self.end]),
        }
    }

    /// Whether nothing in it can be hidden.
    fn is_plain(&self) -> bool {
        !self.has_escapes && self.bytes.is_plain()
    }
}

/// Looks at a string that is a value.
fn value(text: &[u8], string: &JsonString, frame: Option<&mut Frame>, depth: u8, edits: &mut Vec<Edit>) {
    let (start, end) = (string.start, string.end);
    let decoded = string.unescaped(text);
    let plain = decoded.as_ref().map_or(&text[start..end], |decoded| &decoded.bytes);
    let class = frame.as_ref().map_or(Class::Other, |frame| frame.class);
    if let Some(frame) = frame {
        match class {
            Class::Type => frame.is_code |= key::is_code(plain),
            Class::Id | Class::Name => frame.ids.push((start, end, class == Class::Id)),
            _ => {}
        }
    }
    if !string.is_plain() {
        inside(text, start..end, decoded.as_ref(), class == Class::Place, depth, edits);
    }
}

/// Looks at the text of a string that is not plain.
fn inside(
    text: &[u8],
    at: Range<usize>,
    decoded: Option<&Decoded>,
    is_place: bool,
    depth: u8,
    edits: &mut Vec<Edit>,
) {
    let mut inner = Vec::new();
    if let Some(decoded) = decoded {
        text::value(&decoded.bytes, is_place, depth, &mut inner);
        decoded.carry(inner, at.start, escaped, edits);
    } else {
        text::suspect(&text[at.clone()], is_place, depth, &mut inner);
        edits.extend(edit::shifted(inner, at.start));
    }
}

/// Collects what is hidden in an event where nothing but the text of some strings is suspect: those around `places`,
/// which are in order. Does what [`json`] does, for a fraction of its cost. Returns `None` if only that can tell.
pub(super) fn strings(text: &[u8], places: &[usize]) -> Option<Vec<Edit>> {
    let (mut edits, mut end) = (Vec::new(), 0);
    for place in places {
        if *place < end {
            // It stands in the last string.
            continue;
        }
        let start = string_start(text, *place)?;
        end = string_end(text, *place);
        let behind = skip_space(text, end + 1);
        if !matches!(text.get(behind), Some(b',' | b'}' | b']')) {
            // It is a key, or damaged.
            return None;
        }
        let is_place = class_before(text, start - 1)? == Class::Place;
        inside(text, start..end, unescaped(&text[start..end]).as_ref(), is_place, 0, &mut edits);
    }
    Some(edits)
}

/// Returns where the string begins in which a place stands.
fn string_start(text: &[u8], mut place: usize) -> Option<usize> {
    loop {
        place = memrchr(b'"', text.get(..place)?)?;
        if place.checked_sub(1).is_none_or(|before| text[before] != b'\\') {
            return Some(place + 1);
        }
    }
}

/// Returns what the key says whose value begins at a place. Returns `None` if it is a member of an array, or the key
/// has escapes.
fn class_before(text: &[u8], start: usize) -> Option<Class> {
    let key = text[..start].trim_ascii_end().strip_suffix(b":")?.trim_ascii_end().strip_suffix(b"\"")?;
    let quote = memrchr2(b'"', b'\\', key)?;
    (key[quote] == b'"' && !key[..quote].ends_with(b"\\")).then(|| key::class(&key[quote + 1..]))
}

/// Hides the ids of an object whose type is a code, and names that repeat one.
fn close(text: &[u8], frame: &Frame, edits: &mut Vec<Edit>) {
    if !frame.is_code {
        return;
    }
    let ids: Vec<&[u8]> =
        frame.ids.iter().filter(|(.., is_id)| *is_id).map(|(start, end, _)| &text[*start..*end]).collect();
    for (start, end, is_id) in &frame.ids {
        if !is_id && !ids.contains(&&text[*start..*end]) {
            continue;
        }
        if start.checked_sub(1).and_then(|before| text.get(before)) == Some(&b'"') {
            edit::hide(text, *start, *end, edits);
        } else if !is_word(&text[*start..*end]) {
            edit::hide_quoted(text, *start, *end, edits);
        }
    }
}

/// Hides the value that begins at a place, whatever it is, and returns where it ends.
fn hide_value(text: &[u8], start: usize, edits: &mut Vec<Edit>) -> usize {
    match text.get(start) {
        None => text.len(),
        Some(b'"') => {
            let end = string_end(text, start + 1);
            edit::hide(text, start + 1, end, edits);
            (end + 1).min(text.len())
        }
        Some(b'{' | b'[') => {
            let end = balanced_end(text, start);
            let is_empty = text[start..end]
                .iter()
                .all(|b| matches!(b, b'{' | b'}' | b'[' | b']') || b.is_ascii_whitespace());
            if !is_empty {
                edit::hide_quoted(text, start, end, edits);
            }
            end
        }
        Some(b',' | b'}' | b']') => start,
        Some(_) => {
            let end = scalar_end(text, start);
            if !is_word(&text[start..end]) {
                edit::hide_quoted(text, start, end, edits);
            }
            end
        }
    }
}

/// Whether a value is one of JSON's three words.
fn is_word(value: &[u8]) -> bool {
    matches!(value, b"null" | b"true" | b"false")
}

/// Returns where the quote stands that ends a string, or the end of the text.
fn string_end(text: &[u8], mut at: usize) -> usize {
    while let Some(next) = text.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += next;
        if text[at] == b'"' {
            return at;
        }
        at += 2;
    }
    text.len()
}

/// Returns where a number or a word ends; it is one byte long at least.
fn scalar_end(text: &[u8], start: usize) -> usize {
    let rest = text.get(start + 1..).unwrap_or_default();
    let ends =
        |b: &u8| matches!(b, b',' | b'}' | b']' | b'{' | b'[' | b'"' | b':') || b.is_ascii_whitespace();
    start + 1 + rest.iter().position(ends).unwrap_or(rest.len())
}

/// Returns where an object or an array ends, or the end of the text.
pub(super) fn balanced_end(text: &[u8], start: usize) -> usize {
    let (mut depth, mut at) = (0_usize, start);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => at = string_end(text, at + 1),
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at.min(text.len())
}

fn skip_space(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Undoes the escapes of a JSON string; `None` if it has none.
pub(super) fn unescaped(value: &[u8]) -> Option<Decoded> {
    memchr(b'\\', value)?;
    let mut decoded = Decoded::with_capacity(value.len());
    let mut at = 0;
    while let Some(byte) = value.get(at) {
        if *byte != b'\\' {
            decoded.push(*byte, at);
            at += 1;
            continue;
        }
        let (c, length) = match value.get(at + 1) {
            Some(b'u') => unicode(&value[at..]),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b @ (b'"' | b'\\' | b'/')) => (char::from(*b), 2),
            // No escape: the backslash stands for itself.
            _ => ('\\', 1),
        };
        decoded.push_char(c, at);
        at += length;
    }
    decoded.end(value.len());
    Some(decoded)
}

/// Reads the `\u` escape that a text begins with, and a second one that belongs to it; returns the length of both.
fn unicode(text: &[u8]) -> (char, usize) {
    let unit = |at: usize| -> Option<u32> {
        let rest = text.get(at..)?.strip_prefix(b"\\u")?;
        rest.get(..4)?.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
    };
    match (unit(0), unit(6)) {
        (Some(high @ 0xd800..0xdc00), Some(low @ 0xdc00..0xe000)) => {
            let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
        }
        (Some(code), _) => (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
        (None, _) => ('\\', 1),
    }
}

/// Escapes quotes as a JSON string around them needs it.
pub(super) fn escaped(quote: &str) -> String {
    quote.replace('\\', "\\\\").replace('"', "\\\"")
}
