//! Opens files so that a hostile file system can neither hang the program nor turn it against its user.
//!
//! Every module must open files with these functions, which `tests/layers.rs` checks. The rules are:
//!
//! * A file that is **only read** may be a symbolic link, since Kubernetes and systemd make such links. The opened
//!   target must be a regular file, and its size is limited.
//! * A file that is **created or written** must not be a symbolic link, since an attacker could plant one to have
//!   another of the user's files changed. It is private to its owner, independent of the umask. The folder may be a
//!   link.

use std::fs::{self, DirBuilder, File, FileType, Metadata, OpenOptions, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use thiserror::Error;
use zeroize::Zeroizing;

/// The most bytes of a configuration, certificate or key file: 1 MiB.
pub const BYTES_MAX: u64 = 1 << 20;

/// The mode of a file that only its owner may read and write.
const PRIVATE: u32 = 0o600;

/// What was found at a path instead of a regular file. It is the inner error of an [`io::Error`], and [`not_regular`]
/// returns it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum NotRegular {
    /// A symbolic link that is not followed.
    #[error("it is a symbolic link, and links are not followed here")]
    Link,
    /// A directory.
    #[error("it is a directory, not a regular file")]
    Directory,
    /// A named or unnamed pipe.
    #[error("it is a pipe, not a regular file")]
    Pipe,
    /// A socket.
    #[error("it is a socket, not a regular file")]
    Socket,
    /// A character or block device.
    #[error("it is a device, not a regular file")]
    Device,
}

/// Returns what was found instead of a regular file, or `None` if the error has another reason.
pub fn not_regular(error: &io::Error) -> Option<NotRegular> {
    error.get_ref()?.downcast_ref().copied()
}

/// Returns the type of a file, or `None` if it is a regular file.
fn kind(kind: FileType) -> Option<NotRegular> {
    if kind.is_file() {
        None
    } else if kind.is_symlink() {
        Some(NotRegular::Link)
    } else if kind.is_dir() {
        Some(NotRegular::Directory)
    } else if kind.is_fifo() {
        Some(NotRegular::Pipe)
    } else if kind.is_socket() {
        Some(NotRegular::Socket)
    } else {
        Some(NotRegular::Device)
    }
}

fn refuse(metadata: &Metadata) -> io::Result<()> {
    kind(metadata.file_type()).map_or(Ok(()), |kind| Err(io::Error::other(kind)))
}

/// Returns flags for opening a file that may have been replaced: a pipe must not block, and a terminal must not become
/// our controlling terminal.
fn harmless() -> OFlags {
    OFlags::NONBLOCK | OFlags::NOCTTY
}

/// Opens a regular file for reading, following symbolic links. The metadata is of the opened file (`fstat`).
///
/// # Errors
/// The file cannot be opened, or it is not a regular file: see [`not_regular`].
pub fn open_regular(path: &Path) -> io::Result<(File, Metadata)> {
    // Opening some devices has side effects, so they are not opened.
    refuse(&fs::metadata(path)?)?;
    let file = OpenOptions::new().read(true).custom_flags(harmless().bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    refuse(&metadata)?;
    Ok((file, metadata))
}

/// Opens a folder, for example to sync its entries.
pub fn open_folder(path: &Path) -> io::Result<File> {
    let flags = OFlags::DIRECTORY | harmless();
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// The content of a file.
pub struct Content {
    /// The bytes. They are wiped from memory when dropped, since any file may contain a secret.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Its permission bits.
    pub mode: u32,
}

/// Reads a regular file of at most `most` bytes, following symbolic links.
///
/// # Errors
/// As [`open_regular`]; [`io::ErrorKind::FileTooLarge`] beyond the limit.
pub fn read_regular(path: &Path, most: u64) -> io::Result<Content> {
    let (file, metadata) = open_regular(path)?;
    let too_large = || {
        let words = format!("it is larger than {} KiB", most / 1024);
        io::Error::new(io::ErrorKind::FileTooLarge, words)
    };
    if metadata.len() > most {
        return Err(too_large());
    }
    // If the capacity were smaller than `read_to_end` needs to detect the end, the vector would be reallocated and
    // leave a copy in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 64));
    // Some file systems report no length, so the limit is checked again.
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_large());
    }
    Ok(Content { bytes, mode: metadata.mode() & 0o7777 })
}

/// Reads a regular text file; see [`read_regular`].
///
/// # Errors
/// As [`read_regular`]; [`io::ErrorKind::InvalidData`] if it is not UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<(Zeroizing<String>, u32)> {
    let Content { bytes, mode } = read_regular(path, most)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))?;
    Ok((Zeroizing::new(text.to_owned()), mode))
}

