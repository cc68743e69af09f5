//! The shapes of Okta's JSON. Every field is optional.
//!
//! A missing field, a null, a value of another type than documented, an unknown key and a repeated key are all
//! accepted; only a text that is not JSON fails. Okta's rule is that a null property may be left out and that
//! properties and enum values may be added (core API reference); recorded events break the published types as well.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A string, or a number or truth value as text. `None` for anything else and for the word `null`, which Okta sometimes
/// sends as a string.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Text<'a>(Option<Cow<'a, str>>);

impl Text<'_> {
    fn owned(text: String) -> Self {
        Self(Some(Cow::Owned(text)))
    }

    /// Returns the text, or `None` if it is missing, empty or `null`.
    pub(super) fn get(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty() && *text != "null")
    }

    /// Returns the text of an id, or `None` also if it is `unknown`, which Okta sends for an id that it does not know.
    pub(super) fn known(&self) -> Option<&str> {
        self.get().filter(|text| *text != "unknown")
    }

    /// Returns the text as a whole number, or `None` if it is not one.
    pub(super) fn number(&self) -> Option<i64> {
        self.get()?.parse().ok()
    }

    /// Returns the text as a truth value, or `None` if it is not one.
    pub(super) fn truth(&self) -> Option<bool> {
        self.get()?.parse().ok()
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text::owned(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Text::owned(text))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Borrowed(if truth { "true" } else { "false" }))))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Text::owned(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text::owned(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Text::owned(number.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_seq(members)?;
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(entries)?;
        Ok(Text(None))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

/// The visitor methods for all types but the expected one: they return an empty value.
macro_rules! nothing_for {
    () => {
        nothing_for!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
    ($($visit:ident: $type:ty),+) => {$(
        fn $visit<E>(self, _: $type) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    )+};
}

/// An array; empty for anything else. The second field is the number of members beyond [`MEMBERS_MAX`].
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>, pub(super) u64);

/// The most members of an array that are read; the rest are only counted. Okta was seen to send sixteen targets. An
/// administrator's act on a whole group may have thousands, and the raw event keeps all.
pub(super) const MEMBERS_MAX: usize = 20_000;

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new(), 0)
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while list.len() < MEMBERS_MAX {
            let Some(member) = members.next_element()? else { return Ok(List(list, 0)) };
            list.push(member);
        }
        let mut unread = 0;
        while members.next_element::<IgnoredAny>()?.is_some() {
            unread += 1;
        }
        Ok(List(list, unread))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(entries)?;
        Ok(List::default())
    }

    nothing_for!();
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

/// A key of an object, borrowed where it holds no escape.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Declares objects. Keys are compared with `$same`. If a key repeats, the last one counts, as in most JSON readers.
macro_rules! objects {
    ($same:path; $($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $key:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name<'a> {
            $(pub(super) $field: $type,)*
        }

        impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Seen<'a>(PhantomData<&'a ()>);

                impl<'de: 'a, 'a> Visitor<'de> for Seen<'a> {
                    type Value = $name<'a>;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("any value")
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                        let mut object = $name::default();
                        while let Some(Key(key)) = entries.next_key()? {
                            $(if $same(&key, $key) {
                                object.$field = entries.next_value()?;
                                continue;
                            })*
                            entries.next_value::<IgnoredAny>()?;
                        }
                        Ok(object)
                    }

                    fn visit_seq<A: SeqAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
                        IgnoredAny.visit_seq(members)?;
                        Ok($name::default())
                    }

                    nothing_for!();
                }

                deserializer.deserialize_any(Seen(PhantomData))
            }
        }
    )*};
}

fn exactly(key: &str, known: &str) -> bool {
    key == known
}

