//! The targets of an event, for schemas that have fields for them.

use serde::Deserialize;
use serde_json::Value;

/// One target of an event. Its texts are as Okta wrote them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Target {
    /// `id`
    pub(super) id: Option<String>,
    /// `alternateId`
    pub(super) alternate_id: Option<String>,
    /// `displayName`
    pub(super) name: Option<String>,
    /// `type`
    pub(super) kind: String,
}

/// The targets of an event. Empty if it has none or cannot be parsed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Targets(Vec<Target>);

impl Targets {
    /// Returns the targets of a LogEvent.
    pub(super) fn of(raw: &str) -> Self {
        #[derive(Deserialize)]
        struct Event {
            #[serde(default)]
            target: Value,
        }
        let Ok(Event { target: Value::Array(targets) }) = serde_json::from_str(raw) else {
            return Self::default();
        };
        let text = |target: &Value, key: &str| {
            let text = target.get(key)?.as_str()?;
            (!text.is_empty() && !matches!(text, "unknown" | "null")).then(|| text.to_owned())
        };
        let target = |target: &Value| Target {
            id: text(target, "id"),
            alternate_id: text(target, "alternateId"),
            name: text(target, "displayName"),
            kind: text(target, "type").unwrap_or_default(),
        };
        Self(targets.iter().filter(|target| target.is_object()).map(target).collect())
    }

    /// Returns the first target of a matching type that has an id or a name.
    pub(super) fn first(&self, is_it: impl Fn(&str) -> bool) -> Option<&Target> {
        self.0.iter().find(|target| is_it(&target.kind) && (target.id.is_some() || target.name.is_some()))
    }

    /// Returns the first person. An account in an app (`AppUser`) is used only if there is no `User`.
    pub(super) fn user(&self) -> Option<&Target> {
        self.first(|kind| kind == "User").or_else(|| self.first(|kind| kind == "AppUser"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_by_type_and_odd_ones_are_none() {
        let targets = Targets::of(
            r#"{"target":[7,null,{"type":"AppUser","id":"0ua1"},{"type":"User","id":"unknown"},
               {"type":"User","id":"00u1","alternateId":"ada@example.test","displayName":"Ada"},{"type":"UserGroup","displayName":"Ops"}]}"#,
        );
        assert_eq!(targets.user().unwrap().id.as_deref(), Some("00u1"));
        assert_eq!(targets.first(|kind| kind == "UserGroup").unwrap().name.as_deref(), Some("Ops"));
        for odd in ["", "{", "{}", "{\"target\":null}", "{\"target\":{}}"] {
            assert_eq!(Targets::of(odd), Targets::default());
        }
    }
}