/// Opens one of the program's own files, without following a link at the last component and without blocking.
fn open_own(options: &mut OpenOptions, path: &Path) -> io::Result<(File, Metadata)> {
    let flags = OFlags::NOFOLLOW | harmless();
    let file =
        options.mode(PRIVATE).custom_flags(flags.bits().cast_signed()).open(path).map_err(|error| {
            // FreeBSD returns MLINK where other systems return LOOP.
            let is_link =
                [Errno::LOOP, Errno::MLINK].iter().any(|no| error.raw_os_error() == Some(no.raw_os_error()));
            if is_link { io::Error::other(NotRegular::Link) } else { error }
        })?;
    let metadata = file.metadata()?;
    Ok((file, metadata))
}

/// Opens a regular file for reading and writing, without truncating it. If it is missing, it is created and private to
/// its owner.
///
/// # Errors
/// The file cannot be opened, or it is a link or not a regular file: see [`not_regular`].
pub fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let (file, metadata) = open_own(options.read(true).write(true).create(true).truncate(false), path)?;
    refuse(&metadata)?;
    Ok(file)
}

/// Creates a file that is private to its owner.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if anything exists at the path, including a link.
pub fn create_new(path: &Path) -> io::Result<File> {
    open_own(OpenOptions::new().write(true).create_new(true), path).map(|(file, _)| file)
}

/// Creates a folder and its missing parents, each private to its owner. An existing folder is not changed.
pub fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A file that lines are appended to.
#[derive(Debug)]
pub enum Appended {
    /// A regular file that is private to its owner.
    File(File),
    /// A pipe, a character device or one of our standard streams. It is neither renamed nor made private.
    Stream(File),
}

/// Opens a file for appending. A regular file is created if it is missing, and made private to its owner.
///
/// A pipe or character device is opened as it is. Writing to a full pipe fails instead of blocking. `/dev/stdout` and
/// `/dev/stderr` stand for our standard streams, even if these are sockets.
///
/// # Errors
/// The file cannot be opened, the pipe has no reader, or it is a link, folder, socket or block device: see
/// [`not_regular`].
pub fn append(path: &Path) -> io::Result<Appended> {
    let own = |stream: rustix::io::Result<std::os::fd::OwnedFd>| Ok(Appended::Stream(File::from(stream?)));
    match path.to_str() {
        Some("/dev/stdout") => return own(rustix::io::fcntl_dupfd_cloexec(io::stdout(), 3)),
        Some("/dev/stderr") => return own(rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3)),
        _ => {}
    }
    let takes_lines = |metadata: &Metadata| {
        let kind = metadata.file_type();
        if kind.is_fifo() || kind.is_char_device() { Ok(()) } else { refuse(metadata) }
    };
    // Opening some devices has side effects, so they are not opened.
    match path.symlink_metadata() {
        Ok(there) => takes_lines(&there)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let (file, metadata) = open_own(OpenOptions::new().append(true).create(true), path)?;
    takes_lines(&metadata)?;
    if !metadata.is_file() {
        return Ok(Appended::Stream(file));
    }
    if metadata.mode() & 0o7777 != PRIVATE {
        file.set_permissions(Permissions::from_mode(PRIVATE))?;
    }
    Ok(Appended::File(file))
}

/// The owner and permissions of a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FolderRights {
    /// The user id of its owner.
    pub owner: u32,
    /// Its permission bits.
    pub mode: u32,
    /// The effective user id of this process.
    pub us: u32,
}

