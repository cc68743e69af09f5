//! The raw text of a row, and the hook's copy that may be stored beside it.

use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::journal::checksum;
use crate::journal::error::AppendError;
use crate::journal::pack::Unpacker;

/// Returns the text of a row, or `None` if it is missing or damaged.
pub(in crate::journal) fn text(
    conn: &Connection,
    unpacker: &mut Unpacker,
    seq: i64,
) -> Result<Option<String>, AppendError> {
    let sql = "SELECT dict, body FROM raw WHERE seq = ?1";
    let packed = conn.prepare_cached(sql)?.query_row([seq], packed).optional()?;
    unpacked(conn, unpacker, packed)
}

/// Returns the text of the hook's copy beside a row, or `None` if there is none or it is damaged.
pub(in crate::journal) fn copy(
    conn: &Connection,
    unpacker: &mut Unpacker,
    seq: i64,
) -> Result<Option<String>, AppendError> {
    let sql = "SELECT * FROM hook_copy WHERE seq = ?1";
    let found = conn
        .prepare_cached(sql)?
        .query_row([seq], |row| if checksum::holds(row)? { packed(row).map(Some) } else { Ok(None) });
    unpacked(conn, unpacker, found.optional()?.flatten())
}

/// Reads the packed text of a row of `raw` or `hook_copy`, and the number of its dictionary. The text does not unpack
/// if the columns have other types than were written.
pub(in crate::journal) fn packed(row: &Row<'_>) -> rusqlite::Result<(i64, Vec<u8>)> {
    // No dictionary has the number -1.
    let dict = row.get_ref("dict")?.as_i64().unwrap_or(-1);
    Ok((dict, checksum::bytes(row.get_ref("body")?).to_vec()))
}

fn unpacked(
    conn: &Connection,
    unpacker: &mut Unpacker,
    packed: Option<(i64, Vec<u8>)>,
) -> Result<Option<String>, AppendError> {
    let Some((dict, body)) = packed else { return Ok(None) };
    let text = unpacker.unpack(conn, dict, &body)?;
    Ok(text.ok().and_then(|text| String::from_utf8(text).ok()))
}
