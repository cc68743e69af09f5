//! How the conditions of a filter are joined.

use super::test::Test;

/// Conditions by their numbers, joined by "and", "or" and "not".
#[derive(Clone, Debug)]
pub(in crate::model) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Test(usize),
}

impl Expression {
    /// The same where each condition on what the list does not hold is met, or below a minus is not.
    pub(in crate::model) fn shallow(&self, tests: &[Test], is_below_not: bool) -> Self {
        let all = |parts: &[Self]| parts.iter().map(|part| part.shallow(tests, is_below_not)).collect();
        match self {
            Self::Test(index) if tests[*index].field.is_deep() && is_below_not => Self::Any(Vec::new()),
            Self::Test(index) if tests[*index].field.is_deep() => Self::All(Vec::new()),
            Self::Test(index) => Self::Test(*index),
            Self::Not(part) => Self::Not(Box::new(part.shallow(tests, !is_below_not))),
            Self::All(parts) => Self::All(all(parts)),
            Self::Any(parts) => Self::Any(all(parts)),
        }
    }

    /// The tests that must hold and those that must not, a bit each, if that is all it says.
    pub(in crate::model) fn conjunction(&self) -> Option<(u64, u64)> {
        let parts = match self {
            Self::All(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        parts.iter().try_fold((0, 0), |(met, unmet), part| match part {
            Self::Test(index) => Some((met | 1 << index, unmet)),
            Self::Not(part) => match **part {
                Self::Test(index) => Some((met, unmet | 1 << index)),
                _ => None,
            },
            _ => None,
        })
    }

    /// Whether it holds where the tests hold of which `test` says so.
    pub(in crate::model) fn holds(&self, test: &mut impl FnMut(usize) -> bool) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(test)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(test)),
            Self::Not(part) => !part.holds(test),
            Self::Test(index) => test(*index),
        }
    }
}
