//! Following a journal that another process writes, and taking over when that one has ended.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::last_readiness;
use super::role::{Role, State};
use super::standing::{FIRST_POLL, Standing, Wanted, Why, named, patience};
use super::writing::{self, Parts};
use crate::journal::{self, Claimed, Head, Holder, Polling, ReadError, Reader};
use crate::report::{Part, Pulse};

/// Followers look this often whether the writer wrote; SQLite offers nothing to wait on.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);
/// They look this often whether somebody still holds the journal: well within the five seconds after which somebody
/// else must poll. It reads two small files and wakes no disk.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// After a take-over failed it is tried again this often.
const TRY_EVERY: Duration = Duration::from_secs(5);

/// What a follower knows.
pub(super) struct Follower {
    parts: Parts,
    ear: Reader,
    head: watch::Sender<Head>,
    role: Role,
    /// The file that is read, and not another one that took its place.
    file: Option<(u64, u64)>,
    is_hook_left_out: bool,
    holder: String,
    /// The uptime since which that process has been seen.
    held_since: Duration,
    version: Option<i64>,
    polling: Polling,
    /// How old the last good poll was when it was seen to be another one, and the uptime of that.
    heard: (Duration, Duration),
    probed: last_readiness::Watched,
    standing: Standing,
    tries_at: Duration,
}

impl Follower {
    /// Begins to follow a process. `is_hook_left_out` says that the configuration has an event hook and this process
    /// was told not to listen.
    pub(super) fn new(
        parts: Parts,
        ear: Reader,
        head: watch::Sender<Head>,
        role: Role,
        is_hook_left_out: bool,
        holder: String,
    ) -> Self {
        let up = parts.clock.uptime();
        Self {
            file: journal::file_id(&parts.dir),
            parts,
            ear,
            head,
            role,
            is_hook_left_out,
            standing: Standing::Polls(holder.clone()),
            holder,
            held_since: up,
            version: None,
            polling: Polling::default(),
            heard: (Duration::ZERO, up),
            probed: last_readiness::Watched::default(),
            tries_at: up,
        }
    }

    /// Follows until this process writes.
    pub(super) async fn run(mut self) {
        let (clock, nudge) = (self.parts.clock.clone(), Arc::clone(&self.parts.nudge));
        let mut looks_at = clock.uptime() + LOOK_EVERY;
        loop {
            self.read();
            if clock.uptime() >= looks_at {
                looks_at = clock.uptime() + LOOK_EVERY;
                let Some(standing) = self.look() else { return };
                self.tell(standing);
            }
            tokio::select! {
                _ = clock.sleep(FOLLOW_EVERY) => {}
                // Whoever wants the log read now wants to know whether somebody reads it.
                () = nudge.notified() => looks_at = Duration::ZERO,
            }
        }
    }

    /// Takes in what the writer wrote.
    fn read(&mut self) {
        let pulse = match self.try_read() {
            Ok(()) => Pulse::Live,
            Err(error) => Pulse::Down(error.fault()),
        };
        let readiness = self.probed.news(&self.parts.dir).map(Arc::new);
        let last_good = self.polling.last_good;
        self.parts.board.send_if_modified(|board| {
            let before = std::mem::replace(&mut board.traffic.last_good, last_good);
            let is_probed = readiness.is_some();
            board.readiness = readiness.or_else(|| board.readiness.take());
            board.set(Part::Journal, pulse) || before != last_good || is_probed
        });
    }

    fn try_read(&mut self) -> Result<(), ReadError> {
        let now = self.ear.data_version()?;
        if self.version == Some(now) {
            return Ok(());
        }
        let found = self.ear.head()?;
        self.head.send_if_modified(|head| std::mem::replace(head, found) != found);
        let before = std::mem::replace(&mut self.polling, self.ear.polling()?);
        if before.last_good != self.polling.last_good {
            // Only of what was there at the start does nobody know how long ago that was but by the clock on the wall.
            let age =
                self.polling.last_good.filter(|_| self.version.is_none()).map(|at| {
                    Duration::try_from(self.parts.clock.now().duration_since(at)).unwrap_or_default()
                });
            self.heard = (age.unwrap_or_default(), self.parts.clock.uptime());
        }
        self.version = Some(now);
        Ok(())
    }

