//! User input and changes of the terminal.

use crate::model::Chord;

/// The maximum length of a paste in bytes. The rest is dropped, because no useful filter, note or search is longer.
pub const PASTE_MAX: usize = 64 * 1024;

/// An input from the terminal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A key was pressed or repeats.
    Key(Chord),
    /// The left button of the mouse was pressed: column and row.
    Click(u16, u16),
    /// The wheel of the mouse was turned one notch, towards the user if `true`.
    Wheel(bool),
    /// Text was pasted. It has at most [`PASTE_MAX`] bytes, and is as untrusted as any text from outside.
    Paste(String),
    /// The terminal has a new size: columns and rows.
    Resize(u16, u16),
    /// The terminal answered whether it supports synchronized frames (mode 2026).
    Sync(bool),
    /// The terminal is gone, and no more input can come.
    Gone,
}
