//! Invented consents for the tests of export formats.

use std::sync::Arc;

use jiff::Timestamp;

use super::AboutOrg;
use crate::consent::{
    Actor, Client, ClientId, Consent, Delivery, EventId, EventKey, Evidence, GrantId, Kind, KnownOrg,
    OrgName, Orgs, OutcomeOf, Person, RequestOrigin, ScopeGrant, Server, ServerId, Untrusted, UserId, Via,
    Who,
};
use crate::report::Coverage;

#[expect(clippy::unnecessary_wraps, reason = "every field that it fills is optional")]
fn text(text: &str) -> Option<Untrusted> {
    Some(Untrusted::new(text))
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time written by hand")
}

/// Returns the paths of all fields of a document, joined by dots.
pub(super) fn fields(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(map) => {
            let of = |(name, value): (&String, &serde_json::Value)| {
                let inner = fields(value).into_iter();
                inner
                    .map(|field| if field.is_empty() { name.clone() } else { format!("{name}.{field}") })
                    .collect::<Vec<_>>()
            };
            map.iter().flat_map(of).collect()
        }
        serde_json::Value::Array(items) if items.iter().any(serde_json::Value::is_object) => {
            items.iter().flat_map(fields).collect()
        }
        _ => vec![String::new()],
    }
}

/// Returns the org of [`both_ways`].
pub(super) fn orgs() -> Orgs {
    Orgs::new(vec![named("prod", "example.okta.com")])
}

/// Returns two orgs, the first of which is that of [`both_ways`].
pub(super) fn two_orgs() -> Orgs {
    Orgs::new(vec![named("prod", "example.okta.com"), named("preview", "example.oktapreview.com")])
}

/// Returns an org with a name.
pub(super) fn named(name: &str, host: &str) -> KnownOrg {
    KnownOrg { name: Some(OrgName::parse(name).expect("a name")), ..KnownOrg::unnamed(host) }
}

/// Returns an org of which nothing more is known.
pub(super) fn about_org() -> AboutOrg {
    AboutOrg {
        org: KnownOrg::unnamed("example.okta.com"),
        coverage: Coverage::default(),
        board: None,
        readiness: None,
    }
}

/// Returns a consent with only the required fields.
pub(super) fn bare() -> Consent {
    Consent {
        key: EventKey { published_ms: 0, id: EventId::Digest([0; 32]), part: 0 },
        org: None,
        uuid: None,
        kind: Kind::Other,
        event_type: Untrusted::new(""),
        published: None,
        received: at("2026-05-06T07:08:20Z"),
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
        hidden: 0,
        from: RequestOrigin::default(),
        transaction_id: None,
        session_id: None,
        via: Via::POLL,
        labels: Vec::new(),
        doubt: None,
        hook: None,
        hook_copy: None,
        raw: Arc::from("{}"),
    }
}

/// Returns a consent with nearly every field, seen by poll and by hook.
pub(super) fn both_ways() -> Consent {
    let published = at("2026-05-06T07:08:09.123Z");
    let person = Person {
        id: Some(UserId::new("00uPPPPPPPPPPPPPP1d7")),
        alternate_id: text("mira@example.test"),
        display_name: text("Mira Example"),
    };
    Consent {
        key: EventKey { published_ms: published.as_millisecond(), id: EventId::Uuid([7; 16]), part: 0 },
        org: Some(Arc::from("prod")),
        uuid: text("5B1F0C9E-3333-4333-8333-0242AC120002"),
        kind: Kind::Grant,
        event_type: Untrusted::new("app.oauth2.as.consent.grant"),
        published: Some(published),
        message: text("Consent granted"),
        severity: text("INFO"),
        version: text("0"),
        outcome: OutcomeOf { result: text("SUCCESS"), reason: None },
        actor: Some(Actor {
            id: text("00uPPPPPPPPPPPPPP1d7"),
            alternate_id: text("mira@example.test"),
            display_name: text("Mira Example"),
            kind: text("User"),
        }),
        who: Who { person, evidence: Evidence::GrantDetail },
        client: Client { id: Some(ClientId::new("0oaDDDDDDDDDDDDDD1d7")), label: text("Paint \"Box\"") },
        server: Server { id: Some(ServerId::new("ausSSSSSSSSSSSSSS1d7")), name: text("default") },
        scopes: vec![
            ScopeGrant { grant_id: Some(GrantId::new("oagGGGGGGGGGGGGGG1d7")), name: text("paint.read") },
            ScopeGrant { grant_id: None, name: text("paint.write") },
        ],
        from: RequestOrigin {
            ip: text("198.51.100.7"),
            city: text("Delft"),
            country: text("Netherlands"),
            as_number: Some(64501),
            as_org: text("example net"),
            is_proxy: Some(false),
            user_agent: text("Mozilla/5.0 \u{7}"),
        },
        transaction_id: text("ZtransactionExample00000001"),
        session_id: text("102sessionExample0000001"),
        via: Via::POLL.with(Via::HOOK),
        hook: Some(Delivery {
            event_id: text("d0000000-4444-4444-8444-0242ac120002"),
            event_time: text("2026-05-06T07:08:19.000Z"),
            source: text("https://example.test/api/v1/eventHooks/whoHHHHHHHHHHHHHH1d7"),
            headers: vec![Untrusted::new("Content-Type: application/json")],
            received: Some("2026-05-06T07:08:19.250Z".parse().expect("a time")),
        }),
        raw: Arc::from(
            "{\n  \"uuid\": \"5B1F0C9E-3333-4333-8333-0242AC120002\", \"version\": 0, \"odd\": 1.0E+2,\r\n\
             \"target\": [ { \"id\": \"oagGGGGGGGGGGGGGG1d7\", \"type\": \"ConsentGrant\", \"displayName\": \"paint.read\",\n\
             \"detailEntry\": { \"user\": \"00uPPPPPPPPPPPPPP1d7\" } } ],\n\
             \"debugContext\": { \"debugData\": { \"note\": \"two  spaces\" } } }",
        ),
        ..bare()
    }
}
