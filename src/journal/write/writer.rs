//! The thread that writes, and the handle to it.

use std::io;
use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, watch};

use super::store::Store;
use crate::clock::{Clock, apart};
use crate::consent::{KnownOrg, OrgId};
use crate::journal::batch::{Batch, Commit, Head};
use crate::journal::clean::Pace;
use crate::journal::error::AppendError;
use crate::journal::lock::Lock;
use crate::journal::paths::folder_name;
use crate::journal::place::Place;

/// A journal that this process writes. Clones share one writer, which ends when the last is dropped or one is closed.
///
/// What is appended belongs to an org, so only an [`OrgJournal`] appends.
#[derive(Clone, Debug)]
pub struct Journal {
    requests: mpsc::Sender<Request>,
    head: watch::Receiver<Head>,
    notes: watch::Receiver<Vec<String>>,
    place: Option<Arc<Place>>,
    orgs: Arc<[OrgState]>,
}

/// What the writer says of an org.
#[derive(Debug)]
struct OrgState {
    org: OrgId,
    is_full_of_unconfirmed: AtomicBool,
}

/// An org that a writer works for.
#[derive(Clone, Debug)]
pub struct OrgEntry {
    /// What identifies the org, and what people see.
    pub org: KnownOrg,
    /// The clock that hears the org's time.
    pub clock: Clock,
}

impl OrgEntry {
    /// Returns the entry for the org that gave a journal's folder its name.
    pub fn of_folder(dir: &Path, clock: Clock) -> Self {
        let folder = folder_name(dir);
        let org = KnownOrg { key: (&*folder).into(), host: (&*folder).into(), name: None };
        Self { org, clock }
    }
}

/// Appends to the journal what one org gave.
#[derive(Clone, Debug)]
pub struct OrgJournal {
    journal: Journal,
    org: OrgId,
}

#[derive(Debug)]
enum Request {
    Append(OrgId, Box<Batch>, oneshot::Sender<Answer>),
    Close,
}

/// The result of a batch, and the batch itself: the thread that allocated it also frees it, which needs no lock between
/// the two threads.
type Answer = (Result<Commit, AppendError>, Box<Batch>);

/// The most batches that wait, of at most a thousand events each. The poller sends one at a time, so the others are
/// deliveries: more than a slow disk can store within Okta's three seconds.
const QUEUE: usize = 64;
/// The most events that one transaction takes from the queue, so that the first batch does not wait for all of them.
const GROUP_EVENTS: usize = 4000;
/// A pause this long triggers a checkpoint.
const IDLE: Duration = Duration::from_secs(1);
/// The first pruning waits this long, so that it does not slow down the start.
const FIRST_PRUNE: Duration = Duration::from_mins(1);
const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// If this machine's clock is wrong, judging waits this long after Okta's first answer. Every row that came
/// before that answer is then at least this old.
const UNSURE: Duration = Duration::from_mins(10);
/// People see a note when nothing was removed by age for this long.
const SUSPENDED_TOLD: Duration = Duration::from_hours(24);
/// The pause between two steps of cleaning, so that it takes no more than half a core.
const CLEAN_EVERY: Duration = Duration::from_millis(10);
/// The pause while a thread or a reader has to finish first.
const CLEAN_AGAIN: Duration = Duration::from_secs(1);
/// The pause between two steps in which rows of an earlier format get checksums: a tenth of a core, until all have one.
const SEAL_EVERY: Duration = Duration::from_millis(50);
/// How often pruning runs while there are too many rows that only a hook has brought.
const CROWDED_PRUNE_EVERY: Duration = Duration::from_mins(1);

impl Journal {
    /// Starts the writer's thread for some orgs, which holds the lock until it ends. Publishes the journal's head
    /// through `tell`, at once and on every change.
    pub(in crate::journal) fn start(
        store: Store,
        clock: Clock,
        lock: Lock,
        tell: watch::Sender<Head>,
        entries: impl Iterator<Item = (OrgId, OrgEntry)>,
    ) -> io::Result<Self> {
        let (requests, queue) = mpsc::channel(QUEUE);
        tell.send_if_modified(|told| std::mem::replace(told, store.head()) != store.head());
        let head = tell.subscribe();
        let orgs: Vec<WorkedOrg> = entries.map(|(id, entry)| WorkedOrg::new(id, entry)).collect();
        let states = orgs.iter().map(|org| OrgState {
            org: org.id,
            is_full_of_unconfirmed: AtomicBool::new(store.is_full_of_unconfirmed(org.id)),
        });
        let states: Arc<[OrgState]> = states.collect();
        let (say, notes) = watch::channel(Vec::new());
        // The thread waits for a batch or for a time, whichever comes first. That needs an async runtime of its own.
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let looked = clock.uptime();
        let first_prune = looked + FIRST_PRUNE;
        let place = store.place.clone();
        let next_clean = if store.cleaning.is_some() { Duration::ZERO } else { Duration::MAX };
        let next_seal = if store.is_unsealed() { first_prune } else { Duration::MAX };
        let writer = Writer {
            store,
            queue,
            tell,
            states: Arc::clone(&states),
            orgs,
            clock,
            dirty_since: None,
            next_prune: first_prune,
            next_seal,
            next_clean,
            looked,
            notes: say,
        };
        thread::Builder::new().name("journal".to_owned()).spawn(move || writer.run(&runtime, lock))?;
        Ok(Self { requests, head, notes, place, orgs: states })
    }

