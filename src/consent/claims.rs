//! Compares the two copies of one event, the System Log's and the event hook's, fact by fact.
//!
//! Deliveries are not signed, so a copy that arrived by the hook is only a claim. Even without tampering, the
//! two copies differ in their bytes: event hooks omit null fields and move the addresses (Okta: event hooks).
//! So only the facts that matter to a reader are compared. A fact is contradicted only where both copies have
//! a value for it.

use std::net::IpAddr;

use super::{Consent, Outcome, Symbol, Untrusted, UserId};

/// A fact that both copies of an event should agree on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fact {
    /// The person whose consent it is.
    Who,
    /// The OAuth client.
    Client,
    /// The authorization server.
    Server,
    /// The names of the scopes.
    Scopes,
    /// The ids of the scope grants.
    Grants,
    /// The address that the request came from.
    Address,
    /// `outcome.result`
    Outcome,
}

impl Fact {
    /// Every fact, in the order in which they are shown.
    pub const ALL: [Self; 7] =
        [Self::Who, Self::Client, Self::Server, Self::Scopes, Self::Grants, Self::Address, Self::Outcome];

    /// Returns the word of the JSON form.
    pub fn word(self) -> &'static str {
        match self {
            Self::Who => "who",
            Self::Client => "client",
            Self::Server => "authorization_server",
            Self::Scopes => "scopes",
            Self::Grants => "grants",
            Self::Address => "address",
            Self::Outcome => "outcome",
        }
    }

    /// Returns the name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Who => "Who",
            Self::Client => "Client",
            Self::Server => "Authorization Server",
            Self::Scopes => "Scopes",
            Self::Grants => "Scope Grants",
            Self::Address => "Address",
            Self::Outcome => "Outcome",
        }
    }

    /// Returns the value of this fact in a copy, not yet escaped for display, or `None` if the copy has none.
    pub fn of(self, consent: &Consent) -> Option<String> {
        let text = |text: Option<&Untrusted>| text.map(|text| text.exact().to_owned());
        let list = |texts: Vec<&str>| (!texts.is_empty()).then(|| texts.join(" "));
        match self {
            Self::Who => {
                let person = &consent.who.person;
                let id = person.id.as_ref().map(UserId::exact);
                match (person.name(), id) {
                    (Some(name), Some(id)) if name != id => Some(format!("{name} ({id})")),
                    (name, _) => name.map(ToOwned::to_owned),
                }
            }
            Self::Client => text(consent.client.id.as_ref().map(|id| &id.0)),
            Self::Server => text(consent.server.id.as_ref().map(|id| &id.0).or(consent.server.name.as_ref())),
            Self::Scopes => {
                list(consent.scopes.iter().filter_map(|scope| Some(scope.name.as_ref()?.exact())).collect())
            }
            Self::Grants => list(
                consent.scopes.iter().filter_map(|scope| Some(scope.grant_id.as_ref()?.exact())).collect(),
            ),
            Self::Address => text(consent.from.ip.as_ref()),
            Self::Outcome => text(consent.outcome.result.as_ref()),
        }
    }
}

/// How a hook's copy differs from the log's in one fact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Difference {
    /// Both copies have a value, and the values differ.
    Contradicts,
    /// Only the hook's copy has a value.
    HookOnly,
}

/// The value of every [`Fact`] in one copy.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Claims {
    who: Party,
    actor: Party,
    client: String,
    server: Party,
    scopes: Vec<String>,
    grants: Vec<u32>,
    address: String,
    outcome: Option<Outcome>,
}

/// A person or thing by id, login and name, each possibly empty.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Party {
    id: String,
    login: String,
    name: String,
}

impl Party {
    fn is_empty(&self) -> bool {
        self.id.is_empty() && self.login.is_empty() && self.name.is_empty()
    }

    /// Returns whether an id or a login that both have differs. Compares names only if there is no id and no
    /// login that both have.
    fn contradicts(&self, other: &Self) -> bool {
        let both = |a: &str, b: &str| !a.is_empty() && !b.is_empty();
        let pairs = [(&self.id, &other.id), (&self.login, &other.login)];
        if pairs.iter().any(|(a, b)| both(a, b)) {
            return pairs.iter().any(|(a, b)| both(a, b) && a != b);
        }
        both(&self.name, &other.name) && self.name != other.name
    }

    /// Returns whether the two share an id or a login and do not contradict each other.
    fn is_same(&self, other: &Self) -> bool {
        let equal = |a: &str, b: &str| !a.is_empty() && a == b;
        (equal(&self.id, &other.id) || equal(&self.login, &other.login)) && !self.contradicts(other)
    }
}

impl Claims {
    /// Extracts the claims of a consent.
    pub fn of(consent: &Consent) -> Self {
        let outcome = Outcome::of(consent.outcome.result.as_ref().map(Untrusted::exact));
        Self::kept(&consent.symbols(), &consent.grant_marks(), outcome)
    }

    /// Builds the claims of a stored row from its texts, in the order of [`Consent::symbols`], the marks of
    /// its grants, and its outcome.
    pub fn kept(symbols: &[Symbol; 6], grants: &[u32], outcome: Outcome) -> Self {
        let [who, actor, client, server, scopes, from] = symbols;
        let mut server = server.fields();
        let server = [server.next().unwrap_or(""), "", server.next().unwrap_or("")].into_iter();
        let mut grants: Vec<u32> = grants.iter().copied().filter(|mark| *mark != 0).collect();
        grants.sort_unstable();
        Self {
            who: party(who.fields()),
            actor: party(actor.fields()),
            client: client.fields().next().unwrap_or("").trim().to_owned(),
            server: party(server),
            scopes: scopes
                .fields()
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            grants,
            address: address(from.fields().next().unwrap_or("")),
            outcome: Some(outcome).filter(|outcome| *outcome != Outcome::None),
        }
    }

