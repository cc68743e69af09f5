//! The worker that stores marks, used filters and the place of the screen, so that no key waits for the disk.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::handover::{Handover, Request};
use crate::clock::Clock;
use crate::consent::Seq;
use crate::model::{Msg, Notice};
use crate::run::{NoteStore, Place};
use crate::tasks::start_thread;

/// The time without an answer after which the screen shows a notice.
const SLOW: Duration = Duration::from_secs(3);
/// The time that the loop waits for each remaining order when it ends.
const PATIENCE: Duration = Duration::from_secs(10);
/// The maximum number of filters that wait to be stored. Beyond it, the oldest is dropped.
const FILTERS_MAX: usize = 200;
/// The capacity of the channel for answers.
const ANSWERS: usize = 64;

/// The loop's side: sends orders to the worker and receives its answers.
#[derive(Debug)]
pub(super) struct Keeper {
    orders: Arc<Handover<Orders>>,
    answers: mpsc::Receiver<Answer>,
    /// The times of marked events that are not in the journal yet.
    missing: HashSet<i64>,
    /// The place that was sent to the worker last.
    place: Place,
    /// The time since which the worker has not answered.
    waits_since: Option<Duration>,
    is_slow: bool,
}

/// The orders for the worker. A newer order replaces an older one that it makes obsolete, which bounds their number.
#[derive(Debug, Default)]
struct Orders {
    marks: Vec<(Seq, Option<String>, Timestamp)>,
    filters: Vec<String>,
    place: Option<Place>,
    look: bool,
    all_marks: bool,
}

/// The answer to one order.
#[derive(Debug)]
struct Answer {
    msg: Option<Msg>,
    missing: Option<HashSet<i64>>,
}

impl Keeper {
    /// Starts the worker.
    ///
    /// # Errors
    /// Fails if the system cannot start a thread.
    pub(super) fn start(store: Box<dyn NoteStore>) -> io::Result<Self> {
        let (tell, answers) = mpsc::channel(ANSWERS);
        let orders = Arc::new(Handover::default());
        let missing = store.missing();
        let theirs = Arc::clone(&orders);
        start_thread("notes", move || work(store, &theirs, &tell))?;
        Ok(Self { orders, answers, missing, place: Place::new(), waits_since: None, is_slow: false })
    }

    /// Marks a row with a note, or removes mark and note if `note` is `None`.
    pub(super) fn mark(&mut self, seq: Seq, note: Option<String>, clock: &Clock) {
        let now = clock.now();
        self.order(clock, |orders| {
            orders.marks.retain(|(other, ..)| *other != seq);
            orders.marks.push((seq, note, now));
        });
    }

    /// Adds a filter to the stored history.
    pub(super) fn remember(&mut self, query: String, clock: &Clock) {
        self.order(clock, |orders| {
            orders.filters.retain(|other| *other != query);
            orders.filters.push(query);
            let surplus = orders.filters.len().saturating_sub(FILTERS_MAX);
            orders.filters.drain(..surplus);
        });
    }

    /// Stores the place of the screen, if it has changed.
    pub(super) fn keep_place(&mut self, place: Place, clock: &Clock) {
        if self.place != place {
            self.place.clone_from(&place);
            self.order(clock, |orders| orders.place = Some(place));
        }
    }

    /// Checks whether another screen changed a mark.
    pub(super) fn look(&mut self, clock: &Clock) {
        self.order(clock, |orders| orders.look = true);
    }

    /// Reads all marks again if `msg` adds an event that was marked before it was in the journal.
    pub(super) fn saw(&mut self, msg: &Msg, clock: &Clock) {
        let (Msg::Committed(page) | Msg::Older { page, .. }) = msg else { return };
        if !self.missing.is_empty() && page.rows.iter().any(|row| self.missing.contains(&row.published_ms)) {
            self.order(clock, |orders| orders.all_marks = true);
        }
    }

