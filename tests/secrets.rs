//! Secrets inside events appear nowhere: sixty are planted in logged events, deliveries and files, and searched for in
//! every byte that the real binary writes.
//!
//! The test does not depend on how the program hides them. It searches for the planted words as they are, and as
//! escapes, percent-encoding, hexadecimal digits and base64.

#[expect(dead_code, reason = "the org of this test is one of its own")]
#[path = "support/process.rs"]
mod process;
#[expect(dead_code, reason = "nothing here ends in an odd way")]
#[path = "support/terminal.rs"]
mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use consentwatch::clock::Clock;
use process::{Output, Process, Sandbox, TOKEN};
use rustix::process::Signal;

/// The number of planted secrets.
const PLANTED: usize = 60;
/// The hook secret of these tests. It is long enough for any rule on its length.
const SECRET: &str = "invented-secret-of-the-hook-0123456789abcdef";

/// A text that every planted word contains, and nothing else.
const CORE: &str = "PlantedSecret7zQ";

/// Returns the planted word with a number.
fn canary(number: usize) -> String {
    format!("Cy{number:02}{CORE}{number:02}kw")
}

/// The places of secrets in an event: parts of `debugData`, of a target's `detailEntry` and of `changeDetails`, whole
/// targets, and whole top-level members. `@` stands for the secret.
const DEBUG: [&str; 30] = [
    r#""client_secret":"@""#,
    r#""ClientSecret":"@""#,
    r#""client\u005fsecret":"@""#,
    r#""\u0063lientSecret":"@""#,
    r#""client%5Fsecret":"@""#,
    r#""auth_code" : "@""#,
    r#""interaction_handle":"\u0043@""#,
    r#""state":"@","state":"also @""#,
    r#""nonce":["@","b"]"#,
    r#""code_verifier":{"a":{"b":"@"}}"#,
    r#""proxy_password":"\"@\\""#,
    r#""url":"/login/token/redirect?stateToken=@""#,
    r#""requestUri":"/oauth2/v1/authorize?client_id=0oa1&state=@&scope=openid&code=x@""#,
    r#""redirectUri":"https://app.example.test/cb?code=@#access_token=@""#,
    r#""origin":"https://user:@@app.example.test""#,
    r#""url":"/a?redirect_uri=https%3A%2F%2Fapp.example.test%2Fcb%3Fcode%3D@%26x%3D1""#,
    r#""url":"/a?redirect_uri=%2Fb%3Fredirect_uri%3D%252Fc%253Fstate%253D@""#,
    r#""anything":"com.example.app:/cb?code=@""#,
    r#""logOnlySecurityData":"{\"risk\":\"LOW\",\"session_token\":\"@\"}""#,
    r#""nested":"{\"a\":\"{\\\"otp\\\":\\\"@\\\",\\\"n\\\":12}\"}""#,
    r#""nested":"[{\"deviceSecret\":{\"x\":[\"@\"]}}]""#,
    r#""cut":"{\"a\":1,\"api_token\":\"@ and then nothing""#,
    r#""encoded":"%7B%22id_token%22%3A%22@%22%7D""#,
    r#""list":"{risk=LOW, client_secret=@, z=1}""#,
    r#""python":"{'api_key': '@'}""#,
    r#""form":"grant_type=password&username=ada&password=@""#,
    r#""words":"went to https://app.example.test/?token=@ and stopped""#,
    r#""Authorization":"Bearer @""#,
    r#""html":"/a?x=1&amp;code=@""#,
    r#""bare":"/verify?@""#,
];
const DETAIL: [&str; 6] = [
    r#""ClientSecret":"@""#,
    r#""SAMLResponse":"@""#,
    r#""actor":"{\"sub\":\"wlp1\",\"clientAssertion\":\"@\"}""#,
    r#""privateKey":"-----BEGIN @-----""#,
    r#""usercode":"@","kid":"k""#,
    r#""cookie":"sid=@; path=/""#,
];
const CHANGE: [&str; 4] = [
    r#""from":{"client_secret":"@"},"to":{"client_secret":null}"#,
    r#""from":{},"to":{"credentials_signing_private_key":"@"}"#,
    r#""from":{"shared_password":"@","x":{"y":[{"PASSWORD":"@"}]}}"#,
    r#""to":"{\"recoveryToken\":\"@\"}""#,
];
const TARGETS: [&str; 4] = [
    r#"{"id":"@","type":"code"}"#,
    r#"{"type":"interaction_code","displayName":"@","id":"@"}"#,
    r#"{"id":"0oa1","type":"AppInstance","displayName":"https://ada:@@app.example.test/"}"#,
    r#"{"id":"oag9","type":"ConsentGrant","displayName":"https://app.example.test/scope?key=@"}"#,
];
const MEMBERS: [&str; 4] = [
    r#""actor":{"id":"00uAAAAAAAAAAAAAA1d7","type":"User","alternateId":"https://h.example.test/?t=@","displayName":"Ada"}"#,
    r#""authenticationContext":{"externalSessionId":"s1","issuer":{"id":"https://i.example.test/?secret=@"}}"#,
    r#""outcome":{"result":"SUCCESS","reason":"https://u:@@h.example.test/"}"#,
    r#""transaction":{"id":"t1","type":"WEB","detail":{"refresh_token":"@"}}"#,
];
/// Records that cannot be read.
const BROKEN: [&str; 6] = [
    r#"{"client_secret":"@" 7}"#,
    r#"{"uuid":7,"password":"@"}"#,
    r#""{\"token\":\"@\"}""#,
    r#"{"a":nul,"x":"/cb?code=@"}"#,
    r#"{"\u0074oken":"@","b":}"#,
    r#"["otp","x=1&otp=@"]"#,
];
/// Headers of a delivery.
const HEADERS: [&str; 3] =
    ["X-Api-Key: @", "Referer: https://app.example.test/?code=@", "X-Gateway-Token: @"];
