//! What is to be written to a file: which rows, in which form.

use std::collections::HashMap;

use crate::consent::Seq;

/// The form of a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Form {
    /// A snapshot.
    #[default]
    Json,
    /// The program's own JSON, one consent a line.
    Jsonl,
    /// For spreadsheets.
    Csv,
    /// A case file.
    Markdown,
    /// A case file.
    Html,
    /// Okta Workflows' event card, one a line.
    Card,
    /// LogEvents alone, one a line.
    Raw,
}

impl Form {
    /// All, as they stand on the page.
    pub const ALL: [Self; 7] =
        [Self::Json, Self::Jsonl, Self::Csv, Self::Markdown, Self::Html, Self::Card, Self::Raw];

    /// Returns the ending of the file, and what it is.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Json => ("json", "snapshot: coverage, digest, screen, every consent whole"),
            Self::Jsonl => ("jsonl", "one consent a line"),
            Self::Csv => ("csv", "for spreadsheets"),
            Self::Markdown => ("md", "case file for people"),
            Self::Html => ("html", "case file for people, with a picture"),
            Self::Card => ("card.jsonl", "Okta Workflows' event card, one a line"),
            Self::Raw => ("raw.jsonl", "the LogEvents as Okta sent them, one a line"),
        }
    }
}

/// Which rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Extent {
    /// Those that are listed.
    #[default]
    Listed,
    /// Every row.
    All,
    /// Those that are marked.
    Marked,
    /// The reader's.
    This,
}

impl Extent {
    /// Returns the word that files use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::All => "all",
            Self::Marked => "marked",
            Self::This => "this",
        }
    }

    /// Returns the rows that the key for other rows turns to.
    #[must_use]
    pub(in crate::model) fn next(self) -> Self {
        match self {
            Self::Listed => Self::All,
            Self::All => Self::Marked,
            Self::Marked => Self::This,
            Self::This => Self::Listed,
        }
    }
}

/// A file to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SaveOrder {
    /// Its form.
    pub form: Form,
    /// Which rows they are.
    pub extent: Extent,
    /// The rows, oldest first.
    pub seqs: Vec<Seq>,
    /// What was noted to some.
    pub notes: HashMap<Seq, String>,
    /// The filter in force.
    pub filter: Option<String>,
}
