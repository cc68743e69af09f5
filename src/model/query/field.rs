//! The fields that a filter can name, and what each reads.

use crate::model::data::text_columns;

/// The field that a condition reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::model) enum Field {
    Any,
    Org,
    Kind,
    Who,
    Actor,
    Client,
    Server,
    Scope,
    Outcome,
    Ip,
    Country,
    City,
    Asn,
    Proxy,
    Via,
    Severity,
    Time,
    Age,
    Uuid,
    Txn,
    Session,
    Agent,
    Message,
    Standing,
    Mark,
}

/// The names of the fields.
pub(super) const FIELDS: &[(&str, Field)] = &[
    ("org", Field::Org),
    ("kind", Field::Kind),
    ("who", Field::Who),
    ("actor", Field::Actor),
    ("client", Field::Client),
    ("server", Field::Server),
    ("scope", Field::Scope),
    ("outcome", Field::Outcome),
    ("ip", Field::Ip),
    ("country", Field::Country),
    ("city", Field::City),
    ("asn", Field::Asn),
    ("proxy", Field::Proxy),
    ("via", Field::Via),
    ("severity", Field::Severity),
    ("time", Field::Time),
    ("age", Field::Age),
    ("uuid", Field::Uuid),
    ("txn", Field::Txn),
    ("session", Field::Session),
    ("agent", Field::Agent),
    ("message", Field::Message),
    ("standing", Field::Standing),
    ("mark", Field::Mark),
];

impl Field {
    pub(in crate::model) fn is_deep(self) -> bool {
        matches!(self, Self::Uuid | Self::Txn | Self::Session | Self::Agent | Self::Message)
    }

    /// Returns the text columns that the field reads, as bits, or 0 if it reads none.
    pub(in crate::model) fn columns(self) -> u8 {
        match self {
            Self::Any => text_columns::ALL,
            Self::Who => text_columns::WHO,
            Self::Actor => text_columns::ACTOR,
            Self::Client => text_columns::CLIENT,
            Self::Server => text_columns::SERVER,
            Self::Scope => text_columns::SCOPES,
            Self::Ip | Self::City | Self::Country | Self::Asn | Self::Proxy => text_columns::FROM,
            _ => 0,
        }
    }

    /// Returns the indexes of the first and the last part of a text that the field reads.
    pub(in crate::model) fn parts(self) -> (usize, usize) {
        match self {
            Self::Ip => (0, 0),
            Self::City => (1, 1),
            Self::Country => (2, 2),
            Self::Asn => (3, 4),
            Self::Proxy => (5, 5),
            _ => (0, usize::MAX),
        }
    }
}
