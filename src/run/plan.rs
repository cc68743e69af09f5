//! The plan of a feed: the journal, the orgs and the listener.

use std::path::PathBuf;
use std::time::Duration;

use crate::consent::KnownOrg;
use crate::intake::hook::HookPlan;
use crate::intake::http::Route;
use crate::journal::Settings;
use crate::okta::{Credentials, PollPlan};
use crate::report::Fault;
use crate::secret::SecretSource;
use crate::team::ServerAddress;

/// Everything needed to open a feed.
#[derive(Clone, Debug)]
pub struct FeedPlan {
    /// The folder of the journal.
    pub dir: PathBuf,
    /// How much the journal keeps.
    pub keep: Settings,
    /// The orgs, at least one, each once.
    pub orgs: Vec<OrgPlan>,
    /// Further orgs of the configuration, which are not worked for. A journal that knows neither these nor the others is
    /// that of somebody else.
    pub others: Vec<KnownOrg>,
    /// Whether rows of the journal's other orgs are left out.
    pub only_these_orgs: bool,
    /// Warnings about the files in use, one sentence each.
    pub warnings: Vec<String>,
    /// The event hook's listener, or `None` if it is off.
    pub hook: Option<HookPlan>,
    /// The team's server, or `None` to work alone.
    pub team: Option<TeamPlan>,
    /// Whether the configuration has an event hook and this process was told not to listen. If this process
    /// takes over, nobody listens.
    pub is_hook_left_out: bool,
}

/// How this process works with a team's server.
#[derive(Clone, Debug)]
pub struct TeamPlan {
    /// The server and the login.
    pub server: ServerAddress,
    /// A file with the certificate authority of the server.
    pub ca_file: Option<PathBuf>,
    /// What this process does there.
    pub role: TeamRole,
}

/// What a process does at a team's server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TeamRole {
    /// It polls Okta and publishes what it stores, and stands by while another collector does.
    Collector,
    /// It stores what a collector publishes, and asks Okta for nothing.
    Watcher,
}

impl FeedPlan {
    /// Returns whether everything comes from a team's server.
    pub(super) fn is_watcher(&self) -> bool {
        self.team.as_ref().is_some_and(|team| team.role == TeamRole::Watcher)
    }
}

/// Everything needed to work for one org.
#[derive(Clone, Debug)]
pub struct OrgPlan {
    /// The org, as people call it.
    pub org: KnownOrg,
    /// What to poll for, and how.
    pub poll: PollPlan,
    /// Whether to look up the names of ids and the persons behind consents.
    pub names: bool,
    /// The way to the org, or why there is none. With several orgs, the others are polled all the same.
    pub sign_in: Result<SignIn, Box<Fault>>,
    /// How to probe the org's readiness, or `None` to leave it out.
    pub readiness: Option<Probing>,
}

/// What an org is reached with.
#[derive(Clone, Debug)]
pub struct SignIn {
    /// The credentials.
    pub credentials: Credentials,
    /// Where to read the credentials again after Okta refused them.
    pub renew: Option<SecretSource>,
    /// The CA certificates and the proxy through which the org is reached.
    pub route: Route,
}

/// What to probe for the org's readiness, and how often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probing {
    /// The authorization server to probe: `default`, an id or an issuer.
    pub server: String,
    /// The address that Okta delivers to, if it is configured.
    pub public_url: Option<String>,
    /// The time between two rounds.
    pub interval: Duration,
}
