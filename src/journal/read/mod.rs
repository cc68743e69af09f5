//! Reading: a connection of one's own, beside the writer or without one.

pub(super) mod check;
pub(super) mod reader;
pub(super) mod scan;
