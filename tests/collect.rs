//! `collect` as a service: what it tells the service manager, health checks, metrics, reloads, and the end.

#[path = "support/process.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod process;
#[path = "support/terminal.rs"]
#[expect(dead_code, reason = "nothing here has a screen")]
mod terminal;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use process::{CONFIG, Process, Sandbox, Sim, TOKEN, send};
use rustix::process::Signal;
use terminal::Terminal;

const LIMIT: Duration = Duration::from_mins(1);
const LISTEN: [&str; 5] = ["collect", "--since", "90d", "--listen", "127.0.0.1:0"];

/// The socket of a service manager.
struct Manager {
    socket: UnixDatagram,
    path: String,
}

impl Manager {
    fn new(sandbox: &Sandbox) -> Self {
        let path = sandbox.path("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        Self { socket, path: path.to_string_lossy().into_owned() }
    }

    /// Reads messages until one has a line that `is` accepts, and returns all lines so far.
    #[track_caller]
    fn until(&self, what: &str, is: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lines = Vec::new();
        while !lines.iter().any(|line: &String| is(line)) {
            let mut message = [0; 8192];
            let length =
                self.socket.recv(&mut message).unwrap_or_else(|error| panic!("{what}: {error}: {lines:?}"));
            let text = std::str::from_utf8(&message[..length]).expect("text");
            lines.extend(text.lines().map(str::to_owned));
        }
        lines
    }
}

/// Sends one request, and returns the whole answer.
fn request(address: &str, head: &str) -> String {
    let mut socket = TcpStream::connect(address).expect("it listens");
    socket.set_read_timeout(Some(LIMIT)).expect("a limit");
    write!(socket, "{head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it is sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    answer
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or_default()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// Returns the address that the program says it answers at.
fn told_address(text: &str) -> Option<String> {
    let rest = text.split_once("Health checks and metrics are at http://")?.1;
    let (address, _) = rest.split_once(|c: char| c.is_whitespace())?;
    Some(address.trim_end_matches('.').to_owned())
}

fn address(process: &Process) -> String {
    process.wait("the address", |said| told_address(&said.err))
}

/// Returns the sum of a metric over all its labels, without fractions.
fn sum(metrics: &str, name: &str) -> i64 {
    let values = metrics.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
    values
        .map(|line| line.rsplit_once(' ').expect("a value").1.parse::<f64>().expect("a number") as i64)
        .sum()
}

fn with_manager(command: &mut Command, manager: &Manager, more: &[(&str, &str)]) -> Process {
    Process::start(command.env("NOTIFY_SOCKET", &manager.path).envs(more.iter().copied()))
}

#[test]
fn a_service_says_when_it_is_ready_well_and_over() {
    let (sandbox, org) = (Sandbox::new(), Sim::start(60, &[]));
    let manager = Manager::new(&sandbox);
    let mut command = sandbox.command(Some(&org.url), &LISTEN);
    let process = with_manager(&mut command, &manager, &[("WATCHDOG_USEC", "600000")]);
    let address = address(&process);
    manager.until("ready", |line| line == "READY=1");
    manager.until("live", |line| line == "STATUS=poll live. journal live.");
    manager.until("a sign of life", |line| line == "WATCHDOG=1");

    assert_eq!(body(&request(&address, "GET /healthz")), "ok\n");
    assert_eq!(body(&request(&address, "GET /readyz")), "ok\n");
    let answer = request(&address, "GET /metrics");
    assert!(
        answer.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{answer}"
    );
    let metrics = body(&answer);
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    // The story has revocations and others beside the consents that it counts.
    assert!(sum(metrics, "consentwatch_events_total") >= org.total() as i64, "{metrics}");
    assert_eq!(
        sum(metrics, "consentwatch_journal_rows"),
        sum(metrics, "consentwatch_events_total"),
        "{metrics}"
    );
    assert_eq!(sum(metrics, "consentwatch_writer"), 1);
    assert!(sum(metrics, "consentwatch_last_good_poll_timestamp_seconds") > 1_700_000_000, "{metrics}");
    assert!(sum(metrics, "consentwatch_okta_rate_limit") > 0, "{metrics}");

    let head = request(&address, "HEAD /healthz");
    assert_eq!((status(&head), body(&head)), ("200", ""));
    assert_eq!(status(&request(&address, "POST /metrics")), "405");
    assert_eq!(status(&request(&address, "GET /metrics/..")), "404");
    assert_eq!(status(&request(&address, &format!("GET /{}", "x".repeat(40_000)))), "431");

    process.signal(Signal::TERM);
    manager.until("the end", |line| line == "STOPPING=1");
    let output = process.end();
    assert_eq!((output.code, output.out.as_str()), (Some(0), ""), "{}", output.err);
    assert!(!output.err.contains(TOKEN) && !answer.contains(TOKEN));
}

#[test]
fn a_second_one_waits_says_so_and_takes_over() {
    let (sandbox, org) = (Sandbox::new(), Sim::start(40, &[]));
    let first = sandbox.start(&org, &LISTEN);
    let one = address(&first);
    first.wait("the log to be read", |said| said.err.contains("poll live.").then_some(()));
    let second = sandbox.start(&org, &LISTEN);
    let other = address(&second);
    let words = format!("Process {} writes this journal", first.id());
    second.wait("who writes", |said| said.err.contains(&words).then_some(()));
    let ready = request(&other, "GET /readyz");
    assert_eq!((status(&ready), body(&ready)), ("503", format!("{words}\n").as_str()));
    assert_eq!(body(&request(&other, "GET /healthz")), "ok\n", "a restart would mend nothing");
    assert_eq!(sum(body(&request(&other, "GET /metrics")), "consentwatch_writer"), 0);
    assert_eq!(body(&request(&one, "GET /readyz")), "ok\n");
    first.signal(Signal::KILL);
    second.wait("the take-over", |said| said.err.contains("poll live.").then_some(()));
    let ready = request(&other, "GET /readyz");
    assert_eq!(body(&ready), "ok\n");
}

#[test]
fn an_address_in_use_is_told_before_anything_is_started() {
    let (sandbox, org) = (Sandbox::new(), Sim::start(1, &[]));
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = taken.local_addr().expect("its address").to_string();
    let output = sandbox.start(&org, &["collect", "--listen", &at]).end();
    assert_eq!(output.code, Some(1));
    assert!(
        output.err.contains("Nothing was started. Name another address with --listen."),
        "{}",
        output.err
    );
    let folders = fs::read_dir(sandbox.path("data")).into_iter().flatten().flatten();
    assert!(!folders.map(|entry| entry.path()).any(|path| path.is_dir()), "no journal was made");
}

#[test]
fn a_hangup_reads_the_configuration_again_and_a_bad_one_changes_nothing() {
    let (sandbox, org) = (Sandbox::new(), Sim::start(40, &[]));
    let manager = Manager::new(&sandbox);
    let configure = |text: &str| fs::write(sandbox.path(CONFIG), text).expect("a file");
    let good = |token: &str| format!("[org]\nurl = \"{}\"\ntoken_env = \"{token}\"\n", org.url);
    configure(&good("GOOD"));
    let more = [("NOTIFY_SOCKET", manager.path.as_str()), ("GOOD", TOKEN), ("BAD", "00refusedToken")];
    // Without a controlling terminal, as a service has none.
    let mut terminal = Terminal::open_in(&sandbox, None, (400, 50), &LISTEN, &more, false);
    terminal.wait("the address", |shown| told_address(&shown.text()).is_some());
    let address = terminal.shown.with(|shown| told_address(&shown.text())).expect("the address");
    manager.until("live", |line| line == "STATUS=poll live. journal live.");

    configure("[org]\nurl = 7\n");
    send(terminal.id, Signal::HUP);
    let lines = manager.until("a reload", |line| line == "RELOADING=1");
    assert!(lines.iter().any(|line| line.starts_with("MONOTONIC_USEC=")), "{lines:?}");
    manager.until("ready again", |line| line == "READY=1");
    terminal.wait("the reason", |shown| shown.has("the one before stays in force") && shown.has("line 2"));
    assert_eq!(body(&request(&address, "GET /readyz")), "ok\n");

    configure(&good("BAD"));
    send(terminal.id, Signal::HUP);
    manager.until("another reload", |line| line == "RELOADING=1");
    manager.until("ready again", |line| line == "READY=1");
    manager.until("the refusal", |line| line.starts_with("STATUS=poll: "));
    let ready = request(&address, "GET /readyz");
    assert!(status(&ready) == "503" && body(&ready).starts_with("poll: "), "{ready}");

    configure(&good("GOOD"));
    send(terminal.id, Signal::HUP);
    manager.until("the log to be read again", |line| line == "STATUS=poll live. journal live.");
    assert_eq!(body(&request(&address, "GET /readyz")), "ok\n");
    send(terminal.id, Signal::TERM);
    terminal.wait("the end of the program", |shown| shown.ended);
    assert_eq!(terminal.child.wait().expect("it has ended").exit_code(), 0);
    terminal
        .shown
        .with(|shown| assert!(!shown.text().contains("00refusedToken") && !shown.text().contains(TOKEN)));
}

#[test]
fn a_reload_whose_journal_cannot_be_opened_changes_nothing() {
    let (sandbox, org, other) = (Sandbox::new(), Sim::start(40, &[]), Sim::start(1, &["--seed", "2"]));
    let manager = Manager::new(&sandbox);
    // Both orgs name one journal, and the first one begins it.
    let configure = |org: &Sim| {
        let text =
            format!("[org]\nurl = \"{}\"\ntoken_env = \"GOOD\"\n[journal]\nname = \"team\"\n", org.url);
        fs::write(sandbox.path(CONFIG), text).expect("a file");
    };
    configure(&org);
    let more = [("NOTIFY_SOCKET", manager.path.as_str()), ("GOOD", TOKEN)];
    let mut terminal = Terminal::open_in(&sandbox, None, (400, 50), &LISTEN, &more, false);
    terminal.wait("the address", |shown| told_address(&shown.text()).is_some());
    let address = terminal.shown.with(|shown| told_address(&shown.text())).expect("the address");
    manager.until("live", |line| line == "STATUS=poll live. journal live.");
    let counted = sum(body(&request(&address, "GET /metrics")), "consentwatch_events_total");
    configure(&other);
    send(terminal.id, Signal::HUP);
    manager.until("a reload", |line| line == "RELOADING=1");
    terminal.wait_words("The configuration before stays in force.");
    manager.until("ready again", |line| line == "READY=1");
    manager.until("live again", |line| line == "STATUS=poll live. journal live.");
    assert_eq!(body(&request(&address, "GET /readyz")), "ok\n");
    let metrics = request(&address, "GET /metrics");
    assert_eq!(sum(body(&metrics), "consentwatch_events_total"), counted, "{metrics}");
    assert!(!metrics.contains(other.url.trim_start_matches("http://")), "{metrics}");
    send(terminal.id, Signal::TERM);
    terminal.wait("the end of the program", |shown| shown.ended);
    assert_eq!(terminal.child.wait().expect("it has ended").exit_code(), 0);
}
