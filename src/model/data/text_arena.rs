//! The texts of rows in lower case, concatenated, so that one pass finds a word in all of them.

use memchr::memmem::Finder;

use crate::consent::Sym;

/// A text to find.
#[derive(Debug)]
pub(in crate::model) struct Wanted {
    /// The text, in lower case and not empty.
    pub(in crate::model) needle: String,
    /// Whether every text that contains the needle matches. If not, the caller must check each text that is found.
    pub(in crate::model) is_all: bool,
}

/// Lower-case texts with their symbols.
#[derive(Debug, Default)]
pub(in crate::model) struct TextArena {
    arena: String,
    /// The start of each text, in ascending order, and its symbol.
    starts: Vec<(u32, u32)>,
    /// The number of bytes of replaced texts that are still in the arena.
    stale: usize,
}

impl TextArena {
    /// Adds a new text.
    pub(in crate::model) fn put(&mut self, sym: Sym, text: &str) {
        let start = u32::try_from(self.arena.len()).expect("fewer than 4 GiB of interned text");
        self.starts.push((start, sym.0));
        lower(text, &mut self.arena);
        // The separator prevents matches across two texts.
        self.arena.push(SEPARATOR);
    }

    /// Replaces the text of a symbol.
    ///
    /// Scans all texts, which is fast enough because names change seldom. Compacts the arena if more than half of it is
    /// stale.
    pub(in crate::model) fn replace(&mut self, sym: Sym, text: &str) {
        if let Some(place) = self.starts.iter().rposition(|(_, owner)| *owner == sym.0) {
            self.starts[place].1 = REPLACED;
            self.stale += self.span(place).len();
        }
        self.put(sym, text);
        if self.stale > STALE_MIN && self.stale * 2 > self.arena.len() {
            let old = std::mem::take(self);
            for (place, (_, owner)) in
                old.starts.iter().enumerate().filter(|(_, (_, owner))| *owner != REPLACED)
            {
                self.starts.push((self.arena.len() as u32, *owner));
                self.arena.push_str(old.arena.get(old.span(place)).unwrap_or_default());
            }
        }
    }

    /// Calls `found` with each text that contains the needle. Makes one pass over all texts.
    pub(in crate::model) fn find(&self, wanted: &Wanted, mut found: impl FnMut(Sym)) {
        let bytes = self.arena.as_bytes();
        let finder = Finder::new(wanted.needle.as_bytes());
        let (mut from, mut place) = (0, 0);
        let find = |rest: &[u8]| match wanted.needle.as_bytes() {
            // A single byte occurs in most texts, so the faster search matters.
            [byte] => memchr::memchr(*byte, rest),
            _ => finder.find(rest),
        };
        while let Some(at) = bytes.get(from..).and_then(find) {
            let at = from + at;
            place = self.place_of(at, place);
            let (_, owner) = self.starts[place];
            if owner != REPLACED {
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

    /// Returns the index of the text that contains byte `at`. The search starts at index `place`, which must not be
    /// later.
    ///
    /// Mostly the next hit is in one of the next few texts. Those are checked first, then steps that double.
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

/// The number of texts that are checked one by one before the steps double.
const NEAR: usize = 4;
/// The symbol of a replaced text. No journal assigns so high a number.
const REPLACED: u32 = u32::MAX;
/// The minimum number of stale bytes to compact the arena.
const STALE_MIN: usize = 1 << 20;
/// The separator between two texts: a control character, which people do not search for.
const SEPARATOR: char = '\x1e';

/// Appends a text in lower case.
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
