//! Generates the events of the org. It remembers the grants in force, so that a revocation ends an existing grant.
//! Entries are small. Their JSON is written only when they are read.

use std::sync::Arc;

use uuid::Uuid;

use super::dice::Dice;
use super::entry::{ActorOf, Entry, EventType, Oddity, Target};
use super::names::{ADMIN_SCOPES, ORG_SCOPES};
use super::population::{ADMINS, ORDINARY, Population, Variant};

/// One consent in force.
#[derive(Clone, Debug)]
struct Standing {
    user: u16,
    app: u16,
    server: u8,
    grant: u32,
    scopes: Vec<u8>,
}

/// The generator of events.
#[derive(Debug)]
pub(super) struct Story {
    population: Arc<Population>,
    dice: Dice,
    deck: Vec<EventType>,
    standing: Vec<Standing>,
    admin_standing: Vec<Target>,
    told: u64,
    /// The number of consents so far whose event does not name the person.
    alone: u64,
    /// Whether some events deviate from Okta's documentation, as recorded ones do.
    is_odd: bool,
    failed_deliveries: u64,
}

/// One consent event in this many has an oddity.
const ODD_EVERY: u64 = 12;

/// The first number for entries that are not part of the story, such as failed deliveries. The story never has so many
/// events.
const FAILED_DELIVERIES: u64 = 1 << 62;

/// The most consents that the story remembers, to bound its memory. A forgotten consent is never revoked.
const MAX_STANDING: usize = 500;
/// No further consent is added to a revocation with this many targets.
const MAX_REVOKED: usize = 8;

impl Story {
    /// Makes the generator of a story.
    pub(super) fn new(population: Arc<Population>) -> Self {
        let dice = Dice::of(population.seed, 0x706c_6f74);
        Self {
            population,
            dice,
            deck: Vec::new(),
            standing: Vec::new(),
            admin_standing: Vec::new(),
            told: 0,
            alone: 0,
            is_odd: true,
            failed_deliveries: 0,
        }
    }

    /// Returns the same story without oddities: every event is as Okta documents it.
    pub(super) fn plain(mut self) -> Self {
        self.is_odd = false;
        self
    }

    /// Appends one consent event, perhaps after events of other types from the same session.
    pub(super) fn tell(&mut self, published_ms: i64, persisted_ms: i64, out: &mut Vec<Entry>) {
        let card = self.draw();
        let number = self.told;
        let mut entry = self.scene(card);
        entry.published_ms = published_ms;
        entry.persisted_ms = persisted_ms;
        if self.is_odd && number % ODD_EVERY == ODD_EVERY - 1 {
            let oddity = Oddity::ALL[(number / ODD_EVERY) as usize % Oddity::ALL.len()];
            entry.oddity = Some(oddity);
            if oddity == Oddity::WholeSecond {
                entry.published_ms -= published_ms.rem_euclid(1000);
            }
        }
        let wanted = match (entry.actor, self.population.variant) {
            (ActorOf::SystemAlone, _) => !self.dice.once_in(5),
            (_, Variant::Oie) => self.dice.once_in(50),
            (_, Variant::Classic) => self.dice.once_in(20),
        };
        if wanted {
            let noise = self.noise(&entry);
            out.push(noise);
        }
        if entry.actor == ActorOf::SystemAlone {
            self.neighbors(&entry, wanted, out);
        }
        out.push(entry);
    }

    /// Returns an event for a failed delivery of the event hook.
    pub(super) fn tell_failed_delivery(&mut self, now_ms: i64) -> Entry {
        Entry { failed: true, ..self.tell_beside(EventType::HookDelivery, now_ms) }
    }

    /// Returns an event for a changed authorization server.
    pub(super) fn tell_drift(&mut self, now_ms: i64) -> Entry {
        self.tell_beside(EventType::ServerUpdated, now_ms)
    }

    fn tell_beside(&mut self, event: EventType, now_ms: i64) -> Entry {
        // These events are counted separately, so that they do not change the rest of the story.
        self.failed_deliveries += 1;
        let told = std::mem::replace(&mut self.told, FAILED_DELIVERIES + self.failed_deliveries);
        let mut entry = self.entry(event);
        self.told = told;
        (entry.published_ms, entry.persisted_ms) = (now_ms, now_ms);
        entry.actor = ActorOf::SystemAlone;
        entry
    }

