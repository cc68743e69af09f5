//! An event hook of the org: what it is told to be, and what became of it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::dice::Dice;
use super::entry::{Entry, EventType};
use super::event;

/// The collection's path.
pub(super) const HOOKS: &str = "/api/v1/eventHooks";

/// A hook that the org has.
#[derive(Clone, PartialEq, Eq)]
pub struct HookPlan {
    /// Where it delivers.
    pub url: String,
    /// The whole value of `Authorization`.
    pub secret: String,
    /// From an event to its delivery. What happens meanwhile comes along in the same.
    pub delay: Duration,
    /// What goes wrong.
    pub faults: BTreeSet<HookFault>,
}

impl HookPlan {
    /// Delivers in a fifth of a second, faultlessly.
    pub fn new(url: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            secret: secret.into(),
            delay: Duration::from_millis(200),
            faults: BTreeSet::new(),
        }
    }
}

impl fmt::Debug for HookPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookPlan")
            .field("url", &self.url)
            .field("delay", &self.delay)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// A way in which a hook is less than one would wish. Okta promises no order, no completeness, and at least once for
/// what it does deliver.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HookFault {
    /// Every fourth event or so is never delivered.
    Drop,
    /// Every third delivery or so comes twice, and some events come again in another.
    Duplicate,
    /// Events of a delivery stand in any order, and a delivery may overtake another.
    Disorder,
    /// Something that is no event stands among them.
    BadEvent,
}

impl HookFault {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Drop, "drop"),
        (Self::Duplicate, "duplicate"),
        (Self::Disorder, "disorder"),
        (Self::BadEvent, "bad_event"),
    ];

    /// The words of all, for a command line's help.
    pub const WORDS: [&'static str; 4] = ["drop", "duplicate", "disorder", "bad_event"];

    /// Returns the fault that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(fault, _)| *fault)
    }
}

/// What became of the org's hooks so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HookTold {
    /// Whether the listener has shown that it knows what a challenge wants.
    pub is_verified: bool,
    /// Requests that were answered 200 or 204.
    pub taken: usize,
    /// Events in these, each time they came.
    pub events: usize,
    /// Second tries.
    pub retries: usize,
    /// Deliveries that were given up.
    pub failed: usize,
    /// Events that were never delivered, by [`HookFault::Drop`].
    pub dropped: usize,
    /// Events that happened since the verification and are not done with.
    pub waiting: usize,
}

/// What the story, the management API and the deliverers share.
#[derive(Debug, Default)]
pub(super) struct Hook {
    /// Every hook, whoever made it.
    pub(super) hooks: Mutex<Vec<EventHook>>,
    /// Rises when something happened or a hook changed.
    pub(super) happened: watch::Sender<u64>,
    pub(super) told: watch::Sender<HookTold>,
}

impl Hook {
    /// Notes what happened; whoever calls holds the log.
    pub(super) fn note(&self, entry: &Entry) {
        if is_eligible(entry.event) {
            self.told.send_if_modified(|told| {
                told.waiting += usize::from(told.is_verified);
                told.is_verified
            });
        }
    }
}

/// One event hook.
#[derive(Clone, Debug)]
pub(super) struct EventHook {
    /// `who…`
    pub(super) id: String,
    pub(super) name: String,
    /// The types that it asks for, or `None` for all that it may.
    pub(super) types: Option<Vec<String>>,
    pub(super) plan: HookPlan,
    pub(super) is_active: bool,
    pub(super) is_verified: bool,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
}

impl EventHook {
    /// The hook that an org is started with.
    pub(super) fn planned(plan: HookPlan, dice: &mut Dice, now_ms: i64) -> Self {
        Self {
            id: dice.id("who"),
            name: "Simulated hook".to_owned(),
            types: None,
            plan,
            is_active: true,
            is_verified: false,
            created_ms: now_ms,
            updated_ms: now_ms,
        }
    }

    /// Whether it delivers events of a type.
    pub(super) fn wants(&self, event: EventType) -> bool {
        let [name, ..] = event.names();
        let is_asked_for = self.types.as_ref().is_none_or(|types| types.iter().any(|asked| asked == name));
        is_eligible(event) && is_asked_for
    }

    /// Whether it delivers at all.
    pub(super) fn is_on(&self) -> bool {
        self.is_active && self.is_verified
    }

    /// As the API shows it. What opens the listener is never shown.
    pub(super) fn shown(&self, base: &str) -> Value {
        let own = format!("{base}{HOOKS}/{}", self.id);
        let turn = if self.is_active { "deactivate" } else { "activate" };
        let link =
            |verb: &str| json!({"href": format!("{own}/lifecycle/{verb}"), "hints": {"allow": ["POST"]}});
        json!({
            "id": self.id,
            "name": self.name,
            "status": if self.is_active { "ACTIVE" } else { "INACTIVE" },
            "verificationStatus": if self.is_verified { "VERIFIED" } else { "UNVERIFIED" },
            "created": event::time(self.created_ms, true),
            "createdBy": "00uSimulatedAdmin001d7",
            "lastUpdated": event::time(self.updated_ms, true),
            "events": { "type": "EVENT_TYPE", "items": self.items(), "filter": null },
            "channel": {
                "type": "HTTP",
                "version": "1.0.0",
                "config": {
                    "uri": self.plan.url,
                    "method": "POST",
                    "headers": [],
                    "authScheme": { "type": "HEADER", "key": "authorization" },
                },
            },
            "_links": { "self": { "href": own }, "verify": link("verify"), turn: link(turn) },
        })
    }

    fn items(&self) -> Vec<String> {
        self.types.clone().unwrap_or_else(|| ELIGIBLE.map(|event| event.names()[0].to_owned()).to_vec())
    }
}

/// The types that a hook may ask for among those that the story tells (Okta: event types, event-hook-eligible).
pub(super) const ELIGIBLE: [EventType; 8] = [
    EventType::Grant,
    EventType::Revoke,
    EventType::RevokeUser,
    EventType::RevokeUserClient,
    EventType::RevokeServerGone,
    EventType::RevokeClientGone,
    EventType::RevokeScopeGone,
    EventType::RevokeUserGone,
];

/// Whether a hook may ask for a type.
pub(super) fn is_eligible(event: EventType) -> bool {
    ELIGIBLE.contains(&event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_there_and_back() {
        for (fault, word) in HookFault::ALL {
            assert_eq!(HookFault::from_word(word), Some(fault));
        }
        assert_eq!(HookFault::ALL.map(|(_, word)| word), HookFault::WORDS);
        assert!(
            !format!("{:?}", HookPlan::new("http://127.0.0.1:1/", "invented-secret"))
                .contains("invented-secret")
        );
    }
}
