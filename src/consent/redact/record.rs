//! Ways of looking at a record that could not be read as an event.

use super::edit::Edit;
use super::{encoding, loose, text, walk};

/// Reads a record as JSON, as far as it is.
pub(super) fn as_json(record: &[u8], edits: &mut Vec<Edit>) {
    if matches!(record.trim_ascii_start().first(), Some(b'{' | b'[' | b'"')) {
        walk::json(record, 0, text::value, edits);
    }
}

/// Looks for names of secrets with something behind them, and for URLs.
pub(super) fn plain(record: &[u8], edits: &mut Vec<Edit>) {
    loose::anywhere(record, edits);
    text::words(record, 0, edits);
}

/// The same behind escapes.
pub(super) fn unescaped(record: &[u8], edits: &mut Vec<Edit>) {
    if let Some(decoded) = encoding::unescaped(record) {
        let mut inner = Vec::new();
        plain(&decoded.bytes, &mut inner);
        decoded.carry(inner, 0, encoding::escaped, edits);
    }
}

/// The same behind percent-encoding, and behind escapes inside of that.
pub(super) fn decoded(record: &[u8], edits: &mut Vec<Edit>) {
    if let Some(decoded) = encoding::percent_decoded(record, false) {
        let mut inner = Vec::new();
        plain(&decoded.bytes, &mut inner);
        unescaped(&decoded.bytes, &mut inner);
        decoded.carry(inner, 0, encoding::percent_encoded, edits);
    }
}