/// Bodies that are not deliveries.
const REFUSED: [(&str, &str); 3] = [
    ("application/x-www-form-urlencoded", "grant_type=client_credentials&client_secret=@"),
    ("application/json", r#"{"access_token":"@","#),
    ("text/plain", "Authorization: Basic @\nCookie: sid=@\n"),
];

/// Puts numbered canaries into pieces.
struct Planter {
    next: usize,
}

impl Planter {
    fn plant(&mut self, piece: &str) -> String {
        let planted = piece.replace('@', &canary(self.next)).replace(
            // `@@` stands for a secret and a literal `@`, which ends the user part of a URL.
            &canary(self.next).repeat(2),
            &format!("{}@", canary(self.next)),
        );
        self.next += 1;
        planted
    }
}

fn event(number: usize, kind: &str, members: &str, targets: &str, debug: &str) -> String {
    let now = Clock::system().now();
    let target = format!(
        r#"{{"id":"oag{number}","type":"ConsentGrant","displayName":"orders.read","detailEntry":{{"user":"00uAAAAAAAAAAAAAA1d7","publicclientapp":"0oaDDDDDDDDDDDDDD1d7","authorizationserver":"ausBBBBBBBBBBBBBB1d7"}}}}"#
    );
    let comma = if targets.is_empty() { "" } else { "," };
    let members = if members.is_empty() { String::new() } else { format!("{members},") };
    format!(
        r#"{{{members}"uuid":"7c0e9a52-1111-41ef-9a5c-{number:012}","published":"{now:.3}","eventType":"{kind}","version":"0","target":[{target}{comma}{targets}],"debugContext":{{"debugData":{{"requestId":"r{number}"{}{debug}}}}}}}"#,
        if debug.is_empty() { "" } else { "," }
    )
}

/// The corpus of an org: events of the log, events of a delivery, its headers, and bodies that are not deliveries.
struct Corpus {
    log: Vec<String>,
    delivered: Vec<String>,
    headers: Vec<String>,
    refused: Vec<(&'static str, String)>,
}

const GRANT: &str = "app.oauth2.as.consent.grant";

fn corpus() -> Corpus {
    let mut planter = Planter { next: 0 };
    let mut events = Vec::new();
    for (number, piece) in DEBUG.iter().enumerate() {
        events.push(event(number, GRANT, "", "", &planter.plant(piece)));
    }
    for (number, piece) in (100..).zip(DETAIL) {
        let target =
            format!(r#"{{"id":"x","type":"OAuth2Client","detailEntry":{{{}}}}}"#, planter.plant(piece));
        // Some events are side events.
        let kind = if number % 2 == 0 { GRANT } else { "event_hook.delivery" };
        events.push(event(number, kind, "", &target, ""));
    }
    for (number, piece) in (200..).zip(CHANGE) {
        let target =
            format!(r#"{{"id":"x","type":"OAuth2Client","changeDetails":{{{}}}}}"#, planter.plant(piece));
        let kind = if number % 2 == 0 { GRANT } else { "oauth2.as.updated" };
        events.push(event(number, kind, "", &target, ""));
    }
    for (number, piece) in (300..).zip(TARGETS) {
        events.push(event(number, GRANT, "", &planter.plant(piece), ""));
    }
    for (number, piece) in (400..).zip(MEMBERS) {
        events.push(event(number, GRANT, &planter.plant(piece), "", ""));
    }
    // An event without a uuid is identified by a digest.
    let last = events.len() - 1;
    events[last] = events[last].replace(r#""uuid":"7c0e9a52-1111-41ef-9a5c-000000000403","#, "");
    let delivered = events.iter().step_by(5).cloned().collect();
    events.extend(BROKEN.iter().map(|piece| planter.plant(piece)));
    let headers = HEADERS.iter().map(|piece| planter.plant(piece)).collect();
    let refused = REFUSED.iter().map(|(kind, piece)| (*kind, planter.plant(piece))).collect();
    assert_eq!(planter.next, PLANTED);
    Corpus { log: events, delivered, headers, refused }
}

/// Returns the encodings of a word that are searched for.
fn spellings() -> Vec<Vec<u8>> {
    let bytes = CORE.as_bytes();
    let each =
        |spell: &dyn Fn(u8) -> String| bytes.iter().map(|byte| spell(*byte)).collect::<String>().into_bytes();
    let mut all = vec![
        bytes.to_vec(),
        each(&|byte| format!("\\u{byte:04x}")),
        each(&|byte| format!("\\u{byte:04X}")),
        each(&|byte| format!("%{byte:02x}")),
        each(&|byte| format!("%{byte:02X}")),
        each(&|byte| format!("{byte:02x}")),
        each(&|byte| format!("{byte:02X}")),
        bytes.iter().flat_map(|byte| [*byte, 0]).collect(),
        bytes.iter().rev().copied().collect(),
    ];
    for shift in 0..3 {
        // For base64, only the inner groups, since those at the ends depend on the text around the word.
        let padded: Vec<u8> = std::iter::repeat_n(b'x', shift).chain(bytes.iter().copied()).collect();
        let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&padded);
        all.push(text.as_bytes()[4..text.len() / 4 * 4 - 4].to_vec());
    }
    all
}

/// Returns the context of each planted word in some bytes, in any encoding, even if only a part of it is escaped or
/// percent-encoded.
fn found(bytes: &[u8]) -> Vec<String> {
    let readings = [bytes.to_vec(), without_escapes(bytes), without_percent(bytes)];
    let spelled = spellings();
    let mut all = Vec::new();
    for reading in &readings {
        for word in &spelled {
            all.extend(memchr::memmem::find_iter(reading, word).map(|at| {
                let around = &reading[at.saturating_sub(60)..(at + 60).min(reading.len())];
                String::from_utf8_lossy(around).into_owned()
            }));
        }
    }
    all
}

fn without_escapes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 2..at + 6).filter(|_| bytes[at..].starts_with(b"\\u"));
        let code = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|text| u8::from_str_radix(text.strip_prefix("00")?, 16).ok());
        if let Some(code) = code {
            out.push(code);
            at += 6;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

fn without_percent(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let code = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|text| u8::from_str_radix(text, 16).ok());
        if let Some(code) = code {
            out.push(code);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

#[test]
fn the_judge_finds_every_spelling() {
    for spelled in spellings() {
        assert!(!found(&[b"before ".as_slice(), &spelled, b" behind"].concat()).is_empty(), "{spelled:?}");
    }
    for shift in ["", "a", "ab"] {
        let text = base64::engine::general_purpose::URL_SAFE.encode(format!("{shift}{}", canary(7)));
        assert!(!found(text.as_bytes()).is_empty(), "{text}");
    }
    for partly in [CORE.replacen('P', "\\u0050", 1), CORE.replacen('P', "%50", 1)] {
        assert!(!found(partly.as_bytes()).is_empty(), "{partly}");
    }
    assert!(found(b"nothing of the kind").is_empty());
    let whole = corpus();
    let refused: String = whole.refused.iter().map(|(_, body)| body.as_str()).collect();
    let all = [whole.log.join(" "), whole.headers.join(" "), refused].join(" ");
    for number in 0..PLANTED {
        assert!(all.contains(&canary(number)), "{number} is planted");
    }
}

/// The outputs that must contain no secret, by name.
#[derive(Default)]
struct Seen(BTreeMap<String, Vec<u8>>);

impl Seen {
    fn put(&mut self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.0.entry(name.to_owned()).or_default().extend(bytes.into());
    }

    fn put_output(&mut self, name: &str, output: Output) {
        assert!(output.code.is_some(), "{name} was killed");
        self.put(&format!("{name}: stdout"), output.out);
        self.put(&format!("{name}: stderr"), output.err);
    }

    #[track_caller]
    fn judge(&self) {
        let bad: Vec<String> = self
            .0
            .iter()
            .map(|(name, bytes)| (name, found(bytes)))
            .filter(|(_, words)| !words.is_empty())
            .map(|(name, words)| format!("{name}: {} times, first {:?}", words.len(), words[0]))
            .collect();
        assert!(bad.is_empty(), "secrets in\n{}", bad.join("\n"));
    }
}

/// Returns every file below a folder, byte for byte, and for a journal also its decompressed bodies.
fn put_files(folder: &Path, seen: &mut Seen) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            put_files(&path, seen);
            continue;
        }
        seen.put(&path.display().to_string(), fs::read(&path).unwrap_or_default());
        if path.ends_with("journal.sqlite3") {
            put_bodies(&path, seen);
        }
    }
}

/// Returns the decompressed bodies of a journal.
fn put_bodies(path: &Path, seen: &mut Seen) {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let conn = rusqlite::Connection::open_with_flags(path, flags).expect("a journal");
    let mut dictionaries = BTreeMap::new();
    let mut statement = conn.prepare("SELECT id, body FROM dict").expect("a table");
    let mut rows = statement.query([]).expect("rows");
    while let Some(row) = rows.next().expect("a row") {
        let (id, body): (i64, Vec<u8>) = (row.get(0).expect("a number"), row.get(1).expect("bytes"));
        seen.put("dictionaries", body.clone());
        dictionaries.insert(id, body);
    }
    let mut unpacked = 0;
    for sql in ["SELECT dict, body FROM raw", "SELECT 0, body FROM side", "SELECT 0, body FROM reject"] {
        let mut statement = conn.prepare(sql).expect("a table");
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let (id, body): (i64, Vec<u8>) = (row.get(0).expect("a number"), row.get(1).expect("bytes"));
            let dictionary = dictionaries.get(&id).map_or(&b""[..], Vec::as_slice);
            let mut unpacker = zstd::bulk::Decompressor::with_dictionary(dictionary).expect("a dictionary");
            seen.put("unpacked bodies", unpacker.decompress(&body, 1 << 20).expect("a body"));
            unpacked += 1;
        }
    }
    assert!(unpacked > 0, "there are bodies");
}

