//! Checks DPoP proofs and issues their nonces (RFC 9449; Okta: DPoP guide).

use std::collections::VecDeque;

use super::dice::Dice;
use super::jws::{Jws, PublicKey, encoded, sha256};
use super::memory::Used;

/// The age up to which a proof is accepted: five minutes (Okta: OAuth error codes, invalid_dpop_proof).
const MAX_AGE_S: i64 = 300;
/// A nonce is handed out for one day and accepted for three (Okta: DPoP guide).
const NONCE_FRESH_S: i64 = 24 * 3600;
const NONCE_GOOD_S: i64 = 3 * 24 * 3600;
const MAX_NONCES: usize = 8;

/// Okta's message if a required proof is missing.
pub(super) const MISSING: &str = "The DPoP proof JWT header is missing.";

/// The request that a proof must match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<'a> {
    pub(super) method: &'a str,
    /// The URL without query and fragment.
    pub(super) url: &'a str,
    /// The access token of the request.
    pub(super) token: Option<&'a str>,
    /// The org's time, in seconds since 1970.
    pub(super) now_s: i64,
}

/// A valid proof.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Proof {
    /// The thumbprint of the key that made it.
    pub(super) key: String,
    pub(super) nonce: Option<String>,
}

/// Checks the `DPoP` header lines of a request, and returns the proof or `None` if there is no such line.
///
/// The error says why the proof is invalid. A proof that passes every check up to its `jti` is used up, even if the
/// request fails.
pub(super) fn check(lines: &[&str], told: &Told<'_>, used: &mut Used) -> Result<Option<Proof>, &'static str> {
    let line = match lines {
        [] => return Ok(None),
        [line] => line,
        _ => return Err("There is more than one DPoP header."),
    };
    let proof = Jws::read(line).ok_or("The DPoP header is not a signed JSON Web Token.")?;
    if proof.named("typ") != Some("dpop+jwt") {
        return Err("The 'typ' of the DPoP proof is not dpop+jwt.");
    }
    if !proof.has_known_algorithm() {
        return Err("The 'alg' of the DPoP proof is not supported.");
    }
    let jwk = proof.header.get("jwk").ok_or("The DPoP proof has no 'jwk'.")?;
    let key =
        PublicKey::from_jwk(jwk).map_err(|_| "The 'jwk' of the DPoP proof is not a usable public key.")?;
    if !proof.is_signed_by(&key) {
        return Err("The signature of the DPoP proof is wrong.");
    }
    if proof.text("htm") != Some(told.method) {
        return Err("The 'htm' claim of the DPoP proof is invalid.");
    }
    if proof.text("htu") != Some(told.url) {
        return Err("The 'htu' claim of the DPoP proof is invalid.");
    }
    let made_s = proof.time("iat").ok_or("The DPoP proof has no 'iat' claim.")?;
    if made_s > told.now_s {
        return Err("The 'iat' claim of the DPoP proof lies in the future.");
    }
    if told.now_s.saturating_sub(made_s) > MAX_AGE_S {
        return Err("The 'iat' claim of the DPoP proof is more than five minutes old.");
    }
    if let Some(token) = told.token
        && proof.text("ath") != Some(&encoded(&sha256(token)))
    {
        return Err("The 'ath' claim of the DPoP proof is not the hash of the access token.");
    }
    let id = proof.text("jti").filter(|id| !id.is_empty()).ok_or("The DPoP proof has no 'jti' claim.")?;
    if !used.first(&key.thumbprint, id, made_s.saturating_add(MAX_AGE_S), told.now_s) {
        return Err("The 'jti' claim of the DPoP proof was used before.");
    }
    Ok(Some(Proof { key: key.thumbprint, nonce: proof.text("nonce").map(str::to_owned) }))
}

/// The nonces that were handed out, oldest first, each with its time in seconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Nonces(VecDeque<(String, i64)>);

impl Nonces {
    /// Returns the nonce to hand out now.
    pub(super) fn current(&mut self, now_s: i64, dice: &mut Dice) -> String {
        match self.0.back() {
            Some((nonce, made_s)) if now_s.saturating_sub(*made_s) < NONCE_FRESH_S => nonce.clone(),
            _ => self.renew(now_s, dice),
        }
    }

    /// Makes a new nonce and hands it out.
    pub(super) fn renew(&mut self, now_s: i64, dice: &mut Dice) -> String {
        let mut nonce = String::with_capacity(32);
        dice.letters(&mut nonce, 32);
        if self.0.len() == MAX_NONCES {
            self.0.pop_front();
        }
        self.0.push_back((nonce.clone(), now_s));
        nonce
    }

    /// Returns whether a nonce is still accepted.
    pub(super) fn takes(&self, nonce: &str, now_s: i64) -> bool {
        self.0.iter().any(|(known, made_s)| known == nonce && now_s.saturating_sub(*made_s) < NONCE_GOOD_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_renewed_after_a_day_and_taken_for_three() {
        let (mut nonces, mut dice) = (Nonces::default(), Dice::new(1));
        let first = nonces.current(0, &mut dice);
        assert_eq!(nonces.current(NONCE_FRESH_S - 1, &mut dice), first);
        let second = nonces.current(NONCE_FRESH_S, &mut dice);
        assert_ne!(first, second);
        assert!(nonces.takes(&first, NONCE_FRESH_S) && nonces.takes(&second, NONCE_FRESH_S));
        assert!(nonces.takes(&first, NONCE_GOOD_S - 1) && !nonces.takes(&first, NONCE_GOOD_S));
        assert!(!nonces.takes("another", 0));
        for at in 0..50 {
            nonces.renew(at, &mut dice);
        }
        assert_eq!(nonces.0.len(), MAX_NONCES);
    }
}
