//! Whether the process that holds a journal's lock is stopped. It does not write then, and gives the lock to nobody.

use std::fs;
use std::path::Path;

/// Whether the process of this number is stopped and holds the file at `path` open.
///
/// Linux tells it in `/proc` (proc_pid_stat(5)); elsewhere, or where `/proc` may not be read, nothing is known and the
/// answer is no. The open file is looked for because another container may have another process of the same number.
pub(super) fn is_stopped(name: &str, path: &Path) -> bool {
    let Ok(number) = name.parse::<u32>() else { return false };
    let process = Path::new("/proc").join(number.to_string());
    let Ok(stat) = fs::read(process.join("stat")) else { return false };
    state(&stat) == Some(b'T') && holds(&process, path)
}

/// Returns the state of a process. Its name stands before that, in brackets, and may hold anything.
fn state(stat: &[u8]) -> Option<u8> {
    let end = memchr::memrchr(b')', stat)?;
    stat.get(end + 1..)?.iter().copied().find(|byte| *byte != b' ')
}

fn holds(process: &Path, path: &Path) -> bool {
    let Some(wanted) = file_id(path) else { return false };
    let Ok(open) = fs::read_dir(process.join("fd")) else { return false };
    open.flatten().any(|entry| file_id(&entry.path()) == Some(wanted))
}

/// Returns the device and number of the file that a path leads to.
pub(super) fn file_id(path: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
    }
    #[cfg(not(unix))]
    {
        path.exists().then_some((0, 0))
    }
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
    #[cfg(target_os = "linux")]
    fn an_open_file_is_found_with_who_holds_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let other = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let own = Path::new("/proc/self");
        assert!(holds(own, file.path()));
        assert!(!holds(own, &other), "it was closed");
    }
}
