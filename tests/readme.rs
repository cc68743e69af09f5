//! What the README says of keys is what the table of keys says, and what CONTRIBUTING.md names is there.

use consentwatch::model::BINDINGS;

const README: &str = include_str!("../README.md");

#[test]
fn the_keys_are_those_of_the_table() {
    for binding in BINDINGS {
        let chords: Vec<String> = binding.chords.iter().map(|chord| format!("`{chord}`")).collect();
        let line = format!("| {} | {} |", chords.join(" "), binding.words);
        assert!(README.lines().any(|other| other == line), "the README lacks the line\n{line}");
    }
}

#[test]
fn the_two_commands_are_there() {
    for command in ["cargo run --release -- demo", "cargo test"] {
        assert!(README.lines().any(|line| line == command), "{command}");
    }
}

/// Every file and folder that CONTRIBUTING.md names is there, and the names of code in the same step stand in it.
#[test]
fn what_contributing_names_is_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = include_str!("../CONTRIBUTING.md");
    let mut looked = 0;
    for line in text.lines() {
        let named: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        let files: Vec<_> = named
            .iter()
            .filter(|name| ["src/", "tests/", ".ci/"].iter().any(|start| name.starts_with(start)))
            .map(|name| root.join(name))
            .collect();
        for file in &files {
            assert!(file.exists(), "{} is not there: {line}", file.display());
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
            assert!(files.is_empty() || files.iter().any(is_in), "no file of this line has {name}: {line}");
        }
    }
    assert!(looked > 30, "the paths were found");
}
