//! Marks of rows, and their notes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::consent::Seq;

/// A mark on a row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// The time when the mark was made or its note last written.
    pub at: Timestamp,
    /// The note, or an empty string. It may have been pasted, so it is as untrusted as other text.
    pub note: Box<str>,
}

/// The marks of all rows, including rows not read yet.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Marks {
    by_seq: BTreeMap<Seq, Mark>,
    /// The number of marks on events that are not in this journal.
    pub elsewhere: usize,
}

impl Marks {
    /// Creates the marks from pairs of row number and mark.
    pub fn new(marks: impl IntoIterator<Item = (Seq, Mark)>, elsewhere: usize) -> Self {
        Self { by_seq: marks.into_iter().collect(), elsewhere }
    }

    /// Returns the mark of a row, or `None` if it is not marked.
    pub fn get(&self, seq: Seq) -> Option<&Mark> {
        self.by_seq.get(&seq)
    }

    /// Returns all marks, in ascending order of row number.
    pub fn iter(&self) -> impl Iterator<Item = (Seq, &Mark)> {
        self.by_seq.iter().map(|(seq, mark)| (*seq, mark))
    }

    /// Returns the number of marks.
    pub fn len(&self) -> usize {
        self.by_seq.len()
    }

    /// Returns whether no row is marked.
    pub fn is_empty(&self) -> bool {
        self.by_seq.is_empty()
    }

    /// Sets the mark of a row, or removes it.
    pub(in crate::model) fn set(&mut self, seq: Seq, mark: Option<Mark>) {
        match mark {
            Some(mark) => self.by_seq.insert(seq, mark),
            None => self.by_seq.remove(&seq),
        };
    }
}
