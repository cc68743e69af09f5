//! Finds the user of a session, without a socket.
//!
//! On Identity Engine the actor of a consent is Okta itself. The other events of the same session usually have one user
//! as their actor, who then is the person that consented. This is an inference and is reported as one. More than one
//! user, or none, proves nothing.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::form_urlencoded::Serializer;

use super::budget::{Asker, Budget};
use super::error::{Meaning, Refusal, SendError};
use super::exchange::{Reply, Request};
use super::read;
use super::request_waits::{Pace, SLOW};
use super::url::{LOGS, OrgUrl};
use crate::consent::{Attribution, Consent, Evidence, Kind, Person, Seq, SideEvent, Untrusted, UserId, Via};
use crate::report::Part;

/// Finds the persons of consents whose events do not name them.
#[derive(Debug)]
pub struct Correlations {
    org: OrgUrl,
    pace: Pace,
    interval: Duration,
    open: VecDeque<Case>,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CorrelationStep {
    /// Send this and give the result to [`Correlations::take`].
    Send(Request),
    /// There is nothing to do before this uptime; [`Duration::MAX`] while no case is open.
    Wait(Duration),
}

/// The result of a request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// The person who consented, if that was not known and only one user acted.
    pub person: Option<Attribution>,
    /// The events of the session that are not consents, if they were asked for.
    pub sides: Vec<SideEvent>,
    /// Whether Okta has more events of the session than came.
    pub has_more: bool,
    /// The row whose events were asked for, with the error if they could not be fetched. `None` if no question was
    /// answered.
    pub asked: Option<(Seq, Result<(), String>)>,
}

#[derive(Debug)]
struct Case {
    seq: Seq,
    /// Whether the events were asked for; otherwise only the person is looked for.
    is_asked: bool,
    published: Timestamp,
    /// The fields to query by, the best first. The first one is the current query.
    by: VecDeque<(&'static str, String)>,
}

/// The most cases that wait. Beyond it, the oldest is dropped.
const OPEN_MAX: usize = 1000;
/// How long before and after a consent its session is searched. A session may be much longer, but events far from the
/// consent say less about it.
const BEFORE: SignedDuration = SignedDuration::from_hours(12);
const AFTER: SignedDuration = SignedDuration::from_mins(10);
const LIMIT: usize = 1000;
const TEXT_BYTES_MAX: usize = 200;
/// The time between two queries. The poller has priority in the rate limit of the log.
const INTERVAL: Duration = Duration::from_secs(2);

impl Correlations {
    /// Returns correlations without cases. `budget` is that of the log's rate limit.
    pub fn new(org: OrgUrl, budget: Budget, seed: u64) -> Self {
        let pace = Pace::new(Asker::History, budget, seed);
        Self { org, pace, interval: INTERVAL, open: VecDeque::new() }
    }

    /// Removes the pause between two queries, for a program that exits once all cases are closed. The rate
    /// limit still applies.
    #[must_use]
    pub fn eager(mut self) -> Self {
        self.interval = Duration::ZERO;
        self
    }

    /// Returns the number of open cases.
    pub fn left(&self) -> usize {
        self.open.len()
    }

    /// Opens a case for a row whose person is not known, if its event names a session or a transaction.
    pub fn open(&mut self, seq: Seq, consent: &Consent) {
        self.add(seq, consent, false);
    }

    /// Opens a case for a row whose session's events are asked for. Returns whether its event names a session or a
    /// transaction.
    pub fn ask(&mut self, seq: Seq, consent: &Consent) -> bool {
        self.open.retain(|case| case.seq != seq);
        self.add(seq, consent, true);
        self.open.back().is_some_and(|case| case.seq == seq)
    }

    fn add(&mut self, seq: Seq, consent: &Consent, is_asked: bool) {
        let Some(published) = consent.published else { return };
        let fields = [
            ("authenticationContext.externalSessionId", &consent.session_id),
            ("transaction.id", &consent.transaction_id),
        ];
        let by: VecDeque<_> = fields
            .into_iter()
            .filter_map(|(field, text)| Some((field, text.as_ref()?.exact())))
            .filter(|(_, text)| is_quotable(text) && *text != "unknown")
            .map(|(field, text)| (field, text.to_owned()))
            .collect();
        if by.is_empty() || self.open.iter().any(|case| case.seq == seq) {
            return;
        }
        if self.open.len() == OPEN_MAX {
            self.open.pop_front();
        }
        self.open.push_back(Case { seq, is_asked, published, by });
    }

