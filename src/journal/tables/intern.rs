//! Texts that many rows share, by number.

use std::borrow::Cow;
use std::collections::HashMap;
use std::mem;

use aws_lc_rs::digest;
use rusqlite::{CachedStatement, Connection, OptionalExtension as _};

use crate::consent::Symbol;
use crate::journal::checksum;

/// The numbers of texts that came lately: two generations, of which the older is forgotten when the younger is full.
/// What is in neither is looked up on the disk.
#[derive(Debug, Default)]
pub(in crate::journal) struct Known {
    young: HashMap<Box<str>, u32>,
    old: HashMap<Box<str>, u32>,
    /// The number of the next new text; only who writes the journal gives out numbers.
    next: Option<i64>,
}

const GENERATION_MAX: usize = 8192;
/// A longer text is not worth its memory.
const CACHED_BYTES_MAX: usize = 256;
/// The list shows the beginning of a text; the raw event stays exact.
const TEXT_BYTES_MAX: usize = 4096;

impl Known {
    fn get(&mut self, text: &str) -> Option<u32> {
        if let Some(id) = self.young.get(text) {
            return Some(*id);
        }
        let (text, id) = self.old.remove_entry(text)?;
        self.put(text, id);
        Some(id)
    }

    /// Forgets numbers, given in rising order.
    pub(in crate::journal) fn forget(&mut self, ids: &[u32]) {
        for known in [&mut self.young, &mut self.old] {
            known.retain(|_, id| ids.binary_search(id).is_err());
        }
    }

    fn put(&mut self, text: Box<str>, id: u32) {
        if text.len() > CACHED_BYTES_MAX {
            return;
        }
        if self.young.len() >= GENERATION_MAX {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(text, id);
    }
}

/// Gives out the numbers of texts, within one transaction.
pub(in crate::journal) struct Interner<'c> {
    find: CachedStatement<'c>,
    insert: CachedStatement<'c>,
    highest: CachedStatement<'c>,
    seal: CachedStatement<'c>,
}

impl<'c> Interner<'c> {
    /// Prepares for a transaction on a connection.
    pub(in crate::journal) fn new(conn: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            find: conn.prepare_cached("SELECT id, sum FROM sym WHERE h = ?1 AND text = ?2")?,
            insert: conn.prepare_cached("INSERT INTO sym (id, h, text, sum) VALUES (?1, ?2, ?3, ?4)")?,
            // The highest number always stays, if need be without its text.
            highest: conn.prepare_cached("SELECT COALESCE(MAX(id), 0) FROM sym")?,
            seal: conn.prepare_cached("UPDATE sym SET sum = ?2 WHERE id = ?1")?,
        })
    }

    /// Returns the number of a text; it gets one if it has none. No text is 0.
    pub(in crate::journal) fn number(&mut self, known: &mut Known, symbol: &Symbol) -> rusqlite::Result<u32> {
        if symbol.is_empty() {
            return Ok(0);
        }
        let text = cut(symbol.as_str());
        if let Some(id) = known.get(&text) {
            return Ok(id);
        }
        let hash = hash(&text);
        let found = self.find.query_row((hash, &text), |row| Ok((row.get(0)?, row.get(1)?)));
        let found: Option<(u32, Option<i64>)> = found.optional()?;
        let id = if let Some((id, sum)) = found {
            let right = checksum::of_text(id, &text);
            if sum != Some(right) {
                // Without one yet, or the checksum itself is damaged: the text is what it should be.
                self.seal.execute((id, right))?;
            }
            id
        } else {
            let next = match known.next {
                Some(next) => next,
                None => self.highest.query_row([], |row| row.get::<_, i64>(0))? + 1,
            };
            let id = u32::try_from(next).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, next))?;
            self.insert.execute((id, hash, &text, checksum::of_text(id, &text)))?;
            known.next = Some(next + 1);
            id
        };
        known.put(text.into(), id);
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

/// The hash is on the disk, so it must not change; and strangers choose the texts, so it must not be easy to collide.
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
        known.put("kept".into(), 1);
        known.put("forgotten".into(), 2);
        for number in 0..GENERATION_MAX * 2 {
            known.put(format!("text {number}").into(), 3);
            assert_eq!(known.get("kept"), Some(1));
        }
        assert_eq!(known.get("forgotten"), None);
        assert!(known.young.len() <= GENERATION_MAX && known.old.len() <= GENERATION_MAX);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "é".repeat(TEXT_BYTES_MAX);
        assert!(cut(&text).ends_with("é…"));
        assert!(cut(&text).len() <= TEXT_BYTES_MAX + '…'.len_utf8());
    }
}
