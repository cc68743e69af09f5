//! The answers of a round. They are read leniently: any body reads as a result or none, and sizes are limited.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::error::{Meaning, Refusal, SendError, clip};
use super::super::exchange::Reply;
use super::super::hook_admin::{self, EventHook};
use super::calls::{Ask, PROOF_DAYS, sound_id};
use super::servers::{Policy, Rule, Scope, Server};
use crate::report::{Part, ReadinessEvidence};

/// Why a call has no usable answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// 401 `E0000015`: the feature is off.
    FeatureOff,
    /// Okta does not accept the credentials.
    Dead,
    /// A scope or a role is missing; the text says which.
    NotPermitted(String),
    /// There are no credentials.
    NoCredentials,
    /// Okta answered with not found.
    NotFound,
    /// The failure is temporary.
    Passing { is_rate: bool },
    /// Another reason, in a few words.
    Other(String),
}

/// The result of one call.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Answer {
    pub(super) evidence: ReadinessEvidence,
    pub(super) result: Result<Found, Why>,
}

/// The contents of a usable answer.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Found {
    Engine { pipeline: String },
    Metadata,
    Servers(Vec<Server>),
    Scopes(Vec<Scope>),
    Policies(Vec<Policy>),
    Rules(Vec<Rule>),
    Apps(Apps),
    Features(Vec<String>),
    Hooks(Vec<EventHook>),
    History(Option<Timestamp>),
}

/// The apps that can ask for consent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Apps {
    /// The number of apps of any kind.
    pub(super) all: usize,
    /// The number of `OPENID_CONNECT` apps.
    pub(super) oidc: usize,
    /// The number of OpenID Connect apps that the org created itself. Only these show a consent method.
    pub(super) own: usize,
    pub(super) required: usize,
    pub(super) trusted: usize,
    /// The number of these apps without the property.
    pub(super) absent: usize,
}

/// All results of a round.
#[derive(Clone, Default, Debug)]
pub(super) struct Facts {
    answers: BTreeMap<Ask, Answer>,
    /// The lists that were not read to their end.
    cut: Vec<Ask>,
    /// The newest consent in the journal, and when it was looked up.
    pub(super) journal: Option<(Timestamp, Timestamp)>,
    /// How far this machine's clock is ahead of Okta's.
    pub(super) clock: Option<(SignedDuration, ReadinessEvidence)>,
}

/// The maximum number of servers that are checked in one round.
const SERVERS_MAX: usize = 20;
/// The maximum number of policies of a server whose rules are read.
const POLICIES_MAX: usize = 10;
/// The maximum number of entries of one list that are read.
const ENTRIES_MAX: usize = 2000;

impl Answer {
    /// Returns the answer for a call that was not made.
    pub(super) fn without(ask: &Ask, why: Why, now: Timestamp) -> Self {
        let said = match &why {
            Why::NoCredentials => "not asked: there are no credentials".to_owned(),
            Why::Other(words) => words.clone(),
            Why::Passing { .. } => "not asked: the rate limit is used up".to_owned(),
            _ => String::new(),
        };
        Self {
            evidence: ReadinessEvidence { call: ask.call(), status: None, code: None, at: now, said },
            result: Err(why),
        }
    }

