//! The variants of the org: its settings and the answers of its management API.

use std::collections::BTreeMap;

use super::population::Variant;

/// A part of the management API that a variant can change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Part {
    Servers,
    Apps,
    Features,
    Hooks,
    Logs,
}

/// The answer of a part instead of its resources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Instead {
    /// 403 `E0000006`: the role is too small.
    Role,
    /// 403 without a body; `WWW-Authenticate` names the scope.
    Scope,
    /// 401 `E0000015`: the feature is off.
    FeatureOff,
    /// 401 `E0000011`.
    Unauthorized,
    /// 404 `E0000007`.
    NotFound,
    /// 429 `E0000047`.
    TooMany,
    /// 500 `E0000009`.
    Server500,
    /// 200 with HTML.
    Html,
    /// 200 with invalid JSON.
    Garbage,
}

/// The state of the public metadata documents of custom servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Metadata {
    Shown,
    Off,
    Missing,
}

/// The state of the `default` authorization server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Default {
    Active,
    /// It was renamed.
    Renamed,
    Inactive,
    Missing,
}

/// The access policy and rule of the default server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gate {
    Open,
    NoPolicy,
    PolicyInactive,
    NoRule,
    RuleInactive,
    /// The only rule allows only client credentials.
    NoUserFlow,
    /// The rule calls a token inline hook.
    InlineHook,
}

/// The consent setting of the scopes of all servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scopes {
    Mixed,
    Implicit,
    /// Scopes have no `consent` property.
    Keyless,
    /// The first scope that required consent no longer does.
    Fewer,
}

/// The consent method of the apps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Apps {
    Required,
    Trusted,
    Absent,
    None,
    /// There are only Okta's own apps, which never have the property.
    Catalog,
}

/// The event hook that the org has in addition to the one of its plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StandingHook {
    None,
    Verified,
    Unverified,
    Inactive,
    /// A hook for other events than consents.
    OtherEvents,
}

/// The settings of an org.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrgShape {
    pub(super) pipeline: Variant,
    pub(super) metadata: Metadata,
    pub(super) default: Default,
    pub(super) gate: Gate,
    pub(super) scopes: Scopes,
    pub(super) apps: Apps,
    pub(super) hook: StandingHook,
    pub(super) has_feature_hint: bool,
    pub(super) instead: BTreeMap<Part, Instead>,
    /// Whether there are no events, since people cannot consent or have not.
    pub(super) is_quiet: bool,
}

impl std::default::Default for OrgShape {
    fn default() -> Self {
        Self {
            pipeline: Variant::Oie,
            metadata: Metadata::Shown,
            default: Default::Active,
            gate: Gate::Open,
            scopes: Scopes::Mixed,
            apps: Apps::Required,
            hook: StandingHook::None,
            has_feature_hint: false,
            instead: BTreeMap::new(),
            is_quiet: false,
        }
    }
}

type Change = fn(&mut OrgShape);

