use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, EcPrivateKeyBin};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED, UnparsedPublicKey};
use jsonwebtoken::jwk::Jwk as PublicJwk;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use pem::{EncodeConfig, LineEnding, Pem, encode_config};

use super::*;

const CURVES: [Curve; 3] = [Curve::P256, Curve::P384, Curve::P521];

fn pem(tag: &str, der: &[u8]) -> String {
    encode_config(&Pem::new(tag, der), EncodeConfig::new().set_line_ending(LineEnding::LF))
}

fn read(text: &str) -> Result<SigningKey, KeyError> {
    SigningKey::read(&Secret::new(text), None)
}

/// Returns a new RSA key as PKCS #8 and as PKCS #1.
fn rsa() -> (Vec<u8>, Vec<u8>) {
    let outer = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap().as_ref().to_vec();
    // PKCS #8 wraps the other form in an octet string at its end.
    let start = outer.windows(4).position(|four| matches!(four, [0x30, 0x82, _, _])).unwrap();
    let inner = (start + 4..outer.len()).find(|&at| RsaKeyPair::from_der(&outer[at..]).is_ok()).unwrap();
    let inner = outer[inner..].to_vec();
    (outer, inner)
}

fn ec(curve: Curve) -> EcdsaKeyPair {
    EcdsaKeyPair::generate(curve.algorithm()).unwrap()
}

/// Returns the private number of a key pair.
fn private_part(pair: &EcdsaKeyPair) -> EcPrivateKeyBin<'static> {
    pair.private_key().as_be_bytes().unwrap()
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the integers of a DER sequence, without leading zeros.
fn integers(mut der: &[u8]) -> Vec<Vec<u8>> {
    fn length(der: &[u8]) -> (usize, &[u8]) {
        let (first, rest) = der.split_first().unwrap();
        let more = usize::from(first & 0x7f);
        if first & 0x80 == 0 {
            return (more, rest);
        }
        (rest[..more].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), &rest[more..])
    }
    der = length(&der[1..]).1;
    let mut found = Vec::new();
    while !der.is_empty() {
        let (count, rest) = length(&der[1..]);
        let zeros = rest[..count].iter().take_while(|byte| **byte == 0).count();
        found.push(rest[zeros..count].to_vec());
        der = &rest[count..];
    }
    found
}

/// Verifies a signed token with the key's own public half, using a library that did not sign it.
fn verified(key: &SigningKey) -> Value {
    let token =
        key.sign(json!({ "typ": "JWT", "kid": "k1" }), &json!({ "sub": "0oa", "exp": 4_000_000_000_u64 }));
    if key.alg() == "ES512" {
        let Pair::Ec(pair, _) = &key.pair else { panic!("not EC") };
        let (input, signature) = token.reveal().rsplit_once('.').unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, pair.public_key().as_ref());
        public.verify(input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let claims = input.split('.').nth(1).unwrap();
        return serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    }
    let jwk: PublicJwk = serde_json::from_value(key.public_jwk()).unwrap();
    let algorithm: Algorithm = key.alg().parse().unwrap();
    let read =
        decode::<Value>(token.reveal(), &DecodingKey::from_jwk(&jwk).unwrap(), &Validation::new(algorithm));
    let read = read.unwrap();
    assert_eq!((read.header.typ.as_deref(), read.header.kid.as_deref()), (Some("JWT"), Some("k1")));
    read.claims
}

#[test]
fn every_pem_form_signs() {
    let (pkcs8, pkcs1) = rsa();
    let mut forms = vec![("RS256", pem("PRIVATE KEY", &pkcs8)), ("RS256", pem("RSA PRIVATE KEY", &pkcs1))];
    for curve in CURVES {
        let pair = ec(curve);
        forms.push((curve.alg(), pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref())));
        forms.push((curve.alg(), pem("EC PRIVATE KEY", pair.private_key().as_der().unwrap().as_ref())));
    }
    for (alg, text) in forms {
        let noisy = format!("Bag Attributes\n  x: y\n{text}\n");
        for text in [text.clone(), text.replace('\n', "\\n"), text.replace('\n', "\r\n"), noisy] {
            let key = read(&text).unwrap();
            assert_eq!((key.alg(), verified(&key)["sub"].as_str()), (alg, Some("0oa")));
        }
    }
}

#[test]
fn every_jwk_signs_by_the_algorithm_it_names() {
    let parts = integers(&rsa().1);
    let part = |at: usize| b64(&parts[at]);
    for alg in ["RS256", "RS384", "RS512"] {
        let jwk = json!({
            "kty": "RSA", "kid": "mine", "alg": alg, "use": "sig", "n": part(1), "e": part(2), "d": part(3),
            "p": part(4), "q": part(5), "dp": part(6), "dq": part(7), "qi": part(8),
        });
        let key = read(&jwk.to_string()).unwrap();
        assert_eq!((key.alg(), key.key_id()), (alg, Some("mine")));
        verified(&key);
    }
    for curve in CURVES {
        let pair = ec(curve);
        let point = &pair.public_key().as_ref()[1..];
        let (x, y) = point.split_at(point.len() / 2);
        let private = private_part(&pair);
        let jwk =
            json!({ "kty": "EC", "crv": curve.name(), "x": b64(x), "y": b64(y), "d": b64(private.as_ref()) });
        let key = read(&jwk.to_string()).unwrap();
        assert_eq!(key.alg(), curve.alg());
        verified(&key);
        let mut other = jwk;
        other["alg"] = "RS256".into();
        assert_eq!(read(&other.to_string()).unwrap_err(), KeyError::Algorithm);
    }
}