    /// Returns whether an answer is outstanding.
    pub(super) fn is_busy(&self) -> bool {
        // The order of the checks matters. In the other order, an answer sent in between would be missed.
        self.orders.is_busy() || !self.answers.is_empty()
    }

    /// Waits for the next message of the worker, or for the time at which it counts as slow. The future can be dropped
    /// without losing an answer.
    pub(super) async fn heard(&mut self, clock: &Clock) -> Msg {
        loop {
            let slow_at = self.waits_since.filter(|_| !self.is_slow).map(|since| since + SLOW);
            tokio::select! {
                biased;
                answer = self.answers.recv() => {
                    let Some(answer) = answer else { std::future::pending().await };
                    if let Some(msg) = self.take(answer, clock) {
                        return msg;
                    }
                }
                _ = clock.sleep_until(slow_at.unwrap_or(Duration::MAX)), if slow_at.is_some() => {
                    self.is_slow = true;
                    return Msg::Notice(Notice::bad(STUCK));
                }
            }
        }
    }

    /// Waits until all orders are done. Returns a sentence if something was not written.
    pub(super) async fn finish(mut self, clock: &Clock) -> Option<String> {
        self.orders.close();
        let mut failure = None;
        loop {
            let until = clock.uptime().saturating_add(PATIENCE);
            tokio::select! {
                biased;
                answer = self.answers.recv() => match answer {
                    Some(Answer { msg: Some(Msg::Notice(notice)), .. }) if notice.is_bad() => {
                        failure = Some(notice.text);
                    }
                    Some(_) => {}
                    None => return failure,
                },
                _ = clock.sleep_until(until) => return Some(LOST.to_owned()),
            }
        }
    }

    fn order(&mut self, clock: &Clock, change: impl FnOnce(&mut Orders)) {
        if self.orders.change(change) {
            self.waits_since = Some(clock.uptime());
        }
    }

    fn take(&mut self, answer: Answer, clock: &Clock) -> Option<Msg> {
        if let Some(missing) = answer.missing {
            self.missing = missing;
        }
        self.is_slow = false;
        self.waits_since = self.orders.is_busy().then(|| clock.uptime());
        answer.msg
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.orders.close();
    }
}

impl Request for Orders {
    fn is_empty(&self) -> bool {
        self.marks.is_empty()
            && self.filters.is_empty()
            && self.place.is_none()
            && !self.look
            && !self.all_marks
    }
}

/// The loop of the worker. It ends when the orders are closed.
fn work(mut store: Box<dyn NoteStore>, requests: &Handover<Orders>, tell: &mpsc::Sender<Answer>) {
    while let Some(orders) = requests.next() {
        let mut carry_out = |order: &mut dyn FnMut(&mut dyn NoteStore) -> Option<Msg>| {
            let msg = order(&mut *store);
            let missing = matches!(msg, Some(Msg::Marks(_))).then(|| store.missing());
            if tell.blocking_send(Answer { msg, missing }).is_err() {
                tracing::debug!(
                    "The loop no longer receives answers. The remaining orders are still performed."
                );
            }
        };
        for (seq, note, at) in orders.marks {
            carry_out(&mut |store| Some(store.mark(seq, note.clone(), at)));
        }
        for query in orders.filters {
            carry_out(&mut |store| store.remember(&query));
        }
        if orders.all_marks {
            carry_out(&mut |store| store.marks());
        } else if orders.look {
            carry_out(&mut |store| store.look());
        }
        if let Some(place) = orders.place {
            carry_out(&mut |store| {
                store.keep_place(place.clone());
                None
            });
        }
    }
}

const STUCK: &str = "The disk with marks and notes has not answered for 3 seconds. Changes are written once it does. \
    Check the disk of the data folder.";
const LOST: &str = "The disk with marks and notes did not answer for 10 seconds, so the latest changes may be lost. \
    Check the disk of the data folder.";
