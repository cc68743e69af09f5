//! Creates a file atomically: it gets its name only once all of its content is on the disk.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::safe_file;

/// A file that is being written. If it is dropped, or the process is killed, it leaves nothing behind on file systems
/// that support unnamed files.
#[derive(Debug)]
pub(super) struct Fresh {
    beside: Beside,
    folder: PathBuf,
    path: PathBuf,
}

#[derive(Debug)]
enum Beside {
    #[cfg(target_os = "linux")]
    Nameless(File),
    Named(tempfile::NamedTempFile),
}

impl Fresh {
    /// Creates a file that only its owner may read. Fails if `path` exists.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new(".")).to_owned();
        // A symbolic link counts as existing, even if it is dangling.
        if path.symlink_metadata().is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let beside = Beside::create(&folder)?;
        Ok(Self { beside, folder, path: path.to_owned() })
    }

    /// Returns the file to write to.
    pub(super) fn file(&self) -> &File {
        match &self.beside {
            #[cfg(target_os = "linux")]
            Beside::Nameless(file) => file,
            Beside::Named(file) => file.as_file(),
        }
    }

    /// Syncs the file to disk, then gives it its name without replacing another file. Returns its size in bytes.
    pub(super) fn finish(self) -> io::Result<u64> {
        self.file().sync_all()?;
        let size = self.file().metadata()?.len();
        match self.beside {
            #[cfg(target_os = "linux")]
            Beside::Nameless(file) => link(&file, &self.path)?,
            Beside::Named(file) => {
                file.persist_noclobber(&self.path).map_err(|error| error.error)?;
            }
        }
        safe_file::open_folder(&self.folder)?.sync_all()?;
        Ok(size)
    }
}

/// Writes a file that must not exist, for its owner only. Either all of it is there afterwards, or nothing.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if anything stands there, a link included; or it cannot be written.
pub fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = Fresh::create(path)?;
    fresh.file().write_all(content)?;
    fresh.finish().map(drop)
}

impl Beside {
    fn create(folder: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{Mode, OFlags, open};
            let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
            // Not every file system supports unnamed files. Any other error recurs below and is returned there.
            if Path::new("/proc/self/fd").is_dir()
                && let Ok(file) = open(folder, flags, Mode::RUSR | Mode::WUSR)
            {
                return Ok(Self::Nameless(File::from(file)));
            }
        }
        tempfile::NamedTempFile::new_in(folder).map(Self::Named)
    }
}

#[cfg(target_os = "linux")]
fn link(file: &File, path: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;

    use rustix::fs::{AtFlags, CWD, linkat};
    let held = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(CWD, held, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_file_is_whole_and_its_owners_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let fresh = Fresh::create(&path).unwrap();
        fresh.file().write_all(b"half").unwrap();
        assert!(!path.exists());
        drop(fresh);
        assert_eq!(names(folder.path()), [""; 0]);

        let fresh = Fresh::create(&path).unwrap();
        fresh.file().write_all(b"whole").unwrap();
        assert_eq!(fresh.finish().unwrap(), 5);
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["new"]);
    }

    #[test]
    fn what_stands_there_stays_even_if_it_came_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("mine"), folder.path().join("link"));
        let fresh = Fresh::create(&path).unwrap();
        fs::write(&path, "mine").unwrap();
        assert_eq!(fresh.finish().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        symlink(folder.path().join("nowhere"), &link).unwrap();
        assert_eq!(Fresh::create(&link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(!folder.path().join("nowhere").exists());
    }

    #[test]
    fn a_file_beside_with_a_name_does_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let named = |path: &Path| Fresh {
            beside: Beside::Named(tempfile::NamedTempFile::new_in(folder.path()).unwrap()),
            folder: folder.path().to_owned(),
            path: path.to_owned(),
        };
        assert_eq!(named(&path).finish().unwrap(), 0);
        assert_eq!(named(&path).finish().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(names(folder.path()), ["new"]);
    }
}
