//! The event hook under load: fifty open connections, each sending valid deliveries of one event one after another. The
//! senders run on the same processors as the listener.
//!
//! `cargo bench --bench hook` prints deliveries per second and their latency for three cases: the listener, which
//! answers once the event is on the disk (SQLite, `synchronous=FULL`); a baseline handler that reads and checks the
//! same and writes nothing; and the listener at a steady thousand per second. `HOOK_SECONDS` sets the duration of each
//! run (default 8). The cases run in turn, twice each.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use consentwatch::clock::Clock;
use consentwatch::intake::hook::{self, Ceiling, HookDoors, HookPlan, HookTarget};
use consentwatch::journal::{Opened, Reader, Settings, open};
use consentwatch::okta::hook_delivery::{Secrets, delivery, is_json, kept_headers};
use consentwatch::report::Board;
use consentwatch::secret::Secret;
use consentwatch::sim::SimOrg;
use consentwatch::tasks::Tasks;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

const SECRET: &str = "invented-secret-of-the-hook";
const PATH: &str = "/okta/hook";
const CONNECTIONS: u64 = 50;
/// The number of different event bodies. Later events repeat them with another uuid.
const BODIES: usize = 2000;

fn main() {
    let seconds = std::env::var("HOOK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let length = Duration::from_secs(seconds);
    let bodies: Arc<Vec<String>> = Arc::new(SimOrg::bodies(BODIES, 1));
    let mean = bodies.iter().map(String::len).sum::<usize>() / bodies.len();
    say(&format!("{CONNECTIONS} connections, events of {mean} bytes on average, {seconds} s each"));
    let mut rates = [Vec::new(), Vec::new()];
    for _ in 0..2 {
        let bare = bare(&bodies, length);
        rates[0].push(bare.rate());
        say(&format!("read and checked, nothing written:  {bare}"));
        let written = stored(&bodies, length, None);
        rates[1].push(written.rate());
        say(&format!("answered once on the disk:          {written}"));
    }
    let mean = |rates: &[f64]| rates.iter().sum::<f64>() / rates.len() as f64;
    let [bare, written] = [mean(&rates[0]), mean(&rates[1])];
    say(&format!("ratio: {:.2} (goal 0.40); a second: {written:.0} (goal 20,000)", written / bare));
    let steady = stored(&bodies, length, Some(1000));
    say(&format!("answered once on the disk, steady:  {steady}"));
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output takes it");
}

/// The results that the senders measured.
struct Seen {
    took: Vec<Duration>,
    other: u64,
    length: Duration,
    /// The largest size of the journal's WAL and the number of rows, or `None` if nothing is written.
    journal: Option<(u64, u64)>,
}

impl Seen {
    fn rate(&self) -> f64 {
        self.took.len() as f64 / self.length.as_secs_f64()
    }

    fn rank(&self, part: f64) -> f64 {
        let at = (self.took.len() as f64 * part) as usize;
        self.took.get(at.min(self.took.len().saturating_sub(1))).map_or(0.0, |took| took.as_secs_f64() * 1e3)
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:>6.0} a second; half within {:.2} ms, p99 {:.2}, p99.9 {:.2}, most {:.2}; {} not answered 204",
            self.rate(),
            self.rank(0.5),
            self.rank(0.99),
            self.rank(0.999),
            self.rank(1.0),
            self.other
        )?;
        if let Some((wal, rows)) = self.journal {
            write!(f, "; {rows} rows for {} answers, WAL at most {} MB", self.took.len(), wal / 1_000_000)?;
        }
        Ok(())
    }
}

fn runtime(threads: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(threads).enable_all().build().expect("a runtime")
}

fn secrets() -> Secrets {
    Secrets::new(&Secret::new(SECRET), None).expect("a secret")
}

