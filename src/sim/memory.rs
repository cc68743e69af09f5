//! A bounded memory of identifiers that may be used only once.

use std::collections::{BTreeSet, HashMap};

use super::jws::sha256;

/// The most used identifiers that are remembered. Beyond it, those that expire first are removed.
const MAX_USED: usize = 20_000;

/// Identifiers that may be used only once. Each is remembered until it expires.
#[derive(Debug, Default)]
pub(super) struct Used {
    until: HashMap<[u8; 32], i64>,
    order: BTreeSet<(i64, [u8; 32])>,
}

impl Used {
    /// Marks an identifier of an owner as used until `until_s`, and returns whether this was its first use.
    pub(super) fn first(&mut self, owner: &str, id: &str, until_s: i64, now_s: i64) -> bool {
        while let Some(oldest) =
            self.order.first().copied().filter(|(until, _)| *until < now_s || self.order.len() >= MAX_USED)
        {
            self.order.remove(&oldest);
            self.until.remove(&oldest.1);
        }
        // Hashed, so that a long identifier needs no more memory than a short one.
        let key = sha256(&format!("{owner} {id}"));
        if self.until.contains_key(&key) {
            return false;
        }
        self.until.insert(key, until_s);
        self.order.insert((until_s, key));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_used_once_until_it_is_forgotten() {
        let mut used = Used::default();
        assert!(used.first("a", "1", 100, 50));
        assert!(!used.first("a", "1", 100, 60));
        assert!(used.first("b", "1", 100, 60));
        assert!(used.first("a", "1", 200, 101));
        assert_eq!((used.until.len(), used.order.len()), (1, 1));
    }

    #[test]
    fn the_memory_has_a_bound() {
        let mut used = Used::default();
        for number in 0..(MAX_USED as i64 + 10) {
            assert!(used.first("a", &number.to_string(), 1_000_000 + number, 0));
        }
        assert_eq!((used.until.len(), used.order.len()), (MAX_USED, MAX_USED));
        assert!(!used.first("a", &(MAX_USED + 5).to_string(), 2_000_000, 0));
    }
}
