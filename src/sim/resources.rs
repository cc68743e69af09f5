//! Other API resources that a monitor reads: the org's metadata, authorization servers, apps and people.

use super::json::quoted;
use super::org::{Org, locked};
use super::population::{Population, User};
use super::shape::{Apps, Default, Gate, OrgShape, Scopes};

/// Returns the body of a path that needs no credentials, or `None` if there is no such resource.
pub(super) fn open(org: &Org, base: &str, path: &str) -> Option<String> {
    let population = &org.population;
    if path == "/.well-known/okta-organization" {
        return Some(format!(
            r#"{{"id":"{}","cell":"demo1","_links":{{"organization":{{"href":"{base}"}}}},"pipeline":"{}","settings":{{"analyticsCollectionEnabled":false}}}}"#,
            population.org,
            population.variant.pipeline()
        ));
    }
    let (server, document) = path.strip_prefix("/oauth2/")?.split_once('/')?;
    if !matches!(document, ".well-known/openid-configuration" | ".well-known/oauth-authorization-server") {
        return None;
    }
    let server = server_at(population, &locked(&org.shape), server)?;
    let issuer = issuer(population, base, server);
    Some(format!(
        r#"{{"issuer":"{issuer}","authorization_endpoint":"{issuer}/v1/authorize","token_endpoint":"{issuer}/v1/token","jwks_uri":"{issuer}/v1/keys","response_types_supported":["code"],"grant_types_supported":["authorization_code","refresh_token"],"subject_types_supported":["public"],"scopes_supported":["openid","profile","email","offline_access"]}}"#
    ))
}

/// Returns the body of a path that needs a valid token, or `None` if there is no such resource.
pub(super) fn closed(org: &Org, base: &str, path: &str) -> Option<String> {
    let population = &org.population;
    let shape = locked(&org.shape).clone();
    let deleted = locked(&org.deleted);
    let parts: Vec<&str> = path.strip_prefix("/api/v1/")?.split('/').collect();
    match parts.as_slice() {
        ["authorizationServers"] => {
            let first = usize::from(shape.default == Default::Missing);
            Some(list((first..population.servers.len()).map(|at| server(population, &shape, base, at))))
        }
        ["authorizationServers", id] => {
            Some(server(population, &shape, base, server_at(population, &shape, id)?))
        }
        ["authorizationServers", id, "scopes"] => {
            Some(scopes(population, &shape, server_at(population, &shape, id)?))
        }
        ["authorizationServers", id, "policies"] => {
            Some(policies(&shape, server_at(population, &shape, id)?))
        }
        ["authorizationServers", id, "policies", policy, "rules"] => {
            let at = server_at(population, &shape, id)?;
            (*policy == policy_id(at)).then(|| rules(&shape, at))
        }
        ["apps"] => {
            let count =
                if matches!(shape.apps, Apps::None | Apps::Catalog) { 0 } else { population.apps.len() };
            let standing = (0..count).filter(|at| !deleted.contains(&population.apps[*at].id));
            let own = standing.map(|at| app(population, &shape, at));
            Some(list(own.chain((shape.apps != Apps::None).then(dashboard))))
        }
        ["apps" | "users", id] if deleted.contains(*id) => None,
        ["apps", id] if *id == DASHBOARD => Some(dashboard()),
        ["apps", id] => Some(app(population, &shape, population.apps.iter().position(|app| app.id == *id)?)),
        ["users", id] => Some(user(population.users.iter().find(|user| user.id == *id)?)),
        ["features"] => Some(features(&shape)),
        _ => None,
    }
}

