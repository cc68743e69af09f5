//! The session of a service app: from a private key to access tokens, without a socket and without a clock.
//!
//! OAuth 2.0 client credentials with `private_key_jwt` at the org authorization server (RFC 7523), and DPoP if the app
//! requires it (RFC 9449): a proof for every request, signed by a key that lives as long as the tokens bound to it.
//! Okta refuses some first tries only to tell something: a nonce, the need for proofs, or its time. The session reacts
//! to each of these a limited number of times per sign-in, so it cannot loop.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use url::form_urlencoded::Serializer;

use super::error::Refusal;
use super::exchange::Reply;
use super::json_shapes::TokenBody;
use super::key::{SigningKey, fresh_id};
use super::readiness::Rights;
use super::url::OrgUrl;
use crate::secret::Secret;

/// A service app, as the org's admin registered it.
#[derive(Clone, Debug)]
pub struct ServiceApp {
    /// `0oa…`
    pub client_id: String,
    /// The private key.
    pub key: Arc<SigningKey>,
    /// The `kid` of the registered public key. If it is `None`, the `kid` of the key itself is used, if it has one.
    pub key_id: Option<String>,
    /// The scopes to ask for, at least one.
    pub scopes: Vec<String>,
    /// When DPoP proofs are sent.
    pub dpop: Dpop,
}

/// When DPoP proofs are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Dpop {
    /// Once Okta says that the app requires them.
    #[default]
    Auto,
    /// From the first request on.
    Always,
    /// Never, even if the app requires them.
    Never,
}

/// A POST for an access token. Its contents are secret and used once.
#[derive(Debug)]
pub struct TokenRequest {
    /// The whole URL.
    pub url: String,
    /// The body, `application/x-www-form-urlencoded`.
    pub form: Secret,
    /// The value of the `DPoP` header, if proofs are sent.
    pub proof: Option<Secret>,
}

/// The effect of an answer to an API call on the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Learned {
    /// Nothing: a retry would get the same answer.
    Nothing,
    /// A retry may get another answer, because the session has changed.
    Again,
}

/// The session of one service app. It holds an access token while it has a valid one.
#[derive(Debug)]
pub struct Session {
    app: ServiceApp,
    token_url: String,
    scopes: Vec<String>,
    /// Kept as long as the session, and so as long as any token that is bound to it.
    proof_key: SigningKey,
    sends_proofs: bool,
    nonce: Option<String>,
    /// How far Okta's clock is ahead of ours; zero if the difference is small.
    ahead: SignedDuration,
    token: Option<AccessToken>,
    generation: u64,
    lessons: Lessons,
}

#[derive(Debug)]
struct AccessToken {
    secret: Secret,
    is_bound: bool,
    renew_at: Duration,
    ends_at: Duration,
    /// The scopes that were asked for and are not in it.
    missing: Vec<String>,
}

/// The reactions that this sign-in has used up.
#[derive(Debug, Default)]
struct Lessons {
    /// At most two: for a missing nonce, and for one that has become stale.
    nonces: u8,
    proofs: bool,
    clock: bool,
    core: bool,
}

/// The scope without which no event can be read. All other scopes only add to it.
const CORE: &str = "okta.logs.read";
const TOKEN_PATH: &str = "/oauth2/v1/token";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How long an assertion is valid, in seconds. Okta accepts at most an hour.
const ASSERTION_LIFE_S: i64 = 300;
/// The bounds for the life of a token. Okta's tokens live an hour; a shorter or longer life in an answer is raised or
/// cut to these bounds.
const LIFE_MIN: Duration = Duration::from_mins(1);
const LIFE_MAX: Duration = Duration::from_hours(24);
/// From this difference on, Okta's clock is used. A smaller one may come from the network.
const SKEW: SignedDuration = SignedDuration::from_secs(30);
/// The most that two measurements of the same difference may differ.
const WOBBLE: SignedDuration = SignedDuration::from_secs(5);
const TOKEN_BYTES_MAX: usize = 16 * 1024;
const NONCE_BYTES_MAX: usize = 512;

