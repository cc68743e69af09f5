//! OAuth 2.0 service apps and the org's token endpoint: client credentials with `private_key_jwt`, with or without DPoP
//! (Okta: service app guide, OAuth error codes).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use url::form_urlencoded;

use super::answer::{Answer, Refusal};
use super::assertion;
use super::dice::Dice;
use super::dpop::{self, Nonces, Told};
use super::fault::SimFault;
use super::jws::{Jws, PublicKey};
use super::memory::Used;
use super::token::{AdminRole, Issued, LIFE_S, Tokens};

/// The path of the token endpoint.
pub(super) const TOKEN: &str = "/oauth2/v1/token";
/// The largest request body that is read, in bytes.
pub(super) const MAX_FORM: usize = 64 * 1024;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The resources of the scopes `okta.….read` and `okta.….manage` that are known here. A real org has more.
const RESOURCES: [&str; 22] = [
    "apiTokens",
    "appGrants",
    "apps",
    "authorizationServers",
    "clients",
    "domains",
    "eventHooks",
    "factors",
    "features",
    "groups",
    "idps",
    "inlineHooks",
    "logs",
    "networkZones",
    "orgs",
    "policies",
    "rateLimits",
    "roles",
    "schemas",
    "sessions",
    "trustedOrigins",
    "users",
];

/// A service app of the org: an OAuth client that acts without a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SimServiceApp {
    /// The client id, `0oa…` in a real org.
    pub client_id: String,
    /// The `kid` that its assertions must name.
    pub key_id: String,
    /// The key that verifies its assertions, RSA of 2048 bits or more or EC: a PEM, or the JSON of a JWK.
    pub public_key: String,
    /// The scopes of the Okta API that are granted to it.
    pub scopes: Vec<String>,
    /// Its admin role.
    pub role: AdminRole,
    /// Whether it needs a DPoP proof to get a token.
    pub dpop: bool,
}

impl SimServiceApp {
    /// Returns the public key to register from the text of a key file, and the `kid` in it, if any.
    ///
    /// PEM is returned as it is, and a JWK without its private members. Of a JWKS, the key with the given `kid` is
    /// returned, or the only one. The error says why no key was found.
    pub fn read_key(text: &str, key_id: Option<&str>) -> Result<(String, Option<String>), &'static str> {
        let Ok(mut found) = serde_json::from_str::<Value>(text) else { return Ok((text.to_owned(), None)) };
        let own_id = |jwk: &Value| jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
        if let Some(keys) = found.get("keys").and_then(Value::as_array) {
            let mut fitting = keys.iter().filter(|jwk| key_id.is_none() || own_id(jwk).as_deref() == key_id);
            found = match (fitting.next(), fitting.next()) {
                (Some(jwk), None) => jwk.clone(),
                (None, _) => return Err("the JWKS has no such key"),
                _ => return Err("the JWKS has more than one key; name one by its kid"),
            };
        }
        if let Value::Object(members) = &mut found {
            members.retain(|name, _| !PRIVATE.contains(&name.as_str()));
        }
        Ok((found.to_string(), own_id(&found)))
    }
}

/// The private members of a JWK (RFC 7518 section 6).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

#[derive(Debug)]
struct Registered {
    app: SimServiceApp,
    key: PublicKey,
    /// Whether its last good nonce was refused by [`SimFault::BadNonce`].
    put_off: bool,
}

/// The part of the org's authorization server that service apps use.
#[derive(Debug, Default)]
pub(super) struct OAuth {
    apps: Vec<Registered>,
    pub(super) used: Used,
    nonces: Nonces,
    pub(super) tokens: Tokens,
}

/// A request to the token endpoint.
#[derive(Debug)]
pub(super) struct Ask<'a> {
    /// Scheme and host as the client addressed them.
    pub(super) base: &'a str,
    /// The org's time, in seconds since 1970.
    pub(super) now_s: i64,
    pub(super) content_type: &'a str,
    /// The body, or `None` if it was longer than [`MAX_FORM`] or incomplete.
    pub(super) form: Option<&'a [u8]>,
    /// The lines of the `DPoP` header.
    pub(super) proofs: &'a [&'a str],
    pub(super) faults: &'a BTreeSet<SimFault>,
}

