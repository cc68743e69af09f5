//! Keys from the terminal's bytes: [`Parser`] tells what they mean, [`Reader`] brings them.
//!
//! crossterm, which switches raw mode, reads keys as well. Ours are read here for three reasons. When a terminal dies, its
//! reader goes on reading the end of it as fast as one processor can, and tells nobody. What it keeps of a paste or of a
//! sequence that does not end has no bound, and anybody can paste. And it is one for the whole process and never ends,
//! where ours ends when it is dropped and reads from a pipe in tests.
//!
//! Nor are its event types used. The model decides what a key does and knows no terminal library, so a key is a
//! [`Chord`](crate::model::Chord) from here on.

mod byte;
mod csi;
mod parser;
mod reader;
mod report;

pub(super) use parser::{Parser, Wait};
pub(super) use reader::Reader;
