//! The formats that leave the program. Each is a pure function that appends to a buffer or a writer.

mod about;
mod card;
mod csv;
mod ecs;
mod family;
mod json;
mod ocsf;
mod raw;
mod report;
mod sentence;
mod snapshot;
mod summary;
mod targets;
mod terminal;
mod text;

pub use about::About;
pub use json::SCHEMA;
pub use report::Report;
pub use sentence::{sentence, sentences};
pub use snapshot::{Snapshot, hex};
pub use summary::Summary;

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
    /// CSV, after [`Lines::head`].
    Csv,
    /// The same with a byte order mark, by which Excel on Windows knows UTF-8.
    CsvMarked,
    /// Elastic Common Schema.
    Ecs,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
}

impl Lines {
    /// Appends one consent and a line feed.
    pub fn line(self, seq: Seq, consent: &Consent, out: &mut Vec<u8>) {
        match self {
            Self::Json => json::line(seq, consent, out),
            Self::Text => text::line(seq, consent, out),
            Self::Card => card::line(seq, consent, out),
            Self::Raw => raw::line(seq, consent, out),
            Self::Csv | Self::CsvMarked => csv::line(seq, consent, None, out),
            Self::Ecs => ecs::line(seq, consent, out),
            Self::Ocsf => ocsf::line(seq, consent, out),
        }
    }

    /// Appends one consent with what somebody noted to it, where the form has a place for that.
    pub fn line_noted(self, seq: Seq, consent: &Consent, note: Option<&str>, out: &mut Vec<u8>) {
        match self {
            Self::Csv | Self::CsvMarked => csv::line(seq, consent, note, out),
            _ => self.line(seq, consent, out),
        }
    }

    /// Appends what stands before the first line.
    pub fn head(self, out: &mut Vec<u8>) {
        if self == Self::CsvMarked {
            out.extend_from_slice(csv::MARK.as_bytes());
        }
        if matches!(self, Self::Csv | Self::CsvMarked) {
            csv::head(out);
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

impl Lines {
    /// Rewrites lines of this form, which begin at `start`, in ASCII. JSON keeps its values; the forms for people show
    /// the numbers of characters.
    pub fn to_ascii(self, out: &mut Vec<u8>, start: usize) {
        match self {
            Self::Text | Self::Csv | Self::CsvMarked => terminal::number(out, start),
            Self::Json | Self::Card | Self::Raw | Self::Ecs | Self::Ocsf => {
                terminal::escape_to_ascii(out, start);
            }
        }
    }
}

/// Makes a line of JSON harmless for a terminal, which may read nothing but ASCII; its values stay.
pub fn json_line_for_terminal(line: &mut Vec<u8>, is_ascii: bool) {
    terminal::escape(line, 0);
    if is_ascii {
        terminal::escape_to_ascii(line, 0);
    }
}

/// Rewrites a JSON text in ASCII; its values stay.
pub fn json_in_ascii(text: &mut Vec<u8>) {
    terminal::escape_to_ascii(text, 0);
}

#[cfg(test)]
mod sample;
#[cfg(test)]
#[path = "../../tests/support/unseen.rs"]
#[expect(dead_code, reason = "lines are judged whole")]
mod unseen;
