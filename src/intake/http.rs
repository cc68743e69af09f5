//! The HTTP client for all requests to the org.
//!
//! It follows no redirects, sends credentials only to the org's origin, and aborts an answer that takes too long or
//! grows too large. Its errors contain no URLs or secrets.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, Proxy, RequestBuilder, Response};
use thiserror::Error;
use tokio::sync::Mutex;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, UnixTime};
use tokio_rustls::rustls::{self, CertificateError, RootCertStore};

use crate::clock::{Clock, apart};
use crate::consent::visible;
use crate::okta::{
    Access, Credentials, Headers, Learned, OrgUrl, Reply, Request, Rights, SendError, TokenRequest,
};
use crate::safe_file;
use crate::secret::{Secret, SecretSource};

/// How to reach an org: the certificate authorities to trust beside the system's, and the proxy to use.
#[derive(Clone, Default)]
pub struct Route {
    certificates: Vec<Certificate>,
    proxy: Option<Proxy>,
}

/// A client for one org. Clones share connections and credentials.
#[derive(Clone, Debug)]
pub struct OktaClient {
    http: reqwest::Client,
    org: OrgUrl,
    clock: Clock,
    /// Locked during a sign-in, so that concurrent callers share one.
    access: Arc<Mutex<Access>>,
    renew: Option<SecretSource>,
}

/// Why a client could not be made.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The extra CA's file cannot be read.
    #[error("the CA file {} cannot be read: {source}", shown(path))]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The extra CA's file holds no certificate that can be used.
    #[error("the CA file {} {why}", shown(path))]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The HTTP library does not understand the proxy and would bypass it.
    #[error("the HTTP library cannot use the proxy")]
    Proxy,
    /// The TLS library or the proxy settings of the environment are unusable.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
}

impl Route {
    /// Reads a PEM file of certificates to trust, and prepares a proxy. `except` lists the hosts to reach without it,
    /// in the form of `NO_PROXY`. Loopback hosts are always reached directly.
    ///
    /// # Errors
    /// Returns an error if the file or the proxy cannot be used.
    pub fn new(
        org: &OrgUrl,
        ca: Option<&Path>,
        proxy: Option<&Secret>,
        except: Option<&str>,
    ) -> Result<Self, ClientError> {
        let certificates = ca.map(certificates).transpose()?.unwrap_or_default();
        let proxy = proxy.filter(|_| !is_direct(org, except));
        let proxy = proxy.map(|url| through(org, url)).transpose()?;
        Ok(Self { certificates, proxy })
    }
}

/// Returns whether requests to an org bypass any proxy: if it is a loopback host, or if `NO_PROXY` lists it.
pub fn is_direct(org: &OrgUrl, except: Option<&str>) -> bool {
    let any =
        Matcher::builder().all("http://proxy.invalid").no(except.unwrap_or_default().to_owned()).build();
    let target = org.origin().parse::<hyper::Uri>().ok();
    org.is_loopback() || target.is_some_and(|target| any.intercept(&target).is_none())
}

/// Shows neither the certificates nor the proxy's URL, which may contain a password.
impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Route({} certificates, proxy: {})", self.certificates.len(), self.proxy.is_some())
    }
}

