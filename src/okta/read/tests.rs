//! Tests with events as orgs send them, and with invalid ones.

use proptest::prelude::*;

use super::*;
use crate::consent::OrgId;

const USER: &str = "00uAAAAAAAAAAAAAA1d7";
const CLIENT: &str = "0oaDDDDDDDDDDDDDD1d7";
const SERVER: &str = "ausBBBBBBBBBBBBBB1d7";

fn at() -> Timestamp {
    "2026-03-04T09:15:38.95Z".parse().unwrap()
}

fn one(raw: &str) -> Consent {
    let mut parts = event(raw, at(), Via::POLL).unwrap();
    assert_eq!(parts.len(), 1, "{parts:?}");
    parts.remove(0)
}

fn target(grant: &str, scope: &str, user: &str) -> String {
    format!(
        r#"{{"id":"{grant}","type":"ConsentGrant","alternateId":null,"displayName":"{scope}","detailEntry":{{"publicclientapp":"{CLIENT}","authorizationserver":"{SERVER}","user":"{user}"}}}}"#
    )
}

fn grant(actor: &str, targets: &str) -> String {
    format!(
        r#"{{"uuid":"7C0E9A52-1111-11ef-9a5c-0242ac120002","published":"2026-03-04T09:15:27.431Z","eventType":"app.oauth2.as.consent.grant","version":"0","severity":"INFO","displayMessage":"Consent granted","actor":{actor},"client":{{"userAgent":{{"rawUserAgent":"Mozilla/5.0"}},"zone":"null","id":null,"ipAddress":"192.0.2.10","geographicalContext":{{"city":"Utrecht","country":"Netherlands"}}}},"authenticationContext":{{"externalSessionId":"102ExampleSession"}},"outcome":{{"result":"SUCCESS","reason":null}},"securityContext":{{"asNumber":64500,"asOrg":"example net","isProxy":false}},"debugContext":{{"debugData":{{"authorizationServer":"{SERVER}","authorizationServerName":"default"}}}},"transaction":{{"id":"ZexampleRequest"}},"target":{targets}}}"#
    )
}

const ADA: &str = r#"{"id":"00uAAAAAAAAAAAAAA1d7","type":"User","alternateId":"ada@example.test","displayName":"Ada Example","detailEntry":null}"#;
const OKTA: &str = r#"{"id":"00uSYSTEM","type":"SystemPrincipal","alternateId":"system@okta.com","displayName":"Okta System"}"#;

fn exact(text: Option<&Untrusted>) -> Option<&str> {
    text.map(Untrusted::exact)
}

#[test]
fn the_classic_shape_is_read_whole() {
    let targets = format!(
        "[{},{}]",
        target("oagCCCCCCCCCCCCCC1d7", "orders.read", USER),
        target("oagEEEEEEEEEEEEEE1d7", "orders.write", USER)
    );
    let raw = grant(ADA, &targets);
    let consent = one(&raw);
    assert_eq!(consent.kind, Kind::Grant);
    assert_eq!(consent.key.published_ms, 1_772_615_727_431);
    assert_eq!(consent.who.evidence, Evidence::GrantDetail);
    assert_eq!(consent.who.person.id.as_ref().unwrap().exact(), USER);
    assert_eq!(exact(consent.who.person.alternate_id.as_ref()), Some("ada@example.test"));
    assert_eq!(consent.client.id.as_ref().unwrap().exact(), CLIENT);
    assert_eq!(consent.server.id.as_ref().unwrap().exact(), SERVER);
    assert_eq!(exact(consent.server.name.as_ref()), Some("default"));
    let scopes: Vec<_> = consent.scopes.iter().map(|scope| scope.name.as_ref().unwrap().exact()).collect();
    assert_eq!(scopes, ["orders.read", "orders.write"]);
    assert_eq!(consent.scopes[1].grant_id.as_ref().unwrap().exact(), "oagEEEEEEEEEEEEEE1d7");
    assert_eq!((consent.from.as_number, consent.from.is_proxy), (Some(64500), Some(false)));
    assert_eq!(exact(consent.from.user_agent.as_ref()), Some("Mozilla/5.0"));
    assert_eq!(exact(consent.session_id.as_ref()), Some("102ExampleSession"));
    assert_eq!(exact(consent.outcome.result.as_ref()), Some("SUCCESS"));
    assert_eq!(&*consent.raw, raw);
    assert_eq!(exact(consent.uuid.as_ref()), Some("7C0E9A52-1111-11ef-9a5c-0242ac120002"));
    assert!(matches!(consent.key.id, EventId::Uuid([0x7c, 0x0e, ..])));
}

