//! Tests the org over real sockets with a plain HTTP client.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::Value;

use super::{Plan, SimError, SimFault, SimOrg, Variant};
use crate::clock::Clock;
use crate::tasks::Tasks;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const GRANTS: &str = "filter=eventType%20eq%20%22app.oauth2.as.consent.grant%22";
const CONSENTS: &str = "filter=eventType+co+%22.consent.%22";

pub(super) struct Rig {
    pub(super) org: SimOrg,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
    pub(super) client: reqwest::Client,
}

pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(super) fn link(&self, rel: &str) -> Option<String> {
        let end = format!(">; rel=\"{rel}\"");
        let links = self.headers.get_all("link").iter().map(|value| value.to_str().unwrap());
        links.filter_map(|link| link.strip_prefix('<')?.strip_suffix(&end)).map(str::to_owned).next()
    }

    pub(super) fn uuids(&self) -> Vec<String> {
        let page = self.json();
        page.as_array()
            .unwrap()
            .iter()
            .map(|event| event["uuid"].as_str().unwrap_or("?").to_owned())
            .collect()
    }

    pub(super) fn code(&self) -> String {
        self.json()["errorCode"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn header(&self, name: &str) -> i64 {
        self.headers.get(name).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(-1)
    }
}

impl Rig {
    pub(super) async fn new(plan: Plan) -> Self {
        let clock = Clock::manual("2026-03-04T09:15:27.431Z".parse().unwrap());
        let tasks = Tasks::new();
        let org = SimOrg::start(LOOPBACK, plan, &clock, &tasks).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self { org, clock, tasks, client: client.build().unwrap() }
    }

    pub(super) async fn still() -> Self {
        Self::new(Plan { rate_per_minute: 0.0, ..Plan::default() }).await
    }

    pub(super) async fn try_get(&self, url: &str) -> Result<Reply, reqwest::Error> {
        let url = if url.starts_with('/') { format!("{}{url}", self.org.url()) } else { url.to_owned() };
        let reply = self.client.get(url).header(AUTHORIZATION, "SSWS demo-token").send().await?;
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        Ok(Reply { status, headers, body: reply.text().await? })
    }

    pub(super) async fn get(&self, url: &str) -> Reply {
        self.try_get(url).await.unwrap()
    }

    pub(super) async fn logs(&self, query: &str) -> Reply {
        self.get(&format!("/api/v1/logs?{query}")).await
    }

    /// Follows next links until a page is empty or has none. Returns all uuids and the last page.
    pub(super) async fn walk(&self, query: &str) -> (Vec<String>, Reply) {
        let mut reply = self.logs(query).await;
        let mut seen = Vec::new();
        for _ in 0..1000 {
            assert_eq!(reply.status, 200, "{}", reply.body);
            let page = reply.uuids();
            seen.extend(page.iter().cloned());
            match reply.link("next") {
                Some(next) if !page.is_empty() => reply = self.get(&next).await,
                _ => return (seen, reply),
            }
        }
        panic!("the walk has no end");
    }
}

#[tokio::test]
async fn a_walk_by_next_meets_every_consent_once() {
    let rig = Rig::still().await;
    for limit in [7, 100, 1000] {
        let (seen, last) = rig.walk(&format!("{CONSENTS}&limit={limit}&sortOrder=ASCENDING")).await;
        assert_eq!(seen, rig.org.uuids());
        assert_eq!(seen.len(), rig.org.held_total());
        assert_eq!(last.link("next"), last.link("self"));
    }
    let (grants, _) = rig.walk(GRANTS).await;
    assert_eq!(Some(&grants.len()), rig.org.held().get("grant"));
    let (everything, _) = rig.walk("").await;
    assert!(everything.len() > rig.org.held_total());
    assert_eq!(rig.org.held().values().sum::<usize>(), 200);
    assert_eq!(rig.org.held().len(), 5);
}

#[tokio::test]
async fn an_idle_poll_is_sent_back_to_itself_and_finds_what_comes_later() {
    let rig = Rig::still().await;
    let (_, idle) = rig.walk(&format!("since=2026-03-04T00:00:00Z&{CONSENTS}")).await;
    let here = idle.link("next").unwrap();
    assert_eq!(idle.body, "[]");
    let again = rig.get(&here).await;
    assert_eq!(again.link("next"), Some(here.clone()));
    assert_eq!(again.link("self"), Some(here.clone()));
    let mut emitted = rig.org.emit(3);
    rig.clock.advance(Duration::from_mins(1));
    emitted.push(rig.org.emit_late(Duration::from_hours(1)));
    let found = rig.get(&here).await;
    assert_eq!(found.uuids(), emitted);
    let events = found.json();
    assert_eq!(
        events[2]["published"].as_str().map(|text| text.starts_with("2026-03-04T09:15:27")),
        Some(true)
    );
    assert_eq!(
        events[3]["published"].as_str().map(|text| text.starts_with("2026-03-04T08:16:27")),
        Some(true)
    );
    // The first poll of a span without events has no cursor either.
    let quiet = rig.logs("since=2026-03-04T10:00:00Z").await;
    assert_eq!(quiet.body, "[]");
    assert_eq!(quiet.link("next"), quiet.link("self"));
}

#[tokio::test]
async fn a_bounded_walk_is_ordered_by_publication_and_ends() {
    let rig = Rig::still().await;
    rig.org.emit_late(Duration::from_hours(4));
    let span = "since=2026-03-01T00:00:00Z&until=2026-03-05T00:00:00Z";
    for (order, limit) in [("ASCENDING", 9), ("DESCENDING", 50), ("ASCENDING", 1000)] {
        let mut reply = rig.logs(&format!("{span}&{CONSENTS}&limit={limit}&sortOrder={order}")).await;
        let mut published = Vec::new();
        let mut seen = BTreeSet::new();
        loop {
            for event in reply.json().as_array().unwrap() {
                published.push(event["published"].as_str().unwrap().parse::<Timestamp>().unwrap());
                seen.insert(event["uuid"].to_string());
            }
            assert!(reply.link("self").is_some());
            let Some(next) = reply.link("next") else { break };
            reply = rig.get(&next).await;
        }
        assert_eq!((published.len(), seen.len()), (201, 201));
        assert!(published.is_sorted_by(|a, b| if order == "ASCENDING" { a <= b } else { a >= b }));
    }
}

#[tokio::test]
async fn links_are_two_lines_and_headers_tell_the_window() {
    let rig = Rig::still().await;
    let reply = rig.logs("limit=5").await;
    let links: Vec<&str> =
        reply.headers.get_all("link").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(links.len(), 2);
    assert!(links[0].ends_with("rel=\"next\"") && links[1].ends_with("rel=\"self\""), "{links:?}");
    assert_eq!(reply.header("x-rate-limit-limit"), 600);
    assert_eq!(reply.header("x-rate-limit-remaining"), 599);
    assert_eq!(reply.headers["date"], "Wed, 04 Mar 2026 09:15:27 GMT");
    let reset = reply.header("x-rate-limit-reset") - rig.clock.now().as_second();
    assert!((60..=62).contains(&reset), "{reset}");
    assert!(reply.headers.contains_key("x-okta-request-id"));
    assert_eq!(rig.org.requests(), 1);
}

#[tokio::test]
async fn a_full_window_refuses_until_it_ends() {
    let rig = Rig::new(Plan { rate_per_minute: 0.0, requests_per_minute: 2, ..Plan::default() }).await;
    assert_eq!(rig.logs("limit=1").await.status, 200);
    assert_eq!(rig.logs("limit=1").await.status, 200);
    let refused = rig.logs("limit=1").await;
    assert_eq!((refused.status, refused.code().as_str()), (429, "E0000047"));
    assert_eq!((refused.header("x-rate-limit-limit"), refused.header("x-rate-limit-remaining")), (2, 0));
    rig.clock.advance(Duration::from_mins(1));
    assert_eq!(rig.logs("limit=1").await.status, 200);
}

#[tokio::test]
async fn tokens_paths_and_methods_are_checked() {
    let rig = Rig::still().await;
    let url = format!("{}/api/v1/logs", rig.org.url());
    for (token, status) in
        [("SSWS demo-token", 200), ("SSWSdemo-token", 200), ("SSWS wrong", 401), ("Bearer demo-token", 401)]
    {
        let reply = rig.client.get(&url).header(AUTHORIZATION, token).send().await.unwrap();
        assert_eq!(reply.status().as_u16(), status, "{token}");
    }
    let naked = rig.client.get(&url).send().await.unwrap();
    assert_eq!(naked.status().as_u16(), 401);
    let body: Value = serde_json::from_str(&naked.text().await.unwrap()).unwrap();
    assert_eq!(body["errorCode"], "E0000011");
    for key in ["errorSummary", "errorLink", "errorId", "errorCauses"] {
        assert!(body.get(key).is_some(), "{key}");
    }
    let posted = rig.client.post(&url).header(AUTHORIZATION, "SSWS demo-token").send().await.unwrap();
    assert_eq!(posted.status().as_u16(), 405);
    for (path, status, code) in [
        ("/api/v1/nothing", 404, "E0000008"),
        ("/", 404, "E0000008"),
        ("/api/v1/apps/0oaNOSUCHAPP000001d7", 404, "E0000007"),
        ("/api/v1/logs?after=nonsense", 400, "E0000001"),
        ("/api/v1/logs?after=17_1", 400, "E0000001"),
        ("/api/v1/logs?after=99999999999999_99999999999999999999", 400, "E0000001"),
        ("/api/v1/logs?since=2026-03-04&until=2026-03-05&after=17_1", 400, "E0000001"),
        ("/api/v1/logs?limit=zz", 400, "E0000001"),
        ("/api/v1/logs?filter=published+gt+%22a%22", 400, "E0000053"),
    ] {
        let reply = rig.get(path).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{path}");
    }
    let refused = rig.get("/api/v1/logs?filter=eventType+eqq+%22a%22").await;
    assert!(refused.json()["errorSummary"].as_str().unwrap().contains("position 10"));
}

#[tokio::test]
async fn filters_and_keywords_narrow() {
    let rig = Rig::still().await;
    let page = rig.logs(&format!("{GRANTS}&limit=1000")).await.json();
    let client =
        page.as_array().unwrap().iter().find_map(|event| {
            event["target"][0]["detailEntry"]["publicclientapp"].as_str().map(str::to_owned)
        });
    let client = client.unwrap();
    let filter = format!(
        "filter=target.detailEntry.publicclientapp+eq+%22{client}%22+or+target.detailEntry.PublicClientApp+eq+%22{client}%22&limit=1000"
    );
    let by_filter = rig.logs(&filter).await.uuids();
    let by_keyword = rig.logs(&format!("q={}+consentgrant&limit=1000", client.to_uppercase())).await.uuids();
    assert!(!by_filter.is_empty());
    assert_eq!(by_filter, by_keyword);
    assert_eq!(rig.logs("limit=0").await.body, "[]");
    assert_eq!(rig.logs("q=nobodysaysthis").await.body, "[]");
}

#[tokio::test]
async fn refusing_faults_have_their_answers() {
    let rig = Rig::still().await;
    for (fault, status, code) in [
        (SimFault::Unauthorized, 401, "E0000011"),
        (SimFault::Forbidden, 403, "E0000006"),
        (SimFault::Rate429, 429, "E0000047"),
        (SimFault::Concurrency429, 429, "E0000047"),
        (SimFault::Server500, 500, "E0000009"),
    ] {
        rig.org.fail_next(fault, 1);
        let reply = rig.logs("").await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code));
        let rate = (reply.header("x-rate-limit-limit"), reply.header("x-rate-limit-remaining"));
        match fault {
            SimFault::Rate429 => assert_eq!(rate, (600, 0)),
            SimFault::Concurrency429 => assert_eq!(rate, (0, 0)),
            _ => assert_eq!(rate.0, 600),
        }
        assert_eq!(rig.logs("").await.status, 200, "{fault:?}");
    }
    rig.org.switch(SimFault::ForbiddenEmpty, true);
    let reply = rig.logs("").await;
    assert_eq!((reply.status, reply.body.as_str()), (403, ""));
    assert!(reply.headers["www-authenticate"].to_str().unwrap().contains("insufficient_scope"));
    rig.org.switch(SimFault::ForbiddenEmpty, false);
    rig.org.switch(SimFault::Gateway502, true);
    let reply = rig.logs("").await;
    assert_eq!((reply.status, reply.header("x-rate-limit-limit")), (502, -1));
    assert!(reply.body.contains("<html>"));
    rig.org.switch(SimFault::Gateway502, false);
    rig.org.switch(SimFault::NotOkta, true);
    for path in ["/api/v1/logs", "/.well-known/okta-organization", "/"] {
        let reply = rig.get(path).await;
        assert_eq!(reply.status, 200);
        assert!(reply.headers["content-type"].to_str().unwrap().starts_with("text/html"));
    }
}

