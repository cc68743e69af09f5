//! The rows of some files, and where each of them lies. An event that several records tell of is one row.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, RwLock};

use hashbrown::HashTable;
use jiff::Timestamp;

use super::head::Head;
use super::input::Input;
use super::read::{Item, Stop, read};
use super::record::{self, Span};
use crate::consent::{Consent, EventKey, Page, Row, Seq, Sym, Symbol, Via};

/// Where a consent lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    at: u64,
    length: u32,
    file: u16,
    /// Which of the record's consents it is.
    index: u16,
}

/// The rows of some files; each can be read again.
#[derive(Debug, Default)]
pub struct Shelf {
    inner: RwLock<Inner>,
    received: Timestamp,
}

#[derive(Debug, Default)]
struct Inner {
    files: Vec<Arc<File>>,
    /// By row: number `n` is at `n - 1`.
    places: Vec<Place>,
    /// Of rows that two records tell of, the place of the other one.
    others: HashMap<u32, Place>,
}

/// What loading brings.
#[derive(Debug)]
pub enum News {
    /// What a snapshot says of itself.
    Head(Box<Head>),
    /// Rows that are new.
    Rows {
        /// In the order of the files.
        page: Page,
        /// Hundredths of all files that are read, as far as that is known.
        percent: Option<u8>,
    },
    /// Rows that another record told more of.
    Changed(Page),
    /// A file is not what it should be: a sentence. What could be read of it is there.
    Trouble(String),
    /// All is read: rows, and events that came more than once.
    Done {
        /// Rows.
        rows: u64,
        /// Records that told again of a row.
        repeated: u64,
    },
}

impl Shelf {
    /// Makes an empty one. `received` stands for the time at which rows were taken in that do not say it.
    pub fn new(received: Timestamp) -> Self {
        Self { inner: RwLock::default(), received }
    }

    /// How many rows there are so far.
    pub fn len(&self) -> usize {
        self.read(|inner| inner.places.len())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.write().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Reads one consent whole, from its file; nothing if there is no such row.
    ///
    /// # Errors
    /// The file is not what it was: a sentence.
    pub fn consent(&self, seq: Seq) -> Result<Option<Consent>, String> {
        let Some(row) = seq.0.checked_sub(1).and_then(|row| u32::try_from(row).ok()) else { return Ok(None) };
        let found = self.read(|inner| {
            let place = *inner.places.get(row as usize)?;
            let of = |place: Place| Some((place, Arc::clone(inner.files.get(usize::from(place.file))?)));
            Some((of(place)?, inner.others.get(&row).copied().and_then(of)))
        });
        let Some((first, other)) = found else { return Ok(None) };
        let mut consent = self.consent_at(first)?;
        if let Some(other) = other {
            merge(&mut consent, self.consent_at(other)?);
        }
        Ok(Some(consent))
    }

    fn consent_at(&self, (place, file): (Place, Arc<File>)) -> Result<Consent, String> {
        let mut bytes = vec![0; place.length as usize];
        file.read_exact_at(&mut bytes, place.at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => CHANGED.to_owned(),
            _ => format!("The file cannot be read: {error}."),
        })?;
        let mut found = record::read(&bytes, self.received).consents;
        let index = usize::from(place.index);
        if index < found.len() { Ok(found.swap_remove(index)) } else { Err(CHANGED.to_owned()) }
    }
}

const CHANGED: &str = "The file was changed after it was opened. Open it again.";

/// Puts together what two records tell of one event. The log's form is the fuller one: a hook leaves out what is null.
fn merge(consent: &mut Consent, other: Consent) {
    let via = consent.via.with(other.via);
    let hook = consent.hook.take().or_else(|| other.hook.clone());
    if consent.via == Via::HOOK && other.via != Via::HOOK {
        *consent = other;
    }
    (consent.via, consent.hook) = (via, hook);
}

/// What is kept of a consent while files are read.
struct Line {
    key: EventKey,
    row: Row,
    symbols: [Symbol; 6],
    marks: Vec<u32>,
}

impl Line {
    fn of(consent: &Consent) -> Self {
        let row = consent.row_without_texts(Seq(0));
        Self { key: consent.key, row, symbols: consent.symbols(), marks: consent.grant_marks() }
    }
}

/// Loads files onto a shelf.
#[derive(Debug)]
pub struct Loader {
    shelf: Arc<Shelf>,
    /// How many are open.
    files: u16,
    /// Hashes of what makes rows themselves, by row.
    keys: Vec<u128>,
    of_key: HashTable<u32>,
    vias: Vec<Via>,
    /// By the hashes of texts, under two keys that nobody knows: so many bits do not meet by chance or on purpose.
    numbers: HashMap<(u64, u64), u32>,
    hashers: [RandomState; 2],
    changed: Page,
    repeated: u64,
}

