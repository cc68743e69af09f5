//! The poller of the System Log, without a socket and without a clock.
//!
//! It follows the `next` links of a polling query. Such a query always has a next link, also on an empty page. An empty
//! page means that there are no more events for now. So does a page with fewer events than its limit whose newest event
//! is recent; a short page of older events may be one that the server cut. Okta orders the events by when they were
//! stored, not by `published`, so the poller resumes from the link and never from a time. (Okta: System Log query.)

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use jiff::Timestamp;

use super::budget::{Asker, Budget};
use super::error::{Meaning, Refusal, SendError};
use super::exchange::{Reply, Request, Step};
use super::headers::Headers;
use super::log_query::{OVERLAP, RETENTION, back, filter_of, limit_of, logs_url, query_of};
use super::next_link::{self, Asked, BadLink};
use super::read::{self, PageError, ReadPage};
use super::repeated_fault::RepeatedFault;
use super::request_waits::{Pace, SLOW};
use super::url::OrgUrl;
use crate::consent::{Bookmark, Consent, Kind, Reject, SideEvent, Topic, Via};
use crate::report::{Fault, Gap, Part, Pulse};

/// What to poll, and how often.
#[derive(Clone, PartialEq, Debug)]
pub struct PollPlan {
    /// The org whose log is polled.
    pub org: OrgUrl,
    /// The kinds of events; [`Kind::Other`] is never polled.
    pub kinds: Vec<Kind>,
    /// The topics of events that are fetched as evidence.
    pub topics: Vec<Topic>,
    /// The wait between polls while there are no more events.
    pub interval: Duration,
    /// How far back to begin if no position is stored.
    pub lookback: Duration,
    /// The `limit` of the first request, 1 to 1000. Later requests use Okta's own link.
    pub page_size: u16,
    /// The part of the rate limit to use, above 0 and up to 1.
    pub rate_share: f64,
    /// The time to begin at in place of `lookback`. Used only on the first run.
    pub since: Option<Timestamp>,
    /// Whether the poller is caught up only once it has read up to the time of its start. For `tail --once`.
    pub to_its_start: bool,
    /// A seed that makes two watchers wait differently.
    pub jitter_seed: u64,
}

impl PollPlan {
    /// Returns the words of the query, as bookmarks store them. Two plans with the same words can resume from each
    /// other's bookmarks.
    pub fn query(&self) -> String {
        query_of(&self.kinds, &self.topics)
    }
}

/// The result of a request. All of it goes into the journal in one transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The events.
    pub consents: Vec<Consent>,
    /// The events that are evidence only.
    pub sides: Vec<SideEvent>,
    /// The records that could not be read.
    pub rejects: Vec<Reject>,
    /// Where to resume after these events, or `None` if that did not change.
    pub bookmark: Option<Bookmark>,
    /// The state of the poller.
    pub pulse: Pulse,
    /// Whether the end of the log was reached.
    pub caught_up: bool,
    /// A period for which events may be missing.
    pub gap: Option<Gap>,
    /// A warning for the program's log about something odd but harmless.
    pub warning: Option<&'static str>,
}

/// Decides what to request and when, and reads the consents in the answers.
#[derive(Debug)]
pub struct Poller {
    plan: PollPlan,
    query: String,
    url: String,
    has_cursor: bool,
    since: Timestamp,
    /// The `since` of the query, or `None` if the stored link names none.
    asked_since: Option<Timestamp>,
    last_published: Option<Timestamp>,
    /// Hashes of the records on the previous page, to detect a page that repeats.
    last_page: HashSet<u64>,
    /// When the first answer came, by the server's clock.
    began: Option<Timestamp>,
    given: Option<Bookmark>,
    /// The bookmark that [`Poller::new`] was given. [`Poller::set_right`] starts from it again.
    stored: Option<Bookmark>,
    rested: Option<Timestamp>,
    gap: Option<Gap>,
    pace: Pace,
    trouble: RepeatedFault,
    /// Counts the cursors that were refused since the last accepted one.
    dead_cursors: RepeatedFault,
    dropped: Option<String>,
}

