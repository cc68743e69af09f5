//! Fetches older history, without a socket and without a clock.
//!
//! It works back from what is complete in stretches of time, the newest first. Each stretch is one bounded query, which
//! Okta orders by `published` and whose last page has no next link (System Log query). A stretch that was read to its
//! end extends what is complete, so an interruption loses at most one page.

use std::time::Duration;

use jiff::Timestamp;

use super::budget::{Asker, Budget};
use super::error::{Meaning, Refusal, SendError};
use super::exchange::{Reply, Request, Step};
use super::log_query::{OVERLAP, RETENTION, back, filter_of, logs_url, query_of};
use super::next_link::{self, Asked, BadLink};
use super::read::{self, PageError};
use super::repeated_fault::RepeatedFault;
use super::request_waits::{Pace, SLOW};
use super::url::OrgUrl;
use crate::consent::{Consent, HistoryMark, Kind, Reject, Via};
use crate::report::{Coverage, Fault, Part, Pulse};

/// The plan of a fetch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistoryPlan {
    /// The org whose log is read.
    pub org: OrgUrl,
    /// The kinds of events; the same ones that are polled.
    pub kinds: Vec<Kind>,
    /// How far back to fetch; never further than Okta keeps events.
    pub goal: Timestamp,
    /// The `limit` of the first request of a stretch, 1 to 1000.
    pub page_size: u16,
    /// A seed that makes two watchers wait differently.
    pub jitter_seed: u64,
}

/// The result of a request. All of it goes into the journal in one transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// The events.
    pub consents: Vec<Consent>,
    /// The records that could not be read.
    pub rejects: Vec<Reject>,
    /// Where to resume after these events. Always present with events, so that the journal knows that they are history.
    pub mark: Option<HistoryMark>,
    /// The state of the fetch; [`Pulse::Live`] once it is done.
    pub pulse: Pulse,
}

/// Decides what to request and when, until the goal is reached.
#[derive(Debug)]
pub struct History {
    plan: HistoryPlan,
    mark: HistoryMark,
    url: String,
    pace: Pace,
    /// The length of the next stretch.
    length: Duration,
    /// The number of pages of this stretch so far.
    pages: u32,
    trouble: RepeatedFault,
    /// Counts the links that Okta refused in the shortest stretch since a stretch was last read to its end.
    dead_links: RepeatedFault,
    dropped: Option<String>,
    is_done: bool,
}

/// The length of the first stretch. Later lengths depend on how many pages the earlier ones had.
const FIRST_LENGTH: Duration = Duration::from_hours(6);
/// The shortest stretch that is requested.
const LENGTH_MIN: Duration = Duration::from_mins(1);
/// Stretches with this many pages or more are halved, so that progress is stored often and little is fetched twice
/// after a refused link.
const PAGES_MANY: u32 = 8;
/// How far a stretch reaches into the one above it, because Okta does not document whether `until` itself is part of
/// the query.
const MARGIN: Duration = Duration::from_secs(1);

impl History {
    /// Returns a fetch of what is missing between the goal and now: everything before the time from which on the
    /// journal is complete, and the gaps. It resumes from a stored mark if that mark still fits.
    ///
    /// Fetches nothing if nothing is missing, or if nothing is complete yet that the history could join.
    pub fn new(
        plan: HistoryPlan,
        coverage: &Coverage,
        stored: Option<HistoryMark>,
        budget: Budget,
        now: Timestamp,
    ) -> Self {
        let query = query_of(&plan.kinds, &[]);
        let goal = plan.goal.max(back(now, RETENTION)).min(now);
        let complete = coverage.complete_since.unwrap_or(goal);
        let last_gap = coverage.gaps.iter().map(|gap| gap.to).filter(|to| *to > goal).max();
        let is_missing = complete > goal || last_gap.is_some();
        let needed = last_gap.map_or(complete, |gap| gap.max(complete));
        let top = needed.checked_add(OVERLAP).unwrap_or(needed).min(now);
        // A mark is resumed only if everything above its stretch is still complete. Rows removed since then would leave
        // a hole.
        let fits = |mark: &HistoryMark| {
            mark.query == query && mark.top >= needed && (complete..=mark.top).contains(&mark.whole_from)
        };
        let begun = HistoryMark { query: query.clone(), goal, top, whole_from: top, from: top, next: None };
        let mark = match stored.filter(fits) {
            Some(mark) => HistoryMark { goal, ..mark },
            None => begun,
        };
        let pace = Pace::new(Asker::History, budget, plan.jitter_seed);
        let mut history = Self {
            plan,
            mark,
            url: String::new(),
            pace,
            length: FIRST_LENGTH,
            pages: 0,
            trouble: RepeatedFault::default(),
            dead_links: RepeatedFault::default(),
            dropped: None,
            is_done: !is_missing,
        };
        if is_missing {
            history.begin(now);
        }
        history.pace.budget().set_history(!history.is_done);
        history
    }

