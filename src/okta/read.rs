//! Reads consents from the bytes of a page. One bad record never costs its page.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::Timestamp;

use super::json_shapes::{LogEvent, Party, Text};
use super::split::Members;
use crate::consent::redact::{self, Clean};
use crate::consent::{
    Actor, Client, ClientId, Consent, EventId, EventKey, Evidence, GrantId, Kind, Label, OutcomeOf, Person,
    Reject, RequestOrigin, ScopeGrant, Server, ServerId, Stored, Thing, Untrusted, UserId, Via, Who,
};
use crate::json_scan;

pub use super::split::PageError;

/// The contents of a page.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReadPage {
    /// The records that could be read, in the page's order.
    pub consents: Vec<Consent>,
    /// The records that could not be read.
    pub rejects: Vec<Reject>,
    /// The number of members in the array. A page with fewer than its limit is the last for now.
    pub records: usize,
    /// The newest `published` on the page. It need not be that of the last record, because Okta orders a page by when
    /// events were stored.
    pub last_published: Option<Timestamp>,
}

/// The maximum depth of nesting. No event nests deeper, and later readers could not follow.
pub(super) const DEPTH_MAX: usize = 100;

/// The maximum number of rows of one event; a part number is stored in one byte.
const PARTS_MAX: usize = 256;

/// Reads a page, which is an array of LogEvents.
pub fn page(bytes: &[u8], received: Timestamp, via: Via) -> Result<ReadPage, PageError> {
    let source = if via.has(Via::HOOK) { "hook" } else { "poll" };
    let mut members = Members::of(bytes)?;
    let whole = text(bytes);
    // Most events have two or three kilobytes.
    let mut page = ReadPage { consents: Vec::with_capacity(bytes.len() / 3072), ..ReadPage::default() };
    while let Some(at) = members.next()? {
        page.records += 1;
        // A good record is parsed where it begins, which gives its end. Any other record has to be cut first.
        let good = whole.and_then(|whole| leading(whole.get(at..)?));
        let (read, record) = if let Some((read, raw)) = &good
            && members.take(raw.len())
        {
            (good_event(read, raw, received, via), raw.as_bytes())
        } else {
            let record = members.cut()?;
            let raw = text(record).ok_or_else(|| "It is not UTF-8 text.".to_owned());
            (raw.and_then(|raw| event(raw, received, via)), record)
        };
        match read {
            Ok(consents) => {
                let published = consents.first().and_then(|consent| consent.published);
                page.last_published = page.last_published.max(published);
                page.consents.extend(consents);
            }
            Err(why) => page.rejects.push(Reject::new(received, source, why, record)),
        }
    }
    Ok(page)
}

