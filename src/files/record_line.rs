//! Lines that hold a record.

use crate::json_scan::ValueEnd;

/// Returns a line without blanks around it and the comma behind it.
pub(super) fn without_comma(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    line.strip_suffix(b",").map_or(line, |line| line.trim_ascii_end())
}

/// Whether a line is an object or an array from one end to the other.
pub(super) fn is_record(line: &[u8]) -> bool {
    line.len() > 2 && matches!(line[0], b'{' | b'[') && ValueEnd::default().go_on(line) == Some(line.len())
}

/// Lines looked at before a file is taken for one that is not made of lines.
pub(super) const LINES: usize = 16;

pub(super) fn has_record_line(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').take(LINES).any(|line| is_record(line.trim_ascii_end()))
}
