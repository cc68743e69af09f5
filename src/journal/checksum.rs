//! Checksums over stored rows. A byte that changed on the disk is reported and never shown as valid data.
//!
//! XXH3 is fast and finds accidental damage. It does not protect against forgery: anyone who can write the file can
//! also write a matching checksum.
//!
//! A row of `event` has two checksums of 32 bits in one column. One covers the columns that a list reads. The
//! other covers what the whole record reads, including the packed event and the hook's envelope. So neither
//! check has to read the data of the other. Code that inserts a row of `event`, `raw` or `delivery` calls
//! [`seal`]; code that changes an existing row uses [`change`]. Rows of the other tables have one checksum
//! over all their columns; code that writes such a row calls [`seal_row`].

use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, Error, OptionalExtension as _, Row, ToSql, params};
use thiserror::Error;
use twox_hash::XxHash3_64;

/// A stored row does not match its checksum.
#[derive(Debug, Error)]
#[error("a checksum of the {0} table does not match")]
pub(super) struct Mismatch(pub(super) &'static str);

impl Mismatch {
    /// Returns the mismatch as an error of `rusqlite`, which counts as damage.
    pub(super) fn error(table: &'static str) -> rusqlite::Error {
        rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, Box::new(Self(table)))
    }
}

/// A checksum under construction. Empty values do not change it. So a column that a later format adds does
/// not change the checksum of a row that has no value there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sum(u64);

impl Sum {
    fn of(numbers: &[i64]) -> Self {
        let mut bytes = [0; 8 * 16];
        for (eight, number) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(numbers) {
            *eight = number.to_le_bytes();
        }
        Self(XxHash3_64::oneshot(bytes.get(..numbers.len() * 8).unwrap_or(&bytes)))
    }

    /// Adds bytes. An empty slice does not change the sum.
    #[must_use]
    fn with(self, bytes: &[u8]) -> Self {
        if bytes.is_empty() { self } else { Self(XxHash3_64::oneshot_with_seed(self.0, bytes)) }
    }

    /// Adds a named value. NULL and 0 do not change the sum.
    #[must_use]
    fn with_value(self, name: &str, value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null | ValueRef::Integer(0) => self,
            ValueRef::Integer(number) => self.with(name.as_bytes()).with(&number.to_le_bytes()),
            ValueRef::Real(number) => self.with(name.as_bytes()).with(b"real").with(&number.to_le_bytes()),
            ValueRef::Text(text) => self.with(name.as_bytes()).with(b"text").with(text),
            ValueRef::Blob(blob) => self.with(name.as_bytes()).with(b"blob").with(blob),
        }
    }

    /// Adds the number of an org. Formats before the eleventh had one org, which has the number 0, so their checksums
    /// stay right.
    #[must_use]
    fn with_org(self, org: i64) -> Self {
        self.with_value("org", ValueRef::Integer(org))
    }

    fn low(self) -> u32 {
        self.0 as u32
    }
}

/// The columns of a row of `event` that a list reads, in this order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// The number of its org. The first org has 0, which does not change the sum.
    pub(super) org: i64,
    /// seq, rev, ts, who, actor, client, server, scopes, origin, kind, via, outcome, severity, evidence, late, doubt.
    pub(super) numbers: [i64; 16],
    pub(super) grants: &'a [u8],
}

/// The values that a whole record reads from a row of `event` and its related tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    /// The number of its org. The first org has 0, which does not change the sum.
    pub(super) org: i64,
    /// seq, rev, ts, part, received, via, evidence, doubt, who, client, server, session, dict; 0 for NULL.
    pub(super) numbers: [i64; 13],
    pub(super) uuid: &'a [u8],
    /// The envelope of the hook, as it is stored.
    pub(super) delivery: &'a [u8],
    /// The packed event.
    pub(super) body: &'a [u8],
}

