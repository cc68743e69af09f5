//! A consent: one event as this program stores it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ClientId, Doubt, EventId, Evidence, GrantId, Kind, Label, OrgId, Outcome, Person, Reach, Rev, Row, Seq,
    ServerId, Severity, Sym, Symbol, Symbols, Untrusted, Via, Who, mark,
};

/// A parsed consent event with its exact bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consent {
    /// The key that identifies the event within its org.
    pub key: EventKey,
    /// The label of the org that it comes from, or `None` if that is not known. An event that was just received has
    /// none.
    pub org: Option<Arc<str>>,
    /// `uuid` as it came.
    pub uuid: Option<Untrusted>,
    /// The kind of `event_type`.
    pub kind: Kind,
    /// `eventType`.
    pub event_type: Untrusted,
    /// `published`, if it is a time. `key.published_ms` has the same in milliseconds.
    pub published: Option<Timestamp>,
    /// When it was first received.
    pub received: Timestamp,
    /// `displayMessage`.
    pub message: Option<Untrusted>,
    /// `severity`.
    pub severity: Option<Untrusted>,
    /// `version`. It stays a number if Okta sent a number.
    pub version: Option<Untrusted>,
    /// `outcome`.
    pub outcome: OutcomeOf,
    /// `actor`: who did it, according to the event.
    pub actor: Option<Actor>,
    /// The person whose consent it is.
    pub who: Who,
    /// The OAuth client that got the consent.
    pub client: Client,
    /// The authorization server.
    pub server: Server,
    /// One entry for each scope, in the event's order.
    pub scopes: Vec<ScopeGrant>,
    /// How many targets were not parsed because the event has too many. The raw text has all of them.
    pub unread_targets: u64,
    /// Where the request came from.
    pub from: RequestOrigin,
    /// `transaction.id`.
    pub transaction_id: Option<Untrusted>,
    /// `authenticationContext.externalSessionId`, unless it is `unknown`.
    pub session_id: Option<Untrusted>,
    /// The ways by which it came.
    pub via: Via,
    /// The reason to doubt it, or `None`. An event that was just received has none.
    pub doubt: Option<Doubt>,
    /// The hook's envelope, if it came that way too.
    pub hook: Option<Delivery>,
    /// The hook's copy of an event that is also in the log. Kept only if it contradicts the log's copy or has
    /// more. It is not evidence: nothing proves that Okta sent it.
    pub hook_copy: Option<Box<Consent>>,
    /// The look-ups of its ids. An event that was just received has none.
    pub labels: Vec<Label>,
    /// How many secrets of the event are hidden.
    pub hidden: usize,
    /// The LogEvent exactly as Okta sent it, except for hidden values.
    pub raw: Arc<str>,
}

impl Consent {
    /// Returns the row of this consent, with a symbol table of its own.
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

    /// Returns the row of this consent without symbol numbers.
    pub fn row_without_texts(&self, seq: Seq) -> Row {
        Row {
            seq,
            org: OrgId::default(),
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

    /// Returns the reach according to the event's type.
    pub fn reach(&self) -> Reach {
        Reach::of(self.event_type.exact())
    }

    /// Returns the marks of the scope grants, in the order of the names in [`Consent::symbols`]: sorted, each once. A
    /// scope without a grant id has mark 0.
    pub fn grant_marks(&self) -> Vec<u32> {
        let mut named: Vec<(&str, u32)> = self
            .scopes
            .iter()
            .filter_map(|scope| {
                Some((scope.name.as_ref()?.exact(), scope.grant_id.as_ref().map_or(0, |id| mark(id.exact()))))
            })
            .collect();
        // The first of several grants with one name counts.
        named.sort_by_key(|(name, _)| *name);
        named.dedup_by_key(|(name, _)| *name);
        named.into_iter().map(|(_, mark)| mark).collect()
    }

    /// Returns the texts of the list's columns in interned form. For an event of another kind without scopes, the event
    /// type takes the place of the scopes.
    pub fn symbols(&self) -> [Symbol; 6] {
        self.symbol_fields(Symbol::of)
    }

    /// Calls `of` with the fields of each text of [`Consent::symbols`], in the same order.
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

/// The key that identifies a row of one org in the journal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventKey {
    /// `published` in milliseconds since 1970, or 0 without a usable time (shown as "no time").
    pub published_ms: i64,
    /// The event's uuid, or the digest of its bytes.
    pub id: EventId,
    /// The index of the row among those of one event. It is above 0 only if the event's targets disagree.
    pub part: u8,
}

/// `outcome`, as it came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OutcomeOf {
    /// `SUCCESS`, `FAILURE` or another word of an open list.
    pub result: Option<Untrusted>,
    /// The reason of a failure.
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
    /// Its label, if it is known.
    pub label: Option<Untrusted>,
}

/// The authorization server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Server {
    /// `aus…`
    pub id: Option<ServerId>,
    /// Its name from the event's debug data.
    pub name: Option<Untrusted>,
}

/// One scope that was granted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopeGrant {
    /// `oag…`
    pub grant_id: Option<GrantId>,
    /// The scope's name.
    pub name: Option<Untrusted>,
}

/// Where the request came from, according to Okta.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestOrigin {
    /// The client's address.
    pub ip: Option<Untrusted>,
    /// The city that Okta derives from the address.
    pub city: Option<Untrusted>,
    /// The English name of the country that Okta derives from the address.
    pub country: Option<Untrusted>,
    /// The number of the autonomous system.
    pub as_number: Option<i64>,
    /// The owner of the autonomous system.
    pub as_org: Option<Untrusted>,
    /// Whether Okta considers the address a proxy.
    pub is_proxy: Option<bool>,
    /// The raw user agent.
    pub user_agent: Option<Untrusted>,
}

/// The envelope of an event hook's delivery.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// `eventId`: the id of this delivery.
    pub event_id: Option<Untrusted>,
    /// `eventTime`: when Okta built the delivery.
    pub event_time: Option<Untrusted>,
    /// `source`: the hook.
    pub source: Option<Untrusted>,
    /// The request's headers as `key: value`, without `Authorization` and cookies.
    pub headers: Vec<Untrusted>,
    /// When it was received, or `None` if it was read from another program's file.
    pub received: Option<Timestamp>,
}

/// A stored consent as the journal returns it: the raw event and what is stored beside it. Parse the raw event again
/// for more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// The row's number.
    pub seq: Seq,
    /// The row's last change, or 0 if it never changed.
    pub rev: Rev,
    /// The key that identifies the event within its org.
    pub key: EventKey,
    /// The org that it comes from.
    pub org: OrgId,
    /// When it was first received.
    pub received: Timestamp,
    /// The ways by which it came.
    pub via: Via,
    /// The reason to doubt it, if there is one.
    pub doubt: Option<Doubt>,
    /// The current evidence for the person, which may be better than that of the event alone.
    pub evidence: Evidence,
    /// The person of the row, empty if nobody is known.
    pub person: Person,
    /// The hook's envelope, if it came that way too.
    pub hook: Option<Delivery>,
    /// The hook's LogEvent, if it contradicts the log's or has more.
    pub hook_copy: Option<Arc<str>>,
    /// The look-ups of its ids.
    pub labels: Vec<Label>,
    /// The LogEvent exactly as Okta sent it, except for hidden values.
    pub raw: Arc<str>,
}
