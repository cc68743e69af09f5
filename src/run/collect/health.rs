//! The state of a collector, and what health checks say of it.

use std::time::Duration;

use jiff::Timestamp;

use super::counts::Counts;
use crate::report::{Board, Coverage, Fault, Part, Pulse, Traffic};
use crate::run::standing::patience;

/// What the collector's loop saw when it went around last.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    /// The status of the parts.
    pub(super) board: Board,
    /// What is said if another process writes the journal.
    pub(super) not_writing: Option<String>,
    /// Whether the poller reports no fault and yet has read nothing for too long.
    pub(super) is_hung: bool,
    pub(super) coverage: Coverage,
    /// Stored rows.
    pub(super) rows: u64,
    /// The size of the journal's files.
    pub(super) bytes: u64,
    pub(super) counts: Counts,
    /// The uptime at which the loop saw this, or `None` before it has.
    pub(super) looked: Option<Duration>,
}

/// A loop that has not gone around for this long hangs, for example on a disk.
const LOOP_WITHIN: Duration = Duration::from_mins(1);
/// What is said of a poller that hangs.
const HUNG: &str = "the poller reports no fault, but has not read the log for too long";

/// Tells a poller that hangs from one that waits or has a fault. It goes by the time that this process has been running,
/// so neither a clock that is set nor a machine that sleeps makes a poller look as if it hung.
#[derive(Debug, Default)]
pub(super) struct Polling {
    /// The last good poll, and the uptime at which it was first seen.
    last: Option<(Option<Timestamp>, Duration)>,
}

impl Polling {
    /// Returns whether the poller reports no fault and yet has read nothing for three of its intervals, at least 3 minutes.
    /// `polls` says whether this process polls and reports no fault.
    pub(super) fn is_hung(&mut self, polls: bool, traffic: &Traffic, uptime: Duration) -> bool {
        match self.last {
            Some((last_good, since)) if polls && last_good == traffic.last_good => {
                uptime.saturating_sub(since) > patience(traffic.interval)
            }
            _ => {
                self.last = Some((traffic.last_good, uptime));
                false
            }
        }
    }
}

/// Returns the fault of a part that does not do its work now. A part with restrictions still works.
fn outage(pulse: &Pulse) -> Option<&Fault> {
    match pulse {
        Pulse::Waiting(_, fault) | Pulse::Down(fault) => Some(fault),
        _ => None,
    }
}

impl Health {
    /// Returns why the process is not alive, or `None` if it is: it must be restarted then.
    pub(super) fn dead(&self, uptime: Duration) -> Option<String> {
        let silent = uptime.saturating_sub(self.looked?);
        if silent > LOOP_WITHIN {
            return Some(format!("the collector has been stuck for {} s", silent.as_secs()));
        }
        self.is_hung.then(|| HUNG.to_owned())
    }

    /// Returns why events are not collected now, or `None` if they are: the log was read and what it brought is stored.
    pub(super) fn unready(&self, uptime: Duration) -> Option<String> {
        if self.looked.is_none() {
            return Some("starting".to_owned());
        }
        if let Some(why) = self.dead(uptime).or_else(|| self.not_writing.clone()) {
            return Some(why);
        }
        let fault = [Part::Journal, Part::Poll, Part::Hook]
            .into_iter()
            .find_map(|part| Some((part, outage(self.board.get(part))?)));
        if let Some((part, fault)) = fault {
            return Some(format!("{}: {}", part.word(), fault.brief));
        }
        match self.board.get(Part::Poll) {
            Pulse::Live => None,
            pulse => Some(format!("poll: {}", pulse.word())),
        }
    }

