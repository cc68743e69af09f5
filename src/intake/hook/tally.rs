//! Counts what the listener accepted and refused, and puts the counts on the board at a limited rate.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use super::ceiling::Ceiling;
use super::slots::SLOTS;
use crate::clock::Clock;
use crate::consent::Consent;
use crate::journal::Commit;
use crate::report::{Board, Fault, HookDelay, HookHealth, HookRefused, Part, Pulse};

/// The listener's counters. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    health: HookHealth,
    delays: VecDeque<Duration>,
    trouble: Option<(Timestamp, Fault)>,
    /// When a delivery last exceeded a limit, and which limit.
    excess: Option<(Timestamp, Excess)>,
    /// When a connection last found no free slot.
    crowded: Option<Timestamp>,
    /// Whether a delivery was refused since [`Tally::take_turned_away`] was last called.
    turned_away: bool,
}

/// How many of the newest events count for the delay.
const DELAYS: usize = 1000;
/// The shortest time between two updates of the board, so that a burst does not cause one for each delivery.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// How long a failure of the journal makes `/readyz` answer 503. After that, the next delivery may try again.
const FAILURE_COUNTS: Duration = Duration::from_secs(10);
/// This long after the last connection that found no free slot, the listener still counts as full.
const CROWD_COUNTS: Duration = Duration::from_secs(10);

/// The counted reasons to refuse a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refused {
    Secret,
    Form,
    Size,
    Place,
    Slow,
    Journal,
    Unconfirmed,
}

/// Which limit on rows that the log has not shown was exceeded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Excess {
    /// Rows come faster than the ceiling allows.
    Rate(Ceiling),
    /// The journal holds as many such rows as it may.
    Kept,
}

impl Tally {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.changed.notify_one();
    }

    /// Records the address at which the listener is up from now on.
    pub(super) fn listens(&self, at: String, now: Timestamp) {
        self.change(|state| {
            state.health.listens_at = Some(at);
            state.health.up_since = Some(now);
        });
    }

    /// Records that a verification challenge was answered.
    pub(super) fn challenged(&self, knows_secret: bool, now: Timestamp) {
        if knows_secret {
            self.change(|state| state.health.verified = Some(now));
        }
    }

    /// Returns when a request with the secret last verified the hook or first delivered.
    pub(super) fn verified(&self) -> Option<Timestamp> {
        self.state().health.verified
    }

    /// Counts a refused request.
    pub(super) fn refused(&self, why: Refused) {
        self.change(|state| {
            let HookRefused { secret, form, size, place, slow, journal, unconfirmed } =
                &mut state.health.refused;
            *match why {
                Refused::Secret => secret,
                Refused::Form => form,
                Refused::Size => size,
                Refused::Place => place,
                Refused::Slow => slow,
                Refused::Journal => journal,
                Refused::Unconfirmed => unconfirmed,
            } += 1;
        });
    }

    /// Records that a delivery with the secret was refused for any reason.
    pub(super) fn turned_away(&self) {
        self.state().turned_away = true;
    }

    /// Returns whether a delivery was refused since the last call.
    pub(super) fn take_turned_away(&self) -> bool {
        std::mem::take(&mut self.state().turned_away)
    }

    /// Counts a body that could not be read and was stored as a record.
    pub(super) fn rejected(&self, refused: Refused) {
        self.change(|state| state.health.rejects += 1);
        self.refused(refused);
    }

    /// Counts a delivery whose events are on the disk.
    pub(super) fn delivered(&self, stored: &Stored, commit: &Commit, now: Timestamp) {
        self.change(|state| {
            state.trouble = None;
            // A repeated row would add an old delay, and the commit does not say which rows were repeated.
            if commit.new > 0 && commit.merged + commit.repeated == 0 {
                let delays = stored.published.iter().map(|published| now.duration_since(*published));
                state.delays.extend(delays.map(|delay| delay.try_into().unwrap_or(Duration::ZERO)));
                let over = state.delays.len().saturating_sub(DELAYS);
                state.delays.drain(..over);
            }
            let health = &mut state.health;
            health.verified.get_or_insert(now);
            health.last_delivery = Some(now);
            health.deliveries += 1;
            health.received += stored.readable as u64;
            health.new += commit.new as u64;
            health.merged += commit.merged as u64;
            health.duplicates += commit.repeated as u64;
            health.rejects += stored.rejects as u64;
        });
    }

    /// Records that the journal failed to store a delivery.
    pub(super) fn failed(&self, fault: Fault, now: Timestamp) {
        self.change(|state| state.trouble = Some((now, fault)));
    }

    /// Returns why the next delivery would probably fail too, or `None` if none failed a moment ago.
    pub(super) fn trouble(&self, now: Timestamp) -> Option<String> {
        let state = self.state();
        let failed = state.trouble.as_ref().filter(|(at, _)| !is_over(*at, FAILURE_COUNTS, now));
        let excess = state.excess.filter(|(at, _)| !is_over(*at, FAILURE_COUNTS, now));
        failed.map(|(_, fault)| fault.brief.clone()).or_else(|| Some(excess?.1.fault().brief))
    }

    /// Counts a delivery that exceeded a limit on rows that the log has not shown.
    pub(super) fn exceeded(&self, excess: Excess, now: Timestamp) {
        let mut before = None;
        self.change(|state| before = state.excess.replace((now, excess)));
        // The count wakes `tell`, so the excess is set before it.
        self.refused(Refused::Unconfirmed);
        if before.is_none_or(|(at, before)| before != excess || is_over(at, FAILURE_COUNTS, now)) {
            tracing::warn!("{}", excess.fault());
        }
    }

    /// Records that a connection found no free slot, and whether another one was evicted for it.
    pub(super) fn crowded(&self, evicted: bool, now: Timestamp) {
        let mut is_new = false;
        self.change(|state| {
            state.health.evicted += u64::from(evicted);
            is_new = state.crowded.replace(now).is_none_or(|before| is_over(before, CROWD_COUNTS, now));
        });
        if is_new {
            tracing::warn!("{}", full());
        }
    }

    /// Returns the fault of a listener that is over a limit or full now, but still works.
    pub(super) fn shortage(&self, now: Timestamp) -> Option<Fault> {
        let state = self.state();
        if let Some((_, excess)) = state.excess.filter(|(at, _)| !is_over(*at, FAILURE_COUNTS, now)) {
            return Some(excess.fault());
        }
        state.crowded.filter(|at| !is_over(*at, CROWD_COUNTS, now)).map(|_| full())
    }

    /// Puts changes on the board until the task is canceled.
    pub(super) async fn tell(self, board: watch::Sender<Board>, clock: Clock) {
        let mut is_short = false;
        loop {
            tokio::select! {
                biased;
                () = self.0.changed.notified() => {}
                // A shortage ends with time, and no event may mark its end, so check for it.
                _ = clock.sleep(SHORTAGE_LOOK), if is_short => {}
            }
            let (health, trouble) = {
                let mut state = self.state();
                let delays: &[Duration] = state.delays.make_contiguous();
                let delay = HookDelay::of(delays);
                state.health.delay = delay;
                (state.health.clone(), state.trouble.clone())
            };
            let shortage = self.shortage(clock.sure());
            is_short = shortage.is_some();
            let pulse = match (trouble, shortage) {
                _ if health.listens_at.is_none() => None,
                (None, None) => Some(Pulse::Live),
                (None, Some(fault)) => Some(Pulse::Impaired(fault)),
                (Some((at, fault)), _) => {
                    Some(Pulse::Waiting(at.saturating_add(FAILURE_COUNTS).unwrap_or(at), fault))
                }
            };
            board.send_if_modified(|board| {
                let differs = std::mem::replace(&mut board.hook, health.clone()) != health;
                pulse.is_some_and(|pulse| board.set(Part::Hook, pulse)) || differs
            });
            drop(clock.sleep(TELL_EVERY).await);
        }
    }
}

