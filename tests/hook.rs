//! The event hook in addition to the poll: the rows are the same whatever the hook does, every answer of the real
//! binary, and acknowledged events survive a kill.

#[path = "hook/altered.rs"]
mod altered;
#[path = "support/journal.rs"]
mod journal;
#[path = "support/port.rs"]
mod port;
#[path = "support/process.rs"]
mod process;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use consentwatch::clock::Clock;
use consentwatch::consent::{EventId, Kind, Seq, Stored, Topic, Via};
use consentwatch::intake::hook::{Ceiling, HookPlan, HookTarget};
use consentwatch::journal::{Reader, Settings};
use consentwatch::okta::hook_delivery::Secrets;
use consentwatch::okta::{Credentials, OrgUrl, PollPlan};
use consentwatch::report::{Part, Pulse};
use consentwatch::run::{self, Feed, FeedPlan, OrgPlan, Route, SignIn, Source};
use consentwatch::secret::Secret;
use consentwatch::sim::{self, HookFault, Plan, SimOrg};
use consentwatch::tasks::Tasks;
use journal::journal_folder;
use port::Port;
use process::{Process, Sandbox, Sim, TOKEN, Tell, Watched};
use rustix::process::Signal;
use serde_json::Value;
use tokio::net::TcpSocket;

const SECRET: &str = "invented-secret-of-the-hook";
const PATH: &str = "/okta/hook";
const LIMIT: Duration = Duration::from_mins(1);

#[test]
#[cfg(target_os = "linux")]
fn a_port_that_is_held_goes_to_a_listener_that_names_it_and_to_nobody_else() {
    let held = Port::hold();
    let take = |is_shared: bool| {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(is_shared).expect("it can be said");
        socket.bind(held.at).map_err(|error| error.kind())
    };
    assert_eq!(take(false), Err(std::io::ErrorKind::AddrInUse));
    assert_eq!(take(true), Ok(()));
    // A listener of the standard library, like the program's, can bind the held port.
    let listener = TcpListener::bind(held.at).expect("a listener");
    assert!(TcpStream::connect(held.at).is_ok());
    drop(listener);
    assert!(TcpStream::connect(held.at).is_err(), "who holds it does not listen");
}

async fn open(
    org: &SimOrg,
    dir: &Path,
    hook: Option<SocketAddr>,
    clock: &Clock,
    tasks: &Tasks,
) -> (Feed, Source) {
    let (url, _) = OrgUrl::parse(&org.url()).expect("a good URL");
    let org_plan = OrgPlan {
        org: consentwatch::consent::KnownOrg::unnamed(url.host()),
        poll: PollPlan {
            org: url,
            kinds: Kind::ALL.into_iter().filter(|kind| kind.filter().is_some()).collect(),
            topics: Topic::ALL.to_vec(),
            interval: Duration::from_secs(1),
            lookback: Duration::from_hours(24),
            page_size: 100,
            rate_share: 1.0,
            since: None,
            to_its_start: false,
            jitter_seed: 1,
        },
        names: false,
        sign_in: Ok(SignIn {
            credentials: Credentials::ssws(&Secret::new(TOKEN)).expect("a token"),
            renew: None,
            route: Route::default(),
        }),
        readiness: None,
    };
    let plan = FeedPlan {
        dir: dir.to_owned(),
        keep: Settings::default(),
        warnings: Vec::new(),
        hook: hook.map(|listen| HookPlan {
            listen,
            targets: vec![HookTarget {
                place: 0,
                path: PATH.to_owned(),
                secrets: Secrets::new(&Secret::new(SECRET), None).expect("a secret"),
            }],
            tls: None,
            ceiling: Ceiling::default(),
        }),
        team: None,
        is_hook_left_out: false,
        orgs: vec![org_plan],
        others: Vec::new(),
        only_these_orgs: false,
    };
    run::open(plan, clock, tasks).await.expect("the feed opens")
}

fn stored(dir: &Path) -> Vec<Stored> {
    Reader::open(dir).map(|reader| reader.records_after(Seq(0), 100_000).expect("rows")).expect("a journal")
}

/// Waits until a condition on the journal holds.
async fn until(what: &str, dir: &Path, source: &mut Source, is: impl Fn(&[Stored]) -> bool) -> Vec<Stored> {
    let work = async {
        loop {
            let mut msgs = Vec::new();
            while source.pull(&mut msgs) {}
            let rows = stored(dir);
            if is(&rows) {
                return rows;
            }
            source.moved().await;
        }
    };
    tokio::time::timeout(LIMIT, work)
        .await
        .unwrap_or_else(|_| panic!("never {what}: {} rows", stored(dir).len()))
}

