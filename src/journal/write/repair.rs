//! Rewrites a damaged row.

use rusqlite::{ErrorCode, OptionalExtension as _, named_params};

use super::merge::RowWriter;
use crate::consent::{Consent, Evidence, OrgId, Via};
use crate::journal::batch::Repair;
use crate::journal::checksum;
use crate::journal::error::AppendError;
use crate::journal::schema::ROW_TABLES;
use crate::journal::tables::intern::Known;
use crate::journal::tables::{doubt, hidden, raw};

/// What a damaged row keeps when it is rewritten.
struct Kept {
    /// The org of the row.
    org: OrgId,
    /// Whether it keeps its person, who was found from other evidence and is not in the event.
    keeps_who: bool,
    /// The ways by which it came.
    via: Via,
    /// The stored code of its doubt.
    doubt: i64,
}

/// Rewrites a damaged row.
const REPAIR: &str =
    "UPDATE event SET rev = :rev, kind = :kind, outcome = :outcome, severity = :severity, late = 0,
        who = CASE WHEN :keeps_who THEN who ELSE :who END,
        evidence = CASE WHEN :keeps_who THEN evidence ELSE :evidence END,
        actor = :actor, client = :client, server = :server, scopes = :scopes, origin = :origin,
        grants = :grants, session = :session,
        org = CASE WHEN :own THEN org ELSE :org END,
        ts = CASE WHEN :own THEN ts ELSE :ts END, uuid = CASE WHEN :own THEN uuid ELSE :uuid END,
        part = CASE WHEN :own THEN part ELSE :part END, via = CASE WHEN :own THEN via ELSE :via END,
        doubt = CASE WHEN :own THEN doubt ELSE :doubt END,
        received = CASE WHEN :own THEN received ELSE :received END
     WHERE seq = :seq";

impl RowWriter<'_> {
    /// Rewrites a damaged row from its event. With `is_own`, the row keeps its org, key, way, doubt and time of
    /// receipt. Otherwise it becomes a row of the org that gave the event, because its number of the org may be what is
    /// damaged.
    pub(in crate::journal) fn repair(&mut self, repair: &Repair) -> Result<(), AppendError> {
        let Some(kept) = self.kept(repair.seq.0, &repair.consent, repair.is_own)? else { return Ok(()) };
        let asked = std::mem::replace(&mut self.org, kept.org);
        let done = self.rewrite_damaged(repair, &kept);
        self.org = asked;
        done
    }

    fn rewrite_damaged(&mut self, repair: &Repair, kept: &Kept) -> Result<(), AppendError> {
        let Repair { seq, consent, is_own } = repair;
        // The cache may map the right text to the number of a text that is damaged on the disk.
        *self.known = Known::default();
        let columns = self.columns(consent)?;
        let (rev, tx) = (self.counters.meta.next_rev, self.tx);
        let update = || {
            tx.execute(
                REPAIR,
                named_params! {
                    ":seq": seq.0,
                    ":rev": rev,
                    ":own": is_own,
                    ":org": kept.org.0,
                    ":keeps_who": kept.keeps_who,
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
                    ":ts": consent.key.published_ms,
                    ":uuid": self.identity.of(consent.key.id).as_bytes(),
                    ":part": consent.key.part,
                    ":via": kept.via.code(),
                    ":doubt": kept.doubt,
                    ":received": consent.received.as_millisecond(),
                },
            )
        };
        let mut done = update();
        if done.as_ref().is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt)) {
            // The index does not match the row.
            tx.execute_batch("REINDEX event")?;
            done = update();
        }
        self.counters.meta.next_rev += 1;
        if done.as_ref().is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation))
        {
            // The event came again as another row before this one was found damaged.
            for table in ROW_TABLES {
                tx.execute(&format!("DELETE FROM {table} WHERE seq = ?1"), [seq.0])?;
            }
            return Ok(());
        }
        done?;
        if *is_own {
            hidden::put(tx, seq.0, consent.hidden)?;
        } else {
            self.put_raw(seq.0, consent)?;
        }
        Ok(checksum::seal(tx, seq.0)?)
    }

    /// Returns what a damaged row keeps, or `None` if there is no such row. Deletes a damaged hook's copy and empties
    /// an envelope that may be damaged, because there is no other source for them.
    fn kept(&mut self, seq: i64, consent: &Consent, is_own: bool) -> Result<Option<Kept>, AppendError> {
        let sql = "SELECT who, evidence, via, doubt, EXISTS (SELECT 1 FROM delivery WHERE seq = ?1), org
            FROM event WHERE seq = ?1";
        let found = self.tx.prepare_cached(sql)?.query_row([seq], |row| {
            let number = |column: usize| row.get_ref(column).map(|value| value.as_i64().unwrap_or(0));
            Ok(([number(0)?, number(1)?, number(2)?, number(3)?, number(5)?], row.get::<_, bool>(4)?))
        });
        let Some(([who, evidence, via, doubt, org], has_envelope)) = found.optional()? else {
            return Ok(None);
        };
        // The checksum of a sound record covers the org.
        let own = u8::try_from(org).ok().filter(|_| is_own);
        let org = own.map_or(self.org, OrgId);
        let has_copy = raw::copy(self.tx, &mut self.unpacker, seq)?.is_some();
        let is_copy_damaged =
            !has_copy && self.tx.prepare_cached("DELETE FROM hook_copy WHERE seq = ?1")?.execute([seq])? > 0;
        let is_line_sound = checksum::is_line_sound(self.tx, seq)?;
        let has_body = raw::text(self.tx, &mut self.unpacker, seq)?.is_some();
        if !is_own && has_envelope && is_line_sound && has_body && !is_copy_damaged {
            // Everything else that may be damaged is sound, so the envelope must be the damaged part.
            self.tx.prepare_cached("UPDATE delivery SET body = '{}' WHERE seq = ?1")?.execute([seq])?;
        }
        let who = u32::try_from(who).unwrap_or(0);
        let names_nobody = consent.who.evidence == Evidence::Unknown && evidence != 0;
        let keeps_who = is_own && names_nobody && self.is_sound_text(who)?;
        let came = if has_envelope { consent.via.with(Via::HOOK) } else { consent.via };
        // The doubt is reliable if the line of the list is sound, or the copy that caused it.
        let is_same_way = via == i64::from(came.code());
        let is_known = is_line_sound || has_copy && doubt == doubt::DOUBTED;
        let is_kept = doubt == doubt::SHARED || doubt == doubt::DOUBTED && is_same_way;
        let doubt = if is_known && is_kept { doubt } else { doubt::UNJUDGED };
        Ok(Some(Kept { org, keeps_who, via: came, doubt }))
    }

    /// Returns whether a text exists and matches its checksum. The number 0 stands for no text.
    fn is_sound_text(&mut self, id: u32) -> rusqlite::Result<bool> {
        let sound = self.text.query_row([id], |row| Ok(checksum::sound_text(id, row)?.is_some()));
        Ok(id != 0 && sound.optional()? == Some(true))
    }
}
