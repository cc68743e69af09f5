//! Runs the real binary as a child process, in its own folder, without the test's environment. Tests wait for a state
//! of its output, with a time limit. If the limit passes, the panic message contains all output.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tempfile::TempDir;

/// The only token that the simulated orgs of these tests accept. It must not appear anywhere.
pub(crate) const TOKEN: &str = "00TokenThatNobodyMayEverSee";

/// The time limit for a state. `tail --once` alone may look up persons for 30 s.
const LIMIT: Duration = Duration::from_mins(1);

/// A value that threads change and a test waits for.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    moved: Condvar,
}

/// The text for the panic message when the limit passes.
pub(crate) trait Tell {
    fn tell(&self) -> String;
}

impl<T: Tell> Watched<T> {
    pub(crate) fn new(value: T) -> Arc<Self> {
        Arc::new(Self { value: Mutex::new(value), moved: Condvar::new() })
    }

    /// Changes or reads the value, and wakes the threads that wait for it.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.value.lock().unwrap_or_else(PoisonError::into_inner));
        self.moved.notify_all();
        result
    }

    /// Waits until `look` returns a value.
    #[track_caller]
    pub(crate) fn wait<R>(&self, what: &str, mut look: impl FnMut(&T) -> Option<R>) -> R {
        let mut found = None;
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        let (value, _) = self
            .moved
            .wait_timeout_while(value, LIMIT, |value| {
                found = look(value);
                found.is_none()
            })
            .unwrap_or_else(PoisonError::into_inner);
        let told = value.tell();
        drop(value);
        found.unwrap_or_else(|| panic!("{what} did not come within {LIMIT:?}; seen:\n{told}"))
    }
}

/// The output of a process so far.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    /// The number of complete lines of standard output, counted incrementally, since it is read for each piece.
    pub(crate) lines: usize,
    partial: [Vec<u8>; 2],
    open: usize,
    pub(crate) ended: bool,
}

impl Tell for Said {
    fn tell(&self) -> String {
        let start: String = self.out.chars().take(2000).collect();
        format!("ended: {}\nstdout: {start}\nstderr: {}", self.ended, self.err)
    }
}

/// The whole output of a process and its exit code, which is `None` if a signal killed it.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A running process of the program. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    said: Arc<Watched<Said>>,
}

