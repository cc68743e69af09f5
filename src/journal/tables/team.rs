//! How far the streams of a team's server are stored here, and how far the rows of each org are published there.

use rusqlite::{Connection, OptionalExtension as _, Transaction};

use crate::consent::{OrgId, Rev, Seq};
use crate::journal::batch::{Published, StreamPosition, TeamStream};
use crate::journal::checksum;
use crate::journal::meta::Meta;

/// Stores how far a stream is stored here.
pub(in crate::journal) fn put_position(
    tx: &Transaction<'_>,
    org: OrgId,
    position: &StreamPosition,
) -> rusqlite::Result<()> {
    let StreamPosition { stream, born, low, high } = position;
    let (name, low, high) = (*stream as u8, *low as i64, *high as i64);
    let sql = "INSERT OR REPLACE INTO stream (org, name, born, low, high) VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.prepare_cached(sql)?.execute((org.0, name, born, low, high))?;
    checksum::seal_row(tx, checksum::STREAM, &[&org.0, &name])
}

/// Returns how far a stream is stored here, or `None` if it is not or the entry is damaged. It is then read from its
/// beginning, and the key of a row prevents duplicates.
pub(in crate::journal) fn position(
    conn: &Connection,
    org: OrgId,
    stream: TeamStream,
) -> rusqlite::Result<Option<StreamPosition>> {
    let sql = "SELECT * FROM stream WHERE org = ?1 AND name = ?2";
    let found = conn
        .prepare_cached(sql)?
        .query_row((org.0, stream as u8), |row| {
            if !checksum::holds(row)? {
                return Ok(None);
            }
            let (low, high): (i64, i64) = (row.get("low")?, row.get("high")?);
            let born: String = row.get("born")?;
            Ok(Some(StreamPosition { stream, born: born.into(), low: low as u64, high: high as u64 }))
        })
        .optional()?;
    Ok(found.flatten())
}

/// Stores how far an org is published, unless it was farther in the same stream.
pub(in crate::journal) fn raise_published(
    conn: &Connection,
    org: OrgId,
    told: &Published,
) -> rusqlite::Result<()> {
    put_published(conn, org, &published(conn, org, &told.born)?.or_farther(told))
}

/// Stores how far an org is published.
pub(in crate::journal) fn put_published(
    conn: &Connection,
    org: OrgId,
    published: &Published,
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO published (org, born, seq, rev, side) VALUES (?1, ?2, ?3, ?4, ?5)";
    let Published { born, row, change, side } = published;
    conn.prepare_cached(sql)?.execute((org.0, born, row.0, change.0, side))?;
    checksum::seal_row(conn, checksum::PUBLISHED, &[&org.0])
}

/// Returns how far an org is published in the stream that the server made at `born`. A damaged entry counts as not at all: a row that is published again is stored
/// once.
pub(in crate::journal) fn published(
    conn: &Connection,
    org: OrgId,
    born: &str,
) -> rusqlite::Result<Published> {
    let sql = "SELECT * FROM published WHERE org = ?1";
    let found = conn
        .prepare_cached(sql)?
        .query_row([org.0], |row| {
            let published = Published {
                born: row.get::<_, String>("born")?.into(),
                row: Seq(row.get("seq")?),
                change: Rev(row.get("rev")?),
                side: row.get("side")?,
            };
            Ok(checksum::holds(row)?.then_some(published))
        })
        .optional()?;
    let of_this = found.flatten().filter(|published| *published.born == *born);
    Ok(of_this.unwrap_or_else(|| Published { born: born.into(), ..Published::default() }))
}

/// Returns whether everything of an org is published in the stream that the server made at `born`.
pub(in crate::journal) fn is_all_published(
    conn: &Connection,
    org: OrgId,
    born: &str,
) -> rusqlite::Result<bool> {
    let Published { row, change, side, .. } = published(conn, org, born)?;
    conn.prepare_cached(ALL_PUBLISHED)?.query_row((row.0, change.0, side, org.0), |row| row.get(0))
}

