//! What the person arranged, and what they are in the middle of.

use super::{Extent, Shape};
use crate::consent::Seq;
use crate::model::Keymap;

/// Keys, columns and filters of the person, and what the next key or row is waited for.
#[derive(Debug, Default)]
pub struct Workspace {
    /// The keys in force.
    pub keymap: Keymap,
    /// The columns as the configuration has them.
    pub columns_from: Shape,
    /// Filters of the configuration, by name.
    pub saved: Vec<Saved>,
    /// Filters that were used, the last one first.
    pub history: Vec<String>,
    /// How far back in them the reader is while typing, and what was typed before he went there.
    pub(in crate::model) back: (usize, String),
    /// What the page of keys is narrowed to.
    pub find: String,
    /// Whether the last line shows no keys.
    pub hides_hints: bool,
    /// Which rows the page of files means.
    pub extent: Extent,
    /// Whether the next key says what to copy.
    pub(in crate::model) is_copying: bool,
    /// Whether the reader went to another page of the list.
    pub(in crate::model) has_paged: bool,
    /// Whether the detail is to be opened as soon as there is a row.
    pub(in crate::model) opens: bool,
    /// The reader's line on a page of choices.
    pub at: usize,
    /// Why marks are not kept, if they are not.
    pub fault: Option<String>,
    /// A row to go to as soon as it is read: its number and time.
    pub(in crate::model) wanted: Option<(Seq, i64)>,
}

/// A filter with a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Saved {
    /// The name.
    pub name: String,
    /// The filter as it was written.
    pub query: String,
}
