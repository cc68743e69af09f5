//! Reading pages of the System Log into the journal: parse, compress, index, sync.
//!
//! `cargo bench --bench journal` measures one page of a thousand events, and separately the search for secrets in it:
//! `hide_1000` without secrets, and `hide_1000_secretive` with three in each event.
//!
//! With `JOURNAL_EVENTS=1000000` in the environment, it also fills a journal to that number, and prints the speed of
//! each fifth and the final size: once page after page, as the poller does, and once with the next page parsed while
//! the last is written, which shows the journal's capacity. First it measures the minimal work on this machine, on one
//! thread: reading three fields of each event, compressing it, and inserting two narrow rows. `JOURNAL_KEEP` names a
//! folder in which the second journal is kept.

use std::io::Write as _;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use consentwatch::clock::Clock;
use consentwatch::consent::{Via, redact};
use consentwatch::journal::{AppendError, Batch, Commit, Opened, OrgJournal, Settings, open};
use consentwatch::okta;
use consentwatch::sim::SimOrg;
use criterion::{Criterion, Throughput, criterion_group};
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

const PAGE: u64 = 1000;
/// The number of different event bodies. Later events repeat them with another uuid and time.
const BODIES: usize = 20_000;
/// The time from one event to the next. A million events are eight days.
const STEP_MS: i64 = 700;

fn main() {
    let events = Events::new();
    fill(&events);
    benches();
    Criterion::default().configure_from_args().final_summary();
}

criterion_group!(benches, pages);

fn pages(criterion: &mut Criterion) {
    let (dir, clock, runtime) = (tempfile::tempdir().expect("a directory"), Clock::system(), runtime());
    let (events, journal) = (Events::new(), writer(dir.path(), &clock));
    let mut first = 0;
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(PAGE)).sample_size(20);
    group.bench_function("parse_1000", |bencher| {
        let page = events.page(0);
        bencher.iter(|| read(&page, events.start));
    });
    // The search for secrets alone: on the same page, and on one where every event has some.
    for (name, page) in [("hide_1000", events.page(0)), ("hide_1000_secretive", events.secretive_page())] {
        let page = String::from_utf8(page).expect("a page is text");
        let records: Vec<&serde_json::value::RawValue> = serde_json::from_str(&page).expect("a page");
        group.bench_function(name, |bencher| {
            bencher.iter(|| records.iter().filter_map(|record| redact::event(record.get())).count());
        });
    }
    group.bench_function("append_1000", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let batch = read(&events.page(first), events.start);
                let start = clock.uptime();
                let commit = runtime.block_on(journal.append(batch)).expect("the batch is stored");
                spent += clock.uptime().saturating_sub(start);
                assert!(commit.new as u64 >= PAGE);
                first += PAGE;
            }
            spent
        });
    });
    group.finish();
    runtime.block_on(journal.close());
}

/// Fills two journals to the requested number of events. Generating the pages is not counted.
fn fill(events: &Events) {
    let Some(wanted) = std::env::var("JOURNAL_EVENTS").ok().and_then(|text| text.parse::<u64>().ok()) else {
        return;
    };
    let wanted = wanted.next_multiple_of(PAGE * 5);
    bare(events, wanted);
    let kept = std::env::var_os("JOURNAL_KEEP").map(PathBuf::from);
    for ahead in [false, true] {
        let scratch = tempfile::tempdir().expect("a directory");
        let dir = kept.as_deref().filter(|_| ahead).unwrap_or_else(|| scratch.path());
        let (clock, runtime) = (Clock::system(), runtime());
        let journal = writer(dir, &clock);
        let mut fifths = Vec::new();
        let (mut rows, mut raw_bytes, mut reading) = (0, 0, Duration::ZERO);
        for fifth in 0..5 {
            let mut run = Run {
                events,
                journal: &journal,
                clock: &clock,
                rows: 0,
                raw_bytes: 0,
                reading: Duration::ZERO,
            };
            let (from, to) = (wanted / 5 * fifth, wanted / 5 * (fifth + 1));
            fifths.push(runtime.block_on(run.fill(from, to, ahead)));
            rows += run.rows;
            raw_bytes += run.raw_bytes;
            reading += run.reading;
        }
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / wanted as f64;
        let (reading, writing) = (micros(reading), micros(cpu("journal")));
        runtime.block_on(journal.close());
        let stored = std::fs::metadata(dir.join("journal.sqlite3")).map_or(0, |file| file.len());
        let rate = |count: u64, time: Duration| count as f64 / time.as_secs_f64();
        let by_fifth: Vec<String> =
            fifths.iter().map(|time| format!("{:.0}", rate(wanted / 5, *time))).collect();
        let way = if ahead { "the next page parsed meanwhile" } else { "page after page" };
        writeln!(
            std::io::stdout(),
            "{way}: {wanted} events of {} bytes ({rows} rows): {:.0} a second, by fifth {}; {} bytes stored for each; \
             of CPU {reading:.1} µs an event to read, {writing:.1} to write",
            raw_bytes / wanted,
            rate(wanted, fifths.iter().sum()),
            by_fifth.join(" "),
            stored / wanted,
        )
        .expect("standard output takes a line");
    }
}

