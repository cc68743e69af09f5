//! Resolves flags, environment and file into one configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use zeroize::Zeroizing;

use super::error::{ConfigError, shown};
use super::hook::{self, Hook};
use super::org::{self, Org};
use super::schema::{self, File};
use super::text::text_of;
use crate::consent::Kind;
use crate::secret::open_to_others;

/// The command-line flags that affect the configuration.
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
    /// The org and its credentials.
    pub org: Org,
    /// The settings of the poller.
    pub poll: Poll,
    /// The settings of the event hook listener.
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
    /// The custom authorization server to probe: `default`, an id or an issuer.
    pub authorization_server: String,
    /// The time between two rounds of probes.
    pub interval: Duration,
}

/// `[journal]`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JournalSettings {
    /// Rows older than this are removed.
    pub keep_days: u32,
    /// The most rows that are kept. Beyond it, rows that only the hook brought are removed first, then the oldest.
    pub keep_rows: u64,
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
        Some(profile) => {
            let known: Vec<String> = file.profile.keys().cloned().collect();
            file.with_profile(profile).ok_or_else(|| {
                ConfigError(format!("There is no profile \"{profile}\". Known: {}.", known.join(", ")))
            })?
        }
    };
    let data_dir = data_dir(flags, env, places);
    // Paths in the file are relative to the file's folder, not to the current one.
    let base = found.as_ref().and_then(|path| path.parent()).map(Path::to_path_buf).unwrap_or_default();
    let bad = |key: &str, what: &str| ConfigError::in_file(&name, None, Some(key), what);
    Ok(Config {
        org: org::org(
            flags.org.as_deref(),
            env,
            &file.org,
            &base,
            places.sdk.as_deref(),
            &bad,
            &mut warnings,
        )?,
        poll: poll(&file.poll, &bad)?,
        hook: hook::hook(&file.hook, env, &base, &bad)?,
        readiness: ReadinessSettings {
            authorization_server: file.readiness.authorization_server.unwrap_or_else(|| "default".into()),
            interval: within(
                Some(file.readiness.interval.map_or(Duration::from_mins(5), |length| length.0)),
                Duration::from_mins(5),
                Duration::from_secs(10)..=Duration::from_hours(24),
            )
            .ok_or_else(|| bad("readiness.interval", "must be 10s to 24h"))?,
        },
        journal: JournalSettings {
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
        file: found,
        file_place,
        data_dir,
        allow_shared_data_dir: flags.allow_shared_data_dir,
        warnings,
    })
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
