//! Turns answers into verdicts. A feature whose state is unknown is never reported as off.

mod gates;

use jiff::{SignedDuration, Timestamp};

use super::answers::{Answer, Apps, CLOCK_MAX, Facts, Found, Why, is_late};
use super::calls::{Ask, DEFAULT};
use super::setup::{ReadinessPlan, Rights};
use super::words::Draft;
use crate::okta::hook_admin::{EventHook, TYPES};
use crate::report::Confidence::{CannotTell, Confirmed, Likely};
use crate::report::{Overall, Readiness, ReadinessEvidence, ReadinessItem};

/// The remedy for what only Okta can switch on.
const SUPPORT: &str = "Ask Okta Support, or your account's owner, to switch it on for this org.";
/// The maximum number of rows of details of one item.
const DETAILS_MAX: usize = 200;

/// Returns the verdict on a round.
pub(super) fn judge(plan: &ReadinessPlan, facts: &Facts, rights: &Rights, now: Timestamp) -> Readiness {
    let judge = Judge { plan, facts, rights, now };
    let proof = judge.proof();
    let mut items = vec![
        judge.engine(),
        judge.product(proof.as_ref()),
        judge.consent(proof.as_ref()),
        judge.oie_consent(proof.as_ref()),
        judge.extensibility(),
    ];
    items.extend(judge.configured());
    items.push(judge.scopes());
    items.push(judge.apps());
    items.push(judge.history(proof.as_ref()));
    items.push(judge.hook());
    items.extend(judge.other_servers());
    items.push(judge.features());
    items.push(judge.token());
    items.push(judge.clock());
    let verdict = if items.iter().any(|item| item.blocking) {
        Overall::NotReady
    } else if proof.is_some() {
        Overall::Ready
    } else {
        Overall::Unproven
    };
    Readiness { probed: now, verdict, credentials_refused: judge.is_refused(), items, changes: Vec::new() }
}

struct Judge<'f> {
    plan: &'f ReadinessPlan,
    facts: &'f Facts,
    rights: &'f Rights,
    now: Timestamp,
}

/// A recent consent.
struct Proof {
    at: Timestamp,
    evidence: ReadinessEvidence,
}

