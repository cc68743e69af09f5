//! The flags of `demo`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::config::length;

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
