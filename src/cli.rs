//! Commands and flags.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing::level_filters::LevelFilter;

use crate::config::{GlobalFlags, When, length};
use crate::consent::FileFormat;

/// Watches OAuth 2.0 consent in an Okta org, live.
#[derive(Parser, Debug)]
#[command(name = "consentwatch", version, about, max_term_width = 100)]
#[command(after_help = "Without a command: watch. No account yet? consentwatch demo.")]
pub struct Cli {
    /// What all commands understand.
    #[command(flatten)]
    pub global: Global,
    /// What to do; `watch` if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of `watch`, for when no command is named.
    #[command(flatten)]
    pub watch: Watch,
}

/// What all commands understand.
#[derive(Args, Debug)]
pub struct Global {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A profile of the configuration file
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Where journal, snapshots and log are kept
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
    /// What the log file holds: error, warn, info, debug
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    pub log_level: LevelFilter,
    /// Whether to use colors
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWhen,
    /// Draws with ASCII only
    #[arg(long, global = true)]
    pub ascii: bool,
}

impl Global {
    /// Returns what the configuration must know.
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
    /// As terminal and environment say.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// The screen, on the configured org
    Watch(Watch),
    /// The screen, on an embedded simulated org: no account, no configuration
    Demo(Demo),
    /// Consents to standard output, one a line
    Tail(Tail),
    /// Whether the org can produce consents, and how sources and journal are, then ends: 0 ready, 4 blocked, 5 unproven
    Doctor(Doctor),
    /// Stored consents to a file or standard output
    Export(Export),
    /// Older history into the journal, behind the live poll
    Backfill(Backfill),
    /// Counts the rows older than journal.keep_days; removes them with --yes
    Prune(Prune),
    /// The event hook in the org: what there is, making one, having it verified
    #[command(subcommand)]
    Hook(HookCommand),
    /// The screen, read-only, on snapshots, JSON arrays or JSONL of LogEvents or hook deliveries; no network
    Open(Open),
    /// The configuration: write one, check it, show it, tell where it is
    #[command(subcommand)]
    Config(ConfigCommand),
    /// The simulated org alone, for trying other clients
    Sim(Box<Sim>),
    /// The last screen of a recording, to standard output: 0 if it is the recorded one, else 1
    Replay {
        /// A file that --record or the command record wrote
        file: PathBuf,
    },
    /// Completions for a shell, to standard output
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The manual page, to standard output
    Man,
}

/// Flags of `watch`.
#[derive(Args, Debug, Default)]
pub struct Watch {
    /// How far back to begin, at the first start only: 90s, 15m, 24h, 7d or a time
    #[arg(long, value_name = "DUR|TIME")]
    pub since: Option<When>,
    /// Hides what does not match
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Forgets the page, filter and place of the last time
    #[arg(long)]
    pub fresh: bool,
    /// Sentences and commands by line in place of the screen: for screen readers, braille, dumb terminals
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
    /// Hides what does not match
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Sentences and commands by line in place of the screen
    #[arg(long)]
    pub linear: bool,
    /// Writes the last 10,000 messages of the screen to a new file when it ends, for a bug report
    #[arg(long, value_name = "FILE", conflicts_with = "linear")]
    pub record: Option<PathBuf>,
}

/// Flags of `demo`.
#[derive(Args, Debug)]
pub struct Demo {
    /// The story that is told
    #[arg(long, default_value = "office")]
    pub story: String,
    /// Another seed, another office
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Consents a minute
    #[arg(long, value_name = "PER_MINUTE", default_value_t = 30.0)]
    pub rate: f64,
    /// Sentences and commands by line in place of the screen
    #[arg(long)]
    pub linear: bool,
    /// Writes the last 10,000 messages of the screen to a new file when it ends, for a bug report
    #[arg(long, value_name = "FILE", conflicts_with = "linear")]
    pub record: Option<PathBuf>,
    /// Ends by itself
    #[arg(long = "for", value_name = "DUR", value_parser = length)]
    pub stop_after: Option<Duration>,
}

