//! Resolves flags, environment and file into one configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use zeroize::Zeroizing;

use super::error::{ConfigError, shown};
use super::hook::{self, Hook};
use super::org::{self, ListedOrg, Org};
use super::proxy::ProxySetting;
use super::schema::{self, File};
use super::text::text_of;
use crate::consent::Kind;
use crate::secret::{looks_secret, open_to_others};

/// The command-line flags that affect the configuration.
#[derive(Clone, Debug, Default)]
pub struct GlobalFlags {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--profile`
    pub profile: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--org`, each a name of the configuration or a URL.
    pub org: Vec<String>,
    /// `--allow-shared-data-dir`
    pub allow_shared_data_dir: bool,
}

/// The platform's usual folders.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The folder of the configuration.
    pub config: Option<PathBuf>,
    /// The folder of the data.
    pub data: Option<PathBuf>,
    /// The `okta.yaml` that Okta's SDKs read.
    pub sdk: Option<PathBuf>,
}

/// The configuration in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file that it was read from, if a file exists.
    pub file: Option<PathBuf>,
    /// The path where the file is looked for and where `config init` writes it.
    pub file_place: Option<PathBuf>,
    /// The folder for journal, snapshots and log.
    pub data_dir: Option<PathBuf>,
    /// Whether the data folder may belong to another account or be writable by every account.
    pub allow_shared_data_dir: bool,
    /// Warnings about the files that were read, one sentence each.
    pub warnings: Vec<String>,
    /// The orgs to work on, in the order of the file: those that `--org` names, or the one that the environment names,
    /// or all of the file.
    pub orgs: Vec<Org>,
    /// All orgs that the file lists, in its order.
    pub listed: Vec<ListedOrg>,
    /// The proxy, as it was written.
    pub proxy: Option<ProxySetting>,
    /// The hosts that are reached without the proxy, as `NO_PROXY` lists them.
    pub no_proxy: Option<String>,
    /// The settings of the poller.
    pub poll: Poll,
    /// The settings of the event hook listener, and the defaults of [`Org::hook`].
    pub hook: Hook,
    /// The settings of the readiness probes.
    pub readiness: ReadinessSettings,
    /// How long the journal keeps rows.
    pub journal: JournalSettings,
    /// The settings of the screen.
    pub ui: Ui,
    /// Saved filters, by name.
    pub filters: BTreeMap<String, Said<String>>,
    /// Custom keys, by command.
    pub keys: BTreeMap<String, Said<Vec<String>>>,
    /// The settings of automatic snapshots.
    pub snapshot: SnapshotSettings,
    /// The server of a team.
    pub team: TeamSettings,
}

/// A value with the line of the file that sets it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said<T> {
    /// The value.
    pub value: T,
    /// The line, from 1.
    pub line: usize,
}

/// `[poll]`
#[derive(Clone, PartialEq, Debug)]
pub struct Poll {
    /// The shortest time between two polls.
    pub interval: Duration,
    /// How far back the first start begins.
    pub lookback: Duration,
    /// The number of events in a page, 1 to 1000.
    pub page_size: u16,
    /// The share of Okta's rate limit that may be used, above 0 and at most 1.
    pub rate_share: f64,
    /// The kinds of consent event that are polled.
    pub events: Vec<Kind>,
    /// Whether names for ids are looked up in Okta, and persons for consents that name nobody.
    pub names: bool,
}

/// `[readiness]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadinessSettings {
    /// The custom authorization server to probe in an org that names none: `default`, an id or an issuer.
    pub authorization_server: String,
    /// The time between two rounds of probes.
    pub interval: Duration,
}

/// `[journal]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalSettings {
    /// The name of the journal's folder within the data folder, or `None` for the host of the first org.
    pub name: Option<String>,
    /// Rows older than this are removed.
    pub keep_days: u32,
    /// The most rows that are kept. Beyond it, rows that only the hook brought are removed first, then the oldest.
    pub keep_rows: u64,
}

/// The name of the folder that holds the journal, within the data folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JournalFolder<'c> {
    /// This name.
    Named(&'c str),
    /// The host of the org with this URL.
    OfOrg(&'c str),
}

/// `[ui]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ui {
    /// `auto`, `dark`, `light`, `ansi`, `mono`
    pub theme: &'static str,
    /// `utc`, `local` or an IANA name.
    pub time_zone: String,
    /// The columns of the list, left to right, or `None` for the default ones.
    pub columns: Option<Vec<String>>,
    /// Whether the first line shows the time.
    pub clock: bool,
    /// Whether the screen uses the mouse.
    pub mouse: bool,
    /// Whether the title of the terminal's window is set.
    pub title: bool,
    /// Whether copied text is sent to the terminal's clipboard (OSC 52).
    pub clipboard: bool,
    /// The most frames a second while data arrives, 1 to 60.
    pub max_fps: u32,
    /// The bandwidth of the connection to the terminal in bytes a second, or 0 for no limit.
    pub bytes_per_second: u32,
}

