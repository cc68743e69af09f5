//! How an org lets us in.

use std::path::Path;
use std::path::PathBuf;

use super::error::ConfigError;
use super::file;
use crate::secret::{Secret, SecretSource};

/// How an org lets us in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// By an SSWS API token.
    Token(SecretSource),
    /// As an OAuth 2.0 service app.
    Service(Service),
}

/// A service app.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// `0oa…`
    pub client_id: String,
    /// Its private key, PEM or JWK.
    pub private_key: SecretSource,
    /// The `kid` that the public key was registered under; a JWK may bring its own.
    pub key_id: Option<String>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// When DPoP proofs are sent.
    pub dpop: Dpop,
}

pub use file::Dpop;

/// What is asked for where nobody says: the log, and what adds names and readiness to it.
const SCOPES: [&str; 6] = [
    "okta.logs.read",
    "okta.authorizationServers.read",
    "okta.apps.read",
    "okta.features.read",
    "okta.eventHooks.read",
    "okta.users.read",
];

impl Way {
    /// Returns where its secret is read from.
    pub fn source(&self) -> &SecretSource {
        match self {
            Self::Token(source) => source,
            Self::Service(service) => &service.private_key,
        }
    }
}

/// What the SDKs know of a way in, from variables or from their file.
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
    /// Returns the way in that the parts make up. A token goes first unless the mode names the key, as with the SDKs.
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
        // The SDKs take the key itself or the path of its file. What names no file may be a key that lost its first
        // line: it is treated as one, since a path would be shown.
        let is_file =
            !key.contains("-----BEGIN") && !key.trim_start().starts_with('{') && Path::new(&key).exists();
        let private_key =
            if is_file { SecretSource::File(key.into()) } else { SecretSource::Direct(Secret::new(key)) };
        Ok(Some(Way::Service(Service {
            client_id,
            private_key,
            key_id: self.key_id,
            scopes: scopes(self.scopes),
            dpop: Dpop::Auto,
        })))
    }
}

/// The secrets that a section names, of which there may be one.
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

/// Returns the scopes that somebody named, or else those that the program uses.
pub(super) fn scopes(named: Vec<String>) -> Vec<String> {
    if named.is_empty() { SCOPES.map(str::to_owned).into() } else { named }
}

/// Words between commas or white space.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}
