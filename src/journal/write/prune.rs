//! Removes rows that are too old or too many.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use thiserror::Error;

use super::retention_exempt::UNMARKED;
use super::store::Store;
use crate::consent::{Doubt, OrgId, Via};
use crate::journal::error::{OpenError, ReadError};
use crate::journal::meta::{Counters, Hour, Meta, OrgMeta};
use crate::journal::notes::NotesError;
use crate::journal::open;
use crate::journal::schema::ROW_TABLES;
use crate::journal::settings::Settings;
use crate::journal::tables::{doubt, side};

/// The most rows removed in one transaction, which bounds the delay of a waiting batch.
const STEP: i64 = 500;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

struct Victim {
    seq: i64,
    published_ms: i64,
    late: bool,
    doubt: Option<Doubt>,
    via: Via,
}

/// What pruning by age may remove of an org now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Aged {
    org: OrgId,
    /// Rows published before this time may be removed.
    cut_ms: i64,
    /// The most rows to remove.
    most: i64,
    /// The hour that the removed rows count toward; `None` if a person prunes by hand.
    hour: Option<Hour>,
}

/// The rows of an org that were published before a time.
const BY_AGE: &str = "INDEXED BY event_key WHERE org = ?1 AND ts > 0 AND ts < ?2";
/// The rows of an org that say no time and were received before one.
const BY_RECEIPT: &str = "INDEXED BY event_key WHERE org = ?1 AND ts = 0 AND received < ?2";
/// The rows of an org that only a hook has brought, with a doubt.
const BY_HOOK: &str = "INDEXED BY event_by_hook WHERE org = ?1 AND via = 2 AND doubt = ?2";
/// The rows of an org above a number. An index of orgs would have to be sorted by number.
const BY_NUMBER: &str = "NOT INDEXED WHERE org = ?1 AND seq > ?2";

/// One in this many rows of an org may be removed by age in an hour. This limits the loss if this machine's clock and
/// Okta's are wrong in the same way.
const PART: i64 = 10;
const HOUR_MS: i64 = 60 * 60 * 1000;
/// If the stored hour begins more than this far in the future, the clock was changed, and a new hour begins.
const AHEAD_MS: i64 = 5 * 60 * 1000;

impl Store {
    /// Runs one step of pruning in the background, and returns whether there may be more to do.
    ///
    /// `agreed` returns the time on which this machine's clock and Okta's agree, or `None` if they do not, for an org.
    /// Only then are rows removed that are too old, and at most a tenth of the org's rows an hour, but at least one.
    /// Removes surplus rows regardless of the clocks. When no rows are left to remove, removes side events and then
    /// texts that no row uses.
    pub(in crate::journal) fn prune_bounded_some(
        &mut self,
        agreed: impl Fn(OrgId) -> Option<Timestamp>,
    ) -> rusqlite::Result<bool> {
        let mut aged = Vec::new();
        for org in self.orgs() {
            if let Some(now) = agreed(org) {
                aged.push(self.aged(org, now)?);
            }
        }
        if self.prune(&aged)? {
            return Ok(true);
        }
        for Aged { org, cut_ms, hour, .. } in aged {
            let Some(hour) = hour else { continue };
            let sides = side::count_all(&self.conn, org)?;
            let most = part_of(sides + hour.sides) - hour.sides;
            let gone = side::prune_aged(&self.conn, org, cut_ms, most.max(0))?;
            if gone > 0 {
                self.change(|_, counters| {
                    counters.orgs.of(org).hour = Hour { sides: hour.sides + gone, ..hour };
                    Ok(())
                })?;
            }
        }
        self.prune_surplus_sides()?;
        self.sweep_some()
    }

    fn prune_surplus_sides(&self) -> rusqlite::Result<()> {
        self.orgs().into_iter().try_for_each(|org| side::prune_surplus(&self.conn, org))
    }