/// Measures the minimal work of such a journal, as the baseline of this machine.
fn bare(events: &Events, wanted: u64) {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Bare<'a> {
        uuid: &'a str,
        published: &'a str,
        event_type: &'a str,
    }
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::system());
    let mut conn = rusqlite::Connection::open(dir.path().join("bare")).expect("a file");
    conn.execute_batch(
        "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 4000;
         PRAGMA synchronous = FULL; CREATE TABLE raw (seq INTEGER PRIMARY KEY, body BLOB);
         CREATE TABLE event (seq INTEGER PRIMARY KEY, ts INTEGER, uuid BLOB, kind INTEGER);
         CREATE UNIQUE INDEX event_key ON event (ts, uuid);",
    )
    .expect("an empty file takes a schema");
    let samples: Vec<Vec<u8>> = SimOrg::bodies(2000, 2).into_iter().map(String::into_bytes).collect();
    let dictionary = zstd::dict::from_samples(&samples, 16 * 1024).expect("enough samples");
    let mut packer = zstd::bulk::Compressor::with_dictionary(1, &dictionary).expect("a dictionary");
    let mut spent = Duration::ZERO;
    for first in (0..wanted).step_by(PAGE as usize) {
        let page = events.page(first);
        let start = clock.uptime();
        let records: Vec<&serde_json::value::RawValue> = serde_json::from_slice(&page).expect("a page");
        let tx = conn.transaction().expect("nobody else writes");
        for (seq, record) in (first as i64..).zip(records) {
            let event: Bare<'_> = serde_json::from_str(record.get()).expect("an event");
            let at: Timestamp = event.published.parse().expect("a time");
            let uuid = uuid::Uuid::parse_str(event.uuid).expect("a uuid").into_bytes();
            let body = packer.compress(record.get().as_bytes()).expect("room");
            let row = (seq, at.as_millisecond(), uuid, event.event_type.len() as i64);
            tx.prepare_cached("INSERT INTO event VALUES (?1, ?2, ?3, ?4)")
                .and_then(|mut insert| insert.execute(row))
                .expect("a new row");
            tx.prepare_cached("INSERT INTO raw VALUES (?1, ?2)")
                .and_then(|mut insert| insert.execute((seq, body)))
                .expect("a new row");
        }
        tx.commit().expect("the disk has room");
        spent += clock.uptime().saturating_sub(start);
    }
    let rate = wanted as f64 / spent.as_secs_f64();
    writeln!(std::io::stdout(), "the bare work on one thread: {wanted} events: {rate:.0} a second")
        .expect("standard output takes a line");
}

struct Run<'e> {
    events: &'e Events,
    journal: &'e OrgJournal,
    clock: &'e Clock,
    rows: usize,
    raw_bytes: u64,
    /// The CPU time of parsing.
    reading: Duration,
}

impl Run<'_> {
    /// Stores the events of a range and returns the time that it took. With `ahead`, a page is parsed while the one
    /// before is written to the disk.
    async fn fill(&mut self, from: u64, to: u64, ahead: bool) -> Duration {
        let mut spent = Duration::ZERO;
        let mut first = from;
        while first < to {
            // Generating pages is not counted. A few are generated at a time, so that not all are in memory.
            let pages: Vec<Vec<u8>> = (0..PAGE.min((to - first) / PAGE).min(20))
                .map(|number| self.events.page(first + number * PAGE))
                .collect();
            first += pages.len() as u64 * PAGE;
            self.raw_bytes += pages.iter().map(|page| page.len() as u64).sum::<u64>();
            let start = self.clock.uptime();
            let mut last = None;
            for page in &pages {
                let before = cpu("");
                let batch = read(page, self.events.start);
                self.reading += cpu("").saturating_sub(before);
                if let Some(append) = last.take() {
                    self.note(append).await;
                }
                let mut append = Box::pin(self.journal.append(batch));
                if ahead && futures_util::poll!(append.as_mut()).is_pending() {
                    // The batch was handed over, and is written while the next page is parsed.
                    last = Some(append);
                } else {
                    self.note(append).await;
                }
            }
            if let Some(append) = last {
                self.note(append).await;
            }
            spent += self.clock.uptime().saturating_sub(start);
        }
        spent
    }

    async fn note(&mut self, append: impl Future<Output = Result<Commit, AppendError>>) {
        let commit = append.await.expect("the batch is stored");
        assert_eq!((commit.merged, commit.repeated), (0, 0));
        self.rows += commit.new;
    }
}

