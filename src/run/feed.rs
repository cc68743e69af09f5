//! Opens the journal and starts or follows what writes to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, watch};

use super::Source;
use super::follow::{self, Follower};
use super::role::{Role, State};
use super::standing::named;
use super::stdio::note;
use super::writing::{self, ANSWERS, Parts, Probing};
use crate::clock::Clock;
use crate::consent::{KnownOrg, OrgId, Orgs, Seq};
use crate::intake::backfill::{self, Progress};
use crate::intake::hook::HookPlan;
use crate::intake::http::{self, Route};
use crate::journal::{self, Claimed, Head, OpenError, Reader, Settings};
use crate::okta::{Credentials, History, HistoryPlan, PollPlan};
use crate::report::{Answer, Board, Fault, Part};
use crate::secret::SecretSource;
use crate::tasks::Tasks;

/// Everything needed to open a feed.
#[derive(Clone, Debug)]
pub struct FeedPlan {
    /// The org, as people call it.
    pub org: KnownOrg,
    /// The folder of this org's journal.
    pub dir: PathBuf,
    /// How much the journal keeps.
    pub keep: Settings,
    /// What to poll for, and how.
    pub poll: PollPlan,
    /// Whether to look up the names of ids and the persons behind consents.
    pub names: bool,
    /// The credentials.
    pub credentials: Credentials,
    /// Where to read the credentials again after Okta refused them.
    pub renew: Option<SecretSource>,
    /// The CA certificates and the proxy through which the org is reached.
    pub route: Route,
    /// Warnings about the files in use, one sentence each.
    pub warnings: Vec<String>,
    /// The event hook's listener, or `None` if it is off.
    pub hook: Option<HookPlan>,
    /// Whether the configuration has an event hook and this process was told not to listen. If this process
    /// takes over, nobody listens.
    pub is_hook_left_out: bool,
    /// How to probe the org's readiness, or `None` to leave it out.
    pub readiness: Option<Probing>,
}

/// An open journal: either written by this process, with a poller and perhaps a hook listener, or followed read-only
/// until the process that writes it ends. A clone is another handle to the same feed.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Makes the poller ask Okta at once, or makes a follower check at once whether another process still polls.
    pub nudge: Arc<Notify>,
    /// Makes the prober probe at once.
    pub probe: Arc<Notify>,
    /// How many unreadable records the journal counted before this process started.
    pub unreadable_before: u64,
    /// The newest row of the journal before this process started.
    pub last_before: Seq,
    /// Whether the configuration turns on the look-up of names and persons.
    names: bool,
    board: watch::Receiver<Board>,
    role: Role,
    answers: mpsc::Sender<Answer>,
}

/// How often to check for a journal that another process is still creating. Two processes that start together meet
/// this: the first holds the lock, and the journal does not exist yet.
const FIRST_EVERY: Duration = Duration::from_millis(20);
/// After this long, a message says that this process waits.
const SAY_AFTER: Duration = Duration::from_secs(1);
/// After this long, this process gives up. Migrating an old journal of ten million rows fits in this time.
const FIRST_WITHIN: Duration = Duration::from_mins(5);

/// Opens the journal and starts the tasks that write to it. If another process writes the journal, this process follows
/// it. If that process is still creating the journal, this function waits for it.
///
/// # Errors
/// Returns a fault if the journal cannot be opened or the HTTP client cannot be made. Nothing was started then.
pub async fn open(plan: FeedPlan, clock: &Clock, tasks: &Tasks) -> Result<(Feed, Source), Box<Fault>> {
    let client = http::OktaClient::new(&plan.poll.org, plan.credentials, &plan.route, clock.clone())
        .map_err(|error| {
            Fault::new(
                Part::Config,
                "no HTTP client",
                "The HTTP client could not be made.",
                "Nothing was started.",
                "Check the system's certificates.",
            )
            .caused_by(&error)
        })?;
    let (board, seen_board) = watch::channel(Board::default());
    board.send_modify(|board| board.notes.files = plan.warnings);
    let (head, seen_head) = watch::channel(Head::default());
    let (answers, heard) = mpsc::channel(ANSWERS);
    let orgs = Orgs::new(vec![plan.org.clone()]);
    let parts = Parts {
        org: plan.org,
        dir: plan.dir,
        keep: plan.keep,
        poll: plan.poll,
        names: plan.names,
        hook: plan.hook,
        readiness: plan.readiness,
        client: client.with_renewal(plan.renew),
        board,
        nudge: Arc::new(Notify::new()),
        probe: Arc::new(Notify::new()),
        answers: answers.clone(),
        clock: clock.clone(),
        tasks: tasks.clone(),
    };
    let (nudge, probe, names) = (Arc::clone(&parts.nudge), Arc::clone(&parts.probe), parts.names);
    let (state, reader) = enter(&parts, &head).await?;
    let (unreadable_before, last_before) = match &state {
        State::Writes(writing) => (writing.unreadable_before, writing.last_before),
        State::Follows(_) => {
            let coverage = reader.coverage(OrgId::default()).map_err(|error| error.fault())?;
            (coverage.unreadable.count, reader.head().map_err(|error| error.fault())?.last)
        }
    };
    let role = Role::new(state);
    if let Some(holder) = role.holder() {
        head.send_replace(reader.head().map_err(|error| error.fault())?);
        let follower_reader = Reader::open(&parts.dir).map_err(|error| error.fault())?;
        follow::hear(clock, reader.polling(OrgId::default()).map_err(|error| error.fault())?);
        follow::begin(&parts, &holder);
        let follower =
            Follower::new(parts, follower_reader, head, role.clone(), plan.is_hook_left_out, holder);
        tasks.spawn("follow", follower.run());
    }
    let source = Source::new(reader, seen_head, seen_board.clone()).hearing(heard).of(orgs);
    let board = seen_board;
    Ok((Feed { nudge, probe, unreadable_before, last_before, names, board, role, answers }, source))
}

