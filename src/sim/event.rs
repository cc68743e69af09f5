//! Writes a LogEvent as JSON by hand. It shares no type with the parser, so that both cannot have the same mistake.

use jiff::Timestamp;

use super::dice::Dice;
use super::entry::{ActorOf, Entry, EventType, Oddity, Target};
use super::json::quoted;
use super::names::{ADMIN_SCOPES, ORG_SCOPES, PLACES};
use super::population::{App, Population};

/// Returns a time in milliseconds since 1970 in Okta's format.
pub(super) fn time(ms: i64, fraction: bool) -> String {
    let time = Timestamp::from_millisecond(ms).unwrap_or_default();
    if fraction { format!("{time:.3}") } else { format!("{time:.0}") }
}

/// Returns one event as JSON. The members are in the order of recorded answers.
pub(super) fn write(population: &Population, entry: &Entry) -> String {
    let mut dice = Dice::new(entry.seed);
    let odd = |oddity| entry.oddity == Some(oddity);
    let user = &population.users[usize::from(entry.user)];
    let place = if dice.once_in(12) { dice.below(PLACES.len()) } else { user.place };
    let geo = if odd(Oddity::PlaceNull) {
        "null"
    } else {
        &population.places[place][usize::from(odd(Oddity::PostalNumber))]
    };
    let ip = if odd(Oddity::AddressNull) { "null" } else { user.ip.as_str() };
    let [event_type, legacy, message] = entry.event.names();
    let mut request = String::with_capacity(28);
    request.push('Z');
    dice.letters(&mut request, 12);
    request.push_str(if dice.once_in(2) { "@O-" } else { "-x@" });
    dice.letters(&mut request, 12);

    let mut out = String::with_capacity(3400);
    let mut add = |parts: &[&str]| parts.iter().for_each(|part| out.push_str(part));

    add(&[r#"{"actor":"#]);
    match entry.actor {
        ActorOf::User => add(&[&user.actor]),
        ActorOf::System | ActorOf::SystemAlone => add(&[SYSTEM]),
        ActorOf::Client => add(&[&client(&population.apps[usize::from(entry.app)])]),
    }
    let id = if is_client_known(entry.event) {
        quoted(&population.apps[usize::from(entry.app)].id)
    } else {
        "null".to_owned()
    };
    if odd(Oddity::ClientBlank) {
        add(&[
            r#","client":{"userAgent":null,"zone":null,"device":null,"id":null,"ipAddress":null,"geographicalContext":null}"#,
        ]);
    } else if !odd(Oddity::ClientMissing) {
        add(&[
            ",\"client\":{",
            &population.agents[user.agent],
            r#","zone":"null","id":"#,
            &id,
            r#","ipAddress":""#,
            ip,
        ]);
        add(&[r#"","geographicalContext":"#, geo, "}"]);
    }
    if !odd(Oddity::KeysMissing) {
        add(&[r#","device":null"#]);
    }
    add(&[
        r#","authenticationContext":{"authenticationProvider":null,"credentialProvider":null,"credentialType":null,"#,
    ]);
    add(&[r#""issuer":null,"interface":null,"authenticationStep":0"#]);
    let session =
        if odd(Oddity::SessionUnknown) { "unknown".to_owned() } else { session(population, entry.session) };
    add(&[r#","rootSessionId":""#, &session, r#"","externalSessionId":""#, &session, "\"}"]);
    if !odd(Oddity::KeysMissing) {
        add(&[r#","displayMessage":""#, message, "\""]);
    }
    add(&[r#","eventType":""#, event_type, r#"","outcome":"#]);
    add(&[match (odd(Oddity::OutcomeNull), entry.failed) {
        (true, _) => "null",
        (_, true) if entry.event == EventType::HookDelivery => {
            r#"{"result":"FAILURE","reason":"The endpoint did not answer in time or well"}"#
        }
        (_, true) => r#"{"result":"FAILURE","reason":"access_denied"}"#,
        _ => r#"{"result":"SUCCESS","reason":null}"#,
    }]);
    add(&[
        r#","published":""#,
        &time(entry.published_ms, !odd(Oddity::WholeSecond)),
        r#"","securityContext":"#,
    ]);
    add(&[if odd(Oddity::KeysMissing) { "{}" } else { &population.networks[place] }, r#","severity":""#]);
    add(&[match (odd(Oddity::SeverityHigh), entry.failed) {
        (true, _) => "HIGH",
        (_, true) => "WARN",
        _ => "INFO",
    }]);
    add(&[r#"","debugContext":{"debugData":"#]);
    if odd(Oddity::DebugText) {
        add(&[r#""""#]);
    } else {
        add(&[&debug_data(population, entry, &request, &mut dice)]);
    }
    add(&["}"]);
    if !legacy.is_empty() && !odd(Oddity::KeysMissing) {
        add(&[r#","legacyEventType":""#, legacy, "\""]);
    } else if entry.oddity.is_some_and(|oddity| oddity != Oddity::KeysMissing) {
        // Okta documents a string, but writes null for newer event types without a legacy name.
        add(&[r#","legacyEventType":null"#]);
    }
    add(&[r#","transaction":{"type":"WEB","id":""#, &request, r#"","detail":{}}"#]);
    let mut uuid = uuid::Uuid::encode_buffer();
    add(&[r#","uuid":""#, entry.uuid.hyphenated().encode_lower(&mut uuid)]);
    add(&[r#"","version":"#, if odd(Oddity::VersionNumber) { "0" } else { "\"0\"" }]);
    if odd(Oddity::ClientBlank) {
        add(&[r#","request":{"ipChain":[]}"#]);
    } else if !odd(Oddity::KeysMissing) {
        let version = if user.ip.contains(':') { "V6" } else { "V4" };
        add(&[r#","request":{"ipChain":[{"ip":""#, &user.ip, r#"","geographicalContext":"#, geo]);
        add(&[r#","version":""#, version, r#"","source":null}]}"#]);
    }
    if odd(Oddity::UnknownKeys) {
        add(&[
            r#","insertionTimestamp":null,"x_newInNextRelease":{"a":[1,2.5e3,null,{"b":true}]},"":"empty key""#,
        ]);
    }
    let is_bare = odd(Oddity::TargetMissing) || (entry.failed && dice.once_in(2));
    if odd(Oddity::TargetNull) {
        add(&[r#","target":null"#]);
    } else if !is_bare {
        add(&[r#","target":["#]);
        for (number, target) in entry.targets.iter().enumerate() {
            add(&[if number > 0 { "," } else { "" }, &target_text(population, entry, target)]);
        }
        if entry.event.kind().is_none() {
            add(&[&noise_target(population, entry)]);
        }
        add(&["]"]);
    }
    add(&["}"]);
    out
}

const SYSTEM: &str = r#"{"id":"00uSYSTEM000000001d7","type":"SystemPrincipal","alternateId":"system@okta.com","displayName":"Okta System","detailEntry":null}"#;

/// Returns a client as an actor. As in recorded token events, `alternateId` repeats the id.
fn client(app: &App) -> String {
    format!(
        r#"{{"id":"{0}","type":"PublicClientApp","alternateId":"{0}","displayName":{1},"detailEntry":null}}"#,
        app.id,
        quoted(app.label)
    )
}

/// Returns whether events of a type name the client in `client.id`, which is null in recorded consents.
fn is_client_known(event: EventType) -> bool {
    matches!(event, EventType::AuthorizeCode | EventType::AccessToken | EventType::OrgGrant)
}

fn session(population: &Population, number: u64) -> String {
    let mut id = String::with_capacity(25);
    id.push_str(match population.variant {
        super::Variant::Oie => "idx",
        super::Variant::Classic => "102",
    });
    Dice::new(number).letters(&mut id, 22);
    id
}

fn debug_data(population: &Population, entry: &Entry, request: &str, dice: &mut Dice) -> String {
    let server = &population.servers[usize::from(entry.server)];
    let path = match (entry.event.kind(), population.variant) {
        (Some("grant" | "org_grant"), super::Variant::Oie) => "/idp/idx/consent",
        (Some("grant" | "org_grant"), super::Variant::Classic) => "/api/v1/authn/consent",
        (Some(_), _) => "/api/internal/v1/grants",
        (None, _) => "/oauth2/default/v1/authorize",
    };
    let mut data = String::with_capacity(900);
    let mut add = |parts: &[&str]| parts.iter().for_each(|part| data.push_str(part));
    add(&["{"]);
    if matches!(entry.event.kind(), Some("grant" | "revoke")) {
        add(&[
            r#""authorizationServer":""#,
            &server.id,
            r#"","authorizationServerName":""#,
            server.name,
            "\",",
        ]);
    }
    add(&[r#""requestId":""#, request, r#"","dtHash":""#]);
    let mut hash = String::with_capacity(64);
    dice.hex(&mut hash, 64);
    add(&[&hash, r#"","deviceFingerprint":""#]);
    hash.clear();
    dice.hex(&mut hash, 32);
    add(&[&hash, r#"","requestUri":""#, path, r#"","threatSuspected":"false","url":""#, path, "?\""]);
    if population.variant == super::Variant::Oie {
        add(&[
            r#","logOnlySecurityData":"{\"risk\":{\"level\":\"LOW\"},\"behaviors\":{\"New Geo-Location\":\"NEGATIVE\","#,
        ]);
        add(&[r#"\"New Device\":\"NEGATIVE\",\"New IP\":\"NEGATIVE\",\"Velocity\":\"NEGATIVE\"}}""#]);
    }
    if entry.oddity == Some(Oddity::DebugNested) {
        add(&[
            r#","originalPrincipal":{"id":"00uORIGINAL0000001d7","type":"User","alternateId":"root@example.test"},"tries":3"#,
        ]);
    }
    add(&["}"]);
    data
}

/// Returns the id of the grant of one scope.
pub(super) fn grant_id(population: &Population, target: &Target) -> String {
    let grant = Dice::of(population.epoch, !u64::from(target.grant)).roll();
    Dice::of(grant, u64::from(target.scope)).id("oag")
}

fn target_text(population: &Population, entry: &Entry, target: &Target) -> String {
    let id = grant_id(population, target);
    let app = &population.apps[usize::from(target.app)];
    let user = &population.users[usize::from(target.user)].id;
    let scope = usize::from(target.scope);
    let head = |name: &str| {
        format!(
            r#"{{"id":"{id}","type":"ConsentGrant","alternateId":null,"displayName":"{name}","detailEntry":{{"#
        )
    };
    match entry.event {
        EventType::OrgGrant => {
            let name = ORG_SCOPES[scope % ORG_SCOPES.len()];
            // For the org's own server, the catalog writes these keys with capitals.
            let person = if entry.actor == ActorOf::SystemAlone {
                String::new()
            } else {
                format!(r#","User":"{user}""#)
            };
            format!(
                r#"{}"PublicClientApp":"{}","AuthorizationServer":"{}"{person},"scope":"{name}"}}}}"#,
                head(name),
                app.id,
                population.org
            )
        }
        EventType::AdminGrant | EventType::AdminRevoke => {
            let name = ADMIN_SCOPES[scope % ADMIN_SCOPES.len()];
            format!(
                r#"{}"PublicClientApp":"{}","AuthorizationServer":"{}","scope":"{name}"}}}}"#,
                head(name),
                app.id,
                population.org
            )
        }
        _ => {
            let server = &population.servers[usize::from(target.server)];
            let person = if entry.actor == ActorOf::SystemAlone {
                String::new()
            } else {
                format!(r#","user":"{user}""#)
            };
            format!(
                r#"{}"publicclientapp":"{}","authorizationserver":"{}"{person}}}}}"#,
                head(server.scopes[scope % server.scopes.len()]),
                app.id,
                server.id
            )
        }
    }
}

fn noise_target(population: &Population, entry: &Entry) -> String {
    let user = &population.users[usize::from(entry.user)];
    let app = &population.apps[usize::from(entry.app)];
    if entry.event == EventType::SessionStart {
        let (login, name) = (quoted(&user.login), quoted(&user.name));
        return format!(r#"{{"id":"{}","type":"User","alternateId":{login},"displayName":{name}}}"#, user.id);
    }
    if entry.event == EventType::HookDelivery {
        return r#"{"id":"whoFFFFFFFFFFFFFF1d7","type":"EventHook","alternateId":null,"displayName":"consents","detailEntry":null}"#
            .to_owned();
    }
    if entry.event == EventType::ServerUpdated {
        return format!(
            r#"{{"id":"{}","type":"AuthorizationServer","alternateId":null,"displayName":"default","detailEntry":null}}"#,
            population.servers[0].id
        );
    }
    let label = quoted(app.label);
    format!(
        r#"{{"id":"{}","type":"AppInstance","alternateId":{label},"displayName":{label},"detailEntry":{{"signOnModeType":"OPENID_CONNECT"}}}}"#,
        app.id
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use serde_json::Value;

    use super::super::story::Story;
    use super::super::{SimOrg, Variant};
    use super::*;

    fn written(variant: Variant, events: usize) -> Vec<(Entry, Value)> {
        let population = Arc::new(Population::new(11, variant, 0));
        let mut story = Story::new(Arc::clone(&population));
        let mut out = Vec::new();
        (0..events as i64).for_each(|number| story.tell(1_772_615_728_123 + number, 0, &mut out));
        out.into_iter()
            .map(|entry| {
                let text = write(&population, &entry);
                let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                (entry, value)
            })
            .collect()
    }

    #[test]
    fn every_event_is_json_with_a_type_and_a_time() {
        for variant in [Variant::Oie, Variant::Classic] {
            for (entry, event) in written(variant, 600) {
                assert_eq!(event["uuid"], entry.uuid.to_string());
                assert_eq!(event["eventType"], entry.event.names()[0]);
                let published: Timestamp = event["published"].as_str().unwrap().parse().unwrap();
                assert_eq!(published.as_millisecond(), entry.published_ms);
            }
        }
    }

    /// The members that are null in recorded consent events although Okta's OpenAPI document does not allow it, and
    /// `device`, which it does not describe.
    const NULL_WHEN_RECORDED: [&str; 11] = [
        "actor.detailEntry",
        "authenticationContext.authenticationProvider",
        "authenticationContext.credentialProvider",
        "authenticationContext.credentialType",
        "authenticationContext.interface",
        "authenticationContext.issuer",
        "client.id",
        "device",
        "outcome.reason",
        "request.ipChain.source",
        "target.alternateId",
    ];

    fn nulls(value: &Value, place: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Null => drop(found.insert(place.trim_start_matches('.').to_owned())),
            Value::Array(items) => items.iter().for_each(|item| nulls(item, place, found)),
            Value::Object(members) => {
                members.iter().for_each(|(key, member)| nulls(member, &format!("{place}.{key}"), found));
            }
            _ => {}
        }
    }

    #[test]
    fn an_ordinary_event_is_null_only_where_recorded_ones_are() {
        for variant in [Variant::Oie, Variant::Classic] {
            let mut found = BTreeSet::new();
            for (entry, event) in written(variant, 600) {
                if entry.oddity.is_none() {
                    nulls(&event, "", &mut found);
                }
            }
            assert_eq!(found, NULL_WHEN_RECORDED.map(str::to_owned).into());
        }
    }

    #[test]
    fn consents_name_scopes_and_client() {
        for (entry, event) in written(Variant::Classic, 300) {
            if entry.event != EventType::Grant || entry.oddity.is_some() || entry.failed {
                continue;
            }
            let targets = event["target"].as_array().unwrap();
            assert_eq!(targets.len(), entry.targets.len());
            for target in targets {
                assert_eq!(target["type"], "ConsentGrant");
                assert_eq!(target["id"].as_str().unwrap().len(), 20);
                assert!(target["detailEntry"]["publicclientapp"].as_str().unwrap().starts_with("0oa"));
                assert_eq!(target["detailEntry"]["user"], event["actor"]["id"]);
                assert_eq!(
                    target["detailEntry"]["authorizationserver"],
                    event["debugContext"]["debugData"]["authorizationServer"]
                );
            }
            assert_eq!(event["client"]["zone"], "null");
            assert_eq!(event["transaction"]["id"], event["debugContext"]["debugData"]["requestId"]);
        }
    }

    #[test]
    fn oddities_stand_in_the_text() {
        let events = written(Variant::Oie, 200);
        let odd = |wanted: Oddity| {
            events.iter().find(|(entry, _)| entry.oddity == Some(wanted)).map(|(_, event)| event).unwrap()
        };
        assert!(odd(Oddity::TargetNull)["target"].is_null());
        assert!(odd(Oddity::TargetNull).get("target").is_some());
        assert!(odd(Oddity::TargetMissing).get("target").is_none());
        assert!(odd(Oddity::OutcomeNull)["outcome"].is_null());
        assert!(odd(Oddity::PlaceNull)["client"]["geographicalContext"].is_null());
        assert_eq!(odd(Oddity::AddressNull)["client"]["ipAddress"], "null");
        assert!(odd(Oddity::VersionNumber)["version"].is_number());
        assert!(odd(Oddity::PostalNumber)["client"]["geographicalContext"]["postalCode"].is_number());
        assert_eq!(odd(Oddity::DebugText)["debugContext"]["debugData"], "");
        assert_eq!(odd(Oddity::SeverityHigh)["severity"], "HIGH");
        assert!(!odd(Oddity::WholeSecond)["published"].as_str().unwrap().contains('.'));
        assert!(odd(Oddity::KeysMissing).get("displayMessage").is_none());
    }

    #[test]
    fn a_lone_system_leaves_the_person_to_the_session() {
        let events = written(Variant::Oie, 2000);
        let mut found = 0;
        for (entry, event) in &events {
            if entry.actor != ActorOf::SystemAlone || entry.oddity.is_some() {
                continue;
            }
            assert!(
                !event
                    .to_string()
                    .contains(&Population::new(11, Variant::Oie, 0).users[usize::from(entry.user)].id)
            );
            let session = &event["authenticationContext"]["externalSessionId"];
            found += usize::from(events.iter().any(|(other, event)| {
                other.event == EventType::SessionStart
                    && event["authenticationContext"]["externalSessionId"] == *session
            }));
        }
        assert!(found > 20, "{found}");
    }

    #[test]
    fn bodies_weigh_what_real_ones_weigh() {
        let bodies = SimOrg::bodies(1000, 1);
        let mean = bodies.iter().map(String::len).sum::<usize>() / bodies.len();
        assert_eq!(bodies.len(), 1000);
        assert!((2200..3000).contains(&mean), "{mean}");
    }
}
