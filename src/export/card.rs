//! Writes a consent in the form of Okta Workflows' event card "OAuth2 App Consent Granted".
//!
//! The names are from the card's page (Okta Workflows: Okta connector, event card OAuth2 App Consent Granted). The page
//! gives no JSON paths, so fields are matched by their names and definitions.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_json::value::RawValue;

use super::json::time;
use super::raw::embedded;
use crate::consent::{Consent, Seq, Untrusted};

/// Appends one object and a line feed. Fields that only hook deliveries have are `null` for a polled event.
pub(super) fn line(_seq: Seq, consent: &Consent, out: &mut Vec<u8>) {
    let start = out.len();
    let raw = embedded(&consent.raw);
    if serde_json::to_writer(&mut *out, &Card::of(consent, &raw)).is_err() {
        debug_assert!(false, "a consent is always writable");
        out.truncate(start);
        return;
    }
    out.push(b'\n');
}

type Text<'a> = Option<&'a Untrusted>;

#[derive(Serialize)]
struct Card<'a> {
    #[serde(rename = "Date and Time")]
    date_and_time: Option<String>,
    #[serde(rename = "Message")]
    message: Text<'a>,
    #[serde(rename = "Event ID")]
    event_id: Text<'a>,
    #[serde(rename = "Event Type")]
    event_type: &'a Untrusted,
    #[serde(rename = "Event Time")]
    event_time: Text<'a>,
    #[serde(rename = "Version")]
    version: Text<'a>,
    #[serde(rename = "Actor")]
    actor: Actor<'a>,
    #[serde(rename = "Target")]
    target: Option<Vec<Target<'a>>>,
    #[serde(rename = "UUID")]
    uuid: Text<'a>,
    #[serde(rename = "Event Details")]
    event_details: &'a RawValue,
    #[serde(rename = "Headers")]
    headers: Option<&'a [Untrusted]>,
    #[serde(rename = "Source")]
    source: Text<'a>,
    #[serde(rename = "Debug Context")]
    debug_context: Debug<'a>,
}

#[derive(Serialize)]
struct Actor<'a> {
    #[serde(rename = "ID")]
    id: Text<'a>,
    #[serde(rename = "Alternate ID")]
    alternate_id: Text<'a>,
    #[serde(rename = "Display Name")]
    display_name: Text<'a>,
    #[serde(rename = "Type")]
    kind: Text<'a>,
}

/// One target. Its values are as Okta wrote them.
#[derive(Serialize)]
struct Target<'a> {
    #[serde(rename = "ID")]
    id: Option<&'a RawValue>,
    #[serde(rename = "Display Name")]
    display_name: Option<&'a RawValue>,
    #[serde(rename = "Type")]
    kind: Option<&'a RawValue>,
    #[serde(rename = "Detail Entry")]
    detail_entry: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Debug<'a> {
    #[serde(rename = "Debug Data")]
    debug_data: Option<&'a RawValue>,
}

impl<'a> Card<'a> {
    fn of(consent: &'a Consent, raw: &'a RawValue) -> Self {
        let actor = consent.actor.as_ref();
        let hook = consent.hook.as_ref();
        let event = members(raw);
        let member = |name: &str| event.as_ref().and_then(|event| event.get(name.as_bytes()).copied());
        Self {
            date_and_time: consent.published.map(time),
            message: consent.message.as_ref(),
            event_id: hook.and_then(|hook| hook.event_id.as_ref()),
            event_type: &consent.event_type,
            event_time: hook.and_then(|hook| hook.event_time.as_ref()),
            version: consent.version.as_ref(),
            actor: Actor {
                id: actor.and_then(|actor| actor.id.as_ref()),
                alternate_id: actor.and_then(|actor| actor.alternate_id.as_ref()),
                display_name: actor.and_then(|actor| actor.display_name.as_ref()),
                kind: actor.and_then(|actor| actor.kind.as_ref()),
            },
            target: member("target")
                .and_then(|target| serde_json::from_str::<Vec<&RawValue>>(target.get()).ok())
                .map(|targets| targets.into_iter().map(Target::of).collect()),
            uuid: consent.uuid.as_ref(),
            event_details: raw,
            headers: hook.map(|hook| hook.headers.as_slice()),
            source: hook.and_then(|hook| hook.source.as_ref()),
            debug_context: Debug {
                debug_data: member("debugContext")
                    .and_then(members)
                    .and_then(|debug| debug.get(b"debugData".as_slice()).copied()),
            },
        }
    }
}

impl<'a> Target<'a> {
    fn of(raw: &'a RawValue) -> Self {
        let target = members(raw).unwrap_or_default();
        let member = |name: &str| target.get(name.as_bytes()).copied();
        Self {
            id: member("id"),
            display_name: member("displayName"),
            kind: member("type"),
            detail_entry: member("detailEntry"),
        }
    }
}

