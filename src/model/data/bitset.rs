//! A set of row places with one bit for each place.

use std::collections::VecDeque;

use super::row_ref::RowRef;

/// A set of places. Its size grows with the highest place.
#[derive(Debug, Default)]
pub(in crate::model) struct Bitset(Vec<u64>);

impl Bitset {
    /// The number of places in a word.
    pub(in crate::model) const WORD: usize = 64;

    /// Returns whether the set contains a place.
    pub(in crate::model) fn has(&self, at: RowRef) -> bool {
        self.0.get(at.0 as usize / 64).is_some_and(|word| word & (1 << (at.0 % 64)) != 0)
    }

    /// Adds a place.
    pub(in crate::model) fn set(&mut self, at: RowRef) {
        let word = at.0 as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (at.0 % 64);
    }

    /// Returns an empty set with capacity for `places` places.
    pub(in crate::model) fn with_capacity(places: usize) -> Self {
        Self(Vec::with_capacity(places.div_ceil(Self::WORD)))
    }

    /// Appends a word of places. Each byte of `truths` is 1 if its place is in the set, and 0 if not.
    pub(in crate::model) fn push(&mut self, truths: &[u8; Self::WORD]) {
        let (eights, _) = truths.as_chunks::<8>();
        // The multiplication gathers the lowest bit of each byte in the highest byte. No two partial products overlap.
        let packed =
            eights.iter().map(|eight| u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56);
        self.0.push(packed.rev().fold(0, |word, eight| word << 8 | eight));
    }

    /// Appends places that are not in the set. Their number must be a multiple of [`Bitset::WORD`].
    pub(in crate::model) fn push_none(&mut self, places: usize) {
        self.0.resize(self.0.len() + places / Self::WORD, 0);
    }

    /// Returns the number of places in the set.
    pub(in crate::model) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Returns the places in the set, in ascending order.
    pub(in crate::model) fn iter(&self) -> impl Iterator<Item = RowRef> {
        let words = (0..).step_by(Self::WORD).zip(&self.0);
        words.flat_map(|(from, word)| ones(*word).map(move |bit| RowRef(from + bit)))
    }

    /// Returns one bit for each of the 64 places that begin at `from`.
    fn word(&self, from: u32) -> u64 {
        let (word, shift) = (from as usize / Self::WORD, from % 64);
        let at = |word: usize| self.0.get(word).copied().unwrap_or(0);
        // Shifts in two steps, because a shift by 64 bits overflows.
        at(word) >> shift | at(word + 1) << 1 << (63 - shift)
    }

    /// Removes from a list the places that are not in the set. Runs of consecutive places are tested a word at a time.
    pub(in crate::model) fn retain(&self, ids: &mut VecDeque<RowRef>) {
        let list = ids.make_contiguous();
        let mut kept = [RowRef(0); Self::WORD];
        let (mut from, mut end) = (0, 0);
        while from < list.len() {
            let to = list.len().min(from + Self::WORD);
            let count = self.kept(&list[from..to], &mut kept);
            list[end..end + count].copy_from_slice(&kept[..count]);
            (from, end) = (to, end + count);
        }
        ids.truncate(end);
    }

    /// Overwrites `out` with the places of `lists` that are in the set, in their order. `count` is an upper limit on
    /// their number.
    pub(in crate::model) fn filter_into(&self, lists: [&[RowRef]; 2], count: usize, out: &mut Vec<RowRef>) {
        // The old contents are overwritten, so they need no clearing. The last block may write up to a word too much.
        out.resize(count + Self::WORD, RowRef(0));
        let mut end = 0;
        for block in lists.into_iter().flat_map(|list| list.chunks(Self::WORD)) {
            let Some(kept) = out.get_mut(end..).and_then(|rest| rest.first_chunk_mut()) else { break };
            end += self.kept(block, kept);
        }
        out.truncate(end);
    }

