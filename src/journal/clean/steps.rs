//! The steps of the cleaning.

use std::path::Path;

use rusqlite::types::ValueRef;

use super::progress::{Cleaning, Pace, Step};
use super::secrets;
use crate::consent::{EventId, EventKey, Symbol, redact};
use crate::journal::checksum;
use crate::journal::error::AppendError;
use crate::journal::notes::Notes;
use crate::journal::pack::{self, Packer, Unpacker};
use crate::journal::tables::{hidden, intern, raw};
use crate::journal::write::store::Store;
use crate::journal::write::training::{self, Training};

/// Rows rewritten in one step. A waiting batch is delayed by some ten milliseconds at most.
const ROWS_STEP: i64 = 300;
const TEXTS_STEP: i64 = 2000;
const SIDES_STEP: i64 = 100;
const REJECTS_STEP: i64 = 20;
/// An unreadable record is kept up to 64 KiB; marks may have made it longer.
const REJECT_BYTES_MAX: usize = 1024 * 1024;
/// Replaces an event that cannot be unpacked. It does not unpack either, and it contains no data.
pub(super) const DAMAGED: &[u8] = &[0];

/// A row before it is cleaned.
struct Found {
    seq: i64,
    key: Option<EventKey>,
    dict: i64,
    body: Vec<u8>,
    delivery: Option<String>,
}

/// A hook's copy without its secrets.
struct Copied {
    seq: i64,
    dict: i64,
    body: Vec<u8>,
    /// Whether the stored copy matched its checksum.
    is_sound: bool,
}

/// What cleaning changes in a row; a field that is `None` stays as it is.
#[derive(Default)]
struct Changed {
    seq: i64,
    body: Option<Vec<u8>>,
    hidden: usize,
    id: Option<EventId>,
    delivery: Option<String>,
}

impl Store {
    /// Returns the note for people about the cleaning under way, or `None` if there is nothing to say.
    pub(in crate::journal) fn cleaning_note(&self) -> Option<&str> {
        self.cleaning.as_ref().and_then(|cleaning| cleaning.note.as_deref())
    }

