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
    /// The whole value of the `Authorization` header, as it is configured in Okta. Always set if `enabled`.
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

/// The environment variable for the secret. It takes precedence over the file.
const SECRET: &str = "CONSENTWATCH_HOOK_SECRET";
/// The paths of the listener's own health checks.
const TAKEN: [&str; 2] = ["/healthz", "/readyz"];
const PATH_MAX: usize = 256;

/// Resolves the section and applies defaults.
///
/// # Errors
/// A value is invalid, or the listener is enabled and would not be safe.
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
    let one = |key: &str, mut found: Vec<SecretSource>| match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(bad(
            &format!("hook.{key}_file"),
            &format!("set at most one of {key}_file, {key}_env, {key}_command"),
        )),
    };
    let own = sources(
        base,
        section.secret_file.as_ref(),
        section.secret_env.as_ref(),
        section.secret_command.as_ref(),
    );
    let previous = sources(
        base,
        section.previous_secret_file.as_ref().filter(|path| !path.as_os_str().is_empty()),
        section.previous_secret_env.as_ref(),
        section.previous_secret_command.as_ref(),
    );
    let own = one("secret", own)?;
    let from_env = env(SECRET).filter(|text| !text.is_empty());
    let secret = from_env.map(|text| SecretSource::Direct(Secret::new(text))).or(own);
    let file = |path: &Option<PathBuf>| {
        path.as_ref().filter(|path| !path.as_os_str().is_empty()).map(|path| base.join(path))
    };
    let tls = match (file(&section.tls_cert), file(&section.tls_key)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(bad("hook.tls_cert", "set both tls_cert and tls_key, or neither")),
    };
    let hook = Hook {
        enabled: section.enabled.unwrap_or(false),
        listen,
        path,
        secret,
        previous_secret: one("previous_secret", previous)?,
        tls,
        behind_proxy: section.behind_proxy.unwrap_or(false),
        public_url: section.public_url.clone().filter(|url| !url.is_empty()),
    };
    hook.check(bad)?;
    Ok(hook)
}

impl Hook {
    /// Refuses an enabled listener that would not be safe. Each request carries the secret, so TLS is required unless
    /// the listener is on loopback.
    fn check(&self, bad: &dyn Fn(&str, &str) -> ConfigError) -> Result<(), ConfigError> {
        if !self.enabled {
            return Ok(());
        }
        if self.secret.is_none() {
            let what = "the listener needs a secret: set secret_file, secret_env or secret_command, or the variable \
                        CONSENTWATCH_HOOK_SECRET";
            return Err(bad("hook.secret_file", what));
        }
        if !self.listen.ip().is_loopback() && self.tls.is_none() && !self.behind_proxy {
            let what = "beyond loopback it needs tls_cert and tls_key, or behind_proxy = true if a proxy in front \
                        terminates TLS";
            return Err(bad("hook.listen", what));
        }
        Ok(())
    }
}
