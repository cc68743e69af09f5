//! Counts for the activity strip: the number of listed rows in each stretch of time around the cursor.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::model::{Buckets, Histogram, Model, RowRef};

/// Returns the counts for a strip of `columns` columns. Each column takes one binary search.
pub fn buckets(model: &Model, histogram: Histogram, columns: usize) -> Buckets {
    let (size_ms, size) = histogram.stretch();
    let ids = ids(model);
    let time = |at: &RowRef| model.rows.key(*at).0;
    let here_ms = model.list.cursor().map_or(model.now.as_millisecond(), |at| model.rows.key(at).0);
    let newest_ms = ids.back().map_or(here_ms, time);
    let shift = offset_ms(model, here_ms);
    let bucket = |ms: i64| (ms + shift).div_euclid(size_ms);
    let columns_i = i64::try_from(columns).unwrap_or(i64::MAX);
    // The cursor is in the middle, unless that would show columns after the newest row.
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

/// Returns the rows that the strip counts, in the order of time.
pub(in crate::model) fn ids(model: &Model) -> &VecDeque<RowRef> {
    match model.list.shown() {
        Some(shown) if !model.list.is_sorted() => shown,
        _ => model.rows.order(),
    }
}

/// Returns the offset of the zone in use from UTC at a time, so that days begin at midnight.
pub(in crate::model) fn offset_ms(model: &Model, ms: i64) -> i64 {
    let at = Timestamp::from_millisecond(ms).unwrap_or_default();
    i64::from(model.zone.shown.to_offset(at).seconds()) * 1000
}
