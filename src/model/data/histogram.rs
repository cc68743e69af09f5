//! The activity strip: the number of rows in each stretch of time.

/// The zoom of the activity strip while it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Histogram {
    zoom: usize,
}

/// The stretches of time that a column can cover, in milliseconds and in words.
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

impl Default for Histogram {
    fn default() -> Self {
        Self { zoom: 2 }
    }
}

impl Histogram {
    /// Returns the stretch of time that a column covers, in milliseconds and in words.
    pub(in crate::model) fn stretch(self) -> (i64, &'static str) {
        ZOOMS[self.zoom]
    }

    /// Makes each column cover less time, or more if `closer` is `false`.
    pub(in crate::model) fn zoom(&mut self, closer: bool) {
        self.zoom = if closer { self.zoom.saturating_sub(1) } else { (self.zoom + 1).min(ZOOMS.len() - 1) };
    }

    #[cfg(test)]
    pub(in crate::model) fn at(zoom: usize) -> Self {
        Self { zoom }
    }
}

/// The counts that the activity strip shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Buckets {
    /// The start of the first stretch, in milliseconds since 1970.
    pub start_ms: i64,
    /// The length of each stretch, in milliseconds.
    pub size_ms: i64,
    /// The length of each stretch, in words.
    pub size: &'static str,
    /// The number of rows in each stretch.
    pub counts: Vec<usize>,
    /// The stretch that contains the cursor's row, if it is shown.
    pub here: Option<usize>,
    /// The stretches that contain marked rows, in ascending order.
    pub marked: Vec<usize>,
    /// Whether the counts are of all rows, because the listed rows are not sorted by time.
    pub of_all: bool,
}
