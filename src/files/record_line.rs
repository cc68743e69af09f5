//! Recognizes lines that contain a record.

use crate::json_scan::ValueEnd;

/// Returns a line without surrounding white space and without a trailing comma.
pub(super) fn without_comma(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    line.strip_suffix(b",").map_or(line, |line| line.trim_ascii_end())
}

/// Returns whether a line is exactly one object or array.
pub(super) fn is_record(line: &[u8]) -> bool {
    line.len() > 2 && matches!(line[0], b'{' | b'[') && ValueEnd::default().go_on(line) == Some(line.len())
}

/// How many lines are examined before a file counts as not line-based.
pub(super) const LINES: usize = 16;

pub(super) fn has_record_line(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').take(LINES).any(|line| is_record(line.trim_ascii_end()))
}