    /// Returns what to do at this uptime.
    pub fn step(&mut self, up: Duration) -> Step {
        if self.is_done {
            return Step::Wait { until: Duration::MAX };
        }
        match self.pace.ask(up) {
            Ok(headers) => Step::Send(Request { url: self.url.clone(), headers }),
            Err(until) => Step::Wait { until },
        }
    }

    /// Takes the result of the request that [`History::step`] returned last.
    pub fn take(&mut self, now: Timestamp, up: Duration, result: Result<Reply, SendError>) -> Fetched {
        self.pace.heard(now, result.as_ref().ok().map(|reply| &reply.headers));
        match result {
            Ok(reply) if reply.status == 200 => self.take_page(now, up, &reply),
            Ok(reply) => self.take_refusal(now, up, &reply),
            Err(error) => {
                let fault = error.fault(Part::Poll);
                let wait = if fault.passes { self.pace.next_backoff() } else { SLOW };
                self.wait(now, up, wait, fault)
            }
        }
    }

    /// Returns why the stored link was dropped, or `None` if it was not.
    pub fn dropped(&self) -> Option<&str> {
        self.dropped.as_deref()
    }

    /// Returns whether the goal is reached.
    pub fn is_done(&self) -> bool {
        self.is_done
    }

    /// Returns the time from which on everything is fetched, up to what was complete before.
    pub fn whole_from(&self) -> Timestamp {
        self.mark.whole_from
    }

    fn take_page(&mut self, now: Timestamp, up: Duration, reply: &Reply) -> Fetched {
        let page = match read::page(&reply.body, now, Via::POLL) {
            Ok(page) => page,
            Err(error @ PageError::Cut) => {
                let wait = self.pace.next_backoff();
                return self.wait(now, up, wait, SendError::Cut(error.to_string()).fault(Part::Poll));
            }
            Err(error) => {
                let fault = Refusal::read(reply.status, &reply.headers, &reply.body).fault(Part::Poll);
                return self.wait(now, up, SLOW, fault.caused_by(&error));
            }
        };
        let mut fetched =
            Fetched { consents: page.consents, rejects: page.rejects, mark: None, pulse: Pulse::Catching };
        let next = match reply.headers.link("next").map(|link| self.accept(&link)).transpose() {
            // An empty page whose link leads to its own beginning is the last one.
            Err(BadLink::NoCursor) if page.records == 0 && self.mark.next.is_none() => None,
            Ok(next) => next.filter(|place| self.plan.org.join(place) != self.url || page.records > 0),
            Err(bad) => return self.take_bad_page(now, up, fetched, bad.fault()),
        };
        if next.as_ref().is_some_and(|place| self.plan.org.join(place) == self.url) {
            // The stretch is not complete, and this link would return the same page forever.
            return self.take_bad_page(now, up, fetched, fetched_in_a_circle());
        }
        self.pace.well();
        self.trouble.clear();
        self.pages = self.pages.saturating_add(1);
        let wait = self.pace.budget().history_interval();
        self.pace.rest(now, up, wait, &reply.headers);
        match next {
            Some(place) => {
                self.url = self.plan.org.join(&place);
                self.mark.next = Some(place);
            }
            // An empty page whose link leads to itself is the last one as well.
            None => self.end_stretch(now),
        }
        if self.is_done {
            fetched.pulse = Pulse::Live;
        }
        fetched.mark = Some(self.mark.clone());
        fetched
    }

    fn take_refusal(&mut self, now: Timestamp, up: Duration, reply: &Reply) -> Fetched {
        let refusal = Refusal::read(reply.status, &reply.headers, &reply.body);
        let fault = refusal.fault(Part::Poll);
        match refusal.meaning() {
            Meaning::RateLimit => {
                let wait = self.pace.rate_limited(now, up, &reply.headers);
                self.wait(now, up, wait, fault)
            }
            Meaning::Unavailable => {
                let wait = self.pace.unavailable(now, &reply.headers);
                self.wait(now, up, wait, fault)
            }
            Meaning::BadRequest if self.mark.next.is_some() && matches!(reply.status, 400 | 410) => {
                // Nothing is lost: the whole stretch is requested again, or half of it, which needs fewer links.
                let length = stretch(self.mark.from, self.mark.whole_from);
                let is_shortest = length <= LENGTH_MIN;
                self.length = length.div_f64(2.0).max(LENGTH_MIN);
                self.begin_stretch(now);
                let wait = self.pace.next_backoff().max(self.pace.budget().history_interval());
                let fault = dead_link(&refusal);
                // The shortest stretch cannot be halved, so another try is unlikely to need fewer links.
                let fault = if is_shortest { self.dead_links.met(fault) } else { fault };
                let fetched = self.wait(now, up, wait, fault);
                Fetched { mark: Some(self.mark.clone()), ..fetched }
            }
            Meaning::BadRequest => {
                let wait = self.pace.next_backoff();
                let fault = self.trouble.met(fault);
                self.wait(now, up, wait, fault)
            }
            Meaning::BadCredentials
            | Meaning::FeatureOff
            | Meaning::NotPermitted
            | Meaning::NotFound
            | Meaning::NotOkta => self.wait(now, up, SLOW, fault),
        }
    }