/// Tells whether nothing of an org comes after a place. The plus keeps SQLite from the indexes by org, in which it would have
/// to read all rows of the org.
const ALL_PUBLISHED: &str = "SELECT NOT EXISTS (SELECT 1 FROM event WHERE seq > ?1 AND +org = ?4)
    AND NOT EXISTS (SELECT 1 FROM event WHERE rev > ?2 AND rev > 0 AND +org = ?4)
    AND NOT EXISTS (SELECT 1 FROM label WHERE rev > ?2 AND +org = ?4)
    AND NOT EXISTS (SELECT 1 FROM side WHERE id > ?3 AND +org = ?4)";

/// Notes that everything of an org is published.
pub(in crate::journal) fn note_all_published(
    conn: &Connection,
    org: OrgId,
    born: &str,
    meta: &Meta,
) -> rusqlite::Result<()> {
    let side = conn
        .prepare_cached("SELECT COALESCE((SELECT id FROM side WHERE +org = ?1 ORDER BY id DESC LIMIT 1), 0)")?
        .query_row([org.0], |row| row.get(0))?;
    let head = meta.head();
    put_published(conn, org, &Published { born: born.into(), row: head.last, change: head.change, side })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::consent::{Consent, Evidence, Person, UserId, Via, Who};
    use crate::journal::sample::{self, START_MS};
    use crate::journal::sql_values::time;
    use crate::journal::write::store::Store;
    use crate::journal::{Batch, Reader, Settings, TeamBatch};
    use crate::report::Gap;

    fn store(dir: &Path) -> Store {
        Store::new(crate::journal::connection::connect_writer(dir).unwrap(), Settings::default()).unwrap()
    }

    fn write(store: &mut Store, batch: &Batch) {
        store.write([batch].into_iter()).unwrap();
    }

    fn own(numbers: std::ops::Range<u64>) -> Batch {
        let consents = numbers.map(|number| sample::consent(number, Via::POLL)).collect();
        Batch { consents, ..Batch::default() }
    }

    fn position(low: u64, high: u64) -> StreamPosition {
        StreamPosition { stream: TeamStream::Events, born: "1".into(), low, high }
    }

    fn given(consents: Vec<Consent>, team: TeamBatch) -> Batch {
        Batch { consents, team: Some(Box::new(team)), ..Batch::default() }
    }

    #[test]
    fn what_came_from_the_server_need_not_be_published_there() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        let reader = Reader::open(dir.path()).unwrap();
        let from_server = |numbers: std::ops::Range<u64>, high| {
            given(
                own(numbers).consents,
                TeamBatch { streams: vec![position(1, high)], ..TeamBatch::default() },
            )
        };
        let published = || reader.published(OrgId(0), "1").unwrap().row.0;
        write(&mut store, &from_server(0..3, 1));
        assert_eq!(
            (published(), reader.stream_position(OrgId(0), TeamStream::Events).unwrap()),
            (3, Some(position(1, 1)))
        );
        // A row of this journal's own is not on the server, and what comes after it is published again.
        write(&mut store, &own(3..4));
        write(&mut store, &from_server(4..6, 2));
        assert_eq!(published(), 3);
        let now = Published { born: "1".into(), row: Seq(6), change: store.head().change, side: 0 };
        let says = TeamBatch { published: Some(now.clone()), ..TeamBatch::default() };
        write(&mut store, &given(Vec::new(), says));
        assert_eq!(reader.published(OrgId(0), "1").unwrap(), now);
        write(&mut store, &from_server(6..7, 3));
        assert_eq!(published(), 7);
        // In another org, and in a stream that was made anew, nothing is published.
        let none = |born: &str| Published { born: born.into(), ..Published::default() };
        assert_eq!(reader.published(OrgId(1), "1").unwrap(), none("1"));
        assert_eq!(reader.published(OrgId(0), "2").unwrap(), none("2"));
        // What is damaged is published again, and read again.
        store.conn.execute_batch("UPDATE published SET seq = 99; UPDATE stream SET high = 99").unwrap();
        assert_eq!(reader.published(OrgId(0), "1").unwrap(), none("1"));
        assert_eq!(reader.stream_position(OrgId(0), TeamStream::Events).unwrap(), None);
    }

    #[test]
    fn persons_gaps_and_coverage_come_with_a_batch_and_a_backlog_is_not_late() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        let mut nobody = sample::consent(500, Via::POLL);
        nobody.who = Who { person: Person::default(), evidence: Evidence::Unknown };
        let since = time(START_MS);
        let gap = Gap { from: since, to: time(START_MS + 60_000), why: "removed".to_owned() };
        let team = TeamBatch { complete_since: Some(since), gaps: vec![gap.clone()], ..TeamBatch::default() };
        write(&mut store, &given(vec![nobody.clone()], team));
        let person = Person { id: Some(UserId::new("00uAAAAAAAAAAAAAA1d7")), ..Person::default() };
        let persons = vec![(nobody.key, person.clone(), Evidence::Session)];
        let team =
            TeamBatch { persons, is_backlog: true, streams: vec![position(1, 2)], ..TeamBatch::default() };
        write(&mut store, &given(own(0..2).consents, team));
        let reader = Reader::open(dir.path()).unwrap();
        let stored = reader.record(Seq(1)).unwrap().unwrap();
        assert_eq!((stored.person, stored.evidence), (person, Evidence::Session));
        let coverage = reader.coverage(OrgId(0)).unwrap();
        assert_eq!((coverage.complete_since, coverage.gaps, coverage.late), (Some(since), vec![gap], 0));
        let is_sealed = crate::journal::checksum::count_damaged(&store.conn, checksum::STREAM).unwrap();
        assert_eq!(is_sealed, 0);
    }

    #[test]
    fn changes_are_read_in_their_order_by_org() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        write(&mut store, &own(0..4));
        let reader = Reader::open(dir.path()).unwrap();
        let (rows, last, is_full) = reader.records_of(OrgId(0), Seq(1), 2).unwrap();
        assert!(is_full);
        assert_eq!((rows.iter().map(|row| row.seq.0).collect::<Vec<_>>(), last), (vec![2, 3], Some(Seq(3))));
        assert_eq!(reader.records_of(OrgId(1), Seq(0), 9).unwrap(), (Vec::new(), None, false));
        assert_eq!(reader.records_changed(OrgId(0), Rev(0), 9).unwrap(), (Vec::new(), None, false));
        let hooks = [3, 1].map(|number| sample::consent(number, Via::HOOK));
        write(&mut store, &Batch { consents: hooks.into(), ..Batch::default() });
        let (rows, last, _) = reader.records_changed(OrgId(0), Rev(0), 9).unwrap();
        assert_eq!(rows.iter().map(|row| row.seq.0).collect::<Vec<_>>(), [4, 2]);
        let first = rows[0].rev;
        assert_eq!(last, Some(rows[1].rev));
        assert_eq!(reader.records_changed(OrgId(0), first, 9).unwrap().0.len(), 1);
        assert_eq!(reader.records_changed(OrgId(0), Rev(0), 1).unwrap().1, Some(first));
    }

    #[test]
    fn a_damaged_row_does_not_look_like_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let mut store = store(dir.path());
        write(&mut store, &own(0..9));
        store.conn.execute_batch("UPDATE event SET received = received + 7 WHERE seq = 2").unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        let (rows, last, is_full) = reader.records_of(OrgId(0), Seq(0), 4).unwrap();
        assert_eq!((rows.len(), last, is_full), (3, Some(Seq(4)), true));
    }

    #[test]
    fn no_query_of_a_batch_or_page_reads_all_rows_of_an_org() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let mut statement = store.conn.prepare(&format!("EXPLAIN QUERY PLAN {ALL_PUBLISHED}")).unwrap();
        let plan: Vec<String> =
            statement.query_map((0, 0, 0, 0), |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
        let reads: Vec<&String> = plan.iter().filter(|line| line.starts_with("SEARCH")).collect();
        assert_eq!(reads.len(), 4, "{plan:?}");
        assert!(reads.iter().all(|line| line.contains("rowid>?") || line.contains("rev>?")), "{plan:?}");
    }
}
