//! Judges the servers: whether they are active, which policies and rules let people through, and which scopes ask for
//! consent.

use super::super::answers::{Answer, Found, Why};
use super::super::calls::{Ask, segment};
use super::super::servers::{Policy, Rule, Scope, Server};
use super::super::words::Draft;
use super::{DETAILS_MAX, Judge};
use crate::consent::visible;
use crate::report::Confidence::{CannotTell, Confirmed, Likely, NotPermitted};
use crate::report::{ReadinessItem, SERVER, SERVERS};

impl Judge<'_> {
    /// Judges the configured server: whether it is active, has an active policy, and a rule that lets people through.
    pub(super) fn configured(&self) -> Vec<ReadinessItem> {
        let called = visible(&self.plan.server).into_owned();
        let draft = Draft::new(SERVERS, &format!("Authorization server {called}"));
        let hides = "whether the server is active, and its scopes, policies and rules";
        let dependent = |id: &str, name: &str, hides: &str, why: &str| {
            Draft::new(id, name).means(format!("{why}. Not known: {hides}.")).done()
        };
        let Some((servers, is_whole)) = self.facts.servers() else {
            let alone = segment(&self.plan.server).map(Ask::Server);
            let direct = alone.as_ref().and_then(|ask| self.facts.answer(ask));
            let open = segment(&self.plan.server).map(Ask::Metadata);
            let shown = open.as_ref().and_then(|ask| self.facts.answer(ask));
            let is_absent =
                |answer: Option<&Answer>| answer.is_some_and(|one| one.result == Err(Why::NotFound));
            // Without the right to list the servers, two independent calls can still show that the server does not
            // exist.
            let item = if is_absent(direct) && is_absent(shown) {
                missing(draft.by(direct).by(shown))
            } else {
                let draft = draft
                    .unanswered(&Ask::Servers, self.facts.answer(&Ask::Servers), hides)
                    .by(direct)
                    .by(shown);
                if shown.is_some_and(|answer| answer.result.is_ok()) {
                    draft
                        .is("there", Likely)
                        .also(
                            "It answers public calls, so it exists; these do not show whether it is ACTIVE.",
                        )
                        .done()
                } else {
                    draft.done()
                }
            };
            let may_not = matches!(self.why(&Ask::Servers), Some(Why::NotPermitted(_) | Why::NoCredentials));
            let confidence = if may_not { NotPermitted } else { CannotTell };
            let mut rest = vec![
                dependent(
                    "access_policy",
                    "Access policy",
                    "whether one is active",
                    "The server cannot be read",
                ),
                dependent(
                    "access_rule",
                    "Access rule",
                    "whether one lets people through",
                    "The policies cannot be read",
                ),
            ];
            for other in &mut rest {
                other.confidence = if item.blocking { CannotTell } else { confidence };
            }
            rest.insert(0, item);
            return rest;
        };
        let listed = self.facts.answer(&Ask::Servers).filter(|answer| answer.result.is_ok());
        let listed = listed
            .or_else(|| segment(&self.plan.server).and_then(|own| self.facts.answer(&Ask::Server(own))));
        let Some(server) = servers.iter().find(|server| server.is_called(&self.plan.server)) else {
            let item = if is_whole {
                missing(draft.by(listed))
            } else {
                draft
                    .by(listed)
                    .means("Not all servers could be read, and it is not among those that were.")
                    .done()
            };
            return vec![
                item,
                dependent("access_policy", "Access policy", "its policies", "There is no such server"),
                dependent("access_rule", "Access rule", "its rules", "There is no such server"),
            ];
        };
        let mut draft = Draft::new(SERVERS, &format!("Authorization server {}", server.shown())).by(listed);
        draft.detail("issuer", server.issuer.clone());
        draft.detail("id", visible(&server.id).into_owned());
        let item = match server.status.as_str() {
            "ACTIVE" => draft.is("ACTIVE", Confirmed).means("It can issue tokens."),
            "INACTIVE" => draft
                .is("INACTIVE", Confirmed)
                .means("It issues no tokens, so nobody can consent at it.")
                .remedy(format!(
                    "In the admin console: Security, API, Authorization Servers, {}: activate it.",
                    server.shown()
                ))
                .blocks(),
            _ => draft.means("Okta does not say whether it is active."),
        }
        .done();
        let (policy, rule) = self.gates(server, true);
        vec![item, policy, rule]
    }

    /// Judges the policies and the rules of a server. Only those of the configured server can block.
    fn gates(&self, server: &Server, can_block: bool) -> (ReadinessItem, ReadinessItem) {
        let shown = server.shown();
        let policies_ask = Ask::Policies(server.id.clone());
        let policies_answer = self.facts.answer(&policies_ask);
        let place = format!("Security, API, Authorization Servers, {shown}, Access Policies");
        let policy = Draft::new("access_policy", "Access policy");
        let rule = Draft::new("access_rule", "Access rule");
        let block = |draft: Draft| if can_block { draft.blocks() } else { draft };
        let Some(Found::Policies(policies)) = self.found(&policies_ask) else {
            return (
                policy.unanswered(&policies_ask, policies_answer, "whether a policy is active").done(),
                rule.unanswered(&policies_ask, policies_answer, "whether a rule lets people through").done(),
            );
        };
        let mut policy = policy.by(policies_answer);
        for one in policies.iter().take(DETAILS_MAX) {
            let clients = one.clients.map_or("all clients".to_owned(), |count| format!("{count} clients"));
            let status = if one.is_active { "ACTIVE" } else { "INACTIVE" };
            policy.detail(format!("policy {}", one.name), format!("{status}, {clients}"));
        }
        let active: Vec<_> = policies.iter().filter(|policy| policy.is_active).collect();
        let is_whole = self.facts.is_whole(&policies_ask);
        if active.is_empty() {
            let state = if policies.is_empty() { "missing" } else { "INACTIVE" };
            let why = if policies.is_empty() {
                "The server has no access policy, like the default server of an Integrator org: every request is \
                 denied before anybody is asked."
            } else {
                "No policy of the server is active: every request is denied before anybody is asked."
            };
            let policy = if is_whole {
                block(
                    policy
                        .is(state, Confirmed)
                        .means(why)
                        .remedy(format!("{place}: add or activate a policy, with a rule.")),
                )
            } else {
                policy.means("Not all policies could be read; none of those that were is active.")
            };
            let rule = rule.means("There is no active policy whose rules could let people through.");
            let rule = if is_whole { rule.is("missing", Confirmed) } else { rule };
            return (policy.done(), rule.done());
        }
        let policy = policy
            .is("ACTIVE", Confirmed)
            .means(format!("{} of {} policies are active.", active.len(), policies.len()))
            .done();
        (policy, self.rule(server, &active, rule, &place, can_block && is_whole))
    }

    fn rule(
        &self,
        server: &Server,
        active: &[&Policy],
        mut draft: Draft,
        place: &str,
        can_block: bool,
    ) -> ReadinessItem {
        let (mut through, mut rules_known, mut all_known): (Vec<String>, usize, bool) = (Vec::new(), 0, true);
        let mut unread = None;
        for policy in active {
            let ask = Ask::Rules(server.id.clone(), policy.id.clone());
            let Some(Found::Rules(rules)) = self.found(&ask) else {
                all_known = false;
                unread = unread.or(Some((ask.clone(), self.facts.answer(&ask))));
                continue;
            };
            draft = draft.by(self.facts.answer(&ask));
            rules_known += rules.len();
            for rule in rules.iter().take(DETAILS_MAX) {
                draft.detail(format!("rule {}", rule.name), words_of(rule));
                if rule.lets_people_through() {
                    through.push(rule.name.clone());
                }
            }
        }
        if !through.is_empty() {
            return draft
                .is("lets people through", Confirmed)
                .means(format!(
                    "Rules that allow a flow with a person: {} of {rules_known}. Whether they cover this client, \
                     person and scope is not checked.",
                    through.len()
                ))
                .done();
        }
        if let (false, Some((ask, answer))) = (all_known, &unread) {
            return draft.unanswered(ask, *answer, "whether a rule lets people through").done();
        }
        let draft = draft
            .is("no user flow", Confirmed)
            .means(if rules_known == 0 {
                "The active policy has no rule, so every request is denied before anybody is asked."
            } else {
                "No active rule allows a flow with a person, so nobody is ever asked."
            })
            .remedy(format!(
                "{place}: give an active rule a grant type for people, such as Authorization Code or Interaction Code."
            ));
        if can_block { draft.blocks() } else { draft }.done()
    }

    /// Judges the scopes of every active server by whether they ask for consent.
    pub(super) fn scopes(&self) -> ReadinessItem {
        let draft = Draft::new("scopes", "Scopes that ask for consent");
        let Some((servers, is_whole)) = self.facts.servers() else {
            return draft
                .unanswered(&Ask::Servers, self.facts.answer(&Ask::Servers), "which scopes ask for consent")
                .done();
        };
        let own = servers.iter().find(|server| server.is_called(&self.plan.server));
        let (mut draft, mut everywhere, mut here, mut all_known) = (draft, 0, None, is_whole);
        let mut unread = None;
        let mut keyless = false;
        let mut looked_at: Vec<&Server> = servers.iter().filter(|server| server.is_active()).collect();
        looked_at.extend(own.filter(|server| !server.is_active()));
        for server in looked_at {
            let ask = Ask::Scopes(server.id.clone());
            let Some(Found::Scopes(scopes)) = self.found(&ask) else {
                all_known = false;
                unread = unread.or(Some((ask.clone(), self.facts.answer(&ask))));
                continue;
            };
            all_known &= self.facts.is_whole(&ask);
            draft = draft.by(self.facts.answer(&ask));
            let asking = scopes.iter().filter(|scope| scope.asks()).count();
            if server.is_active() {
                everywhere += asking;
            }
            let is_own = own.is_some_and(|own| own.id == server.id);
            if is_own {
                here = Some((asking, scopes.len()));
                keyless = !scopes.is_empty() && scopes.iter().all(|scope| scope.consent.is_none());
                for scope in scopes.iter().take(DETAILS_MAX) {
                    draft.detail(format!("scope {}", scope.name), mode(scope));
                }
            }
        }
        let remedy = "Security, API, Authorization Servers, the server, Scopes: set User consent of a scope to Required.";
        match here {
            Some((0, _)) | None if all_known && everywhere == 0 => {
                let draft = draft.is("none asks", Confirmed).means(if keyless {
                    "No scope shows a setting for consent, so no scope asks for consent; the consent feature is likely off."
                } else {
                    "No scope asks for consent: all are IMPLICIT, so nobody is ever asked."
                });
                draft.remedy(remedy).blocks()
            }
            Some((0, all)) => draft
                .is(format!("none of {all} asks"), Confirmed)
                .means(format!("No scope of the configured server asks for consent; {everywhere} of other servers do."))
                .remedy(remedy),
            Some((asking, all)) => draft.is(format!("{asking} of {all} ask"), Confirmed).means(format!(
                "REQUIRED asks and excludes client credentials, FLEXIBLE asks people only, IMPLICIT never asks. On all \
                 active servers {everywhere} ask."
            )),
            None => match unread {
                Some((ask, answer)) => draft.unanswered(&ask, answer, "which scopes ask for consent"),
                None if everywhere > 0 => draft
                    .is(format!("{everywhere} ask"), Confirmed)
                    .means("They belong to other servers than the configured one."),
                None => draft.means("Not all servers could be read, and no scope of those that were asks."),
            },
        }
        .done()
    }

    pub(super) fn has_no_consent_key(&self) -> bool {
        let Some((servers, _)) = self.facts.servers() else { return false };
        let own = servers.iter().find(|server| server.is_called(&self.plan.server));
        own.is_some_and(|server| match self.found(&Ask::Scopes(server.id.clone())) {
            Some(Found::Scopes(scopes)) => {
                !scopes.is_empty() && scopes.iter().all(|scope| scope.consent.is_none())
            }
            _ => false,
        })
    }

    pub(super) fn other_servers(&self) -> Vec<ReadinessItem> {
        let Some((servers, _)) = self.facts.servers() else { return Vec::new() };
        let others = servers.iter().filter(|server| !server.is_called(&self.plan.server));
        others
            .take(DETAILS_MAX)
            .map(|server| {
                let id = visible(&server.id).into_owned();
                let mut draft = Draft::new(&format!("{SERVER}{id}"), &format!("Server {}", server.shown()))
                    .by(self.facts.answer(&Ask::Servers));
                draft.detail("issuer", server.issuer.clone());
                let (policy, rule) = self.gates(server, false);
                let scopes = match self.found(&Ask::Scopes(server.id.clone())) {
                    Some(Found::Scopes(scopes)) => {
                        let of = |mode: &str| {
                            scopes.iter().filter(|one| one.consent.as_deref() == Some(mode)).count()
                        };
                        format!(
                            "{} REQUIRED, {} FLEXIBLE, {} IMPLICIT",
                            of("REQUIRED"),
                            of("FLEXIBLE"),
                            of("IMPLICIT")
                        )
                    }
                    _ => "not read".to_owned(),
                };
                for (name, state) in [("policy", policy.state), ("rule", rule.state), ("scopes", scopes)] {
                    draft.detail(name, state);
                }
                let confidence = if server.status == "unknown" { CannotTell } else { Confirmed };
                draft
                    .is(server.status.clone(), confidence)
                    .means("Another server of the org; its consents are watched as well.")
                    .done()
            })
            .collect()
    }
}

fn missing(draft: Draft) -> ReadinessItem {
    draft
        .is("missing", Confirmed)
        .means("The org has no such custom authorization server, so nobody can consent at it.")
        .remedy(
            "Set readiness.authorization_server to the id of one that exists, or create one: Security, API, \
             Authorization Servers, Add Authorization Server.",
        )
        .blocks()
        .done()
}

fn words_of(rule: &Rule) -> String {
    let status = if rule.is_active { "ACTIVE" } else { "INACTIVE" };
    let types = rule.grant_types.join(" ");
    let hook = if rule.has_inline_hook { ", token inline hook" } else { "" };
    format!("{status}, {}{hook}", if types.is_empty() { "no grant type" } else { &types })
}

fn mode(scope: &Scope) -> String {
    scope.consent.clone().unwrap_or_else(|| "no consent setting".to_owned())
}
