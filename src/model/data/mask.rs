//! The privacy mask: replaces people, addresses and ids with pseudonyms. The same value gets the same pseudonym
//! everywhere on the screen.

use core::net::IpAddr;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use crate::consent::{Consent, Person, Sym, Symbols, Untrusted};

/// The privacy mask: whether it is on, and the secret of this run from which pseudonyms are derived.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    is_on: bool,
    secret: [u64; 2],
    /// Whether texts are pseudonyms already.
    has_pseudonyms: bool,
}

/// The kind of value that a pseudonym stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stands {
    Person,
    Address,
    Id,
}

/// Characters of a pseudonym. They encode 35 bits, so that two alike are unlikely among 50,000 people.
const LENGTH: usize = 7;
/// Digits and letters that are not easily confused.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Matches logins, addresses, UUIDs, and texts like Okta's ids: 20 characters or more. [`Mask::trace`] also requires a
/// digit in those.
static TRACES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?P<login>[^\s"'<>(),;:/\[\]{}]+(?:@|%40)[^\s"'<>(),;:/\[\]{}@]+\.[^\s"'<>(),;:/?\[\]{}@]+)"#,
        r"|(?P<address>\b[0-9a-fA-F]*[.:][0-9a-fA-F]*[.:][0-9a-fA-F.:]*)",
        r"|(?P<id>\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b|[0-9A-Za-z@_-]{20,})",
    ))
    .ok()
});

/// Matches an IPv4 address within other digits, dots and colons.
static V4: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}").ok());

/// Literal texts of one consent, each with its pseudonym.
#[derive(Clone, Debug, Default)]
pub struct MaskedNames(Vec<(String, String)>);

impl MaskedNames {
    /// Puts the longest text first. Otherwise only a part of a longer name would be replaced.
    fn longest_first(mut self) -> Self {
        self.0.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        // Of two pseudonyms of one text the first counts.
        self.0.dedup_by(|next, text| next.0 == text.0);
        self
    }

    /// Returns a text of the consent as `mask` shows it.
    pub fn hide(&self, mask: &Mask, text: &str) -> String {
        mask.told(text, self).into_owned()
    }
}

impl Mask {
    /// Creates a mask that is off. Pseudonyms are derived from the secret, so that they cannot be guessed without it.
    pub fn with_secret(secret: [u64; 2]) -> Self {
        Self { is_on: false, secret, has_pseudonyms: false }
    }

    /// Returns the mask over texts that are pseudonyms already: those of a recording that was written while people were
    /// hidden.
    pub fn of_pseudonyms(is_on: bool) -> Self {
        Self { is_on, secret: [0; 2], has_pseudonyms: true }
    }