impl ServiceApp {
    /// Returns the same app with another key.
    #[must_use]
    pub fn with_key(&self, key: SigningKey) -> Self {
        Self { key: Arc::new(key), ..self.clone() }
    }
}

impl Session {
    /// Returns a session without a token.
    pub fn new(app: ServiceApp, org: &OrgUrl) -> Self {
        Self {
            token_url: org.join(TOKEN_PATH),
            scopes: app.scopes.clone(),
            proof_key: SigningKey::generate(),
            sends_proofs: app.dpop == Dpop::Always,
            nonce: None,
            ahead: SignedDuration::ZERO,
            token: None,
            generation: 0,
            lessons: Lessons::default(),
            app,
        }
    }

    /// Returns the app whose session this is.
    pub fn app(&self) -> &ServiceApp {
        &self.app
    }

    /// Returns the request for an access token, if one is needed at this uptime, or `None` while the current token is
    /// valid.
    pub fn step(&mut self, now: Timestamp, up: Duration) -> Option<TokenRequest> {
        if self.token.as_ref().is_some_and(|token| up < token.renew_at) {
            return None;
        }
        let assertion = self.assertion(now);
        let form = Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("scope", &self.scopes.join(" "))
            .append_pair("client_assertion_type", ASSERTION_TYPE)
            .append_pair("client_assertion", assertion.reveal())
            .finish();
        let url = self.token_url.clone();
        let proof = self.sends_proofs.then(|| self.proof("POST", &url, None, now));
        Some(TokenRequest { url, form: Secret::new(form), proof })
    }

    /// Takes the answer to a request for an access token. Call [`Session::step`] next, which tells whether another
    /// request is needed. Returns the refusal if the session cannot react to it and has no valid token left.
    pub fn take(&mut self, now: Timestamp, up: Duration, reply: &Reply) -> Result<(), Box<Refusal>> {
        let had = self.nonce.clone();
        self.learn(now, reply);
        if reply.status == 200
            && let Some(token) = self.token_of(up, &reply.body)
        {
            self.generation += 1;
            self.token = Some(token);
            self.lessons = Lessons::default();
            return Ok(());
        }
        let refusal = Refusal::read(reply.status, &reply.headers, &reply.body).at_sign_in();
        if self.heeds(&refusal, had.as_deref()) {
            return Ok(());
        }
        self.lessons = Lessons::default();
        self.give_up(up, refusal)
    }

    /// Returns whether the current token is still valid, after a request for a new one failed. If not, the caller
    /// should report the error.
    pub fn is_usable(&mut self, up: Duration) -> bool {
        self.lessons = Lessons::default();
        let Some(token) = self.token.as_mut().filter(|token| up < token.ends_at) else { return false };
        token.renew_at = token.ends_at.min(up + LIFE_MIN);
        true
    }

    /// Returns the headers that authorize a call: `Authorization`, and a proof if the token is bound to a key. The
    /// proof is for one request only. Returns no headers without a token.
    pub fn headers(&self, method: &str, url: &str, now: Timestamp) -> Vec<(&'static str, Secret)> {
        let Some(token) = &self.token else { return Vec::new() };
        let text = token.secret.reveal();
        if !token.is_bound {
            return vec![("authorization", Secret::new(format!("Bearer {text}")))];
        }
        let proof = self.proof(method, url, Some(text), now);
        vec![("authorization", Secret::new(format!("DPoP {text}"))), ("dpop", proof)]
    }

