//! Checks a configuration and turns it into the plans for a feed or for `doctor`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::{DoctorPlan, FeedPlan, OrgPlan, Probing, SignIn};
use crate::config::{self, Config, JournalFolder, ListedOrg, Org, ProxySetting, Way};
use crate::consent::{KnownOrg, Topic, visible};
use crate::intake::hook::{Ceiling, HookPlan, HookTarget, Tls};
use crate::intake::http::{self, Route};
use crate::journal::Settings;
use crate::okta::hook_delivery::{Secrets, SecretsError};
use crate::okta::{Credentials, CredentialsError, Dpop, KeyError, OrgUrl, PollPlan, ServiceApp, SigningKey};
use crate::report::{Fault, Part};
use crate::safe_file::FolderRights;
use crate::secret::{Secret, SecretError, SecretSource, open_to_others};
use crate::tasks::on_threads;

/// The checked orgs and data folder of a configuration.
#[derive(Debug)]
pub struct Ready {
    /// The orgs, in the order of the configuration.
    pub orgs: Vec<ReadyOrg>,
    /// The folder of their journal.
    pub dir: PathBuf,
    /// The orgs that the configuration lists beside these.
    pub others: Vec<KnownOrg>,
    /// Whether the rows of those are left out.
    pub only_these_orgs: bool,
    /// Warnings about the orgs and the files in use, one sentence each.
    pub warnings: Vec<String>,
}

/// A checked org of a configuration.
#[derive(Debug)]
pub struct ReadyOrg {
    /// What identifies it, and what people call it.
    pub known: KnownOrg,
    /// Its URL.
    pub url: OrgUrl,
    /// What was corrected in the URL, as a sentence, or `None` if nothing was.
    pub note: Option<String>,
    settings: Org,
    /// Whether messages must say which org they are about.
    is_one_of_several: bool,
}

const HOW: &str = "Run consentwatch config init for a file to fill in, or set OKTA_CLIENT_ORGURL and \
                   OKTA_CLIENT_TOKEN. consentwatch demo needs neither.";

/// Checks the orgs and their data folder, and collects warnings about files that other accounts can use.
///
/// # Errors
/// Returns a sentence that says what is missing or wrong, and what to do.
pub fn ready(config: &Config) -> Result<Ready, String> {
    let orgs = config.orgs.iter().map(|org| ReadyOrg::of(org, config)).collect::<Result<Vec<_>, _>>()?;
    let sharing = sharing(config)?;
    let dir = journal_dir(config)?;
    let mut warnings = config.warnings.clone();
    for folder in config.data_dir.iter().chain([&dir]) {
        warnings.extend(folder_warning(folder, config.allow_shared_data_dir)?);
    }
    warnings.extend(unused_journals(&sharing, &dir));
    warnings.extend(secret_warnings(config));
    warnings.extend(shared_secret(config, &orgs));
    let only_these_orgs =
        config.orgs.len() < config.listed.len() && config.orgs.iter().all(|org| org.place.is_some());
    let is_chosen = |known: &KnownOrg| orgs.iter().any(|org| org.known.key == known.key);
    let others = sharing.into_iter().map(|(_, known)| known).filter(|known| !is_chosen(known)).collect();
    Ok(Ready { orgs, dir, others, only_these_orgs, warnings })
}

/// Returns the folder of the journal.
///
/// # Errors
/// Returns a sentence if there is no org or no data folder.
pub fn journal_dir(config: &Config) -> Result<PathBuf, String> {
    let folder = config.journal_folder().ok_or_else(no_org)?;
    let folder = match folder {
        JournalFolder::Named(name) => name.to_owned(),
        JournalFolder::OfOrg(url) => parse(url, "file")?.0.folder(),
    };
    let data = config
        .data_dir
        .as_ref()
        .ok_or("No data folder is known. Nothing was started. Name one with --data-dir.")?;
    Ok(data.join(folder))
}

fn no_org() -> String {
    format!("No org is configured. Nothing was started. {HOW}")
}

/// Parses the URL of an org. `from` says which part of the configuration has it.
fn parse(url: &str, from: &str) -> Result<(OrgUrl, Option<String>), String> {
    OrgUrl::parse(url).map_err(|error| {
        let shown = config::shown_url(url);
        format!("The org URL \"{shown}\" (from the {from}) cannot be used: {error} Nothing was started.")
    })
}

