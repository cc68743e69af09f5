//! The filter language, and queries over the rows of [`super::data`].

mod condition_bits;
mod filter;
mod language;
mod search;
pub(super) mod time;
mod whole_reads;

pub use filter::{Among, Filter};
pub use language::{Deep, FilterError, Query};
pub use search::Search;
pub use whole_reads::{LookUp, WholeReads};
