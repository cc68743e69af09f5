//! Whether the org is able to produce consents at all: items with a verdict, its evidence and the remedy.
//!
//! [`Readiness`] is what `consentwatch doctor --format json` prints and what a snapshot keeps under `readiness`; its
//! keys are those of `consentwatch.doctor/1`, and they only grow.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How sure a verdict is. What cannot be told is never said to be off.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Confidence {
    /// Direct evidence.
    Confirmed,
    /// Indirect evidence.
    Likely,
    /// No public signal, or no usable answer.
    CannotTell,
    /// The credentials may not ask.
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

    /// Whether there is a verdict, so that another one later is a change.
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
        // A word of a newer program is no verdict here.
        Ok(Self::ALL.into_iter().find(|one| one.word() == word).unwrap_or(Self::CannotTell))
    }
}

impl Serialize for Confidence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// One call and what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// Method and path; or where else it is from, such as `journal`.
    pub call: String,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Okta's error code, or that of OAuth.
    pub code: Option<String>,
    /// When it was heard.
    #[serde(serialize_with = "time", deserialize_with = "read_time")]
    pub at: Timestamp,
    /// What it said, in some words.
    pub said: String,
}

/// One thing that consents need, or that tells of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Item {
    /// Stable, for machines.
    pub id: String,
    /// For people; a flag has its own name.
    pub name: String,
    /// A word or a few: `on`, `off`, `ACTIVE`, `missing`, `unknown`, `not applicable` …
    pub state: String,
    /// How sure that is.
    pub confidence: Confidence,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What it means.
    pub meaning: String,
    /// What an admin can do; empty if nothing is to be done.
    pub remedy: String,
    /// Whether no consent can come about while this is so.
    pub blocking: bool,
    /// What it is made of, each with a name and a word: scopes, rules, apps.
    pub details: Vec<Detail>,
}

/// One part of an item.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Detail {
    /// Which.
    pub name: String,
    /// How it is.
    pub state: String,
}

/// The verdict on the whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Overall {
    /// A consent came about of late, and nothing blocks.
    Ready,
    /// A blocker is confirmed.
    NotReady,
    /// Nothing blocks, and nothing proves it.
    Unproven,
}

impl Overall {
    /// Returns the word for machines.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::NotReady => "not_ready",
            Self::Unproven => "unproven",
        }
    }

    /// Returns the words for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Ready => "Ready: consents have come about, and nothing blocks them.",
            Self::NotReady => "Not ready: no consent can come about.",
            Self::Unproven => "Nothing blocks, but nothing proves it.",
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

/// What a round of probes found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Readiness {
    /// When the round ended.
    #[serde(serialize_with = "time", deserialize_with = "read_time")]
    pub probed: Timestamp,
    /// The verdict on the whole.
    pub verdict: Overall,
    /// Whether Okta does not take the credentials at all.
    pub credentials_refused: bool,
    /// Each thing, in the order in which it matters.
    pub items: Vec<Item>,
    /// What became otherwise from one round to the next since the program began, newest first.
    pub changes: Vec<Change>,
}

/// Something that became otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Change {
    /// When the round ended that found it.
    #[serde(serialize_with = "time", deserialize_with = "read_time")]
    pub at: Timestamp,
    /// What.
    pub what: String,
}

/// Changes that are told one by one; more are counted.
const CHANGES_MAX: usize = 3;
/// Changes that are remembered.
const REMEMBERED_MAX: usize = 50;

impl Readiness {
    /// Returns an item.
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.id == id)
    }

    /// Returns what is confirmed to block, in the order of the items.
    pub fn blockers(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.blocking)
    }

    /// Says what is otherwise than in an earlier round, a line each. What could not be told in one of the two is no
    /// change.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let mut changes = Vec::new();
        for item in &self.items {
            let Some(was) = before.item(&item.id) else {
                if item.confidence.is_known() && item.id.starts_with(SERVER) {
                    changes.push(format!("{}: new, {}", item.name, item.state));
                }
                continue;
            };
            // What is less sure than before is no change but a worse look.
            let is_worse =
                was.confidence == Confidence::Confirmed && item.confidence != Confidence::Confirmed;
            if !item.confidence.is_known()
                || !was.confidence.is_known()
                || is_worse
                || QUIET.contains(&&*item.id)
            {
                continue;
            }
            // A count that moved says less than what it counts.
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

    /// Takes over what an earlier round knew of changes, and adds those since then.
    pub fn follow(&mut self, before: &Self) {
        let new = self.changes_since(before).into_iter().map(|what| Change { at: self.probed, what });
        self.changes = new.chain(before.changes.iter().cloned()).take(REMEMBERED_MAX).collect();
    }

    /// Says the same in one sentence for the notice line. Returns `None` if nothing changed.
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

/// The item that says which servers there are.
pub const SERVERS: &str = "authorization_server";
/// The items of single servers begin so.
pub const SERVER: &str = "server.";
/// The item of the scopes of the server that matters.
const SCOPES: &str = "scopes";
/// What moves without the org having changed.
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

    fn item(id: &str, state: &str, confidence: Confidence, details: &[(&str, &str)]) -> Item {
        Item {
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
                .map(|(name, state)| Detail { name: (*name).to_owned(), state: (*state).to_owned() })
                .collect(),
        }
    }

    fn of(items: Vec<Item>) -> Readiness {
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
        one.evidence.push(Evidence {
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