    /// Returns the next event type, from a shuffled deck, so that even a short story has every type.
    fn draw(&mut self) -> EventType {
        if self.deck.is_empty() {
            let dealt = [
                (EventType::Grant, 54),
                (EventType::Revoke, 5),
                (EventType::RevokeUser, 2),
                (EventType::RevokeUserClient, 3),
                (EventType::RevokeServerGone, 1),
                (EventType::RevokeClientGone, 1),
                (EventType::RevokeScopeGone, 1),
                (EventType::RevokeUserGone, 1),
                (EventType::OrgGrant, 6),
                (EventType::AdminGrant, 4),
                (EventType::AdminRevoke, 2),
            ];
            self.deck = dealt.iter().flat_map(|&(event, times)| std::iter::repeat_n(event, times)).collect();
            self.dice.shuffle(&mut self.deck);
        }
        match self.deck.pop() {
            Some(EventType::AdminRevoke) if self.admin_standing.is_empty() => EventType::AdminGrant,
            Some(card) if card.kind() == Some("revoke") && self.standing.is_empty() => EventType::Grant,
            card => card.unwrap_or(EventType::Grant),
        }
    }

    fn scene(&mut self, event: EventType) -> Entry {
        let mut entry = self.entry(event);
        match event {
            EventType::Grant => self.grant(&mut entry),
            EventType::OrgGrant => {
                entry.user = self.anybody();
                entry.app = self.dice.below(self.population.apps.len()) as u16;
                let asked = 1 + self.dice.below(5);
                entry.targets = self.fresh_targets(&entry, ORG_SCOPES.len(), asked);
            }
            EventType::AdminGrant => {
                entry.user = self.dice.below(ADMINS) as u16;
                entry.app = self.dice.below(self.population.apps.len()) as u16;
                let asked = 1 + self.dice.below(2);
                entry.targets = self.fresh_targets(&entry, ADMIN_SCOPES.len(), asked);
                self.admin_standing.extend_from_slice(&entry.targets);
                self.admin_standing.truncate(MAX_STANDING);
            }
            EventType::AdminRevoke => {
                let at = self.dice.below(self.admin_standing.len());
                let target = self.admin_standing.swap_remove(at);
                entry.user = self.dice.below(ADMINS) as u16;
                entry.app = target.app;
                entry.targets = Box::new([target]);
            }
            _ => self.revoke(&mut entry),
        }
        entry.actor = match event {
            EventType::Grant | EventType::OrgGrant if self.population.variant == Variant::Oie => {
                match self.dice.below(100) {
                    0..88 => ActorOf::System,
                    88..94 => ActorOf::SystemAlone,
                    _ => ActorOf::User,
                }
            }
            _ => ActorOf::User,
        };
        entry
    }

    fn entry(&mut self, event: EventType) -> Entry {
        self.told += 1;
        let mut dice = Dice::of(self.population.epoch, self.told);
        let high = u128::from(dice.roll()) << 64;
        let uuid =
            uuid::Builder::from_random_bytes((high | u128::from(dice.roll())).to_be_bytes()).into_uuid();
        Entry {
            uuid,
            published_ms: 0,
            persisted_ms: 0,
            event,
            actor: ActorOf::User,
            user: 0,
            app: 0,
            server: 0,
            failed: false,
            oddity: None,
            session: dice.roll(),
            seed: dice.roll(),
            targets: Box::default(),
        }
    }

    fn anybody(&mut self) -> u16 {
        let strange = self.population.users.len() - ORDINARY;
        let user = if self.dice.once_in(14) {
            ORDINARY + self.dice.below(strange)
        } else {
            // The lower of two rolls, so that some people consent more often than others.
            self.dice.below(ORDINARY).min(self.dice.below(ORDINARY))
        };
        user as u16
    }

