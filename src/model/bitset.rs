//! A set of places, a bit each.

/// Which places are in it. Grows with the highest.
#[derive(Debug, Default)]
pub(super) struct Bitset(Vec<u64>);

impl Bitset {
    /// Whether a place is in it.
    pub(super) fn has(&self, at: u32) -> bool {
        self.0.get(at as usize / 64).is_some_and(|word| word & (1 << (at % 64)) != 0)
    }

    /// Puts a place in.
    pub(super) fn set(&mut self, at: u32) {
        let word = at as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (at % 64);
    }

    /// Takes all out.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