    /// Returns the handles of the orgs that the journal was opened for, in the order of its entries.
    pub fn orgs(&self) -> impl Iterator<Item = OrgJournal> {
        self.orgs.iter().map(|state| OrgJournal { journal: self.clone(), org: state.org })
    }

    /// Returns a channel with the journal's head. It closes when the writer ends.
    pub fn head(&self) -> watch::Receiver<Head> {
        self.head.clone()
    }

    /// Returns a channel with the notes that people should see although the journal works. It closes when the writer
    /// ends.
    pub fn notes(&self) -> watch::Receiver<Vec<String>> {
        self.notes.clone()
    }

    /// Checks that the open files are still the ones in the journal's folder. Takes some microseconds.
    ///
    /// # Errors
    /// A file is missing or was replaced. Nothing is stored while that is so.
    pub fn in_place(&self) -> Result<(), AppendError> {
        self.place.as_ref().map_or(Ok(()), |place| place.check()).map_err(AppendError::Gone)
    }

    /// Returns whether nothing can be appended any more.
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Stores the batches handed over before, ends the writer for every clone, and returns when the lock is free.
    pub async fn close(&self) {
        let mut head = self.head.clone();
        // If it is closed already, only the end of the writer is left to wait for.
        self.requests.send(Request::Close).await.ok();
        while head.changed().await.is_ok() {}
    }
}

impl OrgJournal {
    /// Returns the number of the org.
    pub fn org(&self) -> OrgId {
        self.org
    }

    /// Stores a batch and returns once all of it is on the disk. After an error, none of it counts as stored.
    ///
    /// A batch that was handed over is written even if the caller stops waiting.
    pub async fn append(&self, batch: Batch) -> Result<Commit, AppendError> {
        let (answer, result) = oneshot::channel();
        let request = Request::Append(self.org, Box::new(batch), answer);
        self.requests.send(request).await.map_err(|_| AppendError::Closed)?;
        let (result, batch) = result.await.map_err(|_| AppendError::Closed)?;
        drop(batch);
        result
    }

    /// Returns whether the org's maximum number of rows delivered only by a hook is reached. New deliveries should wait
    /// then; the log's own records of them are always stored.
    pub fn is_full_of_unconfirmed(&self) -> bool {
        let own = self.journal.orgs.iter().find(|state| state.org == self.org);
        own.is_some_and(|own| own.is_full_of_unconfirmed.load(Ordering::Relaxed))
    }
}

impl Deref for OrgJournal {
    type Target = Journal;

    fn deref(&self) -> &Journal {
        &self.journal
    }
}

struct Writer {
    store: Store,
    queue: mpsc::Receiver<Request>,
    tell: watch::Sender<Head>,
    states: Arc<[OrgState]>,
    orgs: Vec<WorkedOrg>,
    /// Only for waiting.
    clock: Clock,
    dirty_since: Option<Duration>,
    next_prune: Duration,
    /// When rows of an earlier format get their next checksums.
    next_seal: Duration,
    /// When the next step of cleaning is due.
    next_clean: Duration,
    /// The uptime of the last check whether rows may be removed by age.
    looked: Duration,
    notes: watch::Sender<Vec<String>>,
}

/// An org that this process works for.
struct WorkedOrg {
    id: OrgId,
    /// What people call it.
    label: String,
    /// The clock that hears its time.
    clock: Clock,
    /// Whether the log was read to its end, or the program listened for the hook, since rows were judged.
    judge: bool,
    /// The uptime since which its time is known.
    heard_since: Option<Duration>,
    /// The note about removal by age that has been suspended for long.
    suspended: Option<String>,
}

impl WorkedOrg {
    fn new(id: OrgId, entry: OrgEntry) -> Self {
        let OrgEntry { org, clock } = entry;
        let label = org.label().to_owned();
        Self { id, label, clock, judge: false, heard_since: None, suspended: None }
    }

