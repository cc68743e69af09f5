//! A stream of bytes, cut into records: lines, or the members of arrays by their brackets.
//!
//! By lines a damaged record costs itself alone, so lines are taken wherever a file has a record on each, arrays and
//! snapshots too. By brackets its end cannot be told: what is taken for it may hold others, which whoever reads it finds.

use std::io::{self, Read};

use aws_lc_rs::digest::{Context, SHA256};
use memchr::{memchr, memchr2, memrchr};

use super::head::{self, Head};
use super::record::Span;

/// Bytes that are cut and read in one go.
const CHUNK: usize = 512 * 1024;
/// Bytes looked at to find out what a file is.
const LOOK: usize = 64 * 1024;
/// A longer record is none.
const RECORD_MAX: usize = 16 * 1024 * 1024;
/// What stands before a snapshot's consents is shorter.
const HEAD_MAX: usize = 16 * 1024 * 1024;

/// Why a stream holds nothing that could be read.
#[derive(Debug)]
pub(super) enum CutError {
    /// It cannot be read.
    Read(io::Error),
    /// It is empty, or blank.
    Empty,
    /// It holds something else.
    NotJson,
    /// What stands before a snapshot's consents cannot be read: a sentence.
    Head(String),
}

impl From<io::Error> for CutError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// Some records.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Whole records.
    pub(super) bytes: Vec<u8>,
    /// Where in the stream they begin.
    pub(super) at: u64,
    /// Where in these bytes each lies; nothing if each is a line.
    pub(super) spans: Option<Vec<Span>>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    /// In the middle of its array or of a record.
    pub(super) is_cut: bool,
    /// The digest of its lines, joined by line ends, if it is a snapshot with a consent on each.
    pub(super) digest: Option<[u8; 32]>,
}

/// How records lie in what is left of the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Layout {
    /// One on each line.
    Lines,
    /// One on each line, of an array.
    ArrayLines,
    /// Wherever brackets say.
    Nested { inside: bool },
}

/// Cuts a stream.
pub(super) struct Cutter<R> {
    input: R,
    buffer: Vec<u8>,
    /// Where in the stream the buffer begins.
    base: u64,
    has_ended: bool,
    layout: Layout,
    /// The array of a snapshot: nothing behind it is a record.
    is_snapshot: bool,
    is_over: bool,
    digest: Option<Context>,
    has_line: bool,
    end: End,
}

impl<R: Read> Cutter<R> {
    /// Finds out what a stream is, and reads what a snapshot says of itself.
    pub(super) fn begin(input: R) -> Result<(Self, Option<Head>), CutError> {
        let mut cutter = Self {
            input,
            buffer: Vec::new(),
            base: 0,
            has_ended: false,
            layout: Layout::Lines,
            is_snapshot: false,
            is_over: false,
            digest: None,
            has_line: false,
            end: End::default(),
        };
        cutter.fill(LOOK)?;
        let mark = if cutter.buffer.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let blank = cutter.buffer[mark..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        cutter.drop_front(mark + blank);
        cutter.fill(LOOK)?;
        match cutter.buffer.first() {
            None => Err(CutError::Empty),
            Some(b'[') => {
                cutter.drop_front(1);
                cutter.enter_array();
                Ok((cutter, None))
            }
            Some(b'{') if head::is_snapshot(&cutter.buffer) => {
                let head = cutter.take_head()?;
                cutter.is_snapshot = true;
                cutter.enter_array();
                if cutter.layout == Layout::ArrayLines {
                    cutter.digest = Some(Context::new(&SHA256));
                }
                Ok((cutter, Some(head)))
            }
            Some(b'{') => {
                // Only what has a whole record on one of its first lines is a file of lines.
                while memchr(b'\n', &cutter.buffer).is_none()
                    && !cutter.has_ended
                    && cutter.buffer.len() < RECORD_MAX
                {
                    cutter.fill(cutter.buffer.len() * 2)?;
                }
                if !has_record_line(&cutter.buffer) {
                    cutter.layout = Layout::Nested { inside: false };
                }
                Ok((cutter, None))
            }
            Some(_) if has_record_line(&cutter.buffer) => Ok((cutter, None)),
            Some(_) => Err(CutError::NotJson),
        }
    }

    /// Returns the next records; nothing after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Chunk>> {
        if self.is_over {
            return Ok(None);
        }
        match self.layout {
            Layout::Nested { .. } => self.next_nested(),
            Layout::Lines | Layout::ArrayLines => self.next_lines(),
        }
    }

