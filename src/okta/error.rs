//! Refusals and failed requests: what they mean, and what can be done about them.

use std::fmt;

use thiserror::Error;
use url::Url;

use super::headers::{Headers, read_value};
use super::json_shapes::ErrorBody;
use crate::consent::visible;
use crate::report::{Fault, Part};

/// An answer that is not the one asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Okta's error code, or the OAuth error.
    pub code: Option<String>,
    /// Okta's sentence and its causes. For people only, because Okta may reword it.
    pub summary: Option<String>,
    /// `errorId`, which Okta's support asks for.
    pub error_id: Option<String>,
    /// `X-Okta-Request-Id`, which Okta's support asks for too.
    pub request_id: Option<String>,
    /// The scope that `WWW-Authenticate` says is missing.
    pub scope: Option<String>,
    /// Scheme and host that a redirect leads to.
    pub leads_to: Option<String>,
    /// Whether the body is something that Okta's API does not send, for example HTML.
    pub is_foreign: bool,
    /// Whether the refusal is of a service app's sign-in, and not of an API call.
    pub is_sign_in: bool,
}

/// The meaning of a refusal. It depends on the status first, then on the code, never on the words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// Okta does not accept the credentials.
    BadCredentials,
    /// The credentials are valid, but the org lacks the feature (401 `E0000015`).
    FeatureOff,
    /// The credentials are valid, but a scope or a role is missing.
    NotPermitted,
    /// The requested thing does not exist.
    NotFound,
    /// Too many requests.
    RateLimit,
    /// The request itself is wrong.
    BadRequest,
    /// Okta, or a gateway before it, cannot answer now.
    Unavailable,
    /// Another server than Okta's API answered.
    NotOkta,
}

/// Why there is no answer. The texts come from libraries; they contain no secret and no URL.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum SendError {
    /// The connection could not be opened.
    #[error("could not connect: {0}")]
    Connect(String),
    /// The TLS connection failed, for example because the certificate is not trusted.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// The answer took too long.
    #[error("no answer in time")]
    Timeout,
    /// The answer is larger than any expected one.
    #[error("the answer is too large")]
    TooLarge,
    /// The connection ended in the middle of the answer.
    #[error("the answer was cut: {0}")]
    Cut(String),
    /// The request needs an access token, and Okta refused to issue one.
    #[error("signing in was refused: {0}")]
    SignIn(Box<Refusal>),
    /// Anything else.
    #[error("the request failed: {0}")]
    Other(String),
}

/// The maximum length of a body that is read as an error.
const BODY_MAX: usize = 64 * 1024;
/// The maximum number of characters of a remote text on the screen.
const WORDS_MAX: usize = 200;
const CAUSES_MAX: usize = 3;

