//! The strip of activity: how many of the listed rows fall into each stretch of time around the reader.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::{Effect, Model, RowRef, update};

/// The strip, while it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Strip {
    zoom: usize,
}

/// What a column may stand for: milliseconds, and the words.
const ZOOMS: [(i64, &str); 8] = [
    (60_000, "1 min"),
    (10 * 60_000, "10 min"),
    (30 * 60_000, "30 min"),
    (3_600_000, "1 h"),
    (6 * 3_600_000, "6 h"),
    (24 * 3_600_000, "1 day"),
    (7 * 24 * 3_600_000, "7 days"),
    (28 * 24 * 3_600_000, "28 days"),
];

impl Default for Strip {
    fn default() -> Self {
        Self { zoom: 2 }
    }
}

/// What a strip shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Buckets {
    /// Where the first begins, in milliseconds since 1970.
    pub start_ms: i64,
    /// How long each is.
    pub size_ms: i64,
    /// The words for that.
    pub size: &'static str,
    /// Rows in each.
    pub counts: Vec<usize>,
    /// The one that the reader's row falls into.
    pub here: Option<usize>,
    /// Those that marked rows fall into, rising.
    pub marked: Vec<usize>,
    /// Whether it counts every row, and not those that are listed, since they are not in the order of time.
    pub of_all: bool,
}

/// Counts for a strip of so many columns. A few steps of a search for each, however many rows there are.
pub fn buckets(model: &Model, strip: Strip, columns: usize) -> Buckets {
    let (size_ms, size) = ZOOMS[strip.zoom];
    let ids = ids(model);
    let time = |at: &u32| model.rows.key(RowRef(*at)).0;
    let here_ms = model.list.cursor().map_or(model.now.as_millisecond(), |at| model.rows.key(at).0);
    let newest_ms = ids.back().map_or(here_ms, time);
    let shift = offset_ms(model, here_ms);
    let bucket = |ms: i64| (ms + shift).div_euclid(size_ms);
    let columns_i = i64::try_from(columns).unwrap_or(i64::MAX);
    // The reader in the middle, and nothing but the future is left away.
    let last = (bucket(here_ms) + columns_i / 2).min(bucket(newest_ms)).max(bucket(here_ms));
    let first = last - columns_i + 1;
    let start = |index: i64| index * size_ms - shift;
    let mut place = ids.partition_point(|at| time(at) < start(first));
    let mut counts = Vec::with_capacity(columns);
    for index in first..=last {
        let end = ids.partition_point(|at| time(at) < start(index + 1));
        counts.push(end - place);
        place = end;
    }
    let column = |ms: i64| usize::try_from(bucket(ms) - first).ok().filter(|column| *column < columns);
    let here = column(here_ms);
    let marks = model.rows.marks().iter().filter_map(|(seq, _)| model.rows.find(seq));
    let mut marked: Vec<usize> = marks.filter_map(|at| column(model.rows.key(at).0)).collect();
    marked.sort_unstable();
    marked.dedup();
    Buckets { start_ms: start(first), size_ms, size, counts, here, marked, of_all: model.list.is_sorted() }
}

/// The rows in the order of time that a strip counts.
fn ids(model: &Model) -> &VecDeque<u32> {
    match model.list.shown() {
        Some(shown) if !model.list.is_sorted() => shown,
        _ => model.rows.order(),
    }
}

/// How far the shown zone's clocks are before UTC, so that days begin at midnight.
fn offset_ms(model: &Model, ms: i64) -> i64 {
    let at = Timestamp::from_millisecond(ms).unwrap_or_default();
    i64::from(model.zone.shown.to_offset(at).seconds()) * 1000
}

/// Shows the strip, or hides it.
pub(super) fn turn(model: &mut Model) -> Vec<Effect> {
    model.strip = if model.strip.is_some() { None } else { Some(Strip::default()) };
    Vec::new()
}

/// Makes a column stand for less time, or for more.
pub(super) fn zoom(model: &mut Model, closer: bool) -> Vec<Effect> {
    let strip = model.strip.get_or_insert_default();
    strip.zoom = if closer { strip.zoom.saturating_sub(1) } else { (strip.zoom + 1).min(ZOOMS.len() - 1) };
    Vec::new()
}

/// Goes to the next stretch of time that has a row, or to the one before.
pub(super) fn jump(model: &mut Model, back: bool) -> Vec<Effect> {
    let strip = *model.strip.get_or_insert_default();
    let Some(cursor) = model.list.cursor() else { return Vec::new() };
    let (size_ms, _) = ZOOMS[strip.zoom];
    let here_ms = model.rows.key(cursor).0;
    let shift = offset_ms(model, here_ms);
    let start_of = |ms: i64| (ms + shift).div_euclid(size_ms) * size_ms - shift;
    let ids = ids(model);
    let time = |at: &u32| model.rows.key(RowRef(*at)).0;
    let first_since = |ms: i64| ids.get(ids.partition_point(|at| time(at) < ms)).copied();
    let found = if back {
        let before = ids.partition_point(|at| time(at) < start_of(here_ms));
        let last = before.checked_sub(1).and_then(|place| ids.get(place));
        last.and_then(|at| first_since(start_of(time(at))))
    } else {
        first_since(start_of(here_ms) + size_ms)
    };
    if let Some(at) = found {
        model.list.go_to(&model.rows, RowRef(at));
    }
    update::open_cursor(model)
}

#[cfg(test)]
mod tests {
    use super::super::{Msg, Origin, Zone};
    use super::*;
    use crate::consent::Page;
    use crate::model::data::rows::tests::row;

    const HOUR: i64 = 3_600_000;

    fn model(times: &[i64]) -> Model {
        let now = Timestamp::from_millisecond(1000 * HOUR).unwrap();
        let mut model = Model::new(Origin::default(), Zone::default(), (80, 24), now);
        let rows = (1..).zip(times).map(|(seq, time)| row(seq, *time)).collect();
        drop(update(&mut model, Msg::Committed(Page { rows, ..Page::default() })));
        model
    }

    use super::super::update;

    #[test]
    fn rows_fall_into_the_stretch_of_their_time() {
        let model = model(&[10 * HOUR, 10 * HOUR + 1, 12 * HOUR - 1, 12 * HOUR]);
        let shown = buckets(&model, Strip { zoom: 3 }, 4);
        assert_eq!((shown.counts, shown.here, shown.start_ms), (vec![0, 2, 1, 1], Some(3), 9 * HOUR));
        let shown = buckets(&model, Strip { zoom: 5 }, 3);
        assert_eq!(shown.counts, [0, 0, 4]);
    }

    #[test]
    fn jumps_go_from_stretch_to_stretch() {
        let mut model = model(&[10 * HOUR, 10 * HOUR + 1, 500 * HOUR, 500 * HOUR + 5]);
        model.strip = Some(Strip { zoom: 3 });
        let at = |model: &Model| model.rows.key(model.list.cursor().unwrap()).0;
        drop(jump(&mut model, true));
        assert_eq!(at(&model), 10 * HOUR);
        drop(jump(&mut model, true));
        assert_eq!(at(&model), 10 * HOUR);
        drop(jump(&mut model, false));
        assert_eq!(at(&model), 500 * HOUR);
        drop(jump(&mut model, false));
        assert_eq!(at(&model), 500 * HOUR);
    }
}
