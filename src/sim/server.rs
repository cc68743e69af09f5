//! What the org answers over HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::{HeaderMap, Method, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, Refusal};
use super::dice::Dice;
use super::event;
use super::fault::Fault;
use super::org::{Org, locked};
use super::query::Query;
use super::resources;
use super::story::Entry;

/// How far ahead a skewed clock is, in minutes.
const SKEW_MIN: i64 = 10;
/// When a forced 429 says that the window ends, in seconds.
const FORCED_RESET_S: i64 = 10;
/// The length of a rate-limit window, in milliseconds (Okta: rate limits).
const WINDOW_MS: i64 = 60_000;
/// How many entries are looked at between two holds of the log's lock.
const STRIDE: usize = 512;
/// What stands between good records when records are bad.
const JUNK: [&str; 3] = ["17", r#"{"uuid":5,"published":[],"eventType":null}"#, "\"text\""];

/// One rate-limit window.
#[derive(Debug, Default)]
pub(super) struct Window {
    start_ms: i64,
    used: u32,
}

/// What a rate-limit window says of one request.
#[derive(Debug)]
struct Rate {
    limit: u32,
    remaining: u32,
    reset_s: i64,
    exceeded: bool,
}

impl Window {
    fn count(&mut self, limit: u32, now_ms: i64) -> Rate {
        if self.used == 0 || !(self.start_ms..self.start_ms + WINDOW_MS).contains(&now_ms) {
            *self = Self { start_ms: now_ms, used: 0 };
        }
        self.used = self.used.saturating_add(1);
        Rate {
            limit,
            remaining: limit.saturating_sub(self.used),
            reset_s: (self.start_ms + WINDOW_MS).div_euclid(1000) + 1,
            exceeded: self.used > limit,
        }
    }
}

/// One request, with what its answer depends on.
struct Call<'a> {
    org: &'a Org,
    path: &'a str,
    query: &'a str,
    /// Scheme and host as the client called them; links repeat it.
    base: String,
    now: Timestamp,
    shown: Timestamp,
    faults: &'a BTreeSet<Fault>,
    dice: Dice,
}

/// Answers one request.
pub(super) async fn answer(State(org): State<Arc<Org>>, request: Request) -> Response<Body> {
    let number = org.requests.fetch_add(1, Ordering::Relaxed);
    let path = request.uri().path();
    let faults = locked(&org.faults).take(path == LOGS);
    let now = org.clock.now();
    let skew = SignedDuration::from_mins(if faults.contains(&Fault::ClockSkew) { SKEW_MIN } else { 0 });
    let shown = now.saturating_add(skew).unwrap_or(now);
    let mut call = Call {
        org: &org,
        path,
        query: request.uri().query().unwrap_or_default(),
        base: base(request.headers()).unwrap_or_else(|| org.url.clone()),
        now,
        shown,
        faults: &faults,
        dice: Dice::of(org.cast.epoch, !(number as u64)),
    };
    let answer = call.answer(request.method(), request.headers());
    answer.send(shown, &faults, &org.clock)
}

const LOGS: &str = "/api/v1/logs";

fn base(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let is_plain = host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
    (is_plain && (1..=255).contains(&host.len())).then(|| format!("http://{host}"))
}

