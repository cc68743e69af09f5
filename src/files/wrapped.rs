//! Finds LogEvents inside the records that log shippers, queues and stores wrap around them.

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::found::{EVENTS_MAX, Found};
use super::remark::Remark;
use super::{own_formats, respell};
use crate::consent::{Via, visible};
use crate::okta;

/// Keys that hold an event, as an object or as a JSON string, best first: Elastic (`event.original`, `_source`,
/// `okta`), Splunk (`_raw`), EventBridge (`detail`), container logs (`log`), CloudWatch and syslog shippers
/// (`message`), Azure (`record`), and this program's own OCSF and card exports.
const HOLDERS: [&str; 10] = [
    "event.original",
    "_raw",
    "detail",
    "log",
    "message",
    "record",
    "okta",
    "_source",
    "raw_data",
    "Event Details",
];
/// Keys that hold an event in base64 (Kinesis, Firehose, Pub/Sub), perhaps compressed with gzip (CloudWatch
/// subscriptions).
const ENCODED: [&str; 2] = ["data", "Data"];
/// Keys beside an event that give its time if it has none of its own, best first.
const TIMES: [&str; 5] = ["@timestamp", "p_event_time", "_time", "time", "timestamp"];

/// How many levels below the record, or below another holder, a holder is searched for.
const LEVELS: usize = 2;
/// How many holders may be nested.
const HOLDERS_DEEP: usize = 3;
/// The most objects examined in one record.
const OBJECTS_MAX: usize = 100_000;
/// The most bytes that compressed data inside a record may decompress to.
const UNPACKED_MAX: u64 = 16 << 20;
/// The most characters of a path that are shown.
const PATH_MAX: usize = 120;

/// Returns a phrase that lists the keys that are searched.
pub(super) fn looked_for() -> String {
    format!("{}, or in base64 under {}", HOLDERS.join(", "), ENCODED.join(" or "))
}

/// Returns the events inside a record that is not an event itself, or `None` if there are none.
pub(super) fn find(text: &str, received: Timestamp) -> Option<Found> {
    let mut search =
        Search { received, objects_left: OBJECTS_MAX, path: Vec::new(), time: None, found: Found::default() };
    search.object(text, LEVELS, HOLDERS_DEEP);
    search.found.limit();
    (!search.found.consents.is_empty()).then_some(search.found)
}

type Members<'a> = BTreeMap<String, &'a RawValue>;

struct Search {
    received: Timestamp,
    objects_left: usize,
    path: Vec<String>,
    /// The nearest enclosing key that gives a time, and its value as written.
    time: Option<(String, String)>,
    found: Found,
}

impl Search {
    /// Searches an object, which may be an event, hold one, or contain one further down. Returns whether one was found.
    fn object(&mut self, text: &str, levels: usize, holders: usize) -> bool {
        let is_full = self.found.consents.len() > EVENTS_MAX;
        let Some(left) = self.objects_left.checked_sub(1).filter(|_| !is_full) else { return false };
        self.objects_left = left;
        let Ok(members) = serde_json::from_str::<Members<'_>>(text) else { return false };
        let outer = self.time.clone();
        let time = TIMES.into_iter().find_map(|key| Some((key.to_owned(), words(members.get(key)?)?)));
        self.time = time.or(self.time.take());
        let is_found = self.event(text, &members) || self.inside(&members, levels, holders);
        self.time = outer;
        is_found
    }

    fn inside(&mut self, members: &Members<'_>, levels: usize, holders: usize) -> bool {
        if holders > 0 {
            for holder in HOLDERS {
                let before = self.found.consents.len();
                if let Some(value) = held(members, holder)
                    && self.under(holder, |search| search.value(value.get(), LEVELS, holders - 1))
                {
                    own_formats::put_beside(members, &mut self.found.consents[before..]);
                    return true;
                }
            }
            for key in ENCODED {
                if let Some(text) = members.get(key).and_then(|value| decoded(value.get()))
                    && self
                        .under(&format!("{key} (base64)"), |search| search.text(&text, LEVELS, holders - 1))
                {
                    return true;
                }
            }
        }
        let mut is_found = false;
        if let Some(levels) = levels.checked_sub(1) {
            for (key, value) in members {
                if value.get().starts_with(['{', '[']) {
                    is_found |= self.under(key, |search| search.value(value.get(), levels, holders));
                }
            }
        }
        is_found
    }

    fn under(&mut self, key: &str, look: impl FnOnce(&mut Self) -> bool) -> bool {
        self.path.push(key.to_owned());
        let is_found = look(self);
        self.path.pop();
        is_found
    }