#[tokio::test]
async fn pages_come_broken_as_asked() {
    let rig = Rig::still().await;
    let first = rig.logs("limit=20").await;
    let next = first.link("next").unwrap();
    let whole = rig.get(&next).await;
    assert_eq!(whole.uuids().len(), 20);

    rig.org.fail_next(SimFault::Duplicates, 1);
    let repeated = rig.get(&next).await.uuids();
    assert_eq!(repeated.first(), first.uuids().last());
    assert_eq!(repeated.len(), 20);
    assert_eq!(repeated[1..], whole.uuids()[..19]);

    rig.org.fail_next(SimFault::OutOfOrder, 1);
    let shuffled = rig.get(&next).await;
    assert_ne!(shuffled.uuids(), whole.uuids());
    assert_eq!(BTreeSet::from_iter(shuffled.uuids()), BTreeSet::from_iter(whole.uuids()));
    assert_eq!(shuffled.link("next"), whole.link("next"));

    rig.org.fail_next(SimFault::BadRecord, 1);
    let bad = rig.get(&next).await.json();
    let bad = bad.as_array().unwrap();
    assert_eq!(bad.len(), 20);
    assert_eq!(bad.iter().filter(|record| !record["published"].is_string()).count(), 3);

    rig.org.fail_next(SimFault::ExpiredCursor, 1);
    let expired = rig.get(&next).await;
    assert_eq!((expired.status, expired.code().as_str()), (400, "E0000001"));
    rig.org.fail_next(SimFault::ExpiredCursor, 1);
    assert_eq!(rig.logs("limit=20").await.status, 200);

    rig.org.fail_next(SimFault::ForeignNext, 1);
    assert!(rig.get(&next).await.link("next").unwrap().starts_with("http://127.0.0.2:9/api/v1/logs?"));

    rig.org.fail_next(SimFault::Redirect, 1);
    let led = rig.get(&next).await;
    assert_eq!(
        (led.status, &led.headers["location"]),
        (302, &"http://127.0.0.2:9/api/v1/logs".parse().unwrap())
    );

    rig.org.fail_next(SimFault::ClockBehind, 1);
    assert_eq!(rig.get(&next).await.headers["date"], "Wed, 04 Mar 2026 09:05:27 GMT");

    rig.org.fail_next(SimFault::ClockSkew, 1);
    let skewed = rig.get(&next).await;
    assert_eq!(skewed.headers["date"], "Wed, 04 Mar 2026 09:25:27 GMT");
    let reset = skewed.header("x-rate-limit-reset") - rig.clock.now().as_second();
    assert!((660..=662).contains(&reset), "{reset}");

    rig.org.fail_next(SimFault::CutBody, 1);
    assert!(rig.try_get(&next).await.is_err());
    assert_eq!(rig.get(&next).await.body, whole.body);
}

