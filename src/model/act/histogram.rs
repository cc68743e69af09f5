//! Shows the activity strip, zooms it, and jumps between stretches of time.

use crate::model::derived::histogram::{ids, offset_ms};
use crate::model::{Effect, Histogram, Model, RowRef};

/// Shows or hides the strip.
pub(in crate::model) fn turn(model: &mut Model) -> Vec<Effect> {
    model.histogram = if model.histogram.is_some() { None } else { Some(Histogram::default()) };
    Vec::new()
}

/// Makes each column cover less time, or more if `closer` is `false`.
pub(in crate::model) fn zoom(model: &mut Model, closer: bool) -> Vec<Effect> {
    let histogram = model.histogram.get_or_insert_default();
    histogram.zoom(closer);
    Vec::new()
}

/// Moves to the first row of the next stretch of time that has rows, or of the previous one.
pub(in crate::model) fn jump(model: &mut Model, back: bool) -> Vec<Effect> {
    let histogram = *model.histogram.get_or_insert_default();
    let Some(cursor) = model.list.cursor() else { return Vec::new() };
    let (size_ms, _) = histogram.stretch();
    let here_ms = model.rows.key(cursor).0;
    let shift = offset_ms(model, here_ms);
    let start_of = |ms: i64| (ms + shift).div_euclid(size_ms) * size_ms - shift;
    let ids = ids(model);
    let time = |at: &RowRef| model.rows.key(*at).0;
    let first_since = |ms: i64| ids.get(ids.partition_point(|at| time(at) < ms)).copied();
    let found = if back {
        let before = ids.partition_point(|at| time(at) < start_of(here_ms));
        let last = before.checked_sub(1).and_then(|place| ids.get(place));
        last.and_then(|at| first_since(start_of(time(at))))
    } else {
        first_since(start_of(here_ms) + size_ms)
    };
    if let Some(at) = found {
        model.list.go_to(&model.rows, at);
    }
    model.open_cursor()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::consent::RowPage;
    use crate::model::data::rows::tests::row;
    use crate::model::{Msg, Origin, Zone, buckets, update};

    const HOUR: i64 = 3_600_000;

    fn model(times: &[i64]) -> Model {
        let now = Timestamp::from_millisecond(1000 * HOUR).unwrap();
        let mut model = Model::new(Origin::default(), Zone::default(), (80, 24), now);
        let rows = (1..).zip(times).map(|(seq, time)| row(seq, *time)).collect();
        drop(update(&mut model, Msg::Committed(RowPage { rows, ..RowPage::default() })));
        model
    }

    #[test]
    fn rows_fall_into_the_stretch_of_their_time() {
        let model = model(&[10 * HOUR, 10 * HOUR + 1, 12 * HOUR - 1, 12 * HOUR]);
        let shown = buckets(&model, Histogram::at(3), 4);
        assert_eq!((shown.counts, shown.here, shown.start_ms), (vec![0, 2, 1, 1], Some(3), 9 * HOUR));
        let shown = buckets(&model, Histogram::at(5), 3);
        assert_eq!(shown.counts, [0, 0, 4]);
    }

    #[test]
    fn jumps_go_from_stretch_to_stretch() {
        let mut model = model(&[10 * HOUR, 10 * HOUR + 1, 500 * HOUR, 500 * HOUR + 5]);
        model.histogram = Some(Histogram::at(3));
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