/// All variants by name.
const VARIANTS: [(&str, Change); 56] = [
    ("oie", |_| {}),
    ("classic", |org| org.pipeline = Variant::Classic),
    ("oie-quiet", OrgShape::quiet),
    ("classic-quiet", |org| {
        org.pipeline = Variant::Classic;
        org.quiet();
    }),
    ("oie-unlicensed", |org| {
        org.unlicensed();
        org.apps = Apps::Required;
    }),
    ("classic-unlicensed", |org| {
        org.pipeline = Variant::Classic;
        org.unlicensed();
    }),
    ("half-unlicensed", |org| {
        org.unlicensed();
        org.metadata = Metadata::Missing;
    }),
    ("contradiction", |org| {
        org.unlicensed();
        org.metadata = Metadata::Shown;
    }),
    ("oie-no-consent", |org| {
        org.apps = Apps::Absent;
        org.quiet();
    }),
    ("classic-no-consent", |org| {
        org.pipeline = Variant::Classic;
        org.apps = Apps::Absent;
        org.quiet();
    }),
    ("default-renamed", |org| org.default = Default::Renamed),
    ("default-missing", |org| {
        org.default = Default::Missing;
        org.metadata = Metadata::Missing;
    }),
    ("default-inactive", |org| org.default = Default::Inactive),
    ("no-policy", |org| org.gated(Gate::NoPolicy)),
    ("policy-inactive", |org| org.gated(Gate::PolicyInactive)),
    ("no-rule", |org| org.gated(Gate::NoRule)),
    ("rule-inactive", |org| org.gated(Gate::RuleInactive)),
    ("no-user-flow", |org| org.gated(Gate::NoUserFlow)),
    ("inline-hook", |org| org.gate = Gate::InlineHook),
    ("implicit-scopes", |org| {
        org.scopes = Scopes::Implicit;
        org.quiet();
    }),
    ("keyless-scopes", |org| {
        org.scopes = Scopes::Keyless;
        org.apps = Apps::Catalog;
        org.quiet();
    }),
    ("fewer-scopes", |org| org.scopes = Scopes::Fewer),
    ("apps-trusted", |org| {
        org.apps = Apps::Trusted;
        org.quiet();
    }),
    ("apps-none", |org| {
        org.apps = Apps::None;
        org.quiet();
    }),
    ("apps-catalogue", |org| {
        org.apps = Apps::Catalog;
        org.quiet();
    }),
    ("hook-verified", |org| org.hook = StandingHook::Verified),
    ("hook-unverified", |org| org.hook = StandingHook::Unverified),
    ("hook-inactive", |org| org.hook = StandingHook::Inactive),
    ("hook-other-events", |org| org.hook = StandingHook::OtherEvents),
    ("feature-hint", |org| org.has_feature_hint = true),
    ("no-servers-role", |org| org.only(Part::Servers, Instead::Role)),
    ("no-servers-scope", |org| org.only(Part::Servers, Instead::Scope)),
    ("no-apps-role", |org| org.only(Part::Apps, Instead::Role)),
    ("no-apps-scope", |org| org.only(Part::Apps, Instead::Scope)),
    ("no-features-role", |org| org.only(Part::Features, Instead::Role)),
    ("no-features-scope", |org| org.only(Part::Features, Instead::Scope)),
    ("no-hooks-role", |org| org.only(Part::Hooks, Instead::Role)),
    ("no-hooks-scope", |org| org.only(Part::Hooks, Instead::Scope)),
    ("no-logs-role", |org| org.only(Part::Logs, Instead::Role)),
    ("no-logs-scope", |org| org.only(Part::Logs, Instead::Scope)),
    ("no-rights-role", |org| org.all(Instead::Role)),
    ("no-rights-scope", |org| org.all(Instead::Scope)),
    ("dead-token", |org| org.all(Instead::Unauthorized)),
    ("servers-404", |org| org.only(Part::Servers, Instead::NotFound)),
    ("servers-429", |org| org.only(Part::Servers, Instead::TooMany)),
    ("servers-500", |org| org.only(Part::Servers, Instead::Server500)),
    ("servers-html", |org| org.only(Part::Servers, Instead::Html)),
    ("servers-garbage", |org| org.only(Part::Servers, Instead::Garbage)),
    ("apps-401", |org| org.only(Part::Apps, Instead::Unauthorized)),
    ("apps-429", |org| org.only(Part::Apps, Instead::TooMany)),
    ("apps-html", |org| org.only(Part::Apps, Instead::Html)),
    ("hooks-garbage", |org| org.only(Part::Hooks, Instead::Garbage)),
    ("features-500", |org| org.only(Part::Features, Instead::Server500)),
    ("logs-html", |org| org.only(Part::Logs, Instead::Html)),
    ("logs-garbage", |org| org.only(Part::Logs, Instead::Garbage)),
    ("no-rights-quiet", |org| {
        org.all(Instead::Role);
        org.quiet();
    }),
];

impl OrgShape {
    /// The words of all variants, for the help of the command line.
    pub const WORDS: [&'static str; VARIANTS.len()] = {
        let mut words = [""; VARIANTS.len()];
        let mut at = 0;
        while at < words.len() {
            words[at] = VARIANTS[at].0;
            at += 1;
        }
        words
    };

    /// Returns the variant that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        let (_, change) = VARIANTS.iter().find(|(known, _)| *known == word)?;
        let mut shape = Self::default();
        change(&mut shape);
        Some(shape)
    }

    /// Returns the org's engine.
    pub fn variant(&self) -> Variant {
        self.pipeline
    }

    fn quiet(&mut self) {
        self.is_quiet = true;
    }

    fn unlicensed(&mut self) {
        self.metadata = Metadata::Off;
        self.apps = Apps::Absent;
        self.instead.insert(Part::Servers, Instead::FeatureOff);
        self.quiet();
    }

    /// Sets the access policy to one that lets no user through, so that nobody consents.
    fn gated(&mut self, gate: Gate) {
        self.gate = gate;
        self.quiet();
    }

    fn only(&mut self, part: Part, instead: Instead) {
        self.instead.insert(part, instead);
    }

    fn all(&mut self, instead: Instead) {
        for part in [Part::Servers, Part::Apps, Part::Features, Part::Hooks, Part::Logs] {
            self.only(part, instead);
        }
    }

    /// Returns the answer that a path gives instead of its resource, if the variant changes it.
    pub(super) fn instead(&self, path: &str) -> Option<Instead> {
        let part = match path.strip_prefix("/api/v1/")?.split('/').next()? {
            "authorizationServers" => Part::Servers,
            "apps" => Part::Apps,
            "features" => Part::Features,
            "eventHooks" => Part::Hooks,
            "logs" => Part::Logs,
            _ => return None,
        };
        self.instead.get(&part).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_has_a_word_and_is_another_org() {
        let shapes: Vec<OrgShape> =
            OrgShape::WORDS.iter().map(|word| OrgShape::from_word(word).unwrap()).collect();
        for (at, shape) in shapes.iter().enumerate() {
            assert!(!shapes[..at].contains(shape), "{}", OrgShape::WORDS[at]);
        }
        assert_eq!(OrgShape::from_word("utopia"), None);
    }
}
