//! The names of the journal's files, and how a path is shown and resolved.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use crate::consent::{KnownOrg, visible};

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

/// Returns the key of the org that gave a journal's folder its name, or an empty text if the name cannot be a host.
/// Then a person chose it, for example `team` in `[journal] name`.
pub(super) fn key_of_folder(name: &str) -> &str {
    // In a key, an underscore stands for the colon before the port.
    let is_host = name.contains('.') || name == "localhost" || name.starts_with("localhost_");
    if is_host && *KnownOrg::key_of(name) == *name { name } else { "" }
}

/// Returns a database's path with every link in its folder resolved. SQLite's no-follow flag refuses a link anywhere in
/// a path, and the folder may be one.
pub(super) fn database(dir: &Path, name: &str) -> io::Result<PathBuf> {
    Ok(dir.canonicalize()?.join(name))
}

#[cfg(test)]
mod tests {
    use super::key_of_folder;

    #[test]
    fn only_a_folder_that_can_be_named_after_a_host_says_which_org_it_is_of() {
        for host in ["example.okta.com", "127.0.0.1_8080", "localhost", "localhost_8080"] {
            assert_eq!(key_of_folder(host), host);
        }
        for name in ["", "team", "team_2", "localhosts", "my team.old", "b\u{fc}ro.example"] {
            assert_eq!(key_of_folder(name), "", "{name}");
        }
    }
}
