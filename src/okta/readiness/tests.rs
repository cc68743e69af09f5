use proptest::prelude::*;

use super::super::headers::Headers;
use super::*;
use crate::report::{Confidence, Overall};

fn now() -> Timestamp {
    "2026-03-04T09:15:00Z".parse().unwrap()
}

fn prober(has_credentials: bool) -> Prober {
    let (org, _) = OrgUrl::parse("https://example.okta.com").unwrap();
    let plan = ReadinessPlan {
        org,
        server: "default".to_owned(),
        public_url: None,
        has_credentials,
        jitter_seed: 1,
    };
    let log = Budget::new(1.0, Duration::from_secs(10));
    Prober::new(plan, ReadinessBudgets::beside(log, 1.0))
}

/// Makes a round in which every call is answered by a function of its URL. Returns what was asked.
fn round(prober: &mut Prober, mut answer: impl FnMut(&str) -> Result<Reply, SendError>) -> Vec<String> {
    let (mut up, mut asked) = (Duration::ZERO, Vec::new());
    prober.begin(now(), None, true);
    loop {
        match prober.step(now(), up) {
            ProbeStep::Send(request) | ProbeStep::SendOpen(request) => {
                let result = answer(&request.url);
                asked.push(request.url);
                prober.take(now(), up, &result);
            }
            ProbeStep::Wait(until) => up = until,
            ProbeStep::Done => return asked,
        }
        assert!(asked.len() < 1000, "a round ends");
    }
}

fn reply(status: u16, body: &str) -> Reply {
    Reply { status, headers: Headers::default(), body: body.as_bytes().to_vec() }
}

#[test]
fn without_credentials_only_what_is_public_is_asked() {
    let mut prober = prober(false);
    let asked = round(&mut prober, |url| {
        Ok(reply(
            200,
            if url.contains("organization") { r#"{"pipeline":"v1"}"# } else { r#"{"issuer":"i"}"# },
        ))
    });
    assert_eq!(asked.len(), 2, "{asked:?}");
    let found = prober.judge(now(), &Rights::None);
    assert_eq!(found.verdict, Overall::Unproven);
    assert_eq!(found.item("engine").unwrap().state, "Classic");
    assert_eq!(found.item("api_access_management").unwrap().confidence, Confidence::Likely);
    assert_eq!(found.item("scopes").unwrap().confidence, Confidence::NotPermitted);
    assert!(!found.credentials_refused);
}

#[test]
fn a_host_that_does_not_answer_is_left_alone() {
    let mut prober = prober(true);
    let asked = round(&mut prober, |_| Err(SendError::Timeout));
    assert_eq!(asked.len(), 2);
    let found = prober.judge(now(), &Rights::Token);
    assert!(found.items.iter().all(|item| item.confidence != Confidence::Confirmed || item.id == "token"));
    assert!(!found.credentials_refused);
}

#[test]
fn pages_are_read_to_their_end_and_not_elsewhere() {
    let page = |next: Option<&str>, body: &str| {
        let mut headers = Headers::default();
        if let Some(next) = next {
            headers.push("link", format!("<{next}>; rel=\"next\""));
        }
        Ok(Reply { status: 200, headers, body: body.as_bytes().to_vec() })
    };
    let app = |method: &str| {
        format!(
            r#"[{{"name":"oidc_client","signOnMode":"OPENID_CONNECT","settings":{{"oauthClient":{{"consent_method":"{method}"}}}}}}]"#
        )
    };
    let second = "https://example.okta.com/api/v1/apps?after=2";
    let mut prober = prober(true);
    let asked = round(&mut prober, |url| match url {
        url if url == second => page(None, &app("TRUSTED")),
        url if url.contains("/apps") => page(Some(second), &app("REQUIRED")),
        url if url.contains("/eventHooks") => page(Some("https://elsewhere.test/api/v1/eventHooks"), "[]"),
        _ => Ok(reply(404, "")),
    });
    assert!(asked.iter().all(|url| url.starts_with("https://example.okta.com/")), "{asked:?}");
    assert_eq!(prober.judge(now(), &Rights::Token).item("apps").unwrap().state, "1 of 2 require");
    // A page that leads to itself does not hold the round up.
    round(&mut prober, |url| page(Some(url), "[]"));
}

#[test]
fn ids_from_outside_make_no_other_path() {
    let mut prober = prober(true);
    let asked = round(&mut prober, |url| {
        Ok(if url.ends_with("authorizationServers?limit=200") {
            reply(200, r#"[{"id":"../users/me","default":true,"status":"ACTIVE","issuer":"x"}]"#)
        } else {
            reply(404, "")
        })
    });
    assert!(asked.iter().all(|url| !url.contains("users")), "{asked:?}");
}

proptest! {
    #[test]
    fn whatever_comes_is_judged(
        statuses in proptest::collection::vec(prop_oneof![Just(200_u16), 200_u16..600], 40),
        bodies in proptest::collection::vec(
            prop_oneof![
                ".{0,60}",
                Just(r#"[{"id":"aus1","default":true,"status":7,"issuer":null}]"#.to_owned()),
                Just(r#"[{"id":"aus1","default":true,"status":"ACTIVE"},{"name":"s","consent":3},null]"#.to_owned()),
                Just(r#"[{"published":"not a time"}]"#.to_owned()),
            ],
            40,
        ),
    ) {
        let mut prober = prober(true);
        let mut at = 0;
        let asked = round(&mut prober, |_| {
            at += 1;
            Ok(reply(statuses[at % 40], &bodies[at % 40]))
        });
        prop_assert!(asked.len() <= ASKED_MAX as usize);
        let found = prober.judge(now(), &Rights::Token);
        prop_assert!(found.items.len() >= 13);
        prop_assert!(found.verdict != Overall::NotReady || found.blockers().next().is_some());
    }
}
