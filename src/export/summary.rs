//! The statistics in a report: consents, people, scopes and times per client, and the activity over time.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::consent::{Consent, Kind, Untrusted, visible};

/// The most clients of all orgs together, and the most people and scopes per client. Further clients are counted
/// together as one; further people and scopes are left out.
const NAMES_MAX: usize = 10_000;
/// The number of bars in the chart.
pub(super) const BARS: usize = 60;

/// Statistics of a set of consents.
#[derive(Debug, Default)]
pub struct Summary {
    /// The number of consents.
    pub count: u64,
    /// By the label of the org and the id, because an id means nothing in another org.
    clients: HashMap<(Option<Arc<str>>, String), Client>,
    /// The clients beyond the limit, of all orgs together.
    others: Option<Client>,
    /// The labels of the first two orgs that are named.
    orgs: BTreeSet<Arc<str>>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Counts by time slot. A slot is `minutes` long.
    times: BTreeMap<i64, u64>,
    minutes: i64,
}

/// Statistics of one client.
#[derive(Clone, Debug, Default)]
pub(super) struct Client {
    pub(super) org: Option<Arc<str>>,
    pub(super) name: String,
    pub(super) grants: u64,
    pub(super) revocations: u64,
    pub(super) people: BTreeSet<String>,
    pub(super) scopes: BTreeSet<String>,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
}

impl Summary {
    /// Adds a consent.
    pub fn add(&mut self, consent: &Consent) {
        self.count += 1;
        let exact = |text: Option<&Untrusted>| text.map_or("", Untrusted::exact).to_owned();
        let id = exact(consent.client.id.as_ref().map(|id| &id.0));
        let label = exact(consent.client.label.as_ref());
        let key = (consent.org.clone(), if id.is_empty() { label.clone() } else { id.clone() });
        let is_listed = self.clients.contains_key(&key) || self.clients.len() < NAMES_MAX;
        if self.orgs.len() < 2 {
            self.orgs.extend(consent.org.clone());
        }
        let client = if is_listed {
            let client = self.clients.entry(key).or_default();
            client.org.clone_from(&consent.org);
            client
        } else {
            self.others.get_or_insert_default()
        };
        let name = match (label.is_empty(), id.is_empty()) {
            _ if !is_listed => "other clients".to_owned(),
            (true, true) => "unknown".to_owned(),
            (true, false) => visible(&id).into_owned(),
            (false, true) => visible(&label).into_owned(),
            (false, false) => format!("{} ({})", visible(&label), visible(&id)),
        };
        if name.len() > client.name.len() {
            client.name = name;
        }
        match consent.kind {
            Kind::Grant | Kind::OrgGrant | Kind::AdminGrant => client.grants += 1,
            Kind::Revoke | Kind::AdminRevoke => client.revocations += 1,
            Kind::Other => {}
        }
        if let Some(person) = consent.who.person.name().filter(|_| client.people.len() < NAMES_MAX) {
            client.people.insert(visible(person).into_owned());
        }
        for scope in consent.scopes.iter().filter_map(|scope| scope.name.as_ref()) {
            if client.scopes.len() < NAMES_MAX {
                client.scopes.insert(scope.visible().into_owned());
            }
        }
        let Some(at) = consent.published else { return };
        client.first = Some(client.first.map_or(at, |first| first.min(at)));
        client.last = Some(client.last.map_or(at, |last| last.max(at)));
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
        self.time(at);
    }

    fn time(&mut self, at: Timestamp) {
        self.minutes = self.minutes.max(1);
        *self.times.entry(at.as_second().div_euclid(60 * self.minutes)).or_default() += 1;
        if self.times.len() > NAMES_MAX {
            // Merge slots in pairs to halve their number.
            self.minutes *= 2;
            let before = std::mem::take(&mut self.times);
            for (index, count) in before {
                *self.times.entry(index.div_euclid(2)).or_default() += count;
            }
        }
    }