impl Call<'_> {
    fn is(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn refuse(&mut self, refusal: &Refusal) -> Answer {
        Answer::refusal(refusal, &mut self.dice)
    }

    fn answer(&mut self, method: &Method, headers: &HeaderMap) -> Answer {
        if self.is(Fault::NotOkta) {
            return Answer::html(200, "<!doctype html><title>Welcome</title><h1>It works!</h1>");
        }
        let mut id = String::from("Z");
        self.dice.letters(&mut id, 26);
        let is_api = self.path.starts_with("/api/");
        let forced = self.faults.iter().copied().find(|fault| fault.refuses()).filter(|_| is_api);
        if forced == Some(Fault::Gateway502) {
            return Answer::html(
                502,
                "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
            );
        }
        if !is_api {
            let found = resources::open(self.org, &self.base, self.path);
            return self.resource(method, found).with("x-okta-request-id", id);
        }
        let rate = self.count();
        let (mut limit, mut remaining, mut reset_s) = (rate.limit, rate.remaining, rate.reset_s);
        let answer = match forced {
            Some(Fault::Concurrency429) => {
                (limit, remaining) = (0, 0);
                reset_s = self.shown.as_second() + FORCED_RESET_S;
                self.refuse(&Refusal::too_many())
            }
            Some(Fault::Rate429) => {
                remaining = 0;
                reset_s = self.shown.as_second() + FORCED_RESET_S;
                self.refuse(&Refusal::too_many())
            }
            Some(fault) => self.forced(fault),
            None if !self.is_authorized(headers) => self.forced(Fault::Unauthorized),
            None if rate.exceeded => self.refuse(&Refusal::too_many()),
            None if self.path == LOGS && method == Method::GET => self.logs(),
            None if self.path == LOGS => self.resource(method, Some(String::new())),
            None => {
                let found = resources::closed(self.org, &self.base, self.path);
                self.resource(method, found)
            }
        };
        answer
            .with("x-okta-request-id", id)
            .with("x-rate-limit-limit", limit.to_string())
            .with("x-rate-limit-remaining", remaining.to_string())
            .with("x-rate-limit-reset", reset_s.to_string())
    }

    fn resource(&mut self, method: &Method, found: Option<String>) -> Answer {
        match found {
            Some(body) if method == Method::GET => Answer::json(body),
            Some(_) => {
                let summary = "The endpoint does not support the provided HTTP method";
                self.refuse(&Refusal::new(405, "E0000022", summary))
            }
            None if resources::is_collection(self.path) => {
                let summary = format!("Not found: Resource not found: {}", self.path);
                self.refuse(&Refusal::new(404, "E0000007", &summary))
            }
            None => self.refuse(&Refusal::new(404, "E0000008", "The requested path was not found")),
        }
    }

    fn forced(&mut self, fault: Fault) -> Answer {
        match fault {
            Fault::Forbidden => {
                let summary = "You do not have permission to perform the requested action";
                self.refuse(&Refusal::new(403, "E0000006", summary))
            }
            Fault::ForbiddenEmpty => {
                let (base, path) = (&self.base, self.path);
                let missing = format!(
                    r#"Bearer authorization_uri="{base}/oauth2/v1/authorize", realm="{base}", scope="okta.logs.read", error="insufficient_scope", error_description="The access token provided does not contain the required scopes.", resource="{path}""#
                );
                Answer::empty(403).with("www-authenticate", missing)
            }
            Fault::Server500 => self.refuse(&Refusal::new(500, "E0000009", "Internal Server Error")),
            _ => self.refuse(&Refusal::new(401, "E0000011", "Invalid token provided")),
        }
    }

    fn count(&self) -> Rate {
        let now_ms = self.now.as_millisecond();
        let (window, limit) = if self.path == LOGS {
            (&self.org.log_window, self.org.plan.requests_per_minute)
        } else {
            (&self.org.other_window, 600)
        };
        let mut rate = locked(window).count(limit, now_ms);
        // The reset is told by the same clock as the date.
        rate.reset_s += self.shown.as_second() - self.now.as_second();
        rate
    }

    /// Okta's Python SDK joins the scheme and the token without a blank.
    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.strip_prefix("SSWS").is_some_and(|token| token.trim() == self.org.plan.token)
    }

    fn logs(&mut self) -> Answer {
        let query = match Query::parse(self.query, self.now.as_millisecond()) {
            Ok(query) => query,
            Err(refusal) => return self.refuse(&refusal),
        };
        let cursor = query.after.as_deref();
        if cursor.is_some() && self.is(Fault::ExpiredCursor) {
            return self.refuse(&Refusal::validation("after", "The cursor has expired."));
        }
        let page = match query.until_ms {
            None => self.poll(&query),
            Some(until_ms) => self.bounded(&query, until_ms),
        };
        let (entries, next) = match page {
            Ok(page) => page,
            Err(refusal) => return self.refuse(&refusal),
        };
        let own = query.link(None);
        let path = |base: &str, query: &str| {
            if query.is_empty() { format!("{base}{LOGS}") } else { format!("{base}{LOGS}?{query}") }
        };
        let mut answer = Answer::json(self.page(&entries));
        if let Some(next) = next {
            let link = next.map_or_else(|| own.clone(), |cursor| query.link(Some(&cursor)));
            let base = if self.is(Fault::ForeignNext) { "http://127.0.0.2:9" } else { &self.base };
            answer = answer.with("link", format!("<{}>; rel=\"next\"", path(base, &link)));
        }
        answer.with("link", format!("<{}>; rel=\"self\"", path(&self.base, &own)))
    }

    /// How many places of a page the faults take for records of theirs.
    fn extra(&self, query: &Query) -> usize {
        let extra =
            if self.is(Fault::BadRecord) { JUNK.len() } else { 0 } + usize::from(self.is(Fault::Duplicates));
        if query.limit > extra { extra } else { 0 }
    }

    /// Answers a polling query: in persistence order, with a next link always. An idle client is sent back to where it
    /// was, because some clients take a new cursor for a new page and never rest.
    fn poll(&self, query: &Query) -> Result<Page, Refusal> {
        let mut at = match &query.after {
            None => locked(&self.org.log).since(query.since_ms),
            Some(cursor) => self.position(cursor).ok_or_else(bad_cursor)?,
        };
        let room = query.limit - self.extra(query);
        let mut entries = Vec::new();
        if query.after.is_some() && self.is(Fault::Duplicates) && room < query.limit {
            entries.extend(at.checked_sub(1).and_then(|last| locked(&self.org.log).at(last).cloned()));
        }
        let repeated = entries.len();
        let mut next = None;
        'page: while entries.len() < room + repeated {
            let stride = locked(&self.org.log).from(at, STRIDE);
            if stride.is_empty() {
                break;
            }
            for entry in stride {
                at += 1;
                if self.takes(query, &entry) {
                    next = Some(format!("{}_{at}", entry.persisted_ms));
                    entries.push(entry);
                    if entries.len() == room + repeated {
                        break 'page;
                    }
                }
            }
        }
        if next.is_none() {
            entries.clear();
        }
        Ok((entries, Some(next)))
    }

    /// Returns the position that a cursor of ours names.
    fn position(&self, cursor: &str) -> Option<usize> {
        let (time, position) = cursor.split_once('_')?;
        let (time, position): (i64, usize) = (time.parse().ok()?, position.parse().ok()?);
        let last = locked(&self.org.log).at(position.checked_sub(1)?).map(|entry| entry.persisted_ms);
        (last == Some(time)).then_some(position)
    }

    /// Answers a bounded query: by the time of the events, without a next link on the last page.
    fn bounded(&self, query: &Query, until_ms: i64) -> Result<Page, Refusal> {
        let span = (query.since_ms, until_ms);
        let mut after = match &query.after {
            None => None,
            Some(cursor) => {
                let uuid = Uuid::parse_str(cursor).map_err(|_| bad_cursor())?;
                Some(locked(&self.org.log).key(uuid).ok_or_else(bad_cursor)?)
            }
        };
        let room = query.limit - self.extra(query);
        let mut entries: Vec<Arc<Entry>> = Vec::new();
        loop {
            let stride = locked(&self.org.log).between(span, after, query.newest_first, STRIDE);
            let Some((last, _)) = stride.last() else { return Ok((entries, None)) };
            after = Some(*last);
            for (_, entry) in stride {
                if !self.takes(query, &entry) {
                    continue;
                }
                if entries.len() == room {
                    let cursor = entries.last().map(|entry| entry.uuid.to_string());
                    return Ok((entries, cursor.map(Some)));
                }
                entries.push(entry);
            }
        }
    }

    fn takes(&self, query: &Query, entry: &Entry) -> bool {
        let by_type = query.filter.as_ref().is_none_or(|filter| {
            !filter.only_event_type() || filter.passes(&json!({ "eventType": entry.event.names()[0] }))
        });
        let needs_text = !query.keywords.is_empty()
            || query.filter.as_ref().is_some_and(|filter| !filter.only_event_type());
        if !by_type || !needs_text {
            return by_type;
        }
        let text = event::write(&self.org.cast, entry);
        let lower = text.to_lowercase();
        query.keywords.iter().all(|word| lower.contains(word))
            && query.filter.as_ref().is_none_or(|filter| {
                serde_json::from_str::<Value>(&text).is_ok_and(|event| filter.passes(&event))
            })
    }

    fn page(&mut self, entries: &[Arc<Entry>]) -> String {
        let mut records: Vec<String> =
            entries.iter().map(|entry| event::write(&self.org.cast, entry)).collect();
        if self.is(Fault::OutOfOrder) {
            self.dice.shuffle(&mut records);
        }
        if self.is(Fault::BadRecord) && !records.is_empty() {
            for (number, junk) in JUNK.into_iter().enumerate() {
                records.insert((number * 2).min(records.len()), junk.to_owned());
            }
        }
        let mut body =
            String::with_capacity(2 + records.iter().map(|record| record.len() + 1).sum::<usize>());
        body.push('[');
        for (number, record) in records.iter().enumerate() {
            if number > 0 {
                body.push(',');
            }
            body.push_str(record);
        }
        body.push(']');
        body
    }
}

/// The entries of a page and its next link: none, the page's own URL again, or a new cursor.
type Page = (Vec<Arc<Entry>>, Option<Option<String>>);

fn bad_cursor() -> Refusal {
    Refusal::validation("after", "The cursor is not valid.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_and_starts_again() {
        let mut window = Window::default();
        let counted: Vec<(u32, bool)> = (0..4)
            .map(|at| window.count(3, 1_000 + at))
            .map(|rate| (rate.remaining, rate.exceeded))
            .collect();
        assert_eq!(counted, [(2, false), (1, false), (0, false), (0, true)]);
        assert_eq!(window.count(3, 1_000).reset_s, 62);
        let fresh = window.count(3, 61_000);
        assert!(!fresh.exceeded);
        assert_eq!((fresh.remaining, fresh.reset_s), (2, 122));
    }
}
