//! The screen at a million rows: the time of every key that visits all rows, the longest slice of work that is done in
//! slices, and the memory with all pages open. `ROWS=10000000` measures another number of rows, and `ORGS=5` rows of five
//! orgs that together have the people, clients and scopes of one (goal: within 10 % of one).

#![expect(clippy::disallowed_methods, reason = "a bench measures real time")]
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

#[path = "support/org.rs"]
#[expect(dead_code, reason = "another bench has orgs with the same people")]
mod org;

use std::time::{Duration, Instant};

use consentwatch::consent::{KnownOrg, OrgId, Orgs, RowPage};
use consentwatch::model::{Chord, Effect, Key, Model, Msg, Origin, Zone, update};
use consentwatch::view::{self, Depth, Theme, ThemeKind};
use jiff::Timestamp;
use org::{START_MS, page_apart, resident_mb, symbols};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

fn took<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

/// Runs an action and the work that it leaves to be done in slices. Returns the time until the action answered, the
/// longest slice, and the sum.
fn settled(model: &mut Model, msg: Msg) -> (Duration, Duration, Duration) {
    let (mut effects, first) = took(|| update(model, msg));
    let (mut longest, mut sum) = (first, first);
    while effects.contains(&Effect::Work) {
        let (next, slice) = took(|| update(model, Msg::Work));
        (longest, sum) = (longest.max(slice), sum + slice);
        effects = next;
    }
    (first, longest, sum)
}

fn told(what: &str, (first, longest, sum): (Duration, Duration, Duration)) {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "{what:<44} answers {:>7.1} ms, longest slice {:>6.1} ms, all {:>8.1} ms",
        ms(first),
        ms(longest),
        ms(sum)
    );
}

fn press(c: char) -> Msg {
    Msg::Key(Chord::char(c))
}

fn main() {
    let rows: i64 = std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    let orgs: u8 = std::env::var("ORGS").ok().and_then(|orgs| orgs.parse().ok()).unwrap_or(1);
    let page = |from, to| page_apart(orgs, from, to);
    let empty = resident_mb().unwrap_or_default();
    let origin = Origin { org: "example.okta.com".to_owned(), tag: String::new() };
    let now = Timestamp::from_millisecond(START_MS + rows * 700).unwrap_or_default();
    let mut model = Model::new(origin, Zone::default(), (200, 50), now);
    drop(update(&mut model, Msg::Committed(RowPage { symbols: symbols(), ..RowPage::default() })));
    let known: Vec<KnownOrg> =
        (0..orgs).map(|org| KnownOrg::unnamed(&format!("example{org}.okta.com"))).collect();
    drop(update(&mut model, Msg::Orgs(Orgs::new(known.clone()))));
    drop(update(&mut model, Msg::OrgsInUse((0..).map(OrgId).zip(known).collect())));
    let mut slices = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut from = 1;
    while from <= rows {
        let to = (from + 4000).min(rows + 1);
        let page = page(from, to);
        let (_, time) = took(|| update(&mut model, Msg::Older { page, left: (rows + 1 - to) as u64 }));
        slices = (slices.0.max(time), slices.1.max(time), slices.2 + time);
        from = to;
    }
    told(&format!("{rows} rows in pages of 4,000"), slices);
    let worked = settled(&mut model, Msg::Work);
    told("the ledger, after all rows", worked);
    for (key, what) in
        [('2', "page of clients"), ('3', "page of people"), ('4', "page of scopes"), ('1', "consents")]
    {
        let time = settled(&mut model, press(key));
        told(what, time);
    }
    for column in ["kind", "who", "client", "server", "scopes", "state", "from", "via", "time"] {
        let time = settled(&mut model, press('O'));
        told(&format!("sort by {column}"), time);
    }
    settled(&mut model, press('O'));
    settled(&mut model, press('O'));
    for (line, what) in [("f", "filter"), ("/", "search")] {
        for text in ["person.47", "client 17", "netherlands"] {
            settled(&mut model, press(line.chars().next().unwrap_or('f')));
            drop(update(&mut model, Msg::Key(Chord::ctrl('u'))));
            let mut longest = Duration::ZERO;
            for c in text.chars() {
                let (_, slice, _) = settled(&mut model, press(c));
                longest = longest.max(slice);
            }
            told(&format!("{what}, sorted by who, longest key of \"{text}\""), (longest, longest, longest));
            drop(update(&mut model, Msg::Key(Chord::plain(Key::Esc))));
        }
    }
    settled(&mut model, press('F'));
    settled(&mut model, press('i'));
    let theme = Theme::new(ThemeKind::Dark, Depth::True);
    let mut buffer = Buffer::empty(Rect::new(0, 0, 200, 50));
    for (keys, what) in
        [("", "consents and strip"), ("2", "clients"), ("3", "people"), ("1", "consents again")]
    {
        for c in keys.chars() {
            settled(&mut model, press(c));
        }
        let ((), time) = took(|| {
            for _ in 0..20 {
                buffer.reset();
                view::draw_cells(&model, &theme, &mut buffer);
            }
        });
        told(&format!("frame 200x50: {what}"), (time / 20, time / 20, time));
    }
    let mut event = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    settled(&mut model, press('3'));
    for seq in rows + 1..rows + 1001 {
        let (first, longest, sum) = settled(&mut model, Msg::Committed(page(seq, seq + 1)));
        event = (event.0.max(first), event.1.max(longest), event.2 + sum);
    }
    told("1,000 events one by one, people shown", event);
    println!(
        "resident {:.0} MB, {:.0} MB of them before the first row",
        resident_mb().unwrap_or_default(),
        empty
    );
}
