//! The credentials for an org.

use std::path::Path;
use std::path::PathBuf;

use super::error::ConfigError;
use super::schema;
use crate::secret::{Secret, SecretSource};

/// The credentials for an org.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// An SSWS API token.
    Token(SecretSource),
    /// An OAuth 2.0 service app.
    Service(Service),
}

/// A service app.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// The client id, `0oa…`.
    pub client_id: String,
    /// The private key: PEM, JWK, JWKS, or base64 of one of these.
    pub private_key: SecretSource,
    /// The `kid` that the public key was registered under. A JWK may contain its own.
    pub key_id: Option<String>,
    /// The scopes to request.
    pub scopes: Vec<String>,
    /// When DPoP proofs are sent.
    pub dpop: DpopSetting,
}

pub use schema::DpopSetting;

/// The scopes that are requested by default: one for the log, the others for names and readiness.
const SCOPES: [&str; 6] = [
    "okta.logs.read",
    "okta.authorizationServers.read",
    "okta.apps.read",
    "okta.features.read",
    "okta.eventHooks.read",
    "okta.users.read",
];

impl Way {
    /// Returns where the token or the private key is read from.
    pub fn source(&self) -> &SecretSource {
        match self {
            Self::Token(source) => source,
            Self::Service(service) => &service.private_key,
        }
    }
}

/// The credentials in the settings of Okta's SDKs, from variables or from `okta.yaml`.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) token: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) private_key: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) scopes: Vec<String>,
}

impl Parts {
    /// Returns the credentials, or `None` if there are none. As in the SDKs, a token takes precedence unless the mode
    /// is `PrivateKey`.
    pub(super) fn way(self, bad: impl Fn(&str) -> ConfigError) -> Result<Option<Way>, ConfigError> {
        let wants_key = self.mode.as_deref().is_some_and(|mode| mode.eq_ignore_ascii_case("PrivateKey"));
        if let Some(token) = self.token.filter(|_| !wants_key) {
            return Ok(Some(Way::Token(SecretSource::Direct(Secret::new(token)))));
        }
        let client_id = match (self.client_id, wants_key) {
            (Some(client_id), _) => client_id,
            (None, true) => return Err(bad("the client id is missing")),
            (None, false) => return Ok(None),
        };
        let key = self.private_key.ok_or_else(|| bad("its private key is missing"))?;
        // The SDKs accept the key itself or the path of a file. Text that is not the path of a file may be a key
        // without its first line. It is treated as a key, since a path would be shown in messages.
        let is_file =
            !key.contains("-----BEGIN") && !key.trim_start().starts_with('{') && Path::new(&key).exists();
        let private_key =
            if is_file { SecretSource::File(key.into()) } else { SecretSource::Direct(Secret::new(key)) };
        Ok(Some(Way::Service(Service {
            client_id,
            private_key,
            key_id: self.key_id,
            scopes: scopes(self.scopes),
            dpop: DpopSetting::Auto,
        })))
    }
}

/// Returns the sources of one secret that a section names. The caller refuses more than one.
pub(super) fn sources(
    base: &Path,
    file: Option<&PathBuf>,
    env: Option<&String>,
    command: Option<&String>,
) -> Vec<SecretSource> {
    let ways = [
        file.map(|path| SecretSource::File(base.join(path))),
        env.map(|name| SecretSource::Env(name.clone())),
        command.map(|command| SecretSource::Command(command.clone())),
    ];
    ways.into_iter().flatten().collect()
}

/// Returns the configured scopes, or the default ones if none are configured.
pub(super) fn scopes(named: Vec<String>) -> Vec<String> {
    if named.is_empty() { SCOPES.map(str::to_owned).into() } else { named }
}

/// Splits text at commas and white space.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}
