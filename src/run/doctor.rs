//! `doctor`: probes the org once and reports on it, the sources and the journal, as text or JSON.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::charset;
use super::stdio::{note, print};
use crate::clock::Clock;
use crate::consent::{KnownOrg, OrgName};
use crate::exit::Exit;
use crate::export::json_in_ascii;
use crate::intake::http::{OktaClient, Route};
use crate::intake::probe;
use crate::journal::Reader;
use crate::okta::{Budget, Credentials, OrgUrl, Prober, ReadinessBudgets, ReadinessPlan};
use crate::report::{
    Confidence, Coverage, Fault, Overall, Readiness, ReadinessDetail, ReadinessEvidence, ReadinessItem,
};

/// What `doctor` checks, and how it reports.
#[derive(Debug)]
pub struct DoctorPlan {
    /// The org, as people call it.
    pub known: KnownOrg,
    /// Its URL.
    pub org: OrgUrl,
    /// The folder of the journal.
    pub dir: PathBuf,
    /// The credentials, possibly [`Credentials::None`], and the route to the org; or why it cannot be reached.
    pub access: Result<(Credentials, Route), Box<Fault>>,
    /// The authorization server to probe: `default`, an id or an issuer.
    pub server: String,
    /// Whether the hook's listener is enabled.
    pub hook_enabled: bool,
    /// The address that Okta delivers to, if it is configured.
    pub public_url: Option<String>,
    /// The fraction of the rate limits to use.
    pub rate_share: f64,
    /// The time between two polls.
    pub interval: Duration,
    /// The seed of the random waits, so that two processes wait differently.
    pub jitter_seed: u64,
    /// Whether the report is JSON.
    pub is_json: bool,
}

/// The report as JSON.
#[derive(Serialize)]
struct Report<'r> {
    schema: &'static str,
    tool: &'static str,
    org: &'r str,
    name: Option<&'r str>,
    exit: u8,
    #[serde(flatten)]
    readiness: &'r Readiness,
    sources: &'r [ReadinessItem],
}

/// Probes each org, prints a report of it and returns the worst verdict as an exit code.
///
/// # Errors
/// Returns an exit code and a sentence for stderr if an HTTP client cannot be made or standard output cannot be
/// written. An org that cannot be reached does not keep the others from being probed.
pub async fn doctor(plans: Vec<DoctorPlan>, clock: &Clock) -> Result<Exit, (Exit, String)> {
    let is_several = plans.len() > 1;
    let (mut exits, mut failed) = (Vec::new(), Vec::new());
    for (at, plan) in plans.into_iter().enumerate() {
        let label = if is_several { format!("{}: ", plan.known.label()) } else { String::new() };
        let clock = if at == 0 { clock.clone() } else { clock.for_another_org() };
        exits.push(probe_one(plan, at, &label, &clock).await.unwrap_or_else(|(exit, words)| {
            failed.push(format!("{label}{words}"));
            exit
        }));
    }
    let worst = Exit::worst(exits);
    if failed.is_empty() { Ok(worst) } else { Err((worst, failed.join("\n"))) }
}

/// Probes one org and prints the report. `at` is its place among the orgs.
async fn probe_one(plan: DoctorPlan, at: usize, label: &str, clock: &Clock) -> Result<Exit, (Exit, String)> {
    let (credentials, route) = plan.access.map_err(|fault| (Exit::Usage, fault.to_string()))?;
    let has_credentials = !matches!(credentials, Credentials::None);
    let client = OktaClient::new(&plan.org, credentials, &route, clock.clone()).map_err(|error| {
        (Exit::Failed, format!("The HTTP client could not be made: {error}. Nothing was sent."))
    })?;
    let exists = plan.dir.join("journal.sqlite3").exists();
    let journal = exists.then(|| look(&plan.dir, &plan.known));
    let proof = match &journal {
        Some(Ok(journal)) => journal.proof,
        _ => None,
    };
    let wish = ReadinessPlan {
        org: plan.org.clone(),
        server: plan.server,
        public_url: plan.public_url,
        has_credentials,
        jitter_seed: plan.jitter_seed,
    };
    let log = Budget::new(plan.rate_share, plan.interval);
    let mut prober = Prober::new(wish, ReadinessBudgets::beside(log, plan.rate_share));
    let found = probe::round(&mut prober, &client, clock, proof, true, None).await;
    let sources = sources(&found, journal.as_ref(), plan.hook_enabled, clock.now());
    let exit = verdict(&found);
    let org = plan.org.origin();
    let text = if plan.is_json {
        let tool = concat!("consentwatch ", env!("CARGO_PKG_VERSION"));
        let report = Report {
            schema: "consentwatch.doctor/1",
            tool,
            org,
            name: plan.known.name.as_ref().map(OrgName::as_str),
            exit: exit.code(),
            readiness: &found,
            sources: &sources,
        };
        let json = serde_json::to_string_pretty(&report)
            .map_err(|error| (Exit::Failed, format!("The report cannot be written as JSON: {error}.")))?;
        let mut json = format!("{json}\n").into_bytes();
        if charset::is_stdout_ascii() {
            json_in_ascii(&mut json);
        }
        json
    } else {
        let gap = if at == 0 { "" } else { "\n" };
        format!("{gap}{label}{}", text(org, &found, &sources)).into_bytes()
    };
    match print(&text) {
        Ok(()) => {}
        Err(error) => return Err((Exit::Failed, format!("Standard output cannot be written: {error}."))),
    }
    if exit == Exit::Failed {
        note(&format!("{label}The org did not answer at all. Check the URL, the network and the proxy."));
    }
    Ok(exit)
}

