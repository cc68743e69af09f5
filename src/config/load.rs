//! Flags, environment and file, resolved into one value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file::{self, File};
use crate::consent::Kind;
use crate::secret::{Secret, SecretSource};

/// What the flags say about the configuration.
#[derive(Clone, Debug, Default)]
pub struct GlobalFlags {
    /// `--config`
    pub config: Option<PathBuf>,
    /// `--profile`
    pub profile: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--org`
    pub org: Option<String>,
}

/// Where the platform keeps things.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The folder of the configuration.
    pub config: Option<PathBuf>,
    /// The folder of the data.
    pub data: Option<PathBuf>,
}

/// The configuration in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from, if there was one.
    pub file: Option<PathBuf>,
    /// Where a file is looked for, or would be written.
    pub file_place: Option<PathBuf>,
    /// Journal, snapshots and log.
    pub data_dir: Option<PathBuf>,
    /// The org and the way in.
    pub org: Org,
    /// The poller.
    pub poll: Poll,
    /// The listener.
    pub hook: Hook,
    /// The probes.
    pub readiness: Readiness,
    /// What is kept.
    pub journal: JournalSettings,
    /// The screen.
    pub ui: Ui,
    /// Saved filters.
    pub filters: BTreeMap<String, String>,
    /// Keys of the person's own.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Snapshots.
    pub snapshot: SnapshotSettings,
}

/// The org and the way in.
#[derive(Clone, Debug, Default)]
pub struct Org {
    /// Its URL as it was written.
    pub url: Option<String>,
    /// `flag`, `environment` or `file`.
    pub url_from: &'static str,
    /// An SSWS API token.
    pub token: Option<SecretSource>,
    /// A service app; only its client id is kept until it can sign in.
    pub client_id: Option<String>,
    /// A further certificate authority.
    pub ca_file: Option<PathBuf>,
}

/// `[poll]`
#[derive(Clone, PartialEq, Debug)]
pub struct Poll {
    /// At least this long between two polls.
    pub interval: Duration,
    /// How far back the first start begins.
    pub lookback: Duration,
    /// Events a page, 1 to 1000.
    pub page_size: u16,
    /// Share of the rate limit, above 0 and at most 1.
    pub rate_share: f64,
    /// What is polled.
    pub events: Vec<Kind>,
}

/// `[hook]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hook {
    /// Whether it is wanted.
    pub enabled: bool,
    /// Where it listens.
    pub listen: String,
    /// The path that Okta calls.
    pub path: String,
}

/// `[readiness]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Readiness {
    /// The custom authorization server that matters.
    pub authorization_server: String,
    /// Between two probes.
    pub interval: Duration,
}

/// `[journal]`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalSettings {
    /// Older rows are cut.
    pub keep_days: u32,
    /// Rows beyond so many are cut, oldest first.
    pub keep_rows: u64,
}

/// `[ui]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ui {
    /// `auto`, `dark`, `light`, `ansi`, `mono`
    pub theme: &'static str,
    /// `utc`, `local` or an IANA name.
    pub time_zone: String,
    /// Whether the mouse is taken.
    pub mouse: bool,
    /// Frames a second while data comes, 1 to 60.
    pub max_fps: u32,
}

/// `[snapshot]`
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SnapshotSettings {
    /// Where they go; `snapshots` in the data folder if not said.
    pub dir: Option<PathBuf>,
    /// How many are kept.
    pub keep: u32,
}

/// The configuration cannot be used. Nothing was started.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    /// Something else than the file is wrong.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    pub(super) fn in_file(name: &str, line: Option<usize>, key: Option<&str>, what: &str) -> Self {
        let line = line.map_or(String::new(), |line| format!(", line {line}"));
        let key = key.map_or(String::new(), |key| format!(", key {key}"));
        Self(format!(
            "{name}{line}{key}: {what}. Nothing was started. consentwatch config init --print shows every key."
        ))
    }
}

/// A file of this size is none of ours.
const FILE_MAX: u64 = 1 << 20;

