//! Checks every stored row a minute after the start and then once a day, and repairs damaged rows: from the row's own
//! event if that is intact, else from Okta if it still keeps the event.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;

use super::http::OktaClient;
use crate::clock::Clock;
use crate::consent::{EventKey, OrgId, Seq, Stored, Via};
use crate::journal::{Batch, OrgJournal, ReadError, Reader, Repair, Scanned};
use crate::okta::{self, Lost, MendStep, Mending};
use crate::report::{Board, Part, Pulse};
use crate::tasks::Tasks;

/// The handles that the repair task works with.
#[derive(Debug)]
pub struct MendingDoors {
    /// Reads the rows from the disk.
    pub reader: Reader,
    /// The client for Okta.
    pub client: OktaClient,
    /// Stores the repaired rows.
    pub journal: OrgJournal,
    /// Shows the poller's status, and gets the notes on damage.
    pub board: watch::Sender<Board>,
    /// The clock.
    pub clock: Clock,
    /// Marked as busy while there is work.
    pub tasks: Tasks,
}

/// The delay of the first check, so that the start and the first polls are not slowed down.
const FIRST: Duration = Duration::from_mins(1);
const EVERY: Duration = Duration::from_hours(24);
/// Rows checked in one step. A step takes a few milliseconds, so the check takes a few hundredths of a core.
const STEP: usize = 300;
const STEP_EVERY: Duration = Duration::from_millis(100);
/// The most row numbers named in a sentence.
const SHOWN: usize = 10;

/// Checks and repairs once a day until the task is canceled. If the journal cannot be read, the check is tried again
/// the next day.
pub async fn run(mut mending: Mending, mut doors: MendingDoors) {
    drop(doors.clock.sleep(FIRST).await);
    loop {
        let next = doors.clock.uptime() + EVERY;
        if let Err(error) = doors.look(&mut mending).await {
            // The screen reads the same journal, and reports the error.
            tracing::warn!(%error, "The journal could not be checked for damage; the next try is in a day.");
        }
        drop(doors.clock.sleep_until(next).await);
    }
}

/// The results of the repairs of one check.
#[derive(Debug, Default)]
struct Done {
    /// How many rows were repaired.
    mended: usize,
    /// Rows whose repair the journal did not store.
    failed: Vec<Seq>,
}

impl MendingDoors {
    async fn look(&mut self, mending: &mut Mending) -> Result<(), ReadError> {
        self.reader.forget_given();
        let (mut seen, mut done) = (Seq(0), Done::default());
        let mut without_event = BTreeSet::new();
        loop {
            let busy = self.tasks.busy();
            let Some(Scanned { last, damaged }) = self.reader.scan_after(seen, STEP)? else { break };
            seen = last;
            let mut repairs = Vec::new();
            for row in damaged {
                match row.record.as_deref().and_then(from_own_event) {
                    Some(consent) => repairs.push(Repair { seq: row.seq, consent, is_own: true }),
                    None => drop(without_event.insert(row.seq)),
                }
            }
            self.put(repairs, &mut done).await;
            drop(busy);
            drop(self.clock.sleep(STEP_EVERY).await);
        }
        let keys = self.reader.keys_of(&without_event)?;
        let org = self.journal.org();
        let own =
            |keys: Vec<(OrgId, EventKey)>| keys.into_iter().filter(|(of, _)| *of == org).map(|(_, key)| key);
        let lost: Vec<Lost> =
            keys.into_iter().map(|(seq, keys)| Lost { seq, keys: own(keys).collect() }).collect();
        let count = lost.len();
        // An empty list is passed too: rows lost the day before may have been removed since.
        mending.ask(lost, self.clock.sure());
        if count > 0 {
            tracing::warn!(rows = count, "Rows are damaged on the disk; Okta is asked for them again.");
            self.tell(mending.lost(), &done.failed);
            self.ask(mending, &mut done).await;
        }
        if done.mended > 0 {
            tracing::warn!(mended = done.mended, "Damaged rows of the journal were repaired.");
        }
        self.tell(mending.lost(), &done.failed);
        Ok(())
    }

    /// Sends requests until none is left, pausing while the poller is not live.
    async fn ask(&mut self, mending: &mut Mending, done: &mut Done) {
        let mut board = self.board.subscribe();
        loop {
            let is_well = |board: &Board| matches!(board.get(Part::Poll), Pulse::Live);
            if board.wait_for(is_well).await.is_err() {
                return;
            }
            let busy = self.tasks.busy();
            match mending.step(self.clock.uptime()) {
                MendStep::Done => return,
                MendStep::Wait(until) => {
                    drop(busy);
                    drop(self.clock.sleep_until(until).await);
                }
                MendStep::Send(request) => {
                    let result = self.client.send(&request).await;
                    let found = mending.take(self.clock.sure(), self.clock.uptime(), result);
                    let repairs =
                        found.into_iter().map(|(seq, consent)| Repair { seq, consent, is_own: false });
                    self.put(repairs.collect(), done).await;
                }
            }
        }
    }

    async fn put(&mut self, repairs: Vec<Repair>, done: &mut Done) {
        if repairs.is_empty() {
            return;
        }
        let rows: Vec<Seq> = repairs.iter().map(|repair| repair.seq).collect();
        match self.journal.append(Batch { repairs, ..Batch::default() }).await {
            Ok(_) => done.mended += rows.len(),
            Err(error) => {
                tracing::warn!(%error, "Damaged rows could not be repaired; the next try is in a day.");
                done.failed.extend(rows);
            }
        }
    }

    /// Puts a note on the board about rows that stay damaged: those that Okta has not returned, and those that the
    /// journal did not store.
    fn tell(&self, lost: &[Lost], failed: &[Seq]) {
        let mut numbers: Vec<i64> = lost.iter().map(|lost| lost.seq.0).collect();
        numbers.extend(failed.iter().map(|seq| seq.0));
        numbers.sort_unstable();
        let mut notes = Vec::new();
        if !numbers.is_empty() {
            let more = if numbers.len() > SHOWN { " …" } else { "" };
            let shown: Vec<String> = numbers.iter().take(SHOWN).map(ToString::to_string).collect();
            let rows = match numbers.len() {
                1 => "1 row of the journal is".to_owned(),
                count => format!("{count} rows of the journal are"),
            };
            notes.push(format!(
                "{rows} damaged on the disk, number {}{more}. A damaged row is empty in the list and left out \
                 elsewhere. It is fetched again, if Okta still keeps it (90 days). Check the disk; a backup may have \
                 what Okta no longer keeps.",
                shown.join(", "),
            ));
        }
        self.board.send_if_modified(|board| {
            let before = std::mem::replace(&mut board.notes.damage, notes);
            before != board.notes.damage
        });
    }
}

/// Parses the event of a row again, for rows whose event is intact and whose list entry is damaged.
fn from_own_event(stored: &Stored) -> Option<crate::consent::Consent> {
    let parts = okta::event(&stored.raw, stored.received, Via::POLL).ok()?;
    parts.into_iter().nth(usize::from(stored.key.part))
}

#[cfg(test)]
mod tests;
