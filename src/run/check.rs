//! From a configuration to what a feed needs, or to the sentence that says what is missing.

use std::path::PathBuf;

use jiff::Timestamp;

use super::{DoctorPlan, FeedPlan, Probing};
use crate::config::{self, Config, Way};
use crate::consent::Topic;
use crate::intake::hook::{HookPlan, Tls};
use crate::journal::Settings;
use crate::okta::hook::Secrets;
use crate::okta::{Credentials, CredentialsError, Dpop, KeyError, OrgUrl, PollPlan, ServiceApp, SigningKey};
use crate::secret::{Secret, SecretSource};

/// A configuration that other rooms have found good as well.
#[derive(Debug)]
pub struct Ready {
    /// The org.
    pub org: OrgUrl,
    /// What was corrected in its URL.
    pub note: Option<String>,
    /// The folder of its journal.
    pub dir: PathBuf,
}

const HOW: &str = "consentwatch demo needs neither; consentwatch config init writes a file to fill in; or set \
                   OKTA_CLIENT_ORGURL and OKTA_CLIENT_TOKEN.";

/// Checks the org and finds the folder of its journal.
///
/// # Errors
/// A sentence: what is missing or wrong, and what to do.
pub fn ready(config: &Config) -> Result<Ready, String> {
    let url =
        config.org.url.as_deref().ok_or_else(|| format!("No org is named. Nothing was started. {HOW}"))?;
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
        .ok_or("No folder for data is known. Nothing was started. Give --data-dir.")?;
    let dir = data.join(org.folder());
    Ok(Ready { org, note, dir })
}

/// Reads what a way in is.
fn read(way: &Way) -> Result<Credentials, String> {
    let source = way.source();
    let what = match way {
        Way::Token(_) => "API token",
        Way::Service(_) => "private key",
    };
    let secret = source.read().map_err(|error| {
        format!(
            "The {what} cannot be had from {source}: {error}. Nothing was started. Mend it, then start again."
        )
    })?;
    credentials(way, &secret).map_err(|error| {
        let file = match (&error, source) {
            (CredentialsError::Key(KeyError::Form), SecretSource::Direct(_)) => ", and names no file",
            _ => "",
        };
        format!("{error} It came from {source}{file}. Nothing was started, nothing was sent.")
    })
}

impl Ready {
    /// Reads the credentials, which may be none, and lays out what `doctor` looks at.
    ///
    /// # Errors
    /// A sentence: which credentials cannot be had, and why. Never any of them.
    pub fn doctor(self, config: &Config, is_json: bool, jitter_seed: u64) -> Result<DoctorPlan, String> {
        Ok(DoctorPlan {
            org: self.org,
            dir: self.dir,
            credentials: config.org.way.as_ref().map_or(Ok(Credentials::None), read)?,
            ca_file: config.org.ca_file.clone(),
            server: config.readiness.authorization_server.clone(),
            hook_enabled: config.hook.enabled,
            public_url: config.hook.public_url.clone(),
            rate_share: config.poll.rate_share,
            interval: config.poll.interval,
            jitter_seed,
            is_json,
        })
    }

    /// Reads the credentials and lays out the polling.
    ///
    /// # Errors
    /// A sentence: which credentials cannot be had, and why. Never any of them.
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
            until: None,
            jitter_seed,
        };
        Ok(FeedPlan {
            dir: self.dir,
            keep: Settings { keep_days: config.journal.keep_days, keep_rows: config.journal.keep_rows },
            poll,
            names: config.poll.names,
            credentials,
            renew: Some(source.clone()),
            ca_file: config.org.ca_file.clone(),
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

/// What is polled as evidence. It hangs on the configuration alone: who asks now for this and now for that has to begin
/// anew each time.
fn topics(has_hook: bool) -> Vec<Topic> {
    Topic::ALL.into_iter().filter(|topic| has_hook || *topic != Topic::Delivery).collect()
}

/// Reads what the listener needs, if it is wanted.
fn hook(config: &config::Hook) -> Result<Option<HookPlan>, String> {
    let Some(source) = config.secret.as_ref().filter(|_| config.enabled) else { return Ok(None) };
    let read = |source: &SecretSource| {
        source.read().map_err(|error| {
            format!(
                "The hook's secret cannot be had from {source}: {error}. Nothing was started. Mend it, or set \
                 hook.enabled = false."
            )
        })
    };
    let secret = read(source)?;
    let previous = config.previous_secret.as_ref().map(read).transpose()?;
    let secrets = Secrets::new(&secret, previous.as_ref()).map_err(|error| {
        format!(
            "The hook's secret from {source}, or the one before it, cannot be used: {error}. Nothing was started. \
             config init makes a good one."
        )
    })?;
    let tls = config.tls.as_ref().map(|(certificate, key)| Tls::read(certificate, key)).transpose().map_err(
        |error| {
            format!("The hook's TLS cannot be set up: {error}. Nothing was started. Mend hook.tls_cert and hook.tls_key.")
        },
    )?;
    Ok(Some(HookPlan { listen: config.listen, path: config.path.clone(), secrets, tls }))
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
            config::Dpop::Auto => Dpop::Auto,
            config::Dpop::Always => Dpop::Always,
            config::Dpop::Never => Dpop::Never,
        },
    }))
}
