//! The schema of the configuration file. An unknown key is an error.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use super::error::{ConfigError, without_value};
use super::when::length;

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct File {
    pub(super) org: Orgs,
    pub(super) poll: Poll,
    pub(super) hook: Hook,
    pub(super) readiness: Readiness,
    pub(super) journal: Journal,
    pub(super) ui: Ui,
    pub(super) keys: BTreeMap<String, Spanned<Vec<String>>>,
    pub(super) filters: BTreeMap<String, Spanned<String>>,
    pub(super) snapshot: Snapshot,
    pub(super) team: Team,
    pub(super) profile: BTreeMap<String, Box<File>>,
}

/// The orgs of a file: one in the table `[org]`, or several in a list of tables `[[org]]`.
#[derive(Clone, Debug, Default)]
pub(super) struct Orgs(pub(super) Vec<OrgTable>);

/// One table of [`Orgs`].
#[derive(Clone, Debug)]
pub(super) struct OrgTable {
    /// The place of `[[org]]` in the text of the file, or `None` for `[org]`, which its name is enough to find.
    pub(super) at: Option<usize>,
    pub(super) settings: Org,
}

/// The most orgs that a file may list.
const ORGS_MAX: usize = 100;

impl<'de> Deserialize<'de> for Orgs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tables;
        // An untagged enum would lose the line of an error and the known keys.
        impl<'de> Visitor<'de> for Tables {
            type Value = Orgs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a table [org], or 1 to {ORGS_MAX} tables [[org]]")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Orgs, A::Error> {
                let settings = Org::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Orgs(vec![OrgTable { at: None, settings }]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Orgs, A::Error> {
                let mut tables = Vec::new();
                while let Some(table) = list.next_element::<Spanned<Org>>()? {
                    tables.push(OrgTable { at: Some(table.span().start), settings: table.into_inner() });
                }
                match tables.len() {
                    1..=ORGS_MAX => Ok(Orgs(tables)),
                    count => Err(de::Error::invalid_length(count, &self)),
                }
            }
        }
        deserializer.deserialize_any(Tables)
    }
}

macro_rules! sections {
    ($($name:ident { $($key:ident: $kind:ty),* $(,)? $(; $part:ident: $section:ty)? })*) => {$(
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub(super) struct $name { $(pub(super) $key: Option<$kind>,)* $(pub(super) $part: $section,)? }

        impl $name {
            /// Returns these settings with each key that `over` sets replaced by its value.
            pub(super) fn overlaid(self, over: &Self) -> Self {
                Self {
                    $($key: over.$key.clone().or(self.$key),)*
                    $($part: self.$part.overlaid(&over.$part),)?
                }
            }
        }
    )*};
}

sections! {
    Org {
        name: String, url: String, token_file: PathBuf, token_env: String, token_command: String, ca_file: PathBuf,
        authorization_server: String, oauth: OAuth; hook: OrgHook
    }
    OrgHook {
        secret_file: PathBuf, secret_env: String, secret_command: String, previous_secret_file: PathBuf,
        previous_secret_env: String, previous_secret_command: String, public_url: String,
    }
}

/// `[org.oauth]`: a service app. A profile replaces it as a whole, since a client id and its key belong together.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OAuth {
    pub(super) client_id: Option<String>,
    pub(super) private_key_file: Option<PathBuf>,
    pub(super) private_key_env: Option<String>,
    pub(super) private_key_command: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) dpop: Option<DpopSetting>,
}

sections! {
    Poll { interval: Length, lookback: Length, page_size: u16, rate_share: f64, events: Vec<String>, names: bool }
    Hook {
        enabled: bool, listen: String, path: String, secret_file: PathBuf, secret_env: String, secret_command: String,
        tls_cert: PathBuf, tls_key: PathBuf, behind_proxy: bool, previous_secret_file: PathBuf,
        previous_secret_env: String, previous_secret_command: String, public_url: String,
    }
    Readiness { authorization_server: String, interval: Length }
    Journal { name: String, keep_days: u32, keep_rows: u64 }
    Ui {
        theme: ThemeName, time_zone: String, clock: bool, columns: Vec<String>, mouse: bool, title: bool, max_fps: u32,
        bytes_per_second: u32,
        clipboard: Clipboard,
    }
    Snapshot { dir: PathBuf, every: Length, on_exit: bool, keep: u32 }
    Team { url: String, url_file: PathBuf, nkey_file: PathBuf, creds_file: PathBuf, ca_file: PathBuf }
}

/// When DPoP proofs are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DpopSetting {
    /// Sent once Okta says that the app requires them.
    Auto,
    /// Sent from the first request on.
    Always,
    /// Never sent, even if Okta requires them.
    Never,
}