/// Runs the listener as the program does.
fn stored(bodies: &Arc<Vec<String>>, length: Duration, per_second: Option<u64>) -> Seen {
    let place = tempfile::tempdir().expect("a folder");
    let (clock, tasks, runtime) = (Clock::system(), Tasks::new(), runtime(2));
    let settings = Settings { keep_unconfirmed: u64::MAX, ..Settings::default() };
    let Ok(Opened::Writer(journal)) = open(place.path(), settings, clock.clone()) else {
        panic!("a new journal opens")
    };
    let plan = HookPlan {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        targets: vec![HookTarget { place: 0, path: PATH.to_owned(), secrets: secrets() }],
        tls: None,
        // The limits are lifted, so that the capacity is measured.
        ceiling: Ceiling::NONE,
    };
    let (board, mut seen) = watch::channel(Board::default());
    let url = runtime.block_on(async {
        tasks.spawn(
            "hook",
            hook::run(
                plan,
                vec![HookDoors { journal: journal.clone(), board, clock: clock.clone() }],
                clock.clone(),
                tasks.clone(),
            ),
        );
        let board = seen.wait_for(|board| board.hook.listens_at.is_some()).await.expect("it listens");
        board.hook.listens_at.clone().expect("it said where")
    });
    let address = url.split('/').nth(2).and_then(|at| at.parse().ok()).expect("an address");
    let wal = Wal::watch(&runtime, place.path(), &clock);
    let mut seen = send(address, bodies, length, per_second, &clock);
    runtime.block_on(async {
        assert!(tasks.finish(Duration::from_secs(5)).await, "the listener ends");
        journal.close().await;
    });
    let reader = Reader::open(place.path()).expect("the journal is there");
    let rows = reader.counts().expect("it can be read").rows;
    seen.journal = Some((wal.most(), rows));
    seen
}

/// Returns the largest size that the WAL had.
struct Wal(Arc<AtomicU64>);

impl Wal {
    fn watch(runtime: &Runtime, place: &Path, clock: &Clock) -> Self {
        let most = Arc::new(AtomicU64::new(0));
        let (seen, path, clock) = (Arc::clone(&most), place.join("journal.sqlite3-wal"), clock.clone());
        runtime.spawn(async move {
            loop {
                let size = std::fs::metadata(&path).map_or(0, |file| file.len());
                seen.fetch_max(size, Ordering::Relaxed);
                drop(clock.sleep(Duration::from_millis(50)).await);
            }
        });
        Self(most)
    }

    fn most(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Runs a handler that checks the same secret and reads the same, but writes nothing.
fn bare(bodies: &Arc<Vec<String>>, length: Duration) -> Seen {
    let runtime = runtime(2);
    let (clock, secrets) = (Clock::system(), secrets());
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("its address");
    let (own, own_tasks) = (clock.clone(), Tasks::new());
    runtime.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            socket.set_nodelay(true).expect("no delay");
            let (secrets, clock) = (secrets.clone(), own.clone());
            own_tasks.spawn("connection", async move {
                let answer = service_fn(|request| {
                    let (secrets, clock) = (secrets.clone(), clock.clone());
                    async move { Ok::<_, Infallible>(check(request, &secrets, &clock).await) }
                });
                // It does not matter how a connection ends.
                drop(
                    auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(socket), answer)
                        .await,
                );
            });
        }
    });
    let seen = send(address, bodies, length, None, &clock);
    runtime.shutdown_background();
    seen
}

async fn check(request: Request<Incoming>, secrets: &Secrets, clock: &Clock) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let is_good = headers.get(AUTHORIZATION).is_some_and(|value| secrets.admit(value.as_bytes()))
        && is_json(headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes));
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let read = delivery(&body, kept_headers(pairs, &[secrets]), clock.now());
    let mut answer = Response::new(Full::default());
    let is_read = is_good && read.is_ok_and(|read| !read.consents.is_empty());
    *answer.status_mut() = if is_read { StatusCode::NO_CONTENT } else { StatusCode::BAD_REQUEST };
    answer
}

