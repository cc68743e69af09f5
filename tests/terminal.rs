//! The screen of the real binary on a pseudo-terminal: what it draws, how it ends, and that the terminal is restored.

#[path = "support/process.rs"]
mod process;
#[path = "support/terminal.rs"]
mod terminal;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use process::{Sandbox, Sim, TOKEN, send};
use rustix::process::Signal;
use terminal::{OFF, ON, Shown, Terminal, cells, size};

/// Ten consents a second.
const DEMO: [&str; 5] = ["demo", "--rate", "600", "--seed", "1"];

#[test]
fn the_demo_shows_rows_and_gives_the_terminal_back() {
    for (size, columns) in [((80, 24), &["SCOPES"][..]), ((140, 40), &["SERVER", "FROM", "VIA"])] {
        let sandbox = Sandbox::new();
        let mut terminal = Terminal::open(&sandbox, None, size, &DEMO);
        // The backlog fills the list.
        let rows = usize::from(size.1) - 6;
        terminal.wait("a list full of rows", |shown| shown.rows() == rows && shown.foot().contains("q quit"));
        terminal.wait_words("poll live");
        let frame = terminal.redrawn();
        for words in ["DEMO simulated org", "LIVE", "UTC", "TIME", "KIND", "WHO"].iter().chain(columns) {
            assert!(frame.contains(words), "{words} is missing:\n{frame}");
        }
        // New events arrive, so the number of rows grows.
        terminal.wait("a consent that happens now", |shown| !shown.has(" 200 rows") && shown.has(" rows"));
        terminal.press(b"q");
        assert_eq!(terminal.end_restored(), 0);
    }
}

#[test]
fn a_demo_of_a_given_length_ends_by_itself() {
    let sandbox = Sandbox::new();
    let terminal = Terminal::open(&sandbox, None, (80, 24), &["demo", "--for", "1s", "--rate", "0"]);
    assert_eq!(terminal.end_restored(), 0);
}

#[test]
fn a_recording_is_written_at_the_end_and_shows_the_last_screen_again() {
    let sandbox = Sandbox::new();
    let file = sandbox.path("bug.jsonl");
    let name = file.to_str().expect("UTF-8");
    let args = ["demo", "--rate", "0", "--record", name];
    let mut terminal = Terminal::open(&sandbox, None, (100, 30), &args);
    terminal.wait_words("poll live");
    terminal.press(b"kkk\r");
    terminal.wait_words("Scope Grants");
    terminal.press(b"q");
    let (code, said) = terminal.end_saying();
    assert!(code == 0 && said.contains("Wrote the last "), "{said}");
    let replayed = sandbox.command(None, &["replay", name]).output().expect("the program");
    let said = String::from_utf8_lossy(&replayed.stderr);
    assert_eq!(replayed.status.code(), Some(0), "{said}");
    assert!(said.contains("this is the screen that was recorded"), "{said}");
    let screen = String::from_utf8_lossy(&replayed.stdout);
    assert!(screen.contains("DEMO simulated org") && screen.contains("Scope Grants"), "{screen}");
    // A recording is never written over another, and one that is cut is no recording.
    let again = sandbox.command(None, &args).output().expect("the program");
    assert_eq!(again.status.code(), Some(2));
    let whole = fs::read(&file).expect("a recording");
    fs::write(&file, &whole[..whole.len() / 2]).expect("half of it");
    let half = sandbox.command(None, &["replay", name]).output().expect("the program");
    assert_eq!(half.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&half.stderr).contains("It is cut: "), "{half:?}");
    assert!(half.stdout.is_empty());
}

#[test]
fn a_signal_or_an_interrupt_restores_as_well() {
    let sandbox = Sandbox::new();
    let mut terminal = Terminal::open(&sandbox, None, (80, 24), &DEMO);
    terminal.wait_words("poll live");
    terminal.press(b"\x03");
    assert_eq!(terminal.end_restored(), 130);
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let terminal = Terminal::open(&sandbox, None, (80, 24), &DEMO);
        terminal.wait_words("q quit");
        send(terminal.id, signal);
        assert_eq!(terminal.end_restored(), code, "{signal:?}");
    }
}

