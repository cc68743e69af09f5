//! The state of a collector, and what health checks say of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::report::{Board, Coverage, Fault, Part, Pulse, Traffic};
use crate::run::standing::patience;

/// What the collector's loop saw when it went around last.
#[derive(Clone, Debug, Default)]
pub(super) struct Health {
    pub(super) orgs: Vec<OrgHealth>,
    /// What is said if another process writes the journal.
    pub(super) not_writing: Option<String>,
    /// Stored rows.
    pub(super) rows: u64,
    /// The size of the journal's files.
    pub(super) bytes: u64,
    /// The uptime at which the loop saw this, or `None` before it has.
    pub(super) looked: Option<Duration>,
}

/// New rows of an org since the process started, by kind and by the way on which they first came.
pub(super) type Events = BTreeMap<(&'static str, &'static str), u64>;

/// What the loop saw of one org.
#[derive(Clone, Debug, Default)]
pub(super) struct OrgHealth {
    pub(super) label: String,
    /// The status of the parts.
    pub(super) board: Board,
    /// Whether the poller reports no fault and yet has read nothing for too long.
    pub(super) is_hung: bool,
    pub(super) coverage: Coverage,
    pub(super) events: Events,
}

/// A loop that has not gone around for this long hangs, for example on a disk.
const LOOP_WITHIN: Duration = Duration::from_mins(1);
/// With more orgs than this, only those that are not well are told, and at most this many.
const SENTENCES_MAX: usize = 5;
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
        let hung = self.orgs.iter().find(|org| org.is_hung)?;
        Some(format!("{}{HUNG}", self.prefix(hung)))
    }

    /// Returns whether only a restart can help.
    pub(super) fn is_hung(&self) -> bool {
        self.orgs.iter().any(|org| org.is_hung)
    }

    /// Returns why events of some org are not collected now, or `None` if all are: the logs were read and what they
    /// brought is stored.
    pub(super) fn unready(&self, uptime: Duration) -> Option<String> {
        if self.looked.is_none() {
            return Some("starting".to_owned());
        }
        if let Some(why) = self.dead(uptime).or_else(|| self.not_writing.clone()) {
            return Some(why);
        }
        let (org, why) = self.orgs.iter().find_map(|org| Some((org, org.unready()?)))?;
        Some(format!("{}{why}", self.prefix(org)))
    }

    /// Returns what comes before a sentence about an org: nothing if it is the only one.
    fn prefix(&self, org: &OrgHealth) -> String {
        if self.orgs.len() > 1 { format!("{}: ", org.label) } else { String::new() }
    }

    /// Returns the state as a sentence, for the service manager.
    pub(super) fn sentence(&self) -> String {
        if self.not_writing.is_none() && self.orgs.len() > SENTENCES_MAX {
            return self.summary();
        }
        self.sentences().join(" ")
    }

    /// Returns the state as a sentence for each org and one for the journal.
    pub(super) fn sentences(&self) -> Vec<String> {
        if let Some(why) = &self.not_writing {
            return vec![format!("{why}; this process takes over when that one ends.")];
        }
        if let [org] = self.orgs.as_slice() {
            return vec![org.sentence(&[Part::Poll, Part::Hook, Part::Journal, Part::Team])];
        }
        let of_org = |org: &OrgHealth| {
            format!("{}{}", self.prefix(org), org.sentence(&[Part::Poll, Part::Hook, Part::Team]))
        };
        let journal = self.orgs.first().map(|org| org.sentence(&[Part::Journal]));
        self.orgs.iter().map(of_org).chain(journal).collect()
    }
}

impl Health {
    /// Returns how many of many orgs are well, and what is wrong with the first that are not.
    fn summary(&self) -> String {
        let why = |org: &OrgHealth| if org.is_hung { Some(HUNG.to_owned()) } else { org.unready() };
        let ill = self.orgs.iter().filter_map(|org| Some(format!("{}{}.", self.prefix(org), why(org)?)));
        let ill: Vec<String> = ill.collect();
        let all = format!("{} of {} orgs live.", self.orgs.len() - ill.len(), self.orgs.len());
        std::iter::once(all).chain(ill.into_iter().take(SENTENCES_MAX)).collect::<Vec<_>>().join(" ")
    }
}

impl OrgHealth {
    fn unready(&self) -> Option<String> {
        let fault = [Part::Journal, Part::Poll, Part::Hook, Part::Team]
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

    fn sentence(&self, parts: &[Part]) -> String {
        if self.is_hung && parts.contains(&Part::Poll) {
            return format!("poll: {HUNG}.");
        }
        let on = parts.iter().copied().filter(|part| *self.board.get(*part) != Pulse::Off);
        let parts = on.map(|part| match self.board.get(part).fault() {
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
        Health { orgs: vec![live_org("prod")], looked: Some(NOW), ..Health::default() }
    }

    fn live_org(label: &str) -> OrgHealth {
        let mut org = OrgHealth { label: label.to_owned(), ..OrgHealth::default() };
        org.board.set(Part::Poll, Pulse::Live);
        org.board.set(Part::Journal, Pulse::Live);
        org
    }

    #[test]
    fn each_of_several_orgs_must_be_read_and_is_named() {
        let mut health = Health { orgs: vec![live_org("prod"), live_org("preview")], ..live() };
        assert_eq!(health.unready(NOW), None);
        assert_eq!(health.sentence(), "prod: poll live. preview: poll live. journal live.");
        let refused = Fault::new(Part::Poll, "token refused", "Okta refused the token.", "", "");
        health.orgs[1].board.set(Part::Poll, Pulse::Down(refused));
        assert_eq!(health.unready(NOW).as_deref(), Some("preview: poll: token refused"));
        assert_eq!(
            health.sentence(),
            "prod: poll live. preview: poll: Okta refused the token. journal live."
        );
        let mut many: Vec<OrgHealth> = (0..100).map(|org| live_org(&format!("org{org}"))).collect();
        many.push(health.orgs[1].clone());
        let many = Health { orgs: many, ..live() };
        assert_eq!(many.sentence(), "100 of 101 orgs live. preview: poll: token refused.");
        health.orgs[0].is_hung = true;
        assert_eq!(health.dead(NOW), Some(format!("prod: {HUNG}")));
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
            health.orgs[0].board.set(part, pulse.clone());
            let why = health.unready(NOW).unwrap_or_default();
            assert!(why.starts_with(part.word()), "{pulse:?}: {why}");
            assert_eq!(health.dead(NOW), None, "a restart mends none of these");
        }
        // A listener whose connections are all taken still takes deliveries, and strangers can bring it there.
        let mut full = live();
        full.orgs[0].board.set(Part::Hook, Pulse::Impaired(Fault::new(Part::Hook, "full", "", "", "")));
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
        let mut hung = live();
        hung.orgs[0].is_hung = true;
        assert!(hung.is_hung());
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
