//! Numbers for people, clients, servers and scopes. Texts that name the same thing of the same org share a number.

use std::collections::HashMap;
use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::consent::{OrgId, Sym, Symbol, Symbols};

/// The number of a person, client, server or scope. 0 means none.
pub type Number = u32;

/// By org, the number of each id or name. An id means nothing in another org.
type NumbersByOrg = Vec<HashMap<Box<str>, Number>>;

/// The names of all things of one kind, numbered from 1. No two orgs share a number.
#[derive(Debug, Default)]
pub struct Names {
    numbers: NumbersByOrg,
    /// By number, the longest text seen for the thing. Number 0 has none.
    texts: Vec<Sym>,
    /// By number, the org of the thing.
    orgs: Vec<OrgId>,
    /// By text, its number in the org that used the text last, so that each text is parsed once. 0 means not parsed
    /// yet.
    of_text: Vec<Number>,
}

impl Names {
    /// Returns the number of the thing that a text names in an org, or 0 if the text names nothing.
    ///
    /// Texts with the same id name the same thing. Texts without an id name the same thing if their name is the same.
    pub(in crate::model) fn number(&mut self, org: OrgId, sym: Sym, symbols: &Symbols) -> Number {
        let index = sym.0 as usize;
        let known = self.of_text.get(index).copied().unwrap_or(0);
        // Rows of two orgs may share a text.
        if known != 0 && self.orgs[known as usize] == org {
            return known;
        }
        let key = symbols.fields(sym).take(3).find(|field| !field.is_empty());
        let Some(key) = key else { return 0 };
        let number = self.of_key(org, key);
        if self.of_text.len() <= index {
            self.of_text.resize(index + 1, 0);
        }
        self.of_text[index] = number;
        // The longer text is kept: a hook's event may lack fields that the log's event has.
        let known = &mut self.texts[number as usize];
        if symbols.joined(sym).len() >= symbols.joined(*known).len() {
            *known = sym;
        }
        number
    }

    fn of_key(&mut self, org: OrgId, key: &str) -> Number {
        let numbers = numbers_of(&mut self.numbers, org);
        if let Some(number) = numbers.get(key) {
            return *number;
        }
        if self.texts.is_empty() {
            self.texts.push(Sym(0));
            self.orgs.push(OrgId::default());
        }
        let number = u32::try_from(self.texts.len()).expect("fewer things than rows");
        self.texts.push(Sym(0));
        self.orgs.push(org);
        numbers.insert(key.into(), number);
        number
    }

    /// Returns the text that names a thing.
    pub fn text(&self, number: Number) -> Sym {
        self.texts.get(number as usize).copied().unwrap_or_default()
    }

    /// Returns the org of a thing.
    pub fn org(&self, number: Number) -> OrgId {
        self.orgs.get(number as usize).copied().unwrap_or_default()
    }

    /// Returns the things of other orgs that have the same id, in the order of the orgs.
    pub(in crate::model) fn in_other_orgs(&self, org: OrgId, id: &str) -> impl Iterator<Item = Number> {
        let others = self.numbers.iter().enumerate().filter(move |(other, _)| *other != org.index());
        others.filter_map(move |(_, numbers)| numbers.get(id).copied())
    }

    /// Returns one more than the highest number, or 0 if there are no names.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Returns whether there are no names.
    pub fn is_empty(&self) -> bool {
        self.texts.len() <= 1
    }
}

/// Returns the numbers of an org.
fn numbers_of(numbers: &mut NumbersByOrg, org: OrgId) -> &mut HashMap<Box<str>, Number> {
    if numbers.len() <= org.index() {
        numbers.resize_with(org.index() + 1, HashMap::new);
    }
    &mut numbers[org.index()]
}

/// The scopes of a text in its order, and the set of them.
type Listed = (Box<[Number]>, Set);

