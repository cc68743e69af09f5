//! Who writes a journal: the process that holds the lock beside it.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use crate::consent::visible;
use crate::safe_file;

/// Held while this process writes; the system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// The file that is locked; the lock lives as long as it is open.
    pub(super) fn file(&self) -> &File {
        &self.0
    }
}

/// What came of asking for the lock.
#[derive(Debug)]
pub(super) enum Asked {
    /// It is ours.
    Held(Lock),
    /// Somebody else holds it and left this name.
    Elsewhere(String),
}

/// Asks for the lock, without waiting. The file stays behind when the lock is let go: removing it would let two
/// processes hold two files of one name.
pub(super) fn ask(path: &Path) -> io::Result<Asked> {
    let mut file = safe_file::open_private(path)?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            file.rewind()?;
            write!(file, "{}", std::process::id())?;
            Ok(Asked::Held(Lock(file)))
        }
        Err(TryLockError::WouldBlock) => Ok(Asked::Elsewhere(holder(&file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Returns the name that the holder of the lock left, or `None` if nobody holds it.
///
/// To find that out the lock is shared for a moment where it is free, so that several may look at once.
pub(super) fn holder_now(path: &Path) -> io::Result<Option<String>> {
    // A lock that was removed may still be held, under no name; one that is made here would say that nobody does.
    let (file, _) = safe_file::open_regular(path)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(holder(&file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// A process number has at most this many bytes, and a name need not be longer.
const HOLDER_MAX: u64 = 32;

fn holder(file: &File) -> String {
    let mut bytes = Vec::new();
    // Where locks are mandatory the text cannot be read, which is no reason not to follow.
    let _unreadable = file.take(HOLDER_MAX).read_to_end(&mut bytes).is_err();
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim();
    if text.is_empty() { "another process".to_owned() } else { visible(text).into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_to_ask_learns_who_was_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.lock");
        let first = ask(&path).unwrap();
        let Asked::Elsewhere(holder) = ask(&path).unwrap() else { panic!("the lock was given out twice") };
        assert_eq!(holder, std::process::id().to_string());
        assert_eq!(holder_now(&path).unwrap(), Some(holder));
        drop(first);
        assert_eq!(holder_now(&path).unwrap(), None);
        let other = File::open(&path).unwrap();
        other.try_lock_shared().unwrap();
        assert_eq!(holder_now(&path).unwrap(), None, "somebody else only looks");
        drop(other);
        assert!(matches!(ask(&path).unwrap(), Asked::Held(_)));
    }

    #[test]
    fn a_strange_name_is_made_harmless() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.lock");
        let other = safe_file::open_private(&path).unwrap();
        other.try_lock().unwrap();
        std::fs::write(&path, b"\x1b[2Jpid").unwrap();
        let Asked::Elsewhere(holder) = ask(&path).unwrap() else { panic!("the lock was given out twice") };
        assert_eq!(holder, "^[[2Jpid");
    }
}
