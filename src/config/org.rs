//! The orgs and their credentials, chosen from the layers of the configuration.

use std::path::Path;
use std::path::PathBuf;

use super::credentials::{DpopSetting, Parts, Service, Way, scopes, sources, words};
use super::error::{ConfigError, shown};
use super::hook::{self, OrgHook};
use super::proxy::{self, ProxySetting};
use super::schema;
use super::sdk;
use crate::consent::{OrgName, visible};
use crate::secret::{SecretSource, looks_secret, open_to_others};

/// An org that this run works on, and how to reach it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Org {
    /// The name that the file gives it.
    pub name: Option<OrgName>,
    /// The org's URL as it was written.
    pub url: String,
    /// Where the URL comes from: `flag`, `environment`, `file` or the path of the SDKs' `okta.yaml`.
    pub url_from: String,
    /// Its place in [`Config::listed`](super::Config::listed), or `None` if the file does not list it.
    pub place: Option<usize>,
    /// The credentials.
    pub way: Option<Way>,
    /// A file with certificates of an additional certificate authority.
    pub ca_file: Option<PathBuf>,
    /// What this org sets for its event hook. [`Hook::of`](super::Hook::of) adds the defaults.
    pub hook: OrgHook,
    /// The custom authorization server to probe: `default`, an id or an issuer.
    pub authorization_server: String,
}

/// An org that the configuration file lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedOrg {
    /// Its name.
    pub name: Option<OrgName>,
    /// Its URL as it was written.
    pub url: String,
    /// The line of its `[[org]]`, from 1, or `None` if the table is `[org]`.
    pub line: Option<usize>,
}

impl ListedOrg {
    /// Returns what messages call it: its name, or its URL without secrets if it has none.
    pub fn label(&self) -> String {
        label(self.name.as_ref(), &self.url)
    }
}

fn label(name: Option<&OrgName>, url: &str) -> String {
    name.map_or_else(|| shown_url(url), |name| name.as_str().to_owned())
}

/// Returns the URL of an org without secrets. Text before an `@` may be a password and is left out. Text that does not look like a
/// host may be a token and is hidden.
pub fn shown_url(url: &str) -> String {
    let (scheme, rest) =
        url.find("://").map_or(("", url), |at| url.split_at_checked(at + 3).unwrap_or(("", url)));
    let url = match rest.rsplit_once('@') {
        Some((_, rest)) => format!("{scheme}hidden@{rest}"),
        None => url.to_owned(),
    };
    let has_host = url.contains(['.', ':']) || url.contains("localhost");
    if !has_host || url.split(['/', ':', '.', '?', '#', '@']).any(looks_secret) {
        return "(hidden: not in the form of a URL)".to_owned();
    }
    visible(&url).into_owned()
}

/// Where the orgs may come from.
pub(super) struct Inputs<'a> {
    /// The values of `--org`.
    pub(super) flags: &'a [String],
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
    pub(super) file: &'a schema::Orgs,
    /// The name of the file and its text, for errors.
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    /// The folder that paths in the file are relative to.
    pub(super) base: &'a Path,
    pub(super) sdk: Option<&'a Path>,
    /// The authorization server of an org that names none.
    pub(super) server: &'a str,
}

/// The orgs and what they share.
pub(super) struct Found {
    pub(super) orgs: Vec<Org>,
    pub(super) listed: Vec<ListedOrg>,
    pub(super) proxy: Option<ProxySetting>,
    pub(super) no_proxy: Option<String>,
}

/// The org and the credentials from one layer of the configuration.
struct Layer {
    name: String,
    url: Option<String>,
    way: Option<Way>,
}

impl Layer {
    fn has_host(&self, host: &str) -> bool {
        self.url.as_deref().is_some_and(|url| host_of(url) == host)
    }
}

/// A table `[org]` or `[[org]]` of the file.
struct Table {
    line: Option<usize>,
    name: Option<OrgName>,
    layer: Layer,
    ca_file: Option<PathBuf>,
    hook: OrgHook,
    server: Option<String>,
}

impl Table {
    fn label(&self) -> Option<String> {
        self.layer.url.as_deref().map(|url| label(self.name.as_ref(), url))
    }
}

/// An org to work on.
struct Target {
    host: String,
    url: String,
    url_from: String,
    /// The place of its table in the file.
    place: Option<usize>,
}

/// The layers that have credentials, from the highest: the environment, the file, and the SDKs' `okta.yaml`. The flag
/// has only a URL.
struct Layers {
    env: Layer,
    tables: Vec<Table>,
    sdk: Option<Layer>,
}

impl Layers {
    fn target(&self, url: &str, url_from: &str) -> Target {
        let host = host_of(url);
        let place = self.tables.iter().position(|table| table.layer.has_host(&host));
        Target { host, url: url.to_owned(), url_from: url_from.to_owned(), place }
    }

