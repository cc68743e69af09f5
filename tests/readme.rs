//! Compares the documents with the program: commands, flags, keys, fields, exit codes, links, paths and types.

#[path = "readme/commands.rs"]
mod commands;
#[path = "readme/help.rs"]
mod help;
#[path = "readme/paper.rs"]
mod paper;
#[path = "support/port.rs"]
mod port;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/process.rs"]
mod process;
#[path = "readme/shell.rs"]
mod shell;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/terminal.rs"]
mod terminal;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use consentwatch::config::EXAMPLE;
use consentwatch::exit::{Exit, Signal};
use consentwatch::model::{BINDINGS, Query};
use jiff::tz::TimeZone;
use paper::{PAPERS, at, bad_links, parts, quoted, read, rows, section};
use serde_json::Value;

const REFERENCE: &str = "docs/reference.md";

#[test]
fn the_readme_is_short() {
    let words = read("README.md").split_whitespace().count();
    assert!(words <= 1500, "the README has {words} words; 1,500 is the most");
}

#[test]
fn the_two_commands_are_there() {
    let readme = read("README.md");
    for command in ["cargo run --release -- demo", "cargo test"] {
        assert!(readme.lines().any(|line| line == command), "{command}");
    }
}

#[test]
fn the_readme_shows_the_picture_and_says_how_it_is_made() {
    let readme = read("README.md");
    assert!(readme.contains("](docs/screen.svg)"), "no picture");
    assert!(
        readme.contains("`UPDATE_FRAMES=1 cargo test --test screen`"),
        "nothing says how the picture is made"
    );
    let picture = read("docs/screen.svg");
    for part in ["<script", "href", "url(", "@import", "<image", "<foreignObject"] {
        assert!(!picture.contains(part), "the picture has {part}");
    }
}

#[test]
fn what_the_readme_quotes_from_the_screen_is_on_a_frame() {
    let (readme, frame) = (read("README.md"), read("tests/screen/frames/refused-80x24.txt"));
    let quotes: Vec<_> = parts(&readme).0.into_iter().filter(|block| block.language == "text").collect();
    assert!(!quotes.is_empty(), "nothing is quoted");
    for line in quotes.iter().flat_map(|block| block.text.lines()) {
        assert!(frame.lines().any(|shown| shown == line), "no line of the frame is {line:?}");
    }
}

