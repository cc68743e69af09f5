//! Values of columns, read and written in the same way by several tables.

use std::io;

use jiff::Timestamp;

use crate::consent::EventId;

/// Converts a number of rows to the integer type of SQLite.
pub(super) fn limit(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Returns the time of a column in milliseconds since 1970. A number out of range becomes 1970.
pub(super) fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or_default()
}

/// Returns the event id stored in a column.
///
/// # Errors
/// The bytes have a wrong length.
pub(super) fn event_id(bytes: &[u8]) -> io::Result<EventId> {
    EventId::from_bytes(bytes)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its id has a wrong length"))
}
