//! The API of user grants, computed from the story's log (Okta: user grants).

use std::collections::HashMap;

use url::form_urlencoded;

use super::answer::{Answer, Refusal};
use super::entry::{EventType, Target};
use super::event::{grant_id, time};
use super::json::quoted;
use super::names::ORG_SCOPES;
use super::org::{Org, locked};
use super::population::Population;
use super::resources;

/// The default and the largest number of grants in a page (Okta: list user grants).
const PAGE: usize = 20;
const MAX_PAGE: usize = 200;
/// The number of log entries read each time the log is locked.
const STRIDE: usize = 512;

/// A client's request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub(super) base: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
}

/// One granted scope.
struct Grant {
    id: String,
    target: Target,
    /// Whether it is a scope of the org authorization server.
    is_org: bool,
    granted_ms: i64,
    revoked_ms: Option<i64>,
}

/// Returns the index of the person in a path, and the grant's id if the path names one grant.
pub(super) fn path<'a>(org: &Org, path: &'a str) -> Option<(usize, Option<&'a str>)> {
    let (id, rest) = path.strip_prefix("/api/v1/users/")?.split_once("/grants")?;
    let user = org.population.users.iter().position(|user| user.id == id)?;
    let one = match rest.strip_prefix('/') {
        None if rest.is_empty() => None,
        None => return None,
        Some(one) => Some(one),
    };
    (!locked(&org.deleted).contains(id)).then_some((user, one))
}

/// Answers with one grant or a page of grants, or returns `None` if there is no such grant.
pub(super) fn answer(
    org: &Org,
    user: usize,
    one: Option<&str>,
    ask: &Ask<'_>,
) -> Result<Option<Answer>, Refusal> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(ask.query.as_bytes())
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    let get = |key: &str| pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    let with_scope = match get("expand") {
        None => false,
        Some("scope") => true,
        Some(_) => return Err(Refusal::validation("expand", "Only scope can be expanded.")),
    };
    let mut grants = of(org, user);
    let write = |grant: &Grant| write(&org.population, grant, ask.base, with_scope);
    if let Some(id) = one {
        return Ok(grants.iter().find(|grant| grant.id == id).map(|grant| Answer::json(write(grant))));
    }
    if let Some(scope) = get("scopeId") {
        grants.retain(|grant| scope_id(grant) == scope);
    }
    let limit = match get("limit").map(str::parse) {
        None => PAGE,
        Some(Ok(limit @ 1..=MAX_PAGE)) => limit,
        Some(_) => return Err(Refusal::validation("limit", "The limit must be a number from 1 to 200.")),
    };
    let start = match get("after") {
        None => 0,
        Some(after) => {
            let at = grants.iter().position(|grant| grant.id == after);
            at.ok_or_else(|| Refusal::validation("after", "The cursor is not valid."))? + 1
        }
    };
    let page: Vec<&Grant> = grants.iter().skip(start).take(limit).collect();
    let body = page.iter().map(|grant| write(grant)).collect::<Vec<_>>().join(",");
    let link = |after: Option<&str>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs.iter().filter(|(name, _)| after.is_none() || name != "after"));
        query.extend_pairs(after.map(|after| ("after", after)));
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("<{}{}{mark}{query}>", ask.base, ask.path)
    };
    let mut answer = Answer::json(format!("[{body}]"));
    if let Some(last) = page.last().filter(|_| start + page.len() < grants.len()) {
        answer = answer.with("link", format!("{}; rel=\"next\"", link(Some(&last.id))));
    }
    Ok(Some(answer.with("link", format!("{}; rel=\"self\"", link(None)))))
}

/// Returns a person's grants in the order of the log. A late grant may stand after its revocation, so revocations are
/// applied at the end.
fn of(org: &Org, user: usize) -> Vec<Grant> {
    let mut grants = Vec::new();
    let mut revoked = HashMap::new();
    for at in (0..).step_by(STRIDE) {
        let stride = locked(&org.log).from(at, STRIDE);
        if stride.is_empty() {
            break;
        }
        for entry in stride {
            let own = entry.targets.iter().filter(|target| usize::from(target.user) == user);
            match entry.event.kind() {
                Some("grant" | "org_grant") => grants.extend(own.map(|target| Grant {
                    id: grant_id(&org.population, target),
                    target: *target,
                    is_org: entry.event == EventType::OrgGrant,
                    granted_ms: entry.published_ms,
                    revoked_ms: None,
                })),
                Some("revoke") => {
                    revoked.extend(own.map(|target| ((target.grant, target.scope), entry.published_ms)));
                }
                _ => {}
            }
        }
    }
    for grant in &mut grants {
        grant.revoked_ms = revoked.get(&(grant.target.grant, grant.target.scope)).copied();
    }
    grants
}

