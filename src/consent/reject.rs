//! Unreadable records, which are stored.

use jiff::Timestamp;

use super::redact;

/// A received record that could not be parsed as an event. It does not affect other records, and it is never dropped
/// silently.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reject {
    /// When it came.
    pub received: Timestamp,
    /// `poll` or `hook`.
    pub source: &'static str,
    /// Why it could not be parsed, for people. It quotes nothing of the record.
    pub why: String,
    /// Its bytes with secrets hidden, truncated to [`Reject::BYTES_MAX`].
    pub bytes: Box<[u8]>,
    /// The length of the record in bytes before truncation.
    pub length: usize,
}

impl Reject {
    /// The most bytes stored of a record.
    pub const BYTES_MAX: usize = 64 * 1024;

    /// Creates a reject from a record: hides its secrets, then truncates it.
    pub fn new(received: Timestamp, source: &'static str, why: impl Into<String>, record: &[u8]) -> Self {
        // More is searched than is stored, so that a secret is not separated from its name.
        let near = redact::record(&record[..record.len().min(Self::BYTES_MAX * 2)]);
        let kept = &near[..near.len().min(Self::BYTES_MAX)];
        Self { received, source, why: why.into(), bytes: kept.into(), length: record.len() }
    }
}