/// The reason why no token is issued.
#[derive(Debug)]
enum Denied {
    /// An OAuth error object.
    OAuth(u16, &'static str, &'static str),
    /// A request to use this nonce.
    Nonce(String),
    /// Okta's own error object, which is also the answer to an unknown client id (Okta).
    Plainly(Refusal),
}

fn bad_client(words: &'static str) -> Denied {
    Denied::OAuth(401, "invalid_client", words)
}

impl Denied {
    fn answer(self, dice: &mut Dice) -> Answer {
        match self {
            Self::OAuth(status, error, words) => Answer::oauth(status, error, words),
            Self::Nonce(nonce) => {
                Answer::oauth(400, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof.")
                    .with("dpop-nonce", nonce)
            }
            Self::Plainly(refusal) => Answer::refusal(&refusal, dice),
        }
    }
}

impl OAuth {
    /// Registers the apps. The error names the client id of an app that cannot be registered, and the reason.
    pub(super) fn new(apps: &[SimServiceApp]) -> Result<Self, (String, String)> {
        let mut org = Self::default();
        for app in apps {
            let refused = |why: String| (app.client_id.clone(), why);
            if app.client_id.is_empty() || app.key_id.is_empty() {
                return Err(refused("it needs a client id and a key id".to_owned()));
            }
            if org.apps.iter().any(|other| other.app.client_id == app.client_id) {
                return Err(refused("another app has this client id".to_owned()));
            }
            if let Some(scope) = app.scopes.iter().find(|scope| !is_known(scope)) {
                return Err(refused(format!("there is no scope {scope:?} of the Okta API")));
            }
            let key = PublicKey::read(&app.public_key).map_err(|why| refused(format!("its key: {why}")))?;
            org.apps.push(Registered { app: app.clone(), key, put_off: false });
        }
        Ok(org)
    }

    /// Answers a request for a token.
    pub(super) fn token(&mut self, ask: &Ask<'_>, dice: &mut Dice) -> Answer {
        let answer = self.grant(ask, dice).unwrap_or_else(|denied| denied.answer(dice));
        answer.with("cache-control", "no-cache, no-store".to_owned()).with("pragma", "no-cache".to_owned())
    }