    /// Searches a value: an object, the objects of an array, or JSON in a string.
    fn value(&mut self, json: &str, levels: usize, holders: usize) -> bool {
        match json.as_bytes().first() {
            Some(b'{') => self.object(json, levels, holders),
            Some(b'[') => {
                let Ok(members) = serde_json::from_str::<Vec<&RawValue>>(json) else { return false };
                let mut is_found = false;
                for member in members.into_iter().map(RawValue::get).filter(|member| member.starts_with('{'))
                {
                    is_found |= self.object(member, levels, holders);
                }
                is_found
            }
            Some(b'"') => {
                let Ok(text) = serde_json::from_str::<String>(json) else { return false };
                self.text(&text, levels, holders)
            }
            _ => false,
        }
    }

    /// Searches the JSON in a text, or in each of its lines.
    fn text(&mut self, text: &str, levels: usize, holders: usize) -> bool {
        let text = text.trim_start_matches('\u{feff}').trim();
        if !text.starts_with(['{', '[']) {
            return false;
        }
        if self.value(text, levels, holders) {
            return true;
        }
        let mut is_found = false;
        for line in
            text.lines().map(str::trim).filter(|line| line.len() < text.len() && line.starts_with('{'))
        {
            is_found |= self.value(line, levels, holders);
        }
        is_found
    }

    /// Takes an object if it is an event, in Okta's spelling or another. Returns whether it is.
    fn event(&mut self, text: &str, members: &Members<'_>) -> bool {
        let has = |known: &str| members.keys().any(|key| respell::is_same(key, known));
        if !has("eventType") || !(has("uuid") || has("published")) {
            return false;
        }
        let (mut remarks, mut spelling) = (Vec::new(), None);
        let read = if members.contains_key("eventType") {
            okta::event(text, self.received, Via::FILE)
        } else {
            spelling = members.keys().find(|key| respell::is_same(key, "eventType"));
            let Some(text) = self.put_back(text, &mut remarks) else { return false };
            okta::event(&text, self.received, Via::FILE)
        };
        let Ok(consents) = read else { return false };
        if !self.path.is_empty() {
            let path = self.path.join(".");
            let path: String = visible(&path).chars().take(PATH_MAX).collect();
            remarks.push(Remark::Held(path));
        }
        if let Some(spelling) = spelling {
            let before = self.found.consents.len();
            let all = before..before + consents.len();
            self.found.spellings.extend(all.map(|index| (index, spelling.clone())));
        }
        self.found.consents.extend(consents);
        self.found.remarks.extend(remarks);
        true
    }

    /// Returns an event with its keys in Okta's spelling, and with the time beside it if it has none of its own.
    fn put_back(&self, text: &str, remarks: &mut Vec<Remark>) -> Option<String> {
        let object: Map<String, Value> = serde_json::from_str(text).ok()?;
        let mut event = respell::event(object)?;
        remarks.push(Remark::Respelled);
        if event.get("published").is_none_or(Value::is_null)
            && let Some((key, time)) = &self.time
        {
            event.insert("published".to_owned(), Value::String(time.clone()));
            remarks.push(Remark::TimeOf(key.clone()));
        }
        serde_json::to_string(&event).ok()
    }
}

/// Returns the value of a holder. `event.original` may be one key, or `original` inside the object `event`.
fn held<'a>(members: &Members<'a>, holder: &str) -> Option<&'a RawValue> {
    if let Some(value) = members.get(holder) {
        return Some(value);
    }
    let (outer, inner) = holder.split_once('.')?;
    let outer: &'a RawValue = members.get(outer)?;
    serde_json::from_str::<Members<'a>>(outer.get()).ok()?.remove(inner)
}

/// Returns a string's content, or a number as it is written.
fn words(value: &RawValue) -> Option<String> {
    match serde_json::from_str(value.get()).ok()? {
        Value::String(text) => Some(text),
        Value::Number(_) => Some(value.get().to_owned()),
        _ => None,
    }
}