    /// Removes the person, for rows whose person was found later and is not named in the event.
    #[must_use]
    pub fn without_who(mut self) -> Self {
        self.who = Party::default();
        self
    }

    /// Returns the facts in which the hook's copy differs from this one, the log's.
    pub fn differences(&self, hook: &Self) -> Vec<(Fact, Difference)> {
        let mut found = Vec::new();
        let mut note = |fact, ours_is_empty: bool, theirs_is_empty: bool, is_other: bool| {
            if theirs_is_empty {
                return;
            }
            if ours_is_empty {
                found.push((fact, Difference::HookOnly));
            } else if is_other {
                found.push((fact, Difference::Contradicts));
            }
        };
        // If the hook's copy lacks the grant details, its person is the actor. The log's copy has the same
        // actor.
        let is_other = self.who.contradicts(&hook.who) && !self.actor.is_same(&hook.who);
        note(Fact::Who, self.who.is_empty(), hook.who.is_empty(), is_other);
        note(Fact::Client, self.client.is_empty(), hook.client.is_empty(), self.client != hook.client);
        let is_other = self.server.contradicts(&hook.server);
        note(Fact::Server, self.server.is_empty(), hook.server.is_empty(), is_other);
        note(Fact::Scopes, self.scopes.is_empty(), hook.scopes.is_empty(), self.scopes != hook.scopes);
        note(Fact::Grants, self.grants.is_empty(), hook.grants.is_empty(), self.grants != hook.grants);
        note(Fact::Address, self.address.is_empty(), hook.address.is_empty(), self.address != hook.address);
        note(Fact::Outcome, self.outcome.is_none(), hook.outcome.is_none(), self.outcome != hook.outcome);
        found
    }
}

fn party<'t>(mut fields: impl Iterator<Item = &'t str>) -> Party {
    let mut next = || fields.next().unwrap_or("").trim();
    // Logins and names are written in any case.
    Party { id: next().to_owned(), login: next().to_lowercase(), name: next().to_lowercase() }
}

/// Normalizes an address: an IP address to its canonical form, any other text to lower case.
fn address(text: &str) -> String {
    let text = text.trim();
    text.parse::<IpAddr>().map_or_else(|_| text.to_lowercase(), |ip| ip.to_canonical().to_string())
}

impl Consent {
    /// Returns the facts in which the hook's copy differs from the log's. The list is empty if no such copy is kept.
    pub fn differences(&self) -> Vec<(Fact, Difference)> {
        let Some(copy) = &self.hook_copy else { return Vec::new() };
        let own = Claims::of(self);
        let own = if self.who.evidence.is_found_out() { own.without_who() } else { own };
        own.differences(&Claims::of(copy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(texts: [&[&str]; 6], grants: &[u32], outcome: Outcome) -> Claims {
        Claims::kept(&texts.map(Symbol::of), grants, outcome)
    }

    fn log() -> Claims {
        claims(
            [
                &["00u1", "Ada@example.test", "Ada"],
                &["00u9", "admin@example.test", "Admin", "User"],
                &["0oa1", "Paint"],
                &["aus1", "default"],
                &["a.read", "b.read"],
                &["::ffff:192.0.2.1", "Delft"],
            ],
            &[7, 3, 0],
            Outcome::Success,
        )
    }

    fn found(hook: &Claims) -> Vec<(Fact, Difference)> {
        log().differences(hook)
    }

    #[test]
    fn spelling_is_no_difference() {
        let hook = claims(
            [
                &["00u1 ", "ada@EXAMPLE.test", "Ada Example"],
                &[],
                &["0oa1", ""],
                &["aus1", "Default"],
                &["a.read", "b.read"],
                &["192.0.2.1", ""],
            ],
            &[3, 7],
            Outcome::Success,
        );
        assert_eq!(found(&hook), []);
    }

    #[test]
    fn what_a_hook_leaves_out_is_no_difference() {
        assert_eq!(found(&Claims::default()), []);
        let actor = [&["00u9", "admin@example.test", "Admin"][..], &[], &[], &[], &[], &[]];
        assert_eq!(found(&claims(actor, &[], Outcome::None)), [], "without details the actor is the person");
    }

    #[test]
    fn each_fact_can_contradict() {
        let hook = claims(
            [&["00u2"], &[], &["0oa2"], &["aus2"], &["a.read"], &["192.0.2.2"]],
            &[3],
            Outcome::Failure,
        );
        assert_eq!(found(&hook), Fact::ALL.map(|fact| (fact, Difference::Contradicts)));
        for who in [&["00u1", "eve@example.test"][..], &["", "eve@example.test"]] {
            let hook = claims([who, &[], &[], &[], &[], &[]], &[], Outcome::None);
            assert_eq!(found(&hook), [(Fact::Who, Difference::Contradicts)], "{who:?}");
        }
    }

    #[test]
    fn what_only_the_hook_says_is_told_apart() {
        let found = Claims::default().differences(&log());
        assert_eq!(found, Fact::ALL.map(|fact| (fact, Difference::HookOnly)));
        let found = log().without_who().differences(&log());
        assert_eq!(found, [(Fact::Who, Difference::HookOnly)]);
    }
}
