//! A service app for tests. It generates keys, signs with `aws_lc_rs` and sends requests over real sockets.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use super::super::jws::{encoded, sha256};
use super::super::tests::{Reply, Rig};
use super::super::{AdminRole, Plan, SimServiceApp};
use super::{ASSERTION_TYPE, TOKEN};

pub(in crate::sim) const CLIENT: &str = "0oaSERVICEAPPAAAA1d7";
pub(in crate::sim) const FORM: &str = "application/x-www-form-urlencoded";

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

/// A key pair for one signature algorithm.
pub(in crate::sim) struct Key {
    pub(in crate::sim) alg: &'static str,
    pair: Pair,
    pub(in crate::sim) jwk: Value,
}

impl Key {
    pub(in crate::sim) fn ec(alg: &'static str) -> Self {
        let (by, curve) = match alg {
            "ES256" => (&signature::ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"),
            "ES384" => (&signature::ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"),
            _ => (&signature::ECDSA_P521_SHA512_FIXED_SIGNING, "P-521"),
        };
        let pair = EcdsaKeyPair::generate(by).unwrap();
        let point = pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(point.len() / 2);
        let jwk = json!({ "kty": "EC", "crv": curve, "x": encoded(x), "y": encoded(y) });
        Self { alg, pair: Pair::Ec(pair), jwk }
    }

    /// Returns an RSA key. Generating one is slow, so all tests share the same key.
    pub(in crate::sim) fn rsa(alg: &'static str) -> Self {
        static DER: OnceLock<Vec<u8>> = OnceLock::new();
        let der = DER.get_or_init(|| {
            let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
            aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair)
                .unwrap()
                .as_ref()
                .to_vec()
        });
        let pair = RsaKeyPair::from_pkcs8(der).unwrap();
        let parts = pair.public_key();
        let (n, e) = (
            parts.modulus().big_endian_without_leading_zero(),
            parts.exponent().big_endian_without_leading_zero(),
        );
        let jwk = json!({ "kty": "RSA", "n": encoded(n), "e": encoded(e) });
        Self { alg, pair: Pair::Rsa(pair), jwk }
    }

    pub(in crate::sim) fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = match &self.pair {
            Pair::Ec(pair) => pair.public_key().as_der().unwrap(),
            Pair::Rsa(pair) => pair.public_key().as_der().unwrap(),
        };
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(der.as_ref()))
    }

    pub(in crate::sim) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| encoded(value.to_string().as_bytes());
        let message = format!("{}.{}", part(header), part(claims));
        let random = SystemRandom::new();
        let made = match &self.pair {
            Pair::Ec(pair) => pair.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let by: &dyn signature::RsaEncoding = match self.alg {
                    "RS256" => &signature::RSA_PKCS1_SHA256,
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    _ => &signature::RSA_PKCS1_SHA512,
                };
                let mut made = vec![0; pair.public_modulus_len()];
                pair.sign(by, &random, message.as_bytes(), &mut made).unwrap();
                made
            }
        };
        format!("{message}.{}", encoded(&made))
    }
}

fn fresh() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("id-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Returns an object with some members replaced. A null removes a member.
pub(in crate::sim) fn over(mut base: Value, change: &Value) -> Value {
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() {
            base.as_object_mut().unwrap().remove(name);
        } else {
            base[name] = value.clone();
        }
    }
    base
}

/// An org with one service app and the app's keys.
pub(in crate::sim) struct Service {
    pub(in crate::sim) rig: Rig,
    pub(in crate::sim) key: Key,
    pub(in crate::sim) proof: Key,
}

impl Service {
    pub(in crate::sim) async fn with(key: Key, app: SimServiceApp, plan: Plan) -> Self {
        let rig = Rig::new(Plan { rate_per_minute: 0.0, apps: vec![app], ..plan }).await;
        Self { rig, key, proof: Key::ec("ES256") }
    }

    pub(in crate::sim) async fn new(scopes: &[&str], role: AdminRole, dpop: bool) -> Self {
        let key = Key::ec("ES256");
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let app = SimServiceApp { scopes, role, dpop, ..app(&key.jwk.to_string()) };
        Self::with(key, app, Plan::default()).await
    }

    pub(in crate::sim) fn url(&self) -> String {
        format!("{}{TOKEN}", self.rig.org.url())
    }

    pub(in crate::sim) fn now(&self) -> i64 {
        self.rig.clock.now().as_second()
    }

