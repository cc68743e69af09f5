//! The notice line.

use serde::{Deserialize, Serialize};

/// A sentence on the notice line. It is shown until the next key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// The sentence. Text from outside in it was made visible.
    pub text: String,
    /// Whether it reports a failure.
    pub tone: Tone,
}

/// Whether a notice reports a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Tone {
    /// It reports a state or a success.
    Plain,
    /// It reports a failure.
    Bad,
}

impl Notice {
    /// Returns a notice of a state or a success.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }

    /// Returns a notice of a failure.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Bad }
    }

    /// Returns whether it reports a failure.
    pub fn is_bad(&self) -> bool {
        self.tone == Tone::Bad
    }
}
