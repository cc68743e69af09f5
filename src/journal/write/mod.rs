//! Writing: the store, its work in the background, and the thread that does it.

pub(super) mod judge;
pub(super) mod mend;
mod mend_orgs;
pub(super) mod merge;
pub(super) mod prune;
pub(super) mod recent;
mod repair;
pub(super) mod retention_exempt;
pub(super) mod store;
pub(super) mod sweep_texts;
pub(super) mod training;
pub(super) mod writer;