/// Reads the configuration.
///
/// # Errors
/// A key is unknown, a value is bad, a named file is missing, or an org comes without credentials of its own layer.
pub fn load(
    flags: &GlobalFlags,
    env: &dyn Fn(&str) -> Option<String>,
    places: &Places,
) -> Result<Config, ConfigError> {
    let named = flags.config.clone().or_else(|| env("CONSENTWATCH_CONFIG").map(PathBuf::from));
    let file_place = named.clone().or_else(|| places.config.as_ref().map(|dir| dir.join("config.toml")));
    let (file, name, found) = match &file_place {
        Some(path) if named.is_some() || path.exists() => {
            let name = shown(path);
            (file::read(&text_of(path)?, &name)?, name, Some(path.clone()))
        }
        _ => (File::default(), String::new(), None),
    };
    let file = match &flags.profile {
        None => file,
        Some(profile) => {
            let known: Vec<String> = file.profile.keys().cloned().collect();
            file.with_profile(profile).ok_or_else(|| {
                ConfigError(format!("There is no profile \"{profile}\". Known: {}.", known.join(", ")))
            })?
        }
    };
    let data_dir = flags
        .data_dir
        .clone()
        .or_else(|| env("CONSENTWATCH_DATA_DIR").map(PathBuf::from))
        .or_else(|| places.data.clone());
    // What is named in the file is beside the file, not beside whoever starts the program.
    let base = found.as_ref().and_then(|path| path.parent()).map(Path::to_path_buf).unwrap_or_default();
    let bad = |key: &str, what: &str| ConfigError::in_file(&name, None, Some(key), what);
    Ok(Config {
        org: org(flags, env, &file.org, &base, &bad)?,
        poll: poll(&file.poll, &bad)?,
        hook: Hook {
            enabled: file.hook.enabled.unwrap_or(false),
            listen: file.hook.listen.unwrap_or_else(|| "127.0.0.1:8787".into()),
            path: file.hook.path.unwrap_or_else(|| "/okta/hook".into()),
        },
        readiness: Readiness {
            authorization_server: file.readiness.authorization_server.unwrap_or_else(|| "default".into()),
            interval: file.readiness.interval.map_or(Duration::from_mins(5), |length| length.0),
        },
        journal: JournalSettings {
            keep_days: within(file.journal.keep_days, 400, 1..=36_500)
                .ok_or_else(|| bad("journal.keep_days", "1 to 36500"))?,
            keep_rows: within(file.journal.keep_rows, 10_000_000, 1..=1_000_000_000)
                .ok_or_else(|| bad("journal.keep_rows", "1 to 1000000000"))?,
        },
        ui: Ui {
            theme: file.ui.theme.map_or("auto", file::ThemeName::word),
            time_zone: file.ui.time_zone.unwrap_or_else(|| "utc".into()),
            mouse: file.ui.mouse.unwrap_or(false),
            max_fps: within(file.ui.max_fps, 10, 1..=60).ok_or_else(|| bad("ui.max_fps", "1 to 60"))?,
        },
        filters: file.filters,
        keys: file.keys,
        snapshot: SnapshotSettings {
            dir: file.snapshot.dir.map(|dir| base.join(dir)),
            keep: file.snapshot.keep.unwrap_or(100),
        },
        file: found,
        file_place,
        data_dir,
    })
}