    /// Returns the state as a sentence, for standard error and the service manager.
    pub(super) fn sentence(&self) -> String {
        if let Some(why) = &self.not_writing {
            return format!("{why}; this process takes over when that one ends.");
        }
        if self.is_hung {
            return format!("poll: {HUNG}.");
        }
        let parts = [Part::Poll, Part::Hook, Part::Journal]
            .into_iter()
            .filter(|part| *self.board.get(*part) != Pulse::Off)
            .map(|part| match self.board.get(part).fault() {
                Some(fault) => format!("{}: {fault}", part.word()),
                None => format!("{} {}.", part.word(), self.board.get(part).word()),
            });
        parts.collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    fn live() -> Health {
        let mut health = Health { looked: Some(NOW), ..Health::default() };
        health.board.set(Part::Poll, Pulse::Live);
        health.board.set(Part::Journal, Pulse::Live);
        health
    }

    #[test]
    fn only_a_log_that_was_read_and_stored_is_ready() {
        assert_eq!((live().dead(NOW), live().unready(NOW)), (None, None));
        assert_eq!(Health::default().unready(NOW).as_deref(), Some("starting"));
        for (part, pulse) in [
            (Part::Poll, Pulse::Starting),
            (Part::Poll, Pulse::Catching),
            (Part::Poll, Pulse::Off),
            (Part::Poll, Pulse::Elsewhere("7".to_owned())),
            (Part::Poll, Pulse::Down(Fault::new(Part::Poll, "token refused", "", "", ""))),
            (Part::Journal, Pulse::Down(Fault::new(Part::Journal, "disk full", "", "", ""))),
            (Part::Hook, Pulse::Down(Fault::new(Part::Hook, "address in use", "", "", ""))),
        ] {
            let mut health = live();
            health.board.set(part, pulse.clone());
            let why = health.unready(NOW).unwrap_or_default();
            assert!(why.starts_with(part.word()), "{pulse:?}: {why}");
            assert_eq!(health.dead(NOW), None, "a restart mends none of these");
        }
        // A listener whose connections are all taken still takes deliveries, and strangers can bring it there.
        let mut full = live();
        full.board.set(Part::Hook, Pulse::Impaired(Fault::new(Part::Hook, "full", "", "", "")));
        assert_eq!(full.unready(NOW), None);
        let other = Health { not_writing: Some("Process 7 writes this journal".to_owned()), ..live() };
        assert_eq!(other.unready(NOW).as_deref(), Some("Process 7 writes this journal"));
    }

    #[test]
    fn a_loop_that_hangs_is_dead() {
        assert_eq!(live().dead(NOW + LOOP_WITHIN), None);
        let late = NOW + LOOP_WITHIN + Duration::from_secs(1);
        assert_eq!(live().dead(late).as_deref(), Some("the collector has been stuck for 61 s"));
        assert_eq!(live().unready(late), live().dead(late));
        let hung = Health { is_hung: true, ..live() };
        assert!(hung.dead(NOW).is_some() && hung.unready(NOW).is_some());
        assert_eq!(hung.sentence(), format!("poll: {HUNG}."));
    }

    #[test]
    fn a_poller_hangs_if_it_reads_nothing_and_reports_nothing() {
        let at = |second| Timestamp::from_second(second).ok();
        let traffic =
            |last_good| Traffic { last_good, interval: Some(Duration::from_mins(5)), ..Traffic::default() };
        let (minute, mut polling) = (Duration::from_mins(1), Polling::default());
        // However old the last good poll is: this process has only started.
        assert!(!polling.is_hung(true, &traffic(at(1)), NOW));
        assert!(!polling.is_hung(true, &traffic(at(1)), NOW + 15 * minute));
        assert!(polling.is_hung(true, &traffic(at(1)), NOW + 16 * minute));
        assert!(!polling.is_hung(true, &traffic(at(2)), NOW + 16 * minute), "it read the log");
        assert!(
            !polling.is_hung(false, &traffic(at(2)), NOW + 60 * minute),
            "it has a fault, or another polls"
        );
        assert!(!polling.is_hung(true, &traffic(at(2)), NOW + 61 * minute));
        assert!(polling.is_hung(true, &traffic(at(2)), NOW + 77 * minute));
    }
}