    /// Looks who holds the journal and takes it if nobody does. Returns nothing once this process writes.
    fn look(&mut self) -> Option<Standing> {
        let up = self.parts.clock.uptime();
        match journal::holder(&self.parts.dir) {
            Ok(Holder::Process { name, is_stopped }) => {
                if name != self.holder {
                    self.changes_to(name);
                }
                let (age, at) = self.heard;
                let silence = age.saturating_add(up.saturating_sub(at));
                let is_silent = silence > patience(self.polling.interval)
                    && up.saturating_sub(self.held_since) >= FIRST_POLL;
                let holder = self.holder.clone();
                Some(match (is_stopped, is_silent) {
                    (true, _) => Standing::Stopped(holder),
                    (_, true) => Standing::Silent(holder),
                    _ => Standing::Polls(holder),
                })
            }
            Ok(Holder::Nobody) if up < self.tries_at => Some(self.standing.clone()),
            Ok(Holder::Nobody) => match self.take_over() {
                Ok(true) => None,
                // Somebody else was quicker.
                Ok(false) => Some(Standing::Polls(self.holder.clone())),
                Err(why) => Some(Standing::Nobody(why)),
            },
            Err(_) if self.is_replaced() => Some(Standing::Nobody(Why::Replaced)),
            Err(error) => Some(Standing::Unknown(Box::new(error.fault()))),
        }
    }

    /// Becomes the process that writes, exactly as one does that starts. Returns false where another became it.
    fn take_over(&mut self) -> Result<bool, Why> {
        if self.is_replaced() {
            return Err(Why::Replaced);
        }
        let stored = self.ear.bookmark().map_err(|error| Why::Failed(Box::new(error.fault())))?;
        let ours = self.parts.poll.query();
        if let Some(stored) = stored.filter(|stored| stored.query != ours) {
            return Err(Why::OtherEvents { ours, theirs: stored.query });
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
                "The event hook is unheard now: this process was started with --no-hook. Start watch or tail without \
                 it, and end this process, to hear deliveries again."
                    .to_owned(),
            );
        }
        for sentence in &words {
            tracing::warn!("{sentence}");
        }
        // A notice that finds no room is on page 6 all the same.
        self.parts.answers.try_send((words.join(" "), self.is_hook_left_out)).ok();
        self.parts.board.send_modify(|board| board.notes.writer = words);
        Ok(true)
    }

    fn is_replaced(&self) -> bool {
        journal::file_id(&self.parts.dir) != self.file
    }

    fn changes_to(&mut self, holder: String) {
        self.held_since = self.parts.clock.uptime();
        self.tries_at = self.held_since;
        drop(self.role.set(State::Follows(holder.clone())));
        self.holder = holder;
    }

    fn tell(&mut self, standing: Standing) {
        let wanted = Wanted { hook: self.parts.hook.is_some(), readiness: self.parts.readiness.is_some() };
        if self.standing != standing {
            if let Some(fault) = standing.fault(&self.holder, self.polling) {
                tracing::warn!("{fault}");
            } else {
                tracing::info!("{} polls for the journal.", named(&self.holder));
            }
        }
        self.parts.board.send_if_modified(|board| standing.tell(board, wanted, &self.holder, self.polling));
        self.standing = standing;
    }
}

/// Sets what a board says at the start of following a process.
pub(super) fn begin(parts: &Parts, holder: &str) {
    let wanted = Wanted { hook: parts.hook.is_some(), readiness: parts.readiness.is_some() };
    parts.board.send_modify(|board| {
        Standing::Polls(holder.to_owned()).tell(board, wanted, holder, Polling::default());
        board.set(Part::Journal, Pulse::Live);
    });
}
