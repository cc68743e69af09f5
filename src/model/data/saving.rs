//! What is to be written to a file: which rows, in which format.

use std::collections::HashMap;

use crate::consent::{FileFormat, Seq};

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
    /// Its format.
    pub format: FileFormat,
    /// Which rows they are.
    pub extent: Extent,
    /// The rows, oldest first.
    pub seqs: Vec<Seq>,
    /// What was noted to some.
    pub notes: HashMap<Seq, String>,
    /// The filter in force.
    pub filter: Option<String>,
}
