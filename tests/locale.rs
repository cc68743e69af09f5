//! A terminal without UTF-8: single bytes of a name would be C1 controls there, so the program writes only ASCII.

#[path = "support/process.rs"]
#[expect(dead_code, reason = "files need no running org")]
mod process;
#[path = "support/terminal.rs"]
#[expect(dead_code, reason = "nothing here ends in an odd way")]
mod terminal;

use process::{Process, Sandbox};
use terminal::Terminal;

/// In UTF-8, each of these letters contains a C1 control byte: 9B, 9D, 90, 85.
const NAME: &str = "ě\u{11d}Đ\u{445}[2J";
const LATIN: (&str, &str) = ("LC_ALL", "C");
const UTF8: (&str, &str) = ("LC_ALL", "C.UTF-8");

fn event() -> String {
    let name = serde_json::to_string(NAME).expect("a text has a form in JSON");
    format!(
        r#"{{"uuid":"5b1f0c9e-5555-4555-8555-000000000001","eventType":"app.oauth2.as.consent.grant","published":"2026-05-06T07:00:00.000Z","actor":{{"id":"00uPPPPPPPPPPPPPP1d7","type":"User","alternateId":{name},"displayName":{name}}},"outcome":{{"result":"SUCCESS"}},"client":{{"ipAddress":"192.0.2.7","geographicalContext":{{"country":{name}}}}},"target":[{{"id":"oag1","type":"scope","displayName":{name},"detailEntry":{{"publicclientapp":"0oaDDDDDDDDDDDDDD1d7"}}}}]}}"#
    )
}

fn run(sandbox: &Sandbox, locale: (&str, &str), args: &[&str]) -> process::Output {
    let mut command = sandbox.command(None, args);
    command.env(locale.0, locale.1);
    Process::start(&mut command).end()
}

fn is_numbered(text: &str) -> bool {
    text.is_ascii() && text.contains("<U+011B><U+011D><U+0110><U+0445>[2J")
}

#[test]
fn lines_and_messages_are_ascii_where_the_locale_is_not_utf8() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("events.jsonl"), event()).expect("a file");
    let text = ["tail", "--input", "events.jsonl", "--format", "text"];
    let shown = run(&sandbox, LATIN, &text);
    assert!(is_numbered(&shown.out), "{}", shown.out);
    let shown = run(&sandbox, UTF8, &text);
    assert!(shown.out.contains(NAME), "{}", shown.out);

    let told = run(&sandbox, LATIN, &["open", "--linear", "events.jsonl"]);
    assert!(is_numbered(&told.out), "{}", told.out);
    let told = run(&sandbox, UTF8, &["open", "--linear", "events.jsonl"]);
    assert!(told.out.contains(NAME), "{}", told.out);

    let failed = run(&sandbox, LATIN, &["tail", "--input", NAME]);
    assert!(failed.code == Some(1) && is_numbered(&failed.err), "{}", failed.err);

    // In a pipe, machine-readable formats are UTF-8, independent of the locale.
    for format in ["json", "raw", "card"] {
        let args = ["tail", "--input", "events.jsonl", "--format", format];
        for locale in [LATIN, UTF8] {
            let shown = run(&sandbox, locale, &args).out;
            assert!(shown.contains(NAME) && !shown.contains("\\u011b"), "{format}: {shown}");
        }
    }
}

#[test]
fn a_terminal_gets_ascii_alone_where_the_locale_is_not_utf8() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("events.jsonl"), event()).expect("a file");
    let shown = |locale: (&str, &str), args: &[&str], words: &str, keys: &[u8]| -> Vec<u8> {
        let mut terminal = Terminal::open_in(&sandbox, None, (120, 30), args, &[locale], true);
        terminal.wait_words(words);
        if !keys.is_empty() {
            terminal.press(keys);
            terminal.redrawn();
            terminal.press(b"6");
            terminal.wait_words(" bytes to this terminal");
            terminal.press(b"qqq");
        }
        terminal.wait("the end", |shown| shown.ended);
        terminal.shown.with(|shown| shown.bytes.clone())
    };
    // The screen with its detail, and the window title. `--ascii` in addition changes nothing.
    std::fs::copy(sandbox.path("events.jsonl"), sandbox.path(NAME)).expect("a file");
    for args in [&["open", NAME][..], &["open", "--ascii", NAME]] {
        let bytes = shown(LATIN, args, "<U+011B>", b"\r");
        assert!(bytes.is_ascii() && bytes.len() > 2000);
    }
    // JSON uses escapes.
    let json = ["tail", "--input", "events.jsonl", "--format", "json"];
    let bytes = shown(LATIN, &json, "\\u011b", &[]);
    assert!(bytes.is_ascii());
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    let value: serde_json::Value = serde_json::from_str(&text).expect("it is JSON still");
    let raw = serde_json::from_str::<serde_json::Value>(&event()).expect("JSON");
    assert_eq!(value["raw"], raw);
    let bytes = shown(LATIN, &["tail", "--input", "events.jsonl"], "<U+011B>", &[]);
    assert!(bytes.is_ascii());
}
