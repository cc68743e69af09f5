//! Writes a consent as an event of the Open Cybersecurity Schema Framework 1.8. Consents are of the class User Access
//! Management: a grant assigns privileges (scopes), and a revocation revokes them. Other events have the class from
//! `family`, or the base class.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::ecs::prune;
use super::json::{put_value, time};
use super::raw::embedded;
use super::siem_categories::{self, ACCOUNT, BASE, ENTITY, GROUP, LOGOFF, Ocsf, SIGN_IN, USER_ACCESS};
use super::targets::{Target, Targets};
use crate::consent::{Consent, Kind, Orgs, Outcome, Seq, Severity, Untrusted};

/// The version of the schema (OCSF: schema browser).
const VERSION: &str = "1.8.0";
const CATEGORY: (u32, &str) = (3, "Identity & Access Management");
const UNCATEGORIZED: (u32, &str) = (0, "Uncategorized");

/// Appends one object and a line feed.
pub(super) fn line(seq: Seq, consent: &Consent, orgs: &Orgs, out: &mut Vec<u8>) {
    put_value(&event(seq, consent, orgs), out);
}

fn event(seq: Seq, consent: &Consent, orgs: &Orgs) -> Value {
    let Consent { client, server, from, .. } = consent;
    let Ocsf { class, activity: (activity, activity_word) } = match consent.kind {
        Kind::Grant | Kind::OrgGrant | Kind::AdminGrant => {
            Ocsf { class: USER_ACCESS, activity: (1, "Assign Privileges") }
        }
        Kind::Revoke | Kind::AdminRevoke => Ocsf { class: USER_ACCESS, activity: (2, "Revoke Privileges") },
        Kind::Other => siem_categories::ocsf(consent.event_type.exact()),
    };
    // The schema names an activity that is not in the class as its source does.
    let event_type = consent.event_type.exact();
    let activity_name = if activity == 99 && !event_type.is_empty() { event_type } else { activity_word };
    let category = if class == BASE { UNCATEGORIZED } else { CATEGORY };
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
        "category_uid": category.0,
        "category_name": category.1,
        "class_uid": class.0,
        "class_name": class.1,
        "type_uid": class.0 * 100 + activity,
        "type_name": format!("{}: {activity_word}", class.1),
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
            "tenant_uid": consent.org.as_deref().and_then(|label| orgs.host_of(label)),
            "event_code": consent.event_type,
            "log_name": "System Log",
            "log_version": consent.version,
            "original_time": consent.published.map(time),
            "logged_time": consent.received.as_millisecond(),
            "correlation_uid": consent.transaction_id,
        },
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
            // The schema's country is a two-letter code, but Okta gives names.
            "location": {"city": from.city, "desc": from.country},
            "autonomous_system": {"number": from.as_number, "name": from.as_org},
        },
        "http_request": {"user_agent": from.user_agent},
        "raw_data": embedded(&consent.raw).get(),
        "unmapped": {
            "seq": seq.0,
            "org": consent.org.as_deref(),
            "kind": consent.kind.word(),
            "evidence": consent.who.evidence.word(),
            "authorization_server": server.id,
            "via": consent.via.words(),
            "doubt": consent.doubt.map(crate::consent::Doubt::word),
        },
    });
    let targets = if consent.kind == Kind::Other { Targets::of(&consent.raw) } else { Targets::default() };
    match class {
        USER_ACCESS => {
            event["user"] = user(consent);
            event["resources"] = json!(resources(consent));
        }
        ACCOUNT => event["user"] = targets.user().map_or_else(|| user(consent), account),
        SIGN_IN => {
            // An admin may end a session. The target is the user who is logged off.
            let target = targets.user().filter(|_| activity == LOGOFF.0);
            event["user"] = target.map_or_else(|| user(consent), account);
            // The class requires the service that was signed in to.
            event["service"] = json!({"name": "Okta"});
        }
        GROUP => {
            let group = targets.first(|kind| kind == "UserGroup");
            event["group"] = group.map_or_else(unknown, |group| json!({"uid": group.id, "name": group.name}));
            event["user"] = json!(targets.user().map(account));
        }
        ENTITY => {
            let entity = targets.first(|kind| !matches!(kind, "User" | "AppUser"));
            event["entity"] = entity.map_or_else(unknown, self::entity);
        }
        _ => {
            // The base class has none of these.
            for name in ["actor", "src_endpoint", "http_request"] {
                let value = event[name].take();
                event["unmapped"][name] = value;
            }
        }
    }
    prune(&mut event);
    if class == USER_ACCESS {
        // The class requires it, even if the event names no scope.
        event["privileges"] = json!(scopes);
    }
    event
}

/// Returns the account that an event affected.
fn account(target: &Target) -> Value {
    const USER: u8 = 1;
    json!({"uid": target.id, "name": target.alternate_id, "full_name": target.name, "type_id": USER})
}

/// Returns the administered entity.
fn entity(target: &Target) -> Value {
    const POLICY: u8 = 5;
    const OTHER: u8 = 99;
    let is_policy = target.kind.starts_with("Policy");
    json!({
        "uid": target.id,
        "name": target.name,
        "type": target.kind,
        "type_id": if is_policy { POLICY } else { OTHER },
        "policy": is_policy.then(|| json!({"uid": target.id, "name": target.name})),
    })
}

