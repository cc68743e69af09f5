//! The scroll position of a list. It is stored as the line of the cursor's row in the window, so that the row keeps its
//! line while other rows come and go.

/// The number of lines shown above the cursor's row, as far as the list has that many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::model) struct Anchor(usize);

impl Anchor {
    /// The cursor's row is the first line of the window.
    pub(in crate::model) const TOP: Self = Self(0);
    /// The cursor's row is the last line of the window.
    pub(in crate::model) const BOTTOM: Self = Self(usize::MAX);

    /// Returns the line of row `here` in a window of `height` lines over `total` rows.
    ///
    /// No line above the first row is blank, and none below the last row if there are enough rows to fill the window.
    pub(in crate::model) fn line(self, here: usize, height: usize, total: usize) -> usize {
        let most = here.min(height.saturating_sub(1));
        let below = total.saturating_sub(here + 1);
        let least = height.saturating_sub(1).saturating_sub(below).min(most);
        self.0.clamp(least, most)
    }

    /// Moves the cursor from row `here` to row `there`. The window scrolls only as far as it must to show the row.
    pub(in crate::model) fn step(&mut self, here: usize, there: usize, height: usize, total: usize) {
        let top = here.saturating_sub(self.line(here, height, total));
        self.0 = there.saturating_sub(top).min(height.saturating_sub(1));
    }
}
