//! The flags of `prune`.

use clap::Args;

/// Flags of `prune`.
#[derive(Args, Debug)]
pub struct Prune {
    /// Removes the rows older than journal.keep_days by this machine's clock, except marked rows
    #[arg(long)]
    pub yes: bool,
}