    /// Returns the time if this machine's clock and Okta's agree on it.
    fn agreed(&self) -> Option<Timestamp> {
        self.clock.agrees().then(|| self.clock.now())
    }

    /// Returns whether rows can be judged by their times. Okta must have told its time. If this machine's clock is
    /// wrong, ten more minutes must have passed, so that the rows from before are old enough by either clock.
    fn may_judge(&mut self, now: Duration) -> bool {
        if self.clock.ahead().is_none() {
            return false;
        }
        let heard_since = *self.heard_since.get_or_insert(now);
        self.clock.agrees() || now.saturating_sub(heard_since) >= UNSURE
    }
}

/// A batch that waits to be written.
struct Waiting {
    org: OrgId,
    batch: Box<Batch>,
    answer: oneshot::Sender<Answer>,
}

impl Writer {
    fn run(mut self, runtime: &Runtime, lock: Lock) {
        loop {
            let due = match self.dirty_since {
                _ if self.orgs.iter().any(|org| org.judge) => Duration::ZERO,
                Some(since) => self.next_prune.min(self.next_seal).min(self.next_clean).min(since + IDLE),
                None => self.next_prune.min(self.next_seal).min(self.next_clean),
            };
            let woken = runtime.block_on(async {
                tokio::select! {
                    biased;
                    request = self.queue.recv() => Ok(request),
                    woken = self.clock.sleep_until(due) => Err(woken),
                }
            });
            match woken {
                Ok(Some(Request::Append(org, batch, answer))) => {
                    if !self.take(Waiting { org, batch, answer }) {
                        break;
                    }
                }
                Ok(Some(Request::Close) | None) => break,
                Err(_awake) => self.do_due_work(),
            }
        }
        // A batch that was queued after the close gets no answer: its sender sees the answer's channel close.
        self.queue.close();
        let Self { store, tell, queue, .. } = self;
        store.close();
        drop(lock);
        drop(queue);
        // [`Journal::close`] waits for the channel of the head to close.
        drop(tell);
    }

    /// Writes a batch together with those that wait behind it, and returns whether the writer should continue.
    fn take(&mut self, first: Waiting) -> bool {
        let mut events = first.batch.consents.len();
        let mut group = vec![first];
        let mut go_on = true;
        while events < GROUP_EVENTS {
            match self.queue.try_recv() {
                Ok(Request::Append(org, batch, answer)) => {
                    events += batch.consents.len();
                    group.push(Waiting { org, batch, answer });
                }
                Ok(Request::Close) => {
                    go_on = false;
                    break;
                }
                Err(_) => break,
            }
        }
        for org in &mut self.orgs {
            org.judge |= group.iter().any(|Waiting { org: of, batch, .. }| {
                let is_read = batch.polled.is_some_and(|polled| polled.caught_up);
                *of == org.id && (batch.listening.is_some() || is_read)
            });
        }
        self.write(group);
        if self.store.is_crowded() {
            self.next_prune = self.next_prune.min(self.clock.uptime() + CROWDED_PRUNE_EVERY);
        }
        if let Err(error) = self.store.train_when_due() {
            tracing::warn!(%error, "No dictionary was trained.");
        }
        go_on
    }

    fn write(&mut self, mut group: Vec<Waiting>) {
        for WorkedOrg { id, clock, .. } in &self.orgs {
            let ahead = clock.ahead().filter(|_| !clock.agrees()).unwrap_or_default();
            self.store.ahead_ms.insert(*id, i64::try_from(ahead.as_millis()).unwrap_or(0));
        }
        match self.store.append(group.iter().map(|waiting| (waiting.org, &*waiting.batch))) {
            Ok(commits) => {
                // The head changes first: a caller may read it as soon as its batch is answered.
                self.tell_head();
                for (Waiting { batch, answer, .. }, commit) in group.into_iter().zip(commits) {
                    // The caller may have stopped waiting. The batch is stored all the same.
                    answer.send((Ok(commit), batch)).ok();
                }
            }
            Err(error) => match group.pop() {
                Some(Waiting { batch, answer, .. }) if group.is_empty() => {
                    answer.send((Err(error), batch)).ok();
                }
                // One of the batches may be the cause. Each is written by itself, so that the others are stored.
                last => {
                    for waiting in group.into_iter().chain(last) {
                        self.write(vec![waiting]);
                    }
                }
            },
        }
        self.dirty_since = Some(self.clock.uptime());
    }

