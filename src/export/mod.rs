//! The export formats. Each is a pure function that appends to a buffer or a writer.

mod about;
mod card;
mod csv;
mod ecs;
mod json;
mod ocsf;
mod raw;
mod report;
mod sentence;
mod siem_categories;
mod snapshot;
mod summary;
mod targets;
mod terminal;
mod text;

pub use about::{About, AboutOrg};
pub use json::SCHEMA;
pub use report::Report;
pub use sentence::{sentence, sentences};
pub use snapshot::{Snapshot, hex};
pub use summary::Summary;

use crate::consent::{Consent, Orgs, Seq};

/// A format with one line per consent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lines {
    /// The program's own JSON, [`SCHEMA`].
    Json,
    /// A line for people.
    Text,
    /// The output of Okta Workflows' event card, with the card's own names.
    Card,
    /// The LogEvent as Okta sent it.
    Raw,
    /// CSV, after [`Lines::head`].
    Csv,
    /// CSV with a byte order mark, which Excel on Windows needs to recognize UTF-8.
    CsvMarked,
    /// Elastic Common Schema.
    Ecs,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
}

impl Lines {
    /// Appends one consent and a line feed. `orgs` are those whose consents are written: ECS and OCSF have the org's
    /// host, and a line for people names the org if there are several.
    pub fn line(self, seq: Seq, consent: &Consent, orgs: &Orgs, out: &mut Vec<u8>) {
        match self {
            Self::Json => json::line(seq, consent, out),
            Self::Text => text::line(seq, consent, orgs, out),
            Self::Card => card::line(seq, consent, out),
            Self::Raw => raw::line(seq, consent, out),
            Self::Csv | Self::CsvMarked => csv::line(seq, consent, None, out),
            Self::Ecs => ecs::line(seq, consent, orgs, out),
            Self::Ocsf => ocsf::line(seq, consent, orgs, out),
        }
    }

    /// Appends one consent and a line feed, with its note if the format has a field for notes.
    pub fn line_noted(self, seq: Seq, consent: &Consent, note: Option<&str>, orgs: &Orgs, out: &mut Vec<u8>) {
        match self {
            Self::Csv | Self::CsvMarked => csv::line(seq, consent, note, out),
            _ => self.line(seq, consent, orgs, out),
        }
    }

    /// Appends the header, if the format has one.
    pub fn head(self, out: &mut Vec<u8>) {
        if self == Self::CsvMarked {
            out.extend_from_slice(csv::MARK.as_bytes());
        }
        if matches!(self, Self::Csv | Self::CsvMarked) {
            csv::head(out);
        }
    }

    /// Appends one consent and a line feed that are safe to print on a terminal. JSON formats keep their values, and
    /// escape control characters and invisible characters. [`Lines::Text`] is always safe.
    pub fn line_for_terminal(self, seq: Seq, consent: &Consent, orgs: &Orgs, out: &mut Vec<u8>) {
        let start = out.len();
        self.line(seq, consent, orgs, out);
        if self != Self::Text {
            terminal::escape(out, start);
        }
    }
}

impl Lines {
    /// Rewrites the lines that begin at `start` in ASCII. JSON keeps its values. Formats for people show the numbers of
    /// characters.
    pub fn to_ascii(self, out: &mut Vec<u8>, start: usize) {
        match self {
            Self::Text | Self::Csv | Self::CsvMarked => terminal::number(out, start),
            Self::Json | Self::Card | Self::Raw | Self::Ecs | Self::Ocsf => {
                terminal::escape_to_ascii(out, start);
            }
        }
    }
}

/// Makes a line of JSON safe to print on a terminal, which may support only ASCII. The JSON values stay the same.
pub fn json_line_for_terminal(line: &mut Vec<u8>, is_ascii: bool) {
    terminal::escape(line, 0);
    if is_ascii {
        terminal::escape_to_ascii(line, 0);
    }
}

/// Rewrites JSON in ASCII. The JSON values stay the same.
pub fn json_in_ascii(text: &mut Vec<u8>) {
    terminal::escape_to_ascii(text, 0);
}

#[cfg(test)]
mod sample;
#[cfg(test)]
#[path = "../../tests/support/unseen.rs"]
#[expect(dead_code, reason = "lines are judged whole")]
mod unseen;