/// Starts an org that logs the corpus in one page, and nothing more.
fn org(log: &[String]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let page = format!("[{}]", log.join(","));
    let base = url.clone();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let (page, base) = (page.clone(), base.clone());
            std::thread::spawn(move || serve(socket, &page, &base));
        }
    });
    url
}

fn serve(mut socket: TcpStream, page: &str, base: &str) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        while memchr::memmem::find(&bytes, b"\r\n\r\n").is_none() {
            let mut piece = [0; 4096];
            let length = socket.read(&mut piece).ok().filter(|length| *length > 0)?;
            bytes.extend_from_slice(&piece[..length]);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let target = text.split(' ').nth(1)?;
        let now = Clock::system().now();
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT");
        let reset = now.as_second() + 60;
        let (status, link, body) = if !target.starts_with("/api/v1/logs") {
            ("404 Not Found", String::new(), r#"{"errorCode":"E0000007"}"#)
        } else if target.contains("&after=") {
            ("200 OK", format!("Link: <{base}{target}>; rel=\"next\"\r\n"), "[]")
        } else {
            ("200 OK", format!("Link: <{base}{target}&after=1>; rel=\"next\"\r\n"), page)
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nDate: {date}\r\n{link}\
             X-Rate-Limit-Limit: 600\r\nX-Rate-Limit-Remaining: 590\r\nX-Rate-Limit-Reset: {reset}\r\n\r\n",
            body.len()
        );
        socket.write_all(head.as_bytes()).ok()?;
        socket.write_all(body.as_bytes()).ok()?;
        bytes.clear();
    }
}

