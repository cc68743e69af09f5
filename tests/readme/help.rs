//! The help of the program, as the built binary prints it.

use std::collections::{BTreeMap, BTreeSet};

use crate::process::{Process, Sandbox};

/// The flags of every command.
pub(crate) struct Help {
    /// The flags of all commands, and those of the program itself.
    pub(crate) global: BTreeSet<String>,
    /// The flags of each command and its subcommands, without the global ones.
    pub(crate) commands: BTreeMap<String, BTreeSet<String>>,
}

/// Runs the program with `--help` for each command.
pub(crate) fn all() -> Help {
    let sandbox = Sandbox::new();
    let (top, names) = ask(&sandbox, &[]);
    let mut commands = BTreeMap::new();
    for name in names {
        let (mut flags, inner) = ask(&sandbox, &[&name]);
        for inner in inner {
            flags.extend(ask(&sandbox, &[&name, &inner]).0);
        }
        commands.insert(name, flags);
    }
    let mut each = commands.values().cloned();
    let first = each.next().expect("there are commands");
    let common = each.fold(first, |common, flags| &common & &flags);
    // Without a command, the flags are those of `watch`, and of the program.
    let own = &top - &commands["watch"];
    let commands = commands.into_iter().map(|(name, flags)| (name, &flags - &common)).collect();
    Help { global: &common | &own, commands }
}

/// Returns the flags of a command and the names of its subcommands.
fn ask(sandbox: &Sandbox, command: &[&str]) -> (BTreeSet<String>, Vec<String>) {
    let output = Process::start(&mut sandbox.command(None, &[command, &["--help"]].concat())).end();
    assert_eq!(output.code, Some(0), "{command:?}: {}", output.err);
    let is_flag = |line: &&str| line.trim_start().starts_with("--") || line.trim_start().starts_with("-o, ");
    let is_flag =
        |line: &&str| is_flag(line) || line.contains("-h, --help") || line.contains("-V, --version");
    let flags = output.out.lines().filter(is_flag).filter_map(|line| flags_in(line).into_iter().next());
    let names = output.out.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let name = |line: &str| {
        let name = line.strip_prefix("  ").filter(|name| !name.starts_with(' '))?.split(' ').next()?;
        (name != "help").then(|| name.to_owned())
    };
    (flags.collect(), names.map_or_else(Vec::new, |names| names.lines().filter_map(name).collect()))
}

/// Returns the long flags in a text, in order.
pub(crate) fn flags_in(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("--") {
        let is_start = text.get(..start).is_none_or(|before| {
            before
                .chars()
                .next_back()
                .is_none_or(|c| !c.is_alphanumeric() && c != '-' && c != '|' && c != '!')
        });
        let name: String = text
            .get(start + 2..)
            .unwrap_or_default()
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '-')
            .collect();
        if is_start && !name.trim_matches('-').is_empty() && !name.starts_with('-') {
            found.push(format!("--{name}"));
        }
    }
    found
}
