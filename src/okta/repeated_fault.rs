//! Faults that repeat.

use crate::report::Fault;

/// A fault that a retry rarely fixes, and how many times in a row it occurred.
#[derive(Debug, Default)]
pub(super) struct RepeatedFault {
    brief: String,
    count: u32,
}

impl RepeatedFault {
    /// From this count on the fault is not marked as passing, so `tail --once` and `backfill` give up.
    const TRIES: u32 = 3;

    /// Counts a fault and returns it, marked as passing until it has occurred [`Self::TRIES`] times in a row.
    pub(super) fn met(&mut self, fault: Fault) -> Fault {
        if self.brief == fault.brief {
            self.count = self.count.saturating_add(1);
        } else {
            *self = Self { brief: fault.brief.clone(), count: 1 };
        }
        Fault { passes: self.count < Self::TRIES, ..fault }
    }

    /// Returns whether a fault occurred since the last [`RepeatedFault::clear`].
    pub(super) fn is_met(&self) -> bool {
        self.count > 0
    }

    /// Returns whether the last fault occurred more than once in a row.
    pub(super) fn is_repeated(&self) -> bool {
        self.count > 1
    }

    /// Forgets the fault.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
