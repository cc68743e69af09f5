//! Compares the content of two records of one event.

use std::borrow::Cow;

use aws_lc_rs::digest;
use jiff::Timestamp;
use serde_json::Value;

use super::Consent;
use super::redact::split_mark;

impl Consent {
    /// Returns whether another record with the same uuid has the same content. Ignores the order of keys,
    /// white space, whether a field is null or missing, the format of the time, and hidden values. Compares
    /// the bytes first, and parses both records only if they differ.
    pub fn says_what(&self, other: &Self) -> bool {
        if self.raw == other.raw {
            return true;
        }
        match (content(&self.raw, self.published), content(&other.raw, other.published)) {
            (Some(one), Some(other)) => is_same(&one, &other),
            // A record that is not JSON is compared by its bytes alone.
            _ => false,
        }
    }

    /// Returns whether a stored record with the same uuid has the same content. Works like
    /// [`Consent::says_what`], but times in different formats count as different.
    pub fn says(&self, kept: &str) -> bool {
        if *self.raw == *kept {
            return true;
        }
        match (content(&self.raw, None), content(kept, None)) {
            (Some(one), Some(other)) => is_same(&one, &other),
            _ => false,
        }
    }

    /// Returns a digest of the content. Two records that [`Consent::says_what`] finds equal have the same
    /// digest, unless a value is hidden in one of them and readable in the other.
    pub fn content_digest(&self) -> [u8; 32] {
        let content = content(&self.raw, self.published);
        let text = content.map_or_else(|| self.raw.to_string(), |content| masked(content).to_string());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
        bytes
    }
}

/// Parses an event and removes members that are null or empty. Replaces the time with milliseconds if it is
/// known. The keys of objects are sorted.
fn content(raw: &str, published: Option<Timestamp>) -> Option<Value> {
    let mut value: Value = serde_json::from_str(raw).ok()?;
    if let (Value::Object(event), Some(at)) = (&mut value, published) {
        event.insert("published".to_owned(), at.as_millisecond().into());
    }
    prune(&mut value);
    Some(value)
}

/// Removes empty members, since Okta may omit null fields (core API reference).
fn prune(value: &mut Value) {
    match value {
        Value::Object(object) => object.retain(|_, value| {
            prune(value);
            !is_nothing(value)
        }),
        Value::Array(members) => members.iter_mut().for_each(prune),
        _ => {}
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(object) => object.is_empty(),
        Value::Array(members) => members.is_empty(),
        _ => false,
    }
}

fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| is_same(value, other)))
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::String(one), Value::String(other)) => {
            one == other || fits(one, other) || fits(other, one) || mask(one) == mask(other)
        }
        // A hidden value that was not a string is replaced by a string.
        (Value::String(text), _) | (_, Value::String(text)) => split_mark(text) == Some(("", "")),
        _ => one == other,
    }
}

/// Returns whether a text with hidden values could be the clear text: what surrounds the hidden values must
/// occur in the clear text, in the same order.
fn fits(hidden: &str, clear: &str) -> bool {
    if split_mark(hidden).is_none() {
        return false;
    }
    let masked = mask(hidden);
    let mut parts = masked.split('\0');
    let Some(mut rest) = parts.next().and_then(|first| clear.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.is_empty()
}

/// Replaces each hidden value, whatever its length, with a NUL character.
fn mask(text: &str) -> Cow<'_, str> {
    if split_mark(text).is_none() {
        return text.into();
    }
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, behind)) = split_mark(rest) {
        out.push_str(before);
        out.push('\0');
        rest = behind;
    }
    out.push_str(rest);
    out.into()
}

