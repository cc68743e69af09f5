//! Hostile text from outside: whatever it contains, only the program's own sequences reach a terminal.

#[path = "support/process.rs"]
#[expect(dead_code, reason = "files need no running org")]
mod process;
#[path = "support/terminal.rs"]
#[expect(dead_code, reason = "nothing here ends in an odd way")]
mod terminal;
#[path = "support/unseen.rs"]
mod unseen;

use consentwatch::clock::Clock;
use consentwatch::consent::{Orgs, RowPage, Seq, Sym, Via, visible};
use consentwatch::export::{Lines, sentences};
use consentwatch::journal::{self, Batch, Opened, OrgEntry, Reader, Settings};
use consentwatch::model::{Chord, Key, Model, Msg, Notice, Origin, Zone, update};
use consentwatch::okta;
use consentwatch::report::Board;
use consentwatch::run::{Source, Supply as _};
use consentwatch::tui::{Screen, Setup};
use consentwatch::view::{self, Depth, Theme, ThemeKind};
use ratatui::layout::Size;

/// Hostile texts, each with another trick.
const CORPUS: [&str; 72] = [
    // Terminal sequences, with 7-bit and 8-bit controls.
    "\u{1b}[2J",
    "\u{1b}[31mred",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]52;c;ZXZpbA==\u{7}",
    "\u{1b}]8;;http://evil.test\u{1b}\\link",
    "\u{1b}P+q544e\u{1b}\\",
    "\u{1b}_apc\u{1b}\\",
    "\u{1b}^pm\u{1b}\\",
    "\u{1b}X sos\u{1b}\\",
    "\u{1b}c",
    "\u{1b}[6n",
    "\u{1b}[c",
    "\u{1b}[>c",
    "\u{1b}[?2026$p",
    "\u{1b}[?1049l",
    "\u{1b}[?25h",
    "\u{1b}[1;1H",
    "\u{1b}[5i",
    "\u{1b}Ptmux;\u{1b}\u{1b}]0;x\u{7}\u{1b}\\",
    "\u{1b}(0lqk",
    "\u{9b}2J",
    "\u{9d}0;t\u{9c}",
    "\u{90}q\u{9c}",
    "\u{85}next",
    "\u{8d}up",
    // Single control characters.
    "a\u{0}b",
    "bell\u{7}",
    "back\u{8}\u{8}\u{8}\u{8}space",
    "tab\tbed",
    "line\nfeed",
    "carriage\rreturn",
    "form\u{c}feed",
    "shift\u{e}out\u{f}in",
    "del\u{7f}ete",
    "xon\u{11}xoff\u{13}",
    // Bidirectional controls, invisible characters and lookalikes.
    "pay\u{202e}fdp.exe",
    "\u{2066}isolate\u{2069}",
    "a\u{200e}b\u{200f}c",
    "Goo\u{200b}gle",
    "zero\u{200c}joiner",
    "pay\u{200d}pal",
    "\u{feff}bom",
    "soft\u{ad}hyphen",
    "word\u{2060}joiner",
    "tag\u{e0041}\u{e007f}",
    "hangul\u{3164}filler",
    "\u{ffa0}half",
    "braille\u{2800}blank",
    "line\u{2028}sep\u{2029}par",
    "\u{fff9}anno\u{fffb}",
    // Characters of unusual width.
    "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
    "\u{301}alone",
    "李明さん",
    "👩\u{200d}💻👨\u{200d}👩\u{200d}👧",
    "🇳🇱🇳",
    "❤\u{fe0f}✂\u{fe0e}",
    "ﷺ﷽",
    "a\u{fe00}b\u{e0100}c",
    "\u{1f3fb}skin",
    "กำ\u{e33}ำ",
    // Characters that are invisible by various properties.
    "a\u{fe0f}b\u{fe0e}c\u{fe01}",
    "mongol\u{180b}\u{180f}\u{180e}",
    "duployan\u{1bca0}\u{1bca3}",
    "egypt\u{13430}\u{13441}\u{1345f}",
    "grapheme\u{34f}joiner\u{115f}\u{1160}",
    "non\u{fdd0}char\u{ffff}\u{10fffe}",
    "music\u{1d159}object\u{fffc}khitan\u{16fe4}",
    "joiner\u{200d}\u{200d}👩\u{200d}",
    "می\u{200c}خواهم क्\u{200d}ष",
    // Floods of combining marks in other scripts than Latin.
    "ก\u{e49}\u{e49}\u{e49}\u{e49}\u{e49}\u{e49}",
    "क\u{93c}\u{93c}\u{93c}\u{93c}\u{93c}\u{93c}",
    "👍🏽🏽🏽🏽🏽🏽",
];

