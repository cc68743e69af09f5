//! The formats in which consents are written to files.

/// A format in which consents are written to a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ExportFormat {
    /// One JSON object: every consent in full, with the coverage, the screen and a digest.
    #[default]
    Snapshot,
    /// The program's own JSON, one consent per line.
    Jsonl,
    /// CSV for spreadsheets.
    Csv,
    /// CSV with a byte order mark, by which Excel on Windows recognizes UTF-8.
    CsvMarked,
    /// A case file in Markdown.
    Markdown,
    /// A case file in HTML.
    Html,
    /// Okta Workflows' event card, one per line.
    Card,
    /// LogEvents alone, one per line.
    Raw,
    /// Elastic Common Schema, one per line.
    Ecs,
    /// Open Cybersecurity Schema Framework, one per line.
    Ocsf,
}

impl ExportFormat {
    /// Every format, in the order in which the user is offered them.
    pub const ALL: [Self; 10] = [
        Self::Snapshot,
        Self::Jsonl,
        Self::Csv,
        Self::CsvMarked,
        Self::Markdown,
        Self::Html,
        Self::Card,
        Self::Raw,
        Self::Ecs,
        Self::Ocsf,
    ];

    /// Returns the file name extension.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Snapshot => "json",
            Self::Jsonl => "jsonl",
            Self::Csv | Self::CsvMarked => "csv",
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Card => "card.jsonl",
            Self::Raw => "raw.jsonl",
            Self::Ecs => "ecs.jsonl",
            Self::Ocsf => "ocsf.jsonl",
        }
    }

    /// Returns a short description of the format.
    pub fn words(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot: coverage, digest, screen, every consent whole",
            Self::Jsonl => "one consent a line",
            Self::Csv => "for spreadsheets",
            Self::CsvMarked => "for Excel on Windows",
            Self::Markdown => "case file for people",
            Self::Html => "case file for people, with a picture",
            Self::Card => "Okta Workflows' event card, one a line",
            Self::Raw => "the LogEvents as Okta sent them, one a line",
            Self::Ecs => "Elastic Common Schema, one a line",
            Self::Ocsf => "Open Cybersecurity Schema Framework, one a line",
        }
    }
}
