//! Parses documents into headings, tables, code and links.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The documents for users and contributors. The CHANGELOG is not among them, since it may mention removed things.
pub(crate) const PAPERS: [&str; 10] = [
    "README.md",
    "docs/guide.md",
    "docs/reference.md",
    "docs/security.md",
    "docs/architecture.md",
    "docs/clock.md",
    "docs/scale.md",
    "docs/team.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
];

/// Returns the path of a file of the repository.
pub(crate) fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Reads a file of the repository.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A fenced block of code.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) text: String,
    /// The line of the fence, counted from 1.
    pub(crate) line: usize,
}

/// Splits a document into its fenced blocks and the lines around them.
pub(crate) fn parts(text: &str) -> (Vec<Block>, Vec<&str>) {
    let (mut blocks, mut prose) = (Vec::<Block>::new(), Vec::new());
    let mut is_open = false;
    for (number, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if is_open => is_open = false,
            Some(language) => {
                is_open = true;
                blocks.push(Block { language: language.to_owned(), text: String::new(), line: number + 1 });
            }
            None if is_open => {
                let block = blocks.last_mut().expect("one is open");
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => prose.push(line),
        }
    }
    assert!(!is_open, "a block is not closed");
    (blocks, prose)
}

/// Returns the text of a document below a heading, up to the next heading of the same or a higher level.
pub(crate) fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let start = text
        .match_indices(heading)
        .find(|(start, _)| {
            let before = text.get(..*start).unwrap_or_default();
            let after = text.get(start + heading.len()..).unwrap_or_default();
            (before.is_empty() || before.ends_with('\n')) && after.starts_with('\n')
        })
        .map_or_else(|| panic!("no heading {heading:?}"), |(start, _)| start + heading.len());
    let rest = text.get(start..).unwrap_or_default();
    let level = heading.chars().take_while(|c| *c == '#').count();
    let end = (1..=level)
        .filter_map(|level| rest.find(&format!("\n{} ", "#".repeat(level))))
        .min()
        .unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default()
}

/// Returns the cells of each table row in a text, without the header rows.
pub(crate) fn rows(text: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = text.lines().collect();
    let is_head = |at: usize| lines.get(at + 1).is_some_and(|next| next.starts_with("|--"));
    let is_row = |at: &usize| lines[*at].starts_with("| ") && !is_head(*at);
    let cells = |line: &str| {
        let line = line.trim_matches('|').replace("\\|", "\u{0}");
        line.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
    };
    (0..lines.len()).filter(is_row).map(|at| cells(lines[at])).collect()
}

/// Returns the texts between backquotes.
pub(crate) fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Returns the anchors that GitHub makes from the headings of a document.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    let (_, prose) = parts(text);
    for line in prose {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let is_kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let plain: String = title.trim().to_lowercase().chars().filter(is_kept).collect();
        let anchor = plain.replace(' ', "-");
        let again = (1..).map(|count| format!("{anchor}-{count}"));
        let free = std::iter::once(anchor.clone()).chain(again).find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    anchors
}

/// Returns the broken links of a document, and the number of links to files and headings of the repository.
pub(crate) fn bad_links(path: &str) -> (Vec<String>, usize) {
    let text = read(path);
    let (_, prose) = parts(&text);
    let (mut bad, mut looked) = (Vec::new(), 0);
    let prose = prose.join("\n");
    for target in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        if target.starts_with("https://") {
            continue;
        }
        looked += 1;
        let (file, anchor) =
            target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
        let place = if file.is_empty() { at(path) } else { at(path).parent().expect("a folder").join(file) };
        if !place.exists() {
            bad.push(format!("{path}: {target}: no such file"));
        } else if let Some(anchor) = anchor {
            let there = fs::read_to_string(&place).expect("a paper");
            if !anchors(&there).contains(anchor) {
                bad.push(format!("{path}: {target}: no such heading"));
            }
        }
    }
    (bad, looked)
}
