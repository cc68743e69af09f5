//! Runs the probes of the org's readiness: at the start, at an interval, and when the log shows a change.
//!
//! The poller has priority over a round: it waits while the rate limit is nearly used up and sends one call at a time.
//! For the log it uses the share that history may use.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use super::http::OktaClient;
use crate::clock::Clock;
use crate::consent::OrgId;
use crate::journal::{OrgJournal, Reader};
use crate::okta::{ProbeStep, Prober};
use crate::report::{Board, Fault, Part, Pulse, Readiness};
use crate::tasks::Tasks;

/// The handles that the prober works with.
#[derive(Debug)]
pub struct ProbeDoors {
    /// Reads the newest consent, and changes of the org from the log.
    pub reader: Reader,
    /// The client for the org.
    pub client: OktaClient,
    /// The journal whose changes may start a round.
    pub journal: OrgJournal,
    /// Gets the results.
    pub board: watch::Sender<Board>,
    /// The clock.
    pub clock: Clock,
    /// Marked as busy while a round runs.
    pub tasks: Tasks,
    /// Starts a round at once.
    pub nudge: Arc<Notify>,
    /// The time from the end of one round to the start of the next.
    pub interval: Duration,
}

/// How long the poller is given to make its first request.
const FIRST: Duration = Duration::from_secs(10);
/// The longest time that a call waits while the rate limit is nearly used up.
const STAND_BACK: Duration = Duration::from_mins(1);
/// The delay between a change in the log and the round that it starts, so that several changes start only one.
const SETTLE: Duration = Duration::from_secs(5);

/// Probes until the tasks end.
pub async fn run(mut prober: Prober, doors: ProbeDoors) {
    let ProbeDoors { reader, client, journal, board, clock, tasks, nudge, interval } = doors;
    board.send_if_modified(|board| board.set(Part::Readiness, Pulse::Starting));
    let mut seen = board.subscribe();
    tokio::select! {
        _ = seen.wait_for(|board| *board.get(Part::Poll) != Pulse::Starting) => {}
        _ = clock.sleep(FIRST) => {}
    }
    let mut head = journal.head();
    let mut drift = newest_drift(&reader, journal.org());
    loop {
        let busy = tasks.busy();
        head.borrow_and_update();
        let found =
            round(&mut prober, &client, &clock, newest_grant(&reader, journal.org()), false, Some(&mut seen))
                .await;
        let next = clock.uptime() + interval;
        tell(&board, found, next_time(&clock, interval));
        drop(busy);
        loop {
            tokio::select! {
                _ = clock.sleep_until(next) => break,
                () = nudge.notified() => break,
                changed = head.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let newest = newest_drift(&reader, journal.org());
                    if newest > drift {
                        drift = newest;
                        clock.sleep(SETTLE).await;
                        break;
                    }
                }
            }
        }
    }
}

/// Makes one round of probes and returns its verdict. With a board, calls wait while the rate limit is nearly used up.
pub async fn round(
    prober: &mut Prober,
    client: &OktaClient,
    clock: &Clock,
    proof: Option<Timestamp>,
    asks_log: bool,
    mut board: Option<&mut watch::Receiver<Board>>,
) -> Readiness {
    prober.begin(clock.sure(), proof, asks_log);
    loop {
        let request = match prober.step(clock.now(), clock.uptime()) {
            ProbeStep::Done => break,
            ProbeStep::Wait(until) => {
                drop(clock.sleep_until(until).await);
                continue;
            }
            step => step,
        };
        if let Some(board) = &mut board {
            tokio::select! {
                _ = board.wait_for(|board| !is_short(board)) => {}
                _ = clock.sleep(STAND_BACK) => {}
            }
        }
        let result = match &request {
            ProbeStep::SendOpen(request) => client.send_open(request).await,
            ProbeStep::Send(request) => client.send(request).await,
            ProbeStep::Wait(_) | ProbeStep::Done => continue,
        };
        prober.take(clock.now(), clock.uptime(), &result);
    }
    prober.judge(clock.sure(), &client.rights().await)
}

/// Returns whether the poller may need all remaining requests.
fn is_short(board: &Board) -> bool {
    board.traffic.is_low()
        || matches!(board.get(Part::Poll), Pulse::Waiting(_, fault) if fault.brief.starts_with("429"))
}

fn tell(board: &watch::Sender<Board>, mut found: Readiness, next: Timestamp) {
    let answered =
        found.items.iter().flat_map(|item| &item.evidence).any(|evidence| evidence.status.is_some());
    let pulse = if answered {
        Pulse::Live
    } else {
        let fault = Fault::new(
            Part::Readiness,
            "no answer",
            "No probe of the org's readiness was answered.",
            "The next round asks again; earlier results are no longer shown.",
            "Check the network and the proxy if this lasts.",
        );
        Pulse::Waiting(next, fault.passing())
    };
    board.send_modify(|board| {
        if let Some(before) = &board.readiness {
            found.follow(before);
            for change in found.changes.iter().filter(|change| change.at == found.probed) {
                tracing::warn!("The org's readiness changed. {}", change.what);
            }
        }
        board.readiness = Some(Arc::new(found));
        board.set(Part::Readiness, pulse);
    });
}

fn next_time(clock: &Clock, wait: Duration) -> Timestamp {
    let now = clock.now();
    now.checked_add(wait).unwrap_or(now)
}

/// Returns the time of the newest consent of an org that counts as proof, or `None` if there is none or the journal cannot be
/// read.
pub fn newest_grant(reader: &Reader, org: OrgId) -> Option<Timestamp> {
    reader.newest_grant(org).unwrap_or_else(|error| {
        tracing::warn!(%error, "The journal's newest consent could not be read.");
        None
    })
}

fn newest_drift(reader: &Reader, org: OrgId) -> i64 {
    reader.newest_drift(org).unwrap_or_else(|error| {
        tracing::warn!(%error, "Changes of the org in the log could not be read.");
        0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_stands_back_while_the_poller_may_need_what_is_left() {
        let mut board = Board::default();
        board.set(Part::Poll, Pulse::Live);
        assert!(!is_short(&board));
        (board.traffic.limit, board.traffic.remaining) = (Some(100), Some(9));
        assert!(is_short(&board));
        board.traffic.remaining = Some(50);
        let waiting = |brief: &str| {
            Pulse::Waiting(Timestamp::UNIX_EPOCH, Fault::new(Part::Poll, brief, "", "", "").passing())
        };
        board.set(Part::Poll, waiting("429 rate limit"));
        assert!(is_short(&board));
        // Other faults of the poller do not delay the probes.
        board.set(Part::Poll, waiting("403 not permitted"));
        assert!(!is_short(&board));
    }
}
