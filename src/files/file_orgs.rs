//! The orgs that the records of files name, and the numbers of their rows.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use crate::consent::{KnownOrg, OrgId, OrgName, Orgs, is_org_host};

/// The number of an org among those that the records name, or 0 for a record that names none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NamedOrg(u16);

impl NamedOrg {
    /// No org is named.
    pub const UNKNOWN: Self = Self(0);

    /// Returns whether two records may be of one org. A record without an org may be of any.
    pub fn agrees_with(self, other: Self) -> bool {
        self == other || self == Self::UNKNOWN || other == Self::UNKNOWN
    }
}

/// The orgs that the records name, in the order in which they come.
#[derive(Debug, Default)]
pub struct FileOrgs {
    numbers: HashMap<Arc<str>, NamedOrg>,
    /// The hash and the id of each named org. The first has number 1.
    named: Vec<(u128, OrgId)>,
    hasher: RandomState,
    /// The hosts of named orgs, from the heads of snapshots.
    hosts: HashMap<OrgName, Box<str>>,
    table: Vec<KnownOrg>,
    /// The id of the rows that name no org, once there are several orgs.
    unknown: Option<OrgId>,
    is_changed: bool,
}

/// The most orgs with an id of their own, of 255. The rows of any further ones are shown without an org.
const TABLE_MAX: usize = 254;
/// How many orgs [`FileOrgs::keys`] considers.
const KEYS_MAX: usize = 100;