#[tokio::test]
async fn every_fault_but_the_dead_ends_loses_nothing() {
    for fault in [SimFault::Duplicates, SimFault::OutOfOrder, SimFault::BadRecord, SimFault::ClockSkew] {
        let rig = Rig::new(Plan { rate_per_minute: 0.0, faults: vec![fault], ..Plan::default() }).await;
        let mut expected: Vec<String> = rig.org.uuids();
        let (seen, _) = rig.walk(&format!("{CONSENTS}&limit=13")).await;
        let seen: BTreeSet<String> = seen.into_iter().filter(|uuid| uuid != "?").collect();
        expected.sort();
        assert_eq!(Vec::from_iter(seen), expected, "{fault:?}");
    }
}

#[tokio::test]
async fn a_slow_body_takes_two_seconds_of_the_clock() {
    let rig = Rig::still().await;
    rig.org.fail_next(SimFault::SlowBody, 1);
    let mut asked = Box::pin(rig.logs("limit=3"));
    let mut waited = Duration::ZERO;
    let reply = loop {
        tokio::select! {
            biased;
            reply = &mut asked => break reply,
            () = tokio::task::yield_now() => {
                rig.clock.advance(Duration::from_millis(10));
                waited += Duration::from_millis(10);
            }
        }
    };
    assert_eq!(reply.json().as_array().map(Vec::len), Some(3));
    assert!(waited >= Duration::from_secs(2), "{waited:?}");
}

