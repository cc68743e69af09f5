//! Whose session it was, without a socket.
//!
//! On Identity Engine a consent's actor is Okta itself. The other events of the same session have mostly one user as
//! their actor, and that is who consented: an inference, told as one. More than one user, or none, proves nothing.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use url::form_urlencoded::Serializer;

use super::budget::{Asker, Budget};
use super::error::{Meaning, Refusal, SendError};
use super::pace::{Pace, SLOW};
use super::poller::{Reply, Request};
use super::read;
use super::url::OrgUrl;
use crate::consent::{Attribution, Consent, Evidence, Person, Seq, Untrusted, UserId, Via};
use crate::report::Part;

/// Finds the persons of consents whose events do not name them.
#[derive(Debug)]
pub struct Correlations {
    org: OrgUrl,
    pace: Pace,
    open: VecDeque<Case>,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CorrelationStep {
    /// Send this and give the result to [`Correlations::take`].
    Send(Request),
    /// Nothing to do before this uptime; [`Duration::MAX`] while nothing is open.
    Wait(Duration),
}

#[derive(Debug)]
struct Case {
    seq: Seq,
    published: Timestamp,
    /// The fields to ask by, best first; what is asked now is the first.
    by: VecDeque<(&'static str, String)>,
}

/// Cases that wait; the oldest go when more come.
const OPEN_MAX: usize = 1000;
/// How far around the consent its session is looked at. A session may be much longer; what lies far from the click says
/// less of it.
const BEFORE: SignedDuration = SignedDuration::from_hours(12);
const AFTER: SignedDuration = SignedDuration::from_mins(10);
const LIMIT: usize = 1000;
const TEXT_BYTES_MAX: usize = 200;
/// Between two queries. The log's rate limit belongs to the poller first.
const INTERVAL: Duration = Duration::from_secs(2);

impl Correlations {
    /// Begins with nothing open. The books are those of the log's rate limit.
    pub fn new(org: OrgUrl, budget: Budget, seed: u64) -> Self {
        Self { org, pace: Pace::new(Asker::History, budget, seed), open: VecDeque::new() }
    }

    /// Opens a case for a row whose person is not known, if its event names a session or a transaction.
    pub fn open(&mut self, seq: Seq, consent: &Consent) {
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
        self.open.push_back(Case { seq, published, by });
    }

    /// Returns what to do at this uptime. The newest case goes first: somebody may be looking at it.
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
        CorrelationStep::Send(Request { url: self.org.join(&format!("/api/v1/logs?{query}")), headers })
    }

    /// Takes what came of the request that [`Correlations::step`] gave out last, and returns the person if it shows one.
    pub fn take(
        &mut self,
        now: Timestamp,
        up: Duration,
        result: Result<Reply, SendError>,
    ) -> Option<Attribution> {
        let reply = match result {
            Ok(reply) => reply,
            Err(error) => {
                self.pace.heard(None);
                let wait = if error.fault(Part::Poll).passes { self.pace.next_backoff() } else { SLOW };
                self.pace.wait(now, up, wait);
                return None;
            }
        };
        self.pace.heard(Some(&reply.headers));
        if reply.status != 200 {
            let refusal = Refusal::read(reply.status, &reply.headers, &reply.body);
            let wait = match refusal.meaning() {
                Meaning::RateLimit => self.pace.rate_limited(now, up, &reply.headers),
                Meaning::Unavailable => self.pace.unavailable(now, &reply.headers),
                Meaning::BadRequest => {
                    self.close_question();
                    INTERVAL
                }
                _ => SLOW,
            };
            self.pace.wait(now, up, wait);
            return None;
        }
        self.pace.well();
        self.pace.rest(now, up, INTERVAL, &reply.headers);
        let person = only_user(&reply, now);
        let seq = self.open.back()?.seq;
        let Some(person) = person else {
            self.close_question();
            return None;
        };
        self.open.pop_back();
        Some(Attribution { seq, person, evidence: Evidence::Session })
    }

    /// The answer shows nobody: asks by the next field, or gives the case up.
    fn close_question(&mut self) {
        let Some(case) = self.open.back_mut() else { return };
        case.by.pop_front();
        if case.by.is_empty() {
            self.open.pop_back();
        }
    }
}

/// Whether a text can stand between the quotes of a filter as it is.
fn is_quotable(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

/// Returns the user who alone acted in the events of an answer. Nobody where it holds more than a page: the rest might
/// name another.
fn only_user(reply: &Reply, now: Timestamp) -> Option<Person> {
    let page = read::page(&reply.body, now, Via::POLL).ok()?;
    if page.records >= LIMIT {
        return None;
    }
    let mut ids = BTreeSet::new();
    let mut found = None;
    for actor in page.consents.into_iter().filter_map(|consent| consent.actor) {
        let is = |text: &Option<Untrusted>, word: &str| {
            text.as_ref().is_some_and(|text| text.exact().eq_ignore_ascii_case(word))
        };
        if !is(&actor.kind, "User") || is(&actor.alternate_id, "system@okta.com") {
            continue;
        }
        let Some(id) = actor.id.filter(|id| id.exact() != "unknown") else { continue };
        let person = Person {
            id: Some(UserId(id.clone())),
            alternate_id: actor.alternate_id,
            display_name: actor.display_name,
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
        correlations.take(at(), Duration::from_secs(seconds), result)
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
}
