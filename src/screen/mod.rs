//! The interactive screen. The program and its tests run the same event loop.
//!
//! [`Inbox`] orders the messages for the model, [`EventLoop`] runs the model on a terminal, and [`watch()`] runs it on
//! the real terminal.

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
