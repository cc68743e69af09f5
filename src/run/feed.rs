//! A journal that is open, and whatever brings rows to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, watch};

use super::{Source, last_readiness};
use crate::clock::Clock;
use crate::consent::{Seq, Thing};
use crate::intake::backfill::{self, Progress};
use crate::intake::hook::{self, HookPlan};
use crate::intake::{http, names, poll, probe};
use crate::journal::{self, Head, Journal, Opened, Reader, Settings};
use crate::okta::{
    Budget, Correlations, Credentials, History, HistoryPlan, Lookups, PollPlan, Poller, Prober,
    ReadinessBudgets, ReadinessPlan,
};
use crate::report::{Board, Fault, Part, Pulse};
use crate::secret::SecretSource;
use crate::tasks::Tasks;

/// All that is needed to open a feed.
#[derive(Debug)]
pub struct FeedPlan {
    /// The folder of this org's journal.
    pub dir: PathBuf,
    /// What the journal keeps.
    pub keep: Settings,
    /// How to poll, and what.
    pub poll: PollPlan,
    /// Whether names and persons are looked up.
    pub names: bool,
    /// The way in.
    pub credentials: Credentials,
    /// Where the way in can be read again, after it was refused.
    pub renew: Option<SecretSource>,
    /// An extra certificate authority.
    pub ca_file: Option<PathBuf>,
    /// The event hook's listener, if it is wanted.
    pub hook: Option<HookPlan>,
    /// The probing of the org's readiness, if it is wanted.
    pub readiness: Option<Probing>,
}

/// What of the org's readiness is probed, and how often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probing {
    /// The authorization server that matters: `default`, an id or an issuer.
    pub server: String,
    /// Where Okta delivers to, if a hook is wanted.
    pub public_url: Option<String>,
    /// From one round to the next.
    pub interval: Duration,
}

/// An open journal with a poller on it, and a listener where that is wanted, or the journal of another process, followed read-only.
#[derive(Debug)]
pub struct Feed {
    /// Asks the poller to ask Okta at once.
    pub nudge: Arc<Notify>,
    /// Asks the prober to probe at once.
    pub probe: Arc<Notify>,
    /// Who writes the journal, if it is not this process.
    pub holder: Option<String>,
    board: watch::Receiver<Board>,
    journal: Option<Journal>,
    reach: Option<LogAccess>,
    asked: Option<mpsc::Sender<Seq>>,
    answers: mpsc::Sender<(String, bool)>,
}

/// What it takes to ask the same org for more, beside the poller.
#[derive(Debug)]
struct LogAccess {
    client: http::Client,
    budget: Budget,
    plan: PollPlan,
}

/// Followers look this often whether the writer wrote; SQLite offers nothing to wait on.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);

/// Wishes and answers that wait; what comes beyond is asked for again by whoever misses it.
const ANSWERS: usize = 16;