/// `[snapshot]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SnapshotSettings {
    /// The folder for snapshots. The default is `snapshots` in the data folder.
    pub dir: Option<PathBuf>,
    /// The time between two automatic snapshots, or `None` to take none.
    pub every: Option<Duration>,
    /// Whether the screen and `tail` take a snapshot when they end.
    pub on_exit: bool,
    /// The most automatic snapshots that are kept.
    pub keep: u32,
}

/// `[team]`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TeamSettings {
    /// The URL of the server. It has no password; one in the file would be as readable as the file.
    pub url: Option<String>,
    /// A file with the URL, as `team config` writes it, with the login.
    pub url_file: Option<PathBuf>,
    /// A file with the seed of an nkey.
    pub nkey_file: Option<PathBuf>,
    /// A file with a JWT and the seed of an nkey, as `nsc` writes it.
    pub creds_file: Option<PathBuf>,
    /// A file with the certificate authority of the server.
    pub ca_file: Option<PathBuf>,
}

impl TeamSettings {
    /// Returns whether a server is named.
    pub fn is_set(&self) -> bool {
        self.url.is_some() || self.url_file.is_some()
    }
}

/// Returns the data folder: that of the flags, else that of the environment, else the platform's. The configuration file
/// cannot set it.
pub fn data_dir(
    flags: &GlobalFlags,
    env: &dyn Fn(&str) -> Option<String>,
    places: &Places,
) -> Option<PathBuf> {
    let named = flags.data_dir.clone().or_else(|| env("CONSENTWATCH_DATA_DIR").map(PathBuf::from));
    named.or_else(|| places.data.clone())
}

/// Reads and resolves the configuration.
///
/// # Errors
/// A key is unknown, a value is invalid, a named file is missing, or the credentials belong to another org than the one
/// that is named.
pub fn load(
    flags: &GlobalFlags,
    env: &dyn Fn(&str) -> Option<String>,
    places: &Places,
) -> Result<Config, ConfigError> {
    let named = flags.config.clone().or_else(|| env("CONSENTWATCH_CONFIG").map(PathBuf::from));
    let file_place = named.clone().or_else(|| places.config.as_ref().map(|dir| dir.join("config.toml")));
    let (file, text, name, found) = match &file_place {
        Some(path) if named.is_some() || path.exists() => {
            let name = shown(path);
            let text = text_of(path)?;
            (schema::read(&text, &name)?, text, name, Some(path.clone()))
        }
        _ => (File::default(), Zeroizing::new(String::new()), String::new(), None),
    };
    let mut warnings = Vec::new();
    if let Some(path) = found.as_ref().filter(|_| file.runs_commands()) {
        warnings.extend(open_to_others("configuration, which names commands,", path));
    }
    let file = match &flags.profile {
        None => file,
        Some(profile) => file.with_profile(profile)?,
    };
    let data_dir = data_dir(flags, env, places);
    // Paths in the file are relative to the file's folder, not to the current one.
    let base = found.as_ref().and_then(|path| path.parent()).map(Path::to_path_buf).unwrap_or_default();
    let bad = |key: &str, what: &str| ConfigError::in_file(&name, None, Some(key), what);
    let authorization_server = file.readiness.authorization_server.unwrap_or_else(|| "default".into());
    let inputs = org::Inputs {
        flags: &flags.org,
        env,
        file: &file.org,
        name: &name,
        text: &text,
        base: &base,
        sdk: places.sdk.as_deref(),
        server: &authorization_server,
    };
    let org::Found { orgs, listed, proxy, no_proxy } = inputs.orgs(&mut warnings)?;
    let poll = poll(&file.poll, &bad)?;
    let hook = hook::hook(&file.hook, env, &base, &bad)?;
    check_listener(&hook, &orgs, &listed, &name)?;
    Ok(Config {
        orgs,
        listed,
        proxy,
        no_proxy,
        poll,
        hook,
        readiness: ReadinessSettings {
            authorization_server,
            interval: within(
                Some(file.readiness.interval.map_or(Duration::from_mins(5), |length| length.0)),
                Duration::from_mins(5),
                Duration::from_secs(10)..=Duration::from_hours(24),
            )
            .ok_or_else(|| bad("readiness.interval", "must be 10s to 24h"))?,
        },
        journal: JournalSettings {
            name: match file.journal.name {
                Some(name) if !is_folder(&name) => return Err(bad("journal.name", FOLDER_RULE)),
                name => name,
            },
            keep_days: within(file.journal.keep_days, 400, 1..=36_500)
                .ok_or_else(|| bad("journal.keep_days", "must be 1 to 36500"))?,
            keep_rows: within(file.journal.keep_rows, 10_000_000, 1..=1_000_000_000)
                .ok_or_else(|| bad("journal.keep_rows", "must be 1 to 1000000000"))?,
        },
        ui: Ui {
            theme: file.ui.theme.map_or("auto", schema::ThemeName::word),
            time_zone: file.ui.time_zone.unwrap_or_else(|| "utc".into()),
            columns: file.ui.columns,
            clock: file.ui.clock.unwrap_or(false),
            mouse: file.ui.mouse.unwrap_or(false),
            title: file.ui.title.unwrap_or(true),
            clipboard: file.ui.clipboard != Some(schema::Clipboard::Off),
            max_fps: within(file.ui.max_fps, 10, 1..=60)
                .ok_or_else(|| bad("ui.max_fps", "must be 1 to 60"))?,
            bytes_per_second: file.ui.bytes_per_second.unwrap_or(0),
        },
        filters: said(file.filters, &text),
        keys: said(file.keys, &text),
        snapshot: SnapshotSettings {
            dir: file.snapshot.dir.map(|dir| base.join(dir)),
            every: match file.snapshot.every {
                Some(length) if length.0 < Duration::from_mins(1) => {
                    return Err(bad("snapshot.every", "must be at least 1m"));
                }
                length => length.map(|length| length.0),
            },
            on_exit: file.snapshot.on_exit.unwrap_or(false),
            keep: within(file.snapshot.keep, 100, 1..=1_000_000)
                .ok_or_else(|| bad("snapshot.keep", "must be 1 to 1000000"))?,
        },
        team: team(file.team, &base, &bad)?,
        file: found,
        file_place,
        data_dir,
        allow_shared_data_dir: flags.allow_shared_data_dir,
        warnings,
    })
}