fn scope_id(grant: &Grant) -> String {
    let number = usize::from(grant.target.scope);
    // Scopes of the org authorization server have their name as id.
    if grant.is_org {
        ORG_SCOPES[number % ORG_SCOPES.len()].to_owned()
    } else {
        resources::scope_id(usize::from(grant.target.server), number)
    }
}

fn write(population: &Population, grant: &Grant, base: &str, with_scope: bool) -> String {
    let target = &grant.target;
    let (at, number) = (usize::from(target.server), usize::from(target.scope));
    let (user, app) =
        (&population.users[usize::from(target.user)], &population.apps[usize::from(target.app)]);
    let scope_id = scope_id(grant);
    let (issuer, server, name, scope) = if grant.is_org {
        let scope = format!(r#"{{"id":"{scope_id}","name":"{scope_id}","displayName":"{scope_id}"}}"#);
        (base.to_owned(), format!("{base}/oauth2/v1"), scope_id.as_str(), scope)
    } else {
        let id = if at == 0 { "default" } else { population.servers[at].id.as_str() };
        let server = format!("{base}/api/v1/authorizationServers/{id}");
        let name = population.servers[at].scopes[number];
        (resources::issuer(population, base, at), server, name, resources::scope(population, at, number))
    };
    let (id, user_id, client, label) = (&grant.id, &user.id, &app.id, quoted(app.label));
    let status = if grant.revoked_ms.is_some() { "REVOKED" } else { "ACTIVE" };
    let created = time(grant.granted_ms, true);
    let updated = time(grant.revoked_ms.unwrap_or(grant.granted_ms), true);
    let embedded = if with_scope { format!(r#","_embedded":{{"scope":{scope}}}"#) } else { String::new() };
    format!(
        r#"{{"id":"{id}","status":"{status}","created":"{created}","lastUpdated":"{updated}","createdBy":{{"id":"{user_id}","type":"User"}},"issuer":"{issuer}","clientId":"{client}","userId":"{user_id}","scopeId":"{scope_id}","source":"END_USER"{embedded},"_links":{{"app":{{"href":"{base}/api/v1/apps/{client}","title":{label}}},"authorizationServer":{{"href":"{server}"}},"client":{{"href":"{base}/oauth2/v1/clients/{client}","title":{label}}},"scope":{{"href":"{server}/scopes/{scope_id}","title":"{name}"}},"self":{{"href":"{base}/api/v1/users/{user_id}/grants/{id}"}},"user":{{"href":"{base}/api/v1/users/{user_id}"}}}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::super::tests::Rig;

    /// Reads the whole log and returns each person's grants by id, with the scope's name and whether it was revoked.
    async fn told(rig: &Rig) -> BTreeMap<String, BTreeMap<String, (String, bool)>> {
        let mut told: BTreeMap<String, BTreeMap<String, (String, bool)>> = BTreeMap::new();
        let page = rig.logs("limit=1000").await.json();
        for event in page.as_array().unwrap() {
            let kind = event["eventType"].as_str().unwrap();
            let is_revoked = kind.starts_with("app.oauth2.as.consent.revoke");
            if !is_revoked && !matches!(kind, "app.oauth2.as.consent.grant" | "app.oauth2.consent.grant") {
                continue;
            }
            for target in event["target"].as_array().into_iter().flatten() {
                let detail = &target["detailEntry"];
                let Some(user) = detail["user"].as_str().or(detail["User"].as_str()) else { continue };
                let id = target["id"].as_str().unwrap().to_owned();
                let name = target["displayName"].as_str().unwrap().to_owned();
                let known = told.entry(user.to_owned()).or_default().entry(id).or_insert((name, false));
                known.1 |= is_revoked;
            }
        }
        told
    }

    #[tokio::test]
    async fn the_grants_of_the_story_can_be_read_one_by_one() {
        let rig = Rig::still().await;
        let mut states = BTreeMap::new();
        for (user, grants) in told(&rig).await {
            // A window takes 600 requests.
            rig.clock.advance(Duration::from_mins(1));
            for (id, (name, is_revoked)) in grants {
                let path = format!("/api/v1/users/{user}/grants/{id}");
                let grant = rig.get(&format!("{path}?expand=scope")).await.json();
                assert_eq!((grant["id"].as_str(), grant["userId"].as_str()), (Some(&*id), Some(&*user)));
                let status = if is_revoked { "REVOKED" } else { "ACTIVE" };
                assert_eq!(grant["status"], status, "{path}");
                *states.entry(status).or_insert(0) += 1;
                assert_eq!(grant["_embedded"]["scope"]["name"], name);
                assert_eq!(grant["_links"]["scope"]["title"], name);
                assert_eq!(grant["_embedded"]["scope"]["id"], grant["scopeId"]);
                let is_org = grant["issuer"] == rig.org.url();
                assert_eq!(grant["scopeId"].as_str().unwrap().starts_with("scp"), !is_org);
                assert!(rig.get(&path).await.json().get("_embedded").is_none());
            }
        }
        assert!(states["ACTIVE"] > 100 && states["REVOKED"] > 10, "{states:?}");
    }

    #[tokio::test]
    async fn grants_come_in_pages() {
        let rig = Rig::still().await;
        let told = told(&rig).await;
        let (user, grants) = told.iter().max_by_key(|(_, grants)| grants.len()).unwrap();
        let path = format!("/api/v1/users/{user}/grants");
        let mut reply = rig.get(&format!("{path}?limit=3")).await;
        let mut seen = Vec::new();
        loop {
            let page = reply.json();
            let page = page.as_array().unwrap();
            assert!((1..=3).contains(&page.len()));
            seen.extend(page.iter().map(|grant| grant["id"].as_str().unwrap().to_owned()));
            assert!(reply.link("self").is_some());
            let Some(next) = reply.link("next") else { break };
            reply = rig.get(&next).await;
        }
        assert!(seen.len() >= grants.len() && grants.keys().all(|id| seen.contains(id)));
        let all = rig.get(&format!("{path}?limit=200")).await.json();
        let ids: Vec<&str> =
            all.as_array().unwrap().iter().map(|grant| grant["id"].as_str().unwrap()).collect();
        assert_eq!(ids, seen);
        let scope = all[0]["scopeId"].as_str().unwrap();
        let some = rig.get(&format!("{path}?limit=200&scopeId={scope}")).await.json();
        assert!(some.as_array().unwrap().iter().all(|grant| grant["scopeId"] == scope));
        for query in ["limit=0", "limit=201", "limit=x", "after=oagNOSUCHGRANT0001d7", "expand=all"] {
            let reply = rig.get(&format!("{path}?{query}")).await;
            assert_eq!((reply.status, reply.code().as_str()), (400, "E0000001"), "{query}");
        }
    }

    #[tokio::test]
    async fn what_is_not_there_is_not_found() {
        let rig = Rig::still().await;
        let told = told(&rig).await;
        let (user, grants) = told.iter().next().unwrap();
        let mut people = told.keys();
        let (_, other) = (people.next(), people.next().unwrap());
        let grant = grants.keys().next().unwrap();
        let client =
            rig.get(&format!("/api/v1/users/{user}/grants/{grant}")).await.json()["clientId"].clone();
        let client = client.as_str().unwrap();
        let (app, person) = (format!("/api/v1/apps/{client}"), format!("/api/v1/users/{user}"));
        let list = format!("{person}/grants");
        assert!(!rig.org.delete("0oaNOSUCHAPP000001d7"));
        for path in [&app, &person, &list] {
            assert_eq!(rig.get(path).await.status, 200, "{path}");
        }
        let before = rig.get("/api/v1/apps").await.json();
        assert!(rig.org.delete(client) && rig.org.delete(user) && !rig.org.delete(user));
        for path in [
            app,
            person,
            list.clone(),
            format!("{list}/{grant}"),
            format!("/api/v1/users/{other}/grants/{grant}"),
            format!("/api/v1/users/{other}/grantsome"),
            "/api/v1/users/00uNOSUCHUSER00001d7/grants".to_owned(),
        ] {
            let reply = rig.get(&path).await;
            assert_eq!((reply.status, reply.code().as_str()), (404, "E0000007"), "{path}");
        }
        let after = rig.get("/api/v1/apps").await.json();
        assert_eq!(after.as_array().unwrap().len() + 1, before.as_array().unwrap().len());
    }
}