    /// Adds `passed` to the time for which removal of an org's rows by age has been suspended, and returns the sum.
    /// Resets it to zero if removal is not suspended.
    pub(in crate::journal) fn note_suspended(
        &mut self,
        org: OrgId,
        is_suspended: bool,
        passed: Duration,
    ) -> rusqlite::Result<Duration> {
        let before = OrgMeta::load(&self.conn, org)?.suspended_ms;
        let passed = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        let after = if is_suspended { before.saturating_add(passed) } else { 0 };
        if after != before {
            self.change(|_, counters| {
                counters.orgs.of(org).suspended_ms = after;
                Ok(())
            })?;
        }
        Ok(Duration::from_millis(after.max(0) as u64))
    }

    /// Runs one step of pruning by hand, regardless of Okta's clock and without an hourly limit. Returns whether there
    /// may be more to do.
    pub(in crate::journal) fn prune_unbounded_some(&mut self, now: Timestamp) -> rusqlite::Result<bool> {
        if self.prune_some(now)? {
            return Ok(true);
        }
        let cut_ms = self.cut_ms(now);
        for org in self.orgs() {
            side::prune_aged(&self.conn, org, cut_ms, i64::MAX)?;
        }
        self.prune_surplus_sides()?;
        self.sweep_some()
    }

    /// Runs the part of [`Store::prune_unbounded_some`] that removes rows.
    pub(in crate::journal) fn prune_some(&mut self, now: Timestamp) -> rusqlite::Result<bool> {
        let cut_ms = self.cut_ms(now);
        let all = self.orgs().into_iter().map(|org| Aged { org, cut_ms, most: i64::MAX, hour: None });
        let all: Vec<Aged> = all.collect();
        self.prune(&all)
    }

    /// Returns how many rows are too old at a time.
    pub(in crate::journal) fn count_aged(&mut self, now: Timestamp) -> Result<i64, PruneError> {
        self.exempt.refresh(&self.conn)?;
        let mut count = 0;
        for org in self.orgs() {
            for which in [BY_AGE, BY_RECEIPT] {
                let sql = format!("SELECT COUNT(*) FROM event {which} AND {UNMARKED}");
                count += self.conn.query_row(&sql, (org.0, self.cut_ms(now)), |row| row.get::<_, i64>(0))?;
            }
        }
        Ok(count)
    }

    fn aged(&self, org: OrgId, now: Timestamp) -> rusqlite::Result<Aged> {
        let own = OrgMeta::load(&self.conn, org)?;
        let now_ms = now.as_millisecond();
        let is_over = !(own.hour.began_ms - AHEAD_MS..own.hour.began_ms + HOUR_MS).contains(&now_ms);
        let hour =
            if is_over { Hour { began_ms: now_ms, rows: own.rows, gone: 0, sides: 0 } } else { own.hour };
        Ok(Aged { org, cut_ms: self.cut_ms(now), most: part_of(hour.rows) - hour.gone, hour: Some(hour) })
    }

    fn prune(&mut self, aged: &[Aged]) -> rusqlite::Result<bool> {
        if let Err(error) = self.exempt.refresh(&self.conn) {
            // It is better to keep too many rows than to remove one that a person marked.
            tracing::warn!(%error, "Marks cannot be read, so no row is removed; this is tried again in an hour.");
            self.exempt.close();
            return Ok(false);
        }
        let mut found = None;
        for aged in aged {
            let victims = self.too_old(aged)?;
            if !victims.is_empty() {
                found = Some((aged.org, victims, aged.hour));
                break;
            }
        }
        if found.is_none() {
            found = self.surplus()?.map(|(org, victims)| (org, victims, None));
        }
        let Some((org, victims, hour)) = found else {
            self.exempt.close();
            self.passed.clear();
            return Ok(false);
        };
        let removed = self.change(|tx, counters| {
            if let Some(hour) = hour {
                counters.orgs.of(org).hour = Hour { gone: hour.gone + victims.len() as i64, ..hour };
            }
            remove(tx, counters, org, &victims)
        });
        if removed.is_err() {
            // The rows are still there, and must be found again.
            self.passed.clear();
        }
        removed?;
        self.sweep_due = true;
        Ok(true)
    }

