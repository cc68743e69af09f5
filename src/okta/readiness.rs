//! Checks whether the org can produce consents, without a socket: what to request, when, and what the answers mean.
//!
//! No public API lists the features that consents need, so each verdict rests on the answers of the APIs that exist. A
//! round makes all calls, one at a time. An unusable answer affects only its own item.

mod answers;
mod calls;
mod judge;
mod servers;
mod setup;
mod words;

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::budget::{Asker, Budget};
use super::error::SendError;
use super::exchange::{Reply, Request};
use super::request_waits::Pace;
use crate::report::Readiness;
use answers::{Answer, Facts, Why};
use calls::{Ask, Bucket};
pub use setup::{ReadinessPlan, Rights};

/// The budgets for the rate limits that the calls count against. Each limit has a bucket of its own (Okta: rate limits,
/// buckets).
#[derive(Clone, Debug)]
pub struct ReadinessBudgets {
    /// The budget of the System Log, which the poller uses too.
    pub log: Budget,
    /// The budget of the apps.
    pub apps: Budget,
    /// The budget of the authorization servers.
    pub servers: Budget,
    /// The budget of all other calls.
    pub rest: Budget,
}

impl ReadinessBudgets {
    /// Returns new budgets beside that of the log, for a program that looks up nothing else.
    pub fn beside(log: Budget, share: f64) -> Self {
        let own = || Budget::new(share, Duration::ZERO);
        Self { log, apps: own(), servers: own(), rest: own() }
    }
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProbeStep {
    /// Send this with the credentials and give the result to [`Prober::take`].
    Send(Request),
    /// Send this without credentials, because the call is public, and give the result to [`Prober::take`].
    SendOpen(Request),
    /// There is nothing to do before this uptime.
    Wait(Duration),
    /// The round is over.
    Done,
}

/// Runs rounds of all probes, one after the other.
#[derive(Debug)]
pub struct Prober {
    plan: ReadinessPlan,
    buckets: [(Bucket, Pace); 4],
    queue: VecDeque<Task>,
    out: Option<Task>,
    facts: Facts,
    /// The temporary failures in this round. After some of them no call is tried twice.
    failures: u32,
    /// The calls without any answer in a row. After some of them the other calls are left for the next round.
    silence: u32,
    asked: u32,
    /// The buckets whose limit is used up for this round.
    limited: Vec<Bucket>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Task {
    ask: Ask,
    /// The URL of the next page, if this task is for one.
    next: Option<String>,
    page: u32,
    tries: u32,
}

/// The maximum number of calls in a round. An org with more servers than that allows is checked only in part.
const ASKED_MAX: u32 = 200;
/// The maximum number of retries in a round.
const SECOND_TRIES: u32 = 2;
/// The number of calls without an answer in a row after which the host is not called any more.
const SILENCE_MAX: u32 = 2;
/// The maximum number of pages of one list: 10,000 apps.
const PAGES_MAX: u32 = 50;
/// The longest wait for one answer within a round.
const PATIENCE: Duration = Duration::from_secs(20);

impl Prober {
    /// Returns a prober that does nothing until [`Prober::begin`].
    pub fn new(plan: ReadinessPlan, budgets: ReadinessBudgets) -> Self {
        let ReadinessBudgets { log, apps, servers, rest } = budgets;
        let seed = plan.jitter_seed;
        let bucket = |bucket, budget| (bucket, Pace::new(Asker::History, budget, seed));
        let buckets = [
            bucket(Bucket::Log, log),
            bucket(Bucket::Apps, apps),
            bucket(Bucket::Servers, servers),
            bucket(Bucket::Rest, rest),
        ];
        Self {
            plan,
            buckets,
            queue: VecDeque::new(),
            out: None,
            facts: Facts::default(),
            failures: 0,
            silence: 0,
            asked: 0,
            limited: Vec::new(),
        }
    }

    /// Begins a round. `proof` is the time of the newest consent at a custom authorization server in the journal. If it
    /// is recent, Okta's log is queried only if `asks_log` is set, to check whether it can be read.
    pub fn begin(&mut self, now: Timestamp, proof: Option<Timestamp>, asks_log: bool) {
        let Self { plan, queue, .. } = self;
        queue.clear();
        self.out = None;
        (self.failures, self.silence, self.asked) = (0, 0, 0);
        self.limited.clear();
        self.facts = Facts::new(proof.map(|at| (at, now)));
        let mut add = |ask| queue.push_back(Task { ask, next: None, page: 1, tries: 0 });
        add(Ask::Engine);
        add(Ask::Metadata(calls::DEFAULT.to_owned()));
        if let Some(own) = calls::segment(&plan.server).filter(|own| own != calls::DEFAULT) {
            add(Ask::Metadata(own));
        }
        add(Ask::Servers);
        add(Ask::Hooks);
        add(Ask::Apps);
        add(Ask::Features);
        if asks_log || !self.facts.is_proven(now) {
            add(Ask::History(now));
        }
    }

