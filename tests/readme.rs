//! What the README says of keys is what the table of keys says.

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
