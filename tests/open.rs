//! Files read by the real binary: round trips, every format and compression, and damaged files.

#[path = "support/process.rs"]
#[expect(dead_code, reason = "files need no running org")]
mod process;

use std::fs;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::path::Path;
use std::process::{Command, Stdio};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use process::{Output, Process, Sandbox, Sim, one_at_a_time};

/// Returns what the program prints for files. `-` reads these bytes.
fn tail(sandbox: &Sandbox, stdin: &[u8], args: &[&str]) -> Output {
    run(sandbox, stdin, &[&["tail"], args].concat())
}

/// Runs the program with this standard input.
fn run(sandbox: &Sandbox, stdin: &[u8], args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consentwatch"));
    command.env_clear().envs(sandbox.environment(None)).current_dir(sandbox.path("")).args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = one_at_a_time(|| command.spawn()).expect("the binary starts");
    let mut input = child.stdin.take().expect("a pipe");
    let stdin = stdin.to_vec();
    // Writing may fail if the program ends early, which is allowed.
    let feed = std::thread::spawn(move || drop(input.write_all(&stdin)));
    let output = Process::over(child).end();
    feed.join().expect("it ends");
    output
}

/// Returns a folder with exports of an org's journal in several formats.
fn exported(sandbox: &Sandbox) -> (String, String) {
    let org = Sim::start(60, &[]);
    let run = |args: &[&str]| {
        let output = Process::start(&mut sandbox.command(Some(&org.url), args)).end();
        assert_eq!(output.code, Some(0), "{args:?}: {}", output.err);
        output.out
    };
    run(&["tail", "--once", "--since", "30d"]);
    for form in ["json", "jsonl", "raw"] {
        run(&["export", "--format", form, "-o", &format!("out.{form}")]);
    }
    let read = |name: &str| fs::read_to_string(sandbox.path(name)).expect("written");
    (read("out.raw"), read("out.jsonl"))
}

fn pack(from: &Path, to: &Path) {
    let bytes = fs::read(from).expect("a file");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).expect("memory takes it");
    fs::write(to.with_extension("gz"), gzip.finish().expect("memory takes it")).expect("a file");
    fs::write(to.with_extension("zst"), zstd::encode_all(&*bytes, 1).expect("memory takes it"))
        .expect("a file");
}