fn run(sandbox: &Sandbox, org: Option<&str>, args: &[&str]) -> Output {
    Process::start(&mut sandbox.command(org, args)).end()
}

/// All export formats, and the files that were written on the way.
fn put_everything(sandbox: &Sandbox, org: &str, seen: &mut Seen) {
    for format in ["jsonl", "json", "csv", "md", "html", "card", "raw", "ecs", "ocsf"] {
        let output = run(sandbox, Some(org), &["export", "--format", format]);
        assert!(output.code == Some(0) && output.out.lines().count() > 20, "{format}: {}", output.err);
        seen.put_output(&format!("export {format}"), output);
    }
    for name in ["case.html", "case.md", "case.csv", "case.json", "case.jsonl"] {
        seen.put_output(&format!("export -o {name}"), run(sandbox, Some(org), &["export", "-o", name]));
        seen.put(name, fs::read(sandbox.path(name)).expect("written"));
    }
    seen.put_output("tail --input of an export", run(sandbox, None, &["tail", "--input", "case.json"]));
    put_files(&sandbox.path("data"), seen);
}

fn log_arguments(sandbox: &Sandbox) -> [String; 4] {
    let log = sandbox.path("log").display().to_string();
    ["--log-file".to_owned(), log, "--log-level".to_owned(), "trace".to_owned()]
}

