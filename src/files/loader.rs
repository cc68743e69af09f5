//! Reads files and fills a file index.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::cut::Span;
use super::file_index::{FileIndex, OTHERS_MAX, Place, half, hash_of};
use super::file_orgs::{FileOrgs, NamedOrg};
use super::found::Found;
use super::head::SnapshotHead;
use super::input::{Again, FileInput};
use super::read::{Item, Stop, read};
use super::session::{self, Trace};
use crate::consent::{Consent, Doubt, Evidence, GrantMarks, Kind, Orgs, Row, RowPage, Seq, Sym, Symbol, Via};

/// News about the files while they are loaded.
#[derive(Debug)]
pub enum LoadNews {
    /// The head of a snapshot.
    Head(Box<SnapshotHead>),
    /// The orgs of the rows, by number. Comes before the rows of a new org.
    Orgs(Orgs),
    /// New rows.
    Rows {
        /// The rows, in the order of the files.
        page: RowPage,
        /// The percentage of all files that is read, if it is known.
        percent: Option<u8>,
    },
    /// Rows that changed because of a further record.
    Changed(RowPage),
    /// An error in a file, as a sentence. Records that could be read are there.
    Trouble(String),
    /// A remark on a file whose format differs from what Okta or this program writes, as a sentence.
    Note(String),
    /// All files are read.
    Done {
        /// How many records repeat an event.
        repeated: u64,
        /// How many rows share their uuid with a row of different content.
        shared: u64,
    },
}

/// What is kept of some consents while files are read. It has few allocations, so that it is cheap to pass between
/// threads.
#[derive(Default)]
struct Kept {
    lines: Vec<Line>,
    /// The concatenated column texts of all lines.
    texts: String,
    grants: GrantMarks,
    /// The labels of orgs. Lines that follow each other share one.
    orgs: Vec<Arc<str>>,
}

/// What is kept of one consent.
struct Line {
    /// The number that identifies the event within its org, from [`hash_of`].
    key: u128,
    /// The place of its org's label in [`Kept::orgs`], plus 1, or 0 if it names no org.
    org: u32,
    row: Row,
    /// Where its texts begin in [`Kept::texts`].
    start: usize,
    /// For each text, its end relative to `start`, and its hashes. A record is far smaller than 4 GiB.
    ends: [(u32, Hashes); 6],
    /// The hash of the raw event.
    content: u64,
    trace: Trace,
}

/// A line with its texts and marks.
#[derive(Clone, Copy)]
struct Whole<'a> {
    line: &'a Line,
    /// The texts of all lines.
    texts: &'a str,
    /// The marks of the line's scope grants.
    marks: &'a [u32],
    /// The label of the line's org.
    label: Option<&'a Arc<str>>,
}

/// Two hashes of a text, with random keys. Together they have enough bits that no two texts collide by
/// chance. The first is SipHash, so that nobody can construct a collision.
type Hashes = (u64, u64);

#[derive(Clone, Debug, Default)]
struct Hashers(RandomState, DefaultHashBuilder);

impl Kept {
    fn add(&mut self, consent: &Consent, Hashers(slow, quick): &Hashers) {
        let Self { lines, texts, grants, orgs } = self;
        if let Some(label) = consent.org.as_ref().filter(|label| orgs.last() != Some(*label)) {
            orgs.push(Arc::clone(label));
        }
        let start = texts.len();
        let ends = consent.symbol_fields(|fields| {
            let before = texts.len();
            Symbol::join(fields, texts);
            let text = texts.get(before..).unwrap_or_default();
            let hashes = if text.is_empty() { (0, 0) } else { (slow.hash_one(text), quick.hash_one(text)) };
            ((texts.len() - start) as u32, hashes)
        });
        grants.push(consent.grant_marks());
        lines.push(Line {
            key: hash_of(&consent.key),
            org: consent.org.as_ref().map_or(0, |_| orgs.len() as u32),
            row: consent.row_without_texts(Seq(0)),
            start,
            ends,
            content: quick.hash_one(&*consent.raw),
            trace: Trace::of(consent),
        });
    }

