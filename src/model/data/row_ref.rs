//! The place of a row.

/// The place of a row in memory. It does not change while the program runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RowRef(pub u32);
