//! The worker that reads whole consents for the detail, so that no key waits for the disk.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::handover::{Handover, Request};
use crate::consent::Seq;
use crate::model::Msg;
use crate::run::Records;
use crate::tasks::start_thread;

/// A frame waits for the detail of another row at most this long, so that most often both come in one.
const FRAME_WAITS: Duration = Duration::from_millis(10);
/// Answers that wait until the loop takes them.
const ANSWERS: usize = 4;

/// Asks the worker for consents, and hears what it read.
#[derive(Debug)]
pub(super) struct Reading {
    wishes: Arc<Handover<Wishes>>,
    answers: mpsc::Receiver<Msg>,
    /// When the newest wish was made.
    asked_at: Option<Duration>,
}

/// What is to be read. Only the newest of each kind is: the detail shows one consent.
#[derive(Debug, Default)]
struct Wishes {
    record: Option<Seq>,
    beside: Option<(Seq, Option<String>, Option<String>)>,
}

impl Reading {
    /// Starts the worker. It ends when this is dropped.
    ///
    /// # Errors
    /// The system starts no more threads.
    pub(super) fn start(records: Box<dyn Records>) -> io::Result<Self> {
        let (tell, answers) = mpsc::channel(ANSWERS);
        let wishes = Arc::new(Handover::default());
        let theirs = Arc::clone(&wishes);
        start_thread("records", move || work(records, &theirs, &tell))?;
        Ok(Self { wishes, answers, asked_at: None })
    }

    /// Reads a consent in place of any other that was asked for.
    pub(super) fn record(&mut self, seq: Seq, up: Duration) {
        self.ask(up, |wishes| {
            wishes.record = Some(seq);
            wishes.beside = None;
        });
    }

    /// Reads what there is of a consent's session and transaction.
    pub(super) fn beside(
        &mut self,
        seq: Seq,
        session: Option<String>,
        transaction: Option<String>,
        up: Duration,
    ) {
        self.ask(up, |wishes| wishes.beside = Some((seq, session, transaction)));
    }

    /// Whether an answer is still to come.
    pub(super) fn is_busy(&self) -> bool {
        // In this order, or an answer that is sent in between is overlooked.
        self.wishes.is_busy() || !self.answers.is_empty()
    }

    /// Returns until when a frame waits for what is being read.
    pub(super) fn frame_at(&self) -> Option<Duration> {
        self.asked_at.filter(|_| self.is_busy()).map(|at| at + FRAME_WAITS)
    }

    /// Waits for an answer. Loses nothing when dropped.
    pub(super) async fn heard(&mut self) -> Msg {
        match self.answers.recv().await {
            Some(msg) => msg,
            None => std::future::pending().await,
        }
    }

    fn ask(&mut self, up: Duration, change: impl FnOnce(&mut Wishes)) {
        self.wishes.change(change);
        self.asked_at = Some(up);
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // Nobody hears what was still to be read.
        self.wishes.change(|wishes| *wishes = Wishes::default());
        self.wishes.close();
    }
}

impl Request for Wishes {
    fn is_empty(&self) -> bool {
        self.record.is_none() && self.beside.is_none()
    }
}

fn work(mut records: Box<dyn Records>, requests: &Handover<Wishes>, tell: &mpsc::Sender<Msg>) {
    records.open();
    while let Some(wishes) = requests.next() {
        let record = wishes.record.map(|seq| match records.record(seq) {
            Ok(consent) => Msg::Record(seq, consent.map(Box::new)),
            Err(why) => Msg::RecordFailed(seq, why),
        });
        let beside = wishes.beside.map(|(seq, session, transaction)| {
            Msg::Beside(seq, records.beside(seq, session.as_deref(), transaction.as_deref()))
        });
        for msg in record.into_iter().chain(beside) {
            if tell.blocking_send(msg).is_err() {
                return;
            }
        }
    }
}
