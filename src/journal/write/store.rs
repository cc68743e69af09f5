//! The writing connection and the values that it caches.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::mend;
use super::merge::RowWriter;
use super::recent::Recent;
use super::retention_exempt::RetentionExempt;
use super::sweep_texts::Sweep;
use super::training::{self, TRAIN_ROWS, Training};
use crate::consent::{KnownOrg, OrgId};
use crate::journal::batch::{Batch, Commit, Head};
use crate::journal::checksum::{self, Unsealed};
use crate::journal::clean::Cleaning;
use crate::journal::error::AppendError;
use crate::journal::meta::{Counters, OrgMetas};
use crate::journal::notes::Notes;
use crate::journal::pack::{self, Packer};
use crate::journal::place::Place;
use crate::journal::settings::Settings;
use crate::journal::tables::bookmark;
use crate::journal::tables::gap;
use crate::journal::tables::history;
use crate::journal::tables::identity::Identity;
use crate::journal::tables::intern::Known;
use crate::journal::tables::label;
use crate::journal::tables::listening;
use crate::journal::tables::org::{self, Refused, Settled};
use crate::journal::tables::reject;
use crate::journal::tables::side;
use crate::journal::tables::team;

/// Writes batches. Everything here blocks, so it lives on the writer's thread.
pub(in crate::journal) struct Store {
    pub(in crate::journal) conn: Connection,
    pub(in crate::journal) settings: Settings,
    /// Loaded on first use, and again after a failed transaction, because that one may have changed it.
    memory: Option<Memory>,
    head: Head,
    /// How many rows only a hook has brought, by org.
    hook_only: BTreeMap<OrgId, i64>,
    /// The number of orgs that are written for: those of this process, or until it says so, those of the last one.
    written_for: usize,
    /// The training of a dictionary that is under way.
    training: Option<Training>,
    /// The sweep of texts that is under way.
    sweep: Option<Sweep>,
    /// Whether rows were removed since the last complete sweep. Unknown at the start, so it is `true` then.
    pub(in crate::journal) sweep_due: bool,
    /// Identifies the open files, so that a write to a removed or replaced file is not acknowledged.
    pub(in crate::journal) place: Option<Arc<Place>>,
    /// In the pruning that is under way, the number of the last row of each org that was removed as one too many.
    pub(in crate::journal) passed: BTreeMap<OrgId, i64>,
    /// The rows that are not removed, however old.
    pub(in crate::journal) exempt: RetentionExempt,
    /// How far this machine's clock is ahead of that of an org; 0 or nothing where they agree.
    pub(in crate::journal) ahead_ms: BTreeMap<OrgId, i64>,
    /// The progress of adding checksums to rows of an earlier format, or `None` once all have one.
    unsealed: Option<Unsealed>,
    /// The key for the ids of events without a uuid.
    pub(in crate::journal) identity: Identity,
    /// The cleaning that is under way, or `None` once all is clean.
    pub(in crate::journal) cleaning: Option<Cleaning>,
}

struct Memory {
    counters: Counters,
    known: Known,
    recent: Recent,
    packer: Packer,
}

impl Store {
    /// Returns a store on a connection whose file has the current format.
    pub(in crate::journal) fn new(conn: Connection, settings: Settings) -> rusqlite::Result<Self> {
        mend::at_start(&conn)?;
        let counters = Counters::load(&conn)?;
        let (head, hook_only) = (counters.meta.head(), hook_only(&counters));
        conn.set_prepared_statement_cache_capacity(64);
        let exempt = RetentionExempt::beside(&conn);
        let (identity, cleaning) = Cleaning::load(&conn)?;
        let written_for = org::polled(&conn).map(|orgs| orgs.len())?;
        let sealed: bool = conn.query_row("SELECT sealed FROM meta", [], |row| row.get(0))?;
        Ok(Self {
            conn,
            settings,
            memory: None,
            head,
            hook_only,
            written_for,
            training: None,
            sweep: None,
            sweep_due: true,
            passed: BTreeMap::new(),
            exempt,
            ahead_ms: BTreeMap::new(),
            place: None,
            unsealed: (!sealed).then_some(Unsealed::Rows(0)),
            identity,
            cleaning,
        })
    }

    /// Returns whether the maximum number of rows of an org delivered only by a hook is reached. Each org that is
    /// written for has an even share of the maximum, so that deliveries for one do not keep out those for another.
    pub(in crate::journal) fn is_full_of_unconfirmed(&self, org: OrgId) -> bool {
        let rows = self.hook_only.get(&org).copied().unwrap_or(0);
        rows >= self.settings.unconfirmed_max(self.written_for)
    }