/// Scopes by number, and interned sets of scopes. No two orgs share a number.
#[derive(Debug, Default)]
pub struct Scopes {
    numbers: NumbersByOrg,
    names: Vec<Box<str>>,
    /// By number, the org of the scope.
    orgs: Vec<OrgId>,
    /// By org and text, the scopes of the text in its order, and the set of them. All orgs share the texts.
    of_text: hashbrown::HashMap<(OrgId, Sym), Listed>,
    sets: Vec<Box<[Number]>>,
    of_set: HashTable<Set>,
    hasher: DefaultHashBuilder,
    unions: hashbrown::HashMap<(Set, Set), Set>,
}

/// The number of a set of scopes. 0 is the empty set.
pub(in crate::model) type Set = u32;

/// The maximum number of cached unions.
const UNIONS_MAX: usize = 200_000;

impl Scopes {
    /// Returns the scopes of an org that a text names, in its order.
    pub(in crate::model) fn list(&mut self, org: OrgId, sym: Sym, symbols: &Symbols) -> &[Number] {
        &self.of_text(org, sym, symbols).0
    }

    /// Returns the same, or nothing if the text was not looked up for the org before.
    pub(in crate::model) fn listed(&self, org: OrgId, sym: Sym) -> &[Number] {
        self.of_text.get(&(org, sym)).map_or(&[], |(list, _)| list)
    }

    /// Returns the set of scopes of an org that a text names.
    pub(in crate::model) fn set(&mut self, org: OrgId, sym: Sym, symbols: &Symbols) -> Set {
        self.of_text(org, sym, symbols).1
    }

    fn of_text(&mut self, org: OrgId, sym: Sym, symbols: &Symbols) -> &Listed {
        if !self.of_text.contains_key(&(org, sym)) {
            let joined = symbols.joined(sym);
            let names = joined.split(Symbol::SEPARATOR).filter(|name| !name.is_empty());
            let list: Box<[Number]> = names.map(|name| self.number(org, name)).collect();
            let set = self.set_of(list.to_vec());
            self.of_text.insert((org, sym), (list, set));
        }
        &self.of_text[&(org, sym)]
    }

    fn number(&mut self, org: OrgId, name: &str) -> Number {
        let numbers = numbers_of(&mut self.numbers, org);
        if let Some(number) = numbers.get(name) {
            return *number;
        }
        if self.names.is_empty() {
            self.names.push("".into());
            self.orgs.push(OrgId::default());
        }
        let number = u32::try_from(self.names.len()).expect("fewer scopes than rows");
        self.names.push(name.into());
        self.orgs.push(org);
        numbers.insert(name.into(), number);
        number
    }

