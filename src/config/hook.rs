//! `[hook]`: the listener for event hooks, and the checks that it can be started safely.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::credentials::sources;
use super::error::ConfigError;
use super::schema;
use crate::secret::{Secret, SecretSource};

/// `[hook]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hook {
    /// Whether the listener is started.
    pub enabled: bool,
    /// The address that it listens on.
    pub listen: SocketAddr,
    /// The path that Okta calls.
    pub path: String,
    /// The whole value of the `Authorization` header, as it is configured in Okta.
    pub secret: Option<SecretSource>,
    /// A second secret, accepted too while the secret is being changed.
    pub previous_secret: Option<SecretSource>,
    /// The files with the certificate chain and the key, if the listener terminates TLS itself.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whether a proxy in front terminates TLS.
    pub behind_proxy: bool,
    /// The public URL that Okta calls, if it is configured.
    pub public_url: Option<String>,
}

/// `[org.hook]`: what an org sets for its event hook in place of `[hook]`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OrgHook {
    /// The secret.
    pub secret: Option<SecretSource>,
    /// A second secret, accepted too while the secret is being changed.
    pub previous_secret: Option<SecretSource>,
    /// The public URL that Okta calls for this org.
    pub public_url: Option<String>,
}

/// The environment variable for the secret. It takes precedence over `[hook]`.
pub(super) const SECRET: &str = "CONSENTWATCH_HOOK_SECRET";
/// The paths of the listener's own health checks.
const TAKEN: [&str; 2] = ["/healthz", "/readyz"];
const PATH_MAX: usize = 256;

/// Resolves the section and applies defaults.
///
/// # Errors
/// A value is invalid.
pub(super) fn hook(
    section: &schema::Hook,
    env: &dyn Fn(&str) -> Option<String>,
    base: &Path,
    bad: &dyn Fn(&str, &str) -> ConfigError,
) -> Result<Hook, ConfigError> {
    let text = |text: &Option<String>, default: &str| text.clone().unwrap_or_else(|| default.to_owned());
    let listen = text(&section.listen, "127.0.0.1:8787");
    let numeric =
        listen.strip_prefix("localhost:").map_or(listen.clone(), |port| format!("127.0.0.1:{port}"));
    let listen: SocketAddr = numeric.parse().map_err(|_| {
        bad("hook.listen", "must be an address and a port, such as \"127.0.0.1:8787\" or \"[::1]:8787\"")
    })?;
    let path = text(&section.path, "/okta/hook");
    let is_path = path.starts_with('/')
        && path.len() <= PATH_MAX
        && path.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'?' | b'#' | b'%' | b'"' | b'\\'));
    // The listener treats a path with and without a trailing slash as the same.
    if !is_path || TAKEN.contains(&path.strip_suffix('/').unwrap_or(&path)) {
        return Err(bad(
            "hook.path",
            "must be a path such as \"/okta/hook\", in plain ASCII, without a query, and not /healthz or /readyz",
        ));
    }
    let own = sources(
        base,
        section.secret_file.as_ref(),
        section.secret_env.as_ref(),
        section.secret_command.as_ref(),
    );
    let previous = sources(
        base,
        named(section.previous_secret_file.as_ref()),
        section.previous_secret_env.as_ref(),
        section.previous_secret_command.as_ref(),
    );
    let own = one("hook", "secret", own, bad)?;
    let from_env = env(SECRET).filter(|text| !text.is_empty());
    let secret = from_env.map(|text| SecretSource::Direct(Secret::new(text))).or(own);
    let file = |path: &Option<PathBuf>| named(path.as_ref()).map(|path| base.join(path));
    let tls = match (file(&section.tls_cert), file(&section.tls_key)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(bad("hook.tls_cert", "set both tls_cert and tls_key, or neither")),
    };
    Ok(Hook {
        enabled: section.enabled.unwrap_or(false),
        listen,
        path,
        secret,
        previous_secret: one("hook", "previous_secret", previous, bad)?,
        tls,
        behind_proxy: section.behind_proxy.unwrap_or(false),
        public_url: section.public_url.clone().filter(|url| !url.is_empty()),
    })
}

/// Resolves `[org.hook]`.
///
/// # Errors
/// A secret has two sources.
pub(super) fn of_org(
    section: &schema::OrgHook,
    base: &Path,
    bad: &dyn Fn(&str, &str) -> ConfigError,
) -> Result<OrgHook, ConfigError> {
    let own = sources(
        base,
        named(section.secret_file.as_ref()),
        section.secret_env.as_ref(),
        section.secret_command.as_ref(),
    );
    let previous = sources(
        base,
        named(section.previous_secret_file.as_ref()),
        section.previous_secret_env.as_ref(),
        section.previous_secret_command.as_ref(),
    );
    Ok(OrgHook {
        secret: one("org.hook", "secret", own, bad)?,
        previous_secret: one("org.hook", "previous_secret", previous, bad)?,
        public_url: section.public_url.clone().filter(|url| !url.is_empty()),
    })
}

/// Returns a path that is not empty.
fn named(path: Option<&PathBuf>) -> Option<&PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty())
}

/// Returns the only source of a secret. `key` is the common beginning of the keys for it.
fn one(
    section: &str,
    key: &str,
    mut found: Vec<SecretSource>,
    bad: &dyn Fn(&str, &str) -> ConfigError,
) -> Result<Option<SecretSource>, ConfigError> {
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(bad(
            &format!("{section}.{key}_file"),
            &format!("set at most one of {key}_file, {key}_env, {key}_command"),
        )),
    }
}

impl Hook {
    /// Returns these settings for an org, with what it sets itself in place of the defaults. A secret of its own also
    /// replaces the default previous secret, which other orgs know.
    #[must_use]
    pub fn of(&self, org: &OrgHook) -> Self {
        let previous = self.previous_secret.as_ref().filter(|_| org.secret.is_none());
        Self {
            secret: org.secret.as_ref().or(self.secret.as_ref()).cloned(),
            previous_secret: org.previous_secret.as_ref().or(previous).cloned(),
            public_url: org.public_url.as_ref().or(self.public_url.as_ref()).cloned(),
            ..self.clone()
        }
    }
}