    /// Reads the answer to a call.
    pub(super) fn read(ask: &Ask, page: u32, result: &Result<Reply, SendError>, now: Timestamp) -> Self {
        let evidence =
            |status, code, said: String| ReadinessEvidence { call: ask.call(), status, code, at: now, said };
        let reply = match result {
            Ok(reply) => reply,
            Err(SendError::SignIn(refusal)) => {
                let said = format!("the sign-in was refused: {}", brief(refusal));
                return Self {
                    evidence: evidence(Some(refusal.status), refusal.code.clone(), said),
                    result: Err(why(refusal)),
                };
            }
            Err(error) => {
                let said = clip(&error.to_string());
                return Self { evidence: evidence(None, None, said.clone()), result: Err(Why::Other(said)) };
            }
        };
        let status = Some(reply.status);
        if reply.status == 200 {
            if let Some((found, said)) = read(ask, &reply.body) {
                let said = if page > 1 { format!("page {page}: {said}") } else { said };
                return Self { evidence: evidence(status, None, said), result: Ok(found) };
            }
            let said = "not what Okta answers here".to_owned();
            return Self { evidence: evidence(status, None, said.clone()), result: Err(Why::Other(said)) };
        }
        let refusal = Refusal::read(reply.status, &reply.headers, &reply.body);
        let why = if ask.is_open() && matches!(refusal.meaning(), Meaning::BadCredentials) {
            // No credentials were sent, so a 401 is about the product.
            Why::FeatureOff
        } else {
            why(&refusal)
        };
        Self { evidence: evidence(status, refusal.code.clone(), brief(&refusal)), result: Err(why) }
    }
}

fn why(refusal: &Refusal) -> Why {
    match refusal.meaning() {
        Meaning::FeatureOff => Why::FeatureOff,
        Meaning::BadCredentials => Why::Dead,
        Meaning::NotPermitted => Why::NotPermitted(match &refusal.scope {
            Some(scope) => format!("the scope {scope} is missing"),
            None => "the role is too small".to_owned(),
        }),
        Meaning::NotFound => Why::NotFound,
        Meaning::RateLimit => Why::Passing { is_rate: true },
        Meaning::Unavailable => Why::Passing { is_rate: false },
        Meaning::BadRequest | Meaning::NotOkta => Why::Other(refusal.fault(Part::Readiness).brief),
    }
}

fn brief(refusal: &Refusal) -> String {
    match (&refusal.summary, &refusal.scope) {
        (Some(summary), _) => summary.clone(),
        (None, Some(scope)) => format!("needs {scope}"),
        (None, None) if refusal.is_foreign => "not an answer of Okta's API".to_owned(),
        (None, None) => refusal.fault(Part::Readiness).brief,
    }
}

/// Reads a usable answer, and returns it with a few words on its contents. Returns `None` if the body is not such an
/// answer.
fn read(ask: &Ask, body: &[u8]) -> Option<(Found, String)> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let list = || value.as_array().map(|list| list.iter().filter(|one| one.is_object()).take(ENTRIES_MAX));
    Some(match ask {
        Ask::Engine => {
            let pipeline = value.get("pipeline")?.as_str()?;
            (Found::Engine { pipeline: pipeline.to_owned() }, format!("pipeline {}", clip(pipeline)))
        }
        Ask::Metadata(_) => {
            let issuer = value.get("issuer")?.as_str()?;
            (Found::Metadata, format!("issuer {}", clip(issuer)))
        }
        Ask::Servers => {
            let servers: Vec<Server> = list()?.filter_map(Server::read).collect();
            let said = count(servers.len(), "custom authorization server");
            (Found::Servers(servers), said)
        }
        Ask::Server(_) => {
            let server = Server::read(&value)?;
            let said = format!("{} is {}", server.shown(), server.status);
            (Found::Servers(vec![server]), said)
        }
        Ask::Scopes(_) => {
            let scopes: Vec<Scope> = list()?.filter_map(Scope::read).collect();
            let asking = scopes.iter().filter(|scope| scope.asks()).count();
            let said = format!("{}, {asking} ask for consent", count(scopes.len(), "scope"));
            (Found::Scopes(scopes), said)
        }
        Ask::Policies(_) => {
            let policies: Vec<Policy> = list()?.filter_map(Policy::read).collect();
            let said = count(policies.len(), "policy");
            (Found::Policies(policies), said)
        }
        Ask::Rules(..) => {
            let rules: Vec<Rule> = list()?.map(Rule::read).collect();
            let said = count(rules.len(), "rule");
            (Found::Rules(rules), said)
        }
        Ask::Apps => {
            let apps = list()?.fold(Apps::default(), Apps::with);
            let said = format!("{}, {} of OpenID Connect", count(apps.all, "active app"), apps.oidc);
            (Found::Apps(apps), said)
        }
        Ask::Features => {
            let (mut all, mut hits) = (0, Vec::new());
            for feature in list()? {
                all += 1;
                hits.extend(hint(feature));
            }
            let said =
                format!("{}, {} about consent or API Access Management", count(all, "feature"), hits.len());
            (Found::Features(hits), said)
        }
        Ask::Hooks => {
            value.as_array()?;
            let hooks = hook_admin::list(body)?;
            let said = count(hooks.len(), "event hook");
            (Found::Hooks(hooks), said)
        }
        Ask::History(_) => {
            let newest = list()?.next().and_then(|event| event.get("published")?.as_str()?.parse().ok());
            let said = match newest {
                Some(at) => format!("a successful consent of {at:.0}"),
                None => "no successful consent".to_owned(),
            };
            (Found::History(newest), said)
        }
    })
}

