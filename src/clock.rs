//! The only module that reads a clock: the system's, or a manual one for tests.
//!
//! This machine's clock may be wrong by minutes or by years. Okta's answers contain Okta's time, and the clock
//! remembers the last one. Use [`Clock::sure`] for times that are stored or compared with Okta's times.
//! [`Clock::agrees`] tells whether the two clocks agree. `docs/clock.md` lists every use.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

/// A source of time. Clones share the same time and the same last answer from Okta.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
    heard: Arc<Mutex<Option<Heard>>>,
}

/// Okta's time in its last answer, with the local time when the answer arrived.
#[derive(Clone, Copy, Debug)]
struct Heard {
    there: Timestamp,
    here: Timestamp,
    up: Duration,
}

/// The largest difference between two clocks that agree. An answer takes some time, and its date is in whole seconds.
const AGREE: SignedDuration = SignedDuration::from_mins(5);

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

/// A guard that marks a woken sleeper as awake until it is dropped.
#[derive(Debug)]
pub struct Woken(#[expect(dead_code, reason = "only its drop matters")] Option<Arc<()>>);

impl Clock {
    /// Makes a clock that reads the system's time. Its uptime begins now.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn system() -> Self {
        Self::of(Source::System(Instant::now()))
    }

    /// Makes a manual clock for tests. It stands at `start` until [`Clock::advance`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self::of(Source::Manual(Arc::new(Mutex::new(Manual {
            start,
            up: Duration::ZERO,
            sleepers: BTreeMap::new(),
            next: 0,
            woken: Arc::new(()),
        }))))
    }

    fn of(source: Source) -> Self {
        Self { source, heard: Arc::default() }
    }

    /// Returns a clock with the same time that hears another org, so that an org whose time is wrong does not mislead
    /// the others.
    #[must_use]
    pub fn for_another_org(&self) -> Self {
        Self::of(self.source.clone())
    }

    /// Records Okta's time, from the `Date` header of an answer that has just arrived.
    pub fn hear(&self, there: Timestamp) {
        let heard = Heard { there, here: self.now(), up: self.uptime() };
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(heard);
    }

    fn heard(&self) -> Option<Heard> {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how far this machine's clock is ahead of Okta's, or `None` before the first answer. It is computed from
    /// the last answer and the uptime since. The uptime does not advance while a machine sleeps, so after a sleep the
    /// result is wrong until the next answer.
    pub fn ahead(&self) -> Option<SignedDuration> {
        let heard = self.heard()?;
        let since = SignedDuration::try_from(self.uptime().saturating_sub(heard.up)).unwrap_or_default();
        let there = heard.there.saturating_add(since).unwrap_or(heard.there);
        Some(self.now().duration_since(there))
    }

    /// Returns whether this machine's clock and Okta's agree within five minutes. False before Okta's first answer.
    pub fn agrees(&self) -> bool {
        self.ahead().is_some_and(|ahead| ahead.abs() <= AGREE)
    }

    /// Returns the time to store or to compare with Okta's times. It is this machine's time. If Okta's last answer
    /// showed that to be wrong by more than five minutes, it is corrected by the difference.
    pub fn sure(&self) -> Timestamp {
        let now = self.now();
        let Some(heard) = self.heard() else { return now };
        let behind = heard.there.duration_since(heard.here);
        if behind.abs() <= AGREE || self.agrees() {
            return now;
        }
        now.saturating_add(behind).unwrap_or(now)
    }

    /// Returns the wall-clock time of this machine, in whole milliseconds. It may jump or be wrong, so use
    /// [`Clock::uptime`] to wait and [`Clock::sure`] to compare.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub fn now(&self) -> Timestamp {
        let exact = match &self.source {
            Source::System(_) => Timestamp::now(),
            Source::Manual(manual) => {
                let manual = manual.lock().unwrap_or_else(PoisonError::into_inner);
                manual.start.saturating_add(manual.up).unwrap_or(manual.start)
            }
        };
        Timestamp::from_millisecond(exact.as_millisecond()).unwrap_or(exact)
    }

    /// Returns the time since the clock was made. It never goes back.
    pub fn uptime(&self) -> Duration {
        match &self.source {
            Source::System(start) => start.elapsed(),
            Source::Manual(manual) => manual.lock().unwrap_or_else(PoisonError::into_inner).up,
        }
    }

    /// Waits until the uptime reaches `up`. The returned guard marks the sleeper as awake until it is dropped, so that
    /// a test that moved the time can wait until the sleeper has acted.
    #[expect(clippy::disallowed_methods, reason = "this is the place")]
    pub async fn sleep_until(&self, up: Duration) -> Woken {
        match &self.source {
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

    /// Waits for a duration.
    pub async fn sleep(&self, length: Duration) -> Woken {
        self.sleep_until(self.uptime().saturating_add(length)).await
    }

    /// Sets the wall-clock time of a manual clock. Its uptime does not change. Does nothing to the system's clock.
    pub fn set(&self, now: Timestamp) {
        let Source::Manual(manual) = &self.source else { return };
        let mut manual = manual.lock().unwrap_or_else(PoisonError::into_inner);
        manual.start = now.checked_sub(manual.up).unwrap_or(now);
    }

    /// Advances a manual clock and wakes the sleepers that are due. Does nothing to the system's clock.
    pub fn advance(&self, length: Duration) {
        let Source::Manual(manual) = &self.source else { return };
        let mut manual = manual.lock().unwrap_or_else(PoisonError::into_inner);
        manual.up += length;
        let after = manual.up + Duration::from_nanos(1);
        let later = manual.sleepers.split_off(&(after, 0));
        let due = std::mem::replace(&mut manual.sleepers, later);
        for (_, wake) in due {
            // If the sleeper was canceled, sending fails and drops the guard.
            drop(wake.send(Woken(Some(Arc::clone(&manual.woken)))));
        }
    }

    /// Returns whether a sleeper woken by [`Clock::advance`] has not yet dropped its [`Woken`].
    pub fn is_waking(&self) -> bool {
        match &self.source {
            Source::System(_) => false,
            Source::Manual(manual) => {
                Arc::strong_count(&manual.lock().unwrap_or_else(PoisonError::into_inner).woken) > 1
            }
        }
    }
}

/// Returns the difference of two clocks in words, such as `12 min ahead of`.
pub fn apart(ahead: SignedDuration) -> String {
    let way = if ahead.is_positive() { "ahead of" } else { "behind" };
    let minutes = ahead.abs().as_mins();
    match minutes {
        0..120 => format!("{minutes} min {way}"),
        120..2880 => format!("{} h {way}", minutes / 60),
        _ => format!("{} days {way}", minutes / 60 / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_wrong_clock_is_set_right_by_what_okta_says() {
        let clock = Clock::manual(at("2036-03-04T09:00:00Z"));
        assert_eq!(
            (clock.sure(), clock.agrees(), clock.ahead()),
            (clock.now(), false, None),
            "nobody has said"
        );
        clock.hear(at("2026-03-04T09:15:00Z"));
        clock.advance(Duration::from_mins(1));
        assert_eq!(clock.sure(), at("2026-03-04T09:16:00Z"));
        assert!(!clock.agrees());
        // The clock is corrected.
        clock.set(at("2026-03-04T09:16:02Z"));
        assert_eq!(clock.sure(), at("2026-03-04T09:16:02Z"));
        assert!(clock.agrees());
        clock.hear(at("2026-03-04T09:16:03Z"));
        assert_eq!(clock.sure(), clock.now());
    }

    #[test]
    fn a_clock_that_jumps_after_an_answer_is_not_agreed_with() {
        let clock = Clock::manual(at("2026-03-04T09:15:00Z"));
        clock.hear(at("2026-03-04T09:14:00Z"));
        assert!(clock.agrees());
        clock.set(at("2030-01-01T00:00:00Z"));
        assert!(!clock.agrees());
        clock.set(at("1986-01-01T00:00:00Z"));
        assert!(!clock.agrees());
        assert_eq!(clock.ahead().unwrap().as_hours() / 24 / 365, -40);
    }

    #[test]
    fn a_machine_that_slept_goes_by_its_own_clock() {
        let clock = Clock::manual(at("2026-03-04T09:15:00Z"));
        clock.hear(at("2026-03-04T09:15:00Z"));
        // The uptime does not advance during sleep.
        clock.set(at("2026-03-04T19:15:00Z"));
        assert_eq!(clock.sure(), at("2026-03-04T19:15:00Z"));
        assert!(!clock.agrees(), "but nothing is removed before the next answer");
    }

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
