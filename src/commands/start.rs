//! Parses the arguments and runs the command that they name.

use std::ffi::OsString;

use clap::CommandFactory as _;

use super::common::{env, printed};
use super::{
    backfill, collect, config, demo, doctor, export, hook, open, prune, replay, sim, tail, team, watch,
};
use crate::exit::Exit;
use crate::flags::{self, Cli, Subcommand};
use crate::run::{self, note, print};
use crate::secret::{protect_memory, scrub};

/// Runs the program and returns its exit code. Every message has been printed when this returns.
pub fn start(args: impl IntoIterator<Item = OsString>) -> Exit {
    run::set_ascii_only(!crate::view::is_utf8(&env));
    let cli = match flags::parse(args) {
        Ok(cli) => cli,
        Err(error) => return misuse(&error),
    };
    if let Err(words) = protect_memory() {
        note(&words);
    }
    let ended = match &cli.command {
        None => watch::watch(&cli, &cli.watch),
        Some(Subcommand::Watch(flags)) => watch::watch(&cli, flags),
        Some(Subcommand::Demo(flags)) => demo::demo(&cli, flags),
        Some(Subcommand::Tail(flags)) => tail::tail(&cli, flags),
        Some(Subcommand::Collect(flags)) => collect::collect(&cli, flags),
        Some(Subcommand::Open(flags)) => open::open(&cli, flags),
        Some(Subcommand::Doctor(flags)) => doctor::doctor(&cli, flags),
        Some(Subcommand::Export(flags)) => export::export(&cli, flags),
        Some(Subcommand::Backfill(flags)) => backfill::backfill(&cli, flags),
        Some(Subcommand::Prune(flags)) => prune::prune(&cli, flags),
        Some(Subcommand::Hook(command)) => hook::hook(&cli, command),
        Some(Subcommand::Team(command)) => team::team(&cli, command),
        Some(Subcommand::Config(command)) => config::configure(&cli, command),
        Some(Subcommand::Sim(flags)) => sim::simulate(flags),
        Some(Subcommand::Replay { file }) => replay::replay(file),
        Some(Subcommand::Completions { shell }) => {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "consentwatch", &mut text);
            printed(&text)
        }
        Some(Subcommand::Man) => {
            let mut text = Vec::new();
            match clap_mangen::Man::new(Cli::command()).render(&mut text) {
                Ok(()) => printed(&text),
                Err(error) => Err((Exit::Failed, format!("The manual page cannot be generated: {error}."))),
            }
        }
    };
    match ended {
        Ok(exit) => exit,
        Err((exit, words)) => {
            note(&words);
            exit
        }
    }
}

/// Prints an error of the argument parser and returns the exit code. Help and version are printed to standard output
/// and are not errors.
fn misuse(error: &clap::Error) -> Exit {
    let text = error.render();
    if error.use_stderr() {
        note(&scrub(text.to_string().trim_end()));
        return Exit::Usage;
    }
    match print(text.to_string().as_bytes()) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Failed,
    }
}
