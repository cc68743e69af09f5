//! The management API of event hooks (Okta management API, event hooks).

use std::sync::Arc;

use serde_json::Value;

use super::answer::{Answer, Refusal};
use super::dice::Dice;
use super::hook_sender::{self, change_of, verified};
use super::hook_state::{ELIGIBLE, EventHook, HOOKS, SimHookPlan};
use super::org::{Org, locked};
use super::shape::StandingHook;

/// The most event types in one hook (Okta: event hooks, limits).
const TYPES_MAX: usize = 300;
/// The most active hooks in an org (Okta: event hooks, limits).
const HOOKS_MAX: usize = 25;

/// A request to the API of event hooks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked<'a> {
    List,
    Create(&'a [u8]),
    Show(&'a str),
    Verify(&'a str),
    Turn(&'a str, bool),
    Delete(&'a str),
}

/// Parses a request, or returns `None` if the API does not support this method and path.
pub(super) fn asked<'a>(method: &str, path: &'a str, body: &'a [u8]) -> Option<Asked<'a>> {
    let rest = path.strip_prefix(HOOKS)?;
    let parts: Vec<&str> = rest.strip_prefix('/').map_or_else(Vec::new, |rest| rest.split('/').collect());
    match (method, parts.as_slice()) {
        ("GET", []) if rest.is_empty() => Some(Asked::List),
        ("POST", []) if rest.is_empty() => Some(Asked::Create(body)),
        ("GET", [id]) => Some(Asked::Show(id)),
        ("DELETE", [id]) => Some(Asked::Delete(id)),
        ("POST", [id, "lifecycle", "verify"]) => Some(Asked::Verify(id)),
        ("POST", [id, "lifecycle", "activate"]) => Some(Asked::Turn(id, true)),
        ("POST", [id, "lifecycle", "deactivate"]) => Some(Asked::Turn(id, false)),
        _ => None,
    }
}

/// Adds the hook of the org's variant. It has no delivery task, so nothing is delivered.
pub(super) fn stand(org: &Org, now_ms: i64) {
    let standing = locked(&org.shape).hook;
    if standing == StandingHook::None {
        return;
    }
    let mut dice = Dice::of(org.plan.seed, 0x7374_616e);
    let plan = SimHookPlan::new("https://monitor.example.test/okta/hook", "an-invented-secret");
    let mut hook = EventHook::planned(plan, &mut dice, now_ms);
    hook.is_active = standing != StandingHook::Inactive;
    hook.is_verified = standing != StandingHook::Unverified;
    if standing == StandingHook::OtherEvents {
        hook.types = Some(vec!["user.session.start".to_owned()]);
    }
    locked(&org.hook.hooks).push(hook);
}

/// Answers a request to the API of event hooks.
pub(super) async fn answer(
    org: &Arc<Org>,
    asked: Asked<'_>,
    base: &str,
    dice: &mut Dice,
) -> Result<Answer, Refusal> {
    let now_ms = org.clock.now().as_millisecond();
    match asked {
        Asked::List => {
            let shown: Vec<Value> = locked(&org.hook.hooks).iter().map(|hook| hook.shown(base)).collect();
            Ok(Answer::json(Value::Array(shown).to_string()))
        }
        Asked::Create(body) => {
            let mut created = read(body)?;
            created.id = dice.id("who");
            (created.created_ms, created.updated_ms) = (now_ms, now_ms);
            let mut hooks = locked(&org.hook.hooks);
            if hooks.iter().filter(|hook| hook.is_active).count() >= HOOKS_MAX {
                return Err(Refusal::validation(
                    "eventHook",
                    "The maximum number of active hooks is reached",
                ));
            }
            let shown = created.shown(base).to_string();
            hooks.push(created);
            Ok(Answer::json(shown))
        }
        Asked::Show(id) => change(org, id, base, |_| {}),
        Asked::Turn(id, on) => change(org, id, base, |hook| {
            hook.is_active = on;
            hook.updated_ms = now_ms;
        }),
        Asked::Delete(id) => {
            let mut hooks = locked(&org.hook.hooks);
            let at = hooks.iter().position(|hook| hook.id == id).ok_or_else(|| not_found(id))?;
            if hooks[at].is_active {
                return Err(Refusal::validation("eventHook", "An active hook cannot be deleted"));
            }
            hooks.remove(at);
            Ok(Answer::empty(204))
        }
        Asked::Verify(id) => {
            let found = locked(&org.hook.hooks).iter().find(|hook| hook.id == id).cloned();
            let hook = found.ok_or_else(|| not_found(id))?;
            if !hook_sender::is_verified_by(org, &hook.plan, dice).await {
                let cause = format!("Unable to verify event hook. Hook {} execution failed", hook.name);
                return Err(Refusal::validation_of("eventHook", &cause));
            }
            verified(org, id);
            change(org, id, base, |hook| hook.updated_ms = now_ms)
        }
    }
}

fn change(org: &Org, id: &str, base: &str, change: impl FnOnce(&mut EventHook)) -> Result<Answer, Refusal> {
    let shown = change_of(org, id, |hook| {
        change(hook);
        hook.shown(base).to_string()
    });
    shown.map(Answer::json).ok_or_else(|| not_found(id))
}

fn not_found(id: &str) -> Refusal {
    Refusal::new(404, "E0000007", &format!("Not found: Resource not found: {id} (Webhook)"))
}

/// Parses and validates the body of a request that creates a hook.
fn read(body: &[u8]) -> Result<EventHook, Refusal> {
    let wrong = |cause: &str| Refusal::validation("eventHook", cause);
    let body: Value = serde_json::from_slice(body)
        .map_err(|_| Refusal::new(400, "E0000003", "The request body was not well-formed."))?;
    let text = |at: &str| body.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let name = text("/name");
    if name.is_empty() || name.len() > 255 {
        return Err(wrong("name: The field cannot be left blank"));
    }
    if text("/events/type") != "EVENT_TYPE" {
        return Err(wrong("events.type: EVENT_TYPE is the only one"));
    }
    let items = body.pointer("/events/items").and_then(Value::as_array).cloned().unwrap_or_default();
    let types: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
    let types = types.filter(|types| (1..=TYPES_MAX).contains(&types.len()));
    let types = types.ok_or_else(|| wrong("events.items: 1 to 300 event types are needed"))?;
    let is_known = |name: &String| ELIGIBLE.iter().any(|event| event.names()[0] == name);
    if let Some(odd) = types.iter().find(|name| !is_known(name)) {
        return Err(wrong(&format!("events.items: '{odd}' is not an event type that hooks may ask for")));
    }
    if text("/channel/type") != "HTTP" || text("/channel/version") != "1.0.0" {
        return Err(wrong("channel: HTTP of version 1.0.0 is the only one"));
    }
    let uri = text("/channel/config/uri");
    // Okta accepts only HTTPS. Listeners of a simulated org are on this machine.
    let is_local = ["http://127.0.0.1:", "http://[::1]:", "http://localhost:"];
    if !uri.starts_with("https://") && !is_local.iter().any(|start| uri.starts_with(start)) {
        return Err(wrong("channel.config.uri: The URI must begin with https"));
    }
    let scheme = text("/channel/config/authScheme/type");
    let secret = text("/channel/config/authScheme/value");
    if scheme != "HEADER" || secret.is_empty() {
        return Err(wrong("channel.config.authScheme: a HEADER with a key and a value is needed"));
    }
    Ok(EventHook {
        id: String::new(),
        name: name.to_owned(),
        types: Some(types),
        plan: SimHookPlan::new(uri, secret),
        is_active: true,
        is_verified: false,
        created_ms: 0,
        updated_ms: 0,
    })
}
