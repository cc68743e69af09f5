//! Private keys that sign: the registered key of a service app, and the key of DPoP proofs.
//!
//! A signed token is three base64url parts (RFC 7515, compact form). The cryptography comes from the library that TLS
//! uses. It signs with the curve P-521 and reads private JWKs, which no JWT library on the same base does. The
//! simulated org verifies with such a JWT library, so that neither checks its own work.

use std::fmt;

use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
    RsaKeyPair, RsaSignatureEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::secret::Secret;

/// A private key with its signature algorithm.
pub struct SigningKey {
    pair: Pair,
    /// The `kid` of a JWK.
    key_id: Option<String>,
}

enum Pair {
    Rsa(RsaKeyPair, Rsa),
    Ec(EcdsaKeyPair, Curve),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rsa {
    Rs256,
    Rs384,
    Rs512,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Curve {
    P256,
    P384,
    P521,
}

/// Why a text is not a usable key. Quotes no part of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum KeyError {
    /// The text is neither PEM nor JSON.
    #[error("The private key is neither PEM nor a JWK, a JWKS or the base64 of one of them.")]
    Form,
    /// A set of keys has several, and none was chosen.
    #[error("The JWKS holds several private keys. Name the one to use by its kid, in key_id.")]
    Several,
    /// A set of keys lacks the chosen one.
    #[error("The JWKS holds no private key with the kid that key_id names.")]
    NotInSet,
    /// A set of keys has no usable one.
    #[error("The JWKS holds no private RSA or EC key.")]
    Empty,
    /// The key is encrypted.
    #[error("The private key is encrypted. Decrypt it first, for example with openssl pkey.")]
    Encrypted,
    /// The key is a public one.
    #[error("This is a public key or a certificate. The private key is needed.")]
    Public,
    /// The library does not accept the key.
    #[error(
        "The private key is damaged, or it is neither an RSA key of 2048 to 8192 bits nor an EC key on P-256, P-384 or P-521."
    )]
    Unusable,
    /// A JWK names an unsupported kind of key, or lacks a member that its kind needs.
    #[error("The JWK lacks a part of its private key, or names another kind of key than RSA and EC.")]
    Incomplete,
    /// The `alg` of the JWK is not supported for its key.
    #[error("The JWK names another algorithm than RS256, RS384, RS512, ES256, ES384 and ES512.")]
    Algorithm,
}

impl SigningKey {
    /// Reads a key: PEM as PKCS #8, PKCS #1 or SEC 1, a JWK, a JWKS, or the base64 of one of these. From a JWKS with
    /// several private keys it takes the one with this `kid`. An RSA key signs with RS256, unless its JWK names another
    /// algorithm. Turns line ends that were escaped for an environment variable back into line ends.
    pub fn read(secret: &Secret, key_id: Option<&str>) -> Result<Self, KeyError> {
        let text = secret.reveal().trim();
        if text.starts_with('{') || text.contains("-----BEGIN ") {
            return Self::of_text(text, key_id);
        }
        let plain = unwrapped(text).ok_or(KeyError::Form)?;
        Self::of_text(plain.trim(), key_id)
    }

    /// Reads a key in JSON or PEM.
    fn of_text(text: &str, key_id: Option<&str>) -> Result<Self, KeyError> {
        if text.starts_with('{') {
            return Self::of_json(text, key_id);
        }
        let mended;
        let text = if text.contains("\\n") {
            mended = Zeroizing::new(text.replace("\\r", "").replace("\\n", "\n"));
            &*mended
        } else {
            text
        };
        if !text.contains("-----BEGIN ") {
            return Err(KeyError::Form);
        }
        let blocks = pem::parse_many(text).map_err(|_| KeyError::Unusable)?;
        let private = blocks.iter().find(|block| block.tag().ends_with("PRIVATE KEY"));
        let block = private.ok_or(if blocks.is_empty() { KeyError::Unusable } else { KeyError::Public })?;
        if block.tag().starts_with("ENCRYPTED") || block.headers().get("DEK-Info").is_some() {
            return Err(KeyError::Encrypted);
        }
        let der = block.contents();
        let pair = match block.tag() {
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(der).ok().map(|pair| Pair::Rsa(pair, Rsa::Rs256)),
            "EC PRIVATE KEY" => Pair::ec_of_der(der),
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(der)
                .ok()
                .map(|pair| Pair::Rsa(pair, Rsa::Rs256))
                .or_else(|| Pair::ec_of_der(der)),
            _ => None,
        };
        Ok(Self { pair: pair.ok_or(KeyError::Unusable)?, key_id: None })
    }