    /// Returns what to do at this uptime. The newest case goes first: its row may be on the screen.
    pub fn step(&mut self, up: Duration) -> CorrelationStep {
        let Some(case) = self.open.back() else { return CorrelationStep::Wait(Duration::MAX) };
        let headers = match self.pace.ask(up) {
            Ok(headers) => headers,
            Err(until) => return CorrelationStep::Wait(until),
        };
        let time = |by: SignedDuration| case.published.checked_add(by).unwrap_or(case.published).to_string();
        let (field, text) = case.by.front().expect("a case is closed when nothing is left to ask by");
        let query = Serializer::new(String::new())
            .append_pair("since", &time(-BEFORE))
            .append_pair("until", &time(AFTER))
            .append_pair("filter", &format!("{field} eq \"{text}\""))
            .append_pair("limit", &LIMIT.to_string())
            .finish();
        CorrelationStep::Send(Request { url: self.org.join(&format!("{LOGS}?{query}")), headers })
    }

    /// Takes the result of the request that [`Correlations::step`] returned last, and returns what it shows.
    pub fn take(&mut self, now: Timestamp, up: Duration, result: Result<Reply, SendError>) -> Found {
        let reply = match result {
            Ok(reply) => reply,
            Err(error) => {
                self.pace.heard(now, None);
                let fault = error.fault(Part::Poll);
                let wait = if fault.passes { self.pace.next_backoff() } else { SLOW };
                self.pace.wait(now, up, wait);
                return self.give_up_asked(&fault.what);
            }
        };
        self.pace.heard(now, Some(&reply.headers));
        if reply.status != 200 {
            let refusal = Refusal::read(reply.status, &reply.headers, &reply.body);
            let wait = match refusal.meaning() {
                Meaning::RateLimit => self.pace.rate_limited(now, up, &reply.headers),
                Meaning::Unavailable => self.pace.unavailable(now, &reply.headers),
                Meaning::BadRequest => self.interval,
                _ => SLOW,
            };
            self.pace.wait(now, up, wait);
            let found = self.give_up_asked(&format!("Okta answered {}.", reply.status));
            if refusal.meaning() == Meaning::BadRequest && found.asked.is_none() {
                self.close_question();
            }
            return found;
        }
        self.pace.well();
        self.pace.rest(now, up, self.interval, &reply.headers);
        let Some(Case { seq, is_asked, .. }) = self.open.back() else { return Found::default() };
        let (seq, is_asked) = (*seq, *is_asked);
        let Ok(page) = read::page(&reply.body, now, Via::POLL) else {
            let found = self.give_up_asked("Okta's answer is not a page of the log.");
            if found.asked.is_none() {
                self.close_question();
            }
            return found;
        };
        // A server may cut a page before its limit. The page then has a next link.
        let has_more = page.records >= LIMIT || reply.headers.link("next").is_some();
        // The events that did not come might name another user.
        let person = if has_more { None } else { only_actor(&page.consents) };
        let person = person.map(|person| Attribution { seq, person, evidence: Evidence::Session });
        if is_asked {
            self.open.pop_back();
            return Found { person, sides: sides(page.consents), has_more, asked: Some((seq, Ok(()))) };
        }
        if person.is_some() {
            self.open.pop_back();
        } else {
            self.close_question();
        }
        Found { person, ..Found::default() }
    }

    /// Closes a case whose events were asked for, with an error. They may be asked for again.
    fn give_up_asked(&mut self, why: &str) -> Found {
        match self.open.pop_back_if(|case| case.is_asked) {
            Some(case) => Found { asked: Some((case.seq, Err(why.to_owned()))), ..Found::default() },
            None => Found::default(),
        }
    }

