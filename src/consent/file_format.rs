//! The formats of files that consents are written to.

/// A format of a file that consents are written to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum FileFormat {
    /// One JSON object: every consent whole, with the coverage, the screen and a digest.
    #[default]
    Snapshot,
    /// The program's own JSON, one consent a line.
    Jsonl,
    /// For spreadsheets.
    Csv,
    /// The same with a byte order mark, by which Excel on Windows knows UTF-8.
    CsvMarked,
    /// A case file in Markdown.
    Markdown,
    /// A case file in HTML.
    Html,
    /// Okta Workflows' event card, one a line.
    Card,
    /// LogEvents alone, one a line.
    Raw,
    /// Elastic Common Schema, one a line.
    Ecs,
    /// Open Cybersecurity Schema Framework, one a line.
    Ocsf,
}

impl FileFormat {
    /// Every format, in the order in which a person is offered them.
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

    /// Returns the ending of the file's name.
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

    /// Returns what the file holds, in a few words.
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
