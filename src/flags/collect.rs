//! The flags of `collect`.

use std::net::SocketAddr;

use clap::Args;

use crate::config::When;

/// Flags of `collect`.
#[derive(Args, Debug)]
pub struct Collect {
    /// Where to answer requests for /healthz, /readyz and /metrics; without TLS
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8788")]
    pub listen: SocketAddr,
    /// How far back to begin, on the first start only: 90s, 15m, 24h, 7d or a time
    #[arg(long, value_name = "DUR|TIME")]
    pub since: Option<When>,
    /// Publishes to a team's server, from a URL or @FILE of consentwatch team config
    #[arg(long, value_name = "URL|@FILE")]
    pub to: Option<String>,
    /// Does not listen for the event hook, even if it is configured
    #[arg(long)]
    pub no_hook: bool,
}
