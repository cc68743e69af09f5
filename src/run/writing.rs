//! Starts everything that runs in the process that writes a journal: poller, hook, look-ups and probes. A
//! process that takes over starts them in the same way.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use super::last_readiness;
use crate::clock::Clock;
use crate::consent::{KnownOrg, OrgId, Seq, Thing};
use crate::intake::hook::{self, HookPlan};
use crate::intake::{http, mending, names, poll, probe, state};
use crate::journal::{Claim, Head, OrgEntry, OrgJournal, Reader, Settings};
use crate::okta::{
    Budget, Correlations, Lookups, Mending, PollPlan, Poller, Prober, ReadinessBudgets, ReadinessPlan,
};
use crate::report::{Answer, Board, Fault, Part, Pulse};
use crate::tasks::Tasks;

/// What to probe for the org's readiness, and how often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probing {
    /// The authorization server to probe: `default`, an id or an issuer.
    pub server: String,
    /// The address that Okta delivers to, if it is configured.
    pub public_url: Option<String>,
    /// The time between two rounds.
    pub interval: Duration,
}

/// Everything needed to start the parts, now or after a take-over.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) org: KnownOrg,
    pub(super) dir: PathBuf,
    pub(super) keep: Settings,
    pub(super) poll: PollPlan,
    pub(super) names: bool,
    pub(super) hook: Option<HookPlan>,
    pub(super) readiness: Option<Probing>,
    pub(super) client: http::OktaClient,
    pub(super) board: watch::Sender<Board>,
    pub(super) nudge: Arc<Notify>,
    pub(super) probe: Arc<Notify>,
    pub(super) answers: mpsc::Sender<Answer>,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
}

/// A journal that this process writes, and handles to the running parts.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) journal: OrgJournal,
    pub(super) reach: LogAccess,
    /// Accepts the numbers of rows for which the user wants the other events of the session.
    pub(super) asked: Option<mpsc::Sender<Seq>>,
    /// How many unreadable records of the log there were before the first part started.
    pub(super) unreadable_before: u64,
    /// The newest row before the first part started.
    pub(super) last_before: Seq,
}

/// Access to the org's log beside the poller, within the same budget.
#[derive(Clone, Debug)]
pub(super) struct LogAccess {
    pub(super) client: http::OktaClient,
    pub(super) budget: Budget,
    pub(super) plan: PollPlan,
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
    let Parts { dir, clock, tasks, board, client, .. } = parts;
    let entry = OrgEntry { org: parts.org.clone(), clock: clock.clone() };
    let journal = claim.open(parts.keep, clock.clone(), head, vec![entry]).map_err(|error| error.fault())?;
    let ours = journal.orgs().next().expect("it was opened for one org");
    if ours.org() != OrgId::default() {
        return Err(Box::new(begun_by_another(&parts.org)));
    }
    let last_before = head.borrow().last;
    // Everything that can fail comes before the first part starts.
    let read = || Reader::open(dir).map_err(|error| Box::new(error.fault()));
    let (list, names_reader, probe_reader, mending_reader) = (read()?, read()?.bare(), read()?, read()?);
    let stored = list.bookmark(OrgId::default()).map_err(|error| error.fault())?;
    let coverage = list.coverage(OrgId::default()).map_err(|error| error.fault())?;

    board.send_modify(|board| {
        board.set(Part::Poll, Pulse::Starting);
        board.set(Part::Journal, Pulse::Live);
        board.traffic.last_good = coverage.last_good_poll;
    });
    tasks.spawn("journal state", state::tell(journal.clone(), board.clone(), clock.clone()));
    let poller = Poller::new(parts.poll.clone(), stored, clock.sure())
        .resting_since(coverage.last_good_poll, clock.sure());
    if let Some(words) = poller.dropped() {
        tracing::warn!("{words}");
    }
    let PollPlan { org, rate_share, jitter_seed, .. } = &parts.poll;
    let lookups = Lookups::new(org.clone(), *rate_share, *jitter_seed);
    if let Some(probing) = &parts.readiness {
        let own = ReadinessBudgets::beside(poller.budget(), *rate_share);
        // Names and probes use the same rate-limit buckets, so they share one budget.
        let budgets = ReadinessBudgets {
            apps: lookups.budget(Thing::Client),
            servers: lookups.budget(Thing::Server),
            ..own
        };
        let prober = Prober::new(
            ReadinessPlan {
                org: org.clone(),
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
            journal: ours.clone(),
            board: board.clone(),
            clock: clock.clone(),
            tasks: tasks.clone(),
            nudge: Arc::clone(&parts.probe),
            interval: probing.interval,
        };
        tasks.spawn("readiness", probe::run(prober, doors));
        tasks.spawn("last readiness", last_readiness::keep(dir.clone(), board.subscribe()));
    }
    let doors = mending::MendingDoors {
        reader: mending_reader,
        client: client.clone(),
        journal: ours.clone(),
        board: board.clone(),
        clock: clock.clone(),
        tasks: tasks.clone(),
    };
    let asks = Mending::new(org.clone(), poller.budget(), *jitter_seed);
    tasks.spawn("mending", mending::run(asks, doors));
    let mut asked = None;
    if parts.names {
        let (ask, wishes) = mpsc::channel(ANSWERS);
        asked = Some(ask);
        let correlations = Correlations::new(org.clone(), poller.budget(), *jitter_seed);
        // tail --once waits for the persons of consents, but not for the names of ids.
        let persons_only = parts.poll.to_its_start;
        let work = names::run(
            lookups,
            if persons_only { correlations.eager() } else { correlations },
            names::NamesDoors {
                reader: names_reader,
                client: client.clone(),
                journal: ours.clone(),
                board: board.clone(),
                clock: clock.clone(),
                tasks: tasks.clone(),
                asked: wishes,
                answers: parts.answers.clone(),
                persons_only,
            },
        );
        tasks.spawn("names", work);
    }
    let reach = LogAccess { client: client.clone(), budget: poller.budget(), plan: parts.poll.clone() };
    if let Some(plan) = parts.hook.clone() {
        let work = hook::run(plan, ours.clone(), board.clone(), clock.clone(), tasks.clone());
        tasks.spawn("hook", work);
    }
    let work = poll::run(
        poller,
        client.clone(),
        ours.clone(),
        board.clone(),
        clock.clone(),
        tasks.clone(),
        Arc::clone(&parts.nudge),
    );
    tasks.spawn("poll", work);
    let unreadable_before = coverage.unreadable.count;
    Ok((Writing { journal: ours, reach, asked, unreadable_before, last_before }, list))
}

/// Returns the fault of a journal that another org began. Its rows and those of this org would be told apart, but what
/// the screen says of gaps and of the last poll would be about that org.
fn begun_by_another(org: &KnownOrg) -> Fault {
    Fault::new(
        Part::Journal,
        "another org's journal",
        &format!("Another org than {} began the journal in this folder.", org.label()),
        "Nothing was started.",
        "Choose another folder with --data-dir, or another journal.name.",
    )
}
