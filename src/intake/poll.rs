//! Runs the poller: sends its requests, stores the results and reports its status.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::http::OktaClient;
use crate::clock::Clock;
use crate::journal::{AppendError, Batch, OrgJournal, Polled};
use crate::okta::{Poller, Step, Taken};
use crate::report::{Board, Fault, Part, Pulse, Traffic};
use crate::tasks::{Busy, Tasks};

/// Polls until the journal is closed or the task is canceled. A nudge makes it poll at once if the rate limit allows
/// that. After a refusal, the credentials are read again before the next try.
///
/// Each page is stored before the next is requested, so a full disk stops the poller and loses nothing.
pub async fn run(
    mut poller: Poller,
    client: OktaClient,
    journal: OrgJournal,
    board: watch::Sender<Board>,
    clock: Clock,
    tasks: Tasks,
    nudge: Arc<Notify>,
) {
    let mut driver = Driver { journal, board, clock, tasks, nudge, good_stored: None };
    let mut busy = driver.tasks.busy();
    let mut warned = None;
    let mut is_timed = false;
    driver.tell(Part::Poll, Pulse::Starting);
    loop {
        match poller.step(driver.clock.uptime()) {
            Step::Send(request) => {
                let result = client.send(&request).await;
                if !is_timed && driver.clock.ahead().is_some() {
                    is_timed = true;
                    if !driver.clock.agrees() && poller.set_right(driver.clock.sure()) {
                        tracing::warn!(
                            "This machine's clock is wrong. The log is queried again by Okta's time."
                        );
                        // A page, or a refusal of a time, belongs to the wrong query. Any other answer, such as one
                        // that asks to wait, applies to the right query too.
                        if let Ok(reply) = &result
                            && matches!(reply.status, 200 | 400)
                        {
                            poller.discard(driver.clock.sure(), reply);
                            continue;
                        }
                    }
                }
                let taken = poller.take(driver.clock.sure(), driver.clock.uptime(), result);
                if let Some(warning) = taken.warning.filter(|warning| warned != Some(*warning)) {
                    tracing::warn!("{warning}");
                }
                warned = taken.warning;
                let is_good = taken.pulse.fault().is_none();
                driver.tell_traffic(&poller, false);
                super::tell_notes(&driver.board, |notes| &mut notes.sign_in, client.notes().await);
                if is_good {
                    let is_floored = poller.budget().usage(driver.clock.uptime()).is_floored;
                    let notes = is_floored.then(|| NO_LIMIT.to_owned()).into_iter().collect();
                    super::tell_notes(&driver.board, |notes| &mut notes.poll, notes);
                }
                let Some(still_busy) = driver.store(taken, busy).await else { return };
                busy = still_busy;
                // The good poll is reported only after its rows are stored, so that a waiter finds them.
                driver.tell_traffic(&poller, is_good);
            }
            Step::Wait { until } => {
                let is_nudged;
                (busy, is_nudged) = driver.rest(until, busy).await;
                if driver.is_refused() {
                    client.read_credentials_again().await;
                }
                if is_nudged {
                    poller.poll_now(driver.clock.uptime());
                }
            }
        }
    }
}

struct Driver {
    journal: OrgJournal,
    board: watch::Sender<Board>,
    clock: Clock,
    tasks: Tasks,
    nudge: Arc<Notify>,
    /// The uptime at which a good poll was last stored.
    good_stored: Option<Duration>,
}

/// How often a good poll without new events is stored: often enough to show how fresh the journal is, and rarely enough
/// to spare the disk.
const GOOD_EVERY: Duration = Duration::from_mins(1);
/// The note for an org that names no rate limit.
const NO_LIMIT: &str = "The org's answers have no rate limit headers, or impossible ones. At most two requests a second \
                        are sent, in bursts of up to ten. Check whether a proxy removes or changes the X-Rate-Limit \
                        headers.";
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);

