//! The layers of the code: a file uses only modules that its layer allows, files do not depend on each other in a
//! cycle, and files and threads are opened and started in few places.

#[path = "layers/graph.rs"]
mod graph;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use graph::{Code, Graph};
use syn::{Item, Visibility};

/// Commands may use every module.
const COMMANDS: &[&str] = &[
    "screen",
    "files",
    "intake",
    "run",
    "flags",
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

/// A file or folder of `src`, the others that it may use, and paths that nothing in it may use.
type Floor = (&'static str, &'static [&'static str], &'static [&'static str]);

const FLOORS: &[Floor] = &[
    ("main.rs", &["lib"], &["tokio", "rusqlite", "reqwest"]),
    ("lib.rs", &["commands"], &[]),
    ("commands", COMMANDS, &["rusqlite", "reqwest"]),
    (
        "screen",
        &[
            "run",
            "tui",
            "view",
            "model",
            "okta",
            "export",
            "consent",
            "report",
            "exit",
            "clock",
            "tasks",
            "secret",
            "safe_file",
            "json_scan",
        ],
        &["rusqlite", "reqwest", "std::fs"],
    ),
    (
        "run",
        &[
            "tui",
            "view",
            "intake",
            "outgo",
            "jetstream",
            "team",
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
        &["tokio", "std::fs", "std::net", "rusqlite", "reqwest", "crate::clock::Clock"],
    ),
    (
        "intake",
        &[
            "jetstream",
            "team",
            "okta",
            "journal",
            "consent",
            "report",
            "clock",
            "tasks",
            "secret",
            "safe_file",
        ],
        &["ratatui", "crossterm"],
    ),
    (
        "outgo",
        &["jetstream", "team", "journal", "consent", "report", "clock", "tasks"],
        &["ratatui", "crossterm", "reqwest"],
    ),
    ("jetstream", &["team", "consent", "report", "clock"], &["rusqlite", "reqwest", "ratatui"]),
    ("team", &["consent", "report", "secret"], &["tokio", "rusqlite", "reqwest", "ratatui", "async_nats"]),
    (
        "model",
        &["consent", "report"],
        &["tokio", "rusqlite", "reqwest", "std::fs", "std::net", "crate::clock::Clock", "crossterm"],
    ),
    (
        "okta",
        &["consent", "report", "secret", "json_scan"],
        &["tokio", "reqwest", "std::fs", "std::net", "crate::clock::Clock", "rusqlite"],
    ),
    (
        "files",
        &["consent", "export", "okta", "report", "safe_file", "json_scan"],
        &["tokio", "rusqlite", "reqwest", "ratatui", "crate::clock::Clock"],
    ),
    ("journal", &["consent", "report", "clock", "safe_file"], &["reqwest", "ratatui"]),
    ("export", &["consent", "report", "json_scan"], &["tokio", "rusqlite", "reqwest", "ratatui"]),
    ("flags.rs", &["config", "consent"], &["tokio"]),
    ("exit.rs", &["config"], &["tokio"]),
    ("config", &["secret", "consent", "safe_file"], &["tokio", "rusqlite", "reqwest"]),
    ("sim", &["clock", "tasks"], &["rusqlite", "ratatui"]),
    ("consent", &["json_scan"], &["tokio", "rusqlite", "reqwest", "ratatui"]),
    ("report", &[], &["tokio", "rusqlite", "reqwest", "ratatui"]),
    ("json_scan.rs", &[], &["tokio", "rusqlite", "reqwest", "ratatui", "std::fs"]),
    ("clock.rs", &[], &["rusqlite", "reqwest"]),
    ("tasks.rs", &[], &["rusqlite", "reqwest"]),
    ("secret.rs", &["safe_file"], &["rusqlite", "reqwest"]),
    ("log.rs", &["consent", "safe_file"], &["rusqlite", "reqwest", "ratatui"]),
    ("safe_file.rs", &[], &["rusqlite", "reqwest", "ratatui"]),
];

/// The layers inside `model`, the lowest first. A file may use its own layer and those below.
const MODEL: &[&[&str]] = &[
    &["model/data/", "model/key_bindings.rs", "model/keymap.rs", "model/sources.rs"],
    &["model/query/"],
    &["model/pages.rs", "model/msg.rs"],
    &["model/state.rs"],
    &["model/derived/"],
    &["model/shared_actions.rs"],
    &["model/act/"],
    &["model/update.rs"],
    &["model/mod.rs"],
];

/// Functions that open or create a file or folder by name. Only `safe_file.rs` may use them, so that its rules hold
/// everywhere.
const OPENERS: &[&str] = &[
    "std::fs::File::open",
    "std::fs::File::create",
    "std::fs::File::create_new",
    "std::fs::File::options",
    "std::fs::OpenOptions",
    "std::fs::DirBuilder",
    "std::fs::read",
    "std::fs::read_to_string",
    "std::fs::write",
    "std::fs::copy",
    "std::fs::hard_link",
    "std::fs::create_dir",
    "std::fs::create_dir_all",
    "std::fs::set_permissions",
    "tokio::fs",
    "pem_file_iter",
    "from_pem_file",
];
/// Exceptions that open something by name: the terminal, which is a device.
const TERMINALS: &[&str] = &["tui/tty.rs", "tui/hangup.rs"];

/// Functions that start a thread or a task. Only `tasks.rs` may use them.
const SPAWNERS: &[&str] = &[
    "std::thread::spawn",
    "std::thread::Builder",
    "std::thread::scope",
    "tokio::spawn",
    "tokio::task::spawn",
    "tokio::task::spawn_blocking",
    "tokio::task::spawn_local",
    "tokio::task::JoinSet",
];
/// Exceptions that start a thread or task themselves. This list may only get shorter.
const STARTS_ITSELF: &[&str] = &[
    "files/read.rs",
    "intake/http.rs",
    "intake/team/fetch.rs",
    "journal/write/training.rs",
    "journal/write/writer.rs",
    "outgo/team/publish.rs",
    "run/last_readiness.rs",
    "run/linear/mod.rs",
    "run/tail/mod.rs",
    "secret.rs",
    "tui/hangup.rs",
    "tui/keys/reader.rs",
];

/// The sources with what each file defines and uses.
type Sources = BTreeMap<String, Code>;

/// The text of each file, by path inside `src`.
static TEXTS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    fn collect(folder: &Path, src: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, src, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let inside = path.strip_prefix(src).expect("inside src").to_string_lossy().into_owned();
                found.insert(inside, fs::read_to_string(&path).expect("a source file"));
            }
        }
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeMap::new();
    collect(&src, &src, &mut found);
    found
});
static SOURCES: LazyLock<Sources> =
    LazyLock::new(|| TEXTS.iter().map(|(file, text)| (file.clone(), read(file, text))).collect());

fn read(file: &str, text: &str) -> Code {
    Code::read(text).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn graph(sources: &Sources) -> Graph {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let manifest: toml::Table = manifest.expect("Cargo.toml").parse().expect("TOML");
    let dependencies = manifest["dependencies"].as_table().expect("dependencies");
    let crates: Vec<String> = dependencies.keys().map(|name| name.replace('-', "_")).collect();
    Graph::of(sources, &crates)
}

/// Returns whether a path is this one or is below it.
fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Returns the name of the layer of a file or folder: its first path component, without an ending.
fn top(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// Returns each broken rule with its place.
fn faults(sources: &Sources) -> Vec<String> {
    let graph = graph(sources);
    let mut faults = Vec::new();
    for (file, named) in &graph.files {
        let Some((_, may, never)) = FLOORS.iter().find(|(name, ..)| top(name) == top(file)) else {
            faults.push(format!("{file}: has no line in FLOORS"));
            continue;
        };
        for other in named {
            if top(other) != top(file) && !may.contains(&top(other)) {
                faults.push(format!("{file}: names {other}"));
            }
        }
        let floor =
            |file: &str| MODEL.iter().position(|parts| parts.iter().any(|part| file.starts_with(part)));
        if top(file) == "model" && floor(file).is_none() {
            faults.push(format!("{file}: has no place in MODEL"));
        }
        let above = named.iter().filter(|other| floor(file).is_some() && floor(other) > floor(file));
        faults.extend(above.map(|other| format!("{file}: names {other}, which is above it")));
        let paths = || graph.foreign[file].iter().chain(&graph.ours[file]);
        for word in *never {
            faults.extend(
                paths().find(|path| is_below(path, word)).map(|path| format!("{file}: names {path}")),
            );
        }
        let opens = |path: &&String| {
            OPENERS.iter().any(|word| is_below(path, word) || path.ends_with(&format!("::{word}")))
        };
        if file != "safe_file.rs" && !TERMINALS.contains(&file.as_str()) {
            faults.extend(paths().filter(opens).map(|path| format!("{file}: opens by name with {path}")));
        }
        let spawns = |path: &&String| SPAWNERS.iter().any(|word| is_below(path, word));
        if file != "tasks.rs" && !STARTS_ITSELF.contains(&file.as_str()) {
            faults.extend(paths().filter(spawns).map(|path| format!("{file}: starts with {path}")));
        }
        if STARTS_ITSELF.contains(&file.as_str()) && !paths().any(|path| spawns(&path)) {
            faults.push(format!("{file}: starts nothing; take it out of STARTS_ITSELF"));
        }
    }
    faults.extend(graph.circles().iter().map(|circle| format!("a circle: {circle:?}")));
    faults
}

#[test]
fn every_file_keeps_to_the_rules() {
    assert!(SOURCES.len() > 200, "the sources were found");
    let graph = graph(&SOURCES);
    let is_test = |file: &str| {
        let above =
            |test: &String| file.strip_prefix(test.as_str()).is_some_and(|rest| rest.starts_with(['.', '/']));
        graph.tests.iter().any(above)
    };
    let unread: Vec<_> =
        SOURCES.keys().filter(|file| !graph.files.contains_key(*file) && !is_test(file)).collect();
    assert!(unread.is_empty(), "no module declares {unread:?}");
    let faults = faults(&SOURCES);
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// Returns the broken rules that are new after code is added to a file.
fn planted(file: &str, code: &str) -> Vec<String> {
    let mut sources = SOURCES.clone();
    let text = format!("{}\n{code}", TEXTS[file]);
    sources.insert(file.to_owned(), read(file, &text));
    let before: BTreeSet<_> = faults(&SOURCES).into_iter().collect();
    faults(&sources).into_iter().filter(|fault| !before.contains(fault)).collect()
}

#[test]
fn a_circle_is_found_through_an_import_and_through_a_re_export() {
    for code in
        ["use super::poller::Poller;\n", "fn p(_: &crate::okta::Poller) {}\n", "use super::Poller as P;\n"]
    {
        let found = planted("okta/budget.rs", code);
        let is_it = |fault: &String| fault.starts_with("a circle") && fault.contains("okta/budget.rs");
        assert!(found.iter().any(is_it), "{code}: {found:?}");
    }
    assert_eq!(planted("okta/budget.rs", "use super::url::OrgUrl;\n"), [""; 0], "not every import makes one");
}

#[test]
fn a_path_that_escapes_its_floor_is_found_however_it_is_spelled() {
    let codes = [
        "fn p() { super::super::journal::holder(); }\n",
        "use super::super::journal as other; fn p() { other::holder(); }\n",
        "fn p() { println!(\"{}\", crate::journal::Reader::open()); }\n",
    ];
    for code in codes {
        let found = planted("view/sources_line.rs", code);
        assert!(
            found.iter().any(|fault| fault.starts_with("view/sources_line.rs: names journal/")),
            "{code}: {found:?}"
        );
    }
    let found = planted("view/sources_line.rs", "use tokio::sync as s; fn p(_: s::Notify) {}\n");
    assert!(found.iter().any(|fault| fault.starts_with("view/sources_line.rs: names tokio")), "{found:?}");
}

#[test]
fn what_the_model_knows_names_nothing_of_what_it_does() {
    for code in ["fn p(_: &crate::model::Model) {}\n", "use crate::model::Effect as E; fn p(_: E) {}\n"] {
        let found = planted("model/data/anchor.rs", code);
        assert!(found.iter().any(|fault| fault.ends_with("which is above it")), "{code}: {found:?}");
    }
}

#[test]
fn a_thread_a_task_and_an_opened_file_are_found_however_they_are_spelled() {
    let codes = [
        ("use std::thread as t; fn p() { t::spawn(|| ()); }\n", "starts with std::thread::spawn"),
        (
            "async fn p() { tokio::select! { _ = tokio::spawn(async {}) => {} } }\n",
            "starts with tokio::spawn",
        ),
        ("use std::fs::read as load; fn p() { load(\"x\"); }\n", "opens by name with std::fs::read"),
        (
            "use std::fs::{self, File}; fn p() { File::open(\"x\"); }\n",
            "opens by name with std::fs::File::open",
        ),
    ];
    for (code, what) in codes {
        let found = planted("run/auto.rs", code);
        assert_eq!(found, [format!("run/auto.rs: {what}")], "{code}");
    }
}

#[test]
fn what_only_tests_name_does_not_count() {
    let code = "#[cfg(test)]\nmod planted { use super::super::journal; fn p() { journal::holder(); } }\n";
    assert_eq!(planted("view/sources_line.rs", code), [""; 0]);
}

#[test]
fn the_simulated_org_writes_its_json_by_hand() {
    let is_renamed = |(file, text): &(&String, &String)| top(file) == "sim" && text.contains("serde(rename");
    assert_eq!(TEXTS.iter().find(is_renamed).map(|(file, _)| file.clone()), None);
}

/// Returns the names of a file's public types.
fn public_types(file: &str, text: &str) -> Vec<String> {
    fn collect(items: &[Item], found: &mut Vec<String>) {
        for item in items {
            let (visibility, name) = match item {
                Item::Struct(item) => (&item.vis, &item.ident),
                Item::Enum(item) => (&item.vis, &item.ident),
                Item::Union(item) => (&item.vis, &item.ident),
                Item::Trait(item) => (&item.vis, &item.ident),
                Item::Type(item) => (&item.vis, &item.ident),
                Item::Mod(module) => {
                    if let Some((_, items)) = &module.content {
                        collect(items, found);
                    }
                    continue;
                }
                _ => continue,
            };
            if matches!(visibility, Visibility::Public(_)) {
                found.push(name.to_string());
            }
        }
    }
    let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut found = Vec::new();
    collect(&parsed.items, &mut found);
    found
}

/// Returns the names that public types have twice, and where.
fn twins(types: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (file, names) in types {
        for name in names {
            places.entry(name).or_default().push(file);
        }
    }
    let twice = places.into_iter().filter(|(_, files)| files.len() > 1);
    twice.map(|(name, files)| format!("{name}: {}", files.join(", "))).collect()
}

#[test]
fn no_public_type_has_the_name_of_another() {
    let types: BTreeMap<String, Vec<String>> =
        TEXTS.iter().map(|(file, text)| (file.clone(), public_types(file, text))).collect();
    let found = twins(&types);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
    let planted = |code: &str| {
        let (file, mut types) = ("view/status.rs", types.clone());
        types.entry(file.to_owned()).or_default().extend(public_types(file, code));
        twins(&types)
    };
    for code in [
        "pub struct Consent;",
        "pub enum Consent {}",
        "pub union Consent { one: u8 }",
        "pub trait Consent {}",
        "mod planted { pub type Consent = (); }",
    ] {
        assert_eq!(planted(code), ["Consent: consent/record.rs, view/status.rs"], "{code}");
    }
    for code in ["struct Consent;", "pub(super) struct Consent;", "pub(crate) enum Consent {}"] {
        assert_eq!(planted(code), [""; 0], "{code}");
    }
}
