//! The text of a configuration file.

use std::path::Path;

use zeroize::Zeroizing;

use super::error::{ConfigError, shown};
use crate::safe_file;

/// Reads a configuration, ours or that of the SDKs. Whoever may write it chooses which commands run and where the
/// credentials go, so one that every account may write is refused.
pub(super) fn text_of(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let trouble = |what: String| {
        ConfigError(format!(
            "The configuration {} cannot be read: {what}. Nothing was started. consentwatch config path tells where it \
             is looked for.",
            shown(path)
        ))
    };
    let (text, mode) =
        safe_file::read_text(path, safe_file::BYTES_MAX).map_err(|error| trouble(error.to_string()))?;
    if is_open(mode) {
        return Err(ConfigError(format!(
            "Every account may write the configuration {} (mode {:03o}), and so choose which commands run and where \
             credentials go. Nothing was started. Run chmod 600 on it.",
            shown(path),
            mode & 0o777
        )));
    }
    Ok(text)
}

/// Reads a configuration by the same rules, for whoever can do without it.
///
/// # Errors
/// It cannot be read: why, in the words of a part of a sentence.
pub(super) fn text_within(path: &Path) -> Result<Zeroizing<String>, String> {
    let (text, mode) = safe_file::read_text(path, safe_file::BYTES_MAX).map_err(|error| error.to_string())?;
    if is_open(mode) {
        return Err(format!("every account may write it (mode {:03o})", mode & 0o777));
    }
    Ok(text)
}

/// Whether every account may write a file.
fn is_open(mode: u32) -> bool {
    mode & 0o002 != 0
}