/// Returns the first byte sent to a terminal that is not part of the program's own sequences, with its context.
fn foreign(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Some(format!("no UTF-8 at {}", error.valid_up_to())),
    };
    let mut rest = text;
    while !rest.is_empty() {
        let (words, sequences) = rest.split_at(rest.find('\u{1b}').unwrap_or(rest.len()));
        if let Some(what) = unseen::unseen(words, true) {
            return Some(what);
        }
        rest = sequences;
        if rest.starts_with('\u{1b}') {
            let Some(length) = sequence(rest) else {
                return Some(format!("{:?}", rest.chars().take(24).collect::<String>()));
            };
            rest = rest.split_at(length).1;
        }
    }
    None
}

/// Returns the length of one of the program's own sequences at the start of a text: certain control sequences, and the
/// window title.
fn sequence(text: &str) -> Option<usize> {
    if let Some(title) = text.strip_prefix("\u{1b}]2;") {
        let end = title.find("\u{1b}\\")?;
        return title.split_at(end).0.chars().all(|c| !c.is_control()).then_some(4 + end + 2);
    }
    let body = text.strip_prefix("\u{1b}[")?;
    let end = body.find(|c: char| ('@'..='~').contains(&c))?;
    let (parameters, last) = (body.split_at(end).0, body.as_bytes()[end]);
    let are_numbers = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == ';');
    let is_ours = match (parameters.strip_prefix('?'), last) {
        (Some(mode), b'h' | b'l') => matches!(mode, "7" | "25" | "1000" | "1006" | "1049" | "2004" | "2026"),
        (None, b't') => matches!(parameters, "22;2" | "23;2"),
        (None, b'H' | b'C' | b'm' | b'J' | b'K' | b'r' | b'S' | b'T') => are_numbers(parameters),
        _ => false,
    };
    is_ours.then_some(2 + end + 1)
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text has a form in JSON")
}

/// Returns an event with a text in every field that is shown.
fn event(number: usize, text: &str) -> String {
    let text = quoted(text);
    format!(
        r#"{{"uuid":"5b1f0c9e-4444-4444-8444-{number:012}","eventType":"app.oauth2.as.consent.grant","version":{text},
        "published":"2026-05-06T07:{:02}:{:02}.000Z","displayMessage":{text},"severity":{text},
        "actor":{{"id":{text},"type":{text},"alternateId":{text},"displayName":{text}}},
        "client":{{"ipAddress":{text},"userAgent":{{"rawUserAgent":{text}}},"geographicalContext":{{"city":{text},"country":{text}}}}},
        "outcome":{{"result":{text},"reason":{text}}},"transaction":{{"id":{text},"type":{text}}},
        "authenticationContext":{{"externalSessionId":{text}}},"debugContext":{{"debugData":{{{text}:{text}}}}},
        "target":[{{"id":{text},"type":"scope","alternateId":{text},"displayName":{text},
        "detailEntry":{{"publicclientapp":{text},"authorizationserver":{text},"user":{text},"subject":{text}}}}}]}}"#,
        number / 60 % 60,
        number % 60
    )
}

fn consents() -> Vec<consentwatch::consent::Consent> {
    let events: Vec<String> = CORPUS.iter().enumerate().map(|(number, text)| event(number, text)).collect();
    let received = "2026-05-06T08:00:00Z".parse().expect("a time");
    let page = okta::page(format!("[{}]", events.join(",")).as_bytes(), received, Via::POLL).expect("a page");
    assert_eq!(page.consents.len(), CORPUS.len(), "every event is read");
    page.consents
}

#[test]
fn the_checker_tells_ours_from_theirs() {
    for ours in ["\u{1b}[2J", "\u{1b}[12;4H", "\u{1b}[0;7;38;5;4m", "\u{1b}[?2004h", "李 ada", "👩\u{200d}💻"]
    {
        assert_eq!(foreign(ours.as_bytes()), None, "{ours:?}");
    }
    for theirs in CORPUS.iter().filter(|text| text.contains(unseen::is_unseen)) {
        let is_ours_too = matches!(
            *theirs,
            "\u{1b}[2J"
                | "\u{1b}[31mred"
                | "\u{1b}[?1049l"
                | "\u{1b}[?25h"
                | "\u{1b}[1;1H"
                | "👩\u{200d}💻👨\u{200d}👩\u{200d}👧"
                | "❤\u{fe0f}✂\u{fe0e}"
                | "می\u{200c}خواهم क्\u{200d}ष"
        );
        assert_eq!(foreign(theirs.as_bytes()).is_none(), is_ours_too, "{theirs:?}");
    }
    assert!(foreign(b"\x1b[6n").is_some() && foreign(b"\xff").is_some() && foreign(b"\x1b").is_some());
}

