//! Tests the listener over real sockets.

use std::fmt::Write as _;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::consent::{Seq, Untrusted};
use crate::journal::{self, Opened, Reader, Settings};
use crate::report::HookHealth;
use crate::secret::Secret;

mod crowd;
mod excess;
mod host;

const SECRET: &str = "invented-secret-of-the-hook";
const BEFORE: &str = "invented-secret-before-this-one";
const PATH: &str = "/okta/hook";
const NOW: &str = "2026-03-04T09:15:38Z";
const LIMIT: Duration = Duration::from_secs(20);

/// Starts a listener for one org. Returns its tasks and the status of its parts.
fn spawned(plan: HookPlan, journal: &OrgJournal, clock: &Clock) -> (Tasks, watch::Receiver<Board>) {
    let (board, seen) = watch::channel(Board::default());
    let tasks = Tasks::new();
    let doors = vec![HookDoors { journal: journal.clone(), board, clock: clock.clone() }];
    tasks.spawn("hook", run(plan, doors, clock.clone(), tasks.clone()));
    (tasks, seen)
}

/// A listener that writes to a real journal.
struct Rig {
    clock: Clock,
    tasks: Tasks,
    board: watch::Receiver<Board>,
    journal: OrgJournal,
    place: TempDir,
    at: SocketAddr,
}

impl Rig {
    async fn new() -> Self {
        Self::with(Clock::system(), None).await
    }

    async fn with(clock: Clock, tls: Option<Tls>) -> Self {
        let place = TempDir::new().unwrap();
        let opened = journal::open(place.path(), Settings::default(), clock.clone()).unwrap();
        let Opened::Writer(journal) = opened else { panic!("somebody else writes") };
        Self::on(place, journal, clock, tls).await
    }

    async fn on(place: TempDir, journal: OrgJournal, clock: Clock, tls: Option<Tls>) -> Self {
        Self::below(Ceiling::default(), place, journal, clock, tls).await
    }

    async fn below(
        ceiling: Ceiling,
        place: TempDir,
        journal: OrgJournal,
        clock: Clock,
        tls: Option<Tls>,
    ) -> Self {
        let secrets = Secrets::new(&Secret::new(SECRET), Some(&Secret::new(BEFORE))).unwrap();
        let targets = vec![HookTarget { place: 0, path: PATH.into(), secrets }];
        let plan = HookPlan { listen: "127.0.0.1:0".parse().unwrap(), targets, tls, ceiling };
        let (tasks, mut seen) = spawned(plan, &journal, &clock);
        let listens = tokio::time::timeout(LIMIT, seen.wait_for(|board| board.hook.listens_at.is_some()));
        let url = listens.await.unwrap().unwrap().hook.listens_at.clone().unwrap();
        let at = url.split("//").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
        assert_eq!(*seen.borrow().get(Part::Hook), Pulse::Live);
        Self { clock, tasks, board: seen, journal, place, at }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.at).await.unwrap()
    }

    /// Sends bytes on a new connection and returns the answer.
    async fn send(&self, request: &[u8]) -> Reply {
        let mut socket = self.connect().await;
        // A listener that has already answered may not read the rest.
        socket.write_all(request).await.ok();
        Reply::read(&mut socket).await.expect("an answer")
    }

    async fn status(&self, request: &[u8]) -> u16 {
        self.send(request).await.status
    }

    async fn health(&mut self, what: &str, is: impl Fn(&HookHealth) -> bool) -> HookHealth {
        let waited = tokio::time::timeout(LIMIT, self.board.wait_for(|board| is(&board.hook))).await.is_ok();
        let hook = self.board.borrow().hook.clone();
        assert!(waited, "never {what}: {hook:?}");
        hook
    }

    fn reader(&self) -> Reader {
        Reader::open(self.place.path()).unwrap()
    }

    fn rows(&self) -> usize {
        self.reader().newest(10_000).unwrap().rows.len()
    }

    async fn stop(self) {
        assert!(self.tasks.finish(LIMIT).await);
        self.journal.close().await;
    }
}

