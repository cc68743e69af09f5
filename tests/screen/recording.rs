//! The flight recorder: what it wrote shows the same last screen again, holds no secret and no hidden person, and a bad
//! file is told from a good one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use consentwatch::model::{Msg, Notice};
use consentwatch::screen::{ReadRecording, RecordingError};
use consentwatch::view::{self, Depth, Theme, ThemeKind};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::rig::{Rig, backlog};

/// Compares screens but for blanks: a wide character covers the cell behind it.
#[track_caller]
fn compare(replayed: &str, before: &str, what: &str) {
    let ink = |text: &str| text.split('\n').map(|line| line.replace(' ', "")).collect::<Vec<_>>();
    for (replayed, before) in ink(replayed).iter().zip(&ink(before)) {
        assert_eq!(replayed, before, "{what}");
    }
}

/// Returns what a screen without colors shows of the rig's model, drawn by the view alone.
fn shown(rig: &Rig) -> String {
    let (width, height) = rig.model.size;
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    view::draw_cells(&rig.model, &Theme::new(ThemeKind::Dark, Depth::None), &mut buffer);
    let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
    (0..height).map(row).collect::<Vec<_>>().join("\n")
}

/// Ends the screen with a recording, and returns its file.
async fn recorded(mut rig: Rig, name: &str) -> (tempfile::TempDir, PathBuf) {
    let path = rig.folder.path().join(name);
    rig.performer.record_to = Some(path.clone());
    let (folder, words) = Box::pin(rig.finish_and_keep()).await;
    assert!(words.iter().any(|words| words.starts_with("Wrote the last ")), "{words:?}");
    (folder, path)
}

async fn shows_the_same_again(rig: Rig, what: &str) {
    let before = shown(&rig);
    let (_folder, path) = Box::pin(recorded(rig, "bug.jsonl")).await;
    let replayed = ReadRecording::read(&path).expect("a recording").replay();
    compare(&replayed.frame, &before, what);
    assert!(replayed.is_same && replayed.limits.is_empty(), "{what}: {:?}", replayed.limits);
}

#[tokio::test]
async fn a_recording_shows_the_last_screen_again() {
    for keys in [
        "",
        "kkkkk",
        "kkkk<enter><tab>jjjj",
        "f\"statement\"<enter>gjj",
        "fwho:a<enter>",
        "/a<enter>nn",
        "3jj",
        "2j<enter>k",
        "OOoj",
        "k mnote<enter>jj M",
        ":zo",
        "Cjj<enter>K",
        "ii+]",
        "6jj",
        "5",
        "kkyvp",
        "zHk",
        "S<tab>",
        "p<enter><tab>j",
    ] {
        let mut rig = Rig::start(backlog(60), 100, 30).await;
        rig.press(keys);
        rig.look_up().await;
        rig.settle().await;
        if keys.contains('p') {
            // What is hidden is asked for by another test.
            rig.press("p");
        }
        Box::pin(shows_the_same_again(rig, keys)).await;
    }
}

#[tokio::test]
async fn what_comes_while_the_screen_is_open_is_recorded() {
    let mut rig = Rig::start(sim_plan(), 100, 30).await;
    rig.advance(Duration::from_mins(3)).await;
    rig.press("kkk<enter>");
    rig.advance(Duration::from_mins(2)).await;
    rig.tell(Msg::Resize(80, 24));
    rig.press("<esc>G");
    rig.advance(Duration::from_mins(1)).await;
    Box::pin(shows_the_same_again(rig, "rows that come, a minute that passes, a size that changes")).await;
}

fn sim_plan() -> consentwatch::sim::Plan {
    consentwatch::sim::Plan { rate_per_minute: 20.0, ..backlog(40) }
}

/// A small generator, so that the keys are the same in each run.
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize
}

#[tokio::test]
async fn any_keys_show_the_same_again() {
    let keys: Vec<char> = "jjjkkkgGFhlnN1234 oOCKJ+-=z56Mi[]yuwcsHS?/f:at".chars().collect();
    let mut compared = 0;
    for seed in 1..=8_u64 {
        let (mut rig, mut state, mut typed) = (Rig::start(backlog(40), 100, 30).await, seed, String::new());
        for _ in 0..120 {
            let key = match next(&mut state) % 12 {
                0 => "<esc>".to_owned(),
                1 => "<enter>".to_owned(),
                2 => "<tab>".to_owned(),
                3 => "<pgdn>".to_owned(),
                _ => keys[next(&mut state) % keys.len()].to_string(),
            };
            rig.press(&key);
            typed.push_str(&key);
            if rig.exit.is_some() {
                break;
            }
        }
        rig.look_up().await;
        rig.settle().await;
        let before = shown(&rig);
        let (_folder, path) = Box::pin(recorded(rig, "bug.jsonl")).await;
        let replayed = ReadRecording::read(&path).expect("a recording").replay();
        // What looks like a secret among these keys is not in the file, so that the screens differ.
        if replayed.limits.is_empty() {
            compare(&replayed.frame, &before, &format!("seed {seed}: {typed}"));
            compared += 1;
        }
    }
    assert!(compared >= 6, "{compared} of 8 hold no text that looks like a secret");
}