fn uuids(rows: &[Stored]) -> BTreeSet<String> {
    let text = |row: &Stored| match row.key.id {
        EventId::Uuid(bytes) => uuid::Uuid::from_bytes(bytes).to_string(),
        EventId::Digest(_) => panic!("every event of the story has a uuid"),
    };
    rows.iter().map(text).collect()
}

/// Returns the parts of a row that must not depend on how it came.
fn content(rows: &[Stored]) -> BTreeMap<String, String> {
    rows.iter()
        .map(|row| (format!("{:?}", row.key), format!("{:?} {:?} {}", row.evidence, row.person, row.raw)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_hook_does_the_rows_are_those_of_the_poll() {
    let all = [HookFault::Drop, HookFault::Duplicate, HookFault::Disorder, HookFault::BadEvent];
    for faults in [&[][..], &all[..]] {
        let (clock, tasks) = (Clock::system(), Tasks::new());
        let held = Port::hold();
        let port = held.at;
        let mut hook = sim::SimHookPlan::new(format!("http://{port}{PATH}"), SECRET);
        hook.delay = Duration::from_millis(50);
        hook.faults = faults.iter().copied().collect();
        let plan = Plan {
            backlog: 50,
            rate_per_minute: 0.0,
            token: TOKEN.to_owned(),
            requests_per_minute: 60_000,
            hook: Some(hook),
            ..Plan::default()
        };
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let org = SimOrg::start(listen, plan, &clock, &tasks).await.expect("the org starts");
        let folder = tempfile::tempdir().expect("a folder");
        let both = folder.path().join("both");
        let (feed, mut source) = open(&org, &both, Some(port), &clock, &tasks).await;
        let mut told = org.hook();
        let verified = tokio::time::timeout(LIMIT, told.wait_for(|told| told.is_verified)).await;
        verified.expect("verified in time").expect("verified");
        until("the backlog", &both, &mut source, |rows| rows.len() == 50).await;
        for round in 0..12 {
            org.emit(25);
            if round % 3 == 0 {
                // From here on, the poll comes first.
                feed.nudge();
            }
            let before = told.borrow().taken;
            // Among 25 consents, some are of a kind that hooks deliver.
            let came = tokio::time::timeout(LIMIT, told.wait_for(|told| told.taken > before)).await;
            came.expect("a delivery in time").expect("a delivery");
        }
        let total = org.uuids().len();
        let polled = |rows: &[Stored]| rows.len() == total && rows.iter().all(|row| row.via.has(Via::POLL));
        tokio::time::timeout(LIMIT, told.wait_for(|told| told.waiting == 0))
            .await
            .expect("done")
            .expect("done");
        let rows = until("all, by the poll too", &both, &mut source, polled).await;
        assert_eq!(uuids(&rows), org.uuids().into_iter().collect::<BTreeSet<_>>());
        let by_hook = rows.iter().filter(|row| row.via.has(Via::HOOK));
        let told = *told.borrow();
        assert!(by_hook.clone().count() > 100, "{told:?}");
        assert!(by_hook.clone().all(|row| row.hook.as_ref().is_some_and(|hook| hook.event_id.is_some())));
        assert_eq!(told.failed, 0, "{told:?}");
        assert_eq!(told.dropped > 0, !faults.is_empty());
        if faults.is_empty() {
            assert_eq!(by_hook.count(), told.events, "each once");
        }
        // The board is updated with a delay, at the latest when there have been no deliveries for a moment.
        let counted = async {
            loop {
                let health = source.boards().remove(0).hook;
                if health.received > 0 && (health.rejects > 0 || faults.is_empty()) {
                    return health;
                }
                source.moved().await;
            }
        };
        let health = tokio::time::timeout(LIMIT, counted).await.expect("the board counts the hook's events");
        assert!(health.verified.is_some() && health.merged + health.new > 0, "{health:?}");
        assert_eq!(health.rejects > 0, !faults.is_empty(), "{health:?}");
        assert_eq!((source.boards().remove(0).get(Part::Hook), health.refused.total()), (&Pulse::Live, 0));

        let alone = folder.path().join("alone");
        let (other, mut other_source) = open(&org, &alone, None, &clock, &tasks).await;
        let poll_alone = until("all by the poll alone", &alone, &mut other_source, polled).await;
        assert_eq!(content(&rows), content(&poll_alone));
        assert!(tasks.finish(LIMIT).await);
        feed.close().await;
        other.close().await;
    }
}

/// Writes a file that only its owner may read, since the program warns about other files.
fn write_private(path: &Path, text: &str) {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o600)))
        .expect("a file");
}

