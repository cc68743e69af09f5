//! Checks every stored row a minute after the start and then once a day, and repairs damaged rows: from the row's own
//! event if that is intact, else from Okta if it still keeps the event.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;

use super::http::OktaClient;
use crate::clock::Clock;
use crate::consent::{OrgId, Seq, Stored, Via};
use crate::journal::{Batch, OrgJournal, ReadError, Reader, Repair, Scanned};
use crate::okta::{self, Lost, MendStep, Mending};
use crate::report::{Board, Part, Pulse};
use crate::tasks::Tasks;

/// The handles with which the scan repairs rows of one org.
#[derive(Debug)]
pub struct Mender {
    /// Stores the repaired rows.
    pub journal: OrgJournal,
    /// Gets the notes on damage.
    pub board: watch::Sender<Board>,
    /// Gets what is lost, for [`run`].
    pub lost: watch::Sender<Option<LostRows>>,
}

/// The handles that the task works with which asks one org for lost rows.
#[derive(Debug)]
pub struct MendingDoors {
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

/// What a check found of one org.
#[derive(Clone, Debug, Default)]
pub struct LostRows {
    /// Damaged rows whose event is lost.
    lost: Vec<Lost>,
    /// Rows whose repair the journal did not store.
    failed: Vec<Seq>,
}

/// The delay of the first check, so that the start and the first polls are not slowed down.
const FIRST: Duration = Duration::from_mins(1);
const EVERY: Duration = Duration::from_hours(24);
/// Rows checked in one step. A step takes a few milliseconds, so the check takes a few hundredths of a core.
const STEP: usize = 300;
const STEP_EVERY: Duration = Duration::from_millis(100);
/// The most row numbers named in a sentence.
const SHOWN: usize = 10;

/// Checks every row of the journal and repairs what it can from the rows' own events, once a day until the task is
/// canceled. What is lost goes to the menders, one for each org. If the journal cannot be read, the check is tried again
/// the next day.
pub async fn scan(mut reader: Reader, menders: Vec<Mender>, clock: Clock, tasks: Tasks) {
    drop(clock.sleep(FIRST).await);
    loop {
        let next = clock.uptime() + EVERY;
        if let Err(error) = look(&mut reader, &menders, &clock, &tasks).await {
            // The screen reads the same journal, and reports the error.
            tracing::warn!(%error, "The journal could not be checked for damage; the next try is in a day.");
        }
        drop(clock.sleep_until(next).await);
    }
}

async fn look(
    reader: &mut Reader,
    menders: &[Mender],
    clock: &Clock,
    tasks: &Tasks,
) -> Result<(), ReadError> {
    reader.forget_given();
    let place_of = |org: OrgId| menders.iter().position(|mender| mender.journal.org() == org);
    let mut seen = Seq(0);
    let mut found = vec![LostRows::default(); menders.len()];
    let mut mended = 0;
    let mut without_event = BTreeSet::new();
    loop {
        let busy = tasks.busy();
        let Some(Scanned { last, damaged }) = reader.scan_after(seen, STEP)? else { break };
        seen = last;
        let mut repairs: Vec<Vec<Repair>> = vec![Vec::new(); menders.len()];
        for row in damaged {
            let own = row.record.as_deref().and_then(|record| Some((record.org, from_own_event(record)?)));
            match own {
                Some((org, consent)) => {
                    // A repair from the row's own event asks nobody, so any handle to the journal does.
                    repairs[place_of(org).unwrap_or(0)].push(Repair { seq: row.seq, consent, is_own: true });
                }
                None => drop(without_event.insert(row.seq)),
            }
        }
        for ((repairs, mender), found) in repairs.into_iter().zip(menders).zip(&mut found) {
            mended += put(&mender.journal, repairs, &mut found.failed).await;
        }
        drop(busy);
        drop(clock.sleep(STEP_EVERY).await);
    }
    if mended > 0 {
        tracing::warn!(mended, "Damaged rows of the journal were repaired from their own events.");
    }
    for (seq, keys) in reader.keys_of(&without_event)? {
        // Each org is asked that the row may belong to. If this process works for none of them, nobody is asked, and the
        // row is told with those of the first org.
        let mut orgs: BTreeSet<usize> = keys.iter().filter_map(|(org, _)| place_of(*org)).collect();
        if orgs.is_empty() {
            orgs.insert(0);
        }
        for place in orgs {
            let of_org = keys.iter().filter(|(org, _)| place_of(*org) == Some(place));
            found[place].lost.push(Lost { seq, keys: of_org.map(|(_, key)| *key).collect() });
        }
    }
    for (mender, found) in menders.iter().zip(found) {
        tell(&mender.board, &found.lost, &found.failed);
        // An empty list is passed too: rows lost the day before may have been removed since.
        mender.lost.send_replace(Some(found));
    }
    Ok(())
}

/// Asks an org for the rows that each check found lost, until the task is canceled.
pub async fn run(mut mending: Mending, doors: MendingDoors, mut checks: watch::Receiver<Option<LostRows>>) {
    while checks.changed().await.is_ok() {
        let Some(LostRows { lost, mut failed }) = checks.borrow_and_update().clone() else { continue };
        let count = lost.len();
        mending.ask(lost, doors.clock.sure());
        if count > 0 {
            tracing::warn!(rows = count, "Rows are damaged on the disk; Okta is asked for them again.");
        }
        let mended = tokio::select! {
            mended = doors.ask(&mut mending, &mut failed) => mended,
            // What the next check found replaces what this one did.
            changed = checks.changed() => {
                if changed.is_err() {
                    return;
                }
                checks.mark_changed();
                continue;
            }
        };
        if mended > 0 {
            tracing::warn!(mended, "Damaged rows of the journal were repaired.");
        }
        tell(&doors.board, mending.lost(), &failed);
    }
}

impl MendingDoors {
    /// Sends requests until none is left, pausing while the poller is not live. Returns how many rows were repaired.
    async fn ask(&self, mending: &mut Mending, failed: &mut Vec<Seq>) -> usize {
        let mut board = self.board.subscribe();
        let mut mended = 0;
        if mending.lost().is_empty() {
            return mended;
        }
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
                    mended += put(&self.journal, repairs.collect(), failed).await;
                }
            }
        }
    }
}