fn verdict(found: &Readiness) -> Exit {
    let answered = found.items.iter().flat_map(|item| &item.evidence);
    match found.verdict {
        _ if found.credentials_refused => Exit::Refused,
        _ if !answered.clone().any(|evidence| evidence.status.is_some()) => Exit::Failed,
        Overall::Ready => Exit::Done,
        Overall::NotReady => Exit::NotReady,
        Overall::Unproven => Exit::Unproven,
    }
}

/// The facts that `doctor` reads from a journal.
struct Looked {
    coverage: Coverage,
    rows: u64,
    rejects: u64,
    proof: Option<Timestamp>,
}

fn look(dir: &std::path::Path, org: &KnownOrg) -> Result<Looked, String> {
    let reader = Reader::open(dir).map_err(|error| error.fault().to_string())?;
    let read = || {
        let counts = reader.counts()?;
        let (_, ids) = reader.orgs()?.with(std::slice::from_ref(org));
        let id = ids.first().copied().unwrap_or_default();
        Ok(Looked {
            coverage: reader.coverage(id)?,
            rows: counts.rows,
            rejects: counts.rejects,
            proof: reader.newest_grant(id)?,
        })
    };
    read().map_err(|error: crate::journal::ReadError| error.fault().to_string())
}

/// Returns the items for the System Log, the hook's listener and the journal.
fn sources(
    found: &Readiness,
    journal: Option<&Result<Looked, String>>,
    hook_enabled: bool,
    now: Timestamp,
) -> Vec<ReadinessItem> {
    let looked = journal.and_then(|journal| journal.as_ref().ok());
    vec![poll(found, looked), hook(hook_enabled, looked, now), stored(journal, now)]
}

fn item(id: &str, name: &str, state: impl Into<String>, confidence: Confidence) -> ReadinessItem {
    ReadinessItem {
        id: id.to_owned(),
        name: name.to_owned(),
        state: state.into(),
        confidence,
        evidence: Vec::new(),
        meaning: String::new(),
        remedy: String::new(),
        blocking: false,
        details: Vec::new(),
    }
}

/// Returns the item for the System Log, based on the call that searched the log for a consent.
fn poll(found: &Readiness, looked: Option<&Looked>) -> ReadinessItem {
    let history = found.item("history");
    let log = |evidence: &&ReadinessEvidence| evidence.call.starts_with("GET /api/v1/logs");
    let all = found.items.iter().flat_map(|item| &item.evidence);
    let evidence = all.clone().find(log).cloned();
    let mut item = match (&evidence, history) {
        (Some(evidence), _) if evidence.status == Some(200) && !evidence.said.starts_with("not what") => {
            ReadinessItem {
                meaning: "The System Log can be read with these credentials.".to_owned(),
                ..item("poll", "System Log", "readable", Confidence::Confirmed)
            }
        }
        (_, Some(history)) => ReadinessItem {
            meaning: history.meaning.clone(),
            remedy: history.remedy.clone(),
            ..item("poll", "System Log", "unknown", history.confidence)
        },
        (_, None) => item("poll", "System Log", "unknown", Confidence::CannotTell),
    };
    item.evidence.extend(evidence);
    if let Some(at) = looked.and_then(|looked| looked.coverage.last_good_poll) {
        item.details.push(ReadinessDetail { name: "last good poll".to_owned(), state: format!("{at:.0}") });
    }
    item
}

