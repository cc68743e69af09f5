//! Searches the text of one string: a URL, a form, JSON, or words with URLs among them.

use memchr::{memchr, memchr2, memmem};

use super::byte_set::ByteSet;
use super::edit::{self, Edit, mark_length};
use super::encoding::{percent_decoded, percent_encoded};
use super::{loose, secret_names, walk};

/// The most levels of text inside text. Anything nested deeper is hidden as a whole. Each level at least doubles the
/// bytes of an escape, so real events have at most three levels.
const DEPTH_MAX: u8 = 10;
/// The byte order mark of UTF-8.
const BOM: &[u8] = "\u{feff}".as_bytes();
/// The most bytes of a word in a query without `=` that is kept.
const WORD_MAX: usize = 24;

/// Adds the edits for a text. `is_place` says that it is a URL, absolute or relative.
pub(super) fn value(text: &[u8], is_place: bool, depth: u8, edits: &mut Vec<Edit>) {
    if !text.iter().fold(ByteSet::default(), |bytes, byte| bytes.with(*byte)).is_plain() {
        suspect(text, is_place, depth, edits);
    }
}

/// Does the same as [`value`] for a text whose bytes show that it may have something to hide.
pub(super) fn suspect(text: &[u8], is_place: bool, depth: u8, edits: &mut Vec<Edit>) {
    if depth >= DEPTH_MAX {
        edit::hide(text, 0, text.len(), edits);
        return;
    }
    let visible = text.strip_prefix(BOM).unwrap_or(text);
    match visible.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[' | b'"') => {
            walk::json(text, depth + 1, value, edits);
            loose::pairs(text, edits);
            if memchr(b'"', text).is_none() {
                words(text, depth, edits);
            }
        }
        _ if !is_place && is_form(text) => form(text, depth, edits),
        _ if is_place || !tokens(text).any(|(start, end)| (start, end) != (0, text.len())) => {
            reference(text, 0, text.len(), is_place, depth, edits);
        }
        _ => {
            let urls = words(text, depth, edits);
            loose::among_words(text, &urls, edits);
        }
    }
}

/// Adds the edits for URLs among the words of a text, and returns their ranges.
pub(super) fn words(text: &[u8], depth: u8, edits: &mut Vec<Edit>) -> Vec<(usize, usize)> {
    let mut urls = Vec::new();
    for (start, end) in tokens(text) {
        let token = &text[start..end];
        if memmem::find(token, b"://").is_some() || memchr2(b'?', b'#', token).is_some() {
            reference(text, start, end, false, depth, edits);
            urls.push((start, end));
        }
    }
    urls
}

/// Returns whether a whole text is a form: at least two pairs of `name=value`, joined by `&`.
fn is_form(text: &[u8]) -> bool {
    let is_pair = |part: &[u8]| {
        let name = &part[..memchr(b'=', part).unwrap_or(0)];
        !name.is_empty() && name.iter().copied().all(is_of_name)
    };
    memchr(b'&', text).is_some() && text.trim_ascii().split(|b| *b == b'&').all(is_pair)
}

/// Adds the edits for the values of a form.
fn form(text: &[u8], depth: u8, edits: &mut Vec<Edit>) {
    let mut at = 0;
    for part in text.split(|b| *b == b'&') {
        pair(text, at, at + part.len(), depth, edits);
        at += part.len() + 1;
    }
}

/// Adds the edits for a `name=value`: the whole value if the name is that of a secret, else the secrets in it.
fn pair(text: &[u8], start: usize, end: usize, depth: u8, edits: &mut Vec<Edit>) {
    let Some(equals) = memchr(b'=', &text[start..end]) else { return };
    let (name, at) = (&text[start..start + equals], start + equals + 1);
    if is_secret_name(name) {
        let (from, to) = without_quotes(text, at, end);
        edit::hide(text, from, to, edits);
    } else {
        let mut inner = Vec::new();
        value(&text[at..end], false, depth + 1, &mut inner);
        edits.extend(edit::shifted(inner, at));
    }
}

