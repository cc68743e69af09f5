//! Fetches history: sends the requests, stores the results and reports the progress.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::http::OktaClient;
use crate::clock::Clock;
use crate::journal::{AppendError, Batch, OrgJournal};
use crate::okta::{Fetched, History, Step};
use crate::report::Pulse;
use crate::tasks::Tasks;

/// The progress of fetching history. A receiver sees the current state, not each step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The time from which on everything is fetched and stored.
    pub whole_from: Timestamp,
    /// Rows that are new in the journal.
    pub new: u64,
    /// Answers from Okta that contained a page.
    pub pages: u64,
    /// The status of the fetch, [`Pulse::Live`] once it is done.
    pub pulse: Pulse,
    /// Whether the goal is reached.
    pub is_done: bool,
}

impl Progress {
    /// Returns the progress of a fetch that has not started.
    pub fn of(history: &History) -> Self {
        let is_done = history.is_done();
        let pulse = if is_done { Pulse::Live } else { Pulse::Starting };
        Self { whole_from: history.whole_from(), new: 0, pages: 0, pulse, is_done }
    }
}

const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Fetches history until the goal is reached, the journal is closed, or the task is canceled.
///
/// Each page is stored in the journal, together with the position after it, before the next is requested.
pub async fn run(
    mut history: History,
    client: OktaClient,
    journal: OrgJournal,
    clock: Clock,
    tasks: Tasks,
    tell: watch::Sender<Progress>,
) {
    while !history.is_done() {
        let busy = tasks.busy();
        match history.step(clock.uptime()) {
            Step::Send(request) => {
                let result = client.send(&request).await;
                let is_page = result.as_ref().is_ok_and(|reply| reply.status == 200);
                let fetched = history.take(clock.sure(), clock.uptime(), result);
                let pulse = fetched.pulse.clone();
                if let Some(fault) = pulse.fault() {
                    tracing::warn!(causes = ?fault.chain, "While history is fetched: {fault}");
                }
                let Some(new) = store(fetched, &journal, &clock, &tell).await else { return };
                tell.send_modify(|progress| {
                    progress.whole_from = history.whole_from();
                    progress.new += new;
                    progress.pages += u64::from(is_page);
                    progress.pulse = pulse;
                    progress.is_done = history.is_done();
                });
            }
            Step::Wait { until } => {
                drop(busy);
                drop(clock.sleep_until(until).await);
            }
        }
    }
}

/// Stores a page, retrying until that succeeds, and returns how many rows are new. Returns `None` once the journal is
/// closed for good.
async fn store(
    fetched: Fetched,
    journal: &OrgJournal,
    clock: &Clock,
    tell: &watch::Sender<Progress>,
) -> Option<u64> {
    let batch = Batch {
        consents: fetched.consents,
        rejects: fetched.rejects,
        history: fetched.mark,
        ..Batch::default()
    };
    if batch == Batch::default() {
        return Some(0);
    }
    let mut wait = RETRY_FIRST;
    loop {
        match journal.append(batch.clone()).await {
            Ok(commit) => return Some(commit.new as u64),
            Err(error) => {
                let fault = error.fault();
                let is_closed = matches!(error, AppendError::Closed);
                let until = clock.now().checked_add(wait).unwrap_or_else(|_| clock.now());
                let waits = fault.passes && !is_closed;
                let pulse = if waits { Pulse::Waiting(until, fault) } else { Pulse::Down(fault) };
                tell.send_modify(|progress| progress.pulse = pulse);
                if is_closed {
                    return None;
                }
                drop(clock.sleep(wait).await);
                wait = (wait * 2).min(RETRY_MAX);
            }
        }
    }
}