impl Process {
    /// Starts a command and reads its output.
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::over(one_at_a_time(|| command.spawn()).expect("the binary starts"))
    }

    /// Reads the output pipes of a child that were not taken.
    pub(crate) fn over(mut child: Child) -> Self {
        let out = child.stdout.take().map(|pipe| (0, Box::new(pipe) as Box<dyn Read + Send>));
        let err = child.stderr.take().map(|pipe| (1, Box::new(pipe) as Box<dyn Read + Send>));
        let pipes: Vec<_> = [out, err].into_iter().flatten().collect();
        let said = Watched::new(Said { open: pipes.len(), ..Said::default() });
        for (which, mut pipe) in pipes {
            let said = Arc::clone(&said);
            std::thread::spawn(move || {
                let mut piece = [0; 1 << 14];
                while let Ok(length @ 1..) = pipe.read(&mut piece) {
                    said.with(|said| said.take(which, &piece[..length]));
                }
                said.with(|said| said.open -= 1);
            });
        }
        let ended = Arc::clone(&said);
        on_end(child.id(), move || ended.with(|said| said.ended = true));
        Self { child, said }
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the output meets a condition.
    #[track_caller]
    pub(crate) fn wait<R>(&self, what: &str, look: impl FnMut(&Said) -> Option<R>) -> R {
        self.said.wait(what, look)
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        send(self.id(), signal);
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Output {
        self.said.wait("the end of the process", |said| (said.ended && said.open == 0).then_some(()));
        let status = self.child.wait().expect("it has ended");
        self.said.with(|said| Output {
            code: status.code(),
            out: std::mem::take(&mut said.out),
            err: std::mem::take(&mut said.err),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Said {
    /// Adds a piece of a stream. An incomplete character waits for the rest of its bytes.
    fn take(&mut self, which: usize, piece: &[u8]) {
        let partial = &mut self.partial[which];
        partial.extend_from_slice(piece);
        let whole = match std::str::from_utf8(partial) {
            Ok(text) => text.len(),
            Err(error) => {
                assert!(error.error_len().is_none(), "everything said is UTF-8");
                error.valid_up_to()
            }
        };
        let whole: Vec<u8> = partial.drain(..whole).collect();
        let text = String::from_utf8(whole).expect("looked at before");
        if which == 0 {
            self.lines += text.matches('\n').count();
            self.out.push_str(&text);
        } else {
            self.err.push_str(&text);
        }
    }
}

/// Prevents other threads from starting a process meanwhile, since it would inherit a terminal or pipe that is being
/// created, and keep it open.
pub(crate) fn one_at_a_time<R>(start: impl FnOnce() -> R) -> R {
    static STARTING: Mutex<()> = Mutex::new(());
    let _guard = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    start()
}

/// Calls back once a child process has ended. The process is not reaped, so that its id is not reused.
pub(crate) fn on_end(id: u32, tell: impl FnOnce() + Send + 'static) {
    std::thread::spawn(move || {
        // An error means that it was reaped already.
        waitid(WaitId::Pid(pid(id)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).ok();
        tell();
    });
}

/// Sends a signal to a child that is not reaped yet.
pub(crate) fn send(id: u32, signal: Signal) {
    kill_process(pid(id), signal).expect("the child is there");
}

fn pid(id: u32) -> Pid {
    i32::try_from(id).ok().and_then(Pid::from_raw).expect("the number of a child")
}

/// The folder for home, configuration and data of the processes of one test.
#[derive(Debug)]
pub(crate) struct Sandbox(TempDir);

/// The name of the configuration file, if a test writes one and names no other.
pub(crate) const CONFIG: &str = "default.toml";

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Returns a path inside the folder.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside)
    }

    /// Returns the whole environment of a process, with or without an org.
    pub(crate) fn environment(&self, org: Option<&str>) -> Vec<(&'static str, String)> {
        let home = self.path("home").to_string_lossy().into_owned();
        let data = self.path("data").to_string_lossy().into_owned();
        let mut pairs =
            vec![("HOME", home), ("CONSENTWATCH_DATA_DIR", data), ("TERM", "xterm-256color".into())];
        let config = self.path(CONFIG);
        if config.exists() {
            pairs.push(("CONSENTWATCH_CONFIG", config.to_string_lossy().into_owned()));
        }
        pairs.extend(std::env::var("PATH").map(|path| ("PATH", path)));
        if let Some(org) = org {
            pairs.push(("OKTA_CLIENT_ORGURL", org.to_owned()));
            pairs.push(("OKTA_CLIENT_TOKEN", TOKEN.to_owned()));
        }
        pairs
    }

    /// Returns a command that runs the program with these arguments in the sandbox.
    pub(crate) fn command(&self, org: Option<&str>, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consentwatch"));
        command.env_clear().envs(self.environment(org)).current_dir(self.0.path()).args(args);
        command
    }

    /// Starts the program on an org.
    pub(crate) fn start(&self, org: &Sim, args: &[&str]) -> Process {
        Process::start(&mut self.command(Some(&org.url), args))
    }
}

/// A simulated org in its own process.
#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) process: Process,
    pub(crate) url: String,
    /// The number of consents by kind, and their `total`.
    pub(crate) held: Vec<(String, usize)>,
}

impl Sim {
    /// Starts an org that accepts [`TOKEN`]. It has no live events unless `more` sets a rate.
    pub(crate) fn start(backlog: usize, more: &[&str]) -> Self {
        let backlog = backlog.to_string();
        let args = ["sim", "--listen", "127.0.0.1:0", "--token", TOKEN, "--backlog", &backlog];
        let rate: &[&str] = if more.contains(&"--rate") { &[] } else { &["--rate", "0"] };
        let sandbox = Sandbox::new();
        let process = Process::start(&mut sandbox.command(None, &[&args, rate, more].concat()));
        let is_total = |line: &str| line.starts_with("total ");
        let text = process.wait("the counts of the simulated org", |said| {
            (said.out.ends_with('\n') && said.out.lines().any(is_total)).then(|| said.out.clone())
        });
        let mut lines = text.lines();
        let url =
            lines.next().and_then(|line| line.strip_prefix("listening on ")).expect("the address is first");
        let held = lines
            .filter(|line| !line.starts_with("service app "))
            .map(|line| {
                let (kind, count) = line.split_once(' ').expect("a kind and a count");
                (kind.to_owned(), count.parse().expect("a count"))
            })
            .collect();
        Self { url: url.to_owned(), held, process }
    }

    /// Returns the number of consents.
    pub(crate) fn total(&self) -> usize {
        self.held.iter().find(|(kind, _)| kind == "total").map_or(0, |(_, count)| *count)
    }
}
