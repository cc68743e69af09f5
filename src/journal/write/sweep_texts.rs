//! Removes texts that no row uses any more: a person's name must not outlive the rows that contain it.
//!
//! A sweep first marks the texts that each row uses, then removes the unmarked ones. Both run in small steps, so a
//! waiting batch is delayed by one step at most. The number of a text is never used again, because readers may still
//! hold its old text. New numbers continue from the highest one, so the entry with the highest number stays; if it is
//! unused, its text is emptied.

use rusqlite::{Connection, TransactionBehavior};

use crate::journal::checksum;
use crate::journal::tables::label;

/// The number of rows read in one step, which takes some milliseconds.
const ROWS_STEP: i64 = 10_000;
/// The number of texts read in one step, and so the most that one transaction removes.
const TEXTS_STEP: i64 = 1000;

/// One sweep under way.
#[derive(Debug)]
pub(in crate::journal) struct Sweep {
    /// One bit per text: whether a row uses it.
    used: Vec<u64>,
    /// The highest number at the beginning of the sweep. Later texts wait for the next sweep.
    highest: u32,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Marks the texts of the rows above this number.
    Rows(i64),
    /// Removes unmarked texts above this number.
    Texts(u32),
}

impl Sweep {
    /// Begins a sweep of the texts that are there now.
    pub(in crate::journal) fn begin(conn: &Connection) -> rusqlite::Result<Self> {
        let highest = highest(conn)?;
        Ok(Self { used: vec![0; highest as usize / 64 + 1], highest, step: Step::Rows(0) })
    }

    /// Marks a text as used. Code that writes rows while a sweep is under way must mark their texts, because the sweep
    /// may have passed those rows already.
    pub(in crate::journal) fn mark(&mut self, id: u32) {
        if let Some(word) = self.used.get_mut(id as usize / 64) {
            *word |= 1 << (id % 64);
        }
    }

    /// Runs one step. Returns the numbers of the texts that it removed, in rising order, or `None` if the sweep has
    /// ended. After an error the sweep must be dropped.
    pub(in crate::journal) fn step(&mut self, conn: &mut Connection) -> rusqlite::Result<Option<Vec<u32>>> {
        match self.step {
            Step::Rows(after) => {
                self.mark_rows(conn, after)?;
                Ok(Some(Vec::new()))
            }
            Step::Texts(after) => {
                let Some(unused) = self.next_unused(conn, after)? else {
                    label::sweep(conn)?;
                    return Ok(None);
                };
                if !unused.is_empty() {
                    remove_texts(conn, &unused)?;
                }
                Ok(Some(unused))
            }
        }
    }

    fn is_used(&self, id: u32) -> bool {
        self.used.get(id as usize / 64).is_some_and(|word| word & (1 << (id % 64)) != 0)
    }

    fn mark_rows(&mut self, conn: &Connection, after: i64) -> rusqlite::Result<()> {
        let sql = "SELECT seq, who, actor, client, server, scopes, origin FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let mut statement = conn.prepare_cached(sql)?;
        let mut rows = statement.query([after, ROWS_STEP])?;
        let (mut last, mut count) = (after, 0);
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            count += 1;
            for column in 1..=6 {
                self.mark(row.get(column)?);
            }
        }
        self.step = if count < ROWS_STEP { Step::Texts(0) } else { Step::Rows(last) };
        Ok(())
    }

    /// Returns the unmarked ones among the next texts, in rising order, or `None` if there are no more texts.
    fn next_unused(&mut self, conn: &Connection, after: u32) -> rusqlite::Result<Option<Vec<u32>>> {
        let sql = "SELECT id FROM sym WHERE id > ?1 AND id <= ?2 ORDER BY id LIMIT ?3";
        let ids: Vec<u32> = conn
            .prepare_cached(sql)?
            .query_map((after, self.highest, TEXTS_STEP), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let Some(last) = ids.last() else { return Ok(None) };
        self.step = Step::Texts(*last);
        Ok(Some(ids.into_iter().filter(|id| !self.is_used(*id)).collect()))
    }
}

/// Removes texts, given in rising order of their numbers, in one transaction.
fn remove_texts(conn: &mut Connection, ids: &[u32]) -> rusqlite::Result<()> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let highest = highest(&tx)?;
    {
        let mut delete = tx.prepare_cached("DELETE FROM sym WHERE id = ?1")?;
        let mut blank = tx.prepare_cached(
            "UPDATE sym SET h = 0, text = '', org = 0, sum = ?2 WHERE id = ?1 AND text <> ''",
        )?;
        for id in ids {
            if *id == highest {
                blank.execute((id, checksum::of_text(*id, 0, "")))?
            } else {
                delete.execute([id])?
            };
        }
    }
    tx.commit()
}

