//! The poller of the System Log, without a socket and without a clock.
//!
//! It follows the `next` links of a polling query. Such a query always has a next link, also on an empty page. An
//! empty page says that nothing more is there for now, and so does a page shorter than its limit whose newest event is
//! of these moments; a short page of older events may be one that the server cut. Its order is that of storing, not of
//! `published`, so the place to go on from is the link and never a time. (Okta: System Log query.)

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
use super::pace::{Pace, SLOW};
use super::read::{self, ReadError, ReadPage};
use super::repeated_fault::RepeatedFault;
use super::url::OrgUrl;
use crate::consent::{Bookmark, Consent, Kind, Reject, SideEvent, Topic, Via};
use crate::report::{Fault, Gap, Part, Pulse};

/// What to poll, and how eagerly.
#[derive(Clone, PartialEq, Debug)]
pub struct PollPlan {
    /// Whose log.
    pub org: OrgUrl,
    /// Which families; [`Kind::Other`] is never polled.
    pub kinds: Vec<Kind>,
    /// What comes along as evidence.
    pub topics: Vec<Topic>,
    /// The wait between polls while nothing more is there.
    pub interval: Duration,
    /// How far back to begin where nothing is stored.
    pub lookback: Duration,
    /// The limit of the first request, 1 to 1000; later ones carry Okta's own link.
    pub page_size: u16,
    /// Which part of the rate limit to use, above 0 and up to 1.
    pub rate_share: f64,
    /// Where to begin in place of `lookback`; counts on the first run only.
    pub since: Option<Timestamp>,
    /// Whether the poller is caught up only once it has read up to the time of its start. For `tail --once`.
    pub to_its_start: bool,
    /// Sets apart the waits of two watchers.
    pub jitter_seed: u64,
}

impl PollPlan {
    /// Returns what is asked for, as bookmarks name it: two plans with the same words can go on from each other's
    /// place.
    pub fn query(&self) -> String {
        query_of(&self.kinds, &self.topics)
    }
}

/// What came of a request. All of it goes into the journal in one transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// The events.
    pub consents: Vec<Consent>,
    /// Those that are evidence only.
    pub sides: Vec<SideEvent>,
    /// What could not be read.
    pub rejects: Vec<Reject>,
    /// Where to go on after these events, or `None` if that did not change.
    pub bookmark: Option<Bookmark>,
    /// How the poller is now.
    pub pulse: Pulse,
    /// Whether nothing more was there.
    pub caught_up: bool,
    /// A stretch of time for which events may be missing.
    pub gap: Option<Gap>,
    /// Something odd that does no harm, for the log.
    pub warning: Option<&'static str>,
}

/// Decides what to ask and when, and makes consents of the answers.
#[derive(Debug)]
pub struct Poller {
    plan: PollPlan,
    query: String,
    url: String,
    has_cursor: bool,
    since: Timestamp,
    /// The `since` that was asked with; `None` where a stored place names none.
    asked_since: Option<Timestamp>,
    last_published: Option<Timestamp>,
    /// What the page before held, to notice one that comes again.
    last_page: HashSet<u64>,
    /// When it was first answered, by the server's clock.
    began: Option<Timestamp>,
    given: Option<Bookmark>,
    /// The stored place that [`Poller::new`] was given; [`Poller::set_right`] starts from it again.
    stored: Option<Bookmark>,
    rested: Option<Timestamp>,
    gap: Option<Gap>,
    pace: Pace,
    trouble: RepeatedFault,
    /// Cursors that were refused since the last one that was taken.
    dead_cursors: RepeatedFault,
    dropped: Option<String>,
}

/// While no page brings a cursor, the beginning is asked for again. Once it is older than this, it is moved to the
/// oldest time that Okta keeps. The month in between keeps that seldom, since the new place is stored each time.
const BEGINNING_OLD: Duration = Duration::from_hours(120 * 24);

/// A page that is short and whose newest event is no older than this is the last for now, however seldom is polled.
const FRESH: Duration = Duration::from_mins(1);

impl Poller {
    /// Makes a poller that goes on from a stored place, or begins at the plan's.
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

    /// Starts again with the right time, after the clock turned out to be wrong. Returns whether the URL is
    /// new. If it is, give a page or a bad request that has just come to [`Poller::discard`] and call [`Poller::step`]
    /// again.
    pub fn set_right(&mut self, now: Timestamp) -> bool {
        let anew = Self::new(self.plan.clone(), self.stored.clone(), now).resting_since(self.rested, now);
        let old = std::mem::replace(self, anew);
        self.pace = old.pace;
        self.url != old.url
    }

    /// Takes an answer to a query that is not asked any more: only what it says of the rate limit counts.
    pub fn discard(&mut self, now: Timestamp, reply: &Reply) {
        self.pace.heard(now, Some(&reply.headers));
    }