    /// Returns a new key for DPoP proofs. It lives as long as the tokens that are bound to it.
    pub fn generate() -> Self {
        let pair = EcdsaKeyPair::generate(Curve::P256.algorithm()).expect("the system gives random bytes");
        Self { pair: Pair::Ec(pair, Curve::P256), key_id: None }
    }

    fn of_json(text: &str, key_id: Option<&str>) -> Result<Self, KeyError> {
        let Ok(Jwks { keys }) = serde_json::from_str(text) else {
            return Self::of_jwk(serde_json::from_str(text).map_err(|_| KeyError::Form)?);
        };
        // Keys of other kinds than RSA and EC are ignored.
        let keys = keys.into_iter().filter_map(|key| serde_json::from_str::<Jwk>(key.get()).ok());
        let keys = keys.filter(|jwk| matches!(jwk.kty.as_str(), "RSA" | "EC"));
        let (mut private, public): (Vec<Jwk>, Vec<Jwk>) = keys.partition(|jwk| jwk.d.is_some());
        if private.len() > 1 {
            let wanted = key_id.ok_or(KeyError::Several)?;
            private.retain(|jwk| jwk.kid.as_deref() == Some(wanted));
        } else if private.is_empty() {
            return Err(if public.is_empty() { KeyError::Empty } else { KeyError::Public });
        }
        match <[Jwk; 1]>::try_from(private) {
            Ok([jwk]) => Self::of_jwk(jwk),
            Err(private) => Err(if private.is_empty() { KeyError::NotInSet } else { KeyError::Several }),
        }
    }

    fn of_jwk(jwk: Jwk) -> Result<Self, KeyError> {
        let pair = match jwk.kty.as_str() {
            "RSA" => {
                let algorithm = match jwk.alg.as_deref() {
                    None | Some("RS256") => Rsa::Rs256,
                    Some("RS384") => Rsa::Rs384,
                    Some("RS512") => Rsa::Rs512,
                    Some(_) => return Err(KeyError::Algorithm),
                };
                let part =
                    |part: &Option<Part>| part.as_ref().map(Part::bytes).ok_or(KeyError::Incomplete)?;
                let parts = KeyPairComponents {
                    public_key: PublicKeyComponents { n: part(&jwk.n)?, e: part(&jwk.e)? },
                    d: part(&jwk.d)?,
                    p: part(&jwk.p)?,
                    q: part(&jwk.q)?,
                    dP: part(&jwk.dp)?,
                    dQ: part(&jwk.dq)?,
                    qInv: part(&jwk.qi)?,
                };
                Pair::Rsa(RsaKeyPair::from_components(&parts).map_err(|_| KeyError::Unusable)?, algorithm)
            }
            "EC" => {
                let (Some(x), Some(y), Some(d)) = (&jwk.x, &jwk.y, &jwk.d) else {
                    return Err(KeyError::Incomplete);
                };
                let curve = match jwk.crv.as_deref() {
                    Some("P-256") => Curve::P256,
                    Some("P-384") => Curve::P384,
                    Some("P-521") => Curve::P521,
                    _ => return Err(KeyError::Incomplete),
                };
                if jwk.alg.as_deref().is_some_and(|named| named != curve.alg()) {
                    return Err(KeyError::Algorithm);
                }
                let point = [&[4][..], &x.bytes()?, &y.bytes()?].concat();
                let pair =
                    EcdsaKeyPair::from_private_key_and_public_key(curve.algorithm(), &d.bytes()?, &point);
                Pair::Ec(pair.map_err(|_| KeyError::Unusable)?, curve)
            }
            _ => return Err(KeyError::Incomplete),
        };
        Ok(Self { pair, key_id: jwk.kid.filter(|kid| !kid.is_empty()) })
    }