/// Reads the object at the beginning of a text, and returns it with its part of the text.
fn leading(text: &str) -> Option<(LogEvent<'_>, &str)> {
    if !text.starts_with('{') {
        return None;
    }
    let mut objects = serde_json::Deserializer::from_str(text).into_iter();
    let read = objects.next()?.ok()?;
    Some((read, text.get(..objects.byte_offset())?))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Reads one LogEvent: usually into one consent, into several if its targets disagree on user, client or server. Hides
/// the secrets in it before anything is read; only its identity is that of the original text. The error says in a
/// sentence why the text is not a LogEvent, and quotes no part of it.
pub fn event(raw: &str, received: Timestamp, via: Via) -> Result<Vec<Consent>, String> {
    let raw = raw.trim_ascii();
    let Some(clean) = redact::event(raw) else {
        return read_as(raw, |read| {
            let id = identity(read, raw)?;
            consents(read, raw, redact::hidden(raw), id, received, via)
        });
    };
    read_clean(raw, &clean, received, via)
}

/// Reads an event whose secrets were hidden. Its id is that of the original text.
fn read_clean(raw: &str, clean: &Clean, received: Timestamp, via: Via) -> Result<Vec<Consent>, String> {
    read_as(&clean.text, |read| {
        let id = identity(read, raw)?;
        consents(read, &clean.text, clean.hidden, id, received, via)
    })
}

/// Parses a text as one JSON object and calls `then` with it.
fn read_as<T>(raw: &str, then: impl FnOnce(&LogEvent<'_>) -> Result<T, String>) -> Result<T, String> {
    if !raw.starts_with('{') {
        return Err("It is not a JSON object.".to_owned());
    }
    let mended;
    let read = match serde_json::from_str::<LogEvent<'_>>(raw) {
        Ok(read) => read,
        Err(first) => {
            let Cow::Owned(text) = mend(raw) else { return Err(why(&first)) };
            mended = text;
            serde_json::from_str(&mended).map_err(|error| why(&error))?
        }
    };
    then(&read)
}

/// Reads an event that is parsed already. Reads everything but its id after the secrets are hidden.
fn good_event(read: &LogEvent<'_>, raw: &str, received: Timestamp, via: Via) -> Result<Vec<Consent>, String> {
    match redact::event(raw) {
        None => consents(read, raw, redact::hidden(raw), identity(read, raw)?, received, via),
        Some(clean) => read_clean(raw, &clean, received, via),
    }
}

/// Returns the id of an event: its uuid, or the digest of its text if it has none.
fn identity(read: &LogEvent<'_>, raw: &str) -> Result<EventId, String> {
    let uuid = read.uuid.get().and_then(|text| uuid::Uuid::try_parse(text).ok());
    if uuid.is_none() && read.event_type.get().is_none() {
        return Err("It has neither an eventType nor a uuid that is one.".to_owned());
    }
    Ok(uuid.map_or_else(|| EventId::Digest(sha256(raw)), |uuid| EventId::Uuid(uuid.into_bytes())))
}

/// Reads a stored consent again, and adds what is stored beside its event, except for the label of its org. Never fails:
/// if the event cannot be read any more, returns only what is stored beside it.
pub fn restore(stored: &Stored) -> Consent {
    let raw = stored.raw.trim_ascii();
    // Its secrets were hidden when it was stored, and its key is known.
    let hidden = redact::hidden(raw);
    let read = read_as(raw, |read| consents(read, raw, hidden, stored.key.id, stored.received, stored.via));
    let mut parts = read.unwrap_or_default();
    let index = usize::from(stored.key.part).min(parts.len().saturating_sub(1));
    let mut consent = if parts.is_empty() { bare(stored) } else { parts.swap_remove(index) };
    consent.key = stored.key;
    consent.doubt = stored.doubt;
    consent.hook.clone_from(&stored.hook);
    consent.hook_copy = stored.hook_copy.as_deref().and_then(|copy| hook_copy(copy, stored)).map(Box::new);
    consent.raw = Arc::clone(&stored.raw);
    // A person that was found later is stored beside the event, never in it.
    if consent.who.evidence == Evidence::Unknown {
        consent.who = Who { person: stored.person.clone(), evidence: stored.evidence };
    }
    for label in &stored.labels {
        put_label(&mut consent, label);
    }
    consent.labels.clone_from(&stored.labels);
    consent
}

/// Reads the hook's copy of a stored consent: the same part of it, or the last one if it has fewer parts.
fn hook_copy(raw: &str, stored: &Stored) -> Option<Consent> {
    let mut parts = event(raw, stored.received, Via::HOOK).ok()?;
    let index = usize::from(stored.key.part).min(parts.len().checked_sub(1)?);
    Some(parts.swap_remove(index))
}

/// Fills in a name that the event does not have.
fn put_label(consent: &mut Consent, label: &Label) {
    let is = |id: Option<&Untrusted>| id.is_some_and(|id| id.exact() == label.id.exact());
    match label.thing {
        Thing::Client if is(consent.client.id.as_ref().map(|id| &id.0)) => {
            consent.client.label = consent.client.label.take().or_else(|| label.name.clone());
        }
        Thing::Server if is(consent.server.id.as_ref().map(|id| &id.0)) => {
            consent.server.name = consent.server.name.take().or_else(|| label.name.clone());
        }
        Thing::Person => {
            // As in the list, one name in the event is enough: the two names would be of different times.
            let person = &mut consent.who.person;
            if is(person.id.as_ref().map(|id| &id.0))
                && person.alternate_id.is_none()
                && person.display_name.is_none()
            {
                person.alternate_id.clone_from(&label.login);
                person.display_name.clone_from(&label.name);
            }
            // The actor stays as the event has it.
        }
        _ => {}
    }
}

/// Returns what is known of a stored row without its event.
fn bare(stored: &Stored) -> Consent {
    let uuid = match stored.key.id {
        EventId::Uuid(bytes) => Some(Untrusted::new(uuid::Uuid::from_bytes(bytes).hyphenated().to_string())),
        EventId::Digest(_) => None,
    };
    let published = Some(stored.key.published_ms).filter(|&ms| ms != 0);
    Consent {
        key: stored.key,
        org: None,
        uuid,
        kind: Kind::Other,
        event_type: Untrusted::new(""),
        published: published.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        received: stored.received,
        message: None,
        severity: None,
        version: None,
        outcome: OutcomeOf::default(),
        actor: None,
        who: Who { person: Person::default(), evidence: Evidence::Unknown },
        client: Client::default(),
        server: Server::default(),
        scopes: Vec::new(),
        unread_targets: 0,
        from: RequestOrigin::default(),
        transaction_id: None,
        session_id: None,
        via: stored.via,
        doubt: None,
        hook: None,
        hook_copy: None,
        labels: Vec::new(),
        hidden: redact::hidden(&stored.raw),
        raw: Arc::clone(&stored.raw),
    }
}

fn consents(
    read: &LogEvent<'_>,
    raw: &str,
    hidden: usize,
    id: EventId,
    received: Timestamp,
    via: Via,
) -> Result<Vec<Consent>, String> {
    if is_too_deep(raw) {
        return Err(format!("It nests deeper than {DEPTH_MAX} levels."));
    }
    let kind = Kind::of(read.event_type.get().unwrap_or(""));
    let published = read.published.get().and_then(|text| text.parse::<Timestamp>().ok());
    let published_ms = published.map_or(0, Timestamp::as_millisecond);
    let raw: Arc<str> = raw.into();
    let groups = groups(read)?;
    let consent = |(part, group): (usize, Group<'_>)| Consent {
        key: EventKey { published_ms, id, part: part as u8 },
        org: None,
        uuid: kept(&read.uuid),
        kind,
        event_type: Untrusted::new(read.event_type.get().unwrap_or("")),
        published,
        received,
        message: kept(&read.message),
        severity: kept(&read.severity),
        version: kept(&read.version),
        outcome: OutcomeOf { result: kept(&read.outcome.result), reason: kept(&read.outcome.reason) },
        actor: actor(&read.actor),
        who: who(read, kind, &group),
        client: client(read, &group),
        server: server(read, &group),
        scopes: group.scopes,
        unread_targets: read.target.1,
        from: origin(read),
        transaction_id: kept(&read.transaction.id),
        session_id: read.session.id.known().map(Untrusted::new),
        via,
        doubt: None,
        hook: None,
        hook_copy: None,
        labels: Vec::new(),
        hidden,
        raw: Arc::clone(&raw),
    };
    Ok(groups.into_iter().enumerate().map(consent).collect())
}

/// The targets that agree on the user, the client and the server of a consent.
#[derive(Default)]
struct Group<'a> {
    user: Option<&'a str>,
    client: Option<&'a str>,
    server: Option<&'a str>,
    scopes: Vec<ScopeGrant>,
    seen: BTreeSet<(Option<&'a str>, Option<&'a str>)>,
}

