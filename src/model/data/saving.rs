//! Orders to save rows to a file.

use std::collections::HashMap;

use crate::consent::{ExportFormat, Seq};

/// The rows to save.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Extent {
    /// The listed rows.
    #[default]
    Listed,
    /// Every row.
    All,
    /// The marked rows.
    Marked,
    /// The row under the cursor.
    This,
}

impl Extent {
    /// Returns the word for it in files.
    pub fn word(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::All => "all",
            Self::Marked => "marked",
            Self::This => "this",
        }
    }

    /// Returns the next choice of rows on the save page.
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

/// An order to write a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SaveOrder {
    /// The format of the file.
    pub format: ExportFormat,
    /// The choice of rows.
    pub extent: Extent,
    /// The rows, oldest first.
    pub seqs: Vec<Seq>,
    /// The notes of rows, by row number. Includes rows that are not saved.
    pub notes: HashMap<Seq, String>,
    /// The filter in force, if the listed rows are saved.
    pub filter: Option<String>,
}
