//! Locations of events. Many addresses share few cities, countries and networks, so a condition on one of these tests
//! each name once and then looks up a number for each address.

use std::collections::HashMap;

use super::text_arena::TextArena;
use crate::consent::{Sym, Symbol};

/// The number of fields after an address: city, country, AS number, AS owner and proxy.
const PARTS: usize = 5;
/// The number for a missing field.
const NONE: u16 = 0;
/// The number for a name beyond the last number.
const UNNUMBERED: u16 = u16::MAX;

/// The interned texts of locations. Names that are no longer used are kept, because names change seldom.
#[derive(Debug, Default)]
pub(in crate::model) struct Locations {
    /// The distinct names of each field.
    names: [Names; PARTS],
    addresses: TextArena,
    /// The text that each entry comes from.
    owners: Vec<Sym>,
    /// By field, the number of each entry's name.
    numbers: [Vec<u16>; PARTS],
    /// By field, whether some name has no number.
    has_unnumbered: [bool; PARTS],
}

#[derive(Debug, Default)]
struct Names {
    /// The names by number, less one.
    names: Vec<Box<str>>,
    of_name: HashMap<Box<str>, u16>,
}

impl Names {
    fn number(&mut self, name: &str) -> u16 {
        if let Some(number) = self.of_name.get(name) {
            return *number;
        }
        let Some(number) = u16::try_from(self.names.len() + 1).ok().filter(|number| *number < UNNUMBERED)
        else {
            return UNNUMBERED;
        };
        self.names.push(name.into());
        self.of_name.insert(name.into(), number);
        number
    }
}

impl Locations {
    /// Adds a new text.
    pub(in crate::model) fn put(&mut self, sym: Sym, joined: &str) {
        let (address, numbers) = self.parts(joined);
        self.addresses.put(sym, address);
        self.owners.push(sym);
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number);
        }
    }

    /// Replaces a text. Scans all entries.
    pub(in crate::model) fn replace(&mut self, sym: Sym, joined: &str) {
        let Some(place) = self.owners.iter().rposition(|owner| *owner == sym) else {
            return self.put(sym, joined);
        };
        let (address, numbers) = self.parts(joined);
        self.addresses.replace(sym, address);
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            column[place] = number;
        }
    }

    fn parts<'a>(&mut self, joined: &'a str) -> (&'a str, [u16; PARTS]) {
        let mut fields = joined.split(Symbol::SEPARATOR);
        let address = fields.next().unwrap_or_default();
        let numbers =
            self.names.each_mut().map(|names| fields.next().map_or(NONE, |name| names.number(name)));
        for (has, number) in self.has_unnumbered.iter_mut().zip(numbers) {
            *has |= number == UNNUMBERED;
        }
        (address, numbers)
    }

    /// Returns the addresses.
    pub(in crate::model) fn addresses(&self) -> &TextArena {
        &self.addresses
    }

    /// Calls `take` with each text that has an accepted name in one of the fields `first` to `last` after the address.
    ///
    /// `is_taken` tests each distinct name once. `by_itself` tests each text that has a name without a number.
    pub(in crate::model) fn find(
        &self,
        (first, last): (usize, usize),
        mut is_taken: impl FnMut(&str) -> bool,
        mut by_itself: impl FnMut(Sym) -> bool,
        mut take: impl FnMut(Sym),
    ) {
        let mut columns = Vec::new();
        for part in first.saturating_sub(1)..last.min(PARTS) {
            let names = self.names[part].names.iter().map(|name| is_taken(name));
            let taken: Vec<bool> = std::iter::once(false).chain(names).collect();
            if taken.contains(&true) || self.has_unnumbered[part] {
                columns.push((self.numbers[part].as_slice(), taken));
            }
        }
        if columns.is_empty() {
            return;
        }
        for (place, owner) in self.owners.iter().enumerate() {
            let told = columns.iter().try_fold(false, |is_taken, (numbers, taken)| {
                Some(is_taken | *taken.get(usize::from(numbers[place]))?)
            });
            if told.unwrap_or_else(|| by_itself(*owner)) {
                take(*owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(fields: &[&str]) -> Symbol {
        Symbol::of(fields)
    }

    /// Returns the texts with the wanted name, and the number of calls of `is_taken`.
    fn found(places: &Locations, fields: (usize, usize), wanted: &str) -> (Vec<u32>, usize) {
        let (mut out, mut asked) = (Vec::new(), 0);
        let is_taken = |name: &str| {
            asked += 1;
            name == wanted
        };
        places.find(fields, is_taken, |sym| sym == Sym(69_999), |sym| out.push(sym.0));
        (out, asked)
    }

    #[test]
    fn each_name_is_judged_once_and_each_place_by_its_present_names() {
        let mut places = Locations::default();
        for (sym, city) in [(1, "Utrecht"), (2, "Delft"), (9, "Utrecht")] {
            places
                .put(Sym(sym), place(&["192.0.2.1", city, "Netherlands", "64500", "example", "no"]).as_str());
        }
        places.put(Sym(4), "192.0.2.9");
        assert_eq!(found(&places, (1, 1), "Utrecht"), (vec![1, 9], 2));
        assert_eq!(found(&places, (2, 2), "Netherlands"), (vec![1, 2, 9], 1));
        assert_eq!(found(&places, (3, 4), "example"), (vec![1, 2, 9], 2), "either of two fields");
        assert_eq!(found(&places, (0, usize::MAX), "no"), (vec![1, 2, 9], 6));
        places.replace(Sym(9), place(&["192.0.2.1", "Delft"]).as_str());
        assert_eq!(found(&places, (1, 1), "Utrecht").0, [1]);
        assert_eq!(found(&places, (2, 2), "Netherlands").0, [1, 2], "the replaced text has no country");
        assert_eq!(found(&places, (0, 0), "192.0.2.1"), (vec![], 0), "an address is not shared");
    }

    #[test]
    fn more_names_than_numbers_are_told_apart_from_the_rest() {
        let mut places = Locations::default();
        for n in 0..70_000 {
            places.put(Sym(n), place(&["", &n.to_string()]).as_str());
        }
        // The last name has no number, so its text is tested by itself.
        assert_eq!(found(&places, (1, 1), "65533").0, [65_533, 69_999]);
    }
}
