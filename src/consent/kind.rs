//! The families of consent events.

/// What happened to a consent, as the event's type says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A person allowed a client at a custom authorization server.
    Grant = 1,
    /// A consent at a custom authorization server ended: by a person, or with the user, client, scope or server.
    Revoke = 2,
    /// A person allowed a client at the org authorization server.
    OrgGrant = 3,
    /// An admin allowed a client an Okta API scope.
    AdminGrant = 4,
    /// An admin took an Okta API scope away from a client.
    AdminRevoke = 5,
    /// Any other type that a file or a hook brought.
    Other = 6,
}

const REVOKE: &str = "app.oauth2.as.consent.revoke";

impl Kind {
    /// Every kind, in the order of the papers.
    pub const ALL: [Self; 6] =
        [Self::Grant, Self::Revoke, Self::OrgGrant, Self::AdminGrant, Self::AdminRevoke, Self::Other];

    /// Returns the kind of an event type of Okta's catalogue.
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

    /// Returns the kind that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Returns the number that the journal keeps.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// Returns the kind of a kept number; a number of a newer version reads as [`Kind::Other`].
    pub fn from_code(code: u8) -> Self {
        Self::ALL.into_iter().find(|kind| kind.code() == code).unwrap_or(Self::Other)
    }

    /// Returns the System Log filter that selects this kind, or none for [`Kind::Other`], which is never polled.
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

    /// Whether a person consents in this kind; admin consents have nobody.
    pub fn has_person(self) -> bool {
        !matches!(self, Self::AdminGrant | Self::AdminRevoke)
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
    fn words_and_codes_go_there_and_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_word(kind.word()), Some(kind));
            assert_eq!(Kind::from_code(kind.code()), kind);
        }
        assert_eq!(Kind::from_code(200), Kind::Other);
    }
}
