//! The standing of a consent, and the fate of each of its scopes.

use crate::consent::{Kind, Outcome, Row};
use crate::model::data::RowRef;

/// Whether a consent is in force.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum Standing {
    /// The standing has not been computed yet.
    #[default]
    Pending = 0,
    /// The row is not a consent.
    None = 1,
    /// All of its scopes are in force, or some are and the rest were granted again by later consents.
    Stands = 2,
    /// Some of its scopes were revoked, and some are in force.
    Partly = 3,
    /// None of its scopes is in force, and at least one was revoked.
    Revoked = 4,
    /// Later consents granted all of its scopes again.
    Replaced = 5,
    /// The events do not show whether it is in force.
    CannotTell = 6,
}

impl Standing {
    const ALL: [Self; 7] = [
        Self::Pending,
        Self::None,
        Self::Stands,
        Self::Partly,
        Self::Revoked,
        Self::Replaced,
        Self::CannotTell,
    ];

    /// Returns the word that the list, the detail and filters use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::None => "-",
            Self::Stands => "stands",
            Self::Partly => "partly revoked",
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::CannotTell => "cannot tell",
        }
    }

    /// Returns the standing with a stored code, or [`Standing::Pending`] if the code is unknown.
    pub fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or_default()
    }
}

/// The fate of one scope of a consent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// The scope is in force.
    Open,
    /// This row revoked the scope.
    Revoked(RowRef),
    /// This row, a later consent, granted the scope again.
    Replaced(RowRef),
}

/// Returns the standing of a row from the fates of its scopes, and the row that decided it.
pub(super) fn standing_of(row: &Row, fates: &[Fate]) -> (Standing, Option<RowRef>) {
    if !is_consent(row) {
        return (Standing::None, None);
    }
    let count = |is: fn(&Fate) -> bool| fates.iter().filter(|fate| is(fate)).count();
    let open = count(|fate| *fate == Fate::Open);
    let revoked = fates
        .iter()
        .filter_map(|fate| if let Fate::Revoked(by) = fate { Some(*by) } else { None })
        .next_back();
    let replaced = fates
        .iter()
        .filter_map(|fate| if let Fate::Replaced(by) = fate { Some(*by) } else { None })
        .next_back();
    match (open, revoked, replaced) {
        (0, None, Some(by)) => (Standing::Replaced, Some(by)),
        // Okta logs no end of a consent at the org server, and a consent without scopes has no fates.
        (0, None, None) => (Standing::CannotTell, None),
        _ if row.kind == Kind::OrgGrant => (Standing::CannotTell, None),
        (0, Some(by), _) => (Standing::Revoked, Some(by)),
        (_, Some(by), _) => (Standing::Partly, Some(by)),
        (_, None, _) => (Standing::Stands, None),
    }
}

/// The row that took the last of a consent away, or granted it again, where its scopes came to this.
pub(in crate::model) fn decided_by(row: &Row, fates: &[Fate]) -> Option<RowRef> {
    standing_of(row, fates).1
}

/// Whether a row is somebody's consent that came about.
pub(super) fn is_consent(row: &Row) -> bool {
    matches!(row.kind, Kind::Grant | Kind::OrgGrant | Kind::AdminGrant) && is_good(row)
}

/// Returns whether the outcome of a row does not indicate a failure.
pub(super) fn is_good(row: &Row) -> bool {
    matches!(row.outcome, Outcome::Success | Outcome::None | Outcome::Allow)
}
