//! The log file. It is never written to the terminal that shows the screen.

use std::fs::{self, File};
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::signal::unix::{SignalKind, signal};
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::consent::replace_hidden;
use crate::safe_file::{self, Appended};

/// The size in bytes at which the file is renamed to `<file>.1`, which replaces the one before, and a new file begins.
pub const BYTES_MAX: u64 = 10 * 1024 * 1024;

/// The most bytes of a line. A line that was cut ends with `…`. Text from outside must not fill the log.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// The reason why no log is written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file or its folder cannot be created or opened.
    #[error("the log file {path:?} cannot be opened: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file is a terminal, and the screen is shown on a terminal.
    #[error("{path:?} is a terminal, and log lines would disturb the screen")]
    Terminal {
        /// The path.
        path: PathBuf,
    },
    /// The log of this process was started before.
    #[error("the log was already started")]
    Twice,
}

/// Starts the log: events are appended to a file that only its owner may read, or written to a pipe or character device
/// such as `/dev/stderr`.
///
/// `level` applies to this program's events. From libraries, only warnings and errors are logged, since more detailed
/// events could contain secrets of a request. With `has_screen`, a terminal is refused.
pub fn start(path: &Path, level: LevelFilter, has_screen: bool) -> Result<(), LogError> {
    let file = Rotating::open(path, BYTES_MAX)?;
    if has_screen && file.file.is_terminal() {
        return Err(LogError::Terminal { path: path.to_owned() });
    }
    let log = Log(Arc::new(Mutex::new(file)));
    tracing::subscriber::set_global_default(subscriber(log.clone(), level)).map_err(|_| LogError::Twice)?;
    // This cannot fail, since the line above succeeds only once.
    LOG.set(log).ok();
    Ok(())
}

/// The log of this process, if it was started.
static LOG: OnceLock<Log> = OnceLock::new();

/// Reopens the log file at each SIGHUP, as long as the returned future is polled. `logrotate` sends it after it moved
/// the file. If the path cannot be opened, the old file stays in use. SIGHUP no longer ends the process.
///
/// # Errors
/// The signal handler cannot be installed.
pub fn reopen_on_hangup() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut hangups = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangups.recv().await.is_some() {
            let Some(log) = LOG.get() else { continue };
            let reopened = log.0.lock().unwrap_or_else(PoisonError::into_inner).reopen();
            match reopened {
                Ok(()) => tracing::info!("The log file was reopened after SIGHUP."),
                Err(error) => {
                    tracing::warn!(%error, "SIGHUP: the log file cannot be reopened; the old one stays in use.");
                }
            }
        }
    })
}