objects! { exactly;
    /// One entry of the System Log (Okta management API, LogEvent).
    LogEvent {
        uuid: Text<'a> = "uuid",
        published: Text<'a> = "published",
        event_type: Text<'a> = "eventType",
        version: Text<'a> = "version",
        severity: Text<'a> = "severity",
        message: Text<'a> = "displayMessage",
        actor: Party<'a> = "actor",
        client: HttpClient<'a> = "client",
        session: Session<'a> = "authenticationContext",
        outcome: OutcomeShape<'a> = "outcome",
        security: Security<'a> = "securityContext",
        debug: Debugging<'a> = "debugContext",
        transaction: Transaction<'a> = "transaction",
        request: Chained<'a> = "request",
        target: List<Party<'a>> = "target",
    }

    /// `actor`, and each of `target`.
    Party {
        id: Text<'a> = "id",
        kind: Text<'a> = "type",
        alternate_id: Text<'a> = "alternateId",
        display_name: Text<'a> = "displayName",
        detail: Detail<'a> = "detailEntry",
    }

    /// `client`: what sent the request.
    HttpClient {
        id: Text<'a> = "id",
        ip: Text<'a> = "ipAddress",
        user_agent: UserAgent<'a> = "userAgent",
        place: Place<'a> = "geographicalContext",
        chain: List<Hop<'a>> = "ipChain",
    }

    /// `client.userAgent`
    UserAgent { raw: Text<'a> = "rawUserAgent" }

    /// `client.geographicalContext`
    Place { city: Text<'a> = "city", country: Text<'a> = "country" }

    /// `request`; in a hook's delivery the chain is under `client`.
    Chained { chain: List<Hop<'a>> = "ipChain" }

    /// One of `ipChain`.
    Hop { ip: Text<'a> = "ip" }

    /// `authenticationContext`
    Session { id: Text<'a> = "externalSessionId" }

    /// `outcome`
    OutcomeShape { result: Text<'a> = "result", reason: Text<'a> = "reason" }

    /// `securityContext`
    Security {
        as_number: Text<'a> = "asNumber",
        as_org: Text<'a> = "asOrg",
        is_proxy: Text<'a> = "isProxy",
        details: Network<'a> = "ipDetails",
    }

    /// `securityContext.ipDetails`
    Network { as_number: Text<'a> = "asNumber", as_org: Text<'a> = "asOrg" }

    /// `debugContext`
    Debugging { data: DebugData<'a> = "debugData" }

    /// `transaction`
    Transaction { id: Text<'a> = "id" }

    /// The body of an error (Okta management API, Error), or of an OAuth error.
    ErrorBody {
        code: Text<'a> = "errorCode",
        summary: Text<'a> = "errorSummary",
        id: Text<'a> = "errorId",
        causes: List<Cause<'a>> = "errorCauses",
        oauth_error: Text<'a> = "error",
        oauth_description: Text<'a> = "error_description",
    }

    /// An app, an authorization server or a user, as far as its name goes.
    Named {
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        label: Text<'a> = "label",
        profile: Profile<'a> = "profile",
    }

    /// `profile` of a user.
    Profile {
        login: Text<'a> = "login",
        first_name: Text<'a> = "firstName",
        last_name: Text<'a> = "lastName",
        display_name: Text<'a> = "displayName",
    }

    /// The answer of a token endpoint (RFC 6749 section 5.1).
    TokenBody {
        access_token: Text<'a> = "access_token",
        token_type: Text<'a> = "token_type",
        expires_in: Text<'a> = "expires_in",
        scope: Text<'a> = "scope",
    }

    /// One of `errorCauses`.
    Cause { summary: Text<'a> = "errorSummary" }

    /// The body of a delivery (Okta: event hooks, request). Early documentation spelled the id `eventID`.
    Envelope {
        event_type: Text<'a> = "eventType",
        event_id: Text<'a> = "eventId",
        early_event_id: Text<'a> = "eventID",
        event_time: Text<'a> = "eventTime",
        source: Text<'a> = "source",
        data: Delivered<'a> = "data",
    }

    /// `data`
    Delivered { events: Uncut<'a> = "events" }
}

/// A value of any type as raw JSON, or `None` if it is missing or null.
#[derive(Debug, Default)]
pub(super) struct Uncut<'a>(pub(super) Option<&'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for Uncut<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|raw| Self(Some(raw).filter(|raw| raw.get() != "null")))
    }
}

/// Returns whether two keys are the same except for case, `_` and `-`.
fn loosely(key: &str, known: &str) -> bool {
    if key.len() == known.len() {
        return key.eq_ignore_ascii_case(known);
    }
    key.len() > known.len()
        && key
            .bytes()
            .filter(|byte| !matches!(byte, b'_' | b'-'))
            .map(|byte| byte.to_ascii_lowercase())
            .eq(known.bytes().map(|byte| byte.to_ascii_lowercase()))
}

objects! { loosely;
    /// `detailEntry`. Events of custom servers spell its keys in lower case; the catalog of the org server's events
    /// does not.
    Detail {
        user: Text<'a> = "user",
        client: Text<'a> = "publicclientapp",
        server: Text<'a> = "authorizationserver",
        scope: Text<'a> = "scope",
    }

    /// `debugData`: Okta does not guarantee its contents, so it is a fallback only.
    DebugData {
        server: Text<'a> = "authorizationServer",
        server_name: Text<'a> = "authorizationServerName",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> LogEvent<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_value_of_another_type_reads_as_something() {
        let read = event(
            r#"{"uuid":7,"version":1.5,"severity":true,"published":null,"eventType":["x"],"displayMessage":{"a":1}}"#,
        );
        assert_eq!(read.uuid.get(), Some("7"));
        assert_eq!(read.version.get(), Some("1.5"));
        assert_eq!(read.severity.get(), Some("true"));
        assert_eq!((read.published.get(), read.event_type.get(), read.message.get()), (None, None, None));
    }

    #[test]
    fn every_field_may_have_every_type() {
        let keys = [
            "uuid",
            "published",
            "actor",
            "client",
            "authenticationContext",
            "outcome",
            "securityContext",
            "debugContext",
            "transaction",
            "request",
            "target",
            "nobody",
        ];
        for key in keys {
            for value in [
                "null",
                "1",
                "-1",
                "1.5",
                "true",
                "\"x\"",
                "\"\\n\"",
                "[]",
                "[1,[{}]]",
                "{}",
                "{\"a\":{\"b\":[1]}}",
            ] {
                event(&format!("{{\"{key}\":{value},\"uuid\":\"u\"}}"));
            }
        }
    }

    #[test]
    fn words_for_nothing_are_nothing() {
        let read =
            event(r#"{"uuid":"null","version":"","authenticationContext":{"externalSessionId":"unknown"}}"#);
        assert_eq!((read.uuid.get(), read.version.get(), read.session.id.known()), (None, None, None));
    }

    #[test]
    fn keys_of_details_come_in_any_case_and_the_last_of_two_counts() {
        let read = event(
            r#"{"target":[{"detailEntry":{"User":"00u1","PUBLICCLIENTAPP":"0oa1"},"id":"a","id":"b"},null,7]}"#,
        );
        assert_eq!(read.target.0.len(), 3);
        assert_eq!(read.target.0[0].detail.user.get(), Some("00u1"));
        assert_eq!(read.target.0[0].detail.client.get(), Some("0oa1"));
        assert_eq!(read.target.0[0].id.get(), Some("b"));
    }

    #[test]
    fn a_list_has_a_bound() {
        let many = format!("{{\"target\":[{}1],\"uuid\":\"u\"}}", "{},".repeat(20_006));
        let read = event(&many);
        assert_eq!((read.target.0.len(), read.target.1, read.uuid.get()), (MEMBERS_MAX, 7, Some("u")));
    }
}
