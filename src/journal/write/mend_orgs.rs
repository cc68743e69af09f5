//! Repairs the table of orgs of a damaged journal when the writer opens it.

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params_from_iter};

use crate::consent::KnownOrg;
use crate::journal::checksum;
use crate::journal::tables::org::{self, ORGS_MAX};

/// The tables whose rows belong to orgs. Texts do too, but only rows of these tables need them.
const OWNED: [&str; 11] = [
    "event",
    "side",
    "bookmark",
    "history",
    "gap",
    "listening",
    "label",
    "reject",
    "unreadable",
    "stream",
    "published",
];

/// An entry of the table, as it is on the disk.
struct Entry {
    /// The number under which the entry matches its checksum, else the one that is stored.
    id: i64,
    /// All values with that number, or `None` if the entry matches its checksum under no number.
    sound: Option<Vec<Value>>,
    key: Option<String>,
    host: Option<String>,
}

/// Writes the table of orgs anew if an entry or the index of keys is damaged. A damaged number is found by the
/// checksum. Another damaged entry keeps what identifies its org, if that can be read, and is left without a checksum,
/// so that its counters are counted. It is left out if nothing in the journal is of its number.
pub(super) fn rewrite_damaged(conn: &Connection) -> rusqlite::Result<()> {
    if checksum::count_damaged(conn, checksum::ORG)? == 0 && has_sound_index(conn)? {
        return Ok(());
    }
    tracing::warn!("The journal's table of orgs was damaged on the disk and was written again.");
    let (sound, damaged): (Vec<Entry>, Vec<Entry>) =
        read(conn)?.into_iter().partition(|entry| entry.sound.is_some());
    // Without a condition, SQLite clears the table and its index without looking up each entry in the index.
    conn.execute("DELETE FROM org", [])?;
    for Entry { sound, .. } in sound {
        let values = sound.unwrap_or_default();
        let marks = vec!["?"; values.len()].join(", ");
        conn.execute(&format!("INSERT OR IGNORE INTO org VALUES ({marks})"), params_from_iter(values))?;
    }
    for Entry { id, key, host, .. } in damaged {
        let Ok(id) = u8::try_from(id) else { continue };
        if usize::from(id) >= ORGS_MAX || (id > 0 && !owns_anything(conn, id)?) {
            continue;
        }
        let (key, host) = match (key, host) {
            (Some(key), Some(host)) => (key, host),
            (Some(key), None) => (key.clone(), key),
            (None, Some(host)) => (KnownOrg::key_of(&host).into(), host),
            (None, None) => Default::default(),
        };
        let insert = "INSERT OR IGNORE INTO org (id, key, host) VALUES (?1, ?2, ?3)";
        if key.is_empty() || conn.execute(insert, (id, &key, &host))? == 0 {
            let unknown = org::unknown(id);
            conn.execute(insert, (id, &unknown, &unknown))?;
        }
    }
    Ok(())
}

fn has_sound_index(conn: &Connection) -> rusqlite::Result<bool> {
    let mut statement = conn.prepare("PRAGMA integrity_check(org)")?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        if row.get_ref(0)?.as_str() != Ok("ok") {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read(conn: &Connection) -> rusqlite::Result<Vec<Entry>> {
    let mut statement = conn.prepare("SELECT * FROM org NOT INDEXED")?;
    statement.query_map([], entry)?.collect()
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let stored: i64 = row.get("id")?;
    let mut own = None;
    for id in std::iter::once(stored).chain(0..ORGS_MAX as i64) {
        if own.is_none() && checksum::would_hold(row, "id", id)? {
            own = Some(id);
        }
    }
    let values = |id: i64| {
        let names = row.as_ref().column_names().enumerate();
        names.map(|(index, name)| if name == "id" { Ok(id.into()) } else { row.get(index) }).collect()
    };
    let text = |column: &str| match row.get_ref(column) {
        Ok(ValueRef::Text(bytes)) => std::str::from_utf8(bytes).ok().map(str::to_owned),
        _ => None,
    };
    Ok(Entry {
        id: own.unwrap_or(stored),
        sound: own.map(values).transpose()?,
        key: text("key"),
        host: text("host"),
    })
}

fn owns_anything(conn: &Connection, id: u8) -> rusqlite::Result<bool> {
    for table in OWNED {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE org = ?1)");
        if conn.query_row(&sql, [id], |row| row.get(0))? {
            return Ok(true);
        }
    }
    Ok(false)
}