/// Decodes a JSON string in base64, and decompresses the result if it is gzip.
fn decoded(json: &str) -> Option<String> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let text: String = serde_json::from_str(json).ok()?;
    let mut bytes = ENGINE.decode(text.trim()).ok()?;
    if bytes.starts_with(b"\x1f\x8b") {
        let mut unpacked = Vec::new();
        let packed = std::io::Cursor::new(bytes);
        flate2::read::MultiGzDecoder::new(packed).take(UNPACKED_MAX).read_to_end(&mut unpacked).ok()?;
        bytes = unpacked;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use base64::prelude::BASE64_STANDARD;
    use serde_json::json;

    use super::*;

    const EVENT: &str = r#"{"uuid":"5b1f0c9e-3333-4333-8333-000000000001","eventType":"app.oauth2.as.consent.grant","published":"2026-03-04T09:00:00.000Z"}"#;

    fn at() -> Timestamp {
        "2026-03-04T09:15:00Z".parse().unwrap()
    }

    /// Returns the raw events found in a record, and the keys that held them.
    fn find_in(record: &Value) -> (Vec<String>, Vec<String>) {
        let Some(found) = find(&record.to_string(), at()) else { return (Vec::new(), Vec::new()) };
        let held = |remark: Remark| match remark {
            Remark::Held(path) => Some(path),
            _ => None,
        };
        (
            found.consents.iter().map(|consent| consent.raw.to_string()).collect(),
            found.remarks.into_iter().filter_map(held).collect(),
        )
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn each_holder_gives_its_event_byte_for_byte_and_is_named() {
        let encoded = BASE64_STANDARD.encode(EVENT);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(json!({"logEvents": [{"id": "1", "message": EVENT}]}).to_string().as_bytes()).unwrap();
        let packed = BASE64_STANDARD.encode(gzip.finish().unwrap());
        for (record, path) in [
            (
                json!({"@timestamp": "x", "event": {"original": EVENT}, "okta": {"uuid": "u"}}),
                "event.original",
            ),
            (json!({"event.original": EVENT}), "event.original"),
            (json!({"_index": "i", "_source": {"event": {"original": EVENT}}}), "_source.event.original"),
            (json!({"hits": {"hits": [{"_source": {"message": EVENT}}]}}), "hits.hits._source.message"),
            (json!({"preview": false, "result": {"_raw": EVENT}}), "result._raw"),
            (json!({"log": format!("{EVENT}\n"), "stream": "stdout"}), "log"),
            (json!({"messageType": "DATA_MESSAGE", "logEvents": [{"message": EVENT}]}), "logEvents.message"),
            (json!({"message": json!({"message": EVENT}).to_string()}), "message.message"),
            (json!({"raw_data": EVENT, "class_uid": 3005}), "raw_data"),
            (json!({"Records": [{"kinesis": {"data": encoded}}]}), "Records.kinesis.data (base64)"),
            (json!({"Records": [{"Data": encoded.trim_end_matches('=')}]}), "Records.Data (base64)"),
            (
                json!({"Records": [{"kinesis": {"data": packed}}]}),
                "Records.kinesis.data (base64).logEvents.message",
            ),
        ] {
            assert_eq!(find_in(&record), (vec![EVENT.to_owned()], vec![path.to_owned()]), "{record}");
        }
        for (holder, path) in
            [("detail", "detail"), ("record", "record"), ("okta", "okta"), ("Event Details", "Event Details")]
        {
            let record = format!(r#"{{"source":"aws.partner","{holder}":{EVENT}}}"#);
            let found = find(&record, at()).unwrap();
            assert_eq!(
                (&*found.consents[0].raw, &found.remarks),
                (EVENT, &vec![Remark::Held(path.to_owned())])
            );
        }
        // Objects keep their exact bytes at any depth.
        let odd = EVENT.replace("\"uuid\"", "\"odd\":1.0E+2,\"uuid\"");
        let nested =
            serde_json::to_string(&BTreeMap::from([("a", BTreeMap::from([("okta", raw(&odd))]))])).unwrap();
        assert_eq!(&*find(&nested, at()).unwrap().consents[0].raw, odd);
    }

    #[test]
    fn what_is_deeper_or_none_is_not_found() {
        for record in [
            json!({}),
            json!({"a": {"b": {"c": {"_raw": EVENT}}}}),
            json!({"message": "no JSON"}),
            json!({"message": "{\"eventType\":\"x\"}"}),
            json!({"data": "bm8gSlNPTg=="}),
            json!({"data": "~"}),
            json!({"message": json!({"message": json!({"message": json!({"message": EVENT}).to_string()}).to_string()}).to_string()}),
        ] {
            assert_eq!(find_in(&record), (vec![], vec![]), "{record}");
        }
        // The cost stays proportional to the bytes, however deep or broad the record is.
        let deep = format!("{}{}", "{\"message\":".repeat(50_000), "}".repeat(50_000));
        assert!(find(&deep, at()).is_none());
        let broad = format!("{{\"a\":[{}{{}}]}}", "{},".repeat(300_000));
        assert!(find(&broad, at()).is_none());
    }

    #[test]
    fn elastic_s_own_object_takes_the_time_beside_it() {
        let record = json!({
            "@timestamp": "2026-03-04T09:00:00.000Z",
            "okta": {"uuid": "5b1f0c9e-3333-4333-8333-000000000001", "event_type": "user.session.start",
                "actor": {"alternate_id": "ada@example.test", "type": "User"}},
        });
        let found = find(&record.to_string(), at()).unwrap();
        let consent = &found.consents[0];
        assert_eq!(consent.published, Some("2026-03-04T09:00:00Z".parse().unwrap()));
        assert_eq!(consent.who.person.alternate_id.as_ref().unwrap().exact(), "ada@example.test");
        let remarks =
            [Remark::Respelled, Remark::TimeOf("@timestamp".to_owned()), Remark::Held("okta".to_owned())];
        assert_eq!(found.remarks, remarks);
    }
}