/// Flags of `tail`.
#[derive(Args, Debug)]
pub struct Tail {
    /// The form of a line; text on a terminal, else json
    #[arg(long)]
    pub format: Option<TailFormat>,
    /// Published from here on: a duration back from now, or a time
    #[arg(long, value_name = "DUR|TIME")]
    pub since: Option<When>,
    /// Published before; ends once the log is read up to it
    #[arg(long, value_name = "DUR|TIME")]
    pub until: Option<When>,
    /// Only rows after this number of the journal
    #[arg(long, value_name = "SEQ")]
    pub after: Option<i64>,
    /// Only what matches
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Ends once the log is read up to the time of the start, and the persons of consents that name nobody are looked
    /// up
    #[arg(long)]
    pub once: bool,
    /// Ends --once with 0 even where records of the log could not be read
    #[arg(long, requires = "once")]
    pub allow_unreadable: bool,
    /// Prints a row again when it changes
    #[arg(long)]
    pub updates: bool,
    /// Does not listen to the event hook, whatever the configuration says
    #[arg(long)]
    pub no_hook: bool,
    /// Ends after so many lines
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Prints what these files hold and ends: no network, no journal; - is standard input
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["after", "once", "updates", "no_hook"])]
    pub input: Vec<PathBuf>,
}

/// Forms of a line of `tail`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum TailFormat {
    /// consentwatch.consent/1
    Json,
    /// For a person
    Text,
    /// The event card of Okta Workflows
    Card,
    /// The LogEvent alone
    Raw,
}

/// Flags of `export`.
#[derive(Args, Debug)]
pub struct Export {
    /// The format [default: as the file's name ends, else jsonl]
    #[arg(long)]
    pub format: Option<FileFormat>,
    /// Published from here on
    #[arg(long, value_name = "DUR|TIME")]
    pub since: Option<When>,
    /// Published before
    #[arg(long, value_name = "DUR|TIME")]
    pub until: Option<When>,
    /// Only what matches
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Only what is marked
    #[arg(long)]
    pub marked: bool,
    /// A new file; standard output if it is left away or -
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Begins CSV with a byte order mark, so that Excel on Windows reads it as UTF-8
    #[arg(long)]
    pub csv_bom: bool,
}

/// Flags of `doctor`.
#[derive(Args, Debug)]
pub struct Doctor {
    /// For people, or for machines
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: DoctorFormat,
    /// Checks every stored row for damage in place of probing the org; ends with 1 if there is any
    #[arg(long)]
    pub check: bool,
}

/// Formats of `doctor`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum DoctorFormat {
    /// Every item with what it means, what to do, and what that rests on
    Text,
    /// consentwatch.doctor/1, one object
    Json,
}

/// Flags of `prune`.
#[derive(Args, Debug)]
pub struct Prune {
    /// Removes them: all that are older than journal.keep_days by this machine's clock, but for what is marked
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

/// The formats of `export`. `--csv-bom` asks for the one that has no word of its own.
impl ValueEnum for FileFormat {
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
            Self::Jsonl => ("jsonl", "consentwatch.consent/1, one a line"),
            Self::Snapshot => ("json", "A snapshot: coverage, digest, every consent whole"),
            Self::Csv => {
                ("csv", "For spreadsheets: commas, lines that end in CR LF; --csv-bom for Excel on Windows")
            }
            Self::CsvMarked => return None,
            Self::Markdown => ("md", "A case file for people"),
            Self::Html => ("html", "A case file for people, with a picture of the activity"),
            Self::Card => ("card", "The event card of Okta Workflows, one a line"),
            Self::Raw => ("raw", "The LogEvents as Okta sent them, one a line"),
            Self::Ecs => ("ecs", "Elastic Common Schema 9.3, one a line"),
            Self::Ocsf => {
                ("ocsf", "OCSF 1.8: User Access Management, and the class of each other event; one a line")
            }
        };
        Some(PossibleValue::new(word).help(help))
    }
}

