//! Answers the requests to the hook's listener.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{ALLOW, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use tokio::sync::{Semaphore, watch};

use super::ceiling::Room;
use super::slots::Slot;
use super::tally::{Excess, Refused, Stored, Tally};
use crate::clock::Clock;
use crate::consent::Reject;
use crate::journal::{AppendError, Batch, Commit, OrgJournal};
use crate::okta::hook_delivery::{self, HookError, ReadDelivery, Secrets};
use crate::report::{Board, Fault, Part};

/// The service that answers requests, shared by all connections.
#[derive(Debug)]
pub(super) struct HookService {
    /// At least one.
    pub(super) targets: Vec<Target>,
    /// Only for waiting.
    pub(super) clock: Clock,
    /// Permits for deliveries of all orgs whose body is in memory.
    pub(super) in_memory: Semaphore,
}

/// What the listener has for one org.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) path: String,
    pub(super) secrets: Secrets,
    pub(super) journal: OrgJournal,
    pub(super) board: watch::Receiver<Board>,
    pub(super) clock: Clock,
    pub(super) tally: Tally,
    /// Permits for deliveries of this org whose body is in memory, so that one org cannot use up those of the others.
    pub(super) in_memory: Semaphore,
    /// The room for further rows that the log has not shown.
    pub(super) unconfirmed: Room,
}

/// The most deliveries in memory at a time, each of at most one MiB. The journal's queue limits how many wait for it.
pub(super) const IN_MEMORY_MAX: usize = 64;
/// How long an answer may take. Okta gives up after three seconds (Okta: event hooks, timeout and retry), and retries
/// if it gets a 503 before that.
const ANSWER_WITHIN: Duration = Duration::from_millis(2500);
/// How long a body may take. Okta's bodies arrive sooner.
const BODY_WITHIN: Duration = Duration::from_secs(2);
/// The most bytes read and discarded of a refused request's body, so that the client reads the answer.
const DRAIN_MAX: usize = 8 * 1024 * 1024;
/// The same limit for a request that did not show the secret. No honest client sends more than Okta does.
const DRAIN_UNPROVEN_MAX: usize = 2 * hook_delivery::BODY_MAX;
/// A large event counts as one row for every 16 KiB. Okta's events have some 3 KiB.
const ROW_BYTES: usize = 16 * 1024;
/// Headers beyond this many bytes, names and values together, are refused.
pub(super) const HEADERS_MAX: usize = 16 * 1024;
/// The header of a verification request (Okta: event hooks, one-time verification request).
const CHALLENGE: &str = "x-okta-verification-challenge";

type Answer = Response<Full<Bytes>>;

/// Why a body could not be read.
enum NoBody {
    TooLong,
    TooSlow,
    Cut,
}