fn subscriber(log: Log, level: LevelFilter) -> impl Subscriber + Send + Sync + 'static {
    let others = level.min(LevelFilter::WARN);
    let filter = EnvFilter::new(format!("{others},consentwatch={level}"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(log)
        .with_ansi(false)
        // Internal errors would go to standard error and disturb the screen.
        .log_internal_errors(false)
        .finish()
}

#[derive(Clone)]
struct Log(Arc<Mutex<Rotating>>);

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for Log {
    /// Writes one event. The formatter passes it as one line with its end.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // If the disk is full, only lines of the log are lost.
        drop(file.append(&escaped(line)));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Escapes control characters and invisible characters, except the final line end, so that a log can be shown on a
/// terminal. Cuts a long line.
fn escaped(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = replace_hidden(text, |out, c| out.extend(c.escape_unicode()));
    let most = LINE_BYTES_MAX - "…\n".len();
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let (kept, cut) = text.split_at(end);
    let mut out = kept.as_bytes().to_vec();
    if !cut.is_empty() {
        out.extend_from_slice("…".as_bytes());
    }
    out.push(b'\n');
    out
}

/// A log file with a size limit, or a stream without one.
#[derive(Debug)]
struct Rotating {
    path: PathBuf,
    file: File,
    is_stream: bool,
    written: u64,
    most: u64,
}

impl Rotating {
    fn open(path: &Path, most: u64) -> Result<Self, LogError> {
        let error = |source| LogError::Open { path: path.to_owned(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            safe_file::create_folder(folder).map_err(error)?;
        }
        let (file, is_stream) = match safe_file::append(path).map_err(error)? {
            Appended::File(file) => (file, false),
            Appended::Stream(stream) => (stream, true),
        };
        let written = if is_stream { 0 } else { file.metadata().map_err(error)?.len() };
        Ok(Self { path: path.to_owned(), file, is_stream, written, most })
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_stream {
            return self.file.write_all(line);
        }
        if self.written.saturating_add(line.len() as u64) > self.most {
            self.turn()?;
        }
        self.file.write_all(line)?;
        self.written += line.len() as u64;
        Ok(())
    }

    /// Continues in the file that is at the path now, or in a new one. A stream stays as it is.
    fn reopen(&mut self) -> Result<(), LogError> {
        if !self.is_stream {
            *self = Self::open(&self.path, self.most)?;
        }
        Ok(())
    }

    /// Renames the file, unless another process that writes to it did so before, and continues in a new one.
    fn turn(&mut self) -> io::Result<()> {
        let ours = self.file.metadata()?;
        let is_same =
            fs::metadata(&self.path).is_ok_and(|now| (now.dev(), now.ino()) == (ours.dev(), ours.ino()));
        if is_same {
            let mut aside = self.path.clone().into_os_string();
            aside.push(".1");
            fs::rename(&self.path, aside)?;
        }
        // If something other than a regular file is there now, the old file stays in use.
        if let Ok(Appended::File(file)) = safe_file::append(&self.path) {
            self.file = file;
        }
        self.written = self.file.metadata()?.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_line_stays_one_line_and_harmless() {
        assert_eq!(
            escaped("a\x1b[2J\r\nb\u{9b}c\u{202e}d é\n".as_bytes()),
            "a\\u{1b}[2J\\u{d}\\u{a}b\\u{9b}c\\u{202e}d é\n".as_bytes()
        );
        assert_eq!(escaped(b"\xff"), "\u{fffd}\n".as_bytes());
        // Both are invisible. A terminal may interpret the first, and the second may hide text.
        assert_eq!(escaped("a\u{00ad}b\u{e0041}c\n".as_bytes()), b"a\\u{ad}b\\u{e0041}c\n");
    }

    #[test]
    fn events_come_into_a_file_of_the_owners() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/consentwatch.log");
        let file = Rotating::open(&path, BYTES_MAX).unwrap();
        let subscriber = subscriber(Log(Arc::new(Mutex::new(file))), LevelFilter::INFO);
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(target: "consentwatch::poll", host = "x\x1b[1my\nz", "Said.");
            tracing::debug!(target: "consentwatch::poll", "Too fine.");
            tracing::info!(target: "hyper", "Not ours.");
            tracing::warn!(target: "hyper", "A warning.");
        });
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("Said.") && text.contains("A warning."), "{text}");
        assert!(!text.contains('\x1b'), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_full_file_moves_aside_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut file = Rotating::open(&path, 10).unwrap();
        let mut other = Rotating::open(&path, 10).unwrap();
        file.append(b"12345678\n").unwrap();
        other.written = 9;
        file.append(b"abc\n").unwrap();
        // The other process sees that its file was renamed already, and does not rename the new one.
        other.append(b"def\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "abc\ndef\n");
        assert_eq!(fs::read_to_string(folder.path().join("a.log.1")).unwrap(), "12345678\n");
    }

    #[test]
    fn a_log_that_was_moved_away_is_opened_again_at_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("a.log"), folder.path().join("moved"));
        let mut file = Rotating::open(&path, 20).unwrap();
        file.append(b"before\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        file.append(b"still\n").unwrap();
        file.reopen().unwrap();
        file.append(b"after\n").unwrap();
        assert_eq!(fs::read_to_string(&moved).unwrap(), "before\nstill\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "after\n");
        // A folder cannot be a log, so the open file stays in use.
        fs::rename(&path, folder.path().join("other")).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(file.reopen(), Err(LogError::Open { .. })));
        file.append(b"on\n").unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("other")).unwrap(), "after\non\n");
    }

    #[test]
    fn a_log_of_before_becomes_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        fs::write(&path, "before\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        Rotating::open(&path, 100).unwrap().append(b"after\n").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap(), "before\nafter\n");
    }

    #[test]
    fn a_planted_link_is_refused_and_its_target_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, path) = (folder.path().join("victim"), folder.path().join("a.log"));
        fs::write(&victim, "precious").unwrap();
        fs::set_permissions(&victim, Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        for path in [&*path, folder.path()] {
            let refused = Rotating::open(path, 4).unwrap_err().to_string();
            assert!(refused.contains("symbolic link") || refused.contains("directory"), "{refused}");
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(fs::metadata(&victim).unwrap().mode() & 0o777, 0o644);
        // A link that is planted when the file is renamed is not followed either.
        fs::remove_file(&path).unwrap();
        let mut log = Rotating::open(&path, 10).unwrap();
        log.append(b"12345678\n").unwrap();
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        log.append(b"87654321\n").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    }

    #[test]
    fn a_pipe_or_device_takes_lines_and_is_never_moved_aside() {
        let mut log = Rotating::open(Path::new("/dev/null"), 4).unwrap();
        log.append(b"longer than four\n").unwrap();
        assert!(log.is_stream && !Path::new("/dev/null.1").exists());
    }

    #[test]
    fn a_line_ends_somewhere() {
        for c in ["x", "é", "\u{9b}"] {
            let line = escaped(format!("{}\n", c.repeat(20_000)).as_bytes());
            assert!(line.len() <= LINE_BYTES_MAX && line.len() > LINE_BYTES_MAX - 10, "{}", line.len());
            assert!(line.ends_with("…\n".as_bytes()));
        }
    }
}
