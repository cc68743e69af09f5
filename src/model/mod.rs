//! What we know: the pure core of the screen. [`fn@update`] decides, and asks for everything else by [`Effect`]; nothing
//! here reads a disk, a socket or a clock.
//!
//! ```text
//! update             routes messages and keys
//! act/               one file for each thing that is done
//! reader             what the acts share
//! derived/           what is worked out from the model for a frame
//! state              the model
//! pages, msg         the pages; what happens, and what is asked for
//! query/             the filter language and filters
//! data/, keys        what is known and shown; the keys
//! ```
//!
//! A file names only its own line and those below.

mod act;
mod data;
mod derived;
mod keymap;
mod keys;
mod msg;
mod pages;
mod query;
mod reader;
mod state;
mod update;

pub use act::{ARRANGED, Choice, Offer, choices, first_choice, save_count, save_order};
pub use data::{
    Ask, Buckets, Column, Copied, Detail, DetailPlace, Entry, Extent, Fate, Fit, Held, Histogram, Known,
    Ledger, List, Loading, Mark, Marks, Mask, MaskedNames, Measure, Names, Node, Notice, Number, Offline,
    Opened, Order, Origin, Pivot, Prompt, Rarity, Regions, RowRef, Rows, SaveOrder, Saved, Scopes, Shape,
    Standing, Subject, Tally, Weight, Window, Workspace, Zone, cluster_width, columns, is_plain, rarity,
    regions, width,
};
pub use derived::{buckets, cells};
pub use keymap::{KeyError, KeyLine, Keymap};
pub use keys::{BINDINGS, Binding, Chord, Command, Key, Mode};
pub use msg::{Effect, Msg};
pub use pages::{CameFrom, Page, Pane};
pub use query::{Among, Deep, Filter, FilterError, LookUp, Query, Search, WholeReads};
pub use state::Model;
pub use update::update;