    /// How it ended. Known once there is no next chunk.
    pub(super) fn end(&mut self) -> End {
        if let Some(digest) = self.digest.take() {
            let mut bytes = [0; 32];
            bytes.copy_from_slice(digest.finish().as_ref());
            self.end.digest = Some(bytes);
        }
        self.end
    }

    /// Reads until so much is there, or the stream ends.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        let missing = wanted.saturating_sub(self.buffer.len());
        if missing > 0 && !self.has_ended {
            // At once, or what is there is moved each time that it doubles.
            self.buffer.reserve(missing);
            let read = self.input.by_ref().take(missing as u64).read_to_end(&mut self.buffer)?;
            self.has_ended = read < missing;
        }
        Ok(())
    }

    fn drop_front(&mut self, count: usize) {
        self.buffer.drain(..count);
        self.base += count as u64;
    }

    /// Stands behind the bracket that opens an array.
    fn enter_array(&mut self) {
        let rest = &self.buffer;
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\r')).count();
        let is_by_line = rest.get(blank) == Some(&b'\n') && {
            let lines = &rest[blank + 1..];
            let line = memchr(b'\n', lines).map_or(lines, |end| &lines[..end]);
            // An array of nothing closes on its first line.
            line.trim_ascii_start().starts_with(b"]") || is_record(without_comma(line))
        };
        if is_by_line {
            self.drop_front(blank + 1);
            self.layout = Layout::ArrayLines;
        } else {
            self.layout = Layout::Nested { inside: true };
        }
    }

    /// Takes what stands before a snapshot's consents, up to the bracket that opens them.
    fn take_head(&mut self) -> Result<Head, CutError> {
        loop {
            if let Some(open) = head::opens(&self.buffer) {
                let head = Head::read(&self.buffer[..open]).map_err(CutError::Head)?;
                self.drop_front(open + 1);
                self.fill(LOOK)?;
                return Ok(head);
            }
            if self.has_ended || self.buffer.len() >= HEAD_MAX {
                return Err(CutError::Head("It ends before its consents begin".to_owned()));
            }
            self.fill(self.buffer.len() * 2)?;
        }
    }

    fn next_lines(&mut self) -> io::Result<Option<Chunk>> {
        let mut wanted = CHUNK;
        let end = loop {
            self.fill(wanted)?;
            if let Some(end) = memrchr(b'\n', &self.buffer) {
                break end + 1;
            }
            if self.has_ended || self.buffer.len() >= RECORD_MAX {
                break self.buffer.len();
            }
            wanted = self.buffer.len() * 2;
        };
        let is_last = self.has_ended;
        let end = if is_last { self.buffer.len() } else { end };
        let rest = self.buffer.split_off(end);
        let mut chunk =
            Chunk { bytes: std::mem::replace(&mut self.buffer, rest), at: self.base, spans: None };
        self.base += chunk.bytes.len() as u64;
        self.is_over = is_last;
        if self.layout == Layout::ArrayLines {
            let has_closed = self.look_at_lines(&mut chunk);
            self.is_over |= has_closed;
            self.end.is_cut = is_last && !has_closed;
        }
        Ok((!chunk.bytes.is_empty()).then_some(chunk))
    }

    /// Takes the digest of an array's lines, and returns whether the array ends among them.
    fn look_at_lines(&mut self, chunk: &mut Chunk) -> bool {
        let mut at = 0;
        while at < chunk.bytes.len() {
            let rest = &chunk.bytes[at..];
            let end = memchr(b'\n', rest).unwrap_or(rest.len());
            let line = without_comma(&rest[..end]);
            if line.starts_with(b"]") {
                chunk.bytes.truncate(at);
                return true;
            }
            if let (Some(digest), false) = (&mut self.digest, line.is_empty()) {
                if self.has_line {
                    digest.update(b"\n");
                }
                self.has_line = true;
                digest.update(line);
            }
            at += end + 1;
        }
        false
    }

    fn next_nested(&mut self) -> io::Result<Option<Chunk>> {
        let Layout::Nested { mut inside } = self.layout else { return Ok(None) };
        let (mut spans, mut at) = (Vec::new(), 0);
        loop {
            let is_between = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
            at += self.buffer[at..].iter().take_while(|byte| is_between(byte)).count();
            if at == self.buffer.len() {
                if self.has_ended {
                    self.is_over = true;
                    self.end.is_cut = inside;
                    break;
                }
                if at >= CHUNK {
                    break;
                }
                self.fill(at + CHUNK)?;
                continue;
            }
            match self.buffer[at] {
                b'[' if !inside => {
                    inside = true;
                    at += 1;
                }
                b']' if inside => {
                    inside = false;
                    at += 1;
                    if self.is_snapshot {
                        self.is_over = true;
                        break;
                    }
                }
                _ => {
                    let Some(length) = self.length_of_value(at)? else {
                        // What is left is no whole record. One that is damaged may have swallowed the end.
                        let rest = self.buffer[at..].trim_ascii_end();
                        spans.push(Span { at: at as u64, length: (self.buffer.len() - at) as u32 });
                        self.end.is_cut =
                            !self.has_ended || !rest.ends_with(if inside { b"]" } else { b"}" });
                        at = self.buffer.len();
                        self.is_over = true;
                        break;
                    };
                    match spans.last_mut() {
                        // What is no object belongs to the record before it, whose end was elsewhere.
                        Some(last) if inside && !matches!(self.buffer[at], b'{' | b'[') => {
                            last.length = (at + length) as u32 - last.at as u32;
                        }
                        _ => spans.push(Span { at: at as u64, length: length as u32 }),
                    }
                    at += length;
                }
            }
            if at >= CHUNK {
                break;
            }
        }
        self.layout = Layout::Nested { inside };
        let rest = self.buffer.split_off(at);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let chunk = Chunk { bytes, at: self.base, spans: Some(spans) };
        self.base += at as u64;
        Ok((!chunk.bytes.is_empty()).then_some(chunk))
    }

    /// How long the value is that begins at a place; nothing if the stream ends in it, or it is longer than any record.
    fn length_of_value(&mut self, at: usize) -> io::Result<Option<usize>> {
        let mut scan = Scan::default();
        loop {
            if let Some(length) = scan.go_on(&self.buffer[at..]) {
                return Ok(Some(length));
            }
            if self.has_ended || self.buffer.len() - at >= RECORD_MAX {
                return Ok(None);
            }
            self.fill(self.buffer.len() + CHUNK)?;
        }
    }
}

