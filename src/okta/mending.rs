//! Fetches the events of damaged rows again, without a socket and without a clock.
//!
//! Such an event is known by its id and the time when it was published. So short stretches of the log around these
//! times are requested, and the events are found by their ids. (Okta: System Log query, a bounded query.)

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::budget::{Asker, Budget};
use super::error::{Meaning, Refusal, SendError};
use super::exchange::{Reply, Request};
use super::log_query::{RETENTION, back, filter_of, logs_url};
use super::read;
use super::request_waits::{Pace, SLOW};
use super::url::{LIMIT_MAX, OrgUrl};
use crate::consent::{Consent, EventKey, Kind, Seq, Via};
use crate::report::Part;

/// A damaged row and the possible keys of its event. There are several if the table and its index disagree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lost {
    /// The number of the row.
    pub seq: Seq,
    /// The possible keys; empty if the damage left none.
    pub keys: Vec<EventKey>,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MendStep {
    /// Send this and give the result to [`Mending::take`].
    Send(Request),
    /// Nothing to do before this uptime.
    Wait(Duration),
    /// Everything was requested.
    Done,
}

/// Fetches the events of damaged rows.
#[derive(Debug)]
pub struct Mending {
    org: OrgUrl,
    pace: Pace,
    lost: Vec<Lost>,
    /// The stretches of time to request, in milliseconds since 1970, both ends included.
    stretches: VecDeque<(i64, i64)>,
    failures: u32,
}

/// Times closer together than this are requested at once.
const TOGETHER_MS: i64 = 10 * 60 * 1000;
/// A stretch begins this long before the first of its times and ends this long after the last.
const MARGIN_MS: i64 = 1000;
/// The time between two queries. The poller has priority in the rate limit of the log.
const INTERVAL: Duration = Duration::from_secs(2);
/// A stretch is given up after this many answers that are not a page.
const TRIES: u32 = 3;

impl Mending {
    /// Returns one with nothing to fetch. `budget` is that of the log's rate limit.
    pub fn new(org: OrgUrl, budget: Budget, seed: u64) -> Self {
        let pace = Pace::new(Asker::History, budget, seed);
        Self { org, pace, lost: Vec::new(), stretches: VecDeque::new(), failures: 0 }
    }

    /// Replaces the rows whose events are to be fetched. Does not request events that Okta no longer keeps.
    pub fn ask(&mut self, lost: Vec<Lost>, now: Timestamp) {
        let oldest = back(now, RETENTION).as_millisecond();
        let mut times: Vec<i64> =
            lost.iter().flat_map(|lost| &lost.keys).map(|key| key.published_ms).collect();
        times.retain(|ms| (oldest..=now.as_millisecond()).contains(ms));
        times.sort_unstable();
        self.stretches.clear();
        for ms in times {
            match self.stretches.back_mut() {
                Some((_, to)) if ms - MARGIN_MS <= *to + TOGETHER_MS => *to = ms + MARGIN_MS,
                _ => self.stretches.push_back((ms - MARGIN_MS, ms + MARGIN_MS)),
            }
        }
        self.lost = lost;
        self.failures = 0;
    }

    /// Returns what to do at this uptime.
    pub fn step(&mut self, up: Duration) -> MendStep {
        let Some((from, to)) = self.stretches.front() else { return MendStep::Done };
        let headers = match self.pace.ask(up) {
            Ok(headers) => headers,
            Err(until) => return MendStep::Wait(until),
        };
        let time = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or_default();
        let filter = filter_of(&Kind::ALL, &[]);
        let url = logs_url(&self.org, time(*from), Some(time(*to)), LIMIT_MAX, &filter);
        MendStep::Send(Request { url, headers })
    }

