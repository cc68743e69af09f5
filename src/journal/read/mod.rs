//! Reading, by a connection that works beside the writer or without one.

mod beside;
pub(super) mod check;
pub(super) mod coverage;
mod lines;
pub(super) mod reader;
mod records;
pub(super) mod scan;
mod team;
