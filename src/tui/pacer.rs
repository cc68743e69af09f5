//! When a frame is due.

use std::num::NonZero;
use std::time::Duration;

/// Faster than this nobody sees, and a held key would send more than a slow line carries.
const KEY_GAP: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// A paint that hung for longer than this says nothing of the next one.
const SLOW_MAX: Duration = Duration::from_secs(1);

/// No frame keeps data waiting for longer than this, whatever it took.
const BUSY_MAX: Duration = Duration::from_secs(30);

/// A frame takes a slow line about so long, so that a key waits for little before it.
const FRAME_MOMENT: Duration = Duration::from_secs(1);

/// What has changed since the last frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Dirty {
    /// Nothing.
    #[default]
    None,
    /// What is known: it can wait for the next frame.
    Data,
    /// Something the person did: it is to be seen at once.
    Key,
}

/// When to paint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// At once.
    Now,
    /// At this uptime, unless asked again before.
    At(Duration),
    /// Not until something changes.
    Idle,
}

/// Spaces frames out: what a key changed is painted at once, at most sixty times a second; data at most `max_fps` times
/// a second, and never so often that a slow terminal does nothing but paint data.
///
/// Of these frames of data one is held in reserve, so that news which comes right behind other news need not wait.
///
/// It is told the time, as uptime, and never asks for it.
#[derive(Clone, Debug)]
pub struct Pacer {
    /// Between two frames of a stream of data.
    gap: Duration,
    /// How much earlier than that a frame may go after a pause.
    reserve: Duration,
    /// When the frame that goes out began, and whether a key asked for it.
    begun: Option<(Duration, bool)>,
    /// Until then no frame of a key follows another.
    key_at: Duration,
    /// Until then no frame of data follows any.
    any_at: Duration,
    /// When a frame would be due that takes nothing from the reserve.
    even_at: Duration,
    data_at: Duration,
    /// Bytes a second that the line is said to carry.
    line: Option<NonZero<u32>>,
    /// When the line has carried what was sent.
    free_at: Duration,
}

impl Pacer {
    /// Makes a pacer for `max_fps` frames of data a second, taken to be within 1 and 60.
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

    /// Sends data only when the line has carried what was sent before, at so many bytes a second; at 0 the terminal
    /// alone says how fast it is. What waits outside the program cannot be overtaken by what a key changes, so nothing
    /// waits.
    #[must_use]
    pub fn on_line(self, bytes_per_second: u32) -> Self {
        Self { line: NonZero::new(bytes_per_second), ..self }
    }

    /// Notes how many bytes a frame took, after [`Pacer::painted`].
    pub fn spent(&mut self, up: Duration, bytes: u64) {
        let Some(line) = self.line else { return };
        let busy = Duration::from_millis(bytes.saturating_mul(1000) / u64::from(line.get())).min(BUSY_MAX);
        self.free_at = self.free_at.max(up).min(up + BUSY_MAX) + busy;
        self.data_at = self.data_at.max(self.free_at);
    }

    /// Returns how many bytes the next frame may have: what a slow line carries in a moment, less what it still has to
    /// carry. `None` if the line is not slow.
    pub fn frame_budget(&self, up: Duration) -> Option<usize> {
        let line = u64::from(self.line?.get());
        let free = FRAME_MOMENT.saturating_sub(self.free_at.saturating_sub(up)).as_millis() as u64;
        Some(usize::try_from(line * free / 1000).unwrap_or(usize::MAX))
    }

    /// Says when to paint what is dirty. After [`Due::Now`], paint and call [`Pacer::painted`].
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

    /// Notes that a frame has gone out completely, and whether it changed anything on the terminal. It showed
    /// everything that was dirty, whatever it was painted for.
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
        // Keys may take more frames than data has; what they take is owed for one frame and no longer.
        self.even_at = (self.even_at.max(begun) + self.gap).min(begun + self.gap + self.reserve);
        // A line that takes a second for a frame would otherwise be given the next frame of data while a key waits.
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
        assert_eq!(pacer.due(ms(1020), Dirty::Data), Due::Now, "the one in reserve");
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
        assert_eq!(most, [Some(0), Some(200), Some(400)], "a second of the line, less what is on its way");
        assert_eq!(pacer.due(ms(500), Dirty::Key), Due::Now);
        pacer.painted(ms(500), true);
        pacer.spent(ms(500), 200);
        assert_eq!(pacer.due(ms(501), Dirty::Data), Due::At(ms(2500)), "what a key took is carried too");
        assert_eq!(pacer.due(ms(2500), Dirty::Data), Due::Now);
        pacer.painted(ms(2500), true);
        pacer.spent(ms(2500), u64::MAX);
        assert_eq!(pacer.due(ms(2501), Dirty::Data), Due::At(ms(32_500)), "nothing waits for ever");
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
