//! The strip of activity: how many rows fall into each stretch of time.

/// The strip of activity, while it is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Histogram {
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

impl Default for Histogram {
    fn default() -> Self {
        Self { zoom: 2 }
    }
}

impl Histogram {
    /// Returns how long a column is in milliseconds, and the words for that.
    pub(in crate::model) fn stretch(self) -> (i64, &'static str) {
        ZOOMS[self.zoom]
    }

    /// Makes a column stand for less time, or for more.
    pub(in crate::model) fn zoom(&mut self, closer: bool) {
        self.zoom = if closer { self.zoom.saturating_sub(1) } else { (self.zoom + 1).min(ZOOMS.len() - 1) };
    }

    #[cfg(test)]
    pub(in crate::model) fn at(zoom: usize) -> Self {
        Self { zoom }
    }
}

/// What the strip shows.
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
