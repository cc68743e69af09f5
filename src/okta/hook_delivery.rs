//! Reads the deliveries of event hooks, and answers the one-time verification (Okta: event hooks, verification and
//! delivery).
//!
//! Deliveries are not signed. The shared secret proves the sender, only inside TLS, and does not protect the body. So
//! delivered events count as unconfirmed until the log shows them too.

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{self, Digest};
use jiff::Timestamp;
use thiserror::Error;

use super::json_shapes::{Envelope, Text};
use super::read::{self, DEPTH_MAX};
use super::split::PageError;
use crate::consent::redact;
use crate::consent::{Consent, Delivery, Reject, Untrusted, Via};
use crate::secret::Secret;

/// A delivery that could be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadDelivery {
    /// The events that could be read, in the delivery's order, each with the envelope.
    pub consents: Vec<Consent>,
    /// The events that could not be read.
    pub rejects: Vec<Reject>,
    /// The number of events in the delivery.
    pub events: usize,
    /// `eventId`, `eventTime`, `source` and the headers.
    pub envelope: Delivery,
    /// `eventType`; Okta sends `com.okta.event_hook`.
    pub event_type: Option<Untrusted>,
}

/// Why a body is not a delivery. Quotes no part of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum HookError {
    /// The body is longer than any delivery.
    #[error("It is longer than {} KiB.", BODY_MAX / 1024)]
    TooLong,
    /// The content type is not JSON.
    #[error("Its content type is not application/json.")]
    NotJsonType,
    /// The body is not JSON.
    #[error("It is not JSON (line {line}, column {column}).")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// The body has no `data.events`.
    #[error("It has no data.events.")]
    NoEvents,
    /// `data.events` is neither an object nor a list that could be read.
    #[error("Its data.events: {0}")]
    Events(#[from] PageError),
    /// The delivery has too many events.
    #[error("It has more than {EVENTS_MAX} events.")]
    TooMany,
    /// None of its events can be read, and it nests too deep.
    #[error("It nests deeper than {DEPTH_MAX} levels.")]
    TooDeep,
}

/// The maximum length of a body; a longer one is refused. Okta names no limit; an event has about three KiB.
pub const BODY_MAX: usize = 1024 * 1024;
/// The maximum number of events. Each event is stored with the envelope, so the length of the body is not a sufficient
/// bound.
const EVENTS_MAX: usize = 1000;
/// The maximum length of a challenge. A longer one is not Okta's, and echoing any text would let others use this
/// program as a mirror.
const CHALLENGE_MAX: usize = 1024;
/// The maximum length of all kept headers together; the rest are dropped. Okta's own have less than one KiB.
const HEADERS_MAX: usize = 4 * 1024;

/// Reads a delivery. A bad event does not affect the others. `headers` come from [`kept_headers`].
///
/// # Errors
/// The body is not an envelope, or it is too large.
pub fn delivery(
    body: &[u8],
    headers: Vec<Untrusted>,
    received: Timestamp,
) -> Result<ReadDelivery, HookError> {
    if body.len() > BODY_MAX {
        return Err(HookError::TooLong);
    }
    let text = readable(body);
    let envelope = match serde_json::from_str::<Envelope<'_>>(&text) {
        Ok(envelope) => envelope,
        Err(error) => return Err(HookError::NotJson { line: error.line(), column: error.column() }),
    };
    let events = envelope.data.events.0.ok_or(HookError::NoEvents)?.get();
    // The text has everything at the same positions as the body, and only the body has the exact bytes of the events.
    let at = events.as_ptr().addr() - text.as_ptr().addr();
    let events = body.get(at..at + events.len()).ok_or(HookError::NoEvents)?;
    // A delivery with one event may have the event itself in place of the list.
    let page = if events.starts_with(b"{") {
        read::page(&[b"[", events, b"]"].concat(), received, Via::HOOK)?
    } else {
        read::page(events, received, Via::HOOK)?
    };
    if page.records > EVENTS_MAX {
        return Err(HookError::TooMany);
    }
    if page.consents.is_empty() && !page.rejects.is_empty() && read::is_too_deep(&text) {
        return Err(HookError::TooDeep);
    }
    let kept = |text: &Text<'_>| text.get().map(|text| Untrusted::new(redact::text(text)));
    let event_type = kept(&envelope.event_type);
    let envelope = Delivery {
        event_id: kept(&envelope.event_id).or_else(|| kept(&envelope.early_event_id)),
        event_time: kept(&envelope.event_time),
        source: kept(&envelope.source),
        headers,
        received: Some(received),
    };
    let mut consents = page.consents;
    for consent in &mut consents {
        consent.hook = Some(envelope.clone());
    }
    Ok(ReadDelivery { consents, rejects: page.rejects, events: page.records, envelope, event_type })
}

