//! Sorts a million things in slices, so that keys are answered in between.

/// A stable merge sort that can be left and taken up at any item.
#[derive(Debug)]
pub(in crate::model) struct Sorter {
    /// Sorted in runs of `width`; the last may be shorter.
    ids: Vec<u32>,
    /// The runs of twice the width, as far as they are merged.
    merged: Vec<u32>,
    /// The length of the runs; 0 while the first ones are being made.
    width: usize,
    /// How many of `ids` stand in first runs, while those are being made.
    begun: usize,
    /// How many of the left and of the right run of the pair at hand are merged.
    taken: (usize, usize),
    /// Items moved so far, for whoever wants to know how far it is.
    moved: usize,
}

/// The first runs; sorting one takes less than a tenth of a millisecond.
const RUN: usize = 1024;

impl Sorter {
    /// Begins. What compares equal keeps this order.
    pub(in crate::model) fn new(ids: Vec<u32>) -> Self {
        let merged = Vec::with_capacity(ids.len());
        Self { ids, merged, width: 0, begun: 0, taken: (0, 0), moved: 0 }
    }

    /// Moves about so many items further; `key` must say the same of an item each time. Returns whether there is more.
    pub(in crate::model) fn work<K: Ord>(&mut self, mut budget: usize, key: impl Fn(u32) -> K) -> bool {
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

    /// Merges some of the pair of runs at hand, and returns what is left of the budget, and how much of the level is
    /// done.
    fn merge<K: Ord>(&mut self, mut budget: usize, key: &impl Fn(u32) -> K) -> (usize, usize) {
        let start = self.merged.len() - self.taken.0 - self.taken.1;
        let middle = (start + self.width).min(self.ids.len());
        let end = (middle + self.width).min(self.ids.len());
        // Runs that follow on one another, as most do where little has changed, are taken as they are.
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

    /// Begins the next level when one is done.
    fn turn(&mut self) {
        if self.merged.len() == self.ids.len() {
            std::mem::swap(&mut self.ids, &mut self.merged);
            self.merged.clear();
            self.width *= 2;
        }
    }

    /// How far it is, in hundredths.
    pub(in crate::model) fn percent(&self) -> usize {
        let levels = 1 + self.ids.len().div_ceil(RUN).max(1).next_power_of_two().ilog2() as usize;
        (self.moved * 100).checked_div(self.ids.len() * levels).unwrap_or(100).min(100)
    }

    /// Returns what was sorted; to be asked for when there is no more.
    pub(in crate::model) fn finish(self) -> Vec<u32> {
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
