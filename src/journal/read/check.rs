//! Checks a whole journal for damage: every row, every text, the other tables, and the structure of the file.

use rusqlite::Connection;

use super::reader::{DAMAGED_MAX, Reader};
use crate::consent::Seq;
use crate::journal::checksum::{self, TABLES, Table};
use crate::journal::error::ReadError;
use crate::journal::meta::Meta;
use crate::journal::tables::intern;

/// The damage that a check found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Damage {
    /// The damaged rows, by number.
    pub rows: Vec<Seq>,
    /// How many rows are missing: the journal has counted them, but the check did not find them.
    pub missing: u64,
    /// All other damage, a few words each.
    pub others: Vec<String>,
}

impl Damage {
    /// Returns whether nothing is damaged.
    pub fn is_none(&self) -> bool {
        self.rows.is_empty() && self.missing == 0 && self.others.is_empty()
    }

    /// Returns one sentence that says what is damaged, or `None` if nothing is.
    pub fn sentence(&self) -> Option<String> {
        let mut parts = Vec::new();
        if !self.rows.is_empty() {
            let shown: Vec<String> = self.rows.iter().take(SHOWN).map(ToString::to_string).collect();
            let more = if self.rows.len() > SHOWN { " …" } else { "" };
            let rows = counted(self.rows.len() as u64, "row");
            let or_more = if self.rows.len() >= DAMAGED_MAX { " or more" } else { "" };
            parts.push(format!("{rows}{or_more} (number {}{more})", shown.join(", ")));
        }
        if self.missing > 0 {
            parts.push(format!("{} missing", counted(self.missing, "row")));
        }
        parts.extend(self.others.iter().cloned());
        (!parts.is_empty()).then(|| format!("The journal is damaged on the disk: {}.", parts.join("; ")))
    }
}

/// The most row numbers that a sentence lists.
const SHOWN: usize = 20;
/// The most errors of SQLite that are reported.
const COMPLAINTS: usize = 10;
/// The number of rows read at a time.
const BATCH: usize = 1000;

fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

impl Reader {
    /// Begins a snapshot: until [`Reader::release`], reads see no new commits. The writer continues, and its WAL grows
    /// meanwhile.
    pub fn hold(&self) -> Result<(), ReadError> {
        Ok(self.conn().execute_batch("BEGIN")?)
    }

    /// Ends the snapshot that [`Reader::hold`] began.
    pub fn release(&self) -> Result<(), ReadError> {
        Ok(self.conn().execute_batch("COMMIT")?)
    }

    /// Checks everything but the rows and their texts, in some milliseconds. Returns what is damaged, a few words each.
    pub fn check_tables(&self) -> Result<Vec<String>, ReadError> {
        let mut others = Vec::new();
        for table in TABLES {
            others.extend(check_table(self.conn(), table)?);
        }
        Ok(others)
    }

    /// Returns how many rows the journal has counted.
    pub fn counted_rows(&self) -> Result<u64, ReadError> {
        Ok(Meta::load(self.conn())?.rows.max(0) as u64)
    }

    /// Checks the whole journal, and calls `tell` now and then with the number of rows checked so far. Reads the whole
    /// file twice: a million rows take some ten seconds.
    pub fn check(&mut self, mut tell: impl FnMut(u64)) -> Result<Damage, ReadError> {
        self.hold()?;
        let found = self.check_held(&mut tell);
        self.release()?;
        found
    }

    fn check_held(&mut self, tell: &mut impl FnMut(u64)) -> Result<Damage, ReadError> {
        let mut others = complaints(self.conn())?;
        others.extend(self.check_tables()?);
        others.extend(check_texts(self.conn(), self.is_sealed()?)?);
        let mut looked: u64 = 0;
        let mut seen = Seq(0);
        loop {
            let page = self.after(seen, BATCH)?;
            let Some(last) = page.rows.last() else { break };
            seen = last.seq;
            looked += page.rows.len() as u64;
            tell(looked);
        }
        let (mut seen, mut whole) = (Seq(0), 0);
        loop {
            let records = self.records_after(seen, BATCH)?;
            let Some(last) = records.last() else { break };
            seen = last.seq;
            whole += records.len() as u64;
            tell(looked.max(whole));
        }
        let rows = self.damaged();
        // A row counts as found even if its line or its record is damaged.
        let missing = self.counted_rows()?.saturating_sub(looked);
        Ok(Damage { rows, missing, others })
    }
}

/// Returns what SQLite finds wrong with the structure of the file.
fn complaints(conn: &Connection) -> Result<Vec<String>, ReadError> {
    let mut statement = conn.prepare(&format!("PRAGMA integrity_check({COMPLAINTS})"))?;
    let said: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(said.into_iter().filter(|said| said != "ok").map(|said| tame(&said)).collect())
}

/// Makes a message of SQLite safe to show, because it may quote stored data.
fn tame(said: &str) -> String {
    let line = said.replace('\n', " ");
    crate::consent::visible(&line.chars().take(200).collect::<String>()).into_owned()
}

fn check_table(conn: &Connection, table: Table) -> Result<Vec<String>, ReadError> {
    let mut words = Vec::new();
    let Table { name, .. } = table;
    let mut statement = conn.prepare(&format!("PRAGMA quick_check({name})"))?;
    let said: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    words.extend(said.into_iter().filter(|said| said != "ok").take(1).map(|said| tame(&said)));
    let what = match name {
        "meta" => "counter",
        "org" => "org counter",
        "bookmark" => "bookmark",
        "history" => "history bookmark",
        "gap" => "gap",
        "listening" => "listening period",
        "label" => "looked-up name",
        "side" => "side event",
        "reject" => "unreadable record",
        "unreadable" => "count of unreadable records",
        "hidden" => "count of hidden values",
        "hook_copy" => "hook's copy",
        "clean" => "record of the cleaning",
        _ => "dictionary",
    };
    match checksum::count_damaged(conn, table)? {
        0 => {}
        damaged => words.push(counted(damaged, what)),
    }
    Ok(words)
}

fn check_texts(conn: &Connection, is_sealed: bool) -> Result<Vec<String>, ReadError> {
    let mut statement = conn.prepare("SELECT id, text, sum, h, org FROM sym")?;
    let mut found = statement.query([])?;
    let mut damaged = 0;
    while let Some(row) = found.next()? {
        let (sum, org) = (row.get::<_, Option<i64>>(2), row.get(4));
        let is_good = match (row.get::<_, u32>(0), row.get_ref(1)?.as_str(), sum, org) {
            (Ok(id), Ok(text), Ok(sum), Ok(org)) => {
                let has_hash = text.is_empty() || row.get(3).is_ok_and(|h: i64| h == intern::hash(text));
                has_hash && sum.map_or(!is_sealed, |sum| sum == checksum::of_text(id, org, text))
            }
            _ => false,
        };
        damaged += u64::from(!is_good);
    }
    Ok(if damaged > 0 { vec![counted(damaged, "text")] } else { Vec::new() })
}