/// Returns whether a path is in an existing collection, so that the error for a missing item names the item and not the
/// path.
pub(super) fn is_collection(path: &str) -> bool {
    ["/api/v1/authorizationServers/", "/api/v1/apps/", "/api/v1/users/", "/api/v1/eventHooks/", "/oauth2/"]
        .iter()
        .any(|collection| path.starts_with(collection))
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// Returns the index of a server by id. The first server is the default one, which is also found as `default`.
fn server_at(population: &Population, shape: &OrgShape, id: &str) -> Option<usize> {
    let at =
        if id == "default" { Some(0) } else { population.servers.iter().position(|server| server.id == id) };
    at.filter(|at| *at > 0 || shape.default != Default::Missing)
}

pub(super) fn issuer(population: &Population, base: &str, at: usize) -> String {
    format!("{base}/oauth2/{}", if at == 0 { "default" } else { population.servers[at].id.as_str() })
}

fn server(population: &Population, shape: &OrgShape, base: &str, at: usize) -> String {
    let server = &population.servers[at];
    let is_off = at == 0 && shape.default == Default::Inactive;
    let name = if at == 0 && shape.default == Default::Renamed { "Front door" } else { server.name };
    format!(
        r#"{{"id":"{}","name":"{1}","description":"{1}","audiences":["api://{at}"],"issuer":"{2}","issuerMode":"DYNAMIC","status":"{4}","created":"2025-01-02T03:04:05.000Z","lastUpdated":"2025-06-07T08:09:10.000Z","default":{3},"_links":{{}}}}"#,
        server.id,
        name,
        issuer(population, base, at),
        at == 0,
        if is_off { "INACTIVE" } else { "ACTIVE" }
    )
}

fn scopes(population: &Population, shape: &OrgShape, at: usize) -> String {
    list((0..population.servers[at].scopes.len()).map(|number| scope_of(population, shape, at, number)))
}

/// Returns the id of a scope of a server.
pub(super) fn scope_id(at: usize, number: usize) -> String {
    format!("scp{at:03}{number:03}AAAAAAAA1d7")
}

/// Returns a scope of a server.
pub(super) fn scope(population: &Population, at: usize, number: usize) -> String {
    scope_of(population, &OrgShape::default(), at, number)
}

fn scope_of(population: &Population, shape: &OrgShape, at: usize, number: usize) -> String {
    let consent = match (shape.scopes, number) {
        (Scopes::Implicit, _) | (Scopes::Fewer, 1) => "IMPLICIT",
        _ => ["IMPLICIT", "REQUIRED", "FLEXIBLE"][number % 3],
    };
    let consent = match shape.scopes {
        Scopes::Keyless => String::new(),
        _ => format!(r#""consent":"{consent}","#),
    };
    format!(
        r#"{{"id":"{}","name":"{1}","displayName":"{1}","description":"{1}","system":{2},"metadataPublish":"ALL_CLIENTS",{consent}"optional":false,"default":false}}"#,
        scope_id(at, number),
        population.servers[at].scopes[number],
        number < 3
    )
}

fn policy_id(at: usize) -> String {
    format!("00p{at:03}AAAAAAAAAAA1d7")
}

fn policies(shape: &OrgShape, at: usize) -> String {
    let status = match (at, shape.gate) {
        (0, Gate::NoPolicy) => return "[]".to_owned(),
        (0, Gate::PolicyInactive) => "INACTIVE",
        _ => "ACTIVE",
    };
    format!(
        r#"[{{"id":"{}","type":"OAUTH_AUTHORIZATION_POLICY","name":"Everyone","status":"{status}","priority":1,"system":false,"conditions":{{"clients":{{"include":["ALL_CLIENTS"]}}}}}}]"#,
        policy_id(at)
    )
}

fn rules(shape: &OrgShape, at: usize) -> String {
    let gate = if at == 0 { shape.gate } else { Gate::Open };
    let status = match gate {
        Gate::NoRule => return "[]".to_owned(),
        Gate::RuleInactive => "INACTIVE",
        _ => "ACTIVE",
    };
    let types = match gate {
        Gate::NoUserFlow => r#"["client_credentials"]"#,
        _ => r#"["authorization_code","interaction_code"]"#,
    };
    let hook = match gate {
        Gate::InlineHook => r#","inlineHook":{"id":"cal000AAAAAAAAAAA1d7"}"#,
        _ => "",
    };
    format!(
        r#"[{{"id":"0pr{at:03}AAAAAAAAAAA1d7","type":"RESOURCE_ACCESS","name":"Everyone","status":"{status}","priority":1,"conditions":{{"people":{{"users":{{"include":[],"exclude":[]}},"groups":{{"include":["EVERYONE"],"exclude":[]}}}},"grantTypes":{{"include":{types}}},"scopes":{{"include":["*"]}}}},"actions":{{"token":{{"accessTokenLifetimeMinutes":60,"refreshTokenLifetimeMinutes":0,"refreshTokenWindowMinutes":10080{hook}}}}}}}]"#
    )
}

fn app(population: &Population, shape: &OrgShape, at: usize) -> String {
    let app = &population.apps[at];
    let method = match shape.apps {
        Apps::Absent => "",
        Apps::Trusted => r#""consent_method":"TRUSTED","#,
        _ => r#""consent_method":"REQUIRED","#,
    };
    format!(
        r#"{{"id":"{0}","name":"oidc_client","label":{1},"status":"ACTIVE","signOnMode":"OPENID_CONNECT","credentials":{{"oauthClient":{{"client_id":"{0}"}}}},"settings":{{"oauthClient":{{"application_type":"web",{method}"grant_types":["authorization_code","refresh_token"]}}}}}}"#,
        app.id,
        quoted(app.label)
    )
}

/// Returns Okta's own app, which every org has and which has no `consent_method`.
fn dashboard() -> String {
    format!(
        r#"{{"id":"{DASHBOARD}","name":"okta_enduser","label":"Okta Dashboard","status":"ACTIVE","signOnMode":"OPENID_CONNECT","settings":{{"oauthClient":{{"application_type":"browser","grant_types":["authorization_code"]}}}}}}"#
    )
}

const DASHBOARD: &str = "0oaDASHBOARDAAAAAA1d7";

/// Returns the self-service features. The feature flags for consent are not among them.
fn features(shape: &OrgShape) -> String {
    let feature = |number: usize, name: &str| {
        format!(
            r#"{{"id":"ftr{number:03}AAAAAAAAAAA1d7","name":"{name}","description":"{name}","type":"self-service","status":"ENABLED","stage":{{"value":"EA"}},"_links":{{}}}}"#
        )
    };
    let hint = shape.has_feature_hint.then(|| feature(2, "User consent for OAuth 2.0 apps"));
    list([feature(1, "Event Hook Filtering")].into_iter().chain(hint))
}

fn user(user: &User) -> String {
    let (login, name) = (quoted(&user.login), quoted(&user.name));
    format!(
        r#"{{"id":"{}","status":"ACTIVE","profile":{{"login":{login},"email":{login},"displayName":{name}}}}}"#,
        user.id
    )
}