/// While no page has a cursor, the beginning is requested again. Once it is older than this, it is moved to the oldest
/// time that Okta keeps. The month in between makes that rare, because each new beginning is stored.
const BEGINNING_OLD: Duration = Duration::from_hours(120 * 24);

/// A short page is the last for now if its newest event is no older than this, or no older than the interval if that is
/// longer.
const FRESH: Duration = Duration::from_mins(1);

impl Poller {
    /// Returns a poller that resumes from a bookmark, or begins at the time that the plan names.
    pub fn new(plan: PollPlan, stored: Option<Bookmark>, now: Timestamp) -> Self {
        let query = plan.query();
        let first = plan.since.unwrap_or_else(|| back(now, plan.lookback));
        let mut poller = Self {
            query,
            url: String::new(),
            has_cursor: false,
            since: kept_since(first, now),
            asked_since: None,
            last_published: None,
            last_page: HashSet::new(),
            began: None,
            given: None,
            stored: stored.clone(),
            rested: None,
            gap: None,
            pace: Pace::new(Asker::Live, Budget::new(plan.rate_share, plan.interval), plan.jitter_seed),
            trouble: RepeatedFault::default(),
            dead_cursors: RepeatedFault::default(),
            dropped: None,
            plan,
        };
        match stored {
            None => poller.begin(poller.since),
            Some(stored) => poller.go_on(stored, now),
        }
        poller
    }

    /// Starts again with the right time, after the clock turned out to be wrong. Returns whether the URL has changed.
    /// If it has, pass a page or a bad request that has just come to [`Poller::discard`] and call [`Poller::step`]
    /// again.
    pub fn set_right(&mut self, now: Timestamp) -> bool {
        let anew = Self::new(self.plan.clone(), self.stored.clone(), now).resting_since(self.rested, now);
        let old = std::mem::replace(self, anew);
        self.pace = old.pace;
        self.url != old.url
    }

    /// Takes an answer to a query that is no longer current. Uses only its rate limit.
    pub fn discard(&mut self, now: Timestamp, reply: &Reply) {
        self.pace.heard(now, Some(&reply.headers));
    }

    /// Sets when the log was last read successfully, by any process. Events since then that Okta no longer keeps are a
    /// gap.
    #[must_use]
    pub fn resting_since(mut self, last_good: Option<Timestamp>, now: Timestamp) -> Self {
        self.rested = last_good;
        let oldest = back(now, RETENTION);
        if let Some(last_good) = last_good.filter(|last_good| *last_good < oldest) {
            let why = "the log was not read for so long that Okta no longer keeps these events";
            self.note_gap(last_good, oldest, why);
        }
        self
    }

    /// Returns what to do at this uptime.
    pub fn step(&mut self, up: Duration) -> Step {
        match self.pace.ask(up) {
            Ok(headers) => Step::Send(Request { url: self.url.clone(), headers }),
            Err(until) => Step::Wait { until },
        }
    }

