//! Event hooks of the org: their settings, their state and their faults.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::dice::Dice;
use super::entry::{Entry, EventType};
use super::event;

/// The API path of event hooks.
pub(super) const HOOKS: &str = "/api/v1/eventHooks";

/// The settings of an event hook.
#[derive(Clone, PartialEq, Eq)]
pub struct SimHookPlan {
    /// The URL to deliver to.
    pub url: String,
    /// The whole value of the `Authorization` header.
    pub secret: String,
    /// The time from an event to its delivery. Events in that time are delivered together.
    pub delay: Duration,
    /// The faults of the hook.
    pub faults: BTreeSet<HookFault>,
}

impl SimHookPlan {
    /// Makes a hook without faults that delivers after 200 ms.
    pub fn new(url: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            secret: secret.into(),
            delay: Duration::from_millis(200),
            faults: BTreeSet::new(),
        }
    }
}

impl fmt::Debug for SimHookPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimHookPlan")
            .field("url", &self.url)
            .field("delay", &self.delay)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// A fault of an event hook. All are allowed by Okta, which promises neither order nor completeness, and delivers an
/// event once or more often.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum HookFault {
    /// About every fourth event is never delivered.
    Drop,
    /// About every third delivery is sent twice, and some events are sent again in another delivery.
    Duplicate,
    /// The events of a delivery are shuffled, and a delivery may overtake another.
    Disorder,
    /// Some deliveries contain an item that is not an event.
    BadEvent,
}

impl HookFault {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Drop, "drop"),
        (Self::Duplicate, "duplicate"),
        (Self::Disorder, "disorder"),
        (Self::BadEvent, "bad_event"),
    ];

    /// The words of all faults, for the help of the command line.
    pub const WORDS: [&'static str; 4] = ["drop", "duplicate", "disorder", "bad_event"];

    /// Returns the fault that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(fault, _)| *fault)
    }
}

/// Counts of what the org's hooks have done so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HookTold {
    /// Whether a listener has answered the challenge correctly.
    pub is_verified: bool,
    /// Deliveries that were answered with 200 or 204.
    pub taken: usize,
    /// Events in these deliveries, including repetitions.
    pub events: usize,
    /// Deliveries that were tried a second time.
    pub retries: usize,
    /// Deliveries that failed for good.
    pub failed: usize,
    /// Events that were never delivered, by [`HookFault::Drop`].
    pub dropped: usize,
    /// Events since the verification that are not yet delivered, dropped or given up.
    pub waiting: usize,
}

/// The state of hooks that the story, the management API and the delivery tasks share.
#[derive(Debug, Default)]
pub(super) struct Hook {
    /// All event hooks of the org.
    pub(super) hooks: Mutex<Vec<EventHook>>,
    /// A counter that wakes the delivery tasks when an event happens.
    pub(super) happened: watch::Sender<u64>,
    pub(super) told: watch::Sender<HookTold>,
}

impl Hook {
    /// Counts an event that waits for delivery. The caller must hold the log's lock.
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
    /// The event types that it asks for, or `None` for all eligible ones.
    pub(super) types: Option<Vec<String>>,
    pub(super) plan: SimHookPlan,
    pub(super) is_active: bool,
    pub(super) is_verified: bool,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
}

impl EventHook {
    /// Makes a hook that is active and not yet verified.
    pub(super) fn planned(plan: SimHookPlan, dice: &mut Dice, now_ms: i64) -> Self {
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

    /// Returns whether the hook asks for events of a type.
    pub(super) fn wants(&self, event: EventType) -> bool {
        let [name, ..] = event.names();
        let is_asked_for = self.types.as_ref().is_none_or(|types| types.iter().any(|asked| asked == name));
        is_eligible(event) && is_asked_for
    }

    /// Returns whether the hook is active and verified.
    pub(super) fn is_on(&self) -> bool {
        self.is_active && self.is_verified
    }

    /// Returns the hook as the API shows it, without its secret.
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

/// The event types of the story that a hook may ask for (Okta: event types, event-hook-eligible).
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

/// Returns whether a hook may ask for a type.
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
            !format!("{:?}", SimHookPlan::new("http://127.0.0.1:1/", "invented-secret"))
                .contains("invented-secret")
        );
    }
}
