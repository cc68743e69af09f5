//! Runs every command of the documents against a simulated org.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use consentwatch::clock::Clock;
use rustix::process::Signal;

use crate::paper::{Block, at, parts, read};
use crate::port::Port;
use crate::process::{Process, Sandbox, Sim, TOKEN};
use crate::shell::{Line, lines};
use crate::terminal::{Shown, Terminal};

/// Programs that the test runs as written, with the reason.
const RUN: [(&str, &str); 5] = [
    ("consentwatch", "the program"),
    ("export", "sets variables"),
    ("cat", "reads a file into a variable"),
    ("gzip", "packs and unpacks"),
    ("date", "the time of an event"),
];

/// Programs that the test does not run, with the reason. An unknown program fails the test.
const NOT_RUN: [(&str, &str); 5] = [
    ("cargo", "builds and tests; the targets that it names are looked up"),
    ("openssl", "makes a key; the test puts one in its place"),
    ("curl", "not on every machine; another test sends the same requests itself"),
    (".ci/run", "runs this test"),
    (".ci/advisories", "needs the network"),
];

/// Placeholders in the documents, and what the test replaces them with.
const CLIENT_ID: &str = "0oaDDDDDDDDDDDDDD1d7";
const KEY_ID: &str = "sim-key";
/// The address of the simulated org in the guide.
const SIM: &str = "127.0.0.1:8080";
const SECRET: &str = "invented-secret-of-the-hook";

/// A folder, an org and a journal for the commands of one document.
struct Bench {
    sandbox: Sandbox,
    org: Sim,
    more: Vec<(String, String)>,
}