fn poll(section: &file::Poll, bad: &dyn Fn(&str, &str) -> ConfigError) -> Result<Poll, ConfigError> {
    let interval = section.interval.map_or(Duration::from_secs(10), |length| length.0);
    if interval.is_zero() || interval > Duration::from_hours(1) {
        return Err(bad("poll.interval", "1s to 1h"));
    }
    let rate_share = section.rate_share.unwrap_or(0.5);
    if !(rate_share > 0.0 && rate_share <= 1.0) {
        return Err(bad("poll.rate_share", "above 0 and at most 1"));
    }
    let events = match &section.events {
        None => vec![Kind::Grant, Kind::Revoke, Kind::OrgGrant, Kind::AdminGrant, Kind::AdminRevoke],
        Some(words) => {
            let mut kinds = Vec::new();
            for word in words {
                let kind = Kind::from_word(word).filter(|kind| kind.filter().is_some()).ok_or_else(|| {
                    bad(
                        "poll.events",
                        &format!(
                            "no kind \"{word}\"; known: grant revoke org_grant admin_grant admin_revoke"
                        ),
                    )
                })?;
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            kinds
        }
    };
    if events.is_empty() {
        return Err(bad("poll.events", "at least one kind"));
    }
    Ok(Poll {
        interval,
        lookback: section.lookback.map_or(Duration::from_hours(24), |length| length.0),
        page_size: within(section.page_size, 1000, 1..=1000)
            .ok_or_else(|| bad("poll.page_size", "1 to 1000"))?,
        rate_share,
        events,
    })
}

/// An org and credentials that one layer names.
struct Layer {
    name: &'static str,
    url: Option<String>,
    token: Option<SecretSource>,
    client_id: Option<String>,
}

fn org(
    flags: &GlobalFlags,
    env: &dyn Fn(&str) -> Option<String>,
    file: &file::Org,
    base: &Path,
    bad: &dyn Fn(&str, &str) -> ConfigError,
) -> Result<Org, ConfigError> {
    let ways = [
        file.token_file.as_ref().map(|path| SecretSource::File(base.join(path))),
        file.token_env.as_ref().map(|name| SecretSource::Env(name.clone())),
        file.token_command.as_ref().map(|command| SecretSource::Command(command.clone())),
    ];
    let ways: Vec<SecretSource> = ways.into_iter().flatten().collect();
    let oauth = file.oauth.as_ref().and_then(|oauth| oauth.client_id.clone());
    if ways.len() + usize::from(file.oauth.is_some()) > 1 {
        return Err(bad("org", "exactly one way in: token_file, token_env, token_command or [org.oauth]"));
    }
    let text = |name: &str| env(name).filter(|text| !text.is_empty());
    let layers = [
        Layer { name: "flag", url: flags.org.clone(), token: None, client_id: None },
        Layer {
            name: "environment",
            url: text("OKTA_CLIENT_ORGURL"),
            token: text("OKTA_CLIENT_TOKEN").map(|text| SecretSource::Direct(Secret::new(text))),
            client_id: text("OKTA_CLIENT_CLIENTID"),
        },
        Layer { name: "file", url: file.url.clone(), token: ways.into_iter().next(), client_id: oauth },
    ];
    let ca_file =
        file.ca_file.as_ref().filter(|path| !path.as_os_str().is_empty()).map(|path| base.join(path));
    let Some(index) = layers.iter().position(|layer| layer.url.is_some()) else {
        return Ok(Org { ca_file, ..Org::default() });
    };
    let chosen = &layers[index];
    let host = chosen.url.as_deref().map(host_of);
    // Credentials belong to the layer that names the org: a lower layer's go along only to the same host.
    let has = |layer: &&Layer| layer.token.is_some() || layer.client_id.is_some();
    let own = std::iter::once(chosen)
        .chain(layers[index + 1..].iter().filter(|layer| layer.url.as_deref().map(host_of) == host))
        .find(has);
    if own.is_none()
        && let Some(other) = layers.iter().find(has)
    {
        return Err(ConfigError(format!(
            "The org comes from the {}, the credentials from the {}, and those belong to another org. Nothing was \
             started, no token was sent. Give both in one place.",
            chosen.name, other.name
        )));
    }
    Ok(Org {
        url: chosen.url.clone(),
        url_from: chosen.name,
        token: own.and_then(|layer| layer.token.clone()),
        client_id: own.and_then(|layer| layer.client_id.clone()),
        ca_file,
    })
}

/// The host and port of a URL as far as comparing needs it; the wire's own rules judge it later.
fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest).trim();
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase()
}

fn within<T: PartialOrd + Copy>(
    value: Option<T>,
    default: T,
    range: std::ops::RangeInclusive<T>,
) -> Option<T> {
    Some(value.unwrap_or(default)).filter(|value| range.contains(value))
}

fn text_of(path: &Path) -> Result<String, ConfigError> {
    let trouble = |what: String| {
        ConfigError(format!(
            "The configuration {} cannot be read: {what}. Nothing was started. consentwatch config path tells where it \
             is looked for.",
            shown(path)
        ))
    };
    let size = path.metadata().map_err(|error| trouble(error.to_string()))?.len();
    if size > FILE_MAX {
        return Err(trouble("it is larger than a mebibyte".into()));
    }
    std::fs::read_to_string(path).map_err(|error| trouble(error.to_string()))
}

fn shown(path: &Path) -> String {
    crate::consent::visible(&path.to_string_lossy()).into_owned()
}