    /// Returns the `kid` of the JWK, if it has one.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Returns the name of the algorithm, for example `RS256` (RFC 7518).
    pub fn alg(&self) -> &'static str {
        match &self.pair {
            Pair::Rsa(_, Rsa::Rs256) => "RS256",
            Pair::Rsa(_, Rsa::Rs384) => "RS384",
            Pair::Rsa(_, Rsa::Rs512) => "RS512",
            Pair::Ec(_, curve) => curve.alg(),
        }
    }

    /// Returns the public key as a JWK, with the required members only (RFC 7518 section 6).
    pub fn public_jwk(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair, _) => {
                let public = pair.public_key();
                let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
                json!({
                    "kty": "RSA",
                    "n": part(public.modulus().big_endian_without_leading_zero()),
                    "e": part(public.exponent().big_endian_without_leading_zero()),
                })
            }
            Pair::Ec(pair, curve) => {
                // The first byte of a point says that it is not compressed. Two coordinates of equal length follow.
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                json!({
                    "kty": "EC",
                    "crv": curve.name(),
                    "x": URL_SAFE_NO_PAD.encode(x),
                    "y": URL_SAFE_NO_PAD.encode(y),
                })
            }
        }
    }

    /// Signs claims and returns the compact form of a JWT. `header` holds all members but `alg`. Takes one to four
    /// milliseconds with RSA, far less with EC.
    pub fn sign(&self, mut header: Value, claims: &Value) -> Secret {
        header["alg"] = self.alg().into();
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(&header), part(claims));
        let signature = self.pair.sign(input.as_bytes());
        Secret::new(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl Pair {
    fn ec_of_der(der: &[u8]) -> Option<Self> {
        [Curve::P256, Curve::P384, Curve::P521].into_iter().find_map(|curve| {
            EcdsaKeyPair::from_private_key_der(curve.algorithm(), der).ok().map(|pair| Self::Ec(pair, curve))
        })
    }

    fn sign(&self, input: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair, algorithm) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(algorithm.encoding(), &random, input, &mut signature).expect("the key was checked");
                signature
            }
            Self::Ec(pair, _) => pair.sign(&random, input).expect("the key was checked").as_ref().to_vec(),
        }
    }
}

impl Rsa {
    fn encoding(self) -> &'static RsaSignatureEncoding {
        match self {
            Self::Rs256 => &RSA_PKCS1_SHA256,
            Self::Rs384 => &RSA_PKCS1_SHA384,
            Self::Rs512 => &RSA_PKCS1_SHA512,
        }
    }
}

impl Curve {
    fn algorithm(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
            Self::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
        }
    }

    fn alg(self) -> &'static str {
        match self {
            Self::P256 => "ES256",
            Self::P384 => "ES384",
            Self::P521 => "ES512",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }
}

/// Shows the algorithm and no part of the key.
impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, hidden)", self.alg())
    }
}

/// A set of keys (RFC 7517 section 5), each as its own text.
#[derive(Deserialize)]
struct Jwks<'t> {
    #[serde(borrow)]
    keys: Vec<&'t RawValue>,
}

/// A private key in JSON (RFC 7517, RFC 7518 section 6).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<Part>,
    y: Option<Part>,
    n: Option<Part>,
    e: Option<Part>,
    d: Option<Part>,
    p: Option<Part>,
    q: Option<Part>,
    dp: Option<Part>,
    dq: Option<Part>,
    qi: Option<Part>,
}

/// A number in base64url, wiped when dropped.
#[derive(Deserialize)]
struct Part(Zeroizing<String>);

impl Part {
    fn bytes(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        URL_SAFE_NO_PAD
            .decode(self.0.trim_end_matches('='))
            .map(Zeroizing::new)
            .map_err(|_| KeyError::Incomplete)
    }
}

/// Returns the PEM or JSON in a base64 text, in either alphabet, padded or not, in one line or several.
fn unwrapped(text: &str) -> Option<Zeroizing<String>> {
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    plain.extend(text.chars().filter(|c| !c.is_whitespace() && *c != '=').map(|c| match c {
        '+' => '-',
        '/' => '_',
        c => c,
    }));
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(plain.as_bytes()).ok()?);
    let text = std::str::from_utf8(&bytes).ok()?;
    let is_key = text.trim_start().starts_with('{') || text.contains("-----BEGIN ");
    is_key.then(|| Zeroizing::new(text.to_owned()))
}

/// Returns a unique text: 128 random bits.
pub(super) fn fresh_id() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("the system gives random bytes");
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests;
