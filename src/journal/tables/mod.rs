//! The tables of the journal, and columns with an encoding of their own: one file each.

pub(super) mod bookmark;
pub(super) mod delivery;
pub(super) mod doubt;
pub(super) mod gap;
pub(super) mod hidden;
pub(super) mod history;
pub(super) mod identity;
pub(super) mod intern;
pub(super) mod label;
pub(super) mod listening;
pub(super) mod org;
pub(super) mod raw;
pub(super) mod reject;
pub(super) mod shared_id;
pub(super) mod side;
pub(super) mod team;