impl Line<'_> {
    fn sum(&self) -> u32 {
        Sum::of(&self.numbers).with_org(self.org).with(self.grants).low()
    }

    /// Returns whether the stored checksum of a row matches the values that were read.
    pub(super) fn holds(&self, kept: i64) -> bool {
        (kept >> 32) as u32 == self.sum()
    }
}

impl Record<'_> {
    fn sum(&self) -> u32 {
        // The lengths go in first, so that moving a byte from one part to the next changes the sum.
        let lengths = [self.uuid.len() as i64, self.delivery.len() as i64, self.body.len() as i64];
        let sum = Sum::of(&self.numbers).with_org(self.org).with(&Sum::of(&lengths).0.to_le_bytes());
        sum.with(self.uuid).with(self.delivery).with(self.body).low()
    }

    /// Returns whether the stored checksum of a row matches the values that were read.
    pub(super) fn holds(&self, kept: i64) -> bool {
        kept as u32 == self.sum()
    }
}

/// Returns both checksums in the form of `event.sum`.
pub(super) fn of_event(line: &Line<'_>, record: &Record<'_>) -> i64 {
    i64::from(line.sum()) << 32 | i64::from(record.sum())
}

/// Returns the checksum of a text of an org under the text's number.
pub(super) fn of_text(id: u32, org: i64, text: &str) -> i64 {
    i64::from(Sum::of(&[i64::from(id)]).with_org(org).with(text.as_bytes()).low())
}

/// Reads a text, its checksum and the number of its org from the first three columns of a row. Returns the text, or
/// `None` if the checksum does not match. A text without a checksum counts as sound.
pub(super) fn sound_text<'r>(id: u32, row: &'r Row<'_>) -> rusqlite::Result<Option<&'r str>> {
    let (Ok(text), Ok(kept), Ok(org)) =
        (row.get_ref(0)?.as_str(), row.get_ref(1)?.as_i64_or_null(), row.get_ref(2)?.as_i64())
    else {
        return Ok(None);
    };
    Ok(kept.is_none_or(|kept| kept == of_text(id, org, text)).then_some(text))
}

/// Computes the checksums of a row of `event` from its present columns, packed event and envelope, and stores
/// them. Call it after inserting a row, in the same transaction; to change an existing row, use [`change`].
/// Does nothing if the row does not exist.
///
/// Reads the packed event, so it takes some ten microseconds.
pub(super) fn seal(conn: &Connection, seq: i64) -> rusqlite::Result<()> {
    let Some(sum) = sum_of(conn, seq)? else { return Ok(()) };
    conn.prepare_cached("UPDATE event SET sum = ?2 WHERE seq = ?1")?.execute((seq, sum)).map(drop)
}

/// Changes a row of `event`, its packed event or its envelope, and updates the checksums if they matched
/// before. A damaged row keeps its wrong checksum, so it still counts as damaged after the change.
///
/// Reads the packed event twice, so it takes some twenty microseconds.
pub(super) fn change<T>(
    conn: &Connection,
    seq: i64,
    change: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let is_sound = is_sound(conn, seq)?;
    let done = change()?;
    if is_sound {
        seal(conn, seq)?;
    }
    Ok(done)
}

/// Returns whether a row of `event`, its packed event and its envelope match their checksum. A row without a checksum,
/// or a row that does not exist, counts as sound.
pub(super) fn is_sound(conn: &Connection, seq: i64) -> rusqlite::Result<bool> {
    let kept = conn
        .prepare_cached("SELECT sum FROM event WHERE seq = ?1")?
        .query_row([seq], |row| row.get::<_, Option<i64>>(0))
        .optional();
    let is_sound = match kept {
        Ok(None | Some(None)) => Ok(true),
        Ok(Some(Some(kept))) => sum_of(conn, seq).map(|sum| sum == Some(kept)),
        Err(error) => Err(error),
    };
    match is_sound {
        Err(error) if is_of_value(&error) => Ok(false),
        is_sound => is_sound,
    }
}