    /// Runs one step of cleaning, and returns when the next one is due.
    pub(in crate::journal) fn clean_some(&mut self) -> Result<Pace, AppendError> {
        let Some(mut cleaning) = self.cleaning.take() else { return Ok(Pace::Done) };
        // Read it from the disk each time, because a failed step may have left wrong values in memory.
        let pace = match cleaning.read(&self.conn) {
            Ok(_) => self.clean_step(&mut cleaning),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = &pace {
            cleaning.note = Some(format!(
                "Removing the secrets of earlier events from the journal failed: {} Lists and exports hide them \
                 nevertheless. The program tries again in an hour.",
                error.fault().what
            ));
        }
        if matches!(pace, Ok(Pace::Done)) {
            tracing::info!(
                "The journal is clean: secrets of events that an earlier version stored are hidden."
            );
        } else {
            self.cleaning = Some(cleaning);
        }
        pace
    }

    fn clean_step(&mut self, cleaning: &mut Cleaning) -> Result<Pace, AppendError> {
        // What is overwritten or deleted from now on leaves nothing behind in the file (SQLite: PRAGMA secure_delete).
        self.conn.execute_batch("PRAGMA secure_delete = ON")?;
        match cleaning.step {
            Step::Dictionary => return self.make_dictionary(cleaning),
            Step::Rows => self.clean_rows(cleaning)?,
            Step::Texts => self.clean_texts(cleaning)?,
            Step::Sides => self.clean_sides(cleaning)?,
            Step::Rejects => self.clean_rejects(cleaning)?,
            Step::Forget => {
                let dict = cleaning.dict;
                cleaning.advance();
                let copies = self.clean_copies(dict)?;
                self.change(|tx, _| {
                    let mut update =
                        tx.prepare_cached("UPDATE hook_copy SET dict = ?2, body = ?3 WHERE seq = ?1")?;
                    for Copied { seq, dict, body, is_sound } in &copies {
                        update.execute((seq, dict, body))?;
                        if *is_sound {
                            checksum::seal_row(tx, checksum::HOOK_COPY, &[seq])?;
                        }
                    }
                    if dict != 0 {
                        tx.execute("DELETE FROM dict WHERE own <> 0 AND abs(id) <> ?1", [dict])?;
                    }
                    cleaning.save(tx)
                })?;
            }
            Step::Shrink => return self.shrink(cleaning),
            Step::Done => return Ok(Pace::Done),
        }
        let done = match cleaning.step {
            Step::Rows => cleaning.at * 100 / self.head().last.0.max(1),
            _ => 100,
        };
        cleaning.note = Some(format!(
            "An earlier version stored events with their secrets. The secrets are now being removed from the journal: \
             {done} % of its rows are done. Lists and exports hide them already. Leave the program running until this \
             note disappears."
        ));
        Ok(Pace::Soon)
    }

    /// Trains a dictionary on cleaned events if the journal has one of its own, because a dictionary contains pieces of
    /// the events that it was trained on.
    fn make_dictionary(&mut self, cleaning: &mut Cleaning) -> Result<Pace, AppendError> {
        let has_own: bool =
            self.conn.query_row("SELECT EXISTS (SELECT 1 FROM dict WHERE own <> 0)", [], |row| row.get(0))?;
        let body = if has_own {
            let training = if let Some(training) = cleaning.training.take() {
                training
            } else {
                let samples = training::samples(&self.conn, |raw| secrets::event(raw).text)?;
                Training::start(samples, (1, pack::SHIPPED.to_vec())).map_err(AppendError::Pack)?
            };
            if !training.is_finished() {
                cleaning.training = Some(training);
                return Ok(Pace::Later);
            }
            // If training gave none, the shipped one is stored under a new number, which makes it the newest.
            Some(training.dictionary().unwrap_or_else(|| pack::SHIPPED.to_vec()))
        } else {
            None
        };
        cleaning.advance();
        self.change(|tx, _| {
            if let Some(body) = &body {
                tx.execute("INSERT INTO dict (own, body) VALUES (1, ?1)", [body])?;
                cleaning.dict = tx.last_insert_rowid();
                checksum::seal_row(tx, checksum::DICT, &[&cleaning.dict])?;
                pack::keep_copies(tx)?;
            }
            cleaning.save(tx)
        })?;
        self.take_up_dictionary()?;
        Ok(Pace::Soon)
    }

    fn clean_rows(&mut self, cleaning: &mut Cleaning) -> Result<(), AppendError> {
        // Rows above `stop` are read too: they may be packed with a dictionary of uncleaned events.
        let found = self.rows_after(cleaning.at)?;
        let Some(last) = found.last().map(|row| row.seq) else {
            cleaning.advance();
            return Ok(self.change(|tx, _| cleaning.save(tx))?);
        };
        let mut packer = Packer::load(&self.conn)?.map_err(AppendError::Pack)?;
        let mut unpacker = Unpacker::default();
        let (mut changed, mut renamed) = (Vec::new(), Vec::new());
        for row in found {
            let mut change = Changed { seq: row.seq, ..Changed::default() };
            let is_old = cleaning.dict != 0 && row.dict != cleaning.dict;
            match unpacker.unpack(&self.conn, row.dict, &row.body)? {
                Ok(raw) => {
                    let clean = secrets::event(raw);
                    change.hidden = clean.hidden;
                    if clean.is_changed || is_old {
                        change.body = Some(packer.pack(&clean.text).map_err(AppendError::Pack)?.to_vec());
                    }
                }
                // Its content is unknown, so it may hold secrets.
                Err(_) => change.body = Some(DAMAGED.to_vec()),
            }
            let is_unkeyed =
                |key: &EventKey| row.seq <= cleaning.stop && matches!(key.id, EventId::Digest(_));
            if let Some(key) = row.key.filter(is_unkeyed) {
                let id = self.identity.of(key.id);
                change.id = Some(id);
                renamed.push((key, EventKey { id, ..key }));
            }
            change.delivery = row.delivery.as_deref().and_then(secrets::stored_envelope);
            if change.body.is_some() || change.hidden > 0 || change.id.is_some() || change.delivery.is_some()
            {
                let is_sound = checksum::is_sound(&self.conn, row.seq)?;
                changed.push((change, is_sound));
            }
        }
        // Marks come first. If the process is killed before the rows change, the next run repeats both and
        // finds the marks renamed already.
        self.rename_marks(&renamed);
        cleaning.at = last;
        let dict = packer.dict();
        self.change(|tx, _| {
            for (change, is_sound) in &changed {
                if let Some(body) = &change.body {
                    let sql = "UPDATE raw SET dict = ?2, body = ?3 WHERE seq = ?1";
                    tx.prepare_cached(sql)?.execute((change.seq, dict, body))?;
                }
                if change.hidden > 0 {
                    // This is not reported to lists as a change: the rows look as before, except for this number.
                    hidden::put(tx, change.seq, change.hidden)?;
                }
                if let Some(id) = &change.id {
                    let sql = "UPDATE OR IGNORE event SET uuid = ?2 WHERE seq = ?1";
                    tx.prepare_cached(sql)?.execute((change.seq, id.as_bytes()))?;
                }
                if let Some(delivery) = &change.delivery {
                    let sql = "UPDATE delivery SET body = ?2 WHERE seq = ?1";
                    tx.prepare_cached(sql)?.execute((change.seq, delivery))?;
                }
                // A row that was damaged before stays so.
                if *is_sound {
                    checksum::seal(tx, change.seq)?;
                }
            }
            cleaning.save(tx)
        })?;
        Ok(())
    }

    /// Returns clean versions of the hook's copies that use an old dictionary or hold secrets. Copies are rare: only
    /// contradictions and additions have one.
    fn clean_copies(&self, dict: i64) -> Result<Vec<Copied>, AppendError> {
        let mut packer = Packer::load(&self.conn)?.map_err(AppendError::Pack)?;
        let mut unpacker = Unpacker::default();
        let mut statement = self.conn.prepare("SELECT * FROM hook_copy")?;
        let mut found = statement.query([])?;
        let mut copies = Vec::new();
        while let Some(row) = found.next()? {
            let (old, body) = raw::packed(row)?;
            let body = match unpacker.unpack(&self.conn, old, &body)? {
                Ok(raw) => {
                    let clean = secrets::event(raw);
                    if !clean.is_changed && (dict == 0 || old == dict) {
                        continue;
                    }
                    packer.pack(&clean.text).map_err(AppendError::Pack)?.to_vec()
                }
                // Its content is unknown, so it may hold secrets.
                Err(_) => DAMAGED.to_vec(),
            };
            let is_sound = checksum::holds(row)?;
            copies.push(Copied { seq: row.get("seq")?, dict: packer.dict(), body, is_sound });
        }
        Ok(copies)
    }

    /// Reads the next rows. A value of another type than was written counts as damage of its row alone.
    fn rows_after(&self, at: i64) -> rusqlite::Result<Vec<Found>> {
        let sql =
            "SELECT raw.seq, event.ts, event.uuid, event.part, raw.dict, raw.body, delivery.body AS envelope
            FROM raw LEFT JOIN event ON event.seq = raw.seq LEFT JOIN delivery ON delivery.seq = raw.seq
            WHERE raw.seq > ?1 ORDER BY raw.seq LIMIT ?2";
        let mut statement = self.conn.prepare_cached(sql)?;
        let found = statement.query_map([at, ROWS_STEP], |row| {
            let id = EventId::from_bytes(checksum::bytes(row.get_ref("uuid")?));
            let key = match (row.get("ts"), id, row.get("part")) {
                (Ok(published_ms), Some(id), Ok(part)) => Some(EventKey { published_ms, id, part }),
                _ => None,
            };
            let (dict, body) = raw::packed(row)?;
            Ok(Found { seq: row.get("seq")?, key, dict, body, delivery: text(row.get_ref("envelope")?) })
        })?;
        found.collect()
    }

    /// Gives marks the new keys of their events. A failure is only logged, because it costs no more than a
    /// mark.
    fn rename_marks(&mut self, renamed: &[(EventKey, EventKey)]) {
        if renamed.is_empty() {
            return;
        }
        let Some(dir) = self.conn.path().map(Path::new).and_then(Path::parent) else { return };
        let done = match Notes::look(dir) {
            Ok(None) => return,
            Ok(Some(_)) => Notes::open(dir).and_then(|mut notes| notes.rename(renamed)),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            tracing::warn!(%error, "Marks on events without a uuid could not be moved to their new keys.");
        }
    }

    fn clean_texts(&mut self, cleaning: &mut Cleaning) -> Result<(), AppendError> {
        let found: Vec<(i64, String, i64)> = self
            .conn
            .prepare_cached("SELECT id, text, org FROM sym WHERE id > ?1 ORDER BY id LIMIT ?2")?
            .query_map([cleaning.at, TEXTS_STEP], |row| {
                let org = row.get_ref(2)?.as_i64().unwrap_or_default();
                Ok((row.get(0)?, text(row.get_ref(1)?).unwrap_or_default(), org))
            })?
            .collect::<Result<_, _>>()?;
        let clean: Vec<(u32, Symbol, i64)> = found
            .iter()
            .filter_map(|(id, text, org)| Some((u32::try_from(*id).ok()?, secrets::symbol(text)?, *org)))
            .collect();
        cleaning.go_on(found.last().map(|(last, ..)| *last));
        self.change(|tx, _| {
            for (id, symbol, org) in &clean {
                let sum = checksum::of_text(*id, *org, symbol.as_str());
                tx.prepare_cached("UPDATE sym SET h = ?2, text = ?3, sum = ?4 WHERE id = ?1")?.execute((
                    id,
                    intern::hash(symbol.as_str()),
                    symbol.as_str(),
                    sum,
                ))?;
            }
            cleaning.save(tx)
        })?;
        let ids: Vec<u32> = clean.iter().map(|(id, ..)| *id).collect();
        self.forget_texts(&ids);
        Ok(())
    }

    fn clean_sides(&mut self, cleaning: &mut Cleaning) -> Result<(), AppendError> {
        type Side = (i64, Vec<u8>, Vec<u8>, [Option<String>; 3], bool);
        let found: Vec<Side> = self
            .conn
            .prepare_cached("SELECT * FROM side WHERE id > ?1 ORDER BY id LIMIT ?2")?
            .query_map([cleaning.at, SIDES_STEP], |row| {
                let bytes = |column| Ok::<_, rusqlite::Error>(checksum::bytes(row.get_ref(column)?).to_vec());
                let texts =
                    [text(row.get_ref("type")?), text(row.get_ref("txn")?), text(row.get_ref("session")?)];
                Ok((row.get("id")?, bytes("uuid")?, bytes("body")?, texts, checksum::holds(row)?))
            })?
            .collect::<Result<_, _>>()?;
        cleaning.go_on(found.last().map(|(last, ..)| *last));
        let mut clean = Vec::new();
        for (id, uuid, body, texts, is_sound) in found {
            let uuid = EventId::from_bytes(&uuid).filter(|_| id <= cleaning.sides);
            let uuid = uuid.map(|uuid| self.identity.of(uuid));
            let body = match zstd::bulk::decompress(&body, REJECT_BYTES_MAX) {
                Ok(raw) => zstd::bulk::compress(&secrets::event(raw).text, 3).map_err(AppendError::Pack)?,
                Err(_) => DAMAGED.to_vec(),
            };
            let texts = texts.map(|text| text.map(|text| redact::text(&text).into_owned()));
            clean.push((id, uuid, body, texts, is_sound));
        }
        self.change(|tx, _| {
            for (id, uuid, body, [kind, txn, session], is_sound) in &clean {
                let sql = "UPDATE side SET body = ?2, type = COALESCE(?3, ''), txn = ?4, session = ?5 WHERE id = ?1";
                tx.prepare_cached(sql)?.execute((id, body, kind, txn, session))?;
                if let Some(uuid) = uuid {
                    let sql = "UPDATE OR IGNORE side SET uuid = ?2 WHERE id = ?1";
                    if tx.prepare_cached(sql)?.execute((id, uuid.as_bytes()))? == 0 {
                        // The same event came again meanwhile and is another row.
                        tx.prepare_cached("DELETE FROM side WHERE id = ?1")?.execute([id])?;
                    }
                }
                // One that was damaged before stays so.
                if *is_sound {
                    checksum::seal_row(tx, checksum::SIDE, &[id])?;
                }
            }
            cleaning.save(tx)
        })?;
        Ok(())
    }

    fn clean_rejects(&mut self, cleaning: &mut Cleaning) -> Result<(), AppendError> {
        let found: Vec<(i64, Vec<u8>, bool)> = self
            .conn
            .prepare_cached("SELECT * FROM reject WHERE id > ?1 ORDER BY id LIMIT ?2")?
            .query_map([cleaning.at, REJECTS_STEP], |row| {
                Ok((row.get("id")?, checksum::bytes(row.get_ref("body")?).to_vec(), checksum::holds(row)?))
            })?
            .collect::<Result<_, _>>()?;
        cleaning.go_on(found.last().map(|(last, ..)| *last));
        let mut clean = Vec::new();
        for (id, body, is_sound) in found {
            let record = zstd::bulk::decompress(&body, REJECT_BYTES_MAX).unwrap_or_default();
            let mut record = redact::record(&record).into_owned();
            record.truncate(crate::consent::Reject::BYTES_MAX);
            clean.push((id, zstd::bulk::compress(&record, 3).map_err(AppendError::Pack)?, is_sound));
        }
        self.change(|tx, _| {
            for (id, body, is_sound) in &clean {
                tx.prepare_cached("UPDATE reject SET body = ?2 WHERE id = ?1")?.execute((id, body))?;
                if *is_sound {
                    checksum::seal_row(tx, checksum::REJECT, &[id])?;
                }
            }
            cleaning.save(tx)
        })?;
        Ok(())
    }
}

/// Returns a text of the journal, or `None` for NULL. Replaces bytes that are not UTF-8.
fn text(value: ValueRef<'_>) -> Option<String> {
    (value != ValueRef::Null).then(|| String::from_utf8_lossy(checksum::bytes(value)).into_owned())
}
