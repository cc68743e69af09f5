//! Writes to standard output and standard error.

use std::io::{self, Write as _};

use super::charset;

/// Writes each line of a message to standard error, none if it is empty. A failure to write is logged and otherwise
/// ignored.
pub fn note(words: &str) {
    for line in words.lines() {
        say(&format!("consentwatch: {line}"));
    }
}

/// Writes a line to standard error.
pub(super) fn say(line: &str) {
    if let Err(error) = writeln!(io::stderr().lock(), "{}", charset::for_people(line)) {
        tracing::warn!(%error, "Standard error cannot be written.");
    }
}

/// Writes a text to standard output, in ASCII if that is a terminal and the locale is not UTF-8. A closed pipe is not
/// an error.
///
/// # Errors
/// Returns an error if standard output cannot be written.
pub fn print(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(&charset::for_stdout(text)).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