    /// Returns a number that rises with each token that comes or goes.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Takes the answer to an API call: it may bring a nonce or the time, or show that the token is no longer valid.
    /// Several calls run at once, so the answer to a call with a token of an earlier `generation` does not concern the
    /// current token.
    pub fn learn_from_call(&mut self, now: Timestamp, reply: &Reply, generation: u64) -> Learned {
        let had = self.nonce.clone();
        self.learn(now, reply);
        if !matches!(reply.status, 400 | 401) {
            return Learned::Nothing;
        }
        let refusal = Refusal::read(reply.status, &reply.headers, &reply.body);
        match refusal.code.as_deref() {
            Some("use_dpop_nonce") if self.nonce != had => Learned::Again,
            // The feature is off; no other token would change that.
            Some("E0000015") => Learned::Nothing,
            _ if reply.status == 401 && generation != self.generation => Learned::Again,
            Some("invalid_dpop_proof" | "dpop_authentication_scheme_required") => self.drop_token(),
            _ if reply.status == 401 => self.drop_token(),
            _ => Learned::Nothing,
        }
    }

    /// Returns the scopes that were asked for, and which of them the token lacks.
    pub fn rights(&self) -> Rights {
        Rights::Scopes {
            asked: self.app.scopes.clone(),
            missing: self.token.as_ref().map(|token| token.missing.clone()).unwrap_or_default(),
            is_known: self.token.is_some(),
        }
    }

