//! Edits that replace secrets in a text with marks.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt::{self, Write as _};
use std::ops::Range;

use memchr::memmem;

/// The start of a mark, which replaces a secret. [`MARK_END`] is its end.
const MARK_START: &[u8] = "‹hidden, ".as_bytes();
const MARK_END: &[u8] = " characters›".as_bytes();
/// Room for most marks. The number has at most ten digits, and there may be two quotes around the mark.
const MARK_ROOM: usize = MARK_START.len() + MARK_END.len() + 12;

/// A range of a text to hide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Edit {
    start: usize,
    end: usize,
    /// How many characters are hidden, or `None` if the range is a mark already.
    characters: Option<usize>,
    /// The quote to put around the mark when it replaces a value that is not a string, escaped as the
    /// surrounding text requires.
    quote: Cow<'static, str>,
}

impl Edit {
    /// Returns whether the range is a mark already.
    pub(super) fn is_done(&self) -> bool {
        self.characters.is_none()
    }
}

/// Shifts edits of a text to its position in a larger text.
pub(super) fn shifted(edits: Vec<Edit>, by: usize) -> impl Iterator<Item = Edit> {
    edits.into_iter().map(move |mut edit| {
        edit.start += by;
        edit.end += by;
        edit
    })
}

/// A mark for this number of hidden characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(pub(super) usize);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "‹hidden, {} characters›", self.0)
    }
}

/// Returns the length of the mark at the start of a text, or `None` if there is none.
pub(super) fn mark_length(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(MARK_START)?;
    let digits = rest.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let is_mark = digits > 0 && rest[digits..].starts_with(MARK_END);
    is_mark.then_some(MARK_START.len() + digits + MARK_END.len())
}

/// Returns the range of the first mark in a text.
pub(super) fn next_mark(text: &[u8]) -> Option<Range<usize>> {
    memmem::find_iter(text, MARK_START).find_map(|at| Some(at..at + mark_length(&text[at..])?))
}

/// Returns the positions in a text at which a mark may begin.
pub(super) fn marks(text: &[u8]) -> impl Iterator<Item = usize> {
    // The first byte of a mark is rare in events, so a search for it alone is faster.
    memchr::memchr_iter(MARK_START[0], text).filter(|at| text[*at..].starts_with(MARK_START))
}

/// Returns whether a text may contain a mark.
pub(super) fn has_mark(text: &[u8]) -> bool {
    marks(text).next().is_some()
}

/// Returns whether a value contains something to hide. Empty values, `null` and stars do not.
fn is_worth(value: &[u8]) -> bool {
    if value.first().is_some_and(|first| first.is_ascii_graphic() && !matches!(first, b'n' | b'*')) {
        return true;
    }
    let text = std::str::from_utf8(value).unwrap_or("?").trim();
    !(text.is_empty() || text == "null" || text.chars().all(|c| matches!(c, '*' | '•')))
}

/// Adds an edit that hides a range, unless it contains nothing to hide.
pub(super) fn hide(text: &[u8], start: usize, end: usize, edits: &mut Vec<Edit>) {
    let value = &text[start..end];
    let is_separator =
        |b: &u8| b.is_ascii_whitespace() || matches!(b, b',' | b';' | b'.' | b'}' | b']' | b')');
    // Two passes may disagree on where a value ends. Separators after a mark are not a secret.
    if let Some(length) = mark_length(value).filter(|length| value[*length..].iter().all(is_separator)) {
        edits.push(Edit { start, end: start + length, characters: None, quote: Cow::Borrowed("") });
    } else if is_worth(value) {
        let characters = Some(characters(value));
        edits.push(Edit { start, end, characters, quote: Cow::Borrowed("") });
    }
}

/// Adds an edit that replaces a value that is not a string with a mark in quotes.
pub(super) fn hide_quoted(text: &[u8], start: usize, end: usize, edits: &mut Vec<Edit>) {
    let characters = Some(characters(&text[start..end]));
    edits.push(Edit { start, end, characters, quote: Cow::Borrowed("\"") });
}