    /// Returns whether so many rows of an org were delivered only by a hook that some should be removed.
    pub(in crate::journal) fn is_crowded(&self) -> bool {
        let goal = self.unconfirmed_goal();
        self.hook_only.values().any(|rows| *rows > goal)
    }

    /// Returns how many rows of each org delivered only by a hook pruning leaves.
    pub(in crate::journal) fn unconfirmed_goal(&self) -> i64 {
        self.settings.unconfirmed_goal(self.written_for)
    }

    /// Returns all orgs that the journal knows.
    pub(in crate::journal) fn orgs(&self) -> Vec<OrgId> {
        self.hook_only.keys().copied().collect()
    }

    /// Returns the journal's head.
    pub(in crate::journal) fn head(&self) -> Head {
        self.head
    }

    /// Finds or adds the orgs that this process works for. `folder` is the name of the journal's folder. `configured`
    /// are all orgs of the configuration, of which the journal must know one. Returns their numbers in the given order,
    /// or why the journal refuses them. Then it has changed nothing.
    pub(in crate::journal) fn settle(
        &mut self,
        folder: &str,
        orgs: &[KnownOrg],
        configured: &[KnownOrg],
    ) -> rusqlite::Result<Result<Vec<OrgId>, Refused>> {
        let settled = self.change(|tx, counters| {
            let other = org::begun_by_another(tx, folder, configured)?;
            other.map_or_else(
                || settle(tx, counters, folder, (orgs, configured)),
                |host| Ok(Err(Refused::BegunBy(host))),
            )
        })?;
        Ok(self.note_written_for(settled))
    }

    /// Notes how many orgs are written for.
    fn note_written_for(&mut self, settled: Result<Vec<OrgId>, Refused>) -> Result<Vec<OrgId>, Refused> {
        if let Ok(ids) = &settled {
            self.written_for = ids.len();
        }
        settled
    }

    /// Does the same for orgs that the journal need not know.
    #[cfg(test)]
    pub(in crate::journal) fn settle_any(
        &mut self,
        orgs: &[KnownOrg],
    ) -> rusqlite::Result<Result<Vec<OrgId>, Refused>> {
        let settled = self.change(|tx, counters| settle(tx, counters, "", (orgs, orgs)))?;
        Ok(self.note_written_for(settled))
    }