/// Returns whether the columns that a list reads of a row of `event` match their checksum.
pub(super) fn is_line_sound(conn: &Connection, seq: i64) -> rusqlite::Result<bool> {
    let kept = conn
        .prepare_cached("SELECT sum FROM event WHERE seq = ?1")?
        .query_row([seq], |row| Ok(row.get_ref(0)?.as_i64_or_null().ok().flatten()))
        .optional()?
        .flatten();
    match sum_of(conn, seq) {
        Ok(sum) => Ok(sum.zip(kept).is_some_and(|(sum, kept)| sum >> 32 == kept >> 32)),
        Err(error) if is_of_value(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns whether an error is about one stored value that has another type or range than was written. A changed byte
/// can turn a number into a text.
fn is_of_value(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidColumnType(..)
            | Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
    )
}

/// Returns the checksums of a row of `event` as it is now, or `None` if there is no such row.
fn sum_of(conn: &Connection, seq: i64) -> rusqlite::Result<Option<i64>> {
    let sql =
        "SELECT event.seq, rev, ts, who, actor, client, server, scopes, origin, kind, via, outcome, severity,
            evidence, late, doubt, grants, part, received, session, uuid, raw.dict, raw.body, delivery.body, org
        FROM event LEFT JOIN raw ON raw.seq = event.seq LEFT JOIN delivery ON delivery.seq = event.seq
        WHERE event.seq = ?1";
    let sum = conn.prepare_cached(sql)?.query_row([seq], |row| {
        let mut numbers = [0; 16];
        for (index, number) in numbers.iter_mut().enumerate() {
            *number = row.get(index)?;
        }
        let org = row.get(24)?;
        let line = Line { org, numbers, grants: bytes(row.get_ref(16)?) };
        let [seq, rev, ts, who, _, client, server, _, _, _, via, _, _, evidence, _, doubt] = numbers;
        let (part, received) = (row.get(17)?, row.get(18)?);
        let session = row.get::<_, Option<i64>>(19)?.unwrap_or(0);
        let dict = row.get::<_, Option<i64>>(21)?.unwrap_or(0);
        let record = Record {
            org,
            numbers: [seq, rev, ts, part, received, via, evidence, doubt, who, client, server, session, dict],
            uuid: bytes(row.get_ref(20)?),
            delivery: bytes(row.get_ref(23)?),
            body: bytes(row.get_ref(22)?),
        };
        Ok(of_event(&line, &record))
    });
    sum.optional()
}

/// Returns the bytes of a text or a blob, or an empty slice for any other value.
pub(super) fn bytes(value: ValueRef<'_>) -> &[u8] {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes,
        _ => &[],
    }
}

/// A table whose rows have one checksum over all columns, and the columns of its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    keys: &'static [&'static str],
}

pub(super) const META: Table = Table { name: "meta", keys: &["id"] };
pub(super) const ORG: Table = Table { name: "org", keys: &["id"] };
pub(super) const BOOKMARK: Table = Table { name: "bookmark", keys: &["org"] };
pub(super) const HISTORY: Table = Table { name: "history", keys: &["org"] };
pub(super) const GAP: Table = Table { name: "gap", keys: &["id"] };
pub(super) const LISTENING: Table = Table { name: "listening", keys: &["org", "up"] };
pub(super) const LABEL: Table = Table { name: "label", keys: &["org", "thing", "id"] };
pub(super) const SIDE: Table = Table { name: "side", keys: &["id"] };
pub(super) const REJECT: Table = Table { name: "reject", keys: &["id"] };
pub(super) const DICT: Table = Table { name: "dict", keys: &["id"] };
pub(super) const UNREADABLE: Table = Table { name: "unreadable", keys: &["org", "source"] };
pub(super) const HIDDEN: Table = Table { name: "hidden", keys: &["seq"] };
pub(super) const HOOK_COPY: Table = Table { name: "hook_copy", keys: &["seq"] };
pub(super) const CLEAN: Table = Table { name: "clean", keys: &["id"] };
pub(super) const STREAM: Table = Table { name: "stream", keys: &["org", "name"] };
pub(super) const PUBLISHED: Table = Table { name: "published", keys: &["org"] };

