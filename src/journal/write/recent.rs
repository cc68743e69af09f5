//! The stored times of the newest events, by org and uuid.

use std::collections::{HashMap, VecDeque};

use rusqlite::Connection;

use crate::consent::{EventId, EventKey, OrgId};

/// Remembers under which time a recent uuid is stored.
///
/// The journal's key begins with `published`. If the poller and the hook gave different times for one event, or one of
/// them none, the key alone would create two rows.
#[derive(Debug, Default)]
pub(in crate::journal) struct Recent {
    times: HashMap<Id, i64>,
    order: VecDeque<Id>,
}

/// An org and the uuid of one of its events. Two orgs may have events of one uuid, which are not the same event.
type Id = (OrgId, [u8; 16]);

/// The number of remembered events, which take about 2 MB. An older event with two different times would become two
/// rows.
const MAX: usize = 50_000;

impl Recent {
    /// Remembers the newest rows of a journal.
    pub(in crate::journal) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        // A damaged row may have any number of an org. It is not remembered.
        let sql =
            "SELECT org, uuid, ts FROM event NOT INDEXED WHERE length(uuid) = 16 AND org BETWEEN 0 AND 255
            ORDER BY seq DESC LIMIT ?1";
        let mut statement = conn.prepare(sql)?;
        let newest: Vec<(Id, i64)> = statement
            .query_map([MAX as i64], |row| Ok(((OrgId(row.get(0)?), row.get(1)?), row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        let mut recent = Self::default();
        for (id, ts) in newest.into_iter().rev() {
            recent.put(id, ts);
        }
        Ok(recent)
    }

    /// Returns the time under which an event of an org is stored, if it is remembered.
    pub(in crate::journal) fn time(&self, org: OrgId, id: &EventId) -> Option<i64> {
        match id {
            EventId::Uuid(uuid) => self.times.get(&(org, *uuid)).copied(),
            EventId::Digest(_) => None,
        }
    }

    /// Remembers an event of an org. An event without a uuid needs no entry: its digest covers the time.
    pub(in crate::journal) fn note(&mut self, org: OrgId, key: &EventKey) {
        if let EventId::Uuid(uuid) = key.id {
            self.put((org, uuid), key.published_ms);
        }
    }

    fn put(&mut self, id: Id, ts: i64) {
        if self.times.insert(id, ts).is_none() {
            self.order.push_back(id);
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
            recent.note(OrgId(1), &key(number));
        }
        assert_eq!(recent.time(OrgId(1), &key(0).id), None);
        assert_eq!(recent.time(OrgId(1), &key(1).id), Some(1));
        assert_eq!(recent.time(OrgId(1), &key(MAX).id), Some(MAX as i64));
        assert_eq!(recent.time(OrgId(0), &key(1).id), None, "another org's event is another event");
        assert_eq!(recent.order.len(), MAX);
    }
}
