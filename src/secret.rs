//! Secrets: a type that does not show its text, and the sources that secrets are read from.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use base64::Engine as _;
use rustix::process::{Pid, Resource, Rlimit, WaitId, WaitIdOptions, setrlimit};
use zeroize::Zeroizing;

use crate::safe_file;

mod scrub;

pub use scrub::{looks_secret, scrub};

/// Protects the secrets in this process's memory. It writes no core dump, and on Linux, other processes of the same
/// account can neither attach to it nor read its memory or environment.
///
/// # Errors
/// The operating system refuses. The error is a warning for the user, and the program can continue.
pub fn protect_memory() -> Result<(), String> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let off = setrlimit(Resource::Core, none);
    // The limit has no effect if core dumps are piped to a program, but this does.
    #[cfg(target_os = "linux")]
    let off = off.and(rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable));
    off.map_err(|error| {
        format!(
            "Core dumps of this process cannot be disabled: {}. It continues, but a crash may write secrets to the \
             disk. Run it under ulimit -c 0.",
            io::Error::from(error)
        )
    })
}

/// A token, key or shared secret. It has no `Display`, its `Debug` shows nothing, and its memory is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Makes a secret from a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Makes a secret of 32 random bytes in base64url, or `None` if the operating system returns no random bytes.
    pub fn random() -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(bytes.as_mut_slice()).ok()?;
        Some(Self::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(*bytes)))
    }

    /// Returns the secret's text, for the code that must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The source of a secret. It is read each time the secret is needed, so a replaced file takes effect without a
/// restart.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that contains only the secret.
    File(PathBuf),
    /// An environment variable, by name.
    Env(String),
    /// A command for `sh -c` that prints the secret.
    Command(String),
    /// The secret itself, from an environment variable or `okta.yaml`.
    Direct(Secret),
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({})", quoted(path)),
            Self::Env(name) => write!(f, "Env({})", variable(name)),
            // A command line may contain a password.
            Self::Command(_) => f.write_str("Command(hidden)"),
            Self::Direct(secret) => secret.fmt(f),
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {}", quoted(path)),
            Self::Env(name) => write!(f, "the variable {}", variable(name)),
            Self::Command(_) => f.write_str("a command"),
            Self::Direct(_) => f.write_str("the environment or okta.yaml"),
        }
    }
}

/// The reason why a secret cannot be read. It quotes neither the secret nor the output of a command.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be opened or read.
    #[error("the secret file {} cannot be read: {source}", quoted(path))]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Every account may write the file, and so replace the secret.
    #[error(
        "every account may write the secret file {} (mode {mode:03o}), so it cannot be trusted; run chmod 600 on it",
        quoted(path)
    )]
    Writable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The variable is not set or not UTF-8.
    #[error("the environment variable {name:?} is not set or not UTF-8")]
    Unset {
        /// The variable's name.
        name: String,
    },
    /// The command cannot be started, or its output cannot be read.
    #[error("the secret command cannot be run")]
    Run(#[source] io::Error),
    /// The command failed.
    #[error("the secret command failed ({how}); run it by hand to see why")]
    Failed {
        /// Its exit code or signal.
        how: String,
    },
    /// The command did not end in time and was killed.
    #[error("the secret command did not end within {} s and was stopped", limit.as_secs())]
    TimedOut {
        /// The time limit.
        limit: Duration,
    },
    /// The secret is longer than [`SecretSource::BYTES_MAX`].
    #[error("{from} gives more than {} KiB, too much for a secret", SecretSource::BYTES_MAX / 1024)]
    TooLong {
        /// The source of the secret.
        from: String,
    },
    /// The secret is empty.
    #[error("{from} is empty")]
    Empty {
        /// The source of the secret.
        from: String,
    },
    /// The secret is not UTF-8.
    #[error("{from} is not UTF-8 text")]
    NotText {
        /// The source of the secret.
        from: String,
    },
}

impl SecretError {
    /// Returns whether the path is a pipe instead of a file.
    pub fn is_pipe(&self) -> bool {
        let Self::File { source, .. } = self else { return false };
        safe_file::not_regular(source) == Some(safe_file::NotRegular::Pipe)
    }
}

