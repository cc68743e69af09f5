//! The flags of `sim`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

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