    /// Writes batches of the first org, as [`Store::append`] does.
    #[cfg(test)]
    pub(in crate::journal) fn write<'b>(
        &mut self,
        batches: impl Iterator<Item = &'b Batch>,
    ) -> Result<Vec<Commit>, AppendError> {
        self.append(batches.map(|batch| (OrgId::default(), batch)))
    }

    /// Writes batches, each of an org, in one transaction and returns the result of each. After an error none of them
    /// counts as stored.
    pub(in crate::journal) fn append<'b>(
        &mut self,
        batches: impl Iterator<Item = (OrgId, &'b Batch)>,
    ) -> Result<Vec<Commit>, AppendError> {
        self.check_place()?;
        let mut memory = match self.memory.take() {
            Some(memory) => memory,
            None => Memory {
                counters: Counters::load(&self.conn)?,
                known: Known::default(),
                recent: Recent::load(&self.conn)?,
                packer: Packer::load(&self.conn)?.map_err(AppendError::Pack)?,
            },
        };
        let before = memory.counters.clone();
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut commits = Vec::new();
        let mut is_repaired = false;
        {
            let Memory { counters, known, recent, packer } = &mut memory;
            let mut rows =
                RowWriter::new(&tx, counters, known, recent, packer, &mut self.sweep, &self.identity)?;
            rows.has_unkeyed = self.cleaning.as_ref().is_some_and(Cleaning::is_before_texts);
            for (org, batch) in batches {
                let mut commit = Commit::default();
                rows.org = org;
                let is_backlog = batch.team.as_ref().is_some_and(|team| team.is_backlog);
                rows.is_history = batch.history.is_some() || is_backlog;
                rows.is_team_backlog = is_backlog;
                // What the server gave does not have to be published there.
                let streams = batch.team.iter().flat_map(|team| &team.streams);
                let born = streams.map(|position| &*position.born).next();
                let born = match born {
                    Some(born) if team::is_all_published(&tx, org, born)? => Some(born),
                    _ => None,
                };
                for consent in &batch.consents {
                    rows.put(consent, &mut commit)?;
                }
                if !batch.sides.is_empty() {
                    side::put(&tx, org, &mut rows.counters.meta, &batch.sides, &self.identity)?;
                }
                if !batch.rejects.is_empty() {
                    reject::put(&tx, org, &batch.rejects)?;
                }
                if let Some(gap) = &batch.gap {
                    gap::put(&tx, org, gap)?;
                }
                if let Some(bookmark) = &batch.bookmark {
                    bookmark::put(&tx, org, bookmark)?;
                    rows.own().note_bookmark(bookmark);
                }
                if let Some(mark) = &batch.history {
                    history::put(&tx, org, rows.own(), mark)?;
                }
                if let Some(polled) = batch.polled {
                    rows.own().note_poll(polled);
                    rows.own().ahead_ms = self.ahead_ms.get(&org).copied().unwrap_or(0);
                }
                if let Some(listening) = &batch.listening {
                    listening::put(&tx, org, rows.counters, listening)?;
                }
                label::put(&tx, org, &mut rows.counters.meta, &batch.labels)?;
                for attribution in &batch.attributions {
                    rows.attribute(attribution)?;
                }
                for repair in &batch.repairs {
                    rows.repair(repair)?;
                }
                is_repaired |= !batch.repairs.is_empty();
                if let Some(given) = &batch.team {
                    rows.take_team(given)?;
                    if let Some(born) = born {
                        team::note_all_published(&tx, org, born, &rows.counters.meta)?;
                    }
                }
                commit.head = rows.counters.meta.head();
                commits.push(commit);
            }
        }
        if is_repaired {
            mend::count_rows(&tx, &mut memory.counters)?;
        }
        memory.counters.save_changed(&before, &tx)?;
        tx.commit()?;
        self.note(&memory.counters);
        self.memory = Some(memory);
        // A commit to a file that was removed or replaced meanwhile is not acknowledged.
        self.check_place()?;
        Ok(commits)
    }

    fn check_place(&self) -> Result<(), AppendError> {
        self.place.as_ref().map_or(Ok(()), |place| place.check()).map_err(AppendError::Gone)
    }

    /// Remembers what callers ask for between transactions.
    fn note(&mut self, counters: &Counters) {
        self.head = counters.meta.head();
        self.hook_only = hook_only(counters);
    }

    /// Changes rows outside of a batch, in one transaction.
    pub(in crate::journal) fn change<T>(
        &mut self,
        change: impl FnOnce(&Transaction<'_>, &mut Counters) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = Counters::load(&tx)?;
        let mut counters = before.clone();
        let result = change(&tx, &mut counters)?;
        counters.save_changed(&before, &tx)?;
        tx.commit()?;
        self.note(&counters);
        if let Some(memory) = &mut self.memory {
            memory.counters = counters;
        }
        Ok(result)
    }

    /// Adds checksums to some rows of an earlier format, and returns whether there may be more.
    pub(in crate::journal) fn seal_some(&mut self) -> rusqlite::Result<bool> {
        let Some(done) = self.unsealed else { return Ok(false) };
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = checksum::seal_some(&tx, done)?;
        if done.is_none() {
            tx.execute("UPDATE meta SET sealed = 1", [])?;
            checksum::seal_row(&tx, checksum::META, &[&1])?;
        }
        tx.commit()?;
        self.unsealed = done;
        Ok(done.is_some())
    }

    /// Forgets removed texts, given in rising order of their numbers. If such a text comes again, it gets a new number.
    pub(in crate::journal) fn forget_texts(&mut self, ids: &[u32]) {
        if let Some(memory) = &mut self.memory {
            memory.known.forget(ids);
        }
    }

    /// Runs one step of a sweep of texts if one is due or under way, and returns whether there is more to do.
    pub(in crate::journal) fn sweep_some(&mut self) -> rusqlite::Result<bool> {
        if self.sweep.is_none() && !self.sweep_due {
            return Ok(false);
        }
        let more = self.sweep_step();
        if more.is_err() {
            self.sweep_due = true;
        }
        more
    }

    fn sweep_step(&mut self) -> rusqlite::Result<bool> {
        let mut sweep = if let Some(sweep) = self.sweep.take() {
            sweep
        } else {
            // Rows that are removed from now on may have been marked already. They make another sweep due, at the next
            // hour.
            self.sweep_due = false;
            Sweep::begin(&self.conn)?
        };
        let Some(removed) = sweep.step(&mut self.conn)? else { return Ok(false) };
        if !removed.is_empty() {
            self.forget_texts(&removed);
        }
        self.sweep = Some(sweep);
        Ok(true)
    }

    /// Returns whether some rows of an earlier format have no checksums yet.
    pub(in crate::journal) fn is_unsealed(&self) -> bool {
        self.unsealed.is_some()
    }

    /// Trains a dictionary on the journal's own events once there are enough of them. Training takes an eighth of a
    /// second, so another thread does it, and a later call puts the dictionary to use.
    pub(in crate::journal) fn train_when_due(&mut self) -> Result<(), AppendError> {
        let Some(memory) = &self.memory else { return Ok(()) };
        // A dictionary must not contain pieces of events that still hold secrets.
        if self.cleaning.as_ref().is_some_and(Cleaning::is_before_texts) {
            return Ok(());
        }
        let meta = &memory.counters.meta;
        if meta.trained || meta.rows < TRAIN_ROWS {
            return Ok(());
        }
        let training = if let Some(training) = self.training.take() {
            training
        } else {
            let (samples, dict) = (training::samples(&self.conn, |raw| raw)?, pack::newest(&self.conn)?);
            Training::start(samples, dict).map_err(AppendError::Pack)?
        };
        if !training.is_finished() {
            self.training = Some(training);
            return Ok(());
        }
        let body = training.dictionary();
        self.change(|tx, counters| {
            counters.meta.trained = true;
            match &body {
                Some(body) => {
                    tx.execute("INSERT INTO dict (own, body) VALUES (1, ?1)", [body])?;
                    checksum::seal_row(tx, checksum::DICT, &[&tx.last_insert_rowid()])?;
                    pack::keep_copies(tx)
                }
                None => Ok(()),
            }
        })?;
        self.take_up_dictionary()
    }

    /// Uses the newest dictionary from now on.
    pub(in crate::journal) fn take_up_dictionary(&mut self) -> Result<(), AppendError> {
        if let Some(memory) = &mut self.memory {
            memory.packer = Packer::load(&self.conn)?.map_err(AppendError::Pack)?;
        }
        Ok(())
    }

    /// Moves as much as possible from the WAL into the file, without waiting for readers.
    pub(in crate::journal) fn checkpoint(&self) -> rusqlite::Result<()> {
        self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
    }

    /// Moves everything that no reader still needs from the WAL into the file, and closes both.
    pub(in crate::journal) fn close(self) {
        if let Err(error) = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            // The WAL stays, and the next process that opens the journal reads it.
            tracing::warn!(%error, "The journal was closed without its last checkpoint.");
        }
        if let Err((_, error)) = self.conn.close() {
            tracing::warn!(%error, "The journal's file could not be closed.");
        }
    }
}

