//! The terminal: what it is asked to be, what goes to it, what comes from it, and how one learns that it is gone.
//!
//! Nothing here knows what is drawn. [`Screen`] owns the terminal's modes and sends frames, [`Keyboard`] hands out what
//! a person did, [`Pacer`] says when a frame is due, [`hangup`] and [`Signals`] end or wake the program.

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
pub use signals::{Signals, Stop};
pub use tty::{Device, Tty, is_controlled};
pub use wire::Wire;