impl<'a> Group<'a> {
    /// Returns whether a target may belong to this group: a missing value does not contradict.
    fn takes(&self, target: &Party<'_>) -> bool {
        let agree =
            |ours: Option<&str>, theirs: Option<&str>| ours.is_none() || theirs.is_none() || ours == theirs;
        agree(self.user, target.detail.user.known())
            && agree(self.client, target.detail.client.known())
            && agree(self.server, target.detail.server.known())
    }

    fn put(&mut self, target: &'a Party<'_>, is_grant: bool) {
        self.user = self.user.or(target.detail.user.known());
        self.client = self.client.or(target.detail.client.known());
        self.server = self.server.or(target.detail.server.known());
        if is_grant {
            self.put_scope(target.id.known(), target.display_name.get());
        } else {
            let grant = target.id.known().filter(|id| id.starts_with("oag"));
            for scope in target.detail.scope.get().into_iter().flat_map(str::split_ascii_whitespace) {
                self.put_scope(grant, Some(scope));
            }
        }
    }

    fn put_scope(&mut self, grant: Option<&'a str>, name: Option<&'a str>) {
        if (grant.is_some() || name.is_some()) && self.seen.insert((grant, name)) {
            self.scopes
                .push(ScopeGrant { grant_id: grant.map(GrantId::new), name: name.map(Untrusted::new) });
        }
    }
}

