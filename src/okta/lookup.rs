//! Looks up the names of ids, without a socket: which to request, when, and what the answers mean.
//!
//! Names are optional, so this uses only a share of their rate limits and requests one id at a time. A missing right
//! stops one kind of lookup and nothing else.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use super::budget::{Asker, Budget};
use super::error::{Meaning, Refusal, SendError};
use super::exchange::{Reply, Request};
use super::json_shapes::Named;
use super::request_waits::{Pace, SLOW};
use super::url::OrgUrl;
use crate::consent::{Label, Thing, Untrusted};
use crate::report::Part;

/// Looks up the labels of ids.
#[derive(Debug)]
pub struct Lookups {
    org: OrgUrl,
    queues: [Queue; 3],
    turn: usize,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LookupStep {
    /// Send this and give the result to [`Lookups::take`].
    Send(Request),
    /// There is nothing to do before this uptime; [`Duration::MAX`] while no id is wanted.
    Wait(Duration),
}

/// The lookups of one kind. Each kind has a rate limit of its own (Okta: rate limits, buckets).
#[derive(Debug)]
struct Queue {
    thing: Thing,
    pace: Pace,
    /// The wanted ids, the newest last. The newest is requested first: it may be on the screen.
    wanted: VecDeque<String>,
    /// The id whose request has no answer yet.
    asked: Option<String>,
    /// The ids that wait or were answered, so that none is requested twice.
    known: HashSet<String>,
    /// The missing scope or role, and until when no request is made.
    silenced: Option<(String, Duration)>,
}

/// The shortest time between two requests of one kind, however high the limit.
const INTERVAL: Duration = Duration::from_millis(250);
/// How long to wait until a missing right is tried again.
const SILENCE: Duration = Duration::from_hours(1);
/// The most ids that are remembered. Beyond it, answered ids are forgotten and may be requested again.
const KNOWN_MAX: usize = 100_000;
const WANTED_MAX: usize = 10_000;
const ID_BYTES_MAX: usize = 64;

impl Lookups {
    /// Returns lookups without wanted ids. `share` is the part of each rate limit to use.
    pub fn new(org: OrgUrl, share: f64, seed: u64) -> Self {
        let queue = |thing| Queue {
            thing,
            pace: Pace::new(Asker::Live, Budget::new(share, INTERVAL), seed),
            wanted: VecDeque::new(),
            asked: None,
            known: HashSet::new(),
            silenced: None,
        };
        Self { org, queues: Thing::ALL.map(queue), turn: 0 }
    }

    /// Returns the budget of one kind, for other requests under the same rate limit.
    pub fn budget(&self, thing: Thing) -> Budget {
        self.queues[usize::from(thing.code()) - 1].pace.budget().clone()
    }

    /// Records that a label is known and recent enough.
    pub fn knows(&mut self, thing: Thing, id: &str) {
        self.queue(thing).remember(id);
    }

    /// Forgets which ids were answered, so that they may be requested again.
    pub fn begin_anew(&mut self) {
        for queue in &mut self.queues {
            queue.known = queue.wanted.iter().chain(&queue.asked).cloned().collect();
        }
    }

    /// Adds an id whose label is wanted, once. Ignores a text that is not an id of that kind.
    pub fn want(&mut self, thing: Thing, id: &str) {
        let is_id = (1..=ID_BYTES_MAX).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric())
            && id.starts_with(prefix(thing));
        let queue = self.queue(thing);
        if is_id && queue.remember(id) {
            if queue.wanted.len() == WANTED_MAX {
                queue.wanted.pop_front();
            }
            queue.wanted.push_back(id.to_owned());
        }
    }

    /// Returns what to do at this uptime.
    pub fn step(&mut self, up: Duration) -> LookupStep {
        let mut soonest = Duration::MAX;
        for offset in 0..self.queues.len() {
            let index = (self.turn + offset) % self.queues.len();
            let queue = &mut self.queues[index];
            if queue.asked.is_none() && queue.wanted.is_empty() {
                continue;
            }
            if let Some((_, until)) = queue.silenced.as_ref().filter(|(_, until)| up < *until) {
                soonest = soonest.min(*until);
                continue;
            }
            match queue.pace.ask(up) {
                Ok(headers) => {
                    self.turn = index;
                    let wanted = &mut queue.wanted;
                    let id = &*queue.asked.get_or_insert_with(|| wanted.pop_back().unwrap_or_default());
                    let url = self.org.join(&format!("{}{id}", path(queue.thing)));
                    return LookupStep::Send(Request { url, headers });
                }
                Err(until) => soonest = soonest.min(until),
            }
        }
        LookupStep::Wait(soonest)
    }