#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let sandbox = Sandbox::new();
    let mut terminal = Terminal::open(&sandbox, None, (80, 24), &DEMO);
    terminal.wait_words("poll live");
    // The reader holds the terminal open, and stops at the next output.
    terminal.shown.with(|shown| shown.is_closing = true);
    terminal.press(b"\x0c");
    terminal.wait("the last word heard", |shown| shown.is_silent);
    terminal.person = None;
    terminal.wait("the end of the program", |shown| shown.ended);
    let status = terminal.child.wait().expect("it has ended");
    assert_eq!((status.signal(), status.exit_code()), (None, 129));
}

#[test]
fn a_program_that_wakes_on_a_dead_terminal_hangs_up() {
    let sandbox = Sandbox::new();
    let mut terminal = Terminal::open_as(&sandbox, None, (80, 24), &DEMO, false);
    terminal.wait_words("poll live");
    terminal.shown.with(|shown| shown.is_closing = true);
    terminal.press(b"\x0c");
    terminal.wait("the last word heard", |shown| shown.is_silent);
    // The terminal is closed while the program is stopped. Without a controlling terminal it gets no SIGHUP, only
    // SIGCONT.
    send(terminal.id, Signal::STOP);
    terminal.person = None;
    send(terminal.id, Signal::CONT);
    terminal.wait("the end of the program", |shown| shown.ended);
    let status = terminal.child.wait().expect("it has ended");
    assert_eq!((status.signal(), status.exit_code()), (None, 129));
}

#[test]
fn any_size_is_drawn() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let mut terminal = Terminal::open(&sandbox, Some(&org), (80, 24), &["watch"]);
    terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
    let is_small = |shown: &Shown| shown.has("LIVE") && shown.foot().contains("poll live");
    terminal.resize((20, 5), "something true on 20x5", is_small);
    // If there is room for nothing else, the number of rows is shown, and in a single cell the sign for cut text.
    terminal.resize((1, 1), "a cell", |shown| shown.text().trim() == "~");
    terminal.resize((7, 2), "two lines", |shown| shown.text().trim() == "60");
    terminal
        .resize((200, 60), "a large screen", |shown| shown.has("60 rows") && shown.foot().contains("q quit"));
    terminal.resize((80, 24), "the screen as it was", |shown| {
        shown.rows() == 18 && shown.has("60 rows") && shown.foot().contains("q quit")
    });
    terminal.press(b"q");
    assert_eq!(terminal.end_restored(), 0);
}

#[test]
fn a_storm_of_sizes_is_survived_and_the_last_one_drawn() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let mut terminal = Terminal::open(&sandbox, Some(&org), (80, 24), &["watch"]);
    terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
    terminal.press(b"\r");
    let mut seed = 7_u32;
    let (master, _) = terminal.person.as_ref().expect("it is open");
    for round in 0..300 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (columns, rows) = match round % 10 {
            0 => (500, 200),
            1 => (1, 1),
            2 => (9, 120),
            _ => ((seed >> 8) as u16 % 500 + 1, (seed >> 20) as u16 % 200 + 1),
        };
        terminal.shown.with(|shown| shown.parser.screen_mut().set_size(cells(rows), cells(columns)));
        master.resize(size(columns, rows)).expect("a terminal can change its size");
    }
    let is_whole = |shown: &Shown| shown.has("60 rows") && shown.foot().contains("q quit");
    terminal.resize((500, 200), "the largest", is_whole);
    terminal.resize((100, 30), "the last", is_whole);
    terminal.press(b"q");
    assert_eq!(terminal.end_restored(), 0);
}

#[test]
fn stopping_gives_the_terminal_back_and_going_on_takes_it_again() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let mut terminal = Terminal::open(&sandbox, Some(&org), (80, 24), &["watch"]);
    terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
    let before = terminal.shown.with(|shown| shown.bytes.len());
    // No shell could resume it here, so the system resumes it at once. The output is the same.
    terminal.press(b"\x1a");
    terminal
        .wait("the screen again", |shown| shown.is_cleared_after(before) && shown.foot().contains("q quit"));
    let sent = terminal.shown.with(|shown| String::from_utf8_lossy(&shown.bytes[before..]).into_owned());
    let off = sent.find(OFF).expect("everything is switched off, the last first");
    let on = sent.find(ON).expect("and on again, the first first");
    assert_eq!(on.checked_sub(off), Some(OFF.len()), "{sent:?}");
    // The same with a signal from another process: after it resumes, the screen is complete.
    let before = terminal.shown.with(|shown| shown.bytes.len());
    send(terminal.id, Signal::STOP);
    send(terminal.id, Signal::CONT);
    terminal.wait("the screen once more", |shown| {
        shown.is_cleared_after(before) && shown.foot().contains("q quit")
    });
    terminal.press(b"q");
    terminal.wait("the end", |shown| shown.ended);
}

