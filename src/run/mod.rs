//! Puts the parts together: opens the feed from the settings, and runs the commands that print lines.

mod archive;
mod auto;
mod backfill;
mod charset;
mod check;
mod collect;
mod configured_screen;
mod coverage;
mod doctor;
mod export;
mod feed;
mod follow;
mod fresh;
mod hooks;
mod input_lines;
mod journal_check;
mod last_readiness;
mod linear;
mod lookup;
mod matching;
mod notes;
mod org_parts;
mod plan;
mod prune;
mod role;
mod save;
mod saver;
mod source;
mod standing;
mod stdio;
mod tail;
mod team;
#[cfg(feature = "team")]
mod team_notes;
#[cfg(feature = "team")]
mod team_status;
#[cfg(feature = "team")]
mod team_tasks;
mod writing;

pub use crate::intake::hook::{Ceiling, HookPlan, HookTarget};
pub use crate::intake::http::Route;
pub use archive::{Archive, FileInput, probe_all};
pub use auto::{Auto, AutoPlan};
pub use backfill::backfill;
pub use charset::set_ascii_only;
pub use check::{Ready, ReadyOrg, journal_dir, ready};
pub use collect::collect;
pub use configured_screen::{Arranged, arranged};
pub use doctor::{DoctorPlan, doctor};
pub use export::{ExportOptions, export};
pub use feed::{Feed, open};
pub use fresh::write_new;
pub use hooks::{HookTask, hook};
pub use input_lines::{InputOptions, print_files};
pub use journal_check::check_journal;
pub use linear::{FileBook, JournalBook, LinearOptions, linear};
pub use lookup::LookUps;
pub use notes::{KeptNotes, MarkedEvents, NoteStore, Place};
pub use plan::{FeedPlan, OrgPlan, Probing, SignIn, TeamPlan, TeamRole};
pub use prune::prune;
pub use save::{FileLayout, SaveError, save};
pub use saver::{Saver, auto_name, name as file_name, recording_name, thin_out};
pub use source::{Records, Source, Supply};
pub use stdio::{note, print};
pub use tail::{TailOptions, tail};
pub use team::{Target, TeamConfigOptions, TeamWatcher, team_collector, team_config, team_server};
#[cfg(feature = "team")]
pub use team_status::team_status;
