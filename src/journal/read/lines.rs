//! Lines of the list, page by page.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::Params;
use rusqlite::types::ValueRef;

use super::reader::Reader;
use crate::consent::{
    Evidence, GrantMarks, Kind, OrgId, Outcome, Reach, Rev, Row, RowPage, Seq, Severity, Sym, Symbol, Via,
};
use crate::journal::checksum::{self, Line};
use crate::journal::error::ReadError;
use crate::journal::meta::Meta;
use crate::journal::sql_values::{limit, time};
use crate::journal::tables::{doubt, hidden, label};

/// Reads the columns of a line.
pub(super) const ROW: &str =
    "SELECT seq, rev, ts, who, actor, client, server, scopes, origin, kind, via, outcome, severity,
    evidence, late, doubt, grants, sum, org FROM event";
/// Replaces a damaged text.
const DAMAGED_TEXT: &str = "(damaged)";
/// Rows whose numbers lie further apart than this, on average, are looked up one by one.
const SPREAD_MAX: usize = 16;

/// The marks of a row's scope grants.
type Marks = Vec<u32>;

impl Reader {
    /// Checks the lines of the rows just above `seq`, at most `n`, with the counts of their hidden values and the texts
    /// that they use. Returns for each row whether all of it is sound. Checks each text once.
    pub(super) fn lines_after(&mut self, seq: Seq, n: usize) -> Result<Vec<(Seq, bool)>, ReadError> {
        let rows = self.rows(&format!("{ROW} WHERE seq > ?1 ORDER BY seq LIMIT ?2"), (seq.0, limit(n)))?;
        let mut lines = Vec::with_capacity(rows.len());
        self.hidden_of(&rows)?;
        for (row, _) in rows {
            let mut is_good = !self.damaged.borrow().contains(&row.seq);
            for sym in [row.who, row.actor, row.client, row.server, row.scopes, row.from] {
                if sym.0 != 0 && !self.given.has(sym.0) {
                    if self.text(sym.0)?.is_none() {
                        self.bad_texts.insert(sym.0);
                    }
                    self.given.mark(sym.0);
                }
                is_good &= !self.bad_texts.contains(&sym.0);
            }
            lines.push((row.seq, is_good));
        }
        Ok(lines)
    }

    /// Returns the newest rows, at most `n`, in rising order.
    pub fn newest(&mut self, n: usize) -> Result<RowPage, ReadError> {
        self.before(Seq(i64::MAX), n)
    }

    /// Returns the rows of an org that were published last, at most `n`, in rising order of their time.
    pub fn newest_of(&mut self, org: OrgId, n: usize) -> Result<RowPage, ReadError> {
        let sql = format!("{ROW} INDEXED BY event_key WHERE org = ?1 ORDER BY ts DESC LIMIT ?2");
        let mut rows = self.rows(&sql, (org.0, limit(n)))?;
        rows.reverse();
        self.page(rows)
    }

    /// Returns the rows just below `seq`, at most `n`, in rising order.
    pub fn before(&mut self, seq: Seq, n: usize) -> Result<RowPage, ReadError> {
        let sql = format!("{ROW} WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2");
        let mut rows = self.rows(&sql, (seq.0, limit(n)))?;
        rows.reverse();
        self.page(rows)
    }

    /// Returns the rows just above `seq`, at most `n`, in rising order.
    pub fn after(&mut self, seq: Seq, n: usize) -> Result<RowPage, ReadError> {
        let sql = format!("{ROW} WHERE seq > ?1 ORDER BY seq LIMIT ?2");
        let rows = self.rows(&sql, (seq.0, limit(n)))?;
        self.page(rows)
    }

    /// Returns the rows that changed after `rev`, at most `n`, in the order of their last change.
    pub fn changed(&mut self, rev: Rev, n: usize) -> Result<RowPage, ReadError> {
        // The second condition repeats that of the index. Without it SQLite would not use the index.
        let sql = format!("{ROW} WHERE rev > ?1 AND rev > 0 ORDER BY rev LIMIT ?2");
        let rows = self.rows(&sql, (rev.0, limit(n)))?;
        self.page(rows)
    }

