//! Hides secrets in what an earlier version stored.

use crate::consent::{Delivery, SideEvent, Symbol, Untrusted, redact};
use crate::journal::tables::delivery;

/// Hides the secrets in each field of a joined text. Returns `None` if there are none.
pub(in crate::journal) fn symbol(text: &str) -> Option<Symbol> {
    let fields: Vec<_> = text.split(Symbol::SEPARATOR).map(redact::text).collect();
    let fields: Vec<&str> = fields.iter().map(AsRef::as_ref).collect();
    let clean = Symbol::of(&fields);
    (clean.as_str() != text && !text.is_empty()).then_some(clean)
}

/// Hides the secrets of an envelope.
pub(in crate::journal) fn envelope(kept: &mut Delivery) {
    for told in [&mut kept.event_id, &mut kept.event_time, &mut kept.source].into_iter().flatten() {
        *told = Untrusted::new(redact::text(told.exact()));
    }
    for header in &mut kept.headers {
        *header = Untrusted::new(redact::header(header.exact()));
    }
}

/// Hides the secrets of a side event.
pub(in crate::journal) fn side(side: &mut SideEvent) {
    if let Some(clean) = redact::event(&side.raw) {
        side.raw = clean.text.into();
    }
    for told in [&mut side.transaction_id, &mut side.session_id].into_iter().flatten() {
        *told = Untrusted::new(redact::text(told.exact()));
    }
}

/// Hides the secrets of a stored envelope. Returns `None` if it has none. An envelope that cannot be parsed becomes an
/// empty one, because it may hold secrets.
pub(super) fn stored_envelope(text: &str) -> Option<String> {
    let Some(mut kept) = delivery::from_text(text) else { return Some("{}".to_owned()) };
    envelope(&mut kept);
    let clean = delivery::to_text(&kept);
    (clean != text).then_some(clean)
}

/// An event without its secrets.
pub(super) struct Cleaned {
    pub(super) text: Vec<u8>,
    /// How many values are hidden in it.
    pub(super) hidden: usize,
    pub(super) is_changed: bool,
}

/// Hides the secrets in an unpacked event.
pub(super) fn event(raw: Vec<u8>) -> Cleaned {
    match String::from_utf8(raw) {
        Ok(text) => {
            if let Some(clean) = redact::event(&text) {
                return Cleaned { text: clean.text.into_bytes(), hidden: clean.hidden, is_changed: true };
            }
            let hidden = redact::hidden(&text);
            Cleaned { text: text.into_bytes(), hidden, is_changed: false }
        }
        Err(error) => {
            let text = redact::record(error.as_bytes()).into_owned();
            let is_changed = text != error.as_bytes();
            Cleaned { text, hidden: usize::from(is_changed), is_changed }
        }
    }
}

/// Returns the text of an event without its secrets, for readers of a journal that is not clean yet.
pub(in crate::journal) fn shown(raw: String) -> String {
    redact::event(&raw).map_or(raw, |clean| clean.text)
}
