//! The floors of the house: a module names only what its line allows, and what it must never know it does not name.

use std::fs;
use std::path::{Path, PathBuf};

/// `start.rs` is the upper half of `lib.rs`: it puts together what the commands name.
const START: &[&str] = &[
    "screen",
    "run",
    "cli",
    "config",
    "exit",
    "export",
    "log",
    "sim",
    "clock",
    "consent",
    "journal",
    "model",
    "okta",
    "safe_file",
    "secret",
    "tasks",
    "tui",
    "view",
];

/// (module, what of ours it may name, words that must not occur in it).
const FLOORS: &[(&str, &[&str], &[&str])] = &[
    ("main.rs", &["lib"], &["tokio", "rusqlite", "reqwest"]),
    ("lib.rs", &["run", "screen", "cli", "config", "exit", "log", "safe_file", "sim", "start"], &[]),
    ("start.rs", START, &["rusqlite", "reqwest"]),
    (
        "screen",
        &["run", "tui", "view", "model", "export", "exit", "clock", "tasks"],
        &["rusqlite", "reqwest", "std::fs"],
    ),
    (
        "run",
        &[
            "tui",
            "view",
            "intake",
            "model",
            "okta",
            "journal",
            "export",
            "files",
            "exit",
            "config",
            "consent",
            "report",
            "clock",
            "tasks",
            "secret",
            "log",
            "safe_file",
        ],
        &[],
    ),
    ("tui", &["view", "model", "clock"], &["rusqlite", "reqwest"]),
    (
        "view",
        &["model", "consent", "report"],
        &["tokio", "std::fs", "std::net", "rusqlite", "reqwest", "Clock"],
    ),
    (
        "intake",
        &["okta", "journal", "consent", "report", "clock", "tasks", "secret", "safe_file"],
        &["ratatui", "crossterm"],
    ),
    (
        "model",
        &["consent", "report"],
        &["tokio", "rusqlite", "reqwest", "std::fs", "std::net", "Clock", "crossterm"],
    ),
    (
        "okta",
        &["consent", "report", "secret"],
        &["tokio", "reqwest", "std::fs", "std::net", "Clock", "rusqlite"],
    ),
    (
        "files",
        &["consent", "export", "okta", "report", "safe_file"],
        &["tokio", "rusqlite", "reqwest", "ratatui", "Clock"],
    ),
    ("journal", &["consent", "report", "clock", "safe_file"], &["reqwest", "ratatui"]),
    ("export", &["consent", "report"], &["tokio", "rusqlite", "reqwest", "ratatui"]),
    ("cli.rs", &["config"], &["tokio"]),
    ("exit.rs", &["config"], &["tokio"]),
    ("config", &["secret", "consent", "safe_file"], &["tokio", "rusqlite", "reqwest"]),
    ("sim", &["clock", "tasks"], &["rusqlite", "ratatui", "serde(rename"]),
    ("consent", &["consent"], &["tokio", "rusqlite", "reqwest", "ratatui"]),
    ("report", &["report"], &["tokio", "rusqlite", "reqwest", "ratatui"]),
    ("clock.rs", &[], &["rusqlite", "reqwest"]),
    ("tasks.rs", &[], &["rusqlite", "reqwest"]),
    ("secret.rs", &["safe_file"], &["rusqlite", "reqwest"]),
    ("log.rs", &["consent", "safe_file"], &["rusqlite", "reqwest", "ratatui"]),
    ("safe_file.rs", &[], &["rusqlite", "reqwest", "ratatui"]),
];

/// Ways to open or create a file or folder by its name. Only `safe_file.rs` uses them, so that its rules hold everywhere.
const OPENERS: &[&str] = &[
    "File::open(",
    "File::create",
    "File::options",
    "OpenOptions",
    "DirBuilder",
    "fs::read(",
    "fs::read_to_string",
    "fs::write(",
    "fs::copy(",
    "fs::hard_link(",
    "fs::create_dir",
    "fs::set_permissions",
    "pem_file_iter",
    "from_pem_file",
];
/// Files that open something by name all the same: the terminal, which is a device.
const TERMINALS: &[&str] = &["tui/tty.rs", "tui/hangup.rs"];

#[test]
fn files_are_opened_in_one_place() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut faults, mut files) = (Vec::new(), Vec::new());
    collect(&src, &mut files);
    for file in files {
        let inside = file.strip_prefix(&src).expect("inside src").to_string_lossy().into_owned();
        let is_test = inside.ends_with("tests.rs");
        if is_test || inside == "safe_file.rs" || TERMINALS.contains(&inside.as_str()) {
            continue;
        }
        let text = fs::read_to_string(&file).expect("a source file");
        let code = shipped(&text);
        faults.extend(
            OPENERS.iter().filter(|word| code.contains(*word)).map(|word| format!("{inside}: has {word}")),
        );
    }
    assert!(faults.is_empty(), "use safe_file in place of\n{}", faults.join("\n"));
}

#[test]
fn every_module_keeps_to_its_floor() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut faults = Vec::new();
    let mut files = Vec::new();
    collect(&src, &mut files);
    assert!(files.len() > 30, "the sources were found");
    for file in files {
        let inside = file.strip_prefix(&src).expect("inside src").to_string_lossy().into_owned();
        let room = inside.split('/').next().unwrap_or_default();
        let Some((name, may, never)) =
            FLOORS.iter().find(|(name, ..)| name.trim_end_matches(".rs") == room.trim_end_matches(".rs"))
        else {
            faults.push(format!("{inside}: has no line in the table"));
            continue;
        };
        let text = fs::read_to_string(&file).expect("a source file");
        let code = shipped(&text);
        for named in named(&code) {
            let own = named == name.trim_end_matches(".rs");
            if !own && !may.contains(&named.as_str()) {
                faults.push(format!("{inside}: names crate::{named}"));
            }
        }
        for word in *never {
            if code.contains(word) {
                faults.push(format!("{inside}: must never know {word}"));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The code that ships: without comments, and without what stands behind `#[cfg(test)]`, which a file keeps last.
fn shipped(text: &str) -> String {
    let end =
        text.find("#[cfg(test)]\nmod ").or_else(|| text.find("#[cfg(test)]\npub")).unwrap_or(text.len());
    let code = text.get(..end).unwrap_or(text);
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The first names after each `crate::`, those of a group one by one.
fn named(code: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut names = Vec::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => names.push(word(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut item = String::new();
                for c in group.chars() {
                    match c {
                        '}' if depth == 0 => break,
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        ',' if depth == 0 => names.push(word(std::mem::take(&mut item).trim())),
                        c => item.push(c),
                    }
                }
                names.push(word(item.trim()));
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn groups_are_read_too() {
    let code = "use crate::{a::{B, c}, d};\nuse crate::e::F;";
    assert_eq!(named(code), ["a", "d", "e"]);
}