    fn grant(&mut self, entry: &mut Entry) {
        // Sometimes an existing consent is asked for again, with new grant ids.
        if !self.standing.is_empty() && self.dice.once_in(5) {
            let again = self.dice.pick(&self.standing).clone();
            (entry.user, entry.app, entry.server) = (again.user, again.app, again.server);
            entry.targets = self.targets(entry, &again.scopes);
        } else {
            entry.user = self.anybody();
            entry.app = self.dice.below(self.population.apps.len()) as u16;
            entry.server = self.population.apps[usize::from(entry.app)].server as u8;
            let asked = match self.dice.below(20) {
                0..6 => 1,
                6..12 => 2,
                12..18 => 3 + self.dice.below(2),
                18 => 5 + self.dice.below(6),
                _ => 11 + self.dice.below(6),
            };
            let known = self.population.servers[usize::from(entry.server)].scopes.len();
            entry.targets = self.fresh_targets(entry, known, asked.min(16));
        }
        if self.dice.once_in(60) {
            entry.failed = true;
            entry.targets = Box::default();
            return;
        }
        let standing = Standing {
            user: entry.user,
            app: entry.app,
            server: entry.server,
            grant: entry.targets.first().map_or(0, |target| target.grant),
            scopes: entry.targets.iter().map(|target| target.scope).collect(),
        };
        if self.standing.len() < MAX_STANDING {
            self.standing.push(standing);
        } else {
            let at = self.dice.below(MAX_STANDING);
            self.standing[at] = standing;
        }
    }

    fn fresh_targets(&mut self, entry: &Entry, known: usize, asked: usize) -> Box<[Target]> {
        let mut scopes: Vec<u8> = (0..known as u8).collect();
        self.dice.shuffle(&mut scopes);
        scopes.truncate(asked);
        // Most clients also sign people in, so they ask for the first scope, `openid`.
        if asked > 1 && !scopes.contains(&0) {
            scopes[0] = 0;
        }
        self.targets(entry, &scopes)
    }

    fn targets(&mut self, entry: &Entry, scopes: &[u8]) -> Box<[Target]> {
        let mut scopes = scopes.to_vec();
        self.dice.shuffle(&mut scopes);
        let (user, app, server, grant) = (entry.user, entry.app, entry.server, self.told as u32);
        scopes.into_iter().map(|scope| Target { user, app, server, scope, grant }).collect()
    }

    fn revoke(&mut self, entry: &mut Entry) {
        let at = self.dice.below(self.standing.len());
        let chosen = self.standing[at].clone();
        let scope = chosen.scopes.first().copied().unwrap_or(0);
        // Deleting a server or client revokes the consents of every person. Okta publishes no format for that event. No
        // recorded event names more than one person, client and server, so none does here.
        let ends = |standing: &Standing| match entry.event {
            EventType::RevokeUser | EventType::RevokeUserGone => standing.user == chosen.user,
            EventType::RevokeUserClient => standing.user == chosen.user && standing.app == chosen.app,
            EventType::RevokeClientGone => standing.app == chosen.app,
            EventType::RevokeServerGone => standing.server == chosen.server,
            EventType::RevokeScopeGone => {
                standing.server == chosen.server && standing.scopes.contains(&scope)
            }
            _ => standing.grant == chosen.grant,
        };
        let same = |standing: &Standing| {
            (standing.user, standing.app, standing.server) == (chosen.user, chosen.app, chosen.server)
        };
        let one_scope = match entry.event {
            EventType::RevokeScopeGone => true,
            EventType::Revoke => self.dice.once_in(2),
            _ => false,
        };
        let mut targets = Vec::new();
        self.standing.retain_mut(|standing| {
            if !same(standing) || !ends(standing) || targets.len() >= MAX_REVOKED {
                return true;
            }
            let gone = if one_scope {
                standing.scopes.extract_if(.., |held| *held == scope).collect()
            } else {
                std::mem::take(&mut standing.scopes)
            };
            let (user, app, server, grant) = (standing.user, standing.app, standing.server, standing.grant);
            targets.extend(gone.into_iter().map(|scope| Target { user, app, server, scope, grant }));
            !standing.scopes.is_empty()
        });
        self.dice.shuffle(&mut targets);
        (entry.app, entry.server) = (chosen.app, chosen.server);
        entry.user = match entry.event {
            EventType::Revoke | EventType::RevokeUser | EventType::RevokeUserClient => chosen.user,
            _ => self.dice.below(ADMINS) as u16,
        };
        entry.targets = targets.into_boxed_slice();
    }

