//! The flags of `open`.

use std::path::PathBuf;

use clap::Args;

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