/// The tables that existed when the format with checksums was introduced, with the keys that they had then.
const FIRST: [Table; 10] = [
    META,
    Table { name: "bookmark", keys: &["id"] },
    Table { name: "history", keys: &["id"] },
    GAP,
    Table { name: "listening", keys: &["up"] },
    Table { name: "label", keys: &["thing", "id"] },
    SIDE,
    REJECT,
    DICT,
    Table { name: "unreadable", keys: &["source"] },
];

/// All tables whose rows have one checksum.
pub(super) const TABLES: [Table; 16] = [
    META, ORG, BOOKMARK, HISTORY, GAP, LISTENING, LABEL, SIDE, REJECT, DICT, UNREADABLE, HIDDEN, HOOK_COPY,
    CLEAN, STREAM, PUBLISHED,
];

/// The column that holds the checksum of a row.
const COLUMN: &str = "sum";

/// Returns the checksum of a row that was read with all its columns.
fn of_row(row: &Row<'_>) -> rusqlite::Result<i64> {
    of_row_with(row, |_| None)
}

/// Returns the checksum that a row would have with other values in some columns.
fn of_row_with(row: &Row<'_>, other: impl Fn(&str) -> Option<i64>) -> rusqlite::Result<i64> {
    let mut sum = Sum::of(&[]);
    for (index, name) in row.as_ref().column_names().enumerate() {
        if name != COLUMN {
            let value =
                other(name).map_or_else(|| row.get_ref(index), |number| Ok(ValueRef::Integer(number)))?;
            sum = sum.with_value(name, value);
        }
    }
    Ok(i64::from(sum.low()))
}

/// Returns whether a row that was read with `SELECT *` matches its checksum. A row without a checksum does not: every
/// row got one when it was written, or when the format with checksums was introduced.
pub(super) fn holds(row: &Row<'_>) -> rusqlite::Result<bool> {
    let kept = row.get_ref(COLUMN)?.as_i64_or_null().ok().flatten();
    Ok(kept == Some(of_row(row)?))
}

/// Returns whether a row that was read with `SELECT *` would match its checksum if it had this number in a column.
pub(super) fn would_hold(row: &Row<'_>, column: &str, number: i64) -> rusqlite::Result<bool> {
    let kept = row.get_ref(COLUMN)?.as_i64_or_null().ok().flatten();
    Ok(kept == Some(of_row_with(row, |name| (name == column).then_some(number))?))
}

/// Updates the checksum of a row. Call it after every change to the row, in the same transaction.
pub(super) fn seal_row(conn: &Connection, table: Table, key: &[&dyn ToSql]) -> rusqlite::Result<()> {
    let Table { name, keys } = table;
    let is = |(index, key): (usize, &&str)| format!("{key} = ?{}", index + 1);
    let which = keys.iter().enumerate().map(is).collect::<Vec<_>>().join(" AND ");
    let select = format!("SELECT * FROM {name} WHERE {which}");
    let Some(sum) = conn.prepare_cached(&select)?.query_row(key, of_row).optional()? else { return Ok(()) };
    let mut values = key.to_vec();
    values.push(&sum);
    let update = format!("UPDATE {name} SET {COLUMN} = ?{} WHERE {which}", values.len());
    conn.prepare_cached(&update)?.execute(values.as_slice()).map(drop)
}

/// Writes the checksums of all rows that have none, in the tables of `FIRST`.
pub(super) fn seal_tables(conn: &Connection) -> rusqlite::Result<()> {
    for table in FIRST {
        let Table { name, keys } = table;
        let select = format!("SELECT {} FROM {name} WHERE {COLUMN} IS NULL", keys.join(", "));
        let mut statement = conn.prepare(&select)?;
        let mut found = statement.query([])?;
        let mut unsealed: Vec<Vec<rusqlite::types::Value>> = Vec::new();
        while let Some(row) = found.next()? {
            unsealed.push((0..keys.len()).map(|index| row.get(index)).collect::<Result<_, _>>()?);
        }
        for key in &unsealed {
            let key: Vec<&dyn ToSql> = key.iter().map(|value| value as &dyn ToSql).collect();
            seal_row(conn, table, &key)?;
        }
    }
    Ok(())
}

