//! Limits the rate of new rows that only the hook has delivered.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The limit on rows that the log has not shown: a burst, and a rate after that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ceiling {
    /// Rows accepted at once.
    pub burst: u32,
    /// Rows accepted per second after that.
    pub per_second: u32,
}

impl Ceiling {
    /// No ceiling, for measuring what the listener could take.
    pub const NONE: Self = Self { burst: u32::MAX, per_second: u32::MAX };
}

impl Default for Ceiling {
    /// Returns 20,000 at once and 200 a second. Okta delivers at most 400,000 events of an org in 24 hours, which is
    /// five a second (Okta: event hooks, limits).
    fn default() -> Self {
        Self { burst: 20_000, per_second: 200 }
    }
}

/// The room left below a ceiling.
#[derive(Debug)]
pub(super) struct Room {
    ceiling: Ceiling,
    left: Mutex<Left>,
}

#[derive(Debug)]
struct Left {
    rows: f64,
    at: Duration,
}

impl Room {
    pub(super) fn below(ceiling: Ceiling) -> Self {
        let left = Left { rows: f64::from(ceiling.burst), at: Duration::ZERO };
        Self { ceiling, left: Mutex::new(left) }
    }

    pub(super) fn ceiling(&self) -> Ceiling {
        self.ceiling
    }

    /// Takes room for rows at an uptime. Returns `false`, and takes nothing, if there is not enough.
    pub(super) fn take(&self, rows: usize, up: Duration) -> bool {
        let rows = rows as f64;
        self.change(up, |left| {
            let fits = *left >= rows;
            *left -= if fits { rows } else { 0.0 };
            fits
        })
    }

    /// Gives room back for rows that turned out to be confirmed or known.
    pub(super) fn give_back(&self, rows: usize, up: Duration) {
        self.change(up, |left| *left += rows as f64);
    }

    fn change<T>(&self, up: Duration, change: impl FnOnce(&mut f64) -> T) -> T {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = up.saturating_sub(left.at);
        left.at = left.at.max(up);
        let most = f64::from(self.ceiling.burst);
        left.rows = (left.rows + passed.as_secs_f64() * f64::from(self.ceiling.per_second)).min(most);
        let result = change(&mut left.rows);
        left.rows = left.rows.min(most);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_comes_back_with_time_and_with_what_was_known() {
        let room = Room::below(Ceiling { burst: 10, per_second: 2 });
        let at = Duration::from_secs;
        assert!(room.take(8, at(1)));
        assert!(!room.take(3, at(1)));
        assert!(room.take(2, at(1)));
        assert!(!room.take(1, at(1)) && room.take(0, at(1)));
        assert!(room.take(2, at(2)));
        room.give_back(1, at(2));
        assert!(room.take(1, at(2)) && !room.take(1, at(2)));
        assert!(!room.take(11, at(1000)) && room.take(10, at(1000)));
        let none = Room::below(Ceiling::NONE);
        assert!(none.take(1_000_000, at(0)) && none.take(1_000_000, at(0)));
    }
}
