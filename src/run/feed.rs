//! Opens the journal and starts or follows what writes to it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc, watch};

use super::Source;
use super::follow::Follower;
use super::org_parts::{ANSWERS, OrgParts, Parts, WritingOrg};
use super::plan::FeedPlan;
use super::role::{Role, State};
use super::standing::named;
use super::stdio::note;
use super::writing;
use crate::clock::Clock;
use crate::consent::{OrgId, Seq};
use crate::intake::backfill::{self, Progress};
use crate::journal::{self, Claimed, Head, OpenError, Reader};
use crate::okta::{History, HistoryPlan};
use crate::report::{Answer, Board, Fault, Part};
use crate::tasks::Tasks;

/// An open journal: either written by this process, with pollers and perhaps a hook listener, or followed read-only
/// until the process that writes it ends. A clone is another handle to the same feed.
#[derive(Clone, Debug)]
pub struct Feed {
    /// How many unreadable records of each org the journal counted before this process started.
    pub unreadable_before: Vec<u64>,
    /// The newest row of the journal before this process started.
    pub last_before: Seq,
    /// Whether the configuration turns on the look-up of names and persons.
    names: bool,
    /// Whether everything comes from a team's server.
    is_watcher: bool,
    orgs: Vec<OrgHandles>,
    /// Makes a follower check at once whether another process still polls.
    look: Arc<Notify>,
    role: Role,
    answers: mpsc::Sender<Answer>,
}

/// The handles to the parts of one org.
#[derive(Clone, Debug)]
struct OrgHandles {
    label: String,
    /// Makes the poller ask Okta at once.
    nudge: Arc<Notify>,
    /// Makes the prober probe at once.
    probe: Arc<Notify>,
    board: watch::Receiver<Board>,
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
/// Returns a fault if the journal cannot be opened, or if there is a way to none of the orgs. Nothing was started then.
pub async fn open(plan: FeedPlan, clock: &Clock, tasks: &Tasks) -> Result<(Feed, Source), Box<Fault>> {
    let is_watcher = plan.is_watcher();
    let FeedPlan { dir, keep, orgs, others, only_these_orgs, warnings, hook, team, is_hook_left_out } = plan;
    let (head, seen_head) = watch::channel(Head::default());
    let (answers, heard) = mpsc::channel(ANSWERS);
    let orgs: Vec<OrgParts> = (0..).zip(orgs).map(|(at, org)| OrgParts::new(org, at, clock)).collect();
    let no_way = orgs.iter().map(|org| org.client.as_ref().err()).collect::<Option<Vec<_>>>();
    if let Some(fault) = no_way.filter(|faults| !is_watcher || faults.is_empty()) {
        return Err(fault.into_iter().next().map_or_else(|| Box::new(no_org()), Clone::clone));
    }
    if let Some(first) = orgs.first() {
        first.board.send_modify(|board| board.notes.files = warnings);
    }
    let parts = Parts {
        dir,
        keep,
        orgs,
        others,
        hook,
        team,
        look: Arc::new(Notify::new()),
        answers: answers.clone(),
        clock: clock.clone(),
        tasks: tasks.clone(),
    };
    let handles = parts.orgs.iter().map(|org| OrgHandles {
        label: org.org.label().to_owned(),
        nudge: Arc::clone(&org.nudge),
        probe: Arc::clone(&org.probe),
        board: org.board.subscribe(),
    });
    let (handles, look): (Vec<_>, _) = (handles.collect(), Arc::clone(&parts.look));
    let names = parts.orgs.iter().any(|org| org.names);
    let (state, reader) = enter(&parts, &head).await?;
    let boards = parts.orgs.iter().map(|org| (org.org.clone(), org.board.subscribe())).collect();
    let source = Source::new(reader, seen_head, boards).hearing(heard).only_these_orgs(only_these_orgs);
    let (unreadable_before, last_before) = match &state {
        State::Writes(writing) => {
            (writing.orgs.iter().map(|org| org.unreadable_before).collect(), writing.last_before)
        }
        State::Follows(_) => {
            let coverages = source.in_use().map(|org| source.coverage(org)).collect::<Result<Vec<_>, _>>();
            let coverages = coverages.map_err(|error| error.fault())?;
            let last = source.journal_head().map_err(|error| error.fault())?.last;
            (coverages.iter().map(|coverage| coverage.unreadable.count).collect(), last)
        }
    };
    let role = Role::new(state);
    if let Some(holder) = role.holder() {
        head.send_replace(source.journal_head().map_err(|error| error.fault())?);
        let follower_reader = Reader::open(&parts.dir).map_err(|error| error.fault())?;
        let mut follower =
            Follower::new(parts, follower_reader, head, role.clone(), is_hook_left_out, holder);
        follower.begin().map_err(|error| error.fault())?;
        tasks.spawn("follow", follower.run());
    }
    Ok((
        Feed { unreadable_before, last_before, names, is_watcher, orgs: handles, look, role, answers },
        source,
    ))
}

fn no_org() -> Fault {
    Fault::new(
        Part::Config,
        "no org",
        "No org is configured.",
        "Nothing was started.",
        "Name one in the configuration.",
    )
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

    /// Makes the pollers run now, or makes a follower check at once whether another process still polls.
    pub fn nudge(&self) {
        self.look.notify_one();
        self.orgs.iter().for_each(|org| org.nudge.notify_one());
    }

    /// Makes the pollers and the probers run now. Returns a sentence if that is the job of another process.
    pub fn poll_now(&self) -> Option<&'static str> {
        self.nudge();
        self.orgs.iter().for_each(|org| org.probe.notify_one());
        self.holder()
            .map(|_| self.unpolled().unwrap_or("Another process polls for this journal; this one does not."))
    }

