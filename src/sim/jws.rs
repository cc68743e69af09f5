//! Reads public keys and verifies compact JSON Web Signatures (RFC 7515, 7517, 7518, 7638).

use std::str::FromStr as _;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto, jwk::Jwk};
use serde_json::{Value, json};

/// The accepted signature algorithms (Okta: client assertions, DPoP).
pub(super) const ALGORITHMS: &str = "RS256 RS384 RS512 ES256 ES384 ES512";

/// The longest signed token or key that is read, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// The shortest RSA modulus in bytes. Okta requires keys of 2048 bits, and the library verifies no shorter ones.
const MIN_MODULUS: usize = 256;

/// Returns bytes as unpadded base64url.
pub(super) fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the SHA-256 of a text.
pub(super) fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shape {
    Rsa,
    P256,
    P384,
    P521,
}

/// A public key that was registered or sent in a proof.
#[derive(Clone, Debug)]
pub(super) struct PublicKey {
    key: DecodingKey,
    shape: Shape,
    /// Its SHA-256 thumbprint (RFC 7638).
    pub(super) thumbprint: String,
}

impl PublicKey {
    /// Reads a key from PEM or from the JSON of a JWK. The error says why it cannot be used.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_BYTES {
            return Err("it is too long");
        }
        match serde_json::from_str::<Value>(text) {
            Ok(jwk) => Self::from_jwk(&jwk),
            Err(_) if text.contains("PRIVATE KEY") => Err("it is a private key, and must be a public one"),
            Err(_) => Self::from_pem(text.as_bytes()).ok_or("it is neither a PEM nor a JWK of a public key"),
        }
    }

    fn from_pem(pem: &[u8]) -> Option<Self> {
        if let Ok(key) = DecodingKey::from_ec_pem(pem) {
            return Self::from_point(key.try_get_as_bytes().ok()?);
        }
        let key = DecodingKey::from_rsa_pem(pem).ok()?;
        let jwk = serde_json::to_value(Jwk::from_decoding_key(&key, None).ok()?).ok()?;
        Self::from_jwk(&jwk).ok()
    }

    /// Reads a key from a JWK.
    pub(super) fn from_jwk(jwk: &Value) -> Result<Self, &'static str> {
        if ["d", "p", "q", "k"].iter().any(|secret| jwk.get(secret).is_some()) {
            return Err("it is a private key, and must be a public one");
        }
        let part = |name: &str| {
            let text = jwk.get(name).and_then(Value::as_str);
            text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or("a part of the key is missing")
        };
        match jwk.get("kty").and_then(Value::as_str) {
            Some("RSA") => {
                let (n, e) = (part("n")?, part("e")?);
                if n.len() < MIN_MODULUS {
                    return Err("the key is shorter than 2048 bits");
                }
                let named = json!({ "e": encoded(&e), "kty": "RSA", "n": encoded(&n) });
                Ok(Self {
                    key: DecodingKey::from_rsa_raw_components(&n, &e),
                    shape: Shape::Rsa,
                    thumbprint: thumbprint(&named),
                })
            }
            Some("EC") => {
                let (x, y) = (part("x")?, part("y")?);
                let named = jwk.get("crv").and_then(Value::as_str);
                let key = Self::from_point(&[&[4], x.as_slice(), &y].concat()).filter(|_| x.len() == y.len());
                key.filter(|key| key.curve() == named).ok_or("the curve and the coordinates do not match")
            }
            _ => Err("the key is neither RSA nor EC"),
        }
    }

    /// Reads an uncompressed point of an elliptic curve. Its length determines the curve.
    fn from_point(point: &[u8]) -> Option<Self> {
        let shape = match point.len() {
            65 => Shape::P256,
            97 => Shape::P384,
            133 => Shape::P521,
            _ => return None,
        };
        let (x, y) = point.strip_prefix(&[4])?.split_at(point.len() / 2);
        let mut key = Self { key: DecodingKey::from_ec_der(point), shape, thumbprint: String::new() };
        let named = json!({ "crv": key.curve()?, "kty": "EC", "x": encoded(x), "y": encoded(y) });
        key.thumbprint = thumbprint(&named);
        Some(key)
    }

    fn curve(&self) -> Option<&'static str> {
        match self.shape {
            Shape::Rsa => None,
            Shape::P256 => Some("P-256"),
            Shape::P384 => Some("P-384"),
            Shape::P521 => Some("P-521"),
        }
    }

    fn suits(&self, alg: &str) -> bool {
        match self.shape {
            Shape::Rsa => matches!(alg, "RS256" | "RS384" | "RS512"),
            Shape::P256 => alg == "ES256",
            Shape::P384 => alg == "ES384",
            Shape::P521 => alg == "ES512",
        }
    }
}

/// Returns the thumbprint of a key. The caller passes the members that RFC 7638 requires, in alphabetical order.
fn thumbprint(named: &Value) -> String {
    encoded(&sha256(&named.to_string()))
}

/// A signed token that is not yet verified.
#[derive(Debug)]
pub(super) struct Jws {
    pub(super) header: Value,
    pub(super) claims: Value,
    message: String,
    signature: String,
}

impl Jws {
    /// Parses a compact signed token. Returns `None` if it is malformed or its header has `crit`, since no critical
    /// extension is supported.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (message, signature) = text.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let object = |part: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
            serde_json::from_slice(&bytes).ok().filter(Value::is_object)
        };
        let (header, claims): (Value, Value) = (object(header)?, object(claims)?);
        if header.get("crit").is_some() {
            return None;
        }
        Some(Self { header, claims, message: message.to_owned(), signature: signature.to_owned() })
    }

    /// Returns a member of the header if it is a string.
    pub(super) fn named(&self, member: &str) -> Option<&str> {
        self.header.get(member)?.as_str()
    }

    /// Returns a claim if it is a string.
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str()
    }

    /// Returns a claim if it is a time, in whole seconds since 1970.
    pub(super) fn time(&self, claim: &str) -> Option<i64> {
        let value = self.claims.get(claim)?;
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64))
    }

    /// Returns whether the header names one of [`ALGORITHMS`].
    pub(super) fn has_known_algorithm(&self) -> bool {
        self.named("alg").is_some_and(|alg| ALGORITHMS.split(' ').any(|known| known == alg))
    }

    /// Returns whether a key made the signature, with the algorithm that the header names.
    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        let Some(alg) = self.named("alg").filter(|alg| key.suits(alg)) else { return false };
        if alg == "ES512" {
            // `jsonwebtoken` does not support ES512, but `aws_lc_rs` does.
            let (Ok(signature), Ok(point)) =
                (URL_SAFE_NO_PAD.decode(&self.signature), key.key.try_get_as_bytes())
            else {
                return false;
            };
            let key = UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point);
            return key.verify(self.message.as_bytes(), &signature).is_ok();
        }
        Algorithm::from_str(alg)
            .and_then(|alg| crypto::verify(&self.signature, self.message.as_bytes(), &key.key, alg))
            .unwrap_or(false)
    }
}
