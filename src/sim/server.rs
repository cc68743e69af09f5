//! Answers HTTP requests to the org.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Method, Request, Response};
use jiff::{SignedDuration, Timestamp};

use super::access::{Closed, Scheme};
use super::answer::{Answer, Body, Refusal};
use super::dice::Dice;
use super::dpop::Told;
use super::fault::{Place, SimFault};
use super::grants;
use super::hook_state::HOOKS;
use super::oauth::{Ask, MAX_FORM, TOKEN};
use super::org::{Org, locked};
use super::registry;
use super::resources;
use super::shape::{Instead, Metadata};
use super::window::Rate;

/// The error of a skewed clock, in minutes.
const SKEW_MIN: i64 = 10;
/// The time until the reset in a forced 429, in seconds.
const FORCED_RESET_S: i64 = 10;
/// The requests allowed per window for the token endpoint, and for all paths other than it and the System Log.
const OTHER_REQUESTS: u32 = 600;

/// The target of foreign links and redirects: another host, where nothing listens.
pub(super) const ELSEWHERE: &str = "http://127.0.0.2:9";

/// The System Log's path.
pub(super) const LOGS: &str = "/api/v1/logs";

/// One request with the state that its answer depends on.
pub(super) struct Call<'a> {
    pub(super) org: &'a Arc<Org>,
    method: &'a Method,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    headers: &'a HeaderMap,
    /// Scheme and host as the client addressed them. Links use the same.
    pub(super) base: String,
    pub(super) now: Timestamp,
    /// The time by the org's clock, which a fault may skew.
    shown: Timestamp,
    faults: &'a BTreeSet<SimFault>,
    pub(super) dice: Dice,
}

/// Answers one request.
pub(super) async fn answer(org: &Arc<Org>, request: Request<Incoming>) -> Response<Body> {
    let number = org.requests.fetch_add(1, Ordering::Relaxed);
    let (parts, body) = request.into_parts();
    let (path, method) = (parts.uri.path(), &parts.method);
    let place = match path {
        LOGS => Place::Log,
        TOKEN => Place::Token,
        _ => Place::Other,
    };
    let is_read = method == Method::POST && (place == Place::Token || path.starts_with(HOOKS));
    let form = if is_read { bytes(body, MAX_FORM).await } else { None };
    let faults = locked(&org.faults).take(place);
    let now = org.clock.now();
    let skew = SignedDuration::from_mins(match () {
        () if faults.contains(&SimFault::ClockSkew) => SKEW_MIN,
        () if faults.contains(&SimFault::ClockBehind) => -SKEW_MIN,
        () => 0,
    });
    let shown = now.saturating_add(skew).unwrap_or(now);
    let mut call = Call {
        org,
        method,
        path,
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        base: base(&parts.headers).unwrap_or_else(|| org.url.clone()),
        now,
        shown,
        faults: &faults,
        dice: Dice::of(org.population.epoch, !(number as u64)),
    };
    let answer = call.answer(place, form.as_deref()).await;
    answer.send(shown, &faults, &org.clock)
}

/// Reads a body of at most so many bytes; one that is longer or breaks off is none.
async fn bytes(body: Incoming, most: usize) -> Option<Bytes> {
    Some(Limited::new(body, most).collect().await.ok()?.to_bytes())
}

fn base(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let is_plain = host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
    (is_plain && (1..=255).contains(&host.len())).then(|| format!("http://{host}"))
}

