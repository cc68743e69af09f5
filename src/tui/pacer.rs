//! Decides when a frame is due.

use std::num::NonZero;
use std::time::Duration;

/// The minimum time between frames. Faster frames are not visible, and for a held key they would overload a slow line.
const KEY_GAP: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// The maximum duration of a paint that delays the next frame of data. A longer one is taken as an exception.
const SLOW_MAX: Duration = Duration::from_secs(1);

/// The maximum time that a frame on a slow line delays the next frame of data.
const BUSY_MAX: Duration = Duration::from_secs(30);

/// The time of a slow line that a frame may take, so that a key does not wait long behind it.
const FRAME_MOMENT: Duration = Duration::from_secs(1);

/// The kind of change since the last frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Dirty {
    /// No change.
    #[default]
    None,
    /// Data changed. It can wait for the next frame.
    Data,
    /// The user did something. It must be painted at once.
    Key,
}

/// The time to paint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// Paint at once.
    Now,
    /// Paint at this uptime, unless [`Pacer::due`] is called again before.
    At(Duration),
    /// Do not paint until something changes.
    Idle,
}

/// Limits the rate of frames.
///
/// Changes by keys are painted at once, at most 60 times a second. Data is painted at most `max_fps` times a second,
/// and never so often that a slow terminal spends all its time on data.
///
/// One of the frames of data is kept in reserve, so that data which comes right after other data need not wait.
///
/// The time is passed in as uptime. The pacer reads no clock.
#[derive(Clone, Debug)]
pub struct Pacer {
    /// The time between two frames of continuous data.
    gap: Duration,
    /// How much earlier a frame may be painted after a pause.
    reserve: Duration,
    /// The time when the current frame began, and whether a key caused it.
    begun: Option<(Duration, bool)>,
    /// The earliest time for the next frame caused by a key.
    key_at: Duration,
    /// The earliest time for a frame of data after any frame.
    any_at: Duration,
    /// The time when a frame of data would be due without using the reserve.
    even_at: Duration,
    /// The earliest time for the next frame of data.
    data_at: Duration,
    /// The configured speed of the line in bytes per second.
    line: Option<NonZero<u32>>,
    /// The time when the line will have transmitted everything sent so far.
    free_at: Duration,
}

impl Pacer {
    /// Creates a pacer for `max_fps` frames of data a second, clamped to 1 to 60.
    pub fn new(max_fps: u32) -> Self {
        let max_fps = max_fps.clamp(1, 60);
        let gap = Duration::from_secs(1) / (max_fps - 1).max(1);
        Self {
            gap,
            reserve: if max_fps > 1 { gap } else { Duration::ZERO },
            begun: None,
            key_at: Duration::ZERO,
            any_at: Duration::ZERO,
            even_at: Duration::ZERO,
            data_at: Duration::ZERO,
            line: None,
            free_at: Duration::ZERO,
        }
    }

    /// Sets the speed of the line. Data is then sent only when the line has transmitted what was sent before, so that
    /// frames caused by keys do not queue behind data outside the program. With 0, there is no such limit.
    #[must_use]
    pub fn on_line(self, bytes_per_second: u32) -> Self {
        Self { line: NonZero::new(bytes_per_second), ..self }
    }

    /// Records the number of bytes of a frame. Call it after [`Pacer::painted`].
    pub fn spent(&mut self, up: Duration, bytes: u64) {
        let Some(line) = self.line else { return };
        let busy = Duration::from_millis(bytes.saturating_mul(1000) / u64::from(line.get())).min(BUSY_MAX);
        self.free_at = self.free_at.max(up).min(up + BUSY_MAX) + busy;
        self.data_at = self.data_at.max(self.free_at);
    }

