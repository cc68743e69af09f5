//! Reads lines that this program wrote (`consentwatch.consent/1`): parses the event again, then restores what was known
//! beyond the event.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::consent::redact;
use crate::consent::{
    ClientId, Consent, Delivery, Doubt, EventId, EventKey, Evidence, Label, OrgId, Person, Rev, Seq,
    ServerId, Stored, Thing, Untrusted, UserId, Via, org_label,
};
use crate::okta;

/// The schema of these lines.
pub(super) const SCHEMA: &str = "consentwatch.consent/1";

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(default)]
    org: Option<String>,
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
    #[serde(borrow, default)]
    hook_copy: Option<HookCopy<'a>>,
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

#[derive(Deserialize)]
struct HookCopy<'a> {
    #[serde(borrow)]
    raw: &'a RawValue,
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

/// Parses a line. `now` is the time of receipt if the line has none.
pub(super) fn consent(text: &str, now: Timestamp) -> Result<Consent, String> {
    let line: Line<'_> = serde_json::from_str(text).map_err(|error| {
        format!("It is not a valid {SCHEMA} (line {}, column {}).", error.line(), error.column())
    })?;
    let received = line.received.as_deref().and_then(|at| at.parse().ok()).unwrap_or(now);
    let via = via_of(&line.via);
    let published = line.published.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
    let kept = embedded(line.raw);
    let parts = okta::event(&kept, received, via).unwrap_or_default();
    // An older version, which did not hide secrets, may have written the line.
    let raw = parts.first().map_or_else(|| without_secrets(&kept), |part| Arc::clone(&part.raw));
    let is_it = |part: &&Consent| {
        let server = part.server.id.as_ref().map(ServerId::exact);
        let client = part.client.id.as_ref().map(ClientId::exact);
        let who = part.who.person.id.as_ref().map(UserId::exact);
        client == line.client.id.as_deref()
            && server == line.authorization_server.id.as_deref()
            && (part.who.evidence == Evidence::Unknown || who == line.who.id.as_deref())
    };
    let key = parts.iter().find(is_it).or(parts.first()).map_or_else(|| line.key(&kept), |part| part.key);
    let org = line.org.as_deref().and_then(org_label);
    let stored = Stored {
        seq: Seq(0),
        rev: Rev(0),
        key,
        org: OrgId::default(),
        received,
        via,
        doubt: line.doubt.as_deref().and_then(doubt_of),
        evidence: line.who.evidence.as_deref().map_or(Evidence::Unknown, Evidence::from_word),
        person: Person {
            id: line.who.id.map(|id| UserId::new(id.as_str())),
            alternate_id: line.who.alternate_id.as_deref().map(told),
            display_name: line.who.display_name.as_deref().map(told),
        },
        hook: line.hook.map(Hook::delivery),
        hook_copy: line.hook_copy.map(|copy| {
            let kept = embedded(copy.raw);
            let parts = okta::event(&kept, received, Via::HOOK).unwrap_or_default();
            parts.first().map_or_else(|| without_secrets(&kept), |part| Arc::clone(&part.raw))
        }),
        labels: line.looked_up.into_iter().filter_map(LookedUp::label).collect(),
        raw,
    };
    let mut consent = okta::restore(&stored);
    consent.org = org;
    // The program that wrote the line may have parsed a time format that Okta does not use.
    if consent.published.is_none()
        && let Some(at) = published
    {
        consent.published = Some(at);
        consent.key.published_ms = at.as_millisecond();
    }
    Ok(consent)
}

fn via_of(words: &[String]) -> Via {
    words.iter().fold(Via::FILE, |via, word| match word.as_str() {
        "poll" => via.with(Via::POLL),
        "hook" => via.with(Via::HOOK),
        _ => via,
    })
}

fn doubt_of(word: &str) -> Option<Doubt> {
    Doubt::ALL.into_iter().find(|doubt| doubt.word() == word)
}

/// What the ECS and OCSF exports add to the event.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Beside {
    org: Option<String>,
    via: Vec<String>,
    evidence: Option<String>,
    doubt: Option<String>,
}

/// The person of the ECS (`id`) and OCSF (`uid`) exports.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Exported {
    #[serde(alias = "uid")]
    id: Option<String>,
    name: Option<String>,
    full_name: Option<String>,
}

