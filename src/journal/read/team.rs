//! What is shared with a team.

use jiff::Timestamp;
use rusqlite::OptionalExtension as _;

use super::reader::Reader;
use crate::consent::{Label, OrgId, Rev, SideEvent};
use crate::journal::batch::{Listening, Published, StreamPosition, TeamStream};
use crate::journal::checksum;
use crate::journal::error::ReadError;
use crate::journal::meta::OrgMeta;
use crate::journal::sql_values::time;
use crate::journal::tables::{identity, label, side, team};

impl Reader {
    /// Returns the id of this journal for others, or `None` if it is damaged.
    pub fn journal_id(&self) -> Result<Option<String>, ReadError> {
        Ok(identity::journal_id(&self.conn)?)
    }

    /// Returns how far a stream of the team's server is stored here, or `None` if nothing is.
    pub fn stream_position(
        &self,
        org: OrgId,
        stream: TeamStream,
    ) -> Result<Option<StreamPosition>, ReadError> {
        Ok(team::position(&self.conn, org, stream)?)
    }

    /// Returns how far an org is published in the stream that the team's server made at `born`.
    pub fn published(&self, org: OrgId, born: &str) -> Result<Published, ReadError> {
        Ok(team::published(&self.conn, org, born)?)
    }

    /// Returns the side events of an org above a number, at most `n`, the number of the last one that was looked at, and
    /// whether there may be more.
    pub fn sides_after(
        &self,
        org: OrgId,
        id: i64,
        n: usize,
    ) -> Result<(Vec<SideEvent>, Option<i64>, bool), ReadError> {
        side::after(&self.conn, org, id, n)
    }

    /// Returns the labels of an org that changed after `rev`, about `n`, the number of the last change that was looked at,
    /// and whether there may be more.
    pub fn labels_changed(
        &self,
        org: OrgId,
        rev: Rev,
        n: usize,
    ) -> Result<(Vec<Label>, Option<Rev>, bool), ReadError> {
        Ok(label::changed(&self.conn, org, rev, n)?)
    }

    /// Returns the newest period in which the program listened for an org's hook, or `None` if it never did.
    pub fn last_listening(&self, org: OrgId) -> Result<Option<Listening>, ReadError> {
        let Some(verified) = OrgMeta::load(&self.conn, org)?.verified_ms else { return Ok(None) };
        let sql = "SELECT * FROM listening WHERE org = ?1 ORDER BY up DESC LIMIT 1";
        let found = self.conn.prepare_cached(sql)?.query_row([org.0], |row| {
            let (since, until): (i64, i64) = (row.get("up")?, row.get("stop")?);
            Ok(checksum::holds(row)?.then(|| (time(since), time(until))))
        });
        let found: Option<(Timestamp, Timestamp)> = found.optional()?.flatten();
        Ok(found.map(|(since, until)| Listening { since, until, verified: Some(time(verified)) }))
    }
}
