//! Vectors indexed by number that grow on demand.

use crate::model::data::interner::Number;

/// Returns the entry of a number. Extends the vector with `empty` if it is too short.
pub(super) fn slot<T: Clone>(of: &mut Vec<T>, number: Number, empty: T) -> &mut T {
    let index = number as usize;
    if of.len() <= index {
        of.resize(index + 1, empty);
    }
    &mut of[index]
}
