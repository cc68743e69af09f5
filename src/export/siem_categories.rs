//! Maps event types to the categories and classes of SIEM schemas.

/// The category and types of an event in the Elastic Common Schema.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Ecs {
    /// `event.category`, or `None` if the schema has no category for the event.
    pub(super) category: Option<&'static str>,
    /// `event.type`. Each type is allowed in the category.
    pub(super) types: Vec<&'static str>,
}

const IAM: &str = "iam";
const AUTHENTICATION: &str = "authentication";
const CONFIGURATION: &str = "configuration";
const SESSION: &str = "session";

/// Event types by prefix, the more specific ones first: prefix, category, and ECS types in addition to those from the
/// verb. The table follows Elastic's own (elastic/integrations, packages/okta, `ecs_category_type.yml`). Types there
/// that do not describe the event, such as `start` for the activation of a client, are left out.
const FAMILIES: [(&str, &str, &[&str]); 61] = [
    ("app.access_request.", IAM, &["info"]),
    ("app.generic.unauth_app_access_attempt", AUTHENTICATION, &["info"]),
    ("app.inbound_del_auth.", AUTHENTICATION, &["info"]),
    ("app.keys.", CONFIGURATION, &[]),
    ("app.oauth2.", AUTHENTICATION, &["info"]),
    ("app.policy.", CONFIGURATION, &[]),
    ("app.saml.", CONFIGURATION, &[]),
    ("application.user_membership.change_password", AUTHENTICATION, &["info"]),
    ("application.user_membership.restore_password", AUTHENTICATION, &["info"]),
    ("application.user_membership.show_password", AUTHENTICATION, &["info"]),
    ("application.user_membership.", IAM, &["user"]),
    ("application.lifecycle.", CONFIGURATION, &[]),
    ("application.policy.", CONFIGURATION, &[]),
    ("application.registration_policy.", CONFIGURATION, &[]),
    ("credential.", AUTHENTICATION, &["info"]),
    ("device.assurance.policy.", CONFIGURATION, &[]),
    ("device.user.", IAM, &["user"]),
    ("event_hook.", CONFIGURATION, &[]),
    ("group.user_membership.", IAM, &["group", "user"]),
    ("group.profile.update", IAM, &["admin", "group"]),
    ("group.", IAM, &["group"]),
    ("iam.role.", IAM, &["info"]),
    ("iam.", CONFIGURATION, &["info"]),
    ("inline_hook.", CONFIGURATION, &[]),
    ("network_zone.", CONFIGURATION, &[]),
    ("oauth2.as.", CONFIGURATION, &[]),
    ("oauth2.claim.", CONFIGURATION, &[]),
    ("oauth2.scope.", CONFIGURATION, &[]),
    ("policy.evaluate_sign_on", AUTHENTICATION, &["info"]),
    ("policy.auth_reevaluate.", AUTHENTICATION, &["info"]),
    ("policy.execute.user.start", IAM, &["user"]),
    ("policy.lifecycle.", CONFIGURATION, &[]),
    ("policy.rule.", CONFIGURATION, &[]),
    ("policy.mapping.", CONFIGURATION, &[]),
    ("policy.entity_risk.", CONFIGURATION, &["info"]),
    ("security.authenticator.", AUTHENTICATION, &["info"]),
    ("security.breached_credential.", AUTHENTICATION, &["info"]),
    ("security.session.", SESSION, &["info"]),
    ("security.threat.configuration.", CONFIGURATION, &["info"]),
    ("security.threat.detected", "threat", &["indicator"]),
    ("security.attack.", "threat", &["indicator"]),
    ("security.behavior.settings.", CONFIGURATION, &["info"]),
    ("system.api_token.", AUTHENTICATION, &["info"]),
    ("system.oauth2.token.", AUTHENTICATION, &["info"]),
    ("system.log_stream.", CONFIGURATION, &["info"]),
    ("system.mfa.factor.activate", AUTHENTICATION, &["start"]),
    ("system.mfa.factor.deactivate", AUTHENTICATION, &["end"]),
    ("user.account.expire_password", AUTHENTICATION, &["info"]),
    ("user.account.reset_password", AUTHENTICATION, &["info"]),
    ("user.account.update_password", AUTHENTICATION, &["info"]),
    ("user.account.", IAM, &["user"]),
    ("user.authentication.", AUTHENTICATION, &["info"]),
    ("user.credential.", AUTHENTICATION, &["info"]),
    ("user.identity_verification", AUTHENTICATION, &["info"]),
    ("user.import.password", AUTHENTICATION, &["info"]),
    ("user.lifecycle.password_mass_expiry", AUTHENTICATION, &["info"]),
    ("user.lifecycle.", IAM, &["user"]),
    ("user.mfa.", AUTHENTICATION, &["info"]),
    ("user.risk.", IAM, &["user"]),
    ("user.session.", SESSION, &["info"]),
    ("zone.", CONFIGURATION, &[]),
];

