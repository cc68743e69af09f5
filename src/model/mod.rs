//! What we know: the pure core of the screen. [`fn@update`] decides, and asks for everything else by [`Effect`]; nothing
//! here reads a disk, a socket or a clock.

mod asked;
pub mod cells;
mod copy;
mod data;
mod desk;
mod fit;
mod keymap;
mod keys;
mod looking;
mod marks;
mod mouse;
mod msg;
mod offline;
mod pages;
mod palette;
mod place;
mod query;
mod save;
mod search;
mod shape;
mod state;
mod story;
mod strip;
mod time;
mod update;

pub use copy::Copied;
pub use data::{
    Ask, Column, Detail, DetailPlace, Fate, Held, Known, Ledger, List, Mask, Measure, Names, Node, Notice,
    Number, Order, Pivot, Prompt, Rarity, Regions, RowRef, Rows, Scopes, Standing, Subject, Tally, Weight,
    Window, cluster_width, columns, is_plain, rarity, regions, width,
};
pub use desk::{Desk, Saved, first_choice};
pub use fit::Fit;
pub use keymap::{KeyError, KeyLine, Keymap};
pub use keys::{BINDINGS, Binding, Chord, Command, Key, Mode};
pub use looking::Looking;
pub use marks::{Mark, Marks, ordered as ordered_marks};
pub use msg::{Effect, LookUp, Msg};
pub use offline::Offline;
pub use pages::{CameFrom, Leaf};
pub use palette::{Choice, Offer, choices};
pub use place::ARRANGED;
pub use query::{Among, Deep, Filter, FilterError, Query};
pub use save::{Extent, Form, SaveOrder, count as save_count, order as save_order};
pub use search::Search;
pub use shape::{Entry, Shape};
pub use state::{Loading, Model, Opened, Origin, Overlay, Pane, Zone};
pub use strip::{Buckets, Strip, buckets};
pub use update::update;
