//! The stored times of the newest events, by uuid.

use std::collections::{HashMap, VecDeque};

use rusqlite::Connection;

use crate::consent::{EventId, EventKey};

/// Remembers under which time a recent uuid is stored.
///
/// The journal's key begins with `published`. If the poller and the hook gave different times for one event, or one of
/// them none, the key alone would create two rows.
#[derive(Debug, Default)]
pub(in crate::journal) struct Recent {
    times: HashMap<[u8; 16], i64>,
    order: VecDeque<[u8; 16]>,
}

/// The number of remembered events, which take about 2 MB. An older event with two different times would become two
/// rows.
const MAX: usize = 50_000;

impl Recent {
    /// Remembers the newest rows of a journal.
    pub(in crate::journal) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut statement =
            conn.prepare("SELECT uuid, ts FROM event WHERE length(uuid) = 16 ORDER BY seq DESC LIMIT ?1")?;
        let newest: Vec<([u8; 16], i64)> = statement
            .query_map([MAX as i64], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let mut recent = Self::default();
        for (uuid, ts) in newest.into_iter().rev() {
            recent.put(uuid, ts);
        }
        Ok(recent)
    }

    /// Returns the time under which an event is stored, if it is remembered.
    pub(in crate::journal) fn time(&self, id: &EventId) -> Option<i64> {
        match id {
            EventId::Uuid(uuid) => self.times.get(uuid).copied(),
            EventId::Digest(_) => None,
        }
    }

    /// Remembers an event. An event without a uuid needs no entry: its digest covers the time.
    pub(in crate::journal) fn note(&mut self, key: &EventKey) {
        if let EventId::Uuid(uuid) = key.id {
            self.put(uuid, key.published_ms);
        }
    }

    fn put(&mut self, uuid: [u8; 16], ts: i64) {
        if self.times.insert(uuid, ts).is_none() {
            self.order.push_back(uuid);
            if self.order.len() > MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.times.remove(&oldest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let mut recent = Recent::default();
        let key = |number: usize| EventKey {
            published_ms: number as i64,
            id: EventId::Uuid((number as u128).to_be_bytes()),
            part: 0,
        };
        for number in 0..=MAX {
            recent.note(&key(number));
        }
        assert_eq!(recent.time(&key(0).id), None);
        assert_eq!(recent.time(&key(1).id), Some(1));
        assert_eq!(recent.time(&key(MAX).id), Some(MAX as i64));
        assert_eq!(recent.order.len(), MAX);
    }
}
