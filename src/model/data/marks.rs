//! Which rows are marked, and what was written to them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::consent::Seq;

/// A mark on a row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// When it was made, or its note written last.
    pub at: Timestamp,
    /// What was written; empty if nothing was. As hostile as any text, since it may have been pasted.
    pub note: Box<str>,
}

/// The marks of all rows, whether the rows were read yet or not.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Marks {
    by_seq: BTreeMap<Seq, Mark>,
    /// Marks on events that this journal does not hold.
    pub elsewhere: usize,
}

impl Marks {
    /// Takes marks by the number of their row.
    pub fn new(marks: impl IntoIterator<Item = (Seq, Mark)>, elsewhere: usize) -> Self {
        Self { by_seq: marks.into_iter().collect(), elsewhere }
    }

    /// Returns the mark of a row.
    pub fn get(&self, seq: Seq) -> Option<&Mark> {
        self.by_seq.get(&seq)
    }

    /// Returns all, by number.
    pub fn iter(&self) -> impl Iterator<Item = (Seq, &Mark)> {
        self.by_seq.iter().map(|(seq, mark)| (*seq, mark))
    }

    /// How many rows are marked.
    pub fn len(&self) -> usize {
        self.by_seq.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.by_seq.is_empty()
    }

    /// Sets the mark of a row, or takes it away.
    pub(in crate::model) fn set(&mut self, seq: Seq, mark: Option<Mark>) {
        match mark {
            Some(mark) => self.by_seq.insert(seq, mark),
            None => self.by_seq.remove(&seq),
        };
    }
}
