//! The orgs of a journal, a screen or a set of files: their numbers, names and hosts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The number of an org within one journal. The first org has 0, so an org by itself needs no number.
///
/// A row carries this number, because ids of people, clients and authorization servers mean nothing in another org.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct OrgId(pub u8);

impl OrgId {
    /// Returns the index of the org in a list of all orgs.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The name of an org in the configuration: 1 to 32 lower-case letters, digits, `-` and `_`, with a letter or digit at
/// both ends. It has no dot and no colon, so it is never taken for a host, and it can stand in a path or a subject.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct OrgName(Box<str>);

/// The longest name of an org, in characters.
const NAME_MAX: usize = 32;

/// A text that cannot be the name of an org.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an org's name has 1 to 32 of a-z, 0-9, - and _, with a letter or digit at both ends")]
pub struct OrgNameError;

impl OrgName {
    /// Checks a name.
    ///
    /// # Errors
    /// Fails for every other text, and for `localhost`, which is a host.
    pub fn parse(text: &str) -> Result<Self, OrgNameError> {
        let is_end = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_inside = |c: u8| is_end(c) || c == b'-' || c == b'_';
        let bytes = text.as_bytes();
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return Err(OrgNameError) };
        let is_good = bytes.len() <= NAME_MAX
            && is_end(*first)
            && is_end(*last)
            && bytes.iter().all(|c| is_inside(*c))
            && text != "localhost";
        if is_good { Ok(Self(text.into())) } else { Err(OrgNameError) }
    }

    /// Returns the name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for OrgName {
    type Error = OrgNameError;

    fn try_from(text: String) -> Result<Self, OrgNameError> {
        Self::parse(&text)
    }
}

/// An org of a journal.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct KnownOrg {
    /// What identifies the org for ever: its host and port in the form of a folder's name. If a file gives the name of
    /// an org without its host, the key is the name.
    pub key: Box<str>,
    /// The host, with the port unless it is the scheme's own.
    pub host: Box<str>,
    /// The name in the configuration, if it has one.
    pub name: Option<OrgName>,
}

/// The longest label: a host of 253 characters, a colon and a port.
const LABEL_MAX: usize = 259;

/// Returns a text from outside as the label of an org, or `None` if it cannot be a name or a host with a port. A label
/// has no spaces and no control characters, so it can be printed anywhere.
pub fn org_label(text: &str) -> Option<Arc<str>> {
    let is_of_host = |c: u8| c.is_ascii_alphanumeric() || b".-_:[]".contains(&c);
    (1..=LABEL_MAX)
        .contains(&text.len())
        .then_some(text)
        .filter(|text| text.bytes().all(is_of_host))
        .map(Arc::from)
}

/// Returns whether a text from outside can be the host of an org: it can be a label, and it cannot be a name.
pub fn is_org_host(text: &str) -> bool {
    org_label(text).is_some() && OrgName::parse(text).is_err()
}

impl KnownOrg {
    /// Creates an org without a name from its host, with the port unless it is the scheme's own.
    pub fn unnamed(host: &str) -> Self {
        Self { key: Self::key_of(host), host: host.into(), name: None }
    }

    /// Returns the key of the org with this host and port: a name that a folder can have on any system.
    pub fn key_of(host: &str) -> Box<str> {
        host.chars().map(|c| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '_' }).collect()
    }

    /// Returns what people call the org: its name, or its host if it has none.
    pub fn label(&self) -> &str {
        self.name.as_ref().map_or(&*self.host, OrgName::as_str)
    }
}

/// All orgs of a journal, by number.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Orgs(Vec<KnownOrg>);

impl Orgs {
    /// Takes the orgs in the order of their numbers.
    pub fn new(orgs: Vec<KnownOrg>) -> Self {
        Self(orgs)
    }

    /// Returns the orgs of a journal with the present hosts and names of `ours`, and the numbers of `ours` in their order.
    /// An org that the journal does not know gets a number that it has not used.
    pub fn with(mut self, ours: &[KnownOrg]) -> (Self, Vec<OrgId>) {
        let mut numbers = Vec::with_capacity(ours.len());
        for org in ours {
            let has_key = |known: &KnownOrg| known.key == org.key;
            // The first entry of a new journal is nobody's until a writer names its first org.
            let is_nobodys = |known: &KnownOrg| known.key.is_empty() && numbers.is_empty();
            let place = self.0.iter().position(has_key);
            let place = place.or_else(|| self.0.first().filter(|known| is_nobodys(known)).map(|_| 0));
            let place = place.unwrap_or(self.0.len());
            match self.0.get_mut(place) {
                Some(known) => known.clone_from(org),
                None => self.0.push(org.clone()),
            }
            numbers.push(OrgId(u8::try_from(place).unwrap_or(u8::MAX)));
        }
        (self, numbers)
    }

    /// Returns the orgs in the order of their numbers.
    pub fn all(&self) -> &[KnownOrg] {
        &self.0
    }

    /// Returns an org, or `None` if no org has this number.
    pub fn get(&self, id: OrgId) -> Option<&KnownOrg> {
        self.0.get(id.index())
    }

    /// Returns the label of an org, or an empty text if no org has this number.
    pub fn label(&self, id: OrgId) -> &str {
        self.get(id).map_or("", KnownOrg::label)
    }

