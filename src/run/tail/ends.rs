//! Decides when `tail` ends, and which faults it reports meanwhile.

use std::time::Duration;

use jiff::Timestamp;

use super::super::standing::{FIRST_POLL, is_fresh, named, patience};
use super::options::TailOptions;
use crate::clock::Clock;
use crate::exit::Exit;
use crate::journal::Polling;
use crate::report::{Board, Fault, Part, Pulse};

/// How long `--once` waits without progress before it gives up.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
/// Returns whether everything up to `--until` has been read and stored.
pub(super) fn ends(options: &TailOptions, board: &Board) -> bool {
    // A successful read of the log at or after that time stored all earlier events.
    let has_read = |until: Timestamp| board.traffic.last_good.is_some_and(|at| at >= until);
    matches!(board.get(Part::Poll), Pulse::Live) && options.until.is_some_and(has_read)
}

/// Returns whether everything that was asked for has been read, where another process polls. Only the polls that it
/// stored show how far the log was read. The first argument is `--once` and `--until`.
///
/// # Errors
/// Returns an exit code and a sentence for stderr if that process no longer reads the log, so that the output may be
/// incomplete.
pub(super) fn follower_ends(
    (once, until): (bool, Option<Timestamp>),
    holder: &str,
    pulse: &Pulse,
    polling: Polling,
    began: Duration,
    clock: &Clock,
) -> Result<bool, (Exit, String)> {
    let now = clock.now();
    let is_past = until.is_some_and(|until| clock.sure() >= until);
    if !once && !is_past {
        return Ok(false);
    }
    let has_read = |at: Option<Timestamp>| is_fresh(at, polling.interval, now);
    let is_whole = match until {
        // `until` is in Okta's time.
        Some(until) if is_past => polling.of_okta(polling.caught_up).is_some_and(|read| read >= until),
        _ => has_read(polling.caught_up),
    };
    if is_whole {
        return Ok(true);
    }
    // Polling does not resume without action by the user.
    if let Pulse::Down(fault) = pulse {
        return Err((Exit::Failed, format!("{} The output may be incomplete. {}", fault.what, fault.remedy)));
    }
    // The other process may have just started, or may have much to read before the end of the log. If it has ended,
    // this process takes over or the board says why not.
    let is_new = clock.uptime().saturating_sub(began) < FIRST_POLL && pulse.fault().is_none();
    let Some(last) = polling.last_good.filter(|at| !is_new && !has_read(Some(*at))) else {
        return Ok(false);
    };
    Err((
        Exit::Failed,
        format!(
            "{} holds this journal, and the log was last read at {last:.0}, which is more than {} s from now: the \
             output may be incomplete. Check that process: it may be stopped, or Okta does not answer it. Resume it \
             or end it, then start tail again.",
            named(holder),
            patience(polling.interval).as_secs()
        ),
    ))
}

/// Returns whether a fault leaves everything to be read that can be: a team's server with restrictions.
pub(super) fn is_restriction(board: &Board, fault: &Fault) -> bool {
    fault.part == Part::Team && matches!(board.get(Part::Team), Pulse::Impaired(_))
}

/// Returns the exit code if a fault ends the run: a refusal of the very first request, or with `--once` any refusal or
/// permanent fault.
pub(super) fn gives_up(options: &TailOptions, fault: &Fault, had_answer: bool) -> Option<Exit> {
    if fault.refused && (options.once || !had_answer) {
        return Some(Exit::Refused);
    }
    (options.once && !fault.passes && !fault.refused).then_some(Exit::Failed)
}

/// Returns a sentence when the listener's fault changes or ends. It never ends the run, since the poll brings every
/// event anyway.
pub(super) fn hook_news(board: &Board, told: &mut Option<String>) -> Option<String> {
    let pulse = board.get(Part::Hook);
    if let Some(fault) = pulse.fault() {
        if told.as_ref() == Some(&fault.brief) {
            return None;
        }
        *told = Some(fault.brief.clone());
        return Some(fault.to_string());
    }
    let is_well = matches!(pulse, Pulse::Live | Pulse::Elsewhere(_));
    (is_well && told.take().is_some()).then(|| "The event hook works again.".to_owned())
}