/// Returns the part of the configuration that lists an org.
fn place(listed: &ListedOrg) -> String {
    listed.line.map_or_else(|| "file".to_owned(), |line| format!("file, line {line}"))
}

/// Returns the listed orgs that share one journal. The key of each is the name of the folder that it would have alone. With
/// one, or with an org that is not listed, the list is empty.
///
/// # Errors
/// Returns a sentence if a listed org has a URL that cannot be used, or is another listed org under another URL.
fn sharing(config: &Config) -> Result<Vec<(&ListedOrg, KnownOrg)>, String> {
    let is_of_file = config.orgs.iter().any(|org| org.place.is_some());
    let mut known: Vec<(&ListedOrg, KnownOrg)> = Vec::new();
    for listed in config.listed.iter().filter(|_| is_of_file && config.listed.len() > 1) {
        let (url, _) = parse(&listed.url, &place(listed))?;
        let key = url.folder();
        if let Some((same, _)) = known.iter().find(|(_, other)| *other.key == *key) {
            let what = format!("the org of line {} is the same, {}", same.line.unwrap_or(0), url.host());
            return Err(config.bad(listed.line, "org.url", &what).to_string());
        }
        let org = KnownOrg { key: key.into(), host: url.host().into(), name: listed.name.clone() };
        known.push((listed, org));
    }
    Ok(known)
}

/// Returns a warning for each org that has a journal of its own beside the shared one in `dir`. Without it, the rows
/// there would seem lost when an org is added, or when another becomes the first.
fn unused_journals(sharing: &[(&ListedOrg, KnownOrg)], dir: &Path) -> Vec<String> {
    let others = sharing.iter().map(|(listed, known)| (listed, &*known.key, dir.with_file_name(&*known.key)));
    let unused = others.filter(|(_, _, other)| other != dir && other.join("journal.sqlite3").exists());
    let warning = |(listed, key, other): (&&ListedOrg, &str, PathBuf)| {
        format!(
            "The orgs of the configuration share the journal in {}, so the one of {} in {} is not used. If that one holds \
             the rows of all, set [journal] name = \"{key}\". If nobody needs it, move it away.",
            visible(&dir.to_string_lossy()),
            listed.label(),
            visible(&other.to_string_lossy()),
        )
    };
    unused.map(warning).collect()
}