/// Returns a body as text that a strict parser accepts, with every byte at the same position: bytes that are not UTF-8
/// become question marks, and unpaired surrogates are replaced. One bad event must not hide the others.
fn readable(body: &[u8]) -> Cow<'_, str> {
    let text = if let Ok(text) = std::str::from_utf8(body) {
        Cow::Borrowed(text)
    } else {
        let mut text = String::with_capacity(body.len());
        for chunk in body.utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|_| '?'));
        }
        Cow::Owned(text)
    };
    // A byte order mark is not JSON. Three spaces are as long.
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => Cow::Owned(format!("   {rest}")),
        None => text,
    };
    match read::mend(&text) {
        Cow::Owned(mended) => Cow::Owned(mended),
        Cow::Borrowed(_) => text,
    }
}

/// Returns whether a `Content-Type` is JSON, with or without parameters.
pub fn is_json(content_type: Option<&[u8]>) -> bool {
    let kind = content_type.unwrap_or_default().split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Returns the text of a verification challenge. Returns `None` unless it is printable ASCII of at most a KiB, because
/// it is echoed.
pub fn challenge(value: &[u8]) -> Option<&str> {
    let is_fit = (1..=CHALLENGE_MAX).contains(&value.len()) && value.iter().all(|b| (0x20..0x7f).contains(b));
    std::str::from_utf8(value).ok().filter(|_| is_fit)
}

/// Returns the body that answers a challenge.
pub fn verification(challenge: &str) -> String {
    let quoted = serde_json::to_string(challenge).expect("a text always has a JSON form");
    format!("{{\"verification\":{quoted}}}")
}

/// The names of headers that are never kept, because they carry credentials.
const HIDDEN: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Returns the headers of a request as `Name: value`, without those that carry our secrets. Hides other secrets in
/// them. Names are capitalized as in Okta's documentation, since HTTP/2 has them in lower case.
pub fn kept_headers<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    secrets: &[&Secrets],
) -> Vec<Untrusted> {
    let mut left = HEADERS_MAX;
    headers
        .filter(|(name, value)| {
            // A sender may have put the secret into a second header as well.
            let is_hidden = HIDDEN.iter().any(|hidden| name.eq_ignore_ascii_case(hidden));
            !is_hidden && !secrets.iter().any(|secrets| secrets.admit(value))
        })
        .map(|(name, value)| {
            let line = format!("{}: {}", capitals(name), String::from_utf8_lossy(value));
            redact::header(&line).into_owned()
        })
        .take_while(|line| {
            let fits = line.len() <= left;
            left = left.saturating_sub(line.len());
            fits
        })
        .map(Untrusted::new)
        .collect()
}

fn capitals(name: &str) -> String {
    let mut begins = true;
    let capital = |c: char| {
        let c = if begins { c.to_ascii_uppercase() } else { c };
        begins = c == '-';
        c
    };
    name.chars().map(capital).collect()
}

/// The secrets that a delivery must have: the current one and, during a change, the previous one. Stores only their
/// digests, so that a comparison takes the same time for every length.
#[derive(Clone)]
pub struct Secrets(Vec<Digest>);

/// The minimum length of a secret; a shorter one can be guessed over the network.
const SECRET_MIN: usize = 16;
/// The scheme names that may precede a secret in `Authorization`. They do not count toward its length.
const SCHEMES: [&str; 2] = ["Basic ", "Bearer "];

/// Why a text cannot be the secret of a hook.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SecretsError {
    /// The text can be guessed.
    #[error(
        "it is shorter than {SECRET_MIN} characters and can be guessed. This makes a good one: \
         (umask 077; head -c 32 /dev/urandom | base64 > hook-secret)"
    )]
    TooShort,
    /// The text cannot be sent in a header.
    #[error("it contains characters that a header cannot carry, or begins or ends with white space")]
    NoHeader,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} hidden)", self.0.len())
    }
}

impl Secrets {
    /// Returns the secrets for the current one, which is the whole value of `Authorization`, and the previous one, if
    /// that is still valid.
    ///
    /// # Errors
    /// A secret can never arrive, or can be guessed.
    pub fn new(current: &Secret, previous: Option<&Secret>) -> Result<Self, SecretsError> {
        let digests = [Some(current), previous].into_iter().flatten().map(|secret| {
            let text = secret.reveal();
            let is_fit = text.bytes().all(|b| (0x20..0x7f).contains(&b)) && text.trim() == text;
            if !is_fit || text.is_empty() {
                return Err(SecretsError::NoHeader);
            }
            let scheme = SCHEMES.into_iter().find(|scheme| {
                text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            });
            if text.len() < SECRET_MIN + scheme.map_or(0, str::len) {
                return Err(SecretsError::TooShort);
            }
            Ok(digest::digest(&digest::SHA256, text.as_bytes()))
        });
        digests.collect::<Result<_, _>>().map(Self)
    }

    /// Returns whether the value of a header is one of them. Compares with all of them, so that the time does not show
    /// which one matched.
    pub fn admit(&self, value: &[u8]) -> bool {
        let asked = digest::digest(&digest::SHA256, value);
        self.0
            .iter()
            .map(|known| verify_slices_are_equal(known.as_ref(), asked.as_ref()).is_ok())
            .fold(false, |any, equal| any | equal)
    }
}

#[cfg(test)]
mod tests;
