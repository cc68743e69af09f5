//! The org's other resources, as far as a monitor asks for them: what it is, its authorization servers, apps and people.

use super::cast::{Cast, User};
use super::event::quoted;
use super::org::{Org, locked};

/// Returns what needs no credentials.
pub(super) fn open(org: &Org, base: &str, path: &str) -> Option<String> {
    let cast = &org.cast;
    if path == "/.well-known/okta-organization" {
        return Some(format!(
            r#"{{"id":"{}","cell":"demo1","_links":{{"organization":{{"href":"{base}"}}}},"pipeline":"{}","settings":{{"analyticsCollectionEnabled":false}}}}"#,
            cast.org,
            cast.variant.pipeline()
        ));
    }
    let (server, document) = path.strip_prefix("/oauth2/")?.split_once('/')?;
    if !matches!(document, ".well-known/openid-configuration" | ".well-known/oauth-authorization-server") {
        return None;
    }
    let server = server_at(cast, server)?;
    let issuer = issuer(cast, base, server);
    Some(format!(
        r#"{{"issuer":"{issuer}","authorization_endpoint":"{issuer}/v1/authorize","token_endpoint":"{issuer}/v1/token","jwks_uri":"{issuer}/v1/keys","response_types_supported":["code"],"grant_types_supported":["authorization_code","refresh_token"],"subject_types_supported":["public"],"scopes_supported":["openid","profile","email","offline_access"]}}"#
    ))
}

/// Returns what only a valid token may read.
pub(super) fn closed(org: &Org, base: &str, path: &str) -> Option<String> {
    let cast = &org.cast;
    let deleted = locked(&org.deleted);
    let parts: Vec<&str> = path.strip_prefix("/api/v1/")?.split('/').collect();
    match parts.as_slice() {
        ["authorizationServers"] => Some(list((0..cast.servers.len()).map(|at| server(cast, base, at)))),
        ["authorizationServers", id] => Some(server(cast, base, server_at(cast, id)?)),
        ["authorizationServers", id, "scopes"] => Some(scopes(cast, server_at(cast, id)?)),
        ["authorizationServers", id, "policies"] => Some(policies(server_at(cast, id)?)),
        ["authorizationServers", id, "policies", policy, "rules"] => {
            let at = server_at(cast, id)?;
            (*policy == policy_id(at)).then(|| rules(at))
        }
        ["apps"] => {
            let standing = (0..cast.apps.len()).filter(|at| !deleted.contains(&cast.apps[*at].id));
            Some(list(standing.map(|at| app(cast, at))))
        }
        ["apps" | "users", id] if deleted.contains(*id) => None,
        ["apps", id] => Some(app(cast, cast.apps.iter().position(|app| app.id == *id)?)),
        ["users", id] => Some(user(cast.users.iter().find(|user| user.id == *id)?)),
        ["features"] => Some("[]".to_owned()),
        _ => None,
    }
}

/// Whether a path leads into a collection that exists, so that what is missing is a thing and not the path.
pub(super) fn is_collection(path: &str) -> bool {
    ["/api/v1/authorizationServers/", "/api/v1/apps/", "/api/v1/users/", "/api/v1/eventHooks/", "/oauth2/"]
        .iter()
        .any(|collection| path.starts_with(collection))
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// The first server is the default one, which answers to that word as well as to its id.
fn server_at(cast: &Cast, id: &str) -> Option<usize> {
    if id == "default" { Some(0) } else { cast.servers.iter().position(|server| server.id == id) }
}

pub(super) fn issuer(cast: &Cast, base: &str, at: usize) -> String {
    format!("{base}/oauth2/{}", if at == 0 { "default" } else { cast.servers[at].id.as_str() })
}

fn server(cast: &Cast, base: &str, at: usize) -> String {
    let server = &cast.servers[at];
    format!(
        r#"{{"id":"{}","name":"{1}","description":"{1}","audiences":["api://{at}"],"issuer":"{2}","issuerMode":"DYNAMIC","status":"ACTIVE","created":"2025-01-02T03:04:05.000Z","lastUpdated":"2025-06-07T08:09:10.000Z","default":{3},"_links":{{}}}}"#,
        server.id,
        server.name,
        issuer(cast, base, at),
        at == 0
    )
}

fn scopes(cast: &Cast, at: usize) -> String {
    list((0..cast.servers[at].scopes.len()).map(|number| scope(cast, at, number)))
}

/// Returns the id of a scope of a server.
pub(super) fn scope_id(at: usize, number: usize) -> String {
    format!("scp{at:03}{number:03}AAAAAAAA1d7")
}

/// Returns a scope of a server.
pub(super) fn scope(cast: &Cast, at: usize, number: usize) -> String {
    let consent = ["IMPLICIT", "REQUIRED", "FLEXIBLE"][number % 3];
    format!(
        r#"{{"id":"{}","name":"{1}","displayName":"{1}","description":"{1}","system":{2},"metadataPublish":"ALL_CLIENTS","consent":"{consent}","optional":false,"default":false}}"#,
        scope_id(at, number),
        cast.servers[at].scopes[number],
        number < 3
    )
}

fn policy_id(at: usize) -> String {
    format!("00p{at:03}AAAAAAAAAAA1d7")
}

fn policies(at: usize) -> String {
    format!(
        r#"[{{"id":"{}","type":"OAUTH_AUTHORIZATION_POLICY","name":"Everyone","status":"ACTIVE","priority":1,"system":false,"conditions":{{"clients":{{"include":["ALL_CLIENTS"]}}}}}}]"#,
        policy_id(at)
    )
}

fn rules(at: usize) -> String {
    format!(
        r#"[{{"id":"0pr{at:03}AAAAAAAAAAA1d7","type":"RESOURCE_ACCESS","name":"Everyone","status":"ACTIVE","priority":1,"conditions":{{"people":{{"users":{{"include":[],"exclude":[]}},"groups":{{"include":["EVERYONE"],"exclude":[]}}}},"grantTypes":{{"include":["authorization_code","interaction_code"]}},"scopes":{{"include":["*"]}}}},"actions":{{"token":{{"accessTokenLifetimeMinutes":60,"refreshTokenLifetimeMinutes":0,"refreshTokenWindowMinutes":10080}}}}}}]"#
    )
}

fn app(cast: &Cast, at: usize) -> String {
    let app = &cast.apps[at];
    format!(
        r#"{{"id":"{0}","name":"oidc_client","label":{1},"status":"ACTIVE","signOnMode":"OPENID_CONNECT","credentials":{{"oauthClient":{{"client_id":"{0}"}}}},"settings":{{"oauthClient":{{"application_type":"web","consent_method":"REQUIRED","grant_types":["authorization_code","refresh_token"]}}}}}}"#,
        app.id,
        quoted(app.label)
    )
}

fn user(user: &User) -> String {
    let (login, name) = (quoted(&user.login), quoted(&user.name));
    format!(
        r#"{{"id":"{}","status":"ACTIVE","profile":{{"login":{login},"email":{login},"displayName":{name}}}}}"#,
        user.id
    )
}