    pub(in crate::sim) fn assertion(&self, header: &Value, claims: &Value) -> String {
        let now = self.now();
        let header = over(json!({ "alg": self.key.alg, "kid": "kid-1" }), header);
        let base = json!({
            "iss": CLIENT, "sub": CLIENT, "aud": self.url(), "iat": now, "exp": now + 300, "jti": fresh()
        });
        self.key.sign(&header, &over(base, claims))
    }

    pub(in crate::sim) fn prove(&self, header: &Value, claims: &Value) -> String {
        let header = over(json!({ "typ": "dpop+jwt", "alg": self.proof.alg, "jwk": self.proof.jwk }), header);
        let base = json!({ "htm": "POST", "htu": self.url(), "iat": self.now(), "jti": fresh() });
        self.proof.sign(&header, &over(base, claims))
    }

    pub(in crate::sim) async fn post(&self, body: String, kind: &str, proofs: &[&str]) -> Reply {
        let mut request = self.rig.client.post(self.url()).header(CONTENT_TYPE, kind).body(body);
        for proof in proofs {
            request = request.header("dpop", *proof);
        }
        let reply = request.send().await.unwrap();
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        Reply { status, headers, body: reply.text().await.unwrap() }
    }

    pub(in crate::sim) async fn ask(&self, scope: &str, assertion: &str, proofs: &[&str]) -> Reply {
        let body = form(&[
            ("grant_type", "client_credentials"),
            ("scope", scope),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", assertion),
        ]);
        self.post(body, FORM, proofs).await
    }

    pub(in crate::sim) async fn plain(&self, scope: &str) -> Reply {
        self.ask(scope, &self.assertion(&json!({}), &json!({})), &[]).await
    }

    pub(in crate::sim) async fn proven(&self, scope: &str, claims: &Value) -> Reply {
        let proof = self.prove(&json!({}), claims);
        self.ask(scope, &self.assertion(&json!({}), &json!({})), &[&proof]).await
    }

    /// Requests a token bound to a key, including the nonce, and returns it.
    pub(in crate::sim) async fn bound(&self, scope: &str) -> String {
        let nonce = text(&self.proven(scope, &json!({})).await, "dpop-nonce");
        let reply = self.proven(scope, &json!({ "nonce": nonce })).await;
        assert_eq!(
            (reply.status, reply.json()["token_type"].as_str()),
            (200, Some("DPoP")),
            "{}",
            reply.body
        );
        token(&reply)
    }

    pub(in crate::sim) async fn get(&self, path: &str, authorization: &str, proofs: &[&str]) -> Reply {
        let url = format!("{}{path}", self.rig.org.url());
        let mut request = self.rig.client.get(url).header(AUTHORIZATION, authorization);
        for proof in proofs {
            request = request.header("dpop", *proof);
        }
        let reply = request.send().await.unwrap();
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        Reply { status, headers, body: reply.text().await.unwrap() }
    }

    /// Requests a path with a bound token and a proof with changed header and claims.
    pub(in crate::sim) async fn read(
        &self,
        path: &str,
        token: &str,
        header: &Value,
        claims: &Value,
    ) -> Reply {
        let (bare, _) = path.split_once('?').unwrap_or((path, ""));
        let url = format!("{}{bare}", self.rig.org.url());
        let base = json!({ "htm": "GET", "htu": url, "ath": encoded(&sha256(token)) });
        let proof = self.prove(header, &over(base, claims));
        self.get(path, &format!("DPoP {token}"), &[&proof]).await
    }
}

pub(in crate::sim) fn app(public_key: &str) -> SimServiceApp {
    SimServiceApp {
        client_id: CLIENT.to_owned(),
        key_id: "kid-1".to_owned(),
        public_key: public_key.to_owned(),
        scopes: vec!["okta.logs.read".to_owned()],
        role: AdminRole::ReadOnly,
        dpop: false,
    }
}

pub(in crate::sim) fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(in crate::sim) fn text(reply: &Reply, header: &str) -> String {
    reply.headers.get(header).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

pub(in crate::sim) fn token(reply: &Reply) -> String {
    reply.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", reply.body)).to_owned()
}

pub(in crate::sim) fn denied(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["error"].as_str().unwrap_or_default().to_owned())
}

pub(in crate::sim) fn is(status: u16, error: &str) -> (u16, String) {
    (status, error.to_owned())
}