    /// Returns the orgs that the flags, the environment or the file name. Those of the file are in its order.
    ///
    /// # Errors
    /// A flag has a name that the file does not have, or names an org that the file does not list beside others.
    fn targets(&self, flags: &[String]) -> Result<Vec<Target>, ConfigError> {
        if let (true, Some(url)) = (flags.is_empty(), &self.env.url) {
            return Ok(vec![self.target(url, &self.env.name)]);
        }
        let mut targets: Vec<Target> = Vec::new();
        if flags.is_empty() {
            let urls = self.tables.iter().filter_map(|table| table.layer.url.as_deref());
            targets.extend(urls.map(|url| self.target(url, "file")));
        }
        for text in flags {
            let target = match OrgName::parse(text) {
                Ok(name) => self.target(self.url_of(&name)?, "file"),
                Err(_) => self.target(text, "flag"),
            };
            // A host without a scheme is that of the listed org, whatever its scheme.
            let listed =
                target.place.and_then(|place| self.tables.get(place)).filter(|_| !text.contains("://"));
            let target = match listed.and_then(|table| table.layer.url.as_deref()) {
                Some(url) => self.target(url, "file"),
                None => target,
            };
            if targets.iter().all(|known| known.host != target.host) {
                targets.push(target);
            }
        }
        let foreign = targets.iter().find(|target| target.place.is_none());
        if let Some(foreign) = foreign.filter(|_| targets.len() > 1) {
            return Err(ConfigError(format!(
                "--org: {} is not an org of the configuration, and has a journal of its own, so it cannot be watched \
                 beside others. Nothing was started. List it in the configuration, or name it alone.",
                shown_url(&foreign.url)
            )));
        }
        targets.sort_by_key(|target| target.place);
        Ok(targets)
    }

    /// Returns the URL of the org with this name.
    fn url_of(&self, name: &OrgName) -> Result<&str, ConfigError> {
        let table = self.tables.iter().find(|table| table.name.as_ref() == Some(name));
        table.and_then(|table| table.layer.url.as_deref()).ok_or_else(|| {
            let known: Vec<String> = self.tables.iter().filter_map(Table::label).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            ConfigError(format!(
                "--org: no org of the configuration has the name \"{}\". Known: {known}. Nothing was started. Take one of \
                 these, or a URL such as https://example.okta.com.",
                name.as_str()
            ))
        })
    }

    /// Returns the highest layer that names the host of an org and has credentials.
    fn own(&self, target: &Target) -> Option<&Layer> {
        let table = target.place.and_then(|place| self.tables.get(place)).map(|table| &table.layer);
        let mut all = std::iter::once(&self.env).chain(table).chain(&self.sdk);
        all.find(|layer| layer.has_host(&target.host) && layer.way.is_some())
    }

    /// Returns the highest layer with credentials that may not be used for an org, though they look meant for it. A
    /// table of the file is meant for another org if this one has a table too.
    fn other(&self, target: &Target) -> Option<&Layer> {
        let tables = self.tables.iter().filter(|_| target.place.is_none()).map(|table| &table.layer);
        let mut all = std::iter::once(&self.env).chain(tables).chain(&self.sdk);
        all.find(|layer| layer.way.is_some())
    }

    /// Makes the org of a target. `server` is the authorization server of an org that names none.
    ///
    /// # Errors
    /// There are credentials, and all of them belong to another org.
    fn org(&self, target: Target, server: &str) -> Result<Org, ConfigError> {
        let own = self.own(&target);
        if let (None, Some(other)) = (own, self.other(&target)) {
            let table =
                target.place.filter(|_| self.tables.len() > 1).and_then(|place| self.tables.get(place));
            let label = table.and_then(Table::label).map_or(String::new(), |label| format!(" {label}"));
            return Err(ConfigError(format!(
                "The org{label} comes from the {}, the credentials from the {}, and those belong to another org. Nothing \
                 was started, no token was sent. Set both in one place.",
                target.url_from, other.name
            )));
        }
        let only = self.tables.first().filter(|_| self.tables.len() == 1);
        let table = match target.place {
            Some(place) => self.tables.get(place),
            // A table without a URL is for the org that another layer names.
            None => only.filter(|table| table.layer.url.is_none()),
        };
        Ok(Org {
            name: table.and_then(|table| table.name.clone()),
            url: target.url,
            url_from: target.url_from,
            place: target.place,
            way: own.and_then(|layer| layer.way.clone()),
            ca_file: table.or(only).and_then(|table| table.ca_file.clone()),
            hook: table.map(|table| table.hook.clone()).unwrap_or_default(),
            authorization_server: table
                .and_then(|table| table.server.as_deref())
                .unwrap_or(server)
                .to_owned(),
        })
    }

