//! Removes secrets from journals that an earlier version wrote without hiding them. The work runs in the
//! background, in small steps. Each step is one transaction, so a killed process resumes where it stopped.
//!
//! The order of the work:
//!
//! 1. Train a dictionary on cleaned events, because the old one contains pieces of uncleaned events.
//! 2. Rewrite every row, text, side event and unreadable record without its secrets.
//! 3. Delete the old dictionaries.
//! 4. Rewrite the file, because deleted data stays in its unused pages.
//!
//! Until only the last part is left, readers hide secrets themselves.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _};

use super::checksum;
use super::connection::BUSY_MS;
use super::delivery;
use super::error::AppendError;
use super::hidden;
use super::identity::Identity;
use super::intern;
use super::notes::Notes;
use super::pack::{self, Packer, Unpacker};
use super::raw;
use super::store::Store;
use super::training::{self, Training};
use crate::consent::{Delivery, EventId, EventKey, SideEvent, Symbol, Untrusted, redact};

/// Rows rewritten in one step. A waiting batch is delayed by some ten milliseconds at most.
const ROWS_STEP: i64 = 300;
const TEXTS_STEP: i64 = 2000;
const SIDES_STEP: i64 = 100;
const REJECTS_STEP: i64 = 20;
/// How long the rewrite of the file waits for readers before it gives up and is tried again later.
const PATIENCE: Duration = Duration::from_millis(200);
/// An unreadable record is kept up to 64 KiB; marks may have made it longer.
const REJECT_BYTES_MAX: usize = 1024 * 1024;
/// Replaces an event that cannot be unpacked. It does not unpack either, and it contains no data.
const DAMAGED: &[u8] = &[0];

/// How far cleaning is; the numbers are on the disk.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
enum Step {
    Dictionary = 0,
    Rows = 1,
    Texts = 2,
    Sides = 3,
    Rejects = 4,
    Forget = 5,
    Shrink = 6,
    Done = 7,
}

impl Step {
    fn from_code(code: u8) -> Self {
        let all = [
            Self::Dictionary,
            Self::Rows,
            Self::Texts,
            Self::Sides,
            Self::Rejects,
            Self::Forget,
            Self::Shrink,
        ];
        all.into_iter().find(|step| *step as u8 == code).unwrap_or(Self::Done)
    }

    fn next(self) -> Self {
        Self::from_code(self as u8 + 1)
    }
}

/// Whether every row is clean, so that readers need not look.
pub(super) fn is_clean(conn: &Connection) -> rusqlite::Result<bool> {
    let mut statement = conn.prepare_cached("SELECT * FROM clean")?;
    let step = statement.query_row([], |row| if checksum::holds(row)? { row.get("step") } else { Ok(0) });
    Ok(Step::from_code(step.optional()?.unwrap_or(0)) >= Step::Shrink)
}

/// Hides the secrets in each field of a joined text. Returns `None` if there are none.
pub(super) fn clean_symbol(text: &str) -> Option<Symbol> {
    let fields: Vec<_> = text.split(Symbol::SEPARATOR).map(redact::text).collect();
    let fields: Vec<&str> = fields.iter().map(AsRef::as_ref).collect();
    let clean = Symbol::of(&fields);
    (clean.as_str() != text && !text.is_empty()).then_some(clean)
}

/// Hides the secrets of an envelope.
pub(super) fn clean_envelope(kept: &mut Delivery) {
    for told in [&mut kept.event_id, &mut kept.event_time, &mut kept.source].into_iter().flatten() {
        *told = Untrusted::new(redact::text(told.exact()));
    }
    for header in &mut kept.headers {
        *header = Untrusted::new(redact::header(header.exact()));
    }
}

/// Hides the secrets of a side event.
pub(super) fn clean_side(side: &mut SideEvent) {
    if let Some(clean) = redact::event(&side.raw) {
        side.raw = clean.text.into();
    }
    for told in [&mut side.transaction_id, &mut side.session_id].into_iter().flatten() {
        *told = Untrusted::new(redact::text(told.exact()));
    }
}

/// Hides the secrets of a stored envelope. Returns `None` if it has none. An envelope that cannot be parsed becomes an
/// empty one, because it may hold secrets.
fn clean_delivery(text: &str) -> Option<String> {
    let Some(mut kept) = delivery::from_text(text) else { return Some("{}".to_owned()) };
    clean_envelope(&mut kept);
    let clean = delivery::to_text(&kept);
    (clean != text).then_some(clean)
}

