//! Starts everything that runs in the process that writes a journal: poller, hook, look-ups and probes. A
//! process that takes over starts them in the same way.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tracing::Instrument as _;

use super::last_readiness;
use super::plan::{OrgPlan, Probing, SignIn};
use crate::clock::Clock;
use crate::consent::{Bookmark, KnownOrg, Seq, Thing};
use crate::intake::hook::{self, HookDoors, HookPlan};
use crate::intake::mending::{self, Mender};
use crate::intake::{http, names, poll, probe, state};
use crate::journal::{Claim, Head, Journal, OrgEntry, OrgJournal, Reader, Settings};
use crate::okta::{
    Budget, Correlations, Lookups, Mending, PollPlan, Poller, Prober, ReadinessBudgets, ReadinessPlan,
};
use crate::report::{Answer, Board, Coverage, Fault, Part, Pulse};
use crate::tasks::Tasks;

/// Everything needed to start the parts, now or after a take-over.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) dir: PathBuf,
    pub(super) keep: Settings,
    pub(super) orgs: Vec<OrgParts>,
    /// Further orgs of the configuration, which are not worked for.
    pub(super) others: Vec<KnownOrg>,
    pub(super) hook: Option<HookPlan>,
    /// Makes a follower check at once whether another process still polls.
    pub(super) look: Arc<Notify>,
    pub(super) answers: mpsc::Sender<Answer>,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
}

/// Everything needed to start the parts of one org.
#[derive(Clone, Debug)]
pub(super) struct OrgParts {
    pub(super) org: KnownOrg,
    pub(super) poll: PollPlan,
    pub(super) names: bool,
    pub(super) readiness: Option<Probing>,
    /// The client for the org, or why there is none.
    pub(super) client: Result<http::OktaClient, Box<Fault>>,
    pub(super) board: watch::Sender<Board>,
    pub(super) nudge: Arc<Notify>,
    pub(super) probe: Arc<Notify>,
    /// The clock that hears this org's time.
    pub(super) clock: Clock,
}

impl OrgParts {
    /// Prepares an org. `place` is its place among the orgs. The clock of the first one is the process's own.
    pub(super) fn new(plan: OrgPlan, place: u64, clock: &Clock) -> Self {
        let OrgPlan { org, mut poll, names, sign_in, readiness } = plan;
        let clock = if place == 0 { clock.clone() } else { clock.for_another_org() };
        // Orgs that fail together are not asked again all in the same moment.
        poll.jitter_seed ^= place << 32;
        let client = sign_in.and_then(|SignIn { credentials, renew, route }| {
            let client = http::OktaClient::new(&poll.org, credentials, &route, clock.clone());
            let client = client.map_err(|error| {
                let fault = Fault::new(
                    Part::Config,
                    "no HTTP client",
                    "The HTTP client could not be made.",
                    "Nothing was started.",
                    "Check the system's certificates.",
                );
                Box::new(fault.caused_by(&error))
            });
            Ok(client?.with_renewal(renew))
        });
        let (nudge, probe) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        Self {
            org,
            poll,
            names,
            readiness,
            client,
            board: watch::channel(Board::default()).0,
            nudge,
            probe,
            clock,
        }
    }
}

/// A journal that this process writes, and handles to the running parts.
#[derive(Debug)]
pub(super) struct Writing {
    journal: Journal,
    /// In the order of the plan.
    pub(super) orgs: Vec<WritingOrg>,
    /// The newest row before the first part started.
    pub(super) last_before: Seq,
}

/// Handles to the running parts of one org.
#[derive(Debug)]
pub(super) struct WritingOrg {
    pub(super) journal: OrgJournal,
    /// `None` if there is no way to the org.
    pub(super) reach: Option<LogAccess>,
    /// Accepts the numbers of rows for which the user wants the other events of the session.
    pub(super) asked: Option<mpsc::Sender<Seq>>,
    /// How many unreadable records of the log there were before the first part started.
    pub(super) unreadable_before: u64,
}

