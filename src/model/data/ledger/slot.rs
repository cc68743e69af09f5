//! Tables by number that grow as numbers are given out.

use crate::model::data::interner::Number;

/// The entry of a number, made if it is not there.
pub(super) fn slot<T: Clone>(of: &mut Vec<T>, number: Number, empty: T) -> &mut T {
    let index = number as usize;
    if of.len() <= index {
        of.resize(index + 1, empty);
    }
    &mut of[index]
}