    /// Returns a warning if the environment names one org and the file lists others beside it. A variable that is left
    /// over from an SDK would otherwise silently end the watch over them.
    fn left_out(&self, flags: &[String], targets: &[Target]) -> Option<String> {
        if !flags.is_empty() || self.env.url.is_none() || self.tables.len() < 2 {
            return None;
        }
        let is_chosen = |place: usize| targets.iter().any(|target| target.place == Some(place));
        let others = self.tables.iter().enumerate().filter(|(place, _)| !is_chosen(*place));
        let others: Vec<String> = others.filter_map(|(_, table)| table.label()).collect();
        Some(format!(
            "OKTA_CLIENT_ORGURL names one org, so other orgs of the configuration are left out: {}. Unset the variable to \
             watch all.",
            others.join(", ")
        ))
    }
}

impl Inputs<'_> {
    /// Resolves the orgs. The layers of each are, from the highest: the flag, the environment, its table in the file,
    /// and the SDKs' `okta.yaml`. The highest layer that names an org decides which orgs there are.
    ///
    /// Credentials are taken from the layer that names the org, or from a lower layer that names the same host.
    /// `okta.yaml` is read only if the layers above it yield no org or no credentials, or if the environment names no
    /// proxy.
    pub(super) fn orgs(self, warnings: &mut Vec<String>) -> Result<Found, ConfigError> {
        let mut proxy = proxy::of_environment(self.env);
        let no_proxy =
            ["NO_PROXY", "no_proxy"].iter().find_map(|name| (self.env)(name).filter(|text| !text.is_empty()));
        let mut layers = Layers { env: of_environment(self.env)?, tables: self.tables()?, sdk: None };
        let mut targets = layers.targets(self.flags)?;
        let needs_sdk = targets.is_empty() || targets.iter().any(|target| layers.own(target).is_none());
        if let Some(path) = self.sdk.filter(|path| path.is_file()) {
            let mut holds_secret = false;
            if needs_sdk {
                let sdk = sdk::read(path)?;
                holds_secret = sdk.way.is_some();
                proxy = proxy.or(sdk.proxy);
                if let Some(url) = sdk.url.as_deref().filter(|_| targets.is_empty()) {
                    targets.push(layers.target(url, &shown(path)));
                }
                layers.sdk = Some(Layer { name: shown(path), url: sdk.url, way: sdk.way });
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
            if holds_secret
                || proxy.as_ref().is_some_and(|proxy| proxy.from == shown(path) && proxy.has_name())
            {
                warnings.extend(open_to_others("file with credentials", path));
            }
        }
        warnings.extend(layers.left_out(self.flags, &targets));
        let orgs =
            targets.into_iter().map(|target| layers.org(target, self.server)).collect::<Result<_, _>>()?;
        let listed = layers.tables.into_iter().filter_map(|table| {
            table.layer.url.map(|url| ListedOrg { name: table.name, url, line: table.line })
        });
        Ok(Found { orgs, listed: listed.collect(), proxy, no_proxy })
    }

    /// Reads the tables of the file.
    ///
    /// # Errors
    /// A value is invalid, an org that needs a URL has none, or two have one name or host.
    fn tables(&self) -> Result<Vec<Table>, ConfigError> {
        let mut tables: Vec<Table> = Vec::new();
        for table in &self.file.0 {
            let line = table.at.map(|at| schema::line_of(self.text, at));
            let section = &table.settings;
            let name = section.name.as_deref().map(|name| (OrgName::parse(name), looks_secret(name)));
            let known = name.as_ref().and_then(|(name, is_secret)| name.as_ref().ok().filter(|_| !is_secret));
            // `[org]` is the only one, so its name would say nothing.
            let called = section.url.as_deref().filter(|_| line.is_some()).map(|url| label(known, url));
            let bad = |key: &str, what: &str| {
                ConfigError::of_org(self.name, line, called.as_deref(), Some(key), what)
            };
            let name = match name {
                Some((_, true)) => return Err(bad("org.name", "it looks like a secret")),
                Some((name, false)) => Some(name.map_err(|error| bad("org.name", &error.to_string()))?),
                None => None,
            };
            if section.url.is_none() && (name.is_some() || self.file.0.len() > 1) {
                return Err(bad("org.url", "it is missing"));
            }
            let host = section.url.as_deref().map(host_of);
            for other in &tables {
                let what = || format!("the org of line {} has the same", other.line.unwrap_or_default());
                if name.is_some() && name == other.name {
                    return Err(bad("org.name", &what()));
                }
                if host.as_deref().is_some_and(|host| other.layer.has_host(host)) {
                    return Err(bad("org.url", &what()));
                }
            }
            let ca_file = section.ca_file.as_ref().filter(|path| !path.as_os_str().is_empty());
            tables.push(Table {
                line,
                name,
                layer: Layer {
                    name: "file".to_owned(),
                    url: section.url.clone(),
                    way: of_file(section, self.base, &bad)?,
                },
                ca_file: ca_file.map(|path| self.base.join(path)),
                hook: hook::of_org(&section.hook, self.base, &bad)?,
                server: section.authorization_server.clone(),
            });
        }
        Ok(tables)
    }
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

/// Reads the credentials that a table of the configuration file names.
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