/// Writes a configuration with the listener enabled and a long poll interval.
fn configure(sandbox: &Sandbox, port: SocketAddr, more: &str) -> String {
    write_private(&sandbox.path("hook-secret"), &format!("{SECRET}\n"));
    let text = format!(
        "[poll]\ninterval = \"1h\"\n[hook]\nenabled = true\nlisten = \"{port}\"\nsecret_file = \"hook-secret\"\n{more}"
    );
    let path = sandbox.path("hook.toml");
    fs::write(&path, text).expect("a configuration");
    path.to_string_lossy().into_owned()
}

/// Connects to a listener that is about to start.
fn connect(port: SocketAddr, process: &Process) -> TcpStream {
    for _ in 0..100_000 {
        if let Ok(socket) = TcpStream::connect(port) {
            socket.set_read_timeout(Some(LIMIT)).expect("a limit");
            socket.set_nodelay(true).expect("no delay");
            return socket;
        }
        process.wait("the process to live", |said| (!said.ended).then_some(()));
        std::thread::yield_now();
    }
    panic!("nobody listens on {port}");
}

/// Reads one answer and returns its status and body, or `None` if the connection ends before.
fn answer(socket: &mut TcpStream) -> Option<(u16, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().expect("a length")) {
                return Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()));
            }
        }
        let mut piece = [0; 4096];
        match socket.read(&mut piece) {
            Ok(length @ 1..) => bytes.extend_from_slice(&piece[..length]),
            _ => return None,
        }
    }
}

fn event(uuid: &str) -> String {
    let now = Clock::system().now();
    format!(
        r#"{{"uuid":"{uuid}","published":"{now}","eventType":"app.oauth2.as.consent.grant","displayMessage":"Consent granted","client":{{"ipChain":[{{"ip":"192.0.2.77"}}]}}}}"#
    )
}

