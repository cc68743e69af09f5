//! Tests with deliveries as Okta sends them, and with invalid ones.

use proptest::prelude::*;

use super::*;
use crate::consent::{EventId, Evidence, Kind};

const EVENT: &str = r#"{"uuid":"7c0e9a52-1111-11ef-9a5c-0242ac120002","published":"2026-03-04T09:15:27.431Z","eventType":"app.oauth2.as.consent.grant","version":"0","severity":"INFO","displayMessage":"Consent granted","actor":{"id":"00uAAAAAAAAAAAAAA1d7","type":"User","alternateId":"ada@example.test","displayName":"Ada Example"},"device":null,"insertionTimestamp":null,"client":{"zone":"null","ipChain":[{"ip":"192.0.2.10","version":"V4"}]},"outcome":{"result":"SUCCESS"},"securityContext":{},"target":[{"id":"oagCCCCCCCCCCCCCC1d7","type":"ConsentGrant","displayName":"orders.read","detailEntry":{"publicclientapp":"0oaDDDDDDDDDDDDDD1d7","authorizationserver":"ausBBBBBBBBBBBBBB1d7","user":"00uAAAAAAAAAAAAAA1d7"}}],"debugContext":{"debugData":{"targetEventHookIds":"whoFFFFFFFFFFFFFF1d7"}}}"#;

fn at() -> Timestamp {
    "2026-03-04T09:15:38.95Z".parse().unwrap()
}

fn envelope(events: &str) -> String {
    format!(
        r#"{{"eventType":"com.okta.event_hook","eventTypeVersion":"1.0","cloudEventsVersion":"0.1","source":"https://org.example.test/api/v1/eventHooks/whoFFFFFFFFFFFFFF1d7","eventId":"3d1f7a10-2222-4222-8222-0242ac120002","eventTime":"2026-03-04T09:15:38.902Z","contentType":"application/json","data":{{"events":{events}}}}}"#
    )
}

fn read(body: &[u8]) -> Result<ReadDelivery, HookError> {
    delivery(body, vec![Untrusted::new("Content-Type: application/json")], at())
}

fn exact(text: Option<&Untrusted>) -> Option<&str> {
    text.map(Untrusted::exact)
}

fn secrets(current: &str, previous: Option<&str>) -> Secrets {
    Secrets::new(&Secret::new(current), previous.map(Secret::new).as_ref()).unwrap()
}

#[test]
fn a_delivery_is_read_whole() {
    let read = read(envelope(&format!("[ {EVENT} ]")).as_bytes()).unwrap();
    assert_eq!((read.events, read.rejects.len()), (1, 0));
    assert_eq!(exact(read.event_type.as_ref()), Some("com.okta.event_hook"));
    let [consent] = &read.consents[..] else { panic!("{read:?}") };
    assert_eq!((consent.kind, consent.via), (Kind::Grant, Via::HOOK));
    assert_eq!(consent.who.evidence, Evidence::GrantDetail);
    assert_eq!(exact(consent.from.ip.as_ref()), Some("192.0.2.10"), "the chain stands under client");
    assert_eq!(exact(consent.outcome.reason.as_ref()), None);
    assert_eq!(&*consent.raw, EVENT);
    let hook = consent.hook.as_ref().unwrap();
    assert_eq!(hook, &read.envelope);
    assert_eq!(exact(hook.event_id.as_ref()), Some("3d1f7a10-2222-4222-8222-0242ac120002"));
    assert_eq!(exact(hook.event_time.as_ref()), Some("2026-03-04T09:15:38.902Z"));
    assert!(exact(hook.source.as_ref()).unwrap().ends_with("whoFFFFFFFFFFFFFF1d7"));
    assert_eq!(hook.headers, [Untrusted::new("Content-Type: application/json")]);
}

