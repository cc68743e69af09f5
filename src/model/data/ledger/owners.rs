//! Whose each row is, in five bytes.

use crate::model::data::interner::Number;

/// Whose a row is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Whose {
    /// Nobody's who is known; or it is of a kind that is neither consent nor revocation.
    #[default]
    Nobody,
    /// A person's, with a client that is not known.
    Person(Number),
    /// A client's, with a person who is not known.
    Client(Number),
    /// In the chain of this pair.
    Pair(u32),
}

/// Whose a row is, and what of it was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Owner {
    pub(super) whose: Whose,
    /// Counted as a consent of whom it is.
    pub(super) is_counted: bool,
    /// Taken in.
    pub(super) is_known: bool,
}

/// The owner of each row, by its place.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// Of the pair, the client or the person.
    numbers: Vec<u32>,
    /// Which of them in bits 0–1, counted in 2, known in 3.
    flags: Vec<u8>,
}

const COUNTED: u8 = 1 << 2;
const KNOWN: u8 = 1 << 3;

impl Owners {
    /// The owner of a row; of one that was not taken in the default.
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

    /// Puts one in the place of another, which it returns.
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