    /// Returns what to do at this uptime.
    pub fn step(&mut self, now: Timestamp, up: Duration) -> ProbeStep {
        loop {
            if self.out.is_none() {
                let Some(task) = self.queue.pop_front() else { return ProbeStep::Done };
                let why = if !task.ask.is_open() && !self.plan.has_credentials {
                    Some(Why::NoCredentials)
                } else if self.silence >= SILENCE_MAX {
                    Some(Why::Other("not asked: the host does not answer".to_owned()))
                } else if self.asked >= ASKED_MAX {
                    Some(Why::Other("not asked: too many calls for one round".to_owned()))
                } else {
                    None
                };
                if let Some(why) = why {
                    let answer = Answer::without(&task.ask, why, now);
                    self.keep(&task, answer);
                    continue;
                }
                self.out = Some(task);
            }
            let Some(task) = &self.out else { return ProbeStep::Done };
            let (_, pace) = &mut self.buckets[task.ask.bucket() as usize];
            match pace.ask(up) {
                Ok(headers) => {
                    let url = task.next.clone().unwrap_or_else(|| self.plan.org.join(&task.ask.path()));
                    let request = Request { url, headers };
                    return if task.ask.is_open() {
                        ProbeStep::SendOpen(request)
                    } else {
                        ProbeStep::Send(request)
                    };
                }
                Err(until)
                    if until > up.saturating_add(PATIENCE) && self.limited.contains(&task.ask.bucket()) =>
                {
                    // The refusal that is known already counts as the answer of this round.
                    if let Some(task) = self.out.take().filter(|task| task.tries == 0) {
                        let answer = Answer::without(&task.ask, Why::Passing { is_rate: true }, now);
                        self.keep(&task, answer);
                    }
                }
                Err(until) => return ProbeStep::Wait(until),
            }
        }
    }

    /// Takes the result of the request that [`Prober::step`] returned last.
    pub fn take(&mut self, now: Timestamp, up: Duration, result: &Result<Reply, SendError>) {
        let Some(mut task) = self.out.take() else { return };
        self.asked += 1;
        let (_, pace) = &mut self.buckets[task.ask.bucket() as usize];
        pace.heard(now, result.as_ref().ok().map(|reply| &reply.headers));
        self.silence = match result {
            Err(error) if !matches!(error, SendError::SignIn(_)) => self.silence + 1,
            _ => 0,
        };
        if let Ok(reply) = result {
            self.facts.hear_clock(&task.ask, reply, now);
        }
        let answer = Answer::read(&task.ask, task.page, result, now);
        let link = result.as_ref().ok().filter(|reply| reply.status == 200);
        let next = link.and_then(|reply| reply.headers.link("next")).map(|link| {
            // A next link to another host or path is not followed: the request carries the credentials, and the answer
            // would contain other things.
            let path = task.ask.path();
            let path_alone = |place: &str| place.split_once('?').map_or(place, |(path, _)| path).to_owned();
            let place = self.plan.org.path_of(&link).filter(|place| path_alone(place) == path_alone(&path));
            place.map(|place| self.plan.org.join(&place))
        });
        let mut again = false;
        if let (Err(Why::Passing { is_rate }), Ok(reply)) = (&answer.result, result) {
            let wait = if *is_rate {
                pace.rate_limited(now, up, &reply.headers)
            } else {
                pace.unavailable(now, &reply.headers)
            };
            pace.wait(now, up, wait);
            self.failures += 1;
            if *is_rate {
                self.limited.push(task.ask.bucket());
            }
            again = task.tries == 0 && self.failures <= SECOND_TRIES && wait <= PATIENCE;
        } else if let Ok(reply) = result {
            pace.well();
            pace.rest(now, up, Duration::ZERO, &reply.headers);
        }
        let is_good = answer.result.is_ok();
        // A page that is requested once more adds nothing yet.
        if !again || task.page == 1 {
            self.keep(&task, answer);
        }
        if again {
            task.tries += 1;
            self.out = Some(task);
        } else if is_good && task.ask.is_paged() {
            match next {
                Some(Some(next)) if task.page < PAGES_MAX && task.next.as_ref() != Some(&next) => {
                    self.queue.push_front(Task { next: Some(next), page: task.page + 1, ..task });
                }
                // The part of the list that was read is used all the same.
                Some(_) => {
                    self.facts.cut(&task.ask);
                    self.go_on(&task.ask);
                }
                None => self.go_on(&task.ask),
            }
        } else {
            self.go_on(&task.ask);
        }
    }

    /// Returns the verdict on the results of the round.
    pub fn judge(&self, now: Timestamp, rights: &Rights) -> Readiness {
        judge::judge(&self.plan, &self.facts, rights, now)
    }

    fn keep(&mut self, task: &Task, answer: Answer) {
        self.facts.keep(&task.ask, task.page, answer);
    }

    /// Adds the calls that an answer leads to.
    fn go_on(&mut self, ask: &Ask) {
        let more = self.facts.leads_from(ask, &self.plan.server);
        for ask in more.into_iter().rev() {
            self.queue.push_front(Task { ask, next: None, page: 1, tries: 0 });
        }
    }
}

#[cfg(test)]
mod tests;
