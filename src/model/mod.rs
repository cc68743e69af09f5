//! What we know: the pure core of the screen. [`fn@update`] decides, and asks for everything else by [`Effect`]; nothing
//! here reads a disk, a socket or a clock.

mod anchor;
mod asked;
mod cast;
mod column;
mod detail;
mod filter;
mod keys;
mod layout;
mod ledger;
mod list;
mod msg;
mod notice;
mod order;
mod pages;
mod pivot;
mod prompt;
mod query;
mod rows;
mod search;
mod sorter;
mod state;
mod story;
mod texts;
mod time;
mod update;

pub use cast::{Names, Number, Scopes};
pub use column::Column;
pub use detail::{Detail, Node, Weight};
pub use filter::{Filter, Known};
pub use keys::{BINDINGS, Binding, Chord, Command, Key, Mode, command, hints};
pub use layout::{DetailPlace, Regions, regions};
pub use ledger::{Fate, Held, Ledger, Standing, Tally};
pub use list::{List, Window};
pub use msg::{Effect, Msg};
pub use notice::Notice;
pub use order::Order;
pub use pages::{CameFrom, Leaf};
pub use pivot::{Measure, Pivot, Rarity, Subject, rarity};
pub use prompt::{Ask, Prompt};
pub use query::{Deep, FilterError, Query};
pub use rows::{RowRef, Rows};
pub use search::Search;
pub use state::{Loading, Model, Opened, Origin, Overlay, Pane, Zone};
pub use update::update;
