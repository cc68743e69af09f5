//! What could not be read, kept.

use jiff::Timestamp;

use super::redact;

/// A record that came and could not be read as an event. It never costs its neighbors, and it is never dropped
/// silently.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reject {
    /// When it came.
    pub received: Timestamp,
    /// `poll` or `hook`.
    pub source: &'static str,
    /// Why it could not be read, in words for a person; quotes nothing of the record.
    pub why: String,
    /// The bytes without the secrets that were found in them, cut at [`Reject::BYTES_MAX`].
    pub bytes: Box<[u8]>,
    /// How long the record was before the cut.
    pub length: usize,
}

impl Reject {
    /// At most this much of a record is kept.
    pub const BYTES_MAX: usize = 64 * 1024;

    /// Keeps a record: its secrets are hidden, then it is cut to the bound.
    pub fn new(received: Timestamp, source: &'static str, why: impl Into<String>, record: &[u8]) -> Self {
        // Some more is looked at than is kept, so that a secret is not cut off from its name.
        let near = redact::record(&record[..record.len().min(Self::BYTES_MAX * 2)]);
        let kept = &near[..near.len().min(Self::BYTES_MAX)];
        Self { received, source, why: why.into(), bytes: kept.into(), length: record.len() }
    }
}
