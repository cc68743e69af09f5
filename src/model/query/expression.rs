//! The expression that combines the conditions of a filter.

use super::condition::Test;

/// An expression of conditions, given by index, combined by "and", "or" and "not".
#[derive(Clone, Debug)]
pub(in crate::model) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Test(usize),
}

impl Expression {
    /// Returns the expression with each deep condition replaced by "met", or by "not met" below a negation. The result
    /// accepts every row that the original may accept.
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

    /// Returns the conditions that must be met and those that must not, as bits, if the expression is a plain
    /// conjunction.
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

    /// Evaluates the expression. `test` returns whether a condition is met.
    pub(in crate::model) fn holds(&self, test: &mut impl FnMut(usize) -> bool) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(test)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(test)),
            Self::Not(part) => !part.holds(test),
            Self::Test(index) => test(*index),
        }
    }
}