/// Stores repairs and returns how many were stored. Adds those that were not to `failed`.
async fn put(journal: &OrgJournal, repairs: Vec<Repair>, failed: &mut Vec<Seq>) -> usize {
    if repairs.is_empty() {
        return 0;
    }
    let rows: Vec<Seq> = repairs.iter().map(|repair| repair.seq).collect();
    match journal.append(Batch { repairs, ..Batch::default() }).await {
        Ok(_) => rows.len(),
        Err(error) => {
            tracing::warn!(%error, "Damaged rows could not be repaired; the next try is in a day.");
            failed.extend(rows);
            0
        }
    }
}

/// Puts a note on the board about rows that stay damaged: those that Okta has not returned, and those that the journal
/// did not store.
fn tell(board: &watch::Sender<Board>, lost: &[Lost], failed: &[Seq]) {
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
            "{rows} damaged on the disk, number {}{more}. A damaged row is empty in the list and left out elsewhere. It is \
             fetched again, if Okta still keeps it (90 days). Check the disk; a backup may have what Okta no longer \
             keeps.",
            shown.join(", "),
        ));
    }
    board.send_if_modified(|board| {
        let before = std::mem::replace(&mut board.notes.damage, notes);
        before != board.notes.damage
    });
}

/// Parses the event of a row again, for rows whose event is intact and whose list entry is damaged.
fn from_own_event(stored: &Stored) -> Option<crate::consent::Consent> {
    let parts = okta::event(&stored.raw, stored.received, Via::POLL).ok()?;
    parts.into_iter().nth(usize::from(stored.key.part))
}

#[cfg(test)]
mod tests;
