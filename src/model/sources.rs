//! The sources of each org that this process works for: the status of their parts, and what the journal covers.

use serde::{Deserialize, Serialize};

use crate::consent::OrgId;
use crate::report::{Board, Coverage, Part, Pulse};

/// The sources of one org.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct OrgSources {
    /// The number of the org.
    pub org: OrgId,
    /// The status of the parts.
    pub board: Board,
    /// What the journal covers.
    pub coverage: Coverage,
}

/// The sources of the orgs that this process works for, in the order of the configuration. There is at least one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Sources {
    first: OrgSources,
    others: Vec<OrgSources>,
}

impl Sources {
    /// Sets the orgs, and keeps what is known of those that stay. Changes nothing if there are none.
    pub fn set_orgs(&mut self, orgs: &[OrgId]) {
        let of = |org: &OrgId| {
            let known = self.iter().find(|sources| sources.org == *org);
            known.cloned().unwrap_or_else(|| OrgSources { org: *org, ..OrgSources::default() })
        };
        let mut all = orgs.iter().map(of).collect::<Vec<_>>().into_iter();
        if let Some(first) = all.next() {
            *self = Self { first, others: all.collect() };
        }
    }

    /// Returns the sources of the first org.
    pub fn first(&self) -> &OrgSources {
        &self.first
    }

    /// Returns the sources of every org.
    pub fn iter(&self) -> impl Iterator<Item = &OrgSources> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// Returns the sources of an org, or `None` if this process does not work for it.
    pub fn of(&self, org: OrgId) -> Option<&OrgSources> {
        self.iter().find(|sources| sources.org == org)
    }

    /// Returns the sources of an org to change them, or `None` if this process does not work for it.
    pub fn of_mut(&mut self, org: OrgId) -> Option<&mut OrgSources> {
        std::iter::once(&mut self.first).chain(&mut self.others).find(|sources| sources.org == org)
    }

    /// Returns whether this process works for two orgs or more, so that what is said of sources must name the org.
    pub fn is_several(&self) -> bool {
        !self.others.is_empty()
    }

    /// Returns the worst status of a part among the orgs.
    pub fn worst(&self, part: Part) -> &Pulse {
        let rank = |pulse: &&Pulse| match pulse {
            Pulse::Down(_) => 0,
            Pulse::Waiting(..) => 1,
            Pulse::Impaired(_) => 2,
            Pulse::Starting => 3,
            Pulse::Catching => 4,
            Pulse::Elsewhere(_) => 5,
            Pulse::Live => 6,
            Pulse::Off => 7,
        };
        let pulses = self.iter().map(|sources| sources.board.get(part));
        pulses.min_by_key(rank).unwrap_or(&Pulse::Off)
    }

    /// Returns what the journal covers of all orgs together.
    pub fn coverage(&self) -> Coverage {
        Coverage::of_all(self.iter().map(|sources| &sources.coverage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_an_org_stays_when_others_come() {
        let mut sources = Sources::default();
        assert_eq!((sources.iter().count(), sources.is_several()), (1, false));
        sources.of_mut(OrgId(0)).unwrap().board.set(Part::Poll, Pulse::Live);
        sources.set_orgs(&[OrgId(2), OrgId(0)]);
        assert!(sources.is_several() && sources.of(OrgId(1)).is_none());
        assert_eq!(sources.first().org, OrgId(2));
        assert_eq!(*sources.of(OrgId(0)).unwrap().board.get(Part::Poll), Pulse::Live);
        assert_eq!(*sources.of(OrgId(2)).unwrap().board.get(Part::Poll), Pulse::Off);
        sources.set_orgs(&[]);
        assert_eq!(sources.iter().count(), 2);
    }
}
