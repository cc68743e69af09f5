//! Opens a file or standard input. A plain file is read in place. Anything else is copied to an unnamed
//! temporary file as it is read, so that its records can be read again.

use std::fs::File;
use std::io::{self, Cursor, Read, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::unpack::{self, FromUtf16, Remarks, Unpacked};
use super::wrapped;
use crate::consent::visible;
use crate::safe_file::{NotRegular, not_regular, open_regular};

/// An input to read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileInput {
    /// Standard input.
    Stdin,
    /// The file with this name.
    File(PathBuf),
}

impl FileInput {
    /// Returns the input for an argument of a command. `-` is standard input.
    pub fn of(name: &Path) -> Self {
        if name.as_os_str() == "-" { Self::Stdin } else { Self::File(name.to_owned()) }
    }

    /// Returns the name for people, with control characters made visible.
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "standard input".to_owned(),
            Self::File(path) => visible(&path.to_string_lossy()).into_owned(),
        }
    }
}

/// Why a file cannot be read. Each message continues a sentence that begins with the file's name.
#[derive(Debug, Error)]
pub enum FileError {
    /// The operating system reported an error.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The path is a directory.
    #[error("is a directory. Name the files in it")]
    Directory,
    /// The path is a pipe, a socket or a device.
    #[error("is not a regular file. Pipe it to standard input and name -")]
    Special,
    /// The file is compressed in a format that this program does not decompress.
    #[error("is compressed with {0}. Decompress it, pipe it to standard input and name -")]
    Packed(&'static str),
    /// The compressed data is damaged from the start. The string is a clause.
    #[error("cannot be decompressed: {0}. Nothing in it could be read")]
    Damaged(String),
    /// There is no room to decompress the file, or to store standard input.
    #[error("cannot be copied to a temporary file: {0}")]
    Spool(io::Error),
    /// The file is empty.
    #[error("is empty")]
    Empty,
    /// The file contains something other than JSON records.
    #[error(
        "holds no JSON. Name a snapshot, or LogEvents or deliveries of an event hook as JSON; an event may be up to \
         two levels down under {}",
        wrapped::looked_for()
    )]
    NotJson,
    /// The head of a snapshot cannot be read. The string is a sentence.
    #[error("cannot be read. {0}")]
    Head(String),
}

/// An opened input.
pub(super) struct Opened {
    /// Yields the bytes of the records from the start.
    pub(super) stream: Box<dyn Read + Send>,
    /// The file in which a record can be read again once the stream has yielded it.
    pub(super) file: File,
    /// The length of the input in bytes, if it is known and the stream yields exactly these bytes.
    pub(super) length: Option<u64>,
    /// Whether records must be returned as they come, because a pipe may stay open forever.
    pub(super) is_live: bool,
    /// What is noticed about the stream while it is read.
    pub(super) remarks: Remarks,
}

/// The first bytes and the names of compression formats that are not supported.
const OTHERS: [(&[u8], &str); 3] = [(b"BZh", "bzip2"), (b"\xfd7zXZ", "xz"), (b"PK\x03\x04", "zip")];
/// The bytes needed to recognize a compression format.
const MAGIC: u64 = 6;

/// Whether records are read again later at their places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Again {
    /// They are, so input that is not a plain file is copied to a temporary file.
    Yes,
    /// They are not, so an endless pipe does not fill the disk.
    No,
}

