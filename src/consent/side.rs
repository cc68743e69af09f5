//! Side events: events other than consents, about the hook, the org's setup and sessions. They are never rows of the
//! list.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Consent, EventId, Seq, Untrusted};

/// An event that is not a consent, stored because it gives information about consents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SideEvent {
    /// Its uuid, or the digest of its bytes.
    pub id: EventId,
    /// `published`, if it is a time.
    pub published: Option<Timestamp>,
    /// When it was received.
    pub received: Timestamp,
    /// `eventType`.
    pub event_type: Untrusted,
    /// `transaction.id`.
    pub transaction_id: Option<Untrusted>,
    /// `authenticationContext.externalSessionId`, unless it is `unknown`.
    pub session_id: Option<Untrusted>,
    /// The LogEvent exactly as Okta sent it, except for hidden values.
    pub raw: Arc<str>,
}

impl From<Consent> for SideEvent {
    /// Converts an event of any type that was parsed as a consent.
    fn from(read: Consent) -> Self {
        Self {
            id: read.key.id,
            published: read.published,
            received: read.received,
            event_type: read.event_type,
            transaction_id: read.transaction_id,
            session_id: read.session_id,
            raw: read.raw,
        }
    }
}

/// The stored events of a consent's session and transaction.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Beside {
    /// Events other than consents, oldest first.
    pub sides: Vec<SideEvent>,
    /// The consents of the same session, including the consent itself.
    pub consents: Vec<Seq>,
}

/// The topics for which side events are polled.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Topic {
    /// Failed deliveries of event hooks. Okta does not log successful ones (Okta: event types).
    Delivery,
    /// Changes of authorization servers, their scopes and policies, and self-service features. They may make the org
    /// stop or start asking for consent.
    Drift,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Self; 2] = [Self::Delivery, Self::Drift];

    /// Returns the topic of an event type.
    pub fn of(event_type: &str) -> Option<Self> {
        let drifts = ["oauth2.as.", "oauth2.scope.", "system.feature."];
        match event_type {
            "event_hook.delivery" => Some(Self::Delivery),
            other if drifts.iter().any(|family| other.starts_with(family)) => Some(Self::Drift),
            _ => None,
        }
    }

    /// Returns the System Log filter that selects this topic (Okta: System Log query, filter).
    pub fn filter(self) -> &'static str {
        match self {
            Self::Delivery => r#"eventType eq "event_hook.delivery""#,
            Self::Drift => {
                r#"eventType sw "oauth2.as." or eventType sw "oauth2.scope." or eventType sw "system.feature.""#
            }
        }
    }

    /// Returns the word used in bookmarks. The `+` distinguishes it from the word of a kind.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivery => "+delivery",
            Self::Drift => "+drift",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Kind;

    #[test]
    fn a_type_has_one_topic_or_none() {
        for (event_type, topic) in [
            ("event_hook.delivery", Some(Topic::Delivery)),
            ("event_hook.verified", None),
            ("oauth2.as.deactivated", Some(Topic::Drift)),
            ("oauth2.scope.updated", Some(Topic::Drift)),
            ("system.feature.disable", Some(Topic::Drift)),
            ("app.oauth2.as.consent.grant", None),
            ("", None),
        ] {
            assert_eq!(Topic::of(event_type), topic, "{event_type}");
        }
    }

    #[test]
    fn no_word_is_that_of_a_kind() {
        for topic in Topic::ALL {
            assert!(topic.word().starts_with('+') && Kind::from_word(topic.word()).is_none());
        }
    }
}