/// Returns a proxy for all requests. The library connects directly if it does not understand a proxy, so this checks
/// that it would use this one.
fn through(org: &OrgUrl, url: &Secret) -> Result<Proxy, ClientError> {
    let target: hyper::Uri = org.origin().parse().map_err(|_| ClientError::Proxy)?;
    if Matcher::builder().all(url.reveal().to_owned()).build().intercept(&target).is_none() {
        return Err(ClientError::Proxy);
    }
    Proxy::all(url.reveal()).map_err(|_| ClientError::Proxy)
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than the 30 s after which Okta itself aborts a query (System Log query, timeouts).
const TIMEOUT: Duration = Duration::from_secs(40);
/// The most bytes of a body. A thousand events are two to five MiB. The limit applies to the decoded bytes, so that a
/// small answer cannot decompress without bound.
const BODY_MAX: usize = 64 * 1024 * 1024;
const WORDS_MAX: usize = 300;
/// The most times that a call is sent: a nonce and a token may each turn out to be stale.
const TRIES_MAX: usize = 3;

impl OktaClient {
    /// Creates a client for an org.
    pub fn new(
        org: &OrgUrl,
        credentials: Credentials,
        route: &Route,
        clock: Clock,
    ) -> Result<Self, ClientError> {
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
        if let Some(proxy) = &route.proxy {
            builder = builder.no_proxy().proxy(proxy.clone());
        }
        if !route.certificates.is_empty() {
            builder = builder.tls_certs_merge(route.certificates.clone());
        }
        let http = builder.build().map_err(|error| ClientError::Setup(words(error)))?;
        let access = Arc::new(Mutex::new(Access::new(credentials, org)));
        Ok(Self { http, org: org.clone(), clock, access, renew: None })
    }

    /// Sets where the credentials can be read again.
    #[must_use]
    pub fn with_renewal(self, source: Option<SecretSource>) -> Self {
        Self { renew: source, ..self }
    }

    /// Reads the token or the private key again from its source, where the user may have put a valid one. A command may
    /// be slow, so a separate thread waits for it. If reading fails, the old credentials stay in use.
    pub async fn read_credentials_again(&self) {
        let Some(source) = self.renew.clone() else { return };
        match tokio::task::spawn_blocking(move || source.read()).await {
            Ok(Ok(secret)) => match self.access.lock().await.renew(&secret) {
                Ok(true) => tracing::info!("The credentials were read again and have changed."),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(%error, "The credentials were read again and are not valid; the old ones stay in \
                                            use.");
                }
            },
            Ok(Err(error)) => {
                tracing::warn!(%error, "The credentials cannot be read again; the old ones stay in use.");
            }
            Err(_) => tracing::warn!("Reading the credentials again was interrupted."),
        }
    }

    /// Returns remarks on the sign-in and the clock, one sentence each.
    pub async fn notes(&self) -> Vec<String> {
        let mut notes = self.access.lock().await.notes();
        // A service app's sign-in notes the clock itself, if it is wrong by half a minute or more.
        let is_told = notes.iter().any(|note| note.starts_with("This machine's clock"));
        if let Some(ahead) = self.clock.ahead().filter(|_| !self.clock.agrees() && !is_told) {
            notes.push(format!(
                "This machine's clock is {} Okta's. Times follow Okta's, and nothing is removed for its age; set the \
                 clock right.",
                apart(ahead)
            ));
        }
        notes
    }

    /// Returns the rights that the credentials are known to have.
    pub async fn rights(&self) -> Rights {
        self.access.lock().await.rights()
    }

    /// Sends one request without credentials, for a public resource.
    ///
    /// # Errors
    /// Returns an error if no usable answer came.
    pub async fn send_open(&self, request: &Request) -> Result<Reply, SendError> {
        if !self.org.same_origin(&request.url) {
            return Err(SendError::Other("the request goes to another host than the org's".to_owned()));
        }
        self.exchange(self.http.get(&request.url)).await
    }

    /// Sends a request, reads the whole answer, and sets the clock by its `Date` header.
    async fn exchange(&self, request: RequestBuilder) -> Result<Reply, SendError> {
        let reply = exchange(request).await?;
        if let Some(date) = reply.headers.date() {
            self.clock.hear(date);
        }
        Ok(reply)
    }

    /// Sends a GET with the credentials and reads the whole answer, whatever its status. A service app signs in first
    /// if necessary. If the answer carries a new nonce or shows that the token is stale, the request is repeated.
    pub async fn send(&self, request: &Request) -> Result<Reply, SendError> {
        self.call(Method::GET, request, None).await
    }

    /// Sends a POST with JSON, or with nothing, and reads the whole answer. Like [`OktaClient::send`], it repeats only what
    /// was refused before anything was done.
    pub async fn post(&self, request: &Request, json: Option<&Secret>) -> Result<Reply, SendError> {
        self.call(Method::POST, request, Some(json.map_or("", Secret::reveal))).await
    }

    async fn call(&self, method: Method, request: &Request, json: Option<&str>) -> Result<Reply, SendError> {
        if !self.org.same_origin(&request.url) {
            return Err(SendError::Other("the request goes to another host than the org's".to_owned()));
        }
        let mut tries = 1;
        loop {
            self.sign_in().await?;
            let (pass, generation) = {
                let access = self.access.lock().await;
                (access.headers(method.as_str(), &request.url, self.clock.now()), access.generation())
            };
            let mut call = self.http.request(method.clone(), &request.url);
            for (name, secret) in &pass {
                call = call.header(*name, hidden(secret)?);
            }
            for (name, value) in &request.headers {
                call = call.header(*name, value);
            }
            if let Some(json) = json {
                call = call.header(CONTENT_TYPE, "application/json").body(json.to_owned());
            }
            let result = self.exchange(call).await;
            let mut access = self.access.lock().await;
            let reply = result.map_err(|error| redacted(error, &access))?;
            if access.learn_from_call(self.clock.now(), &reply, generation) == Learned::Nothing
                || tries == TRIES_MAX
            {
                return Ok(reply);
            }
            tries += 1;
        }
    }

    /// Gets an access token if the next call needs one.
    async fn sign_in(&self) -> Result<(), SendError> {
        let mut access = self.access.lock().await;
        while let Some(TokenRequest { url, form, proof }) = access.step(self.clock.now(), self.clock.uptime())
        {
            let mut post = self
                .http
                .post(&url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.reveal().to_owned());
            if let Some(proof) = proof {
                post = post.header("dpop", hidden(&proof)?);
            }
            let result = self.exchange(post).await;
            let (now, up) = (self.clock.now(), self.clock.uptime());
            match result {
                Ok(reply) => access.take(now, up, &reply).map_err(SendError::SignIn)?,
                Err(_) if access.is_usable(up) => {}
                Err(error) => return Err(redacted(error, &access)),
            }
        }
        Ok(())
    }
}

