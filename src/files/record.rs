//! Parses one record of a file: a LogEvent, a page of them, a hook's delivery, or a line that this program wrote.

use jiff::Timestamp;
use memchr::{memchr, memmem};
use serde::de::IgnoredAny;

use serde_json::value::RawValue;

use super::cut::{Chunk, Span};
use super::found::{EVENTS_MAX, Found};
use super::record_line::without_comma;
use super::remark::Remark;
use super::{head, own_formats, time, wrapped};
use crate::consent::Via;
use crate::okta;

/// The event type of a hook's delivery (Okta: event hooks, the request).
const DELIVERY: &str = "com.okta.event_hook";

/// Returns the positions of the records in a chunk, without blank lines.
pub(super) fn spans(chunk: &Chunk) -> Vec<Span> {
    if let Some(spans) = &chunk.spans {
        return spans.clone();
    }
    let (mut spans, mut at) = (Vec::new(), 0);
    while at < chunk.bytes.len() {
        let rest = &chunk.bytes[at..];
        let end = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = without_comma(&rest[..end]);
        if !line.is_empty() {
            let start = at + (line.as_ptr().addr() - rest.as_ptr().addr());
            spans.push(Span { at: start as u64, length: line.len() as u32 });
        }
        at += end + 1;
    }
    spans
}

/// Parses a record.
pub(super) fn read(bytes: &[u8], received: Timestamp) -> Found {
    let mut found =
        try_read(bytes, received).unwrap_or_else(|why| Found { bad: vec![why], ..Found::default() });
    if found.consents.iter().any(|consent| consent.published.is_none()) {
        read_times(&mut found);
    }
    found
}

fn try_read(bytes: &[u8], received: Timestamp) -> Result<Found, String> {
    if bytes.starts_with(b"[") {
        return array(bytes, received);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "It is not UTF-8 text.".to_owned())?;
    match head::schema(bytes) {
        Some(own_formats::SCHEMA) => return Ok(Found::good(vec![own_formats::consent(text, received)?])),
        Some(other) if other.starts_with("consentwatch.") => {
            return Err(format!(
                "Its schema is {}, which holds no consents.",
                crate::consent::visible(other)
            ));
        }
        _ => {}
    }
    let read = okta::event(text, received, Via::FILE);
    let event_type =
        read.as_ref().ok().and_then(|consents| consents.first()).map(|first| first.event_type.exact());
    if event_type.is_none_or(|kind| kind == DELIVERY)
        && let Ok(delivery) = okta::delivery(bytes, Vec::new(), received)
    {
        let mut consents = delivery.consents;
        for consent in &mut consents {
            if let Some(hook) = &mut consent.hook {
                // The time of receipt is not known.
                hook.received = None;
            }
        }
        let bad = delivery.rejects.into_iter().map(|reject| reject.why).collect();
        let mut found = Found { consents, bad, ..Found::default() };
        found.limit();
        return Ok(found);
    }
    // A record with a uuid but no event type may contain an event, so look inside first.
    if event_type.is_none_or(str::is_empty)
        && let Some(found) = wrapped::find(text, received)
    {
        return Ok(found);
    }
    match read {
        Ok(consents) => Ok(Found::good(consents)),
        Err(why) if serde_json::from_str::<IgnoredAny>(text).is_ok() => {
            Err(format!("{why} No event was found up to two levels down under {}.", wrapped::looked_for()))
        }
        Err(why) => Err(why),
    }
}