/// Claims the right to write, or opens the journal that another process writes. If that process has not created the
/// journal yet, this function waits for it. If that process ends meanwhile, this process claims the right.
async fn enter(parts: &Parts, head: &watch::Sender<Head>) -> Result<(State, Reader), Box<Fault>> {
    let clock = &parts.clock;
    let begun = clock.uptime();
    let mut has_said = false;
    loop {
        let holder = match journal::claim(&parts.dir).map_err(|error| error.fault())? {
            Claimed::Ours(claim) => {
                let (writing, reader) = writing::start(parts, claim, head)?;
                return Ok((State::Writes(Box::new(writing)), reader));
            }
            Claimed::Elsewhere(holder) => holder,
        };
        let waited = clock.uptime().saturating_sub(begun);
        match Reader::open(&parts.dir) {
            // The holder may only have tested the lock for a moment. Check once more before following it.
            Ok(_) if waited < FIRST_EVERY => {}
            Ok(reader) => return Ok((State::Follows(holder), reader)),
            Err(error) if is_in_the_making(&error) && waited < FIRST_WITHIN => {
                if waited >= SAY_AFTER && !has_said {
                    has_said = true;
                    note(&format!(
                        "{} may be creating or updating this journal; this process waits for it, at most {} s.",
                        named(&holder),
                        FIRST_WITHIN.as_secs()
                    ));
                }
            }
            Err(OpenError::Missing { path }) => return Err(Box::new(never_made(&holder, &path))),
            Err(error) => return Err(error.fault().into()),
        }
        drop(clock.sleep(FIRST_EVERY).await);
    }
}

/// Returns whether the error may pass in a moment, because the holder of the lock is creating or migrating the journal.
fn is_in_the_making(error: &OpenError) -> bool {
    matches!(error, OpenError::Missing { .. } | OpenError::OlderInUse { .. } | OpenError::Storage { .. })
}

fn never_made(holder: &str, path: &str) -> Fault {
    Fault::new(
        Part::Journal,
        "no journal yet",
        &format!(
            "{} holds the lock of the journal {path}, and has not created it within {} s.",
            named(holder),
            FIRST_WITHIN.as_secs()
        ),
        "Nothing was started.",
        "Check whether that process is stopped. Resume it or end it, then start this one again.",
    )
}

impl Feed {
    /// Returns the process that writes the journal, or `None` if it is this one.
    pub fn holder(&self) -> Option<String> {
        self.role.holder()
    }

