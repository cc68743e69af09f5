//! Appending to the journal: pages of a thousand events, with their compression and their syncs.
//!
//! `cargo bench --bench journal` gives the time of one page. With `JOURNAL_EVENTS=1000000` in the environment it also
//! fills one journal to that number and says how fast that went and how large the journal became.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use consentwatch::clock::Clock;
use consentwatch::consent;
use consentwatch::journal::{Batch, Journal, Opened, Settings, open};
use criterion::{Criterion, Throughput, criterion_group};
use tokio::runtime::{Builder, Runtime};

#[path = "../src/journal/sample.rs"]
mod sample;

const PAGE: u64 = 1000;

fn main() {
    fill();
    benches();
    Criterion::default().configure_from_args().final_summary();
}

criterion_group!(benches, pages);

fn pages(criterion: &mut Criterion) {
    let (dir, clock, runtime) = (tempfile::tempdir().expect("a directory"), Clock::system(), runtime());
    let journal = writer(dir.path(), &clock);
    let mut number = 0;
    let mut group = criterion.benchmark_group("journal");
    group.throughput(Throughput::Elements(PAGE)).sample_size(20);
    group.bench_function("append_1000", |bencher| {
        bencher.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                spent += append(&runtime, &journal, &clock, number).0;
                number += PAGE;
            }
            spent
        });
    });
    group.finish();
    runtime.block_on(journal.close());
}

/// Fills one journal to the number asked for; making the events is not counted.
fn fill() {
    let Some(events) = std::env::var("JOURNAL_EVENTS").ok().and_then(|text| text.parse::<u64>().ok()) else {
        return;
    };
    let (dir, clock, runtime) = (tempfile::tempdir().expect("a directory"), Clock::system(), runtime());
    let journal = writer(dir.path(), &clock);
    let (mut spent, mut raw_bytes) = (Duration::ZERO, 0);
    for page in 0..events.div_ceil(PAGE) {
        let (time, bytes) = append(&runtime, &journal, &clock, page * PAGE);
        spent += time;
        raw_bytes += bytes;
    }
    runtime.block_on(journal.close());
    let stored = std::fs::metadata(dir.path().join("journal.sqlite3")).map_or(0, |file| file.len());
    let count = events.div_ceil(PAGE) * PAGE;
    writeln!(
        std::io::stdout(),
        "{count} events of {} bytes: {:.0} a second, {} bytes stored for each",
        raw_bytes / count,
        count as f64 / spent.as_secs_f64(),
        stored / count,
    )
    .expect("standard output takes a line");
}

/// Appends a page and returns how long that took, with the bytes of its raw events.
fn append(runtime: &Runtime, journal: &Journal, clock: &Clock, first: u64) -> (Duration, u64) {
    let consents: Vec<_> =
        (first..first + PAGE).map(|number| sample::consent(number, consent::Via::POLL)).collect();
    let bytes = consents.iter().map(|consent| consent.raw.len() as u64).sum();
    let batch = Batch { consents, ..Batch::default() };
    let start = clock.uptime();
    let commit = runtime.block_on(journal.append(batch)).expect("the batch is stored");
    let spent = clock.uptime().saturating_sub(start);
    assert_eq!(commit.new as u64, PAGE);
    (spent, bytes)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().expect("a runtime")
}

fn writer(dir: &Path, clock: &Clock) -> Journal {
    match open(dir, Settings { keep_days: 40_000, ..Settings::default() }, clock.clone())
        .expect("a new journal")
    {
        Opened::Writer(journal) => journal,
        Opened::Follower { holder } => panic!("a new journal is held by {holder}"),
    }
}
