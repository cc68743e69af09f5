//! The org's event hooks in its management API (Okta management API, event hooks). Only [`creation`] and the paths of
//! POST requests change anything, and only if a person asks for it.

use serde_json::{Value, json};

use crate::consent::Untrusted;
use crate::secret::Secret;

/// The path of the collection.
pub const HOOKS: &str = "/api/v1/eventHooks";

/// The types of consent events that a hook can deliver (Okta: event types, event-hook-eligible). There is one type of
/// revocation per cause, and a hook gets only the types that it lists.
pub const TYPES: [&str; 8] = [
    "app.oauth2.as.consent.grant",
    "app.oauth2.as.consent.revoke",
    "app.oauth2.as.consent.revoke.user",
    "app.oauth2.as.consent.revoke.user.client",
    "app.oauth2.as.consent.revoke.implicit.as",
    "app.oauth2.as.consent.revoke.implicit.client",
    "app.oauth2.as.consent.revoke.implicit.scope",
    "app.oauth2.as.consent.revoke.implicit.user",
];

/// An event hook of the org.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventHook {
    /// `who…`
    pub id: Untrusted,
    /// The name that an admin gave it.
    pub name: Untrusted,
    /// `status` is `ACTIVE`.
    pub is_active: bool,
    /// `verificationStatus` is `VERIFIED`; before that nothing is delivered.
    pub is_verified: bool,
    /// The event types that it asks for.
    pub types: Vec<Untrusted>,
    /// Where it delivers.
    pub uri: Untrusted,
    /// Whether it has a filter, which may exclude events.
    pub has_filter: bool,
}

impl EventHook {
    /// Returns whether it is active and verified, so that it delivers events.
    pub fn is_on(&self) -> bool {
        self.is_active && self.is_verified
    }

    /// Returns whether it asks for a type.
    pub fn asks_for(&self, event_type: &str) -> bool {
        self.types.iter().any(|asked| asked.exact() == event_type)
    }

    /// Returns whether it asks for any consent event.
    pub fn asks_for_consents(&self) -> bool {
        TYPES.iter().any(|event_type| self.asks_for(event_type))
    }

    /// Returns the types of consent events that it does not ask for.
    pub fn lacks(&self) -> impl Iterator<Item = &'static str> {
        TYPES.into_iter().filter(|event_type| !self.asks_for(event_type))
    }

    /// Returns whether it delivers to an address. Ignores differences in how the scheme and the host are written.
    pub fn delivers_to(&self, address: &str) -> bool {
        let same = |text: &str| url::Url::parse(text).map_or_else(|_| text.to_owned(), String::from);
        same(self.uri.exact()) == same(address)
    }
}

/// Reads the list of event hooks. Returns `None` if the body is not a list. Missing fields of a hook read as empty, off
/// or not verified.
pub fn list(body: &[u8]) -> Option<Vec<EventHook>> {
    let list: Value = serde_json::from_slice(body).ok()?;
    Some(list.as_array()?.iter().map(one).collect())
}

/// Reads one event hook. Returns `None` if the body is not a JSON object.
pub fn hook(body: &[u8]) -> Option<EventHook> {
    let value: Value = serde_json::from_slice(body).ok()?;
    value.is_object().then(|| one(&value))
}

fn one(value: &Value) -> EventHook {
    let text = |at: &str| value.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let items = value.pointer("/events/items").and_then(Value::as_array);
    let types = items.into_iter().flatten().filter_map(Value::as_str).take(TYPES_MAX);
    EventHook {
        id: Untrusted::new(text("/id")),
        name: Untrusted::new(text("/name")),
        is_active: text("/status") == "ACTIVE",
        is_verified: text("/verificationStatus") == "VERIFIED",
        types: types.map(Untrusted::new).collect(),
        uri: Untrusted::new(text("/channel/config/uri")),
        has_filter: value.pointer("/events/filter").is_some_and(|filter| !filter.is_null()),
    }
}

/// The maximum number of types of one hook (Okta: event hooks, limits).
const TYPES_MAX: usize = 300;

