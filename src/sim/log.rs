//! The org's System Log in memory: entries in the order in which they were logged, and an index by the time they
//! happened.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use uuid::Uuid;

use super::entry::Entry;

/// The entries of the log. Positions count from 0 in the order of logging.
#[derive(Debug, Default)]
pub(super) struct Log {
    entries: Vec<Arc<Entry>>,
    published: BTreeSet<(i64, usize)>,
    positions: HashMap<Uuid, usize>,
    held: BTreeMap<&'static str, usize>,
}

impl Log {
    /// Appends an entry. Its `persisted_ms` is raised to that of the last entry, so that the log's time never goes
    /// back.
    pub(super) fn push(&mut self, mut entry: Entry) {
        let at = self.entries.len();
        if let Some(last) = self.entries.last() {
            entry.persisted_ms = entry.persisted_ms.max(last.persisted_ms);
        }
        if let Some(kind) = entry.event.kind() {
            *self.held.entry(kind).or_default() += 1;
        }
        self.published.insert((entry.published_ms, at));
        self.positions.insert(entry.uuid, at);
        self.entries.push(Arc::new(entry));
    }

    /// Returns the number of consent events by kind.
    pub(super) fn held(&self) -> &BTreeMap<&'static str, usize> {
        &self.held
    }

    /// Returns the consent events in the order of logging.
    pub(super) fn consents(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(Arc::as_ref).filter(|entry| entry.event.kind().is_some())
    }

    /// Returns the entry at a position.
    pub(super) fn at(&self, position: usize) -> Option<&Arc<Entry>> {
        self.entries.get(position)
    }

    /// Returns the position of the first entry logged at or after a time.
    pub(super) fn since(&self, persisted_ms: i64) -> usize {
        self.entries.partition_point(|entry| entry.persisted_ms < persisted_ms)
    }

    /// Returns the number of entries, which is the position of the next one.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns up to `limit` entries, starting at a position.
    pub(super) fn from(&self, position: usize, limit: usize) -> Vec<Arc<Entry>> {
        self.entries.iter().skip(position).take(limit).cloned().collect()
    }

    /// Returns the sort key of an event in [`Log::between`].
    pub(super) fn key(&self, uuid: Uuid) -> Option<(i64, usize)> {
        let at = *self.positions.get(&uuid)?;
        Some((self.entries.get(at)?.published_ms, at))
    }

    /// Returns up to `limit` entries that happened in a span, both ends included, with their keys. `after` is the key
    /// of the last entry of the page before.
    pub(super) fn between(
        &self,
        span: (i64, i64),
        after: Option<(i64, usize)>,
        newest_first: bool,
        limit: usize,
    ) -> Vec<((i64, usize), Arc<Entry>)> {
        use std::ops::Bound::{Excluded, Included};
        let (mut low, mut high) = (Included((span.0, 0)), Included((span.1, usize::MAX)));
        match after {
            Some(key) if newest_first => high = Excluded(key.min((span.1, usize::MAX))),
            Some(key) => low = Excluded(key.max((span.0, 0))),
            None => {}
        }
        // `BTreeSet::range` panics if the start is after the end.
        let (Included(first) | Excluded(first), Included(last) | Excluded(last)) = (low, high) else {
            return Vec::new();
        };
        if first >= last {
            return Vec::new();
        }
        let keys = self.published.range((low, high)).copied();
        let found = |key: (i64, usize)| Some((key, Arc::clone(self.entries.get(key.1)?)));
        if newest_first {
            keys.rev().filter_map(found).take(limit).collect()
        } else {
            keys.filter_map(found).take(limit).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::population::{Population, Variant};
    use super::super::story::Story;
    use super::*;

    fn log() -> Log {
        let mut story = Story::new(Arc::new(Population::new(1, Variant::Oie, 0)));
        let mut log = Log::default();
        let mut told = Vec::new();
        for number in 0..100_i64 {
            // Every tenth entry is logged late.
            let lag = if number % 10 == 0 { 5_000 } else { 100 };
            story.tell(1_000_000 + number * 1_000 - lag, 1_000_000 + number * 1_000, &mut told);
        }
        told.sort_by_key(|entry| entry.persisted_ms);
        for entry in told {
            log.push(entry);
        }
        log
    }

    #[test]
    fn a_bounded_walk_meets_everything_once() {
        let log = log();
        for newest_first in [false, true] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = log.between((0, i64::MAX), after, newest_first, 7);
                let Some((last, _)) = page.last() else { break };
                after = Some(*last);
                seen.extend(page.iter().map(|((published, _), _)| *published));
            }
            assert_eq!(seen.len(), log.entries.len());
            assert!(seen.is_sorted_by(|a, b| if newest_first { a >= b } else { a <= b }));
        }
    }

    #[test]
    fn spans_that_cross_are_empty() {
        let log = log();
        assert!(log.between((2_000_000, 0), None, false, 9).is_empty());
        assert!(log.between((0, 1_000), Some((5_000_000, 3)), false, 9).is_empty());
        assert!(log.between((9_000_000, 9_000_001), Some((5, 3)), true, 9).is_empty());
    }

    #[test]
    fn the_logs_time_never_goes_back() {
        let mut log = log();
        let mut told = Vec::new();
        Story::new(Arc::new(Population::new(2, Variant::Oie, 0))).tell(5, 5, &mut told);
        let before = log.entries.len();
        for entry in told {
            log.push(entry);
        }
        assert!(log.entries.is_sorted_by_key(|entry| entry.persisted_ms));
        assert_eq!(log.since(i64::MIN), 0);
        assert_eq!(log.since(i64::MAX), before + 1);
    }
}