    /// Writes the places of `block` that are in the set to `kept`, and returns their number. `block` holds at most
    /// [`Bitset::WORD`] places.
    fn kept(&self, block: &[RowRef], kept: &mut [RowRef; Self::WORD]) -> usize {
        let mut count = 0;
        let first = block[0].0;
        // The loop has no early exit, so that the compiler can vectorize it.
        let strays = (0..).zip(block).fold(0, |strays, (nth, at)| strays | (first.wrapping_add(nth) ^ at.0));
        let is_run = strays == 0;
        if !is_run {
            for at in block {
                // Writes every place and advances only if it is in the set, to avoid a branch that is often
                // mispredicted.
                kept[count % Self::WORD] = *at;
                let word = self.0.get(at.0 as usize / Self::WORD).copied().unwrap_or(0);
                count += (word >> (at.0 % 64) & 1) as usize;
            }
            return count;
        }
        let word = self.word(first) & (u64::MAX >> (Self::WORD - block.len()));
        if word == u64::MAX {
            kept.copy_from_slice(block);
            return block.len();
        }
        for (byte, from) in word.to_le_bytes().into_iter().zip((first..).step_by(8)) {
            let (bits, length) = &BITS_OF[usize::from(byte)];
            // Writes all eight. The next byte overwrites the excess.
            for (kept, bit) in kept[count..count + 8].iter_mut().zip(bits) {
                *kept = RowRef(from.wrapping_add(u32::from(*bit)));
            }
            count += usize::from(*length);
        }
        count
    }
}

/// For each byte, the positions of its set bits in ascending order, and their number.
const BITS_OF: [([u8; 8], u8); 256] = {
    let mut table = [([0; 8], 0); 256];
    let mut place = 0;
    while place < 256 * 8 {
        let (byte, bit) = (place / 8, place % 8);
        let (bits, length) = &mut table[byte];
        if byte >> bit & 1 == 1 {
            bits[*length as usize] = bit as u8;
            *length += 1;
        }
        place += 1;
    }
    table
};

/// Returns the positions of the set bits, in ascending order.
fn ones(word: u64) -> impl Iterator<Item = u32> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let bit = (rest != 0).then(|| rest.trailing_zeros());
        rest &= rest.wrapping_sub(1);
        bit
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_has_what_was_put_in_and_keeps_that_of_lists(
            truths in prop::collection::vec(0_u8..2, 0..400),
            list in prop::collection::vec(0_u32..400, 0..300),
            run in 0_u32..400,
        ) {
            let (mut pushed, mut set) = (Bitset::with_capacity(truths.len()), Bitset::default());
            for word in truths.chunks(Bitset::WORD) {
                let mut whole = [0; Bitset::WORD];
                whole[..word.len()].copy_from_slice(word);
                pushed.push(&whole);
            }
            let is_in = |at: &RowRef| truths.get(at.0 as usize) == Some(&1);
            let all: Vec<RowRef> = (0..400).map(RowRef).filter(is_in).collect();
            for at in &all {
                set.set(*at);
            }
            for bits in [&pushed, &set] {
                prop_assert_eq!(bits.iter().collect::<Vec<_>>(), all.clone());
                prop_assert_eq!(bits.len(), all.len());
                // A list with gaps, followed by a run of consecutive places.
                let list: Vec<RowRef> = list.iter().copied().chain(run..400).map(RowRef).collect();
                let wanted: Vec<RowRef> = list.iter().copied().filter(is_in).collect();
                let mut out = vec![RowRef(7); 500];
                let (one, other) = list.split_at(list.len() / 3);
                bits.filter_into([one, other], wanted.len(), &mut out);
                prop_assert_eq!(&out, &wanted);
                let mut ids: VecDeque<RowRef> = list.into();
                bits.retain(&mut ids);
                prop_assert_eq!(Vec::from(ids), wanted);
            }
        }
    }

    #[test]
    fn places_that_were_passed_over_are_not_in_it() {
        let mut bits = Bitset::default();
        bits.push_none(128);
        bits.push(&[1; Bitset::WORD]);
        assert_eq!(
            (bits.len(), bits.iter().next(), bits.has(RowRef(127)), bits.has(RowRef(191))),
            (64, Some(RowRef(128)), false, true)
        );
        assert_eq!((bits.word(127), bits.word(129), bits.word(500)), (u64::MAX << 1, u64::MAX >> 1, 0));
    }
}
