//! Interned texts of several fields, for example of a person.

use serde::{Deserialize, Serialize};

/// The number of an interned text. The journal gives it out, so it means the same on disk and in memory; 0 is no text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Sym(pub u32);

/// An interned text of several fields, such as a person's id, login and name.
///
/// Fields are joined by a unit separator (U+001F). A separator inside a field becomes U+FFFD. That affects only the
/// list, since the raw event stays exact.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Symbol(Box<str>);

impl Symbol {
    /// The separator between two fields.
    pub const SEPARATOR: char = '\x1f';

    /// Joins fields. If all are empty, returns the empty symbol.
    pub fn of(fields: &[&str]) -> Self {
        // With the exact capacity, the conversion to a box does not reallocate.
        let mut text = String::with_capacity(joined_length(fields));
        Self::join(fields, &mut text);
        Self(text.into())
    }

    /// Appends the joined text of these fields, or nothing if all are empty.
    pub fn join(fields: &[&str], text: &mut String) {
        if fields.iter().all(|field| field.is_empty()) {
            return;
        }
        let start = text.len();
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                text.push(Self::SEPARATOR);
            }
            text.push_str(field);
        }
        // Searching the whole once costs less than searching each field.
        let separators = memchr::memchr_iter(Self::SEPARATOR as u8, &text.as_bytes()[start..]).count();
        if separators >= fields.len() {
            let clean: Vec<_> =
                fields.iter().map(|field| field.replace(Self::SEPARATOR, "\u{fffd}")).collect();
            text.truncate(start);
            text.push_str(&clean.join("\x1f"));
        }
    }

    /// Creates a symbol from a text that is joined already.
    pub fn joined(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the joined text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the fields.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.0.split(Self::SEPARATOR)
    }

    /// Returns whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Returns the length of the text of these fields.
fn joined_length(fields: &[&str]) -> usize {
    let length = fields.iter().map(|field| field.len()).sum::<usize>();
    if length == 0 { 0 } else { length + fields.len() - 1 }
}

/// A table of texts by their number. It is one arena with a table of places, so that a quarter million texts need no
/// allocation each.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    arena: String,
    places: Vec<(u32, u32)>,
    /// Bytes of texts that were replaced.
    stale: usize,
}

/// The arena is compacted only if at least this many bytes are stale.
const STALE_MIN: usize = 1 << 20;

impl Symbols {
    /// Adds a text, and replaces an earlier one with the same number.
    pub fn put(&mut self, sym: Sym, symbol: &Symbol) {
        if !symbol.is_empty() && self.joined(sym) == symbol.as_str() {
            return;
        }
        let index = sym.0 as usize;
        if self.places.len() <= index {
            self.places.resize(index + 1, (0, 0));
        }
        self.stale += self.places[index].1 as usize;
        self.places[index] = (0, 0);
        if self.stale > STALE_MIN && self.stale * 2 > self.arena.len() {
            let arena = std::mem::take(&mut self.arena);
            self.stale = 0;
            for (start, length) in self.places.iter_mut().filter(|(_, length)| *length > 0) {
                let text = *start as usize..(*start + *length) as usize;
                *start = self.arena.len() as u32;
                self.arena.push_str(arena.get(text).unwrap_or_default());
            }
        }
        let start = u32::try_from(self.arena.len()).expect("fewer than 4 GiB of interned text");
        self.arena.push_str(symbol.as_str());
        self.places[index] = (start, symbol.as_str().len() as u32);
    }

    /// Returns the joined text, or an empty one if the number has none.
    pub fn joined(&self, sym: Sym) -> &str {
        let (start, length) = self.places.get(sym.0 as usize).copied().unwrap_or((0, 0));
        self.arena.get(start as usize..(start + length) as usize).unwrap_or("")
    }

    /// Returns the fields of a text.
    pub fn fields(&self, sym: Sym) -> impl Iterator<Item = &str> {
        self.joined(sym).split(Symbol::SEPARATOR)
    }

    /// Returns one field, or an empty one if it does not exist.
    pub fn field(&self, sym: Sym, index: usize) -> &str {
        self.fields(sym).nth(index).unwrap_or("")
    }

    /// Returns one more than the highest number.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns whether no text was added.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back() {
        let mut symbols = Symbols::default();
        symbols.put(Sym(3), &Symbol::of(&["00u1", "", "Ada"]));
        assert_eq!(symbols.fields(Sym(3)).collect::<Vec<_>>(), ["00u1", "", "Ada"]);
        assert_eq!(symbols.field(Sym(3), 2), "Ada");
        assert_eq!(symbols.field(Sym(2), 0), "");
        assert_eq!(symbols.field(Sym(99), 0), "");
    }

    #[test]
    fn a_text_that_changes_for_ever_takes_no_more_room_for_ever() {
        let mut symbols = Symbols::default();
        symbols.put(Sym(1), &Symbol::of(&["stays"]));
        for n in 0..5000 {
            symbols.put(Sym(3), &Symbol::of(&[&n.to_string(), &"x".repeat(1000)]));
        }
        assert!(symbols.arena.len() < 3 * STALE_MIN, "{}", symbols.arena.len());
        assert_eq!((symbols.joined(Sym(1)), symbols.field(Sym(3), 0)), ("stays", "4999"));
        symbols.put(Sym(3), &Symbol::default());
        assert_eq!(symbols.joined(Sym(3)), "");
    }

    #[test]
    fn a_separator_inside_a_field_cannot_shift_the_others() {
        let mut symbols = Symbols::default();
        symbols.put(Sym(1), &Symbol::of(&["a\x1fb", "c"]));
        assert_eq!(symbols.field(Sym(1), 1), "c");
    }

    #[test]
    fn nothing_is_the_empty_symbol() {
        assert!(Symbol::of(&["", "", ""]).is_empty());
        assert!(Symbol::of(&[]).is_empty());
    }
}
