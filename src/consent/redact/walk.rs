//! Walks over JSON text, key by key. The text may be truncated or damaged: only strings in quotes are required.

use super::byte_set::ByteSet;
use super::edit::{self, Decoded, Edit};
use super::encoding::{balanced_end, escaped, skip_space, string_end, unescaped};
use super::secret_names::{self, Class};

/// A function that adds the edits for the text of a string. Its arguments say whether the text is a URL, and how many
/// texts enclose it.
pub(super) type Inside = fn(&[u8], bool, u8, &mut Vec<Edit>);

/// An object or an array that is not closed yet.
struct Frame {
    is_object: bool,
    /// Whether it is a `geographicalContext`.
    is_map: bool,
    /// The class of the last key, or in an array the class of the array's key.
    class: Class,
    /// Whether its `type` says that its id is a code.
    is_code: bool,
    /// The ranges of its ids and names, and whether each is an id.
    ids: Vec<(usize, usize, bool)>,
}

/// Adds the edits for a JSON text. `depth` counts the texts around it, and `inside` searches its strings.
pub(super) fn json(text: &[u8], depth: u8, inside: Inside, edits: &mut Vec<Edit>) {
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
                    frame => value(text, &found, frame, (depth, inside), edits),
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
    /// Scans the string that begins at a position, up to its quote or the end of the text, in one pass over its bytes.
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

    /// Returns its decoded text, or `None` if it has no escapes.
    fn unescaped(&self, text: &[u8]) -> Option<Decoded> {
        self.has_escapes.then(|| unescaped(&text[self.start..self.end])).flatten()
    }

    /// Returns its class as a key.
    fn class(&self, text: &[u8]) -> Class {
        match self.unescaped(text) {
            Some(decoded) => secret_names::class(&decoded.bytes),
            None => secret_names::class(&text[self.start..self.end]),
        }
    }

    /// Returns whether it has nothing to hide.
    fn is_plain(&self) -> bool {
        !self.has_escapes && self.bytes.is_plain()
    }
}

/// Adds the edits for a string that is a value.
fn value(
    text: &[u8],
    string: &JsonString,
    frame: Option<&mut Frame>,
    (depth, inside): (u8, Inside),
    edits: &mut Vec<Edit>,
) {
    let (start, end) = (string.start, string.end);
    let decoded = string.unescaped(text);
    let plain = decoded.as_ref().map_or(&text[start..end], |decoded| &decoded.bytes);
    let class = frame.as_ref().map_or(Class::Other, |frame| frame.class);
    if let Some(frame) = frame {
        match class {
            Class::Type => frame.is_code |= secret_names::is_code(plain),
            Class::Id | Class::Name => frame.ids.push((start, end, class == Class::Id)),
            _ => {}
        }
    }
    if string.is_plain() {
        return;
    }
    let mut inner = Vec::new();
    inside(plain, class == Class::Place, depth, &mut inner);
    match &decoded {
        Some(decoded) => decoded.carry(inner, start, escaped, edits),
        None => edits.extend(edit::shifted(inner, start)),
    }
}

/// Adds edits that hide the ids of an object whose type is a code, and names that repeat an id.
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

/// Adds an edit that hides the value at a position, of any type, and returns its end.
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

/// Returns whether a value is `null`, `true` or `false`.
fn is_word(value: &[u8]) -> bool {
    matches!(value, b"null" | b"true" | b"false")
}

/// Returns the end of a number or a word of at least one byte.
fn scalar_end(text: &[u8], start: usize) -> usize {
    let rest = text.get(start + 1..).unwrap_or_default();
    let ends =
        |b: &u8| matches!(b, b',' | b'}' | b']' | b'{' | b'[' | b'"' | b':') || b.is_ascii_whitespace();
    start + 1 + rest.iter().position(ends).unwrap_or(rest.len())
}
