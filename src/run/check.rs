//! Checks a configuration and turns it into the plans for a feed or for `doctor`.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{DoctorPlan, FeedPlan, Probing};
use crate::config::{self, Config, Org, ProxySetting, Way};
use crate::consent::{Topic, visible};
use crate::intake::hook::{Ceiling, HookPlan, Tls};
use crate::intake::http::{self, Route};
use crate::journal::Settings;
use crate::okta::hook_delivery::{Secrets, SecretsError};
use crate::okta::{Credentials, CredentialsError, Dpop, KeyError, OrgUrl, PollPlan, ServiceApp, SigningKey};
use crate::safe_file::FolderRights;
use crate::secret::{Secret, SecretError, SecretSource, open_to_others};

/// The checked org and data folder of a configuration.
#[derive(Debug)]
pub struct Ready {
    /// The org.
    pub org: OrgUrl,
    /// What was corrected in the org's URL, as a sentence, or `None` if nothing was.
    pub note: Option<String>,
    /// The folder of the org's journal.
    pub dir: PathBuf,
    /// Warnings about the files in use, one sentence each.
    pub warnings: Vec<String>,
}

const HOW: &str = "Run consentwatch config init for a file to fill in, or set OKTA_CLIENT_ORGURL and \
                   OKTA_CLIENT_TOKEN. consentwatch demo needs neither.";

/// Checks the org and its data folder, and collects warnings about files that other accounts can use.
///
/// # Errors
/// Returns a sentence that says what is missing or wrong, and what to do.
pub fn ready(config: &Config) -> Result<Ready, String> {
    let url = config
        .org
        .url
        .as_deref()
        .ok_or_else(|| format!("No org is configured. Nothing was started. {HOW}"))?;
    let (org, note) = OrgUrl::parse(url).map_err(|error| {
        let shown = config.org.shown_url().unwrap_or_default();
        format!(
            "The org URL \"{shown}\" (from the {}) cannot be used: {error} Nothing was started.",
            config.org.url_from
        )
    })?;
    let data = config
        .data_dir
        .as_ref()
        .ok_or("No data folder is known. Nothing was started. Name one with --data-dir.")?;
    let dir = data.join(org.folder());
    let mut warnings = config.warnings.clone();
    for folder in [data, &dir] {
        warnings.extend(folder_warning(folder, config.allow_shared_data_dir)?);
    }
    warnings.extend(secret_warnings(config));
    Ok(Ready { org, note, dir, warnings })
}

/// Returns a warning if the group may change files in a data folder, or `None` if the folder is private.
///
/// # Errors
/// Returns a sentence if another account owns the folder or every account may write in it, unless
/// `is_shared_on_purpose` allows that. Then it is a warning.
fn folder_warning(folder: &Path, is_shared_on_purpose: bool) -> Result<Option<String>, String> {
    let shown = visible(&folder.to_string_lossy()).into_owned();
    // A missing folder is created private later. If the folder cannot be examined, opening the journal reports why.
    let Some(rights) = FolderRights::of(folder).ok().flatten() else { return Ok(None) };
    let mode = rights.mode & 0o777;
    let (what, remedy) = if rights.is_foreign() {
        let what = format!(
            "The data folder {shown} belongs to another account (uid {}), which can replace any file in it.",
            rights.owner
        );
        (what, "Change its owner to this account with chown")
    } else if rights.is_world_writable() {
        let what = format!(
            "Every account may write in the data folder {shown} (mode {mode:03o}), and can replace files in it."
        );
        (what, "Run chmod 700 on it")
    } else if rights.is_group_writable() {
        return Ok(Some(format!(
            "The group of the data folder {shown} may write in it (mode {mode:03o}), and can replace files in it. It is used \
             anyway. Run chmod g-w on it if no other account needs that."
        )));
    } else {
        return Ok(None);
    };
    if is_shared_on_purpose {
        return Ok(Some(format!(
            "{what} It is used because of --allow-shared-data-dir. {remedy} if that is not intended."
        )));
    }
    Err(format!(
        "{what} Nothing was started. {remedy}, name another folder with --data-dir, or accept it with \
         --allow-shared-data-dir."
    ))
}

