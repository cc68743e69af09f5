//! Tests the hook against a small listener.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::super::{Plan, SimOrg, Variant};
use super::*;
use crate::clock::Clock;
use crate::tasks::Tasks;

const SECRET: &str = "invented-secret-of-the-hook";
const LIMIT: Duration = Duration::from_secs(20);

/// One received request.
struct Came {
    head: String,
    body: Value,
}

struct Rig {
    org: SimOrg,
    tasks: Tasks,
    came: mpsc::Receiver<Came>,
    told: watch::Receiver<HookTold>,
}

impl Rig {
    /// Starts an org whose listener answers with these statuses in turn, then with 204. For 0 it does not answer.
    async fn start(statuses: &[u16], faults: &[HookFault]) -> Self {
        Self::on(Clock::system(), statuses, faults).await
    }

    async fn on(clock: Clock, statuses: &[u16], faults: &[HookFault]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/okta/hook", listener.local_addr().unwrap());
        let (tell, came) = mpsc::channel(1000);
        let tasks = Tasks::new();
        tasks.spawn("listener", listen(listener, statuses.to_vec(), tell, tasks.clone()));
        let mut hook = SimHookPlan::new(url, SECRET);
        hook.faults = faults.iter().copied().collect();
        let plan =
            Plan { rate_per_minute: 0.0, hook: Some(hook), variant: Variant::Classic, ..Plan::default() };
        let at = SocketAddr::from(([127, 0, 0, 1], 0));
        let org = SimOrg::start(at, plan, &clock, &tasks).await.unwrap();
        let told = org.hook();
        Self { org, tasks, came, told }
    }

    async fn until(&mut self, what: &str, is: impl Fn(&HookTold) -> bool) -> HookTold {
        let waited = tokio::time::timeout(LIMIT, self.told.wait_for(|told| is(told))).await.is_ok();
        let told = *self.told.borrow();
        assert!(waited, "never {what}: {told:?}");
        told
    }

    async fn next(&mut self) -> Came {
        tokio::time::timeout(LIMIT, self.came.recv()).await.expect("a request in time").expect("a request")
    }

    /// Emits consent events until one is of a kind that a hook may ask for.
    fn emit_one(&self) {
        let eligible = || {
            ["grant", "revoke"].iter().filter_map(|kind| self.org.held().get(*kind).copied()).sum::<usize>()
        };
        let before = eligible();
        while eligible() == before {
            self.org.emit(1);
        }
    }

    async fn stop(self) {
        assert!(self.tasks.finish(LIMIT).await);
    }
}

