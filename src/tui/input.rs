//! What a person did at the terminal.

use crate::model::Chord;

/// A paste is cut here, in bytes: no filter, note or search that a person means is longer.
pub const PASTE_MAX: usize = 64 * 1024;

/// Something a person did, or the terminal became.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A key was pressed or repeats.
    Key(Chord),
    /// The left button of the mouse was pressed: column and row.
    Click(u16, u16),
    /// The wheel of the mouse was turned one notch; towards the reader if true.
    Wheel(bool),
    /// Text was pasted as one piece, at most [`PASTE_MAX`] bytes of it. It is as hostile as any text from outside.
    Paste(String),
    /// The terminal has this many columns and rows now.
    Resize(u16, u16),
    /// Whether the terminal says that it can show a bracketed frame at once.
    Sync(bool),
    /// No more can come.
    Gone,
}
