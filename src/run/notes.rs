//! Stores marks, notes, filters and the screen's position. The screen knows rows by number, the store by the event's
//! own key.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use jiff::Timestamp;

use crate::consent::{self, EventKey, OrgId, Orgs, Seq, Stored};
use crate::journal::{Notes, NotesError, ReadError, Reader};
use crate::model::{ARRANGED, Mark, Marks, Model, Msg, Notice};
use crate::report::{Fault, Part};

/// The position and layout of a screen, as names and values.
pub type Place = Vec<(&'static str, String)>;

/// Stores what a user leaves behind: marks, filters and the screen's position. Each call may wait for a disk.
pub trait NoteStore: Send {
    /// Marks a row with a note, or removes its mark if `note` is `None`. Returns a message with the row's new mark, or
    /// with the reason for a failure.
    fn mark(&mut self, seq: Seq, note: Option<String>, now: Timestamp) -> Msg;

    /// Stores a filter in the history of used filters. Returns a message if that fails, or `None`. Without a store,
    /// only this screen remembers the filter.
    fn remember(&mut self, query: &str) -> Option<Msg>;

    /// Stores the position and layout of the screen.
    fn keep_place(&mut self, place: Place);

    /// Returns all marks if another process changed the store, else `None`.
    fn look(&mut self) -> Option<Msg>;

    /// Returns all marks, each with the number of its row.
    fn marks(&mut self) -> Option<Msg>;

    /// Returns the times in milliseconds of marked events that the journal does not hold. They may still come.
    fn missing(&self) -> HashSet<i64>;
}

/// The store beside one journal. The screen knows rows by number, and the disk has them by the event's own key.
#[derive(Debug)]
pub struct KeptNotes {
    store: Result<Open, Box<Fault>>,
    /// Whether nothing is stored on purpose, because the rows come from files.
    is_fleeting: bool,
    /// Marks on events that the journal does not hold, by the event's time in milliseconds. The events may still come.
    missing: HashMap<i64, Vec<consent::Marked>>,
}

#[derive(Debug)]
struct Open {
    notes: Notes,
    reader: Reader,
}

impl KeptNotes {
    /// Opens the notes beside a journal. If that fails, [`begin`](Self::begin) shows the fault, and the screen works
    /// without notes.
    pub fn open(dir: &Path) -> Self {
        let store = Notes::open(dir).map_err(|error| Box::new(error.fault())).and_then(|notes| {
            let reader = Reader::open(dir).map_err(|error| Box::new(error.fault()))?;
            Ok(Open { notes, reader })
        });
        Self { store, is_fleeting: false, missing: HashMap::new() }
    }

    /// Returns a store for rows of files, whose marks and filters last only as long as the screen.
    pub fn fleeting() -> Self {
        let fault = Fault::new(Part::Journal, "no journal", "Nothing is kept beside files.", "", "");
        Self { store: Err(Box::new(fault)), is_fleeting: true, missing: HashMap::new() }
    }

    /// Restores marks, used filters and the screen's position. With `fresh`, only the layout of the position is
    /// restored.
    pub fn begin(&mut self, model: &mut Model, fresh: bool, msgs: &mut Vec<Msg>) {
        match &self.store {
            Ok(store) => {
                match store.notes.filters() {
                    Ok(filters) => model.workspace.history = filters,
                    Err(error) => msgs.push(failed(&error)),
                }
                match store.notes.place() {
                    Ok(mut place) => {
                        if fresh {
                            place.retain(|(name, _)| ARRANGED.contains(&name.as_str()));
                        }
                        store.find_row(&mut place);
                        msgs.push(Msg::Place(place));
                    }
                    Err(error) => msgs.push(failed(&error)),
                }
                msgs.extend(self.marks());
            }
            Err(_) if self.is_fleeting => {}
            Err(fault) => {
                tracing::warn!(fault = %fault, chain = ?fault.chain, "Marks and notes cannot be used.");
                model.workspace.fault = Some(fault.to_string());
                msgs.push(Msg::Notice(Notice::bad(fault.to_string())));
            }
        }
    }
}

impl NoteStore for KeptNotes {
    fn mark(&mut self, seq: Seq, note: Option<String>, now: Timestamp) -> Msg {
        let store = match &mut self.store {
            Ok(store) => store,
            Err(_) if self.is_fleeting => {
                return Msg::Marked(seq, note.map(|note| Mark { at: now, note: note.into() }));
            }
            Err(fault) => return Msg::Notice(Notice::bad(fault.to_string())),
        };
        let (org, key) = match store.reader.key_of(seq) {
            Ok(Some((org, key))) => match store.org_key(org) {
                Ok(org) => (org, key),
                Err(error) => return unread(&error),
            },
            Ok(None) => return Msg::Notice(Notice::bad("This consent is no longer in the journal.")),
            Err(error) => return Msg::Notice(Notice::bad(error.fault().to_string())),
        };
        let kept = match &note {
            Some(note) => store.notes.put(&consent::Marked { org, key, at: now, note: note.as_str().into() }),
            None => store.notes.remove(&org, &key),
        };
        match kept {
            Ok(()) => Msg::Marked(seq, note.map(|note| Mark { at: now, note: note.into() })),
            Err(error) => failed(&error),
        }
    }

    fn remember(&mut self, query: &str) -> Option<Msg> {
        let store = self.store.as_mut().ok()?;
        store.notes.remember(query).err().map(|error| failed(&error))
    }

    fn keep_place(&mut self, mut place: Place) {
        let Ok(store) = &mut self.store else { return };
        store.name_row(&mut place);
        if let Err(error) = store.notes.keep_place(&place) {
            tracing::warn!(%error, "The place was not kept.");
        }
    }

    fn look(&mut self) -> Option<Msg> {
        let store = self.store.as_mut().ok()?;
        match store.notes.is_moved() {
            Ok(false) => None,
            Ok(true) => self.marks(),
            Err(error) => Some(failed(&error)),
        }
    }

    fn marks(&mut self) -> Option<Msg> {
        let store = self.store.as_ref().ok()?;
        let marks = match store.notes.marks() {
            Ok(marks) => marks,
            Err(error) => return Some(failed(&error)),
        };
        self.missing.clear();
        let mut found = Vec::new();
        let orgs = match store.reader.orgs() {
            Ok(orgs) => orgs,
            Err(error) => return Some(unread(&error)),
        };
        for marked in marks {
            let org = orgs.iter().find(|(_, org)| org.key == marked.org).map(|(id, _)| id);
            match org.map_or(Ok(None), |org| store.reader.seq_of(org, &marked.key)) {
                Ok(Some(seq)) => found.push((seq, Mark { at: marked.at, note: marked.note })),
                Ok(None) => self.missing.entry(marked.key.published_ms).or_default().push(marked),
                Err(error) => return Some(unread(&error)),
            }
        }
        let missing = self.missing.values().map(Vec::len).sum();
        Some(Msg::Marks(Box::new(Marks::new(found, missing))))
    }

    fn missing(&self) -> HashSet<i64> {
        self.missing.keys().copied().collect()
    }
}

/// The name of the place's entry for the current row. On the screen its value is the row's number and time. On disk it
/// is the event's key and the key of its org, which stay the same in a journal that was created anew.
const ROW: &str = "row";

impl Open {
    fn name_row(&self, place: &mut [(&'static str, String)]) {
        let Some((_, row)) = place.iter_mut().find(|(name, _)| *name == ROW) else { return };
        let seq = row.split_once(' ').and_then(|(seq, _)| seq.parse().ok());
        let found = seq.and_then(|seq| self.reader.key_of(Seq(seq)).ok().flatten());
        let word =
            |(org, key): (OrgId, EventKey)| Some(format!("{}/{}", key.to_word(), self.org_key(org).ok()?));
        *row = found.and_then(word).unwrap_or_default();
    }

    /// Returns the key of an org, or an empty text if the journal does not know it.
    fn org_key(&self, org: OrgId) -> Result<Box<str>, ReadError> {
        Ok(self.reader.orgs()?.get(org).map(|org| org.key.clone()).unwrap_or_default())
    }

    /// Replaces the event key in a place with the row's number and time. If the journal does not hold the event, the
    /// number is 0, and only the time gives the position.
    fn find_row(&self, place: &mut [(String, String)]) {
        let Some((_, row)) = place.iter_mut().find(|(name, _)| *name == ROW) else { return };
        let (word, org) = split_place(row);
        let Some(key) = EventKey::from_word(word) else { return row.clear() };
        let orgs = self.reader.orgs().unwrap_or_default();
        // A version that knew one org stored none.
        let of = org.map_or(Some(OrgId::default()), |key| {
            orgs.iter().find(|(_, known)| &*known.key == key).map(|(id, _)| id)
        });
        let seq = of.and_then(|org| self.reader.seq_of(org, &key).ok().flatten()).unwrap_or_default();
        *row = format!("{} {}", seq.0, key.published_ms);
    }
}

/// Splits the stored form of a row into the key of the event and that of its org.
fn split_place(row: &str) -> (&str, Option<&str>) {
    let third = row.match_indices('/').nth(2).and_then(|(at, _)| row.split_at_checked(at));
    third.map_or((row, None), |(word, org)| (word, org.strip_prefix('/')))
}

fn failed(error: &NotesError) -> Msg {
    let fault = error.fault();
    tracing::warn!(fault = %fault, chain = ?fault.chain, "Marks and notes were not kept.");
    Msg::Notice(Notice::bad(fault.to_string()))
}

fn unread(error: &ReadError) -> Msg {
    Msg::Notice(Notice::bad(error.fault().to_string()))
}

/// The marked events and their notes, for commands without a screen.
#[derive(Debug, Default)]
pub struct MarkedEvents {
    notes: Option<Notes>,
    /// By the key of the org and that of the event.
    by_key: HashMap<(Box<str>, EventKey), Box<str>>,
}

impl MarkedEvents {
    /// Reads the marks beside a journal.
    ///
    /// # Errors
    /// Returns a sentence for stderr if the notes exist but cannot be read.
    pub fn beside(dir: &Path) -> Result<Self, String> {
        let fail = |error: NotesError| {
            let fault = error.fault();
            format!("{} Nothing was started. {}", fault.what, fault.remedy)
        };
        let notes = Notes::look(dir).map_err(fail)?;
        let mut marked = Self { notes, by_key: HashMap::new() };
        marked.read().map_err(fail)?;
        Ok(marked)
    }

    /// Reads the marks again if another process changed them. If that fails, logs a warning and keeps the old marks.
    pub fn refresh(&mut self) {
        let Some(notes) = &mut self.notes else { return };
        let read = notes.is_moved().and_then(|is_moved| if is_moved { self.read() } else { Ok(()) });
        if let Err(error) = read {
            tracing::warn!(%error, "Marks were not read again.");
        }
    }

    fn read(&mut self) -> Result<(), NotesError> {
        let marks = self.notes.as_ref().map_or(Ok(Vec::new()), Notes::marks)?;
        self.by_key = marks.into_iter().map(|marked| ((marked.org, marked.key), marked.note)).collect();
        Ok(())
    }

    /// Returns the note of an event's mark, or `None` if it is not marked. `orgs` are those of the journal.
    pub fn note(&self, orgs: &Orgs, stored: &Stored) -> Option<&str> {
        if self.by_key.is_empty() {
            return None;
        }
        let org = orgs.get(stored.org).map(|org| org.key.clone()).unwrap_or_default();
        self.by_key.get(&(org, stored.key)).map(|note| &**note)
    }
}
