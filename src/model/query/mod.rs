//! The filter language, and queries over the rows of [`super::data`].

mod condition_bits;
pub(super) mod filter;
pub(super) mod language;

pub use filter::{Among, Filter};
pub use language::{Deep, FilterError, Query};
