//! One consent as an event of the Open Cybersecurity Schema Framework 1.8: User Access Management, of which a consent is
//! the assignment of privileges (scopes) and a revocation the end of one.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::ecs::prune;
use super::json::time;
use super::raw::embedded;
use crate::consent::{Consent, Kind, Outcome, Seq, Severity, Untrusted};

/// The version of the schema (OCSF: schema browser, `user_access`).
const VERSION: &str = "1.8.0";
const CATEGORY: (u32, &str) = (3, "Identity & Access Management");
const CLASS: (u32, &str) = (3005, "User Access Management");

/// Appends one object.
pub(super) fn line(seq: Seq, consent: &Consent, out: &mut Vec<u8>) {
    super::put_json(&event(seq, consent), out);
}

fn event(seq: Seq, consent: &Consent) -> Value {
    let Consent { client, server, from, .. } = consent;
    let (activity, activity_name) = match consent.kind {
        Kind::Grant | Kind::OrgGrant | Kind::AdminGrant => (1, "Assign Privileges"),
        Kind::Revoke | Kind::AdminRevoke => (2, "Revoke Privileges"),
        Kind::Other => (99, "Other"),
    };
    let (status_id, status) = match Outcome::of(consent.outcome.result.as_ref().map(Untrusted::exact)) {
        Outcome::Success | Outcome::Allow => (1, "Success"),
        Outcome::Failure | Outcome::Deny => (2, "Failure"),
        Outcome::None => (0, "Unknown"),
        _ => (99, "Other"),
    };
    let (severity_id, severity) = match Severity::of(consent.severity.as_ref().map(Untrusted::exact)) {
        Severity::Debug | Severity::Info => (1, "Informational"),
        Severity::Warn => (3, "Medium"),
        Severity::Error => (4, "High"),
        Severity::None => (0, "Unknown"),
        Severity::Unlisted => (99, "Other"),
    };
    let at = consent.published.unwrap_or(consent.received);
    let ip = from.ip.as_ref().map(Untrusted::exact).filter(|ip| ip.parse::<IpAddr>().is_ok());
    let actor = consent.actor.as_ref();
    let scopes: Vec<_> = consent.scopes.iter().filter_map(|scope| scope.name.as_ref()).collect();
    let mut event = json!({
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": CATEGORY.0,
        "category_name": CATEGORY.1,
        "class_uid": CLASS.0,
        "class_name": CLASS.1,
        "type_uid": CLASS.0 * 100 + activity,
        "type_name": format!("{}: {activity_name}", CLASS.1),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_detail": consent.outcome.reason,
        "time": at.as_millisecond(),
        "message": consent.message,
        "metadata": {
            "version": VERSION,
            "product": {"name": "Okta", "vendor_name": "Okta", "feature": {"name": "System Log"}},
            "uid": consent.uuid,
            "event_code": consent.event_type,
            "log_name": "System Log",
            "log_version": consent.version,
            "original_time": consent.published.map(time),
            "logged_time": consent.received.as_millisecond(),
            "correlation_uid": consent.transaction_id,
        },
        "user": user(consent),
        "privileges": scopes,
        "resources": resources(consent),
        "actor": {
            "user": {
                "uid": actor.and_then(|actor| actor.id.as_ref()),
                "name": actor.and_then(|actor| actor.alternate_id.as_ref()),
                "full_name": actor.and_then(|actor| actor.display_name.as_ref()),
                "type": actor.and_then(|actor| actor.kind.as_ref()),
            },
            "app_uid": client.id,
            "app_name": client.label,
            "session": {"uid": consent.session_id},
        },
        "src_endpoint": {
            "ip": ip,
            // The schema's country is a code of two letters; Okta gives names.
            "location": {"city": from.city, "desc": from.country},
            "autonomous_system": {"number": from.as_number, "name": from.as_org},
        },
        "http_request": {"user_agent": from.user_agent},
        "raw_data": embedded(&consent.raw).get(),
        "unmapped": {
            "seq": seq.0,
            "kind": consent.kind.word(),
            "evidence": consent.who.evidence.word(),
            "authorization_server": server.id,
            "via": consent.via.words(),
            "doubt": consent.doubt.map(crate::consent::Doubt::word),
        },
    });
    prune(&mut event);
    // The class requires it, even of an event that names no scope.
    event["privileges"] = json!(scopes);
    event
}

/// Whose privileges these are: the person's, or where an admin acts, the client's. The schema wants one of name and uid.
fn user(consent: &Consent) -> Value {
    const UNKNOWN: u8 = 0;
    const USER: u8 = 1;
    const SERVICE: u8 = 4;
    let person = &consent.who.person;
    match (consent.kind.has_person(), &person.id, &person.alternate_id, &consent.client.id) {
        (true, None, None, _) | (false, .., None) => json!({"name": "unknown", "type_id": UNKNOWN}),
        (true, id, name, _) => {
            json!({"uid": id, "name": name, "full_name": person.display_name, "type_id": USER})
        }
        (false, .., Some(client)) => json!({"uid": client, "name": consent.client.label, "type_id": SERVICE}),
    }
}

/// What the privileges give access to: the authorization server.
fn resources(consent: &Consent) -> Vec<Value> {
    let server = &consent.server;
    let is_known = server.id.is_some() || server.name.is_some();
    let mut resource = json!({"uid": server.id, "name": server.name, "type": "authorization server"});
    prune(&mut resource);
    is_known.then_some(resource).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::sample::{self, fields};

    #[test]
    fn every_attribute_is_one_of_the_class_and_what_it_requires_is_there() {
        let lines: Vec<&str> = include_str!("../../tests/schemas/ocsf.txt").lines().collect();
        let known: Vec<&str> = lines.iter().map(|line| line.trim_end_matches(" *")).collect();
        for consent in [sample::both_ways(), sample::bare()] {
            let event = event(Seq(7), &consent);
            let found = fields(&event);
            for field in found.iter().filter(|field| !field.starts_with("unmapped.")) {
                // A product's feature is a product's own attribute, and its name an entity's.
                let field =
                    field.strip_suffix(".feature.name").map_or(field.clone(), |own| format!("{own}.feature"));
                assert!(known.contains(&field.as_str()), "{field}");
            }
            for required in lines.iter().filter_map(|line| line.strip_suffix(" *")) {
                // What belongs to an object is required where that object is.
                let (object, _) = required.rsplit_once('.').unwrap_or_default();
                let has_object = object.is_empty() || found.iter().any(|field| field.starts_with(object));
                let is_there =
                    found.iter().any(|field| field == required || field.starts_with(&format!("{required}.")));
                assert!(!has_object || is_there, "{required} is required");
            }
        }
    }

    #[test]
    fn what_is_known_stands_where_a_siem_looks() {
        let event = event(Seq(7), &sample::both_ways());
        for (path, value) in [
            ("/type_uid", json!(300_501)),
            ("/status_id", json!(1)),
            ("/time", json!(1_778_051_289_123_i64)),
            ("/user/uid", json!("00uPPPPPPPPPPPPPP1d7")),
            ("/privileges", json!(["paint.read", "paint.write"])),
            ("/resources/0/name", json!("default")),
            ("/actor/app_uid", json!("0oaDDDDDDDDDDDDDD1d7")),
            ("/src_endpoint/ip", json!("198.51.100.7")),
        ] {
            assert_eq!(event.pointer(path), Some(&value), "{path}");
        }
        let bare = super::event(Seq(1), &sample::bare());
        assert_eq!(
            (bare["user"]["name"].as_str(), bare["activity_id"].as_i64()),
            (Some("unknown"), Some(99))
        );
    }
}
