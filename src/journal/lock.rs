//! Who writes a journal: the process that holds the lock beside it.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use crate::consent::visible;
use crate::safe_file;

/// The lock on the journal, held while this process writes. The system releases it when the process ends, however it
/// ends.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    /// Returns the locked file. The lock lasts as long as the file is open.
    pub(super) fn file(&self) -> &File {
        &self.0
    }
}

/// The result of [`ask`].
#[derive(Debug)]
pub(super) enum Asked {
    /// This process holds the lock.
    Held(Lock),
    /// Another process holds the lock. The text is the name that it left in the file.
    Elsewhere(String),
}

/// Tries to take the lock, without waiting. The file is not removed when the lock is released: otherwise two processes
/// could hold locks on two files of one name.
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
/// To find out, this takes a shared lock for a moment if the lock is free, so several processes may ask at once.
pub(super) fn holder_now(path: &Path) -> io::Result<Option<String>> {
    // The file is not created: a removed lock file may still be locked, and a new one would show no holder.
    let (file, _) = safe_file::open_regular(path)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(holder(&file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The most bytes read of the name of the holder. A process number is shorter.
const HOLDER_MAX: u64 = 32;

fn holder(file: &File) -> String {
    let mut bytes = Vec::new();
    // Where locks are mandatory the name cannot be read. That must not keep this process from following.
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
