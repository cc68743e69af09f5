use super::*;
use serde_json::Value;

const UP: Duration = Duration::from_secs(100);

fn at() -> Timestamp {
    "2026-03-04T09:15:00Z".parse().unwrap()
}

fn session(dpop: Dpop, scopes: &[&str]) -> Session {
    let (org, _) = OrgUrl::parse("https://example.okta.com").unwrap();
    let app = ServiceApp {
        client_id: "0oaDDDDDDDDDDDDDD1d7".to_owned(),
        key: std::sync::Arc::new(SigningKey::generate()),
        key_id: Some("registered".to_owned()),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        dpop,
    };
    Session::new(app, &org)
}

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    Reply { status, headers: headers.iter().copied().collect(), body: body.as_bytes().to_vec() }
}

fn token(kind: &str, scope: &str) -> Reply {
    let body =
        format!(r#"{{"token_type":"{kind}","expires_in":3600,"access_token":"tok-en","scope":"{scope}"}}"#);
    reply(200, &[], &body)
}

fn refusal(status: u16, code: &str) -> Reply {
    reply(status, &[], &format!(r#"{{"error":"{code}","error_description":"x"}}"#))
}

fn part(token: &Secret, at: usize) -> Value {
    let part = token.reveal().split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Returns the header and the claims of the assertion in a request.
fn assertion(request: &TokenRequest) -> (Value, Value) {
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(request.form.reveal().as_bytes()).into_owned().collect();
    let text = Secret::new(pairs.iter().find(|(name, _)| name == "client_assertion").unwrap().1.clone());
    (part(&text, 0), part(&text, 1))
}

fn scope_of(request: &TokenRequest) -> String {
    let pairs = url::form_urlencoded::parse(request.form.reveal().as_bytes());
    pairs.into_owned().find(|(name, _)| name == "scope").unwrap().1
}

fn ask(session: &mut Session) -> TokenRequest {
    session.step(at(), UP).expect("a token is needed")
}

#[test]
fn an_assertion_says_what_okta_wants_and_never_the_same_twice() {
    let mut session = session(Dpop::Auto, &["okta.logs.read", "okta.apps.read"]);
    let (one, two) = (ask(&mut session), ask(&mut session));
    assert_eq!(one.url, "https://example.okta.com/oauth2/v1/token");
    assert!(one.proof.is_none());
    assert_eq!(scope_of(&one), "okta.logs.read okta.apps.read");
    let (header, claims) = assertion(&one);
    assert_eq!((header["alg"].as_str(), header["kid"].as_str()), (Some("ES256"), Some("registered")));
    assert_eq!(claims["iss"], "0oaDDDDDDDDDDDDDD1d7");
    assert_eq!((&claims["sub"], &claims["aud"]), (&claims["iss"], &one.url.as_str().into()));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 300);
    assert_eq!(claims["iat"], at().as_second());
    assert_ne!(claims["jti"], assertion(&two).1["jti"]);
}

#[test]
fn a_token_is_used_until_four_fifths_of_its_life() {
    let mut session = session(Dpop::Auto, &["okta.logs.read"]);
    assert!(session.headers("GET", "https://example.okta.com/x", at()).is_empty());
    ask(&mut session);
    session.take(at(), UP, &token("Bearer", "okta.logs.read")).unwrap();
    assert!(session.step(at(), UP + Duration::from_secs(2879)).is_none());
    let headers = session.headers("GET", "https://example.okta.com/x", at());
    assert_eq!(headers, [("authorization", Secret::new("Bearer tok-en"))]);
    let late = UP + Duration::from_mins(48);
    assert!(session.step(at(), late).is_some());
    // The old token is valid for a while, whatever the endpoint answers.
    session.take(at(), late, &reply(500, &[], "")).unwrap();
    assert!(session.step(at(), late).is_none() && !session.headers("GET", "x", at()).is_empty());
    let end = UP + Duration::from_hours(1);
    assert!(session.step(at(), end).is_some());
    assert_eq!(session.take(at(), end, &reply(500, &[], "")).unwrap_err().status, 500);
}

#[test]
fn dpop_is_learned_with_its_nonce_and_proves_each_request_anew() {
    let mut session = session(Dpop::Auto, &["okta.logs.read"]);
    ask(&mut session);
    session.take(at(), UP, &refusal(400, "invalid_dpop_proof")).unwrap();
    let first = ask(&mut session).proof.expect("a proof");
    assert_eq!(part(&first, 1).get("nonce"), None);
    let nonce = reply(400, &[("DPoP-Nonce", "n-1")], r#"{"error":"use_dpop_nonce"}"#);
    session.take(at(), UP, &nonce).unwrap();
    let second = ask(&mut session).proof.expect("a proof");
    let (header, claims) = (part(&second, 0), part(&second, 1));
    assert_eq!((header["typ"].as_str(), header["alg"].as_str()), (Some("dpop+jwt"), Some("ES256")));
    assert_eq!(header["jwk"], part(&first, 0)["jwk"]);
    assert_eq!((claims["htm"].as_str(), claims["nonce"].as_str()), (Some("POST"), Some("n-1")));
    assert_ne!(claims["jti"], part(&first, 1)["jti"]);
    session.take(at(), UP, &token("DPoP", "okta.logs.read")).unwrap();
    let headers = session.headers("GET", "https://example.okta.com/api/v1/logs?a=b#c", at());
    assert_eq!(headers[0], ("authorization", Secret::new("DPoP tok-en")));
    let claims = part(&headers[1].1, 1);
    assert_eq!(
        (claims["htm"].as_str(), claims["htu"].as_str()),
        (Some("GET"), Some("https://example.okta.com/api/v1/logs"))
    );
    // RFC 9449, section 4.2: base64url of the SHA-256 of the token, here of "tok-en".
    assert_eq!(claims["ath"].as_str().unwrap().len(), 43);
    assert!(!claims["ath"].as_str().unwrap().contains('='));
}

#[test]
fn no_lesson_is_taken_twice_in_one_sign_in() {
    for (status, code, headers) in [
        (400, "invalid_dpop_proof", &[][..]),
        (400, "use_dpop_nonce", &[("dpop-nonce", "n")][..]),
        (401, "invalid_client", &[("date", "Wed, 04 Mar 2026 09:45:00 GMT")][..]),
        (400, "consent_required", &[][..]),
    ] {
        let mut session = session(Dpop::Auto, &["okta.logs.read", "okta.apps.read"]);
        let answer = reply(status, headers, &format!(r#"{{"error":"{code}"}}"#));
        for round in 0..2 {
            let mut tries = 1;
            ask(&mut session);
            while session.take(at(), UP, &answer).is_ok() {
                tries += 1;
                assert!(tries < 5, "{code}");
                ask(&mut session);
            }
            assert!(tries == 2 || round == 1, "{code}: {tries}");
        }
    }
}

#[test]
fn a_nonce_that_is_stale_by_then_is_replaced_once() {
    let mut session = session(Dpop::Always, &["okta.logs.read"]);
    let stale = |nonce| reply(400, &[("dpop-nonce", nonce)], r#"{"error":"use_dpop_nonce"}"#);
    for nonce in ["n-1", "n-2"] {
        ask(&mut session);
        session.take(at(), UP, &stale(nonce)).unwrap();
        assert_eq!(part(&ask(&mut session).proof.expect("a proof"), 1)["nonce"], nonce);
    }
    assert!(session.take(at(), UP, &stale("n-3")).is_err());
}

#[test]
fn proofs_that_are_never_to_be_sent_are_not() {
    let mut session = session(Dpop::Never, &["okta.logs.read"]);
    ask(&mut session);
    let refusal = session.take(at(), UP, &refusal(400, "invalid_dpop_proof")).unwrap_err();
    assert!(refusal.fault(crate::report::Part::Poll).remedy.contains("org.oauth.dpop"));
    assert!(ask(&mut session).proof.is_none());
    // Without proofs a bound token could not be used.
    assert!(session.take(at(), UP, &token("DPoP", "okta.logs.read")).is_err());
}

#[test]
fn a_clock_that_is_off_is_corrected_by_okta_s_and_said() {
    let mut session = session(Dpop::Auto, &["okta.logs.read"]);
    ask(&mut session);
    let date = ("date", "Wed, 04 Mar 2026 09:25:00 GMT");
    session.take(at(), UP, &reply(401, &[date], r#"{"error":"invalid_client"}"#)).unwrap();
    assert_eq!(assertion(&ask(&mut session)).1["iat"], at().as_second() + 600);
    let notes = session.notes();
    assert!(notes[0].contains("600 s behind"), "{notes:?}");
    // The same clocks, measured again.
    for (date, note) in [("09:25:04", "600 s"), ("09:24:59", "599 s"), ("09:25:03", "599 s")] {
        let date = format!("Wed, 04 Mar 2026 {date} GMT");
        session.learn_from_call(at(), &reply(200, &[("date", &date)], ""), 0);
        assert!(session.notes()[0].contains(note), "{date}: {:?}", session.notes());
    }
    let near = ("date", "Wed, 04 Mar 2026 09:15:20 GMT");
    session.take(at(), UP, &reply(401, &[near], r#"{"error":"invalid_client"}"#)).unwrap_err();
    assert!(session.notes().is_empty());
}

#[test]
fn scopes_that_are_not_granted_are_named() {
    let mut narrowed = session(Dpop::Auto, &["okta.logs.read", "okta.apps.read", "okta.users.read"]);
    ask(&mut narrowed);
    narrowed.take(at(), UP, &token("Bearer", "okta.users.read okta.logs.read")).unwrap();
    assert!(
        narrowed.notes()[0].contains("scopes: okta.apps.read. The log can still be read"),
        "{:?}",
        narrowed.notes()
    );

    // One unknown scope costs all of them, so the core scope is requested alone.
    let mut refused = session(Dpop::Auto, &["okta.logs.read", "okta.nonsense.read"]);
    ask(&mut refused);
    refused.take(at(), UP, &refusal(400, "invalid_scope")).unwrap();
    assert_eq!(scope_of(&ask(&mut refused)), "okta.logs.read");
    refused.take(at(), UP, &token("Bearer", "okta.logs.read")).unwrap();
    assert!(refused.notes()[0].contains("these scopes: okta.nonsense.read."));
}

#[test]
fn a_token_that_died_is_replaced_once() {
    let mut session = session(Dpop::Auto, &["okta.logs.read"]);
    ask(&mut session);
    session.take(at(), UP, &token("Bearer", "okta.logs.read")).unwrap();
    let dead = reply(401, &[("www-authenticate", r#"Bearer error="invalid_token""#)], "");
    assert_eq!(
        session.learn_from_call(at(), &reply(401, &[], r#"{"errorCode":"E0000015"}"#), 1),
        Learned::Nothing
    );
    assert_eq!(session.learn_from_call(at(), &reply(403, &[], ""), 1), Learned::Nothing);
    assert_eq!(session.learn_from_call(at(), &dead, session.generation()), Learned::Again);
    assert!(session.step(at(), UP).is_some());
    assert_eq!(session.learn_from_call(at(), &dead, session.generation()), Learned::Nothing);
    // A call with a token that is gone is sent again with the current one.
    assert_eq!(session.learn_from_call(at(), &dead, session.generation() - 1), Learned::Again);
}

#[test]
fn an_answer_that_is_no_token_is_refused() {
    for body in [
        "",
        "<html>",
        "[]",
        "{}",
        r#"{"token_type":"Bearer"}"#,
        r#"{"token_type":"MAC","access_token":"a"}"#,
        r#"{"token_type":"Bearer","access_token":"a b"}"#,
        r#"{"token_type":"Bearer","access_token":"a\r\nX: y"}"#,
    ] {
        let mut session = session(Dpop::Auto, &["okta.logs.read"]);
        ask(&mut session);
        assert!(session.take(at(), UP, &reply(200, &[], body)).is_err(), "{body}");
    }
}

#[test]
fn nothing_of_a_session_is_shown() {
    let mut session = session(Dpop::Always, &["okta.logs.read"]);
    let request = ask(&mut session);
    session.take(at(), UP, &token("DPoP", "okta.logs.read")).unwrap();
    let shown = format!("{session:?} {request:?} {:?}", session.headers("GET", "x", at()));
    assert!(!shown.contains("tok-en") && !shown.contains("eyJ"), "{shown}");
    assert_eq!(session.redact("a tok-en b"), "a (hidden) b");
}