#[test]
fn keys_are_explained_and_the_detail_has_the_words_of_the_card() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    for size in [(80, 24), (140, 40)] {
        let mut terminal = Terminal::open(&sandbox, Some(&org), size, &["watch"]);
        terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
        terminal.press(b"?");
        for words in [" Keys ", "this help", "filter: hide what does not match"] {
            terminal.wait_words(words);
        }
        terminal.press(b"G");
        terminal.wait_words("quit as if interrupted");
        terminal.press(b"\x1b");
        terminal.wait("the list again", |shown| !shown.has(" Keys ") && shown.rows() > 10);

        terminal.press(b"\r");
        terminal.wait("the detail", |shown| shown.has("detail of") && shown.has("Scope Grants"));
        // If both fit, keys go to the list until the detail is entered.
        terminal.press(b"\r");
        let mut seen = terminal.redrawn();
        let mut last = seen.clone();
        loop {
            terminal.press(b"\x1b[6~");
            let now = terminal.redrawn();
            if now == last {
                break;
            }
            seen.push_str(&now);
            last = now;
        }
        for words in [
            "OAuth2 App Consent Granted",
            "Date and Time",
            "Message",
            "Event ID",
            "Event Type",
            "Event Time",
            "Version",
            "Actor",
            "Alternate ID",
            "Display Name",
            "Target",
            "Detail Entry",
            "UUID",
            "Event Details",
            "Headers",
            "Source",
            "Debug Context",
            "Debug Data",
        ] {
            assert!(seen.contains(words), "{words} cannot be scrolled to at {size:?}:\n{seen}");
        }
        terminal.press(b"q");
        assert_eq!(terminal.end_restored(), 0);
    }
}

#[test]
fn a_refused_token_is_a_state_and_a_better_one_is_taken() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let (config, token) = (sandbox.path("c.toml"), sandbox.path("token"));
    std::fs::write(&config, format!("[org]\nurl = \"{}\"\ntoken_file = \"token\"\n{LOG_ALONE}", org.url))
        .expect("a file");
    write_private(&token, "00ADeadToken");
    let mut terminal = Terminal::open(&sandbox, None, (80, 24), &["watch", "--config", "c.toml"]);
    terminal.wait_words("poll 401 bad credentials");
    terminal.press(b"6");
    terminal.wait_words(" bytes to this terminal");
    terminal.wait_words("Configure a valid token");
    terminal.press(b"\x1b");
    terminal.wait_words("No consents stored");
    // When asked again, it reports the same and keeps running.
    terminal.press(b"r");
    terminal.wait_words("Asking Okta now");
    terminal.wait_words("poll 401 bad credentials");
    std::fs::write(&token, TOKEN).expect("a file");
    terminal.press(b"r");
    terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
    terminal.press(b"q");
    assert_eq!(terminal.end_restored(), 0);
}

/// Writes a file that only its owner may read, since the program warns about other files.
fn write_private(path: &Path, text: &str) {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o600)))
        .expect("a file");
}

/// Faults are counted by answers of the log, so only the poller may send requests to it.
const LOG_ALONE: &str = "[poll]\nnames = false\n";

