//! The texts of all rows in lower case, one behind the other, so that one pass finds a word in all of them.

use memchr::memmem::Finder;

use super::query;
use crate::consent::{Sym, Symbol};

/// Lower-case texts by their number. A text that is replaced stays behind, unreachable; names change seldom.
#[derive(Debug, Default)]
pub(super) struct Texts {
    arena: String,
    /// Where each text begins, in rising order, and whose it is.
    starts: Vec<(u32, u32)>,
    /// For each number, the place of its present text among the starts; 0 is none.
    present: Vec<u32>,
}

impl Texts {
    /// Puts a text in; one that was there before is replaced.
    pub(super) fn put(&mut self, sym: Sym, symbol: &Symbol) {
        let index = sym.0 as usize;
        if self.present.len() <= index {
            self.present.resize(index + 1, 0);
        }
        let start = u32::try_from(self.arena.len()).expect("fewer than 4 GiB of interned text");
        self.starts.push((start, sym.0));
        self.present[index] = u32::try_from(self.starts.len()).expect("fewer texts than bytes");
        query::lower(symbol.as_str(), &mut self.arena);
        // Nothing may be found across two texts.
        self.arena.push(BETWEEN);
    }

    /// Calls back with each text that holds a lower-case needle and the field in which it does, until a call says that
    /// it was enough of that text. One pass over all texts.
    pub(super) fn find(&self, needle: &str, mut is_enough: impl FnMut(Sym, usize) -> bool) {
        let bytes = self.arena.as_bytes();
        let finder = Finder::new(needle.as_bytes());
        let (mut from, mut place) = (0, 0);
        while let Some(at) = bytes.get(from..).and_then(|rest| finder.find(rest)) {
            let at = from + at;
            place = self.place_of(at, place);
            let (start, sym) = self.starts[place];
            let is_present = self.present[sym as usize] as usize == place + 1;
            let field = || memchr::memchr_iter(Symbol::SEPARATOR as u8, &bytes[start as usize..at]).count();
            if is_present && !is_enough(Sym(sym), field()) {
                from = at + 1;
                continue;
            }
            let Some((next, _)) = self.starts.get(place + 1) else { return };
            from = *next as usize;
        }
    }

    /// Returns which text holds a byte, not before another that begins no later. Hits rise, and mostly the next lies
    /// in one of the next texts: steps that double cost little where it does and little more where it does not.
    fn place_of(&self, at: usize, place: usize) -> usize {
        let is_before = |place: usize| self.starts.get(place).is_some_and(|(start, _)| *start as usize <= at);
        let (mut low, mut step) = (place, 1);
        while is_before(low + step) {
            low += step;
            step *= 2;
        }
        let high = (low + step).min(self.starts.len());
        low + self.starts[low..high].partition_point(|(start, _)| *start as usize <= at) - 1
    }
}

/// Stands between two texts; no needle holds it, and no text keeps it.
const BETWEEN: char = '\x1e';

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &Texts, needle: &str) -> Vec<u32> {
        let mut out = Vec::new();
        texts.find(needle, |sym, _| {
            out.push(sym.0);
            true
        });
        out
    }

    #[test]
    fn each_text_is_found_once_and_by_its_present_words() {
        let mut texts = Texts::default();
        for (sym, text) in [(3, "Ada Ada"), (1, "Bo"), (7, "Łada"), (9, "")] {
            texts.put(Sym(sym), &Symbol::of(&[text]));
        }
        assert_eq!(found(&texts, "ada"), [3, 7]);
        assert_eq!(found(&texts, "łada"), [7]);
        assert_eq!(found(&texts, "bo"), [1]);
        assert_eq!(found(&texts, "adabo"), [] as [u32; 0], "no text runs into the next");
        texts.put(Sym(3), &Symbol::of(&["Carla"]));
        assert_eq!(found(&texts, "ada"), [7]);
        assert_eq!(found(&texts, "carla"), [3]);
        assert_eq!(found(&Texts::default(), "x"), [] as [u32; 0]);
    }

    #[test]
    fn it_says_in_which_field() {
        let mut texts = Texts::default();
        texts.put(Sym(1), &Symbol::of(&["192.0.2.1", "Utrecht", "Utrecht"]));
        texts.put(Sym(2), &Symbol::of(&["", "", "utre"]));
        let mut fields = Vec::new();
        texts.find("utre", |sym, field| {
            fields.push((sym.0, field));
            false
        });
        assert_eq!(fields, [(1, 1), (1, 2), (2, 2)]);
    }
}
