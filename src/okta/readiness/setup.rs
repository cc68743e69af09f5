//! What a prober needs to know of the org and the credentials.

use crate::okta::url::OrgUrl;

/// What a prober needs to know of the org.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadinessPlan {
    /// The org.
    pub org: OrgUrl,
    /// The authorization server to check: `default`, an id or an issuer.
    pub server: String,
    /// The address that Okta delivers to, if a hook is wanted.
    pub public_url: Option<String>,
    /// Whether there are credentials. Without them only public calls are made.
    pub has_credentials: bool,
    /// A seed that makes two watchers wait differently.
    pub jitter_seed: u64,
}

/// The kind of credentials, and the rights that are known of them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Rights {
    /// There are no credentials.
    #[default]
    None,
    /// An API token, which has its owner's role and no scopes.
    Token,
    /// A service app.
    Scopes {
        /// The scopes that are configured.
        asked: Vec<String>,
        /// The configured scopes that the token lacks.
        missing: Vec<String>,
        /// Whether there is a token. Without one it is unknown which scopes were granted.
        is_known: bool,
    },
}
