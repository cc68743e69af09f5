//! What addresses have in common: many lie in few cities, countries and networks, so a condition on one of these judges
//! each name once and looks up a number for each address.

use std::collections::HashMap;

use crate::consent::{Sym, Symbol};

/// City, country, AS number, AS owner, proxy: the fields after an address.
const PARTS: usize = 5;
/// There is no such field.
const NONE: u16 = 0;
/// There are more distinct names than numbers.
const UNNUMBERED: u16 = u16::MAX;

/// The distinct names of the parts of all texts that say from where. A name that none has any more stays; names change
/// seldom.
#[derive(Debug, Default)]
pub(super) struct Whereabouts {
    names: [Names; PARTS],
    /// For each text the numbers of its parts.
    numbers: Vec<[u16; PARTS]>,
}

#[derive(Debug, Default)]
struct Names {
    /// A name's number is its place here and one more.
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

impl Whereabouts {
    /// Takes in a text that says from where, or what it says now.
    pub(super) fn put(&mut self, sym: Sym, joined: &str) {
        let index = sym.0 as usize;
        if self.numbers.len() <= index {
            self.numbers.resize(index + 1, [NONE; PARTS]);
        }
        let mut fields = joined.split(Symbol::SEPARATOR).skip(1);
        self.numbers[index] =
            self.names.each_mut().map(|names| fields.next().map_or(NONE, |name| names.number(name)));
    }

    /// Judges the fields `first` to `last`, each distinct name once; nothing if it looks at the address, of which each
    /// text has its own.
    pub(super) fn judge(
        &self,
        (first, last): (usize, usize),
        mut is_taken: impl FnMut(&str) -> bool,
    ) -> Option<Judged<'_>> {
        let parts = first.checked_sub(1)?..last.min(PARTS);
        let judge = |part: usize| {
            let names = self.names[part].names.iter().map(|name| is_taken(name));
            (part, std::iter::once(false).chain(names).collect())
        };
        Some(Judged { numbers: &self.numbers, taken: parts.map(judge).collect() })
    }
}

/// What is known of all texts at once.
pub(super) struct Judged<'a> {
    numbers: &'a [[u16; PARTS]],
    /// Of each part that is looked at, by number, whether the name is taken.
    taken: Vec<(usize, Vec<bool>)>,
}

impl Judged<'_> {
    /// Whether a text has a name that is taken; nothing if one of its names has no number, so that it is to be judged
    /// by itself.
    pub(super) fn of(&self, sym: Sym) -> Option<bool> {
        let numbers = self.numbers.get(sym.0 as usize)?;
        self.taken.iter().try_fold(false, |is_taken, (part, taken)| {
            Some(is_taken | *taken.get(usize::from(numbers[*part]))?)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(fields: &[&str]) -> Symbol {
        Symbol::of(fields)
    }

    #[test]
    fn each_name_is_judged_once_and_each_place_by_its_present_names() {
        let mut places = Whereabouts::default();
        for (sym, city) in [(1, "Utrecht"), (2, "Delft"), (9, "Utrecht")] {
            places
                .put(Sym(sym), place(&["192.0.2.1", city, "Netherlands", "64500", "example", "no"]).as_str());
        }
        places.put(Sym(4), "192.0.2.9");
        let told = |places: &Whereabouts, fields, wanted: &str| -> Vec<Option<bool>> {
            let mut asked = 0;
            let told = places.judge(fields, |name| {
                asked += 1;
                name == wanted
            });
            let told = told.expect("no address");
            let out = [1, 2, 4, 9].map(|sym| told.of(Sym(sym))).to_vec();
            assert!(asked <= 3, "{asked}");
            out
        };
        let is = Some(true);
        let not = Some(false);
        assert_eq!(told(&places, (1, 1), "Utrecht"), [is, not, not, is]);
        assert_eq!(told(&places, (2, 2), "Netherlands"), [is, is, not, is]);
        assert_eq!(told(&places, (3, 4), "example"), [is, is, not, is], "either of two fields");
        places.put(Sym(9), place(&["192.0.2.1", "Delft"]).as_str());
        assert_eq!(told(&places, (1, 1), "Delft"), [not, is, not, is]);
        assert_eq!(told(&places, (2, 2), "Netherlands"), [is, is, not, not], "it has none any more");
        assert!(places.judge((0, 0), |_| true).is_none(), "an address is not shared");
    }

    #[test]
    fn more_names_than_numbers_are_told_apart_from_the_rest() {
        let mut places = Whereabouts::default();
        for n in 0..70_000 {
            places.put(Sym(n), place(&["", &n.to_string()]).as_str());
        }
        let told = places.judge((1, 1), |name| name == "65533").expect("no address");
        assert_eq!(told.of(Sym(65_533)), Some(true));
        assert_eq!(told.of(Sym(7)), Some(false));
        assert_eq!(told.of(Sym(69_999)), None, "it got no number");
    }
}
