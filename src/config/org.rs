//! The org and its credentials, chosen from the layers of the configuration.

use std::path::Path;
use std::path::PathBuf;

use super::credentials::{DpopSetting, Parts, Service, Way, scopes, sources, words};
use super::error::{ConfigError, shown};
use super::proxy::{self, ProxySetting};
use super::schema;
use super::sdk;
use crate::secret::{SecretSource, looks_secret, open_to_others};

/// The org and how to reach it.
#[derive(Clone, Debug, Default)]
pub struct Org {
    /// The org's URL as it was written.
    pub url: Option<String>,
    /// Where the URL comes from: `flag`, `environment`, `file` or the path of the SDKs' `okta.yaml`.
    pub url_from: String,
    /// The credentials.
    pub way: Option<Way>,
    /// A file with certificates of an additional certificate authority.
    pub ca_file: Option<PathBuf>,
    /// The proxy, as it was written.
    pub proxy: Option<ProxySetting>,
    /// The hosts that are reached without the proxy, as `NO_PROXY` lists them.
    pub no_proxy: Option<String>,
}

impl Org {
    /// Returns the URL without secrets. Text before an `@` may be a password and is left out. Text that does not look
    /// like a host may be a token and is hidden.
    pub fn shown_url(&self) -> Option<String> {
        let url = self.url.as_deref()?;
        let (scheme, rest) =
            url.find("://").map_or(("", url), |at| url.split_at_checked(at + 3).unwrap_or(("", url)));
        let url = match rest.rsplit_once('@') {
            Some((_, rest)) => format!("{scheme}hidden@{rest}"),
            None => url.to_owned(),
        };
        let has_host = url.contains(['.', ':']) || url.contains("localhost");
        if !has_host || url.split(['/', ':', '.', '?', '#', '@']).any(looks_secret) {
            return Some("(hidden: not in the form of a URL)".to_owned());
        }
        Some(crate::consent::visible(&url).into_owned())
    }
}

/// The org and the credentials from one layer of the configuration.
struct Layer {
    name: String,
    url: Option<String>,
    way: Option<Way>,
}

/// Resolves the org. The layers are, from the highest: the flag, the environment, the file, and the SDKs' `okta.yaml`.
///
/// Credentials are taken from the layer that names the org, or from a lower layer that names the same host. `okta.yaml`
/// is read only if the layers above it yield no org or no credentials, or if the environment names no proxy.
pub(super) fn org(
    flag: Option<&str>,
    env: &dyn Fn(&str) -> Option<String>,
    file: &schema::Org,
    base: &Path,
    sdk: Option<&Path>,
    bad: &dyn Fn(&str, &str) -> ConfigError,
    warnings: &mut Vec<String>,
) -> Result<Org, ConfigError> {
    let ca_file =
        file.ca_file.as_ref().filter(|path| !path.as_os_str().is_empty()).map(|path| base.join(path));
    let mut proxy = proxy::of_environment(env);
    let no_proxy = ["NO_PROXY", "no_proxy"].iter().find_map(|name| env(name).filter(|text| !text.is_empty()));
    let mut layers = vec![
        Layer { name: "flag".to_owned(), url: flag.map(str::to_owned), way: None },
        of_environment(env)?,
        Layer { name: "file".to_owned(), url: file.url.clone(), way: of_file(file, base, bad)? },
    ];
    let mut found = choose(&layers);
    let needs_sdk = found.is_none_or(|(_, own)| own.is_none());
    if let Some(path) = sdk.filter(|path| path.is_file()) {
        let mut holds_secret = false;
        if needs_sdk {
            let sdk = sdk::read(path)?;
            holds_secret = sdk.way.is_some();
            proxy = proxy.or(sdk.proxy);
            layers.push(Layer { name: shown(path), url: sdk.url, way: sdk.way });
            found = choose(&layers);
        } else if proxy.is_none() {
            match sdk::proxy(path) {
                Ok(named) => proxy = named,
                // Only the proxy was needed from this file, so this is a warning and not an error.
                Err(why) => warnings.push(format!(
                    "{} cannot be read: {why}. If it names a proxy, requests go out without that proxy. Fix the file, or \
                     name the proxy in HTTPS_PROXY.",
                    shown(path)
                )),
            }
        }
        if holds_secret || proxy.as_ref().is_some_and(|proxy| proxy.from == shown(path) && proxy.has_name()) {
            warnings.extend(open_to_others("file with credentials", path));
        }
    }
    let Some((chosen, own)) = found else { return Ok(Org { ca_file, proxy, no_proxy, ..Org::default() }) };
    if own.is_none()
        && let Some(other) = layers.iter().find(|layer| layer.way.is_some())
    {
        return Err(ConfigError(format!(
            "The org comes from the {}, the credentials from the {}, and those belong to another org. Nothing was \
             started, no token was sent. Set both in one place.",
            chosen.name, other.name
        )));
    }
    Ok(Org {
        url: chosen.url.clone(),
        url_from: chosen.name.clone(),
        way: own.and_then(|layer| layer.way.clone()),
        ca_file,
        proxy,
        no_proxy,
    })
}

