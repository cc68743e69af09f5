//! The flags of `tail`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::When;

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
    /// Prints what a team's collector publishes, from a URL or @FILE of consentwatch team config; needs no token
    #[arg(long, value_name = "URL|@FILE", conflicts_with = "input")]
    pub from: Option<String>,
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
