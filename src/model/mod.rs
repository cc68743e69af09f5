//! What we know: the pure core of the screen. [`fn@update`] decides, and asks for everything else by [`Effect`]; nothing
//! here reads a disk, a socket or a clock.

mod cast;
mod desk;
mod detail;
mod filter;
mod keys;
mod layout;
mod ledger;
mod list;
mod marks;
mod msg;
mod notice;
mod prompt;
mod query;
mod rows;
mod state;
mod texts;
mod update;

pub use cast::{Names, Number, Scopes};
pub use desk::Desk;
pub use detail::{Detail, Node, Weight};
pub use filter::{Filter, Known};
pub use keys::{BINDINGS, Binding, Chord, Command, Key, Mode, command, hints};
pub use layout::{DetailPlace, Regions, regions};
pub use ledger::{Fate, Held, Ledger, Standing, Tally};
pub use list::{List, Window};
pub use marks::{Mark, Marks, ordered as ordered_marks};
pub use msg::{Effect, Msg};
pub use notice::Notice;
pub use prompt::{Ask, Prompt};
pub use query::{Deep, FilterError, Query};
pub use rows::{RowRef, Rows};
pub use state::{Loading, Model, Opened, Origin, Overlay, Pane, Zone};
pub use update::update;