/// Opens the journal and starts what writes to it.
///
/// # Errors
/// The journal cannot be opened, or the HTTP client cannot be made; nothing was started.
pub fn open(plan: FeedPlan, clock: &Clock, tasks: &Tasks) -> Result<(Feed, Source), Box<Fault>> {
    let opened = journal::open(&plan.dir, plan.keep, clock.clone()).map_err(|error| error.fault())?;
    let reader = Reader::open(&plan.dir).map_err(|error| error.fault())?;
    let (board, seen_board) = watch::channel(Board::default());
    let (nudge, nudge_probe) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (answers, heard) = mpsc::channel(ANSWERS);
    let mut asked = None;
    match opened {
        Opened::Writer(journal) => {
            let client =
                http::Client::new(&plan.poll.org, plan.credentials, plan.ca_file.as_deref(), clock.clone())
                    .map_err(|error| {
                    Fault::new(
                        Part::Config,
                        "no HTTP client",
                        "The HTTP client could not be made.",
                        "Nothing was started.",
                        "Check org.ca_file and the proxy settings of the environment.",
                    )
                    .caused_by(&error)
                })?;
            board.send_modify(|board| {
                board.set(Part::Poll, Pulse::Starting);
                board.set(Part::Journal, Pulse::Live);
            });
            let client = client.with_renewal(plan.renew);
            let stored = reader.bookmark().map_err(|error| error.fault())?;
            let coverage = reader.coverage().map_err(|error| error.fault())?;
            let poller = Poller::new(plan.poll.clone(), stored, clock.now())
                .resting_since(coverage.last_good_poll, clock.now());
            board.send_modify(|board| board.traffic.last_good = coverage.last_good_poll);
            let PollPlan { org, rate_share, jitter_seed, .. } = &plan.poll;
            let lookups = Lookups::new(org.clone(), *rate_share, *jitter_seed);
            if let Some(probing) = plan.readiness {
                let own = ReadinessBudgets::beside(poller.budget(), *rate_share);
                // Names and probes ask the same buckets: one share for both.
                let budgets = ReadinessBudgets {
                    apps: lookups.budget(Thing::Client),
                    servers: lookups.budget(Thing::Server),
                    ..own
                };
                let prober = Prober::new(
                    ReadinessPlan {
                        org: org.clone(),
                        server: probing.server,
                        public_url: probing.public_url,
                        has_credentials: true,
                        jitter_seed: *jitter_seed,
                    },
                    budgets,
                );
                let doors = probe::Doors {
                    reader: Reader::open(&plan.dir).map_err(|error| error.fault())?,
                    client: client.clone(),
                    journal: journal.clone(),
                    board: board.clone(),
                    clock: clock.clone(),
                    tasks: tasks.clone(),
                    nudge: Arc::clone(&nudge_probe),
                    interval: probing.interval,
                };
                tasks.spawn("readiness", probe::run(prober, doors));
                tasks.spawn("last readiness", last_readiness::keep(plan.dir.clone(), seen_board.clone()));
            }
            if plan.names {
                let (ask, wishes) = mpsc::channel(ANSWERS);
                asked = Some(ask);
                let ear = Reader::open(&plan.dir).map_err(|error| error.fault())?.bare();
                let work = names::run(
                    lookups,
                    Correlations::new(org.clone(), poller.budget(), *jitter_seed),
                    names::Doors {
                        reader: ear,
                        client: client.clone(),
                        journal: journal.clone(),
                        board: board.clone(),
                        clock: clock.clone(),
                        tasks: tasks.clone(),
                        asked: wishes,
                        answers: answers.clone(),
                    },
                );
                tasks.spawn("names", work);
            }
            let reach = LogAccess { client: client.clone(), budget: poller.budget(), plan: plan.poll };
            let source = Source::new(reader, journal.head(), seen_board.clone()).hearing(heard);
            if let Some(plan) = plan.hook {
                let work = hook::run(plan, journal.clone(), board.clone(), clock.clone(), tasks.clone());
                tasks.spawn("hook", work);
            }
            let work = poll::run(
                poller,
                client,
                journal.clone(),
                board,
                clock.clone(),
                tasks.clone(),
                Arc::clone(&nudge),
            );
            tasks.spawn("poll", work);
            let (journal, reach) = (Some(journal), Some(reach));
            Ok((
                Feed {
                    nudge,
                    probe: nudge_probe,
                    holder: None,
                    board: seen_board,
                    journal,
                    reach,
                    asked,
                    answers,
                },
                source,
            ))
        }
        Opened::Follower { holder } => {
            board.send_modify(|board| {
                board.set(Part::Poll, Pulse::Elsewhere(holder.clone()));
                if plan.readiness.is_some() {
                    board.set(Part::Readiness, Pulse::Elsewhere(holder.clone()));
                }
                if plan.hook.is_some() {
                    board.set(Part::Hook, Pulse::Elsewhere(holder.clone()));
                }
                board.set(Part::Journal, Pulse::Live);
            });
            let (head, seen_head) = watch::channel(reader.head().map_err(|error| error.fault())?);
            let ear = Reader::open(&plan.dir).map_err(|error| error.fault())?;
            tasks.spawn("follow", follow(plan.dir, ear, head, board, clock.clone()));
            Ok((
                Feed {
                    nudge,
                    probe: nudge_probe,
                    holder: Some(holder),
                    board: seen_board.clone(),
                    journal: None,
                    reach: None,
                    asked,
                    answers,
                },
                Source::new(reader, seen_head, seen_board).hearing(heard),
            ))
        }
    }
}