#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    /// Reads one answer with a length. Returns `None` if the connection ends first.
    async fn read(socket: &mut TcpStream) -> Option<Self> {
        let work = async {
            let mut bytes = Vec::new();
            loop {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                        return Some(Self { status, head: head.to_owned(), body: body.to_owned() });
                    }
                }
                let mut piece = [0; 4096];
                match socket.read(&mut piece).await {
                    Ok(length @ 1..) => bytes.extend_from_slice(&piece[..length]),
                    _ => return None,
                }
            }
        };
        tokio::time::timeout(LIMIT, work).await.expect("an answer or an end in time")
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: monitor.example.test\r\n");
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").unwrap();
    }
    if method == "POST" {
        write!(text, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    format!("{text}\r\n{body}").into_bytes()
}

const JSON: (&str, &str) = ("Content-Type", "application/json");
const OPEN: (&str, &str) = ("Authorization", SECRET);

fn post(body: &str) -> Vec<u8> {
    request("POST", PATH, &[JSON, OPEN, ("Cookie", "a=b"), ("X-Monitor", "1")], body)
}

fn event(n: usize) -> String {
    format!(
        r#"{{"uuid":"00000000-0000-4000-8000-{n:012}","published":"2026-03-04T09:15:27.431Z","eventType":"app.oauth2.as.consent.grant"}}"#
    )
}

fn envelope(events: &[String]) -> String {
    format!(
        r#"{{"eventType":"com.okta.event_hook","source":"https://org.example.test/api/v1/eventHooks/whoFFFFFFFFFFFFFF1d7","eventId":"3d1f7a10-2222-4222-8222-0242ac120002","eventTime":"2026-03-04T09:15:38.902Z","data":{{"events":[{}]}}}}"#,
        events.join(",")
    )
}

fn one(n: usize) -> Vec<u8> {
    post(&envelope(&[event(n)]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_echoed_with_the_secret_or_without() {
    let mut rig = Rig::new().await;
    let challenge = ("X-Okta-Verification-Challenge", "abc \"123\"");
    let reply = rig.send(&request("GET", PATH, &[challenge], "")).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"verification":"abc \"123\""}"#));
    assert!(reply.head.contains("content-type: application/json"), "{}", reply.head);
    assert_eq!(rig.board.borrow().hook.verified, None, "anybody can ask");
    assert_eq!(rig.status(&request("GET", PATH, &[challenge, OPEN], "")).await, 200);
    rig.health("verified", |hook| hook.verified.is_some()).await;
    assert_eq!(rig.status(&request("GET", PATH, &[challenge, ("Authorization", "wrong")], "")).await, 401);
    assert_eq!(rig.status(&request("GET", PATH, &[], "")).await, 400);
    assert_eq!(rig.status(&request("GET", PATH, &[OPEN], "")).await, 400);
    let long = "a".repeat(1025);
    for value in ["", "a\u{1b}[2J", "gr\u{fc}n", long.as_str()] {
        let ask = request("GET", PATH, &[("x-okta-verification-challenge", value)], "");
        assert_eq!(rig.status(&ask).await, 400, "{value:?}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_on_the_disk_when_it_is_answered() {
    let mut rig = Rig::new().await;
    let reply = rig.send(&one(1)).await;
    assert_eq!((reply.status, reply.body.as_str()), (204, ""));
    let record = rig.reader().record(Seq(1)).unwrap().expect("the row");
    assert_eq!(record.via.word(), "hook");
    assert_eq!(&*record.raw, event(1));
    let hook = record.hook.expect("the envelope");
    assert_eq!(hook.event_id.as_ref().map(Untrusted::exact), Some("3d1f7a10-2222-4222-8222-0242ac120002"));
    let headers: Vec<&str> = hook.headers.iter().map(Untrusted::exact).collect();
    let length = format!("Content-Length: {}", envelope(&[event(1)]).len());
    assert_eq!(
        headers,
        ["Host: monitor.example.test", "Content-Type: application/json", "X-Monitor: 1", length.as_str()]
    );
    // The same event again, alone and among others.
    assert_eq!(rig.status(&one(1)).await, 204);
    let more: Vec<String> = [1, 2, 2, 3].into_iter().map(event).collect();
    assert_eq!(rig.status(&post(&envelope(&more))).await, 204);
    assert_eq!(rig.status(&post(&envelope(&[]))).await, 204);
    assert_eq!(rig.rows(), 3);
    let hook = rig.health("counted", |hook| hook.deliveries == 4).await;
    assert_eq!((hook.received, hook.new, hook.duplicates, hook.rejects), (6, 3, 3, 0));
    assert!(hook.verified.is_some() && hook.last_delivery.is_some() && hook.delay.is_some());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_secret_opens_and_the_one_before_it() {
    let mut rig = Rig::new().await;
    let body = envelope(&[event(1)]);
    let wrong = [
        vec![JSON],
        vec![JSON, ("Authorization", "")],
        vec![JSON, ("Authorization", "wrong")],
        vec![JSON, ("Authorization", "Bearer invented-secret-of-the-hook")],
        vec![JSON, ("X-Authorization", SECRET)],
        vec![JSON, OPEN, OPEN],
    ];
    let mut answers = Vec::new();
    for headers in &wrong {
        let reply = rig.send(&request("POST", PATH, headers, &body)).await;
        assert_eq!(reply.status, 401, "{headers:?}");
        let lines = reply.head.lines().filter(|line| !line.starts_with("date: "));
        answers.push(format!("{:?}{}", lines.collect::<Vec<_>>(), reply.body));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "missing and wrong look the same");
    assert_eq!(rig.rows(), 0);
    for secret in [SECRET, BEFORE] {
        let ask = request("POST", PATH, &[JSON, ("authorization", secret)], &body);
        assert_eq!(rig.status(&ask).await, 204);
    }
    let hook = rig.health("refused", |hook| hook.refused.secret == wrong.len() as u64).await;
    assert_eq!(hook.refused.total(), wrong.len() as u64);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_event_is_kept_and_a_bad_body_too() {
    let mut rig = Rig::new().await;
    let mixed = envelope(&[event(1), "7".into(), event(2)]);
    assert_eq!(rig.status(&post(&mixed)).await, 204);
    assert_eq!((rig.rows(), rig.reader().rejects(10).unwrap().len()), (2, 1));
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    for bad in ["", "not json", "{}", deep.as_str(), &envelope(std::slice::from_ref(&deep))] {
        assert_eq!(rig.status(&post(bad)).await, 400, "{bad:?}");
    }
    // A single unreadable event outside a list is kept like one in a list.
    assert_eq!(rig.status(&post(r#"{"data":{"events":{}}}"#)).await, 204);
    let form = [OPEN, ("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(rig.status(&request("POST", PATH, &form, &envelope(&[event(3)]))).await, 415);
    let rejects = rig.reader().rejects(10).unwrap();
    assert_eq!(rejects.len(), 8);
    assert!(rejects.iter().all(|reject| reject.source == "hook" && !reject.why.contains("not json")));
    assert!(rejects.iter().any(|reject| &*reject.bytes == b"not json"));
    let hook = rig.health("counted", |hook| hook.refused.form == 6).await;
    assert_eq!(hook.rejects, 8);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_elsewhere_is_refused() {
    let mut rig = Rig::new().await;
    let fits = envelope(&[format!(r#"{{"uuid":"x","eventType":"y","z":"{}"}}"#, "a".repeat(1_000_000))]);
    assert_eq!(rig.status(&post(&fits)).await, 204);
    let large = "a".repeat(1024 * 1024 + 1);
    assert_eq!(rig.status(&post(&large)).await, 413);
    let chunk = format!("{:x}\r\n{large}\r\n", large.len());
    let chunked = format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n");
    let chunked =
        format!("{chunked}Content-Type: application/json\r\nAuthorization: {SECRET}\r\n\r\n{chunk}0\r\n\r\n");
    assert_eq!(rig.status(chunked.as_bytes()).await, 413);
    for length in [17 * 1024, 100 * 1024] {
        let long = "a".repeat(length);
        assert_eq!(rig.status(&request("GET", PATH, &[("X-Long", &long)], "")).await, 431, "{length}");
    }
    let many: Vec<(String, String)> = (0..200).map(|n| (format!("x-{n}"), "y".into())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    assert_eq!(rig.status(&request("GET", PATH, &many, "")).await, 431);
    for path in ["/", "/okta/hook//", "/okta/Hook", "/okta", "/okta/hook%20", "//okta/hook"] {
        assert_eq!(rig.status(&request("POST", path, &[JSON, OPEN], "{}")).await, 404, "{path}");
    }
    for method in ["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"] {
        let reply = rig.send(&request(method, PATH, &[OPEN], "")).await;
        assert_eq!(reply.status, 405, "{method}");
        assert!(reply.head.contains("allow: GET, POST"), "{}", reply.head);
    }
    assert_eq!(rig.status(b"nonsense\r\n\r\n").await, 400);
    let hook = rig.health("counted", |hook| hook.refused.place == 11).await;
    assert_eq!(hook.refused.size, 3, "those with headers beyond all measure do not come so far");
    assert_eq!(rig.rows(), 1);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_is_broken_off() {
    let mut rig = Rig::new().await;
    for secret in [SECRET, "forged"] {
        let mut socket = rig.connect().await;
        let (mut read, mut write) = socket.split();
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\
             Authorization: {secret}\r\n\r\n"
        );
        let chunk = format!("{:x}\r\n{}\r\n", 64 * 1024, "a".repeat(64 * 1024));
        let mut sent = 0_usize;
        let endless = async {
            write.write_all(head.as_bytes()).await.ok();
            // A client that would send ten gigabytes.
            while sent < 10_000_000_000 && write.write_all(chunk.as_bytes()).await.is_ok() {
                sent += chunk.len();
            }
        };
        let mut answer = Vec::new();
        let listening = async {
            let mut piece = [0; 1024];
            while let Ok(length @ 1..) = read.read(&mut piece).await {
                answer.extend_from_slice(&piece[..length]);
            }
        };
        tokio::time::timeout(LIMIT, async { tokio::join!(endless, listening) }).await.expect("an end");
        assert!(sent < 64 * 1024 * 1024, "{sent} bytes were taken");
        // The answer may be lost with the connection if the client never stops sending.
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let wanted = if secret == SECRET { "HTTP/1.1 413" } else { "HTTP/1.1 401" };
        assert!(answer.is_empty() || answer.starts_with(wanted), "{answer}");
    }
    let hook = rig.health("counted", |hook| hook.refused.total() == 2).await;
    assert_eq!((hook.refused.size, hook.refused.secret), (1, 1));
    assert_eq!(rig.status(&one(1)).await, 204, "the next is served");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_during_a_storm_costs_no_acknowledged_event() {
    let (place, clock) = (TempDir::new().unwrap(), Clock::system());
    let journal = journal::open_cramped(place.path(), clock.clone(), 40);
    let mut rig = Rig::on(place, journal, clock, None).await;
    let senders = (0..8).map(|sender| {
        let at = rig.at;
        async move {
            let mut socket = TcpStream::connect(at).await.unwrap();
            let (mut taken, mut refused) = (Vec::new(), 0);
            for n in 0..100_000 {
                let n = sender * 1_000_000 + n;
                socket.write_all(&one(n)).await.unwrap();
                match Reply::read(&mut socket).await.unwrap().status {
                    204 => taken.push(n),
                    503 => refused += 1,
                    other => panic!("{other}"),
                }
                if refused == 5 {
                    break;
                }
            }
            assert_eq!(refused, 5, "the disk is full by now");
            taken
        }
    });
    let acknowledged: Vec<usize> = futures_util::future::join_all(senders).await.concat();
    assert!(acknowledged.len() > 50, "{}", acknowledged.len());
    let stored: std::collections::BTreeSet<String> = rig
        .reader()
        .records_after(Seq(0), 100_000)
        .unwrap()
        .iter()
        .map(|stored| stored.raw.get(9..45).unwrap().to_owned())
        .collect();
    for n in acknowledged {
        assert!(
            stored.contains(&format!("00000000-0000-4000-8000-{n:012}")),
            "{n} was acknowledged and is not there"
        );
    }
    let hook = rig.health("counted", |hook| hook.refused.journal == 40).await;
    assert_eq!(hook.refused.total(), 40);
    let waiting = rig.board.wait_for(|board| board.get(Part::Hook).fault().is_some());
    let fault = tokio::time::timeout(LIMIT, waiting).await.unwrap().unwrap().get(Part::Hook).fault().cloned();
    let fault = fault.unwrap();
    assert_eq!(fault.brief, "disk full");
    assert!(fault.doing.contains("503") && !fault.remedy.is_empty(), "{fault}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_on_the_path_is_no_other_path() {
    let rig = Rig::new().await;
    let ask = request("POST", "/okta/hook?x=1", &[JSON, OPEN], &envelope(&[event(1)]));
    assert_eq!(rig.status(&ask).await, 204);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_whether_it_is_well() {
    let rig = Rig::new().await;
    for path in ["/healthz", "/readyz"] {
        let reply = rig.send(&request("GET", path, &[], "")).await;
        assert_eq!((reply.status, reply.body.as_str()), (200, "ok\n"));
        assert_eq!(rig.status(&request("POST", path, &[JSON, OPEN], "{}")).await, 405);
    }
    rig.journal.clone().close().await;
    assert_eq!(rig.status(&one(1)).await, 503, "nothing is acknowledged that is not stored");
    for path in ["/healthz", "/readyz"] {
        let reply = rig.send(&request("GET", path, &[], "")).await;
        assert_eq!((reply.status, reply.body.lines().count()), (503, 1), "{reply:?}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_takes_many_requests() {
    let rig = Rig::new().await;
    let mut socket = rig.connect().await;
    for n in 0..50 {
        socket.write_all(&one(n)).await.unwrap();
        assert_eq!(Reply::read(&mut socket).await.unwrap().status, 204);
    }
    assert_eq!(rig.rows(), 50);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_a_time_are_all_stored() {
    // The clock stands still, so that a slow machine causes no timeout.
    let rig = Arc::new(Rig::with(manual(), None).await);
    rig.clock.advance(Duration::from_hours(1));
    let deliver = |n: usize| {
        let rig = Arc::clone(&rig);
        async move { rig.status(&one(n % 200)).await }
    };
    let answers = futures_util::future::join_all((0..400).map(deliver)).await;
    assert!(answers.iter().all(|status| *status == 204), "{answers:?}");
    assert_eq!(rig.rows(), 200);
    Arc::into_inner(rig).unwrap().stop().await;
}

fn tls_folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/intake/hook/testing")
}

fn tls() -> Tls {
    Tls::read(&tls_folder().join("cert.pem"), &tls_folder().join("key.pem")).unwrap()
}

/// Waits for the end of a connection, and ignores what comes before.
async fn is_let_go(socket: &mut TcpStream) {
    let mut piece = [0; 512];
    let work = async { while matches!(socket.read(&mut piece).await, Ok(1..)) {} };
    tokio::time::timeout(LIMIT, work).await.expect("an end in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_is_cut_or_stalls_holds_nobody_up() {
    let rig = Rig::with(manual(), Some(tls())).await;
    // The start of a ClientHello, and bytes that are not one.
    for start in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\x16", b"\x16\x03\x01\xff\xff\x00"]
    {
        let mut socket = rig.connect().await;
        socket.write_all(start).await.unwrap();
        socket.shutdown().await.unwrap();
        is_let_go(&mut socket).await;
        let mut socket = rig.connect().await;
        socket.write_all(start).await.unwrap();
        while_time_passes(&rig.clock, is_let_go(&mut socket)).await;
    }
    let root =
        reqwest::Certificate::from_pem(&std::fs::read(tls_folder().join("cert.pem")).unwrap()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap();
    let url = format!("https://{}/healthz", rig.at);
    assert_eq!(client.get(&url).send().await.unwrap().status().as_u16(), 200, "others are served");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_spoken_plain_and_in_tls() {
    let (folder, tls) = (tls_folder(), tls());
    let root = reqwest::Certificate::from_pem(&std::fs::read(folder.join("cert.pem")).unwrap()).unwrap();
    let plain = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let secure = || reqwest::Client::builder().no_proxy().tls_certs_only([root.clone()]);
    let clients = [
        (None, plain, 2),
        (Some(tls.clone()), secure().build().unwrap(), 2),
        (Some(tls), secure().http1_only().build().unwrap(), 1),
    ];
    for (tls, client, version) in clients {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let rig = Rig::with(Clock::system(), tls).await;
        let url = format!("{scheme}://{}{PATH}", rig.at);
        let deliver = |n: usize| {
            let post = client.post(&url).header("authorization", SECRET);
            post.header("content-type", "application/json").body(envelope(&[event(n)])).send()
        };
        for reply in futures_util::future::join_all((0..60).map(deliver)).await {
            let reply = reply.unwrap();
            let is_two = reply.version() == reqwest::Version::HTTP_2;
            assert_eq!((reply.status().as_u16(), is_two), (204, version == 2));
        }
        assert_eq!(rig.rows(), 60);
        let large = client.post(&url).header("authorization", SECRET).body(vec![b'a'; 2 << 20]);
        assert_eq!(large.send().await.unwrap().status().as_u16(), 413);
        let long = client.get(&url).header("x-long", "a".repeat(17 << 10)).send().await.unwrap();
        assert_eq!(long.status().as_u16(), 431);
        if rig.board.borrow().hook.listens_at.as_deref().is_some_and(|at| at.starts_with("https")) {
            let mut socket = rig.connect().await;
            socket.write_all(&one(1)).await.unwrap();
            assert!(Reply::read(&mut socket).await.is_none(), "nothing is said without TLS");
        }
        rig.stop().await;
    }
}

#[test]
fn tls_needs_a_certificate_and_its_key() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/intake/hook/testing");
    let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    assert!(matches!(Tls::read(&key, &key), Err(TlsError::Certificate(_))));
    assert!(matches!(Tls::read(&cert, &cert), Err(TlsError::Key(_))));
    assert!(matches!(Tls::read(&folder.join("none"), &key), Err(TlsError::Read { .. })));
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("key.pem");
    std::fs::copy(&key, &open).unwrap();
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    assert!(matches!(Tls::read(&cert, &open), Err(TlsError::Writable { mode: 0o666, .. })));
}

/// Returns whether the listener closes the connection without sending anything.
async fn ends(socket: &mut TcpStream) -> bool {
    let mut piece = [0; 512];
    let read = tokio::time::timeout(LIMIT, socket.read(&mut piece)).await.expect("an end in time");
    matches!(read, Ok(0) | Err(_))
}

/// Advances the clock in small steps until a future completes. A wait that starts in between is shorter.
async fn while_time_passes<T>(clock: &Clock, work: impl Future<Output = T>) -> (T, Duration) {
    let begun = clock.uptime();
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            done = &mut work => return (done, clock.uptime().saturating_sub(begun)),
            () = tokio::task::yield_now() => clock.advance(Duration::from_millis(10)),
        }
        assert!(clock.uptime() < begun + Duration::from_hours(1), "it lasts");
    }
}

/// Advances the clock slowly, so that messages arrive long before they time out.
async fn slowly<T>(clock: &Clock, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(Duration::from_millis(10), work.as_mut()).await {
            Ok(done) => return done,
            Err(_) => clock.advance(Duration::from_millis(20)),
        }
    }
}

fn manual() -> Clock {
    Clock::manual(NOW.parse::<Timestamp>().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_or_trickles_loses_the_connection() {
    let rig = Rig::with(manual(), None).await;
    for start in [&b""[..], b"P", b"PRI * HTTP/2.0\r\n", b"POST /okta/hook HTTP/1.1\r\nHost: x\r\nX-A: "] {
        let mut socket = rig.connect().await;
        socket.write_all(start).await.unwrap();
        let ((), _) = while_time_passes(&rig.clock, async {
            assert!(ends(&mut socket).await, "{start:?}");
        })
        .await;
    }
    // A client that trickles bytes gets no more time than one that sends none.
    let mut socket = rig.connect().await;
    let (mut read, mut write) = socket.split();
    let trickle = async {
        write.write_all(b"GET /healthz HTTP/1.1\r\n").await.ok();
        loop {
            if write.write_all(b"X-A: b\r\n").await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::task::yield_now().await;
        }
    };
    let mut piece = [0; 64];
    let work = async {
        tokio::select! {
            read = read.read(&mut piece) => read,
            () = trickle => Ok(1),
        }
    };
    let (read, _) = while_time_passes(&rig.clock, work).await;
    assert!(matches!(read, Ok(0) | Err(_)) || piece.starts_with(b"HTTP/1.1 431"), "{read:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let rig = Rig::with(manual(), None).await;
    let mut socket = rig.connect().await;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {SECRET}\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n{{"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    // Advance the clock only after the body has begun. Otherwise the head could be what is late.
    let mut begun = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    socket.read_exact(&mut begun).await.unwrap();
    assert!(begun.starts_with(b"HTTP/1.1 100 "));
    let (reply, _) = while_time_passes(&rig.clock, Reply::read(&mut socket)).await;
    assert_eq!(reply.unwrap().status, 408);
    assert!(ends(&mut socket).await, "what comes later is no request");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_answered_at_the_end() {
    let rig = Rig::new().await;
    let mut socket = rig.connect().await;
    let request = one(1);
    let (first, rest) = request.split_at(request.len() - 10);
    socket.write_all(first).await.unwrap();
    // A second connection that is answered shows that the first was accepted.
    let mut idle = rig.connect().await;
    idle.write_all(&self::one(2)).await.unwrap();
    assert_eq!(Reply::read(&mut idle).await.unwrap().status, 204);
    let tasks = rig.tasks.clone();
    let finish = async { tasks.finish(LIMIT).await };
    let deliver = async {
        assert!(ends(&mut idle).await, "an idle connection is closed at once");
        socket.write_all(rest).await.unwrap();
        Reply::read(&mut socket).await.unwrap().status
    };
    assert_eq!(futures_util::future::join(finish, deliver).await, (true, 204));
    assert_eq!(rig.rows(), 2);
    assert!(TcpStream::connect(rig.at).await.is_err(), "nobody listens any more");
    rig.journal.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_is_asked_for_again() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = taken.local_addr().unwrap();
    let clock = manual();
    let place = TempDir::new().unwrap();
    let opened = journal::open(place.path(), Settings::default(), clock.clone()).unwrap();
    let Opened::Writer(journal) = opened else { panic!("somebody else writes") };
    let secrets = Secrets::new(&Secret::new(SECRET), None).unwrap();
    let targets = vec![HookTarget { place: 0, path: PATH.into(), secrets }];
    let plan = HookPlan { listen: at, targets, tls: None, ceiling: Ceiling::default() };
    let (tasks, mut seen) = spawned(plan, &journal, &clock);
    let waits = seen.wait_for(|board| matches!(board.get(Part::Hook), Pulse::Waiting(..)));
    let brief = waits.await.unwrap().get(Part::Hook).fault().unwrap().brief.clone();
    assert_eq!(brief, "address in use");
    drop(taken);
    let lives = seen.wait_for(|board| *board.get(Part::Hook) == Pulse::Live);
    drop(while_time_passes(&clock, lives).await.0.unwrap());
    assert!(tasks.finish(LIMIT).await);
    journal.close().await;
}