    /// Takes the result of the request that [`Mending::step`] returned last, and returns the events of damaged rows in
    /// it.
    pub fn take(
        &mut self,
        now: Timestamp,
        up: Duration,
        result: Result<Reply, SendError>,
    ) -> Vec<(Seq, Consent)> {
        self.pace.heard(now, result.as_ref().ok().map(|reply| &reply.headers));
        let mut has_more = false;
        let page = match result {
            Ok(reply) if reply.status == 200 => {
                // A server may cut a page before its limit. The page then has a next link.
                has_more = reply.headers.link("next").is_some();
                self.pace.rest(now, up, INTERVAL, &reply.headers);
                read::page(&reply.body, now, Via::POLL).ok()
            }
            Ok(reply) => {
                let refusal = Refusal::read(reply.status, &reply.headers, &reply.body);
                let wait = match refusal.meaning() {
                    Meaning::RateLimit => self.pace.rate_limited(now, up, &reply.headers),
                    Meaning::Unavailable => self.pace.unavailable(now, &reply.headers),
                    _ => SLOW,
                };
                self.pace.wait(now, up, wait);
                if matches!(refusal.meaning(), Meaning::RateLimit | Meaning::Unavailable) {
                    return Vec::new();
                }
                None
            }
            Err(error) => {
                let wait = if error.fault(Part::Poll).passes { self.pace.next_backoff() } else { SLOW };
                self.pace.wait(now, up, wait);
                return Vec::new();
            }
        };
        let Some(page) = page else {
            self.failures += 1;
            if self.failures >= TRIES {
                self.failures = 0;
                self.stretches.pop_front();
            }
            return Vec::new();
        };
        self.pace.well();
        self.failures = 0;
        let Some((from, to)) = self.stretches.pop_front() else { return Vec::new() };
        let is_cut = page.records >= usize::from(LIMIT_MAX) || (has_more && page.records > 0);
        if is_cut && to - from > 2 * MARGIN_MS {
            // There may be more events than came, so each half is requested by itself.
            let middle = from + (to - from) / 2;
            self.stretches.push_front((middle, to));
            self.stretches.push_front((from, middle));
        }
        let mut found = Vec::new();
        for consent in page.consents {
            let is_its = |key: &EventKey| (key.id, key.part) == (consent.key.id, consent.key.part);
            if let Some(at) = self.lost.iter().position(|lost| lost.keys.iter().any(is_its)) {
                found.push((self.lost.swap_remove(at).seq, consent));
            }
        }
        found
    }