#[test]
fn what_was_exported_comes_back_byte_for_byte() {
    let sandbox = Sandbox::new();
    let (raw, lines) = exported(&sandbox);
    for name in ["out.json", "out.jsonl", "out.raw"] {
        let output = tail(&sandbox, b"", &["--input", name, "--format", "raw"]);
        assert_eq!((output.code, output.err.as_str()), (Some(0), ""), "{name}");
        assert!(output.out == raw, "{name}: the events came back otherwise");
    }
    for name in ["out.json", "out.jsonl"] {
        let output = tail(&sandbox, b"", &["--input", name, "--format", "json"]);
        assert!(output.out == lines, "{name}: what was known beside the events came back otherwise");
    }
    pack(&sandbox.path("out.json"), &sandbox.path("packed"));
    for name in ["packed.gz", "packed.zst"] {
        let output = tail(&sandbox, b"", &["--input", name, "--format", "json"]);
        assert!(output.out == lines && output.code == Some(0), "{name}");
    }
    let output = tail(&sandbox, raw.as_bytes(), &["--input", "-", "--format", "raw"]);
    assert!(output.out == raw, "standard input came back otherwise");
    let array = format!("[{}]", raw.trim_end().replace('\n', ","));
    let output = tail(&sandbox, array.as_bytes(), &["--input", "-", "--format", "raw"]);
    assert!(output.out == raw, "an array came back otherwise");
    // A delivery and a LogEvent of the same event are one line, as they are one row on the screen.
    let event = raw.lines().next().expect("an event");
    let delivery =
        format!(r#"{{"eventType":"com.okta.event_hook","eventId":"e1","data":{{"events":[{event}]}}}}"#);
    fs::write(sandbox.path("delivery"), delivery).expect("a file");
    let output = tail(&sandbox, b"", &["--input", "delivery", "out.raw", "--format", "json"]);
    assert_eq!(output.out.lines().count(), raw.lines().count());
    let first = output.out.lines().next().expect("a line");
    assert!(first.contains(r#""hook":{"#) && first.contains(r#""via":["hook"]"#), "{first}");
    // Repeated events are printed once, and filter and limit apply.
    let both = ["--input", "out.json", "out.raw", "--format", "raw"];
    assert!(tail(&sandbox, b"", &both).out == raw);
    let some = ["--input", "out.raw", "--format", "raw", "--filter", "kind:revoke", "--limit", "2"];
    let output = tail(&sandbox, b"", &some);
    assert_eq!((output.code, output.out.lines().count()), (Some(0), 2));
    assert!(output.out.lines().all(|line| line.contains("consent.revoke")));
}

#[test]
fn the_events_of_two_orgs_stay_apart() {
    let sandbox = Sandbox::new();
    let (_, lines) = exported(&sandbox);
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    let host = first["org"].as_str().expect("the org").to_owned();
    assert!(host.starts_with("127.0.0.1:"), "{host}");
    let count = lines.lines().count();
    assert_eq!(lines.matches(&format!(",\"org\":\"{host}\",")).count(), count);
    fs::write(sandbox.path("preview"), lines.replace(&host, "preview")).expect("a file");
    let both = ["--input", "out.jsonl", "preview", "out.raw"];
    let output = tail(&sandbox, b"", &[&both[..], &["--format", "json"]].concat());
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""));
    assert_eq!(output.out.matches("\"org\":\"preview\",").count(), count);
    assert_eq!(output.out.lines().count(), 2 * count, "an event without an org repeats one of them");
    let output = tail(&sandbox, b"", &[&both[..], &["--format", "text"]].concat());
    for org in [host.as_str(), "preview"] {
        assert_eq!(output.out.matches(&format!("  [{org}]  ")).count(), count, "{org}");
    }
    // One org is not named in lines for people.
    let output = tail(&sandbox, b"", &["--input", "out.jsonl", "out.raw", "--format", "text"]);
    assert!(output.out.lines().count() == count && !output.out.contains(&host), "{}", output.out);
    // From a pipe, too.
    let piped = format!("{lines}{}", lines.replace(&host, "preview"));
    let output = tail(&sandbox, piped.as_bytes(), &["--input", "-", "--format", "json"]);
    assert_eq!((output.code, output.out.lines().count()), (Some(0), 2 * count));
}

#[test]
fn what_is_damaged_says_so_and_gives_what_is_good() {
    let sandbox = Sandbox::new();
    exported(&sandbox);
    let snapshot = fs::read(sandbox.path("out.json")).expect("written");
    let text = String::from_utf8(snapshot.clone()).expect("text");
    let count =
        text.lines().filter(|line| line.starts_with("{\"schema\":\"consentwatch.consent/1\"")).count();
    let write = |name: &str, bytes: &[u8]| fs::write(sandbox.path(name), bytes).expect("a file");
    write("changed", text.replacen("\"INFO\"", "\"WARN\"", 1).as_bytes());
    write("cut", &snapshot[..snapshot.len() / 2]);
    write("member", text.replacen(",\n{\"schema\"", ",\n{\"schema", 1).as_bytes());
    // JSON as curl writes it, with one quote missing: its end cannot be found by brackets.
    let events = fs::read_to_string(sandbox.path("out.raw")).expect("written");
    let page = format!("[{}]", events.trim_end().replace('\n', ","));
    write(
        "oneline",
        page.replacen(r#""version":"#, r#"version":"#, 3)
            .replacen(r#"version":"#, r#""version":"#, 2)
            .as_bytes(),
    );
    write(
        "stray",
        format!("[{}]", events.trim_end().replacen('\n', ", 7, ", 1).replace('\n', ",")).as_bytes(),
    );
    write("future", text.replace("consentwatch.snapshot/1", "consentwatch.snapshot/2").as_bytes());
    write("empty", b"\n");
    write("table", b"time,kind\n1,2\n");
    write("packed", b"BZh91AY&SY");
    fs::create_dir(sandbox.path("folder")).expect("a folder");
    rustix::fs::mkfifoat(rustix::fs::CWD, sandbox.path("pipe"), rustix::fs::Mode::RWXU).expect("a pipe");
    for (name, words, least, most) in [
        ("changed", "do not match its SHA-256", count, count),
        ("cut", "it is incomplete; ", count / 4, count - 1),
        ("member", "1 record cannot be read; the first at byte", count - 1, count - 1),
        ("oneline", "1 record cannot be read; the first at byte", count - 1, count - 1),
        ("stray", "1 record cannot be read", count, count),
        ("future", "this program reads consentwatch.snapshot/1", 0, 0),
        ("empty", "is empty", 0, 0),
        ("table", "holds no JSON", 0, 0),
        ("packed", "is compressed with bzip2", 0, 0),
        ("folder", "is a directory", 0, 0),
        ("pipe", "is not a regular file", 0, 0),
        ("nowhere", "cannot be read", 0, 0),
    ] {
        let before = sandbox.path(name).metadata().ok().map(|metadata| metadata.len());
        let output = tail(&sandbox, b"", &["--input", name, "--format", "raw"]);
        let told = output.out.lines().count();
        assert_eq!(output.code, Some(1), "{name}: {}", output.err);
        assert!(output.err.contains(words) && !output.err.contains(".."), "{name}: {}", output.err);
        assert!((least..=most).contains(&told), "{name}: {told} of {count}");
        assert_eq!(sandbox.path(name).metadata().ok().map(|metadata| metadata.len()), before);
    }
    let output = tail(&sandbox, b"", &["--input", "out.raw", "--once"]);
    assert_eq!(output.code, Some(2), "{}", output.err);
}

/// Runs `open` on a terminal, presses a key once some words are shown, and returns the last screen and the exit code.
fn open(sandbox: &Sandbox, args: &[&str], steps: &[(&str, &str, &str)]) -> (String, u32, Vec<String>) {
    let pair = native_pty_system()
        .openpty(PtySize { rows: 24, cols: 100, pixel_width: 0, pixel_height: 0 })
        .expect("a terminal");
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_consentwatch"));
    command.env_clear();
    for (name, value) in sandbox.environment(None) {
        command.env(name, value);
    }
    command.cwd(sandbox.path(""));
    command.args(["open"]);
    command.args(args);
    let mut child = one_at_a_time(|| pair.slave.spawn_command(command)).expect("the binary starts");
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().expect("a reader");
    let mut writer = pair.master.take_writer().expect("a writer");
    let mut parser =
        vt100::Parser::new(NonZero::new(24).expect("rows"), NonZero::new(100).expect("columns"), 0);
    let mut steps = steps.iter();
    let mut step = steps.next();
    let (mut bytes, mut seen) = ([0; 4096], Vec::new());
    while let Ok(count) = reader.read(&mut bytes) {
        if count == 0 {
            break;
        }
        parser.process(&bytes[..count]);
        let text = parser.screen().contents();
        while let Some((words, gone, keys)) = step {
            // Wait until the old page is gone: a key pressed before would apply to the old page.
            if !text.contains(words) || !gone.is_empty() && text.contains(gone) {
                break;
            }
            seen.push(text.clone());
            writer.write_all(keys.as_bytes()).expect("it reads its keys");
            step = steps.next();
            if !keys.is_empty() {
                break;
            }
        }
    }
    let code = child.wait().expect("it ends").exit_code();
    (parser.screen().contents(), code, seen)
}

#[test]
fn a_snapshot_opens_on_the_screen_without_a_network() {
    let sandbox = Sandbox::new();
    exported(&sandbox);
    let steps = [
        ("60 rows", "loading", "6"),
        ("file      out.json", "Enter open", "\x1b"),
        ("Enter open", "Esc back", "\r"),
        ("Evidence", "Enter open", "\x1b"),
        ("Enter open", "Evidence", "f"),
        ("filter:", "", "message:zzz\r"),
        ("Nothing matches the filter.", "", "r"),
        ("Okta is not asked", "", "q"),
    ];
    let (_, code, seen) = open(&sandbox, &["out.json"], &steps);
    assert_eq!((code, seen.len()), (0, steps.len()), "{}", seen.last().map_or("", String::as_str));
    assert!(seen[0].contains("OFFLINE") && seen[0].contains("complete since"), "{}", seen[0]);
}

#[test]
fn a_damaged_one_opens_and_says_so_to_the_end() {
    let sandbox = Sandbox::new();
    exported(&sandbox);
    let text = fs::read_to_string(sandbox.path("out.json")).expect("written");
    fs::write(sandbox.path("changed.json"), text.replacen("\"INFO\"", "\"WARN\"", 1)).expect("a file");
    let (screen, code, seen) =
        open(&sandbox, &["changed.json", "out.raw"], &[("DAMAGED", "", ""), ("60 rows", "loading", "q")]);
    assert_eq!((code, seen.len()), (1, 2), "{screen}");
    assert!(screen.contains("do not match its SHA-256"), "{screen}");
    let (screen, code, _) = open(&sandbox, &["nowhere"], &[]);
    assert_eq!(code, 1);
    assert!(screen.contains("Nothing was started"), "{screen}");
}

#[test]
fn the_end_takes_a_snapshot_where_that_is_asked_for() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let config = "[snapshot]\ndir = \"kept\"\non_exit = true\nkeep = 1\n";
    fs::write(sandbox.path("c.toml"), config).expect("a file");
    for _ in 0..2 {
        let args = ["tail", "--once", "--since", "30d", "--config", "c.toml", "--limit", "1"];
        let output = Process::start(&mut sandbox.command(Some(&org.url), &args)).end();
        assert_eq!(output.code, Some(0), "{}", output.err);
        assert!(output.err.contains("60 consents written to"), "{}", output.err);
    }
    let kept: Vec<_> = fs::read_dir(sandbox.path("kept"))
        .expect("a folder")
        .map(|entry| entry.expect("one").path())
        .collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let path = kept[0].to_string_lossy().into_owned();
    let output = tail(&sandbox, b"", &["--input", &path, "--format", "raw"]);
    assert_eq!((output.code, output.out.lines().count()), (Some(0), 60), "{}", output.err);
}

#[test]
fn files_are_told_in_sentences_too() {
    let sandbox = Sandbox::new();
    let (raw, _) = exported(&sandbox);
    let count = raw.lines().count();
    // Commands wait until the files are read, and the end of input ends the program.
    let commands = b"list 3\nfilter kind:grant\nlist 200\nfilter\nshow 1\nshow 999\npoll\nstatus\n";
    let output = run(&sandbox, commands, &["open", "--linear", "out.json"]);
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""));
    let told = &output.out;
    for words in [
        "prints the consents of out.json.",
        &format!("{count} consents are in the files. This is offline"),
        "The snapshot was taken ",
        "The latest 5:",
        "The latest 3:",
        "Only matching consents are printed.",
        "UUID: ",
        "No consent has the number 999.",
        "Files cannot be polled",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains(|c: char| c.is_control() && c != '\n'));
    let number = |line: &str| line.split_once(". ").and_then(|(number, _)| number.parse::<usize>().ok());
    let latest: Vec<usize> = told.lines().filter_map(number).take(5).collect();
    assert_eq!(latest, (count - 4..=count).collect::<Vec<_>>(), "the files are in the order of time");
    // Files are of no org of the configuration, so it does not matter which one is named.
    let output = run(&sandbox, b"q\n", &["open", "--linear", "out.json", "--org", "nobody"]);
    assert_eq!((output.code, output.err.as_str()), (Some(0), ""));
    // Damage is reported while the file is read, and again at the end.
    let half = raw.len() / 2;
    fs::write(
        sandbox.path("cut.json"),
        format!("[\n{}", raw.get(..half).expect("plain text").replace('\n', ",\n")),
    )
    .expect("a file");
    let output = run(&sandbox, b"q\n", &["open", "--linear", "cut.json", "out.raw"]);
    assert_eq!(output.code, Some(1), "{}", output.err);
    assert!(output.out.contains("of 2 files") && output.out.contains("cut.json"), "{}", output.out);
    assert!(output.err.contains("cut.json"), "{}", output.err);
    for (args, words) in [
        (&["open", "--linear", "-"][..], "which commands are read from"),
        (&["open", "--linear", "out.raw", "--filter", "mark:*"], "files have no marks"),
    ] {
        let output = run(&sandbox, b"", args);
        assert!(output.code == Some(2) && output.err.contains(words), "{args:?}: {}", output.err);
    }
}

