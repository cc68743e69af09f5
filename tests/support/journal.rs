//! Finds the program's journal.

use std::fs;
use std::path::PathBuf;

use super::process::Sandbox;

/// Returns the folder of the only journal in the data folder, which may also contain the log file.
pub(crate) fn journal_folder(sandbox: &Sandbox) -> PathBuf {
    let entries = fs::read_dir(sandbox.path("data")).expect("the data folder");
    let folders: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("journal.sqlite3").exists())
        .collect();
    let [folder] = &folders[..] else { panic!("not one journal: {folders:?}") };
    folder.clone()
}
