//! Reads keys from the terminal: [`Reader`] reads bytes, and [`Parser`] parses them into keys.
//!
//! crossterm, which sets raw mode, can read keys too. The program has its own reader for three reasons:
//!
//! * When a terminal dies, crossterm's reader keeps a processor busy with reading the end of the file, and reports no error.
//! * It buffers a paste, or an escape sequence that never ends, without a limit.
//! * There is one per process, and it never ends. Ours ends when it is dropped, and tests let it read from a pipe.
//!
//! crossterm's event types are not used either: the model must not depend on a terminal library, so a key is a
//! [`Chord`](crate::model::Chord).

mod byte;
mod csi;
mod parser;
mod reader;
mod report;

pub(super) use parser::{Parser, Wait};
pub(super) use reader::Reader;
