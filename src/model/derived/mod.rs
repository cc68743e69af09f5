//! Values computed from the model for one frame or one row: the texts of cells, column widths, counts, and the timeline
//! of a consent. This code sets the widths of columns, and returns no effects.

pub mod cells;
pub(super) mod histogram;
pub(super) mod timeline;
pub(super) mod widths;

pub use histogram::buckets;