#[test]
fn invisible_characters_of_all_of_unicode_are_made_visible() {
    for text in CORPUS {
        assert_eq!(unseen::unseen(&visible(text), false), None, "{text:?}");
    }
    // Every Unicode character, between letters.
    let all: Vec<char> = ('\0'..=char::MAX).collect();
    for chars in all.chunks(256) {
        let text: String = chars.iter().flat_map(|c| ['a', *c, 'b']).collect();
        let shown = visible(&text);
        assert_eq!(unseen::unseen(&shown, false), None, "from {:?}", chars[0]);
        for c in chars.iter().filter(|c| unseen::is_unseen(**c) && **c > '\u{7f}') {
            assert!(shown.contains(&format!("a<U+{:04X}>b", *c as u32)), "{c:?} is named");
        }
    }
}

#[test]
fn a_flood_of_marks_in_a_scope_costs_a_key_few_bytes() {
    for flood in ["\u{301}", "\u{94d}क", "\u{e49}", "ᄀ", "\u{200d}👩", "\u{9cd}\u{200d}", "\u{fe0f}"] {
        let scope = quoted(&format!("क{}", flood.repeat(20_000)));
        let event = format!(
            r#"[{{"uuid":"5b1f0c9e-4444-4444-8444-000000000001","eventType":"app.oauth2.as.consent.grant",
            "published":"2026-05-06T07:00:00.000Z","target":[{{"id":"oag1","type":"scope","displayName":{scope}}}]}}]"#
        );
        let now: jiff::Timestamp = "2026-05-06T08:00:00Z".parse().expect("a time");
        let mut model = Model::new(Origin::default(), Zone::default(), (200, 50), now);
        let consent = okta::page(event.as_bytes(), now, Via::POLL).expect("a page").consents.remove(0);
        let symbols =
            (1..).map(Sym).zip(consent.symbols()).filter(|(_, symbol)| !symbol.is_empty()).collect();
        let page = RowPage { rows: vec![consent.row(Seq(1)).0], symbols, ..RowPage::default() };
        drop(update(&mut model, Msg::Committed(page)));
        let mut terminal = Vec::new();
        let theme = Theme::new(ThemeKind::Dark, Depth::True);
        let mut screen = Screen::over(&mut terminal, Size::new(200, 50), Setup::default()).expect("a screen");
        screen.paint(|frame| view::draw(&model, &theme, frame)).expect("a frame");
        let before = screen.bytes_written();
        drop(update(&mut model, Msg::Key(Chord::plain(Key::Enter))));
        drop(update(&mut model, Msg::Record(Seq(1), Some(Box::new(consent)))));
        screen.paint(|frame| view::draw(&model, &theme, frame)).expect("a frame");
        let sent = screen.bytes_written() - before;
        assert!((200..40_000).contains(&sent), "{flood:?}: {sent} bytes");
    }
}