fn hook(is_enabled: bool, looked: Option<&Looked>, now: Timestamp) -> ReadinessItem {
    let mut item = if is_enabled {
        ReadinessItem {
            meaning: "watch and tail listen for deliveries; what the log shows of them is below.".to_owned(),
            ..item("hook", "Hook listener", "wanted", Confidence::Confirmed)
        }
    } else {
        ReadinessItem {
            meaning: "hook.enabled is false; the log is complete without it.".to_owned(),
            ..item("hook", "Hook listener", "off", Confidence::Confirmed)
        }
    };
    if let Some(looked) = looked {
        let proof = looked.coverage.hook;
        let verified = proof.verified.map_or("never".to_owned(), |at| format!("{at:.0}"));
        for (name, state) in [
            ("first verified", verified),
            ("unconfirmed by the log", proof.unconfirmed.to_string()),
            ("missed by the hook", proof.missed.to_string()),
            ("contradicted by the log", proof.altered.to_string()),
            ("failed deliveries", proof.failures.to_string()),
        ] {
            item.details.push(ReadinessDetail { name: name.to_owned(), state });
        }
        item.evidence.push(by_journal(now, String::new()));
    }
    item
}

fn stored(journal: Option<&Result<Looked, String>>, now: Timestamp) -> ReadinessItem {
    let looked = match journal {
        None => {
            return ReadinessItem {
                meaning: "Nothing is stored for this org yet.".to_owned(),
                remedy: "Run watch or tail to create a journal.".to_owned(),
                ..item("journal", "Journal", "none", Confidence::Confirmed)
            };
        }
        Some(Err(why)) => {
            return ReadinessItem {
                meaning: why.clone(),
                evidence: vec![by_journal(now, why.clone())],
                ..item("journal", "Journal", "unusable", Confidence::Confirmed)
            };
        }
        Some(Ok(looked)) => looked,
    };
    let coverage = &looked.coverage;
    let mut item = ReadinessItem {
        meaning: match coverage.complete_since {
            Some(since) if coverage.gaps.is_empty() => format!("It is complete since {since:.0}."),
            Some(since) => {
                format!("It is complete since {since:.0}, except for {} gaps.", coverage.gaps.len())
            }
            None => "The poller has never caught up, so no period is complete.".to_owned(),
        },
        evidence: vec![by_journal(now, format!("{} rows", looked.rows))],
        ..item("journal", "Journal", format!("{} rows", looked.rows), Confidence::Confirmed)
    };
    if let Some(words) = coverage.unreadable.sentence() {
        item.remedy = words;
    }
    for (name, count) in [("unreadable records kept", looked.rejects), ("came late", coverage.late)] {
        item.details.push(ReadinessDetail { name: name.to_owned(), state: count.to_string() });
    }
    for gap in coverage.gaps.iter().take(20) {
        let name = format!("possible gap {:.0} to {:.0}", gap.from, gap.to);
        item.details.push(ReadinessDetail { name, state: gap.why.clone() });
    }
    item
}

fn by_journal(at: Timestamp, said: String) -> ReadinessEvidence {
    ReadinessEvidence { call: "journal".to_owned(), status: None, code: None, at, said }
}

/// Returns the report as text.
fn text(org: &str, found: &Readiness, sources: &[ReadinessItem]) -> String {
    let mut text = String::new();
    let mut line = |words: &str| {
        text.push_str(words);
        text.push('\n');
    };
    line(&format!("{org}, probed {:.0}", found.probed));
    line(if found.credentials_refused {
        "Okta does not accept the credentials. Public endpoints show:"
    } else if verdict(found) == Exit::Failed {
        "The org did not answer at all, so its readiness is unknown."
    } else {
        found.verdict.sentence()
    });
    for item in found.blockers() {
        line(&format!("  blocked by {}: {}", item.name, item.state));
    }
    for (title, items) in [("Readiness", found.items.as_slice()), ("Sources", sources)] {
        line("");
        line(title);
        for item in items {
            show(item, &mut line);
        }
    }
    text
}

fn show(item: &ReadinessItem, line: &mut impl FnMut(&str)) {
    let verdict = match item.confidence {
        Confidence::Confirmed | Confidence::Likely => format!("{} ({})", item.state, item.confidence.word()),
        other => other.word().to_owned(),
    };
    let blocks = if item.blocking { "  BLOCKS" } else { "" };
    line(&format!("  {}: {verdict}{blocks}", item.name));
    if !item.meaning.is_empty() {
        line(&format!("      {}", item.meaning));
    }
    if !item.remedy.is_empty() {
        line(&format!("      To do: {}", item.remedy));
    }
    for detail in &item.details {
        line(&format!("      - {}: {}", detail.name, detail.state));
    }
    for evidence in item.evidence.iter().filter(|evidence| evidence.call != "journal") {
        let status = evidence.status.map_or("no answer".to_owned(), |status| status.to_string());
        let code = evidence.code.as_ref().map_or(String::new(), |code| format!(" {code}"));
        line(&format!("      by {}: {status}{code}, {}", evidence.call, evidence.said));
    }
}