/// Returns a warning if two orgs have the same secret for their event hooks.
fn shared_secret(config: &Config, orgs: &[ReadyOrg]) -> Option<String> {
    let secrets: Vec<_> = orgs.iter().map(|org| (org, config.hook.of(&org.settings.hook).secret)).collect();
    let is_shared = |secret| secrets.iter().filter(|(_, other)| other == secret).count() > 1;
    let same = secrets.iter().filter(|(_, secret)| is_shared(secret)).map(|(org, _)| org.known.label());
    let same: Vec<&str> = same.collect();
    (config.hook.enabled && !same.is_empty()).then(|| {
        format!(
            "These orgs have one hook secret: {}. An administrator of one of them can send events in the name of the \
             others. Set a secret for each in [org.hook].",
            same.join(", ")
        )
    })
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
    let mut warnings: Vec<String> = Vec::new();
    for org in &config.orgs {
        let hook = config.hook.of(&org.hook);
        let hooks = [hook.secret.as_ref(), hook.previous_secret.as_ref()];
        let hooks = hooks.into_iter().filter(|_| hook.enabled).flatten();
        // Several orgs may have one file.
        for warning in org.way.iter().map(Way::source).chain(hooks).filter_map(SecretSource::warning) {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
    let tls_key = config.hook.tls.as_ref().filter(|_| config.hook.enabled);
    warnings.extend(tls_key.and_then(|(_, key)| open_to_others("private key of the listener", key)));
    warnings
}

/// Returns the fault of a secret that cannot be read. `command` is the configuration key that reads it from a
/// command.
fn unreadable(what: &str, source: &SecretSource, error: &SecretError, command: &str, remedy: &str) -> Fault {
    let pipe = if error.is_pipe() {
        format!("To read it from a pipe, name the command that writes it in {command}. ")
    } else {
        String::new()
    };
    let what = format!("{what} cannot be read from {source}: {error}.");
    unstarted("no credentials", &what, &format!("{pipe}{remedy}"))
}

/// Reads the credentials of the configured way to sign in.
fn read(way: &Way) -> Result<Credentials, Box<Fault>> {
    let source = way.source();
    let (what, command) = match way {
        Way::Token(_) => ("The API token", "org.token_command"),
        Way::Service(_) => ("The private key", "org.oauth.private_key_command"),
    };
    let secret = source.read().map_err(|error| unreadable(what, source, &error, command, FIX))?;
    credentials(way, &secret).map_err(|error| {
        let file = match (&error, source) {
            (CredentialsError::Key(KeyError::Form), SecretSource::Direct(_)) => {
                ", and is not the path of a file"
            }
            _ => "",
        };
        Box::new(unstarted("no credentials", &format!("{error} It came from {source}{file}."), FIX))
    })
}

impl Ready {
    /// Returns what titles call the orgs.
    pub fn label(&self) -> String {
        self.orgs.iter().map(|org| org.known.label()).collect::<Vec<_>>().join(", ")
    }

    /// Returns the orgs, as people call them.
    pub fn known_orgs(&self) -> Vec<KnownOrg> {
        self.orgs.iter().map(|org| org.known.clone()).collect()
    }

    /// Reads the credentials, if any are configured, and returns the plans for `doctor`.
    ///
    /// # Errors
    /// Returns a sentence that says which credentials cannot be read, and why. It never contains a secret. With several
    /// orgs, the plan of an org has it.
    pub fn doctor(self, config: &Config, is_json: bool, jitter_seed: u64) -> Result<Vec<DoctorPlan>, String> {
        let accesses = at_once(&self.orgs, |org| {
            let credentials = org.settings.way.as_ref().map_or(Ok(Credentials::None), read)?;
            Ok((credentials, org.route(config)?))
        });
        let is_several = self.orgs.len() > 1;
        let mut plans = Vec::new();
        for (org, access) in self.orgs.into_iter().zip(accesses) {
            let hook = org.hook(config);
            plans.push(DoctorPlan {
                dir: self.dir.clone(),
                access: if is_several { access } else { Ok(access.map_err(|fault| fault.to_string())?) },
                server: org.settings.authorization_server,
                hook_enabled: hook.enabled,
                public_url: hook.public_url,
                rate_share: config.poll.rate_share,
                interval: config.poll.interval,
                jitter_seed,
                is_json,
                known: org.known,
                org: org.url,
            });
        }
        if plans.is_empty() { Err(no_org()) } else { Ok(plans) }
    }

    /// Reads the credentials and returns the plan for polling.
    ///
    /// # Errors
    /// Returns a sentence that says which credentials or secrets cannot be read, and why. It never contains a secret. If
    /// there are credentials for some org, those that cannot be read are a fault of their org.
    pub fn plan(
        self,
        config: &Config,
        since: Option<Timestamp>,
        jitter_seed: u64,
    ) -> Result<FeedPlan, String> {
        let sign_ins = at_once(&self.orgs, |org| org.sign_in(config));
        if sign_ins.iter().all(Result::is_err) {
            let failed = self.orgs.iter().zip(sign_ins);
            let words: Vec<String> =
                failed.filter_map(|(org, sign_in)| Some(org.named(sign_in.err()?.to_string()))).collect();
            return Err(if words.is_empty() { no_org() } else { words.join("\n") });
        }
        let (mut orgs, mut targets) = (Vec::new(), Vec::new());
        for (place, (org, sign_in)) in self.orgs.into_iter().zip(sign_ins).enumerate() {
            let secrets = org.hook_secrets(config).map_err(|words| org.named(words))?;
            let hook = org.hook(config);
            targets.extend(secrets.map(|secrets| HookTarget { place, path: hook.path, secrets }));
            let poll = PollPlan {
                org: org.url,
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
            orgs.push(OrgPlan {
                org: org.known,
                poll,
                names: config.poll.names,
                sign_in,
                readiness: Some(Probing {
                    server: org.settings.authorization_server,
                    public_url: hook.public_url,
                    interval: config.readiness.interval,
                }),
            });
        }
        let hook = if targets.is_empty() { None } else { Some(listener(config, targets)?) };
        Ok(FeedPlan {
            dir: self.dir,
            keep: settings(config),
            orgs,
            others: self.others,
            only_these_orgs: self.only_these_orgs,
            warnings: self.warnings,
            hook,
            team: None,
            is_hook_left_out: false,
        })
    }
}

/// Returns the settings of the journal.
pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        keep_days: config.journal.keep_days,
        keep_rows: config.journal.keep_rows,
        ..Settings::default()
    }
}

/// Does the same for each org at once: reading a secret may run a command that takes seconds.
fn at_once<T: Send>(
    orgs: &[ReadyOrg],
    read: impl Fn(&ReadyOrg) -> Result<T, Box<Fault>> + Sync,
) -> Vec<Result<T, Box<Fault>>> {
    let panicked = || Err(Box::new(unstarted("no credentials", "The credentials could not be read.", FIX)));
    on_threads(orgs, read).into_iter().map(|read| read.unwrap_or_else(panicked)).collect()
}

/// What is said last where a secret cannot be read.
const FIX: &str = "Fix it, then start again.";

/// Returns the fault of an org to which there is no way.
fn unstarted(brief: &str, what: &str, remedy: &str) -> Fault {
    Fault::new(Part::Config, brief, what, "Nothing was started.", remedy)
}

impl ReadyOrg {
    fn of(settings: &Org, config: &Config) -> Result<Self, String> {
        let listed = settings.place.and_then(|place| config.listed.get(place));
        let from = listed.filter(|_| settings.url_from == "file").map(place);
        let (url, note) = parse(&settings.url, from.as_deref().unwrap_or(&settings.url_from))?;
        let known =
            KnownOrg { key: url.folder().into(), host: url.host().into(), name: settings.name.clone() };
        let is_one_of_several = config.orgs.len() > 1;
        Ok(Self { known, url, note, settings: settings.clone(), is_one_of_several })
    }

    /// Returns whether the configuration lists another org before this one.
    fn is_later(&self) -> bool {
        self.settings.place.is_some_and(|place| place > 0)
    }

    /// Reads the credentials and the secrets of the event hook, to see whether the org can be used.
    ///
    /// # Errors
    /// Returns a sentence that says what cannot be used, and why. It never contains a secret.
    pub fn try_out(&self, config: &Config) -> Result<(), String> {
        let sign_in = self.sign_in(config).map_err(|fault| fault.to_string());
        let secrets = sign_in.and_then(|_| self.hook_secrets(config));
        let tried =
            secrets.and_then(|secrets| secrets.map_or(Ok(()), |_| listener(config, Vec::new()).map(drop)));
        tried.map_err(|words| self.named(words))
    }

    /// Puts the label before a sentence if it may be about one of several orgs.
    fn named(&self, words: String) -> String {
        if self.is_one_of_several { format!("{}: {words}", self.known.label()) } else { words }
    }

    /// Returns the org and where its credentials come from, for people.
    pub fn summary(&self) -> String {
        let way = match &self.settings.way {
            Some(Way::Token(source)) => format!("token from {source}"),
            Some(Way::Service(service)) => {
                format!(
                    "service app {}, private key from {}",
                    visible(&service.client_id),
                    service.private_key
                )
            }
            None => "no credentials".to_owned(),
        };
        format!("{}: {}, {way}", self.known.label(), self.url.origin())
    }

    /// Returns the settings of its event hook.
    ///
    /// The first org has the path and the URL of `[hook]`, so that Okta still reaches it when another org is added. Each
    /// later one has its name or host behind them.
    pub fn hook(&self, config: &Config) -> config::Hook {
        let mut hook = config.hook.of(&self.settings.hook);
        if self.is_later() {
            let below = |base: &str| format!("{}/{}", base.trim_end_matches('/'), self.known.label());
            hook.path = below(&hook.path);
            let is_own = self.settings.hook.public_url.is_some();
            hook.public_url = hook.public_url.map(|url| if is_own { url } else { below(&url) });
        }
        hook
    }

    /// Reads the secrets of the org's event hook, or returns `None` if the hook is off or has none.
    fn hook_secrets(&self, config: &Config) -> Result<Option<Secrets>, String> {
        let own = &self.settings.hook;
        let section = |is_own: bool| if is_own { "org.hook" } else { "hook" };
        secrets(&self.hook(config), section(own.secret.is_some()), section(own.previous_secret.is_some()))
    }

    /// Reads the credentials, the CA file and the proxy.
    fn sign_in(&self, config: &Config) -> Result<SignIn, Box<Fault>> {
        let Some(way) = &self.settings.way else {
            // The variables would choose one org of the file and leave out the others.
            let how = if self.is_one_of_several {
                "Set token_file, token_env, token_command or [org.oauth] below its [[org]]."
            } else {
                HOW
            };
            return Err(Box::new(unstarted("no credentials", "The org has no credentials.", how)));
        };
        let route = self.route(config)?;
        Ok(SignIn { route, credentials: read(way)?, renew: Some(way.source().clone()) })
    }

    /// Reads the CA file and the proxy through which the org is reached.
    fn route(&self, config: &Config) -> Result<Route, Box<Fault>> {
        let (org, ca_file) = (&self.url, self.settings.ca_file.as_deref());
        let except = config.no_proxy.as_deref();
        let setting = config.proxy.as_ref().filter(|_| !http::is_direct(org, except));
        let url = setting.map(ProxySetting::read).transpose().map_err(|what| {
            let doing = "Nothing was started, and nothing was sent without the proxy.";
            let remedy = "Write it as http://host:port, or remove it.";
            Fault::new(Part::Config, "bad proxy setting", &what, doing, remedy)
        })?;
        Route::new(org, ca_file, url.as_ref().map(|proxy| &proxy.url), except).map_err(|error| {
            let what = format!("The org cannot be reached: {error}.");
            let remedy = "Fix org.ca_file or the proxy, or remove the setting.";
            Box::new(unstarted("bad CA file or proxy", &what, remedy))
        })
    }
}

/// Returns the event types that are polled as evidence. They depend on the configuration alone: a bookmark belongs to
/// one query, so a query that changed from start to start would lose its place each time.
fn topics(has_hook: bool) -> Vec<Topic> {
    Topic::ALL.into_iter().filter(|topic| has_hook || *topic != Topic::Delivery).collect()
}

/// Reads the secrets of an event hook. Returns `None` if the hook is off or has no secret. `own` and `before` are the
/// sections that name the secret and the previous one.
fn secrets(config: &config::Hook, own: &str, before: &str) -> Result<Option<Secrets>, String> {
    let Some(source) = config.secret.as_ref().filter(|_| config.enabled) else { return Ok(None) };
    let read = |source: &SecretSource, command: &str| {
        source.read().map_err(|error| {
            let remedy = "Fix it, or set hook.enabled = false.";
            unreadable("The hook's secret", source, &error, command, remedy).to_string()
        })
    };
    let secret = read(source, &format!("{own}.secret_command"))?;
    let previous = config.previous_secret.as_ref();
    let previous =
        previous.map(|source| read(source, &format!("{before}.previous_secret_command"))).transpose()?;
    let unusable = |key: &str, source: &SecretSource, error: SecretsError| {
        format!(
            "The hook's secret of {key}, from {source}, cannot be used: {error}. Nothing was started. Okta must \
             send the same secret as the whole value of Authorization."
        )
    };
    let mut secrets =
        Secrets::new(&secret, None).map_err(|error| unusable(&format!("{own}.secret_*"), source, error))?;
    if let (Some(source), Some(previous)) = (&config.previous_secret, &previous) {
        secrets = Secrets::new(&secret, Some(previous))
            .map_err(|error| unusable(&format!("{before}.previous_secret_*"), source, error))?;
    }
    Ok(Some(secrets))
}

/// Reads the TLS files of the hook's listener.
fn listener(config: &Config, targets: Vec<HookTarget>) -> Result<HookPlan, String> {
    let hook = &config.hook;
    let tls = hook.tls.as_ref().map(|(certificate, key)| Tls::read(certificate, key)).transpose().map_err(
        |error| {
            format!(
                "The hook's TLS cannot be set up: {error}. Nothing was started. Fix hook.tls_cert and \
                     hook.tls_key."
            )
        },
    )?;
    Ok(HookPlan { listen: hook.listen, targets, tls, ceiling: Ceiling::default() })
}

fn credentials(way: &Way, secret: &Secret) -> Result<Credentials, CredentialsError> {
    let service = match way {
        Way::Token(_) => return Credentials::ssws(secret),
        Way::Service(service) => service,
    };
    Ok(Credentials::Service(ServiceApp {
        client_id: service.client_id.clone(),
        key: Arc::new(SigningKey::read(secret, service.key_id.as_deref())?),
        key_id: service.key_id.clone(),
        scopes: service.scopes.clone(),
        dpop: match service.dpop {
            config::DpopSetting::Auto => Dpop::Auto,
            config::DpopSetting::Always => Dpop::Always,
            config::DpopSetting::Never => Dpop::Never,
        },
    }))
}
