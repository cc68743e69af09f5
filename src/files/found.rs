//! The result of reading one record of a file.

use std::collections::BTreeMap;

use super::remark::Remark;
use crate::consent::Consent;

/// The most events of one record, since a place has 16 bits for the index.
pub(super) const EVENTS_MAX: usize = u16::MAX as usize;

/// The result of reading one record.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The consents, in the order of the record.
    pub(super) consents: Vec<Consent>,
    /// Why other events could not be read, one sentence each.
    pub(super) bad: Vec<String>,
    /// Remarks on the readable events, one for each event.
    pub(super) remarks: Vec<Remark>,
    /// The spelling of `eventType` for each consent whose keys were restored, by its index. Stores with the same
    /// spelling leave out the same fields.
    pub(super) spellings: BTreeMap<usize, String>,
}

impl Found {
    /// Returns a result with consents and no remarks.
    pub(super) fn good(consents: Vec<Consent>) -> Self {
        Self { consents, ..Self::default() }
    }

    /// Appends another result.
    pub(super) fn append(&mut self, other: Self) {
        let before = self.consents.len();
        self.consents.extend(other.consents);
        self.bad.extend(other.bad);
        self.remarks.extend(other.remarks);
        self.spellings
            .extend(other.spellings.into_iter().map(|(index, spelling)| (before + index, spelling)));
    }

    /// Drops events beyond [`EVENTS_MAX`] and adds a sentence about it.
    pub(super) fn limit(&mut self) {
        if self.consents.len() > EVENTS_MAX {
            self.consents.truncate(EVENTS_MAX);
            self.bad.push(format!("It holds more than {EVENTS_MAX} events; the rest was left out."));
        }
    }
}
