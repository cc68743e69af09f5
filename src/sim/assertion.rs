//! Checks client assertions: JWTs by which a client authenticates at the token endpoint (RFC 7523; Okta: client
//! authentication methods).

use super::jws::{Jws, PublicKey};

/// The longest lifetime of an assertion: one hour (Okta: OAuth error codes, invalid_client).
const MAX_LIFE_S: i64 = 3600;

/// Returns the client id that an assertion names. Nothing is verified yet.
pub(super) fn client(assertion: &Jws) -> Result<&str, &'static str> {
    let (issuer, subject) = (assertion.text("iss"), assertion.text("sub"));
    let subject = subject.ok_or("The client assertion has no 'sub' claim.")?;
    if issuer != Some(subject) {
        return Err("The 'iss' claim of the client assertion is not the client id in 'sub'.");
    }
    Ok(subject)
}

/// A `jti` that must be used only once, and the time until which to remember it, in seconds since 1970.
pub(super) type SingleUse<'a> = Option<(&'a str, i64)>;

/// Verifies an assertion against the client's key and the URL of the token endpoint.
pub(super) fn check<'a>(
    assertion: &'a Jws,
    (key_id, key): (&str, &PublicKey),
    url: &str,
    now_s: i64,
) -> Result<SingleUse<'a>, &'static str> {
    if !assertion.has_known_algorithm() {
        return Err("The 'alg' of the client assertion is not supported.");
    }
    if assertion.named("kid") != Some(key_id) {
        return Err("The 'kid' of the client assertion names no key of this client.");
    }
    if !assertion.is_signed_by(key) {
        return Err("The signature of the client assertion is wrong.");
    }
    let audience = assertion.claims.get("aud");
    let is_meant = audience.is_some_and(|audience| match audience.as_array() {
        Some(several) => several.iter().any(|one| one.as_str() == Some(url)),
        None => audience.as_str() == Some(url),
    });
    if !is_meant {
        return Err("The 'aud' claim of the client assertion is not the URL that was called.");
    }
    let end_s = assertion.time("exp").ok_or("The client assertion has no 'exp' claim.")?;
    if end_s <= now_s {
        return Err("The client assertion has expired.");
    }
    if end_s > now_s.saturating_add(MAX_LIFE_S) {
        return Err("The 'exp' claim of the client assertion is more than one hour ahead.");
    }
    if assertion.claims.get("iat").is_some() {
        let made_s = assertion.time("iat").ok_or("The 'iat' claim of the client assertion is not a time.")?;
        if made_s > now_s {
            return Err("The 'iat' claim of the client assertion lies in the future.");
        }
    }
    match assertion.claims.get("jti") {
        None => Ok(None),
        Some(id) => id.as_str().map(|id| Some((id, end_s))).ok_or("The 'jti' claim is not a string."),
    }
}
