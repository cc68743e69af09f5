//! How a consent stands, and what became of each of its scopes.

use crate::consent::{Kind, Outcome, Row};
use crate::model::data::RowRef;

/// How a consent stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(u8)]
pub enum Standing {
    /// It is being worked out.
    #[default]
    Pending = 0,
    /// The row is no consent.
    None = 1,
    /// Nothing took anything of it away.
    Stands = 2,
    /// Some of its scopes were revoked.
    Partly = 3,
    /// Nothing is left of it.
    Revoked = 4,
    /// A later consent grants the same again.
    Replaced = 5,
    /// The events do not say.
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

    /// Returns the standing of a kept number.
    pub fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or_default()
    }
}

/// What became of one scope of a consent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It stands.
    Open,
    /// A revocation took it.
    Revoked(RowRef),
    /// A later consent granted it again.
    Replaced(RowRef),
}

/// How a row stands whose scopes came to this, and the row that decided it.
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
        // Nothing tells when a consent at the org server ends, and a consent without scopes has nothing to tell of.
        (0, None, None) => (Standing::CannotTell, None),
        _ if row.kind == Kind::OrgGrant => (Standing::CannotTell, None),
        (0, Some(by), _) => (Standing::Revoked, Some(by)),
        (_, Some(by), _) => (Standing::Partly, Some(by)),
        (_, None, _) => (Standing::Stands, None),
    }
}

/// Whether a row is somebody's consent that came about.
pub(super) fn is_consent(row: &Row) -> bool {
    matches!(row.kind, Kind::Grant | Kind::OrgGrant | Kind::AdminGrant) && is_good(row)
}

/// Whether what a row tells did happen.
pub(super) fn is_good(row: &Row) -> bool {
    matches!(row.outcome, Outcome::Success | Outcome::None | Outcome::Allow)
}
