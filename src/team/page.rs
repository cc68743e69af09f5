//! A page: rows of an org with everything that belongs to them.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::{MessageError, pack, unpack};
use crate::consent::{Delivery, Doubt, EventId, Person, Stored};

/// The content of a message of the stream of events.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TeamPage {
    /// How far the journal of the sender is published once this page is.
    pub through: Through,
    /// The rows, new or changed.
    pub rows: Vec<TeamRow>,
    /// The side events.
    #[serde(default)]
    pub sides: Vec<TeamSide>,
}

/// A place in a journal: everything up to it is published.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Through {
    /// The number of the last row.
    pub row: i64,
    /// The number of the last change.
    pub change: i64,
    /// The number of the last side event.
    pub side: i64,
}

/// A row as it is published.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TeamRow {
    /// The LogEvent, in which secrets are hidden.
    pub raw: Arc<str>,
    /// Which part of the event the row is.
    #[serde(default)]
    pub part: u8,
    /// If the event has no uuid, the id under which the collector stores it, as hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// By which ways it came: 1 for the log, 2 for the hook, 3 for both.
    pub via: u8,
    /// When the collector received it.
    pub received: Timestamp,
    /// The person that the collector found, if the event names nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
    /// The number of the evidence for the person.
    #[serde(default)]
    pub evidence: u8,
    /// The envelope of the hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<Delivery>,
    /// The hook's copy, if it contradicts the log or has more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook_copy: Option<Arc<str>>,
}

/// A side event as it is published.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TeamSide {
    /// The LogEvent, in which secrets are hidden.
    pub raw: Arc<str>,
    /// When the collector received it.
    pub received: Timestamp,
}

impl TeamRow {
    /// Returns the published form of a stored row.
    pub fn of(stored: &Stored) -> Self {
        let is_found = stored.evidence.is_found_out();
        Self {
            raw: Arc::clone(&stored.raw),
            part: stored.key.part,
            digest: digest(stored),
            via: stored.via.code(),
            received: stored.received,
            person: is_found.then(|| stored.person.clone()),
            evidence: if is_found { stored.evidence.code() } else { 0 },
            hook: stored.hook.clone(),
            hook_copy: stored.hook_copy.clone(),
        }
    }

    /// Returns about how many bytes it takes before it is packed.
    pub fn size(&self) -> usize {
        self.raw.len() + self.hook_copy.as_ref().map_or(0, |copy| copy.len()) + 200
    }
}

/// Returns the id of an event without a uuid. A row that shares its uuid with another is stored under a digest too, which
/// every journal finds by itself.
fn digest(stored: &Stored) -> Option<String> {
    match stored.key.id {
        EventId::Digest(bytes) if stored.doubt != Some(Doubt::SharedId) => Some(hexadecimal(&bytes)),
        _ => None,
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

impl TeamRow {
    /// Returns the id of the event if it has no uuid.
    pub fn digest_id(&self) -> Option<EventId> {
        let digits = self.digest.as_ref()?.as_bytes();
        let bytes = digits.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        let bytes: Vec<u8> = bytes.collect::<Option<_>>()?;
        Some(EventId::Digest(bytes.try_into().ok()?))
    }
}

impl TeamPage {
    /// Returns the body of a message.
    ///
    /// # Errors
    /// The library has no memory left.
    pub fn to_body(&self) -> std::io::Result<Vec<u8>> {
        pack(&serde_json::to_vec(self)?)
    }

    /// Reads the body of a message.
    ///
    /// # Errors
    /// It is not a page.
    pub fn of_body(body: &[u8]) -> Result<Self, MessageError> {
        serde_json::from_slice(&unpack(body)?).map_err(MessageError::Body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_comes_back() {
        let row = TeamRow {
            raw: "{\"eventType\":\"x\u{1b}\"}".into(),
            part: 2,
            digest: Some("0f".repeat(32)),
            via: 3,
            received: "2026-03-04T09:15:38.951Z".parse().unwrap(),
            person: None,
            evidence: 0,
            hook: Some(Delivery {
                event_id: None,
                event_time: None,
                source: Some(crate::consent::Untrusted::new("s")),
                headers: Vec::new(),
                received: None,
            }),
            hook_copy: Some("{}".into()),
        };
        let side = TeamSide { raw: "{}".into(), received: row.received };
        let through = Through { row: 7, change: 8, side: 9 };
        assert_eq!(row.digest_id(), Some(EventId::Digest([15; 32])));
        let page = TeamPage { through, rows: vec![row], sides: vec![side] };
        assert_eq!(TeamPage::of_body(&page.to_body().unwrap()).unwrap(), page);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for body in ["", "[]", "{\"rows\":[]}", "{\"through\":{},\"rows\":[{\"raw\":5}]}", "\u{0}"] {
            assert!(
                matches!(TeamPage::of_body(&pack(body.as_bytes()).unwrap()), Err(MessageError::Body(_))),
                "{body}"
            );
        }
        assert!(matches!(TeamPage::of_body(b"{}"), Err(MessageError::Packed(_))));
    }
}
