//! What the listener took and refused, counted, and told at a pace that a screen can follow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::consent::Consent;
use crate::journal::Commit;
use crate::report::{Board, Fault, HookDelay, HookHealth, HookRefused, Part, Pulse};

/// Counts. Clones share the counters.
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
}

/// The delay is that of so many events, the newest.
const DELAYS: usize = 1000;
/// A burst is told so often, so that nobody is woken for each delivery.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// After this long, a journal that failed is given another try by whoever asks whether we are ready.
const FAILURE_COUNTS: Duration = Duration::from_secs(10);

/// Why a request is refused, as far as it is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refused {
    Secret,
    Form,
    Size,
    Place,
    Slow,
    Journal,
}

impl Tally {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.0.changed.notify_one();
    }

    /// Notes where it listens, from now on.
    pub(super) fn listens(&self, at: String, now: Timestamp) {
        self.change(|state| {
            state.health.listens_at = Some(at);
            state.health.up_since = Some(now);
        });
    }

    /// Notes a challenge that was answered.
    pub(super) fn challenged(&self, knows_secret: bool, now: Timestamp) {
        if knows_secret {
            self.change(|state| state.health.verified = Some(now));
        }
    }

    /// Returns when somebody who knows the secret verified the hook or delivered.
    pub(super) fn verified(&self) -> Option<Timestamp> {
        self.state().health.verified
    }

    /// Notes a request that was refused.
    pub(super) fn refused(&self, why: Refused) {
        self.change(|state| {
            let HookRefused { secret, form, size, place, slow, journal } = &mut state.health.refused;
            *match why {
                Refused::Secret => secret,
                Refused::Form => form,
                Refused::Size => size,
                Refused::Place => place,
                Refused::Slow => slow,
                Refused::Journal => journal,
            } += 1;
        });
    }

    /// Notes a body that could not be read and was kept.
    pub(super) fn rejected(&self, refused: Refused) {
        self.change(|state| state.health.rejects += 1);
        self.refused(refused);
    }

    /// Notes a delivery whose events are on the disk.
    pub(super) fn delivered(&self, stored: &Stored, commit: &Commit, now: Timestamp) {
        self.change(|state| {
            state.trouble = None;
            // A row that came again has an old delay, and a batch does not say which rows those were.
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

    /// Notes that the journal did not take a delivery.
    pub(super) fn failed(&self, fault: Fault, now: Timestamp) {
        self.change(|state| state.trouble = Some((now, fault)));
    }

    /// Returns why the journal would not take a delivery either, if one failed a moment ago.
    pub(super) fn trouble(&self, now: Timestamp) -> Option<String> {
        let state = self.state();
        let (at, fault) = state.trouble.as_ref()?;
        let age: Duration = now.duration_since(*at).try_into().unwrap_or_default();
        (age < FAILURE_COUNTS).then(|| fault.brief.clone())
    }

    /// Tells what changed, for as long as somebody may look.
    pub(super) async fn tell(self, board: watch::Sender<Board>, clock: Clock) {
        loop {
            self.0.changed.notified().await;
            let (health, trouble) = {
                let mut state = self.state();
                let delays: &[Duration] = state.delays.make_contiguous();
                let delay = HookDelay::of(delays);
                state.health.delay = delay;
                (state.health.clone(), state.trouble.clone())
            };
            let pulse = match trouble {
                _ if health.listens_at.is_none() => None,
                None => Some(Pulse::Live),
                Some((at, fault)) => {
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

/// What is counted of a batch, taken before it is handed over.
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