pub(super) fn worst(board: &Board) -> Option<Fault> {
    [Part::Journal, Part::Team, Part::Poll].into_iter().find_map(|part| board.get(part).fault()).cloned()
}

pub(super) fn wake_at(
    options: &TailOptions,
    clock: &Clock,
    progress_at: Duration,
    followed_since: Option<Duration>,
) -> Option<Duration> {
    let patience = options.once.then(|| progress_at + PATIENCE);
    let until = options.until.map(|until| {
        let left = until.duration_since(clock.sure());
        clock.uptime() + Duration::try_from(left).unwrap_or_default()
    });
    // A time in the past would wake the loop without end, so it is left out; the poller's next state wakes it
    // then. For a follower no state may ever come, so the end of its first wait wakes it.
    let first_poll = followed_since.map(|since| since + FIRST_POLL);
    [patience, until, first_poll].into_iter().flatten().filter(|at| *at > clock.uptime()).min()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn read_at(when: Timestamp) -> Polling {
        Polling { last_good: Some(when), caught_up: Some(when), ..Polling::default() }
    }

    fn elsewhere() -> Pulse {
        Pulse::Elsewhere("42".to_owned())
    }

    #[test]
    fn a_follower_ends_with_a_failure_where_nobody_reads_up_to_the_time() {
        let clock = Clock::manual(at("2026-05-06T08:00:00Z"));
        let down = Pulse::Down(Fault::new(Part::Poll, "stopped", "Process 42 is stopped.", "", "End it."));
        let asked = (false, Some(at("2026-05-06T08:00:10Z")));
        let ends =
            |pulse: &Pulse, polling| follower_ends(asked, "42", pulse, polling, Duration::ZERO, &clock);
        let read = read_at(at("2026-05-06T07:59:50Z"));
        assert_eq!(ends(&down, read), Ok(false), "that time has not come");
        clock.advance(Duration::from_secs(10));
        assert_eq!(ends(&elsewhere(), read), Ok(false), "it may read on");
        for polling in [read, Polling::default()] {
            let (exit, words) = ends(&down, polling).unwrap_err();
            assert_eq!(exit, Exit::Failed);
            assert_eq!(words, "Process 42 is stopped. The output may be incomplete. End it.");
        }
        assert_eq!(ends(&down, read_at(at("2026-05-06T08:00:10Z"))), Ok(true), "it was read in time");
    }

    #[test]
    fn a_follower_with_a_wrong_clock_ends_by_oktas_time() {
        let ahead = SignedDuration::from_hours(48);
        let (clock, until) = (Clock::manual(at("2026-05-08T08:00:00Z")), at("2026-05-06T08:00:10Z"));
        clock.hear(at("2026-05-06T08:00:00Z"));
        let ends = |seconds: u64| {
            let read = at("2026-05-08T08:00:00Z") + SignedDuration::from_secs(seconds as i64);
            let polling = Polling { ahead, ..read_at(read) };
            follower_ends((false, Some(until)), "42", &elsewhere(), polling, Duration::ZERO, &clock)
        };
        assert_eq!(ends(0), Ok(false), "that time has not come");
        clock.advance(Duration::from_secs(10));
        assert_eq!(ends(9), Ok(false), "nor was the log read up to it");
        assert_eq!(ends(10), Ok(true));
    }

    #[test]
    fn the_hook_is_told_each_time_that_it_falls_ill_and_is_well_again() {
        let (mut board, mut told) = (Board::default(), None);
        let fault = Fault::new(Part::Hook, "nobody listens", "Nobody listens.", "", "");
        for well in [elsewhere(), Pulse::Live] {
            board.set(Part::Hook, Pulse::Down(fault.clone()));
            assert_eq!(hook_news(&board, &mut told).as_deref(), Some("Nobody listens."));
            assert_eq!(hook_news(&board, &mut told), None);
            board.set(Part::Hook, well);
            assert_eq!(hook_news(&board, &mut told).as_deref(), Some("The event hook works again."));
            assert_eq!(hook_news(&board, &mut told), None);
        }
    }
}