    /// Returns whether the mask is on.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    pub(in crate::model) fn turn(&mut self) {
        self.is_on = !self.is_on;
    }

    fn pseudonym(&self, stands: Stands, text: &str) -> String {
        if self.has_pseudonyms {
            return text.to_owned();
        }
        let mut hasher = DefaultHasher::new();
        (self.secret, stands as u8, text).hash(&mut hasher);
        let mut bits = hasher.finish();
        let mut name = match stands {
            Stands::Person => "person-".to_owned(),
            Stands::Address => "addr-".to_owned(),
            // The first letters of an Okta id tell the kind of object.
            Stands::Id if text.len() == 20 => format!("{}-", text.get(..3).unwrap_or("id")),
            Stands::Id => "id-".to_owned(),
        };
        for _ in 0..LENGTH {
            name.push(char::from(LETTERS[(bits & 31) as usize]));
            bits >>= 5;
        }
        name
    }

    /// Returns the pseudonym for the person of an interned text, or `None` if the text names nobody.
    pub fn person(&self, symbols: &Symbols, sym: Sym) -> Option<String> {
        let key = symbols.fields(sym).take(3).find(|field| !field.is_empty())?;
        Some(self.pseudonym(Stands::Person, key))
    }

    /// Returns what stands for a person by the first of id, login and name that is known.
    pub fn person_named(&self, key: &str) -> String {
        self.pseudonym(Stands::Person, key)
    }

    /// Returns what stands for an address.
    pub fn address(&self, ip: &str) -> String {
        self.pseudonym(Stands::Address, ip)
    }

    /// Returns a text with pseudonyms for everything that looks like a login, an address or an id. Returns it unchanged
    /// if the mask is off.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match (&*TRACES, self.is_on) {
            (_, false) => Cow::Borrowed(text),
            // Without the pattern, the whole text is hidden rather than leak a name.
            (None, true) => "hidden".into(),
            (Some(traces), true) => traces.replace_all(text, |found: &Captures<'_>| self.trace(found)),
        }
    }

    fn trace(&self, found: &Captures<'_>) -> String {
        let whole = &found[0];
        if found.name("login").is_some() {
            self.pseudonym(Stands::Person, whole)
        } else if found.name("address").is_some() {
            // Times contain colons too, so only valid addresses are replaced.
            self.trace_address(whole)
        } else if whole.contains(|c: char| c.is_ascii_digit()) {
            self.pseudonym(Stands::Id, whole)
        } else {
            whole.to_owned()
        }
    }

    /// Returns a text of digits, dots and colons with pseudonyms for the addresses in it. The text may begin with the
    /// colon of `ip:` and end with a port or a full stop.
    fn trace_address(&self, whole: &str) -> String {
        let lead = usize::from(whole.starts_with(':') && !whole.starts_with("::"));
        let (lead, rest) = whole.split_at(lead);
        for address in [rest, rest.trim_end_matches(['.', ':'])] {
            if address.parse::<IpAddr>().is_ok() {
                let behind = rest.get(address.len()..).unwrap_or("");
                return format!("{lead}{}{behind}", self.pseudonym(Stands::Address, address));
            }
        }
        match &*V4 {
            Some(v4) => v4
                .replace_all(whole, |found: &Captures<'_>| self.pseudonym(Stands::Address, &found[0]))
                .into_owned(),
            None => "hidden".to_owned(),
        }
    }

    /// Returns the pseudonym of a number that stands for an id. Equal numbers have equal pseudonyms.
    pub fn number(&self, number: u32) -> u32 {
        let mut hasher = DefaultHasher::new();
        (self.secret, number).hash(&mut hasher);
        (hasher.finish() as u32).max(1)
    }

    /// Returns the names of the people in an event, given as JSON, with their pseudonyms: of each object whose type is
    /// `User`. Returns no names if the text is not JSON or the mask is off.
    pub fn names_in(&self, event: &str) -> MaskedNames {
        let mut named = Vec::new();
        if self.is_on
            && let Ok(event) = serde_json::from_str(event)
        {
            self.add_users(&event, &mut named);
        }
        MaskedNames(named).longest_first()
    }

    fn add_users(&self, value: &Value, named: &mut Vec<(String, String)>) {
        match value {
            Value::Object(members) => {
                let text = |key: &str| members.get(key).and_then(Value::as_str).unwrap_or("");
                if text("type").eq_ignore_ascii_case("user") {
                    let texts = [text("id"), text("alternateId"), text("displayName")];
                    let texts = texts.into_iter().filter(|text| !text.is_empty());
                    let key = texts.clone().next().unwrap_or("");
                    let name = self.pseudonym(Stands::Person, key);
                    named.extend(texts.map(|text| (text.to_owned(), name.clone())));
                }
                members.values().for_each(|value| self.add_users(value, named));
            }
            Value::Array(values) => values.iter().for_each(|value| self.add_users(value, named)),
            _ => {}
        }
    }

    /// Returns the names of the people in a consent, with their pseudonyms.
    pub fn names(&self, consent: &Consent) -> MaskedNames {
        let mut named = Vec::new();
        if !self.is_on {
            return MaskedNames(named);
        }
        let exact =
            |text: &Option<Untrusted>| text.as_ref().map_or(String::new(), |text| text.exact().to_owned());
        let mut add = |texts: [String; 3]| {
            let Some(key) = texts.iter().find(|text| !text.is_empty()).cloned() else { return };
            let name = self.pseudonym(Stands::Person, &key);
            named.extend(texts.into_iter().filter(|text| !text.is_empty()).map(|text| (text, name.clone())));
        };
        for consent in std::iter::once(consent).chain(consent.hook_copy.as_deref()) {
            let Person { id, alternate_id, display_name } = &consent.who.person;
            add([
                id.as_ref().map_or(String::new(), |id| id.exact().to_owned()),
                exact(alternate_id),
                exact(display_name),
            ]);
            if let Some(actor) =
                consent.actor.as_ref().filter(|actor| exact(&actor.kind).eq_ignore_ascii_case("user"))
            {
                add([exact(&actor.id), exact(&actor.alternate_id), exact(&actor.display_name)]);
            }
        }
        for consent in std::iter::once(consent).chain(consent.hook_copy.as_deref()) {
            named.extend(self.names_in(&consent.raw).0);
        }
        MaskedNames(named).longest_first()
    }

    /// Returns a text of a consent with pseudonyms for the people named in the consent and for other traces.
    pub(in crate::model) fn told<'a>(&self, text: &'a str, named: &MaskedNames) -> Cow<'a, str> {
        if !self.is_on {
            return Cow::Borrowed(text);
        }
        let mut shown = text.to_owned();
        for (literal, name) in &named.0 {
            // One or two letters are a part of too many words.
            if literal.len() <= 2 {
                if shown == *literal {
                    shown.clone_from(name);
                }
            } else if shown.contains(literal.as_str()) {
                shown = shown.replace(literal.as_str(), name);
            }
        }
        Cow::Owned(self.text(&shown).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on() -> Mask {
        Mask { is_on: true, ..Mask::with_secret([1, 2]) }
    }

    #[test]
    fn nothing_that_names_somebody_is_left() {
        let text = "ada@example.test zoë.ł@example.test 192.0.2.7 2001:db8::1 00u2Dw1Fwg553sy3p1d7 \
            5b1f0c9e-3333-4333-8333-000000000001 idxGCj84GghTK45L5zsNZDKol ZMgvY2Pu5X56Y@O-Q52dlxfdHuPw";
        let shown = on().text(text).into_owned();
        for word in text.split(' ') {
            assert!(!shown.contains(word), "{word} in {shown}");
        }
        assert_eq!(shown.split(' ').count(), text.split(' ').count(), "{shown}");
        assert!(shown.contains("person-") && shown.contains("addr-") && shown.contains("00u-"), "{shown}");
    }

    #[test]
    fn an_address_is_found_beside_colons_and_ports() {
        for text in [
            "ip:192.0.2.7",
            "client.ip:192.0.2.7",
            "192.0.2.7:8080",
            "for=192.0.2.7:4711",
            "X-Forwarded-For: 192.0.2.7:51234",
            "::ffff:192.0.2.7",
            "192.0.2.7..192.0.2.9",
            "at 192.0.2.7.",
            "/api/v1/users/ada%40example.test/192.0.2.7",
        ] {
            let shown = on().text(text).into_owned();
            assert!(!shown.contains("192.0") && !shown.contains("example.test"), "{text} is {shown}");
        }
        for text in ["ip:2001:db8:0:1f::1", "2001:db8:0:1f::1."] {
            let shown = on().text(text).into_owned();
            assert!(!shown.contains("1f::1"), "{text} is {shown}");
        }
    }

    #[test]
    fn everybody_whom_an_event_names_is_found() {
        let event = r#"{"target": [
            {"id": "00u1", "type": "User", "alternateId": "ada.l", "displayName": "Ada Lovelace"},
            {"id": "00u2", "type": "User", "alternateId": "bo", "displayName": "Bo"},
            {"id": "0oa1", "type": "AppInstance", "displayName": "Mail"}]}"#;
        let names = on().names_in(event);
        for text in ["Ada Lovelace asked", "by ada.l", "Bo", "00u2"] {
            let hidden = names.hide(&on(), text);
            assert!(hidden.contains("person-"), "{text} is {hidden}");
        }
        for text in ["Mail", "Bonn", "0oa1"] {
            assert_eq!(names.hide(&on(), text), text);
        }
    }

    #[test]
    fn what_is_no_trace_stays() {
        for text in [
            "grant",
            "https://api.example.test/scopes/statement",
            "offline_access",
            "09:15:27",
            "2026-03-04T09:15:00Z",
        ] {
            assert_eq!(on().text(text), text);
        }
        assert_eq!(Mask::default().text("ada@example.test"), "ada@example.test");
    }

    #[test]
    fn the_same_is_the_same_and_another_run_tells_nothing() {
        assert_eq!(on().text("ada@example.test"), on().text("ada@example.test"));
        assert_ne!(on().text("ada@example.test"), on().text("bo@example.test"));
        let other = Mask { is_on: true, ..Mask::with_secret([3, 4]) };
        assert_ne!(on().text("ada@example.test"), other.text("ada@example.test"));
    }
}