/// Returns the highest layer that names an org, and the layer whose credentials may be used for that org, if any.
fn choose(layers: &[Layer]) -> Option<(&Layer, Option<&Layer>)> {
    let index = layers.iter().position(|layer| layer.url.is_some())?;
    let chosen = &layers[index];
    let host = chosen.url.as_deref().map(host_of);
    let own = std::iter::once(chosen)
        .chain(layers[index + 1..].iter().filter(|layer| layer.url.as_deref().map(host_of) == host))
        .find(|layer| layer.way.is_some());
    Some((chosen, own))
}

/// Reads the environment variables of Okta's SDKs.
fn of_environment(env: &dyn Fn(&str) -> Option<String>) -> Result<Layer, ConfigError> {
    let text = |name: &str| env(name).filter(|text| !text.is_empty());
    let parts = Parts {
        token: text("OKTA_CLIENT_TOKEN"),
        mode: text("OKTA_CLIENT_AUTHORIZATIONMODE"),
        client_id: text("OKTA_CLIENT_CLIENTID"),
        private_key: text("OKTA_CLIENT_PRIVATEKEY"),
        key_id: text("OKTA_CLIENT_PRIVATEKEYID"),
        scopes: text("OKTA_CLIENT_SCOPES").map(|text| words(&text)).unwrap_or_default(),
    };
    let way = parts.way(|what| {
        ConfigError(format!(
            "OKTA_CLIENT_CLIENTID names a service app: {what}. Nothing was started. Set OKTA_CLIENT_PRIVATEKEY, and \
             OKTA_CLIENT_PRIVATEKEYID beside a PEM key."
        ))
    })?;
    Ok(Layer { name: "environment".to_owned(), url: text("OKTA_CLIENT_ORGURL"), way })
}

/// Reads the credentials that the configuration file names.
fn of_file(
    file: &schema::Org,
    base: &Path,
    bad: &dyn Fn(&str, &str) -> ConfigError,
) -> Result<Option<Way>, ConfigError> {
    let token = sources(base, file.token_file.as_ref(), file.token_env.as_ref(), file.token_command.as_ref());
    if token.len() + usize::from(file.oauth.is_some()) > 1 {
        return Err(bad("org", "set exactly one of token_file, token_env, token_command and [org.oauth]"));
    }
    let Some(oauth) = &file.oauth else { return Ok(token.into_iter().next().map(Way::Token)) };
    let client_id = oauth.client_id.clone().filter(|id| !id.is_empty());
    let client_id = client_id.ok_or_else(|| bad("org.oauth.client_id", "it is missing"))?;
    let key = sources(
        base,
        oauth.private_key_file.as_ref(),
        oauth.private_key_env.as_ref(),
        oauth.private_key_command.as_ref(),
    );
    let [private_key] = <[SecretSource; 1]>::try_from(key).map_err(|_| {
        bad("org.oauth", "set exactly one of private_key_file, private_key_env and private_key_command")
    })?;
    Ok(Some(Way::Service(Service {
        client_id,
        private_key,
        key_id: oauth.key_id.clone().filter(|id| !id.is_empty()),
        scopes: scopes(oauth.scopes.clone().unwrap_or_default()),
        dpop: oauth.dpop.unwrap_or(DpopSetting::Auto),
    })))
}

/// Returns the host and port of a URL in lower case, for comparison. `OrgUrl` validates the URL later.
fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest).trim();
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase()
}
