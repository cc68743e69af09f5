//! One consent: one event as we keep it.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    ClientId, EventId, Evidence, GrantId, Kind, Outcome, Person, Rev, Row, Seq, ServerId, Severity, Sym,
    Symbol, Symbols, Untrusted, UserId, Who,
};

/// One event of the consent families, read and resolved, with its exact bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consent {
    /// What makes it unique.
    pub key: EventKey,
    /// `uuid` as it came.
    pub uuid: Option<Untrusted>,
    /// The family of `event_type`.
    pub kind: Kind,
    /// `eventType`.
    pub event_type: Untrusted,
    /// `published`, where it is a time; `key.published_ms` holds the same in milliseconds.
    pub published: Option<Timestamp>,
    /// When we took it in first.
    pub received: Timestamp,
    /// `displayMessage`.
    pub message: Option<Untrusted>,
    /// `severity`.
    pub severity: Option<Untrusted>,
    /// `version`; a number where Okta sent a number.
    pub version: Option<Untrusted>,
    /// `outcome`.
    pub outcome: OutcomeOf,
    /// `actor`: who did it, as the event says.
    pub actor: Option<Actor>,
    /// The person whose consent it is.
    pub who: Who,
    /// The OAuth client that was allowed.
    pub client: Client,
    /// The authorization server.
    pub server: Server,
    /// One for each scope, in the event's order.
    pub scopes: Vec<ScopeGrant>,
    /// Where the request came from.
    pub from: Origin,
    /// `transaction.id`.
    pub transaction_id: Option<Untrusted>,
    /// `authenticationContext.externalSessionId`, unless it says that it knows none.
    pub session_id: Option<Untrusted>,
    /// How it came.
    pub via: Via,
    /// The hook's envelope, if it came that way too.
    pub hook: Option<Delivery>,
    /// The LogEvent exactly as Okta sent it.
    pub raw: Arc<str>,
}

impl Consent {
    /// The line of this consent by itself, with texts of its own numbering.
    pub fn row(&self, seq: Seq) -> (Row, Symbols) {
        let mut symbols = Symbols::default();
        let mut numbers = [Sym(0); 6];
        for ((index, number), symbol) in (1..).zip(&mut numbers).zip(self.symbols()) {
            if !symbol.is_empty() {
                *number = Sym(index);
                symbols.put(*number, &symbol);
            }
        }
        let [who, actor, client, server, scopes, from] = numbers;
        let word = |text: &Option<Untrusted>| text.as_ref().map(|text| text.exact().to_owned());
        let row = Row {
            seq,
            rev: Rev(0),
            published_ms: self.key.published_ms,
            who,
            actor,
            client,
            server,
            scopes,
            from,
            kind: self.kind,
            via: self.via,
            outcome: Outcome::of(word(&self.outcome.result).as_deref()),
            severity: Severity::of(word(&self.severity).as_deref()),
            evidence: self.who.evidence,
            late: false,
        };
        (row, symbols)
    }

    /// The texts of the list's columns, in the form that is interned.
    pub fn symbols(&self) -> [Symbol; 6] {
        let person = &self.who.person;
        let actor = self.actor.as_ref();
        let names: Vec<&str> = {
            let mut names: Vec<&str> =
                self.scopes.iter().filter_map(|s| Some(s.name.as_ref()?.exact())).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let number = self.from.as_number.map(|n| n.to_string());
        let text = |text: &Option<Untrusted>| text.as_ref().map_or(String::new(), |t| t.exact().to_owned());
        [
            Symbol::of(&[
                person.id.as_ref().map_or("", UserId::exact),
                &text(&person.alternate_id),
                &text(&person.display_name),
            ]),
            Symbol::of(&[
                &actor.map_or(String::new(), |a| text(&a.id)),
                &actor.map_or(String::new(), |a| text(&a.alternate_id)),
                &actor.map_or(String::new(), |a| text(&a.display_name)),
                &actor.map_or(String::new(), |a| text(&a.kind)),
            ]),
            Symbol::of(&[self.client.id.as_ref().map_or("", ClientId::exact), &text(&self.client.label)]),
            Symbol::of(&[self.server.id.as_ref().map_or("", ServerId::exact), &text(&self.server.name)]),
            Symbol::of(&names),
            Symbol::of(&[
                &text(&self.from.ip),
                &text(&self.from.city),
                &text(&self.from.country),
                number.as_deref().unwrap_or(""),
                &text(&self.from.as_org),
                match self.from.is_proxy {
                    Some(true) => "yes",
                    Some(false) => "no",
                    None => "",
                },
            ]),
        ]
    }
}

/// What makes a row unique in the journal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventKey {
    /// `published` in milliseconds since 1970; 0 without a usable time (shown "no time").
    pub published_ms: i64,
    /// The event's uuid, or the digest of its bytes.
    pub id: EventId,
    /// Counts the rows of one event from 0; more than one only where its targets disagree.
    pub part: u8,
}

