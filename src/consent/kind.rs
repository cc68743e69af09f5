//! The kinds of consent events.

use serde::{Deserialize, Serialize};

/// What happened to a consent, as the event's type says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub enum Kind {
    /// A person gave consent to a client at a custom authorization server.
    Grant = 1,
    /// A consent at a custom authorization server ended: it was revoked, or its user, client, scope or server was
    /// removed.
    Revoke = 2,
    /// A person gave consent to a client at the org authorization server.
    OrgGrant = 3,
    /// An admin granted a client an Okta API scope.
    AdminGrant = 4,
    /// An admin revoked an Okta API scope from a client.
    AdminRevoke = 5,
    /// Any other event type, from a file or a hook.
    Other = 6,
}

const REVOKE: &str = "app.oauth2.as.consent.revoke";

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Grant, Self::Revoke, Self::OrgGrant, Self::AdminGrant, Self::AdminRevoke, Self::Other];

    /// Returns the kind of an event type of Okta's catalog.
    pub fn of(event_type: &str) -> Self {
        match event_type {
            "app.oauth2.as.consent.grant" => Self::Grant,
            "app.oauth2.consent.grant" => Self::OrgGrant,
            "app.oauth2.admin.consent.grant" => Self::AdminGrant,
            "app.oauth2.admin.consent.revoke" => Self::AdminRevoke,
            other => match other.strip_prefix(REVOKE) {
                Some(rest) if rest.is_empty() || rest.starts_with('.') => Self::Revoke,
                _ => Self::Other,
            },
        }
    }

    /// Returns the word that the screen, the configuration and the JSON use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Revoke => "revoke",
            Self::OrgGrant => "org_grant",
            Self::AdminGrant => "admin_grant",
            Self::AdminRevoke => "admin_revoke",
            Self::Other => "other",
        }
    }

    /// Returns the kind with this word, or `None` if there is none.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Returns the number that the journal stores.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the kind of a stored number. A number from a newer version becomes [`Kind::Other`].
    pub fn from_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|kind| kind.code() == code).unwrap_or(Self::Other)
    }

    /// Returns the number that the journal stores for a kind with its reach.
    pub fn packed(self, reach: Reach) -> u8 {
        self.code() | (reach as u8) << 4
    }

    /// Returns the kind and the reach of a stored number.
    pub fn unpacked(code: u8) -> (Self, Reach) {
        (Self::from_code(code & 15), Reach::from_code(code >> 4))
    }

    /// Returns the System Log filter that selects this kind, or `None` for [`Kind::Other`], which is never polled.
    ///
    /// `eq` and `sw` on `eventType` are documented operators (Okta: System Log query, filter).
    pub fn filter(self) -> Option<&'static str> {
        match self {
            Self::Grant => Some(r#"eventType eq "app.oauth2.as.consent.grant""#),
            Self::Revoke => Some(r#"eventType sw "app.oauth2.as.consent.revoke""#),
            Self::OrgGrant => Some(r#"eventType eq "app.oauth2.consent.grant""#),
            Self::AdminGrant => Some(r#"eventType eq "app.oauth2.admin.consent.grant""#),
            Self::AdminRevoke => Some(r#"eventType eq "app.oauth2.admin.consent.revoke""#),
            Self::Other => None,
        }
    }

    /// Returns whether event hooks can deliver this kind (Okta: event types, event-hook-eligible).
    pub fn is_hook_eligible(self) -> bool {
        matches!(self, Self::Grant | Self::Revoke)
    }

    /// Returns whether this kind has a consenting person. Admin consents have none.
    pub fn has_person(self) -> bool {
        !matches!(self, Self::AdminGrant | Self::AdminRevoke)
    }
}

/// What a revocation ends, according to its type. For a grant it is [`Reach::Named`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[repr(u8)]
pub enum Reach {
    /// The scope grants that the event names.
    #[default]
    Named = 0,
    /// All grants of a person.
    Person = 1,
    /// All grants of a person for one client.
    PersonAndClient = 2,
    /// All grants of a person, because the user was removed.
    PersonGone = 3,
    /// All grants at a server, because the server was removed.
    ServerGone = 4,
    /// All grants for a client, because the client was removed.
    ClientGone = 5,
    /// All grants of a scope, because the scope was removed.
    ScopeGone = 6,
}

impl Reach {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Person, ".user"),
        (Self::PersonAndClient, ".user.client"),
        (Self::PersonGone, ".implicit.user"),
        (Self::ServerGone, ".implicit.as"),
        (Self::ClientGone, ".implicit.client"),
        (Self::ScopeGone, ".implicit.scope"),
    ];

    /// Returns the reach of an event type of Okta's catalog.
    pub fn of(event_type: &str) -> Self {
        let rest = event_type.strip_prefix(REVOKE).unwrap_or_default();
        Self::ALL.iter().find(|(_, end)| *end == rest).map(|(reach, _)| *reach).unwrap_or_default()
    }

    /// Returns whether the revocation is implicit: nobody asked for it, but something that the consent depends on was
    /// removed.
    pub fn is_implicit(self) -> bool {
        matches!(self, Self::PersonGone | Self::ServerGone | Self::ClientGone | Self::ScopeGone)
    }

    /// Returns the reach of a stored number.
    fn from_code(code: u8) -> Self {
        Self::ALL.iter().find(|(reach, _)| *reach as u8 == code).map(|(reach, _)| *reach).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revocations_are_a_family() {
        for rest in ["", ".user", ".user.client", ".implicit.as", ".implicit.scope"] {
            assert_eq!(Kind::of(&format!("app.oauth2.as.consent.revoke{rest}")), Kind::Revoke);
        }
        assert_eq!(Kind::of("app.oauth2.as.consent.revoked"), Kind::Other);
        assert_eq!(Kind::of("APP.OAUTH2.AS.CONSENT.GRANT"), Kind::Other);
    }

    #[test]
    fn a_revocation_reaches_what_its_type_says() {
        for (reach, end) in Reach::ALL {
            assert_eq!(Reach::of(&format!("app.oauth2.as.consent.revoke{end}")), reach);
            assert_eq!(Kind::unpacked(Kind::Revoke.packed(reach)), (Kind::Revoke, reach));
            assert_eq!(reach.is_implicit(), end.contains("implicit"));
        }
        for other in ["app.oauth2.as.consent.revoke", "app.oauth2.as.consent.grant", "x.user", ""] {
            assert_eq!(Reach::of(other), Reach::Named);
        }
        assert_eq!(Kind::unpacked(Kind::Other.packed(Reach::Named)), (Kind::Other, Reach::Named));
        assert_eq!(Kind::unpacked(0xf1), (Kind::Grant, Reach::Named));
    }

    #[test]
    fn words_and_codes_go_there_and_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
            assert_eq!(Kind::from_code(kind.code()), kind);
        }
        assert_eq!(Kind::from_code(200), Kind::Other);
    }
}