impl Bench {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let key = key.to_pkcs8v1().expect("its form");
        let key = pem::encode(&pem::Pem::new("PRIVATE KEY", key.as_ref()));
        for name in ["okta-key.pem", "key.pem"] {
            private(&sandbox.path(name), &key);
        }
        private(&sandbox.path("hook-secret"), SECRET);
        fs::create_dir(sandbox.path("bin")).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_consentwatch"), sandbox.path("bin/consentwatch")).expect("a link");
        let app_key = sandbox.path("key.pem").to_string_lossy().into_owned();
        let org = Sim::start(40, &["--app", CLIENT_ID, "--app-key", &app_key, "--app-kid", KEY_ID]);
        let bench = Self { sandbox, org, more: Vec::new() };
        let filled = bench.sandbox.start(&bench.org, &["tail", "--once"]).end();
        assert_eq!(filled.code, Some(0), "{}", filled.err);
        bench
    }

    /// Replaces placeholders.
    fn filled_in(&self, text: &str) -> String {
        let table = [
            ("https://your-org.okta.com", self.org.url.as_str()),
            ("your-token", TOKEN),
            ("your-client-id", CLIENT_ID),
            ("your-key-id", KEY_ID),
        ];
        table.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    /// Returns the environment of a line. It has credentials unless the block sets them.
    fn environment(&self, settings: &str) -> Vec<(String, String)> {
        let org = (!settings.contains("OKTA_CLIENT_ORGURL")).then_some(self.org.url.as_str());
        let mut pairs: Vec<(String, String)> =
            self.sandbox.environment(org).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (name, value) in &mut pairs {
            if name == "PATH" {
                *value = format!("{}:{value}", self.sandbox.path("bin").display());
            }
        }
        pairs.extend(self.more.iter().cloned());
        pairs
    }

    /// Returns a shell command with the variables of the block so far, followed by a script.
    fn shell(&self, settings: &str, script: &str) -> Command {
        let mut command = Command::new("bash");
        command.env_clear().envs(self.environment(settings)).current_dir(self.sandbox.path(""));
        command.arg("-c").arg(format!("set -o pipefail\n{settings}\n{script}"));
        command
    }

    /// Returns the variables that the block has set so far.
    fn variables(&self, settings: &str) -> Vec<(String, String)> {
        let output = self.shell(settings, "env -0").output().expect("bash is there");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Runs a block.
    fn run(&mut self, paper: &str, block: &Block) -> usize {
        let place = format!("{paper}, line {}", block.line);
        let mut settings = String::new();
        let mut sims: Vec<(Process, String)> = Vec::new();
        let listener = block.text.contains("hook verify").then(|| self.listen());
        let mut count = 0;
        for line in lines(&block.text) {
            for name in line.names() {
                let is_known = RUN.iter().chain(&NOT_RUN).any(|(known, _)| *known == name);
                assert!(is_known, "{place}: nobody said whether {name} is to be run: {}", line.text);
            }
            let mut text = self.filled_in(&line.text);
            if line.names().iter().any(|name| NOT_RUN.iter().any(|(known, _)| known == name)) {
                look_up_targets(&place, &line);
                continue;
            }
            count += usize::from(line.names().iter().any(|name| name == "consentwatch"));
            if line.is_background {
                let text = text.replace(SIM, "127.0.0.1:0");
                let sim = Process::start(&mut self.shell(&settings, &format!("exec {text}")));
                let address = sim.wait("its address", |said| {
                    let line = said.out.split_once('\n')?.0;
                    line.strip_prefix("listening on http://").map(str::to_owned)
                });
                sims.push((sim, address));
                continue;
            }
            if let Some((_, address)) = sims.last() {
                text = text.replace(SIM, address);
            }
            if line.is_setting() {
                settings.push_str(&text);
                settings.push('\n');
                continue;
            }
            let code = self.end_of(&settings, &text, &line);
            assert_eq!(code.0, Some(line.code()), "{place}: {text}\n{}", code.1);
        }
        if let Some((listener, _)) = listener {
            listener.signal(Signal::TERM);
            listener.end();
            self.more.clear();
        }
        count
    }

    /// Runs a line until it ends, and returns the exit code with its output.
    fn end_of(&self, settings: &str, text: &str, line: &Line) -> (Option<i32>, String) {
        match way(line) {
            Way::Ends => {
                let output = Process::start(&mut self.shell(settings, text)).end();
                (output.code, output.err)
            }
            Way::Typed => {
                let output = Process::start(&mut self.shell(settings, &format!("{text} <<< quit"))).end();
                (output.code, output.err)
            }
            Way::GoesOn => {
                let process = Process::start(&mut self.shell(settings, &format!("exec {text}")));
                process.wait("its first line", |said| (said.lines > 0).then_some(()));
                process.signal(Signal::INT);
                let output = process.end();
                (output.code, output.err)
            }
            Way::Screen => {
                let [words] = &line.programs[..] else { panic!("a screen is no part of a pipeline: {text}") };
                let words: Vec<String> = words.iter().skip(1).map(|word| self.filled_in(word)).collect();
                let args: Vec<&str> = words.iter().map(String::as_str).collect();
                let pairs = self.variables(settings);
                let pairs: Vec<(&str, &str)> =
                    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let mut terminal = Terminal::open_in(&self.sandbox, None, (100, 30), &args, &pairs, true);
                let state = if args.first() == Some(&"open") { "offline" } else { "poll live" };
                let is_up =
                    |shown: &Shown| shown.rows() > 3 && shown.has(state) && shown.foot().contains("q quit");
                terminal.wait("rows and a good state", |shown| is_up(shown) || shown.ended);
                terminal.shown.with(|shown| assert!(is_up(shown), "{text}\n{}", shown.text()));
                terminal.press(b"q");
                let (code, said) = terminal.end_saying();
                // Nothing is said at the end, unless a recording was asked for.
                assert!(said.is_empty() || args.contains(&"--record"), "{text}: {said}");
                (i32::try_from(code).ok(), said)
            }
        }
    }

    /// Starts a `tail` that listens for the hook, and configures the next lines to use it.
    fn listen(&mut self) -> (Process, Port) {
        let held = Port::hold();
        let port = held.at;
        let config = self.sandbox.path("hook.toml");
        let text = format!(
            "[hook]\nenabled = true\nlisten = \"{port}\"\nsecret_file = \"hook-secret\"\n\
             public_url = \"http://{port}/okta/hook\"\n"
        );
        fs::write(&config, text).expect("a configuration");
        self.more.push(("CONSENTWATCH_CONFIG".to_owned(), config.to_string_lossy().into_owned()));
        let tail = Process::start(&mut self.shell("", "exec consentwatch tail"));
        drop(connect(port, &tail));
        (tail, held)
    }
}

/// How a line ends.
enum Way {
    /// By itself.
    Ends,
    /// With a command of the linear interface.
    Typed,
    /// With `^C`.
    GoesOn,
    /// With `q` at a terminal.
    Screen,
}

fn way(line: &Line) -> Way {
    let [words] = &line.programs[..] else { return Way::Ends };
    let has = |flags: &[&str]| words.iter().any(|word| flags.contains(&word.as_str()));
    match words.get(1).map(String::as_str) {
        _ if has(&["--help", "--version"]) => Way::Ends,
        Some("watch" | "demo" | "open") if has(&["--linear"]) => Way::Typed,
        None | Some("watch" | "demo" | "open") => Way::Screen,
        Some(flag) if flag.starts_with('-') => Way::Screen,
        Some("tail") if !has(&["--once", "--until", "--limit", "--input"]) => Way::GoesOn,
        Some("sim") => Way::GoesOn,
        Some(_) => Way::Ends,
    }
}

/// Checks that the tests and benches in cargo commands exist.
fn look_up_targets(place: &str, line: &Line) {
    for words in &line.programs {
        for (flag, folder) in [("--test", "tests"), ("--bench", "benches")] {
            for pair in words.windows(2).filter(|pair| pair[0] == flag) {
                let name = &pair[1];
                let files = [format!("{folder}/{name}.rs"), format!("{folder}/{name}/main.rs")];
                assert!(files.iter().any(|file| at(file).is_file()), "{place}: no {folder}/{name}");
            }
        }
        if words[0].starts_with(".ci/") {
            assert!(at(&words[0]).is_file(), "{place}: no {}", words[0]);
        }
    }
}

fn private(path: &Path, text: &str) {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o600)))
        .expect("a file");
}