fn count(number: usize, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {what}s"),
    }
}

/// Returns the name and status of a self-service feature about consent or API Access Management. Only display names are
/// listed, so this is only a hint.
fn hint(feature: &Value) -> Option<String> {
    let text = |key: &str| feature.get(key).and_then(Value::as_str).unwrap_or_default();
    let said = format!("{} {}", text("name"), text("description")).to_lowercase();
    let is_hit = said.contains("consent") || said.contains("api access management");
    is_hit.then(|| format!("{}: {}", clip(text("name")), clip(text("status"))))
}

impl Apps {
    fn with(mut self, app: &Value) -> Self {
        self.all += 1;
        if app.get("signOnMode").and_then(Value::as_str) != Some("OPENID_CONNECT") {
            return self;
        }
        self.oidc += 1;
        // Apps from the catalog and Okta's own apps never have the property.
        if app.get("name").and_then(Value::as_str) != Some("oidc_client") {
            return self;
        }
        self.own += 1;
        match app.pointer("/settings/oauthClient/consent_method").and_then(Value::as_str) {
            Some("REQUIRED") => self.required += 1,
            Some("TRUSTED") => self.trusted += 1,
            Some(_) => {}
            None => self.absent += 1,
        }
        self
    }

    fn add(&mut self, more: &Self) {
        self.all += more.all;
        self.oidc += more.oidc;
        self.own += more.own;
        self.required += more.required;
        self.trusted += more.trusted;
        self.absent += more.absent;
    }
}

impl Facts {
    /// Returns facts with only the newest consent in the journal, and when it was looked up.
    pub(super) fn new(journal: Option<(Timestamp, Timestamp)>) -> Self {
        Self { journal, ..Self::default() }
    }

    /// Stores an answer. A page is added to the pages before it.
    pub(super) fn keep(&mut self, ask: &Ask, page: u32, answer: Answer) {
        let before = self.answers.get_mut(ask).filter(|_| page > 1);
        let Some(before) = before else {
            self.answers.insert(ask.clone(), answer);
            return;
        };
        match (&mut before.result, answer.result) {
            (Ok(Found::Servers(list)), Ok(Found::Servers(more))) => list.extend(more),
            (Ok(Found::Scopes(list)), Ok(Found::Scopes(more))) => list.extend(more),
            (Ok(Found::Policies(list)), Ok(Found::Policies(more))) => list.extend(more),
            (Ok(Found::Hooks(list)), Ok(Found::Hooks(more))) => list.extend(more),
            (Ok(Found::Apps(apps)), Ok(Found::Apps(more))) => apps.add(&more),
            // The part of the list that was read stays, and is marked as a part.
            _ => self.cut.push(ask.clone()),
        }
    }

    /// Records that a list has more entries than were read.
    pub(super) fn cut(&mut self, ask: &Ask) {
        self.cut.push(ask.clone());
    }

