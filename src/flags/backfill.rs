//! The flags of `backfill`.

use clap::Args;

use crate::config::When;

/// Flags of `backfill`.
#[derive(Args, Debug)]
pub struct Backfill {
    /// How far back, at most 90 days: a duration back from now, or a time
    #[arg(long, value_name = "DUR|TIME", default_value = "90d")]
    pub since: When,
}