impl HookService {
    /// Answers one request of a connection. Unless the request showed the secret, the connection ends after the answer.
    pub(super) async fn answer(&self, request: Request<Incoming>, slot: &Slot) -> Answer {
        let begun = self.clock.uptime();
        let (parts, mut body) = request.into_parts();
        let target = self.target(parts.uri.path());
        let given = match target {
            Some(target) => target.given(&parts.headers),
            // Whoever knows a secret may keep the connection after a health check or a wrong path.
            None => self.given_any(&parts.headers),
        };
        let is_proven = given == Given::Right;
        if is_proven {
            slot.prove();
        }
        let mut answer = match self.early(&parts, target, given) {
            Ok(answer) => answer,
            Err(Delivery(target)) => {
                let answer = target.delivery(self, &parts.headers, &mut body, begun).await;
                if !answer.status().is_success() {
                    target.tally.turned_away();
                }
                return answer;
            }
        };
        if !body.is_end_stream() {
            let most = if is_proven { DRAIN_MAX } else { DRAIN_UNPROVEN_MAX };
            self.drain(&mut body, begun, most).await;
        }
        if !is_proven {
            if parts.version <= Version::HTTP_11 {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            slot.end_after_answer();
        }
        answer
    }

    /// Returns the target of a path.
    fn target(&self, path: &str) -> Option<&Target> {
        self.targets.iter().find(|target| without_slash(path) == without_slash(&target.path))
    }

    /// Checks the `Authorization` header for the secret of any org.
    fn given_any(&self, headers: &HeaderMap) -> Given {
        let given = self.targets.iter().map(|target| target.given(headers));
        given.max_by_key(|given| *given == Given::Right).unwrap_or(Given::Nothing)
    }

    /// Counts a refused request. One for no org is counted for the first.
    fn refused(&self, target: Option<&Target>, why: Refused) {
        if let Some(target) = target.or(self.targets.first()) {
            target.tally.refused(why);
        }
    }

    /// Answers requests that need no body. The error is a delivery that showed the secret of its target.
    fn early<'s>(
        &'s self,
        parts: &Parts,
        target: Option<&'s Target>,
        given: Given,
    ) -> Result<Answer, Delivery<'s>> {
        let Parts { uri, method, headers, .. } = parts;
        if size(uri, headers) > HEADERS_MAX {
            self.refused(target, Refused::Size);
            return Ok(empty(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        }
        if !has_one_host(parts) {
            self.refused(target, Refused::Form);
            return Ok(empty(StatusCode::BAD_REQUEST));
        }
        if target.is_none() && !is_health(uri.path()) {
            self.refused(None, Refused::Place);
            return Ok(empty(StatusCode::NOT_FOUND));
        }
        if !(method == Method::GET || (target.is_some() && method == Method::POST)) {
            self.refused(target, Refused::Place);
            let mut answer = empty(StatusCode::METHOD_NOT_ALLOWED);
            let allowed = if target.is_some() { "GET, POST" } else { "GET" };
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
            return Ok(answer);
        }
        let Some(target) = target else { return Ok(self.health(uri.path())) };
        match (given, method == Method::GET) {
            (Given::Wrong, _) | (Given::Nothing, false) => {
                target.tally.refused(Refused::Secret);
                Ok(empty(StatusCode::UNAUTHORIZED))
            }
            (Given::Right, false) => Err(Delivery(target)),
            (_, true) => Ok(target.verification(headers, given == Given::Right)),
        }
    }

    fn health(&self, path: &str) -> Answer {
        let is_ready = path == "/readyz";
        // Nobody learns from this which orgs there are.
        let why = self.targets.iter().find_map(|target| target.why_not(is_ready));
        let (status, line) = match why {
            // A full listener still takes deliveries, so a load balancer must keep it. One over the ceiling was answered
            // 503 above.
            None => match self.targets.iter().find_map(|target| target.tally.shortage(target.clock.sure())) {
                Some(fault) if is_ready => (StatusCode::OK, format!("ok, but {}: {fault}\n", fault.brief)),
                _ => (StatusCode::OK, "ok\n".to_owned()),
            },
            Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
        };
        let mut answer = Response::new(Full::from(line));
        *answer.status_mut() = status;
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        answer
    }

    async fn read(&self, body: &mut Incoming, by: Duration) -> Result<Vec<u8>, NoBody> {
        let announced = body.size_hint().lower();
        if announced > hook_delivery::BODY_MAX as u64 {
            return Err(NoBody::TooLong);
        }
        let mut bytes = Vec::with_capacity(announced as usize);
        loop {
            let frame = tokio::select! {
                biased;
                frame = body.frame() => frame,
                _ = self.clock.sleep_until(by) => return Err(NoBody::TooSlow),
            };
            let Some(frame) = frame else { return Ok(bytes) };
            // Trailers are ignored.
            let Ok(data) = frame.map_err(|_| NoBody::Cut)?.into_data() else { continue };
            if bytes.len() + data.len() > hook_delivery::BODY_MAX {
                return Err(NoBody::TooLong);
            }
            bytes.extend_from_slice(&data);
        }
    }

    /// Reads and discards the rest of a body, within limits. If the connection closed while the client is still
    /// sending, the answer could be lost.
    async fn drain(&self, body: &mut Incoming, begun: Duration, most: usize) {
        let by = begun + BODY_WITHIN;
        let mut taken = 0;
        while taken < most {
            let frame = tokio::select! {
                biased;
                frame = body.frame() => frame,
                _ = self.clock.sleep_until(by) => return,
            };
            let Some(Ok(frame)) = frame else { return };
            taken += frame.data_ref().map_or(0, Bytes::len);
        }
    }
}

impl Target {
    /// Checks the `Authorization` header for the secret.
    fn given(&self, headers: &HeaderMap) -> Given {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Given::Nothing,
            (Some(value), None) if self.secrets.admit(value.as_bytes()) => Given::Right,
            // With two values it is unclear which one is meant.
            _ => Given::Wrong,
        }
    }