/// Opens an input.
pub(super) fn open(input: &FileInput, again: Again) -> Result<Opened, FileError> {
    // Records are read again with positioned reads, which do not move the file's position.
    let mut plain = None;
    let (mut source, length, is_live): (Box<dyn Read + Send>, _, _) = match input {
        FileInput::Stdin => {
            // Bypass the standard library's buffer, which would hold data back.
            let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
            let is_live = !file.metadata()?.is_file();
            (Box::new(file), None, is_live)
        }
        FileInput::File(path) => {
            let (file, metadata) = open_regular(path).map_err(|error| match not_regular(&error) {
                Some(NotRegular::Directory) => FileError::Directory,
                Some(_) => FileError::Special,
                None => FileError::Read(error),
            })?;
            plain = Some(file.try_clone()?);
            (Box::new(file), Some(metadata.len()), false)
        }
    };
    let magic = peek(&mut source, MAGIC)?;
    if let Some((_, name)) = OTHERS.iter().find(|(first, _)| magic.starts_with(first)) {
        return Err(FileError::Packed(name));
    }
    let is_packed = unpack::is_packed(&magic);
    let is_wide = unpack::utf16(&magic).is_some();
    let whole = Cursor::new(magic).chain(source);
    let remarks = Remarks::default();
    if let (Some(file), Some(length), false) = (plain, length, is_packed || is_wide) {
        // Data added meanwhile is not read, since its last record may be incomplete.
        return Ok(Opened {
            stream: Box::new(whole.take(length)),
            file,
            length: Some(length),
            is_live,
            remarks,
        });
    }
    let mut stream: Box<dyn Read + Send> = Box::new(whole);
    if is_packed {
        stream = Box::new(
            Unpacked::begin(stream, remarks.clone())
                .map_err(|error| FileError::Damaged(error.to_string()))?,
        );
    }
    let mark = peek(&mut stream, 2)?;
    let order = unpack::utf16(&mark);
    stream = Box::new(Cursor::new(mark).chain(stream));
    if let Some(order) = order {
        stream = Box::new(FromUtf16::new(stream, order));
    }
    let file = tempfile::tempfile().map_err(FileError::Spool)?;
    if again == Again::Yes {
        let kept = file.try_clone().map_err(FileError::Spool)?;
        stream = Box::new(Kept { stream, into: kept, unlooked: LOOK });
    }
    Ok(Opened { stream, file, length: None, is_live, remarks })
}

/// Reads the first `count` bytes of a stream, or fewer if it ends before.
fn peek(stream: &mut Box<dyn Read + Send>, count: u64) -> io::Result<Vec<u8>> {
    let mut first = Vec::new();
    stream.by_ref().take(count).read_to_end(&mut first)?;
    Ok(first)
}

/// Returns the size of an input in bytes, if it is known.
pub(super) fn size(input: &FileInput) -> Option<u64> {
    match input {
        FileInput::Stdin => None,
        FileInput::File(path) => path.metadata().ok().map(|metadata| metadata.len()),
    }
}

/// Returns whether a plain file is longer now than when it was opened.
pub(super) fn has_grown(opened: &File, length: Option<u64>) -> bool {
    let now = opened.metadata().map_or(0, |metadata| metadata.len());
    length.is_some_and(|length| now > length)
}

/// A reader that copies everything read through it to a file.
struct Kept<R> {
    stream: R,
    into: File,
    /// Bytes to write before the free space is checked again.
    unlooked: usize,
}

/// The free space to leave on the disk of temporary files. Decompressed data may be a thousand times as long, and other
/// programs need room.
const LEFT_MIN: u64 = 256 << 20;
/// The free space is checked each time this many bytes were written.
const LOOK: usize = 16 << 20;

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.stream.read(out)?;
        self.keep(&out[..count]).map_err(|error| {
            let words =
                format!("it cannot be copied to a temporary file: {error}. TMPDIR sets the folder for it");
            io::Error::new(error.kind(), words)
        })?;
        Ok(count)
    }
}

impl<R> Kept<R> {
    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unlooked = self.unlooked.saturating_sub(bytes.len());
        if self.unlooked == 0 {
            self.unlooked = LOOK;
            let disk = rustix::fs::fstatvfs(&self.into)?;
            if disk.f_bavail.saturating_mul(disk.f_frsize) < LEFT_MIN {
                return Err(io::Error::new(
                    io::ErrorKind::StorageFull,
                    format!("less than {} MB are left on the disk", LEFT_MIN >> 20),
                ));
            }
        }
        self.into.write_all(bytes)
    }
}
