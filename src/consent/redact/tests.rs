use proptest::prelude::*;

use super::*;

/// Returns the event with secrets hidden, or unchanged if it has none.
fn cleaned(raw: &str) -> String {
    event(raw).map_or_else(|| raw.to_owned(), |clean| clean.text)
}

#[test]
fn a_secret_goes_and_everything_else_stays_byte_for_byte() {
    let raw = "{ \"b\":1.50e+2,\n\t\"debugContext\" : {\"debugData\":{\"client_secret\": \"s3cr3t–ü\",\"x\":\"\\u00e9\\/\"}},\"b\":-0 }";
    let clean = event(raw).unwrap();
    assert_eq!(
        clean.text,
        "{ \"b\":1.50e+2,\n\t\"debugContext\" : {\"debugData\":{\"client_secret\": \"‹hidden, 8 characters›\",\"x\":\"\\u00e9\\/\"}},\"b\":-0 }"
    );
    assert_eq!(clean.hidden, 1);
}

#[test]
fn keys_that_name_a_secret_are_found_in_every_spelling() {
    for key in [
        "client_secret",
        "clientSecret",
        "Client-Secret",
        "CLIENT.SECRET",
        "client secret",
        "client\\u005fsecret",
        "\\u0063lient_secret",
        "client%5Fsecret",
        "auth_code",
        "interaction_handle",
        "state",
        "nonce",
        "otp",
        "proxy_password",
        "credentials_signing_private_key",
        "SAMLResponse",
        "id_token",
        "cookie",
    ] {
        let raw = format!(r#"{{"debugContext":{{"debugData":{{"{key}":"hunter2"}}}}}}"#);
        assert_eq!(cleaned(&raw), raw.replace("hunter2", "‹hidden, 7 characters›"), "{key}");
    }
}

#[test]
fn what_only_sounds_secret_stays() {
    for raw in [
        r#"{"client":{"geographicalContext":{"city":"Austin","state":"Texas","postalCode":"73301"}}}"#,
        r#"{"request":{"ipChain":[{"geographicalContext":{"geolocation":{"lat":1},"state":"Texas"}}]}}"#,
        r#"{"debugContext":{"debugData":{"hash":"a","subject_token_id":"AT.x","refresh_token_hash":"b","tokenCount":"2",
            "refreshTokenType":"c","subject_token_type":"urn:x","tokenEndpointAuthMethod":"client_secret_basic",
            "clientCredentialsType":"d","hasExternalClientSecret":"true","kid":"e","keyId":"f","tokenEncryptionKey":"g"}}}"#,
        r#"{"debugContext":{"debugData":{"password":null,"secret":"","otp":"******","apiKey":true,"token":[],"cookie":{}}}}"#,
        r#"{"debugContext":{"debugData":{"behaviors":"{New Geo-Location=NEGATIVE, New Device=POSITIVE}","url":"/a/b?"}}}"#,
        r#"{"target":[{"type":"ConsentGrant","id":"oag1"},{"type":"User","id":"00u1","alternateId":"a@b.test"}]}"#,
        r#"{"actor":{"displayName":"What? #1 = best (50% off)"},"outcome":{"reason":"code: 401"}}"#,
        r#"{"authenticationContext":{"issuer":{"id":"https://example.okta.com/oauth2/default"}}}"#,
    ] {
        assert_eq!(event(raw), None, "{raw}");
    }
}

