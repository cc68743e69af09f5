//! Tests each rule of the token endpoint.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::super::jws::encoded;
use super::super::{AdminRole, Plan, SimError, SimFault, SimOrg, SimServiceApp};
use super::rig::{CLIENT, FORM, Key, Service, app, denied, form, is, over, text, token};
use super::{ASSERTION_TYPE, MAX_FORM, TOKEN};

#[tokio::test]
async fn every_algorithm_opens_the_log() {
    for (key, as_pem) in [
        (Key::rsa("RS256"), true),
        (Key::rsa("RS384"), false),
        (Key::rsa("RS512"), false),
        (Key::ec("ES256"), true),
        (Key::ec("ES384"), true),
        (Key::ec("ES512"), true),
        (Key::ec("ES512"), false),
    ] {
        let app = app(&if as_pem { key.pem() } else { key.jwk.to_string() });
        let alg = key.alg;
        let mut service = Service::with(key, app, Plan::default()).await;
        let reply = service.plain("okta.logs.read").await;
        assert_eq!(reply.status, 200, "{alg}: {}", reply.body);
        let answer = reply.json();
        assert_eq!(
            (answer["token_type"].as_str(), answer["expires_in"].as_i64()),
            (Some("Bearer"), Some(3600))
        );
        assert_eq!(answer["scope"], "okta.logs.read");
        assert!(text(&reply, "cache-control").contains("no-store"));
        assert!(reply.headers.contains_key("x-okta-request-id") && !reply.headers.contains_key("dpop-nonce"));
        assert_eq!((reply.header("x-rate-limit-limit"), reply.header("x-rate-limit-remaining")), (600, 599));
        let page = service.get("/api/v1/logs", &format!("Bearer {}", token(&reply)), &[]).await;
        assert_eq!(page.status, 200);
        // The same key may also sign DPoP proofs.
        service.proof = if alg.starts_with("RS") { Key::rsa(alg) } else { Key::ec(alg) };
        let bound = service.bound("okta.logs.read").await;
        let page = service.read("/api/v1/logs?limit=1", &bound, &json!({}), &json!({})).await;
        assert_eq!(page.status, 200, "{alg}: {}", page.body);
    }
}

#[tokio::test]
async fn an_assertion_is_checked_in_every_part() {
    let service = Service::new(&["okta.logs.read"], AdminRole::ReadOnly, false).await;
    let now = service.now();
    let org = service.rig.org.url();
    for (header, claims) in [
        (json!({ "kid": "kid-2" }), json!({})),
        (json!({ "kid": null }), json!({})),
        (json!({ "alg": "none" }), json!({})),
        (json!({ "alg": "HS256" }), json!({})),
        (json!({ "alg": "ES384" }), json!({})),
        (json!({ "alg": "RS256" }), json!({})),
        (json!({ "crit": ["b64"] }), json!({})),
        (json!({}), json!({ "iss": "0oaANOTHERAPPAAAA1d7" })),
        (json!({}), json!({ "iss": null })),
        (json!({}), json!({ "sub": null })),
        (json!({}), json!({ "aud": null })),
        (json!({}), json!({ "aud": org })),
        (json!({}), json!({ "aud": format!("{org}//oauth2/v1/token") })),
        (json!({}), json!({ "aud": "https://example.okta.com/oauth2/v1/token" })),
        (json!({}), json!({ "exp": null })),
        (json!({}), json!({ "exp": "soon" })),
        (json!({}), json!({ "exp": now })),
        (json!({}), json!({ "exp": now + 3601 })),
        (json!({}), json!({ "iat": now + 1 })),
        (json!({}), json!({ "iat": "now" })),
        (json!({}), json!({ "jti": 5 })),
    ] {
        let reply = service.ask("okta.logs.read", &service.assertion(&header, &claims), &[]).await;
        assert_eq!(denied(&reply), is(401, "invalid_client"), "{header} {claims}");
        assert!(reply.json()["error_description"].is_string());
    }
    for claims in [json!({ "exp": now + 3600, "iat": null }), json!({ "jti": null, "aud": [service.url()] })]
    {
        let assertion = service.assertion(&json!({}), &claims);
        assert_eq!(service.ask("okta.logs.read", &assertion, &[]).await.status, 200, "{claims}");
    }
    let stranger = Key::ec("ES256");
    let claims = json!({ "iss": CLIENT, "sub": CLIENT, "aud": service.url(), "exp": now + 60 });
    let forged = stranger.sign(&json!({ "alg": "ES256", "kid": "kid-1" }), &claims);
    let good = service.assertion(&json!({}), &json!({}));
    let cut = good.rsplit_once('.').unwrap().0;
    for broken in [forged.as_str(), cut, "", "a.b.c", &format!("{cut}.AAAA"), &format!("{good}.x")] {
        assert_eq!(
            denied(&service.ask("okta.logs.read", broken, &[]).await),
            is(401, "invalid_client"),
            "{broken}"
        );
    }
    // A valid assertion works once.
    assert_eq!(service.ask("okta.logs.read", &good, &[]).await.status, 200);
    assert_eq!(denied(&service.ask("okta.logs.read", &good, &[]).await), is(401, "invalid_client"));
}