impl Loader {
    /// Begins with nothing.
    pub fn new(shelf: Arc<Shelf>) -> Self {
        Self {
            shelf,
            files: 0,
            keys: Vec::new(),
            of_key: HashTable::new(),
            vias: Vec::new(),
            numbers: HashMap::new(),
            hashers: [RandomState::new(), RandomState::new()],
            changed: Page::default(),
            repeated: 0,
        }
    }

    /// Reads all inputs and tells what they hold.
    ///
    /// # Errors
    /// Whoever is told wanted no more.
    pub fn load(
        mut self,
        inputs: &[Input],
        mut tell: impl FnMut(News) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let received = self.shelf.received;
        read(
            inputs,
            received,
            |consent| Line::of(&consent),
            |item| match item {
                Item::Begun { file, head } => {
                    self.shelf.write(|inner| inner.files.push(Arc::new(file)));
                    self.files += 1;
                    head.map_or(Ok(()), |head| tell(News::Head(head)))
                }
                Item::Records { records, percent } => {
                    let page = self.take(records);
                    if !page.rows.is_empty() || percent.is_some() {
                        tell(News::Rows { page, percent })?;
                    }
                    let changed = std::mem::take(&mut self.changed);
                    if changed.rows.is_empty() { Ok(()) } else { tell(News::Changed(changed)) }
                }
                Item::Trouble(words) => tell(News::Trouble(words)),
            },
        )?;
        tell(News::Done { rows: self.keys.len() as u64, repeated: self.repeated })
    }

    fn take(&mut self, records: Vec<(Span, Vec<Line>)>) -> Page {
        let mut page = Page::default();
        let file = self.files - 1;
        let mut places = Vec::with_capacity(records.len());
        for (span, lines) in records {
            for (index, line) in (0..).zip(lines) {
                let place = Place { at: span.at, length: span.length, file, index };
                if let Some(place) = self.line(line, place, &mut page) {
                    places.push(place);
                }
            }
        }
        self.shelf.write(|inner| inner.places.extend(places));
        page
    }

    /// Takes a line in, and returns its place if it is a row of its own.
    fn line(&mut self, line: Line, place: Place, page: &mut Page) -> Option<Place> {
        let key = hash_of(&line.key);
        let keys = &self.keys;
        // Uuids of one time differ in few bits.
        let hash =
            |key: u128| (key as u64 ^ (key >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
        if let Some(row) = self.of_key.find(hash(key), |row| keys[*row as usize] == key).copied() {
            self.repeated += 1;
            let before = self.vias[row as usize];
            let via = before.with(line.row.via);
            if via != before || before == Via::HOOK && line.row.via != Via::HOOK {
                self.vias[row as usize] = via;
                self.shelf.write(|inner| *inner.others.entry(row).or_insert(place));
                let row = Row { seq: Seq(i64::from(row) + 1), via, ..line.row };
                let (row, symbols) = self.numbered(row, line.symbols);
                // Told after the rows of the same page, which it may be one of.
                self.changed.symbols.extend(symbols);
                self.changed.rows.push(row);
                self.changed.grants.push(line.marks);
            }
            return None;
        }
        let number = u32::try_from(self.keys.len()).ok().filter(|number| *number < u32::MAX)?;
        self.keys.push(key);
        self.vias.push(line.row.via);
        let keys = &self.keys;
        self.of_key.insert_unique(hash(key), number, |row| hash(keys[*row as usize]));
        let row = Row { seq: Seq(i64::from(number) + 1), ..line.row };
        let (row, symbols) = self.numbered(row, line.symbols);
        page.symbols.extend(symbols);
        page.rows.push(row);
        page.grants.push(line.marks);
        Some(place)
    }

    /// Gives a row's texts their numbers, and returns those that are new.
    fn numbered(&mut self, mut row: Row, symbols: [Symbol; 6]) -> (Row, Vec<(Sym, Symbol)>) {
        let mut new = Vec::new();
        let slots =
            [&mut row.who, &mut row.actor, &mut row.client, &mut row.server, &mut row.scopes, &mut row.from];
        for (slot, symbol) in slots.into_iter().zip(symbols) {
            if symbol.is_empty() {
                continue;
            }
            let [one, two] = &self.hashers;
            let key = (one.hash_one(symbol.as_str()), two.hash_one(symbol.as_str()));
            let next = self.numbers.len() as u32 + 1;
            let number = *self.numbers.entry(key).or_insert(next);
            *slot = Sym(number);
            if number == next {
                new.push((Sym(number), symbol));
            }
        }
        (row, new)
    }
}

/// A number for what makes a row itself. A uuid is itself, of a digest the first half; the time is left out, so that one
/// event with its time spelled in two ways is one.
pub fn hash_of(key: &EventKey) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&key.id.as_bytes()[..16]);
    u128::from_le_bytes(bytes) ^ (u128::from(key.part) << 120)
}
