//! How long to wait after a failure. The same numbers always give the same wait.

use std::time::Duration;

/// The longest wait that an answer from Okta can cause (the SDKs' bound is near it).
pub(super) const SERVER_CAP: Duration = Duration::from_secs(90);

/// The longest wait after failures when Okta names none.
pub(super) const CAP: Duration = Duration::from_mins(1);

/// Returns the wait after the nth failure in a row, counted from 1: 1, 2, 4 … 60 s, less up to a quarter, so that many
/// watchers of one org do not ask at the same time.
pub(super) fn doubling(failures: u32, seed: u64) -> Duration {
    let whole = Duration::from_secs(1 << failures.saturating_sub(1).min(6)).min(CAP);
    whole.mul_f64(1.0 - 0.25 * fraction(seed, failures))
}

/// Returns the wait until a time that the server named, plus up to two seconds. It ends before that time only if the
/// wait would be longer than [`SERVER_CAP`].
pub(super) fn named(wait: Duration, attempt: u32, seed: u64) -> Duration {
    let jitter = Duration::from_secs(2).mul_f64(fraction(seed, attempt));
    wait.max(Duration::from_secs(1)).saturating_add(jitter).min(SERVER_CAP)
}

/// Returns a number from 0 up to 1 that looks random (the finalizer of SplitMix64).
fn fraction(seed: u64, count: u32) -> f64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(u64::from(count) + 1));
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^= bits >> 31;
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wait_of_ours_keeps_its_bounds(failures: u32, seed: u64) {
            let wait = doubling(failures, seed);
            prop_assert!(wait <= CAP);
            prop_assert!(wait >= Duration::from_millis(750));
            prop_assert_eq!(wait, doubling(failures, seed));
        }

        #[test]
        fn a_named_wait_is_neither_undercut_nor_beyond_its_bound(seconds: u64, attempt: u32, seed: u64) {
            let asked = Duration::from_secs(seconds);
            let wait = named(asked, attempt, seed);
            prop_assert!(wait <= SERVER_CAP);
            prop_assert!(wait >= asked.min(SERVER_CAP));
        }
    }

    #[test]
    fn it_doubles() {
        for (failures, seconds) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)] {
            let wait = doubling(failures, 7);
            assert!(
                wait <= Duration::from_secs(seconds) && wait >= Duration::from_secs(seconds).mul_f64(0.75)
            );
        }
    }
}