    /// Returns an event of another type in the session of a consent.
    fn noise(&mut self, of: &Entry) -> Entry {
        // If the consent does not name the person, this event must be a sign-in, which does.
        let alone = of.actor == ActorOf::SystemAlone;
        let event = match self.dice.below(4) {
            _ if alone => EventType::SessionStart,
            0 => EventType::SignOn,
            1 => EventType::AuthorizeCode,
            2 => EventType::AccessToken,
            _ => EventType::SessionStart,
        };
        let mut entry = self.entry(event);
        // Only consents are numbered, since the number determines which ones have an oddity.
        self.told -= 1;
        entry.uuid = Uuid::from_u128(entry.uuid.as_u128() ^ 0xffff);
        entry.seed = !entry.seed;
        entry.actor = actor_of(event);
        let earlier = 20_000 + self.dice.below(70_000) as i64;
        entry.published_ms = of.published_ms - earlier;
        entry.persisted_ms = (of.persisted_ms - earlier).max(0);
        (entry.user, entry.app, entry.server, entry.session) = (of.user, of.app, of.server, of.session);
        entry
    }

    /// Appends other events in the session of a consent that does not name the person: the client's own request, and
    /// sometimes a second person, as on a shared machine. They use random numbers of their own, so that they do not
    /// change the consents of the story.
    fn neighbors(&mut self, of: &Entry, is_named: bool, out: &mut Vec<Entry>) {
        self.alone += 1;
        let mut add = |number: u64, event: EventType, user: u16| {
            let mut dice = Dice::of(of.seed, number);
            let earlier = 2_000 + dice.below(15_000) as i64;
            out.push(Entry {
                uuid: Uuid::from_u128(of.uuid.as_u128() ^ 0xfff0 ^ u128::from(number)),
                published_ms: of.published_ms - earlier,
                persisted_ms: (of.persisted_ms - earlier).max(0),
                event,
                actor: actor_of(event),
                user,
                app: of.app,
                server: of.server,
                failed: false,
                oddity: None,
                session: of.session,
                seed: dice.roll(),
                targets: Box::default(),
            });
        };
        if !is_named || self.alone.is_multiple_of(3) {
            add(1, EventType::AuthorizeCode, of.user);
        }
        if is_named && self.alone.is_multiple_of(8) {
            let other = (usize::from(of.user) + 1) % ORDINARY;
            add(2, EventType::SignOn, other as u16);
        }
    }
}

