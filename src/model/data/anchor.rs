//! Where the window of a list stands: by the line of the reader's row, so that the row never moves by itself.

/// How many lines above the reader's row the window begins, as far as the list allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::model) struct Anchor(usize);

impl Anchor {
    /// The reader's row is the window's first line.
    pub(in crate::model) const TOP: Self = Self(0);
    /// The reader's row is the window's last line.
    pub(in crate::model) const BOTTOM: Self = Self(usize::MAX);

    /// The reader's line in a window of `height` lines over `total` rows, his the one at `here`: no blank lines above
    /// the first row, none below the last if there are enough.
    pub(in crate::model) fn line(self, here: usize, height: usize, total: usize) -> usize {
        let most = here.min(height.saturating_sub(1));
        let below = total.saturating_sub(here + 1);
        let least = height.saturating_sub(1).saturating_sub(below).min(most);
        self.0.clamp(least, most)
    }

    /// The reader goes from one row to another. The window stays where it is as long as his row is inside it.
    pub(in crate::model) fn step(&mut self, here: usize, there: usize, height: usize, total: usize) {
        let top = here.saturating_sub(self.line(here, height, total));
        self.0 = there.saturating_sub(top).min(height.saturating_sub(1));
    }
}