#[tokio::test]
async fn no_text_from_outside_is_obeyed_on_any_screen() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual("2026-05-06T08:00:00Z".parse().expect("a time"));
    let Opened::Writer(journal) =
        journal::open(folder.path(), Settings::default(), clock.clone()).expect("a journal")
    else {
        panic!("nobody holds it")
    };
    journal.append(Batch { consents: consents(), ..Batch::default() }).await.expect("it takes them");
    for (width, height) in [(200, 80), (80, 24), (20, 5), (1, 1)] {
        let (_board, board) = tokio::sync::watch::channel(Board::default());
        let org = OrgEntry::of_folder(folder.path(), clock.clone()).org;
        let reader = Reader::open(folder.path()).expect("a reader");
        let mut source = Source::new(reader, journal.head(), vec![(org, board)]);
        let mut records = source.records();
        let org = visible(CORPUS[2]).into_owned();
        let mut model =
            Model::new(Origin { org, tag: String::new() }, Zone::default(), (width, height), clock.now());
        let (mut msgs, mut more) = (Vec::new(), true);
        while more {
            more = source.pull(&mut msgs);
            for msg in msgs.drain(..) {
                drop(update(&mut model, msg));
            }
        }
        let theme = Theme::new(ThemeKind::Dark, Depth::True);
        let mut terminal = Vec::new();
        let mut frames = 0;
        {
            let setup = Setup { sync: true, mouse: true, title: true };
            let mut screen = Screen::over(&mut terminal, Size::new(width, height), setup).expect("a screen");
            for text in CORPUS {
                screen.set_title(&visible(text)).expect("a name");
            }
            let mut show = |model: &mut Model, msg: Msg| {
                let mut due = vec![msg];
                while let Some(msg) = due.pop() {
                    for effect in update(model, msg) {
                        if let consentwatch::model::Effect::Read(seq) = effect {
                            due.push(Msg::Record(seq, records.record(seq).expect("a record").map(Box::new)));
                        }
                    }
                }
                screen.paint(|frame| view::draw(model, &theme, frame)).expect("a frame");
                frames += 1;
            };
            let key = |key| Msg::Key(Chord::plain(key));
            show(&mut model, key(Key::Enter));
            // Every row with its detail, from the first line to the last.
            for _ in CORPUS {
                show(&mut model, key(Key::Up));
                show(&mut model, key(Key::Enter));
                for _ in 0..12 {
                    show(&mut model, key(Key::PageDown));
                }
                show(&mut model, key(Key::Esc));
            }
            for page in "234561".chars() {
                show(&mut model, key(Key::Char(page)));
                show(&mut model, key(Key::Esc));
            }
            for text in CORPUS {
                // Typed and pasted, as a filter and in a notice.
                show(&mut model, key(Key::Char('f')));
                show(&mut model, Msg::Paste(text.to_owned()));
                show(&mut model, key(Key::Esc));
                show(&mut model, Msg::Notice(Notice::bad(visible(text).into_owned())));
            }
        }
        let least = if width == 1 { 50 } else { 10_000 };
        assert!(frames > 60 * 15 && terminal.len() > least, "{frames} frames, {} bytes", terminal.len());
        // Sequences that the program sends too: they occur exactly as often as the program sends them.
        let count = |what: &[u8]| memchr::memmem::find_iter(&terminal, what).count();
        assert_eq!(count(b"\x1b[31mred"), 0, "a color that the text itself sets");
        // The screen is cleared once at the start and once at the end.
        assert_eq!((count(b"\x1b[2J"), count(b"\x1b[?1049l"), count(b"\x1b[?25h")), (2, 1, 1));
        if let Some(what) = foreign(&terminal) {
            panic!("at {width}x{height}: {what}");
        }
    }
    journal.close().await;
}

#[test]
fn no_text_from_outside_is_obeyed_on_a_real_terminal() {
    let sandbox = process::Sandbox::new();
    // The name of the file, and so the window title, is hostile too.
    let name = "hostile\u{1b}]2;theirs\u{7}\u{202e}.jsonl";
    let lines: Vec<String> =
        CORPUS.iter().enumerate().map(|(number, text)| event(number, text).replace('\n', " ")).collect();
    std::fs::write(sandbox.path(name), lines.join("\n")).expect("a file");
    let locale = [("LANG", "C.UTF-8")];
    let mut terminal = terminal::Terminal::open_in(&sandbox, None, (140, 40), &["open", name], &locale, true);
    terminal.wait_words(&format!("{} rows", CORPUS.len()));
    terminal.press(b"gg\r");
    for number in 0..CORPUS.len() {
        // The next row with its detail: its end, and back to its start.
        terminal.press(b"Gg");
        terminal.press(b"hj");
        if number % 8 == 0 {
            terminal.redrawn();
        }
    }
    for page in "2345613".chars() {
        terminal.press(page.to_string().as_bytes());
    }
    terminal.press(b"1");
    terminal.redrawn();
    let bytes = terminal.shown.with(|shown| shown.bytes.clone());
    assert!(bytes.len() > 20_000, "{}", bytes.len());
    // The program sends one query at the start. The same query in a row is shown and not sent.
    let question = b"\x1b[?2026$p";
    let at = memchr::memmem::find(&bytes, question).expect("it is asked");
    let (before, after) = bytes.split_at(at);
    assert_eq!((foreign(before), foreign(after.split_at(question.len()).1)), (None, None));
    let title = "\u{1b}]2;consentwatch hostile^[]2;theirs^G<U+202E>.jsonl\u{1b}\\";
    assert!(
        memchr::memmem::find(before, title.as_bytes()).is_some(),
        "{:?}",
        String::from_utf8_lossy(before)
    );
    terminal.press(b"qqq");
    terminal.wait("the end", |shown| shown.ended);
}

#[test]
fn no_text_from_outside_is_obeyed_in_lines() {
    for (number, consent) in (1..).zip(consents()) {
        let mut out = Vec::new();
        for form in [Lines::Text, Lines::Json, Lines::Card, Lines::Raw] {
            form.line_for_terminal(Seq(number), &consent, &Orgs::default(), &mut out);
        }
        out.extend(sentences(Seq(number), &consent, &Orgs::default()).join("\n").bytes());
        for line in out.split(|byte| *byte == b'\n') {
            assert_eq!(foreign(line), None, "{:?}", CORPUS[number as usize - 1]);
            assert!(!line.contains(&0x1b));
        }
    }
}