/// How often to check whether a shortage is over.
const SHORTAGE_LOOK: Duration = Duration::from_secs(1);

fn is_over(at: Timestamp, counts: Duration, now: Timestamp) -> bool {
    // A clock that was set back also ends it.
    now.duration_since(at).try_into().is_ok_and(|age: Duration| age >= counts) || now < at
}

impl Excess {
    fn fault(self) -> Fault {
        let (what, doing) = match self {
            Self::Rate(Ceiling { burst, per_second }) => (
                format!(
                    "The hook brings more than {per_second} events a second that the log has not shown or that cannot \
                     be read, after {burst} at once. A large event counts as several."
                ),
                "Deliveries over that get a 503. Nothing stored is lost, and the poller fetches what the log has.",
            ),
            Self::Kept => (
                "The journal holds the maximum number of rows that only the hook delivered.".to_owned(),
                "Deliveries get a 503 until the log has shown some of these rows, or until some can be marked as \
                 doubtful and removed. Nothing that the log has shown is lost, and the poller fetches what the log \
                 has.",
            ),
        };
        let remedy = "If the poll is live, Okta did not send these: somebody else knows the secret. Create a new one, \
                      (umask 077; head -c 32 /dev/urandom | base64 > hook-secret), and set it here and in Okta.";
        Fault::new(Part::Hook, "too many unconfirmed", &what, doing, remedy).passing()
    }
}

/// Returns the fault of a listener whose slots are all taken.
fn full() -> Fault {
    Fault::new(
        Part::Hook,
        "full",
        &format!("All {SLOTS} connections of the hook's listener are in use."),
        "New ones are still accepted: each closes the connection that is idle longest or has sent no complete \
         request; deliveries in progress are finished.",
        "If this lasts, let only Okta's addresses reach the listener, or have the proxy keep fewer connections open.",
    )
    .passing()
}

/// The counts of a batch, taken before the journal gets it.
#[derive(Debug)]
pub(super) struct Stored {
    readable: usize,
    published: Vec<Timestamp>,
    rejects: usize,
}

impl Stored {
    pub(super) fn of(consents: &[Consent], rejects: usize) -> Self {
        let published = consents.iter().filter_map(|consent| consent.published).collect();
        Self { readable: consents.len(), published, rejects }
    }
}