impl Judge<'_> {
    fn found(&self, ask: &Ask) -> Option<&Found> {
        self.facts.answer(ask)?.result.as_ref().ok()
    }

    fn why(&self, ask: &Ask) -> Option<&Why> {
        self.facts.answer(ask)?.result.as_ref().err()
    }

    fn is_refused(&self) -> bool {
        let closed: Vec<_> = self.facts.answers().filter(|(ask, _)| !ask.is_open()).collect();
        closed.iter().any(|(_, answer)| answer.result == Err(Why::Dead))
            && closed.iter().all(|(_, answer)| {
                matches!(&answer.result, Err(Why::Dead | Why::NotFound | Why::Other(_) | Why::Passing { .. }))
            })
    }

    fn pipeline(&self) -> Option<&str> {
        match self.found(&Ask::Engine) {
            Some(Found::Engine { pipeline }) => Some(pipeline),
            _ => None,
        }
    }

    /// Returns the newest successful consent at a custom server, if it is recent.
    fn proof(&self) -> Option<Proof> {
        let by_journal = self.facts.journal.map(|(at, looked)| Proof {
            at,
            evidence: ReadinessEvidence {
                call: "journal".to_owned(),
                status: None,
                code: None,
                at: looked,
                said: format!("a successful consent of {at:.0}"),
            },
        });
        let by_log = self.facts.history().and_then(|answer| match answer.result {
            Ok(Found::History(Some(at))) => Some(Proof { at, evidence: answer.evidence.clone() }),
            _ => None,
        });
        by_journal
            .into_iter()
            .chain(by_log)
            .filter(|proof| is_late(proof.at, self.now))
            .max_by_key(|proof| proof.at)
    }

    fn engine(&self) -> ReadinessItem {
        let draft = Draft::new("engine", "Engine");
        match self.pipeline() {
            Some("idx") => draft.is("Identity Engine", Confirmed).by(self.facts.answer(&Ask::Engine)).means(
                "Consents are usually logged with the system as their actor; the grant names the person.",
            ),
            Some("v1") => draft
                .is("Classic", Confirmed)
                .by(self.facts.answer(&Ask::Engine))
                .means("Consents are logged with the person as their actor. ENG_OIE_CONSENT does not apply."),
            Some(_) => draft
                .by(self.facts.answer(&Ask::Engine))
                .means("The org names an engine that this version does not know.")
                .remedy("Look for a newer version of this program."),
            None => draft
                .unanswered(&Ask::Engine, self.facts.answer(&Ask::Engine), "which engine the org has")
                .remedy("Check that the org URL is that of the org itself."),
        }
        .done()
    }

    /// Judges API Access Management by two independent calls.
    fn product(&self, proof: Option<&Proof>) -> ReadinessItem {
        let open = Ask::Metadata(DEFAULT.to_owned());
        let (listed, shown) = (self.facts.answer(&Ask::Servers), self.facts.answer(&open));
        let draft = Draft::new("api_access_management", "API_ACCESS_MANAGEMENT").by(listed).by(shown);
        let on = "Custom authorization servers can be used; without them no consent of this kind exists.";
        let off = "Without it there are no custom authorization servers, and so no consents to watch.";
        let is_shown = self.found(&open).is_some();
        let is_shown_off = self.why(&open) == Some(&Why::FeatureOff);
        match (self.found(&Ask::Servers), self.why(&Ask::Servers)) {
            (Some(_), _) => draft.is("on", Confirmed).means(on),
            (None, Some(Why::FeatureOff)) if is_shown_off => draft
                .is("off", Confirmed)
                .means(format!("Two independent calls say so. {off}"))
                .remedy(format!("API Access Management is a product of its own. {SUPPORT}"))
                .blocks(),
            (None, Some(Why::FeatureOff)) if is_shown => draft.is("unknown", CannotTell).means(
                "The two calls contradict each other: the default server answers public calls, and the management API says \
                 that the feature is off, which can also mean that the role is too small.",
            )
            .remedy("Try again with credentials of a Super Administrator."),
            (None, Some(Why::FeatureOff)) => draft
                .is("off", Likely)
                .means(format!("One of two calls says so; the other has no usable answer. {off}"))
                .remedy(format!("Look in the admin console for Security, API, Authorization Servers. {SUPPORT}")),
            (None, _) if is_shown_off => draft
                .is("off", Likely)
                .means(format!("The default server refuses public calls; the other call has no usable answer. {off}"))
                .remedy(format!("Look in the admin console for Security, API, Authorization Servers. {SUPPORT}")),
            (None, _) if is_shown => {
                draft.is("on", Likely).means(format!("The default server answers public calls. {on}"))
            }
            (None, _) if let Some(proof) = proof => draft
                .by_all([proof.evidence.clone()])
                .is("on", Likely)
                .means(format!("A consent on {:.0} shows it. {on}", proof.at)),
            _ => {
                // The evidence of both calls is added once only.
                let mut item = Draft::new("api_access_management", "API_ACCESS_MANAGEMENT")
                    .unanswered(&Ask::Servers, listed, "whether there can be custom authorization servers")
                    .done();
                item.evidence.extend(shown.map(|answer| answer.evidence.clone()));
                return item;
            }
        }
        .done()
    }

    fn consent(&self, proof: Option<&Proof>) -> ReadinessItem {
        let draft = Draft::new("api_access_management_consent", "API_ACCESS_MANAGEMENT_CONSENT");
        let needs = "Without it the apps have no consent setting and nobody is asked.";
        if let Some(proof) = proof {
            return draft
                .is("on", Confirmed)
                .by_all([proof.evidence.clone()])
                .means(format!("A consent on {:.0} proves it. {needs}", proof.at))
                .done();
        }
        let Some(Found::Apps(apps)) = self.found(&Ask::Apps) else {
            return draft
                .unanswered(
                    &Ask::Apps,
                    self.facts.answer(&Ask::Apps),
                    "whether the apps show a sign of this flag",
                )
                .done();
        };
        let draft = draft.by(self.facts.answer(&Ask::Apps)).by(self.facts.history());
        let keyless = self.has_no_consent_key();
        if apps.required + apps.trusted > 0 {
            draft.is("on", Likely).means(format!(
                "Apps of the org show the setting consent_method; that says nothing about API Access Management. {needs}"
            ))
        } else if apps.own > 0 && apps.absent == apps.own && self.facts.is_whole(&Ask::Apps) {
            draft
                .is("off", Likely)
                .means(format!("None of {} apps of the org shows the setting consent_method. {needs}", apps.own))
                .remedy(SUPPORT)
        } else if keyless {
            draft
                .is("off", Likely)
                .means(format!("No scope of the server shows the setting consent. {needs}"))
                .remedy(SUPPORT)
        } else {
            draft
                .means(format!(
                    "No public API reports it, no app that the org created shows a sign, and no consent is known. {needs}"
                ))
                .remedy("Let somebody consent once: the event proves it. Or ask Okta Support.")
        }
        .done()
    }

    fn oie_consent(&self, proof: Option<&Proof>) -> ReadinessItem {
        let draft = Draft::new("eng_oie_consent", "ENG_OIE_CONSENT");
        match (self.pipeline(), proof) {
            (Some("v1"), _) => draft
                .is("not applicable", Confirmed)
                .by(self.facts.answer(&Ask::Engine))
                .means("It is a flag of Identity Engine, and this org is Classic."),
            (Some("idx"), Some(proof)) => draft
                .is("on", Confirmed)
                .by_all([proof.evidence.clone()])
                .means(format!("A consent on {:.0} in an Identity Engine org proves it.", proof.at)),
            _ => draft
                .by(self.facts.answer(&Ask::Engine))
                .means("No public API reports this flag; only a consent in an Identity Engine org proves it.")
                .remedy("Let somebody consent once, or ask Okta Support."),
        }
        .done()
    }

    /// Judges token inline hooks at custom servers. They are optional, so they never block.
    fn extensibility(&self) -> ReadinessItem {
        let draft = Draft::new("api_access_management_extensibility", "API_ACCESS_MANAGEMENT_EXTENSIBILITY");
        let using = self.facts.answers().find(|(_, answer)| match &answer.result {
            Ok(Found::Rules(rules)) => rules.iter().any(|rule| rule.is_active && rule.has_inline_hook),
            _ => false,
        });
        match using {
            Some((_, answer)) => draft
                .is("in use", Confirmed)
                .by(Some(answer))
                .means("An active rule calls a token inline hook. Optional: consents do not need it."),
            None => draft.means("No public API reports it. Optional: consents do not need it."),
        }
        .done()
    }

    fn apps(&self) -> ReadinessItem {
        let draft = Draft::new("apps", "Apps that require consent");
        let answer = self.facts.answer(&Ask::Apps);
        let Some(Found::Apps(apps)) = self.found(&Ask::Apps) else {
            return draft.unanswered(&Ask::Apps, answer, "which apps ask people for consent").done();
        };
        let Apps { oidc, own, required, trusted, absent, .. } = *apps;
        let mut draft = draft.by(answer);
        for (name, count) in [
            ("active OpenID Connect apps", oidc),
            ("consent_method REQUIRED", required),
            ("consent_method TRUSTED", trusted),
            ("without the setting", absent),
            ("from the catalog, which never have it", oidc - own),
        ] {
            draft.detail(name, count.to_string());
        }
        let is_whole = self.facts.is_whole(&Ask::Apps);
        match (oidc, required) {
            (_, 0) if !is_whole => draft.means("None of the apps that were read requires consent."),
            (0, _) => draft
                .is("no app", Confirmed)
                .means("The org has no active app that could ask for scopes.")
                .remedy("Applications, Create App Integration, OIDC."),
            (_, 0) => draft
                .is("none requires", Confirmed)
                .means("Only an app that sends prompt=consent can cause a consent prompt.")
                .remedy("Applications, the app, General, User Consent: Require consent."),
            _ => draft
                .is(format!("{required} of {own} require"), Confirmed)
                .means("They ask people who have not yet consented to a scope that asks."),
        }
        .also(if is_whole { "" } else { "Not all apps were read." })
        .done()
    }

    fn history(&self, proof: Option<&Proof>) -> ReadinessItem {
        let draft = Draft::new("history", "Proof by history");
        if let Some(proof) = proof {
            return draft
                .is(format!("proven {:.0}", proof.at), Confirmed)
                .by_all([proof.evidence.clone()])
                .means("A person consented at a custom authorization server: everything that this needs worked then.")
                .done();
        }
        let old = self.facts.journal.map(|(at, _)| {
            format!(" The newest in the journal is from {at:.0}, too long ago to prove anything about now.")
        });
        let old = old.unwrap_or_default();
        match self.facts.history() {
            Some(answer @ Answer { result: Ok(_), .. }) => draft
                .is("none", Confirmed)
                .by(Some(answer))
                .means(format!("No successful consent in 90 days, which proves nothing either way.{old}"))
                .remedy("Let somebody consent once: the event proves all of it."),
            answer => {
                let ask = self.facts.answers().map(|(ask, _)| ask).find(|ask| matches!(ask, Ask::History(_)));
                draft
                    .unanswered(ask.unwrap_or(&Ask::History(self.now)), answer, "whether there were consents")
                    .also(&old)
            }
        }
        .done()
    }

    fn hook(&self) -> ReadinessItem {
        let draft = Draft::new("event_hook", "Event hook for consents");
        let answer = self.facts.answer(&Ask::Hooks);
        let Some(Found::Hooks(hooks)) = self.found(&Ask::Hooks) else {
            return draft.unanswered(&Ask::Hooks, answer, "whether Okta delivers consents by itself").done();
        };
        let mut draft = draft.by(answer);
        let about: Vec<&EventHook> = hooks.iter().filter(|hook| hook.asks_for(TYPES[0])).collect();
        for hook in about.iter().take(DETAILS_MAX) {
            draft.detail(format!("hook {}", hook.name.visible()), hook_words(hook));
        }
        let optional = "The log is complete without it; it is only faster.";
        let ours = self.plan.public_url.as_deref();
        let best = about
            .iter()
            .filter(|hook| ours.is_none_or(|url| hook.delivers_to(url)))
            .max_by_key(|hook| (hook.is_on(), hook.is_active, hook.is_verified));
        match best {
            None => draft
                .is("none", Confirmed)
                .means(format!(
                    "No event hook{} asks for {}. {optional}",
                    if ours.is_some() { " to hook.public_url" } else { "" },
                    TYPES[0]
                ))
                .remedy("If deliveries are wanted: set hook.public_url, then consentwatch hook register."),
            Some(hook) if hook.is_on() => draft
                .is("ACTIVE, VERIFIED", Confirmed)
                .means(if hook.has_filter {
                    "Okta delivers, but the hook has a filter, which may exclude events."
                } else {
                    "Okta delivers the events."
                }),
            Some(hook) if hook.is_active => draft
                .is("ACTIVE, UNVERIFIED", Confirmed)
                .means(format!("Nothing is delivered before it is verified. {optional}"))
                .remedy("consentwatch hook verify, while watch or tail listens; or Workflow, Event Hooks, Verify."),
            Some(hook) => draft
                .is(hook_words(hook), Confirmed)
                .means(format!("Nothing is delivered while it is not active. {optional}"))
                .remedy("Workflow, Event Hooks: activate it."),
        }
        .done()
    }

    fn features(&self) -> ReadinessItem {
        let draft = Draft::new("features", "Self-service features");
        let answer = self.facts.answer(&Ask::Features);
        let Some(Found::Features(hits)) = self.found(&Ask::Features) else {
            return draft
                .unanswered(
                    &Ask::Features,
                    answer,
                    "hints among the self-service features; the four flags are never listed",
                )
                .done();
        };
        let mut draft = draft.by(answer);
        for hit in hits.iter().take(DETAILS_MAX) {
            let (name, state) = hit.rsplit_once(": ").unwrap_or((hit, ""));
            draft.detail(name, state);
        }
        if hits.is_empty() {
            draft.is("no hint", CannotTell).means(
                "Only self-service features are listed, by their display names. The consent flags are not among \
                 them, so the absence of a hit proves nothing.",
            )
        } else {
            draft.is("a hint", Likely).means("A self-service feature mentions consent or API Access Management.")
        }
        .done()
    }

    /// Judges what the credentials may read, and what each missing right hides.
    fn token(&self) -> ReadinessItem {
        let draft = Draft::new("token", "Rights of the credentials");
        let hidden: Vec<String> = self
            .facts
            .answers()
            .filter_map(|(ask, answer)| match &answer.result {
                Err(Why::NotPermitted(missing)) => Some(format!("{} ({missing})", hides(ask)?)),
                _ => None,
            })
            .collect();
        if self.is_refused() {
            let dead = self.facts.answers().find(|(_, answer)| answer.result == Err(Why::Dead));
            return draft
                .is("refused", Confirmed)
                .by(dead.map(|(_, answer)| answer))
                .means("Okta does not accept the credentials, so only public calls were possible.")
                .remedy("Configure a valid token or key.")
                .done();
        }
        let hidden_words = match hidden.as_slice() {
            [] => String::new(),
            hidden => format!("Not readable: {}.", hidden.join("; ")),
        };
        let grant = "A Super Administrator grants scopes to the app under Okta API Scopes, and roles under Admin roles.";
        match self.rights {
            Rights::None => draft
                .is("no credentials", Confirmed)
                .means("Only public calls were possible: the engine, and whether the default server answers.")
                .remedy("Set an API token or a service app in the configuration."),
            Rights::Token => {
                let draft = draft
                    .is("API token", Confirmed)
                    .means("An API token has no scopes; it has the rights of its owner.");
                let draft = draft.also(&hidden_words);
                if hidden.is_empty() {
                    draft
                } else {
                    draft.remedy("Give the token's owner a role that may read these.")
                }
            }
            Rights::Scopes { is_known: false, .. } => draft
                .means("There is no access token, so it is not known which scopes were granted.")
                .also(&hidden_words),
            Rights::Scopes { asked, missing, .. } => {
                let mut draft = draft;
                for scope in asked {
                    let state = if missing.contains(scope) { "not granted" } else { "granted" };
                    draft.detail(scope.clone(), state);
                }
                let granted = asked.len() - missing.len().min(asked.len());
                let draft = draft
                    .is(format!("{granted} of {} scopes", asked.len()), Confirmed)
                    .means("A call needs both a scope and a role of the app.")
                    .also(&hidden_words);
                if hidden.is_empty() && missing.is_empty() { draft } else { draft.remedy(grant) }
            }
        }
        .done()
    }

    fn clock(&self) -> ReadinessItem {
        let draft = Draft::new("clock", "Time of this machine");
        let Some((ahead, evidence)) = &self.facts.clock else {
            return draft.means("No answer had a date.").done();
        };
        let draft = draft.by_all([evidence.clone()]);
        let off = ahead.unsigned_abs();
        if off <= CLOCK_MAX {
            return draft.is("in step", Confirmed).means("This machine and Okta agree on the time.").done();
        }
        let way = if *ahead > SignedDuration::ZERO { "ahead" } else { "behind" };
        draft
            .is(format!("{} s {way}", off.as_secs()), Confirmed)
            .means("This machine's clock and Okta's differ. Sign-in by key may fail, and ages on the screen are wrong.")
            .remedy("Set this machine's clock, by NTP.")
            .done()
    }
}

fn hook_words(hook: &EventHook) -> &'static str {
    match (hook.is_active, hook.is_verified) {
        (true, true) => "ACTIVE, VERIFIED",
        (true, false) => "ACTIVE, UNVERIFIED",
        (false, true) => "INACTIVE, VERIFIED",
        (false, false) => "INACTIVE, UNVERIFIED",
    }
}

fn hides(ask: &Ask) -> Option<&'static str> {
    Some(match ask {
        Ask::Servers => "authorization servers, scopes, policies and rules",
        Ask::Scopes(_) => "scopes of a server",
        Ask::Policies(_) => "policies of a server",
        Ask::Apps => "apps and their consent method",
        Ask::Features => "self-service features",
        Ask::Hooks => "event hooks",
        Ask::History(_) => "the System Log",
        Ask::Engine | Ask::Metadata(_) | Ask::Server(_) | Ask::Rules(..) => return None,
    })
}