fn masked(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask(&text).into_owned()),
        Value::Array(members) => Value::Array(members.into_iter().map(masked).collect()),
        Value::Object(object) => {
            Value::Object(object.into_iter().map(|(key, value)| (key, masked(value))).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns whether two events have the same content, by comparison and by digest.
    fn same(one: &str, other: &str) -> (bool, bool) {
        let read = |raw: &str| Consent { raw: raw.into(), ..bare() };
        let (one, other) = (read(one), read(other));
        assert_eq!(one.says_what(&other), other.says_what(&one));
        assert_eq!(one.says_what(&other), one.says(&other.raw));
        (one.says_what(&other), one.content_digest() == other.content_digest())
    }

    fn bare() -> Consent {
        use super::super::*;
        Consent {
            key: EventKey { published_ms: 0, id: EventId::Uuid([0; 16]), part: 0 },
            org: None,
            uuid: None,
            kind: Kind::Other,
            event_type: Untrusted::new(""),
            published: None,
            received: jiff::Timestamp::UNIX_EPOCH,
            message: None,
            severity: None,
            version: None,
            outcome: OutcomeOf::default(),
            actor: None,
            who: Who { person: Person::default(), evidence: Evidence::Unknown },
            client: Client::default(),
            server: Server::default(),
            scopes: Vec::new(),
            unread_targets: 0,
            hidden: 0,
            from: RequestOrigin::default(),
            transaction_id: None,
            session_id: None,
            via: Via::FILE,
            doubt: None,
            hook: None,
            hook_copy: None,
            labels: Vec::new(),
            raw: "".into(),
        }
    }

    #[test]
    fn order_white_space_null_and_hidden_values_do_not_count() {
        let event = r#"{"uuid":"u","a":[1,{"b":"x"}],"url":"/l?state=secret&x=1"}"#;
        for (other, digests) in [
            (event, true),
            (
                r#"{ "url" : "/l?st\u0061te=secret&x=1", "uuid":"u","a":[1,{"b":"x","c":null}], "d":{"e":null} }"#,
                true,
            ),
            (r#"{"uuid":"u","a":[1,{"b":"x"}],"url":"/l?state=‹hidden, 6 characters›&x=1"}"#, false),
        ] {
            assert_eq!(same(event, other), (true, digests), "{other}");
        }
        assert!(same(r#"{"pin":123456}"#, r#"{"pin":"‹hidden, 6 characters›"}"#).0);
        assert!(!same(r#"{"pin":123456}"#, r#"{"pin":"6"}"#).0);
        for value in ["[\"a\",\"b\"]", "{\"a\":1}"] {
            let clear = format!("{{\"token\":{value}}}");
            assert!(same(&clear, r#"{"token":"‹hidden, 9 characters›"}"#).0);
            assert!(!same(&clear, r#"{"token":"‹hidden, 9 characters› "}"#).0);
        }
        let hidden = |count: u8| format!(r#"{{"url":"a‹hidden, {count} characters›b"}}"#);
        assert_eq!(same(&hidden(6), &hidden(22)), (true, true));
    }

    #[test]
    fn anything_else_does() {
        let event = r#"{"uuid":"u","a":[1,2],"url":"/l?state=‹hidden, 6 characters›&x=1"}"#;
        for other in [
            r#"{"uuid":"u","a":[2,1],"url":"/l?state=‹hidden, 6 characters›&x=1"}"#,
            r#"{"uuid":"u","a":[1,2],"url":"/l?state=secret&x=2"}"#,
            r#"{"uuid":"u","a":[1,2]}"#,
            r#"{"uuid":"u","a":[1,2],"b":0,"url":"/l?state=‹hidden, 6 characters›&x=1"}"#,
            "no JSON",
        ] {
            assert_eq!(same(event, other), (false, false), "{other}");
        }
        // Text that only resembles a hidden value is ordinary text.
        for text in ["a‹hidden b", "a‹hidden› b", "a‹hidden, many characters› b", "a‹hidden, 3 characters b"]
        {
            let odd = format!(r#"{{"x":"{text}"}}"#);
            for other in [r#"{"x":"a b"}"#, r#"{"x":"aTHE b"}"#, r#"{"x":"a, 3 characters b"}"#] {
                assert_eq!(same(&odd, other), (false, false), "{odd}, {other}");
            }
        }
        assert_eq!(same("no JSON", "no  JSON"), (false, false));
        assert_eq!(same("no JSON", "no JSON"), (true, true));
    }
}
