//! The command line: commands, flags and their help texts.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, Parser, ValueEnum};
use tracing::level_filters::LevelFilter;

use crate::config::{GlobalFlags, When, length};
use crate::consent::ExportFormat;

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
    /// The org, such as `https://example.okta.com`
    #[arg(long, global = true, value_name = "URL")]
    pub org: Option<String>,
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
    /// Shows the screen for the configured org
    Watch(Watch),
    /// Shows the screen for an embedded simulated org: no account, no configuration
    Demo(Demo),
    /// Prints consents to standard output, one per line
    Tail(Tail),
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

/// Flags of `watch`.
#[derive(Args, Debug, Default)]
pub struct Watch {
    /// How far back to begin, on the first start only: 90s, 15m, 24h, 7d or a time
    #[arg(long, value_name = "DUR|TIME")]
    pub since: Option<When>,
    /// Hides rows that do not match
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Starts without the page, filter and position of the last session
    #[arg(long)]
    pub fresh: bool,
    /// Prints sentences and takes typed commands instead of showing the screen: for screen readers, braille, dumb
    /// terminals
    #[arg(long)]
    pub linear: bool,
    /// Writes the last 10,000 messages of the screen to a new file when it ends, for a bug report
    #[arg(long, value_name = "FILE", conflicts_with = "linear")]
    pub record: Option<PathBuf>,
}

/// Flags of `open`.
#[derive(Args, Debug)]
pub struct Open {
    /// Snapshots, LogEvents or hook deliveries as JSON, plain or packed with gzip or zstd; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Hides rows that do not match
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Prints sentences and takes typed commands instead of showing the screen
    #[arg(long)]
    pub linear: bool,
    /// Writes the last 10,000 messages of the screen to a new file when it ends, for a bug report
    #[arg(long, value_name = "FILE", conflicts_with = "linear")]
    pub record: Option<PathBuf>,
}

/// Flags of `demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// The story that the org plays
    #[arg(long, default_value = "office")]
    pub story: String,
    /// The seed of the random story; another number makes another office
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Consents per minute
    #[arg(long, value_name = "PER_MINUTE", default_value_t = 30.0)]
    pub rate: f64,
    /// Prints sentences and takes typed commands instead of showing the screen
    #[arg(long)]
    pub linear: bool,
    /// Writes the last 10,000 messages of the screen to a new file when it ends, for a bug report
    #[arg(long, value_name = "FILE", conflicts_with = "linear")]
    pub record: Option<PathBuf>,
    /// Ends after this time
    #[arg(long = "for", value_name = "DUR", value_parser = length)]
    pub stop_after: Option<Duration>,
}

/// Flags of `tail`.
#[derive(Args, Debug)]
pub struct Tail {
    /// The format of a line [default: text on a terminal, else json]
    #[arg(long)]
    pub format: Option<TailFormat>,
    /// Only rows published from this time on: a duration back from now, or a time
    #[arg(long, value_name = "DUR|TIME")]
    pub since: Option<When>,
    /// Only rows published before this time; ends once the log is read up to it
    #[arg(long, value_name = "DUR|TIME")]
    pub until: Option<When>,
    /// Only rows after this number in the journal
    #[arg(long, value_name = "SEQ")]
    pub after: Option<i64>,
    /// Only rows that match
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Ends once the log is read up to the time of the start and the persons of consents that name nobody are looked up
    #[arg(long)]
    pub once: bool,
    /// Lets --once exit with 0 even if records of the log could not be read
    #[arg(long, requires = "once")]
    pub allow_unreadable: bool,
    /// Prints a row again when it changes
    #[arg(long)]
    pub updates: bool,
    /// Does not listen for the event hook, even if it is configured
    #[arg(long)]
    pub no_hook: bool,
    /// Ends after this many lines
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Prints the events in these files and ends: no network, no journal; - is standard input
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["after", "once", "updates", "no_hook"])]
    pub input: Vec<PathBuf>,
}

/// The formats of `tail`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum TailFormat {
    /// consentwatch.consent/1
    Json,
    /// Text for people
    Text,
    /// The event card of Okta Workflows
    Card,
    /// The LogEvent as Okta sent it
    Raw,
}

/// Flags of `export`.
#[derive(Args, Debug)]
pub struct Export {
    /// The format [default: by the ending of the file's name, else jsonl]
    #[arg(long)]
    pub format: Option<ExportFormat>,
    /// Only rows published from this time on
    #[arg(long, value_name = "DUR|TIME")]
    pub since: Option<When>,
    /// Only rows published before this time
    #[arg(long, value_name = "DUR|TIME")]
    pub until: Option<When>,
    /// Only rows that match
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Only marked rows
    #[arg(long)]
    pub marked: bool,
    /// A new file; standard output if omitted or -
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Begins CSV with a byte order mark, so that Excel on Windows reads it as UTF-8
    #[arg(long)]
    pub csv_bom: bool,
}

/// Flags of `doctor`.
#[derive(Args, Debug)]
pub struct Doctor {
    /// The format of the report
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: DoctorFormat,
    /// Checks every stored row for damage instead of probing the org; exits with 1 if there is damage
    #[arg(long)]
    pub check: bool,
}

/// Formats of `doctor`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum DoctorFormat {
    /// Every check with its meaning, what to do, and the evidence
    Text,
    /// consentwatch.doctor/1, one object
    Json,
}

/// Flags of `prune`.
#[derive(Args, Debug)]
pub struct Prune {
    /// Removes the rows older than journal.keep_days by this machine's clock, except marked rows
    #[arg(long)]
    pub yes: bool,
}

