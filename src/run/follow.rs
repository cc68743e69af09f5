//! Follows a journal that another process writes, and takes over when that process has ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::last_readiness;
use super::org_parts::{OrgParts, Parts};
use super::role::{Role, State};
use super::standing::{FIRST_POLL, Standing, Wanted, Why, is_fresh, named, patience};
use super::writing;
use crate::clock::Clock;
use crate::consent::OrgId;
use crate::journal::{self, Claimed, Head, Holder, Polling, ReadError, Reader};
use crate::report::{Answer, Part, Pulse};

/// How often a follower checks whether the writer has written. SQLite has no notification to wait for.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);
/// How often a follower checks whether a process still holds the journal. A take-over may take five seconds
/// in all. The check reads two small files and wakes no disk.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a follower waits for one that works for more orgs to take over before it does.
const FEWER_WAIT: Duration = Duration::from_secs(2);
/// How long to wait after a take-over failed before the next attempt.
const TRY_EVERY: Duration = Duration::from_secs(5);

/// The state of a process that follows a journal.
pub(super) struct Follower {
    parts: Parts,
    reader: Reader,
    head: watch::Sender<Head>,
    role: Role,
    /// The device and inode number of the journal file being read, to notice when another file replaces it.
    file: Option<(u64, u64)>,
    is_hook_left_out: bool,
    holder: String,
    /// The uptime at which that process was first seen.
    held_since: Duration,
    version: Option<i64>,
    /// In the order of the plan.
    orgs: Vec<FollowedOrg>,
    /// Whether this process works for every org that the process which writes polls.
    has_all: bool,
    /// The uptime at which this process found that none writes, if it is not one that has all orgs.
    nobody_since: Option<Duration>,
    tries_at: Duration,
}

/// What a follower knows of one org.
struct FollowedOrg {
    /// The number in the journal, or `None` if the journal does not know the org.
    id: Option<OrgId>,
    /// Whether the process that writes works for the org.
    is_polled: bool,
    polling: Polling,
    /// How old the newest known good poll was when this process first saw it, and the uptime at that moment.
    newest_poll: (Duration, Duration),
    probed: last_readiness::Watched,
    standing: Standing,
}

impl Follower {
    /// Begins to follow a process. `is_hook_left_out` says that the configuration has an event hook and this process
    /// was told not to listen.
    pub(super) fn new(
        parts: Parts,
        reader: Reader,
        head: watch::Sender<Head>,
        role: Role,
        is_hook_left_out: bool,
        holder: String,
    ) -> Self {
        let up = parts.clock.uptime();
        let org = |_: &OrgParts| FollowedOrg {
            id: None,
            is_polled: true,
            polling: Polling::default(),
            newest_poll: (Duration::ZERO, up),
            probed: last_readiness::Watched::default(),
            standing: Standing::Polls(holder.clone()),
        };
        Self {
            file: journal::file_id(&parts.dir),
            orgs: parts.orgs.iter().map(org).collect(),
            parts,
            reader,
            head,
            role,
            is_hook_left_out,
            holder,
            held_since: up,
            version: None,
            has_all: true,
            nobody_since: None,
            tries_at: up,
        }
    }

    /// Takes Okta's times from the journal, and sets the boards for the start.
    ///
    /// # Errors
    /// Fails if the journal cannot be read.
    pub(super) fn begin(&mut self) -> Result<(), ReadError> {
        self.find_orgs()?;
        for (org, parts) in self.orgs.iter().zip(&self.parts.orgs) {
            if let Some(id) = org.id {
                hear(&parts.clock, self.reader.polling(id)?);
            }
            let (wanted, holder) = (self.wanted(parts), &self.holder);
            parts.board.send_modify(|board| {
                Standing::Polls(holder.clone()).tell(board, wanted, holder, Polling::default());
                board.set(Part::Journal, Pulse::Live);
            });
        }
        Ok(())
    }