impl Call<'_> {
    pub(super) fn is(&self, fault: SimFault) -> bool {
        self.faults.contains(&fault)
    }

    pub(super) fn refuse(&mut self, refusal: &Refusal) -> Answer {
        Answer::refusal(refusal, &mut self.dice)
    }

    async fn answer(&mut self, place: Place, form: Option<&[u8]>) -> Answer {
        if self.is(SimFault::Redirect) {
            return Answer::empty(302).with("location", format!("{ELSEWHERE}{}", self.path));
        }
        if self.is(SimFault::NotOkta) {
            return Answer::html(200, "<!doctype html><title>Welcome</title><h1>It works!</h1>");
        }
        if self.is(SimFault::LoginPage) {
            return Answer::html(200, LOGIN_PAGE);
        }
        let mut id = String::from("Z");
        self.dice.letters(&mut id, 26);
        let is_api = self.path.starts_with("/api/");
        let forced = self.faults.iter().copied().find(|fault| fault.refuses()).filter(|_| is_api);
        if forced == Some(SimFault::Gateway502) {
            return Answer::html(
                502,
                "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
            );
        }
        if !is_api && place != Place::Token {
            // Without the API Access Management product, every custom server's document is refused (Okta: issues with
            // 401 on the default server).
            if self.path.starts_with("/oauth2/") && locked(&self.org.shape).metadata == Metadata::Off {
                return self.feature_off().with("x-okta-request-id", id);
            }
            let is_gone = self.path.starts_with("/oauth2/default/")
                && locked(&self.org.shape).metadata == Metadata::Missing;
            let found = resources::open(self.org, &self.base, self.path).filter(|_| !is_gone);
            return self.resource(found).with("x-okta-request-id", id);
        }
        let rate = self.count(place);
        let (mut limit, mut remaining, mut reset_s) = (rate.limit, rate.remaining, rate.reset_s);
        let answer = match forced {
            Some(SimFault::Concurrency429) => {
                (limit, remaining) = (0, 0);
                reset_s = self.shown.as_second() + FORCED_RESET_S;
                self.refuse(&Refusal::too_many())
            }
            Some(SimFault::Rate429) => {
                remaining = 0;
                reset_s = self.shown.as_second() + FORCED_RESET_S;
                self.refuse(&Refusal::too_many())
            }
            Some(fault) => self.forced(fault),
            None if place == Place::Token => self.token(form, &rate),
            None => match self.refused() {
                Some(refused) => refused,
                None if rate.exceeded => self.refuse(&Refusal::too_many()),
                None if let Some(instead) = self.instead() => self.in_place(instead),
                None if place == Place::Log && self.method == Method::GET => self.logs(),
                None if place == Place::Log => self.wrong_method(),
                None => self.resource_of_any_kind(form.unwrap_or_default()).await,
            },
        };
        let answer = answer.with("x-okta-request-id", id);
        if self.is(SimFault::NoRateHeaders) {
            return answer;
        }
        let [limit, remaining, reset] = if self.is(SimFault::AbsurdRateHeaders) {
            ["18446744073709551615", "18446744073709551614", "9223372036854775807"].map(str::to_owned)
        } else {
            [limit.to_string(), remaining.to_string(), reset_s.to_string()]
        };
        answer
            .with("x-rate-limit-limit", limit)
            .with("x-rate-limit-remaining", remaining)
            .with("x-rate-limit-reset", reset)
    }

    fn instead(&self) -> Option<Instead> {
        locked(&self.org.shape).instead(self.path)
    }

    /// Returns the answer that a variant of the org gives instead of the resource.
    fn in_place(&mut self, instead: Instead) -> Answer {
        match instead {
            Instead::Role => self.forced(SimFault::Forbidden),
            Instead::Scope => self.forced(SimFault::ForbiddenEmpty),
            Instead::FeatureOff => self.feature_off(),
            Instead::Unauthorized => self.forced(SimFault::Unauthorized),
            Instead::NotFound => {
                let summary = format!("Not found: Resource not found: {}", self.path);
                self.refuse(&Refusal::new(404, "E0000007", &summary))
            }
            Instead::TooMany => self.refuse(&Refusal::too_many()),
            Instead::Server500 => self.forced(SimFault::Server500),
            Instead::Html => Answer::html(200, LOGIN_PAGE),
            Instead::Garbage => Answer::json("[{\"id\":".to_owned()),
        }
    }

    fn feature_off(&mut self) -> Answer {
        let summary = "You do not have permission to access the feature you are requesting";
        self.refuse(&Refusal::new(401, "E0000015", summary))
    }

    fn token(&mut self, form: Option<&[u8]>, rate: &Rate) -> Answer {
        if self.is(SimFault::TokenEndpointDown) {
            return self.forced(SimFault::Server500);
        }
        if self.method != Method::POST {
            return self.wrong_method();
        }
        if rate.exceeded {
            return self.refuse(&Refusal::too_many());
        }
        if self.is(SimFault::ZoneDenied) {
            let words = "The request came from outside the network zones that the app may be used from.";
            return Answer::oauth(403, "access_denied", words);
        }
        let header = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let ask = Ask {
            base: &self.base,
            now_s: self.shown.as_second(),
            content_type: header.unwrap_or_default(),
            form,
            proofs: &proofs(self.headers),
            faults: self.faults,
        };
        locked(&self.org.oauth).token(&ask, &mut self.dice)
    }

    /// Returns the scheme and access token of the request, or `None` if it has none, such as with an SSWS token.
    fn bearer(&self) -> Option<(Scheme, &str)> {
        Scheme::of(self.headers.get(AUTHORIZATION)?.to_str().ok()?)
    }

    /// Returns the refusal of a request whose credentials are not valid for its path.
    fn refused(&mut self) -> Option<Answer> {
        if self.is(SimFault::TokenExpired) {
            locked(&self.org.oauth).tokens.kill();
        }
        let Some((scheme, token)) = self.bearer() else {
            return (!self.has_api_token()).then(|| self.forced(SimFault::Unauthorized));
        };
        let told = Told {
            method: self.method.as_str(),
            url: &format!("{}{}", self.base, self.path),
            token: Some(token),
            now_s: self.shown.as_second(),
        };
        let closed = locked(&self.org.oauth).admit(scheme, &told, &proofs(self.headers), self.path).err()?;
        Some(closed.answer(scheme, &self.base, (self.method.as_str(), self.path), &mut self.dice))
    }

    async fn resource_of_any_kind(&mut self, body: &[u8]) -> Answer {
        if let Some(asked) = registry::asked(self.method.as_str(), self.path, body) {
            return match registry::answer(self.org, asked, &self.base, &mut self.dice).await {
                Ok(answer) => answer,
                Err(refusal) => self.refuse(&refusal),
            };
        }
        if let Some((user, rest)) = grants::path(self.org, self.path) {
            if self.method != Method::GET {
                return self.wrong_method();
            }
            let ask = grants::Ask { base: &self.base, path: self.path, query: self.query };
            return match grants::answer(self.org, user, rest, &ask) {
                Ok(Some(answer)) => answer,
                Ok(None) => self.resource(None),
                Err(refusal) => self.refuse(&refusal),
            };
        }
        let found = resources::closed(self.org, &self.base, self.path);
        self.resource(found)
    }

    fn wrong_method(&mut self) -> Answer {
        self.refuse(&Refusal::new(405, "E0000022", "The endpoint does not support the provided HTTP method"))
    }

    fn resource(&mut self, found: Option<String>) -> Answer {
        match found {
            Some(body) if self.method == Method::GET => Answer::json(body),
            Some(_) => self.wrong_method(),
            None if resources::is_collection(self.path) => {
                let summary = format!("Not found: Resource not found: {}", self.path);
                self.refuse(&Refusal::new(404, "E0000007", &summary))
            }
            None => self.refuse(&Refusal::new(404, "E0000008", "The requested path was not found")),
        }
    }

    fn forced(&mut self, fault: SimFault) -> Answer {
        match fault {
            SimFault::Forbidden => {
                let summary = "You do not have permission to perform the requested action";
                self.refuse(&Refusal::new(403, "E0000006", summary))
            }
            SimFault::ForbiddenEmpty => {
                let scheme = self.bearer().map_or(Scheme::Bearer, |(scheme, _)| scheme);
                let call = (self.method.as_str(), self.path);
                Closed::Scope.answer(scheme, &self.base, call, &mut self.dice)
            }
            SimFault::Server500 => self.refuse(&Refusal::new(500, "E0000009", "Internal Server Error")),
            SimFault::Status(status, 0) => Answer::empty(status),
            SimFault::Status(status, code) => {
                self.refuse(&Refusal::new(status, format!("E{code:07}"), "The request was refused."))
            }
            _ => match self.bearer().map(|(scheme, _)| scheme) {
                Some(scheme) => {
                    let call = (self.method.as_str(), self.path);
                    Closed::Dead.answer(scheme, &self.base, call, &mut self.dice)
                }
                None => self.refuse(&Refusal::new(401, "E0000011", "Invalid token provided")),
            },
        }
    }

    fn count(&self, place: Place) -> Rate {
        let now_ms = self.now.as_millisecond();
        let (window, limit) = match place {
            Place::Log => (&self.org.log_window, self.org.plan.requests_per_minute),
            Place::Token => (&self.org.token_window, OTHER_REQUESTS),
            Place::Other => (&self.org.other_window, OTHER_REQUESTS),
        };
        let mut rate = locked(window).count(limit, now_ms);
        // The reset uses the same clock as the `Date` header.
        rate.reset_s += self.shown.as_second() - self.now.as_second();
        rate
    }

    /// Returns whether the request has the API token. Okta's Python SDK sends no space between scheme and token.
    fn has_api_token(&self) -> bool {
        let value = self.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.strip_prefix("SSWS").is_some_and(|token| token.trim() == self.org.plan.token)
    }
}

/// Returns the lines of the `DPoP` header. A line that is not text becomes empty, and so invalid.
fn proofs(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all("dpop").iter().map(|value| value.to_str().unwrap_or_default()).collect()
}

/// The sign-in page of a proxy.
const LOGIN_PAGE: &str = "<!doctype html><html><head><title>Network sign-in</title></head><body><form method=\"post\" \
    action=\"/guest\"><input name=\"user\"><input name=\"password\" type=\"password\"><button>Connect</button></form>\
    </body></html>";
