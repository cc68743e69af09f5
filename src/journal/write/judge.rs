//! Judges whether the log and the hook confirm each other.
//!
//! An event that only the hook delivered is doubted once the log was read to its end long after the delivery. An event
//! that only the log showed is doubted once a working hook would long have delivered it. Nothing is doubted for a time
//! in which one of the two could not have shown it: where the log may have a gap, before the log was read, while the
//! program did not listen, and before the hook was verified.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::store::Store;
use crate::consent::{Kind, OrgId, Via};
use crate::journal::checksum;
use crate::journal::meta::{Meta, OrgMeta};
use crate::journal::tables::bookmark;
use crate::journal::tables::doubt::{DOUBTED, EXCUSED};

/// How long the log may take to show an event that the hook delivered. It mostly takes a second.
const CONFIRM_MS: i64 = 10 * MINUTE_MS;
/// How long the hook may take to deliver an event that the log showed (Okta: event hooks; its support asks to hear of
/// longer delays).
const DELIVER_MS: i64 = 60 * MINUTE_MS;
const MINUTE_MS: i64 = 60_000;
/// The number of rows judged in one step, which delays a waiting batch by some milliseconds at most.
const STEP: i64 = 2000;

impl Store {
    /// Judges some rows of an org, and returns whether there may be more.
    pub(in crate::journal) fn judge_some(&mut self, org: OrgId) -> rusqlite::Result<bool> {
        Ok(self.judge_hook(org)? | self.judge_poll(org)?)
    }

    /// Judges rows that only the hook has brought.
    fn judge_hook(&mut self, org: OrgId) -> rusqlite::Result<bool> {
        let Some(caught_up_ms) = OrgMeta::load(&self.conn, org)?.caught_up_ms else { return Ok(false) };
        let sql = "SELECT seq, ts, kind FROM event INDEXED BY event_by_hook
            WHERE org = ?3 AND via = 2 AND doubt = 0 AND received <= ?1 ORDER BY received LIMIT ?2";
        let rows: Vec<(i64, i64, u8)> = self
            .conn
            .prepare_cached(sql)?
            .query_map((caught_up_ms - CONFIRM_MS, STEP, org.0), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<Result<_, _>>()?;
        if rows.is_empty() {
            return Ok(false);
        }
        let log = Log::read(&self.conn, org)?;
        let is_full = rows.len() as i64 == STEP;
        self.change(|tx, counters| {
            let mut excuse = tx.prepare_cached("UPDATE event SET doubt = ?2 WHERE seq = ?1")?;
            for (seq, ts, kind) in rows {
                if log.would_show(ts, Kind::unpacked(kind).0) {
                    put(tx, &mut counters.meta, seq)?;
                    counters.orgs.of(org).unconfirmed += 1;
                } else {
                    checksum::change(tx, seq, || excuse.execute((seq, EXCUSED)))?;
                }
            }
            Ok(())
        })?;
        Ok(is_full)
    }

    /// Judges rows that only the log has shown, in the order of their times.
    fn judge_poll(&mut self, org: OrgId) -> rusqlite::Result<bool> {
        let times = Times::read(&self.conn, org)?;
        let judged = OrgMeta::load(&self.conn, org)?.judged_ms;
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return Ok(false) };
        let from = judged.max(first - 1);
        if from >= last {
            return Ok(false);
        }
        let sql = "SELECT seq, ts, kind, via, doubt FROM event INDEXED BY event_key
            WHERE org = ?4 AND ts > ?1 AND ts <= ?2 ORDER BY ts LIMIT ?3";
        let rows: Vec<(i64, i64, u8, u8, i64)> = self
            .conn
            .prepare_cached(sql)?
            .query_map((from, last, STEP, org.0), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })?
            .collect::<Result<_, _>>()?;
        let is_full = rows.len() as i64 == STEP;
        let reached = match rows.last() {
            // Other rows of the same millisecond may follow. If there are more of them than one step takes, the rest
            // are not judged.
            Some((_, ts, ..)) if is_full => (ts - 1).max(from + 1),
            _ => last,
        };
        self.change(|tx, counters| {
            for (seq, ts, kind, via, doubt) in rows {
                let is_alone = Via::from_code(via) == Via::POLL && doubt == 0;
                if is_alone && Kind::unpacked(kind).0.is_hook_eligible() && times.would_bring(ts) {
                    put(tx, &mut counters.meta, seq)?;
                    counters.orgs.of(org).missed += 1;
                }
            }
            counters.orgs.of(org).judged_ms = reached;
            Ok(())
        })?;
        Ok(is_full)
    }
}

