//! Decompresses gzip and zstd, as far as the data is intact, and converts UTF-16 to UTF-8.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::sync::{Arc, Mutex, PoisonError};

const GZIP: &[u8] = b"\x1f\x8b";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd";
/// The bytes after a first byte of 0x50 to 0x5f at the start of a zstd frame without data (RFC 8878, skippable frames).
const ZSTD_SKIPPED: &[u8] = b"\x2a\x4d\x18";
/// The bytes needed to recognize a compression format.
const MAGIC: usize = 4;

/// What was noticed about a stream while it was read. Clones share the state.
#[derive(Clone, Debug, Default)]
pub(super) struct Remarks(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    damage: Option<String>,
    ignored: Option<String>,
}

impl Remarks {
    fn change(&self, change: impl FnOnce(&mut Told)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Returns why the compressed data is incomplete, as a clause without a period. It is known once all is read.
    pub(super) fn damage(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).damage.clone()
    }

    /// Returns what followed the compressed data and was ignored, as a clause without a period.
    pub(super) fn ignored(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ignored.clone()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    fn of(first: &[u8]) -> Option<Self> {
        let is_skipped = first.first().is_some_and(|byte| byte & 0xf0 == 0x50)
            && first.get(1..).is_some_and(|rest| rest.starts_with(ZSTD_SKIPPED));
        if first.starts_with(GZIP) {
            Some(Self::Gzip)
        } else {
            (first.starts_with(ZSTD) || is_skipped).then_some(Self::Zstd)
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }
}

/// Returns whether bytes begin like compressed data.
pub(super) fn is_packed(first: &[u8]) -> bool {
    Packing::of(first).is_some()
}

/// A reader that can peek at the next few bytes.
struct Source {
    ahead: Vec<u8>,
    used: usize,
    rest: BufReader<Box<dyn Read + Send>>,
}

impl Source {
    /// Returns the next bytes without consuming them, fewer than `count` only at the end of the stream.
    fn look(&mut self, count: usize) -> io::Result<&[u8]> {
        self.ahead.drain(..self.used);
        self.used = 0;
        let missing = count.saturating_sub(self.ahead.len());
        self.rest.by_ref().take(missing as u64).read_to_end(&mut self.ahead)?;
        Ok(&self.ahead)
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Source {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used < self.ahead.len() { Ok(&self.ahead[self.used..]) } else { self.rest.fill_buf() }
    }

    fn consume(&mut self, count: usize) {
        if self.used < self.ahead.len() { self.used += count } else { self.rest.consume(count) }
    }
}

enum Member {
    Gzip(flate2::bufread::GzDecoder<Source>),
    Zstd(zstd::stream::read::Decoder<'static, Source>),
}

impl Member {
    fn begin(packing: Packing, source: Source) -> io::Result<Self> {
        Ok(match packing {
            Packing::Gzip => Self::Gzip(flate2::bufread::GzDecoder::new(source)),
            Packing::Zstd => Self::Zstd(zstd::stream::read::Decoder::with_buffer(source)?.single_frame()),
        })
    }

    fn packing(&self) -> Packing {
        match self {
            Self::Gzip(_) => Packing::Gzip,
            Self::Zstd(_) => Packing::Zstd,
        }
    }

    fn into_source(self) -> Source {
        match self {
            Self::Gzip(member) => member.into_inner(),
            Self::Zstd(member) => member.finish(),
        }
    }
}

impl Read for Member {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Gzip(member) => member.read(out),
            Self::Zstd(member) => member.read(out),
        }
    }
}

/// A reader of decompressed data. Damage ends the stream early and is recorded, so that the data before it can be used.
pub(super) struct Unpacked {
    /// The current member, or `None` once all is read.
    member: Option<Member>,
    remarks: Remarks,
}

impl Unpacked {
    /// Starts with the first member. [`is_packed`] must have returned `true` for the stream.
    pub(super) fn begin(stream: Box<dyn Read + Send>, remarks: Remarks) -> io::Result<Self> {
        let mut source = Source { ahead: Vec::new(), used: 0, rest: BufReader::new(stream) };
        let packing = Packing::of(source.look(MAGIC)?).unwrap_or(Packing::Gzip);
        Ok(Self { member: Some(Member::begin(packing, source)?), remarks })
    }

    /// Continues after a member, with the next one if there is one.
    fn go_on(&mut self, member: Member) -> io::Result<()> {
        let before = member.packing();
        let mut source = member.into_source();
        let ahead = source.look(MAGIC)?;
        if let Some(packing) = Packing::of(ahead) {
            self.member = Some(Member::begin(packing, source)?);
        } else if !ahead.is_empty() {
            let (count, is_zero) = rest(&mut source)?;
            let bytes = if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") };
            let word = before.word();
            let words = if is_zero {
                format!("{bytes} of zero padding after its {word} data were ignored")
            } else {
                format!("{bytes} after its {word} data are neither gzip nor zstd and were ignored")
            };
            self.remarks.change(|told| told.ignored = Some(words));
        }
        Ok(())
    }

    fn remark(&self, packing: Packing, error: &io::Error) {
        let word = packing.word();
        let words = match error.kind() {
            ErrorKind::UnexpectedEof => format!("it is cut off: its {word} data ends early"),
            _ if is_checksum(error) => {
                format!(
                    "it is damaged: a checksum of its {word} data does not match, so records may be altered"
                )
            }
            _ => format!("it is damaged: its {word} data cannot be decompressed to its end ({error})"),
        };
        self.remarks.change(|told| told.damage = told.damage.take().or(Some(words)));
    }
}

impl Read for Unpacked {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while let Some(mut member) = self.member.take() {
            match member.read(out) {
                Ok(0) => self.go_on(member)?,
                Ok(count) => {
                    self.member = Some(member);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    self.member = Some(member);
                    return Err(error);
                }
                Err(error) => {
                    self.remark(member.packing(), &error);
                    // The whole gzip member was returned, so the next one may be intact.
                    if member.packing() == Packing::Gzip && is_checksum(&error) {
                        self.go_on(member)?;
                    }
                }
            }
        }
        Ok(0)
    }
}

fn is_checksum(error: &io::Error) -> bool {
    error.to_string().contains("checksum")
}

/// Reads the rest, and returns its length and whether all of it is zero.
fn rest(source: &mut Source) -> io::Result<(u64, bool)> {
    let (mut count, mut is_zero) = (0, true);
    loop {
        let bytes = source.fill_buf()?;
        let length = bytes.len();
        if length == 0 {
            return Ok((count, is_zero));
        }
        is_zero &= bytes.iter().all(|byte| *byte == 0);
        count += length as u64;
        source.consume(length);
    }
}

/// The byte order of UTF-16, from the byte order mark.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Little,
    Big,
}

