//! What a record of a file holds.

use std::collections::BTreeMap;

use super::remark::Remark;
use crate::consent::Consent;

/// A place of a row counts the events of a record in 16 bits.
pub(super) const EVENTS_MAX: usize = u16::MAX as usize;

/// What a record held.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The consents, in its order.
    pub(super) consents: Vec<Consent>,
    /// Why others could not be read, a sentence each.
    pub(super) bad: Vec<String>,
    /// What is to be said of those that could, one for each event.
    pub(super) remarks: Vec<Remark>,
    /// Of each consent whose keys were put back, by its place among the consents, how `eventType` was spelled: stores
    /// spell in one way and leave out the same.
    pub(super) spellings: BTreeMap<usize, String>,
}

impl Found {
    /// Consents without anything to say of them.
    pub(super) fn good(consents: Vec<Consent>) -> Self {
        Self { consents, ..Self::default() }
    }

    /// Puts what another holds behind it.
    pub(super) fn append(&mut self, other: Self) {
        let before = self.consents.len();
        self.consents.extend(other.consents);
        self.bad.extend(other.bad);
        self.remarks.extend(other.remarks);
        self.spellings
            .extend(other.spellings.into_iter().map(|(index, spelling)| (before + index, spelling)));
    }

    /// Drops the events that have no place, and says so.
    pub(super) fn limit(&mut self) {
        if self.consents.len() > EVENTS_MAX {
            self.consents.truncate(EVENTS_MAX);
            self.bad.push(format!("It holds more than {EVENTS_MAX} events; the rest of them was left out."));
        }
    }
}
