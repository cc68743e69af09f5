//! The part of the rate limit that this program uses, and how the live poller and the fetching of history divide it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::headers::Rate;

/// Counts requests and tells when the next one may go. Clones share one count, because Okta counts their requests
/// together.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Mutex<Books>>);

/// The kinds of senders that share a budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asker {
    /// The live poller, which has priority.
    Live,
    /// The fetching of history, which uses what is left.
    History,
}

/// The use of the rate limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// The number of requests in the last minute, failed ones included.
    pub used: u32,
    /// The number of requests per minute that this program may make, or `None` before Okta has named its limit.
    pub ours: Option<u64>,
    /// The last believable limit.
    pub rate: Rate,
    /// Whether the last answer had no believable rate limit, so that requests keep the pace of `FLOOR_EVERY`.
    pub is_floored: bool,
}

#[derive(Debug)]
struct Books {
    share: f64,
    interval: Duration,
    /// The last believable rate limit. It stays in force after an answer that has none.
    rate: Rate,
    /// Whether the last answer named a believable limit, or `None` before the first answer.
    is_told: Option<bool>,
    /// The uptime at which the requests so far would end if each took [`FLOOR_EVERY`]. It is never more than
    /// [`FLOOR_BURST`] requests ahead, so requests that went out under a believable limit do not delay later ones.
    floor_spent_at: Duration,
    /// The uptimes of the last minute's requests, oldest first.
    asked: VecDeque<Duration>,
    held_until: Duration,
    has_history: bool,
}

/// The length of a window. Okta's windows last about a minute and may begin at any time (Okta: rate limits). A limit
/// that holds for every minute holds for each window.
const WINDOW: Duration = Duration::from_mins(1);

/// The average time between requests while answers have no believable rate limit: the minimum pace, here called the
/// floor.
const FLOOR_EVERY: Duration = Duration::from_millis(500);

/// After a pause, this many requests may go out at once even without a believable rate limit.
const FLOOR_BURST: u32 = 10;

/// The shortest interval of the live poller.
const INTERVAL_MIN: Duration = Duration::from_secs(1);

/// The part of our share that history always gets, even if the live poller's interval would use all of it.
const HISTORY_PART: f64 = 0.25;

impl Budget {
    /// Returns a budget for a share of the limit, above 0 and up to 1, and the live poller's interval.
    pub fn new(share: f64, interval: Duration) -> Self {
        // A share outside of this range would wait forever or not at all.
        let share = if share.is_nan() { 0.5 } else { share.clamp(0.01, 1.0) };
        Self(Arc::new(Mutex::new(Books {
            share,
            interval: interval.max(INTERVAL_MIN),
            rate: Rate::default(),
            is_told: None,
            floor_spent_at: Duration::ZERO,
            asked: VecDeque::new(),
            held_until: Duration::ZERO,
            has_history: false,
        })))
    }

    /// Returns the usage at an uptime.
    pub fn usage(&self, up: Duration) -> Usage {
        let mut books = self.books();
        books.forget(up);
        Usage {
            used: books.asked.len() as u32,
            ours: books.most(),
            rate: books.rate,
            is_floored: books.is_told == Some(false),
        }
    }

    /// Returns the wait between polls: the plan's interval, or longer if our share leaves no room for it.
    pub fn interval(&self) -> Duration {
        let books = self.books();
        books.interval.max(books.fair())
    }

    /// Returns the last believable rate limit.
    pub fn rate(&self) -> Rate {
        self.books().rate
    }

    /// Sets whether history is being fetched. The live poller then leaves room for it.
    pub(super) fn set_history(&self, is_fetched: bool) {
        self.books().has_history = is_fetched;
    }

    /// Returns the wait that uses exactly the live poller's part.
    pub(super) fn fair_interval(&self) -> Duration {
        self.books().fair()
    }

    /// Returns the wait between two requests for history.
    pub(super) fn history_interval(&self) -> Duration {
        let books = self.books();
        books.per_minute().map_or(INTERVAL_MIN, |ours| interval_of(books.history_part(ours)))
    }

    /// Returns the uptime from which on a request may go: now, when the oldest request is a minute old, when a wait
    /// that Okta asked for is over, or, while no limit is believed, when the minimum pace allows it.
    pub(super) fn free_at(&self, up: Duration, who: Asker) -> Duration {
        let mut books = self.books();
        books.forget(up);
        let most = match (books.most(), who) {
            (None, _) => usize::MAX,
            (Some(most), Asker::Live) => most as usize,
            // One request is left over, so that the live poller never has to wait for history.
            (Some(most), Asker::History) => (most as usize).saturating_sub(1).max(1),
        };
        let surplus = (books.asked.len() + 1).saturating_sub(most);
        let room_at =
            surplus.checked_sub(1).and_then(|oldest| books.asked.get(oldest)).map(|at| *at + WINDOW);
        up.max(room_at.unwrap_or(up)).max(books.held_until).max(books.floor_at(who))
    }

