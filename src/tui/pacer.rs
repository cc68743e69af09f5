//! When a frame is due.

use std::time::Duration;

/// Faster than this nobody sees, and a held key would send more than a slow line carries.
const KEY_GAP: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// A paint that hung for longer than this says nothing of the next one.
const SLOW_MAX: Duration = Duration::from_secs(1);

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
/// It is told the time, as uptime, and never asks for it.
#[derive(Clone, Debug)]
pub struct Pacer {
    gap: Duration,
    begun: Option<Duration>,
    key_at: Duration,
    data_at: Duration,
}

impl Pacer {
    /// Makes a pacer for `max_fps` frames of data a second, taken to be within 1 and 60.
    pub fn new(max_fps: u32) -> Self {
        Self {
            gap: Duration::from_secs(1) / max_fps.clamp(1, 60),
            begun: None,
            key_at: Duration::ZERO,
            data_at: Duration::ZERO,
        }
    }

    /// Says when to paint what is dirty. After [`Due::Now`], paint and call [`Pacer::painted`].
    pub fn due(&mut self, up: Duration, dirty: Dirty) -> Due {
        let at = match dirty {
            Dirty::None => return Due::Idle,
            Dirty::Data => self.data_at,
            Dirty::Key => self.key_at,
        };
        if at > up {
            return Due::At(at);
        }
        self.begun = Some(up);
        Due::Now
    }

    /// Notes that a frame has gone out completely. It showed everything that was dirty, whatever it was painted for.
    pub fn painted(&mut self, up: Duration) {
        let begun = self.begun.take().unwrap_or(up).min(up);
        // A line that takes a second for a frame would otherwise be given the next frame of data while a key waits.
        let took = up.saturating_sub(begun).min(SLOW_MAX);
        self.key_at = begun + KEY_GAP;
        self.data_at = (begun + self.gap).max(up + took);
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
        let mut pacer = Pacer::new(10);
        assert_eq!(pacer.due(ms(1000), Dirty::Data), Due::Now);
        pacer.painted(ms(1000));
        assert_eq!(pacer.due(ms(1020), Dirty::Data), Due::At(ms(1100)));
        assert_eq!(pacer.due(ms(1020), Dirty::Key), Due::Now);
        pacer.painted(ms(1020));
        assert_eq!(pacer.due(ms(1021), Dirty::Key), Due::At(ms(1020) + KEY_GAP));
        assert_eq!(pacer.due(ms(1120), Dirty::Data), Due::Now);
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
                        pacer.painted(up);
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
        pacer.painted(ms(800));
        assert_eq!(pacer.due(ms(800), Dirty::Data), Due::At(ms(1600)));
        assert_eq!(pacer.due(ms(800), Dirty::Key), Due::Now);
    }

    #[test]
    fn no_rate_and_no_time_that_goes_back_can_stop_it() {
        let mut pacer = Pacer::new(0);
        assert_eq!(pacer.due(ms(10), Dirty::Data), Due::Now);
        pacer.painted(ms(5));
        assert_eq!(pacer.due(ms(5), Dirty::Data), Due::At(ms(1005)));
    }
}