    /// Returns whether the consents are of two or more orgs. While at most one is named, consents that name none are of
    /// that one, as in the list.
    pub(super) fn is_of_several_orgs(&self) -> bool {
        self.orgs.len() > 1
    }

    /// Returns the clients, those with the most grants first. Unless orgs are told apart, consents that name no org
    /// count as those of the org that the others name.
    pub(super) fn clients(&self, tells_orgs_apart: bool) -> Vec<Cow<'_, Client>> {
        let only = self.orgs.first().filter(|_| !tells_orgs_apart);
        let listed = self.clients.iter().filter_map(|((org, key), client)| {
            let of = |org: Option<Arc<str>>| self.clients.get(&(org, key.clone()));
            match (org, only) {
                // It is counted with the client that names the org.
                (None, Some(only)) if of(Some(Arc::clone(only))).is_some() => None,
                (Some(_), Some(_)) => Some(match of(None) {
                    Some(unnamed) => Cow::Owned(client.clone().with(unnamed)),
                    None => Cow::Borrowed(client),
                }),
                _ => Some(Cow::Borrowed(client)),
            }
        });
        let mut clients: Vec<Cow<'_, Client>> = listed.chain(self.others.iter().map(Cow::Borrowed)).collect();
        clients.sort_by(|one, other| {
            (other.grants, &one.org, &one.name).cmp(&(one.grants, &other.org, &other.name))
        });
        clients
    }

    /// Returns the first and the last publication time.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.first?, self.last?))
    }

    /// Returns the number of consents in each of [`BARS`] equal time spans from the first to the last.
    pub(super) fn bars(&self) -> Vec<u64> {
        let mut bars = vec![0; BARS];
        let (Some(from), Some(to)) = (self.times.keys().next(), self.times.keys().next_back()) else {
            return bars;
        };
        let length = (to - from + 1).max(1);
        for (index, count) in &self.times {
            let place = (index - from) * BARS as i64 / length;
            bars[usize::try_from(place).unwrap_or(0).min(BARS - 1)] += count;
        }
        bars
    }
}