fn highest(conn: &Connection) -> rusqlite::Result<u32> {
    conn.prepare_cached("SELECT COALESCE(MAX(id), 0) FROM sym")?.query_row([], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::ops::Range;
    use std::path::Path;
    use std::time::Duration;

    use jiff::Timestamp;

    use crate::consent::Via;
    use crate::journal::sample::{self, START_MS};
    use crate::journal::write::store::Store;
    use crate::journal::{Batch, Reader, Settings};

    const DAY: u64 = 24;

    fn store(dir: &Path) -> Store {
        let settings = Settings { keep_days: 1, keep_rows: 1_000_000, ..Settings::default() };
        Store::new(crate::journal::connection::connect_writer(dir).unwrap(), settings).unwrap()
    }

    fn put(store: &mut Store, numbers: Range<u64>) {
        let consents = numbers.map(|number| sample::consent(number, Via::POLL)).collect();
        store.write([&Batch { consents, ..Batch::default() }].into_iter()).unwrap();
    }

    fn tidy(store: &mut Store, hours: u64) {
        let now = Timestamp::from_millisecond(START_MS).unwrap() + Duration::from_hours(hours);
        while store.prune_unbounded_some(now).unwrap() {}
    }

    fn ids(store: &Store, sql: &str) -> BTreeSet<u32> {
        let mut statement = store.conn.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn named(store: &Store) -> BTreeSet<u32> {
        let columns = ["who", "actor", "client", "server", "scopes", "origin"];
        columns.iter().flat_map(|column| ids(store, &format!("SELECT {column} FROM event"))).collect()
    }

    fn texts(store: &Store) -> BTreeSet<u32> {
        ids(store, "SELECT id FROM sym WHERE text <> ''")
    }

    #[test]
    fn names_go_with_the_last_row_that_bore_them() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        // One day is 123,428 events long; these two runs are two days apart, and share clients and servers.
        put(&mut store, 0..3000);
        let before = texts(&store);
        put(&mut store, 250_000..250_200);
        tidy(&mut store, 2 * DAY);
        let after = texts(&store);
        assert_eq!(after, named(&store), "exactly what is named is left");
        assert!(before.difference(&after).count() > 1000, "most went");
        assert!(before.intersection(&after).next().is_some(), "what both share stays");
        let page = Reader::open(dir.path()).unwrap().newest(500).unwrap();
        assert!(page.symbols.iter().all(|(_, text)| !text.is_empty()));
    }

    #[test]
    fn a_number_never_comes_back_with_another_text() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        put(&mut store, 0..50);
        let first = texts(&store);
        tidy(&mut store, 5 * DAY);
        assert!(texts(&store).is_empty());
        store.close();
        let mut store = self::store(dir.path());
        // The same events again: their texts were forgotten, in memory as on the disk, and get new numbers.
        put(&mut store, 0..50);
        let again = texts(&store);
        assert_eq!(again.len(), first.len());
        assert!(first.is_disjoint(&again), "{first:?} {again:?}");
        assert_eq!(named(&store), again);
        tidy(&mut store, 5 * DAY);
        put(&mut store, 0..50);
        assert!(again.is_disjoint(&texts(&store)));
        assert_eq!(named(&store), texts(&store), "the writer forgot the numbers that went");
    }

    #[test]
    fn what_is_named_again_during_a_sweep_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        put(&mut store, 0..50);
        let later = Timestamp::from_millisecond(START_MS).unwrap() + Duration::from_hours(5 * DAY);
        while store.prune_some(later).unwrap() {}
        assert!(store.sweep_some().unwrap(), "the rows were looked at");
        // The same people and clients come again before their texts are removed.
        put(&mut store, 0..50);
        while store.sweep_some().unwrap() {}
        assert_eq!(named(&store), texts(&store));
    }

    #[test]
    fn what_goes_during_a_sweep_makes_another_due() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        put(&mut store, 0..50);
        assert!(store.sweep_some().unwrap(), "every row is marked");
        let later = Timestamp::from_millisecond(START_MS).unwrap() + Duration::from_hours(5 * DAY);
        while store.prune_some(later).unwrap() {}
        while store.sweep_some().unwrap() {}
        assert!(!texts(&store).is_empty() && store.sweep_due);
        tidy(&mut store, 5 * DAY);
        assert!(texts(&store).is_empty());
    }

    #[test]
    fn a_sweep_that_a_kill_cut_off_is_made_up_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        put(&mut store, 0..50);
        let later = Timestamp::from_millisecond(START_MS).unwrap() + Duration::from_hours(5 * DAY);
        while store.prune_some(later).unwrap() {}
        store.close();
        let mut store = self::store(dir.path());
        tidy(&mut store, 0);
        assert!(texts(&store).is_empty());
        assert!(!store.sweep_some().unwrap(), "none is due without a cut");
    }
}