    /// Returns notes for people about a session that works, one text each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(token) = self.token.as_ref().filter(|token| !token.missing.is_empty()) {
            let rest = if token.missing.iter().any(|scope| scope == CORE) {
                "Without okta.logs.read the log cannot be read. Grant it to the app, under Okta API Scopes."
            } else {
                "The log can still be read; what needs these scopes is left out. Grant them to the app, or ask for \
                 fewer (org.oauth.scopes, OKTA_CLIENT_SCOPES)."
            };
            notes.push(format!("Okta did not grant these scopes: {}. {rest}", token.missing.join(" ")));
        }
        if self.ahead != SignedDuration::ZERO {
            let way = if self.ahead.is_positive() { "behind" } else { "ahead of" };
            notes.push(format!(
                "This machine's clock is {} s {way} Okta's. Sign-in uses Okta's; correct the clock.",
                self.ahead.abs().as_secs()
            ));
        }
        notes
    }

    /// Replaces the secrets in a text of a library, in case it quotes one.
    pub fn redact(&self, text: &str) -> String {
        match &self.token {
            Some(token) => text.replace(token.secret.reveal(), "(hidden)"),
            None => text.to_owned(),
        }
    }

    fn drop_token(&mut self) -> Learned {
        if self.token.take().is_none() {
            return Learned::Nothing;
        }
        self.generation += 1;
        Learned::Again
    }

    fn give_up(&mut self, up: Duration, refusal: Refusal) -> Result<(), Box<Refusal>> {
        if self.is_usable(up) { Ok(()) } else { Err(Box::new(refusal)) }
    }

    /// Returns whether the session reacts to a refusal in a way that this sign-in has not tried yet.
    fn heeds(&mut self, refusal: &Refusal, sent_nonce: Option<&str>) -> bool {
        let lessons = &mut self.lessons;
        let may_prove = self.app.dpop != Dpop::Never;
        match refusal.code.as_deref() {
            Some("use_dpop_nonce")
                if may_prove
                    && self.nonce.is_some()
                    && (self.nonce.as_deref() != sent_nonce || !self.sends_proofs)
                    && lessons.nonces < 2 =>
            {
                lessons.nonces += 1;
                self.sends_proofs = true;
                true
            }
            Some("invalid_dpop_proof") if may_prove && !self.sends_proofs && !lessons.proofs => {
                lessons.proofs = true;
                self.sends_proofs = true;
                true
            }
            Some("invalid_client" | "invalid_dpop_proof")
                if self.ahead != SignedDuration::ZERO && !lessons.clock =>
            {
                lessons.clock = true;
                true
            }
            // One scope that the app lacks may cost all of them. Without the others there is still something to watch.
            Some("invalid_scope" | "consent_required")
                if !lessons.core
                    && self.scopes != [CORE]
                    && self.scopes.iter().any(|scope| scope == CORE) =>
            {
                lessons.core = true;
                self.scopes = vec![CORE.to_owned()];
                true
            }
            _ => false,
        }
    }

    /// Takes the nonce and the time from any answer.
    fn learn(&mut self, now: Timestamp, reply: &Reply) {
        let nonce = reply.headers.get("dpop-nonce").map(str::trim);
        if let Some(nonce) =
            nonce.filter(|text| (1..=NONCE_BYTES_MAX).contains(&text.len()) && is_graphic(text))
        {
            self.nonce = Some(nonce.to_owned());
        }
        if let Some(date) = reply.headers.date() {
            let ahead = date.duration_since(now);
            // Dates have whole seconds and arrive late, so the smallest of several differences is the most exact one.
            // Small changes are ignored, so that the note about the clock does not change with every answer.
            let (limit, is_the_same) = if self.ahead.is_zero() {
                (SKEW, false)
            } else {
                (SKEW - WOBBLE, (SignedDuration::ZERO..=WOBBLE).contains(&(ahead - self.ahead)))
            };
            if !is_the_same {
                self.ahead = if ahead.abs() > limit { ahead } else { SignedDuration::ZERO };
            }
        }
    }

    fn token_of(&self, up: Duration, body: &[u8]) -> Option<AccessToken> {
        let body: TokenBody<'_> = serde_json::from_slice(body).ok()?;
        let text =
            body.access_token.get().filter(|text| text.len() <= TOKEN_BYTES_MAX && is_graphic(text))?;
        let is_bound = match body.token_type.get()? {
            kind if kind.eq_ignore_ascii_case("Bearer") => false,
            // The token is bound to the key of the proof that was sent. Without a proof it could not be used.
            kind if kind.eq_ignore_ascii_case("DPoP") && self.sends_proofs => true,
            _ => return None,
        };
        let seconds =
            body.expires_in.number().and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(3600);
        let life = Duration::from_secs(seconds).clamp(LIFE_MIN, LIFE_MAX);
        let granted = body.scope.get();
        let is_missing = |scope: &&String| {
            granted.is_some_and(|granted| !granted.split_ascii_whitespace().any(|one| one == scope.as_str()))
                || !self.scopes.contains(scope)
        };
        Some(AccessToken {
            secret: Secret::new(text),
            is_bound,
            renew_at: up + life * 4 / 5,
            ends_at: up + life,
            missing: self.app.scopes.iter().filter(is_missing).cloned().collect(),
        })
    }

    fn assertion(&self, now: Timestamp) -> Secret {
        let ServiceApp { client_id, key, key_id, .. } = &self.app;
        let mut header = json!({ "typ": "JWT" });
        if let Some(kid) = key_id.as_deref().or(key.key_id()) {
            header["kid"] = kid.into();
        }
        let at = self.okta_s(now);
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": self.token_url,
            "iat": at, "exp": at + ASSERTION_LIFE_S, "jti": fresh_id(),
        });
        key.sign(header, &claims)
    }

    fn proof(&self, method: &str, url: &str, token: Option<&str>, now: Timestamp) -> Secret {
        let header = json!({ "typ": "dpop+jwt", "jwk": self.proof_key.public_jwk() });
        // RFC 9449, section 4.2: the URL without its query and fragment.
        let htu = url.split(['?', '#']).next().unwrap_or(url);
        let mut claims = json!({ "jti": fresh_id(), "htm": method, "htu": htu, "iat": self.okta_s(now) });
        if let Some(token) = token {
            let hash = digest::digest(&digest::SHA256, token.as_bytes());
            claims["ath"] = URL_SAFE_NO_PAD.encode(hash).into();
        }
        if let Some(nonce) = &self.nonce {
            claims["nonce"] = nonce.as_str().into();
        }
        self.proof_key.sign(header, &claims)
    }

    /// Returns Okta's time in seconds, as far as it is known.
    fn okta_s(&self, now: Timestamp) -> i64 {
        now.as_second() + self.ahead.as_secs()
    }
}

fn is_graphic(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
