//! The state of the screen and its pure logic. [`fn@update`] applies each message to the [`Model`] and returns
//! [`Effect`]s for everything else. Nothing here reads a disk, a socket or a clock.
//!
//! ```text
//! update                routes messages and keys
//! act/                  the actions, one file for each group
//! shared_actions        methods of the model that several actions share
//! derived/              values computed from the model for a frame
//! state                 the model
//! pages, msg            the pages; messages and effects
//! query/                the filter language and filters
//! data/, sources        the data that is stored and shown; the sources of each org
//! keymap, key_bindings  the keys of a configuration; the keys
//! ```
//!
//! A file may import only from its own line and the lines below it.

mod act;
mod data;
mod derived;
mod key_bindings;
mod keymap;
mod msg;
mod pages;
mod query;
mod shared_actions;
mod sources;
mod state;
mod update;

pub use act::{ARRANGED, Choice, Offer, choices, first_choice, save_count, save_order};
pub use data::{
    Ask, Buckets, Column, Copied, Detail, DetailPlace, Entry, Extent, Fate, Fit, Held, Histogram, Known,
    Ledger, List, Loading, Mark, Marks, Mask, MaskedNames, Measure, Names, Node, Notice, Number, Offline,
    OpenConsent, Order, Origin, Pivot, Prompt, Rarity, Regions, RowRef, Rows, SaveOrder, Saved, Scopes,
    Shape, Standing, Subject, Tally, Weight, Window, Workspace, Zone, cluster_width, columns, is_plain,
    rarity, regions, width,
};
pub use derived::{buckets, cells};
pub use key_bindings::{BINDINGS, Binding, Chord, Command, Key, Mode};
pub use keymap::{KeyLine, Keymap, KeymapError};
pub use msg::{Effect, Msg};
pub use pages::{CameFrom, Page, Pane};
pub use query::{Among, Deep, Filter, FilterError, LookUp, Query, Search, WholeReads};
pub use sources::{OrgSources, Sources};
pub use state::Model;
pub use update::update;
