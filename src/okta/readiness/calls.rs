//! The calls that a round makes (Okta management API; contract of the probes).

use jiff::{SignedDuration, Timestamp};
use url::form_urlencoded;

use super::super::hook_admin::HOOKS;

/// The name that the pre-made server accepts besides its id.
pub(super) const DEFAULT: &str = "default";

/// The event that proves that consents are possible.
pub(super) const GRANT: &str = "app.oauth2.as.consent.grant";

/// How long Okta keeps events, in days. An older consent proves nothing about the present.
pub(super) const PROOF_DAYS: i64 = 90;

/// One call.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Ask {
    /// The engine of the org. Public.
    Engine,
    /// The public metadata of a custom authorization server.
    Metadata(String),
    /// The custom authorization servers.
    Servers,
    /// One custom authorization server, by its id or `default`.
    Server(String),
    /// The scopes of a server.
    Scopes(String),
    /// The access policies of a server.
    Policies(String),
    /// The rules of a policy.
    Rules(String, String),
    /// The active apps.
    Apps,
    /// The self-service features.
    Features,
    /// The event hooks.
    Hooks,
    /// The newest successful consent in the 90 days before this time.
    History(Timestamp),
}

/// The rate limit that a call counts against (Okta: rate limits, buckets).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bucket {
    Log,
    Apps,
    Servers,
    Rest,
}

impl Ask {
    /// Returns whether the call needs no credentials.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Self::Engine | Self::Metadata(_))
    }

    /// Returns whether the answer may have several pages.
    pub(super) fn is_paged(&self) -> bool {
        matches!(self, Self::Servers | Self::Apps | Self::Scopes(_) | Self::Policies(_) | Self::Hooks)
    }

    /// Returns the rate limit that the call counts against.
    pub(super) fn bucket(&self) -> Bucket {
        match self {
            Self::History(_) => Bucket::Log,
            Self::Apps => Bucket::Apps,
            Self::Servers
            | Self::Server(_)
            | Self::Scopes(_)
            | Self::Policies(_)
            | Self::Rules(..)
            | Self::Metadata(_) => Bucket::Servers,
            Self::Engine | Self::Features | Self::Hooks => Bucket::Rest,
        }
    }

    /// Returns the scope that the call needs, besides a role.
    pub(super) fn scope(&self) -> Option<&'static str> {
        Some(match self {
            Self::Engine | Self::Metadata(_) => return None,
            Self::Servers | Self::Server(_) | Self::Scopes(_) | Self::Policies(_) | Self::Rules(..) => {
                "okta.authorizationServers.read"
            }
            Self::Apps => "okta.apps.read",
            Self::Features => "okta.features.read",
            Self::Hooks => "okta.eventHooks.read",
            Self::History(_) => "okta.logs.read",
        })
    }

    /// Returns the path and query. Ids from Okta's answers and from the configuration are checked before they are used
    /// here.
    pub(super) fn path(&self) -> String {
        const SERVERS: &str = "/api/v1/authorizationServers";
        match self {
            Self::Engine => "/.well-known/okta-organization".to_owned(),
            Self::Metadata(server) => format!("/oauth2/{server}/.well-known/openid-configuration"),
            Self::Servers => format!("{SERVERS}?limit=200"),
            Self::Server(id) => format!("{SERVERS}/{id}"),
            Self::Scopes(id) => format!("{SERVERS}/{id}/scopes"),
            Self::Policies(id) => format!("{SERVERS}/{id}/policies"),
            Self::Rules(id, policy) => format!("{SERVERS}/{id}/policies/{policy}/rules"),
            Self::Apps => "/api/v1/apps?filter=status+eq+%22ACTIVE%22&limit=200".to_owned(),
            Self::Features => "/api/v1/features".to_owned(),
            Self::Hooks => HOOKS.to_owned(),
            Self::History(now) => {
                let since = now.checked_sub(SignedDuration::from_hours(24 * PROOF_DAYS)).unwrap_or(*now);
                let filter = format!("eventType eq \"{GRANT}\" and outcome.result eq \"SUCCESS\"");
                let query = form_urlencoded::Serializer::new(String::new())
                    .append_pair("since", &format!("{since:.3}"))
                    .append_pair("until", &format!("{now:.3}"))
                    .append_pair("filter", &filter)
                    .append_pair("sortOrder", "DESCENDING")
                    .append_pair("limit", "1")
                    .finish();
                format!("/api/v1/logs?{query}")
            }
        }
    }

    /// Returns the call as evidence names it, without long queries.
    pub(super) fn call(&self) -> String {
        let path = match self {
            Self::History(_) => format!("/api/v1/logs, {GRANT} of {PROOF_DAYS} days"),
            other => other.path(),
        };
        format!(
            "GET {}",
            path.replace("?filter=status+eq+%22ACTIVE%22&limit=200", "").replace("?limit=200", "")
        )
    }
}

/// Returns an id from outside if it can be part of a path.
pub(super) fn sound_id(id: &str) -> Option<&str> {
    ((1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(id)
}

/// Returns the name of a configured server in a path: the end of an issuer, or the word itself.
pub(super) fn segment(server: &str) -> Option<String> {
    let server = server.trim().trim_end_matches('/');
    let last = server.rsplit_once("/oauth2/").map_or(server, |(_, last)| last);
    sound_id(last).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_called_by_its_id_or_its_issuer() {
        for (server, expected) in [
            ("default", Some("default")),
            (" aus1d7 ", Some("aus1d7")),
            ("https://example.okta.com/oauth2/aus1d7/", Some("aus1d7")),
            ("https://example.okta.com", None),
            ("../users", None),
            ("", None),
        ] {
            assert_eq!(segment(server).as_deref(), expected, "{server}");
        }
    }

    #[test]
    fn history_is_asked_for_within_bounds() {
        let now: Timestamp = "2026-03-04T09:15:00Z".parse().unwrap();
        let path = Ask::History(now).path();
        for part in [
            "since=2025-12-04T09%3A15%3A00.000Z",
            "until=2026-03-04T09%3A15%3A00.000Z",
            "outcome.result+eq+%22SUCCESS%22",
            "limit=1",
        ] {
            assert!(path.contains(part), "{path}");
        }
        assert_eq!(Ask::Apps.call(), "GET /api/v1/apps");
    }
}
