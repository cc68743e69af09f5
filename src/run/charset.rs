//! What is written where the locale is not UTF-8.
//!
//! There a terminal may read single bytes, and the bytes of a name in UTF-8 may be controls of C1: `ě` ends in 9B, which
//! begins a control sequence. So nothing but ASCII is written there to a terminal, nor in what people read: `tail
//! --format text`, `--linear`, messages on standard error. JSON, CSV and every other form for machines stays UTF-8 in
//! files and pipes.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::consent::in_ascii;
use crate::export::Lines;

static ASCII_ONLY: AtomicBool = AtomicBool::new(false);

/// Says whether the locale has nothing but ASCII. Called once, before anything is written.
pub fn set_ascii_only(is_so: bool) {
    ASCII_ONLY.store(is_so, Ordering::Relaxed);
}

/// Returns words for people as they can be written here.
pub(super) fn for_people(words: &str) -> Cow<'_, str> {
    if ASCII_ONLY.load(Ordering::Relaxed) { in_ascii(words) } else { Cow::Borrowed(words) }
}

/// Returns a text for standard output as it can be written there.
pub(super) fn for_stdout(text: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(text) {
        Ok(words) if io::stdout().is_terminal() => match for_people(words) {
            Cow::Owned(escaped) => Cow::Owned(escaped.into_bytes()),
            Cow::Borrowed(_) => Cow::Borrowed(text),
        },
        _ => Cow::Borrowed(text),
    }
}

/// Rewrites the lines of a buffer from `start` on as they can be written to standard output.
pub(super) fn settle(form: Lines, to_terminal: bool, out: &mut Vec<u8>, start: usize) {
    if ASCII_ONLY.load(Ordering::Relaxed) && (to_terminal || form == Lines::Text) {
        form.to_ascii(out, start);
    }
}

/// Whether only ASCII goes to standard output.
pub(super) fn is_stdout_ascii() -> bool {
    ASCII_ONLY.load(Ordering::Relaxed) && io::stdout().is_terminal()
}