/// What `hook` does.
#[derive(Subcommand, Debug)]
pub enum HookCommand {
    /// Says which event hooks of the org ask for consent events, and whether they deliver here
    Status,
    /// Shows the request that makes an event hook for hook.public_url, and makes it only with --yes
    Register {
        /// Makes the request; needs the scope okta.eventHooks.manage and a super administrator's role
        #[arg(long)]
        yes: bool,
    },
    /// Has Okta verify the hook, which it does by asking the running listener
    Verify,
}

/// What `config` does.
#[derive(Subcommand, Debug)]
pub enum ConfigCommand {
    /// Writes a configuration file with every key explained; never over an existing one
    Init {
        /// Prints it instead
        #[arg(long)]
        print: bool,
    },
    /// Reads the configuration and says whether it can be used
    Check,
    /// Prints the configuration in force, secrets hidden
    Show,
    /// Prints where configuration and data are
    Path,
}

/// Flags of `sim`.
#[derive(Args, Debug)]
pub struct Sim {
    /// Where to listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The story that is told
    #[arg(long, default_value = "office")]
    pub story: String,
    /// Another seed, another office
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Consents a minute; 0: nothing after the backlog
    #[arg(long, value_name = "PER_MINUTE", default_value_t = 30.0)]
    pub rate: f64,
    /// Consents of the last 20 hours
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub backlog: usize,
    /// The API token that it takes
    #[arg(long, value_name = "T", default_value = "demo-token")]
    pub token: String,
    /// A service app that it takes beside the token, by its client id
    #[arg(long, value_name = "CLIENT_ID", requires = "app_key")]
    pub app: Option<String>,
    /// The app's key: PEM, JWK or JWKS. Of a private key the public half is taken
    #[arg(long, value_name = "FILE", requires = "app")]
    pub app_key: Option<PathBuf>,
    /// The kid that the key is registered under; the JWK's own if left away, else sim-key
    #[arg(long, value_name = "KID", requires = "app")]
    pub app_kid: Option<String>,
    /// The scopes that are granted to the app; okta.logs.read if left away
    #[arg(long, value_name = "SCOPE", num_args = 1.., requires = "app")]
    pub app_scope: Vec<String>,
    /// The admin role of the app: none, read-only or super; read-only if left away
    #[arg(long, value_name = "NAME", requires = "app")]
    pub app_role: Option<String>,
    /// The app gets no token without a DPoP proof
    #[arg(long, requires = "app")]
    pub app_dpop: bool,
    /// Faults that it shows: always, from an answer on (NAME@3), or in some answers (NAME@3-5)
    #[arg(long, value_name = "NAME[@FROM[-TO]]", num_args = 1..)]
    pub fault: Vec<String>,
    /// Delivers what happens to this event hook, once it is verified
    #[arg(long, alias = "hook", value_name = "URL", requires = "hook_secret")]
    pub hook_url: Option<String>,
    /// The hook's secret, the whole value of Authorization
    #[arg(long, value_name = "S", requires = "hook_url")]
    pub hook_secret: Option<String>,
    /// Faults of the hook: drop, duplicate, disorder, bad_event
    #[arg(long, value_name = "NAME", num_args = 1.., requires = "hook_url")]
    pub hook_fault: Vec<String>,
    /// What the org has switched on: oie, classic, no-policy, no-rights-role …; an unknown name lists them all
    #[arg(long, value_name = "NAME", default_value = "oie")]
    pub org_variant: String,
    /// Writes every event as Okta documents it; without this, some are odd the way recorded ones are
    #[arg(long)]
    pub plain: bool,
}

/// Reads the arguments of a process, the first being its name.
///
/// # Errors
/// Help, version and misuse; each knows its own text and exit code.
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
        let Some(Command::Tail(tail)) = cli.command else { panic!("tail was said") };
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