impl FileOrgs {
    /// Remembers the hosts that the head of a snapshot gives for names. Ignores a text that cannot be a host: it may be
    /// the name of another org.
    pub fn put_hosts<'a>(&mut self, orgs: impl IntoIterator<Item = &'a KnownOrg>) {
        for KnownOrg { name, host, .. } in orgs {
            let Some(name) = name.as_ref().filter(|_| is_org_host(host)) else { continue };
            if let Some(known) = self.table.iter_mut().find(|org| org.name.as_ref() == Some(name))
                && known.host.is_empty()
            {
                known.host.clone_from(host);
                self.is_changed = true;
            }
            self.hosts.entry(name.clone()).or_insert_with(|| host.clone());
        }
    }

    /// Returns the number of the org with a label. Beyond 65,535 orgs, returns [`NamedOrg::UNKNOWN`].
    pub fn named(&mut self, label: Option<&Arc<str>>) -> NamedOrg {
        let Some(label) = label else { return NamedOrg::UNKNOWN };
        if let Some(number) = self.numbers.get(label) {
            return *number;
        }
        let Ok(number) = u16::try_from(self.named.len() + 1).map(NamedOrg) else { return NamedOrg::UNKNOWN };
        let halves = [0_u8, 1].map(|half| u128::from(self.hasher.hash_one((half, label))));
        let org = match OrgName::parse(label) {
            Ok(name) => KnownOrg {
                key: label.as_ref().into(),
                host: self.hosts.get(&name).cloned().unwrap_or_default(),
                name: Some(name),
            },
            Err(_) => KnownOrg::unnamed(label),
        };
        let id = if self.table.len() < TABLE_MAX { self.add(org) } else { self.id_of_unknown() };
        self.named.push((halves[0] << 64 | halves[1], id));
        self.numbers.insert(Arc::clone(label), number);
        number
    }

    /// Returns whether two or more orgs are named.
    pub fn is_several(&self) -> bool {
        self.named.len() > 1
    }

    /// Returns the id of an org for its rows. While at most one org is named, rows that name none are of that one. From
    /// then on they have an id of their own, with an empty label.
    pub fn id(&mut self, org: NamedOrg) -> OrgId {
        match usize::from(org.0).checked_sub(1).and_then(|index| self.named.get(index)) {
            Some((_, id)) => *id,
            None if self.is_several() => self.id_of_unknown(),
            None => OrgId::default(),
        }
    }

    fn id_of_unknown(&mut self) -> OrgId {
        if let Some(id) = self.unknown {
            return id;
        }
        let id = self.add(KnownOrg::unnamed(""));
        self.unknown = Some(id);
        id
    }

    fn add(&mut self, org: KnownOrg) -> OrgId {
        // `TABLE_MAX` and the entry for unknown orgs fit.
        let id = OrgId(self.table.len() as u8);
        self.table.push(org);
        self.is_changed = true;
        id
    }

    /// Returns the orgs if they changed since the last call.
    pub fn news(&mut self) -> Option<Orgs> {
        std::mem::take(&mut self.is_changed).then(|| Orgs::new(self.table.clone()))
    }

    /// Returns the key of an event in an org whose key without the org belongs to another org.
    pub fn key(&self, key: u128, org: NamedOrg) -> u128 {
        let hash = usize::from(org.0).checked_sub(1).and_then(|index| self.named.get(index));
        key ^ hash.map_or(0, |(hash, _)| *hash)
    }

    /// Returns the keys that an event can have in the first hundred orgs.
    pub(super) fn keys(&self, key: u128) -> impl Iterator<Item = u128> {
        self.named.iter().take(KEYS_MAX).map(move |(hash, _)| key ^ hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(orgs: &Orgs) -> Vec<&str> {
        orgs.iter().map(|(_, org)| org.label()).collect()
    }

    #[test]
    fn rows_without_an_org_are_apart_once_there_are_two() {
        let mut orgs = FileOrgs::default();
        assert_eq!((orgs.id(NamedOrg::UNKNOWN), orgs.news()), (OrgId(0), None));
        let prod = orgs.named(Some(&"prod".into()));
        assert_eq!((orgs.id(prod), orgs.id(NamedOrg::UNKNOWN)), (OrgId(0), OrgId(0)));
        assert_eq!(labels(&orgs.news().unwrap()), ["prod"]);
        let host = orgs.named(Some(&"b.okta.com".into()));
        assert_eq!(
            (orgs.id(host), orgs.id(NamedOrg::UNKNOWN), orgs.id(prod)),
            (OrgId(1), OrgId(2), OrgId(0))
        );
        let told = orgs.news().unwrap();
        assert_eq!(
            (labels(&told), told.host_of("b.okta.com")),
            (vec!["prod", "b.okta.com", ""], Some("b.okta.com"))
        );
        assert_eq!((orgs.named(Some(&"prod".into())), orgs.news()), (prod, None));
        let key = |org| orgs.key(7, org);
        assert!(key(prod) != key(host) && key(NamedOrg::UNKNOWN) == 7);
        assert!(!prod.agrees_with(host) && prod.agrees_with(prod) && host.agrees_with(NamedOrg::UNKNOWN));
    }

    #[test]
    fn the_host_of_a_name_is_known_from_a_head_before_or_after_it() {
        let head = |name: &str| KnownOrg {
            name: Some(OrgName::parse(name).unwrap()),
            ..KnownOrg::unnamed(&format!("{name}.okta.com"))
        };
        let mut orgs = FileOrgs::default();
        orgs.put_hosts(&[head("prod")]);
        orgs.named(Some(&"prod".into()));
        orgs.named(Some(&"preview".into()));
        assert_eq!(orgs.news().unwrap().host_of("prod"), Some("prod.okta.com"));
        orgs.put_hosts(&[head("preview"), head("prod")]);
        assert_eq!(orgs.news().unwrap().host_of("preview"), Some("preview.okta.com"));
        orgs.put_hosts(&[head("preview")]);
        assert_eq!(orgs.news(), None);
    }

    #[test]
    fn what_cannot_be_a_host_is_not_remembered_as_one() {
        let mut orgs = FileOrgs::default();
        orgs.named(Some(&"prod".into()));
        for host in ["preview", "", "a b", "a\u{1b}"] {
            let name = OrgName::parse("prod").ok();
            orgs.put_hosts(&[KnownOrg { key: host.into(), host: host.into(), name }]);
            orgs.named(Some(&"preview".into()));
            let told = orgs.news().unwrap_or_default();
            assert_eq!((told.host_of("prod"), told.host_of("preview")), (None, None), "{host:?}");
        }
        assert!(orgs.is_several());
    }

    #[test]
    fn more_orgs_than_have_ids_stay_apart_as_events_and_are_shown_without_an_org() {
        let mut orgs = FileOrgs::default();
        let numbers: Vec<NamedOrg> = (0..300).map(|n: u32| orgs.named(Some(&n.to_string().into()))).collect();
        assert!(
            numbers
                .iter()
                .enumerate()
                .all(|(at, org)| numbers[..at].iter().all(|one| !one.agrees_with(*org)))
        );
        assert_eq!(
            (orgs.id(numbers[253]), orgs.id(numbers[254]), orgs.id(numbers[299])),
            (OrgId(253), OrgId(254), OrgId(254))
        );
        assert_eq!(orgs.id(NamedOrg::UNKNOWN), OrgId(254));
        assert_eq!(orgs.news().unwrap().len(), 255);
        for n in 300..70_000_u32 {
            orgs.named(Some(&n.to_string().into()));
        }
        assert_eq!(orgs.named(Some(&"last".into())), NamedOrg::UNKNOWN);
    }
}
