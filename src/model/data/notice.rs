//! The notice line.

use serde::{Deserialize, Serialize};

/// A sentence on the notice line, shown until the next key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// The sentence. Text from outside in it was made visible.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
}

/// How a notice is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Tone {
    /// It says how something is, or that it was done.
    Plain,
    /// Something could not be done.
    Bad,
}

impl Notice {
    /// Says how something is, or that it was done.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }

    /// Says that something could not be done.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Bad }
    }

    /// Whether something could not be done.
    pub fn is_bad(&self) -> bool {
        self.tone == Tone::Bad
    }
}
