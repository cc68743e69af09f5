//! Tests which paths a token may read, depending on its scopes, role and key.

use std::time::Duration;

use serde_json::json;

use super::super::jws::{encoded, sha256};
use super::super::oauth::rig::{Key, Service, denied, is, text, token};
use super::super::{AdminRole, SimFault};

const NEEDS: [(&str, &str); 7] = [
    ("/api/v1/logs?limit=1", "okta.logs.read"),
    ("/api/v1/authorizationServers", "okta.authorizationServers.read"),
    ("/api/v1/authorizationServers/default/scopes", "okta.authorizationServers.read"),
    ("/api/v1/apps", "okta.apps.read"),
    ("/api/v1/users/00uNOSUCHUSERAAAA1d7", "okta.users.read"),
    ("/api/v1/features", "okta.features.read"),
    ("/api/v1/eventHooks", "okta.eventHooks.read"),
];

#[tokio::test]
async fn each_resource_needs_its_scope_and_the_role() {
    let scopes = NEEDS.map(|(_, scope)| scope);
    for role in [AdminRole::None, AdminRole::ReadOnly, AdminRole::Super] {
        let service = Service::new(&scopes, role, false).await;
        for (path, scope) in NEEDS {
            let with = token(&service.plain(scope).await);
            let reply = service.get(path, &format!("Bearer {with}"), &[]).await;
            let covered =
                role == AdminRole::Super || (role == AdminRole::ReadOnly && scope != "okta.eventHooks.read");
            let found = if path.contains("NOSUCH") { 404 } else { 200 };
            assert_eq!(reply.status, if covered { found } else { 403 }, "{role:?} {path}");
            if !covered {
                assert_eq!(reply.code(), "E0000006");
            }
            let other = if scope == "okta.apps.read" { "okta.logs.read" } else { "okta.apps.read" };
            let without = token(&service.plain(other).await);
            let reply = service.get(path, &format!("bearer {without}"), &[]).await;
            assert_eq!((reply.status, reply.body.as_str()), (403, ""), "{path}");
            let challenge = text(&reply, "www-authenticate");
            let path = path.split('?').next().unwrap();
            for part in [
                "Bearer authorization_uri=\"http://",
                "error=\"insufficient_scope\"",
                &format!("scope=\"{scope}\""),
                &format!("resource=\"{path}\""),
            ] {
                assert!(challenge.contains(part), "{part}: {challenge}");
            }
        }
    }
}

#[tokio::test]
async fn a_dead_token_is_refused_with_an_empty_body() {
    let service = Service::new(&["okta.logs.read"], AdminRole::ReadOnly, false).await;
    let first = token(&service.plain("okta.logs.read").await);
    let status =
        async |token: &str| service.get("/api/v1/logs", &format!("Bearer {token}"), &[]).await.status;
    let unknown = service.get("/api/v1/logs", "Bearer demo-token", &[]).await;
    assert_eq!((unknown.status, unknown.body.as_str()), (401, ""));
    assert!(text(&unknown, "www-authenticate").contains("error=\"invalid_token\""));
    assert!(unknown.headers.contains_key("x-rate-limit-limit"));
    service.rig.clock.advance(Duration::from_secs(3599));
    assert_eq!(status(&first).await, 200);
    service.rig.clock.advance(Duration::from_secs(1));
    assert_eq!(status(&first).await, 401);

    let second = token(&service.plain("okta.logs.read").await);
    service.rig.org.switch(SimFault::TokenExpired, true);
    assert_eq!(status(&second).await, 401);
    let third = token(&service.plain("okta.logs.read").await);
    assert_eq!(status(&third).await, 200);
    service.rig.org.fail_next(SimFault::TokenExpired, 1);
    assert_eq!(status(&third).await, 401);
    let fourth = token(&service.plain("okta.logs.read").await);
    assert_eq!(status(&fourth).await, 200);

    service.rig.org.fail_next(SimFault::Unauthorized, 1);
    let forced = service.get("/api/v1/logs", &format!("Bearer {fourth}"), &[]).await;
    assert_eq!((forced.status, forced.body.as_str()), (401, ""));
    assert_eq!(service.rig.logs("limit=1").await.status, 200, "the API token is none of these");
}

#[tokio::test]
async fn a_bound_token_wants_its_key_with_every_request() {
    let mut service = Service::new(&["okta.logs.read"], AdminRole::ReadOnly, true).await;
    let bound = service.bound("okta.logs.read").await;
    let logs = "/api/v1/logs?limit=1";
    assert_eq!(service.read(logs, &bound, &json!({}), &json!({ "nonce": "any" })).await.status, 200);

    let as_bearer = service.get(logs, &format!("Bearer {bound}"), &[]).await;
    assert_eq!(denied(&as_bearer), is(400, "dpop_authentication_scheme_required"));
    let challenge = text(&as_bearer, "www-authenticate");
    assert!(challenge.starts_with("DPoP algs=\"RS256 RS384 RS512 ES256 ES384 ES512\", "), "{challenge}");
    assert!(challenge.contains("error=\"dpop_authentication_scheme_required\""), "{challenge}");

    let naked = service.get(logs, &format!("DPoP {bound}"), &[]).await;
    assert_eq!(denied(&naked), is(400, "invalid_dpop_proof"));
    let org = service.rig.org.url();
    for claims in [
        json!({ "ath": null }),
        json!({ "ath": encoded(&sha256("another")) }),
        json!({ "htm": "POST" }),
        json!({ "htu": format!("{org}{logs}") }),
        json!({ "htu": format!("{org}/api/v1/apps") }),
        json!({ "iat": service.now() - 301 }),
    ] {
        let reply = service.read(logs, &bound, &json!({}), &claims).await;
        assert_eq!(denied(&reply), is(400, "invalid_dpop_proof"), "{claims}");
        assert!(text(&reply, "www-authenticate").contains("error=\"invalid_dpop_proof\""));
    }
    let fixed = json!({ "jti": "once" });
    assert_eq!(service.read(logs, &bound, &json!({}), &fixed).await.status, 200);
    assert_eq!(denied(&service.read(logs, &bound, &json!({}), &fixed).await), is(400, "invalid_dpop_proof"));

    let missing = service.read("/api/v1/apps", &bound, &json!({}), &json!({})).await;
    assert_eq!((missing.status, missing.body.as_str()), (403, ""));
    let challenge = text(&missing, "www-authenticate");
    assert!(
        challenge.starts_with("DPoP algs=") && challenge.contains("scope=\"okta.apps.read\""),
        "{challenge}"
    );

    service.proof = Key::ec("ES256");
    let stranger = service.read(logs, &bound, &json!({}), &json!({})).await;
    assert_eq!(denied(&stranger), is(400, "invalid_dpop_proof"));
    let unknown = service.read(logs, "unknown", &json!({}), &json!({})).await;
    assert_eq!((unknown.status, unknown.body.as_str()), (401, ""));
}

#[tokio::test]
async fn an_unbound_token_takes_no_proof() {
    let service = Service::new(&["okta.logs.read"], AdminRole::ReadOnly, false).await;
    let free = token(&service.plain("okta.logs.read").await);
    let reply = service.read("/api/v1/logs", &free, &json!({}), &json!({})).await;
    assert_eq!((reply.status, reply.body.as_str()), (401, ""));
    assert!(text(&reply, "www-authenticate").contains("access_token_not_dpop_bound"));
}