/// Parses an array: a page of the log, or records of other forms.
fn array(bytes: &[u8], received: Timestamp) -> Result<Found, String> {
    let page = okta::page(bytes, received, Via::FILE).map_err(|error| error.to_string());
    let is_plain = |page: &okta::ReadPage| {
        page.rejects.is_empty() && page.consents.iter().all(|consent| !consent.event_type.exact().is_empty())
    };
    let members = match &page {
        Ok(page) if is_plain(page) => None,
        _ => {
            std::str::from_utf8(bytes).ok().and_then(|text| serde_json::from_str::<Vec<&RawValue>>(text).ok())
        }
    };
    if let Some(members) = members {
        let mut all = Found::default();
        for member in members.into_iter().map(RawValue::get) {
            // No known format nests arrays in arrays.
            let read = if member.starts_with('[') {
                Err("It is not a JSON object.".to_owned())
            } else {
                try_read(member.as_bytes(), received)
            };
            match read {
                Ok(found) => all.append(found),
                Err(why) => all.bad.push(why),
            }
            // Members over the limit are not parsed.
            if all.consents.len() > EVENTS_MAX {
                break;
            }
        }
        all.limit();
        return Ok(all);
    }
    let page = page?;
    let bad = page.rejects.into_iter().map(|reject| reject.why).collect();
    let mut found = Found { consents: page.consents, bad, ..Found::default() };
    found.limit();
    Ok(found)
}