    /// Takes in when the log was last read well by whoever polled before. What Okta gave up since then, because it was
    /// too old, is a gap.
    #[must_use]
    pub fn resting_since(mut self, last_good: Option<Timestamp>, now: Timestamp) -> Self {
        self.rested = last_good;
        let oldest = back(now, RETENTION);
        if let Some(last_good) = last_good.filter(|last_good| *last_good < oldest) {
            let why = "nobody asked for so long that Okta no longer keeps these events";
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

    /// Takes what came of the request that [`Poller::step`] gave out last.
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

    /// Polls as soon as may be: at once, but for a wait that the rate limit asks for.
    pub fn poll_now(&mut self, up: Duration) {
        self.pace.hurry(up);
    }

    /// Returns why the stored place was dropped; `None` if it was not.
    pub fn dropped(&self) -> Option<&str> {
        self.dropped.as_deref()
    }

    /// Returns what is asked for, as bookmarks name it.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Returns the books of the rate limit, for whoever asks the same org with the same credentials.
    pub fn budget(&self) -> Budget {
        self.pace.budget().clone()
    }

    /// Returns the wait between polls: the plan's, or longer where the rate limit leaves no room for it.
    pub fn interval(&self) -> Duration {
        self.pace.budget().interval()
    }

    fn take_page(&mut self, now: Timestamp, up: Duration, reply: &Reply) -> Taken {
        let page = match read::page(&reply.body, now, Via::POLL) {
            Ok(page) => page,
            Err(error @ ReadError::Cut) => {
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
                // Where nothing was found yet there may be no cursor yet. The beginning is asked for again.
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
                    Some("A page of the log came without a next link; the same place is asked again.");
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

    /// Takes the events of a page whose next link cannot be followed. The place in the log does not move.
    fn take_bad_page(&mut self, now: Timestamp, up: Duration, page: ReadPage, fault: Fault) -> Taken {
        let wait = self.pace.next_backoff();
        let fault = self.trouble.met(fault);
        let ids = ids_of(&page);
        // What this place brought before is stored, and counted where it cannot be read.
        let page = if ids == self.last_page { ReadPage::default() } else { page };
        self.last_page = ids;
        let pulse = Pulse::Waiting(self.pace.wait(now, up, wait), fault);
        self.sorted(page, pulse)
    }

    /// Sorts a page into consents and what comes beside them.
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

    /// Whether a page says that nothing more is there for now. Times are the server's own, since ours may be off.
    fn is_caught_up(&mut self, now: Timestamp, page: &ReadPage, headers: &Headers) -> bool {
        let server_now = headers.date().unwrap_or(now);
        let began = *self.began.get_or_insert(server_now);
        if page.records == 0 {
            return true;
        }
        let reaches = |from: Timestamp| {
            // An event of the future says nothing of the present.
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

    /// The query that a link must go on with.
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
                let why = "Okta did not take the stored place any more, and the log was read again from a little \
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

    /// Goes on from a stored place, unless it belongs to another set of kinds, whose cursor has passed over events that
    /// are wanted now, or is none that could have come with a page of this query.
    fn go_on(&mut self, stored: Bookmark, now: Timestamp) {
        self.since = stored.since;
        self.last_published = stored.last_published;
        if stored.next.is_empty() && stored.query.is_empty() {
            // Of a place that was damaged on the disk nothing is left but the newest row.
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
                // The beginning of a query, before there was a cursor. Nothing was passed over since.
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
                         before the last event; the gap is noted."
                    ));
                }
            }
            return;
        }
        let known: Vec<&str> = stored.query.split(',').collect();
        // Evidence that nobody asked for is no gap in the consents.
        let is_kind = |word: &&str| Kind::from_word(word).is_some();
        let added: Vec<&str> =
            self.query.split(',').filter(is_kind).filter(|word| !known.contains(word)).collect();
        let from = self.restart_point(now);
        if !added.is_empty() && stored.since < from {
            let why = format!("before this, events of these kinds were not asked for: {}", added.join(", "));
            self.note_gap(stored.since, from, &why);
        }
        self.begin(from);
    }

    /// Begins anew a little before the last event, since the cursor leads nowhere any more.
    fn restart(&mut self, now: Timestamp, why: &str) {
        let from = self.restart_point(now);
        self.begin(from);
        let start = self.last_published.unwrap_or(self.since).min(from);
        self.note_gap(start, now, why);
    }

    /// Moves an old beginning forward while there is no cursor: Okta refuses a `since` of more than 180 days ago. What
    /// lies before the new beginning is gone from the log.
    fn keep_beginning_young(&mut self, now: Timestamp) {
        let is_old = |since: &Timestamp| *since < back(now, BEGINNING_OLD);
        if let Some(since) = self.asked_since.filter(is_old)
            && !self.has_cursor
        {
            self.begin(kept_since(since, now));
        }
    }

    /// Asks from a time on, without a cursor.
    fn begin(&mut self, since: Timestamp) {
        self.url = self.first_url(since);
        self.asked_since = Some(since);
        self.has_cursor = false;
        self.last_page.clear();
    }

    /// Keeps a gap until the next page, with which it is stored. One that waits already is widened.
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

/// Keeps a beginning within what Okta still has, and out of the future.
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
        "Okta's log answers with the page that came before, and its next link leads to that page again.",
        "It asks again at the same place, after waits of up to a minute; what came is stored.",
        "Check whether a proxy that keeps answers stands between; if none does, tell Okta's support.",
    )
}

fn no_next_link() -> Fault {
    Fault::new(
        Part::Poll,
        "no next link",
        "Okta's log answers without a next link, so nothing after this page can be read.",
        "It asks again at the same place, after waits of up to a minute; what came is stored.",
        "Check whether a proxy that removes Link headers stands between.",
    )
}

fn dead_cursor(refusal: &Refusal) -> Fault {
    Fault::new(
        Part::Poll,
        "place in the log refused",
        &format!("Okta does not take the stored place in the log any more ({refusal})."),
        "It begins again a little before the last event and notes the gap.",
        "If this lasts, check whether a proxy that keeps or changes answers stands between.",
    )
    .passing()
}

#[cfg(test)]
mod tests;
