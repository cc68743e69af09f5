//! The shell, where the parts meet: settings become a feed, a feed becomes a screen or lines.

mod check;
mod export;
mod feed;
mod lines;
mod main_loop;
mod source;

pub use check::{Ready, ready};
pub use export::{ExportOptions, export};
pub use feed::{Feed, FeedPlan, open};
pub use lines::{TailOptions, note, print, tail};
pub use main_loop::{WatchOptions, watch, zone};
pub use source::Source;