    /// Finds the numbers of the orgs in the journal, and whether they are polled.
    fn find_orgs(&mut self) -> Result<(), ReadError> {
        let (known, polled) = (self.reader.orgs()?, self.reader.orgs_of_writer()?);
        for (org, parts) in self.orgs.iter_mut().zip(&self.parts.orgs) {
            org.id = known.iter().find(|(_, known)| known.key == parts.org.key).map(|(id, _)| id);
            org.is_polled = org.id.is_some_and(|id| polled.contains(&id));
        }
        self.has_all = polled.iter().all(|id| self.orgs.iter().any(|org| org.id == Some(*id)));
        Ok(())
    }

    fn wanted(&self, org: &OrgParts) -> Wanted {
        Wanted { hook: self.parts.hook.is_some(), readiness: org.readiness.is_some() }
    }

    /// Follows until this process writes.
    pub(super) async fn run(mut self) {
        let (clock, look) = (self.parts.clock.clone(), Arc::clone(&self.parts.look));
        let mut looks_at = clock.uptime() + LOOK_EVERY;
        loop {
            self.read();
            if clock.uptime() >= looks_at {
                looks_at = clock.uptime() + LOOK_EVERY;
                let Some(standings) = self.look() else { return };
                self.tell(standings);
            }
            tokio::select! {
                _ = clock.sleep(FOLLOW_EVERY) => {}
                // A user who asks for a poll wants to know whether anybody polls, so check now.
                () = look.notified() => looks_at = Duration::ZERO,
            }
        }
    }

    /// Reads what the writer wrote, and puts it on the boards.
    fn read(&mut self) {
        let pulse = match self.try_read() {
            Ok(()) => Pulse::Live,
            Err(error) => Pulse::Down(error.fault()),
        };
        for (org, parts) in self.orgs.iter_mut().zip(&self.parts.orgs) {
            let readiness = org.probed.news(&self.parts.dir, &parts.org.key).map(Arc::new);
            let last_good = org.polling.last_good;
            parts.board.send_if_modified(|board| {
                let before = std::mem::replace(&mut board.traffic.last_good, last_good);
                let is_probed = readiness.is_some();
                board.readiness = readiness.or_else(|| board.readiness.take());
                board.set(Part::Journal, pulse.clone()) || before != last_good || is_probed
            });
        }
    }

    fn try_read(&mut self) -> Result<(), ReadError> {
        let now = self.reader.data_version()?;
        if self.version == Some(now) {
            return Ok(());
        }
        let found = self.reader.head()?;
        self.head.send_if_modified(|head| std::mem::replace(head, found) != found);
        self.find_orgs()?;
        for (org, parts) in self.orgs.iter_mut().zip(&self.parts.orgs) {
            let Some(id) = org.id else { continue };
            let before = std::mem::replace(&mut org.polling, self.reader.polling(id)?);
            if before.last_good == org.polling.last_good {
                continue;
            }
            // A poll from before this process started has an age only by the wall clock. Later ones are new
            // when seen.
            let age =
                org.polling.last_good.filter(|_| self.version.is_none()).map(|at| {
                    Duration::try_from(self.parts.clock.now().duration_since(at)).unwrap_or_default()
                });
            org.newest_poll = (age.unwrap_or_default(), self.parts.clock.uptime());
            hear(&parts.clock, org.polling);
        }
        self.version = Some(now);
        Ok(())
    }

    /// Checks which process holds the journal, and takes over if none does. Returns the standing of each org, or `None`
    /// once this process writes.
    fn look(&mut self) -> Option<Vec<Standing>> {
        let of_all = |standing: Standing| Some(vec![standing; self.orgs.len()]);
        // The holder of a replaced journal writes to a file that this process does not read.
        if journal::file_id(&self.parts.dir) != self.file {
            return of_all(Standing::Nobody(Why::Replaced));
        }
        let up = self.parts.clock.uptime();
        match journal::holder(&self.parts.dir) {
            Ok(Holder::Process { name, is_stopped }) => {
                self.nobody_since = None;
                if name != self.holder {
                    self.changes_to(name);
                }
                Some(self.orgs.iter().map(|org| self.standing(org, is_stopped, up)).collect())
            }
            Ok(Holder::Nobody) if !self.has_all && self.nobody_since.is_none() => {
                self.nobody_since = Some(up);
                self.tries_at = self.tries_at.max(up + FEWER_WAIT);
                Some(self.orgs.iter().map(|org| org.standing.clone()).collect())
            }
            Ok(Holder::Nobody) if up < self.tries_at => {
                Some(self.orgs.iter().map(|org| org.standing.clone()).collect())
            }
            Ok(Holder::Nobody) => match self.take_over() {
                Ok(true) => None,
                // Another process took over first.
                Ok(false) => Some(vec![Standing::Polls(self.holder.clone()); self.orgs.len()]),
                Err(why) => Some(vec![Standing::Nobody(why); self.orgs.len()]),
            },
            Err(error) => of_all(Standing::Unknown(Box::new(error.fault()))),
        }
    }