/// When the next step of cleaning is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    /// At once, after the batches that wait.
    Soon,
    /// In a second: a thread or a reader has to finish first.
    Later,
    /// In an hour: there is too little room on the disk.
    Blocked,
    /// There is nothing left to do.
    Done,
}

/// Cleaning under way.
#[derive(Debug)]
pub(super) struct Cleaning {
    step: Step,
    /// The number of the last row, text or record that this step has cleaned.
    at: i64,
    /// Rows above this number were clean when they were stored, and known by keyed digests.
    stop: i64,
    /// The same of side events.
    sides: i64,
    /// The dictionary of cleaned events; 0 if there was none of the journal's own.
    dict: i64,
    training: Option<Training>,
    /// Whether the file was rewritten, so that only its WAL is left to empty.
    is_rewritten: bool,
    /// What a person should know.
    note: Option<String>,
    /// Bytes that the disk has, where nobody need ask it.
    #[cfg(test)]
    room: Option<u64>,
}

impl Cleaning {
    /// Returns the key of a journal, and what is left to clean.
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<(Identity, Option<Self>)> {
        let mut cleaning = Self::begin();
        let secret = cleaning.read(conn)?;
        Ok((Identity::new(&secret), Some(cleaning).filter(|cleaning| cleaning.step != Step::Done)))
    }

    /// Reads how far it came, and returns the key. What is damaged begins again, and nothing gets a keyed digest in
    /// place of one without a key, because it may have one already.
    fn read(&mut self, conn: &Connection) -> rusqlite::Result<Vec<u8>> {
        let read = conn.query_row("SELECT * FROM clean", [], |row| {
            if checksum::holds(row)? {
                self.step = Step::from_code(row.get("step")?);
                (self.at, self.dict) = (row.get("at")?, row.get("dict")?);
                (self.stop, self.sides) = (row.get("stop")?, row.get("sides")?);
            } else {
                (self.step, self.at, self.dict) = (Step::Dictionary, 0, 0);
                (self.stop, self.sides) = (0, 0);
            }
            row.get("secret")
        });
        Ok(read.optional()?.unwrap_or_default())
    }

    fn begin() -> Self {
        Self {
            step: Step::Dictionary,
            at: 0,
            stop: 0,
            sides: 0,
            dict: 0,
            training: None,
            is_rewritten: false,
            note: None,
            #[cfg(test)]
            room: None,
        }
    }

    fn save(&self, conn: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE clean SET step = ?1, at = ?2, stop = ?3, sides = ?4, dict = ?5";
        let values = (self.step as u8, self.at, self.stop, self.sides, self.dict);
        conn.prepare_cached(sql)?.execute(values)?;
        checksum::seal_row(conn, checksum::CLEAN, &[&1])
    }

    /// Whether rows may still have digests without the key as ids, and dictionaries may still contain
    /// secrets.
    pub(super) fn is_before_texts(&self) -> bool {
        self.step < Step::Texts
    }

    fn advance(&mut self) {
        self.step = self.step.next();
        self.at = 0;
    }
}

