//! What lies beside a row: side events, and consents of the same session of its org.

use rusqlite::OptionalExtension as _;

use super::reader::Reader;
use crate::consent::{Beside, OrgId, Seq, SideEvent};
use crate::journal::clean;
use crate::journal::error::ReadError;
use crate::journal::sql_values::limit;
use crate::journal::tables::side;

/// How far before and after a consent its session is searched.
const HALF_A_DAY_MS: i64 = 12 * 60 * 60 * 1000;

impl Reader {
    /// Returns the newest side events of a type in the first org, at most `n`, newest first.
    #[cfg(test)]
    pub(crate) fn sides(&self, event_type: &str, n: usize) -> Result<Vec<SideEvent>, ReadError> {
        self.cleaned(side::newest(&self.conn, OrgId(0), event_type, n)?)
    }

    /// Returns a number that rises whenever an event of an org reports a change of an authorization server, a scope or
    /// a feature.
    pub fn newest_drift(&self, org: OrgId) -> Result<i64, ReadError> {
        Ok(side::newest_drift(&self.conn, org)?)
    }

    /// Returns the side events of a session or a transaction of an org, at most `n`, oldest first.
    pub(in crate::journal) fn sides_of(
        &self,
        org: OrgId,
        session: Option<&str>,
        transaction: Option<&str>,
        n: usize,
    ) -> Result<Vec<SideEvent>, ReadError> {
        self.cleaned(side::beside(&self.conn, org, session, transaction, n)?)
    }

    /// Returns the side events of a row's session and transaction, and the consents of its session within half a day of
    /// it, at most `n` of each.
    pub fn beside(
        &self,
        seq: Seq,
        session: Option<&str>,
        transaction: Option<&str>,
        n: usize,
    ) -> Result<Beside, ReadError> {
        let sql = "SELECT org FROM event WHERE seq = ?1";
        let org = self.conn.prepare_cached(sql)?.query_row([seq.0], |row| row.get(0)).optional()?;
        let Some(org) = org.map(OrgId) else { return Ok(Beside::default()) };
        let sides = self.sides_of(org, session, transaction, n)?;
        // The index of times bounds the search. Sessions have no index.
        let sql = "SELECT other.seq FROM event AS this JOIN event AS other INDEXED BY event_key
            ON other.org = this.org AND other.ts BETWEEN this.ts - ?2 AND this.ts + ?2
            AND other.session = this.session
            WHERE this.seq = ?1 ORDER BY other.ts LIMIT ?3";
        let consents = self
            .conn
            .prepare_cached(sql)?
            .query_map((seq.0, HALF_A_DAY_MS, limit(n)), |row| Ok(Seq(row.get(0)?)))?
            .collect::<Result<_, _>>()?;
        Ok(Beside { sides, consents })
    }

    /// Hides the secrets of side events that an earlier version stored.
    fn cleaned(&self, mut sides: Vec<SideEvent>) -> Result<Vec<SideEvent>, ReadError> {
        if !self.is_clean()? {
            sides.iter_mut().for_each(clean::side);
        }
        Ok(sides)
    }
}
