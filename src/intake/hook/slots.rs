//! Limits the listener's connections, and picks the one to close when a new one needs its slot.
//!
//! Having shown the secret counts for a connection, never for an address: behind a proxy, Okta and strangers share one.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// The most connections at a time. Okta uses few.
pub(super) const SLOTS: usize = 256;
/// How long a new connection may take until the head of its first request is complete, TLS handshake included.
const FIRST_WITHIN: Duration = Duration::from_secs(5);
/// How long a connection may be idle between requests. It is longer, because proxies keep connections open for a while.
const NEXT_WITHIN: Duration = Duration::from_secs(30);
/// A connection answered this recently counts as in use: closing it could cut off a delivery already on its way.
const IN_USE: Duration = Duration::from_secs(2);

/// While all slots are taken, a connection without a request can be evicted only after this long. In a burst
/// of good connections the late ones wait, and do not evict the early ones.
const GRACE: Duration = Duration::from_millis(500);
/// If all slots stay taken for longer than this, it is a flood, not a burst, and [`GRACE`] no longer applies.
const BURST: Duration = Duration::from_secs(1);
/// How often a waiting connection checks again for a slot.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// All connections that are open.
#[derive(Debug, Default)]
pub(super) struct Slots {
    open: Mutex<Open>,
    next: AtomicU64,
    /// Notified when a slot may be free or may be evicted.
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Open {
    /// The slots, oldest first.
    slots: Vec<Arc<Slot>>,
    /// The uptimes at which all slots were first and last taken in the current run of being full.
    full: Option<(Duration, Duration)>,
}

impl Open {
    /// Records that all slots are taken. A connection without a request can be evicted if it began no later
    /// than the uptime that is returned.
    fn is_full(&mut self, now: Duration) -> Duration {
        let since = match self.full {
            Some((since, last)) if now.saturating_sub(last) < BURST => since,
            _ => now,
        };
        self.full = Some((since, now));
        if now.saturating_sub(since) < BURST { now.saturating_sub(GRACE) } else { now }
    }
}

/// The result of asking for a slot.
#[derive(Debug)]
enum Entry {
    /// A slot was free.
    Free(Taken),
    /// Another connection was closed for it.
    MadeRoom(Taken),
    /// No connection can be evicted now: each has a delivery in progress, or is too new or not read yet.
    Wait,
}

/// Holds a slot until it is dropped.
#[derive(Debug)]
pub(super) struct Taken {
    slots: Arc<Slots>,
    pub(super) slot: Arc<Slot>,
}

/// The state of a connection that decides whether it may stay.
#[derive(Debug)]
pub(super) struct Slot {
    /// A number that rises with each connection.
    number: u64,
    clock: Clock,
    begun: Duration,
    requests: AtomicUsize,
    under_way: AtomicUsize,
    idle_since_us: AtomicU64,
    is_proven: AtomicBool,
    /// Whether the connection was polled at least once, so that the data which had arrived was read.
    was_read: AtomicBool,
    changed: Arc<Notify>,
    /// Fires when the slot is given to another connection.
    pub(super) evicted: CancellationToken,
    /// Notified when the connection must end after the answers in progress.
    pub(super) last_answer: Notify,
}

/// The order in which slots are evicted, lowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Rank {
    /// Idle since this time, in microseconds of uptime.
    Idle(u64),
    /// No request on it has shown the secret, and one is in progress, for example a body that is being discarded.
    /// Ordered by number.
    Unproven(u64),
    /// No complete head of a request came yet. Ordered by number, so oldest first.
    NoHead(u64),
    /// Idle, but answered a moment ago.
    JustAnswered(u64),
}

impl Slots {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a new connection a slot, evicting another connection if necessary. If all slots are taken, calls `full`
    /// with whether a connection was evicted. Waits while no connection can be evicted; deliveries have their own time
    /// limit. Costs O(slots) when all slots are taken.
    pub(super) async fn enter(self: &Arc<Self>, clock: &Clock, full: impl Fn(bool)) -> Taken {
        let mut has_told = false;
        loop {
            match self.try_enter(clock) {
                Entry::Free(taken) => return taken,
                Entry::MadeRoom(taken) => {
                    full(true);
                    return taken;
                }
                Entry::Wait => {
                    if !std::mem::replace(&mut has_told, true) {
                        full(false);
                    }
                    tokio::select! {
                        () = self.changed.notified() => {}
                        _ = clock.sleep(LOOK_AGAIN) => {}
                    }
                }
            }
        }
    }

