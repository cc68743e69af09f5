//! The floors of the house: a module names only what its line allows, and what it must never know it does not name.

use std::fs;
use std::path::{Path, PathBuf};

/// `start.rs` is the upper half of `lib.rs`: it puts together what the commands name.
const START: &[&str] = &[
    "run", "cli", "config", "exit", "export", "log", "sim", "clock", "consent", "journal", "model", "okta",
    "secret", "tasks", "tui", "view",
];

/// (module, what of ours it may name, words that must not occur in it).
const FLOORS: &[(&str, &[&str], &[&str])] = &[
    ("main.rs", &["lib"], &["tokio", "rusqlite", "reqwest"]),
    ("lib.rs", &["run", "cli", "config", "exit", "log", "sim", "start"], &[]),
    ("start.rs", START, &["rusqlite", "reqwest"]),
    (
        "run",
        &[
            "tui", "view", "intake", "model", "okta", "journal", "export", "files", "exit", "config",
            "consent", "report", "clock", "tasks", "secret", "log",
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
        &["okta", "journal", "consent", "report", "clock", "tasks", "secret"],
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
        &["consent", "export", "okta", "report"],
        &["tokio", "rusqlite", "reqwest", "ratatui", "Clock"],
    ),
    ("journal", &["consent", "report", "clock"], &["reqwest", "ratatui"]),
    ("export", &["consent", "report"], &["tokio", "rusqlite", "reqwest", "ratatui"]),
    ("cli.rs", &["config"], &["tokio"]),
    ("exit.rs", &["config"], &["tokio"]),
    ("config", &["secret", "consent"], &["tokio", "rusqlite", "reqwest"]),
    ("sim", &["clock", "tasks"], &["rusqlite", "ratatui", "serde(rename"]),
    ("consent", &["consent"], &["tokio", "rusqlite", "reqwest", "ratatui"]),
    ("report", &["report"], &["tokio", "rusqlite", "reqwest", "ratatui"]),
    ("clock.rs", &[], &["rusqlite", "reqwest"]),
    ("tasks.rs", &[], &["rusqlite", "reqwest"]),
    ("secret.rs", &[], &["rusqlite", "reqwest"]),
    ("log.rs", &[], &["rusqlite", "reqwest", "ratatui"]),
];

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
            FLOORS.iter().find(|(name, ..)| *name == room || (*name == "config" && room == "config.rs"))
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
