//! Texts of rows in lower case, one behind the other, so that one pass finds a word in all of them.

use memchr::memmem::Finder;

use crate::consent::Sym;

/// What texts are looked for.
#[derive(Debug)]
pub(in crate::model) struct Wanted {
    /// In lower case; not empty.
    pub(in crate::model) needle: String,
    /// Whether that is all that is asked; else only such a text can be what is asked for.
    pub(in crate::model) is_all: bool,
}

/// Lower-case texts with their numbers.
#[derive(Debug, Default)]
pub(in crate::model) struct TextArena {
    arena: String,
    /// Where each text in rising order, and whose it is.
    starts: Vec<(u32, u32)>,
    /// Bytes of texts that were replaced and stay behind as nobody's.
    stale: usize,
}

impl TextArena {
    /// Puts a text in that was not there.
    pub(in crate::model) fn put(&mut self, sym: Sym, text: &str) {
        let start = u32::try_from(self.arena.len()).expect("fewer than 4 GiB of interned text");
        self.starts.push((start, sym.0));
        lower(text, &mut self.arena);
        // Nothing may be found across two texts.
        self.arena.push(BETWEEN);
    }

    /// Puts a text in the place of what its number had before. Looks through all of them, which names that change are
    /// seldom enough for, and moves all where half of the bytes are nobody's.
    pub(in crate::model) fn replace(&mut self, sym: Sym, text: &str) {
        if let Some(place) = self.starts.iter().rposition(|(_, owner)| *owner == sym.0) {
            self.starts[place].1 = NOBODY;
            self.stale += self.span(place).len();
        }
        self.put(sym, text);
        if self.stale > STALE_MIN && self.stale * 2 > self.arena.len() {
            let old = std::mem::take(self);
            for (place, (_, owner)) in
                old.starts.iter().enumerate().filter(|(_, (_, owner))| *owner != NOBODY)
            {
                self.starts.push((self.arena.len() as u32, *owner));
                self.arena.push_str(old.arena.get(old.span(place)).unwrap_or_default());
            }
        }
    }

    /// Calls back with each text that holds what is wanted. One pass over all texts.
    pub(in crate::model) fn find(&self, wanted: &Wanted, mut found: impl FnMut(Sym)) {
        let bytes = self.arena.as_bytes();
        let finder = Finder::new(wanted.needle.as_bytes());
        let (mut from, mut place) = (0, 0);
        let find = |rest: &[u8]| match wanted.needle.as_bytes() {
            // Found in so many texts that each step counts.
            [byte] => memchr::memchr(*byte, rest),
            _ => finder.find(rest),
        };
        while let Some(at) = bytes.get(from..).and_then(find) {
            let at = from + at;
            place = self.place_of(at, place);
            let (_, owner) = self.starts[place];
            if owner != NOBODY {
                found(Sym(owner));
            }
            let Some((next, _)) = self.starts.get(place + 1) else { return };
            from = *next as usize;
        }
    }

    fn span(&self, place: usize) -> std::ops::Range<usize> {
        let end = self.starts.get(place + 1).map_or(self.arena.len(), |(start, _)| *start as usize);
        self.starts[place].0 as usize..end
    }

    /// Returns which text holds a byte, not before another that begins no later. Hits rise, and mostly the next lies
    /// in one of the next texts: steps that double cost little where it does and little more where it does not.
    fn place_of(&self, at: usize, place: usize) -> usize {
        let is_before = |place: usize| self.starts.get(place).is_some_and(|(start, _)| *start as usize <= at);
        let near = (place..place + NEAR).find(|place| !is_before(place + 1));
        if let Some(place) = near {
            return place;
        }
        let (mut low, mut step) = (place + NEAR, 1);
        while is_before(low + step) {
            low += step;
            step *= 2;
        }
        let high = (low + step).min(self.starts.len());
        low + self.starts[low..high].partition_point(|(start, _)| *start as usize <= at) - 1
    }
}

/// Texts that are looked at one after the other before the steps double.
const NEAR: usize = 4;
/// The number of no text: a journal gives out fewer.
const NOBODY: u32 = u32::MAX;
/// Fewer bytes than these are not worth moving the rest for.
const STALE_MIN: usize = 1 << 20;
/// Stands between two texts; no needle holds it, and no text keeps it.
const BETWEEN: char = '\x1e';

/// Adds a text in lower case.
pub(in crate::model) fn lower(text: &str, out: &mut String) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        if let Some(new) = out.get_mut(start..) {
            new.make_ascii_lowercase();
        }
    } else {
        out.extend(text.chars().flat_map(char::to_lowercase));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(texts: &TextArena, needle: &str) -> Vec<u32> {
        let mut out = Vec::new();
        texts.find(&Wanted { needle: needle.to_owned(), is_all: true }, |sym| out.push(sym.0));
        out
    }

    #[test]
    fn each_text_is_found_once_and_by_its_present_words() {
        let mut texts = TextArena::default();
        for (sym, text) in [(3, "Ada Ada"), (1, "Bo"), (7, "Łada"), (9, "")] {
            texts.put(Sym(sym), text);
        }
        assert_eq!(found(&texts, "ada"), [3, 7]);
        assert_eq!(found(&texts, "łada"), [7]);
        assert_eq!(found(&texts, "bo"), [1]);
        assert_eq!(found(&texts, "adabo"), [] as [u32; 0], "no text runs into the next");
        texts.replace(Sym(3), "Carla");
        assert_eq!(found(&texts, "ada"), [7]);
        assert_eq!(found(&texts, "carla"), [3]);
        assert_eq!(found(&TextArena::default(), "x"), [] as [u32; 0]);
    }

    #[test]
    fn a_name_that_changes_for_ever_takes_no_more_room_for_ever() {
        let mut texts = TextArena::default();
        texts.put(Sym(1), "stays");
        texts.put(Sym(2), "");
        for n in 0..5000 {
            texts.replace(Sym(2), &format!("{n} {}", "x".repeat(1000)));
        }
        assert!(texts.arena.len() < 3 * STALE_MIN, "{}", texts.arena.len());
        assert_eq!((found(&texts, "stays"), found(&texts, "4999 x")), (vec![1], vec![2]));
        assert_eq!(found(&texts, "4998 x"), [] as [u32; 0]);
    }
}
