//! Whole records: the raw event of a row with its envelope and its names.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use rusqlite::{OptionalExtension as _, Params};

use super::reader::Reader;
use crate::consent::{EventKey, Evidence, Label, OrgId, Person, Rev, Seq, Stored, Symbol, Thing, Via};
use crate::journal::checksum::{self, Record};
use crate::journal::clean;
use crate::journal::error::{Ailment, ReadError};
use crate::journal::pack::Unpacker;
use crate::journal::sql_values::{event_id, limit, time};
use crate::journal::tables::{delivery, doubt, label};

/// Reads the columns of a record.
const STORED: &str =
    "SELECT event.seq, event.rev, event.ts, event.uuid, event.part, event.received, event.via,
    event.evidence, delivery.body, raw.dict, raw.body, sym.text, event.client, event.server, event.doubt,
    event.who, event.session, event.sum, sym.sum, event.org, sym.org
    FROM event LEFT JOIN raw ON raw.seq = event.seq LEFT JOIN delivery ON delivery.seq = event.seq
    LEFT JOIN sym ON sym.id = event.who";

/// Whether a record is read with the values that come from separate texts: its person, and the names of its ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Texts {
    Read,
    /// Names of ids are left out. The person is read if its text is sound.
    Unread,
}

/// The labels of texts by their numbers, or `None` for texts that have none. Rows that are read together share many.
type Labels = HashMap<u32, Option<Label>>;

/// A row's number, and the whole row or why it is damaged.
type Read = (Seq, Result<Stored, ReadError>);

impl Reader {
    /// Returns the whole records of the rows above `after` up to `to`, with `None` for a damaged one. Leaves out what
    /// comes from separate texts, so that a damaged text does not make a sound event count as damaged.
    pub(super) fn each_record(&self, after: Seq, to: Seq) -> Result<Vec<(Seq, Option<Stored>)>, ReadError> {
        let sql = format!("{STORED} WHERE event.seq > ?1 AND event.seq <= ?2 ORDER BY event.seq");
        let found = self.stored(&sql, (after.0, to.0), Texts::Unread)?;
        Ok(found.into_iter().map(|(seq, stored)| (seq, stored.ok())).collect())
    }

    /// Returns one row with its raw event and envelope.
    ///
    /// # Errors
    /// The journal cannot be read, or the row is damaged.
    pub fn record(&self, seq: Seq) -> Result<Option<Stored>, ReadError> {
        let found = self.stored(&format!("{STORED} WHERE event.seq = ?1"), [seq.0], Texts::Read)?;
        found.into_iter().next().map(|(_, stored)| stored).transpose()
    }

    /// Returns the rows just above `seq` with their raw events and envelopes, at most `n`, in rising order. An empty
    /// list means that there are no more. Leaves out a damaged row, which [`Reader::damaged`] then lists.
    pub fn records_after(&self, seq: Seq, n: usize) -> Result<Vec<Stored>, ReadError> {
        let sql = format!("{STORED} WHERE event.seq > ?1 ORDER BY event.seq LIMIT ?2");
        let mut after = seq;
        loop {
            let found = self.stored(&sql, (after.0, limit(n)), Texts::Read)?;
            let Some((last, _)) = found.last() else { return Ok(Vec::new()) };
            after = *last;
            let mut good = Vec::with_capacity(found.len());
            for (seq, stored) in found {
                match stored {
                    Ok(stored) => good.push(stored),
                    Err(error) => self.note_damaged(seq, &error),
                }
            }
            if !good.is_empty() {
                return Ok(good);
            }
        }
    }

    /// Returns the whole records of an org's rows just above `seq`, at most `n`, in rising order, the number of the last row
    /// that was looked at, and whether there may be more. Leaves out a damaged row.
    pub fn records_of(
        &self,
        org: OrgId,
        seq: Seq,
        n: usize,
    ) -> Result<(Vec<Stored>, Option<Seq>, bool), ReadError> {
        // The plus keeps SQLite from the index by org, in which it would have to sort all rows of the org.
        let sql = format!("{STORED} WHERE event.seq > ?1 AND +event.org = ?3 ORDER BY event.seq LIMIT ?2");
        let found = self.stored(&sql, (seq.0, limit(n), org.0), Texts::Read)?;
        let (last, is_full) = (found.last().map(|(seq, _)| *seq), found.len() >= n);
        Ok((self.sound(found), last, is_full))
    }

