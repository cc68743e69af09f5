//! What a filter, an order and a page of counts look at.

use super::{Ledger, Rows};

/// The rows, and how each of them stands.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The rows.
    pub rows: &'a Rows,
    /// How they stand.
    pub ledger: &'a Ledger,
}
