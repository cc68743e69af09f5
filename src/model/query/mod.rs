//! The filter language, and queries over the rows of [`super::data`].

mod condition;
mod condition_bits;
mod expression;
mod field;
mod filter;
mod parse;
mod parsed_query;
mod search;
pub(super) mod time;
mod whole_reads;

pub use condition::Deep;
pub use filter::{Among, Filter};
pub use parse::FilterError;
pub use parsed_query::Query;
pub use search::Search;
pub use whole_reads::{LookUp, WholeReads};