/// Flags of `backfill`.
#[derive(Args, Debug)]
pub struct Backfill {
    /// How far back, at most 90 days: a duration back from now, or a time
    #[arg(long, value_name = "DUR|TIME", default_value = "90d")]
    pub since: When,
}

/// The formats of `export`. [`ExportFormat::CsvMarked`] has no word of its own and is chosen by `--csv-bom`.
impl ValueEnum for ExportFormat {
    fn value_variants<'a>() -> &'a [Self] {
        &[
            Self::Jsonl,
            Self::Snapshot,
            Self::Csv,
            Self::Markdown,
            Self::Html,
            Self::Card,
            Self::Raw,
            Self::Ecs,
            Self::Ocsf,
        ]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (word, help) = match self {
            Self::Jsonl => ("jsonl", "consentwatch.consent/1, one per line"),
            Self::Snapshot => ("json", "A snapshot: coverage, digest, every consent complete"),
            Self::Csv => {
                ("csv", "For spreadsheets: commas, CR LF line endings; --csv-bom for Excel on Windows")
            }
            Self::CsvMarked => return None,
            Self::Markdown => ("md", "A case file for people"),
            Self::Html => ("html", "A case file for people, with a chart of the activity"),
            Self::Card => ("card", "The event card of Okta Workflows, one per line"),
            Self::Raw => ("raw", "The LogEvents as Okta sent them, one per line"),
            Self::Ecs => ("ecs", "Elastic Common Schema 9.3, one per line"),
            Self::Ocsf => {
                ("ocsf", "OCSF 1.8: User Access Management, and other classes for other events, one per line")
            }
        };
        Some(PossibleValue::new(word).help(help))
    }
}

/// The subcommands of `hook`.
#[derive(clap::Subcommand, Debug)]
pub enum HookCommand {
    /// Lists the org's event hooks that ask for consent events, and whether they deliver here
    Status,
    /// Shows the request that creates an event hook for hook.public_url; sends it only with --yes
    Register {
        /// Sends the request; needs the scope okta.eventHooks.manage and the super administrator role
        #[arg(long)]
        yes: bool,
    },
    /// Asks Okta to verify the hook; Okta then calls the running listener
    Verify,
}

/// The subcommands of `config`.
#[derive(clap::Subcommand, Debug)]
pub enum ConfigCommand {
    /// Writes a configuration file with every key explained; never overwrites one
    Init {
        /// Prints it instead
        #[arg(long)]
        print: bool,
    },
    /// Reads the configuration and reports whether it can be used
    Check,
    /// Prints the configuration in force, secrets hidden
    Show,
    /// Prints where configuration and data are
    Path,
}

/// Flags of `sim`.
#[derive(Args, Debug)]
pub struct Sim {
    /// The address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The story that the org plays
    #[arg(long, default_value = "office")]
    pub story: String,
    /// The seed of the random story; another number makes another office
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Consents per minute; 0: none after the backlog
    #[arg(long, value_name = "PER_MINUTE", default_value_t = 30.0)]
    pub rate: f64,
    /// The number of consents in the 20 hours before the start
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub backlog: usize,
    /// The API token that the org accepts
    #[arg(long, value_name = "T", default_value = "demo-token")]
    pub token: String,
    /// The client id of a service app that the org accepts in addition to the token
    #[arg(long, value_name = "CLIENT_ID", requires = "app_key")]
    pub app: Option<String>,
    /// The app's key: PEM, JWK or JWKS. Only the public half of a private key is used
    #[arg(long, value_name = "FILE", requires = "app")]
    pub app_key: Option<PathBuf>,
    /// The kid of the key [default: the JWK's own, else sim-key]
    #[arg(long, value_name = "KID", requires = "app")]
    pub app_kid: Option<String>,
    /// The scopes that are granted to the app [default: okta.logs.read]
    #[arg(long, value_name = "SCOPE", num_args = 1.., requires = "app")]
    pub app_scope: Vec<String>,
    /// The admin role of the app: none, read-only or super [default: read-only]
    #[arg(long, value_name = "NAME", requires = "app")]
    pub app_role: Option<String>,
    /// Requires a DPoP proof before the app gets a token
    #[arg(long, requires = "app")]
    pub app_dpop: bool,
    /// Faults of the org: in every answer, from one answer on (NAME@3), or in some answers (NAME@3-5); an unknown name
    /// lists all
    #[arg(long, value_name = "NAME[@FROM[-TO]]", num_args = 1..)]
    pub fault: Vec<String>,
    /// Delivers events to this event hook once it is verified
    #[arg(long, alias = "hook", value_name = "URL", requires = "hook_secret")]
    pub hook_url: Option<String>,
    /// The hook's secret: the whole value of the Authorization header
    #[arg(long, value_name = "S", requires = "hook_url")]
    pub hook_secret: Option<String>,
    /// Faults of the hook: drop, duplicate, disorder, bad_event
    #[arg(long, value_name = "NAME", num_args = 1.., requires = "hook_url")]
    pub hook_fault: Vec<String>,
    /// What the org has enabled: oie, classic, no-policy, no-rights-role …; an unknown name lists all
    #[arg(long, value_name = "NAME", default_value = "oie")]
    pub org_variant: String,
    /// Writes every event as Okta documents it; without this, some deviate as recorded events do
    #[arg(long)]
    pub plain: bool,
}

/// Parses the arguments of the process. The first is the program's name.
///
/// # Errors
/// The arguments are wrong, or ask for help or the version. The error has the text to print and the exit code.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(args)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

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
    fn misuse_is_told() {
        for line in
            ["consentwatch tail --since yesterday", "consentwatch sing", "consentwatch tail --limit -1"]
        {
            assert_eq!(read(line).expect_err(line).exit_code(), 2);
        }
    }
}