/// `UPDATE_DOCS=1` regenerates the table of keys.
#[test]
fn the_keys_are_those_of_the_table() {
    let (start, end) = (
        "<!-- keys: made from BINDINGS in src/model/key_bindings.rs by UPDATE_DOCS=1 cargo test --test readme -->\n",
        "<!-- end of keys -->\n",
    );
    let mut made = "| keys | does | command |\n|---|---|---|\n".to_owned();
    for binding in BINDINGS {
        let chords: Vec<String> = binding.chords.iter().map(|chord| format!("`{chord}`")).collect();
        writeln!(made, "| {} | {} | `{}` |", chords.join(" "), binding.words, binding.command.name())
            .expect("a String");
    }
    let text = read(REFERENCE);
    let (before, rest) = text.split_once(start).expect("the beginning of the table");
    let (written, after) = rest.split_once(end).expect("the end of the table");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(at(REFERENCE), format!("{before}{start}{made}{end}{after}")).expect("written");
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
fn each_command_has_the_flags_of_its_help() {
    let help = help::all();
    let reference = read(REFERENCE);
    let commands = section(&reference, "## Commands");
    let named = |section: &str| -> BTreeSet<String> {
        rows(section).iter().flat_map(|row| help::flags_in(&row[0])).collect()
    };
    // `--output` is also `-o`, which is in the second cell.
    let global = named(section(commands, "### All commands"));
    assert_eq!(global, help.global, "the flags of all commands");
    let mut said = BTreeSet::new();
    for heading in commands.lines().filter(|line| line.starts_with("### `")) {
        let names: Vec<&str> =
            quoted(heading).iter().filter_map(|name| name.strip_prefix("consentwatch ")).collect();
        let wanted: BTreeSet<String> = names
            .iter()
            .flat_map(|name| help.commands.get(*name).unwrap_or_else(|| panic!("no command {name}")).clone())
            .collect();
        assert_eq!(named(section(commands, heading)), wanted, "the flags below {heading}");
        said.extend(names);
    }
    let known: BTreeSet<&str> = help.commands.keys().map(String::as_str).collect();
    assert_eq!(said, known, "the commands");
}

#[test]
fn every_flag_that_a_paper_names_is_there() {
    /// Flags of other programs that the documents contain.
    const FOREIGN: [(&str, &str); 6] = [
        ("--release", "cargo"),
        ("--locked", "cargo"),
        ("--path", "cargo"),
        ("--test", "cargo"),
        ("--bench", "cargo"),
        ("--no-default-features", "cargo"),
    ];
    let help = help::all();
    let mut looked = 0;
    for paper in PAPERS {
        for flag in help::flags_in(&read(paper)) {
            let is_foreign = FOREIGN.iter().any(|(foreign, _)| *foreign == flag);
            let is_ours =
                help.global.contains(&flag) || help.commands.values().any(|all| all.contains(&flag));
            assert!(is_foreign || is_ours, "{paper} names {flag}, which no command has");
            looked += usize::from(is_ours);
        }
    }
    assert!(looked > 60, "flags were found");
}

#[test]
fn the_filter_fields_are_those_of_the_language() {
    let zone = TimeZone::UTC;
    let error = Query::parse("kindd:grant", 0, &zone).expect_err("no such field").why;
    let (_, known) = error.split_once("the fields are ").expect("the fields");
    let known: BTreeSet<String> = known.split(' ').map(str::to_owned).collect();
    let reference = read(REFERENCE);
    let filters = section(&reference, "## Filters");
    let fields = filters.split("| field | what it is |").nth(1).expect("the table");
    let said: BTreeSet<String> =
        rows(&format!("| field | what it is |{fields}")).iter().map(|row| quoted(&row[0]).concat()).collect();
    assert_eq!(said, known);
    // A code span that looks like a filter condition must be valid.
    let mut looked = 0;
    for paper in PAPERS {
        let text = read(paper);
        for span in quoted(&parts(&text).1.join("\n")) {
            let Some((name, value)) = span.split_once(':') else { continue };
            let name = name.trim_start_matches('-');
            if known.contains(name) && !value.is_empty() {
                let read = Query::parse(span, 0, &zone);
                assert!(read.is_ok(), "{paper}: `{span}`: {read:?}");
                looked += 1;
            }
        }
    }
    assert!(looked > 10, "conditions were found");
}

/// Returns the keys of the example by section, each with its default, or `None` if it is commented out.
fn example_keys() -> BTreeMap<String, BTreeMap<String, Option<String>>> {
    let mut sections = BTreeMap::<String, BTreeMap<String, Option<String>>>::new();
    let mut section = String::new();
    for line in EXAMPLE.lines() {
        let (bare, is_off) = line.strip_prefix("# ").map_or((line, false), |bare| (bare, true));
        if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
        } else if let Some((key, value)) = bare.split_once(" = ")
            && key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            let is_yours = matches!(section.as_str(), "keys" | "filters") || section.starts_with("profile.");
            if !is_yours {
                let value = (!is_off).then(|| value.to_owned());
                sections.entry(section.clone()).or_default().insert(key.to_owned(), value);
            }
        }
    }
    sections
}

#[test]
fn the_configuration_keys_are_those_of_the_example() {
    let example = example_keys();
    assert!(
        example.len() > 7 && example.values().flatten().count() > 45,
        "the example was read: {example:?}"
    );
    assert_eq!(EXAMPLE, read("config.example.toml"));
    let reference = read(REFERENCE);
    let configuration = section(&reference, "## Configuration");
    let mut said = BTreeSet::new();
    for heading in configuration.lines().filter(|line| line.starts_with("### `[")) {
        let name = quoted(heading)[0].trim_matches(['[', ']']).to_owned();
        let table = rows(section(configuration, heading));
        if table.is_empty() {
            continue;
        }
        let keys = example.get(&name).unwrap_or_else(|| panic!("the example has no [{name}]"));
        let written: BTreeSet<String> = table.iter().map(|row| quoted(&row[0]).concat()).collect();
        assert_eq!(written, keys.keys().cloned().collect(), "the keys of [{name}]");
        for row in &table {
            if let Some(default) = &keys[quoted(&row[0])[0]] {
                assert_eq!(&row[1], &format!("`{default}`"), "the default of {} in [{name}]", row[0]);
            }
        }
        said.insert(name);
    }
    assert_eq!(said, example.keys().cloned().collect(), "the sections");
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    /// Returns the next exit reason. A new variant does not compile until it is added here.
    fn next(exit: Exit) -> Option<Exit> {
        Some(match exit {
            Exit::Done => Exit::Failed,
            Exit::Failed => Exit::Usage,
            Exit::Usage => Exit::Refused,
            Exit::Refused => Exit::NotReady,
            Exit::NotReady => Exit::Unproven,
            Exit::Unproven => Exit::Signal(Signal::Interrupt),
            Exit::Signal(Signal::Interrupt) => Exit::Signal(Signal::HangUp),
            Exit::Signal(Signal::HangUp) => Exit::Signal(Signal::Terminate),
            Exit::Signal(Signal::Terminate) => return None,
        })
    }
    let known: BTreeSet<String> = std::iter::successors(Some(Exit::Done), |exit| next(*exit))
        .map(|exit| exit.code().to_string())
        .collect();
    let reference = read(REFERENCE);
    let said: BTreeSet<String> =
        rows(section(&reference, "## Exit codes")).iter().map(|row| row[0].clone()).collect();
    assert_eq!(said, known);
    let mut looked = 0;
    for paper in PAPERS {
        let text = read(paper).replace('\n', " ");
        for before in ["exit code ", "exits with ", "ends with ", "end with "] {
            for rest in text.split(before).skip(1) {
                let code: String = rest.chars().take_while(char::is_ascii_digit).collect();
                assert!(code.is_empty() || known.contains(&code), "{paper}: {before}{code}");
                looked += usize::from(!code.is_empty());
            }
        }
    }
    assert!(looked > 10, "exit codes were found");
}