impl Refusal {
    /// Reads a refusal from an answer.
    pub fn read(status: u16, headers: &Headers, body: &[u8]) -> Self {
        let body = body.trim_ascii();
        let error = Some(body)
            .filter(|body| body.len() <= BODY_MAX && body.starts_with(b"{"))
            .and_then(|body| serde_json::from_slice::<ErrorBody<'_>>(body).ok());
        let is_foreign = !body.is_empty() && error.is_none();
        let error = error.unwrap_or_default();
        let challenges: Vec<&str> = headers.get_all("www-authenticate").collect();
        let challenge = |name| challenges.iter().find_map(|line| parameter(line, name));
        let code = error.code.get().or(error.oauth_error.get()).map(clip).or_else(|| challenge("error"));
        let summary = error.summary.get().or(error.oauth_description.get()).map(str::to_owned);
        let causes = error.causes.0.iter().take(CAUSES_MAX).filter_map(|cause| cause.summary.get());
        let words: Vec<String> = summary.into_iter().chain(causes.map(str::to_owned)).collect();
        let summary = Some(words.join("; ")).filter(|words| !words.is_empty()).map(|words| clip(&words));
        Self {
            status,
            code,
            summary: summary.or_else(|| challenge("error_description")),
            error_id: error.id.get().map(clip),
            request_id: headers.request_id().map(clip),
            scope: challenge("scope"),
            leads_to: Some(headers)
                .filter(|_| (300..400).contains(&status))
                .and_then(|headers| Url::parse(headers.get("location")?).ok())
                .map(|url| clip(&url.origin().ascii_serialization())),
            is_foreign,
            is_sign_in: false,
        }
    }

    /// Marks the refusal as one of the token endpoint.
    #[must_use]
    pub fn at_sign_in(mut self) -> Self {
        self.is_sign_in = true;
        self
    }

    /// Returns the meaning of the refusal.
    pub fn meaning(&self) -> Meaning {
        match self.status {
            400 | 401 | 403 if self.is_sign_in && !self.is_foreign => match self.code.as_deref() {
                // Okta's OAuth error codes. None of these is about a user's consent or role.
                Some("consent_required" | "invalid_scope" | "access_denied" | "server_error") => {
                    Meaning::NotPermitted
                }
                _ => Meaning::BadCredentials,
            },
            429 => Meaning::RateLimit,
            408 | 423 | 425 | 500.. => Meaning::Unavailable,
            _ if self.is_foreign => Meaning::NotOkta,
            400 if self.code.as_deref() == Some("insufficient_scope") => Meaning::NotPermitted,
            401 if self.code.as_deref() == Some("E0000015") => Meaning::FeatureOff,
            401 => Meaning::BadCredentials,
            403 | 405 => Meaning::NotPermitted,
            404 => Meaning::NotFound,
            402..500 | 400 => Meaning::BadRequest,
            _ => Meaning::NotOkta,
        }
    }

    /// Returns the fault of a part that met this.
    pub fn fault(&self, part: Part) -> Fault {
        let status = self.status;
        let is_poll = part == Part::Poll;
        let again = "It retries every minute and reads the credentials again; what is stored stays usable.";
        let (brief, what, doing, remedy) = match self.meaning() {
            Meaning::BadCredentials if self.is_sign_in => (
                format!("{status} sign-in refused"),
                "Okta does not let the service app sign in",
                again,
                match self.code.as_deref() {
                    Some("use_dpop_nonce") => {
                        "Okta refuses nonces that it issued itself; tell Okta's support the request id if this lasts."
                    }
                    Some("invalid_dpop_proof") => {
                        "The app requires DPoP: set org.oauth.dpop to auto or always, and correct this machine's clock."
                    }
                    _ => {
                        "Check client_id, the private key, key_id as registered with the app, and this machine's clock."
                    }
                }
                .to_owned(),
            ),
            Meaning::NotPermitted if self.is_sign_in => (
                format!("{status} scopes refused"),
                "Okta issues no token to the service app",
                again,
                match self.code.as_deref() {
                    Some("access_denied" | "server_error") => {
                        "Check the app's network zones, and that the org has API Access Management."
                    }
                    Some("invalid_scope") => {
                        "Ask for scopes of Okta's API, okta.logs.read among them (org.oauth.scopes, OKTA_CLIENT_SCOPES)."
                    }
                    _ => "A Super Admin must grant okta.logs.read to the app, under Okta API Scopes.",
                }
                .to_owned(),
            ),
            Meaning::BadCredentials => (
                format!("{status} bad credentials"),
                "Okta does not accept the credentials",
                again,
                match self.code.as_deref() {
                    // A service app got this token a moment ago.
                    Some("invalid_token") => {
                        "Check in the org whether the service app is active, and whether its tokens were revoked."
                    }
                    _ => "Configure a valid token.",
                }
                .to_owned(),
            ),
            Meaning::FeatureOff => (
                format!("{status} feature off"),
                "The org lacks the requested feature; the credentials are valid",
                again,
                "Ask Okta to switch the feature on for this org.".to_owned(),
            ),
            Meaning::NotPermitted => (
                format!("{status} not permitted"),
                "The credentials lack a right",
                again,
                match &self.scope {
                    Some(scope) => format!("Grant the scope {scope} to the service app, under Okta API Scopes."),
                    None => "Give the owner of the credentials, a person or a service app, a role that may read this, such as \
                             Read-only Administrator."
                        .to_owned(),
                },
            ),
            Meaning::NotFound => (
                format!("{status} not found"),
                "The host does not know the requested path",
                again,
                "Check that the org URL is that of the org itself.".to_owned(),
            ),
            Meaning::RateLimit => (
                format!("{status} rate limit"),
                "Okta asks us to wait",
                "It waits and retries; nothing is lost.",
                String::new(),
            ),
            Meaning::BadRequest => (
                format!("{status} bad request"),
                "Okta does not accept the request",
                if is_poll {
                    "It retries, after waits of up to a minute; what is stored stays usable."
                } else {
                    again
                },
                if is_poll {
                    "Check poll.events, and the time to begin at (--since, poll.lookback); if both are right, tell \
                     Okta's support."
                } else {
                    "Check what Okta's message names; if that is right, tell Okta's support."
                }
                .to_owned(),
            ),
            Meaning::Unavailable => (
                format!("{status} unavailable"),
                if self.is_foreign {
                    "A gateway in front of Okta cannot reach it"
                } else {
                    "Okta cannot answer now"
                },
                "It waits and retries; nothing is lost.",
                String::new(),
            ),
            Meaning::NotOkta if self.leads_to.is_some() => (
                "redirected elsewhere".to_owned(),
                "The org URL redirects elsewhere, and the credentials are not sent there",
                again,
                "Use the org's own URL, and check whether a proxy or a sign-in page is in between.".to_owned(),
            ),
            Meaning::NotOkta => (
                "not an Okta answer".to_owned(),
                "Something other than Okta's API answered",
                again,
                "Check the org URL, and whether a proxy or a sign-in page is in between.".to_owned(),
            ),
        };
        let fault = Fault::new(part, &brief, &format!("{what} ({self})."), doing, &remedy);
        match self.meaning() {
            Meaning::RateLimit | Meaning::Unavailable => fault.passing(),
            Meaning::BadCredentials | Meaning::FeatureOff | Meaning::NotPermitted => fault.refusal(),
            Meaning::NotFound | Meaning::BadRequest | Meaning::NotOkta => fault,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        if let Some(summary) = &self.summary {
            write!(f, ": {}", summary.trim_end_matches('.'))?;
        }
        if let Some(origin) = &self.leads_to {
            write!(f, " to {origin}")?;
        }
        for (name, value) in [("error id", &self.error_id), ("request id", &self.request_id)] {
            if let Some(value) = value {
                write!(f, ", {name} {value}")?;
            }
        }
        Ok(())
    }
}

impl SendError {
    /// Returns the fault of a part that met this.
    pub fn fault(&self, part: Part) -> Fault {
        let (brief, remedy, passes) = match self {
            Self::SignIn(refusal) => return refusal.fault(part),
            Self::Connect(_) => ("no connection", "Check the network and the proxy if this lasts.", true),
            Self::Tls(_) => {
                ("no secure connection", "Check the host's certificate, or name your CA in ca_file.", false)
            }
            Self::Timeout => ("no answer in time", "Check the network and the proxy if this lasts.", true),
            Self::TooLarge => ("answer too large", "Choose a smaller page_size.", false),
            Self::Cut(_) => ("answer cut short", "Check the network and the proxy if this lasts.", true),
            Self::Other(_) => ("request failed", "Look in the program's log for the causes.", true),
        };
        let doing = "It waits and retries; nothing is lost.";
        let fault = Fault::new(part, brief, &format!("The org did not answer: {self}."), doing, remedy);
        if passes { fault.passing() } else { fault }
    }
}

/// Makes a remote text safe to show: with control characters made visible, and cut if it is long.
pub(super) fn clip(text: &str) -> String {
    let mut chars = text.chars();
    let short: String = chars.by_ref().take(WORDS_MAX).collect();
    let mut shown = visible(&short).into_owned();
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Returns a parameter of an authentication challenge, `name="value"`.
fn parameter(challenge: &str, wanted: &str) -> Option<String> {
    let mut rest = challenge;
    while let Some((before, after)) = rest.split_once('=') {
        let name = before.rsplit([' ', ',']).next().unwrap_or("");
        let (value, tail) = read_value(after.trim_start());
        if name.eq_ignore_ascii_case(wanted) && !value.is_empty() {
            return Some(clip(&value));
        }
        rest = tail;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(status: u16, body: &str) -> Refusal {
        let headers = [("X-Okta-Request-Id", "Zinvented")].into_iter().collect();
        Refusal::read(status, &headers, body.as_bytes())
    }

    #[test]
    fn okta_s_words_and_numbers_are_shown() {
        let body = r#"{"errorCode":"E0000011","errorSummary":"No \u001b[31mgood.","errorId":"oaeInvented","errorCauses":[]}"#;
        let fault = read(401, body).fault(Part::Poll);
        assert_eq!(fault.brief, "401 bad credentials");
        for part in ["401 E0000011", "^[[31m", "oaeInvented", "Zinvented"] {
            assert!(fault.what.contains(part), "{}", fault.what);
        }
        assert!(fault.refused && !fault.passes);
    }

    #[test]
    fn a_feature_that_is_off_is_no_bad_token() {
        let refusal = read(401, r#"{"errorCode":"E0000015"}"#);
        assert_eq!(refusal.meaning(), Meaning::FeatureOff);
        assert!(refusal.fault(Part::Poll).what.contains("credentials are valid"));
    }

    #[test]
    fn a_missing_scope_is_named_without_a_body() {
        let challenge = r#"Bearer authorization_uri="http://example.test/a?b=c", scope="okta.logs.read", error="insufficient_scope", error_description="Too, little", resource="/api/v1/logs""#;
        let headers = [("www-authenticate", challenge)].into_iter().collect();
        let refusal = Refusal::read(403, &headers, b"");
        assert_eq!(refusal.meaning(), Meaning::NotPermitted);
        assert_eq!(refusal.code.as_deref(), Some("insufficient_scope"));
        assert_eq!(refusal.summary.as_deref(), Some("Too, little"));
        assert!(refusal.fault(Part::Poll).remedy.contains("okta.logs.read"));
    }

    #[test]
    fn a_redirect_is_named_and_not_followed() {
        let fault = |location: &str| {
            let headers = [("location", location)].into_iter().collect();
            Refusal::read(302, &headers, b"").fault(Part::Poll)
        };
        let other = fault("https://ada:word@example.test:8443/login?token=x");
        assert_eq!(other.brief, "redirected elsewhere");
        assert!(other.what.contains("(status 302 to https://example.test:8443)."), "{}", other.what);
        assert!(!other.passes && !other.refused);
        assert!(fault("http://example.okta.com/").what.contains("to http://example.okta.com)"));
        assert_eq!(fault("/login").brief, "not an Okta answer");
    }

    #[test]
    fn a_bad_request_of_the_poll_has_a_remedy_that_is_for_the_poll_alone() {
        let refusal = read(400, r#"{"errorCode":"E0000001","errorSummary":"Api validation failed: uri"}"#);
        assert!(refusal.fault(Part::Poll).remedy.contains("poll.lookback"));
        for part in [Part::Hook, Part::Readiness] {
            let fault = refusal.fault(part);
            assert!(fault.what.contains("Api validation failed: uri"), "{fault}");
            assert!(!fault.remedy.contains("poll.") && fault.remedy.contains("Okta's message"), "{fault}");
        }
    }

    #[test]
    fn meaning_goes_by_status_first() {
        let sheet = [
            (400, r#"{"errorCode":"E0000053"}"#, Meaning::BadRequest),
            (500, r#"{"errorCode":"E0000053"}"#, Meaning::Unavailable),
            (403, "", Meaning::NotPermitted),
            (404, r#"{"errorCode":"E0000008"}"#, Meaning::NotFound),
            (429, r#"{"errorCode":"E0000047"}"#, Meaning::RateLimit),
            (429, "<html>", Meaning::RateLimit),
            (502, "<html>", Meaning::Unavailable),
            (403, "<html>", Meaning::NotOkta),
            (302, "", Meaning::NotOkta),
            (200, "<!doctype html>", Meaning::NotOkta),
            (200, "", Meaning::NotOkta),
        ];
        for (status, body, meaning) in sheet {
            assert_eq!(read(status, body).meaning(), meaning, "{status} {body}");
        }
        assert!(read(502, "<html>").fault(Part::Poll).what.contains("gateway"));
    }

    proptest! {
        #[test]
        fn any_answer_gives_a_fault_that_fits(status: u16, body in proptest::collection::vec(any::<u8>(), 0..300), challenge in ".*") {
            let headers = [("www-authenticate", challenge.as_str()), ("x-okta-request-id", &challenge)].into_iter().collect();
            let fault = Refusal::read(status, &headers, &body).fault(Part::Poll);
            prop_assert!(fault.brief.chars().count() <= 30);
            prop_assert!(!fault.what.chars().any(char::is_control));
            prop_assert!(fault.what.len() < 20_000);
        }

        #[test]
        fn any_summary_is_bounded(summary in ".*", repeat in 1_usize..50) {
            let text = clip(&summary.repeat(repeat));
            prop_assert!(text.chars().count() <= WORDS_MAX * 9 + 1);
        }
    }
}