/// Sorts the targets of a consent into groups. They are those of type `ConsentGrant`. If there are none, as in the
/// events of the org server whose shape Okta publishes only in part, they are those whose details name a party of the
/// consent.
fn groups<'a>(read: &'a LogEvent<'_>) -> Result<Vec<Group<'a>>, String> {
    let is_grant =
        |target: &Party<'_>| target.kind.get().is_some_and(|kind| kind.eq_ignore_ascii_case("ConsentGrant"));
    let has_details = |target: &Party<'_>| {
        let detail = &target.detail;
        [&detail.user, &detail.client, &detail.server, &detail.scope]
            .into_iter()
            .any(|text| text.get().is_some())
    };
    let targets = &read.target.0;
    let any_grant = targets.iter().any(is_grant);
    let mut groups: Vec<Group<'a>> = Vec::new();
    for target in targets {
        if !(if any_grant { is_grant(target) } else { has_details(target) }) {
            continue;
        }
        let index = groups.iter().position(|group| group.takes(target)).unwrap_or(groups.len());
        if index == PARTS_MAX {
            return Err(format!("Its targets disagree in more than {PARTS_MAX} ways."));
        }
        if index == groups.len() {
            groups.push(Group::default());
        }
        groups[index].put(target, any_grant);
    }
    if groups.is_empty() {
        groups.push(Group::default());
    }
    Ok(groups)
}

/// Resolves the person from the event alone. The correlation of sessions may find a better answer later.
fn who(read: &LogEvent<'_>, kind: Kind, group: &Group<'_>) -> Who {
    if !kind.has_person() {
        return Who { person: Person::default(), evidence: Evidence::NotApplicable };
    }
    let is_user = |party: &&Party<'_>| is_of_type(party, "User") && !is_okta_itself(party);
    let targets = || read.target.0.iter().filter(is_user);
    let actor = Some(&read.actor).filter(is_user);
    if let Some(id) = group.user {
        let named =
            actor.into_iter().chain(targets()).find(|party| party.id.get() == Some(id)).and_then(person);
        let person = named.unwrap_or_else(|| Person { id: Some(UserId::new(id)), ..Person::default() });
        return Who { person, evidence: Evidence::GrantDetail };
    }
    if let Some(person) = actor.and_then(person) {
        return Who { person, evidence: Evidence::Actor };
    }
    if let Some(person) = targets().find_map(person) {
        return Who { person, evidence: Evidence::UserTarget };
    }
    Who { person: Person::default(), evidence: Evidence::Unknown }
}

fn person(party: &Party<'_>) -> Option<Person> {
    let person = Person {
        id: party.id.known().map(UserId::new),
        alternate_id: party.alternate_id.known().map(Untrusted::new),
        display_name: party.display_name.known().map(Untrusted::new),
    };
    (person != Person::default()).then_some(person)
}

fn is_of_type(party: &Party<'_>, kind: &str) -> bool {
    party.kind.get() == Some(kind)
}

/// Returns whether a party is Okta itself. Identity Engine names it as the actor; it is never the person.
fn is_okta_itself(party: &Party<'_>) -> bool {
    party.alternate_id.get().is_some_and(|id| id.eq_ignore_ascii_case("system@okta.com"))
}