/// Returns a warning for each file with a secret that other accounts may read or change.
fn secret_warnings(config: &Config) -> Vec<String> {
    let hook = Some(&config.hook).filter(|hook| hook.enabled);
    let sources = [
        config.org.way.as_ref().map(Way::source),
        hook.and_then(|hook| hook.secret.as_ref()),
        hook.and_then(|hook| hook.previous_secret.as_ref()),
    ];
    let tls_key = hook.and_then(|hook| hook.tls.as_ref());
    let mut warnings: Vec<String> = sources.into_iter().flatten().filter_map(SecretSource::warning).collect();
    warnings.extend(tls_key.and_then(|(_, key)| open_to_others("private key of the listener", key)));
    warnings
}

/// Returns the sentence for a secret that cannot be read. `command` is the configuration key that reads it from a
/// command.
fn unreadable(what: &str, source: &SecretSource, error: &SecretError, command: &str, remedy: &str) -> String {
    let pipe = if error.is_pipe() {
        format!(" To read it from a pipe, name the command that writes it in {command}.")
    } else {
        String::new()
    };
    format!("{what} cannot be read from {source}: {error}. Nothing was started.{pipe} {remedy}")
}

/// Reads the credentials of the configured way to sign in.
fn read(way: &Way) -> Result<Credentials, String> {
    let source = way.source();
    let (what, command) = match way {
        Way::Token(_) => ("The API token", "org.token_command"),
        Way::Service(_) => ("The private key", "org.oauth.private_key_command"),
    };
    let secret = source
        .read()
        .map_err(|error| unreadable(what, source, &error, command, "Fix it, then start again."))?;
    credentials(way, &secret).map_err(|error| {
        let file = match (&error, source) {
            (CredentialsError::Key(KeyError::Form), SecretSource::Direct(_)) => {
                ", and is not the path of a file"
            }
            _ => "",
        };
        format!("{error} It came from {source}{file}. Nothing was started, nothing was sent.")
    })
}

/// Reads the CA file and the proxy through which the org is reached.
fn route(config: &Config, org: &OrgUrl) -> Result<Route, String> {
    let Org { ca_file, proxy, no_proxy, .. } = &config.org;
    let except = no_proxy.as_deref();
    let setting = proxy.as_ref().filter(|_| !http::is_direct(org, except));
    let url = setting.map(ProxySetting::read).transpose().map_err(|error| error.to_string())?;
    Route::new(org, ca_file.as_deref(), url.as_ref().map(|proxy| &proxy.url), except).map_err(|error| {
        format!("The org cannot be reached: {error}. Nothing was started. Fix org.ca_file or the proxy, or remove the \
                 setting.")
    })
}

impl Ready {
    /// Reads the credentials, if any are configured, and returns the plan for `doctor`.
    ///
    /// # Errors
    /// Returns a sentence that says which credentials cannot be read, and why. It never contains a secret.
    pub fn doctor(self, config: &Config, is_json: bool, jitter_seed: u64) -> Result<DoctorPlan, String> {
        let route = route(config, &self.org)?;
        Ok(DoctorPlan {
            org: self.org,
            dir: self.dir,
            credentials: config.org.way.as_ref().map_or(Ok(Credentials::None), read)?,
            route,
            server: config.readiness.authorization_server.clone(),
            hook_enabled: config.hook.enabled,
            public_url: config.hook.public_url.clone(),
            rate_share: config.poll.rate_share,
            interval: config.poll.interval,
            jitter_seed,
            is_json,
        })
    }

