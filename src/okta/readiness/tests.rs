use proptest::prelude::*;

use super::super::headers::Headers;
use super::*;
use crate::okta::url::OrgUrl;
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

/// Runs a round in which a function of the URL answers every call. Returns the calls.
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

/// Returns a page of a list, with a next link or without.
#[expect(clippy::unnecessary_wraps, reason = "answers stand beside errors")]
fn page(next: Option<&str>, body: &str) -> Result<Reply, SendError> {
    let mut headers = Headers::default();
    if let Some(next) = next {
        headers.push("link", format!("<{next}>; rel=\"next\""));
    }
    Ok(Reply { status: 200, headers, body: body.as_bytes().to_vec() })
}

/// Returns a list of one app with a consent method.
fn app(method: &str) -> String {
    format!(
        r#"[{{"name":"oidc_client","signOnMode":"OPENID_CONNECT","settings":{{"oauthClient":{{"consent_method":"{method}"}}}}}}]"#
    )
}

#[test]
fn pages_are_read_to_their_end_and_not_elsewhere() {
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
    // A page whose link leads to itself is requested once more and no more.
    let asked = round(&mut prober, |url| page(Some(url), "[]"));
    for url in &asked {
        assert!(asked.iter().filter(|other| *other == url).count() <= 2, "{url}");
    }
}

#[test]
fn a_next_link_is_followed_to_the_same_path_of_the_org_and_nowhere_else() {
    for (link, is_followed) in [
        ("https://example.okta.com/api/v1/apps?after=next", true),
        ("/api/v1/apps?after=next", true),
        ("https://elsewhere.test/api/v1/apps?after=next", false),
        ("http://example.okta.com/api/v1/apps?after=next", false),
        ("https://ada:word@example.okta.com/api/v1/apps?after=next", false),
        ("https://example.okta.com/api/v1/users?after=next", false),
        ("https://example.okta.com/api/v1/apps/0oa1/users?after=next", false),
        ("/api/v1/apps/../users?after=next", false),
        ("/api/v1/apps/?after=next", false),
        ("/?after=next", false),
        ("?after=next", false),
    ] {
        let mut prober = prober(true);
        let asked = round(&mut prober, |url| match url {
            url if url.contains("after=next") => page(None, &app("TRUSTED")),
            url if url.contains("/apps") => page(Some(link), &app("REQUIRED")),
            _ => Ok(reply(404, "")),
        });
        let followed: Vec<&String> = asked.iter().filter(|url| url.contains("after=next")).collect();
        let wanted = "https://example.okta.com/api/v1/apps?after=next";
        assert_eq!(followed, if is_followed { vec![wanted] } else { vec![] }, "{link}");
        let found = prober.judge(now(), &Rights::Token);
        let apps = found.item("apps").unwrap();
        assert_eq!(apps.state, if is_followed { "1 of 2 require" } else { "1 of 1 require" }, "{link}");
        assert_eq!(apps.meaning.contains("Not all apps were read."), !is_followed, "{link}");
    }
}

#[test]
fn a_list_without_end_is_left_at_a_bound_and_claims_nothing_for_the_rest() {
    let mut prober = prober(true);
    let mut pages = 0;
    round(&mut prober, |url| {
        if !url.contains("/apps") {
            return Ok(reply(404, ""));
        }
        pages += 1;
        page(Some(&format!("/api/v1/apps?after={pages}")), "[]")
    });
    assert_eq!(pages, PAGES_MAX);
    let found = prober.judge(now(), &Rights::Token);
    let apps = found.item("apps").unwrap();
    assert_ne!(apps.confidence, Confidence::Confirmed, "{apps:?}");
    assert!(apps.meaning.ends_with("Not all apps were read.") && apps.remedy.is_empty(), "{apps:?}");
}

#[test]
fn the_servers_of_a_list_that_was_cut_are_looked_into() {
    let mut prober = prober(true);
    let server = r#"[{"id":"aus1d7","default":true,"status":"ACTIVE","issuer":"x"}]"#;
    let asked = round(&mut prober, |url| match url {
        url if url.ends_with("authorizationServers?limit=200") => page(Some("/api/v1/users"), server),
        url if url.ends_with("/policies") => {
            page(Some("/api/v1/users"), r#"[{"id":"00p1","status":"ACTIVE"}]"#)
        }
        _ => Ok(reply(404, "")),
    });
    for path in ["aus1d7/scopes", "aus1d7/policies", "aus1d7/policies/00p1/rules"] {
        assert!(asked.iter().any(|url| url.ends_with(path)), "{path}: {asked:?}");
    }
    assert!(asked.iter().all(|url| !url.contains("users")), "{asked:?}");
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
