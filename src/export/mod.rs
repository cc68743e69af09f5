//! The formats that leave the program. Each is a pure function that appends one consent, as one line, to a buffer.

mod card;
mod json;
mod raw;
mod sentence;
mod terminal;
mod text;

pub use json::SCHEMA;
pub use sentence::{sentence, sentences};

use crate::consent::{Consent, Seq};

/// A format that gives one line for one consent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lines {
    /// The program's own JSON, [`SCHEMA`].
    Json,
    /// One line for a person.
    Text,
    /// The output of Okta Workflows' event card, under the card's own names.
    Card,
    /// The LogEvent alone.
    Raw,
}

impl Lines {
    /// Appends one consent and a line feed.
    pub fn line(self, seq: Seq, consent: &Consent, out: &mut Vec<u8>) {
        match self {
            Self::Json => json::line(seq, consent, out),
            Self::Text => text::line(seq, consent, out),
            Self::Card => card::line(seq, consent, out),
            Self::Raw => raw::line(seq, consent, out),
        }
    }

    /// Appends one consent and a line feed, harmless for a terminal: the JSON forms keep their values and escape what
    /// a terminal would obey or hide. The line for a person always is.
    pub fn line_for_terminal(self, seq: Seq, consent: &Consent, out: &mut Vec<u8>) {
        let start = out.len();
        self.line(seq, consent, out);
        if self != Self::Text {
            terminal::escape(out, start);
        }
    }
}

#[cfg(test)]
mod sample;