    /// Returns the rows whose events were not found so far.
    pub fn lost(&self) -> &[Lost] {
        &self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::EventId;

    fn now() -> Timestamp {
        "2026-03-04T09:15:00Z".parse().unwrap()
    }

    fn key(number: u8, minutes_ago: i64) -> EventKey {
        let published_ms = now().as_millisecond() - minutes_ago * 60_000;
        EventKey { published_ms, id: EventId::Uuid([number; 16]), part: 0 }
    }

    fn mending(lost: &[(i64, &[EventKey])]) -> Mending {
        let (org, _) = OrgUrl::parse("https://example.okta.com").unwrap();
        let mut mending = Mending::new(org, Budget::new(1.0, Duration::from_secs(10)), 1);
        mending.ask(
            lost.iter().map(|(seq, keys)| Lost { seq: Seq(*seq), keys: keys.to_vec() }).collect(),
            now(),
        );
        mending
    }

    fn sent(mending: &mut Mending, up: u64) -> String {
        match mending.step(Duration::from_secs(up)) {
            MendStep::Send(request) => request.url,
            other => panic!("{other:?}"),
        }
    }

    fn reply(status: u16, numbers: impl Iterator<Item = u8>) -> Reply {
        let event = |number: u8| {
            let uuid = uuid::Uuid::from_bytes([number; 16]);
            format!(
                r#"{{"uuid":"{uuid}","eventType":"app.oauth2.as.consent.grant","published":"2026-03-04T09:00:00.000Z"}}"#
            )
        };
        let body = format!("[{}]", numbers.map(event).collect::<Vec<_>>().join(","));
        let headers = Vec::<(&str, &str)>::new().into_iter().collect();
        Reply { status, headers, body: body.into_bytes() }
    }

    #[test]
    fn what_lies_close_together_is_asked_for_at_once_and_found_by_its_id() {
        let days = 24 * 60;
        let mut mending = mending(&[
            (5, &[key(1, 15), key(1, 40 * days)]),
            (9, &[key(2, 16)]),
            (11, &[key(3, 100 * days)]),
            (12, &[]),
        ]);
        let url = sent(&mut mending, 0);
        assert!(
            url.contains("since=2026-01-23T09%3A14%3A59.000Z&until=2026-01-23T09%3A15%3A01.000Z"),
            "{url}"
        );
        assert!(mending.take(now(), Duration::ZERO, Ok(reply(200, 7..9))).is_empty());
        let url = sent(&mut mending, 10);
        assert!(
            url.contains("since=2026-03-04T08%3A58%3A59.000Z&until=2026-03-04T09%3A00%3A01.000Z"),
            "{url}"
        );
        let found = mending.take(now(), Duration::from_secs(10), Ok(reply(200, 0..3)));
        assert_eq!(found.iter().map(|(seq, _)| seq.0).collect::<Vec<_>>(), [5, 9]);
        assert_eq!(mending.step(Duration::from_secs(20)), MendStep::Done);
        let mut lost: Vec<i64> = mending.lost().iter().map(|lost| lost.seq.0).collect();
        lost.sort_unstable();
        assert_eq!(lost, [11, 12], "too old, and nothing known");
    }

    #[test]
    fn a_page_that_was_cut_before_its_limit_is_asked_for_in_halves() {
        let cut = |number: u8| {
            let mut reply = reply(200, number..=number);
            reply.headers.push("link", "</api/v1/logs?after=1>; rel=\"next\"");
            Ok(reply)
        };
        let mut mending = mending(&[(1, &[key(1, 10)]), (2, &[key(2, 14)])]);
        assert!(sent(&mut mending, 0).contains("until=2026-03-04T09%3A05%3A01.000Z"));
        assert!(mending.take(now(), Duration::ZERO, cut(50)).is_empty());
        // The lower half brings one of the two and is cut once more, the upper half brings the other.
        assert!(sent(&mut mending, 10).contains("until=2026-03-04T09%3A03%3A00.000Z"));
        let found = mending.take(now(), Duration::from_secs(10), cut(2));
        assert_eq!(found.iter().map(|(seq, _)| seq.0).collect::<Vec<_>>(), [2]);
        for up in [20, 30] {
            assert!(sent(&mut mending, up).contains("since=2026-03-04T09%3A0"));
            assert!(mending.take(now(), Duration::from_secs(up), Ok(reply(200, 7..8))).is_empty());
        }
        assert!(sent(&mut mending, 40).contains("since=2026-03-04T09%3A03%3A00.000Z"));
        let found = mending.take(now(), Duration::from_secs(40), Ok(reply(200, 1..2)));
        assert_eq!(found.iter().map(|(seq, _)| seq.0).collect::<Vec<_>>(), [1]);
        assert_eq!(mending.step(Duration::from_secs(50)), MendStep::Done);
        // An empty page with a next link is no cut one: it says that nothing more is there.
        mending.ask(vec![Lost { seq: Seq(3), keys: vec![key(3, 10), key(3, 14)] }], now());
        sent(&mut mending, 60);
        let mut empty = reply(200, 0..0);
        empty.headers.push("link", "</api/v1/logs?after=1>; rel=\"next\"");
        assert!(mending.take(now(), Duration::from_mins(1), Ok(empty)).is_empty());
        assert_eq!(mending.step(Duration::from_secs(70)), MendStep::Done);
    }

    #[test]
    fn a_full_page_is_asked_for_in_halves_and_a_refusal_ends() {
        let mut mending = mending(&[(1, &[key(1, 10)]), (2, &[key(2, 14)])]);
        sent(&mut mending, 0);
        mending.take(now(), Duration::ZERO, Ok(reply(200, (0..1000).map(|n| (n % 200) as u8 + 50))));
        let first = sent(&mut mending, 10);
        assert!(first.contains("until=2026-03-04T09%3A03%3A00.000Z"), "{first}");
        for up in 1..=3 {
            let up = Duration::from_secs(up * 100);
            assert!(matches!(mending.step(up), MendStep::Send(_)));
            assert!(mending.take(now(), up, Ok(reply(400, 0..0))).is_empty());
        }
        let second = sent(&mut mending, 1000);
        assert!(second.contains("since=2026-03-04T09%3A03%3A00.000Z"), "{second}");
        assert!(mending.take(now(), Duration::from_secs(1000), Err(SendError::Timeout)).is_empty());
        assert_eq!(sent(&mut mending, 2000), second, "what passes is asked again");
    }
}
