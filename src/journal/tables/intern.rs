//! Texts that many rows share, by number. Texts that name a person, a client or a server belong to one org, because an
//! id means nothing in another.

use std::borrow::Cow;
use std::collections::HashMap;
use std::mem;

use aws_lc_rs::digest;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _};

use crate::consent::{OrgId, Symbol};
use crate::journal::checksum;

/// A cache of the numbers of recent texts, in two generations. When the younger one is full, the older one is dropped.
/// Other texts are looked up on the disk.
#[derive(Debug, Default)]
pub(in crate::journal) struct Known {
    /// The key begins with a character for the org.
    young: HashMap<Box<str>, u32>,
    old: HashMap<Box<str>, u32>,
    /// Reused to put a key together.
    key: String,
    /// The number of the next new text. Only the writer assigns numbers.
    next: Option<i64>,
}

const GENERATION_MAX: usize = 8192;
/// A longer text is not cached, to save memory.
const CACHED_BYTES_MAX: usize = 256;
/// A longer text is cut: lists show its beginning, and the raw event stays exact.
const TEXT_BYTES_MAX: usize = 4096;

impl Known {
    fn get(&mut self, org: OrgId, text: &str) -> Option<u32> {
        if text.len() > CACHED_BYTES_MAX {
            return None;
        }
        self.key.clear();
        self.key.extend([char::from(org.0)]);
        self.key.push_str(text);
        if let Some(id) = self.young.get(self.key.as_str()) {
            return Some(*id);
        }
        let (key, id) = self.old.remove_entry(self.key.as_str())?;
        self.keep(key, id);
        Some(id)
    }

    /// Forgets numbers, given in rising order.
    pub(in crate::journal) fn forget(&mut self, ids: &[u32]) {
        for known in [&mut self.young, &mut self.old] {
            known.retain(|_, id| ids.binary_search(id).is_err());
        }
    }

    fn put(&mut self, org: OrgId, text: &str, id: u32) {
        if text.len() <= CACHED_BYTES_MAX {
            let key = format!("{}{text}", char::from(org.0));
            self.keep(key.into(), id);
        }
    }

    fn keep(&mut self, key: Box<str>, id: u32) {
        if self.young.len() >= GENERATION_MAX {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, id);
    }
}

/// Assigns numbers to texts, within one transaction.
pub(in crate::journal) struct Interner<'c> {
    find: CachedStatement<'c>,
    insert: CachedStatement<'c>,
    highest: CachedStatement<'c>,
    seal: CachedStatement<'c>,
}

impl<'c> Interner<'c> {
    /// Prepares the statements of a transaction.
    pub(in crate::journal) fn new(conn: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            find: conn.prepare_cached("SELECT id, sum FROM sym WHERE h = ?1 AND text = ?2 AND org = ?3")?,
            insert: conn
                .prepare_cached("INSERT INTO sym (id, h, text, sum, org) VALUES (?1, ?2, ?3, ?4, ?5)")?,
            // The entry with the highest number is never deleted; if unused, its text is emptied.
            highest: conn.prepare_cached("SELECT COALESCE(MAX(id), 0) FROM sym")?,
            seal: conn.prepare_cached("UPDATE sym SET sum = ?2 WHERE id = ?1")?,
        })
    }

    /// Returns the number of a text of an org, and assigns one if it has none. The number of an empty text is 0.
    pub(in crate::journal) fn number(
        &mut self,
        known: &mut Known,
        org: OrgId,
        symbol: &Symbol,
    ) -> rusqlite::Result<u32> {
        if symbol.is_empty() {
            return Ok(0);
        }
        let text = cut(symbol.as_str());
        if let Some(id) = known.get(org, &text) {
            return Ok(id);
        }
        let hash = hash(&text);
        let found = self.find.query_row((hash, &text, org.0), |row| Ok((row.get(0)?, row.get(1)?)));
        let found: Option<(u32, Option<i64>)> = found.optional()?;
        let id = if let Some((id, sum)) = found {
            let right = checksum::of_text(id, org.0.into(), &text);
            if sum != Some(right) {
                // The checksum is missing or damaged itself. The text is right.
                self.seal.execute((id, right))?;
            }
            id
        } else {
            let next = match known.next {
                Some(next) => next,
                None => self.highest.query_row([], |row| row.get::<_, i64>(0))? + 1,
            };
            let id = u32::try_from(next).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, next))?;
            let sum = checksum::of_text(id, org.0.into(), &text);
            self.insert.execute((id, hash, &text, sum, org.0))?;
            known.next = Some(next + 1);
            id
        };
        known.put(org, &text, id);
        Ok(id)
    }
}

fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT_BYTES_MAX {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(TEXT_BYTES_MAX);
    let mut kept = text.get(..end).unwrap_or_default().to_owned();
    kept.push('…');
    Cow::Owned(kept)
}

/// Returns the hash of a text. It is stored on the disk, so it must not change. Strangers choose the texts, so
/// collisions must be hard to find.
pub(in crate::journal) fn hash(text: &str) -> i64 {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().first_chunk().map_or(0, |bytes| i64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_outlives_a_generation() {
        let mut known = Known::default();
        let org = OrgId(0);
        known.put(org, "kept", 1);
        known.put(org, "forgotten", 2);
        for number in 0..GENERATION_MAX * 2 {
            known.put(org, &format!("text {number}"), 3);
            assert_eq!(known.get(org, "kept"), Some(1));
        }
        assert_eq!(known.get(org, "forgotten"), None);
        assert!(known.young.len() <= GENERATION_MAX && known.old.len() <= GENERATION_MAX);
    }

    #[test]
    fn one_text_has_a_number_in_each_org() {
        let mut known = Known::default();
        for org in 0..=u8::MAX {
            known.put(OrgId(org), "a text", org.into());
        }
        for org in 0..=u8::MAX {
            assert_eq!(known.get(OrgId(org), "a text"), Some(org.into()));
        }
        known.forget(&[7]);
        assert_eq!((known.get(OrgId(7), "a text"), known.get(OrgId(8), "a text")), (None, Some(8)));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "é".repeat(TEXT_BYTES_MAX);
        assert!(cut(&text).ends_with("é…"));
        assert!(cut(&text).len() <= TEXT_BYTES_MAX + '…'.len_utf8());
    }
}
