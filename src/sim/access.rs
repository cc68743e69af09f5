//! Checks what an access token may read, and writes the refusals (RFC 6750, RFC 9449; Okta: scopes and roles).

use super::answer::{Answer, Refusal};
use super::dice::Dice;
use super::dpop::{self, Told};
use super::jws::ALGORITHMS;
use super::oauth::OAuth;
use super::token::AdminRole;

/// Returns the scope that a request to a path of the API needs.
pub(super) fn scope_of(method: &str, path: &str) -> Option<&'static str> {
    match path.strip_prefix("/api/v1/")?.split('/').next()? {
        "logs" => Some("okta.logs.read"),
        "authorizationServers" => Some("okta.authorizationServers.read"),
        "apps" => Some("okta.apps.read"),
        "users" => Some("okta.users.read"),
        "features" => Some("okta.features.read"),
        "eventHooks" if method == "GET" => Some("okta.eventHooks.read"),
        "eventHooks" => Some("okta.eventHooks.manage"),
        _ => None,
    }
}

/// Returns whether a role allows what a scope is about. Event hooks need a super administrator (Okta: hooks best
/// practices).
fn covers(role: AdminRole, scope: &str) -> bool {
    match role {
        AdminRole::None => false,
        AdminRole::ReadOnly => !scope.starts_with("okta.eventHooks."),
        AdminRole::Super => true,
    }
}

/// The two authentication schemes for an access token in the `Authorization` header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scheme {
    Bearer,
    DPoP,
}

impl Scheme {
    /// Splits the header's value into scheme and token, or returns `None` for another scheme.
    pub(super) fn of(value: &str) -> Option<(Self, &str)> {
        let (scheme, token) = value.split_once(' ')?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Self::Bearer,
            "dpop" => Self::DPoP,
            _ => return None,
        };
        Some((scheme, token.trim()))
    }
}

/// The reason why a token is refused for a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Closed {
    /// 401: unknown, expired or revoked.
    Dead,
    /// 403: the scope is missing.
    Scope,
    /// 403: the role is missing.
    Role,
    /// 400: a token bound to a key was sent as a bearer token.
    SchemeRequired,
    /// 401: a token that is not bound to a key was sent with a proof.
    NotBound,
    /// 400: the proof is invalid.
    Proof(&'static str),
}

impl Closed {
    /// Returns the answer to a refused request. `call` is its method and path, `base` the URL that it was sent to.
    pub(super) fn answer(self, scheme: Scheme, base: &str, call: (&str, &str), dice: &mut Dice) -> Answer {
        let (method, path) = call;
        let (status, error, words) = match self {
            Self::Role => {
                let summary = "You do not have permission to perform the requested action";
                return Answer::refusal(&Refusal::new(403, "E0000006", summary), dice);
            }
            Self::Dead => (401, "invalid_token", "The access token is unknown, expired or revoked."),
            Self::Scope => {
                (403, "insufficient_scope", "The access token provided does not contain the required scopes.")
            }
            Self::SchemeRequired => (
                400,
                "dpop_authentication_scheme_required",
                "The access token is bound to a key and needs the DPoP authentication scheme.",
            ),
            Self::NotBound => (401, "access_token_not_dpop_bound", "The access token is bound to no key."),
            Self::Proof(words) => (400, "invalid_dpop_proof", words),
        };
        let scheme = match (scheme, self) {
            (Scheme::Bearer, Self::SchemeRequired) | (Scheme::DPoP, _) => {
                format!("DPoP algs=\"{ALGORITHMS}\",")
            }
            (Scheme::Bearer, _) => "Bearer".to_owned(),
        };
        let scope = scope_of(method, path).unwrap_or_default();
        // The path is quoted in the challenge.
        let path = path.replace('"', "%22").replace('\\', "%5C");
        let challenge = format!(
            r#"{scheme} authorization_uri="{base}/oauth2/v1/authorize", realm="{base}", scope="{scope}", error="{error}", error_description="{words}", resource="{path}""#
        );
        let answer = if status == 400 { Answer::oauth(status, error, words) } else { Answer::empty(status) };
        answer.with("www-authenticate", challenge)
    }
}

impl OAuth {
    /// Checks whether a request to a path is allowed. `told` has the token.
    pub(super) fn admit(
        &mut self,
        scheme: Scheme,
        told: &Told<'_>,
        proofs: &[&str],
        path: &str,
    ) -> Result<(), Closed> {
        let issued = self.tokens.find(told.token.unwrap_or_default(), told.now_s).ok_or(Closed::Dead)?;
        match (scheme, &issued.key) {
            (Scheme::Bearer, Some(_)) => return Err(Closed::SchemeRequired),
            (Scheme::Bearer, None) if proofs.is_empty() => {}
            (_, None) => return Err(Closed::NotBound),
            (Scheme::DPoP, Some(key)) => {
                let proof = dpop::check(proofs, told, &mut self.used).map_err(Closed::Proof)?;
                let proof = proof.ok_or(Closed::Proof(dpop::MISSING))?;
                if proof.key != *key {
                    return Err(Closed::Proof("The DPoP proof was made with another key than the token's."));
                }
            }
        }
        match scope_of(told.method, path) {
            Some(scope) if !issued.scopes.iter().any(|held| held == scope) => Err(Closed::Scope),
            Some(scope) if !covers(issued.role, scope) => Err(Closed::Role),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