#[test]
fn secrets_that_an_org_logs_appear_in_nothing_that_the_program_writes() {
    let (corpus, sandbox, mut seen) = (corpus(), Sandbox::new(), Seen::default());
    let org = org(&corpus.log);
    let log = log_arguments(&sandbox);
    let log: Vec<&str> = log.iter().map(String::as_str).collect();
    for format in ["json", "text", "card", "raw"] {
        let args = [&["tail", "--once", "--since", "1d", "--format", format], &log[..]].concat();
        let output = run(&sandbox, Some(&org), &args);
        assert!(output.out.lines().count() > 30, "{format}: {} {}", output.out, output.err);
        if format == "json" {
            let count = |line: &str| {
                serde_json::from_str::<serde_json::Value>(line).expect("JSON")["hidden"].as_u64()
            };
            let hidden: u64 = output.out.lines().map(|line| count(line).expect("a number")).sum();
            assert!(hidden >= 40, "{hidden} values are said to be hidden");
        }
        seen.put_output(&format!("tail {format}"), output);
    }
    let updates = run(&sandbox, Some(&org), &["tail", "--once", "--updates", "--since", "1d"]);
    seen.put_output("tail --updates", updates);
    put_everything(&sandbox, &org, &mut seen);
    // The same for history, in another journal.
    let other = Sandbox::new();
    seen.put_output(
        "backfill",
        run(&other, Some(&org), &[&["backfill", "--since", "7d"], &log[..]].concat()),
    );
    put_files(&other.path("data"), &mut seen);
    seen.put("log", fs::read(sandbox.path("log")).expect("a log"));
    seen.judge();
}

