//! What a prober is told of the org and of the credentials.

use crate::okta::url::OrgUrl;

/// What a prober must know of the org.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadinessPlan {
    /// The org.
    pub org: OrgUrl,
    /// The authorization server that matters: `default`, an id or an issuer.
    pub server: String,
    /// Where Okta delivers to, if a hook is wanted.
    pub public_url: Option<String>,
    /// Whether there are credentials; without any, only what is public is asked.
    pub has_credentials: bool,
    /// Sets apart the waits of two watchers.
    pub jitter_seed: u64,
}

/// What the credentials are, as far as they tell it themselves.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Rights {
    /// There are none.
    #[default]
    None,
    /// An API token, which has its owner's role and no scopes.
    Token,
    /// A service app: which scopes were asked for, and which of them were not granted.
    Scopes {
        /// As configured.
        asked: Vec<String>,
        /// Not among those of the token.
        missing: Vec<String>,
        /// Whether there is a token; without one nothing is known of what was granted.
        is_known: bool,
    },
}