    fn verification(&self, headers: &HeaderMap, knows_secret: bool) -> Answer {
        let value = headers.get(CHALLENGE).map_or(&b""[..], HeaderValue::as_bytes);
        let Some(challenge) = hook_delivery::challenge(value) else {
            self.tally.refused(Refused::Form);
            return empty(StatusCode::BAD_REQUEST);
        };
        self.tally.challenged(knows_secret, self.clock.sure());
        let mut answer = Response::new(Full::from(hook_delivery::verification(challenge)));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer
    }

    /// Returns why the process must be restarted, or with `is_ready` why deliveries of this org would fail now. Returns
    /// `None` if all is well.
    fn why_not(&self, is_ready: bool) -> Option<String> {
        if self.journal.is_closed() {
            return Some("the journal is closed".to_owned());
        }
        if !is_ready {
            return None;
        }
        let gone = self.journal.in_place().err().map(|error| error.fault().brief);
        gone.or_else(|| self.tally.trouble(self.clock.sure()))
            .or_else(|| self.board.borrow().get(Part::Journal).fault().map(|fault| fault.brief.clone()))
    }

    /// Stores a delivery and answers once it is on the disk.
    async fn delivery(
        &self,
        service: &HookService,
        headers: &HeaderMap,
        body: &mut Incoming,
        begun: Duration,
    ) -> Answer {
        let answer_by = begun + ANSWER_WITHIN;
        let permits =
            async { Some((self.in_memory.acquire().await.ok()?, service.in_memory.acquire().await.ok()?)) };
        let permit = tokio::select! {
            biased;
            permits = permits => permits,
            _ = self.clock.sleep_until(answer_by) => None,
        };
        let Some(_permits) = permit else {
            self.tally.refused(Refused::Journal);
            return empty(StatusCode::SERVICE_UNAVAILABLE);
        };
        let body = match service.read(body, begun + BODY_WITHIN).await {
            Ok(body) => body,
            Err(NoBody::TooLong) => {
                service.drain(body, begun, DRAIN_MAX).await;
                self.tally.refused(Refused::Size);
                return empty(StatusCode::PAYLOAD_TOO_LARGE);
            }
            Err(NoBody::TooSlow) => {
                self.tally.refused(Refused::Slow);
                return empty(StatusCode::REQUEST_TIMEOUT);
            }
            Err(NoBody::Cut) => {
                self.tally.refused(Refused::Form);
                return empty(StatusCode::BAD_REQUEST);
            }
        };
        // During a flood the delivery is refused before it is parsed.
        if let Some(answer) = self.excess(1, begun) {
            return answer;
        }
        let received = self.clock.sure();
        let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let pairs = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let read = if hook_delivery::is_json(content_type) {
            // The secret of another org in a header is not stored either.
            let secrets: Vec<&Secrets> = service.targets.iter().map(|target| &target.secrets).collect();
            hook_delivery::delivery(&body, hook_delivery::kept_headers(pairs, &secrets), received)
                .map_err(|error| (StatusCode::BAD_REQUEST, error))
        } else {
            Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, HookError::NotJsonType))
        };
        match read {
            Ok(read) => {
                self.unconfirmed.give_back(1, begun);
                let (rows, cost) = (read.consents.len(), cost(&read));
                // Unreadable events are stored as well. The log may show the events, but never these records.
                if let Some(answer) = self.excess(cost + read.rejects.len(), begun) {
                    return answer;
                }
                let stored = Stored::of(&read.consents, read.rejects.len());
                let batch = Batch { consents: read.consents, rejects: read.rejects, ..Batch::default() };
                match self.store(batch, answer_by).await {
                    Ok(commit) => {
                        // The journal does not say which rows were new, so each known row gives back the room of one
                        // row.
                        let known = rows.saturating_sub(commit.new);
                        self.unconfirmed.give_back(if known == rows { cost } else { known }, begun);
                        self.tally.delivered(&stored, &commit, self.clock.sure());
                        empty(StatusCode::NO_CONTENT)
                    }
                    Err(answer) => answer,
                }
            }
            Err((status, why)) => {
                // The room stays taken, because the body is stored as a record.
                let reject = Reject::new(received, "hook", why.to_string(), &body);
                let batch = Batch { rejects: vec![reject], ..Batch::default() };
                match self.store(batch, answer_by).await {
                    Ok(_) => {
                        tracing::warn!("A delivery of the event hook was refused; its body is kept: {why}");
                        self.tally.rejected(Refused::Form);
                        empty(status)
                    }
                    Err(answer) => answer,
                }
            }
        }
    }

    /// Reserves room for rows that the log has not shown. Returns a 503 answer if there is none. Events that Okta sent
    /// are not lost, since the log has them.
    fn excess(&self, rows: usize, up: Duration) -> Option<Answer> {
        let excess = if rows > 0 && self.journal.is_full_of_unconfirmed() {
            Excess::Kept
        } else if self.unconfirmed.take(rows, up) {
            return None;
        } else {
            Excess::Rate(self.unconfirmed.ceiling())
        };
        self.tally.exceeded(excess, self.clock.sure());
        Some(empty(StatusCode::SERVICE_UNAVAILABLE))
    }

    /// Stores a batch, or returns a 503 answer if that takes longer than `by`. The journal stores the batch even then,
    /// so Okta's second try finds it stored.
    async fn store(&self, batch: Batch, by: Duration) -> Result<Commit, Answer> {
        if batch == Batch::default() {
            // A delivery without events has nothing to store.
            return Ok(Commit::default());
        }
        let stored = tokio::select! {
            biased;
            stored = self.journal.append(batch) => stored,
            _ = self.clock.sleep_until(by) => {
                self.tally.refused(Refused::Journal);
                return Err(empty(StatusCode::SERVICE_UNAVAILABLE));
            }
        };
        stored.map_err(|error| {
            let fault = of_hook(&error);
            tracing::warn!(causes = ?fault.chain, "{fault}");
            self.tally.refused(Refused::Journal);
            self.tally.failed(fault, self.clock.sure());
            empty(StatusCode::SERVICE_UNAVAILABLE)
        })
    }
}

