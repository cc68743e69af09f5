//! What a part says in answer to a wish of the user.

/// A sentence for the notice line or standard error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The sentence.
    pub text: String,
    /// Whether something failed or was refused.
    pub is_bad: bool,
}

impl Answer {
    /// Makes an answer.
    pub fn new(text: impl Into<String>, is_bad: bool) -> Self {
        Self { text: text.into(), is_bad }
    }
}