fn put(tx: &Transaction<'_>, meta: &mut Meta, seq: i64) -> rusqlite::Result<()> {
    let mut doubt = tx.prepare_cached("UPDATE event SET doubt = ?2, rev = ?3 WHERE seq = ?1")?;
    checksum::change(tx, seq, || doubt.execute((seq, DOUBTED, meta.next_rev)))?;
    meta.next_rev += 1;
    Ok(())
}

/// What the log of an org was queried for, and where it may have gaps.
struct Log {
    kinds: Vec<Kind>,
    since_ms: i64,
    gaps: Vec<(i64, i64)>,
}

impl Log {
    fn read(conn: &Connection, org: OrgId) -> rusqlite::Result<Self> {
        let bookmark = bookmark::load(conn, org)?;
        let kinds = bookmark.iter().flat_map(|mark| mark.query.split(',').filter_map(Kind::from_word));
        // Without a bookmark it is unknown what was read.
        let since_ms = bookmark.as_ref().map_or(i64::MAX, |mark| mark.since.as_millisecond());
        let mut statement = conn.prepare_cached("SELECT * FROM gap WHERE org = ?1")?;
        let gaps = statement.query_map([org.0], |row| {
            if !checksum::holds(row)? {
                // A damaged gap may cover any time.
                return Ok(Some((i64::MIN, i64::MAX)));
            }
            let ms = |text: String| text.parse().ok().map(Timestamp::as_millisecond);
            Ok(ms(row.get("start")?).zip(ms(row.get("stop")?)))
        })?;
        let gaps = gaps.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        Ok(Self { kinds: kinds.collect(), since_ms, gaps })
    }

    fn would_show(&self, ts: i64, kind: Kind) -> bool {
        let in_gap = self.gaps.iter().any(|(from, to)| (*from..=*to).contains(&ts));
        self.kinds.contains(&kind) && ts >= self.since_ms && !in_gap
    }
}

/// The periods in which the hook of an org would have delivered every event published in them: it was verified, and the
/// program listened for as long as a delivery may take.
struct Times(Vec<(i64, i64)>);

impl Times {
    fn read(conn: &Connection, org: OrgId) -> rusqlite::Result<Self> {
        let mut statement = conn.prepare_cached("SELECT * FROM listening WHERE org = ?1 ORDER BY start")?;
        let times = statement.query_map([org.0], |row| {
            if !checksum::holds(row)? {
                return Ok((0, -1));
            }
            let (start, stop): (i64, i64) = (row.get("start")?, row.get("stop")?);
            Ok((start, stop - DELIVER_MS))
        })?;
        let times: Vec<(i64, i64)> = times.collect::<Result<_, _>>()?;
        // A damaged period proves nothing.
        Ok(Self(times.into_iter().filter(|(start, stop)| start <= stop).collect()))
    }

    fn first(&self) -> Option<i64> {
        self.0.iter().map(|(start, _)| *start).min()
    }

    fn last(&self) -> Option<i64> {
        self.0.iter().map(|(_, stop)| *stop).max()
    }

    fn would_bring(&self, ts: i64) -> bool {
        self.0.iter().any(|(start, stop)| (*start..=*stop).contains(&ts))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::consent::{Bookmark, Consent, Doubt};
    use crate::journal::batch::Listening;
    use crate::journal::sample::{self, START_MS};
    use crate::journal::{Batch, Polled, Reader, Settings};
    use crate::report::{Gap, HookProof};

    /// Returns the time `minutes` minutes after the first sample.
    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millisecond(START_MS + minutes * MINUTE_MS).unwrap()
    }

    struct Rig {
        store: Store,
        dir: tempfile::TempDir,
    }

    fn open(dir: &Path) -> Store {
        Store::new(crate::journal::connection::connect_writer(dir).unwrap(), Settings::default()).unwrap()
    }

    impl Rig {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            Self { store: open(dir.path()), dir }
        }

        /// Stores the event with a number, published at one minute and received at another.
        fn put(&mut self, number: u64, via: Via, published: i64, received: i64) {
            let consent = event(number, via, published, received);
            self.write(&Batch { consents: vec![consent], ..Batch::default() });
        }

        fn write(&mut self, batch: &Batch) {
            self.store.write([batch].into_iter()).unwrap();
        }

        /// Stores a poll of the log that reached its end or did not.
        fn polled(&mut self, minute: i64, caught_up: bool) {
            let polled = Some(Polled { at: at(minute), caught_up, interval: Duration::ZERO });
            self.write(&Batch { polled, bookmark: Some(bookmark("grant,revoke", -120)), ..Batch::default() });
        }

        fn listening(&mut self, since: i64, until: i64, verified: Option<i64>) {
            let listening = Listening { since: at(since), until: at(until), verified: verified.map(at) };
            self.write(&Batch { listening: Some(listening), ..Batch::default() });
        }

