//! Finds secrets in text without a fixed format: damaged records, and lists such as `{k=v, k=v}`, which Okta
//! writes into debug data.

use memchr::{memchr, memchr2, memchr2_iter};

use super::edit::{self, Edit, mark_length};
use super::secret_names::{self, Class};
use super::{encoding, scan};

/// The most bytes of a name.
const NAME_MAX: usize = 64;

/// Finds names of secrets followed by a value, anywhere in a text.
pub(super) fn anywhere(text: &[u8], edits: &mut Vec<Edit>) {
    named(text, true, edits);
}

/// Finds secrets in a list of `name=value`, or of quoted names and values.
pub(super) fn pairs(list: &[u8], edits: &mut Vec<Edit>) {
    named(list, false, edits);
}

/// Finds secrets in a sentence, by names that always name a secret, before `=` or quoted before `:`. `urls` are the
/// ranges of URLs, which are searched elsewhere.
pub(super) fn among_words(text: &[u8], urls: &[(usize, usize)], edits: &mut Vec<Edit>) {
    let mut done = 0;
    for at in memchr2_iter(b'=', b':', text) {
        let is_quoted = || matches!(text[..at].trim_ascii_end().last(), Some(b'"' | b'\''));
        if at < done || text[at] == b':' && !is_quoted() {
            continue;
        }
        let Some(name) = name_before(&text[..at]) else { continue };
        let is_in_url = urls.iter().any(|(from, to)| (*from..*to).contains(&name.start));
        let is_in_value = name.start < done;
        let name = &text[name.start..name.end];
        if is_in_url || is_in_value || !secret_names::is_secret(name) {
            continue;
        }
        let (start, end) = word_behind(text, at + 1, urls);
        let is_hidden = mark_length(&text[start..end]) == Some(end - start);
        if !is_hidden && !secret_names::is_always_secret(name) {
            continue;
        }
        let is_empty = matches!(&text[start..end], b"true" | b"false" | b"null" | b"[]" | b"{}");
        if start < end && !is_empty {
            edit::hide(text, start, end, edits);
            done = end;
        }
    }
}

/// Finds names of secrets before `=`, and before `:` if they are in single quotes or `any_colon` is set.
fn named(text: &[u8], any_colon: bool, edits: &mut Vec<Edit>) {
    let before = edit::settled(edits.clone());
    let mut done = 0;
    for at in memchr2_iter(b'=', b':', text) {
        if at < done {
            continue;
        }
        let Some(name) = name_before(&text[..at]) else { continue };
        if edit::covers(&before, name.start) {
            // Another pass took the name for part of a value.
            continue;
        }
        if text[at] == b':' && !any_colon && name.quote != Some(b'\'') {
            continue;
        }
        let is_secret = match secret_names::class(&text[name.start..name.end]) {
            Class::Secret => true,
            Class::State => !scan::is_on_map(&text[..name.start]),
            _ => false,
        };
        if !is_secret {
            continue;
        }
        let (start, end) = value_behind(text, at + 1);
        let is_empty = matches!(&text[start..end], b"true" | b"false" | b"null" | b"[]" | b"{}");
        if start < end && !is_empty {
            edit::hide(text, start, end, edits);
            done = end;
        }
    }
}

/// The range of a name, and the quote after it.
struct Name {
    start: usize,
    end: usize,
    quote: Option<u8>,
}

/// Returns the name at the end of a text, or `None` if there is none.
fn name_before(text: &[u8]) -> Option<Name> {
    let text = text.trim_ascii_end();
    // A form may nest names, as in `user[password]=x`.
    let mut end = text.strip_suffix(b"]").unwrap_or(text).len();
    let is_quote = |b: &u8| matches!(b, b'"' | b'\'' | b'\\');
    let quote = text[..end].last().copied().filter(is_quote);
    while end > 0 && is_quote(&text[end - 1]) {
        end -= 1;
    }
    let is_named = |b: &&u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b'%') || quote.is_some() && **b == b' '
    };
    let length = text[..end].iter().rev().take(NAME_MAX).take_while(is_named).count();
    (length > 0).then(|| Name { start: end - length, end, quote })
}

/// Returns the range of the value after a position in a sentence: a word, a URL, or a quoted or bracketed value.
fn word_behind(text: &[u8], at: usize, urls: &[(usize, usize)]) -> (usize, usize) {
    let start = skip_blanks(text, at);
    if let Some(quoted) = quoted(text, start) {
        return quoted;
    }
    if let Some((_, end)) = urls.iter().find(|(from, to)| (*from..*to).contains(&start)) {
        return (start, *end);
    }
    if matches!(text.get(start), Some(b'{' | b'[')) {
        return (start, encoding::balanced_end(text, start));
    }
    let start = start + usize::from(text.get(start) == Some(&b'`'));
    let ends = |b: u8| b.is_ascii_whitespace() || b == b'`' || is_end(b);
    (start, unquoted_end(text, start, ends))
}

/// Returns the range of the value after a position.
fn value_behind(text: &[u8], at: usize) -> (usize, usize) {
    let start = skip_blanks(text, at);
    if let Some(quoted) = quoted(text, start) {
        return quoted;
    }
    let mut end = unquoted_end(text, start, is_end);
    // An object or an array was searched as JSON already. Here it ends at its first closing bracket.
    if matches!(text.get(start), Some(b'{' | b'[')) {
        end = memchr2(b'}', b']', &text[start..]).map_or(text.len(), |at| start + at + 1);
    }
    (start, end)
}

fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|b| matches!(b, b' ' | b'\t')) {
        at += 1;
    }
    at
}

/// Returns the range between the quotes that begin at a position, or `None` if there is no quote.
fn quoted(text: &[u8], start: usize) -> Option<(usize, usize)> {
    let slashes = text[start..].iter().take_while(|b| **b == b'\\').count();
    let quote = *text.get(start + slashes).filter(|b| matches!(b, b'"' | b'\''))?;
    let start = start + slashes + 1;
    Some((start, quoted_end(text, start, quote, slashes)))
}

/// Returns whether a byte ends an unquoted value.
fn is_end(byte: u8) -> bool {
    matches!(byte, b',' | b'&' | b';' | b'\n' | b'\r' | b'"' | b'\'' | b'}' | b']' | b'<' | b'>' | b'\\')
}

fn unquoted_end(text: &[u8], start: usize, is_end: impl Fn(u8) -> bool) -> usize {
    let mut end = start;
    while let Some(byte) = text.get(end) {
        if is_end(*byte) {
            break;
        }
        end += if *byte == 0xe2 { mark_length(&text[end..]).unwrap_or(1) } else { 1 };
    }
    end
}

/// Returns the end of a quoted value: the same quote with the same number of backslashes before it.
fn quoted_end(text: &[u8], start: usize, quote: u8, slashes: usize) -> usize {
    let mut at = start;
    while let Some(next) = memchr(quote, &text[at..]) {
        at += next;
        let before = text[start..at].iter().rev().take_while(|b| **b == b'\\').count();
        if before == slashes || slashes == 0 && before % 2 == 0 {
            return at - before.min(slashes);
        }
        at += 1;
    }
    text.len()
}
