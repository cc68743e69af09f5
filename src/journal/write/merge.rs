//! Stores one event: as a new row, as the second copy of a row that came the other way, or as a repetition.
//!
//! Once the System Log has shown an event, its record is the row. A hook's copy is kept beside the row only
//! if it contradicts the record or says more. A contradiction is stored as a doubt.

use rusqlite::{CachedStatement, ErrorCode, OptionalExtension as _, Transaction, named_params, params};

use super::mend;
use super::recent::Recent;
use super::sweep_texts::Sweep;
use crate::consent::{
    Attribution, Claims, Consent, Difference, Doubt, EventId, EventKey, Evidence, OrgId, Outcome, Seq,
    Severity, Symbol, Untrusted, Via, mark,
};
use crate::journal::batch::{Commit, TeamBatch};
use crate::journal::checksum::{self, Line, Record};
use crate::journal::error::AppendError;
use crate::journal::meta::{Counters, OrgMeta};
use crate::journal::pack::{Packer, Unpacker};
use crate::journal::tables::identity::Identity;
use crate::journal::tables::intern::{Interner, Known};
use crate::journal::tables::{bookmark, delivery, doubt, gap, hidden, raw, shared_id, team};

/// Writes events within one transaction.
pub(in crate::journal) struct RowWriter<'t> {
    /// The org of the events.
    pub(in crate::journal) org: OrgId,
    pub(in crate::journal) counters: &'t mut Counters,
    /// Whether the events are a backlog of a team, in which an event may come twice with different times.
    pub(in crate::journal) is_team_backlog: bool,
    /// Whether the events were fetched as history.
    pub(in crate::journal) is_history: bool,
    /// Whether rows may still have digests that an earlier version stored without a key.
    pub(in crate::journal) has_unkeyed: bool,
    pub(super) identity: &'t Identity,
    pub(super) known: &'t mut Known,
    recent: &'t mut Recent,
    packer: &'t mut Packer,
    sweep: &'t mut Option<Sweep>,
    interner: Interner<'t>,
    find: CachedStatement<'t>,
    insert: CachedStatement<'t>,
    update: CachedStatement<'t>,
    rewrite: CachedStatement<'t>,
    attribute: CachedStatement<'t>,
    pub(super) tx: &'t Transaction<'t>,
    pub(super) unpacker: Unpacker,
    put_raw: CachedStatement<'t>,
    put_delivery: CachedStatement<'t>,
    pub(super) text: CachedStatement<'t>,
    keep_copy: CachedStatement<'t>,
    put_copy: CachedStatement<'t>,
}

/// An event that was published more than this before the newest row counts as late.
const LATE_MS: i64 = 60_000;
/// A time more than this far ahead of its receipt is ignored when lateness is judged.
const AHEAD_MS: i64 = 300_000;

struct Found {
    seq: i64,
    via: Via,
    evidence: Evidence,
    doubt: Option<Doubt>,
    /// The numbers of its texts, in the order of [`Consent::symbols`].
    texts: [u32; 6],
    grants: Vec<u8>,
    outcome: Outcome,
}

/// The columns of a row that come from its event.
pub(super) struct Columns {
    pub(super) who: u32,
    pub(super) actor: u32,
    pub(super) client: u32,
    pub(super) server: u32,
    pub(super) scopes: u32,
    pub(super) origin: u32,
    pub(super) outcome: u8,
    pub(super) severity: u8,
    /// Four bytes per scope.
    pub(super) grants: Vec<u8>,
    pub(super) session: Option<u32>,
}

