//! The terminal: its modes, output, input, and the detection of a hangup.
//!
//! Nothing here knows what is drawn. [`Screen`] owns the terminal's modes and, through ratatui, sends frames, [`Keyboard`] hands out what
//! a person did, [`Pacer`] says when a frame is due, [`hangup`] and [`Signals`] end or wake the program.

mod backend;
pub mod clipboard;
pub mod hangup;
mod input;
mod keyboard;
mod keys;
mod pacer;
mod screen;
mod signals;
mod tty;
mod wire;

pub use input::{Input, PASTE_MAX};
pub use keyboard::Keyboard;
pub use pacer::{Dirty, Due, Pacer};
pub use screen::{Screen, Setup, install_panic_hook, may_ask, may_name};
pub use signals::{Reloads, Signals, StopSignal};
pub use tty::{Device, Tty, is_controlled};
pub use wire::Wire;