/// Returns an error if a row of a table does not match its checksum.
pub(super) fn check_table(conn: &Connection, table: Table) -> rusqlite::Result<()> {
    match count_damaged(conn, table)? {
        0 => Ok(()),
        _ => Err(Mismatch::error(table.name)),
    }
}

/// Returns how many rows of a table do not match their checksum.
pub(super) fn count_damaged(conn: &Connection, table: Table) -> rusqlite::Result<u64> {
    let mut statement = conn.prepare_cached(&format!("SELECT * FROM {}", table.name))?;
    let mut rows = statement.query([])?;
    let mut damaged = 0;
    while let Some(row) = rows.next()? {
        damaged += u64::from(!holds(row)?);
    }
    Ok(damaged)
}

/// The checksum stored for a row or a text that was damaged before it got one. It never matches: the checksum of a text
/// and of a row of another table is never negative, and a row of `event` has a value of a type for which none can be
/// computed.
pub(super) const NO_SUM: i64 = -1;
/// The number of rows or texts that get checksums in one step. A step delays a waiting batch by some milliseconds at
/// most.
const STEP: i64 = 300;

/// Adds checksums to the next few rows or texts that an earlier format stored without. Returns the progress,
/// or `None` when all have one.
pub(super) fn seal_some(conn: &Connection, done: Unsealed) -> rusqlite::Result<Option<Unsealed>> {
    match done {
        Unsealed::Rows(after) => {
            let sql = "SELECT seq, sum IS NULL FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2";
            let found: Vec<(i64, bool)> = conn
                .prepare_cached(sql)?
                .query_map([after, STEP], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            for (seq, _) in found.iter().filter(|(_, is_unsealed)| *is_unsealed) {
                match seal(conn, *seq) {
                    // This row alone is damaged, and stays so.
                    Err(error) if is_of_value(&error) => {
                        let sql = "UPDATE event SET sum = ?2 WHERE seq = ?1";
                        conn.prepare_cached(sql)?.execute((seq, NO_SUM))?;
                    }
                    sealed => sealed?,
                }
            }
            Ok(Some(found.last().map_or(Unsealed::Texts(0), |(seq, _)| Unsealed::Rows(*seq))))
        }
        Unsealed::Texts(after) => {
            let sql = "SELECT id, text, org FROM sym WHERE id > ?1 ORDER BY id LIMIT ?2";
            let found: Vec<(i64, i64)> = conn
                .prepare_cached(sql)?
                .query_map(params![after, STEP], |row| {
                    let id: i64 = row.get(0)?;
                    let sum = match (u32::try_from(id), row.get_ref(1)?.as_str(), row.get_ref(2)?.as_i64()) {
                        (Ok(id), Ok(text), Ok(org)) => of_text(id, org, text),
                        _ => NO_SUM,
                    };
                    Ok((id, sum))
                })?
                .collect::<Result<_, _>>()?;
            let mut update = conn.prepare_cached("UPDATE sym SET sum = ?2 WHERE id = ?1 AND sum IS NULL")?;
            for (id, sum) in &found {
                update.execute((id, sum))?;
            }
            Ok(found.last().map(|(id, _)| Unsealed::Texts(*id)))
        }
    }
}

/// The progress of adding checksums to rows of an earlier format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unsealed {
    /// Rows up to this number have one.
    Rows(i64),
    /// All rows have one, and texts up to this number.
    Texts(i64),
}

