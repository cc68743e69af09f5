//! The only HTTP client.
//!
//! It follows no redirect, sends credentials to the org's origin alone, and ends an answer that takes too long or
//! grows too large. What goes wrong below comes up as words without URLs and secrets.

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Response};
use thiserror::Error;

use crate::consent::visible;
use crate::okta::{Credentials, Headers, OrgUrl, Reply, Request, SendError};
use crate::secret::SecretSource;

/// Asks one org. Clones share connections and credentials.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    org: OrgUrl,
    credentials: Arc<RwLock<Credentials>>,
    renew: Option<SecretSource>,
}

/// Why no client could be made.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The extra CA's file cannot be read.
    #[error("cannot read the CA file {}", path.display())]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The extra CA's file holds no certificate.
    #[error("there is no PEM certificate in the CA file {}", .0.display())]
    CaPem(PathBuf),
    /// The TLS library or the proxy settings of the environment are unusable.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Above the 30 s after which Okta gives up a query itself (System Log query, timeouts).
const TIMEOUT: Duration = Duration::from_secs(40);
/// A thousand events are two to five MiB; the bound holds for the decoded bytes, so that a small answer cannot unfold
/// without end.
const BODY_MAX: usize = 64 * 1024 * 1024;
const WORDS_MAX: usize = 300;

impl Client {
    /// Makes a client for an org. `ca` names a PEM file with certificates to trust beside the system's. Proxies are
    /// those of the environment, but never between us and a loopback host.
    pub fn new(org: &OrgUrl, credentials: Credentials, ca: Option<&Path>) -> Result<Self, ClientError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("consentwatch/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .gzip(true);
        if org.is_loopback() {
            builder = builder.no_proxy();
        }
        if let Some(path) = ca {
            builder = builder.tls_certs_merge(certificates(path)?);
        }
        let http = builder.build().map_err(|error| ClientError::Setup(words(error, &credentials)))?;
        Ok(Self { http, org: org.clone(), credentials: Arc::new(RwLock::new(credentials)), renew: None })
    }

    /// Remembers where the credentials can be read again.
    #[must_use]
    pub fn with_renewal(self, source: Option<SecretSource>) -> Self {
        Self { renew: source, ..self }
    }

    /// Reads the token where it came from, for whoever has put a good one there. A command may take its time, so a
    /// thread of its own waits for it. What cannot be had leaves the old one in use.
    pub async fn read_credentials_again(&self) {
        let Some(source) = self.renew.clone() else { return };
        match tokio::task::spawn_blocking(move || source.read()).await {
            Ok(Ok(secret)) => match Credentials::ssws(&secret) {
                Ok(credentials) => self.set_credentials(credentials),
                Err(error) => {
                    tracing::warn!(%error, "The token was read again and is none; the old one stays.");
                }
            },
            Ok(Err(error)) => tracing::warn!(%error, "The token cannot be read again; the old one stays."),
            Err(_) => tracing::warn!("Reading the token again was broken off."),
        }
    }

    /// Uses other credentials from the next request on, in every clone.
    pub fn set_credentials(&self, credentials: Credentials) {
        *self.credentials.write().unwrap_or_else(PoisonError::into_inner) = credentials;
    }

    /// Sends a GET with the credentials and reads the whole answer, whatever its status.
    pub async fn send(&self, request: &Request) -> Result<Reply, SendError> {
        let credentials = self.credentials.read().unwrap_or_else(PoisonError::into_inner).clone();
        if !self.org.same_origin(&request.url) {
            return Err(SendError::Other("the request leads to another host than the org's".to_owned()));
        }
        let mut authorization = HeaderValue::from_str(credentials.authorization().reveal())
            .map_err(|_| SendError::Other("the credentials cannot stand in a header".to_owned()))?;
        authorization.set_sensitive(true);
        let mut get = self.http.get(&request.url).header(AUTHORIZATION, authorization);
        for (name, value) in &request.headers {
            get = get.header(*name, value);
        }
        let response = get.send().await.map_err(|error| send_error(error, &credentials))?;
        let status = response.status().as_u16();
        let headers = headers(&response);
        let body = body(response).await.map_err(|cut| match cut {
            Some(error) => send_error(error, &credentials),
            None => SendError::TooLarge,
        })?;
        Ok(Reply { status, headers, body })
    }
}

/// Reads a body up to the bound. The error is nothing where the body is larger.
async fn body(mut response: Response) -> Result<Vec<u8>, Option<reqwest::Error>> {
    let announced = response.content_length().unwrap_or(0);
    if announced > BODY_MAX as u64 {
        return Err(None);
    }
    let mut body = Vec::with_capacity(announced.min(1024 * 1024) as usize);
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > BODY_MAX {
            return Err(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn headers(response: &Response) -> Headers {
    let pairs = response.headers().iter();
    pairs.map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()))).collect()
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let pem = fs::read(path).map_err(|source| ClientError::CaFile { path: path.to_owned(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(ClientError::CaPem(path.to_owned())),
    }
}

fn send_error(error: reqwest::Error, credentials: &Credentials) -> SendError {
    let (is_timeout, is_connect) = (error.is_timeout(), error.is_connect());
    let is_cut = error.is_body() || error.is_decode();
    let words = words(error, credentials);
    // reqwest calls a failed handshake a failed connection; only the words below tell them apart.
    let is_tls =
        ["certificate", "tls", "handshake"].iter().any(|sign| words.to_ascii_lowercase().contains(sign));
    if is_timeout {
        SendError::Timeout
    } else if is_connect && is_tls {
        SendError::Tls(words)
    } else if is_connect {
        SendError::Connect(words)
    } else if is_cut {
        SendError::Cut(words)
    } else {
        SendError::Other(words)
    }
}

/// Returns an error and its causes as words, each said once; without the URL, and without a secret should one be in
/// there.
fn words(error: reqwest::Error, credentials: &Credentials) -> String {
    let error = error.without_url();
    let mut said: Vec<String> = Vec::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(cause) = next {
        let words = cause.to_string();
        // Many layers repeat the one below in their own words.
        said.retain(|before| !words.contains(before.as_str()));
        if !said.iter().any(|before| before.contains(&words)) {
            said.push(words);
        }
        next = cause.source();
    }
    let words = without_user_info(&credentials.redact(&said.join(": ")));
    visible(&words.chars().take(WORDS_MAX).collect::<String>()).into_owned()
}

/// Removes the name and password of any URL, such as a proxy's.
fn without_user_info(text: &str) -> String {
    let mut pieces = text.split("://");
    let mut out = pieces.next().unwrap_or("").to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| c == '/' || c.is_whitespace()).unwrap_or(piece.len());
        let (authority, rest) = piece.split_at(end);
        out.push_str("://");
        out.push_str(authority.rsplit_once('@').map_or(authority, |(_, host)| host));
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests;