#[test]
fn secrets_that_a_hook_delivers_appear_in_nothing_that_the_program_writes() {
    let (corpus, sandbox, mut seen) = (corpus(), Sandbox::new(), Seen::default());
    let org = org(&[]);
    let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    fs::write(sandbox.path("hook-secret"), SECRET).expect("a file");
    let config = format!("[hook]\nenabled = true\nlisten = \"{port}\"\nsecret_file = \"hook-secret\"\n");
    fs::write(sandbox.path(process::CONFIG), config).expect("a file");
    let log = log_arguments(&sandbox);
    let log: Vec<&str> = log.iter().map(String::as_str).collect();
    let tail = Process::start(&mut sandbox.command(Some(&org), &[&["tail"], &log[..]].concat()));
    let body = format!(
        r#"{{"eventType":"com.okta.event_hook","source":"https://h.example.test/?token={}","eventId":"e1","eventTime":"2026-03-04T09:15:38.902Z","data":{{"events":[{}]}}}}"#,
        canary(0),
        corpus.delivered.join(",")
    );
    assert!(deliver(port, &tail, "application/json", &corpus.headers, &body).contains("204"));
    tail.wait("the rows", |said| (said.lines == corpus.delivered.len()).then_some(()));
    for (kind, body) in &corpus.refused {
        assert!(deliver(port, &tail, kind, &[], body).contains("HTTP/1.1 4"));
    }
    tail.signal(Signal::TERM);
    seen.put_output("tail", tail.end());
    for format in ["jsonl", "card", "raw"] {
        let output = run(&sandbox, Some(&org), &["export", "--format", format]);
        assert_eq!(output.out.lines().count(), corpus.delivered.len(), "{}", output.out);
        seen.put_output(&format!("export {format}"), output);
    }
    put_files(&sandbox.path("data"), &mut seen);
    seen.put("log", fs::read(sandbox.path("log")).expect("a log"));
    seen.judge();
}

/// Sends a delivery once the listener is up, and returns the first line of the answer.
fn deliver(port: SocketAddr, tail: &Process, kind: &str, headers: &[String], body: &str) -> String {
    let mut socket = loop {
        tail.wait("the process to live", |said| (!said.ended).then_some(()));
        match TcpStream::connect(port) {
            Ok(socket) => break socket,
            Err(_) => std::thread::yield_now(),
        }
    };
    let headers = headers.iter().fold(String::new(), |all, line| all + line + "\r\n");
    let request = format!(
        "POST /okta/hook HTTP/1.1\r\nHost: h\r\nAuthorization: {SECRET}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    while !answer.contains(&b'\n') {
        let mut piece = [0; 1024];
        let length = socket.read(&mut piece).expect("an answer");
        assert!(length > 0, "the answer was cut");
        answer.extend_from_slice(&piece[..length]);
    }
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn secrets_in_files_reach_neither_lines_nor_the_terminal() {
    let (corpus, sandbox, mut seen) = (corpus(), Sandbox::new(), Seen::default());
    let path: PathBuf = sandbox.path("log.jsonl");
    fs::write(&path, corpus.log.join("\n")).expect("a file");
    for format in ["json", "text", "card", "raw"] {
        let output = run(&sandbox, None, &["tail", "--input", "log.jsonl", "--format", format]);
        assert!(output.out.lines().count() > 30, "{}", output.err);
        seen.put_output(&format!("tail --input, {format}"), output);
    }
    let mut terminal = terminal::Terminal::open(&sandbox, None, (140, 60), &["open", "log.jsonl"]);
    terminal.wait_words("48 rows");
    terminal.press(b"gg\r");
    for _ in 0..48 {
        // Each row with its detail, fully unfolded.
        terminal.press(b"llllGllll");
        terminal.press(b"\x1bj\r");
        terminal.redrawn();
    }
    for page in "2345613".chars() {
        terminal.press(page.to_string().as_bytes());
    }
    terminal.press(b"1");
    terminal.redrawn();
    terminal.press(b"yj");
    terminal.wait_words("Copied the event");
    seen.put("terminal", terminal.shown.with(|shown| shown.bytes.clone()));
    terminal.press(b"qqq");
    terminal.wait("the end", |shown| shown.ended);
    seen.judge();
    assert_ne!(TOKEN, SECRET);
}