    /// Moves to the next field, or closes the case if there is none: the answer shows no single user.
    fn close_question(&mut self) {
        let Some(case) = self.open.back_mut() else { return };
        case.by.pop_front();
        if case.by.is_empty() {
            self.open.pop_back();
        }
    }
}

/// Returns whether a text can be quoted in a filter without escapes.
fn is_quotable(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

/// Returns the events that are not consents. Consents come by the poll.
fn sides(events: Vec<Consent>) -> Vec<SideEvent> {
    events.into_iter().filter(|read| read.kind == Kind::Other).map(SideEvent::from).collect()
}

/// Returns the only user among the actors of the events. Returns `None` if no user acted, or more than one.
pub fn only_actor<'a>(events: impl IntoIterator<Item = &'a Consent>) -> Option<Person> {
    let mut ids = BTreeSet::new();
    let mut found = None;
    for actor in events.into_iter().filter_map(|consent| consent.actor.as_ref()) {
        let is = |text: &Option<Untrusted>, word: &str| {
            text.as_ref().is_some_and(|text| text.exact().eq_ignore_ascii_case(word))
        };
        if !is(&actor.kind, "User") || is(&actor.alternate_id, "system@okta.com") {
            continue;
        }
        let Some(id) = actor.id.as_ref().filter(|id| id.exact() != "unknown") else { continue };
        let person = Person {
            id: Some(UserId(id.clone())),
            alternate_id: actor.alternate_id.clone(),
            display_name: actor.display_name.clone(),
        };
        ids.insert(id.exact().to_owned());
        found = Some(person);
    }
    found.filter(|_| ids.len() == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-03-04T09:15:00Z".parse().unwrap()
    }

    fn consent(session: &str, transaction: &str) -> Consent {
        let raw = format!(
            r#"{{"uuid":"7c0e9a52-1111-11ef-9a5c-0242ac120002","eventType":"app.oauth2.as.consent.grant",
               "published":"2026-03-04T09:00:00.000Z","authenticationContext":{{"externalSessionId":"{session}"}},
               "transaction":{{"id":"{transaction}"}}}}"#
        );
        read::event(&raw, at(), Via::POLL).unwrap().remove(0)
    }

    fn correlations() -> Correlations {
        let (org, _) = OrgUrl::parse("https://example.okta.com").unwrap();
        Correlations::new(org, Budget::new(0.5, Duration::from_secs(10)), 1)
    }

    fn events(actors: &[(&str, &str, &str)]) -> Reply {
        let event = |(at, (kind, id, login)): (usize, &(&str, &str, &str))| {
            format!(
                r#"{{"uuid":"7c0e9a52-1111-11ef-9a5c-0242ac12{at:04}","eventType":"user.session.start",
                   "actor":{{"type":"{kind}","id":"{id}","alternateId":"{login}"}}}}"#
            )
        };
        let all: Vec<String> = actors.iter().enumerate().map(event).collect();
        let body = format!("[{}]", all.join(",")).into_bytes();
        Reply { status: 200, headers: Vec::<(&str, &str)>::new().into_iter().collect(), body }
    }

    fn sent(correlations: &mut Correlations, seconds: u64) -> String {
        match correlations.step(Duration::from_secs(seconds)) {
            CorrelationStep::Send(request) => request.url,
            CorrelationStep::Wait(until) => panic!("waits until {until:?}"),
        }
    }

    fn take(
        correlations: &mut Correlations,
        seconds: u64,
        result: Result<Reply, SendError>,
    ) -> Option<Attribution> {
        correlations.take(at(), Duration::from_secs(seconds), result).person
    }

    const ADA: (&str, &str, &str) = ("User", "00uAAAAAAAAAAAAAA1d7", "ada@example.test");
    const BO: (&str, &str, &str) = ("User", "00uBBBBBBBBBBBBBB1d7", "bo@example.test");
    const OKTA: (&str, &str, &str) = ("SystemPrincipal", "okta", "system@okta.com");

    #[test]
    fn the_only_user_of_a_session_is_the_person() {
        let mut open = correlations();
        assert_eq!(open.step(Duration::ZERO), CorrelationStep::Wait(Duration::MAX));
        open.open(Seq(7), &consent("idx1", "Z1"));
        open.open(Seq(7), &consent("idx1", "Z1"));
        let url = sent(&mut open, 1);
        assert_eq!(
            url,
            "https://example.okta.com/api/v1/logs?since=2026-03-03T21%3A00%3A00Z&until=2026-03-04T09%3A10%3A00Z\
             &filter=authenticationContext.externalSessionId+eq+%22idx1%22&limit=1000"
        );
        let found = take(&mut open, 1, Ok(events(&[OKTA, ADA, ADA]))).expect("one user");
        assert_eq!((found.seq, found.person.alternate_id.unwrap().exact()), (Seq(7), "ada@example.test"));
        assert_eq!(open.step(Duration::from_secs(99)), CorrelationStep::Wait(Duration::MAX));
    }

    #[test]
    fn two_users_or_none_prove_nothing_and_the_transaction_is_asked_next() {
        for actors in [&[ADA, BO][..], &[OKTA], &[]] {
            let mut open = correlations();
            open.open(Seq(7), &consent("idx1", "Z1"));
            sent(&mut open, 1);
            assert_eq!(take(&mut open, 1, Ok(events(actors))), None);
            assert!(sent(&mut open, 5).contains("filter=transaction.id+eq+%22Z1%22"));
            assert_eq!(take(&mut open, 5, Ok(events(actors))), None);
            assert_eq!(open.step(Duration::from_secs(99)), CorrelationStep::Wait(Duration::MAX));
        }
    }

    #[test]
    fn a_full_page_proves_nothing() {
        let mut open = correlations();
        open.open(Seq(7), &consent("idx1", "unknown"));
        sent(&mut open, 1);
        assert_eq!(take(&mut open, 1, Ok(events(&vec![ADA; LIMIT]))), None);
    }

    #[test]
    fn a_page_that_was_cut_proves_nothing() {
        let mut open = correlations();
        open.open(Seq(7), &consent("idx1", "unknown"));
        sent(&mut open, 1);
        let mut cut = events(&[ADA, ADA]);
        cut.headers.push("link", "</api/v1/logs?after=1>; rel=\"next\"");
        assert_eq!(take(&mut open, 1, Ok(cut)), None);
    }

    #[test]
    fn only_what_can_be_quoted_is_asked_by() {
        let mut open = correlations();
        for text in ["", "unknown", "null", "a b", "é", &"x".repeat(300)] {
            open.open(Seq(1), &consent(text, "null"));
        }
        open.open(Seq(1), &consent(r#"a\" or eventType sw \"x"#, "null"));
        assert_eq!(open.step(Duration::ZERO), CorrelationStep::Wait(Duration::MAX));
    }

    #[test]
    fn a_failure_keeps_the_case_open() {
        let mut open = correlations();
        open.open(Seq(7), &consent("idx1", "Z1"));
        sent(&mut open, 1);
        assert_eq!(take(&mut open, 1, Err(SendError::Timeout)), None);
        assert!(sent(&mut open, 60).contains("externalSessionId"));
    }

    #[test]
    fn whoever_asks_gets_the_other_events_and_the_truth() {
        let mut cases = correlations();
        assert!(!cases.ask(Seq(1), &consent("", "")));
        assert!(cases.ask(Seq(2), &consent("session-1", "txn-1")));
        cases.open(Seq(2), &consent("session-1", "txn-1"));
        assert!(sent(&mut cases, 0).contains("session-1"));
        let reply = events(&[("User", "00u1", "ada@example.test"), ("User", "00u2", "bo@example.test")]);
        let found = cases.take(at(), Duration::ZERO, Ok(reply));
        let told = (found.sides.len(), found.has_more, found.person, found.asked);
        assert_eq!(told, (2, false, None, Some((Seq(2), Ok(())))));
        assert_eq!(cases.step(Duration::from_mins(1)), CorrelationStep::Wait(Duration::MAX));
        // If a page was cut, the result says that more events exist. If a body is not a page, the result says that nothing
        // was fetched.
        assert!(cases.ask(Seq(3), &consent("session-1", "txn-1")));
        sent(&mut cases, 20);
        let mut cut = events(&[ADA]);
        cut.headers.push("link", "</api/v1/logs?after=1>; rel=\"next\"");
        let found = cases.take(at(), Duration::from_secs(20), Ok(cut));
        assert_eq!((found.sides.len(), found.has_more, found.person), (1, true, None));
        assert!(cases.ask(Seq(3), &consent("session-1", "txn-1")));
        sent(&mut cases, 40);
        let page = Reply { body: b"<html>".to_vec(), ..events(&[]) };
        let found = cases.take(at(), Duration::from_secs(40), Ok(page));
        assert!(matches!(found.asked, Some((Seq(3), Err(_)))), "{found:?}");
        // A refusal is reported once, and the case is closed.
        assert!(cases.ask(Seq(2), &consent("session-1", "txn-1")));
        assert!(sent(&mut cases, 60).contains("session-1"));
        let reply = Reply { status: 403, ..events(&[]) };
        let found = cases.take(at(), Duration::from_mins(1), Ok(reply));
        assert!(matches!(found.asked, Some((Seq(2), Err(_)))));
        assert_eq!(cases.step(Duration::from_hours(9)), CorrelationStep::Wait(Duration::MAX));
    }
}