#[test]
fn a_token_that_is_revoked_in_the_middle_is_a_state_and_its_successor_is_taken() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &["--fault", "unauthorized@3-3"]);
    let (config, token) = (sandbox.path("c.toml"), sandbox.path("token"));
    std::fs::write(&config, format!("[org]\nurl = \"{}\"\ntoken_file = \"token\"\n{LOG_ALONE}", org.url))
        .expect("a file");
    write_private(&token, TOKEN);
    let args = ["watch", "--config", "c.toml", "--log-level", "debug"];
    let mut terminal = Terminal::open(&sandbox, None, (140, 40), &args);
    terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
    terminal.press(b"r");
    terminal.wait("the refusal, the rows still there", |shown| {
        shown.has("poll 401 bad credentials") && shown.has("60 rows") && shown.rows() > 10
    });
    terminal.press(b"6");
    let first = error_id(&terminal, "none yet");
    terminal.press(b"\x1b");
    terminal.wait("the list again", |shown| !shown.has("Esc back") && shown.rows() > 10);
    // The next token is read and refused too, which a new error id shows.
    std::fs::write(&token, "00AnotherDeadToken").expect("a file");
    terminal.press(b"r6");
    error_id(&terminal, &first);
    terminal.press(b"\x1b");
    terminal.wait("the list again", |shown| !shown.has("Esc back") && shown.rows() > 10);
    std::fs::write(&token, TOKEN).expect("a file");
    terminal.press(b"r");
    terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
    terminal.press(b"q");
    hides(&sandbox, &terminal, &[TOKEN, "00AnotherDeadToken"]);
    assert_eq!(terminal.end_restored(), 0);
    let log = std::fs::read_to_string(sandbox.path("data/consentwatch.log")).expect("the log");
    assert_eq!(log.matches("The credentials were read again and have changed.").count(), 2, "{log}");
}

#[test]
fn a_service_app_that_is_no_more_is_a_state() {
    let sandbox = Sandbox::new();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let key = pem::encode(&pem::Pem::new("PRIVATE KEY", pair.to_pkcs8v1().expect("its form").as_ref()));
    write_private(&sandbox.path("token"), &key);
    let path = sandbox.path("token").to_string_lossy().into_owned();
    let app = ["--app", "0oaDDDDDDDDDDDDDD1d7", "--app-kid", "kid-1", "--app-key", &path, "--app-dpop"];
    let org = Sim::start(60, &[&app[..], &["--fault", "app_deactivated@3", "token_expired@3"]].concat());
    let config = format!(
        "[org]\nurl = \"{}\"\n[org.oauth]\nclient_id = \"0oaDDDDDDDDDDDDDD1d7\"\nkey_id = \"kid-1\"\n\
         private_key_file = \"token\"\nscopes = [\"okta.logs.read\"]\ndpop = \"always\"\n{LOG_ALONE}",
        org.url
    );
    std::fs::write(sandbox.path("c.toml"), config).expect("a file");
    let args = ["watch", "--config", "c.toml", "--log-level", "debug"];
    let mut terminal = Terminal::open(&sandbox, None, (140, 40), &args);
    terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
    terminal.press(b"r");
    terminal.wait("the refusal, the rows still there", |shown| {
        shown.has("poll 401 sign-in refused") && shown.has("60 rows") && shown.rows() > 10
    });
    terminal.press(b"6");
    terminal.wait_words("Okta does not let the service app sign in");
    terminal.wait_words("Check client_id, the private key, key_id as registered with the app");
    terminal.press(b"\x1b");
    terminal.wait("the list again", |shown| !shown.has("Esc back") && shown.rows() > 10);
    terminal.press(b"q");
    let lines: Vec<&str> = key.lines().filter(|line| !line.starts_with("-----")).collect();
    // How an assertion, a proof and an access token begin: the base64url of `{"alg":`.
    hides(&sandbox, &terminal, &[&lines[..], &["eyJhbGciOi"]].concat());
    assert_eq!(terminal.end_restored(), 0);
}

/// Waits for another error id from Okta than the one before.
#[track_caller]
fn error_id(terminal: &Terminal, before: &str) -> String {
    terminal.shown.wait("another error id", |shown| {
        let text = shown.text();
        let (_, rest) = text.split_once("error id")?;
        let id: String = rest.trim_start().chars().take(20).collect();
        let is_whole = id.chars().filter(char::is_ascii_alphanumeric).count() == 20;
        (id.starts_with("oae") && is_whole && id != before).then_some(id)
    })
}

/// Waits for the end, and checks that no secret is in the terminal's output or in any file except its own.
#[track_caller]
fn hides(sandbox: &Sandbox, terminal: &Terminal, secrets: &[&str]) {
    terminal.wait("the end of the program", |shown| shown.ended && shown.is_silent);
    let bytes = terminal.shown.with(|shown| shown.bytes.clone());
    let mut places = vec![("the terminal".to_owned(), bytes)];
    let mut folders = vec![sandbox.path("")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path != sandbox.path("token") {
                places.push((path.display().to_string(), std::fs::read(&path).expect("a file")));
            }
        }
    }
    assert!(places.iter().any(|(place, _)| place.ends_with("consentwatch.log")));
    for (place, bytes) in &places {
        for secret in secrets {
            assert!(memchr::memmem::find(bytes, secret.as_bytes()).is_none(), "{place} holds {secret}");
        }
    }
}