/// The theme of the screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ThemeName {
    Auto,
    Dark,
    Light,
    Ansi,
    Mono,
}

impl ThemeName {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Ansi => "ansi",
            Self::Mono => "mono",
        }
    }
}

/// How text is copied to the clipboard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Clipboard {
    Osc52,
    Off,
}

/// A duration, written as `"10s"`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Length(pub(super) Duration);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = Length;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"90s\", \"15m\", \"24h\" or \"7d\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Length, E> {
                length(text).map(Length).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Words)
    }
}

/// Parses the text of a configuration file. `name` is the file's name for errors.
pub(super) fn read(text: &str, name: &str) -> Result<File, ConfigError> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        let key = error.span().and_then(|span| key_at(text, span.start));
        let what = without_value(&error.message().replace('\n', " "));
        ConfigError::in_file(name, line, key.as_deref(), &what)
    })
}

/// Returns the number of the line that contains byte `at`, counted from 1.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// Returns the key on the line that contains byte `at`, or `None` if the text before `=` does not look like a key. A
/// line of a private key may contain `=` too.
fn key_at(text: &str, at: usize) -> Option<String> {
    let start = text.as_bytes().get(..at)?.iter().rposition(|b| *b == b'\n').map_or(0, |place| place + 1);
    let line = text.get(start..)?.lines().next()?;
    let key = line.split_once('=')?.0.trim();
    let is_part =
        |c: char| !c.is_ascii() || c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.'\"".contains(c);
    (!key.is_empty() && key.chars().all(is_part)).then(|| key.to_owned())
}

impl Org {
    /// Returns whether it names a command that prints a secret.
    fn runs_commands(&self) -> bool {
        let key = self.oauth.as_ref().and_then(|oauth| oauth.private_key_command.as_ref());
        let (hook, before) = (&self.hook.secret_command, &self.hook.previous_secret_command);
        [self.token_command.as_ref(), key, hook.as_ref(), before.as_ref()].iter().any(Option::is_some)
    }
}

impl Orgs {
    /// Returns the orgs of a file with those of a profile applied, or `None` if the profile has settings for an org but
    /// does not say for which of several.
    ///
    /// An org and its credentials belong together, so a profile that names an org takes no org from the rest of the
    /// file.
    fn overlaid(self, over: &Self) -> Option<Self> {
        let [only] = over.0.as_slice() else {
            return Some(if over.0.is_empty() { self } else { over.clone() });
        };
        if only.settings.url.is_some() {
            return Some(over.clone());
        }
        let mut tables = self.0.into_iter();
        match (tables.next(), tables.next()) {
            (Some(base), None) => {
                let settings = base.settings.overlaid(&only.settings);
                Some(Self(vec![OrgTable { settings, ..base }]))
            }
            (None, _) => Some(over.clone()),
            (Some(_), Some(_)) => None,
        }
    }
}

impl File {
    /// Returns whether the file or one of its profiles names a command that prints a secret.
    pub(super) fn runs_commands(&self) -> bool {
        let hook = [&self.hook.secret_command, &self.hook.previous_secret_command];
        self.org.0.iter().any(|table| table.settings.runs_commands())
            || hook.iter().any(|command| command.is_some())
            || self.profile.values().any(|profile| profile.runs_commands())
    }

    /// Returns the settings with a profile applied.
    ///
    /// # Errors
    /// There is no profile of that name, or it does not say to which org its settings belong.
    pub(super) fn with_profile(mut self, name: &str) -> Result<Self, ConfigError> {
        let known: Vec<String> = self.profile.keys().cloned().collect();
        let over = self.profile.remove(name).ok_or_else(|| {
            ConfigError(format!("There is no profile \"{name}\". Known: {}.", known.join(", ")))
        })?;
        let org = self.org.overlaid(&over.org).ok_or_else(|| {
            ConfigError(format!(
                "The profile \"{name}\" has settings for one org, and the file lists several. Nothing was started. List \
                 the orgs of the profile, with their URLs, as [[profile.{name}.org]]."
            ))
        })?;
        let mut keys = self.keys;
        keys.extend(over.keys.clone());
        let mut filters = self.filters;
        filters.extend(over.filters.clone());
        Ok(Self {
            org,
            poll: self.poll.overlaid(&over.poll),
            hook: self.hook.overlaid(&over.hook),
            readiness: self.readiness.overlaid(&over.readiness),
            journal: self.journal.overlaid(&over.journal),
            ui: self.ui.overlaid(&over.ui),
            keys,
            filters,
            snapshot: self.snapshot.overlaid(&over.snapshot),
            team: self.team.overlaid(&over.team),
            profile: BTreeMap::new(),
        })
    }
}
