//! Splits a stream of bytes into records: by lines, or by the brackets of JSON values.
//!
//! When split by lines, a damaged record does not affect the others. So a file with one record on each line is split by
//! lines, even if it is an array or a snapshot. When split by brackets, the end of a damaged record is unknown, and the
//! records after it may be taken for a part of it. The reader finds those (`record::swallowed`).

use std::io::{self, Read};

use aws_lc_rs::digest::{Context, SHA256};
use memchr::{memchr, memchr_iter, memrchr};

use super::head::{self, SnapshotHead};
use super::record_line::{LINES, has_record_line, is_record, without_comma};
use crate::json_scan::ValueEnd;

/// The position of a record in a file, or in some bytes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The position of its first byte.
    pub at: u64,
    /// Its length in bytes.
    pub length: u32,
}

/// Bytes that are split and parsed at a time.
const CHUNK: usize = 512 * 1024;
/// The most buffers kept for reuse.
const SPARE_MAX: usize = 4;
/// Bytes examined to detect a file's format. Also the most bytes in one read of a live stream.
const LOOK: usize = 64 * 1024;
/// The most bytes of a record. A longer one cannot be read.
const RECORD_MAX: usize = 16 * 1024 * 1024;
/// The byte order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// The most bytes before a snapshot's consents.
const HEAD_MAX: usize = 16 * 1024 * 1024;

/// Why no records could be read from a stream.
#[derive(Debug)]
pub(super) enum CutError {
    /// The stream cannot be read.
    Read(io::Error),
    /// The stream is empty or contains only white space.
    Empty,
    /// The stream contains no JSON records.
    NotJson,
    /// The head of a snapshot cannot be read. The string is a sentence.
    Head(String),
}

impl From<io::Error> for CutError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// A piece of a stream with whole records.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The bytes of the records.
    pub(super) bytes: Vec<u8>,
    /// Where in the stream the bytes begin.
    pub(super) at: u64,
    /// Where in these bytes each record is, or `None` if each line is a record.
    pub(super) spans: Option<Vec<Span>>,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    /// Whether it ended in the middle of its array or of a record.
    pub(super) is_cut: bool,
    /// The digest of its lines joined by `\n`, if it is a snapshot with one consent on each line.
    pub(super) digest: Option<[u8; 32]>,
}

/// How records are laid out in the rest of the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Layout {
    /// One record on each line.
    Lines,
    /// An array with one record on each line.
    ArrayLines,
    /// JSON values, split by their brackets. `inside` says whether an array is open.
    Nested { inside: bool },
}

/// Splits a stream into records.
pub(super) struct Cutter<R> {
    input: R,
    buffer: Vec<u8>,
    /// Buffers of earlier chunks. Freeing and allocating such large buffers costs more than filling them.
    spare: Vec<Vec<u8>>,
    /// The position in the stream at which the buffer begins.
    base: u64,
    has_ended: bool,
    /// Whether the stream is a pipe that may stay open forever. Every whole record is then returned before the next
    /// read.
    is_live: bool,
    layout: Layout,
    /// Whether the array is a snapshot's. Nothing after it is a record.
    is_snapshot: bool,
    is_over: bool,
    digest: Option<Context>,
    has_line: bool,
    end: End,
}