    /// Returns the set of scopes given in any order.
    pub(in crate::model) fn set_of(&mut self, mut scopes: Vec<Number>) -> Set {
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return 0;
        }
        let hash = self.hasher.hash_one(scopes.as_slice());
        let sets = &self.sets;
        if let Some(set) = self.of_set.find(hash, |set| *sets[*set as usize] == *scopes) {
            return *set;
        }
        if self.sets.is_empty() {
            self.sets.push(Box::default());
        }
        let set = u32::try_from(self.sets.len()).expect("fewer sets than rows");
        self.sets.push(scopes.into());
        let (sets, hasher) = (&self.sets, &self.hasher);
        self.of_set.insert_unique(hash, set, |set| hasher.hash_one(&*sets[*set as usize]));
        set
    }

    /// Returns the union of two sets.
    pub(in crate::model) fn union(&mut self, one: Set, other: Set) -> Set {
        let pair = (one.min(other), one.max(other));
        if pair.0 == pair.1 || pair.0 == 0 {
            return pair.1;
        }
        if let Some(union) = self.unions.get(&pair) {
            return *union;
        }
        let union = self.set_of([self.members(one), self.members(other)].concat());
        if self.unions.len() >= UNIONS_MAX {
            self.unions.clear();
        }
        self.unions.insert(pair, union);
        union
    }

    /// Returns the scopes of a set, in ascending order of number.
    pub fn members(&self, set: Set) -> &[Number] {
        self.sets.get(set as usize).map_or(&[], |members| members)
    }

    /// Returns the exact name of a scope, or an empty string for 0.
    pub fn name(&self, number: Number) -> &str {
        self.names.get(number as usize).map_or("", |name| name)
    }

    /// Returns the org of a scope.
    pub fn org(&self, number: Number) -> OrgId {
        self.orgs.get(number as usize).copied().unwrap_or_default()
    }

    /// Returns one more than the highest number, or 0 if there are no scopes.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns whether there are no scopes.
    pub fn is_empty(&self) -> bool {
        self.names.len() <= 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_is_the_same_thing_by_its_best_text() {
        let mut symbols = Symbols::default();
        for (sym, fields) in [
            (1, ["00u1", "", ""]),
            (2, ["00u1", "ada@example.test", "Ada"]),
            (3, ["", "bo@example.test", ""]),
            (4, ["", "", ""]),
            (5, ["00u2", "", ""]),
        ] {
            symbols.put(Sym(sym), &Symbol::of(&fields));
        }
        let mut names = Names::default();
        let numbers = [1, 2, 3, 4, 5, 1, 0].map(|sym| names.number(OrgId(0), Sym(sym), &symbols));
        assert_eq!(numbers, [1, 1, 2, 0, 3, 1, 0]);
        assert_eq!((names.text(1), names.text(2), names.text(0), names.len()), (Sym(2), Sym(3), Sym(0), 4));
    }

    #[test]
    fn the_same_text_names_another_thing_in_another_org() {
        let mut symbols = Symbols::default();
        symbols.put(Sym(1), &Symbol::of(&["0oa1", "Figma"]));
        symbols.put(Sym(2), &Symbol::of(&["openid", "email"]));
        let (mut names, mut scopes) = (Names::default(), Scopes::default());
        let orgs = [0, 1, 0, 2, 1].map(OrgId);
        assert_eq!(orgs.map(|org| names.number(org, Sym(1), &symbols)), [1, 2, 1, 3, 2]);
        assert_eq!(
            [1, 2, 3].map(|number| (names.org(number), names.text(number))),
            [0, 1, 2].map(|org| (OrgId(org), Sym(1)))
        );
        let lists = orgs.map(|org| scopes.list(org, Sym(2), &symbols).to_vec());
        assert_eq!(lists, [[1, 2], [3, 4], [1, 2], [5, 6], [3, 4]]);
        assert_ne!(scopes.set(OrgId(0), Sym(2), &symbols), scopes.set(OrgId(1), Sym(2), &symbols));
        assert_eq!(
            [2, 4].map(|number| (scopes.org(number), scopes.name(number))),
            [(OrgId(0), "email"), (OrgId(1), "email")]
        );
    }

    #[test]
    fn sets_are_made_once() {
        let mut symbols = Symbols::default();
        symbols.put(Sym(1), &Symbol::of(&["email", "openid"]));
        symbols.put(Sym(2), &Symbol::of(&["openid", "email"]));
        symbols.put(Sym(3), &Symbol::of(&["phone"]));
        let mut scopes = Scopes::default();
        assert_eq!(scopes.list(OrgId(0), Sym(1), &symbols), [1, 2]);
        assert_eq!(scopes.list(OrgId(0), Sym(2), &symbols), [2, 1]);
        let (one, two, three) = (
            scopes.set(OrgId(0), Sym(1), &symbols),
            scopes.set(OrgId(0), Sym(2), &symbols),
            scopes.set(OrgId(0), Sym(3), &symbols),
        );
        assert_eq!((one, scopes.set(OrgId(0), Sym(9), &symbols)), (two, 0));
        let all = scopes.union(one, three);
        assert_eq!(scopes.members(all), [1, 2, 3]);
        assert_eq!((scopes.union(three, two), scopes.union(all, one), scopes.union(0, one)), (all, all, one));
        assert_eq!((scopes.name(3), scopes.name(0), scopes.name(99)), ("phone", "", ""));
    }
}