    fn iter(&self) -> impl Iterator<Item = Whole<'_>> {
        let Self { lines, texts, grants, orgs } = self;
        lines.iter().enumerate().map(|(index, line)| {
            let label = (line.org as usize).checked_sub(1).and_then(|index| orgs.get(index));
            Whole { line, texts, marks: grants.of(index), label }
        })
    }
}

/// Reads files and fills a file index.
#[derive(Debug)]
pub struct Loader {
    file_index: Arc<FileIndex>,
    /// How many files were opened.
    files: u16,
    /// The numbers that identify events, by row. That of an event whose uuid came before in another org includes the
    /// org.
    keys: Vec<u128>,
    /// The orgs that the records name.
    orgs: FileOrgs,
    /// The org of each row, as far as its records name it.
    org_of: Vec<NamedOrg>,
    /// How many rows were there when a second org was named. Those among them that name none were told as rows of the
    /// first.
    before_second: usize,
    of_key: HashTable<u32>,
    vias: Vec<Via>,
    /// The hashes of the first record of each row. Records with equal hashes are not compared further.
    contents: Vec<u64>,
    /// The symbol numbers of texts, by their hashes.
    numbers: HashTable<(Hashes, u32)>,
    hashers: Hashers,
    changed: RowPage,
    repeated: u64,
    /// Rows that name no person, but name a session or a transaction.
    nameless: Vec<u32>,
}

/// How many rows that changed at the end are reported at a time.
const AT_A_TIME: usize = 1000;

/// How many rows of other orgs are read for one record without an org.
const COMPARED_MAX: usize = 4;