#[test]
fn okta_itself_is_never_the_person() {
    let by_detail = one(&grant(OKTA, &format!("[{}]", target("oag1", "openid", USER))));
    assert_eq!(by_detail.who.evidence, Evidence::GrantDetail);
    assert_eq!(by_detail.who.person.id.as_ref().unwrap().exact(), USER);
    assert_eq!(exact(by_detail.who.person.display_name.as_ref()), None);
    let nobody = one(&grant(OKTA, "null"));
    assert_eq!((nobody.who.evidence, &nobody.who.person), (Evidence::Unknown, &Person::default()));
    let disguised = one(&grant(&OKTA.replace("SystemPrincipal", "User"), "[]"));
    assert_eq!(disguised.who.evidence, Evidence::Unknown);
}

#[test]
fn the_actor_is_second_and_a_user_target_third() {
    assert_eq!(one(&grant(ADA, "null")).who.evidence, Evidence::Actor);
    let third = one(&grant(OKTA, &format!("[{ADA}]")));
    assert_eq!(third.who.evidence, Evidence::UserTarget);
    assert_eq!(exact(third.who.person.alternate_id.as_ref()), Some("ada@example.test"));
    let unknown = one(&grant(r#"{"id":"unknown","type":"User","alternateId":"unknown"}"#, "[]"));
    assert_eq!(unknown.who.evidence, Evidence::Unknown);
}

#[test]
fn the_client_is_sought_in_three_places() {
    let event = |client: &str, actor: &str| {
        one(&format!(
            r#"{{"uuid":"u","eventType":"app.oauth2.as.consent.grant","client":{client},"actor":{actor}}}"#
        ))
        .client
    };
    let app = r#"{"id":"0oa2","type":"PublicClientApp","alternateId":"0oa2","displayName":"Figma"}"#;
    assert_eq!(event(r#"{"id":"0oa1"}"#, app).id, Some(ClientId::new("0oa1")));
    let by_actor = event(r#"{"id":"agent"}"#, app);
    assert_eq!((by_actor.id, exact(by_actor.label.as_ref())), (Some(ClientId::new("0oa2")), Some("Figma")));
    assert_eq!(event("null", ADA).id, None);
}

#[test]
fn an_admins_act_has_no_person() {
    for kind in ["app.oauth2.admin.consent.grant", "app.oauth2.admin.consent.revoke"] {
        let consent = one(&grant(ADA, "[]").replace("app.oauth2.as.consent.grant", kind));
        assert_eq!(consent.who.evidence, Evidence::NotApplicable);
        assert_eq!(consent.who.person, Person::default());
        assert_eq!(exact(consent.actor.unwrap().display_name.as_ref()), Some("Ada Example"));
    }
}

#[test]
fn details_of_the_org_server_are_spelled_otherwise() {
    let raw = format!(
        r#"{{"uuid":"u","eventType":"app.oauth2.consent.grant","actor":{OKTA},"target":[{{"id":"oag7","type":"Resource","detailEntry":{{"PublicClientApp":"{CLIENT}","AuthorizationServer":"{SERVER}","User":"{USER}","scope":"okta.users.read okta.apps.read"}}}},{{"id":"x","type":"AppInstance","displayName":"Figma"}}]}}"#
    );
    let consent = one(&raw);
    assert_eq!((consent.kind, consent.who.evidence), (Kind::OrgGrant, Evidence::GrantDetail));
    assert_eq!(consent.client.id, Some(ClientId::new(CLIENT)));
    let scopes: Vec<_> = consent.scopes.iter().map(|scope| scope.name.as_ref().unwrap().exact()).collect();
    assert_eq!(scopes, ["okta.users.read", "okta.apps.read"]);
}

#[test]
fn targets_that_disagree_give_parts() {
    let other = "00uZZZZZZZZZZZZZZ1d7";
    let raw = grant(
        ADA,
        &format!(
            "[{},{},{}]",
            target("oag1", "a", USER),
            target("oag2", "b", other),
            target("oag3", "c", USER)
        ),
    );
    let parts = event(&raw, at(), Via::POLL).unwrap();
    assert_eq!(
        parts.iter().map(|part| (part.key.part, part.scopes.len())).collect::<Vec<_>>(),
        [(0, 2), (1, 1)]
    );
    assert_eq!(parts[1].who.person.id, Some(UserId::new(other)));
    assert_eq!(parts[1].who.person.alternate_id, None);
    assert_eq!(parts[0].key.id, parts[1].key.id);
}

#[test]
fn repeated_targets_count_once_and_silent_ones_join() {
    let silent = r#"{"id":"oag2","type":"ConsentGrant","displayName":"b","detailEntry":null}"#;
    let consent = one(&grant(ADA, &format!("[{silent},{0},{0}]", target("oag1", "a", USER))));
    assert_eq!(consent.scopes.len(), 2);
    assert_eq!(consent.who.person.id, Some(UserId::new(USER)));
}

#[test]
fn without_a_uuid_the_bytes_count_and_without_a_time_it_is_zero() {
    let consent =
        one(r#"{"uuid":"not one","published":"yesterday","eventType":"app.oauth2.as.consent.grant"}"#);
    assert!(matches!(consent.key.id, EventId::Digest(_)));
    assert_eq!((consent.key.published_ms, consent.published), (0, None));
    let same = one(r#"{"eventType":"x","version":0}"#).key;
    assert_eq!(same, one(r#" {"eventType":"x","version":0} "#).key);
    assert_ne!(same, one(r#"{"eventType":"x","version":1}"#).key);
}

/// Secrets in fields that are read from an event, and in others.
const SECRETIVE: &str = r#"{ "uuid":"7c0e9a52-1111-11ef-9a5c-0242ac120002","published":"2026-03-04T09:15:27.431Z","n":1.50e+2,
    "eventType":"app.oauth2.as.consent.grant","actor":{"id":"00uAAAAAAAAAAAAAA1d7","type":"User","displayName":"https://u:CANARY@app.test/"},
    "target":[{"type":"code","id":"CANARY"},{"id":"oag1","type":"ConsentGrant","displayName":"a","detailEntry":{"clientSecret":"CANARY"}}],
    "debugContext":{"debugData":{"url":"/a?state=CANARY","x":"{\"otp\":\"CANARY\"}"}}}"#;

#[test]
fn secrets_of_an_event_are_hidden_at_the_door_and_nothing_else() {
    let consent = one(SECRETIVE);
    assert_eq!(consent.hidden, 5);
    assert!(!format!("{consent:?}").contains("CANARY"), "{consent:?}");
    let expected =
        SECRETIVE.replace("u:CANARY@", "‹hidden, 8 characters›@").replace("CANARY", "‹hidden, 6 characters›");
    assert_eq!(*consent.raw, *expected);
    // Secrets are hidden on a page too, also in records that cannot be read.
    let read = page(
        format!("[{SECRETIVE}, {{\"password\":\"CANARY\"}}, {{\"token\":\"CANARY\" 7}}]").as_bytes(),
        at(),
        Via::HOOK,
    )
    .unwrap();
    assert_eq!((read.consents.len(), read.rejects.len()), (1, 2));
    for reject in &read.rejects {
        let kept = String::from_utf8_lossy(&reject.bytes);
        assert!(!kept.contains("CANARY") && kept.contains("‹hidden, 6 characters›"), "{kept}");
    }
}

#[test]
fn two_events_that_differ_in_a_secret_alone_are_two() {
    let event = |secret: &str| {
        one(&format!(r#"{{"eventType":"x","debugContext":{{"debugData":{{"secret":"{secret}"}}}}}}"#))
    };
    assert_eq!(event("abc").raw, event("xyz").raw);
    assert_ne!(event("abc").key, event("xyz").key);
    assert_eq!(event("abc").key, event("abc").key);
}

#[test]
fn a_record_is_cut_behind_the_secrets_in_it() {
    let long =
        format!(r#"{{"a":"{}","password":"{}"}}"#, "x".repeat(Reject::BYTES_MAX - 30), "CANARY".repeat(9));
    let reject = Reject::new(at(), "poll", "why", long.as_bytes());
    assert!(!String::from_utf8_lossy(&reject.bytes).contains("CANA"));
    assert_eq!((reject.bytes.len() <= Reject::BYTES_MAX, reject.length), (true, long.len()));
}

#[test]
fn all_targets_up_to_a_bound_are_read_and_the_rest_is_counted() {
    let targets = |count: usize| {
        let targets: Vec<String> = (0..count)
            .map(|n| format!(r#"{{"id":"oag{n}","type":"ConsentGrant","displayName":"scope.{n}","detailEntry":{{"user":"{USER}"}}}}"#))
            .collect();
        one(&grant(ADA, &format!("[{}]", targets.join(","))))
    };
    let consent = targets(1500);
    assert_eq!((consent.scopes.len(), consent.unread_targets), (1500, 0));
    let consent = targets(20_340);
    assert_eq!((consent.scopes.len(), consent.unread_targets), (20_000, 340));
}

#[test]
fn an_unlisted_type_is_kept() {
    let consent = one(r#"{"uuid":"u","eventType":"user.session.start","version":0}"#);
    assert_eq!((consent.kind, exact(consent.version.as_ref())), (Kind::Other, Some("0")));
}

#[test]
fn what_is_no_event_says_why() {
    for bad in [
        "",
        "7",
        "[]",
        "null",
        "\"x\"",
        "{",
        "{}",
        r#"{"errorCode":"E0000011"}"#,
        r#"{"uuid":5,"published":[],"eventType":null}"#,
        r#"{"uuid":"u",}"#,
        r#"{"uuid":"u"} x"#,
    ] {
        let why = event(bad, at(), Via::POLL).unwrap_err();
        assert!(why.ends_with('.') && why.starts_with("It "), "{bad}: {why}");
    }
}

#[test]
fn depth_has_a_bound() {
    let nested =
        |depth: usize| format!(r#"{{"eventType":"t","x":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(event(&nested(99), at(), Via::POLL).is_ok());
    assert!(event(&nested(100), at(), Via::POLL).is_err());
    assert!(event(&nested(100_000), at(), Via::POLL).is_err());
    let flat = format!(r#"{{"eventType":"t","x":"{}","y":[{}{{}}]}}"#, "{".repeat(500), "{},".repeat(500));
    assert!(event(&flat, at(), Via::POLL).is_ok());
}

#[test]
fn half_a_character_costs_nothing() {
    let raw = r#"{"uuid":"u","displayMessage":"cut \ud83d","eventType":"x","client":{"ipAddress":"a\\ud83d\ud83d\ude00"}}"#;
    let consent = one(raw);
    assert_eq!(exact(consent.message.as_ref()), Some("cut \u{fffd}"));
    assert_eq!(exact(consent.from.ip.as_ref()), Some("a\\ud83d😀"));
    assert_eq!(&*consent.raw, raw);
}

#[test]
fn a_page_keeps_its_good_records() {
    let good = grant(ADA, "[]");
    let mut bytes = format!("[{good},7,{{\"uuid\":}},{good}").into_bytes();
    bytes.extend_from_slice(b",{\"uuid\":\"\xff\"}]");
    let page = page(&bytes, at(), Via::POLL).unwrap();
    assert_eq!((page.records, page.consents.len(), page.rejects.len()), (5, 2, 3));
    assert_eq!(page.last_published, page.consents[0].published);
    assert!(page.rejects.iter().all(|reject| reject.source == "poll"));
    assert_eq!(&*page.rejects[2].bytes, b"{\"uuid\":\"\xff\"}");
}

#[test]
fn the_newest_time_of_a_page_need_not_be_its_last() {
    let old = grant(ADA, "[]").replace("09:15:27", "09:15:20");
    let bytes = format!("[{},{old}]", grant(ADA, "[]"));
    let read = page(bytes.as_bytes(), at(), Via::POLL).unwrap();
    assert_eq!(read.last_published, read.consents[0].published);
}

fn stored(raw: &str, part: u8, evidence: Evidence) -> Stored {
    let id = EventId::Uuid([7; 16]);
    Stored {
        seq: crate::consent::Seq(1),
        rev: crate::consent::Rev(0),
        key: EventKey { published_ms: 1_772_615_727_431, id, part },
        org: OrgId(2),
        received: at(),
        via: Via::POLL.with(Via::HOOK),
        doubt: None,
        evidence,
        person: Person { id: Some(UserId::new("00u9")), ..Person::default() },
        hook_copy: None,
        hook: Some(crate::consent::Delivery {
            event_id: None,
            event_time: None,
            source: None,
            headers: Vec::new(),
            received: None,
        }),
        labels: Vec::new(),
        raw: raw.into(),
    }
}

#[test]
fn a_stored_row_is_read_again_with_what_is_known_since() {
    let raw = grant(ADA, &format!("[{},{}]", target("oag1", "a", USER), target("oag2", "b", "00u2")));
    let consent = restore(&stored(&raw, 1, Evidence::Session));
    assert_eq!(consent.who.person.id, Some(UserId::new("00u2")));
    assert_eq!(consent.who.evidence, Evidence::GrantDetail);
    assert_eq!(
        (consent.key.part, consent.via.word(), consent.org.as_deref()),
        (1, "poll+hook", None),
        "only the journal's reader knows the label"
    );
    assert!(consent.hook.is_some());
    let found = restore(&stored(&grant(OKTA, "[]"), 9, Evidence::Session)).who;
    assert_eq!((found.evidence, found.person.id), (Evidence::Session, Some(UserId::new("00u9"))));
}

#[test]
fn a_stored_row_that_cannot_be_read_is_a_row_still() {
    let consent = restore(&stored("damaged", 0, Evidence::Unknown));
    assert_eq!(consent.kind, Kind::Other);
    assert_eq!(consent.published.unwrap().as_millisecond(), 1_772_615_727_431);
    assert_eq!(exact(consent.uuid.as_ref()), Some("07070707-0707-0707-0707-070707070707"));
}

fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("\"unknown\"".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        ".*".prop_map(|text: String| serde_json::to_string(&text).unwrap()),
    ];
    let key = prop_oneof![
        Just("uuid"),
        Just("published"),
        Just("eventType"),
        Just("actor"),
        Just("client"),
        Just("target"),
        Just("type"),
        Just("id"),
        Just("detailEntry"),
        Just("user"),
        Just("outcome"),
        Just("debugContext"),
        Just("displayName"),
    ];
    leaf.prop_recursive(5, 64, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(|all| format!("[{}]", all.join(","))),
            proptest::collection::vec((key.clone(), inner), 0..8).prop_map(|all| {
                let entries: Vec<String> =
                    all.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        drop(page(&bytes, at(), Via::POLL));
        let wrapped = [b"[{\"uuid\":\"u\",\"target\":".as_slice(), &bytes, b"}]"].concat();
        drop(page(&wrapped, at(), Via::HOOK));
        drop(event(&String::from_utf8_lossy(&bytes), at(), Via::FILE));
    }

    #[test]
    fn a_bad_record_never_costs_its_neighbors(bad in any_json(), cut in any::<prop::sample::Index>(), junk in "[a-z0-9 .+-]*") {
        let good = grant(ADA, "[]");
        // A quote is kept whole and brackets in pairs; inside, the record may be anything.
        let at_char = bad.char_indices().map(|(at, _)| at).nth(cut.index(bad.chars().count())).unwrap_or(0);
        let (a, b) = bad.split_at(at_char);
        for bad in [format!("{{\"x\":{bad},{junk}}}"), bad.clone(), format!("{{{junk}:{bad}}}"), format!("{junk}{a}{b}{junk}")] {
            let bytes = format!("[{good},{bad},{good}]");
            let read = page(bytes.as_bytes(), at(), Via::POLL).unwrap();
            prop_assert_eq!(read.records, 3);
            let whole = read.consents.iter().filter(|consent| *consent.raw == *good).count();
            prop_assert_eq!(whole, 2);
        }
    }

    #[test]
    fn a_page_is_its_records_one_by_one(all in proptest::collection::vec((any_json(), "[ \n]?", "[x]?"), 1..8)) {
        let mut records = Vec::new();
        for (json, space, junk) in all {
            records.push(format!("{{\"uuid\":\"u\",\"eventType\":\"e\",\"target\":{json}}}{space}{junk}"));
            records.push(json + &junk);
        }
        let read = page(format!("[{}]", records.join(",")).as_bytes(), at(), Via::POLL).unwrap();
        let alone = |record: &String| event(record.trim(), at(), Via::POLL);
        let (good, bad): (Vec<_>, Vec<_>) = records.iter().map(alone).partition(Result::is_ok);
        prop_assert_eq!(read.consents, good.into_iter().flatten().flatten().collect::<Vec<_>>());
        let why = |reject: &Reject| Err(reject.why.clone());
        prop_assert_eq!(read.rejects.iter().map(why).collect::<Vec<_>>(), bad);
    }

    #[test]
    fn any_object_with_a_uuid_is_a_consent_or_says_why(json in any_json()) {
        let raw = format!("{{\"uuid\":\"u\",\"eventType\":\"app.oauth2.as.consent.grant\",\"actor\":{json},\"target\":[{json}]}}");
        let parts = event(&raw, at(), Via::POLL).unwrap();
        for (index, part) in parts.iter().enumerate() {
            prop_assert_eq!(usize::from(part.key.part), index);
            // A text may happen to look like a URL with a secret.
            prop_assert!(part.hidden > 0 || *part.raw == *raw);
        }
    }
}
