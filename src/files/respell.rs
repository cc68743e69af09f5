//! Restores the keys of LogEvents to Okta's spelling (Okta: System Log, LogEvent). Log stores spell them in lower case
//! (Athena, Panther), in capitals (Snowflake) or with underscores (Elastic's `okta` object).

use serde_json::{Map, Value};

/// The keys of a LogEvent and of the objects in it, except for those of `debugData` and `detailEntry`. These are free
/// maps, and their readers accept any spelling.
const KEYS: [&str; 62] = [
    "uuid",
    "published",
    "eventType",
    "version",
    "severity",
    "legacyEventType",
    "displayMessage",
    "actor",
    "client",
    "device",
    "authenticationContext",
    "outcome",
    "securityContext",
    "debugContext",
    "transaction",
    "request",
    "target",
    "id",
    "type",
    "alternateId",
    "displayName",
    "detailEntry",
    "changeDetails",
    "from",
    "to",
    "userAgent",
    "rawUserAgent",
    "os",
    "browser",
    "zone",
    "ipAddress",
    "geographicalContext",
    "city",
    "state",
    "country",
    "postalCode",
    "geolocation",
    "lat",
    "lon",
    "authenticationProvider",
    "credentialProvider",
    "credentialType",
    "issuer",
    "interface",
    "authenticationStep",
    "externalSessionId",
    "rootSessionId",
    "result",
    "reason",
    "asNumber",
    "asOrg",
    "isp",
    "domain",
    "isProxy",
    "ipDetails",
    "risk",
    "userBehaviors",
    "debugData",
    "detail",
    "ipChain",
    "ip",
    "source",
];

/// Keys whose values are kept as JSON strings by stores without nested columns.
const NESTED: [&str; 16] = [
    "actor",
    "client",
    "device",
    "authenticationContext",
    "outcome",
    "securityContext",
    "debugContext",
    "transaction",
    "request",
    "target",
    "detailEntry",
    "userAgent",
    "geographicalContext",
    "debugData",
    "detail",
    "ipChain",
];

/// The depth below which keys are left as they are.
const DEPTH_MAX: usize = 12;

/// Returns whether a key is a spelling of one of Okta's, ignoring case, `_` and `-`.
pub(super) fn is_same(key: &str, known: &str) -> bool {
    fn letters(text: &str) -> impl Iterator<Item = u8> {
        text.bytes().filter(|byte| !matches!(byte, b'_' | b'-')).map(|byte| byte.to_ascii_lowercase())
    }
    key.len() <= known.len() * 2 && letters(key).eq(letters(known))
}

/// Restores the keys of an object to Okta's spelling. Returns `None` if it is not a LogEvent, which has an `eventType`
/// and either a `uuid` or a `published`.
pub(super) fn event(object: Map<String, Value>) -> Option<Map<String, Value>> {
    let event = object_of(object, 0);
    let has = |key: &str| event.get(key).is_some_and(|value| !value.is_null());
    (event.get("eventType").is_some_and(Value::is_string) && (has("uuid") || has("published")))
        .then_some(event)
}

fn object_of(object: Map<String, Value>, depth: usize) -> Map<String, Value> {
    let mut out = Map::new();
    for (key, value) in object {
        // Panther adds columns of its own.
        if depth == 0 && key.starts_with("p_") {
            continue;
        }
        let known = KEYS.into_iter().find(|known| is_same(&key, known));
        let value = match known {
            Some("debugData" | "detailEntry" | "changeDetails") => parsed(value),
            Some(known) if NESTED.contains(&known) => respelled(parsed(value), depth + 1),
            _ => respelled(value, depth + 1),
        };
        let is_exact = known == Some(key.as_str());
        let key = known.map_or(key, str::to_owned);
        match (key.as_str(), &value) {
            // Elastic keeps the network in a nested object (ECS: as).
            ("as", Value::Object(network)) => {
                let number = network.get("number").cloned();
                let org = network.get("organization").and_then(|org| org.get("name")).cloned();
                out.extend(number.map(|number| ("asNumber".to_owned(), number)));
                out.extend(org.map(|org| ("asOrg".to_owned(), org)));
            }
            // Okta's spelling takes precedence over other spellings of the same key.
            _ if is_exact => {
                out.insert(key, value);
            }
            _ => {
                out.entry(key).or_insert(value);
            }
        }
    }
    // Elastic's client has `ip` instead of `ipAddress`.
    if let Some(Value::Object(client)) = out.get_mut("client")
        && !client.contains_key("ipAddress")
        && let Some(ip) = client.remove("ip")
    {
        client.insert("ipAddress".to_owned(), ip);
    }
    out
}

