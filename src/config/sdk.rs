//! The `okta.yaml` of Okta's SDKs: `okta.client` with `orgUrl`, `token`, `clientId` and so on.

use std::path::Path;

use serde::Deserialize;

use super::credentials::{Parts, Way, words};
use super::error::{ConfigError, shown};
use super::proxy::{self, ProxySetting};
use super::text::{text_of, text_within};

/// The file. Unknown keys are ignored, since other programs read it too. A key whose values are all commented out is
/// null.
#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    okta: Option<Okta>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Okta {
    client: Option<Settings>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Settings {
    org_url: Option<String>,
    token: Option<String>,
    authorization_mode: Option<String>,
    client_id: Option<String>,
    private_key: Option<String>,
    private_key_id: Option<String>,
    kid: Option<String>,
    scopes: Option<Scopes>,
    proxy: Option<Proxy>,
}

/// The proxy. Some SDKs write unused keys with an empty value.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Proxy {
    host: Option<String>,
    port: Option<Port>,
    username: Option<String>,
    password: Option<String>,
}

/// A number, or a string with a number. `ProxySetting::read` checks that it is a port.
#[derive(Deserialize)]
#[serde(untagged)]
enum Port {
    Number(i64),
    Text(String),
}

/// A list, or one string with all scopes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scopes {
    List(Vec<String>),
    Text(String),
}

/// The settings found in a file.
pub(super) struct Found {
    /// The org.
    pub(super) url: Option<String>,
    /// The credentials.
    pub(super) way: Option<Way>,
    /// The proxy.
    pub(super) proxy: Option<ProxySetting>,
}

/// Reads the org, the credentials and the proxy from a file.
pub(super) fn read(path: &Path) -> Result<Found, ConfigError> {
    let name = shown(path);
    let bad = |what: &str| {
        ConfigError(format!(
            "{name}: {what}. Nothing was started. Fix it, or set the org and its credentials elsewhere; \
             consentwatch config init --print shows how."
        ))
    };
    let mut client = settings(&text_of(path)?).map_err(bad)?;
    let some = |text: Option<String>| text.filter(|text| !text.is_empty());
    let proxy = client.proxy.take().unwrap_or_default().setting(&name);
    let parts = Parts {
        token: some(client.token),
        mode: client.authorization_mode,
        client_id: some(client.client_id),
        private_key: some(client.private_key),
        key_id: some(client.private_key_id).or(some(client.kid)),
        scopes: match client.scopes {
            Some(Scopes::List(list)) => list,
            Some(Scopes::Text(text)) => words(&text),
            None => Vec::new(),
        },
    };
    Ok(Found { url: some(client.org_url), way: parts.way(|what| bad(what))?, proxy })
}

/// Reads only the proxy from a file.
///
/// # Errors
/// The file cannot be read. The text says why and is not a whole sentence.
pub(super) fn proxy(path: &Path) -> Result<Option<ProxySetting>, String> {
    let text = text_within(path)?;
    Ok(settings(&text)?.proxy.unwrap_or_default().setting(&shown(path)))
}

/// Reads the settings under `okta.client`. Errors quote nothing, since the file holds secrets.
fn settings(text: &str) -> Result<Settings, &'static str> {
    let file: File =
        serde_saphyr::from_str(text).map_err(|_| "it is not YAML of the form that the SDKs read")?;
    Ok(file.okta.unwrap_or_default().client.unwrap_or_default())
}

impl Proxy {
    fn setting(self, from: &str) -> Option<ProxySetting> {
        let port = self.port.map(|port| match port {
            Port::Number(port) => port.to_string(),
            Port::Text(port) => port,
        });
        let parts = proxy::Parts { host: self.host, port, user: self.username, password: self.password };
        parts.setting(from)
    }
}
