//! A sort that runs in slices, so that keys are handled while a million items are sorted.

/// A stable merge sort that can stop and resume at any item.
#[derive(Debug)]
pub(in crate::model) struct Sorter<T> {
    /// The items, in sorted runs of `width`. The last run may be shorter.
    ids: Vec<T>,
    /// The runs of twice the width that were merged so far.
    merged: Vec<T>,
    /// The length of the runs, or 0 while the first runs are being made.
    width: usize,
    /// The number of `ids` that are in first runs so far.
    begun: usize,
    /// The number of items merged so far from the left and from the right run of the current pair.
    taken: (usize, usize),
    /// The number of items moved so far, for [`Sorter::percent`].
    moved: usize,
}

/// The length of the first runs. Sorting one takes less than a tenth of a millisecond.
const RUN: usize = 1024;

impl<T: Copy> Sorter<T> {
    /// Creates a sort of `ids`. Items that compare equal keep their order.
    pub(in crate::model) fn new(ids: Vec<T>) -> Self {
        let merged = Vec::with_capacity(ids.len());
        Self { ids, merged, width: 0, begun: 0, taken: (0, 0), moved: 0 }
    }

    /// Moves about `budget` items, and returns whether more are left. `key` must return the same key for an item each
    /// time.
    pub(in crate::model) fn work<K: Ord>(&mut self, mut budget: usize, key: impl Fn(T) -> K) -> bool {
        while self.width == 0 && budget > 0 {
            let end = (self.begun + RUN).min(self.ids.len());
            if let Some(run) = self.ids.get_mut(self.begun..end) {
                run.sort_by_key(|id| key(*id));
            }
            self.moved += end - self.begun;
            budget = budget.saturating_sub(RUN);
            self.begun = end;
            if end == self.ids.len() {
                self.width = RUN;
            }
        }
        while self.width != 0 && self.width < self.ids.len() && budget > 0 {
            let before = self.merged.len();
            let after;
            (budget, after) = self.merge(budget, &key);
            self.moved += after - before;
        }
        self.width == 0 || self.width < self.ids.len()
    }

    /// Merges a part of the current pair of runs. Returns the rest of the budget, and the number of items merged in the
    /// level.
    fn merge<K: Ord>(&mut self, mut budget: usize, key: &impl Fn(T) -> K) -> (usize, usize) {
        let start = self.merged.len() - self.taken.0 - self.taken.1;
        let middle = (start + self.width).min(self.ids.len());
        let end = (middle + self.width).min(self.ids.len());
        // Two runs that are already in order are copied. This is common when few items changed.
        let is_begun = self.taken != (0, 0);
        if !is_begun && (middle == end || key(self.ids[middle - 1]) <= key(self.ids[middle])) {
            self.merged.extend_from_slice(&self.ids[start..end]);
            self.turn();
            return (budget.saturating_sub(1 + (end - start) / 64), end);
        }
        let (mut left, mut right) = (start + self.taken.0, middle + self.taken.1);
        let heads = |at: usize, end: usize| (at < end).then(|| key(self.ids[at]));
        let (mut one, mut other) = (heads(left, middle), heads(right, end));
        while budget > 0 && self.merged.len() < end {
            budget -= 1;
            let is_left = match (&one, &other) {
                (Some(one), Some(other)) => one <= other,
                (one, _) => one.is_some(),
            };
            if is_left {
                self.merged.push(self.ids[left]);
                left += 1;
                one = heads(left, middle);
            } else {
                self.merged.push(self.ids[right]);
                right += 1;
                other = heads(right, end);
            }
        }
        self.taken = (left - start, right - middle);
        if self.merged.len() == end {
            self.taken = (0, 0);
        }
        let done = self.merged.len();
        self.turn();
        (budget, done)
    }

    /// Starts the next level if the current one is complete.
    fn turn(&mut self) {
        if self.merged.len() == self.ids.len() {
            std::mem::swap(&mut self.ids, &mut self.merged);
            self.merged.clear();
            self.width *= 2;
        }
    }

    /// Returns the progress in percent.
    pub(in crate::model) fn percent(&self) -> usize {
        let levels = 1 + self.ids.len().div_ceil(RUN).max(1).next_power_of_two().ilog2() as usize;
        (self.moved * 100).checked_div(self.ids.len() * levels).unwrap_or(100).min(100)
    }

    /// Returns the sorted items. Call it once [`Sorter::work`] has returned `false`.
    pub(in crate::model) fn finish(self) -> Vec<T> {
        self.ids
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn slices_sort_as_one_stable_sort(length in 0_usize..9000, seed in any::<u32>(), budget in 1_usize..5000, of in 1_u32..50) {
            let keys: Vec<u32> = (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) ^ seed) % of).collect();
            let ids: Vec<u32> = (0..length as u32).collect();
            let mut wanted = ids.clone();
            wanted.sort_by_key(|id| keys[*id as usize]);
            let mut sorter = Sorter::new(ids);
            let mut percent = 0;
            while sorter.work(budget, |id| keys[id as usize]) {
                prop_assert!(sorter.percent() >= percent);
                percent = sorter.percent();
            }
            prop_assert_eq!(sorter.percent(), 100);
            prop_assert_eq!(sorter.finish(), wanted);
        }
    }

    #[test]
    fn nothing_and_one_are_sorted_already() {
        for ids in [vec![], vec![7]] {
            let mut sorter = Sorter::new(ids.clone());
            assert!(!sorter.work(1, |id| id));
            assert_eq!(sorter.finish(), ids);
        }
    }
}