    /// Takes the result of the request that [`Lookups::step`] returned last, and returns the label if there is one.
    pub fn take(&mut self, now: Timestamp, up: Duration, result: Result<Reply, SendError>) -> Option<Label> {
        let queue = &mut self.queues[self.turn];
        self.turn = (self.turn + 1) % Thing::ALL.len();
        let reply = match result {
            Ok(reply) => reply,
            Err(error) => {
                queue.pace.heard(now, None);
                let passes = error.fault(Part::Poll).passes;
                let wait = if passes { queue.pace.next_backoff() } else { SLOW };
                queue.pace.wait(now, up, wait);
                return None;
            }
        };
        queue.pace.heard(now, Some(&reply.headers));
        let id = queue.asked.clone().unwrap_or_default();
        if reply.status == 200 {
            let label = label(queue.thing, &id, &reply.body, now);
            queue.asked = None;
            queue.silenced = None;
            queue.pace.well();
            queue.pace.rest(now, up, INTERVAL, &reply.headers);
            return label;
        }
        let refusal = Refusal::read(reply.status, &reply.headers, &reply.body);
        match refusal.meaning() {
            Meaning::NotFound => {
                queue.asked = None;
                queue.pace.well();
                queue.pace.rest(now, up, INTERVAL, &reply.headers);
                let id = Untrusted::new(id);
                Some(Label { thing: queue.thing, id, name: None, login: None, is_gone: true, asked: now })
            }
            Meaning::RateLimit => {
                let wait = queue.pace.rate_limited(now, up, &reply.headers);
                queue.pace.wait(now, up, wait);
                None
            }
            Meaning::Unavailable => {
                let wait = queue.pace.unavailable(now, &reply.headers);
                queue.pace.wait(now, up, wait);
                None
            }
            Meaning::BadCredentials | Meaning::NotOkta => {
                // The poller gets the same answer and reports it.
                queue.pace.wait(now, up, SLOW);
                None
            }
            Meaning::NotPermitted | Meaning::FeatureOff => {
                let missing = match &refusal.scope {
                    Some(scope) => format!("the scope {scope} is missing"),
                    None => format!("a role that may read them is missing ({refusal})"),
                };
                queue.silenced = Some((missing, up.saturating_add(SILENCE)));
                None
            }
            Meaning::BadRequest => {
                // Only this id is refused; the next may succeed.
                queue.asked = None;
                queue.pace.rest(now, up, INTERVAL, &reply.headers);
                None
            }
        }
    }

    /// Ends every wait for a missing right, so that new credentials are tried at once.
    pub fn retry_silenced(&mut self) {
        for queue in &mut self.queues {
            queue.silenced = None;
        }
    }

    /// Returns which names are not looked up and why, a sentence each.
    pub fn notes(&self) -> Vec<String> {
        let silenced = |queue: &Queue| {
            let (missing, _) = queue.silenced.as_ref()?;
            Some(format!("The names of {} are not looked up: {missing}.", queue.thing.plural()))
        };
        self.queues.iter().filter_map(silenced).collect()
    }

    fn queue(&mut self, thing: Thing) -> &mut Queue {
        &mut self.queues[usize::from(thing.code()) - 1]
    }
}

impl Queue {
    /// Remembers an id, and returns whether it was unknown.
    fn remember(&mut self, id: &str) -> bool {
        if self.known.contains(id) {
            return false;
        }
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
            self.known.extend(self.wanted.iter().chain(&self.asked).cloned());
        }
        self.known.insert(id.to_owned())
    }
}

fn prefix(thing: Thing) -> &'static str {
    match thing {
        Thing::Client => "0oa",
        Thing::Server => "aus",
        Thing::Person => "00u",
    }
}

fn path(thing: Thing) -> &'static str {
    match thing {
        Thing::Client => "/api/v1/apps/",
        Thing::Server => "/api/v1/authorizationServers/",
        Thing::Person => "/api/v1/users/",
    }
}

