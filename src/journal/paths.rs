//! The names of the journal's files, and how a path is shown and resolved.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use crate::consent::visible;

/// The journal's file in its directory.
pub(super) const FILE: &str = "journal.sqlite3";
/// The lock file. The process that holds its lock writes the journal.
pub(super) const LOCK: &str = "journal.lock";

/// Returns a path with every character that a terminal would act on made visible.
pub(super) fn shown(path: &Path) -> String {
    visible(&path.display().to_string()).into_owned()
}

/// Returns the name of a journal's folder, which an org may have given it. If the path ends in a link, its name counts.
pub(super) fn folder_name(dir: &Path) -> Cow<'_, str> {
    dir.file_name().unwrap_or_default().to_string_lossy()
}

/// Returns a database's path with every link in its folder resolved. SQLite's no-follow flag refuses a link anywhere in
/// a path, and the folder may be one.
pub(super) fn database(dir: &Path, name: &str) -> io::Result<PathBuf> {
    Ok(dir.canonicalize()?.join(name))
}
