//! What the reference says of keys is what the table of keys says, and what other papers name is there.

use std::fmt::Write as _;
use std::fs;

use consentwatch::model::BINDINGS;

const README: &str = include_str!("../README.md");
const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference.md");

/// `UPDATE_DOCS=1` writes the table of keys anew.
#[test]
fn the_keys_are_those_of_the_table() {
    let (start, end) = (
        "<!-- keys: made from BINDINGS in src/model/keys.rs by UPDATE_DOCS=1 cargo test --test readme -->\n",
        "<!-- end of keys -->\n",
    );
    let mut made = "| keys | does | command |\n|---|---|---|\n".to_owned();
    for binding in BINDINGS {
        let chords: Vec<String> = binding.chords.iter().map(|chord| format!("`{chord}`")).collect();
        writeln!(made, "| {} | {} | `{}` |", chords.join(" "), binding.words, binding.command.name())
            .expect("a String");
    }
    let text = fs::read_to_string(REFERENCE).expect("the reference");
    let (before, rest) = text.split_once(start).expect("the beginning of the table");
    let (written, after) = rest.split_once(end).expect("the end of the table");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(REFERENCE, format!("{before}{start}{made}{end}{after}")).expect("written");
        return;
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (made, written) = (lines(&made), lines(written));
    let missing: Vec<_> = made.iter().filter(|line| !written.contains(line)).collect();
    let stale: Vec<_> = written.iter().filter(|line| !made.contains(line)).collect();
    let what = "UPDATE_DOCS=1 cargo test --test readme writes the table anew";
    assert!(missing.is_empty() && stale.is_empty(), "missing: {missing:#?}\nstale: {stale:#?}\n{what}");
    assert_eq!(written, made, "the order differs; {what}");
}

#[test]
fn the_two_commands_are_there() {
    for command in ["cargo run --release -- demo", "cargo test"] {
        assert!(README.lines().any(|line| line == command), "{command}");
    }
}

#[test]
fn what_contributing_names_is_there() {
    let looked = look(include_str!("../CONTRIBUTING.md"));
    assert!(looked > 30, "the paths were found");
}

#[test]
fn what_the_architecture_names_is_there() {
    let looked = look(include_str!("../docs/architecture.md"));
    assert!(looked > 20, "the paths were found");
}

/// Checks that every file and folder that a paper names is there, and that the types of an item or a paragraph are defined
/// in a file that it names. Returns how many paths it found.
fn look(text: &str) -> usize {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut items = vec![String::new()];
    for line in text.lines() {
        if line.is_empty() || line.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '*' | '|')) {
            items.push(String::new());
        }
        items.last_mut().expect("there is one").extend([" ", line]);
    }
    let mut looked = 0;
    for item in &items {
        let named: Vec<&str> = item.split('`').skip(1).step_by(2).collect();
        let files: Vec<_> = named
            .iter()
            .filter(|name| ["src/", "tests/", ".ci/"].iter().any(|start| name.starts_with(start)))
            .map(|name| root.join(name))
            .collect();
        for file in &files {
            assert!(file.exists(), "{} is not there: {item}", file.display());
            looked += 1;
        }
        let is_type = |name: &&&str| {
            name.starts_with(char::is_uppercase)
                && name.contains(char::is_lowercase)
                && name.chars().all(char::is_alphanumeric)
        };
        for name in named.iter().filter(is_type) {
            let is_in = |file: &std::path::PathBuf| {
                std::fs::read_to_string(file).is_ok_and(|text| {
                    ["enum", "struct", "type"].iter().any(|kind| text.contains(&format!("{kind} {name}")))
                })
            };
            assert!(
                files.is_empty() || files.iter().any(is_in),
                "no file that this names has {name}: {item}"
            );
        }
    }
    looked
}
