//! The command line: commands, flags and their help texts.

mod backfill;
mod collect;
mod config;
mod demo;
mod doctor;
mod export;
mod hook;
mod open;
mod prune;
mod sim;
mod tail;
mod team;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, ValueEnum};
use tracing::level_filters::LevelFilter;

pub use backfill::Backfill;
pub use collect::Collect;
pub use config::ConfigCommand;
pub use demo::Demo;
pub use doctor::{Doctor, DoctorFormat};
pub use export::Export;
pub use hook::HookCommand;
pub use open::Open;
pub use prune::Prune;
pub use sim::Sim;
pub use tail::{Tail, TailFormat};
pub use team::{TeamCommand, TeamConfig, TeamStatus};
pub use watch::Watch;

use crate::config::GlobalFlags;

/// Watches OAuth 2.0 consent in an Okta org, live.
#[derive(Parser, Debug)]
#[command(name = "consentwatch", version, about, max_term_width = 100)]
#[command(after_help = "Without a command, it runs watch. No account yet? Try consentwatch demo.")]
pub struct Cli {
    /// The flags of all commands.
    #[command(flatten)]
    pub global: Global,
    /// The command to run; `watch` if none is named.
    #[command(subcommand)]
    pub command: Option<Subcommand>,
    /// The flags of `watch`, if no command is named.
    #[command(flatten)]
    pub watch: Watch,
}

/// The flags of all commands.
#[derive(Args, Debug)]
pub struct Global {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A profile of the configuration file
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// The folder for journal, snapshots and log
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Accepts a data folder that belongs to another account or that every account may write in
    #[arg(long, global = true)]
    pub allow_shared_data_dir: bool,
    /// An org of the configuration by its name or URL, more than once for several, or the URL of another, such as
    /// `https://example.okta.com`
    #[arg(long, global = true, value_name = "NAME|URL")]
    pub org: Vec<String>,
    /// The log file
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// The level of detail in the log file: error, warn, info, debug
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    pub log_level: LevelFilter,
    /// Whether to use colors
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
    /// Uses only ASCII characters on the screen
    #[arg(long, global = true)]
    pub ascii: bool,
}

impl Global {
    /// Returns the flags that affect the configuration.
    pub fn flags(&self) -> GlobalFlags {
        GlobalFlags {
            config: self.config.clone(),
            profile: self.profile.clone(),
            data_dir: self.data_dir.clone(),
            org: self.org.clone(),
            allow_shared_data_dir: self.allow_shared_data_dir,
        }
    }
}

/// Whether to use colors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum ColorWhen {
    /// Decides by terminal and environment.
    #[default]
    Auto,
    /// Always uses colors.
    Always,
    /// Never uses colors.
    Never,
}

/// The commands.
#[derive(clap::Subcommand, Debug)]
pub enum Subcommand {
    /// Shows the screen for the configured orgs
    Watch(Watch),
    /// Shows the screen for an embedded simulated org: no account, no configuration
    Demo(Demo),
    /// Prints consents to standard output, one per line
    Tail(Tail),
    /// Fills the journal without a screen, as a service: systemd, /healthz, /readyz, /metrics, SIGHUP
    Collect(Collect),
    /// Checks whether the org can produce consents, and the state of sources and journal; exits with 0 ready, 4
    /// blocked, 5 unproven
    Doctor(Doctor),
    /// Writes stored consents to a file or standard output
    Export(Export),
    /// Fetches older history into the journal while the live poll continues
    Backfill(Backfill),
    /// Counts the rows older than journal.keep_days; removes them with --yes
    Prune(Prune),
    /// Shows, registers and verifies the event hook in the org
    #[command(subcommand)]
    Hook(HookCommand),
    /// Shows the screen, read-only, for files: snapshots, JSON arrays or JSONL of LogEvents or hook deliveries; no
    /// network
    Open(Open),
    /// Sets up and shows the server of a team: one collector, many watchers without a token
    #[command(subcommand)]
    Team(TeamCommand),
    /// Writes, checks or shows the configuration, or prints where it is
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Runs the simulated org alone, for testing other clients
    Sim(Box<Sim>),
    /// The last screen of a recording, to standard output: 0 if it is the recorded one, else 1
    Replay {
        /// A file that --record or the command record wrote
        file: PathBuf,
    },
    /// Prints completions for a shell to standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Prints the manual page to standard output
    Man,
}

/// Parses the arguments of the process. The first is the program's name.
///
/// # Errors
/// The arguments are wrong, or ask for help or the version. The error has the text to print and the exit code.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = Cli::try_parse_from(&args)?;
    // clap takes the values before the command or those behind it, and silently drops the others.
    let is_org =
        |arg: &&OsString| arg.to_str().is_some_and(|arg| arg == "--org" || arg.starts_with("--org="));
    let named = args.iter().filter(is_org).count();
    if !cli.global.org.is_empty() && named > cli.global.org.len() {
        let words = "--org stands before the command and behind it. Put all of them in one place.\n";
        return Err(Cli::command().error(ErrorKind::ArgumentConflict, words));
    }
    Ok(cli)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Cli, clap::Error> {
        parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_table_of_flags_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn nothing_said_is_watch() {
        let cli = read("consentwatch --since 15m --ascii").expect("good");
        assert!(cli.command.is_none() && cli.watch.since.is_some() && cli.global.ascii);
    }

    #[test]
    fn a_filter_may_begin_with_what_it_excludes() {
        let cli = read("consentwatch tail --filter -kind:revoke --once").expect("good");
        let Some(Subcommand::Tail(tail)) = cli.command else { panic!("tail was said") };
        assert_eq!((tail.filter.as_deref(), tail.once), (Some("-kind:revoke"), true));
    }

    #[test]
    fn no_org_is_dropped() {
        let orgs = |line: &str| read(line).map(|cli| cli.global.org).map_err(|error| error.exit_code());
        let both = Ok(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(orgs("consentwatch --org a --org=b tail --once"), both);
        assert_eq!(orgs("consentwatch tail --org a --org b"), both);
        assert_eq!(orgs("consentwatch --org a tail --org=b"), Err(2));
        assert_eq!(orgs("consentwatch tail --filter --org"), Ok(Vec::new()));
    }

    #[test]
    fn misuse_is_told() {
        for line in
            ["consentwatch tail --since yesterday", "consentwatch sing", "consentwatch tail --limit -1"]
        {
            assert_eq!(read(line).expect_err(line).exit_code(), 2);
        }
    }
}
