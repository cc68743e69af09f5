//! Standard output and standard error.

use std::io::{self, Write as _};

use super::charset;

/// Says something on standard error. A standard error that is gone hears nothing, and that is no reason to end.
pub fn note(words: &str) {
    if words.is_empty() {
        return;
    }
    say(&format!("consentwatch: {words}"));
}

/// Writes a line to standard error.
pub(super) fn say(line: &str) {
    if let Err(error) = writeln!(io::stderr().lock(), "{}", charset::for_people(line)) {
        tracing::warn!(%error, "Standard error cannot be written.");
    }
}

/// Writes a text to standard output, in ASCII to a terminal where the locale is not UTF-8. A reader that has gone is
/// no fault.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(&charset::for_stdout(text)).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