impl FolderRights {
    /// Reads the owner and permissions of a folder, following links. Returns `None` if nothing exists at the path.
    pub fn of(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self {
                owner: metadata.uid(),
                mode: metadata.mode() & 0o7777,
                us: rustix::process::geteuid().as_raw(),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns whether it belongs to an account other than ours and root. Such an owner can put any file into it.
    pub fn is_foreign(self) -> bool {
        self.owner != self.us && self.owner != 0
    }

    /// Returns whether every account may write in it.
    pub fn is_world_writable(self) -> bool {
        self.mode & 0o002 != 0
    }

    /// Returns whether its group may write in it.
    pub fn is_group_writable(self) -> bool {
        self.mode & 0o020 != 0
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn pipe(folder: &tempfile::TempDir) -> PathBuf {
        let path = folder.path().join("pipe");
        mkfifoat(CWD, &path, Mode::RWXU).unwrap();
        path
    }

    #[track_caller]
    fn refused<T>(result: io::Result<T>) -> Option<NotRegular> {
        not_regular(&result.err().expect("it is refused"))
    }

    #[test]
    fn what_is_read_may_be_a_link_and_must_be_a_regular_file() {
        let folder = folder();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "abc").unwrap();
        symlink(&file, &link).unwrap();
        assert_eq!(read_regular(&link, 3).unwrap().bytes.as_slice(), b"abc");
        assert_eq!(read_regular(&link, 2).err().unwrap().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(refused(open_regular(&pipe(&folder))), Some(NotRegular::Pipe));
        assert_eq!(refused(open_regular(Path::new("/dev/zero"))), Some(NotRegular::Device));
        assert_eq!(refused(open_regular(folder.path())), Some(NotRegular::Directory));
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        assert_eq!(refused(open_regular(&socket)), Some(NotRegular::Socket));
        let missing = open_regular(&folder.path().join("none")).unwrap_err();
        assert_eq!((missing.kind(), not_regular(&missing)), (io::ErrorKind::NotFound, None));
    }

    #[test]
    fn what_is_written_is_never_reached_through_a_link() {
        let folder = folder();
        let (victim, link) = (folder.path().join("victim"), folder.path().join("link"));
        fs::write(&victim, "precious").unwrap();
        fs::set_permissions(&victim, Permissions::from_mode(0o644)).unwrap();
        symlink(&victim, &link).unwrap();
        assert_eq!(refused(open_private(&link)), Some(NotRegular::Link));
        assert_eq!(refused(append(&link)), Some(NotRegular::Link));
        assert_eq!(create_new(&link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        let nowhere = folder.path().join("nowhere");
        let dangling = folder.path().join("dangling");
        symlink(&nowhere, &dangling).unwrap();
        assert_eq!(refused(open_private(&dangling)), Some(NotRegular::Link));
        assert_eq!(refused(append(&dangling)), Some(NotRegular::Link));
        assert!(!nowhere.exists());
        assert_eq!(fs::read(&victim).unwrap(), b"precious");
        assert_eq!(fs::metadata(&victim).unwrap().mode() & 0o777, 0o644);
    }

    #[test]
    fn what_is_written_is_the_owners_and_regular() {
        let folder = folder();
        for path in ["a", "b", "c"].map(|name| folder.path().join(name)) {
            match path.file_name().unwrap().to_str().unwrap() {
                "a" => drop(open_private(&path).unwrap()),
                "b" => drop(create_new(&path).unwrap()),
                _ => drop(append(&path).unwrap()),
            }
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600, "{path:?}");
        }
        assert_eq!(refused(open_private(&pipe(&folder))), Some(NotRegular::Pipe));
    }

    #[test]
    fn lines_may_go_to_a_pipe_that_somebody_reads_and_to_a_device() {
        let folder = folder();
        let path = pipe(&folder);
        assert!(append(&path).is_err(), "nobody reads it");
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let mut reader = OpenOptions::new().read(true).custom_flags(flags).open(&path).unwrap();
        let Appended::Stream(mut stream) = append(&path).unwrap() else { panic!("a pipe is a stream") };
        stream.write_all(b"line\n").unwrap();
        let mut bytes = [0; 5];
        reader.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"line\n");
        assert!(matches!(append(Path::new("/dev/null")), Ok(Appended::Stream(_))));
        assert!(matches!(append(Path::new("/dev/stderr")), Ok(Appended::Stream(_))));
        assert_eq!(refused(append(folder.path())), Some(NotRegular::Directory));
    }

    #[test]
    fn rights_of_a_folder_are_those_of_its_target() {
        let folder = folder();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        create_folder(&real).unwrap();
        symlink(&real, &link).unwrap();
        let rights = FolderRights::of(&link).unwrap().unwrap();
        assert_eq!((rights.mode, rights.owner), (0o700, rights.us));
        assert!(!rights.is_foreign() && !rights.is_world_writable() && !rights.is_group_writable());
        fs::set_permissions(&real, Permissions::from_mode(0o1777)).unwrap();
        let rights = FolderRights::of(&link).unwrap().unwrap();
        assert!(rights.is_world_writable() && rights.is_group_writable());
        assert_eq!(FolderRights::of(&folder.path().join("none")).unwrap(), None);
        assert!(FolderRights { owner: 5, mode: 0o700, us: 6 }.is_foreign());
        assert!(!FolderRights { owner: 0, mode: 0o755, us: 6 }.is_foreign());
    }
}
