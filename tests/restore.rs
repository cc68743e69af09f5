//! Checks byte for byte how a panic and a failed start restore the terminal, on a pseudo-terminal.
//!
//! No command of the program panics on purpose, so this test runs itself on the terminal, with one of the ignored
//! tests.

#[path = "support/process.rs"]
#[expect(dead_code, reason = "nothing here needs a running org")]
mod process;

use std::io::Read as _;

use consentwatch::tui::{Screen, Setup, install_panic_hook};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use process::{Sandbox, one_at_a_time};
use ratatui::style::Style;

const ON: &str = "\x1b[?1049h\x1b[?7l\x1b[?25l\x1b[?2004h\x1b[?1000h\x1b[?1006h";
const OFF: &str = "\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[?25h\x1b[?7h\x1b[H\x1b[2J\x1b[?1049l";

/// Runs a command on a terminal until it ends, and returns its output and exit code. Checks that the terminal's
/// settings are restored.
fn on_a_terminal(command: CommandBuilder) -> (String, u32) {
    let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
    let (master, before, mut child) = one_at_a_time(|| {
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let before = format!("{:?}", pair.master.get_termios());
        let child = pair.slave.spawn_command(command).expect("it starts");
        (pair.master, before, child)
    });
    let mut output = master.try_clone_reader().expect("the terminal can be read");
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    // When the last process closes the terminal, reading ends with or without an error.
    while let Ok(length @ 1..) = output.read(&mut piece) {
        bytes.extend_from_slice(&piece[..length]);
    }
    let status = child.wait().expect("it has ended");
    assert_eq!(status.signal(), None, "it was not killed");
    assert_eq!(format!("{:?}", master.get_termios()), before, "raw mode is off");
    (String::from_utf8(bytes).expect("plain text"), status.exit_code())
}

/// Runs one of the ignored tests below.
fn ourselves(test: &str) -> (String, u32) {
    let mut command = CommandBuilder::new(std::env::current_exe().expect("this file's program"));
    command.args([test, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env("RUST_BACKTRACE", "0");
    on_a_terminal(command)
}

/// Returns the output while all modes were on, and the output after that.
fn parts(bytes: &str) -> (&str, &str) {
    let (_, rest) = bytes.split_once(ON).expect("all modes are on");
    rest.split_once(OFF).expect("all modes are off, the last first")
}

fn open() -> Screen<consentwatch::tui::Tty> {
    let mut screen = Screen::open(Setup { mouse: true, ..Setup::default() }).expect("a terminal");
    install_panic_hook(&screen);
    say(&mut screen, "all is well");
    screen
}

fn say(screen: &mut Screen<consentwatch::tui::Tty>, words: &str) {
    screen
        .paint(|frame| {
            frame.buffer_mut().set_string(0, 0, words, Style::new());
        })
        .expect("a frame");
}

#[test]
#[ignore = "runs on the terminal of another test"]
fn the_painter_panics() {
    let _screen = open();
    panic!("the painter fell");
}

#[test]
#[ignore = "runs on the terminal of another test"]
fn another_thread_panics() {
    let mut screen = open();
    let other = std::thread::spawn(|| panic!("another fell"));
    assert!(other.join().is_err());
    say(&mut screen, "it goes on");
}

#[test]
fn a_panic_while_painting_gives_the_terminal_back_before_it_speaks() {
    let (bytes, code) = ourselves("the_painter_panics");
    assert_ne!(code, 0);
    let (between, after) = parts(&bytes);
    assert_eq!(between, "\x1b[2J\x1b[1;1Hall is well", "nothing but the frame");
    assert!(after.contains("the painter fell"), "{after:?}");
    assert!(!after.contains('\x1b'), "once in all: {after:?}");
}

#[test]
fn a_panic_elsewhere_leaves_the_screen_alone() {
    let (bytes, code) = ourselves("another_thread_panics");
    assert_eq!(code, 0, "{bytes:?}");
    let (between, after) = parts(&bytes);
    assert!(between.starts_with("\x1b[2J\x1b[1;1Hall is well\x1b[1;1Hit"), "{between:?}");
    assert!(!bytes.contains("another fell"), "it is for the log: {bytes:?}");
    assert!(!after.contains('\x1b'), "{after:?}");
}

#[test]
fn a_start_that_fails_says_why_and_touches_nothing() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("bad.toml"), "[ui]\nthem = \"dark\"\n").expect("a file");
    std::fs::write(sandbox.path("empty.json"), "").expect("a file");
    for (args, code, words) in [
        (&["watch", "--config", "bad.toml"][..], 2, "bad.toml"),
        (&["watch"], 2, "No org is configured"),
        (&["open", "none.json"], 1, "none.json"),
        (&["open", "empty.json"], 1, "is empty"),
        (&["demo", "--story", "none"], 2, "none"),
    ] {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_consentwatch"));
        command.env_clear();
        for (name, value) in sandbox.environment(None) {
            command.env(name, value);
        }
        command.cwd(sandbox.path(""));
        command.args(args);
        let (bytes, ended) = on_a_terminal(command);
        assert_eq!(ended, code, "{args:?}: {bytes}");
        assert!(bytes.contains(words), "{args:?}: {bytes}");
        assert!(!bytes.contains('\x1b'), "{args:?}: {bytes:?}");
    }
}
