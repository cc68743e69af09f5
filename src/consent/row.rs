//! Rows of the list, which are small and have interned texts.

use serde::{Deserialize, Serialize};

use super::{Doubt, Evidence, Kind, OrgId, Outcome, Reach, Rev, Seq, Severity, Sym, Symbol, Via};

/// The row of one consent: what the list shows, sorts and filters. It has no allocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The row's number in the journal.
    pub seq: Seq,
    /// The org in which it happened.
    #[serde(default)]
    pub org: OrgId,
    /// The row's last change, or 0 if it never changed.
    pub rev: Rev,
    /// `published` in milliseconds since 1970, or 0 for "no time".
    pub published_ms: i64,
    /// Fields: id, alternate id, display name.
    pub who: Sym,
    /// Fields: id, alternate id, display name, type.
    pub actor: Sym,
    /// Fields: id, label.
    pub client: Sym,
    /// Fields: id, name.
    pub server: Sym,
    /// Fields: each scope's name, sorted.
    pub scopes: Sym,
    /// Fields: address, city, country, AS number, AS owner, proxy (`yes`, `no` or empty).
    pub from: Sym,
    /// The kind of its type.
    pub kind: Kind,
    /// What it ends, if it is a revocation, else [`Reach::Named`].
    pub reach: Reach,
    /// The ways by which it came.
    pub via: Via,
    /// `outcome.result`.
    pub outcome: Outcome,
    /// `severity`.
    pub severity: Severity,
    /// The evidence for the person.
    pub evidence: Evidence,
    /// Whether it was published well before events that were stored earlier.
    pub late: bool,
    /// The reason to doubt it, if there is one.
    pub doubt: Option<Doubt>,
    /// How many secrets of the event are hidden. 255 means 255 or more.
    pub hidden: u8,
}

/// Rows, and the texts that the receiver does not have yet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowPage {
    /// The rows, in the requested order.
    pub rows: Vec<Row>,
    /// The scope grants of each row.
    pub grants: GrantMarks,
    /// New or changed texts, to be added before the rows.
    pub symbols: Vec<(Sym, Symbol)>,
}

/// The marks of the scope grants of several rows, concatenated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GrantMarks {
    marks: Vec<u32>,
    ends: Vec<u32>,
}

impl GrantMarks {
    /// Adds the marks of the next row.
    pub fn push(&mut self, marks: impl IntoIterator<Item = u32>) {
        self.marks.extend(marks);
        self.ends.push(u32::try_from(self.marks.len()).expect("a page has fewer marks than u32::MAX"));
    }

    /// Returns the marks of a row, in the order of its scopes, or an empty slice if there is no such row.
    pub fn of(&self, index: usize) -> &[u32] {
        let end = |index: usize| self.ends.get(index).map_or(0, |end| *end as usize);
        let start = index.checked_sub(1).map_or(0, end);
        self.marks.get(start..end(index)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_those_of_their_row() {
        let mut grants = GrantMarks::default();
        for marks in [&[1, 2][..], &[], &[3]] {
            grants.push(marks.iter().copied());
        }
        assert_eq!(
            [0, 1, 2, 3].map(|index| grants.of(index).to_vec()),
            [vec![1, 2], vec![], vec![3], vec![]]
        );
    }
}
