//! The person and the client that each row belongs to, in five bytes a row.

use crate::model::data::interner::Number;

/// The person, client or pair that a row belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Whose {
    /// Neither the person nor the client is known, or the row is neither a consent nor a revocation.
    #[default]
    Nobody,
    /// The person is known, and the client is not.
    Person(Number),
    /// The client is known, and the person is not.
    Client(Number),
    /// Both are known: the row is in the chain of this pair.
    Pair(u32),
}

/// The owner of a row, and whether the row was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Owner {
    pub(super) whose: Whose,
    /// Whether the row is counted as a consent of its owner.
    pub(super) is_counted: bool,
    /// Whether the row was added to the ledger.
    pub(super) is_known: bool,
}

/// The owner of each row, by its place.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// The number of the pair, the client or the person.
    numbers: Vec<u32>,
    /// Bits 0 and 1: which of the three. Bit 2: counted. Bit 3: added.
    flags: Vec<u8>,
}

const COUNTED: u8 = 1 << 2;
const KNOWN: u8 = 1 << 3;

impl Owners {
    /// Returns the owner of a row, or the default if the row was not added.
    pub(super) fn get(&self, index: usize) -> Owner {
        let (Some(number), Some(flags)) = (self.numbers.get(index), self.flags.get(index)) else {
            return Owner::default();
        };
        let whose = match flags & 3 {
            0 => Whose::Nobody,
            1 => Whose::Person(*number),
            2 => Whose::Client(*number),
            _ => Whose::Pair(*number),
        };
        Owner { whose, is_counted: flags & COUNTED != 0, is_known: flags & KNOWN != 0 }
    }

    /// Sets the owner of a row, and returns the one before.
    pub(super) fn replace(&mut self, index: usize, new: Owner) -> Owner {
        let before = self.get(index);
        let (number, code) = match new.whose {
            Whose::Nobody => (0, 0),
            Whose::Person(number) => (number, 1),
            Whose::Client(number) => (number, 2),
            Whose::Pair(pair) => (pair, 3),
        };
        if self.flags.len() <= index {
            self.numbers.resize(index + 1, 0);
            self.flags.resize(index + 1, 0);
        }
        self.numbers[index] = number;
        let (counted, known) = (u8::from(new.is_counted) * COUNTED, u8::from(new.is_known) * KNOWN);
        self.flags[index] = code | counted | known;
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_come_back_as_they_went_in() {
        let mut owners = Owners::default();
        let all = [Whose::Nobody, Whose::Person(7), Whose::Client(8), Whose::Pair(u32::MAX - 1)];
        for (index, whose) in all.into_iter().enumerate() {
            let owner = Owner { whose, is_counted: index % 2 == 0, is_known: true };
            assert_eq!(owners.replace(index, owner), Owner::default());
            assert_eq!(owners.get(index), owner);
            assert_eq!(owners.replace(index, Owner::default()), owner);
        }
        assert_eq!(owners.get(99), Owner::default());
    }
}
