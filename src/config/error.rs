//! The error for a configuration that cannot be used.

use std::path::Path;

use crate::consent::visible;
use crate::secret::scrub;

/// An error in the configuration, found before anything was started.
///
/// Its `Display` shows invisible characters as marks and hides anything that looks like a secret.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", visible(&scrub(.0)))]
pub struct ConfigError(pub(super) String);

impl std::fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ConfigError({self})")
    }
}

impl ConfigError {
    /// Makes an error that names no file, line or key.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    /// Makes an error about a file, with the line and the key where they are known. `what` ends no sentence.
    pub(super) fn in_file(name: &str, line: Option<usize>, key: Option<&str>, what: &str) -> Self {
        Self::of_org(name, line, None, key, what)
    }

    /// Makes an error about a file as [`Self::in_file`] does, with the org where there are several.
    pub(super) fn of_org(
        name: &str,
        line: Option<usize>,
        org: Option<&str>,
        key: Option<&str>,
        what: &str,
    ) -> Self {
        let line = line.map_or(String::new(), |line| format!(", line {line}"));
        let org = org.map_or(String::new(), |org| format!(", org {org}"));
        let key = key.map_or(String::new(), |key| format!(", key {key}"));
        Self(format!(
            "{name}{line}{org}{key}: {what}. Nothing was started. consentwatch config init --print shows every key."
        ))
    }
}

/// Returns a path as text for people, with invisible characters shown as marks.
pub(super) fn shown(path: &Path) -> String {
    visible(&path.to_string_lossy()).into_owned()
}

/// Removes the value from an error message of the TOML library, since it may be a secret in the wrong place.
pub(super) fn without_value(message: &str) -> String {
    let expected = message.rfind(", expected ").and_then(|at| message.get(at..)).unwrap_or_default();
    for (start, told) in [("invalid type: ", "invalid type: "), ("invalid value: ", "invalid value: ")] {
        if let Some(rest) = message.strip_prefix(start) {
            // The message goes on with `string "…"` or `integer `…``. The type is kept.
            let kind = rest.split(['"', '`', ',']).next().unwrap_or_default().trim_end();
            return format!("{told}{kind}{expected}");
        }
    }
    if message.starts_with("unknown variant ") {
        return format!("unknown value{expected}");
    }
    message.to_owned()
}
