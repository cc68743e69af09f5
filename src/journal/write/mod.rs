//! Writing: the thread, its store, and the work that it does in the background.

pub(super) mod judge;
pub(super) mod mend;
pub(super) mod merge;
pub(super) mod prune;
pub(super) mod recent;
mod repair;
pub(super) mod retention_exempt;
pub(super) mod store;
pub(super) mod sweep;
pub(super) mod training;
pub(super) mod writer;