/// Returns whether a byte may occur in the name of a form's value.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'%' | b'+' | b'[' | b']')
}

/// Returns the range of a value without surrounding white space and quotes.
fn without_quotes(text: &[u8], start: usize, end: usize) -> (usize, usize) {
    let value = text[start..end].trim_ascii();
    let inner = [b'"', b'\''].iter().find_map(|quote| {
        value.strip_prefix(std::slice::from_ref(quote))?.strip_suffix(std::slice::from_ref(quote))
    });
    let inner = inner.unwrap_or(value);
    let start = start + (inner.as_ptr().addr() - text[start..end].as_ptr().addr());
    (start, start + inner.len())
}

/// Returns the start of the value after the first name of a secret, as in `a=password=x`.
fn secret_value(part: &[u8]) -> Option<usize> {
    let mut start = 0;
    memchr::memchr_iter(b'=', part)
        .map(|equals| (std::mem::replace(&mut start, equals + 1), equals))
        .find_map(|(start, equals)| is_secret_name(&part[start..equals]).then_some(equals + 1))
}

/// Returns whether a text ends with the name of a secret, which may be in brackets or after a path.
fn is_secret_name(text: &[u8]) -> bool {
    let text = text.strip_suffix(b"]").unwrap_or(text);
    let name = text.rsplit(|b| matches!(b, b'/' | b'{' | b'[' | b'(')).next();
    name.is_some_and(secret_names::is_secret)
}

/// Returns the ranges between white space, quotes and angle brackets. Marks contain spaces and are not split.
fn tokens(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let is_end = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'<' | b'>' | b'`');
        while text.get(at).is_some_and(is_end) {
            at += 1;
        }
        let start = at;
        while let Some(byte) = text.get(at) {
            if is_end(byte) {
                break;
            }
            at += if *byte == 0xe2 { mark_length(&text[at..]).unwrap_or(1) } else { 1 };
        }
        (start < at).then_some((start, at))
    })
}

/// Adds the edits for one URL, absolute or relative: in the user info, the query parameters, and the parameters after
/// each `#`.
fn reference(text: &[u8], start: usize, end: usize, is_place: bool, depth: u8, edits: &mut Vec<Edit>) {
    let all = &text[start..end];
    let head_end = start + memchr2(b'?', b'#', all).unwrap_or(all.len());
    if !is_place && is_list(text, start, head_end) {
        // A `?` in a list does not begin a query: `password=a?b`.
        parts(text, start, end).for_each(|(from, to)| pair(text, from, to, depth, edits));
        return;
    }
    head(text, start, head_end, is_place, depth, edits);
    let begins_query = text.get(head_end) == Some(&b'?') || head_end == start;
    let has_query = begins_query && memchr(b'=', &text[head_end..end]).is_some();
    if head_end == end || !(is_place || has_query || is_located(&text[start..head_end])) {
        return;
    }
    // The query first, then the part after each `#`.
    let mut at = head_end;
    while at < end {
        let is_fragment = text[at] == b'#';
        let from = at + usize::from(is_fragment);
        let to = memchr(b'#', &text[from..end]).map_or(end, |next| from + next);
        let query = memchr(b'?', &text[from..to]).map_or(to, |next| from + next);
        if is_fragment {
            fragment(text, from, query, depth, edits);
        }
        if query < to {
            parameters(text, query + 1, to, depth, edits);
        }
        at = to;
    }
}

/// Returns whether a text before `?` or `#` is not a URL but a list of `name=value` with the name of a secret.
fn is_list(text: &[u8], start: usize, end: usize) -> bool {
    let first = memchr(b'=', &text[start..end]).unwrap_or(0);
    first > 0
        && text[start..start + first].iter().all(|b| is_of_name(*b) || matches!(b, b'&' | b';'))
        && parts(text, start, end).any(|(from, to)| secret_value(&text[from..to]).is_some())
}

