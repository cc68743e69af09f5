//! Evaluates filter conditions on fields that the list does not hold. A separate thread reads the whole consents for
//! that, newest first.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::sync::mpsc;

use super::{Records, matching};
use crate::model::{LookUp, Msg};
use crate::tasks::start_thread;

/// A handle to the look-up thread, its orders and its answers.
#[derive(Debug)]
pub struct LookUps {
    orders: SyncSender<LookUp>,
    latest: Arc<AtomicU64>,
    answers: mpsc::Receiver<Msg>,
}

/// The capacity of the order queue. All but the latest order are abandoned at once, so few ever wait.
const ORDERS: usize = 64;
/// The capacity of the answer channel.
const ANSWERS: usize = 4;
/// Consents read for one answer, which takes some ten milliseconds.
const BATCH: usize = 500;

impl LookUps {
    /// Starts the thread. It ends when this is dropped.
    ///
    /// # Errors
    /// Returns an error if no thread can be started.
    pub fn start(records: Box<dyn Records>) -> io::Result<Self> {
        let (orders, ordered) = sync_channel(ORDERS);
        let (tell, answers) = mpsc::channel(ANSWERS);
        let latest = Arc::new(AtomicU64::new(0));
        let wanted = Arc::clone(&latest);
        start_thread("look-up", move || serve(&ordered, &wanted, &tell, records))?;
        Ok(Self { orders, latest, answers })
    }

    /// Starts a look-up that replaces the one before.
    pub fn ask(&self, order: LookUp) {
        self.forget(order.number);
        if self.orders.try_send(order).is_err() {
            tracing::warn!("A look-up was lost; typing the filter again repeats it.");
        }
    }

    /// Abandons all look-ups with a lower number.
    pub fn forget(&self, number: u64) {
        self.latest.fetch_max(number, Ordering::SeqCst);
    }

    /// Waits for the next answer.
    pub async fn found(&mut self) -> Option<Msg> {
        self.answers.recv().await
    }
}

fn serve(
    orders: &Receiver<LookUp>,
    latest: &AtomicU64,
    tell: &mpsc::Sender<Msg>,
    mut records: Box<dyn Records>,
) {
    while let Ok(order) = orders.recv() {
        let is_wanted = || latest.load(Ordering::SeqCst) == order.number;
        for batch in order.seqs.chunks(BATCH).take_while(|_| is_wanted()) {
            let mut found = Vec::new();
            let mut trouble = None;
            for seq in batch {
                match records.record(*seq) {
                    Ok(Some(consent)) => {
                        let bits = matching::deep_bits(&order.query, &consent);
                        if bits != 0 {
                            found.push((*seq, bits));
                        }
                    }
                    Ok(None) => {}
                    Err(why) => trouble = Some(why),
                }
            }
            let answer = Msg::LookedUp { number: order.number, found, looked: batch.len(), trouble };
            if tell.blocking_send(answer).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::{Beside, Consent, Seq, Via};
    use crate::model::Query;
    use crate::okta;

    struct Invented;

    impl Records for Invented {
        fn record(&mut self, seq: Seq) -> Result<Option<Consent>, String> {
            record(seq)
        }

        fn beside(&mut self, _: Seq, _: Option<&str>, _: Option<&str>) -> Beside {
            Beside::default()
        }
    }

    fn record(seq: Seq) -> Result<Option<Consent>, String> {
        if seq.0 == 13 {
            return Err("cannot be read".to_owned());
        }
        let raw = format!(
            r#"{{"uuid":"7c0e9a52-1111-11ef-9a5c-{:012}","eventType":"app.oauth2.as.consent.grant","displayMessage":"m{}"}}"#,
            seq.0,
            seq.0 % 10
        );
        let at = "2026-03-04T09:15:00Z".parse().unwrap();
        Ok(Some(okta::event(&raw, at, Via::POLL).unwrap().remove(0)))
    }

    fn order(number: u64, text: &str, seqs: std::ops::Range<i64>) -> LookUp {
        let query = Query::parse(text, 0, &jiff::tz::TimeZone::UTC).unwrap();
        LookUp { number, query: query.into(), seqs: seqs.map(Seq).collect() }
    }

    #[tokio::test]
    async fn the_latest_order_is_answered_whole() {
        let mut lookups = LookUps::start(Box::new(Invented)).unwrap();
        lookups.ask(order(1, "message:m7", 0..1_000_000));
        lookups.ask(order(2, "message:m3 or uuid:000000000042", 0..1000));
        let (mut all, mut looked, mut troubles) = (Vec::new(), 0, 0);
        while looked < 1000 {
            match lookups.found().await {
                Some(Msg::LookedUp { number: 2, found, looked: more, trouble }) => {
                    all.extend(found);
                    looked += more;
                    troubles += usize::from(trouble.is_some());
                }
                Some(Msg::LookedUp { number: 1, .. }) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((all.len(), troubles), (100, 1));
        assert_eq!(all.iter().find(|(seq, _)| *seq == Seq(42)), Some(&(Seq(42), 2)));
        assert_eq!(all.iter().find(|(seq, _)| *seq == Seq(3)), Some(&(Seq(3), 1)));
    }
}