/// Sends deliveries on every connection until the time is over, and returns the results.
fn send(
    address: SocketAddr,
    bodies: &Arc<Vec<String>>,
    length: Duration,
    per_second: Option<u64>,
    clock: &Clock,
) -> Seen {
    let (bodies, clock) = (Arc::clone(bodies), clock.clone());
    let senders = std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let begun = clock.uptime();
        let work = (0..CONNECTIONS).map(|number| {
            let sender = Sender { number, sent: 0, bodies: Arc::clone(&bodies), clock: clock.clone() };
            sender.run(address, begun + length, per_second.map(|all| all as f64 / CONNECTIONS as f64))
        });
        let all = runtime.block_on(futures_util::future::join_all(work));
        let length = clock.uptime().saturating_sub(begun);
        let mut seen = Seen { took: Vec::new(), other: 0, length, journal: None };
        for (took, other) in all {
            seen.took.extend(took);
            seen.other += other;
        }
        seen.took.sort_unstable();
        seen
    });
    senders.join().expect("the senders end")
}

struct Sender {
    number: u64,
    sent: u64,
    bodies: Arc<Vec<String>>,
    clock: Clock,
}

impl Sender {
    async fn run(
        mut self,
        address: SocketAddr,
        until: Duration,
        per_second: Option<f64>,
    ) -> (Vec<Duration>, u64) {
        let mut socket = TcpStream::connect(address).await.expect("a connection");
        socket.set_nodelay(true).expect("no delay");
        let (mut took, mut other) = (Vec::new(), 0);
        // The connections do not start all at the same time.
        let part = self.number as f64 / CONNECTIONS as f64;
        let mut due = self.clock.uptime()
            + per_second.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(part / rate));
        while self.clock.uptime() < until {
            if let Some(rate) = per_second {
                due += Duration::from_secs_f64(1.0 / rate);
                drop(self.clock.sleep_until(due).await);
            }
            let request = self.request();
            let begun = self.clock.uptime();
            socket.write_all(&request).await.expect("sent");
            if answer(&mut socket).await == 204 {
                took.push(self.clock.uptime().saturating_sub(begun));
            } else {
                other += 1;
            }
        }
        (took, other)
    }

    /// Returns a delivery of one new event.
    fn request(&mut self) -> Vec<u8> {
        let body = &self.bodies[(self.number + CONNECTIONS * self.sent) as usize % self.bodies.len()];
        self.sent += 1;
        let uuid = format!("{:08x}-0000-4000-8000-{:012x}", self.number, self.sent);
        // The first `uuid` in an event is its own.
        let event = replaced(body, r#""uuid":""#, &uuid);
        let event = replaced(&event, r#""published":""#, &format!("{:.3}", self.clock.now()));
        let body = format!(
            r#"{{"eventType":"com.okta.event_hook","source":"https://org.example.test/api/v1/eventHooks/whoFFFFFFFFFFFFFF1d7","eventId":"{uuid}","eventTime":"2026-03-04T09:15:38.902Z","data":{{"events":[{event}]}}}}"#
        );
        format!(
            "POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: {SECRET}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

/// Replaces the value of a key.
fn replaced(event: &str, key: &str, value: &str) -> String {
    let Some(at) = event.find(key) else { return event.to_owned() };
    let (head, rest) = event.split_at(at + key.len());
    let (_, rest) = rest.split_at(rest.find('"').expect("a string has an end"));
    [head, value, rest].concat()
}

/// Reads an answer without a body and returns its status.
async fn answer(socket: &mut TcpStream) -> u16 {
    let mut bytes = [0; 1024];
    let mut length = 0;
    loop {
        match socket.read(&mut bytes[length..]).await {
            Ok(more @ 1..) => length += more,
            _ => return 0,
        }
        if bytes[..length].windows(4).any(|end| end == b"\r\n\r\n") {
            return std::str::from_utf8(&bytes[9..12]).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        }
    }
}
