//! The delivery side of event hooks: verifies a listener and delivers events to it as Okta does, with faults if asked
//! (Okta: event hooks).

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::entry::Entry;
use super::event;
use super::hook_state::{EventHook, HookFault, HookTold, SimHookPlan, is_eligible};
use super::org::{Org, locked};

/// The time that Okta waits for an answer (Okta: event hooks, timeout and retry).
const TIMEOUT: Duration = Duration::from_secs(3);
/// The pause before a failed verification is tried again. In Okta, a person would press the button.
const VERIFY_EVERY: Duration = Duration::from_millis(500);
/// The most events in one delivery.
const EVENTS: usize = 8;
/// The largest answer to a challenge that is read, in bytes.
const ANSWER_MAX: usize = 64 * 1024;
/// The most concurrent requests of a hook that delivers out of order.
const AT_ONCE: usize = 4;

/// Makes an active hook that is not verified yet.
pub(super) fn planned(plan: SimHookPlan, seed: u64, now_ms: i64) -> EventHook {
    EventHook::planned(plan, &mut Dice::of(seed, SALT), now_ms)
}

/// Tries to verify a hook until it succeeds, then starts its deliveries.
pub(super) async fn insist(org: Arc<Org>, hook: EventHook) {
    let mut dice = Dice::of(org.plan.seed, !SALT);
    while !is_verified_by(&org, &hook.plan, &mut dice).await {
        drop(org.clock.sleep(VERIFY_EVERY).await);
    }
    verified(&org, &hook.id);
}

/// Marks a hook as verified and starts its deliveries.
pub(super) fn verified(org: &Arc<Org>, id: &str) {
    let is_new = change_of(org, id, |hook| !std::mem::replace(&mut hook.is_verified, true)) == Some(true);
    if is_new {
        start(org, id);
    }
}

/// Changes a hook and returns the result of `change`, or `None` if there is no such hook.
pub(super) fn change_of<T>(org: &Org, id: &str, change: impl FnOnce(&mut EventHook) -> T) -> Option<T> {
    locked(&org.hook.hooks).iter_mut().find(|hook| hook.id == id).map(change)
}

/// Starts the deliveries of a hook that was just verified, with the next event.
fn start(org: &Arc<Org>, id: &str) {
    let Some(hook) = locked(&org.hook.hooks).iter().find(|hook| hook.id == id).cloned() else { return };
    // The log is locked, so that each event is either before the verification or counted as waiting.
    let at = {
        let log = locked(&org.log);
        org.hook.told.send_modify(|told| told.is_verified = true);
        log.len()
    };
    org.tasks.spawn("simulated hook", deliver(Arc::clone(org), hook, at));
}

/// Delivers the events from a position in the log on, until the hook is deleted.
async fn deliver(org: Arc<Org>, hook: EventHook, mut at: usize) {
    let Some(http) = http() else { return };
    let mut happened = org.hook.happened.subscribe();
    let dice = Dice::of(org.plan.seed, SALT);
    let mut deliverer = Deliverer { id: hook.id, org, plan: hook.plan, http, dice };
    let mut again: Vec<Arc<Entry>> = Vec::new();
    loop {
        happened.borrow_and_update();
        let Some(hook) = deliverer.registered() else { return };
        let stride = locked(&deliverer.org.log).from(at, EVENTS * AT_ONCE);
        if stride.is_empty() {
            if happened.changed().await.is_err() {
                return;
            }
            drop(deliverer.org.clock.sleep(deliverer.plan.delay).await);
            continue;
        }
        at += stride.len();
        deliverer.round(&hook, stride, &mut again).await;
    }
}

fn http() -> Option<reqwest::Client> {
    let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    if let Err(error) = &http {
        tracing::error!(%error, "The simulated org's hook has no HTTP client.");
    }
    http.ok()
}

/// Returns whether the listener echoes a challenge. An unanswered request is sent once more (Okta: event hooks,
/// verification).
pub(super) async fn is_verified_by(org: &Org, plan: &SimHookPlan, dice: &mut Dice) -> bool {
    let Some(http) = http() else { return false };
    for _ in 0..2 {
        let mut challenge = String::new();
        dice.letters(&mut challenge, 40);
        let get = http.get(&plan.url).header("x-okta-verification-challenge", &challenge);
        let echoed = echo(signed(get, plan, dice));
        tokio::select! {
            echoed = echoed => {
                // A wrong answer is final. Only a missing answer is tried again.
                if let Some(echoed) = echoed {
                    return echoed == challenge;
                }
            }
            _ = org.clock.sleep(TIMEOUT) => {}
        }
    }
    false
}