/// Counts the characters of a text, even if it is not valid UTF-8.
fn characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.chars().count(),
        Err(_) => bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count(),
    }
}

/// Sorts edits and merges those that overlap.
pub(super) fn settled(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_by_key(|edit| (edit.start, Reverse(edit.end)));
    let mut kept: Vec<Edit> = Vec::with_capacity(edits.len());
    for edit in edits {
        match kept.last_mut() {
            Some(last) if edit.start < last.end => {
                if edit.end > last.end {
                    // Two passes disagree on where the value ends: hide the range of both.
                    let more = edit.end - last.end;
                    last.end = edit.end;
                    last.characters = Some(last.characters.unwrap_or(0) + more);
                }
            }
            _ => kept.push(edit),
        }
    }
    kept
}

/// Returns whether one of the settled edits covers a position.
pub(super) fn covers(edits: &[Edit], at: usize) -> bool {
    let next = edits.partition_point(|edit| edit.start <= at);
    next.checked_sub(1).and_then(|last| edits.get(last)).is_some_and(|edit| at < edit.end)
}

/// Returns the bytes with the edits applied. The edits must be settled.
pub(super) fn applied(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + edits.len() * MARK_ROOM);
    let mut at = 0;
    for (edit, characters) in changes(edits) {
        out.extend_from_slice(&bytes[at..edit.start]);
        let quote = edit.quote.as_bytes();
        out.extend_from_slice(quote);
        out.extend_from_slice(Mark(characters).to_string().as_bytes());
        out.extend_from_slice(quote);
        at = edit.end;
    }
    out.extend_from_slice(&bytes[at..]);
    out
}

/// Returns the text with the edits applied, or `None` if an edit splits a character. The edits must be settled.
pub(super) fn applied_to_text(text: &str, edits: &[Edit]) -> Option<String> {
    let mut out = String::with_capacity(text.len() + edits.len() * MARK_ROOM);
    let mut at = 0;
    for (edit, characters) in changes(edits) {
        out.push_str(text.get(at..edit.start)?);
        let quote = &edit.quote;
        write!(out, "{quote}{}{quote}", Mark(characters)).expect("a String takes whatever is written");
        at = edit.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

/// Returns the edits that still replace something, and how many characters each hides.
fn changes(edits: &[Edit]) -> impl Iterator<Item = (&Edit, usize)> {
    edits.iter().filter_map(|edit| Some((edit, edit.characters?)))
}

/// A decoded text, with the source position of each byte.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// The source position of each byte, followed by the length of the source.
    at: Vec<u32>,
}

impl Decoded {
    pub(super) fn with_capacity(length: usize) -> Self {
        Self { bytes: Vec::with_capacity(length), at: Vec::with_capacity(length + 1) }
    }

    pub(super) fn push(&mut self, byte: u8, from: usize) {
        self.bytes.push(byte);
        self.at.push(from as u32);
    }

    pub(super) fn push_char(&mut self, c: char, from: usize) {
        let mut buffer = [0; 4];
        for byte in c.encode_utf8(&mut buffer).bytes() {
            self.push(byte, from);
        }
    }

    pub(super) fn end(&mut self, length: usize) {
        self.at.push(length as u32);
    }

    /// Maps edits of the decoded text to its encoded source, which begins at `start` of a larger text, and
    /// adds them to `edits`. `quote` encodes a quote as the source does.
    pub(super) fn carry(
        &self,
        inner: Vec<Edit>,
        start: usize,
        quote: impl Fn(&str) -> String,
        edits: &mut Vec<Edit>,
    ) {
        for mut edit in inner {
            edit.start = start + self.at[edit.start] as usize;
            edit.end = start + self.at[edit.end] as usize;
            if !edit.quote.is_empty() {
                edit.quote = Cow::Owned(quote(&edit.quote));
            }
            edits.push(edit);
        }
    }
}
