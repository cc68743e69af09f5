//! Looks at every stored row, a minute after the start and then once a day, and mends what is damaged: from the row's own
//! event where that is sound, else from Okta where it still keeps the event.

use std::time::Duration;

use tokio::sync::watch;

use super::http::Client;
use crate::clock::Clock;
use crate::consent::{Seq, Stored, Via};
use crate::journal::{Batch, Journal, ReadError, Reader, Repair, Scanned};
use crate::okta::{self, Lost, MendStep, Mending};
use crate::report::{Board, Part, Pulse};
use crate::tasks::Tasks;

/// What it reads, asks and tells.
#[derive(Debug)]
pub struct Doors {
    /// Reads rows as they are on the disk.
    pub reader: Reader,
    /// The way to Okta.
    pub client: Client,
    /// Takes the rows anew.
    pub journal: Journal,
    /// Says how the poller is; hears what is damaged.
    pub board: watch::Sender<Board>,
    /// The time.
    pub clock: Clock,
    /// Is told when there is work.
    pub tasks: Tasks,
}

/// The start and the first polls go before.
const FIRST: Duration = Duration::from_mins(1);
const EVERY: Duration = Duration::from_hours(24);
/// Rows looked at in one step: a few milliseconds, so that it takes some hundredths of a core.
const STEP: usize = 300;
const STEP_EVERY: Duration = Duration::from_millis(100);
/// Numbers of rows that a sentence names.
const SHOWN: usize = 10;

/// Looks and mends until the task is cancelled or the journal cannot be read.
pub async fn run(mut mending: Mending, mut doors: Doors) {
    drop(doors.clock.sleep(FIRST).await);
    loop {
        let next = doors.clock.uptime() + EVERY;
        if let Err(error) = doors.look(&mut mending).await {
            // Whoever shows the rows reads the same journal, and says so.
            tracing::warn!(%error, "The journal could not be looked at for damage; the next day tries again.");
        }
        drop(doors.clock.sleep_until(next).await);
    }
}

impl Doors {
    async fn look(&mut self, mending: &mut Mending) -> Result<(), ReadError> {
        self.reader.forget_given();
        let (mut seen, mut mended) = (Seq(0), 0);
        let mut lost = Vec::new();
        loop {
            let busy = self.tasks.busy();
            let Some(Scanned { last, damaged }) = self.reader.scan_after(seen, STEP)? else { break };
            seen = last;
            let mut repairs = Vec::new();
            for row in damaged {
                match row.record.as_deref().and_then(from_own_event) {
                    Some(consent) => repairs.push(Repair { seq: row.seq, consent, is_own: true }),
                    None => lost.push(Lost { seq: row.seq, keys: row.keys }),
                }
            }
            mended += self.put(repairs).await;
            drop(busy);
            drop(self.clock.sleep(STEP_EVERY).await);
        }
        if !lost.is_empty() {
            tracing::warn!(rows = lost.len(), "Rows are damaged on the disk; Okta is asked for them again.");
            self.tell(&lost, mended);
            mending.ask(lost, self.clock.sure());
            mended += self.ask(mending).await;
        }
        self.tell(mending.lost(), mended);
        Ok(())
    }

    /// Asks until there is nothing left to ask for, while the poller is well.
    async fn ask(&mut self, mending: &mut Mending) -> usize {
        let mut mended = 0;
        let mut board = self.board.subscribe();
        loop {
            let is_well = |board: &Board| matches!(board.get(Part::Poll), Pulse::Live);
            if board.wait_for(is_well).await.is_err() {
                return mended;
            }
            let busy = self.tasks.busy();
            match mending.step(self.clock.uptime()) {
                MendStep::Done => return mended,
                MendStep::Wait(until) => {
                    drop(busy);
                    drop(self.clock.sleep_until(until).await);
                }
                MendStep::Send(request) => {
                    let result = self.client.send(&request).await;
                    let found = mending.take(self.clock.sure(), self.clock.uptime(), result);
                    let repairs =
                        found.into_iter().map(|(seq, consent)| Repair { seq, consent, is_own: false });
                    mended += self.put(repairs.collect()).await;
                }
            }
        }
    }

    async fn put(&mut self, repairs: Vec<Repair>) -> usize {
        let count = repairs.len();
        if count == 0 {
            return 0;
        }
        match self.journal.append(Batch { repairs, ..Batch::default() }).await {
            Ok(_) => count,
            Err(error) => {
                tracing::warn!(%error, "Damaged rows could not be mended; the next day tries again.");
                0
            }
        }
    }

    /// Tells what is damaged and stays so.
    fn tell(&self, lost: &[Lost], mended: usize) {
        if mended > 0 {
            tracing::warn!(mended, "Damaged rows of the journal were mended.");
        }
        let mut notes = Vec::new();
        if !lost.is_empty() {
            let mut numbers: Vec<i64> = lost.iter().map(|lost| lost.seq.0).collect();
            numbers.sort_unstable();
            let more = if numbers.len() > SHOWN { " …" } else { "" };
            let shown: Vec<String> = numbers.iter().take(SHOWN).map(ToString::to_string).collect();
            notes.push(format!(
                "{} of the journal damaged on the disk, number {}{more}. A damaged row stands empty in the list and is \
                 left out elsewhere; Okta is asked for it again, if it still keeps it (90 days). Look at the disk; a copy \
                 from before has what Okta no longer keeps.",
                if numbers.len() == 1 { "1 row is".to_owned() } else { format!("{} rows are", numbers.len()) },
                shown.join(", "),
            ));
        }
        self.board.send_if_modified(|board| {
            let before = std::mem::replace(&mut board.notes.damage, notes);
            before != board.notes.damage
        });
    }
}

/// Reads a sound event again whose line of the list is damaged.
fn from_own_event(stored: &Stored) -> Option<crate::consent::Consent> {
    let parts = okta::event(&stored.raw, stored.received, Via::POLL).ok()?;
    parts.into_iter().nth(usize::from(stored.key.part))
}