impl Writing {
    /// Closes the journal.
    pub(super) async fn close(&self) {
        self.journal.close().await;
    }
}

/// Access to the org's log beside the poller, within the same budget.
#[derive(Clone, Debug)]
pub(super) struct LogAccess {
    pub(super) client: http::OktaClient,
    pub(super) budget: Budget,
    pub(super) plan: PollPlan,
    pub(super) clock: Clock,
}

/// How many requests, and how many answers, may wait. Further ones are dropped, and the user can ask again.
pub(super) const ANSWERS: usize = 16;

/// Opens the journal and starts everything that writes to it. Also returns a reader for listing the rows.
///
/// # Errors
/// Returns a fault if the journal cannot be opened. Nothing was started then, and the claim is released.
pub(super) fn start(
    parts: &Parts,
    claim: Claim,
    head: &watch::Sender<Head>,
) -> Result<(Writing, Reader), Box<Fault>> {
    let entries = parts.orgs.iter().map(|org| OrgEntry { org: org.org.clone(), clock: org.clock.clone() });
    let journal = claim.open(parts.keep, parts.clock.clone(), head, entries.collect(), &parts.others);
    let journal = journal.map_err(|error| error.fault())?;
    let handles: Vec<OrgJournal> = journal.orgs().collect();
    let last_before = head.borrow().last;
    // Everything that can fail comes before the first part starts.
    let read = || Reader::open(&parts.dir).map_err(|error| Box::new(error.fault()));
    let (list, scan_reader) = (read()?, read()?);
    let mut starts = Vec::new();
    for (org, handle) in parts.orgs.iter().zip(handles) {
        starts.push(OrgStart {
            org,
            names_reader: read()?.bare(),
            probe_reader: read()?,
            stored: list.bookmark(handle.org()).map_err(|error| error.fault())?,
            coverage: list.coverage(handle.org()).map_err(|error| error.fault())?,
            journal: handle,
        });
    }
    let boards: Vec<_> = parts.orgs.iter().map(|org| org.board.clone()).collect();
    for (board, start) in boards.iter().zip(&starts) {
        board.send_modify(|board| {
            board.set(Part::Poll, Pulse::Starting);
            board.set(Part::Journal, Pulse::Live);
            board.traffic.last_good = start.coverage.last_good_poll;
        });
    }
    let state = state::tell(journal.clone(), boards, parts.clock.clone());
    parts.tasks.spawn("journal state", state);
    let listeners = starts.iter().map(|start| HookDoors {
        journal: start.journal.clone(),
        board: start.org.board.clone(),
        clock: start.org.clock.clone(),
    });
    let listeners: Vec<HookDoors> = listeners.collect();
    let (orgs, menders): (Vec<_>, Vec<_>) = starts.into_iter().map(|start| start.start(parts)).unzip();
    let scan = mending::scan(scan_reader, menders, parts.clock.clone(), parts.tasks.clone());
    parts.tasks.spawn("damage scan", scan);
    if let Some(plan) = parts.hook.clone() {
        parts.tasks.spawn("hook", hook::run(plan, listeners, parts.clock.clone(), parts.tasks.clone()));
    }
    Ok((Writing { journal, orgs, last_before }, list))
}

/// What was read from the journal to start the parts of an org.
struct OrgStart<'p> {
    org: &'p OrgParts,
    journal: OrgJournal,
    names_reader: Reader,
    probe_reader: Reader,
    stored: Option<Bookmark>,
    coverage: Coverage,
}

