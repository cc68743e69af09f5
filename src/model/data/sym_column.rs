//! The texts of one column of a chunk, in two bytes a row while their numbers are small.

use crate::consent::Sym;

/// The interned text of each row. A journal numbers its texts in the order in which they first occur, so the few servers
/// and clients of an org have small numbers.
#[derive(Debug)]
pub(in crate::model) enum SymColumn {
    /// All numbers are below 65,536.
    Small(Vec<u16>),
    /// Some number is larger.
    Wide(Vec<u32>),
}

impl Default for SymColumn {
    fn default() -> Self {
        Self::Small(Vec::new())
    }
}

impl SymColumn {
    /// Returns no texts, with room for so many.
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self::Small(Vec::with_capacity(rows))
    }

    /// Returns the text of a row.
    pub(in crate::model) fn get(&self, at: usize) -> Sym {
        Sym(match self {
            Self::Small(syms) => u32::from(syms[at]),
            Self::Wide(syms) => syms[at],
        })
    }

    /// Adds the text of the next row.
    pub(super) fn push(&mut self, sym: Sym) {
        match (&mut *self, u16::try_from(sym.0)) {
            (Self::Small(syms), Ok(small)) => syms.push(small),
            _ => self.wide().push(sym.0),
        }
    }

    /// Replaces the text of a row.
    pub(super) fn set(&mut self, at: usize, sym: Sym) {
        match (&mut *self, u16::try_from(sym.0)) {
            (Self::Small(syms), Ok(small)) => syms[at] = small,
            _ => self.wide()[at] = sym.0,
        }
    }

    /// Stores whole numbers from now on, and returns them.
    fn wide(&mut self) -> &mut Vec<u32> {
        if let Self::Small(syms) = self {
            let mut wide = Vec::with_capacity(syms.capacity());
            wide.extend(syms.iter().map(|sym| u32::from(*sym)));
            *self = Self::Wide(wide);
        }
        match self {
            Self::Wide(syms) => syms,
            Self::Small(_) => unreachable!("the numbers are whole now"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_whether_their_numbers_are_small_or_large() {
        let numbers = [0, 7, 65_535, 65_536, u32::MAX, 3];
        for count in 0..=numbers.len() {
            let mut column = SymColumn::with_capacity(0);
            for sym in &numbers[..count] {
                column.push(Sym(*sym));
            }
            assert_eq!(matches!(column, SymColumn::Small(_)), count <= 3);
            let back: Vec<u32> = (0..count).map(|at| column.get(at).0).collect();
            assert_eq!(back, numbers[..count]);
        }
        let mut column = SymColumn::with_capacity(0);
        for sym in 1..=3 {
            column.push(Sym(sym));
        }
        column.set(1, Sym(9));
        column.set(2, Sym(70_000));
        assert_eq!([0, 1, 2].map(|at| column.get(at).0), [1, 9, 70_000]);
    }
}
