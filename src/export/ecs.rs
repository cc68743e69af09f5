//! Writes a consent as an event of the Elastic Common Schema 9.3. Values without a field in the schema are under
//! `consentwatch`.

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::json::{put_value, time};
use super::raw::embedded;
use super::siem_categories;
use super::targets::Targets;
use crate::consent::{Consent, Kind, Orgs, Outcome, Seq, Untrusted, UserId};

/// The version of the schema (Elastic: ECS field reference).
const VERSION: &str = "9.3.0";

/// Appends one object and a line feed.
pub(super) fn line(seq: Seq, consent: &Consent, orgs: &Orgs, out: &mut Vec<u8>) {
    put_value(&document(seq, consent, orgs), out);
}

fn document(seq: Seq, consent: &Consent, orgs: &Orgs) -> Value {
    let Consent { who, client, server, from, .. } = consent;
    let ip = from.ip.as_ref().map(Untrusted::exact);
    // Elasticsearch refuses a whole document if a field of type ip has another value.
    let good_ip = ip.filter(|ip| ip.parse::<IpAddr>().is_ok());
    let person = &who.person;
    let names = [person.id.as_ref().map(|id| &id.0), person.alternate_id.as_ref()];
    let family = siem_categories::ecs(consent.event_type.exact());
    // For a consent, the user is the person. For other events, the user is the actor, and the affected person is
    // `user.target`.
    let targets = if consent.kind == Kind::Other { Targets::of(&consent.raw) } else { Targets::default() };
    let target =
        targets.user().filter(|target| target.id.as_deref() != person.id.as_ref().map(UserId::exact));
    let mut document = json!({
        // An event without a publication time gets the time it was received.
        "@timestamp": time(consent.published.unwrap_or(consent.received)),
        "ecs": {"version": VERSION},
        "message": consent.message,
        "event": {
            "kind": "event",
            "category": family.category.into_iter().collect::<Vec<_>>(),
            "type": family.types,
            "action": consent.event_type,
            "code": consent.event_type,
            "id": consent.uuid,
            "provider": "okta",
            "dataset": "okta.system",
            "module": "okta",
            "created": time(consent.received),
            "outcome": match Outcome::of(consent.outcome.result.as_ref().map(Untrusted::exact)) {
                Outcome::Success | Outcome::Allow => "success",
                Outcome::Failure | Outcome::Deny => "failure",
                _ => "unknown",
            },
            "reason": consent.outcome.reason,
            "original": embedded(&consent.raw).get(),
        },
        "user": {
            "id": person.id,
            "name": person.alternate_id,
            "full_name": person.display_name,
            "target": target.map(|target| json!({
                "id": target.id,
                "name": target.alternate_id,
                "full_name": target.name,
            })),
        },
        "source": {
            "address": ip,
            "ip": good_ip,
            "geo": {"city_name": from.city, "country_name": from.country},
            "as": {"number": from.as_number, "organization": {"name": from.as_org}},
        },
        "user_agent": {"original": from.user_agent},
        "organization": {
            "name": consent.org.as_deref(),
            "id": consent.org.as_deref().and_then(|label| orgs.host_of(label)),
        },
        "related": {
            "user": names.into_iter().flatten().collect::<Vec<_>>(),
            "ip": good_ip.into_iter().collect::<Vec<_>>(),
        },
        "consentwatch": {
            "seq": seq.0,
            "org": consent.org.as_deref(),
            "kind": consent.kind.word(),
            "evidence": who.evidence.word(),
            "client": {"id": client.id, "label": client.label},
            "authorization_server": {"id": server.id, "name": server.name},
            "scopes": consent.scopes.iter().filter_map(|scope| scope.name.as_ref()).collect::<Vec<_>>(),
            "transaction_id": consent.transaction_id,
            "session_id": consent.session_id,
            "via": consent.via.words(),
            "doubt": consent.doubt.map(crate::consent::Doubt::word),
        },
    });
    prune(&mut document);
    document
}

