//! The worker that reads full consents for the detail, so that no key waits for the disk.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::handover::{Handover, Request};
use crate::consent::Seq;
use crate::model::Msg;
use crate::run::Records;
use crate::tasks::start_thread;

/// The maximum time that a frame waits for the detail of a new row, so that mostly one frame shows both.
const FRAME_WAITS: Duration = Duration::from_millis(10);
/// The capacity of the channel for answers.
const ANSWERS: usize = 4;

/// The loop's side: requests consents from the worker and receives them.
#[derive(Debug)]
pub(super) struct Reading {
    reads: Arc<Handover<Reads>>,
    answers: mpsc::Receiver<Msg>,
    /// The time of the newest request.
    asked_at: Option<Duration>,
}

/// The requests to read. Only the newest of each kind is kept, because the detail shows one consent.
#[derive(Debug, Default)]
struct Reads {
    record: Option<Seq>,
    beside: Option<(Seq, Option<String>, Option<String>)>,
}

impl Reading {
    /// Starts the worker. It ends when the [`Reading`] is dropped.
    ///
    /// # Errors
    /// Fails if the system cannot start a thread.
    pub(super) fn start(records: Box<dyn Records>) -> io::Result<Self> {
        let (tell, answers) = mpsc::channel(ANSWERS);
        let reads = Arc::new(Handover::default());
        let theirs = Arc::clone(&reads);
        start_thread("records", move || work(records, &theirs, &tell))?;
        Ok(Self { reads, answers, asked_at: None })
    }

    /// Requests a consent. Replaces an earlier request.
    pub(super) fn record(&mut self, seq: Seq, up: Duration) {
        self.ask(up, |reads| {
            reads.record = Some(seq);
            reads.beside = None;
        });
    }

    /// Requests the events of a consent's session and transaction.
    pub(super) fn beside(
        &mut self,
        seq: Seq,
        session: Option<String>,
        transaction: Option<String>,
        up: Duration,
    ) {
        self.ask(up, |reads| reads.beside = Some((seq, session, transaction)));
    }

    /// Returns whether an answer is outstanding.
    pub(super) fn is_busy(&self) -> bool {
        // The order of the checks matters. In the other order, an answer sent in between would be missed.
        self.reads.is_busy() || !self.answers.is_empty()
    }

    /// Returns the time until which a frame waits for the consent that is being read.
    pub(super) fn frame_at(&self) -> Option<Duration> {
        self.asked_at.filter(|_| self.is_busy()).map(|at| at + FRAME_WAITS)
    }

    /// Waits for an answer. The future can be dropped without losing an answer.
    pub(super) async fn heard(&mut self) -> Msg {
        match self.answers.recv().await {
            Some(msg) => msg,
            None => std::future::pending().await,
        }
    }

    fn ask(&mut self, up: Duration, change: impl FnOnce(&mut Reads)) {
        self.reads.change(change);
        self.asked_at = Some(up);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // Nobody receives the remaining answers, so they are not read.
        self.reads.change(|reads| *reads = Reads::default());
        self.reads.close();
    }
}

impl Request for Reads {
    fn is_empty(&self) -> bool {
        self.record.is_none() && self.beside.is_none()
    }
}

fn work(mut records: Box<dyn Records>, requests: &Handover<Reads>, tell: &mpsc::Sender<Msg>) {
    records.open();
    while let Some(reads) = requests.next() {
        let record = reads.record.map(|seq| match records.record(seq) {
            Ok(consent) => Msg::Record(seq, consent.map(Box::new)),
            Err(why) => Msg::RecordFailed(seq, why),
        });
        let beside = reads.beside.map(|(seq, session, transaction)| {
            Msg::Beside(seq, records.beside(seq, session.as_deref(), transaction.as_deref()))
        });
        for msg in record.into_iter().chain(beside) {
            if tell.blocking_send(msg).is_err() {
                return;
            }
        }
    }
}