    /// Reads the credentials and returns the plan for polling.
    ///
    /// # Errors
    /// Returns a sentence that says which credentials cannot be read, and why. It never contains a secret.
    pub fn plan(
        self,
        config: &Config,
        since: Option<Timestamp>,
        jitter_seed: u64,
    ) -> Result<FeedPlan, String> {
        let Some(way) = &config.org.way else {
            return Err(format!("The org has no credentials. Nothing was started. {HOW}"));
        };
        let source = way.source();
        let route = route(config, &self.org)?;
        let credentials = read(way)?;
        let poll = PollPlan {
            org: self.org,
            kinds: config.poll.events.clone(),
            topics: topics(config.hook.enabled),
            interval: config.poll.interval,
            lookback: config.poll.lookback,
            page_size: config.poll.page_size,
            rate_share: config.poll.rate_share,
            since,
            to_its_start: false,
            jitter_seed,
        };
        Ok(FeedPlan {
            dir: self.dir,
            keep: Settings {
                keep_days: config.journal.keep_days,
                keep_rows: config.journal.keep_rows,
                ..Settings::default()
            },
            poll,
            names: config.poll.names,
            credentials,
            renew: Some(source.clone()),
            route,
            warnings: self.warnings,
            hook: hook(&config.hook)?,
            is_hook_left_out: false,
            readiness: Some(Probing {
                server: config.readiness.authorization_server.clone(),
                public_url: config.hook.public_url.clone(),
                interval: config.readiness.interval,
            }),
        })
    }
}

/// Returns the event types that are polled as evidence. They depend on the configuration alone: a bookmark belongs to
/// one query, so a query that changed from start to start would lose its place each time.
fn topics(has_hook: bool) -> Vec<Topic> {
    Topic::ALL.into_iter().filter(|topic| has_hook || *topic != Topic::Delivery).collect()
}

/// Reads the secrets and the TLS files of the hook's listener. Returns `None` if the hook is off or has no secret.
fn hook(config: &config::Hook) -> Result<Option<HookPlan>, String> {
    let Some(source) = config.secret.as_ref().filter(|_| config.enabled) else { return Ok(None) };
    let read = |source: &SecretSource, command: &str| {
        source.read().map_err(|error| {
            let remedy = "Fix it, or set hook.enabled = false.";
            unreadable("The hook's secret", source, &error, command, remedy)
        })
    };
    let secret = read(source, "hook.secret_command")?;
    let previous = config.previous_secret.as_ref();
    let previous = previous.map(|source| read(source, "hook.previous_secret_command")).transpose()?;
    let unusable = |key: &str, source: &SecretSource, error: SecretsError| {
        format!(
            "The hook's secret of hook.{key}, from {source}, cannot be used: {error}. Nothing was started. Okta must \
             send the same secret as the whole value of Authorization."
        )
    };
    let mut secrets = Secrets::new(&secret, None).map_err(|error| unusable("secret_*", source, error))?;
    if let (Some(source), Some(previous)) = (&config.previous_secret, &previous) {
        secrets = Secrets::new(&secret, Some(previous))
            .map_err(|error| unusable("previous_secret_*", source, error))?;
    }
    let tls = config.tls.as_ref().map(|(certificate, key)| Tls::read(certificate, key)).transpose().map_err(
        |error| {
            format!(
                "The hook's TLS cannot be set up: {error}. Nothing was started. Fix hook.tls_cert and \
                     hook.tls_key."
            )
        },
    )?;
    Ok(Some(HookPlan {
        listen: config.listen,
        path: config.path.clone(),
        secrets,
        tls,
        ceiling: Ceiling::default(),
    }))
}

fn credentials(way: &Way, secret: &Secret) -> Result<Credentials, CredentialsError> {
    let service = match way {
        Way::Token(_) => return Credentials::ssws(secret),
        Way::Service(service) => service,
    };
    Ok(Credentials::Service(ServiceApp {
        client_id: service.client_id.clone(),
        key: SigningKey::read(secret, service.key_id.as_deref())?,
        key_id: service.key_id.clone(),
        scopes: service.scopes.clone(),
        dpop: match service.dpop {
            config::DpopSetting::Auto => Dpop::Auto,
            config::DpopSetting::Always => Dpop::Always,
            config::DpopSetting::Never => Dpop::Never,
        },
    }))
}
