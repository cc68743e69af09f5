//! The publication times of the rows of a chunk, in four bytes a row.

use std::ops::Range;

/// The times of rows, in milliseconds since 1970. A row without a time has 0.
#[derive(Debug)]
pub(in crate::model) enum Times {
    /// All times are within about 24 days of the first one.
    Near {
        /// Where offsets start: [`HALF`] before the first time. `None` while no row has a time.
        start_ms: Option<i64>,
        /// By row, the milliseconds after the start, or [`NO_TIME`].
        offsets: Vec<u32>,
    },
    /// Some time is further away, as in files with years of events.
    Far(Vec<i64>),
}

/// Half of the milliseconds that an offset can hold, so that as many fit before the first time as after it.
const HALF: i64 = 1 << 31;
/// The offset of a row without a time.
const NO_TIME: u32 = u32::MAX;

impl Default for Times {
    fn default() -> Self {
        Self::Near { start_ms: None, offsets: Vec::new() }
    }
}

impl Times {
    /// Returns no times, with room for so many.
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self::Near { start_ms: None, offsets: Vec::with_capacity(rows) }
    }

    /// Returns the time of a row.
    pub(in crate::model) fn get(&self, at: usize) -> i64 {
        match self {
            Self::Near { start_ms, offsets } => time_ms(*start_ms, offsets[at]),
            Self::Far(times) => times[at],
        }
    }

    /// Adds the time of the next row.
    pub(super) fn push(&mut self, ms: i64) {
        if let Some(offset) = self.offset(ms)
            && let Self::Near { offsets, .. } = self
        {
            offsets.push(offset);
        } else {
            self.far().push(ms);
        }
    }

    /// Replaces the time of a row.
    pub(super) fn set(&mut self, at: usize, ms: i64) {
        if let Some(offset) = self.offset(ms)
            && let Self::Near { offsets, .. } = self
        {
            offsets[at] = offset;
        } else {
            self.far()[at] = ms;
        }
    }

    /// Calls `found` with each item and whether its row has a time in a span. The first item belongs to the first of
    /// `rows`. The end of the span is not part of it.
    pub(in crate::model) fn within<T>(
        &self,
        rows: Range<usize>,
        (from, to): (i64, i64),
        items: &mut [T],
        found: impl Fn(&mut T, bool),
    ) {
        match self {
            Self::Near { start_ms, offsets } => {
                let start = start_ms.unwrap_or(0);
                let bound = |ms: i64| ms.saturating_sub(start).clamp(0, i64::from(NO_TIME)) as u32;
                let span = bound(from)..bound(to);
                let rows = items.iter_mut().zip(&offsets[rows]);
                rows.for_each(|(item, offset)| found(item, span.contains(offset)));
            }
            Self::Far(times) => {
                let rows = items.iter_mut().zip(&times[rows]);
                rows.for_each(|(item, ms)| found(item, *ms != 0 && (from..to).contains(ms)));
            }
        }
    }

    /// Returns the offset of a time, or `None` if it has none. The first time decides the start.
    fn offset(&mut self, ms: i64) -> Option<u32> {
        let Self::Near { start_ms, .. } = self else { return None };
        if ms == 0 {
            return Some(NO_TIME);
        }
        let start = *start_ms.get_or_insert(ms.saturating_sub(HALF));
        u32::try_from(ms.checked_sub(start)?).ok().filter(|offset| *offset != NO_TIME)
    }

    /// Stores whole times from now on, and returns them.
    fn far(&mut self) -> &mut Vec<i64> {
        if let Self::Near { start_ms, offsets } = self {
            let mut times = Vec::with_capacity(offsets.capacity());
            times.extend(offsets.iter().map(|offset| time_ms(*start_ms, *offset)));
            *self = Self::Far(times);
        }
        match self {
            Self::Far(times) => times,
            Self::Near { .. } => unreachable!("the times are whole now"),
        }
    }
}

fn time_ms(start_ms: Option<i64>, offset: u32) -> i64 {
    if offset == NO_TIME { 0 } else { start_ms.unwrap_or(0) + i64::from(offset) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Times that are close to each other, and some that no event has.
    fn a_time() -> impl Strategy<Value = i64> {
        let now = 1_772_000_000_000_i64;
        let day = 86_400_000;
        prop_oneof![
            8 => now - day..now + day,
            2 => now - 60 * day..now + 60 * day,
            1 => Just(0),
            1 => prop::sample::select(vec![i64::MIN, i64::MAX, -1, 1, now - HALF, now + HALF - 1, now + HALF]),
        ]
    }

    proptest! {
        #[test]
        fn times_come_back_whatever_they_are(
            times in prop::collection::vec(a_time(), 1..40),
            changes in prop::collection::vec((0_usize..40, a_time()), 0..6),
            (from, to) in (a_time(), a_time()),
        ) {
            let (mut kept, mut wanted) = (Times::with_capacity(0), times.clone());
            for ms in &times {
                kept.push(*ms);
            }
            for (at, ms) in changes {
                if let Some(time) = wanted.get_mut(at) {
                    *time = ms;
                    kept.set(at, ms);
                }
            }
            let back: Vec<i64> = (0..wanted.len()).map(|at| kept.get(at)).collect();
            prop_assert_eq!(&back, &wanted);
            let mut found = vec![false; wanted.len()];
            kept.within(0..wanted.len(), (from, to), &mut found, |found, is_in| *found = is_in);
            let expected: Vec<bool> =
                wanted.iter().map(|ms| *ms != 0 && *ms >= from && *ms < to).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn times_of_some_weeks_take_four_bytes() {
        let mut times = Times::with_capacity(0);
        for week in 0..3 {
            times.push(1_772_000_000_000 + week * 7 * 86_400_000);
        }
        times.push(0);
        assert!(matches!(times, Times::Near { .. }));
        times.push(1_772_000_000_000 + 365 * 86_400_000);
        assert!(matches!(times, Times::Far(_)));
    }
}