/// Returns the length of the record on a line that closes its array, possibly 0, and the position after the bracket.
/// Returns `None` for any other line.
fn closing_bracket(line: &[u8]) -> Option<(usize, usize)> {
    if line.starts_with(b"]") {
        return Some((0, 1));
    }
    // Few lines end as if they closed an array, so few are scanned in full.
    let before = line.strip_suffix(b"}").unwrap_or(line).trim_ascii_end();
    if !(before.ends_with(b"]") && line.starts_with(b"{")) {
        return None;
    }
    let length = ValueEnd::default().go_on(line)?;
    let blank = line[length..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    (line.get(length + blank) == Some(&b']')).then_some((length, length + blank + 1))
}

impl<R: Read> Cutter<R> {
    /// Detects the format of a stream, and reads the head of a snapshot. A live stream is a pipe that may
    /// stay open forever, so only as much is read from it as the detection needs.
    pub(super) fn begin(input: R, is_live: bool) -> Result<(Self, Option<SnapshotHead>), CutError> {
        let mut cutter = Self {
            input,
            buffer: Vec::new(),
            spare: Vec::new(),
            base: 0,
            has_ended: false,
            is_live,
            layout: Layout::Lines,
            is_snapshot: false,
            is_over: false,
            digest: None,
            has_line: false,
            end: End::default(),
        };
        cutter.skip_front()?;
        match cutter.buffer.first().copied() {
            None => Err(CutError::Empty),
            Some(b'[') => {
                cutter.drop_front(1);
                cutter.enter_array()?;
                Ok((cutter, None))
            }
            Some(b'{') if cutter.is_snapshot()? => {
                let head = cutter.take_head()?;
                cutter.is_snapshot = true;
                cutter.enter_array()?;
                if cutter.layout == Layout::ArrayLines {
                    cutter.digest = Some(Context::new(&SHA256));
                }
                Ok((cutter, Some(head)))
            }
            Some(b'{') => {
                // Only a file with a whole record on one of its first lines is split by lines.
                while memchr(b'\n', &cutter.buffer).is_none()
                    && !cutter.has_ended
                    && cutter.buffer.len() < RECORD_MAX
                    && !(is_live && is_record(&cutter.buffer))
                {
                    cutter.fill(cutter.buffer.len() * 2)?;
                }
                if !has_record_line(&cutter.buffer) {
                    cutter.layout = Layout::Nested { inside: false };
                }
                Ok((cutter, None))
            }
            Some(_) => {
                let has_lines = |bytes: &[u8]| memchr_iter(b'\n', bytes).nth(LINES - 1).is_some();
                while is_live
                    && !cutter.has_ended
                    && cutter.buffer.len() < LOOK
                    && !has_record_line(&cutter.buffer)
                    && !has_lines(&cutter.buffer)
                {
                    cutter.fill(cutter.buffer.len() + LOOK)?;
                }
                if has_record_line(&cutter.buffer) { Ok((cutter, None)) } else { Err(CutError::NotJson) }
            }
        }
    }

    /// Skips a byte order mark and leading white space.
    fn skip_front(&mut self) -> io::Result<()> {
        self.fill(LOOK)?;
        while self.is_live && !self.has_ended && self.buffer.len() < MARK.len() {
            self.fill(LOOK)?;
        }
        if self.buffer.starts_with(MARK) {
            self.drop_front(MARK.len());
        }
        loop {
            let blank = self.buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.drop_front(blank);
            if self.has_ended || !self.buffer.is_empty() {
                // For a live stream, do not wait for more.
                return if self.is_live { Ok(()) } else { self.fill(LOOK) };
            }
            self.fill(LOOK)?;
        }
    }

    /// Returns whether the first object begins like a snapshot.
    fn is_snapshot(&mut self) -> io::Result<bool> {
        if self.is_live {
            let mut scan = ValueEnd::default();
            while !head::is_snapshot(&self.buffer)
                && scan.go_on(&self.buffer).is_none()
                && !self.has_ended
                && self.buffer.len() < LOOK
            {
                self.fill(self.buffer.len() + LOOK)?;
            }
        }
        Ok(head::is_snapshot(&self.buffer))
    }

    /// Returns the next records, or `None` after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Chunk>> {
        if self.is_over {
            return Ok(None);
        }
        match self.layout {
            Layout::Nested { .. } => self.next_nested(),
            Layout::Lines | Layout::ArrayLines => self.next_lines(),
        }
    }

    /// Returns how the stream ended. Call it once [`next`](Self::next) has returned `None`.
    pub(super) fn end(&mut self) -> End {
        if let Some(digest) = self.digest.take() {
            let mut bytes = [0; 32];
            bytes.copy_from_slice(digest.finish().as_ref());
            self.end.digest = Some(bytes);
        }
        self.end
    }

    /// Reads until the buffer has `wanted` bytes or the stream ends. From a live stream it reads only what comes next,
    /// at least one byte.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        let missing = wanted.saturating_sub(self.buffer.len());
        if missing > 0 && !self.has_ended {
            if self.is_live {
                return self.fill_once(missing.min(LOOK));
            }
            // Reserve at once. Otherwise the content is moved each time the buffer doubles.
            self.buffer.reserve(missing);
            let read = self.input.by_ref().take(missing as u64).read_to_end(&mut self.buffer)?;
            self.has_ended = read < missing;
        }
        Ok(())
    }

    fn fill_once(&mut self, most: usize) -> io::Result<()> {
        let before = self.buffer.len();
        self.buffer.resize(before + most, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(before + read.as_ref().map_or(0, |count| *count));
        self.has_ended = read? == 0;
        Ok(())
    }

    /// Takes back the buffer of a processed chunk for reuse.
    pub(super) fn reuse(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() <= 2 * CHUNK && self.spare.len() < SPARE_MAX {
            self.spare.push(buffer);
        }
    }

    /// Removes the first `end` bytes from the buffer and returns them.
    fn take_front(&mut self, end: usize) -> Vec<u8> {
        let mut rest = self.spare.pop().unwrap_or_default();
        rest.clear();
        rest.extend_from_slice(&self.buffer[end..]);
        self.buffer.truncate(end);
        std::mem::replace(&mut self.buffer, rest)
    }

    fn drop_front(&mut self, count: usize) {
        self.buffer.drain(..count);
        self.base += count as u64;
    }

    /// Chooses the layout of an array whose opening bracket was just consumed.
    fn enter_array(&mut self) -> io::Result<()> {
        // If the bracket is on a line of its own in a live stream, the next line is needed too.
        while self.is_live && !self.has_ended && self.buffer.len() < RECORD_MAX {
            let blank = self.buffer.iter().take_while(|byte| matches!(byte, b' ' | b'\r')).count();
            match self.buffer.get(blank) {
                None => {}
                Some(b'\n') if memchr(b'\n', &self.buffer[blank + 1..]).is_none() => {}
                Some(_) => break,
            }
            self.fill(self.buffer.len() + LOOK)?;
        }
        let rest = &self.buffer;
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\r')).count();
        let is_by_line = rest.get(blank) == Some(&b'\n') && {
            let lines = &rest[blank + 1..];
            let line = memchr(b'\n', lines).map_or(lines, |end| &lines[..end]);
            // An empty array closes on its first line.
            line.trim_ascii_start().starts_with(b"]") || is_record(without_comma(line))
        };
        if is_by_line {
            self.drop_front(blank + 1);
            self.layout = Layout::ArrayLines;
        } else {
            self.layout = Layout::Nested { inside: true };
        }
        Ok(())
    }

    /// Reads the head of a snapshot, up to and including the bracket that opens its consents.
    fn take_head(&mut self) -> Result<SnapshotHead, CutError> {
        loop {
            if let Some(open) = head::opens(&self.buffer) {
                let head = SnapshotHead::read(&self.buffer[..open]).map_err(CutError::Head)?;
                self.drop_front(open + 1);
                if !self.is_live {
                    self.fill(LOOK)?;
                }
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
            // For a live stream, return what is there before waiting for more. The line end after a whole record may
            // come only with the next record.
            if self.is_live {
                if let Some(end) = memrchr(b'\n', &self.buffer) {
                    break end + 1;
                }
                if self.buffer.ends_with(b"}") && is_record(self.buffer.trim_ascii_start()) {
                    break self.buffer.len();
                }
            }
            self.fill(wanted)?;
            if let Some(end) = memrchr(b'\n', &self.buffer) {
                break end + 1;
            }
            if self.has_ended || self.buffer.len() >= RECORD_MAX {
                break self.buffer.len();
            }
            wanted = self.buffer.len() * 2 + LOOK;
        };
        let is_last = self.has_ended;
        let end = if is_last { self.buffer.len() } else { end };
        let mut chunk = Chunk { bytes: self.take_front(end), at: self.base, spans: None };
        self.base += chunk.bytes.len() as u64;
        self.is_over = is_last;
        if self.layout == Layout::ArrayLines {
            let closing = self.look_at_lines(&chunk.bytes);
            self.end.is_cut = is_last && closing.is_none();
            if let Some((end, behind)) = closing {
                self.close(&mut chunk, end, behind);
                if chunk.bytes.is_empty() {
                    return self.next();
                }
            }
        }
        Ok((!chunk.bytes.is_empty()).then_some(chunk))
    }

    /// Ends an array of lines. Its last record ends at `end` in the chunk, and `behind` is the position after its
    /// bracket. Nothing after a snapshot's array is a record. After another array there may be the next page.
    fn close(&mut self, chunk: &mut Chunk, end: usize, behind: usize) {
        if self.is_snapshot {
            self.is_over = true;
        } else {
            let mut rest = chunk.bytes.split_off(behind);
            self.base -= rest.len() as u64;
            rest.append(&mut self.buffer);
            self.buffer = rest;
            self.is_over = false;
            self.layout = Layout::Nested { inside: false };
        }
        chunk.bytes.truncate(end);
    }

    /// Adds an array's lines to the digest. If the array ends among them, returns where its last record ends, and the
    /// position after its bracket.
    fn look_at_lines(&mut self, bytes: &[u8]) -> Option<(usize, usize)> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let end = memchr(b'\n', rest).unwrap_or(rest.len());
            let mut line = without_comma(&rest[..end]);
            let start = line.as_ptr().addr() - bytes.as_ptr().addr();
            let closing = closing_bracket(line);
            if let Some((length, _)) = closing {
                line = &line[..length];
            }
            if let (Some(digest), false) = (&mut self.digest, line.is_empty()) {
                if self.has_line {
                    digest.update(b"\n");
                }
                self.has_line = true;
                digest.update(line);
            }
            if let Some((length, behind)) = closing {
                return Some((start + length, start + behind));
            }
            at += end + 1;
        }
        None
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
                if at >= CHUNK || (self.is_live && !spans.is_empty()) {
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
                // Return the whole records before waiting for the rest of this one.
                _ if self.is_live
                    && !spans.is_empty()
                    && !self.has_ended
                    && ValueEnd::default().go_on(&self.buffer[at..]).is_none() =>
                {
                    break;
                }
                _ => {
                    let Some(length) = self.length_of_value(at)? else {
                        // The rest is not a whole record. A damaged record may have swallowed the closing bracket.
                        let rest = self.buffer[at..].trim_ascii_end();
                        spans.push(Span { at: at as u64, length: (self.buffer.len() - at) as u32 });
                        self.end.is_cut =
                            !self.has_ended || !rest.ends_with(if inside { b"]" } else { b"}" });
                        at = self.buffer.len();
                        self.is_over = true;
                        break;
                    };
                    match spans.last_mut() {
                        // A value that is not an object belongs to the record before it, whose real end comes later.
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
        let chunk = Chunk { bytes: self.take_front(at), at: self.base, spans: Some(spans) };
        self.base += at as u64;
        Ok((!chunk.bytes.is_empty()).then_some(chunk))
    }

    /// Returns the length of the value that begins at a position, or `None` if the stream ends in it or it is longer
    /// than [`RECORD_MAX`].
    fn length_of_value(&mut self, at: usize) -> io::Result<Option<usize>> {
        let mut scan = ValueEnd::default();
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

#[cfg(test)]
mod tests;
