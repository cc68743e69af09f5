//! The interactive screen: one loop that the program and its tests share.
//!
//! [`Inbox`] decides in which order messages reach the model, [`EventLoop`] runs it on a terminal, and [`watch()`]
//! gives it the real one.

mod event_loop;
mod handover;
mod inbox;
mod keeper;
mod paint;
mod perform;
mod reading;
mod recorder;
mod snapshot;
mod watch;

pub use event_loop::{Ends, EventLoop, Pace};
pub use inbox::Inbox;
pub use perform::Performer;
pub use recorder::{ReadRecording, Recorder, Recording, RecordingError, Replayed};
pub use watch::{WatchOptions, need_terminal, watch, zone};
