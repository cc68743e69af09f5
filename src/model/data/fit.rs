//! The width that the rows on the screen need for each column.

use super::{Column, Entry, RowRef, Shape};

/// The widths that the rows on the screen need.
#[derive(Clone, Debug, Default)]
pub struct Fit {
    /// For each column of [`Column::ALL`], the widths that its cells need, in ascending order.
    pub(in crate::model) needs: [Vec<u16>; Column::ALL.len()],
    /// For each column of [`Column::ALL`], the width of its widest cell in short form.
    pub(in crate::model) short: [u16; Column::ALL.len()],
    /// The mail domain, with its `@`, that the heading of WHO shows and its cells omit. Not made visible.
    pub(in crate::model) domain: Option<String>,
    /// Whether every row belongs to the default server.
    pub(in crate::model) is_default: bool,
    /// Columns that are empty in every row.
    pub(in crate::model) empty: Vec<Column>,
    /// The rows for which the widths were computed, or those that replaced them since.
    pub(in crate::model) rows: Vec<RowRef>,
    /// Whether the rows filled the window.
    pub(in crate::model) is_full: bool,
    pub(in crate::model) view: View,
}

/// The parts of the view that the user can change, and the orgs. A change causes new widths.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::model) struct View {
    pub(in crate::model) area: (u16, u16),
    pub(in crate::model) filter: Option<String>,
    pub(in crate::model) order: Option<Column>,
    pub(in crate::model) is_sorted: bool,
    pub(in crate::model) is_newest_first: bool,
    pub(in crate::model) is_masked: bool,
    pub(in crate::model) zone: String,
    /// The width of the longest label of an org, or `None` unless there are several orgs.
    pub(in crate::model) org_width: Option<u16>,
}

impl Fit {
    /// Returns the mail domain of most people on the screen, with its `@`, if the heading of WHO shows it and the cells
    /// omit it. It must be made visible before it is shown.
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    /// Returns whether the server column is hidden because every row belongs to the default server. The column is kept
    /// if the user has set its width.
    pub fn folds_server(&self, shape: &Shape) -> bool {
        let is_free =
            |entry: &Entry| entry.column == Column::Server && entry.is_shown && entry.width.is_none();
        self.is_default && shape.entries().iter().any(is_free)
    }

    /// Returns whether there are several orgs, so that a row must say which one it belongs to.
    pub(in crate::model) fn has_several_orgs(&self) -> bool {
        self.view.org_width.is_some()
    }

    /// Returns whether no row needs a column.
    pub(in crate::model) fn folds(&self, column: Column) -> bool {
        self.empty.contains(&column) || column == Column::Server && self.is_default
    }

    /// Returns the widths that the cells of a column need, in ascending order. Empty while there are no rows.
    pub(in crate::model) fn needs(&self, column: Column) -> &[u16] {
        &self.needs[index(column)]
    }

    /// Returns the width of the column's widest cell in short form, or `None` while there are no rows.
    pub(in crate::model) fn short(&self, column: Column) -> Option<u16> {
        (!self.needs(column).is_empty()).then_some(self.short[index(column)])
    }

    /// Returns a fit with given widths, without rows.
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
