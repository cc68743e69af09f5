//! The flags of `watch`.

use std::path::PathBuf;

use clap::Args;

use crate::config::When;

/// Flags of `watch`.
#[derive(Args, Debug, Default)]
pub struct Watch {
    /// How far back to begin, on the first start only: 90s, 15m, 24h, 7d or a time
    #[arg(long, value_name = "DUR|TIME")]
    pub since: Option<When>,
    /// Shows what a team's collector publishes, from a URL or @FILE of consentwatch team config; needs no token
    #[arg(long, value_name = "URL|@FILE")]
    pub from: Option<String>,
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
