//! The org's readiness to produce consents: items with a verdict, its evidence and the remedy.
//!
//! [`Readiness`] is what `consentwatch doctor --format json` prints and what a snapshot keeps under `readiness`; its
//! keys are those of `consentwatch.doctor/1`, and they only grow.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How certain a verdict is. Something unknown is never reported as off.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Confidence {
    /// Direct evidence.
    Confirmed,
    /// Indirect evidence.
    Likely,
    /// No public signal, or no usable answer.
    CannotTell,
    /// The credentials lack the right to ask.
    NotPermitted,
}

impl Confidence {
    /// Returns the words that the screen and the JSON use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Likely => "likely",
            Self::CannotTell => "cannot tell",
            Self::NotPermitted => "not permitted",
        }
    }

    /// Returns whether there is a verdict, so that a different one later counts as a change.
    pub fn is_known(self) -> bool {
        matches!(self, Self::Confirmed | Self::Likely)
    }
}

impl Confidence {
    const ALL: [Self; 4] = [Self::Confirmed, Self::Likely, Self::CannotTell, Self::NotPermitted];
}

impl<'de> Deserialize<'de> for Confidence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        // A word from a newer version counts as unknown.
        Ok(Self::ALL.into_iter().find(|one| one.word() == word).unwrap_or(Self::CannotTell))
    }
}

impl Serialize for Confidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// One call and its result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadinessEvidence {
    /// The method and path of the call, or another source such as `journal`.
    pub call: String,
    /// The HTTP status, or `None` if there was no answer.
    pub status: Option<u16>,
    /// The error code from Okta or OAuth.
    pub code: Option<String>,
    /// When the answer came.
    #[serde(serialize_with = "time", deserialize_with = "read_time")]
    pub at: Timestamp,
    /// A short summary of the answer.
    pub said: String,
}

/// A condition for consents, or an indication of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadinessItem {
    /// A stable id for scripts.
    pub id: String,
    /// A name for people. A feature flag keeps Okta's name.
    pub name: String,
    /// The state in a few words: `on`, `off`, `ACTIVE`, `missing`, `unknown`, `not applicable` …
    pub state: String,
    /// How certain the state is.
    pub confidence: Confidence,
    /// The evidence for the state.
    pub evidence: Vec<ReadinessEvidence>,
    /// What the state means.
    pub meaning: String,
    /// What an admin can do, or empty if nothing needs to be done.
    pub remedy: String,
    /// Whether this state prevents every consent.
    pub blocking: bool,
    /// The details, each with a name and a state: scopes, rules, apps.
    pub details: Vec<ReadinessDetail>,
}

/// A detail of an item.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadinessDetail {
    /// The name of the scope, rule, app or other detail.
    pub name: String,
    /// Its state in a few words.
    pub state: String,
}

/// The overall verdict.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Overall {
    /// A recent consent proves it, and nothing blocks.
    Ready,
    /// Something is confirmed to block consents.
    NotReady,
    /// Nothing blocks, but no recent consent proves it.
    Unproven,
}

impl Overall {
    /// Returns the word for scripts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "not_ready",
            Self::Unproven => "unproven",
        }
    }

    /// Returns a sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Ready => "Ready: consents have happened, and nothing blocks them.",
            Self::NotReady => "Not ready: no consent can happen.",
            Self::Unproven => "Nothing blocks consents, but none proves it.",
        }
    }
}

impl<'de> Deserialize<'de> for Overall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let all = [Self::Ready, Self::NotReady, Self::Unproven];
        Ok(all.into_iter().find(|one| one.word() == word).unwrap_or(Self::Unproven))
    }
}

impl Serialize for Overall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// The result of a round of probes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Readiness {
    /// When the round ended.
    #[serde(serialize_with = "time", deserialize_with = "read_time")]
    pub probed: Timestamp,
    /// The overall verdict.
    pub verdict: Overall,
    /// Whether Okta refused the credentials.
    pub credentials_refused: bool,
    /// The items, most important first.
    pub items: Vec<ReadinessItem>,
    /// The changes between rounds since the program started, newest first.
    pub changes: Vec<ReadinessChange>,
}

/// A change between two rounds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadinessChange {
    /// When the round that found the change ended.
    #[serde(serialize_with = "time", deserialize_with = "read_time")]
    pub at: Timestamp,
    /// The change, in words.
    pub what: String,
}

/// The most changes that are listed one by one. Further ones are only counted.
const CHANGES_MAX: usize = 3;
/// The most changes that are remembered.
const REMEMBERED_MAX: usize = 50;

impl Readiness {
    /// Returns the item with this id, or `None` if there is none.
    pub fn item(&self, id: &str) -> Option<&ReadinessItem> {
        self.items.iter().find(|item| item.id == id)
    }

    /// Returns the items that are confirmed to block, in order.
    pub fn blockers(&self) -> impl Iterator<Item = &ReadinessItem> {
        self.items.iter().filter(|item| item.blocking)
    }