/// Returns the text that the listener echoes, or `None` if it does not answer. It is empty if the answer is not of the
/// right form.
async fn echo(get: reqwest::RequestBuilder) -> Option<String> {
    let mut response = get.send().await.ok()?;
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_good =
        response.status().as_u16() == 200 && kind.is_some_and(|kind| kind.starts_with("application/json"));
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_MAX {
            return Some(String::new());
        }
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let echoed = body.get("verification").and_then(Value::as_str).filter(|_| is_good);
    Some(echoed.unwrap_or_default().to_owned())
}

/// Adds the headers of every hook request (seen in requests that people published).
fn signed(request: reqwest::RequestBuilder, plan: &SimHookPlan, dice: &mut Dice) -> reqwest::RequestBuilder {
    let mut id = String::from("Z");
    dice.letters(&mut id, 26);
    request
        .header(AUTHORIZATION, &plan.secret)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, "Okta-Integrations")
        .header("X-Okta-Request-Id", id)
}

/// Makes the random numbers of hooks independent of the story's.
const SALT: u64 = 0x686f_6f6b;

struct Deliverer {
    org: Arc<Org>,
    plan: SimHookPlan,
    http: reqwest::Client,
    dice: Dice,
    /// The hook's id, `who…`.
    id: String,
}

/// The outcome of one request.
enum Tried {
    Taken,
    /// Answered with another status, and not tried again.
    Refused(u16),
    /// Not answered in time, or answered with 5xx.
    Failed(&'static str),
}

impl Deliverer {
    fn is(&self, fault: HookFault) -> bool {
        self.plan.faults.contains(&fault)
    }

    fn tell(&self, change: impl FnOnce(&mut HookTold)) {
        self.org.hook.told.send_modify(change);
    }

    /// Returns the hook's current state, or `None` if it was deleted.
    fn registered(&self) -> Option<EventHook> {
        locked(&self.org.hook.hooks).iter().find(|hook| hook.id == self.id).cloned()
    }

    /// Delivers a part of the log in one or more requests.
    async fn round(&mut self, hook: &EventHook, stride: Vec<Arc<Entry>>, again: &mut Vec<Arc<Entry>>) {
        let done = stride.iter().filter(|entry| is_eligible(entry.event)).count();
        let mut events: Vec<Arc<Entry>> =
            stride.into_iter().filter(|entry| hook.is_on() && hook.wants(entry.event)).collect();
        if self.is(HookFault::Drop) {
            let before = events.len();
            events.retain(|_| !self.dice.once_in(4));
            let dropped = before - events.len();
            self.tell(|told| told.dropped += dropped);
        }
        let mut bodies = Vec::new();
        if self.is(HookFault::Disorder) {
            self.dice.shuffle(&mut events);
        }
        while !events.is_empty() {
            let take = (1 + self.dice.below(EVENTS)).min(events.len());
            let mut chunk: Vec<Arc<Entry>> = events.drain(..take).collect();
            if self.is(HookFault::Duplicate) {
                chunk.append(again);
                again.extend(chunk.iter().filter(|_| self.dice.once_in(6)).cloned());
            }
            let body = self.envelope(&chunk);
            if self.is(HookFault::Duplicate) && self.dice.once_in(3) {
                bodies.push((chunk.len(), body.clone()));
            }
            bodies.push((chunk.len(), body));
        }
        if self.is(HookFault::Disorder) {
            self.dice.shuffle(&mut bodies);
            while !bodies.is_empty() {
                let some: Vec<_> = bodies.drain(..bodies.len().min(AT_ONCE)).collect();
                let posts: Vec<_> = some.into_iter().map(|(events, body)| self.post(events, &body)).collect();
                futures_util::future::join_all(posts).await;
            }
        } else {
            for (events, body) in bodies {
                self.post(events, &body).await;
            }
        }
        if done > 0 {
            self.tell(|told| told.waiting = told.waiting.saturating_sub(done));
        }
    }

