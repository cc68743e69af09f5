//! The worker that keeps marks, used filters and the place, so that no key waits for the disk.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::consent::Seq;
use crate::model::Msg;
use crate::run::{NoteStore, Place};
use crate::tasks::start_thread;

/// A store that does not answer for so long is told of.
const SLOW: Duration = Duration::from_secs(3);
/// At the end, the worker gets so long for each thing that it still has to write.
const PATIENCE: Duration = Duration::from_secs(10);
/// Filters that wait to be remembered, the newest.
const FILTERS_MAX: usize = 200;
/// Answers that wait until the loop takes them.
const ANSWERS: usize = 64;

/// Gives orders to the worker and hears its answers.
#[derive(Debug)]
pub(super) struct Keeper {
    shared: Arc<Shared>,
    answers: mpsc::Receiver<Answer>,
    /// Times of marked events that the journal does not hold yet.
    missing: HashSet<i64>,
    /// The place that was ordered last.
    place: Place,
    /// Since when the worker has not answered.
    waits_since: Option<Duration>,
    is_slow: bool,
}

#[derive(Debug, Default)]
struct Shared {
    orders: Mutex<Orders>,
    changed: Condvar,
}

/// What the worker is to do. A newer order replaces an older one that it makes pointless, so there are never more than
/// a person can give.
#[derive(Debug, Default)]
struct Orders {
    marks: Vec<(Seq, Option<String>, Timestamp)>,
    filters: Vec<String>,
    place: Option<Place>,
    look: bool,
    all_marks: bool,
    /// The worker does something, or has something to do.
    is_busy: bool,
    /// No more orders come.
    is_over: bool,
}

/// What came of one order.
#[derive(Debug)]
struct Answer {
    msg: Option<Msg>,
    missing: Option<HashSet<i64>>,
}

impl Keeper {
    /// Starts the worker.
    ///
    /// # Errors
    /// The system starts no more threads.
    pub(super) fn start(store: Box<dyn NoteStore>) -> io::Result<Self> {
        let (tell, answers) = mpsc::channel(ANSWERS);
        let shared = Arc::new(Shared::default());
        let missing = store.missing();
        let theirs = Arc::clone(&shared);
        start_thread("notes", move || work(store, &theirs, &tell))?;
        Ok(Self { shared, answers, missing, place: Place::new(), waits_since: None, is_slow: false })
    }

    /// Marks a row with a note, or takes both away.
    pub(super) fn mark(&mut self, seq: Seq, note: Option<String>, clock: &Clock) {
        let now = clock.now();
        self.order(clock, |orders| {
            orders.marks.retain(|(other, ..)| *other != seq);
            orders.marks.push((seq, note, now));
        });
    }

    /// Remembers a filter that was used.
    pub(super) fn remember(&mut self, query: String, clock: &Clock) {
        self.order(clock, |orders| {
            orders.filters.retain(|other| *other != query);
            orders.filters.push(query);
            let surplus = orders.filters.len().saturating_sub(FILTERS_MAX);
            orders.filters.drain(..surplus);
        });
    }

    /// Keeps the place where the screen is, if it is another than before.
    pub(super) fn keep_place(&mut self, place: Place, clock: &Clock) {
        if self.place != place {
            self.place.clone_from(&place);
            self.order(clock, |orders| orders.place = Some(place));
        }
    }

    /// Looks whether another screen wrote.
    pub(super) fn look(&mut self, clock: &Clock) {
        self.order(clock, |orders| orders.look = true);
    }

    /// Takes notice of what the screen is told: an event may have come whose mark was there before it.
    pub(super) fn saw(&mut self, msg: &Msg, clock: &Clock) {
        let (Msg::Committed(page) | Msg::Older { page, .. }) = msg else { return };
        if !self.missing.is_empty() && page.rows.iter().any(|row| self.missing.contains(&row.published_ms)) {
            self.order(clock, |orders| orders.all_marks = true);
        }
    }

    /// Whether an answer is still to come.
    pub(super) fn is_busy(&self) -> bool {
        // In this order: a worker that is not busy has sent all its answers.
        self.shared.lock().is_busy || !self.answers.is_empty()
    }

    /// Waits for an answer that is a message, or for the moment at which the worker is called slow. Loses nothing when
    /// dropped.
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
                    return Msg::Notice(STUCK.to_owned(), true);
                }
            }
        }
    }

    /// Waits until all orders are carried out. Returns a sentence about what was not written.
    pub(super) async fn finish(mut self, clock: &Clock) -> Option<String> {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_all();
        let mut failure = None;
        loop {
            let until = clock.uptime().saturating_add(PATIENCE);
            tokio::select! {
                biased;
                answer = self.answers.recv() => match answer {
                    Some(Answer { msg: Some(Msg::Notice(words, true)), .. }) => failure = Some(words),
                    Some(_) => {}
                    None => return failure,
                },
                _ = clock.sleep_until(until) => return Some(LOST.to_owned()),
            }
        }
    }

    fn order(&mut self, clock: &Clock, change: impl FnOnce(&mut Orders)) {
        let mut orders = self.shared.lock();
        change(&mut orders);
        if !orders.is_busy {
            orders.is_busy = true;
            self.waits_since = Some(clock.uptime());
        }
        drop(orders);
        self.shared.changed.notify_all();
    }

    fn take(&mut self, answer: Answer, clock: &Clock) -> Option<Msg> {
        if let Some(missing) = answer.missing {
            self.missing = missing;
        }
        self.is_slow = false;
        self.waits_since = self.shared.lock().is_busy.then(|| clock.uptime());
        answer.msg
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for orders and takes them. Returns `None` when there are none and no more come.
    fn next(&self) -> Option<Orders> {
        let mut orders = self.lock();
        loop {
            if orders.is_waiting() {
                let is_over = orders.is_over;
                let taken =
                    std::mem::replace(&mut *orders, Orders { is_over, is_busy: true, ..Orders::default() });
                return Some(taken);
            }
            orders.is_busy = false;
            if orders.is_over {
                return None;
            }
            orders = self.changed.wait(orders).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Orders {
    fn is_waiting(&self) -> bool {
        !self.marks.is_empty()
            || !self.filters.is_empty()
            || self.place.is_some()
            || self.look
            || self.all_marks
    }
}

/// The loop of the worker. It ends when no more orders come.
fn work(mut store: Box<dyn NoteStore>, shared: &Shared, tell: &mpsc::Sender<Answer>) {
    while let Some(orders) = shared.next() {
        let mut carry_out = |order: &mut dyn FnMut(&mut dyn NoteStore) -> Option<Msg>| {
            let msg = order(&mut *store);
            let missing = matches!(msg, Some(Msg::Marks(_))).then(|| store.missing());
            if tell.blocking_send(Answer { msg, missing }).is_err() {
                tracing::debug!("Nobody hears what was kept; the rest is written all the same.");
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

const STUCK: &str = "Marks and notes are not written yet: the disk has not answered for 3 seconds. They are written as soon \
    as it does. Check the disk of the data folder.";
const LOST: &str = "Some marks, notes or the place on the screen were not written: the disk did not answer for 10 seconds. \
    Check the disk of the data folder.";
