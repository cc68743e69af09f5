//! The passes that search a record that could not be parsed as an event.

use super::edit::Edit;
use super::{encoding, loose, text, walk};

/// Searches a record as JSON, as far as it is JSON.
pub(super) fn as_json(record: &[u8], edits: &mut Vec<Edit>) {
    if matches!(record.trim_ascii_start().first(), Some(b'{' | b'[' | b'"')) {
        walk::json(record, 0, text::value, edits);
    }
}

/// Searches for names of secrets followed by a value, and for URLs.
pub(super) fn plain(record: &[u8], edits: &mut Vec<Edit>) {
    loose::anywhere(record, edits);
    text::words(record, 0, edits);
}

/// Does the same as [`plain`] after decoding JSON escapes.
pub(super) fn unescaped(record: &[u8], edits: &mut Vec<Edit>) {
    if let Some(decoded) = encoding::unescaped(record) {
        let mut inner = Vec::new();
        plain(&decoded.bytes, &mut inner);
        decoded.carry(inner, 0, encoding::escaped, edits);
    }
}

/// Does the same as [`plain`] after decoding percent-encoding, and JSON escapes inside it.
pub(super) fn decoded(record: &[u8], edits: &mut Vec<Edit>) {
    if let Some(decoded) = encoding::percent_decoded(record, false) {
        let mut inner = Vec::new();
        plain(&decoded.bytes, &mut inner);
        unescaped(&decoded.bytes, &mut inner);
        decoded.carry(inner, 0, encoding::percent_encoded, edits);
    }
}