#[test]
fn secrets_of_a_delivery_and_of_its_envelope_are_hidden() {
    let event = EVENT.replace(r#""debugData":{"#, r#""debugData":{"client_secret":"CANARY","#);
    let body = envelope(&format!("[{event}]"))
        .replace("/api/v1/eventHooks/who", "/api/v1/eventHooks?token=CANARY&who");
    let pairs =
        [("x-api-key", &b"CANARY"[..]), ("referer", b"https://h.test/?code=CANARY"), ("accept", b"*/*")];
    let headers = kept_headers(pairs.into_iter(), &[&secrets("hush-hush-hush-hush", None)]);
    let read = delivery(body.as_bytes(), headers, at()).unwrap();
    assert!(!format!("{read:?}").contains("CANARY"), "{read:?}");
    assert_eq!(read.consents[0].hidden, 1);
    let headers: Vec<&str> = read.envelope.headers.iter().map(Untrusted::exact).collect();
    let expected = [
        "X-Api-Key: ‹hidden, 6 characters›",
        "Referer: https://h.test/?code=‹hidden, 6 characters›",
        "Accept: */*",
    ];
    assert_eq!(headers, expected);
}

#[test]
fn facts_of_the_envelope_may_be_absent_null_or_of_another_type() {
    let bare = read(format!(r#"{{"data":{{"events":[{EVENT}]}}}}"#).as_bytes()).unwrap();
    assert_eq!((bare.consents.len(), bare.event_type), (1, None));
    assert_eq!((bare.envelope.event_id, bare.envelope.event_time, bare.envelope.source), (None, None, None));
    let odd = format!(
        r#"{{"eventType":["x"],"eventId":null,"eventID":"early","eventTime":12,"source":{{}},"x":[[{{}}]],"data":{{"events":[{EVENT}],"y":1}}}}"#
    );
    let odd = read(odd.as_bytes()).unwrap();
    assert_eq!(exact(odd.envelope.event_id.as_ref()), Some("early"));
    assert_eq!(exact(odd.envelope.event_time.as_ref()), Some("12"));
    assert_eq!(read_len(&envelope("[]")), (0, 0));
}

fn read_len(body: &str) -> (usize, usize) {
    let read = read(body.as_bytes()).unwrap();
    (read.consents.len(), read.rejects.len())
}

#[test]
fn a_bad_event_costs_none_of_the_others() {
    let deep = format!(r#"{{"uuid":"x","a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    for bad in ["7", "null", "\"x\"", "{}", "[]", deep.as_str(), r#"{"displayMessage":"x"}"#] {
        assert_eq!(read_len(&envelope(&format!("[{EVENT},{bad},{EVENT}]"))), (2, 1), "{bad}");
    }
    let reject = read(envelope(&format!("[7,{EVENT}]")).as_bytes()).unwrap().rejects.remove(0);
    assert_eq!((reject.source, &*reject.bytes), ("hook", &b"7"[..]));
}

#[test]
fn bytes_that_are_no_text_cost_only_their_own_event() {
    let body = envelope(&format!("[{EVENT},{{\"eventType\":\"~\"}},{EVENT}]"));
    let mut body = body.into_bytes();
    let at = body.iter().position(|byte| *byte == b'~').unwrap();
    body.splice(at..=at, [0xff, 0xc3]);
    let read = read(&body).unwrap();
    assert_eq!((read.consents.len(), read.rejects.len()), (2, 1));
    assert!(read.rejects[0].bytes.contains(&0xff));
    assert!(read.consents.iter().all(|consent| &*consent.raw == EVENT));
    let marked = [b"\xef\xbb\xbf", envelope(&format!("[{EVENT}]")).as_bytes()].concat();
    assert_eq!(super::delivery(&marked, Vec::new(), self::at()).unwrap().consents.len(), 1);
    let half = envelope(&format!("[{EVENT}]")).replace("com.okta.event_hook", r"caf\ud83d");
    assert_eq!(read_len(&half), (1, 0));
}

#[test]
fn what_is_no_delivery_is_an_error() {
    let no_json = |body: &[u8]| matches!(read(body), Err(HookError::NotJson { .. }));
    assert!(no_json(b"") && no_json(b"<html>") && no_json(b"{") && no_json(b"\xff\xfe") && no_json(b"{}x"));
    assert!(no_json(envelope(&format!("[{EVENT}")).as_bytes()));
    for body in ["7", "[]", "null", "{}", r#"{"data":[]}"#, r#"{"data":{}}"#, r#"{"data":{"events":null}}"#] {
        assert_eq!(read(body.as_bytes()), Err(HookError::NoEvents), "{body}");
    }
    for events in ["\"x\"", "7"] {
        assert_eq!(read(envelope(events).as_bytes()), Err(HookError::Events(PageError::NotAnArray)));
    }
}

#[test]
fn one_event_needs_no_list_around_it() {
    let read = read(envelope(&format!(" {EVENT} ")).as_bytes()).unwrap();
    assert_eq!((read.events, read.consents.len(), read.rejects.len()), (1, 1, 0));
    assert_eq!(&*read.consents[0].raw, EVENT, "its exact bytes");
    assert_eq!(read_len(&envelope("{}")), (0, 1), "one that cannot be read is kept as such");
    let body = envelope(r#"{"eventType":"~"}"#);
    let mut body = body.into_bytes();
    let at = body.iter().position(|byte| *byte == b'~').unwrap();
    body.splice(at..=at, [0xff]);
    let read = super::delivery(&body, Vec::new(), self::at()).unwrap();
    assert_eq!((read.consents.len(), read.rejects.len()), (0, 1), "bytes that are no text are kept too");
}

#[test]
fn what_is_too_much_is_an_error() {
    assert_eq!(read(&vec![b' '; BODY_MAX + 1]), Err(HookError::TooLong));
    let members = |n: usize| envelope(&format!("[{}{{}}]", "{},".repeat(n)));
    assert_eq!(read(members(EVENTS_MAX).as_bytes()), Err(HookError::TooMany));
    assert_eq!(read(members(200_000).as_bytes()), Err(HookError::Events(PageError::TooMany)));
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(read(nested(200).as_bytes()), Err(HookError::NoEvents));
    assert_eq!(read(nested(500_000).as_bytes()), Err(HookError::NoEvents));
    assert_eq!(read(envelope(&format!("[{}]", nested(200))).as_bytes()), Err(HookError::TooDeep));
    assert_eq!(read(envelope(&nested(400_000)).as_bytes()), Err(HookError::TooDeep));
    let extra = format!(r#"{{"z":{},"data":{{"events":[{EVENT}]}}}}"#, nested(300_000));
    assert_eq!(read_len(&extra), (1, 0), "what nobody reads may nest");
}

#[test]
fn targets_without_end_are_read_up_to_a_bound() {
    let many = format!(r#"{{"uuid":"u","eventType":"x","target":[{}0]}}"#, "0,".repeat(500_000));
    assert_eq!(read_len(&envelope(&format!("[{many}]"))), (1, 0));
    let grant = r#"{"type":"ConsentGrant","detailEntry":{}},"#;
    let many = format!(r#"{{"uuid":"u","eventType":"x","target":[{}0]}}"#, grant.repeat(20_000));
    assert_eq!(read_len(&envelope(&format!("[{many}]"))), (1, 0));
}

#[test]
fn one_event_that_came_twice_has_one_key() {
    let read = read(envelope(&format!("[{EVENT},{EVENT}]")).as_bytes()).unwrap();
    assert_eq!(read.consents[0].key, read.consents[1].key);
    assert!(matches!(read.consents[0].key.id, EventId::Uuid(_)));
}

#[test]
fn only_json_is_json() {
    for good in
        ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", " application/json "]
    {
        assert!(is_json(Some(good.as_bytes())), "{good}");
    }
    for bad in
        ["", "text/json", "application/jsonp", "application/x-www-form-urlencoded", "json", "text/html"]
    {
        assert!(!is_json(Some(bad.as_bytes())), "{bad}");
    }
    assert!(!is_json(None));
}

#[test]
fn a_challenge_is_echoed_if_it_is_harmless() {
    assert_eq!(challenge(b"abc123").map(verification).as_deref(), Some(r#"{"verification":"abc123"}"#));
    assert_eq!(challenge(br#"a"\"#).map(verification).as_deref(), Some(r#"{"verification":"a\"\\"}"#));
    assert!(challenge(&[b'a'; 1024]).is_some());
    for bad in [&b""[..], &[b'a'; 1025], b"a\x1b[2J", b"a\r\nb", b"\xc3\xa4", b"\xff", b"a\tb"] {
        assert_eq!(challenge(bad), None);
    }
}

#[test]
fn secrets_are_compared_whole() {
    let one = secrets("hush-hush-hush-hush", None);
    assert!(one.admit(b"hush-hush-hush-hush"));
    for wrong in [&b""[..], b"hush-hush-hush-hus", b"hush-hush-hush-hush ", b"HUSH-HUSH-HUSH-HUSH", b"other"]
    {
        assert!(!one.admit(wrong));
    }
    let both = secrets("after-after-after", Some("before-before-before"));
    assert!(both.admit(b"after-after-after") && both.admit(b"before-before-before"));
    assert!(!both.admit(b"after-after-afterbefore-before-before"));
    assert!(!format!("{both:?}").contains("after"));
    for bad in ["", " aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa\n", "aaaaaaaaaaaaaaaaä", "aaaaaaaaaaaaaaaa\u{7f}"]
    {
        assert_eq!(Secrets::new(&Secret::new(bad), None).err(), Some(SecretsError::NoHeader), "{bad:?}");
    }
}

#[test]
fn a_secret_that_can_be_guessed_is_refused() {
    let refused = |secret: &str| Secrets::new(&Secret::new(secret), None).err();
    for short in ["a", "fifteen-letters", "Basic YTpiYw==", "bearer fifteen-letters"] {
        assert_eq!(refused(short), Some(SecretsError::TooShort), "{short}");
    }
    for good in ["sixteen-letters-", "Basic sixteen-letters-", "a phrase of words"] {
        assert_eq!(refused(good), None, "{good}");
    }
    let good = Secret::new("sixteen-letters-");
    assert!(Secrets::new(&good, Some(&Secret::new("short"))).is_err(), "the one before counts as much");
}

#[test]
fn headers_are_kept_without_what_opens_something() {
    let pairs: [(&str, &[u8]); 8] = [
        ("content-type", b"application/json"),
        ("authorization", b"hush-hush-hush-hush"),
        ("Cookie", b"a=b"),
        ("x-okta-request-id", b"Zreq"),
        ("x-copy", b"hush-hush-hush-hush"),
        ("proxy-authorization", b"Basic x"),
        ("x-bad", b"\xff\x1b"),
        ("x-long", &[b'a'; HEADERS_MAX]),
    ];
    let kept = kept_headers(pairs.into_iter(), &[&secrets("hush-hush-hush-hush", None)]);
    let kept: Vec<&str> = kept.iter().map(Untrusted::exact).collect();
    assert_eq!(kept, ["Content-Type: application/json", "X-Okta-Request-Id: Zreq", "X-Bad: \u{fffd}\u{1b}"]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(read(&bytes));
        let mut inside = envelope("[").into_bytes();
        let at = inside.len() - 2;
        inside.splice(at..at, bytes);
        drop(read(&inside));
    }

    #[test]
    fn any_cut_of_a_delivery_is_read_without_a_panic(cut in 0_usize..1800) {
        let body = envelope(&format!("[{EVENT}]"));
        drop(read(&body.as_bytes()[..cut.min(body.len())]));
    }
}