/// The action that an event type names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verb {
    /// Something was created.
    Create,
    /// Something was changed.
    Update,
    /// Something was removed.
    Delete,
    /// Something began.
    Start,
    /// Something ended.
    End,
    /// Another action.
    Other,
}

impl Verb {
    /// Returns the action from the last word of an event type. `completed` and `initiated` are skipped.
    pub(super) fn of(event_type: &str) -> Self {
        let last = event_type.rsplit('.').find(|word| !matches!(*word, "completed" | "initiated"));
        match last.unwrap_or_default() {
            "create" | "created" | "add" | "provision" | "generate" | "add_exclusion" => Self::Create,
            "delete" | "deleted" | "remove" | "removed" | "revoke" | "deprovision" => Self::Delete,
            "start" | "initiate" => Self::Start,
            "end" | "expire" | "universal_logout" | "scheduled" => Self::End,
            word if word.starts_with("update") || matches!(word, "change" | "change_username" | "rotate") => {
                Self::Update
            }
            _ => Self::Other,
        }
    }
}

/// Returns the ECS category and types of an event type. Both are empty for an unknown type.
pub(super) fn ecs(event_type: &str) -> Ecs {
    let Some((_, category, base)) = FAMILIES.iter().find(|(start, ..)| event_type.starts_with(start)) else {
        return Ecs::default();
    };
    let verb = Verb::of(event_type);
    let mut types: Vec<&'static str> = match (*category, verb) {
        (CONFIGURATION | IAM, Verb::Create) => vec!["creation"],
        (CONFIGURATION | IAM, Verb::Update) => vec!["change"],
        (CONFIGURATION | IAM, Verb::Delete) => vec!["deletion"],
        (SESSION, Verb::Start) => vec!["start"],
        (SESSION | AUTHENTICATION, Verb::End) => vec!["end"],
        _ if event_type == "user.identity_verification.start" => vec!["start"],
        // Activating or deactivating a hook changes its configuration.
        (CONFIGURATION, _) if event_type.ends_with("activated") => vec!["change"],
        _ => Vec::new(),
    };
    // `info` is only used if there is no more specific type.
    if types.is_empty() || *base != ["info"] {
        let is_alone = types.is_empty();
        types.extend(base.iter().filter(|kind| **kind != "info" || is_alone));
    }
    if types.is_empty() {
        types.push("info");
    }
    types.sort_unstable();
    Ecs { category: Some(category), types }
}

/// A class and activity of the Open Cybersecurity Schema Framework.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ocsf {
    /// `class_uid` and `class_name`.
    pub(super) class: Named,
    /// `activity_id` and `activity_name` in that class.
    pub(super) activity: Named,
}