fn team(
    team: schema::Team,
    base: &Path,
    bad: &dyn Fn(&str, &str) -> ConfigError,
) -> Result<TeamSettings, ConfigError> {
    let schema::Team { url, url_file, nkey_file, creds_file, ca_file } = team;
    if url.is_some() && url_file.is_some() {
        return Err(bad("team.url_file", "and team.url exclude each other"));
    }
    if nkey_file.is_some() && creds_file.is_some() {
        return Err(bad("team.creds_file", "and team.nkey_file exclude each other"));
    }
    // The user name of a URL ends at the last @, and a password begins at its first colon.
    let login = url.as_deref().and_then(|url| url.split_once("://")?.1.rsplit_once('@'));
    if login.is_some_and(|(login, _)| login.contains(':')) {
        return Err(bad(
            "team.url",
            "must not contain a password; put the URL in a file of mode 0600 and name it in team.url_file",
        ));
    }
    let [url_file, nkey_file, creds_file, ca_file] =
        [url_file, nkey_file, creds_file, ca_file].map(|path| path.map(|path| base.join(path)));
    Ok(TeamSettings { url, url_file, nkey_file, creds_file, ca_file })
}

/// Converts the positions of values into line numbers.
fn said<T>(values: BTreeMap<String, Spanned<T>>, text: &str) -> BTreeMap<String, Said<T>> {
    let said = |value: Spanned<T>| {
        let line = schema::line_of(text, value.span().start);
        Said { value: value.into_inner(), line }
    };
    values.into_iter().map(|(name, value)| (name, said(value))).collect()
}

impl Config {
    /// Makes the error for a value that another module found invalid, with its key and, if known, its line.
    pub fn bad(&self, line: Option<usize>, key: &str, what: &str) -> ConfigError {
        let name = self.file.as_deref().map_or_else(|| "the configuration".to_owned(), shown);
        let key = crate::consent::visible(key);
        ConfigError::in_file(&name, line, Some(&*key), what)
    }

    /// Returns which folder holds the journal, or `None` without an org.
    ///
    /// The orgs of the file share one journal, which bears the name of the first, so that another org can be added to
    /// the journal that is there. An org that the file does not list has a journal of its own.
    pub fn journal_folder(&self) -> Option<JournalFolder<'_>> {
        let org = self.orgs.first()?;
        let is_of_file = org.place.is_some() || self.listed.is_empty();
        let name = self.journal.name.as_deref().filter(|_| is_of_file);
        let first = self.listed.first().filter(|_| org.place.is_some_and(|place| place > 0));
        let url = first.map_or(&org.url, |first| &first.url);
        Some(name.map_or(JournalFolder::OfOrg(url), JournalFolder::Named))
    }
}