/// A row as it was before it is cleaned.
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
    /// Whether it was what was written.
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
    /// What a person should know of the cleaning that is under way.
    pub(super) fn cleaning_note(&self) -> Option<&str> {
        self.cleaning.as_ref().and_then(|cleaning| cleaning.note.as_deref())
    }

    /// Makes one step of cleaning.
    pub(super) fn clean_some(&mut self) -> Result<Pace, AppendError> {
        let Some(mut cleaning) = self.cleaning.take() else { return Ok(Pace::Done) };
        // From the disk each time: what a failed step noted in memory is not true.
        let pace = match cleaning.read(&self.conn) {
            Ok(_) => self.clean_step(&mut cleaning),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = &pace {
            cleaning.note = Some(format!(
                "Removing the secrets of earlier events from the journal failed: {} Lists and exports hide them all the \
                 same. The program tries again in an hour.",
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

    /// Trains a dictionary on cleaned events if one was trained on others, since a dictionary is made of their pieces.
    fn make_dictionary(&mut self, cleaning: &mut Cleaning) -> Result<Pace, AppendError> {
        let has_own: bool =
            self.conn.query_row("SELECT EXISTS (SELECT 1 FROM dict WHERE own <> 0)", [], |row| row.get(0))?;
        let body = if has_own {
            let training = if let Some(training) = cleaning.training.take() {
                training
            } else {
                let samples = training::samples(&self.conn, |raw| clean_event(raw).text)?;
                Training::start(samples, (1, pack::SHIPPED.to_vec())).map_err(AppendError::Pack)?
            };
            if !training.is_finished() {
                cleaning.training = Some(training);
                return Ok(Pace::Later);
            }
            // Without a better one the shipped one serves under a number of its own, which is the newest then.
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
        // Those above `stop` too: they may be packed with a dictionary of events that were not clean.
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
                    let clean = clean_event(raw);
                    change.hidden = clean.hidden;
                    if clean.is_changed || is_old {
                        change.body = Some(packer.pack(&clean.text).map_err(AppendError::Pack)?.to_vec());
                    }
                }
                // Nobody can say what is in it.
                Err(_) => change.body = Some(DAMAGED.to_vec()),
            }
            let is_unkeyed =
                |key: &EventKey| row.seq <= cleaning.stop && matches!(key.id, EventId::Digest(_));
            if let Some(key) = row.key.filter(is_unkeyed) {
                let id = self.identity.of(key.id);
                change.id = Some(id);
                renamed.push((key, EventKey { id, ..key }));
            }
            change.delivery = row.delivery.as_deref().and_then(clean_delivery);
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
                    // No change that lists are told of: the rows look as before, but for this number.
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

    /// Returns clean copies in place of the hook's copies that name an old dictionary or hold secrets. Copies are rare:
    /// only contradictions and additions have one.
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
                    let clean = clean_event(raw);
                    if !clean.is_changed && (dict == 0 || old == dict) {
                        continue;
                    }
                    packer.pack(&clean.text).map_err(AppendError::Pack)?.to_vec()
                }
                // Nobody can say what is in it.
                Err(_) => DAMAGED.to_vec(),
            };
            let is_sound = checksum::holds(row)?;
            copies.push(Copied { seq: row.get("seq")?, dict: packer.dict(), body, is_sound });
        }
        Ok(copies)
    }

    /// Reads the next rows. A value that has another type than was written is damage of its row alone.
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
            tracing::warn!(%error, "Marks on events without a uuid could not follow them.");
        }
    }

    fn clean_texts(&mut self, cleaning: &mut Cleaning) -> Result<(), AppendError> {
        let found: Vec<(i64, String)> = self
            .conn
            .prepare_cached("SELECT id, text FROM sym WHERE id > ?1 ORDER BY id LIMIT ?2")?
            .query_map([cleaning.at, TEXTS_STEP], |row| {
                Ok((row.get(0)?, text(row.get_ref(1)?).unwrap_or_default()))
            })?
            .collect::<Result<_, _>>()?;
        let clean: Vec<(u32, Symbol)> = found
            .iter()
            .filter_map(|(id, text)| Some((u32::try_from(*id).ok()?, clean_symbol(text)?)))
            .collect();
        match found.last() {
            Some((last, _)) => cleaning.at = *last,
            None => cleaning.advance(),
        }
        self.change(|tx, _| {
            for (id, symbol) in &clean {
                let sum = checksum::of_text(*id, symbol.as_str());
                tx.prepare_cached("UPDATE sym SET h = ?2, text = ?3, sum = ?4 WHERE id = ?1")?.execute((
                    id,
                    intern::hash(symbol.as_str()),
                    symbol.as_str(),
                    sum,
                ))?;
            }
            cleaning.save(tx)
        })?;
        let ids: Vec<u32> = clean.iter().map(|(id, _)| *id).collect();
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
        match found.last() {
            Some((last, ..)) => cleaning.at = *last,
            None => cleaning.advance(),
        }
        let mut clean = Vec::new();
        for (id, uuid, body, texts, is_sound) in found {
            let uuid = EventId::from_bytes(&uuid).filter(|_| id <= cleaning.sides);
            let uuid = uuid.map(|uuid| self.identity.of(uuid));
            let body = match zstd::bulk::decompress(&body, REJECT_BYTES_MAX) {
                Ok(raw) => zstd::bulk::compress(&clean_event(raw).text, 3).map_err(AppendError::Pack)?,
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
        match found.last() {
            Some((last, ..)) => cleaning.at = *last,
            None => cleaning.advance(),
        }
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

    /// Rewrites the file without its unused pages and empties the WAL. The writer stores nothing meanwhile,
    /// for about a second per few hundred megabytes.
    fn shrink(&mut self, cleaning: &mut Cleaning) -> Result<Pace, AppendError> {
        let number = |name| self.conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let size = number("page_count")?.max(0) as u64 * number("page_size")?.max(0) as u64;
        // A copy beside the file, then the same once more in the WAL.
        let needed = if cleaning.is_rewritten { 0 } else { size.saturating_mul(2) };
        let free = self.conn.path().and_then(|path| rustix::fs::statvfs(path).ok());
        let free = free.map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize));
        #[cfg(test)]
        let free = cleaning.room.unwrap_or(free);
        if free < needed {
            cleaning.note = Some(no_room(needed, Some(free)));
            return Ok(Pace::Blocked);
        }
        self.conn.busy_timeout(PATIENCE)?;
        let written = self.rewrite(cleaning);
        self.conn.busy_timeout(Duration::from_millis(BUSY_MS))?;
        match written {
            Ok(true) => {}
            Ok(false) => return Ok(Pace::Later),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) => {
                cleaning.note = Some(no_room(needed, None));
                return Ok(Pace::Blocked);
            }
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                return Ok(Pace::Later);
            }
            Err(error) => return Err(error.into()),
        }
        cleaning.advance();
        self.change(|tx, _| cleaning.save(tx))?;
        self.conn.execute_batch("PRAGMA secure_delete = OFF")?;
        Ok(Pace::Done)
    }

    /// Rewrites the file, once. Returns `false` if a reader kept the WAL from being emptied.
    fn rewrite(&self, cleaning: &mut Cleaning) -> rusqlite::Result<bool> {
        let empty = || self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        if !cleaning.is_rewritten {
            if empty()? != 0 {
                return Ok(false);
            }
            // VACUUM writes its copy into the journal's folder, whose free space was checked, and not into the system's
            // temporary folder.
            let folder = self.conn.path().map(Path::new).and_then(Path::parent).and_then(Path::to_str);
            self.put_temporary_files(folder.unwrap_or_default())?;
            let done = self.conn.execute_batch("VACUUM");
            self.put_temporary_files("")?;
            done?;
            cleaning.is_rewritten = true;
        }
        Ok(empty()? == 0)
    }

    /// Says where SQLite makes temporary files; nowhere is the system's folder.
    fn put_temporary_files(&self, folder: &str) -> rusqlite::Result<()> {
        self.conn.pragma_update(None, "temp_store_directory", folder)
    }
}