/// Connects to a process that is about to listen.
fn connect(port: SocketAddr, process: &Process) -> TcpStream {
    for _ in 0..100_000 {
        if let Ok(socket) = TcpStream::connect(port) {
            return socket;
        }
        process.wait("the process to live", |said| (!said.ended).then_some(()));
        std::thread::yield_now();
    }
    panic!("nobody listens on {port}");
}

/// Runs every command of these documents, and returns how many of them run consentwatch.
pub(crate) fn run(papers: &[&str]) -> usize {
    let mut count = 0;
    for paper in papers {
        let text = read(paper);
        let (blocks, _) = parts(&text);
        let mut bench = None;
        for block in blocks.iter().filter(|block| block.language == "sh") {
            count += bench.get_or_insert_with(Bench::new).run(paper, block);
        }
    }
    count
}

/// Returns the coverage line of `tail` and the output of `doctor`, as JSON.
pub(crate) fn coverage_and_readiness() -> [String; 2] {
    let bench = Bench::new();
    let run = |args: &[&str]| bench.sandbox.start(&bench.org, args).end();
    let said = run(&["tail", "--once"]).err;
    let coverage = said.lines().find(|line| line.starts_with('{')).unwrap_or_default().to_owned();
    [coverage, run(&["doctor", "--format", "json"]).out]
}

/// Sends a listener the requests of a document's `curl` lines, and compares the status with the number in their
/// comments. Returns the number of lines.
pub(crate) fn send_by_hand(paper: &str) -> usize {
    let mut bench = Bench::new();
    let (listener, held) = bench.listen();
    let port = held.at;
    let text = read(paper);
    let (blocks, _) = parts(&text);
    let now = Clock::system().now().to_string();
    let mut count = 0;
    for block in blocks.iter().filter(|block| block.language == "sh" && block.text.contains("curl ")) {
        let lines = lines(&block.text);
        let variable = |name: &str| {
            let mut words = lines.iter().flat_map(|line| line.programs.iter().flatten());
            words.find_map(|word| word.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default()
        };
        for line in lines.iter().filter(|line| line.programs[0][0] == "curl") {
            let words: Vec<String> = line.programs[0]
                .iter()
                .map(|word| word.replace("$url", variable("url")).replace("$secret", SECRET))
                .map(|word| word.replace("$(date -u +%FT%TZ)", &now))
                .collect();
            let after = |flag: &str| {
                let pairs = words.windows(2).filter(|pair| pair[0] == flag).map(|pair| pair[1].clone());
                pairs.collect::<Vec<String>>()
            };
            let (_, path) = words.iter().find_map(|word| word.split_once("127.0.0.1:8787")).expect("a URL");
            let body = after("-d").concat();
            let method = if body.is_empty() { "GET" } else { "POST" };
            let headers: Vec<String> = [&after("-H")[..], &["Connection: close".to_owned()]].concat();
            let request = format!(
                "{method} {path} HTTP/1.1\r\nHost: {port}\r\n{}\r\nContent-Length: {}\r\n\r\n{body}",
                headers.join("\r\n"),
                body.len()
            );
            let mut socket = connect(port, &listener);
            socket.write_all(request.as_bytes()).expect("sent");
            let mut answer = String::new();
            socket.read_to_string(&mut answer).expect("an answer");
            let status = answer.split(' ').nth(1).unwrap_or_default();
            let stated: String = line.comment.chars().take_while(char::is_ascii_digit).collect();
            assert_eq!(status, stated, "{paper}: {}\n{answer}", line.text);
            count += 1;
        }
    }
    listener.signal(Signal::TERM);
    listener.end();
    count
}

/// Checks every `toml` block of these documents with `config check`, and returns the number of blocks.
pub(crate) fn check_configurations(papers: &[&str]) -> usize {
    let mut count = 0;
    let bench = Bench::new();
    // The files of a team's roles, as `team config` writes them.
    fs::create_dir(bench.sandbox.path("team")).expect("a folder");
    for role in ["collector", "watcher-prod"] {
        let file = bench.sandbox.path("team").join(format!("{role}.url"));
        let address = format!("nats://{role}:invented@127.0.0.1:4222/prod=example.okta.com");
        fs::write(&file, address).expect("a file");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("rights");
    }
    fs::write(bench.sandbox.path("watcher.nk"), "SUAINVENTED").expect("a file");
    for paper in papers {
        let text = read(paper);
        let (blocks, _) = parts(&text);
        for block in blocks.iter().filter(|block| block.language == "toml") {
            let file = bench.sandbox.path("block.toml");
            fs::write(&file, &block.text).expect("a file");
            let file = file.to_string_lossy().into_owned();
            let output = bench.sandbox.start(&bench.org, &["config", "check", "--config", &file]).end();
            assert_eq!(output.code, Some(0), "{paper}, line {}: {}", block.line, output.err);
            count += 1;
        }
    }
    count
}
