//! What follows from the model for one frame or one row: the words of cells, widths, counts, what happened around a
//! consent. It reads the model as a whole, settles the widths of columns, and asks for nothing outside.

pub mod cells;
pub(super) mod histogram;
pub(super) mod timeline;
pub(super) mod widths;

pub use histogram::buckets;