#[tokio::test]
async fn an_unknown_client_is_refused_in_the_other_shape() {
    let service = Service::new(&["okta.logs.read"], AdminRole::ReadOnly, false).await;
    let other = json!({ "iss": "0oaNOSUCHAPPAAAAA1d7", "sub": "0oaNOSUCHAPPAAAAA1d7" });
    let reply = service.ask("okta.logs.read", &service.assertion(&json!({}), &other), &[]).await;
    assert_eq!((reply.status, reply.code().as_str()), (401, "invalid_client"));
    assert!(reply.json()["errorId"].is_string() && reply.json().get("error").is_none());
}

#[tokio::test]
async fn a_form_is_checked() {
    let service = Service::new(&["okta.logs.read"], AdminRole::ReadOnly, false).await;
    let post = async |change: &[(&str, Option<&str>)], kind: &str| {
        let assertion = service.assertion(&json!({}), &json!({}));
        let mut pairs = vec![
            ("grant_type", "client_credentials"),
            ("scope", "okta.logs.read"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ];
        for (name, value) in change {
            match value {
                Some(value) => pairs.push((name, value)),
                None => pairs.retain(|(other, _)| other != name),
            }
        }
        service.post(form(&pairs), kind, &[]).await
    };
    let replaced = |name, value| [(name, None), (name, Some(value))];
    assert_eq!(post(&[], "Application/X-WWW-Form-Urlencoded; charset=utf-8").await.status, 200);
    assert_eq!(post(&[("client_id", Some(CLIENT))], FORM).await.status, 200);
    let wrong_type = post(&[], "application/json").await;
    assert_eq!((wrong_type.status, wrong_type.code().as_str()), (400, "E0000021"));
    for (reply, wanted) in [
        (post(&[("grant_type", None)], FORM).await, is(400, "invalid_request")),
        (post(&[("scope", Some("okta.apps.read"))], FORM).await, is(400, "invalid_request")),
        (post(&[("more", Some(&"x".repeat(MAX_FORM)))], FORM).await, is(400, "invalid_request")),
        (post(&replaced("grant_type", "password"), FORM).await, is(400, "unsupported_grant_type")),
        (post(&[("client_assertion", None)], FORM).await, is(401, "invalid_client")),
        (post(&replaced("client_assertion_type", "jwt"), FORM).await, is(401, "invalid_client")),
        (post(&[("client_id", Some("0oaANOTHERAPPAAAA1d7"))], FORM).await, is(401, "invalid_client")),
    ] {
        assert_eq!(denied(&reply), wanted, "{}", reply.body);
    }
    let got = service.rig.get(TOKEN).await;
    assert_eq!((got.status, got.code().as_str()), (405, "E0000022"));
}

#[tokio::test]
async fn scopes_are_narrowed_without_a_word_or_refused() {
    let service = Service::new(&["okta.logs.read", "okta.apps.read"], AdminRole::ReadOnly, false).await;
    let reply = service.plain("okta.users.read okta.apps.read okta.logs.read okta.apps.read").await;
    assert_eq!(reply.json()["scope"], "okta.apps.read okta.logs.read");
    assert_eq!(denied(&service.plain("okta.users.read").await), is(400, "consent_required"));
    for scope in
        ["", "openid okta.logs.read", "okta.grants.read", "okta.logs.manage", "okta.nothing.read", "x"]
    {
        assert_eq!(denied(&service.plain(scope).await), is(400, "invalid_scope"), "{scope}");
    }
    service.rig.org.fail_next(SimFault::NarrowedScope, 1);
    let both = "okta.logs.read okta.apps.read";
    assert_eq!(service.plain(both).await.json()["scope"], "okta.logs.read");
    assert_eq!(service.plain(both).await.json()["scope"], both);
}

#[tokio::test]
async fn an_app_that_must_prove_itself_goes_through_the_handshake() {
    let service = Service::new(&["okta.logs.read"], AdminRole::ReadOnly, true).await;
    let plain = service.plain("okta.logs.read").await;
    assert_eq!(denied(&plain), is(400, "invalid_dpop_proof"));
    assert_eq!(plain.json()["error_description"], "The DPoP proof JWT header is missing.");
    let first = service.proven("okta.logs.read", &json!({})).await;
    assert_eq!(denied(&first), is(400, "use_dpop_nonce"));
    assert_eq!(first.json()["error_description"], "Authorization server requires nonce in DPoP proof.");
    let nonce = text(&first, "dpop-nonce");
    let again = service.proven("okta.logs.read", &json!({ "nonce": "another" })).await;
    assert_eq!((denied(&again), text(&again, "dpop-nonce")), (is(400, "use_dpop_nonce"), nonce.clone()));
    let reply = service.proven("okta.logs.read", &json!({ "nonce": nonce })).await;
    assert_eq!(reply.json()["token_type"], "DPoP", "{}", reply.body);
    assert_eq!(text(&reply, "dpop-nonce"), "");

    // After a day there is a newer nonce, which is sent with the answer to the older one.
    service.rig.clock.advance(Duration::from_hours(25));
    let reply = service.proven("okta.logs.read", &json!({ "nonce": nonce })).await;
    let newer = text(&reply, "dpop-nonce");
    assert!(reply.status == 200 && !newer.is_empty() && newer != nonce);
    service.rig.clock.advance(Duration::from_hours(48));
    let late = service.proven("okta.logs.read", &json!({ "nonce": nonce })).await;
    assert_eq!(denied(&late), is(400, "use_dpop_nonce"));
    assert_eq!(service.proven("okta.logs.read", &json!({ "nonce": newer })).await.status, 200);

    service.rig.org.fail_next(SimFault::BadNonce, 1);
    let nonce = text(&late, "dpop-nonce");
    let refused = service.proven("okta.logs.read", &json!({ "nonce": nonce })).await;
    assert_eq!(denied(&refused), is(400, "use_dpop_nonce"));
    let newest = text(&refused, "dpop-nonce");
    assert_ne!(newest, nonce);
    assert_eq!(service.proven("okta.logs.read", &json!({ "nonce": newest })).await.status, 200);
}

#[tokio::test]
async fn a_proof_is_checked_in_every_part() {
    let service = Service::new(&["okta.logs.read"], AdminRole::ReadOnly, false).await;
    let nonce = text(&service.proven("okta.logs.read", &json!({})).await, "dpop-nonce");
    let (now, url) = (service.now(), service.url());
    let private = over(service.proof.jwk.clone(), &json!({ "d": "AAAA" }));
    for (header, claims) in [
        (json!({ "typ": "JWT" }), json!({})),
        (json!({ "typ": null }), json!({})),
        (json!({ "alg": "HS256" }), json!({})),
        (json!({ "alg": "ES384" }), json!({})),
        (json!({ "jwk": null }), json!({})),
        (json!({ "jwk": private }), json!({})),
        (json!({ "jwk": { "kty": "oct", "k": "AAAA" } }), json!({})),
        (json!({ "jwk": service.key.jwk }), json!({})),
        (json!({}), json!({ "htm": "GET" })),
        (json!({}), json!({ "htm": null })),
        (json!({}), json!({ "htu": format!("{url}?a=1") })),
        (json!({}), json!({ "htu": url.replace("/oauth2", "//oauth2") })),
        (json!({}), json!({ "htu": "https://example.okta.com/oauth2/v1/token" })),
        (json!({}), json!({ "htu": null })),
        (json!({}), json!({ "iat": now + 1 })),
        (json!({}), json!({ "iat": now - 301 })),
        (json!({}), json!({ "iat": null })),
        (json!({}), json!({ "jti": null })),
        (json!({}), json!({ "jti": "" })),
    ] {
        let proof = service.prove(&header, &over(claims.clone(), &json!({ "nonce": nonce })));
        let reply =
            service.ask("okta.logs.read", &service.assertion(&json!({}), &json!({})), &[&proof]).await;
        assert_eq!(denied(&reply), is(400, "invalid_dpop_proof"), "{header} {claims}");
    }
    let good = service.prove(&json!({}), &json!({ "nonce": nonce, "iat": now - 300 }));
    let assertion = || service.assertion(&json!({}), &json!({}));
    let two = service.ask("okta.logs.read", &assertion(), &[&good, &good]).await;
    assert_eq!(denied(&two), is(400, "invalid_dpop_proof"));
    assert_eq!(service.ask("okta.logs.read", &assertion(), &[&good]).await.json()["token_type"], "DPoP");
    let reused = service.ask("okta.logs.read", &assertion(), &[&good]).await;
    assert_eq!(denied(&reused), is(400, "invalid_dpop_proof"));
    // A proof and an assertion that were sent without a nonce are used up as well.
    let (proof, spent) = (service.prove(&json!({}), &json!({})), assertion());
    assert_eq!(denied(&service.ask("okta.logs.read", &spent, &[&proof]).await), is(400, "use_dpop_nonce"));
    assert_eq!(denied(&service.ask("okta.logs.read", &spent, &[&proof]).await), is(401, "invalid_client"));
}

#[tokio::test]
async fn faults_reach_the_token_endpoint() {
    let service = Service::new(&["okta.logs.read"], AdminRole::ReadOnly, false).await;
    let org = &service.rig.org;
    org.switch(SimFault::TokenEndpointDown, true);
    let down = service.plain("okta.logs.read").await;
    assert_eq!((down.status, down.code().as_str()), (500, "E0000009"));
    assert_eq!(service.rig.logs("limit=1").await.status, 200);
    org.switch(SimFault::TokenEndpointDown, false);

    org.switch(SimFault::LoginPage, true);
    for reply in [service.plain("okta.logs.read").await, service.rig.get("/api/v1/apps").await] {
        assert!(reply.status == 200 && reply.body.contains("<form"));
        assert!(text(&reply, "content-type").starts_with("text/html"));
    }
    org.switch(SimFault::LoginPage, false);

    // An assertion valid for five minutes has expired for a clock that is ten minutes ahead.
    org.switch(SimFault::ClockSkew, true);
    let late = service.plain("okta.logs.read").await;
    assert_eq!(denied(&late), is(401, "invalid_client"));
    assert_eq!(text(&late, "date"), "Wed, 04 Mar 2026 09:25:27 GMT");
    let ahead = service.now() + 600;
    let assertion = || service.assertion(&json!({}), &json!({ "iat": ahead, "exp": ahead + 300 }));
    assert_eq!(service.ask("okta.logs.read", &assertion(), &[]).await.status, 200);
    let old = service.ask("okta.logs.read", &assertion(), &[&service.prove(&json!({}), &json!({}))]).await;
    assert_eq!(denied(&old), is(400, "invalid_dpop_proof"));
    let good = service.prove(&json!({}), &json!({ "iat": ahead }));
    let reply = service.ask("okta.logs.read", &assertion(), &[&good]).await;
    assert_eq!(denied(&reply), is(400, "use_dpop_nonce"));
    org.switch(SimFault::ClockSkew, false);

    for _ in 0..600 {
        service.post(String::new(), FORM, &[]).await;
    }
    let many = service.plain("okta.logs.read").await;
    assert_eq!((many.status, many.code().as_str()), (429, "E0000047"));
}

#[tokio::test]
async fn an_app_is_refused_for_reasons_of_the_org() {
    let service = Service::new(&["okta.logs.read"], AdminRole::ReadOnly, true).await;
    let token = service.bound("okta.logs.read").await;
    let org = &service.rig.org;
    for (fault, wanted) in [
        (SimFault::AppDeactivated, is(401, "invalid_client")),
        (SimFault::ZoneDenied, is(403, "access_denied")),
    ] {
        org.fail_next(fault, 1);
        assert_eq!(denied(&service.proven("okta.logs.read", &json!({})).await), wanted);
    }
    // Tokens issued before stay valid.
    assert_eq!(service.read("/api/v1/logs", &token, &json!({}), &json!({})).await.status, 200);
    org.switch(SimFault::NonceLoop, true);
    let mut nonces = BTreeSet::new();
    let mut nonce = json!({});
    for _ in 0..3 {
        let reply = service.proven("okta.logs.read", &nonce).await;
        assert_eq!(denied(&reply), is(400, "use_dpop_nonce"));
        let given = text(&reply, "dpop-nonce");
        nonce = json!({ "nonce": given });
        nonces.insert(given);
    }
    assert_eq!(nonces.len(), 3);
}

#[test]
fn a_key_is_read_as_people_have_it() {
    let mut jwk = Key::ec("ES256").jwk;
    let public = jwk.to_string();
    jwk["d"] = "hush".into();
    assert_eq!(SimServiceApp::read_key(&jwk.to_string(), None), Ok((public.clone(), None)));
    assert_eq!(SimServiceApp::read_key("-----BEGIN", None), Ok(("-----BEGIN".to_owned(), None)));
    jwk["kid"] = "b".into();
    let set = json!({ "keys": [{ "kid": "a" }, jwk] }).to_string();
    let (key, own_id) = SimServiceApp::read_key(&set, Some("b")).unwrap();
    assert!(!key.contains("hush") && own_id.as_deref() == Some("b"));
    assert!(SimServiceApp::read_key(&set, None).unwrap_err().contains("more than one"));
    assert!(
        SimServiceApp::read_key(&set, Some("c")).is_err()
            && SimServiceApp::read_key(r#"{"keys":[]}"#, None).is_err()
    );
}

#[tokio::test]
async fn an_app_that_cannot_be_is_refused() {
    let key = Key::ec("ES256");
    let good = app(&key.pem());
    let private = over(key.jwk.clone(), &json!({ "d": "AAAA" })).to_string();
    let off_curve = over(key.jwk.clone(), &json!({ "crv": "P-384" })).to_string();
    let short = json!({ "kty": "RSA", "n": encoded(&[255; 128]), "e": "AQAB" }).to_string();
    let scope = |scope: &str| SimServiceApp { scopes: vec![scope.to_owned()], ..good.clone() };
    let tasks = crate::tasks::Tasks::new();
    let clock = crate::clock::Clock::manual(jiff::Timestamp::UNIX_EPOCH);
    for apps in [
        vec![SimServiceApp { client_id: String::new(), ..good.clone() }],
        vec![SimServiceApp { key_id: String::new(), ..good.clone() }],
        vec![good.clone(), good.clone()],
        vec![scope("okta.logs.manage")],
        vec![scope("openid")],
        vec![app("")],
        vec![app("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")],
        vec![app("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")],
        vec![app(&private)],
        vec![app(&off_curve)],
        vec![app(&short)],
        vec![app(&"x".repeat(20_000))],
    ] {
        let plan = Plan { apps, ..Plan::default() };
        let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let refused = SimOrg::start(listen, plan, &clock, &tasks).await;
        assert!(matches!(refused, Err(SimError::BadApp { .. })));
    }
    for word in AdminRole::WORDS {
        assert_eq!(AdminRole::from_word(word).map(AdminRole::word), Some(word));
    }
}
