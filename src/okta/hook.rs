//! What an event hook delivers, from a request's parts to consents; and what is owed to whoever asks first (Okta: event
//! hooks, verification and delivery).
//!
//! Nothing is signed. The shared secret proves the sender, inside TLS alone, and does not bind the body; so what comes
//! here counts as unconfirmed until the log shows it too.

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{self, Digest};
use jiff::Timestamp;
use thiserror::Error;

use super::read::{self, DEPTH_MAX};
use super::split::ReadError;
use super::wire::{Envelope, Text};
use crate::consent::redact;
use crate::consent::{Consent, Delivery, Reject, Untrusted, Via};
use crate::secret::Secret;

/// A delivery that could be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadDelivery {
    /// The events that could be read, in the delivery's order, each with the envelope.
    pub consents: Vec<Consent>,
    /// Those that could not.
    pub rejects: Vec<Reject>,
    /// How many events it had.
    pub events: usize,
    /// `eventId`, `eventTime`, `source` and the headers.
    pub envelope: Delivery,
    /// `eventType`; Okta sends `com.okta.event_hook`.
    pub event_type: Option<Untrusted>,
}

/// Why a body is no delivery. Quotes nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum HookError {
    /// It is longer than any delivery.
    #[error("It is longer than {} KiB.", BODY_MAX / 1024)]
    TooLong,
    /// Its content type is another one.
    #[error("Its content type is not application/json.")]
    NotJsonType,
    /// It is no JSON.
    #[error("It is not JSON (line {line}, column {column}).")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// It is no envelope.
    #[error("It has no data.events.")]
    NoEvents,
    /// `data.events` is neither an object nor a list that could be read.
    #[error("Its data.events: {0}")]
    Events(#[from] ReadError),
    /// More than a delivery brings.
    #[error("It brings more than {EVENTS_MAX} events.")]
    TooMany,
    /// None of its events can be read, and it nests without end.
    #[error("It nests deeper than {DEPTH_MAX} levels.")]
    TooDeep,
}

/// A longer body is refused. Okta names no limit; an event weighs some three KiB.
pub const BODY_MAX: usize = 1024 * 1024;
/// Each event keeps the envelope beside it, so their number is bounded by more than the body.
const EVENTS_MAX: usize = 1000;
/// A longer challenge is none of Okta's, and echoing it would make us a mirror.
const CHALLENGE_MAX: usize = 1024;
/// Longer headers are cut; Okta's own come to less than one KiB.
const HEADERS_MAX: usize = 4 * 1024;

/// Reads a delivery. A bad event costs none of the others; `headers` are those of [`kept_headers`].
///
/// # Errors
/// It is no envelope, or too much of one.
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
    // What was made readable for the envelope stands at the same places as in the body, and only there are the event's
    // exact bytes.
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

/// Makes a body text that a strict reader takes, byte for byte at the same place: what is no UTF-8 becomes question
/// marks, half characters become whole ones. One bad event must not hide those beside it.
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
    // A byte order mark is not JSON; three blanks are as long.
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => Cow::Owned(format!("   {rest}")),
        None => text,
    };
    match read::mend(&text) {
        Cow::Owned(mended) => Cow::Owned(mended),
        Cow::Borrowed(_) => text,
    }
}

/// Whether a `Content-Type` says JSON, with parameters or without.
pub fn is_json(content_type: Option<&[u8]>) -> bool {
    let kind = content_type.unwrap_or_default().split(|byte| *byte == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// Returns the text of a verification challenge, if it is one that may be echoed: up to a KiB of printable ASCII.
pub fn challenge(value: &[u8]) -> Option<&str> {
    let is_fit = (1..=CHALLENGE_MAX).contains(&value.len()) && value.iter().all(|b| (0x20..0x7f).contains(b));
    std::str::from_utf8(value).ok().filter(|_| is_fit)
}

/// Returns the body that answers a challenge.
pub fn verification(challenge: &str) -> String {
    let quoted = serde_json::to_string(challenge).expect("a text always has a JSON form");
    format!("{{\"verification\":{quoted}}}")
}

/// Names that are never kept: what they carry opens something.
const HIDDEN: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Returns a request's headers as `Name: value`, without those that carry our secrets; other secrets in them are
/// hidden. Names get the capitals of the papers, since HTTP/2 has none.
pub fn kept_headers<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    secrets: &Secrets,
) -> Vec<Untrusted> {
    let mut left = HEADERS_MAX;
    headers
        .filter(|(name, value)| {
            // Somebody may have put the secret into a second header as well.
            !HIDDEN.iter().any(|hidden| name.eq_ignore_ascii_case(hidden)) && !secrets.admit(value)
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

/// The secrets that open the listener: the one in force and, during a change, the one before. Only their digests are
/// held, so that the comparison takes the same time for every length.
#[derive(Clone)]
pub struct Secrets(Vec<Digest>);

/// Fewer characters than these can be guessed over the network.
const SECRET_MIN: usize = 16;
/// Scheme names that may precede a secret in `Authorization`. They do not count toward its length.
const SCHEMES: [&str; 2] = ["Basic ", "Bearer "];

/// Why a text cannot be a hook's secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum SecretsError {
    /// It can be guessed.
    #[error(
        "it is shorter than {SECRET_MIN} characters and can be guessed. This makes a good one: \
         (umask 077; head -c 32 /dev/urandom | base64 > hook-secret)"
    )]
    TooShort,
    /// A header cannot carry it.
    #[error("it contains characters that a header cannot carry, or begins or ends with white space")]
    NoHeader,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} hidden)", self.0.len())
    }
}

impl Secrets {
    /// Takes the secret in force, each the whole value of `Authorization`, and the one before, if that is still good.
    ///
    /// # Errors
    /// One of them can never arrive, or can be guessed.
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

    /// Whether a header's value is one of them. Looks at all, whichever it was.
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