#[test]
fn the_time_is_shown_where_that_is_asked_for() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    std::fs::write(sandbox.path("clock.toml"), "[ui]\nclock = true\ntime_zone = \"Asia/Kathmandu\"\n")
        .expect("a file");
    for (args, has_time) in [(&["watch"][..], false), (&["watch", "--config", "clock.toml"], true)] {
        let mut terminal = Terminal::open(&sandbox, Some(&org), (100, 30), args);
        terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
        let title = terminal.redrawn().lines().next().unwrap_or_default().to_owned();
        let words: Vec<&str> = title.split_whitespace().rev().take(2).collect();
        let is_time = |word: &str| word.len() == 5 && word.get(2..3) == Some(":");
        assert_eq!(words.get(1).is_some_and(|word| is_time(word)), has_time, "{title}");
        terminal.press(b"q");
        assert_eq!(terminal.end_restored(), 0);
    }
}

#[test]
fn what_was_probed_is_known_to_those_who_only_follow_and_to_exports() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let first = Terminal::open(&sandbox, Some(&org), (140, 40), &["watch"]);
    first.wait("a verdict", |shown| shown.has("60 rows") && shown.has("API AM "));
    let mut second = Terminal::open(&sandbox, Some(&org), (140, 40), &["watch"]);
    second.wait_words(&format!("by process {}, read-only here", first.id));
    second.wait_words("API AM ");
    second.press(b"5");
    second.wait("whose verdict it is", |shown| shown.has(&format!("by process {}", first.id)));
    for mut terminal in [second, first] {
        terminal.press(b"q");
        assert_eq!(terminal.end_restored(), 0);
    }
    for (name, words) in [("out.json", "\"readiness\":{\"probed\":"), ("out.md", "* Probed 20")] {
        let output =
            process::Process::start(&mut sandbox.command(Some(&org.url), &["export", "-o", name])).end();
        assert_eq!(output.code, Some(0), "{}", output.err);
        let text = std::fs::read_to_string(sandbox.path(name)).expect("written");
        assert!(text.contains(words), "{name}: {}", text.chars().take(2000).collect::<String>());
    }
}

#[test]
fn a_screen_beside_a_tail_follows_it_and_says_whose_it_is() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let tail = sandbox.start(&org, &["tail", "--since", "90d"]);
    tail.wait("the whole log", |said| (said.lines == org.total()).then_some(()));
    let mut terminal = Terminal::open(&sandbox, Some(&org), (80, 24), &["watch"]);
    terminal.wait("the rows", |shown| shown.has("60 rows"));
    terminal.wait_words(&format!("by process {}, read-only here", tail.id()));
    terminal.press(b"q");
    assert_eq!(terminal.end_restored(), 0);
    tail.signal(Signal::TERM);
    let output = tail.end();
    assert_eq!((output.code, output.out.lines().count()), (Some(143), org.total()), "{}", output.err);
    org.process.signal(Signal::TERM);
    assert_eq!(org.process.end().code, Some(143));
}

#[test]
fn a_burst_of_keys_is_taken_to_its_last() {
    let sandbox = Sandbox::new();
    let mut terminal = Terminal::open(&sandbox, None, (80, 24), &["demo", "--rate", "0"]);
    terminal.wait_words("poll live");
    // More than the program reads at once and less than the terminal buffers. Nothing follows it.
    terminal.press(&[&b"jk".repeat(1600)[..], b"q"].concat());
    assert_eq!(terminal.end_restored(), 0);
}

