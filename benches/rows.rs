//! The list at a million rows: append, window, filter, frame.

#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "support/org.rs"]
#[expect(dead_code, reason = "another bench has orgs with other people each")]
mod org;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use consentwatch::consent::{KnownOrg, OrgName, Orgs, RowPage, Seq};
use consentwatch::model::{
    Among, Chord, Effect, Filter, Key, Known, Mark, Marks, Model, Msg, Origin, Query, Zone, update,
};
use consentwatch::view::{self, Depth, Theme, ThemeKind};
use criterion::{BatchSize, Criterion};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use org::{page, page_of, resident_mb, symbols};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const ROWS: i64 = 1_000_000;

/// Returns a model with rows of this many orgs.
fn model(orgs: u8, rows: i64) -> Model {
    let origin = Origin { org: "example.okta.com".to_owned(), tag: String::new() };
    let mut model = Model::new(origin, Zone::default(), (200, 50), Timestamp::UNIX_EPOCH);
    drop(update(&mut model, Msg::Committed(RowPage { symbols: symbols(), ..RowPage::default() })));
    let mut seq = 1;
    while seq <= rows {
        drop(update(&mut model, Msg::Committed(page_of(orgs, seq, (seq + 1000).min(rows + 1)))));
        seq += 1000;
    }
    model
}

fn main() {
    let mut criterion = Criterion::default()
        .configure_from_args()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    let before = resident_mb().unwrap_or_default();
    let mut model = self::model(1, ROWS);
    let after = resident_mb().unwrap_or_default();
    let theme = Theme::new(ThemeKind::Dark, Depth::True);
    criterion.bench_function(
        &format!("rows/append 1,000 to 1,000,000 (they take {:.0} MB)", after - before),
        |bench| {
            let mut next = ROWS + 1;
            bench.iter_batched(
                || {
                    next += 1000;
                    page(next - 1000, next)
                },
                |page| drop(update(&mut model, Msg::Committed(page))),
                BatchSize::PerIteration,
            );
        },
    );
    criterion.bench_function("rows/window of 45", |bench| {
        bench.iter(|| black_box(model.list.window(&model.rows, 45)));
    });
    let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 50));
    criterion.bench_function("rows/frame 200x50", |bench| {
        bench.iter(|| {
            buffer.reset();
            view::draw_cells(&model, &theme, black_box(&mut buffer));
        });
    });
    // Words search all columns, and fields search one. The goals are 10 ms for words, 2 ms for fields and 60 ms for a
    // pattern.
    for text in [
        "person.4711",
        "person",
        "openid -revoke who:person.1",
        "kind:revoke",
        "kind:grant",
        "who:person.4711",
        // Matches each of 48,000 people.
        "who:p",
        "who:*",
        "kind:grant who:*",
        "ip:198.51.1",
        "standing:standing",
        "client:0oa00000000000000017",
        "country:netherlands",
        "time:>2026-02-28",
        "who:~son\\.1[0-9]*7@",
        "scope:~orders\\.1.*read",
    ] {
        criterion.bench_function(&format!("rows/filter from nothing: {text}"), |bench| {
            bench.iter(|| {
                let query = Query::parse(text, 0, &TimeZone::UTC).expect("a good filter");
                let known = Known { rows: &model.rows, ledger: &model.ledger };
                black_box(Filter::new(query).list(&known, Among::default()).len())
            });
        });
    }
    keystrokes(&mut model);
    marks(&mut criterion, &mut model, &theme);
    drop(model);
    orgs(&mut criterion);
    criterion.final_summary();
}

