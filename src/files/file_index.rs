//! An index of the rows in some files, with the place of each. Several records of one event are one row. Records with
//! the same uuid and different content are separate rows.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, RwLock};

use jiff::Timestamp;

use super::found::Found;
use super::record;
use super::session::{self, Trace};
use crate::consent::{
    Beside, Consent, Difference, Doubt, EventKey, Evidence, Kind, Person, Seq, SideEvent, Via, Who,
};

/// The place of a consent in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) at: u64,
    pub(super) length: u32,
    pub(super) file: u16,
    /// The index of the consent in its record.
    pub(super) index: u16,
}

impl Place {
    /// Returns the id of its record.
    fn record(&self) -> RecordId {
        (self.file, self.at)
    }
}

/// An index of the rows in some files, which reads each whole consent on demand.
#[derive(Debug, Default)]
pub struct FileIndex {
    inner: RwLock<Inner>,
    pub(super) received: Timestamp,
    /// A cache of the latest records with several events, newest last. A caller that reads one of their events usually
    /// reads the others next.
    pages: Mutex<Vec<(RecordId, Arc<Found>)>>,
}

/// The index of a file, and the byte position at which a record begins.
type RecordId = (u16, u64);

/// The most records in the cache.
const PAGES_MAX: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) files: Vec<Arc<File>>,
    /// The places by row: number `n` is at index `n - 1`.
    pub(super) places: Vec<Place>,
    /// For rows with several records, the places of the further ones, one for each way by which the event came.
    pub(super) others: HashMap<u32, Vec<Place>>,
    /// Rows that share their uuid with a row of different content.
    pub(super) shared: HashSet<u32>,
    /// The session and the transaction of each row.
    pub(super) traces: Vec<Trace>,
    /// The persons that were derived from the session, by row.
    pub(super) people: HashMap<u32, Person>,
    /// Labels of orgs in the files, each with the label that is shown instead.
    pub(super) labels: HashMap<Arc<str>, Arc<str>>,
}

/// The most further records that are kept for one row: an event can come from a file, by the hook and by the log, and
/// one more record may be the first that names the org. The bound also keeps a file with a million copies of one event
/// from taking quadratic time.
pub(super) const OTHERS_MAX: usize = 3;