#[tokio::test]
async fn the_story_goes_on_at_its_rate() {
    let rig = Rig::new(Plan { backlog: 0, ..Plan::default() }).await;
    let step = async |length: Duration| {
        rig.clock.advance(length);
        while rig.clock.is_waking() {
            tokio::task::yield_now().await;
        }
    };
    // Let the story reach its first wait.
    tokio::task::yield_now().await;
    step(Duration::from_secs(2)).await;
    assert!(rig.org.held_total() >= 1);
    for _ in 0..1200 {
        step(Duration::from_millis(500)).await;
    }
    let happened = rig.org.held_total();
    assert!((280..=320).contains(&happened), "{happened}");
    assert!(rig.tasks.finish(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn an_org_says_what_it_is() {
    for variant in [Variant::Oie, Variant::Classic] {
        let rig = Rig::new(Plan { rate_per_minute: 0.0, variant, ..Plan::default() }).await;
        let open =
            rig.client.get(format!("{}/.well-known/okta-organization", rig.org.url())).send().await.unwrap();
        let document: Value = serde_json::from_str(&open.text().await.unwrap()).unwrap();
        assert_eq!(document["pipeline"], if variant == Variant::Oie { "idx" } else { "v1" });
        assert_eq!(document["_links"]["organization"]["href"], rig.org.url());
        let servers = rig.get("/api/v1/authorizationServers").await.json();
        assert_eq!(servers.as_array().map(Vec::len), Some(3));
        assert_eq!(rig.get("/api/v1/authorizationServers/default").await.json()["id"], servers[0]["id"]);
        let id = servers[2]["id"].as_str().unwrap();
        assert!(rig.get(&format!("/api/v1/authorizationServers/{id}/scopes")).await.json().is_array());
        let policies = rig.get(&format!("/api/v1/authorizationServers/{id}/policies")).await.json();
        let policy = policies[0]["id"].as_str().unwrap();
        let rules = format!("/api/v1/authorizationServers/{id}/policies/{policy}/rules");
        assert!(rig.get(&rules).await.json()[0]["actions"].is_object());
        assert_eq!(rig.get("/oauth2/default/.well-known/openid-configuration").await.status, 200);
        let apps = rig.get("/api/v1/apps").await.json();
        for app in apps.as_array().unwrap() {
            let one = rig.get(&format!("/api/v1/apps/{}", app["id"].as_str().unwrap())).await;
            assert_eq!(one.json()["label"], app["label"]);
        }
    }
}

/// Okta's OpenAPI document allows no null in these resources.
#[tokio::test]
async fn no_resource_holds_a_null() {
    let rig = Rig::still().await;
    let servers = rig.get("/api/v1/authorizationServers").await.json();
    let mut paths = [
        "/.well-known/okta-organization",
        "/api/v1/authorizationServers",
        "/api/v1/apps",
        "/api/v1/features",
        "/api/v1/eventHooks",
    ]
    .map(str::to_owned)
    .to_vec();
    for server in servers.as_array().unwrap() {
        let path = format!("/api/v1/authorizationServers/{}", server["id"].as_str().unwrap());
        let policy = rig.get(&format!("{path}/policies")).await.json()[0]["id"].clone();
        paths.extend(["/scopes", "/policies", ""].map(|rest| format!("{path}{rest}")));
        paths.push(format!("{path}/policies/{}/rules", policy.as_str().unwrap()));
    }
    for path in paths {
        let reply = rig.get(&path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert!(!reply.body.contains("null"), "{path}: {}", reply.body);
    }
}

#[tokio::test]
async fn a_hundred_thousand_events_are_a_backlog() {
    let plan = Plan { rate_per_minute: 0.0, backlog: 100_000, ..Plan::default() };
    let rig = Rig::new(plan).await;
    assert_eq!(rig.org.held_total(), 100_000);
    let late = rig.logs(&format!("since=2026-03-04T09:10:00Z&{GRANTS}&limit=1000")).await;
    assert!(late.uuids().len() > 200);
}

#[tokio::test]
async fn a_plan_that_cannot_be_played_is_refused() {
    let (clock, tasks) = (Clock::manual(Timestamp::UNIX_EPOCH), Tasks::new());
    let start = async |plan| SimOrg::start(LOOPBACK, plan, &clock, &tasks).await;
    let unknown = Plan { story: "opera".to_owned(), ..Plan::default() };
    assert!(matches!(start(unknown).await, Err(SimError::UnknownStory(_))));
    for rate_per_minute in [f64::NAN, -1.0, f64::INFINITY] {
        assert!(matches!(
            start(Plan { rate_per_minute, ..Plan::default() }).await,
            Err(SimError::BadRate(_))
        ));
    }
    let shown = format!("{:?}", Plan { token: "s3cret".to_owned(), ..Plan::default() });
    assert!(!shown.contains("s3cret"));
}

#[tokio::test]
async fn a_session_finds_the_person_whom_the_event_does_not_name() {
    let rig = Rig::new(Plan { rate_per_minute: 0.0, backlog: 2000, ..Plan::default() }).await;
    let (mut sizes, mut reply) = (BTreeMap::new(), rig.logs(&format!("{GRANTS}&limit=1000")).await);
    while let Some(next) = reply.link("next").filter(|_| reply.body != "[]") {
        for event in reply.json().as_array().unwrap() {
            let session = event["authenticationContext"]["externalSessionId"].as_str().unwrap();
            let is_named = event["target"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|target| target["detailEntry"]["user"].is_string());
            let is_whole = event["target"].as_array().is_some_and(|targets| !targets.is_empty());
            if event["actor"]["type"] == "User" || is_named || !is_whole || session == "unknown" {
                continue;
            }
            let filter = format!("filter=authenticationContext.externalSessionId+eq+%22{session}%22");
            let at: Timestamp = event["published"].as_str().unwrap().parse().unwrap();
            let span = SignedDuration::from_mins(5);
            let span = format!("since={}&until={}", at - span, at + span);
            let found = rig.logs(&format!("{span}&{filter}")).await;
            assert!(found.link("next").is_none());
            let people: BTreeSet<String> = found
                .json()
                .as_array()
                .unwrap()
                .iter()
                .filter(|event| event["actor"]["type"] == "User")
                .map(|event| event["actor"]["id"].as_str().unwrap().to_owned())
                .collect();
            *sizes.entry(people.len()).or_insert(0) += 1;
        }
        reply = rig.get(&next).await;
    }
    assert!(sizes[&1] > sizes[&0] + sizes[&2], "{sizes:?}");
    assert_eq!(sizes.keys().copied().collect::<Vec<_>>(), [0, 1, 2], "{sizes:?}");
}

#[tokio::test]
async fn an_org_that_ends_waits_for_no_idle_connection() {
    let rig = Rig::still().await;
    // One connection has asked and stays open; one has never asked.
    assert_eq!(rig.logs("limit=3").await.status, 200);
    let address = rig.org.url().replace("http://", "");
    let _silent = tokio::net::TcpStream::connect(&address).await.unwrap();
    // The clock stands still, so no patience runs out.
    assert!(rig.tasks.finish(Duration::from_secs(5)).await);
    assert!(tokio::net::TcpStream::connect(&address).await.is_err(), "nobody listens");
}
