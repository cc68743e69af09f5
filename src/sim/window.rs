//! Rate limits.

/// The length of a rate-limit window, in milliseconds (Okta: rate limits).
const WINDOW_MS: i64 = 60_000;

/// The current window of a rate limit.
#[derive(Debug, Default)]
pub(super) struct Window {
    start_ms: i64,
    used: u32,
}

/// The state of a rate limit after a request.
#[derive(Debug)]
pub(super) struct Rate {
    pub(super) limit: u32,
    pub(super) remaining: u32,
    pub(super) reset_s: i64,
    pub(super) exceeded: bool,
}

impl Window {
    /// Counts a request and returns the state of the limit. A window begins with its first request.
    pub(super) fn count(&mut self, limit: u32, now_ms: i64) -> Rate {
        if self.used == 0 || !(self.start_ms..self.start_ms + WINDOW_MS).contains(&now_ms) {
            *self = Self { start_ms: now_ms, used: 0 };
        }
        self.used = self.used.saturating_add(1);
        Rate {
            limit,
            remaining: limit.saturating_sub(self.used),
            reset_s: (self.start_ms + WINDOW_MS).div_euclid(1000) + 1,
            exceeded: self.used > limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_counts_and_starts_again() {
        let mut window = Window::default();
        let counted: Vec<(u32, bool)> = (0..4)
            .map(|at| window.count(3, 1_000 + at))
            .map(|rate| (rate.remaining, rate.exceeded))
            .collect();
        assert_eq!(counted, [(2, false), (1, false), (0, false), (0, true)]);
        assert_eq!(window.count(3, 1_000).reset_s, 62);
        let fresh = window.count(3, 61_000);
        assert!(!fresh.exceeded);
        assert_eq!((fresh.remaining, fresh.reset_s), (2, 122));
    }
}