    /// Returns whether a process that holds the journal polls an org.
    fn standing(&self, org: &FollowedOrg, is_stopped: bool, up: Duration) -> Standing {
        let (age, at) = org.newest_poll;
        let silence = age.saturating_add(up.saturating_sub(at));
        let is_new = up.saturating_sub(self.held_since) < FIRST_POLL;
        let is_silent = silence > patience(org.polling.interval) && !is_new;
        let holder = self.holder.clone();
        match (is_stopped, is_silent) {
            (true, _) => Standing::Stopped(holder),
            // A process that has just begun may not have noted yet which orgs it works for.
            _ if !org.is_polled && !is_new => Standing::NotThisOrg(holder),
            (_, true) => Standing::Silent(holder),
            _ => Standing::Polls(holder),
        }
    }

    /// Takes over as the writer, in the same way as a process that starts. Returns `false` if another process was
    /// first.
    fn take_over(&mut self) -> Result<bool, Why> {
        // A watcher of a team asks for nothing by itself.
        let asked = self.parts.orgs.iter().filter(|_| !self.parts.is_watcher());
        for (org, parts) in self.orgs.iter().zip(asked) {
            // The bookmark of an org that the other process did not poll is from an earlier configuration.
            let Some(id) = org.id.filter(|_| org.is_polled) else { continue };
            let stored = self.reader.bookmark(id).map_err(|error| Why::Failed(Box::new(error.fault())))?;
            let ours = parts.poll.query();
            if let Some(stored) = stored.filter(|stored| stored.query != ours) {
                return Err(Why::OtherEvents { ours, theirs: stored.query });
            }
        }
        self.tries_at = self.parts.clock.uptime() + TRY_EVERY;
        let claimed =
            journal::claim(&self.parts.dir).map_err(|error| Why::Failed(Box::new(error.fault())))?;
        let claim = match claimed {
            Claimed::Ours(claim) => claim,
            Claimed::Elsewhere(holder) => {
                self.changes_to(holder);
                return Ok(false);
            }
        };
        let (writing, _) = writing::start(&self.parts, claim, &self.head).map_err(Why::Failed)?;
        drop(self.role.set(State::Writes(Box::new(writing))));
        let mut words = vec![format!(
            "{} has ended; this process polls for the journal from now on.",
            named(&self.holder)
        )];
        if self.is_hook_left_out {
            words.push(
                "Nobody listens to the event hook now: this process was started with --no-hook. Start another \
                 without it, and end this process, to receive deliveries again."
                    .to_owned(),
            );
        }
        for sentence in &words {
            tracing::warn!("{sentence}");
        }
        // If the channel is full, page 6 shows the words anyway.
        self.parts.answers.try_send(Answer::new(words.join(" "), self.is_hook_left_out)).ok();
        if let Some(first) = self.parts.orgs.first() {
            first.board.send_modify(|board| board.notes.writer = words);
        }
        Ok(true)
    }

    fn changes_to(&mut self, holder: String) {
        self.nobody_since = None;
        self.held_since = self.parts.clock.uptime();
        self.tries_at = self.held_since;
        drop(self.role.set(State::Follows(holder.clone())));
        self.holder = holder;
    }

