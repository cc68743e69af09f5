//! Where JSON values end, told by their strings and brackets alone.

use memchr::memchr2;

/// Finds the end of a JSON value by its strings and brackets.
#[derive(Default)]
pub(super) struct Scan {
    at: usize,
    depth: usize,
    in_string: bool,
}

impl Scan {
    /// Goes on where it stopped, with more of the same bytes. Returns how long the value is, once that is seen.
    pub(super) fn go_on(&mut self, bytes: &[u8]) -> Option<usize> {
        while self.at < bytes.len() {
            if self.in_string {
                match memchr2(b'"', b'\\', &bytes[self.at..]) {
                    None => self.at = bytes.len(),
                    Some(next) if bytes[self.at + next] == b'"' => {
                        self.in_string = false;
                        self.at += next + 1;
                        if self.depth == 0 {
                            return Some(self.at);
                        }
                    }
                    // What is escaped may be still to come.
                    Some(next) if self.at + next + 1 < bytes.len() => self.at += next + 2,
                    Some(next) => {
                        self.at += next;
                        return None;
                    }
                }
                continue;
            }
            match bytes[self.at] {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' if self.depth > 1 => self.depth -= 1,
                b'}' | b']' if self.depth == 1 => return Some(self.at + 1),
                b',' | b'}' | b']' | b'\n' if self.depth == 0 => return Some(self.at.max(1)),
                _ => {}
            }
            self.at += 1;
        }
        None
    }
}

/// Returns a line without blanks around it and the comma behind it.
pub(super) fn without_comma(line: &[u8]) -> &[u8] {
    let line = line.trim_ascii();
    line.strip_suffix(b",").map_or(line, |line| line.trim_ascii_end())
}

/// Whether a line is an object or an array from one end to the other.
pub(super) fn is_record(line: &[u8]) -> bool {
    line.len() > 2 && matches!(line[0], b'{' | b'[') && Scan::default().go_on(line) == Some(line.len())
}

/// Lines looked at before a file is taken for one that is not made of lines.
pub(super) const LINES: usize = 16;

pub(super) fn has_record_line(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').take(LINES).any(|line| is_record(line.trim_ascii_end()))
}