    /// Returns the next rows of an org that are too old.
    fn too_old(&self, aged: &Aged) -> rusqlite::Result<Vec<Victim>> {
        let Aged { org, cut_ms, most, .. } = *aged;
        if most <= 0 {
            return Ok(Vec::new());
        }
        let victims = victims(&self.conn, org, BY_AGE, cut_ms, "ts", most.min(STEP))?;
        if victims.is_empty() {
            return self::victims(&self.conn, org, BY_RECEIPT, cut_ms, "seq", most.min(STEP));
        }
        Ok(victims)
    }

    /// Returns the next rows beyond the maximum numbers, all of one org.
    ///
    /// Each org is entitled to an equal share of the maximum number of rows. An org may exceed its share while the
    /// total is below the maximum. Beyond the maximum, rows of the org with the most rows are removed.
    fn surplus(&mut self) -> rusqlite::Result<Option<(OrgId, Vec<Victim>)>> {
        let Counters { meta, orgs } = Counters::load(&self.conn)?;
        let mut by_rows: Vec<(OrgId, &OrgMeta)> = orgs.iter().collect();
        by_rows.sort_by_key(|(org, own)| (-own.rows, *org));
        let goal = self.unconfirmed_goal();
        for (org, own) in &by_rows {
            let too_many = own.hook_only.saturating_sub(goal).min(STEP);
            // First those that the log should have shown, then those that it cannot show.
            for doubt in [doubt::DOUBTED, doubt::EXCUSED] {
                if too_many > 0 {
                    let victims = victims(&self.conn, *org, BY_HOOK, doubt, "received", too_many)?;
                    if !victims.is_empty() {
                        return Ok(Some((*org, victims)));
                    }
                }
            }
        }
        let kept = i64::try_from(self.settings.keep_rows).unwrap_or(i64::MAX);
        let too_many = meta.rows.saturating_sub(kept).min(STEP);
        let sharing = by_rows.iter().filter(|(_, own)| own.rows > 0).count().max(1) as i64;
        for (org, own) in by_rows {
            let too_many = too_many.min(own.rows - kept / sharing);
            if too_many <= 0 {
                break;
            }
            // Rows that only a hook has brought go before any row that the log has shown: first those that the log
            // should have shown, then those that it may still show, then those that it cannot show.
            for doubt in [doubt::DOUBTED, doubt::UNJUDGED, doubt::EXCUSED] {
                let victims = victims(&self.conn, org, BY_HOOK, doubt, "received", too_many)?;
                if !victims.is_empty() {
                    return Ok(Some((org, victims)));
                }
            }
            // The rows of other orgs before the first one of this org are passed over once, and not in each step.
            let after = self.passed.get(&org).copied().unwrap_or(0);
            let victims = victims(&self.conn, org, BY_NUMBER, after, "seq", too_many)?;
            if let Some(last) = victims.last() {
                self.passed.insert(org, last.seq);
                return Ok(Some((org, victims)));
            }
        }
        Ok(None)
    }

    /// Returns the time before which rows are too old.
    fn cut_ms(&self, now: Timestamp) -> i64 {
        now.as_millisecond() - i64::from(self.settings.keep_days) * DAY_MS
    }
}

/// Returns how many of these rows may go in an hour: a tenth, but one at least.
fn part_of(rows: i64) -> i64 {
    (rows / PART).max(1)
}

/// The result of pruning by hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pruned {
    /// The number of rows before.
    pub rows: u64,
    /// How many of them are too old.
    pub aged: u64,
    /// Rows published before this are too old.
    pub cut: Timestamp,
    /// When the newest row was published.
    pub newest: Option<Timestamp>,
    /// The number of rows left.
    pub left: u64,
}