/// Types filters as a user does, and prints the time that each key takes, including the list, the count and the
/// cursor's position. With `KEYS` in the environment it prints the slowest keys one by one.
fn keystrokes(model: &mut Model) {
    let typed = [
        "person.4711",
        "openid orders",
        "utrecht 64500",
        "who:person.4711",
        "ip:198.51.17",
        "country:netherlands",
        "kind:grant",
        "client:0oa000000000000001",
        "scope:orders.17",
        "server:default",
        "standing:standing",
        "via:log",
        "asn:64500",
        "-city:utrecht",
        "client:=0oa00000000000000017",
        "kind:grant who:*",
        "kind:grant country:nether",
        "time:>2026-02-28",
        "who:~son\\.1[0-9]*7@",
        "~person\\.4",
        "scope:~read$",
    ];
    // The slowest keys.
    let sort = |typed: &str| match typed {
        _ if typed.contains('~') => "patterns",
        _ if typed.split(' ').all(|part| part.contains(':')) => "fields",
        _ => "words",
    };
    let mut costs: BTreeMap<&str, Vec<(Duration, String)>> = BTreeMap::new();
    for text in typed.iter().cycle().take(10 * typed.len()) {
        drop(update(model, Msg::Key(Chord::char('f'))));
        let mut typed = String::new();
        for char in text.chars() {
            let start = Instant::now();
            let mut effects = update(model, Msg::Key(Chord::char(char)));
            while effects.contains(&Effect::Work) {
                effects = update(model, Msg::Work);
            }
            let took = start.elapsed();
            typed.push(char);
            costs.entry(sort(&typed)).or_default().push((took, typed.clone()));
        }
        drop(update(model, Msg::Key(Chord::plain(Key::Esc))));
    }
    for (sort, mut costs) in costs {
        costs.sort();
        if std::env::var_os("KEYS").is_some() {
            let mut by_text: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
            for (took, typed) in &costs {
                by_text.entry(typed).or_default().push(*took);
            }
            let mut halves: Vec<_> =
                by_text.into_iter().map(|(typed, took)| (took[took.len() / 2], typed)).collect();
            halves.sort();
            for (half, typed) in halves.iter().rev().take(25) {
                println!("  {half:.2?} {typed}");
            }
        }
        let at = |share: f64| costs[((costs.len() - 1) as f64 * share) as usize].clone();
        let [(half, _), (most, at_most)] = [at(0.5), at(0.99)];
        println!("rows/a key of a filter, {sort}: p50 {half:.1?}, p99 {most:.1?} ({at_most})");
    }
}

/// Measures filters and pages with the largest number of marks, spread over all rows.
fn marks(criterion: &mut Criterion, model: &mut Model, theme: &Theme) {
    let mark = || Mark { at: Timestamp::UNIX_EPOCH, note: "call the owner".into() };
    let spread = |count: i64| Marks::new((1..=count).map(|n| (Seq(n * (ROWS / count)), mark())), 0);
    drop(update(model, Msg::Marks(Box::new(spread(10_000)))));
    for text in ["mark:*", "-mark:*", "mark:owner"] {
        criterion.bench_function(&format!("rows/10,000 marks, filter from nothing: {text}"), |bench| {
            bench.iter(|| {
                let query = Query::parse(text, 0, &TimeZone::UTC).expect("a good filter");
                let known = Known { rows: &model.rows, ledger: &model.ledger };
                black_box(Filter::new(query).list(&known, Among::default()).len())
            });
        });
    }
    let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 50));
    drop(update(model, Msg::Key(Chord::char('M'))));
    criterion.bench_function("rows/10,000 marks, frame of their page", |bench| {
        bench.iter(|| {
            buffer.reset();
            view::draw_cells(model, theme, black_box(&mut buffer));
        });
    });
    drop(update(model, Msg::Key(Chord::char('M'))));
    // With only one mark, the search for the next one takes longest.
    drop(update(model, Msg::Marks(Box::new(spread(1)))));
    criterion.bench_function("rows/1 mark, the next of it", |bench| {
        bench.iter(|| black_box(update(model, Msg::Key(Chord::char('\'')))));
    });
}

/// Measures filters over rows of three orgs.
fn orgs(criterion: &mut Criterion) {
    let mut model = model(3, ROWS);
    let org = |name: &str| KnownOrg { key: name.into(), host: name.into(), name: OrgName::parse(name).ok() };
    let names = ["prod", "preview", "acquired"].map(org);
    drop(update(&mut model, Msg::Orgs(Orgs::new(names.to_vec()))));
    for text in ["org:prod", "org:preview kind:grant", "client:0oa00000000000000017", "standing:standing"] {
        criterion.bench_function(&format!("rows/3 orgs, filter from nothing: {text}"), |bench| {
            bench.iter(|| {
                let query = Query::parse(text, 0, &TimeZone::UTC).expect("a good filter");
                let known = Known { rows: &model.rows, ledger: &model.ledger };
                black_box(Filter::new(query).list(&known, Among::default()).len())
            });
        });
    }
}