/// The request body that creates a hook, and the same text without the secret, for display.
#[derive(Debug)]
pub struct Creation {
    /// The body as it is sent.
    pub body: Secret,
    /// The body as it may be shown.
    pub shown: String,
}

/// Returns the request body that creates a hook for all consent events that hooks can deliver.
pub fn creation(name: &str, uri: &str, secret: &Secret) -> Creation {
    let body = |secret: &str| {
        json!({
            "name": name,
            "events": { "type": "EVENT_TYPE", "items": TYPES },
            "channel": {
                "type": "HTTP",
                "version": "1.0.0",
                "config": {
                    "uri": uri,
                    "authScheme": { "type": "HEADER", "key": "Authorization", "value": secret },
                },
            },
        })
    };
    let shown = body("(the secret, not shown)");
    Creation {
        body: Secret::new(body(secret.reveal()).to_string()),
        shown: serde_json::to_string_pretty(&shown).expect("texts always have a JSON form"),
    }
}

/// Returns the path that verifies a hook, or `None` if its id cannot be part of a path.
pub fn verification(id: &Untrusted) -> Option<String> {
    let id = id.exact();
    let is_id = (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric());
    is_id.then(|| format!("{HOOKS}/{id}/lifecycle/verify"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Kind;

    const HOOK: &str = r#"{"id":"who1d7","name":"n","status":"ACTIVE","verificationStatus":"UNVERIFIED",
        "events":{"type":"EVENT_TYPE","items":["app.oauth2.as.consent.grant",7,"user.session.start"],"filter":null},
        "channel":{"config":{"uri":"HTTPS://Monitor.example.test/okta/hook"}}}"#;

    #[test]
    fn a_hook_is_read_as_it_is() {
        let hook = hook(HOOK.as_bytes()).unwrap();
        assert_eq!(
            (hook.id.exact(), hook.is_active, hook.is_verified, hook.is_on()),
            ("who1d7", true, false, false)
        );
        assert!(hook.asks_for_consents() && hook.asks_for(TYPES[0]) && !hook.has_filter);
        assert_eq!(hook.lacks().collect::<Vec<_>>(), TYPES[1..]);
        assert!(hook.delivers_to("https://monitor.example.test/okta/hook"));
        assert!(!hook.delivers_to("https://monitor.example.test/okta/hook2"));
    }

    #[test]
    fn whatever_comes_reads_as_something_or_nothing() {
        assert_eq!(list(b"[]"), Some(Vec::new()));
        let odd = list(br#"[null, 3, {}, {"events":{"filter":{"type":"EXPRESSION_LANGUAGE"}}}]"#).unwrap();
        assert!(odd.iter().all(|hook| !hook.is_on() && !hook.asks_for_consents()));
        assert!(odd[3].has_filter);
        for none in [&b"{}"[..], b"<html>", b"\xff", b""] {
            assert_eq!(list(none), None);
        }
        assert_eq!(hook(b"[]"), None);
    }

    #[test]
    fn the_types_are_those_of_the_two_kinds_that_hooks_bring() {
        assert!(TYPES.iter().all(|event_type| Kind::of(event_type).is_hook_eligible()));
    }

    #[test]
    fn what_is_shown_is_what_is_sent_but_for_the_secret() {
        let creation =
            creation("consentwatch", "https://m.example.test/okta/hook", &Secret::new("invented-secret"));
        assert!(!creation.shown.contains("invented") && creation.shown.contains("not shown"));
        let sent: Value = serde_json::from_str(creation.body.reveal()).unwrap();
        let mut shown: Value = serde_json::from_str(&creation.shown).unwrap();
        let secret = shown.pointer_mut("/channel/config/authScheme/value").unwrap();
        *secret = json!("invented-secret");
        assert_eq!(sent, shown);
        assert!(!format!("{creation:?}").contains("invented-secret"));
    }

    #[test]
    fn an_id_from_outside_makes_no_other_path() {
        assert_eq!(
            verification(&Untrusted::new("who1")).as_deref(),
            Some("/api/v1/eventHooks/who1/lifecycle/verify")
        );
        for odd in ["", "../users", "who1?x=y", "who%2f"] {
            assert_eq!(verification(&Untrusted::new(odd)), None);
        }
    }
}