/// Restores what an export of this program says about its events beyond the events themselves: their org, how they came,
/// whose consent each is, and, for a card, the hook's envelope.
pub(super) fn put_beside(members: &BTreeMap<String, &RawValue>, consents: &mut [Consent]) {
    let text = |key: &str| members.get(key).and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    if let Some(event_id) = text("Event ID").filter(|_| members.contains_key("Event Details")) {
        let headers =
            members.get("Headers").and_then(|raw| serde_json::from_str::<Vec<String>>(raw.get()).ok());
        let hook = Hook {
            event_id: Some(event_id),
            event_time: text("Event Time"),
            source: text("Source"),
            headers: headers.unwrap_or_default(),
            received: None,
        };
        let hook = hook.delivery();
        for consent in consents {
            consent.via = Via::HOOK;
            consent.hook = Some(hook.clone());
        }
        return;
    }
    let beside = members
        .get("consentwatch")
        .or_else(|| members.get("unmapped").filter(|_| members.contains_key("class_uid")));
    let Some(beside) = beside.and_then(|raw| serde_json::from_str::<Beside>(raw.get()).ok()) else { return };
    let person = members.get("user").and_then(|raw| serde_json::from_str::<Exported>(raw.get()).ok());
    let org = beside.org.as_deref().and_then(org_label);
    for consent in consents {
        consent.org.clone_from(&org);
        consent.via = via_of(&beside.via);
        consent.doubt = beside.doubt.as_deref().and_then(doubt_of);
        let evidence = beside.evidence.as_deref().map_or(Evidence::Unknown, Evidence::from_word);
        if let (Evidence::Unknown, Some(person)) = (consent.who.evidence, &person)
            && evidence.is_found_out()
        {
            let text = |text: &Option<String>| text.as_deref().map(told);
            consent.who = crate::consent::Who {
                person: Person {
                    id: person.id.as_deref().map(UserId::new),
                    alternate_id: text(&person.name),
                    display_name: text(&person.full_name),
                },
                evidence,
            };
        }
    }
}

/// Redacts a text that an older version may have written.
fn told(text: &str) -> Untrusted {
    Untrusted::new(redact::text(text))
}

/// Hides secrets in a text that is not an event.
fn without_secrets(text: &str) -> Arc<str> {
    String::from_utf8_lossy(&redact::record(text.as_bytes())).into()
}

/// Returns an embedded LogEvent. A record that was not JSON was stored as a string.
fn embedded(raw: &RawValue) -> Cow<'_, str> {
    match serde_json::from_str::<String>(raw.get()) {
        Ok(text) => text.into(),
        Err(_) => raw.get().into(),
    }
}

impl Line<'_> {
    /// Returns the key of an event that cannot be parsed.
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
            event_id: self.event_id.as_deref().map(told),
            event_time: self.event_time.as_deref().map(told),
            source: self.source.as_deref().map(told),
            headers: self.headers.iter().map(|line| Untrusted::new(redact::header(line))).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Orgs;
    use crate::export::Lines;

    #[test]
    fn every_export_that_names_the_org_gives_it_back() {
        let raw =
            r#"{"uuid":"5b1f0c9e-3333-4333-8333-000000000001","eventType":"app.oauth2.as.consent.grant"}"#;
        let consent = okta::event(raw, Timestamp::UNIX_EPOCH, Via::POLL).unwrap().remove(0);
        let consent = Consent { org: Some("prod".into()), ..consent };
        for (form, org) in [
            (Lines::Json, Some("prod")),
            (Lines::Ecs, Some("prod")),
            (Lines::Ocsf, Some("prod")),
            (Lines::Card, None),
            (Lines::Raw, None),
        ] {
            let mut line = Vec::new();
            form.line(Seq(1), &consent, &Orgs::default(), &mut line);
            let found = crate::files::record::read(line.trim_ascii(), Timestamp::UNIX_EPOCH);
            assert_eq!(found.consents[0].org.as_deref(), org, "{form:?}: {:?}", found.bad);
        }
    }

    #[test]
    fn only_what_can_be_the_label_of_an_org_is_one() {
        for (org, label) in [
            ("\"prod\"", Some("prod")),
            ("\"127.0.0.1:8080\"", Some("127.0.0.1:8080")),
            ("null", None),
            ("\"\"", None),
            ("\"a\\u001b[2J\"", None),
        ] {
            let line = format!(r#"{{"schema":"{SCHEMA}","org":{org},"raw":{{"eventType":"x"}}}}"#);
            assert_eq!(consent(&line, Timestamp::UNIX_EPOCH).unwrap().org.as_deref(), label, "{org}");
        }
    }

    #[test]
    fn a_line_of_a_version_that_hid_nothing_loses_its_secrets() {
        let now = "2026-03-04T09:15:00Z".parse().unwrap();
        for raw in [
            r#"{"eventType":"x","target":[],"debugContext":{"debugData":{"token":"CANARY"}}}"#,
            r#"{"debugContext":{"debugData":{"token":"CANARY"}}}"#,
            r#""{\"token\":\"CANARY\", cut""#,
        ] {
            let line = format!(
                r#"{{"schema":"{SCHEMA}","who":{{"id":"00u1","alternate_id":"https://u:CANARY@h.test"}},"via":["hook"],"hook":{{"source":"/x?a=CANARY","headers":["X-Api-Key: CANARY"]}},"raw":{raw}}}"#
            );
            let consent = consent(&line, now).unwrap();
            assert!(!format!("{consent:?}").contains("CANARY"), "{consent:?}");
            assert!(consent.raw.contains("‹hidden, 6 characters›"), "{}", consent.raw);
        }
    }
}