    /// Returns the whole records of an org's rows that changed after `rev`, at most `n`, in the order of the changes, the
    /// number of the last change that was looked at, and whether there may be more. Leaves out a damaged row.
    pub fn records_changed(
        &self,
        org: OrgId,
        rev: Rev,
        n: usize,
    ) -> Result<(Vec<Stored>, Option<Rev>, bool), ReadError> {
        // The index of changes has only rows that changed.
        let sql = format!(
            "{STORED} WHERE event.rev > 0 AND event.rev > ?1 AND +event.org = ?3 ORDER BY event.rev LIMIT ?2"
        );
        let found = self.stored(&sql, (rev.0, limit(n), org.0), Texts::Read)?;
        let sql = "SELECT MAX(rev) FROM (SELECT rev FROM event WHERE rev > 0 AND rev > ?1 AND +org = ?3
            ORDER BY rev LIMIT ?2)";
        let values = (rev.0, limit(n), org.0);
        let last: Option<i64> = self.conn.prepare_cached(sql)?.query_row(values, |row| row.get(0))?;
        let is_full = found.len() >= n;
        Ok((self.sound(found), last.map(Rev), is_full))
    }

    /// Returns the rows that could be read, and remembers the others as damaged.
    fn sound(&self, found: Vec<Read>) -> Vec<Stored> {
        let mut good = Vec::with_capacity(found.len());
        for (seq, stored) in found {
            match stored {
                Ok(stored) => good.push(stored),
                Err(error) => self.note_damaged(seq, &error),
            }
        }
        good
    }

    /// Returns the org of a row and the key of its event, or `None` if the row does not exist.
    pub fn key_of(&self, seq: Seq) -> Result<Option<(OrgId, EventKey)>, ReadError> {
        let sql = "SELECT ts, uuid, part, org FROM event WHERE seq = ?1";
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut found = statement.query([seq.0])?;
        let Some(row) = found.next()? else { return Ok(None) };
        let id = event_id(row.get_ref(1)?.as_blob().unwrap_or_default())
            .map_err(|source| ReadError::Unpack { seq: seq.0, source })?;
        Ok(Some((OrgId(row.get(3)?), EventKey { published_ms: row.get(0)?, id, part: row.get(2)? })))
    }

    /// Returns the row of an event of an org, or `None` if it is not stored, or no longer.
    pub fn seq_of(&self, org: OrgId, key: &EventKey) -> Result<Option<Seq>, ReadError> {
        let sql = "SELECT seq FROM event WHERE org = ?4 AND ts = ?1 AND uuid = ?2 AND part = ?3";
        let values = (key.published_ms, key.id.as_bytes(), key.part, org.0);
        let seq = self.conn.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
        Ok(seq.map(Seq))
    }

    /// Reads whole rows. Returns the number of each, and the row or why it is damaged.
    fn stored(&self, sql: &str, params: impl Params, texts: Texts) -> Result<Vec<Read>, ReadError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut found = statement.query(params)?;
        let mut labels = (texts == Texts::Read && label::any(&self.conn)?).then(Labels::new);
        let mut records = Vec::new();
        while let Some(row) = found.next()? {
            let seq: i64 = row.get(0)?;
            let stored = match self.stored_row(row, seq, texts, labels.as_mut()) {
                // A value of another type than was written is damage of this row alone.
                Err(ReadError::Storage(error))
                    if error.ailment == Ailment::Damaged && !error.is_of_file() =>
                {
                    Err(ReadError::Unpack { seq, source: io::Error::other(error) })
                }
                Err(error @ ReadError::Storage(_)) => return Err(error),
                stored => stored,
            };
            records.push((Seq(seq), stored));
        }
        Ok(records)
    }

    /// Returns the hook's copy of a row, or `None` if there is none.
    fn hook_copy(&self, seq: i64, unpacker: &mut Unpacker) -> Result<Option<String>, ReadError> {
        let damaged = |source| ReadError::Unpack { seq, source };
        let mut statement = self.conn.prepare_cached("SELECT * FROM hook_copy WHERE seq = ?1")?;
        let mut found = statement.query([seq])?;
        let Some(row) = found.next()? else { return Ok(None) };
        if !checksum::holds(row)? {
            let why = "the checksum of its hook's copy does not match";
            return Err(damaged(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
        let body = checksum::bytes(row.get_ref("body")?);
        let copy = unpacker.unpack(&self.conn, row.get("dict")?, body)?.map_err(damaged)?;
        String::from_utf8(copy).map(Some).map_err(|error| damaged(io::Error::other(error)))
    }

    fn stored_row(
        &self,
        row: &rusqlite::Row<'_>,
        seq: i64,
        texts: Texts,
        known: Option<&mut Labels>,
    ) -> Result<Stored, ReadError> {
        let damaged = |source| ReadError::Unpack { seq, source };
        let mismatch = || damaged(io::Error::new(io::ErrorKind::InvalidData, "its checksum does not match"));
        let number = |column: usize| row.get::<_, i64>(column);
        let (ts, part, via, evidence) = (number(2)?, number(4)?, number(6)?, number(7)?);
        let (rev, received, doubt, who) = (number(1)?, number(5)?, number(14)?, number(15)?);
        let (client, server) = (number(12)?, number(13)?);
        let session = row.get::<_, Option<i64>>(16)?.unwrap_or(0);
        let dict = row.get::<_, Option<i64>>(9)?.unwrap_or(0);
        let (uuid, body) = (checksum::bytes(row.get_ref(3)?), checksum::bytes(row.get_ref(10)?));
        let envelope = checksum::bytes(row.get_ref(8)?);
        let numbers =
            [seq, rev, ts, part, received, via, evidence, doubt, who, client, server, session, dict];
        let record = Record { org: number(19)?, numbers, uuid, delivery: envelope, body };
        if !self.holds(row.get_ref(17)?, |kept| record.holds(kept))? {
            return Err(mismatch());
        }
        let org = u8::try_from(record.org).unwrap_or_default();
        let person = match (row.get_ref(11)?.as_str(), row.get_ref(20)?.as_i64()) {
            (Ok(text), Ok(org))
                if self
                    .holds(row.get_ref(18)?, |kept| kept == checksum::of_text(who as u32, org, text))? =>
            {
                Some(text)
            }
            // The number 0 stands for no text.
            _ if who == 0 || texts == Texts::Unread => None,
            _ => return Err(mismatch()),
        };
        let id = event_id(uuid).map_err(damaged)?;
        let mut unpacker = self.unpacker.borrow_mut();
        let raw = unpacker.unpack(&self.conn, dict, body)?.map_err(damaged)?;
        let raw = String::from_utf8(raw).map_err(|error| damaged(io::Error::other(error)))?;
        let copy = self.hook_copy(seq, &mut unpacker)?;
        let mut hook = std::str::from_utf8(envelope).ok().and_then(delivery::from_text);
        let mut named = person.map_or_else(Person::default, |who| Person::of(&Symbol::joined(who)));
        let (raw, copy) = if self.is_clean()? {
            (raw, copy)
        } else {
            if let Some(hook) = &mut hook {
                clean::envelope(hook);
            }
            if let Some(clean) = person.and_then(clean::symbol) {
                named = Person::of(&clean);
            }
            (clean::shown(raw), copy.map(clean::shown))
        };
        let mut labels = Vec::new();
        if let Some(known) = known {
            if let Some(text) = person {
                labels.extend(self.label_of(known, who as u32, || Ok(Some((OrgId(org), text.to_owned()))))?);
            }
            for sym in [client as u32, server as u32].into_iter().filter(|sym| *sym != 0) {
                // Without its text, the name of a thing is unknown. The event still has the id.
                labels.extend(self.label_of(known, sym, || self.text(sym))?);
            }
        }
        let via = Via::from_code(via as u8);
        Ok(Stored {
            seq: Seq(seq),
            rev: Rev(rev),
            key: EventKey { published_ms: ts, id, part: part as u8 },
            org: OrgId(org),
            received: time(received),
            via,
            doubt: doubt::of(via, doubt),
            evidence: Evidence::from_code(evidence as u8),
            person: named,
            hook,
            hook_copy: copy.map(Arc::from),
            labels,
            raw: Arc::from(raw),
        })
    }

    /// Returns the label of a text by its number. `known` holds those that were looked up before.
    fn label_of(
        &self,
        known: &mut Labels,
        sym: u32,
        text: impl FnOnce() -> rusqlite::Result<Option<(OrgId, String)>>,
    ) -> Result<Option<Label>, ReadError> {
        if let Some(label) = known.get(&sym) {
            return Ok(label.clone());
        }
        let (org, text) = text()?.unwrap_or_default();
        let label = match Thing::unnamed_in(&text) {
            Some((thing, id)) => label::get(&self.conn, org, thing, id)?,
            None => None,
        };
        known.insert(sym, label.clone());
        Ok(label)
    }
}