/// Removes nulls, empty objects and empty arrays, which these schemas do not allow.
pub(super) fn prune(value: &mut Value) {
    if let Value::Object(map) = value {
        let all: Map<String, Value> = std::mem::take(map);
        for (key, mut value) in all {
            prune(&mut value);
            let is_empty = match &value {
                Value::Null => true,
                Value::Object(map) => map.is_empty(),
                Value::Array(items) => items.is_empty(),
                _ => false,
            };
            if !is_empty {
                map.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::sample::{self, fields};

    #[test]
    fn every_field_is_one_of_the_schema() {
        let known: Vec<&str> = include_str!("../../tests/schemas/ecs.txt").lines().collect();
        for consent in [sample::both_ways(), sample::bare()] {
            let document = document(Seq(7), &consent, &sample::orgs());
            for field in fields(&document).iter().filter(|field| !field.starts_with("consentwatch.")) {
                assert!(known.contains(&field.as_str()), "{field}");
            }
        }
    }

    #[test]
    fn what_is_known_stands_where_a_siem_looks() {
        let document = document(Seq(7), &sample::both_ways(), &sample::orgs());
        for (path, value) in [
            ("/@timestamp", json!("2026-05-06T07:08:09.123Z")),
            ("/event/action", json!("app.oauth2.as.consent.grant")),
            ("/event/outcome", json!("success")),
            ("/event/category", json!(["authentication"])),
            ("/event/type", json!(["info"])),
            ("/user/id", json!("00uPPPPPPPPPPPPPP1d7")),
            ("/user/name", json!("mira@example.test")),
            ("/source/ip", json!("198.51.100.7")),
            ("/source/as/number", json!(64501)),
            ("/organization/name", json!("prod")),
            ("/organization/id", json!("example.okta.com")),
            ("/consentwatch/org", json!("prod")),
            ("/consentwatch/client/id", json!("0oaDDDDDDDDDDDDDD1d7")),
            ("/consentwatch/scopes", json!(["paint.read", "paint.write"])),
        ] {
            assert_eq!(document.pointer(path), Some(&value), "{path}");
        }
        assert!(document["event"]["original"].as_str().unwrap().contains("\"odd\":1.0E+2"));
    }

    #[test]
    fn sign_ins_lockouts_and_policies_are_called_what_they_are() {
        let of = |event_type: &str, target: &str| {
            let raw = format!(r#"{{"eventType":"{event_type}","target":[{target}]}}"#);
            document(
                Seq(1),
                &Consent { event_type: Untrusted::new(event_type), raw: raw.into(), ..sample::bare() },
                &Orgs::default(),
            )
        };
        let ada = r#"{"id":"00uA","type":"User","alternateId":"ada@example.test","displayName":"Ada"}"#;
        for (event_type, category, types) in [
            ("user.session.start", json!(["session"]), json!(["start"])),
            ("user.account.lock", json!(["iam"]), json!(["user"])),
            ("policy.lifecycle.update", json!(["configuration"]), json!(["change"])),
        ] {
            let document = of(event_type, ada);
            assert_eq!(document["event"]["category"], category, "{event_type}");
            assert_eq!(document["event"]["type"], types, "{event_type}");
            assert_eq!(document["user"]["target"]["name"], "ada@example.test");
        }
        let none = of("nobody.knows", "");
        assert_eq!(
            (none["event"].get("category"), none["event"].get("type"), none.get("user")),
            (None, None, None)
        );
    }

    #[test]
    fn an_address_that_is_none_breaks_no_mapping() {
        let mut odd = sample::both_ways();
        odd.from.ip = Some(Untrusted::new("=cmd()"));
        let document = document(Seq(1), &odd, &Orgs::default());
        assert_eq!((document.pointer("/source/ip"), document.pointer("/related/ip")), (None, None));
        assert_eq!(document.pointer("/source/address"), Some(&json!("=cmd()")));
        let empty = super::document(Seq(1), &sample::bare(), &Orgs::default());
        assert_eq!((&empty["event"]["outcome"], empty.get("organization")), (&json!("unknown"), None));
    }
}
