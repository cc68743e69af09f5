//! The terminal: its modes, output, input, and the detection of a hangup.
//!
//! This module is independent of what is drawn. [`Screen`] sets the terminal's modes and sends frames, [`Keyboard`]
//! reads user input, [`Pacer`] decides when a frame is due, and [`hangup`] and [`Signals`] end or wake the program.

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
pub use signals::{Signals, StopSignal};
pub use tty::{Device, Tty, is_controlled};
pub use wire::Wire;
