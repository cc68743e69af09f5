//! Restricts output to ASCII where the locale is not UTF-8.
//!
//! In such a locale a terminal may interpret single bytes, and the UTF-8 bytes of a name may be C1 controls: `ě` ends
//! in 9B, which begins a control sequence. So only ASCII is written to a terminal and in text for people: `tail
//! --format text`, `--linear`, messages on standard error. JSON, CSV and the other machine formats stay UTF-8 in files
//! and pipes.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::consent::in_ascii;
use crate::export::Lines;

static ASCII_ONLY: AtomicBool = AtomicBool::new(false);

/// Sets whether text for people must be ASCII. Call it once, before anything is written.
pub fn set_ascii_only(is_so: bool) {
    ASCII_ONLY.store(is_so, Ordering::Relaxed);
}

/// Returns a text for people, escaped to ASCII if the locale needs that.
pub(super) fn for_people(words: &str) -> Cow<'_, str> {
    if ASCII_ONLY.load(Ordering::Relaxed) { in_ascii(words) } else { Cow::Borrowed(words) }
}

/// Returns a text for standard output, escaped to ASCII if that is a terminal and the locale needs it.
pub(super) fn for_stdout(text: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(text) {
        Ok(words) if io::stdout().is_terminal() => match for_people(words) {
            Cow::Owned(escaped) => Cow::Owned(escaped.into_bytes()),
            Cow::Borrowed(_) => Cow::Borrowed(text),
        },
        _ => Cow::Borrowed(text),
    }
}

/// Escapes the lines of a buffer from `start` on to ASCII, if standard output needs that.
pub(super) fn settle(form: Lines, to_terminal: bool, out: &mut Vec<u8>, start: usize) {
    if ASCII_ONLY.load(Ordering::Relaxed) && (to_terminal || form == Lines::Text) {
        form.to_ascii(out, start);
    }
}

/// Returns whether standard output is a terminal that must get only ASCII.
pub(super) fn is_stdout_ascii() -> bool {
    ASCII_ONLY.load(Ordering::Relaxed) && io::stdout().is_terminal()
}