impl Client {
    /// Returns two clients counted as one.
    fn with(mut self, other: &Self) -> Self {
        if other.name.len() > self.name.len() {
            self.name.clone_from(&other.name);
        }
        self.grants += other.grants;
        self.revocations += other.revocations;
        for (names, more) in [(&mut self.people, &other.people), (&mut self.scopes, &other.scopes)] {
            let room = NAMES_MAX.saturating_sub(names.len());
            let new: Vec<String> = more.difference(names).take(room).cloned().collect();
            names.extend(new);
        }
        self.first = self.first.into_iter().chain(other.first).min();
        self.last = self.last.max(other.last);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::sample;

    #[test]
    fn each_client_is_told_once() {
        let mut summary = Summary::default();
        for minute in 0..120 {
            let mut consent = sample::both_ways();
            consent.published = Some(Timestamp::from_second(1_772_000_000 + minute * 60).unwrap());
            summary.add(&consent);
        }
        assert_eq!(
            (
                summary.count,
                summary.clients(summary.is_of_several_orgs()).len(),
                summary.clients(summary.is_of_several_orgs())[0].people.len()
            ),
            (120, 1, 1)
        );
        assert_eq!(summary.bars(), vec![2; BARS]);
    }

    #[test]
    fn a_client_of_two_orgs_is_two_clients() {
        let mut summary = Summary::default();
        let mut consent = sample::both_ways();
        summary.add(&consent);
        assert!(!summary.is_of_several_orgs());
        for org in [Some("preview"), None, None] {
            consent.org = org.map(Arc::from);
            summary.add(&consent);
        }
        let clients = summary.clients(summary.is_of_several_orgs());
        let told: Vec<_> = clients.iter().map(|client| (client.org.as_deref(), client.grants)).collect();
        assert_eq!(told, [(None, 2), (Some("preview"), 1), (Some("prod"), 1)]);
        assert!(summary.is_of_several_orgs());
    }

    #[test]
    fn clients_beyond_the_limit_are_counted_under_no_client_s_name() {
        let mut summary = Summary::default();
        let mut consent = sample::both_ways();
        for n in 0..NAMES_MAX + 100 {
            consent.client.id = Some(crate::consent::ClientId::new(&format!("0oa{n:017}")));
            summary.add(&consent);
        }
        let others = summary.others.as_ref().unwrap();
        assert_eq!((others.name.as_str(), others.grants, &others.org), ("other clients", 100, &None));
        // A client may have this id.
        consent.client.id = Some(crate::consent::ClientId::new("others"));
        summary.add(&consent);
        assert_eq!(summary.others.unwrap().grants, 101);
    }

    #[test]
    fn the_limit_holds_for_all_orgs_together() {
        let mut summary = Summary::default();
        let mut consent = sample::both_ways();
        for n in 0..NAMES_MAX + 100 {
            consent.org = Some(format!("org{n}").into());
            summary.add(&consent);
        }
        assert_eq!(summary.clients(summary.is_of_several_orgs()).len(), NAMES_MAX + 1);
        assert_eq!(summary.others.unwrap().grants, 100);
    }

    #[test]
    fn consents_that_name_no_org_are_of_the_only_one_that_is_named() {
        let mut summary = Summary::default();
        let mut consent = sample::both_ways();
        let person = |name: &str| {
            let id = Some(crate::consent::UserId::new(name));
            crate::consent::Person { id, ..crate::consent::Person::default() }
        };
        let minute = |n: i64| Timestamp::from_second(1_772_000_000 + n * 60).ok();
        for (n, org) in [None, Some("prod"), None, Some("prod")].into_iter().enumerate() {
            consent.org = org.map(Arc::from);
            consent.who.person = person(["00u1", "00u2", "00u3", "00u1"][n]);
            consent.published = minute(n as i64);
            summary.add(&consent);
        }
        consent.client.id = Some(crate::consent::ClientId::new("0oa2"));
        consent.org = None;
        summary.add(&consent);
        let told = |summary: &Summary| -> Vec<(Option<String>, u64, usize)> {
            let of = |client: &Client| {
                (client.org.as_deref().map(str::to_owned), client.grants, client.people.len())
            };
            summary.clients(summary.is_of_several_orgs()).iter().map(|client| of(client)).collect()
        };
        assert!(!summary.is_of_several_orgs());
        assert_eq!(told(&summary), [(Some("prod".to_owned()), 4, 3), (None, 1, 1)]);
        assert_eq!(
            (
                summary.clients(summary.is_of_several_orgs())[0].first,
                summary.clients(summary.is_of_several_orgs())[0].last
            ),
            (minute(0), minute(3))
        );
        // With a second org they are apart.
        consent.org = Some("preview".into());
        summary.add(&consent);
        assert!(summary.is_of_several_orgs());
        let of = |org: Option<&str>, grants, people| (org.map(str::to_owned), grants, people);
        let apart = [of(None, 2, 2), of(Some("prod"), 2, 2), of(None, 1, 1), of(Some("preview"), 1, 1)];
        assert_eq!(told(&summary), apart);
    }

    #[test]
    fn years_of_minutes_stay_small_and_are_all_counted() {
        let mut summary = Summary::default();
        let mut consent = sample::both_ways();
        for n in 0..50_000 {
            consent.published = Some(Timestamp::from_second(1_700_000_000 + n * 60).unwrap());
            summary.add(&consent);
        }
        assert!(summary.times.len() <= NAMES_MAX);
        assert_eq!(summary.bars().iter().sum::<u64>(), 50_000);
        assert_eq!(Summary::default().bars(), vec![0; BARS]);
    }
}