#[test]
fn an_answer_of_the_terminal_is_no_key_and_frames_are_bracketed_only_after_a_yes() {
    let sandbox = Sandbox::new();
    let mut terminal = Terminal::open(&sandbox, None, (80, 24), &["demo", "--rate", "0"]);
    terminal.wait_words("poll live");
    // In pieces, with text that would quit the program if it ran as keys.
    terminal.press(b"\x1b]11;rgb:qq");
    terminal.press(b"q/q\x1b\\\x1b[?62;");
    terminal.press(b"22c\x1bP>|q\x1b\\");
    terminal.redrawn();
    let brackets = |shown: &Shown| memchr::memmem::find_iter(&shown.bytes, b"\x1b[?2026h").count();
    assert_eq!(terminal.shown.with(|shown| brackets(shown)), 0, "nobody said that the terminal knows it");
    terminal.press(b"\x1b[?2026;2$y");
    terminal.redrawn();
    terminal.wait("a frame in brackets", |shown| brackets(shown) >= 1);
    terminal.press(b"q");
    let (asked, brackets) = terminal
        .shown
        .with(|shown| (memchr::memmem::find_iter(&shown.bytes, b"\x1b[?2026$p").count(), brackets(shown)));
    assert!(asked == 1 && brackets >= 1, "asked {asked} times, {brackets} frames");
    assert_eq!(terminal.end_restored(), 0);
}

#[test]
fn junk_at_the_keys_ends_nothing() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let mut terminal = Terminal::open(&sandbox, Some(&org), (80, 24), &["watch"]);
    terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
    // A paste without a prompt is ignored. In a prompt it is one line of text.
    for open in [&b""[..], b"f"] {
        terminal.press(open);
        for piece in junk(4000, |_| true).chunks(400) {
            terminal.press(b"\x1b[200~");
            terminal.press(piece);
            terminal.press(b"\x1b[201~");
        }
    }
    // An incomplete character would wait for the rest of its bytes.
    terminal.press(b"jjjj");
    terminal.resize((90, 24), "a frame after the pastes", |shown| !shown.foot().is_empty());
    // All keys, except those that quit, that begin a sequence, and ^r, of whose file is told at the end.
    let ends = |byte: u8| !matches!(byte, b'q' | 0x03 | 0x12 | 0x1a | 0x1b);
    for piece in junk(4000, ends).chunks(100) {
        terminal.press(piece);
    }
    terminal.press(b"jjjj");
    terminal.resize((80, 24), "a frame after the keys", |shown| !shown.foot().is_empty());
    terminal.press(b"\x03");
    assert_eq!(terminal.end_restored(), 130);
}

#[test]
fn the_linear_face_changes_nothing_about_the_terminal() {
    let sandbox = Sandbox::new();
    let args = ["demo", "--linear", "--rate", "600", "--seed", "1"];
    let mut terminal = Terminal::open(&sandbox, None, (80, 24), &args);
    let before = terminal.before.clone();
    let modes = |terminal: &Terminal| {
        terminal.person.as_ref().map(|(master, _)| format!("{:?}", master.get_termios()))
    };
    terminal.wait_words("consents are stored.");
    terminal.press(b"status\n");
    terminal.wait_words("Complete since");
    assert_eq!(modes(&terminal), Some(before.clone()), "no mode is changed while it runs");
    // The end of a terminal's input ends the program.
    terminal.press(b"\x04");
    terminal.wait("the end of the program", |shown| shown.ended && shown.is_silent);
    assert_eq!(terminal.child.wait().expect("it has ended").exit_code(), 0);
    assert_eq!(modes(&terminal), Some(before));
    terminal.shown.with(|shown| assert!(!shown.bytes.contains(&0x1b), "{}", shown.text()));
}

#[test]
fn the_linear_face_hangs_up_as_the_screen_does() {
    let sandbox = Sandbox::new();
    let mut terminal = Terminal::open(&sandbox, None, (80, 24), &["demo", "--linear"]);
    terminal.wait_words("consents are stored.");
    terminal.shown.with(|shown| shown.is_closing = true);
    terminal.press(b"help\n");
    terminal.wait("the last word heard", |shown| shown.is_silent);
    terminal.person = None;
    terminal.wait("the end of the program", |shown| shown.ended);
    let status = terminal.child.wait().expect("it has ended");
    assert_eq!((status.signal(), status.exit_code()), (None, 129));
}