fn delivery(uuids: &[String]) -> String {
    let events: Vec<String> = uuids.iter().map(|uuid| event(uuid)).collect();
    let body = format!(
        r#"{{"eventType":"com.okta.event_hook","source":"https://org.example.test/api/v1/eventHooks/whoFFFFFFFFFFFFFF1d7","eventId":"3d1f7a10-2222-4222-8222-0242ac120002","eventTime":"2026-03-04T09:15:38.902Z","data":{{"events":[{}]}}}}"#,
        events.join(",")
    );
    format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {SECRET}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn the_real_binary_listens_and_tail_shows_what_came() {
    let (org, sandbox, held) = (Sim::start(3, &[]), Sandbox::new(), Port::hold());
    let port = held.at;
    let config = configure(&sandbox, port, "");
    let log = sandbox.path("log").to_string_lossy().into_owned();
    let args = ["tail", "--config", &config, "--log-file", &log, "--log-level", "debug"];
    let tail = sandbox.start(&org, &args);
    tail.wait("the backlog", |said| (said.lines == 3).then_some(()));
    let send = |request: &str| {
        let mut socket = connect(port, &tail);
        socket.write_all(request.as_bytes()).expect("sent");
        answer(&mut socket).expect("an answer")
    };
    let get = |more: &str| send(&format!("GET {PATH} HTTP/1.1\r\nHost: x\r\n{more}\r\n"));
    assert_eq!(
        get("x-okta-verification-challenge: abc123\r\n"),
        (200, r#"{"verification":"abc123"}"#.into())
    );
    assert_eq!(get("").0, 400);
    assert_eq!(get("authorization: wrong\r\nx-okta-verification-challenge: abc123\r\n").0, 401);
    let uuid = "7c0e9a52-1111-41ef-9a5c-0242ac120002".to_owned();
    let good = delivery(std::slice::from_ref(&uuid));
    assert_eq!(send(&good.replace(SECRET, "wrong")).0, 401);
    assert_eq!(send(&good), (204, String::new()));
    assert_eq!(send(&good), (204, String::new()));
    assert_eq!(send(&good.replace(PATH, "/")).0, 404);
    assert_eq!(send(&good.replace("POST", "PUT")).0, 405);
    assert_eq!(send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n").0, 200);
    assert_eq!(send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").0, 200);
    let line =
        tail.wait("its line", |said| said.out.lines().find(|line| line.contains(&uuid)).map(str::to_owned));
    let line: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!((&line["via"], &line["kind"]), (&serde_json::json!(["hook"]), &serde_json::json!("grant")));
    assert_eq!(line["from"]["ip"], "192.0.2.77");
    assert_eq!(line["hook"]["event_id"], "3d1f7a10-2222-4222-8222-0242ac120002");
    assert!(!line["hook"]["headers"].to_string().to_lowercase().contains("authorization"));
    tail.signal(Signal::TERM);
    let output = tail.end();
    assert_eq!((output.code, output.out.lines().count()), (Some(143), 4), "{}", output.err);
    // A second process finds the row too, and no output contains the secret.
    let exported =
        sandbox.start(&org, &["export", "--format", "card", "--filter", &format!("uuid:{uuid}")]).end();
    let card: Value =
        serde_json::from_str(&exported.out).unwrap_or_else(|error| panic!("{error}: {}", exported.err));
    assert_eq!(card["Event ID"], "3d1f7a10-2222-4222-8222-0242ac120002");
    assert!(card["Source"].as_str().is_some_and(|source| source.ends_with("whoFFFFFFFFFFFFFF1d7")));
    assert!(card["Headers"].to_string().contains("Content-Type: application/json"));
    let mut places = vec![sandbox.path("data"), sandbox.path("log")];
    while let Some(place) = places.pop() {
        if place.is_dir() {
            places.extend(fs::read_dir(&place).expect("a folder").flatten().map(|entry| entry.path()));
        } else {
            let bytes = fs::read(&place).expect("a file");
            let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!found, "the secret is in {}", place.display());
        }
    }
    assert!(!output.err.contains(SECRET) && !output.out.contains(SECRET));
}

#[test]
fn a_hook_is_made_only_if_told_so_and_verified_by_who_listens() {
    let (org, sandbox, held) = (Sim::start(3, &[]), Sandbox::new(), Port::hold());
    let port = held.at;
    let config = configure(&sandbox, port, &format!("public_url = \"http://{port}{PATH}\"\n"));
    let hook = |args: &[&str]| {
        let output = sandbox.start(&org, &[&["hook", "--config", &config], args].concat()).end();
        assert!(!format!("{}{}", output.out, output.err).contains(SECRET), "{output:?}");
        output
    };
    let first = hook(&["status"]);
    assert_eq!(first.code, Some(0), "{}", first.err);
    assert!(first.out.contains(": 0\n") && first.out.contains("hook register creates one"), "{}", first.out);

    let shown = hook(&["register"]);
    assert_eq!(shown.code, Some(0), "{}", shown.err);
    assert!(shown.out.starts_with(&format!("POST {}/api/v1/eventHooks\n", org.url)), "{}", shown.out);
    assert!(
        shown.out.contains("app.oauth2.as.consent.revoke.implicit.scope") && shown.out.contains("not shown")
    );
    assert!(shown.err.contains("Nothing was sent"), "{}", shown.err);
    assert!(hook(&["status"]).out.contains(": 0\n"), "nothing was made");

    // The hook can be created, but not verified, since no process listens.
    let made = hook(&["register", "--yes"]);
    assert_eq!(made.code, Some(1), "{}", made.err);
    assert!(
        made.out.contains("Created: consentwatch (who") && made.err.contains("Nothing listens"),
        "{}",
        made.err
    );
    let again = hook(&["register", "--yes"]);
    assert!(again.code == Some(1) && again.err.contains("already"), "{}", again.err);
    assert!(hook(&["status"]).out.contains("ACTIVE, UNVERIFIED"));

    let tail = sandbox.start(&org, &["tail", "--config", &config]);
    tail.wait("the backlog", |said| (said.lines == 3).then_some(()));
    drop(connect(port, &tail));
    let verified = hook(&["verify"]);
    assert_eq!(verified.code, Some(0), "{}", verified.err);
    assert!(verified.out.starts_with("Verified"), "{}", verified.out);
    let status = hook(&["status"]);
    assert!(
        status.out.contains("ACTIVE, VERIFIED") && status.out.contains("Okta delivers to"),
        "{}",
        status.out
    );
    assert!(status.out.contains("The journal: "), "{}", status.out);
    tail.signal(Signal::TERM);
    tail.end();

    // A process that listens with another secret.
    write_private(&sandbox.path("other"), "another-secret-of-the-hook\n");
    let other = configure(&sandbox, port, "").replace("hook.toml", "other.toml");
    let text = fs::read_to_string(sandbox.path("hook.toml")).expect("it");
    fs::write(&other, text.replace("hook-secret", "other")).expect("written");
    let tail = sandbox.start(&org, &["tail", "--config", &other]);
    drop(connect(port, &tail));
    let config = configure(&sandbox, port, &format!("public_url = \"http://{port}{PATH}\"\n"));
    let refused = sandbox.start(&org, &["hook", "verify", "--config", &config]).end();
    assert_eq!(refused.code, Some(1), "{}", refused.out);
    assert!(refused.err.contains("could not verify") && refused.err.contains("E0000001"), "{}", refused.err);
}

#[test]
fn a_hook_cannot_be_made_without_what_it_takes() {
    let (org, sandbox, held) = (Sim::start(3, &[]), Sandbox::new(), Port::hold());
    let port = held.at;
    let config = configure(&sandbox, port, "");
    let lost = sandbox.start(&org, &["hook", "register", "--yes", "--config", &config]).end();
    assert_eq!(lost.code, Some(2), "{}", lost.err);
    assert!(lost.err.contains("hook.public_url") && lost.err.contains("Nothing was sent"), "{}", lost.err);
    let closed = Sim::start(3, &["--fault", "forbidden_empty"]);
    for args in [&["hook", "status"][..], &["hook", "verify"]] {
        let refused = sandbox.start(&closed, &[args, &["--config", &config]].concat()).end();
        assert_eq!((refused.code, refused.out.as_str()), (Some(3), ""), "{}", refused.err);
        assert!(refused.err.contains("403"), "{}", refused.err);
    }
}

#[test]
fn tail_can_leave_the_hook_alone() {
    let (org, sandbox) = (Sim::start(3, &[]), Sandbox::new());
    // The port is taken, which would be an error if the program listened.
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let config = configure(&sandbox, taken.local_addr().expect("its address"), "");
    let output = sandbox.start(&org, &["tail", "--once", "--no-hook", "--config", &config]).end();
    assert_eq!((output.code, output.out.lines().count()), (Some(0), 3), "{}", output.err);
}

#[test]
fn what_would_not_be_safe_is_not_started() {
    let (org, sandbox) = (Sim::start(3, &[]), Sandbox::new());
    let refused = |config: &str, words: &str| {
        let output = sandbox.start(&org, &["tail", "--once", "--config", config]).end();
        assert_eq!((output.code, output.out.as_str()), (Some(2), ""), "{}", output.err);
        assert!(output.err.contains(words) && output.err.contains("Nothing was started"), "{}", output.err);
        assert!(!sandbox.path("data").exists(), "nothing was written");
    };
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    refused(&configure(&sandbox, everywhere, ""), "hook.listen");
    refused(
        &configure(&sandbox, everywhere, "tls_cert = \"hook.toml\"\ntls_key = \"hook.toml\"\n"),
        "certificate",
    );
    let held = Port::hold();
    let here = held.at;
    let config = configure(&sandbox, here, "");
    fs::remove_file(sandbox.path("hook-secret")).expect("removed");
    refused(&config, "hook-secret");
    write_private(&sandbox.path("hook-secret"), "\n");
    refused(&config, "empty");
    // This secret cannot be sent in a header.
    write_private(&sandbox.path("hook-secret"), "two\nlines\n");
    refused(&config, "header");
    write_private(&sandbox.path("hook-secret"), "fifteen-letters\n");
    refused(&config, "head -c 32 /dev/urandom");
    write_private(&sandbox.path("short"), "x\n");
    let config = configure(&sandbox, here, "previous_secret_file = \"short\"\n");
    refused(&config, "hook.previous_secret_*");
}

/// The acknowledged events, and the number of senders.
#[derive(Debug, Default)]
struct Acknowledged {
    uuids: BTreeSet<String>,
    senders: usize,
}

impl Tell for Acknowledged {
    fn tell(&self) -> String {
        format!("{} acknowledged, {} senders", self.uuids.len(), self.senders)
    }
}

/// Sends deliveries with two new events each until it is stopped, and records which were acknowledged.
fn send_until_the_end(port: SocketAddr, seen: &Arc<Watched<Acknowledged>>, next: &Arc<Mutex<u64>>) {
    let (seen, next) = (Arc::clone(seen), Arc::clone(next));
    seen.with(|seen| seen.senders += 1);
    std::thread::spawn(move || {
        let Ok(mut socket) = TcpStream::connect(port) else { return seen.with(|seen| seen.senders -= 1) };
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        loop {
            let uuids: Vec<String> = {
                let mut next = next.lock().expect("nobody panicked");
                *next += 2;
                [*next, *next + 1].map(|n| format!("00000000-0000-4000-8000-{n:012}")).into()
            };
            if socket.write_all(delivery(&uuids).as_bytes()).is_err() {
                break;
            }
            match answer(&mut socket) {
                Some((204, _)) => seen.with(|seen| seen.uuids.extend(uuids)),
                Some((status, _)) => panic!("answered {status}"),
                None => break,
            }
        }
        seen.with(|seen| seen.senders -= 1);
    });
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let (org, sandbox) = (Sim::start(40, &[]), Sandbox::new());
    assert!(org.total() == 40 && org.held.len() > 3);
    let seen = Watched::new(Acknowledged::default());
    let next = Arc::new(Mutex::new(0));
    let kills = std::env::var("HOOK_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    for kill in 1..=kills {
        let held = Port::hold();
        let port = held.at;
        let config = configure(&sandbox, port, "");
        let tail = sandbox.start(&org, &["tail", "--config", &config, "--limit", "1000000"]);
        drop(connect(port, &tail));
        let before = seen.with(|seen| seen.uuids.len());
        for _ in 0..8 {
            send_until_the_end(port, &seen, &next);
        }
        seen.wait("deliveries", |seen| (seen.uuids.len() >= before + 150 + kill * 37 % 300).then_some(()));
        tail.signal(Signal::KILL);
        tail.end();
        seen.wait("the end of the senders", |seen| (seen.senders == 0).then_some(()));
    }
    let exported = sandbox.start(&org, &["export"]).end();
    assert_eq!(exported.code, Some(0), "{}", exported.err);
    let lines: Vec<String> = exported
        .out
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).expect("JSON")["uuid"].as_str().expect("a uuid").to_owned()
        })
        .collect();
    let stored: BTreeSet<String> = lines.iter().cloned().collect();
    assert_eq!(lines.len(), stored.len(), "nothing is there twice");
    let acknowledged = seen.with(|seen| seen.uuids.clone());
    assert!(acknowledged.len() >= 150 * kills, "{}", acknowledged.len());
    let lost: Vec<&String> = acknowledged.difference(&stored).collect();
    assert!(lost.is_empty(), "{} acknowledged and lost: {lost:?}", lost.len());
    org.process.signal(Signal::TERM);
    assert_eq!(org.process.end().code, Some(143));
}

