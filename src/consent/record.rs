//! One consent: one event as we keep it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ClientId, Doubt, EventId, Evidence, GrantId, Kind, Label, Outcome, Person, Reach, Rev, Row, Seq,
    ServerId, Severity, Sym, Symbol, Symbols, Untrusted, Via, Who, mark,
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
    /// How many targets were not read because the event has too many. The raw text has all of them.
    pub unread_targets: u64,
    /// Where the request came from.
    pub from: Origin,
    /// `transaction.id`.
    pub transaction_id: Option<Untrusted>,
    /// `authenticationContext.externalSessionId`, unless it says that it knows none.
    pub session_id: Option<Untrusted>,
    /// How it came.
    pub via: Via,
    /// What speaks against the way by which it came, or `None` in an event as it comes.
    pub doubt: Option<Doubt>,
    /// The hook's envelope, if it came that way too.
    pub hook: Option<Delivery>,
    /// The hook's copy of an event that is also in the log. Kept only if it contradicts the log's copy or has
    /// more. It is not evidence: nothing proves that Okta sent it.
    pub hook_copy: Option<Box<Consent>>,
    /// What Okta told of its ids when it was asked; none in an event as it comes.
    pub labels: Vec<Label>,
    /// How many secrets of the event are hidden.
    pub hidden: usize,
    /// The LogEvent exactly as Okta sent it, but for hidden values.
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
        (Row { who, actor, client, server, scopes, from, ..self.row_without_texts(seq) }, symbols)
    }

    /// The line of this consent before its texts have numbers.
    pub fn row_without_texts(&self, seq: Seq) -> Row {
        Row {
            seq,
            rev: Rev(0),
            published_ms: self.key.published_ms,
            who: Sym(0),
            actor: Sym(0),
            client: Sym(0),
            server: Sym(0),
            scopes: Sym(0),
            from: Sym(0),
            kind: self.kind,
            reach: self.reach(),
            via: self.via,
            outcome: Outcome::of(self.outcome.result.as_ref().map(Untrusted::exact)),
            severity: Severity::of(self.severity.as_ref().map(Untrusted::exact)),
            evidence: self.who.evidence,
            late: false,
            doubt: self.doubt,
            hidden: u8::try_from(self.hidden).unwrap_or(u8::MAX),
        }
    }

    /// What the event's type says of how far it goes.
    pub fn reach(&self) -> Reach {
        Reach::of(self.event_type.exact())
    }

    /// The marks of its scope grants, in the order of the names that [`Consent::symbols`] gives: sorted, each once. 0
    /// is a scope without a grant's id.
    pub fn grant_marks(&self) -> Vec<u32> {
        let mut named: Vec<(&str, u32)> = self
            .scopes
            .iter()
            .filter_map(|scope| {
                Some((scope.name.as_ref()?.exact(), scope.grant_id.as_ref().map_or(0, |id| mark(id.exact()))))
            })
            .collect();
        // Of several grants under one name the first counts.
        named.sort_by_key(|(name, _)| *name);
        named.dedup_by_key(|(name, _)| *name);
        named.into_iter().map(|(_, mark)| mark).collect()
    }

    /// The texts of the list's columns, in the form that is interned. Of an event of another kind, which names no
    /// scope, its type stands for the scopes.
    pub fn symbols(&self) -> [Symbol; 6] {
        self.symbol_fields(Symbol::of)
    }

    /// Calls `of` with the fields of each text that [`Consent::symbols`] gives, in its order.
    pub fn symbol_fields<T>(&self, mut of: impl FnMut(&[&str]) -> T) -> [T; 6] {
        let mut names: Vec<&str> =
            self.scopes.iter().filter_map(|scope| Some(scope.name.as_ref()?.exact())).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() && self.kind == Kind::Other {
            names.push(self.event_type.exact());
        }
        let actor = self.actor.as_ref().map_or([""; 4], |Actor { id, alternate_id, display_name, kind }| {
            [id, alternate_id, display_name, kind].map(|text| exact(text.as_ref()))
        });
        let number = self.from.as_number.map(|number| number.to_string());
        [
            of(&self.who.person.fields()),
            of(&actor),
            of(&[self.client.id.as_ref().map_or("", ClientId::exact), exact(self.client.label.as_ref())]),
            of(&[self.server.id.as_ref().map_or("", ServerId::exact), exact(self.server.name.as_ref())]),
            of(&names),
            of(&[
                exact(self.from.ip.as_ref()),
                exact(self.from.city.as_ref()),
                exact(self.from.country.as_ref()),
                number.as_deref().unwrap_or(""),
                exact(self.from.as_org.as_ref()),
                match self.from.is_proxy {
                    Some(true) => "yes",
                    Some(false) => "no",
                    None => "",
                },
            ]),
        ]
    }
}

fn exact(text: Option<&Untrusted>) -> &str {
    text.map_or("", Untrusted::exact)
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
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// `eventId`: this delivery.
    pub event_id: Option<Untrusted>,
    /// `eventTime`: when Okta built the delivery.
    pub event_time: Option<Untrusted>,
    /// `source`: which hook.
    pub source: Option<Untrusted>,
    /// The request's headers as `key: value`, without `Authorization` and cookies.
    pub headers: Vec<Untrusted>,
    /// When we took it in, or `None` in a file that somebody else wrote.
    pub received: Option<Timestamp>,
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
    /// What speaks against that.
    pub doubt: Option<Doubt>,
    /// What "who" rests on now; may be better than what the event alone says.
    pub evidence: Evidence,
    /// The person of the row, as its line names them; empty where nobody is known.
    pub person: Person,
    /// The hook's envelope, if it came that way too.
    pub hook: Option<Delivery>,
    /// The hook's LogEvent, where it says something else than the log's or more.
    pub hook_copy: Option<Arc<str>>,
    /// What Okta told of its ids when it was asked.
    pub labels: Vec<Label>,
    /// The LogEvent exactly as Okta sent it, but for hidden values.
    pub raw: Arc<str>,
}