impl FileIndex {
    /// Creates an empty index. `received` is the time of receipt for rows that do not record their own.
    pub fn new(received: Timestamp) -> Self {
        Self { inner: RwLock::default(), received, pages: Mutex::default() }
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(super) fn write<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.inner.write().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Reads one whole consent from its file. Returns `None` if there is no such row.
    ///
    /// # Errors
    /// Returns a sentence for people if the file has changed or cannot be read.
    pub fn consent(&self, seq: Seq) -> Result<Option<Consent>, String> {
        let Some(row) = seq.0.checked_sub(1).and_then(|row| u32::try_from(row).ok()) else { return Ok(None) };
        let (is_shared, person) =
            self.read(|inner| (inner.shared.contains(&row), inner.people.get(&row).cloned()));
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
        if let Some(consent) = &mut merged {
            if let Some(label) = &mut consent.org
                && let Some(shown) = self.read(|inner| inner.labels.get(label).cloned())
            {
                *label = shown;
            }
            if is_shared {
                consent.doubt = consent.doubt.or(Some(Doubt::SharedId));
            }
            if let (Evidence::Unknown, Some(person)) = (consent.who.evidence, person) {
                consent.who = Who { person, evidence: Evidence::Session };
            }
        }
        Ok(merged)
    }

    /// Returns the other events of a row's session and transaction in the files. Reads at most 8 MiB for that.
    ///
    /// # Errors
    /// Returns a sentence for people if a file has changed or cannot be read.
    pub fn beside(&self, seq: Seq) -> Result<Beside, String> {
        let Some(this) = self.consent(seq)? else { return Ok(Beside::default()) };
        let mut beside = Beside::default();
        let rows = self.read(|inner| {
            let rows = session::around(&inner.traces, Trace::of(&this));
            let place = |row: u32| inner.places.get(row as usize).map(|place| (place.record(), place.length));
            // Records may be whole pages, and the user waits, so the bytes are limited. The row's own record is in the
            // cache, and no record counts twice.
            let own = u32::try_from(seq.0 - 1).ok().and_then(place);
            let mut counted: HashSet<RecordId> = own.into_iter().map(|(record, _)| record).collect();
            let mut left = BESIDE_BYTES;
            let fits = |row: &u32| {
                let Some((record, length)) = place(*row) else { return true };
                !counted.insert(record) || left.checked_sub(length).inspect(|rest| left = *rest).is_some()
            };
            rows.into_iter().take_while(fits).collect::<Vec<_>>()
        });
        for row in rows {
            let other = Seq(i64::from(row) + 1);
            let Some(consent) = self.consent(other)?.filter(|consent| this.is_beside(consent)) else {
                continue;
            };
            if consent.kind == Kind::Other {
                if other != seq {
                    beside.sides.push(SideEvent::from(consent));
                }
            } else {
                beside.consents.push(other);
            }
        }
        beside.sides.sort_by_key(|side| side.published);
        Ok(beside)
    }

    fn consent_at(&self, at: (Place, Arc<File>)) -> Result<Consent, String> {
        let index = usize::from(at.0.index);
        let found = self.record_at(at)?;
        found.consents.get(index).cloned().ok_or_else(|| CHANGED.to_owned())
    }

    /// Returns a record from the cache, or reads it. A record with several events goes into the cache.
    pub(super) fn record_at(&self, (place, file): (Place, Arc<File>)) -> Result<Arc<Found>, String> {
        let pages = || self.pages.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, found)) = pages().iter().find(|(record, _)| *record == place.record()) {
            return Ok(Arc::clone(found));
        }
        let found = Arc::new(self.read_record(place, &file)?);
        if found.consents.len() > 1 {
            let mut pages = pages();
            if pages.len() == PAGES_MAX {
                pages.remove(0);
            }
            pages.push((place.record(), Arc::clone(&found)));
        }
        Ok(found)
    }

    fn read_record(&self, place: Place, file: &File) -> Result<Found, String> {
        let mut bytes = vec![0; place.length as usize];
        file.read_exact_at(&mut bytes, place.at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => CHANGED.to_owned(),
            _ => format!("The file cannot be read: {error}."),
        })?;
        Ok(record::read(&bytes, self.received))
    }
}

/// The most bytes read for the events beside a row.
pub(super) const BESIDE_BYTES: u32 = 8 << 20;

pub(super) const CHANGED: &str = "The file was changed after it was opened. Open it again.";

/// Merges two records of one event. This program's own lines are preferred, since they contain what was found out
/// later. A LogEvent comes next, since it is complete. A hook's record omits null values. If it contradicts or adds to
/// the log's record, it is kept as a copy.
fn merge(one: Consent, other: Consent) -> Consent {
    let worth = |via: Via| if via.has(Via::POLL) { 2 } else { u8::from(via == Via::FILE) };
    let via = one.via.with(other.via);
    let (mut consent, rest) = if worth(other.via) > worth(one.via) { (other, one) } else { (one, other) };
    let is_log = consent.via != Via::HOOK;
    consent.via = via;
    consent.org = consent.org.take().or_else(|| rest.org.clone());
    consent.hook = consent.hook.take().or_else(|| rest.hook.clone());
    if is_log && rest.via == Via::HOOK && consent.hook_copy.is_none() {
        consent.hook_copy = Some(Box::new(rest));
        let found = consent.differences();
        if found.is_empty() {
            consent.hook_copy = None;
        } else if found.iter().any(|(_, difference)| *difference == Difference::Contradicts) {
            consent.doubt = Some(Doubt::Altered);
        }
    }
    consent
}

/// Returns a number that identifies a row within its org: its uuid, or the first half of its digest, combined with its
/// part. Ignores the time, so that an event whose time is written in two formats is one row.
pub fn hash_of(key: &EventKey) -> u128 {
    half(key.id.as_bytes()) ^ (u128::from(key.part) << 120)
}

/// Returns the first half of a digest, or a whole uuid, as a number.
pub fn half(bytes: &[u8]) -> u128 {
    let mut first = [0; 16];
    let length = bytes.len().min(16);
    first[..length].copy_from_slice(&bytes[..length]);
    u128::from_le_bytes(first)
}