#[tokio::test]
async fn a_long_day_is_recorded_from_a_later_start() {
    let mut rig = Rig::start(backlog(60), 100, 30).await;
    for _ in 0..250 {
        rig.type_ahead(&"kG".repeat(25));
        rig.pump();
    }
    rig.press("kk");
    let before = shown(&rig);
    let (_folder, path) = Box::pin(recorded(rig, "day.jsonl")).await;
    let size = fs::metadata(&path).expect("a file").len();
    assert!(size < 4 << 20, "{size} bytes");
    let replayed = ReadRecording::read(&path).expect("a recording").replay();
    assert!((10_000..13_000).contains(&replayed.messages), "{}", replayed.messages);
    assert_eq!(replayed.limits.len(), 1, "{:?}", replayed.limits);
    compare(&replayed.frame, &before, "the last screen");
}

#[tokio::test]
async fn the_key_writes_a_recording_beside_the_snapshots() {
    let mut rig = Rig::start(backlog(20), 120, 30).await;
    rig.press("kk<^r>");
    rig.until("the file", |rig| rig.text().contains("Wrote the last ")).await;
    let folder = rig.folder.path().join("snapshots");
    let path = folder.join("recording-20260304T091500Z.jsonl");
    let replayed = ReadRecording::read(&path).expect("a recording").replay();
    assert!(replayed.is_same, "{}", replayed.frame);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn hidden_people_are_not_in_the_file_and_the_screen_is_the_same() {
    let mut rig = Rig::start(backlog(60), 120, 30).await;
    rig.press("kkk<enter>");
    rig.settle().await;
    let people: Vec<String> = rig
        .model
        .rows
        .order()
        .iter()
        .flat_map(|at| {
            let row = rig.model.rows.get(*at);
            let fields =
                |sym| rig.model.rows.symbols().fields(sym).take(3).map(str::to_owned).collect::<Vec<_>>();
            let address = rig.model.rows.symbols().field(row.from, 0).to_owned();
            [fields(row.who), vec![address]].concat()
        })
        .filter(|text| text.len() > 3)
        .collect();
    assert!(people.len() > 60, "{people:?}");
    rig.press("kk<enter>p");
    rig.settle().await;
    let before = shown(&rig);
    let (_folder, path) = Box::pin(recorded(rig, "masked.jsonl")).await;
    let text = fs::read_to_string(&path).expect("a file");
    for name in &people {
        assert!(!text.contains(name.as_str()), "{name} is in the file");
    }
    let replayed = ReadRecording::read(&path).expect("a recording").replay();
    compare(&replayed.frame, &before, "the last screen");
}

#[tokio::test]
async fn what_somebody_wrote_is_not_in_the_file_of_hidden_people() {
    let mut rig = Rig::start(backlog(20), 120, 30).await;
    // A filter, a search, a note, a pasted filter that stays, and a line that is still being typed.
    rig.press("fwho:lovelace<enter><esc>/Ada Lovelace<enter><esc>kmasked Lovelace<enter>");
    rig.until("the note", |rig| rig.model.rows.marks().len() == 1).await;
    rig.press("f");
    rig.tell(Msg::Paste("-ip:192.0.2.7 -lovelace".to_owned()));
    rig.press("<enter>pkk<enter>");
    rig.look_up().await;
    rig.press("e");
    rig.settle().await;
    rig.press("/Ada Lovelace");
    let (_folder, path) = Box::pin(recorded(rig, "masked.jsonl")).await;
    let text = fs::read_to_string(&path).expect("a file");
    let all = format!("{text}{}", typed(&text)).to_lowercase();
    for name in ["lovelace", "192.0.2.7"] {
        assert!(!all.contains(name), "{name} is in the file");
    }
    let replayed = ReadRecording::read(&path).expect("a recording").replay();
    assert!(replayed.is_same, "the last screen is that of what is in the file\n{}", replayed.frame);
    assert!(replayed.limits[0].ends_with("typed characters are hidden in it."), "{:?}", replayed.limits);
}

#[tokio::test]
async fn the_people_of_other_events_of_a_session_are_hidden_too() {
    let mut rig = Rig::start(backlog(60), 120, 30).await;
    rig.press("kkk<enter>e");
    rig.settle().await;
    rig.press("p");
    rig.settle().await;
    let beside = |text: &str| text.lines().find(|line| line.starts_with("{\"Beside\"")).map(str::to_owned);
    let (_folder, path) = Box::pin(recorded(rig, "masked.jsonl")).await;
    let masked = fs::read_to_string(&path).expect("a file");
    let mut rig = Rig::start(backlog(60), 120, 30).await;
    rig.press("kkk<enter>e");
    rig.settle().await;
    let (_folder, path) = Box::pin(recorded(rig, "open.jsonl")).await;
    let open = fs::read_to_string(&path).expect("a file");
    let names: Vec<&str> =
        open.split("displayName\\\":\\\"").skip(1).filter_map(|rest| rest.split("\\\"").next()).collect();
    assert!(!names.is_empty() && beside(&open).is_some(), "{open}");
    let people = |name: &&str| name.contains(' ') && !name.starts_with("Okta") && masked.contains(*name);
    let left: Vec<&str> = names.into_iter().filter(people).collect();
    // Names of apps stay; those of people do not.
    let users = "type\\\":\\\"User";
    for name in left {
        let near = masked.match_indices(name).any(|(at, _)| {
            masked
                .get(at.saturating_sub(200)..(at + 200).min(masked.len()))
                .is_some_and(|text| text.contains(users))
        });
        assert!(!near, "{name} is in the file");
    }
}

#[tokio::test]
async fn a_secret_in_a_note_or_an_open_line_is_not_in_the_file() {
    let token = "00Abcdefghijklmnopqrstuvwxyz0123456789ABCD";
    let mut rig = Rig::start(backlog(10), 120, 30).await;
    rig.press(&format!("m{token}<enter>"));
    rig.until("the note", |rig| rig.model.rows.marks().len() == 1).await;
    rig.press(&format!("M<esc>f{token}"));
    let (_folder, path) = Box::pin(recorded(rig, "secret.jsonl")).await;
    let text = fs::read_to_string(&path).expect("a file");
    assert!(!text.contains(token), "{text}");
    let replayed = ReadRecording::read(&path).expect("a recording").replay();
    assert!(replayed.is_same && !replayed.frame.contains(token), "{}", replayed.frame);
}

#[tokio::test]
async fn a_recording_that_is_being_written_is_whole_after_the_end() {
    let mut rig = Rig::start(backlog(20), 120, 30).await;
    rig.performer.record_to = Some(rig.folder.path().join("end.jsonl"));
    rig.press_without_answer("kk<^r>");
    let (folder, words) = Box::pin(rig.finish_and_keep()).await;
    assert_eq!(words.iter().filter(|words| words.starts_with("Wrote the last ")).count(), 2, "{words:?}");
    for name in ["end.jsonl", "snapshots/recording-20260304T091500Z.jsonl"] {
        ReadRecording::read(&folder.path().join(name)).expect("a recording");
    }
}

#[tokio::test]
async fn numbers_that_would_fill_the_memory_are_refused() {
    let mut rig = Rig::start(backlog(10), 100, 30).await;
    rig.tell(Msg::Resize(90, 30));
    let (folder, path) = Box::pin(recorded(rig, "good.jsonl")).await;
    let good = fs::read_to_string(&path).expect("a file");
    let seq = good.split("\"seq\":").nth(1).and_then(|rest| rest.split(',').next()).expect("a row");
    let who = good.split("\"who\":").nth(1).and_then(|rest| rest.split(',').next()).expect("a row");
    for (from, to) in [
        (format!("\"seq\":{seq}"), "\"seq\":-1".to_owned()),
        (format!("\"seq\":{seq}"), "\"seq\":4294967296".to_owned()),
        (format!("\"who\":{who}"), "\"who\":4294967295".to_owned()),
        ("\"size\":[100,30]".to_owned(), "\"size\":[65535,65535]".to_owned()),
        ("{\"Resize\":[90,30]}".to_owned(), "{\"Resize\":[65535,65535]}".to_owned()),
    ] {
        let bad = good.replacen(&from, &to, 1);
        assert_ne!(bad, good, "{from}");
        let path = folder.path().join("bad.jsonl");
        fs::write(&path, bad).expect("a file");
        let words = ReadRecording::read(&path).expect_err(&to).to_string();
        assert!(words.contains("is damaged"), "{words}");
    }
}

/// Returns the characters that went into lines that were typed.
fn typed(text: &str) -> String {
    let chars = text.lines().filter_map(|line| line.strip_prefix(r#"{"Typed":{"key":{"Char":""#));
    chars.filter_map(|rest| rest.chars().next()).collect()
}

#[tokio::test]
async fn no_secret_is_in_the_file() {
    let token = "00Abcdefghijklmnopqrstuvwxyz0123456789ABCD";
    let mut rig = Rig::start(backlog(10), 100, 30).await;
    rig.press(&format!("f{token}<esc>"));
    rig.press("f");
    rig.tell(Msg::Paste(format!("https://ada:{token}@example.test/?code={token}")));
    rig.press("<enter>");
    rig.look_up().await;
    let (_folder, path) = Box::pin(recorded(rig, "secret.jsonl")).await;
    let text = fs::read_to_string(&path).expect("a file");
    assert!(!text.contains(token), "{text}");
    let typed = typed(&text);
    assert!(typed.contains(&"x".repeat(token.len())), "{typed}");
    assert!(!typed.contains("Abcdef"), "{typed}");
}

#[tokio::test]
async fn a_bad_file_is_told_from_a_good_one() {
    let mut rig = Rig::start(backlog(10), 100, 30).await;
    rig.press("kk");
    let (folder, path) = Box::pin(recorded(rig, "good.jsonl")).await;
    let good = fs::read_to_string(&path).expect("a file");
    let read = |text: &str| {
        let path = folder.path().join("bad.jsonl");
        fs::write(&path, text).expect("a file");
        ReadRecording::read(&path).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(read(&good), Ok(()));
    // Cut anywhere behind the head, in a line or between two.
    let head = good.find('\n').expect("lines") + 1;
    for at in (head..good.len()).step_by(701).chain([good.len() - 1]) {
        let cut: String = good.chars().take(good.get(..at).map_or(0, |text| text.chars().count())).collect();
        let words = read(&cut).unwrap_err();
        assert!(words.contains("It is cut: ") && words.ends_with("Ask for the whole file."), "{at}: {words}");
    }
    let newer = good.replacen(r#""consentwatch_recording":2"#, r#""consentwatch_recording":3"#, 1);
    let newer = newer.replacen(env!("CARGO_PKG_VERSION"), "9.8.7", 1);
    assert_eq!(
        read(&newer).unwrap_err(),
        "It is a recording of version 3, and this consentwatch reads version 2. Replay it with consentwatch 9.8.7, which wrote it."
    );
    for other in ["", "{}", "[]", "hello", "{\"consentwatch_recording\":\"x\"}"] {
        assert!(read(other).unwrap_err().starts_with("It is not a recording"), "{other}");
    }
    let damaged = good.replacen("{\"Key\"", "{\"Kex\"", 1);
    assert!(read(&damaged).unwrap_err().contains("is damaged"), "{damaged}");
    assert!(matches!(ReadRecording::read(Path::new("/nowhere")), Err(RecordingError::Read(_))));
}

#[tokio::test]
async fn a_message_that_was_too_large_is_not_called_hidden_and_the_screen_is_the_real_one() {
    let mut rig = Rig::start(backlog(10), 100, 30).await;
    rig.tell(Msg::Notice(Notice::plain("x".repeat(300 << 10))));
    let before = shown(&rig);
    let (_folder, path) = Box::pin(recorded(rig, "large.jsonl")).await;
    let replayed = ReadRecording::read(&path).expect("a recording").replay();
    assert_eq!(replayed.limits, ["Large messages that were left out of it: 1."]);
    // The notice is on the screen that was recorded, and the replay knows nothing of it.
    assert!(before.contains("xxxx") && !replayed.frame.contains("xxxx") && !replayed.is_same);
}

#[tokio::test]
async fn a_file_that_is_there_is_not_written_over() {
    let mut rig = Rig::start(backlog(10), 100, 30).await;
    let path = rig.folder.path().join("there.jsonl");
    fs::write(&path, "mine").expect("a file");
    rig.performer.record_to = Some(path.clone());
    let (_folder, words) = Box::pin(rig.finish_and_keep()).await;
    assert!(words.iter().any(|words| words.contains("there.jsonl was not written")), "{words:?}");
    assert_eq!(fs::read_to_string(&path).expect("a file"), "mine");
}

#[tokio::test]
async fn a_recording_of_another_program_s_making_does_no_harm() {
    // A message that could not have come still meets a model that takes anything.
    let mut rig = Rig::start(backlog(10), 100, 30).await;
    rig.press("kk");
    let (folder, path) = Box::pin(recorded(rig, "good.jsonl")).await;
    let good = fs::read_to_string(&path).expect("a file");
    let odd = good.replacen("{\"Resize\":", "{\"Click\":", 1).replace("\"Work\"", "{\"Cut\":{\"after\":-5,\"to\":9223372036854775807,\"kept\":[{\"first\":-9,\"last\":9223372036854775807}]}}");
    let odd_path = folder.path().join("odd.jsonl");
    fs::write(&odd_path, odd).expect("a file");
    let replayed = ReadRecording::read(&odd_path).expect("a recording").replay();
    assert!(!replayed.frame.is_empty());
}