    /// Returns a sentence if the process that should poll does not poll any of the orgs.
    fn unpolled(&self) -> Option<&'static str> {
        let is_down = |org: &OrgHandles| org.board.borrow().get(Part::Poll).fault().is_some();
        self.orgs.iter().all(is_down).then_some(
            "Nobody polls for this journal now. Page 6, or the command status, shows what you can do.",
        )
    }

    /// Starts to fetch the history of an org back to `goal`, beside the poller and within the same share of the rate
    /// limit. `place` is its place among the orgs of the plan. Returns `None` if another process writes the journal, or if
    /// there is no way to the org.
    ///
    /// # Errors
    /// Returns a fault if the journal cannot be read.
    pub fn fetch_history(
        &self,
        place: usize,
        goal: Timestamp,
        reader: &Reader,
        tasks: &Tasks,
    ) -> Result<Option<watch::Receiver<Progress>>, Box<Fault>> {
        let (reach, journal) = match &*self.role.state() {
            State::Follows(_) => return Ok(None),
            State::Writes(writing) => match writing.orgs.get(place) {
                Some(WritingOrg { journal, reach: Some(reach), .. }) => (reach.clone(), journal.clone()),
                _ => return Ok(None),
            },
        };
        let coverage = reader.coverage(journal.org()).map_err(|error| error.fault())?;
        let mark = reader.history(journal.org()).map_err(|error| error.fault())?;
        let plan = HistoryPlan {
            org: reach.plan.org,
            kinds: reach.plan.kinds,
            goal,
            page_size: reach.plan.page_size,
            jitter_seed: reach.plan.jitter_seed,
        };
        let clock = reach.clock;
        let history = History::new(plan, &coverage, mark, reach.budget, clock.sure());
        if let Some(words) = history.dropped() {
            tracing::warn!("{words}");
        }
        let (tell, progress) = watch::channel(Progress::of(&history));
        tasks.spawn("backfill", backfill::run(history, reach.client, journal, clock, tasks.clone(), tell));
        Ok(Some(progress))
    }

    /// Returns whether this process's configuration turns on the look-up of persons for consents that name nobody.
    pub fn looks_up_persons(&self) -> bool {
        self.names
    }

    /// Returns a receiver for the status of each org's parts, in the order of the plan.
    pub fn boards(&self) -> Vec<watch::Receiver<Board>> {
        self.orgs.iter().map(|org| org.board.clone()).collect()
    }

    /// Returns the labels of the orgs, in the order of the plan.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.orgs.iter().map(|org| org.label.as_str())
    }

    /// Asks the org of a row for the other events of the row's session. They arrive as side events, and a notice reports
    /// the result.
    pub fn fetch_session(&self, org: OrgId, seq: Seq) {
        let why = match &*self.role.state() {
            State::Writes(writing) => match writing.orgs.iter().find(|own| own.journal.org() == org) {
                None => "This process does not work for the org of this event.",
                Some(WritingOrg { asked: Some(asked), .. }) => match asked.try_send(seq) {
                    Ok(()) => return,
                    Err(_) => "Too many requests are waiting; press e again in a moment.",
                },
                Some(_) if self.is_watcher => {
                    "Only the team's collector asks Okta, and it looks up what it can."
                }
                Some(WritingOrg { reach: None, .. }) => "This org cannot be asked. Page 6 says why.",
                Some(_) => "Look-ups are off (poll.names = false).",
            },
            State::Follows(_) => {
                self.unpolled().unwrap_or("Another process polls for this journal; press e there.")
            }
        };
        if self.answers.try_send(Answer::new(why, true)).is_err() {
            tracing::debug!(why, "Nobody hears this answer.");
        }
    }

    /// Returns the address of the hook's listener for the first org once it listens, or `None` if the board closes before
    /// that.
    pub fn listens_at(&self) -> impl Future<Output = Option<String>> + use<> {
        let board = self.orgs.first().map(|org| org.board.clone());
        async move {
            let mut board = board?;
            let listens = board.wait_for(|board| board.hook.listens_at.is_some()).await;
            listens.ok().and_then(|board| board.hook.listens_at.clone())
        }
    }

    /// Closes the journal. The caller must have stopped the tasks that write to it.
    pub async fn close(self) {
        if let State::Writes(writing) = self.role.set(State::Follows(String::new())) {
            writing.close().await;
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
            let org =
                OrgHandles { label: "org".to_owned(), nudge: Arc::default(), probe: Arc::default(), board };
            let (orgs, look, last_before) = (vec![org], Arc::default(), Seq(0));
            let feed = Self {
                unreadable_before: vec![0],
                last_before,
                names: true,
                is_watcher: false,
                orgs,
                look,
                role,
                answers,
            };
            (feed, heard)
        }
    }

    #[test]
    fn whoever_asks_a_follower_hears_whether_anybody_polls() {
        let (board, seen) = watch::channel(Board::default());
        let (feed, mut heard) = Feed::following("42", seen);
        let mut answers = || {
            feed.fetch_session(OrgId(0), Seq(1));
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
