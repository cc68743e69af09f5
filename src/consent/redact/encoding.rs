//! Decodes JSON strings and percent-encoding.

use memchr::memchr;

use super::edit::Decoded;
use crate::json_scan;

/// Returns the position of the quote that ends a string, or the end of the text.
pub(super) fn string_end(text: &[u8], at: usize) -> usize {
    json_scan::end_of_string(text, at).unwrap_or(text.len())
}

/// Returns where an object or an array ends, or the end of the text.
pub(super) fn balanced_end(text: &[u8], start: usize) -> usize {
    json_scan::end_of_brackets(text, start).unwrap_or(text.len())
}

/// Returns the position after the white space at a position.
pub(super) fn skip_space(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    at
}

/// Decodes the escapes of a JSON string. Returns `None` if it has none.
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
            // Not an escape, so the backslash is literal.
            _ => ('\\', 1),
        };
        decoded.push_char(c, at);
        at += length;
    }
    decoded.end(value.len());
    Some(decoded)
}

/// Decodes the `\u` escape at the start of a text, with the second half of a surrogate pair. Also returns the length of
/// the escapes.
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

/// Escapes quotes for use inside a JSON string.
pub(super) fn escaped(quote: &str) -> String {
    quote.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Decodes percent-encoding, and `+` as a space if `has_plus`. Returns `None` if nothing is encoded.
pub(super) fn percent_decoded(text: &[u8], has_plus: bool) -> Option<Decoded> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let is_coded =
        memchr::memchr_iter(b'%', text).any(|at| digit(at + 1).is_some() && digit(at + 2).is_some());
    if !(is_coded || has_plus && memchr(b'+', text).is_some()) {
        return None;
    }
    let mut decoded = Decoded::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high << 4 | low) as u8, at);
                at += 3;
                continue;
            }
            (b'+', ..) if has_plus => decoded.push(b' ', at),
            _ => decoded.push(*byte, at),
        }
        at += 1;
    }
    decoded.end(text.len());
    Some(decoded)
}

/// Encodes quotes for use inside percent-encoded text.
pub(super) fn percent_encoded(quote: &str) -> String {
    quote.replace('"', "%22").replace('\\', "%5C")
}
