//! What a client says of itself at the token endpoint, signed with its registered key (RFC 7523; Okta: client
//! authentication methods).

use super::jws::{Jws, PublicKey};

/// An assertion may live for an hour (Okta: OAuth error codes, invalid_client).
const MAX_LIFE_S: i64 = 3600;

/// Returns the client that an assertion is about, before anything of it is believed.
pub(super) fn client(assertion: &Jws) -> Result<&str, &'static str> {
    let (issuer, subject) = (assertion.text("iss"), assertion.text("sub"));
    let subject = subject.ok_or("The client assertion has no 'sub' claim.")?;
    if issuer != Some(subject) {
        return Err("The 'iss' claim of the client assertion is not the client id in 'sub'.");
    }
    Ok(subject)
}

/// An identifier that must not be used again before a time, in seconds since 1970.
pub(super) type SingleUse<'a> = Option<(&'a str, i64)>;

/// Checks an assertion of a client against its key and the URL that was called.
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
        let made_s = assertion.time("iat").ok_or("The 'iat' claim of the client assertion is no time.")?;
        if made_s > now_s {
            return Err("The 'iat' claim of the client assertion lies in the future.");
        }
    }
    match assertion.claims.get("jti") {
        None => Ok(None),
        Some(id) => id.as_str().map(|id| Some((id, end_s))).ok_or("The 'jti' claim is not a text."),
    }
}
