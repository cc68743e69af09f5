//! The sources of each org that this process works for: the status of their parts, and what the journal covers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::consent::{KnownOrg, OrgId};
use crate::report::{Board, Coverage, HookProof, Part, Pulse, Unreadable};

/// The sources of one org.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct OrgSources {
    /// The number by which messages name the org. That of its rows may be another one.
    pub org: OrgId,
    /// The org as people call it.
    pub known: KnownOrg,
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
    pub fn set_orgs(&mut self, orgs: Vec<(OrgId, KnownOrg)>) {
        let of = |(org, known): (OrgId, KnownOrg)| {
            let before = self.iter().find(|sources| sources.known.key == known.key).cloned();
            OrgSources { org, known, ..before.unwrap_or_default() }
        };
        let mut all = orgs.into_iter().map(of).collect::<Vec<_>>().into_iter();
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

    /// Returns the sources of an org to change them, or `None` if this process does not work for it.
    pub fn of_mut(&mut self, org: OrgId) -> Option<&mut OrgSources> {
        self.iter_mut().find(|sources| sources.org == org)
    }

    /// Calls the orgs what `other` calls them. Both must have the same orgs in the same order.
    pub fn name_as(&mut self, other: &Self) {
        for (own, other) in self.iter_mut().zip(other.iter()) {
            own.known.clone_from(&other.known);
        }
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut OrgSources> {
        std::iter::once(&mut self.first).chain(&mut self.others)
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

    /// Returns since when the journal is complete for every org, or `None` if it is not for one of them.
    pub fn complete_since(&self) -> Option<Timestamp> {
        let mut since = self.iter().map(|sources| sources.coverage.complete_since);
        since.try_fold(None, |latest, since| since.map(|since| latest.max(Some(since)))).flatten()
    }

    /// Returns the number of gaps of all orgs.
    pub fn gaps(&self) -> usize {
        self.iter().map(|sources| sources.coverage.gaps.len()).sum()
    }

    /// Returns the records of all logs that could not be read.
    pub fn unreadable(&self) -> Unreadable {
        self.iter().fold(Unreadable::default(), |all, sources| all.and(sources.coverage.unreadable))
    }

    /// Returns what all logs show about the hook.
    pub fn hook(&self) -> HookProof {
        let others = self.others.iter().map(|sources| sources.coverage.hook);
        others.fold(self.first.coverage.hook, HookProof::and)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn org(number: u8) -> (OrgId, KnownOrg) {
        (OrgId(number), KnownOrg::unnamed(&format!("example{number}.okta.com")))
    }

    #[test]
    fn all_orgs_together_are_complete_since_the_last_of_them_is() {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).ok();
        let mut sources = Sources::default();
        assert_eq!(sources.complete_since(), None);
        sources.set_orgs(vec![org(0), org(1)]);
        for (org, since, count) in [(0, 2, 3), (1, 5, 4)] {
            assert_eq!(sources.complete_since(), None, "one of them is not");
            let unreadable = Unreadable { count, first: at(since), last: at(since) };
            let hook = HookProof { missed: count, ..HookProof::default() };
            let coverage = Coverage { complete_since: at(since), unreadable, hook, ..Coverage::default() };
            sources.of_mut(OrgId(org)).unwrap().coverage = coverage;
        }
        assert_eq!((sources.complete_since(), sources.gaps()), (at(5), 0));
        assert_eq!(sources.unreadable(), Unreadable { count: 7, first: at(2), last: at(5) });
        assert_eq!(sources.hook().missed, 7);
    }

    #[test]
    fn what_is_known_of_an_org_stays_when_others_come() {
        let mut sources = Sources::default();
        assert_eq!((sources.iter().count(), sources.is_several()), (1, false));
        sources.set_orgs(vec![org(0)]);
        sources.of_mut(OrgId(0)).unwrap().board.set(Part::Poll, Pulse::Live);
        sources.set_orgs(vec![org(2), org(0)]);
        assert!(sources.is_several() && sources.of_mut(OrgId(1)).is_none());
        assert_eq!(sources.first().org, OrgId(2));
        assert_eq!(*sources.of_mut(OrgId(0)).unwrap().board.get(Part::Poll), Pulse::Live);
        assert_eq!(*sources.of_mut(OrgId(2)).unwrap().board.get(Part::Poll), Pulse::Off);
        sources.set_orgs(Vec::new());
        assert_eq!(sources.iter().count(), 2);
        // The journal gave the org another number.
        sources.set_orgs(vec![(OrgId(7), org(0).1)]);
        assert_eq!((sources.first().org, sources.first().board.get(Part::Poll)), (OrgId(7), &Pulse::Live));
    }
}