#[test]
fn a_hangup_ends_who_has_a_terminal_and_opens_the_log_again_of_who_has_none() {
    let org = Sim::start(40, &[]);
    let tail = ["tail", "--since", "90d", "--format", "text", "--log-file", "a.log"];
    for has_terminal in [true, false] {
        let sandbox = Sandbox::new();
        let (log, moved) = (sandbox.path("a.log"), sandbox.path("a.log.before"));
        let mut terminal = Terminal::open_as(&sandbox, Some(&org), (200, 60), &tail, has_terminal);
        terminal.wait("the whole log", |shown| shown.rows() >= 38 && log.exists());
        std::fs::rename(&log, &moved).expect("it is moved away, as logrotate does");
        send(terminal.id, Signal::HUP);
        if !has_terminal {
            let again =
                || std::fs::read_to_string(&log).is_ok_and(|text| text.contains("reopened after SIGHUP"));
            for _ in 0..10_000_000 {
                if again() {
                    break;
                }
                terminal.wait("the program to live", |shown| !shown.ended);
                std::thread::yield_now();
            }
            assert!(again(), "the log begins anew at its place");
            send(terminal.id, Signal::TERM);
        }
        terminal.wait("the end of the program", |shown| shown.ended);
        let status = terminal.child.wait().expect("it has ended");
        let code = if has_terminal { 129 } else { 143 };
        assert_eq!((status.signal(), status.exit_code()), (None, code), "{has_terminal}");
        assert_eq!(log.exists(), !has_terminal);
    }
}

#[test]
fn keys_reported_by_number_and_a_paste_without_its_end_do_not_lock_anybody_out() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let mut terminal = Terminal::open(&sandbox, Some(&org), (100, 24), &["watch"]);
    terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
    // `f`, a paste without its end, and keys typed before that is detected.
    terminal.press(b"\x1b[102u\x1b[102;1:3u\x1b[200~kind:gra");
    terminal.wait_words("kind:gra");
    terminal.press(b"nt\x1b[13u");
    terminal.wait("the filter", |shown| shown.has("filter: kind:grant") && shown.has(" of 60 "));
    terminal.press(b"\x1b[113u");
    assert_eq!(terminal.end_restored(), 0);
}

/// Returns pseudo-random bytes, the same each time (xorshift).
fn junk(count: usize, take: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    });
    next.filter(|byte| take(*byte)).take(count).collect()
}

#[test]
fn the_next_start_has_the_mark_the_note_and_the_place() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let is_ready = |shown: &Shown| shown.has("poll live") && shown.has(" of 60 ");
    let mut terminal = Terminal::open(&sandbox, Some(&org), (100, 24), &["watch"]);
    terminal.wait("the rows", |shown| shown.has("60 rows") && shown.has("poll live"));
    terminal.press(b"fkind:grant\r");
    terminal.wait("the filter", is_ready);
    terminal.press(b"kkkm");
    terminal.wait_words("note:");
    terminal.press(b"ask her\r");
    terminal.wait("the mark", |shown| shown.text().lines().any(|line| line.starts_with('*')));
    terminal.press(b"q");
    assert_eq!(terminal.end_restored(), 0);
    let terminal_again = |flags: &[&str]| Terminal::open(&sandbox, Some(&org), (100, 24), flags);
    let mut terminal = terminal_again(&["watch"]);
    terminal
        .wait("the place", |shown| is_ready(shown) && shown.has("HELD") && shown.has("filter: kind:grant"));
    terminal.wait("the mark", |shown| shown.text().lines().any(|line| line.starts_with('*')));
    // The cursor is restored to its row, so the note is there without moving.
    terminal.press(b"m");
    terminal.wait_words("note: ask her");
    terminal.press(b"\rq");
    assert_eq!(terminal.end_restored(), 0);
    let mut terminal = terminal_again(&["watch", "--fresh"]);
    terminal.wait("the end of the whole list", |shown| shown.has("60 rows") && shown.has("LIVE"));
    terminal.press(b"M");
    terminal.wait_words("ask her");
    terminal.press(b"q");
    assert_eq!(terminal.end_restored(), 0);
}

#[test]
fn a_warning_stays_on_the_page_of_sources() {
    let org = Sim::start(20, &[]);
    let sandbox = Sandbox::new();
    let data = sandbox.path("data");
    fs::create_dir(&data)
        .and_then(|()| fs::set_permissions(&data, Permissions::from_mode(0o770)))
        .expect("a folder");
    let mut terminal = Terminal::open(&sandbox, Some(&org), (140, 40), &["watch"]);
    terminal.wait_words("poll live");
    terminal.press(b"6");
    terminal.wait_words("chmod g-w on it");
    terminal.press(b"qq");
    terminal.wait("the end", |shown| shown.ended);
}
