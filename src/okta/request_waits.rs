//! When the next of many requests may go: after a page, after a failure, after a refusal for the rate.

mod backoff;

use std::time::Duration;

use jiff::Timestamp;

use super::budget::{Asker, Budget};
use super::headers::{Headers, Rate};

/// The pace of one sender of requests.
#[derive(Debug)]
pub(super) struct Pace {
    who: Asker,
    budget: Budget,
    seed: u64,
    failures: u32,
    retry: Option<Retry>,
    next_at: Duration,
    /// Whether a request was given out and has no result yet. It is counted only once.
    is_out: bool,
}

/// A request that was refused for its rate. Like Okta's SDKs, its retries name the first refusal.
#[derive(Debug)]
struct Retry {
    first: Option<String>,
    count: u32,
}

/// The wait if only a person can fix the fault. The next try shows by itself whether it is fixed.
pub(super) const SLOW: Duration = Duration::from_mins(1);

const REQUEST_ID_MAX: usize = 128;

impl Pace {
    /// Returns a pace without failures. The seed makes two watchers wait differently.
    pub(super) fn new(who: Asker, budget: Budget, seed: u64) -> Self {
        Self { who, budget, seed, failures: 0, retry: None, next_at: Duration::ZERO, is_out: false }
    }

    /// Returns the budget that requests count against.
    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Returns the extra headers of a request that may go now, or the uptime to wait for.
    pub(super) fn ask(&mut self, up: Duration) -> Result<Vec<(&'static str, String)>, Duration> {
        if !self.is_out {
            if up < self.next_at {
                return Err(self.next_at);
            }
            let free_at = self.budget.free_at(up, self.who);
            if up < free_at {
                return Err(free_at);
            }
            self.budget.spend(up);
            self.is_out = true;
        }
        let mut headers = Vec::new();
        if let Some(retry) = &self.retry {
            headers.extend(retry.first.clone().map(|id| ("X-Okta-Retry-For", id)));
            headers.push(("X-Okta-Retry-Count", retry.count.to_string()));
        }
        Ok(headers)
    }

    /// Records that a request ended, with an answer or a failure.
    pub(super) fn heard(&mut self, now: Timestamp, headers: Option<&Headers>) {
        self.is_out = false;
        if let Some(headers) = headers {
            self.budget.learn(headers.believable_rate(now));
        }
    }

    /// Forgets the failures, after a good page.
    pub(super) fn well(&mut self) {
        self.failures = 0;
        self.retry = None;
    }

    /// Sets the time of the next request after a page: `wait`, or longer if the limit is nearly used up.
    pub(super) fn rest(&mut self, now: Timestamp, up: Duration, wait: Duration, headers: &Headers) {
        let rate = headers.believable_rate(now).unwrap_or_default();
        let mut wait = wait;
        if self.budget.is_share_spent(rate) {
            wait = wait.max(match self.who {
                Asker::Live => self.budget.fair_interval(),
                Asker::History => self.budget.history_interval(),
            });
        }
        if let Rate { limit: Some(limit @ 1..), remaining: Some(remaining), .. } = rate
            && remaining.saturating_mul(10) < limit
        {
            let left = headers.until_reset(now).unwrap_or(SLOW).saturating_add(Duration::from_secs(1));
            wait = wait.max(left.min(backoff::SERVER_CAP));
            self.budget.hold(up.saturating_add(wait));
        }
        self.next_at = up.saturating_add(wait);
    }

    /// Sets the time of the next request after a failure, and returns it by the wall clock.
    pub(super) fn wait(&mut self, now: Timestamp, up: Duration, wait: Duration) -> Timestamp {
        self.next_at = up.saturating_add(wait);
        now.checked_add(wait).unwrap_or(now)
    }

    /// Returns the wait after a 429, during which no request of the budget goes. A 429 has two forms: for a full window
    /// it names the end; for too many requests at once it names zeros, which are ignored. (Okta: rate limits, monitor
    /// usage; concurrency limits.)
    pub(super) fn rate_limited(&mut self, now: Timestamp, up: Duration, headers: &Headers) -> Duration {
        let retry = self.retry.get_or_insert(Retry { first: sendable_id(headers), count: 0 });
        retry.count = retry.count.saturating_add(1);
        let asked = headers.retry_after(now);
        let reset = headers.believable_rate(now).and_then(|_| headers.until_reset(now));
        let reset = reset.map(|left| left.saturating_add(Duration::from_secs(1)));
        let wait = match asked.max(reset) {
            Some(named) if reset.is_some() => {
                self.failures = self.failures.saturating_add(1);
                self.named(named)
            }
            named => self.next_backoff().max(named.map_or(Duration::ZERO, |named| self.named(named))),
        };
        self.budget.hold(up.saturating_add(wait));
        wait
    }

    /// Returns the wait while Okta cannot answer.
    pub(super) fn unavailable(&mut self, now: Timestamp, headers: &Headers) -> Duration {
        let wait = self.next_backoff();
        let asked = headers.retry_after(now).map(|asked| self.named(asked));
        wait.max(asked.unwrap_or_default())
    }

    /// Returns the wait after one more failure in a row.
    pub(super) fn next_backoff(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        backoff::doubling(self.failures, self.seed)
    }

    /// Lets the next request go at once, except for a wait that the rate limit asks for.
    pub(super) fn hurry(&mut self, up: Duration) {
        self.next_at = self.next_at.min(up.max(self.budget.held_until()));
    }

    fn named(&self, named: Duration) -> Duration {
        backoff::named(named, self.failures, self.seed)
    }
}

/// Returns the request id if it may be sent in a header.
fn sendable_id(headers: &Headers) -> Option<String> {
    let id = headers.request_id()?;
    (id.len() <= REQUEST_ID_MAX && id.bytes().all(|b| b.is_ascii_graphic())).then(|| id.to_owned())
}
