//! The parts of one org: what they need, and starting those that ask Okta.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc, watch};
use tracing::Instrument as _;

use super::last_readiness;
use super::plan::{OrgPlan, Probing, SignIn, TeamPlan, TeamRole};
use crate::clock::Clock;
use crate::consent::{Bookmark, KnownOrg, Seq, Thing};
use crate::intake::hook::HookPlan;
use crate::intake::mending::{self, Mender};
use crate::intake::{http, names, poll, probe};
use crate::journal::{OrgJournal, Reader, Settings};
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
    /// The team's server, or `None` to work alone.
    pub(super) team: Option<TeamPlan>,
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

impl Parts {
    /// Returns whether everything comes from a team's server.
    pub(super) fn is_watcher(&self) -> bool {
        self.team.as_ref().is_some_and(|team| team.role == TeamRole::Watcher)
    }
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

/// Tells which rows of an org must be fetched again.
pub(super) type Lost = watch::Receiver<Option<mending::LostRows>>;

/// What was read from the journal to start the parts of an org.
pub(super) struct OrgStart<'p> {
    pub(super) org: &'p OrgParts,
    pub(super) journal: OrgJournal,
    names_reader: Reader,
    probe_reader: Reader,
    stored: Option<Bookmark>,
    pub(super) coverage: Coverage,
}

impl<'p> OrgStart<'p> {
    /// Reads from the journal what the parts of an org need.
    ///
    /// # Errors
    /// Returns a fault if the journal cannot be read.
    pub(super) fn read(parts: &Parts, org: &'p OrgParts, journal: OrgJournal) -> Result<Self, Box<Fault>> {
        let read = || Reader::open(&parts.dir).map_err(|error| Box::new(error.fault()));
        let names_reader = read()?.bare();
        let stored = names_reader.bookmark(journal.org()).map_err(|error| error.fault())?;
        let coverage = names_reader.coverage(journal.org()).map_err(|error| error.fault())?;
        Ok(Self { org, names_reader, probe_reader: read()?, stored, coverage, journal })
    }

    /// Returns the handles to an org of which nothing is asked here.
    #[cfg(feature = "team")]
    pub(super) fn unasked(self) -> WritingOrg {
        let unreadable_before = self.coverage.unreadable.count;
        WritingOrg { journal: self.journal, reach: None, asked: None, unreadable_before }
    }

    /// Returns where to send the rows that must be fetched again, and where to hear of them.
    pub(super) fn mender(&self) -> (Mender, Lost) {
        let (lost, heard) = watch::channel(None);
        (Mender { journal: self.journal.clone(), board: self.org.board.clone(), lost }, heard)
    }

    /// Starts the parts of the org as `tasks`. `lost` tells which rows must be fetched
    /// again.
    pub(super) fn start(self, parts: &Parts, tasks: &Tasks, lost: Lost) -> WritingOrg {
        let Self { org, journal, names_reader, probe_reader, stored, coverage } = self;
        let OrgParts { poll: plan, board, clock, .. } = org;
        // The log says which of several orgs a line is about.
        let span = if parts.orgs.len() > 1 {
            tracing::error_span!("org", name = org.org.label())
        } else {
            tracing::Span::none()
        };
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
                return WritingOrg { journal, reach: None, asked: None, unreadable_before };
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
        tasks.spawn("mending", mending::run(asks, doors, lost).instrument(span.clone()));
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
        WritingOrg { journal, reach: Some(reach), asked, unreadable_before }
    }
}