    /// Takes the events of a page whose next link cannot be followed. The position in the history does not change.
    fn take_bad_page(&mut self, now: Timestamp, up: Duration, page: Fetched, fault: Fault) -> Fetched {
        let wait = self.pace.next_backoff();
        let fault = self.trouble.met(fault);
        let pulse = Pulse::Waiting(self.pace.wait(now, up, wait), fault);
        // The events of this page are stored already, and its unreadable records counted.
        let page = if self.trouble.is_repeated() { Self::nothing(Pulse::Catching) } else { page };
        Fetched { mark: Some(self.mark.clone()), pulse, ..page }
    }

    /// Returns the path and query of a link, if it continues the current stretch.
    fn accept(&self, link: &str) -> Result<String, BadLink> {
        let asked = Asked {
            filter: filter_of(&self.plan.kinds, &[]),
            since: Some(self.mark.from),
            latest: self.mark.from,
            // The `until` that was sent is at most `MARGIN` after `whole_from`. The middle is close to both.
            until: Some(self.mark.whole_from.checked_add(MARGIN / 2).unwrap_or(self.mark.whole_from)),
        };
        next_link::accept(&self.plan.org, link, &asked)
    }

    /// Begins at the position of the mark.
    fn begin(&mut self, now: Timestamp) {
        // A stretch that reaches back further than Okta keeps events would return too few and count as complete.
        let is_open = self.mark.from >= back(now, RETENTION) && self.mark.from < self.mark.whole_from;
        match self.mark.next.as_deref().filter(|_| is_open).map(|next| self.accept(next)) {
            Some(Ok(place)) => self.url = self.plan.org.join(&place),
            Some(Err(bad)) => {
                self.dropped = Some(format!(
                    "The stored place in the history {bad}. It was dropped, and that period is fetched again; \
                     nothing is lost."
                ));
                self.begin_stretch(now);
            }
            None => self.begin_stretch(now),
        }
    }

    fn end_stretch(&mut self, now: Timestamp) {
        let length = stretch(self.mark.from, self.mark.whole_from);
        self.length = match self.pages {
            ..=1 => length.saturating_mul(2).max(self.length),
            PAGES_MANY.. => length.div_f64(2.0).max(LENGTH_MIN),
            _ => length.max(LENGTH_MIN),
        };
        self.mark.whole_from = self.mark.from;
        self.dead_links.clear();
        self.begin_stretch(now);
    }

    /// Begins the stretch before the complete part, or ends if nothing is left.
    fn begin_stretch(&mut self, now: Timestamp) {
        let floor = self.mark.goal.max(back(now, RETENTION));
        self.pages = 0;
        self.mark.next = None;
        if self.mark.whole_from <= floor {
            // Okta no longer keeps anything before this. The mark says that the goal is reached.
            self.mark.goal = self.mark.whole_from;
            self.mark.from = self.mark.whole_from;
            self.is_done = true;
            self.pace.budget().set_history(false);
            return;
        }
        self.mark.from = back(self.mark.whole_from, self.length).max(floor);
        self.url = self.stretch_url(now);
    }

    fn stretch_url(&self, now: Timestamp) -> String {
        let until = self.mark.whole_from.checked_add(MARGIN).unwrap_or(self.mark.whole_from).min(now);
        let HistoryPlan { org, kinds, page_size, .. } = &self.plan;
        logs_url(org, self.mark.from, Some(until), *page_size, &filter_of(kinds, &[]))
    }

    fn wait(&mut self, now: Timestamp, up: Duration, wait: Duration, fault: Fault) -> Fetched {
        Self::nothing(Pulse::Waiting(self.pace.wait(now, up, wait), fault))
    }

    fn nothing(pulse: Pulse) -> Fetched {
        Fetched { consents: Vec::new(), rejects: Vec::new(), mark: None, pulse }
    }
}

impl Drop for History {
    fn drop(&mut self) {
        // The live poller need not leave room for a fetch that has ended.
        self.pace.budget().set_history(false);
    }
}

fn stretch(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

fn dead_link(refusal: &Refusal) -> Fault {
    Fault::new(
        Part::Poll,
        "place in the history refused",
        &format!("Okta no longer accepts the place in the history ({refusal})."),
        "It fetches this period again; nothing is lost.",
        "",
    )
    .passing()
}

fn fetched_in_a_circle() -> Fault {
    Fault::new(
        Part::Poll,
        "next link repeats the page",
        "The next link of a page of the history leads back to that page.",
        "It retries at the same place, after waits of up to a minute; the events are stored.",
        "Check whether a proxy in between caches answers; if none does, tell Okta's support.",
    )
}

#[cfg(test)]
mod tests;