/// Returns a placeholder where the class requires a name or uid and the event has none.
fn unknown() -> Value {
    json!({"name": "unknown"})
}

/// Returns the user whose privileges change: the person, or the client if an admin acts. The schema requires a name or
/// uid.
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

/// Returns the resource that the privileges give access to: the authorization server.
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
        let revoked = Consent { kind: Kind::Revoke, ..sample::bare() };
        for consent in [sample::both_ways(), revoked] {
            let event = event(Seq(7), &consent, &sample::orgs());
            let found = fields(&event);
            for field in found.iter().filter(|field| !field.starts_with("unmapped.")) {
                // The list of attributes ends at `feature`, which is an object of its own.
                let field =
                    field.strip_suffix(".feature.name").map_or(field.clone(), |own| format!("{own}.feature"));
                assert!(known.contains(&field.as_str()), "{field}");
            }
            for required in lines.iter().filter_map(|line| line.strip_suffix(" *")) {
                // A required attribute of an object must be there if the object is.
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
        let event = event(Seq(7), &sample::both_ways(), &sample::orgs());
        for (path, value) in [
            ("/type_uid", json!(300_501)),
            ("/status_id", json!(1)),
            ("/metadata/tenant_uid", json!("example.okta.com")),
            ("/unmapped/org", json!("prod")),
            ("/time", json!(1_778_051_289_123_i64)),
            ("/user/uid", json!("00uPPPPPPPPPPPPPP1d7")),
            ("/privileges", json!(["paint.read", "paint.write"])),
            ("/resources/0/name", json!("default")),
            ("/actor/app_uid", json!("0oaDDDDDDDDDDDDDD1d7")),
            ("/src_endpoint/ip", json!("198.51.100.7")),
        ] {
            assert_eq!(event.pointer(path), Some(&value), "{path}");
        }
        let bare = super::event(Seq(1), &sample::bare(), &Orgs::default());
        assert_eq!((bare["class_uid"].as_i64(), bare["activity_id"].as_i64()), (Some(0), Some(99)));
    }

    #[test]
    fn sign_ins_lockouts_and_policies_have_the_class_of_their_family() {
        let of = |event_type: &str, target: &str| {
            let raw = format!(r#"{{"eventType":"{event_type}","target":[{target}]}}"#);
            let consent = Consent {
                kind: Kind::Other,
                event_type: Untrusted::new(event_type),
                raw: raw.into(),
                ..sample::both_ways()
            };
            event(Seq(1), &consent, &sample::orgs())
        };
        let ada = r#"{"id":"00uA","type":"User","alternateId":"ada@example.test","displayName":"Ada"}"#;
        let ops = r#"{"id":"00gO","type":"UserGroup","displayName":"Ops"}"#;
        let rule = r#"{"id":"00pR","type":"PolicyEntity","displayName":"Default Policy"}"#;
        let classes = include_str!("../../tests/schemas/ocsf-classes.txt");
        for (event_type, target, class, path, value) in [
            ("user.session.start", "", 3002, "/user/name", "mira@example.test"),
            ("user.session.clear", ada, 3002, "/user/name", "ada@example.test"),
            ("user.authentication.universal_logout", ada, 3002, "/actor/user/name", "mira@example.test"),
            ("user.session.end", "", 3002, "/user/name", "mira@example.test"),
            ("user.authentication.sso", ada, 3002, "/user/name", "mira@example.test"),
            ("user.account.lock", ada, 3001, "/user/name", "ada@example.test"),
            ("user.lifecycle.create", "", 3001, "/user/name", "mira@example.test"),
            ("group.user_membership.add", &format!("{ada},{ops}"), 3006, "/group/name", "Ops"),
            ("group.user_membership.remove", "", 3006, "/group/name", "unknown"),
            (
                "policy.lifecycle.update",
                &format!("{ada},{rule}"),
                3004,
                "/entity/policy/name",
                "Default Policy",
            ),
            ("zone.delete", "", 3004, "/entity/name", "unknown"),
            ("nobody.knows", ada, 0, "/unmapped/actor/user/name", "mira@example.test"),
        ] {
            let event = of(event_type, target);
            assert_eq!(event["class_uid"], class, "{event_type}");
            assert_eq!(
                event["type_uid"].as_i64(),
                Some(class * 100 + event["activity_id"].as_i64().unwrap())
            );
            assert_eq!(event.pointer(path), Some(&json!(value)), "{event_type}: {event}");
            let start = format!("{class} 99 Other: ");
            let line = classes.lines().find_map(|line| line.strip_prefix(&start)).expect("a class");
            let (names, mut required): (Vec<&str>, Vec<&str>) = (
                line.split(' ').map(|name| name.trim_end_matches('*')).collect(),
                line.split(' ').filter_map(|name| name.strip_suffix('*')).collect(),
            );
            for name in event.as_object().unwrap().keys() {
                assert!(names.contains(&name.as_str()), "{event_type}: {name} is none of the class's");
                required.retain(|required| required != name);
            }
            assert!(required.is_empty(), "{event_type} lacks {required:?}");
        }
        assert_eq!(of("user.session.start", "")["service"]["name"], "Okta");
    }
}