/// Returns a hand-written event of the org.
fn event(number: u32, published: &str) -> String {
    format!(
        r#"{{"uuid":"5b1f0c9e-3333-4333-8333-{number:012}","eventType":"app.oauth2.as.consent.grant","published":{published},"actor":{{"id":"00uAAAAAAAAAAAAAA1d7","type":"User","alternateId":"ada@example.test","displayName":"Ada Example"}},"target":[{{"id":"oag{number}","type":"ConsentGrant","displayName":"orders.read"}}]}}"#
    )
}

#[test]
fn a_live_pipe_is_printed_record_by_record_as_each_comes() {
    let sandbox = Sandbox::new();
    for (open, between) in [("", "\n"), ("[", ","), ("[\n", ",\n")] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_consentwatch"));
        command.env_clear().envs(sandbox.environment(None)).current_dir(sandbox.path(""));
        command.args(["tail", "--input", "-", "--format", "raw"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = one_at_a_time(|| command.spawn()).expect("the binary starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        let process = Process::over(child);
        pipe.write_all(open.as_bytes()).expect("it reads");
        // The pipe stays open while the test waits for each row, so that rows cannot depend on its end.
        for number in 1..=3 {
            let line = event(number, "\"2026-03-04T09:00:00.000Z\"");
            pipe.write_all(format!("{line}{between}").as_bytes()).expect("it reads");
            process.wait(&format!("line {number} behind {open:?}"), |said| {
                (said.lines == number as usize).then_some(())
            });
        }
        drop(pipe);
        let output = process.end();
        assert!(
            output.out.lines().last().is_some_and(|line| line.contains("000000000003")),
            "{}",
            output.out
        );
    }
}

#[test]
fn a_limit_ends_a_pipe_that_stays_open_and_silent() {
    let sandbox = Sandbox::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_consentwatch"));
    command.env_clear().envs(sandbox.environment(None)).current_dir(sandbox.path(""));
    command.args(["tail", "--input", "-", "--format", "raw", "--limit", "2"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = one_at_a_time(|| command.spawn()).expect("the binary starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let process = Process::over(child);
    for number in 1..=2 {
        let line = event(number, "\"2026-03-04T09:00:00.000Z\"");
        pipe.write_all(format!("{line}\n").as_bytes()).expect("it reads");
    }
    // The pipe stays open until the program has ended.
    let output = process.end();
    drop(pipe);
    assert_eq!((output.code, output.out.lines().count()), (Some(0), 2), "{}", output.err);
}

#[test]
fn packed_files_give_what_unpacked_and_say_what_is_wrong() {
    let sandbox = Sandbox::new();
    let text: String = (0..5000).map(|n| event(n, "\"2026-03-04T09:00:00.000Z\"") + "\n").collect();
    fs::write(sandbox.path("whole"), &text).expect("a file");
    pack(&sandbox.path("whole"), &sandbox.path("packed"));
    let run = |name: &str, bytes: &[u8]| {
        fs::write(sandbox.path(name), bytes).expect("a file");
        let output = tail(&sandbox, b"", &["--input", name, "--format", "raw"]);
        (output.code, output.out.lines().count(), output.err)
    };
    for (name, word) in [("packed.gz", "gzip"), ("packed.zst", "zstd")] {
        let packed = fs::read(sandbox.path(name)).expect("packed");
        assert_eq!(run("good", &packed), (Some(0), 5000, String::new()), "{name}");
        let (code, count, err) = run("cut", &packed[..packed.len() * 9 / 10]);
        assert!(code == Some(1) && (1000..5000).contains(&count), "{name}: {code:?} {count} {err}");
        assert!(
            err.contains(&format!("it is cut off: its {word} data ends early; {count} consents")),
            "{err}"
        );
        let (code, count, err) = run("padded", &[packed.clone(), vec![0; 1024]].concat());
        assert!(
            code == Some(0) && count == 5000 && err.contains("1024 bytes of zero padding"),
            "{name}: {err}"
        );
        let (code, count, err) = run("rubbish", &[packed.clone(), b"-----\n".to_vec()].concat());
        assert!(code == Some(0) && count == 5000 && err.contains("6 bytes after its"), "{name}: {err}");
        // Nothing could be read from this file.
        let (code, count, err) = run("stump", &packed[..12]);
        assert!(code == Some(1) && count == 0 && err.contains("cannot be decompressed: it"), "{name}: {err}");
    }
}

#[test]
fn wrapped_events_are_found_and_the_key_that_held_them_is_named() {
    let sandbox = Sandbox::new();
    let line = event(1, "\"2026-03-04T09:00:00.000Z\"");
    let text = serde_json::to_string(&line).expect("a text");
    let lower = line.replace("eventType", "eventtype").replace("alternateId", "alternateid");
    let wide: Vec<u8> = format!("\u{feff}{line}\r\n").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, bytes, words) in [
        (
            "elastic",
            format!(r#"{{"@timestamp":"x","event":{{"original":{text}}}}}"#).into_bytes(),
            "event.original",
        ),
        ("splunk", format!(r#"{{"preview":false,"result":{{"_raw":{text}}}}}"#).into_bytes(), "result._raw"),
        (
            "bridge",
            format!("{{\n \"source\": \"aws.partner\",\n \"detail\": {line}\n}}").into_bytes(),
            "detail",
        ),
        ("panther", lower.into_bytes(), "keys that are not spelled as Okta spells them"),
        ("wide", wide, ""),
    ] {
        fs::write(sandbox.path(name), bytes).expect("a file");
        let output = tail(&sandbox, b"", &["--input", name, "--format", "json"]);
        assert_eq!((output.code, output.out.lines().count()), (Some(0), 1), "{name}: {}", output.err);
        assert!(
            output.err.contains(words) && output.err.is_empty() == words.is_empty(),
            "{name}: {}",
            output.err
        );
        assert!(
            output.out.contains("ada@example.test") && output.out.contains("orders.read"),
            "{}",
            output.out
        );
    }
    fs::write(sandbox.path("other"), "{\"time\":1,\"event\":{\"a\":2}}\n").expect("a file");
    let output = tail(&sandbox, b"", &["--input", "other"]);
    assert!(
        output.code == Some(1) && output.err.contains("under event.original, _raw, detail"),
        "{}",
        output.err
    );
}

#[test]
fn our_own_exports_for_others_come_back_with_what_was_known_beside_the_events() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let run = |args: &[&str]| {
        let output = Process::start(&mut sandbox.command(Some(&org.url), args)).end();
        assert_eq!(output.code, Some(0), "{args:?}: {}", output.err);
        output.out
    };
    run(&["tail", "--once", "--since", "30d"]);
    let raw = run(&["export", "--format", "raw"]);
    for (form, key) in [("ecs", "event.original"), ("ocsf", "raw_data"), ("card", "Event Details")] {
        run(&["export", "--format", form, "-o", form]);
        let output = tail(&sandbox, b"", &["--input", form, "--format", "raw"]);
        assert!(output.out == raw && output.code == Some(0), "{form}: {}", output.err);
        assert!(output.err.contains(&format!("60 events were found under {key}.")), "{form}: {}", output.err);
        if form != "card" {
            let output = tail(&sandbox, b"", &["--input", form, "--format", "json"]);
            assert!(output.out.lines().all(|line| line.contains(r#""via":["poll"]"#)), "{form}");
        }
    }
}

#[test]
fn one_bad_file_of_many_stops_none_of_the_others() {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("good"), event(1, "\"2026-03-04T09:00:00.000Z\"")).expect("a file");
    fs::write(sandbox.path("table"), "time,kind\n1,2\n").expect("a file");
    for names in [["nowhere", "table", "good"], ["good", "nowhere", "table"]] {
        let output = tail(&sandbox, b"", &[&["--input"], &names[..], &["--format", "raw"]].concat());
        assert_eq!((output.code, output.out.lines().count()), (Some(1), 1), "{}", output.err);
        assert!(
            output.err.contains("nowhere") && output.err.contains("table holds no JSON"),
            "{}",
            output.err
        );
        let (screen, code, seen) = open(&sandbox, &names, &[("1 rows", "loading", "q")]);
        assert_eq!((code, seen.len()), (1, 1), "{screen}");
    }
    let output = tail(&sandbox, b"", &["--input", "nowhere", "table"]);
    assert!(output.code == Some(1) && output.err.contains("Nothing was printed."), "{}", output.err);
}

#[test]
fn times_of_log_stores_are_read_and_said_to_be_so() {
    let sandbox = Sandbox::new();
    for (published, words) in [
        (
            "\"2024-05-02 18:46:21.121\"",
            "The published time of 1 event is a date and a time of day without a zone, read as UTC.",
        ),
        ("\"2024-05-02 20:46:21.121 +0200\"", "with a zone behind it"),
        ("1714675581.121", "read as seconds since 1970"),
        ("1714675581121", "read as milliseconds since 1970"),
        ("1714675581121000000", "read as nanoseconds since 1970"),
    ] {
        fs::write(sandbox.path("events"), event(1, published)).expect("a file");
        let output = tail(&sandbox, b"", &["--input", "events", "--format", "json"]);
        assert!(output.code == Some(0) && output.err.contains(words), "{published}: {}", output.err);
        assert!(
            output.out.contains(r#""published":"2024-05-02T18:46:21.121Z""#),
            "{published}: {}",
            output.out
        );
        // The exported lines contain the same values when they are read again.
        fs::write(sandbox.path("lines"), &output.out).expect("a file");
        let again = tail(&sandbox, b"", &["--input", "lines", "--format", "json"]);
        assert!(again.out == output.out && again.err.is_empty(), "{}", again.err);
    }
    fs::write(sandbox.path("events"), event(1, "\"yesterday\"")).expect("a file");
    let output = tail(&sandbox, b"", &["--input", "events", "--format", "json"]);
    assert!(output.err.contains("no published time that can be read, the first at byte 0"), "{}", output.err);
}

#[test]
fn csv_for_excel_begins_with_a_mark_and_other_formats_refuse_it() {
    let sandbox = Sandbox::new();
    let org = Sim::start(60, &[]);
    let run = |args: &[&str]| Process::start(&mut sandbox.command(Some(&org.url), args)).end();
    assert_eq!(run(&["tail", "--once", "--since", "30d"]).code, Some(0));
    let output = run(&["export", "--csv-bom", "-o", "out.csv"]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    let marked = fs::read(sandbox.path("out.csv")).expect("written");
    let plain = run(&["export", "--format", "csv"]).out;
    assert!(marked == [b"\xef\xbb\xbf", plain.as_bytes()].concat(), "the mark is all that differs");
    assert_eq!(plain.matches('\n').count(), plain.matches("\r\n").count());
    let output = run(&["export", "--csv-bom", "--format", "raw"]);
    assert!(output.code == Some(2) && output.err.contains("--csv-bom is for CSV"), "{}", output.err);
    // It is wrong usage with and without an org.
    let mut command = sandbox.command(None, &["export", "--csv-bom", "--format", "json"]);
    let output = Process::start(&mut command).end();
    assert!(output.code == Some(2) && output.err.contains("--csv-bom is for CSV"), "{}", output.err);
}

#[test]
fn the_count_of_rows_stays_on_the_first_line_whatever_the_path() {
    let sandbox = Sandbox::new();
    let folder =
        sandbox.path("a-folder-with-a-very-long-name/and-another-one-in-it/and-a-third-that-is-no-shorter");
    fs::create_dir_all(&folder).expect("folders");
    let file = folder.join("case.json");
    fs::write(&file, event(1, "\"2026-03-04T09:00:00.000Z\"")).expect("a file");
    let name = file.to_string_lossy().into_owned();
    let (screen, code, seen) = open(&sandbox, &[&name], &[("1 rows", "loading", "q")]);
    assert_eq!((code, seen.len()), (0, 1), "{screen}");
    let first = seen[0].lines().next().expect("a line");
    assert!(first.contains("1 rows") && first.contains("case.json") && first.contains("OFFLINE"), "{first}");
}

#[test]
fn one_uuid_with_two_contents_is_two_rows_and_said() {
    let sandbox = Sandbox::new();
    let one = event(1, "\"2026-03-04T09:00:00.000Z\"");
    let other = one.replace("orders.read", "orders.write");
    let text = format!("{one}\n{other}\n{one}\n");
    fs::write(sandbox.path("events"), &text).expect("a file");
    for (stdin, name, marks) in [("", "events", 2), (text.as_str(), "-", 1)] {
        let output = tail(&sandbox, stdin.as_bytes(), &["--input", name, "--format", "json"]);
        assert_eq!((output.code, output.out.lines().count()), (Some(0), 2), "{}", output.err);
        assert_eq!(output.out.matches(r#""doubt":"shared_id""#).count(), marks, "{}", output.out);
        assert!(
            output.err.contains("events share an id") || output.err.contains("event shares an id"),
            "{}",
            output.err
        );
    }
    let steps = [("2 rows", "loading", "6"), ("share an id", "", "q")];
    let (screen, code, seen) = open(&sandbox, &["events"], &steps);
    assert_eq!((code, seen.len()), (0, 2), "{screen}");
}
