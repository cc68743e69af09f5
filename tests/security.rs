//! `SECURITY.md` names tests for each expectation. Each must exist in the file that it names.

use std::fs;
use std::path::Path;

/// Returns the texts between backquotes, in order.
fn quoted(row: &str) -> impl Iterator<Item = &str> {
    row.split('`').skip(1).step_by(2)
}

/// Returns the items in a row of the table that do not exist, and the number of tests that do.
fn check(row: &str, root: &Path) -> (Vec<String>, usize) {
    let (mut missing, mut found) = (Vec::new(), 0);
    let mut text: Option<String> = None;
    for piece in quoted(row.rsplit('|').nth(1).unwrap_or_default()) {
        let file = piece.split(' ').next().unwrap_or_default();
        if root.join(file).is_file() {
            let read = fs::read_to_string(root.join(file)).expect("a text file");
            let checks = piece.split(' ').skip(1);
            let unknown: Vec<_> =
                checks.filter(|name| !read.contains(&format!("\"{name}\": check_"))).collect();
            missing.extend(unknown.iter().map(|name| format!("{file} has no check {name}")));
            found += usize::from(
                unknown.is_empty() && Path::new(file).extension().is_none_or(|ending| ending != "rs"),
            );
            text = Some(read);
        } else if piece == "unsafe_code" {
            let manifest = text.as_deref().unwrap_or_default();
            if !manifest.contains("unsafe_code = \"forbid\"") {
                missing.push("unsafe code is not forbidden".to_owned());
            }
        } else {
            match &text {
                Some(text) if text.contains(&format!("fn {piece}(")) => found += 1,
                _ => missing.push(piece.to_owned()),
            }
        }
    }
    (missing, found)
}

#[test]
fn each_expectation_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paper = fs::read_to_string(root.join("SECURITY.md")).expect("the paper");
    for number in 1..=25 {
        let start = format!("| S{number} | ");
        let row = paper.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("SECURITY.md has no row S{number}"));
        let (missing, found) = check(row, root);
        assert!(missing.is_empty(), "S{number} names what does not exist: {missing:?}");
        assert!(found > 0, "S{number} names no test");
    }
}

#[test]
fn a_missing_test_is_noticed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (missing, found) =
        check("| S0 | x | `tests/security.rs`: `a_missing_test_is_noticed`, `no_such_test` |", root);
    assert_eq!((missing.len(), found), (1, 1));
    let (missing, _) = check("| S0 | x | `tests/confine/run network nowhere` |", root);
    assert_eq!(missing.len(), 1, "{missing:?}");
}