fn actor(party: &Party<'_>) -> Option<Actor> {
    let actor = Actor {
        id: kept(&party.id),
        alternate_id: kept(&party.alternate_id),
        display_name: kept(&party.display_name),
        kind: kept(&party.kind),
    };
    (actor != Actor::default()).then_some(actor)
}

fn client(read: &LogEvent<'_>, group: &Group<'_>) -> Client {
    let actor = Some(&read.actor).filter(|actor| is_of_type(actor, "PublicClientApp"));
    let id = group
        .client
        .or_else(|| read.client.id.known().filter(|id| id.starts_with("0oa")))
        .or_else(|| actor.and_then(|actor| actor.id.known()));
    let label = actor
        .filter(|actor| id.is_some() && actor.id.get() == id)
        .and_then(|actor| actor.display_name.known())
        .map(Untrusted::new);
    Client { id: id.map(ClientId::new), label }
}

fn server(read: &LogEvent<'_>, group: &Group<'_>) -> Server {
    let hinted = read.debug.data.server.known();
    let id = group.server.or(hinted);
    // The name belongs to the server in the same object. If targets disagree, it is one of several.
    let name = read.debug.data.server_name.known().filter(|_| hinted.is_none() || hinted == id);
    Server { id: id.map(ServerId::new), name: name.map(Untrusted::new) }
}

fn origin(read: &LogEvent<'_>) -> RequestOrigin {
    let security = &read.security;
    let hops = read.request.chain.0.iter().chain(&read.client.chain.0);
    let ip = read.client.ip.known().or_else(|| hops.map(|hop| &hop.ip).find_map(Text::known));
    RequestOrigin {
        ip: ip.map(Untrusted::new),
        city: kept(&read.client.place.city),
        country: kept(&read.client.place.country),
        as_number: security.as_number.number().or_else(|| security.details.as_number.number()),
        as_org: kept(&security.as_org).or_else(|| kept(&security.details.as_org)),
        is_proxy: security.is_proxy.truth(),
        user_agent: kept(&read.client.user_agent.raw),
    }
}

fn kept(text: &Text<'_>) -> Option<Untrusted> {
    text.get().map(Untrusted::new)
}

fn sha256(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    bytes
}

fn why(error: &serde_json::Error) -> String {
    format!("It is not valid JSON (line {}, column {}).", error.line(), error.column())
}

/// Returns whether a text nests deeper than [`DEPTH_MAX`].
pub(super) fn is_too_deep(raw: &str) -> bool {
    json_scan::is_deeper_than(DEPTH_MAX, raw.as_bytes())
}

/// Replaces escaped surrogates without their pair by U+FFFD, in as many bytes. Used for reading only. A text that was
/// cut at a number of UTF-16 units ends in one, and the parser would refuse the whole event for it.
pub(super) fn mend(raw: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = raw;
    let mut changed = false;
    while let Some((before, from)) = rest.split_once('\\') {
        out.push_str(before);
        if let Some(unit) = unit(from, "u") {
            let low = from.get(5..).and_then(|next| self::unit(next, "\\u"));
            let (taken, good) = match (unit, low) {
                (0xd800..=0xdbff, Some(0xdc00..=0xdfff)) => (11, true),
                (0xd800..=0xdfff, _) => (5, false),
                _ => (5, true),
            };
            let (escape, after) = from.split_at(taken);
            out.push('\\');
            out.push_str(if good { escape } else { "ufffd" });
            changed |= !good;
            rest = after;
        } else {
            // Any other escape: the character after the backslash does not begin an escape.
            let mut chars = from.chars();
            out.push('\\');
            out.extend(chars.next());
            rest = chars.as_str();
        }
    }
    out.push_str(rest);
    if changed { Cow::Owned(out) } else { Cow::Borrowed(raw) }
}

/// Returns the code unit of a `\u` escape; `start` is the text before its four digits.
fn unit(text: &str, start: &str) -> Option<u16> {
    let digits = text.strip_prefix(start)?.get(..4)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests;
