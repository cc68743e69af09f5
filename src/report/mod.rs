//! What the parts of the program say of themselves.

mod coverage;
mod pulse;

pub use coverage::{Coverage, Gap};
pub use pulse::{Board, Fault, Part, Pulse};
