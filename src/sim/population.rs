//! The people, apps, authorization servers and places of the story. The seed determines their ids.

use super::dice::Dice;
use super::json::quoted;
use super::names::{AGENTS, APPS, FAMILY, GIVEN, PLACES, SERVERS, STRANGE};

/// The engine of the org, which determines how a consent is logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Variant {
    /// Identity Engine: the actor of a consent is mostly the system.
    #[default]
    Oie,
    /// Classic Engine: the actor of a consent is the person.
    Classic,
}

impl Variant {
    /// The words of all variants, for the help of the command line.
    pub const WORDS: [&'static str; 2] = ["oie", "classic"];

    /// Returns the variant that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "oie" => Some(Self::Oie),
            "classic" => Some(Self::Classic),
            _ => None,
        }
    }

    /// Returns the word that the command line uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Oie => "oie",
            Self::Classic => "classic",
        }
    }

    /// Returns its name in `/.well-known/okta-organization`.
    pub(super) fn pipeline(self) -> &'static str {
        match self {
            Self::Oie => "idx",
            Self::Classic => "v1",
        }
    }
}

/// The number of people with ordinary names. Those with hostile names come after them.
pub(super) const ORDINARY: usize = 240;
/// The number of admins, who are the first people.
pub(super) const ADMINS: usize = 4;

/// A person.
#[derive(Debug)]
pub(super) struct User {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) login: String,
    /// The person as an actor, in JSON.
    pub(super) actor: String,
    /// The person's IP address.
    pub(super) ip: String,
    pub(super) place: usize,
    pub(super) agent: usize,
}

/// An app, as an OAuth client.
#[derive(Debug)]
pub(super) struct App {
    pub(super) id: String,
    pub(super) label: &'static str,
    pub(super) server: usize,
}

/// A custom authorization server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) id: String,
    pub(super) name: &'static str,
    pub(super) scopes: &'static [&'static str],
}

/// All people and resources of the story, with the parts of JSON that many events share.
#[derive(Debug)]
pub(super) struct Population {
    pub(super) seed: u64,
    /// Determines the ids of events and grants. It depends on the start time, so an org that is restarted has other
    /// ids.
    pub(super) epoch: u64,
    pub(super) variant: Variant,
    pub(super) org: String,
    pub(super) users: Vec<User>,
    pub(super) apps: Vec<App>,
    pub(super) servers: Vec<Server>,
    /// The `userAgent` and `device` members of each agent.
    pub(super) agents: Vec<String>,
    /// The `geographicalContext` values of each place. The second one has a number as postal code.
    pub(super) places: Vec<[String; 2]>,
    /// The `securityContext` value of each place.
    pub(super) networks: Vec<String>,
}

impl Population {
    /// Makes the population of a story that starts at a time, in milliseconds since 1970.
    pub(super) fn new(seed: u64, variant: Variant, start_ms: i64) -> Self {
        let epoch = Dice::of(seed, start_ms.unsigned_abs()).roll();
        let mut dice = Dice::of(seed, 0x6361_7374);
        let org = dice.id("00o");
        let mut users: Vec<User> = (0..ORDINARY)
            .map(|number| {
                let given = GIVEN[number % GIVEN.len()];
                let family = FAMILY[(number * 7 + number / GIVEN.len()) % FAMILY.len()];
                let login = format!("{given}.{family}.{number}@example.test").to_lowercase();
                let login: String = login.chars().filter(char::is_ascii).collect();
                user(&mut dice, format!("{given} {family}"), login)
            })
            .collect();
        for (name, login) in STRANGE {
            users.push(user(&mut dice, name.to_owned(), login.to_owned()));
        }
        users.push(user(
            &mut dice,
            "Wolfeschlegel".repeat(24).chars().take(300).collect(),
            "long@example.test".to_owned(),
        ));
        let apps = APPS.iter().map(|&(label, server)| App { id: dice.id("0oa"), label, server }).collect();
        let servers =
            SERVERS.iter().map(|&(name, scopes)| Server { id: dice.id("aus"), name, scopes }).collect();
        let agents = AGENTS
            .iter()
            .map(|(raw, os, browser, device)| {
                format!(
                    r#""userAgent":{{"rawUserAgent":{},"os":{},"browser":"{browser}"}},"device":"{device}""#,
                    quoted(raw),
                    quoted(os)
                )
            })
            .collect();
        let places = PLACES
            .iter()
            .map(|(city, state, country, postal, lat, lon, ..)| {
                [quoted(postal), "10013".to_owned()].map(|postal| {
                    format!(
                        r#"{{"city":"{city}","state":"{state}","country":"{country}","postalCode":{postal},"geolocation":{{"lat":{lat},"lon":{lon}}}}}"#
                    )
                })
            })
            .collect();
        let networks = PLACES
            .iter()
            .map(|(.., owner, number)| {
                format!(
                    r#"{{"asNumber":{number},"asOrg":"{owner}","isp":"{owner}","domain":".","isProxy":false,"risk":{{"level":"LOW","reasons":[]}},"userBehaviors":[]}}"#
                )
            })
            .collect();
        Self { seed, epoch, variant, org, users, apps, servers, agents, places, networks }
    }
}

fn user(dice: &mut Dice, name: String, login: String) -> User {
    let id = dice.id("00u");
    let actor = format!(
        r#"{{"id":"{id}","type":"User","alternateId":{},"displayName":{},"detailEntry":null}}"#,
        quoted(&login),
        quoted(&name)
    );
    // These networks are reserved for documentation (RFC 5737, RFC 3849).
    let host = 1 + dice.below(254);
    let ip = match dice.below(10) {
        0..3 => format!("192.0.2.{host}"),
        3..6 => format!("198.51.100.{host}"),
        6..9 => format!("203.0.113.{host}"),
        _ => format!("2001:db8:0:{host:x}::1"),
    };
    User { id, name, login, actor, ip, place: dice.below(PLACES.len()), agent: dice.below(AGENTS.len()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_and_logins_are_unique() {
        let population = Population::new(1, Variant::Oie, 0);
        let ids: BTreeSet<&str> = population.users.iter().map(|user| user.id.as_str()).collect();
        let logins: BTreeSet<&str> = population.users.iter().map(|user| user.login.as_str()).collect();
        let names: BTreeSet<&str> = population.users.iter().map(|user| user.name.as_str()).collect();
        assert_eq!(ids.len(), population.users.len());
        assert_eq!(logins.len(), population.users.len());
        assert_eq!(names.len(), population.users.len());
    }

    #[test]
    fn some_names_are_hostile() {
        let population = Population::new(1, Variant::Oie, 0);
        for wanted in ["\u{1b}", "\u{202e}", "\u{200b}", "\u{e0041}", "\u{301}", "山"] {
            assert!(population.users.iter().any(|user| user.name.contains(wanted)), "{wanted:?}");
        }
        assert!(population.users.iter().any(|user| user.name.chars().count() == 300));
    }

    #[test]
    fn shared_parts_are_json() {
        let population = Population::new(1, Variant::Oie, 0);
        let parts = population.users.iter().map(|user| user.actor.clone());
        let parts = parts
            .chain(population.places.iter().flatten().cloned())
            .chain(population.networks.iter().cloned());
        for part in parts.chain(population.agents.iter().map(|agent| format!("{{{agent}}}"))) {
            assert!(serde_json::from_str::<serde_json::Value>(&part).is_ok(), "{part}");
        }
    }

    #[test]
    fn variants_have_words() {
        for word in Variant::WORDS {
            assert_eq!(Variant::from_word(word).map(Variant::word), Some(word));
        }
    }
}