/// Parses a page as the poller does.
fn read(page: &[u8], received: Timestamp) -> Batch {
    let page = okta::page(page, received, Via::POLL).expect("a page");
    assert!(page.rejects.is_empty() && page.records as u64 == PAGE);
    Batch { consents: page.consents, ..Batch::default() }
}

/// An endless source of events of the simulated org, each with its own id and time.
struct Events {
    bodies: Vec<Parts>,
    start: Timestamp,
}

/// An event's JSON without the values of `published` and `uuid`.
struct Parts {
    pieces: [String; 3],
    is_uuid_first: bool,
}

impl Events {
    fn new() -> Self {
        let bodies = SimOrg::bodies(BODIES, 1).iter().map(|body| Parts::of(body)).collect();
        // The times are recent, or a program that opens the journal would remove rows as too old.
        let start = Clock::system().now() - jiff::SignedDuration::from_hours(24 * 10);
        Self { bodies, start }
    }

    /// Returns the first page, with secrets in each event.
    fn secretive_page(&self) -> Vec<u8> {
        let page = String::from_utf8(self.page(0)).expect("a page is text");
        let secrets = r#""debugData":{"client_secret":"x","url":"/cb?code=y","data":"{\"otp\":\"z\"}","#;
        page.replace(r#""debugData":{"#, secrets).into_bytes()
    }

    /// Returns a page as a JSON array, starting with the event of a number.
    fn page(&self, first: u64) -> Vec<u8> {
        let mut page = String::with_capacity(3 * 1024 * 1024);
        for number in first..first + PAGE {
            page.push(if number == first { '[' } else { ',' });
            let at = self.start.as_millisecond() + number as i64 * STEP_MS;
            let published = format!("{:.3}", Timestamp::from_millisecond(at).expect("not far from now"));
            let uuid = uuid::Uuid::from_u64_pair(mix(number), mix(!number)).to_string();
            self.bodies[number as usize % self.bodies.len()].write(&mut page, &published, &uuid);
        }
        page.push(']');
        page.into_bytes()
    }
}

impl Parts {
    fn of(body: &str) -> Self {
        let cut = |name: &str| {
            let (before, from) = body.split_once(&format!("\"{name}\":\"")).expect("each event has one");
            let start = before.len() + name.len() + 4;
            (start, start + from.find('"').expect("the value ends"))
        };
        let (published, uuid) = (cut("published"), cut("uuid"));
        let is_uuid_first = uuid < published;
        let (one, two) = if is_uuid_first { (uuid, published) } else { (published, uuid) };
        let piece = |range: Range<usize>| body.get(range).expect("both ends are quotes").to_owned();
        Self { pieces: [piece(0..one.0), piece(one.1..two.0), piece(two.1..body.len())], is_uuid_first }
    }

    fn write(&self, page: &mut String, published: &str, uuid: &str) {
        let [start, middle, end] = &self.pieces;
        let (one, two) = if self.is_uuid_first { (uuid, published) } else { (published, uuid) };
        for piece in [start, one, middle, two, end] {
            page.push_str(piece);
        }
    }
}

/// Mixes a number so that neighboring inputs give unrelated results (the finalizer of splitmix64).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns the CPU time of this thread, or of this process's threads with a name. On a shared machine it is more
/// reliable than a rate. Only Linux provides it (proc(5): schedstat).
fn cpu(name: &str) -> Duration {
    let spent = |path: &Path| -> Option<Duration> {
        let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
        Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
    };
    if name.is_empty() {
        return spent(Path::new("/proc/thread-self")).unwrap_or_default();
    }
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    threads
        .map(|thread| thread.path())
        .filter(|path| std::fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.trim_end() == name))
        .filter_map(|path| spent(&path))
        .sum()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

fn writer(dir: &Path, clock: &Clock) -> OrgJournal {
    match open(dir, Settings::default(), clock.clone()).expect("a new journal") {
        Opened::Writer(journal) => journal,
        Opened::Follower { holder } => panic!("a new journal is held by {holder}"),
    }
}