/// Finds the end of a JSON value by its strings and brackets.
#[derive(Default)]
struct Scan {
    at: usize,
    depth: usize,
    in_string: bool,
}

impl Scan {
    /// Goes on where it stopped, with more of the same bytes. Returns how long the value is, once that is seen.
    fn go_on(&mut self, bytes: &[u8]) -> Option<usize> {
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
fn is_record(line: &[u8]) -> bool {
    line.len() > 2 && matches!(line[0], b'{' | b'[') && Scan::default().go_on(line) == Some(line.len())
}

/// Lines looked at before a file is taken for one that is not made of lines.
const LINES: usize = 16;

fn has_record_line(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').take(LINES).any(|line| is_record(line.trim_ascii_end()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a few bytes at a time.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(out.len()).min(self.0.len());
            out[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn records(bytes: &[u8], drip: usize) -> Result<(Vec<String>, End), CutError> {
        let (mut cutter, _) = Cutter::begin(Drip(bytes, drip))?;
        let mut found = Vec::new();
        while let Some(chunk) = cutter.next()? {
            for span in super::super::record::spans(&chunk) {
                let at = (chunk.at + span.at) as usize;
                let text = &bytes[at..at + span.length as usize];
                found.push(String::from_utf8_lossy(text).into_owned());
            }
        }
        Ok((found, cutter.end()))
    }

    #[test]
    fn every_layout_gives_the_same_records() {
        let wanted = [r#"{"a":"x,]}\" y"}"#, r#"{"b":[1,{"c":2}]}"#, r#"{"d":"\\"}"#];
        for text in [
            wanted.join("\n"),
            format!("\u{feff}\r\n{}\r\n", wanted.join("\r\n")),
            format!("\n\n{}\n\n\n", wanted.join("\n\n")),
            format!("[{}]", wanted.join(",")),
            format!("[{}]", wanted.join(",\n")),
            format!("[\n{}\n]\n", wanted.join(",\n")),
            format!("[ \n  {}\n]", wanted.join(" ,\n  ")),
            format!("[{}][{},{}]", wanted[0], wanted[1], wanted[2]),
            wanted.concat(),
            format!(
                "{{\"schema\": \"consentwatch.snapshot/1\", \"consents\" :[{}], \"x\":[1]}}",
                wanted.join(", ")
            ),
            format!(
                "{{\"schema\":\"consentwatch.snapshot/1\",\"screen\":\"\\\"consents\\\":[\",\"consents\":[\n{}\n]}}\n",
                wanted.join(",\n")
            ),
        ] {
            for drip in [1, 7, 1 << 20] {
                let (found, end) = records(text.as_bytes(), drip).unwrap();
                assert_eq!(found, wanted, "{text} {drip}");
                assert!(!end.is_cut, "{text} {drip}");
            }
        }
    }

    #[test]
    fn a_record_over_many_lines_is_one() {
        let text = "{\n  \"a\": 1\n}\n{\n  \"b\": {}\n}\n";
        assert_eq!(records(text.as_bytes(), 3).unwrap().0, ["{\n  \"a\": 1\n}", "{\n  \"b\": {}\n}"]);
    }

    #[test]
    fn a_damaged_line_costs_itself_alone() {
        let text = "[\n{\"a\":1},\n{\"b\":\"},\n{\"c\":3}\n]\n";
        assert_eq!(records(text.as_bytes(), 5).unwrap().0, ["{\"a\":1}", "{\"b\":\"}", "{\"c\":3}"]);
    }

    #[test]
    fn what_is_cut_is_said() {
        for (text, count) in [
            ("[{\"a\":1},{\"b\"", 2),
            ("[\n{\"a\":1},\n{\"b\"", 2),
            ("[{\"a\":1},", 1),
            ("{\"schema\":\"consentwatch.snapshot/1\",\"consents\":[\n{\"a\":1},\n", 1),
        ] {
            let (found, end) = records(text.as_bytes(), 4).unwrap();
            assert_eq!((found.len(), end.is_cut), (count, true), "{text}");
        }
        let head = records(b"{\"schema\":\"consentwatch.snapshot/1\",\"screen\":\"x", 9);
        assert!(matches!(head, Err(CutError::Head(_))));
    }

    #[test]
    fn what_is_no_json_is_not_taken_for_it() {
        assert!(matches!(records(b"", 9), Err(CutError::Empty)));
        assert!(matches!(records(b" \n\n", 9), Err(CutError::Empty)));
        assert!(matches!(records(b"time,kind,who\n1,2,3\n", 9), Err(CutError::NotJson)));
        let (found, _) = records(b"garbage\n{\"a\":1}\n", 9).unwrap();
        assert_eq!(found, ["garbage", "{\"a\":1}"]);
    }

    proptest! {
        #[test]
        fn any_bytes_end_and_lie_within(bytes in prop::collection::vec(any::<u8>(), 0..300), opener in 0..4_usize, drip in 1..40_usize) {
            let opener: &[u8] = [b"".as_slice(), b"[", b"{\"a\":", b"[\n{\"a\":1},\n"][opener];
            let text = [opener, &bytes].concat();
            if let Ok((found, _)) = records(&text, drip) {
                prop_assert!(found.len() <= text.len());
            }
        }
    }
}
