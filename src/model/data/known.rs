//! The data that filters, sort orders and pivot pages read.

use super::{Ledger, Rows};

/// The rows and the ledger.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The rows.
    pub rows: &'a Rows,
    /// The ledger, which has the standing of each row.
    pub ledger: &'a Ledger,
}
