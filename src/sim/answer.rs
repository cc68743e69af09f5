//! Builds one HTTP answer: Okta's error object, headers, and bodies that faults cut or slow down.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::time::Duration;

use futures_util::stream::{self, Stream, TryStreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use jiff::Timestamp;

use super::dice::Dice;
use super::fault::SimFault;
use super::json::quoted;
use crate::clock::Clock;

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";

/// What follows the head of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Why a request is refused, as Okta's error object says it (Okta: error codes).
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: u16,
    pub(super) code: Cow<'static, str>,
    summary: String,
    cause: Option<String>,
}

impl Refusal {
    /// Makes a refusal with a status and a code.
    pub(super) fn new(status: u16, code: impl Into<Cow<'static, str>>, summary: &str) -> Self {
        Self { status, code: code.into(), summary: summary.to_owned(), cause: None }
    }

    /// Makes a refusal of a parameter: 400 `E0000001`.
    pub(super) fn validation(field: &str, cause: &str) -> Self {
        let summary = format!("Api validation failed: {field}");
        Self { cause: Some(format!("{field}: {cause}")), ..Self::new(400, "E0000001", &summary) }
    }

    /// Makes a refusal with 400 `E0000001` and the cause as it is given.
    pub(super) fn validation_of(field: &str, cause: &str) -> Self {
        Self { cause: Some(cause.to_owned()), ..Self::validation(field, "") }
    }

    /// Makes a refusal with 429 `E0000047`.
    pub(super) fn too_many() -> Self {
        Self::new(429, "E0000047", "API call exceeded rate limit due to too many requests.")
    }
}

/// An answer before it is sent.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    content_type: Option<&'static str>,
    headers: Vec<(&'static str, String)>,
    body: String,
}

impl Answer {
    /// Makes an answer with status 200 and JSON.
    pub(super) fn json(body: String) -> Self {
        Self { status: 200, content_type: Some(JSON), headers: Vec::new(), body }
    }

    /// Makes an answer with HTML.
    pub(super) fn html(status: u16, body: &str) -> Self {
        Self { status, content_type: Some(HTML), headers: Vec::new(), body: body.to_owned() }
    }

    /// Makes an answer with a status and no body.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, content_type: None, headers: Vec::new(), body: String::new() }
    }

    /// Makes an answer with OAuth's error object (RFC 6749).
    pub(super) fn oauth(status: u16, error: &str, description: &str) -> Self {
        let body = format!(r#"{{"error":{},"error_description":{}}}"#, quoted(error), quoted(description));
        Self { status, content_type: Some(JSON), headers: Vec::new(), body }
    }

    /// Makes an answer with Okta's error object.
    pub(super) fn refusal(refusal: &Refusal, dice: &mut Dice) -> Self {
        let cause = refusal
            .cause
            .as_ref()
            .map_or(String::new(), |cause| format!(r#"{{"errorSummary":{}}}"#, quoted(cause)));
        let body = format!(
            r#"{{"errorCode":"{0}","errorSummary":{1},"errorLink":"{0}","errorId":"{2}","errorCauses":[{cause}]}}"#,
            refusal.code,
            quoted(&refusal.summary),
            dice.id("oae")
        );
        Self { status: refusal.status, content_type: Some(JSON), headers: Vec::new(), body }
    }

    /// Adds a header line. A name may be added more than once.
    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Makes the HTTP response. Faults may cut its body or slow it down.
    pub(super) fn send(self, date: Timestamp, faults: &BTreeSet<SimFault>, clock: &Clock) -> Response<Body> {
        let length = self.body.len();
        let is_page = self.status == 200;
        let body = match (
            is_page && faults.contains(&SimFault::CutBody),
            is_page && faults.contains(&SimFault::SlowBody),
        ) {
            (true, _) => cut(self.body),
            (_, true) => slow(self.body, clock.clone()),
            _ => Full::from(self.body).map_err(|never| match never {}).boxed_unsync(),
        };
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        if let Some(content_type) = self.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        for (name, value) in self.headers.into_iter().chain([("date", date)]) {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}

/// The number of pieces of a slow body, and the pause before each.
const SLOW_PIECES: usize = 20;
const SLOW_STEP: Duration = Duration::from_millis(100);

fn slow(body: String, clock: Clock) -> Body {
    let body = Bytes::from(body);
    let step = body.len().div_ceil(SLOW_PIECES).max(1);
    in_pieces(stream::unfold((body, clock), move |(mut rest, clock)| async move {
        if rest.is_empty() {
            return None;
        }
        drop(clock.sleep(SLOW_STEP).await);
        let piece = rest.split_to(step.min(rest.len()));
        Some((Ok(piece), (rest, clock)))
    }))
}

/// Sends half of the body and then fails, which makes the server close the connection.
fn cut(body: String) -> Body {
    let mut body = Bytes::from(body);
    body.truncate(body.len() / 2);
    in_pieces(stream::unfold((body, 0), |(half, step)| async move {
        // The pauses let the server send the first half before it sees the failure.
        tokio::task::yield_now().await;
        match step {
            0 => Some((Ok(half.clone()), (half, 1))),
            1..4 => Some((Ok(Bytes::new()), (half, step + 1))),
            4 => Some((Err(io::Error::other("cut")), (half, 5))),
            _ => None,
        }
    }))
}

fn in_pieces(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    StreamBody::new(pieces.map_ok(Frame::data)).boxed_unsync()
}