    fn try_enter(self: &Arc<Self>, clock: &Clock) -> Entry {
        let now = clock.uptime();
        let mut open = self.open();
        let mut made_room = false;
        if open.slots.len() >= SLOTS {
            let begun_by = open.is_full(now);
            let slots = open.slots.iter().enumerate();
            let ranked = slots.filter_map(|(index, slot)| Some((slot.rank(now, begun_by)?, index)));
            let Some((_, index)) = ranked.min() else { return Entry::Wait };
            open.slots.remove(index).evicted.cancel();
            made_room = true;
        }
        let slot = Arc::new(Slot {
            number: self.next.fetch_add(1, Ordering::Relaxed),
            clock: clock.clone(),
            begun: now,
            requests: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            idle_since_us: AtomicU64::new(us(now)),
            is_proven: AtomicBool::new(false),
            was_read: AtomicBool::new(false),
            changed: Arc::clone(&self.changed),
            evicted: CancellationToken::new(),
            last_answer: Notify::new(),
        });
        open.slots.push(Arc::clone(&slot));
        let taken = Taken { slots: Arc::clone(self), slot };
        if made_room { Entry::MadeRoom(taken) } else { Entry::Free(taken) }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut open = self.slots.open();
        if let Ok(index) = open.slots.binary_search_by_key(&self.slot.number, |slot| slot.number) {
            open.slots.remove(index);
        }
        self.slots.changed.notify_one();
    }
}

impl Slot {
    /// Returns the slot's rank for eviction. Returns `None` if it cannot be evicted now: a request is in
    /// progress on a connection that showed the secret; or no request came yet, and the connection began
    /// after `begun_by` or was not read.
    fn rank(&self, now: Duration, begun_by: Duration) -> Option<Rank> {
        if self.requests.load(Ordering::Relaxed) == 0 {
            let had_time = self.begun <= begun_by && self.was_read.load(Ordering::Relaxed);
            return had_time.then_some(Rank::NoHead(self.number));
        }
        if self.under_way.load(Ordering::Relaxed) > 0 {
            return (!self.is_proven.load(Ordering::Relaxed)).then_some(Rank::Unproven(self.number));
        }
        let since = self.idle_since_us.load(Ordering::Relaxed);
        let is_in_use = us(now).saturating_sub(since) < us(IN_USE);
        Some(if is_in_use { Rank::JustAnswered(since) } else { Rank::Idle(since) })
    }

    /// Records that the data received so far on the connection was read.
    pub(super) fn read(&self) {
        if !self.was_read.swap(true, Ordering::Relaxed) {
            self.changed.notify_one();
        }
    }

    /// Records that a request on this connection showed the secret.
    pub(super) fn prove(&self) {
        self.is_proven.store(true, Ordering::Relaxed);
    }

    /// Returns whether an evicted connection may still have an answer to send that is worth waiting for.
    pub(super) fn is_owed_an_answer(&self) -> bool {
        let is_at_work = self.under_way.load(Ordering::Relaxed) > 0;
        self.requests.load(Ordering::Relaxed) > 0 && (!is_at_work || self.is_proven.load(Ordering::Relaxed))
    }

    /// Makes the connection end once the answers in progress are sent.
    pub(super) fn end_after_answer(&self) {
        self.last_answer.notify_one();
    }

    /// Returns the uptime until which the connection may stay without another request, or `None` while one is in
    /// progress.
    pub(super) fn until(&self) -> Option<Duration> {
        let within = if self.requests.load(Ordering::Relaxed) == 0 { FIRST_WITHIN } else { NEXT_WITHIN };
        let since = Duration::from_micros(self.idle_since_us.load(Ordering::Relaxed));
        (self.under_way.load(Ordering::Relaxed) == 0).then(|| since + within)
    }

    /// Counts a request as in progress until the returned guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }
}

/// A guard for a request in progress.
#[derive(Debug)]
pub(super) struct UnderWay(pub(super) Arc<Slot>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.idle_since_us.store(us(self.0.clock.uptime()), Ordering::Relaxed);
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
        self.0.changed.notify_one();
    }
}

