//! Looking at stored rows for damage, some at a time.

use super::error::ReadError;
use super::reader::{Reader, event_id, limit};
use crate::consent::{EventKey, Seq, Stored};

/// Some rows that were looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scanned {
    /// The last of them.
    pub last: Seq,
    /// Those that are damaged.
    pub damaged: Vec<DamagedRow>,
}

/// A row that is not what was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DamagedRow {
    /// Its number.
    pub seq: Seq,
    /// The whole record, where that is sound and only the line of the list is damaged.
    pub record: Option<Box<Stored>>,
    /// What its event may be: the key that the row has, and the one that the index has of it. Only without a record.
    pub keys: Vec<EventKey>,
}

impl Reader {
    /// Looks at the rows just above `seq`, at most `n`: at their lines, the texts that these name, and their records.
    /// Returns nothing at the end.
    pub fn scan_after(&mut self, seq: Seq, n: usize) -> Result<Option<Scanned>, ReadError> {
        let lines = self.lines_after(seq, n)?;
        let Some((last, _)) = lines.last() else { return Ok(None) };
        let last = *last;
        let records = self.each_record(seq, last)?;
        let mut damaged = Vec::new();
        for (seq, is_good) in lines {
            let record =
                records.iter().find(|(found, _)| *found == seq).and_then(|(_, record)| record.as_ref());
            match record {
                Some(_) if is_good => {}
                Some(record) => {
                    let record = Some(Box::new(record.clone()));
                    damaged.push(DamagedRow { seq, record, keys: Vec::new() });
                }
                None => damaged.push(DamagedRow { seq, record: None, keys: self.keys_of(seq)? }),
            }
        }
        Ok(Some(Scanned { last, damaged }))
    }

    /// What the row and the index of times have as the key of a row. Reads the whole index.
    fn keys_of(&self, seq: Seq) -> Result<Vec<EventKey>, ReadError> {
        let mut keys = Vec::new();
        for sql in [
            "SELECT ts, uuid, part FROM event NOT INDEXED WHERE seq = ?1 LIMIT ?2",
            "SELECT ts, uuid, part FROM event INDEXED BY event_key WHERE +seq = ?1 LIMIT ?2",
        ] {
            let mut statement = self.conn().prepare_cached(sql)?;
            let mut found = statement.query((seq.0, limit(1)))?;
            while let Some(row) = found.next()? {
                let id = event_id(row.get_ref(1)?.as_blob().unwrap_or_default());
                if let (Ok(published_ms), Ok(id), Ok(part)) = (row.get(0), id, row.get(2)) {
                    let key = EventKey { published_ms, id, part };
                    if !keys.contains(&key) {
                        keys.push(key);
                    }
                }
            }
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Via;
    use crate::journal::sample;
    use crate::journal::store::Store;
    use crate::journal::{Batch, Repair, Settings};

    #[test]
    fn a_damaged_row_is_found_and_written_anew_from_its_event() {
        let changes = [
            "UPDATE event SET outcome = 7, scopes = scopes + 1 WHERE seq = 5",
            "UPDATE sym SET text = 'Mallory' WHERE id = (SELECT who FROM event WHERE seq = 5)",
            "UPDATE sym SET text = 'Mallory' WHERE id = (SELECT scopes FROM event WHERE seq = 5)",
            "UPDATE raw SET body = zeroblob(99) WHERE seq = 5",
            "DELETE FROM raw WHERE seq = 5",
            "UPDATE event SET received = received + 1 WHERE seq = 5",
        ];
        for change in changes {
            let dir = tempfile::tempdir().unwrap();
            let conn = crate::journal::open::connect_writer(dir.path()).unwrap();
            let mut store = Store::new(conn, Settings::default()).unwrap();
            let consents: Vec<_> = (0..20).map(|number| sample::consent(number, Via::POLL)).collect();
            store.write([&Batch { consents: consents.clone(), ..Batch::default() }].into_iter()).unwrap();
            let before = Reader::open(dir.path()).unwrap().records_after(Seq(0), 99).unwrap();
            store.conn.execute_batch(change).unwrap();
            let mut reader = Reader::open(dir.path()).unwrap();
            let found = reader.scan_after(Seq(0), 99).unwrap().unwrap();
            assert!(found.damaged.iter().any(|row| row.seq == Seq(5)), "{change}: {:?}", found.damaged);
            let repairs = found.damaged.iter().map(|row| {
                let consent = consents[row.seq.0 as usize - 1].clone();
                assert!(row.record.is_some() || row.keys.contains(&consent.key), "{change}");
                Repair { seq: row.seq, consent, is_own: row.record.is_some() }
            });
            let batch = Batch { repairs: repairs.collect(), ..Batch::default() };
            store.write([&batch].into_iter()).unwrap();
            let mut reader = Reader::open(dir.path()).unwrap();
            assert_eq!(reader.scan_after(Seq(0), 99).unwrap().unwrap().damaged, [], "{change}");
            let after = reader.records_after(Seq(0), 99).unwrap();
            assert_eq!(after.len(), before.len());
            for (after, before) in after.iter().zip(&before) {
                assert_eq!(
                    (after.seq, &after.key, &after.raw, &after.person, after.via, after.evidence),
                    (before.seq, &before.key, &before.raw, &before.person, before.via, before.evidence),
                    "{change}"
                );
            }
            assert_eq!(reader.counts().unwrap().rows, 20);
            assert_eq!(reader.check(|_| {}).unwrap().rows, [], "{change}");
        }
    }

    #[test]
    fn a_row_whose_id_is_damaged_is_found_by_the_index() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.sqlite3");
        let store = |dir| {
            Store::new(crate::journal::open::connect_writer(dir).unwrap(), Settings::default()).unwrap()
        };
        let consents: Vec<_> = (0..20).map(|number| sample::consent(number, Via::POLL)).collect();
        let mut first = store(dir.path());
        first.write([&Batch { consents: consents.clone(), ..Batch::default() }].into_iter()).unwrap();
        first.close();
        let sound = std::fs::read(&path).unwrap();
        let uuid = consents[4].key.id.as_bytes();
        let places: Vec<usize> = (0..sound.len() - 16).filter(|at| sound[*at..*at + 16] == *uuid).collect();
        assert_eq!(places.len(), 2, "the row and the index of times");
        let mut mended = 0;
        for place in places {
            let mut bytes = sound.clone();
            bytes[place + 3] ^= 0x40;
            std::fs::write(&path, bytes).unwrap();
            let mut store = store(dir.path());
            let found = Reader::open(dir.path()).unwrap().scan_after(Seq(0), 99).unwrap().unwrap();
            for row in &found.damaged {
                assert_eq!(row.seq, Seq(5));
                assert!(row.keys.contains(&consents[4].key), "{:?}", row.keys);
                let repair = Repair { seq: row.seq, consent: consents[4].clone(), is_own: false };
                store.write([&Batch { repairs: vec![repair], ..Batch::default() }].into_iter()).unwrap();
                mended += 1;
                let mut reader = Reader::open(dir.path()).unwrap();
                assert!(reader.check(|_| {}).unwrap().is_none());
                assert_eq!(reader.key_of(Seq(5)).unwrap(), Some(consents[4].key));
            }
            store.close();
        }
        assert_eq!(mended, 1, "the index is SQLite's to check");
    }
}