    /// Records that a request goes out.
    pub(super) fn spend(&self, up: Duration) {
        let mut books = self.books();
        books.forget(up);
        books.asked.push_back(up);
        let most = up.saturating_add(FLOOR_EVERY * FLOOR_BURST);
        books.floor_spent_at = books.floor_spent_at.max(up).saturating_add(FLOOR_EVERY).min(most);
    }

    /// Records the rate limit of an answer; `None` if the answer has no believable one.
    pub(super) fn learn(&self, rate: Option<Rate>) {
        let mut books = self.books();
        books.is_told = Some(rate.is_some());
        if let Some(rate) = rate {
            books.rate = rate;
        }
    }

    /// Lets no request go before an uptime.
    pub(super) fn hold(&self, until: Duration) {
        let mut books = self.books();
        books.held_until = books.held_until.max(until);
    }

    /// Returns the uptime before which no request may go.
    pub(super) fn held_until(&self) -> Duration {
        self.books().held_until
    }

    /// Returns whether an answer shows that all clients together have used up the part of the limit that is not ours.
    pub(super) fn is_share_spent(&self, rate: Rate) -> bool {
        let Rate { limit: Some(limit @ 1..), remaining: Some(remaining), .. } = rate else { return false };
        (remaining as f64) < (1.0 - self.books().share) * limit as f64
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    /// Returns how many requests per minute are ours, or `None` while no limit is known.
    fn per_minute(&self) -> Option<f64> {
        self.rate.limit.filter(|limit| *limit > 0).map(|limit| self.share * limit as f64)
    }

    /// Returns the whole number of requests per minute that are ours, at least one.
    fn most(&self) -> Option<u64> {
        self.per_minute().map(|ours| (ours as u64).max(1))
    }

    /// Returns the requests per minute that the live poller leaves, but never less than a fixed part.
    fn history_part(&self, ours: f64) -> f64 {
        (ours - 60.0 / self.interval.as_secs_f64()).max(ours * HISTORY_PART)
    }

    fn fair(&self) -> Duration {
        let Some(ours) = self.per_minute() else { return Duration::ZERO };
        interval_of(if self.has_history { ours - self.history_part(ours) } else { ours })
    }

    /// Returns the uptime from which [`FLOOR_EVERY`] allows one more request. Returns zero if the last answer
    /// had a believable rate limit.
    fn floor_at(&self, who: Asker) -> Duration {
        if self.is_told == Some(true) {
            return Duration::ZERO;
        }
        let burst = match who {
            Asker::Live => FLOOR_BURST,
            // One request is left over for the live poller here as well.
            Asker::History => FLOOR_BURST - 1,
        };
        self.floor_spent_at.saturating_sub(FLOOR_EVERY * (burst - 1))
    }

    fn forget(&mut self, up: Duration) {
        while self.asked.front().is_some_and(|at| *at + WINDOW <= up) {
            self.asked.pop_front();
        }
    }
}

fn interval_of(per_minute: f64) -> Duration {
    Duration::try_from_secs_f64(60.0 / per_minute).unwrap_or(WINDOW)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn budget(share: f64, interval: u64, limit: u64) -> Budget {
        let budget = Budget::new(share, s(interval));
        budget.learn(Some(Rate { limit: Some(limit), ..Rate::default() }));
        budget
    }

    /// Sends as many requests as the budget allows for a time, and returns when they went.
    fn eager(budget: &Budget, who: Asker, length: Duration) -> Vec<Duration> {
        let (mut up, mut sent) = (Duration::ZERO, Vec::new());
        while up < length {
            up = budget.free_at(up, who);
            budget.spend(up);
            sent.push(up);
        }
        sent
    }

    #[test]
    fn without_a_believable_limit_two_a_second_go_out_and_ten_at_once() {
        for told in [None, Some(None)] {
            for (who, burst) in [(Asker::Live, 10), (Asker::History, 9)] {
                let budget = Budget::new(0.5, s(10));
                if let Some(rate) = told {
                    budget.learn(rate);
                }
                let sent = eager(&budget, who, s(60));
                assert_eq!(sent.iter().filter(|at| at.is_zero()).count(), burst);
                assert_eq!(sent[burst..burst + 3], [500, 1000, 1500].map(Duration::from_millis));
                assert!(sent.len() <= burst + 120, "{}", sent.len());
                // A rest makes room for the burst again, and for no more.
                let later = s(3600);
                for _ in 0..burst {
                    assert_eq!(budget.free_at(later, who), later);
                    budget.spend(later);
                }
                assert_eq!(budget.free_at(later, who), later + FLOOR_EVERY);
            }
        }
    }

    #[test]
    fn a_limit_counts_on_where_later_answers_name_none() {
        let budget = budget(0.5, 10, 100_000);
        (0..1000).for_each(|_| budget.spend(Duration::ZERO));
        assert_eq!(budget.free_at(Duration::ZERO, Asker::Live), Duration::ZERO);
        assert!(!budget.usage(Duration::ZERO).is_floored);
        budget.learn(None);
        assert!(budget.usage(Duration::ZERO).is_floored);
        // The burst is used up. The other 990 requests were within the limit of that time.
        assert_eq!(budget.free_at(Duration::ZERO, Asker::Live), FLOOR_EVERY);
        let narrow = self::budget(0.5, 10, 4);
        narrow.learn(None);
        assert_eq!(
            eager(&narrow, Asker::Live, s(59)).len(),
            3,
            "two a minute are ours, whatever comes after"
        );
    }

    #[test]
    fn a_minute_has_so_many_requests_and_no_more() {
        let budget = budget(0.5, 10, 8);
        for second in 0..4 {
            assert_eq!(budget.free_at(s(second), Asker::Live), s(second));
            budget.spend(s(second));
        }
        assert_eq!(budget.free_at(s(4), Asker::Live), s(60));
        assert_eq!(
            budget.usage(s(4)),
            Usage { used: 4, ours: Some(4), rate: budget.rate(), is_floored: false }
        );
        assert_eq!(budget.free_at(s(60), Asker::Live), s(60));
        assert_eq!(budget.usage(s(61)).used, 2);
    }

    #[test]
    fn history_leaves_the_live_poller_a_place() {
        let budget = budget(0.5, 10, 8);
        for _ in 0..3 {
            assert_eq!(budget.free_at(s(0), Asker::History), s(0));
            budget.spend(s(0));
        }
        assert_eq!(budget.free_at(s(1), Asker::History), s(60));
        assert_eq!(budget.free_at(s(1), Asker::Live), s(1));
    }

    #[test]
    fn history_takes_what_is_left_and_at_least_a_quarter() {
        // 25 a minute are ours and the live poller needs six.
        let wide = budget(0.5, 10, 50);
        assert_eq!(wide.history_interval(), Duration::from_secs_f64(60.0 / 19.0));
        wide.set_history(true);
        assert_eq!(wide.interval(), s(10));
        // Four a minute are ours, which the live poller would use up.
        let narrow = budget(0.5, 10, 8);
        assert_eq!((narrow.history_interval(), narrow.interval()), (s(60), s(15)));
        narrow.set_history(true);
        assert_eq!(narrow.interval(), s(20));
        narrow.set_history(false);
        assert_eq!(narrow.interval(), s(15));
    }

    #[test]
    fn a_hold_is_for_both() {
        let budget = Budget::new(1.0, s(10));
        budget.hold(s(40));
        budget.hold(s(20));
        for who in [Asker::Live, Asker::History] {
            assert_eq!(budget.free_at(s(1), who), s(40));
            assert_eq!(budget.free_at(s(50), who), s(50));
        }
    }

    proptest! {
        #[test]
        fn the_two_together_keep_to_the_share(
            share in 0.0..1.0_f64, limit in 1_u64..200, interval in 0_u64..100,
            eager in proptest::collection::vec((any::<bool>(), 0_u64..5000), 1..300),
        ) {
            let budget = budget(share, interval, limit);
            budget.set_history(true);
            let most = ((share.max(0.01) * limit as f64) as usize).max(1);
            let (mut up, mut sent) = (Duration::ZERO, Vec::new());
            for (is_live, wait_ms) in eager {
                up += Duration::from_millis(wait_ms);
                let who = if is_live { Asker::Live } else { Asker::History };
                up = budget.free_at(up, who);
                budget.spend(up);
                sent.push(up);
                let minute = sent.iter().filter(|at| **at + WINDOW > up).count();
                prop_assert!(minute <= most, "{minute} of {most}");
            }
            let each = 60.0 / budget.interval().as_secs_f64() + 60.0 / budget.history_interval().as_secs_f64();
            prop_assert!(each <= share.max(0.01) * limit as f64 + 0.001);
        }
    }
}
