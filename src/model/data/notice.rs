//! The outcome of what the person asked for.

/// One sentence on the notice line, until the next key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The sentence; remote text in it has been made visible.
    pub text: String,
    /// Whether something could not be done.
    pub is_bad: bool,
}