    /// Returns the number of bytes that the next frame may have: what the line transmits in a second, less what is
    /// still queued. Returns `None` if no speed is set.
    pub fn frame_budget(&self, up: Duration) -> Option<usize> {
        let line = u64::from(self.line?.get());
        let free = FRAME_MOMENT.saturating_sub(self.free_at.saturating_sub(up)).as_millis() as u64;
        Some(usize::try_from(line * free / 1000).unwrap_or(usize::MAX))
    }

    /// Returns when to paint a change. After [`Due::Now`], paint and call [`Pacer::painted`].
    pub fn due(&mut self, up: Duration, dirty: Dirty) -> Due {
        let at = match dirty {
            Dirty::None => return Due::Idle,
            Dirty::Data => self.data_at.max(self.any_at),
            Dirty::Key => self.key_at,
        };
        if at > up {
            return Due::At(at);
        }
        self.begun = Some((up, dirty == Dirty::Key));
        Due::Now
    }

    /// Records that a frame was sent completely, and whether it sent any bytes. A frame shows all changes, whatever
    /// caused it.
    pub fn painted(&mut self, up: Duration, has_sent: bool) {
        let (begun, by_key) = self.begun.take().unwrap_or((up, true));
        let begun = begun.min(up);
        self.any_at = begun + KEY_GAP;
        if by_key {
            self.key_at = self.any_at;
        }
        if !has_sent {
            return;
        }
        // Keys may cause more frames than data may have. The excess delays data by one frame at most.
        self.even_at = (self.even_at.max(begun) + self.gap).min(begun + self.gap + self.reserve);
        // On a line that takes a second for a frame, the next frame of data would otherwise come before a waiting key.
        let took = up.saturating_sub(begun).min(SLOW_MAX);
        self.data_at = self.even_at.saturating_sub(self.reserve).max(up + took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn nothing_dirty_is_never_painted() {
        let mut pacer = Pacer::new(10);
        assert_eq!(pacer.due(ms(0), Dirty::None), Due::Idle);
        assert_eq!(pacer.due(ms(5000), Dirty::None), Due::Idle);
    }

    #[test]
    fn data_waits_for_its_turn_and_a_key_does_not() {
        let mut pacer = Pacer::new(11);
        assert_eq!(pacer.due(ms(1000), Dirty::Data), Due::Now);
        pacer.painted(ms(1000), true);
        assert_eq!(pacer.due(ms(1020), Dirty::Data), Due::Now, "the frame in reserve");
        pacer.painted(ms(1020), true);
        assert_eq!(pacer.due(ms(1040), Dirty::Data), Due::At(ms(1100)));
        assert_eq!(pacer.due(ms(1040), Dirty::Key), Due::Now);
        pacer.painted(ms(1040), true);
        assert_eq!(pacer.due(ms(1041), Dirty::Key), Due::At(ms(1040) + KEY_GAP));
        assert_eq!(pacer.due(ms(1041), Dirty::Data), Due::At(ms(1140)));
        assert_eq!(pacer.due(ms(1140), Dirty::Data), Due::Now);
        pacer.painted(ms(1140), true);
        assert_eq!(pacer.due(ms(1141), Dirty::Key), Due::Now, "a frame of data keeps no key waiting");
        pacer.painted(ms(1141), true);
        assert_eq!(pacer.due(ms(1540), Dirty::Data), Due::Now);
        pacer.painted(ms(1540), true);
        assert_eq!(pacer.due(ms(1560), Dirty::Data), Due::Now, "in reserve again");
    }

    #[test]
    fn a_frame_that_changed_nothing_costs_no_turn() {
        let mut pacer = Pacer::new(1);
        for at in [1000, 1020, 1040] {
            assert_eq!(pacer.due(ms(at), Dirty::Data), Due::Now);
            pacer.painted(ms(at), false);
            assert_eq!(pacer.due(ms(at), Dirty::Data), Due::At(ms(at) + KEY_GAP));
        }
        assert_eq!(pacer.due(ms(1060), Dirty::Data), Due::Now);
        pacer.painted(ms(1060), true);
        assert_eq!(pacer.due(ms(1061), Dirty::Data), Due::At(ms(2060)));
    }

    #[test]
    fn a_key_that_was_held_long_does_not_keep_data_waiting() {
        let mut pacer = Pacer::new(11);
        for step in 0..600 {
            let at = Duration::from_millis(step * 17);
            assert_eq!(pacer.due(at, Dirty::Key), Due::Now);
            pacer.painted(at, true);
        }
        let last = ms(599 * 17);
        assert_eq!(pacer.due(last, Dirty::Data), Due::At(last + ms(100)));
    }

    #[test]
    fn a_second_holds_no_more_frames_than_allowed() {
        for (dirty, fps, most) in [(Dirty::Key, 10, 60), (Dirty::Data, 10, 10), (Dirty::Data, 500, 60)] {
            let mut pacer = Pacer::new(fps);
            let frames = (0..100_000_u64)
                .filter(|step| {
                    let up = Duration::from_micros(step * 100);
                    let now = pacer.due(up, dirty) == Due::Now;
                    if now {
                        pacer.painted(up, true);
                    }
                    now
                })
                .count();
            assert!(
                frames <= most * 10 && frames >= most * 10 - 10,
                "{frames} frames of {dirty:?} in ten seconds"
            );
        }
    }

    #[test]
    fn a_slow_terminal_gets_half_of_the_time_for_data() {
        let mut pacer = Pacer::new(10);
        assert_eq!(pacer.due(ms(0), Dirty::Data), Due::Now);
        pacer.painted(ms(800), true);
        assert_eq!(pacer.due(ms(800), Dirty::Data), Due::At(ms(1600)));
        assert_eq!(pacer.due(ms(800), Dirty::Key), Due::Now);
    }

    #[test]
    fn a_slow_line_is_never_given_more_data_than_it_carries_and_keys_go_at_once() {
        let mut pacer = Pacer::new(10).on_line(400);
        assert_eq!(pacer.due(ms(0), Dirty::Data), Due::Now);
        pacer.painted(ms(0), true);
        pacer.spent(ms(0), 800);
        assert_eq!(pacer.due(ms(1), Dirty::Data), Due::At(ms(2000)));
        let most = [500, 1500, 3000].map(|at| pacer.frame_budget(ms(at)));
        assert_eq!(
            most,
            [Some(0), Some(200), Some(400)],
            "what the line transmits in a second, less what is queued"
        );
        assert_eq!(pacer.due(ms(500), Dirty::Key), Due::Now);
        pacer.painted(ms(500), true);
        pacer.spent(ms(500), 200);
        assert_eq!(
            pacer.due(ms(501), Dirty::Data),
            Due::At(ms(2500)),
            "a frame caused by a key uses the line too"
        );
        assert_eq!(pacer.due(ms(2500), Dirty::Data), Due::Now);
        pacer.painted(ms(2500), true);
        pacer.spent(ms(2500), u64::MAX);
        assert_eq!(pacer.due(ms(2501), Dirty::Data), Due::At(ms(32_500)), "no wait is longer than BUSY_MAX");
        let mut pacer = Pacer::new(11).on_line(0);
        assert_eq!(pacer.frame_budget(ms(0)), None);
        assert_eq!(pacer.due(ms(1000), Dirty::Data), Due::Now);
        pacer.painted(ms(1000), true);
        pacer.spent(ms(1000), 1_000_000);
        assert_eq!(pacer.due(ms(1020), Dirty::Data), Due::Now);
    }

    #[test]
    fn no_rate_and_no_time_that_goes_back_can_stop_it() {
        let mut pacer = Pacer::new(0);
        assert_eq!(pacer.due(ms(10), Dirty::Data), Due::Now);
        pacer.painted(ms(5), true);
        assert_eq!(pacer.due(ms(5), Dirty::Data), Due::At(ms(1005)));
    }
}