impl Driver {
    /// Stores a batch, retrying until that succeeds. Returns `None` once the journal is closed for good.
    async fn store(&mut self, taken: Taken, mut busy: Busy) -> Option<Busy> {
        if !taken.rejects.is_empty() {
            tracing::warn!(
                count = taken.rejects.len(),
                "Records of the log could not be read; they are kept."
            );
        }
        let mut batch = Batch {
            consents: taken.consents,
            sides: taken.sides,
            rejects: taken.rejects,
            bookmark: taken.bookmark,
            gap: taken.gap,
            ..Batch::default()
        };
        let up = self.clock.uptime();
        let is_good = taken.pulse.fault().is_none();
        let is_due = self.good_stored.is_none_or(|stored| stored + GOOD_EVERY <= up);
        if is_good && (is_due || batch != Batch::default()) {
            let interval = self.board.borrow().traffic.interval.unwrap_or_default();
            batch.polled = Some(Polled { at: self.clock.sure(), caught_up: taken.caught_up, interval });
        }
        let is_empty = batch == Batch::default();
        if is_empty && self.journal.in_place().is_ok() {
            self.tell(Part::Poll, taken.pulse);
            return Some(busy);
        }
        let mut wait = RETRY_FIRST;
        loop {
            let Err(error) = self.journal.append(batch.clone()).await else { break };
            let fault = error.fault();
            if matches!(error, AppendError::Closed) {
                self.tell(Part::Journal, Pulse::Down(fault));
                self.tell(Part::Poll, Pulse::Down(held_up()));
                return None;
            }
            let until = self.clock.now().checked_add(wait).unwrap_or_else(|_| self.clock.now());
            let pulse = if fault.passes { Pulse::Waiting(until, fault) } else { Pulse::Down(fault) };
            self.tell(Part::Journal, pulse);
            self.tell(Part::Poll, Pulse::Waiting(until, held_up().passing()));
            (busy, _) = self.rest(self.clock.uptime().saturating_add(wait), busy).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
        if batch.polled.is_some() {
            self.good_stored = Some(up);
        }
        self.tell(Part::Journal, Pulse::Live);
        self.tell(Part::Poll, taken.pulse);
        Some(busy)
    }

    /// Waits for an uptime or a nudge, and returns whether it was a nudge. The task counts as idle only during the
    /// wait.
    async fn rest(&self, until: Duration, busy: Busy) -> (Busy, bool) {
        drop(busy);
        let woken = tokio::select! {
            woken = self.clock.sleep_until(until) => Some(woken),
            () = self.nudge.notified() => None,
        };
        (self.tasks.busy(), woken.is_none())
    }

    /// Puts the use of the rate limit on the board, and if `is_good` the time of the good poll.
    fn tell_traffic(&self, poller: &Poller, is_good: bool) {
        let usage = poller.budget().usage(self.clock.uptime());
        let now = self.clock.sure();
        self.board.send_if_modified(|board| {
            let last_good = if is_good { Some(now) } else { board.traffic.last_good };
            let traffic = Traffic {
                used: usage.used,
                ours: usage.ours,
                limit: usage.rate.limit,
                remaining: usage.rate.remaining,
                interval: Some(poller.interval()),
                last_good,
            };
            std::mem::replace(&mut board.traffic, traffic) != traffic
        });
    }

    /// Returns whether Okta's last answer was a refusal.
    fn is_refused(&self) -> bool {
        self.board.borrow().get(Part::Poll).fault().is_some_and(|fault| fault.refused)
    }

    /// Sets the pulse of a part. A fault is logged once when it begins and once when it ends.
    fn tell(&self, part: Part, pulse: Pulse) {
        let after = pulse.fault().cloned();
        let mut before = None;
        self.board.send_if_modified(|board| {
            before = board.get(part).fault().map(|fault| fault.brief.clone());
            board.set(part, pulse)
        });
        match (before, after) {
            (before, Some(fault)) if before.as_ref() != Some(&fault.brief) => {
                tracing::warn!(part = part.word(), causes = ?fault.chain, "{fault}");
            }
            (Some(brief), None) => tracing::info!(part = part.word(), "Recovered from: {brief}."),
            _ => {}
        }
    }
}

fn held_up() -> Fault {
    Fault::new(
        Part::Poll,
        "the journal is not writable",
        "The journal did not store the last poll.",
        "Okta is asked for nothing more until the journal has stored it; nothing is lost.",
        "See the journal's own message.",
    )
}

#[cfg(test)]
mod tests;
