//! The linear interface of the real binary: it prints sentences, reads commands, and sends no terminal control byte.

#[path = "support/process.rs"]
mod process;

use std::io::Write as _;
use std::process::{ChildStdin, Command, Stdio};

use process::{Process, Sandbox, Sim, one_at_a_time};
use rustix::process::Signal;

fn start(sandbox: &Sandbox, org: &Sim, args: &[&str], term: &str) -> (Process, ChildStdin) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consentwatch"));
    command.env_clear().envs(sandbox.environment(Some(org.url.as_str()))).env("TERM", term);
    command.current_dir(sandbox.path("")).args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = one_at_a_time(|| command.spawn()).expect("the binary starts");
    let commands = child.stdin.take().expect("a pipe");
    (Process::over(child), commands)
}

fn wait(process: &Process, words: &str) {
    process.wait(words, |said| said.out.contains(words).then_some(()));
}

/// Returns the number of a sentence about a consent.
fn number(line: &str) -> Option<u64> {
    line.split_once(". ").and_then(|(number, _)| number.parse().ok())
}

#[test]
fn consents_are_sentences_and_commands_are_lines() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let (process, mut commands) = start(&sandbox, &org, &["watch", "--linear"], "xterm");
    wait(&process, "60 consents are stored.");
    wait(&process, "The latest 5:");
    for (typed, answer) in [
        ("help", "hold: only count new consents"),
        ("status", "Complete since"),
        ("list 7", "The latest 7:"),
        ("list 0", "list takes a number from 1 to 200"),
        ("filter kind:grant", "Only matching consents are printed."),
        ("filter (kind:grant", "The filter is invalid"),
        ("filter", "No filter: all consents are printed."),
        ("show 1", "UUID: "),
        ("show 999999", "No consent has the number 999999."),
        ("show x", "show takes the number"),
        ("hold", "Held: new consents are only counted."),
        ("go", "Continuing. 0 came while held"),
        ("poll", "Asking Okta now."),
        ("\u{1b}[31mdance", "There is no command ^[[31mdance."),
    ] {
        writeln!(commands, "{typed}").expect("it reads its commands");
        wait(&process, answer);
    }
    writeln!(commands, "quit").expect("it reads its commands");
    let output = process.end();
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""));
    let is_obeyed = |c: char| c.is_control() && c != '\n';
    assert!(!output.out.contains(is_obeyed), "{:?}", output.out);
    let told: Vec<u64> = output.out.lines().filter_map(number).collect();
    // Five at the start, seven from `list`, one from `show`.
    assert_eq!(told.len(), 13, "{}", output.out);
    let (first, asked) = (&told[..5], &told[5..12]);
    assert!(first.is_sorted() && asked.ends_with(first), "{told:?}");
}

#[test]
fn a_terminal_that_only_prints_lines_gets_them_unasked() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let (process, mut commands) = start(&sandbox, &org, &["watch", "--filter", "kind:grant"], "dumb");
    wait(&process, &format!("{} consents are stored.", org.total()));
    writeln!(commands, "list 200\nq").expect("it reads its commands");
    let output = process.end();
    assert_eq!(output.code, Some(0));
    let told: Vec<&str> = output.out.lines().filter(|line| number(line).is_some()).collect();
    let grants = org.held.iter().find(|(kind, _)| kind == "grant").expect("a kind").1;
    assert_eq!(told.len(), 5 + grants, "{}", output.out);
    assert!(told.iter().all(|line| line.contains("grant: ")), "{told:?}");
}

#[test]
fn without_a_person_it_goes_on_until_a_signal() {
    let sandbox = Sandbox::new();
    let org = Sim::start(20, &[]);
    let process = sandbox.start(&org, &["watch", "--linear"]);
    wait(&process, "The latest 5:");
    org.process.signal(Signal::TERM);
    // Standard input has ended, but changes of the source are still reported.
    process.wait("the loss of the source", |said| (said.out.matches("\npoll: ").count() == 1).then_some(()));
    process.signal(Signal::TERM);
    assert_eq!(process.end().code, Some(143));
}

#[test]
fn a_refusal_is_said_once_with_what_to_do() {
    let sandbox = Sandbox::new();
    let org = Sim::start(20, &["--fault", "unauthorized@1-9"]);
    let (process, mut commands) = start(&sandbox, &org, &["watch", "--linear"], "xterm");
    wait(&process, "poll: ");
    wait(&process, "0 consents are stored.");
    writeln!(commands, "q").expect("it reads its commands");
    let output = process.end();
    assert_eq!(output.code, Some(0));
    assert_eq!(output.out.matches("\npoll: ").count(), 1, "{}", output.out);
}
