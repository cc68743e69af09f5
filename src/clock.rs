//! The only place that asks the time. The system's, or one that a test moves by hand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::oneshot;

/// Tells the time and waits. Clones share one time.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System(Instant),
    Manual(Arc<Mutex<Manual>>),
}

#[derive(Debug)]
struct Manual {
    start: Timestamp,
    up: Duration,
    sleepers: BTreeMap<(Duration, u64), oneshot::Sender<Woken>>,
    next: u64,
    woken: Arc<()>,
}

/// Held by a sleeper from the moment it was woken until it says that it is at work.
#[derive(Debug)]
pub struct Woken(#[expect(dead_code, reason = "only its drop matters")] Option<Arc<()>>);

impl Clock {
    /// The system's clock; its uptime begins now.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn system() -> Self {
        Self(Source::System(Instant::now()))
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(Manual {
            start,
            up: Duration::ZERO,
            sleepers: BTreeMap::new(),
            next: 0,
            woken: Arc::new(()),
        }))))
    }

    /// The wall clock, in whole milliseconds. It may jump; wait by [`Clock::uptime`].
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn now(&self) -> Timestamp {
        let exact = match &self.0 {
            Source::System(_) => Timestamp::now(),
            Source::Manual(manual) => {
                let manual = manual.lock().unwrap_or_else(PoisonError::into_inner);
                manual.start.saturating_add(manual.up).unwrap_or(manual.start)
            }
        };
        Timestamp::from_millisecond(exact.as_millisecond()).unwrap_or(exact)
    }

    /// Time since the clock was made; never goes back.
    pub fn uptime(&self) -> Duration {
        match &self.0 {
            Source::System(start) => start.elapsed(),
            Source::Manual(manual) => manual.lock().unwrap_or_else(PoisonError::into_inner).up,
        }
    }

    /// Waits until the uptime has come. The value returned marks the sleeper as awake until it is dropped, so that a
    /// test which moved the time can tell that somebody is still about to act on it.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub async fn sleep_until(&self, up: Duration) -> Woken {
        match &self.0 {
            Source::System(start) => {
                tokio::time::sleep(up.saturating_sub(start.elapsed())).await;
                Woken(None)
            }
            Source::Manual(manual) => {
                let wait = {
                    let mut manual = manual.lock().unwrap_or_else(PoisonError::into_inner);
                    if manual.up >= up {
                        return Woken(None);
                    }
                    let (wake, wait) = oneshot::channel();
                    let number = manual.next;
                    manual.next += 1;
                    manual.sleepers.insert((up, number), wake);
                    wait
                };
                wait.await.unwrap_or(Woken(None))
            }
        }
    }

    /// Waits for a length of time.
    pub async fn sleep(&self, length: Duration) -> Woken {
        self.sleep_until(self.uptime().saturating_add(length)).await
    }

    /// Moves a manual clock and wakes whoever waited for a time up to there. Does nothing to the system's clock.
    pub fn advance(&self, length: Duration) {
        let Source::Manual(manual) = &self.0 else { return };
        let mut manual = manual.lock().unwrap_or_else(PoisonError::into_inner);
        manual.up += length;
        let after = manual.up + Duration::from_nanos(1);
        let later = manual.sleepers.split_off(&(after, 0));
        let due = std::mem::replace(&mut manual.sleepers, later);
        for (_, wake) in due {
            // A sleeper that was cancelled has no ear any more, and its mark drops with the answer.
            drop(wake.send(Woken(Some(Arc::clone(&manual.woken)))));
        }
    }

    /// Whether somebody was woken by [`Clock::advance`] and has not yet dropped its [`Woken`].
    pub fn is_waking(&self) -> bool {
        match &self.0 {
            Source::System(_) => false,
            Source::Manual(manual) => {
                Arc::strong_count(&manual.lock().unwrap_or_else(PoisonError::into_inner).woken) > 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_moves_only_by_hand() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH);
        let sleeper = clock.clone();
        let mut wait = Box::pin(async move { sleeper.sleep(Duration::from_secs(5)).await });
        assert!(futures_util::poll!(wait.as_mut()).is_pending());
        clock.advance(Duration::from_secs(4));
        assert!(futures_util::poll!(wait.as_mut()).is_pending());
        clock.advance(Duration::from_secs(1));
        assert!(clock.is_waking());
        let woken = wait.await;
        assert!(clock.is_waking());
        drop(woken);
        assert!(!clock.is_waking());
        assert_eq!(clock.now().as_millisecond(), 5000);
    }
}
