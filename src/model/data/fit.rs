//! What the rows on the screen need of each column.

use super::{Column, Entry, RowRef, Shape};

/// What the rows of a screenful need.
#[derive(Clone, Debug, Default)]
pub struct Fit {
    /// For each column, by its place in [`Column::ALL`], the columns that its cells need, rising; and with short words.
    pub(in crate::model) needs: [Vec<u16>; Column::ALL.len()],
    pub(in crate::model) short: [u16; Column::ALL.len()],
    /// Left out of WHO and said in its heading, with its `@`; as it came.
    pub(in crate::model) domain: Option<String>,
    /// Whether every row is of the default server.
    pub(in crate::model) is_default: bool,
    /// Columns of which no row says anything.
    pub(in crate::model) empty: Vec<Column>,
    /// The rows that it was settled for, or that took their places since.
    pub(in crate::model) rows: Vec<RowRef>,
    /// Whether they filled the window.
    pub(in crate::model) is_full: bool,
    pub(in crate::model) view: View,
}

/// What a person may change that settles widths anew.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::model) struct View {
    pub(in crate::model) area: (u16, u16),
    pub(in crate::model) filter: Option<String>,
    pub(in crate::model) order: Option<Column>,
    pub(in crate::model) is_sorted: bool,
    pub(in crate::model) is_newest_first: bool,
    pub(in crate::model) is_masked: bool,
    pub(in crate::model) zone: String,
}

impl Fit {
    /// The mail domain of most people on the screen, with its `@`: the heading of WHO says it, and its cells do not.
    /// Not yet made visible.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// Whether the column of servers is left out since every row is of the default one. A width that the person has set
    /// keeps it.
    pub fn folds_server(&self, shape: &Shape) -> bool {
        let is_free =
            |entry: &Entry| entry.column == Column::Server && entry.is_shown && entry.width.is_none();
        self.is_default && shape.entries().iter().any(is_free)
    }

    /// Whether no row needs a column.
    pub(in crate::model) fn folds(&self, column: Column) -> bool {
        self.empty.contains(&column) || column == Column::Server && self.is_default
    }

    /// The columns that the cells of a column need, rising; nothing while there are no rows.
    pub(in crate::model) fn needs(&self, column: Column) -> &[u16] {
        &self.needs[index(column)]
    }

    /// The columns that its widest cell needs if it has short words, or `None` while there are no rows.
    pub(in crate::model) fn short(&self, column: Column) -> Option<u16> {
        (!self.needs(column).is_empty()).then_some(self.short[index(column)])
    }

    /// What rows need that nobody has.
    #[cfg(test)]
    pub(in crate::model) fn of(needs: &[Vec<u16>], is_default: bool) -> Self {
        let mut fit = Self { is_default, ..Self::default() };
        for (place, needs) in needs.iter().enumerate() {
            fit.needs[place].clone_from(needs);
            fit.needs[place].sort_unstable();
            fit.short[place] = needs.iter().copied().max().unwrap_or(0);
        }
        fit
    }
}

fn index(column: Column) -> usize {
    column as usize
}