impl SecretSource {
    /// The most bytes of a secret. The longest ones in use are private keys of about 3 KiB.
    pub const BYTES_MAX: usize = 64 * 1024;
    /// The most time that a command may take. Some commands use the network. None can ask the user, since they have no
    /// terminal.
    pub const COMMAND_LIMIT: Duration = Duration::from_secs(20);

    /// Reads the secret, without a final line end. Blocks; a command takes up to [`SecretSource::COMMAND_LIMIT`].
    pub fn read(&self) -> Result<Secret, SecretError> {
        match self {
            Self::File(path) => {
                let error = |source| SecretError::File { path: path.clone(), source };
                let (file, metadata) = safe_file::open_regular(path).map_err(error)?;
                let mode = metadata.mode() & 0o777;
                if mode & 0o002 != 0 {
                    return Err(SecretError::Writable { path: path.clone(), mode });
                }
                let bytes = bounded(file).map_err(error)?;
                secret(bytes, &format!("the secret file {}", quoted(path)))
            }
            Self::Env(name) => {
                let shown = variable(name);
                let text = std::env::var(name).map_err(|_| SecretError::Unset { name: shown.to_owned() })?;
                secret(Zeroizing::new(text.into_bytes()), &format!("the environment variable {shown:?}"))
            }
            Self::Command(line) => secret(output(line, Self::COMMAND_LIMIT)?, "the secret command"),
            Self::Direct(secret) => Ok(secret.clone()),
        }
    }

    /// Returns a warning if other accounts may read or change the secret's file.
    pub fn warning(&self) -> Option<String> {
        let Self::File(path) = self else { return None };
        open_to_others("secret file", path)
    }
}

/// Returns a warning if other accounts may read or change a file that contains a secret. `what` names the kind of file.
/// A missing file causes no warning.
pub fn open_to_others(what: &str, path: &Path) -> Option<String> {
    let mode = path.metadata().ok().filter(std::fs::Metadata::is_file)?.mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        format!(
            "Other accounts may read or change the {what} {} (mode {mode:03o}). It is used anyway. Run chmod 600 on it.",
            quoted(path)
        )
    })
}

/// Returns a variable's name for messages. Text that cannot be a name, or looks like a secret, may be the secret
/// itself, so it is replaced by other words.
fn variable(name: &str) -> &str {
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.bytes().next().is_some_and(|b| !b.is_ascii_digit());
    match name {
        _ if !is_name => "(not a variable name)",
        name if looks_secret(name) => "(hidden: it looks like a secret)",
        name => name,
    }
}

/// Reads up to one byte more than the limit, into memory that is wiped and never reallocated.
fn bounded(from: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let most = SecretSource::BYTES_MAX + 1;
    // `read_to_end` needs some spare capacity to detect the end. Without it, the vector would be reallocated and leave
    // a copy in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(most + 64));
    from.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns a path in quotation marks and escaped for a terminal. A part that looks like a secret is hidden, since the
/// secret may have been given instead of a path.
fn quoted(path: &Path) -> String {
    format!("{:?}", scrub(&path.display().to_string()))
}

fn secret(mut bytes: Zeroizing<Vec<u8>>, from: &str) -> Result<Secret, SecretError> {
    let from = || from.to_owned();
    if bytes.len() > SecretSource::BYTES_MAX {
        return Err(SecretError::TooLong { from: from() });
    }
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    if bytes.is_empty() {
        return Err(SecretError::Empty { from: from() });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| SecretError::NotText { from: from() })?;
    Ok(Secret::new(text))
}

/// Runs a command and returns its output. It runs in its own process group, so that its children are killed with it,
/// and without access to our terminal.
fn output(line: &str, limit: Duration) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    let mut child = Command::new("sh")
        .args(["-c", line])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(SecretError::Run)?;
    let (stdout, pid) = (child.stdout.take().expect("it is piped"), pid(&child));
    let (tell, told) = mpsc::sync_channel(1); // It tells once.
    std::thread::spawn(move || {
        let read = bounded(stdout);
        // The process is not reaped here, so that its id is not reused while it may still be killed by that id.
        let ended = rustix::process::waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        // The receiver may have timed out.
        drop(tell.send(read.and_then(|read| ended.map(|_| read).map_err(io::Error::from))));
    });
    let Ok(read) = told.recv_timeout(limit) else {
        end(&mut child, pid);
        return Err(SecretError::TimedOut { limit });
    };
    let read = match read {
        Ok(read) => read,
        Err(error) => {
            end(&mut child, pid);
            return Err(SecretError::Run(error));
        }
    };
    let status = child.wait().map_err(SecretError::Run)?;
    // A command with endless output is killed by its closed pipe. "Too long" is a better message than the signal.
    if status.success() || read.len() > SecretSource::BYTES_MAX {
        return Ok(read);
    }
    Err(SecretError::Failed { how: status.to_string() })
}

