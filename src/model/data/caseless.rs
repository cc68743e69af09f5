//! Texts that compare case-insensitively.

use std::cmp::Ordering;

/// A text that compares case-insensitively. Case decides only between texts that are otherwise equal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::model) struct Caseless<'a>(pub(super) &'a str);

impl Ord for Caseless<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let (one, two) = (self.0, other.0);
        let folded = if one.is_ascii() && two.is_ascii() {
            let lower = |byte: u8| byte.to_ascii_lowercase();
            one.bytes().map(lower).cmp(two.bytes().map(lower))
        } else {
            one.chars().flat_map(char::to_lowercase).cmp(two.chars().flat_map(char::to_lowercase))
        };
        folded.then_with(|| one.cmp(two))
    }
}

impl PartialOrd for Caseless<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