fn us(up: Duration) -> u64 {
    u64::try_from(up.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    struct Rig {
        clock: Clock,
        slots: Arc<Slots>,
        taken: Vec<Taken>,
    }

    impl Rig {
        fn new() -> Self {
            Self { clock: Clock::manual(Timestamp::UNIX_EPOCH), slots: Arc::default(), taken: Vec::new() }
        }

        /// Opens connections that send nothing.
        fn fill(&mut self, to: usize) {
            while self.taken.len() < to {
                self.clock.advance(Duration::from_millis(10));
                let Entry::Free(taken) = self.slots.try_enter(&self.clock) else { panic!("there is room") };
                taken.slot.read();
                self.taken.push(taken);
            }
        }

        /// Opens one more connection and returns the index of the evicted one.
        fn crowd(&mut self) -> Option<usize> {
            self.clock.advance(Duration::from_millis(10));
            let entry = self.slots.try_enter(&self.clock);
            let gone = self.taken.iter().position(|taken| taken.slot.evicted.is_cancelled());
            match entry {
                Entry::MadeRoom(taken) => {
                    assert_eq!(self.slots.open().slots.len(), SLOTS);
                    taken.slot.read();
                    self.taken.push(taken);
                    drop(self.taken.remove(gone.expect("one went")));
                    gone
                }
                Entry::Wait => {
                    assert_eq!(gone, None);
                    None
                }
                Entry::Free(_) => panic!("all slots are taken"),
            }
        }

        /// Begins and ends a request on a connection.
        fn answer(&self, index: usize, is_proven: bool) {
            let under_way = self.taken[index].slot.begin();
            if is_proven {
                under_way.0.prove();
            }
        }
    }

    #[test]
    fn the_longest_idle_goes_first_then_the_oldest_without_a_head() {
        let mut rig = Rig::new();
        rig.fill(SLOTS);
        rig.answer(7, true);
        rig.clock.advance(Duration::from_secs(1));
        rig.answer(3, true);
        rig.clock.advance(IN_USE);
        assert_eq!(rig.crowd(), Some(7));
        assert_eq!(rig.crowd(), Some(3));
        assert_eq!(rig.crowd(), Some(0), "the oldest that sent nothing");
    }

    #[test]
    fn a_connection_in_use_stays_while_others_hold_slots_for_nothing() {
        let mut rig = Rig::new();
        rig.fill(SLOTS);
        rig.answer(0, true);
        assert_eq!(rig.crowd(), Some(1), "the first was answered this very moment");
        let body = rig.taken[200].slot.begin();
        assert_eq!(rig.crowd(), Some(200), "a request without the secret");
        drop(body);
        // All within the time in which the first one counts as in use.
        for _ in 0..150 {
            assert_ne!(rig.crowd(), Some(0));
        }
    }

    #[test]
    fn a_burst_waits_its_turn_and_a_flood_does_not() {
        let mut rig = Rig::new();
        rig.clock.advance(Duration::from_secs(1));
        for _ in 0..SLOTS {
            // All at the same moment.
            let Entry::Free(taken) = rig.slots.try_enter(&rig.clock) else { panic!("there is room") };
            taken.slot.read();
            rig.taken.push(taken);
        }
        let waits = |rig: &Rig| matches!(rig.slots.try_enter(&rig.clock), Entry::Wait);
        assert!(waits(&rig), "they came this very moment");
        rig.clock.advance(GRACE / 2);
        assert!(waits(&rig));
        rig.clock.advance(GRACE / 2);
        for _ in 0..10 {
            let Entry::MadeRoom(taken) = rig.slots.try_enter(&rig.clock) else {
                panic!("they had their time")
            };
            taken.slot.read();
            rig.taken.push(taken);
            rig.clock.advance(BURST / 10);
        }
        // All slots have been taken for longer than a burst.
        for _ in 0..2 * SLOTS {
            let Entry::MadeRoom(taken) = rig.slots.try_enter(&rig.clock) else {
                panic!("nobody has time now")
            };
            taken.slot.read();
            rig.taken.push(taken);
        }
    }

    #[test]
    fn what_a_connection_brought_is_read_before_it_has_to_go() {
        let mut rig = Rig::new();
        rig.fill(SLOTS - 1);
        let Entry::Free(new) = rig.slots.try_enter(&rig.clock) else { panic!("there is room") };
        for n in 0..SLOTS - 1 {
            assert_eq!(rig.crowd(), Some(0), "{n}");
            // The new connection has not been read either.
            rig.taken.last().unwrap().slot.was_read.store(false, Ordering::Relaxed);
        }
        assert_eq!(rig.crowd(), None);
        assert!(!new.slot.evicted.is_cancelled());
    }

    #[tokio::test]
    async fn deliveries_under_way_are_never_cut_and_one_more_waits() {
        let mut rig = Rig::new();
        rig.fill(SLOTS);
        let mut deliveries: Vec<UnderWay> = rig.taken.iter().map(|taken| taken.slot.begin()).collect();
        for delivery in &deliveries {
            delivery.0.prove();
        }
        assert_eq!(rig.crowd(), None);
        let told = std::cell::RefCell::new(Vec::new());
        let (slots, clock) = (Arc::clone(&rig.slots), rig.clock.clone());
        let mut waits = Box::pin(slots.enter(&clock, |made_room| told.borrow_mut().push(made_room)));
        assert!(futures_util::poll!(waits.as_mut()).is_pending());
        assert!(futures_util::poll!(waits.as_mut()).is_pending());
        drop(deliveries.remove(9));
        assert!(futures_util::poll!(waits.as_mut()).is_ready());
        assert!(rig.taken[9].slot.evicted.is_cancelled(), "answered, if a moment ago");
        assert_eq!(*told.borrow(), [false, true]);
    }

    #[test]
    fn a_slot_is_free_again_when_its_connection_ends() {
        let mut rig = Rig::new();
        rig.fill(SLOTS);
        rig.taken.truncate(SLOTS - 2);
        rig.fill(SLOTS);
        assert_eq!(rig.slots.open().slots.len(), SLOTS);
    }
}