/// Returns the paths of the fields that a struct of `src/export/json.rs` writes, as `a.b` and `a[].b`.
fn written_fields(structures: &[syn::ItemStruct], of: &str, before: &str) -> Option<BTreeSet<String>> {
    let structure = structures.iter().find(|structure| structure.ident == of)?;
    let mut found = BTreeSet::new();
    for field in &structure.fields {
        let ident = field.ident.as_ref().expect("a name").to_string();
        let name = format!("{before}{}", ident.trim_start_matches("r#"));
        let (mut kind, mut is_list) = (&field.ty, false);
        let inner = loop {
            let syn::Type::Path(path) = kind else { break None };
            let last = path.path.segments.last().expect("a name");
            match &last.arguments {
                syn::PathArguments::AngleBracketed(of) if last.ident == "Option" || last.ident == "Vec" => {
                    is_list |= last.ident == "Vec";
                    let Some(syn::GenericArgument::Type(inner)) = of.args.first() else { break None };
                    kind = inner;
                }
                _ => break Some(last.ident.to_string()),
            }
        };
        let prefix = format!("{name}{}.", if is_list { "[]" } else { "" });
        match inner.and_then(|inner| written_fields(structures, &inner, &prefix)) {
            Some(fields) => found.extend(fields),
            None => {
                found.insert(name);
            }
        }
    }
    Some(found)
}

