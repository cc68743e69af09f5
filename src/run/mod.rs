//! The shell, where the parts meet: settings become a feed, a feed becomes a screen or lines.

mod backfill;
mod check;
mod coverage;
mod desk;
mod doctor;
mod export;
mod feed;
mod fresh;
mod hooks;
mod linear;
mod lines;
mod lookup;
mod main_loop;
mod notes;
mod save;
mod saver;
mod source;

pub use crate::intake::hook::HookPlan;
pub use backfill::backfill;
pub use check::{Ready, ready};
pub use desk::{Arranged, arranged};
pub use doctor::{DoctorPlan, doctor};
pub use export::{ExportOptions, export};
pub use feed::{Feed, FeedPlan, Probing, open};
pub use hooks::{HookTask, hook};
pub use linear::{LinearOptions, linear};
pub use lines::{TailOptions, note, print, tail};
pub use lookup::{LookUps, Records};
pub use main_loop::{WatchOptions, need_terminal, watch, zone};
pub use notes::{Keeper, Marked};
pub use save::{FileForm, SaveError, save};
pub use saver::{Saver, auto_name, name as file_name, thin_out};
pub use source::Source;