/// Adds the edits for a fragment after `#`, up to a `?` in it.
fn fragment(text: &[u8], start: usize, end: usize, depth: u8, edits: &mut Vec<Edit>) {
    if memchr(b'=', &text[start..end]).is_some() {
        parameters(text, start, end, depth, edits);
    } else if !matches!(text[start..end].first(), Some(b'/' | b'!')) {
        // A fragment that begins with `/` or `!` is a location within a page.
        bare(text, start, end, edits);
    }
}

/// Returns whether a text before `?` or `#` belongs to a URL: it has a scheme, or is a path.
fn is_located(head: &[u8]) -> bool {
    let Some(first) = head.first() else { return false };
    let scheme =
        head.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')).count();
    *first == b'/'
        || first.is_ascii_alphabetic() && head.get(scheme) == Some(&b':')
        || memmem::find(head, b"://").is_some()
}

/// Adds the edits for the part before the query: user and password, a form, an encoded text.
fn head(text: &[u8], start: usize, end: usize, is_place: bool, depth: u8, edits: &mut Vec<Edit>) {
    let head = &text[start..end];
    let rooted = (is_place && head.starts_with(b"//")).then_some(start + 2);
    let behind_schemes = memmem::find_iter(head, b"://").map(|at| start + at + 3);
    for authority in rooted.into_iter().chain(behind_schemes) {
        let rest = &text[authority..end];
        let length = rest.iter().position(|b| matches!(b, b'/' | b'\\')).unwrap_or(rest.len());
        if let Some(user) = memchr::memrchr(b'@', &rest[..length]) {
            edit::hide(text, authority, authority + user, edits);
        } else if let Some(mark) = edit::mark_length(rest) {
            // The `@` was hidden too.
            edit::hide(text, authority, authority + mark, edits);
        }
    }
    if let Some(decoded) = percent_decoded(head, false) {
        let mut inner = Vec::new();
        value(&decoded.bytes, is_place, depth + 1, &mut inner);
        decoded.carry(inner, start, percent_encoded, edits);
    }
    if memchr(b'=', head).is_some() {
        for (from, to) in parts(text, start, end) {
            if let Some(value) = secret_value(&text[from..to]) {
                edit::hide(text, from + value, to, edits);
            }
        }
    }
}

/// Adds the edits for the parameters of a query or a fragment.
fn parameters(text: &[u8], start: usize, end: usize, depth: u8, edits: &mut Vec<Edit>) {
    for (from, to) in parts(text, start, end) {
        let Some(equals) = memchr(b'=', &text[from..to]) else {
            bare(text, from, to, edits);
            continue;
        };
        let (name, at) = (&text[from..from + equals], from + equals + 1);
        let decoded_name = percent_decoded(name, true);
        let name = decoded_name.as_ref().map_or(name, |decoded| &decoded.bytes);
        if !secret_names::is_kept_parameter(name) {
            edit::hide(text, at, to, edits);
            continue;
        }
        let is_place = name == b"redirect_uri";
        let mut inner = Vec::new();
        if let Some(decoded) = percent_decoded(&text[at..to], true) {
            value(&decoded.bytes, is_place, depth + 1, &mut inner);
            decoded.carry(inner, at, percent_encoded, edits);
        } else {
            value(&text[at..to], is_place, depth + 1, &mut inner);
            edits.extend(edit::shifted(inner, at));
        }
    }
}

/// Adds the edit for a part without `=`. A word is a name without a value. Anything else may be a value without a name.
fn bare(text: &[u8], start: usize, end: usize, edits: &mut Vec<Edit>) {
    let part = &text[start..end];
    let is_name =
        part.len() <= WORD_MAX && part.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-'));
    if !is_name {
        edit::hide(text, start, end, edits);
    }
}

/// Returns the parts of a query.
fn parts(text: &[u8], start: usize, end: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut at = start;
    std::iter::from_fn(move || {
        if at > end {
            return None;
        }
        let from = at;
        let to = memchr2(b'&', b';', &text[from..end]).map_or(end, |next| from + next);
        at = to + 1;
        Some((from, to))
    })
}