    /// Returns the texts whose names changed after `rev` up to `to`. Some may not have been handed out before.
    pub fn renamed(&mut self, rev: Rev, to: Rev) -> Result<Vec<(Sym, Symbol)>, ReadError> {
        let symbols = label::filled_since(&self.conn, rev, to)?;
        for (sym, _) in &symbols {
            self.given.mark(sym.0);
        }
        Ok(symbols)
    }

    fn rows(&self, sql: &str, params: impl Params) -> Result<Vec<(Row, Marks)>, ReadError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut found = statement.query(params)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            rows.push(match self.line(row)? {
                Ok(read) => read,
                Err(seq) => {
                    self.note_damaged(seq, &checksum::Mismatch("event"));
                    (blank(seq), Marks::new())
                }
            });
        }
        Ok(rows)
    }

    /// Reads a line of the list. The inner error is the number of a row that is damaged.
    fn line(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Result<(Row, Marks), Seq>> {
        let mut numbers = [0; 16];
        let mut is_good = true;
        for (index, number) in numbers.iter_mut().enumerate() {
            match row.get_ref(index)? {
                ValueRef::Integer(read) => *number = read,
                _ => is_good = false,
            }
        }
        // A value that is not the number of an org is damage.
        let org = row.get_ref(18)?.as_i64().ok().and_then(|org| u8::try_from(org).ok());
        is_good &= org.is_some();
        let org = OrgId(org.unwrap_or_default());
        let line = Line { org: org.0.into(), numbers, grants: checksum::bytes(row.get_ref(16)?) };
        let [seq, rev, ts, who, actor, client, server, scopes, origin, rest @ ..] = numbers;
        let [kind, via, outcome, severity, evidence, late, doubt] = rest;
        if !is_good || !self.holds(row.get_ref(17)?, |kept| line.holds(kept))? {
            return Ok(Err(Seq(seq)));
        }
        let sym = |number: i64| Sym(number as u32);
        let (kind, reach) = Kind::unpacked(kind as u8);
        let via = Via::from_code(via as u8);
        let read = Row {
            seq: Seq(seq),
            org,
            rev: Rev(rev),
            published_ms: ts,
            who: sym(who),
            actor: sym(actor),
            client: sym(client),
            server: sym(server),
            scopes: sym(scopes),
            from: sym(origin),
            kind,
            reach,
            via,
            doubt: doubt::of(via, doubt),
            outcome: Outcome::from_code(outcome as u8),
            severity: Severity::from_code(severity as u8),
            evidence: Evidence::from_code(evidence as u8),
            late: late != 0,
            hidden: 0,
        };
        let marks = line.grants.as_chunks().0.iter().map(|four| u32::from_le_bytes(*four)).collect();
        Ok(Ok((read, marks)))
    }

    /// Returns whether rows were removed among those that the caller was given: `given` rows, all up to the number
    /// `last`.
    pub fn has_cut(&self, last: Seq, given: u64) -> Result<bool, ReadError> {
        // The counters are read once, so that rows that come meanwhile cannot hide removed ones. Row numbers have no
        // holes, except after a repair of damaged counters.
        let meta = Meta::load(&self.conn)?;
        let newer = meta.head().last.0.saturating_sub(last.0).max(0) as u64;
        Ok((meta.rows.max(0) as u64) < given.saturating_add(newer))
    }

    /// Returns which row numbers above `after` up to `to` exist, at most `n`, in rising order.
    pub fn present(&self, after: Seq, to: Seq, n: usize) -> Result<Vec<Seq>, ReadError> {
        let sql = "SELECT seq FROM event WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3";
        let found = self
            .conn
            .prepare_cached(sql)?
            .query_map((after.0, to.0, limit(n)), |row| Ok(Seq(row.get(0)?)))?
            .collect::<Result<_, _>>()?;
        Ok(found)
    }

    /// Returns the lowest row number, or `None` if there are no rows. The rows below it were removed as too old or too
    /// many.
    pub fn oldest(&self) -> Result<Option<Seq>, ReadError> {
        let oldest: Option<i64> =
            self.conn.prepare_cached("SELECT MIN(seq) FROM event")?.query_row([], |row| row.get(0))?;
        Ok(oldest.map(Seq))
    }

    /// Returns when the newest successful consent at a custom authorization server of an org was published.
    pub fn newest_grant(&self, org: OrgId) -> Result<Option<Timestamp>, ReadError> {
        let sql = format!(
            "{ROW} INDEXED BY event_key
             WHERE org = ?3 AND (kind & 15) = ?1 AND outcome = ?2 AND ts > 0 ORDER BY ts DESC"
        );
        self.first_sound(&sql, (Kind::Grant.code(), Outcome::Success.code(), org.0))
    }

    /// Returns when the first sound row of a query of lines was published.
    pub(super) fn first_sound(&self, sql: &str, params: impl Params) -> Result<Option<Timestamp>, ReadError> {
        let mut statement = self.conn.prepare_cached(sql)?;
        let mut found = statement.query(params)?;
        while let Some(row) = found.next()? {
            if let Ok((row, _)) = self.line(row)? {
                return Ok(Some(time(row.published_ms)));
            }
        }
        Ok(None)
    }

    fn page(&mut self, mut rows: Vec<(Row, Marks)>) -> Result<RowPage, ReadError> {
        let hidden = self.hidden_of(&rows)?;
        for (row, marks) in &mut rows {
            if hidden.get(&row.seq.0) == Some(&None) {
                // The number of its hidden values is unknown, so the row counts as damaged.
                (*row, *marks) = (blank(row.seq), Marks::new());
            }
        }
        // Texts are stored with the rows that name them and never change, so reading them after the rows is safe.
        let mut new: Vec<u32> = rows
            .iter()
            .flat_map(|(row, _)| [row.who, row.actor, row.client, row.server, row.scopes, row.from])
            .filter_map(|sym| (sym.0 != 0 && !self.given.has(sym.0)).then_some(sym.0))
            .collect();
        new.sort_unstable();
        new.dedup();
        let mut symbols = Vec::with_capacity(new.len());
        {
            let has_labels = !self.is_bare && !new.is_empty() && label::any(&self.conn)?;
            for id in &new {
                let (org, text) =
                    self.text(*id)?.unwrap_or_else(|| (OrgId::default(), DAMAGED_TEXT.to_owned()));
                let filled = if has_labels { label::filled(&self.conn, org, &text)? } else { None };
                symbols.push((Sym(*id), filled.unwrap_or_else(|| Symbol::joined(text))));
            }
        }
        // Texts count as handed out only once the whole page is.
        for id in new {
            self.given.mark(id);
        }
        let mut grants = GrantMarks::default();
        let mut page = Vec::with_capacity(rows.len());
        for (mut row, marks) in rows {
            row.hidden = hidden.get(&row.seq.0).copied().flatten().unwrap_or(0);
            page.push(row);
            grants.push(marks);
        }
        Ok(RowPage { rows: page, grants, symbols })
    }

    /// Returns how many values of these rows are hidden, by row number, for rows that have any. The count is `None`
    /// where it is damaged, and its row then counts as damaged.
    fn hidden_of(&self, rows: &[(Row, Marks)]) -> Result<BTreeMap<i64, Option<u8>>, ReadError> {
        let numbers = || rows.iter().map(|(row, _)| row.seq.0);
        let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else {
            return Ok(BTreeMap::new());
        };
        let found = if (last - first) as usize > rows.len().saturating_mul(SPREAD_MAX) {
            let each = numbers().map(|seq| hidden::between(&self.conn, seq, seq));
            each.collect::<Result<Vec<_>, _>>()?.concat()
        } else {
            hidden::between(&self.conn, first, last)?
        };
        let is_of_page: BTreeSet<i64> = numbers().collect();
        for (seq, _) in found.iter().filter(|(seq, count)| count.is_none() && is_of_page.contains(seq)) {
            self.note_damaged(Seq(*seq), &checksum::Mismatch("hidden"));
        }
        Ok(found.into_iter().collect())
    }
}

/// Returns the list line of a damaged row: every field but the number is empty.
fn blank(seq: Seq) -> Row {
    Row {
        seq,
        org: OrgId::default(),
        rev: Rev(0),
        published_ms: 0,
        who: Sym(0),
        actor: Sym(0),
        client: Sym(0),
        server: Sym(0),
        scopes: Sym(0),
        from: Sym(0),
        kind: Kind::Other,
        reach: Reach::of(""),
        via: Via::FILE,
        outcome: Outcome::of(None),
        severity: Severity::of(None),
        evidence: Evidence::Unknown,
        late: false,
        doubt: None,
        hidden: 0,
    }
}