    /// Returns the changes since an earlier round, one line each. An item that is unknown in one of the two rounds is
    /// not a change.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for item in &self.items {
            let Some(was) = before.item(&item.id) else {
                if item.confidence.is_known() && item.id.starts_with(SERVER) {
                    changes.push(format!("{}: new, {}", item.name, item.state));
                }
                continue;
            };
            // A less certain verdict is not a change, only weaker evidence.
            let is_worse =
                was.confidence == Confidence::Confirmed && item.confidence != Confidence::Confirmed;
            if !item.confidence.is_known()
                || !was.confidence.is_known()
                || is_worse
                || QUIET.contains(&&*item.id)
            {
                continue;
            }
            // The details below say more than a changed count.
            let counts = item.id == SCOPES && was.details != item.details;
            if was.state != item.state && !counts {
                changes.push(format!("{}: {}, was {}", item.name, item.state, was.state));
            }
            for detail in &item.details {
                match was.details.iter().find(|old| old.name == detail.name) {
                    Some(old) if old.state != detail.state => {
                        changes.push(format!("{}: {}, was {}", detail.name, detail.state, old.state));
                    }
                    Some(_) => {}
                    None => changes.push(format!("{}: new, {}", detail.name, detail.state)),
                }
            }
            for old in was.details.iter().filter(|old| !item.details.iter().any(|new| new.name == old.name)) {
                changes.push(format!("{}: gone, was {}", old.name, old.state));
            }
        }
        for was in before.items.iter().filter(|was| was.id.starts_with(SERVER)) {
            let list_is_known = self.item(SERVERS).is_some_and(|list| list.confidence.is_known());
            if list_is_known && self.item(&was.id).is_none() {
                changes.push(format!("{}: gone", was.name));
            }
        }
        changes
    }

    /// Takes over the changes known to an earlier round, and adds those since then.
    pub fn follow(&mut self, before: &Self) {
        let new =
            self.changes_since(before).into_iter().map(|what| ReadinessChange { at: self.probed, what });
        self.changes = new.chain(before.changes.iter().cloned()).take(REMEMBERED_MAX).collect();
    }

    /// Returns the changes since an earlier round as one sentence for the notice line, or `None` if nothing changed.
    pub fn news_since(&self, before: &Self) -> Option<String> {
        let changes = self.changes_since(before);
        let more = changes.len().saturating_sub(CHANGES_MAX);
        let told = changes.into_iter().take(CHANGES_MAX).collect::<Vec<_>>().join("; ");
        match (told.as_str(), more) {
            ("", _) => None,
            (told, 0) => Some(format!("Readiness changed. {told}")),
            (told, more) => Some(format!("Readiness changed. {told}; {more} more on page 5")),
        }
    }
}

/// The id of the item that lists the authorization servers.
pub const SERVERS: &str = "authorization_server";
/// The prefix of the ids of items for single servers.
pub const SERVER: &str = "server.";
/// The id of the item for the scopes of the configured authorization server.
const SCOPES: &str = "scopes";
/// The ids of items that can change although the org does not.
const QUIET: [&str; 4] = ["history", "clock", "token", "apps"];

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

fn time<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, state: &str, confidence: Confidence, details: &[(&str, &str)]) -> ReadinessItem {
        ReadinessItem {
            id: id.to_owned(),
            name: id.to_uppercase(),
            state: state.to_owned(),
            confidence,
            evidence: Vec::new(),
            meaning: String::new(),
            remedy: String::new(),
            blocking: false,
            details: details
                .iter()
                .map(|(name, state)| ReadinessDetail { name: (*name).to_owned(), state: (*state).to_owned() })
                .collect(),
        }
    }

    fn of(items: Vec<ReadinessItem>) -> Readiness {
        Readiness {
            probed: Timestamp::UNIX_EPOCH,
            verdict: Overall::Unproven,
            credentials_refused: false,
            items,
            changes: Vec::new(),
        }
    }

    #[test]
    fn what_is_otherwise_is_told_and_what_cannot_be_told_is_no_change() {
        use Confidence::{CannotTell, Confirmed, Likely};
        let before = of(vec![
            item(SERVERS, "ACTIVE", Confirmed, &[]),
            item("scopes", "2 ask", Confirmed, &[("orders.read", "REQUIRED"), ("old", "IMPLICIT")]),
            item("flag", "on", Confirmed, &[]),
            item("worse", "ACTIVE", Confirmed, &[]),
            item("server.aus1", "ACTIVE", Confirmed, &[]),
            item("history", "proven", Confirmed, &[("at", "1")]),
        ]);
        let now = of(vec![
            item(SERVERS, "INACTIVE", Confirmed, &[]),
            item("scopes", "2 ask", Confirmed, &[("orders.read", "IMPLICIT"), ("new", "REQUIRED")]),
            item("flag", "unknown", CannotTell, &[]),
            item("worse", "there", Likely, &[]),
            item("server.aus2", "ACTIVE", Confirmed, &[]),
            item("history", "proven", Confirmed, &[("at", "2")]),
        ]);
        assert_eq!(
            now.changes_since(&before),
            [
                "AUTHORIZATION_SERVER: INACTIVE, was ACTIVE",
                "orders.read: IMPLICIT, was REQUIRED",
                "new: new, REQUIRED",
                "old: gone, was IMPLICIT",
                "SERVER.AUS2: new, ACTIVE",
                "SERVER.AUS1: gone",
            ]
        );
        let news = now.news_since(&before).unwrap();
        assert!(news.ends_with("; 3 more on page 5"), "{news}");
        assert_eq!(now.news_since(&now), None);
        let (mut third, mut second) = (now.clone(), now);
        second.follow(&before);
        third.follow(&second);
        assert_eq!(third.changes.len(), 6, "they stay known");
    }

    #[test]
    fn machines_read_the_same_words() {
        let mut one = item("engine", "Classic", Confidence::CannotTell, &[]);
        one.evidence.push(ReadinessEvidence {
            call: "GET /x".to_owned(),
            status: Some(401),
            code: Some("E0000015".to_owned()),
            at: Timestamp::UNIX_EPOCH,
            said: String::new(),
        });
        let json = serde_json::to_value(of(vec![one])).unwrap();
        assert_eq!(json["verdict"], "unproven");
        assert_eq!(json["items"][0]["confidence"], "cannot tell");
        assert_eq!(json["items"][0]["evidence"][0]["at"], "1970-01-01T00:00:00.000Z");
    }
}
