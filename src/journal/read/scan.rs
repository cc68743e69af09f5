//! Finds damaged rows, some rows at a time.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::Reader;
use crate::consent::{EventKey, OrgId, Seq, Stored};
use crate::journal::error::ReadError;
use crate::journal::sql_values::event_id;

/// The result of checking some rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scanned {
    /// The last row that was checked.
    pub last: Seq,
    /// The damaged rows among them.
    pub damaged: Vec<DamagedRow>,
}

/// The keys that the event of each row may have, each with its org.
pub type PossibleKeys = BTreeMap<Seq, Vec<(OrgId, EventKey)>>;

/// A damaged row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DamagedRow {
    /// The number of the row.
    pub seq: Seq,
    /// The whole record if it is sound, and only the line of the list or a text of it is damaged. It has no names of
    /// ids.
    pub record: Option<Box<Stored>>,
}

impl Reader {
    /// Checks the rows just above `seq`, at most `n`: their lines, the texts of the lines, and their records. Returns
    /// `None` if there are no more rows.
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
                record => damaged.push(DamagedRow { seq, record: record.cloned().map(Box::new) }),
            }
        }
        Ok(Some(Scanned { last, damaged }))
    }

    /// Returns the keys that the event of each row may have, each with its org: the key in the row, and the key in the
    /// index of times. Reads the whole index, so it should be called once for many rows.
    pub fn keys_of(&self, rows: &BTreeSet<Seq>) -> Result<PossibleKeys, ReadError> {
        let mut keys: PossibleKeys = rows.iter().map(|seq| (*seq, Vec::new())).collect();
        if rows.is_empty() {
            return Ok(keys);
        }
        let mut note = |row: &rusqlite::Row<'_>| -> Result<(), ReadError> {
            let Some(keys) = keys.get_mut(&Seq(row.get(0)?)) else { return Ok(()) };
            let id = event_id(row.get_ref(2)?.as_blob().unwrap_or_default());
            if let (Ok(published_ms), Ok(id), Ok(part), Ok(org)) = (row.get(1), id, row.get(3), row.get(4)) {
                let key = (OrgId(org), EventKey { published_ms, id, part });
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
            Ok(())
        };
        let sql = "SELECT seq, ts, uuid, part, org FROM event NOT INDEXED WHERE seq = ?1";
        let mut statement = self.conn().prepare_cached(sql)?;
        for seq in rows {
            let mut found = statement.query([seq.0])?;
            while let Some(row) = found.next()? {
                note(row)?;
            }
        }
        let sql = "SELECT seq, ts, uuid, part, org FROM event INDEXED BY event_key ORDER BY org, ts";
        let mut statement = self.conn().prepare_cached(sql)?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            note(row)?;
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::consent::{
        Attribution, Consent, Delivery, Doubt, Evidence, Label, Person, Thing, Untrusted, UserId, Via, Who,
    };
    use crate::journal::sample;
    use crate::journal::write::store::Store;
    use crate::journal::{Batch, Repair, Settings};

    /// Twenty rows. The fifth has a hook's copy that contradicts it, and its client has a name.
    fn journal(dir: &Path) -> (Store, Vec<Consent>) {
        let conn = crate::journal::connection::connect_writer(dir).unwrap();
        let mut store = Store::new(conn, Settings::default()).unwrap();
        let consents: Vec<_> = (0..20).map(|number| sample::consent(number, Via::POLL)).collect();
        let label = Label {
            thing: Thing::Client,
            id: Untrusted::new(consents[4].client.id.as_ref().unwrap().exact()),
            name: Some(Untrusted::new("Figma")),
            login: None,
            is_gone: false,
            asked: consents[4].received,
        };
        let mut hook = sample::consent(4, Via::HOOK);
        hook.outcome.result = Some(Untrusted::new("FAILURE"));
        hook.raw = Arc::from(r#"{"altered":true}"#);
        hook.hook = Some(Delivery {
            event_id: Some(Untrusted::new("a delivery")),
            event_time: None,
            source: None,
            headers: Vec::new(),
            received: None,
        });
        store
            .write(
                [
                    &Batch { consents: consents.clone(), labels: vec![label], ..Batch::default() },
                    &Batch { consents: vec![hook], ..Batch::default() },
                ]
                .into_iter(),
            )
            .unwrap();
        (store, consents)
    }

    /// Repairs what a scan finds, from the rows' own events where they are sound. Returns the damaged rows.
    fn mend(store: &mut Store, dir: &Path, consents: &[Consent]) -> Vec<DamagedRow> {
        let found = Reader::open(dir).unwrap().scan_after(Seq(0), 99).unwrap().unwrap().damaged;
        let repairs = found.iter().map(|row| {
            let consent = consents[row.seq.0 as usize - 1].clone();
            Repair { seq: row.seq, consent, is_own: row.record.is_some() }
        });
        let batch = Batch { repairs: repairs.collect(), ..Batch::default() };
        store.write([&batch].into_iter()).unwrap();
        found
    }

    #[test]
    fn a_damaged_row_is_found_and_written_anew_from_its_event() {
        let changes = [
            "UPDATE event SET outcome = 7, scopes = scopes + 1 WHERE seq = 5",
            "UPDATE sym SET text = 'Mallory' WHERE id = (SELECT who FROM event WHERE seq = 5)",
            "UPDATE sym SET text = 'Mallory' WHERE id = (SELECT scopes FROM event WHERE seq = 5)",
            "UPDATE sym SET text = 'Mallory' WHERE id = (SELECT client FROM event WHERE seq = 5)",
            "UPDATE raw SET body = zeroblob(99) WHERE seq = 5",
            "UPDATE raw SET dict = 'x' WHERE seq = 5",
            "DELETE FROM raw WHERE seq = 5",
            "UPDATE event SET received = received + 1 WHERE seq = 5",
            "UPDATE delivery SET body = replace(body, 'a delivery', 'another') WHERE seq = 5",
            "UPDATE hook_copy SET body = zeroblob(9) WHERE seq = 5",
            "INSERT INTO hidden (seq, count, sum) VALUES (5, 3, 7)",
        ];
        for change in changes {
            let dir = tempfile::tempdir().unwrap();
            let (mut store, consents) = journal(dir.path());
            let before = Reader::open(dir.path()).unwrap().records_after(Seq(0), 99).unwrap();
            assert_eq!((before[4].doubt, before[4].labels.len()), (Some(Doubt::Altered), 1));
            store.conn.execute_batch(change).unwrap();
            let mut found = mend(&mut store, dir.path(), &consents);
            found.retain(|row| row.seq == Seq(5));
            assert_eq!(found.len(), 1, "{change}");
            if found[0].record.is_none() {
                let keys = Reader::open(dir.path()).unwrap().keys_of(&BTreeSet::from([Seq(5)])).unwrap();
                assert!(keys[&Seq(5)].contains(&(OrgId(0), consents[4].key)), "{change}");
            }
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
                assert_eq!((after.doubt, &after.labels), (before.doubt, &before.labels), "{change}");
                let told = after.hook.as_ref().and_then(|hook| hook.event_id.as_ref());
                assert!(told.is_none_or(|id| id.exact() == "a delivery"), "{change}: {told:?}");
                let copy = &after.hook_copy;
                assert!(*copy == before.hook_copy || change.contains("hook_copy"), "{change}: {copy:?}");
            }
            assert_eq!(reader.counts().unwrap().rows, 20);
            assert_eq!(reader.coverage(OrgId(0)).unwrap().hook.altered, 1, "{change}");
            assert!(reader.check(|_| {}).unwrap().rows.is_empty(), "{change}");
        }
    }

    #[test]
    fn a_damaged_text_takes_no_sound_event_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, consents) = journal(dir.path());
        store
            .conn
            .execute_batch("UPDATE sym SET text = 'Mallory' WHERE id IN (SELECT client FROM event)")
            .unwrap();
        let reader = Reader::open(dir.path()).unwrap();
        let records = reader.records_after(Seq(0), 99).unwrap();
        assert_eq!(records.len(), 20);
        assert!(records.iter().all(|record| record.labels.is_empty()), "nobody knows whose name it is");
        let found = mend(&mut store, dir.path(), &consents);
        assert_eq!(found.len(), 20);
        assert!(found.iter().all(|row| row.record.is_some()), "nobody need be asked");
        assert_eq!(Reader::open(dir.path()).unwrap().record(Seq(5)).unwrap().unwrap().labels.len(), 1);
    }

    #[test]
    fn a_person_whose_text_is_damaged_is_nobody_again() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, mut consents) = journal(dir.path());
        let mut nobody = sample::consent(20, Via::POLL);
        nobody.who = Who { person: Person::default(), evidence: Evidence::Unknown };
        consents.push(nobody.clone());
        store.write([&Batch { consents: vec![nobody], ..Batch::default() }].into_iter()).unwrap();
        let person = Person { id: Some(UserId::new("00uAAAAAAAAAAAAAA1d7")), ..Person::default() };
        let attribution = Attribution { seq: Seq(21), person: person.clone(), evidence: Evidence::Session };
        let batch = Batch { attributions: vec![attribution], ..Batch::default() };
        store.write([&batch].into_iter()).unwrap();
        let record = || Reader::open(dir.path()).unwrap().record(Seq(21)).unwrap().unwrap();
        // With its text it keeps the person, who is not in the event.
        store.conn.execute_batch("UPDATE event SET outcome = 7 WHERE seq = 21").unwrap();
        assert_eq!(mend(&mut store, dir.path(), &consents).len(), 1);
        assert_eq!((record().person, record().evidence), (person, Evidence::Session));
        store
            .conn
            .execute_batch("UPDATE sym SET text = 'x' WHERE id = (SELECT who FROM event WHERE seq = 21)")
            .unwrap();
        assert!(mend(&mut store, dir.path(), &consents)[0].record.is_some());
        assert_eq!((record().person, record().evidence), (Person::default(), Evidence::Unknown));
    }

    #[test]
    fn a_row_whose_id_is_damaged_is_found_by_the_index() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.sqlite3");
        let store = |dir| {
            Store::new(crate::journal::connection::connect_writer(dir).unwrap(), Settings::default()).unwrap()
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
                let keys = Reader::open(dir.path()).unwrap().keys_of(&BTreeSet::from([row.seq])).unwrap();
                assert!(keys[&row.seq].contains(&(OrgId(0), consents[4].key)), "{keys:?}");
                let repair = Repair { seq: row.seq, consent: consents[4].clone(), is_own: false };
                store.write([&Batch { repairs: vec![repair], ..Batch::default() }].into_iter()).unwrap();
                mended += 1;
                let mut reader = Reader::open(dir.path()).unwrap();
                assert!(reader.check(|_| {}).unwrap().is_none());
                assert_eq!(reader.key_of(Seq(5)).unwrap(), Some((OrgId(0), consents[4].key)));
            }
            store.close();
        }
        assert_eq!(mended, 1, "the index is SQLite's to check");
    }
}
