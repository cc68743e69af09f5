//! The rows of some files, and where each of them lies. An event that several records tell of is one row.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, RwLock};

use hashbrown::{DefaultHashBuilder, HashTable};
use jiff::Timestamp;

use super::head::Head;
use super::input::{Again, Input};
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
    /// Of rows that several records tell of, the places of the others, one for each way by which they say it came.
    others: HashMap<u32, Vec<Place>>,
}

/// A file, a hook and the log tell of an event in so many ways beside the first; a file with a million copies of one
/// event must not have each looked at with all before it.
const OTHERS_MAX: usize = 3;

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
    /// A file is well, but not as Okta or this program writes it: a sentence.
    Note(String),
    /// All is read. So many records told again of a row.
    Done(u64),
}

impl Shelf {
    /// Makes an empty one. `received` stands for the time at which rows were taken in that do not say it.
    pub fn new(received: Timestamp) -> Self {
        Self { inner: RwLock::default(), received }
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
        let places = self.read(|inner| {
            let place = inner.places.get(row as usize)?;
            let others = inner.others.get(&row).into_iter().flatten();
            let file = |place: &Place| Some((*place, Arc::clone(inner.files.get(usize::from(place.file))?)));
            std::iter::once(place).chain(others).map(file).collect::<Option<Vec<_>>>()
        });
        let mut merged = None;
        for place in places.into_iter().flatten() {
            let next = self.consent_at(place)?;
            merged = Some(match merged {
                Some(consent) => merge(consent, next),
                None => next,
            });
        }
        Ok(merged)
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

/// Puts together what two records tell of one event. A line of ours knows what was found out since, a LogEvent of a file
/// is whole, and a hook leaves out what is null.
fn merge(one: Consent, other: Consent) -> Consent {
    let worth = |via: Via| if via.has(Via::POLL) { 2 } else { u8::from(via == Via::FILE) };
    let via = one.via.with(other.via);
    let (mut consent, rest) = if worth(other.via) > worth(one.via) { (other, one) } else { (one, other) };
    consent.via = via;
    consent.hook = consent.hook.take().or(rest.hook);
    consent
}

/// What is kept of a consent while files are read.
struct Line {
    key: EventKey,
    row: Row,
    /// The texts of its columns one behind the other: one piece of memory to hand from thread to thread.
    texts: String,
    /// Of each text where it ends, and its hashes; nothing where it is empty.
    ends: [(usize, Option<Hashes>); 6],
    marks: Vec<u32>,
}

/// Two hashes of a text, under keys that nobody knows: so many bits do not meet by chance, and of the first nobody knows
/// how two texts could be made to.
type Hashes = (u64, u64);

#[derive(Clone, Debug, Default)]
struct Hashers(RandomState, DefaultHashBuilder);

impl Line {
    fn of(consent: &Consent, Hashers(slow, quick): &Hashers) -> Self {
        let row = consent.row_without_texts(Seq(0));
        let mut texts = String::new();
        let ends = consent.symbols().map(|symbol| {
            let text = symbol.as_str();
            texts.push_str(text);
            (texts.len(), (!text.is_empty()).then(|| (slow.hash_one(text), quick.hash_one(text))))
        });
        Self { key: consent.key, row, texts, ends, marks: consent.grant_marks() }
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
    numbers: hashbrown::HashMap<Hashes, u32>,
    hashers: Hashers,
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
            numbers: hashbrown::HashMap::new(),
            hashers: Hashers::default(),
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
        let hashers = self.hashers.clone();
        read(
            inputs,
            Again::Yes,
            received,
            |consent| Line::of(&consent, &hashers),
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
                Item::Note(words) => tell(News::Note(words)),
            },
        )?;
        tell(News::Done(self.repeated))
    }

    fn take(&mut self, records: Vec<(Span, Vec<Line>)>) -> Page {
        let mut page = Page::default();
        let file = self.files - 1;
        for (span, lines) in records {
            for (index, line) in (0..).zip(lines) {
                let place = Place { at: span.at, length: span.length, file, index };
                self.line(line, place, &mut page);
            }
        }
        page
    }

    fn line(&mut self, line: Line, place: Place, page: &mut Page) {
        let key = hash_of(&line.key);
        let keys = &self.keys;
        // Uuids of one time differ in few bits.
        let hash =
            |key: u128| (key as u64 ^ (key >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32);
        if let Some(row) = self.of_key.find(hash(key), |row| keys[*row as usize] == key).copied() {
            self.repeated += 1;
            return self.again(row, line.row.via, place);
        }
        let Ok(number) = u32::try_from(self.keys.len()) else { return };
        self.keys.push(key);
        self.vias.push(line.row.via);
        let keys = &self.keys;
        self.of_key.insert_unique(hash(key), number, |row| hash(keys[*row as usize]));
        self.shelf.write(|inner| inner.places.push(place));
        let row = Row { seq: Seq(i64::from(number) + 1), ..line.row };
        let row = self.numbered(row, &line, &mut page.symbols);
        page.rows.push(row);
        page.grants.push(line.marks);
    }

    /// Takes in that another record tells of a row. One that says nothing of another way adds nothing.
    fn again(&mut self, row: u32, via: Via, place: Place) {
        let before = self.vias[row as usize];
        let both = before.with(via);
        // Neither way is what a file alone says, so that a LogEvent beside a delivery counts too.
        if both == before && !(before == Via::HOOK && via == Via::FILE) {
            return;
        }
        self.vias[row as usize] = both;
        let is_full = self.shelf.write(|inner| {
            let others = inner.others.entry(row).or_default();
            let is_full = others.len() == OTHERS_MAX;
            others.extend((!is_full).then_some(place));
            is_full
        });
        if is_full {
            return;
        }
        let seq = Seq(i64::from(row) + 1);
        // What cannot be read again is shown as it was.
        let Ok(Some(consent)) = self.shelf.consent(seq) else { return };
        let line = Line::of(&consent, &self.hashers);
        // Told after the rows of the same page, which it may be one of.
        let mut symbols = std::mem::take(&mut self.changed.symbols);
        let row = self.numbered(Row { seq, ..line.row }, &line, &mut symbols);
        self.changed.symbols = symbols;
        self.changed.rows.push(row);
        self.changed.grants.push(line.marks);
    }

    /// Gives a row's texts their numbers, and puts those that are new to the others.
    fn numbered(&mut self, mut row: Row, line: &Line, new: &mut Vec<(Sym, Symbol)>) -> Row {
        let slots =
            [&mut row.who, &mut row.actor, &mut row.client, &mut row.server, &mut row.scopes, &mut row.from];
        let mut start = 0;
        for (slot, (end, hashes)) in slots.into_iter().zip(line.ends) {
            let text = std::mem::replace(&mut start, end)..end;
            let Some(hashes) = hashes else { continue };
            let next = self.numbers.len() as u32 + 1;
            let number = *self.numbers.entry(hashes).or_insert(next);
            *slot = Sym(number);
            if number == next {
                new.push((Sym(number), Symbol::joined(line.texts.get(text).unwrap_or_default())));
            }
        }
        row
    }
}

/// A number for what makes a row itself. A uuid is itself, of a digest the first half; the time is left out, so that one
/// event with its time spelled in two ways is one.
pub fn hash_of(key: &EventKey) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&key.id.as_bytes()[..16]);
    u128::from_le_bytes(bytes) ^ (u128::from(key.part) << 120)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"uuid":"5b1f0c9e-3333-4333-8333-000000000001","eventType":"app.oauth2.as.consent.grant","published":"2026-03-04T09:00:00.000Z","displayMessage":"whole"}"#;

    /// Loads texts as files and returns the shelf, the rows as they stand in the end, and how many came again.
    fn load(texts: &[&str]) -> (Arc<Shelf>, Vec<Row>, u64) {
        let folder = tempfile::tempdir().unwrap();
        let inputs: Vec<Input> = (0..)
            .zip(texts)
            .map(|(number, text): (u32, _)| {
                let path = folder.path().join(number.to_string());
                std::fs::write(&path, text).unwrap();
                Input::File(path)
            })
            .collect();
        let shelf = Arc::new(Shelf::new("2026-03-05T00:00:00Z".parse().unwrap()));
        let (mut rows, mut repeated): (Vec<Row>, _) = (Vec::new(), 0);
        Loader::new(Arc::clone(&shelf))
            .load(&inputs, |news| {
                match news {
                    News::Rows { page, .. } => rows.extend(page.rows),
                    News::Changed(page) => {
                        for row in page.rows {
                            rows[row.seq.0 as usize - 1] = row;
                        }
                    }
                    News::Done(count) => repeated = count,
                    News::Head(_) => {}
                    News::Note(_) => {}
                    News::Trouble(words) => panic!("{words}"),
                }
                Ok(())
            })
            .unwrap();
        (shelf, rows, repeated)
    }

    #[test]
    fn an_event_is_one_row_in_whatever_order_and_form_it_comes() {
        let hooked = EVENT.replace(r#","displayMessage":"whole""#, "");
        let delivery =
            format!(r#"{{"eventType":"com.okta.event_hook","eventId":"e1","data":{{"events":[{hooked}]}}}}"#);
        let ours = format!(
            r#"{{"schema":"consentwatch.consent/1","via":["poll"],"who":{{"id":"00u1","evidence":"session"}},"raw":{EVENT}}}"#
        );
        let forms = [EVENT, &delivery, &ours];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let (shelf, rows, repeated) = load(&order.map(|index| forms[index]));
            assert_eq!((rows.len(), repeated), (1, 2), "{order:?}");
            let consent = shelf.consent(Seq(1)).unwrap().unwrap();
            assert_eq!(consent.via, Via::POLL.with(Via::HOOK), "{order:?}");
            assert_eq!(rows[0].via, consent.via, "{order:?}: the list says what the detail says");
            assert_eq!(consent.message.unwrap().exact(), "whole", "{order:?}");
            assert_eq!(consent.who.person.id.unwrap().exact(), "00u1", "{order:?}");
            assert_eq!(rows[0].evidence, consent.who.evidence);
            assert!(consent.hook.is_some(), "{order:?}");
        }
        let (shelf, rows, repeated) = load(&[EVENT, EVENT]);
        assert_eq!((rows.len(), repeated, rows[0].via), (1, 1, Via::FILE));
        assert_eq!((shelf.consent(Seq(2)), shelf.consent(Seq(0))), (Ok(None), Ok(None)));
    }

    #[test]
    fn a_file_that_changed_is_not_taken_for_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        std::fs::write(&path, EVENT).unwrap();
        let shelf = Arc::new(Shelf::new(Timestamp::UNIX_EPOCH));
        Loader::new(Arc::clone(&shelf)).load(&[Input::File(path.clone())], |_| Ok(())).unwrap();
        std::fs::write(&path, "{").unwrap();
        assert_eq!(shelf.consent(Seq(1)), Err(CHANGED.to_owned()));
    }
}