async fn listen(listener: TcpListener, statuses: Vec<u16>, tell: mpsc::Sender<Came>, tasks: Tasks) {
    let statuses = Arc::new(std::sync::Mutex::new(statuses.into_iter()));
    loop {
        let Ok((mut socket, _)) = listener.accept().await else { return };
        let (statuses, tell) = (Arc::clone(&statuses), tell.clone());
        tasks.spawn("connection", async move {
            let mut bytes = Vec::new();
            let mut piece = [0; 16 * 1024];
            while let Ok(length @ 1..) = socket.read(&mut piece).await {
                bytes.extend_from_slice(&piece[..length]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() < length.map_or(0, |length| length.parse().unwrap()) {
                    continue;
                }
                let challenge =
                    head.lines().find_map(|line| line.strip_prefix("x-okta-verification-challenge: "));
                let body = match challenge {
                    Some(challenge) => format!("{{\"verification\":\"{challenge}\"}}"),
                    None => String::new(),
                };
                let status =
                    if challenge.is_some() { 200 } else { statuses.lock().unwrap().next().unwrap_or(204) };
                let came = Came {
                    head: head.to_owned(),
                    body: serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap_or_default(),
                };
                tell.send(came).await.ok();
                bytes.clear();
                if status == 0 {
                    continue;
                }
                let kind = "content-type: application/json";
                let answer =
                    format!("HTTP/1.1 {status} X\r\n{kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                socket.write_all(answer.as_bytes()).await.ok();
            }
        });
    }
}

fn events(body: &Value) -> &Vec<Value> {
    body["data"]["events"].as_array().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_verifies_first_and_then_delivers_with_okta_s_manners() {
    let mut rig = Rig::start(&[], &[]).await;
    rig.until("verified", |told| told.is_verified).await;
    let verification = rig.next().await;
    assert!(verification.head.starts_with("GET /okta/hook "), "{}", verification.head);
    let uuids = rig.org.emit(60);
    let told = rig.until("delivered", |told| told.taken > 0 && told.waiting == 0).await;
    assert_eq!((told.failed, told.retries, told.dropped), (0, 0, 0));
    assert!(told.taken < told.events, "several in one");
    let mut seen = Vec::new();
    for _ in 0..told.taken {
        let came = rig.next().await;
        for line in [
            "content-type: application/json",
            "accept: application/json",
            "user-agent: Okta-Integrations",
            &format!("authorization: {SECRET}"),
        ] {
            assert!(came.head.contains(line), "{line}: {}", came.head);
        }
        assert_eq!(came.body["eventType"], "com.okta.event_hook");
        assert!(came.body["source"].as_str().unwrap().starts_with(&rig.org.url()));
        assert_eq!(came.body["eventId"].as_str().unwrap().len(), 36);
        for event in events(&came.body) {
            let kind = event["eventType"].as_str().unwrap();
            assert!(kind.starts_with("app.oauth2.as.consent."), "only what is eligible: {kind}");
            assert!(event.get("request").is_none());
            seen.push(event["uuid"].as_str().unwrap().to_owned());
        }
    }
    let eligible: Vec<&String> = uuids.iter().filter(|uuid| seen.contains(uuid)).collect();
    assert_eq!(eligible, seen.iter().collect::<Vec<_>>(), "each once, in the log's order");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_tried_once_more_and_a_refusal_never() {
    for (statuses, retries, taken) in
        [(vec![500], 1, 1), (vec![503, 502], 1, 0), (vec![400], 0, 0), (vec![401], 0, 0), (vec![302], 0, 0)]
    {
        let mut rig = Rig::start(&statuses, &[]).await;
        rig.until("verified", |told| told.is_verified).await;
        rig.next().await;
        rig.emit_one();
        let told = rig.until("done", |told| told.taken + told.failed > 0).await;
        assert_eq!((told.retries, told.taken, told.failed), (retries, taken, 1 - taken), "{statuses:?}");
        let first = rig.next().await;
        if retries == 1 {
            assert_eq!(rig.next().await.body["eventId"], first.body["eventId"], "the same once more");
        }
        rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_seconds_are_waited_and_the_log_shows_what_was_given_up() {
    let clock = Clock::manual("2026-03-04T09:15:27Z".parse::<Timestamp>().unwrap());
    let mut rig = Rig::on(clock.clone(), &[0, 0], &[]).await;
    rig.until("verified", |told| told.is_verified).await;
    rig.next().await;
    rig.emit_one();
    let entries = locked(&rig.org.0.log).len();
    let mut came = 0;
    while rig.told.borrow().failed == 0 {
        clock.advance(Duration::from_millis(50));
        tokio::task::yield_now().await;
        came += usize::from(rig.came.try_recv().is_ok());
    }
    let told = *rig.told.borrow();
    assert_eq!((told.retries, told.taken, told.failed), (1, 0, 1));
    assert!(came <= 2);
    let last =
        locked(&rig.org.0.log).at(entries).map(|entry| event::write(&rig.org.0.population, entry)).unwrap();
    let last: Value = serde_json::from_str(&last).unwrap();
    assert_eq!(
        (&last["eventType"], &last["outcome"]["result"]),
        (&json!("event_hook.delivery"), &json!("FAILURE"))
    );
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_worst_days_are_what_okta_allows() {
    let all = [HookFault::Drop, HookFault::Duplicate, HookFault::Disorder, HookFault::BadEvent];
    let mut rig = Rig::start(&[], &all).await;
    rig.until("verified", |told| told.is_verified).await;
    let uuids = rig.org.emit(300);
    let told = rig.until("delivered", |told| told.taken > 0 && told.waiting == 0).await;
    assert!(told.dropped > 20, "{told:?}");
    rig.next().await;
    let (mut seen, mut bad) = (Vec::new(), 0);
    for _ in 0..told.taken {
        for event in events(&rig.next().await.body) {
            match event.get("uuid").and_then(Value::as_str) {
                Some(uuid) => seen.push(uuid.to_owned()),
                None => bad += 1,
            }
        }
    }
    assert!(bad > 0);
    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert!(distinct.len() < seen.len(), "some came twice");
    assert!(distinct.len() < uuids.len());
    let order: Vec<usize> =
        seen.iter().filter_map(|uuid| uuids.iter().position(|known| known == uuid)).collect();
    assert_eq!(order.len(), seen.len());
    assert!(!order.is_sorted());
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_is_made_verified_and_switched_by_its_api() {
    let (tell, mut came) = mpsc::channel(1000);
    let (tasks, clock) = (Tasks::new(), Clock::system());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/okta/hook", listener.local_addr().unwrap());
    tasks.spawn("listener", listen(listener, Vec::new(), tell, tasks.clone()));
    let plan = Plan { rate_per_minute: 0.0, variant: Variant::Classic, ..Plan::default() };
    let org = SimOrg::start(SocketAddr::from(([127, 0, 0, 1], 0)), plan, &clock, &tasks).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = async |method: &str, path: &str, body: Value| {
        let url = format!("{}/api/v1/eventHooks{path}", org.url());
        let request = http.request(method.parse().unwrap(), url).header(AUTHORIZATION, "SSWS demo-token");
        let reply = request.body(body.to_string()).send().await.unwrap();
        let (status, text) = (reply.status().as_u16(), reply.text().await.unwrap());
        (status, serde_json::from_str::<Value>(&text).unwrap_or_default())
    };
    let body = |uri: &str, items: Value| {
        json!({"name": "n", "events": {"type": "EVENT_TYPE", "items": items},
            "channel": {"type": "HTTP", "version": "1.0.0", "config": {"uri": uri,
                "authScheme": {"type": "HEADER", "key": "Authorization", "value": SECRET}}}})
    };
    let grants = json!(["app.oauth2.as.consent.grant"]);
    for bad in [
        json!({}),
        body("http://example.test/okta/hook", grants.clone()),
        body(&uri, json!(["app.oauth2.consent.grant"])),
        body(&uri, json!([])),
    ] {
        let (status, error) = ask("POST", "", bad).await;
        assert_eq!((status, error["errorCode"].as_str()), (400, Some("E0000001")), "{error}");
    }
    let (status, made) = ask("POST", "", body(&uri, grants.clone())).await;
    assert_eq!(
        (status, &made["status"], &made["verificationStatus"]),
        (200, &json!("ACTIVE"), &json!("UNVERIFIED"))
    );
    assert!(!made.to_string().contains(SECRET));
    let id = made["id"].as_str().unwrap();
    assert_eq!(ask("GET", "", json!(null)).await.1.as_array().map(Vec::len), Some(1));
    org.emit(30);
    assert!(came.try_recv().is_err(), "nothing before it is verified");

    let (_, elsewhere) = ask("POST", "", body("http://127.0.0.1:9/", grants)).await;
    let (status, error) =
        ask("POST", &format!("/{}/lifecycle/verify", elsewhere["id"].as_str().unwrap()), json!(null)).await;
    assert_eq!(status, 400);
    assert_eq!(
        error["errorCauses"][0]["errorSummary"],
        "Unable to verify event hook. Hook n execution failed"
    );

    let (status, verified) = ask("POST", &format!("/{id}/lifecycle/verify"), json!(null)).await;
    assert_eq!((status, &verified["verificationStatus"]), (200, &json!("VERIFIED")));
    let mut next = async || tokio::time::timeout(LIMIT, came.recv()).await.unwrap().unwrap();
    assert!(next().await.head.starts_with("GET "));
    org.emit(30);
    let first = next().await;
    assert!(events(&first.body).iter().all(|event| event["eventType"] == "app.oauth2.as.consent.grant"));

    assert_eq!(ask("DELETE", &format!("/{id}"), json!(null)).await.0, 400, "an active one stays");
    assert_eq!(
        ask("POST", &format!("/{id}/lifecycle/deactivate"), json!(null)).await.1["status"],
        "INACTIVE"
    );
    assert_eq!(ask("GET", &format!("/{id}"), json!(null)).await.1["status"], "INACTIVE");
    assert_eq!(ask("DELETE", &format!("/{id}"), json!(null)).await.0, 204);
    let (status, gone) = ask("GET", &format!("/{id}"), json!(null)).await;
    assert_eq!((status, gone["errorCode"].as_str()), (404, Some("E0000007")));
    assert!(tasks.finish(LIMIT).await);
}
