//! Reads the text of a configuration file.

use std::path::Path;

use zeroize::Zeroizing;

use super::error::{ConfigError, shown};
use crate::safe_file;

/// Reads a configuration file, ours or the one of the SDKs. The file decides which commands run and where credentials
/// go, so a file that every account may write is refused.
pub(super) fn text_of(path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let trouble = |what: String| {
        ConfigError(format!(
            "The configuration {} cannot be read: {what}. Nothing was started. consentwatch config path shows where it \
             is looked for.",
            shown(path)
        ))
    };
    let (text, mode) =
        safe_file::read_text(path, safe_file::BYTES_MAX).map_err(|error| trouble(error.to_string()))?;
    if is_open(mode) {
        return Err(ConfigError(format!(
            "Every account may write the configuration {} (mode {:03o}), and so decide which commands run and where \
             credentials go. Nothing was started. Run chmod 600 on it.",
            shown(path),
            mode & 0o777
        )));
    }
    Ok(text)
}

/// Reads a configuration file by the same rules as [`text_of`], for a caller that can do without it.
///
/// # Errors
/// The file cannot be read. The text says why and is not a whole sentence.
pub(super) fn text_within(path: &Path) -> Result<Zeroizing<String>, String> {
    let (text, mode) = safe_file::read_text(path, safe_file::BYTES_MAX).map_err(|error| error.to_string())?;
    if is_open(mode) {
        return Err(format!("every account may write it (mode {:03o})", mode & 0o777));
    }
    Ok(text)
}

/// Returns whether every account may write a file of this mode.
fn is_open(mode: u32) -> bool {
    mode & 0o002 != 0
}