    /// Takes the result of the request that [`Poller::step`] returned last.
    pub fn take(&mut self, now: Timestamp, up: Duration, result: Result<Reply, SendError>) -> Taken {
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

    /// Lets the next poll go at once, except for a wait that the rate limit asks for.
    pub fn poll_now(&mut self, up: Duration) {
        self.pace.hurry(up);
    }

    /// Returns why the stored link was dropped, or `None` if it was not.
    pub fn dropped(&self) -> Option<&str> {
        self.dropped.as_deref()
    }

    /// Returns the words of the query, as bookmarks store them.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Returns the budget, for other requests to the same org with the same credentials.
    pub fn budget(&self) -> Budget {
        self.pace.budget().clone()
    }

    /// Returns the wait between polls: the plan's interval, or longer if the rate limit leaves no room for it.
    pub fn interval(&self) -> Duration {
        self.pace.budget().interval()
    }

    fn take_page(&mut self, now: Timestamp, up: Duration, reply: &Reply) -> Taken {
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
        let link = reply.headers.link("next");
        let next = match &link {
            None => None,
            Some(link) => match next_link::accept(&self.plan.org, link, &self.asked(now)) {
                Ok(place) => Some(self.plan.org.join(&place)),
                // Before the first event there may be no cursor. The beginning is requested again.
                Err(BadLink::NoCursor) if page.records == 0 && !self.has_cursor => None,
                Err(bad) => return self.take_bad_page(now, up, page, bad.fault()),
            },
        };
        let ids = ids_of(&page);
        let is_repeated = page.records > 0 && ids == self.last_page;
        let has_moved = next.as_ref().is_some_and(|next| *next != self.url);
        if is_repeated && !has_moved {
            let fault = if link.is_none() { no_next_link() } else { same_page() };
            return self.take_bad_page(now, up, page, fault);
        }
        // After a page whose next link was refused, the same page is expected again.
        let is_stale = is_repeated && !self.trouble.is_met();
        self.last_page = ids;
        self.pace.well();
        self.trouble.clear();
        if self.has_cursor {
            self.dead_cursors.clear();
        }
        self.last_published = self.last_published.max(page.last_published.map(|time| time.min(now)));
        let is_caught_up = self.is_caught_up(now, &page, &reply.headers);
        let mut taken = self.sorted(page, if is_caught_up { Pulse::Live } else { Pulse::Catching });
        taken.caught_up = is_caught_up;

        if let Some(next) = next {
            self.url = next;
            self.has_cursor = true;
        } else {
            if link.is_none() {
                taken.warning =
                    Some("A page of the log came without a next link; the same request is sent again.");
            }
            self.keep_beginning_young(now);
        }

        let at_once = !is_caught_up && has_moved && !is_stale;
        let wait = if at_once { Duration::ZERO } else { self.interval() };
        self.pace.rest(now, up, wait, &reply.headers);
        taken.gap = self.gap.take();
        taken.bookmark = self.bookmark(taken.caught_up);
        taken
    }

    /// Takes the events of a page whose next link cannot be followed. The position in the log does not change.
    fn take_bad_page(&mut self, now: Timestamp, up: Duration, page: ReadPage, fault: Fault) -> Taken {
        let wait = self.pace.next_backoff();
        let fault = self.trouble.met(fault);
        let ids = ids_of(&page);
        // The events of this page are stored already, and its unreadable records counted.
        let page = if ids == self.last_page { ReadPage::default() } else { page };
        self.last_page = ids;
        let pulse = Pulse::Waiting(self.pace.wait(now, up, wait), fault);
        self.sorted(page, pulse)
    }

    /// Splits a page into consents and side events.
    fn sorted(&self, page: ReadPage, pulse: Pulse) -> Taken {
        let is_side = |consent: &Consent| {
            let topic = Topic::of(consent.event_type.exact());
            topic.is_some_and(|topic| self.plan.topics.contains(&topic))
        };
        let (sides, consents): (Vec<_>, Vec<_>) = page.consents.into_iter().partition(is_side);
        Taken {
            consents,
            sides: sides.into_iter().map(SideEvent::from).collect(),
            rejects: page.rejects,
            ..Self::nothing(pulse)
        }
    }

    /// Returns whether a page shows that there are no more events for now. Uses the server's time, because ours may be
    /// wrong.
    fn is_caught_up(&mut self, now: Timestamp, page: &ReadPage, headers: &Headers) -> bool {
        let server_now = headers.date().unwrap_or(now);
        let began = *self.began.get_or_insert(server_now);
        if page.records == 0 {
            return true;
        }
        let reaches = |from: Timestamp| {
            // An event from the future proves nothing about the present.
            let latest = server_now.checked_add(FRESH).unwrap_or(server_now);
            page.consents
                .iter()
                .filter_map(|consent| consent.published)
                .any(|at| (from..=latest).contains(&at))
        };
        if self.plan.to_its_start {
            return reaches(began);
        }
        page.records < limit_of(&self.url) && reaches(back(server_now, FRESH.max(self.interval())))
    }

    /// Returns the query that a link must continue.
    fn asked(&self, now: Timestamp) -> Asked {
        Asked {
            filter: filter_of(&self.plan.kinds, &self.plan.topics),
            since: self.asked_since,
            latest: now.max(self.since).max(self.last_published.unwrap_or(now)),
            until: None,
        }
    }

    fn take_refusal(&mut self, now: Timestamp, up: Duration, reply: &Reply) -> Taken {
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
            Meaning::BadRequest if self.has_cursor && matches!(reply.status, 400 | 410) => {
                let why = "Okta no longer accepted the stored place, and the log was read again from a little \
                           before it";
                self.restart(now, why);
                let wait = self.interval();
                let fault = self.dead_cursors.met(dead_cursor(&refusal));
                self.wait(now, up, wait, fault)
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

    /// Resumes from a bookmark. Starts over if the bookmark belongs to another set of kinds, because its cursor has
    /// passed events that are wanted now, or if its link cannot have come with a page of this query.
    fn go_on(&mut self, stored: Bookmark, now: Timestamp) {
        self.since = stored.since;
        self.last_published = stored.last_published;
        if stored.next.is_empty() && stored.query.is_empty() {
            // A bookmark that was damaged on the disk has nothing but the newest row.
            let why = "the stored place in the log was damaged on the disk, and the log was read again from a little before \
                       the newest row";
            return self.restart(now, why);
        }
        if stored.query == self.query {
            match next_link::accept(&self.plan.org, &stored.next, &self.asked(now)) {
                Ok(place) => {
                    self.asked_since = next_link::since_of(&place);
                    self.url = self.plan.org.join(&place);
                    self.has_cursor = true;
                    self.given = Some(stored);
                }
                // The bookmark holds the beginning of a query that had no cursor yet. No event was passed since.
                Err(BadLink::NoCursor) if let Some(since) = next_link::since_of(&stored.next) => {
                    self.begin(kept_since(since, now));
                    self.given = Some(stored);
                }
                Err(bad) => {
                    let why = format!(
                        "the stored place in the log {bad}; it was dropped, and the log was read again from a little \
                         before the last event"
                    );
                    self.restart(now, &why);
                    self.dropped = Some(format!(
                        "The stored place in the log {bad}. It was dropped, and the log is read again from a little \
                         before the last event; the gap is recorded."
                    ));
                }
            }
            return;
        }
        let known: Vec<&str> = stored.query.split(',').collect();
        // Evidence that was not fetched is no gap in the consents.
        let is_kind = |word: &&str| Kind::from_word(word).is_some();
        let added: Vec<&str> =
            self.query.split(',').filter(is_kind).filter(|word| !known.contains(word)).collect();
        let from = self.restart_point(now);
        if !added.is_empty() && stored.since < from {
            let why = format!("before this, events of these kinds were not fetched: {}", added.join(", "));
            self.note_gap(stored.since, from, &why);
        }
        self.begin(from);
    }

    /// Starts over a little before the last event, because the cursor cannot be used any more.
    fn restart(&mut self, now: Timestamp, why: &str) {
        let from = self.restart_point(now);
        self.begin(from);
        let start = self.last_published.unwrap_or(self.since).min(from);
        self.note_gap(start, now, why);
    }

    /// Moves an old beginning forward while there is no cursor: Okta refuses a `since` of more than 180 days ago.
    /// Events before the new beginning are no longer in the log.
    fn keep_beginning_young(&mut self, now: Timestamp) {
        let is_old = |since: &Timestamp| *since < back(now, BEGINNING_OLD);
        if let Some(since) = self.asked_since.filter(is_old)
            && !self.has_cursor
        {
            self.begin(kept_since(since, now));
        }
    }

    /// Begins a query at a time, without a cursor.
    fn begin(&mut self, since: Timestamp) {
        self.url = self.first_url(since);
        self.asked_since = Some(since);
        self.has_cursor = false;
        self.last_page.clear();
    }

    /// Keeps a gap until the next page, with which it is stored. Extends a gap that waits already.
    fn note_gap(&mut self, from: Timestamp, to: Timestamp, why: &str) {
        let gap = match self.gap.take() {
            None => Gap { from, to, why: why.to_owned() },
            Some(gap) if gap.why.contains(why) => {
                Gap { from: gap.from.min(from), to: gap.to.max(to), why: gap.why }
            }
            Some(gap) => {
                Gap { from: gap.from.min(from), to: gap.to.max(to), why: format!("{}; {why}", gap.why) }
            }
        };
        self.gap = Some(gap);
    }

    fn restart_point(&self, now: Timestamp) -> Timestamp {
        let from = self.last_published.map_or(self.since, |time| back(time, OVERLAP).max(self.since));
        kept_since(from, now)
    }

    fn first_url(&self, since: Timestamp) -> String {
        let PollPlan { org, kinds, topics, page_size, .. } = &self.plan;
        logs_url(org, since, None, *page_size, &filter_of(kinds, topics))
    }

    fn bookmark(&mut self, caught_up: bool) -> Option<Bookmark> {
        let bookmark = Bookmark {
            query: self.query.clone(),
            next: self.plan.org.path_of(&self.url)?,
            last_published: self.last_published,
            since: self.since,
            caught_up,
        };
        if self.given.as_ref() == Some(&bookmark) {
            return None;
        }
        self.given = Some(bookmark.clone());
        Some(bookmark)
    }

    /// Sets the time of the next request after a failure.
    fn wait(&mut self, now: Timestamp, up: Duration, wait: Duration, fault: Fault) -> Taken {
        Self::nothing(Pulse::Waiting(self.pace.wait(now, up, wait), fault))
    }

    fn nothing(pulse: Pulse) -> Taken {
        Taken {
            consents: Vec::new(),
            sides: Vec::new(),
            rejects: Vec::new(),
            bookmark: None,
            pulse,
            caught_up: false,
            gap: None,
            warning: None,
        }
    }
}

/// Limits a beginning to the time that Okta keeps, and to the past.
fn kept_since(since: Timestamp, now: Timestamp) -> Timestamp {
    since.max(back(now, RETENTION)).min(now)
}

/// Returns hashes that identify the records of a page in any order: of the ids of events, and of the bytes
/// of unreadable records.
fn ids_of(page: &ReadPage) -> HashSet<u64> {
    let hash = |what: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        what(&mut hasher);
        hasher.finish()
    };
    let events = page.consents.iter().map(|consent| hash(&|hasher| consent.key.id.hash(hasher)));
    let others = page.rejects.iter().map(|reject| hash(&|hasher| reject.bytes.hash(hasher)));
    events.chain(others).collect()
}

fn same_page() -> Fault {
    Fault::new(
        Part::Poll,
        "the same page again",
        "Okta's log returns the previous page again, and its next link leads back to it.",
        "It retries at the same place, after waits of up to a minute; the events are stored.",
        "Check whether a proxy in between caches answers; if none does, tell Okta's support.",
    )
}

fn no_next_link() -> Fault {
    Fault::new(
        Part::Poll,
        "no next link",
        "Okta's log answers without a next link, so nothing after this page can be read.",
        "It retries at the same place, after waits of up to a minute; the events are stored.",
        "Check whether a proxy in between removes Link headers.",
    )
}

fn dead_cursor(refusal: &Refusal) -> Fault {
    Fault::new(
        Part::Poll,
        "place in the log refused",
        &format!("Okta no longer accepts the stored place in the log ({refusal})."),
        "It begins again a little before the last event and records the gap.",
        "If this lasts, check whether a proxy in between caches or changes answers.",
    )
    .passing()
}

#[cfg(test)]
mod tests;