    /// Delivers one body. It is sent again once after a timeout or a 5xx, and never after a 4xx.
    fn post(&mut self, events: usize, body: &str) -> impl Future<Output = ()> + use<> {
        let mut tries = Vec::new();
        for _ in 0..2 {
            let post = self.http.post(&self.plan.url).header(CONTENT_TYPE, "application/json");
            tries.push(signed(post.body(body.to_owned()), &self.plan, &mut self.dice));
        }
        let org = Arc::clone(&self.org);
        async move {
            let mut why = "";
            for (number, post) in tries.into_iter().enumerate() {
                if number > 0 {
                    org.hook.told.send_modify(|told| told.retries += 1);
                }
                let tried = tokio::select! {
                    tried = send(post) => tried,
                    _ = org.clock.sleep(TIMEOUT) => Tried::Failed("timeout"),
                };
                match tried {
                    Tried::Taken => {
                        org.hook.told.send_modify(|told| {
                            told.taken += 1;
                            told.events += events;
                        });
                        return;
                    }
                    Tried::Refused(status) => {
                        tracing::debug!(status, "The hook's listener refused a delivery.");
                        why = "refused";
                        break;
                    }
                    Tried::Failed(how) => why = how,
                }
            }
            tracing::debug!(why, "A delivery of the simulated org's hook was given up.");
            // The log entry is written first, so that a test that sees the count finds the entry.
            org.delivery_failed();
            org.hook.told.send_modify(|told| told.failed += 1);
        }
    }

    /// Returns the body of a delivery.
    fn envelope(&mut self, entries: &[Arc<Entry>]) -> String {
        let mut events: Vec<Value> = entries.iter().map(|entry| self.event(entry)).collect();
        if self.is(HookFault::BadEvent) && self.dice.once_in(3) {
            let junk = [json!(17), json!("text"), json!({"displayMessage": "x"}), json!([[]])];
            let at = self.dice.below(events.len() + 1);
            events.insert(at, self.dice.pick(&junk).clone());
        }
        let now_ms = self.org.clock.now().as_millisecond();
        let id = uuid::Builder::from_random_bytes(
            ((u128::from(self.dice.roll()) << 64) | u128::from(self.dice.roll())).to_be_bytes(),
        );
        json!({
            "eventType": "com.okta.event_hook",
            "eventTypeVersion": "1.0",
            "cloudEventsVersion": "0.1",
            "source": format!("{}/api/v1/eventHooks/{}", self.org.url, self.id),
            "eventId": id.into_uuid().to_string(),
            "eventTime": event::time(now_ms, true),
            "contentType": "application/json",
            "data": { "events": events },
        })
        .to_string()
    }

    /// Returns an event in the form of hook deliveries: `ipChain` is moved to `client`, `request` is removed, and null
    /// members are mostly left out.
    fn event(&mut self, entry: &Entry) -> Value {
        let text = event::write(&self.org.population, entry);
        let Ok(Value::Object(mut event)) = serde_json::from_str(&text) else { return Value::Null };
        if let Some(chain) =
            event.remove("request").and_then(|mut request| Some(request.get_mut("ipChain")?.take()))
            && let Some(Value::Object(client)) = event.get_mut("client")
        {
            client.insert("ipChain".to_owned(), chain);
        }
        event.insert("device".to_owned(), Value::Null);
        event.insert("insertionTimestamp".to_owned(), Value::Null);
        if let Some(Value::Object(data)) =
            event.get_mut("debugContext").and_then(|debug| debug.get_mut("debugData"))
        {
            data.insert("targetEventHookIds".to_owned(), json!(self.id));
        }
        if !self.dice.once_in(4) {
            leave_nulls_out(&mut event);
        }
        Value::Object(event)
    }
}

async fn send(post: reqwest::RequestBuilder) -> Tried {
    match post.send().await {
        Ok(response) => match response.status().as_u16() {
            200 | 204 => Tried::Taken,
            status @ 500.. => {
                tracing::debug!(status, "The hook's listener failed.");
                Tried::Failed("5xx")
            }
            status => Tried::Refused(status),
        },
        Err(error) => {
            tracing::debug!(error = %error.without_url(), "The hook's listener did not answer.");
            Tried::Failed("no answer")
        }
    }
}

fn leave_nulls_out(object: &mut Map<String, Value>) {
    object.retain(|_, value| !value.is_null());
    for value in object.values_mut() {
        match value {
            Value::Object(inner) => leave_nulls_out(inner),
            Value::Array(members) => {
                for member in members {
                    if let Value::Object(inner) = member {
                        leave_nulls_out(inner);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
