//! Input from the terminal's bytes: [`Reader`] reads them, and [`Parser`] parses them.

mod byte;
mod csi;
mod parser;
mod reader;
mod report;

pub(super) use parser::{Parser, Wait};
pub(super) use reader::Reader;