/// Sends a request and reads the whole answer.
async fn exchange(request: RequestBuilder) -> Result<Reply, SendError> {
    let response = request.send().await.map_err(send_error)?;
    let status = response.status().as_u16();
    let headers = headers(&response);
    let body = body(response).await.map_err(|cut| match cut {
        Some(error) => send_error(error),
        None => SendError::TooLarge,
    })?;
    Ok(Reply { status, headers, body })
}

fn hidden(secret: &Secret) -> Result<HeaderValue, SendError> {
    let mut value = HeaderValue::from_str(secret.reveal()).map_err(|_| {
        SendError::Other("the credentials have characters that a header cannot have".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Removes secrets from the text of an error, in case a library put one there.
fn redacted(error: SendError, access: &Access) -> SendError {
    match error {
        SendError::Connect(words) => SendError::Connect(access.redact(&words)),
        SendError::Tls(words) => SendError::Tls(access.redact(&words)),
        SendError::Cut(words) => SendError::Cut(access.redact(&words)),
        SendError::Other(words) => SendError::Other(access.redact(&words)),
        error @ (SendError::Timeout | SendError::TooLarge | SendError::SignIn(_)) => error,
    }
}

/// Reads a body of at most [`BODY_MAX`] bytes. The error is `None` if the body is larger.
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

/// Reads a PEM file of certificates, and checks that the TLS library accepts each of them.
fn certificates(path: &Path) -> Result<Vec<Certificate>, ClientError> {
    let bad = |why| ClientError::Ca { path: path.to_owned(), why };
    let pem = safe_file::read_regular(path, safe_file::BYTES_MAX)
        .map_err(|source| ClientError::CaFile { path: path.to_owned(), source })?
        .bytes;
    if pem.trim_ascii().is_empty() {
        return Err(bad("is empty"));
    }
    // Every certificate in DER is a SEQUENCE longer than 127 bytes (X.690, 8.1.3).
    if pem.starts_with(&[0x30, 0x82]) || pem.starts_with(&[0x30, 0x81]) {
        return Err(bad("is DER, and PEM is needed: openssl x509 -inform der -in FILE -out NEW converts it"));
    }
    let ders: Result<Vec<CertificateDer<'_>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let ders = ders.map_err(|_| bad("is damaged: a certificate in it is not PEM"))?;
    if ders.is_empty() {
        return Err(bad("holds no PEM certificate"));
    }
    let mut roots = RootCertStore::empty();
    ders.into_iter()
        .map(|der| {
            let certificate = Certificate::from_der(&der);
            let known = roots.add(der);
            certificate
                .ok()
                .filter(|_| known.is_ok())
                .ok_or_else(|| bad("is damaged: a certificate in it cannot be read"))
        })
        .collect()
}

fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

fn send_error(error: reqwest::Error) -> SendError {
    let (is_timeout, is_connect) = (error.is_timeout(), error.is_connect());
    let is_cut = error.is_body() || error.is_decode();
    let words = words(error);
    // reqwest reports a failed handshake as a failed connection. Only the text of the causes tells them apart.
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

/// Returns the TLS library's error, which I/O errors wrap instead of naming it as their source.
fn tls_error<'e>(cause: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    let mut found = cause;
    while let Some(inner) = found.downcast_ref::<io::Error>() {
        found = inner.get_ref()?;
    }
    found.downcast_ref()
}

/// Returns a text if a server's certificate is expired or not yet valid, else `None`.
fn validity(cause: &(dyn Error + 'static)) -> Option<String> {
    let tls = tls_error(cause)?;
    let at = |time: UnixTime| {
        let time = i64::try_from(time.as_secs()).ok().and_then(|at| Timestamp::from_second(at).ok());
        time.map_or_else(
            || "an unknown time".to_owned(),
            |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        )
    };
    let rustls::Error::InvalidCertificate(wrong) = tls else { return None };
    match wrong {
        CertificateError::ExpiredContext { time, not_after } => Some(format!(
            "the server's certificate expired on {}, and this computer's clock says {}",
            at(*not_after),
            at(*time)
        )),
        CertificateError::NotValidYetContext { time, not_before } => Some(format!(
            "the server's certificate is not valid before {}, and this computer's clock says {}",
            at(*not_before),
            at(*time)
        )),
        _ => None,
    }
}

/// Returns an error and its causes as text without the URL, omitting repetitions.
fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut said: Vec<String> = Vec::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(cause) = next {
        if let Some(words) = validity(cause) {
            return words;
        }
        let words = cause.to_string();
        // Many layers repeat the text of the one below.
        said.retain(|before| !words.contains(before.as_str()));
        if !said.iter().any(|before| before.contains(&words)) {
            said.push(words);
        }
        next = cause.source();
    }
    let words = without_user_info(&said.join(": "));
    visible(&words.chars().take(WORDS_MAX).collect::<String>()).into_owned()
}

/// Removes user name and password from any URL in a text, such as a proxy's.
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
