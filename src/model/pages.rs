//! The pages of the screen.

use std::sync::Arc;

use super::{Query, Subject};

/// The two parts of the screen that keys can go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pane {
    /// The list.
    #[default]
    List,
    /// The tree.
    Detail,
}

/// A page in the place of the list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Leaf {
    /// Every consent.
    #[default]
    Consents,
    /// What the ledger counts.
    Pivot(Subject),
}

impl Leaf {
    /// Returns what a pivot page lists.
    pub fn subject(self) -> Option<Subject> {
        match self {
            Self::Consents => None,
            Self::Pivot(subject) => Some(subject),
        }
    }
}

/// Where a pivot row was opened: what `Esc` goes back to.
#[derive(Clone, Debug)]
pub struct CameFrom {
    pub(super) subject: Subject,
    pub(super) filter: Option<Arc<Query>>,
}

/// A page over the whole screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Overlay {
    /// The keys.
    Help,
    /// Whether the org can produce consents.
    Readiness,
    /// The sources.
    Sources,
    /// The marked rows.
    Marks,
    /// The saved filters.
    Filters,
    /// The columns, to be chosen.
    Columns,
    /// A text that was to be copied.
    Copied,
    /// The forms of files.
    Save,
}