/// Returns the members of an object. Of a repeated key, the last one counts. A map allows a repeated key, but a struct
/// would reject the whole event.
fn members(raw: &RawValue) -> Option<HashMap<Name, &RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

/// A member's name as bytes, since JSON allows an escaped lone surrogate and a `String` does not.
#[derive(PartialEq, Eq, Hash)]
struct Name(Vec<u8>);

impl std::borrow::Borrow<[u8]> for Name {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_bytes<E: Error>(self, name: &[u8]) -> Result<Name, E> {
        Ok(Name(name.to_vec()))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        Ok(Name(name.as_bytes().to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::export::sample;

    fn written(consent: &Consent) -> String {
        let mut out = Vec::new();
        line(Seq(1), consent, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_delivered_event_fills_the_whole_card() {
        assert_eq!(
            written(&sample::both_ways()),
            concat!(
                r#"{"Date and Time":"2026-05-06T07:08:09.123Z","Message":"Consent granted","#,
                r#""Event ID":"d0000000-4444-4444-8444-0242ac120002","Event Type":"app.oauth2.as.consent.grant","#,
                r#""Event Time":"2026-05-06T07:08:19.000Z","Version":"0","#,
                r#""Actor":{"ID":"00uPPPPPPPPPPPPPP1d7","Alternate ID":"mira@example.test","Display Name":"Mira Example","Type":"User"},"#,
                r#""Target":[{"ID":"oagGGGGGGGGGGGGGG1d7","Display Name":"paint.read","Type":"ConsentGrant","Detail Entry":{"user":"00uPPPPPPPPPPPPPP1d7"}}],"#,
                r#""UUID":"5B1F0C9E-3333-4333-8333-0242AC120002","#,
                r#""Event Details":{"uuid":"5B1F0C9E-3333-4333-8333-0242AC120002","version":0,"odd":1.0E+2,"#,
                r#""target":[{"id":"oagGGGGGGGGGGGGGG1d7","type":"ConsentGrant","displayName":"paint.read","detailEntry":{"user":"00uPPPPPPPPPPPPPP1d7"}}],"#,
                r#""debugContext":{"debugData":{"note":"two  spaces"}}},"#,
                r#""Headers":["Content-Type: application/json"],"#,
                r#""Source":"https://example.test/api/v1/eventHooks/whoHHHHHHHHHHHHHH1d7","#,
                r#""Debug Context":{"Debug Data":{"note":"two  spaces"}}}"#,
                "\n"
            )
        );
    }

    #[test]
    fn what_a_polled_event_lacks_is_null() {
        let polled = Consent { hook: None, ..sample::both_ways() };
        let card: serde_json::Value = serde_json::from_str(&written(&polled)).unwrap();
        for name in ["Event ID", "Event Time", "Headers", "Source"] {
            assert!(card.get(name).is_some_and(serde_json::Value::is_null), "{name}");
        }
    }

    #[test]
    fn half_a_character_in_a_name_does_not_cost_the_card() {
        let raw = r#"{"\ud800":1,"target":[{"id":"oag1","\udc00x":2}],"debugContext":{"\ud83d":3,"debugD\u0061ta":{"\ud800":4}}}"#;
        let odd = written(&Consent { raw: Arc::from(raw), ..sample::bare() });
        assert!(odd.contains(r#""Target":[{"ID":"oag1","#), "{odd}");
        assert!(odd.ends_with("\"Debug Context\":{\"Debug Data\":{\"\\ud800\":4}}}\n"), "{odd}");
    }

    #[test]
    fn odd_targets_do_not_cost_the_card() {
        for (target, expected) in [
            ("null", serde_json::json!(null)),
            ("7", serde_json::json!(null)),
            ("[]", serde_json::json!([])),
            (
                "[7,null]",
                serde_json::json!([
                    {"ID":null,"Display Name":null,"Type":null,"Detail Entry":null},
                    {"ID":null,"Display Name":null,"Type":null,"Detail Entry":null}
                ]),
            ),
            (
                r#"[{"id":7,"id":8}]"#,
                serde_json::json!([
                    {"ID":8,"Display Name":null,"Type":null,"Detail Entry":null}
                ]),
            ),
        ] {
            let odd = Consent { raw: Arc::from(format!(r#"{{"target":{target}}}"#)), ..sample::bare() };
            let card: serde_json::Value = serde_json::from_str(&written(&odd)).unwrap();
            assert_eq!(card["Target"], expected, "{target}");
            assert!(card["Debug Context"]["Debug Data"].is_null());
        }
    }
}