    fn tell(&mut self, standings: Vec<Standing>) {
        let mut told: Vec<String> = Vec::new();
        for (at, standing) in standings.into_iter().enumerate() {
            let (Some(org), Some(parts)) = (self.orgs.get(at), self.parts.orgs.get(at)) else { return };
            let (polling, wanted) = (org.polling, self.wanted(parts));
            if org.standing != standing {
                let words = match standing.fault(&self.holder, polling) {
                    Some(fault) => fault.to_string(),
                    None => format!("{} polls for the journal.", named(&self.holder)),
                };
                // What is the same for all orgs is logged once.
                if !told.contains(&words) {
                    if matches!(standing, Standing::Polls(_)) {
                        tracing::info!("{words}");
                    } else {
                        tracing::warn!(org = parts.org.label(), "{words}");
                    }
                    told.push(words);
                }
            }
            parts.board.send_if_modified(|board| standing.tell(board, wanted, &self.holder, polling));
            if let Some(org) = self.orgs.get_mut(at) {
                org.standing = standing;
            }
        }
    }
}

/// Sets the clock's offset to Okta's time from the journal. A follower does not ask Okta, so it takes the offset from
/// the writer, which runs on the same machine and by the same clock. An old poll is ignored, since the offset may have
/// changed.
fn hear(clock: &Clock, polling: Polling) {
    let now = clock.now();
    if is_fresh(polling.last_good, polling.interval, now)
        && let Some(there) = polling.of_okta(Some(now))
    {
        clock.hear(there);
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use tokio::sync::{Notify, mpsc};

    use super::*;
    use crate::consent::{Bookmark, Kind, KnownOrg};
    use crate::intake::http::Route;
    use crate::journal::{Batch, Opened, OrgJournal, Polled, Settings};
    use crate::okta::{Credentials, OrgUrl, PollPlan};
    use crate::run::plan::{OrgPlan, SignIn};
    use crate::secret::Secret;
    use crate::tasks::Tasks;

    const INTERVAL: Duration = Duration::from_secs(100);

    /// A journal that this process writes, for followers in the same process.
    struct Rig {
        dir: tempfile::TempDir,
        clock: Clock,
        tasks: Tasks,
        journal: Option<OrgJournal>,
    }

    impl Rig {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let clock = Clock::manual("2026-05-06T08:00:00Z".parse().unwrap());
            let opened = journal::open(&dir.path().join("org"), Settings::default(), clock.clone()).unwrap();
            let Opened::Writer(journal) = opened else { panic!("somebody else writes") };
            Self { dir, clock, tasks: Tasks::new(), journal: Some(journal) }
        }

        fn place(&self) -> std::path::PathBuf {
            self.dir.path().join("org")
        }

        async fn polled(&self, query: &str) {
            let now = self.clock.sure();
            let bookmark = Bookmark {
                query: query.to_owned(),
                next: "/api/v1/logs?after=1".to_owned(),
                last_published: None,
                since: now,
                caught_up: true,
            };
            let polled = Some(Polled { at: now, caught_up: true, interval: INTERVAL });
            let batch = Batch { polled, bookmark: Some(bookmark), ..Batch::default() };
            self.journal.as_ref().unwrap().append(batch).await.unwrap();
        }

        async fn ends(&mut self) {
            self.journal.take().unwrap().close().await;
        }

        fn follower(&self) -> Follower {
            self.follower_by(self.clock.clone())
        }

        /// Returns a follower with its own clock, as a separate process has.
        fn follower_by(&self, clock: Clock) -> Follower {
            self.follower_of(clock, &[])
        }

        /// Returns a follower that works for the org of the journal and for others.
        fn follower_of(&self, clock: Clock, others: &[&str]) -> Follower {
            let (org, _) = OrgUrl::parse("http://127.0.0.1:9").unwrap();
            let credentials = Credentials::ssws(&Secret::new("invented")).unwrap();
            let entry = crate::journal::OrgEntry::of_folder(&self.place(), clock.clone());
            let poll = PollPlan {
                org: org.clone(),
                kinds: vec![Kind::Grant],
                topics: Vec::new(),
                interval: INTERVAL,
                lookback: Duration::from_hours(1),
                page_size: 100,
                rate_share: 1.0,
                since: None,
                to_its_start: false,
                jitter_seed: 1,
            };
            let orgs = std::iter::once(entry.org).chain(others.iter().map(|host| KnownOrg::unnamed(host)));
            let plan = |org: KnownOrg| OrgPlan {
                org,
                poll: poll.clone(),
                names: false,
                sign_in: Ok(SignIn {
                    credentials: credentials.clone(),
                    renew: None,
                    route: Route::default(),
                }),
                readiness: None,
            };
            let orgs = (0..).zip(orgs).map(|(place, org)| OrgParts::new(plan(org), place, &clock));
            let parts = Parts {
                dir: self.place(),
                keep: Settings::default(),
                orgs: orgs.collect(),
                others: Vec::new(),
                hook: None,
                team: None,
                look: Arc::new(Notify::new()),
                answers: mpsc::channel(1).0,
                clock,
                tasks: self.tasks.clone(),
            };
            let holder = std::process::id().to_string();
            let role = Role::new(State::Follows(holder.clone()));
            let reader = Reader::open(&parts.dir).unwrap();
            Follower::new(parts, reader, watch::channel(Head::default()).0, role, false, holder)
        }
    }

    fn looks(follower: &mut Follower) -> Option<Standing> {
        follower.read();
        follower.look().map(|mut standings| standings.remove(0))
    }

    #[tokio::test]
    async fn a_writer_is_silent_after_three_of_its_own_intervals_and_well_after_its_next_poll() {
        let rig = Rig::new();
        rig.polled("grant").await;
        let mut follower = rig.follower();
        let holder = std::process::id().to_string();
        let (polls, silent) = (Standing::Polls(holder.clone()), Standing::Silent(holder));
        assert_eq!(looks(&mut follower), Some(polls.clone()));
        rig.clock.advance(INTERVAL * 3);
        assert_eq!(looks(&mut follower), Some(polls.clone()));
        rig.clock.advance(Duration::from_secs(1));
        assert_eq!(looks(&mut follower), Some(silent.clone()));
        rig.polled("grant").await;
        assert_eq!(looks(&mut follower), Some(polls.clone()));
        // A follower that starts later goes by the stored time, once the writer has had time for a first poll.
        rig.clock.advance(INTERVAL * 4);
        let mut late = rig.follower();
        assert_eq!(looks(&mut late), Some(polls));
        rig.clock.advance(FIRST_POLL);
        assert_eq!(looks(&mut late), Some(silent));
    }

    #[tokio::test]
    async fn the_follower_of_the_same_events_takes_the_journal_and_another_does_not() {
        let mut rig = Rig::new();
        rig.polled("grant,revoke").await;
        let mut other = rig.follower();
        rig.polled("grant").await;
        let (mut first, mut second) = (rig.follower(), rig.follower());
        rig.polled("grant,revoke").await;
        rig.ends().await;
        let why = Why::OtherEvents { ours: "grant".to_owned(), theirs: "grant,revoke".to_owned() };
        assert_eq!(looks(&mut other), Some(Standing::Nobody(why)));
        assert!(other.role.holder().is_some());
        // Followers that ask for the same events as the journal.
        let opened = journal::open(&rig.place(), Settings::default(), rig.clock.clone()).unwrap();
        let Opened::Writer(journal) = opened else { panic!("it was free") };
        rig.journal = Some(journal);
        rig.polled("grant").await;
        rig.ends().await;
        assert_eq!(looks(&mut first), None);
        assert_eq!(first.role.holder(), None);
        let notes = first.parts.orgs[0].board.borrow().notes.clone();
        assert!(notes.all().any(|note| note.contains("this process polls")), "{notes:?}");
        // The second follower finds the lock taken.
        let holder = std::process::id().to_string();
        assert_eq!(looks(&mut second), Some(Standing::Polls(holder)));
        rig.tasks.finish(Duration::from_secs(20)).await;
    }

    #[tokio::test]
    async fn a_follower_knows_oktas_time_from_the_journal() {
        let rig = Rig::new();
        let two_days = SignedDuration::from_hours(48);
        let okta = rig.clock.now().checked_sub(two_days).unwrap();
        rig.clock.hear(okta);
        rig.polled("grant").await;
        let own = Clock::manual(rig.clock.now());
        let mut follower = rig.follower_by(own.clone());
        assert_eq!((own.ahead(), own.sure()), (None, own.now()), "nobody has said");
        follower.read();
        assert_eq!((own.ahead(), own.sure(), own.agrees()), (Some(two_days), okta, false));
        assert_eq!(follower.orgs[0].polling.of_okta(follower.orgs[0].polling.last_good), Some(okta));
        // The clock is set right, and the next poll shows it.
        let right = Clock::manual(okta);
        rig.clock.set(okta);
        rig.clock.hear(okta);
        rig.polled("grant").await;
        rig.follower_by(right.clone()).read();
        assert!(right.agrees());
        // A poll from long ago does not set the clock.
        let late = Clock::manual(okta.checked_add(SignedDuration::from_hours(1)).unwrap());
        rig.follower_by(late.clone()).read();
        assert_eq!(late.ahead(), None);
    }

    #[tokio::test]
    async fn an_org_that_the_process_that_writes_does_not_poll_is_told_alone() {
        let mut rig = Rig::new();
        rig.polled("grant").await;
        let mut follower = rig.follower_of(rig.clock.clone(), &["other.okta.com"]);
        follower.begin().unwrap();
        let holder = std::process::id().to_string();
        let (polls, not_this) = (Standing::Polls(holder.clone()), Standing::NotThisOrg(holder));
        follower.read();
        // A process that has just begun may not have noted which orgs it polls.
        assert_eq!(follower.look(), Some(vec![polls.clone(), polls.clone()]));
        rig.clock.advance(FIRST_POLL);
        let standings = follower.look().unwrap();
        assert_eq!(standings, [polls, not_this]);
        follower.tell(standings);
        let pulses: Vec<Pulse> =
            follower.parts.orgs.iter().map(|org| org.board.borrow().get(Part::Poll).clone()).collect();
        assert!(pulses[0].fault().is_none() && pulses[1].fault().is_some(), "{pulses:?}");
        // The other org is polled from the take-over on. A follower that works for fewer orgs than the process that wrote
        // lets others go first.
        rig.ends().await;
        let mut fewer = rig.follower_of(rig.clock.clone(), &[]);
        fewer.begin().unwrap();
        fewer.has_all = false;
        assert!(fewer.look().is_some());
        assert_eq!(follower.look(), None);
        rig.clock.advance(FEWER_WAIT);
        assert!(fewer.look().is_some_and(|standings| matches!(standings[0], Standing::Polls(_))));
        let writing = follower.role.set(State::Follows(String::new()));
        let State::Writes(writing) = writing else { panic!("it writes") };
        assert_eq!(writing.orgs.iter().map(|org| org.journal.org().0).collect::<Vec<_>>(), [0, 1]);
        assert!(rig.tasks.finish(Duration::from_secs(20)).await);
        // Closing waits until nobody can announce a row any more.
        drop(follower);
        writing.close().await;
    }

    #[tokio::test]
    async fn a_journal_that_was_replaced_is_not_taken() {
        let mut rig = Rig::new();
        rig.polled("grant").await;
        let mut follower = rig.follower();
        rig.ends().await;
        std::fs::rename(rig.place(), rig.dir.path().join("moved")).unwrap();
        assert_eq!(looks(&mut follower), Some(Standing::Nobody(Why::Replaced)));
        assert!(!rig.place().exists(), "nothing is made in its place");
        let opened = journal::open(&rig.place(), Settings::default(), rig.clock.clone()).unwrap();
        let Opened::Writer(journal) = opened else { panic!("it is another one") };
        // A process writes the new journal, and this follower reads nothing of it.
        assert_eq!(looks(&mut follower), Some(Standing::Nobody(Why::Replaced)));
        assert!(follower.role.holder().is_some());
        journal.close().await;
        assert_eq!(looks(&mut follower), Some(Standing::Nobody(Why::Replaced)));
        // Only the lock file is gone. A process may still hold it, though it has no name.
        std::fs::remove_dir_all(rig.place()).unwrap();
        std::fs::rename(rig.dir.path().join("moved"), rig.place()).unwrap();
        std::fs::remove_file(rig.place().join("journal.lock")).unwrap();
        assert!(matches!(looks(&mut follower), Some(Standing::Unknown(_))));
    }
}