    /// Makes the poller and the prober run now. Returns a sentence if that is the job of another process.
    pub fn poll_now(&self) -> Option<&'static str> {
        self.nudge.notify_one();
        self.probe.notify_one();
        self.holder()
            .map(|_| self.unpolled().unwrap_or("Another process polls for this journal; this one does not."))
    }

    /// Returns a sentence if the process that should poll does not.
    fn unpolled(&self) -> Option<&'static str> {
        let is_down = self.board.borrow().get(Part::Poll).fault().is_some();
        is_down.then_some(
            "Nobody polls for this journal now. Page 6, or the command status, shows what you can do.",
        )
    }

    /// Starts to fetch history back to `goal`, beside the poller and within the same share of the rate limit. Returns
    /// `None` if another process writes the journal.
    ///
    /// # Errors
    /// Returns a fault if the journal cannot be read.
    pub fn fetch_history(
        &self,
        goal: Timestamp,
        reader: &Reader,
        clock: &Clock,
        tasks: &Tasks,
    ) -> Result<Option<watch::Receiver<Progress>>, Box<Fault>> {
        let (reach, journal) = match &*self.role.state() {
            State::Writes(writing) => (writing.reach.clone(), writing.journal.clone()),
            State::Follows(_) => return Ok(None),
        };
        let coverage = reader.coverage(OrgId::default()).map_err(|error| error.fault())?;
        let mark = reader.history(OrgId::default()).map_err(|error| error.fault())?;
        let plan = HistoryPlan {
            org: reach.plan.org,
            kinds: reach.plan.kinds,
            goal,
            page_size: reach.plan.page_size,
            jitter_seed: reach.plan.jitter_seed,
        };
        let history = History::new(plan, &coverage, mark, reach.budget, clock.sure());
        if let Some(words) = history.dropped() {
            tracing::warn!("{words}");
        }
        let (tell, progress) = watch::channel(Progress::of(&history));
        tasks.spawn(
            "backfill",
            backfill::run(history, reach.client, journal, clock.clone(), tasks.clone(), tell),
        );
        Ok(Some(progress))
    }

    /// Returns whether this process's configuration turns on the look-up of persons for consents that name nobody.
    pub fn looks_up_persons(&self) -> bool {
        self.names
    }

    /// Returns a receiver for the status of the parts.
    pub fn board(&self) -> watch::Receiver<Board> {
        self.board.clone()
    }

    /// Asks Okta for the other events of a row's session. They arrive as side events, and a notice reports the result.
    pub fn fetch_session(&self, seq: Seq) {
        let why = match &*self.role.state() {
            State::Writes(writing) => match writing.asked.as_ref().map(|asked| asked.try_send(seq)) {
                Some(Ok(())) => return,
                Some(Err(_)) => "Too many requests are waiting; press e again in a moment.",
                None => "Look-ups are off (poll.names = false).",
            },
            State::Follows(_) => {
                self.unpolled().unwrap_or("Another process polls for this journal; press e there.")
            }
        };
        if self.answers.try_send(Answer::new(why, true)).is_err() {
            tracing::debug!(why, "Nobody hears this answer.");
        }
    }

    /// Returns the address of the hook's listener once it listens, or `None` if the board closes before that.
    pub fn listens_at(&self) -> impl Future<Output = Option<String>> + use<> {
        let mut board = self.board.clone();
        async move {
            let listens = board.wait_for(|board| board.hook.listens_at.is_some()).await;
            listens.ok().and_then(|board| board.hook.listens_at.clone())
        }
    }

    /// Closes the journal. The caller must have stopped the tasks that write to it.
    pub async fn close(self) {
        if let State::Writes(writing) = self.role.set(State::Follows(String::new())) {
            writing.journal.close().await;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::Pulse;

    impl Feed {
        /// Returns a feed that follows a process, and the channel of its answers. It knows that process only through
        /// `board`.
        pub(in crate::run) fn following(
            holder: &str,
            board: watch::Receiver<Board>,
        ) -> (Self, mpsc::Receiver<Answer>) {
            let (answers, heard) = mpsc::channel(ANSWERS);
            let role = Role::new(State::Follows(holder.to_owned()));
            let (nudge, probe) = (Arc::default(), Arc::default());
            let last_before = Seq(0);
            let feed =
                Self { nudge, probe, unreadable_before: 0, last_before, names: true, board, role, answers };
            (feed, heard)
        }
    }

    #[test]
    fn whoever_asks_a_follower_hears_whether_anybody_polls() {
        let (board, seen) = watch::channel(Board::default());
        let (feed, mut heard) = Feed::following("42", seen);
        let mut answers = || {
            feed.fetch_session(Seq(1));
            [feed.poll_now().unwrap().to_owned(), heard.try_recv().unwrap().text]
        };
        let set = |pulse| {
            board.send_if_modified(|board| board.set(Part::Poll, pulse));
        };
        set(Pulse::Elsewhere("42".to_owned()));
        assert!(answers().iter().all(|words| words.starts_with("Another process polls")));
        set(Pulse::Down(Fault::new(Part::Poll, "no poller", "Nobody polls.", "", "")));
        assert!(answers().iter().all(|words| words.starts_with("Nobody polls for this journal now.")));
    }
}