fn no_room(needed: u64, free: Option<u64>) -> String {
    let mega = |bytes: u64| bytes.div_ceil(1_000_000);
    let free =
        free.map_or_else(|| "the disk is full".to_owned(), |free| format!("the disk has {} MB", mega(free)));
    format!(
        "Secrets are hidden in every row, but copies may remain in unused pages of the journal's file. To remove them, the \
         file must be rewritten, which needs {} MB of free space; {free}. Make room; the program tries again every hour.",
        mega(needed)
    )
}

/// Returns a text of the journal, or `None` for NULL. What is no text is read as far as it can be.
fn text(value: ValueRef<'_>) -> Option<String> {
    (value != ValueRef::Null).then(|| String::from_utf8_lossy(checksum::bytes(value)).into_owned())
}

/// An event without its secrets.
struct Cleaned {
    text: Vec<u8>,
    /// How many values are hidden in it.
    hidden: usize,
    is_changed: bool,
}

/// Hides the secrets in an unpacked event.
fn clean_event(raw: Vec<u8>) -> Cleaned {
    match String::from_utf8(raw) {
        Ok(text) => {
            if let Some(clean) = redact::event(&text) {
                return Cleaned { text: clean.text.into_bytes(), hidden: clean.hidden, is_changed: true };
            }
            let hidden = redact::hidden(&text);
            Cleaned { text: text.into_bytes(), hidden, is_changed: false }
        }
        Err(error) => {
            let text = redact::record(error.as_bytes()).into_owned();
            let is_changed = text != error.as_bytes();
            Cleaned { text, hidden: usize::from(is_changed), is_changed }
        }
    }
}

/// Returns an event's text as a reader may show it while the journal is not clean yet.
pub(super) fn shown(raw: String) -> String {
    redact::event(&raw).map_or(raw, |clean| clean.text)
}

#[cfg(test)]
mod tests;
