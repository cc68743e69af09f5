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
///
/// Records name an org by its host until it gets a name. The head of a snapshot says which host a name has, and
/// records with either label are then of one org. If a head says so only after records with both labels came, these
/// stay apart.
#[derive(Debug, Default)]
pub struct FileOrgs {
    numbers: HashMap<Arc<str>, NamedOrg>,
    /// By host in lower case, the org that has it.
    of_host: HashMap<String, NamedOrg>,
    /// Labels of records, each with a further label of the same org that is shown instead.
    other_labels: HashMap<Arc<str>, Arc<str>>,
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
/// The most further labels of orgs that are remembered. A host has many spellings with capital letters.
const OTHER_LABELS_MAX: usize = 1000;

impl FileOrgs {
    /// Remembers the hosts that the head of a snapshot gives for names. Ignores a text that cannot be a host: it may be
    /// the name of another org.
    pub fn put_hosts<'a>(&mut self, orgs: impl IntoIterator<Item = &'a KnownOrg>) {
        for KnownOrg { name, host, .. } in orgs {
            let Some(name) = name.as_ref().filter(|_| is_org_host(host)) else { continue };
            if self.hosts.contains_key(name) {
                continue;
            }
            self.hosts.insert(name.clone(), host.clone());
            let Some(number) = self.numbers.get(name.as_str()).copied() else { continue };
            self.of_host.entry(host.to_ascii_lowercase()).or_insert(number);
            if let Some(known) = self.table.iter_mut().find(|org| org.name.as_ref() == Some(name)) {
                (known.host, known.key) = (host.clone(), KnownOrg::key_of(host));
                self.is_changed = true;
            }
        }
    }

    /// Returns the number of the org with a label. Beyond 65,535 orgs, returns [`NamedOrg::UNKNOWN`].
    pub fn named(&mut self, label: Option<&Arc<str>>) -> NamedOrg {
        let Some(label) = label else { return NamedOrg::UNKNOWN };
        if let Some(number) = self.numbers.get(label) {
            return *number;
        }
        let org = match OrgName::parse(label) {
            Ok(name) => match self.hosts.get(&name) {
                Some(host) => KnownOrg { name: Some(name), ..KnownOrg::unnamed(host) },
                None => KnownOrg { key: label.as_ref().into(), host: "".into(), name: Some(name) },
            },
            Err(_) => KnownOrg::unnamed(label),
        };
        let host = org.host.to_ascii_lowercase();
        if let Some(number) = self.of_host.get(&host).copied() {
            self.join(label, org, number);
            return number;
        }
        let Ok(number) = u16::try_from(self.named.len() + 1).map(NamedOrg) else { return NamedOrg::UNKNOWN };
        let halves = [0_u8, 1].map(|half| u128::from(self.hasher.hash_one((half, label))));
        let id = if self.table.len() < TABLE_MAX { self.add(org) } else { self.id_of_unknown() };
        self.named.push((halves[0] << 64 | halves[1], id));
        self.numbers.insert(Arc::clone(label), number);
        if !host.is_empty() {
            self.of_host.insert(host, number);
        }
        number
    }

    /// Adds a further label of a known org. An org that had no name gets the one that it has there.
    fn join(&mut self, label: &Arc<str>, org: KnownOrg, number: NamedOrg) {
        // Each org has one label that is not a further one.
        if self.numbers.len() - self.named.len() >= OTHER_LABELS_MAX {
            return;
        }
        self.numbers.insert(Arc::clone(label), number);
        let id = self.id(number);
        let Some(known) = self.table.get_mut(id.index()).filter(|_| self.unknown != Some(id)) else { return };
        if known.name.is_none() && org.name.is_some() {
            let before: Arc<str> = known.label().into();
            self.other_labels.values_mut().filter(|shown| **shown == before).for_each(|shown| {
                *shown = Arc::clone(label);
            });
            self.other_labels.insert(before, Arc::clone(label));
            known.name = org.name;
        } else {
            self.other_labels.insert(Arc::clone(label), known.label().into());
        }
        self.is_changed = true;
    }

    /// Returns the labels of records that are not the labels of their orgs, each with the label that is.
    pub fn other_labels(&self) -> &HashMap<Arc<str>, Arc<str>> {
        &self.other_labels
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
    fn an_org_that_got_a_name_is_one_org() {
        let head = |name: &str, host: &str| KnownOrg {
            name: Some(OrgName::parse(name).unwrap()),
            ..KnownOrg::unnamed(host)
        };
        let label = |text: &str| Some(Arc::<str>::from(text));
        let (host, other) = ("a.okta.com", "b.okta.com");
        // The name comes after the host, with a second name, and the host is written in another way.
        let mut orgs = FileOrgs::default();
        let number = orgs.named(label(host).as_ref());
        orgs.put_hosts(&[head("prod", host), head("production", host)]);
        for text in ["prod", "A.okta.com", "production", host] {
            assert_eq!(orgs.named(label(text).as_ref()), number, "{text}");
        }
        let told = orgs.news().unwrap();
        assert_eq!((labels(&told), told.host_of("prod")), (vec!["prod"], Some(host)));
        assert_eq!(&*told.get(OrgId(0)).unwrap().key, host);
        let mut shown: Vec<(&str, &str)> =
            orgs.other_labels().iter().map(|(label, shown)| (&**label, &**shown)).collect();
        shown.sort_unstable();
        assert_eq!(shown, [("A.okta.com", "prod"), (host, "prod"), ("production", "prod")]);
        assert!(!orgs.is_several());
        // The host comes after the name.
        let mut orgs = FileOrgs::default();
        let number = orgs.named(label("prod").as_ref());
        orgs.put_hosts(&[head("prod", host), head("preview", other)]);
        assert_eq!(orgs.named(label(host).as_ref()), number);
        assert_ne!(orgs.named(label("preview").as_ref()), number);
        let told = orgs.news().unwrap();
        assert_eq!((labels(&told), told.host_of("preview")), (vec!["prod", "preview"], Some(other)));
        assert_eq!(&*told.get(OrgId(0)).unwrap().key, host);
        // A file may spell a host in any number of ways.
        for bits in 0..1 << 13_u32 {
            let letters = "acmeacmeacmea".chars().enumerate();
            let spelled: String = letters
                .map(|(at, c)| if bits >> at & 1 == 1 { c.to_ascii_uppercase() } else { c })
                .chain(".okta.com".chars())
                .collect();
            orgs.named(label(&spelled).as_ref());
        }
        assert_eq!((orgs.named.len(), orgs.other_labels.len()), (3, OTHER_LABELS_MAX));
        assert_eq!(orgs.numbers.len(), OTHER_LABELS_MAX + 3);
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