/// Reads an app, an authorization server or a user (Okta management API). Returns `None` if the body is not the thing
/// with this id.
fn label(thing: Thing, id: &str, body: &[u8], now: Timestamp) -> Option<Label> {
    let read: Named<'_> = serde_json::from_slice(body).ok()?;
    if read.id.get() != Some(id) {
        return None;
    }
    let kept = |text: Option<&str>| text.map(Untrusted::new);
    let (name, login) = match thing {
        Thing::Client => (kept(read.label.get()), None),
        Thing::Server => (kept(read.name.get()), None),
        Thing::Person => {
            let names = [read.profile.first_name.get(), read.profile.last_name.get()];
            let whole = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
            let name = read.profile.display_name.get().or(Some(&*whole)).filter(|name| !name.is_empty());
            (kept(name), kept(read.profile.login.get()))
        }
    };
    Some(Label { thing, id: Untrusted::new(id), name, login, is_gone: false, asked: now })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: &str = "0oaDDDDDDDDDDDDDD1d7";
    const USER: &str = "00uAAAAAAAAAAAAAA1d7";

    fn at() -> Timestamp {
        "2026-03-04T09:15:00Z".parse().unwrap()
    }

    fn lookups() -> Lookups {
        Lookups::new(OrgUrl::parse("https://example.okta.com").unwrap().0, 0.5, 1)
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn reply(status: u16, body: &str) -> Reply {
        let headers = [
            ("x-rate-limit-limit", "600"),
            ("x-rate-limit-remaining", "599"),
            ("x-rate-limit-reset", "1772615730"),
        ];
        Reply { status, headers: headers.into_iter().collect(), body: body.as_bytes().to_vec() }
    }

    fn sent(step: LookupStep) -> String {
        match step {
            LookupStep::Send(request) => request.url,
            LookupStep::Wait(until) => panic!("waits until {until:?}"),
        }
    }

    #[test]
    fn each_id_is_asked_for_once() {
        let mut lookups = lookups();
        assert_eq!(lookups.step(s(1)), LookupStep::Wait(Duration::MAX));
        for _ in 0..3 {
            lookups.want(Thing::Client, CLIENT);
        }
        for no_id in ["", "unknown", "0oa/../users", "0oa?x=1", USER, &"0oa".repeat(40)] {
            lookups.want(Thing::Client, no_id);
        }
        assert_eq!(sent(lookups.step(s(1))), format!("https://example.okta.com/api/v1/apps/{CLIENT}"));
        let body = format!(r#"{{"id":"{CLIENT}","name":"oidc_client","label":"Figma"}}"#);
        let label = lookups.take(at(), s(1), Ok(reply(200, &body))).unwrap();
        assert_eq!((label.name.unwrap().exact(), label.is_gone), ("Figma", false));
        lookups.want(Thing::Client, CLIENT);
        assert_eq!(lookups.step(s(9)), LookupStep::Wait(Duration::MAX));
    }

    #[test]
    fn a_person_has_a_name_and_a_login() {
        for (profile, name) in [
            (r#"{"login":"ada@example.test","firstName":"Ada","lastName":"Example"}"#, "Ada Example"),
            (r#"{"login":"ada@example.test","displayName":"A. E.","lastName":"Example"}"#, "A. E."),
            (r#"{"login":"ada@example.test","lastName":"Example"}"#, "Example"),
        ] {
            let mut lookups = lookups();
            lookups.want(Thing::Person, USER);
            lookups.step(s(1));
            let body = format!(r#"{{"id":"{USER}","status":"ACTIVE","profile":{profile}}}"#);
            let label = lookups.take(at(), s(1), Ok(reply(200, &body))).unwrap();
            assert_eq!(label.login.unwrap().exact(), "ada@example.test");
            assert_eq!(label.name.unwrap().exact(), name);
        }
    }

    #[test]
    fn what_was_deleted_is_remembered_as_gone() {
        let mut lookups = lookups();
        lookups.want(Thing::Client, CLIENT);
        lookups.step(s(1));
        let label = lookups.take(at(), s(1), Ok(reply(404, r#"{"errorCode":"E0000007"}"#))).unwrap();
        assert!(label.is_gone && label.name.is_none());
        assert_eq!(lookups.step(s(9)), LookupStep::Wait(Duration::MAX));
    }

    #[test]
    fn a_missing_right_silences_one_kind_and_is_named() {
        let mut lookups = lookups();
        lookups.want(Thing::Client, CLIENT);
        lookups.want(Thing::Person, USER);
        sent(lookups.step(s(1)));
        let challenge = r#"Bearer scope="okta.apps.read", error="insufficient_scope""#;
        let headers = [("www-authenticate", challenge)].into_iter().collect();
        lookups.take(at(), s(1), Ok(Reply { status: 403, headers, body: Vec::new() }));
        assert_eq!(
            lookups.notes(),
            ["The names of clients are not looked up: the scope okta.apps.read is missing."]
        );
        assert!(sent(lookups.step(s(1))).contains("/users/"));
        let body = format!(r#"{{"id":"{USER}","profile":{{}}}}"#);
        lookups.take(at(), s(1), Ok(reply(200, &body))).unwrap();
        assert_eq!(lookups.step(s(2)), LookupStep::Wait(s(3601)));
        lookups.retry_silenced();
        assert!(sent(lookups.step(s(3))).contains("/apps/") && lookups.notes().is_empty());
    }

    #[test]
    fn one_answer_a_second_and_failures_wait() {
        let mut lookups = lookups();
        lookups.want(Thing::Client, CLIENT);
        lookups.want(Thing::Client, "0oaEEEEEEEEEEEEEE1d7");
        sent(lookups.step(s(1)));
        assert_eq!(lookups.take(at(), s(1), Err(SendError::Timeout)), None);
        let LookupStep::Wait(until) = lookups.step(s(1)) else { panic!("no wait") };
        assert!(until > s(1) && until < s(10));
        sent(lookups.step(until));
        // Another thing's answer is no label of this one.
        assert_eq!(lookups.take(at(), until, Ok(reply(200, &format!(r#"{{"id":"{USER}"}}"#)))), None);
        assert_eq!(lookups.step(until), LookupStep::Wait(until + INTERVAL));
    }
}
