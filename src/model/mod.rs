//! What we know: the pure core of the screen. [`fn@update`] decides, and asks for everything else by [`Effect`]; nothing
//! here reads a disk, a socket or a clock.

mod detail;
mod filter;
mod keys;
mod layout;
mod list;
mod msg;
mod notice;
mod rows;
mod state;
mod update;

pub use detail::{Detail, Node, Weight};
pub use filter::{Deep, Filter, FilterError, Query};
pub use keys::{BINDINGS, Binding, Chord, Command, Key, Mode, command, hints};
pub use layout::{DetailPlace, Regions, regions};
pub use list::{List, Window};
pub use msg::{Effect, Msg};
pub use notice::Notice;
pub use rows::{RowRef, Rows};
pub use state::{Loading, Model, Opened, Origin, Pane, Prompt, Zone};
pub use update::update;