/// The longest name of a journal's folder.
const FOLDER_MAX: usize = 100;
/// What the data folder holds beside journals.
const FOLDERS_TAKEN: [&str; 2] = ["snapshots", "consentwatch.log"];
const FOLDER_RULE: &str = "must be 1 to 100 of a-z, 0-9, dots, - and _, with a letter or digit at both ends, and not the \
                           name of another file in the data folder";

/// Returns whether a text can be the name of a journal's folder. The folder of an org that has no name, which is its
/// host, can be one.
fn is_folder(name: &str) -> bool {
    let is_end = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let has_ends =
        |bytes: &[u8]| bytes.first().is_some_and(|c| is_end(*c)) && bytes.last().is_some_and(|c| is_end(*c));
    name.len() <= FOLDER_MAX
        && has_ends(name.as_bytes())
        && name.bytes().all(|c| is_end(c) || b".-_".contains(&c))
        && !FOLDERS_TAKEN.contains(&name)
        && !looks_secret(name)
}

/// Refuses an enabled listener that would not be safe. Each request carries the secret of an org, so TLS is required
/// unless the listener is on loopback. `name` is the configuration file, for errors.
fn check_listener(hook: &Hook, orgs: &[Org], listed: &[ListedOrg], name: &str) -> Result<(), ConfigError> {
    if !hook.enabled {
        return Ok(());
    }
    let bad = |key: &str, what: &str| Err(ConfigError::in_file(name, None, Some(key), what));
    let lacks =
        |keys: &str| format!("the listener needs a secret: set {keys}, or the variable {}", hook::SECRET);
    let keys = "secret_file, secret_env or secret_command";
    let without = orgs.iter().find(|org| hook.of(&org.hook).secret.is_none());
    let table = without.and_then(|org| org.place).and_then(|place| listed.get(place));
    if let Some(table) = table.filter(|_| listed.len() > 1) {
        let (label, what) = (table.label(), lacks(&format!("{keys} in [org.hook] or [hook]")));
        return Err(ConfigError::of_org(name, table.line, Some(&label), Some("org.hook.secret_file"), &what));
    }
    if without.is_some() || orgs.is_empty() && hook.secret.is_none() {
        return bad("hook.secret_file", &lacks(keys));
    }
    if !hook.listen.ip().is_loopback() && hook.tls.is_none() && !hook.behind_proxy {
        let what = "beyond loopback it needs tls_cert and tls_key, or behind_proxy = true if a proxy in front \
                    terminates TLS";
        return bad("hook.listen", what);
    }
    Ok(())
}

fn poll(section: &schema::Poll, bad: &dyn Fn(&str, &str) -> ConfigError) -> Result<Poll, ConfigError> {
    let interval = section.interval.map_or(Duration::from_secs(10), |length| length.0);
    if interval.is_zero() || interval > Duration::from_hours(1) {
        return Err(bad("poll.interval", "must be 1s to 1h"));
    }
    let rate_share = section.rate_share.unwrap_or(0.5);
    if !(rate_share > 0.0 && rate_share <= 1.0) {
        return Err(bad("poll.rate_share", "must be above 0 and at most 1"));
    }
    let events = match &section.events {
        None => vec![Kind::Grant, Kind::Revoke, Kind::OrgGrant, Kind::AdminGrant, Kind::AdminRevoke],
        Some(words) => {
            let mut kinds = Vec::new();
            for (word, place) in words.iter().zip(1..) {
                let kind = Kind::from_word(word).filter(|kind| kind.filter().is_some()).ok_or_else(|| {
                    let known = "grant revoke org_grant admin_grant admin_revoke";
                    bad("poll.events", &format!("word {place} is not a kind; known: {known}"))
                })?;
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            kinds
        }
    };
    if events.is_empty() {
        return Err(bad("poll.events", "must name at least one kind"));
    }
    Ok(Poll {
        interval,
        lookback: section.lookback.map_or(Duration::from_hours(24), |length| length.0),
        page_size: within(section.page_size, 1000, 1..=1000)
            .ok_or_else(|| bad("poll.page_size", "must be 1 to 1000"))?,
        rate_share,
        events,
        names: section.names.unwrap_or(true),
    })
}

/// Returns the value or its default, or `None` if it is out of range.
fn within<T: PartialOrd + Copy>(
    value: Option<T>,
    default: T,
    range: std::ops::RangeInclusive<T>,
) -> Option<T> {
    Some(value.unwrap_or(default)).filter(|value| range.contains(value))
}