    fn do_due_work(&mut self) {
        let now = self.clock.uptime();
        if self.dirty_since.is_some_and(|since| since + IDLE <= now) {
            self.dirty_since = None;
            if let Err(error) = self.store.checkpoint() {
                tracing::warn!(%error, "A checkpoint of the journal failed; this is tried again at the next pause.");
            }
        }
        self.judge(now);
        if self.next_clean <= now {
            self.next_clean = match self.store.clean_some() {
                Ok(Pace::Soon) => now + CLEAN_EVERY,
                Ok(Pace::Later) => now + CLEAN_AGAIN,
                Ok(Pace::Blocked) => now + PRUNE_EVERY,
                Ok(Pace::Done) => Duration::MAX,
                Err(error) => {
                    tracing::warn!(%error, "Secrets of earlier events could not be removed; this is tried again in an hour.");
                    now + PRUNE_EVERY
                }
            };
            self.tell_head();
            self.tell_notes();
        }
        if self.next_seal <= now {
            self.next_seal = match self.store.seal_some() {
                Ok(true) => now + SEAL_EVERY,
                Ok(false) => Duration::MAX,
                Err(error) => {
                    tracing::warn!(%error, "Rows could not be given checksums; this is tried again in an hour.");
                    now + PRUNE_EVERY
                }
            };
        }
        if self.next_prune <= now {
            let agreed = self.agreed();
            match self.store.prune_bounded_some(agreed) {
                // Pruning continues at once, but after the batches that came meanwhile.
                Ok(true) => self.tell_head(),
                Ok(false) => {
                    self.tell_suspended(now);
                    self.next_prune = now + PRUNE_EVERY;
                }
                Err(error) => {
                    tracing::warn!(%error, "Old rows could not be removed; this is tried again in an hour.");
                    self.next_prune = now + PRUNE_EVERY;
                }
            }
        }
    }

    /// Judges some rows of each org whose rows have to be and can be judged.
    fn judge(&mut self, now: Duration) {
        let mut is_judged = false;
        for org in self.orgs.iter_mut().filter(|org| org.judge) {
            org.judge = org.may_judge(now);
            if !org.judge {
                continue;
            }
            match self.store.judge_some(org.id) {
                Ok(more) => {
                    org.judge = more;
                    is_judged = true;
                }
                Err(error) => {
                    tracing::warn!(%error, "The log and the hook could not be compared; this is tried again after the next poll.");
                    org.judge = false;
                }
            }
        }
        if is_judged {
            self.tell_head();
        }
    }

    /// Returns for each org the time on which this machine's clock and Okta's agree. For an org that this process does
    /// not work for, the clocks of all others must agree.
    fn agreed(&self) -> impl Fn(OrgId) -> Option<Timestamp> + use<> {
        let own: Vec<(OrgId, Option<Timestamp>)> =
            self.orgs.iter().map(|org| (org.id, org.agreed())).collect();
        let all: Option<Vec<Timestamp>> = own.iter().map(|(_, agreed)| *agreed).collect();
        let others = all.and_then(|all| all.into_iter().min());
        move |org| own.iter().find(|(id, _)| *id == org).map_or(others, |(_, agreed)| *agreed)
    }

    /// Updates the notes that nothing of an org is removed by age, which appear after a day of this process and those
    /// before it.
    fn tell_suspended(&mut self, now: Duration) {
        let passed = now.saturating_sub(std::mem::replace(&mut self.looked, now));
        let is_several = self.orgs.len() > 1;
        for org in &mut self.orgs {
            let is_long = match self.store.note_suspended(org.id, !org.clock.agrees(), passed) {
                Ok(length) => length >= SUSPENDED_TOLD,
                Err(error) => {
                    tracing::warn!(%error, "The time without removal by age could not be stored.");
                    continue;
                }
            };
            let why = match org.clock.ahead() {
                Some(ahead) => format!("this machine's clock is {} Okta's", apart(ahead)),
                None => "Okta has not told its time since this program started".to_owned(),
            };
            let whose = if is_several { format!("{}: ", org.label) } else { String::new() };
            let note = format!(
                "{whose}Nothing has been removed by age for more than a day: {why}. Correct the clock, or remove old rows \
                 by hand: consentwatch prune --yes."
            );
            org.suspended = is_long.then_some(note);
        }
        self.tell_notes();
    }

    fn tell_notes(&self) {
        let cleaning = self.store.cleaning_note().map(str::to_owned);
        let suspended = self.orgs.iter().filter_map(|org| org.suspended.clone());
        let notes: Vec<String> = suspended.chain(cleaning).collect();
        self.notes.send_if_modified(|told| std::mem::replace(told, notes.clone()) != notes);
    }

    fn tell_head(&self) {
        for state in &*self.states {
            let is_full = self.store.is_full_of_unconfirmed(state.org);
            state.is_full_of_unconfirmed.store(is_full, Ordering::Relaxed);
        }
        let head = self.store.head();
        self.tell.send_if_modified(|told| std::mem::replace(told, head) != head);
    }
}
