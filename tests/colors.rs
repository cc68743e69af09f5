//! Colors and signs of the real binary on terminals with many, few and no colors: which codes are sent, and that the
//! row under the cursor is visible on each.

#[path = "support/process.rs"]
#[expect(dead_code, reason = "nothing here ends in an odd way")]
mod process;
#[path = "support/terminal.rs"]
#[expect(dead_code, reason = "nothing here ends in an odd way")]
mod terminal;

use process::{Sandbox, Sim};
use terminal::Terminal;

/// Returns the codes of colors and text attributes that were sent, each number once.
fn codes(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut codes: Vec<String> = Vec::new();
    for piece in text.split("\x1b[").skip(1) {
        let Some(end) = piece.find(|c: char| ('@'..='~').contains(&c)) else { continue };
        let (numbers, rest) = piece.split_at(end);
        if rest.starts_with('m') {
            codes.push(numbers.to_owned());
        }
    }
    codes.sort();
    codes.dedup();
    codes
}

/// Returns the number of colors that a code needs: 0, 8, 16, 256 or all.
fn depth(code: &str) -> u32 {
    let numbers: Vec<u32> = code.split(';').filter_map(|number| number.parse().ok()).collect();
    let (mut at, mut most) = (0, 0);
    while let Some(number) = numbers.get(at) {
        let is_long = matches!(number, 38 | 48);
        let (needs, length) = match (number, numbers.get(at + 1)) {
            (_, Some(5)) if is_long => (256, 3),
            (_, Some(2)) if is_long => (u32::MAX, 5),
            (30..=37 | 40..=47, _) => (8, 1),
            (90..=97 | 100..=107, _) => (16, 1),
            _ => (0, 1),
        };
        most = most.max(needs);
        at += length;
    }
    most
}

#[test]
fn each_terminal_gets_colors_that_it_knows_and_shows_the_reader_s_row() {
    let org = Sim::start(60, &[]);
    let all = u32::MAX;
    for (environment, args, wanted) in [
        (&[("TERM", "xterm-256color")][..], &[][..], 256),
        (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], &[], all),
        (&[("TERM", "xterm")], &[], 16),
        (&[("TERM", "linux")], &[], 16),
        (&[("TERM", "ansi")], &[], 8),
        (&[("TERM", "vt100")], &[], 0),
        (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], &[], 0),
        (&[("TERM", "xterm-256color")], &["--color", "never"], 0),
        (&[("TERM", "vt100")], &["--color", "always"], 8),
        (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], &["--color", "always"], 256),
        (&[("TERM", "xterm-256color")], &["--config", "light.toml"], 256),
        (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], &["--config", "ansi.toml"], 8),
        (&[("TERM", "xterm-256color")], &["--config", "mono.toml"], 0),
    ] {
        let sandbox = Sandbox::new();
        for theme in ["light", "ansi", "mono"] {
            let settings = format!("[ui]\ntheme = \"{theme}\"\n");
            std::fs::write(sandbox.path(&format!("{theme}.toml")), settings).expect("a file");
        }
        let args = [&["watch"], args].concat();
        let mut terminal = Terminal::open_in(&sandbox, Some(&org), (100, 30), &args, environment, true);
        terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
        terminal.press(b"k");
        terminal.wait_words("HELD");
        let (needed, rows) = terminal.shown.with(|shown| {
            let screen = shown.parser.screen();
            let is_seen = |row: &u16| {
                let cells = (0..100).filter_map(|column| screen.cell(*row, column));
                let plain = vt100::Color::Default;
                cells.filter(|cell| cell.inverse() || cell.bgcolor() != plain).count() > 90
            };
            let codes = codes(&shown.bytes);
            (codes.iter().map(|code| depth(code)).max(), (2..27).filter(is_seen).count())
        });
        assert_eq!((needed, rows), (Some(wanted), 1), "{environment:?} {args:?}");
        terminal.press(b"q");
        assert_eq!(terminal.end_restored(), 0);
    }
}

#[test]
fn signs_can_be_plain() {
    // Every page, the help and the detail, with rows whose texts are plain.
    let org = Sim::start(60, &[]);
    let sandbox = Sandbox::new();
    let mut terminal = Terminal::open(&sandbox, Some(&org), (140, 40), &["watch", "--ascii"]);
    terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
    for keys in ["k", "\r", "2", "3", "4", "5", "6", "1", "?"] {
        terminal.press(keys.as_bytes());
        let before = terminal.shown.with(|shown| shown.bytes.len());
        terminal.press(b"\x0c");
        terminal
            .wait("a frame drawn anew", |shown| shown.is_cleared_after(before) && !shown.foot().is_empty());
    }
    let drawn = terminal.shown.with(|shown| {
        let text = String::from_utf8_lossy(&shown.bytes).into_owned();
        text.chars()
            .filter(|c| ('\u{2190}'..='\u{2bff}').contains(c) || *c == '·' || *c == '…')
            .collect::<String>()
    });
    assert_eq!(drawn, "", "no line, box, arrow or other sign");
    terminal.press(b"q");
    assert_eq!(terminal.end_restored(), 0);
}
