//! Authorization servers, their scopes, policies and rules, as the management API shows them.

use serde_json::Value;

use super::super::error::clip;
use super::calls::{DEFAULT, segment};

/// A custom authorization server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Server {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) issuer: String,
    /// The status from Okta, safe to show; `unknown` if Okta sends none.
    pub(super) status: String,
    pub(super) is_default: bool,
}

impl Server {
    pub(super) fn read(value: &Value) -> Option<Self> {
        let id = text(value, "id");
        let issuer = text(value, "issuer");
        // An admin can change the name, but not the flag and the issuer.
        let is_default = value.get("default").and_then(Value::as_bool).unwrap_or(false)
            || issuer.trim_end_matches('/').ends_with("/oauth2/default");
        let status = clip(text(value, "status"));
        (!id.is_empty()).then(|| Self {
            id: id.to_owned(),
            name: clip(text(value, "name")),
            issuer: clip(issuer),
            status: if status.is_empty() { "unknown".to_owned() } else { status },
            is_default,
        })
    }

    pub(super) fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }

    /// Returns whether the configured name stands for this server.
    pub(super) fn is_called(&self, configured: &str) -> bool {
        let Some(called) = segment(configured) else { return false };
        if called == DEFAULT { self.is_default } else { self.id == called }
    }

    /// Returns the name of the server on the screen.
    pub(super) fn shown(&self) -> String {
        match (self.is_default, self.name.is_empty()) {
            (true, _) if self.name != DEFAULT && !self.name.is_empty() => format!("default ({})", self.name),
            (true, _) => DEFAULT.to_owned(),
            (false, false) => self.name.clone(),
            (false, true) => clip(&self.id),
        }
    }
}

/// A scope of a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Scope {
    pub(super) name: String,
    /// `IMPLICIT`, `REQUIRED`, `FLEXIBLE`, or `None` if the org does not show the property.
    pub(super) consent: Option<String>,
}

impl Scope {
    pub(super) fn read(value: &Value) -> Option<Self> {
        let name = text(value, "name");
        let consent = value.get("consent").and_then(Value::as_str).map(clip);
        (!name.is_empty()).then(|| Self { name: clip(name), consent })
    }

    /// Returns whether the scope can cause a consent prompt.
    pub(super) fn asks(&self) -> bool {
        matches!(self.consent.as_deref(), Some("REQUIRED" | "FLEXIBLE"))
    }
}

/// An access policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Policy {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) is_active: bool,
    /// The number of clients that it applies to, or `None` if it applies to all.
    pub(super) clients: Option<usize>,
}

impl Policy {
    pub(super) fn read(value: &Value) -> Option<Self> {
        let id = text(value, "id");
        let include = value.pointer("/conditions/clients/include").and_then(Value::as_array);
        let clients = include
            .filter(|include| !include.iter().any(|client| client.as_str() == Some("ALL_CLIENTS")))
            .map(Vec::len);
        (!id.is_empty()).then(|| Self {
            id: id.to_owned(),
            name: clip(text(value, "name")),
            is_active: text(value, "status") == "ACTIVE",
            clients,
        })
    }
}

/// A rule of a policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    pub(super) is_active: bool,
    pub(super) grant_types: Vec<String>,
    pub(super) has_inline_hook: bool,
}

/// The grant types in which a person takes part.
const USER_FLOWS: [&str; 4] =
    ["authorization_code", "implicit", "interaction_code", "urn:ietf:params:oauth:grant-type:device_code"];
const GRANT_TYPES_MAX: usize = 20;

impl Rule {
    pub(super) fn read(value: &Value) -> Self {
        let types = value.pointer("/conditions/grantTypes/include").and_then(Value::as_array);
        Self {
            name: clip(text(value, "name")),
            is_active: text(value, "status") == "ACTIVE",
            grant_types: types
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .take(GRANT_TYPES_MAX)
                .map(clip)
                .collect(),
            has_inline_hook: value
                .pointer("/actions/token/inlineHook/id")
                .and_then(Value::as_str)
                .is_some_and(|id| !id.is_empty()),
        }
    }

    /// Returns whether the rule allows a flow that can reach the consent prompt.
    pub(super) fn lets_people_through(&self) -> bool {
        self.is_active && self.grant_types.iter().any(|one| USER_FLOWS.contains(&one.as_str()))
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