impl<'t> RowWriter<'t> {
    /// Prepares the statements of a transaction.
    pub(in crate::journal) fn new(
        tx: &'t Transaction<'t>,
        counters: &'t mut Counters,
        known: &'t mut Known,
        recent: &'t mut Recent,
        packer: &'t mut Packer,
        sweep: &'t mut Option<Sweep>,
        identity: &'t Identity,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            org: OrgId::default(),
            counters,
            is_history: false,
            is_team_backlog: false,
            has_unkeyed: false,
            identity,
            known,
            recent,
            packer,
            sweep,
            interner: Interner::new(tx)?,
            tx,
            unpacker: Unpacker::default(),
            find: tx.prepare_cached(
                "SELECT seq, via, evidence, doubt, who, actor, client, server, scopes, origin, grants, outcome
                 FROM event WHERE org = ?4 AND ts = ?1 AND uuid = ?2 AND part = ?3",
            )?,
            insert: tx.prepare_cached(
                "INSERT INTO event (seq, ts, uuid, part, rev, kind, via, outcome, severity, evidence, late, who, actor,
                    client, server, scopes, origin, received, grants, session, sum, org)
                 VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                    ?21)
                 ON CONFLICT (org, ts, uuid, part) DO NOTHING",
            )?,
            update: tx.prepare_cached(
                "UPDATE event SET rev = ?2, via = ?3, doubt = CASE doubt WHEN 3 THEN 3 ELSE ?4 END WHERE seq = ?1",
            )?,
            // If another row has the key with the new time, this row keeps its old time rather than being lost.
            rewrite: tx.prepare_cached(
                "UPDATE event SET kind = :kind, outcome = :outcome, severity = :severity, evidence = :evidence,
                    who = :who, actor = :actor, client = :client,
                    server = :server, scopes = :scopes, origin = :origin, grants = :grants, session = :session,
                    ts = CASE WHEN EXISTS (SELECT 1 FROM event AS other
                        WHERE other.org = event.org AND other.ts = :ts AND other.uuid = event.uuid AND other.part = event.part)
                        THEN ts ELSE :ts END
                 WHERE seq = :seq",
            )?,
            attribute: tx.prepare_cached(
                "UPDATE event SET who = ?2, evidence = ?3, rev = ?4
                 WHERE seq = ?1 AND org = ?5 AND evidence = 0 AND via <> 2",
            )?,
            put_raw: tx.prepare_cached("INSERT OR REPLACE INTO raw (seq, dict, body) VALUES (?1, ?2, ?3)")?,
            put_delivery: tx.prepare_cached("INSERT OR IGNORE INTO delivery (seq, body) VALUES (?1, ?2)")?,
            text: tx.prepare_cached("SELECT text, sum, org FROM sym WHERE id = ?1")?,
            keep_copy: tx.prepare_cached(
                "INSERT OR REPLACE INTO hook_copy (seq, dict, body) SELECT seq, dict, body FROM raw WHERE seq = ?1",
            )?,
            put_copy: tx.prepare_cached("INSERT OR REPLACE INTO hook_copy (seq, dict, body) VALUES (?1, ?2, ?3)")?,
        })
    }

    /// Returns the counters of the org.
    pub(super) fn own(&mut self) -> &mut OrgMeta {
        self.counters.orgs.of(self.org)
    }

    /// Stores one event and counts the result in `commit`.
    pub(in crate::journal) fn put(
        &mut self,
        consent: &Consent,
        commit: &mut Commit,
    ) -> Result<(), AppendError> {
        let stored_as = self.recent.time(self.org, &consent.key.id);
        let published_ms = stored_as.unwrap_or(consent.key.published_ms);
        let key = self.key(EventKey { published_ms, ..consent.key })?;
        // An event that is not remembered is almost surely new, so the insertion is tried first.
        if stored_as.is_none() && self.insert(consent, &key)? {
            commit.new += 1;
            return Ok(());
        }
        match self.find(&key)? {
            Some(found) if self.is_other(consent, &found)? => {
                if self.put_other(consent, &key, &found)? {
                    commit.new += 1;
                } else {
                    commit.repeated += 1;
                }
            }
            Some(found) if found.via.has(consent.via) => {
                self.repeat(consent, &found)?;
                self.recent.note(self.org, &key);
                commit.repeated += 1;
            }
            Some(found) => {
                self.merge(consent, &key, &found)?;
                commit.merged += 1;
            }
            None => {
                if !self.insert(consent, &key)? {
                    // The index has an entry for a row that does not exist.
                    self.tx.execute_batch("REINDEX event")?;
                    if !self.insert(consent, &key)? {
                        return Err(checksum::Mismatch::error("event").into());
                    }
                }
                commit.new += 1;
            }
        }
        Ok(())
    }

    /// Returns the key under which an event is stored, or will be.
    fn key(&mut self, key: EventKey) -> rusqlite::Result<EventKey> {
        let id = self.identity.of(key.id);
        let is_old = self.has_unkeyed && id != key.id && self.find(&key)?.is_some();
        Ok(if is_old { key } else { EventKey { id, ..key } })
    }

    fn find(&mut self, key: &EventKey) -> rusqlite::Result<Option<Found>> {
        self.find
            .query_row((key.published_ms, key.id.as_bytes(), key.part, self.org.0), |row| {
                let via = Via::from_code(row.get(1)?);
                Ok(Found {
                    seq: row.get(0)?,
                    via,
                    evidence: Evidence::from_code(row.get(2)?),
                    doubt: doubt::of(via, row.get(3)?),
                    texts: [row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?, row.get(8)?, row.get(9)?],
                    grants: row.get_ref(10)?.as_blob_or_null()?.unwrap_or_default().to_vec(),
                    outcome: Outcome::from_code(row.get(11)?),
                })
            })
            .optional()
    }

    /// Stores an event as a new row. Returns `false` if a row with its key exists.
    fn insert(&mut self, consent: &Consent, key: &EventKey) -> Result<bool, AppendError> {
        let columns = self.columns(consent)?;
        let seq = self.counters.meta.next_seq;
        let received_ms = consent.received.as_millisecond();
        let is_history = self.is_history;
        let is_past = is_history && !self.is_team_backlog;
        let own = self.own();
        // Another org may be ahead of this one.
        let late = !is_history
            && own.complete_since.is_some()
            && key.published_ms > 0
            && key.published_ms.saturating_add(LATE_MS) < own.newest_ms;
        let kind = consent.kind.packed(consent.reach());
        let (via, evidence) = (consent.via.code(), consent.who.evidence.code());
        let delivery = consent.hook.as_ref().map(delivery::to_text);
        let dict = self.packer.dict();
        let body = self.packer.pack(consent.raw.as_bytes()).map_err(AppendError::Pack)?;
        let (who, actor, client) = (columns.who.into(), columns.actor.into(), columns.client.into());
        let (server, scopes, origin) = (columns.server.into(), columns.scopes.into(), columns.origin.into());
        let ts = key.published_ms;
        let line = Line {
            org: self.org.0.into(),
            numbers: [
                seq,
                0,
                ts,
                who,
                actor,
                client,
                server,
                scopes,
                origin,
                kind.into(),
                via.into(),
                columns.outcome.into(),
                columns.severity.into(),
                evidence.into(),
                late.into(),
                0,
            ],
            grants: &columns.grants,
        };
        let (part, session) = (key.part.into(), columns.session.unwrap_or(0).into());
        let record = Record {
            org: self.org.0.into(),
            numbers: [
                seq,
                0,
                ts,
                part,
                received_ms,
                via.into(),
                evidence.into(),
                0,
                who,
                client,
                server,
                session,
                dict,
            ],
            uuid: key.id.as_bytes(),
            delivery: delivery.as_deref().unwrap_or_default().as_bytes(),
            body,
        };
        let sum = checksum::of_event(&line, &record);
        // Parameters by position: named ones cost a lookup each, twenty times a row.
        let inserted = self.insert.execute(params![
            seq,
            key.published_ms,
            key.id.as_bytes(),
            key.part,
            kind,
            via,
            columns.outcome,
            columns.severity,
            evidence,
            late,
            columns.who,
            columns.actor,
            columns.client,
            columns.server,
            columns.scopes,
            columns.origin,
            received_ms,
            columns.grants,
            columns.session,
            sum,
            self.org.0,
        ]);
        match inserted {
            Ok(0) => return Ok(false),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
                // A damaged row has the next number. Those after it are free.
                self.counters.meta.next_seq = mend::next_seq(self.tx, seq)?;
                if self.counters.meta.next_seq == seq {
                    return Err(error.into());
                }
                tracing::warn!(seq, "A damaged row of the journal has a number that was not assigned yet.");
                return self.insert(consent, key);
            }
            inserted => inserted?,
        };
        self.put_raw.execute((seq, dict, body))?;
        let hidden = consent.hidden;
        if hidden > 0 {
            hidden::put(self.tx, seq, hidden)?;
        }
        if let Some(delivery) = &delivery {
            self.put_delivery.execute((seq, delivery))?;
        }
        self.counters.meta.next_seq += 1;
        self.counters.meta.rows += 1;
        let own = self.own();
        own.rows += 1;
        own.hook_only += i64::from(consent.via == Via::HOOK);
        if key.published_ms > 0 && consent.via.has(Via::POLL) {
            // The event may be older than what was judged already, and still has to be judged.
            own.judged_ms = own.judged_ms.min(key.published_ms - 1);
        }
        if is_past {
            // Events fetched as history say nothing about lateness, and do not come again with another time.
            return Ok(true);
        }
        own.late += i64::from(late);
        if key.published_ms <= received_ms.saturating_add(AHEAD_MS) {
            own.newest_ms = own.newest_ms.max(key.published_ms);
        }
        self.recent.note(self.org, key);
        Ok(true)
    }

    fn merge(&mut self, consent: &Consent, key: &EventKey, found: &Found) -> Result<(), AppendError> {
        let is_sound = checksum::is_sound(self.tx, found.seq)?;
        // A damaged row proves no contradiction.
        let differences = if is_sound { self.differences(consent, found)? } else { Vec::new() };
        // A row that shares its uuid keeps that mark.
        let is_altered =
            differences.contains(&Difference::Contradicts) && found.doubt != Some(Doubt::SharedId);
        self.put_delivery(found.seq, consent)?;
        let mut key = *key;
        if found.via == Via::HOOK && consent.via.has(Via::POLL) {
            self.own().hook_only -= 1;
            if !differences.is_empty() {
                self.keep_copy.execute([found.seq])?;
                checksum::seal_row(self.tx, checksum::HOOK_COPY, &[&found.seq])?;
            }
            // The log's record replaces everything from the hook's copy, and everything derived from it.
            let columns = self.columns(consent)?;
            key.published_ms = consent.key.published_ms;
            self.rewrite.execute(named_params! {
                ":seq": found.seq,
                ":ts": key.published_ms,
                ":kind": consent.kind.packed(consent.reach()),
                ":outcome": columns.outcome,
                ":severity": columns.severity,
                ":evidence": consent.who.evidence.code(),
                ":who": columns.who,
                ":actor": columns.actor,
                ":client": columns.client,
                ":server": columns.server,
                ":scopes": columns.scopes,
                ":origin": columns.origin,
                ":grants": columns.grants,
                ":session": columns.session,
            })?;
            self.put_raw(found.seq, consent)?;
        } else if !differences.is_empty() {
            self.put_copy(found.seq, consent)?;
        }
        doubt::settle(self.own(), found.doubt);
        self.mark_came(found.seq, found.via.with(consent.via), is_altered)?;
        if is_sound {
            checksum::seal(self.tx, found.seq)?;
        }
        self.recent.note(self.org, &key);
        Ok(())
    }

    /// Returns whether the log has already shown an event of the same uuid with other content. Only polled events are
    /// compared here. A hook's copy always differs in form, so [`RowWriter::differences`] compares its facts.
    fn is_other(&mut self, consent: &Consent, found: &Found) -> Result<bool, AppendError> {
        if consent.via != Via::POLL || !found.via.has(Via::POLL) {
            return Ok(false);
        }
        let kept = raw::text(self.tx, &mut self.unpacker, found.seq)?;
        // A stored event that cannot be read counts as the same.
        Ok(kept.is_some_and(|kept| !consent.says(&kept)))
    }

    /// Stores an event as a row beside another one of the same uuid, and marks both. Returns whether it is new.
    fn put_other(&mut self, consent: &Consent, key: &EventKey, found: &Found) -> Result<bool, AppendError> {
        // A digest of the content is the key, so the same content is one row however often it comes.
        let id = self.identity.of(EventId::Digest(consent.content_digest()));
        let own = EventKey { published_ms: consent.key.published_ms, id, ..*key };
        if !self.insert(consent, &own)? {
            return Ok(false);
        }
        shared_id::mark(self.tx, self.counters.meta.next_seq - 1, 0)?;
        if found.doubt != Some(Doubt::SharedId) {
            doubt::settle(self.own(), found.doubt);
            shared_id::mark(self.tx, found.seq, self.counters.meta.next_rev)?;
            self.counters.meta.next_rev += 1;
        }
        Ok(true)
    }

    /// Compares another copy of a row that came this way before. A delivery that contradicts the log's record
    /// is stored as a doubt, even if an earlier delivery agreed with the record.
    fn repeat(&mut self, consent: &Consent, found: &Found) -> Result<(), AppendError> {
        let is_judged = found.doubt.is_some() || !found.via.has(Via::POLL) || consent.via != Via::HOOK;
        if is_judged || !self.differences(consent, found)?.contains(&Difference::Contradicts) {
            return Ok(());
        }
        if !checksum::is_sound(self.tx, found.seq)? {
            // A damaged row proves no contradiction.
            return Ok(());
        }
        self.put_copy(found.seq, consent)?;
        self.mark_came(found.seq, found.via, true)?;
        Ok(checksum::seal(self.tx, found.seq)?)
    }

    /// Stores by which ways a row came and whether its copies contradict each other. The caller updates the
    /// checksums.
    fn mark_came(&mut self, seq: i64, via: Via, is_altered: bool) -> rusqlite::Result<()> {
        let code = if is_altered { doubt::DOUBTED } else { 0 };
        self.update.execute((seq, self.counters.meta.next_rev, via.code(), code))?;
        self.own().altered += i64::from(is_altered);
        self.counters.meta.next_rev += 1;
        Ok(())
    }

    /// Compares an incoming event with a stored one; one of them is the log's and the other a hook's. Ignores a damaged
    /// text.
    fn differences(&mut self, consent: &Consent, found: &Found) -> rusqlite::Result<Vec<Difference>> {
        let mut symbols: [Symbol; 6] = Default::default();
        for (symbol, id) in symbols.iter_mut().zip(found.texts).filter(|(_, id)| *id != 0) {
            let text = self.text.query_row([id], |row| Ok(checksum::sound_text(id, row)?.map(str::to_owned)));
            *symbol = Symbol::joined(text.optional()?.flatten().unwrap_or_default());
        }
        let grants: Vec<u32> =
            found.grants.as_chunks().0.iter().map(|four| u32::from_le_bytes(*four)).collect();
        let stored = Claims::kept(&symbols, &grants, found.outcome);
        let stored = if found.evidence.is_found_out() { stored.without_who() } else { stored };
        let came = Claims::of(consent);
        let (log, hook) = if found.via.has(Via::POLL) { (stored, came) } else { (came, stored) };
        Ok(log.differences(&hook).into_iter().map(|(_, difference)| difference).collect())
    }

    /// Sets the person of a row that names nobody. A row of another org is left as it is. So is a row that only a hook
    /// delivered, because its session id comes from the hook and proves nothing.
    pub(in crate::journal) fn attribute(&mut self, attribution: &Attribution) -> rusqlite::Result<()> {
        let who = self.interner.number(self.known, self.org, &attribution.person.symbol())?;
        if let Some(sweep) = self.sweep {
            sweep.mark(who);
        }
        let Attribution { seq, evidence, .. } = attribution;
        let changed = checksum::change(self.tx, seq.0, || {
            self.attribute.execute((seq.0, who, evidence.code(), self.counters.meta.next_rev, self.org.0))
        })?;
        self.counters.meta.next_rev += i64::from(changed > 0);
        Ok(())
    }

    /// Stores what only a team's server gives.
    pub(super) fn take_team(&mut self, given: &TeamBatch) -> Result<(), AppendError> {
        for (came, person, evidence) in &given.persons {
            let key = self.key(*came)?;
            if let Some(found) = self.find(&key)? {
                let (seq, person, evidence) = (Seq(found.seq), person.clone(), *evidence);
                self.attribute(&Attribution { seq, person, evidence })?;
            }
        }
        for gap in &given.gaps {
            gap::put(self.tx, self.org, gap)?;
        }
        if let Some(bookmark) = &given.bookmark {
            bookmark::put(self.tx, self.org, bookmark)?;
        }
        if let Some(since) = given.complete_since {
            self.own().note_complete_since(since);
        }
        for position in &given.streams {
            team::put_position(self.tx, self.org, position)?;
        }
        if let Some(published) = &given.published {
            team::raise_published(self.tx, self.org, published)?;
        }
        Ok(())
    }

    /// Returns the columns of an event, and assigns numbers to its texts.
    pub(super) fn columns(&mut self, consent: &Consent) -> rusqlite::Result<Columns> {
        let symbols = consent.symbols();
        let mut ids = [0; 6];
        // People, clients and servers belong to the org. Scopes and addresses are the same everywhere, so that all orgs
        // share their texts under the first one.
        let (own, shared) = (self.org, OrgId::default());
        let orgs = [own, own, own, own, shared, shared];
        for ((id, symbol), org) in ids.iter_mut().zip(&symbols).zip(orgs) {
            *id = self.interner.number(self.known, org, symbol)?;
        }
        if let Some(sweep) = self.sweep {
            for id in ids {
                sweep.mark(id);
            }
        }
        let [who, actor, client, server, scopes, origin] = ids;
        let outcome = Outcome::of(consent.outcome.result.as_ref().map(Untrusted::exact)).code();
        let severity = Severity::of(consent.severity.as_ref().map(Untrusted::exact)).code();
        let grants = consent.grant_marks().into_iter().flat_map(u32::to_le_bytes).collect();
        let session = consent.session_id.as_ref().map(|id| mark(id.exact()));
        Ok(Columns { who, actor, client, server, scopes, origin, outcome, severity, grants, session })
    }

    /// Stores the raw text of a row, and how many values of it are hidden.
    pub(super) fn put_raw(&mut self, seq: i64, consent: &Consent) -> Result<(), AppendError> {
        let dict = self.packer.dict();
        let body = self.packer.pack(consent.raw.as_bytes()).map_err(AppendError::Pack)?;
        self.put_raw.execute((seq, dict, body))?;
        hidden::put(self.tx, seq, consent.hidden)?;
        Ok(())
    }

    /// Keeps a hook's copy beside the log's.
    fn put_copy(&mut self, seq: i64, consent: &Consent) -> Result<(), AppendError> {
        let dict = self.packer.dict();
        let body = self.packer.pack(consent.raw.as_bytes()).map_err(AppendError::Pack)?;
        self.put_copy.execute((seq, dict, body))?;
        checksum::seal_row(self.tx, checksum::HOOK_COPY, &[&seq])?;
        Ok(())
    }

    fn put_delivery(&mut self, seq: i64, consent: &Consent) -> rusqlite::Result<()> {
        match &consent.hook {
            Some(envelope) => self.put_delivery.execute((seq, delivery::to_text(envelope))).map(drop),
            None => Ok(()),
        }
    }
}
