//! The commands of `team`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The commands of `team`.
#[derive(Subcommand, Debug)]
pub enum TeamCommand {
    /// Writes the configuration of a NATS server for the configured orgs, and a file with address and password for each
    /// role. Files of roles that are there keep their passwords
    Config(TeamConfig),
    /// Shows the server, the streams, who collects, and how far watchers have read
    Status(TeamStatus),
}

/// Flags of `team config`.
#[derive(Args, Debug)]
pub struct TeamConfig {
    /// The folder to write to; it is made if it is missing
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Where the server will listen
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4222")]
    pub listen: SocketAddr,
    /// The name under which others reach the server; without it, the address of --listen
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// The server's certificate chain, in PEM. TLS is needed unless the server listens on this machine only
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of that certificate
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

/// Flags of `team status`.
#[derive(Args, Debug)]
pub struct TeamStatus {
    /// The server, from a URL or @FILE; without it, the configured one
    #[arg(long, value_name = "URL|@FILE")]
    pub from: Option<String>,
    /// Prints JSON
    #[arg(long)]
    pub json: bool,
}