#[test]
fn values_of_every_type_are_hidden() {
    for (value, hidden) in [
        ("123456", r#""‹hidden, 6 characters›""#),
        ("-1.5e3", r#""‹hidden, 6 characters›""#),
        (r#"["abc","d]\"e"]"#, r#""‹hidden, 15 characters›""#),
        (r#"{"a":{"b":"c"}}"#, r#""‹hidden, 15 characters›""#),
        (r#""a\"b""#, r#""‹hidden, 4 characters›""#),
    ] {
        let raw = format!(r#"{{"a":[{{"otp" : {value} }}],"z":1}}"#);
        assert_eq!(cleaned(&raw), raw.replace(value, hidden));
    }
}

#[test]
fn a_key_that_comes_twice_is_hidden_twice() {
    let clean = event(r#"{"token":"one","token":"other"}"#).unwrap();
    assert_eq!((clean.hidden, clean.text.contains("one"), clean.text.contains("other")), (2, false, false));
}

#[test]
fn json_in_strings_is_walked_at_any_depth() {
    let mut text = r#"{"password":"canary","n":12}"#.to_owned();
    for depth in 1..=4 {
        text = serde_json::json!({ "logOnlySecurityData": text }).to_string();
        let clean = cleaned(&text);
        let mut value: serde_json::Value = serde_json::from_str(&clean).unwrap();
        for _ in 0..depth {
            value = serde_json::from_str(value["logOnlySecurityData"].as_str().unwrap()).unwrap();
        }
        assert_eq!(value, serde_json::json!({"password":"‹hidden, 6 characters›","n":12}));
    }
    // Numbers become strings there too, with quotes escaped as each level requires.
    let raw = r#"{"a":"{\"otp\":123456,\"b\":\"{\\\"otp\\\":7}\"}"}"#;
    assert_eq!(
        cleaned(raw),
        r#"{"a":"{\"otp\":\"‹hidden, 6 characters›\",\"b\":\"{\\\"otp\\\":\\\"‹hidden, 1 characters›\\\"}\"}"}"#
    );
    // Okta truncates long debug values.
    assert!(!cleaned(r#"{"a":"{\"x\":1,\"session_token\":\"canary and mo"}"#).contains("canary"));
}

#[test]
fn percent_encoded_json_is_walked() {
    assert_eq!(
        cleaned(r#"{"a":"%7B%22otp%22%3A123%2C%22token%22%3A%22abc%22%7D"}"#),
        r#"{"a":"%7B%22otp%22%3A%22‹hidden, 3 characters›%22%2C%22token%22%3A%22‹hidden, 3 characters›%22%7D"}"#
    );
}

#[test]
fn text_nested_beyond_reason_is_hidden_whole() {
    let mut text = "code=canary".to_owned();
    for _ in 0..12 {
        text = text.replace('%', "%25").replace('=', "%3D");
    }
    // The greatest depth that is searched: two levels of percent-encoding.
    assert_eq!(cleaned(&format!(r#"{{"a":"{text}"}}"#)), r#"{"a":"‹hidden, 15 characters›"}"#);
}

#[test]
fn urls_keep_what_was_asked_for_and_lose_the_rest() {
    for (url, clean) in [
        (
            "/login/token/redirect?stateToken=02.id.x",
            "/login/token/redirect?stateToken=‹hidden, 7 characters›",
        ),
        (
            "https://u:pw@h.test/p?a=b#c=d",
            "https://‹hidden, 4 characters›@h.test/p?a=‹hidden, 1 characters›#c=‹hidden, 1 characters›",
        ),
        (
            "/a?client_id=0oa1&scope=openid+email&prompt=none&code=xyz&grant_type=",
            "/a?client_id=0oa1&scope=openid+email&prompt=none&code=‹hidden, 3 characters›&grant_type=",
        ),
        ("/a?response_type=code&response_mode=query&audience=x&resource=y", ""),
        ("/a?sc%6Fpe=x&c%6Fde=y", "/a?sc%6Fpe=x&c%6Fde=‹hidden, 1 characters›"),
        (
            "/a?redirect_uri=https%3A%2F%2Fapp.test%2Fcb%3Fcode%3Dxyz%26scope%3Da",
            "/a?redirect_uri=https%3A%2F%2Fapp.test%2Fcb%3Fcode%3D‹hidden, 3 characters›%26scope%3Da",
        ),
        (
            "/a?redirect_uri=%2Fb%3Fredirect_uri%3D%252Fc%253Fstate%253Dxyz",
            "/a?redirect_uri=%2Fb%3Fredirect_uri%3D%252Fc%253Fstate%253D‹hidden, 3 characters›",
        ),
        ("com.app.test:/cb?code=xyz", "com.app.test:/cb?code=‹hidden, 3 characters›"),
        (
            "/cb#access_token=xyz&expires_in=3600",
            "/cb#access_token=‹hidden, 3 characters›&expires_in=‹hidden, 4 characters›",
        ),
        ("/cb#/route?code=xyz", "/cb#/route?code=‹hidden, 3 characters›"),
        ("/cb#code=xyz?a=b", "/cb#code=‹hidden, 3 characters›?a=‹hidden, 1 characters›"),
        ("/a?eyJhbGciOi.x.y", "/a?‹hidden, 14 characters›"),
        ("/a?debug&scope=x;code=y", "/a?debug&scope=x;code=‹hidden, 1 characters›"),
        ("/oauth2/v1/token?******", ""),
        ("/page#section", ""),
    ] {
        for key in ["url", "requestUri", "redirect_uri", "origin", "anything"] {
            let raw = serde_json::json!({ "debugContext": { "debugData": { key: url } } }).to_string();
            let expected = if clean.is_empty() { url } else { clean };
            assert_eq!(cleaned(&raw), raw.replace(url, expected), "{key}");
        }
    }
    assert_eq!(
        cleaned(r#"{"outcome":{"reason":"sent to https://a.test/?code=xyz and <https://u:p@b.test> gone"}}"#),
        r#"{"outcome":{"reason":"sent to https://a.test/?code=‹hidden, 3 characters› and <https://‹hidden, 3 characters›@b.test> gone"}}"#
    );
}

#[test]
fn forms_and_lists_lose_what_names_a_secret() {
    for (text, clean) in [
        (
            "grant_type=password&username=ada&password=xyz",
            "grant_type=password&username=ada&password=‹hidden, 3 characters›",
        ),
        ("{risk=LOW, client_secret=x y, z=1}", "{risk=LOW, client_secret=‹hidden, 3 characters›, z=1}"),
        ("{'api_key': 'x,y', 'b': 1}", "{'api_key': '‹hidden, 3 characters›', 'b': 1}"),
        ("client%5Fsecret=xyz", "client%5Fsecret=‹hidden, 3 characters›"),
        ("error=client_secret=xyz", "error=client_secret=‹hidden, 3 characters›"),
        ("user[password]=xyz", "user[password]=‹hidden, 3 characters›"),
        ("password=x?y#z", "password=‹hidden, 5 characters›"),
        ("a&password=x?y&b=c", "a&password=‹hidden, 3 characters›&b=c"),
        (
            "scope=openid profile&code=xyz&state='a b'",
            "scope=openid profile&code=‹hidden, 3 characters›&state='‹hidden, 3 characters›'",
        ),
        (
            "a=/cb?x=1&b=%7B%22otp%22%3A%22ab%22%7D&c=d e",
            "a=/cb?x=‹hidden, 1 characters›&b=%7B%22otp%22%3A%22‹hidden, 2 characters›%22%7D&c=d e",
        ),
    ] {
        let raw = serde_json::json!({ "debugContext": { "debugData": { "x": text } } }).to_string();
        assert_eq!(cleaned(&raw), raw.replace(text, clean));
    }
}

#[test]
fn words_lose_what_stands_behind_the_name_of_a_secret() {
    for (text, clean) in [
        ("failed: client_secret=hunter2", "failed: client_secret=‹hidden, 7 characters›"),
        (
            "bad request {\"client_secret\":\"hunter2\", \"n\": 1}",
            "bad request {\"client_secret\":\"‹hidden, 7 characters›\", \"n\": 1}",
        ),
        ("bad {'user_password': ['a b', 'c']}", "bad {'user_password': ‹hidden, 12 characters›}"),
        (
            "refused: grant_type=password&password=xyz, 3 times",
            "refused: grant_type=password&password=‹hidden, 3 characters›, 3 times",
        ),
        // A form's value may contain spaces, so it extends to its end.
        (
            "grant_type=password&password=xyz was refused",
            "grant_type=password&password=‹hidden, 15 characters›",
        ),
        ("\u{feff}{\"otp\":\"xyz\"}", "\u{feff}{\"otp\":\"‹hidden, 3 characters›\"}"),
        ("got refresh_token = `xyz` twice", "got refresh_token = `‹hidden, 3 characters›` twice"),
        (
            "got refresh_token = xyz, id_token=abc.",
            "got refresh_token = ‹hidden, 3 characters›, id_token=‹hidden, 4 characters›",
        ),
        (
            "see https://h.test/?scope=a&password=b and password=https://u:p@h.test/?a=b&c=d there",
            "see https://h.test/?scope=a&password=‹hidden, 1 characters› and password=‹hidden, 23 characters›&c=d there",
        ),
        ("so password= https://h.test/?a=b&c=d there", "so password= ‹hidden, 23 characters› there"),
        ("a user[password]=xyz b", "a user[password]=‹hidden, 3 characters› b"),
    ] {
        let raw = serde_json::json!({ "outcome": { "reason": text } }).to_string();
        let expected = serde_json::json!({ "outcome": { "reason": clean } }).to_string();
        assert_eq!(cleaned(&raw), expected);
        assert_eq!(cleaned(&expected), expected, "once is enough");
    }
    let twice = event(r#"{"x":"\"client_secret=a b ,\""}"#).unwrap();
    assert_eq!(twice.text, r#"{"x":"\"client_secret=‹hidden, 4 characters›,\""}"#);
    assert_eq!((event(&twice.text), hidden(&twice.text)), (None, 1));
    let odd = event(r#"{"x":"\"x\"{\"token\":client_secret=:"}"#).unwrap();
    assert_eq!((odd.hidden, hidden(&odd.text)), (1, 1), "{}", odd.text);
    for text in [
        "error code=401 for state=ACTIVE",
        "token=expired, secret=none and {\"code\": 401, \"token\":\"bad\"}",
        "grant_type=password was refused; code: 401; the password: too short",
        "Password = null",
        "what? is = best & password",
    ] {
        let raw = serde_json::json!({ "outcome": { "reason": text } }).to_string();
        assert_eq!(event(&raw), None, "{raw}");
    }
}

#[test]
fn a_user_without_a_scheme_and_a_state_behind_a_map_are_hidden() {
    for (raw, clean) in [
        (
            r#"{"debugContext":{"debugData":{"redirectUri":"//ada:hunter2@h.test/cb"}}}"#,
            r#"{"debugContext":{"debugData":{"redirectUri":"//‹hidden, 11 characters›@h.test/cb"}}}"#,
        ),
        (r#"{"x":"://u:p@h"}"#, r#"{"x":"://‹hidden, 3 characters›@h"}"#),
        (
            r#"{"geographicalContext":{"city":"x"},"state":"s3cr3t"}"#,
            r#"{"geographicalContext":{"city":"x"},"state":"‹hidden, 6 characters›"}"#,
        ),
    ] {
        assert_eq!(cleaned(raw), clean);
    }
}

#[test]
fn the_id_of_a_target_that_is_a_code_is_hidden() {
    for kind in ["code", "interaction_code", "Interaction-Code", "c\\u006fde"] {
        let raw = format!(
            r#"{{"target":[{{"id":"xyz","displayName":"xyz","type":"{kind}","alternateId":"other"}},{{"id":"xyz","type":"User"}}]}}"#
        );
        let clean = cleaned(&raw);
        assert!(
            clean.starts_with(
                r#"{"target":[{"id":"‹hidden, 3 characters›","displayName":"‹hidden, 3 characters›""#
            ),
            "{clean}"
        );
        assert!(clean.ends_with(r#""alternateId":"other"},{"id":"xyz","type":"User"}]}"#), "{clean}");
    }
}

#[test]
fn damaged_records_lose_their_secrets_too() {
    for record in [
        r#"{"client_secret":"canary"#,
        r#"{"a":"b"c","client_secret":"canary"}"#,
        r#"x "{\"client_secret\":\"canary\"}""#,
        r#"x {"\u0063lient_secret":"canary"}"#,
        "client_secret=canary&x=y",
        "client%5Fsecret=canary",
        "%7B%22token%22%3A%22canary%22%7D",
        "GET /cb?code=canary HTTP/1.1\nAuthorization: Basic canary\nCookie: sid=canary\n",
        "<a href='https://u:canary@h.test/'>",
        "password: canary",
        "{'password': 'canary'}",
        r#"{"uuid":7,"token":["canary"]}"#,
    ] {
        let clean = String::from_utf8(super::record(record.as_bytes()).into_owned()).unwrap();
        assert!(!clean.contains("canary") && clean.contains("‹hidden, "), "{record} became {clean}");
        assert_eq!(super::record(clean.as_bytes()), clean.as_bytes(), "once is enough");
    }
    let bytes = b"\xff\xfe{\"password\":\"ca\xffnary\",\"x\":\"\xfe\"}";
    let clean = super::record(bytes);
    assert!(
        clean.starts_with(b"\xff\xfe{\"password\":\"\xe2\x80\xb9hidden")
            && clean.ends_with(b"\"x\":\"\xfe\"}")
    );
    for harmless in [
        "7",
        "{}",
        "not json at all",
        r#"{"geographicalContext":{"city":"x","state":"Texas"}}"#,
        "[1,2",
        "a: b",
    ] {
        assert_eq!(super::record(harmless.as_bytes()), harmless.as_bytes());
    }
}

#[test]
fn headers_lose_what_opens_something() {
    for (line, clean) in [
        ("X-Api-Key: xyz", "X-Api-Key: ‹hidden, 3 characters›"),
        ("X-Auth-Token:xyz", "X-Auth-Token:‹hidden, 3 characters›"),
        ("Referer: https://h.test/?code=xyz", "Referer: https://h.test/?code=‹hidden, 3 characters›"),
        ("X-Original-Url: /hook?key=xyz", "X-Original-Url: /hook?key=‹hidden, 3 characters›"),
    ] {
        assert_eq!(header(line), clean);
    }
    for line in
        ["Content-Type: application/json; charset=utf-8", "Host: h.test:8787", "no header", "Accept: */*"]
    {
        assert_eq!(header(line), line);
    }
}

#[test]
fn what_is_hidden_is_counted_again_from_the_text() {
    let raw = r#"{"a":{"token":"x","url":"/p?a=1&scope=s&b=2#c=3"},"b":"{\"otp\":5}","name":"‹hidden, 3 characters›"}"#;
    let clean = event(raw).unwrap();
    assert_eq!((clean.hidden, hidden(&clean.text), hidden(raw)), (5, 5, 0));
    assert_eq!(event(&clean.text), None);
}

/// An independent check for JSON that serde parses: returns whether two values differ only where they may.
fn differs_in_marks_alone(before: &serde_json::Value, after: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Object, String as Text};
    match (before, after) {
        (_, Text(after)) if after.contains("‹hidden, ") => true,
        (Array(before), Array(after)) => {
            before.len() == after.len() && before.iter().zip(after).all(|(b, a)| differs_in_marks_alone(b, a))
        }
        (Object(before), Object(after)) => {
            before.len() == after.len()
                && before.iter().all(|(key, value)| {
                    after.get(key).is_some_and(|after| differs_in_marks_alone(value, after))
                })
        }
        _ => before == after,
    }
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("client_secret"),
        Just("="),
        Just("&"),
        Just("?"),
        Just("#"),
        Just("code"),
        Just("https://"),
        Just("u:p@"),
        Just("//u:p@"),
        Just("{\"token\":"),
        Just("\"x\""),
        Just("}"),
        Just("["),
        Just("{"),
        Just("\""),
        Just("%22"),
        Just("%7B"),
        Just("%"),
        Just("\\"),
        Just("\\u0061"),
        Just(" "),
        Just("'"),
        Just(":"),
        Just(","),
        Just("scope"),
        Just("redirect_uri="),
        Just("‹hidden, 3 characters›"),
        Just("‹hidden"),
        Just("ü"),
        Just("/"),
        Just("state"),
        Just("12"),
        Just(";"),
        Just("null"),
        Just("******"),
        Just("type"),
        Just("\u{1}"),
    ];
    prop_oneof![
        proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat()),
        "[ -~]{0,20}",
        any::<String>(),
    ]
}

fn values() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        texts().prop_map(serde_json::Value::from),
        any::<i32>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let key = prop_oneof![
            1 => Just("token".to_owned()),
            // Which strings the first check passes on depends on it.
            3 => Just("url".to_owned()),
            1 => Just("state".to_owned()),
            1 => Just("geographicalContext".to_owned()),
            1 => Just("type".to_owned()),
            1 => Just("id".to_owned()),
            1 => Just("displayName".to_owned()),
            1 => Just("pass_word".to_owned()),
            1 => texts(),
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            proptest::collection::vec((key, inner.clone()), 0..5)
                .prop_map(|members| members.into_iter().collect()),
            // JSON inside a string.
            inner.prop_map(|value| serde_json::Value::from(value.to_string())),
        ]
    })
}

#[test]
fn a_user_of_a_url_that_looks_like_a_secret_s_value_is_counted_again() {
    // The part before the `@`, the `@` and the secret after it are all hidden.
    let once = event(r#"{"url":"https://code=u:p@"}"#).unwrap();
    assert_eq!(once.text, r#"{"url":"https://‹hidden, 9 characters›"}"#);
    assert_eq!((once.hidden, hidden(&once.text), event(&once.text)), (1, 1, None));
}

proptest! {
    #[test]
    fn a_clean_event_is_json_and_differs_in_marks_alone(value in values()) {
        let raw = value.to_string();
        let clean = cleaned(&raw);
        let after: serde_json::Value = serde_json::from_str(&clean).expect("it is JSON still");
        prop_assert!(differs_in_marks_alone(&value, &after), "{raw} became {clean}");
    }

    #[test]
    fn hiding_twice_changes_nothing_more(value in values()) {
        let raw = value.to_string();
        let Some(once) = event(&raw) else { return Ok(()) };
        prop_assert_eq!(event(&once.text), None, "{} became {}", raw, once.text);
        prop_assert_eq!(hidden(&once.text), once.hidden);
    }

    #[test]
    fn the_first_look_finds_all_that_the_walk_finds(value in values(), pretty in any::<bool>()) {
        let raw = if pretty { serde_json::to_string_pretty(&value).unwrap() } else { value.to_string() };
        let mut all = Vec::new();
        walk::json(raw.as_bytes(), 0, super::text::value, &mut all);
        prop_assert_eq!(edits(&raw), edit::settled(all), "{}", raw);
    }

    #[test]
    fn a_planted_secret_is_gone_wherever_it_stands(
        before in values(),
        key in prop_oneof![Just("client_secret"), Just("authCode"), Just("proxy-password"), Just("State"), Just("state"), Just("otp")],
        depth in 0_usize..4,
        form in 0..5,
    ) {
        const CANARY: &str = "CANARYq7x";
        let mut planted = match form {
            0 => serde_json::json!({ "x": format!("https://h.test/p?scope=s&{key}={CANARY}") }),
            1 => serde_json::json!({ "x": format!("it said client_secret={CANARY} there") }),
            2 => serde_json::json!({ "x": format!("it said {{\"password\": \"{CANARY}\"}}") }),
            3 => serde_json::json!({ "geographicalContext": { "b": before }, key: CANARY }),
            _ => serde_json::json!({ key: CANARY, "b": before }),
        };
        for level in 0..depth {
            planted = if level % 2 == 0 {
                serde_json::json!({ "data": planted.to_string() })
            } else {
                serde_json::json!([before, planted])
            };
        }
        let clean = cleaned(&planted.to_string());
        prop_assert!(!clean.contains(CANARY), "{clean}");
        let whole = planted.to_string();
        let cut = whole.floor_char_boundary(whole.len() * 9 / 10);
        let damaged = record(whole.as_bytes().get(..cut).unwrap()).into_owned();
        prop_assert!(memchr::memmem::find(&damaged, CANARY.as_bytes()).is_none(), "{}", String::from_utf8_lossy(&damaged));
    }

    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in texts()) {
        drop(record(&bytes));
        drop(super::text(&text));
        drop(header(&text));
        drop(event(&text));
    }
}