    /// Returns the number of the org with a name or, if there is none, with a host.
    fn find(&self, text: &str) -> Option<OrgId> {
        let is_named =
            |org: &&(OrgId, &KnownOrg)| org.1.name.as_ref().is_some_and(|name| name.as_str() == text);
        let has_host = |org: &&(OrgId, &KnownOrg)| org.1.host.eq_ignore_ascii_case(text);
        let all: Vec<(OrgId, &KnownOrg)> = self.iter().collect();
        all.iter().find(is_named).or_else(|| all.iter().find(has_host)).map(|org| org.0)
    }

    /// Returns the host of the org with a label, or `None` if it is not known. An org that is not in the list has its
    /// host as its label, unless that is a name.
    pub fn host_of<'a>(&'a self, label: &'a str) -> Option<&'a str> {
        let host = self.find(label).and_then(|id| self.get(id)).map(|org| &*org.host);
        host.filter(|host| !host.is_empty()).or_else(|| OrgName::parse(label).is_err().then_some(label))
    }

    /// Returns the orgs with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (OrgId, &KnownOrg)> {
        (0..=u8::MAX).map(OrgId).zip(&self.0)
    }

    /// Returns the number of orgs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether there are no orgs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether there are two or more, so that a row must show which one it belongs to.
    pub fn is_several(&self) -> bool {
        self.0.len() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_orgs_of_a_configuration_keep_their_numbers_in_a_journal() {
        let org =
            |host: &str, name: &str| KnownOrg { name: OrgName::parse(name).ok(), ..KnownOrg::unnamed(host) };
        let journal = Orgs::new(vec![org("a.okta.com", ""), org("b.okta.com", "old")]);
        let ours = [org("b.okta.com", "new"), org("c.okta.com", "other")];
        let (orgs, numbers) = journal.with(&ours);
        assert_eq!(numbers, [OrgId(1), OrgId(2)]);
        assert_eq!([0, 1, 2].map(|id| orgs.label(OrgId(id))), ["a.okta.com", "new", "other"]);
        let begun = Orgs::new(vec![KnownOrg { key: "".into(), host: "".into(), name: None }]);
        assert_eq!(begun.with(&ours).1, [OrgId(0), OrgId(1)]);
        assert_eq!(Orgs::default().with(&ours).1, [OrgId(0), OrgId(1)]);
    }

    #[test]
    fn a_name_cannot_be_taken_for_a_host_or_a_path() {
        for good in ["prod", "p", "eu-1", "acme_2", "0a", &"a".repeat(32)] {
            assert_eq!(OrgName::parse(good).map(|name| name.as_str().to_owned()), Ok(good.to_owned()));
        }
        let long = "a".repeat(33);
        for bad in
            ["", "Prod", "-a", "a-", "_", "a.b", "a:1", "a/b", "a b", "é", "localhost", "..", long.as_str()]
        {
            assert_eq!(OrgName::parse(bad), Err(OrgNameError), "{bad}");
        }
    }

    #[test]
    fn an_org_is_found_by_its_name_before_its_host() {
        let org = |host: &str, name: Option<&str>| KnownOrg {
            key: host.into(),
            host: host.into(),
            name: name.map(|name| OrgName::parse(name).expect("a name")),
        };
        let orgs = Orgs::new(vec![org("a.okta.com", None), org("b.okta.com", Some("prod"))]);
        assert_eq!(
            (orgs.label(OrgId(0)), orgs.label(OrgId(1)), orgs.label(OrgId(2))),
            ("a.okta.com", "prod", "")
        );
        assert_eq!(
            ["prod", "B.okta.com", "a.okta.com", "c"].map(|text| orgs.find(text)),
            [Some(OrgId(1)), Some(OrgId(1)), Some(OrgId(0)), None]
        );
        assert!(orgs.is_several() && !Orgs::default().is_several());
        assert_eq!(
            ["prod", "a.okta.com", "c.okta.com:8080", "preview"].map(|label| orgs.host_of(label)),
            [Some("b.okta.com"), Some("a.okta.com"), Some("c.okta.com:8080"), None]
        );
    }

    #[test]
    fn an_org_without_a_name_is_known_by_its_host() {
        let org = KnownOrg::unnamed("127.0.0.1:8080");
        assert_eq!(
            (&*org.key, &*org.host, org.label()),
            ("127.0.0.1_8080", "127.0.0.1:8080", "127.0.0.1:8080")
        );
    }

    #[test]
    fn a_label_from_outside_can_be_printed_anywhere() {
        for good in ["prod", "example.okta.com", "127.0.0.1:8080", "[::1]:80", &"a".repeat(259)] {
            assert_eq!(org_label(good).as_deref(), Some(good));
        }
        let long = "a".repeat(260);
        for bad in ["", "a b", "a\u{1b}[2J", "=a", "a\n", "é", "a\"", "<b>", long.as_str()] {
            assert_eq!(org_label(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_host_from_outside_is_no_name() {
        for (text, is_host) in [
            ("example.okta.com", true),
            ("127.0.0.1:8080", true),
            ("localhost", true),
            ("prod", false),
            ("", false),
            ("a b.okta.com", false),
            ("a.okta.com\n", false),
        ] {
            assert_eq!(is_org_host(text), is_host, "{text:?}");
        }
    }
}