    /// Returns whether a list was read to its end.
    pub(super) fn is_whole(&self, ask: &Ask) -> bool {
        !self.cut.contains(ask)
    }

    /// Measures the difference of the clocks by the date of an answer, once per round.
    pub(super) fn hear_clock(&mut self, ask: &Ask, reply: &Reply, now: Timestamp) {
        let Some(date) = reply.headers.date().filter(|_| self.clock.is_none()) else { return };
        let evidence = ReadinessEvidence {
            call: ask.call(),
            status: Some(reply.status),
            code: None,
            at: now,
            said: format!("Date {date:.0}"),
        };
        self.clock = Some((now.duration_since(date), evidence));
    }

    /// Returns the answer to a call, or `None` if it was not made.
    pub(super) fn answer(&self, ask: &Ask) -> Option<&Answer> {
        self.answers.get(ask)
    }

    /// Returns all answers.
    pub(super) fn answers(&self) -> impl Iterator<Item = (&Ask, &Answer)> {
        self.answers.iter()
    }

    /// Returns the answer about history, for any time.
    pub(super) fn history(&self) -> Option<&Answer> {
        self.answers.iter().find(|(ask, _)| matches!(ask, Ask::History(_))).map(|(_, answer)| answer)
    }

    /// Returns every known server, from the list or a single call, and whether the list is complete.
    pub(super) fn servers(&self) -> Option<(&[Server], bool)> {
        if let Some(Answer { result: Ok(Found::Servers(servers)), .. }) = self.answer(&Ask::Servers) {
            return Some((servers, self.is_whole(&Ask::Servers)));
        }
        self.answers.iter().find_map(|(ask, answer)| match (ask, &answer.result) {
            (Ask::Server(_), Ok(Found::Servers(servers))) => Some((servers.as_slice(), false)),
            _ => None,
        })
    }

    /// Returns whether the newest consent in the journal is recent.
    pub(super) fn is_proven(&self, now: Timestamp) -> bool {
        self.journal.is_some_and(|(at, _)| is_late(at, now))
    }

    /// Returns the calls that an answer leads to.
    pub(super) fn leads_from(&self, ask: &Ask, configured: &str) -> Vec<Ask> {
        let result = self.answer(ask).map(|answer| &answer.result);
        match (ask, result) {
            (Ask::Servers | Ask::Server(_), Some(Ok(Found::Servers(servers)))) => {
                let mut all: Vec<&Server> = servers.iter().collect();
                // The configured server comes first, then the active ones.
                all.sort_by_key(|server| (!server.is_called(configured), !server.is_active()));
                let looked_at =
                    all.into_iter().filter(|server| server.is_active() || server.is_called(configured));
                looked_at
                    .filter_map(|server| sound_id(&server.id))
                    .take(SERVERS_MAX)
                    .flat_map(|id| [Ask::Scopes(id.to_owned()), Ask::Policies(id.to_owned())])
                    .collect()
            }
            (Ask::Servers, Some(Err(Why::NotPermitted(_) | Why::Other(_) | Why::Passing { .. }))) => {
                // Credentials that may not list the servers may still be allowed to read one.
                super::calls::segment(configured).map(Ask::Server).into_iter().collect()
            }
            (Ask::Policies(id), Some(Ok(Found::Policies(policies)))) => policies
                .iter()
                .filter(|policy| policy.is_active)
                .filter_map(|policy| sound_id(&policy.id))
                .take(POLICIES_MAX)
                .map(|policy| Ask::Rules(id.clone(), policy.to_owned()))
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// Returns whether a time is recent enough to prove something about the present.
pub(super) fn is_late(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) <= SignedDuration::from_hours(24 * PROOF_DAYS)
}

/// The largest difference of clocks that is not reported. Dates have whole seconds, and answers take time.
pub(super) const CLOCK_MAX: Duration = Duration::from_secs(30);