/// `outcome`, as it came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutcomeOf {
    /// `SUCCESS`, `FAILURE` and others; an open list.
    pub result: Option<Untrusted>,
    /// Why, where it failed.
    pub reason: Option<Untrusted>,
}

/// `actor`, as it came. On Identity Engine this is often "Okta System", not the person.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Actor {
    /// An id whose meaning depends on the type.
    pub id: Option<Untrusted>,
    /// A login, or the client's id again.
    pub alternate_id: Option<Untrusted>,
    /// The name for people.
    pub display_name: Option<Untrusted>,
    /// `User`, `SystemPrincipal`, `PublicClientApp` …; free text.
    pub kind: Option<Untrusted>,
}

/// The OAuth client.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Client {
    /// `0oa…`
    pub id: Option<ClientId>,
    /// Its label, where somebody told us.
    pub label: Option<Untrusted>,
}

/// The authorization server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Server {
    /// `aus…`
    pub id: Option<ServerId>,
    /// Its name, as the event's debug data has it.
    pub name: Option<Untrusted>,
}

/// One scope that was allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopeGrant {
    /// `oag…`
    pub grant_id: Option<GrantId>,
    /// The scope's name.
    pub name: Option<Untrusted>,
}

/// Where the request came from, as Okta saw it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// The client's address.
    pub ip: Option<Untrusted>,
    /// Okta's guess.
    pub city: Option<Untrusted>,
    /// Okta's guess, as a country's English name.
    pub country: Option<Untrusted>,
    /// The number of the autonomous system.
    pub as_number: Option<i64>,
    /// Its owner.
    pub as_org: Option<Untrusted>,
    /// Whether Okta takes it for a proxy.
    pub is_proxy: Option<bool>,
    /// The raw user agent.
    pub user_agent: Option<Untrusted>,
}

/// The envelope of an event hook's delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// `eventId`: this delivery.
    pub event_id: Option<Untrusted>,
    /// `eventTime`: when Okta built the delivery.
    pub event_time: Option<Untrusted>,
    /// `source`: which hook.
    pub source: Option<Untrusted>,
    /// The request's headers as `key: value`, without `Authorization` and cookies.
    pub headers: Vec<Untrusted>,
}

/// By which ways an event came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Via(u8);

impl Via {
    /// The System Log.
    pub const POLL: Self = Self(1);
    /// An event hook.
    pub const HOOK: Self = Self(2);
    /// Neither yet: a row read from a file.
    pub const FILE: Self = Self(0);

    /// Returns both ways together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every way of `other` is among these.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns `poll`, `hook`, `poll+hook` or `file`.
    pub fn word(self) -> &'static str {
        match self.0 & 3 {
            1 => "poll",
            2 => "hook",
            3 => "poll+hook",
            _ => "file",
        }
    }

    /// Returns the ways one by one, as the JSON form lists them.
    pub fn words(self) -> &'static [&'static str] {
        match self.0 & 3 {
            1 => &["poll"],
            2 => &["hook"],
            3 => &["poll", "hook"],
            _ => &["file"],
        }
    }

    /// Returns the number that the journal keeps.
    pub fn code(self) -> u8 {
        self.0
    }

    /// Returns the ways of a kept number.
    pub fn from_code(code: u8) -> Self {
        Self(code & 3)
    }
}

/// A stored consent as the journal gives it back: what is kept beside the raw event, which is parsed again by whoever
/// needs more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Its number.
    pub seq: Seq,
    /// Its last change; 0 when it never changed.
    pub rev: Rev,
    /// What makes it unique.
    pub key: EventKey,
    /// When it was taken in first.
    pub received: Timestamp,
    /// How it came.
    pub via: Via,
    /// What "who" rests on now; may be better than what the event alone says.
    pub evidence: Evidence,
    /// The person of the row, as its line names them; empty where nobody is known.
    pub person: Person,
    /// The hook's envelope, if it came that way too.
    pub hook: Option<Delivery>,
    /// The LogEvent exactly as Okta sent it.
    pub raw: Arc<str>,
}