/// Why nothing, or not all, was pruned by hand.
#[derive(Debug, Error)]
pub enum PruneError {
    /// The journal cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Another process writes it.
    #[error("process {0} writes the journal")]
    InUse(String),
    /// An operation of SQLite failed.
    #[error(transparent)]
    Storage(#[from] ReadError),
    /// The marks cannot be read.
    #[error(transparent)]
    Marks(#[from] NotesError),
}

impl From<rusqlite::Error> for PruneError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// Counts the rows that are too old at `now`, and prunes the journal if `is_meant`, without an hourly limit and
/// regardless of Okta's clock. The caller must make sure that `now` is right.
pub fn prune(dir: &Path, settings: Settings, now: Timestamp, is_meant: bool) -> Result<Pruned, PruneError> {
    let (mut store, _lock) = match open::open_store(dir, settings)? {
        Ok(store) => store,
        Err(holder) => return Err(PruneError::InUse(holder)),
    };
    let count = |store: &Store| Ok::<_, PruneError>(Meta::load(&store.conn)?.rows.max(0) as u64);
    let rows = count(&store)?;
    let aged = store.count_aged(now)?.max(0) as u64;
    let newest: Option<i64> = store.conn.query_row(
        "SELECT MAX((SELECT MAX(ts) FROM event WHERE event.org = org.id AND ts > 0)) FROM org",
        [],
        |row| row.get(0),
    )?;
    let cut = Timestamp::from_millisecond(store.cut_ms(now)).unwrap_or(Timestamp::MIN);
    if is_meant {
        while store.prune_unbounded_some(now)? {}
    }
    let left = count(&store)?;
    store.close();
    let newest = newest.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    Ok(Pruned { rows, aged, cut, newest, left })
}

/// Returns the first rows of a condition that nobody marked.
fn victims(
    conn: &Connection,
    org: OrgId,
    which: &str,
    bound: i64,
    order: &str,
    limit: i64,
) -> rusqlite::Result<Vec<Victim>> {
    let sql = format!(
        "SELECT seq, ts, late, via, doubt FROM event {which} AND {UNMARKED} ORDER BY {order} LIMIT ?3"
    );
    conn.prepare_cached(&sql)?
        .query_map((org.0, bound, limit), |row| {
            let via = Via::from_code(row.get(3)?);
            let doubt = doubt::of(via, row.get(4)?);
            Ok(Victim { seq: row.get(0)?, published_ms: row.get(1)?, late: row.get(2)?, doubt, via })
        })?
        .collect()
}

/// Removes rows of an org.
fn remove(
    tx: &Transaction<'_>,
    counters: &mut Counters,
    org: OrgId,
    victims: &[Victim],
) -> rusqlite::Result<()> {
    for table in ROW_TABLES {
        let mut delete = tx.prepare_cached(&format!("DELETE FROM {table} WHERE seq = ?1"))?;
        for victim in victims {
            delete.execute([victim.seq])?;
        }
    }
    counters.meta.rows -= victims.len() as i64;
    counters.meta.next_rev += 1;
    let own = counters.orgs.of(org);
    own.rows -= victims.len() as i64;
    for victim in victims {
        doubt::settle(own, victim.doubt);
    }
    own.hook_only -= victims.iter().filter(|victim| victim.via == Via::HOOK).count() as i64;
    own.late -= victims.iter().filter(|victim| victim.late).count() as i64;
    // A row that the log never showed does not count for how far the journal is complete.
    let shown = victims.iter().filter(|victim| victim.via != Via::HOOK);
    let newest_gone = shown.map(|victim| victim.published_ms).max().unwrap_or(i64::MIN);
    let since: Option<Timestamp> = own.complete_since.as_ref().and_then(|text| text.parse().ok());
    if let (Some(since), Ok(after)) = (since, Timestamp::from_millisecond(newest_gone.saturating_add(1)))
        && since < after
    {
        own.complete_since = Some(after.to_string());
    }
    if newest_gone > 0 {
        own.whole_from_ms = own.whole_from_ms.max(newest_gone + 1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::consent::Via;
    use crate::journal::connection::connect_writer;
    use crate::journal::sample::{self, START_MS};
    use crate::journal::{Batch, Opened, OrgJournal, Reader};

    const KEEP: Settings = Settings { keep_days: 400, keep_rows: 1_000_000, keep_unconfirmed: 100_000 };

    fn start() -> Timestamp {
        Timestamp::from_millisecond(START_MS).unwrap()
    }

    fn days(days: u64) -> Duration {
        Duration::from_hours(24 * days)
    }

    async fn journal(dir: &Path, clock: &Clock, rows: u64) -> OrgJournal {
        let Opened::Writer(journal) = crate::journal::open(dir, KEEP, clock.clone()).unwrap() else {
            panic!("held")
        };
        let consents = (0..rows).map(|number| sample::consent(number, Via::POLL)).collect();
        journal.append(Batch { consents, ..Batch::default() }).await.unwrap();
        journal
    }

    /// Lets the time pass, and waits until the writer has done what was due.
    async fn pass(clock: &Clock, length: Duration) {
        clock.advance(length);
        while clock.is_waking() {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until `count` cuts were made.
    async fn cuts(journal: &OrgJournal, count: i64) {
        let mut head = journal.head();
        let cut = head.wait_for(|head| head.change.0 >= count);
        tokio::time::timeout(Duration::from_secs(20), cut).await.unwrap().unwrap();
    }

    fn rows(dir: &Path) -> u64 {
        Reader::open(dir).unwrap().counts().unwrap().rows
    }

    #[tokio::test]
    async fn a_wrong_clock_removes_nothing() {
        for wrong in ["2036-01-05T08:00:00Z", "2027-08-05T08:00:00Z", "1986-01-05T08:00:00Z"] {
            let dir = tempfile::tempdir().unwrap();
            let clock = Clock::manual(wrong.parse().unwrap());
            let journal = journal(dir.path(), &clock, 300).await;
            let mut notes = journal.notes();
            let told = async {
                // Before Okta has answered, and while its answers say another time.
                for hour in 0.. {
                    if hour > 3 {
                        clock.hear(start() + Duration::from_hours(hour));
                    }
                    pass(&clock, Duration::from_hours(1)).await;
                    tokio::task::yield_now().await;
                    if let Some(note) = notes.borrow_and_update().first() {
                        return note.clone();
                    }
                }
                String::new()
            };
            let told = tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
            assert!(told.contains("consentwatch prune --yes"), "{told}");
            assert_eq!(rows(dir.path()), 300, "{wrong}");
            journal.close().await;
        }
    }

    #[tokio::test]
    async fn a_clock_that_jumps_after_okta_answered_removes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(start());
        let journal = journal(dir.path(), &clock, 300).await;
        clock.hear(clock.now());
        pass(&clock, Duration::from_mins(2)).await;
        clock.set("2036-01-05T08:00:00Z".parse().unwrap());
        for _ in 0..5 {
            pass(&clock, Duration::from_hours(1)).await;
        }
        assert_eq!(rows(dir.path()), 300);
        assert!(journal.notes().borrow().is_empty(), "it is not a day yet");
        journal.close().await;
    }

    #[tokio::test]
    async fn that_nothing_is_removed_for_a_day_is_told_though_the_program_is_restarted() {
        let dir = tempfile::tempdir().unwrap();
        for run in 0..4 {
            // Okta answers nothing.
            let clock = Clock::manual(start());
            let journal = journal(dir.path(), &clock, 1).await;
            let mut notes = journal.notes();
            pass(&clock, Duration::from_hours(7)).await;
            let noted = async {
                let reader = Reader::open(dir.path()).unwrap();
                while OrgMeta::load(reader.conn(), OrgId(0)).unwrap().suspended_ms < (run + 1) * 7 * HOUR_MS {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), noted).await.unwrap();
            if run < 3 {
                assert!(notes.borrow().is_empty(), "it is not a day yet");
            } else {
                let told = notes.wait_for(|notes| !notes.is_empty());
                let told = tokio::time::timeout(Duration::from_secs(20), told).await.unwrap().unwrap();
                assert!(told[0].contains("for more than a day"), "{told:?}");
            }
            journal.close().await;
        }
    }

    #[tokio::test]
    async fn what_is_too_old_goes_by_a_tenth_an_hour_and_a_restart_begins_no_new_hour() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(start() + days(500));
        let mut journal = self::journal(dir.path(), &clock, 300).await;
        clock.hear(clock.now());
        let mut left = Vec::new();
        for _ in 0..3 {
            pass(&clock, Duration::from_mins(2)).await;
            cuts(&journal, 1).await;
            left.push(rows(dir.path()));
            journal.close().await;
            journal = self::journal(dir.path(), &clock, 0).await;
        }
        assert_eq!(left, [270, 270, 270], "{:?}", journal.head().borrow());
        clock.hear(clock.now());
        for cut in 2..5 {
            pass(&clock, Duration::from_hours(1)).await;
            cuts(&journal, cut).await;
            left.push(rows(dir.path()));
        }
        assert_eq!(left[3..], [243, 219, 198]);
        journal.close().await;
    }

    #[test]
    fn of_few_rows_one_goes_an_hour_until_none_is_too_old() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::new(connect_writer(dir.path()).unwrap(), KEEP).unwrap();
        let consents = (0..3).map(|number| sample::consent(number, Via::POLL)).collect();
        store.write([&Batch { consents, ..Batch::default() }].into_iter()).unwrap();
        let mut left = Vec::new();
        for hour in 0..4 {
            while store
                .prune_bounded_some(|_| Some(start() + days(500) + Duration::from_hours(hour)))
                .unwrap()
            {}
            left.push(Meta::load(&store.conn).unwrap().rows);
        }
        assert_eq!(left, [2, 1, 0, 0]);
    }

    #[test]
    fn what_was_removed_is_not_complete_again_with_the_next_poll() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = Store::new(connect_writer(dir.path()).unwrap(), KEEP).unwrap();
        let bookmark = |next: &str| crate::consent::Bookmark {
            query: "grant".to_owned(),
            next: next.to_owned(),
            last_published: None,
            since: start() - Duration::from_hours(1),
            caught_up: true,
        };
        let consents = (0..10).map(|number| sample::consent(number, Via::POLL)).collect();
        store
            .write([&Batch { consents, bookmark: Some(bookmark("1")), ..Batch::default() }].into_iter())
            .unwrap();
        store.settings.keep_rows = 4;
        while store.prune_bounded_some(|_| None).unwrap() {}
        store.write([&Batch { bookmark: Some(bookmark("2")), ..Batch::default() }].into_iter()).unwrap();
        let since = Reader::open(dir.path()).unwrap().coverage(OrgId(0)).unwrap().complete_since.unwrap();
        let gone = sample::consent(5, Via::POLL).key.published_ms;
        assert_eq!(since.as_millisecond(), gone + 1);
    }

    #[test]
    fn by_hand_it_is_counted_first_and_then_removed_whole() {
        let dir = tempfile::tempdir().unwrap();
        let now = start() + days(500);
        assert!(matches!(
            prune(dir.path(), KEEP, now, false),
            Err(PruneError::Open(OpenError::Missing { .. }))
        ));
        let mut store = Store::new(connect_writer(dir.path()).unwrap(), KEEP).unwrap();
        let consents = (0..50).map(|number| sample::consent(number, Via::POLL)).collect();
        store.write([&Batch { consents, ..Batch::default() }].into_iter()).unwrap();
        store.close();
        let looked = prune(dir.path(), KEEP, now, false).unwrap();
        assert_eq!((looked.rows, looked.aged, looked.left), (50, 50, 50));
        assert_eq!(looked.newest.unwrap().as_millisecond(), sample::consent(49, Via::POLL).key.published_ms);
        assert_eq!(prune(dir.path(), KEEP, now, true).unwrap().left, 0);
        let lock = crate::journal::lock::ask(&dir.path().join("journal.lock")).unwrap();
        assert!(matches!(prune(dir.path(), KEEP, now, true), Err(PruneError::InUse(_))));
        drop(lock);
    }
}