fn pid(child: &Child) -> Pid {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process has a positive number")
}

fn end(child: &mut Child, pid: Pid) {
    // The process group may have ended by itself.
    rustix::process::kill_process_group(pid, rustix::process::Signal::KILL).ok();
    child.wait().ok();
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn command(line: &str) -> Result<String, String> {
        let read = SecretSource::Command(line.to_owned()).read();
        read.map(|secret| secret.reveal().to_owned()).map_err(|error| error.to_string())
    }

    fn file(bytes: &[u8]) -> (tempfile::NamedTempFile, SecretSource) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let source = SecretSource::File(file.path().to_owned());
        (file, source)
    }

    #[test]
    fn a_file_gives_all_but_its_last_line_end() {
        for (bytes, secret) in [("abc", "abc"), ("abc\n", "abc"), ("abc\r\n", "abc"), ("a\nb\n\n", "a\nb\n")]
        {
            assert_eq!(file(bytes.as_bytes()).1.read().unwrap().reveal(), secret);
        }
    }

    #[test]
    fn a_file_that_is_no_secret_is_refused_without_quoting_it() {
        for bytes in [&b""[..], b"\n", b"hush\xff", &b"hush".repeat(20_000)] {
            let (_file, source) = file(bytes);
            let error = source.read().unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
        }
        let missing = SecretSource::File("/nonexistent/hush".into()).read().unwrap_err();
        assert!(matches!(missing, SecretError::File { .. }));
    }

    #[test]
    fn a_file_open_to_others_is_warned_of_and_one_that_all_may_write_is_refused() {
        let (file, source) = file(b"abc");
        let set = |mode| file.as_file().set_permissions(std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(source.warning(), None);
        for mode in [0o640, 0o604, 0o660] {
            set(mode);
            assert!(source.warning().unwrap().contains(&format!("mode {mode:03o}")));
            assert_eq!(source.read().unwrap().reveal(), "abc");
        }
        set(0o666);
        let error = source.read().unwrap_err().to_string();
        assert!(error.contains("mode 666") && error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_pipe_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RWXU).unwrap();
        let error = SecretSource::File(path).read().unwrap_err();
        assert!(error.is_pipe() && error.to_string().contains("is a pipe"), "{error}");
    }

    #[test]
    fn a_command_gives_what_it_prints() {
        assert_eq!(command("printf 'abc\\n'").as_deref(), Ok("abc"));
        assert_eq!(command("cat").unwrap_err(), "the secret command is empty");
        assert!(command("echo hush; echo hush >&2; exit 3").unwrap_err().contains("exit status: 3"));
        assert!(command("yes hush").unwrap_err().contains("more than 64 KiB"));
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_all_it_started() {
        let error = output("sleep 600 & sleep 600", Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error, SecretError::TimedOut { .. }));
    }

    #[test]
    fn a_random_one_is_long_and_never_the_same() {
        let (one, other) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_eq!((one.reveal().len(), one == other), (43, false));
    }

    #[test]
    fn debug_shows_no_secret() {
        for source in [SecretSource::Direct(Secret::new("hush")), SecretSource::Command("echo hush".into())] {
            assert!(!format!("{source:?}").contains("hush"));
        }
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let error = SecretSource::Env("CONSENTWATCH_NO_SUCH".into()).read().unwrap_err();
        assert!(error.to_string().contains("CONSENTWATCH_NO_SUCH"));
        // A secret given instead of a variable's name is not shown.
        for secret in ["00hush", "hush+/=", "-----BEGIN hush", "q3Zk9fR2xLw7TnB0vhush8Ue1HsJm4PaDi6Go5KtWXE"]
        {
            let source = SecretSource::Env(secret.into());
            let error = source.read().unwrap_err();
            assert!(!format!("{error} {error:?} {source} {source:?}").contains("hush"), "{error}");
        }
    }
}