        fn judge(&mut self) -> (u64, u64) {
            while self.store.judge_some(OrgId(0)).unwrap() {}
            let HookProof { unconfirmed, missed, .. } = self.reader().coverage(OrgId(0)).unwrap().hook;
            let doubts: Vec<_> =
                self.reader().newest(100).unwrap().rows.iter().filter_map(|row| row.doubt).collect();
            let count = |wanted: Doubt| doubts.iter().filter(|doubt| **doubt == wanted).count() as u64;
            assert_eq!((unconfirmed, missed), (count(Doubt::Unconfirmed), count(Doubt::Missed)));
            (unconfirmed, missed)
        }

        fn reader(&self) -> Reader {
            Reader::open(self.dir.path()).unwrap()
        }
    }

    fn event(number: u64, via: Via, published: i64, received: i64) -> Consent {
        let mut consent = sample::consent(number, via);
        consent.key.published_ms = at(published).as_millisecond();
        consent.published = Some(at(published));
        consent.received = at(received);
        consent
    }

    fn bookmark(query: &str, since: i64) -> Bookmark {
        Bookmark {
            query: query.to_owned(),
            next: "/api/v1/logs?after=1_1".to_owned(),
            last_published: None,
            since: at(since),
            caught_up: true,
        }
    }

    #[test]
    fn what_the_log_does_not_show_is_doubted_once_it_had_the_time() {
        let mut rig = Rig::new();
        rig.put(1, Via::HOOK, 0, 1);
        assert_eq!(rig.judge(), (0, 0), "nobody has read the log");
        rig.polled(10, true);
        assert_eq!(rig.judge(), (0, 0), "too soon");
        rig.polled(60, false);
        assert_eq!(rig.judge(), (0, 0), "the poller lags");
        rig.polled(11, true);
        assert_eq!(rig.judge(), (1, 0));
        let before = rig.store.head().change;
        assert_eq!(rig.judge(), (1, 0));
        assert_eq!(rig.store.head().change, before, "judged once");
        rig.put(1, Via::POLL, 0, 70);
        assert_eq!(rig.judge(), (0, 0), "it came after all");
        assert_eq!(rig.reader().newest(1).unwrap().rows[0].via.word(), "poll+hook");
    }

    #[test]
    fn what_the_log_could_not_show_is_not_doubted() {
        let mut rig = Rig::new();
        // Before the log was read from; in a gap; of a kind that is not polled; without a time.
        rig.put(1, Via::HOOK, -121, 1);
        rig.put(2, Via::HOOK, 5, 6);
        let gap = Gap { from: at(4), to: at(6), why: "a test".to_owned() };
        rig.write(&Batch { gap: Some(gap), ..Batch::default() });
        let mut other = event(3, Via::HOOK, 8, 8);
        other.kind = Kind::Other;
        let mut timeless = event(4, Via::HOOK, 8, 8);
        timeless.key.published_ms = 0;
        rig.write(&Batch { consents: vec![other, timeless], ..Batch::default() });
        rig.put(5, Via::HOOK, 9, 9);
        rig.polled(500, true);
        assert_eq!(rig.judge(), (1, 0), "the last alone");
    }

    #[test]
    fn a_damaged_gap_may_be_anywhere() {
        let mut rig = Rig::new();
        let gap = Gap { from: at(4), to: at(6), why: "a test".to_owned() };
        rig.write(&Batch { gap: Some(gap), ..Batch::default() });
        rig.put(1, Via::HOOK, 5, 6);
        rig.store.conn.execute_batch("UPDATE gap SET start = 'x' || start").unwrap();
        rig.polled(500, true);
        assert_eq!(rig.judge(), (0, 0));
        let gaps = rig.reader().coverage(OrgId(0)).unwrap().gaps;
        assert_eq!((gaps.len(), gaps[0].from, gaps[0].to), (1, at(6), at(6)), "told as far as it is known");
    }

    #[test]
    fn a_damaged_time_of_listening_does_not_become_sound() {
        let mut rig = Rig::new();
        rig.put(1, Via::POLL, -300, -300);
        rig.listening(0, 10, Some(-30));
        rig.store.conn.execute_batch("UPDATE listening SET start = start - 36000000").unwrap();
        rig.listening(0, 500, None);
        assert_eq!(rig.judge(), (0, 0), "nobody listened");
    }

    #[test]
    fn what_the_hook_does_not_bring_is_missed_once_it_had_an_hour() {
        let mut rig = Rig::new();
        rig.put(1, Via::POLL, 30, 30);
        rig.polled(89, true);
        assert_eq!(rig.judge(), (0, 0), "nobody listens");
        rig.listening(0, 89, Some(0));
        assert_eq!(rig.judge(), (0, 0), "too soon");
        rig.listening(0, 90, None);
        assert_eq!(rig.judge(), (0, 1));
        rig.put(1, Via::HOOK, 30, 95);
        assert_eq!(rig.judge(), (0, 0), "it came after all");
    }

    #[test]
    fn what_the_hook_could_not_bring_is_not_missed() {
        let mut rig = Rig::new();
        rig.listening(0, 10, None);
        // Never verified; verified but not settled; down in between; of a kind that hooks do not bring.
        rig.put(1, Via::POLL, 5, 5);
        rig.put(2, Via::POLL, 25, 25);
        rig.put(3, Via::POLL, 100, 100);
        let mut admin = event(4, Via::POLL, 35, 35);
        admin.kind = Kind::AdminGrant;
        rig.write(&Batch { consents: vec![admin], ..Batch::default() });
        rig.put(5, Via::POLL, 36, 36);
        rig.listening(0, 110, Some(20));
        rig.listening(120, 400, None);
        assert_eq!(rig.judge(), (0, 1), "the last alone");
        // What comes late is judged as well, and what is removed counts no more.
        rig.put(6, Via::POLL, 40, 300);
        assert_eq!(rig.judge(), (0, 2));
        rig.store.settings = Settings { keep_rows: 0, ..Settings::default() };
        while rig.store.prune_some(at(400)).unwrap() {}
        assert_eq!(rig.judge(), (0, 0));
    }

    #[test]
    fn a_program_that_was_down_goes_on_judging() {
        let mut rig = Rig::new();
        rig.put(1, Via::HOOK, 0, 1);
        rig.listening(0, 30, Some(-60));
        rig.put(2, Via::POLL, 10, 200);
        let Rig { store, dir } = rig;
        store.close();
        let mut rig = Rig { store: open(dir.path()), dir };
        rig.polled(200, true);
        rig.listening(199, 300, None);
        assert_eq!(rig.judge(), (1, 0), "the second was published in a time that ended too soon to tell");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn in_any_order_it_ends_the_same(seed in proptest::collection::vec(0..40_usize, 40)) {
            // By both ways, by one alone, in the time of both or not.
            let mut todo: Vec<(u64, Via)> = (0..20).flat_map(|n| match n % 4 {
                0 => vec![(n, Via::POLL), (n, Via::HOOK)],
                1 => vec![(n, Via::HOOK)],
                2 => vec![(n, Via::POLL)],
                _ => vec![(n, Via::HOOK), (n, Via::HOOK), (n, Via::POLL)],
            }).collect();
            for (index, swap) in seed.iter().enumerate() {
                let length = todo.len();
                todo.swap(index % length, swap % length);
            }
            let mut rig = Rig::new();
            rig.listening(-100, 0, Some(-200));
            for (number, via) in todo {
                rig.put(number, via, number as i64, number as i64 + 1);
                rig.store.judge_some(OrgId(0)).unwrap();
            }
            rig.polled(500, true);
            rig.listening(-100, 500, None);
            prop_assert_eq!(rig.judge(), (5, 5));
        }
    }

    #[test]
    fn many_are_judged_in_steps() {
        let mut rig = Rig::new();
        let consents = (0..3 * STEP as u64).map(|number| sample::consent(number, Via::POLL)).collect();
        rig.write(&Batch { consents, ..Batch::default() });
        rig.listening(-60, 600, Some(-600));
        assert!(rig.store.judge_some(OrgId(0)).unwrap(), "there is more");
        let missed = |rig: &Rig| rig.reader().coverage(OrgId(0)).unwrap().hook.missed;
        assert_eq!(missed(&rig), STEP as u64, "a step is no longer than that");
        while rig.store.judge_some(OrgId(0)).unwrap() {}
        assert_eq!(missed(&rig), 3 * STEP as u64);
        assert_eq!(rig.reader().coverage(OrgId(0)).unwrap().hook.verified, Some(at(-600)));
    }

    #[test]
    fn many_of_the_hook_are_judged_in_steps() {
        let mut rig = Rig::new();
        let consents = (0..3 * STEP as u64).map(|number| event(number, Via::HOOK, 0, 1)).collect();
        rig.write(&Batch { consents, ..Batch::default() });
        rig.polled(11, true);
        assert!(rig.store.judge_some(OrgId(0)).unwrap(), "there is more");
        let unconfirmed = |rig: &Rig| rig.reader().coverage(OrgId(0)).unwrap().hook.unconfirmed;
        assert_eq!(unconfirmed(&rig), STEP as u64, "a step is no longer than that");
        while rig.store.judge_some(OrgId(0)).unwrap() {}
        assert_eq!(unconfirmed(&rig), 3 * STEP as u64);
    }
}