/// Returns the byte order if the bytes begin with a UTF-16 byte order mark (RFC 2781), else `None`. UTF-8 JSON never
/// begins with such bytes.
pub(super) fn utf16(first: &[u8]) -> Option<Order> {
    match first {
        [0xff, 0xfe, ..] => Some(Order::Little),
        [0xfe, 0xff, ..] => Some(Order::Big),
        _ => None,
    }
}

/// A reader that converts UTF-16 to UTF-8. An unpaired surrogate becomes U+FFFD.
pub(super) struct FromUtf16<R> {
    source: R,
    order: Order,
    /// Bytes that are not converted yet: half a code unit, or half a surrogate pair.
    left: Vec<u8>,
    ready: io::Cursor<Vec<u8>>,
}

impl<R: Read> FromUtf16<R> {
    /// Creates a reader. `source` begins with the byte order mark.
    pub(super) fn new(source: R, order: Order) -> Self {
        Self { source, order, left: Vec::new(), ready: io::Cursor::default() }
    }
}

/// Bytes of UTF-16 read at a time.
const PIECE: usize = 1 << 16;

impl<R: Read> Read for FromUtf16<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.ready.read(out)?;
            if count > 0 || out.is_empty() {
                return Ok(count);
            }
            let before = self.left.len();
            self.left.resize(before + PIECE, 0);
            let read = self.source.read(&mut self.left[before..]);
            self.left.truncate(before + read.as_ref().map_or(0, |count| *count));
            let has_ended = read? == 0;
            if has_ended && self.left.is_empty() {
                return Ok(0);
            }
            let unit = |pair: &[u8]| match self.order {
                Order::Little => u16::from_le_bytes([pair[0], pair[1]]),
                Order::Big => u16::from_be_bytes([pair[0], pair[1]]),
            };
            let mut units: Vec<u16> = self.left.chunks_exact(2).map(unit).collect();
            // The second half of a surrogate pair may be still to come.
            if !has_ended && units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
                units.pop();
            }
            self.left.drain(..if has_ended { self.left.len() } else { units.len() * 2 });
            let text: String =
                char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
            self.ready = io::Cursor::new(text.into_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    /// Returns the decompressed text, the damage, and what was ignored.
    fn unpack(packed: &[u8]) -> (String, Option<String>, Option<String>) {
        let remarks = Remarks::default();
        let source = Box::new(io::Cursor::new(packed.to_vec()));
        let mut out = Vec::new();
        Unpacked::begin(source, remarks.clone()).unwrap().read_to_end(&mut out).unwrap();
        (String::from_utf8_lossy(&out).into_owned(), remarks.damage(), remarks.ignored())
    }

    /// Returns lines that do not compress well.
    fn lines() -> String {
        let line = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string();
        (0..20_000).map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_cut_member_gives_what_unpacked_and_says_so() {
        let text = lines();
        for (packed, word) in
            [(gzip(text.as_bytes()), "gzip"), (zstd::encode_all(text.as_bytes(), 1).unwrap(), "zstd")]
        {
            assert_eq!(unpack(&packed), (text.clone(), None, None));
            let (out, damage, _) = unpack(&packed[..packed.len() * 3 / 4]);
            assert!(text.starts_with(&out) && out.len() > text.len() / 3, "{word}: {} bytes", out.len());
            assert_eq!(damage, Some(format!("it is cut off: its {word} data ends early")));
        }
        // Only the last bytes are missing, which hold no data.
        let packed = gzip(text.as_bytes());
        let (out, damage, _) = unpack(&packed[..packed.len() - 3]);
        assert!(out == text && damage.is_some());
    }

    #[test]
    fn several_members_are_one_stream_and_a_wrong_checksum_costs_none_of_them() {
        let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 1).unwrap();
        let skipped = b"\x50\x2a\x4d\x18\x02\x00\x00\x00xx".to_vec();
        assert_eq!(unpack(&[gzip(b"a"), gzip(b"b"), zstd("c"), skipped, zstd("d")].concat()).0, "abcd");
        let mut wrong = gzip(b"a");
        let crc = wrong.len() - 8;
        wrong[crc] ^= 1;
        let (out, damage, _) = unpack(&[wrong, gzip(b"b")].concat());
        assert!(out == "ab" && damage.as_ref().is_some_and(|words| words.contains("checksum")), "{damage:?}");
    }

    #[test]
    fn what_stands_behind_is_ignored_with_a_word() {
        for packed in [gzip(b"a"), zstd::encode_all(&b"a"[..], 1).unwrap()] {
            let (out, damage, ignored) = unpack(&[packed.clone(), vec![0; 100_000]].concat());
            assert_eq!((out.as_str(), damage), ("a", None));
            assert!(ignored.unwrap().starts_with("100000 bytes of zero padding"));
            let (out, damage, ignored) = unpack(&[packed, b"\0rubbish".to_vec()].concat());
            assert_eq!((out.as_str(), damage), ("a", None));
            assert!(ignored.unwrap().starts_with("8 bytes after"));
        }
    }

    #[test]
    fn utf_16_comes_out_as_utf_8_in_whatever_pieces() {
        struct Drip<'a>(&'a [u8], usize);
        impl Read for Drip<'_> {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                let count = self.1.min(out.len());
                self.0.read(&mut out[..count])
            }
        }
        let text = "\u{feff}{\"a\":\"Zoë 大阪 👩\u{200d}💻\"}\r\n";
        for (order, bytes) in [
            (Order::Little, text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>()),
            (Order::Big, text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        ] {
            assert_eq!(utf16(&bytes), Some(order));
            for drip in [1, 3, 1 << 20] {
                let mut out = String::new();
                FromUtf16::new(Drip(&bytes, drip), order).read_to_string(&mut out).unwrap();
                assert_eq!(out, text, "{order:?} {drip}");
            }
        }
        let mut out = String::new();
        FromUtf16::new(&b"\xff\xfea\0\x3d\xd8"[..], Order::Little).read_to_string(&mut out).unwrap();
        assert_eq!(out, "\u{feff}a\u{fffd}");
    }
}