#[test]
fn what_is_no_private_key_says_what_it_is() {
    let (pkcs8, _) = rsa();
    for (text, error) in [
        ("hello".to_owned(), KeyError::Form),
        ("{]".to_owned(), KeyError::Form),
        (pem("CERTIFICATE", b"x"), KeyError::Public),
        (pem("PUBLIC KEY", b"x"), KeyError::Public),
        (pem("ENCRYPTED PRIVATE KEY", b"x"), KeyError::Encrypted),
        (pem("PRIVATE KEY", &pkcs8[..pkcs8.len() - 9]), KeyError::Unusable),
        (pem("RSA PRIVATE KEY", &pkcs8), KeyError::Unusable),
        ("-----BEGIN PRIVATE KEY-----\nAAAA".to_owned(), KeyError::Unusable),
        (r#"{"kty":"oct","k":"AA"}"#.to_owned(), KeyError::Incomplete),
        (r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#.to_owned(), KeyError::Incomplete),
        (r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}"#.to_owned(), KeyError::Unusable),
        (r#"{"kty":"RSA","n":"AQAB"}"#.to_owned(), KeyError::Incomplete),
    ] {
        assert_eq!(read(&text).unwrap_err(), error, "{text}");
    }
}

#[test]
fn a_key_shows_nothing_of_itself() {
    let key = SigningKey::generate();
    assert_eq!(format!("{key:?}"), "SigningKey(ES256, hidden)");
    assert_eq!(key.public_jwk().as_object().unwrap().len(), 4);
    assert_ne!(fresh_id(), fresh_id());
}

/// Returns a private JWK on P-256, and its public half.
fn jwk(kid: &str) -> (Value, Value) {
    let pair = ec(Curve::P256);
    let point = pair.public_key().as_ref().to_vec();
    let public =
        json!({"kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]), "kid": kid});
    let mut private = public.clone();
    private["d"] = b64(private_part(&pair).as_ref()).into();
    (private, public)
}

#[test]
fn of_a_key_set_the_private_key_that_is_meant_is_taken() {
    let ((one, one_public), (two, two_public)) = (jwk("one"), jwk("two"));
    let pick = |keys: Value, key_id: Option<&str>| {
        let text = json!({ "keys": keys }).to_string();
        SigningKey::read(&Secret::new(text), key_id).map(|key| {
            verified(&key);
            key.key_id().map(str::to_owned)
        })
    };
    let kid = |kid: &str| Ok(Some(kid.to_owned()));
    let odd = json!({"kty": 7});
    assert_eq!(pick(json!([two_public, one, odd]), None), kid("one"));
    assert_eq!(pick(json!([one]), Some("registered as something else")), kid("one"));
    assert_eq!(pick(json!([one, two, one_public]), Some("two")), kid("two"));
    assert_eq!(pick(json!([one, two]), None), Err(KeyError::Several));
    assert_eq!(pick(json!([one, one]), Some("one")), Err(KeyError::Several));
    assert_eq!(pick(json!([one, two]), Some("three")), Err(KeyError::NotInSet));
    assert_eq!(pick(json!([one_public, two_public]), None), Err(KeyError::Public));
    // Keys of other kinds are ignored, private or not.
    let others =
        [json!({"kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "AA"}), json!({"kty": "oct", "k": "AA"})];
    assert_eq!(pick(json!([others[0], one, others[1]]), None), kid("one"));
    assert_eq!(pick(json!([others[0], two_public]), None), Err(KeyError::Public));
    for keys in [json!([]), json!([odd]), json!(others)] {
        for key_id in [None, Some("one")] {
            assert_eq!(pick(keys.clone(), key_id), Err(KeyError::Empty), "{keys}");
        }
    }
}

#[test]
fn a_key_wrapped_in_base64_is_read() {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let (private, _) = jwk("one");
    for text in [pem("PRIVATE KEY", &rsa().0), private.to_string(), json!({"keys": [private]}).to_string()] {
        let wrapped = STANDARD.encode(&text);
        let lines = wrapped.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
        for wrapped in [wrapped, lines, URL_SAFE_NO_PAD.encode(format!("\n{text}\n"))] {
            let key = read(&wrapped).unwrap();
            assert_eq!(key.public_jwk(), read(&text).unwrap().public_jwk());
            verified(&key);
        }
    }
    for text in [STANDARD.encode("no key"), STANDARD.encode([0xff; 40]), "MIIEvQ".to_owned()] {
        assert_eq!(read(&text).err(), Some(KeyError::Form), "{text}");
    }
}