/// Writes the checksum of the only row of a table of format 10.
#[cfg(test)]
pub(super) fn seal_old_row(conn: &Connection, table: &'static str) {
    seal_row(conn, Table { name: table, keys: &["id"] }, &[&1]).expect("the row can be read");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_of_a_line_and_of_a_record_counts() {
        let line = Line { org: 3, numbers: [7; 16], grants: b"grants" };
        let record = Record {
            org: 3,
            numbers: [9; 13],
            uuid: b"uuid",
            delivery: b"envelope",
            body: b"a packed event",
        };
        let kept = of_event(&line, &record);
        assert!(line.holds(kept) && record.holds(kept));
        for (at, bit) in (0..16).flat_map(|at| (0..64).map(move |bit| (at, bit))) {
            let mut other = line;
            other.numbers[at] ^= 1 << bit;
            assert!(!other.holds(kept), "number {at}, bit {bit}");
        }
        for (at, bit) in (0..13).flat_map(|at| (0..64).map(move |bit| (at, bit))) {
            let mut other = record;
            other.numbers[at] ^= 1 << bit;
            assert!(!other.holds(kept), "number {at}, bit {bit}");
        }
        for org in (0..=255).filter(|org| *org != 3) {
            assert!(!Line { org, ..line }.holds(kept) && !Record { org, ..record }.holds(kept), "org {org}");
        }
        assert!(!Line { grants: b"grantt", ..line }.holds(kept));
        for other in [
            Record { uuid: b"uuie", ..record },
            Record { delivery: b"envelop", body: b"ea packed event", ..record },
            Record { delivery: b"", ..record },
            Record { body: b"a packed evens", ..record },
        ] {
            assert!(!other.holds(kept), "{other:?}");
        }
        for bit in 0..64 {
            let flipped = kept ^ (1 << bit);
            assert!(!(line.holds(flipped) && record.holds(flipped)), "bit {bit} of the checksum");
        }
    }

    #[test]
    fn the_first_org_has_the_checksums_of_a_journal_that_knew_no_orgs() {
        let line = Line { org: 0, numbers: [7; 16], grants: b"grants" };
        let record =
            Record { org: 0, numbers: [9; 13], uuid: b"uuid", delivery: b"envelope", body: b"packed" };
        assert_eq!(of_event(&line, &record), -7_755_500_430_118_739_508);
        assert_eq!(of_text(5, 0, "a text"), 1_043_909_376);
        assert_ne!(of_text(5, 1, "a text"), of_text(5, 0, "a text"));
    }

    #[test]
    fn a_column_that_is_added_later_and_empty_changes_nothing() {
        let conn = Connection::open_in_memory().unwrap();
        conn.execute_batch(
            "CREATE TABLE gap (id INTEGER PRIMARY KEY, start TEXT, n INTEGER, sum INTEGER);
             INSERT INTO gap VALUES (1, 'a', 5, NULL);",
        )
        .unwrap();
        seal_row(&conn, GAP, &[&1]).unwrap();
        let damaged = || count_damaged(&conn, GAP).unwrap();
        assert_eq!(damaged(), 0);
        conn.execute_batch(
            "ALTER TABLE gap ADD COLUMN more INTEGER NOT NULL DEFAULT 0; ALTER TABLE gap ADD COLUMN b BLOB;",
        )
        .unwrap();
        assert_eq!(damaged(), 0);
        for change in [
            "start = 'b'",
            "n = 4",
            "n = 5.0",
            "n = '5'",
            "start = X'61'",
            "more = 1",
            "b = X'00'",
            "sum = NULL",
        ] {
            conn.execute_batch("SAVEPOINT before").unwrap();
            conn.execute(&format!("UPDATE gap SET {change}"), []).unwrap();
            // A column of integers keeps integers, whatever is put in.
            let expected = u64::from(!matches!(change, "n = 5.0" | "n = '5'"));
            assert_eq!(damaged(), expected, "{change}");
            conn.execute_batch("ROLLBACK TO before; RELEASE before").unwrap();
        }
    }
}