#[test]
fn a_delivery_to_a_data_folder_that_vanished_is_not_acknowledged_and_the_state_is_said() {
    let (org, sandbox, held) = (Sim::start(3, &[]), Sandbox::new(), Port::hold());
    let port = held.at;
    let config = configure(&sandbox, port, "");
    let tail = sandbox.start(&org, &["tail", "--config", &config]);
    tail.wait("the backlog", |said| (said.lines == 3).then_some(()));
    let send = |request: &str| {
        let mut socket = connect(port, &tail);
        socket.write_all(request.as_bytes()).expect("sent");
        answer(&mut socket).expect("an answer")
    };
    let ready = || send("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
    let deliver = |number: u32| send(&delivery(&[format!("7c0e9a52-1111-41ef-9a5c-{number:012}")])).0;
    assert_eq!((deliver(1), ready().0), (204, 200));
    let (data, away) = (sandbox.path("data"), sandbox.path("away"));
    fs::rename(&data, &away).expect("moved away");
    assert_eq!((2..22).map(deliver).collect::<Vec<_>>(), [503; 20]);
    let (status, why) = ready();
    assert!(status == 503 && why.contains("vanished"), "{status} {why}");
    tail.wait("the state", |said| said.err.contains("vanished while the program was running").then_some(()));
    // Another folder at the same path is not the open one.
    fs::create_dir_all(&data).expect("another");
    assert_eq!((deliver(22), ready().0), (503, 503));
    fs::remove_dir_all(&data).expect("removed");
    fs::rename(&away, &data).expect("back");
    assert_eq!(deliver(23), 204);
    // The folder is checked every five seconds.
    let is_ready = (0..1_000_000).any(|_| {
        std::thread::yield_now();
        ready().0 == 200
    });
    assert!(is_ready);
    tail.signal(Signal::TERM);
    assert_eq!(tail.end().code, Some(143));
    let exported = sandbox.start(&org, &["export"]).end();
    assert_eq!((exported.code, exported.out.lines().count()), (Some(0), 5), "{}", exported.err);
}
