//! The text that was copied last.

use serde::{Deserialize, Serialize};

/// A text that was to be copied and is shown instead.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Copied {
    /// What it is.
    pub what: String,
    /// The text, lines and all; not yet made visible.
    pub text: String,
    /// Why it is shown.
    pub why: String,
}
