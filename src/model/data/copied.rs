//! The text that was copied last.

use serde::{Deserialize, Serialize};

/// A text that was to be copied and is shown instead.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Copied {
    /// A description of the text, in a few words.
    pub what: String,
    /// The raw text, which may have several lines. It must be made visible before it is shown.
    pub text: String,
    /// The reason why it could not be copied, or an empty string.
    pub why: String,
}
