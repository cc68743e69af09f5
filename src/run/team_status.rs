//! `team status`: what the server holds, who collects, and how far watchers have read.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::consent::visible;
use crate::exit::Exit;
use crate::jetstream::{self, Dial, LinkState, RequestError, StreamFacts, TeamLink};
use crate::tasks::Tasks;
use crate::team::{LEASE_STREAM, Lag, Lease, ServerAddress, State, Stream, lease_subject};

/// How long to wait for the server.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);
/// The most watchers that are read.
const WATCHERS_MAX: usize = 10_000;

/// What the server says of one org.
struct OrgStatus {
    label: String,
    events: Result<StreamFacts, RequestError>,
    lease: Result<Option<Lease>, RequestError>,
    state: Result<Option<State>, RequestError>,
    lags: Vec<Lag>,
}

/// Asks the server, and returns the answer as text or JSON. Each org must have a collector and a stream; else the exit code
/// is [`Exit::Failed`].
///
/// # Errors
/// Returns an exit code and a sentence if the server cannot be reached.
pub async fn team_status(
    server: ServerAddress,
    ca_file: Option<std::path::PathBuf>,
    is_json: bool,
    clock: &Clock,
    tasks: &Tasks,
) -> Result<(String, Exit), (Exit, String)> {
    let (tell, mut link) = watch::channel(LinkState::Connecting);
    let (address, orgs) = (server.to_string(), server.orgs.clone());
    let dial = Dial { server, ca_file, name: super::team_tasks::process_name() };
    tasks.spawn("team", jetstream::dial(dial, tell, clock.clone()));
    let is_decided = link.wait_for(|state| !matches!(state, LinkState::Connecting));
    let state = match tokio::time::timeout(CONNECT_WITHIN, is_decided).await {
        Ok(Ok(state)) => state.clone(),
        _ => LinkState::Connecting,
    };
    let link = match state {
        LinkState::Up(link) => *link,
        LinkState::Down(fault) => {
            let fault = fault.fault(&address);
            return Err((Exit::Failed, format!("{} {}", fault.what, fault.remedy)));
        }
        LinkState::Connecting => {
            return Err((Exit::Failed, format!("The team's server {address} does not answer.")));
        }
    };
    let mut all = Vec::new();
    for org in &orgs {
        all.push(status(&link, &org.key, org.label()).await);
    }
    let is_well =
        !all.is_empty() && all.iter().all(|org| org.events.is_ok() && matches!(org.lease, Ok(Some(_))));
    let version = link.version();
    let text =
        if is_json { as_json(&address, &version, &all) } else { as_text(&address, &version, &all, clock) };
    Ok((text, if is_well { Exit::Done } else { Exit::Failed }))
}

async fn status(link: &TeamLink, key: &str, label: &str) -> OrgStatus {
    let events = link.stream_facts(&Stream::Events.name(key)).await;
    let lease = link.last_of(LEASE_STREAM, &lease_subject(key)).await;
    let lease = match lease {
        // The first collector makes it.
        Err(RequestError::NoStream(_)) => Ok(None),
        lease => lease.map(|found| found.and_then(|message| Lease::of_body(&message.body).ok())),
    };
    let state = link.last_of(&Stream::State.name(key), &Stream::State.subject(key)).await;
    let state = state.map(|found| found.and_then(|message| State::of_body(&message.body).ok()));
    let lags = link.fetch(&Stream::Lags.name(key), 1, WATCHERS_MAX, usize::MAX / 2).await;
    let lags = lags.map_or_else(|_| Vec::new(), |found| found.messages);
    let mut lags: Vec<Lag> = lags.iter().filter_map(|message| Lag::of_body(&message.body).ok()).collect();
    lags.sort_by(|one, other| one.watcher.cmp(&other.watcher));
    let is_held = |lease: &Lease| !lease.journal.is_empty();
    OrgStatus {
        label: label.to_owned(),
        events,
        lease: lease.map(|lease| lease.filter(is_held)),
        state,
        lags,
    }
}

fn as_json(address: &str, version: &str, all: &[OrgStatus]) -> String {
    let orgs: Vec<_> = all
        .iter()
        .map(|org| {
            let events = org.events.as_ref().ok();
            let lease = org.lease.as_ref().ok().and_then(Option::as_ref);
            let state = org.state.as_ref().ok().and_then(Option::as_ref);
            let last = events.map_or(0, |facts| facts.last);
            let lags: Vec<_> = org
                .lags
                .iter()
                .map(|lag| {
                    json!({
                        "watcher": lag.watcher, "behind": last.saturating_sub(lag.events),
                        "backlog": lag.backlog, "at": lag.at.to_string(),
                    })
                })
                .collect();
            json!({
                "org": org.label,
                "messages": events.map(|facts| facts.messages),
                "bytes": events.map(|facts| facts.bytes),
                "first": events.map(|facts| facts.first),
                "last": events.map(|facts| facts.last),
                "collector": lease.map(|lease| &lease.collector),
                "lease_renewed": lease.map(|lease| lease.at.to_string()),
                "state": state.map(|state| state.at.to_string()),
                "complete_since": state.and_then(|state| state.complete_since).map(|at| at.to_string()),
                "watchers": lags,
            })
        })
        .collect();
    let all = json!({ "server": address, "version": version, "orgs": orgs });
    format!("{all}\n")
}

fn as_text(address: &str, version: &str, all: &[OrgStatus], clock: &Clock) -> String {
    let now = clock.now();
    let age = |at: Timestamp| {
        let seconds = now.duration_since(at).as_secs();
        if seconds.abs() < 2 { "now".to_owned() } else { format!("{seconds} s ago") }
    };
    let mut lines = vec![format!("{address}  nats-server {}", visible(version))];
    for org in all {
        lines.push(String::new());
        lines.push(org.label.clone());
        let stream = match &org.events {
            Ok(facts) => format!(
                "{} messages, {} to {}, {} bytes, kept {} days",
                facts.messages,
                facts.first,
                facts.last,
                facts.bytes,
                facts.max_age.as_secs() / 86_400
            ),
            Err(error) => error.to_string(),
        };
        let collector = match &org.lease {
            Ok(Some(lease)) => format!("{}, renewed {}", lease.collector, age(lease.at)),
            Ok(None) => "none: nobody polls this org".to_owned(),
            Err(error) => error.to_string(),
        };
        let state = match &org.state {
            Ok(Some(state)) => {
                let since = state.complete_since.map_or("never".to_owned(), |at| at.to_string());
                format!("{}, complete since {since}", age(state.at))
            }
            Ok(None) => "none yet".to_owned(),
            Err(error) => error.to_string(),
        };
        lines.push(format!("  stream     {stream}"));
        lines.push(format!("  collector  {collector}"));
        lines.push(format!("  state      {state}"));
        lines.push(format!("  watchers   {}", org.lags.len()));
        let last = org.events.as_ref().map_or(0, |facts| facts.last);
        for lag in &org.lags {
            let behind = last.saturating_sub(lag.events);
            let backlog =
                if lag.backlog > 0 { format!(", {} older ones to load", lag.backlog) } else { String::new() };
            lines.push(format!("    {}  {behind} messages behind{backlog}, {}", lag.watcher, age(lag.at)));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}