/// A delivery that showed the secret, left over by [`HookService::early`].
struct Delivery<'s>(&'s Target);

/// Returns whether a path is one of the health checks.
fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// Returns how many rows the events of a delivery count as. Each row stores its whole event.
fn cost(read: &ReadDelivery) -> usize {
    read.consents.iter().map(|consent| consent.raw.len().div_ceil(ROW_BYTES).max(1)).sum()
}

/// What a request has in its `Authorization` header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Given {
    Nothing,
    Wrong,
    Right,
}

/// Returns whether a request names exactly one host: HTTP/1.1 in one `Host` header, HTTP/2 in `:authority` with at most
/// an equal `Host` (RFC 9112 3.2, RFC 9113 8.3.1). With two names, a proxy and this server could disagree, which allows
/// request smuggling.
fn has_one_host(parts: &Parts) -> bool {
    let mut given = parts.headers.get_all(HOST).iter();
    let (first, is_one) = (given.next(), given.next().is_none());
    let named = first.map(|value| Authority::try_from(value.as_bytes()));
    if !is_one || named.as_ref().is_some_and(Result::is_err) {
        return false;
    }
    let authority = parts.uri.authority();
    match (parts.version, named) {
        // HTTP/1.0 does not require the header.
        (Version::HTTP_09 | Version::HTTP_10, _) | (Version::HTTP_11, Some(_)) => true,
        (Version::HTTP_11, None) => false,
        (_, named) => authority
            .is_some_and(|authority| named.is_none_or(|named| named.ok().as_ref() == Some(authority))),
    }
}

/// Returns a path without a trailing slash, which some clients add to every address.
fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

fn of_hook(error: &AppendError) -> Fault {
    let cause = error.fault();
    Fault {
        part: Part::Hook,
        doing: "Deliveries get a 503, and Okta tries each once more; the poller fetches what is lost then."
            .to_owned(),
        ..cause
    }
}

fn size(uri: &Uri, headers: &HeaderMap) -> usize {
    let line = uri.path_and_query().map_or(0, |path| path.as_str().len());
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + line
}

fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}
