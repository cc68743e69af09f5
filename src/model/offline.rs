//! Files in the place of an org.

use jiff::Timestamp;

use super::{Effect, Loading, Model, update};
use crate::consent::Page;

/// What is known of files whose rows are shown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Offline {
    /// Whose consents they hold, if they say; made visible.
    pub org: Option<String>,
    /// When the newest snapshot among them was made.
    pub taken: Option<Timestamp>,
    /// The filter that a snapshot was made with; made visible.
    pub filter: Option<String>,
    /// Their names; made visible.
    pub files: Vec<String>,
    /// What is wrong with them, a sentence each.
    pub troubles: Vec<String>,
    /// What is to be said of them though nothing is wrong, a sentence each.
    pub notes: Vec<String>,
    /// Events that came more than once.
    pub repeated: u64,
    /// Events that share their uuid with another one of other content.
    pub shared: u64,
}

/// Takes in what files say of themselves.
pub(super) fn tell(model: &mut Model, offline: Offline) {
    if let Some(org) = &offline.org {
        model.origin.org.clone_from(org);
    }
    model.offline = Some(offline);
}

/// Takes in rows of files.
pub(super) fn read(model: &mut Model, page: &Page, loading: Loading) -> Vec<Effect> {
    model.loading = loading;
    update::grew(model, page, false)
}
