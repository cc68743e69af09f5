//! Detects that the process that holds a journal's lock is stopped. It then neither writes nor releases the lock.

use std::fs;
use std::path::Path;

use super::place::{self, FileId};
use crate::safe_file;

/// Returns whether the process with the number `name` is stopped and holds the lock on the file at `path`.
///
/// Reads `/proc`, which only Linux has (proc_pid_stat(5), proc_locks(5)). Returns `false` elsewhere, or if `/proc`
/// cannot be read. Checks the lock because a process in another container may have the same number. The list of open
/// files of a process is no substitute: for a process that protects its secrets, only root can read it.
pub(super) fn is_stopped(name: &str, path: &Path) -> bool {
    let Ok(number) = name.parse::<u32>() else { return false };
    let place = Path::new("/proc").join(number.to_string()).join("stat");
    let Ok(stat) = safe_file::read_regular(&place, safe_file::BYTES_MAX) else { return false };
    state(&stat.bytes) == Some(b'T') && holds(number, path)
}

/// Returns the state of a process from its `stat` line. The process name comes before it, in parentheses, and may
/// contain any bytes.
fn state(stat: &[u8]) -> Option<u8> {
    let end = memchr::memrchr(b')', stat)?;
    stat.get(end + 1..)?.iter().copied().find(|byte| *byte != b' ')
}

/// Returns whether a process holds a lock on a file.
fn holds(number: u32, path: &Path) -> bool {
    let Some((_, file)) = file_id(path) else { return false };
    let locks = safe_file::read_text(Path::new("/proc/locks"), safe_file::BYTES_MAX);
    locks.is_ok_and(|(locks, _)| locks.lines().any(|line| is_lock_of(line, number, file)))
}

/// Returns whether a line of `/proc/locks` is about a lock that a process holds on the file with this inode. Does not
/// compare the device, because some file systems report another one there. The line of a process that waits for a lock
/// has `->` before the kind.
fn is_lock_of(line: &str, number: u32, file: u64) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [_, kind, _, _, process, place, ..] = words[..] else { return false };
    let inode = place.rsplit(':').next();
    kind == "FLOCK" && process.parse() == Ok(number) && inode.map(str::parse) == Some(Ok(file))
}

/// Returns the device and number of the file that a path leads to.
pub(super) fn file_id(path: &Path) -> Option<FileId> {
    fs::metadata(path).ok().map(|found| place::file_id(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_stands_behind_a_name_that_may_hold_anything() {
        assert_eq!(state(b"42 (consentwatch) T 1 42 42 0"), Some(b'T'));
        assert_eq!(state(b"42 (a) T (b) S 1 42 42 0"), Some(b'S'));
        assert_eq!(state(b"42 (\xff\n) R 1"), Some(b'R'));
        for cut in [&b""[..], b"42 (cut", b"42 (cut)", b"42 (cut) "] {
            assert_eq!(state(cut), None, "{}", cut.escape_ascii());
        }
    }

    #[test]
    fn a_process_that_runs_is_not_stopped() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let own = std::process::id().to_string();
        assert!(!is_stopped(&own, file.path()));
        assert!(!is_stopped("another process", file.path()));
        assert!(!is_stopped("4294967295", file.path()));
    }

    #[test]
    fn a_lock_is_of_one_process_and_one_file() {
        let line = "10: FLOCK  ADVISORY  WRITE 4423 fe:00:10068147 0 EOF";
        assert!(is_lock_of(line, 4423, 10_068_147));
        assert!(!is_lock_of(line, 4424, 10_068_147) && !is_lock_of(line, 4423, 10_068_148));
        for other in [
            "10: -> FLOCK  ADVISORY  WRITE 4423 fe:00:10068147 0 EOF",
            "10: POSIX  ADVISORY  WRITE 4423 fe:00:10068147 0 EOF",
            "10: FLOCK",
            "",
        ] {
            assert!(!is_lock_of(other, 4423, 10_068_147), "{other}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_held_lock_is_found_with_who_holds_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!holds(std::process::id(), file.path()));
        file.as_file().try_lock().unwrap();
        assert!(holds(std::process::id(), file.path()));
        assert!(!holds(std::process::id() + 1, file.path()));
    }
}
