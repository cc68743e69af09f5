//! Keys from the terminal's bytes: [`Parser`] tells what they mean, [`Reader`] brings them.

mod byte;
mod csi;
mod parser;
mod reader;
mod report;

pub(super) use parser::{Parser, Wait};
pub(super) use reader::Reader;