/// Returns the actor of an event that is not about consent: the client for its own requests, otherwise the person.
fn actor_of(event: EventType) -> ActorOf {
    match event {
        EventType::AuthorizeCode | EventType::AccessToken => ActorOf::Client,
        _ => ActorOf::User,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn told(seed: u64, variant: Variant, events: usize) -> Vec<Entry> {
        let mut story = Story::new(Arc::new(Population::new(seed, variant, 1_772_615_728_000)));
        let mut out = Vec::new();
        for number in 0..events as i64 {
            let at = 1_772_615_728_000 + number * 1_337;
            story.tell(at, at + 500, &mut out);
        }
        out
    }

    #[test]
    fn a_seed_decides_the_story() {
        let uuids = |seed| told(seed, Variant::Oie, 50).iter().map(|entry| entry.uuid).collect::<Vec<_>>();
        assert_eq!(uuids(4), uuids(4));
        assert_ne!(uuids(4), uuids(5));
    }

    #[test]
    fn uuids_are_unique() {
        let entries = told(1, Variant::Oie, 20_000);
        let uuids: BTreeSet<Uuid> = entries.iter().map(|entry| entry.uuid).collect();
        assert_eq!(uuids.len(), entries.len());
    }

    #[test]
    fn two_hundred_events_have_everything() {
        for seed in 0..20 {
            let entries = told(seed, Variant::Oie, 200);
            let mut kinds: BTreeMap<EventType, usize> = BTreeMap::new();
            for entry in &entries {
                *kinds.entry(entry.event).or_default() += 1;
            }
            let consents = kinds.keys().filter(|event| event.kind().is_some()).count();
            assert_eq!(consents, 11, "seed {seed}: {kinds:?}");
            assert_eq!(entries.iter().filter(|entry| entry.event.kind().is_some()).count(), 200);
            for oddity in Oddity::ALL {
                assert!(entries.iter().any(|entry| entry.oddity == Some(oddity)), "seed {seed}: {oddity:?}");
            }
        }
    }

    #[test]
    fn a_plain_story_is_the_same_without_what_is_odd() {
        let mut story = Story::new(Arc::new(Population::new(6, Variant::Oie, 1_772_615_728_000))).plain();
        let mut plain = Vec::new();
        for number in 0..400_i64 {
            let at = 1_772_615_728_000 + number * 1_337;
            story.tell(at, at + 500, &mut plain);
        }
        let all = told(6, Variant::Oie, 400);
        assert!(plain.iter().all(|entry| entry.oddity.is_none()));
        assert!(all.iter().any(|entry| entry.oddity.is_some()));
        let uuids = |entries: &[Entry]| entries.iter().map(|entry| entry.uuid).collect::<Vec<_>>();
        assert_eq!(uuids(&plain), uuids(&all));
    }

    #[test]
    fn about_a_twentieth_is_noise() {
        for variant in [Variant::Oie, Variant::Classic] {
            let entries = told(9, variant, 5000);
            let noise = entries.iter().filter(|entry| entry.event.kind().is_none()).count();
            assert!((150..450).contains(&noise), "{variant:?}: {noise}");
        }
    }

    #[test]
    fn a_revocation_ends_what_was_granted() {
        let mut standing = BTreeSet::new();
        for entry in told(3, Variant::Classic, 3000) {
            for target in &entry.targets {
                let key = (target.user, target.app, target.server, target.scope, target.grant);
                match entry.event.kind() {
                    Some("grant") => assert!(standing.insert(key)),
                    Some("revoke") => assert!(standing.remove(&key), "{entry:?}"),
                    _ => {}
                }
            }
            assert!(entry.event.kind() != Some("revoke") || !entry.targets.is_empty());
        }
    }

    #[test]
    fn grants_have_one_to_sixteen_scopes() {
        let entries = told(2, Variant::Oie, 4000);
        let sizes: BTreeSet<usize> = entries
            .iter()
            .filter(|entry| entry.event == EventType::Grant && !entry.failed)
            .map(|entry| entry.targets.len())
            .collect();
        assert_eq!(sizes.first(), Some(&1));
        assert_eq!(sizes.last(), Some(&16));
        for entry in entries {
            let scopes: BTreeSet<_> =
                entry.targets.iter().map(|target| (target.scope, target.grant)).collect();
            assert_eq!(scopes.len(), entry.targets.len());
        }
    }

    #[test]
    fn the_engine_decides_the_actor() {
        let is_system = |entry: &&Entry| matches!(entry.actor, ActorOf::System | ActorOf::SystemAlone);
        let system = |variant| told(6, variant, 1000).iter().filter(is_system).count();
        assert_eq!(system(Variant::Classic), 0);
        assert!(system(Variant::Oie) > 500);
    }

    #[test]
    fn a_session_names_one_person_mostly_two_at_times_and_nobody_at_others() {
        let entries = told(5, Variant::Oie, 6000);
        let mut people: BTreeMap<u64, BTreeSet<u16>> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.actor == ActorOf::User) {
            people.entry(entry.session).or_default().insert(entry.user);
        }
        let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.actor == ActorOf::SystemAlone) {
            let found = people.get(&entry.session);
            assert!(found.is_none_or(|found| found.contains(&entry.user)));
            *sizes.entry(found.map_or(0, BTreeSet::len)).or_default() += 1;
        }
        let all: usize = sizes.values().sum();
        assert_eq!(sizes.len(), 3, "{sizes:?}");
        assert!(sizes[&1] * 10 > all * 6 && sizes[&2] * 20 > all && sizes[&0] * 20 > all, "{sizes:?}");
    }
}