/// A number in the schema and its name.
type Named = (u32, &'static str);

/// User Access Management: a consent assigns privileges, and a revocation revokes them.
pub(super) const USER_ACCESS: Named = (3005, "User Access Management");
/// Account Change.
pub(super) const ACCOUNT: Named = (3001, "Account Change");
/// Authentication.
pub(super) const SIGN_IN: Named = (3002, "Authentication");
/// Entity Management.
pub(super) const ENTITY: Named = (3004, "Entity Management");
/// Group Management.
pub(super) const GROUP: Named = (3006, "Group Management");
/// The class of events without a more specific class.
pub(super) const BASE: Named = (0, "Base Event");
const OTHER: Named = (99, "Other");
/// The activity of [`SIGN_IN`] that ends a session.
pub(super) const LOGOFF: Named = (2, "Logoff");

/// Event types by prefix, the more specific ones first, with class and activity.
const CLASSES: [(&str, Named, Named); 35] = [
    ("user.session.start", SIGN_IN, (1, "Logon")),
    ("user.authentication.sso", SIGN_IN, (1, "Logon")),
    ("user.session.end", SIGN_IN, LOGOFF),
    ("user.session.expire", SIGN_IN, LOGOFF),
    ("user.session.clear", SIGN_IN, LOGOFF),
    ("user.authentication.slo", SIGN_IN, LOGOFF),
    ("user.authentication.universal_logout", SIGN_IN, LOGOFF),
    ("user.session.", SIGN_IN, OTHER),
    ("user.authentication.", SIGN_IN, OTHER),
    ("policy.evaluate_sign_on", SIGN_IN, OTHER),
    ("policy.auth_reevaluate.", SIGN_IN, OTHER),
    ("app.oauth2.as.token.grant", SIGN_IN, (3, "Authentication Ticket")),
    ("app.oauth2.token.grant", SIGN_IN, (3, "Authentication Ticket")),
    ("app.oauth2.as.authorize", SIGN_IN, OTHER),
    ("app.oauth2.authorize", SIGN_IN, OTHER),
    ("user.account.lock", ACCOUNT, (9, "Lock")),
    // Sending an unlock token is not an unlock, and neither is a failed attempt.
    ("user.account.unlock_token", ACCOUNT, OTHER),
    ("user.account.unlock_failure", ACCOUNT, OTHER),
    ("user.account.unlock", ACCOUNT, (12, "Unlock")),
    ("user.account.update_password", ACCOUNT, (3, "Password Change")),
    ("user.account.reset_password", ACCOUNT, (4, "Password Reset")),
    ("user.mfa.factor.activate", ACCOUNT, (10, "MFA Factor Enable")),
    ("user.mfa.factor.deactivate", ACCOUNT, (11, "MFA Factor Disable")),
    ("user.lifecycle.create", ACCOUNT, (1, "Create")),
    ("user.lifecycle.activate", ACCOUNT, (2, "Enable")),
    ("user.lifecycle.reactivate", ACCOUNT, (2, "Enable")),
    ("user.lifecycle.unsuspend", ACCOUNT, (2, "Enable")),
    ("user.lifecycle.deactivate", ACCOUNT, (5, "Disable")),
    ("user.lifecycle.suspend", ACCOUNT, (5, "Disable")),
    ("user.lifecycle.delete", ACCOUNT, (6, "Delete")),
    ("user.lifecycle.", ACCOUNT, OTHER),
    ("user.account.", ACCOUNT, OTHER),
    ("user.mfa.", ACCOUNT, OTHER),
    ("group.user_membership.add", GROUP, (3, "Add User")),
    ("group.user_membership.remove", GROUP, (4, "Remove User")),
];

/// Prefixes of event types that create, change or delete an administered entity: Entity Management.
const ENTITIES: [&str; 13] = [
    "app.oauth2.client.lifecycle.",
    "app.oauth2.credentials.lifecycle.",
    "application.lifecycle.",
    "application.policy.",
    "event_hook.",
    "inline_hook.",
    "oauth2.as.",
    "oauth2.claim.",
    "oauth2.scope.",
    "policy.lifecycle.",
    "policy.rule.",
    "system.log_stream.lifecycle.",
    "zone.",
];

/// Returns the class and activity of an event type that is not a consent.
pub(super) fn ocsf(event_type: &str) -> Ocsf {
    if let Some((_, class, activity)) = CLASSES.iter().find(|(start, ..)| event_type.starts_with(start)) {
        return Ocsf { class: *class, activity: *activity };
    }
    let verb = Verb::of(event_type);
    if event_type.starts_with("group.lifecycle.") || event_type.starts_with("group.profile.") {
        let activity = match verb {
            Verb::Create => (6, "Create"),
            Verb::Delete => (5, "Delete"),
            // The class has no update before 1.9.
            _ => OTHER,
        };
        return Ocsf { class: GROUP, activity };
    }
    if ENTITIES.iter().any(|start| event_type.starts_with(start)) {
        let last = event_type.rsplit('.').next().unwrap_or_default();
        let activity = match (verb, last) {
            (Verb::Create, _) => (1, "Create"),
            (Verb::Update, _) => (3, "Update"),
            (Verb::Delete, _) => (4, "Delete"),
            (_, "activate" | "activated") => (10, "Activate"),
            (_, "deactivate" | "deactivated") => (11, "Deactivate"),
            _ => OTHER,
        };
        return Ocsf { class: ENTITY, activity };
    }
    Ocsf { class: BASE, activity: OTHER }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses lines of `name: words`.
    fn table(text: &'static str) -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        lines.map(|line| {
            let (name, words) = line.split_once(':').expect("a name and words");
            (name, words.split_whitespace().collect())
        })
    }

    #[test]
    fn event_types_stand_where_elastic_s_own_integration_puts_them() {
        let mut count = 0;
        for (event_type, words) in table(include_str!("../../tests/schemas/ecs-okta.txt")) {
            let found = ecs(event_type);
            assert_eq!(found.category, words.first().copied(), "{event_type}");
            // Our table may leave out `info` beside a more specific type, but must not have another type.
            let wanted: Vec<&str> = words.into_iter().skip(1).collect();
            assert!(found.types.iter().all(|kind| wanted.contains(kind)), "{event_type}: {:?}", found.types);
            let missing: Vec<_> = wanted.iter().filter(|kind| !found.types.contains(kind)).collect();
            assert!(missing.iter().all(|kind| **kind == "info"), "{event_type} lacks {missing:?}");
            count += 1;
        }
        assert!(count > 80, "{count}");
    }

    #[test]
    fn every_type_is_one_that_the_schema_allows_in_its_category() {
        let allowed: Vec<_> = table(include_str!("../../tests/schemas/ecs-categories.txt")).collect();
        let verbs = ["create", "update", "delete", "activate", "deactivated", "start", "end", "expire", "x"];
        for (start, ..) in FAMILIES {
            for event_type in verbs.iter().map(|verb| format!("{start}{verb}")).chain([start.to_owned()]) {
                let Ecs { category, types } = ecs(&event_type);
                let category = category.expect("each family has one");
                let (_, allowed) =
                    allowed.iter().find(|(name, _)| *name == category).expect("a category of the schema");
                assert!(!types.is_empty() && types.iter().all(|kind| allowed.contains(kind)), "{event_type}");
            }
        }
    }

    #[test]
    fn what_has_no_class_gets_none() {
        for event_type in ["", "system.voice.send_call", "mim.command.ios.new", "somebody.elses.event"] {
            assert_eq!(ecs(event_type), Ecs::default(), "{event_type}");
            assert_eq!(ocsf(event_type).class, BASE, "{event_type}");
        }
    }

    #[test]
    fn classes_and_activities_are_those_of_the_schema() {
        let known: Vec<_> = table(include_str!("../../tests/schemas/ocsf-classes.txt")).collect();
        let is_known = |Ocsf { class, activity }: Ocsf| {
            let name = format!("{} {} {}", class.0, activity.0, activity.1.replace(' ', "_"));
            known.iter().any(|(line, _)| *line == name)
        };
        for (start, ..) in CLASSES {
            assert!(is_known(ocsf(start)), "{start}");
        }
        for start in ENTITIES.into_iter().chain(["group.lifecycle.", "group.profile."]) {
            for verb in ["create", "update", "delete", "activate", "deactivate", "activated", "x"] {
                let found = ocsf(&format!("{start}{verb}"));
                assert!(is_known(found) && matches!(found.class, ENTITY | GROUP), "{start}{verb}");
            }
        }
        for (event_type, class, activity) in [
            ("user.session.start", 3002, 1),
            ("user.account.lock", 3001, 9),
            ("user.account.unlock_by_admin", 3001, 12),
            ("user.account.unlock", 3001, 12),
            ("user.account.unlock_token", 3001, 99),
            ("user.account.unlock_failure", 3001, 99),
            ("user.session.clear", 3002, 2),
            ("user.authentication.universal_logout", 3002, 2),
            ("policy.lifecycle.update", 3004, 3),
            ("policy.evaluate_sign_on", 3002, 99),
            ("group.user_membership.add", 3006, 3),
            ("zone.delete", 3004, 4),
        ] {
            let found = ocsf(event_type);
            assert_eq!((found.class.0, found.activity.0), (class, activity), "{event_type}");
        }
    }
}
