//! The notice line.

/// A sentence on the notice line, shown until the next key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The sentence. Text from outside in it was made visible.
    pub text: String,
    /// Whether it reports a failure.
    pub is_bad: bool,
}