/// Hashes a key for the table. Uuids from about the same time differ in few bits.
fn spread(key: u128) -> u64 {
    (key as u64 ^ (key >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
}

impl Found {
    /// Returns an event with its way and spelling. An event with restored keys lacks what its store did not keep, so it
    /// is compared only with events of the same spelling.
    fn comparable(&self, index: u16) -> Option<(&Consent, (Via, Option<&str>))> {
        let index = usize::from(index);
        let consent = self.consents.get(index)?;
        Some((consent, (consent.via, self.spellings.get(&index).map(String::as_str))))
    }
}

impl Loader {
    /// Creates a loader for an empty index.
    pub fn new(file_index: Arc<FileIndex>) -> Self {
        Self {
            file_index,
            files: 0,
            keys: Vec::new(),
            orgs: FileOrgs::default(),
            org_of: Vec::new(),
            before_second: 0,
            of_key: HashTable::new(),
            vias: Vec::new(),
            contents: Vec::new(),
            numbers: HashTable::new(),
            hashers: Hashers::default(),
            changed: RowPage::default(),
            repeated: 0,
            nameless: Vec::new(),
        }
    }

    /// Reads all inputs and passes news about them to `tell`.
    ///
    /// # Errors
    /// Returns [`Stop`] if `tell` did.
    pub fn load(
        mut self,
        inputs: &[FileInput],
        mut tell: impl FnMut(LoadNews) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let received = self.file_index.received;
        let hashers = self.hashers.clone();
        read(
            inputs,
            Again::Yes,
            received,
            move |consent, kept: &mut Kept| kept.add(&consent, &hashers),
            |item| match item {
                Item::Begun { file, head } => {
                    self.file_index.write(|inner| inner.files.push(Arc::new(file)));
                    self.files += 1;
                    let Some(head) = head else { return Ok(()) };
                    self.orgs.put_hosts(head.orgs.iter().map(|about| &about.org));
                    self.tell_orgs(&mut tell)?;
                    tell(LoadNews::Head(head))
                }
                Item::Records { records, made, percent } => {
                    let page = self.take(&records, &made);
                    self.tell_orgs(&mut tell)?;
                    if !page.rows.is_empty() || percent.is_some() {
                        tell(LoadNews::Rows { page, percent })?;
                    }
                    self.tell_changed(&mut tell)
                }
                Item::Trouble(words) => tell(LoadNews::Trouble(words)),
                Item::Note(words) => tell(LoadNews::Note(words)),
            },
        )?;
        self.attribute(&mut tell)?;
        self.part_unknown(&mut tell)?;
        let shared = self.file_index.read(|inner| inner.shared.len()) as u64;
        tell(LoadNews::Done { repeated: self.repeated, shared })
    }

    /// Finds the persons of nameless rows by their sessions, and tells the rows that this changes.
    fn attribute(&mut self, tell: &mut impl FnMut(LoadNews) -> Result<(), Stop>) -> Result<(), Stop> {
        let file_index = Arc::clone(&self.file_index);
        let read = |row: u32| file_index.consent(Seq(i64::from(row) + 1)).ok().flatten();
        // A copy, so that the index is not locked meanwhile.
        let traces = file_index.read(|inner| inner.traces.clone());
        let found = session::people(&traces, &self.nameless, read);
        file_index.write(|inner| inner.people.extend(found.iter().cloned()));
        let rows: Vec<u32> = found.into_iter().map(|(row, _)| row).collect();
        self.tell_all_again(&rows, tell)
    }

    /// Tells the rows that name no org, and were told as rows of the first one before another was named.
    fn part_unknown(&mut self, tell: &mut impl FnMut(LoadNews) -> Result<(), Stop>) -> Result<(), Stop> {
        let is_unknown = |row: &u32| self.org_of[*row as usize] == NamedOrg::UNKNOWN;
        let rows: Vec<u32> = (0..self.before_second as u32).filter(is_unknown).collect();
        self.tell_all_again(&rows, tell)
    }

    /// Reads rows again, and tells them a page at a time.
    fn tell_all_again(
        &mut self,
        rows: &[u32],
        tell: &mut impl FnMut(LoadNews) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        rows.chunks(AT_A_TIME).try_for_each(|rows| {
            for row in rows {
                self.tell_again(*row);
            }
            self.tell_changed(tell)
        })
    }

    /// Tells the changed rows, after the orgs if these changed.
    fn tell_changed(&mut self, tell: &mut impl FnMut(LoadNews) -> Result<(), Stop>) -> Result<(), Stop> {
        self.tell_orgs(tell)?;
        let changed = std::mem::take(&mut self.changed);
        if changed.rows.is_empty() { Ok(()) } else { tell(LoadNews::Changed(changed)) }
    }

    /// Tells the orgs if they changed.
    fn tell_orgs(&mut self, tell: &mut impl FnMut(LoadNews) -> Result<(), Stop>) -> Result<(), Stop> {
        let Some(orgs) = self.orgs.news() else { return Ok(()) };
        self.file_index.write(|inner| inner.labels.clone_from(self.orgs.other_labels()));
        tell(LoadNews::Orgs(orgs))
    }

    fn take(&mut self, records: &[(Span, usize)], kept: &Kept) -> RowPage {
        let mut page = RowPage::default();
        let file = self.files - 1;
        let mut lines = kept.iter();
        for (span, count) in records {
            for (index, whole) in lines.by_ref().take(*count).enumerate() {
                // A record has at most 65,535 events.
                let Ok(index) = u16::try_from(index) else { continue };
                let place = Place { at: span.at, length: span.length, file, index };
                self.line(whole, place, &mut page);
            }
        }
        page
    }

    fn line(&mut self, whole: Whole<'_>, place: Place, page: &mut RowPage) {
        let line = whole.line;
        let was_several = self.orgs.is_several();
        let org = self.orgs.named(whole.label);
        if self.orgs.is_several() && !was_several {
            self.before_second = self.keys.len();
        }
        let Some(mut row) = self.row_of(line.key, org) else {
            let is_taken = self.find(line.key).is_some();
            let key = if is_taken { self.orgs.key(line.key, org) } else { line.key };
            self.insert((key, org, line.row), whole, place, page);
            return;
        };
        if self.is_other(row, line, place) {
            let Some(same) = self.same_elsewhere(line, org, place) else {
                return self.shared(row, (org, whole), place, page);
            };
            row = same;
        }
        self.repeated += 1;
        self.again(row, (line.row.via, org), place);
    }

    /// Returns the row of an event: the first with its key, unless that is of another org.
    fn row_of(&self, key: u128, org: NamedOrg) -> Option<u32> {
        let first = self.find(key)?;
        let is_of_it = self.org_of[first as usize].agrees_with(org);
        if is_of_it { Some(first) } else { self.find(self.orgs.key(key, org)) }
    }

    /// Returns the row of another org that a record without an org repeats. Prefers one whose first record is the same
    /// text. Of the others, only [`COMPARED_MAX`] are read and compared, because a file can have the same uuid in many
    /// orgs and any number of records without an org.
    fn same_elsewhere(&mut self, line: &Line, org: NamedOrg, place: Place) -> Option<u32> {
        if org != NamedOrg::UNKNOWN || !self.orgs.is_several() {
            return None;
        }
        let rows: Vec<u32> = self.orgs.keys(line.key).filter_map(|key| self.find(key)).collect();
        let same = rows.iter().copied().find(|row| self.contents[*row as usize] == line.content);
        same.or_else(|| rows.into_iter().take(COMPARED_MAX).find(|row| !self.is_other(*row, line, place)))
    }

    /// Returns whether a record differs from the records of a row with the same uuid that came the same way.
    fn is_other(&mut self, row: u32, line: &Line, place: Place) -> bool {
        if self.contents[row as usize] == line.content || self.places_of(row).contains(&place) {
            return false;
        }
        // A record that cannot be read again is not compared.
        let Some(other) = self.record(place) else { return false };
        let Some((other, way)) = other.comparable(place.index) else { return false };
        let same_way: Vec<_> = self
            .places_of(row)
            .into_iter()
            .filter_map(|place| Some((self.record(place)?, place.index)))
            .collect();
        let mut same_way = same_way
            .iter()
            .filter_map(|(record, index)| record.comparable(*index))
            .filter(|(_, its_way)| *its_way == way)
            .map(|(one, _)| one);
        let first = same_way.next();
        first.is_some_and(|first| !first.says_what(other) && !same_way.any(|one| one.says_what(other)))
    }

    fn places_of(&self, row: u32) -> Vec<Place> {
        self.file_index.read(|inner| {
            let others = inner.others.get(&row).into_iter().flatten();
            inner.places.get(row as usize).into_iter().chain(others).copied().collect()
        })
    }

    /// Reads a record again.
    fn record(&self, place: Place) -> Option<Arc<Found>> {
        let file = self.file_index.read(|inner| inner.files.get(usize::from(place.file)).cloned())?;
        self.file_index.record_at((place, file)).ok()
    }

    /// Adds a record as a new row beside a row with the same uuid, and marks both.
    fn shared(&mut self, row: u32, (org, whole): (NamedOrg, Whole<'_>), place: Place, page: &mut RowPage) {
        let digest = self
            .record(place)
            .and_then(|found| Some(found.consents.get(usize::from(place.index))?.content_digest()));
        let Some(digest) = digest else { return };
        let line = whole.line;
        let key = half(&digest) ^ self.keys[row as usize];
        if self.find(key).is_some() {
            // The same different content came before.
            self.repeated += 1;
            return;
        }
        let marked = Row { doubt: line.row.doubt.or(Some(Doubt::SharedId)), ..line.row };
        let Some(number) = self.insert((key, org, marked), whole, place, page) else { return };
        let is_first = self.file_index.write(|inner| {
            inner.shared.insert(number);
            inner.shared.insert(row)
        });
        if is_first {
            self.tell_again(row);
        }
    }

    fn find(&self, key: u128) -> Option<u32> {
        self.of_key.find(spread(key), |row| self.keys[*row as usize] == key).copied()
    }

    /// Adds a row, and returns its index. `key` and `row` may differ from those of the line.
    fn insert(
        &mut self,
        (key, org, row): (u128, NamedOrg, Row),
        whole: Whole<'_>,
        place: Place,
        page: &mut RowPage,
    ) -> Option<u32> {
        let Ok(number) = u32::try_from(self.keys.len()) else { return None };
        let line = whole.line;
        self.keys.push(key);
        self.org_of.push(org);
        self.vias.push(row.via);
        self.contents.push(line.content);
        let keys = &self.keys;
        self.of_key.insert_unique(spread(key), number, |row| spread(keys[*row as usize]));
        self.file_index.write(|inner| {
            inner.places.push(place);
            inner.traces.push(line.trace);
        });
        if row.evidence == Evidence::Unknown && row.kind != Kind::Other && line.trace.is_some() {
            self.nameless.push(number);
        }
        let row = Row { seq: Seq(i64::from(number) + 1), org: self.orgs.id(org), ..row };
        self.put(row, whole, page);
        Some(number)
    }

    /// Adds a further record to a row. A record that came the same way adds nothing, unless it is the first that names
    /// the org.
    fn again(&mut self, row: u32, (via, org): (Via, NamedOrg), place: Place) {
        let before = self.vias[row as usize];
        let both = before.with(via);
        // A plain LogEvent in a file sets no way, so it is added explicitly if the row came by the hook.
        let names_org = self.org_of[row as usize] == NamedOrg::UNKNOWN && org != NamedOrg::UNKNOWN;
        if both == before && !(before == Via::HOOK && via == Via::FILE) && !names_org {
            return;
        }
        self.vias[row as usize] = both;
        let is_full = self.file_index.write(|inner| {
            let others = inner.others.entry(row).or_default();
            let is_full = others.len() == OTHERS_MAX;
            others.extend((!is_full).then_some(place));
            is_full
        });
        if !is_full {
            if names_org {
                self.org_of[row as usize] = org;
            }
            self.tell_again(row);
        }
    }

    /// Reads a row again and adds it to the changed rows.
    fn tell_again(&mut self, row: u32) {
        let seq = Seq(i64::from(row) + 1);
        // A row that cannot be read again stays as it was.
        let Ok(Some(consent)) = self.file_index.consent(seq) else { return };
        let mut kept = Kept::default();
        kept.add(&consent, &self.hashers);
        // Changes are reported after the new rows of the same page, since the row may be one of these.
        let mut changed = std::mem::take(&mut self.changed);
        for whole in kept.iter() {
            let org = self.orgs.id(self.org_of[row as usize]);
            self.put(Row { seq, org, ..whole.line.row }, whole, &mut changed);
        }
        self.changed = changed;
    }

    /// Adds a row to a page, with its marks and with new texts.
    fn put(&mut self, row: Row, whole: Whole<'_>, page: &mut RowPage) {
        let row = self.numbered(row, whole, &mut page.symbols);
        page.rows.push(row);
        page.grants.push(whole.marks.iter().copied());
    }

    /// Sets the symbol numbers of a row's texts, and adds new texts to `new`.
    fn numbered(
        &mut self,
        mut row: Row,
        Whole { line, texts, .. }: Whole<'_>,
        new: &mut Vec<(Sym, Symbol)>,
    ) -> Row {
        let slots =
            [&mut row.who, &mut row.actor, &mut row.client, &mut row.server, &mut row.scopes, &mut row.from];
        let mut start = line.start;
        for (slot, (end, hashes)) in slots.into_iter().zip(line.ends) {
            let end = line.start + end as usize;
            let text = std::mem::replace(&mut start, end)..end;
            if text.is_empty() {
                continue;
            }
            // This is SipHash with a random key, so it needs no further hashing and collisions cannot be provoked.
            let hash = |(slow, _): &Hashes| *slow;
            let known = self.numbers.find(hash(&hashes), |(other, _)| *other == hashes);
            *slot = Sym(known.map_or(self.numbers.len() as u32 + 1, |(_, number)| *number));
            if known.is_none() {
                self.numbers.insert_unique(hash(&hashes), (hashes, slot.0), |(hashes, _)| hash(hashes));
                new.push((*slot, Symbol::joined(texts.get(text).unwrap_or_default())));
            }
        }
        row
    }
}

#[cfg(test)]
mod tests;
