//! The rows of some files, and where each of them lies. An event that several records tell of is one row; records that
//! have one uuid and say something else are rows of their own.

mod loader;

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, RwLock};

use jiff::Timestamp;

use super::record::{self, Found};
use super::session::{Sessions, Trace};
use crate::consent::{Beside, Consent, Doubt, EventKey, Evidence, Kind, Person, Seq, SideEvent, Via, Who};

pub use loader::{Loader, News};

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
    /// Rows that have their uuid in common with a row of other content.
    shared: HashSet<u32>,
    /// Of each row the session and the transaction.
    traces: Vec<Trace>,
    /// Who consented, where that was found out by the session.
    people: HashMap<u32, Person>,
}

/// The most further records that are kept for one row: an event can come from a file, by the hook and by the
/// log. The bound also keeps a file with a million copies of one event from taking quadratic time.
const OTHERS_MAX: usize = 3;

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
            if is_shared {
                consent.doubt = Some(Doubt::SharedId);
            }
            if let (Evidence::Unknown, Some(person)) = (consent.who.evidence, person) {
                consent.who = Who { person, evidence: Evidence::Session };
            }
        }
        Ok(merged)
    }

    /// Returns what the files hold of a row's session and transaction, as far as it is not too much.
    ///
    /// # Errors
    /// A file is not what it was: a sentence.
    pub fn beside(&self, seq: Seq) -> Result<Beside, String> {
        let Some(this) = self.consent(seq)? else { return Ok(Beside::default()) };
        let mut beside = Beside::default();
        let rows = self.read(|inner| {
            let rows = Sessions::around(&inner.traces, Trace::of(&this));
            let length = |row: &u32| inner.places.get(*row as usize).map_or(0, |place| place.length);
            // Records may be whole pages, and somebody waits.
            let mut left = BESIDE_BYTES;
            let fits = |row: &u32| left.checked_sub(length(row)).inspect(|rest| left = *rest).is_some();
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
        let mut found = self.record_at(at)?.consents;
        if index < found.len() { Ok(found.swap_remove(index)) } else { Err(CHANGED.to_owned()) }
    }

    fn record_at(&self, (place, file): (Place, Arc<File>)) -> Result<Found, String> {
        let mut bytes = vec![0; place.length as usize];
        file.read_exact_at(&mut bytes, place.at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => CHANGED.to_owned(),
            _ => format!("The file cannot be read: {error}."),
        })?;
        Ok(record::read(&bytes, self.received))
    }
}

/// Bytes that are read at most for what stands beside a row.
const BESIDE_BYTES: u32 = 8 << 20;

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

/// Returns a number that identifies a row: its uuid, or the first half of its digest, combined with its part.
/// Ignores the time, so that an event whose time is written in two formats is one row.
pub fn hash_of(key: &EventKey) -> u128 {
    half(key.id.as_bytes()) ^ (u128::from(key.part) << 120)
}

/// The first half of a digest, or a whole uuid, as a number.
pub fn half(bytes: &[u8]) -> u128 {
    let mut first = [0; 16];
    let length = bytes.len().min(16);
    first[..length].copy_from_slice(&bytes[..length]);
    u128::from_le_bytes(first)
}

#[cfg(test)]
mod tests;