#[test]
fn the_json_fields_and_csv_columns_are_those_of_the_exports() {
    let source = syn::parse_file(&read("src/export/json.rs")).expect("Rust");
    let structures: Vec<_> = source
        .items
        .into_iter()
        .filter_map(|item| match item {
            syn::Item::Struct(structure) => Some(structure),
            _ => None,
        })
        .collect();
    let known = written_fields(&structures, "Line", "").expect("the line");
    // A real line has the same top-level fields.
    let line = read("tests/formats/consents.jsonl");
    let line: Value = serde_json::from_str(line.lines().next().expect("a line")).expect("JSON");
    let top: BTreeSet<&str> = known
        .iter()
        .filter_map(|name| name.split(['.', '[']).next())
        .filter(|name| *name != "unread_targets")
        .collect();
    assert_eq!(line.as_object().expect("an object").keys().map(String::as_str).collect::<BTreeSet<_>>(), top);
    let reference = read(REFERENCE);
    let said: BTreeSet<String> = rows(section(&reference, "### Consents"))
        .iter()
        .flat_map(|row| quoted(&row[0]).into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(said, known);

    let csv = read("tests/formats/consents.csv");
    let columns: Vec<&str> = csv.lines().next().expect("a head").split(',').collect();
    let (_, list) = reference.split_once("The columns of CSV are ").expect("the list");
    assert_eq!(quoted(list.split_once('.').expect("its end").0), columns);
}

#[test]
fn coverage_readiness_and_snapshots_have_the_fields_of_the_reference() {
    let reference = read(REFERENCE);
    let snapshot = read("tests/formats/snapshot.json");
    let [coverage, readiness] = commands::coverage_and_readiness();
    for (heading, text) in
        [("### Coverage", &coverage), ("### Readiness", &readiness), ("### Snapshots", &snapshot)]
    {
        let object: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let known: BTreeSet<&str> =
            object.as_object().expect("an object").keys().map(String::as_str).collect();
        let table = rows(section(&reference, heading));
        let said: BTreeSet<&str> = table.iter().flat_map(|row| quoted(&row[0])).collect();
        assert_eq!(said, known, "{heading}");
        for row in table.iter().filter(|row| row[1].contains(": `")) {
            // The keys of an object, or of the objects in a list.
            let (value, wanted) = (&object[quoted(&row[0])[0]], quoted(&row[1]).into_iter().collect());
            let Some(inner) = value.get(0).unwrap_or(value).as_object() else { continue };
            let known: BTreeSet<&str> = inner.keys().map(String::as_str).collect();
            assert_eq!(known, wanted, "{heading}: {}", row[0]);
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut all = 0;
    for paper in PAPERS.iter().chain(&["CHANGELOG.md"]) {
        let (bad, looked) = bad_links(paper);
        assert!(bad.is_empty(), "{bad:#?}");
        all += looked;
    }
    assert!(all > 50, "links were found: {all}");
}

#[test]
fn the_commands_of_the_readme_run() {
    assert!(commands::run(&["README.md"]) > 5, "commands were found");
}

#[test]
fn the_commands_of_the_guide_run() {
    assert!(commands::run(&["docs/guide.md"]) > 20, "commands were found");
}

#[test]
fn the_commands_of_the_other_papers_run() {
    let others: Vec<&str> =
        PAPERS.into_iter().filter(|paper| !matches!(*paper, "README.md" | "docs/guide.md")).collect();
    commands::run(&others);
}

#[test]
fn the_listener_answers_by_hand_as_the_guide_says() {
    assert_eq!(commands::send_by_hand("docs/guide.md"), 3);
}

#[test]
fn the_variables_that_papers_name_are_read_somewhere() {
    let mut source = String::new();
    let mut folders = vec![at("src"), at(".ci")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                source.push_str(&fs::read_to_string(path).unwrap_or_default());
            }
        }
    }
    let mut looked = 0;
    for paper in PAPERS {
        let text = read(paper);
        let is_name = |c: char| c.is_ascii_uppercase() || c == '_';
        for word in text.split(|c: char| !is_name(c)) {
            if word.starts_with("OKTA_CLIENT_") || word.starts_with("CONSENTWATCH_") {
                assert!(source.contains(word), "{paper} names {word}, which nothing reads");
                looked += 1;
            }
        }
    }
    assert!(looked > 15, "variables were found");
}

#[test]
fn every_configuration_in_the_papers_can_be_used() {
    assert!(commands::check_configurations(&PAPERS) > 2, "configurations were found");
}

#[test]
fn a_block_is_taken_apart_as_a_shell_does_it() {
    let text = "A=1 B=\"$(cat x)\" # set\nconsentwatch tail | gzip -c > 'a b'  # exits with 130\nsim --x 'a # b' \\\n  y &\n";
    let lines = shell::lines(text);
    let names: Vec<Vec<String>> = lines.iter().map(shell::Line::names).collect();
    assert_eq!(names, [vec!["cat"], vec!["consentwatch", "gzip"], vec!["sim"]]);
    assert_eq!(lines.iter().map(shell::Line::code).collect::<Vec<_>>(), [0, 130, 0]);
    assert_eq!(lines.iter().map(|line| line.is_background).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(lines[2].programs, [["sim", "--x", "a # b", "y"]]);
    assert!(lines[0].is_setting() && !lines[1].is_setting());
}

#[test]
fn the_changelog_keeps_its_form() {
    let text = read("CHANGELOG.md");
    let mut versions = 0;
    for line in text.lines().filter(|line| line.starts_with('#')) {
        match line.split_once(' ') {
            Some(("#", "Changelog")) => {}
            Some(("##", "[Unreleased]")) => versions += 1,
            Some(("##", version)) => {
                let (number, date) = version.split_once("] - ").expect("a version and a date");
                let is_number =
                    number.trim_start_matches('[').split('.').all(|part| part.parse::<u32>().is_ok());
                assert!(is_number && date.parse::<jiff::civil::Date>().is_ok(), "{line}");
                versions += 1;
            }
            Some(("###", kind)) => {
                let kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
                assert!(kinds.contains(&kind), "{line}");
            }
            _ => panic!("{line}"),
        }
    }
    assert!(versions > 0, "no version");
}

#[test]
fn what_contributing_names_is_there() {
    let looked = look(&read("CONTRIBUTING.md"));
    assert!(looked > 30, "the paths were found");
}

#[test]
fn what_the_architecture_names_is_there() {
    let looked = look(&read("docs/architecture.md"));
    assert!(looked > 20, "the paths were found");
}

/// Checks that every file and folder named in a document exists, and that the types in an item or paragraph are defined
/// in a file that it names. Returns the number of paths.
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