fn settle(
    tx: &Transaction<'_>,
    counters: &mut Counters,
    folder: &str,
    (orgs, configured): (&[KnownOrg], &[KnownOrg]),
) -> rusqlite::Result<Result<Vec<OrgId>, Refused>> {
    let Some(Settled { ids, is_changed, former_key }) = org::settle(tx, folder, orgs, configured)? else {
        return Ok(Err(Refused::TooMany));
    };
    if let Some(from) = former_key {
        tracing::warn!(%from, to = folder, "The journal's org has another host now; its rows are kept under it.");
        move_marks(tx, &from, folder);
    }
    // Whoever reads the rows of a new journal reads the orgs first.
    let is_used = counters.meta.next_seq > 1;
    counters.meta.next_rev += i64::from(is_changed && is_used);
    counters.orgs = OrgMetas::load(tx)?;
    Ok(Ok(ids))
}

/// Gives the marks of an org its new key. A failure is only logged, because it costs no more than the marks. If the
/// process is killed before the journal has the key too, the next start finds the marks moved already.
fn move_marks(conn: &Connection, from: &str, to: &str) {
    let Some(dir) = conn.path().map(Path::new).and_then(Path::parent) else { return };
    let moved = match Notes::look(dir) {
        Ok(None) => return,
        Ok(Some(_)) => Notes::open(dir).and_then(|mut notes| notes.move_org(from, to)),
        Err(error) => Err(error),
    };
    if let Err(error) = moved {
        tracing::warn!(%error, "Marks could not be moved to the org's new host.");
    }
}

fn hook_only(counters: &Counters) -> BTreeMap<OrgId, i64> {
    counters.orgs.iter().map(|(org, meta)| (org, meta.hook_only)).collect()
}