impl OrgStart<'_> {
    /// Starts the parts of the org. Also returns where to send the rows that must be fetched again.
    fn start(self, parts: &Parts) -> (WritingOrg, Mender) {
        let Self { org, journal, names_reader, probe_reader, stored, coverage } = self;
        let OrgParts { poll: plan, board, clock, .. } = org;
        let tasks = &parts.tasks;
        // The log says which of several orgs a line is about.
        let span = if parts.orgs.len() > 1 {
            tracing::error_span!("org", name = org.org.label())
        } else {
            tracing::Span::none()
        };
        let (lost, heard) = watch::channel(None);
        let mender = Mender { journal: journal.clone(), board: board.clone(), lost };
        let unreadable_before = coverage.unreadable.count;
        let client = match &org.client {
            Ok(client) => client,
            Err(fault) => {
                let fault = Fault {
                    part: Part::Poll,
                    doing: "This org is not polled; the others are not affected.".to_owned(),
                    ..(**fault).clone()
                };
                tracing::warn!(org = org.org.label(), "{fault}");
                board.send_if_modified(|board| board.set(Part::Poll, Pulse::Down(fault)));
                return (WritingOrg { journal, reach: None, asked: None, unreadable_before }, mender);
            }
        };
        let poller = Poller::new(plan.clone(), stored, clock.sure())
            .resting_since(coverage.last_good_poll, clock.sure());
        if let Some(words) = poller.dropped() {
            tracing::warn!(org = org.org.label(), "{words}");
        }
        let PollPlan { org: url, rate_share, jitter_seed, .. } = plan;
        let lookups = Lookups::new(url.clone(), *rate_share, *jitter_seed);
        if let Some(probing) = &org.readiness {
            let own = ReadinessBudgets::beside(poller.budget(), *rate_share);
            // Names and probes use the same rate-limit buckets, so they share one budget.
            let budgets = ReadinessBudgets {
                apps: lookups.budget(Thing::Client),
                servers: lookups.budget(Thing::Server),
                ..own
            };
            let prober = Prober::new(
                ReadinessPlan {
                    org: url.clone(),
                    server: probing.server.clone(),
                    public_url: probing.public_url.clone(),
                    has_credentials: true,
                    jitter_seed: *jitter_seed,
                },
                budgets,
            );
            let doors = probe::ProbeDoors {
                reader: probe_reader,
                client: client.clone(),
                journal: journal.clone(),
                board: board.clone(),
                clock: clock.clone(),
                tasks: tasks.clone(),
                nudge: Arc::clone(&org.probe),
                interval: probing.interval,
            };
            tasks.spawn("readiness", probe::run(prober, doors).instrument(span.clone()));
            let keep = last_readiness::keep(parts.dir.clone(), org.org.key.clone(), board.subscribe());
            tasks.spawn("last readiness", keep);
        }
        let doors = mending::MendingDoors {
            client: client.clone(),
            journal: journal.clone(),
            board: board.clone(),
            clock: clock.clone(),
            tasks: tasks.clone(),
        };
        let asks = Mending::new(url.clone(), poller.budget(), *jitter_seed);
        tasks.spawn("mending", mending::run(asks, doors, heard).instrument(span.clone()));
        let mut asked = None;
        if org.names {
            let (ask, wishes) = mpsc::channel(ANSWERS);
            asked = Some(ask);
            let correlations = Correlations::new(url.clone(), poller.budget(), *jitter_seed);
            // tail --once waits for the persons of consents, but not for the names of ids.
            let persons_only = plan.to_its_start;
            let work = names::run(
                lookups,
                if persons_only { correlations.eager() } else { correlations },
                names::NamesDoors {
                    reader: names_reader,
                    client: client.clone(),
                    journal: journal.clone(),
                    board: board.clone(),
                    clock: clock.clone(),
                    tasks: tasks.clone(),
                    asked: wishes,
                    answers: parts.answers.clone(),
                    persons_only,
                },
            );
            tasks.spawn("names", work.instrument(span.clone()));
        }
        let reach = LogAccess {
            client: client.clone(),
            budget: poller.budget(),
            plan: plan.clone(),
            clock: clock.clone(),
        };
        let work = poll::run(
            poller,
            client.clone(),
            journal.clone(),
            board.clone(),
            clock.clone(),
            tasks.clone(),
            Arc::clone(&org.nudge),
        );
        tasks.spawn("poll", work.instrument(span));
        (WritingOrg { journal, reach: Some(reach), asked, unreadable_before }, mender)
    }
}