    fn grant(&mut self, ask: &Ask<'_>, dice: &mut Dice) -> Result<Answer, Denied> {
        let form = Form::read(ask)?;
        let assertion = form.assertion()?;
        let client = assertion::client(&assertion).map_err(bad_client)?;
        if form.get("client_id").is_some_and(|named| named != client) {
            return Err(bad_client("The parameter client_id is not the client of the assertion."));
        }
        let Some(registered) = self.apps.iter_mut().find(|other| other.app.client_id == client) else {
            let words = "Invalid value for 'client_id' parameter.";
            return Err(Denied::Plainly(Refusal::new(401, "invalid_client", words)));
        };
        let url = format!("{}{TOKEN}", ask.base);
        let app = &registered.app;
        if ask.faults.contains(&SimFault::AppDeactivated) {
            return Err(bad_client("The client is not active."));
        }
        let single = assertion::check(&assertion, (&app.key_id, &registered.key), &url, ask.now_s)
            .map_err(bad_client)?;
        if let Some((id, end_s)) = single
            && !self.used.first(client, id, end_s, ask.now_s)
        {
            return Err(bad_client("The 'jti' claim of the client assertion was used before."));
        }
        let told = Told { method: "POST", url: &url, token: None, now_s: ask.now_s };
        let bad_proof = |words| Denied::OAuth(400, "invalid_dpop_proof", words);
        let proof = dpop::check(ask.proofs, &told, &mut self.used).map_err(bad_proof)?;
        let mut nonce = None;
        match &proof {
            None if app.dpop => return Err(bad_proof(dpop::MISSING)),
            None => {}
            Some(proof) => {
                let current = self.nonces.current(ask.now_s, dice);
                let sent = proof.nonce.as_deref().filter(|sent| self.nonces.takes(sent, ask.now_s));
                let Some(sent) = sent else { return Err(Denied::Nonce(current)) };
                if ask.faults.contains(&SimFault::BadNonce) {
                    registered.put_off = !registered.put_off;
                }
                if registered.put_off && ask.faults.contains(&SimFault::BadNonce)
                    || ask.faults.contains(&SimFault::NonceLoop)
                {
                    return Err(Denied::Nonce(self.nonces.renew(ask.now_s, dice)));
                }
                nonce = (sent != current).then_some(current);
            }
        }
        let mut scopes = granted(form.get("scope").unwrap_or_default(), &app.scopes)?;
        if ask.faults.contains(&SimFault::NarrowedScope) {
            scopes.truncate(1);
        }
        let issued = Issued {
            client: client.to_owned(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            role: app.role,
            end_s: ask.now_s.saturating_add(LIFE_S),
            key: proof.map(|proof| proof.key),
        };
        let kind = if issued.key.is_some() { "DPoP" } else { "Bearer" };
        let token = self.tokens.issue(issued, ask.base, dice);
        let body = json!({
            "token_type": kind, "expires_in": LIFE_S, "access_token": token, "scope": scopes.join(" ")
        });
        let answer = Answer::json(body.to_string());
        Ok(match nonce {
            None => answer,
            Some(nonce) => answer.with("dpop-nonce", nonce),
        })
    }
}

/// The parameters of a request for a token.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(ask: &Ask<'_>) -> Result<Self, Denied> {
        let kind = ask.content_type.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let words = "The Content-Type header must be application/x-www-form-urlencoded.";
            return Err(Denied::Plainly(Refusal::new(400, "E0000021", words)));
        }
        let Some(bytes) = ask.form else {
            return Err(Denied::OAuth(400, "invalid_request", "The body could not be read or is too long."));
        };
        let form =
            Self(form_urlencoded::parse(bytes).map(|(name, value)| (name.into(), value.into())).collect());
        let names: BTreeSet<&str> = form.0.iter().map(|(name, _)| name.as_str()).collect();
        if names.len() < form.0.len() {
            return Err(Denied::OAuth(400, "invalid_request", "A parameter occurs more than once."));
        }
        match form.get("grant_type") {
            Some("client_credentials") => Ok(form),
            Some(_) => Err(Denied::OAuth(
                400,
                "unsupported_grant_type",
                "A service app can use only client_credentials.",
            )),
            None => Err(Denied::OAuth(400, "invalid_request", "The parameter grant_type is missing.")),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    fn assertion(&self) -> Result<Jws, Denied> {
        let Some(assertion) = self.get("client_assertion") else {
            return Err(bad_client("A service app can authenticate only with private_key_jwt."));
        };
        if self.get("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(bad_client("The parameter client_assertion_type is not the one for a JWT."));
        }
        Jws::read(assertion).ok_or_else(|| bad_client("The client assertion is not a signed JSON Web Token."))
    }
}

fn is_known(scope: &str) -> bool {
    scope.strip_prefix("okta.").and_then(|rest| rest.split_once('.')).is_some_and(|(resource, action)| {
        RESOURCES.contains(&resource) && (action == "read" || (action == "manage" && resource != "logs"))
    })
}

/// Returns the requested scopes that are granted. Scopes that are not granted are silently left out.
fn granted<'a>(asked: &'a str, granted: &[String]) -> Result<Vec<&'a str>, Denied> {
    let mut scopes: Vec<&str> = Vec::new();
    for scope in asked.split_ascii_whitespace() {
        if !is_known(scope) {
            let words = "The authorization server has no such scope.";
            return Err(Denied::OAuth(400, "invalid_scope", words));
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.is_empty() {
        return Err(Denied::OAuth(400, "invalid_scope", "The parameter scope is missing."));
    }
    scopes.retain(|scope| granted.iter().any(|other| other == scope));
    if scopes.is_empty() {
        return Err(Denied::OAuth(
            400,
            "consent_required",
            "None of the scopes asked for is granted to the app.",
        ));
    }
    Ok(scopes)
}

#[cfg(test)]
pub(super) mod rig;
#[cfg(test)]
mod tests;