fn respelled(value: Value, depth: usize) -> Value {
    match value {
        _ if depth > DEPTH_MAX => value,
        Value::Object(object) => Value::Object(object_of(object, depth)),
        Value::Array(members) => {
            Value::Array(members.into_iter().map(|member| respelled(member, depth + 1)).collect())
        }
        other => other,
    }
}

/// Parses a string that contains JSON. Other values stay as they are.
fn parsed(value: Value) -> Value {
    match value {
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put_back(value: Value) -> Option<Value> {
        let Value::Object(object) = value else { panic!("an object") };
        event(object).map(Value::Object)
    }

    #[test]
    fn keys_come_back_in_okta_s_spelling() {
        let wanted = json!({
            "uuid": "u", "eventType": "t", "published": "p", "displayMessage": "m",
            "actor": {"alternateId": "a", "displayName": "d"},
            "client": {"ipAddress": "192.0.2.1", "userAgent": {"rawUserAgent": "x"}},
            "target": [{"id": "oag1", "detailEntry": {"publicclientapp": "0oa1"}}],
        });
        for spelled in [
            json!({
                "uuid": "u", "eventtype": "t", "published": "p", "displaymessage": "m",
                "actor": {"alternateid": "a", "displayname": "d"},
                "client": {"ipaddress": "192.0.2.1", "useragent": {"rawuseragent": "x"}},
                "target": [{"id": "oag1", "detailentry": {"publicclientapp": "0oa1"}}],
                "p_log_type": "Okta.SystemLog",
            }),
            json!({
                "UUID": "u", "EVENTTYPE": "t", "PUBLISHED": "p", "DISPLAYMESSAGE": "m",
                "ACTOR": r#"{"alternateId":"a","displayName":"d"}"#,
                "CLIENT": r#"{"ipAddress":"192.0.2.1","userAgent":{"rawUserAgent":"x"}}"#,
                "TARGET": r#"[{"id":"oag1","detailEntry":{"publicclientapp":"0oa1"}}]"#,
            }),
            json!({
                "uuid": "u", "event_type": "t", "published": "p", "display_message": "m",
                "actor": {"alternate_id": "a", "display_name": "d"},
                "client": {"ip": "192.0.2.1", "user_agent": {"raw_user_agent": "x"}},
                "target": [{"id": "oag1", "detail_entry": {"publicclientapp": "0oa1"}}],
            }),
        ] {
            assert_eq!(put_back(spelled), Some(wanted.clone()));
        }
        let twice =
            put_back(json!({"EVENTTYPE": "T", "UUID": "U", "eventType": "t", "uuid": "u", "u_u_i_d": "x"}));
        assert_eq!(twice, Some(json!({"eventType": "t", "uuid": "u"})), "Okta's spelling counts");
        assert_eq!(put_back(json!({"eventtype": "t", "message": "no event"})), None);
        assert_eq!(put_back(json!({"eventtype": {"a": 1}, "uuid": "u"})), None);
    }

    #[test]
    fn the_network_of_elastic_s_object_is_found() {
        let event = put_back(json!({
            "uuid": "u", "event_type": "t",
            "security_context": {"as": {"number": 64500, "organization": {"name": "example net"}}, "is_proxy": false},
        }));
        assert_eq!(
            event.unwrap()["securityContext"],
            json!({"asNumber": 64500, "asOrg": "example net", "isProxy": false})
        );
    }
}
