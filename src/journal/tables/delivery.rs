//! The envelope of a hook's delivery, as it is stored beside its event.

use serde::{Deserialize, Serialize};

use crate::consent::{Delivery, Untrusted};

/// The stored form. A missing field reads as empty, so that a later version can add fields.
#[derive(Serialize, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Kept {
    event_id: Option<String>,
    event_time: Option<String>,
    source: Option<String>,
    headers: Vec<String>,
    received: Option<String>,
}

/// Returns the stored form of an envelope.
pub(in crate::journal) fn to_text(delivery: &Delivery) -> String {
    let text = |text: &Option<Untrusted>| text.as_ref().map(|text| text.exact().to_owned());
    let kept = Kept {
        event_id: text(&delivery.event_id),
        event_time: text(&delivery.event_time),
        source: text(&delivery.source),
        headers: delivery.headers.iter().map(|header| header.exact().to_owned()).collect(),
        received: delivery.received.map(|time| time.to_string()),
    };
    serde_json::to_string(&kept).expect("texts and lists of texts always have a JSON form")
}

/// Reads the stored form. Returns `None` if it is damaged, which costs only the envelope and not the event.
pub(in crate::journal) fn from_text(text: &str) -> Option<Delivery> {
    let kept: Kept = serde_json::from_str(text).ok()?;
    Some(Delivery {
        event_id: kept.event_id.map(Untrusted::new),
        event_time: kept.event_time.map(Untrusted::new),
        source: kept.source.map(Untrusted::new),
        headers: kept.headers.into_iter().map(Untrusted::new).collect(),
        received: kept.received.and_then(|text| text.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_comes_back() {
        let delivery = Delivery {
            event_id: Some(Untrusted::new("d\u{1b}1")),
            event_time: None,
            source: Some(Untrusted::new("https://org.example.test/api/v1/eventHooks/whoAAAAAAAAAAAAAA1d7")),
            headers: vec![Untrusted::new("Content-Type: application/json")],
            received: Some("2026-03-04T09:15:38.951Z".parse().unwrap()),
        };
        assert_eq!(from_text(&to_text(&delivery)), Some(delivery));
        assert_eq!(from_text("{}").map(|delivery| delivery.headers.len()), Some(0));
        assert_eq!(from_text("[").map(|delivery| delivery.headers.len()), None);
    }
}
