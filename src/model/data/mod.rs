//! What is known and what is shown: rows, marks, who holds what, the list, the tree of one consent. Nothing here changes
//! the model as a whole, and nothing here knows it.

pub(super) mod anchor;
pub(super) mod bitset;
pub(super) mod column;
mod columns;
pub(super) mod detail;
pub(super) mod interner;
mod known;
pub(super) mod layout;
mod ledger;
mod list;
mod locations;
mod mask;
mod notice;
mod order;
mod pivot;
pub(super) mod prompt;
pub(super) mod rows;
mod sorter;
pub(super) mod text_arena;
pub(super) mod text_columns;
pub(super) mod width;

pub use column::Column;
pub use columns::columns;
pub use detail::{Detail, Node, Weight};
pub use interner::{Names, Number, Scopes};
pub use known::Known;
pub use layout::{DetailPlace, Regions, regions};
pub use ledger::{Fate, Held, Ledger, Standing, Tally};
pub use list::{List, Window};
pub use mask::Mask;
pub use notice::Notice;
pub use order::Order;
pub use pivot::{Measure, Pivot, Rarity, Subject, rarity};
pub use prompt::{Ask, Prompt};
pub use rows::{RowRef, Rows};
pub use width::{cluster_width, is_plain, width};
