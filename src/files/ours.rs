//! A line of our own (`consentwatch.consent/1`), read back: the event is read anew, and what was known beside it is put
//! over it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::consent::{
    ClientId, Consent, Delivery, Doubt, EventId, EventKey, Evidence, Label, Person, Rev, Seq, ServerId,
    Stored, Thing, Untrusted, UserId, Via,
};
use crate::okta;

/// The form that is read.
pub(super) const SCHEMA: &str = "consentwatch.consent/1";

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(default)]
    uuid: Option<String>,
    #[serde(default)]
    published: Option<String>,
    #[serde(default)]
    received: Option<String>,
    #[serde(default)]
    who: Who,
    #[serde(default)]
    client: Named,
    #[serde(default)]
    authorization_server: Named,
    #[serde(default)]
    via: Vec<String>,
    #[serde(default)]
    doubt: Option<String>,
    #[serde(default)]
    hook: Option<Hook>,
    #[serde(default)]
    looked_up: Vec<LookedUp>,
    #[serde(borrow)]
    raw: &'a RawValue,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Who {
    id: Option<String>,
    alternate_id: Option<String>,
    display_name: Option<String>,
    evidence: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Named {
    id: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Hook {
    event_id: Option<String>,
    event_time: Option<String>,
    source: Option<String>,
    headers: Vec<String>,
    received: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LookedUp {
    thing: String,
    id: String,
    name: Option<String>,
    login: Option<String>,
    deleted: bool,
    asked: Option<String>,
}

/// Reads a line. `now` stands for a time of reception that is missing.
pub(super) fn consent(text: &str, now: Timestamp) -> Result<Consent, String> {
    let line: Line<'_> = serde_json::from_str(text)
        .map_err(|error| format!("It is no {SCHEMA} (line {}, column {}).", error.line(), error.column()))?;
    let received = line.received.as_deref().and_then(|at| at.parse().ok()).unwrap_or(now);
    let via = line.via.iter().fold(Via::FILE, |via, word| match word.as_str() {
        "poll" => via.with(Via::POLL),
        "hook" => via.with(Via::HOOK),
        _ => via,
    });
    // What was no event was kept as a text.
    let raw: Arc<str> = match serde_json::from_str::<String>(line.raw.get()) {
        Ok(text) => text.into(),
        Err(_) => line.raw.get().into(),
    };
    let parts = okta::event(&raw, received, via).unwrap_or_default();
    let is_it = |part: &&Consent| {
        let server = part.server.id.as_ref().map(ServerId::exact);
        let client = part.client.id.as_ref().map(ClientId::exact);
        let who = part.who.person.id.as_ref().map(UserId::exact);
        client == line.client.id.as_deref()
            && server == line.authorization_server.id.as_deref()
            && (part.who.evidence == Evidence::Unknown || who == line.who.id.as_deref())
    };
    let key = parts.iter().find(is_it).or(parts.first()).map_or_else(|| line.key(&raw), |part| part.key);
    let stored = Stored {
        seq: Seq(0),
        rev: Rev(0),
        key,
        received,
        via,
        doubt: line.doubt.as_deref().and_then(|word| {
            [Doubt::Unconfirmed, Doubt::Missed].into_iter().find(|doubt| doubt.word() == word)
        }),
        evidence: line.who.evidence.as_deref().map_or(Evidence::Unknown, Evidence::from_word),
        person: Person {
            id: line.who.id.map(|id| UserId::new(id.as_str())),
            alternate_id: line.who.alternate_id.map(Untrusted::new),
            display_name: line.who.display_name.map(Untrusted::new),
        },
        hook: line.hook.map(Hook::delivery),
        labels: line.looked_up.into_iter().filter_map(LookedUp::label).collect(),
        raw,
    };
    Ok(okta::restore(&stored))
}

impl Line<'_> {
    /// The key of an event that cannot be read.
    fn key(&self, raw: &str) -> EventKey {
        let published: Option<Timestamp> = self.published.as_deref().and_then(|at| at.parse().ok());
        let uuid = self.uuid.as_deref().and_then(|text| uuid::Uuid::try_parse(text).ok());
        let digest = || {
            let mut bytes = [0; 32];
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, raw.as_bytes());
            bytes.copy_from_slice(digest.as_ref());
            EventId::Digest(bytes)
        };
        EventKey {
            published_ms: published.map_or(0, Timestamp::as_millisecond),
            id: uuid.map_or_else(digest, |uuid| EventId::Uuid(uuid.into_bytes())),
            part: 0,
        }
    }
}

impl Hook {
    fn delivery(self) -> Delivery {
        Delivery {
            event_id: self.event_id.map(Untrusted::new),
            event_time: self.event_time.map(Untrusted::new),
            source: self.source.map(Untrusted::new),
            headers: self.headers.into_iter().map(Untrusted::new).collect(),
            received: self.received.and_then(|at| at.parse().ok()),
        }
    }
}

impl LookedUp {
    fn label(self) -> Option<Label> {
        Some(Label {
            thing: Thing::ALL.into_iter().find(|thing| thing.word() == self.thing)?,
            id: Untrusted::new(self.id),
            name: self.name.map(Untrusted::new),
            login: self.login.map(Untrusted::new),
            is_gone: self.deleted,
            asked: self.asked.and_then(|at| at.parse().ok()).unwrap_or_default(),
        })
    }
}
