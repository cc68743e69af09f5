//! The actions: one file for each group of commands, and one for data that arrives. Actions change the model and
//! return effects.

pub(super) mod arrivals;
pub(super) mod choices;
pub(super) mod columns;
pub(super) mod copy;
pub(super) mod detail;
pub(super) mod histogram;
pub(super) mod marks;
pub(super) mod mouse;
pub(super) mod movement;
pub(super) mod pages;
pub(super) mod palette;
pub(super) mod prompt_input;
pub(super) mod save;
pub(super) mod saved_filters;
pub(super) mod search;
pub(super) mod session;
pub(super) mod sorting;

pub use choices::first_choice;
pub use palette::{Choice, Offer, choices};
pub use save::{count as save_count, order as save_order};
pub use session::ARRANGED;