/// Parses times in formats that Okta does not use, and adds remarks on them and on missing times.
fn read_times(found: &mut Found) {
    #[derive(serde::Deserialize)]
    struct Timed {
        published: Option<serde_json::Value>,
    }
    let spelled = |raw: &str| match serde_json::from_str::<Timed>(raw).ok()?.published? {
        serde_json::Value::String(text) => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    for consent in &mut found.consents {
        if consent.published.is_some() {
            continue;
        }
        let remark = match spelled(&consent.raw).and_then(|text| time::read(&text)) {
            Some((at, spelling)) => {
                consent.published = Some(at);
                consent.key.published_ms = at.as_millisecond();
                Remark::Time(spelling)
            }
            None => Remark::NoTime,
        };
        // The parts of one event have one time.
        if consent.key.part == 0 {
            found.remarks.push(remark);
        }
    }
}

/// Returns the positions of whole records inside a damaged record of an array. These are objects at its start or after
/// a comma or a bracket that have an event type. Stops after reading eight times the record's length, so that hostile
/// nesting cannot take unbounded time.
pub(super) fn swallowed(bytes: &[u8]) -> Vec<Span> {
    let (mut found, mut at) = (Vec::new(), 0);
    let mut left = bytes.len().saturating_mul(8);
    while let Some(next) = bytes.get(at..).and_then(|rest| memchr(b'{', rest)) {
        let start = at + next;
        at = start + 1;
        if !matches!(bytes[..start].trim_ascii_end().last(), None | Some(b',' | b'[')) {
            continue;
        }
        let mut values = serde_json::Deserializer::from_slice(&bytes[start..]).into_iter::<IgnoredAny>();
        let value = values.next();
        let length = values.byte_offset();
        let has_read = match &value {
            Some(Err(error)) if error.line() == 1 => error.column(),
            Some(Err(_)) => bytes.len() - start,
            _ => length,
        };
        left = left.saturating_sub(has_read);
        if left == 0 {
            break;
        }
        if let Some(Ok(_)) = value {
            at = start + length;
            // An object that is the whole record was parsed already, and is not an event for another reason.
            if length < bytes.len() && memmem::find(&bytes[start..at], b"\"eventType\"").is_some() {
                found.push(Span { at: start as u64, length: length as u32 });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-03-04T09:15:00Z".parse().unwrap()
    }

    const EVENT: &str =
        r#"{"uuid":"5b1f0c9e-3333-4333-8333-000000000001","eventType":"app.oauth2.as.consent.grant"}"#;

    #[test]
    fn each_form_gives_its_consents() {
        let page = format!("[{EVENT}, 7]");
        let found = read(page.as_bytes(), at());
        assert_eq!((found.consents.len(), found.bad.len()), (1, 1));
        let found = read(EVENT.as_bytes(), at());
        assert_eq!((found.consents[0].via, &*found.consents[0].raw), (Via::FILE, EVENT));
        let delivery = format!(
            r#"{{"eventType":"com.okta.event_hook","eventId":"e1","data":{{"events":[{EVENT},{}]}}}}"#,
            EVENT.replace("0001", "0002")
        );
        let found = read(delivery.as_bytes(), at());
        assert_eq!((found.consents.len(), found.consents[0].via), (2, Via::HOOK));
        assert_eq!(found.consents[1].hook.as_ref().unwrap().received, None);
    }

    #[test]
    fn an_array_may_hold_events_in_other_forms_too() {
        let lower = EVENT.replace("eventType", "eventtype").replace("0001", "0002");
        let wrapped =
            format!(r#"{{"_raw":{}}}"#, serde_json::to_string(&EVENT.replace("0001", "0003")).unwrap());
        let text = format!("[{EVENT}, {lower}, {wrapped}, 7, [], {{\"a\":1}}]");
        let found = read(text.as_bytes(), at());
        let kinds: Vec<&str> = found.consents.iter().map(|consent| consent.event_type.exact()).collect();
        assert_eq!(kinds, ["app.oauth2.as.consent.grant"; 3]);
        assert_eq!(found.bad.len(), 3);
        for remark in [Remark::Respelled, Remark::Held("_raw".to_owned()), Remark::NoTime] {
            assert!(found.remarks.contains(&remark), "{remark:?}: {:?}", found.remarks);
        }
    }

    #[test]
    fn a_time_that_okta_would_not_write_is_read_and_said_and_none_is_said_too() {
        let of = |published: &str| {
            let found = read(EVENT.replace('}', &format!(",\"published\":{published}}}")).as_bytes(), at());
            (found.consents[0].published, found.consents[0].key.published_ms, found.remarks)
        };
        let time = "2024-05-02T18:46:21.121Z".parse::<Timestamp>().unwrap();
        let (published, ms) = (Some(time), time.as_millisecond());
        assert_eq!(of("\"2024-05-02T18:46:21.121Z\""), (published, ms, vec![]));
        for (text, spelling) in [
            ("\"2024-05-02 18:46:21.121\"", time::Spelling::NoZone),
            ("1714675581121", time::Spelling::Milliseconds),
            ("1714675581121000000", time::Spelling::Nanoseconds),
            ("1714675581.121", time::Spelling::Seconds),
        ] {
            assert_eq!(of(text), (published, ms, vec![Remark::Time(spelling)]), "{text}");
        }
        for text in ["null", "\"yesterday\"", "{}", "7"] {
            assert_eq!(of(text), (None, 0, vec![Remark::NoTime]), "{text}");
        }
    }

    #[test]
    fn what_a_damaged_record_swallowed_is_found() {
        let nested = EVENT.replace('}', r#","target":[{"id":"a"},{"id":"b"}]}"#);
        let damaged = EVENT.replacen(':', "", 1);
        let text = format!("{damaged},{nested} , {EVENT}, {{\"id\":1}},[{nested}");
        let told: Vec<&str> = swallowed(text.as_bytes())
            .iter()
            .filter_map(|span| text.get(span.at as usize..span.at as usize + span.length as usize))
            .collect();
        assert_eq!(told, [nested.as_str(), EVENT, &nested]);
        assert_eq!(
            swallowed(format!("{EVENT}, 7").as_bytes()).len(),
            1,
            "what is no object costs only itself"
        );
        for nothing in ["", "{", "{\"a\":", EVENT, "{,{,{\"eventType\"", &"[{\"a\":".repeat(10_000)] {
            assert_eq!(swallowed(nothing.as_bytes()), []);
        }
    }

    #[test]
    fn what_is_none_says_why() {
        for (text, why) in [
            ("7", "It is not a JSON object."),
            ("{}", "It has neither"),
            ("{\"a\":1}", "under event.original, _raw, detail, log, message, record, okta"),
            ("{\"a\":", "It is not valid JSON"),
            ("{\"schema\":\"consentwatch.doctor/1\"}", "consentwatch.doctor/1"),
            ("[", "It ends before its array does."),
        ] {
            let found = read(text.as_bytes(), at());
            assert!(found.consents.is_empty() && found.bad[0].contains(why), "{text}: {:?}", found.bad);
        }
        assert_eq!(read(b"{\"a\":\"\xff\"}", at()).bad, ["It is not UTF-8 text."]);
    }
}
