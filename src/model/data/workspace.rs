//! The user's settings, and the actions that are not finished.

use super::{Extent, Shape};
use crate::consent::Seq;
use crate::model::Keymap;

/// The user's keys, columns and filters, and the state of unfinished actions.
#[derive(Debug, Default)]
pub struct Workspace {
    /// The key bindings in force.
    pub keymap: Keymap,
    /// The columns from the configuration.
    pub columns_from: Shape,
    /// The filters saved in the configuration.
    pub saved: Vec<Saved>,
    /// The filters that were used, most recent first.
    pub history: Vec<String>,
    /// The position in the history while typing, 0 for the typed text, and the text that was typed.
    pub(in crate::model) back: (usize, String),
    /// The words that filter the help page.
    pub find: String,
    /// Whether the key hints on the last line are hidden.
    pub hides_hints: bool,
    /// The rows chosen on the save page.
    pub extent: Extent,
    /// Whether the next key selects what to copy.
    pub(in crate::model) is_copying: bool,
    /// Whether the last command may have scrolled by more than one line.
    pub(in crate::model) has_paged: bool,
    /// Whether to open the detail as soon as there is a row.
    pub(in crate::model) opens: bool,
    /// The selected line on a page of choices.
    pub at: usize,
    /// The reason why marks are not stored, if they are not.
    pub fault: Option<String>,
    /// The number and time of a row to move to once it has been read.
    pub(in crate::model) wanted: Option<(Seq, i64)>,
}

/// A filter with a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Saved {
    /// The name of the filter.
    pub name: String,
    /// The expression of the filter.
    pub query: String,
}
