//! An index from row numbers to places. Within a page, numbers ascend with places, so a run of two numbers stands for
//! thousands of rows.

use super::row_ref::RowRef;

/// Successive places whose row numbers ascend. A run is never empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    first: u32,
    /// The place after the last one.
    end: u32,
}

impl Run {
    /// Returns the first place for which `is_below` is false, or the end if there is none.
    fn place(self, is_below: impl Fn(RowRef) -> bool) -> u32 {
        let (mut low, mut high) = (self.first, self.end);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_below(RowRef(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// The places of rows in the order of their numbers. The caller gives the number of a place, which never changes.
#[derive(Debug, Default)]
pub(super) struct Numbered {
    /// In ascending order: all numbers of a run are below those of the next.
    runs: Vec<Run>,
}

impl Numbered {
    /// Adds the place of a row with a new number. The place must be higher than all others.
    pub(super) fn add(&mut self, at: RowRef, number_of: impl Fn(RowRef) -> u32) {
        let number = number_of(at);
        let index = match self.runs.last() {
            Some(last) if number_of(RowRef(last.end - 1)) < number => self.runs.len(),
            _ => self.runs.partition_point(|run| number_of(RowRef(run.first)) < number),
        };
        let new = Run { first: at.0, end: at.0 + 1 };
        if let Some(run) = index.checked_sub(1).map(|index| &mut self.runs[index]) {
            let place = run.place(|at| number_of(at) < number);
            if place == run.end && run.end == at.0 {
                run.end += 1;
                return;
            }
            if place < run.end {
                let rest = Run { first: place, end: run.end };
                run.end = place;
                self.runs.insert(index, rest);
            }
        }
        self.runs.insert(index, new);
    }

    /// Returns the place of the row with a number, or `None` if there is no such row.
    pub(super) fn find(&self, number: u32, number_of: impl Fn(RowRef) -> u32) -> Option<RowRef> {
        let index = self.runs.partition_point(|run| number_of(RowRef(run.first)) <= number).checked_sub(1)?;
        let run = self.runs[index];
        // Numbers increase by at least one, so the row is at this place or before it.
        let last = run.first.saturating_add(number - number_of(RowRef(run.first)));
        if last < run.end && number_of(RowRef(last)) == number {
            return Some(RowRef(last));
        }
        let at = Run { end: run.end.min(last), ..run }.place(|at| number_of(at) < number);
        (at < run.end && number_of(RowRef(at)) == number).then_some(RowRef(at))
    }

    /// Returns the places of the numbers above `above`, up to and including `up_to`, in ascending order of number.
    pub(super) fn between(
        &self,
        above: u32,
        up_to: u32,
        number_of: impl Fn(RowRef) -> u32,
    ) -> impl Iterator<Item = RowRef> {
        self.runs.iter().flat_map(move |run| {
            let places = run.place(|at| number_of(at) <= above)..run.place(|at| number_of(at) <= up_to);
            places.map(RowRef)
        })
    }

    /// Returns the places of the lowest and the highest number, or `None` if there are no places.
    pub(super) fn first_and_last(&self) -> Option<(RowRef, RowRef)> {
        Some((RowRef(self.runs.first()?.first), RowRef(self.runs.last()?.end - 1)))
    }

    /// Removes the places for which `is_there` is false.
    pub(super) fn retain(&mut self, is_there: impl Fn(RowRef) -> bool) {
        let old = std::mem::take(&mut self.runs);
        for at in old.iter().flat_map(|run| run.first..run.end).filter(|at| is_there(RowRef(*at))) {
            match self.runs.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => self.runs.push(Run { first: at, end: at + 1 }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_are_found_by_number_whatever_the_order_of_arrival(
            pages in prop::collection::vec((0_u32..300, 1_u32..40, 1_u32..3), 0..12),
            is_kept in prop::collection::vec(any::<bool>(), 500),
            (above, up_to) in (0_u32..400, 0_u32..400),
        ) {
            let (mut numbered, mut numbers, mut known) = (Numbered::default(), Vec::new(), BTreeMap::new());
            for (first, count, step) in pages {
                for number in (first..).step_by(step as usize).take(count as usize) {
                    if let std::collections::btree_map::Entry::Vacant(new) = known.entry(number) {
                        let at = RowRef(numbers.len() as u32);
                        numbers.push(number);
                        numbered.add(at, |at| numbers[at.0 as usize]);
                        new.insert(at);
                    }
                }
            }
            let number_of = |at: RowRef| numbers[at.0 as usize];
            for round in 0..2 {
                for number in 0..500 {
                    prop_assert_eq!(numbered.find(number, number_of), known.get(&number).copied(), "{}", number);
                }
                let found: Vec<RowRef> = numbered.between(above, up_to, number_of).collect();
                let bounds = known.iter().filter(|(number, _)| **number > above && **number <= up_to);
                prop_assert_eq!(found, bounds.map(|(_, at)| *at).collect::<Vec<_>>());
                if round == 0 {
                    numbered.retain(|at| is_kept[at.0 as usize]);
                    known.retain(|_, at| is_kept[at.0 as usize]);
                }
            }
        }
    }

    #[test]
    fn pages_that_come_newest_first_take_a_run_each() {
        let mut numbered = Numbered::default();
        let numbers: Vec<u32> = [200..300, 100..200, 0..100, 300..310].into_iter().flatten().collect();
        for at in 0..numbers.len() as u32 {
            numbered.add(RowRef(at), |at| numbers[at.0 as usize]);
        }
        assert_eq!(numbered.runs.len(), 4);
        assert_eq!(numbered.find(150, |at| numbers[at.0 as usize]), Some(RowRef(150)));
        assert_eq!(numbered.find(305, |at| numbers[at.0 as usize]), Some(RowRef(305)));
    }
}