async fn follow(
    dir: PathBuf,
    ear: Reader,
    head: watch::Sender<Head>,
    board: watch::Sender<Board>,
    clock: Clock,
) {
    let mut version = None;
    let mut probed = last_readiness::Watched::default();
    let mut last_good = None;
    loop {
        let looked = ear.data_version().and_then(|now| {
            if version != Some(now) {
                let found = ear.head()?;
                head.send_if_modified(|head| std::mem::replace(head, found) != found);
                last_good = ear.coverage()?.last_good_poll;
                version = Some(now);
            }
            Ok(())
        });
        let pulse = match looked {
            Ok(()) => Pulse::Live,
            Err(error) => Pulse::Down(error.fault()),
        };
        let readiness = probed.news(&dir).map(Arc::new);
        board.send_if_modified(|board| {
            let before = std::mem::replace(&mut board.traffic.last_good, last_good);
            let is_probed = readiness.is_some();
            board.readiness = readiness.or_else(|| board.readiness.take());
            board.set(Part::Journal, pulse) || before != last_good || is_probed
        });
        clock.sleep(FOLLOW_EVERY).await;
    }
}

impl Feed {
    /// Starts to fetch history back to a time, beside the poller and within the same share of the rate limit. Nothing if
    /// another process writes the journal.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn fetch_history(
        &self,
        goal: Timestamp,
        reader: &Reader,
        clock: &Clock,
        tasks: &Tasks,
    ) -> Result<Option<watch::Receiver<Progress>>, Box<Fault>> {
        let (Some(reach), Some(journal)) = (&self.reach, &self.journal) else { return Ok(None) };
        let coverage = reader.coverage().map_err(|error| error.fault())?;
        let mark = reader.history().map_err(|error| error.fault())?;
        let plan = HistoryPlan {
            org: reach.plan.org.clone(),
            kinds: reach.plan.kinds.clone(),
            goal,
            page_size: reach.plan.page_size,
            jitter_seed: reach.plan.jitter_seed,
        };
        let history = History::new(plan, &coverage, mark, reach.budget.clone(), clock.now());
        let (tell, progress) = watch::channel(Progress::of(&history));
        let (client, journal) = (reach.client.clone(), journal.clone());
        tasks.spawn("backfill", backfill::run(history, client, journal, clock.clone(), tasks.clone(), tell));
        Ok(Some(progress))
    }

    /// Asks Okta for the other events of a row's session. They come as side events, and a sentence says what came of it.
    pub fn fetch_session(&self, seq: Seq) {
        let why = match &self.asked {
            Some(asked) => match asked.try_send(seq) {
                Ok(()) => return,
                Err(_) => "Too much is being asked already; press e again in a moment.",
            },
            None if self.holder.is_some() => "Another process polls for this journal; press e there.",
            None => "Nothing is looked up here.",
        };
        if self.answers.try_send((why.to_owned(), true)).is_err() {
            tracing::debug!(why, "Nobody hears this answer.");
        }
    }

    /// Returns where the event hook is listened to, once it is; nothing if it never will be.
    pub fn listens_at(&self) -> impl Future<Output = Option<String>> + use<> {
        let mut board = self.board.clone();
        async move {
            let listens = board.wait_for(|board| board.hook.listens_at.is_some()).await;
            listens.ok().and_then(|board| board.hook.listens_at.clone())
        }
    }

    /// Closes the journal. Tasks that write to it have been stopped before.
    pub async fn close(self) {
        if let Some(journal) = self.journal {
            journal.close().await;
        }
    }
}
